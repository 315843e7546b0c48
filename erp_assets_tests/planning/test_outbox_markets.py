"""The outbox against the simulated markets: their rules of stock and sale, through real clients."""

import pytest
from sqlalchemy import text

from erp_assets import clock
from erp_assets.planning.outbox import Kind, Push, plan
from erp_assets.planning.pushes import READY
from erp_assets.records import ProductStatus
from erp_assets_tests.acceptance import shops
from erp_assets_tests.planning.selling import Stall


@pytest.fixture(scope="module")
def made():
    return shops.world()


@pytest.fixture(params=shops.MARKETS)
def stall(request, warehouse, made):
    with shops.serving(made) as simulator:
        yield Stall(warehouse, simulator, request.param)


def pushed(stall, *wanted):
    """Plan (item, kind, wanted, before) rows and drain them."""
    pushes = [
        Push(stall.account, str(it.listing.no), str(it.no), *rest, "a reason", "a test")
        for it, *rest in wanted
    ]
    with stall.warehouse.transaction() as db:
        plan(db, pushes, now=clock.utc_now())
    done = stall.drain()
    assert (done.failed, done.drifted, done.open, done.error) == ([], [], 0, None)
    return done


def can_be_bought(stall, item):
    with stall.simulator.changing():
        return item.on_sale and item.listing.status is ProductStatus.ON_SALE and item.stock > 0


def test_a_listing_sells_out_and_sells_again_by_its_stock_alone(stall):
    """Naver's OUTOFSTOCK and 11st's 104 come and go with the stock, without a call for the sale."""
    items = stall.stocked.items
    pushed(stall, *((it, Kind.STOCK, 0, it.stock) for it in items))
    assert not any(can_be_bought(stall, it) for it in items)
    assert stall.stocked.status is ProductStatus.SOLD_OUT
    done = pushed(stall, *((it, Kind.STOCK, 7, 0) for it in items))
    assert all(can_be_bought(stall, it) for it in items)
    assert {it.code for it in done.confirmed} == {""}


def test_stock_never_lifts_a_stop_of_sale_and_says_so(stall):
    items = stall.stocked.items
    pushed(stall, *((it, Kind.ON_SALE, 0, 1) for it in items))
    done = pushed(stall, *((it, Kind.STOCK, 7, it.stock) for it in items))
    assert {(it.seen, it.code) for it in done.confirmed} == {(7, "stopped")}
    assert not any(can_be_bought(stall, it) for it in items)


def test_a_stopped_listing_comes_back_with_its_new_stock_and_price(stall):
    items = stall.priced.items
    before = [it.price for it in items]
    pushed(stall, *((it, Kind.ON_SALE, 0, 1) for it in items))
    done = pushed(
        stall,
        *((it, Kind.ON_SALE, 1, 0) for it in items),
        *((it, Kind.STOCK, 7, it.stock) for it in items),
        *((it, Kind.PRICE, it.price + 500, it.price) for it in items),
    )
    assert len(done.confirmed) == 3 * len(items)
    assert all(can_be_bought(stall, it) for it in items)
    assert [it.price for it in items] == [price + 500 for price in before]


def test_one_option_sells_out_and_the_others_stay(stall):
    one, *others = stall.stocked.items
    pushed(stall, (one, Kind.STOCK, 0, one.stock))
    assert not can_be_bought(stall, one)
    assert [it.stock for it in others] == [20] * len(others)
    assert all(can_be_bought(stall, it) for it in others)


def test_a_long_history_is_not_read_for_what_is_open(warehouse):
    with warehouse.transaction() as db:
        db.execute(
            text("""
                INSERT INTO market_pushes (account_id, product_no, option_no, kind, wanted, reason,
                    source, status)
                SELECT 1, n % 100, n, 'stock', 1, '', '', 'confirmed'
                FROM generate_series(1, 20000) n
                UNION ALL SELECT 1, n % 100, n, 'stock', 2, '', '', 'planned'
                FROM generate_series(1, 50) n
            """)
        )
        db.execute(text("ANALYZE market_pushes"))
        found = db.execute(text(f"EXPLAIN {READY}"), {"account": 1}).scalars()
        assert not any("Seq Scan" in line for line in found)
