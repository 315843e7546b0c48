"""A database, a simulator and settings of their own for one measurement, and what machine it is."""

import json
import os
import platform
import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from erp_assets.settings import Settings
from erp_assets.simulator.building import CREDENTIALS
from erp_assets.simulator.server import Simulator
from erp_assets.warehouse import server

Environment = Mapping[str, str]


def machine() -> dict[str, Any]:
    """Name what the figures were measured on."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next(
            (it.split(":", 1)[1].strip() for it in lines if it.startswith("model name")), ""
        )
    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def peak_mb() -> float:
    """Return the most memory this process has held, MB.

    Linux passes ru_maxrss on to the child of a larger parent, so its own account is read instead.
    """
    account = Path("/proc/self/status")
    if account.exists():
        told = next(it for it in account.read_text().splitlines() if it.startswith("VmHWM"))
        return int(told.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def account_settings(simulator: Simulator, *, rate: float = 0.0) -> Environment:
    """Return the environment that makes the simulator's accounts real ones.

    rate: calls/s of each account; 0 = no limit.
    """
    environment: dict[str, str] = {}
    accounts = []
    for number, (market, credentials) in enumerate(CREDENTIALS.items(), start=1):
        refers = {}
        for name, value in credentials.items():
            variable = f"SIMULATED_{market}_{name}".upper()
            environment[variable] = value
            is_name = name in ("vendor_id", "client_id")
            refers[name] = value if is_name else {"env": variable}
        accounts.append(
            {
                "id": number,
                "market": market,
                "base_url": simulator.url,
                "credentials": refers,
                "rate": rate,
            }
        )
    return environment | {"ERP_ACCOUNTS": json.dumps(accounts)}


@contextmanager
def settings_of(environment: Environment, home: Path) -> Iterator[Settings]:
    """Set the environment, for child processes too, and yield the settings it makes."""
    told = {**environment, "ERP_HOME": str(home), "ERP_LANGUAGE": "en"}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield Settings()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def fresh_home() -> Iterator[Path]:
    """Yield an empty ERP_HOME; its server is stopped and everything deleted afterwards."""
    with TemporaryDirectory(prefix="erp-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)  # as root the server runs as another user
        try:
            yield home
        finally:
            server.stop(home)


def as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as Markdown, numbers with separators of thousands."""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    for row in rows:
        cells = (f"{row[n]:,}" if isinstance(row[n], int | float) else str(row[n]) for n in names)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
