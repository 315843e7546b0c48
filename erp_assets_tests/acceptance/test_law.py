"""The law: whatever a market and the network do, in the end what it holds is what is stored.

Real clients, real sockets, real PostgreSQL; the simulator's own books are the yardstick.
"""

import os
import random
import subprocess
import sys
import time

import pytest
from sqlalchemy import text

from erp_assets.simulator.wire import Fault
from erp_assets.warehouse import queries
from erp_assets_tests.acceptance.shops import (
    MARKETS,
    NONE,
    collect,
    differences,
    grow,
    look,
    serving,
    stored_claims,
    stored_lines,
    stored_offers,
    true_claims,
    true_lines,
    true_offers,
    victim_environment,
    world,
)


def check(warehouse, account):
    market = account.shop.market
    assert differences(true_lines(account), stored_lines(warehouse, market)) == NONE
    assert differences(true_claims(account), stored_claims(warehouse, market)) == NONE
    assert stored_offers(warehouse, market) == true_offers(account)


@pytest.mark.parametrize("market", MARKETS)
def test_everything_a_market_shows_is_stored_and_nothing_else(warehouse, market):
    made = world()
    with serving(made) as simulator:
        done = collect(warehouse, simulator, market, now=made.now)
        assert {kind: it.outcome for kind, it in done.items()} == dict.fromkeys(done, "completed")
        check(warehouse, simulator.accounts[market])


@pytest.mark.parametrize("market", ["coupang", "naver"])
@pytest.mark.parametrize("seed", [4, 5])
def test_orders_and_claims_do_not_undo_what_the_other_told(warehouse, market, seed):
    """A line cancelled out of a box that was delivered is told by its receipt, not by its box."""
    query = text("SELECT * FROM market_order_lines ORDER BY order_no, line_no")
    made = world(seed)
    with serving(made) as simulator:
        collect(warehouse, simulator, market, now=made.now)
        with warehouse.transaction() as db:
            before = db.execute(query).all()
        for kind in ("orders", "claims", "orders"):
            collect(warehouse, simulator, market, now=made.now, kinds=(kind,))
        with warehouse.transaction() as db:
            assert db.execute(query).all() == before
        assert before


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("seed", [1, 7])
def test_collecting_again_changes_nothing(warehouse, market, seed):
    """No answer of a market undoes what another of its answers said."""
    made = world(seed)
    with serving(made) as simulator:
        collect(warehouse, simulator, market, now=made.now)
        again = collect(warehouse, simulator, market, now=made.now)
        assert {kind: sum(it.stored.values()) for kind, it in again.items()} == dict.fromkeys(
            again, 0
        )
        check(warehouse, simulator.accounts[market])


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("seed", [1, 2])
def test_faults_leave_no_trace_once_they_are_over(warehouse, market, seed):
    made = world(seed)
    with serving(made, fault_rate=0.12, seed=seed) as simulator:
        collect(warehouse, simulator, market, now=made.now)
        assert any(logged.fault for logged in simulator.log)
        simulator.fault_rate = 0.0
        done = collect(warehouse, simulator, market, now=made.now)
        assert {kind: it.outcome for kind, it in done.items()} == dict.fromkeys(done, "completed")
        check(warehouse, simulator.accounts[market])
    with warehouse.transaction() as db:
        for kind in ("products", "offers", "orders", "claims"):
            assert queries.rejected_by_account(db, kind) == {}


@pytest.mark.parametrize("market", MARKETS)
def test_what_changes_later_is_followed(warehouse, market):
    """Three looks at a shop that goes on living; each reads only what a routine look reads."""
    made = world(8)
    with serving(made) as simulator:
        collect(warehouse, simulator, market, now=made.now)
        for _ in range(3):
            with simulator.changing():
                made.advance(1.7 * 86_400)
            look(warehouse, simulator, market, now=made.now)
        account = simulator.accounts[market]
        with simulator.changing():
            found, true = stored_lines(warehouse, market), true_lines(account)
        assert differences(true, found)["missing"] == []
        assert differences(true, found)["wrong"] == {}
        claims = differences(true_claims(account), stored_claims(warehouse, market))
        assert (claims["missing"], claims["wrong"]) == ([], {})


