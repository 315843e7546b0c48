"""Exchanges, by the time they were asked for.

What the documents leave open is decided so: a page size above 50 is cut to it.
Source: coupang.md §7.4.
"""

from collections.abc import Iterable
from datetime import timedelta

from erp_assets.records import ClaimStatus
from erp_assets.simulator.coupang.call import (
    TO_SECOND,
    Call,
    Payload,
    Refused,
    Row,
    Span,
    local,
    span,
)
from erp_assets.simulator.coupang.claims import MOST, WEEK, Receipt, made, number_of
from erp_assets.simulator.world import Claim, Order

PAGE = 10

_EXCHANGE = {
    ClaimStatus.REQUESTED: "RECEIPT",
    ClaimStatus.IN_PROGRESS: "PROGRESS",
    ClaimStatus.DONE: "SUCCESS",
    ClaimStatus.REJECTED: "REJECT",
    ClaimStatus.WITHDRAWN: "CANCEL",
}


def listed(call: Call) -> Payload:
    """Answer exchanges by the time they were asked for, in every status unless one is named."""
    asked = span(call, ("createdAtFrom", "createdAtTo"), TO_SECOND)
    if asked.asked >= WEEK:
        raise Refused("createdAtTo - createdAtFrom should less then 7day")
    status, order_no = call.text("status"), call.text("orderId")
    if status and status not in _EXCHANGE.values():
        raise Refused(f"Invalid status: {status}")
    rows = _exchanges(call, asked, status, order_no)
    page, token = call.page(rows, number_of, call.size(PAGE, MOST))
    return {"data": [_exchange(call, receipt) for receipt in page], "nextToken": token}


def _exchanges(call: Call, asked: Span, status: str, order_no: str) -> list[Receipt]:
    return call.listing(
        ("exchangeRequests", asked.since, asked.until, status, order_no),
        lambda: [x for x in made(call, asked, is_exchange=True) if _is_wanted(x, status, order_no)],
    )


def _is_wanted(receipt: Receipt, status: str, order_no: str) -> bool:
    first = receipt[0]
    return status in {"", _EXCHANGE[first.status]} and order_no in {"", str(first.line.order.no)}


def _exchange(call: Call, receipt: Receipt) -> Row:
    first = receipt[0]
    status, fault = _EXCHANGE[first.status], "VENDOR" if first.by_seller else "CUSTOMER"
    created, modified = local(first.requested_at), local(max(x.changed_at for x in receipt))
    return {
        "exchangeId": first.no,
        "orderId": first.line.order.no,
        "vendorId": call.vendor,
        "orderDeliveryStatusCode": "FINAL_DELIVERY",
        "exchangeStatus": status,
        "referType": "WEB_MOBILE",
        "faultType": fault,
        "exchangeAmount": 0,
        "reason": None,
        "reasonCode": first.reason_code or "DIFFERENTOPT",
        "reasonCodeText": "색상/ 사이즈가 기대와 다름",
        "reasonEtcDetail": first.reason,
        "cancelReason": None,
        "createdByType": "CUSTOMER",
        "createdAt": created,
        "modifiedByType": "TRACKING",
        "modifiedAt": modified,
        "exchangeItemDtoV1s": list(_exchange_items(receipt, created, modified)),
        "exchangeAddressDtoV1": _exchange_address(first, created, modified),
        "deliveryInvoiceGroupDtos": [],
        **_exchange_progress(first),
        "returnDeliveryDtos": [{"deliveryCompanyCode": "CJGLS", "deliveryInvoiceNo": ""}],
        "orderDeliveryStatusLabel": "FINAL_DELIVERY",
        "exchangeStatusLabel": status,
        "referTypeLabel": "WEB_MOBILE",
        "faultTypeLabel": fault,
        "createdByTypeLabel": "CUSTOMER",
        "rejectable": status == "RECEIPT",
        "modifiedByTypeLabel": "CUSTOMER",
        "deliveryInvoiceModifiable": False,
        "successable": False,
    }


def _exchange_progress(claim: Claim) -> Row:
    is_back = claim.status in {ClaimStatus.IN_PROGRESS, ClaimStatus.DONE}
    return {
        "deliveryStatus": (
            "CompleteDelivery" if claim.status is ClaimStatus.DONE else "BeforeDirection"
        ),
        "collectStatus": "CompleteCollect" if is_back else "BeforeDirection",
        "collectCompleteDate": local(claim.changed_at) if is_back else None,
        "collectInformationsDto": {
            "returnType": "EXCHANGE_RETURN",
            "expectedReturnDate": local(claim.requested_at + timedelta(days=3)),
            "returndeliveryItemDtos": [],
            "returndeliveryDestinationDto": None,
        },
    }


def _exchange_items(receipt: Iterable[Claim], created: str, modified: str) -> Iterable[Row]:
    for n, claim in enumerate(receipt):
        line, item = claim.line, claim.line.item
        yield {
            "exchangeItemId": claim.no * 10 + n,
            "orderItemId": item.no,
            "orderItemUnitPrice": line.unit_price,
            "orderItemName": None,
            "orderPackageId": None,
            "orderPackageName": None,
            "targetItemId": item.no,
            "targetItemUnitPrice": line.unit_price,
            "targetItemName": f"{item.listing.name}, {item.name}",
            "targetPackageId": -1,
            "targetPackageName": "",
            "quantity": claim.quantity,
            "orderItemDeliveryComplete": None,
            "orderItemReturnComplete": None,
            "targetItemDeliveryComplete": None,
            "createdAt": created,
            "modifiedAt": modified,
            "originalShipmentBoxId": line.box,
        }


def _exchange_address(claim: Claim, created: str, modified: str) -> Row:
    order = claim.line.order
    return {
        "exchangeAddressId": claim.no,
        **_at("return", order),
        **_at("delivery", order),
        "createdAt": created,
        "modifiedAt": modified,
        "exchangeId": claim.no,
    }


def _at(way: str, order: Order) -> Row:
    return {
        f"{way}CustomerName": order.receiver,
        f"{way}AddressZipCode": order.postcode,
        f"{way}Address": order.address,
        f"{way}AddressDetail": order.address_detail,
        f"{way}Phone": None,
        f"{way}Mobile": order.phone,
        f"{way}Memo": None,
    }
