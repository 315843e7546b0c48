"""One day of buyers at three markets who want more than there is, and how much is oversold.

The markets are simulated with faults on, the clients and the database are real, the day's clock
jumps from one look at the markets to the next. Compared are three ways to keep stock right: only
what was just sold, at once; the same without holding pieces back; everything, on the hour.
"""

import asyncio
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from erp_assets import accounts, clock
from erp_assets.bench.surroundings import fresh_home
from erp_assets.clock import Window
from erp_assets.collecting import Collector
from erp_assets.planning import ledger, mapping, outbox, stock, syncing
from erp_assets.planning.outbox import Drained, Kind, Push
from erp_assets.simulator.building import CREDENTIALS, Till, VirtualClock
from erp_assets.simulator.server import Simulator
from erp_assets.simulator.wire import Account, Fault
from erp_assets.simulator.world import Item, Shop
from erp_assets.warehouse import queries, stock_ledger, stock_queries
from erp_assets.warehouse.engine import Warehouse
from erp_assets.warehouse.server import database_url
from erp_assets.warehouse.stock_ledger import Entry

MARKETS = tuple(CREDENTIALS)
NUMBERS = {market: number for number, market in enumerate(MARKETS, start=1)}
BEGIN = datetime(2026, 3, 2, 15, tzinfo=UTC)
"""Midnight in Korea."""
FAULTS = (Fault.BUSY, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.CUT)


class Way(NamedTuple):
    """How stock is kept right. every: between two looks. buffer: pieces held back. everything:
    write every listing, whether it differs or not."""

    every: timedelta
    buffer: int = 0
    everything: bool = False


WAYS = {
    "what was sold, every 5 minutes, 2 pieces held back": Way(timedelta(minutes=5), buffer=2),
    "what was sold, every 5 minutes, no buffer": Way(timedelta(minutes=5)),
    "everything, on the hour, no buffer": Way(timedelta(hours=1), everything=True),
}


@dataclass
class Told:
    """What one day came to.

    latencies: seconds from a sale until every market shows it. changed: SKUs, once per look.
    written, calls: options written, and the calls that took.
    """

    sold: int = 0
    refused: int = 0
    oversold: int = 0
    latencies: list[float] = field(default_factory=list)
    changed: int = 0
    written: int = 0
    calls: int = 0

    def figures(self) -> dict[str, Any]:
        """Return them as the benchmark prints them."""
        late = sorted(self.latencies)
        return {
            "units_sold": self.sold,
            "buyers_refused": self.refused,
            "units_oversold": self.oversold,
            "oversold_per_10_000": round(10_000 * self.oversold / max(self.sold, 1), 2),
            "sale_to_last_market_s": {
                "median": round(statistics.median(late), 1) if late else None,
                "p95": round(late[int(len(late) * 0.95)], 1) if late else None,
            },
            "calls_per_100_changed_skus": round(100 * self.calls / max(self.changed, 1), 1),
            "calls_per_100_options_written": round(100 * self.calls / max(self.written, 1), 1),
        }


