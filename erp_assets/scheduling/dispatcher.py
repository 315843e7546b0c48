"""One tick of the scheduler: settle what ended, take what fell due, ask for runs.

The order of things makes a crash anywhere harmless. A slot is taken in one transaction (lock,
execution, its runs under their keys, missed slots); runs are asked for under keys that the
orchestrator accepts once; next_run_at moves when the runs exist. Whatever a crash left undone, the
next tick finds and asks for again. A row that cannot be read fails alone, with the reason.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row

from erp_assets import clock
from erp_assets.clock import KST
from erp_assets.errors import PermanentError
from erp_assets.scheduling import slots
from erp_assets.scheduling import statements as sql
from erp_assets.scheduling.job_types import BadJob, JobType, Parameters, Target, Work, job_type
from erp_assets.scheduling.logs import SCHEDULER, Logs
from erp_assets.scheduling.runs import Request, Runs
from erp_assets.scheduling.settling import (
    LOCK_MARGIN,
    SUSPICION,
    RetryPolicy,
    Settler,
    pause_if_failing,
    request,
)
from erp_assets.scheduling.slots import BadSchedule, CatchUp, Plan, Schedule
from erp_assets.warehouse.engine import Warehouse

MOST_A_TICK = 500
"""Rows taken in one tick; the rest follows five seconds later."""

GRACE = timedelta(minutes=2)


class Account(NamedTuple):
    """An account as the database knows it."""

    id: int
    key: str
    market: str
    enabled: bool


class Wish(NamedTuple):
    """What a row asks for, understood. accounts: keys, or "" once for a type without accounts."""

    type: JobType
    parameters: Parameters
    accounts: Sequence[str]


@dataclass(frozen=True)
class Dispatcher:
    """The scheduler. One tick at a time, whoever ticks.

    market_of: what an operator wrote → market code; ValueError when it means none.
    who: names this process in locks. catch_up_cap: slots that `catch_up = all` runs at the most.
    suspicion: how long a run's process may not be seen before it counts as dead.
    history_start: the first day that can be collected.
    """

    warehouse: Warehouse
    runs: Runs
    logs: Logs
    market_of: Callable[[str], str]
    who: str
    zone: ZoneInfo = KST
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    catch_up_cap: int = 24
    suspicion: timedelta = SUSPICION
    history_start: date = date.min

    def tick(self, now: datetime) -> list[Request]:
        """Do everything that is due at `now`; return the runs to ask for.

        Empty when another process ticks at the same moment.
        """
        started = perf_counter()
        with self.warehouse.transaction() as db:
            if not db.execute(sql.TICK_LOCK).scalar_one():
                return []
            settler = Settler(
                db, self.runs, now, self.who, self.retry, self._log(now), self.suspicion
            )
            asked = settler.run()
        with self.warehouse.transaction() as db:
            if not db.execute(sql.TICK_LOCK).scalar_one():
                return []
            begun = _Beginner(self, db, now, self._log(now)).run()
            seconds = perf_counter() - started
            details = {"asked_again": len(asked), "begun": len(begun), "who": self.who}
            values = {"now": now, "seconds": seconds, "details": json.dumps(details)}
            db.execute(sql.BEAT, values)
        return [*asked, *begun]

    def next_due(self, now: datetime, until: datetime) -> datetime | None:
        """Return the first slot after `now` that can be taken by `until`, None without any."""
        with self.warehouse.transaction() as db:
            found: datetime | None = db.execute(sql.NEXT_DUE, {"now": now, "until": until}).scalar()
        return found

    def _log(self, now: datetime) -> Callable[[str, str], None]:
        def write(name: str, line: str) -> None:
            self.logs.write(SCHEDULER, now, line)
            if name != SCHEDULER:
                self.logs.write(name, now, line)

        return write


@dataclass(frozen=True)
class _Beginner:
    """The second half of a tick, inside one transaction."""

    scheduler: Dispatcher
    db: Connection
    now: datetime
    log: Callable[[str, str], None]

    def run(self) -> list[Request]:
        for row in self.db.execute(sql.ODD):
            self.log(SCHEDULER, f"job {row.id}: its status is neither active nor paused")
        for row in self.db.execute(sql.UNTIMELY):
            self.log(SCHEDULER, f"job {row.id}: its next_run_at is no instant: planned anew")
        self.db.execute(sql.CANCEL_WAITING, {"now": self.now})
        for row in self.db.execute(sql.RELEASE_ORPHANS, {"now": self.now}):
            self.log(SCHEDULER, f"job {row.job_id}: released a lock that nobody works under")
        for row in self.db.execute(sql.EXTEND, {"now": self.now}):
            self.log(SCHEDULER, f"job {row.job_id}: its lock expired, its run lives: extended")
        begun: list[Request] = []
        values = {"now": self.now, "most": MOST_A_TICK}
        for row in self.db.execute(sql.WAITING, values).all():
            begun += self._alone(row, self._continue)
        for row in self.db.execute(sql.DUE, values).all():
            begun += self._alone(row, self._begin)
        return begun

    def _alone(self, row: Row[Any], work: Callable[[Row[Any]], list[Request]]) -> list[Request]:
        """Handle one row so that whatever is wrong with it stops no other."""
        try:
            with self.db.begin_nested():
                return work(row)
        except _LockedMeanwhileError:
            return []
        except Exception as error:  # noqa: BLE001 - fault 6: one row must never stop the others
            told = f"the scheduler cannot handle this row: {type(error).__name__}: {error}"[:500]
            self.log(SCHEDULER, f"job {row.id}: {told}")
            self.db.execute(sql.BREAK, {"job": row.id, "error": told})
            return []

    # ── due rows ───────────────────────────────────────────────────────────────────────────────
    def _begin(self, row: Row[Any]) -> list[Request]:
        try:
            schedule = _schedule(row, self.scheduler.zone)
            catch_up = _catch_up(row)
        except (BadSchedule, BadJob) as error:
            self._fail_slot(row, row.next_run_at or self.now, str(error))
            self.db.execute(sql.BREAK, {"job": row.id, "error": str(error)})
            return []
        if row.next_run_at is None:
            return self._plan_first(row, schedule)
        anchor = slots.anchor_for(schedule, row.anchor_at, row.next_run_at)
        plan = slots.plan(
            schedule,
            anchor,
            row.next_run_at,
            self.now,
            catch_up=catch_up,
            grace=GRACE,
            cap=self.scheduler.catch_up_cap,
        )
        self._note_missed(row, plan)
        if plan.run is None:
            self._plan_next(row, plan.next_run_at, anchor)
            return []
        return self._take(row, plan, plan.run, anchor)

    def _plan_first(self, row: Row[Any], schedule: Schedule) -> list[Request]:
        """Plan a row that is new or changed; what is wrong with it is said now, not at its slot."""
        first = slots.first_slot(schedule, self.now)
        self._plan_next(row, first, first)
        try:
            self._wish(row, row.parameters)
        except PermanentError as error:
            self._fail_slot(row, self.now, str(error))
        else:
            when = f"{first.astimezone(self.scheduler.zone):%Y-%m-%d %H:%M:%S}"
            self.log(SCHEDULER, f"job {row.id} {row.name}: first slot {when}")
        return []

    def _take(self, row: Row[Any], plan: Plan, slot: datetime, anchor: datetime) -> list[Request]:
        try:
            wish = self._wish(row, row.parameters)
            works = self._works(wish)
        except PermanentError as error:
            self._fail_slot(row, slot, str(error))
            self._plan_next(row, plan.next_run_at, anchor)
            return []
        token = uuid4()
        values = {
            "job": row.id,
            "slot": slot,
            "accounts": [account for account in wish.accounts if account],
            "parameters": json.dumps(row.parameters),
            "due": row.next_run_at,
            "then_due": plan.next_run_at,
            "token": token,
            "timeout": row.timeout_minutes,
            "log": self._log_path(wish.type),
            "now": self.now,
        }
        execution = self.db.execute(sql.INSERT_EXECUTION, values).scalar_one_or_none()
        if execution is None:  # an operator set next_run_at back to a slot that was handled
            self._plan_next(row, plan.next_run_at, anchor)
            return []
        if not self._lock(row, execution, token):
            raise _LockedMeanwhileError
        self.db.execute(sql.TAKEN, {"job": row.id, "now": self.now, "anchor": anchor})
        return self._ask(row, execution, slot, 1, works)

    # ── executions that wait: asked for by hand, or retries ────────────────────────────────────
    def _continue(self, row: Row[Any]) -> list[Request]:
        try:
            parameters = row.parameters if row.asked is None else row.asked
            wish = self._wish(row, parameters, row.accounts)
            works = self._works(wish)
        except PermanentError as error:
            values = {"execution": row.execution, "now": self.now, "error": str(error)}
            self.db.execute(sql.FAIL_EXECUTION, values)
            self._count_failure(row, str(error))
            return []
        token = row.owner_token or uuid4()
        values = {
            "execution": row.execution,
            "token": token,
            "timeout": row.timeout_minutes,
            "log": self._log_path(wish.type),
            "accounts": [account for account in wish.accounts if account],
            "parameters": json.dumps(parameters),
        }
        if not self._lock(row, row.execution, token):
            return []
        self.db.execute(sql.PREPARE, values)
        taken = {"job": row.id, "now": self.now, "anchor": row.anchor_at}
        self.db.execute(sql.TAKEN, taken)
        return self._ask(row, row.execution, row.scheduled_for, row.attempt, works)

    # ── what both do ───────────────────────────────────────────────────────────────────────────
    def _wish(self, row: Row[Any], parameters: object, only: Sequence[str] | None = None) -> Wish:
        """Understand a row. Raises: BadJob with the column that is wrong."""
        found = job_type(row.job_type)
        valid = found.validate(parameters)
        if row.timeout_minutes is not None and row.timeout_minutes < 1:
            raise BadJob("timeout_minutes: must be at least 1")
        if row.pause_after_failures is not None and row.pause_after_failures < 1:
            raise BadJob("pause_after_failures: must be at least 1; NULL means never")
        if not found.per_account:
            return Wish(found, valid, [""])
        keys = self._accounts(row)
        if only:
            keys = [key for key in keys if key in only]
        if not keys:
            raise BadJob("no enabled account fits market_codes and account_ids of this row")
        return Wish(found, valid, keys)

    def _accounts(self, row: Row[Any]) -> list[str]:
        wanted = list(self.known_accounts)
        if row.market_codes is not None:
            _check_items("market_codes", row.market_codes, str, "ARRAY['coupang', 'naver']")
            try:
                codes = {self.scheduler.market_of(code) for code in row.market_codes}
            except ValueError as error:
                raise BadJob(f"market_codes: {error}") from None
            wanted = [account for account in wanted if account.market in codes]
        if row.account_ids is not None:
            _check_items("account_ids", row.account_ids, int, "ARRAY[1, 2]")
            unknown = set(row.account_ids) - {account.id for account in self.known_accounts}
            if unknown:
                raise BadJob(f"account_ids: no account {', '.join(map(str, sorted(unknown)))}")
            wanted = [account for account in wanted if account.id in row.account_ids]
        return [account.key for account in wanted if account.enabled]

    def _works(self, wish: Wish) -> dict[str, Work]:
        return {
            account: wish.type.plan(wish.parameters, self._target(account))
            for account in wish.accounts
        }

    def _target(self, account: str) -> Target:
        reached = self.reached.get(account)
        day = clock.kst_day(reached) if reached else None
        return Target(account, clock.kst_day(self.now), day, self.scheduler.history_start)

    @cached_property
    def known_accounts(self) -> Sequence[Account]:
        return [Account(*row) for row in self.db.execute(sql.ACCOUNTS)]

    @cached_property
    def reached(self) -> Mapping[str, datetime]:
        return {row.key: row.until for row in self.db.execute(sql.REACHED)}

    def _lock(self, row: Row[Any], execution: int, token: UUID) -> bool:
        values = {
            "job": row.id,
            "now": self.now,
            "who": f"{self.scheduler.who} #{execution}",
            "expires_at": self.now + timedelta(minutes=row.timeout_minutes or 30) + LOCK_MARGIN,
            "execution": execution,
            "token": token,
        }
        return self.db.execute(sql.LOCK, values).first() is not None

    def _ask(
        self, row: Row[Any], execution: int, slot: datetime, attempt: int, works: Mapping[str, Work]
    ) -> list[Request]:
        for account, work in works.items():
            key = f"{row.id}:{slot.isoformat()}:{attempt}" + (f":{account}" if account else "")
            values = {
                "execution": execution,
                "account": account,
                "run_key": key,
                "work": work.as_json(),
            }
            self.db.execute(sql.INSERT_RUN, values)
        asked = self.db.execute(sql.RUNS_OF, {"execution": execution}).all()
        when = f"{slot.astimezone(self.scheduler.zone):%Y-%m-%d %H:%M:%S}"
        names = ", ".join(account for account in works if account)
        self.log(
            row.job_type,
            f"{row.name} #{execution}: slot {when}, attempt {attempt} asked for {names}",
        )
        return [request(it) for it in asked]

    def _log_path(self, found: JobType) -> str:
        return str(self.scheduler.logs.path(found.name, self.now))

    def _plan_next(self, row: Row[Any], following: datetime, anchor: datetime) -> None:
        values = {"job": row.id, "next": following, "due": row.next_run_at, "anchor": anchor}
        self.db.execute(sql.PLAN_NEXT, values)

    def _note_missed(self, row: Row[Any], plan: Plan) -> None:
        if not plan.missed and plan.unlisted is None:
            return
        last_end = self.db.execute(sql.LAST_END, {"job": row.id}).scalar_one()
        known = {"job": row.id, "now": self.now}
        missed = [known | values for values in _missed(row, plan, last_end)]
        self.db.execute(sql.MISS, missed)
        self.log(
            SCHEDULER,
            f"job {row.id} {row.name}: {len(plan.missed)} slots passed over, see missed_slots",
        )

    def _fail_slot(self, row: Row[Any], slot: datetime, error: str) -> None:
        """Record a slot that cannot run, so that nobody takes silence for success."""
        values = {
            "job": row.id,
            "slot": slot,
            "now": self.now,
            "error": error,
            "parameters": json.dumps(row.parameters),
            "log": str(self.scheduler.logs.path(SCHEDULER, self.now)),
        }
        if self.db.execute(sql.FAIL_SLOT, values).first() is not None:
            self._count_failure(row, error)

    def _count_failure(self, row: Row[Any], error: str) -> None:
        self.log(SCHEDULER, f"job {row.id} {row.name}: failed: {error}")
        values = {
            "job": row.id,
            "good": 0,
            "bad": 1,
            "slot_failed": 1,
            "completed_at": self.now,
            "error": error,
        }
        counted = self.db.execute(sql.COUNT_SETTLED, values).first()
        if counted is not None:
            pause_if_failing(self.db, row.id, counted, error)


class _LockedMeanwhileError(Exception):
    """An operator locked the job in the middle of the tick: as if its slot had not been seen."""


def _schedule(row: Row[Any], zone: ZoneInfo) -> Schedule:
    return slots.parse(row.interval, row.cron_expression, row.specific_times, zone=zone)


def _check_items(column: str, values: Sequence[Any], kind: type, example: str) -> None:
    """Refuse a NULL or a list inside a list. Raises: BadJob."""
    if not all(isinstance(value, kind) for value in values):
        raise BadJob(f"{column}: must be a plain list without NULL, for example {example}")


def _catch_up(row: Row[Any]) -> CatchUp:
    try:
        return CatchUp(row.catch_up)
    except ValueError:
        names = ", ".join(CatchUp)
        raise BadJob(f"catch_up: unknown {row.catch_up!r}; use one of {names}") from None


def _missed(row: Row[Any], plan: Plan, last_end: datetime | None) -> Iterator[dict[str, Any]]:
    """Yield the rows of missed_slots: why each slot did not run."""

    def reason(slot: datetime) -> str:
        if row.resumed_at is not None and slot < row.resumed_at:
            return "paused"
        if last_end is not None and slot <= last_end:
            return "the run before was still going"
        return "the scheduler was down"

    for slot in plan.missed:
        yield {"slot": slot, "reason": reason(slot), "until": None, "slots": 1}
    if plan.unlisted is not None:
        first, last, total = plan.unlisted
        yield {"slot": first, "reason": reason(first), "until": last, "slots": total}
