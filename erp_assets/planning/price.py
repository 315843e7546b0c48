"""What a price is to become, and why: pure, in whole won and exact fractions.

Order of the limits, the later the stronger: what the mode wants; floor, minimum margin and ceiling;
largest change per run and day; the market's own limits. Where own limits leave no price within
floor and ceiling the decision goes to a person; where the market's do, nothing changes. A price
below floor or minimum margin is never the answer, a lower one without a known cost neither.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from erp_assets import clock
from erp_assets.planning.rivals import Rival, sift
from erp_assets.planning.rules import Mode, RuleBook, Terms
from erp_assets.planning.won import (
    MOST_PRICE,
    STEP,
    ZERO,
    ceil,
    down,
    floor,
    fraction,
    lowest_price,
    margin,
    up,
)
from erp_assets.records import Instant, Money

MARKET_LIMITS: Mapping[str, tuple[Fraction, Fraction]] = {
    "coupang": (Fraction(1, 2), Fraction(2)),
    "eleven": (Fraction(1, 5), Fraction(3, 2)),
}
"""Market → lowest and highest new price as a share of the present (coupang §4.8, 11st §5.1)."""
MOVES_TOGETHER = frozenset({"eleven"})
"""Markets with one price per listing and fixed surcharges: its options move by the same amount."""
MOST_SHOWN = 10
"""Competitors kept in the inputs of a decision; the numbers of all are."""


class Listed(NamedTuple):
    """An option as its market shows it; one per (account, product_no, option_no).

    price: None when it was never read. seen_at: when it was read. parts: (SKU, pieces) inside.
    """

    account_id: int
    market: str
    product_no: str
    option_no: str
    price: Money | None
    seen_at: Instant | None
    category: str | None
    parts: tuple[tuple[int, int], ...]

    @property
    def sku(self) -> tuple[int, int] | None:
        """The one SKU inside, with its pieces; None when there is none or several."""
        return self.parts[0] if len(self.parts) == 1 else None


class Change(NamedTuple):
    """A price of ours that the market took."""

    at: Instant
    before: Money
    after: Money


class Case(NamedTuple):
    """All that is known of one option. past: today's changes and the last one, oldest first.

    is_waiting: is an approved price still to be sent?
    """

    listed: Listed
    rivals: Sequence[Rival] = ()
    past: Sequence[Change] = ()
    is_waiting: bool = False


class PriceDecision(NamedTuple):
    """What becomes of an option's price; after None: nothing, for the reason.

    margin: of one option at its new price (of the present where nothing changes), after fee and
    cost; None when one of them is not known. needs_review: a person decides, whatever the mode.
    """

    listed: Listed
    before: Money | None
    after: Money | None
    margin: Money | None
    rule_id: int | None
    reason: str
    inputs: dict[str, Any]
    needs_review: bool = False


class _Refused(Exception):
    """Nothing is to change; the text says why."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A case with what the rules say about it. cost: of the whole option."""

    case: Case
    terms: Terms
    cost: Money | None

    @property
    def fee_rate(self) -> Fraction | None:
        return fraction(self.terms["fee_rate"])

    @property
    def has_margin(self) -> bool:
        return self.cost is not None and self.fee_rate is not None

    def margin(self, price: Money | None) -> Money | None:
        if price is None or self.cost is None or self.fee_rate is None:
            return None
        return margin(price, cost=self.cost, fee_rate=self.fee_rate)


class _Range(NamedTuple):
    low: int
    high: int


class _Frame(NamedTuple):
    """The room one option has; every price in tens of won. own: per run and day."""

    before: Money
    wanted: Money
    allowed: _Range
    own: _Range
    market: _Range
    why: str
    can_fall: bool


def decide(cases: Sequence[Case], book: RuleBook, now: datetime) -> list[PriceDecision]:
    """Return one decision per case, in their order.

    cases: every option of each listing, where the market moves them together.
    """
    decisions: list[PriceDecision] = []
    for group in _groups(cases):
        decisions += _decide_group([_known(case, book) for case in group], now)
    order = {_name(case.listed): n for n, case in enumerate(cases)}
    return sorted(decisions, key=lambda it: order[_name(it.listed)])