class Day:
    """Three shops with the same goods, one shelf behind them, and the platform beside it."""

    def __init__(self, warehouse: Warehouse, way: Way, *, buyers: int, listings: int, seed: int):
        self.now = VirtualClock(BEGIN)
        self.warehouse, self.way = warehouse, way
        self.shops = {market: Shop(market, self.now) for market in MARKETS}
        self.tills = {market: Till(shop) for market, shop in self.shops.items()}
        for till in self.tills.values():
            till.open(listings)
        self.chance = random.Random(seed)  # noqa: S311 - makes buyers, guards nothing
        self.items: dict[str, dict[str, Item]] = defaultdict(dict)
        for market, shop in self.shops.items():
            for item in shop.items.values():
                self.items[item.seller_code][market] = item
        self.shelf = {code: self.chance.randrange(20, 120) for code in sorted(self.items)}
        for code, pieces in self.shelf.items():
            for item in self.items[code].values():
                item.stock = pieces
                item.listing.status = type(item.listing.status).ON_SALE
        self.waiting: dict[str, list[datetime]] = defaultdict(list)
        self.told = Told()
        self.visits = sorted(self.chance.uniform(0, 86_400) for _ in range(buyers))

    def run(self) -> Told:
        """Live through the day."""
        made = [
            Account(market, self.shops[market], dict(CREDENTIALS[market])) for market in MARKETS
        ]
        with Simulator(made, now=self.now) as simulator:
            self.simulator = simulator
            self._prepare()
            simulator.fault_rate = 0.01
            visits = iter([*self.visits, float("inf")])
            visit = next(visits)
            look = self.way.every
            while look <= timedelta(days=1):
                while visit <= look.total_seconds():
                    self._jump(visit)
                    with simulator.changing():
                        self._buy()
                    visit = next(visits)
                self._jump(look.total_seconds())
                self._sync()
                look += self.way.every
            simulator.fault_rate = 0.0
            self._sync()
        self._compare()
        return self.told

    def _jump(self, seconds: float) -> None:
        ahead = BEGIN + timedelta(seconds=seconds) - self.now()
        self.now.advance(max(ahead.total_seconds(), 0.0))

    def _buy(self) -> None:
        """Let somebody want a piece or two of something; few goods are wanted by most."""
        code = sorted(self.shelf)[
            min(int(self.chance.expovariate(6 / len(self.shelf))), len(self.shelf) - 1)
        ]
        market, quantity = self.chance.choice(MARKETS), self.chance.choice((1, 1, 1, 2))
        if not self.tills[market].sell(self.items[code][market], quantity):
            self.told.refused += 1
            return
        before = self.shelf[code]
        self.shelf[code] -= quantity
        self.told.sold += quantity
        self.told.oversold += max(0, quantity - max(before, 0))
        self.waiting[code].append(self.now())

    # ── the platform ───────────────────────────────────────────────────────────────────────────
    def _prepare(self) -> None:
        with self.warehouse.transaction() as db:
            queries.register_accounts(db, [(NUMBERS[it], it, it, True) for it in MARKETS])
        for market in MARKETS:
            self._with(market, lambda it: it.products())
            self._with(market, lambda it: it.offers())
        with self.warehouse.transaction() as db:
            add = text("INSERT INTO skus (code, name) VALUES (:code, :code)")
            db.execute(add, [{"code": code} for code in self.shelf])
            mapping.map_listings(db)
            found = db.execute(text("SELECT code, id FROM skus"))
            numbers: dict[str, int] = {row.code: row.id for row in found}
            stock_ledger.lock(db)
            opening = [
                Entry(numbers[code], self.now(), "opening", pieces, f"opening {code}")
                for code, pieces in self.shelf.items()
            ]
            stock_ledger.add_entries(db, opening)
            if self.way.buffer:
                policy = text("INSERT INTO stock_policies (buffer) VALUES (:buffer)")
                db.execute(policy, {"buffer": self.way.buffer})
        self._sync()
        self.told = Told()

    def _sync(self) -> None:
        for market in MARKETS:
            self._with(market, self._orders)
            if not self.way.everything:
                self._push()
        if self.way.everything:
            self._push()
        with self.warehouse.transaction() as db:
            is_empty = not any(outbox.open_pushes(db, number) for number in NUMBERS.values())
        if is_empty:
            arrived = self.now()
            for moments in self.waiting.values():
                self.told.latencies += [(arrived - it).total_seconds() for it in moments]
            self.told.changed += len(self.waiting)
            self.waiting.clear()

    async def _orders(self, it: Collector) -> None:
        await it.orders(Window(BEGIN - timedelta(hours=1), self.now() + timedelta(minutes=1)))

    def _push(self) -> None:
        with self.warehouse.transaction() as db:
            if self.way.everything:
                ledger.post_movements(db)
                outbox.plan(db, list(self._all(db)), now=self.now())
            else:
                syncing.plan_stock(db, now=self.now(), run_id=None, touched=())
            waiting = [it for it in MARKETS if outbox.open_pushes(db, NUMBERS[it])]
        for market in waiting:
            self._with(market, self._drain)

    def _all(self, db: Any) -> Iterator[Push]:
        listings = stock_queries.listings(db)
        for it in stock.plan(stock_queries.positions(db), listings, stock_queries.policies(db)):
            if it.target is not None:
                yield Push(*it.listing.key, Kind.STOCK, it.target, None, "hourly", "hourly")

    async def _drain(self, it: Collector) -> Drained:
        before = it.market.calls
        told = await outbox.drain(
            self.warehouse,
            it.market,
            it.account_id,
            read_back=False,
            now=self.now,
            sleep=self._sleep,
        )
        self.told.calls += it.market.calls - before
        self.told.written += len(told.confirmed)
        return told

    async def _sleep(self, seconds: float) -> None:
        """Let the day's clock do the waiting."""
        self.now.advance(seconds)
        await asyncio.sleep(0)

    def _with(self, market: str, work: Callable[[Collector], Coroutine[Any, Any, Any]]) -> None:
        async def connected() -> None:
            make: Any = accounts.client(market)
            client = make(
                base_url=self.simulator.base_url(market),
                credentials=CREDENTIALS[market],
                rate=None,
                sleep=self._sleep,
                now=clock.utc_now,
            )
            try:
                await work(Collector(self.warehouse, client, NUMBERS[market], market, now=self.now))
            finally:
                await client.aclose()

        asyncio.run(connected())

    def _compare(self) -> None:
        """The ledger has to hold exactly what lies on the shelf."""
        with self.warehouse.transaction() as db:
            held = {it.code: it.on_hand for it in ledger.balances(db)}
        if held != self.shelf:
            wrong = {
                it: (held.get(it), self.shelf[it])
                for it in self.shelf
                if held.get(it) != self.shelf[it]
            }
            raise RuntimeError(f"the ledger is not what lies on the shelf: {wrong}")


def selling_day(*, buyers: int = 3_000, listings: int = 24, seed: int = 1) -> dict[str, Any]:
    """Live through the same day in each way; return the figures beside each other."""
    found: dict[str, Any] = {"buyers": buyers, "ledger_equals_shelf": True}
    for name, way in WAYS.items():
        with fresh_home() as home:
            warehouse = Warehouse(database_url(home))
            warehouse.migrate()
            found[name] = (
                Day(warehouse, way, buyers=buyers, listings=listings, seed=seed).run().figures()
            )
            warehouse.dispose()
    return found
