"""What became of the runs under way: look, then record, count, retry and release.

The first half of a tick. Everything here may be repeated after a crash: a run is looked at again,
an execution settles once (its status leaves queued/running), and only then is its lock released.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row

from erp_assets.scheduling import statements as sql
from erp_assets.scheduling.job_types import Work
from erp_assets.scheduling.logs import SCHEDULER
from erp_assets.scheduling.runs import GOOD, OPEN, Request, Runs, RunState, RunStatus

SUSPICION = timedelta(seconds=20)
"""How long nobody may hold a running run's liveness lock before its worker counts as dead."""

OVERTIME = timedelta(minutes=2)
"""After the time-out and this, the dispatcher itself ends a run that run monitoring did not."""

LOCK_MARGIN = timedelta(minutes=5)
DEAD = "the worker died or was killed; what it had stored is kept"
Log = Callable[[str, str], None]
"""(job type or "scheduler", line) → None."""


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential back-off with jitter. base_s: pause before the first retry; most_s: the cap."""

    base_s: float = 30.0
    most_s: float = 1800.0

    def pause(self, attempt: int) -> timedelta:
        """Return how long to wait after attempt number `attempt` failed."""
        seconds = min(self.base_s * 2.0 ** min(attempt - 1, 30), self.most_s)
        return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreads, guards nothing


@dataclass(frozen=True)
class Settler:
    """Settles what ended. now: the tick's instant. who: written into locks."""

    db: Connection
    runs: Runs
    now: datetime
    who: str
    retry: RetryPolicy
    log: Log
    suspicion: timedelta = SUSPICION

    def run(self) -> list[Request]:
        """Record what the runs came to; return those that must be asked for (again)."""
        rows = self.db.execute(sql.OPEN_RUNS).all()
        states = self._states(rows)
        unmet: list[Request] = []
        for number, group in groupby(rows, key=lambda row: row.id):
            try:
                with self.db.begin_nested():
                    unmet += self._look(list(group), states)
            except Exception as error:  # noqa: BLE001 - one execution must never stop the others
                told = f"execution #{number} cannot be settled yet: {type(error).__name__}: {error}"
                self.log(SCHEDULER, told[:500])
        return unmet

    def _states(self, rows: Sequence[Row[Any]]) -> Mapping[str, RunState]:
        """Return run_key → state of every run that exists."""
        known = [row.dagster_run_id for row in rows if row.dagster_run_id and _is_open(row.status)]
        unseen = [row.run_key for row in rows if not row.dagster_run_id]
        found = [*self.runs.look(known), *self.runs.find(unseen)]
        return {state.run_key: state for state in found}

    def _look(self, rows: list[Row[Any]], states: Mapping[str, RunState]) -> list[Request]:
        """Look at the runs of one execution; return those to ask for."""
        head = rows[0]
        seen = [self._see(row, states.get(row.run_key)) for row in rows]
        if not head.is_advanced and all(it.run_id for it in seen):
            self.db.execute(sql.ADVANCE, {"execution": head.id})
        if head.cancel_requested_at is not None:
            seen = self._cancelled(seen)
        self._start(head, seen)
        if not any(_is_open(it.status) for it in seen):
            self._settle(head, seen)
            return []
        if head.cancel_requested_at is not None:
            return []
        return [request(row) for row in rows if _is_unmet(row, states.get(row.run_key))]

    def _start(self, head: Row[Any], seen: Sequence["_Seen"]) -> None:
        """Call the execution running once one of its runs works."""
        begun = [(it.started_at, it.run_id) for it in seen if it.started_at]
        if begun and head.execution_status == RunStatus.QUEUED:
            started, run_id = min(begun)
            values = {"execution": head.id, "started_at": started, "run_id": run_id}
            self.db.execute(sql.START_EXECUTION, values)

    def _cancelled(self, seen: Sequence["_Seen"]) -> list["_Seen"]:
        """End every run that goes on; one that does not exist yet will not come to be."""
        left = []
        for it in seen:
            if it.run_id and _is_open(it.status):
                self.runs.cancel(it.run_id)
            is_nothing = it.run_id is None and _is_open(it.status)
            left.append(it.ended(RunStatus.CANCELLED, self.now) if is_nothing else it)
        return left

    def _see(self, row: Row[Any], state: RunState | None) -> "_Seen":
        """Return what is to be known of one run now, and store it when it is news."""
        before = _Seen.of(row)
        if not _is_open(row.status):
            return before
        if state is None:
            seen = before
            if row.dagster_run_id:  # deleted in Dagit
                seen = before.ended(RunStatus.CANCELLED, self.now, error="the run was deleted")
        else:
            seen = self._judged(row, before, state)
        if seen != before:
            self.db.execute(sql.SEE_RUN, seen.values(row))
        return seen

    def _judged(self, row: Row[Any], before: "_Seen", state: RunState) -> "_Seen":
        seen = before.at(state)
        match state.status:
            case RunStatus.RUNNING:
                return self._watched(row, seen, state)
            case RunStatus.COMPLETED:
                kinds = row.result.get("kinds", {}).values()
                is_partial = any(it.get("outcome") != "completed" for it in kinds)
                status = RunStatus.PARTIAL if is_partial else RunStatus.COMPLETED
                return seen.ended(status, state.ended_at or self.now)
            case RunStatus.FAILED | RunStatus.CANCELLED:
                return self._failed(row, seen, state)
            case _:
                return seen

    def _failed(self, row: Row[Any], seen: "_Seen", state: RunState) -> "_Seen":
        """A run that used up its time is timed out, whatever word its end got."""
        end = state.ended_at or self.now
        limit = timedelta(minutes=row.timeout_minutes or 0)
        if limit and state.started_at and end - state.started_at >= limit:
            error = f"timed out after {row.timeout_minutes} minutes; what was stored is kept"
            return seen.ended(RunStatus.TIMED_OUT, end, error=error, is_transient=True)
        if state.status is RunStatus.CANCELLED:
            return seen.ended(RunStatus.CANCELLED, end, error=row.error or "cancelled")
        error = row.error or state.message or DEAD
        is_transient = True if row.is_transient is None else row.is_transient
        return seen.ended(RunStatus.FAILED, end, error=error, is_transient=is_transient)

    def _watched(self, row: Row[Any], seen: "_Seen", state: RunState) -> "_Seen":
        """Suspect a running run whose worker holds no lock; bury it when it stays so."""
        limit = timedelta(minutes=row.timeout_minutes or 0)
        if limit and state.started_at and self.now - state.started_at > limit + OVERTIME:
            self.runs.cancel(state.run_id)
        alive = self.db.execute(sql.IS_ALIVE, {"run_id": state.run_id}).scalar_one()
        if alive:
            return seen.suspected(None)
        since = row.suspected_at or self.now
        if self.now - since < self.suspicion:
            return seen.suspected(since)
        self.runs.bury(state.run_id, DEAD)
        self.log(row.job_type, f"{row.job_name}: run {state.run_id} is dead: {DEAD}")
        return seen.ended(RunStatus.FAILED, self.now, error=DEAD, is_transient=True)

    # ── the end of an execution ────────────────────────────────────────────────────────────────
    def _settle(self, head: Row[Any], seen: Sequence["_Seen"]) -> None:
        status = outcome([it.status for it in seen])
        if head.cancel_requested_at is not None and status is not RunStatus.COMPLETED:
            status = RunStatus.CANCELLED
        error = "; ".join(it.complaint() for it in seen if it.complaint()) or None
        again = self._accounts_to_retry(head, status, seen)
        values = self._settled(head, seen, status, error)
        if self.db.execute(sql.SETTLE, values).first() is None:
            return
        successor = self._retry(head, again) if again else None
        self._count(head, status, error, values["completed_at"], is_last=successor is None)
        if successor is None:
            self.db.execute(sql.RELEASE, {"job": head.job_id, "token": head.owner_token})
        took = f"{values['seconds']} s, {values['records']} records"
        then = f"; attempt {head.attempt + 1} follows" if successor else ""
        told = f"; {error}" if error else ""
        self.log(head.job_type, f"{head.job_name} #{head.id}: {status.value} ({took}){told}{then}")

    def _settled(
        self, head: Row[Any], seen: Sequence["_Seen"], status: RunStatus, error: str | None
    ) -> dict[str, Any]:
        started = min((it.started_at for it in seen if it.started_at), default=self.now)
        ended = max((it.completed_at or self.now for it in seen), default=self.now)
        accounts = {it.account: it.summary() for it in seen}
        summary = {
            "accounts": accounts,
            "records": sum(it.result.get("records", 0) for it in seen),
            "rejected": sum(part["rejected"] for part in accounts.values()),
            "calls": sum(part["calls"] for part in accounts.values()),
        }
        return {
            "execution": head.id,
            "status": status.value,
            "started_at": started,
            "completed_at": ended,
            "seconds": round(max((ended - started).total_seconds(), 0.0)),
            "records": summary["records"],
            "error": error,
            "summary": json.dumps(summary, ensure_ascii=False),
            "run_id": next((it.run_id for it in seen if it.run_id), None),
        }

    def _accounts_to_retry(
        self, head: Row[Any], status: RunStatus, seen: Sequence["_Seen"]
    ) -> list[str]:
        if status is RunStatus.CANCELLED or head.attempt > (head.max_retries or 0):
            return []
        ended_badly = (RunStatus.FAILED, RunStatus.TIMED_OUT)
        return [it.account for it in seen if it.status in ended_badly and it.is_transient]

    def _retry(self, head: Row[Any], accounts: Sequence[str]) -> int | None:
        """Add the next attempt, which keeps the lock; only accounts that failed take part."""
        token, start = uuid4(), self.now + self.retry.pause(head.attempt)
        values = {
            "execution": head.id,
            "accounts": list(accounts),
            "not_before": start,
            "token": token,
        }
        successor: int | None = self.db.execute(sql.RETRY, values).scalar_one_or_none()
        if successor is not None:
            passed = {
                "job": head.job_id,
                "token": head.owner_token,
                "successor": successor,
                "new_token": token,
                "who": f"{self.who} #{successor}",
                "expires_at": start + timedelta(minutes=head.timeout_minutes or 0) + LOCK_MARGIN,
            }
            self.db.execute(sql.PASS_LOCK, passed)
        return successor

    def _count(
        self,
        head: Row[Any],
        status: RunStatus,
        error: str | None,
        ended: datetime,
        *,
        is_last: bool,
    ) -> None:
        good, bad = status in GOOD, status in (RunStatus.FAILED, RunStatus.TIMED_OUT)
        values = {
            "job": head.job_id,
            "good": int(good),
            "bad": int(bad),
            "slot_failed": int(bad and is_last),
            "completed_at": ended,
            "error": None if status is RunStatus.COMPLETED else error,
        }
        counted = self.db.execute(sql.COUNT_SETTLED, values).first()
        if counted is None or not (bad and is_last):
            return
        pause_if_failing(self.db, head.job_id, counted, error or status.value)


