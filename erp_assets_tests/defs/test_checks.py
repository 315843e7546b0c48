"""Each asset check passes on what a collection leaves, and fails on what it is there to find."""

from datetime import timedelta

import dagster as dg
import pytest
from sqlalchemy import text

from erp_assets.records import Batch, Rejected
from erp_assets.warehouse.loading import load
from erp_assets_tests.acceptance import shops
from erp_assets_tests.warehouse import rows

CONTROL = "market__orders_control_total"


def evaluate(definitions, instance, **control):
    """Run the job an operator runs; return check → evaluation. control: config of the counting."""
    config = {"ops": {CONTROL: {"config": {"days_back": shops.DAYS, **control}}}}
    done = definitions.resolve_job_def("check_everything").execute_in_process(
        instance=instance, run_config=config, raise_on_error=False
    )
    failed = [
        it.step_failure_data.user_failure_data for it in done.all_events if it.is_step_failure
    ]
    assert failed == []
    return {it.check_name: it for it in done.get_asset_check_evaluations()}


def failing(found):
    return sorted(name for name, it in found.items() if not it.passed)


def told(evaluation):
    return {name: value.value for name, value in evaluation.metadata.items()}


@pytest.fixture
def collected(platform, simulator, made):
    """Everything of all three markets is stored."""
    for market in shops.MARKETS:
        shops.collect(platform.warehouse, simulator, market, now=made.now)
    return platform.warehouse


def execute(warehouse, statement, **values):
    with warehouse.transaction() as db:
        found = db.execute(text(statement), values)
        return found.all() if found.returns_rows else []


def test_all_checks_pass_on_what_a_collection_leaves(collected, definitions, instance):
    found = evaluate(definitions, instance)
    assert len(found) == 11
    assert failing(found) == []
    counted = told(found["control_total"])["accounts"]
    assert counted.keys() == set(shops.MARKETS)
    assert all(it["lines_at_market"] >= it["orders_at_market"] > 0 for it in counted.values())


@pytest.mark.parametrize("market", shops.MARKETS)
def test_a_line_the_market_lists_and_we_do_not_have_is_missed(
    collected, definitions, instance, market
):
    [(order_no, line_no)] = execute(
        collected,
        "DELETE FROM market_order_lines WHERE (account_id, order_no, line_no) = "
        "(SELECT account_id, order_no, line_no FROM market_order_lines "
        " WHERE account_id = :account AND status = 'new' ORDER BY ordered_at DESC LIMIT 1) "
        "RETURNING order_no, line_no",
        account=shops.NUMBERS[market],
    )
    found = evaluate(definitions, instance)
    assert failing(found) == ["control_total"]
    counted = told(found["control_total"])["accounts"]
    assert {key: it["missing"] for key, it in counted.items()} == {
        key: int(key == market) for key in shops.MARKETS
    }
    assert counted[market]["first_missing"] == [f"{order_no} {line_no}"]


def test_only_the_accounts_asked_for_are_counted(collected, definitions, instance, simulator):
    found = evaluate(definitions, instance, accounts=["naver"])
    assert told(found["control_total"])["accounts"].keys() == {"naver"}


def test_an_account_that_cannot_be_asked_leaves_the_others_their_count(
    collected, definitions, instance, simulator
):
    with simulator.changing() as accounts:
        accounts["coupang"].allowed_addresses = frozenset({"203.0.113.9"})
    found = evaluate(definitions, instance)
    assert failing(found) == ["control_total"]
    counted = told(found["control_total"])["accounts"]
    assert "What to do:" in counted["coupang"]["error"]
    assert counted["naver"]["missing"] == counted["eleven"]["missing"] == 0


def test_a_mistyped_account_is_not_taken_for_nothing_to_count(definitions, instance):
    config = {"ops": {CONTROL: {"config": {"accounts": ["cuopang"]}}}}
    job = definitions.resolve_job_def("check_everything")
    with pytest.raises(dg.Failure, match="'cuopang'; there are: coupang, naver, eleven"):
        job.execute_in_process(instance=instance, run_config=config)


