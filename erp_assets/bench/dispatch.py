"""From a due row to its run: what the scheduler costs, and how many runs a minute come of it."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from erp_assets import clock
from erp_assets.bench import nothing
from erp_assets.bench.surroundings import fresh_home, settings_of
from erp_assets.defs.dispatching import DagsterRuns, run_request
from erp_assets.defs.resources import Platform
from erp_assets.defs.sensors import scheduler
from erp_assets.defs.storage import open_instance
from erp_assets.settings import Settings, project_folder
from erp_assets.warehouse.engine import Warehouse

BURST = 60
SINGLES = 20
TICK_S = 5.0
AHEAD_S = 6.0
"""How long a row stands there before it falls due, as slots of a schedule do."""
WAIT_S = 180.0
IDLE_S = 30.0
ROWS = 10_000
DUE = 100
HISTORY = (1_000, 100_000)

_ADD = text("""
    INSERT INTO schedule_jobs (name, job_type, interval, parameters, next_run_at)
    SELECT 'nothing ' || n, 'nothing', '1d', '{}', :due FROM generate_series(1, :rows) AS n
""")
_OPEN = text("SELECT count(*) FROM schedule_jobs WHERE success_count = 0")
_FAILED = text("SELECT error_message FROM job_executions WHERE status = 'failed' LIMIT 1")
_STARTED = text("""
    SELECT extract(epoch FROM r.started_at - e.scheduled_for), r.completed_at
    FROM job_executions e JOIN execution_runs r ON r.execution_id = e.id ORDER BY e.id
""")
_FINISHED = text("""
    INSERT INTO job_executions (job_id, status, scheduled_for, started_at, completed_at,
        duration_seconds, records_processed, is_advanced)
    SELECT (SELECT min(id) + n % 100 FROM schedule_jobs), 'completed', slot, slot, slot, 1, 1, true
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n,
        LATERAL (SELECT now() - make_interval(mins => n)) AS at (slot)
""")


def dispatch() -> dict[str, Any]:
    """Measure the default launcher, the sensor's tick and an idle platform."""
    with _platform("default", runs=4) as platform:
        idle = _idle(platform)
        latencies = _singles(platform, AHEAD_S)
        by_hand = _singles(platform, 0.0)
        burst = _burst(platform)
    return {
        "started_after_s": {
            "median": round(statistics.median(latencies), 2),
            "p95": round(sorted(latencies)[int(len(latencies) * 0.95)], 2),
            "runs": len(latencies),
            "targets": [4.0, 8.0],
            "median_when_set_to_now_by_hand": round(statistics.median(by_hand), 2),
        },
        "burst": {**burst, "target_per_minute": 55},
        "idle_percent_of_a_core": idle,
        "idle_target": 5.0,
        "tick": ticks(),
    }


def celery() -> dict[str, Any]:
    """Measure the same burst through a warm worker with two children."""
    with _platform("celery", runs=16, workers=2) as platform:
        _burst(platform, rows=4)  # the children connect
        burst = _burst(platform)
    return {**burst, "target_per_minute": 150}


@contextmanager
def _platform(launcher: str, *, runs: int, workers: int = 0) -> Iterator[Platform]:
    """Start `dagster dev`, and a worker when asked for, on an empty home; yield once it ticks."""
    with ExitStack() as stack:
        home = stack.enter_context(fresh_home())
        nothing.install(home / "site")
        folder = str(project_folder())
        told = {
            "ERP_RUN_LAUNCHER": launcher,
            "ERP_MAX_RUNS": str(runs),
            "DAGSTER_HOME": folder,
            "PYTHONPATH": os.pathsep.join([str(home / "site"), folder]),
        }
        platform = Platform(stack.enter_context(settings_of(told, home)))
        stack.callback(platform.warehouse.dispose)
        with platform.warehouse.transaction() as db:
            db.execute(text("DELETE FROM schedule_jobs"))
        port = str(_free_port())
        _start(stack, home, "dagster", "dev", "-h", "127.0.0.1", "-p", port)
        if workers:
            _start(stack, home, "erp_assets", "worker", "--concurrency", str(workers))
        _wait_for_tick(platform.warehouse)
        yield platform


def _start(stack: ExitStack, home: Path, *module: str) -> None:
    output = stack.enter_context((home / f"{module[0]}.log").open("w"))
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=project_folder(),
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    stack.callback(end)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_tick(warehouse: Warehouse) -> None:
    def ticks_again() -> bool:
        with warehouse.transaction() as db:
            beat = db.execute(text("SELECT ticked_at FROM scheduler_heartbeat")).scalar()
        return beat is not None and clock.utc_now() - beat < timedelta(seconds=10)

    _wait(ticks_again)


def _wait(is_over: Any) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_over():
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing came of it within {WAIT_S:.0f} s")
        time.sleep(0.1)


def _singles(platform: Platform, ahead_s: float) -> list[float]:
    """Return how long after its slot each of some rows had its run started.

    A row is known to be done right after a tick; waiting spreads the next over the whole interval.
    """
    found: list[float] = []
    for number in range(SINGLES):
        time.sleep(TICK_S * number / SINGLES)
        found += _through(platform, 1, ahead_s)[0]
    return found


