"""`erp bench`: every figure of the benchmark as one JSON object."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from erp_assets.bench import dispatch, load, planning, selling_day, whole
from erp_assets.bench.surroundings import machine

PARTS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "load": load.measure,
    "http_against_dlt": whole.against_dlt,
    "under_limits": whole.under_limits,
    "memory": whole.memory,
    "definitions": whole.definitions,
    "dispatch": dispatch.dispatch,
    "celery": dispatch.celery,
    "stock_planning": planning.stock,
    "selling_day": selling_day.selling_day,
}


def run(parts: Sequence[str], *, say: Callable[[str], None]) -> str:
    """Measure `parts` (all when none is named) and return the figures as JSON."""
    found: dict[str, Any] = {"machine": machine()}
    for name in parts or PARTS:
        say(f"measuring {name} ...")
        found[name] = PARTS[name]()
    return json.dumps(found, indent=2)