@pytest.mark.parametrize("table", ["market_orders", "market_order_lines"])
def test_an_order_filed_under_two_months_is_found(collected, definitions, instance, table):
    """The primary key holds filed_at, so PostgreSQL alone would let it pass."""
    [months] = execute(
        collected,
        "SELECT count(DISTINCT tableoid) FROM market_order_lines WHERE account_id = 1",
    )
    assert months[0] > 1, "the world must span two months"
    columns = ", ".join(
        name
        for (name,) in execute(
            collected,
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = :table AND column_name <> 'filed_at' ORDER BY ordinal_position",
            table=table,
        )
    )
    [(order_no,)] = execute(
        collected,
        f"INSERT INTO {table} ({columns}, filed_at) "
        f"SELECT {columns}, (SELECT max(filed_at) FROM {table}) FROM {table} "
        f"WHERE account_id = 1 ORDER BY filed_at LIMIT 1 RETURNING order_no",
    )
    found = evaluate(definitions, instance)
    assert failing(found) == ["no_duplicate_orders"]
    [doubled] = told(found["no_duplicate_orders"])["first_doubled"]
    assert doubled.startswith(f"{table} 1: {order_no}")


@pytest.mark.parametrize(
    ("table", "check"),
    [
        ("market_products", "no_duplicate_products"),
        ("market_skus", "no_duplicate_products"),
        ("market_claims", "no_duplicate_claims"),
    ],
)
def test_a_row_doubled_by_a_restore_without_its_key_is_found(
    collected, definitions, instance, table, check
):
    execute(collected, f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    execute(collected, f"INSERT INTO {table} SELECT * FROM {table} WHERE account_id = 2 LIMIT 1")
    found = evaluate(definitions, instance)
    assert failing(found) == [check]
    [doubled] = told(found[check])["first_doubled"]
    assert doubled.startswith(f"{table} 2: ")


@pytest.mark.parametrize(
    ("kind", "checks"),
    [
        ("products", ["no_rejected_products"]),
        ("offers", ["no_rejected_prices", "no_rejected_stock"]),
        ("orders", ["no_rejected_orders"]),
        ("claims", ["no_rejected_claims"]),
    ],
    ids=["products", "offers", "orders", "claims"],
)
def test_a_row_that_waits_is_told_until_it_heals(collected, definitions, instance, kind, checks):
    bad = Rejected(kind, "status: unknown", "{}", "1")
    with collected.transaction() as db:
        load(db, account_id=3, kind=kind, batch=Batch(rejected=[bad]))
    found = evaluate(definitions, instance)
    assert failing(found) == checks
    assert told(found[checks[0]]) == {"rows": 1, "by_account": {"eleven": 1}}
    execute(collected, "UPDATE rejected_rows SET resolved_at = now()")
    assert failing(evaluate(definitions, instance)) == []


@pytest.mark.parametrize("kind", ["orders", "claims"])
def test_one_account_that_stands_still_is_told(collected, definitions, instance, kind):
    execute(
        collected,
        "DELETE FROM watermarks WHERE account_id = 2 AND kind = :kind AND collected_until > :limit",
        kind=kind,
        limit=shops.START - timedelta(hours=27),
    )
    found = evaluate(definitions, instance)
    assert failing(found) == [f"fresh_{kind}"]
    assert told(found[f"fresh_{kind}"])["stale"] == ["naver"]


def test_an_account_never_collected_is_not_fresh(platform, definitions, instance):
    with platform.warehouse.transaction() as db:
        load(db, account_id=1, kind="orders", batch=rows.orders(1))
    found = evaluate(definitions, instance)
    assert told(found["fresh_orders"])["stale"] == ["coupang", "eleven", "naver"]
    assert told(found["fresh_orders"])["collected_until"]["naver"] is None
