"""How far each day is collected, and what a finished collection settles."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from erp_assets import clock
from erp_assets.clock import Window
from erp_assets.warehouse.staging import raw_connection

PARTITION_LOCK = 4_217_002
PARTITIONED = ("market_orders", "market_order_lines")

_MARK = text("""
    INSERT INTO watermarks AS w (account_id, kind, day, collected_until, run_id, changed_at)
    SELECT :account, :kind, :day, :until, :run_id, now()
    WHERE :since <= :start OR EXISTS (
        SELECT FROM watermarks
        WHERE (account_id, kind, day) = (:account, :kind, :day) AND collected_until >= :since
    )
    ON CONFLICT (account_id, kind, day) DO UPDATE
    SET collected_until = excluded.collected_until, run_id = excluded.run_id, changed_at = now()
    WHERE w.collected_until < excluded.collected_until
""")


def mark(
    db: Connection, account_id: int, kind: str, window: Window, *, run_id: str | None = None
) -> None:
    """Note that everything in `window` is stored; a mark never leaves a gap behind it."""
    for day in clock.days(window):
        span = clock.day_window(day)
        values = {
            "account": account_id,
            "kind": kind,
            "day": day,
            "since": max(window.since, span.since),
            "until": min(window.until, span.until),
            "start": span.since,
            "run_id": run_id,
        }
        db.execute(_MARK, values)


def resolve(
    db: Connection, account_id: int, kind: str, window: Window | None, *, before: datetime
) -> int:
    """Settle rejected rows that a whole collection of their span did not meet again.

    before: when that collection began, by the database's clock. Return how many were settled.
    """
    since, until = window or (None, None)
    values = {"account": account_id, "kind": kind, "since": since, "until": until, "before": before}
    return db.execute(
        text("""
            UPDATE rejected_rows SET resolved_at = now()
            WHERE account_id = :account AND kind = :kind AND resolved_at IS NULL
            AND last_seen_at < :before
            AND (window_since IS NULL OR CAST(:since AS timestamptz) <= window_since)
            AND (window_until IS NULL OR CAST(:until AS timestamptz) >= window_until)
        """),
        values,
    ).rowcount


def orders_asked(db: Connection, account_id: int, order_nos: Sequence[str]) -> None:
    """Note that the market was asked for these orders by number."""
    db.execute(
        text("""
            UPDATE wanted_orders SET asked_at = now()
            WHERE account_id = :account AND order_no = ANY(:orders)
        """),
        {"account": account_id, "orders": list(order_nos)},
    )


def months_ahead(now: datetime, months: int) -> list[datetime]:
    """Return the first days, UTC, of the month of `now` and of the `months` that follow."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = [first]
    for _ in range(months):
        found.append((found[-1] + timedelta(days=32)).replace(day=1))
    return found


def prepare_months(db: Connection, now: datetime, *, months: int) -> list[str]:
    """Make the partitions of this month and the following ones; return those that were missing."""
    return ensure_partitions(raw_connection(db), months_ahead(now, months))


def ensure_partitions(db: psycopg.Connection[Any], months: Iterable[datetime]) -> list[str]:
    """Make the monthly partitions of orders and lines that are missing; return their names.

    months: their first days, UTC. Attached, not created in place: that would lock out, and lock up
    with, everybody who stores orders at the same time.
    """
    firsts = list(months)
    wanted = {f"{table}_{month:%Y_%m}": (table, month) for table in PARTITIONED for month in firsts}
    if not _missing(db, wanted):
        return []
    db.execute("SELECT pg_advisory_xact_lock(%s)", [PARTITION_LOCK])
    made = sorted(_missing(db, wanted))
    for name in made:
        table, month = wanted[name]
        following = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
        db.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
        db.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{month:%Y-%m}-01Z') TO ('{following:%Y-%m}-01Z')"
        )
    return made


def _missing(db: psycopg.Connection[Any], wanted: Iterable[str]) -> set[str]:
    found = db.execute(
        "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relispartition", [list(wanted)]
    )
    return set(wanted) - {name for (name,) in found}
