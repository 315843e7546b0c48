"""A daemon and a code server as processes of their own, each to be killed alone, as by systemd."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import yaml

from erp_assets.warehouse import server
from erp_assets_tests.acceptance import errand
from erp_assets_tests.acceptance.operator import ROOT

ENDED = ("completed", "partial", "failed", "cancelled", "timed_out")


class Deployment:
    """One ERP_HOME with PostgreSQL, code server and daemon; what an operator types in psql.

    environment: of all processes, ERP_HOME among it. module: the code location. monitoring: what
    run_monitoring in dagster.yaml says instead.
    """

    def __init__(self, folder, environment, *, module="erp_assets.definitions", monitoring=None):
        self.home = Path(environment["ERP_HOME"])
        self.folder = folder
        errand.install(folder / "site")
        self.environment = environment | {
            "DAGSTER_HOME": str(self._instance(monitoring or {})),
            "PYTHONPATH": f"{ROOT}:{folder / 'site'}",
            "PYTHONUNBUFFERED": "1",
        }
        self._module = module
        self._port = free_port()
        self._groups = []
        self.code_server = self.daemon = None

    def _instance(self, monitoring):
        wanted = yaml.safe_load((ROOT / "dagster.yaml").read_text())
        wanted["run_monitoring"] |= monitoring
        folder = self.folder / "instance"
        folder.mkdir()
        (folder / "dagster.yaml").write_text(yaml.safe_dump(wanted))
        return folder

    # ── processes ──────────────────────────────────────────────────────────────────────────────
    def start_code_server(self):
        self.code_server = self._start(
            "code-server",
            f"{sys.executable} -m dagster api grpc -h 127.0.0.1 -p {self._port} "
            f"-m {self._module} --location-name erp_assets".split(),
        )

    def start_daemon(self):
        workspace = self.folder / "workspace.yaml"
        place = {"host": "127.0.0.1", "port": self._port, "location_name": "erp_assets"}
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": place}]}))
        program = str(Path(sys.executable).with_name("dagster-daemon"))
        self.daemon = self._start("daemon", [program, "run", "-w", str(workspace)])

    def start(self):
        """Start all, and wait for the scheduler's first tick."""
        server.start(self.home)
        self.start_code_server()
        until(lambda: self.answers() or self.code_server.poll() is not None, bool)
        self.start_daemon()
        until(self.beats, bool, told=self.printed)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _start(self, name, command):
        with (self.folder / f"{name}.log").open("a") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._groups.append(process.pid)
        return process

    def workers(self):
        """The processes that work on runs; those of a killed code server among them."""
        return [it for it in self._ours() if is_worker(it)]

    def postmaster(self):
        return int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])

    def _ours(self):
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                if os.getpgid(process.pid) in self._groups and process.status() != "zombie":
                    found.append(process)
        return found

    def stop(self):
        """End every process that was started here."""
        for process in (self.daemon, self.code_server):
            if process is not None and process.poll() is None:
                process.terminate()
        for process in (self.daemon, self.code_server):
            if process is not None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(15)
        for process in self._ours():
            with suppress(psutil.Error):
                process.kill()
        server.stop(self.home)

    # ── what it looks like from outside ────────────────────────────────────────────────────────
    def psql(self, statement):
        """Type a statement into psql; return what it printed, without decoration."""
        address = server.url(self.home).replace("+psycopg", "")
        done = subprocess.run(
            [server.program("psql"), address, "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"],
            input=statement,
            env={**os.environ, "PGCLIENTENCODING": "UTF8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def query(self, statement, *values, database="erp"):
        address = server.url(self.home, database).replace("+psycopg", "")
        rows = psycopg.rows.dict_row
        with psycopg.connect(address, autocommit=True, row_factory=rows) as db:
            done = db.execute(statement, values or None)
            return done.fetchall() if done.description else []

    def one(self, statement, *values, database="erp"):
        [row] = self.query(statement, *values, database=database)
        return row

    def job(self, number):
        return self.one("SELECT * FROM schedule_jobs WHERE id = %s", number)

    def add(self, job_type, **columns):
        """Insert a job that is due now, and not again while the test lasts; return its number."""
        due = {"interval": "1d"} if "cron_expression" not in columns else {}
        columns = {"name": job_type, "job_type": job_type} | due | columns
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        values = [
            psycopg.types.json.Jsonb(value) if isinstance(value, dict) else value
            for value in columns.values()
        ]
        statement = (
            f"INSERT INTO schedule_jobs ({names}, next_run_at) VALUES ({marks}, now()) RETURNING id"
        )
        return self.one(statement, *values)["id"]

    def executions(self, job):
        return self.query("SELECT * FROM job_executions WHERE job_id = %s ORDER BY id", job)

    def wait(self, job, *statuses, seconds=120):
        """Wait until the attempts of a job stand like this; return them."""
        return until(
            lambda: self.executions(job),
            lambda found: [it["status"] for it in found] == list(statuses),
            seconds,
            told=self.printed,
        )

    def beats(self):
        """When the scheduler last ticked, None before its first tick or while nobody can ask."""
        with suppress(psycopg.Error):
            found = self.query("SELECT beat_at FROM scheduler_heartbeat")
            return found[0]["beat_at"] if found else None

    def let_tick(self, times=2):
        """Wait until the scheduler has ticked so often, from beginning to end."""
        for _ in range(times):
            before = self.beats()
            until(self.beats, lambda now, before=before: now != before, told=self.printed)

    def runs(self):
        """Dagster's runs that the schedule asked for."""
        return self.query(
            "SELECT r.run_id, r.status, r.start_time, r.end_time, k.value AS run_key, "
            "a.value AS account, t.value AS job_type FROM runs r "
            "JOIN run_tags k ON k.run_id = r.run_id AND k.key = 'dagster/run_key' "
            "JOIN run_tags t ON t.run_id = r.run_id AND t.key = 'erp/job_type' "
            "LEFT JOIN run_tags a ON a.run_id = r.run_id AND a.key = 'erp/account'",
            database="dagster",
        )

    def printed(self):
        return {path.name: path.read_text()[-3000:] for path in self.folder.glob("*.log")}


def is_worker(process):
    """Is this the process of one run, which Dagster's code server spawns?"""
    with suppress(psutil.Error):
        return any("spawn_main" in word for word in process.cmdline())
    return False


@contextmanager
def deployed(folder, environment, **options):
    found = Deployment(folder, environment, **options)
    try:
        found.start()
        yield found
    finally:
        found.stop()


def kill(process_id):
    with suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)


def until(look, is_over, seconds=120, *, told=lambda: ""):
    """Look again and again; return what satisfied."""
    deadline = time.monotonic() + seconds
    while not is_over(found := look()):
        assert time.monotonic() < deadline, (found, told())
        time.sleep(0.2)
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
