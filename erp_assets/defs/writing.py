"""Jobs that write to the markets: stock after every collection of orders, prices as approved."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from erp_assets.defs.ingest import OWNERS, report_days
from erp_assets.defs.pushing import push_prices, push_stock
from erp_assets.defs.resources import Platform
from erp_assets.defs.tickets import ACCOUNT_TAG, failures, settle
from erp_assets.planning.outbox import Drained
from erp_assets.planning.syncing import StockPlan
from erp_assets.scheduling.job_types import PriceUpdate
from erp_assets.scheduling.working import Ticket

STOCK = dg.AssetKey(["stock", "listed"])
PRICES = dg.AssetKey(["prices", "listed"])


def written(
    accounts: dg.StaticPartitionsDefinition, columns: Mapping[str, dg.TableSchema]
) -> list[dg.AssetSpec]:
    """Describe what the platform shows at the markets, one partition per account."""
    return [
        dg.AssetSpec(
            STOCK,
            deps=[["market", "orders"], ["market", "claims"], ["market", "stock"]],
            group_name="stock",
            description="Stock as the markets are to show it: ledger and policies in, "
            "market_pushes out.",
            owners=OWNERS,
            kinds={"postgres", "http"},
            partitions_def=accounts,
            metadata={
                "dagster/table_name": "market_pushes",
                "dagster/column_schema": columns["market_pushes"],
            },
        ),
        dg.AssetSpec(
            PRICES,
            deps=[["market", "prices"]],
            group_name="prices",
            description="Prices as planned and approved: rules and competitors in, "
            "market_pushes out.",
            owners=OWNERS,
            kinds={"postgres", "http"},
            partitions_def=accounts,
            metadata={
                "dagster/table_name": "price_plans",
                "dagster/column_schema": columns["price_plans"],
            },
        ),
    ]


NOTHING_KNOWN = (
    "nothing could be written: no option of this account is mapped to a SKU that was counted, "
    "or all are excluded; see `erp skus unmapped` and `erp stock count`"
)
NO_SOURCE = "competitors' prices were not read: no source is configured, see `erp prices`"


class AccountConfig(dg.Config):
    """account: whose listings; taken from the schedule where it starts the run."""

    account: str = ""


@dg.op(description="Collect the orders of an account, then show its stock at the market.")
def show_stock(
    context: dg.OpExecutionContext,
    config: AccountConfig,
    platform: dg.ResourceParam[Platform],
    ticket: dg.ResourceParam[Ticket],
) -> dict[str, Any]:
    """Orders first: stock that does not know of a sale would sell it again."""
    key = _account(context, config, platform, ticket)
    with failures(ticket):
        window = platform.routine(key, "orders")
        collected = platform.collect_days(key, "orders", window, run_id=context.run_id)
    report_days(context, key, "orders", collected)
    settle(ticket, collected)
    with failures(ticket):
        plan, drained = push_stock(platform, key, run_id=context.run_id)
    facts = stock_facts(plan, drained)
    context.log_event(dg.AssetMaterialization(STOCK, partition=key, metadata=facts))
    unknown = sum(plan.reasons.values()) == plan.listings
    outcome = _told(ticket, "stock", facts, drained, errors=[NOTHING_KNOWN] if unknown else [])
    return {"outcome": outcome, **facts}


@dg.op(description="Plan the prices of an account, then send those that are approved.")
def show_prices(
    context: dg.OpExecutionContext,
    config: AccountConfig,
    platform: dg.ResourceParam[Platform],
    ticket: dg.ResourceParam[Ticket],
) -> dict[str, Any]:
    """Nothing is sent that no person and no guard has let through."""
    key = _account(context, config, platform, ticket)
    with failures(ticket):
        wanted = PriceUpdate.model_validate(dict(ticket.order.parameters) if ticket.order else {})
        planned, drained, settled = push_prices(
            platform, key, mode=wanted.mode, run_id=context.run_id
        )
    facts = {**planned._asdict(), **settled, **_drained(drained)}
    context.log_event(dg.AssetMaterialization(PRICES, partition=key, metadata=facts))
    unread = [NO_SOURCE] if wanted.update_competitors else []
    outcome = _told(ticket, "prices", facts, drained, errors=unread)
    return {"outcome": outcome, **facts}


@dg.job(description="Collect orders of one account and write its stock to the market.")
def sync_inventory() -> None:
    """One op."""
    show_stock()


@dg.job(description="Plan prices of one account and send those that are approved.")
def update_prices() -> None:
    """One op."""
    show_prices()


def stock_facts(plan: StockPlan, drained: Drained) -> dict[str, Any]:
    """Return what result_summary and Dagit say of a stock run."""
    return {
        "listings": plan.listings,
        "changes": plan.changes,
        "not_written": dict(plan.reasons),
        "drift": plan.drifted,
        "news": [f"SKU {it.sku_id}: {_news(it.state, it.recovered)}" for it in plan.news],
        **_drained(drained),
    }


def _news(state: str, recovered: bool) -> str:
    return f"no longer {state}" if recovered else str(state)


def _drained(drained: Drained) -> dict[str, Any]:
    return {
        "sent": drained.sent,
        "confirmed": len(drained.confirmed),
        "failed": [f"{it.product_no} {it.option_no}: {it.message}" for it in drained.failed],
        "open": drained.open,
        "error": None if drained.error is None else str(drained.error),
    }


def _told(
    ticket: Ticket,
    kind: str,
    facts: Mapping[str, Any],
    drained: Drained,
    errors: Sequence[str] = (),
) -> str:
    """Report what reached the market and return how it went; what was refused makes it partial."""
    told = [*errors, *facts["failed"]]
    outcome = "partial" if told or drained.error else "completed"
    ticket.result["errors"] = told
    ticket.note(kind, {"outcome": outcome, **facts}, records=len(drained.confirmed))
    if drained.error is not None:
        with failures(ticket):
            raise drained.error
    return outcome


def _account(
    context: dg.OpExecutionContext, config: AccountConfig, platform: Platform, ticket: Ticket
) -> str:
    with failures(ticket):
        [account, *_] = platform.enabled(
            [context.run.tags.get(ACCOUNT_TAG) or config.account or "?"]
        )
    return account.key
