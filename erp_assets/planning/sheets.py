"""CSV files as Korean offices write them: every row understood, or refused with its line.

UTF-8 with or without a byte order mark, or CP949 (Excel's own); comma, semicolon or tab. Column
names are English or Korean, in any order; columns that nobody asked for are ignored.
"""

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from erp_assets.errors import BadRow, PermanentError

T = TypeVar("T")

MOST_PIECES = 1_000_000
"""A larger stock is a slip of the pen: markets take five to eight digits."""

MOST_BYTES = 200_000_000

NAMES: Mapping[str, frozenset[str]] = {
    "code": frozenset({"code", "sku", "sku_code", "sku코드", "품목코드", "자체상품코드"}),
    "name": frozenset({"name", "sku_name", "품목명", "상품명", "이름"}),
    "barcode": frozenset({"barcode", "ean", "바코드"}),
    "account": frozenset({"account", "계정"}),
    "product_no": frozenset({"product_no", "상품번호"}),
    "option_no": frozenset({"option_no", "옵션번호"}),
    "pieces": frozenset({"pieces", "수량배수", "구성수량"}),
    "quantity": frozenset({"quantity", "qty", "수량", "재고", "재고수량"}),
    "at": frozenset({"at", "date", "counted_at", "received_at", "일시", "일자", "날짜"}),
    "reference": frozenset({"reference", "전표번호", "참조번호"}),
    "note": frozenset({"note", "memo", "메모", "비고", "적요"}),
}
"""Our name of a column → what files call it, in lower case."""

MOST_LINES = 20
"""How many lines one row may have, by line breaks within quotation marks."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)", re.ASCII)
_POWER = re.compile(r"[+-]?\d+([.,]\d+)?[eE]\+?\d+", re.ASCII)


class BadSheet(PermanentError):
    """A file that cannot be read at all; nothing of it was taken."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row. line: where it begins in the file, the header being 1. cells: by our names."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken, and why. cells: as far as they could be read, by our names."""

    line: int
    reason: str
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Sheet:
    """A file's rows. columns: those found, by our names."""

    columns: frozenset[str]
    rows: list[SheetRow] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file, in rows. unchanged: stored already. refused: by line."""

    stored: int
    unchanged: int
    refused: Sequence[Refused]


def imported(sheet: Sheet, *, stored: int, unchanged: int) -> Imported:
    """Return what came of a sheet whose rows have all been dealt with."""
    return Imported(stored, unchanged, sorted(sheet.refused, key=lambda it: it.line))


def read_sheet(content: bytes) -> Sheet:
    """Read a CSV file.

    Raises: BadSheet when it is empty, too large, no text, or has no header we know.
    """
    if len(content) > MOST_BYTES:
        raise BadSheet(f"the file is larger than {MOST_BYTES:,} bytes; split it")
    written = _decoded(content)
    sheet: Sheet | None = None
    places: Mapping[int, str] = {}
    width = 0
    for record in _records(_LINE_END.split(written), _delimiter(written)):
        line, cells = record.line, record.cells
        if sheet is None:
            places, width = _header(cells), len(cells)
            sheet = Sheet(frozenset(places.values()))
            continue
        named = {name: cells[n].strip() for n, name in places.items() if n < len(cells)}
        if reason := _malformed(record, width):
            sheet.refused.append(Refused(line, reason, named))
        else:
            sheet.rows.append(SheetRow(line, named))
    if sheet is None:
        raise BadSheet("the file is empty")
    return sheet


def take(sheet: Sheet, needed: Sequence[str], read: Callable[[SheetRow], T]) -> list[tuple[int, T]]:
    """Return (line, what `read` made of it) of each row; refusals of `read` join the sheet's.

    Raises: BadSheet when a needed column is missing.
    """
    if missing := [name for name in needed if name not in sheet.columns]:
        raise BadSheet(
            f"the column {missing[0]} is missing (also read: {_also(missing[0])}); "
            f"needed are {', '.join(needed)}"
        )
    taken: list[tuple[int, T]] = []
    for row in sheet.rows:
        try:
            taken.append((row.line, read(row)))
        except BadRow as error:
            sheet.refused.append(Refused(row.line, str(error), row.cells))
    return taken


def first_of_each(
    sheet: Sheet, rows: Iterable[tuple[int, T]], key: Callable[[T], Hashable]
) -> dict[Hashable, tuple[int, T]]:
    """Return key → its first row; rows that repeat a key are refused."""
    first: dict[Hashable, tuple[int, T]] = {}
    for line, row in rows:
        taken = first.setdefault(key(row), (line, row))[0]
        if taken != line:
            sheet.refused.append(Refused(line, f"repeats line {taken}, which counts"))
    return first


def needed_text(row: SheetRow, name: str) -> str:
    """Return a cell that must not be empty."""
    if not (found := row.cells.get(name, "")):
        raise BadRow(f"{name} is empty")
    if _POWER.fullmatch(found):
        raise BadRow(f"{name} {found} was cut short by a spreadsheet: format the column as text")
    return found


def text_or_none(row: SheetRow, name: str) -> str | None:
    """Return a cell that may be empty or missing."""
    return needed_text(row, name) if row.cells.get(name) else None


def number(row: SheetRow, name: str, *, least: int, most: int = MOST_PIECES) -> int:
    """Return a whole number within [least, most]; thousands may have commas."""
    found = row.cells.get(name, "")
    if not found:
        raise BadRow(f"{name} is empty")
    if not _NUMBER.fullmatch(found):
        raise BadRow(f"{name} {found[:40]!r} is not a whole number")
    if len(found) > 20:
        raise BadRow(f"{name} {found[:20]}… is more than {most:,}")
    value = int(found.replace(",", ""))
    if value < least:
        raise BadRow(f"{name} {value:,} is less than {least:,}")
    if value > most:
        raise BadRow(f"{name} {value:,} is more than {most:,}")
    return value


def moment(row: SheetRow, *, default: datetime | None, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of column `at`, else `default`. A day alone begins at midnight."""
    found = row.cells.get("at", "")
    if not found and default is None:
        raise BadRow("at is empty: say when, in a column at or with --at")
    value = parse_moment(found, zone) if found else default
    if value is None or value > now:
        raise BadRow(f"at {found or value} lies in the future")
    return value


