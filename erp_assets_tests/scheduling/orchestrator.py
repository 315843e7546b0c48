"""Stands for Dagster's runs where a test is about the dispatcher's decisions, not about Dagster."""

from dataclasses import dataclass, field
from datetime import datetime

from erp_assets.scheduling.runs import OPEN, Request, RunState, RunStatus


@dataclass
class Orchestrator:
    """Runs by key. The same key asked for twice is one run."""

    runs: dict[str, RunState] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    buried: list[str] = field(default_factory=list)

    def submit(self, requests, *, started_at: datetime | None = None):
        """Make the runs that were asked for; started when an instant is given."""
        status = RunStatus.RUNNING if started_at else RunStatus.QUEUED
        for request in requests:
            key = request.run_key
            self.requests.setdefault(key, request)
            self.runs.setdefault(key, RunState(f"run-{key}", key, status, started_at=started_at))

    def set(self, key, status, *, at=None, message=None, started_at=None):
        run = self.runs[key]
        over = status not in OPEN
        self.runs[key] = run._replace(
            status=status,
            started_at=run.started_at or started_at or at,
            ended_at=at if over else None,
            message=message,
        )

    def find(self, run_keys):
        return [self.runs[key] for key in run_keys if key in self.runs]

    def look(self, run_ids):
        return [run for run in self.runs.values() if run.run_id in run_ids]

    def cancel(self, run_id):
        self.cancelled.append(run_id)

    def bury(self, run_id, why):
        self.buried.append(run_id)
