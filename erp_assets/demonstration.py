"""`erp demo`: brings the parts up, and holds what was stored against the simulator's truth."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from erp_assets import simulated
from erp_assets.settings import Settings
from erp_assets.warehouse import queries, server
from erp_assets.warehouse.engine import Warehouse

Say = Callable[[str], None]


@contextmanager
def running(settings: Settings, *, keep: bool, say: Say) -> Iterator[None]:
    """Start the database and the simulator; stop afterwards what was started here."""
    started = time.monotonic()
    is_ours = settings.database_url is None and not server.is_running(settings.home)
    Warehouse(server.database_url(settings.home, settings.database_url)).migrate()
    say(f"PostgreSQL is up and its schema current ({time.monotonic() - started:.1f} s)")
    started = time.monotonic()
    began = simulated.ensure(settings.home, settings.simulator_url)
    say(
        f"Simulated markets answer on {settings.simulator_url} ({time.monotonic() - started:.1f} s)"
    )
    try:
        yield
    finally:
        if began and not keep:
            simulated.stop(settings.home)
        if is_ours and not keep:
            server.stop(settings.home)


def complaints(settings: Settings) -> list[str]:
    """Return one line per account and kind of which less is stored than the market shows."""
    warehouse = Warehouse(server.database_url(settings.home, settings.database_url))
    with warehouse.transaction() as db:
        stored = queries.summaries(db)
    warehouse.dispose()
    return [
        line
        for row in stored
        for line in shortfalls(
            row.account, truth(settings.simulator_url, row.account), row._asdict()
        )
    ]


def truth(url: str, account: str) -> dict[str, Any]:
    """Return how many rows of each kind the simulator holds that a collector can see."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=60)
    try:
        connection.request("GET", f"/_simulator/truth/{account}/summary")
        found: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return found


def shortfalls(account: str, true: dict[str, Any], stored: Mapping[str, Any]) -> list[str]:
    """Return one line per kind of which less is stored than the market holds."""
    return [
        f"{account}: {stored.get(kind, 0):,} {kind} stored, the market holds {count:,}"
        for kind, count in sorted(true.items())
        if kind in stored and stored[kind] < count
    ]
