"""Loading: later rows win, silence erases nothing, repeats change nothing, bad rows stand alone."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from erp_assets.clock import Window
from erp_assets.records import (
    Batch,
    ClaimStatus,
    ClaimUpdate,
    LineStatus,
    LineUpdate,
    RawDocument,
    Rejected,
)
from erp_assets.warehouse.loading import load
from erp_assets_tests.warehouse.rows import (
    PLACED,
    claim,
    line,
    offer,
    option,
    order,
    orders,
    product,
)

EVIL = "'; DROP TABLE market_orders; --\t\\N\n\\.\r\n%s :x {y} $1"


def put(warehouse, kind="orders", account=1, **rows):
    with warehouse.transaction() as db:
        return load(db, account_id=account, kind=kind, batch=Batch(**rows), run_id="run")


def read(warehouse, statement, **values):
    with warehouse.transaction() as db:
        return [tuple(row) for row in db.execute(text(statement), values)]


def one(warehouse, columns, table="market_order_lines"):
    (row,) = read(warehouse, f"SELECT {columns} FROM {table}")
    return row


def rejected(warehouse):
    return read(
        warehouse,
        "SELECT kind, document_no, reason, times, resolved_at IS NULL "
        "FROM rejected_rows ORDER BY id",
    )


def test_a_row_arrives_value_for_value(warehouse):
    full = line(
        held_quantity=1,
        cancelled_quantity=0,
        carrier="CJGLS",
        invoice_no="1234",
        shipped_at=PLACED + timedelta(hours=5),
        receiver_name="김철수",
        delivery_note="문 앞",
    )
    loaded = put(warehouse, orders=[order()], lines=[full])
    assert (loaded["market_order_lines"].inserted, loaded["market_orders"].inserted) == (1, 1)
    assert one(warehouse, ", ".join(full._fields)) == tuple(full)
    assert one(warehouse, "order_no, ordered_at, paid_at, buyer_name", "market_orders") == (
        "1000",
        PLACED,
        None,
        "홍길동",
    )


def test_a_repeat_touches_no_row(warehouse):
    rows = orders(50)
    put(warehouse, orders=rows.orders, lines=rows.lines)
    before = read(warehouse, "SELECT order_no, xmin::text, ctid::text FROM market_order_lines")
    loaded = put(warehouse, orders=rows.orders, lines=rows.lines)
    tally = loaded["market_order_lines"]
    assert (tally.seen, tally.inserted, tally.updated, tally.unchanged) == (50, 0, 0, 50)
    after = read(warehouse, "SELECT order_no, xmin::text, ctid::text FROM market_order_lines")
    assert sorted(before) == sorted(after)


def test_a_change_is_stamped_and_its_first_sight_kept(warehouse):
    put(warehouse, lines=[line()])
    put(warehouse, lines=[line(status=LineStatus.SHIPPED, market_status="DEPARTURE")])
    status, is_later = one(warehouse, "status, changed_at > first_seen_at")
    assert (status, is_later) == ("shipped", True)


def test_silence_erases_nothing_and_pieces_never_shrink(warehouse):
    put(warehouse, lines=[line(quantity=3, invoice_no="1234")])
    put(warehouse, lines=[line(quantity=1, option_no=None, status=LineStatus.CANCELLED)])
    assert one(warehouse, "quantity, invoice_no, option_no, status") == (
        3,
        "1234",
        "70",
        "cancelled",
    )


def test_within_a_batch_the_later_row_wins_field_by_field(warehouse):
    put(
        warehouse,
        lines=[line(carrier="CJGLS"), line(status=LineStatus.CONFIRMED, carrier=None)],
    )
    assert one(warehouse, "status, carrier") == ("confirmed", "CJGLS")


def test_an_order_that_moves_to_another_month_is_not_stored_twice(warehouse):
    put(warehouse, orders=[order()], lines=[line()])
    later = datetime(2026, 11, 2, tzinfo=UTC)
    loaded = put(warehouse, orders=[order(ordered_at=later)], lines=[line(ordered_at=later)])
    assert loaded["market_order_lines"].updated == 1
    assert one(warehouse, "ordered_at, filed_at") == (later, PLACED)
    assert one(warehouse, "ordered_at, filed_at", "market_orders") == (later, PLACED)


def test_rows_of_every_month_find_a_partition(warehouse):
    months = [
        datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC) + timedelta(days=31 * n) for n in range(15)
    ]
    put(warehouse, lines=[line(str(n), ordered_at=at) for n, at in enumerate(months)])
    found = read(
        warehouse,
        "SELECT tableoid::regclass::text, to_char(ordered_at AT TIME ZONE 'UTC', 'YYYY_MM') "
        "FROM market_order_lines",
    )
    assert len(found) == 15
    assert all(table == f"market_order_lines_{month}" for table, month in found)


def test_accounts_do_not_mix(warehouse):
    put(warehouse, account=1, lines=[line()])
    put(warehouse, account=2, lines=[line(status=LineStatus.SHIPPED)])
    assert read(warehouse, "SELECT account_id, status FROM market_order_lines ORDER BY 1") == [
        (1, "new"),
        (2, "shipped"),
    ]


def test_updates_apply_after_rows_and_never_make_a_line(warehouse):
    update = LineUpdate("1000", "1", LineStatus.SHIPPED, "배송중", invoice_no="77")
    loaded = put(warehouse, line_updates=[update])
    assert loaded["market_order_lines"].updated == 0
    put(warehouse, lines=[line()], line_updates=[update])
    assert one(warehouse, "status, invoice_no, quantity") == ("shipped", "77", 2)


def test_orders_mentioned_but_not_stored_whole_are_wanted(warehouse):
    put(warehouse, line_updates=[LineUpdate("2000", "1", LineStatus.SHIPPED, "배송중")])
    put(warehouse, kind="claims", claims=[claim(order_no="3000")])
    put(warehouse, lines=[line("4000", option_no=None), line("5000")])
    found = read(warehouse, "SELECT order_no FROM wanted_orders ORDER BY 1")
    assert found == [("2000",), ("3000",), ("4000",)]


def test_claims_are_stored_per_line_and_updated_by_number(warehouse):
    put(warehouse, claims=[claim(line_no="1"), claim(line_no="2")])
    put(warehouse, claim_updates=[ClaimUpdate("90", ClaimStatus.WITHDRAWN, "철회")])
    assert read(warehouse, "SELECT line_no, status FROM market_claims ORDER BY 1") == [
        ("1", "withdrawn"),
        ("2", "withdrawn"),
    ]


def test_offers_keep_a_history_of_changes_only(warehouse):
    put(warehouse, products=[product()], options=[option()], offers=[offer(stock=5)])
    put(warehouse, offers=[offer(stock=5)])
    put(warehouse, offers=[offer(stock=4)])
    put(warehouse, offers=[offer(stock=4, price=20_000)])
    assert read(warehouse, "SELECT stock FROM stock_snapshots ORDER BY seen_at") == [(5,), (4,)]
    assert read(warehouse, "SELECT price FROM price_snapshots ORDER BY seen_at") == [
        (19_000,),
        (20_000,),
    ]
    assert one(warehouse, "stock, price, on_sale", "market_skus") == (4, 20_000, True)


def test_an_offer_of_an_unknown_option_is_rejected(warehouse):
    loaded = put(warehouse, kind="offers", offers=[offer("8", "80")])
    assert loaded.rejected == 1
    ((kind, number, reason, times, waits),) = rejected(warehouse)
    assert (kind, number, times, waits) == ("offers", "8-80", 1, True)
    assert "no product lists" in reason


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"quantity": 2**31}, id="quantity-beyond-integer"),
        pytest.param({"unit_price": 2**63}, id="price-beyond-bigint"),
        pytest.param({"product_name": "a\x00b"}, id="nul"),
        pytest.param({"product_name": "\ud800"}, id="lone-surrogate"),
        pytest.param({"order_no": "10\x0000"}, id="nul-in-key"),
    ],
)
def test_a_row_the_database_cannot_hold_is_rejected_alone(warehouse, bad):
    rows = orders(20).lines
    loaded = put(warehouse, lines=[*rows[:7], line(**({"order_no": "bad"} | bad)), *rows[7:]])
    assert loaded["market_order_lines"].inserted == 20
    assert loaded.rejected == 1
    ((kind, number, reason, _, _),) = rejected(warehouse)
    assert kind == "orders"
    assert number.startswith(("bad", "10"))
    assert "cannot hold" in reason


def test_text_of_a_market_is_data_and_nothing_else(warehouse):
    put(
        warehouse,
        orders=[order(EVIL, buyer_name=EVIL)],
        lines=[line(EVIL, product_name=EVIL, address=EVIL)],
        claims=[claim(EVIL, EVIL, reason=EVIL)],
        products=[product(EVIL, name=EVIL)],
        options=[option(EVIL, EVIL, EVIL)],
        offers=[offer(EVIL, EVIL)],
        documents=[RawDocument("orders", EVIL, b'{"a": "\'; DROP TABLE skus"}')],
        rejected=[Rejected("orders", EVIL, EVIL, EVIL)],
    )
    assert one(warehouse, "order_no, product_name, address") == (EVIL, EVIL, EVIL)
    assert one(warehouse, "claim_no, reason", "market_claims") == (EVIL, EVIL)
    assert rejected(warehouse)[0][:3] == ("orders", EVIL, EVIL)


def test_documents_keep_the_latest_text_and_count_only_changes(warehouse):
    first = RawDocument("orders", "1", b'{"n": 1}')
    markup = RawDocument("claims", "1", b"<claim><n>1</n></claim>")
    put(warehouse, documents=[first, markup])
    loaded = put(warehouse, documents=[first, markup])
    assert (loaded["raw_documents"].seen, loaded["raw_documents"].unchanged) == (2, 2)
    loaded = put(warehouse, documents=[first._replace(body=b'{"n": 2}')])
    assert loaded["raw_documents"].updated == 1
    found = read(warehouse, "SELECT kind, body, xml, run_id FROM raw_documents ORDER BY kind")
    assert found == [
        ("claims", None, markup.body.decode(), "run"),
        ("orders", {"n": 2}, None, "run"),
    ]


def test_a_rejected_row_is_counted_not_repeated_and_healed_by_its_document(warehouse):
    window = Window(PLACED, PLACED + timedelta(days=1))
    row = Rejected("orders", "status: unknown value 'X'", '{"status": "X"}', "1")
    for _ in range(3):
        with warehouse.transaction() as db:
            load(db, account_id=1, kind="orders", batch=Batch(rejected=[row]), window=window)
    assert rejected(warehouse) == [("orders", "1", row.reason, 3, True)]
    put(warehouse, lines=[line()], documents=[RawDocument("orders", "1", b"{}")])
    assert rejected(warehouse) == [("orders", "1", row.reason, 3, False)]
    put(warehouse, rejected=[row])
    assert rejected(warehouse) == [("orders", "1", row.reason, 4, True)]


def test_a_rejected_row_without_a_number_is_known_by_its_text(warehouse):
    rows = [
        Rejected("orders", "no number", body)
        for body in ("a", "b", "a", "c\x00\ud800" + "x" * 30_000)
    ]
    assert put(warehouse, rejected=rows).rejected == 3
    assert len(rejected(warehouse)) == 3
    ((longest,),) = read(warehouse, "SELECT max(length(body)) FROM rejected_rows")
    assert longest == 20_000


def test_an_exception_takes_everything_of_the_batch_back(warehouse):
    def killed():
        with warehouse.transaction() as db:
            load(db, account_id=1, kind="orders", batch=orders(5))
            raise RuntimeError("killed here")

    with pytest.raises(RuntimeError):
        killed()
    assert read(warehouse, "SELECT count(*) FROM market_order_lines") == [(0,)]
    assert read(warehouse, "SELECT count(*) FROM market_order_keys") == [(0,)]


def test_loads_of_one_account_at_once_neither_double_nor_deadlock(warehouse):
    """Claims and orders of an account are collected side by side and may store the same order."""
    forward, backward = orders(300), orders(300, status=LineStatus.CONFIRMED)
    backward.lines.reverse()
    backward.orders.reverse()
    failures = []

    def work(batch):
        try:
            for _ in range(5):
                with warehouse.transaction() as db:
                    load(db, account_id=1, kind="orders", batch=batch)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(batch,)) for batch in (forward, backward)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert read(warehouse, "SELECT count(*), count(DISTINCT order_no) FROM market_order_lines") == [
        (300, 300)
    ]


def test_accounts_that_open_the_same_months_at_once_do_not_lock_up(warehouse):
    failures = []

    def work(account):
        try:
            for n in range(12):
                at = datetime(2024, 1 + n, 3, tzinfo=UTC)
                rows = [line(f"{account}-{n}-{k}", ordered_at=at) for k in range(40)]
                put(warehouse, account=account, lines=rows)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(account,)) for account in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert read(warehouse, "SELECT count(*) FROM market_order_lines") == [(3 * 12 * 40,)]


TOLD = st.builds(
    lambda order_no, line_no, days, status, quantity, invoice: line(
        order_no,
        line_no,
        ordered_at=PLACED + timedelta(days=days),
        status=status,
        quantity=quantity,
        invoice_no=invoice,
    ),
    st.sampled_from("ABC"),
    st.sampled_from("12"),
    st.integers(0, 40),
    st.sampled_from(list(LineStatus)),
    st.integers(1, 5),
    st.none() | st.sampled_from(["x", "y"]),
)


def fold(held, key, told):
    """Let `told` (time, status, pieces, invoice) follow what is held under `key`."""
    _, was, pieces, invoice = held.get(key, (None, None, 0, None))
    at, status, more, other = told
    is_over = {was, status} <= {"cancelled", "returned"}
    held[key] = (at, was if is_over else status, max(more, pieces), other or invoice)


def as_told(batches):
    """What the warehouse must hold: the rules of the vocabulary, written a second way.

    A batch is what came at once: only what it comes to in the end meets what is stored.
    """
    held = {}
    for rows in batches:
        told = {}
        for row in rows:
            values = (row.ordered_at, str(row.status), row.quantity, row.invoice_no)
            fold(told, (row.order_no, row.line_no), values)
        for key, values in told.items():
            fold(held, key, values)
    return held


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(
    batches=[
        [line(status=LineStatus.CANCELLED)],
        [line(status=LineStatus.UNPAID), line(status=LineStatus.RETURNED)],
    ]
)
@given(batches=st.lists(st.lists(TOLD, max_size=8), max_size=6))
def test_whatever_the_batches_what_is_stored_is_what_was_told(warehouse, batches):
    with warehouse.transaction() as db:
        db.execute(text("TRUNCATE market_order_keys, market_orders, market_order_lines"))
    for rows in batches:
        put(warehouse, lines=rows)
    found = read(
        warehouse,
        "SELECT order_no, line_no, ordered_at, status, quantity, invoice_no "
        "FROM market_order_lines",
    )
    assert {row[:2]: row[2:] for row in found} == as_told(batches)
    assert len(found) == len({row[:2] for row in found})


@pytest.mark.parametrize("bad", ["1\x00", "1\ud800"], ids=["NUL", "half a character"])
@pytest.mark.parametrize(
    "rows",
    [
        lambda no: {"documents": [RawDocument("orders", no, b"{}")]},
        lambda no: {"orders": [order(no)], "lines": [line(no)]},
        lambda no: {"orders": [order(no)], "lines": [line(no, option_no=None)]},
        lambda no: {"line_updates": [LineUpdate(no, "1")]},
        lambda no: {"claims": [claim(no, no)]},
        lambda no: {"products": [product(no)], "options": [option(no)]},
        lambda no: {"offers": [offer(no)]},
    ],
    ids=["document", "line", "thin line", "line update", "claim", "product", "offer"],
)
def test_a_number_that_no_text_can_hold_is_rejected_and_the_rest_kept(warehouse, rows, bad):
    good = [RawDocument("products", "9", b"{}")]
    told = rows(bad)
    done = put(warehouse, **{**told, "documents": [*told.get("documents", ()), *good]})
    assert done.rejected >= 1
    with warehouse.transaction() as db:
        kept = db.execute(text("SELECT document_no FROM raw_documents")).scalars().all()
    assert kept == ["9"]
