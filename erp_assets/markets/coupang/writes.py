"""What a seller changes: boxes in bulk, options one by one (coupang.md §4.7-4.9, §6)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from erp_assets.errors import AnswerLost, MarketRejected, TransientError
from erp_assets.markets import rows
from erp_assets.markets.client import ApiClient, in_order
from erp_assets.markets.coupang import products, wire
from erp_assets.markets.coupang.answers import checked, quoted, verdict
from erp_assets.records import (
    Dispatch,
    LineKey,
    OptionKey,
    PriceChange,
    StockChange,
    WriteResult,
)

SELLER = "/v2/providers/seller_api/apis/api/v1/marketplace"
OPEN = "/v2/providers/openapi/apis/api"
BOXES = 50
"""Boxes per write (§6.1)."""
MAX_STOCK = 99_999

Line = TypeVar("Line", LineKey, Dispatch)
Item = TypeVar("Item", OptionKey, StockChange, PriceChange)


def is_number(text: str) -> bool:
    """Can this be one of Coupang's numbers in a path? Dots and slashes would name another path."""
    return text.isascii() and text.isdecimal() and len(text) <= wire.MOST_DIGITS


def item_path(option_no: str, action: str) -> str:
    """Return the path of one option's action."""
    return f"{SELLER}/vendor-items/{quote(option_no, safe='')}/{action}"


async def read_inventory(api: ApiClient, option_no: str) -> msgspec.Raw:
    """Return the raw row of stock and price of one option (§4.6)."""
    path = item_path(option_no, "inventories")
    return await api.read("GET", path, decode=lambda it: checked(it, wire.Single).data)


class BoxWrites:
    """Writes by box: what Coupang says of a box holds for each of its lines."""

    def __init__(self, api: ApiClient, vendor: str) -> None:
        """`api`: sends the calls; `vendor`: whose boxes they are."""
        self._api = api
        self._vendor = vendor
        self._prefix = f"{OPEN}/v4/vendors/{vendor}"

    async def confirm(self, lines: Sequence[LineKey]) -> list[WriteResult]:
        """ACCEPT → INSTRUCT for the boxes of these lines (§6.1)."""
        path = f"{self._prefix}/ordersheets/acknowledgement"
        return await self._by_box("PUT", path, lines, self._acknowledgement, _not_a_line)

    def _acknowledgement(self, boxes: Mapping[int, Sequence[LineKey]]) -> dict[str, object]:
        return {"vendorId": self._vendor, "shipmentBoxIds": list(boxes)}

    async def dispatch(self, dispatches: Sequence[Dispatch]) -> list[WriteResult]:
        """INSTRUCT → DEPARTURE (§6.2)."""
        parcels: dict[str, set[tuple[str, str]]] = {}
        for each in dispatches:
            box = each.line_no.partition("-")[0]
            parcels.setdefault(box, set()).add((each.carrier, _invoice(each)))
        path = f"{self._prefix}/orders/invoices"
        why_not = partial(_not_a_parcel, parcels)
        return await self._by_box("POST", path, dispatches, self._parcels, why_not)

    def _parcels(self, boxes: Mapping[int, Sequence[Dispatch]]) -> dict[str, object]:
        parcels = [_parcel(each) for some in boxes.values() for each in some]
        return {"vendorId": self._vendor, "orderSheetInvoiceApplyDtos": parcels}

    async def _by_box(
        self,
        method: str,
        path: str,
        lines: Sequence[Line],
        body: Callable[[Mapping[int, Sequence[Line]]], dict[str, object]],
        why_not: Callable[[Line], str | None],
    ) -> list[WriteResult]:
        """Send lines box by box. why_not: the reason for which a line is not sent."""
        boxes: dict[int, dict[tuple[str, str], Line]] = {}
        results: dict[tuple[str, str], WriteResult] = {}
        for line in lines:
            if why := why_not(line):
                results[_key(line)] = refused(line, why)
            else:
                boxes.setdefault(int(line.line_no.partition("-")[0]), {})[_key(line)] = line
        numbers = list(boxes)
        for start in range(0, len(numbers), BOXES):
            some = {no: list(boxes[no].values()) for no in numbers[start : start + BOXES]}
            results |= await self._send(method, path, some, body(some))
        return [results[_key(line)] for line in lines]

    async def _send(
        self,
        method: str,
        path: str,
        boxes: Mapping[int, Sequence[Line]],
        body: dict[str, object],
    ) -> dict[tuple[str, str], WriteResult]:
        try:
            said = await self._api.write(
                method, path, json=body, decode=lambda it: checked(it, wire.Verdicts).whole
            )
        except (MarketRejected, TransientError) as error:
            return {_key(line): failed(line, error) for some in boxes.values() for line in some}
        verdicts = {str(each.shipment_box_id): each for each in said.response_list or []}
        return {
            _key(line): _judged(_key(line), verdicts.get(str(number)), said)
            for number, some in boxes.items()
            for line in some
        }


