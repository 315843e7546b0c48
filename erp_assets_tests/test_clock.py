"""Windows and Korean days."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_assets import clock

INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware by hypothesis
SPANS = st.timedeltas(timedelta(0), timedelta(days=60))


def test_the_korean_day_begins_nine_hours_before_utc():
    assert clock.kst_day(datetime(2026, 11, 3, 15, 0, tzinfo=UTC)) == date(2026, 11, 4)
    assert clock.day_start(date(2026, 11, 4)) == datetime(2026, 11, 3, 15, 0, tzinfo=UTC)


@given(INSTANTS, SPANS, st.timedeltas(timedelta(minutes=1), timedelta(days=8)))
def test_windows_cover_the_span_once_and_none_is_too_wide(since, span, width):
    until = since + span
    cut = list(clock.windows(since, until, width=max(width, span / 500 or width)))
    assert [w.until for w in cut[:-1]] == [w.since for w in cut[1:]]
    assert (cut[0].since, cut[-1].until) == (since, until) if span else cut == []
    assert all(timedelta(0) < w.until - w.since for w in cut)


@given(INSTANTS, SPANS, st.integers(1, 9))
def test_day_windows_cut_at_midnight_only(since, span, width_days):
    cut = list(clock.day_windows(since, since + span, width_days=width_days))
    assert [w.until for w in cut[:-1]] == [w.since for w in cut[1:]]
    assert all(w.until == clock.day_start(clock.kst_day(w.until)) for w in cut[:-1])
    assert all(len(clock.days(w)) <= width_days for w in cut)
    assert [day for w in cut for day in clock.days(w)] == clock.days(
        clock.Window(since, since + span)
    )


@given(st.sets(st.dates(date(2026, 1, 1), date(2026, 3, 1))))
def test_joined_days_give_back_exactly_the_days(some):
    joined = list(clock.joined_days(some))
    assert [day for w in joined for day in clock.days(w)] == sorted(some)
    assert all(a.until < b.since for a, b in itertools.pairwise(joined))


@pytest.mark.parametrize("width", [timedelta(0), timedelta(days=-1)], ids=["zero", "negative"])
def test_a_window_without_width_is_refused(width):
    with pytest.raises(ValueError, match="positive"):
        next(clock.windows(clock.utc_now(), clock.utc_now() + clock.DAY, width=width))
