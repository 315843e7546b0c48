"""`erp collect`, as an operator types it: real processes, real Dagster runs, three markets."""

import json
import time

import dagster as dg
import httpx
import pytest

from erp_assets import clock
from erp_assets.defs.storage import open_instance
from erp_assets.markets.naver import auth
from erp_assets.simulator.building import CREDENTIALS
from erp_assets.simulator.wire import Fault
from erp_assets_tests.acceptance import shops
from erp_assets_tests.acceptance.operator import DAYS, ROOT, SECRETS, open_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with open_shop(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture(scope="module")
def collected(shop):
    """The shop after everything was collected once: exit code and what was said."""
    return shop.collect("--check")


@pytest.fixture(scope="module")
def instance(shop, collected):
    """Dagster's storage, opened beside the commands."""
    environment = {"ERP_HOME": str(shop.home), "ERP_LANGUAGE": "en"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for name, value in environment.items():
            patch.setenv(name, value)
        opened = open_instance()
    with opened:
        yield opened


def materialized(instance, *path):
    """Partition → metadata of the latest materialization of an asset, as Dagster stored it."""
    found = {}
    for record in instance.fetch_materializations(dg.AssetKey(path), limit=1000).records:
        told = {k: v.value for k, v in record.asset_materialization.metadata.items()}
        found.setdefault(record.partition_key, told)
    return found


# ── all of it ──────────────────────────────────────────────────────────────────────────────────
def test_everything_is_completed_and_checked(collected):
    code, said = collected
    assert (code, said["state"]) == (0, "completed"), said
    assert [account["state"] for account in said["accounts"]] == ["completed"] * 3
    assert [run["kinds"] for run in said["derived"]] == [["marts"], ["checks"]]
    assert all(run["ok"] for run in said["derived"])


@pytest.mark.parametrize("market", shops.MARKETS)
def test_what_is_stored_is_the_truth(shop, collected, market):
    account = shop.simulator.accounts[market]
    with shop.warehouse() as warehouse:
        lines = shops.stored_lines(warehouse, market)
        claims = shops.stored_claims(warehouse, market)
        offers = shops.stored_offers(warehouse, market)
    assert shops.differences(shops.true_lines(account), lines) == shops.NONE
    assert shops.differences(shops.true_claims(account), claims) == shops.NONE
    assert offers == shops.true_offers(account)
    assert lines
    assert claims


def test_a_range_of_days_is_one_run(instance, collected):
    _, said = collected
    for account in said["accounts"]:
        kinds = [run["kinds"] for run in account["runs"]]
        assert kinds == [["products", "stock", "prices"], ["orders"], ["claims"]]
    told = {run["run_id"] for account in said["accounts"] for run in account["runs"]}
    told |= {run["run_id"] for run in said["derived"]}
    assert {instance.get_run_by_id(it).status for it in told} == {dg.DagsterRunStatus.SUCCESS}


@pytest.mark.parametrize("kind", ["orders", "claims"])
@pytest.mark.parametrize("layer", ["raw", "market"])
def test_every_day_of_every_account_is_a_partition(shop, instance, layer, kind):
    days = [shop.first_day + clock.DAY * n for n in range(DAYS + 1)]
    wanted = {f"{market}|{day}" for market in shops.MARKETS for day in days}
    assert materialized(instance, layer, kind).keys() == wanted


@pytest.mark.parametrize("asset", ["products", "stock", "prices"])
def test_the_catalogue_is_one_partition_per_account(instance, asset):
    assert materialized(instance, "market", asset).keys() == set(shops.MARKETS)


def test_materializations_tell_rows_and_timing(shop, instance):
    found = materialized(instance, "market", "claims")
    [told] = {json.dumps(it) for key, it in found.items() if key.startswith("naver|")}
    told = json.loads(told)
    stored = shop.query("SELECT count(*) FROM market_claims WHERE account_id = 2")[0][0]
    assert told["dagster/row_count"] >= stored > 0
    assert told["outcome"] == "completed"
    assert told["rows_rejected"] == 0
    assert told["calls"] > 0
    assert told["seconds"] > 0


def test_derived_assets_add_up(shop, instance):
    stored = shop.query("SELECT count(*), sum(amount) FROM market_order_lines")
    joined = shop.query("SELECT count(*), sum(amount) FROM order_lines_with_skus")
    assert joined == stored
    assert materialized(instance, "marts", "daily_sales")
    assert materialized(instance, "marts", "order_lines_with_skus")
    assert materialized(instance, "marts", "stock_positions")
    options = shop.query("SELECT count(*), sum(stock) FROM market_skus")
    assert shop.query("SELECT count(*), sum(stock) FROM stock_positions") == options


# ── again, a part of it, and what was missed ───────────────────────────────────────────────────
def test_collecting_again_changes_nothing(shop, collected):
    before = shop.query("SELECT max(changed_at), count(*) FROM market_order_lines")
    code, said = shop.collect("--since", shop.first_day.isoformat(), "--kind", "orders")
    assert code == 0, said
    assert shop.query("SELECT max(changed_at), count(*) FROM market_order_lines") == before
    for account in said["accounts"]:
        [step] = account["kinds"].values()
        assert step["seen"]["market_order_lines"] > 0
        assert sum(step["stored"].values()) == 0, account["account"]


def test_days_never_collected_are_found_and_only_they_are_read(shop, collected):
    day = shop.first_day + clock.DAY * 2
    shop.query("DELETE FROM watermarks WHERE account_id = 1 AND kind = 'orders' AND day = %s", day)
    code, said = shop.collect("--missing")
    assert code == 0, said
    assert {
        account["account"]: [run["kinds"] for run in account["runs"]]
        for account in said["accounts"]
    } == {"coupang": [["orders"]], "naver": [], "eleven": []}
    [step] = said["accounts"][0]["kinds"].values()
    assert step["since"] == clock.day_start(day).isoformat()
    assert shop.collect("--missing")[1]["accounts"][0]["runs"] == []


def test_an_order_that_is_not_stored_is_found_by_counting_at_the_market(shop, collected):
    [(order_no, line_no)] = shop.query(
        "DELETE FROM market_order_lines WHERE (account_id, order_no, line_no) = "
        "(SELECT account_id, order_no, line_no FROM market_order_lines "
        " WHERE account_id = 3 AND status = 'new' ORDER BY ordered_at DESC LIMIT 1) "
        "RETURNING order_no, line_no"
    )
    since = shop.first_day.isoformat()
    code, said = shop.collect(
        "--account", "coupang", "--kind", "claims", "--since", since, "--check"
    )
    assert (code, said["state"]) == (3, "partial")
    assert f"{order_no} {line_no}" in said["derived"][1]["error"]
    code, said = shop.collect(
        "--account", "eleven", "--kind", "orders", "--since", since, "--check"
    )
    assert code == 0, said


# ── what goes wrong ────────────────────────────────────────────────────────────────────────────
def test_a_refused_account_stops_alone_and_says_what_to_do(shop, instance):
    code, said = shop.collect(SHOP_NAVER_CLIENT_SECRET="$2a$04$" + "x" * 22)
    assert code == 1
    states = {account["account"]: account["state"] for account in said["accounts"]}
    assert states == {"coupang": "completed", "naver": "failed", "eleven": "completed"}
    [error] = said["accounts"][1]["errors"]
    assert "What to do:" in error
    [run] = said["accounts"][1]["runs"]
    assert instance.get_run_by_id(run["run_id"]).status is dg.DagsterRunStatus.FAILURE


def test_a_malformed_row_is_partial_and_heals(shop, collected):
    shop.simulator.inject(Fault.MALFORMED_ROW, market="coupang", path_contains="ordersheets")
    since = shop.first_day.isoformat()
    arguments = ("--account", "coupang", "--kind", "orders", "--since", since)
    code, said = shop.collect(*arguments)
    assert (code, said["state"]) == (3, "partial")
    assert said["accounts"][0]["rejected"] == 1
    [(reason, body)] = shop.query(
        "SELECT reason, body FROM rejected_rows WHERE account_id = 1 AND resolved_at IS NULL"
    )
    assert reason
    assert body
    code, said = shop.collect(*arguments)
    assert code == 0, said
    assert not shop.query("SELECT FROM rejected_rows WHERE resolved_at IS NULL")


def test_an_unknown_account_is_one_line(shop):
    done = shop.erp("collect", "--account", "cuopang")
    assert done.returncode == 2
    assert (
        "no enabled account is called 'cuopang'; there are: coupang, naver, eleven" in done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "2026-13-01"), "is not a day like"),
        (("--until", "2026-11-01"), "--until needs --since"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), "lies before"),
        (("--kind", "returns"), "'returns' is not one of"),
        (("--missing", "--kind", "stock"), "only orders and claims"),
        (("--since", "2999-01-01"), "lies before --since"),
        (("--since", "2026-11-02", "--until", "2999-01-01"), "is yet to come"),
        (("--since", "2025-12-31"), "ERP_HISTORY_START"),
    ],
    ids=["day", "until alone", "backwards", "kind", "no days", "late", "future", "early"],
)
def test_an_impossible_wish_is_one_line(shop, arguments, said):
    done = shop.erp("collect", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def naver_token(shop):
    """The token every process got: until its last half hour the market gives the same again."""
    form = auth.form(CREDENTIALS["naver"], int(time.time() * 1000))
    url = shop.simulator.base_url("naver") + "/v1/oauth2/token"
    return httpx.post(url, data=form).json()["access_token"]


def test_nothing_secret_was_written_anywhere(shop, collected):
    shop.collect("--kind", "orders", SHOP_ELEVEN_API_KEY=SECRETS["eleven api_key"] + "x")
    shop.erp("doctor")
    shop.erp("doctor", SHOP_COUPANG_SECRET_KEY=SECRETS["coupang secret_key"] + "x")
    written = "\n".join(shop.printed)
    for database in ("erp", "dagster"):
        tables = shop.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' "
            "AND table_type = 'BASE TABLE'",
            database=database,
        )
        assert tables
        for (table,) in tables:
            rows = shop.query(f'SELECT t::text FROM "{table}" t', database=database)
            written += "\n".join(row for (row,) in rows)
    data = shop.home / "postgres"
    for path in shop.home.rglob("*"):
        if path.is_file() and (path == data / "log" or data not in path.parents):
            written += path.read_text(errors="replace")
    assert [name for name, value in SECRETS.items() if value in written] == []
    assert naver_token(shop) not in written
    assert "Bearer" not in written
    assert "HmacSHA256" not in written
