"""Every read and write of stock planning, one statement each, with the rows it is about.

Where a function takes `sku_ids`, None means all.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB


class PolicyKind(StrEnum):
    """How a listing takes part in the stock of its SKU."""

    SHARED = "shared"
    WEIGHTED = "weighted"
    EXCLUDED = "excluded"


class Policy(NamedTuple):
    """How listings within a scope show stock; all numbers are pieces of the SKU, none negative.

    sku_id, category, account_id: the scope; None = any. Never both sku_id and category.
    weight: share of a `weighted` listing beside the others of its SKU.
    cap: most pieces to show. buffer: pieces held back. stop_at: at or below, 0 is shown.
    """

    id: int
    sku_id: int | None = None
    category: str | None = None
    account_id: int | None = None
    kind: PolicyKind = PolicyKind.SHARED
    weight: int = 1
    cap: int | None = None
    buffer: int = 0
    stop_at: int = 0


class Position(NamedTuple):
    """The stock of one SKU, in pieces.

    on_hand: sum of the ledger; None while it holds nothing of the SKU.
    reserved: sold and not yet booked out. safety: never to be sold.
    low_at, cover_days: when stock counts as low; None = as for every SKU.
    """

    sku_id: int
    on_hand: int | None
    reserved: int = 0
    safety: int = 0
    category: str | None = None
    low_at: int | None = None
    cover_days: int | None = None


ListingKey = tuple[int, str, str]
"""(account_id, product_no, option_no)."""


class Listing(NamedTuple):
    """One option of a listing at a market; the first three fields are its key.

    parts: (sku_id, pieces in one sold unit), each SKU once, pieces > 0; several = a bundle.
    shown: units the market showed when last read; None = never read.
    on_sale: can it be bought, stock aside?
    """

    account_id: int
    product_no: str
    option_no: str
    market: str
    parts: tuple[tuple[int, int], ...]
    shown: int | None
    on_sale: bool = True

    @property
    def key(self) -> ListingKey:
        """Return what names the option everywhere."""
        return self[:3]


class Drift(NamedTuple):
    """A listing that shows what nobody wrote; one per SKU inside."""

    sku_id: int
    account_id: int
    product_no: str
    option_no: str
    written: int
    shown: int


class State(StrEnum):
    """What can be wrong with the stock of a SKU: one of the first four, and drift beside it."""

    UNKNOWN = "unknown"
    OVERSOLD = "oversold"
    SOLD_OUT = "sold_out"
    LOW = "low"
    DRIFT = "drift"


class Finding(NamedTuple):
    """A state a SKU is in, and the numbers it follows from."""

    state: State
    details: Mapping[str, int] = {}


_POLICIES = text("""
    SELECT id, sku_id, category, account_id, kind, weight, cap, buffer, stop_at
    FROM stock_policies ORDER BY id
""")

_POSITIONS = text("""
    SELECT k.id, CASE WHEN b.counted_at IS NOT NULL THEN b.on_hand END, coalesce(b.reserved, 0),
           k.safety_stock, k.category, k.low_stock, k.cover_days
    FROM skus k LEFT JOIN stock_balances b ON b.sku_id = k.id
    WHERE CAST(:sku_ids AS integer[]) IS NULL OR k.id = ANY (:sku_ids)
    ORDER BY k.id
""")

_LISTINGS = text("""
    WITH inside AS (
        SELECT DISTINCT other.sku_id
        FROM sku_listings one JOIN sku_listings other USING (account_id, product_no, option_no)
        WHERE one.sku_id = ANY (:sku_ids)
    ), wanted AS (
        SELECT DISTINCT account_id, product_no, option_no FROM sku_listings
        WHERE CAST(:sku_ids AS integer[]) IS NULL OR sku_id IN (SELECT sku_id FROM inside)
    )
    SELECT account_id, product_no, option_no, a.market,
           array_agg(l.sku_id ORDER BY l.sku_id), array_agg(l.pieces ORDER BY l.sku_id), s.stock,
           coalesce(s.on_sale, true) AND coalesce(p.status, 'on_sale') IN ('on_sale', 'sold_out')
    FROM wanted
    JOIN sku_listings l USING (account_id, product_no, option_no)
    JOIN accounts a ON a.id = account_id AND a.enabled
    LEFT JOIN market_skus s USING (account_id, product_no, option_no)
    LEFT JOIN market_products p USING (account_id, product_no)
    WHERE p.status IS DISTINCT FROM 'deleted'
    GROUP BY account_id, product_no, option_no, a.market, s.stock, s.on_sale, p.status
    ORDER BY account_id, product_no, option_no
""")

_SOLD = text("""
    SELECT m.sku_id, sum((d.quantity - d.cancelled)::bigint * m.pieces)::bigint
    FROM daily_sales d JOIN sku_listings m USING (account_id, product_no, option_no)
    WHERE d.day >= :since
    AND (CAST(:sku_ids AS integer[]) IS NULL OR m.sku_id = ANY (:sku_ids))
    GROUP BY m.sku_id
""")

_STATES = text("""
    SELECT sku_id, array_agg(state) FROM stock_states
    WHERE CAST(:sku_ids AS integer[]) IS NULL OR sku_id = ANY (:sku_ids)
    GROUP BY sku_id
