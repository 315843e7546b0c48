"""What grows old in the warehouse: removed in batches, each a short transaction of its own.

An instant decides, never a count of rows: what is not older than `before` stays. Raw documents stay
longer as long as anything of their order is open, and each job keeps its newest executions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, TextClause, text

from erp_assets.records import ClaimStatus, LineStatus
from erp_assets.warehouse.engine import Warehouse
from erp_assets.warehouse.staging import raw_connection

BATCH_ROWS = 5_000
BATCH_BLOCKS = 1_000
"""How much of raw_documents one transaction looks at: 8 MB, without what lies in TOAST."""

KEPT_EXECUTIONS = 10
"""The newest of each job stay however old: the manual shows them."""

OVER = (LineStatus.COMPLETED, LineStatus.CANCELLED, LineStatus.RETURNED, LineStatus.EXCHANGED)
CLAIM_OPEN = (ClaimStatus.REQUESTED, ClaimStatus.IN_PROGRESS)
PLACED_BEFORE_STORED = timedelta(days=1)
"""An order is placed before its document is stored, give or take the clocks and zones."""

DEAD_SHARE = 0.2
DEAD_ROWS = 1_000
"""From how many dead rows, and which share of all, a table is vacuumed."""

_MISSED = text("""
    DELETE FROM missed_slots WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM missed_slots WHERE noted_at < :before LIMIT :most
    ))
""")

_EXECUTIONS = text("""
    DELETE FROM job_executions WHERE id = ANY (ARRAY (
        SELECT e.id FROM job_executions e
        WHERE e.created_at < :before AND coalesce(e.completed_at, e.created_at) < :before
        AND e.status NOT IN ('queued', 'running')
        AND (
            SELECT count(*) FROM (
                SELECT FROM job_executions n
                WHERE n.job_id = e.job_id AND n.id > e.id LIMIT :kept
            ) newer
        ) = :kept
        ORDER BY e.created_at LIMIT :most
    ))
""")

_OPEN_ORDERS = text("""
    CREATE TEMPORARY TABLE open_orders AS
    SELECT DISTINCT account_id, order_no, filed_at FROM market_order_lines
    WHERE filed_at < :placed
    AND (status <> ALL (CAST(:over AS text[])) OR coalesce(held_quantity, 0) > 0)
    UNION
    SELECT k.account_id, k.order_no, k.filed_at
    FROM market_claims c JOIN market_order_keys k USING (account_id, order_no)
    WHERE c.status = ANY (CAST(:claim_open AS text[])) AND k.filed_at < :placed
""")

_OPEN_DOCUMENTS = text("""
    CREATE TEMPORARY TABLE open_documents AS
    SELECT DISTINCT l.account_id, 'orders' AS kind, d.document_no
    FROM open_orders JOIN market_order_lines l USING (account_id, order_no, filed_at)
    CROSS JOIN LATERAL unnest(ARRAY[l.line_no, l.shipment_no, l.order_no || '-' || l.line_no])
        d (document_no)
    WHERE d.document_no IS NOT NULL
    UNION
    SELECT c.account_id, 'claims', d.document_no
    FROM market_claims c LEFT JOIN open_orders o USING (account_id, order_no)
    CROSS JOIN LATERAL unnest(ARRAY[c.claim_no, c.claim_no || '-' || c.line_no]) d (document_no)
    WHERE o.order_no IS NOT NULL OR c.status = ANY (CAST(:claim_open AS text[]))
""")
"""Coupang numbers its documents by shipment, Naver by line, 11st by order or claim and line."""

_RAW = text("""
    DELETE FROM raw_documents r
    WHERE r.ctid >= CAST(:first AS tid) AND r.ctid < CAST(:end AS tid)
    AND r.kind IN ('orders', 'claims') AND r.changed_at < :before
    AND NOT EXISTS (
        SELECT FROM open_documents o
        WHERE (o.account_id, o.kind, o.document_no)
            = (r.account_id, r.kind, split_part(r.document_no, ' ', 1))
    )
""")
"""What follows a blank in a number names another form of the same row."""

_BLOCKS = text("""
    SELECT CAST(pg_relation_size('raw_documents') / current_setting('block_size')::int AS int)
""")

_COUNTED = text("SELECT pg_stat_force_next_flush()")
"""Let the dead rows of this transaction be counted at its end, so that `vacuum` sees them."""

_SLACK = text("""
    SELECT format('%I.%I', s.schemaname, s.relname) AS name, s.n_dead_tup AS dead,
        s.n_live_tup AS live, pg_total_relation_size(s.relid) AS bytes, s.relid, s.vacuum_count
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    WHERE s.n_dead_tup >= :rows AND s.n_dead_tup >= :share * (s.n_dead_tup + s.n_live_tup)
    AND c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND pg_has_role(c.relowner, 'USAGE')
    ORDER BY s.n_dead_tup DESC
