"""What Coupang sends, as structs of the fields used.

Money may be a number, an object {units, nanos} or null in any field (coupang.md §5.4); ids are
numbers or text and pass 2^53, so they become text at once.
"""

from collections.abc import Callable, Sequence

import msgspec

from erp_assets.errors import BadRow
from erp_assets.markets import rows
from erp_assets.markets.rows import refuse

Id = int | str
MOST_DIGITS = 40


class Amount(msgspec.Struct, rename="camel"):
    """{"currencyCode": "KRW", "units": 19000, "nanos": 0}."""

    units: int
    nanos: int | None = 0
    currency_code: str | None = "KRW"


Money = Amount | int | float | None


class Page(msgspec.Struct, rename="camel"):
    """A list answer; `data` must be there, the token is empty, null or absent at the end."""

    code: Id
    data: list[msgspec.Raw]
    message: str | None = None
    next_token: Id | None = None
    next_page_index: Id | None = None

    @property
    def token(self) -> str:
        """The mark of the next page, empty at the end."""
        return str(self.next_token or self.next_page_index or "")


class Single(msgspec.Struct):
    """An answer about one thing: an object, or a list of one or several."""

    code: Id
    data: msgspec.Raw
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
    up_bundle_item: bool | None = None


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


class SheetItemKey(msgspec.Struct, rename="camel"):
    """What names an option in a box."""

    vendor_item_id: Id


class SheetKey(msgspec.Struct, rename="camel"):
    """What names the lines of a box, whatever else it holds."""

    shipment_box_id: Id
    order_id: Id
    order_items: list[SheetItemKey]


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

    response_code: Id
    response_message: str | None = None
    response_list: list[Verdict] | None = None


class Verdicts(msgspec.Struct):
    """The answer of a write by boxes; the documents call `data` an array and show an object."""

    code: Id
    data: VerdictList | tuple[VerdictList]
    message: str | None = None

    @property
    def whole(self) -> VerdictList:
        """What was said of all boxes."""
        return self.data[0] if isinstance(self.data, tuple) else self.data


class Envelope(msgspec.Struct):
    """The outside of every answer."""

    code: Id
    message: str | None = None


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError, BadRow)
"""What a raw row that is no row may raise."""


def number(value: Id, field: str) -> str:
    """Return the market's number of a thing as text that can be a key. Raises: BadRow."""
    if type(value) is int and 0 <= value < 10**18:
        return str(value)
    text = str(value).strip()
    if not text:
        refuse(field, "missing")
    if text.startswith("-"):
        refuse(field, f"negative: {text[:MOST_DIGITS]}")
    if len(text) > MOST_DIGITS or not text.isprintable() or " " in text:
        refuse(field, f"not a number of Coupang's: {text[:MOST_DIGITS]!r}")
    return text


def line_no(box: Id, item: Id) -> str:
    """Return our number of a line: Coupang has none of its own (§5.4)."""
    return f"{number(box, 'shipmentBoxId')}-{number(item, 'vendorItemId')}"


def money(value: Money, field: str) -> int | None:
    """Return whole won, not negative; None for null."""
    if not isinstance(value, Amount):
        return rows.won(value, field)
    if value.nanos:
        refuse(field, f"not whole won: {value.units} and {value.nanos} nanos")
    if value.currency_code not in ("KRW", "", None):
        refuse(field, f"not won: {value.currency_code[:10]!r}")
    return rows.won(value.units, field)


def number_of(name: str) -> Callable[[bytes], str | None]:
    """Return what finds this field in a raw row, as text."""

    def find(body: bytes) -> str | None:
        try:
            found = msgspec.json.decode(body).get(name)
            return number(found, name) if isinstance(found, Id) else None
        except UNREADABLE:
            return None

    return find


def elements(data: msgspec.Raw) -> Sequence[msgspec.Raw]:
    """Return the rows of an answer that may be an object or a list (§5.5)."""
    if bytes(data).lstrip().startswith(b"["):
        return msgspec.json.decode(data, type=list[msgspec.Raw])
    return [data]
