"""What a handler gets: the shop of the key, the segments after the path's fixed part, the body."""

from dataclasses import dataclass
from datetime import datetime

from erp_assets.simulator.world import Line, Order, Shop


@dataclass(slots=True, frozen=True)
class Call:
    """One accepted request. args: decoded path segments. now: the virtual clock."""

    shop: Shop
    now: datetime
    args: tuple[str, ...]
    body: bytes


def number(text: str) -> int | None:
    """Read a number as it stands in a path or body: ASCII digits and nothing else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def find_order(shop: Shop, order_no: str) -> Order | None:
    """Return the order, None when the number is unknown or no number."""
    value = number(order_no)
    return None if value is None else shop.orders.get(value)


def find_line(order: Order, line_no: str) -> Line | None:
    """Return the line `ordPrdSeq` of an order."""
    return next((line for line in order.lines if str(line.no) == line_no), None)
