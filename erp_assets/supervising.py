"""Several processes as one command: Ctrl-C ends all of them, and a helper that dies comes back."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

PAUSE_S = 1.0
PATIENCE_S = 30.0
Command = Sequence[str]


def run(main: Command, *, beside: Sequence[Command], say: Callable[[str], None]) -> int:
    """Run `main` in the foreground with helpers beside it; return its exit code.

    SIGINT and SIGTERM end `main` first, then the helpers, which may finish what they do.
    """
    over = threading.Event()
    helpers = [threading.Thread(target=_keep, args=(it, over, say)) for it in beside]
    process = subprocess.Popen(main, start_new_session=True)
    for helper in helpers:
        helper.start()
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
