"""Reading lines: the change feed, details by number, the search by payment (naver.md §5.1-5.4)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote

import httpx

from erp_assets import clock
from erp_assets.clock import KST, Window
from erp_assets.errors import MarketRejected
from erp_assets.markets import rows
from erp_assets.markets.client import in_order, streams_in_order
from erp_assets.markets.naver import order_wire as wire
from erp_assets.markets.naver.answers import decoded
from erp_assets.markets.naver.gate import Gate, Repeated, each, ready
from erp_assets.markets.naver.order_records import line_number, take_detail
from erp_assets.records import Batch, LineKey, Rejected

LINES = "/v1/pay-order/seller/product-orders"
DAY = timedelta(hours=24)
MILLISECOND = timedelta(milliseconds=1)
PAGE = 300
MAX_PAGES = 20_000
NOT_SHOWN = ("100001", "100003", "101009")
"""No such line, no such order, another seller's (§3.1)."""

Wanted = Callable[[wire.Change], bool]


class Orders:
    """The lines of one store. A line stands in the feed once, under its last change (§5.1)."""

    def __init__(self, gate: Gate) -> None:
        """`gate`: sends the calls."""
        self._gate = gate

    async def changed(
        self, since: datetime, until: datetime, is_wanted: Wanted
    ) -> AsyncIterator[Batch]:
        """Yield lines that changed in [since, until); a feed that turns in a circle ends it."""
        until = min(until, self._gate.now())
        streams = (self._window(window, is_wanted) for window in _windows(since, until))
        try:
            async for batch in streams_in_order(streams, ahead=self._gate.ahead):
                if batch.complete_until is not None:
                    batch.complete_until = min(batch.complete_until, until)
                yield batch
        except Repeated as error:
            yield Batch(rejected=[Rejected("orders", str(error), str(error))])

    async def _window(self, window: Window, is_wanted: Wanted) -> AsyncIterator[Batch]:
        feed = Feed(self._gate, window)
        jobs = self._jobs(feed, is_wanted)
        async for batch in in_order(jobs, ahead=2):
            yield batch
        if feed.failure is not None:
            raise feed.failure
        yield Batch(complete_until=window.until)

    async def _jobs(
        self, feed: "Feed", is_wanted: Wanted
    ) -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
        """Yield a job per page of the feed: read the details of its lines, each change once."""
        seen: set[wire.Change] = set()
        async for page in feed.pages():
            numbers: dict[str, None] = {}

            def take(body: bytes, _: Batch, numbers: dict[str, None] = numbers) -> None:
                change = wire.CHANGES.decode(body)
                if is_wanted(change) and change not in seen:
                    seen.add(change)
                    numbers[change.product_order_id] = None

            raws = page.last_change_statuses or ()
            odd = rows.read_rows("orders", raws, take, line_number)
            if odd.rejected:
                yield partial(ready, odd)
            for some in _parts(list(numbers)):
                yield partial(self._details, some)

    async def _details(self, numbers: Sequence[str]) -> Batch:
        """Read up to 300 lines by number; those the market leaves out twice are reported."""
        batch = await self._query(numbers)
        if missing := _missing(numbers, batch):
            batch.extend(await self._query(missing))
        batch.rejected += [
            Rejected("orders", "the market lists this line but does not show it", number, number)
            for number in _missing(numbers, batch)
        ]
        return batch

    async def _query(self, numbers: Sequence[str]) -> Batch:
        found = await self._gate.read(
            "POST",
            f"{LINES}/query",
            wire.Details,
            "query",
            json={"productOrderIds": list(numbers), "quantityClaimCompatibility": True},
        )
        by_number = {
            line_number(bytes(raw)) or str(n): raw for n, raw in enumerate(found.data or ())
        }
        return rows.read_rows("orders", by_number.values(), take_detail, line_number)

    async def by_no(self, order_nos: Sequence[str]) -> AsyncIterator[Batch]:
        """Yield all lines of each order; an order that the market refuses to tell is reported."""
        jobs = each(partial(self._numbers, order_no) for order_no in dict.fromkeys(order_nos))
        waiting: list[str] = []
        async for found in in_order(jobs, ahead=self._gate.ahead):
            if isinstance(found, Rejected):
                yield Batch(rejected=[found])
                continue
            waiting += found
            while len(waiting) >= PAGE:
                yield await self._details(waiting[:PAGE])
                del waiting[:PAGE]
        if waiting:
            yield await self._details(waiting)

    async def _numbers(self, order_no: str) -> list[str] | Rejected:
        path = f"/v1/pay-order/seller/orders/{quote(order_no, safe='')}/product-order-ids"
        try:
            found = await self._gate.read("GET", path, wire.Numbers, "numbers")
        except MarketRejected as error:
            if error.code in NOT_SHOWN:
                return []
            return Rejected("orders", f"no lines: {error}", order_no, order_no)
        return list(dict.fromkeys(found.data or ()))

    async def again(self, lines: Sequence[LineKey]) -> AsyncIterator[Batch]:
        """Yield these lines, 300 a call."""
        numbers = list(dict.fromkeys(line.line_no for line in lines))
        jobs = each(partial(self._details, some) for some in _parts(numbers))
        async for batch in in_order(jobs, ahead=self._gate.ahead):
            yield batch

    async def paid(self, since: datetime, until: datetime) -> set[tuple[str, str]]:
        """Return the lines paid in [since, until), by a search the feed does not use (§5.3)."""
        keys: set[tuple[str, str]] = set()
        until = min(until, self._gate.now())
        for window in _windows(since, until):
            async for page in self._search(window):
                keys |= page
        return keys

    async def _search(self, window: Window) -> AsyncIterator[set[tuple[str, str]]]:
        asked = {
            "from": stamp(window.since),
            "to": stamp(window.until - MILLISECOND),
            "rangeType": "PAYED_DATETIME",
            "pageSize": str(PAGE),
            "quantityClaimCompatibility": "true",
        }
        before: set[tuple[str, str]] = set()
        for number in range(1, MAX_PAGES):
            found = await self._gate.read(
                "GET", LINES, wire.Search, "search", params={**asked, "page": str(number)}
            )
            contents = found.data or wire.Contents()
            page = {
                (it.content.order.order_id, it.product_order_id) for it in contents.contents or ()
            }
            yield page
            if contents.pagination is None or not contents.pagination.has_next:
                return
            if page == before:
                raise Repeated(f"page repeated: the search shows page {number} again")
            before = page