@pytest.mark.parametrize("market", MARKETS)
def test_a_malformed_row_is_set_aside_and_heals(warehouse, market):
    made = world(3)
    with serving(made) as simulator:
        path = {"coupang": "ordersheets", "naver": "query", "eleven": "dlvcompleted"}[market]
        simulator.inject(Fault.MALFORMED_ROW, market=market, path_contains=path, times=3)
        first = collect(warehouse, simulator, market, now=made.now, kinds=("orders",))["orders"]
        assert first.outcome == "partial"
        with warehouse.transaction() as db:
            waiting = queries.rejected_by_account(db, "orders")[market]
            assert 0 < waiting <= first.rejected
            rows = db.execute(text("SELECT reason, body FROM rejected_rows")).all()
        assert all(row.reason and row.body for row in rows)
        second = collect(warehouse, simulator, market, now=made.now)
        assert second["orders"].outcome == "completed"
        check(warehouse, simulator.accounts[market])
        with warehouse.transaction() as db:
            assert queries.rejected_by_account(db, "orders") == {}


@pytest.mark.parametrize("market", ["coupang", "naver"])
def test_a_list_that_repeats_itself_is_reported_and_not_called_complete(warehouse, market):
    """Lists of orders of 11st have no pages."""
    made = world(3)
    with serving(made) as simulator:
        path = {"coupang": "ordersheets", "naver": "last-changed"}[market]
        with simulator.changing() as accounts:
            grow(accounts[market], 700)
        simulator.inject(Fault.DUPLICATE_PAGE, market=market, path_contains=path, times=10_000)
        first = collect(warehouse, simulator, market, now=made.now, kinds=("orders",))["orders"]
        assert first.outcome == "partial"
        assert first.rejected >= 1
        with warehouse.transaction() as db:
            reasons = db.execute(text("SELECT reason FROM rejected_rows")).scalars().all()
        assert reasons
        assert all("page repeated" in reason for reason in reasons)


@pytest.mark.parametrize("market", MARKETS)
def test_a_refused_account_stops_at_once_with_what_to_do(warehouse, market):
    made = world()
    with serving(made) as simulator:
        with simulator.changing() as accounts:
            accounts[market].allowed_addresses = frozenset({"203.0.113.9"})
        done = collect(warehouse, simulator, market, now=made.now, kinds=("orders",))["orders"]
    assert done.outcome == "failed"
    assert "IP" in done.remedy
    assert done.calls <= 8


def test_an_error_while_storing_ends_the_collection(warehouse):
    """The reader ahead must not wait for ever for somebody to take its rows."""
    made = world()
    with serving(made) as simulator:
        with warehouse.transaction() as db:
            db.execute(text("DROP TABLE market_order_keys"))
        with pytest.raises(Exception, match="market_order_keys"):
            collect(warehouse, simulator, "naver", now=made.now, kinds=("orders",))


@pytest.mark.parametrize("market", MARKETS)
def test_killed_anywhere_nothing_is_lost_or_doubled(warehouse, market, tmp_path):
    """kill -9 at random moments of a collecting process, then one undisturbed run."""
    made = world(6)
    chance = random.Random(market)
    with serving(made) as simulator:
        for _ in range(4):
            with subprocess.Popen(
                [sys.executable, "-m", "erp_assets_tests.acceptance.victim"],
                env={**os.environ, **victim_environment(warehouse, simulator, market, made)},
                stdout=subprocess.PIPE,
            ) as child:
                child.stdout.readline()  # it is about to begin
                time.sleep(chance.uniform(0.02, 0.6))
                child.kill()
        done = collect(warehouse, simulator, market, now=made.now)
        assert {kind: it.outcome for kind, it in done.items()} == dict.fromkeys(done, "completed")
        check(warehouse, simulator.accounts[market])
    with warehouse.transaction() as db:
        assert queries.doubled_keys(db, "orders", limit=1) == []
