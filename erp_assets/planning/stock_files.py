"""Counts, receipts and adjustments from CSV files into the ledger; the same file twice is once.

Files are corrected and imported again, so each row has an identity of its own: a count is the
stock at its moment, whatever was entered before; a receipt or adjustment has a reference, or else
is known by its moment, pieces and note.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from erp_assets.errors import BadRow
from erp_assets.planning import sheets
from erp_assets.planning.ledger import post_movements
from erp_assets.planning.sheets import Imported, Refused, Sheet, SheetRow
from erp_assets.warehouse import skus, stock_ledger
from erp_assets.warehouse.stock_ledger import Entry

COLUMNS = ("code", "quantity")


@dataclass(frozen=True, slots=True)
class Times:
    """How times in a file are read. at: of rows that name none. now: nothing lies beyond it."""

    now: datetime
    zone: ZoneInfo
    at: datetime | None = None


class Movement(NamedTuple):
    """A row of a file, understood."""

    code: str
    quantity: int
    at: datetime
    reference: str | None
    note: str | None


class Counted(NamedTuple):
    """A SKU that a row is about. counted_at: of its opening count."""

    sku_id: int
    counted_at: datetime | None


def import_counts(
    db: Connection, content: bytes, times: Times, *, run_id: str | None = None
) -> Imported:
    """Enter counts (code, quantity, at, note): pieces in the house and promised to nobody.

    The first of a SKU opens it. A later one is entered as the difference to what the ledger came
    to at its moment, after everything sold so far was posted.
    Raises: BadSheet when the file cannot be read at all.
    """
    sheet = sheets.read_sheet(content)
    rows = _movements(sheet, times, least=0)
    post_movements(db, run_id=run_id)
    known = _counted(db, (row.code for _, row in rows))
    first = sheets.first_of_each(sheet, _of_known(sheet, rows, known), lambda row: row.code)
    counts = [row for line, row in first.values() if _is_later(sheet, line, row, known[row.code])]
    before = stock_ledger.stock_at(db, {known[it.code].sku_id: it.at for it in counts})
    entries = [
        _count(row, sku, before[sku.sku_id], times.now, run_id)
        for row in counts
        if (sku := known[row.code]).counted_at is None or before[sku.sku_id] != row.quantity
    ]
    stored = len(stock_ledger.add_entries(db, entries))
    post_movements(db, run_id=run_id)
    return sheets.imported(sheet, stored=stored, unchanged=len(counts) - stored)


def import_receipts(
    db: Connection, content: bytes, times: Times, *, run_id: str | None = None
) -> Imported:
    """Enter goods that came in (code, quantity, at, reference, note).

    Raises: BadSheet when the file cannot be read at all.
    """
    return _import(db, content, times, "receipt", least=1, run_id=run_id)


def import_adjustments(
    db: Connection, content: bytes, times: Times, *, run_id: str | None = None
) -> Imported:
    """Enter differences (code, quantity signed, at, reference, note): broken, found, given away.

    Raises: BadSheet when the file cannot be read at all.
    """
    least = -sheets.MOST_PIECES
    return _import(db, content, times, "adjustment", least=least, run_id=run_id)


def _import(
    db: Connection, content: bytes, times: Times, kind: str, *, least: int, run_id: str | None
) -> Imported:
    sheet = sheets.read_sheet(content)
    rows = _movements(sheet, times, least=least)
    stock_ledger.lock(db)
    known = _counted(db, (row.code for _, row in rows))
    usable = [
        (line, row)
        for line, row in _of_known(sheet, rows, known)
        if _is_counted(sheet, line, row, known[row.code])
    ]
    first = sheets.first_of_each(sheet, usable, lambda row: _key(kind, row, known))
    stored = stock_ledger.quantities(db, [str(key) for key in first])
    entries = []
    unchanged = 0
    for key, (line, row) in first.items():
        if (before := stored.get(str(key))) is None:
            sku_id = known[row.code].sku_id
            entry = Entry(sku_id, row.at, kind, row.quantity, str(key), row.note, run_id)
            entries.append(entry)
        elif before == row.quantity:
            unchanged += 1
        else:
            reason = (
                f"{row.reference} of SKU {row.code} is stored with {before:,} pieces; "
                "enter the difference with erp stock adjust"
            )
            sheet.refused.append(Refused(line, reason))
    added = len(stock_ledger.add_entries(db, entries))
    return sheets.imported(sheet, stored=added, unchanged=unchanged)


def _movements(sheet: Sheet, times: Times, *, least: int) -> list[tuple[int, Movement]]:
    def read(row: SheetRow) -> Movement:
        found = Movement(
            sheets.needed_text(row, "code"),
            sheets.number(row, "quantity", least=least),
            sheets.moment(row, default=times.at, now=times.now, zone=times.zone),
            sheets.text_or_none(row, "reference"),
            row.cells.get("note") or None,
        )
        if least < 0 and not found.quantity:
            raise BadRow("quantity is 0, which changes nothing")
        return found

    return sheets.take(sheet, COLUMNS, read)


def _counted(db: Connection, codes: Iterable[str]) -> Mapping[str, Counted]:
    found = {sku.id: sku.code for sku in skus.skus(db, sorted(set(codes)))}
    sums = stock_ledger.balances(db, list(found))
    return {it.code: Counted(it.sku_id, it.counted_at) for it in sums}


def _of_known(
    sheet: Sheet, rows: Iterable[tuple[int, Movement]], known: Mapping[str, Counted]
) -> Iterable[tuple[int, Movement]]:
    for line, row in rows:
        if row.code in known:
            yield line, row
        else:
            sheet.refused.append(Refused(line, f"there is no SKU {row.code}: erp skus import"))


def _is_counted(sheet: Sheet, line: int, row: Movement, sku: Counted) -> bool:
    if sku.counted_at is None:
        reason = f"SKU {row.code} was never counted: erp stock count comes first"
        sheet.refused.append(Refused(line, reason))
        return False
    if row.at <= sku.counted_at:
        reason = f"at lies before the opening count of SKU {row.code}, which holds it already"
        sheet.refused.append(Refused(line, reason))
        return False
    return True


def _is_later(sheet: Sheet, line: int, row: Movement, sku: Counted) -> bool:
    if sku.counted_at is not None and row.at < sku.counted_at:
        reason = f"at lies before the opening count of SKU {row.code}"
        sheet.refused.append(Refused(line, reason))
        return False
    return True


def _count(row: Movement, sku: Counted, before: int, now: datetime, run_id: str | None) -> Entry:
    if sku.counted_at is None:
        key = f"opening:{sku.sku_id}"
        return Entry(sku.sku_id, row.at, "opening", row.quantity, key, row.note, run_id)
    key = f"count:{sku.sku_id}:{_utc(row.at)}:{_utc(now)}"
    note = row.note or f"counted {row.quantity:,}"
    return Entry(sku.sku_id, row.at, "adjustment", row.quantity - before, key, note, run_id)


def _key(kind: str, row: Movement, known: Mapping[str, Counted]) -> str:
    sku_id = known[row.code].sku_id
    if row.reference:
        return f"{kind}:{sku_id}:{row.reference}"
    return f"{kind}:{sku_id}:{_utc(row.at)}:{row.quantity}:{row.note or ''}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
