"""One seller at Coupang. Source: coupang.md (sections named below)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from erp_assets import clock
from erp_assets.clock import KST, Window
from erp_assets.errors import (
    AnswerLost,
    BadPayload,
    MarketRejected,
    SettingsError,
    TransientError,
)
from erp_assets.markets import rows
from erp_assets.markets.client import WAITS_S, ApiClient, in_order, streams_in_order
from erp_assets.markets.coupang import wire
from erp_assets.markets.coupang.answers import checked, classify, verdict
from erp_assets.markets.coupang.auth import Signature
from erp_assets.markets.throttle import Reserve, Throttle
from erp_assets.records import (
    Batch,
    Claim,
    ClaimKind,
    ClaimStatus,
    Dispatch,
    LineKey,
    LineStatus,
    LineUpdate,
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
SELLER = "/v2/providers/seller_api/apis/api/v1/marketplace"
OPEN = "/v2/providers/openapi/apis/api"
SLICE_DAYS = 7
BOXES = 50
"""Page size, and boxes per write (§5.2, §6.1)."""
PRODUCTS = 100
MAX_PAGES = 20_000
MAX_STOCK = 99_999
PATIENCE = {"X-EXTENDED-TIMEOUT": "60000"}
"""Lists may take longer than the gateway's three seconds (§1.1)."""
RECEIPTS: Sequence[Mapping[str, str]] = (
    {"cancelType": "CANCEL"},
    {"status": "RU"},
    {"status": "UC"},
    {"status": "PR"},
    {"status": "CC"},
)
"""Receipt lists, in the order in which receipts move (§7.1)."""

Take = Callable[[bytes, Batch], None]
Line = TypeVar("Line", LineKey, Dispatch)
Item = TypeVar("Item", OptionKey, StockChange, PriceChange)


