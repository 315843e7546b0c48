"""What the dispatcher needs to know and to ask of runs, in nobody's words but its own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from erp_assets.scheduling.job_types import Work


class RunStatus(StrEnum):
    """How far a run of ours has come; also what stands in execution_runs and job_executions."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


OPEN = (RunStatus.QUEUED, RunStatus.RUNNING)
GOOD = (RunStatus.COMPLETED, RunStatus.PARTIAL)


class RunState(NamedTuple):
    """A run as the orchestrator sees it.

    is_created: it exists, but nobody has queued it yet, so it must be asked for again. message: why
    it failed, when the orchestrator knows. seconds: wall time; 0 while it runs.
    """

    run_id: str
    run_key: str
    status: RunStatus
    is_created: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    message: str | None = None


class Request(NamedTuple):
    """A run to be asked for. The same key asked for twice is one run."""

    run_key: str
    work: Work
    tags: Mapping[str, str]


class Runs(Protocol):
    """The orchestrator's runs."""

    def find(self, run_keys: Sequence[str]) -> Sequence[RunState]:
        """Return the runs that exist under these keys."""
        ...

    def look(self, run_ids: Sequence[str]) -> Sequence[RunState]:
        """Return these runs as they are; one that is not known any more is left out."""
        ...

    def cancel(self, run_id: str) -> None:
        """End a run; silent when it has ended."""
        ...

    def bury(self, run_id: str, why: str) -> None:
        """Mark a run failed whose worker is dead."""
        ...
