"""The whole path: over HTTP from a simulated Coupang into PostgreSQL, and what it costs.

The server is a process of its own; the collecting process is a fresh one for each figure, so that
its memory is its own too.
"""

import asyncio
import gc
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from erp_assets import accounts, clock
from erp_assets.bench.surroundings import fresh_home, peak_mb
from erp_assets.clock import Window
from erp_assets.collecting import Collector
from erp_assets.simulator.building import CREDENTIALS, World, bulk
from erp_assets.simulator.server import Simulator
from erp_assets.simulator.wire import Limits
from erp_assets.warehouse import queries
from erp_assets.warehouse.engine import Warehouse
from erp_assets.warehouse.server import database_url, ensure_database

DAYS = 28
LINES = 100_000
PER_BOX = 10
"""50 boxes to a page, so 500 lines."""
SPAWN = multiprocessing.get_context("spawn")


def _serve_bulk(lines: int, pipe: Connection) -> None:
    account, now = bulk("coupang", lines, per_order=PER_BOX, days=DAYS)
    gc.freeze()  # a world that never changes is not looked through for garbage again
    with Simulator([account], now=now) as simulator:
        pipe.send(simulator.url)
        pipe.recv()


def _serve_limited(pipe: Connection) -> None:
    world = World(7)
    with Simulator(world.accounts, now=world.now, limits=Limits()) as simulator:
        pipe.send(simulator.url)
        pipe.recv()
        pipe.send(simulator.busy_answers["coupang"])


@contextmanager
def _server(target: Any, *arguments: object) -> Iterator[tuple[str, Connection]]:
    mine, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    try:
        yield mine.recv(), mine
    finally:
        process.kill()
        process.join()


def _window(days: int) -> Window:
    now = clock.utc_now()
    return Window(clock.day_start(clock.kst_day(now) - clock.DAY * days), now)


async def _collect(
    url: str, database: str, rate: float | None, window: Window, kinds: tuple[str, ...]
) -> dict[str, Any]:
    warehouse = Warehouse(database)
    client = accounts.client("coupang")
    market = client(base_url=url, credentials=CREDENTIALS["coupang"], rate=rate)  # type: ignore[call-arg]
    collector = Collector(warehouse, market, 1, "coupang")
    started = time.perf_counter()
    rows = 0
    for kind in kinds:
        done = await (collector.orders(window) if kind == "orders" else collector.claims(window))
        if done.outcome != "completed":
            raise RuntimeError(f"{kind}: {done.outcome} {done.error}")
        rows += done.seen.get("market_order_lines", 0)
    seconds = time.perf_counter() - started
    await market.aclose()
    return {"lines": rows, "seconds": seconds, "calls": market.calls}


def _collector(
    pipe: Connection, url: str, database: str, rate: float | None, kinds: tuple[str, ...], days: int
) -> None:
    told = asyncio.run(_collect(url, database, rate, _window(days), kinds))
    pipe.send({**told, "peak_rss_mb": round(peak_mb(), 1)})


def _run(url: str, database: str, *, rate: float | None, kinds: tuple[str, ...]) -> dict[str, Any]:
    mine, theirs = SPAWN.Pipe()
    arguments = (theirs, url, database, rate, kinds, DAYS)
    process = SPAWN.Process(target=_collector, args=arguments)
    process.start()
    process.join()
    if not mine.poll():
        raise RuntimeError("the collecting process failed")
    told: dict[str, Any] = mine.recv()
    return told


def _database(url: str, name: str) -> str:
    """Return the URL of a migrated database of its own."""
    target = ensure_database(url, name, driver="psycopg")
    warehouse = Warehouse(target)
    warehouse.migrate()
    with warehouse.transaction() as db:
        queries.register_accounts(db, [(1, "coupang", "coupang", True)])
    warehouse.dispose()
    return target


