"""Writing lines and listings: each item has its own verdict (naver.md §4.5-4.7, §5.6)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from erp_assets.errors import AnswerLost, MarketDenied, MarketRejected, TransientError
from erp_assets.markets.client import in_order
from erp_assets.markets.naver import wire
from erp_assets.markets.naver.answers import decoded, printable
from erp_assets.markets.naver.changes import Call, Plan
from erp_assets.markets.naver.gate import Gate, each
from erp_assets.markets.naver.orders import LINES, stamp
from erp_assets.markets.naver.product_wire import Origin, Stored
from erp_assets.markets.naver.products import Products
from erp_assets.records import (
    Dispatch,
    LineKey,
    OptionKey,
    PriceChange,
    StockChange,
    WriteResult,
)

MOST_LINES = 30
HERE = "refused_here"

Key = tuple[str, str]
Results = dict[Key, WriteResult]
Change = TypeVar("Change", StockChange, PriceChange, OptionKey)
Line = TypeVar("Line", LineKey, Dispatch)


class Denial:
    """Whether the market refused the account: then nothing else is sent, and nothing forgotten."""

    def __init__(self) -> None:
        """Nothing was refused yet."""
        self.error: MarketDenied | None = None

    def check(self, results: Results) -> None:
        """Raise it when it is all there is to tell: no item got another verdict."""
        if self.error and all(it.code in ("denied", HERE) for it in results.values()):
            raise self.error


class Writes:
    """The writes of one store."""

    def __init__(self, gate: Gate, products: Products) -> None:
        """products: reads a listing before it is written."""
        self._gate = gate
        self._products = products

    async def confirm(self, lines: Sequence[LineKey]) -> list[WriteResult]:
        """Confirm lines, 30 a call."""
        return await self._lines(
            "confirm", lines, lambda some: {"productOrderIds": [it.line_no for it in some]}
        )

    async def dispatch(self, dispatches: Sequence[Dispatch]) -> list[WriteResult]:
        """Ship lines with carrier and number, 30 a call."""
        return await self._lines(
            "dispatch", dispatches, lambda some: {"dispatchProductOrders": list(map(_parcel, some))}
        )

    async def _lines(
        self,
        action: str,
        lines: Sequence[Line],
        body: Callable[[Sequence[Line]], dict[str, object]],
    ) -> list[WriteResult]:
        results, good = _sorted_out(lines)
        denial = Denial()
        for start in range(0, len(good), MOST_LINES):
            some = good[start : start + MOST_LINES]
            results |= await self._some_lines(action, some, body(some), denial)
        denial.check(results)
        return [results[_key(line)] for line in lines]

    async def _some_lines(
        self, action: str, some: Sequence[Line], body: dict[str, object], denial: Denial
    ) -> Results:
        keys = [_key(line) for line in some]
        if denial.error:
            return _failed(keys, denial.error)
        try:
            said = await self._gate.call(
                "POST",
                f"{LINES}/{action}",
                is_write=True,
                decode=lambda it: decoded(it, wire.Written).data or wire.Outcome(),
                bucket=action,
                json=body,
            )
        except MarketDenied as error:
            denial.error = error
            return _failed(keys, error)
        except (MarketRejected, TransientError) as error:
            return _failed(keys, error)
        return _judged(keys, said)

    async def by_listing(
        self, items: Sequence[Change], plan: Callable[[Origin, Sequence[Change]], Plan]
    ) -> list[WriteResult]:
        """Write listing by listing: what is not named in a write would be wiped, so read first."""
        groups: dict[str, list[Change]] = {}
        for item in items:
            groups.setdefault(item.product_no, []).append(item)
        denial = Denial()
        jobs = each(
            partial(self._listing, number, some, plan, denial) for number, some in groups.items()
        )
        results: Results = {}
        async for some in in_order(jobs, ahead=self._gate.ahead):
            results |= some
        denial.check(results)
        return [results[item.product_no, item.option_no] for item in items]

    async def _listing(
        self,
        product_no: str,
        items: Sequence[Change],
        plan: Callable[[Origin, Sequence[Change]], Plan],
        denial: Denial,
    ) -> Results:
        keys = [(item.product_no, item.option_no) for item in items]
        if not (product_no.isascii() and product_no.isdigit()):
            return {key: _refused(key, "not a number of a listing") for key in keys}
        if denial.error:
            return _failed(keys, denial.error)
        try:
            planned = plan(await self._products.origin(product_no), items)
        except MarketDenied as error:
            denial.error = error
            return _failed(keys, error)
        except (MarketRejected, TransientError) as error:
            return _failed(keys, error)
        refused = {key: _refused(key, why) for key in keys if (why := planned.refused.get(key[1]))}
        return refused | await self._carried_out(
            product_no, planned.calls, [key for key in keys if key not in refused], denial
        )

    async def _carried_out(
        self, product_no: str, calls: Sequence[Call], keys: Sequence[Key], denial: Denial
    ) -> Results:
        """Make the calls of one listing, one after the other."""
        status = ""
        try:
            for call in calls:
                if not call.needless_in or status != call.needless_in:
                    status = await self._write(product_no, call)
                    await self._prove(product_no, call)
        except MarketDenied as error:
            denial.error = error
            return _failed(keys, error)
        except (MarketRejected, TransientError) as error:
            return _failed(keys, error)
        return {key: WriteResult(key, ok=True) for key in keys}

    async def _write(self, product_no: str, call: Call) -> str:
        """Send one write; return the listing's status where the answer tells it."""
        return await self._gate.call(
            call.method,
            call.path.format(no=quote(product_no, safe="")),
            is_write=True,
            decode=_stored_status,
            bucket=call.path,
            json=call.body,
        )

    async def _prove(self, product_no: str, call: Call) -> None:
        """Read back what the answer does not tell. Raises: AnswerLost when it is not there."""
        if not call.proof:
            return
        try:
            origin = await self._products.origin(product_no)
        except (MarketDenied, MarketRejected, TransientError) as error:
            raise AnswerLost(f"written, but not read back: {error}") from error
        found = {name: getattr(origin, name) for name in call.proof}
        if found != call.proof:
            raise AnswerLost(f"the market said yes, but shows {found}, not {dict(call.proof)}")


