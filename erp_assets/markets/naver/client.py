"""One seller at Naver Smart Store. Source: naver.md (sections named below)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from erp_assets import clock
from erp_assets.clock import KST, Window
from erp_assets.errors import AnswerLost, BadPayload, BadRow, MarketRejected, TransientError
from erp_assets.markets import rows
from erp_assets.markets.client import WAITS_S, ApiClient, in_order, streams_in_order
from erp_assets.markets.naver import auth, changes, wire
from erp_assets.markets.naver.answers import TokenRefused, classify, classify_token, decoded
from erp_assets.markets.throttle import Reserve, Throttle
from erp_assets.records import (
    Batch,
    Dispatch,
    LineKey,
    LineStatus,
    OptionKey,
    PriceChange,
    Product,
    ProductStatus,
    Rejected,
    StockChange,
    WriteResult,
)

BASE_URL = "https://api.commerce.naver.com/external"
RATE = 20.0
ORDER_RATE = 2.0
"""Calls per second and API until an answer's headers say otherwise (§3.2)."""
RATE_HEADER = "GNCP-GW-RateLimit-Replenish-Rate"
LINES = "/v1/pay-order/seller/product-orders"
ORIGIN = "/v1/products/origin-products"
DAY = timedelta(hours=24)
MILLISECOND = timedelta(milliseconds=1)
PAGE = 300
PRODUCTS = 500
WRITES = 30
MAX_PAGES = 20_000

T = TypeVar("T")
Change = TypeVar("Change", StockChange, PriceChange, OptionKey)
Line = TypeVar("Line", LineKey, Dispatch)


