"""Won: whole, in tens where a market shows them, and what fee and cost leave of a price. Exact."""

from decimal import Decimal
from fractions import Fraction

from erp_assets.records import Money

STEP = 10
MOST_PRICE = 999_999_990
"""The highest price every market takes."""
ZERO = Fraction()


def margin(price: Money, *, cost: Money, fee_rate: Fraction) -> Money:
    """Return what is left of a price after the market's fee, rounded up, and the cost."""
    return price - ceil(price * fee_rate) - cost


def lowest_price(
    cost: Money,
    fee_rate: Fraction,
    *,
    min_margin: Money = 0,
    min_margin_rate: Fraction = ZERO,
) -> Money | None:
    """Return the lowest price in tens of won that leaves the margin; None when none can."""
    left, rest = 1 - fee_rate, 1 - fee_rate - min_margin_rate
    if left <= 0 or rest <= 0:
        return None
    for extra in (0, 2):  # fee and margin are rounded up, each by less than a won
        price = up(max((cost + min_margin + extra) / left, (cost + extra) / rest, Fraction(STEP)))
        kept = margin(price, cost=cost, fee_rate=fee_rate)
        if kept >= min_margin and kept >= ceil(price * min_margin_rate):
            break
    return price


def fraction(value: Decimal | int | None) -> Fraction | None:
    """Return a rate exactly; None stays None."""
    return None if value is None else Fraction(value)


def ceil(value: Fraction | int) -> int:
    """Round up to whole won."""
    return -((-value) // 1)


def floor(value: Fraction | int) -> int:
    """Round down to whole won."""
    return value // 1


def up(value: Fraction | int) -> Money:
    """Round up to tens of won."""
    return ceil(Fraction(value) / STEP) * STEP


def down(value: Fraction | int) -> Money:
    """Round down to tens of won."""
    return floor(Fraction(value) / STEP) * STEP
