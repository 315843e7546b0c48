"""Runs as Celery tasks: the launcher that sends them, and the application its workers share.

A run's task is called like the run, so nothing has to be written back after sending. Tasks are
acknowledged before they work: a run whose worker died is not repeated by the broker but found dead
by its liveness lock (`scheduling.working`), recorded as failed and retried as its job says.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from celery import Celery
from dagster import DagsterRun
from dagster._config.config_schema import UserConfigSchema
from dagster._core.events import EngineEventData
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.defaults import broker_transport_options
from dagster_celery.launcher import CeleryRunLauncher

from erp_assets.defs import broker
from erp_assets.settings import Settings
from erp_assets.warehouse import server

DATABASE = "celery"
QUEUE = "dagster"
RUNS_PER_CHILD = 500
"""A worker's child is forked anew after so many runs, whatever they leak; it costs milliseconds."""

DAY_S = 86_400
CONFIG: Mapping[str, Any] = {
    "task_acks_late": False,
    "worker_prefetch_multiplier": 1,
    "worker_max_tasks_per_child": RUNS_PER_CHILD,
    # PostgreSQL as a broker knows no broadcasts; runs are cancelled through Dagster's own storage.
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_redirect_stdouts": False,
    "worker_hijack_root_logger": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "result_expires": DAY_S,
    "database_engine_options": {"pool_pre_ping": True, "hide_parameters": True, "pool_size": 1},
}


class CeleryLauncher(CeleryRunLauncher):
    """Sends a run to the workers."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure."""
        return {}

    @classmethod
    def of(
        cls, settings: Settings, inst_data: ConfigurableClassData | None = None
    ) -> "CeleryLauncher":
        """Return the launcher for a broker; the database is made when it is ours to make."""
        address = settings.celery_broker or _own_database(settings)
        is_redis = address.startswith("redis")
        options = {**broker_transport_options, **({} if is_redis else broker.OPTIONS)}
        return cls(
            default_queue=QUEUE,
            broker=broker.broker_url(address),
            backend=broker.backend_url(settings.celery_backend or address),
            config_source={**CONFIG, "broker_transport_options": options},
            inst_data=inst_data,
        )

    @property
    def supports_resume_run(self) -> bool:
        """A run is repeated by its job's retries only."""
        return False

    def terminate(self, run_id: str) -> bool:
        """Ask for the end of a run; its worker looks every few seconds and stops it."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Report a run whose worker process died under it; a worker's machine may die unseen."""
        if self.celery.AsyncResult(run.run_id).state == "FAILURE":
            return CheckRunHealthResult(WorkerStatus.FAILED, "the worker process died")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,
        include_container_logs: bool | None = True,
    ) -> str | None:
        """Say how far the task came."""
        state = self.celery.AsyncResult(run.run_id).state
        hint = "; is a worker running? erp worker" if state == "PENDING" else ""
        return f"Celery task {run.run_id}: {state}{hint}"

    def _launch_celery_task_run(
        self, run: DagsterRun, task_signature: Any, routing_key: str
    ) -> None:
        task_signature.apply_async(
            task_id=run.run_id, queue=QUEUE, routing_key=f"{QUEUE}.{routing_key}"
        )
        self._instance.report_engine_event(
            "Handed to the Celery workers.",
            run,
            EngineEventData({"Celery queue": dg.MetadataValue.text(QUEUE)}),
            cls=self.__class__,
        )


def application(settings: Settings) -> Celery:
    """Return the Celery application of the workers: the same as the launcher's."""
    return CeleryLauncher.of(settings).celery


def _own_database(settings: Settings) -> str:
    url = server.database_url(settings.home, settings.database_url)
    return server.ensure_database(url, DATABASE, driver="psycopg2")
