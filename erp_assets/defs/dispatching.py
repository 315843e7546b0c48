"""Dagster's runs as the scheduler sees them, and the scheduler's wishes as run requests."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property

import dagster as dg
from dagster._core.events import DagsterEventType
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    RUN_KEY_TAG,
)

from erp_assets.scheduling.runs import Request, RunState, RunStatus

STATUSES: Mapping[dg.DagsterRunStatus, RunStatus] = {
    dg.DagsterRunStatus.NOT_STARTED: RunStatus.QUEUED,
    dg.DagsterRunStatus.QUEUED: RunStatus.QUEUED,
    dg.DagsterRunStatus.MANAGED: RunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING: RunStatus.QUEUED,
    dg.DagsterRunStatus.STARTED: RunStatus.RUNNING,
    dg.DagsterRunStatus.CANCELING: RunStatus.RUNNING,
    dg.DagsterRunStatus.SUCCESS: RunStatus.COMPLETED,
    dg.DagsterRunStatus.FAILURE: RunStatus.FAILED,
    dg.DagsterRunStatus.CANCELED: RunStatus.CANCELLED,
}
NO_WORDS = "This run has been marked as failed from outside the execution context."
"""What Dagster's code server says of a run whose process it found dead."""

MOST_KEYS = 100
"""Keys looked for in one query."""


class DagsterRuns:
    """The runs of one Dagster instance, for the dispatcher.

    opened: returns the instance. A tick with no run under way never asks: opening costs more than
    all the rest of it.
    """

    def __init__(self, opened: Callable[[], dg.DagsterInstance]) -> None:
        self._opened = opened

    @cached_property
    def _instance(self) -> dg.DagsterInstance:
        return self._opened()

    def find(self, run_keys: Sequence[str]) -> Sequence[RunState]:
        """Return the runs that exist under these keys."""
        found: list[RunState] = []
        for first in range(0, len(run_keys), MOST_KEYS):
            wanted = dg.RunsFilter(tags={RUN_KEY_TAG: list(run_keys[first : first + MOST_KEYS])})
            found += map(self._state, self._instance.get_run_records(wanted))
        return found

    def look(self, run_ids: Sequence[str]) -> Sequence[RunState]:
        """Return these runs as they are."""
        if not run_ids:
            return []
        records = self._instance.get_run_records(dg.RunsFilter(run_ids=list(run_ids)))
        return [self._state(record) for record in records]

    def cancel(self, run_id: str) -> None:
        """End a run: at once while it waits, through its launcher once it works."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or run.status is dg.DagsterRunStatus.CANCELING:
            return
        self._instance.run_coordinator.cancel_run(run_id)

    def bury(self, run_id: str, why: str) -> None:
        """Mark a run failed whose worker is dead; silent when it has ended meanwhile."""
        run = self._instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            self._instance.report_run_failed(run, why)

    def _state(self, record: RunRecord) -> RunState:
        run = record.dagster_run
        status = STATUSES[run.status]
        is_over = status not in (RunStatus.QUEUED, RunStatus.RUNNING)
        failed = status is RunStatus.FAILED
        return RunState(
            run.run_id,
            run.tags.get(RUN_KEY_TAG, ""),
            status,
            is_created=run.status is dg.DagsterRunStatus.NOT_STARTED,
            started_at=_instant(record.start_time),
            ended_at=_instant(record.end_time) if is_over else None,
            message=self._last_words(run.run_id) if failed else None,
        )

    def _last_words(self, run_id: str) -> str | None:
        """Return what Dagster says of a failure, for runs that could not report themselves."""
        records = self._instance.get_records_for_run(
            run_id,
            of_type=DagsterEventType.RUN_FAILURE,
            limit=1,
            ascending=False,
        ).records
        told = records[0].event_log_entry.message if records else None
        return None if told == NO_WORDS else told


def run_request(request: Request) -> dg.RunRequest:
    """Return the run request for a wish of the scheduler."""
    work = request.work
    tags = dict(request.tags)
    if work.first is not None and work.last is not None:
        tags[ASSET_PARTITION_RANGE_START_TAG] = f"{work.account}|{work.first}"
        tags[ASSET_PARTITION_RANGE_END_TAG] = f"{work.account}|{work.last}"
    is_one_partition = work.first is None and bool(work.assets)
    return dg.RunRequest(
        run_key=request.run_key,
        job_name=work.job,
        partition_key=work.account if is_one_partition else None,
        asset_selection=[dg.AssetKey(it.split("/")) for it in work.assets] or None,
        asset_check_keys=[],
        tags=tags,
    )


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
