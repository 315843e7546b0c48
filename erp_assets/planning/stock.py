"""Positions and policies → the quantity each listing is to show, and why. Pure.

Available = ledger - reserved - safety stock, in pieces of a SKU; below zero it is oversold. Of
the policies that fit a SKU at an account the most specific counts, alone: SKU and account, SKU,
category and account, category, account, everything, else the shared pool. It limits the pieces
of that SKU; a bundle shows what the scarcest of its SKUs makes up.

Shares: as soon as one listing of a SKU is weighted, all its listings divide the stock, those
without a weight as if theirs were 1, excluded ones not at all. Largest remainder, so that shares
never add to more than there is; one share may then fall by one piece while the stock grows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import NamedTuple

from erp_assets.warehouse.stock_queries import (
    Drift,
    Listing,
    ListingKey,
    Policy,
    PolicyKind,
    Position,
)

CEILINGS: Mapping[str, int] = {"coupang": 99_999, "naver": 99_999_999, "eleven": 999_999}
"""Largest stock a market takes: Coupang 4.7, Naver 4.5 (stockQuantity), 11st 4.3."""

SHARED_POOL = Policy(0)
"""What counts where no policy fits."""


class Reason(StrEnum):
    """What set the quantity, or why none is written."""

    POOL = "pool"
    SHARE = "share"
    CAP = "cap"
    BUFFER = "buffer"
    CEILING = "ceiling"
    STOPPED = "stopped"
    SOLD_OUT = "sold_out"
    OVERSOLD = "oversold"
    EXCLUDED = "excluded"
    STOCK_UNKNOWN = "stock_unknown"
    UNMAPPED = "unmapped"


class Decision(NamedTuple):
    """What one listing is to show.

    target: units; None = never to be written. cover: units the stock makes up, policies aside.
    policy_id: the policy that counted; None = the shared pool by default.
    sku_id: the SKU that set the quantity, or forbids to write it.
    """

    listing: Listing
    target: int | None
    cover: int
    reason: Reason
    policy_id: int | None = None
    sku_id: int | None = None


class Risk(IntEnum):
    """What may happen until the market is told; the lowest number is told first."""

    OVERSELLS = 1
    UNREAD = 2
    SELLS_OUT = 3
    FALLS = 4
    RISES = 5
    OFF_SALE = 6


class Change(NamedTuple):
    """A decision the market has to be told."""

    risk: Risk
    decision: Decision


class Written(NamedTuple):
    """The last confirmed write of a listing, of those the market was read after.

    moved: was a sale, cancel or return of it seen since?
    """

    stock: int
    moved: bool


def available(position: Position) -> int | None:
    """Return the pieces that may be sold; below 0 when oversold, None when unknown."""
    if position.on_hand is None:
        return None
    return position.on_hand - position.reserved - position.safety


class Policies:
    """Finds the policy that counts for a SKU at an account."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        """Of two policies of the same scope the later id counts."""
        known = sorted(policies, key=lambda it: it.id)
        self._by_scope = {(it.sku_id, it.category, it.account_id): it for it in known}
        self._named = {it.sku_id for it in known if it.sku_id is not None}
        self._wide: dict[tuple[str | None, int], Policy] = {}
        self.has_weights = any(it.kind is PolicyKind.WEIGHTED for it in known)

    def of(self, sku_id: int, category: str | None, account_id: int) -> Policy:
        """Return the most specific policy."""
        if sku_id in self._named:
            for scope in ((sku_id, None, account_id), (sku_id, None, None)):
                if scope in self._by_scope:
                    return self._by_scope[scope]
        found = self._wide.get((category, account_id))
        if found is None:
            found = self._wide[category, account_id] = self._widest(category, account_id)
        return found

    def _widest(self, category: str | None, account_id: int) -> Policy:
        scopes = (
            (None, category, account_id),
            (None, category, None),
            (None, None, account_id),
            (None, None, None),
        )
        return next((self._by_scope[it] for it in scopes if it in self._by_scope), SHARED_POOL)


UNKNOWN: tuple[int | None, str | None] = (None, None)
"""Available pieces and category of a SKU without a position."""


class _Part(NamedTuple):
    """One SKU of one listing. available: pieces of it that may be sold; None = unknown."""

    sku_id: int
    pieces: int
    available: int | None
    policy: Policy


class _Stock:
    """Available pieces and policies of all SKUs, and the shares of the listings in them."""

    def __init__(
        self, positions: Iterable[Position], listings: Sequence[Listing], policies: Policies
    ) -> None:
        self._skus = {it.sku_id: (available(it), it.category) for it in positions}
        self._policies = policies
        self._shares = self._divided(listings) if policies.has_weights else {}

    def parts(self, listing: Listing) -> list[_Part]:
        found, account = [], listing.account_id
        for sku_id, pieces in listing.parts:
            left, category = self._skus.get(sku_id, UNKNOWN)
            policy = self._policies.of(sku_id, category, account)
            found.append(_Part(sku_id, pieces, left, policy))
        return found

    def limit(self, part: _Part, listing: Listing) -> tuple[int, Reason]:
        """Return the pieces of a SKU that a listing may use, and what limits them."""
        left, policy = part.available or 0, part.policy
        if left <= 0:
            return 0, Reason.OVERSOLD if left < 0 else Reason.SOLD_OUT
        if left <= policy.stop_at:
            return 0, Reason.STOPPED
        shares = self._shares.get(part.sku_id)
        if shares is not None:
            pieces, reason = shares[listing.key], Reason.SHARE
        elif policy.buffer:
            pieces, reason = max(left - policy.buffer, 0), Reason.BUFFER
        else:
            pieces, reason = left, Reason.POOL
        if policy.cap is not None and policy.cap < pieces:
            return policy.cap, Reason.CAP
        return pieces, reason

    def _divided(self, listings: Iterable[Listing]) -> dict[int, dict[ListingKey, int]]:
        """Divide each SKU with a weighted listing; what is held back is the largest buffer."""
        members: dict[int, list[Listing]] = {}
        weighted = set()
        for listing in listings:
            found = [(sku_id, self._policy(sku_id, listing)) for sku_id, _ in listing.parts]
            if any(policy.kind is PolicyKind.EXCLUDED for _, policy in found):
                continue
            for sku_id, policy in found:
                members.setdefault(sku_id, []).append(listing)
                if policy.kind is PolicyKind.WEIGHTED:
                    weighted.add(sku_id)
        return {sku_id: self._shares_of(sku_id, sorted(members[sku_id])) for sku_id in weighted}

    def _shares_of(self, sku_id: int, listings: Sequence[Listing]) -> dict[ListingKey, int]:
        policies = [self._policy(sku_id, it) for it in listings]
        left = (self._skus.get(sku_id, UNKNOWN)[0] or 0) - max(it.buffer for it in policies)
        shares = divide(max(left, 0), [_weight(it) for it in policies])
        return {it.key: share for it, share in zip(listings, shares, strict=True)}

    def _policy(self, sku_id: int, listing: Listing) -> Policy:
        category = self._skus.get(sku_id, UNKNOWN)[1]
        return self._policies.of(sku_id, category, listing.account_id)


def _weight(policy: Policy) -> int:
    return policy.weight if policy.kind is PolicyKind.WEIGHTED else 1


def divide(pieces: int, weights: Sequence[int]) -> list[int]:
    """Divide pieces by weight: largest remainder, the earlier of equals first, nothing left over.

    All weights 0: nobody gets any.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    shares = [pieces * it // whole for it in weights]
    order = sorted(range(len(weights)), key=lambda n: -(pieces * weights[n] % whole))
    for n in order[: pieces - sum(shares)]:
        shares[n] += 1
    return shares


def plan(
    positions: Iterable[Position],
    listings: Sequence[Listing],
    policies: Iterable[Policy],
    *,
    sku_ids: Collection[int] | None = None,
) -> list[Decision]:
    """Decide what each listing is to show, in the order they came.

    sku_ids: only the listings of these SKUs. All listings of every SKU inside those have to be
    among `listings` all the same, because they share its stock (stock_queries.listings does so).
    """
    stock = _Stock(positions, listings, Policies(policies))
    wanted = (
        listings
        if sku_ids is None
        else [it for it in listings if any(sku_id in sku_ids for sku_id, _ in it.parts)]
    )
    return [_decide(it, stock) for it in wanted]


def _decide(listing: Listing, stock: _Stock) -> Decision:
    parts = stock.parts(listing)
    if not parts:
        return Decision(listing, None, 0, Reason.UNMAPPED)
    forbidden = _forbidden(listing, parts)
    if forbidden is not None:
        return forbidden
    ceiling = CEILINGS[listing.market]
    target, reason, by = ceiling, Reason.CEILING, parts[0]
    cover = None
    for part in parts:
        pieces, limited_by = stock.limit(part, listing)
        whole = max(part.available or 0, 0) // part.pieces
        cover = whole if cover is None else min(cover, whole)
        if pieces // part.pieces < target:
            target, reason, by = pieces // part.pieces, limited_by, part
    return Decision(listing, target, cover or 0, reason, by.policy.id or None, by.sku_id)


def _forbidden(listing: Listing, parts: Sequence[_Part]) -> Decision | None:
    """Return the decision not to write; a policy that excludes stands above unknown stock."""
    for part in parts:
        if part.policy.kind is PolicyKind.EXCLUDED:
            return Decision(listing, None, 0, Reason.EXCLUDED, part.policy.id, part.sku_id)
    for part in parts:
        if part.available is None:
            policy_id = part.policy.id or None
            return Decision(listing, None, 0, Reason.STOCK_UNKNOWN, policy_id, part.sku_id)
    return None


def changes(decisions: Iterable[Decision]) -> list[Change]:
    """Return what the markets have to be told, largest risk first.

    First what would oversell now, because the market shows more than the stock makes up; then
    what was never read; then what sells out, what falls, what rises, and last what nobody can
    buy. Within each, the fewer units buyers still find that exist, the sooner it goes wrong;
    then the larger difference; then by key, so that the order is always the same.
    """
    found = [
        Change(_risk(it), it)
        for it in decisions
        if it.target is not None and it.target != it.listing.shown
    ]
    return sorted(found, key=_urgency)


def _risk(decision: Decision) -> Risk:
    listing, target = decision.listing, decision.target or 0
    if not listing.on_sale:
        return Risk.OFF_SALE
    if listing.shown is None:
        return Risk.UNREAD
    if listing.shown > decision.cover:
        return Risk.OVERSELLS
    if target == 0:
        return Risk.SELLS_OUT
    return Risk.FALLS if target < listing.shown else Risk.RISES


def _urgency(change: Change) -> tuple[int, int, int, Listing]:
    risk, (listing, target, cover, *_) = change
    shown = listing.shown or 0
    return risk, min(cover, shown), -abs((target or 0) - shown), listing


def drifts(listings: Iterable[Listing], written: Mapping[ListingKey, Written]) -> list[Drift]:
    """Return the listings that show what we did not write although nobody bought or cancelled."""
    return [
        Drift(sku_id, *listing.key, last.stock, listing.shown)
        for listing in listings
        if (last := written.get(listing.key)) is not None
        and not last.moved
        and listing.shown is not None
        and listing.shown != last.stock
        for sku_id, _ in listing.parts
    ]
