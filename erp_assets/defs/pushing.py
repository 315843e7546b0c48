"""What runs do with the outbox: plan in one transaction, then send account by account."""

from contextlib import suppress

from erp_assets.collecting import Collector
from erp_assets.defs.resources import Platform
from erp_assets.markets import Market
from erp_assets.planning import outbox, pricing, syncing
from erp_assets.planning.outbox import Drained
from erp_assets.planning.pricing import PlanMode, Planned
from erp_assets.planning.syncing import StockPlan
from erp_assets.warehouse.engine import PushRunning, Warehouse


def push_stock(platform: Platform, key: str, *, run_id: str) -> tuple[StockPlan, Drained]:
    """Find out what became of earlier writes, plan the account's stock, send the differences."""
    account = platform.account(key)
    earlier = platform.collect(
        key, lambda it: outbox.recover(*_of(it), run_id=run_id), run_id=run_id
    )
    with platform.warehouse.transaction() as db:
        plan = syncing.plan_stock(db, now=platform.now(), run_id=run_id, accounts=[account.id])
    drained = _drain(platform, key, run_id)
    drained.confirmed[:0], drained.failed[:0] = earlier.confirmed, earlier.failed
    drained.error = drained.error or earlier.error
    return plan, drained


def push_touched(platform: Platform, *, run_id: str) -> dict[str, Drained]:
    """Show the stock of what was just sold at every account that lists it, right away.

    An account whose outbox another process empties gets its rows sent by that one.
    """
    with platform.warehouse.transaction() as db:
        syncing.plan_stock(db, now=platform.now(), run_id=run_id, touched=())
        waiting = [
            it.key for it in platform.settings.enabled_accounts if outbox.open_pushes(db, it.id)
        ]
    found = {}
    for key in waiting:
        with suppress(PushRunning):
            found[key] = _drain(platform, key, run_id, read_back=False)
    return found


def push_prices(
    platform: Platform, key: str, *, mode: PlanMode, run_id: str
) -> tuple[Planned, Drained, dict[str, int]]:
    """Plan the account's prices and send those that are approved."""
    account = platform.account(key)
    with platform.warehouse.transaction() as db:
        plan = pricing.plan_account(db, account.id, mode=mode, now=platform.now(), run_id=run_id)
        syncing.push_prices(db, account.id, now=platform.now(), run_id=run_id)
    drained = _drain(platform, key, run_id)
    with platform.warehouse.transaction() as db:
        told = syncing.settle_prices(db, account.id, now=platform.now(), run_id=run_id)
    return plan, drained, told


def _drain(platform: Platform, key: str, run_id: str, *, read_back: bool = True) -> Drained:
    return platform.collect(
        key,
        lambda it: outbox.drain(*_of(it), run_id=run_id, read_back=read_back),
        run_id=run_id,
    )


def _of(it: Collector) -> tuple[Warehouse, Market, int]:
    return it.warehouse, it.market, it.account_id
