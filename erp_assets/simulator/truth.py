"""What a perfect collector holds of a shop: the yardstick of the demo and of the tests.

What no list or detail of a market shows any more is not in it: deleted listings, unpaid orders at
Coupang and its boxes whose last line was cancelled or returned, and Coupang returns
that were withdrawn. Who collected before keeps those.
"""

from collections.abc import Iterator
from typing import NamedTuple

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus
from erp_assets.simulator.wire import Account
from erp_assets.simulator.world import Claim, Item, Line, Listing

PREFIXES = {
    "coupang": {ClaimKind.EXCHANGE: "E"},
    "eleven": {ClaimKind.CANCEL: "C", ClaimKind.RETURN: "R", ClaimKind.EXCHANGE: "X"},
}
"""What our records put before a market's claim numbers, where kinds count on their own."""
GONE = (LineStatus.CANCELLED, LineStatus.RETURNED)


class TrueLine(NamedTuple):
    """What a stored line must say. cancelled: pieces gone for good. held: pieces in open claims."""

    order_no: str
    line_no: str
    status: LineStatus
    quantity: int
    unit_price: int
    cancelled: int
    held: int


class TrueClaim(NamedTuple):
    """What a stored claim must say of one line."""

    claim_no: str
    order_no: str
    line_no: str
    kind: ClaimKind
    status: ClaimStatus
    quantity: int


class TrueOffer(NamedTuple):
    """What a stored option must say."""

    product_no: str
    option_no: str
    stock: int
    price: int


def line_no(market: str, line: Line) -> str:
    """Return the number our records give a line."""
    return f"{line.box}-{line.item.no}" if market == "coupang" else str(line.no)


def claim_no(market: str, claim: Claim) -> str:
    """Return the number our records give a claim."""
    return PREFIXES.get(market, {}).get(claim.kind, "") + str(claim.no)


def listings(account: Account) -> Iterator[Listing]:
    """Yield what the market's lists show."""
    for listing in account.shop.listings.values():
        if listing.status is not ProductStatus.DELETED:
            yield listing


def offers(account: Account) -> Iterator[TrueOffer]:
    """Yield stock and price of every option that is not deleted."""
    for listing in listings(account):
        for item in _items(listing):
            yield TrueOffer(str(listing.no), _option_no(account, item), item.stock, item.price)


def _items(listing: Listing) -> list[Item]:
    return [item for item in listing.items if item.approved and not item.deleted]


def _option_no(account: Account, item: Item) -> str:
    has_number = account.shop.market != "naver" or item.listing.has_options
    return str(item.no) if has_number else "0"


def lines(account: Account) -> Iterator[TrueLine]:
    """Yield every line a collector meets that starts today."""
    market = account.shop.market
    for order in account.shop.orders.values():
        for line in order.lines:
            if _is_shown(account, line):
                yield TrueLine(
                    str(order.no),
                    line_no(market, line),
                    line.status,
                    line.quantity,
                    line.unit_price,
                    line.cancelled,
                    line.held,
                )


def _is_shown(account: Account, line: Line) -> bool:
    """Does any list or detail still show the line whole?"""
    if account.shop.market != "coupang":
        return True
    is_there = any(it.status not in GONE for it in account.shop.boxes[line.box])
    return is_there and line.order.paid_at is not None


def claims(account: Account) -> Iterator[TrueClaim]:
    """Yield every claim a collector meets that starts today, line by line."""
    market = account.shop.market
    for parts in account.shop.claims.values():
        for claim in parts:
            if not _is_forgotten(account, claim):
                yield TrueClaim(
                    claim_no(market, claim),
                    str(claim.line.order.no),
                    line_no(market, claim.line),
                    claim.kind,
                    claim.status,
                    claim.quantity,
                )


def _is_forgotten(account: Account, claim: Claim) -> bool:
    """Is a withdrawn claim one of those Coupang names only by its number (coupang.md §7.2)?"""
    return (
        account.shop.market == "coupang"
        and claim.kind is not ClaimKind.EXCHANGE
        and claim.status in (ClaimStatus.WITHDRAWN, ClaimStatus.REJECTED)
    )


def summary(account: Account) -> dict[str, int]:
    """Return how many rows of each kind must be stored, and what the lines add up to."""
    sold = list(lines(account))
    offered = sum(1 for _ in offers(account))
    return {
        "products": sum(1 for _ in listings(account)),
        "options": offered,
        "stock": offered,
        "prices": offered,
        "orders": len({line.order_no for line in sold}),
        "lines": len(sold),
        "claims": sum(1 for _ in claims(account)),
        "quantity": sum(line.quantity for line in sold),
        "value": sum(line.quantity * line.unit_price for line in sold),
    }
