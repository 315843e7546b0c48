"""SKUs and mappings from CSV files and back: what cannot be read off a listing comes from here."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from erp_assets.errors import PermanentError
from erp_assets.planning import sheets
from erp_assets.planning.sheets import Imported, Refused, Sheet, SheetRow
from erp_assets.warehouse import skus
from erp_assets.warehouse.skus import Link, MappedOption, OptionId, SkuRow

MOST_IN_A_BUNDLE = 10_000
"""Pieces of one SKU in one piece of an option; more is a slip of the pen."""


class UnknownName(PermanentError):
    """An account, option or SKU that is not there; the text says which and what to do."""


class Part(NamedTuple):
    """A row of a mapping file, understood."""

    account: str
    product_no: str
    option_no: str
    code: str
    pieces: int

    @property
    def option(self) -> tuple[str, str, str]:
        """The option it is about."""
        return self[:3]

    def named(self) -> Mapping[str, str]:
        """Return the cells that name the option."""
        return dict(zip(self._fields[:3], self.option, strict=True))


def import_file(db: Connection, content: bytes) -> Imported:
    """Take SKUs (code, name, barcode) or mappings (account, product_no, option_no, code, pieces).

    Which of them is told by the columns. An option consists of exactly the rows that name it: two
    make a bundle. If one of them is refused, the option stays as it was: never half a bundle.
    Rows of a mapping file without a code are passed over.

    Raises: BadSheet when the file cannot be read at all.
    """
    sheet = sheets.read_sheet(content)
    if "product_no" in sheet.columns:
        return _import_mappings(db, sheet)
    return _import_skus(db, sheet)


def export_file(db: Connection) -> bytes:
    """Return every option with the SKUs inside it, as CSV that import_file and Excel read."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(MappedOption._fields)
    writer.writerows(skus.mapped_options(db))
    return lines.getvalue().encode("utf-8-sig")


def link(db: Connection, option: OptionId, parts: Mapping[str, int]) -> None:
    """Let an option consist of exactly these SKUs (code → pieces).

    Raises: UnknownName.
    """
    ids = {sku.code: sku.id for sku in skus.skus(db, list(parts))}
    if missing := sorted(parts.keys() - ids.keys()):
        raise UnknownName(f"there is no SKU {', '.join(missing)}: see erp skus list")
    skus.replace_links(db, [Link(*option, ids[code], n, "hand") for code, n in parts.items()])


def option_id(db: Connection, option: tuple[str, str, str]) -> OptionId:
    """Return what names an option (account, product_no, option_no) in the warehouse.

    Raises: UnknownName.
    """
    account, product_no, option_no = option
    accounts = skus.account_ids(db)
    if account not in accounts:
        raise UnknownName(f"there is no account {account}; known are {', '.join(accounts)}")
    key = (accounts[account], product_no, option_no)
    if not skus.known_options(db, [key]):
        raise UnknownName(
            f"{account} lists no option {option_no} of {product_no}: erp collect --kind products"
        )
    return key


def _import_skus(db: Connection, sheet: Sheet) -> Imported:
    def read(row: SheetRow) -> SkuRow:
        return SkuRow(
            sheets.needed_text(row, "code"),
            sheets.needed_text(row, "name"),
            sheets.text_or_none(row, "barcode"),
        )

    rows = sheets.take(sheet, ("code", "name"), read)
    first = sheets.first_of_each(sheet, rows, lambda row: row.code)
    done = skus.upsert_skus(db, [row for _, row in first.values()])
    stored = done["added"] + done["changed"]
    return sheets.imported(sheet, stored=stored, unchanged=len(first) - stored)


def _import_mappings(db: Connection, sheet: Sheet) -> Imported:
    sheet.rows = [row for row in sheet.rows if row.cells.get("code")]
    rows = sheets.take(sheet, ("account", "product_no", "option_no", "code"), _part)
    parts = list(sheets.first_of_each(sheet, rows, lambda part: part).values())
    accounts, codes = skus.account_ids(db), {sku.code: sku.id for sku in skus.skus(db)}
    _refuse_unknown(db, sheet, parts, accounts, codes)
    broken = _options_refused(sheet)
    links = [
        Link(accounts[it.account], it.product_no, it.option_no, codes[it.code], it.pieces, "file")
        for _, it in parts
        if it.option not in broken
    ]
    refused = {it.line for it in sheet.refused}
    for line, part in parts:
        if part.option in broken and line not in refused:
            reason = f"the option stays as it was, because line {broken[part.option]} is refused"
            sheet.refused.append(Refused(line, reason))
    stored = skus.replace_links(db, links)
    return sheets.imported(sheet, stored=stored, unchanged=len(links) - stored)


def _part(row: SheetRow) -> Part:
    account, product, option, code = (
        sheets.needed_text(row, name) for name in ("account", "product_no", "option_no", "code")
    )
    most = MOST_IN_A_BUNDLE
    pieces = sheets.number(row, "pieces", least=1, most=most) if row.cells.get("pieces") else 1
    return Part(account, product, option, code, pieces)


def _refuse_unknown(
    db: Connection,
    sheet: Sheet,
    parts: Sequence[tuple[int, Part]],
    accounts: Mapping[str, int],
    codes: Mapping[str, int],
) -> None:
    """Refuse rows that name what is not there, and rows that contradict an earlier one."""
    listed = skus.known_options(
        db, [(accounts[it.account], *it.option[1:]) for _, it in parts if it.account in accounts]
    )
    earlier: dict[tuple[object, ...], int] = {}
    for line, part in parts:
        before = earlier.setdefault((part.option, part.code), line)
        if part.account not in accounts:
            reason = f"there is no account {part.account}; known are {', '.join(accounts)}"
        elif (accounts[part.account], *part.option[1:]) not in listed:
            reason = f"{part.account} lists no option {part.option_no} of {part.product_no}"
        elif part.code not in codes:
            reason = f"there is no SKU {part.code}: erp skus import"
        elif before != line:
            reason = f"line {before} names other pieces of SKU {part.code}"
        else:
            continue
        sheet.refused.append(Refused(line, reason, part.named()))


def _options_refused(sheet: Sheet) -> dict[tuple[str, ...], int]:
    """Return option → first line refused; a row that only repeats another refuses nothing else."""
    found: dict[tuple[str, ...], int] = {}
    for refused in sorted(sheet.refused, key=lambda it: it.line, reverse=True):
        cells = refused.cells
        option = tuple(cells.get(name, "") for name in ("account", "product_no", "option_no"))
        if all(option):
            found[option] = refused.line
    return found
