"""What Naver's order lines and claims mean in our records (naver.md §5.2, §5.5)."""

import msgspec

from erp_assets.markets import rows
from erp_assets.markets.naver.order_wire import (
    DETAILS,
    Address,
    ClaimPart,
    Delivery,
    Detail,
    LinePart,
)
from erp_assets.markets.naver.wire import NO_OPTION, Id
from erp_assets.markets.rows import refuse
from erp_assets.records import (
    Batch,
    Claim,
    ClaimKind,
    ClaimStatus,
    LineStatus,
    Order,
    OrderLine,
    RawDocument,
)

LINE_STATUSES = {
    "PAYMENT_WAITING": LineStatus.UNPAID,
    "PAYED": LineStatus.NEW,
    "DELIVERING": LineStatus.SHIPPED,
    "DELIVERED": LineStatus.DELIVERED,
    "PURCHASE_DECIDED": LineStatus.COMPLETED,
    "EXCHANGED": LineStatus.EXCHANGED,
    "CANCELED": LineStatus.CANCELLED,
    "RETURNED": LineStatus.RETURNED,
    "CANCELED_BY_NOPAYMENT": LineStatus.CANCELLED,
}
GONE = (LineStatus.CANCELLED, LineStatus.RETURNED)

CLAIM_STATUSES = {
    "CANCEL_REQUEST": ClaimStatus.REQUESTED,
    "CANCELING": ClaimStatus.IN_PROGRESS,
    "CANCEL_DONE": ClaimStatus.DONE,
    "CANCEL_REJECT": ClaimStatus.WITHDRAWN,  # only the buyer takes a cancel back (§5.7)
    "RETURN_REQUEST": ClaimStatus.REQUESTED,
    "RETURN_DONE": ClaimStatus.DONE,
    "RETURN_REJECT": ClaimStatus.REJECTED,
    "EXCHANGE_REQUEST": ClaimStatus.REQUESTED,
    "EXCHANGE_REDELIVERING": ClaimStatus.IN_PROGRESS,
    "EXCHANGE_DONE": ClaimStatus.DONE,
    "EXCHANGE_REJECT": ClaimStatus.REJECTED,
    "COLLECTING": ClaimStatus.IN_PROGRESS,
    "COLLECT_DONE": ClaimStatus.IN_PROGRESS,
    "ADMIN_CANCELING": ClaimStatus.IN_PROGRESS,
    "ADMIN_CANCEL_DONE": ClaimStatus.DONE,
    "ADMIN_CANCEL_REJECT": ClaimStatus.REJECTED,
}
OPEN_CLAIMS = (ClaimStatus.REQUESTED, ClaimStatus.IN_PROGRESS)
CLAIM_KINDS = {
    "CANCEL": ClaimKind.CANCEL,
    "ADMIN_CANCEL": ClaimKind.CANCEL,
    "RETURN": ClaimKind.RETURN,
    "EXCHANGE": ClaimKind.EXCHANGE,
}
NO_CLAIMS = ("PURCHASE_DECISION_HOLDBACK",)
"""Claim types that take nothing back (§5.5)."""


class _Number(msgspec.Struct, rename="camel"):
    product_order_id: Id | None = None


class _Row(msgspec.Struct, rename="camel"):
    product_order: _Number | None = None
    product_order_id: Id | None = None


def line_number(body: bytes) -> str | None:
    """Return the productOrderId of a row of the feed or of the details, if it can be read."""
    try:
        row = msgspec.json.decode(body, type=_Row)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    found = row.product_order.product_order_id if row.product_order else row.product_order_id
    return rows.text_or_none(found)


def take_detail(body: bytes, batch: Batch) -> None:
    """Append a line, its order and its claims."""
    detail = DETAILS.decode(body)
    part = detail.product_order
    order = Order(
        detail.order.order_id,
        rows.needed_instant(detail.order.order_date, "orderDate"),
        rows.instant(detail.order.payment_date, "paymentDate"),
        rows.text_or_none(detail.order.orderer_name),
        rows.text_or_none(detail.order.orderer_tel),
    )
    claims = _claims(detail)
    line = _line(detail, order, claims)
    batch.orders.append(order)
    batch.lines.append(line)
    batch.claims += claims
    batch.documents.append(RawDocument("orders", part.product_order_id, body))


