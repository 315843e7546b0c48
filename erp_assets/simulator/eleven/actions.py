"""What a seller does to order lines: confirm, dispatch in three forms, refuse, announce a delay.

All but the delay notice are GET. Each checks every line first and acts afterwards, so that a
refused call changes nothing. Source: 11st.md §6.5.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus
from erp_assets.simulator.eleven.call import Call, find_line, find_order, number
from erp_assets.simulator.eleven.codes import CARRIERS
from erp_assets.simulator.eleven.orders import cancelled
from erp_assets.simulator.eleven.rendering import Refused, leaves, read_body, result_order
from erp_assets.simulator.eleven.windows import minute
from erp_assets.simulator.world import Line, Refusal

NO_CARRIER = "05"
METHODS = frozenset({"01", "03", "04", NO_CARRIER})
"""Codes sent; those read back are others (§6.5)."""

INVOICE_MOST = 15
_REFUSE_REASONS = frozenset({"06", "07", "08", "09", "10", "99"})
_DELAY_REASONS = frozenset({"01", "02", "03", "04", "05"})
_DELAY_MOST = timedelta(days=30)


def done(count: int, what: str) -> str:
    """Render the success text of every action."""
    return result_order(0, f"전체 {count}건이 정상적으로 {what}가 되었습니다.")


# ── confirm ────────────────────────────────────────────────────────────────────────────────────
_Code = tuple[int, str]
_NOTHING: _Code = (-3206, "이미 발주 처리 되었거나 , 발주 처리할 건이 없습니다.")
_CONFIRM_REFUSALS: Mapping[str, _Code] = {
    "cancelled": (-3211, "주문이 취소된 상품입니다."),
    "claim_open": (-3214, "주문취소가 진행중인 상품입니다."),
}


def confirm(call: Call) -> str:
    """Confirm the named line and all of the same dlvNo and prdNo with it."""
    order_no, line_no, has_add_on, add_on_no, box = call.args
    if has_add_on not in {"Y", "N"} or (add_on_no != "null" and number(add_on_no) is None):
        raise Refused(-1, "추가구성상품 정보가 올바르지 않습니다.")
    line = _line_of_box(call, order_no, line_no, box)
    if line is None:
        raise Refused(*_NOTHING)
    try:
        call.shop.confirm(line)
    except Refusal as refusal:
        raise Refused(*_CONFIRM_REFUSALS.get(refusal.why, _NOTHING)) from refusal
    group = [x for x in call.shop.boxes[line.box] if x.item.listing is line.item.listing]
    others = [x for x in group if x.status is LineStatus.NEW and not x.is_in_claim]
    for other in others:
        call.shop.confirm(other)
    return done(1 + len(others), "발주처리")


def _line_of_box(call: Call, order_no: str, line_no: str, box: str) -> Line | None:
    order = find_order(call.shop, order_no)
    line = find_line(order, line_no) if order else None
    return line if line and line.box == number(box) else None


# ── dispatch ───────────────────────────────────────────────────────────────────────────────────
class Parcel(NamedTuple):
    """How the goods leave. carrier and invoice_no are empty when nobody carries them."""

    sent_at: datetime
    carrier: str
    invoice_no: str


_DISPATCH_REFUSALS: Mapping[str, _Code] = {
    "used_invoice": (-3320, "이미 사용중인 송장번호입니다."),
    "bad_invoice": (-3306, "송장번호가 유효하지 않습니다."),
    "already": (-3308, "이미 발송처리된 배송번호입니다."),
    "cancelled": (-3310, "주문상태를 확인해 주세요."),
    "claim_open": (-3310, "주문상태를 확인해 주세요."),
}
_DISPATCH_FAILED: _Code = (-3311, "발송처리중 오류가 발생하였습니다.")
_BY_STATE: Mapping[LineStatus, _Code] = {
    LineStatus.SHIPPED: _DISPATCH_REFUSALS["already"],
    LineStatus.DELIVERED: (-3309, "이미 배송완료된 배송번호입니다."),
    LineStatus.COMPLETED: (-3309, "이미 배송완료된 배송번호입니다."),
    LineStatus.UNPAID: (-3313, "주문상태가 변경되었습니다. [입금대기]"),
    LineStatus.NEW: (-3313, "주문상태가 변경되었습니다. [결제완료]"),
}


def dispatch_box(call: Call) -> str:
    """Ship every confirmed line of the dlvNo, across orders."""
    parcel, lines = _parcel(call.args), _box(call)
    ready = [line for line in lines if line.status is LineStatus.CONFIRMED]
    for line in ready or lines:
        _check_ready(line)
    return _ship(call, ready, parcel)


def dispatch_part(call: Call) -> str:
    """Ship the named lines only; `N` as partDlvYn ships the whole box."""
    is_part, order_no, line_nos = call.args[5:8]
    if is_part == "N":
        return dispatch_box(call)
    if is_part != "Y":
        raise Refused(-1, "부분발송 여부가 올바르지 않습니다.")
    parcel, lines = _parcel(call.args), _box(call)
    named = [_named(lines, order_no, line_no) for line_no in dict.fromkeys(line_nos.split(","))]
    for line in named:
        _check_ready(line)
    return _ship(call, named, parcel)


def dispatch_split(call: Call) -> str:
    """Ship one line in several parcels; together they must hold what is left to ship.

    dlvQty counts the pieces of the first parcel (invcNo), invcAddData those of the others. The
    world keeps one tracking number per line: the first.
    """
    pieces, order_no, line_no, more = call.args[5:9]
    parcel, lines = _parcel(call.args), _box(call)
    line = _named(lines, order_no, line_no)
    _check_ready(line)
    counts = [pieces] + [part.partition("@")[2] for part in more.split("^") if more != "null"]
    values = [number(count) or 0 for count in counts]
    if 0 in values or sum(values) != line.quantity - cancelled(line):
        raise Refused(*_DISPATCH_FAILED)
    return _ship(call, [line], parcel)


def _parcel(args: tuple[str, ...]) -> Parcel:
    sent, method, carrier, invoice_no = args[:4]
    sent_at = minute(sent)
    if sent_at is None:
        raise Refused(-3301, "발송일자가 올바르지 않습니다.")
    if method not in METHODS:
        raise Refused(-1, "배송방법이 올바르지 않습니다.")
    if method == NO_CARRIER:
        return Parcel(sent_at, "", "")
    if carrier not in CARRIERS:
        raise Refused(-3307, "택배사코드가 유효하지 않습니다.")
    if not is_invoice(invoice_no):
        raise Refused(*_DISPATCH_REFUSALS["bad_invoice"])
    return Parcel(sent_at, carrier, invoice_no)


def is_invoice(text: str) -> bool:
    """Is this a tracking number? ASCII letters and digits without hyphens, 15 at most."""
    return text != "null" and text.isascii() and text.isalnum() and len(text) <= INVOICE_MOST


def _box(call: Call) -> list[Line]:
    box = number(call.args[4])
    lines = call.shop.boxes.get(box, []) if box is not None else []
    if not lines:
        raise Refused(-1, "해당 건이 없습니다.")
    return lines


def _named(lines: list[Line], order_no: str, line_no: str) -> Line:
    for line in lines:
        if line.order.no == number(order_no) and str(line.no) == line_no:
            return line
    raise Refused(-1, "해당 건이 없습니다.")


def _check_ready(line: Line) -> None:
    if line.is_in_claim:
        raise Refused(*_DISPATCH_REFUSALS["claim_open"])
    if line.status is not LineStatus.CONFIRMED:
        raise Refused(*_BY_STATE.get(line.status, _DISPATCH_REFUSALS["cancelled"]))


def _ship(call: Call, lines: list[Line], parcel: Parcel) -> str:
    try:
        for line in lines:
            call.shop.dispatch(line, parcel.carrier, parcel.invoice_no, parcel.sent_at)
    except Refusal as refusal:
        raise Refused(*_DISPATCH_REFUSALS.get(refusal.why, _DISPATCH_FAILED)) from refusal
    return done(len(lines), "발송처리")


# ── refuse to sell, announce a delay ───────────────────────────────────────────────────────────
def refuse(call: Call) -> str:
    """Cancel a paid line because the seller cannot deliver it."""
    order_no, line_no, reason, detail = call.args
    order = find_order(call.shop, order_no)
    if order is None:
        raise Refused(-21002, "주문번호가 올바르지 않습니다.")
    line = find_line(order, line_no)
    if line is None:
        raise Refused(-21003, "주문순번이 올바르지 않습니다.")
    if line.is_in_claim or line.status not in {LineStatus.NEW, LineStatus.CONFIRMED}:
        raise Refused(-21004, "판매불가 처리를 할 수 없는 주문상태입니다.")
    if reason not in _REFUSE_REASONS:
        raise Refused(-1, "판매불가 사유코드가 올바르지 않습니다.")
    claim = call.shop.open_claim(
        line, ClaimKind.CANCEL, line.quantity - cancelled(line), reason=detail
    )
    claim.by_seller, claim.reason_code = True, reason
    call.shop.settle_claim(claim, ClaimStatus.DONE)
    return done(1, "판매불가처리")


def announce_delay(call: Call) -> str:
    """Take a delay notice; the line's state does not change."""
    values = leaves(read_body(call.body, "DeliveryDelayGuideRequest", code=-1))
    order = find_order(call.shop, values.get("ordNo", ""))
    lines = [x for x in order.lines if str(x.box) == values.get("dlvNo")] if order else []
    if not lines:
        raise Refused(-1, "해당 건이 없습니다.")
    until = minute(values.get("delaySendDt", "").ljust(12, "0"))
    if until is None or until > call.now + _DELAY_MOST:
        raise Refused(-1, "발송예정일이 올바르지 않습니다.")
    if values.get("delaySendRsnCd") not in _DELAY_REASONS:
        raise Refused(-1, "발송지연 사유코드가 올바르지 않습니다.")
    return done(len(lines), "발송지연안내처리")
