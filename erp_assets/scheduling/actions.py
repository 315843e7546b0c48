"""What an operator does to jobs by hand; the command line and the page both come here.

Nothing is started here: an action is a row, and the dispatcher's next tick acts on it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from erp_assets.errors import PermanentError


class NotPossible(PermanentError):
    """The wish cannot be granted; the text says why and what to do instead."""


class Asked(NamedTuple):
    """A run that was asked for. ahead: the execution it waits for, None when there is none."""

    execution: int
    job: str
    ahead: int | None


def run_now(db: Connection, job_id: int, *, force: bool = False) -> Asked:
    """Ask for one run of a job, outside its schedule. force: even when it is paused, once.

    A retry that waits for its time, or for its job to be resumed, lets the run go first.

    Raises: NotPossible: no such job; it is paused and `force` is not set; one waits already.
    """
    job = _job(db, job_id, lock=True)
    if not (job.status == "active" and job.is_active) and not force:
        raise NotPossible(
            f"job {job_id} ({job.name}) is paused, so nothing was started; resume it, or run it "
            "once with --force"
        )
    waiting = db.execute(
        text("""
            SELECT id FROM job_executions e WHERE job_id = :job AND status = 'queued'
            AND trigger = 'manual' AND NOT EXISTS (
                SELECT FROM execution_runs r WHERE r.execution_id = e.id
            )
        """),
        {"job": job_id},
    ).scalar()
    if waiting is not None:
        raise NotPossible(f"job {job_id} ({job.name}) has a run waiting already: #{waiting}")
    execution: int = db.execute(
        text("""
            INSERT INTO job_executions (job_id, scheduled_for, trigger)
            VALUES (:job, clock_timestamp(), 'manual') RETURNING id
        """),
        {"job": job_id},
    ).scalar_one()
    db.execute(
        text("""
            DELETE FROM schedule_locks l USING job_executions e
            WHERE l.job_id = :job AND e.id = l.execution_id AND e.status = 'queued'
            AND NOT EXISTS (SELECT FROM execution_runs r WHERE r.execution_id = e.id)
        """),
        {"job": job_id},
    )
    return Asked(execution, job.name, _ahead(db, job_id))


def retry(db: Connection, execution_id: int) -> Asked:
    """Ask for another attempt at an execution's slot, for the accounts that failed.

    Raises: NotPossible: no such execution; it or a later attempt has not ended; nothing failed.
    """
    execution = _execution(db, execution_id)
    if execution.status in ("queued", "running"):
        raise NotPossible(f"execution #{execution_id} has not ended: cancel it first")
    if execution.status == "completed":
        raise NotPossible(f"execution #{execution_id} is completed: nothing of it failed")
    later = db.execute(
        text("""
            SELECT a.id FROM job_executions a
            JOIN job_executions e ON (e.job_id, e.scheduled_for) = (a.job_id, a.scheduled_for)
            WHERE e.id = :execution AND a.status IN ('queued', 'running') LIMIT 1
        """),
        {"execution": execution_id},
    ).scalar()
    if later is not None:
        raise NotPossible(f"execution #{execution_id} is being tried again already: #{later}")
    asked: int = db.execute(
        text("""
            INSERT INTO job_executions
                (job_id, scheduled_for, attempt, trigger, accounts, parameters, retry_of)
            SELECT e.job_id, e.scheduled_for,
                (SELECT max(attempt) + 1 FROM job_executions a
                 WHERE (a.job_id, a.scheduled_for) = (e.job_id, e.scheduled_for)),
                'manual',
                (SELECT array_agg(r.account) FROM execution_runs r WHERE r.execution_id = e.id
                 AND r.account <> '' AND r.status NOT IN ('completed', 'partial')),
                e.parameters, e.id
            FROM job_executions e WHERE e.id = :execution RETURNING id
        """),
        {"execution": execution_id},
    ).scalar_one()
    return Asked(asked, execution.name, _ahead(db, execution.job_id))


def cancel(db: Connection, execution_id: int) -> str:
    """Ask for the end of an execution; return the name of its job.

    Raises: NotPossible: no such execution, or it has ended.
    """
    execution = _execution(db, execution_id)
    if execution.status not in ("queued", "running"):
        raise NotPossible(f"execution #{execution_id} has ended already: {execution.status}")
    db.execute(
        text("""
            UPDATE job_executions SET cancel_requested_at = coalesce(cancel_requested_at, now())
            WHERE id = :execution
        """),
        {"execution": execution_id},
    )
    return str(execution.name)


def pause(db: Connection, job_id: int) -> str:
    """Start no further slots of a job; return its name. What runs goes on."""
    return _set_status(db, job_id, "paused")


def resume(db: Connection, job_id: int) -> str:
    """Let a job run again; return its name. catch_up decides about slots passed over."""
    db.execute(text("UPDATE schedule_jobs SET is_active = true WHERE id = :job"), {"job": job_id})
    return _set_status(db, job_id, "active")


def unlock(db: Connection, job_id: int) -> str | None:
    """Release a job, whoever holds it; return who did. A run under way is not ended by this."""
    _job(db, job_id)
    held: str | None = db.execute(
        text("DELETE FROM schedule_locks WHERE job_id = :job RETURNING locked_by"), {"job": job_id}
    ).scalar()
    return held


def _set_status(db: Connection, job_id: int, status: str) -> str:
    name = str(_job(db, job_id).name)
    db.execute(
        text("UPDATE schedule_jobs SET status = :status WHERE id = :job AND status <> :status"),
        {"job": job_id, "status": status},
    )
    return name


def _job(db: Connection, job_id: int, *, lock: bool = False) -> Row[Any]:
    wanted = "SELECT id, name, status, is_active FROM schedule_jobs WHERE id = :job"
    found = db.execute(text(wanted + (" FOR UPDATE" if lock else "")), {"job": job_id}).first()
    if found is None:
        raise NotPossible(f"there is no job {job_id}; see: erp jobs list")
    return found


def _execution(db: Connection, execution_id: int) -> Row[Any]:
    found = db.execute(
        text("""
            SELECT e.id, e.job_id, e.status, j.name FROM job_executions e
            JOIN schedule_jobs j ON j.id = e.job_id WHERE e.id = :execution FOR UPDATE OF e
        """),
        {"execution": execution_id},
    ).first()
    if found is None:
        raise NotPossible(f"there is no execution #{execution_id}; see: erp jobs history")
    return found


def _ahead(db: Connection, job_id: int) -> int | None:
    found: int | None = db.execute(
        text("SELECT execution_id FROM schedule_locks WHERE job_id = :job"), {"job": job_id}
    ).scalar()
    return found


# ── what there is ──────────────────────────────────────────────────────────────────────────────
class JobLine(NamedTuple):
    """One row of `erp jobs list`. running: number of the execution under way."""

    id: int
    name: str
    job_type: str
    status: str
    schedule: Sequence[Any]
    market_codes: Sequence[str] | None
    priority: int | None
    last_run_at: datetime | None
    next_run_at: datetime | None
    anchor_at: datetime | None
    last_status: str | None
    running: int | None
    last_error: str | None


def jobs(db: Connection) -> list[JobLine]:
    """Return every job, in the order of their numbers."""
    found = db.execute(
        text("""
            SELECT j.id, j.name, j.job_type,
                CASE WHEN j.is_broken THEN 'broken' WHEN j.is_active THEN j.status
                    ELSE 'inactive' END AS status,
                j.interval, j.cron_expression, j.specific_times::text[] AS specific_times,
                j.market_codes, j.priority,
                CASE WHEN j.last_run_at BETWEEN '1970-01-01' AND '3000-01-01'
                    THEN j.last_run_at END AS last_run_at,
                CASE WHEN j.next_run_at BETWEEN '1970-01-01' AND '3000-01-01'
                    THEN j.next_run_at END AS next_run_at,
                CASE WHEN j.anchor_at BETWEEN '1970-01-01' AND '3000-01-01'
                    THEN j.anchor_at END AS anchor_at,
                e.status AS last_status, l.execution_id AS running, j.last_error
            FROM schedule_jobs j
            LEFT JOIN schedule_locks l ON l.job_id = j.id
            LEFT JOIN LATERAL (
                SELECT status FROM job_executions WHERE job_id = j.id ORDER BY id DESC LIMIT 1
            ) e ON true
            ORDER BY j.id
        """)
    )
    return [
        JobLine(
            row.id,
            row.name,
            row.job_type,
            row.status,
            (row.interval, row.cron_expression, row.specific_times),
            row.market_codes,
            row.priority,
            row.last_run_at,
            row.next_run_at,
            row.anchor_at,
            row.last_status,
            row.running,
            row.last_error,
        )
        for row in found
    ]


def job(db: Connection, job_id: int) -> JobLine:
    """Return one job. Raises: NotPossible: there is none of this number."""
    _job(db, job_id)
    return next(line for line in jobs(db) if line.id == job_id)


def job_in_full(db: Connection, job_id: int) -> dict[str, Any]:
    """Return every column of a job and of its lock, as JSON would hold them."""
    _job(db, job_id)
    found = db.execute(
        text("""
            SELECT to_jsonb(j) AS job, to_jsonb(l) AS lock FROM schedule_jobs j
            LEFT JOIN schedule_locks l ON l.job_id = j.id WHERE j.id = :job
        """),
        {"job": job_id},
    ).one()
    return found._asdict()


class ExecutionLine(NamedTuple):
    """One row of `erp jobs history`."""

    id: int
    job_id: int
    name: str
    status: str
    trigger: str
    attempt: int
    scheduled_for: datetime
    started_at: datetime | None
    duration_seconds: int | None
    records_processed: int | None
    error_message: str | None
    dagster_run_id: str | None
    result_summary: Any


def executions(
    db: Connection, *, job_id: int | None = None, execution_id: int | None = None, most: int = 20
) -> list[ExecutionLine]:
    """Return executions, newest first: of one job, one alone, or of all."""
    found = db.execute(
        text("""
            SELECT e.id, e.job_id, j.name, e.status, e.trigger, e.attempt, e.scheduled_for,
                e.started_at, e.duration_seconds, e.records_processed, e.error_message,
                e.dagster_run_id, e.result_summary
            FROM job_executions e JOIN schedule_jobs j ON j.id = e.job_id
            WHERE (CAST(:job AS bigint) IS NULL OR e.job_id = :job)
            AND (CAST(:execution AS bigint) IS NULL OR e.id = :execution)
            ORDER BY e.id DESC LIMIT :most
        """),
        {"job": job_id, "execution": execution_id, "most": most},
    )
    return [ExecutionLine(*row) for row in found]


class Heartbeat(NamedTuple):
    """When the scheduler last lived, by the database's clock. age_s: how long ago."""

    beat_at: datetime | None
    age_s: float | None
    tick_seconds: float | None


def heartbeat(db: Connection) -> Heartbeat:
    """Return the scheduler's last sign of life."""
    found = db.execute(
        text("""
            SELECT beat_at, extract(epoch FROM clock_timestamp() - beat_at), tick_seconds
            FROM scheduler_heartbeat
        """)
    ).first()
    if found is None:
        return Heartbeat(None, None, None)
    return Heartbeat(found[0], float(found[1]), found[2])
