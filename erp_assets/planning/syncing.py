"""From the ledger and the price plans to the outbox, and back: what a run does besides sending.

Everything here happens in the caller's transaction; the drain that follows has its own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

from erp_assets import clock
from erp_assets.planning import ledger, outbox, stock, stock_states
from erp_assets.planning.outbox import Kind, Planned, Push
from erp_assets.planning.stock import Change, Decision, Written
from erp_assets.planning.stock_states import USUAL, Transition
from erp_assets.warehouse import price_plans, stock_queries
from erp_assets.warehouse.stock_queries import Listing, ListingKey

SOURCE = "stock"
SALES_LOOKED_AT = timedelta(days=3)
PRICE_PLAN = "price_plan:"
"""Begins the source of a price push; the plan's number follows."""

_WRITTEN = text("""
    SELECT account_id, product_no, option_no, p.wanted, s.offer_seen_at > p.confirmed_at,
        EXISTS (
            SELECT FROM sku_listings l JOIN stock_ledger e USING (sku_id)
            WHERE (l.account_id, l.product_no, l.option_no)
                = (p.account_id, p.product_no, p.option_no) AND e.noted_at > p.planned_at
        )
    FROM (
        SELECT DISTINCT ON (account_id, product_no, option_no) *
        FROM market_pushes WHERE kind = 'stock' AND status = 'confirmed'
        ORDER BY account_id, product_no, option_no, confirmed_at DESC, id DESC
    ) p JOIN market_skus s USING (account_id, product_no, option_no)
""")
_SOLD_SINCE = text("""
    SELECT account_id, product_no, option_no, sum(l.quantity)
    FROM market_order_lines l JOIN market_skus s USING (account_id, product_no, option_no)
    LEFT JOIN LATERAL (
        SELECT max(confirmed_at) AS at FROM market_pushes p
        WHERE (p.account_id, p.product_no, p.option_no, p.kind, p.status)
            = (l.account_id, l.product_no, l.option_no, 'stock', 'confirmed')
    ) w ON true
    WHERE l.filed_at > :since AND l.ordered_at > greatest(s.offer_seen_at, w.at)
    GROUP BY 1, 2, 3
""")
_OPEN_PLANNED = text("""
    SELECT account_id, product_no, option_no FROM market_pushes
    WHERE kind = 'stock' AND status = 'planned' AND source = :source
""")
_PRICES_TOLD = text("""
    SELECT DISTINCT ON (source) split_part(source, ':', 2)::bigint, status, message
    FROM market_pushes
    WHERE account_id = :account AND kind = 'price' AND source LIKE 'price_plan:%'
    AND status IN ('confirmed', 'failed')
    AND split_part(source, ':', 2)::bigint = ANY (:plans)
    ORDER BY source, id DESC
""")


class StockPlan(NamedTuple):
    """What a plan came to. reasons: why a listing is not written → listings. news: of SKUs."""

    listings: int
    changes: int
    planned: Planned
    drifted: int
    reasons: Mapping[str, int]
    news: Sequence[Transition]


def plan_stock(
    db: Connection,
    *,
    now: datetime,
    run_id: str | None,
    accounts: Collection[int] | None = None,
    touched: Collection[int] | None = None,
) -> StockPlan:
    """Post what was sold, decide what listings are to show, and put the differences in the outbox.

    accounts: only their listings are written; None = all. touched: only listings of these SKUs
    besides those whose stock moved just now; None = all listings.
    """
    posting = ledger.post_movements(db, run_id=run_id)
    skus = None if touched is None else set(touched) | set(posting.skus)
    listings = stock_queries.listings(db, skus)
    written = _written(db) if listings else {}
    sold = _sold_since(db, now) if listings else {}
    shown = [_as_now(it, written, sold) for it in listings]
    positions = stock_queries.positions(
        db, None if skus is None else stock_queries.skus_inside(shown)
    )
    decisions = [
        it
        for it in stock.plan(positions, shown, stock_queries.policies(db), sku_ids=skus)
        if accounts is None or it.listing.account_id in accounts
    ]
    changes = stock.changes(decisions)
    planned = outbox.plan(db, list(_pushes(db, decisions, changes, run_id)), now=now)
    drifted = _note_drift(db, decisions, written)
    news = _note_states(db, positions, now)
    reasons = Counter(str(it.reason) for it in decisions if it.target is None)
    return StockPlan(len(decisions), len(changes), planned, drifted, dict(reasons), news)


