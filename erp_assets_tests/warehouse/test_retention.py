"""What is old goes, what is young, open or needed stays; sizes and dead rows are told."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import event, text

from erp_assets.records import Batch, ClaimStatus, LineStatus, RawDocument
from erp_assets.warehouse import marks, retention
from erp_assets.warehouse.loading import load
from erp_assets_tests.warehouse.rows import claim, line, order, product

NOW = datetime(2027, 11, 24, 19, 30, tzinfo=UTC)
LIMIT = NOW - timedelta(days=365)
INSTANT = timedelta(microseconds=1)


def run(warehouse, statement, **values):
    with warehouse.transaction() as db:
        done = db.execute(text(statement), values)
        return [tuple(row) for row in done] if done.returns_rows else []


@pytest.fixture
def committed(warehouse):
    """How many rows each DELETE took, in order."""
    found = []

    def note(connection, cursor, statement, *_):
        if "DELETE FROM" in statement:
            found.append(cursor.rowcount)

    event.listen(warehouse.engine, "after_cursor_execute", note)
    return found


# ── missed slots ───────────────────────────────────────────────────────────────────────────────
def add_missed(warehouse, *noted):
    for n, at in enumerate(noted):
        run(
            warehouse,
            "INSERT INTO missed_slots (job_id, slot, reason, noted_at) "
            "VALUES (1, :slot, 'down', :at)",
            slot=NOW + timedelta(hours=n),
            at=at,
        )


def test_missed_slots_go_when_older_than_the_limit_and_no_sooner(warehouse):
    add_missed(warehouse, LIMIT - timedelta(days=9), LIMIT - INSTANT, LIMIT, NOW)
    assert retention.prune_missed_slots(warehouse, LIMIT).removed == 2
    assert run(warehouse, "SELECT noted_at FROM missed_slots ORDER BY 1") == [(LIMIT,), (NOW,)]


def test_rows_go_in_batches(warehouse, committed):
    add_missed(warehouse, *[LIMIT - INSTANT] * 7)
    assert retention.prune_missed_slots(warehouse, LIMIT, most=3).removed == 7
    assert committed == [3, 3, 1]


# ── executions ─────────────────────────────────────────────────────────────────────────────────
def add_execution(warehouse, number, ended, *, status="completed", job=1, retry_of=None):
    run(
        warehouse,
        """
        INSERT INTO job_executions
            (id, job_id, status, scheduled_for, created_at, completed_at, retry_of)
        VALUES (:id, :job, :status, :slot, :created, :ended, :retry_of)
        """,
        id=number,
        job=job,
        status=status,
        slot=NOW + timedelta(minutes=number),
        created=(ended or LIMIT - timedelta(days=2)) - timedelta(minutes=5),
        ended=ended,
        retry_of=retry_of,
    )


def add_newest(warehouse, job=1):
    """So many young ones that no older one counts among the newest of its job."""
    for n in range(retention.KEPT_EXECUTIONS):
        add_execution(warehouse, 1000 * job + n, NOW, job=job)


def executions(warehouse, below=1000):
    found = run(warehouse, "SELECT id FROM job_executions WHERE id < :n ORDER BY id", n=below)
    return [number for (number,) in found]


def test_executions_go_when_they_ended_before_the_limit_and_no_sooner(warehouse):
    add_execution(warehouse, 1, LIMIT - INSTANT)
    add_execution(warehouse, 2, LIMIT)
    add_execution(warehouse, 3, LIMIT - timedelta(days=1), status="failed")
    add_execution(warehouse, 4, None, status="running")
    add_execution(warehouse, 5, None, status="queued")
    add_newest(warehouse)
    done = retention.prune_executions(warehouse, LIMIT)
    assert done.removed == 2
    assert executions(warehouse) == [2, 4, 5]
    assert executions(warehouse, 10**6)[3:] == [1000 + n for n in range(10)]


def test_the_newest_executions_of_each_job_stay_however_old(warehouse):
    add_newest(warehouse, job=2)
    old = range(1, retention.KEPT_EXECUTIONS + 4)
    for number in old:
        add_execution(warehouse, number, LIMIT - timedelta(days=99) + timedelta(days=number))
    assert retention.prune_executions(warehouse, LIMIT, most=2).removed == 3
    assert executions(warehouse) == list(old)[3:]


def test_runs_go_with_their_execution_and_a_retry_forgets_the_attempt_before(warehouse):
    add_execution(warehouse, 1, LIMIT - timedelta(days=1), status="failed")
    add_execution(warehouse, 2, NOW, retry_of=1)
    for number in (1, 2):
        run(
            warehouse,
            "INSERT INTO execution_runs (execution_id, run_key, work) VALUES (:n, :key, '{}')",
            n=number,
            key=f"1:{number}",
        )
    add_newest(warehouse)
    assert retention.prune_executions(warehouse, LIMIT).removed == 1
    assert run(warehouse, "SELECT execution_id FROM execution_runs") == [(2,)]
    assert run(warehouse, "SELECT retry_of FROM job_executions WHERE id = 2") == [(None,)]


def test_removing_an_execution_scans_no_table_for_its_retries(warehouse):
    rows = "job_executions_retry_of_idx"
    with warehouse.transaction() as db:
        db.execute(text("SET LOCAL enable_seqscan = off"))
        plan = db.execute(text("EXPLAIN SELECT FROM job_executions WHERE retry_of = 7")).scalars()
        assert rows in "\n".join(plan)


# ── raw documents ──────────────────────────────────────────────────────────────────────────────
PLACED = LIMIT - timedelta(days=30)


def store(warehouse, account, batch, *, changed=LIMIT - INSTANT):
    """Store a batch, its documents as if they had last changed at that instant."""
    with warehouse.transaction() as db:
        load(db, account_id=account, kind="orders", batch=batch)
        db.execute(
            text("""
                UPDATE raw_documents SET changed_at = :at
                WHERE account_id = :account AND document_no = ANY(:numbers)
            """),
            {
                "at": changed,
                "account": account,
                "numbers": [it.document_no for it in batch.documents],
            },
        )


def bought(order_no, line_no, status, *, document, **values):
    """An order of one line and the document it came in."""
    batch = Batch()
    batch.orders.append(order(order_no, ordered_at=PLACED))
    batch.lines.append(line(order_no, line_no, ordered_at=PLACED, status=status, **values))
    batch.documents.append(RawDocument("orders", document, b"{}"))
    return batch


def documents(warehouse):
    found = run(
        warehouse, "SELECT account_id, kind, document_no FROM raw_documents ORDER BY 1, 2, 3"
    )
    return [f"{account} {kind} {number}" for account, kind, number in found]


def prune(warehouse, **options):
    return retention.prune_raw_documents(warehouse, LIMIT, **options).removed


def test_documents_go_when_they_last_changed_before_the_limit_and_no_sooner(warehouse):
    over = LineStatus.COMPLETED
    store(warehouse, 2, bought("1", "11", over, document="11"), changed=LIMIT - INSTANT)
    store(warehouse, 2, bought("2", "22", over, document="22"), changed=LIMIT)
    assert prune(warehouse) == 1
    assert documents(warehouse) == ["2 orders 22"]


SHAPES = {
    "coupang": (1, "900", "900-7", "900", "900"),
    "naver": (2, "2026A", "2026A1", "P9", "2026A1"),
    "eleven": (3, "55", "1", "D8", "55-1"),
    "eleven, another form": (3, "55", "1", "D8", "55-1 complete"),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    ("status", "held", "stays"),
    [
        (LineStatus.NEW, None, True),
        (LineStatus.SHIPPED, None, True),
        (LineStatus.DELIVERED, None, True),
        (LineStatus.IN_CLAIM, None, True),
        (LineStatus.COMPLETED, 1, True),
        (LineStatus.COMPLETED, None, False),
        (LineStatus.CANCELLED, 0, False),
        (LineStatus.RETURNED, None, False),
        (LineStatus.EXCHANGED, None, False),
    ],
)
def test_documents_of_an_order_stay_while_one_of_its_lines_is_open(
    warehouse, shape, status, held, stays
):
    account, order_no, line_no, shipment, document = shape
    told = {"shipment_no": shipment, "held_quantity": held}
    store(warehouse, account, bought(order_no, line_no, status, document=document, **told))
    assert prune(warehouse) == (0 if stays else 1)
    assert documents(warehouse) == ([f"{account} orders {document}"] if stays else [])


def test_one_open_line_keeps_the_documents_of_the_whole_order(warehouse):
    store(warehouse, 2, bought("1", "11", LineStatus.COMPLETED, document="11"))
    store(warehouse, 2, bought("1", "12", LineStatus.SHIPPED, document="12"))
    store(warehouse, 2, bought("2", "21", LineStatus.COMPLETED, document="21"))
    store(warehouse, 3, bought("1", "11", LineStatus.COMPLETED, document="1-11"))
    assert prune(warehouse) == 2
    assert documents(warehouse) == ["2 orders 11", "2 orders 12"]


@pytest.mark.parametrize(
    ("account", "claim_no", "document"), [(1, "700", "700"), (3, "R7", "R7-1")]
)
@pytest.mark.parametrize(
    ("line_status", "claim_status", "stays"),
    [
        (LineStatus.RETURNED, ClaimStatus.REQUESTED, True),
        (LineStatus.RETURNED, ClaimStatus.IN_PROGRESS, True),
        (LineStatus.DELIVERED, ClaimStatus.REJECTED, True),
        (LineStatus.RETURNED, ClaimStatus.DONE, False),
        (LineStatus.COMPLETED, ClaimStatus.WITHDRAWN, False),
    ],
)
def test_a_claim_is_kept_with_its_order_while_either_is_open(
    warehouse, account, claim_no, document, line_status, claim_status, stays
):
    batch = bought("1", "1", line_status, document="1-1")
    batch.claims.append(claim(claim_no, "1", "1", status=claim_status))
    batch.documents.append(RawDocument("claims", document, b"{}"))
    store(warehouse, account, batch)
    kept = [f"{account} claims {document}", f"{account} orders 1-1"] if stays else []
    assert prune(warehouse) == 2 - len(kept)
    assert documents(warehouse) == kept


def test_documents_of_listings_stay_because_each_is_the_only_one(warehouse):
    rows = Batch(products=[product()])
    rows.documents += [RawDocument(kind, "7", b"{}") for kind in ("products", "offers")]
    store(warehouse, 1, rows, changed=LIMIT - timedelta(days=999))
    assert prune(warehouse) == 0
    assert documents(warehouse) == ["1 offers 7", "1 products 7"]


def test_raw_documents_are_walked_block_by_block_to_their_end(warehouse, committed):
    batch = Batch()
    batch.documents += [
        RawDocument("orders", str(n), b'{"x": "' + b"x" * 900 + b'"}') for n in range(60)
    ]
    store(warehouse, 1, batch)
    assert prune(warehouse, blocks=1) == 60
    assert len(committed) > 6
    assert max(committed) < 20
    assert documents(warehouse) == []


def test_pruning_leaves_no_temporary_table_in_the_pool(warehouse):
    assert (prune(warehouse), prune(warehouse)) == (0, 0)
    left = run(warehouse, "SELECT to_regclass('open_documents'), to_regclass('open_orders')")
    assert left == [(None, None)]


# ── sizes and dead rows ────────────────────────────────────────────────────────────────────────
def test_sizes_before_and_after_are_told_and_dead_rows_are_vacuumed_away(warehouse):
    batch = Batch()
    batch.documents += [
        RawDocument("orders", str(n), f'{{"n": "{n:0>900}"}}'.encode()) for n in range(3000)
    ]
    store(warehouse, 1, batch)
    size = retention.table_bytes(warehouse, "raw_documents")
    done = retention.prune_raw_documents(warehouse, LIMIT)
    assert (done.removed, done.bytes_before) == (3000, size)
    assert done.bytes_after > 3000 * 900
    found = {it.table: it for it in retention.vacuum(warehouse)}
    table = found["public.raw_documents"]
    assert table.dead >= 3000
    assert table.bytes_before > 3000 * 900
    assert table.bytes_after < table.bytes_before / 4
    assert "public.raw_documents" not in {it.table for it in retention.vacuum(warehouse)}


def test_a_table_is_vacuumed_from_the_share_of_dead_rows_on(warehouse):
    run(warehouse, 'CREATE TABLE "odd: %s name" AS SELECT n FROM generate_series(1, 4000) n')
    run(warehouse, 'DELETE FROM "odd: %s name" WHERE n <= 1000')
    run(warehouse, "SELECT pg_stat_force_next_flush()")
    assert retention.vacuum(warehouse, dead_share=0.26) == []
    assert retention.vacuum(warehouse, dead_share=0.1, dead_rows=1001) == []
    [done] = retention.vacuum(warehouse, dead_share=0.25, dead_rows=1000)
    assert (done.table, done.dead, done.live) == ('public."odd: %s name"', 1000, 3000)


def test_a_table_somebody_holds_is_passed_over(warehouse):
    run(warehouse, "CREATE TABLE held AS SELECT n FROM generate_series(1, 4000) n")
    run(warehouse, "DELETE FROM held")
    run(warehouse, "SELECT pg_stat_force_next_flush()")
    with psycopg.connect(warehouse.url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE held IN SHARE UPDATE EXCLUSIVE MODE")
        assert retention.vacuum(warehouse) == []
    assert [it.table for it in retention.vacuum(warehouse)] == ["public.held"]


# ── the months to come ─────────────────────────────────────────────────────────────────────────
def test_the_months_ahead_begin_with_this_one_and_cross_the_year():
    found = marks.months_ahead(datetime(2026, 11, 30, 23, 30, tzinfo=UTC), 3)
    assert [f"{it:%Y-%m-%d %H:%M%z}" for it in found] == [
        "2026-11-01 00:00+0000",
        "2026-12-01 00:00+0000",
        "2027-01-01 00:00+0000",
        "2027-02-01 00:00+0000",
    ]


def test_partitions_are_made_ahead_once_and_take_rows(warehouse):
    with warehouse.transaction() as db:
        made = marks.prepare_months(db, NOW, months=3)
    assert made == [
        f"market_{table}_{month}"
        for table in ("order_lines", "orders")
        for month in ("2027_11", "2027_12", "2028_01", "2028_02")
    ]
    with warehouse.transaction() as db:
        assert marks.prepare_months(db, NOW, months=3) == []
        late = datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)
        load(db, account_id=1, kind="orders", batch=Batch(orders=[order("9", ordered_at=late)]))
        found = db.execute(text("SELECT order_no FROM market_orders_2028_02")).scalars().all()
    assert found == ["9"]