def pause_if_failing(db: Connection, job_id: int, counted: Row[Any], error: str) -> None:
    """Pause a job that failed as many slots in a row as its operator allows."""
    limit = counted.pause_after_failures
    if limit is not None and 0 < limit <= counted.failures_in_row:
        told = f"paused after {counted.failures_in_row} failed slots in a row; the last: {error}"
        db.execute(sql.PAUSE, {"job": job_id, "error": told})


@dataclass(frozen=True)
class _Seen:
    """What is known of one run."""

    account: str
    run_id: str | None
    status: RunStatus
    started_at: datetime | None
    completed_at: datetime | None
    suspected_at: datetime | None
    error: str | None
    is_transient: bool | None
    result: Mapping[str, Any]

    @classmethod
    def of(cls, row: Row[Any]) -> "_Seen":
        return cls(
            row.account,
            row.dagster_run_id,
            RunStatus(row.status),
            row.started_at,
            row.completed_at,
            row.suspected_at,
            row.error,
            row.is_transient,
            row.result,
        )

    def _but(self, **changes: Any) -> "_Seen":
        return _Seen(**{**self.__dict__, **changes})

    def at(self, state: RunState) -> "_Seen":
        status = state.status if state.status in OPEN else self.status
        return self._but(run_id=state.run_id, status=status, started_at=state.started_at)

    def suspected(self, since: datetime | None) -> "_Seen":
        return self._but(suspected_at=since)

    def ended(
        self,
        status: RunStatus,
        at: datetime,
        *,
        error: str | None = None,
        is_transient: bool | None = None,
    ) -> "_Seen":
        return self._but(
            status=status,
            completed_at=at,
            suspected_at=None,
            error=error or self.error,
            is_transient=is_transient,
        )

    def values(self, row: Row[Any]) -> dict[str, Any]:
        return {
            "execution": row.id,
            "account": self.account,
            "status": self.status.value,
            "run_id": self.run_id,
            "started_at": self.started_at,
            "completed_at": self.completed_at,
            "suspected_at": self.suspected_at,
            "error": self.error,
            "is_transient": self.is_transient,
        }

    def complaint(self) -> str:
        """Say what is wrong with the run, empty when nothing is."""
        name = f"{self.account}: " if self.account else ""
        if self.status is RunStatus.PARTIAL:
            errors = self.result.get("errors") or [f"{self.summary()['rejected']} rows rejected"]
            return f"{name}partial: {'; '.join(errors)}"
        if self.status in (RunStatus.COMPLETED, *OPEN):
            return ""
        return f"{name}{self.error or self.status.value}"

    def summary(self) -> dict[str, Any]:
        """Return the run's part of result_summary."""
        kinds: Mapping[str, Mapping[str, Any]] = self.result.get("kinds", {})
        return {
            "status": self.status.value,
            "records": self.result.get("records", 0),
            "rejected": sum(it.get("rejected", 0) for it in kinds.values()),
            "calls": sum(it.get("calls", 0) for it in kinds.values()),
            "seconds": round(sum(it.get("seconds", 0.0) for it in kinds.values()), 3),
            "kinds": kinds,
            "errors": [self.error] if self.error else list(self.result.get("errors", [])),
            "run_id": self.run_id,
        }


