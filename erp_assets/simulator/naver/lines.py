"""How an order line, its order, its claims and its delivery look.

What the documents leave open is decided so: open claims stand in currentClaim, all others in
completedClaims; the claim fields of the line itself are those of its latest claim.
Source: naver.md §5.2, §5.5.
"""

from datetime import datetime, timedelta

from erp_assets import clock
from erp_assets.records import ClaimKind, ClaimStatus, LineStatus
from erp_assets.simulator.naver.call import Row, filled, stamp, stamped
from erp_assets.simulator.world import Claim, Line, Order

_STATUSES = {
    LineStatus.UNPAID: "PAYMENT_WAITING",
    LineStatus.NEW: "PAYED",
    LineStatus.CONFIRMED: "PAYED",
    LineStatus.SHIPPED: "DELIVERING",
    LineStatus.DELIVERED: "DELIVERED",
    LineStatus.COMPLETED: "PURCHASE_DECIDED",
    LineStatus.EXCHANGED: "EXCHANGED",
    LineStatus.CANCELLED: "CANCELED",
    LineStatus.RETURNED: "RETURNED",
}
STATUSES = frozenset(_STATUSES.values()) | {"CANCELED_BY_NOPAYMENT"}
PLACED = frozenset({"NOT_YET", "OK", "CANCEL"})

OPEN = frozenset({ClaimStatus.REQUESTED, ClaimStatus.IN_PROGRESS})
_TYPES = {
    ClaimKind.CANCEL: "CANCEL",
    ClaimKind.RETURN: "RETURN",
    ClaimKind.EXCHANGE: "EXCHANGE",
}
_ENDINGS = {
    ClaimStatus.REQUESTED: "REQUEST",
    ClaimStatus.DONE: "DONE",
    ClaimStatus.REJECTED: "REJECT",
    ClaimStatus.WITHDRAWN: "REJECT",
}
CLAIM_STATUSES = frozenset(
    f"{kind}_{ending}" for kind in _TYPES.values() for ending in _ENDINGS.values()
) | {
    "CANCELING",
    "COLLECTING",
    "COLLECT_DONE",
    "EXCHANGE_REDELIVERING",
    "PURCHASE_DECISION_HOLDBACK",
    "PURCHASE_DECISION_REQUEST",
    "PURCHASE_DECISION_HOLDBACK_RELEASE",
    "ADMIN_CANCELING",
    "ADMIN_CANCEL_DONE",
    "ADMIN_CANCEL_REJECT",
}


# ── states ─────────────────────────────────────────────────────────────────────────────────────
def status(line: Line) -> str:
    """Return the productOrderStatus."""
    if line.status is LineStatus.CANCELLED and line.order.paid_at is None:
        return "CANCELED_BY_NOPAYMENT"
    return _STATUSES[line.status]


def placed(line: Line) -> str:
    """Return the placeOrderStatus."""
    if line.confirmed_at:
        return "OK"
    return "CANCEL" if line.status is LineStatus.CANCELLED else "NOT_YET"


def latest_claim(line: Line) -> Claim | None:
    """Return the open claim, else the one asked for last."""
    claims = sorted(line.claims, key=lambda x: (x.status in OPEN, x.requested_at, x.no))
    return claims[-1] if claims else None


def claim_status(claim: Claim) -> str:
    """Return the claimStatus; how far goods have come is told by the line's latest change."""
    if claim.status is not ClaimStatus.IN_PROGRESS:
        return f"{_TYPES[claim.kind]}_{_ENDINGS[claim.status]}"
    if claim.kind is ClaimKind.CANCEL:
        return "CANCELING"
    if claim.kind is ClaimKind.EXCHANGE and claim.line.change == "CLAIM_REDELIVERING":
        return "EXCHANGE_REDELIVERING"
    return "COLLECT_DONE" if claim.line.change == "COLLECT_DONE" else "COLLECTING"


def claim_fields(line: Line) -> Row:
    """Return claimType and claimStatus of a line that has a claim."""
    claim = latest_claim(line)
    if claim is None:
        return {}
    return {"claimType": _TYPES[claim.kind], "claimStatus": claim_status(claim)}


