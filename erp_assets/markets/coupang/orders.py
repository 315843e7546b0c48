"""Boxes of orders: one box is an order's rows of the options in it (coupang.md §5)."""

from typing import Any

import msgspec

from erp_assets.markets import rows
from erp_assets.markets.coupang.wire import (
    Person,
    Sheet,
    SheetItem,
    SheetKey,
    line_no,
    money,
    number,
)
from erp_assets.markets.rows import refuse
from erp_assets.records import Batch, LineStatus, Order, OrderLine, RawDocument, Rejected

SHEETS = msgspec.json.Decoder(Sheet)
SHEET_KEYS = msgspec.json.Decoder(SheetKey)
LINE_STATUSES = {
    "ACCEPT": LineStatus.NEW,
    "INSTRUCT": LineStatus.CONFIRMED,
    "DEPARTURE": LineStatus.SHIPPED,
    "DELIVERING": LineStatus.SHIPPED,
    "FINAL_DELIVERY": LineStatus.DELIVERED,
    "NONE_TRACKING": LineStatus.SHIPPED,
}
"""In the order in which boxes move; NONE_TRACKING never becomes FINAL_DELIVERY (§5.1)."""


def keys_of(body: bytes) -> set[tuple[str, str]]:
    """Return (order_no, line_no) of the lines of a box, read without all that a line holds."""
    box = SHEET_KEYS.decode(body)
    order_no = number(box.order_id, "orderId")
    return {
        (order_no, line_no(box.shipment_box_id, item.vendor_item_id)) for item in box.order_items
    }


def take_sheet(body: bytes, batch: Batch) -> None:
    """Append a box: its order, its lines, the raw row.

    A bundle that Coupang made by itself is kept and also set aside: nothing says whether its count
    means bundles or pieces (§13.1).
    """
    sheet = SHEETS.decode(body)
    status = LINE_STATUSES.get(sheet.status)
    if status is None:
        refuse("status", f"unknown value {sheet.status[:40]!r}")
    order = _order(sheet)
    parcel = _parcel(sheet)
    lines: dict[str, OrderLine] = {}
    for item in sheet.order_items:
        line = _line(order, parcel, item, status)
        before = lines.get(line.line_no)
        lines[line.line_no] = line if before is None else _joined(before, line, status)
    batch.orders.append(order)
    batch.lines += lines.values()
    box_no = parcel["shipment_no"]
    batch.documents.append(RawDocument("orders", box_no, body))
    if any(item.up_bundle_item for item in sheet.order_items):
        reason = "upBundleItem: stored; check whether shippingCount means bundles or pieces"
        batch.rejected.append(Rejected("orders", reason, body.decode(), box_no))


def _order(sheet: Sheet) -> Order:
    buyer = sheet.orderer or Person()
    return Order(
        number(sheet.order_id, "orderId"),
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
        "shipment_no": number(sheet.shipment_box_id, "shipmentBoxId"),
        "shipping_fee": rows.won(sum(part or 0 for part in fees), "shippingPrice"),
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
    unit_price = _unit_price(item, quantity)
    completed_at = rows.instant(item.confirm_date, "confirmDate")
    instant = money(item.instant_coupon_discount, "instantCouponDiscount")
    download = money(item.downloadable_coupon_discount, "downloadableCouponDiscount")
    option_no = number(item.vendor_item_id, "vendorItemId")
    return OrderLine(
        order_no=order.order_no,
        line_no=f"{parcel['shipment_no']}-{option_no}",
        ordered_at=order.ordered_at,
        status=_status(status, quantity, cancelled, is_completed=completed_at is not None),
        product_no=_product_no(item),
        product_name=item.seller_product_name or item.vendor_item_name or "",
        quantity=quantity,
        unit_price=unit_price,
        amount=rows.needed_won(unit_price * quantity, "salesPrice"),
        option_no=option_no,
        option_name=rows.text_or_none(item.seller_product_item_name),
        seller_code=rows.text_or_none(item.external_vendor_sku_code),
        held_quantity=held,
        cancelled_quantity=cancelled,
        seller_discount=rows.won(_sum(instant, download), "instantCouponDiscount"),
        market_discount=money(item.coupang_discount, "coupangDiscount"),
        ship_by=rows.end_of_day(
            item.planned_shipping_date or item.estimated_shipping_date, "estimatedShippingDate"
        ),
        completed_at=completed_at,
        **parcel,
    )


def _product_no(item: SheetItem) -> str:
    found = item.seller_product_id
    return "" if found in (None, "") else number(found, "sellerProductId")


def _unit_price(item: SheetItem, quantity: int) -> int:
    """Return the price of a piece; from the sum where it is null, as any money may be (§5.4)."""
    price = money(item.sales_price, "salesPrice")
    if price is not None:
        return price
    total = rows.needed_won(money(item.order_price, "orderPrice"), "salesPrice")
    if not quantity or total % quantity:
        refuse("salesPrice", "missing")
    return total // quantity


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def _status(box: LineStatus, quantity: int, cancelled: int, *, is_completed: bool) -> LineStatus:
    if quantity and cancelled >= quantity:
        before_shipping = box in (LineStatus.NEW, LineStatus.CONFIRMED)
        return LineStatus.CANCELLED if before_shipping else LineStatus.RETURNED
    return LineStatus.COMPLETED if is_completed else box


def _joined(one: OrderLine, other: OrderLine, box: LineStatus) -> OrderLine:
    """Add up two entries of one option in one box; nothing says that it cannot happen (§5.4)."""
    if one.unit_price != other.unit_price:
        refuse("orderItems", f"option {one.option_no} comes twice, at two prices")
    quantity = rows.count(one.quantity + other.quantity, "shippingCount")
    cancelled = (one.cancelled_quantity or 0) + (other.cancelled_quantity or 0)
    return one._replace(
        quantity=quantity,
        status=_status(box, quantity, cancelled, is_completed=bool(one.completed_at)),
        amount=rows.needed_won(one.amount + other.amount, "salesPrice"),
        held_quantity=(one.held_quantity or 0) + (other.held_quantity or 0),
        cancelled_quantity=cancelled,
        seller_discount=_sum(one.seller_discount, other.seller_discount),
        market_discount=_sum(one.market_discount, other.market_discount),
    )
