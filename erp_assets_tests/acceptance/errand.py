"""A package with a job type of its own, as a seller might install one, and where it runs."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from erp_assets.scheduling.job_types import Call, JobType, Outcome, Parameters

LOADED_BY = os.getpid()


class Errand(Parameters):
    """What the errand does besides nothing.

    until: a file; the errand waits, the first time it is run, until somebody makes it. ledger: a
    file in which it notes its begin and end, and whoever else is at it. seconds: how long it takes.
    """

    until: str | None = None
    ledger: str | None = None
    seconds: float = 0.0


def run(call: Call) -> Outcome:
    """Say which process runs this, and which process loaded the code."""
    if call.parameters.until is not None:
        wait(Path(call.parameters.until))
    if call.parameters.ledger is not None:
        with alone(Path(call.parameters.ledger)):
            time.sleep(call.parameters.seconds)
    return Outcome(records=1, summary={"pid": os.getpid(), "loaded_by": LOADED_BY})


def wait(until: Path) -> None:
    """Leave a note that names this process, and wait; a second errand finds it and goes on."""
    note = until.with_suffix(".pid")
    if note.exists():
        return
    note.write_text(str(os.getpid()))
    while not until.exists():
        time.sleep(0.05)


@contextmanager
def alone(ledger: Path) -> Iterator[None]:
    """Note begin and end of the work, and `overlap` when another process does the same work now."""
    with ledger.open("a") as lines:
        try:
            fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lines.write("overlap\n")
        print(f"begin {os.getpid()}", file=lines, flush=True)
        yield
        print(f"end {os.getpid()}", file=lines, flush=True)


errand = JobType("errand", Errand, per_account=False, run=run)


def install(site: Path) -> None:
    """Make a folder for PYTHONPATH in which the job type counts as installed."""
    info = site / "erp_errand-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: erp-errand\nVersion: 1\n")
    points = f"[erp_assets.job_types]\nerrand = {__name__}:errand\n"
    (info / "entry_points.txt").write_text(points)
