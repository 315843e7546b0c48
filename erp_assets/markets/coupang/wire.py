"""What Coupang sends, as structs of the fields used, and what they mean in our records.

Money may be a number, an object {units, nanos} or null in any field (coupang.md §5.4); ids are
numbers or text and pass 2^53, so they become text at once.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from erp_assets.markets import rows
from erp_assets.markets.rows import refuse
from erp_assets.records import (
    Batch,
    Claim,
    ClaimKind,
    ClaimStatus,
    ClaimUpdate,
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


class Amount(msgspec.Struct):
    """{"currencyCode": "KRW", "units": 19000, "nanos": 0}."""

    units: int
    nanos: int = 0


Money = Amount | int | float | None


class Page(msgspec.Struct, rename="camel"):
    """A list answer; `data` must be there, the token is empty, null or absent at the end."""

    data: list[msgspec.Raw]
    code: Id = 200
    message: str | None = None
    next_token: Id | None = None
    next_page_index: Id | None = None

    @property
    def token(self) -> str:
        """The mark of the next page, empty at the end."""
        return str(self.next_token or self.next_page_index or "")


class Single(msgspec.Struct):
    """An answer about one thing: an object, or a list of one or several."""

    data: msgspec.Raw
    code: Id = 200
    message: str | None = None


class Person(msgspec.Struct, rename="camel"):
    """Orderer or receiver."""

    name: str | None = None
    safe_number: str | None = None
    receiver_number: str | None = None
    orderer_number: str | None = None
    addr1: str | None = None
    addr2: str | None = None
    post_code: str | None = None

    @property
    def phone(self) -> str | None:
        """The telephone number that reaches them."""
        for number in (self.safe_number, self.receiver_number, self.orderer_number):
            if found := rows.text_or_none(number):
                return found
        return None


class SheetItem(msgspec.Struct, rename="camel"):
    """One option in a box (§5.4)."""

    vendor_item_id: Id
    shipping_count: int
    seller_product_id: Id | None = None
    sales_price: Money = None
    order_price: Money = None
    instant_coupon_discount: Money = None
    downloadable_coupon_discount: Money = None
    coupang_discount: Money = None
    vendor_item_name: str | None = None
    seller_product_name: str | None = None
    seller_product_item_name: str | None = None
    external_vendor_sku_code: str | None = None
    cancel_count: int | None = None
    hold_count_for_cancel: int | None = None
    estimated_shipping_date: str | None = None
    planned_shipping_date: str | None = None
    confirm_date: str | None = None
    canceled: bool | None = None


class Sheet(msgspec.Struct, rename="camel"):
    """One box of an order (§5.4)."""

    shipment_box_id: Id
    order_id: Id
    ordered_at: str
    status: str
    order_items: list[SheetItem]
    paid_at: str | None = None
    orderer: Person | None = None
    receiver: Person | None = None
    shipping_price: Money = None
    remote_price: Money = None
    parcel_print_message: str | None = None
    delivery_company_name: str | None = None
    invoice_number: Id | None = None
    in_trasit_date_time: str | None = None
    delivered_date: str | None = None


class ReturnItem(msgspec.Struct, rename="camel"):
    """One option of a return or cancel receipt (§7.1)."""

    vendor_item_id: Id
    shipment_box_id: Id
    cancel_count: int
    purchase_count: int | None = None
    seller_product_id: Id | None = None
    release_status: str | None = None


class Receipt(msgspec.Struct, rename="camel"):
    """A return or cancel request (§7.1)."""

    receipt_id: Id
    order_id: Id
    receipt_status: str
    created_at: str
    return_items: list[ReturnItem]
    receipt_type: str | None = None
    modified_at: str | None = None
    complete_confirm_date: str | None = None
    cancel_reason: str | None = None
    cancel_reason_category2: str | None = None
    reason_code: str | None = None
    reason_code_text: str | None = None
    fault_by_type: str | None = None


class ExchangeItem(msgspec.Struct, rename="camel"):
    """One option of an exchange (§7.4)."""

    order_item_id: Id
    original_shipment_box_id: Id
    quantity: int


class Exchange(msgspec.Struct, rename="camel"):
    """An exchange request (§7.4)."""

    exchange_id: Id
    order_id: Id
    exchange_status: str
    created_at: str
    items: list[ExchangeItem] = msgspec.field(name="exchangeItemDtoV1s")
    modified_at: str | None = None
    reason_code: str | None = None
    reason_code_text: str | None = None
    fault_type: str | None = None


class Withdrawal(msgspec.Struct, rename="camel"):
    """A return that was withdrawn (§7.2)."""

    cancel_id: Id


class Summary(msgspec.Struct, rename="camel"):
    """A product in the list (§4.2)."""

    seller_product_id: Id
    status_name: str
    seller_product_name: str = ""
    created_at: str | None = None


class ProductItem(msgspec.Struct, rename="camel"):
    """One option of a product; without number until it is approved (§4.3)."""

    vendor_item_id: Id | None = None
    item_name: str | None = None
    external_vendor_sku: str | None = None
    barcode: str | None = None


class Detail(msgspec.Struct, rename="camel"):
    """A product (§4.3)."""

    seller_product_id: Id
    seller_product_name: str
    status_name: str
    items: list[ProductItem]
    brand: str | None = None
    display_category_code: Id | None = None


class Inventory(msgspec.Struct, rename="camel"):
    """Stock and price of one option (§4.6)."""

    seller_item_id: Id
    amount_in_stock: int
    sale_price: Money
    on_sale: bool


class Verdict(msgspec.Struct, rename="camel"):
    """What a write did to one box (§6.2)."""

    shipment_box_id: Id
    succeed: bool
    result_code: str | None = None
    result_message: str | None = None


class VerdictList(msgspec.Struct, rename="camel"):
    """What a write did: 0 all, 1 some, 99 none of it."""

    response_code: int
    response_message: str | None = None
    response_list: list[Verdict] | None = None


class Verdicts(msgspec.Struct):
    """The answer of a write by boxes."""

    data: VerdictList
    code: Id = 200


SHEETS = msgspec.json.Decoder(Sheet)
RECEIPTS = msgspec.json.Decoder(Receipt)
EXCHANGES = msgspec.json.Decoder(Exchange)
WITHDRAWALS = msgspec.json.Decoder(Withdrawal)
SUMMARIES = msgspec.json.Decoder(Summary)
DETAILS = msgspec.json.Decoder(Detail)
INVENTORIES = msgspec.json.Decoder(Inventory)

LINE_STATUSES = {
    "ACCEPT": LineStatus.NEW,
    "INSTRUCT": LineStatus.CONFIRMED,
    "DEPARTURE": LineStatus.SHIPPED,
    "DELIVERING": LineStatus.SHIPPED,
    "FINAL_DELIVERY": LineStatus.DELIVERED,
    "NONE_TRACKING": LineStatus.SHIPPED,
}
"""In the order in which boxes move; NONE_TRACKING never becomes FINAL_DELIVERY (§5.1)."""

PRODUCT_STATUSES = {
    "심사중": ProductStatus.PENDING,
    "임시저장중": ProductStatus.PENDING,
    "임시저장": ProductStatus.PENDING,
    "승인대기중": ProductStatus.PENDING,
    "승인완료": ProductStatus.ON_SALE,
    "부분승인완료": ProductStatus.ON_SALE,
    "승인반려": ProductStatus.BANNED,
    "상품삭제": ProductStatus.DELETED,
}

RECEIPT_STATUSES = {
    "RELEASE_STOP_UNCHECKED": ClaimStatus.REQUESTED,
    "RETURNS_UNCHECKED": ClaimStatus.REQUESTED,
    "VENDOR_WAREHOUSE_CONFIRM": ClaimStatus.IN_PROGRESS,
    "REQUEST_COUPANG_CHECK": ClaimStatus.IN_PROGRESS,
    "RETURNS_COMPLETED": ClaimStatus.DONE,
}

EXCHANGE_STATUSES = {
    "RECEIPT": ClaimStatus.REQUESTED,
    "PROGRESS": ClaimStatus.IN_PROGRESS,
    "SUCCESS": ClaimStatus.DONE,
    "REJECT": ClaimStatus.REJECTED,
    "CANCEL": ClaimStatus.WITHDRAWN,
}

FAULTS = {"CUSTOMER": "buyer", "VENDOR": "seller", "COUPANG": "market", "WMS": "market"}
NOT_SHIPPED = ("N", "S")


def line_no(box: Id, item: Id) -> str:
    """Return our number of a line: Coupang has none of its own (§5.4)."""
    return f"{box}-{item}"


def money(value: Money, field: str) -> int | None:
    """Return whole won, not negative; None for null."""
    if isinstance(value, Amount):
        if value.nanos:
            refuse(field, f"not whole won: {value.units} and {value.nanos} nanos")
        return rows.won(value.units, field)
    return rows.won(value, field)


def number_of(*names: str) -> Any:
    """Return what finds the first of these fields in a raw row, as text."""

    def find(body: bytes) -> str | None:
        try:
            row = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return None
        found = (row.get(name) for name in names) if isinstance(row, dict) else ()
        return next((str(value) for value in found if isinstance(value, int | str)), None)

    return find


# ── orders ─────────────────────────────────────────────────────────────────────────────────────
def take_sheet(body: bytes, batch: Batch) -> None:
    """Append a box: its order, its lines, the raw row."""
    sheet = SHEETS.decode(body)
    status = LINE_STATUSES.get(sheet.status)
    if status is None:
        refuse("status", f"unknown value {sheet.status!r}")
    order = _order(sheet)
    parcel = _parcel(sheet)
    lines: dict[str, OrderLine] = {}
    for item in sheet.order_items:
        line = _line(order, parcel, item, status)
        before = lines.get(line.line_no)
        lines[line.line_no] = line if before is None else _joined(before, line)
    batch.orders.append(order)
    batch.lines += lines.values()
    batch.documents.append(RawDocument("orders", str(sheet.shipment_box_id), body.decode()))


def _order(sheet: Sheet) -> Order:
    buyer = sheet.orderer or Person()
    return Order(
        str(sheet.order_id),
        rows.needed_instant(sheet.ordered_at, "orderedAt"),
        rows.instant(sheet.paid_at, "paidAt"),
        rows.text_or_none(buyer.name),
        buyer.phone,
    )


def _parcel(sheet: Sheet) -> dict[str, Any]:
    """Return what the lines of a box share."""
    receiver = sheet.receiver or Person()
    fees = (money(sheet.shipping_price, "shippingPrice"), money(sheet.remote_price, "remotePrice"))
    address = " ".join(part for part in (receiver.addr1, receiver.addr2) if part)
    return {
        "market_status": sheet.status,
        "shipment_no": str(sheet.shipment_box_id),
        "shipping_fee": sum(part or 0 for part in fees),
        "carrier": rows.text_or_none(sheet.delivery_company_name),
        "invoice_no": rows.text_or_none(sheet.invoice_number),
        "shipped_at": rows.instant(sheet.in_trasit_date_time, "inTrasitDateTime"),
        "delivered_at": rows.instant(sheet.delivered_date, "deliveredDate"),
        "receiver_name": rows.text_or_none(receiver.name),
        "receiver_phone": receiver.phone,
        "postcode": rows.text_or_none(receiver.post_code),
        "address": rows.text_or_none(address),
        "delivery_note": rows.text_or_none(sheet.parcel_print_message),
    }


def _line(order: Order, parcel: dict[str, Any], item: SheetItem, status: LineStatus) -> OrderLine:
    quantity = rows.count(item.shipping_count, "shippingCount")
    cancelled = rows.count(item.cancel_count or 0, "cancelCount")
    held = rows.count(item.hold_count_for_cancel or 0, "holdCountForCancel")
    unit_price = rows.needed_won(money(item.sales_price, "salesPrice"), "salesPrice")
    completed_at = rows.instant(item.confirm_date, "confirmDate")
    instant = money(item.instant_coupon_discount, "instantCouponDiscount")
    download = money(item.downloadable_coupon_discount, "downloadableCouponDiscount")
    return OrderLine(
        order_no=order.order_no,
        line_no=line_no(parcel["shipment_no"], item.vendor_item_id),
        ordered_at=order.ordered_at,
        status=_status(status, quantity, cancelled, is_completed=completed_at is not None),
        product_no=str(item.seller_product_id or ""),
        product_name=item.seller_product_name or item.vendor_item_name or "",
        quantity=quantity,
        unit_price=unit_price,
        amount=unit_price * quantity,
        option_no=str(item.vendor_item_id),
        option_name=rows.text_or_none(item.seller_product_item_name),
        seller_code=rows.text_or_none(item.external_vendor_sku_code),
        held_quantity=held,
        cancelled_quantity=cancelled,
        seller_discount=(instant or 0) + (download or 0),
        market_discount=money(item.coupang_discount, "coupangDiscount"),
        ship_by=rows.end_of_day(
            item.planned_shipping_date or item.estimated_shipping_date, "estimatedShippingDate"
        ),
        completed_at=completed_at,
        **parcel,
    )


def _status(box: LineStatus, quantity: int, cancelled: int, *, is_completed: bool) -> LineStatus:
    if quantity and cancelled >= quantity:
        before_shipping = box in (LineStatus.NEW, LineStatus.CONFIRMED)
        return LineStatus.CANCELLED if before_shipping else LineStatus.RETURNED
    return LineStatus.COMPLETED if is_completed else box


def _joined(one: OrderLine, other: OrderLine) -> OrderLine:
    """Add up two entries of one option in one box; nothing says that it cannot happen (§5.4)."""
    return one._replace(
        quantity=one.quantity + other.quantity,
        amount=one.amount + other.amount,
        held_quantity=(one.held_quantity or 0) + (other.held_quantity or 0),
        cancelled_quantity=(one.cancelled_quantity or 0) + (other.cancelled_quantity or 0),
        seller_discount=(one.seller_discount or 0) + (other.seller_discount or 0),
        market_discount=(one.market_discount or 0) + (other.market_discount or 0),
    )


# ── claims ─────────────────────────────────────────────────────────────────────────────────────
def take_receipt(body: bytes, batch: Batch) -> None:
    """Append a cancel or return, one claim per option."""
    receipt = RECEIPTS.decode(body)
    is_cancel = receipt.receipt_type == "CANCEL"
    status = RECEIPT_STATUSES.get(receipt.receipt_status)
    if status is None and is_cancel:
        status = ClaimStatus.DONE  # cancelled at once, while ACCEPT; its word is not documented
    if status is None:
        refuse("receiptStatus", f"unknown value {receipt.receipt_status!r}")
    claims = [
        _receipt_claim(receipt, item, status, is_cancel=is_cancel) for item in receipt.return_items
    ]
    batch.claims += claims
    batch.documents.append(RawDocument("claims", str(receipt.receipt_id), body.decode()))


def _receipt_claim(
    receipt: Receipt, item: ReturnItem, status: ClaimStatus, *, is_cancel: bool
) -> Claim:
    is_cancel = (
        is_cancel
        or receipt.receipt_status == "RELEASE_STOP_UNCHECKED"
        or item.release_status in NOT_SHIPPED
    )
    settled = receipt.complete_confirm_date or receipt.modified_at
    return Claim(
        claim_no=str(receipt.receipt_id),
        order_no=str(receipt.order_id),
        line_no=line_no(item.shipment_box_id, item.vendor_item_id),
        kind=ClaimKind.CANCEL if is_cancel else ClaimKind.RETURN,
        status=status,
        market_status=receipt.receipt_status,
        quantity=rows.count(item.cancel_count, "cancelCount"),
        requested_at=rows.needed_instant(receipt.created_at, "createdAt"),
        completed_at=rows.instant(settled, "modifiedAt") if status is ClaimStatus.DONE else None,
        reason_code=rows.text_or_none(receipt.reason_code),
        reason=rows.text_or_none(
            receipt.cancel_reason or receipt.reason_code_text or receipt.cancel_reason_category2
        ),
        fault=FAULTS.get(receipt.fault_by_type or ""),
        product_no=rows.text_or_none(item.seller_product_id),
        option_no=str(item.vendor_item_id),
    )


def purchased(body: bytes) -> dict[str, int]:
    """Return how many pieces of each line of a receipt were bought, where it says so."""
    items = RECEIPTS.decode(body).return_items
    return {
        line_no(item.shipment_box_id, item.vendor_item_id): item.purchase_count
        for item in items
        if item.purchase_count
    }


def take_exchange(body: bytes, batch: Batch) -> None:
    """Append an exchange, one claim per option."""
    exchange = EXCHANGES.decode(body)
    status = EXCHANGE_STATUSES.get(exchange.exchange_status)
    if status is None:
        refuse("exchangeStatus", f"unknown value {exchange.exchange_status!r}")
    number = f"E{exchange.exchange_id}"
    is_over = status in (ClaimStatus.DONE, ClaimStatus.REJECTED, ClaimStatus.WITHDRAWN)
    claims = [
        Claim(
            claim_no=number,
            order_no=str(exchange.order_id),
            line_no=line_no(item.original_shipment_box_id, item.order_item_id),
            kind=ClaimKind.EXCHANGE,
            status=status,
            market_status=exchange.exchange_status,
            quantity=rows.count(item.quantity, "quantity"),
            requested_at=rows.needed_instant(exchange.created_at, "createdAt"),
            completed_at=rows.instant(exchange.modified_at, "modifiedAt") if is_over else None,
            reason_code=rows.text_or_none(exchange.reason_code),
            reason=rows.text_or_none(exchange.reason_code_text),
            fault=FAULTS.get(exchange.fault_type or ""),
            option_no=str(item.order_item_id),
        )
        for item in exchange.items
    ]
    batch.claims += claims
    batch.documents.append(RawDocument("claims", number, body.decode()))


def take_withdrawal(body: bytes, batch: Batch) -> None:
    """Append the end of a return that its buyer gave up; its lists no longer show it (§7.2)."""
    number = str(WITHDRAWALS.decode(body).cancel_id)
    batch.claim_updates.append(ClaimUpdate(number, ClaimStatus.WITHDRAWN, "WITHDRAWN"))


# ── products ───────────────────────────────────────────────────────────────────────────────────
def product_status(name: str) -> ProductStatus:
    """Return what the Korean word of a listing's state means. Raises: BadRow."""
    status = PRODUCT_STATUSES.get(name)
    if status is None:
        refuse("statusName", f"unknown value {name!r}")
    return status


