"""What the planning benchmark measures is what it says."""

from erp_assets.bench.planning import _in_a_fresh_process, shop
from erp_assets.planning.stock import Reason, changes, drifts, plan


def test_the_shop_is_always_the_same_and_has_everything_that_costs_time():
    given = shop(500)
    assert given == shop(500)
    decisions = plan(given.positions, given.listings, given.policies)
    assert len(decisions) == 1_500
    assert 0.2 < len(changes(decisions)) / len(decisions) < 0.4
    assert {Reason.SHARE, Reason.CAP, Reason.BUFFER} < {it.reason for it in decisions}
    assert sum(len(it.parts) == 2 for it in given.listings) > 100
    assert 0 < len(drifts(given.listings, given.written)) < 100


def test_a_fresh_process_reports_its_own_figures():
    given = shop(100)
    told = _in_a_fresh_process(100)
    assert told["changes"] == len(changes(plan(given.positions, given.listings, given.policies)))
    assert told["seconds"] > 0
    assert told["peak_rss_mb"] > 10