def objection(listed: Listed, after: Money, book: RuleBook) -> str | None:
    """Say why a price decided earlier may not be written now; None when it may.

    Rules, cost and the market's price may all have changed since.
    """
    known = _known(Case(listed), book)
    try:
        before = _price_now(known)
        allowed = _allowed(known)
    except _Refused as why:
        return str(why)
    low, high = MARKET_LIMITS.get(listed.market, (Fraction(), Fraction(MOST_PRICE)))
    if after < allowed.low:
        return f"{after:,} is below floor or minimum margin ({allowed.low:,})"
    if after > allowed.high or after % STEP:
        return f"{after:,} is above the ceiling ({allowed.high:,}) or not in tens of won"
    if after < before and not known.has_margin:
        return "no decrease, because cost or fee rate is not known"
    if not before * low <= after <= before * high:
        return f"{listed.market} takes no such change of {before:,} at once"
    return None


def is_quiet(now: datetime, quiet_from: time, quiet_until: time) -> bool:
    """Is it quiet in Korea? A span that ends before it begins goes over midnight."""
    at = now.astimezone(clock.KST).time()
    if quiet_from <= quiet_until:
        return quiet_from <= at < quiet_until
    return at >= quiet_from or at < quiet_until


def _groups(cases: Sequence[Case]) -> Iterable[list[Case]]:
    together: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        it = case.listed
        name = _name(it)[:2] if it.market in MOVES_TOGETHER else _name(it)
        together.setdefault(name, []).append(case)
    return together.values()


def _name(listed: Listed) -> tuple[int, str, str]:
    return listed.account_id, listed.product_no, listed.option_no


def _known(case: Case, book: RuleBook) -> _Known:
    it = case.listed
    where: dict[str, Any] = {
        "account_id": it.account_id,
        "market": it.market,
        "category": it.category,
    }
    costs = [(book.cost(sku, **where), pieces) for sku, pieces in it.parts]
    known = [(found[0], pieces) for found, pieces in costs if found is not None]
    total = sum(won * pieces for won, pieces in known)
    is_whole = bool(costs) and len(known) == len(costs)
    return _Known(case, book.terms(**where, sku=it.sku), total if is_whole else None)


def _decide_group(group: list[_Known], now: datetime) -> list[PriceDecision]:
    frames: list[_Frame] = []
    refused: dict[int, str] = {}
    for n, known in enumerate(group):
        try:
            frames.append(_frame(known, now))
        except _Refused as why:
            refused[n] = str(why)
    if refused:
        other = group[min(refused)].case.listed.option_no
        shared = f"option {other} of the listing moves with it: {refused[min(refused)]}"
        return [_unchanged(it, refused.get(n, shared), now) for n, it in enumerate(group)]
    try:
        shift, needs_review = _shift(frames, group[0].case.listed.market)
    except _Refused as why:
        return [_unchanged(known, str(why), now) for known in group]
    return [
        _changed(known, frame, frame.before + shift, needs_review=needs_review, now=now)
        for known, frame in zip(group, frames, strict=True)
    ]


def _frame(known: _Known, now: datetime) -> _Frame:
    """Return the room an option has. Raises: _Refused."""
    before = _price_now(known)
    _check_permission(known, now)
    target, why = _target(known, now)
    allowed = _allowed(known)
    market = known.case.listed.market
    low, high = MARKET_LIMITS.get(market, (Fraction(), Fraction(MOST_PRICE)))
    return _Frame(
        before,
        min(max(down(target), allowed.low), allowed.high),
        allowed,
        _own_limits(known, before, now),
        _Range(up(before * low), min(down(before * high), MOST_PRICE)),
        why,
        known.has_margin,
    )


def _price_now(known: _Known) -> Money:
    it = known.case.listed
    if it.price is None or it.seen_at is None:
        raise _Refused("the market's price was never read")
    if not 0 < it.price <= MOST_PRICE:
        raise _Refused(f"the market shows {it.price:,} won, which is no price")
    if known.case.past and known.case.past[-1].at > it.seen_at:
        raise _Refused("the market's price was last read before our last change")
    return it.price