def parse_moment(written: str, zone: ZoneInfo) -> datetime:
    """Return the instant of `2026-11-03`, `2026-11-03 09:30` or ISO 8601; BadRow otherwise."""
    try:
        value = datetime.fromisoformat(written.replace("/", "-"))
    except ValueError:
        raise BadRow(f"at {written[:40]!r} is not a time like 2026-11-03 09:30") from None
    return value if value.tzinfo else value.replace(tzinfo=zone)


def _decoded(content: bytes) -> str:
    """Return the text; letters of neither encoding become U+FFFD, and spoil their rows only.

    CP949 is hardly ever valid UTF-8, so the encoding is UTF-8 where most lines beyond ASCII are.
    """
    content = content.removeprefix(BOM_UTF8)
    beyond = [line for line in content.split(b"\n") if not line.isascii()]
    is_utf8 = 2 * sum(_is_utf8(line) for line in beyond) > len(beyond)
    return content.decode("utf-8" if is_utf8 else "cp949", errors="replace")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _Record(NamedTuple):
    """One row as written. is_closed: are its quotation marks in order?"""

    line: int
    cells: list[str]
    is_closed: bool


def _records(lines: Sequence[str], delimiter: str) -> Iterator[_Record]:
    """Yield each row that is not blank.

    A quotation mark that is never closed spoils its own line, not all that follows; csv.reader
    over the whole file would let it.
    """
    place = 0
    while place < len(lines):
        cells, length = _record(lines, place, delimiter)
        if cells is None:
            yield _Record(place + 1, lines[place].split(delimiter), is_closed=False)
        elif any(cell.strip() for cell in cells):
            yield _Record(place + 1, cells, is_closed=True)
        place += length


def _record(lines: Sequence[str], place: int, delimiter: str) -> tuple[list[str] | None, int]:
    """Return the cells of the row that begins at `place`, None if broken, and its lines."""
    if not lines[place].strip():
        return [], 1
    for length in range(1, MOST_LINES + 1):
        whole = "\n".join(lines[place : place + length])
        try:
            [cells] = csv.reader([whole], delimiter=delimiter, strict=True)
        except csv.Error:
            if '"' not in whole:
                break
        else:
            return cells, length
    return None, 1


def _delimiter(written: str) -> str:
    header = next((line for line in written.splitlines() if line.strip()), "")
    return max(",;\t", key=header.count)


def _header(cells: Sequence[str]) -> Mapping[int, str]:
    places: dict[int, str] = {}
    for place, cell in enumerate(cells):
        written = cell.strip().lower()
        name = next((ours for ours, theirs in NAMES.items() if written in theirs), None)
        if name in places.values():
            raise BadSheet(f"two columns mean {name}; leave one")
        if name:
            places[place] = name
    if not places:
        raise BadSheet(
            f"the first line names no column we know; it begins with {', '.join(cells)[:60]!r}"
        )
    return places


def _malformed(record: _Record, width: int) -> str | None:
    if not record.is_closed:
        return "a quotation mark is not closed, or stands within a cell"
    if len(record.cells) != width:
        return f"{len(record.cells)} cells where the header has {width}"
    if any("\ufffd" in cell for cell in record.cells):
        return "a letter is neither UTF-8 nor CP949"
    if any("\x00" in cell for cell in record.cells):
        return "a cell holds a NUL"
    return None


def _also(name: str) -> str:
    return ", ".join(sorted(NAMES[name] - {name}))