def _line(detail: Detail, order: Order, claims: list[Claim]) -> OrderLine:
    part, delivery = detail.product_order, detail.delivery or Delivery()
    address = part.shipping_address or Address()
    status = _status(part)
    bought = part.quantity if part.initial_quantity is None else part.initial_quantity
    quantity = rows.count(bought, "quantity")
    unit_price = rows.needed_won(part.unit_price, "unitPrice") + (part.option_price or 0)
    rows.needed_won(unit_price, "optionPrice")
    discount = rows.won(part.product_discount_amount, "productDiscountAmount")
    borne = rows.won(part.seller_burden_discount_amount, "sellerBurdenDiscountAmount")
    place = " ".join(p for p in (address.base_address, address.detailed_address) if p)
    fees = (part.delivery_fee_amount, part.section_delivery_fee)
    return OrderLine(
        order_no=order.order_no,
        line_no=part.product_order_id,
        ordered_at=order.ordered_at,
        status=status,
        market_status=part.product_order_status,
        product_no=str(part.original_product_id or part.product_id),
        product_name=part.product_name,
        quantity=quantity,
        unit_price=unit_price,
        amount=rows.needed_won(unit_price * quantity, "amount"),
        option_no=_option_no(part),
        option_name=rows.text_or_none(part.product_option),
        seller_code=rows.text_or_none(part.option_manage_code or part.seller_product_code),
        held_quantity=_held(part, claims),
        cancelled_quantity=_cancelled(part, quantity, status),
        seller_discount=borne if borne is not None else discount,
        market_discount=None if discount is None or borne is None else max(0, discount - borne),
        shipment_no=rows.text_or_none(part.package_number),
        shipping_fee=sum(rows.won(fee, "deliveryFeeAmount") or 0 for fee in fees),
        ship_by=rows.instant(part.shipping_due_date, "shippingDueDate"),
        carrier=rows.text_or_none(delivery.delivery_company),
        invoice_no=rows.text_or_none(delivery.tracking_number),
        confirmed_at=rows.instant(part.place_order_date, "placeOrderDate"),
        shipped_at=rows.instant(delivery.send_date, "sendDate"),
        delivered_at=rows.instant(delivery.delivered_date, "deliveredDate"),
        completed_at=rows.instant(part.decision_date, "decisionDate"),
        receiver_name=rows.text_or_none(address.name),
        receiver_phone=rows.text_or_none(address.tel1 or address.tel2),
        postcode=rows.text_or_none(address.zip_code),
        address=rows.text_or_none(place),
        delivery_note=rows.text_or_none(part.shipping_memo),
    )


def _status(part: LinePart) -> LineStatus:
    status = LINE_STATUSES.get(part.product_order_status)
    if status is None:
        refuse("productOrderStatus", f"unknown value {part.product_order_status!r}")
    is_confirmed = status is LineStatus.NEW and part.place_order_status == "OK"
    return LineStatus.CONFIRMED if is_confirmed else status


def _held(part: LinePart, claims: list[Claim]) -> int:
    """Return the pieces of open claims; the line alone may tell of one, for all that is left."""
    held = sum(it.quantity for it in claims if it.status in OPEN_CLAIMS)
    if held or part.claim_status is None or part.claim_type in (None, *NO_CLAIMS):
        return held
    if part.claim_type not in CLAIM_KINDS:
        refuse("claimType", f"unknown value {part.claim_type!r}")
    if part.claim_status not in CLAIM_STATUSES:
        refuse("claimStatus", f"unknown value {part.claim_status!r}")
    is_open = CLAIM_STATUSES[part.claim_status] in OPEN_CLAIMS
    return rows.count(_left(part), "remainQuantity") if is_open else 0


def _left(part: LinePart) -> int:
    """Return the pieces that no finished claim took off (§5.2)."""
    return part.quantity if part.remain_quantity is None else part.remain_quantity


def _cancelled(part: LinePart, quantity: int, status: LineStatus) -> int:
    """Return the pieces gone for good: all of a line that ended so, else what does not remain."""
    left = rows.count(_left(part), "remainQuantity")
    if status in GONE:
        return quantity
    return 0 if part.remain_quantity is None else max(0, quantity - left)


def _option_no(part: LinePart) -> str:
    """Return the option's number; a listing without options has none of its own (§5.2)."""
    found = rows.text_or_none(part.option_code or part.item_no)
    listing = (str(part.product_id), str(part.original_product_id))
    return NO_OPTION if found is None or found in listing else found


def _claims(detail: Detail) -> list[Claim]:
    """Return the claims of a line, finished ones first."""
    found = [(it.claim_type or "", it) for it in detail.completed_claims or ()]
    for current in (detail.before_claim, detail.current_claim):
        if current is not None:
            found += [
                (kind, part)
                for kind, part in (
                    ("CANCEL", current.cancel),
                    ("RETURN", current.return_),
                    ("EXCHANGE", current.exchange),
                )
                if part is not None
            ]
    claims = [_claim(detail, kind, part) for kind, part in found if kind not in NO_CLAIMS]
    return list({it.claim_no: it for it in claims}.values())


def _claim(detail: Detail, type_: str, part: ClaimPart) -> Claim:
    line = detail.product_order
    kind = CLAIM_KINDS.get(part.claim_type or type_)
    if kind is None:
        refuse("claimType", f"unknown value {part.claim_type or type_!r}")
    status = CLAIM_STATUSES.get(part.claim_status)
    if status is None:
        refuse("claimStatus", f"unknown value {part.claim_status!r}")
    number = rows.text_or_none(part.claim_id or line.claim_id)
    if number is None:
        refuse("claimId", "missing")
    over = status not in OPEN_CLAIMS
    pieces = part.request_quantity
    if pieces is None:
        pieces = line.quantity if over else _left(line)
    codes = (part.cancel_reason, part.return_reason, part.exchange_reason)
    words = (
        part.cancel_detailed_reason,
        part.return_detailed_reason,
        part.exchange_detailed_reason,
    )
    return Claim(
        claim_no=number,
        order_no=detail.order.order_id,
        line_no=line.product_order_id,
        kind=kind,
        status=status,
        market_status=part.claim_status,
        quantity=rows.count(pieces, "requestQuantity"),
        requested_at=rows.needed_instant(part.claim_request_date, "claimRequestDate"),
        completed_at=rows.instant(part.completed_at, "completedDate") if over else None,
        reason_code=next(filter(None, codes), part.claim_request_reason),
        reason=next(filter(None, words), part.claim_request_detail_content),
        product_no=str(line.original_product_id or line.product_id),
        option_no=_option_no(line),
    )