""")

_VACUUMED = text("SELECT vacuum_count FROM pg_stat_user_tables WHERE relid = :relid")


class Pruned(NamedTuple):
    """What was removed from one place; bytes with indexes, or of files."""

    removed: int
    bytes_before: int
    bytes_after: int


class Vacuumed(NamedTuple):
    """One table whose dead rows were freed for reuse. dead, live: rows as counted before."""

    table: str
    dead: int
    live: int
    bytes_before: int
    bytes_after: int


def prune_missed_slots(warehouse: Warehouse, before: datetime, *, most: int = BATCH_ROWS) -> Pruned:
    """Remove what was noted of slots passed over before `before`."""
    return prune(warehouse, "missed_slots", _MISSED, {"before": before, "most": most})


def prune_executions(warehouse: Warehouse, before: datetime, *, most: int = BATCH_ROWS) -> Pruned:
    """Remove executions that ended before `before`, but the newest of each job and open ones."""
    values = {"before": before, "most": most, "kept": KEPT_EXECUTIONS}
    return prune(warehouse, "job_executions", _EXECUTIONS, values)


def prune(
    warehouse: Warehouse, table: str, statement: TextClause, values: Mapping[str, Any]
) -> Pruned:
    """Run a statement that removes up to :most rows until it finds fewer."""
    before = table_bytes(warehouse, table)
    removed = 0
    while True:
        with warehouse.transaction() as db:
            db.execute(_COUNTED)
            found = db.execute(statement, values).rowcount
        removed += found
        if found < values["most"]:
            return Pruned(removed, before, table_bytes(warehouse, table))


def prune_raw_documents(
    warehouse: Warehouse, before: datetime, *, blocks: int = BATCH_BLOCKS
) -> Pruned:
    """Remove documents of orders and claims that last changed before `before`.

    Those of orders with an open line or claim stay; so do those of listings, which are one each.
    Walks the table block by block, so that no index on changed_at has to slow every load down.
    """
    size = table_bytes(warehouse, "raw_documents")
    removed = 0
    with _session(warehouse) as db:
        with db.begin():
            _collect_open(db, before)
            last = db.execute(_BLOCKS).scalar_one()
        for first in range(0, last, blocks):
            values = {"first": f"({first},0)", "end": f"({first + blocks},0)", "before": before}
            with db.begin():
                db.execute(_COUNTED)
                removed += db.execute(_RAW, values).rowcount
    return Pruned(removed, size, table_bytes(warehouse, "raw_documents"))


def vacuum(
    warehouse: Warehouse, *, dead_share: float = DEAD_SHARE, dead_rows: int = DEAD_ROWS
) -> list[Vacuumed]:
    """Vacuum and analyze the tables that are full of dead rows; return them, the fullest first.

    A plain VACUUM: nobody waits for it, and it waits for nobody. It makes room for new rows; files
    shrink only at their end. Tables of other owners are left to them.
    """
    with warehouse.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        return [
            Vacuumed(row.name, row.dead, row.live, row.bytes, _bytes(db, row.name))
            for row in db.execute(_SLACK, {"rows": dead_rows, "share": dead_share}).all()
            if _vacuum(db, row)
        ]


def _vacuum(db: Connection, row: Row[Any]) -> bool:
    """Vacuum one table; return False when it was passed over because somebody works on it."""
    command = f"VACUUM (ANALYZE, SKIP_LOCKED) {row.name}"
    raw_connection(db).execute(
        command.encode()
    )  # SQLAlchemy would take a % in the name for its own
    return bool(db.execute(_VACUUMED, {"relid": row.relid}).scalar_one() > row.vacuum_count)


def table_bytes(warehouse: Warehouse, table: str) -> int:
    """Return what a table takes on disk, with its indexes."""
    with warehouse.transaction() as db:
        return _bytes(db, table)


def _bytes(db: Connection, table: str) -> int:
    size = text("SELECT pg_total_relation_size(CAST(:table AS regclass))")
    return int(db.execute(size, {"table": table}).scalar_one())


def _collect_open(db: Connection, before: datetime) -> None:
    """Note in a temporary table which documents belong to something that is not over."""
    values = {
        "over": [str(it) for it in OVER],
        "claim_open": [str(it) for it in CLAIM_OPEN],
        "placed": before + PLACED_BEFORE_STORED,
    }
    db.execute(_OPEN_ORDERS, values)
    db.execute(_OPEN_DOCUMENTS, values)
    db.execute(text("CREATE INDEX ON open_documents (account_id, kind, document_no)"))
    db.execute(text("ANALYZE open_documents"))


@contextmanager
def _session(warehouse: Warehouse) -> Iterator[Connection]:
    """Yield a connection that is closed at the end, and its temporary tables with it."""
    with warehouse.engine.connect() as db:
        db.detach()
        yield db
