"""Listings and their options as Naver sends them, and what they mean in our records.

Unset fields are simply absent (naver.md §4.3); numbers of things are text.
"""

import msgspec

from erp_assets.markets import rows
from erp_assets.markets.naver.wire import NO_OPTION, Id
from erp_assets.markets.rows import refuse
from erp_assets.records import Batch, Offer, Option, Product, ProductStatus, RawDocument


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
    total_elements: int | None = None
    total_pages: int = 0
    last: bool | None = None

    def is_last(self, number: int) -> bool:
        """Is nothing to be expected after page `number`?"""
        return number >= self.total_pages if self.last is None else self.last


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
    def counts_stock(self) -> bool:
        """Is the stock of the options managed, or does every one show 9,999 (§4.3)?"""
        info = self.detail_attribute and self.detail_attribute.option_info
        return not info or info.use_stock_management

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
        row = msgspec.json.decode(body, type=_OriginNumber)
        return rows.text_or_none(row.origin_product_no)
    except (msgspec.DecodeError, UnicodeDecodeError):
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
    batch.documents.append(RawDocument("products", product.product_no, body))


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


class Stored(msgspec.Struct, rename="camel"):
    """What a write says of the listing as it is stored now (§4.6)."""

    origin_product: "StoredOrigin | None" = None


class StoredOrigin(msgspec.Struct, rename="camel"):
    """As much of it as decides what is left to do."""

    status_type: str | None = None
