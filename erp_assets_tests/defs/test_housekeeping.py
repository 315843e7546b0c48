"""Housekeeping on an instance on PostgreSQL: what Dagster keeps and loses, and the whole job."""

import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from erp_assets.defs import housekeeping, storage
from erp_assets.defs.resources import Platform
from erp_assets.defs.whole import whole
from erp_assets.settings import Settings
from erp_assets.warehouse import run_history, server
from erp_assets.warehouse.run_history import Unsettled

pytestmark = pytest.mark.filterwarnings(
    "ignore:Parameter `owners` of initializer `SensorDefinition:dagster.BetaWarning"
)
"""Dagster warns of an argument that it passes to itself when it gives a sensor its jobs."""

ROOT = Path(__file__).parents[2]
NOBODY = Unsettled([], [])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project folder with this project's dagster.yaml and an ERP_HOME of its own."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "dagster.yaml", folder)
    with pytest.MonkeyPatch.context() as environment:
        for name in [it for it in os.environ if it.startswith(("ERP_", "DAGSTER_"))]:
            environment.delenv(name)
        environment.chdir(folder)
        yield folder
        server.stop(folder / ".erp")


@pytest.fixture(scope="module")
def instance(project):
    with storage.open_instance() as opened:
        yield opened


@pytest.fixture(scope="module")
def platform(project):
    made = Platform(Settings())
    yield made
    made.warehouse.dispose()


@pytest.fixture
def house(platform, instance):
    """A housekeeping of today, on an instance without runs."""
    for run in instance.get_runs():
        instance.delete_run(run.run_id)
    made = housekeeping.Housekeeping(platform, instance, datetime.now(UTC))
    with made.dagster.transaction() as db:
        db.execute(text("TRUNCATE event_logs, asset_event_tags, asset_keys, job_ticks"))
    yield made
    made.close()


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def shelf() -> dg.MaterializeResult:
    """Something with partitions."""
    return dg.MaterializeResult(tags={"kind": "test"})


@dg.asset
def floor() -> dg.MaterializeResult:
    """Something without."""
    return dg.MaterializeResult()


@dg.op
def nothing() -> int:
    """Return something to be kept in a file."""
    print("nothing to see")  # noqa: T201 - what a step prints is what is cleaned
    return 1


@dg.op
def trouble() -> None:
    raise dg.Failure("on purpose")


@dg.job(executor_def=dg.in_process_executor)
def idle():
    nothing()


@dg.job
def failing():
    trouble()


def ran(house, what=idle, *, days, partition=None, tags=None):
    """Run something that ended so many days ago; return the run's id."""
    if isinstance(what, dg.AssetsDefinition):
        done = dg.materialize([what], instance=house.instance, partition_key=partition, tags=tags)
    else:
        done = what.execute_in_process(instance=house.instance, raise_on_error=False, tags=tags)
    with house.dagster.transaction() as db:
        db.execute(
            text("UPDATE runs SET end_time = :ended WHERE run_id = :run"),
            {"ended": (house.now - timedelta(days=days)).timestamp(), "run": done.run_id},
        )
    return done.run_id


def kept(house):
    return {run.run_id for run in house.instance.get_runs()}


def events(house):
    with house.dagster.transaction() as db:
        return set(db.execute(text("SELECT DISTINCT run_id FROM event_logs")).scalars())


def test_runs_and_their_events_go_when_older_than_the_limit_and_no_sooner(house):
    instant = 0.001
    ran(house, days=30 + instant)
    ran(house, failing, days=99)
    young = {ran(house, days=30 - instant), ran(house, failing, days=0)}
    report = house.runs()
    assert report["removed"] == 2
    assert report["bytes_before"] >= report["bytes_after"] > 0
    assert kept(house) == young
    assert events(house) == young


def test_a_run_that_has_not_ended_stays_however_old(house):
    run = house.instance.create_run_for_job(idle)
    with house.dagster.transaction() as db:
        db.execute(text("UPDATE runs SET update_timestamp = '2020-01-01', status = 'STARTED'"))
    assert house.runs()["removed"] == 0
    assert kept(house) == {run.run_id}