def _is_open(status: str) -> bool:
    return status in OPEN


def _is_unmet(row: Row[Any], state: RunState | None) -> bool:
    """Must this run be asked for: because it does not exist, or nobody has queued it?"""
    if state is None:
        return row.dagster_run_id is None
    return _is_open(row.status) and state.is_created


def outcome(statuses: Sequence[RunStatus]) -> RunStatus:
    """Return what runs come to together: all good, some, or none."""
    if all(it is RunStatus.COMPLETED for it in statuses):
        return RunStatus.COMPLETED
    if any(it in GOOD for it in statuses):
        return RunStatus.PARTIAL
    for worst in (RunStatus.CANCELLED, RunStatus.TIMED_OUT):
        if all(it is worst for it in statuses):
            return worst
    return RunStatus.TIMED_OUT if RunStatus.TIMED_OUT in statuses else RunStatus.FAILED


def request(row: Row[Any]) -> Request:
    """Return the run to be asked for: the same every time."""
    work = Work.of(row.work)
    return Request(row.run_key, work, dict(_tags(row, work)))


def _tags(row: Row[Any], work: Work) -> Iterator[tuple[str, str]]:
    yield "erp/execution", str(row.id)
    yield "erp/job", str(row.job_id)
    yield "erp/job_type", row.job_type
    yield "erp/slot", row.scheduled_for.isoformat()
    yield "erp/attempt", str(row.attempt)
    yield "dagster/priority", str(row.priority or 0)
    if work.account:
        yield "erp/account", work.account
    if row.timeout_minutes:
        yield "dagster/max_runtime", str(row.timeout_minutes * 60)
