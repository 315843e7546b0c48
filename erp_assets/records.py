"""The one vocabulary between markets and warehouse: frozen, typed rows with units.

Tuples, because rows travel by the hundred thousand from a page straight into COPY. `None` means
"this answer did not say"; storing it never erases what an earlier answer said.
Money is int KRW with VAT; Instant is aware (UTC or with offset); numbers of things at a market are
text, since they pass 2^53.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

Money = int
Instant = datetime


class ProductStatus(StrEnum):
    """Can a buyer buy the listing?"""

    ON_SALE = "on_sale"
    SOLD_OUT = "sold_out"
    PAUSED = "paused"
    PENDING = "pending"
    ENDED = "ended"
    BANNED = "banned"
    DELETED = "deleted"


class LineStatus(StrEnum):
    """How far an order line has come; an open claim changes it only where the market says so."""

    UNPAID = "unpaid"
    NEW = "new"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    IN_CLAIM = "in_claim"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    EXCHANGED = "exchanged"


class ClaimKind(StrEnum):
    """What the buyer (or seller) wants undone."""

    CANCEL = "cancel"
    RETURN = "return"
    EXCHANGE = "exchange"


class ClaimStatus(StrEnum):
    """How far a claim has come."""

    REQUESTED = "requested"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Product(NamedTuple):
    """A listing; one row per (account, product_no)."""

    product_no: str
    name: str
    status: ProductStatus
    market_status: str
    seller_code: str | None = None
    channel_no: str | None = None
    category: str | None = None
    brand: str | None = None
    created_at: Instant | None = None
    modified_at: Instant | None = None


class Option(NamedTuple):
    """The smallest thing a buyer can choose; one row per (account, product_no, option_no).

    A listing without options has exactly one, with the market's number for it (Coupang
    vendorItemId, 11st prdStckNo) or, where there is none (Naver), option_no "0".
    """

    product_no: str
    option_no: str
    name: str
    seller_code: str | None = None
    barcode: str | None = None


class OptionKey(NamedTuple):
    """Names one option of one listing."""

    product_no: str
    option_no: str


class Offer(NamedTuple):
    """Stock and price of an option as the market shows them now.

    price: what one piece costs before coupons, option surcharge included.
    list_price: struck-through or undiscounted price, when the market has one.
    """

    product_no: str
    option_no: str
    stock: int
    price: Money
    on_sale: bool
    list_price: Money | None = None


class Order(NamedTuple):
    """The buyer's side of an order; one row per (account, order_no)."""

    order_no: str
    ordered_at: Instant
    paid_at: Instant | None = None
    buyer_name: str | None = None
    buyer_phone: str | None = None


class OrderLine(NamedTuple):
    """One option bought; one row per (account, order_no, line_no).

    line_no: Coupang "<shipmentBoxId>-<vendorItemId>", Naver productOrderId, 11st ordPrdSeq.
    quantity: pieces bought; never shrinks. Still to ship = quantity - held - cancelled.
    amount: unit_price x quantity before discounts. shipping_fee: of the whole shipment, repeated
    on each of its lines: count it once per shipment_no.
    """

    order_no: str
    line_no: str
    ordered_at: Instant
    status: LineStatus
    market_status: str
    product_no: str
    product_name: str
    quantity: int
    unit_price: Money
    amount: Money
    option_no: str | None = None
    option_name: str | None = None
    seller_code: str | None = None
    held_quantity: int | None = None
    cancelled_quantity: int | None = None
    seller_discount: Money | None = None
    market_discount: Money | None = None
    shipment_no: str | None = None
    shipping_fee: Money | None = None
    ship_by: Instant | None = None
    carrier: str | None = None
    invoice_no: str | None = None
    confirmed_at: Instant | None = None
    shipped_at: Instant | None = None
    delivered_at: Instant | None = None
    completed_at: Instant | None = None
    receiver_name: str | None = None
    receiver_phone: str | None = None
    postcode: str | None = None
    address: str | None = None
    delivery_note: str | None = None


