"""A run's ticket as a Dagster resource, and how errors inside a run are reported and raised."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from sqlalchemy.exc import InterfaceError, OperationalError

from erp_assets.collecting import Collected
from erp_assets.defs.resources import Platform
from erp_assets.errors import ErpError, MarketDenied, PermanentError
from erp_assets.scheduling.working import NotWanted, Ticket, working

DENIED = "denied"
"""In a failure's metadata: the market refuses the account, so its other kinds are not asked for."""
PATIENCE_S = 600.0
EXECUTION_TAG = "erp/execution"
ACCOUNT_TAG = "erp/account"


@dg.resource(
    required_resource_keys={"platform"},
    description="Shows that the run lives, and reports to the schedule what it did.",
)
def ticket(context: dg.InitResourceContext) -> Iterator[Ticket]:
    """Hold the run's liveness lock from its first step to its end."""
    platform: Platform = context.resources.platform
    tags = context.run.tags if context.run else {}
    execution = tags.get(EXECUTION_TAG)
    try:
        with working(
            platform.warehouse,
            platform.logs,
            context.run.run_id if context.run else "",
            execution=int(execution) if execution else None,
            account=tags.get(ACCOUNT_TAG, ""),
        ) as found:
            # Two jobs may want the same of an account at once: the second has all the time.
            platform.warehouse.patience_s = PATIENCE_S if found.order else 0.0
            yield found
    except NotWanted as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


@contextmanager
def failures(ticket: Ticket) -> Iterator[None]:
    """Turn our errors into Dagster's and report them: permanent ones are not tried again."""
    try:
        yield
    except ErpError as error:
        is_transient = not isinstance(error, PermanentError)
        told = explained(error)
        ticket.fail(told, is_transient=is_transient)
        raise dg.Failure(description=told, allow_retries=is_transient) from error
    except (OperationalError, InterfaceError) as error:
        told = f"the database went away: {error.orig}"
        with _unheard():
            ticket.fail(told, is_transient=True)
        raise dg.Failure(description=told) from error


def explained(error: ErpError) -> str:
    """Name the error, and what a person has to do about it."""
    remedy = f" What to do: {error.remedy}" if isinstance(error, MarketDenied) else ""
    return f"{type(error).__name__}: {error}{remedy}"


@contextmanager
def _unheard() -> Iterator[None]:
    """Let a report go that cannot be delivered: no word counts as a transient failure."""
    try:
        yield
    except (OperationalError, InterfaceError, ErpError):
        return


def settle(ticket: Ticket, result: Collected) -> None:
    """Report a collection, and fail the step when it stopped early; what was stored stays."""
    ticket.note(result.kind, facts(result), records=stored(result))
    if result.error is None:
        return
    kept = sum(result.stored.values())
    remedy = f" What to do: {result.remedy}" if result.remedy else ""
    told = f"{result.account} {result.kind}: {result.error}. Kept: {kept} rows.{remedy}"
    ticket.fail(told, is_transient=result.is_transient)
    raise dg.Failure(
        description=told,
        metadata={
            "rows_kept": kept,
            "calls": result.calls,
            DENIED: result.remedy is not None,
        },
        allow_retries=result.is_transient,
    )


def facts(result: Collected) -> dict[str, object]:
    """Return what result_summary says of one kind of one account."""
    return {
        "outcome": result.outcome,
        "seen": result.seen,
        "stored": result.stored,
        "rejected": result.rejected,
        "calls": result.calls,
        "seconds": round(result.seconds, 3),
        "error": result.error,
    }


def stored(result: Collected) -> int:
    """Count the typed rows inserted or changed; raw documents are no records of their own."""
    return sum(rows for table, rows in result.stored.items() if table != "raw_documents")
