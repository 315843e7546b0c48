"""Collecting: what is read ahead ends with the reader, whatever ended it."""

import asyncio
from datetime import UTC, datetime

import pytest

from erp_assets.clock import Window
from erp_assets.collecting import Collector
from erp_assets.errors import MarketDown
from erp_assets.records import Batch, Rejected

WINDOW = Window(datetime(2026, 2, 25, tzinfo=UTC), datetime(2026, 2, 26, tzinfo=UTC))


class Endless:
    """A market whose orders never end. is_read: is somebody still reading them?"""

    silent_statuses = frozenset()

    def __init__(self):
        self.calls = 0
        self.is_read = False

    async def orders(self, since, until):
        self.is_read = True
        try:
            while True:
                self.calls += 1
                text = f"row {self.calls}"
                yield Batch(rejected=[Rejected("orders", text, text)])
                await asyncio.sleep(0)
        finally:
            self.is_read = False


def collector_of(warehouse, market, progress):
    return Collector(warehouse, market, 3, "eleven", progress=progress, batch_rows=2)


def test_market_is_not_read_on_once_storing_has_failed(warehouse):
    market = Endless()
    seen = []

    def progress(result):
        seen.append(result.rejected)
        if len(seen) == 1:
            raise MarketDown("no more")

    async def collect():
        result = await collector_of(warehouse, market, progress).orders(WINDOW)
        return result, market.is_read

    result, is_read = asyncio.run(collect())
    assert result.error == "MarketDown: no more"
    assert seen[0] > 0
    assert not is_read


def test_market_is_not_read_on_once_collecting_was_cancelled(warehouse):
    market = Endless()

    async def collect():
        begun = asyncio.Event()
        collector = collector_of(warehouse, market, lambda _: begun.set())
        task = asyncio.ensure_future(collector.orders(WINDOW))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return market.is_read

    assert not asyncio.run(collect())
