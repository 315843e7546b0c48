"""The embedded server: started once, whoever asks, and again after a kill."""

import multiprocessing
import os
import signal
import time

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from erp_assets.errors import ErpError
from erp_assets.warehouse import server
from erp_assets.warehouse.engine import Warehouse


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "home"
    server.stop(tmp_path / "home")


def connect(home):
    return psycopg.connect(server.url(home).replace("+psycopg", ""), autocommit=True)


def test_a_first_start_creates_the_database_and_a_second_finds_it(home):
    assert not server.is_running(home)
    first = server.database_url(home)
    with connect(home) as db:
        db.execute("CREATE TABLE kept (n int)")
    assert server.database_url(home) == first
    assert server.is_running(home)
    assert server.stop(home)
    assert not server.stop(home)
    server.start(home)
    with connect(home) as db:
        assert db.execute("SELECT count(*) FROM kept").fetchone() == (0,)


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_home_that_cannot_be_a_folder_is_one_line(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(ErpError, match=f"^ERP_HOME: {tmp_path / name} cannot be written: [^\n]+$"):
        server.database_url(tmp_path / name)


def test_processes_that_start_at_once_meet_at_one_server(home):
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=server.start, args=(home,)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert server.is_running(home)


def test_a_killed_server_comes_back_with_what_was_committed(home):
    server.start(home)
    with connect(home) as db:
        db.execute("CREATE TABLE kept AS SELECT 1 AS n")
    pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while server.is_running(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    server.start(home)
    with connect(home) as db:
        assert db.execute("SELECT n FROM kept").fetchone() == (1,)


def test_an_engine_revives_the_server_it_finds_killed(home):
    server.start(home)
    engine = create_engine(server.url(home), pool_pre_ping=True)
    server.revive(engine, home)
    pids = []
    for _ in range(3):
        with engine.connect() as db:
            pids.append(db.execute(text("SELECT pg_backend_pid()")).scalar_one())
        engine.dispose()  # the backend of a killed server may answer a moment longer
        os.kill(int((home / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    server.start(home)
    engine.dispose()
    assert len(set(pids)) == 3


def test_a_server_that_refuses_somebody_is_no_dead_server(home):
    server.start(home)
    before = (home / "postgres" / "postmaster.pid").read_text()
    engine = create_engine(server.url(home, "nowhere"))
    server.revive(engine, home)
    with pytest.raises(OperationalError, match="nowhere"):
        engine.connect()
    assert (home / "postgres" / "postmaster.pid").read_text() == before


def test_a_long_path_does_not_stop_the_server(tmp_path):
    home = tmp_path / ("far" * 30) / "home"
    try:
        server.start(home)
        assert server.is_running(home)
    finally:
        server.stop(home)


def test_an_unreachable_server_is_named_without_its_password():
    warehouse = Warehouse("postgresql+psycopg://erp:tOpSeCrEt@127.0.0.1:9/erp")
    with pytest.raises(ErpError) as failure, warehouse.transaction():
        pass
    assert "127.0.0.1:9" in str(failure.value)
    assert "tOpSeCrEt" not in str(failure.value) + repr(warehouse)


def test_a_url_that_is_none_is_refused_in_one_line():
    with pytest.raises(ErpError, match="cannot be read"):
        server.database_url(None, "not a url")


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_urls_name_their_driver(home, driver):
    server.start(home)
    url = server.ensure_database(server.url(home), "other", driver=driver)
    assert url.startswith(f"postgresql+{driver}://")
    assert url.endswith("/other")
