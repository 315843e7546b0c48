"""Listings with their options, and stock and price of an option (coupang.md §4)."""

import msgspec

from erp_assets.markets import rows
from erp_assets.markets.coupang.wire import Detail, Inventory, Summary, money, number
from erp_assets.markets.rows import refuse
from erp_assets.records import Batch, Offer, Option, Product, ProductStatus, RawDocument

SUMMARIES = msgspec.json.Decoder(Summary)
DETAILS = msgspec.json.Decoder(Detail)
INVENTORIES = msgspec.json.Decoder(Inventory)
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
"""Answers name the state in Korean, requests in English (§4.2)."""


def product_status(name: str) -> ProductStatus:
    """Return what the Korean word of a listing's state means. Raises: BadRow."""
    status = PRODUCT_STATUSES.get(name)
    if status is None:
        refuse("statusName", f"unknown value {name[:40]!r}")
    return status


def take_deleted(summary: Summary, body: bytes, batch: Batch) -> None:
    """Append a listing that is gone; it has no detail any more."""
    product_no = number(summary.seller_product_id, "sellerProductId")
    batch.products.append(
        Product(
            product_no,
            summary.seller_product_name,
            ProductStatus.DELETED,
            summary.status_name,
            created_at=rows.instant(summary.created_at, "createdAt"),
        )
    )
    batch.documents.append(RawDocument("products", product_no, body))


def take_detail(summary: Summary, body: bytes, batch: Batch) -> None:
    """Append a listing with those of its options that are approved."""
    detail = DETAILS.decode(body)
    product_no = number(detail.seller_product_id, "sellerProductId")
    if product_no != str(summary.seller_product_id):
        refuse("sellerProductId", f"{product_no} is not the product asked for")
    product = Product(
        product_no,
        detail.seller_product_name,
        product_status(detail.status_name),
        detail.status_name,
        category=rows.text_or_none(detail.display_category_code),
        brand=rows.text_or_none(detail.brand),
        created_at=rows.instant(summary.created_at, "createdAt"),
    )
    options = [
        Option(
            product_no,
            number(item.vendor_item_id, "vendorItemId"),
            item.item_name or "",
            rows.text_or_none(item.external_vendor_sku),
            rows.text_or_none(item.barcode),
        )
        for item in detail.items
        if item.vendor_item_id is not None
    ]
    batch.products.append(product)
    batch.options += options
    batch.documents.append(RawDocument("products", product_no, body))


def take_inventory(product_no: str, option_no: str, body: bytes, batch: Batch) -> None:
    """Append stock and price of one option."""
    found = INVENTORIES.decode(body)
    if str(found.seller_item_id) != option_no:
        refuse("sellerItemId", f"{str(found.seller_item_id)[:40]} is not the option asked for")
    price = rows.needed_won(money(found.sale_price, "salePrice"), "salePrice")
    stock = rows.count(found.amount_in_stock, "amountInStock")
    batch.offers.append(Offer(product_no, option_no, stock, price, found.on_sale))
    batch.documents.append(RawDocument("offers", option_no, body))
