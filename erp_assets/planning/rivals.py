"""Which prices of competitors can be used, and why the others cannot. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from erp_assets.planning.rules import Terms
from erp_assets.planning.won import STEP, ceil, floor, fraction
from erp_assets.records import Instant, Money

COMPETITOR_HOURS = 24
BAND = (Fraction(1, 2), Fraction(5))
"""Where no rule says it: how old a competitor's price may be, and how far from our cost."""


class Rival(NamedTuple):
    """What a competitor asks for as many pieces of the SKU as our option holds."""

    source: str
    competitor: str
    price: Money
    seen_at: Instant


def sift(
    rivals: Iterable[Rival], cost: Money | None, terms: Terms, now: datetime
) -> tuple[list[Rival], list[tuple[Rival, str]]]:
    """Return the competitors' prices that can be used, cheapest first, and the others with why."""
    used, ignored = [], []
    for rival in rivals:
        why = _why_ignored(rival, cost, terms, now)
        if why is None:
            used.append(rival)
        else:
            ignored.append((rival, why))
    return sorted(used, key=lambda it: (it.price, it.source, it.competitor)), ignored


def _why_ignored(rival: Rival, cost: Money | None, terms: Terms, now: datetime) -> str | None:
    hours = terms["competitor_hours"] or COMPETITOR_HOURS
    if rival.seen_at > now + timedelta(minutes=5):
        return "stale: seen in the future"
    if now - rival.seen_at > timedelta(hours=hours):
        return f"stale: seen more than {hours} h ago"
    if cost is None:
        return "absurd or not: our cost is not known"
    low, high = fraction(terms["band_low"]), fraction(terms["band_high"])
    lowest = cost * (BAND[0] if low is None else low)
    highest = cost * (BAND[1] if high is None else high)
    if rival.price < STEP or not lowest <= rival.price <= highest:
        return f"absurd: outside {ceil(lowest):,} to {floor(highest):,} won"
    return None
