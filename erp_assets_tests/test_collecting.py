"""Collecting: what is read ahead ends with the reader, whatever ended it."""

import asyncio
import gc
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


class Slow:
    """A market of eight rows. waits: how often it lets others work before each."""

    silent_statuses = frozenset()

    def __init__(self, waits):
        self.calls = 0
        self.waits = waits

    async def orders(self, since, until):
        for number in range(8):
            for _ in range(self.waits):
                await asyncio.sleep(0.001)
            yield Batch(rejected=[Rejected("orders", "odd", str(number))])


def stored_at_once(warehouse, market):
    """Return after how many rows something was stored."""
    seen = []
    collector = Collector(
        warehouse, market, 3, "eleven", progress=lambda it: seen.append(it.rejected), batch_rows=8
    )
    asyncio.run(collector.orders(WINDOW))
    return seen


def test_rows_are_stored_early_while_nothing_else_is(warehouse):
    assert stored_at_once(warehouse, Slow(waits=20))[0] == 2
    assert stored_at_once(warehouse, Slow(waits=0))[-1] == 8


def test_the_garbage_collector_is_as_before_afterwards(warehouse):
    class Watched(Slow):
        async def orders(self, since, until):
            self.during = gc.get_threshold()[0]
            async for batch in super().orders(since, until):
                yield batch

    before, market = gc.get_threshold(), Watched(waits=0)
    stored_at_once(warehouse, market)
    assert market.during > before[0]
    assert gc.get_threshold() == before


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


class Interrupted(BaseException):
    """As Dagster raises it from a signal handler, in whatever task is at work."""


def test_an_interrupt_while_reading_ahead_ends_the_collection(warehouse):
    class Struck(Endless):
        async def orders(self, since, until):
            async for batch in super().orders(since, until):
                yield batch
                if self.calls == 5:
                    raise Interrupted

    async def collect():
        collector = collector_of(warehouse, Struck(), lambda _: None)
        async with asyncio.timeout(10):
            await collector.orders(WINDOW)

    with pytest.raises(Interrupted):
        asyncio.run(collect())


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
