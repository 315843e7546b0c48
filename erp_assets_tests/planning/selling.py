"""A simulated shop whose options are to change, the changes, and what came of them there."""

import asyncio
import re
from collections import Counter
from types import SimpleNamespace

from sqlalchemy import text

from erp_assets import accounts, clock
from erp_assets.planning.outbox import Kind, Push, drain
from erp_assets.records import Batch, ProductStatus
from erp_assets.simulator.building import CREDENTIALS
from erp_assets.simulator.wire import Fault
from erp_assets.warehouse.loading import load
from erp_assets_tests.acceptance.shops import NUMBERS, nap
from erp_assets_tests.warehouse.rows import line

__all__ = ["NUMBERS", "Stall", "client"]

PREFIX = {"coupang": "", "naver": "/external", "eleven": "/rest"}
WRITES = {
    "coupang": re.compile(r"/vendor-items/(\d+)/(quantities|prices|sales)/"),
    "naver": re.compile(r"/(\d+)/(option-stock|change-status)$"),
    "eleven": re.compile(r"/(stockqty|price|stopdisplay)/(\d+)"),
}
"""Paths of the writes met here, each of which is about one option or one listing."""

STOCK, PRICE = 20, 30_000


def client(market, url):
    """The market's real client, over a real socket."""
    return accounts.client(market)(
        base_url=url + PREFIX[market], credentials=CREDENTIALS[market], rate=None, sleep=nap
    )


class Stall:
    """Three listings of a shop: of one the stock is to change, of one the price, one is to stop."""

    def __init__(self, warehouse, simulator, market):
        self.warehouse, self.simulator, self.market = warehouse, simulator, market
        self.account = NUMBERS[market]
        listings = simulator.accounts[market].shop.listings.values()
        self.stocked, self.priced, self.stopped = [it for it in listings if it.has_options][:3]
        self.sold = Counter()
        self.reset()

    def reset(self):
        """Let everything be as it was before anything was planned."""
        with self.simulator.changing() as accounts:
            for listing in (self.stocked, self.priced, self.stopped):
                listing.status, listing.base_price = ProductStatus.ON_SALE, PRICE
                for item in listing.items:
                    item.stock, item.on_sale = STOCK, True
            accounts[self.market].shop.version += 1
            self.simulator.log.clear()
        self.sold.clear()
        with self.warehouse.transaction() as db:
            db.execute(text("TRUNCATE market_pushes, market_order_lines, market_order_keys"))

    def wanted(self):
        """The changes, stock of the options going up and down."""
        told = ("a reason", "a test")
        pieces = {it.no: (50, 9)[n % 2] for n, it in enumerate(self.stocked.items)}
        prices = {it.no: it.price + 1_500 for it in self.priced.items}
        return [
            *(self._push(it, Kind.STOCK, pieces[it.no], STOCK, told) for it in self.stocked.items),
            *(
                self._push(it, Kind.PRICE, prices[it.no], it.price, told)
                for it in self.priced.items
            ),
            *(self._push(it, Kind.ON_SALE, 0, 1, told) for it in self.stopped.items),
        ]

    def _push(self, item, kind, wanted, before, told):
        return Push(self.account, str(item.listing.no), str(item.no), kind, wanted, before, *told)

    def task(self, wanted=(), *, die_at=None, kill_after_s=None, batch=2):
        """What outbox_victim.py is told."""
        return {
            "market": self.market,
            "url": self.simulator.url,
            "database": self.warehouse.url,
            "wanted": [list(it) for it in wanted],
            "die_at": die_at,
            "kill_after_s": kill_after_s,
            "batch": batch,
        }

    def drain(self):
        """Drain in this process."""

        async def work():
            market = client(self.market, self.simulator.url)
            try:
                return await drain(self.warehouse, market, self.account, landing_s=0.05)
            finally:
                await market.aclose()

        return asyncio.run(work())

    # ── what happened ──────────────────────────────────────────────────────────────────────────
    def writes(self):
        """How often each write took effect, its answer lost or not."""
        with self.simulator.changing():
            log = list(self.simulator.log)
        return Counter(
            it.path
            for it in log
            if WRITES[self.market].search(it.path)
            and (it.status == 200 or it.fault is Fault.ERROR_AFTER)
        )

    def sell(self, n):
        """Sell a piece of each option whose stock is to change, and collect the orders."""
        arrived = self._arrived()
        with self.simulator.changing() as accounts:
            for item in self.stocked.items:
                item.stock -= 1
                self.sold[item.no] += arrived[item.no]
            accounts[self.market].shop.version += 1
        lines = [
            line(
                str(n),
                str(item.no),
                ordered_at=clock.utc_now(),
                quantity=1,
                amount=19_000,
                product_no=str(item.listing.no),
                option_no=str(item.no),
            )
            for item in self.stocked.items
        ]
        with self.warehouse.transaction() as db:
            load(db, account_id=self.account, kind="orders", batch=Batch(lines=lines))

    def _arrived(self):
        """Tell of each option whether its change of stock has taken effect, be it after sales."""
        wanted = {int(it.option_no): it.wanted for it in self.wanted() if it.kind is Kind.STOCK}
        half = {no: (pieces + STOCK) / 2 for no, pieces in wanted.items()}
        return {
            no: (shown > half[no]) == (wanted[no] > STOCK)
            for no, shown in self.shown(Kind.STOCK).items()
        }

    def shown(self, kind):
        """What the market truly has of a kind, by option."""
        with self.simulator.changing():
            if kind is Kind.STOCK:
                return {it.no: it.stock for it in self.stocked.items}
            if kind is Kind.PRICE:
                return {it.no: it.price for it in self.priced.items}
            paused = self.stopped.status is ProductStatus.PAUSED
            return {it.no: int(it.on_sale and not paused) for it in self.stopped.items}

    def expected(self, wanted, kind):
        """What it has to be: as decided, less what was sold after the change had arrived."""
        return {
            int(it.option_no): it.wanted
            - (self.sold[int(it.option_no)] if kind is Kind.STOCK else 0)
            for it in wanted
            if it.kind is kind
        }

    def statuses(self):
        """How many rows are in each state."""
        with self.warehouse.transaction() as db:
            found = db.execute(text("SELECT status FROM market_pushes")).scalars()
            return Counter(found)


def outcome(stall, wanted):
    """Everything a test compares: effects, rows, how often each write took effect at most."""
    return SimpleNamespace(
        shown={kind: stall.shown(kind) for kind in Kind},
        expected={kind: stall.expected(wanted, kind) for kind in Kind},
        statuses=stall.statuses(),
        most_writes=max(stall.writes().values(), default=0),
    )
