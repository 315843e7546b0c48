"""The ledger's SQL: what order lines still owe it, entries by source key, and its sums.

`planning.ledger` says what the figures mean. Everything here works on whole sets of rows.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from erp_assets.warehouse import tables
from erp_assets.warehouse.staging import (
    copy_rows,
    raw_connection,
    refresh_statistics,
    stage_of,
)

LOCK = 4_217_002
"""Key of the advisory lock under which the ledger grows, one writer at a time."""

MARGIN = "interval '1 minute'"
"""How far each posting looks back behind the last one, for clocks read a little early."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Before every change."""


class Entry(NamedTuple):
    """One change of stock. quantity: pieces, negative when they went away."""

    sku_id: int
    occurred_at: datetime
    kind: str
    quantity: int
    source_key: str
    note: str | None = None
    run_id: str | None = None


class Balance(NamedTuple):
    """The ledger of one SKU summed up, in pieces. counted_at: None while its stock is unknown."""

    sku_id: int
    code: str
    name: str
    on_hand: int
    reserved: int
    counted_at: datetime | None


class Posting(NamedTuple):
    """What a posting did. skus: whose stock or reserved pieces changed."""

    lines: int
    entries: int
    skus: list[int]


ENTRIES = stage_of(Entry, tables.stock_ledger, "stage_entries")

_BEGIN = text("SELECT pg_advisory_xact_lock(:key), set_config('jit', 'off', true)")

_SETTLED = text(f"""
    SELECT coalesce((SELECT posted_until FROM stock_progress), to_timestamp(0)),
           least(now(), min(xact_start)) - {MARGIN}
    FROM pg_stat_activity WHERE datname = current_database()
""")  # noqa: S608 - a constant
"""Since when to look, and until when everything will have been seen.

`changed_at` is when a transaction began, so one still open may yet commit rows older than now.
"""

_STAGES = (
    """
    CREATE TEMP TABLE IF NOT EXISTS stage_touched (
        account_id integer, order_no text, line_no text, product_no text, option_no text,
        status text, ordered_at timestamptz, changed_at timestamptz, quantity bigint, gone bigint,
        is_posted boolean
    ) ON COMMIT DROP
    """,
    """
    CREATE TEMP TABLE IF NOT EXISTS stage_moved (
        account_id integer, order_no text, line_no text, sku_id integer, number integer,
        ordered_at timestamptz, settled_at timestamptz, sold bigint, cancelled bigint,
        returned bigint, sold_more bigint, cancelled_more bigint, returned_more bigint,
        reserved_more bigint
    ) ON COMMIT DROP
    """,
    "TRUNCATE stage_touched, stage_moved",
)

_TOUCH = text("""
    WITH keys AS (
        SELECT account_id, order_no, line_no, filed_at FROM market_order_lines
        WHERE changed_at >= :since
        UNION
        SELECT c.account_id, c.order_no, c.line_no, k.filed_at
        FROM market_claims c JOIN market_order_keys k USING (account_id, order_no)
        WHERE c.changed_at >= :since
        UNION
        SELECT l.account_id, l.order_no, l.line_no, l.filed_at
        FROM sku_listings m JOIN stock_balances b USING (sku_id)
        JOIN market_order_lines l ON (l.account_id, l.product_no, l.option_no)
            = (m.account_id, m.product_no, m.option_no) AND l.ordered_at > b.counted_at
        WHERE m.mapped_at >= :since OR b.opened_at >= :since
    )
    INSERT INTO stage_touched
    SELECT l.account_id, l.order_no, l.line_no, l.product_no, l.option_no, l.status, l.ordered_at,
           l.changed_at, l.quantity, coalesce(l.cancelled_quantity, 0), EXISTS (
               SELECT FROM stock_postings p
               WHERE (p.account_id, p.order_no, p.line_no) = (l.account_id, l.order_no, l.line_no)
           )
    FROM keys JOIN market_order_lines l USING (account_id, order_no, line_no, filed_at)
""")

_FREEZE = text("""
    INSERT INTO stock_postings (account_id, order_no, line_no, sku_id, pieces)
    SELECT t.account_id, t.order_no, t.line_no, m.sku_id, m.pieces
    FROM stage_touched t JOIN sku_listings m ON (m.account_id, m.product_no, m.option_no)
        = (t.account_id, t.product_no, t.option_no)
    WHERE EXISTS (
        SELECT FROM sku_listings n JOIN stock_balances b USING (sku_id)
        WHERE (n.account_id, n.product_no, n.option_no)
            = (t.account_id, t.product_no, t.option_no) AND b.counted_at < t.ordered_at
    )
    AND NOT t.is_posted
""")
"""A line keeps the SKUs and pieces it is first posted with: a later mapping is about later lines,
and a cancel brings back what its sale took. Which lines are posted is asked before, because a
statement that looks into the table it fills is quadratic while the planner takes that for empty.
"""

