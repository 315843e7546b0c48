"""Rows as a market would tell them, with everything not under test filled in."""

from datetime import UTC, datetime, timedelta

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
)

PLACED = datetime(2026, 10, 20, 3, tzinfo=UTC)


def line(order_no="1000", line_no="1", **values):
    told = {
        "order_no": order_no,
        "line_no": line_no,
        "ordered_at": PLACED,
        "status": LineStatus.NEW,
        "market_status": "ACCEPT",
        "product_no": "7",
        "product_name": "기모 팬츠",
        "quantity": 2,
        "unit_price": 19_000,
        "amount": 38_000,
        "option_no": "70",
    }
    return OrderLine(**(told | values))


def order(order_no="1000", **values):
    return Order(order_no, **({"ordered_at": PLACED, "buyer_name": "홍길동"} | values))


def orders(count, *, first=0, status=LineStatus.NEW):
    """A batch of `count` orders with one line each, an hour apart."""
    batch = Batch()
    for n in range(first, first + count):
        at = PLACED + timedelta(hours=n)
        batch.orders.append(order(str(n), ordered_at=at))
        batch.lines.append(line(str(n), ordered_at=at, status=status))
    return batch


def product(product_no="7", **values):
    return Product(
        product_no,
        **(
            {"name": "기모 팬츠", "status": ProductStatus.ON_SALE, "market_status": "APPROVED"}
            | values
        ),
    )


def option(product_no="7", option_no="70", name="검정 / L"):
    return Option(product_no, option_no, name)


def offer(product_no="7", option_no="70", *, stock=5, price=19_000, on_sale=True):
    return Offer(product_no, option_no, stock, price, on_sale)


def claim(claim_no="90", order_no="1000", line_no="1", **values):
    told = {
        "kind": ClaimKind.RETURN,
        "status": ClaimStatus.REQUESTED,
        "market_status": "RU",
        "quantity": 1,
        "requested_at": PLACED + timedelta(days=1),
    }
    return Claim(claim_no, order_no, line_no, **(told | values))
