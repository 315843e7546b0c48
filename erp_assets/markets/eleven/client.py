"""One seller at 11st. Source: 11st.md (sections named below).

Writes go over GET here: they are sent once, and read back by whoever has to know.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import ClassVar, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import httpx

from erp_assets import clock
from erp_assets.clock import KST, Window
from erp_assets.errors import (
    AnswerLost,
    BadPayload,
    BadRow,
    MarketRejected,
    SettingsError,
    TransientError,
)
from erp_assets.markets.client import WAITS_S, ApiClient, in_order, streams_in_order
from erp_assets.markets.eleven import answers, wire, xml
from erp_assets.markets.eleven.xml import Element, Row
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
    Rejected,
    StockChange,
    WriteResult,
)

BASE_URL = "https://api.11st.co.kr/rest"
RATE = 1.0
"""Calls per second; 11st publishes no limit, its clients keep to this (§2.5)."""
WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
MINUTE = timedelta(minutes=1)
MOST_ROWS = 3_000
"""A list of so many rows was cut off, without a word (§2.5)."""
MOST_NUMBERS = 100
PRODUCTS = 500
LISTINGS = 50
MAX_PAGES = 2_000
MOST_STOCK = 999_999
MOST_PRICE = 999_999_990
MOST_INVOICE = 15
HEADERS = {"Content-Type": "text/xml; charset=EUC-KR"}
DECLARATION = '<?xml version="1.0" encoding="EUC-KR"?>'

LINE_LISTS: Sequence[wire.LineList] = (
    wire.LineList("standby", "102"),
    wire.LineList("reservatecomplete", "201"),
    wire.LineList("delvplacestandby", "200"),
    wire.LineList("complete", "202"),
    wire.LineList("packaging", "301"),
    wire.LineList("shipping", "401"),
    wire.LineList("dlvcompleted", "501"),
    wire.LineList("completed", "901"),
)
"""Every list of lines, in the order in which lines move (§6.1)."""

CLAIM_LISTS: Sequence[wire.ClaimList] = (
    wire.ClaimList("cancelorders", ClaimKind.CANCEL),
    wire.ClaimList("withdrawcanceledorders", ClaimKind.CANCEL, ClaimStatus.WITHDRAWN),
    wire.ClaimList("canceledorders", ClaimKind.CANCEL, ClaimStatus.DONE),
    wire.ClaimList("officecancellist", ClaimKind.CANCEL, ClaimStatus.DONE),
    wire.ClaimList("returnorders", ClaimKind.RETURN),
    wire.ClaimList("retractretorders", ClaimKind.RETURN, ClaimStatus.WITHDRAWN),
    wire.ClaimList("returnedorders", ClaimKind.RETURN, ClaimStatus.DONE),
    wire.ClaimList("exchangeorders", ClaimKind.EXCHANGE),
    wire.ClaimList("retractexcorders", ClaimKind.EXCHANGE, ClaimStatus.WITHDRAWN),
    wire.ClaimList("exchangedorders", ClaimKind.EXCHANGE, ClaimStatus.DONE),
)
"""Every list of claims, in the order in which claims move (§7.1)."""

T = TypeVar("T")
Item = TypeVar("Item", StockChange, PriceChange, OptionKey)


States: TypeAlias = Mapping[tuple[str, str], wire.State | None]
"""(order_no, line_no) → what `orderlistall` says of it; None: nothing that can be understood."""


class TooMany(Exception):
    """More rows in one minute than a list can show."""


class Stock(NamedTuple):
    """A stock row as writes need it. weight has to be sent back as it was read (§4.3)."""

    weight: str
    surcharge: int


class Eleven:
    """One seller. A line is listed under the state it is in, filed by when it got there (§6.1)."""

    code: ClassVar[str] = "eleven"
    silent_statuses: ClassVar[frozenset[LineStatus]] = frozenset()
    order_lookback_days: ClassVar[int] = 2

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
        """credentials: api_key. base_url: with or without /rest. rate: calls/s, None = no limit."""
        key = credentials.get("api_key", "")
        if not key:
            raise SettingsError("credentials.api_key: is required for 11st")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise SettingsError("credentials.api_key: holds characters that no key of 11st has")
        self._now = now
        self._ahead = concurrency
        self._api = ApiClient(
            base_url=base_url if urlsplit(base_url).path.strip("/") else urljoin(base_url, "/rest"),
            throttle=Throttle(rate, reserve=reserve, block=reserve_block, sleep=sleep),
            classify=answers.classify,
            headers={"openapikey": key, **HEADERS},
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
        """Ask for the orders paid in the last minute; return the server's clock."""

        def decode(response: httpx.Response) -> str | None:
            answers.rows(response, ("orders",), "order")
            found: str | None = response.headers.get("date")
            return found

        now = self._now()
        path = f"/ordservices/complete/{_minute(now - MINUTE)}/{_minute(now)}"
        date = await self._api.read("GET", path, decode=decode)
        return parsedate_to_datetime(date) if date else None

    # ── lists by period ────────────────────────────────────────────────────────────────────────
    async def _listed(self, path: str) -> list[Element]:
        return await self._api.read(
            "GET", path, decode=lambda it: answers.rows(it, ("orders",), "order")
        )

    async def _period(self, path: str, window: Window) -> AsyncIterator[list[Element]]:
        """Yield the rows of a list, halving the period while it is cut off (§2.5)."""
        last = window.until - timedelta(microseconds=1)
        found = await self._listed(f"{path}/{_minute(window.since)}/{_minute(last)}")
        if len(found) < MOST_ROWS:
            yield found
            return
        middle = window.since + (window.until - window.since) / 2
        middle = middle.replace(second=0, microsecond=0)
        if middle <= window.since:
            middle += MINUTE
        if middle >= window.until:
            yield found
            if len(found) > MOST_ROWS:  # so nothing cuts this list off there
                return
            raise TooMany(f"{path}: {len(found)} rows in the minute of {window.since.isoformat()}")
        for half in (Window(window.since, middle), Window(middle, window.until)):
            async for rows in self._period(path, half):
                yield rows

    async def _by_windows(
        self,
        kind: str,
        windows: Iterable[Window],
        read: Callable[[Window], AsyncIterator[Batch]],
    ) -> AsyncIterator[Batch]:
        """Yield window after window; one that a list cannot show whole ends without a promise."""

        async def marked(window: Window) -> AsyncIterator[Batch]:
            async for batch in read(window):
                yield batch
            yield Batch(complete_until=window.until)

        try:
            streams = (marked(window) for window in windows)
            async for batch in streams_in_order(streams, ahead=self._ahead):
                yield batch
        except TooMany as error:
            yield Batch(rejected=[Rejected(kind, str(error), str(error))])

    # ── orders ─────────────────────────────────────────────────────────────────────────────────
    async def orders(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield the lines that came into their present state in [since, until) (§6)."""
        windows = clock.windows(since, until, width=WEEK)
        async for batch in self._by_windows("orders", windows, self._lines):
            yield batch

    async def _lines(self, window: Window) -> AsyncIterator[Batch]:
        for listed in LINE_LISTS:
            is_thin = listed.status == "401"
            take = wire.take_shipped if is_thin else listed.take
            number = partial(wire.line_number, layout="shipped") if is_thin else wire.line_number
            async for rows in self._period(f"/ordservices/{listed.path}", window):
                yield wire.read_rows("orders", rows, take, number)

    async def orders_by_no(self, order_nos: Sequence[str]) -> AsyncIterator[Batch]:
        """Yield all lines of each order: their states a hundred a time, then each whole (§6.2)."""
        for start in range(0, len(order_nos), MOST_NUMBERS):
            some = order_nos[start : start + MOST_NUMBERS]
            states = await self._states(some)
            known = {order_no for order_no, _ in states}
            jobs = _jobs(partial(self._order, no, states) for no in some if no in known)
            async for batch in in_order(jobs, ahead=self._ahead):
                yield batch

    async def _states(self, order_nos: Sequence[str]) -> States:
        """Return (order_no, line_no) → state; None where it cannot be understood."""
        numbers = ",".join(_segment(no) for no in order_nos)
        states: dict[tuple[str, str], wire.State | None] = {}
        for element in await self._listed(f"/claimservice/orderlistall/{numbers}"):
            row = xml.row(element)
            key = (row.get("ordNo", ""), row.get("ordPrdSeq", ""))
            try:
                states[key] = wire.state(row)
            except BadRow:
                states[key] = None  # the whole row comes with the order and is rejected there
        return states

    async def _order(self, order_no: str, states: States) -> Batch:
        """Read an order whole; of lines that this leaves out their state is known at least."""
        try:
            rows = await self._listed(f"/ordservices/complete/{_segment(order_no)}")
        except MarketRejected as error:
            return Batch(rejected=[Rejected("orders", str(error), order_no, order_no)])

        def take(row: Row, batch: Batch) -> None:
            key = (wire.number_of(row, "ordNo"), wire.number_of(row, "ordPrdSeq"))
            told = states.get(key)
            code = told.code if told else wire.need(row, "ordPrdStat")
            wire.take_line(row, batch, code)
            if told is not None:
                line = batch.lines.pop()  # its quantity may be net of cancels, `told` is not
                amount = line.unit_price * told.quantity
                batch.lines.append(line._replace(quantity=told.quantity, amount=amount))

        number = partial(wire.line_number, layout="by number")
        batch = wire.read_rows("orders", rows, take, number)
        shown = {(it.get("ordNo"), it.get("ordPrdSeq")) for it in map(xml.row, rows)}
        batch.line_updates.extend(
            LineUpdate(
                *key,
                status=wire.LINE_STATUSES[told.code],
                market_status=told.code,
                quantity=told.quantity,
            )
            for key, told in states.items()
            if rows and told and key[0] == order_no and key not in shown
        )
        return batch

    def lines_again(self, lines: Sequence[LineKey]) -> AsyncIterator[Batch]:
        """Yield the orders of these lines."""
        return self.orders_by_no(list(dict.fromkeys(line.order_no for line in lines)))

    async def line_keys(self, since: datetime, until: datetime) -> set[tuple[str, str]]:
        """Return the lines of every list for [since, until).

        Raises: BadPayload when a list or a row cannot be read: nobody could tell what is missing.
        """
        keys: set[tuple[str, str]] = set()
        try:
            for window in clock.windows(since, until, width=WEEK):
                for listed in LINE_LISTS:
                    async for found in self._period(f"/ordservices/{listed.path}", window):
                        keys.update(wire.line_key(xml.row(element)) for element in found)
        except TooMany as error:
            raise BadPayload(f"the lines cannot be counted: {error}") from error
        return keys

    # ── claims ─────────────────────────────────────────────────────────────────────────────────
    async def claims(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield the claims of [since, until) and what became of their lines (§7)."""
        windows = clock.windows(since, until, width=MONTH)
        async for batch in self._by_windows("claims", windows, self._claims):
            yield batch

    async def _claims(self, window: Window) -> AsyncIterator[Batch]:
        seen: dict[tuple[str, str, str], Claim] = {}
        for listed in CLAIM_LISTS:
            async for rows in self._period(f"/claimservice/{listed.path}", window):
                batch = wire.read_rows("claims", rows, listed.take, listed.number)
                seen.update({claim[:3]: claim for claim in batch.claims})
                yield batch
        numbers = sorted({claim.order_no for claim in seen.values()})
        for start in range(0, len(numbers), MOST_NUMBERS):
            states = await self._states(numbers[start : start + MOST_NUMBERS])
            yield Batch(line_updates=_claimed(states, seen.values()))

    # ── products ───────────────────────────────────────────────────────────────────────────────
    async def products(self) -> AsyncIterator[Batch]:
        """Yield every listing, then its options with stock and price, fifty a call (§3)."""
        async for batch, found in self._search():
            yield batch
            async for more in self._stocks(found):
                yield more

    async def _search(self) -> AsyncIterator[tuple[Batch, dict[str, wire.Listed]]]:
        """Yield the pages of the search with price and state of their listings (§3.3)."""
        seen: set[str] = set()
        first = 1
        for _ in range(MAX_PAGES):
            rows = await self._api.read(
                "POST",
                "/prodmarketservice/prodmarket",
                content=_search(first, first + PRODUCTS - 1),
                decode=lambda it: answers.rows(it, ("products",), "product"),
            )
            found: dict[str, wire.Listed] = {}
            take = partial(wire.take_product, found)
            batch = wire.read_rows("products", rows, take, lambda it: it.get("prdNo"))
            names = {xml.row(row).get("prdNo") or xml.raw(row) for row in rows}
            yield batch, {number: it for number, it in found.items() if number not in seen}
            if len(rows) < PRODUCTS - 1:  # a page without its `end` is one row short
                return
            if names <= seen:
                text = f"page repeated: rows from {first} on are those before"
                yield Batch(rejected=[Rejected("products", text, text)]), {}
                return
            seen |= names
            first += len(rows)

    async def _stocks(self, listings: Mapping[str, wire.Listed]) -> AsyncIterator[Batch]:
        numbers = list(listings)
        parts = [numbers[n : n + LISTINGS] for n in range(0, len(numbers), LISTINGS)]
        jobs = _jobs(partial(self._stock_rows, part, listings) for part in parts)
        async for batch in in_order(jobs, ahead=self._ahead):
            yield batch

    async def _stock_rows(
        self, product_nos: Sequence[str], listings: Mapping[str, wire.Listed]
    ) -> Batch:
        """Read the options of several listings; one by one where the answer lacks them (§4.2)."""
        try:
            found = await self._many_stocks(product_nos)
        except MarketRejected:
            found = {}
        batch = Batch()
        for number in product_nos:
            try:
                rows = found.get(number) or await self._one_stock(number)
            except MarketRejected as error:
                batch.rejected.append(Rejected("offers", str(error), number, number))
                continue
            if not rows:
                why = "the market lists this listing but not its stock"
                batch.rejected.append(Rejected("offers", why, number, number))
            listing = listings[number]
            if len(rows) > 1:
                listing = listing._replace(seller_code=None)  # it names no single option (§9)
            take = partial(wire.take_stock, number, listing)
            batch.extend(wire.read_rows("offers", rows, take, lambda it: it.get("prdStckNo")))
        return batch

    async def _many_stocks(self, product_nos: Sequence[str]) -> dict[str, list[Element]]:
        wanted = "".join(
            f"<ProductStock><prdNo>{xml.escaped(number)}</prdNo></ProductStock>"
            for number in product_nos
        )
        groups = await self._api.read(
            "POST",
            "/prodmarketservice/prodmarket/stocks",
            content=_body(f"<ProductStocks>{wanted}</ProductStocks>"),
            decode=lambda it: answers.rows(
                it, ("ProductStockss", "ProductStocks"), "ProductStocks"
            ),
        )
        return {
            number: list(xml.children(group, "ProductStock"))
            for group in groups
            if (number := xml.row(group).get("prdNo"))
        }

    async def _one_stock(self, product_no: str) -> list[Element]:
        path = f"/prodmarketservice/prodmarket/stck/{_segment(product_no)}"
        return await self._api.read(
            "GET", path, decode=lambda it: answers.rows(it, ("ProductStocks",), "ProductStock")
        )

    async def offers(self, options: Sequence[OptionKey]) -> AsyncIterator[Batch]:
        """Yield stock and price of the options: prices by the search, stock by fifty listings."""
        wanted = set(options)
        products = {option.product_no for option in wanted}
        missing = set(products)
        async for batch, found in self._search():
            here = {number: it for number, it in found.items() if number in products}
            missing -= here.keys()
            yield Batch(rejected=batch.rejected)
            async for more in self._stocks(here):
                offers = [it for it in more.offers if OptionKey(*it[:2]) in wanted]
                yield Batch(offers=offers, documents=more.documents, rejected=more.rejected)
        reason = "the market does not list this listing any more"
        rejected = [Rejected("offers", reason, number, number) for number in sorted(missing)]
        if rejected:
            yield Batch(rejected=rejected)

    # ── writes of lines ────────────────────────────────────────────────────────────────────────
    async def confirm(self, lines: Sequence[LineKey]) -> list[WriteResult]:
        """202 → 301. 11st confirms all lines of one shipment and listing together (§6.5)."""
        results: dict[LineKey, WriteResult] = {}
        done: dict[tuple[str, str], WriteResult] = {}
        rows = await self._rows_of(lines)
        for line in lines:
            row = rows.get(line)
            if not isinstance(row, dict):
                results[line] = row or _refused(
                    line, "unknown", "the market does not know the line"
                )
                continue
            together = (row.get("dlvNo") or "-".join(line), row.get("prdNo", ""))
            before = done.get(together)
            if not before or not (before.ok or before.is_lost):
                results[line] = done[together] = await self._act(line, _confirmation(row))
            elif before.ok and await self._has_reached(line, LineStatus.CONFIRMED) is False:
                results[line] = await self._act(line, _confirmation(row))  # it did not go along
            else:
                results[line] = before._replace(key=(line.order_no, line.line_no))
        return [
            await self._known(results[line], LineStatus.CONFIRMED, codes=("-3206", "-3207"))
            for line in lines
        ]

    async def dispatch(self, dispatches: Sequence[Dispatch]) -> list[WriteResult]:
        """301 → 401, only the lines named: the whole form would ship others with them (§6.5)."""
        keys = {it: LineKey(it.order_no, it.line_no) for it in dispatches}
        rows = await self._rows_of(list(keys.values()))
        groups: dict[tuple[str, str, str, str, str], list[LineKey]] = {}
        parcels: dict[LineKey, Dispatch] = {}
        results: dict[Dispatch, WriteResult] = {}
        for it, key in keys.items():
            row, invoice = rows.get(key), it.invoice_no.replace("-", "").replace(" ", "")
            if not isinstance(row, dict):
                results[it] = row or _refused(key, "unknown", "the market does not know the line")
            elif not (row.get("dlvNo") and it.carrier):
                why = "a parcel needs a carrier, and a shipment that the market named"
                results[it] = _refused(key, "refused_here", why)
            elif not 0 < len(invoice) <= MOST_INVOICE:
                why = f"an invoice has 1 to {MOST_INVOICE} characters"
                results[it] = _refused(key, "refused_here", why)
            elif key in parcels:
                why = "the line is in another parcel of this call already"
                results[it] = _refused(key, "refused_here", why)
            else:
                parcels[key] = it
                sent = f"{it.sent_at.astimezone(KST):%Y%m%d%H%M}"
                parcel = (sent, it.carrier, invoice, row["dlvNo"], it.order_no)
                groups.setdefault(parcel, []).append(key)
        for parcel, some in groups.items():
            said = await self._act(some[0], _parcel(parcel, some))
            for key in some:
                result = said._replace(key=(key.order_no, key.line_no))
                codes = ("-3308", "-3309", "-3311")
                results[parcels[key]] = await self._known(result, LineStatus.SHIPPED, codes=codes)
        return [results[it] for it in dispatches]

    async def _rows_of(
        self, lines: Sequence[LineKey]
    ) -> dict[LineKey, dict[str, str] | WriteResult]:
        """Return each line's row, which names its shipment, or why it cannot be had."""
        found: dict[LineKey, dict[str, str] | WriteResult] = {}
        wanted: dict[str, list[LineKey]] = {}
        for line in lines:
            wanted.setdefault(line.order_no, []).append(line)
        for order_no, some in wanted.items():
            try:
                rows = await self._listed(f"/ordservices/complete/{_segment(order_no)}")
            except (MarketRejected, TransientError) as error:
                found |= {line: _failed((line.order_no, line.line_no), error) for line in some}
                continue
            for row in map(xml.row, rows):
                found[LineKey(row.get("ordNo", ""), row.get("ordPrdSeq", ""))] = dict(row)
        return found

    async def _act(self, line: LineKey, path: str) -> WriteResult:
        key = (line.order_no, line.line_no)
        try:
            message = await self._api.write("GET", path, decode=answers.acted)
        except (MarketRejected, TransientError) as error:
            return _failed(key, error)
        return WriteResult(key, ok=True, message=message)

    async def _known(
        self, result: WriteResult, reached: LineStatus, *, codes: Sequence[str]
    ) -> WriteResult:
        """Take "it is so already" or "failed" for success once reading back shows it (§6.5)."""
        if result.ok or result.code not in codes:
            return result
        return result._replace(ok=bool(await self._has_reached(LineKey(*result.key), reached)))

    async def _has_reached(self, line: LineKey, reached: LineStatus) -> bool | None:
        """Read back whether a line is in a state or on its way past it; None: cannot be told."""
        key = (line.order_no, line.line_no)
        try:
            told = (await self._states([line.order_no])).get(key)
        except (MarketRejected, TransientError):
            return None
        if told is None:
            return None
        order = list(wire.LINE_STATUSES.values())
        status = wire.LINE_STATUSES[told.code]
        return order.index(reached) <= order.index(status) <= order.index(LineStatus.COMPLETED)

    # ── writes of options ──────────────────────────────────────────────────────────────────────
    async def set_stock(self, changes: Sequence[StockChange]) -> list[WriteResult]:
        """Set the stock of each row, one call each, its weight sent back (§4.3)."""
        return await self._by_listing(changes, self._set_stocks)

    async def _set_stocks(
        self, product_no: str, stocks: Mapping[str, Stock], items: Sequence[StockChange]
    ) -> list[WriteResult]:
        results = []
        for item in items:
            key = (item.product_no, item.option_no)
            if not 0 <= item.stock <= MOST_STOCK:
                why = f"stock {item.stock} is not within 0 and {MOST_STOCK}"
                results.append(WriteResult(key, ok=False, code="refused_here", message=why))
                continue
            path = f"/prodservices/stockqty/{_segment(item.option_no)}"
            body = _stock_body(item, stocks[item.option_no].weight)
            results.append(await self._put([key], "PUT", path, content=body))
        return results

    async def set_prices(self, changes: Sequence[PriceChange]) -> list[WriteResult]:
        """Set a listing's price; its options move together, so all of them must be named (§5.1)."""
        return await self._by_listing(changes, self._set_price)

    async def _set_price(
        self, product_no: str, stocks: Mapping[str, Stock], items: Sequence[PriceChange]
    ) -> list[WriteResult]:
        keys = [(item.product_no, item.option_no) for item in items]
        bases = {item.price - stocks[item.option_no].surcharge for item in items}
        unnamed = stocks.keys() - {item.option_no for item in items}
        if unnamed or len(bases) > 1:
            why = (
                "11st has one price per listing and fixed surcharges: name every option, "
                "each with the new price plus its surcharge"
            )
            return [WriteResult(key, ok=False, code="refused_here", message=why) for key in keys]
        new = bases.pop()
        present = await self._present_price(product_no)
        if why_not := _bad_price(new, present):
            return [
                WriteResult(key, ok=False, code="refused_here", message=why_not) for key in keys
            ]
        path = f"/prodservices/product/price/{_segment(product_no)}/{new}"
        result = await self._put(keys, "GET", path)
        return [result._replace(key=key) for key in keys]

    async def _present_price(self, product_no: str) -> int:
        """Read the price of one listing; it is not there when its number is not (§3.4)."""

        def decode(response: httpx.Response) -> int:
            root = answers.parse(response)
            answers.check(root)
            row = xml.row(root)
            if row.get("prdNo") != product_no:
                raise MarketRejected(row.get("message", "no such listing")[:200], code="404")
            try:
                return wire.whole(row, "selPrc")
            except BadRow as error:
                raise BadPayload(str(error)) from error

        path = f"/prodmarketservice/prodmarket/{_segment(product_no)}"
        return await self._api.read("GET", path, decode=decode)

    async def set_on_sale(self, options: Sequence[OptionKey], on_sale: bool) -> list[WriteResult]:
        """Stop or restart the display of listings; all options of one must be named (§5.2)."""
        return await self._by_listing(options, partial(self._set_display, on_sale))

    async def _set_display(
        self,
        on_sale: bool,
        product_no: str,
        stocks: Mapping[str, Stock],
        items: Sequence[OptionKey],
    ) -> list[WriteResult]:
        keys = [(item.product_no, item.option_no) for item in items]
        if stocks.keys() - {item.option_no for item in items}:
            why = "11st stops whole listings: name every option, or set the stock of this one to 0"
            return [WriteResult(key, ok=False, code="refused_here", message=why) for key in keys]
        action = "restartdisplay" if on_sale else "stopdisplay"
        path = f"/prodstatservice/stat/{action}/{_segment(product_no)}"
        result = await self._put(keys, "PUT", path)
        return [result._replace(key=key) for key in keys]

    async def _by_listing(
        self,
        items: Sequence[Item],
        write: Callable[[str, Mapping[str, Stock], Sequence[Item]], Awaitable[list[WriteResult]]],
    ) -> list[WriteResult]:
        """Read the stock rows of each listing, then write; answers in the order asked."""
        groups: dict[str, list[Item]] = {}
        for item in items:
            groups.setdefault(item.product_no, []).append(item)
        jobs = _jobs(partial(self._write_listing, no, some, write) for no, some in groups.items())
        results: dict[tuple[str, str], WriteResult] = {}
        async for some in in_order(jobs, ahead=self._ahead):
            results |= {result.key: result for result in some}
        return [results[item.product_no, item.option_no] for item in items]

    async def _write_listing(
        self,
        product_no: str,
        items: Sequence[Item],
        write: Callable[[str, Mapping[str, Stock], Sequence[Item]], Awaitable[list[WriteResult]]],
    ) -> list[WriteResult]:
        try:
            rows = [xml.row(element) for element in await self._one_stock(product_no)]
            stocks = {
                row["prdStckNo"]: Stock(
                    row.get("optWght", "0"), wire.signed(row.get("addPrc", "0"), "addPrc")
                )
                for row in rows
                if "prdStckNo" in row
            }
            good = [item for item in items if item.option_no in stocks]
            bad = [item for item in items if item.option_no not in stocks]
            results = [
                WriteResult(
                    (item.product_no, item.option_no),
                    ok=False,
                    code="unknown",
                    message="the listing has no such option",
                )
                for item in bad
            ]
            return results + (await write(product_no, stocks, good) if good else [])
        except (MarketRejected, TransientError, BadRow) as error:
            return [_failed((item.product_no, item.option_no), error) for item in items]

    async def _put(
        self,
        keys: Sequence[tuple[str, str]],
        method: str,
        path: str,
        *,
        content: bytes | None = None,
    ) -> WriteResult:
        try:
            message = await self._api.write(method, path, content=content, decode=answers.written)
        except (MarketRejected, TransientError) as error:
            return _failed(keys[0], error)
        return WriteResult(keys[0], ok=True, message=message)


async def _jobs(
    some: Iterable[Callable[[], Awaitable[T]]],
) -> AsyncIterator[Callable[[], Awaitable[T]]]:
    for job in some:
        yield job


def _segment(text: str) -> str:
    """Return text as one segment of a path: percent-encoded UTF-8, dots too (§1.2).

    A segment of nothing but dots would take its neighbour away, and make another call of this one.
    """
    return quote(text, safe="").replace(".", "%2E")


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(KST):%Y%m%d%H%M}"


