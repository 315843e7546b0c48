"""Holds README, Makefile, pins and example files to what really exists."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from erp_assets import settings
from erp_assets.cli import main

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {canonicalize_name(name): version for name, version in (x.split("==") for x in lines)}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(program: str, text: str) -> set[str]:
    """The words after `program` where the text shows a command line."""
    shown = re.findall(r"^    .*$|`[^`\n]+`", text, re.MULTILINE)
    return {word for line in shown for word in re.findall(rf"\b{program} ([a-z-]+)", line)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_shown_in_a_page_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    assert commands("make", text) <= make_targets()
    assert commands("erp", text) <= set(main.commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []


def test_readme_opens_with_the_commands():
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:6]
    assert [m for line in first for m in re.findall(r"make [a-z]+", line)] == [
        "make demo",
        "make dev",
        "make test",
    ]


@pytest.mark.parametrize("name", sorted({"demo", "dev", "doctor", "bench", "replay"}))
def test_makefile_runs_commands_that_exist(name: str):
    assert f"$(BIN)/erp {name}" in (ROOT / "Makefile").read_text()
    assert isinstance(main.commands[name], click.Command)


@pytest.mark.parametrize("group", ["dependencies", "dev", "celery", "bench"])
def test_every_dependency_is_pinned_within_its_range(group: str):
    named = PROJECT["dependencies"] if group == "dependencies" else None
    wanted = [Requirement(r) for r in named or PROJECT["optional-dependencies"][group]]
    pinned = pins()
    for requirement in wanted:
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


def test_pins_hold_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9A-Za-z.]+", line) for line in lines)
    assert lines == sorted(lines, key=str.lower)


def test_instance_file_names_classes_that_exist():
    configured = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    names = ("compute_logs", "local_artifact_storage", "run_coordinator", "run_launcher")
    for part in [configured["storage"]["custom"], *(configured[name] for name in names)]:
        assert hasattr(import_module(part["module"]), part["class"])


def test_workspace_names_the_definitions():
    (location,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"]["module_name"] == "erp_assets.definitions"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project made from the example file, with its secrets in place."""
    text = (ROOT / "erp.example.toml").read_text(encoding="utf-8")
    for name in re.findall(r'env = "(\w+)"', text):
        monkeypatch.setenv(name, "x")
    for name in re.findall(r'file = "([^"]+)"', text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n")
    (tmp_path / "erp.toml").write_text(text, encoding="utf-8")
    monkeypatch.delenv("ERP_ACCOUNTS", raising=False)
    monkeypatch.delenv("ERP_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("example")
def test_example_is_a_working_configuration():
    found = settings.load()
    assert [a.market for a in found.accounts] == ["coupang", "naver", "eleven"]


def test_commented_account_of_the_example_works_too(example: Path):
    text = re.sub(r"^# (?=\[\[|\w+(\.\w+)? = )", "", (example / "erp.toml").read_text(), flags=re.M)
    (example / "erp.toml").write_text(text)
    assert [a.key for a in settings.load().accounts][-1] == "coupang:second"


def test_settings_page_lists_every_setting():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    keys = [*settings.Settings.model_fields, *settings.Account.model_fields]
    names = [n for kind in settings.CREDENTIALS.values() for n in kind.model_fields]
    assert [n for n in [*keys, *names] if f"`{n}`" not in text and f"`[[{n}]]`" not in text] == []
    assert all(f"`ERP_{n.upper()}`" in text for n in settings.Settings.model_fields)


def test_nothing_in_the_package_names_this_machine():
    parts = [*(ROOT / "erp_assets").rglob("*.py"), *PAGES, ROOT / "Makefile"]
    texts = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    assert not re.search(r"/(root|home/\w+|work)/", texts)