class Repeated(BadPayload):
    """A page led back to where it was."""


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
        self._credentials = credentials
        self._now = now
        self._ahead = concurrency
        self._known_rates: set[str] = set()
        self._throttle = Throttle(rate, reserve=reserve, block=reserve_block, sleep=sleep)
        speak = partial(
            ApiClient,
            base_url=base_url if urlsplit(base_url).path.strip("/") else f"{base_url}/external",
            throttle=self._throttle,
            concurrency=concurrency,
            waits_s=waits_s,
            sleep=sleep,
            transport=transport,
        )
        self._api = speak(classify=classify)
        self._gate = speak(classify=classify_token)
        self._tokens = auth.Tokens(self._fetch_token)
        if rate is not None:
            for bucket in ("token", "feed", "query", "search", "numbers", "confirm", "dispatch"):
                self._throttle.set_rate(bucket, ORDER_RATE)

    @property
    def calls(self) -> int:
        """HTTP calls made so far, token calls included."""
        return self._api.calls + self._gate.calls

    @property
    def busy_answers(self) -> int:
        """429 answers met so far."""
        return self._api.busy_answers + self._gate.busy_answers

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()
        await self._gate.aclose()

    # ── calls ──────────────────────────────────────────────────────────────────────────────────
    async def _fetch_token(self) -> tuple[str, float]:
        def fresh() -> int:
            return int(self._now().timestamp() * 1000)

        form = await asyncio.to_thread(auth.form, self._credentials, fresh())
        grant = await self._gate.read(
            "POST",
            "/v1/oauth2/token",
            bucket="token",
            data=form,
            decode=lambda it: decoded(it, wire.Grant),
        )
        return grant.access_token, grant.expires_in

    async def _call(
        self,
        method: str,
        path: str,
        *,
        decode: Callable[[httpx.Response], T],
        bucket: str,
        is_write: bool = False,
        **options: Any,
    ) -> T:
        """Send with a token; a refused one is renewed once, because it may end early (§2.4)."""

        def heard(response: httpx.Response) -> T:
            self._follow(bucket, response)
            return decode(response)

        send = self._api.write if is_write else self._api.read
        token = await self._tokens.get()
        for _ in range(2):
            headers = {"Authorization": f"Bearer {token}"}
            try:
                return await send(
                    method, path, decode=heard, bucket=bucket, headers=headers, **options
                )
            except TokenRefused as error:
                refused = error
                self._tokens.drop(token)
                token = await self._tokens.get()
        raise refused

    def _follow(self, bucket: str, response: httpx.Response) -> None:
        """Take over the rate that the gateway announces for an API (§3.2)."""
        try:
            self._throttle.set_rate(bucket, float(response.headers[RATE_HEADER]))
        except (KeyError, ValueError):
            return

    async def _read(self, method: str, path: str, kind: type[T], bucket: str, **options: Any) -> T:
        return await self._call(
            method,
            path,
            decode=lambda it: decoded(it, kind),
            bucket=bucket,
            **options,
        )

    async def ping(self) -> datetime | None:
        """Ask for the account's name (§6); return the server's clock."""

        def decode(response: httpx.Response) -> datetime | None:
            decoded(response, wire.Store)
            date = response.headers.get("date")
            return parsedate_to_datetime(date) if date else None

        return await self._call("GET", "/v1/seller/account", decode=decode, bucket="account")

    # ── orders ─────────────────────────────────────────────────────────────────────────────────
    async def orders(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield lines that changed in [since, until), with their claims (§5.1, §5.2)."""
        async for batch in self._changed(since, until, lambda _: True):
            yield batch

    async def claims(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield lines with a claim that changed in [since, until), with all their claims."""
        async for batch in self._changed(since, until, lambda it: it.claim_type is not None):
            yield batch

    async def _changed(
        self, since: datetime, until: datetime, is_wanted: Callable[[wire.Change], bool]
    ) -> AsyncIterator[Batch]:
        """Yield window after window; one that leads back to itself ends the reading."""
        until = min(until, self._now())
        windows = clock.windows(since, until, width=DAY)
        streams = (self._window(window, is_wanted) for window in windows)
        try:
            async for batch in streams_in_order(streams, ahead=self._ahead):
                yield batch
        except Repeated as error:
            yield Batch(rejected=[Rejected("orders", str(error), str(error))])

    async def _window(
        self, window: Window, is_wanted: Callable[[wire.Change], bool]
    ) -> AsyncIterator[Batch]:
        async for batch in in_order(self._pages(window, is_wanted), ahead=2):
            yield batch
        yield Batch(complete_until=window.until)

    async def _pages(
        self, window: Window, is_wanted: Callable[[wire.Change], bool]
    ) -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
        """Yield a job per page of the feed: read the details of its lines."""
        asked = {
            "lastChangedFrom": _stamp(window.since),
            "lastChangedTo": _stamp(window.until - timedelta(microseconds=1)),
            "limitCount": str(PAGE),
        }
        followed: set[tuple[str, str]] = set()

        def decode(response: httpx.Response) -> wire.Changes:
            page = decoded(response, wire.Feed).data or wire.Changes()
            if page.more is not None and _mark(page.more) in followed:
                raise Repeated(f"page repeated: the feed leads back to {_mark(page.more)}")
            return page

        while True:
            page = await self._call(
                "GET",
                f"{LINES}/last-changed-statuses",
                decode=decode,
                bucket="feed",
                params=asked,
            )
            yield partial(self._page, page, is_wanted)
            if page.more is None:
                return
            if len(followed) >= MAX_PAGES:
                raise Repeated(f"page repeated: the feed goes on after {MAX_PAGES} pages")
            followed.add(_mark(page.more))
            asked |= {
                "lastChangedFrom": page.more.more_from,
                "moreSequence": str(page.more.more_sequence),
            }

    async def _page(self, page: wire.Changes, is_wanted: Callable[[wire.Change], bool]) -> Batch:
        numbers: dict[str, None] = {}

        def take(body: bytes, _: Batch) -> None:
            change = wire.CHANGES.decode(body)
            if is_wanted(change):
                numbers[change.product_order_id] = None

        batch = rows.read_rows("orders", page.last_change_statuses, take, wire.line_number)
        if numbers:
            batch.extend(await self._details(list(numbers)))
        return batch

    async def _details(self, numbers: Sequence[str]) -> Batch:
        """Read up to 300 lines by number; those the market leaves out are reported."""
        found = await self._read(
            "POST",
            f"{LINES}/query",
            wire.Details,
            "query",
            json={"productOrderIds": list(numbers), "quantityClaimCompatibility": True},
        )
        batch = rows.read_rows("orders", found.data, wire.take_detail, wire.line_number)
        told = {line.line_no for line in batch.lines} | {it.document_no for it in batch.rejected}
        batch.rejected += [
            Rejected("orders", "the market lists this line but does not show it", number, number)
            for number in numbers
            if number not in told
        ]
        return batch

    async def orders_by_no(self, order_nos: Sequence[str]) -> AsyncIterator[Batch]:
        """Yield all lines of each order (§5.4)."""
        jobs = _jobs(partial(self._numbers, order_no) for order_no in order_nos)
        waiting: list[str] = []
        async for numbers in in_order(jobs, ahead=self._ahead):
            waiting += numbers
            while len(waiting) >= PAGE:
                yield await self._details(waiting[:PAGE])
                del waiting[:PAGE]
        if waiting:
            yield await self._details(waiting)

    async def _numbers(self, order_no: str) -> list[str]:
        path = f"/v1/pay-order/seller/orders/{quote(order_no, safe='')}/product-order-ids"
        try:
            return (await self._read("GET", path, wire.Numbers, "numbers")).data
        except MarketRejected:
            return []

    async def lines_again(self, lines: Sequence[LineKey]) -> AsyncIterator[Batch]:
        """Yield these lines, 300 a call."""
        numbers = [line.line_no for line in lines]
        parts = [numbers[start : start + PAGE] for start in range(0, len(numbers), PAGE)]
        jobs = _jobs(partial(self._details, part) for part in parts)
        async for batch in in_order(jobs, ahead=self._ahead):
            yield batch

    async def line_keys(self, since: datetime, until: datetime) -> set[tuple[str, str]]:
        """Return the lines paid in [since, until), by a search the feed does not use (§5.3)."""
        keys: set[tuple[str, str]] = set()
        until = min(until, self._now())
        for window in clock.windows(since, until, width=DAY):
            keys |= await self._paid(window)
        return keys

    async def _paid(self, window: Window) -> set[tuple[str, str]]:
        keys: set[tuple[str, str]] = set()
        asked = {
            "from": _stamp(window.since),
            "to": _stamp(window.until - timedelta(microseconds=1)),
            "rangeType": "PAYED_DATETIME",
            "pageSize": str(PAGE),
            "quantityClaimCompatibility": "true",
        }
        for page in range(1, MAX_PAGES):
            found = await self._read(
                "GET", LINES, wire.Search, "search", params={**asked, "page": str(page)}
            )
            contents = found.data or wire.Contents()
            keys |= {(it.content.order.order_id, it.product_order_id) for it in contents.contents}
            if contents.pagination is None or not contents.pagination.has_next:
                break
        return keys

    # ── products ───────────────────────────────────────────────────────────────────────────────
    async def products(self) -> AsyncIterator[Batch]:
        """Yield every listing with options, stock and price: a list, a call per listing (§4)."""
        async for batch in in_order(self._listed(), ahead=self._ahead):
            yield batch

    async def _listed(self) -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
        for number in range(1, MAX_PAGES):
            page = await self._read(
                "POST",
                "/v1/products/search",
                wire.ProductPage,
                "list",
                json={"page": number, "size": PRODUCTS, "orderType": "NO"},
            )
            products: list[Product] = []
            yield partial(_ready, _read_list(page.contents, products))
            for product in products:
                yield partial(self._product, product)
            if page.last or (page.last is None and number >= page.total_pages):
                return

    async def _product(self, product: Product) -> Batch:
        if product.status is ProductStatus.DELETED:
            return Batch(products=[product])
        path = f"/v2/products/origin-products/{quote(product.product_no, safe='')}"
        try:
            body = await self._call("GET", path, decode=_json_bytes, bucket="detail")
        except MarketRejected as error:
            reason = f"no detail: {error}"
            return Batch(rejected=[Rejected("products", reason, product.name, product.product_no)])
        return rows.read_rows(
            "products", [body], partial(wire.take_product, product), lambda _: product.product_no
        )

    async def offers(self, options: Sequence[OptionKey]) -> AsyncIterator[Batch]:
        """Yield stock and price of the options, one call per listing."""
        wanted: dict[str, set[str]] = {}
        for option in options:
            wanted.setdefault(option.product_no, set()).add(option.option_no)
        jobs = _jobs(partial(self._offers, number, some) for number, some in wanted.items())
        async for batch in in_order(jobs, ahead=self._ahead):
            yield batch

    async def _offers(self, product_no: str, wanted: set[str]) -> Batch:
        try:
            origin = await self._origin(product_no)
        except MarketRejected as error:
            reason = f"no offer: {error}"
            return Batch(rejected=[Rejected("offers", reason, product_no, product_no)])
        try:
            offers = wire.offers_of(product_no, origin)
        except BadRow as error:
            return Batch(rejected=[Rejected("offers", str(error), str(origin), product_no)])
        return Batch(offers=[offer for offer in offers if offer.option_no in wanted])

    async def _origin(self, product_no: str) -> wire.Origin:
        path = f"/v2/products/origin-products/{quote(product_no, safe='')}"
        return (await self._read("GET", path, wire.ProductDetail, "detail")).origin_product

    # ── writes ─────────────────────────────────────────────────────────────────────────────────
    async def confirm(self, lines: Sequence[LineKey]) -> list[WriteResult]:
        """Confirm lines, 30 a call; each has its own verdict (§5.6)."""

        def body(some: Sequence[LineKey]) -> dict[str, object]:
            return {"productOrderIds": [line.line_no for line in some]}

        return await self._write_lines("confirm", lines, body)

    async def dispatch(self, dispatches: Sequence[Dispatch]) -> list[WriteResult]:
        """Ship lines with carrier and number, 30 a call (§5.6)."""

        def body(some: Sequence[Dispatch]) -> dict[str, object]:
            return {"dispatchProductOrders": [_parcel(each) for each in some]}

        return await self._write_lines("dispatch", dispatches, body)

    async def _write_lines(
        self,
        action: str,
        lines: Sequence[Line],
        body: Callable[[Sequence[Line]], dict[str, object]],
    ) -> list[WriteResult]:
        results: list[WriteResult] = []
        for start in range(0, len(lines), WRITES):
            some = lines[start : start + WRITES]
            try:
                said = await self._call(
                    "POST",
                    f"{LINES}/{action}",
                    is_write=True,
                    decode=lambda it: decoded(it, wire.Written).data or wire.Outcome(),
                    bucket=action,
                    json=body(some),
                )
            except (MarketRejected, TransientError) as error:
                results += [failed((line.order_no, line.line_no), error) for line in some]
            else:
                results += [_judged(line, said) for line in some]
        return results

    async def set_stock(self, changes_: Sequence[StockChange]) -> list[WriteResult]:
        """Set stock; all options of a listing go in one call (§4.6, §4.7)."""
        return await self._by_listing(changes_, changes.stock)

    async def set_prices(self, changes_: Sequence[PriceChange]) -> list[WriteResult]:
        """Set prices, surcharge included; refused here where Naver's rules would (§4.3)."""
        return await self._by_listing(changes_, changes.prices)

    async def set_on_sale(self, options: Sequence[OptionKey], on_sale: bool) -> list[WriteResult]:
        """Stop or resume options; a whole listing changes its status (§4.5)."""
        return await self._by_listing(options, partial(changes.on_sale, on_sale=on_sale))

    async def _by_listing(
        self, items: Sequence[Change], plan: Callable[[wire.Origin, Sequence[Change]], changes.Plan]
    ) -> list[WriteResult]:
        """Write listing by listing: what is not named in a write would be wiped, so read first."""
        groups: dict[str, list[Change]] = {}
        for item in items:
            groups.setdefault(item.product_no, []).append(item)
        jobs = _jobs(partial(self._write_listing, no, some, plan) for no, some in groups.items())
        results: dict[tuple[str, str], WriteResult] = {}
        async for some in in_order(jobs, ahead=self._ahead):
            results |= {result.key: result for result in some}
        return [results[item.product_no, item.option_no] for item in items]

    async def _write_listing(
        self,
        product_no: str,
        items: Sequence[Change],
        plan: Callable[[wire.Origin, Sequence[Change]], changes.Plan],
    ) -> list[WriteResult]:
        keys = {(item.product_no, item.option_no) for item in items}
        try:
            planned = plan(await self._origin(product_no), items)
            for call in planned.calls:
                await self._call(
                    call.method,
                    call.path.format(no=quote(product_no, safe="")),
                    is_write=True,
                    decode=lambda it: it,
                    bucket=call.path,
                    json=call.body,
                )
        except (MarketRejected, TransientError) as error:
            return [failed(key, error) for key in keys]
        return [
            WriteResult(key, ok=key[1] not in planned.refused, code="refused_here", message=why)
            if (why := planned.refused.get(key[1]))
            else WriteResult(key, ok=True)
            for key in keys
        ]


async def _ready(batch: Batch) -> Batch:
    return batch


def _read_list(raws: Sequence[msgspec.Raw], found: list[Product]) -> Batch:
    """Add the listings of a page to `found`; return the rows that could not be understood."""

    def take(body: bytes, _: Batch) -> None:
        found.append(wire.listed(body))

    return rows.read_rows("products", raws, take, wire.product_number)


async def _jobs(
    some: Iterable[Callable[[], Awaitable[T]]],
) -> AsyncIterator[Callable[[], Awaitable[T]]]:
    for job in some:
        yield job


def _json_bytes(response: httpx.Response) -> Any:
    """Return the body as one raw row, once it is known to be whole."""
    decoded(response, dict)
    return response.content


def _stamp(instant: datetime) -> str:
    """Return an instant as queries name it: Korean time, three digits of milliseconds (§1)."""
    return instant.astimezone(KST).isoformat(timespec="milliseconds")


def _mark(more: wire.More) -> tuple[str, str]:
    return more.more_from, str(more.more_sequence)


def _parcel(dispatch: Dispatch) -> dict[str, object]:
    return {
        "productOrderId": dispatch.line_no,
        "deliveryMethod": "DELIVERY",
        "deliveryCompanyCode": dispatch.carrier,
        "trackingNumber": dispatch.invoice_no,
        "dispatchDate": _stamp(dispatch.sent_at),
    }


def _judged(line: LineKey | Dispatch, said: wire.Outcome) -> WriteResult:
    key = (line.order_no, line.line_no)
    good = {it.product_order_id for it in said.success_product_order_infos or ()}
    good |= set(said.success_product_order_ids or ())
    bad = {it.product_order_id: it for it in said.fail_product_order_infos or ()}
    if line.line_no in bad:
        return WriteResult(
            key, ok=False, code=bad[line.line_no].code, message=bad[line.line_no].message
        )
    if line.line_no in good:
        return WriteResult(key, ok=True)
    return WriteResult(
        key, ok=False, code="lost", message="the answer does not name it", is_lost=True
    )


def failed(key: tuple[str, str], error: MarketRejected | TransientError) -> WriteResult:
    """Return the result of a write whose whole call failed."""
    if isinstance(error, AnswerLost):
        return WriteResult(key, ok=False, code="lost", message=str(error), is_lost=True)
    code = error.code if isinstance(error, MarketRejected) else "unavailable"
    return WriteResult(key, ok=False, code=code, message=str(error))
