"""The simulator as a process of its own, started when it is needed and nobody else did.

Kept apart from the simulator package, so that whoever needs a running simulator does not load it.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from erp_assets.errors import ErpError

START_S = 30.0


def is_running(url: str) -> bool:
    """Does a simulator answer under `url`?"""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=2)
    try:
        connection.request("GET", "/_simulator")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def ensure(home: Path, url: str) -> bool:
    """Start the simulator under `url` unless one answers there; return whether it was started.

    Raises: ErpError when it does not come up, with the end of its own log.
    """
    if is_running(url):
        return False
    home.mkdir(parents=True, exist_ok=True)
    with (home / "simulator.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_running(url):
            return False
        _start(home, url)
    return True


def _start(home: Path, url: str) -> None:
    log = home / "simulator.log"
    port = str(urlsplit(url).port or 80)
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "erp_assets", "simulate", "--port", port],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (home / "simulator.json").write_text(json.dumps({"pid": child.pid, "url": url}))
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if is_running(url):
            return
        if child.poll() is not None:
            break
        time.sleep(0.1)
    child.kill()
    raise ErpError(f"the simulator did not start on {url}; {log} says: {log.read_text()[-300:]}")


def stop(home: Path) -> bool:
    """End the simulator that `ensure` started; return whether there was one."""
    note = home / "simulator.json"
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError):
        return False
    note.unlink(missing_ok=True)
    if not is_running(known["url"]):
        return False
    with suppress(ProcessLookupError):
        os.kill(known["pid"], signal.SIGTERM)
    return True
