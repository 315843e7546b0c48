"""Several processes as one command."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from erp_assets import supervising

HELPER = """
import os, sys, time
with open(sys.argv[1], "a") as note:
    note.write(f"{os.getpid()}\\n")
time.sleep(600)
"""


def pids(note: Path) -> list[int]:
    return [int(line) for line in note.read_text().split()] if note.exists() else []


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(look, wanted):
    deadline = time.monotonic() + 30
    while len(found := look()) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_helper_that_dies_comes_back_and_interrupt_ends_all(tmp_path):
    note, main_note, said = tmp_path / "helper", tmp_path / "main", []

    def operator():
        [first] = until(lambda: pids(note), 1)
        os.kill(first, signal.SIGKILL)
        until(lambda: pids(note), 2)
        until(lambda: pids(main_note), 1)
        os.kill(os.getpid(), signal.SIGINT)

    hand = threading.Thread(target=operator)
    hand.start()
    main = [sys.executable, "-c", HELPER, str(main_note)]
    code = supervising.run(
        main, beside=[[sys.executable, "-c", HELPER, str(note)]], say=said.append
    )
    hand.join()
    assert code != 0
    assert not any(is_alive(pid) for pid in [*pids(note), *pids(main_note)])
    assert any("starting it again" in line for line in said)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_end_of_the_main_process_ends_its_helpers(tmp_path):
    note = tmp_path / "helper"
    main = (
        f"import os, time\nwhile not os.path.exists({str(note)!r}): time.sleep(0.05)\nos._exit(7)"
    )
    helper = [sys.executable, "-c", HELPER, str(note)]
    code = supervising.run([sys.executable, "-c", main], beside=[helper], say=lambda _: None)
    assert code == 7
    assert not any(is_alive(pid) for pid in pids(note))
