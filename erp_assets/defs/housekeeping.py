"""Keeping the platform small: what is old goes, what is about to be needed is made.

The steps do not stop each other: the run does them all and fails at the end when one of them did.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster_postgres import PostgresEventLogStorage
from sqlalchemy.exc import SQLAlchemyError

from erp_assets.defs.resources import Platform
from erp_assets.defs.storage import artifacts_folder, compute_log_folder
from erp_assets.errors import ErpError
from erp_assets.warehouse import marks, retention, run_history, server
from erp_assets.warehouse.engine import Warehouse
from erp_assets.warehouse.retention import Pruned

MONTHS_AHEAD = 3
Report = dict[str, Any]


@dataclass
class Housekeeping:
    """One cleaning of one platform and of the Dagster instance it runs on."""

    platform: Platform
    instance: dg.DagsterInstance
    now: datetime

    @property
    def steps(self) -> Mapping[str, Callable[[], Report]]:
        """What is done, in order."""
        return {
            "months": self.months,
            "runs": self.runs,
            "step_files": self.step_files,
            "ticks": self.ticks,
            "raw_documents": self.raw_documents,
            "executions": self.executions,
            "missed_slots": self.missed_slots,
            "log_files": self.log_files,
            "vacuum": self.vacuum,
        }

    def months(self) -> Report:
        """Make the partitions of the months to come."""
        with self.platform.warehouse.transaction() as db:
            return {"made": marks.prepare_months(db, self.now, months=MONTHS_AHEAD)}

    def runs(self) -> Report:
        """Remove old runs with their events; the events first, so that a crash orphans none."""
        before = self._before(self.platform.settings.run_days)
        wanted = run_history.unsettled(self.platform.warehouse)
        tables = ("runs", "run_tags", "event_logs")
        sizes = {it: retention.table_bytes(self.dagster, it) for it in tables}
        removed = 0
        for run_id in run_history.old_runs(self.dagster, before, wanted):
            self.instance.event_log_storage.delete_events(run_id)
            self.instance.delete_run(run_id)
            removed += 1
        after = {it: retention.table_bytes(self.dagster, it) for it in tables}
        return Pruned(removed, sum(sizes.values()), sum(after.values()))._asdict()

    def step_files(self) -> Report:
        """Remove what steps of runs that are over printed and returned."""
        before = self._before(self.platform.settings.run_days)
        working = set(self.instance.get_run_ids(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)))
        home = self.platform.settings.home
        folders = [compute_log_folder(home), artifacts_folder(home) / "storage"]
        return _added(prune_folders(it, before, keep=working) for it in folders)._asdict()

    def ticks(self) -> Report:
        """Remove old ticks of sensors and schedules."""
        before = self._before(self.platform.settings.tick_days)
        return run_history.prune_ticks(self.dagster, before)._asdict()

    def raw_documents(self) -> Report:
        """Remove old documents of orders that are over."""
        before = self._before(self.platform.settings.raw_days)
        return retention.prune_raw_documents(self.platform.warehouse, before)._asdict()

    def executions(self) -> Report:
        """Remove old executions."""
        before = self._before(self.platform.settings.history_days)
        return retention.prune_executions(self.platform.warehouse, before)._asdict()

    def missed_slots(self) -> Report:
        """Remove old missed slots."""
        before = self._before(self.platform.settings.history_days)
        return retention.prune_missed_slots(self.platform.warehouse, before)._asdict()

    def log_files(self) -> Report:
        """Remove old log files of the scheduler and the job types."""
        folder = self.platform.logs.folder
        size = file_bytes(folder)
        old = self.platform.logs.remove_old(self.now, days=self.platform.settings.log_days)
        return Pruned(len(old), size, file_bytes(folder))._asdict()

    def vacuum(self) -> Report:
        """Vacuum what is full of dead rows, in both databases."""
        found = {"erp": self.platform.warehouse, "dagster": self.dagster}
        return {name: [it._asdict() for it in retention.vacuum(db)] for name, db in found.items()}

    @cached_property
    def dagster(self) -> Warehouse:
        """Dagster's own database. Raises: ErpError when the instance lives elsewhere."""
        storage = self.instance.event_log_storage
        if not isinstance(storage, PostgresEventLogStorage):
            raise ErpError("Dagster does not keep its runs in PostgreSQL: use our dagster.yaml")
        return Warehouse(server.with_driver(storage.postgres_url, "psycopg"))

    def close(self) -> None:
        """Close what was opened."""
        if "dagster" in vars(self):
            self.dagster.dispose()

    def _before(self, days: int) -> datetime:
        return self.now - timedelta(days=days)


@dg.op(description="Remove what is old, make the partitions of the months to come, vacuum.")
def keep_house(
    context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]
) -> dict[str, Any]:
    """Do every step; sizes before and after are in the metadata and in the return value."""
    house = Housekeeping(platform, context.instance, platform.now())
    done: Report = {}
    failed: list[str] = []
    try:
        for name, step in house.steps.items():
            try:
                done[name] = step()
            except (ErpError, SQLAlchemyError, OSError) as error:
                failed.append(f"{name}: {_reason(error)}")
            else:
                context.log.info("%s: %s", name, done[name])
    finally:
        house.close()
    metadata = {name: dg.MetadataValue.json(report) for name, report in done.items()}
    if failed:
        raise dg.Failure("; ".join(failed), metadata=metadata)
    context.add_output_metadata(metadata)
    return done


@dg.job(description="Clean up: old runs, events, ticks, logs, raw documents; partitions; vacuum.")
def housekeeping() -> None:
    """One op."""
    keep_house()


def prune_folders(folder: Path, before: datetime, *, keep: set[str]) -> Pruned:
    """Remove the folders inside `folder` in which nothing changed since `before`.

    keep: names of those that stay all the same.
    """
    size = file_bytes(folder)
    removed = 0
    for each in list(folder.iterdir()) if folder.is_dir() else []:
        if each.is_dir() and each.name not in keep and _last_change(each) < before.timestamp():
            shutil.rmtree(each)
            removed += 1
    return Pruned(removed, size, file_bytes(folder))


def file_bytes(folder: Path) -> int:
    """Return the size of all files below `folder`; 0 when it is not there."""
    return sum(it.lstat().st_size for it in folder.rglob("*") if it.is_file())


def _last_change(folder: Path) -> float:
    return max(it.lstat().st_mtime for it in (folder, *folder.rglob("*")))


def _added(parts: Iterable[Pruned]) -> Pruned:
    return Pruned(*map(sum, zip(*parts, strict=True)))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(getattr(error, 'orig', None) or error).splitlines()[0]}"
