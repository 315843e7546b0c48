"""Where Dagster keeps runs, events and logs: named in dagster.yaml, found without configuration.

Any process that opens the instance (web server, daemon, run worker, `erp`) finds or starts the
PostgreSQL of the project by itself, so plain `dagster dev` works. All classes take `config: {}`;
where things lie follows from Settings.
"""

from pathlib import Path
from typing import Any

import dagster as dg
from dagster._config.config_schema import UserConfigSchema
from dagster._core.instance import InstanceRef
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres.storage import DagsterPostgresStorage

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


class ProjectStorage(DagsterPostgresStorage):
    """Runs, events and schedules in the database `dagster`, beside the warehouse's `erp`."""

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
        url = server.database_url(settings.home, settings.database_url)
        return cls(server.ensure_database(url, DATABASE, driver="psycopg2"), inst_data=inst_data)


class ProjectLogs(LocalComputeLogManager):
    """Output of steps as files below ERP_HOME."""

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


def open_instance() -> dg.DagsterInstance:
    """Return the instance that the project's dagster.yaml describes, whatever DAGSTER_HOME says.

    Raises: SettingsError when the current folder belongs to no project.
    """
    folder = project_folder()
    if not (folder / "dagster.yaml").is_file():
        raise SettingsError(f"{folder}: no dagster.yaml here; change to the project folder")
    root = str(artifacts_folder(Settings().home))
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(root, config_dir=str(folder)))
