"""Order lines and their claims as Naver sends them, and what they mean in our records.

Absent keys are normal everywhere (naver.md §5.2); numbers of things are text.
"""

import msgspec

from erp_assets.markets import rows
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


class More(msgspec.Struct, rename="camel"):
    """Where the feed goes on (§5.1)."""

    more_from: str
    more_sequence: Id

    @property
    def mark(self) -> tuple[str, str]:
        """Both halves, as the next call sends them."""
        return self.more_from, str(self.more_sequence)


class Changes(msgspec.Struct, rename="camel"):
    """A page of the change feed."""

    last_change_statuses: list[msgspec.Raw] | None = None
    more: More | None = None


class Feed(msgspec.Struct):
    """The feed's answer; without `data` nothing changed."""

    data: Changes | None = None


class Change(msgspec.Struct, rename="camel", frozen=True):
    """One line that changed."""

    product_order_id: str
    claim_type: str | None = None
    last_changed_type: str | None = None
    last_changed_date: str | None = None

    @property
    def is_claim(self) -> bool:
        """Does it tell of a claim? One that is over need not stand on the line any more."""
        return self.claim_type is not None or self.last_changed_type in CLAIM_CHANGES


class Details(msgspec.Struct):
    """The answer of the query by ids (§5.2); without `data` none was found."""

    data: list[msgspec.Raw] | None = None


class Found(msgspec.Struct, rename="camel"):
    """One row of the conditional search (§5.3)."""

    product_order_id: str
    content: "Head"


class Head(msgspec.Struct, rename="camel"):
    """As much of a row as names its order."""

    order: "HeadOrder"


class HeadOrder(msgspec.Struct, rename="camel"):
    """The order's number."""

    order_id: str


class Pagination(msgspec.Struct, rename="camel"):
    """Is there another page?"""

    has_next: bool


class Contents(msgspec.Struct):
    """A page of the conditional search."""

    contents: list[Found] | None = None
    pagination: Pagination | None = None


class Search(msgspec.Struct):
    """The answer of the conditional search."""

    data: Contents | None = None


class Numbers(msgspec.Struct):
    """The lines of one order (§5.4)."""

    data: list[str] | None = None


class OrderPart(msgspec.Struct, rename="camel"):
    """The buyer's side."""

    order_id: str
    order_date: str
    payment_date: str | None = None
    orderer_name: str | None = None
    orderer_tel: str | None = None


class Address(msgspec.Struct, rename="camel"):
    """Where the goods go."""

    name: str | None = None
    tel1: str | None = None
    tel2: str | None = None
    zip_code: str | None = None
    base_address: str | None = None
    detailed_address: str | None = None


class LinePart(msgspec.Struct, rename="camel"):
    """One line: a product and an option."""

    product_order_id: str
    product_order_status: str
    product_id: Id
    product_name: str
    quantity: int
    unit_price: int
    place_order_status: str | None = None
    place_order_date: str | None = None
    original_product_id: Id | None = None
    product_option: str | None = None
    option_code: Id | None = None
    item_no: Id | None = None
    option_manage_code: str | None = None
    option_price: int | None = None
    seller_product_code: str | None = None
    initial_quantity: int | None = None
    remain_quantity: int | None = None
    product_discount_amount: int | None = None
    seller_burden_discount_amount: int | None = None
    delivery_fee_amount: int | None = None
    section_delivery_fee: int | None = None
    package_number: Id | None = None
    shipping_due_date: str | None = None
    shipping_memo: str | None = None
    shipping_address: Address | None = None
    decision_date: str | None = None
    claim_type: str | None = None
    claim_status: str | None = None
    claim_id: Id | None = None


class Delivery(msgspec.Struct, rename="camel"):
    """The parcel."""

    delivery_company: str | None = None
    tracking_number: str | None = None
    send_date: str | None = None
    delivered_date: str | None = None


class ClaimPart(msgspec.Struct, rename="camel"):
    """A claim, open or over; which keys it has depends on its kind."""

    claim_status: str
    claim_id: Id | None = None
    claim_type: str | None = None
    claim_request_date: str | None = None
    request_quantity: int | None = None
    cancel_reason: str | None = None
    cancel_detailed_reason: str | None = None
    return_reason: str | None = None
    return_detailed_reason: str | None = None
    exchange_reason: str | None = None
    exchange_detailed_reason: str | None = None
    claim_request_reason: str | None = None
    claim_request_detail_content: str | None = None
    cancel_completed_date: str | None = None
    return_completed_date: str | None = None
    re_delivery_operation_date: str | None = None
    claim_complete_operation_date: str | None = None

    @property
    def completed_at(self) -> str | None:
        """When it was over, whatever its kind."""
        return (
            self.claim_complete_operation_date
            or self.cancel_completed_date
            or self.return_completed_date
            or self.re_delivery_operation_date
        )


class CurrentClaim(msgspec.Struct, rename={"return_": "return"}):
    """The open claim, under the name of its kind."""

    cancel: ClaimPart | None = None
    return_: ClaimPart | None = None
    exchange: ClaimPart | None = None


class Detail(msgspec.Struct, rename="camel"):
    """One line with all that belongs to it (§5.2)."""

    order: OrderPart
    product_order: LinePart
    delivery: Delivery | None = None
    current_claim: CurrentClaim | None = None
    completed_claims: list[ClaimPart] | None = None
    before_claim: CurrentClaim | None = None


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
CLAIM_CHANGES = frozenset(
    {"CLAIM_REQUESTED", "CLAIM_REJECTED", "COLLECT_DONE", "CLAIM_REDELIVERING", "CLAIM_COMPLETED"}
)
"""Changes of the feed that are steps of a claim (§5.5)."""

DETAILS = msgspec.json.Decoder(Detail)
CHANGES = msgspec.json.Decoder(Change)


class _Number(msgspec.Struct, rename="camel"):
    product_order_id: Id | None = None


class _Row(msgspec.Struct, rename="camel"):
    product_order: _Number | None = None
    product_order_id: Id | None = None


def line_number(body: bytes) -> str | None:
    """Return the productOrderId of a row of the feed or of the details, if it can be read."""
    try:
        row = msgspec.json.decode(body.decode("utf-8", "replace"), type=_Row)
    except msgspec.DecodeError:
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
    batch.documents.append(RawDocument("orders", part.product_order_id, body.decode()))


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
