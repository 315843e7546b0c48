"""Scale-out for real: a daemon, PostgreSQL as the broker, and a worker process that gets killed."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from erp_assets.scheduling import actions
from erp_assets.warehouse import server
from erp_assets.warehouse.engine import Warehouse
from erp_assets_tests.acceptance import errand
from erp_assets_tests.acceptance.operator import ROOT

CHILDREN = 2


class Platform:
    """An ERP_HOME with its server, its processes, and what an operator does in SQL."""

    def __init__(self, folder):
        self.home, self.logs = folder / "home", folder / "logs"
        self.home.mkdir()
        self.logs.mkdir()
        for it in (folder, self.home):
            it.chmod(0o755)
        errand.install(folder / "site")
        known = {n: v for n, v in os.environ.items() if not n.startswith(("ERP_", "DAGSTER_"))}
        self.environment = known | {
            "ERP_HOME": str(self.home),
            "ERP_RUN_LAUNCHER": "celery",
            "ERP_RETRY_SECONDS": "1",
            "PYTHONPATH": f"{ROOT}:{folder / 'site'}",
            "DAGSTER_HOME": str(ROOT),
        }

    @contextmanager
    def process(self, name, command):
        """Run a command in a process group of its own; kill what is left of it at the end."""
        with (self.logs / f"{name}.log").open("a") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            kill_group(process)

    def daemon(self):
        program = str(Path(sys.executable).with_name("dagster-daemon"))
        return self.process("daemon", [program, "run", "-w", str(ROOT / "workspace.yaml")])

    @contextmanager
    def worker(self):
        command = [sys.executable, "-m", "erp_assets", "worker", "--concurrency", str(CHILDREN)]
        with self.process("worker", command) as process:
            yield process

    def query(self, statement, *values, database="erp"):
        address = server.url(self.home, database).replace("+psycopg", "")
        rows = psycopg.rows.dict_row
        with psycopg.connect(address, autocommit=True, row_factory=rows) as db:
            done = db.execute(statement, values or None)
            return done.fetchall() if done.description else []

    def add(self, **parameters):
        """Insert a job that is due now and then no more; return its number."""
        [row] = self.query(
            "INSERT INTO schedule_jobs (name, job_type, interval, parameters, max_retries, "
            "next_run_at) VALUES ('errand', 'errand', '1d', %s, 1, now()) RETURNING id",
            json.dumps(parameters),
        )
        return row["id"]

    def executions(self, job):
        return self.query("SELECT * FROM job_executions WHERE job_id = %s ORDER BY id", job)

    def wait(self, job, *statuses, seconds=90):
        """Wait until the attempts of a job stand like this."""
        deadline = time.monotonic() + seconds
        while statuses_of(found := self.executions(job)) != list(statuses):
            assert time.monotonic() < deadline, (found, self.printed())
            time.sleep(0.2)
        return found

    def printed(self):
        return {it.name: it.read_text()[-2000:] for it in self.logs.iterdir()}


def statuses_of(executions):
    return [it["status"] for it in executions]


def kill_group(process):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def told(execution):
    return execution["result_summary"]["accounts"][""]["kinds"]["errand"]


def note_of(path):
    """The process that has begun to wait for `path`."""
    note = path.with_suffix(".pid")
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return int(note.read_text())


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    found = Platform(tmp_path_factory.mktemp("celery"))
    server.start(found.home)
    warehouse = Warehouse(server.url(found.home))
    warehouse.migrate()
    found.query("DELETE FROM schedule_jobs")
    with found.daemon():
        yield found
    warehouse.dispose()
    server.stop(found.home)


def test_runs_share_children_that_loaded_the_code_once(platform):
    with platform.worker() as worker:
        jobs = [platform.add() for _ in range(3 * CHILDREN)]
        ran = [told(platform.wait(job, "completed")[0]) for job in jobs]
        children = {it.pid for it in psutil.Process(worker.pid).children()}
    assert {it["pid"] for it in ran} <= children
    assert len(children) == CHILDREN
    assert {it["loaded_by"] for it in ran} == {worker.pid}
    assert platform.query("SELECT * FROM schedule_locks") == []
    assert platform.query("SELECT * FROM kombu_message", database="celery") == []
    states = platform.query("SELECT DISTINCT status FROM celery_taskmeta", database="celery")
    assert states == [{"status": "SUCCESS"}]


@pytest.mark.parametrize("victim", ["worker", "child"])
def test_run_of_a_killed_process_fails_and_is_tried_again(platform, tmp_path, victim):
    until = tmp_path / "never"
    with platform.worker() as worker:
        job = platform.add(until=str(until))
        child = note_of(until)
        platform.wait(job, "running")
        if victim == "child":
            os.kill(child, signal.SIGKILL)
            first, second = platform.wait(job, "failed", "completed")
            assert worker.poll() is None
        else:
            kill_group(worker)
            with platform.worker():
                first, second = platform.wait(job, "failed", "completed")
    assert "died" in first["error_message"]
    assert (second["attempt"], second["retry_of"]) == (2, first["id"])
    assert told(second)["pid"] != child
    assert platform.query("SELECT * FROM schedule_locks") == []


def test_cancelled_run_ends_and_its_child_works_on(platform, tmp_path):
    until = tmp_path / "never"
    with platform.worker():
        job = platform.add(until=str(until))
        child = note_of(until)
        [execution] = platform.wait(job, "running")
        warehouse = Warehouse(server.url(platform.home))
        with warehouse.transaction() as db:
            actions.cancel(db, execution["id"])
        warehouse.dispose()
        platform.wait(job, "cancelled")
        assert psutil.pid_exists(child)
        later = [platform.add() for _ in range(3 * CHILDREN)]
        used = {told(platform.wait(it, "completed")[0])["pid"] for it in later}
    assert child in used


def test_told_to_stop_a_worker_lets_its_run_end(platform, tmp_path):
    until = tmp_path / "soon"
    with platform.worker() as worker:
        job = platform.add(until=str(until))
        note_of(until)
        worker.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert worker.poll() is None
        until.touch()
        [execution] = platform.wait(job, "completed")
        assert worker.wait(30) == 0
    assert execution["attempt"] == 1


def test_idle_worker_ends_when_its_whole_group_is_told_to(platform):
    with platform.worker() as worker:
        platform.wait(platform.add(), "completed")
        os.killpg(worker.pid, signal.SIGTERM)
        assert worker.wait(30) == 0


def test_worker_survives_a_restart_of_the_server(platform):
    with platform.worker() as worker:
        platform.wait(platform.add(), "completed")
        server.stop(platform.home)
        time.sleep(1)
        server.start(platform.home)
        platform.wait(platform.add(), "completed")
        assert worker.poll() is None
