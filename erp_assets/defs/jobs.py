"""Jobs an operator starts by hand, in Dagit or from the shell."""

from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)
from pydantic import Field

from erp_assets.collecting import WINDOWED
from erp_assets.defs.ingest import report_days
from erp_assets.defs.resources import Platform
from erp_assets.defs.tickets import DENIED, failures, settle
from erp_assets.scheduling.job_types import BadJob, Call, job_type
from erp_assets.scheduling.working import Ticket

COLLECTED = ("products", "stock", "prices", "orders", "claims")


def asset_jobs() -> list[UnresolvedAssetJobDefinition]:
    """Return the jobs that collect: the catalogue, orders, claims; and the one that checks."""
    catalogue = dg.AssetSelection.assets(
        *(["market", kind] for kind in ("products", "stock", "prices")),
        *(["raw", kind] for kind in ("products", "offers")),
    )
    windowed = [
        dg.define_asset_job(
            f"collect_{kind}",
            dg.AssetSelection.assets(["raw", kind], ["market", kind]).without_checks(),
            description=f"Collect {kind} of one account for a range of KST days in one run.",
        )
        for kind in WINDOWED
    ]
    return [
        dg.define_asset_job(
            "collect_catalogue",
            catalogue.without_checks(),
            description="Collect products, stock and prices of one account.",
        ),
        *windowed,
        dg.define_asset_job(
            "refresh_marts",
            dg.AssetSelection.groups("marts"),
            description="Bring daily sales and the other derived assets up to date.",
        ),
        dg.define_asset_job(
            "check_everything",
            dg.AssetSelection.checks_for_assets(*(["market", kind] for kind in COLLECTED)),
            description="Count orders at the markets against those stored; look for doubled and "
            "rejected rows.",
        ),
    ]


class MissingConfig(dg.Config):
    """accounts: all enabled ones when empty. kinds: orders, claims or both."""

    accounts: list[str] = Field(default_factory=list)
    kinds: list[str] = Field(default_factory=lambda: list(WINDOWED))


@dg.op(
    description="Find the days never collected to their end and collect them.",
    retry_policy=dg.RetryPolicy(max_retries=3, delay=120),
)
def fill_missing_days(
    context: dg.OpExecutionContext,
    config: MissingConfig,
    platform: dg.ResourceParam[Platform],
    ticket: dg.ResourceParam[Ticket],
) -> dict[str, Any]:
    """Collect each run of missing days and report it as the partitions it fills.

    Tried again when a retry can help: a job of the operators' may be collecting the same account.
    """
    filled: dict[str, Any] = {}
    failed: list[dg.Failure] = []
    if unknown := set(config.kinds) - set(WINDOWED):
        told = f"only orders and claims have days, not {sorted(unknown)}"
        raise dg.Failure(told, allow_retries=False)
    with failures(ticket):
        asked = platform.enabled(config.accounts)
    for account in asked:
        for kind in config.kinds:
            try:
                filled[f"{account.key} {kind}"] = _fill(
                    context, platform, ticket, account.key, kind
                )
            except dg.Failure as failure:  # one account never stops another
                failed.append(failure)
                if DENIED in failure.metadata and failure.metadata[DENIED].value is True:
                    break
    if failed:
        raise dg.Failure(
            "; ".join(str(it.description) for it in failed),
            metadata={"days_filled": filled},
            allow_retries=any(it.allow_retries for it in failed),
        )
    return filled


def _fill(
    context: dg.OpExecutionContext, platform: Platform, ticket: Ticket, account: str, kind: str
) -> int:
    days = 0
    for window in platform.missing(account, kind, platform.history()):
        context.log.info("%s %s: collecting %s … %s", account, kind, *window)
        with failures(ticket):
            result = platform.collect_days(account, kind, window, run_id=context.run_id)
        days += report_days(context, account, kind, result)
        settle(ticket, result)
    return days


@dg.job(description="Find the order and claim days that were missed and collect them.")
def collect_missing() -> None:
    """One op: nothing to configure unless single accounts or kinds are wanted."""
    fill_missing_days()


@dg.op(description="Run the function of a job type that brings code of its own.")
def call_job_type(
    platform: dg.ResourceParam[Platform], ticket: dg.ResourceParam[Ticket]
) -> dict[str, Any]:
    """Call the function with the parameters of the execution and report its outcome."""
    if ticket.order is None:
        told = "only schedule_jobs starts this job: see `erp jobs run`"
        raise dg.Failure(told, allow_retries=False)
    with failures(ticket):
        custom = job_type(ticket.order.job_type)
        if custom.run is None:
            raise BadJob(f"{custom.name} has no function")
        parameters = custom.validate(ticket.order.parameters)
        call = Call(ticket.order.account, parameters, platform.warehouse, ticket.log)
        outcome = custom.run(call)
    ticket.take(outcome)
    return {"records": outcome.records, "errors": outcome.errors}


@dg.job(description="A job type of a package, for one account; started by schedule_jobs only.")
def perform() -> None:
    """One op."""
    call_job_type()