class LineUpdate(NamedTuple):
    """A change to a line by an answer too thin to make one (11st `shipping`, `orderlistall`).

    An order whose line is not stored yet has to be read by number.
    """

    order_no: str
    line_no: str
    status: LineStatus | None = None
    market_status: str | None = None
    quantity: int | None = None
    held_quantity: int | None = None
    cancelled_quantity: int | None = None
    carrier: str | None = None
    invoice_no: str | None = None
    shipped_at: Instant | None = None


class Claim(NamedTuple):
    """One line's part of a claim; one row per (account, claim_no, order_no, line_no)."""

    claim_no: str
    order_no: str
    line_no: str
    kind: ClaimKind
    status: ClaimStatus
    market_status: str
    quantity: int
    requested_at: Instant
    completed_at: Instant | None = None
    reason_code: str | None = None
    reason: str | None = None
    fault: str | None = None
    product_no: str | None = None
    option_no: str | None = None


class ClaimUpdate(NamedTuple):
    """A change to every line of a claim by an answer that names only its number."""

    claim_no: str
    status: ClaimStatus
    market_status: str


class RawDocument(NamedTuple):
    """A row as the market sent it; one per (account, kind, document_no).

    body: JSON, or XML when it begins with "<", as UTF-8.
    """

    kind: str
    document_no: str
    body: bytes


class Rejected(NamedTuple):
    """A row that could not be understood, and why. document_no: when it could be read."""

    kind: str
    reason: str
    body: str
    document_no: str | None = None


class LineKey(NamedTuple):
    """Names one order line."""

    order_no: str
    line_no: str


class Dispatch(NamedTuple):
    """One line handed to a carrier. carrier: the market's own code."""

    order_no: str
    line_no: str
    carrier: str
    invoice_no: str
    sent_at: Instant


class StockChange(NamedTuple):
    """The stock an option is to show: absolute, not a difference."""

    product_no: str
    option_no: str
    stock: int


class PriceChange(NamedTuple):
    """The price an option is to show, option surcharge included."""

    product_no: str
    option_no: str
    price: Money


class CompetitorPrice(NamedTuple):
    """What a competitor asks; one per (sku_id, pieces, source, competitor).

    pieces: of our SKU in the offer. competitor: shop, or number of the offer at its market.
    price: what a buyer pays, delivery aside.
    """

    sku_id: int
    pieces: int
    source: str
    competitor: str
    price: Money
    seen_at: Instant
    url: str | None = None


class FoundOffer(NamedTuple):
    """What a market's public search shows of anybody's listing. price: what a buyer pays."""

    product_no: str
    name: str
    price: Money
    seller: str
    url: str | None = None


class WriteResult(NamedTuple):
    """What the market said of one item of a write.

    key: the item's (product_no, option_no) or (order_no, line_no).
    is_lost: the answer did not arrive; only reading back can tell.
    """

    key: tuple[str, str]
    ok: bool
    code: str = ""
    message: str = ""
    is_lost: bool = False


@dataclass(slots=True)
class Batch:
    """What one or several answers held, in the order they came; later rows win.

    complete_until: everything before this instant has now been yielded, this batch included.
    """

    products: list[Product] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    lines: list[OrderLine] = field(default_factory=list)
    line_updates: list[LineUpdate] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    claim_updates: list[ClaimUpdate] = field(default_factory=list)
    documents: list[RawDocument] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    complete_until: Instant | None = None

    def extend(self, other: "Batch") -> None:
        """Append the rows of `other`, which came later."""
        self.products += other.products
        self.options += other.options
        self.offers += other.offers
        self.orders += other.orders
        self.lines += other.lines
        self.line_updates += other.line_updates
        self.claims += other.claims
        self.claim_updates += other.claim_updates
        self.documents += other.documents
        self.rejected += other.rejected
        self.complete_until = other.complete_until or self.complete_until

    def __len__(self) -> int:
        """Count the rows of every kind."""
        return (
            len(self.products)
            + len(self.options)
            + len(self.offers)
            + len(self.orders)
            + len(self.lines)
            + len(self.line_updates)
            + len(self.claims)
            + len(self.claim_updates)
            + len(self.documents)
            + len(self.rejected)
        )
