"""What Dagster is shown, by name: whatever appears, goes or is renamed has to be changed here."""

from datetime import timedelta

import dagster as dg
import pytest

from erp_assets import clock
from erp_assets.defs.resources import Platform
from erp_assets.defs.whole import whole
from erp_assets.settings import Settings, simulator_accounts
from erp_assets_tests.acceptance.operator import SECRETS

ACCOUNTS = simulator_accounts("http://127.0.0.1:1")
ASSETS = {
    "raw": {"raw/claims", "raw/offers", "raw/orders", "raw/products"},
    "market": {
        "market/claims",
        "market/orders",
        "market/prices",
        "market/products",
        "market/stock",
    },
    "marts": {"marts/daily_sales", "marts/order_lines_with_skus", "marts/stock_positions"},
    "stock": {"stock/listed"},
    "prices": {"prices/listed"},
}
CHECKS = {
    "market/claims:fresh_claims",
    "market/claims:no_duplicate_claims",
    "market/claims:no_rejected_claims",
    "market/orders:control_total",
    "market/orders:fresh_orders",
    "market/orders:no_duplicate_orders",
    "market/orders:no_rejected_orders",
    "market/prices:no_rejected_prices",
    "market/products:no_duplicate_products",
    "market/products:no_rejected_products",
    "market/stock:no_rejected_stock",
}
JOBS = {
    "check_everything",
    "collect_catalogue",
    "collect_claims",
    "collect_missing",
    "collect_orders",
    "housekeeping",
    "perform",
    "refresh_marts",
    "sync_inventory",
    "update_prices",
}
BY_DAY = {"raw/orders", "market/orders", "raw/claims", "market/claims"}
NO_PARTITIONS = ASSETS["marts"]


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return whole(Platform(Settings(home=home, accounts=ACCOUNTS)))


@pytest.fixture(scope="module")
def specs(definitions):
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_every_asset_is_in_its_group(specs):
    found = {
        group: {key for key, it in specs.items() if it.group_name == group}
        for group in {it.group_name for it in specs.values()}
    }
    assert found == ASSETS


def test_every_check_is_on_its_asset(definitions):
    keys = definitions.resolve_asset_graph().asset_check_keys
    assert {f"{key.asset_key.to_user_string()}:{key.name}" for key in keys} == CHECKS


def test_every_job_says_what_it_is_for(definitions):
    repository = definitions.get_repository_def()
    found = {it.name: it for it in repository.get_all_jobs() if not it.name.startswith("__")}
    assert found.keys() == JOBS
    assert all(it.description for it in found.values())


def test_every_asset_is_described_and_owned(specs):
    for key, spec in specs.items():
        assert spec.description, key
        assert spec.owners == ["team:data-platform"], key
        assert "postgres" in spec.kinds, key
        assert spec.metadata["dagster/table_name"], key


@pytest.mark.parametrize("key", sorted(set().union(*ASSETS.values()) - ASSETS["marts"]))
def test_every_column_of_a_table_says_what_it_means(specs, key):
    schema = specs[key].metadata["dagster/column_schema"]
    assert len(schema.columns) > 4
    for column in schema.columns:
        assert column.type
        assert column.description, column.name
    account = next(it for it in schema.columns if it.name == "account_id")
    assert not account.constraints.nullable


def test_accounts_are_partitions_and_so_are_their_days(specs):
    for key, spec in specs.items():
        partitions = spec.partitions_def
        if key in NO_PARTITIONS:
            assert partitions is None
        elif key in BY_DAY:
            accounts = partitions.get_partitions_def_for_dimension("account")
            days = partitions.get_partitions_def_for_dimension("date")
            assert accounts.get_partition_keys() == ["coupang", "eleven", "naver"]
            assert days.timezone == "Asia/Seoul"
            assert days.get_partition_keys()[0] == "2026-01-01"
            assert days.get_partition_keys()[-1] == clock.kst_day(clock.utc_now()).isoformat()
        else:
            assert partitions.get_partition_keys() == ["coupang", "eleven", "naver"], key


def test_the_days_of_an_account_are_a_range_of_keys(specs):
    """Single-run backfills take everything between the first and the last key."""
    keys = specs["market/orders"].partitions_def.get_partition_keys()
    assert keys == sorted(keys)
    assert len([key for key in keys if key.startswith("coupang|")]) == len(keys) // 3


def test_a_range_of_days_is_one_run(definitions):
    graph = definitions.resolve_asset_graph()
    for key in BY_DAY:
        policy = graph.get(dg.AssetKey.from_user_string(key)).backfill_policy
        assert policy == dg.BackfillPolicy.single_run(), key


def test_what_is_read_by_others_has_to_be_fresh(specs):
    for key, spec in specs.items():
        is_guarded = key in ASSETS["market"] or key == "marts/daily_sales"
        policy = spec.freshness_policy
        assert (policy is not None) == is_guarded, key
        if policy:
            assert policy.fail_window.to_timedelta() == timedelta(hours=26)


@pytest.mark.parametrize(
    ("key", "above"),
    [
        ("market/products", {"raw/products"}),
        ("market/stock", {"raw/offers", "market/products"}),
        ("market/prices", {"raw/offers", "market/products"}),
        ("market/orders", {"raw/orders", "market/products"}),
        ("market/claims", {"raw/claims", "market/orders"}),
        ("marts/daily_sales", {"market/orders", "market/claims"}),
        ("marts/order_lines_with_skus", {"market/orders", "market/products"}),
        ("marts/stock_positions", {"market/stock", "market/orders", "market/claims"}),
    ],
)
def test_lineage_is_raw_then_market_then_marts(specs, key, above):
    assert {it.asset_key.to_user_string() for it in specs[key].deps} == above


def test_a_disabled_account_keeps_its_partitions(tmp_path):
    accounts = [it.model_copy(update={"enabled": it.market != "naver"}) for it in ACCOUNTS]
    found = whole(Platform(Settings(home=tmp_path, accounts=accounts)))
    partitions = {it.key.to_user_string(): it for it in found.resolve_all_asset_specs()}
    keys = partitions["market/products"].partitions_def.get_partition_keys()
    assert keys == ["coupang", "eleven", "naver"]


def test_nothing_secret_is_in_what_dagster_is_shown(definitions, specs):
    shown = repr(definitions) + repr(specs)
    assert [name for name, value in SECRETS.items() if value in shown] == []
