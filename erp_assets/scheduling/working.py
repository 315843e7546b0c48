"""A run's side of the bargain: it shows that it lives, and reports what it did.

While a run works it holds an advisory lock named after it; the lock goes with the process, however
it ends, so the dispatcher can tell a long run from a dead one. What a run reports is kept in
execution_runs; the dispatcher settles it.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from erp_assets import clock
from erp_assets.errors import ErpError
from erp_assets.scheduling.job_types import Outcome
from erp_assets.scheduling.logs import Logs
from erp_assets.warehouse.engine import Warehouse

PULSE_S = 5.0
DEFAULT_BATCH_ROWS = 10_000
_HOLD = text("SELECT pg_advisory_lock(hashtextextended('run ' || :run_id, 0))")
_ORDER = text("""
    SELECT e.id, e.job_id, e.status, e.cancel_requested_at, e.parameters, j.job_type, j.name
    FROM job_executions e JOIN schedule_jobs j ON j.id = e.job_id
    JOIN execution_runs r ON r.execution_id = e.id
    WHERE e.id = :execution AND r.account = :account
""")
_REPORT = text("""
    UPDATE execution_runs SET result = CAST(:result AS jsonb), error = :error,
        is_transient = :is_transient
    WHERE execution_id = :execution AND account = :account
""")


class NotWanted(ErpError):
    """The execution this run belongs to was cancelled, settled or deleted; nothing was done."""


@dataclass(frozen=True)
class Order:
    """What a scheduled run is to do. parameters: of the execution, not yet validated."""

    execution: int
    job: str
    job_type: str
    account: str
    parameters: Mapping[str, Any]


@dataclass
class Ticket:
    """One run at work. order: None for a run that no schedule asked for, which reports to nobody.

    result: {"records", "kinds": {kind: …}, "errors"} as kept in execution_runs.
    """

    warehouse: Warehouse
    logs: Logs
    run_id: str
    order: Order | None = None
    result: dict[str, Any] = field(default_factory=lambda: {"records": 0, "kinds": {}})

    @property
    def batch_rows(self) -> int:
        """Rows to be stored at once, as the job's parameters say."""
        asked = self.order.parameters.get("batch_size") if self.order else None
        return int(asked or DEFAULT_BATCH_ROWS)

    def note(self, kind: str, facts: Mapping[str, Any], *, records: int) -> None:
        """Report one part of the work: its facts, and how many rows were really stored."""
        self.result["kinds"][kind] = dict(facts)
        self.result["records"] += records
        self._report()
        if self.order is not None:
            outcome = facts.get("outcome", "")
            self.log(f"{kind} {outcome}: {records} records stored")

    def take(self, outcome: Outcome) -> None:
        """Report what a function of a custom type did."""
        told = {"outcome": "partial" if outcome.errors else "completed", **outcome.summary}
        self.result["errors"] = list(outcome.errors)
        self.note(self.order.job_type if self.order else "work", told, records=outcome.records)

    def fail(self, error: str, *, is_transient: bool) -> None:
        """Report why the run ends badly."""
        self._report(error=error, is_transient=is_transient)
        self.log(f"failed: {error}")

    def log(self, line: str) -> None:
        """Append a line to the log of the job type."""
        if self.order is not None:
            name = f"{self.order.job} #{self.order.execution} {self.order.account}".rstrip()
            self.logs.write(self.order.job_type, clock.utc_now(), f"{name}: {line}")

    def _report(self, *, error: str | None = None, is_transient: bool | None = None) -> None:
        if self.order is None:
            return
        values = {
            "execution": self.order.execution,
            "account": self.order.account,
            "result": json.dumps(self.result, ensure_ascii=False, default=str),
            "error": error,
            "is_transient": is_transient,
        }
        with self.warehouse.transaction() as db:
            db.execute(_REPORT, values)


@contextmanager
def working(
    warehouse: Warehouse, logs: Logs, run_id: str, *, execution: int | None, account: str
) -> Iterator[Ticket]:
    """Hold the liveness lock of a run and yield its ticket.

    Raises: NotWanted when the execution ended before its run began.
    """
    with _alive(warehouse, run_id):
        order = None if execution is None else _order(warehouse, execution, account)
        yield Ticket(warehouse, logs, run_id, order)


def _order(warehouse: Warehouse, execution: int, account: str) -> Order:
    with warehouse.transaction() as db:
        row = db.execute(_ORDER, {"execution": execution, "account": account}).first()
    if row is None or row.status not in ("queued", "running") or row.cancel_requested_at:
        raise NotWanted(f"execution #{execution} is over or gone; this run does nothing")
    return Order(row.id, row.name, row.job_type, account, row.parameters or {})


@contextmanager
def _alive(warehouse: Warehouse, run_id: str) -> Iterator[None]:
    """Hold the lock, and take it again when the server had to restart."""
    over = threading.Event()
    held = _hold(warehouse, run_id)

    def keep() -> None:
        connection: Connection | None = held
        while not over.wait(PULSE_S):
            try:
                if connection is None:
                    connection = _hold(warehouse, run_id)
                connection.execute(text("SELECT 1"))
                connection.commit()
            except (DBAPIError, ErpError):
                if connection is not None:
                    with suppress(DBAPIError):
                        connection.invalidate()
                        connection.close()
                connection = None
        if connection is not None:
            with suppress(DBAPIError):
                connection.invalidate()  # ends the session, and with it the lock
                connection.close()

    keeper = threading.Thread(target=keep, name="liveness", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _hold(warehouse: Warehouse, run_id: str) -> Connection:
    connection = warehouse.engine.connect()
    connection.execute(_HOLD, {"run_id": run_id})
    connection.commit()
    return connection
