"""A seeded shop per account: the simulator's own truth, evolving with a virtual clock.

Protocol modules (coupang, naver, eleven) only render what stands here and call the actions below;
they keep no state of their own except tokens. Every number a market gives out is an int here and
formatted by the protocol. All instants are aware UTC.

The state machine of a line:
    UNPAID → NEW → CONFIRMED → SHIPPED → DELIVERED → COMPLETED
    NEW/CONFIRMED → CANCELLED (whole quantity cancelled), SHIPPED/DELIVERED → RETURNED | EXCHANGED
A partial claim leaves the state and raises `cancelled`.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Generic, TypeVar

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus

T = TypeVar("T")
FIRST_CLAIM = 50_000_000
DIRECT = "DIRECT"
"""Coupang: the seller brings it, under a number of their own."""
OPEN_CLAIM = (ClaimStatus.REQUESTED, ClaimStatus.IN_PROGRESS)
SETTLED = {
    ClaimKind.CANCEL: LineStatus.CANCELLED,
    ClaimKind.RETURN: LineStatus.RETURNED,
    ClaimKind.EXCHANGE: LineStatus.EXCHANGED,
}
"""What a line becomes when a claim has taken its last piece."""


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


@dataclass(slots=True)
class _Index(Generic[T]):
    """Things in the order of one stamp, as they stood at `version` of the shop."""

    version: int
    stamps: list[datetime]
    things: list[T]

    def between(self, since: datetime, until: datetime) -> list[T]:
        return self.things[bisect_left(self.stamps, since) : bisect_left(self.stamps, until)]


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
        """By line.no, where numbers of lines are the market's own (Naver)."""
        self.boxes: dict[int, list[Line]] = {}
        self.claims: dict[int, list[Claim]] = {}
        """A claim number may cover several lines (Coupang receipts)."""
        self.version = 0
        """Grows with every change, so that protocols may keep rendered answers until then."""
        self._lines_by: dict[str, _Index[Line]] = {}
        self._claims_by: dict[str, _Index[Claim]] = {}
        self._invoices: dict[str, Line] = {}
        self._last_claim = FIRST_CLAIM

    # ── growing ────────────────────────────────────────────────────────────────────────────────
    def add_listing(self, listing: Listing) -> None:
        """File a listing and its items."""
        self.listings[listing.no] = listing
        self.items.update((item.no, item) for item in listing.items)
        self.version += 1

    def add_order(self, order: Order) -> None:
        """File an order with its lines; stock falls, nothing else happens."""
        self.orders[order.no] = order
        for line in order.lines:
            self.lines[line.no] = line
            self.boxes.setdefault(line.box, []).append(line)
            line.item.stock = max(0, line.item.stock - line.quantity)
            line.item.sold += line.quantity
            if line.invoice_no:
                self._invoices[line.invoice_no] = line
        self.version += 1

    # ── reading ────────────────────────────────────────────────────────────────────────────────
    def lines_between(self, stamp: str, since: datetime, until: datetime) -> list[Line]:
        """Return lines whose `stamp` is in [since, until), by (stamp, order no, line no).

        stamp: ordered_at, paid_at, changed_at, confirmed_at, shipped_at, delivered_at or
        completed_at; lines without it are left out.
        """
        index = self._lines_by.get(stamp)
        if index is None or index.version != self.version:
            index = self._lines_by[stamp] = self._index_lines(stamp)
        return index.between(since, until)

    def _index_lines(self, stamp: str) -> _Index[Line]:
        of_order = stamp in ("ordered_at", "paid_at")
        found = [
            (at, order.no, line.no, line)
            for order in self.orders.values()
            for line in order.lines
            if (at := getattr(order if of_order else line, stamp)) is not None
        ]
        found.sort(key=itemgetter(0, 1, 2))
        return _Index(self.version, [row[0] for row in found], [row[3] for row in found])

    def claims_between(self, stamp: str, since: datetime, until: datetime) -> list[Claim]:
        """Return claims whose `stamp` (requested_at, changed_at, completed_at) lies in the span."""
        index = self._claims_by.get(stamp)
        if index is None or index.version != self.version:
            index = self._claims_by[stamp] = self._index_claims(stamp)
        return index.between(since, until)

    def _index_claims(self, stamp: str) -> _Index[Claim]:
        found = [
            (at, claim.no, claim.line.no, claim)
            for claims in self.claims.values()
            for claim in claims
            if (at := getattr(claim, stamp)) is not None
        ]
        found.sort(key=itemgetter(0, 1, 2))
        return _Index(self.version, [row[0] for row in found], [row[3] for row in found])

    # ── actions of the seller (raise Refusal) and of buyers ────────────────────────────────────
    def confirm(self, line: Line) -> None:
        """NEW → CONFIRMED. Refusals: already, cancelled, claim_open, wrong_state."""
        if line.status is LineStatus.CONFIRMED and not line.is_in_claim:
            raise Refusal("already")
        _demand(line, LineStatus.NEW)
        line.status = LineStatus.CONFIRMED
        line.confirmed_at = self.now()
        self.version += 1

    def dispatch(self, line: Line, carrier: str, invoice_no: str, at: datetime) -> None:
        """CONFIRMED → SHIPPED. Refusals: as confirm, and used_invoice."""
        if line.status is LineStatus.SHIPPED and not line.is_in_claim:
            raise Refusal("already")
        _demand(line, LineStatus.CONFIRMED)
        self._use(line, carrier, invoice_no)
        line.status, line.shipped_at = LineStatus.SHIPPED, at
        line.carrier, line.invoice_no = carrier, invoice_no
        self._touch(line, "DISPATCHED")

    def change_invoice(self, line: Line, carrier: str, invoice_no: str, at: datetime) -> None:
        """SHIPPED or DELIVERED → SHIPPED with another parcel. Refusals: as dispatch."""
        if line.status not in (LineStatus.SHIPPED, LineStatus.DELIVERED):
            _demand(line, LineStatus.SHIPPED)
        self._use(line, carrier, invoice_no)
        line.status, line.shipped_at, line.delivered_at = LineStatus.SHIPPED, at, None
        line.carrier, line.invoice_no = carrier, invoice_no
        self._touch(line, "DISPATCHED")

    def _use(self, line: Line, carrier: str, invoice_no: str) -> None:
        """Take a parcel's number; a parcel of another order must not have it."""
        if carrier == DIRECT or not invoice_no:
            return
        user = self._invoices.setdefault(invoice_no, line)
        if user.order is not line.order and user.box != line.box:
            raise Refusal("used_invoice")

    def split(self, lines: list[Line]) -> int:
        """Move lines of one box to a new box and return its number (Coupang split shipping)."""
        box = max(self.boxes) + 1
        for line in lines:
            self.boxes[line.box].remove(line)
            line.box = box
        self.boxes[box] = list(lines)
        self.version += 1
        return box

    def deliver(self, line: Line) -> None:
        """SHIPPED → DELIVERED."""
        _demand(line, LineStatus.SHIPPED)
        line.status, line.delivered_at = LineStatus.DELIVERED, self.now()
        self.version += 1

    def complete(self, line: Line) -> None:
        """DELIVERED → COMPLETED (purchase confirmed)."""
        _demand(line, LineStatus.DELIVERED)
        line.status, line.completed_at = LineStatus.COMPLETED, self.now()
        self._touch(line, "PURCHASE_DECIDED")

    def pay(self, order: Order) -> None:
        """UNPAID → NEW: the bank transfer of an order arrived."""
        order.paid_at = self.now()
        for line in order.lines:
            _demand(line, LineStatus.UNPAID)
            line.status = LineStatus.NEW
            self._touch(line, "PAYED")

    def open_claim(
        self, line: Line, kind: ClaimKind, quantity: int, *, no: int | None = None, reason: str = ""
    ) -> Claim:
        """Open a claim: raises `held`; the line's state stays. Refusals: bad_quantity."""
        if not 0 < quantity <= line.quantity - line.held - line.cancelled:
            raise Refusal("bad_quantity")
        self._last_claim = max(self._last_claim + 1, no or 0)
        now = self.now()
        claim = Claim(
            no or self._last_claim,
            line,
            kind,
            ClaimStatus.REQUESTED,
            quantity,
            now,
            now,
            was=line.status,
        )
        claim.reason = reason
        line.held += quantity
        line.claims.append(claim)
        self.claims.setdefault(claim.no, []).append(claim)
        self._touch(line, "CLAIM_REQUESTED")
        return claim

    def settle_claim(self, claim: Claim, status: ClaimStatus) -> None:
        """Move a claim on.

        DONE moves `held` to `cancelled` (and the line's state when nothing is left); WITHDRAWN and
        REJECTED give `held` back. Stock returns for cancels before dispatch.
        """
        line, now = claim.line, self.now()
        was_open = claim.status in OPEN_CLAIM
        claim.status, claim.changed_at = status, now
        if status in OPEN_CLAIM or not was_open:
            self.version += 1
            return
        line.held -= claim.quantity
        if status is ClaimStatus.DONE:
            claim.completed_at = now
            line.cancelled += claim.quantity
            if claim.was in (LineStatus.NEW, LineStatus.CONFIRMED, LineStatus.UNPAID):
                line.item.stock += claim.quantity
            if line.cancelled == line.quantity:
                line.status = SETTLED[claim.kind]
        self._touch(line, "CLAIM_COMPLETED" if status is ClaimStatus.DONE else "CLAIM_REJECTED")

    def set_stock(self, item: Item, stock: int) -> None:
        """Absolute. Refusals: deleted, bad_quantity. Adjusts the listing's SOLD_OUT/ON_SALE."""
        if item.deleted:
            raise Refusal("deleted")
        if stock < 0:
            raise Refusal("bad_quantity")
        item.stock = stock
        listing = item.listing
        if listing.status in (ProductStatus.ON_SALE, ProductStatus.SOLD_OUT):
            is_there = any(each.stock for each in listing.items)
            listing.status = ProductStatus.ON_SALE if is_there else ProductStatus.SOLD_OUT
        self._edit(listing)

    def set_base_price(self, listing: Listing, price: int) -> None:
        """Set the listing's base price; the market's own rules are the protocol's to check."""
        listing.base_price = price
        self._edit(listing)

    def set_surcharge(self, item: Item, surcharge: int) -> None:
        """Set an option's surcharge."""
        item.surcharge = surcharge
        self._edit(item.listing)

    def set_status(self, listing: Listing, status: ProductStatus) -> None:
        """Pause or resume a listing."""
        listing.status = status
        self._edit(listing)

    def set_discount(self, listing: Listing, discount: int) -> None:
        """Set the immediate discount, won (Naver)."""
        listing.discount = discount
        self._edit(listing)

    def set_on_sale(self, item: Item, *, on_sale: bool) -> None:
        """Stop or resume the sale of one option (Coupang)."""
        item.on_sale = on_sale
        self._edit(item.listing)

    def set_list_price(self, item: Item, price: int) -> None:
        """Set the struck-through price of one option (Coupang)."""
        item.list_price = price
        self._edit(item.listing)

    def _touch(self, line: Line, change: str) -> None:
        line.change, line.changed_at = change, self.now()
        self.version += 1

    def _edit(self, listing: Listing) -> None:
        listing.modified_at = self.now()
        self.version += 1


def _demand(line: Line, status: LineStatus) -> None:
    """Raise what keeps `line` from leaving `status`; silent when nothing does."""
    if line.status is LineStatus.CANCELLED:
        raise Refusal("cancelled")
    if line.is_in_claim:
        raise Refusal("claim_open")
    if line.status is not status:
        raise Refusal("wrong_state")
