"""In which states a SKU is, and what of it is news."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_assets.planning.stock_states import Levels, Transition, assess, transitions
from erp_assets.warehouse.stock_queries import Finding, Position, State


def states_of(position, *, sold=0, drifting=0, levels=None):
    known = {"levels": levels} if levels else {}
    found = assess([position], sold={7: sold}, drifted={7: drifting}, **known)
    return [it.state for it in found[7]]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (Position(7, None), [State.UNKNOWN]),
        (Position(7, 5, reserved=6), [State.OVERSOLD]),
        (Position(7, 5, reserved=3, safety=2), [State.SOLD_OUT]),
        (Position(7, 1), [State.LOW]),
        (Position(7, 10), [State.LOW]),
        (Position(7, 12, reserved=2), [State.LOW]),
        (Position(7, 11), []),
        (Position(7, 11, low_at=11), [State.LOW]),
        (Position(7, 1, low_at=0), []),
    ],
    ids=str,
)
def test_the_level_follows_from_available_pieces(position, expected):
    assert states_of(position) == expected


@pytest.mark.parametrize(
    ("sold", "levels", "cover_days", "expected"),
    [
        (200, Levels(), None, []),
        (200, Levels(), 14, []),
        (201, Levels(), 14, [State.LOW]),
        (201, Levels(cover_days=14), None, [State.LOW]),
        (201, Levels(cover_days=14), 7, []),
        (201, Levels(cover_days=14, window_days=29), None, []),
        (0, Levels(cover_days=14), None, []),
        (-5, Levels(cover_days=14), None, []),
    ],
    ids=["off", "exactly", "shorter", "for-all", "own", "longer-window", "no-sale", "only-returns"],
)
def test_stock_that_lasts_too_few_days_is_low(sold, levels, cover_days, expected):
    position = Position(7, 100, cover_days=cover_days)
    assert states_of(position, sold=sold, levels=levels) == expected


def test_what_is_found_comes_with_its_numbers():
    positions = [Position(7, 100, cover_days=14), Position(8, -2), Position(9, None)]
    found = assess(positions, sold={7: 400}, drifted={8: 2})
    assert found == {
        7: (Finding(State.LOW, {"available": 100, "lasts_days": 7, "cover_days": 14}),),
        8: (Finding(State.OVERSOLD, {"available": -2}), Finding(State.DRIFT, {"options": 2})),
        9: (Finding(State.UNKNOWN, {}),),
    }


LOW, OUT = Finding(State.LOW, {"available": 3}), Finding(State.SOLD_OUT, {"available": 0})
DRIFT = Finding(State.DRIFT, {"options": 1})


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([], [], []),
        ([], [LOW], [Transition(7, State.LOW, None, False, LOW.details)]),
        ([State.LOW], [LOW], []),
        ([State.LOW], [OUT], [Transition(7, State.SOLD_OUT, State.LOW, False, OUT.details)]),
        ([State.SOLD_OUT], [LOW], [Transition(7, State.LOW, State.SOLD_OUT, False, LOW.details)]),
        ([State.LOW], [], [Transition(7, State.LOW, State.LOW, True)]),
        ([State.LOW], [LOW, DRIFT], [Transition(7, State.DRIFT, None, False, DRIFT.details)]),
        ([State.DRIFT, State.LOW], [LOW], [Transition(7, State.DRIFT, State.DRIFT, True)]),
        (
            [State.DRIFT, State.UNKNOWN],
            [],
            [
                Transition(7, State.UNKNOWN, State.UNKNOWN, True),
                Transition(7, State.DRIFT, State.DRIFT, True),
            ],
        ),
    ],
    ids=[
        "well",
        "raised",
        "lasts",
        "worse",
        "better",
        "well-again",
        "drift-too",
        "no-drift",
        "all",
    ],
)
def test_only_a_change_of_state_is_news(before, now, expected):
    assert transitions({7: before}, {7: now}) == expected


def test_what_was_not_looked_at_is_not_news():
    assert transitions({7: [State.LOW]}, {8: []}) == []


counts = st.none() | st.integers(-3, 30)
looks = st.lists(
    st.dictionaries(st.sampled_from([7, 8]), st.tuples(counts, st.integers(0, 1)), max_size=2),
    max_size=8,
)


@given(looks)
def test_news_retold_in_order_end_in_the_states_found_last(seen):
    """A reader of the alerts alone knows how every SKU stands, and is told nothing twice."""
    stored, told, last = {}, {7: set(), 8: set()}, {}
    for look in seen:
        positions = [Position(sku_id, on_hand) for sku_id, (on_hand, _) in look.items()]
        drifted = {sku_id: options for sku_id, (_, options) in look.items() if options}
        now = assess(positions, sold={}, drifted=drifted)
        for it in transitions(stored, now):
            if it.recovered:
                told[it.sku_id].remove(it.state)
            else:
                assert it.state not in told[it.sku_id]
                told[it.sku_id] = (told[it.sku_id] - {it.was}) | {it.state}
        assert transitions({**stored, **_states(now)}, now) == []
        stored.update(_states(now))
        last.update(_states(now))
    assert {sku_id: told[sku_id] for sku_id in last} == last


def _states(now):
    return {sku_id: {it.state for it in found} for sku_id, found in now.items()}
