"""Options, rules and competitors with everything not under test filled in."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from erp_assets.planning.price import Case, Listed, decide
from erp_assets.planning.rivals import Rival
from erp_assets.planning.rules import Mode, PriceRule, RuleBook

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
"""Noon in Korea."""
SKU = 5


def listed(price=10_000, *, market="coupang", option_no="70", parts=((SKU, 1),), category="77"):
    account = {"coupang": 1, "naver": 2, "eleven": 3}[market]
    return Listed(account, market, "7", option_no, price, NOW, category, parts)


def rival(price, *, hours=1, competitor="옆가게", source="file"):
    return Rival(source, competitor, price, NOW - timedelta(hours=hours))


def rule(number=1, **values):
    """A rule of the SKU: opted in, cost 6,000, fee 10 %, fixed at 10,000."""
    told = {
        "sku_id": SKU,
        "opt_in": True,
        "cost": 6_000,
        "fee_rate": Decimal("0.1"),
        "mode": Mode.FIXED,
        "price": 10_000,
    }
    return PriceRule(id=number, **(told | values))


def wide(number, **values):
    """A rule about everything that says only `values`."""
    return PriceRule(id=number, **values)


def decided(rules, *, price=10_000, rivals=(), past=(), now=NOW, is_waiting=False, **where):
    case = Case(listed(price, **where), rivals, past, is_waiting)
    return decide([case], RuleBook(rules), now)[0]
