"""Acknowledge and invoices: every verdict stands inside an HTTP 200, box by box.

What the documents leave open is decided so: an open claim holds its whole box back; a box that has
an invoice answers DUPLICATE_INVOICE_NUMBER; items of a split that were sent move to a new box.
Source: coupang.md §6.1-6.3.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from erp_assets import clock
from erp_assets.records import ClaimKind, LineStatus
from erp_assets.simulator.coupang.call import DAY, Call, Payload, Refused, Row, moment, number
from erp_assets.simulator.coupang.carriers import DIRECT, is_invoice
from erp_assets.simulator.coupang.sheets import (
    OPEN,
    Box,
    State,
    find_box,
    state_of,
    taken_off,
)
from erp_assets.simulator.world import Line, Refusal

MOST_BOXES = 50
RESPONSE_KEY = -7326489997410940000
_RETRY = frozenset(
    {
        "PERMISSION_DENIED",
        "UNDEFINED_ERROR_OCCUR",
        "DUPLICATE_INVOICE_NUMBER",
        "INVALID_INVOICE_NUMBER",
        "ORDER_DELIVERY_PARTIAL_STOP_REQUESTED",
        "ORDER_DELIVERY_CANCELED_HOLDING_FOR_CANCEL",
    }
)
_TEXTS = {
    "OK": None,
    "INVALID_STATUS": "배송진행상태가 유효하지 않습니다.",
    "DUPLICATE_INVOICE_NUMBER": "이미 저장된 송장번호가 있습니다.",
}


class Denied(Exception):
    """The verdict on one box: its resultCode."""


class Dto(NamedTuple):
    """One item of an invoice upload."""

    box_no: int
    order_no: int | None
    item_no: int | None
    carrier: str
    invoice_no: str
    is_split: bool
    ship_by: str


# ── acknowledge ────────────────────────────────────────────────────────────────────────────────
def acknowledge(call: Call) -> Payload:
    """ACCEPT → INSTRUCT for up to 50 boxes."""
    asked = call.json().get("shipmentBoxIds")
    if not isinstance(asked, list) or len(asked) > MOST_BOXES:
        raise Refused("shipmentBoxIds: 1~50개까지 입력할 수 있습니다.")
    numbers = [_number(value) for value in asked]
    verdicts = [_verdict(no, partial(_confirm, call, no), _ACK_TEXTS) for no in numbers]
    return {"data": {"responseKey": RESPONSE_KEY, **_summary(verdicts, _ACK_SUMMARY)}}


_ACK_SUMMARY = {
    0: "apply instructStatus result - Success.",
    1: "apply instructStatus result - Partial errors.",
    99: "배송상태를 변경할 수 없습니다. 주문내역을 확인해주세요.",
    -1: "NONE",
}
_ACK_TEXTS = {**_TEXTS, "OK": "request succeeded."}


def _number(value: object) -> int:
    """Read an id of a body: number, or text as in Coupang's own samples."""
    no = number(value)
    if no is None:
        raise Refused("입력값에 오류가 있습니다.")
    return no


def _confirm(call: Call, no: int) -> None:
    today = clock.kst_day(call.now)
    box = find_box(call, no)
    if box is None:
        raise Denied("NOT_FOUND_SHIPMENT_BOX")
    _check_claims(box, today)
    if state_of(box, today) is not State.ACCEPT:
        raise Denied("INVALID_STATUS")
    for line in box:
        if line.status is LineStatus.NEW:
            call.shop.confirm(line)


def _check_claims(box: Box, today: date) -> None:
    """Refuse a box that is gone, or that a cancel holds."""
    if state_of(box, today) is None:
        raise Denied("ORDER_DELIVERY_CANCELED")
    kinds = {claim.kind for line in box for claim in line.claims if claim.status in OPEN}
    if ClaimKind.CANCEL in kinds:
        raise Denied("ORDER_DELIVERY_CANCELED_HOLDING_FOR_CANCEL")
    if ClaimKind.RETURN in kinds and any(taken_off(line, OPEN) for line in box):
        raise Denied("ORDER_DELIVERY_PARTIAL_STOP_REQUESTED")


def _verdict(no: int, act: Callable[[], None], texts: dict[str, str | None]) -> Row:
    code = "OK"
    try:
        act()
    except Denied as denied:
        code = str(denied)
    text = f"shipmentBoxId ({no}) is not found." if code == "NOT_FOUND_SHIPMENT_BOX" else code
    return {
        "shipmentBoxId": no,
        "succeed": code == "OK",
        "resultCode": code,
        "retryRequired": code in _RETRY,
        "resultMessage": texts.get(code, text),
    }


def _summary(verdicts: Sequence[Row], texts: dict[int, str]) -> Row:
    good = sum(row["succeed"] for row in verdicts)
    code = 0 if good == len(verdicts) else 1 if good else 99
    code = code if verdicts else -1
    return {"responseCode": code, "responseMessage": texts[code], "responseList": verdicts}


# ── invoices ───────────────────────────────────────────────────────────────────────────────────
_SUMMARY = {0: "SUCCESS", 1: "PARTIAL_ERROR", 99: "FAILED", -1: "NONE"}


def upload(call: Call) -> Payload:
    """INSTRUCT → DEPARTURE: one verdict per box of the request."""
    return _for_each_box(call, _upload)


def change(call: Call) -> Payload:
    """Replace the invoices of boxes under way; they are at DEPARTURE again."""
    return _for_each_box(call, _change)


def _for_each_box(call: Call, act: Callable[[Call, Box, list[Dto]], None]) -> Payload:
    boxes: dict[int, list[Dto]] = {}
    for dto in _dtos(call):
        boxes.setdefault(dto.box_no, []).append(dto)
    verdicts = [_verdict(no, partial(_act, call, no, boxes[no], act), _TEXTS) for no in boxes]
    return {"data": _summary(verdicts, _SUMMARY)}


