"""`erp skus`: the seller's SKUs and which of them each option at the markets consists of."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from erp_assets.cli_database import database

if TYPE_CHECKING:
    from collections.abc import Iterable

    from erp_assets.planning.mapping import Matches, Unmapped
    from erp_assets.planning.sheets import Imported

PARTIAL = 3
"""Exit code when some rows were taken and others refused, as of `erp collect`."""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
MOST_SHOWN = 20


@click.group()
def skus() -> None:
    """Keep the SKUs, and say which of them each option at the markets consists of.

    \b
    Examples:
      erp skus import skus.csv                  add SKUs (code, name, barcode)
      erp skus map --dry-run                    what seller codes and barcodes would map
      erp skus map                              map what is certain
      erp skus unmapped                         what waits for you, and why
      erp skus link coupang 7 70 TOP SOCK*2     a bundle, by hand
      erp skus export skus.csv                  all mappings; fill in codes, import it again
    """


@skus.command("list")
@click.option("--most", default=100, show_default=True, help="How many, by code.")
def list_skus(most: int) -> None:
    """List the SKUs with how many options sell them."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from erp_assets.warehouse import skus as stored

    with database() as (_, db):
        found = stored.skus(db)
        sold_by = stored.options_per_sku(db)
    if not found:
        click.echo("there are no SKUs yet: erp skus import FILE (code, name, barcode)")
        return
    table = Table("code", "name", "barcode", "options")
    for sku in found[:most]:
        options = str(sold_by.get(sku.id, 0))
        table.add_row(escape(sku.code), escape(sku.name), escape(sku.barcode or ""), options)
    Console().print(table)
    if len(found) > most:
        click.echo(f"{len(found) - most:,} more: --most {len(found)}")


@skus.command("map")
@click.option("--dry-run", is_flag=True, help="Only say what would be mapped.")
def map_options(dry_run: bool) -> None:
    """Map options to SKUs by seller code, else by barcode.

    Only what is certain is mapped. Conflicts, duplicates and ambiguous options stay in the queue.
    """
    from erp_assets.planning import mapping

    with database() as (_, db):
        matches = mapping.find_matches(db) if dry_run else mapping.map_listings(db)
    _show_matches(matches, dry_run=dry_run)


@skus.command()
@click.option("--most", default=MOST_SHOWN, show_default=True, help="How many, most sold first.")
def unmapped(most: int) -> None:
    """List the options that wait for a SKU, why, and how many order lines wait with them."""
    from erp_assets.planning import mapping
    from erp_assets.warehouse import skus as stored

    with database() as (_, db):
        matches = mapping.find_matches(db)
        waiting = stored.waiting_lines(db)
    if matches.links:
        click.echo(f"{len(matches.links):,} options are certain: erp skus map")
    queue = sorted(matches.unmapped, key=lambda it: -waiting.get(it.option.key, 0))
    for one in queue[:most]:
        lines = waiting.get(one.option.key, 0)
        click.echo(f"{_described(one)}{f' ({lines:,} order lines wait)' if lines else ''}")
    if len(queue) > most:
        click.echo(f"{len(queue) - most:,} more: --most {len(queue)}, or erp skus export FILE")
    if not queue and not matches.links:
        click.echo("every option is mapped")


@skus.command("import")
@click.argument("file", type=FILE)
def import_file(file: Path) -> None:
    """Take SKUs or mappings from a CSV file; UTF-8 or CP949.

    SKUs: code, name, barcode. Mappings: account, product_no, option_no, code, pieces; several rows
    of one option make a bundle. Ends with 3 when rows were refused.
    """
    from erp_assets.planning import mapping_files

    with database() as (_, db):
        done = mapping_files.import_file(db, file.read_bytes())
    show_import(done)


