"""Where the slots lie, held against second opinions: counting, croniter, a clock on the wall."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from erp_assets.clock import KST
from erp_assets.scheduling import slots
from erp_assets.scheduling.slots import BadSchedule, next_slot, parse

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [KST, ZoneInfo("UTC"), NEW_YORK, ZoneInfo("Australia/Lord_Howe")]
MINUTES = {"5m": 5, "10m": 10, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360}
MINUTES["12h"] = 720

UTC_INSTANTS = st.datetimes(
    datetime(1975, 1, 1),  # noqa: DTZ001 - made aware by hypothesis
    datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
INSTANTS = st.builds(datetime.astimezone, UTC_INSTANTS, st.sampled_from([UTC, KST, NEW_YORK]))
GAPS = st.timedeltas(timedelta(0), timedelta(days=400))


def kst(*parts):
    return datetime(*parts, tzinfo=KST)


def walls(found, zone=KST):
    return [f"{slot.astimezone(zone):%Y-%m-%d %H:%M}" for slot in found]


def first(count, schedule, anchor, after):
    """The first `count` slots after `after`."""
    return list(islice(slots.slots(schedule, anchor, after, after + timedelta(days=9999)), count))


@pytest.mark.parametrize("name", MINUTES)
@given(INSTANTS, INSTANTS, st.integers(1, 40))
def test_short_intervals_count_elapsed_time_from_the_anchor(name, anchor, after, several):
    width = timedelta(minutes=MINUTES[name])
    found = first(several, parse(name, None, None), anchor, after)
    assert {(slot - anchor) % width for slot in found} == {timedelta(0)}
    assert timedelta(0) < found[0] - after <= width
    assert {b - a for a, b in pairwise(found)} <= {width}
    assert {slot.tzinfo for slot in found} == {UTC}


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize(("name", "days"), [("1d", 1), ("1w", 7)])
@given(INSTANTS, INSTANTS)
def test_days_and_weeks_keep_the_wall_clock_time(zone, name, days, anchor, after):
    found = first(20, parse(name, None, None, zone=zone), anchor, after)
    wall = anchor.astimezone(zone)
    on = [slot.astimezone(zone) for slot in found]
    assert all((slot.date() - wall.date()).days % days == 0 for slot in on)
    assert all(
        slot.time() == wall.time() or slot - timedelta(days=1, microseconds=1) < _jump(slot)
        for slot in on
    )
    assert [(b.date() - a.date()).days for a, b in pairwise(on)] == [days] * 19
    assert after < found[0] <= after + timedelta(days=days, hours=1)


def _jump(slot):
    """The instant of a jump at or before `slot`, when `slot` lies at one; else far ahead."""
    before = (slot.astimezone(UTC) - timedelta.resolution).astimezone(slot.tzinfo)
    return before if before.utcoffset() != slot.utcoffset() else slot + timedelta(days=9)


def test_a_month_goes_to_the_last_day_of_shorter_ones_and_back():
    anchor = kst(2027, 12, 31, 3)
    assert walls(first(6, parse("1M", None, None), anchor, anchor)) == [
        "2028-01-31 03:00",
        "2028-02-29 03:00",
        "2028-03-31 03:00",
        "2028-04-30 03:00",
        "2028-05-31 03:00",
        "2028-06-30 03:00",
    ]


@given(INSTANTS, INSTANTS)
def test_each_month_holds_one_slot_of_a_monthly_job(anchor, after):
    found = [slot.astimezone(KST) for slot in first(15, parse("1M", None, None), anchor, after)]
    months = [slot.year * 12 + slot.month for slot in found]
    assert months == list(range(months[0], months[0] + 15))
    day = anchor.astimezone(KST).day
    assert all(
        slot.day == day or (slot.day < day and (slot + timedelta(days=1)).day == 1)
        for slot in found
    )


@given(st.sampled_from(["5m", "4h", "1d", "1w", "1M"]), st.sampled_from(ZONES), INSTANTS, INSTANTS)
def test_the_anchor_lies_on_its_grid_and_any_slot_gives_the_same_one(name, zone, anchor, after):
    schedule = parse(name, None, None, zone=zone)
    at_anchor = anchor.astimezone(UTC)
    assert next_slot(schedule, anchor, at_anchor - timedelta.resolution) == at_anchor
    slot = next_slot(schedule, anchor, after)
    assert slots.anchor_for(schedule, anchor, slot) == at_anchor


def _values(low, high):
    number = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        st.builds("{}".format, number),
        st.builds("*/{}".format, st.integers(1, high + 1)),
        st.lists(number, min_size=2, max_size=4).map(lambda some: ",".join(map(str, some))),
        st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}"),
    )


MONTHS = _values(1, 12) | st.sampled_from(["jan", "mar-may", "*"])
CRONS = st.one_of(
    st.tuples(_values(0, 59), _values(0, 23), _values(1, 28), MONTHS, _values(0, 7)),
    st.tuples(
        _values(0, 59),
        _values(0, 23),
        st.just("*"),
        MONTHS,
        st.sampled_from(["mon#2", "sun#1,wed#3", "L5", "fri#4", "sat-sun", "mon-fri", "fri-mon"]),
    ),
    st.tuples(_values(0, 59), _values(0, 23), st.just("L"), MONTHS, st.just("*")),
    st.tuples(_values(0, 59), _values(0, 23), st.just("29-31"), st.just("*"), st.just("*")),
).map(" ".join)


@given(CRONS, INSTANTS)
def test_a_cron_expression_fires_when_croniter_says(expression, after):
    schedule = parse(None, expression, None, zone=ZoneInfo("UTC"))
    second_opinion = croniter(expression, after.astimezone(UTC), ret_type=datetime)
    assert first(5, schedule, after, after) == [second_opinion.get_next() for _ in range(5)]


def test_a_cron_expression_is_read_in_the_zone():
    schedule = parse(None, "0 3 * * 1", None)
    assert first(2, schedule, None, kst(2026, 11, 25)) == [
        datetime(2026, 11, 29, 18, tzinfo=UTC),
        datetime(2026, 12, 6, 18, tzinfo=UTC),
    ]


JUMPS = [
    (NEW_YORK, date(2026, 3, 8)),
    (NEW_YORK, date(2026, 11, 1)),
    (ZoneInfo("Australia/Lord_Howe"), date(2026, 10, 4)),
    (ZoneInfo("America/Havana"), date(2026, 3, 8)),
    (ZoneInfo("Asia/Beirut"), date(2026, 10, 25)),
    (KST, date(1988, 5, 8)),
]


@pytest.mark.parametrize(("zone", "day"), JUMPS, ids=[f"{zone}-{day}" for zone, day in JUMPS])
@given(st.data())
def test_a_time_fires_when_the_clock_on_the_wall_first_shows_it_or_more(zone, day, data):
    times = data.draw(
        st.lists(st.builds(time, st.integers(0, 4) | st.just(23), st.integers(0, 59)), min_size=1)
    )
    start = datetime.combine(day, time(), UTC) - timedelta(days=2)
    clock = [start + timedelta(minutes=n) for n in range(5 * 1440)]
    shown = [instant.astimezone(zone).replace(tzinfo=None) for instant in clock]
    wanted = set()
    for wall in (datetime.combine(day + timedelta(days=n), at) for n in (-1, 0, 1) for at in times):
        wanted.add(next(x for x, seen in zip(clock, shown, strict=True) if seen >= wall))
    schedule = parse(None, None, times, zone=zone)
    since = datetime.combine(day - timedelta(days=1), time(), zone).astimezone(UTC)
    until = datetime.combine(day + timedelta(days=2), time(), zone).astimezone(UTC)
    before = timedelta.resolution
    found = list(slots.slots(schedule, None, since - before, until - before))
    assert found == sorted(wanted)
    after = data.draw(st.sampled_from([x for x in clock if since <= x < until]))
    later = [slot for slot in found if slot > after]
    assert list(slots.slots(schedule, None, after, until - before)) == later
    earlier = takewhile(lambda slot: slot >= since, schedule.falling(None, after))
    assert [*earlier][::-1] == [slot for slot in found if slot <= after]
    assert schedule.number_in(None, since - before, after) == len(found) - len(later)
    assert schedule.number_in(None, after, until - before) == len(later)


@given(CRONS, st.sampled_from(ZONES), UTC_INSTANTS, GAPS)
def test_counting_agrees_with_listing(expression, zone, after, gap):
    schedule = parse(None, expression, None, zone=zone)
    until = after + min(gap, timedelta(days=3) if expression[0] == "*" else gap)
    listed = list(slots.slots(schedule, None, after, until))
    falling = takewhile(lambda slot: slot > after, schedule.falling(None, until))
    assert schedule.number_in(None, after, until) == len(listed)
    assert [*falling][::-1] == listed


@given(
    st.sampled_from(list(slots.INTERVALS)), st.sampled_from(ZONES), UTC_INSTANTS, UTC_INSTANTS, GAPS
)
def test_counting_a_grid_agrees_with_listing(name, zone, anchor, after, gap):
    schedule = parse(name, None, None, zone=zone)
    until = after + gap / 20
    listed = list(slots.slots(schedule, anchor, after, until))
    falling = takewhile(lambda slot: slot > after, schedule.falling(anchor, until))
    assert schedule.number_in(anchor, after, until) == len(listed)
    assert [*falling][::-1] == listed


def test_a_day_that_skips_the_time_fires_as_the_clock_jumps_and_the_next_is_as_always():
    schedule = parse("1d", None, None, zone=NEW_YORK)
    anchor = datetime(2026, 3, 6, 2, 30, tzinfo=NEW_YORK)
    assert walls(first(3, schedule, anchor, anchor), NEW_YORK) == [
        "2026-03-07 02:30",
        "2026-03-08 03:00",
        "2026-03-09 02:30",
    ]


def test_a_time_shown_twice_fires_once():
    schedule = parse(None, None, [time(1, 30)], zone=NEW_YORK)
    assert first(2, schedule, None, datetime(2026, 11, 1, 0, 0, tzinfo=NEW_YORK)) == [
        datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
        datetime(2026, 11, 2, 6, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "columns",
    [("5m", None, None), (None, "0 3 * * *", None), (None, None, [time(3)])],
    ids=["interval", "cron", "times"],
)
def test_a_new_row_never_fires_at_the_moment_it_is_seen(columns):
    schedule, seen = parse(*columns), kst(2026, 11, 25, 3)
    assert slots.first_slot(schedule, seen) > seen
    if columns[0]:
        assert slots.first_slot(schedule, seen) == seen + timedelta(minutes=5)


def test_the_nightly_backup_of_a_new_row_waits_for_the_night():
    backup = parse(None, None, [time(3)])
    assert slots.first_slot(backup, kst(2026, 11, 25, 14)) == kst(2026, 11, 26, 3)


@pytest.mark.parametrize("columns", [("5m", None, None), (None, None, [time(3)])])
def test_a_naive_instant_is_refused(columns):
    schedule, naive = parse(*columns), datetime(2026, 11, 25)  # noqa: DTZ001 - what is refused
    aware = kst(2026, 11, 25)
    calls = [
        lambda: slots.first_slot(schedule, naive),
        lambda: next_slot(schedule, naive, aware),
        lambda: slots.slots(schedule, aware, aware, naive),
        lambda: slots.anchor_for(schedule, aware, naive),
        lambda: slots.plan(schedule, aware, naive, aware, catch_up=slots.CatchUp.ONE),
        lambda: slots.plan(schedule, aware, aware, naive, catch_up=slots.CatchUp.ONE),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="has no time zone"):
            call()


@pytest.mark.parametrize("year", [1, 1969, 3000, 9999])
def test_a_moment_beyond_all_calendars_is_told_to_the_operator(year):
    moment = datetime(year, 6, 1, tzinfo=UTC)
    with pytest.raises(BadSchedule, match=r"lies outside 1970 … 2999; for a run at once set it"):
        next_slot(parse("5m", None, None), kst(2026, 11, 25), moment)
