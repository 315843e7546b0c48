"""Rows of JSON lists, each by itself: what cannot be understood is set aside, the rest is kept."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import NoReturn

import msgspec

from erp_assets import clock
from erp_assets.errors import BadRow
from erp_assets.records import Batch, Rejected

BODY_CHARACTERS = 20_000
REASON_CHARACTERS = 500
MOST_PIECES = 2**31 - 1
MOST_WON = 10**15
"""More than any column, or any shop, holds."""

NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
YEARS = range(1970, 9_999)
OUR_DAYS = range(2000, 2200)
"""Years that no placeholder has; orders are kept in a partition per month."""
Convert = Callable[[bytes, Batch], None]
"""(raw row, batch) → None; appends only once the whole row is understood, else raises BadRow."""


def read_rows(
    kind: str, rows: Iterable[msgspec.Raw], convert: Convert, number: Callable[[bytes], str | None]
) -> Batch:
    """Return a batch of all rows; those `convert` refuses are rejected with their raw text.

    number: finds the document_no of a row that could not be understood.
    """
    batch = Batch()
    for raw in rows:
        body = bytes(raw)
        try:
            _check_text(body)
            convert(body, batch)
        except (BadRow, msgspec.DecodeError, RecursionError) as error:
            batch.rejected.append(rejected(kind, error, body, number(body)))
    return batch


def _check_text(body: bytes) -> None:
    if rb"\u0000" in body and NUL.search(body):
        refuse("text", "holds a NUL character")
    try:
        body.decode()
    except UnicodeDecodeError:
        refuse("text", "holds bytes that are no UTF-8")


def rejected(kind: str, error: Exception, body: bytes, document_no: str | None) -> Rejected:
    """Return the entry of a row that could not be understood."""
    text = body.decode("utf-8", "replace")[:BODY_CHARACTERS]
    return Rejected(kind, str(error)[:REASON_CHARACTERS], text, document_no)


def refuse(field: str, why: str) -> NoReturn:
    """Raise BadRow for a field."""
    raise BadRow(f"{field}: {why}")


def instant(text: str | None, field: str) -> datetime | None:
    """Return an aware instant; without offset it is Korean time; None for nothing."""
    if not text or not (text := text.strip()):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        refuse(field, f"not a time: {text[:40]!r}")
    if found.year not in YEARS:
        refuse(field, f"not a time of our days: {found.isoformat()}")
    return found if found.tzinfo else found.replace(tzinfo=clock.KST)


def needed_instant(text: str | None, field: str) -> datetime:
    """Return an aware instant that must be there, in a year that no placeholder has.

    Orders are kept in a partition per month: one far off would not even have a month after it.
    """
    found = instant(text, field)
    if found is None:
        refuse(field, "missing")
    if found.year not in OUR_DAYS:
        refuse(field, f"not a time of our days: {found.isoformat()}")
    return found


def end_of_day(text: str | None, field: str) -> datetime | None:
    """Return the end of a Korean calendar day written yyyy-MM-dd; None for nothing."""
    if not text:
        return None
    try:
        return _end_of(text[:10])
    except ValueError:
        refuse(field, f"not a day: {text[:40]!r}")


@lru_cache(maxsize=1_000)
def _end_of(day: str) -> datetime:
    found = date.fromisoformat(day)
    if found.year not in YEARS:
        raise ValueError(day)
    return clock.day_window(found).until


def count(value: int | None, field: str) -> int:
    """Return a number of pieces: there, not negative, not more than a column holds."""
    if value is None:
        refuse(field, "missing")
    if value < 0:
        refuse(field, f"negative: {value}")
    if value > MOST_PIECES:
        refuse(field, f"too many: {value}")
    return value


def won(value: int | float | None, field: str) -> int | None:
    """Return whole won, not negative, not more than a column holds; None for nothing."""
    if value is None or (type(value) is int and 0 <= value <= MOST_WON):
        return value
    if value != int(value):
        refuse(field, f"not whole won: {value}")
    if value < 0:
        refuse(field, f"negative: {value}")
    if value > MOST_WON:
        refuse(field, f"too much: {value}")
    return int(value)


def needed_won(value: int | float | None, field: str) -> int:
    """Return whole won that must be there."""
    found = won(value, field)
    if found is None:
        refuse(field, "missing")
    return found


def text_or_none(value: object) -> str | None:
    """Return text, None for nothing or blank."""
    if value is None:
        return None
    return (value if isinstance(value, str) else str(value)).strip() or None
