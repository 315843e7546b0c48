"""A seeded shop per account: the simulator's own truth, evolving with a virtual clock.

Protocol modules (coupang, naver, eleven) only render what stands here and call the actions below;
they keep no state of their own except tokens. Every number a market gives out is an int here and
formatted by the protocol. All instants are aware UTC.

The state machine of a line:
    UNPAID → NEW → CONFIRMED → SHIPPED → DELIVERED → COMPLETED
    NEW/CONFIRMED → CANCELLED (whole quantity cancelled), SHIPPED/DELIVERED → RETURNED | EXCHANGED
A partial claim leaves the state and raises `cancelled`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus


@dataclass(slots=True, eq=False)
class Item:
    """One option of a listing. surcharge: on top of the listing's base price, won."""

    listing: "Listing"
    no: int
    name: str
    seller_code: str
    barcode: str
    surcharge: int
    stock: int
    sold: int = 0
    on_sale: bool = True
    opt_weight: int = 0
    approved: bool = True
    deleted: bool = False
    list_price: int | None = None
    """Struck-through price, won; None = the sale price."""

    @property
    def price(self) -> int:
        """What one piece costs now, won."""
        return self.listing.base_price + self.surcharge


@dataclass(slots=True, eq=False)
class Listing:
    """One listing. channel_no: Naver's channel product. discount: immediate discount, won."""

    no: int
    channel_no: int
    name: str
    seller_code: str
    base_price: int
    status: ProductStatus
    created_at: datetime
    modified_at: datetime
    brand: str = ""
    category: int = 0
    discount: int = 0
    items: list[Item] = field(default_factory=list)
    has_options: bool = True


@dataclass(slots=True, eq=False)
class Claim:
    """One claim of one line. no: Coupang receiptId/exchangeId, Naver claimId, 11st clm seq."""

    no: int
    line: "Line"
    kind: ClaimKind
    status: ClaimStatus
    quantity: int
    requested_at: datetime
    changed_at: datetime
    completed_at: datetime | None = None
    reason_code: str = ""
    reason: str = ""
    by_seller: bool = False
    was: LineStatus = LineStatus.NEW
    """State of the line when the claim opened."""


@dataclass(slots=True, eq=False)
class Line:
    """One option bought.

    no: Naver productOrderId, 11st ordPrdSeq. box: shipmentBoxId, packageNumber, dlvNo.
    """

    order: "Order"
    no: int
    box: int
    item: Item
    quantity: int
    unit_price: int
    surcharge: int
    seller_discount: int
    market_discount: int
    shipping_fee: int
    status: LineStatus
    changed_at: datetime
    change: str = "PAYED"
    """Naver's lastChangedType of the latest change that its feed shows."""
    confirmed_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    completed_at: datetime | None = None
    carrier: str = ""
    invoice_no: str = ""
    cancelled: int = 0
    held: int = 0
    claims: list[Claim] = field(default_factory=list)

    @property
    def is_in_claim(self) -> bool:
        """Is a claim of this line still open?"""
        return self.held > 0


@dataclass(slots=True, eq=False)
class Order:
    """One order of one buyer; paid_at None = waiting for a bank transfer."""

    no: int
    ordered_at: datetime
    paid_at: datetime | None
    buyer: str
    phone: str
    receiver: str
    postcode: str
    address: str
    address_detail: str
    note: str
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Refusal(Exception):
    """An action the market refuses; `why` is one of the words the protocols map to their codes.

    unknown, wrong_state, already, cancelled, claim_open, bad_invoice, used_invoice, bad_price,
    price_range, bad_quantity, deleted, missing_items.
    """

    why: str
    detail: str = ""


