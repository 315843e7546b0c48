"""What a price becomes, and why; and what it never becomes, whatever the input."""

import json
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_assets.planning import won
from erp_assets.planning.price import MARKET_LIMITS, Case, Change, decide, is_quiet
from erp_assets.planning.rules import Mode, PriceRule, RuleBook
from erp_assets_tests.planning.pricing import NOW, SKU, decided, listed, rival, rule, wide

LOWEST = {"mode": Mode.LOWEST, "price": None}


def undercut(**values):
    return {"mode": Mode.UNDERCUT, "price": None, **values}


@pytest.mark.parametrize(
    ("rules", "rivals", "after"),
    [
        pytest.param([rule(price=11_000)], [], 11_000, id="fixed"),
        pytest.param([rule(price=11_009)], [], 11_000, id="fixed, rounded down"),
        pytest.param([rule(**LOWEST)], [rival(9_000), rival(9_500)], 9_000, id="lowest"),
        pytest.param([rule(**LOWEST)], [rival(9_009)], 9_000, id="lowest, rounded down"),
        pytest.param([rule(**undercut(undercut_amount=100))], [rival(9_000)], 8_900, id="by won"),
        pytest.param(
            [rule(**undercut(undercut_rate=Decimal("0.015")))], [rival(9_000)], 8_860, id="by rate"
        ),
        pytest.param(
            [rule(**LOWEST)], [rival(6_100)], 6_670, id="held at cost and fee, rounded up"
        ),
        pytest.param([rule(**LOWEST, min_margin=1_000)], [rival(6_100)], 7_780, id="margin in won"),
        pytest.param(
            [rule(**LOWEST, min_margin_rate=Decimal("0.2"))],
            [rival(6_100)],
            8_580,
            id="margin rate",
        ),
        pytest.param([rule(**LOWEST, floor=8_001)], [rival(6_100)], 8_010, id="floor, rounded up"),
        pytest.param([rule(**LOWEST, ceiling=11_119)], [rival(19_000)], 11_110, id="ceiling"),
        pytest.param(
            [rule(price=12_000, run_change_rate=Decimal("0.05"))], [], 10_500, id="largest per run"
        ),
    ],
)
def test_a_price_follows_its_rule_within_its_limits(rules, rivals, after):
    decision = decided(rules, rivals=rivals)
    assert (decision.before, decision.after, decision.needs_review) == (10_000, after, False)
    assert decision.margin == after - -(-after // 10) - 6_000
    assert decision.rule_id == 1
    assert decision.reason.startswith("rule 1 (SKU): ")


@pytest.mark.parametrize(
    ("rules", "given", "reason"),
    [
        pytest.param([], {}, "not opted in", id="no rule"),
        pytest.param([rule(opt_in=None)], {}, "not opted in", id="not opted in"),
        pytest.param(
            [rule(opt_in=False), wide(2, opt_in=True)], {}, "not opted in", id="opted out"
        ),
        pytest.param([rule(mode=None)], {}, "no rule says a mode", id="no mode"),
        pytest.param([rule(price=None)], {}, "fixed without a price", id="fixed at nothing"),
        pytest.param([rule()], {}, "right as it is", id="right already"),
        pytest.param([rule()], {"price": None}, "never read", id="price not known"),
        pytest.param([rule()], {"price": 0}, "no price", id="price 0"),
        pytest.param([rule()], {"price": -10}, "no price", id="negative price"),
        pytest.param([rule()], {"parts": ()}, "no SKU", id="not mapped"),
        pytest.param([rule()], {"parts": ((SKU, 1), (6, 1))}, "bundle", id="bundle"),
        pytest.param(
            [rule(price=9_000)], {"parts": ((SKU, 3),)}, "not opted in", id="three pieces"
        ),
        pytest.param([rule()], {"is_waiting": True}, "waits to be sent", id="one under way"),
        pytest.param([rule(**LOWEST)], {}, "no competitor's price is known", id="no competitor"),
        pytest.param(
            [rule(**undercut())], {"rivals": [rival(9_000)]}, "without amount", id="undercut by 0"
        ),
        pytest.param(
            [rule(floor=12_000, ceiling=11_000)], {}, "above the ceiling", id="floor above ceiling"
        ),
        pytest.param(
            [rule(min_margin_rate=Decimal("0.9"))], {}, "no price leaves", id="margin impossible"
        ),
        pytest.param(
            [rule(price=9_000, quiet_from=time(11), quiet_until=time(13))],
            {},
            "quiet hours 11:00 to 13:00",
            id="quiet",
        ),
        pytest.param([rule(price=9_000, cost=None)], {}, "no decrease", id="cost not known"),
        pytest.param([rule(price=9_000, fee_rate=None)], {}, "no decrease", id="fee not known"),
        pytest.param([rule()], {"price": 1}, "no single change as large", id="a price of 1 won"),
        pytest.param([rule(floor=25_000)], {}, "no single change as large", id="Coupang +100 %"),
    ],
)
def test_a_price_stays_and_the_decision_says_why(rules, given, reason):
    decision = decided(rules, **given)
    assert decision.after is None
    assert reason in decision.reason


def test_an_increase_needs_no_cost():
    assert decided([rule(price=11_000, cost=None)]).after == 11_000
    assert decided([rule(price=11_000, cost=None)]).margin is None


def test_what_no_rule_limits_a_competitor_far_from_our_cost_does_not_move():
    for price, hours, why in (
        (100, 1, "absurd: outside 3,000 to 30,000 won"),
        (30_010, 1, "absurd"),
        (0, 1, "absurd"),
        (9_000, 25, "stale: seen more than 24 h ago"),
        (9_000, -1, "seen in the future"),
    ):
        decision = decided([rule(**LOWEST)], rivals=[rival(price, hours=hours)])
        assert decision.after is None
        assert why in decision.reason
        assert why in decision.inputs["ignored"][0]["why"]


def test_age_and_band_are_the_rules_to_say():
    said = rule(**LOWEST, competitor_hours=48, band_low=Decimal(1), band_high=Decimal("1.5"))
    rivals = [rival(5_990), rival(9_010), rival(8_000, hours=47), rival(8_500)]
    decision = decided([said], rivals=rivals)
    assert decision.after == 8_000
    assert (decision.inputs["competitors"], decision.inputs["competitors_ignored"]) == (2, 2)


def test_without_a_cost_no_competitor_is_followed():
    decision = decided([rule(**LOWEST, cost=None)], rivals=[rival(12_000)])
    assert decision.after is None
    assert "our cost is not known" in decision.reason


@pytest.mark.parametrize(
    ("rules", "winner", "after"),
    [
        ([rule(9), wide(1, mode=Mode.FIXED, price=8_000)], 9, None),
        ([rule(9, mode=None, price=None), wide(1, mode=Mode.FIXED, price=8_000)], 1, 8_000),
        (
            [
                rule(9, mode=None, price=None),
                wide(1, mode=Mode.FIXED, price=8_000),
                wide(2, account_id=1, mode=Mode.FIXED, price=8_100),
                wide(3, category="77", mode=Mode.FIXED, price=8_200),
            ],
            3,
            8_200,
        ),
        ([rule(9, price=8_000), rule(4, price=9_000)], 4, 9_000),
        ([rule(4, price=8_000), rule(9, price=9_000, market="coupang")], 9, 9_000),
        ([rule(4, price=9_000), rule(1, price=8_000, market="naver")], 4, 9_000),
        ([rule(4, price=9_000), rule(1, price=8_000, account_id=2)], 4, 9_000),
    ],
    ids=["SKU", "inherited", "category", "lowest id", "narrowed", "other market", "other account"],
)
def test_the_most_specific_rule_wins_and_the_decision_says_which(rules, winner, after):
    for order in (rules, rules[::-1]):
        decision = decided(order)
        assert (decision.rule_id, decision.after) == (winner, after)
        assert f"rule {winner} " in decision.reason


def test_what_a_rule_leaves_out_the_next_one_says():
    own = PriceRule(id=1, sku_id=SKU, opt_in=True, cost=6_000)
    shop = wide(2, account_id=1, mode=Mode.LOWEST, min_margin=500, fee_rate=Decimal("0.1"))
    decision = decided([own, shop], rivals=[rival(5_000)])
    assert decision.after == 7_230
    assert decision.inputs["said_by"] == {
        "opt_in": 1,
        "fee_rate": 2,
        "min_margin": 2,
        "mode": 2,
        "price": 2,
        "undercut_amount": 2,
        "undercut_rate": 2,
    }


def test_an_undercut_is_never_mixed_from_two_rules():
    rules = [
        rule(1, **undercut(undercut_amount=100)),
        wide(2, mode=Mode.UNDERCUT, undercut_rate=Decimal("0.5")),
    ]
    assert decided(rules, rivals=[rival(9_000)]).after == 8_900


def test_pieces_of_one_sku_take_its_cost_times_their_number():
    rules = [rule(), rule(2, pieces=3, cost=None, price=19_000)]
    decision = decided(rules, price=30_000, parts=((SKU, 3),))
    assert (decision.after, decision.rule_id, decision.inputs["cost"]) == (20_000, 2, 18_000)


@pytest.mark.parametrize(
    ("at", "quiet"),
    [("22:59", False), ("23:00", True), ("00:00", True), ("06:59", True), ("07:00", False)],
)
def test_quiet_hours_are_korean_and_may_pass_midnight(at, quiet):
    hour, minute = map(int, at.split(":"))
    now = datetime(2026, 11, 25, (hour - 9) % 24, minute, tzinfo=UTC)
    assert is_quiet(now, time(23), time(7)) is quiet


def test_a_price_rests_after_a_change():
    past = [Change(NOW - timedelta(minutes=59), 9_000, 10_000)]
    said = [rule(price=9_500, cooldown_minutes=60)]
    assert "changed less than 60 minutes ago" in decided(said, past=past).reason
    assert decided(said, past=past, now=NOW + timedelta(minutes=1)).after == 9_500


def test_a_price_read_before_our_last_change_is_no_ground_for_another():
    past = [Change(NOW + timedelta(minutes=1), 9_000, 9_500)]
    decision = decided([rule(price=11_000)], past=past, now=NOW + timedelta(minutes=2))
    assert "before our last change" in decision.reason


def test_the_largest_change_per_day_counts_from_the_first_price_of_the_korean_day():
    said = [rule(price=20_000, day_change_rate=Decimal("0.2"))]
    yesterday = Change(datetime(2026, 11, 24, 14, 59, tzinfo=UTC), 8_000, 9_000)
    early = Change(datetime(2026, 11, 24, 15, 0, tzinfo=UTC), 9_000, 9_900)
    assert decided(said, past=[yesterday]).after == 12_000
    assert decided(said, past=[yesterday, early]).after == 10_800


def test_a_day_limit_does_not_force_back_what_another_moved():
    said = [rule(price=15_000, day_change_rate=Decimal("0.1"))]
    early = Change(NOW - timedelta(hours=2), 9_000, 9_500)
    decision = decided(said, price=15_000, past=[early])
    assert decision.after is None
    assert "right as it is" in decision.reason


def test_a_person_decides_where_the_floor_lies_beyond_the_largest_change():
    decision = decided([rule(floor=12_000, run_change_rate=Decimal("0.1"))])
    assert (decision.after, decision.needs_review) == (12_000, True)
    assert "a person decides" in decision.reason


@pytest.mark.parametrize(
    ("market", "lowest", "highest"),
    [("coupang", 5_000, 20_000), ("eleven", 2_000, 15_000), ("naver", 100, 500_000)],
)
def test_no_change_passes_what_the_market_takes_at_once(market, lowest, highest):
    cheap = {"cost": 10, "fee_rate": Decimal(0)}
    assert decided([rule(price=100, **cheap)], market=market).after == lowest
    assert decided([rule(price=500_000, **cheap)], market=market).after == highest


def eleven(rules, *prices):
    cases = [Case(listed(it, market="eleven", option_no=str(n))) for n, it in enumerate(prices)]
    return decide(cases, RuleBook(rules), NOW)


def test_options_of_a_listing_at_11st_move_by_one_amount():
    decisions = eleven([rule(price=11_000)], 10_000, 10_500)
    assert [it.after for it in decisions] == [11_000, 11_500]
    assert "limits leave 11,500" in decisions[1].reason
    held = eleven([rule(price=9_000, floor=9_800)], 10_000, 10_500)
    assert [it.after for it in held] == [9_800, 10_300]


def test_at_11st_the_smallest_price_bounds_the_change_of_all():
    decisions = eleven([rule(price=90_000, cost=100)], 10_000, 19_000)
    assert [it.after for it in decisions] == [15_000, 24_000]


def test_an_option_at_11st_that_must_not_move_holds_the_others():
    decisions = eleven([rule(price=11_000)], 10_000, None)
    assert [it.after for it in decisions] == [None, None]
    assert "option 1 of the listing moves with it" in decisions[0].reason
    assert "differ by less than tens" in eleven([rule(price=11_000)], 10_000, 10_005)[0].reason
    apart = eleven([rule(price=11_000, floor=9_000, ceiling=11_000)], 1_000, 20_000)
    assert "no one shift" in apart[0].reason


amounts = st.one_of(st.none(), st.integers(0, 40_000), st.integers(0, 10**15))
rates = st.one_of(
    st.none(),
    st.decimals(0, 1, allow_nan=False, places=6),
    st.sampled_from([Decimal(0), Decimal(1)]),
)
prices = st.one_of(st.none(), st.integers(1, 40_000), st.integers(-(10**15), 10**15))
WILD = {
    "prices": prices,
    "costs": amounts,
    "amounts": amounts,
    "floors": amounts,
    "rates": rates,
    "fees": rates,
    "modes": st.sampled_from([None, *Mode]),
    "opted": st.sampled_from([True, None]),
    "moments": st.timedeltas(timedelta(days=-3), timedelta(days=1)).map(lambda it: NOW + it),
}
SANE = WILD | {
    "prices": st.integers(5_000, 40_000).map(lambda it: it // 10 * 10),
    "costs": st.integers(1_000, 9_000),
    "amounts": st.one_of(st.none(), st.integers(0, 3_000)),
    "floors": st.one_of(st.none(), st.integers(8_000, 20_000)),
    "rates": st.one_of(st.none(), st.decimals("0.01", "0.4", places=3)),
    "fees": st.decimals("0.01", "0.2", places=3),
    "modes": st.sampled_from(list(Mode)),
    "opted": st.just(True),
    "moments": st.timedeltas(timedelta(days=-2), timedelta()).map(lambda it: NOW + it),
}
"""Anything at all, and a shop in which most decisions are changes."""


@st.composite
def any_rule(draw, of, number):
    return PriceRule(
        id=number,
        sku_id=draw(st.sampled_from([SKU, SKU, None])),
        market=draw(st.sampled_from([None, None, "coupang"])),
        category=draw(st.sampled_from([None, "77"])),
        cost=draw(of["costs"]),
        fee_rate=draw(of["fees"]),
        min_margin=draw(of["amounts"]),
        min_margin_rate=draw(of["rates"]),
        floor=draw(of["floors"]),
        ceiling=draw(st.one_of(st.none(), of["prices"])),
        mode=draw(of["modes"]),
        price=draw(of["prices"]),
        undercut_amount=draw(of["amounts"]),
        undercut_rate=draw(of["rates"]),
        run_change_rate=draw(of["rates"]),
        day_change_rate=draw(of["rates"]),
        opt_in=draw(of["opted"]),
        band_low=draw(of["rates"]),
        competitor_hours=draw(st.sampled_from([None, 1, 10**6])),
    )


@st.composite
def any_case(draw, of, market, number):
    rivals = draw(st.lists(of["prices"], max_size=3))
    changes = st.tuples(of["moments"], st.integers(), st.integers())
    return Case(
        listed(draw(of["prices"]), market=market, option_no=str(number)),
        [rival(it) for it in rivals if it is not None],
        [Change(*it) for it in sorted(draw(st.lists(changes, max_size=2)))],
    )


@pytest.mark.parametrize("of", [WILD, SANE], ids=["wild", "sane"])
@settings(max_examples=600)
@given(data=st.data())
def test_no_input_brings_a_price_below_floor_or_minimum_margin(of, data):
    market = data.draw(st.sampled_from(["coupang", "naver", "eleven"]))
    numbers = data.draw(st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True))
    book = RuleBook([data.draw(any_rule(of, number)) for number in numbers])
    cases = [data.draw(any_case(of, market, n)) for n in range(data.draw(st.integers(1, 3)))]
    decisions = decide(cases, book, NOW)
    assert [it.listed for it in decisions] == [case.listed for case in cases]
    for decision in decisions:
        json.dumps(decision.inputs, allow_nan=False)
        assert decision.reason
        if decision.after is not None:
            check_change(decision, book)


def check_change(decision, book):
    it = decision.listed
    where = {"account_id": it.account_id, "market": it.market, "category": it.category}
    terms, cost = book.terms(**where, sku=it.sku), book.cost(SKU, **where)
    after, before = decision.after, decision.before
    assert type(after) is int
    assert after != before
    assert 0 < after <= won.MOST_PRICE
    assert after % 10 == 0
    assert after >= (terms["floor"] or 0)
    assert terms["ceiling"] is None or after <= terms["ceiling"]
    low, high = MARKET_LIMITS.get(it.market, (Fraction(0), Fraction(10**18)))
    assert before * low <= after <= before * high
    if cost is not None:
        fee = Fraction(terms["fee_rate"] or 0)
        kept = after - after * fee - cost[0]
        assert kept >= (terms["min_margin"] or 0)
        assert kept >= after * Fraction(terms["min_margin_rate"] or 0)
    if after < before:
        assert cost is not None
        assert terms["fee_rate"] is not None
    run = terms["run_change_rate"]
    if run is not None and not decision.needs_review:
        assert abs(after - before) <= before * Fraction(run)


@given(
    cost=st.integers(0, 10**9),
    fee=st.fractions(0, 1),
    least=st.integers(0, 10**6),
    rate=st.fractions(0, 1),
)
def test_the_lowest_price_leaves_the_margin_and_is_within_two_steps_of_the_least(
    cost, fee, least, rate
):
    price = won.lowest_price(cost, fee, min_margin=least, min_margin_rate=rate)
    if price is None:
        assert fee + rate >= 1
        return

    def is_enough(it):
        kept = won.margin(it, cost=cost, fee_rate=fee)
        return kept >= least and kept >= it * rate

    assert is_enough(price)
    assert price % 10 == 0
    cheaper = price - 10 - 10 * -(-3 // (1 - fee - rate) // 10)
    assert cheaper < 10 or not is_enough(cheaper)