_COMPARE = text("""
    WITH claimed AS (
        SELECT account_id, order_no, line_no, sum(c.quantity) AS gone,
               coalesce(sum(c.quantity) FILTER (WHERE c.kind = 'return'), 0) AS returned,
               max(c.completed_at) AS settled_at
        FROM stage_touched t JOIN market_claims c USING (account_id, order_no, line_no)
        WHERE c.status = 'done' AND c.kind IN ('cancel', 'return')
        GROUP BY account_id, order_no, line_no
    ), told AS (
        SELECT t.*, coalesce(c.settled_at, t.changed_at) AS settled_at,
               greatest(t.gone, coalesce(c.gone, 0)) AS told_gone,
               coalesce(c.returned, 0) AS told_returned
        FROM stage_touched t LEFT JOIN claimed c USING (account_id, order_no, line_no)
    ), ended AS (
        SELECT *, CASE WHEN told_gone = 0 AND status IN ('cancelled', 'returned') THEN quantity
                  ELSE least(told_gone, quantity) END AS all_gone
        FROM told
    ), wanted AS (
        SELECT p.*, e.ordered_at, e.settled_at,
               CASE WHEN e.status = 'unpaid' AND p.sold = 0 THEN 0
                    ELSE e.quantity * p.pieces END AS sold_now,
               CASE WHEN e.status = 'unpaid' AND p.sold = 0 THEN 0
                    ELSE e.all_gone * p.pieces END AS gone_now,
               CASE WHEN e.status = 'returned' AND e.told_returned = 0 THEN e.all_gone
                    ELSE e.told_returned END * p.pieces AS returned_now,
               CASE WHEN e.status = 'unpaid' AND p.sold = 0
                    THEN (e.quantity - e.all_gone) * p.pieces ELSE 0 END AS reserved_now
        FROM ended e JOIN stock_postings p USING (account_id, order_no, line_no)
        JOIN stock_balances b USING (sku_id)
        WHERE b.counted_at < e.ordered_at OR p.entries > 0 OR p.reserved > 0
    ), moved AS (
        SELECT *, gone_now - cancelled - returned AS gone_more FROM wanted
    ), split AS (
        SELECT *, CASE WHEN gone_more < 0 THEN least(0, gone_more + cancelled)
                  ELSE least(gone_more, greatest(0, returned_now - returned)) END AS returned_more
        FROM moved
    )
    INSERT INTO stage_moved
    SELECT account_id, order_no, line_no, sku_id, entries + 1, ordered_at, settled_at, sold_now,
           cancelled + gone_more - returned_more, returned + returned_more, sold_now - sold,
           gone_more - returned_more, returned_more, reserved_now - reserved
    FROM split
    WHERE sold_now <> sold OR gone_more <> 0 OR reserved_now <> reserved
""")
"""Pieces gone for good come from the line or from its finished claims, whichever tells of more."""

_POST = text("""
    INSERT INTO stock_ledger (sku_id, occurred_at, kind, quantity, source_key, run_id)
    SELECT m.sku_id, e.occurred_at, e.kind, e.quantity,
           concat_ws(':', e.kind, m.account_id, m.order_no, m.line_no, m.sku_id, m.number, e.total),
           :run_id
    FROM stage_moved m CROSS JOIN LATERAL (
        VALUES (1, 'sale', m.ordered_at, -m.sold_more, m.sold),
               (2, 'cancel', m.settled_at, m.cancelled_more, m.cancelled),
               (3, 'return', m.settled_at, m.returned_more, m.returned)
    ) e (place, kind, occurred_at, quantity, total)
    WHERE e.quantity <> 0
    ORDER BY m.sku_id, e.occurred_at, e.place
    ON CONFLICT (source_key) DO NOTHING
""")

_REMEMBER = text("""
    UPDATE stock_postings p
    SET sold = m.sold, cancelled = m.cancelled, returned = m.returned,
        reserved = p.reserved + m.reserved_more,
        entries = CASE WHEN (m.sold_more, m.cancelled_more, m.returned_more) = (0, 0, 0)
                  THEN p.entries ELSE m.number END
    FROM stage_moved m
    WHERE (p.account_id, p.order_no, p.line_no, p.sku_id)
        = (m.account_id, m.order_no, m.line_no, m.sku_id)
""")

