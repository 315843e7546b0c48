"""One seller at Coupang. Source: coupang.md (sections named below)."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import ClassVar

import httpx
import msgspec

from erp_assets import clock
from erp_assets.clock import KST, Window
from erp_assets.errors import BadPayload, MarketRejected, SettingsError
from erp_assets.markets import rows
from erp_assets.markets.client import ApiClient, in_order
from erp_assets.markets.coupang import claims, orders, products, wire
from erp_assets.markets.coupang.answers import checked, classify
from erp_assets.markets.coupang.auth import Signature
from erp_assets.markets.coupang.pages import Listing, Pages, Repeated
from erp_assets.markets.coupang.writes import (
    OPEN,
    SELLER,
    BoxWrites,
    OptionWrites,
    is_number,
    read_inventory,
)
from erp_assets.markets.throttle import Reserve, Throttle
from erp_assets.records import (
    Batch,
    Dispatch,
    LineKey,
    LineStatus,
    OptionKey,
    PriceChange,
    ProductStatus,
    Rejected,
    StockChange,
    WriteResult,
)

BASE_URL = "https://api-gateway.coupang.com"
RATE = 9.0
"""Calls per second; above 10 Coupang blocks the vendor for minutes (§2.3)."""
WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
CIRCUIT_S = 300.0
"""A blocked vendor is released in minutes, one that goes on is blocked for good (§2.3)."""
SLICE_DAYS = 7
ROWS = 50
"""Page size of orders and claims (§5.2, §7)."""
PRODUCTS = 100
MAX_PAGES = 20_000
HEADERS = {
    "Content-Type": "application/json;charset=UTF-8",
    "X-EXTENDED-TIMEOUT": "60000",
}
"""The gateway gives up after three seconds unless told to wait (§1.1)."""
TIMEOUT_S = 95.0
RECEIPTS: Sequence[Mapping[str, str]] = (
    {"cancelType": "CANCEL"},
    {"status": "RU"},
    {"status": "UC"},
    {"status": "PR"},
    {"status": "CC"},
)
"""Receipt lists, in the order in which receipts move (§7.1)."""
NOT_SHOWN = ("취소 또는 반품", "유효하지 않은 주문번호", "다른 판매자의 주문")
"""Parts of the 400 texts that say that an order cannot be read any more (§5.5)."""
CREDENTIALS = {
    "vendor_id": re.compile(r"[A-Za-z0-9]+"),
    "access_key": re.compile(r"[!-+\--~]+"),
    "secret_key": re.compile(r"[!-~]+"),
}
"""What a path and a header can hold, the separator of the header left out."""


class Coupang:
    """One vendor. Order lists are filed under the day an order was placed (§10)."""

    code: ClassVar[str] = "coupang"
    silent_statuses: ClassVar[frozenset[LineStatus]] = frozenset()
    order_lookback_days: ClassVar[int] = 30

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
        max_pages: int = MAX_PAGES,
        now: Callable[[], datetime] = clock.utc_now,
    ) -> None:
        """credentials: vendor_id, access_key, secret_key. rate: calls/s, None = no limit."""
        _check(credentials)
        self._vendor = credentials["vendor_id"]
        self._ahead = concurrency
        self._api = ApiClient(
            base_url=base_url,
            throttle=Throttle(rate, reserve=reserve, block=reserve_block, sleep=sleep),
            classify=classify,
            auth=Signature(credentials["access_key"], credentials["secret_key"], now),
            headers={**HEADERS, "X-Requested-By": self._vendor},
            timeout_s=TIMEOUT_S,
            concurrency=concurrency,
            waits_s=waits_s,
            circuit_s=CIRCUIT_S,
            sleep=sleep,
            transport=transport,
        )
        self._pages = Pages(self._api, ahead=concurrency, most_pages=max_pages)
        self._boxes = BoxWrites(self._api, self._vendor)
        self._options = OptionWrites(self._api, ahead=concurrency)

    @property
    def calls(self) -> int:
        """HTTP calls made so far."""
        return self._api.calls

    @property
    def busy_answers(self) -> int:
        """429 answers met so far."""
        return self._api.busy_answers

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()

    async def ping(self) -> datetime | None:
        """Ask for one product; return the server's clock."""

        def decode(response: httpx.Response) -> datetime | None:
            checked(response, wire.Page)
            try:
                return parsedate_to_datetime(response.headers.get("date", ""))
            except ValueError:
                return None

        query = {"vendorId": self._vendor, "maxPerPage": "1"}
        return await self._api.read("GET", f"{SELLER}/seller-products", params=query, decode=decode)

    # ── orders ─────────────────────────────────────────────────────────────────────────────────
    async def orders(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield boxes placed on the Korean days of [since, until), status after status (§5)."""
        windows = clock.day_windows(since, until, width_days=SLICE_DAYS)
        async for batch in self._pages.by_slices(
            windows, partial(self._sheets, take=orders.take_sheet)
        ):
            yield batch

    def _sheets(self, window: Window, take: rows.Convert) -> Sequence[Listing]:
        """Return a list per status in the order in which boxes move, so that none slips past."""
        first, last = _days(window)
        span = {"createdAtFrom": f"{first}+09:00", "createdAtTo": f"{last}+09:00"}
        return [
            Listing(
                "orders",
                f"{OPEN}/v5/vendors/{self._vendor}/ordersheets",
                {**span, "status": status, "maxPerPage": str(ROWS)},
                take,
                wire.number_of("shipmentBoxId"),
            )
            for status in orders.LINE_STATUSES
        ]

    async def orders_by_no(self, order_nos: Sequence[str]) -> AsyncIterator[Batch]:
        """Yield all boxes of each order; cancelled ones are no longer shown (§5.5)."""

        async def jobs() -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
            for order_no in order_nos:
                yield partial(self._order, order_no)

        async for batch in in_order(jobs(), ahead=self._ahead):
            yield batch

    async def _order(self, order_no: str) -> Batch:
        if not is_number(order_no):
            return _not_read("orders", f"no orderId: {order_no[:40]!r}", order_no, order_no)
        path = f"{OPEN}/v5/vendors/{self._vendor}/{order_no}/ordersheets"
        try:
            found = await self._api.read(
                "GET", path, decode=lambda it: wire.elements(checked(it, wire.Single).data)
            )
        except MarketRejected as error:
            if any(text in str(error) for text in NOT_SHOWN):
                return Batch()
            return _not_read("orders", str(error), order_no, order_no)
        return rows.read_rows("orders", found, orders.take_sheet, wire.number_of("shipmentBoxId"))

    def lines_again(self, lines: Sequence[LineKey]) -> AsyncIterator[Batch]:
        """Yield the orders of these lines."""
        return self.orders_by_no(list(dict.fromkeys(line.order_no for line in lines)))

    async def line_keys(self, since: datetime, until: datetime) -> set[tuple[str, str]]:
        """Return the lines of every box listed for the days of [since, until).

        Raises: BadPayload when a list or a box cannot be read: nobody could tell what is missing.
        """
        keys: set[tuple[str, str]] = set()

        def take(body: bytes, _: Batch) -> None:
            keys.update(orders.keys_of(body))

        windows = clock.day_windows(since, until, width_days=SLICE_DAYS)
        async for batch in self._pages.by_slices(windows, partial(self._sheets, take=take)):
            if batch.rejected:
                raise BadPayload(f"the lines cannot be counted: {batch.rejected[0].reason}")
        return keys

    # ── claims ─────────────────────────────────────────────────────────────────────────────────
    async def claims(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield receipts, withdrawals and exchanges made on the days of [since, until) (§7).

        A line whose pieces are all cancelled leaves the order lists, so finished receipts also
        update lines.
        """
        gone: claims.Gone = {}
        windows = clock.day_windows(since, until, width_days=SLICE_DAYS)
        async for batch in self._pages.by_slices(windows, self._claims):
            batch.line_updates += claims.ended_lines(batch, gone)
            yield batch

    def _claims(self, window: Window) -> Sequence[Listing]:
        return [*self._receipts(window), self._withdrawals(window), self._exchanges(window)]

    def _receipts(self, window: Window) -> Sequence[Listing]:
        first, last = _days(window)
        span = {"createdAtFrom": first, "createdAtTo": last, "maxPerPage": str(ROWS)}
        return [
            Listing(
                "claims",
                f"{OPEN}/v6/vendors/{self._vendor}/returnRequests",
                {**span, **wanted},
                claims.take_receipt,
                wire.number_of("receiptId"),
            )
            for wanted in RECEIPTS
        ]

    def _withdrawals(self, window: Window) -> Listing:
        first, last = _days(window)
        return Listing(
            "claims",
            f"{OPEN}/v4/vendors/{self._vendor}/returnWithdrawRequests",
            {"dateFrom": first, "dateTo": last, "pageIndex": "1", "sizePerPage": "100"},
            claims.take_withdrawal,
            wire.number_of("cancelId"),
            mark="pageIndex",
        )

    def _exchanges(self, window: Window) -> Listing:
        """Return the list of exchanges: both ends are included, seven whole days refused (§7.4)."""
        last = window.until - timedelta(microseconds=1)
        since, until = (f"{at.astimezone(KST):%Y-%m-%dT%H:%M:%S}" for at in (window.since, last))
        return Listing(
            "claims",
            f"{OPEN}/v4/vendors/{self._vendor}/exchangeRequests",
            {"createdAtFrom": since, "createdAtTo": until, "maxPerPage": str(ROWS)},
            claims.take_exchange,
            wire.number_of("exchangeId"),
        )

    # ── products ───────────────────────────────────────────────────────────────────────────────
    async def products(self) -> AsyncIterator[Batch]:
        """Yield every listing with its approved options: a list, and a call per listing (§4)."""
        async for batch in in_order(self._details(), ahead=self._ahead):
            yield batch

    async def _details(self) -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
        """Yield what reads the details; a listing that moved to the next page is read once."""
        found: dict[str, tuple[wire.Summary, bytes]] = {}
        asked: set[str] = set()

        def take(body: bytes, batch: Batch) -> None:
            summary = products.SUMMARIES.decode(body)
            products.product_status(summary.status_name)
            number = wire.number(summary.seller_product_id, "sellerProductId")
            if number not in asked:
                found[number] = (summary, body)

        listing = Listing(
            "products",
            f"{SELLER}/seller-products",
            {"vendorId": self._vendor, "nextToken": "1", "maxPerPage": str(PRODUCTS)},
            take,
            wire.number_of("sellerProductId"),
        )
        try:
            async for page in self._pages.read(listing, set()):
                yield partial(_ready, page)
                for number, row in found.items():
                    yield partial(self._detail, number, *row)
                asked |= found.keys()
                found.clear()
        except Repeated:
            return

    async def _detail(self, number: str, summary: wire.Summary, body: bytes) -> Batch:
        if products.PRODUCT_STATUSES[summary.status_name] is ProductStatus.DELETED:
            gone = partial(products.take_deleted, summary)
            return rows.read_rows("products", [msgspec.Raw(body)], gone, lambda _: number)
        if not is_number(number):
            return _not_read("products", f"no sellerProductId: {number!r}", body.decode(), number)
        path = f"{SELLER}/seller-products/{number}"
        try:
            raw = await self._api.read("GET", path, decode=lambda it: checked(it, wire.Single).data)
        except MarketRejected as error:
            return _not_read("products", f"no detail: {error}", body.decode(), number)
        take = partial(products.take_detail, summary)
        return rows.read_rows("products", [raw], take, lambda _: number)

    async def offers(self, options: Sequence[OptionKey]) -> AsyncIterator[Batch]:
        """Yield stock and price, one call per option (§4.6)."""

        async def jobs() -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
            for option in options:
                yield partial(self._offer, option)

        async for batch in in_order(jobs(), ahead=self._ahead):
            yield batch

    async def _offer(self, option: OptionKey) -> Batch:
        number, name = option.option_no, " ".join(option)
        if not is_number(number):
            return _not_read("offers", f"no vendorItemId: {number[:40]!r}", name, number)
        try:
            raw = await read_inventory(self._api, number)
        except MarketRejected as error:
            return _not_read("offers", f"no offer: {error}", name, number)
        take = partial(products.take_inventory, *option)
        return rows.read_rows("offers", [raw], take, lambda _: number)

    # ── writes ─────────────────────────────────────────────────────────────────────────────────
    async def confirm(self, lines: Sequence[LineKey]) -> list[WriteResult]:
        """ACCEPT → INSTRUCT for the boxes of these lines, 50 a call (§6.1).

        Read the lines again afterwards: until this moment the buyer may have changed the address.
        """
        return await self._boxes.confirm(lines)

    async def dispatch(self, dispatches: Sequence[Dispatch]) -> list[WriteResult]:
        """INSTRUCT → DEPARTURE; name all lines of a box together, with one invoice (§6.2)."""
        return await self._boxes.dispatch(dispatches)

    async def set_stock(self, changes: Sequence[StockChange]) -> list[WriteResult]:
        """Set the stock of each option, one call each (§4.7)."""
        return await self._options.set_stock(changes)

    async def set_prices(self, changes: Sequence[PriceChange]) -> list[WriteResult]:
        """Set the price of each option; refused here beyond -50 % and +100 % (§4.8)."""
        return await self._options.set_prices(changes)

    async def set_on_sale(self, options: Sequence[OptionKey], on_sale: bool) -> list[WriteResult]:
        """Stop or resume the sale of each option (§4.9)."""
        return await self._options.set_on_sale(options, on_sale)


def _check(credentials: Mapping[str, str]) -> None:
    for name, form in CREDENTIALS.items():
        value = credentials.get(name)
        if not value:
            raise SettingsError(f"credentials.{name}: is required for coupang")
        if not form.fullmatch(value):
            raise SettingsError(f"credentials.{name}: holds a character that no key has")


async def _ready(batch: Batch) -> Batch:
    return batch


def _not_read(kind: str, why: str, body: str, number: str) -> Batch:
    """Return the report of one thing that the market would not show."""
    return Batch(rejected=[Rejected(kind, why, body, number)])


def _days(window: Window) -> tuple[str, str]:
    """Return the first and last Korean day of a window, both included."""
    days = clock.days(window)
    return days[0].isoformat(), days[-1].isoformat()
