"""What stock planning reads of the warehouse, and keeps in it."""

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from erp_assets.planning.stock import changes, plan
from erp_assets.warehouse import stock_queries
from erp_assets.warehouse.stock_queries import (
    Drift,
    Finding,
    Listing,
    Policy,
    PolicyKind,
    Position,
    State,
)

PAGE = Path(__file__).parents[2] / "docs" / "stock_policies.md"

SKUS = {1: "SOCK", 2: "SHIRT", 3: "CAP", 4: "UNLISTED"}
LISTED = [
    (1, "10", "1", 1, 1),
    (2, "20", "0", 1, 1),
    (2, "21", "0", 1, 6),
    (2, "21", "0", 2, 2),
    (3, "30", "5", 2, 1),
    (3, "31", "5", 3, 1),
]
"""(account, listing, option, sku, pieces)."""


@pytest.fixture
def db(warehouse):
    with warehouse.transaction() as db:
        for number, code in SKUS.items():
            db.execute(
                text("INSERT INTO skus (id, code, name) VALUES (:id, :code, :code)"),
                {"id": number, "code": code},
            )
        for row in LISTED:
            names = ("account_id", "product_no", "option_no", "sku_id", "pieces")
            db.execute(
                text(f"""
                    INSERT INTO sku_listings ({", ".join(names)})
                    VALUES ({", ".join(":" + it for it in names)})
                """),
                dict(zip(names, row, strict=True)),
            )
        yield db


def offer(db, account, product, option, stock, *, on_sale=True, status="on_sale"):
    values = {"a": account, "p": product, "o": option, "n": stock, "on": on_sale, "s": status}
    db.execute(
        text("""
            INSERT INTO market_products (account_id, product_no, name, status, market_status)
            VALUES (:a, :p, '', :s, '')
        """),
        values,
    )
    db.execute(
        text("""
            INSERT INTO market_skus (account_id, product_no, option_no, name, stock, on_sale)
            VALUES (:a, :p, :o, '', :n, :on)
        """),
        values,
    )


def keys(listings):
    return [it.product_no for it in listings]


def test_listings_come_with_their_skus_and_what_the_market_shows(db):
    offer(db, 1, "10", "1", 4)
    offer(db, 2, "20", "0", 0, status="sold_out")
    offer(db, 3, "30", "5", 9, on_sale=False)
    offer(db, 3, "31", "5", 9, status="paused")
    assert stock_queries.listings(db) == [
        Listing(1, "10", "1", "coupang", ((1, 1),), 4),
        Listing(2, "20", "0", "naver", ((1, 1),), 0),
        Listing(2, "21", "0", "naver", ((1, 6), (2, 2)), None),
        Listing(3, "30", "5", "eleven", ((2, 1),), 9, False),
        Listing(3, "31", "5", "eleven", ((3, 1),), 9, False),
    ]


def test_deleted_listings_and_accounts_switched_off_are_left_out(db):
    offer(db, 1, "10", "1", 4, status="deleted")
    db.execute(text("UPDATE accounts SET enabled = false WHERE id = 3"))
    assert keys(stock_queries.listings(db)) == ["20", "21"]


def test_touched_skus_bring_every_listing_their_plan_depends_on(db):
    assert keys(stock_queries.listings(db, [3])) == ["31"]
    assert keys(stock_queries.listings(db, [2])) == ["10", "20", "21", "30"]
    assert keys(stock_queries.listings(db, [4])) == keys(stock_queries.listings(db, [])) == []
    assert stock_queries.skus_inside(stock_queries.listings(db, [1])) == {1, 2}


@pytest.mark.parametrize("touched", [{1}, {2}, {3}, {2, 3}], ids=str)
def test_touched_skus_are_planned_as_in_the_whole(db, touched):
    policy = Policy(1, kind=PolicyKind.WEIGHTED, weight=2)
    stock = [Position(sku_id, 50 + sku_id) for sku_id in SKUS]
    everything, near = stock_queries.listings(db), stock_queries.listings(db, touched)
    part = plan(stock, near, [policy], sku_ids=touched)
    assert part == plan(stock, everything, [policy], sku_ids=touched)
    assert len(changes(part)) > 0


def test_stock_is_unknown_until_it_was_counted(db):
    db.execute(
        text("""
            INSERT INTO stock_balances (sku_id, on_hand, reserved, counted_at)
            VALUES (1, 30, 2, '2026-11-01T00:00:00Z'), (2, 8, 1, NULL), (3, -4, 0, now())
        """)
    )
    db.execute(
        text("""
            UPDATE skus SET category = 'socks', safety_stock = 5, low_stock = 3, cover_days = 7
            WHERE id = 1
        """)
    )
    assert stock_queries.positions(db) == [
        Position(1, 30, 2, 5, "socks", low_at=3, cover_days=7),
        Position(2, None, 1),
        Position(3, -4),
        Position(4, None),
    ]
    assert stock_queries.positions(db, [3]) == [Position(3, -4)]


def test_policies_are_read_as_operators_write_them(db):
    db.execute(text("INSERT INTO stock_policies (account_id, buffer) VALUES (1, 2)"))
    db.execute(
        text("""
            INSERT INTO stock_policies (category, kind, weight, cap, stop_at)
            VALUES ('socks', 'weighted', 3, 9, 1)
        """)
    )
    db.execute(text("INSERT INTO stock_policies (sku_id, kind) VALUES (2, 'excluded')"))
    assert stock_queries.policies(db) == [
        Policy(1, account_id=1, buffer=2),
        Policy(2, category="socks", kind=PolicyKind.WEIGHTED, weight=3, cap=9, stop_at=1),
        Policy(3, sku_id=2, kind=PolicyKind.EXCLUDED),
    ]