class OptionWrites:
    """Writes by option: one call each, none of them in bulk. ahead: how many at once."""

    def __init__(self, api: ApiClient, *, ahead: int) -> None:
        """`api`: sends the calls."""
        self._api = api
        self._ahead = ahead

    async def set_stock(self, changes: Sequence[StockChange]) -> list[WriteResult]:
        """Set the stock of each option, absolute (§4.7)."""
        return await self._each(changes, self._set_stock)

    async def _set_stock(self, change: StockChange) -> WriteResult:
        if not 0 <= change.stock <= MAX_STOCK:
            return refused(change, f"stock {change.stock} is not within 0 and {MAX_STOCK}")
        return await self._put(change, f"quantities/{change.stock}")

    async def set_prices(self, changes: Sequence[PriceChange]) -> list[WriteResult]:
        """Set the price of each option; -50 % to +100 % of the present one, tens of won (§4.8)."""
        return await self._each(changes, self._set_price)

    async def _set_price(self, change: PriceChange) -> WriteResult:
        if change.price <= 0 or change.price % 10:
            return refused(change, f"price {change.price} is not a positive multiple of 10 won")
        try:
            raw = await read_inventory(self._api, change.option_no)
        except (MarketRejected, TransientError) as error:
            return failed(change, error)
        take = partial(products.take_inventory, change.product_no, change.option_no)
        found = rows.read_rows("offers", [raw], take, lambda _: change.option_no)
        if not found.offers:
            return refused(change, f"the present price cannot be read: {found.rejected[0].reason}")
        now = found.offers[0].price
        if not now <= change.price * 2 <= now * 4:
            return refused(
                change, f"price {change.price} is not within 50 % and 200 % of the present {now}"
            )
        return await self._put(change, f"prices/{change.price}")

    async def set_on_sale(self, options: Sequence[OptionKey], on_sale: bool) -> list[WriteResult]:
        """Stop or resume the sale of each option (§4.9)."""
        action = "sales/resume" if on_sale else "sales/stop"
        return await self._each(options, lambda option: self._put(option, action))

    async def _put(self, item: OptionKey | StockChange | PriceChange, action: str) -> WriteResult:
        path = item_path(item.option_no, action)
        try:
            message = await self._api.write("PUT", path, decode=verdict)
        except (MarketRejected, TransientError) as error:
            return failed(item, error)
        return WriteResult(_key(item), ok=True, message=message)

    async def _each(
        self, items: Sequence[Item], write: Callable[[Item], Awaitable[WriteResult]]
    ) -> list[WriteResult]:
        """Write item by item, a few at once; answers in the order asked."""

        async def checked_write(item: Item) -> WriteResult:
            if not is_number(item.option_no):
                return refused(item, f"option_no {item.option_no[:40]!r} is no vendorItemId")
            return await write(item)

        async def jobs() -> AsyncIterator[Callable[[], Awaitable[WriteResult]]]:
            for item in items:
                yield partial(checked_write, item)

        return [result async for result in in_order(jobs(), ahead=self._ahead)]


# ── boxes ──────────────────────────────────────────────────────────────────────────────────────
def _not_a_line(line: LineKey | Dispatch) -> str | None:
    box, _, item = line.line_no.partition("-")
    if not (is_number(box) and is_number(item)):
        return f"line_no {line.line_no[:80]!r} is not <shipmentBoxId>-<vendorItemId>"
    return None


def _not_a_parcel(parcels: Mapping[str, set[tuple[str, str]]], each: Dispatch) -> str | None:
    """Return why a line cannot be dispatched. parcels: carrier and invoice named for each box."""
    if not is_number(each.order_no):
        return f"order_no {each.order_no[:40]!r} is no orderId"
    if not each.carrier or not _invoice(each):
        return "a parcel needs a carrier and an invoice number"
    if len(parcels[each.line_no.partition("-")[0]]) > 1:
        return "the lines of one box need one carrier and one invoice number"
    return _not_a_line(each)


def _invoice(dispatch: Dispatch) -> str:
    """Return the invoice number as Coupang takes it: without dashes (§6.2)."""
    return "".join(dispatch.invoice_no.replace("-", "").split())


def _parcel(dispatch: Dispatch) -> dict[str, object]:
    box, _, item = dispatch.line_no.partition("-")
    return {
        "shipmentBoxId": int(box),
        "orderId": int(dispatch.order_no),
        "vendorItemId": int(item),
        "deliveryCompanyCode": dispatch.carrier,
        "invoiceNumber": _invoice(dispatch),
        "splitShipping": False,
        "preSplitShipped": False,
        "estimatedShippingDate": "",
    }


def _judged(
    key: tuple[str, str], said: wire.Verdict | None, whole: wire.VerdictList
) -> WriteResult:
    """Return what the verdicts say of one line; a box they leave out is good only if all are."""
    if said is None:
        code, message = str(whole.response_code), quoted(whole.response_message)
        return WriteResult(key, ok=code == "0", code=code, message=message)
    return WriteResult(
        key, ok=said.succeed, code=said.result_code or "", message=quoted(said.result_message)
    )


# ── results ────────────────────────────────────────────────────────────────────────────────────
def _key(item: Any) -> tuple[str, str]:
    return (item[0], item[1])


def refused(item: Any, why: str) -> WriteResult:
    """Return the result of a write that was not even sent."""
    return WriteResult(_key(item), ok=False, code="refused_here", message=why)


def failed(item: Any, error: MarketRejected | TransientError) -> WriteResult:
    """Return the result of a write that was refused, never left, or whose answer is lost."""
    if isinstance(error, AnswerLost):
        return WriteResult(_key(item), ok=False, code="lost", message=str(error), is_lost=True)
    code = error.code if isinstance(error, MarketRejected) else "unavailable"
    return WriteResult(_key(item), ok=False, code=code, message=str(error))
