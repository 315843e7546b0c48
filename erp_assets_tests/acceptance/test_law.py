"""The law: whatever a market and the network do, in the end what it holds is what is stored.

Real clients, real sockets, real PostgreSQL; the simulator's own books are the yardstick.
"""

import pytest

from erp_assets_tests.acceptance.shops import (
    MARKETS,
    NONE,
    collect,
    differences,
    serving,
    stored_claims,
    stored_lines,
    stored_offers,
    true_claims,
    true_lines,
    true_offers,
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