def test_the_newest_materialization_of_each_partition_stays_however_old(house):
    ran(house, shelf, days=90, partition="a")
    ran(house, floor, days=90)
    last_b = ran(house, shelf, days=80, partition="b")
    last_a = ran(house, shelf, days=70, partition="a")
    last_floor = ran(house, floor, days=60)
    assert house.runs()["removed"] == 2
    assert kept(house) == {last_a, last_b, last_floor}
    assert house.instance.get_materialized_partitions(dg.AssetKey("shelf")) == {"a", "b"}
    event = house.instance.get_latest_materialization_event(dg.AssetKey("floor"))
    assert event is not None
    assert event.run_id == last_floor


@pytest.mark.parametrize(
    "is_known", [False, True], ids=["by key, not seen yet", "by id, not settled yet"]
)
def test_a_run_that_the_scheduler_waits_for_stays_however_old(house, is_known):
    ran(house, days=50, tags={"dagster/run_key": "1:other:1"})
    waited = ran(house, days=50, tags={"dagster/run_key": "1:slot:1"})
    values = {"run": waited if is_known else None, "key": "unseen" if is_known else "1:slot:1"}
    with house.platform.warehouse.transaction() as db:
        db.execute(text("DELETE FROM job_executions"))
        db.execute(
            text("""
                WITH made AS (
                    INSERT INTO job_executions (job_id, scheduled_for, status)
                    VALUES (1, now(), 'running') RETURNING id
                )
                INSERT INTO execution_runs (execution_id, run_key, work, dagster_run_id)
                SELECT id, :key, '{}', :run FROM made
            """),
            values,
        )
    assert house.runs()["removed"] == 1
    assert kept(house) == {waited}
    with house.platform.warehouse.transaction() as db:
        db.execute(text("UPDATE job_executions SET status = 'completed'"))
    assert house.runs()["removed"] == 1
    assert kept(house) == set()


def test_old_runs_are_found_page_by_page_while_they_are_deleted(house):
    made = [ran(house, days=40) for _ in range(5)]
    found = []
    for run_id in run_history.old_runs(house.dagster, house.now, NOBODY, most=2):
        house.instance.delete_run(run_id)
        found.append(run_id)
    assert found == made


def add_tick(house, *days, selector):
    with house.dagster.transaction() as db:
        for each in days:
            db.execute(
                text("""
                    INSERT INTO job_ticks (job_origin_id, selector_id, status, type, timestamp)
                    VALUES (:selector, :selector, 'SKIPPED', 'SENSOR', CAST(:at AS timestamptz))
                """),
                {"selector": selector, "at": house.now - timedelta(days=each)},
            )


def test_ticks_go_but_the_last_of_each_sensor_or_schedule(house):
    add_tick(house, 30, 8, 7.001, 6.999, 0, selector="dispatcher")
    add_tick(house, 60, 30, selector="monthly")
    report = house.ticks()
    assert report["removed"] == 4
    with house.dagster.transaction() as db:
        found = db.execute(text("SELECT selector_id, count(*) FROM job_ticks GROUP BY 1")).all()
    assert sorted(map(tuple, found)) == [("dispatcher", 2), ("monthly", 1)]


def test_files_of_steps_go_when_nothing_changed_in_them_since_the_limit(house):
    job = dg.reconstructable(idle)
    with dg.execute_job(job, house.instance) as one, dg.execute_job(job, house.instance) as other:
        old, young = one.run_id, other.run_id
    home = house.platform.settings.home
    folders = [storage.compute_log_folder(home), storage.artifacts_folder(home) / "storage"]
    past = time.time() - 90 * 86_400
    for folder in folders:
        for path in (folder / old, *(folder / old).rglob("*")):
            os.utime(path, (past, past))
    assert all(housekeeping.file_bytes(folder / old) > 0 for folder in folders)
    report = house.step_files()
    assert report["removed"] == 2
    assert report["bytes_before"] > report["bytes_after"]
    assert [(folder / old).exists() for folder in folders] == [False, False]
    assert all((folder / young).is_dir() for folder in folders)


