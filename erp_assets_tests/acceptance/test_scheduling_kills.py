"""A day of the scheduler in minutes, and kill -9 for whatever works on it, at random points.

Daemon and code server come back as under systemd, at once; PostgreSQL and the runs are the
platform's own business.
"""

import random
import time
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest

from erp_assets import clock
from erp_assets_tests.acceptance.deployment import deployed, kill, until
from erp_assets_tests.acceptance.operator import open_shop

DRAIN_S = 600
KINDS = {"worker": 4, "daemon": 2, "code server": 2, "PostgreSQL": 2}
"""What is killed, and how often of ten times."""
HOURS = {"1h": 1, "2h": 2, "4h": 4, "6h": 6}


class Day:
    """One compressed day with its jobs: number → hours between slots."""

    def __init__(self, platform, begins, lasts_s, folder):
        self.platform, self.begins, self.lasts_s = platform, begins, lasts_s
        self.ledgers = folder
        self.jobs = {}
        self.killed = Counter()

    @property
    def first_slot(self):
        return self.begins - clock.DAY

    @property
    def last_slot(self):
        return self.begins

    def plan(self, interval, job_type, **parameters):
        number = self.platform.one(
            "INSERT INTO schedule_jobs (name, job_type, interval, catch_up, max_retries, "
            "next_run_at, parameters) VALUES (%s, %s, %s, 'all', 25, %s, %s) RETURNING id",
            f"{job_type} {interval}",
            job_type,
            interval,
            self.first_slot,
            psycopg.types.json.Jsonb(parameters),
        )["id"]
        self.jobs[number] = HOURS[interval]

    def errand(self, interval, seconds):
        ledger = self.ledgers / f"errand_{len(self.jobs)}.txt"
        self.plan(interval, "errand", ledger=str(ledger), seconds=seconds)

    def rage(self, times, seed):
        """Kill something so often, at random points of the day; bring back what systemd would."""
        chance = random.Random(seed)
        points = sorted(chance.uniform(3, self.lasts_s) for _ in range(times))
        kinds = [*KINDS, *chance.choices(list(KINDS), list(KINDS.values()), k=times - len(KINDS))]
        chance.shuffle(kinds)
        for number, (point, kind) in enumerate(zip(points, kinds, strict=True), start=1):
            while (clock.utc_now() - self.begins).total_seconds() < point:
                self.tend()
                time.sleep(0.05)
            killed = self.strike(kind, chance)
            self.killed[killed] += 1
            print(f"{number} of {times} killed: {killed}", flush=True)  # noqa: T201 - long run
        while (clock.utc_now() - self.begins).total_seconds() < self.lasts_s:
            self.tend()
            time.sleep(0.2)

    def tend(self):
        """Do what systemd does: start what ended."""
        if self.platform.code_server.poll() is not None:
            self.platform.start_code_server()
        if self.platform.daemon.poll() is not None:
            self.platform.start_daemon()

    def strike(self, kind, chance):
        """Kill one process of a kind; where no run works at the moment, the daemon."""
        workers = self.platform.workers()
        if kind == "worker" and workers:
            kill(chance.choice(workers).pid)
        elif kind == "code server":
            kill(self.platform.code_server.pid)
        elif kind == "PostgreSQL":
            with suppress(FileNotFoundError):
                kill(self.platform.postmaster())
        else:
            kind = "daemon"
            kill(self.platform.daemon.pid)
        return kind

    def is_over(self):
        """Is every slot of the day behind every job, and nothing under way?"""
        self.tend()
        with suppress(psycopg.Error):
            left = self.platform.query(
                "SELECT 1 FROM schedule_jobs WHERE next_run_at <= %s UNION ALL "
                "SELECT 1 FROM job_executions WHERE status IN ('queued', 'running')",
                self.last_slot,
            )
            return not left
        return False


@pytest.fixture(
    params=[
        pytest.param((150, 8), id="short"),
        pytest.param((1_200, 100), id="100 kills", marks=pytest.mark.slow),
    ]
)
def campaign(request):
    return request.param