def _burst(platform: Platform, rows: int = BURST) -> dict[str, Any]:
    """Return what becomes of rows that fall due at the same moment."""
    before = _cpu_seconds(platform.settings.home)
    latencies, seconds = _through(platform, rows)
    spent = sum(_cpu_seconds(platform.settings.home).values()) - sum(before.values())
    return {
        "runs": rows,
        "seconds_to_the_last_end": round(seconds, 1),
        "runs_per_minute": round(60 * rows / seconds),
        "started_after_s_median": round(statistics.median(latencies), 2),
        "lasting_processes_cpu_s_per_run": round(spent / rows, 3),
    }


def _through(platform: Platform, rows: int, ahead_s: float = AHEAD_S) -> tuple[list[float], float]:
    """Let rows fall due; return each run's seconds until started, and those until the last end."""
    warehouse = platform.warehouse
    with warehouse.transaction() as db:
        db.execute(text("DELETE FROM schedule_jobs"))
        due = clock.utc_now() + timedelta(seconds=ahead_s)
        db.execute(_ADD, {"due": due, "rows": rows})

    def is_over() -> bool:
        with warehouse.transaction() as db:
            if (error := db.execute(_FAILED).scalar()) is not None:
                raise RuntimeError(f"a run failed: {error}")
            left: int = db.execute(_OPEN).scalar_one()
        return left == 0

    _wait(is_over)
    with warehouse.transaction() as db:
        found = db.execute(_STARTED).all()
    last = max(row.completed_at for row in found)
    return [float(row[0]) for row in found], (last - due).total_seconds()


def _idle(platform: Platform) -> float:
    """Return the share of one core that everything together uses while nothing is due, percent."""
    with platform.warehouse.transaction() as db:
        db.execute(_ADD, {"due": clock.utc_now() + timedelta(days=1), "rows": 20})
    time.sleep(5)
    before = _cpu_seconds(platform.settings.home)
    time.sleep(IDLE_S)
    after = _cpu_seconds(platform.settings.home)
    return round(100 * sum(after[it] - before.get(it, 0.0) for it in after) / IDLE_S, 1)


def _cpu_seconds(home: Path) -> dict[int, float]:
    """Return the CPU seconds of our children and of the server of `home`, by process."""
    processes = psutil.Process().children(recursive=True)
    pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    found = {}
    for process in {*processes, postmaster, *postmaster.children(recursive=True)}:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            # The postmaster reaps a backend for each connection: its children count as well.
            found[process.pid] = times.user + times.system
            if process.pid == pid:
                found[process.pid] += times.children_user + times.children_system
    return found


def ticks() -> dict[str, Any]:
    """Time the sensor's tick among 10,000 rows, and with a long history behind them."""
    with fresh_home() as home:
        nothing.install(home / "site")
        sys.path.insert(0, str(home / "site"))
        try:
            with settings_of({}, home) as settings:
                return _ticks(settings)
        finally:
            sys.path.remove(str(home / "site"))


def _ticks(settings: Settings) -> dict[str, Any]:
    platform = Platform(settings)
    later = clock.utc_now() + timedelta(days=1)
    with platform.warehouse.transaction() as db:
        db.execute(text("DELETE FROM schedule_jobs"))
        db.execute(_ADD, {"due": later, "rows": ROWS})
    found: dict[str, Any] = {"rows": ROWS, "targets_ms": {"none_due": 100, "due": 1500}}
    first = 1
    with open_instance() as instance:
        runs = DagsterRuns(lambda: instance)
        for executions in HISTORY:
            with platform.warehouse.transaction() as db:
                db.execute(_FINISHED, {"first": first, "last": executions})
            first = executions + 1
            _analyze(platform)
            nothing_due = [_tick_ms(platform, runs) for _ in range(9)]
            found[f"none_due_ms_after_{executions}"] = round(statistics.median(nothing_due), 1)
        with platform.warehouse.transaction() as db:
            db.execute(
                text("""
                    UPDATE schedule_jobs SET next_run_at = now() - interval '1 second'
                    WHERE id IN (SELECT id FROM schedule_jobs ORDER BY id DESC LIMIT :due)
                """),
                {"due": DUE},
            )
        found[f"{DUE}_due_ms"] = round(_tick_ms(platform, runs, expected=DUE), 1)
    platform.warehouse.dispose()
    return found


def _analyze(platform: Platform) -> None:
    """Do what autovacuum does a minute later."""
    with platform.warehouse.engine.connect() as db:
        db.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


def _tick_ms(platform: Platform, runs: DagsterRuns, *, expected: int = 0) -> float:
    started = time.perf_counter()
    requests: Sequence[Any] = scheduler(platform, runs).tick(platform.now())
    asked = [run_request(it) for it in requests]
    took = 1000 * (time.perf_counter() - started)
    if len(asked) != expected:
        raise RuntimeError(f"{len(asked)} runs were asked for, not {expected}")
    return took