def _search(first: int, last: int) -> bytes:
    body = f"<limit>{PRODUCTS}</limit><start>{first}</start><end>{last}</end>"
    return _body(f"<SearchProduct>{body}</SearchProduct>")


def _body(text: str) -> bytes:
    """Return a body as it leaves: EUC-KR, what does not fit as references (§1.2)."""
    return (DECLARATION + text).encode("cp949", "xmlcharrefreplace")


def _stock_body(item: StockChange, weight: str) -> bytes:
    parts = {
        "prdNo": item.product_no,
        "prdStckNo": item.option_no,
        "stckQty": item.stock,
        "optWght": weight,
    }
    leaves = "".join(f"<{name}>{xml.escaped(value)}</{name}>" for name, value in parts.items())
    return _body(f"<ProductStock>{leaves}</ProductStock>")


def _bad_price(new: int, present: int) -> str | None:
    """Say which rule of 11st a price breaks (§5.1); None when none."""
    if not 0 < new <= MOST_PRICE or new % 10:
        return f"price {new} is not 10 to {MOST_PRICE} in tens of won"
    if not present * 20 <= new * 100 <= present * 150:
        return f"price {new} is more than 50 % above or 80 % below the present {present}"
    return None


def _confirmation(row: Mapping[str, str]) -> str:
    names = (row["ordNo"], row["ordPrdSeq"], row.get("addPrdYn", "N"))
    added = row.get("addPrdNo", "0")
    parts = (*names, "null" if added == "0" else added, row.get("dlvNo", "null"))
    return "/ordservices/reqpackaging/" + "/".join(_segment(part) for part in parts)


