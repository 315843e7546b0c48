"""`erp dev` as an operator starts it, and what comes back when something in it dies."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import psutil
import psycopg
import pytest

from erp_assets.warehouse import server
from erp_assets_tests.acceptance.deployment import free_port, until
from erp_assets_tests.acceptance.operator import ROOT, open_shop


@pytest.fixture
def dev(tmp_path_factory):
    with open_shop(tmp_path_factory.mktemp("home")) as shop:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "erp_assets", "dev", "--port", str(port)],
            cwd=ROOT,
            env=shop.settings() | {"DAGSTER_HOME": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield shop, process, port
        finally:
            if process.poll() is None:
                family = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(60)
                for left in psutil.wait_procs(family, 30)[1]:
                    left.kill()


def beat(shop):
    with suppress(psycopg.Error, OSError):
        found = shop.query("SELECT beat_at FROM scheduler_heartbeat")
        return found[0][0] if found else None


def code_server(process):
    """The process that holds the definitions."""
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):
            words = child.cmdline()
            if "grpc" in words and "api" in words:
                return child.pid
    return None


def test_a_killed_code_server_comes_back_and_term_ends_everything(dev):
    shop, process, port = dev
    until(lambda: beat(shop), bool)
    first = until(lambda: code_server(process), bool)
    os.kill(first, signal.SIGKILL)
    until(lambda: code_server(process), lambda pid: pid not in (None, first))
    before = beat(shop)
    until(lambda: beat(shop), lambda now: now is not None and now > before)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) == 0
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    ours = [it for it in family if it.is_running() and "postgres" not in it.name()]
    assert psutil.wait_procs(ours, 20)[1] == []
    assert server.is_running(shop.home)
