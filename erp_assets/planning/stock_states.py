"""What is wrong with the stock of each SKU, and what of it is news. Pure.

One alert per change of state and one notice when all is well again, however often it is looked
at. Unknown, oversold, sold out and low exclude each other; drift comes and goes by itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from erp_assets.planning.stock import available
from erp_assets.warehouse.stock_queries import Finding, Position, State


class Levels(NamedTuple):
    """When stock counts as low, for SKUs that do not say otherwise.

    low_at: at or below so many pieces. cover_days: when it lasts fewer days than this at the
    pace of the last `window_days` days; None = not looked at.
    """

    low_at: int = 10
    cover_days: int | None = None
    window_days: int = 28


USUAL = Levels()


class Transition(NamedTuple):
    """One piece of news about a SKU.

    state: what it is in now, or has left when `recovered`. was: the state it came from, if any;
    drift comes from none.
    """

    sku_id: int
    state: State
    was: State | None
    recovered: bool
    details: Mapping[str, int] = {}


def assess(
    positions: Iterable[Position],
    *,
    sold: Mapping[int, int],
    drifted: Mapping[int, int],
    levels: Levels = USUAL,
) -> dict[int, tuple[Finding, ...]]:
    """Return the states each SKU is in; an empty tuple when all is well.

    sold: pieces by SKU within the last levels.window_days. drifted: options that drift, by SKU.
    """
    now = {}
    for position in positions:
        level = _level(position, sold.get(position.sku_id, 0), levels)
        options = drifted.get(position.sku_id)
        drift = Finding(State.DRIFT, {"options": options}) if options else None
        now[position.sku_id] = tuple(it for it in (level, drift) if it is not None)
    return now


def _level(position: Position, sold: int, levels: Levels) -> Finding | None:
    left = available(position)
    if left is None:
        return Finding(State.UNKNOWN)
    if left <= 0:
        return Finding(State.OVERSOLD if left < 0 else State.SOLD_OUT, {"available": left})
    low_at = levels.low_at if position.low_at is None else position.low_at
    if left <= low_at:
        return Finding(State.LOW, {"available": left, "low_at": low_at})
    days = levels.cover_days if position.cover_days is None else position.cover_days
    if days is not None and left * levels.window_days < sold * days:
        lasts = left * levels.window_days // sold
        return Finding(State.LOW, {"available": left, "lasts_days": lasts, "cover_days": days})
    return None


def transitions(
    before: Mapping[int, Collection[State]], now: Mapping[int, Sequence[Finding]]
) -> list[Transition]:
    """Return what changed, by SKU; a SKU that `now` does not name was not looked at.

    Better but not well (sold out, now low) is a change like any other, not a recovery.
    """
    news = []
    for sku_id in sorted(now):
        past, found = before.get(sku_id, ()), now[sku_id]
        for is_drift in (False, True):
            was = next((it for it in past if (it == State.DRIFT) == is_drift), None)
            current = next((it for it in found if (it.state == State.DRIFT) == is_drift), None)
            if current is not None and current.state != was:
                news.append(Transition(sku_id, current.state, was, False, current.details))
            elif current is None and was is not None:
                news.append(Transition(sku_id, was, was, True))
    return news