def _parcel(parcel: Sequence[str], lines: Sequence[LineKey]) -> str:
    sent, carrier, invoice, shipment, order_no = [_segment(part) for part in parcel]
    numbers = ",".join(_segment(line.line_no) for line in lines)
    return (
        f"/ordservices/reqdelivery/{sent}/01/{carrier}/{invoice}/{shipment}/Y/{order_no}/{numbers}"
    )


def _claimed(states: States, claims: Iterable[Claim]) -> list[LineUpdate]:
    """Return what became of the lines that claims are about."""
    open_cancels: Counter[tuple[str, str]] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    returned: Counter[tuple[str, str]] = Counter()
    about = {(claim.order_no, claim.line_no): claim for claim in claims}
    for claim in claims:
        key = (claim.order_no, claim.line_no)
        if claim.status in (ClaimStatus.REQUESTED, ClaimStatus.IN_PROGRESS):
            held[key] += claim.quantity
            open_cancels[key] += claim.quantity * (claim.kind is ClaimKind.CANCEL)
        elif claim.status is ClaimStatus.DONE and claim.kind is ClaimKind.RETURN:
            returned[key] += claim.quantity
    return [
        LineUpdate(
            *key,
            status=wire.LINE_STATUSES[state.code],
            market_status=state.code,
            quantity=state.quantity,
            held_quantity=held[key],
            cancelled_quantity=max(0, state.cancelled - open_cancels[key]) + returned[key],
        )
        for key, state in states.items()
        if state and key in about
    ]


def _refused(line: LineKey, code: str, why: str) -> WriteResult:
    return WriteResult((line.order_no, line.line_no), ok=False, code=code, message=why)


def _failed(key: tuple[str, str], error: Exception) -> WriteResult:
    if isinstance(error, AnswerLost):
        why = str(error.__cause__ or error)  # its own text holds the path, thus tracking numbers
        return WriteResult(key, ok=False, code="lost", message=why, is_lost=True)
    code = error.code if isinstance(error, MarketRejected) else "unavailable"
    return WriteResult(key, ok=False, code=code, message=str(error))
