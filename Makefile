# make help says what there is. Needs Python >= 3.11, git and make; no database.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c '$(FITS)' >/dev/null 2>&1 && { command -v "$$python"; break; }; done)
BIN := .venv/bin
READY := .venv/.ready
BENCH_READY := .venv/.ready-bench
WORKERS ?= 4
DATA ?= ../shared/data/online_retail.csv.gz

.PHONY: help demo test lint dev up-celery bench replay simulate-stock doctor stop clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Start everything with simulated markets, collect, print what was stored
	@$(BIN)/erp demo

dev: $(READY) ## Open Dagster on http://127.0.0.1:3000 with the same data
	@$(BIN)/erp dev

up-celery: $(READY) ## The same with warm Celery workers instead of a process per run
	@$(BIN)/erp dev --workers $(WORKERS)

test: lint ## Check style and types, run the tests
	@$(BIN)/pytest

lint: $(READY) ## Check style, format and types only
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

doctor: $(READY) ## Check settings, database, clock and every account
	@$(BIN)/erp doctor

bench: $(BENCH_READY) ## Measure loading, collecting and scheduling, beside COPY and dlt (minutes)
	@$(BIN)/erp bench

replay: $(READY) ## Replay 541,909 real lines through all three protocols (minutes)
	@$(BIN)/erp replay $(DATA)

simulate-stock: $(READY) ## Live through a day of buyers at three markets, count what is oversold (minutes)
	@$(BIN)/erp bench selling_day

stop: $(READY) ## Stop the database and the simulator that run in the background
	@$(BIN)/erp stop

clean: ## Stop everything, remove .venv and caches; data in .erp/ stays
	@if test -x $(BIN)/erp; then $(BIN)/erp stop || true; fi
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find erp_assets erp_assets_tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Prints a line now and then, because silence of two minutes looks like a hang.
PROGRESS := awk '/^Collecting/ && ++n % 15 == 0 { print "  " n " packages ..."; fflush() } \
	/^Installing/ { print "  unpacking ..."; fflush() }'
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -c constraints.txt

$(READY): pyproject.toml constraints.txt setup.cfg
	@test -n "$(PYTHON)" || { echo "make: no Python >= 3.11 with venv found; install it or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Preparing .venv ($$($(PYTHON) --version)); the first time takes a minute or two"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(INSTALL) -e '.[dev,celery]' | $(PROGRESS)
	@touch $@

$(BENCH_READY): $(READY)
	@echo "Adding what the benchmark compares with (dlt)"
	@$(INSTALL) -e '.[dev,celery,bench]' | $(PROGRESS)
	@touch $@