class _Last(NamedTuple):
    """The last confirmed write. is_read: the market was read since. moved: stock moved since."""

    wanted: int
    is_read: bool
    moved: bool


def _written(db: Connection) -> dict[ListingKey, _Last]:
    return {(row[0], row[1], row[2]): _Last(*row[3:]) for row in db.execute(_WRITTEN)}


def _sold_since(db: Connection, now: datetime) -> dict[ListingKey, int]:
    """Return the units an option sold since its market was last read or written."""
    found = db.execute(_SOLD_SINCE, {"since": now - SALES_LOOKED_AT})
    return {(row[0], row[1], row[2]): int(row[3]) for row in found}


def _as_now(
    listing: Listing, written: Mapping[ListingKey, _Last], sold: Mapping[ListingKey, int]
) -> Listing:
    """Return the listing with what the market shows by now, as far as can be known.

    A confirmed write counts until the market is read again, and a market takes off what it sells
    by itself: to write that once more could put back a piece that is just being bought.
    """
    last = written.get(listing.key)
    shown = listing.shown if last is None or last.is_read else last.wanted
    if shown is not None:
        shown = max(0, shown - sold.get(listing.key, 0))
    return listing._replace(shown=shown)


def _pushes(
    db: Connection, decisions: Sequence[Decision], changes: Sequence[Change], run_id: str | None
) -> Iterable[Push]:
    """Yield the changes, most urgent first, and what is planned but wanted no more."""
    changed = set()
    for rank, change in enumerate(changes):
        changed.add(change.decision.listing.key)
        yield _push(change.decision, f"{change.risk.name.lower()}: ", -float(rank), run_id)
    planned = {tuple(row) for row in db.execute(_OPEN_PLANNED, {"source": SOURCE})}
    for it in decisions:
        key = it.listing.key
        if key in planned and key not in changed and it.target is not None:
            yield _push(it, "", 0.0, run_id)


def _push(it: Decision, why: str, risk: float, run_id: str | None) -> Push:
    listing, policy = it.listing, f", policy {it.policy_id}" if it.policy_id else ""
    return Push(
        listing.account_id,
        listing.product_no,
        listing.option_no,
        Kind.STOCK,
        it.target or 0,
        listing.shown,
        f"{why}{it.reason}{policy}",
        SOURCE,
        risk,
        run_id,
    )


def _note_drift(
    db: Connection, decisions: Sequence[Decision], written: Mapping[ListingKey, _Last]
) -> int:
    read = {key: Written(it.wanted, it.moved) for key, it in written.items() if it.is_read}
    looked_at = [it.listing for it in decisions]
    found = stock.drifts(looked_at, read)
    stock_queries.record_drift(db, [it.key for it in looked_at], found)
    return len(found)


def _note_states(
    db: Connection, positions: Sequence[stock_queries.Position], now: datetime
) -> list[Transition]:
    skus = [it.sku_id for it in positions]
    since = clock.kst_day(now) - timedelta(days=USUAL.window_days)
    found = stock_states.assess(
        positions,
        sold=stock_queries.sold_pieces(db, since, skus),
        drifted=stock_queries.drifted(db, skus),
    )
    news = stock_states.transitions(stock_queries.states(db, skus), found)
    stock_queries.store_states(db, found)
    return news


# ── prices ─────────────────────────────────────────────────────────────────────────────────────
def push_prices(db: Connection, account_id: int, *, now: datetime, run_id: str | None) -> Planned:
    """Put the approved prices of an account in the outbox."""
    wanted = {
        (it.product_no, it.option_no): Push(
            account_id,
            it.product_no,
            it.option_no,
            Kind.PRICE,
            it.after,
            it.before,
            f"price plan {it.plan_id}",
            f"{PRICE_PLAN}{it.plan_id}",
            run_id=run_id,
        )
        for it in price_plans.approved(db, account_id)
    }
    return outbox.plan(db, list(wanted.values()), now=now)


def settle_prices(
    db: Connection, account_id: int, *, now: datetime, run_id: str | None
) -> dict[str, int]:
    """Write down which approved prices the market has, and which it refused."""
    plans = [it.plan_id for it in price_plans.approved(db, account_id)]
    told = db.execute(_PRICES_TOLD, {"account": account_id, "plans": plans}).all()
    pushed = [plan for plan, status, _ in told if status == "confirmed"]
    refused = {plan: message or "" for plan, status, message in told if status == "failed"}
    return {
        "pushed": price_plans.record_pushed(db, pushed, run_id=run_id, now=now),
        "refused": price_plans.record_refused(db, refused, now=now),
    }
