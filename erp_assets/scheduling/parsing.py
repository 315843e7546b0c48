"""What the columns interval, cron_expression and specific_times of a row mean."""

from collections.abc import Sequence
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from erp_assets.clock import DAY, KST
from erp_assets.errors import PermanentError
from erp_assets.scheduling.grids import INTERVALS, Days, Every, Schedule, TimesOfDay

CRON_FIELDS: Sequence[tuple[str, str]] = (
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of the month", "1-31, L (the last)"),
    ("month", "1-12, jan-dec"),
    ("weekday", "0-7, sun-sat, mon#2 (the second Monday)"),
)
CRON_EXAMPLE = "for example '0 3 * * 1' is every Monday at 03:00"
TIMES_EXAMPLE = "for example ARRAY['09:00'::time, '18:00'::time]"
Expansion = tuple[list[list[Any]], dict[int, set[Any]]]
"""What croniter reads: numbers, "*" for each and "l" for the last."""
EVERY_DAY = 28 * 366
"""In so many days from 2000 on, each date falls on each weekday."""


class BadSchedule(PermanentError):
    """A row whose slots cannot be told; the text says what is wrong and what would be right."""


def parse(
    interval: str | None,
    cron_expression: str | None,
    specific_times: Sequence[time | str | None] | None,
    *,
    zone: ZoneInfo = KST,
) -> Schedule:
    """Return the schedule that the three columns of one row mean.

    Raises:  BadSchedule: none or several are set, or the one that is set means nothing.
    """
    columns = {
        "interval": interval,
        "cron_expression": cron_expression,
        "specific_times": specific_times,
    }
    names = [name for name, value in columns.items() if value is not None]
    if len(names) > 1:
        raise BadSchedule(f"{' and '.join(names)} are set; keep one and set the rest to NULL")
    if interval is not None:
        return _every(interval, zone)
    if cron_expression is not None:
        return _cron(cron_expression, zone)
    if specific_times is not None:
        return _times(specific_times, zone)
    raise BadSchedule(f"none of {', '.join(columns)} is set; set one, for example interval = '30m'")


def _every(interval: str, zone: ZoneInfo) -> Every:
    if interval not in INTERVALS:
        raise BadSchedule(f"interval {interval!r} is not known; use one of {' '.join(INTERVALS)}")
    return Every(interval, zone)


def _times(times: Sequence[time | str | None], zone: ZoneInfo) -> TimesOfDay:
    if not times:
        raise BadSchedule(f"specific_times is empty; name at least one time, {TIMES_EXAMPLE}")
    return TimesOfDay(tuple(sorted({_time(at) for at in times})), zone)


def _time(at: time | str | None) -> time:
    """Return a time of day, also of its text: PostgreSQL's 24:00 is no time in Python."""
    try:
        found = time.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        found = None
    if not isinstance(found, time) or found.tzinfo:
        raise BadSchedule(f"specific_times holds {at!r}, which is no time of day; {TIMES_EXAMPLE}")
    return found


def _cron(expression: str, zone: ZoneInfo) -> TimesOfDay:
    fields = expression.split()
    told = f"cron_expression {expression!r}"
    if len(fields) != len(CRON_FIELDS):
        raise BadSchedule(
            f"{told} has {len(fields)} fields, not the five minute, hour, day of the month, month, "
            f"weekday; {CRON_EXAMPLE}"
        )
    try:
        values, weeks = _expanded(fields)
    except CroniterError as error:
        raise BadSchedule(f"{told}: {_mistakes(fields)}; {CRON_EXAMPLE}") from error
    minutes, hours, dates, months, weekdays = (None if "*" in x else frozenset(x) for x in values)
    if weeks and dates:
        raise BadSchedule(
            f"{told}: {fields[4]!r} and a day of the month exclude each other; "
            f"write * in place of {fields[2]!r}"
        )
    which = frozenset((weekday, week) for weekday in weeks for week in weeks[weekday])
    days = Days(months, dates, weekdays, which or None)
    if not any(date(2000, 1, 1) + n * DAY in days for n in range(EVERY_DAY)):
        raise BadSchedule(
            f"{told} never fires: no month it names has such a day; "
            "for the last day of each month write '0 0 L * *'"
        )
    times = [time(hour, minute) for hour in hours or range(24) for minute in minutes or range(60)]
    return TimesOfDay(tuple(sorted(times)), zone, days, " ".join(fields))


def _expanded(fields: Sequence[str]) -> Expansion:
    """Return the values of each field, and for some weekdays which ones of the month.

    What croniter would answer with random times (H, R) or would lose (W) is refused.
    """
    if any(field[0] in "hHrR" for field in fields) or "w" in fields[2].lower():
        raise CroniterError(f"H, R and W have no fixed meaning: {fields}")
    expansion: Expansion = croniter.expand(" ".join(fields))
    return expansion


def _mistakes(fields: Sequence[str]) -> str:
    """Say which of `fields` cannot be read, and what each may hold."""
    return "; ".join(
        f"{field!r} is no {name}, write {meaning} or *"
        for n, (field, (name, meaning)) in enumerate(zip(fields, CRON_FIELDS, strict=True))
        if not _is_read(n, field)
    )


def _is_read(place: int, field: str) -> bool:
    try:
        _expanded([field if n == place else "*" for n in range(len(CRON_FIELDS))])
    except CroniterError:
        return False
    return True
