"""From one account's market into the warehouse: fetch ahead, store in order, then move the mark.

The watermark of a day moves in the transaction that holds the last rows of its window, and only
after every order that those rows mention is stored as well; a kill at any point leaves rows that
the next run stores again without a trace, never a gap behind a mark.
"""

import asyncio
import gc
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from erp_assets import clock
from erp_assets.clock import Window
from erp_assets.errors import ErpError, MarketDenied, PermanentError
from erp_assets.markets import Market
from erp_assets.records import Batch, LineUpdate
from erp_assets.warehouse import loading, marks, queries
from erp_assets.warehouse.engine import Warehouse

BATCH_ROWS = 10_000
"""Rows gathered before they are stored: large enough for COPY, small enough for flat memory."""

GARBAGE_THRESHOLD = 50_000
"""New objects after which Python looks for cycles while rows are collected."""

KINDS = ("products", "stock", "prices", "orders", "claims")
WINDOWED = ("orders", "claims")
OVERLAP = timedelta(hours=1)
"""New orders reach the lists late (Coupang: about ten minutes), so every run reads a bit again."""

SILENT_DAYS = 60
"""How long a line is asked about whose market does not report every change."""


@dataclass(slots=True)
class Collected:
    """What collecting one kind of one account did.

    stored: rows inserted or changed, by table. seen: rows read, by table. seconds: wall time.
    error: why it stopped early; rows stored before stay stored. early: updates of lines that were
    not stored yet when they came, to be applied once their orders are.
    """

    account: str
    kind: str
    window: Window | None
    seen: dict[str, int] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    calls: int = 0
    busy_answers: int = 0
    seconds: float = 0.0
    complete_until: datetime | None = None
    error: str | None = None
    remedy: str | None = None
    is_transient: bool = True
    early: list[LineUpdate] = field(default_factory=list, repr=False)

    @property
    def is_whole(self) -> bool:
        """Was the window (where there is one) read to its end?"""
        return self.window is None or self.complete_until == self.window.until

    @property
    def outcome(self) -> str:
        """Say `completed`, `partial` or `failed`."""
        if self.error:
            return "failed"
        return "completed" if self.is_whole and not self.rejected else "partial"

    def count(self, loaded: loading.Loaded) -> None:
        """Add what one stored batch did."""
        for table, tally in loaded.tables.items():
            self.seen[table] = self.seen.get(table, 0) + tally.seen
            self.stored[table] = self.stored.get(table, 0) + tally.inserted + tally.updated
        self.rejected += loaded.rejected

    def add(self, later: "Collected") -> None:
        """Add what collecting a later window of the same kind did."""
        for mine, other in ((self.seen, later.seen), (self.stored, later.stored)):
            for table, rows in other.items():
                mine[table] = mine.get(table, 0) + rows
        self.rejected += later.rejected
        self.calls += later.calls
        self.busy_answers += later.busy_answers
        self.seconds += later.seconds
        self.error = self.error or later.error
        self.remedy = self.remedy or later.remedy
        self.is_transient = self.is_transient and later.is_transient
        if self.outcome == "completed":
            self.window, self.complete_until = later.window, later.complete_until


Progress = Callable[[Collected], None]


