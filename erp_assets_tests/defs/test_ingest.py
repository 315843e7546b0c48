"""From a partition to what is asked of the market, and from what came back to Dagster's events."""

import re
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from sqlalchemy import text

from erp_assets import clock
from erp_assets.clock import Window
from erp_assets.collecting import Collected
from erp_assets.defs.ingest import account_windows
from erp_assets.defs.tickets import failures, settle
from erp_assets.errors import MarketBusy, MarketDenied, MarketDown, MarketRejected
from erp_assets.scheduling.logs import Logs
from erp_assets.scheduling.working import Ticket
from erp_assets.simulator.wire import Fault
from erp_assets.warehouse import queries
from erp_assets_tests.acceptance import shops

TODAY = clock.kst_day(shops.START)
DAYS = [TODAY - clock.DAY * n for n in (3, 2, 1)]
SPAN = Window(clock.day_start(DAYS[0]), clock.day_start(TODAY))


def collect_days(definitions, instance, kind, *, raise_on_error=False):
    """Run the job over a range of days of one account, as a single-run backfill does."""
    tags = {
        ASSET_PARTITION_RANGE_START_TAG: f"coupang|{DAYS[0]}",
        ASSET_PARTITION_RANGE_END_TAG: f"coupang|{DAYS[-1]}",
    }
    return definitions.resolve_job_def(f"collect_{kind}").execute_in_process(
        instance=instance, tags=tags, raise_on_error=raise_on_error
    )


def collect_catalogue(definitions, instance, account="coupang"):
    return definitions.resolve_job_def("collect_catalogue").execute_in_process(
        instance=instance, partition_key=account, raise_on_error=False
    )