@pytest.mark.parametrize(
    "values",
    [
        "(sku_id, category) VALUES (1, 'socks')",
        "(buffer) VALUES (-1)",
        "(weight) VALUES (-1)",
        "(cap) VALUES (-1)",
        "(stop_at) VALUES (-1)",
        "(kind) VALUES ('weigthed')",
        "(category) VALUES ('')",
        "(account_id) VALUES (NULL), (NULL)",
        "(sku_id) VALUES (99)",
    ],
)
def test_a_policy_that_means_nothing_is_refused(db, values):
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(text(f"INSERT INTO stock_policies {values}"))
    assert stock_queries.policies(db) == []


def test_a_change_of_a_policy_is_stamped(warehouse):
    with warehouse.transaction() as db:
        db.execute(text("INSERT INTO stock_policies (buffer) VALUES (1)"))
    with warehouse.transaction() as db:
        db.execute(text("UPDATE stock_policies SET buffer = 2"))
        stamped = db.execute(text("SELECT updated_at = now() FROM stock_policies"))
        assert stamped.scalar_one() is True


def test_sold_pieces_count_bundles_and_leave_out_cancelled(db):
    days = [(3, "20", 2, 0), (4, "20", 5, 1), (4, "21", 2, 0), (4, "99", 7, 0)]
    for day, product, quantity, cancelled in days:
        db.execute(
            text("""
                INSERT INTO daily_sales (account_id, day, product_no, option_no, orders, quantity,
                                         cancelled, amount, seller_discount)
                VALUES (2, :day, :product, '0', 1, :quantity, :cancelled, 0, 0)
            """),
            {
                "day": date(2026, 11, day),
                "product": product,
                "quantity": quantity,
                "cancelled": cancelled,
            },
        )
    assert stock_queries.sold_pieces(db, date(2026, 11, 4)) == {1: 16, 2: 4}
    assert stock_queries.sold_pieces(db, date(2026, 11, 3), [1]) == {1: 18}


def stored(db):
    rows = db.execute(text("SELECT sku_id, state, details FROM stock_states ORDER BY 1, 2"))
    return [tuple(it) for it in rows]


def test_states_of_the_skus_looked_at_are_replaced_and_keep_their_start(db):
    low = Finding(State.LOW, {"available": 9})
    stock_queries.store_states(
        db, {1: [low, Finding(State.DRIFT, {"options": 1})], 2: [Finding(State.UNKNOWN)]}
    )
    db.execute(text("UPDATE stock_states SET since = '2026-11-01T00:00:00Z'"))
    assert stock_queries.states(db) == {1: {State.LOW, State.DRIFT}, 2: {State.UNKNOWN}}
    assert stock_queries.states(db, [2]) == {2: {State.UNKNOWN}}
    sold_out = Finding(State.SOLD_OUT, {"available": 0})
    stock_queries.store_states(db, {1: [low._replace(details={"available": 8})], 3: [sold_out]})
    assert stored(db) == [
        (1, "low", {"available": 8}),
        (2, "unknown", {}),
        (3, "sold_out", {"available": 0}),
    ]
    old = text("SELECT sku_id FROM stock_states WHERE since < '2026-11-02' ORDER BY 1")
    assert list(db.execute(old).scalars()) == [1, 2]
    stock_queries.store_states(db, {1: [], 2: [], 3: []})
    assert stored(db) == []


def test_drift_is_open_until_it_is_looked_at_and_gone(db):
    one = Drift(1, 2, "21", "0", written=5, shown=6)
    bundle = [one, one._replace(sku_id=2)]
    stock_queries.record_drift(db, [(2, "21", "0")], bundle)
    stock_queries.record_drift(db, [(2, "20", "0")], [Drift(1, 2, "20", "0", 3, 0)])
    assert stock_queries.drifted(db) == {1: 2, 2: 1}
    moved = [it._replace(shown=7) for it in bundle]
    stock_queries.record_drift(db, [(2, "21", "0"), (2, "20", "0")], moved)
    assert stock_queries.drifted(db) == {1: 1, 2: 1}
    assert stock_queries.drifted(db, [2]) == {2: 1}
    stock_queries.record_drift(db, [(2, "21", "0")], [])
    assert stock_queries.drifted(db) == {}
    stock_queries.record_drift(db, [(2, "20", "0")], [Drift(1, 2, "20", "0", 3, 1)])
    rows = db.execute(
        text("""
            SELECT sku_id, product_no, written, shown, ended_at IS NULL
            FROM stock_drift ORDER BY product_no, sku_id, shown
        """)
    )
    assert [tuple(it) for it in rows] == [
        (1, "20", 3, 0, False),
        (1, "20", 3, 1, True),
        (1, "21", 5, 7, False),
        (2, "21", 5, 7, False),
    ]


def test_the_statements_of_the_page_do_what_it_says(db):
    db.execute(text("UPDATE skus SET code = 'SOCK-01' WHERE id = 1"))
    writing, asking = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for statement in (writing + asking).split(";")[:-1]:
        db.execute(text(statement))
    assert stock_queries.policies(db) == [
        Policy(1, buffer=1),
        Policy(2, account_id=2, cap=30, stop_at=2),
        Policy(3, category="socks", account_id=1, kind=PolicyKind.WEIGHTED, weight=3),
        Policy(4, sku_id=1, account_id=3, kind=PolicyKind.EXCLUDED),
    ]
    found = db.execute(text("SELECT safety_stock, low_stock, cover_days FROM skus WHERE id = 1"))
    assert tuple(found.one()) == (2, 5, 7)