def _check_permission(known: _Known, now: datetime) -> None:
    terms, case = known.terms, known.case
    if not case.listed.parts:
        raise _Refused("no SKU stands behind the option")
    if case.listed.sku is None:
        raise _Refused("a bundle of several SKUs is priced by hand")
    if not terms["opt_in"]:
        raise _Refused("the product is not opted in: no rule of its SKU has opt_in")
    if terms["mode"] is None:
        raise _Refused("no rule says a mode")
    if case.is_waiting:
        raise _Refused("an approved price still waits to be sent")
    start, end = terms["quiet_from"], terms["quiet_until"]
    if start is not None and end is not None and is_quiet(now, start, end):
        raise _Refused(f"quiet hours {start:%H:%M} to {end:%H:%M}")
    minutes = terms["cooldown_minutes"]
    if minutes and case.past and now - case.past[-1].at < timedelta(minutes=minutes):
        raise _Refused(f"changed less than {minutes} minutes ago")


def _target(known: _Known, now: datetime) -> tuple[Fraction, str]:
    """Return what the mode asks for, and its words. Raises: _Refused: it asks for nothing."""
    terms = known.terms
    if terms["mode"] == Mode.FIXED:
        if terms["price"] is None:
            raise _Refused("mode fixed without a price")
        return Fraction(terms["price"]), f"fixed at {terms['price']:,}"
    used, ignored = sift(known.case.rivals, known.cost, terms, now)
    if not used:
        raise _Refused(_nobody(ignored))
    lowest = used[0]
    words = f"lowest competitor {lowest.competitor} ({lowest.source}) {lowest.price:,}"
    if terms["mode"] == Mode.LOWEST:
        return Fraction(lowest.price), words
    rate, amount = fraction(terms["undercut_rate"]) or 0, terms["undercut_amount"] or 0
    if not rate and not amount:
        raise _Refused("mode undercut without amount or rate")
    return lowest.price * (1 - Fraction(rate)) - amount, f"{words}, undercut"


def _nobody(ignored: list[tuple[Rival, str]]) -> str:
    if not ignored:
        return "no competitor's price is known"
    kinds = sorted({why for _, why in ignored})
    return f"no usable price among {len(ignored)} of competitors ({'; '.join(kinds[:3])})"


def _allowed(known: _Known) -> _Range:
    """Return floor and ceiling, the minimum margin included. Raises: _Refused: none between."""
    terms = known.terms
    low = max(up(terms["floor"] or 0), STEP)
    high = min(down(MOST_PRICE if terms["ceiling"] is None else terms["ceiling"]), MOST_PRICE)
    if known.cost is not None:  # an unknown fee is at least none
        least = lowest_price(
            known.cost,
            known.fee_rate or ZERO,
            min_margin=terms["min_margin"] or 0,
            min_margin_rate=fraction(terms["min_margin_rate"]) or ZERO,
        )
        if least is None:
            raise _Refused("no price leaves the minimum margin after the fee")
        low = max(low, least)
    if low > high:
        raise _Refused(f"floor or minimum margin ({low:,}) lies above the ceiling ({high:,})")
    return _Range(low, high)


def _own_limits(known: _Known, before: Money, now: datetime) -> _Range:
    low, high = 0, MOST_PRICE
    today = clock.kst_day(now)
    first = next((it for it in known.case.past if clock.kst_day(it.at) == today), None)
    morning = before if first is None else first.before
    for name, base in (("run_change_rate", before), ("day_change_rate", morning)):
        rate = fraction(known.terms[name])
        if rate is not None:
            low, high = max(low, up(base * (1 - rate))), min(high, down(base * (1 + rate)))
    return _Range(min(low, before), max(high, before))  # another may have moved it: not forced back


