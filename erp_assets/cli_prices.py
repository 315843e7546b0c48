"""`erp prices`: plan prices, approve them, keep their rules. Sending is the job price_update's."""

import getpass
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from erp_assets.cli_database import database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from erp_assets.planning.price_files import BadLine
    from erp_assets.planning.pricing import Verdict

T = TypeVar("T")
STATUSES = ("planned", "approved", "rejected", "pushed", "skipped")
EXIT_PARTIAL = 3


@click.group()
def prices() -> None:
    """Plan prices, approve or reject them, see what was set and why.

    \b
    Examples:
      erp prices rules export rules.csv        the rules, to be edited
      erp prices rules import rules.csv        and back; bad rows are named
      erp prices competitors rivals.xlsx --column sku=상품코드 --column price=판매가
      erp prices plan --account coupang        decide; nothing is sent before it is approved
      erp prices list                          what waits for a yes or no
      erp prices approve 12 13                 let them be sent
      erp prices history --product 1234567     who set which price, and why
      erp prices drift                         where a market shows another price than ours
    """


@prices.command()
@click.option("--account", "only", multiple=True, help="Only this account (repeatable).")
@click.option("--auto", is_flag=True, help="Approve at once what lies within every limit.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(only: Sequence[str], auto: bool, as_json: bool) -> None:
    """Decide about every price of the accounts and store the plans.

    \b
    Examples:
      erp prices plan                          all accounts; a person approves
      erp prices plan --account naver --auto   approved at once, within the limits
    """
    from erp_assets import clock
    from erp_assets.planning import pricing

    with database() as (_, db):
        found = {
            account: pricing.plan_account(
                db, number, mode="auto" if auto else "review", now=clock.utc_now()
            )
            for account, number in _accounts(db, only).items()
        }
    if as_json:
        _print_json({account: told._asdict() for account, told in found.items()})
        return
    for account, told in found.items():
        click.echo(
            f"{account}: {told.options:,} options, {told.planned:,} planned, "
            f"{told.approved:,} approved, {told.skipped:,} unchanged"
        )
        for reason, options in sorted(told.reasons.items(), key=lambda it: -it[1])[:10]:
            click.echo(f"  {options:,} x {reason}")


@prices.command("list")
@click.option("--account", help="Only this account.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES),
    help="Only these (repeatable). Default: planned.",
)
@click.option("--most", default=50, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_plans(account: str | None, statuses: Sequence[str], most: int, as_json: bool) -> None:
    """List price plans with before, after, margin and reason."""
    from erp_assets.warehouse import price_plans

    with database() as (_, db):
        plans = price_plans.plans(
            db,
            account_id=_account(db, account),
            statuses=statuses or ("planned",),
            most=most,
        )
    if as_json:
        _print_json([it._asdict() for it in plans])
        return
    _print_table(
        ("id", "account", "listing", "option", "status", "before", "after", "margin", "reason"),
        (
            (
                *(it.id, it.account, it.product_no, it.option_no, it.status),
                *(_won(it.before), _won(it.after), _won(it.margin), it.reason),
            )
            for it in plans
        ),
    )


@prices.command()
@click.argument("plans", type=int, nargs=-1, required=True)
@click.option("--who", help="Who approves. Default: the user of this shell.")
def approve(plans: Sequence[int], who: str | None) -> None:
    """Approve PLANS by number; each is held against today's rules and price again.

    \b
    Example:
      erp prices approve 12 13 --who kim
    """
    from erp_assets import clock
    from erp_assets.planning import pricing

    who = who or getpass.getuser()
    _tell(_act(lambda db: pricing.approve(db, plans, who, now=clock.utc_now())), "approved")


@prices.command()
@click.argument("plans", type=int, nargs=-1, required=True)
@click.option("--who", help="Who rejects. Default: the user of this shell.")
def reject(plans: Sequence[int], who: str | None) -> None:
    """Reject PLANS by number; the same price is not planned again."""
    from erp_assets import clock
    from erp_assets.planning import pricing

    who = who or getpass.getuser()
    _tell(_act(lambda db: pricing.reject(db, plans, who, now=clock.utc_now())), "rejected")


@prices.command()
@click.option("--account", help="Only this account.")
@click.option("--product", help="Only this listing.")
@click.option("--option", help="Only this option.")
@click.option("--most", default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(
    account: str | None, product: str | None, option: str | None, most: int, as_json: bool
) -> None:
    """List the prices that were set: when, by whom, why."""
    from erp_assets import clock
    from erp_assets.warehouse import price_plans

    with database() as (_, db):
        rows = price_plans.history(
            db,
            account_id=_account(db, account),
            product_no=product,
            option_no=option,
            most=most,
        )
    if as_json:
        _print_json([it._asdict() for it in rows])
        return
    _print_table(
        ("when", "account", "listing", "option", "before", "after", "who", "why"),
        (
            (
                *(f"{it.set_at.astimezone(clock.KST):%Y-%m-%d %H:%M}", it.account),
                *(it.product_no, it.option_no, _won(it.before), _won(it.after), it.who, it.why),
            )
            for it in rows
        ),
    )


@prices.command()
@click.option("--account", help="Only this account.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def drift(account: str | None, as_json: bool) -> None:
    """List options whose market shows another price than the last one we set."""
    from erp_assets.warehouse import price_plans

    with database() as (_, db):
        rows = price_plans.drift(db, _account(db, account))
    if as_json:
        _print_json([it._asdict() for it in rows])
        return
    _print_table(
        ("account", "listing", "option", "ours", "shown"),
        ((it.account, it.product_no, it.option_no, _won(it.ours), _won(it.shown)) for it in rows),
    )


@prices.command()
@click.argument("file")
@click.option("--name", default="file", show_default=True, help="What to store its prices under.")
@click.option("--column", "columns", multiple=True, help="field=header, where they differ.")
@click.option("--dry-run", is_flag=True, help="Only say what would be stored.")
def competitors(file: str, name: str, columns: Sequence[str], dry_run: bool) -> None:
    """Read competitors' prices from FILE: a path or URL of CSV, JSON or XLSX.

    \b
    Fields: sku, price, competitor, seen_at, pieces, url. Example:
      erp prices competitors rivals.csv --column sku=상품코드 --column price=판매가
    """
    from erp_assets import clock
    from erp_assets.planning.competitors import FileSource
    from erp_assets.warehouse import price_queries

    pairs = dict(_pair(it) for it in columns)
    now = clock.utc_now()
    with database() as (_, db):
        source = FileSource(file, name=name, skus=price_queries.sku_ids(db), columns=pairs)
        told = source.read(now)
        stored = 0 if dry_run else price_queries.store_competitors(db, told.prices, now=now)
    click.echo(f"{len(told.prices):,} prices read, {stored:,} stored, {len(told.bad):,} left out")
    _end_with(told.bad)


@prices.group()
def rules() -> None:
    """Write the price rules to a file, or take them from one."""


@rules.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_rules(file: Path) -> None:
    """Write every rule to FILE, a CSV that spreadsheets open."""
    from erp_assets.planning import rule_files
    from erp_assets.warehouse import price_queries

    found = _act(price_queries.rules)
    file.write_text(rule_files.written(found), encoding="utf-8-sig", newline="")
    click.echo(f"{len(found):,} rules written to {file}")


@rules.command("import")
@click.argument("file")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
def import_rules(file: str, dry_run: bool) -> None:
    """Take rules from FILE: with an id a rule is replaced, without one it is added.

    Rules that the file does not name stay as they are; is_active=false puts one out of use.
    """
    from erp_assets.planning import price_files, rule_files
    from erp_assets.warehouse import price_queries

    body = price_files.fetch(file)
    with database() as (_, db):
        found = rule_files.parse(
            file,
            body,
            skus=price_queries.sku_ids(db),
            accounts=price_queries.accounts(db),
            known=[rule["id"] for rule in price_queries.rules(db)],
        )
        if not dry_run:
            price_queries.update_rules(db, found.changed)
            price_queries.add_rules(db, found.new)
    would = "would be " if dry_run else ""
    click.echo(
        f"{len(found.changed):,} rules {would}replaced, {len(found.new):,} {would}added, "
        f"{len(found.bad):,} rows left out"
    )
    _end_with(found.bad)


def _accounts(db: "Connection", only: Sequence[str]) -> dict[str, int]:
    from erp_assets.warehouse import price_queries

    known = price_queries.accounts(db)
    unknown = [it for it in only if it not in known]
    if unknown:
        raise click.BadParameter(f"no such account: {', '.join(unknown)}")
    return {key: number for key, number in known.items() if not only or key in only}


def _account(db: "Connection", key: str | None) -> int | None:
    return None if key is None else _accounts(db, [key])[key]


def _pair(text: str) -> tuple[str, str]:
    field, sign, header = text.partition("=")
    if not sign or not header:
        raise click.BadParameter(f"{text!r} is not like price=판매가")
    return field.strip(), header.strip()


def _act(action: "Callable[[Connection], T]") -> T:
    with database() as (_, db):
        return action(db)


def _tell(verdict: "Verdict", done: str) -> None:
    for number in verdict.done:
        click.echo(f"#{number} {done}")
    for number, why in verdict.refused.items():
        click.echo(f"#{number} not {done}: {why}")
    if verdict.refused:
        raise SystemExit(EXIT_PARTIAL)


def _end_with(bad: "Sequence[BadLine]") -> None:
    for it in bad:
        click.echo(f"line {it.line}: {it.reason}")
    if bad:
        raise SystemExit(EXIT_PARTIAL)


def _won(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _print_table(headers: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*headers)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    Console().print(table)


def _print_json(found: Any) -> None:
    click.echo(json.dumps(found, ensure_ascii=False, indent=2, default=str))