@pytest.fixture
def day(campaign, tmp_path, tmp_path_factory):
    lasts_s, _ = campaign
    with open_shop(tmp_path_factory.mktemp("home")) as shop:
        begins = clock.utc_now().replace(microsecond=0) + timedelta(seconds=25)
        environment = shop.settings() | {
            "COMPRESSED_SINCE": begins.isoformat(),
            "COMPRESSED_SECONDS": str(lasts_s),
            "ERP_RETRY_SECONDS": "1",
        }
        folder = tmp_path_factory.mktemp("platform")
        with deployed(
            folder,
            environment,
            module="erp_assets_tests.acceptance.compressed_location",
            monitoring={"start_timeout_seconds": 60, "poll_interval_seconds": 5},
        ) as platform:
            platform.query("DELETE FROM schedule_jobs")
            yield Day(platform, begins, lasts_s, tmp_path)


@pytest.mark.timeout(3_000)
def test_no_slot_is_lost_or_doubled_whatever_is_killed(day, campaign):
    times = campaign[1]
    is_long = times >= 100
    day.errand("1h" if is_long else "4h", seconds=2.0)
    day.errand("2h" if is_long else "6h", seconds=5.0)
    day.errand("2h" if is_long else "6h", seconds=0.0)
    day.plan("4h" if is_long else "6h", "product_collection")
    day.plan("6h", "order_collection", days_back=2)
    day.rage(times, seed=times)
    assert day.killed.total() == times
    until(day.is_over, bool, DRAIN_S, told=day.platform.printed)
    assert_every_slot_is_accounted_for(day)
    assert_nothing_was_done_twice(day)
    assert_nothing_is_left(day)
    print(dict(day.killed), tally(day))  # noqa: T201 - the figures of the campaign


def assert_every_slot_is_accounted_for(day):
    for job, hours in day.jobs.items():
        wanted = {
            day.first_slot + timedelta(hours=n) for n in range(0, 25, hours)
        }  # both ends of the day
        taken = {it["scheduled_for"] for it in day.platform.executions(job)}
        missed = day.platform.query("SELECT * FROM missed_slots WHERE job_id = %s", job)
        assert missed == []
        assert taken == wanted, day.platform.job(job)


def assert_nothing_was_done_twice(day):
    for job in day.jobs:
        attempts = defaultdict(list)
        for it in day.platform.executions(job):
            attempts[it["scheduled_for"]].append(it)
        for found in attempts.values():
            assert [it["attempt"] for it in found] == list(range(1, len(found) + 1))
            *before, last = (it["status"] for it in found)
            assert last == "completed", (found[-1]["status"], found[-1]["error_message"])
            assert set(before) <= {"failed", "partial", "timed_out"}
            assert all(later["retry_of"] == earlier["id"] for earlier, later in pairwise(found))
    keys = [it["run_key"] for it in day.platform.runs()]
    assert len(keys) == len(set(keys))
    for ledger in day.ledgers.glob("errand_*.txt"):
        assert "overlap" not in ledger.read_text()
    doubled = day.platform.query(
        "SELECT account_id, order_no, line_no FROM market_order_lines "
        "GROUP BY 1, 2, 3 HAVING count(*) > 1"
    )
    assert doubled == []


def assert_nothing_is_left(day):
    open_states = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
    until(
        lambda: [it for it in day.platform.runs() if it["status"] in open_states],
        lambda left: left == [],
        told=day.platform.printed,
    )
    assert day.platform.query("SELECT * FROM schedule_locks") == []
    until(day.platform.workers, lambda left: left == [])


def tally(day):
    """Return how many attempts ended how, and why."""
    rows = day.platform.query(
        "SELECT status || coalesce(': ' || error_message, '') AS how, count(*) "
        "FROM job_executions GROUP BY 1 ORDER BY 1"
    )
    return {it["how"]: it["count"] for it in rows}