def remaining(line: Line) -> int:
    """Count the pieces that no finished cancel or return took off."""
    return line.quantity - sum(
        claim.quantity
        for claim in line.claims
        if claim.kind is not ClaimKind.EXCHANGE and claim.status is ClaimStatus.DONE
    )


# ── rows ───────────────────────────────────────────────────────────────────────────────────────
def changed(line: Line) -> Row:
    """Return a row of the change feed."""
    return filled(
        {
            "productOrderStatus": status(line),
            **claim_fields(line),
            "productOrderId": str(line.no),
            "orderId": str(line.order.no),
            "paymentDate": stamped(line.order.paid_at),
            "lastChangedDate": stamp(line.changed_at),
            "lastChangedType": line.change,
            "receiverAddressChanged": False,
        }
    )


def detail(line: Line, *, with_parts: bool) -> Row:
    """Return the whole line. with_parts: claims as those who know of partial ones read them."""
    row = {"order": _order(line.order), "productOrder": _product_order(line)}
    if with_parts:
        row |= _claims(line)
    elif claim := latest_claim(line):
        row[_NAMES[claim.kind]] = _claim(claim)
    if line.shipped_at:
        row["delivery"] = _delivery(line, line.shipped_at)
    return row


def _order(order: Order) -> Row:
    return filled(
        {
            "orderId": str(order.no),
            "orderDate": stamp(order.ordered_at),
            "ordererId": "buye****",
            "ordererName": order.buyer,
            "ordererNo": str(100_000_000 + order.no % 899_999_999),
            "ordererTel": order.phone,
            "paymentDate": stamped(order.paid_at),
            "paymentMeans": "신용카드 간편결제",
            "payLocationType": "MOBILE",
            "isDeliveryMemoParticularInput": "false",
            "orderDiscountAmount": 0,
            "naverMileagePaymentAmount": 0,
            "isMembershipSubscribed": False,
        }
    )


def _product_order(line: Line) -> Row:
    listing, order = line.item.listing, line.order
    claim = latest_claim(line)
    return filled(
        {
            "productOrderId": str(line.no),
            "productOrderStatus": status(line),
            **claim_fields(line),
            "claimId": str(claim.no) if claim else None,
            "placeOrderStatus": placed(line),
            "placeOrderDate": stamped(line.confirmed_at),
            "decisionDate": stamped(line.completed_at),
            "productId": str(listing.channel_no),
            "originalProductId": str(listing.no),
            "merchantChannelId": "500000001",
            "productName": listing.name,
            "productClass": "조합형옵션상품" if listing.has_options else "단일상품",
            **(_option(line) if listing.has_options else {}),
            "sellerProductCode": listing.seller_code or None,
            **_amounts(line),
            "packageNumber": str(line.box),
            "expectedDeliveryMethod": "DELIVERY",
            "deliveryAttributeType": "NORMAL",
            "shippingDueDate": _due(order.paid_at),
            "shippingMemo": order.note or None,
            "shippingAddress": _address(order),
            "mallId": "ncp_example",
            "taxType": "TAXATION",
            "inflowPath": "네이버쇼핑",
        }
    )


def _option(line: Line) -> Row:
    item = line.item
    return {
        "productOption": f"옵션: {item.name}",
        "optionCode": str(item.no),
        "itemNo": str(item.no),
        "optionManageCode": item.seller_code or None,
    }


