"""Which quantity a listing is to show, why, what is told first, and what drifted."""

import pytest

from erp_assets.planning.stock import (
    CEILINGS,
    Reason,
    Risk,
    Written,
    changes,
    divide,
    drifts,
    plan,
)
from erp_assets.warehouse.stock_queries import Drift, Listing, Policy, PolicyKind, Position

MARKETS = {1: "coupang", 2: "naver", 3: "eleven"}
WEIGHTED, EXCLUDED = PolicyKind.WEIGHTED, PolicyKind.EXCLUDED


def listing(account=1, number="10", parts=((7, 1),), shown=0, on_sale=True):
    return Listing(account, number, "0", MARKETS[account], parts, shown, on_sale)


def everywhere(**values):
    return [listing(account, **values) for account in MARKETS]


def targets(*args):
    return [it.target for it in plan(*args)]


def only(*args):
    (decision,) = plan(*args)
    return decision.target, decision.reason, decision.policy_id


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (Position(7, 12, reserved=3, safety=2), (7, Reason.POOL)),
        (Position(7, 5, reserved=3, safety=2), (0, Reason.SOLD_OUT)),
        (Position(7, 5, reserved=6), (0, Reason.OVERSOLD)),
        (Position(7, -1), (0, Reason.OVERSOLD)),
        (Position(7, None, reserved=2), (None, Reason.STOCK_UNKNOWN)),
        (Position(8, 12), (None, Reason.STOCK_UNKNOWN)),
    ],
    ids=["left", "sold-out", "reserved-too-many", "ledger-below-zero", "no-ledger", "no-position"],
)
def test_what_is_neither_reserved_nor_safety_is_listed(position, expected):
    assert only([position], [listing()], []) == (*expected, None)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(1), (20, Reason.POOL)),
        (Policy(1, cap=5), (5, Reason.CAP)),
        (Policy(1, cap=0), (0, Reason.CAP)),
        (Policy(1, cap=50), (20, Reason.POOL)),
        (Policy(1, buffer=3), (17, Reason.BUFFER)),
        (Policy(1, buffer=30), (0, Reason.BUFFER)),
        (Policy(1, buffer=3, cap=18), (17, Reason.BUFFER)),
        (Policy(1, stop_at=19), (20, Reason.POOL)),
        (Policy(1, stop_at=20), (0, Reason.STOPPED)),
        (Policy(1, kind=EXCLUDED, cap=5), (None, Reason.EXCLUDED)),
        (Policy(1, kind=WEIGHTED, weight=3, buffer=2), (18, Reason.SHARE)),
        (Policy(1, kind=WEIGHTED, weight=0), (0, Reason.SHARE)),
    ],
    ids=str,
)
def test_a_policy_limits_what_is_listed(policy, expected):
    assert only([Position(7, 20)], [listing()], [policy]) == (*expected, 1)


def test_the_most_specific_policy_counts_alone_and_is_named():
    scopes = [
        {},
        {"account_id": 1},
        {"category": "socks"},
        {"category": "socks", "account_id": 1},
        {"sku_id": 7},
        {"sku_id": 7, "account_id": 1},
    ]
    policies = [Policy(n, cap=n, **scope) for n, scope in enumerate(scopes, start=1)]
    position = [Position(7, 100, category="socks")]
    for most in range(1, len(policies) + 1):
        assert only(position, [listing()], reversed(policies[:most])) == (most, Reason.CAP, most)
    others = [Policy(8, sku_id=8, cap=1), Policy(9, account_id=2, cap=1), Policy(10, category="x")]
    assert only(position, [listing()], others) == (100, Reason.POOL, None)


def test_a_policy_does_not_inherit_from_a_wider_one():
    policies = [Policy(1, buffer=5), Policy(2, sku_id=7, cap=18)]
    assert only([Position(7, 20)], [listing()], policies) == (18, Reason.CAP, 2)


def test_every_listing_shows_the_whole_pool():
    assert targets([Position(7, 9)], everywhere(), []) == [9, 9, 9]


def test_listings_beside_a_weighted_one_divide_the_stock_too():
    weighted = Policy(1, account_id=1, kind=WEIGHTED, weight=3)
    assert targets([Position(7, 11)], everywhere(), [weighted]) == [7, 2, 2]
    excluded = Policy(2, account_id=3, kind=EXCLUDED)
    assert targets([Position(7, 11)], everywhere(), [weighted, excluded]) == [8, 3, None]


def test_the_largest_buffer_of_a_divided_sku_is_held_back_once():
    policies = [Policy(1, kind=WEIGHTED, buffer=2), Policy(2, account_id=2, buffer=5)]
    assert sum(targets([Position(7, 20)], everywhere(), policies)) == 15


