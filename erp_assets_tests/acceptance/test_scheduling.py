"""An operator's session in psql, against a real daemon, real runs and simulated markets."""

import json
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from erp_assets import clock
from erp_assets.scheduling import actions
from erp_assets.simulator import truth
from erp_assets.simulator.building import CREDENTIALS, World
from erp_assets.simulator.server import Simulator
from erp_assets.simulator.wire import Fault
from erp_assets.warehouse import server
from erp_assets.warehouse.engine import Warehouse
from erp_assets_tests.acceptance.deployment import deployed, kill, until
from erp_assets_tests.acceptance.operator import open_shop

INSERT = """
INSERT INTO schedule_jobs (name, job_type, status, interval, market_codes, parameters)
VALUES ('새 작업 이름', 'product_collection', 'active', '30m', ARRAY['coupang', 'naver'], '{"batch_size": 100}'::jsonb);
"""  # noqa: E501 - as it stands in the operators' manual
TIMES = """
UPDATE schedule_jobs SET interval = NULL, specific_times = ARRAY['09:00:00'::time, '18:00:00'::time] WHERE id = 1;
"""  # noqa: E501 - as it stands in the operators' manual
PAUSE = "UPDATE schedule_jobs SET status = 'paused' WHERE id = 1;"
HISTORY = "SELECT * FROM job_executions WHERE job_id = 1 ORDER BY started_at DESC LIMIT 10;"
LOCK = "SELECT * FROM schedule_locks WHERE job_id = 1;"
UNLOCK = "DELETE FROM schedule_locks WHERE job_id = 1;"
DUE = "UPDATE schedule_jobs SET next_run_at = now() WHERE id = 1;"
LIMITS = {"ERP_MAX_RUNS": "4", "ERP_ACCOUNT_RUNS": "1", "ERP_JOB_TYPE_RUNS": '{"errand": 2}'}
OWN = {"refused": 4, "down": 5, "slow": 6, "crawling": 7}
"""Further accounts at 11st, each with a shop and a fault of its own → their numbers."""
BROKEN = {
    "type": ({"job_type": "sorcery"}, "job_type: unknown 'sorcery'"),
    "parameter": ({"parameters": {"batch_size": "many"}}, "parameters.batch_size"),
    "unknown parameter": ({"parameters": {"colour": "red"}}, "parameters.colour"),
    "cron": ({"cron_expression": "61 * * * *"}, "cron_expression"),
    "market": ({"market_codes": ["ebay"]}, "market_codes"),
    "account": ({"account_ids": [99]}, "account_ids: no account 99"),
    "backup": ({"job_type": "database_backup"}, "not available"),
    "report": ({"job_type": "report_generation"}, "not available"),
}
"""Rows that cannot run, and what an operator must be told."""
CATALOGUE = ("market_products", "market_skus", "stock_snapshots", "price_snapshots")


