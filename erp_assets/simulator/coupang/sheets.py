"""Order sheets: one element per box, listed one status at a time.

What the documents leave open is decided so: rows ascend by shipmentBoxId; a box has the state of
its least advanced line that is neither cancelled nor returned; the courier scans at the midnight
after the invoice, which turns DEPARTURE into DELIVERING; the last named minute or day is included.
Source: coupang.md §5, §12.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from erp_assets import clock
from erp_assets.records import ClaimKind, ClaimStatus, LineStatus
from erp_assets.simulator.coupang.call import (
    ZONED_DAY,
    ZONED_MINUTE,
    Call,
    Payload,
    Refused,
    Row,
    Span,
    local,
    money,
    number,
    span,
    zoned,
)
from erp_assets.simulator.coupang.carriers import CARRIERS, DIRECT
from erp_assets.simulator.world import Claim, Line, Order

PAGE = 50
MOST_DAYS = 30
"""Difference of the two dates; 31 is refused (§5.2)."""

Box = Sequence[Line]


class State(StrEnum):
    """Delivery status of a box, in the order in which boxes pass through."""

    ACCEPT = "결제완료"
    INSTRUCT = "상품준비중"
    DEPARTURE = "배송지시"
    DELIVERING = "배송중"
    FINAL_DELIVERY = "배송완료"
    NONE_TRACKING = "업체 직접 배송"


_RANK = {state: rank for rank, state in enumerate(State)}
_STATES = {
    LineStatus.NEW: State.ACCEPT,
    LineStatus.CONFIRMED: State.INSTRUCT,
    LineStatus.SHIPPED: State.DEPARTURE,
    LineStatus.DELIVERED: State.FINAL_DELIVERY,
    LineStatus.COMPLETED: State.FINAL_DELIVERY,
    LineStatus.EXCHANGED: State.FINAL_DELIVERY,
}


# ── states ─────────────────────────────────────────────────────────────────────────────────────
def state_of(box: Iterable[Line], today: date) -> State | None:
    """Return the state of a box; None when nothing is left of it, or nothing is paid yet."""
    states = [state for line in box if (state := _line_state(line, today))]
    return min(states, key=_RANK.__getitem__) if states else None


def _line_state(line: Line, today: date) -> State | None:
    state = _STATES.get(line.status)
    if state is None or _RANK[state] < _RANK[State.DEPARTURE]:
        return state
    if line.carrier == DIRECT:
        return State.NONE_TRACKING
    is_scanned = line.shipped_at is None or clock.kst_day(line.shipped_at) < today
    return State.DELIVERING if state is State.DEPARTURE and is_scanned else state


OPEN = frozenset({ClaimStatus.REQUESTED, ClaimStatus.IN_PROGRESS})


def taken_off(line: Line, statuses: frozenset[ClaimStatus]) -> int:
    """Count the pieces of cancels and returns in these statuses; exchanges take nothing off."""
    if not line.claims:
        return 0
    return sum(claim.quantity for claim in line.claims if _takes_off(claim, statuses))


def _takes_off(claim: Claim, statuses: frozenset[ClaimStatus]) -> bool:
    return claim.kind is not ClaimKind.EXCHANGE and claim.status in statuses


# ── lists ──────────────────────────────────────────────────────────────────────────────────────
def listed(call: Call) -> Payload:
    """Answer the list: by day in pages, or by minute in one answer."""
    status = _status(call)
    if call.text("searchType") == "timeFrame":
        boxes = _boxes(call, _minutes(call))[status]
        return {"data": [_sheet(call, box) for box in boxes], "nextToken": ""}
    rows = _boxes(call, _days(call))[status]
    page, token = call.page(rows, _box_no, call.size(PAGE, PAGE))
    return {"data": [_sheet(call, box) for box in page], "nextToken": token}


def _status(call: Call) -> State:
    text = call.required("status")
    if text not in State.__members__:
        raise Refused(f"Invalid status: {text}")
    return State[text]


def _days(call: Call) -> Span:
    asked = span(call, ("createdAtFrom", "createdAtTo"), ZONED_DAY)
    check_days(asked)
    return asked


def check_days(asked: Span) -> None:
    """Refuse what is longer than a month."""
    if asked.asked.days > MOST_DAYS:
        raise Refused("endTime-startTime range should less than31.")


def _minutes(call: Call) -> Span:
    asked = span(call, ("createdAtFrom", "createdAtTo"), ZONED_MINUTE)
    if not asked.is_one_day:
        raise Refused("endTime-startTime range should less than 0 day")
    return asked


def _box_no(box: Box) -> int:
    return box[0].box


def _boxes(call: Call, asked: Span) -> dict[State, list[Box]]:
    key = ("ordersheets", asked.since, asked.until)
    return call.listing(key, lambda: _by_state(call, asked.since, asked.until))


def _by_state(call: Call, since: datetime, until: datetime) -> dict[State, list[Box]]:
    """Sort the boxes of a period into the six lists, each ascending by number."""
    seen = call.now - call.lag
    found = call.shop.lines_between("ordered_at", since, until)
    numbers = {x.box for x in found if x.order.paid_at and x.order.paid_at <= seen}
    today, lists = clock.kst_day(call.now), defaultdict[State, list[Box]](list)
    for no in sorted(numbers):
        box = call.shop.boxes[no]
        if state := state_of(box, today):
            lists[state].append(box)
    return lists


# ── single reads ───────────────────────────────────────────────────────────────────────────────
def by_box(call: Call) -> Payload:
    """Answer one box."""
    box = find_box(call, call.args[1])
    if box is None:
        raise Refused("유효하지 않은 배송번호입니다.")
    return {"data": _sheet(call, _still_there([box], call)[0])}


def by_order(call: Call) -> Payload:
    """Answer every box of an order."""
    order = call.shop.orders.get(number(call.args[1]) or 0)
    if order is None or order.paid_at is None:
        raise Refused("유효하지 않은 주문번호입니다.")
    boxes = [call.shop.boxes[no] for no in sorted({line.box for line in order.lines})]
    return {"data": [_sheet(call, box) for box in _still_there(boxes, call)]}


def find_box(call: Call, text: object) -> Box | None:
    """Return a box that is paid for."""
    box = call.shop.boxes.get(number(text) or 0)
    return box if box and box[0].order.paid_at else None


def _still_there(boxes: Iterable[Box], call: Call) -> list[Box]:
    today = clock.kst_day(call.now)
    left = [box for box in boxes if state_of(box, today)]
    if not left:
        raise Refused("해당 주문이 취소 또는 반품되었습니다.")
    return left


def history(call: Call) -> Payload:
    """Answer the states a box went through, newest first."""
    box = find_box(call, call.args[1])
    if box is None:
        raise Refused("유효하지 않은 배송번호입니다.")
    details = [
        {"deliveryStatus": state.name, "deliveryStatusDesc": state.value, "updatedAt": local(at)}
        for state, at in reversed(_steps(box, call.now))
    ]
    return {"data": {"shipmentBoxId": box[0].box, "details": details}}


def _steps(box: Box, now: datetime) -> list[tuple[State, datetime]]:
    line = box[0]
    is_direct = line.carrier == DIRECT
    scan = line.shipped_at and clock.day_start(clock.kst_day(line.shipped_at) + clock.DAY)
    steps = [
        (State.ACCEPT, line.order.paid_at),
        (State.INSTRUCT, line.confirmed_at),
        (State.NONE_TRACKING if is_direct else State.DEPARTURE, line.shipped_at),
        (State.DELIVERING, None if is_direct else scan),
        (State.FINAL_DELIVERY, None if is_direct else line.delivered_at),
    ]
    return [(state, at) for state, at in steps if at and at <= now]


# ── rows ───────────────────────────────────────────────────────────────────────────────────────
_NEVER: Row = {
    "remotePrice": None,
    "remoteArea": False,
    "splitShipping": False,
    "ableSplitShipping": False,
    "overseaShippingInfoDto": {
        "personalCustomsClearanceCode": "",
        "ordererSsn": "",
        "ordererPhoneNumber": "",
    },
    "refer": "안드로이드앱",
    "shipmentType": "THIRD_PARTY",
    "isCod": False,
    "extraProperties": {"sameDayShipping": "false", "cutOffTimeHour": "0"},
}


def _sheet(call: Call, box: Box) -> Row:
    first = box[0]
    order, today = first.order, clock.kst_day(call.now)
    state = state_of(box, today)
    ship_by = clock.kst_day(order.paid_at or order.ordered_at) + timedelta(days=3)
    return {
        "shipmentBoxId": first.box,
        "orderId": order.no,
        "orderedAt": zoned(order.ordered_at),
        "paidAt": zoned(order.paid_at),
        "status": state.name if state else "",
        "shippingPrice": money(first.shipping_fee),
        "parcelPrintMessage": order.note or None,
        **_people(order),
        "orderItems": [_item(line, ship_by.isoformat()) for line in box],
        "deliveryCompanyName": CARRIERS.get(first.carrier, ""),
        "invoiceNumber": first.invoice_no,
        "inTrasitDateTime": zoned(first.shipped_at),
        "deliveredDate": zoned(first.delivered_at),
        **_NEVER,
    }


def _people(order: Order) -> Row:
    return {
        "orderer": {
            "name": order.buyer,
            "email": "",
            "safeNumber": order.phone,
            "ordererNumber": None,
        },
        "receiver": {
            "name": order.receiver,
            "safeNumber": order.phone,
            "receiverNumber": None,
            "addr1": order.address,
            "addr2": order.address_detail,
            "postCode": order.postcode,
        },
    }


def _item(line: Line, ship_by: str) -> Row:
    item, listing = line.item, line.item.listing
    held, cancelled = (taken_off(line, x) for x in (OPEN, frozenset({ClaimStatus.DONE})))
    return {
        "vendorItemPackageId": 0,
        "vendorItemPackageName": listing.name,
        "productId": listing.channel_no,
        "vendorItemId": item.no,
        "vendorItemName": f"{listing.name}, {item.name}" if item.name else listing.name,
        "shippingCount": line.quantity,
        **_amounts(line),
        "externalVendorSkuCode": item.seller_code or None,
        "etcInfoHeader": None,
        "etcInfoValue": None,
        "etcInfoValues": None,
        "sellerProductId": listing.no,
        "sellerProductName": listing.name,
        "sellerProductItemName": item.name,
        "firstSellerProductItemName": item.name,
        "cancelCount": cancelled,
        "holdCountForCancel": held,
        "estimatedShippingDate": ship_by,
        "plannedShippingDate": "",
        "invoiceNumberUploadDate": local(line.shipped_at),
        "extraProperties": {},
        "pricingBadge": False,
        "usedProduct": False,
        "confirmDate": zoned(line.completed_at) or None,
        "deliveryChargeTypeName": "유료" if line.shipping_fee else "무료",
        "upBundleVendorItemId": None,
        "upBundleVendorItemName": None,
        "upBundleSize": None,
        "upBundleItem": False,
        "canceled": cancelled >= line.quantity,
    }


def _amounts(line: Line) -> Row:
    discount = line.seller_discount + line.market_discount
    return {
        "salesPrice": money(line.unit_price),
        "orderPrice": money(line.unit_price * line.quantity),
        "discountPrice": money(discount) if discount else None,
        "instantCouponDiscount": money(line.seller_discount),
        "downloadableCouponDiscount": money(0),
        "coupangDiscount": money(line.market_discount),
    }
