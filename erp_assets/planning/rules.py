"""Which price rules speak for an option, and what they say together. Pure.

A rule is about a SKU, a category, an account or everything, and may be narrowed to one market. What
the most specific rule leaves empty, the next one says, so that a SKU's cost needs no copy of the
account's margins; the decision names the rule behind every value.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from enum import StrEnum
from typing import Any

from erp_assets.records import Money


class Mode(StrEnum):
    """Where a price is to go, before floor, margin and every limit."""

    FIXED = "fixed"
    LOWEST = "lowest"
    UNDERCUT = "undercut"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRule:
    """One row of price_rules; None = says nothing about it.

    pieces: the rule is for options of so many pieces of the SKU; its cost is of one piece all the
    same. Other amounts are won per option. Rates are shares: 0.1 = 10 %.
    """

    id: int
    sku_id: int | None = None
    pieces: int = 1
    category: str | None = None
    account_id: int | None = None
    market: str | None = None
    cost: Money | None = None
    fee_rate: Decimal | None = None
    min_margin: Money | None = None
    min_margin_rate: Decimal | None = None
    floor: Money | None = None
    ceiling: Money | None = None
    mode: Mode | None = None
    price: Money | None = None
    undercut_amount: Money | None = None
    undercut_rate: Decimal | None = None
    run_change_rate: Decimal | None = None
    day_change_rate: Decimal | None = None
    cooldown_minutes: int | None = None
    opt_in: bool | None = None
    quiet_from: time | None = None
    quiet_until: time | None = None
    competitor_hours: int | None = None
    band_low: Decimal | None = None
    band_high: Decimal | None = None

    @property
    def scope(self) -> str:
        """What the rule is about, in a word."""
        if self.sku_id is not None:
            return "SKU"
        if self.category is not None:
            return "category"
        return "everything" if self.account_id is None else "account"


SINGLE = (
    *("fee_rate", "min_margin", "min_margin_rate", "floor", "ceiling", "run_change_rate"),
    *("day_change_rate", "cooldown_minutes", "opt_in", "competitor_hours", "band_low", "band_high"),
)
TOGETHER = {
    "mode": ("price", "undercut_amount", "undercut_rate"),
    "quiet_from": ("quiet_until",),
}
"""Values that mean something beside the first only, so they come from the same rule."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the rules say about an option, and which rule said it.

    rule: the one that set the mode, else the most specific; None where no rule matches.
    said_by: name of a value → id of its rule.
    """

    rule: PriceRule | None
    values: Mapping[str, Any]
    said_by: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return a value; None when no rule says it."""
        return self.values.get(name)


class RuleBook:
    """The active rules, found by what they are about."""

    def __init__(self, rules: Iterable[PriceRule]) -> None:
        """`rules`: in any order; among equally specific ones the lowest id wins."""
        self._by: defaultdict[tuple[str, object], list[PriceRule]] = defaultdict(list)
        for rule in sorted(rules, key=_rank):
            self._by[_key(rule)].append(rule)

    def terms(
        self, *, account_id: int, market: str, category: str | None, sku: tuple[int, int] | None
    ) -> Terms:
        """Return what is said about an option. sku: (id, pieces) when it is of one SKU alone."""
        found = [
            rule
            for rule in self._candidates(sku, category, account_id)
            if _fits(rule, account_id, market, category)
        ]
        values: dict[str, Any] = {}
        said_by: dict[str, int] = {}
        for rule in found:
            for name in (*SINGLE, *TOGETHER):
                if name not in values and getattr(rule, name) is not None:
                    for each in (name, *TOGETHER.get(name, ())):
                        values[each] = getattr(rule, each)
                        said_by[each] = rule.id
        by_id = {rule.id: rule for rule in found}
        winner = by_id.get(said_by["mode"]) if "mode" in said_by else next(iter(found), None)
        return Terms(winner, values, said_by)

    def cost(
        self, sku_id: int, *, account_id: int, market: str, category: str | None
    ) -> tuple[Money, int] | None:
        """Return the cost of one piece of a SKU with the id of the rule that says it, or None."""
        for rule in self._candidates((sku_id, 0), category, account_id):
            if rule.cost is not None and _fits(rule, account_id, market, category):
                return rule.cost, rule.id
        return None

    def _candidates(
        self, sku: tuple[int, int] | None, category: str | None, account_id: int
    ) -> Iterator[PriceRule]:
        """Yield the most specific first. A SKU with 0 pieces: its rules for any number."""
        if sku is not None:
            number, pieces = sku
            rules = self._by.get(("sku", number), ())
            yield from (rule for rule in rules if pieces in (0, rule.pieces))
        yield from self._by.get(("category", category), ())
        yield from self._by.get(("account", account_id), ())
        yield from self._by.get(("all", None), ())


def _key(rule: PriceRule) -> tuple[str, object]:
    if rule.sku_id is not None:
        return "sku", rule.sku_id
    if rule.category is not None:
        return "category", rule.category
    return ("all", None) if rule.account_id is None else ("account", rule.account_id)


def _rank(rule: PriceRule) -> tuple[bool, bool, bool, int]:
    """Order the rules about one thing: narrowed ones first, then by id."""
    return rule.category is None, rule.account_id is None, rule.market is None, rule.id


def _fits(rule: PriceRule, account_id: int, market: str, category: str | None) -> bool:
    return (
        rule.account_id in (None, account_id)
        and rule.market in (None, market)
        and rule.category in (None, category)
    )
