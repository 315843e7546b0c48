"""`erp jobs`: the rows of schedule_jobs from the shell. Each wish is a row; the dispatcher acts."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from erp_assets.cli_database import database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from erp_assets.settings import Settings

T = TypeVar("T")
COUNT = click.IntRange(min=1)
MARKS = {"completed": "green", "partial": "yellow", "failed": "red", "timed_out": "red"}


@click.group()
def jobs() -> None:
    """List scheduled jobs, run, pause, cancel and unlock them.

    \b
    Examples:
      erp jobs list                  what there is, when it runs next, how it went
      erp jobs run 4                 once, now, outside the schedule
      erp jobs history 4             the last executions of job 4
      erp jobs cancel 118            end execution 118
    """


@jobs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_jobs(as_json: bool) -> None:
    """List every job with its schedule, its next slot and how it last went."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from erp_assets.scheduling import actions, slots

    with database() as (known, db):
        lines = actions.jobs(db)
    if as_json:
        _print_json([line._asdict() for line in lines])
        return
    table = Table("id", "name", "type", "status", "schedule", "next slot", "last", "running")
    for line in lines:
        try:
            schedule = slots.describe(slots.parse(*line.schedule), known.language)
        except slots.BadSchedule as error:
            schedule = f"[red]{escape(str(error))}[/red]"
        table.add_row(
            str(line.id),
            escape(line.name),
            escape(line.job_type),
            line.status,
            schedule,
            _shown(known, line.next_run_at),
            _coloured(line.last_status),
            f"#{line.running}" if line.running else "",
        )
    Console().print(table)
    for line in lines:
        if line.last_error:
            click.echo(f"{line.id}: {line.last_error}")


@jobs.command()
@click.argument("job", type=int)
def show(job: int) -> None:
    """Show everything about one job as JSON: its row, its lock, its last executions."""
    from erp_assets.scheduling import actions

    with database() as (_, db):
        found = actions.job_in_full(db, job)
        past = actions.executions(db, job_id=job, most=10)
    found["executions"] = [it._asdict() for it in past]
    _print_json(found)


@jobs.command()
@click.argument("job", type=int)
@click.option("--force", is_flag=True, help="Even when the job is paused: once.")
def run(job: int, force: bool) -> None:
    """Run a job once, now, outside its schedule.

    A job that is at work finishes first. A paused job says so; --force runs it once.
    """
    from erp_assets.scheduling import actions

    asked = _act(lambda db: actions.run_now(db, job, force=force))
    wait = f"after #{asked.ahead}, which is at work" if asked.ahead else "within seconds"
    click.echo(f"{asked.job}: execution #{asked.execution} starts {wait}")
    _warn_when_asleep()


@jobs.command()
@click.argument("execution", type=int)
def retry(execution: int) -> None:
    """Try an execution's slot again, for the accounts that failed."""
    from erp_assets.scheduling import actions

    asked = _act(lambda db: actions.retry(db, execution))
    click.echo(f"{asked.job}: execution #{asked.execution} tries #{execution} again")
    _warn_when_asleep()


@jobs.command()
@click.argument("execution", type=int)
def cancel(execution: int) -> None:
    """End an execution that waits or runs; what it has stored stays."""
    from erp_assets.scheduling import actions

    name = _act(lambda db: actions.cancel(db, execution))
    click.echo(f"{name}: execution #{execution} is being ended; what it has stored stays")
    _warn_when_asleep()


@jobs.command()
@click.argument("job", type=int)
def pause(job: int) -> None:
    """Start no further slots of a job; what runs goes on."""
    from erp_assets.scheduling import actions

    click.echo(f"{_act(lambda db: actions.pause(db, job))}: paused; what runs goes on")


@jobs.command()
@click.argument("job", type=int)
def resume(job: int) -> None:
    """Let a paused job run again; its catch_up decides about the slots passed over."""
    from erp_assets.scheduling import actions

    click.echo(f"{_act(lambda db: actions.resume(db, job))}: active")


@jobs.command()
@click.argument("job", type=int)
def unlock(job: int) -> None:
    """Release a job whoever holds it, so that its next slot starts; ends no run."""
    from erp_assets.scheduling import actions

    held = _act(lambda db: actions.unlock(db, job))
    click.echo(f"job {job}: released from {held}" if held else f"job {job} was not locked")


@jobs.command()
@click.argument("job", type=int, required=False)
@click.option("--most", type=COUNT, default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(job: int | None, most: int, as_json: bool) -> None:
    """List past executions, newest first: of one JOB or of all."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from erp_assets.scheduling import actions

    with database() as (known, db):
        lines = actions.executions(db, job_id=job, most=most)
    if as_json:
        _print_json([line._asdict() for line in lines])
        return
    table = Table("#", "job", "slot", "try", "by", "status", "seconds", "records", "error")
    for line in lines:
        table.add_row(
            str(line.id),
            escape(line.name),
            _shown(known, line.scheduled_for),
            str(line.attempt),
            line.trigger,
            _coloured(line.status),
            _number(line.duration_seconds),
            _number(line.records_processed),
            escape(line.error_message or ""),
        )
    Console().print(table)


@jobs.command("next")
@click.argument("job", type=int)
@click.option("--most", type=COUNT, default=10, show_default=True, help="How many.")
def next_slots(job: int, most: int) -> None:
    """List the next slots of a job, Korean time."""
    from itertools import islice

    from erp_assets import clock
    from erp_assets.scheduling import actions, slots

    with database() as (known, db):
        line = actions.job(db, job)
    schedule = slots.parse(*line.schedule, zone=known.timezone)
    first = line.next_run_at or slots.first_slot(schedule, clock.utc_now())
    anchor = slots.anchor_for(schedule, line.anchor_at, first)
    horizon = first.replace(year=first.year + 20)
    for slot in [first, *islice(slots.slots(schedule, anchor, first, horizon), most - 1)]:
        click.echo(_shown(known, slot))


def _act(action: "Callable[[Connection], T]") -> T:
    with database() as (_, db):
        return action(db)


def _warn_when_asleep() -> None:
    from erp_assets.scheduling import actions

    with database() as (_, db):
        beat = actions.heartbeat(db)
    if beat.age_s is None or beat.age_s > 60:
        click.echo("the scheduler is not running, so nothing happens yet: start it (make dev)")


def _shown(known: "Settings", moment: datetime | None) -> str:
    return f"{moment.astimezone(known.timezone):%Y-%m-%d %H:%M:%S}" if moment else ""


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _coloured(status: str | None) -> str:
    colour = MARKS.get(status or "")
    return f"[{colour}]{status}[/{colour}]" if colour else status or ""


def _print_json(found: Any) -> None:
    click.echo(json.dumps(found, ensure_ascii=False, indent=2, default=str))
