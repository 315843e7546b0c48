"""`erp replay`: real transactions through all three protocols, into PostgreSQL, and counted."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import text

from erp_assets import clock, launching
from erp_assets.bench.surroundings import (
    account_settings,
    as_table,
    fresh_home,
    machine,
    settings_of,
)
from erp_assets.defs.storage import open_instance
from erp_assets.simulator import replay
from erp_assets.simulator.replay import Replay, Totals
from erp_assets.simulator.server import Simulator
from erp_assets.warehouse.engine import Warehouse
from erp_assets.warehouse.server import database_url

KINDS = ("products", "orders", "claims")
STORED = """
    SELECT a.key, count(*), count(DISTINCT l.order_no),
           sum(l.quantity * CASE WHEN c.line_no IS NULL THEN 1 ELSE -1 END),
           sum(l.unit_price * l.quantity * CASE WHEN c.line_no IS NULL THEN 1 ELSE -1 END)
    FROM market_order_lines l JOIN accounts a ON a.id = l.account_id
    LEFT JOIN market_claims c ON (c.account_id, c.order_no, c.line_no)
        = (l.account_id, l.order_no, l.line_no)
    GROUP BY a.key
"""


def run(data: Path, *, say: Callable[[str], None], as_json: bool = False) -> int:
    """Replay, collect, count; return 0 when every control total is met to the last won."""
    say(f"reading {data.name} ...")
    demand = replay.load(data)
    started = time.monotonic()
    with Simulator(demand.accounts, now=demand.now) as simulator, fresh_home() as home:
        days = _days(demand)
        environment = {
            **account_settings(simulator),
            "ERP_HISTORY_START": days[0],
        }
        with settings_of(environment, home) as settings:
            open_instance().dispose()
            say(f"collecting {demand.total.lines:,} lines of {days[0]} to {days[1]} ...")
            arguments = [part for kind in KINDS for part in ("--kind", kind)]
            arguments += ["--since", days[0], "--until", days[1]]
            names = [account.key for account in settings.accounts]
            outcome = launching.collect(names, arguments, console=Console(stderr=True))
            stored = _stored(Warehouse(database_url(home)))
    report = _report(demand, stored, outcome, time.monotonic() - started)
    say(json.dumps(report, indent=2) if as_json else _page(report))
    return 0 if report["exact"] else 1


def _days(demand: Replay) -> tuple[str, str]:
    """Return the first and last Korean day with an order."""
    placed = [o.ordered_at for account in demand.accounts for o in account.shop.orders.values()]
    return clock.kst_day(min(placed)).isoformat(), clock.kst_day(max(placed)).isoformat()


def _stored(warehouse: Warehouse) -> dict[str, Totals]:
    with warehouse.transaction() as db:
        found = {key: Totals(*map(int, rest)) for key, *rest in db.execute(text(STORED))}
    warehouse.dispose()
    return found


def _report(
    demand: Replay, stored: dict[str, Totals], outcome: launching.Outcome, seconds: float
) -> dict[str, Any]:
    left_out = {why: asdict(totals) for why, totals in demand.left_out.items()}
    rows: list[dict[str, Any]] = []
    for account in outcome.accounts:
        mine = stored.get(account.account, Totals())
        rows.append(
            {
                "account": account.account,
                **asdict(mine),
                "calls": account.calls,
                "rejected": account.rejected,
                "seconds": round(account.seconds, 1),
                "state": account.state,
                "exact": mine == demand.carried[account.account],
            }
        )
    return {
        "machine": machine(),
        "accounts": rows,
        "left_out": left_out,
        "stored_and_left_out": _sum([*stored.values(), *demand.left_out.values()]),
        "data_set": asdict(demand.total),
        "seconds": round(seconds, 1),
        "errors": [error for account in outcome.accounts for error in account.errors],
        "exact": all(row["exact"] for row in rows)
        and _sum([*stored.values(), *demand.left_out.values()]) == asdict(demand.total),
    }


def _sum(some: Sequence[Totals]) -> dict[str, int]:
    return {name: sum(getattr(it, name) for it in some) for name in asdict(Totals())}


def _page(report: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    left_out = [
        {"left out, because no market carries it": w, **t} for w, t in report["left_out"].items()
    ]
    sums = [
        {"": "stored + left out", **report["stored_and_left_out"]},
        {"": "data set", **report["data_set"]},
    ]
    verdict = "Every control total is met." if report["exact"] else "CONTROL TOTALS DIFFER."
    tables = [as_table(part) for part in (report["accounts"], left_out, sums) if part]
    return "\n\n".join([*tables, *report["errors"], f"{verdict} {report['seconds']} s in all."])