def against_dlt() -> dict[str, Any]:
    """Collect 100,000 lines with everything on, and load them with dlt; same server, same run."""
    with fresh_home() as home, _server(_serve_bulk, LINES) as (url, _):
        postgres = database_url(home)
        ours = _run(url, _database(postgres, "ours"), rate=None, kinds=("orders",))
        theirs = _dlt(url, ensure_database(postgres, "theirs", driver="psycopg2"))
    mine, other = ours["lines"] / ours["seconds"], theirs["lines"] / theirs["seconds"]
    return {
        "lines": LINES,
        "ours_rows_per_s": round(mine),
        "ours_lines": ours["lines"],
        "dlt_rows_per_s": round(other),
        "dlt_lines": theirs["lines"],
        "dlt": theirs["dlt"],
        "ratio": round(mine / other, 2),
        "target": 5.0,
    }


def _dlt(url: str, database: str) -> dict[str, Any]:
    window = _window(DAYS)
    known = CREDENTIALS["coupang"]
    slices = [
        [str(clock.days(part)[0]), str(clock.days(part)[-1])]
        for part in clock.day_windows(*window, width_days=7)
    ]
    asked = {
        "url": url,
        "vendor": known["vendor_id"],
        "access": known["access_key"],
        "secret": known["secret_key"],
        "slices": slices,
        # dlt insists on a password, which this server never asks for.
        "target": make_url(database)
        .set(drivername="postgresql", password="none")  # noqa: S106
        .render_as_string(hide_password=False),
    }
    done = subprocess.run(
        [sys.executable, "-m", "erp_assets.bench.dlt_orders"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"dlt failed: {done.stderr.strip().splitlines()[-1:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def under_limits() -> dict[str, Any]:
    """Collect orders and claims of five weeks at 9 calls/s from a server that allows 10."""
    with fresh_home() as home, _server(_serve_limited) as (url, pipe):
        database = _database(database_url(home), "limited")
        told = _run(url, database, rate=9.0, kinds=("orders", "claims"))
        pipe.send("how often?")
        busy = pipe.recv()
    least = told["calls"] / 9.0
    return {
        "calls": told["calls"],
        "seconds": round(told["seconds"], 2),
        "ratio_to_calls_by_rate": round(told["seconds"] / least, 3),
        "target": 1.15,
        "busy_answers": busy,
    }


def memory() -> dict[str, Any]:
    """Collect half a million lines, then a million, each in a fresh process."""
    peaks = {}
    for lines in (500_000, 1_000_000):
        with fresh_home() as home, _server(_serve_bulk, lines) as (url, _):
            database = _database(database_url(home), "memory")
            told = _run(url, database, rate=None, kinds=("orders",))
        if told["lines"] != lines:
            raise RuntimeError(f"{told['lines']} of {lines} lines arrived")
        peaks[lines] = told["peak_rss_mb"]
    return {
        "peak_rss_mb": peaks,
        "target_mb": 400,
        "growth": round(peaks[1_000_000] / peaks[500_000] - 1, 3),
        "growth_target": 0.10,
    }


def definitions() -> dict[str, Any]:
    """Time `dagster definitions validate` against `import dagster`, the median of five each.

    A project that defines nothing is timed as well: nobody can be faster than that.
    """
    validate = [sys.executable, "-m", "dagster", "definitions", "validate"]
    plain = [sys.executable, "-c", "import dagster"]
    here = Path.cwd()
    times: dict[str, list[float]] = {"validate": [], "empty": [], "import": []}
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / "nothing.py").write_text("import dagster\n\ndefs = dagster.Definitions()\n")
        commands = (
            ("validate", validate, here),
            ("empty", [*validate, "-m", "nothing"], Path(empty)),
            ("import", plain, here),
        )
        for _ in range(5):
            for name, command, folder in commands:
                started = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True, cwd=folder)
                times[name].append(time.perf_counter() - started)
    middle = {name: sorted(some)[2] for name, some in times.items()}
    return {
        "import_dagster_s": round(middle["import"], 2),
        "validate_s": round(middle["validate"], 2),
        "validate_empty_project_s": round(middle["empty"], 2),
        "ratio_of_empty_project": round(middle["empty"] / middle["import"], 2),
        "ratio": round(middle["validate"] / middle["import"], 2),
        "target": 2.5,
    }