class Feed:
    """The pages of the change feed of one window (§5.1)."""

    def __init__(self, gate: Gate, window: Window) -> None:
        """`window`: whole milliseconds, at most 24 hours."""
        self.failure: Repeated | None = None
        """Why the pages ended early; set instead of raised, so that pages read are kept."""
        self._gate = gate
        self._window = window
        self._followed: set[tuple[str, str]] = set()
        self._last = wire.Changes()

    async def pages(self) -> AsyncIterator[wire.Changes]:
        """Yield pages; the end of the window stays as it is, the start follows `more`."""
        asked = {
            "lastChangedFrom": stamp(self._window.since),
            "lastChangedTo": stamp(self._window.until - MILLISECOND),
            "limitCount": str(PAGE),
        }
        while len(self._followed) < MAX_PAGES:
            try:
                page = await self._gate.call(
                    "GET",
                    f"{LINES}/last-changed-statuses",
                    decode=self._decode,
                    bucket="feed",
                    params=asked,
                )
            except Repeated as error:
                self.failure = error
                yield self._last
                return
            yield page
            if page.more is None:
                return
            self._followed.add(page.more.mark)
            asked["lastChangedFrom"], asked["moreSequence"] = page.more.mark
        self.failure = Repeated(f"page repeated: the feed goes on after {MAX_PAGES} pages")

    def _decode(self, response: httpx.Response) -> wire.Changes:
        self._last = page = decoded(response, wire.Feed).data or wire.Changes()
        if page.more is not None and page.more.mark in self._followed:
            raise Repeated(f"page repeated: the feed leads back to {page.more.mark}")
        return page


def stamp(instant: datetime) -> str:
    """Return an instant as the API takes it: Korean time, three digits of milliseconds (§1)."""
    return instant.astimezone(KST).isoformat(timespec="milliseconds")


def _whole(instant: datetime, *, up: bool = False) -> datetime:
    """Return whole milliseconds, as the market counts; the next ones when `up`."""
    rest = timedelta(microseconds=instant.microsecond % 1000)
    return instant - rest + (MILLISECOND if up and rest else timedelta(0))


def _windows(since: datetime, until: datetime) -> Iterator[Window]:
    """Cut [since, until) into spans that the API takes: whole milliseconds, within 24 hours."""
    if since < until:
        yield from clock.windows(_whole(since), _whole(until, up=True), width=DAY)


def _parts(numbers: Sequence[str]) -> list[Sequence[str]]:
    return [numbers[start : start + PAGE] for start in range(0, len(numbers), PAGE)]


def _missing(numbers: Sequence[str], batch: Batch) -> list[str]:
    told = {line.line_no for line in batch.lines} | {it.document_no for it in batch.rejected}
    return [number for number in numbers if number not in told]
