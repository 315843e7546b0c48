"""What an operator may write into a row, and what they read when it is wrong."""

import re
from datetime import UTC, datetime, time

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from erp_assets.errors import PermanentError
from erp_assets.scheduling import slots
from erp_assets.scheduling.slots import BadSchedule, parse

EXAMPLE = "for example '0 3 * * 1' is every Monday at 03:00"


def refusal(*columns):
    with pytest.raises(BadSchedule) as caught:
        parse(*columns)
    return str(caught.value)


def test_the_twelve_intervals_of_the_manual_are_known():
    names = ["5m", "10m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w", "1M"]
    assert list(slots.INTERVALS) == names
    assert len({parse(name, None, None) for name in names}) == 12


@pytest.mark.parametrize("name", ["", "7m", "5M", "1m", "5 m", "5min", "0m", "1D"])
def test_an_unknown_interval_is_told_with_the_known_ones(name):
    assert refusal(name, None, None) == (
        f"interval {name!r} is not known; use one of 5m 10m 15m 30m 1h 2h 4h 6h 12h 1d 1w 1M"
    )


def test_a_row_with_nothing_set_is_told_to_set_one():
    assert refusal(None, None, None) == (
        "none of interval, cron_expression, specific_times is set; "
        "set one, for example interval = '30m'"
    )


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (("5m", "0 3 * * *", None), "interval and cron_expression"),
        (("5m", None, []), "interval and specific_times"),
        (("5m", "", [time(9)]), "interval and cron_expression and specific_times"),
    ],
    ids=["two", "interval-and-empty-times", "three"],
)
def test_a_row_with_several_set_is_told_to_keep_one(columns, names):
    assert refusal(*columns) == f"{names} are set; keep one and set the rest to NULL"


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "* * * * * *", "0 0 1 1 * 2026", "@daily", "매일 03:00"]
)
def test_a_cron_expression_has_five_fields(expression):
    fields = len(expression.split())
    assert refusal(None, expression, None) == (
        f"cron_expression {expression!r} has {fields} fields, not the five minute, hour, "
        f"day of the month, month, weekday; {EXAMPLE}"
    )


@pytest.mark.parametrize(
    ("expression", "mistakes"),
    [
        ("60 3 * * *", ["'60' is no minute, write 0-59 or *"]),
        ("0 24 * * *", ["'24' is no hour, write 0-23 or *"]),
        ("0 3 0 * *", ["'0' is no day of the month, write 1-31, L (the last) or *"]),
        ("0 3 * 월 *", ["'월' is no month, write 1-12, jan-dec or *"]),
        (
            "-1 3 * * 8",
            [
                "'-1' is no minute, write 0-59 or *",
                "'8' is no weekday, write 0-7, sun-sat, mon#2 (the second Monday) or *",
            ],
        ),
    ],
    ids=["minute", "hour", "day", "month", "two-mistakes"],
)
def test_a_field_out_of_range_is_named(expression, mistakes):
    assert refusal(None, expression, None) == (
        f"cron_expression {expression!r}: {'; '.join(mistakes)}; {EXAMPLE}"
    )


@pytest.mark.parametrize(
    "expression",
    [
        "R 3 * * *",
        "0 r(1-5) * * *",
        "H 3 * * *",
        "*/0 * * * *",
        "0 3 15W * *",
        "0 3 w15 * *",
        "0 3 * * mon#6",
        "1.5 * * * *",
        "1, * * * *",
    ],
)
def test_what_has_no_fixed_meaning_is_refused(expression):
    assert "is no " in refusal(None, expression, None)


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "*/5 * 30,31 feb *"])
def test_a_cron_expression_that_never_fires_is_refused(expression):
    assert refusal(None, expression, None) == (
        f"cron_expression {expression!r} never fires: no month it names has such a day; "
        "for the last day of each month write '0 0 L * *'"
    )


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 * 2 mon#5", "0 0 30 2 1", "0 0 L 2 *"])
def test_a_cron_expression_that_fires_rarely_is_accepted(expression):
    assert parse(None, expression, None).cron == expression


def test_the_second_monday_and_a_date_exclude_each_other():
    assert refusal(None, "0 3 1,15 * mon#2", None) == (
        "cron_expression '0 3 1,15 * mon#2': 'mon#2' and a day of the month exclude each other; "
        "write * in place of '1,15'"
    )


@given(st.text(max_size=100) | st.from_regex(re.compile(r"([-0-9*/,#lLwW?a-f]{1,6} ){5}")))
def test_any_text_is_either_a_schedule_or_a_bad_one(text):
    try:
        schedule = parse(None, text, None)
    except PermanentError as error:
        told = str(error)
    else:
        told = f"cron_expression {text!r}"
        assert croniter.is_valid(schedule.cron)
        assert slots.first_slot(schedule, datetime(2026, 11, 3, tzinfo=UTC))
    assert told.startswith(f"cron_expression {text!r}")


def test_spaces_around_the_fields_do_not_matter():
    assert parse(None, "  0\t3 \u3000*  * 1\n", None) == parse(None, "0 3 * * 1", None)


@pytest.mark.parametrize(
    ("times", "start"),
    [
        ([], "specific_times is empty; name at least one time, "),
        ([time(9), None], "specific_times holds None, which is no time of day; "),
        ([[time(9)], [time(18)]], "specific_times holds [datetime.time(9, 0)], which is no time"),
        ([time(9, tzinfo=UTC)], "specific_times holds datetime.time(9, 0, tzinfo="),
        (["24:00:00"], "specific_times holds '24:00:00', which is no time of day; "),
    ],
    ids=["empty", "null", "nested", "with-a-zone", "text"],
)
def test_times_that_are_none_are_told(times, start):
    text = refusal(None, None, times)
    assert text.startswith(start)
    assert text.endswith("for example ARRAY['09:00'::time, '18:00'::time]")


def test_times_are_sorted_and_doubles_merged():
    doubled = [time(18), time(9), time(18, 0, 0)]
    assert parse(None, None, doubled) == parse(None, None, [time(9), time(18)])
