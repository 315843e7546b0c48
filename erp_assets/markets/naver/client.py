"""One seller at Naver Smart Store: what each call of `Market` means here. Source: naver.md."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import ClassVar

import httpx

from erp_assets import clock
from erp_assets.markets.client import WAITS_S
from erp_assets.markets.naver import auth, changes, wire
from erp_assets.markets.naver.answers import decoded
from erp_assets.markets.naver.gate import Gate
from erp_assets.markets.naver.orders import Orders
from erp_assets.markets.naver.products import Products
from erp_assets.markets.naver.writes import Writes
from erp_assets.markets.throttle import Reserve, Throttle
from erp_assets.records import (
    Batch,
    Dispatch,
    LineKey,
    LineStatus,
    OptionKey,
    PriceChange,
    StockChange,
    WriteResult,
)

BASE_URL = "https://api.commerce.naver.com/external"
RATE = 20.0
"""Most calls per second of any API; order APIs start lower (§3.2)."""


class Naver:
    """One store. The change feed files a line under its last change, so nothing is read twice."""

    code: ClassVar[str] = "naver"
    silent_statuses: ClassVar[frozenset[LineStatus]] = frozenset(
        {LineStatus.NEW, LineStatus.SHIPPED}
    )
    """No change is reported when a line is confirmed or delivered (§5.1, §5.5)."""
    order_lookback_days: ClassVar[int] = 1

    def __init__(
        self,
        *,
        base_url: str = BASE_URL,
        credentials: Mapping[str, str],
        rate: float | None = RATE,
        reserve: Reserve | None = None,
        reserve_block: int = 1,
        concurrency: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        waits_s: Sequence[float] = WAITS_S,
        now: Callable[[], datetime] = clock.utc_now,
    ) -> None:
        """credentials: client_id, client_secret, and account_id of a linked seller.

        base_url: with or without /external. rate: most calls/s of any API, None = as announced.
        """
        auth.check(credentials)
        self._gate = Gate(
            base_url=base_url,
            credentials=credentials,
            rate=rate,
            throttle=Throttle(rate, reserve=reserve, block=reserve_block, sleep=sleep),
            concurrency=concurrency,
            waits_s=waits_s,
            sleep=sleep,
            transport=transport,
            now=now,
        )
        self._orders = Orders(self._gate)
        self._products = Products(self._gate)
        self._writes = Writes(self._gate, self._products)

    @property
    def calls(self) -> int:
        """HTTP calls made so far, token calls included."""
        return self._gate.calls

    @property
    def busy_answers(self) -> int:
        """429 answers met so far."""
        return self._gate.busy_answers

    async def aclose(self) -> None:
        """Close the connections."""
        await self._gate.aclose()

    async def ping(self) -> datetime | None:
        """Ask for the account's name (§6); return the server's clock."""
        return await self._gate.call("GET", "/v1/seller/account", decode=_clock, bucket="account")

    def orders(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield lines that changed in [since, until), with their claims (§5.1, §5.2)."""
        return self._orders.changed(since, until, lambda _: True)

    def claims(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield lines with a claim that changed in [since, until), with all their claims."""
        return self._orders.changed(since, until, lambda it: it.is_claim)

    def orders_by_no(self, order_nos: Sequence[str]) -> AsyncIterator[Batch]:
        """Yield all lines of each order (§5.4)."""
        return self._orders.by_no(order_nos)

    def lines_again(self, lines: Sequence[LineKey]) -> AsyncIterator[Batch]:
        """Yield these lines, 300 a call (§5.2)."""
        return self._orders.again(lines)

    async def line_keys(self, since: datetime, until: datetime) -> set[tuple[str, str]]:
        """Return the lines paid in [since, until), by a search the feed does not use (§5.3)."""
        return await self._orders.paid(since, until)

    def products(self) -> AsyncIterator[Batch]:
        """Yield every listing with options, stock and price: a list, a call per listing (§4)."""
        return self._products.every()

    def offers(self, options: Sequence[OptionKey]) -> AsyncIterator[Batch]:
        """Yield stock and price of the options, one call per listing (§4.3)."""
        return self._products.offers(options)

    async def confirm(self, lines: Sequence[LineKey]) -> list[WriteResult]:
        """Confirm lines, 30 a call; each has its own verdict (§5.6)."""
        return await self._writes.confirm(lines)

    async def dispatch(self, dispatches: Sequence[Dispatch]) -> list[WriteResult]:
        """Ship lines with carrier and number, 30 a call (§5.6)."""
        return await self._writes.dispatch(dispatches)

    async def set_stock(self, changes_: Sequence[StockChange]) -> list[WriteResult]:
        """Set stock; all options of a listing go in one call (§4.6, §4.7)."""
        return await self._writes.by_listing(changes_, changes.stock)

    async def set_prices(self, changes_: Sequence[PriceChange]) -> list[WriteResult]:
        """Set prices, surcharge included; refused here where Naver's rules would (§4.3)."""
        return await self._writes.by_listing(changes_, changes.prices)

    async def set_on_sale(self, options: Sequence[OptionKey], on_sale: bool) -> list[WriteResult]:
        """Stop or resume options; a whole listing changes its status (§4.5)."""
        return await self._writes.by_listing(options, partial(changes.on_sale, on_sale=on_sale))


def _clock(response: httpx.Response) -> datetime | None:
    """Return the server's clock, once the answer is known to name the account."""
    decoded(response, wire.Store)
    try:
        return parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return None