def _shift(frames: Sequence[_Frame], market: str) -> tuple[int, bool]:
    """Return by how much all move, and whether a person decides. Raises: _Refused."""
    first = frames[0]
    if any((it.before - first.before) % STEP for it in frames):
        raise _Refused("prices of the listing's options differ by less than tens of won")
    room = _common([(it.before, it.allowed) for it in frames])
    if room is None:
        raise _Refused("no one shift keeps every option of the listing within floor and ceiling")
    least = min(it.before for it in frames)  # its base price is one of them, so at least this
    lowest, highest = MARKET_LIMITS.get(market, (Fraction(), Fraction(MOST_PRICE)))
    theirs = _common([(it.before, it.market) for it in frames])
    grounds = _Range(ceil(least * (lowest - 1)), floor(least * (highest - 1)))
    theirs = _overlap(theirs, grounds)
    within = _overlap(room, theirs)
    if within is None:
        raise _Refused(
            f"{market} takes no single change as large as floor, margin or ceiling need: "
            "change it in steps by hand"
        )
    wanted = max(it.wanted - it.before for it in frames)
    own = _overlap(within, _common([(it.before, it.own) for it in frames]))
    shift = _nearest(wanted, own or within, first.before)
    if shift is None:
        raise _Refused("no price in tens of won lies within the limits")
    if shift == 0:
        raise _Refused(f"{first.why}: the price is right as it is")
    if shift < 0 and not all(it.can_fall for it in frames):
        raise _Refused(f"{first.why}: no decrease, because cost or fee rate is not known")
    return shift, own is None


def _common(ranges: Iterable[tuple[Money, _Range]]) -> _Range | None:
    """Return the shifts that keep every price within its range; None when there is none."""
    shifts = [_Range(it.low - before, it.high - before) for before, it in ranges]
    return _filled(max(it.low for it in shifts), min(it.high for it in shifts))


def _overlap(one: _Range | None, other: _Range | None) -> _Range | None:
    if one is None or other is None:
        return None
    return _filled(max(one.low, other.low), min(one.high, other.high))


def _filled(low: int, high: int) -> _Range | None:
    return _Range(low, high) if low <= high else None


def _nearest(wanted: int, within: _Range, before: Money) -> int | None:
    """Return the shift in `within` nearest to the wanted one that ends in tens of won."""
    low, high = up(before + within.low), down(before + within.high)
    if low > high:
        return None
    return min(max(down(before + wanted), low), high) - before


def _changed(
    known: _Known, frame: _Frame, after: Money, *, needs_review: bool, now: datetime
) -> PriceDecision:
    terms = known.terms
    reason = frame.why
    if after != frame.wanted:
        reason += f"; limits leave {after:,}"
    elif frame.wanted == frame.allowed.low:
        reason += f"; held at floor or minimum margin {after:,}"
    elif frame.wanted == frame.allowed.high:
        reason += f"; held at ceiling {after:,}"
    if needs_review:
        reason += "; beyond the largest change, so a person decides"
    return PriceDecision(
        known.case.listed,
        frame.before,
        after,
        known.margin(after),
        _rule_id(terms),
        f"{_rule_name(terms)}{reason}",
        _inputs(known, now),
        needs_review,
    )


def _unchanged(known: _Known, reason: str, now: datetime) -> PriceDecision:
    it = known.case.listed
    kept = known.margin(it.price)
    rule_id = _rule_id(known.terms)
    text = f"{_rule_name(known.terms)}{reason}"
    return PriceDecision(it, it.price, None, kept, rule_id, text, _inputs(known, now))


def _rule_id(terms: Terms) -> int | None:
    return None if terms.rule is None else terms.rule.id


def _rule_name(terms: Terms) -> str:
    return "" if terms.rule is None else f"rule {terms.rule.id} ({terms.rule.scope}): "


def _inputs(known: _Known, now: datetime) -> dict[str, Any]:
    """Return what the decision was made from, as JSON holds it."""
    case = known.case
    used, ignored = sift(case.rivals, known.cost, known.terms, now)
    return {
        "decided_at": now.isoformat(),
        "price": case.listed.price,
        "seen_at": case.listed.seen_at and case.listed.seen_at.isoformat(),
        "parts": [list(part) for part in case.listed.parts],
        "category": case.listed.category,
        "cost": known.cost,
        "terms": {
            name: value if isinstance(value, int | bool) else str(value)
            for name, value in known.terms.values.items()
            if value is not None
        },
        "said_by": dict(known.terms.said_by),
        "competitors": len(used),
        "competitors_ignored": len(ignored),
        "used": [_shown(it) for it in used[:MOST_SHOWN]],
        "ignored": [_shown(it) | {"why": why} for it, why in ignored[:MOST_SHOWN]],
        "changes": [[it.at.isoformat(), it.before, it.after] for it in case.past[-MOST_SHOWN:]],
    }


def _shown(rival: Rival) -> dict[str, Any]:
    return rival._asdict() | {"seen_at": rival.seen_at.isoformat()}
