"""What shows from outside whether the scheduler lives and gets on. Nothing here writes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

OVERTIME = timedelta(minutes=10)
"""After its time-out and this a run should long have been ended and settled."""

WAIT = timedelta(minutes=60)
"""How long a run that may begin can wait for others."""

_IS_MADE = text("SELECT to_regclass('scheduler_heartbeat') IS NOT NULL")

_LAST_BEAT = text("SELECT beat_at FROM scheduler_heartbeat")

_STUCK = text("""
    SELECT e.id, j.name AS job, e.status,
        coalesce(e.cancel_requested_at, e.started_at, e.not_before) AS since,
        e.cancel_requested_at IS NOT NULL AS is_cancelled
    FROM job_executions e JOIN schedule_jobs j ON j.id = e.job_id
    WHERE e.status IN ('queued', 'running')
    AND (
        e.cancel_requested_at < :overtime
        OR e.status = 'running' AND e.started_at
            < CAST(:overtime AS timestamptz)
            - make_interval(mins => coalesce(e.timeout_minutes, j.timeout_minutes, 30))
        OR e.status = 'queued' AND e.not_before < :waiting
            AND (e.trigger = 'manual' OR (j.status = 'active' AND j.is_active))
    )
    ORDER BY e.id
""")

_BROKEN = text("""
    SELECT id, name AS job, coalesce(last_error, '') AS error FROM schedule_jobs
    WHERE is_broken AND is_active AND status <> 'paused' ORDER BY id
""")


class Stuck(NamedTuple):
    """An execution that should have ended, or begun. since: when it began to run, or could have."""

    execution: int
    job: str
    status: str
    since: datetime
    is_cancelled: bool


class Broken(NamedTuple):
    """A row of schedule_jobs that nobody can read; left alone until it is changed."""

    id: int
    job: str
    error: str


def is_made(db: Connection) -> bool:
    """Are the scheduler's tables there?"""
    return bool(db.execute(_IS_MADE).scalar_one())


def last_beat(db: Connection) -> datetime | None:
    """Return when the dispatcher last did a tick to its end; None when it never did."""
    found: datetime | None = db.execute(_LAST_BEAT).scalar()
    return found


def stuck(db: Connection, now: datetime) -> Sequence[Stuck]:
    """Return the open executions that are long overdue at `now`."""
    values = {"overtime": now - OVERTIME, "waiting": now - WAIT}
    return [Stuck(*row) for row in db.execute(_STUCK, values)]


def broken(db: Connection) -> Sequence[Broken]:
    """Return the rows that operators wrote and nobody can read."""
    return [Broken(*row) for row in db.execute(_BROKEN)]
