"""What holds of every plan, whatever stock, listings and policies there are."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from erp_assets.planning.stock import CEILINGS, Policies, Reason, changes, divide, plan
from erp_assets.warehouse.stock_queries import Listing, Policy, PolicyKind, Position

MARKETS = {1: "coupang", 2: "naver", 3: "eleven"}
SKUS = range(1, 6)
PIECES = st.integers(0, 40)
CATEGORIES = st.sampled_from([None, "socks", "shirts"])
FEW = st.integers(0, 4)
ON_HAND = st.one_of(st.integers(5, 60), st.integers(5, 60), st.none(), st.integers(-10, 10**9))

positions = st.tuples(
    *(st.builds(Position, st.just(n), ON_HAND, FEW, FEW, CATEGORIES) for n in SKUS)
)
parts = st.one_of(
    st.sampled_from(SKUS).map(lambda it: {it: 1}),
    st.dictionaries(st.sampled_from(SKUS), st.integers(1, 3), max_size=3),
)


@st.composite
def listing_sets(draw):
    keys = draw(st.sets(st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from("abc")), max_size=9))
    return [
        Listing(
            account,
            number,
            "0",
            MARKETS[account],
            tuple(draw(parts).items()),
            draw(st.none() | PIECES),
            draw(st.booleans()),
        )
        for account, number in sorted(keys)
    ]


@st.composite
def policy_sets(draw, kinds=tuple(PolicyKind)):
    scopes = st.one_of(
        st.tuples(st.sampled_from(SKUS), st.none(), st.sampled_from([None, 1, 2, 3])),
        st.tuples(st.none(), CATEGORIES, st.sampled_from([None, 1, 2, 3])),
    )
    return [
        Policy(
            number,
            *scope,
            draw(st.sampled_from(kinds)),
            weight=draw(FEW),
            cap=draw(st.none() | PIECES),
            buffer=draw(FEW),
            stop_at=draw(FEW),
        )
        for number, scope in enumerate(sorted(draw(st.sets(scopes, max_size=8)), key=str), start=1)
    ]


def left(position):
    return position.on_hand - position.reserved - position.safety


def policy_of(some, position, account):
    return Policies(some).of(position.sku_id, position.category, account)


@given(positions, listing_sets(), policy_sets())
def test_shares_never_add_to_more_than_available(stock, listings, policies):
    known = {it.sku_id: it for it in stock}
    used, divided = Counter(), set()
    for it in plan(stock, listings, policies):
        for sku_id, pieces in it.listing.parts:
            used[sku_id] += (it.target or 0) * pieces
            policy = policy_of(policies, known[sku_id], it.listing.account_id)
            if it.target is not None and policy.kind == PolicyKind.WEIGHTED:
                divided.add(sku_id)
    for sku_id in divided:
        assert used[sku_id] <= max(left(known[sku_id]), 0)


@given(positions, listing_sets(), policy_sets())
def test_no_listing_shows_more_than_its_stock_or_market_allows(stock, listings, policies):
    known = {it.sku_id: it for it in stock}
    for it in plan(stock, listings, policies):
        if it.target is not None:
            assert 0 <= it.target <= CEILINGS[it.listing.market]
            for sku_id, pieces in it.listing.parts:
                assert it.target * pieces <= max(left(known[sku_id]), 0)
                policy = policy_of(policies, known[sku_id], it.listing.account_id)
                assert policy.cap is None or it.target * pieces <= policy.cap


@given(positions, listing_sets(), policy_sets())
def test_what_is_excluded_or_unknown_is_never_written(stock, listings, policies):
    known = {it.sku_id: it for it in stock}
    decisions = plan(stock, listings, policies)
    assert [it.listing for it in decisions] == listings
    for it in decisions:
        own = [known[sku_id] for sku_id, _ in it.listing.parts]
        kinds = [policy_of(policies, one, it.listing.account_id).kind for one in own]
        is_excluded = PolicyKind.EXCLUDED in kinds
        is_unknown = not own or any(one.on_hand is None for one in own)
        assert (it.target is None) == (is_excluded or is_unknown)
        assert (it.reason == Reason.EXCLUDED) == is_excluded
    told = [it.decision for it in changes(decisions)]
    assert all(it.target is not None and it.target != it.listing.shown for it in told)


@given(positions, listing_sets(), policy_sets(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(stock, listings, policies, random):
    shuffled = [random.sample(it, len(it)) for it in (list(stock), listings, policies)]
    one, other = plan(stock, listings, policies), plan(*shuffled)
    assert sorted(one, key=lambda it: it.listing.key) == sorted(
        other, key=lambda it: it.listing.key
    )
    assert changes(one) == changes(other)


@given(
    positions,
    listing_sets(),
    policy_sets(kinds=(PolicyKind.SHARED, PolicyKind.EXCLUDED)),
    st.sampled_from(SKUS),
    PIECES,
)
def test_more_stock_never_lists_less_from_a_pool(stock, listings, policies, sku_id, more):
    grown = [
        it._replace(on_hand=it.on_hand + more)
        if it.sku_id == sku_id and it.on_hand is not None
        else it
        for it in stock
    ]
    before, after = plan(stock, listings, policies), plan(grown, listings, policies)
    assert all((a.target or 0) <= (b.target or 0) for a, b in zip(before, after, strict=True))


@given(PIECES | st.integers(0, 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_a_share_is_the_exact_one_rounded_up_or_down(pieces, weights):
    shares, whole = divide(pieces, weights), sum(weights)
    assert sum(shares) == (pieces if whole else 0)
    for share, weight in zip(shares, weights, strict=True):
        assert not whole or abs(share * whole - pieces * weight) < whole


@given(positions, listing_sets(), policy_sets(), st.sets(st.sampled_from(SKUS)))
def test_a_part_of_the_plan_equals_that_part_of_the_whole(stock, listings, policies, touched):
    def holding(skus):
        return [it for it in listings if skus & {sku_id for sku_id, _ in it.parts}]

    near = {sku_id for it in holding(touched) for sku_id, _ in it.parts}
    part = plan(stock, holding(near), policies, sku_ids=touched)
    of_all = plan(stock, listings, policies, sku_ids=touched)
    assert part == of_all
    assert [it.listing for it in part] == holding(touched)
