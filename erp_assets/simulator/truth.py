"""What a perfect collector holds of a shop: the yardstick of the demo and of the tests.

What no list or detail of a market shows is not in it: listings that were deleted, orders that were
never paid, Coupang boxes and 11st lines that were cancelled before anybody could see them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus
from erp_assets.simulator.wire import Account
from erp_assets.simulator.world import Claim, Item, Line, Listing

UNSEEN = (LineStatus.UNPAID,)


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
    if market == "coupang" and claim.kind is ClaimKind.EXCHANGE:
        return f"E{claim.no}"
    return str(claim.no)


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
    """Yield every line a collector can have met."""
    market = account.shop.market
    for order in account.shop.orders.values():
        for line in order.lines:
            if order.paid_at is not None and line.status not in UNSEEN:
                yield TrueLine(
                    str(order.no),
                    line_no(market, line),
                    line.status,
                    line.quantity,
                    line.unit_price,
                    line.cancelled,
                    line.held,
                )


def claims(account: Account) -> Iterator[TrueClaim]:
    """Yield every claim of a paid order, line by line."""
    market = account.shop.market
    for parts in account.shop.claims.values():
        for claim in parts:
            if claim.line.order.paid_at is not None:
                yield TrueClaim(
                    claim_no(market, claim),
                    str(claim.line.order.no),
                    line_no(market, claim.line),
                    claim.kind,
                    claim.status,
                    claim.quantity,
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
