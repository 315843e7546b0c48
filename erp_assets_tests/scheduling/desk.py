"""A dispatcher on a real database, with a clock of the test's own and no Dagster."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from erp_assets.markets import market_code
from erp_assets.scheduling.dispatcher import Dispatcher
from erp_assets.scheduling.logs import Logs
from erp_assets.scheduling.runs import RunStatus
from erp_assets.scheduling.settling import RetryPolicy
from erp_assets.warehouse.engine import Warehouse
from erp_assets_tests.scheduling.orchestrator import Orchestrator

START = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
"""10:00 in Korea."""


@dataclass
class Desk:
    """What an operator does in psql, and the ticks that follow."""

    warehouse: Warehouse
    folder: Path
    now: datetime = START
    runs: Orchestrator = field(default_factory=Orchestrator)

    def sql(self, statement, *values):
        """Run a statement of the operators' manual as it stands there."""
        address = self.warehouse.url.replace("+psycopg", "")
        with psycopg.connect(address, autocommit=True, row_factory=psycopg.rows.dict_row) as db:
            done = db.execute(statement, values or None)
            return done.fetchall() if done.description else []

    def one(self, statement, *values):
        [row] = self.sql(statement, *values)
        return row

    def clear(self):
        """Leave no job but those of the test."""
        self.sql("DELETE FROM schedule_jobs")

    def add(self, job_type="product_collection", **columns):
        """Insert a job, due at once when nothing else is said; return its number."""
        columns = {"name": "시험", "job_type": job_type, "market_codes": ["coupang"]} | columns
        if not {"interval", "cron_expression", "specific_times"} & columns.keys():
            columns |= {"interval": "5m"}
        columns.setdefault("next_run_at", self.now)
        names = ", ".join(columns)
        marks = ", ".join(["%s"] * len(columns))
        statement = f"INSERT INTO schedule_jobs ({names}) VALUES ({marks}) RETURNING id"
        return self.one(statement, *columns.values())["id"]

    def dispatcher(self, **options):
        return Dispatcher(
            self.warehouse,
            self.runs,
            Logs(self.folder),
            market_code,
            "test:1",
            retry=RetryPolicy(30.0),
            **options,
        )

    def tick(self, seconds=5.0, *, submit=True, **options):
        """Let time pass, tick, and let the orchestrator have what was asked for."""
        self.now += timedelta(seconds=seconds)
        requests = self.dispatcher(**options).tick(self.now)
        if submit:
            self.runs.submit(requests)
        return requests

    def start(self, requests=None):
        """The orchestrator begins these runs (all that wait when none are named)."""
        keys = [it.run_key for it in requests] if requests else list(self.runs.runs)
        for key in keys:
            if self.runs.runs[key].status is RunStatus.QUEUED:
                self.runs.set(key, RunStatus.RUNNING, at=self.now)

    def report(self, requests, *, records=3, outcome="completed", error=None, is_transient=None):
        """A run reports, as a ticket does."""
        for it in requests:
            self.sql(
                "UPDATE execution_runs SET result = %s, error = %s, is_transient = %s "
                "WHERE run_key = %s",
                psycopg.types.json.Jsonb(
                    {
                        "records": records,
                        "kinds": {
                            "orders": {
                                "outcome": outcome,
                                "calls": 2,
                                "rejected": 0 if outcome == "completed" else 1,
                                "seconds": 1.5,
                            }
                        },
                    }
                ),
                error,
                is_transient,
                it.run_key,
            )

    def end(self, requests, status=RunStatus.COMPLETED, **report):
        """These runs report and end."""
        self.start(requests)
        self.now += timedelta(seconds=2)
        self.report(requests, **report)
        for it in requests:
            self.runs.set(it.run_key, status, at=self.now)

    def job(self, number):
        return self.one("SELECT * FROM schedule_jobs WHERE id = %s", number)

    def executions(self, number):
        return self.sql("SELECT * FROM job_executions WHERE job_id = %s ORDER BY id", number)

    def locks(self):
        return self.sql("SELECT * FROM schedule_locks")

    def missed(self, number):
        return self.sql("SELECT * FROM missed_slots WHERE job_id = %s ORDER BY slot", number)
