"""`erp health`: exit codes, reasons in both languages, and that looking changes nothing."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from erp_assets import health
from erp_assets.cli import main
from erp_assets.settings import Settings

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    for name in [it for it in os.environ if it.startswith("ERP_") or it in ("LANG", "LC_ALL")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def execute(warehouse, statement, **values):
    with warehouse.transaction() as db:
        db.execute(text(statement), values)


def beat(warehouse, at):
    statement = "INSERT INTO scheduler_heartbeat (id, beat_at) VALUES (1, :at)"
    execute(warehouse, statement, at=at)


def add_execution(warehouse, number=1, **columns):
    told = {"id": number, "job_id": 1, "scheduled_for": NOW + MINUTE * number} | columns
    names = ", ".join(told)
    marks = ", ".join(f":{it}" for it in told)
    execute(warehouse, f"INSERT INTO job_executions ({names}) VALUES ({marks})", **told)


def examined(warehouse, language="en"):
    settings = Settings(database_url=warehouse.url, language=language)
    return health.examine(settings, now=lambda: NOW)


def found(warehouse, language="en"):
    return [(it.check, it.found) for it in examined(warehouse, language).complaints]


# ── heartbeat ──────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(0), []),
        (60 * SECOND, []),
        (61 * SECOND, [("heartbeat", "last tick 61 s ago, allowed are 60 s")]),
        (timedelta(days=1), [("heartbeat", "last tick 86400 s ago, allowed are 60 s")]),
        (-60 * SECOND, []),
        (-61 * SECOND, [("heartbeat", "last tick lies 61 s in the future")]),
    ],
    ids=str,
)
def test_a_heartbeat_is_fresh_for_a_minute(warehouse, age, told):
    beat(warehouse, NOW - age)
    assert examined(warehouse).heartbeat_age_s == age.total_seconds()
    assert found(warehouse) == told


def test_a_scheduler_that_never_ticked_is_ill(warehouse):
    assert examined(warehouse).heartbeat_age_s is None
    assert found(warehouse) == [("heartbeat", "the scheduler has never ticked")]


# ── executions ─────────────────────────────────────────────────────────────────────────────────
RUNNING = {"status": "running", "timeout_minutes": 20, "not_before": NOW - timedelta(days=1)}
QUEUED = {"status": "queued"}
STUCK = {
    "in its time": (RUNNING | {"started_at": NOW - 19 * MINUTE}, None),
    "being ended": (RUNNING | {"started_at": NOW - 30 * MINUTE}, None),
    "past its time": (RUNNING | {"started_at": NOW - 31 * MINUTE}, "running for 31 min"),
    "waits its turn": (QUEUED | {"not_before": NOW - 60 * MINUTE}, None),
    "waits too long": (QUEUED | {"not_before": NOW - 61 * MINUTE}, "waiting for 61 min"),
    "a retry not due": (QUEUED | {"not_before": NOW + 5 * MINUTE}, None),
    "just cancelled": (
        RUNNING | {"started_at": NOW - MINUTE, "cancel_requested_at": NOW - 10 * MINUTE},
        None,
    ),
    "cancelled in vain": (
        RUNNING | {"started_at": NOW - MINUTE, "cancel_requested_at": NOW - 11 * MINUTE},
        "cancelled 11 min ago",
    ),
    "over": (
        {"status": "failed", "started_at": NOW - timedelta(days=1), "timeout_minutes": 1},
        None,
    ),
}


@pytest.mark.parametrize(("columns", "told"), STUCK.values(), ids=STUCK)
def test_an_execution_is_stuck_when_it_should_have_ended_or_begun(warehouse, columns, told):
    beat(warehouse, NOW)
    add_execution(warehouse, 7, **columns)
    complaints = found(warehouse)
    assert len(complaints) == (told is not None)
    if told is not None:
        [(check, line)] = complaints
        assert check == "executions"
        assert line.startswith(f"#7 쿠팡 상품 수집 (5분): {told}")


@pytest.mark.parametrize(("trigger", "is_stuck"), [("retry", False), ("manual", True)])
def test_what_waits_because_its_job_is_paused_is_not_stuck(warehouse, trigger, is_stuck):
    beat(warehouse, NOW)
    execute(warehouse, "UPDATE schedule_jobs SET status = 'paused' WHERE id = 1")
    add_execution(warehouse, **QUEUED, not_before=NOW - 90 * MINUTE, trigger=trigger)
    assert bool(found(warehouse)) is is_stuck


def test_many_complaints_of_a_kind_are_counted(warehouse):
    beat(warehouse, NOW)
    for number in range(1, 9):
        add_execution(warehouse, number, **RUNNING, started_at=NOW - 90 * MINUTE)
    lines = [line for _, line in found(warehouse)]
    assert [line.split()[0] for line in lines[:5]] == ["#1", "#2", "#3", "#4", "#5"]
    assert lines[5:] == ["and 3 more"]


# ── jobs ───────────────────────────────────────────────────────────────────────────────────────
def test_a_row_nobody_can_read_is_named_with_the_reason(warehouse):
    beat(warehouse, NOW)
    execute(
        warehouse,
        "UPDATE schedule_jobs SET is_broken = true, last_error = :error WHERE id = 2",
        error="interval:\nunknown",
    )
    told = "job 2 네이버 상품 수집 (15분): interval: unknown"
    assert found(warehouse) == [("jobs", told)]
    execute(warehouse, "UPDATE schedule_jobs SET status = 'paused' WHERE id = 2")
    execute(warehouse, "UPDATE schedule_jobs SET is_broken = true WHERE id = 2")
    assert found(warehouse) == []


# ── the database ───────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def mute():
    """The port of a server that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_database_out_of_reach_is_the_only_complaint_and_keeps_its_password():
    url = f"postgresql://erp:s3cr3t@127.0.0.1:{unused_port()}/erp"
    [only] = health.examine(Settings(database_url=url, language="en")).complaints
    assert only.check == "database"
    assert "refused" in only.found
    assert "s3cr3t" not in only.found + only.todo