@skus.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def export(file: Path | None) -> None:
    """Write every option with its SKUs as CSV, to FILE or to the screen."""
    from erp_assets.planning import mapping_files

    with database() as (_, db):
        written = mapping_files.export_file(db)
    if file is None:
        click.echo(written.decode("utf-8-sig"), nl=False)
        return
    file.write_bytes(written)
    click.echo(f"{file}: fill in code and pieces where they are empty, then erp skus import {file}")


@skus.command()
@click.argument("account")
@click.argument("product")
@click.argument("option")
@click.argument("parts", nargs=-1, required=True, metavar="CODE[*PIECES]...")
def link(account: str, product: str, option: str, parts: tuple[str, ...]) -> None:
    """Let an option consist of exactly these SKUs.

    Order lines posted before keep what they were posted with.
    """
    from erp_assets.planning import mapping_files
    from erp_assets.warehouse import skus as stored

    wanted = _parts(parts)
    with database() as (_, db):
        key = mapping_files.option_id(db, (account, product, option))
        before = stored.links_of(db, key)
        mapping_files.link(db, key, wanted)
    click.echo(f"{account} {product} {option}: {_listed(wanted.items())}")
    if before and dict(before) != wanted:
        click.echo(f"it was {_listed(before)}; lines posted so far keep that")


@skus.command()
@click.argument("account")
@click.argument("product")
@click.argument("option")
def unlink(account: str, product: str, option: str) -> None:
    """Put an option back into the queue; lines posted so far stay posted."""
    from erp_assets.planning import mapping_files
    from erp_assets.warehouse import skus as stored

    with database() as (_, db):
        removed = stored.remove_links(db, mapping_files.option_id(db, (account, product, option)))
    name = f"{account} {product} {option}"
    click.echo(f"{name}: back in the queue" if removed else f"{name} was not mapped")


def show_import(done: "Imported") -> None:
    """Print what a file did; end with 3 when some rows were refused, 1 when all were."""
    for refused in done.refused[:MOST_SHOWN]:
        click.echo(f"line {refused.line}: {refused.reason}", err=True)
    if len(done.refused) > MOST_SHOWN:
        click.echo(f"{len(done.refused) - MOST_SHOWN:,} more lines were refused", err=True)
    click.echo(f"{done.stored:,} rows stored, {done.unchanged:,} were there already")
    if done.refused:
        click.echo(
            f"{len(done.refused):,} rows refused: correct them and import the whole file again; "
            "what is stored is not taken twice"
        )
        sys.exit(PARTIAL if done.stored or done.unchanged else 1)


def _show_matches(matches: "Matches", *, dry_run: bool) -> None:
    sources = Counter(link.source for link in matches.links)
    by = f"{sources['code']:,} by seller code, {sources['barcode']:,} by barcode"
    click.echo(
        f"{len(matches.links):,} options {'would be' if dry_run else 'are now'} mapped: {by}"
    )
    for problem, number in sorted(Counter(it.problem for it in matches.unmapped).items()):
        click.echo(f"{number:,} {problem}")
        for one in [it for it in matches.unmapped if it.problem is problem][:MOST_SHOWN]:
            click.echo(f"  {_described(one)}")
    if matches.unmapped:
        click.echo("these wait for you: erp skus link, or erp skus export and import")


def _described(one: "Unmapped") -> str:
    option = one.option
    return f"{option.account} {option.product_no} {option.option_no} {option.name}: {one.reason}"


def _parts(written: tuple[str, ...]) -> dict[str, int]:
    parts: dict[str, int] = {}
    for part in written:
        code, star, pieces = part.rpartition("*")
        if not star:
            code, pieces = part, "1"
        if not code or not (pieces.isascii() and pieces.isdigit()) or not 0 < int(pieces) <= 10_000:
            raise click.UsageError(f"{part!r} is not CODE or CODE*PIECES, such as SOCK*2")
        if code in parts:
            raise click.UsageError(f"SKU {code} is named twice: write {code}*2")
        parts[code] = int(pieces)
    return parts


def _listed(parts: "Iterable[tuple[str, int]]") -> str:
    return ", ".join(f"{code} x {pieces}" for code, pieces in parts)
