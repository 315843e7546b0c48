"""Where Dagster keeps runs, events and logs: named in dagster.yaml, found without configuration.

Any process that opens the instance (web server, daemon, run worker, `erp`) finds or starts the
PostgreSQL of the project by itself, so plain `dagster dev` works. All classes take `config: {}`;
where things lie follows from Settings.
"""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._config.config_schema import UserConfigSchema
from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.instance import InstanceRef
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import (
    IO_TYPE_EXTENSION,
    LocalComputeLogManager,
)
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData
from dagster._utils import ensure_file, touch_file
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.storage import DagsterPostgresStorage
from sqlalchemy import create_engine

from erp_assets.errors import SettingsError
from erp_assets.settings import Settings, project_folder
from erp_assets.warehouse import server

DATABASE = "dagster"


def compute_log_folder(home: Path) -> Path:
    """Return where what steps print is kept, a folder per run."""
    return home / "logs" / "steps"


def artifacts_folder(home: Path) -> Path:
    """Return where Dagster's other files are; what ops return lies in `storage`, by run."""
    return home / "dagster"


class ProjectRuns(PostgresRunStorage):
    """Runs. Dagster looks columns up before each write; here they are those of its own version."""

    def has_run_stats_index_cols(self) -> bool:
        """Made with the table."""
        return True

    def has_backfill_id_column(self) -> bool:
        """Made with the table."""
        return True

    def dispose(self) -> None:
        """Close the connections, which the other parts share."""
        self._engine.dispose()


class ProjectStorage(DagsterPostgresStorage):
    """Runs, events and schedules in the database `dagster`, beside the warehouse's `erp`.

    Dagster opens a connection for each statement, thirty for the smallest run; here the three parts
    share a pool, which asks a connection whether it lives before it is used.
    """

    def __init__(
        self, url: str, inst_data: ConfigurableClassData | None = None, home: Path | None = None
    ) -> None:
        """`home`: of the server, when it is ours and to be started again should it die."""
        super().__init__(url, inst_data=inst_data)
        self._run_storage = ProjectRuns(url, should_autocreate_tables=False)
        pool = create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_pre_ping=True,
            pool_size=2,
            max_overflow=-1,
            hide_parameters=True,
        )
        if home is not None:
            server.revive(pool, home)
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            part._engine = pool  # noqa: SLF001 - its constructor takes no engine

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "ProjectStorage":
        """Start the server when it is ours and asleep, create the database when it is not there."""
        settings = Settings()
        target = _ready(settings.home, settings.database_url)
        return cls(target, inst_data, None if settings.database_url else settings.home)


@cache
def _ready(home: Path, database_url: str | None) -> str:
    """Return the URL of Dagster's database once the server runs and it is there.

    Once per process: the code server opens the instance for every tick.
    """
    url = server.database_url(home, database_url)
    return server.ensure_database(url, DATABASE, driver="psycopg2")


class ProjectLogs(LocalComputeLogManager):
    """Output of steps as files below ERP_HOME, and not on the terminal as well.

    To show it there too, Dagster starts four processes for each run, two of them interpreters.
    """

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext, None, None]:
        """Send stdout and stderr to their files until the end of the step."""
        out, err = (
            self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind])
            for kind in (ComputeIOType.STDOUT, ComputeIOType.STDERR)
        )
        ensure_file(out)
        ensure_file(err)
        with redirect_to_file(sys.stdout, out), redirect_to_file(sys.stderr, err):
            yield CapturedLogContext(log_key)
        touch_file(self.complete_artifact_path(log_key))  # type: ignore[no-untyped-call]

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "ProjectLogs":
        """Place the files."""
        return cls(str(compute_log_folder(Settings().home)), inst_data=inst_data)


class ProjectFiles(LocalArtifactStorage):
    """Whatever else Dagster wants to keep in files, below ERP_HOME."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "ProjectFiles":
        """Place the files."""
        return cls(str(artifacts_folder(Settings().home)), inst_data=inst_data)


class ProjectQueue(QueuedRunCoordinator[Any]):
    """Where runs wait: as many at once as the settings allow, in all, per account and per type."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "ProjectQueue":
        """Turn the settings' limits into Dagster's; one second between looks is its floor."""
        settings = Settings()
        limits: list[dict[str, Any]] = [
            {
                "key": "erp/account",
                "value": {"applyLimitPerUniqueValue": True},
                "limit": settings.account_runs,
            }
        ]
        limits += [
            {"key": "erp/job_type", "value": name, "limit": most}
            for name, most in settings.job_type_runs.items()
        ]
        return cls(
            max_concurrent_runs=settings.max_runs,
            tag_concurrency_limits=limits,
            dequeue_interval_seconds=1,
            dequeue_use_threads=True,
            inst_data=inst_data,
        )


class ProjectLauncher(DefaultRunLauncher):
    """Where runs work: each in a process of its own, or in a warm Celery worker when asked for."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Any:
        """Return the launcher the settings ask for; Celery is loaded only then.

        Raises: SettingsError when Celery is asked for and not installed.
        """
        settings = Settings()
        if settings.run_launcher == "default":
            return DefaultRunLauncher(inst_data=inst_data)
        if find_spec("dagster_celery") is None:
            raise SettingsError(
                "run_launcher: celery is not installed; pip install 'erp-assets[celery]', "
                'or set it to "default"'
            )
        return import_module("erp_assets.defs.scaling").CeleryLauncher.of(settings, inst_data)


def open_instance() -> dg.DagsterInstance:
    """Return the instance that the project's dagster.yaml describes, whatever DAGSTER_HOME says.

    Raises: SettingsError when the current folder belongs to no project.
    """
    folder = project_folder()
    if not (folder / "dagster.yaml").is_file():
        raise SettingsError(f"{folder}: no dagster.yaml here; change to the project folder")
    root = str(artifacts_folder(Settings().home))
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(root, config_dir=str(folder)))
