"""Several processes as one command: Ctrl-C ends all of them, and a helper that dies comes back."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PAUSE_S = 1.0
PATIENCE_S = 30.0
Command = Sequence[str]


class CodeServer(NamedTuple):
    """A process that holds Dagster's definitions. port: on 127.0.0.1."""

    command: Command
    port: int

    def answers(self) -> bool:
        """Does it take connections?"""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def code_server(folder: Path, name: str) -> tuple[Path, CodeServer]:
    """Return a workspace file in `folder` that names a code server, and the server.

    `dagster dev` would keep one of its own, and not notice when that dies.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    place = {"host": "127.0.0.1", "port": port, "location_name": name}
    folder.mkdir(parents=True, exist_ok=True)
    workspace = folder / "workspace.yaml"
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": place}]}))  # JSON is YAML
    command = f"-m dagster api grpc -h 127.0.0.1 -p {port} -m erp_assets.definitions"
    return workspace, CodeServer([sys.executable, *command.split(), "--location-name", name], port)


def run(
    main: Command,
    *,
    beside: Sequence[Command],
    say: Callable[[str], None],
    ready: Callable[[], bool] = lambda: True,
) -> int:
    """Run `main` in the foreground with helpers beside it; return its exit code.

    ready: may `main` begin? It does after half a minute whatever is said. SIGINT and SIGTERM end
    `main` first, then the helpers, which may finish what they do.
    """
    # Started in the background by a shell, this process ignores SIGINT, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    over = threading.Event()
    helpers = [threading.Thread(target=_keep, args=(it, over, say)) for it in beside]
    for helper in helpers:
        helper.start()
    deadline = time.monotonic() + PATIENCE_S
    try:
        while not ready() and time.monotonic() < deadline:
            time.sleep(0.1)
    except KeyboardInterrupt:
        over.set()
        for helper in helpers:
            helper.join()
        return 128 + signal.SIGINT
    process = subprocess.Popen(main, start_new_session=True)
    before = {it: signal.signal(it, _stopper(process)) for it in (signal.SIGINT, signal.SIGTERM)}
    try:
        return process.wait()
    finally:
        over.set()
        for helper in helpers:
            helper.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopper(process: "subprocess.Popen[bytes]") -> Callable[[int, object], None]:
    def stop(_number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)

    return stop


def _keep(command: Command, over: threading.Event, say: Callable[[str], None]) -> None:
    while not over.is_set():
        process = subprocess.Popen(command, start_new_session=True)
        while process.poll() is None and not over.wait(PAUSE_S):
            pass
        if process.returncode is not None and not over.wait(PAUSE_S):
            say(f"{' '.join(command[1:])} ended with {process.returncode}; starting it again")
        elif process.returncode is None:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