def silent(_: Collected) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Collector:
    """Collects kinds of one account; one at a time per kind, whoever asks.

    progress: called after every stored batch.
    """

    warehouse: Warehouse
    market: Market
    account_id: int
    account: str
    run_id: str | None = None
    progress: Progress = silent
    now: Callable[[], datetime] = clock.utc_now
    batch_rows: int = BATCH_ROWS

    async def products(self) -> Collected:
        """Read every listing with its options."""
        return await self._collect("products", self.market.products(), None)

    async def offers(self, *, seen_before: datetime | None = None) -> Collected:
        """Read stock and price of every option stored.

        seen_before: leave out options whose offer was read since then (the product answers of some
        markets hold offers already).
        """
        with self.warehouse.transaction() as db:
            options = queries.option_keys(db, self.account_id, offer_before=seen_before)
        return await self._collect("offers", self.market.offers(options), None)

    async def orders(self, window: Window) -> Collected:
        """Read the orders the market reports for `window`, and what it is silent about."""
        window = self._past(window)
        return await self._collect("orders", self._orders(window), window)

    async def _orders(self, window: Window) -> AsyncIterator[Batch]:
        async with _closing(self.market.orders(*window)) as batches:
            async for batch in batches:
                yield batch
        if self.market.silent_statuses and window.until >= self.now() - OVERLAP:
            with self.warehouse.transaction() as db:
                silent = queries.lines_in(
                    db,
                    self.account_id,
                    self.market.silent_statuses,
                    since=self.now() - timedelta(days=SILENT_DAYS),
                )
            async with _closing(self.market.lines_again(silent)) as batches:
                async for batch in batches:
                    yield batch

    async def claims(self, window: Window) -> Collected:
        """Read the claims the market reports for `window`."""
        window = self._past(window)
        return await self._collect("claims", self.market.claims(*window), window)

    def _past(self, window: Window) -> Window:
        return Window(window.since, max(window.since, min(window.until, self.now())))

    async def _collect(
        self, kind: str, batches: AsyncIterator[Batch], window: Window | None
    ) -> Collected:
        result = Collected(self.account, kind, window)
        started, calls = time.monotonic(), self.market.calls
        try:
            with self.warehouse.collecting(self.account_id, kind), _rare_garbage_collection():
                began = self._database_now()
                async with aclosing(_gathered(batches, self.batch_rows)) as gathered:
                    async for batch in gathered:
                        await self._store(kind, batch, result)
                        result.calls = self.market.calls - calls
                        result.seconds = time.monotonic() - started
                        self.progress(result)
                if result.is_whole:
                    self._resolve(kind, window, before=began)
        except ErpError as error:
            result.error = f"{type(error).__name__}: {error}"
            result.remedy = error.remedy if isinstance(error, MarketDenied) else None
            result.is_transient = not isinstance(error, PermanentError)
        result.calls = self.market.calls - calls
        result.seconds = time.monotonic() - started
        self.progress(result)
        return result

    def _database_now(self) -> datetime:
        with self.warehouse.transaction() as db:
            return queries.database_now(db)

    def _resolve(self, kind: str, window: Window | None, *, before: datetime) -> None:
        """Settle what an earlier run could not understand and this whole one did not meet again."""
        with self.warehouse.transaction() as db:
            marks.resolve(db, self.account_id, kind, window, before=before)

    async def _store(self, kind: str, batch: Batch, result: Collected) -> None:
        """Store a gathered batch; where it ends a window, the orders it mentions come first."""
        done, batch.complete_until = batch.complete_until, None
        wanted = await asyncio.to_thread(self._load, kind, batch, result)
        result.early += [it for it in batch.line_updates if it.order_no in wanted]
        if done is None or result.window is None:
            return
        await self._fetch(sorted(wanted), result)
        early, result.early = result.early, []
        if early:
            await asyncio.to_thread(self._load, kind, Batch(line_updates=early), result)
        since = result.complete_until or result.window.since
        await asyncio.to_thread(self._mark, kind, Window(since, done))
        result.complete_until = done

    async def _fetch(self, order_nos: Sequence[str], result: Collected) -> None:
        """Read by number the orders that other rows mention and that are not stored whole."""
        if not order_nos:
            return
        found: set[str] = set()
        is_doubtful = False
        batches = self.market.orders_by_no(order_nos)
        async with aclosing(_gathered(batches, self.batch_rows)) as gathered:
            async for batch in gathered:
                found.update(order.order_no for order in batch.orders)
                is_doubtful |= bool(batch.rejected)
                await asyncio.to_thread(self._load, "orders", batch, result)
        answered = [no for no in order_nos if no in found or not is_doubtful]
        with self.warehouse.transaction() as db:
            marks.orders_asked(db, self.account_id, answered)

    def _load(self, kind: str, batch: Batch, result: Collected) -> frozenset[str]:
        with self.warehouse.transaction() as db:
            loaded = loading.load(
                db,
                account_id=self.account_id,
                kind=kind,
                batch=batch,
                run_id=self.run_id,
                window=result.window,
            )
            result.count(loaded)
            return frozenset(queries.wanted_orders(db, self.account_id))

    def _mark(self, kind: str, window: Window) -> None:
        with self.warehouse.transaction() as db:
            marks.mark(db, self.account_id, kind, window, run_id=self.run_id)


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Look for reference cycles less often: rows have none, and looking costs a tenth of the time.

    Python's default looks after every 700 new rows, and now and then at every object there is.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], GARBAGE_THRESHOLD), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@asynccontextmanager
