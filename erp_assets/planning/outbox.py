"""The outbox: changes of stock, price and sale become rows first, then calls, then facts.

A plan writes rows in the transaction of its decisions. A drain marks rows as sent and commits
before the call leaves, so whatever dies afterwards, a row that may have reached the market says so
and is read before it is sent again. Markets have no idempotency keys: a repeat that was not read
for could put back pieces sold in between.

The usual order of a run: collect orders, `recover`, plan, `drain`. `recover` finds out what became
of an earlier run's rows; what did not arrive is planned again, and the new plan supersedes it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from erp_assets.planning import pushes
from erp_assets.planning.draining import Drained, Market, Settled, drain, recover
from erp_assets.planning.pushes import Kind, Open, Status
from erp_assets.records import OptionKey

__all__ = [
    "Drained",
    "Kind",
    "Market",
    "Open",
    "Planned",
    "Push",
    "Settled",
    "Written",
    "drain",
    "last_written",
    "open_pushes",
    "plan",
    "recover",
]

SUPERSEDE = """
    UPDATE market_pushes p SET status = 'superseded' FROM given g
    WHERE p.status = 'planned' AND p.account_id = g.account_id AND p.product_no = g.product_no
    AND p.option_no = g.option_no AND p.kind = g.kind
    AND (p.wanted <> g.wanted OR g.wanted IS NOT DISTINCT FROM g.before)
"""

INSERT = """
    INSERT INTO market_pushes (account_id, product_no, option_no, kind, wanted, before, reason,
        source, risk, run_id, planned_at)
    SELECT g.account_id, g.product_no, g.option_no, g.kind, g.wanted, g.before, g.reason, g.source,
        g.risk, g.run_id, :now
    FROM given g
    LEFT JOIN market_pushes o ON o.status = 'planned' AND o.account_id = g.account_id
        AND o.product_no = g.product_no AND o.option_no = g.option_no AND o.kind = g.kind
    LEFT JOIN market_pushes s ON s.status = 'sent' AND s.account_id = g.account_id
        AND s.product_no = g.product_no AND s.option_no = g.option_no AND s.kind = g.kind
    WHERE o.id IS NULL AND (g.wanted IS DISTINCT FROM g.before OR s.id IS NOT NULL)
    ORDER BY g.place
"""

GIVEN = """
    CREATE TEMPORARY TABLE given ON COMMIT DROP AS
    SELECT * FROM unnest(
        CAST(:accounts AS int[]), CAST(:products AS text[]), CAST(:options AS text[]),
        CAST(:kinds AS text[]), CAST(:wanted AS bigint[]), CAST(:before AS bigint[]),
        CAST(:reasons AS text[]), CAST(:sources AS text[]), CAST(:risks AS float8[]),
        CAST(:runs AS text[])
    ) WITH ORDINALITY AS g (account_id, product_no, option_no, kind, wanted, before, reason, source,
        risk, run_id, place)
"""


class Push(NamedTuple):
    """One value that an option is to show at its market.

    wanted: pieces, KRW with VAT, or 1 on sale and 0 stopped. before: what the market shows now as
    far as we know; the same as wanted = nothing to do, and a planned change of it is taken back.
    reason and source: why, and which plan or person. risk: the larger, the earlier it leaves.
    """

    account_id: int
    product_no: str
    option_no: str
    kind: Kind
    wanted: int
    before: int | None
    reason: str
    source: str
    risk: float = 0.0
    run_id: str | None = None


class Planned(NamedTuple):
    """What a plan changed. superseded: rows not sent yet that it replaced or took back."""

    added: int
    superseded: int


class Written(NamedTuple):
    """The latest value known to have reached a market. seen: what it showed, where it was read."""

    wanted: int
    seen: int | None
    confirmed_at: datetime


def plan(db: Connection, wanted: Sequence[Push], *, now: datetime) -> Planned:
    """Add changes in the caller's transaction; the newest decision about a thing stands.

    It supersedes a planned row of another value, leaves one of the same value as it is, and waits
    beside one that was sent until that is read back.
    Raises: ValueError: a thing is named twice, or a value that no market can show.
    """
    _check(wanted)
    for account_id in sorted({it.account_id for it in wanted}):
        pushes.lock(db, account_id)
    if not wanted:
        return Planned(0, 0)
    db.execute(text("DROP TABLE IF EXISTS pg_temp.given"))
    db.execute(text(GIVEN), _columns(wanted))
    superseded = db.execute(text(SUPERSEDE)).rowcount
    added = db.execute(text(INSERT), {"now": now}).rowcount
    return Planned(added, superseded)


def _check(wanted: Iterable[Push]) -> None:
    seen = set()
    for it in wanted:
        key = it[:4]
        if key in seen:
            raise ValueError(f"named twice: {key}")
        seen.add(key)
        lowest, highest = {Kind.PRICE: (1, None), Kind.ON_SALE: (0, 1), Kind.STOCK: (0, None)}[
            it.kind
        ]
        if it.wanted < lowest or (highest is not None and it.wanted > highest):
            raise ValueError(f"{it.kind} {it.wanted} of {it.product_no} {it.option_no} cannot be")


def _columns(wanted: Sequence[Push]) -> dict[str, list[object]]:
    names = ("accounts", "products", "options", "kinds", "wanted", "before", "reasons", "sources")
    columns = zip(*wanted, strict=True)
    found = dict(zip((*names, "risks", "runs"), map(list, columns), strict=True))
    return found | {
        "kinds": [str(it.kind) for it in wanted],
        "wanted": [int(it.wanted) for it in wanted],
        "before": [None if it.before is None else int(it.before) for it in wanted],
        "risks": [float(it.risk) for it in wanted],
    }


def open_pushes(db: Connection, account_id: int) -> list[Open]:
    """Return what is planned or sent: a planner names these things too, were it to take them back.

    A thing whose target became what the market shows differs from it no more, and would keep its
    planned row otherwise.
    """
    return pushes.opened(db, account_id, Status.PLANNED, Status.SENT)


def last_written(db: Connection, account_id: int, kind: Kind) -> dict[OptionKey, Written]:
    """Return the latest confirmed value of every option: what drift is measured against."""
    found = db.execute(
        text("""
            SELECT DISTINCT ON (product_no, option_no)
                product_no, option_no, wanted, seen, confirmed_at
            FROM market_pushes
            WHERE account_id = :account AND kind = :kind AND status = 'confirmed'
            ORDER BY product_no, option_no, confirmed_at DESC, id DESC
        """),
        {"account": account_id, "kind": str(kind)},
    )
    return {OptionKey(*row[:2]): Written(*row[2:]) for row in found}
