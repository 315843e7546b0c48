import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.instance import InstanceRef
from sqlalchemy import create_engine, text

from erp_assets.defs import storage
from erp_assets.errors import SettingsError
from erp_assets.settings import Settings
from erp_assets.warehouse import server

ROOT = Path(__file__).parents[1]


@dg.asset
def told() -> dg.MaterializeResult:
    """Say something on stdout and report a row."""
    print("something to keep")  # noqa: T201 - what a step prints is what is tested
    return dg.MaterializeResult(metadata={"rows": 1, "processes": len(children() - BEFORE)})


BEFORE: set[int] = set()
"""Processes that other tests left to this one."""


def children() -> set[int]:
    return {it.pid for it in psutil.Process().children()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project folder with this project's dagster.yaml and an ERP_HOME of its own."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "dagster.yaml", folder)
    with pytest.MonkeyPatch.context() as environment:
        for name in ("ERP_DATABASE_URL", "ERP_HOME", "ERP_CONFIG", "DAGSTER_HOME"):
            environment.delenv(name, raising=False)
        environment.chdir(folder)
        yield folder
        server.stop(folder / ".erp")


@pytest.fixture(scope="module")
def run_id(project: Path) -> str:
    """One run, stored by one opened instance and looked at by others."""
    BEFORE.update(children())
    with storage.open_instance() as instance:
        return dg.materialize([told], instance=instance).run_id


def rows(project: Path, query: str) -> list[tuple[object, ...]]:
    settings = Settings()
    url = server.database_url(settings.home, settings.database_url)
    url = server.ensure_database(url, storage.DATABASE, driver="psycopg")
    engine = create_engine(url)
    with engine.connect() as db:
        found = [tuple(row) for row in db.execute(text(query))]
    engine.dispose()
    return found


def test_run_and_events_are_in_postgresql(project: Path, run_id: str):
    assert (run_id, "SUCCESS") in rows(project, "SELECT run_id, status FROM runs")
    kinds = {kind for (kind,) in rows(project, "SELECT dagster_event_type FROM event_logs")}
    assert {"ASSET_MATERIALIZATION", "STEP_SUCCESS", "PIPELINE_SUCCESS"} <= kinds


def test_another_process_sees_the_run(project: Path, run_id: str):
    with storage.open_instance() as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert run.status is dg.DagsterRunStatus.SUCCESS
        event = instance.get_latest_materialization_event(dg.AssetKey("told"))
        assert event is not None
        assert event.run_id == run_id


def test_dagster_dev_without_home_opens_the_same_storage(project: Path, run_id: str):
    """`dagster dev` makes a throw-away root and reads dagster.yaml of the current folder."""
    ref = InstanceRef.from_dir(str(project / "thrown-away"), config_dir=str(project))
    with dg.DagsterInstance.from_ref(ref) as instance:
        assert instance.get_run_by_id(run_id) is not None


def test_output_of_steps_is_kept_below_home(project: Path, run_id: str):
    kept = (project / ".erp" / "logs" / "steps" / run_id).rglob("*.out")
    assert [line for f in kept for line in f.read_text().splitlines()] == ["something to keep"]


def test_keeping_the_output_of_a_step_starts_no_process(project: Path, run_id: str):
    with storage.open_instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("told"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["processes"].value == 0


def test_instance_outlives_the_connections_it_keeps(project: Path, run_id: str):
    """As when the server restarts between two runs of one worker."""
    with storage.open_instance() as instance:
        assert instance.get_run_by_id(run_id) is not None
        assert instance.all_logs(run_id)
        kept = "datname = current_database() AND pid <> pg_backend_pid()"
        ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {kept}"
        assert rows(project, ended)
        assert dg.materialize([told], instance=instance).success


def test_nothing_is_written_beside_home(project: Path, run_id: str):
    assert {f.name for f in project.iterdir()} <= {"dagster.yaml", ".erp"}


def test_instance_tells_nobody_and_limits_runs(project: Path):
    with storage.open_instance() as instance:
        assert not instance.telemetry_enabled
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 4


def test_folder_without_dagster_yaml_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"no dagster\.yaml"):
        storage.open_instance()
