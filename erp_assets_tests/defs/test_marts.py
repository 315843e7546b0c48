"""Derived assets hold the right figures, cancelled pieces and moments around midnight included."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest
from sqlalchemy import text

from erp_assets.records import Batch, LineStatus
from erp_assets.warehouse import sales, tables
from erp_assets.warehouse.loading import load
from erp_assets_tests.warehouse import rows

NOON = datetime(2026, 10, 20, 3, tzinfo=UTC)
"""12:00 in Korea."""


def store(warehouse, *lines, account=1):
    orders = [rows.order(line.order_no, ordered_at=line.ordered_at) for line in lines]
    batch = Batch(orders=orders, lines=list(lines))
    with warehouse.transaction() as db:
        load(db, account_id=account, kind="orders", batch=batch)


def catalogue(warehouse, *offers, account=1):
    batch = Batch(products=[rows.product()], options=[rows.option(), rows.option(option_no="71")])
    batch.offers.extend(offers)
    with warehouse.transaction() as db:
        load(db, account_id=account, kind="products", batch=batch)


def refresh(warehouse):
    with warehouse.transaction() as db:
        return sales.refresh(db)


def read(warehouse, statement, **values):
    with warehouse.transaction() as db:
        return [tuple(row) for row in db.execute(text(statement), values)]


def daily_sales(warehouse):
    return read(
        warehouse,
        "SELECT account_id, day, option_no, orders, quantity, cancelled, amount, seller_discount "
        "FROM daily_sales ORDER BY 1, 2, 3",
    )


# ── daily sales ────────────────────────────────────────────────────────────────────────────────
def test_pieces_and_value_add_up_per_day_and_option(warehouse):
    store(
        warehouse,
        rows.line("1", "1", ordered_at=NOON, quantity=2, unit_price=1000, amount=2000),
        rows.line("1", "2", ordered_at=NOON, quantity=1, unit_price=900, amount=900),
        rows.line("2", "1", ordered_at=NOON, quantity=3, unit_price=1000, amount=3000),
        rows.line("2", "2", ordered_at=NOON, quantity=1, unit_price=5, amount=5, option_no="71"),
    )
    refresh(warehouse)
    assert daily_sales(warehouse) == [
        (1, date(2026, 10, 20), "70", 2, 6, 0, 5900, 0),
        (1, date(2026, 10, 20), "71", 1, 1, 0, 5, 0),
    ]


def test_a_day_begins_at_midnight_in_korea(warehouse):
    store(
        warehouse,
        rows.line("1", ordered_at=datetime(2026, 10, 20, 14, 59, 59, tzinfo=UTC)),
        rows.line("2", ordered_at=datetime(2026, 10, 20, 15, 0, 0, tzinfo=UTC)),
        rows.line("3", ordered_at=datetime(2026, 10, 31, 15, 0, 0, tzinfo=UTC)),
    )
    refresh(warehouse)
    days = [row[1] for row in daily_sales(warehouse)]
    assert days == [date(2026, 10, 20), date(2026, 10, 21), date(2026, 11, 1)]


def test_cancelled_and_returned_pieces_stand_beside_what_was_bought(warehouse):
    store(
        warehouse,
        rows.line("1", quantity=5, amount=95_000, cancelled_quantity=2, seller_discount=500),
        rows.line("2", quantity=2, status=LineStatus.CANCELLED, cancelled_quantity=2),
        rows.line("3", quantity=2, status=LineStatus.RETURNED, cancelled_quantity=2),
        rows.line("4", quantity=2, held_quantity=1, seller_discount=100),
    )
    refresh(warehouse)
    [(*_, orders, quantity, cancelled, amount, discount)] = daily_sales(warehouse)
    assert (orders, quantity, cancelled) == (4, 11, 6)
    assert amount == 95_000 + 3 * 38_000
    assert discount == 600


def test_what_nobody_has_paid_is_no_sale_until_it_is_paid(warehouse):
    store(warehouse, rows.line("1", status=LineStatus.UNPAID))
    assert refresh(warehouse) == 0
    assert daily_sales(warehouse) == []
    store(warehouse, rows.line("1", status=LineStatus.NEW))
    assert refresh(warehouse) == 1
    assert [row[4] for row in daily_sales(warehouse)] == [2]


def test_accounts_are_kept_apart(warehouse):
    store(warehouse, rows.line("1"))
    store(warehouse, rows.line("1"), account=2)
    refresh(warehouse)
    assert [(row[0], row[4]) for row in daily_sales(warehouse)] == [(1, 2), (2, 2)]


def test_only_rows_that_differ_are_written(warehouse):
    store(warehouse, rows.line("1"), rows.line("2", option_no="71"))
    assert refresh(warehouse) == 2
    assert refresh(warehouse) == 0
    store(warehouse, rows.line("1", cancelled_quantity=1))
    assert refresh(warehouse) == 1


def test_a_day_without_sales_any_more_goes(warehouse):
    store(warehouse, rows.line("1"))
    refresh(warehouse)
    read(warehouse, "DELETE FROM market_order_lines RETURNING 1")
    assert refresh(warehouse) == 1
    assert daily_sales(warehouse) == []


# ── stock position ─────────────────────────────────────────────────────────────────────────────
def test_stock_stands_beside_what_is_sold_but_not_shipped(warehouse):
    catalogue(warehouse, rows.offer(stock=40), rows.offer(option_no="71", stock=0))
    store(
        warehouse,
        rows.line("1", quantity=5, cancelled_quantity=1),
        rows.line("2", quantity=3, status=LineStatus.CONFIRMED, held_quantity=2),
        rows.line("3", quantity=7, status=LineStatus.SHIPPED),
        rows.line("4", quantity=2, status=LineStatus.CANCELLED, cancelled_quantity=2),
        rows.line("5", quantity=4, status=LineStatus.DELIVERED, held_quantity=4),
    )
    found = read(
        warehouse,
        "SELECT account, market, option_no, stock, to_ship, in_claim FROM stock_positions "
        "ORDER BY option_no",
    )
    assert found == [
        ("coupang", "coupang", "70", 40, 4 + 1, 2 + 4),
        ("coupang", "coupang", "71", 0, 0, 0),
    ]


# ── order lines with SKUs ──────────────────────────────────────────────────────────────────────
def test_a_line_has_a_row_per_sku_inside_and_one_without_any(warehouse):
    catalogue(warehouse, rows.offer(stock=40, price=18_000))
    store(warehouse, rows.line("1", quantity=3), rows.line("2", quantity=1, option_no="71"))
    read(
        warehouse,
        "INSERT INTO skus (code, name) VALUES ('TOP', 'top'), ('SOCK', 'sock') RETURNING 1",
    )
    read(
        warehouse,
        "INSERT INTO sku_listings (account_id, product_no, option_no, sku_id, pieces) "
        "SELECT 1, '7', '70', id, CASE code WHEN 'SOCK' THEN 2 ELSE 1 END FROM skus RETURNING 1",
    )
    found = read(
        warehouse,
        "SELECT order_no, option_no, sku_code, sku_quantity, price_now FROM order_lines_with_skus "
        "ORDER BY order_no, sku_code",
    )
    assert found == [
        ("1", "70", "SOCK", 6, 18_000),
        ("1", "70", "TOP", 3, 18_000),
        ("2", "71", None, None, None),
    ]
    assert read(warehouse, "SELECT option_no FROM unmapped_listings") == [("71",)]


# ── as assets ──────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def refreshed(platform, definitions, instance):
    """Asset → metadata after the job ran over two lines."""
    catalogue(platform.warehouse, rows.offer())
    store(platform.warehouse, rows.line("1"), rows.line("2"))
    done = definitions.resolve_job_def("refresh_marts").execute_in_process(instance=instance)
    return {
        event.asset_key.path[-1]: {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in done.all_events
        if event.is_step_materialization
    }


def test_the_job_refreshes_and_counts_every_mart(refreshed):
    counted = {name: told["dagster/row_count"] for name, told in refreshed.items()}
    assert counted == {"daily_sales": 1, "order_lines_with_skus": 2, "stock_positions": 2}
    assert refreshed["daily_sales"]["rows_changed"] == 1
    assert all(told["seconds"] >= 0 for told in refreshed.values())


@pytest.mark.parametrize("view", ["order_lines_with_skus", "stock_positions"])
def test_every_column_of_a_view_says_what_it_means(refreshed, view):
    schema = refreshed[view]["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert [it.name for it in schema.columns if not it.description] == []
    assert len(schema.columns) > 8


def test_every_column_of_every_table_says_what_it_means():
    silent = [
        f"{table.name}.{column.name}"
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if not column.comment
    ]
    assert silent == []
