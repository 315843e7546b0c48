"""Asset checks: does the warehouse hold what the market lists, once, and understood?"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
from pydantic import Field

from erp_assets import clock
from erp_assets.clock import Window
from erp_assets.collecting import WINDOWED
from erp_assets.defs.ingest import FRESH_WITHIN
from erp_assets.defs.resources import Platform
from erp_assets.defs.tickets import explained, failures
from erp_assets.errors import ErpError
from erp_assets.scheduling.working import Ticket
from erp_assets.warehouse import queries

SHOWN = 10
"""How many missing or doubled keys a result names."""


class ControlTotalConfig(dg.Config):
    """days_back: how many KST days up to now are counted. accounts: all enabled ones when empty."""

    days_back: int = 2
    accounts: list[str] = Field(default_factory=list)


@dg.asset_check(
    asset=["market", "orders"],
    description="Every order line the market lists for the last days is stored.",
)
def control_total(
    context: dg.AssetCheckExecutionContext,
    config: ControlTotalConfig,
    platform: dg.ResourceParam[Platform],
    ticket: dg.ResourceParam[Ticket],
) -> dg.AssetCheckResult:
    """List the market again, independently of the collection, and look for each key."""
    now = platform.now()
    window = Window(clock.day_start(clock.kst_day(now - timedelta(days=config.days_back))), now)
    with failures(ticket):
        asked = platform.enabled(config.accounts)
    found = {account.key: control_account(platform, account.key, window) for account in asked}
    return dg.AssetCheckResult(
        passed=all(total.get("missing") == 0 for total in found.values()),
        metadata={"window": f"{window.since} … {window.until}", "accounts": found},
    )


def control_account(platform: Platform, key: str, window: Window) -> dict[str, Any]:
    """Count one account: orders and lines at the market, lines missing here.

    An account that cannot be asked is told by its `error`, and leaves the others their count.
    """
    try:
        listed = platform.collect(key, lambda it: it.market.line_keys(*window), run_id=None)
    except ErpError as error:
        return {"error": explained(error)}
    with platform.warehouse.transaction() as db:
        missing = sorted(queries.lines_not_stored(db, platform.account(key).id, listed))
    return {
        "orders_at_market": len({order_no for order_no, _ in listed}),
        "lines_at_market": len(listed),
        "missing": len(missing),
        "first_missing": [" ".join(pair) for pair in missing[:SHOWN]],
    }


def duplicate_check(kind: str) -> dg.AssetChecksDefinition:
    """Return the check that no row of `kind` is stored twice."""

    @dg.asset_check(
        name=f"no_duplicate_{kind}",
        asset=["market", kind],
        description="What the market identifies by one key is one row here, whatever month it is "
        "filed under.",
    )
    def no_duplicate(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        with platform.warehouse.transaction() as db:
            doubled = queries.doubled_keys(db, kind, limit=SHOWN)
        return dg.AssetCheckResult(
            passed=not doubled,
            metadata={"first_doubled": [f"{table} {it}: {key}" for table, it, key in doubled]},
        )

    return no_duplicate


def fresh_check(kind: str) -> dg.AssetChecksDefinition:
    """Return the check that every account's `kind` was read lately.

    Dagster's freshness policy looks at the asset as a whole, so one account that stands still
    hides behind the others.
    """

    @dg.asset_check(
        name=f"fresh_{kind}",
        asset=["market", kind],
        description="Each enabled account was collected within the freshness window.",
    )
    def fresh(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        with platform.warehouse.transaction() as db:
            reached = {
                account.key: queries.collected_until(db, account.id, kind)
                for account in platform.settings.enabled_accounts
            }
        oldest = platform.now() - FRESH_WITHIN
        stale = sorted(key for key, until in reached.items() if until is None or until < oldest)
        told = {key: until.isoformat() if until else None for key, until in reached.items()}
        return dg.AssetCheckResult(
            passed=not stale, metadata={"stale": stale, "collected_until": told}
        )

    return fresh


def rejected_check(kind: str, raw_kind: str) -> dg.AssetChecksDefinition:
    """Return the check that no row of `kind` waits in rejected_rows."""

    @dg.asset_check(
        name=f"no_rejected_{kind}",
        asset=["market", kind],
        description="No row of the market waits in rejected_rows because it was not understood.",
    )
    def no_rejected(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        with platform.warehouse.transaction() as db:
            waiting = queries.rejected_by_account(db, raw_kind)
        return dg.AssetCheckResult(
            passed=not waiting,
            metadata={"rows": sum(waiting.values()), "by_account": waiting},
        )

    return no_rejected


def checks() -> Sequence[dg.AssetChecksDefinition]:
    """Return every check."""
    return [
        control_total,
        *(duplicate_check(kind) for kind in queries.IDENTITIES),
        *(fresh_check(kind) for kind in WINDOWED),
        *rejected_checks(),
    ]


def rejected_checks() -> Iterator[dg.AssetChecksDefinition]:
    """Yield one check per kind; stock and prices come from the rows called offers."""
    for kind in ("products", "stock", "prices", "orders", "claims"):
        yield rejected_check(kind, "offers" if kind in ("stock", "prices") else kind)