def _dtos(call: Call) -> list[Dto]:
    values = call.json().get("orderSheetInvoiceApplyDtos")
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise Refused("입력값에 오류가 있습니다.")
    return [_dto(value) for value in values]


def _dto(value: dict[str, Any]) -> Dto:
    return Dto(
        _number(value.get("shipmentBoxId")),
        number(value.get("orderId")),
        number(value.get("vendorItemId")),
        str(value.get("deliveryCompanyCode", "")),
        str(value.get("invoiceNumber", "")),
        str(value.get("splitShipping", False)).lower() == "true",
        str(value.get("estimatedShippingDate", "")),
    )


def _act(call: Call, no: int, dtos: list[Dto], act: Callable[[Call, Box, list[Dto]], None]) -> None:
    box = find_box(call, no)
    if box is None or any(dto.order_no != box[0].order.no for dto in dtos):
        raise Denied("NOT_FOUND_SHIPMENT_BOX")
    try:
        act(call, box, dtos)
    except Refusal as refusal:
        raise Denied(_REFUSALS.get(refusal.why, "UNDEFINED_ERROR_OCCUR")) from refusal


_REFUSALS = {
    "used_invoice": "NOT_ALLOW_INVOICE_NUMBER_RE_UPLOAD",
    "bad_invoice": "INVALID_INVOICE_NUMBER",
    "claim_open": "ORDER_DELIVERY_CANCELED_HOLDING_FOR_CANCEL",
    "cancelled": "ORDER_DELIVERY_CANCELED",
    "already": "DUPLICATE_INVOICE_NUMBER",
    "wrong_state": "INVALID_STATUS",
}
_UNDER_WAY = frozenset(
    {State.DEPARTURE, State.DELIVERING, State.FINAL_DELIVERY, State.NONE_TRACKING}
)


def _upload(call: Call, box: Box, dtos: list[Dto]) -> None:
    today = clock.kst_day(call.now)
    _check_claims(box, today)
    state = state_of(box, today)
    if state in _UNDER_WAY:
        raise Denied("DUPLICATE_INVOICE_NUMBER")
    if state is not State.INSTRUCT:
        raise Denied("INVALID_STATUS")
    if any(dto.is_split for dto in dtos):
        _split(call, box, dtos)
    else:
        _ship(call, _alive(box), dtos)


def _alive(box: Box) -> list[Line]:
    gone = {LineStatus.CANCELLED, LineStatus.RETURNED}
    return [line for line in box if line.status not in gone]


def _ship(call: Call, lines: list[Line], dtos: list[Dto]) -> None:
    carrier, invoice_no = _parcel(lines, dtos)
    for line in lines:
        call.shop.dispatch(line, carrier, invoice_no, call.now)


def _parcel(lines: Iterable[Line], dtos: list[Dto]) -> tuple[str, str]:
    """Return the one carrier and number of a whole box, whose items must all be named."""
    named = {dto.item_no for dto in dtos}
    if not {line.item.no for line in lines} <= named:
        raise Denied("NOT_FOUND_VENDOR_ITEM")
    return _one_parcel(dtos)


def _one_parcel(dtos: list[Dto]) -> tuple[str, str]:
    parcels = {(dto.carrier, dto.invoice_no) for dto in dtos}
    if len(parcels) > 1:
        raise Denied("IS_SEPARATE_MUST_BE_TRUE_WHEN_SEPARATE_DELIVERY")
    carrier, invoice_no = parcels.pop()
    if not is_invoice(carrier, invoice_no):
        raise Denied("INVALID_INVOICE_NUMBER")
    return carrier, invoice_no


def _split(call: Call, box: Box, dtos: list[Dto]) -> None:
    """Send the items that have an invoice; the others wait for the day they name."""
    sent = _check_split(box, dtos)
    carrier, invoice_no = _one_parcel(sent)
    numbers = {dto.item_no for dto in sent}
    lines = [line for line in _alive(box) if line.item.no in numbers]
    for line in lines:
        call.shop.dispatch(line, carrier, invoice_no, call.now)
    if len(lines) < len(_alive(box)):
        call.shop.split(lines)


def _check_split(box: Box, dtos: list[Dto]) -> list[Dto]:
    items = {line.item.no for line in _alive(box)}
    if len(items) == 1:
        raise Denied("NOT_ALLOW_SEPARATE_WHEN_ONE_VENDOR_ITEM")
    if not all(dto.is_split for dto in dtos):
        raise Denied("IS_SEPARATE_MUST_BE_TRUE_WHEN_SEPARATE_DELIVERY")
    if any(dto.carrier == DIRECT for dto in dtos):
        raise Denied("NOT_ALLOW_VENDOR_DIRECT")
    if not {dto.item_no for dto in dtos} <= items:
        raise Denied("NOT_FOUND_VENDOR_ITEM")
    if any(bool(dto.invoice_no) == bool(moment(dto.ship_by, DAY)) for dto in dtos):
        raise Denied("INVALID_INVOICE_NUMBER")
    sent = [dto for dto in dtos if dto.invoice_no]
    if not sent:
        raise Denied("NOT_FOUND_INVOICE_NUMBER")
    return sent


def _change(call: Call, box: Box, dtos: list[Dto]) -> None:
    state = state_of(box, clock.kst_day(call.now))
    if state is None:
        raise Denied("ORDER_DELIVERY_CANCELED")
    if state not in _UNDER_WAY:
        raise Denied("INVALID_STATUS")
    lines = _alive(box)
    carrier, invoice_no = _parcel(lines, dtos)
    for line in lines:
        call.shop.change_invoice(line, carrier, invoice_no, call.now)
