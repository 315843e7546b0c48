"""What planning costs: every listing's quantity, and what the markets have to be told."""

import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, NamedTuple

from erp_assets.bench.surroundings import peak_mb
from erp_assets.planning.stock import Written, changes, drifts, plan
from erp_assets.planning.stock_states import assess, transitions
from erp_assets.warehouse.stock_queries import (
    Drift,
    Listing,
    ListingKey,
    Policy,
    PolicyKind,
    Position,
)

SKUS = 100_000
MARKETS = {1: "coupang", 2: "naver", 3: "eleven"}
CATEGORIES = [f"category {n}" for n in range(20)]
REPEATS = 3
SPAWN = multiprocessing.get_context("spawn")


class Shop(NamedTuple):
    """What planning is given."""

    positions: list[Position]
    listings: list[Listing]
    policies: list[Policy]
    written: dict[ListingKey, Written]


def shop(skus: int) -> Shop:
    """Return a shop of `skus` SKUs with three listings each; always the same one.

    A tenth of the listings are bundles, a fifth of the SKUs is divided by weight, one in a hundred
    has a policy of its own, and for a third the market shows something else than it should.
    """
    chance = random.Random(7)  # noqa: S311 - figures, no secrets
    positions, listings, written = [], list[Listing](), {}
    for sku_id in range(1, skus + 1):
        on_hand, category = chance.randrange(-2, 200), CATEGORIES[sku_id % len(CATEGORIES)]
        positions.append(Position(sku_id, on_hand, chance.randrange(3), 2, category))
        for account, market in MARKETS.items():
            is_bundle = chance.random() < 0.1
            parts = ((sku_id, 2), (sku_id % skus + 1, 1)) if is_bundle else ((sku_id, 1),)
            key = (account, str(10**9 + sku_id), str(sku_id))
            listings.append(Listing(*key, market, parts, shown=None))
    policies = _policies(skus)
    for n, (listing, target, *_) in enumerate(plan(positions, listings, policies)):
        shown = chance.randrange(60) if chance.random() < 1 / 3 else target
        listings[n] = listing._replace(shown=shown)
        written[listing.key] = Written(target or 0, moved=chance.random() < 0.9)
    return Shop(positions, listings, policies, written)


def _policies(skus: int) -> list[Policy]:
    rows: list[dict[str, Any]] = [
        *({"account_id": account, "buffer": account} for account in MARKETS),
        *({"category": it, "kind": PolicyKind.WEIGHTED, "weight": 3} for it in CATEGORIES[:4]),
        *({"category": it, "account_id": 2, "cap": 30} for it in CATEGORIES[4:8]),
        *({"sku_id": sku_id, "stop_at": 3} for sku_id in range(1, skus, 100)),
    ]
    return [Policy(number, **row) for number, row in enumerate(rows, start=1)]


def _timed(act: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    found = act()
    return time.perf_counter() - started, found


def _planner(pipe: Connection, skus: int) -> None:
    given = shop(skus)

    def quantities() -> int:
        return len(changes(plan(given.positions, given.listings, given.policies)))

    def states() -> int:
        drifting: list[Drift] = drifts(given.listings, given.written)
        found = assess(given.positions, sold={}, drifted={it.sku_id: 1 for it in drifting})
        return len(transitions({}, found))

    planned = [_timed(quantities) for _ in range(REPEATS)]
    assessed = [_timed(states) for _ in range(REPEATS)]
    pipe.send(
        {
            "seconds": median(seconds for seconds, _ in planned),
            "states_seconds": median(seconds for seconds, _ in assessed),
            "changes": planned[0][1],
            "news": assessed[0][1],
            "peak_rss_mb": peak_mb(),
        }
    )


def _in_a_fresh_process(skus: int) -> dict[str, Any]:
    mine, theirs = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=_planner, args=(theirs, skus))
    process.start()
    theirs.close()
    try:
        told: dict[str, Any] = mine.recv()
    finally:
        process.join()
    return told


def stock() -> dict[str, Any]:
    """Plan half the SKUs, then all, three listings each; the middle of three runs.

    Each size in a fresh process; its memory holds what planning is given, too. Drift, states and
    their news are timed apart.
    """
    half, whole = _in_a_fresh_process(SKUS // 2), _in_a_fresh_process(SKUS)
    return {
        "skus": SKUS,
        "listings": SKUS * len(MARKETS),
        "changes": whole["changes"],
        "seconds": round(whole["seconds"], 2),
        "target": 3.0,
        "ratio_to_half_the_skus": round(whole["seconds"] / half["seconds"], 2),
        "ratio_target": 2.2,
        "peak_rss_mb": round(whole["peak_rss_mb"]),
        "target_mb": 500,
        "states_seconds": round(whole["states_seconds"], 2),
        "news": whole["news"],
    }