@pytest.mark.parametrize(
    ("pieces", "weights", "expected"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (2, [1, 1, 1], [1, 1, 0]),
        (100, [70, 20, 10], [70, 20, 10]),
        (7, [0, 5, 0], [0, 7, 0]),
        (7, [0, 0], [0, 0]),
        (0, [3, 1], [0, 0]),
    ],
)
def test_pieces_are_divided_without_rest(pieces, weights, expected):
    assert divide(pieces, weights) == expected


def test_a_bundle_shows_what_its_scarcest_sku_makes_up():
    positions = [Position(7, 20), Position(8, 7)]
    bundle = listing(parts=((7, 6), (8, 2)))
    (decision,) = plan(positions, [bundle], [])
    assert (decision.target, decision.sku_id, decision.cover) == (3, 7, 3)
    (decision,) = plan(positions, [bundle], [Policy(4, sku_id=8, cap=3)])
    assert (decision.target, decision.sku_id, decision.policy_id) == (1, 8, 4)
    assert (decision.reason, decision.cover) == (Reason.CAP, 3)


@pytest.mark.parametrize(
    ("positions", "policies", "expected"),
    [
        ([Position(7, 20)], [], (None, Reason.STOCK_UNKNOWN, None)),
        ([Position(7, 20), Position(8, -4)], [], (0, Reason.OVERSOLD, None)),
        (
            [Position(7, 20)],
            [Policy(3, sku_id=7, kind=EXCLUDED)],
            (None, Reason.EXCLUDED, 3),
        ),
    ],
    ids=["one-unknown", "one-oversold", "one-excluded-one-unknown"],
)
def test_one_sku_can_keep_a_bundle_from_selling(positions, policies, expected):
    assert only(positions, [listing(parts=((8, 1), (7, 1)))], policies) == expected


def test_a_listing_without_sku_is_never_written():
    assert only([Position(7, 20)], [listing(parts=())], []) == (None, Reason.UNMAPPED, None)


@pytest.mark.parametrize("account", MARKETS)
def test_no_market_is_told_more_than_it_takes(account):
    ceiling = CEILINGS[MARKETS[account]]
    huge = [Position(7, 10**12)]
    assert only(huge, [listing(account)], []) == (ceiling, Reason.CEILING, None)
    assert only([Position(7, ceiling - 1)], [listing(account)], [])[0] == ceiling - 1


def told(*listings, stock=10, policies=()):
    decisions = plan([Position(7, stock), Position(8, 0)], listings, policies)
    return [(it.risk, it.decision.listing.product_no) for it in changes(decisions)]


def test_only_differences_are_told():
    assert told(listing(shown=10)) == []
    assert told(listing(shown=10), listing(2, shown=9)) == [(Risk.RISES, "10")]
    assert told(listing(shown=3), policies=[Policy(1, kind=EXCLUDED)]) == []
    assert told(listing(shown=3, parts=((9, 1),))) == []


def test_the_largest_risk_is_told_first():
    stopped, halved = Policy(1, account_id=2, stop_at=10), Policy(2, account_id=3, cap=5)
    listings = [
        listing(number="off-sale", shown=99, on_sale=False),
        listing(number="rises", shown=4),
        listing(number="was sold out", shown=0),
        listing(3, number="falls", shown=8),
        listing(2, number="sells out", shown=8),
        listing(number="unread", shown=None),
        listing(number="shows a few too many", shown=11),
        listing(number="shows too many", shown=50),
        listing(number="shows what is gone", shown=1, parts=((8, 1),)),
    ]
    expected = [
        (Risk.OVERSELLS, "shows what is gone"),
        (Risk.OVERSELLS, "shows too many"),
        (Risk.OVERSELLS, "shows a few too many"),
        (Risk.UNREAD, "unread"),
        (Risk.SELLS_OUT, "sells out"),
        (Risk.FALLS, "falls"),
        (Risk.RISES, "was sold out"),
        (Risk.RISES, "rises"),
        (Risk.OFF_SALE, "off-sale"),
    ]
    assert told(*listings, policies=[stopped, halved]) == expected
    assert told(*reversed(listings), policies=[stopped, halved]) == expected


def test_drift_is_what_nobody_wrote_or_sold():
    some = [
        listing(number="as written", shown=5),
        listing(number="drifted", shown=6, parts=((7, 1), (8, 2))),
        listing(number="sold", shown=4),
        listing(number="unread", shown=None),
        listing(number="never written", shown=9),
    ]
    written = {
        it.key: Written(5, moved=it.product_no == "sold")
        for it in some
        if it.product_no != "never written"
    }
    assert drifts(some, written) == [
        Drift(7, 1, "drifted", "0", written=5, shown=6),
        Drift(8, 1, "drifted", "0", written=5, shown=6),
    ]
