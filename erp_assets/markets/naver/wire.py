"""What Naver sends, as structs of the fields used, and what they mean in our records.

Absent keys are normal everywhere (naver.md §5.2); numbers of things are text.
"""

import msgspec

from erp_assets.markets import rows
from erp_assets.markets.rows import refuse
from erp_assets.records import (
    Batch,
    Claim,
    ClaimKind,
    ClaimStatus,
    LineStatus,
    Offer,
    Option,
    Order,
    OrderLine,
    Product,
    ProductStatus,
    RawDocument,
)

Id = int | str
NO_OPTION = "0"


class Grant(msgspec.Struct):
    """A token (§2.1)."""

    access_token: str
    expires_in: float


class Store(msgspec.Struct, rename="camel"):
    """The account behind the application (§6)."""

    account_id: str


# ── orders ─────────────────────────────────────────────────────────────────────────────────────
class More(msgspec.Struct, rename="camel"):
    """Where the feed goes on (§5.1)."""

    more_from: str
    more_sequence: Id


class Changes(msgspec.Struct, rename="camel"):
    """A page of the change feed."""

    last_change_statuses: list[msgspec.Raw] = []
    more: More | None = None


class Feed(msgspec.Struct):
    """The feed's answer; without `data` nothing changed."""

    data: Changes | None = None


class Change(msgspec.Struct, rename="camel"):
    """One line that changed."""

    product_order_id: str
    order_id: str | None = None
    claim_type: str | None = None


class Details(msgspec.Struct):
    """The answer of the query by ids (§5.2)."""

    data: list[msgspec.Raw]


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

    contents: list[Found] = []
    pagination: Pagination | None = None


class Search(msgspec.Struct):
    """The answer of the conditional search."""

    data: Contents | None = None


class Numbers(msgspec.Struct):
    """The lines of one order (§5.4)."""

    data: list[str]


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
        row = msgspec.json.decode(body, type=_Row)
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
        amount=unit_price * quantity,
        option_no=_option_no(part),
        option_name=rows.text_or_none(part.product_option),
        seller_code=rows.text_or_none(part.option_manage_code or part.seller_product_code),
        held_quantity=sum(it.quantity for it in claims if it.status in OPEN_CLAIMS),
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


def _cancelled(part: LinePart, quantity: int, status: LineStatus) -> int:
    """Return the pieces gone for good; what remains is told since partial claims (§5.2)."""
    if part.remain_quantity is not None:
        return max(0, quantity - rows.count(part.remain_quantity, "remainQuantity"))
    return quantity if status in GONE else 0


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
    pieces = part.request_quantity
    codes = (part.cancel_reason, part.return_reason, part.exchange_reason)
    words = (
        part.cancel_detailed_reason,
        part.return_detailed_reason,
        part.exchange_detailed_reason,
    )
    over = status not in OPEN_CLAIMS
    return Claim(
        claim_no=number,
        order_no=detail.order.order_id,
        line_no=line.product_order_id,
        kind=kind,
        status=status,
        market_status=part.claim_status,
        quantity=rows.count(line.quantity if pieces is None else pieces, "requestQuantity"),
        requested_at=rows.needed_instant(part.claim_request_date, "claimRequestDate"),
        completed_at=rows.instant(part.completed_at, "completedDate") if over else None,
        reason_code=next(filter(None, codes), part.claim_request_reason),
        reason=next(filter(None, words), part.claim_request_detail_content),
        product_no=str(line.original_product_id or line.product_id),
        option_no=_option_no(line),
    )


# ── products ───────────────────────────────────────────────────────────────────────────────────
class Listed(msgspec.Struct, rename="camel"):
    """A listing as its channel shows it (§4.2)."""

    status_type: str
    name: str
    channel_product_no: Id
    channel_service_type: str = ""
    category_id: Id | None = None
    seller_management_code: str | None = None
    brand_name: str | None = None
    reg_date: str | None = None
    modified_date: str | None = None


class Content(msgspec.Struct, rename="camel"):
    """A product of the list with its channels."""

    origin_product_no: Id
    channel_products: list[Listed]


class ProductPage(msgspec.Struct, rename="camel"):
    """A page of the product list."""

    contents: list[msgspec.Raw]
    page: int = 1
    total_pages: int = 0
    last: bool | None = None


class Combination(msgspec.Struct, rename="camel"):
    """One option; `price` comes on top of the sale price (§4.3)."""

    id: Id
    stock_quantity: int | None = None
    option_name1: str | None = None
    option_name2: str | None = None
    option_name3: str | None = None
    option_name4: str | None = None
    price: int = 0
    seller_manager_code: str | None = None
    usable: bool = True

    @property
    def name(self) -> str:
        """Its names along every axis."""
        names = (self.option_name1, self.option_name2, self.option_name3, self.option_name4)
        return " / ".join(name for name in names if name)


class OptionInfo(msgspec.Struct, rename="camel"):
    """The options; combinations and standards exclude each other."""

    option_combinations: list[Combination] | None = None
    option_standards: list[Combination] | None = None
    use_stock_management: bool = True


class SellerCodes(msgspec.Struct, rename="camel"):
    """The seller's own numbers of the product."""

    seller_management_code: str | None = None
    seller_barcode: str | None = None