async def _closing(batches: AsyncIterator[Batch]) -> AsyncGenerator[AsyncIterator[Batch]]:
    """End a market's answers with the block: else they are read on until they are collected."""
    try:
        yield batches
    finally:
        if isinstance(batches, AsyncGenerator):
            await batches.aclose()


async def _gathered(batches: AsyncIterator[Batch], rows: int) -> AsyncGenerator[Batch]:
    """Join batches until they hold `rows` rows or end a window, reading one such batch ahead.

    While nothing is being stored a quarter of that will do.
    """
    queue: asyncio.Queue[Batch | None] = asyncio.Queue(maxsize=1)
    idle = asyncio.Event()
    reader = asyncio.ensure_future(_read_ahead(batches, rows, queue, idle))
    try:
        while True:
            idle.set()
            batch = await queue.get()
            idle.clear()
            if batch is None:
                break
            if len(batch) or batch.complete_until is not None:
                yield batch
        await reader
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read_ahead(
    batches: AsyncIterator[Batch],
    rows: int,
    queue: asyncio.Queue[Batch | None],
    idle: asyncio.Event,
) -> None:
    """Fill the queue, None at the end; rows read before an error are kept.

    An interrupt that Dagster raises inside this task counts as one: who reads must hear of it.
    """
    whole = Batch()
    try:
        async with _closing(batches):
            async for batch in batches:
                if _would_overtake(whole, batch):
                    await queue.put(whole)
                    whole = Batch()
                whole.extend(batch)
                enough = rows // 4 if idle.is_set() else rows
                if len(whole) >= enough or batch.complete_until is not None:
                    await queue.put(whole)
                    whole = Batch()
    except (asyncio.CancelledError, GeneratorExit):  # nobody reads any more
        raise
    except BaseException:
        await queue.put(whole)
        await queue.put(None)
        raise
    await queue.put(whole)
    await queue.put(None)


def _would_overtake(gathered: Batch, later: Batch) -> bool:
    """Would storing both at once apply an update after the whole row that came later?"""
    return bool(
        (gathered.line_updates and later.lines) or (gathered.claim_updates and later.claims)
    )


def missing_windows(db: Connection, account_id: int, kind: str, window: Window) -> list[Window]:
    """Return the runs of whole KST days inside `window` that were never collected to their end."""
    days = clock.days(window)
    if not days:
        return []
    return list(clock.joined_days(queries.missing_days(db, account_id, kind, days[0], days[-1])))


def routine_window(
    db: Connection,
    account_id: int,
    kind: str,
    *,
    lookback_days: int,
    history: datetime,
    now: datetime,
) -> Window:
    """Return the whole days a routine collection has to read.

    From the day the last collection reached, or `lookback_days` ago where the market cannot tell
    what changed since; everything since `history` when nothing was collected yet.
    """
    reached = queries.collected_until(db, account_id, kind)
    since = history
    if reached is not None:
        since = max(history, min(reached - OVERLAP, now - timedelta(days=lookback_days)))
    return clock.day_window(clock.kst_day(since), clock.kst_day(now))
