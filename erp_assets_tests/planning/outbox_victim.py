"""A process that forks others which plan and drain until they are killed.

One line of JSON per life on standard input; on standard output the child's pid, then how it ended.
Forking spares each life the start of an interpreter.
"""

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import contextmanager
from itertools import count

from erp_assets import clock
from erp_assets.planning.outbox import Kind, Push, drain, plan
from erp_assets.warehouse.engine import Warehouse
from erp_assets_tests.planning.selling import NUMBERS, client


class Fate:
    """Kills this very process, and no handler runs, when the step with that number is reached."""

    def __init__(self, die_at):
        self._die_at = die_at
        self._steps = count(1)

    def step(self):
        if next(self._steps) == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalWarehouse(Warehouse):
    """Steps before and after each commit."""

    def __init__(self, url, fate):
        super().__init__(url)
        self._fate = fate

    @contextmanager
    def transaction(self):
        with super().transaction() as db:
            yield db
            self._fate.step()
        self._fate.step()


class MortalMarket:
    """Steps before and after each write, and after each page that is read."""

    def __init__(self, market, fate):
        self._market = market
        self._fate = fate

    async def offers(self, options):
        async for page in self._market.offers(options):
            yield page
            self._fate.step()

    async def set_stock(self, changes):
        return await self._stepping(self._market.set_stock(changes))

    async def set_prices(self, changes):
        return await self._stepping(self._market.set_prices(changes))

    async def set_on_sale(self, options, on_sale):
        return await self._stepping(self._market.set_on_sale(options, on_sale))

    async def _stepping(self, writing):
        self._fate.step()
        results = await writing
        self._fate.step()
        return results


def live(task):
    """Plan what the task wants, drain it, and return how many rows are left open."""
    fate = Fate(task["die_at"])
    warehouse = MortalWarehouse(task["database"], fate)
    wanted = [Push(*it[:3], Kind(it[3]), *it[4:]) for it in task["wanted"]]
    if wanted:
        with warehouse.transaction() as db:
            plan(db, wanted, now=clock.utc_now())
    return asyncio.run(_drained(warehouse, task, fate)).open


async def _drained(warehouse, task, fate):
    market = client(task["market"], task["url"])
    try:
        number = NUMBERS[task["market"]]
        return await drain(
            warehouse, MortalMarket(market, fate), number, batch=task["batch"], landing_s=0.05
        )
    finally:
        await market.aclose()


def main():
    for asked in sys.stdin:
        task = json.loads(asked)
        pid = os.fork()
        if not pid:
            os._exit(1 if live(task) else 0)
        tell(f"pid {pid}")
        if task["kill_after_s"] is not None:
            time.sleep(task["kill_after_s"])
            os.kill(pid, signal.SIGKILL)  # nobody waited for it yet, so the number is still its own
        _, status = os.waitpid(pid, 0)
        tell(f"code {os.waitstatus_to_exitcode(status)}")


def tell(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