""")

_STORE_STATES = text("""
    WITH found AS (
        SELECT * FROM jsonb_to_recordset(:found) AS f (sku_id integer, state text, details jsonb)
    ), over AS (
        DELETE FROM stock_states s
        WHERE s.sku_id = ANY (:looked_at)
        AND NOT EXISTS (SELECT FROM found f WHERE (f.sku_id, f.state) = (s.sku_id, s.state))
    )
    INSERT INTO stock_states AS s (sku_id, state, details)
    SELECT sku_id, state, details FROM found ORDER BY sku_id, state
    ON CONFLICT (sku_id, state) DO UPDATE SET details = excluded.details
    WHERE s.details IS DISTINCT FROM excluded.details
""").bindparams(bindparam("found", type_=JSONB))

_RECORD_DRIFT = text("""
    WITH found AS (
        SELECT * FROM jsonb_to_recordset(:found) AS f (
            sku_id integer, account_id integer, product_no text, option_no text,
            written bigint, shown bigint
        )
    ), over AS (
        UPDATE stock_drift d SET ended_at = now()
        FROM unnest(CAST(:accounts AS integer[]), CAST(:products AS text[]),
                    CAST(:options AS text[])) l (account_id, product_no, option_no)
        WHERE d.ended_at IS NULL
        AND (d.account_id, d.product_no, d.option_no)
            = (l.account_id, l.product_no, l.option_no)
        AND NOT EXISTS (
            SELECT FROM found f
            WHERE (f.account_id, f.product_no, f.option_no, f.sku_id)
                = (d.account_id, d.product_no, d.option_no, d.sku_id)
        )
    )
    INSERT INTO stock_drift AS d (sku_id, account_id, product_no, option_no, written, shown)
    SELECT sku_id, account_id, product_no, option_no, written, shown FROM found
    ORDER BY account_id, product_no, option_no, sku_id
    ON CONFLICT (account_id, product_no, option_no, sku_id) WHERE ended_at IS NULL
    DO UPDATE SET written = excluded.written, shown = excluded.shown
    WHERE (d.written, d.shown) IS DISTINCT FROM (excluded.written, excluded.shown)
""").bindparams(bindparam("found", type_=JSONB))

_DRIFTED = text("""
    SELECT sku_id, count(*) FROM stock_drift
    WHERE ended_at IS NULL
    AND (CAST(:sku_ids AS integer[]) IS NULL OR sku_id = ANY (:sku_ids))
    GROUP BY sku_id
""")


def policies(db: Connection) -> list[Policy]:
    """Return every policy, by id."""
    rows = map(Policy._make, db.execute(_POLICIES))
    return [it._replace(kind=PolicyKind(it.kind)) for it in rows]


def positions(db: Connection, sku_ids: Collection[int] | None = None) -> list[Position]:
    """Return the stock of SKUs, by id; on_hand is None before the opening count."""
    return [Position(*row) for row in db.execute(_POSITIONS, _of(sku_ids))]


def listings(db: Connection, sku_ids: Collection[int] | None = None) -> list[Listing]:
    """Return the mapped options of enabled accounts that are not deleted, by key.

    sku_ids: the options that hold one of them, and every option of a SKU inside those: whatever
    the stock of the first depends on. `stock.plan` takes the same `sku_ids`.
    """
    rows = db.execute(_LISTINGS, _of(sku_ids))
    return [
        Listing(account, product, option, market, tuple(zip(skus, pieces, strict=True)), *shown)
        for account, product, option, market, skus, pieces, *shown in rows
    ]


def skus_inside(some: Iterable[Listing]) -> set[int]:
    """Return the SKUs whose positions a plan of these listings needs."""
    return {sku_id for listing in some for sku_id, _ in listing.parts}


def sold_pieces(
    db: Connection, since: date, sku_ids: Collection[int] | None = None
) -> dict[int, int]:
    """Return the pieces sold and not cancelled of each SKU from the KST day `since` on."""
    return dict(db.execute(_SOLD, {"since": since, **_of(sku_ids)}).all())


def states(db: Connection, sku_ids: Collection[int] | None = None) -> dict[int, frozenset[State]]:
    """Return the states that SKUs are in; what is well has none."""
    rows = db.execute(_STATES, _of(sku_ids))
    return {sku_id: frozenset(map(State, found)) for sku_id, found in rows}


def store_states(db: Connection, now: Mapping[int, Sequence[Finding]]) -> None:
    """Make these the states of the SKUs named; `since` stays while a state lasts."""
    found = [
        {"sku_id": sku_id, "state": it.state, "details": dict(it.details)}
        for sku_id, some in now.items()
        for it in some
    ]
    db.execute(_STORE_STATES, {"found": found, "looked_at": list(now)})


def record_drift(db: Connection, looked_at: Collection[ListingKey], found: Iterable[Drift]) -> None:
    """Store what drifted; of the options looked at, what drifts no more is over.

    One row per SKU inside an option and time of drift; while it lasts, its numbers follow.
    """
    keys = list(looked_at)
    values = {
        "found": [it._asdict() for it in found],
        "accounts": [account for account, _, _ in keys],
        "products": [product for _, product, _ in keys],
        "options": [option for _, _, option in keys],
    }
    db.execute(_RECORD_DRIFT, values)


def drifted(db: Connection, sku_ids: Collection[int] | None = None) -> dict[int, int]:
    """Return how many options of each SKU drift now."""
    return dict(db.execute(_DRIFTED, _of(sku_ids)).all())


def _of(sku_ids: Collection[int] | None) -> dict[str, Any]:
    return {"sku_ids": None if sku_ids is None else list(sku_ids)}