def _stored_status(response: httpx.Response) -> str:
    try:
        stored = msgspec.json.decode(response.content, type=Stored).origin_product
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return (stored and stored.status_type) or ""


def _key(line: LineKey | Dispatch) -> Key:
    return line.order_no, line.line_no


def _sorted_out(lines: Sequence[Line]) -> tuple[Results, list[Line]]:
    """Return refusals of what would spoil a whole call, and each good line once (§3.1)."""
    refused: Results = {}
    good: dict[str, Line] = {}
    for line in lines:
        key = _key(line)
        if not (line.line_no.isascii() and line.line_no.isdigit()):
            refused[key] = _refused(key, "not a number of a line")
        elif good.setdefault(line.line_no, line) != line:
            refused[key] = _refused(key, "named twice, with different values")
    return refused, [line for line in good.values() if _key(line) not in refused]


def _parcel(dispatch: Dispatch) -> dict[str, object]:
    return {
        "productOrderId": dispatch.line_no,
        "deliveryMethod": "DELIVERY",
        "deliveryCompanyCode": dispatch.carrier,
        "trackingNumber": dispatch.invoice_no,
        "dispatchDate": stamp(dispatch.sent_at),
    }


def _judged(keys: Sequence[Key], said: wire.Outcome) -> Results:
    """Return the verdicts on lines; a buyer who moved meanwhile is worth a word (§5.6)."""
    infos = {str(it.product_order_id): it for it in said.success_product_order_infos or ()}
    good = infos.keys() | set(map(str, said.success_product_order_ids or ()))
    bad = {str(it.product_order_id): it for it in said.fail_product_order_infos or ()}
    results: Results = {}
    for key in keys:
        number = key[1]
        if number in bad:
            code, message = str(bad[number].code or "failed"), bad[number].message or ""
            results[key] = WriteResult(key, ok=False, code=code, message=printable(message))
        elif number in good:
            has_moved = number in infos and infos[number].is_receiver_address_changed
            results[key] = (
                WriteResult(key, ok=True, code="address_changed", message="read the line again")
                if has_moved
                else WriteResult(key, ok=True)
            )
        else:
            results[key] = _lost(key, "the answer does not name it")
    return results


def _refused(key: Key, why: str) -> WriteResult:
    return WriteResult(key, ok=False, code=HERE, message=why)


def _lost(key: Key, why: str) -> WriteResult:
    return WriteResult(key, ok=False, code="lost", message=why, is_lost=True)


def _failed(keys: Sequence[Key], error: MarketDenied | MarketRejected | TransientError) -> Results:
    """Return the results of items whose whole call failed."""
    if isinstance(error, AnswerLost):
        return {key: _lost(key, str(error)) for key in keys}
    code = "unavailable"
    if isinstance(error, MarketRejected):
        code = error.code
    elif isinstance(error, MarketDenied):
        code = "denied"
    return {key: WriteResult(key, ok=False, code=code, message=str(error)) for key in keys}
