"""Time: instants are aware UTC inside, KST days at every edge.

Both markets and operators think in Korean calendar days, so every cut of a span into API-sized
windows starts from here and nowhere else.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

KST = ZoneInfo("Asia/Seoul")
DAY = timedelta(days=1)


class Window(NamedTuple):
    """A half-open span of time [since, until); both aware."""

    since: datetime
    until: datetime


def utc_now() -> datetime:
    """Return the present instant, aware UTC."""
    return datetime.now(UTC)


def kst_day(instant: datetime) -> date:
    """Return the Korean calendar day `instant` falls on."""
    return instant.astimezone(KST).date()


def day_start(day: date) -> datetime:
    """Return midnight KST of `day` as aware UTC."""
    return datetime.combine(day, time(), KST).astimezone(UTC)


def day_window(first: date, last: date | None = None) -> Window:
    """Return the span of the KST days `first` … `last`, both included."""
    return Window(day_start(first), day_start((last or first) + DAY))


def days(window: Window) -> list[date]:
    """Return every KST day that `window` touches, oldest first."""
    if window.since >= window.until:
        return []
    first, last = kst_day(window.since), kst_day(window.until - timedelta(microseconds=1))
    return [first + DAY * n for n in range((last - first).days + 1)]


def windows(since: datetime, until: datetime, *, width: timedelta) -> Iterator[Window]:
    """Cut [since, until) into consecutive windows of at most `width`, oldest first."""
    if width <= timedelta(0):
        raise ValueError("width must be positive")
    while since < until:
        end = min(since + width, until)
        yield Window(since, end)
        since = end


def day_windows(since: datetime, until: datetime, *, width_days: int) -> Iterator[Window]:
    """Cut [since, until) at KST midnights into windows of at most `width_days` days."""
    if width_days < 1:
        raise ValueError("width_days must be at least 1")
    while since < until:
        end = min(day_start(kst_day(since) + DAY * width_days), until)
        yield Window(since, end)
        since = end


def joined_days(some: Iterable[date]) -> Iterator[Window]:
    """Yield one window per run of consecutive KST days, oldest first."""
    run: list[date] = []
    for day in sorted(set(some)):
        if run and day - run[-1] != DAY:
            yield day_window(run[0], run[-1])
            run = []
        run.append(day)
    if run:
        yield day_window(run[0], run[-1])