class Shop:
    """Everything one account holds at its market.

    Listings, orders, lines and claims are looked up by number in the dicts; the `*_between`
    methods answer from sorted indexes rebuilt only after a change, so that half a million lines can
    be listed window by window.
    """

    def __init__(self, market: str, now: Callable[[], datetime]) -> None:
        """market: coupang, naver or eleven. now: the virtual clock."""
        self.market = market
        self.now = now
        self.listings: dict[int, Listing] = {}
        self.items: dict[int, Item] = {}
        self.orders: dict[int, Order] = {}
        self.lines: dict[int, Line] = {}
        """By line.no for Naver; by box for none: use `boxes`."""
        self.boxes: dict[int, list[Line]] = {}
        self.claims: dict[int, list[Claim]] = {}
        """A claim number may cover several lines (Coupang receipts)."""
        self.version = 0
        """Grows with every change, so that protocols may keep rendered answers until then."""

    # ── growing ────────────────────────────────────────────────────────────────────────────────
    def add_listing(self, listing: Listing) -> None:
        """File a listing and its items."""
        raise NotImplementedError

    def add_order(self, order: Order) -> None:
        """File an order with its lines; stock falls, nothing else happens."""
        raise NotImplementedError

    # ── reading ────────────────────────────────────────────────────────────────────────────────
    def lines_between(self, stamp: str, since: datetime, until: datetime) -> Iterable[Line]:
        """Yield lines whose `stamp` is in [since, until), by (stamp, order no, line no).

        stamp: ordered_at, paid_at, changed_at, confirmed_at, shipped_at, delivered_at or
        completed_at; lines without it are left out.
        """
        raise NotImplementedError

    def claims_between(self, stamp: str, since: datetime, until: datetime) -> Iterable[Claim]:
        """Yield claims whose `stamp` (requested_at, changed_at, completed_at) lies in the span."""
        raise NotImplementedError

    # ── actions of the seller (raise Refusal) and of buyers ────────────────────────────────────
    def confirm(self, line: Line) -> None:
        """NEW → CONFIRMED. Refusals: already, cancelled, claim_open, wrong_state."""
        raise NotImplementedError

    def dispatch(self, line: Line, carrier: str, invoice_no: str, at: datetime) -> None:
        """CONFIRMED → SHIPPED. Refusals: as confirm, and used_invoice."""
        raise NotImplementedError

    def set_stock(self, item: Item, stock: int) -> None:
        """Absolute. Refusals: deleted, bad_quantity. Adjusts the listing's SOLD_OUT/ON_SALE."""
        raise NotImplementedError

    def set_base_price(self, listing: Listing, price: int) -> None:
        """Set the listing's base price; the market's own rules are the protocol's to check."""
        raise NotImplementedError

    def set_surcharge(self, item: Item, surcharge: int) -> None:
        """Set an option's surcharge."""
        raise NotImplementedError

    def set_status(self, listing: Listing, status: ProductStatus) -> None:
        """Pause or resume a listing."""
        raise NotImplementedError

    def set_discount(self, listing: Listing, discount: int) -> None:
        """Set the immediate discount, won (Naver)."""
        raise NotImplementedError

    def set_on_sale(self, item: Item, *, on_sale: bool) -> None:
        """Stop or resume the sale of one option (Coupang)."""
        raise NotImplementedError

    def set_list_price(self, item: Item, price: int) -> None:
        """Set the struck-through price of one option (Coupang)."""
        raise NotImplementedError

    def change_invoice(self, line: Line, carrier: str, invoice_no: str, at: datetime) -> None:
        """SHIPPED or DELIVERED → SHIPPED with another parcel. Refusals: as dispatch."""
        raise NotImplementedError

    def split(self, lines: list[Line]) -> int:
        """Move lines of one box to a new box and return its number (Coupang split shipping)."""
        raise NotImplementedError

    def deliver(self, line: Line) -> None:
        """SHIPPED → DELIVERED."""
        raise NotImplementedError

    def complete(self, line: Line) -> None:
        """DELIVERED → COMPLETED (purchase confirmed)."""
        raise NotImplementedError

    def open_claim(
        self, line: Line, kind: ClaimKind, quantity: int, *, no: int | None = None, reason: str = ""
    ) -> Claim:
        """Open a claim: raises `held`; the line's state stays."""
        raise NotImplementedError

    def settle_claim(self, claim: Claim, status: ClaimStatus) -> None:
        """DONE moves `held` to `cancelled` (and the line's state when nothing is left);

        WITHDRAWN and REJECTED give `held` back. Stock returns for cancels before dispatch.
        """
        raise NotImplementedError