def test_a_server_that_never_answers_does_not_hang_the_check(mute):
    settings = Settings(database_url=f"postgresql://erp@127.0.0.1:{mute}/erp", language="en")
    [only] = health.examine_in_time(settings, patience_s=0.3).complaints
    assert (only.check, only.found) == ("database", "no answer within 0 s")


def test_a_sleeping_embedded_server_is_not_woken(tmp_path):
    [only] = health.examine(Settings(home=tmp_path / "home", language="en")).complaints
    assert (only.check, only.found) == ("database", "the embedded PostgreSQL is not running")
    assert not (tmp_path / "home").exists()


def test_the_embedded_server_is_found_where_it_runs(postgres):
    [only] = health.examine(Settings(home=postgres, language="en")).complaints
    assert only.check == "heartbeat"


def test_an_empty_database_is_told_from_a_silent_scheduler(warehouse):
    execute(warehouse, "DROP TABLE scheduler_heartbeat")
    assert found(warehouse) == [("database", "the scheduler's tables are missing")]


def test_reasons_are_given_in_korean(warehouse):
    beat(warehouse, NOW - 2 * MINUTE)
    told = examined(warehouse, "ko").complaints[0]
    assert told.found == "마지막 동작이 120초 전(허용 60초)"
    assert "플랫폼" in told.todo


@pytest.mark.parametrize("key", health.TEXTS)
def test_both_languages_say_the_same_things(key):
    said = health.TEXTS[key]
    fields = [{part.split("}")[0] for part in it.split("{")[1:]} for it in said.values()]
    assert set(said) == {"en", "ko"}
    assert fields[0] == fields[1]


# ── the command ────────────────────────────────────────────────────────────────────────────────
def command(*arguments, **environment):
    told = {"ERP_LANGUAGE": "en"} | environment
    return CliRunner().invoke(main, ["health", *arguments], env=told)


def test_the_command_ends_with_0_when_all_is_well(warehouse):
    beat(warehouse, datetime.now(UTC))
    done = command(ERP_DATABASE_URL=warehouse.url)
    assert done.exit_code == 0
    assert done.output.startswith("ok: last tick ")


def test_the_command_ends_with_1_and_a_line_per_complaint(warehouse):
    beat(warehouse, datetime.now(UTC) - timedelta(hours=1))
    execute(warehouse, "UPDATE schedule_jobs SET is_broken = true, last_error = 'x' WHERE id = 1")
    done = command(ERP_DATABASE_URL=warehouse.url)
    assert done.exit_code == 1
    assert [line.split(":")[0] for line in done.output.splitlines()] == ["heartbeat", "jobs"]


def test_the_command_ends_with_1_without_a_database():
    url = f"postgresql://erp@127.0.0.1:{unused_port()}/erp"
    assert command(ERP_DATABASE_URL=url).exit_code == 1


def test_the_command_ends_with_1_when_a_setting_is_wrong():
    done = command(ERP_RUN_DAYS="1")
    assert done.exit_code == 1
    assert done.output.startswith("settings: ERP_RUN_DAYS: ")


def test_json_says_the_same(warehouse):
    beat(warehouse, datetime.now(UTC))
    good = command("--json", ERP_DATABASE_URL=warehouse.url)
    told = json.loads(good.output)
    assert (good.exit_code, told["ok"], told["complaints"]) == (0, True, [])
    assert abs(told["heartbeat_age_s"]) < health.FRESH_S
    execute(warehouse, "DELETE FROM scheduler_heartbeat")
    bad = command("--json", ERP_DATABASE_URL=warehouse.url)
    told = json.loads(bad.output)
    assert (bad.exit_code, told["ok"], told["heartbeat_age_s"]) == (1, False, None)
    assert [set(it) for it in told["complaints"]] == [{"check", "found", "todo"}]


def test_the_command_loads_nothing_heavy(warehouse):
    """It runs every minute or oftener; an interpreter with Dagster takes seconds to start."""
    code = (
        "import sys\n"
        "from erp_assets.cli import main\n"
        "try:\n"
        "    main(['health'])\n"
        "except SystemExit as end:\n"
        "    heavy = {'dagster', 'alembic', 'pandas', 'httpx', 'rich'} & set(sys.modules)\n"
        "    print(end.code, sorted(heavy))\n"
    )
    beat(warehouse, datetime.now(UTC))
    told = os.environ | {"ERP_DATABASE_URL": warehouse.url, "ERP_LANGUAGE": "en"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=told, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1:] == ["0 []"]