def test_files_of_a_run_at_work_stay_however_quiet_it_is(house, tmp_path):
    past = time.time() - 90 * 86_400
    for name in ("working", "over"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.out").write_text("x")
        os.utime(tmp_path / name / "a.out", (past, past))
        os.utime(tmp_path / name, (past, past))
    (tmp_path / "over" / "fresh.err").touch()
    os.utime(tmp_path / "over", (past, past))
    limit = house.now - timedelta(days=30)
    assert housekeeping.prune_folders(tmp_path, limit, keep={"working"}).removed == 0
    (tmp_path / "over" / "fresh.err").unlink()
    os.utime(tmp_path / "over", (past, past))
    assert housekeeping.prune_folders(tmp_path, limit, keep={"working"}) == (1, 2, 1)
    assert [it.name for it in tmp_path.iterdir()] == ["working"]
    assert housekeeping.prune_folders(tmp_path / "none", limit, keep=set()) == (0, 0, 0)


def test_log_files_go_by_the_day_in_their_name(house):
    logs = house.platform.logs
    for days in (0, 30, 31, 400):
        logs.write("order_collection", house.now - timedelta(days=days), "x" * 50)
        logs.write("scheduler", house.now - timedelta(days=days), "x" * 50)
    report = house.log_files()
    assert report["removed"] == 4
    assert report["bytes_before"] == 2 * report["bytes_after"] > 0
    for days, stays in ((0, True), (30, True), (31, False), (400, False)):
        assert logs.path("scheduler", house.now - timedelta(days=days)).exists() is stays


def test_the_whole_job_runs_and_tells_what_it_did(house):
    gone = ran(house, days=99)
    defs = whole(house.platform)
    job = defs.resolve_job_def("housekeeping")
    done = job.execute_in_process(instance=house.instance)
    assert done.success
    told = done.output_for_node("keep_house")
    assert list(told) == list(house.steps)
    sized = (
        "runs",
        "step_files",
        "ticks",
        "raw_documents",
        "executions",
        "missed_slots",
        "log_files",
    )
    for name in sized:
        assert set(told[name]) == {"removed", "bytes_before", "bytes_after"}, name
    assert told["runs"]["removed"] == 1
    assert set(told["vacuum"]) == {"erp", "dagster"}
    [output] = [it for it in done.all_events if it.event_type_value == "STEP_OUTPUT"]
    metadata = output.step_output_data.metadata
    assert {name: it.value for name, it in metadata.items()} == told
    assert kept(house) == {done.run_id}
    assert gone not in events(house)


def test_a_step_that_fails_stops_no_other_and_fails_the_run(house):
    with house.platform.warehouse.transaction() as db:
        db.execute(text("ALTER TABLE missed_slots RENAME TO hidden"))
    try:
        job = whole(house.platform).resolve_job_def("housekeeping")
        gone = ran(house, days=99)
        done = job.execute_in_process(instance=house.instance, raise_on_error=False)
    finally:
        with house.platform.warehouse.transaction() as db:
            db.execute(text("ALTER TABLE hidden RENAME TO missed_slots"))
    assert not done.success
    [failure] = [it for it in done.all_events if it.event_type_value == "STEP_FAILURE"]
    user = failure.step_failure_data.user_failure_data
    assert user.description.startswith('missed_slots: ProgrammingError: relation "missed_slots"')
    assert {"runs", "executions", "vacuum"} <= set(user.metadata)
    assert gone not in kept(house)


def test_an_instance_elsewhere_is_named_and_the_rest_is_done(house):
    job = whole(house.platform).resolve_job_def("housekeeping")
    with dg.DagsterInstance.ephemeral() as elsewhere:
        done = job.execute_in_process(instance=elsewhere, raise_on_error=False)
    [failure] = [it for it in done.all_events if it.event_type_value == "STEP_FAILURE"]
    user = failure.step_failure_data.user_failure_data
    assert "does not keep its runs in PostgreSQL" in user.description
    assert "raw_documents" in user.metadata
