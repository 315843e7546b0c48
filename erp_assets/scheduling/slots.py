"""Which slots of a schedule_jobs row fell due, and what becomes of each: pure functions.

A slot is one instant at which a job is to run, aware UTC; any aware instant may come in. No slot
is handled twice and none passes without being run or named as missed, wherever the clock jumps.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import chain, islice, takewhile
from typing import Literal, NamedTuple

from erp_assets.scheduling.grids import INTERVALS, Every, Schedule, TimesOfDay
from erp_assets.scheduling.parsing import BadSchedule, parse

__all__ = [
    "INTERVALS",
    "BadSchedule",
    "CatchUp",
    "Plan",
    "Schedule",
    "Unlisted",
    "anchor_for",
    "describe",
    "first_slot",
    "next_slot",
    "parse",
    "plan",
    "slots",
]

YEARS = range(1970, 3000)
"""What an instant may be: keeps every walk over days short."""


def first_slot(schedule: Schedule, seen: datetime) -> datetime:
    """Return the first slot of a row first seen at `seen`, which never is `seen` itself.

    The first slot of an interval comes one interval later and is the anchor of its grid.
    """
    return next_slot(schedule, None, seen)


def next_slot(schedule: Schedule, anchor: datetime | None, after: datetime) -> datetime:
    """Return the first slot strictly after `after`; without an anchor the grid starts there."""
    after = _utc(after)
    return next(schedule.rising(_utc(anchor or after), after))


def slots(
    schedule: Schedule, anchor: datetime | None, after: datetime, until: datetime
) -> Iterator[datetime]:
    """Yield the slots in (after, until], oldest first."""
    after, until = _utc(after), _utc(until)
    return takewhile(lambda slot: slot <= until, schedule.rising(_utc(anchor or after), after))


def anchor_for(schedule: Schedule, anchor: datetime | None, due: datetime) -> datetime:
    """Return the anchor of the grid that `due` lies on: `anchor`, else `due` itself.

    An operator may set next_run_at to any moment; an interval then counts from there.
    """
    due = _utc(due)
    if isinstance(schedule, TimesOfDay) or anchor is None:
        return due
    anchor = _utc(anchor)
    return anchor if schedule.at(anchor, schedule.number(anchor, due)) == due else due


class CatchUp(StrEnum):
    """What to do with several slots that fell due while nothing ran."""

    SKIP = "skip"
    ONE = "one"
    ALL = "all"


class Unlisted(NamedTuple):
    """Slots too many to list: the first, the last, and how many they are with these two."""

    first: datetime
    last: datetime
    total: int


class Plan(NamedTuple):
    """What to do about one row now.

    run:          the slot to start, None when there is none.
    missed:       slots passed over, oldest first.
    unlisted:     further ones, all older than those in `missed`.
    next_run_at:  what the row must say once the run exists, or at once when there is none.
    """

    run: datetime | None
    missed: list[datetime]
    unlisted: Unlisted | None
    next_run_at: datetime


def plan(
    schedule: Schedule,
    anchor: datetime | None,
    due: datetime,
    now: datetime,
    *,
    catch_up: CatchUp,
    grace: timedelta = timedelta(minutes=2),
    cap: int = 24,
    most_missed: int = 1000,
) -> Plan:
    """Decide which of the slots due … now runs, and what becomes of the others.

    Args:  due: next_run_at; it is a slot even off the grid, since an operator may have set it.
           catch_up: ONE runs the latest slot; SKIP runs it only when at most `grace` old; ALL
           runs the oldest of the last `cap`, the following calls run the rest one by one.
           most_missed: how many of the slots passed over are listed, the newest of them.

    Before `due` (a clock moved back) nothing is to do.
    """
    if cap < 1:
        raise ValueError("cap must be at least 1")
    due, now = _utc(due), _utc(now)
    if now < due:
        return Plan(None, [], None, due)
    anchor = anchor_for(schedule, anchor, due)
    total = 1 + schedule.number_in(anchor, due, now)
    falling = chain(takewhile(lambda slot: slot > due, schedule.falling(anchor, now)), [due])
    latest = next(falling)
    kept = _kept(catch_up, total=total, cap=cap, is_fresh=now - latest <= grace)
    recent = [latest, *islice(falling, kept + most_missed)][::-1]
    beyond = total - kept - most_missed
    unlisted = Unlisted(due, recent.pop(0), beyond) if beyond > 0 else None
    missed, wanted = recent[: len(recent) - kept], recent[len(recent) - kept :]
    run = wanted[0] if wanted else None
    return Plan(run, missed, unlisted, next_slot(schedule, anchor, run or latest))


def _kept(catch_up: CatchUp, *, total: int, cap: int, is_fresh: bool) -> int:
    """Return how many of the newest slots are not missed."""
    match catch_up:
        case CatchUp.ALL:
            return min(cap, total)
        case CatchUp.ONE:
            return 1
        case CatchUp.SKIP:
            return int(is_fresh)


Language = Literal["ko", "en"]
WORDS: Mapping[Language, Mapping[str, str]] = {
    "ko": {
        "m": "{}분마다",
        "h": "{}시간마다",
        "1h": "매시간",
        "1d": "매일",
        "1w": "매주",
        "1M": "매월",
        "times": "매일 {}",
    },
    "en": {
        "m": "every {} minutes",
        "h": "every {} hours",
        "1h": "every hour",
        "1d": "every day",
        "1w": "every week",
        "1M": "every month",
        "times": "daily at {}",
    },
}


def describe(schedule: Schedule, language: Language) -> str:
    """Return the schedule in words, for people."""
    words = WORDS[language]
    match schedule:
        case Every(interval=name):
            return words.get(name) or words[name[-1]].format(name[:-1])
        case TimesOfDay(cron=str(text)):
            return f"cron {text}"
        case TimesOfDay(times=times):
            return words["times"].format(", ".join(map(_shown, times)))


def _shown(at: time) -> str:
    return at.isoformat("auto" if at.second or at.microsecond else "minutes")


def _utc(instant: datetime) -> datetime:
    """Return `instant` in UTC; a naive one has no place here, nor has one beyond all calendars."""
    if instant.utcoffset() is None:
        raise ValueError(f"{instant} has no time zone")
    if instant.year not in YEARS:
        raise BadSchedule(
            f"next_run_at {instant} lies outside {YEARS[0]} … {YEARS[-1]}; "
            "for a run at once set it to now(), to begin anew to NULL"
        )
    return instant.astimezone(UTC)