_RESERVE = text("""
    UPDATE stock_balances b SET reserved = b.reserved + m.more, changed_at = now()
    FROM (SELECT sku_id, sum(reserved_more) AS more FROM stage_moved GROUP BY sku_id) m
    WHERE b.sku_id = m.sku_id AND m.more <> 0
""")

_PROGRESS = text("""
    INSERT INTO stock_progress AS p (posted_until) VALUES (:until)
    ON CONFLICT (id) DO UPDATE SET posted_until = greatest(p.posted_until, excluded.posted_until)
""")

_INSERT = """
    INSERT INTO stock_ledger (sku_id, occurred_at, kind, quantity, source_key, note, run_id)
    SELECT * FROM stage_entries ORDER BY sku_id, occurred_at
    ON CONFLICT (source_key) DO NOTHING RETURNING source_key
"""


def lock(db: Connection) -> None:
    """Be the only one to add to the ledger until the transaction ends."""
    db.execute(_BEGIN, {"key": LOCK})


def post_lines(db: Connection, *, run_id: str | None, whole: bool) -> Posting:
    """Enter what changed of order lines and claims since the last posting.

    whole: look at every line there is instead; the answer is the same, only slower.
    """
    lock(db)
    since, until = db.execute(_SETTLED).one()
    for stage in _STAGES:
        db.execute(text(stage))
    lines = db.execute(_TOUCH, {"since": BEGINNING if whole else since}).rowcount
    below = raw_connection(db)
    refresh_statistics(below, "stage_touched", lines)
    refresh_statistics(below, "stock_postings", db.execute(_FREEZE).rowcount)
    refresh_statistics(below, "stage_moved", db.execute(_COMPARE).rowcount)
    entries = db.execute(_POST, {"run_id": run_id}).rowcount
    db.execute(_REMEMBER)
    db.execute(_RESERVE)
    db.execute(_PROGRESS, {"until": until})
    skus = db.execute(text("SELECT DISTINCT sku_id FROM stage_moved ORDER BY sku_id"))
    return Posting(lines, entries, list(skus.scalars()))


def add_entries(db: Connection, entries: Sequence[Entry]) -> set[str]:
    """Enter what is not in the ledger yet; return the source keys that were new."""
    below = raw_connection(db)
    if unfit := copy_rows(below, ENTRIES, entries):
        raise ValueError(f"the database cannot hold {unfit[0].row}: {unfit[0].reason}")
    added = {key for (key,) in below.execute(_INSERT)}
    refresh_statistics(below, "stock_balances", len(added))
    return added


def balances(db: Connection, skus: Collection[int] | None = None) -> list[Balance]:
    """Return the sums of these SKUs, or of all, by code; those never counted included."""
    found = db.execute(
        text("""
            SELECT k.id, k.code, k.name, coalesce(b.on_hand, 0), coalesce(b.reserved, 0),
                   b.counted_at
            FROM skus k LEFT JOIN stock_balances b ON b.sku_id = k.id
            WHERE CAST(:skus AS integer[]) IS NULL OR k.id = ANY(CAST(:skus AS integer[]))
            ORDER BY k.code
        """),
        {"skus": None if skus is None else list(skus)},
    )
    return [Balance(*row) for row in found]


def stock_at(db: Connection, moments: Mapping[int, datetime]) -> dict[int, int]:
    """Return what the ledger of each SKU (id → moment) came to at its moment, that included."""
    found = db.execute(
        text("""
            SELECT w.sku_id, (
                SELECT coalesce(sum(quantity), 0)::bigint FROM stock_ledger l
                WHERE l.sku_id = w.sku_id AND l.occurred_at <= w.moment
            )
            FROM unnest(CAST(:skus AS integer[]), CAST(:moments AS timestamptz[]))
                w (sku_id, moment)
        """),
        {"skus": list(moments), "moments": list(moments.values())},
    )
    return {int(sku): int(quantity) for sku, quantity in found}


def quantities(db: Connection, keys: Collection[str]) -> dict[str, int]:
    """Return the pieces of the entries with these source keys; none, no item."""
    found = db.execute(
        text("SELECT source_key, quantity FROM stock_ledger WHERE source_key = ANY(:keys)"),
        {"keys": list(keys)},
    )
    return {str(key): int(quantity) for key, quantity in found}


def history(db: Connection, sku_id: int, *, most: int) -> list[Entry]:
    """Return the last entries of a SKU, newest first."""
    found = db.execute(
        text("""
            SELECT sku_id, occurred_at, kind, quantity, source_key, note, run_id
            FROM stock_ledger WHERE sku_id = :sku ORDER BY occurred_at DESC, id DESC LIMIT :most
        """),
        {"sku": sku_id, "most": most},
    )
    return [Entry(*row) for row in found]