def materialized(done):
    """(asset, partition) → metadata of each materialization of a run."""
    return {
        (event.asset_key.to_user_string(), event.partition): {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in done.all_events
        if event.is_step_materialization
    }


def unasked(warehouse):
    """The ticket of a run that no schedule asked for."""
    return Ticket(warehouse, Logs(Path()), "run")


def failure(done):
    [event] = [event for event in done.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data


def count(platform, table, where="true"):
    with platform.warehouse.transaction() as db:
        return db.execute(text(f"SELECT count(*) FROM {table} WHERE {where}")).scalar_one()


# ── partitions → windows ───────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("keys", "windows"),
    [
        (["coupang|2026-03-01"], [("coupang", 1, 1)]),
        (["coupang|2026-03-01", "coupang|2026-03-02"], [("coupang", 1, 2)]),
        (["coupang|2026-03-02", "coupang|2026-03-01"], [("coupang", 1, 2)]),
        (["coupang|2026-03-01", "coupang|2026-03-03"], [("coupang", 1, 1), ("coupang", 3, 3)]),
        (["naver|2026-03-01", "coupang|2026-03-01"], [("coupang", 1, 1), ("naver", 1, 1)]),
        (["coupang:second|2026-03-04"], [("coupang:second", 4, 4)]),
    ],
    ids=["one day", "a range", "any order", "a hole", "two accounts", "second account"],
)
def test_days_of_an_account_become_spans(keys, windows):
    first = TODAY.replace(month=3, day=1)
    assert list(account_windows(keys)) == [
        (account, clock.day_window(first.replace(day=since), first.replace(day=until)))
        for account, since, until in windows
    ]


@pytest.mark.parametrize("kind", ["orders", "claims"])
def test_a_range_of_days_is_read_as_one_span_and_fills_every_partition(
    platform, definitions, instance, kind
):
    done = collect_days(definitions, instance, kind)
    assert done.success
    assert materialized(done).keys() == {
        (f"{layer}/{kind}", f"coupang|{day}") for layer in ("raw", "market") for day in DAYS
    }
    with platform.warehouse.transaction() as db:
        history = platform.history()
        first, last = clock.kst_day(history.since), TODAY
        missing = queries.missing_days(db, 1, kind, first, last)
    assert set(clock.days(clock.day_window(first, last))) - set(missing) == set(DAYS)


def test_a_range_over_two_accounts_reads_each_of_them(platform, definitions, instance):
    """Keys are sorted by account first; Dagster takes whatever lies between the two ends."""
    with dg.DagsterInstance.ephemeral() as instance:
        done = definitions.resolve_job_def("collect_claims").execute_in_process(
            instance=instance,
            tags={
                ASSET_PARTITION_RANGE_START_TAG: f"coupang|{DAYS[0]}",
                ASSET_PARTITION_RANGE_END_TAG: f"eleven|{DAYS[-1]}",
            },
            raise_on_error=False,
        )
    assert done.success
    accounts = {partition.split("|")[0] for _, partition in materialized(done)}
    assert accounts == {"coupang", "eleven"}
    assert count(platform, "watermarks", "account_id = 2") == 0


# ── what a run tells ───────────────────────────────────────────────────────────────────────────
def test_a_run_tells_rows_calls_and_time(platform, simulator, definitions, instance):
    done = collect_days(definitions, instance, "orders")
    found = materialized(done)
    stored = {
        "raw/orders": count(platform, "raw_documents", "kind = 'orders'"),
        "market/orders": count(platform, "market_orders") + count(platform, "market_order_lines"),
    }
    for (asset, _), told in found.items():
        assert told["dagster/row_count"] >= stored[asset] > 0
        assert told["outcome"] == "completed"
        assert told["rows_changed"]["market_orders"] == count(platform, "market_orders")
        assert told["rows_rejected"] == told["busy_answers"] == 0
        assert told["calls"] == simulator.calls["coupang"] > 0
        assert told["seconds"] > 0
        assert told["rows_per_second"] > 0
    assert done.dagster_run.job_name == "collect_orders"
    assert instance.get_run_by_id(done.run_id).tags["erp/orders"] == "completed"


def test_the_catalogue_is_three_assets_of_one_account(platform, definitions, instance):
    done = collect_catalogue(definitions, instance, "naver")
    assert done.success
    found = materialized(done)
    assert {asset for asset, _ in found} == {
        "raw/products",
        "market/products",
        "raw/offers",
        "market/stock",
        "market/prices",
    }
    assert {partition for _, partition in found} == {"naver"}
    products = count(platform, "market_products") + count(platform, "market_skus")
    assert found["market/products", "naver"]["dagster/row_count"] == products > 0
    assert count(platform, "market_products", "account_id <> 2") == 0
    tags = instance.get_run_by_id(done.run_id).tags
    assert (tags["erp/products"], tags["erp/offers"]) == ("completed", "completed")


def test_a_second_run_changes_nothing_and_says_so(definitions, instance):
    collect_days(definitions, instance, "orders")
    done = collect_days(definitions, instance, "orders")
    found = materialized(done)
    assert len(found) == 2 * len(DAYS)
    for told in found.values():
        assert told["dagster/row_count"] > 0
        assert set(told["rows_changed"].values()) == {0}


def test_a_rejected_row_makes_the_run_partial_not_green_and_not_failed(
    platform, simulator, definitions, instance
):
    simulator.inject(Fault.MALFORMED_ROW, market="coupang", path_contains="ordersheets")
    done = collect_days(definitions, instance, "orders")
    assert done.success
    assert instance.get_run_by_id(done.run_id).tags["erp/orders"] == "partial"
    for told in materialized(done).values():
        assert (told["outcome"], told["rows_rejected"]) == ("partial", 1)
    assert count(platform, "rejected_rows", f"run_id = '{done.run_id}'") == 1


# ── what fails ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", ["orders", "claims"])
def test_a_refused_account_fails_with_what_to_do(platform, simulator, definitions, instance, kind):
    with simulator.changing() as accounts:
        accounts["coupang"].allowed_addresses = frozenset({"203.0.113.9"})
    with pytest.raises(dg.Failure, match=f"coupang {kind}: MarketDenied") as raised:
        collect_days(definitions, instance, kind, raise_on_error=True)
    assert "What to do: Register this machine's IP" in raised.value.description
    assert raised.value.allow_retries is False
    assert count(platform, "watermarks") == 0
    [record] = instance.get_run_records()
    assert record.dagster_run.status is dg.DagsterRunStatus.FAILURE
    assert f"erp/{kind}" not in record.dagster_run.tags


@pytest.mark.parametrize(
    ("error", "allow_retries"),
    [
        (MarketBusy("429"), True),
        (MarketDown("504"), True),
        (MarketDenied("key expired", remedy="Renew the key."), False),
        (MarketRejected("no such order"), False),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Exception) else "",
)
def test_permanent_errors_are_not_retried(warehouse, error, allow_retries):
    with pytest.raises(dg.Failure) as raised, failures(unasked(warehouse)):
        raise error
    assert raised.value.allow_retries is allow_retries
    assert raised.value.description.startswith(f"{type(error).__name__}: {error}")
    assert ("What to do: Renew the key." in raised.value.description) == (
        isinstance(error, MarketDenied)
    )


@pytest.mark.parametrize(
    ("remedy", "said"),
    [
        (None, r"naver orders: down\. Kept: 3 rows\.$"),
        ("Renew it.", r"Kept: 3 rows\. What to do: Renew it\.$"),
    ],
    ids=["may be tried again", "needs a person"],
)
def test_a_collection_that_stopped_early_says_what_is_kept(warehouse, remedy, said):
    stopped = Collected("naver", "orders", SPAN, stored={"market_orders": 3}, error="down", calls=7)
    stopped.remedy, stopped.is_transient = remedy, remedy is None
    with pytest.raises(dg.Failure) as raised:
        settle(unasked(warehouse), stopped)
    assert re.search(said, raised.value.description)
    assert raised.value.metadata["rows_kept"].value == 3
    assert raised.value.allow_retries is (remedy is None)


# ── missed days ────────────────────────────────────────────────────────────────────────────────
def fill(definitions, instance, **config):
    return definitions.resolve_job_def("collect_missing").execute_in_process(
        instance=instance,
        run_config={"ops": {"fill_missing_days": {"config": config}}},
        raise_on_error=False,
    )


def test_only_missed_days_are_filled_and_shown_as_partitions(platform, definitions, instance):
    collect_days(definitions, instance, "orders")
    done = fill(definitions, instance, accounts=["coupang"], kinds=["orders"])
    assert done.success
    every = clock.days(platform.history())
    filled = {f"coupang|{day}" for day in every if day not in DAYS}
    assert materialized(done).keys() == {
        (asset, key) for asset in ("raw/orders", "market/orders") for key in filled
    }
    assert platform.missing("coupang", "orders", platform.history()) == []
    again = fill(definitions, instance, accounts=["coupang"], kinds=["orders"])
    assert again.success
    assert materialized(again) == {}


def test_an_account_that_fails_does_not_keep_the_others_from_being_filled(
    platform, simulator, definitions, instance
):
    with simulator.changing() as accounts:
        accounts["coupang"].allowed_addresses = frozenset({"203.0.113.9"})
    done = fill(definitions, instance, kinds=["claims", "orders"])
    assert not done.success
    assert "coupang claims: MarketDenied" in failure(done).description
    assert "coupang orders" not in failure(done).description  # a refused account is left alone
    assert platform.missing("coupang", "claims", platform.history())
    for account in ("naver", "eleven"):
        assert platform.missing(account, "claims", platform.history()) == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"accounts": ["cuopang"]}, "'cuopang'; there are: coupang, naver, eleven"),
        ({"kinds": ["stock"]}, "only orders and claims have days, not ['stock']"),
    ],
    ids=["account", "kind"],
)
def test_a_mistyped_wish_is_not_taken_for_nothing_to_do(definitions, instance, config, said):
    done = fill(definitions, instance, **config)
    assert not done.success
    assert said in failure(done).description
