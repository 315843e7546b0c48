"""Log files of the scheduler and of each job type, a file a Korean day, old ones removed.

Several processes append to one file: each line is one write to a file opened for appending, which
the kernel does not mix with others'.
"""

import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from erp_assets.clock import KST

SCHEDULER = "scheduler"
DATED = re.compile(r"_(\d{8})\.log$")


class Logs(NamedTuple):
    """The folder of the logs. zone: whose days name the files and whose time stands in lines."""

    folder: Path
    zone: ZoneInfo = KST

    def path(self, name: str, now: datetime) -> Path:
        """Return the file of `scheduler` or of a job type for the day of `now`."""
        day = f"{now.astimezone(self.zone):%Y%m%d}"
        folder = self.folder / SCHEDULER if name == SCHEDULER else self.folder
        return folder / f"{re.sub('[^A-Za-z0-9_-]', '_', name)}_{day}.log"

    def write(self, name: str, now: datetime, line: str) -> None:
        """Append one line; line breaks inside are folded, so that nobody can forge a line."""
        path = self.path(name, now)
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp = f"{now.astimezone(self.zone):%Y-%m-%d %H:%M:%S%z}"
        text = f"{stamp} {' '.join(line.split())}\n"
        target = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(target, text.encode("utf-8", "backslashreplace"))
        finally:
            os.close(target)

    def remove_old(self, now: datetime, *, days: int) -> list[Path]:
        """Remove files of days more than `days` before now; return them."""
        last = f"{now.astimezone(self.zone) - timedelta(days=days):%Y%m%d}"
        old = [
            p for p in self.folder.glob("**/*.log") if (m := DATED.search(p.name)) and m[1] < last
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return old
