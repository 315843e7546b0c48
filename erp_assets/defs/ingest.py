"""Raw and typed assets per account: read the market, load the warehouse, report.

Raw and typed rows are written in one transaction, so one step materializes both.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from erp_assets import clock
from erp_assets.clock import Window
from erp_assets.collecting import Collected
from erp_assets.defs.pushing import push_touched
from erp_assets.defs.resources import Platform
from erp_assets.defs.tickets import failures, settle
from erp_assets.scheduling.working import Ticket

OWNERS = ["team:data-platform"]
FRESH_WITHIN = timedelta(hours=26)
"""A day, and two hours for a collection that starts late or takes long."""

TABLES: Mapping[str, Sequence[str]] = {
    "products": ("market_products", "market_skus"),
    "stock": ("stock_snapshots",),
    "prices": ("price_snapshots",),
    "orders": ("market_orders", "market_order_lines"),
    "claims": ("market_claims",),
}
DESCRIPTIONS = {
    "products": "Listings and their options as the market shows them; one row per listing/option.",
    "stock": "Stock of every option; a row is added when the market's figure changes.",
    "prices": "Price of every option; a row is added when the market's figure changes.",
    "orders": "Orders and their lines. A partition is the span of one KST day as the market files "
    "it; collecting it again replaces, never doubles.",
    "claims": "Cancels, returns and exchanges filed on the day; later changes replace earlier.",
}


def account_partitions(keys: Sequence[str]) -> dg.StaticPartitionsDefinition:
    """One partition per account; sorted, because ranges of days rely on the order of keys."""
    return dg.StaticPartitionsDefinition(sorted(keys))


def day_partitions(
    accounts: dg.StaticPartitionsDefinition, start: date
) -> dg.MultiPartitionsDefinition:
    """account × KST day, today included; `account` sorts first so that its days are a range."""
    days = dg.DailyPartitionsDefinition(start.isoformat(), timezone="Asia/Seoul", end_offset=1)
    return dg.MultiPartitionsDefinition({"account": accounts, "date": days})


def raw_spec(
    kind: str, partitions: dg.PartitionsDefinition[Any], columns: Mapping[str, dg.TableSchema]
) -> dg.AssetSpec:
    """Describe the rows of `kind` as the market sent them."""
    return dg.AssetSpec(
        ["raw", kind],
        description=f"Rows of {kind} exactly as the market sent them (table raw_documents).",
        group_name="raw",
        owners=OWNERS,
        kinds={"postgres", "http"},
        partitions_def=partitions,
        metadata={
            "dagster/table_name": "raw_documents",
            "dagster/column_schema": columns["raw_documents"],
        },
    )


def typed_spec(
    kind: str,
    partitions: dg.PartitionsDefinition[Any],
    columns: Mapping[str, dg.TableSchema],
    *,
    deps: Sequence[Sequence[str]] = (),
) -> dg.AssetSpec:
    """Describe the typed rows of `kind`, column by column."""
    return dg.AssetSpec(
        ["market", kind],
        deps=[["raw", "offers" if kind in ("stock", "prices") else kind], *deps],
        description=DESCRIPTIONS[kind],
        group_name="market",
        owners=OWNERS,
        kinds={"postgres"},
        partitions_def=partitions,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH_WITHIN),
        metadata={
            "dagster/table_name": TABLES[kind][-1],
            "dagster/column_schema": columns[TABLES[kind][-1]],
            "tables": ", ".join(TABLES[kind]),
        },
    )


def report(result: Collected, tables: Sequence[str]) -> dict[str, Any]:
    """Say what a collection did, for Dagit. tables: those the asset consists of."""
    return {
        "dagster/row_count": sum(result.seen.get(table, 0) for table in tables),
        "rows_seen": dg.MetadataValue.json(result.seen),
        "rows_changed": dg.MetadataValue.json(result.stored),
        "rows_rejected": result.rejected,
        "outcome": result.outcome,
        "calls": result.calls,
        "busy_answers": result.busy_answers,
        "seconds": round(result.seconds, 3),
        "rows_per_second": round(sum(result.seen.values()) / max(result.seconds, 1e-9)),
    }


def report_days(context: dg.OpExecutionContext, account: str, kind: str, result: Collected) -> int:
    """Mark the partitions of the days that were read to their end as materialized."""
    if result.window is None or result.complete_until is None:
        return 0
    days = clock.days(Window(result.window.since, result.complete_until))
    for key in (dg.AssetKey(["raw", kind]), dg.AssetKey(["market", kind])):
        metadata = report(result, tables_of(key))
        for day in days:
            partition = dg.MultiPartitionKey({"account": account, "date": day.isoformat()})
            context.log_event(dg.AssetMaterialization(key, partition=partition, metadata=metadata))
    return len(days)


def show_sold(context: dg.AssetExecutionContext, platform: Platform, ticket: Ticket) -> None:
    """Write the stock of what was just sold to every account that lists it.

    What does not get through stays in the outbox for the next run, and makes this one partial.
    """
    with failures(ticket):
        drained = push_touched(platform, run_id=context.run.run_id)
    for account, told in drained.items():
        context.log.info("%s: stock of %d options written", account, len(told.confirmed))
        for it in told.failed:
            context.log.warning("%s %s %s: %s", account, it.product_no, it.option_no, it.message)
        if told.error is not None:
            context.log.warning("%s: stock waits in the outbox: %s", account, told.error)
        if told.failed or told.error is not None:
            facts = {"outcome": "partial", "failed": len(told.failed), "error": str(told.error)}
            ticket.note(f"stock of {account}", facts, records=0)


def results(
    context: dg.AssetExecutionContext, ticket: Ticket, result: Collected
) -> Iterator[dg.MaterializeResult[Any]]:
    """Report the collection and yield one result per selected asset; fail when it stopped early."""
    settle(ticket, result)
    if result.rejected:
        context.log.warning(
            "%s %s: %d rows could not be understood; see rejected_rows",
            result.account,
            result.kind,
            result.rejected,
        )
    context.instance.add_run_tags(context.run.run_id, {f"erp/{result.kind}": result.outcome})
    for key in sorted(context.selected_asset_keys, key=lambda it: (it.path[0] != "raw", it.path)):
        yield dg.MaterializeResult(asset_key=key, metadata=report(result, tables_of(key)))


def tables_of(key: dg.AssetKey) -> Sequence[str]:
    """Return the tables that an asset `raw/…` or `market/…` consists of."""
    layer, kind = key.path
    return ("raw_documents",) if layer == "raw" else TABLES[kind]


def account_windows(partition_keys: Sequence[str]) -> Iterator[tuple[str, Window]]:
    """Yield (account, span of consecutive days) for keys `account|date`, accounts in order."""
    days: dict[str, list[date]] = {}
    for key in partition_keys:
        account, day = key.split("|")
        days.setdefault(account, []).append(date.fromisoformat(day))
    for account in sorted(days):
        for window in clock.joined_days(days[account]):
            yield account, window


def account_assets(
    partitions: dg.StaticPartitionsDefinition, columns: Mapping[str, dg.TableSchema]
) -> list[dg.AssetsDefinition]:
    """Return the assets with one partition per account: products; stock and prices."""

    @dg.multi_asset(
        name="read_products",
        specs=[
            raw_spec("products", partitions, columns),
            typed_spec("products", partitions, columns),
        ],
    )
    def products(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        ticket: dg.ResourceParam[Ticket],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with failures(ticket):
            result = platform.collect(
                context.partition_key,
                lambda it: it.products(),
                run_id=context.run.run_id,
                batch_rows=ticket.batch_rows,
            )
        yield from results(context, ticket, result)

    @dg.multi_asset(
        name="read_offers",
        specs=[
            raw_spec("offers", partitions, columns),
            *(
                typed_spec(kind, partitions, columns, deps=[["market", "products"]])
                for kind in ("stock", "prices")
            ),
        ],
        can_subset=True,
    )
    def offers(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        ticket: dg.ResourceParam[Ticket],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        record = context.instance.get_run_record_by_id(context.run.run_id)
        began = record.create_timestamp if record else None
        with failures(ticket):
            result = platform.collect(
                context.partition_key,
                lambda it: it.offers(seen_before=began),
                run_id=context.run.run_id,
            )
        yield from results(context, ticket, result)

    return [products, offers]


def day_assets(
    partitions: dg.MultiPartitionsDefinition, columns: Mapping[str, dg.TableSchema]
) -> list[dg.AssetsDefinition]:
    """Return the assets with one partition per account and KST day: orders, claims."""
    return [
        day_asset("orders", partitions, columns, deps=[["market", "products"]]),
        day_asset("claims", partitions, columns, deps=[["market", "orders"]]),
    ]


def day_asset(
    kind: str,
    partitions: dg.MultiPartitionsDefinition,
    columns: Mapping[str, dg.TableSchema],
    *,
    deps: Sequence[Sequence[str]],
) -> dg.AssetsDefinition:
    """Return the raw and typed asset of one windowed kind; a range of days is one run."""

    @dg.multi_asset(
        name=f"read_{kind}",
        specs=[
            raw_spec(kind, partitions, columns),
            typed_spec(kind, partitions, columns, deps=deps),
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def collect(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        ticket: dg.ResourceParam[Ticket],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        whole: Collected | None = None
        failed: set[str] = set()
        for account, window in account_windows(context.partition_keys):
            if account in failed:
                continue
            with failures(ticket):
                part = platform.collect_days(account, kind, window, run_id=context.run.run_id)
            if part.error is not None:  # what follows would leave a gap; other accounts go on
                failed.add(account)
            if whole is None:
                whole = part
            else:
                whole.add(part)
        if whole is not None:
            yield from results(context, ticket, whole)
            if kind == "orders":
                show_sold(context, platform, ticket)

    return collect