class Attribute(msgspec.Struct, rename="camel"):
    """What is wanted of detailAttribute."""

    option_info: OptionInfo | None = None
    seller_code_info: SellerCodes | None = None


class Origin(msgspec.Struct, rename="camel"):
    """The product itself (§4.3)."""

    status_type: str
    sale_price: int
    stock_quantity: int | None = None
    detail_attribute: Attribute | None = None

    @property
    def options(self) -> list[Combination]:
        """The options with a number and stock of their own."""
        info = self.detail_attribute and self.detail_attribute.option_info
        return (info.option_combinations or info.option_standards or []) if info else []

    @property
    def has_standards(self) -> bool:
        """Are the options of the kind without prices?"""
        info = self.detail_attribute and self.detail_attribute.option_info
        return bool(info and info.option_standards and not info.option_combinations)

    @property
    def codes(self) -> SellerCodes:
        """The seller's own numbers."""
        return (self.detail_attribute and self.detail_attribute.seller_code_info) or SellerCodes()


class ProductDetail(msgspec.Struct, rename="camel"):
    """The detail answer; it holds no number of its own."""

    origin_product: Origin


PRODUCT_STATUSES = {
    "WAIT": ProductStatus.PENDING,
    "SALE": ProductStatus.ON_SALE,
    "OUTOFSTOCK": ProductStatus.SOLD_OUT,
    "UNADMISSION": ProductStatus.PENDING,
    "REJECTION": ProductStatus.BANNED,
    "SUSPENSION": ProductStatus.PAUSED,
    "CLOSE": ProductStatus.ENDED,
    "PROHIBITION": ProductStatus.BANNED,
    "DELETE": ProductStatus.DELETED,
}
BUYABLE = ("SALE", "OUTOFSTOCK")
CONTENTS = msgspec.json.Decoder(Content)
PRODUCTS = msgspec.json.Decoder(ProductDetail)


class _OriginNumber(msgspec.Struct, rename="camel"):
    origin_product_no: Id | None = None


def product_number(body: bytes) -> str | None:
    """Return the originProductNo of a list row, if it can be read."""
    try:
        return rows.text_or_none(msgspec.json.decode(body, type=_OriginNumber).origin_product_no)
    except msgspec.DecodeError:
        return None


def listed(body: bytes) -> Product:
    """Return the listing that a list row tells of."""
    content = CONTENTS.decode(body)
    if not content.channel_products:
        refuse("channelProducts", "empty")
    channels = sorted(
        content.channel_products, key=lambda it: it.channel_service_type != "STOREFARM"
    )
    shown = channels[0]
    status = PRODUCT_STATUSES.get(shown.status_type)
    if status is None:
        refuse("statusType", f"unknown value {shown.status_type!r}")
    return Product(
        product_no=str(content.origin_product_no),
        name=shown.name,
        status=status,
        market_status=shown.status_type,
        seller_code=rows.text_or_none(shown.seller_management_code),
        channel_no=str(shown.channel_product_no),
        category=rows.text_or_none(shown.category_id),
        brand=rows.text_or_none(shown.brand_name),
        created_at=rows.instant(shown.reg_date, "regDate"),
        modified_at=rows.instant(shown.modified_date, "modifiedDate"),
    )


def take_product(product: Product, body: bytes, batch: Batch) -> None:
    """Append a listing, its options and their offers."""
    origin = PRODUCTS.decode(body).origin_product
    offers = offers_of(product.product_no, origin)
    codes = origin.codes
    options = [
        Option(product.product_no, str(it.id), it.name, rows.text_or_none(it.seller_manager_code))
        for it in origin.options
    ] or [
        Option(
            product.product_no,
            NO_OPTION,
            "",
            rows.text_or_none(codes.seller_management_code),
            rows.text_or_none(codes.seller_barcode),
        )
    ]
    batch.products.append(product)
    batch.options += options
    batch.offers += offers
    batch.documents.append(RawDocument("products", product.product_no, body.decode()))


def offers_of(product_no: str, origin: Origin) -> list[Offer]:
    """Return stock and price of every option; the price is that before the seller's discount."""
    base = rows.needed_won(origin.sale_price, "salePrice")
    is_buyable = origin.status_type in BUYABLE
    if not origin.options:
        stock = rows.count(origin.stock_quantity, "stockQuantity")
        return [Offer(product_no, NO_OPTION, stock, base, is_buyable)]
    return [
        Offer(
            product_no,
            str(it.id),
            rows.count(it.stock_quantity, "stockQuantity"),
            rows.needed_won(base + it.price, "price"),
            is_buyable and it.usable,
        )
        for it in origin.options
    ]


# ── writes ─────────────────────────────────────────────────────────────────────────────────────
class FailInfo(msgspec.Struct, rename="camel"):
    """A line that a write refused (§5.6)."""

    product_order_id: str
    code: str = ""
    message: str = ""


class SuccessInfo(msgspec.Struct, rename="camel"):
    """A line that was confirmed."""

    product_order_id: str


class Outcome(msgspec.Struct, rename="camel"):
    """What a write did, line by line; any list may be missing."""

    success_product_order_infos: list[SuccessInfo] | None = None
    success_product_order_ids: list[str] | None = None
    fail_product_order_infos: list[FailInfo] | None = None


class Written(msgspec.Struct):
    """The answer of a write of lines."""

    data: Outcome | None = None
