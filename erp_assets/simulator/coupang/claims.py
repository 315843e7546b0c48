"""Return and cancel receipts, and their withdrawals.

What the documents leave open is decided so: a cancel of a line that was INSTRUCT is a RETURN
receipt (stop-shipment), one that was ACCEPT a CANCEL receipt; a claim in progress is being checked
by Coupang (PR); a rejected one vanishes like a withdrawn one; minute mode takes 24 h at most.
Source: coupang.md §7.1, §7.2, §12.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from erp_assets import clock
from erp_assets.records import ClaimKind, ClaimStatus, LineStatus
from erp_assets.simulator.coupang.call import (
    DAY,
    TO_MINUTE,
    Call,
    Payload,
    Refused,
    Row,
    Span,
    local,
    moment,
    money,
    number,
    span,
)
from erp_assets.simulator.coupang.sheets import check_days
from erp_assets.simulator.world import Claim, Order

PAGE, MOST = 50, 50
WEEK = timedelta(days=7)

Receipt = Sequence[Claim]

_GONE = frozenset({ClaimStatus.WITHDRAWN, ClaimStatus.REJECTED})
_QUERIES = {
    "RU": {"RELEASE_STOP_UNCHECKED"},
    "UC": {"RETURNS_UNCHECKED", "RELEASE_STOP_UNCHECKED"},
    "PR": {"REQUEST_COUPANG_CHECK"},
    "CC": {"RETURNS_COMPLETED"},
}


# ── what a claim is ────────────────────────────────────────────────────────────────────────────
def _is_stop(claim: Claim) -> bool:
    """Was the line being prepared, so that the shipment has to be stopped?"""
    return claim.kind is ClaimKind.CANCEL and claim.was is not LineStatus.NEW


def _type(receipt: Receipt) -> str:
    """Return the receiptType."""
    first = receipt[0]
    return "CANCEL" if first.kind is ClaimKind.CANCEL and not _is_stop(first) else "RETURN"


def _status(receipt: Receipt) -> str:
    """Return the receiptStatus."""
    first = receipt[0]
    if first.status is ClaimStatus.DONE:
        return "RETURNS_COMPLETED"
    if first.status is ClaimStatus.IN_PROGRESS:
        return "REQUEST_COUPANG_CHECK"
    return "RELEASE_STOP_UNCHECKED" if _is_stop(first) else "RETURNS_UNCHECKED"


def number_of(receipt: Receipt) -> int:
    """Return the receiptId or exchangeId."""
    return receipt[0].no


# ── returns and cancels ────────────────────────────────────────────────────────────────────────
def returns(call: Call) -> Payload:
    """Answer return or cancel receipts by the time they were made."""
    is_by_minute = call.text("searchType") == "timeFrame"
    asked = span(call, ("createdAtFrom", "createdAtTo"), TO_MINUTE if is_by_minute else DAY)
    _check_span(asked, is_by_minute)
    rows = _receipts(call, asked, _wanted(call, is_by_minute))
    if is_by_minute:
        return {"data": [_return(receipt) for receipt in rows], "nextToken": ""}
    page, token = call.page(rows, number_of, call.size(PAGE, MOST))
    return {"data": [_return(receipt) for receipt in page], "nextToken": token}


def _check_span(asked: Span, is_by_minute: bool) -> None:
    if is_by_minute and asked.asked > clock.DAY:
        raise Refused("endTime-startTime range should less than 1 day")
    check_days(asked)


class Wanted(NamedTuple):
    """The receipts asked for; an empty status or order number = any."""

    kind: str
    status: str
    order_no: str

    def has(self, receipt: Receipt) -> bool:
        """Is this one of them?"""
        return (
            _type(receipt) == self.kind
            and (not self.status or _status(receipt) in _QUERIES[self.status])
            and self.order_no in {"", str(receipt[0].line.order.no)}
        )


def _wanted(call: Call, is_by_minute: bool) -> Wanted:
    kind, status = call.text("cancelType") or "RETURN", call.text("status")
    if kind not in {"RETURN", "CANCEL"}:
        raise Refused(f"Invalid cancelType: {kind}")
    if status and status not in _QUERIES:
        raise Refused(f"Invalid status: {status}")
    if kind == "CANCEL" and status:
        raise Refused("status is not supported when cancelType is CANCEL")
    if call.text("orderId") and (is_by_minute or number(call.text("orderId")) is None):
        raise Refused("orderId is not supported")
    if kind == "RETURN" and not status and not call.text("orderId"):
        raise Refused("OrderId can't be null, if doesn't pass the parameter status")
    return Wanted(kind, status, call.text("orderId"))


def _receipts(call: Call, asked: Span, wanted: Wanted) -> list[Receipt]:
    """Return the receipts made in the period that are still there."""
    there = call.listing(
        ("returnRequests", asked.since, asked.until),
        lambda: [x for x in made(call, asked, is_exchange=False) if x[0].status not in _GONE],
    )
    return call.listing(
        ("returnRequests", asked.since, asked.until, *wanted),
        lambda: [x for x in there if wanted.has(x)],
    )


def made(call: Call, asked: Span, *, is_exchange: bool) -> list[Receipt]:
    """Return what was made in the period, ascending by number."""
    found = call.shop.claims_between("requested_at", asked.since, asked.until)
    numbers = {x.no for x in found if (x.kind is ClaimKind.EXCHANGE) is is_exchange}
    return [call.shop.claims[no] for no in sorted(numbers)]


def single_return(call: Call) -> Payload:
    """Answer one return receipt; cancels and withdrawn ones are not found."""
    receipt = call.shop.claims.get(number(call.args[1]) or 0)
    if not receipt or receipt[0].kind is ClaimKind.EXCHANGE or receipt[0].status in _GONE:
        raise Refused("유효하지 않은 접수번호입니다.")
    if _type(receipt) != "RETURN":
        raise Refused("유효하지 않은 접수번호입니다.")
    return {"data": [_return(receipt)]}


def _return(receipt: Receipt) -> Row:
    first = receipt[0]
    order = first.line.order
    kind, status = _type(receipt), _status(receipt)
    return {
        "receiptId": first.no,
        "orderId": order.no,
        "paymentId": order.no + 1,
        "receiptType": kind,
        "receiptStatus": status,
        "createdAt": local(first.requested_at),
        "modifiedAt": local(max(claim.changed_at for claim in receipt)),
        **_requester(order),
        **_reason(first),
        "cancelCountSum": sum(claim.quantity for claim in receipt),
        "returnDeliveryId": first.no if first.kind is ClaimKind.RETURN else 0,
        "returnDeliveryType": "연동택배" if first.kind is ClaimKind.RETURN else "",
        "releaseStopStatus": _stop_status(first),
        "enclosePrice": money(0),
        "preRefund": False,
        "completeConfirmType": "VENDOR_CONFIRM" if first.completed_at else "UNDEFINED",
        "completeConfirmDate": local(first.completed_at),
        "returnItems": [_return_item(claim) for claim in receipt],
        "returnDeliveryDtos": [{"deliveryCompanyCode": "CJGLS", "deliveryInvoiceNo": ""}],
        "returnShippingCharge": money(0 if first.by_seller else -3000),
    }


def _stop_status(claim: Claim) -> str:
    if not _is_stop(claim):
        return "비대상"
    return "처리(출고중지)" if claim.status is ClaimStatus.DONE else "미처리"


def _requester(order: Order) -> Row:
    return {
        "requesterName": order.buyer,
        "requesterPhoneNumber": order.phone,
        "requesterRealPhoneNumber": None,
        "requesterAddress": order.address,
        "requesterAddressDetail": order.address_detail,
        "requesterZipCode": order.postcode,
    }


def _reason(claim: Claim) -> Row:
    return {
        "cancelReasonCategory1": "판매자귀책" if claim.by_seller else "고객변심",
        "cancelReasonCategory2": "품절" if claim.by_seller else "단순변심(사유없음)",
        "cancelReason": claim.reason,
        "faultByType": "VENDOR" if claim.by_seller else "CUSTOMER",
        "reasonCode": claim.reason_code or "CHANGEMIND",
        "reasonCodeText": claim.reason or "필요 없어짐 (단순 변심)",
    }


def _return_item(claim: Claim) -> Row:
    line, item = claim.line, claim.line.item
    return {
        "vendorItemPackageId": 0,
        "vendorItemPackageName": item.listing.name,
        "vendorItemId": item.no,
        "vendorItemName": f"{item.listing.name}, {item.name}",
        "purchaseCount": line.quantity,
        "cancelCount": claim.quantity,
        "shipmentBoxId": line.box,
        "sellerProductId": item.listing.no,
        "sellerProductName": item.listing.name,
        "releaseStatus": _release(claim),
        "cancelCompleteUser": "",
    }


def _release(claim: Claim) -> str:
    if claim.kind is ClaimKind.RETURN:
        return "Y"
    return "S" if _is_stop(claim) and claim.status is ClaimStatus.DONE else "N"


# ── withdrawals ────────────────────────────────────────────────────────────────────────────────
def withdrawn(call: Call) -> Payload:
    """Answer the receipts withdrawn in at most seven days, in numbered pages."""
    since, until = _week(call)
    index, size = _index(call), _per_page(call)
    rows = call.listing(
        ("returnWithdrawRequests", since, until),
        lambda: [x for x in _withdrawn(call) if since <= x[0].changed_at < until],
    )
    page = max(1, index - 1) if call.is_repeat else index
    cut = rows[(page - 1) * size : page * size]
    more = str(page + 1) if page * size < len(rows) else ""
    return {"data": [_withdrawal(call, receipt) for receipt in cut], "nextPageIndex": more}


def _week(call: Call) -> tuple[datetime, datetime]:
    ends = [moment(call.required(name), DAY) for name in ("dateFrom", "dateTo")]
    if None in ends:
        raise Refused(
            "날짜입력을 확인해 주세요. (형식:yyyy-MM-dd) "
            "[Please confirm the date input (format:yyyy-MM-dd)]"
        )
    since, last = ends
    if not since or not last or since > last:
        raise Refused("종료일자는 시작일자보다 작거나 같아야 합니다.")
    if last - since > WEEK:
        raise Refused("최대 조회 기간은 7 일 입니다.(The maximum view duration is 7 days)")
    return since, last + clock.DAY


def _index(call: Call) -> int:
    index = number(call.text("pageIndex") or 1)
    if not index:
        raise Refused("pageindex 는 음수 또는 0 일 수 없습니다. (pageindex must be positive)")
    return index


def _per_page(call: Call) -> int:
    size = number(call.text("sizePerPage") or 10)
    if not size or size > 100:
        raise Refused(
            "페이지별 최대 표시 갯수(sizePerPage)는 100 입니다. (The maximum sizePerPage is 100)"
        )
    return size


def _withdrawn(call: Call) -> list[Receipt]:
    return call.listing(("withdrawn",), lambda: _gone(call.shop.claims))


def _gone(claims: Mapping[int, Receipt]) -> list[Receipt]:
    return [
        receipt
        for _, receipt in sorted(claims.items())
        if receipt[0].kind is not ClaimKind.EXCHANGE and receipt[0].status in _GONE
    ]


def _withdrawal(call: Call, receipt: Receipt) -> Row:
    first = receipt[0]
    return {
        "cancelId": first.no,
        "orderId": first.line.order.no,
        "vendorId": call.vendor,
        "refundDeliveryDuty": "COM" if first.by_seller else "CUS",
        "createdAt": local(first.changed_at),
        "vendorItemIds": [claim.line.item.no for claim in receipt],
    }


def withdrawn_by_id(call: Call) -> Payload:
    """Answer those of up to 50 receipts that were withdrawn."""
    asked = call.json().get("cancelIds")
    if not isinstance(asked, list) or not 1 <= len(asked) <= MOST:
        raise Refused("cancelIds: 1~50개까지 입력할 수 있습니다.")
    if not all(isinstance(no, int) for no in asked):
        raise Refused("입력값에 오류가 있습니다.")
    rows = [receipt for receipt in _withdrawn(call) if receipt[0].no in set(asked)]
    return {"data": [_withdrawal(call, receipt) for receipt in rows]}
