"""`erp jobs` as an operator types it, on a database of the test's own."""

import json

import pytest
from click.testing import CliRunner

from erp_assets.cli import main


@pytest.fixture
def erp(seeded, monkeypatch, tmp_path):
    """Runs a command; returns its exit code and what it printed."""
    monkeypatch.setenv("ERP_HOME", str(tmp_path))
    monkeypatch.setenv("ERP_DATABASE_URL", seeded.warehouse.url)
    monkeypatch.setenv("ERP_LANGUAGE", "ko")
    monkeypatch.setenv("COLUMNS", "240")

    def run(*arguments):
        done = CliRunner().invoke(main, ["jobs", *map(str, arguments)])
        return done.exit_code, done.output

    return run


def test_list_shows_every_job_with_its_schedule(seeded, erp):
    seeded.tick()
    code, told = erp("list")
    assert code == 0
    assert "데이터베이스 백업 (매일 새벽 3시)" in told
    assert "매일 03:00" in told
    assert "5분마다" in told
    code, told = erp("list", "--json")
    assert [row["id"] for row in json.loads(told)] == list(range(1, 9))


def test_list_shows_what_is_wrong_with_a_broken_row(seeded, erp):
    seeded.sql(
        "UPDATE schedule_jobs SET interval = '7m', name = '[이름]', job_type = '[/b]' WHERE id = 1"
    )
    seeded.tick()
    code, told = erp("list")
    assert code == 0
    assert "[이름]" in told
    assert "[/b]" in told
    assert "1: interval '7m' is not known" in told


def test_run_and_cancel(seeded, erp):
    code, told = erp("run", 4)
    assert (code, "execution #1 starts within seconds" in told) == (0, True)
    assert "the scheduler is not running" in told
    code, told = erp("cancel", 1)
    assert code == 0
    assert seeded.executions(4)[0]["cancel_requested_at"] is not None


def test_run_of_a_paused_job_says_so_and_fails(seeded, erp):
    assert erp("pause", 4)[0] == 0
    code, told = erp("run", 4)
    assert code == 1
    assert "is paused, so nothing was started" in told
    assert seeded.executions(4) == []
    code, _ = erp("run", 4, "--force")
    assert code == 0
    assert erp("resume", 4)[0] == 0
    assert seeded.job(4)["status"] == "active"


def test_history_show_next_and_unlock(seeded, erp):
    seeded.tick()
    seeded.tick(300)
    code, told = erp("history", 1)
    assert (code, "queued" in told) == (0, True)
    code, told = erp("show", 1)
    found = json.loads(told)
    assert found["job"]["name"] == "쿠팡 상품 수집 (5분)"
    assert found["lock"]["locked_by"].startswith("test:1")
    assert len(found["executions"]) == 1
    code, told = erp("next", 8, "--most", 3)
    assert [line.split()[1] for line in told.splitlines()] == ["09:00:00"] * 3
    assert "released from test:1" in erp("unlock", 1)[1]
    assert "was not locked" in erp("unlock", 1)[1]


@pytest.mark.parametrize("command", ["run", "show", "pause", "resume", "unlock", "next"])
def test_a_job_that_does_not_exist_is_one_line(erp, command):
    code, told = erp(command, 4711)
    assert code == 1
    assert "there is no job 4711" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("arguments", [("history",), ("next", 1)], ids=str)
def test_a_count_below_one_is_one_line(erp, arguments):
    code, told = erp(*arguments, "--most", 0)
    assert code == 2
    assert "Invalid value for '--most'" in told


def test_a_number_beyond_all_jobs_has_no_history(erp):
    assert erp("history", 99_999_999_999)[0] == 0


def test_help_has_examples(erp):
    code, told = erp("--help")
    assert code == 0
    assert "erp jobs run 4" in told