class Markets:
    """The simulated markets behind the accounts that have faults."""

    def __init__(self):
        self.worlds = {name: World(n, days=2, listings=6) for name, n in OWN.items()}
        self.down = self._serve("down", Fault.ERROR_BEFORE)
        self.slow = self._serve("slow", Fault.SLOW, slow_s=25)
        self.crawling = self._serve("crawling", Fault.SLOW, slow_s=1.5)
        self.all = [self.down, self.slow, self.crawling]

    def account(self, name):
        return next(it for it in self.worlds[name].accounts if it.key == "eleven")

    def _serve(self, name, fault, **options):
        now, account = self.worlds[name].now, self.account(name)
        return Simulator([account], now=now, fault_rate=1.0, faults=[fault], **options)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with open_shop(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture(scope="module")
def markets():
    found = Markets()
    for each in found.all:
        each.start()
    yield found
    for each in found.all:
        each.stop()


@pytest.fixture(scope="module")
def platform(shop, markets, tmp_path_factory):
    environment = shop.settings() | LIMITS | {"ERP_RETRY_SECONDS": "1"}
    known = json.loads(environment["ERP_ACCOUNTS"])
    for name, number in OWN.items():
        variable = f"SHOP_{name}".upper()
        environment[variable] = CREDENTIALS["eleven"]["api_key"]
        place = shop.simulator if name == "refused" else getattr(markets, name)
        account = {"id": number, "market": "eleven", "key": f"eleven:{name}", "rate": 0}
        credentials = {"api_key": {"env": variable}}
        known.append(account | {"base_url": place.url, "credentials": credentials})
    environment["SHOP_REFUSED"] = "f" * 32
    environment["ERP_ACCOUNTS"] = json.dumps(known)
    with deployed(tmp_path_factory.mktemp("platform"), environment) as found:
        yield found


@pytest.fixture(scope="module")
def begun(platform):
    """Jobs begun first, so that nobody need wait for those whose markets make them slow.

    Every answer of the slow market takes 25 s; the one that is down makes a client try for 31 s.
    Broken rows have the highest priority: what is beside them comes after them.
    """
    slow = platform.add(
        "product_collection", account_ids=[OWN["slow"]], timeout_minutes=1, max_retries=0
    )
    down = platform.add("product_collection", account_ids=[OWN["down"]], max_retries=9)
    refused = platform.add("product_collection", account_ids=[3, OWN["refused"]])
    broken = {
        name: platform.add(**{"job_type": "product_collection", "priority": 100} | columns)
        for name, (columns, _) in BROKEN.items()
    }
    return {"slow": slow, "down": down, "refused": refused} | broken


@pytest.fixture
def warehouse(platform):
    found = Warehouse(server.url(platform.home))
    yield found
    found.dispose()


def test_an_inserted_row_is_planned_and_runs_when_due(platform, begun):
    platform.psql(INSERT)
    name = "새 작업 이름"
    [job] = until(
        lambda: platform.query("SELECT * FROM schedule_jobs WHERE name = %s", name),
        lambda rows: rows[0]["next_run_at"] is not None,
    )
    ahead = job["next_run_at"] - job["created_at"]
    assert timedelta(minutes=30) <= ahead < timedelta(minutes=31)
    assert platform.executions(job["id"]) == []
    platform.psql(f"UPDATE schedule_jobs SET next_run_at = now() WHERE id = {job['id']};")
    [done] = platform.wait(job["id"], "completed")
    stored = {
        account: sum(
            platform.one(f"SELECT count(*) FROM {table} WHERE account_id = %s", number)["count"]
            for table in CATALOGUE
        )
        for account, number in {"coupang": 1, "naver": 2}.items()
    }
    told = done["result_summary"]["accounts"]
    assert {key: it["records"] for key, it in told.items()} == stored
    assert done["records_processed"] == sum(stored.values()) > 0
    assert all(it["calls"] > 0 and it["errors"] == [] for it in told.values())
    assert done["parameters"] == {"batch_size": 100}
    assert (done["attempt"], done["trigger"], done["error_message"]) == (1, "schedule", None)
    assert done["duration_seconds"] == round(
        (done["completed_at"] - done["started_at"]).total_seconds()
    )
    row = platform.job(job["id"])
    assert (row["run_count"], row["success_count"], row["error_count"]) == (1, 1, 0)
    assert row["next_run_at"] == done["scheduled_for"] + timedelta(minutes=30)
    assert row["last_success_at"] == done["completed_at"]
    assert platform.query("SELECT * FROM schedule_locks WHERE job_id = %s", job["id"]) == []


def test_the_log_file_of_an_execution_tells_of_it(platform):
    [done] = platform.query(
        "SELECT * FROM job_executions WHERE status = 'completed' ORDER BY id LIMIT 1"
    )
    path, day = Path(done["log_file_path"]), clock.kst_day(done["created_at"])
    assert path == platform.home / "logs" / f"product_collection_{day:%Y%m%d}.log"
    lines = [line for line in path.read_text().splitlines() if f"#{done['id']}" in line]
    assert any("asked for coupang, naver" in line for line in lines)
    assert any(f"completed ({done['duration_seconds']} s" in line for line in lines)
    scheduler = platform.home / "logs" / "scheduler" / f"scheduler_{day:%Y%m%d}.log"
    assert f"#{done['id']}" in scheduler.read_text()


def test_a_paused_row_starts_nothing_and_a_time_of_day_is_planned(platform):
    platform.psql(PAUSE)
    platform.psql(DUE)
    platform.let_tick()
    assert platform.psql(HISTORY) == ""
    platform.psql(TIMES)
    platform.psql("UPDATE schedule_jobs SET status = 'active' WHERE id = 1;")
    planned = until(lambda: platform.job(1)["next_run_at"], bool)
    local = planned.astimezone(ZoneInfo("Asia/Seoul"))
    assert local.time() in (time(9), time(18))
    assert clock.utc_now() < planned <= clock.utc_now() + clock.DAY
    assert platform.psql(HISTORY) == ""


def test_a_lock_holds_a_job_until_it_is_deleted(platform):
    platform.psql("INSERT INTO schedule_locks (job_id, locked_by) VALUES (1, '운영자');")
    platform.psql(DUE)
    platform.let_tick()
    assert platform.psql(HISTORY) == ""
    assert "운영자" in platform.psql(LOCK)
    platform.psql(UNLOCK)
    platform.wait(1, "completed")
    assert "completed" in platform.psql(HISTORY)
    assert platform.psql(LOCK) == ""


@pytest.mark.parametrize("name", BROKEN)
def test_a_row_that_cannot_run_fails_alone_with_the_reason(platform, begun, name):
    said, job = BROKEN[name][1], begun[name]
    [failed] = platform.wait(job, "failed")
    row = platform.job(job)
    assert said in failed["error_message"]
    assert said in platform.psql(f"SELECT last_error FROM schedule_jobs WHERE id = {job};")
    assert (row["run_count"], row["error_count"], failed["records_processed"]) == (1, 1, 0)
    started = "SELECT * FROM execution_runs WHERE execution_id = %s"
    assert platform.query(started, failed["id"]) == []


def test_a_refused_account_fails_at_once_and_the_other_completes(platform, begun):
    job = begun["refused"]
    assert platform.job(job)["max_retries"] == 3
    [done] = platform.wait(job, "partial")
    told = done["result_summary"]["accounts"]
    assert told["eleven"]["status"] == "completed"
    assert told["eleven"]["records"] == done["records_processed"] > 0
    refused = told["eleven:refused"]
    assert (refused["status"], refused["records"]) == ("failed", 0)
    assert "What to do:" in refused["errors"][0]
    assert "What to do:" in platform.job(job)["last_error"]
    platform.let_tick(1)
    assert len(platform.executions(job)) == 1


def test_a_killed_run_is_tried_again_and_nothing_is_doubled(platform, markets):
    """Every answer takes 1.5 s, so that the first run is killed in the middle of its work."""
    job = platform.add("product_collection", account_ids=[OWN["crawling"]], max_retries=2)
    until(lambda: markets.crawling.calls.total(), lambda calls: calls > 1, told=platform.printed)
    [(run_id, worker)] = [
        (it["run_id"], pid_of(platform, it["run_id"]))
        for it in platform.runs()
        if it["account"] == "eleven:crawling"
    ]
    markets.crawling.fault_rate = 0.0
    kill(worker)
    first, second = platform.wait(job, "failed", "completed")
    assert first["dagster_run_id"] == run_id
    assert "the worker died" in first["error_message"]
    assert second["retry_of"] == first["id"]
    assert (second["scheduled_for"], second["attempt"], second["trigger"]) == (
        first["scheduled_for"],
        2,
        "retry",
    )
    assert platform.query("SELECT * FROM schedule_locks WHERE job_id = %s", job) == []
    stored = platform.query(
        "SELECT product_no, option_no FROM market_skus WHERE account_id = %s", OWN["crawling"]
    )
    offers = truth.offers(markets.account("crawling"))
    assert sorted((it["product_no"], it["option_no"]) for it in stored) == sorted(
        (it.product_no, it.option_no) for it in offers
    )


def test_cancel_ends_a_run_that_works(platform, warehouse, tmp_path):
    until_then = tmp_path / "never"
    job = platform.add("errand", parameters={"until": str(until_then)})
    worker = int(until(lambda: note(until_then), bool, told=platform.printed))
    [execution] = platform.wait(job, "running")
    with warehouse.transaction() as db:
        actions.cancel(db, execution["id"])
    platform.wait(job, "cancelled")
    until(lambda: worker in [it.pid for it in platform.workers()], lambda lives: not lives)
    assert platform.query("SELECT * FROM schedule_locks WHERE job_id = %s", job) == []
    [status] = [it["status"] for it in platform.runs() if it["run_key"].startswith(f"{job}:")]
    assert status == "CANCELED"


def test_what_passes_a_limit_waits_visibly_and_can_be_cancelled(platform, warehouse, tmp_path):
    """Two errands at once are allowed; the third is queued until one ends."""
    first, second = tmp_path / "first", tmp_path / "second"
    jobs = [platform.add("errand", parameters={"until": str(it)}) for it in (first, second)]
    for it in (first, second):
        until(lambda it=it: note(it), bool, told=platform.printed)
    third, fourth = platform.add("errand"), platform.add("errand")
    platform.wait(third, "queued")
    platform.wait(fourth, "queued")
    platform.let_tick()
    [waiting], [unwanted] = platform.executions(third), platform.executions(fourth)
    assert (waiting["status"], waiting["started_at"]) == ("queued", None)
    states = {it["run_key"].split(":")[0]: it["status"] for it in platform.runs()}
    assert (states[str(third)], states[str(fourth)]) == ("QUEUED", "QUEUED")
    with warehouse.transaction() as db:
        actions.cancel(db, unwanted["id"])
    platform.wait(fourth, "cancelled")
    first.touch()
    second.touch()
    for job in (*jobs, third):
        platform.wait(job, "completed")


def test_a_market_that_is_down_is_tried_again(platform, markets, begun):
    until(lambda: platform.executions(begun["down"]), lambda found: len(found) >= 2)
    markets.down.fault_rate = 0.0
    *failed, last = until(
        lambda: platform.executions(begun["down"]),
        lambda found: found[-1]["status"] == "completed",
        told=platform.printed,
    )
    assert {it["status"] for it in failed} == {"failed"}
    assert all("MarketDown: HTTP 500" in it["error_message"] for it in failed)
    assert (last["attempt"], last["retry_of"]) == (len(failed) + 1, failed[-1]["id"])
    assert {it["scheduled_for"] for it in failed} == {last["scheduled_for"]}
    assert last["records_processed"] > 0
    row = platform.job(begun["down"])
    assert (row["success_count"], row["error_count"]) == (1, len(failed))
    assert (row["failures_in_row"], row["last_error"]) == (0, None)


def test_timeout_minutes_ends_a_run(platform, begun):
    [done] = platform.wait(begun["slow"], "timed_out")
    assert "timed out after 1 minutes" in done["error_message"]
    assert done["duration_seconds"] >= 60
    assert platform.job(begun["slow"])["last_error"] == done["error_message"]
    worker = pid_of(platform, done["dagster_run_id"])
    until(lambda: worker in [it.pid for it in platform.workers()], lambda lives: not lives)


def test_limits_held_all_the_time(platform):
    runs = platform.runs()
    assert most_at_once(runs) <= 4
    by_account = {it["account"] for it in runs if it["account"]}
    for account in by_account:
        assert most_at_once([it for it in runs if it["account"] == account]) == 1
    assert most_at_once([it for it in runs if it["job_type"] == "errand"]) == 2


def test_nothing_is_left_behind(platform):
    until(
        lambda: platform.query(
            "SELECT * FROM job_executions WHERE status IN ('queued', 'running')"
        ),
        lambda left: left == [],
    )
    assert platform.query("SELECT * FROM schedule_locks") == []
    keys = [it["run_key"] for it in platform.runs()]
    assert len(keys) == len(set(keys))
    until(platform.workers, lambda left: left == [])


def most_at_once(runs):
    """Count the runs that worked at the same time, at the most."""
    changes = []
    for it in runs:
        if it["start_time"] is not None:
            changes += [(it["start_time"], 1), (it["end_time"], -1)]
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def note(path):
    """The number of the process that waits for `path`, empty when none does."""
    written = path.with_suffix(".pid")
    return written.read_text() if written.exists() else ""


def pid_of(platform, run_id):
    """The process of a run, as Dagster's event log knows it."""
    said = platform.one(
        "SELECT substring(event from 'Started process for run \\(pid: ([0-9]+)\\)') AS pid "
        "FROM event_logs WHERE run_id = %s AND event LIKE '%%Started process for run%%'",
        run_id,
        database="dagster",
    )
    return int(said["pid"])
