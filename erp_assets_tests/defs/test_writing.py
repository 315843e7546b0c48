"""Stock and prices on their way to simulated markets, through real Dagster jobs."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from erp_assets import clock
from erp_assets.defs.tickets import ACCOUNT_TAG
from erp_assets.records import Batch
from erp_assets.simulator import truth
from erp_assets.warehouse.loading import load
from erp_assets_tests.warehouse.rows import line

RECEIVED = 40


def offers(made, market):
    account = next(it for it in made.accounts if it.shop.market == market)
    return {(it.product_no, it.option_no): it for it in truth.offers(account)}


def run(definitions, instance, job, account):
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance, tags={ACCOUNT_TAG: account}, raise_on_error=False
    )


def sql(platform, statement, **values):
    with platform.warehouse.transaction() as db:
        found = db.execute(text(statement), values)
        return found.all() if found.returns_rows else []


@pytest.fixture
def counted(platform, definitions, instance):
    """One SKU behind an option of Naver and one of Coupang, 40 pieces of it counted just now."""
    for account in ("coupang", "naver"):
        done = definitions.resolve_job_def("collect_catalogue").execute_in_process(
            instance=instance, partition_key=account
        )
        assert done.success
    [(sku,)] = sql(platform, "INSERT INTO skus (code, name) VALUES ('TOP', '상의') RETURNING id")
    chosen = {}
    for account, number in (("coupang", 1), ("naver", 2)):
        [(product, option)] = sql(
            platform,
            "SELECT product_no, option_no FROM market_skus WHERE account_id = :number "
            "AND stock IS NOT NULL ORDER BY 1, 2 LIMIT 1",
            number=number,
        )
        chosen[account] = (product, option)
        sql(
            platform,
            "INSERT INTO sku_listings (account_id, product_no, option_no, sku_id) "
            "VALUES (:number, :product, :option, :sku)",
            number=number,
            product=product,
            option=option,
            sku=sku,
        )
    sql(
        platform,
        "INSERT INTO stock_ledger (sku_id, occurred_at, kind, quantity, source_key) "
        "VALUES (:sku, :at, 'opening', :pieces, 'test')",
        sku=sku,
        at=platform.now(),
        pieces=RECEIVED,
    )
    return chosen


def test_counted_stock_reaches_the_market_and_only_there_where_it_differs(
    platform, made, definitions, instance, counted
):
    before = offers(made, "naver")
    done = run(definitions, instance, "sync_inventory", "naver")
    assert done.success
    after = offers(made, "naver")
    assert after[counted["naver"]].stock == RECEIVED
    assert {key: it for key, it in after.items() if key != counted["naver"]} == {
        key: it for key, it in before.items() if key != counted["naver"]
    }
    told = done.output_for_node("show_stock")
    assert (told["changes"], told["confirmed"], told["failed"]) == (1, 1, [])
    assert told["outcome"] == "completed"
    again = run(definitions, instance, "sync_inventory", "naver").output_for_node("show_stock")
    assert (again["changes"], again["sent"]) == (0, 0)


def test_a_sale_at_one_market_is_shown_at_the_other_by_the_same_run(
    platform, made, definitions, instance, counted
):
    for account in ("coupang", "naver"):
        assert run(definitions, instance, "sync_inventory", account).success
    product, option = counted["coupang"]
    day = clock.kst_day(platform.now())
    sold = line(
        "900",
        "900-1",
        ordered_at=clock.utc_now() + timedelta(seconds=1),  # after Coupang was written
        quantity=3,
        amount=57_000,
        product_no=product,
        option_no=option,
    )
    with platform.warehouse.transaction() as db:
        load(db, account_id=1, kind="orders", batch=Batch(lines=[sold]))
    done = definitions.resolve_job_def("collect_orders").execute_in_process(
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": f"eleven|{day}",
            "dagster/asset_partition_range_end": f"eleven|{day}",
        },
    )
    assert done.success
    assert offers(made, "naver")[counted["naver"]].stock == RECEIVED - 3
    told = sql(
        platform,
        "SELECT account_id, wanted, before FROM market_pushes WHERE run_id = :run",
        run=done.run_id,
    )
    assert told == [(2, RECEIVED - 3, RECEIVED)], "the market that sold them counts by itself"


def test_nothing_is_written_while_nobody_has_counted(platform, made, definitions, instance):
    before = {market: offers(made, market) for market in ("coupang", "naver", "eleven")}
    for market in before:
        done = run(definitions, instance, "sync_inventory", market)
        assert done.success
        assert done.output_for_node("show_stock")["outcome"] == "partial", "it wrote nothing"
    assert {market: offers(made, market) for market in before} == before


def test_an_account_that_is_unknown_is_named(definitions, instance):
    done = run(definitions, instance, "sync_inventory", "cuopang")
    assert not done.success
    [event] = [event for event in done.all_events if event.is_step_failure]
    assert "'cuopang'" in event.step_failure_data.user_failure_data.description


def test_a_price_waits_for_a_person_and_then_reaches_the_market(
    platform, made, definitions, instance, counted
):
    product, option = counted["naver"]
    now = offers(made, "naver")[product, option].price
    after = now // 1_000 * 1_000 + 1_000
    sql(
        platform,
        "INSERT INTO price_rules (sku_id, opt_in, cost, mode, price, is_active) "
        "SELECT id, true, 10, 'fixed', :price, true FROM skus",
        price=after,
    )
    assert run(definitions, instance, "update_prices", "naver").success
    assert offers(made, "naver")[product, option].price == now
    sql(
        platform,
        "UPDATE price_plans SET status = 'approved', decided_by = 'test', decided_at = now() "
        "WHERE status = 'planned'",
    )
    assert run(definitions, instance, "update_prices", "naver").success
    assert offers(made, "naver")[product, option].price == after
    assert sql(platform, "SELECT after FROM price_history") == [(after,)]