class Repeated(BadPayload):
    """A page named a mark that was followed before."""


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
        now: Callable[[], datetime] = clock.utc_now,
    ) -> None:
        """credentials: vendor_id, access_key, secret_key. rate: calls/s, None = no limit."""
        for name in ("vendor_id", "access_key", "secret_key"):
            if not credentials.get(name):
                raise SettingsError(f"credentials.{name}: is required for coupang")
        self._vendor = credentials["vendor_id"]
        self._ahead = concurrency
        self._api = ApiClient(
            base_url=base_url,
            throttle=Throttle(rate, reserve=reserve, block=reserve_block, sleep=sleep),
            classify=classify,
            auth=Signature(credentials["access_key"], credentials["secret_key"], now),
            headers={"X-Requested-By": self._vendor},
            timeout_s=95.0,
            concurrency=concurrency,
            waits_s=waits_s,
            sleep=sleep,
            transport=transport,
        )

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
            date = response.headers.get("date")
            return parsedate_to_datetime(date) if date else None

        query = {"vendorId": self._vendor, "maxPerPage": "1"}
        return await self._api.read("GET", f"{SELLER}/seller-products", params=query, decode=decode)

    # ── pages ──────────────────────────────────────────────────────────────────────────────────
    async def _pages(
        self,
        kind: str,
        path: str,
        query: Mapping[str, str],
        take: Take,
        number: Callable[[bytes], str | None],
        mark: str = "nextToken",
    ) -> AsyncIterator[Batch]:
        """Yield the pages of a list; a mark that comes back ends it with a rejected row (§9)."""
        followed: set[str] = set()
        asked = dict(query)

        def decode(response: httpx.Response) -> wire.Page:
            page = checked(response, wire.Page)
            if page.token and (page.token in followed or len(followed) >= MAX_PAGES):
                raise Repeated(f"page repeated: {mark} {page.token[:60]!r} was followed before")
            return page

        while True:
            try:
                page = await self._api.read(
                    "GET", path, params=asked, headers=PATIENCE, decode=decode
                )
            except Repeated as error:
                yield Batch(rejected=[Rejected(kind, str(error), f"{path} {asked}")])
                raise
            yield rows.read_rows(kind, page.data, take, number)
            if not page.token:
                return
            followed.add(page.token)
            asked[mark] = page.token

    async def _whole(self, streams: Iterable[AsyncIterator[Batch]]) -> AsyncIterator[Batch]:
        """Yield the batches of several lists, one list after the other."""
        for stream in streams:
            async for batch in stream:
                yield batch

    async def _by_slices(
        self,
        windows: Sequence[Window],
        read: Callable[[Window], AsyncIterator[Batch]],
    ) -> AsyncIterator[Batch]:
        """Yield every slice, oldest first; a list that repeats itself ends without its promise."""

        async def sliced(window: Window) -> AsyncIterator[Batch]:
            async for batch in read(window):
                yield batch
            yield Batch(complete_until=window.until)

        try:
            streams = (sliced(window) for window in windows)
            async for batch in streams_in_order(streams, ahead=self._ahead):
                yield batch
        except Repeated:
            return

    # ── orders ─────────────────────────────────────────────────────────────────────────────────
    async def orders(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield boxes placed on the Korean days of [since, until), status after status (§5)."""
        windows = list(clock.day_windows(since, until, width_days=SLICE_DAYS))
        async for batch in self._by_slices(windows, self._sheets):
            yield batch

    def _sheets(self, window: Window) -> AsyncIterator[Batch]:
        """Yield the boxes of a slice in the order in which they move, so that none slips past."""
        first, last = _days(window)
        span = {"createdAtFrom": f"{first}+09:00", "createdAtTo": f"{last}+09:00"}
        path = f"{OPEN}/v5/vendors/{self._vendor}/ordersheets"
        number = wire.number_of("shipmentBoxId")
        return self._whole(
            self._pages(
                "orders",
                path,
                {**span, "status": status, "maxPerPage": str(BOXES)},
                wire.take_sheet,
                number,
            )
            for status in wire.LINE_STATUSES
        )

    async def orders_by_no(self, order_nos: Sequence[str]) -> AsyncIterator[Batch]:
        """Yield all boxes of each order; cancelled ones are no longer shown (§5.5)."""

        async def jobs() -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
            for order_no in order_nos:
                yield partial(self._order, order_no)

        async for batch in in_order(jobs(), ahead=self._ahead):
            yield batch

    async def _order(self, order_no: str) -> Batch:
        path = f"{OPEN}/v5/vendors/{self._vendor}/{quote(order_no, safe='')}/ordersheets"
        try:
            found = await self._api.read(
                "GET", path, decode=lambda it: wire.elements(checked(it, wire.Single).data)
            )
        except MarketRejected:
            return Batch()
        return rows.read_rows("orders", found, wire.take_sheet, wire.number_of("shipmentBoxId"))

    def lines_again(self, lines: Sequence[LineKey]) -> AsyncIterator[Batch]:
        """Yield the orders of these lines."""
        return self.orders_by_no(list(dict.fromkeys(line.order_no for line in lines)))

    async def line_keys(self, since: datetime, until: datetime) -> set[tuple[str, str]]:
        """Return the lines of every box listed for the days of [since, until)."""
        keys: set[tuple[str, str]] = set()
        async for batch in self.orders(since, until):
            keys.update((line.order_no, line.line_no) for line in batch.lines)
        return keys

    # ── claims ─────────────────────────────────────────────────────────────────────────────────
    async def claims(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield receipts, withdrawals and exchanges made on the days of [since, until) (§7).

        A line whose pieces are all cancelled leaves the order lists, so finished receipts also
        update lines.
        """
        gone: dict[str, dict[str, Claim]] = {}
        windows = list(clock.day_windows(since, until, width_days=SLICE_DAYS))
        async for batch in self._by_slices(windows, self._claims):
            batch.line_updates += _whole_lines(batch, gone)
            yield batch

    def _claims(self, window: Window) -> AsyncIterator[Batch]:
        first, last = _days(window)
        openapi = f"{OPEN}/v4/vendors/{self._vendor}"
        span = {"createdAtFrom": first, "createdAtTo": last, "maxPerPage": str(BOXES)}
        receipts = [
            self._pages(
                "claims",
                f"{OPEN}/v6/vendors/{self._vendor}/returnRequests",
                {**span, **wanted},
                wire.take_receipt,
                wire.number_of("receiptId"),
            )
            for wanted in RECEIPTS
        ]
        withdrawn = self._pages(
            "claims",
            f"{openapi}/returnWithdrawRequests",
            {"dateFrom": first, "dateTo": last, "pageIndex": "1", "sizePerPage": "100"},
            wire.take_withdrawal,
            wire.number_of("cancelId"),
            mark="pageIndex",
        )
        until = window.until - timedelta(seconds=1)  # both ends are included, 7 days refused
        since, until_text = (
            f"{at.astimezone(KST):%Y-%m-%dT%H:%M:%S}" for at in (window.since, until)
        )
        exchanges = self._pages(
            "claims",
            f"{openapi}/exchangeRequests",
            {"createdAtFrom": since, "createdAtTo": until_text, "maxPerPage": str(BOXES)},
            wire.take_exchange,
            wire.number_of("exchangeId"),
        )
        return self._whole([*receipts, withdrawn, exchanges])

    # ── products ───────────────────────────────────────────────────────────────────────────────
    async def products(self) -> AsyncIterator[Batch]:
        """Yield every listing with its approved options: a list, and a call per listing (§4)."""
        async for batch in in_order(self._details(), ahead=self._ahead):
            yield batch

    async def _details(self) -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
        found: list[tuple[wire.Summary, bytes]] = []

        def take(body: bytes, batch: Batch) -> None:
            summary = wire.SUMMARIES.decode(body)
            wire.product_status(summary.status_name)
            found.append((summary, body))

        number = wire.number_of("sellerProductId")
        query = {"vendorId": self._vendor, "maxPerPage": str(PRODUCTS), "nextToken": "1"}
        pages = self._pages("products", f"{SELLER}/seller-products", query, take, number)
        try:
            async for page in pages:
                yield partial(_ready, page)
                while found:
                    yield partial(self._detail, *found.pop(0))
        except Repeated:
            return

    async def _detail(self, summary: wire.Summary, body: bytes) -> Batch:
        batch = Batch()
        number = str(summary.seller_product_id)
        if wire.PRODUCT_STATUSES[summary.status_name] is ProductStatus.DELETED:
            wire.take_deleted(summary, body, batch)
            return batch
        path = f"{SELLER}/seller-products/{quote(number, safe='')}"
        try:
            raw = await self._api.read("GET", path, decode=lambda it: checked(it, wire.Single).data)
        except MarketRejected as error:
            return Batch(
                rejected=[Rejected("products", f"no detail: {error}", body.decode(), number)]
            )
        return rows.read_rows(
            "products", [raw], partial(wire.take_detail, summary), lambda _: number
        )

    async def offers(self, options: Sequence[OptionKey]) -> AsyncIterator[Batch]:
        """Yield stock and price, one call per option (§4.6)."""

        async def jobs() -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
            for option in options:
                yield partial(self._offer, option)

        async for batch in in_order(jobs(), ahead=self._ahead):
            yield batch

    async def _offer(self, option: OptionKey) -> Batch:
        try:
            raw = await self._inventory(option.option_no)
        except MarketRejected as error:
            name = " ".join(option)
            return Batch(
                rejected=[Rejected("offers", f"no offer: {error}", name, option.option_no)]
            )
        return rows.read_rows(
            "offers", [raw], partial(wire.take_inventory, *option), lambda _: option.option_no
        )

    async def _inventory(self, option_no: str) -> msgspec.Raw:
        path = _item(option_no, "inventories")
        return await self._api.read("GET", path, decode=lambda it: checked(it, wire.Single).data)

    # ── writes ─────────────────────────────────────────────────────────────────────────────────
    async def confirm(self, lines: Sequence[LineKey]) -> list[WriteResult]:
        """ACCEPT → INSTRUCT for the boxes of these lines, 50 a call (§6.1)."""
        path = f"{OPEN}/v4/vendors/{self._vendor}/ordersheets/acknowledgement"
        return await self._by_box("PUT", path, lines, self._acknowledgement)

    def _acknowledgement(self, boxes: Mapping[int, Sequence[LineKey]]) -> dict[str, object]:
        return {"vendorId": self._vendor, "shipmentBoxIds": list(boxes)}

    async def dispatch(self, dispatches: Sequence[Dispatch]) -> list[WriteResult]:
        """INSTRUCT → DEPARTURE; name all lines of a box together, with one invoice (§6.2)."""
        path = f"{OPEN}/v4/vendors/{self._vendor}/orders/invoices"
        return await self._by_box("POST", path, dispatches, self._parcels)

    def _parcels(self, boxes: Mapping[int, Sequence[Dispatch]]) -> dict[str, object]:
        parcels = [_parcel(each) for some in boxes.values() for each in some]
        return {"vendorId": self._vendor, "orderSheetInvoiceApplyDtos": parcels}

    async def _by_box(
        self,
        method: str,
        path: str,
        lines: Sequence[Line],
        body: Callable[[Mapping[int, Sequence[Line]]], dict[str, object]],
    ) -> list[WriteResult]:
        """Send lines box by box; what Coupang says of a box holds for each of its lines."""
        boxes: dict[int, list[Line]] = {}
        results: dict[tuple[str, str], WriteResult] = {}
        for line in lines:
            try:
                boxes.setdefault(_box(line), []).append(line)
            except ValueError as error:
                results[_key(line)] = _refused(line, str(error))
        numbers = list(boxes)
        for start in range(0, len(numbers), BOXES):
            some = {number: boxes[number] for number in numbers[start : start + BOXES]}
            results |= await self._send_boxes(method, path, some, body(some))
        return [results[_key(line)] for line in lines]

    async def _send_boxes(
        self,
        method: str,
        path: str,
        boxes: Mapping[int, Sequence[Line]],
        body: dict[str, object],
    ) -> dict[tuple[str, str], WriteResult]:
        lines = [line for some in boxes.values() for line in some]
        try:
            said = await self._api.write(
                method, path, json=body, decode=lambda it: checked(it, wire.Verdicts).data
            )
        except (MarketRejected, TransientError) as error:
            return {_key(line): _failed(line, error) for line in lines}
        verdicts = {str(each.shipment_box_id): each for each in said.response_list or []}
        return {
            _key(line): _judged(_key(line), verdicts.get(str(number)), said)
            for number, some in boxes.items()
            for line in some
        }

    async def set_stock(self, changes: Sequence[StockChange]) -> list[WriteResult]:
        """Set the stock of each option, one call each (§4.7)."""
        return await self._each(changes, self._set_stock)

    async def _set_stock(self, change: StockChange) -> WriteResult:
        if not 0 <= change.stock <= MAX_STOCK:
            return _refused(change, f"stock {change.stock} is not within 0 and {MAX_STOCK}")
        return await self._put(change, f"quantities/{change.stock}")

    async def set_prices(self, changes: Sequence[PriceChange]) -> list[WriteResult]:
        """Set the price of each option; −50 % to +100 % of the present one, tens of won (§4.8)."""
        return await self._each(changes, self._set_price)

    async def _set_price(self, change: PriceChange) -> WriteResult:
        if change.price <= 0 or change.price % 10:
            return _refused(change, f"price {change.price} is not a positive multiple of 10 won")
        try:
            found = rows.read_rows(
                "offers",
                [await self._inventory(change.option_no)],
                partial(wire.take_inventory, change.product_no, change.option_no),
                lambda _: change.option_no,
            )
        except (MarketRejected, TransientError) as error:
            return _failed(change, error)
        if not found.offers:
            return _refused(change, f"the present price cannot be read: {found.rejected[0].reason}")
        now = found.offers[0].price
        if not now <= change.price * 2 <= now * 4:
            return _refused(
                change, f"price {change.price} is not within 50 % and 200 % of the present {now}"
            )
        return await self._put(change, f"prices/{change.price}")

    async def set_on_sale(self, options: Sequence[OptionKey], on_sale: bool) -> list[WriteResult]:
        """Stop or resume the sale of each option (§4.9)."""
        action = "sales/resume" if on_sale else "sales/stop"
        return await self._each(options, lambda option: self._put(option, action))

    async def _put(self, item: OptionKey | StockChange | PriceChange, action: str) -> WriteResult:
        key = (item.product_no, item.option_no)
        try:
            message = await self._api.write("PUT", _item(item.option_no, action), decode=verdict)
        except (MarketRejected, TransientError) as error:
            return _failed(item, error)
        return WriteResult(key, ok=True, message=message)

    async def _each(
        self, items: Sequence[Item], write: Callable[[Item], Awaitable[WriteResult]]
    ) -> list[WriteResult]:
        """Write item by item, a few at once; answers in the order asked."""

        async def jobs() -> AsyncIterator[Callable[[], Awaitable[WriteResult]]]:
            for item in items:
                yield partial(write, item)

        return [result async for result in in_order(jobs(), ahead=self._ahead)]


async def _ready(batch: Batch) -> Batch:
    return batch


def _days(window: Window) -> tuple[str, str]:
    """Return the first and last Korean day of a window, both included."""
    days = clock.days(window)
    return days[0].isoformat(), days[-1].isoformat()


def _whole_lines(batch: Batch, gone: dict[str, dict[str, Claim]]) -> list[LineUpdate]:
    """Return updates of lines whose last piece a finished receipt took.

    gone: finished parts so far, by line and receipt; a receipt may show up in several lists. A line
    of which one piece came back after shipping counts as returned, as its order sheet tells it.
    """
    bought: dict[str, int] = {}
    for document in batch.documents:
        if not document.document_no.startswith("E"):
            bought |= wire.purchased(document.body.encode())
    updates = []
    for claim in batch.claims:
        if claim.status is not ClaimStatus.DONE or claim.claim_no.startswith("E"):
            continue
        parts = gone.setdefault(claim.line_no, {})
        parts[claim.claim_no] = claim
        total = sum(part.quantity for part in parts.values())
        if 0 < bought.get(claim.line_no, 0) <= total:
            is_return = any(part.kind is ClaimKind.RETURN for part in parts.values())
            updates.append(
                LineUpdate(
                    claim.order_no,
                    claim.line_no,
                    LineStatus.RETURNED if is_return else LineStatus.CANCELLED,
                    held_quantity=0,
                    cancelled_quantity=total,
                )
            )
    return updates


def _item(option_no: str, action: str) -> str:
    return f"{SELLER}/vendor-items/{quote(option_no, safe='')}/{action}"


def _box(line: LineKey | Dispatch) -> int:
    box, dash, item = line.line_no.partition("-")
    if not (dash and box.isdecimal() and item.isdecimal()):
        raise ValueError(f"line_no {line.line_no!r} is not <shipmentBoxId>-<vendorItemId>")
    return int(box)


def _parcel(dispatch: Dispatch) -> dict[str, object]:
    box, _, item = dispatch.line_no.partition("-")
    return {
        "shipmentBoxId": int(box),
        "orderId": int(dispatch.order_no) if dispatch.order_no.isdecimal() else dispatch.order_no,
        "vendorItemId": int(item),
        "deliveryCompanyCode": dispatch.carrier,
        "invoiceNumber": dispatch.invoice_no.replace("-", "").replace(" ", ""),
        "splitShipping": False,
        "preSplitShipped": False,
        "estimatedShippingDate": "",
    }


def _key(item: Any) -> tuple[str, str]:
    return (item[0], item[1])


def _judged(
    key: tuple[str, str], said: wire.Verdict | None, whole: wire.VerdictList
) -> WriteResult:
    if said is None:
        is_ok = whole.response_code == 0
        return WriteResult(
            key, ok=is_ok, code=str(whole.response_code), message=whole.response_message or ""
        )
    return WriteResult(
        key, ok=said.succeed, code=said.result_code or "", message=said.result_message or ""
    )


def _refused(item: Any, why: str) -> WriteResult:
    """Return the result of a write that was not even sent."""
    return WriteResult(_key(item), ok=False, code="refused_here", message=why)


def _failed(item: Any, error: MarketRejected | TransientError) -> WriteResult:
    if isinstance(error, AnswerLost):
        return WriteResult(_key(item), ok=False, code="lost", message=str(error), is_lost=True)
    code = error.code if isinstance(error, MarketRejected) else "unavailable"
    return WriteResult(_key(item), ok=False, code=code, message=str(error))
