"""`erp prices` as an operator types it, on a database of the test's own."""

import json

import pytest
from click.testing import CliRunner

from erp_assets import clock
from erp_assets.cli import main
from erp_assets.warehouse import price_plans, price_queries
from erp_assets_tests.planning.price_shop import Shop


@pytest.fixture
def shop(warehouse):
    return Shop(warehouse)


@pytest.fixture
def erp(shop, monkeypatch, tmp_path):
    """Runs a command; returns its exit code and what it printed."""
    monkeypatch.setenv("ERP_HOME", str(tmp_path))
    monkeypatch.setenv("ERP_DATABASE_URL", shop.warehouse.url)
    monkeypatch.setenv("COLUMNS", "240")

    def run(*arguments):
        done = CliRunner().invoke(main, ["prices", *map(str, arguments)])
        return done.exit_code, done.output

    return run


def test_from_a_rule_to_a_price_that_was_set(shop, erp):
    sku = shop.sku()
    shop.lists(sku)
    shop.rule(sku)
    code, told = erp("plan", "--account", "coupang")
    assert (code, told) == (0, "coupang: 1 options, 1 planned, 0 approved, 0 unchanged\n")
    code, told = erp("list")
    assert code == 0
    assert "10,000" in told
    assert "fixed at 9,000" in told
    (plan,) = json.loads(erp("list", "--json")[1])
    assert erp("approve", plan["id"], "--who", "kim") == (0, f"#{plan['id']} approved\n")
    assert erp("approve", plan["id"]) == (
        *(3, f"#{plan['id']} not approved: is approved already\n"),
    )
    shop.do(price_plans.record_pushed, [plan["id"]], run_id=None, now=clock.utc_now())
    (row,) = json.loads(erp("history", "--product", "7", "--json")[1])
    assert (row["after"], row["who"]) == (9_000, "kim")
    assert "kim" in erp("history")[1]
    shop.shows(8_800)
    shop.sql("UPDATE market_skus SET offer_seen_at = now() + interval '1 h'")
    assert "8,800" in erp("drift")[1]


def test_auto_and_reject(shop, erp):
    sku = shop.sku()
    shop.lists(sku)
    shop.rule(sku)
    assert "1 approved" in erp("plan", "--auto")[1]
    assert json.loads(erp("list", "--json")[1]) == []
    (plan,) = json.loads(erp("list", "--status", "approved", "--json")[1])
    assert erp("reject", plan["id"]) == (3, f"#{plan['id']} not rejected: is approved already\n")


def test_an_account_that_is_not_there_is_named(shop, erp):
    code, told = erp("plan", "--account", "gmarket")
    assert code == 2
    assert "no such account: gmarket" in told


def test_rules_come_back_as_they_were_written(shop, erp, tmp_path):
    sku = shop.sku()
    shop.rule(sku, quiet_from="23:00", quiet_until="07:00", fee_rate="0.108", name="기모, 팬츠")
    shop.rule(None, account_id=1, min_margin=500, is_active=False)
    before = shop.do(price_queries.rules)
    path = tmp_path / "rules.csv"
    assert erp("rules", "export", path)[0] == 0
    code, told = erp("rules", "import", path)
    assert (code, told) == (0, "2 rules replaced, 0 added, 0 rows left out\n")
    assert shop.do(price_queries.rules) == before


def test_a_bad_rule_costs_its_own_row_and_the_exit_code(shop, erp, tmp_path):
    path = tmp_path / "rules.csv"
    path.write_bytes("account,min_margin\ncoupang,500\n쿠팡,700\n".encode("cp949"))
    code, told = erp("rules", "import", path, "--dry-run")
    assert code == 3
    assert "1 would be added, 1 rows left out" in told
    assert "line 3: account: unknown: '쿠팡'" in told
    assert shop.do(price_queries.rules) == []
    assert erp("rules", "import", path)[0] == 3
    assert [rule["min_margin"] for rule in shop.do(price_queries.rules)] == [500]


def test_competitors_are_read_from_a_file(shop, erp, tmp_path):
    shop.sku()
    path = tmp_path / "rivals.csv"
    path.write_bytes("코드,판매가\nS-1,9000\nS-9,1\n".encode("cp949"))
    mapping = ("--column", "sku=코드", "--column", "price=판매가")
    code, told = erp("competitors", path, *mapping, "--dry-run")
    assert (code, told.splitlines()[0]) == (3, "1 prices read, 0 stored, 1 left out")
    assert "line 3: 코드: unknown SKU 'S-9'" in erp("competitors", path, *mapping)[1]
    assert shop.sql("SELECT price, source FROM competitor_prices") == [(9_000, "file")]
    assert erp("competitors", path, "--column", "price")[0] == 2
