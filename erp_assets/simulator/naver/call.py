"""What a handler gets, and the values it may read from it.

A raw `+` of the query means blank, so an offset that was not encoded fails as a time (§1).
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from erp_assets import clock
from erp_assets.simulator.wire import Account
from erp_assets.simulator.world import Shop

Payload = dict[str, Any]
Row = dict[str, Any]
T = TypeVar("T")

BAD_PARAMETER = "4000"

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d)")


class Refused(Exception):
    """An answer other than success: the family's own code. field: the input at fault."""

    def __init__(self, code: str, message: str, *, status: int = 400, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.field = field


class Lists:
    """The listings made last: a listing stands until its shop changes."""

    _MOST = 16

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[object, ...], Any] = OrderedDict()

    def get(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what `make` gave for this key before, or make it."""
        if key not in self._made:
            self.put(key, make())
        made: T = self._made[key]
        return made

    def peek(self, key: tuple[object, ...]) -> Any:
        """Return what stands under a key; None when nothing does."""
        return self._made.get(key)

    def put(self, key: tuple[object, ...], made: object) -> None:
        """Keep a listing; the oldest makes room."""
        self._made[key] = made
        if len(self._made) > self._MOST:
            self._made.popitem(last=False)


@dataclass(slots=True, frozen=True)
class Call:
    """One accepted request.

    args: decoded path segments. now: the virtual clock. is_repeat: answer the page before.
    """

    account: Account
    now: datetime
    args: tuple[str, ...]
    query: Mapping[str, Sequence[str]]
    body: bytes
    lists: Lists
    is_repeat: bool = False

    @property
    def shop(self) -> Shop:
        """The account's shop."""
        return self.account.shop

    def key(self, *parts: object) -> tuple[object, ...]:
        """Return the key of a listing that stands until the shop changes."""
        return (self.account.key, self.shop.version, *parts)

    def text(self, name: str) -> str:
        """Return a parameter, empty when it is absent."""
        return self.query.get(name, ("",))[0]

    def texts(self, name: str) -> set[str]:
        """Return a list parameter: repeated, or joined with commas."""
        return {part for value in self.query.get(name, ()) for part in value.split(",") if part}

    def one_of(self, name: str, values: frozenset[str]) -> str:
        """Return a parameter that is absent or one of `values`."""
        text = self.text(name)
        if text and text not in values:
            raise bad_parameter(name)
        return text

    def some_of(self, name: str, values: frozenset[str]) -> set[str]:
        """Return a list parameter that holds nothing but `values`."""
        texts = self.texts(name)
        if not texts <= values:
            raise bad_parameter(name)
        return texts

    def count(self, name: str, default: int, most: int | None = None) -> int:
        """Return a whole number from 1 to `most`."""
        value = whole(self.text(name) or default)
        if not value or (most is not None and value > most):
            raise bad_parameter(name)
        return value

    def instant(self, name: str) -> datetime | None:
        """Return a time with milliseconds and offset; None when it is absent."""
        text = self.text(name)
        if name not in self.query:
            return None
        found = instant(text)
        if found is None:
            raise bad_parameter(name)
        return found

    def json(self) -> Payload:
        """Decode a body that must be an object."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise bad_parameter("body") from error


def bad_parameter(name: str) -> Refused:
    """Return the refusal of a parameter or field."""
    return Refused(BAD_PARAMETER, f"error invalid.{name}", field=name)


def whole(value: object) -> int | None:
    """Read a whole number from text or JSON; None when it is none or has more than 20 digits."""
    digits = str(value)
    return int(digits) if re.fullmatch(r"\d{1,20}", digits, re.ASCII) else None


def instant(text: object) -> datetime | None:
    """Read a time with exactly three digits of milliseconds and an offset."""
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def stamp(at: datetime) -> str:
    """Write Korean time with milliseconds and offset."""
    return at.astimezone(clock.KST).isoformat(timespec="milliseconds")


def filled(row: Mapping[str, Any]) -> Row:
    """Leave out what is not known: Naver's answers have no nulls."""
    return {name: value for name, value in row.items() if value is not None}


def stamped(at: datetime | None) -> str | None:
    """Write a time that may be unknown."""
    return stamp(at) if at else None
