"""The slots of a schedule, as arithmetic on instants that are aware UTC.

- an interval lies on a grid, anchor + n × interval, so that a late run never shifts the later ones;
  5m … 12h count elapsed time, 1d, 1w and 1M keep the wall-clock time of the zone;
- a cron expression and specific times are both "times of day on certain days" in the zone.

A wall-clock time that the zone skips fires when its clocks jump over it; one that it shows twice
fires the first time. Korea has had no such days since 1988; ERP_TIMEZONE may name other zones.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import NamedTuple
from zoneinfo import ZoneInfo

from erp_assets.clock import DAY

SECOND = timedelta(seconds=1)


class Step(NamedTuple):
    """The length of an interval, in one of three units."""

    minutes: int = 0
    days: int = 0
    months: int = 0


INTERVALS: Mapping[str, Step] = {
    "5m": Step(minutes=5),
    "10m": Step(minutes=10),
    "15m": Step(minutes=15),
    "30m": Step(minutes=30),
    "1h": Step(minutes=60),
    "2h": Step(minutes=120),
    "4h": Step(minutes=240),
    "6h": Step(minutes=360),
    "12h": Step(minutes=720),
    "1d": Step(days=1),
    "1w": Step(days=7),
    "1M": Step(months=1),
}


@dataclass(frozen=True)
class Every:
    """Slots on a grid: number n is n intervals after the anchor, n may be negative."""

    interval: str
    zone: ZoneInfo

    def at(self, anchor: datetime, n: int) -> datetime:
        """Return slot number `n`; a month without the anchor's day uses its last one."""
        step = INTERVALS[self.interval]
        if step.minutes:
            return anchor + n * timedelta(minutes=step.minutes)
        wall = anchor.astimezone(self.zone)
        if step.days:
            return _instant(wall.date() + n * step.days * DAY, wall.time(), self.zone)
        years, month = divmod(wall.month - 1 + n * step.months, 12)
        year, month = wall.year + years, month + 1
        day = min(wall.day, monthrange(year, month)[1])
        return _instant(date(year, month, day), wall.time(), self.zone)

    def number(self, anchor: datetime, instant: datetime) -> int:
        """Return the number of the last slot at or before `instant`."""
        step = INTERVALS[self.interval]
        if step.minutes:
            return (instant - anchor) // timedelta(minutes=step.minutes)
        first, day = anchor.astimezone(self.zone).date(), instant.astimezone(self.zone).date()
        months = (day.year - first.year) * 12 + day.month - first.month
        n = (day - first).days // step.days if step.days else months // step.months
        while self.at(anchor, n) > instant:
            n -= 1
        return n

    def rising(self, anchor: datetime, after: datetime) -> Iterator[datetime]:
        """Yield the slots after `after`, without end."""
        return (self.at(anchor, n) for n in count(self.number(anchor, after) + 1))

    def falling(self, anchor: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the slots up to `until`, newest first, without end."""
        return (self.at(anchor, n) for n in count(self.number(anchor, until), -1))

    def number_in(self, anchor: datetime, after: datetime, until: datetime) -> int:
        """Return how many slots lie in (after, until]."""
        return self.number(anchor, until) - self.number(anchor, after)


@dataclass(frozen=True)
class Days:
    """The days a cron expression means; None where it does not restrict.

    dates: days of the month, "l" the last one. weekdays: 0 Sunday … 6. weeks: (weekday, which of
    the month: 1 … 5 or "l"). As in every cron, dates and weekdays given together mean either.
    """

    months: frozenset[int] | None = None
    dates: frozenset[int | str] | None = None
    weekdays: frozenset[int] | None = None
    weeks: frozenset[tuple[int, int | str]] | None = None

    def __contains__(self, day: date) -> bool:
        """Say whether `day` is one of them."""
        if self.months is not None and day.month not in self.months:
            return False
        weekday = day.isoweekday() % 7
        if self.weeks is not None:
            is_last = (day + 7 * DAY).month != day.month
            return (weekday, (day.day + 6) // 7) in self.weeks or (
                is_last and (weekday, "l") in self.weeks
            )
        if self.dates is None:
            return self.weekdays is None or weekday in self.weekdays
        if day.day in self.dates or ("l" in self.dates and (day + DAY).day == 1):
            return True
        return self.weekdays is not None and weekday in self.weekdays


@dataclass(frozen=True)
class TimesOfDay:
    """Slots at wall-clock `times` (sorted, distinct) on `days`; cron: the text they come from."""

    times: tuple[time, ...]
    zone: ZoneInfo
    days: Days = Days()
    cron: str | None = None

    def rising(self, _anchor: datetime, after: datetime) -> Iterator[datetime]:
        """Yield the slots after `after`, without end."""
        day, times = after.astimezone(self.zone).date(), self.times[self._start(after) :]
        for n in count():
            for slot in self._on(day + n * DAY, times):
                if slot > after:
                    yield slot
                    after = slot
            times = self.times

    def falling(self, _anchor: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the slots up to `until`, newest first, without end."""
        day, times = until.astimezone(self.zone).date(), self.times[: self._stop(until)]
        before = until + timedelta.resolution
        for n in count():
            for slot in self._on(day - n * DAY, times[::-1]):
                if slot < before:
                    yield slot
                    before = slot
            times = self.times

    def number_in(self, _anchor: datetime, after: datetime, until: datetime) -> int:
        """Return how many slots lie in (after, until], without looking at each of them."""
        first, last = after.astimezone(self.zone).date(), until.astimezone(self.zone).date()
        found = 0
        for n in range((last - first).days + 1):
            day = first + n * DAY
            start = self._start(after) if day == first else 0
            stop = self._stop(until) if day == last else len(self.times)
            if self._is_plain(day):
                found += max(0, stop - start) if day in self.days else 0
            else:
                slots = {*self._on(day, self.times[start:stop])}
                found += sum(after < slot <= until for slot in slots)
        return found

    def _start(self, after: datetime) -> int:
        """Return the place of the first time that can come after `after`, on its day."""
        return bisect_right(self.times, after.astimezone(self.zone).time())

    def _stop(self, until: datetime) -> int:
        """Return the place of the first time that cannot come up to `until`, on its day."""
        wall = until.astimezone(self.zone)
        return len(self.times) if wall.fold else bisect_right(self.times, wall.time())

    def _on(self, day: date, times: Iterable[time]) -> Iterator[datetime]:
        return (_instant(day, at, self.zone) for at in (times if day in self.days else ()))

    def _is_plain(self, day: date) -> bool:
        """Say whether `day` has 24 hours, so that its times are as many instants."""
        start, end = (datetime.combine(d, time(), self.zone) for d in (day, day + DAY))
        return start.utcoffset() == end.utcoffset()


Schedule = Every | TimesOfDay


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return when the clocks of `zone` show `at` on `day`, or jump over it, aware UTC."""
    wall = datetime.combine(day, at, zone)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    early, late = sorted(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    before = early.astimezone(zone).utcoffset()
    while late - early > SECOND:
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
