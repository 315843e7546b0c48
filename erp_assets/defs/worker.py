"""A warm worker: loads the definitions once, forks children, and runs Dagster runs inside them.

Dagster's own way starts an interpreter for each run, which costs more than most runs do. A child
keeps its connections from one run to the next; nothing is connected before the fork.
"""

import gc
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import dagster as dg
from celery import Celery, signals
from dagster._cli.api import _execute_run_command_body
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster._utils.interrupts import capture_interrupts
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from sqlalchemy.exc import DBAPIError

from erp_assets.defs.scaling import QUEUE, application
from erp_assets.defs.storage import open_instance
from erp_assets.scheduling import job_types
from erp_assets.settings import Settings

LOOK_S = 2.0
"""How often a working child looks whether its run was cancelled."""

PATIENCE_S = 60.0
"""A run that does not heed its interrupt for so long takes its child with it."""

CLEAN_S = 3600.0


def serve(settings: Settings, definitions: dg.Definitions, *, children: int, name: str) -> None:
    """Take runs from the broker until told to stop: SIGTERM lets runs end, SIGKILL does not.

    children: runs at the same time. name: of this worker; two of one name confuse only readers.
    """
    app = application(settings)
    _add_task(app)
    signals.worker_process_init.connect(_ignore_sigterm, weak=False)
    signals.worker_ready.connect(_clean_up, weak=False)
    definitions.get_repository_def().get_all_jobs()
    job_types.registry()
    gc.collect()
    gc.freeze()  # what is loaded stays shared between the children
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    size = ["--pool", "prefork", "--concurrency", str(children)]
    app.worker_main(["--quiet", "worker", *quiet, *size, "-Q", QUEUE, "-n", f"{name}@%h"])


def _ignore_sigterm(**_: Any) -> None:
    """Leave it to the parent: a child that dies waiting keeps a lock its parent needs to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _clean_up(sender: Any, **_: Any) -> None:
    """Delete results of yesterday every hour; Redis does so by itself."""
    sender.timer.call_repeatedly(CLEAN_S, sender.app.backend.cleanup)


def _add_task(app: Celery) -> None:
    """Register what the launcher's messages name."""

    @app.task(name=TASK_EXECUTE_JOB_NAME, track_started=True)  # type: ignore[untyped-decorator]
    def execute_job(execute_job_args_packed: Any) -> None:
        args = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs)
        work(_instance(), args.run_id)


@cache
def _instance() -> dg.DagsterInstance:
    """Open Dagster's storage, once per child."""
    return open_instance()


def work(instance: dg.DagsterInstance, run_id: str) -> None:
    """Execute a run here and now; whatever becomes of it is in Dagster's storage."""
    with _interruptible(), _watched(instance, run_id):
        _execute_run_command_body(run_id, instance, lambda _: None, set_exit_code_on_failure=False)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Dagster have SIGINT and SIGTERM during a run, and Celery have them back afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        with capture_interrupts():
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _watched(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Interrupt this process when the run is cancelled, timed out or given up for dead."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            if _is_unwanted(instance, run_id):
                os.kill(os.getpid(), signal.SIGINT)
                if not over.wait(PATIENCE_S):
                    os.kill(os.getpid(), signal.SIGKILL)

    watcher = threading.Thread(target=watch, name="cancellation", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _is_unwanted(instance: dg.DagsterInstance, run_id: str) -> bool:
    try:
        run = instance.get_run_by_id(run_id)
    except DBAPIError:
        return False  # the server restarts; the run itself will notice
    return run is None or run.is_finished or run.status is dg.DagsterRunStatus.CANCELING