def take_deleted(summary: Summary, body: bytes, batch: Batch) -> None:
    """Append a listing that is gone; it has no detail any more."""
    batch.products.append(
        Product(
            str(summary.seller_product_id),
            summary.seller_product_name,
            ProductStatus.DELETED,
            summary.status_name,
            created_at=rows.instant(summary.created_at, "createdAt"),
        )
    )
    number = str(summary.seller_product_id)
    batch.documents.append(RawDocument("products", number, body.decode()))


def take_detail(summary: Summary, body: bytes, batch: Batch) -> None:
    """Append a listing with those of its options that are approved."""
    detail = DETAILS.decode(body)
    number = str(detail.seller_product_id)
    product = Product(
        number,
        detail.seller_product_name,
        product_status(detail.status_name),
        detail.status_name,
        category=rows.text_or_none(detail.display_category_code),
        brand=rows.text_or_none(detail.brand),
        created_at=rows.instant(summary.created_at, "createdAt"),
    )
    batch.products.append(product)
    batch.options += [
        Option(
            number,
            str(item.vendor_item_id),
            item.item_name or "",
            rows.text_or_none(item.external_vendor_sku),
            rows.text_or_none(item.barcode),
        )
        for item in detail.items
        if item.vendor_item_id is not None
    ]
    batch.documents.append(RawDocument("products", number, body.decode()))


def take_inventory(product_no: str, option_no: str, body: bytes, batch: Batch) -> None:
    """Append stock and price of one option."""
    found = INVENTORIES.decode(body)
    if str(found.seller_item_id) != option_no:
        refuse("sellerItemId", f"{found.seller_item_id} is not the option asked for")
    price = rows.needed_won(money(found.sale_price, "salePrice"), "salePrice")
    stock = rows.count(found.amount_in_stock, "amountInStock")
    batch.offers.append(Offer(product_no, option_no, stock, price, found.on_sale))
    batch.documents.append(RawDocument("offers", option_no, body.decode()))


def elements(data: msgspec.Raw) -> Sequence[msgspec.Raw]:
    """Return the rows of an answer that may be an object or a list (§5.5)."""
    if bytes(data).lstrip().startswith(b"["):
        return msgspec.json.decode(data, type=list[msgspec.Raw])
    return [data]
