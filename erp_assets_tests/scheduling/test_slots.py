"""What becomes of the slots that fell due: run once, or missed with a row, wherever time jumps."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_assets.clock import KST
from erp_assets.scheduling import slots
from erp_assets.scheduling.slots import CatchUp, Plan, Unlisted, parse, plan

FIVE = parse("5m", None, None)
NIGHTLY = parse(None, None, [time(3)])


def kst(*parts):
    return datetime(*parts, tzinfo=KST)


NOON = kst(2026, 11, 25, 12)


def minutes(*some):
    """Instants so many minutes after noon."""
    return [NOON + timedelta(minutes=n) for n in some]


def at(minute):
    return NOON + timedelta(minutes=minute)


@pytest.mark.parametrize(
    ("catch_up", "run", "missed", "next_run_at"),
    [
        (CatchUp.ONE, at(20), minutes(0, 5, 10, 15), at(25)),
        (CatchUp.SKIP, at(20), minutes(0, 5, 10, 15), at(25)),
        (CatchUp.ALL, at(10), minutes(0, 5), at(15)),
    ],
    ids=["one", "skip", "all"],
)
def test_after_downtime_the_slots_are_caught_up_as_the_row_says(catch_up, run, missed, next_run_at):
    found = plan(FIVE, NOON, NOON, at(21), catch_up=catch_up, cap=3)
    assert found == Plan(run, missed, None, next_run_at)
    assert {x.tzinfo for x in [found.run, *found.missed, found.next_run_at]} == {UTC}


def test_a_slot_in_time_simply_runs():
    for catch_up in CatchUp:
        found = plan(FIVE, NOON, NOON, NOON + timedelta(seconds=4), catch_up=catch_up)
        assert found == Plan(NOON, [], None, at(5))


def test_skip_leaves_a_slot_that_is_too_old():
    skip = {"catch_up": CatchUp.SKIP, "grace": timedelta(minutes=2)}
    assert plan(FIVE, NOON, NOON, at(7), **skip) == Plan(at(5), minutes(0), None, at(10))
    late = at(7) + timedelta(seconds=1)
    assert plan(FIVE, NOON, NOON, late, **skip) == Plan(None, minutes(0, 5), None, at(10))


def test_all_runs_the_slots_one_by_one_until_none_is_left():
    due, ran = NOON, []
    while due <= at(17):
        found = plan(FIVE, NOON, due, at(17), catch_up=CatchUp.ALL)
        ran.append(found.run)
        assert found.missed == []
        due = found.next_run_at
    assert ran == minutes(0, 5, 10, 15)


@pytest.mark.parametrize("most_missed", [0, 1, 3])
def test_slots_beyond_the_list_are_counted_and_are_the_oldest(most_missed):
    found = plan(FIVE, NOON, NOON, at(25), catch_up=CatchUp.ONE, most_missed=most_missed)
    listed = minutes(0, 5, 10, 15, 20)[5 - most_missed :]
    unlisted = Unlisted(NOON, at(5 * (4 - most_missed)), 5 - most_missed)
    assert found == Plan(at(25), listed, unlisted, at(30))


def test_a_list_that_just_holds_all_leaves_none_unlisted():
    found = plan(FIVE, NOON, NOON, at(25), catch_up=CatchUp.ONE, most_missed=5)
    assert found == Plan(at(25), minutes(0, 5, 10, 15, 20), None, at(30))


def test_decades_of_missed_slots_are_counted_not_listed():
    due, now = kst(1990, 1, 1), kst(2026, 1, 1)
    days = (now - due).days
    every_minute = parse(None, "* * * * *", None)
    for schedule, total in [(FIVE, days * 288), (every_minute, days * 1440), (NIGHTLY, days)]:
        found = plan(schedule, due, due, now, catch_up=CatchUp.ONE)
        assert len(found.missed) == 1000
        assert found.unlisted.first == due
        step = found.missed[1] - found.missed[0]
        assert found.unlisted.last == found.missed[0] - step
        assert found.unlisted.total == total - 1000


def test_a_backup_missed_over_midnight_is_not_lost():
    late = parse(None, None, [time(23, 59)])
    due, back = kst(2026, 11, 24, 23, 59), kst(2026, 11, 25, 0, 5)
    tomorrow = kst(2026, 11, 25, 23, 59)
    assert plan(late, None, due, back, catch_up=CatchUp.ONE) == Plan(due, [], None, tomorrow)
    assert plan(late, None, due, back, catch_up=CatchUp.SKIP) == Plan(None, [due], None, tomorrow)


@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_clock_moved_back_makes_nothing_due(catch_up):
    assert plan(FIVE, NOON, at(5), at(-60), catch_up=catch_up) == Plan(None, [], None, at(5))


def test_a_moment_set_by_hand_runs_and_is_the_new_anchor_of_an_interval():
    found = plan(FIVE, NOON, at(7), at(8), catch_up=CatchUp.ONE)
    assert found == Plan(at(7), [], None, at(12))
    assert slots.anchor_for(FIVE, NOON, at(7)) == at(7)
    assert slots.anchor_for(FIVE, NOON, at(-10)) == NOON
    assert slots.anchor_for(FIVE, None, at(7)) == at(7)


def test_a_moment_set_by_hand_runs_beside_the_times_of_the_row():
    due, now = kst(2026, 11, 25, 1, 17), kst(2026, 11, 25, 3, 1)
    found = plan(NIGHTLY, None, due, now, catch_up=CatchUp.ALL)
    assert found == Plan(due, [], None, kst(2026, 11, 25, 3))
    assert slots.anchor_for(NIGHTLY, NOON, due) == due


def test_a_cap_below_one_is_refused():
    with pytest.raises(ValueError, match="cap must be at least 1"):
        plan(FIVE, NOON, NOON, NOON, catch_up=CatchUp.ALL, cap=0)


ZONES = st.sampled_from([KST, ZoneInfo("America/New_York")])
SCHEDULES = st.one_of(
    st.builds(
        lambda name, zone: parse(name, None, None, zone=zone),
        st.sampled_from(list(slots.INTERVALS)),
        ZONES,
    ),
    st.builds(
        lambda times, zone: parse(None, None, times, zone=zone),
        st.lists(st.times(), min_size=1, max_size=4),
        ZONES,
    ),
    st.builds(
        lambda text, zone: parse(None, text, None, zone=zone),
        st.sampled_from(
            ["*/5 * * * *", "0 3 * * *", "30 1,2 * * *", "0 9-18 * * mon-fri", "0 0 L * *"]
        ),
        ZONES,
    ),
)
STARTS = st.datetimes(
    datetime(2025, 1, 1),  # noqa: DTZ001 - made aware by hypothesis
    datetime(2028, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
JUMPS = st.lists(st.floats(-30, 60) | st.floats(0, 1.5), max_size=30)
"""By how many gaps between two slots the clock moves from one tick to the next."""


@given(
    SCHEDULES,
    STARTS,
    JUMPS,
    st.sampled_from(CatchUp),
    st.timedeltas(timedelta(0), timedelta(hours=1)),
    st.integers(1, 5),
    st.integers(0, 5),
)
def test_each_slot_is_run_or_missed_exactly_once(
    schedule, seen, jumps, catch_up, grace, cap, most_missed
):
    start = due = anchor = slots.first_slot(schedule, seen)
    gap = slots.next_slot(schedule, anchor, start) - start
    handled, now, latest = [], seen, seen
    for jump in jumps:
        now += gap * jump
        latest = max(now, latest)
        while due <= now:
            found = plan(
                schedule,
                anchor,
                due,
                now,
                catch_up=catch_up,
                grace=grace,
                cap=cap,
                most_missed=most_missed,
            )
            beyond = list(_unlisted(schedule, anchor, found))
            handled += [*beyond, *found.missed, *([found.run] if found.run else [])]
            assert found.run is None or found.run <= now
            assert found.next_run_at > max(handled)
            assert len(found.missed) == most_missed or not beyond
            anchor = slots.anchor_for(schedule, anchor, due)
            due = found.next_run_at
            if catch_up is not CatchUp.ALL:
                assert due > now
    assert due > latest
    before = timedelta.resolution
    assert handled == list(slots.slots(schedule, start, start - before, due - before))


def _unlisted(schedule, anchor, found):
    """The slots that `found` counts but does not list."""
    if found.unlisted:
        first, last, total = found.unlisted
        between = list(slots.slots(schedule, anchor, first - timedelta.resolution, last))
        assert len(between) == total
        yield from between


@given(SCHEDULES, STARTS, st.floats(0, 100), st.integers(1, 30))
def test_all_leaves_no_more_than_its_cap_to_run(schedule, seen, gaps, cap):
    due = slots.first_slot(schedule, seen)
    now = due + (slots.next_slot(schedule, due, due) - due) * gaps
    found = plan(schedule, due, due, now, catch_up=CatchUp.ALL, cap=cap)
    left = list(slots.slots(schedule, due, found.run, now))
    assert len(left) < cap
    assert found.missed == [] or len(left) == cap - 1


@given(SCHEDULES, STARTS, STARTS)
def test_a_moment_set_by_hand_is_a_slot_once(schedule, seen, by_hand):
    anchor = slots.first_slot(schedule, seen)
    now = by_hand + timedelta(days=3)
    found = plan(schedule, anchor, by_hand, now, catch_up=CatchUp.ONE, most_missed=10_000)
    handled = [*found.missed, found.run]
    assert handled[0] == by_hand
    assert all(a < b for a, b in pairwise(handled))
    anchor = slots.anchor_for(schedule, anchor, by_hand)
    assert handled[1:] == list(slots.slots(schedule, anchor, by_hand, now))


@pytest.mark.parametrize(
    ("columns", "korean", "english"),
    [
        (("5m", None, None), "5분마다", "every 5 minutes"),
        (("1h", None, None), "매시간", "every hour"),
        (("12h", None, None), "12시간마다", "every 12 hours"),
        (("1d", None, None), "매일", "every day"),
        (("1w", None, None), "매주", "every week"),
        (("1M", None, None), "매월", "every month"),
        ((None, None, [time(18), time(3)]), "매일 03:00, 18:00", "daily at 03:00, 18:00"),
        ((None, None, [time(3, 0, 30)]), "매일 03:00:30", "daily at 03:00:30"),
        ((None, "0 3  * * 1", None), "cron 0 3 * * 1", "cron 0 3 * * 1"),
    ],
    ids=["5m", "1h", "12h", "1d", "1w", "1M", "times", "seconds", "cron"],
)
def test_a_schedule_is_described_in_both_languages(columns, korean, english):
    schedule = parse(*columns)
    assert slots.describe(schedule, "ko") == korean
    assert slots.describe(schedule, "en") == english
