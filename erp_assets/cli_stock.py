"""`erp stock`: counts, receipts and adjustments into the ledger, and what it comes to."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from erp_assets.cli_database import database
from erp_assets.cli_skus import FILE, show_import

if TYPE_CHECKING:
    from erp_assets.planning.stock_files import Times
    from erp_assets.settings import Settings

AT = click.option("--at", help="When, for rows that do not say: 2026-11-03 or '2026-11-03 09:30'.")


@click.group()
def stock() -> None:
    """Count, receive and adjust stock, and show what there is of each SKU.

    \b
    Examples:
      erp stock count counts.csv --at "2026-11-03 09:00"    what is in the house, promised to nobody
      erp stock receive delivery.csv                        goods that came in
      erp stock adjust broken.csv                           differences, signed
      erp stock show                                        all SKUs
      erp stock show TOP                                    one, with its last entries
    """


@stock.command()
@click.argument("file", type=FILE)
@AT
def count(file: Path, at: str | None) -> None:
    """Take counts from a CSV file: code, quantity, at, note.

    Count what is in the house and promised to nobody: pieces sold and not yet shipped do not count.
    The first count of a SKU opens it; orders placed later are subtracted by themselves.
    """
    from erp_assets.planning import stock_files

    with database() as (known, db):
        done = stock_files.import_counts(db, file.read_bytes(), _times(known, at))
    show_import(done)


@stock.command()
@click.argument("file", type=FILE)
@AT
def receive(file: Path, at: str | None) -> None:
    """Take goods that came in from a CSV file: code, quantity, at, reference, note.

    With a reference, such as the number of the delivery note, a row is never taken twice.
    """
    from erp_assets.planning import stock_files

    with database() as (known, db):
        done = stock_files.import_receipts(db, file.read_bytes(), _times(known, at))
    show_import(done)


@stock.command()
@click.argument("file", type=FILE)
@AT
def adjust(file: Path, at: str | None) -> None:
    """Take differences from a CSV file: code, quantity (negative: gone), at, reference, note."""
    from erp_assets.planning import stock_files

    with database() as (known, db):
        done = stock_files.import_adjustments(db, file.read_bytes(), _times(known, at))
    show_import(done)


@stock.command()
@click.argument("code", required=False)
@click.option("--most", default=50, show_default=True, help="How many SKUs or entries.")
def show(code: str | None, most: int) -> None:
    """Show what there is of every SKU, or of one with its last entries.

    Posts what was collected first, so that the figures are those of now.
    """
    from erp_assets.planning import ledger

    with database() as (_, db):
        ledger.post_movements(db)
    if code is None:
        _show_all(most)
    else:
        _show_one(code, most)


def _show_all(most: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from erp_assets.planning import ledger

    with database() as (known, db):
        found = ledger.balances(db)
    table = Table("code", "name", "on hand", "reserved", "free", "counted")
    for it in found[:most]:
        free = f"{it.on_hand - it.reserved:,}" if it.counted_at else "unknown"
        counted = _shown(known, it.counted_at)
        figures = (f"{it.on_hand:,}", f"{it.reserved:,}", free, counted)
        table.add_row(escape(it.code), escape(it.name), *figures)
    Console().print(table)
    if len(found) > most:
        click.echo(f"{len(found) - most:,} more: --most {len(found)}")
    if unknown := sum(it.counted_at is None for it in found):
        click.echo(f"{unknown:,} SKUs were never counted: erp stock count FILE")


def _show_one(code: str, most: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from erp_assets.planning import ledger
    from erp_assets.warehouse import skus, stock_ledger

    with database() as (known, db):
        if not (found := skus.skus(db, [code])):
            raise click.ClickException(f"there is no SKU {code}: see erp skus list")
        [it] = ledger.balances(db, [found[0].id])
        entries = stock_ledger.history(db, it.sku_id, most=most)
    click.echo(f"{it.code} {it.name}: {it.on_hand:,} on hand, {it.reserved:,} reserved")
    if it.counted_at is None:
        click.echo("it was never counted, so its stock is unknown: erp stock count FILE")
    table = Table("when", "kind", "pieces", "source", "note")
    for entry in entries:
        when = _shown(known, entry.occurred_at)
        source = escape(entry.source_key)
        table.add_row(when, entry.kind, f"{entry.quantity:+,}", source, escape(entry.note or ""))
    Console().print(table)


def _times(known: "Settings", at: str | None) -> "Times":
    from erp_assets import clock
    from erp_assets.errors import BadRow
    from erp_assets.planning import sheets
    from erp_assets.planning.stock_files import Times

    try:
        moment = sheets.parse_moment(at, known.timezone) if at else None
    except BadRow as error:
        raise click.BadParameter(str(error), param_hint="--at") from None
    return Times(clock.utc_now(), known.timezone, moment)


def _shown(known: "Settings", moment: datetime | None) -> str:
    return f"{moment.astimezone(known.timezone):%Y-%m-%d %H:%M}" if moment else ""
