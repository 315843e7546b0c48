"""The fault MALFORMED_ROW for JSON answers: one row, spoiled in a way that takes turns."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

Row = dict[str, Any]
Field = tuple[Row, str]


class Fields(NamedTuple):
    """Names of a market's fields by what they hold; the first one found in a row is spoiled."""

    states: frozenset[str]
    required: frozenset[str]
    counts: frozenset[str]
    prices: frozenset[str]
    dates: frozenset[str]


def _unknown_state(row: Row, name: str) -> None:
    row[name] = "NO_SUCH_STATE"


def _missing(row: Row, name: str) -> None:
    del row[name]


def _text_for_a_count(row: Row, name: str) -> None:
    row[name] = "two"


def _negative_price(row: Row, name: str) -> None:
    if isinstance(row[name], dict):
        row[name]["units"] = -100
    else:
        row[name] = -100


def _no_date(row: Row, name: str) -> None:
    row[name] = "2026-13-45"


_WAYS: Sequence[Callable[[Row, str], None]] = (
    _unknown_state,
    _missing,
    _text_for_a_count,
    _negative_price,
    _no_date,
)
"""In the order of `Fields`."""


class Breaker:
    """Spoils one row per answer; rows and ways take turns, so that a short run sees them all."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._turn = 0

    def spoil(self, rows: Sequence[Row]) -> list[Row]:
        """Return `rows` with one of them spoiled; a row without such a field takes the next way."""
        spoiled = list(rows)
        if spoiled:
            index = self._turn % len(spoiled)
            spoiled[index] = self._spoiled(deepcopy(spoiled[index]))
        return spoiled

    def _spoiled(self, row: Row) -> Row:
        for _ in _WAYS:
            way = self._turn % len(_WAYS)
            self._turn += 1
            if found := next(_fields(row, self._fields[way]), None):
                _WAYS[way](*found)
                return row
        return row


def _fields(value: object, names: frozenset[str]) -> Iterator[Field]:
    """Yield the fields of that name which hold something, the outer ones first."""
    if isinstance(value, dict):
        yield from ((value, name) for name in value if name in names and value[name] is not None)
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _fields(inner, names)