def _amounts(line: Line) -> Row:
    """Return quantities and money: initial ones, and what finished claims left of them."""
    discount, left = line.seller_discount + line.market_discount, remaining(line)
    amount, rest = line.unit_price * line.quantity, line.unit_price * left
    discount_left = discount * left // line.quantity
    paid, paid_left = amount - discount, rest - discount_left
    return {
        "optionPrice": line.surcharge,
        "unitPrice": line.unit_price - line.surcharge,
        "quantity": line.quantity,
        "initialQuantity": line.quantity,
        "remainQuantity": left,
        "totalProductAmount": amount,
        "initialProductAmount": amount,
        "remainProductAmount": rest,
        "productDiscountAmount": discount,
        "initialProductDiscountAmount": discount,
        "remainProductDiscountAmount": discount_left,
        "sellerBurdenDiscountAmount": line.seller_discount,
        "totalPaymentAmount": paid,
        "initialPaymentAmount": paid,
        "remainPaymentAmount": paid_left,
        "deliveryFeeAmount": line.shipping_fee,
        "deliveryDiscountAmount": 0,
        "deliveryPolicyType": "조건부무료",
        "shippingFeeType": "선결제" if line.shipping_fee else "무료",
        "sectionDeliveryFee": 0,
        "paymentCommission": paid * 2 // 100,
        "saleCommission": 0,
        "channelCommission": 0,
        "knowledgeShoppingSellingInterlockCommission": paid * 2 // 100,
        "expectedSettlementAmount": paid - paid * 2 // 100 * 2,
    }


def _due(paid_at: datetime | None) -> str | None:
    if paid_at is None:
        return None
    return stamp(clock.day_start(clock.kst_day(paid_at)) + 4 * clock.DAY - timedelta(seconds=1))


def _address(order: Order) -> Row:
    return {
        "addressType": "DOMESTIC",
        "baseAddress": order.address,
        "detailedAddress": order.address_detail,
        "city": "",
        "state": "",
        "country": "대한민국",
        "name": order.receiver,
        "tel1": order.phone,
        "zipCode": order.postcode,
        "isRoadNameAddress": True,
    }


def _delivery(line: Line, shipped_at: datetime) -> Row:
    is_there = line.delivered_at is not None
    return filled(
        {
            "deliveryCompany": line.carrier or None,
            "deliveryMethod": "DELIVERY" if line.carrier else "DIRECT_DELIVERY",
            "deliveryStatus": "DELIVERY_COMPLETION" if is_there else "DELIVERING",
            "trackingNumber": line.invoice_no or None,
            "sendDate": stamp(shipped_at),
            "pickupDate": stamp(shipped_at),
            "deliveredDate": stamped(line.delivered_at),
            "isWrongTrackingNumber": False,
        }
    )


# ── claims ─────────────────────────────────────────────────────────────────────────────────────
_NAMES = {ClaimKind.CANCEL: "cancel", ClaimKind.RETURN: "return", ClaimKind.EXCHANGE: "exchange"}


def _claims(line: Line) -> Row:
    row: Row = {}
    if current := [x for x in line.claims if x.status in OPEN]:
        row["currentClaim"] = {_NAMES[x.kind]: _claim(x) for x in current}
    if past := [x for x in line.claims if x.status not in OPEN]:
        row["completedClaims"] = [_completed(x) for x in past]
    return row


def _claim(claim: Claim) -> Row:
    name = _NAMES[claim.kind]
    row = {
        "claimId": str(claim.no),
        "claimStatus": claim_status(claim),
        "claimRequestDate": stamp(claim.requested_at),
        "requestChannel": "판매자" if claim.by_seller else "구매회원",
        "requestQuantity": claim.quantity,
        f"{name}Reason": claim.reason_code or "INTENT_CHANGED",
        f"{name}DetailedReason": claim.reason or None,
        f"{name}CompletedDate": stamped(claim.completed_at),
    }
    if claim.kind is not ClaimKind.CANCEL:
        row["collectDeliveryMethod"] = "RETURN_DESIGNATED"
        row["collectStatus"] = "NOT_REQUESTED"
        row["claimDeliveryFeeDemandAmount"] = 0 if claim.by_seller else 3000
    return filled(row)


def _completed(claim: Claim) -> Row:
    return filled(
        {
            "claimType": _TYPES[claim.kind],
            "claimId": str(claim.no),
            "claimStatus": claim_status(claim),
            "claimRequestDate": stamp(claim.requested_at),
            "claimRequestReason": claim.reason_code or "INTENT_CHANGED",
            "claimRequestDetailContent": claim.reason or None,
            "requestQuantity": claim.quantity,
            "claimCompleteOperationDate": stamped(claim.completed_at or claim.changed_at),
        }
    )
