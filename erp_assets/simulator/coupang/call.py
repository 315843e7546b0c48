"""What a handler gets, and the parameters it may read from it.

A raw `+` of the query means blank, so an offset that was not encoded fails as a date (§5.2).
What the documents leave open is decided so: a page size above the limit is cut to it, a parameter
that is missing is refused with the text that the documents show for other endpoints.
Source: coupang.md §5.2, §9, §10.
"""

import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from erp_assets import clock
from erp_assets.simulator.wire import Account
from erp_assets.simulator.world import Shop

Payload = dict[str, Any]
Row = dict[str, Any]
T = TypeVar("T")

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Refused(Exception):
    """HTTP 400; the text is the market's."""


class Lists:
    """The listings made last: a listing stands until its shop changes."""

    _MOST = 32

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[object, ...], Any] = OrderedDict()

    def get(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what `make` gave for this key before, or make it."""
        if key not in self._made:
            self._made[key] = make()
            if len(self._made) > self._MOST:
                self._made.popitem(last=False)
        made: T = self._made[key]
        return made


@dataclass(slots=True, frozen=True)
class Call:
    """One accepted request.

    args: decoded path segments. now: the virtual clock. is_repeat: answer the page before.
    lag: how long after payment an order appears in lists.
    """

    account: Account
    now: datetime
    args: tuple[str, ...]
    query: Mapping[str, Sequence[str]]
    body: bytes
    lists: Lists
    is_repeat: bool = False
    lag: timedelta = timedelta(0)

    @property
    def shop(self) -> Shop:
        """The account's shop."""
        return self.account.shop

    @property
    def vendor(self) -> str:
        """The account's vendorId."""
        return self.account.credentials["vendor_id"]

    def text(self, name: str) -> str:
        """Return a parameter, empty when it is absent."""
        return self.query.get(name, ("",))[0]

    def required(self, name: str) -> str:
        """Return a parameter that must be there, even empty."""
        if name not in self.query:
            raise Refused(f"Required String parameter '{name}' is not present")
        return self.query[name][0]

    def size(self, default: int, most: int) -> int:
        """Return `maxPerPage`, cut to `most`."""
        text = self.text("maxPerPage") or str(default)
        if not number(text):
            raise Refused("maxPerPage is invalid")
        return min(int(text), most)

    def listing(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return a listing of this account, made anew only when its shop or the day changed."""
        now = self.now if self.lag else clock.kst_day(self.now)
        return self.lists.get((self.account.key, self.shop.version, now, *key), make)

    def page(
        self, rows: Sequence[T], numbered: Callable[[T], int], size: int
    ) -> tuple[Sequence[T], str]:
        """Cut the page after `nextToken` out of rows that ascend by number.

        Returns: the page, and its last row's number as token, empty on the last page.
        """
        token = self.text("nextToken")
        if token and number(token) is None:
            raise Refused("nextToken is invalid")
        start = bisect_right(rows, int(token), key=numbered) if token else 0
        if self.is_repeat:
            start = max(0, start - size)
        cut = rows[start : start + size]
        return cut, str(numbered(cut[-1])) if start + size < len(rows) else ""

    def json(self) -> dict[str, Any]:
        """Decode a body that must be an object, and belong to this vendor if it names one."""
        try:
            body = msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused("입력값에 오류가 있습니다.") from error
        if body.get("vendorId", self.vendor) != self.vendor:
            raise Refused("Invalid vendor ID")
        return body


class Span(NamedTuple):
    """A period [since, until), and what the request asked for."""

    since: datetime
    until: datetime
    asked: timedelta
    is_one_day: bool


class Form(NamedTuple):
    """How a period is written. unit: how long the last named moment lasts."""

    pattern: re.Pattern[str]
    shown: str
    unit: timedelta


_DATE, _MINUTE = r"\d{4}-\d\d-\d\d", r"\d{4}-\d\d-\d\dT\d\d:\d\d"
DAY = Form(re.compile(_DATE), "yyyy-MM-dd", clock.DAY)
TO_MINUTE = Form(re.compile(_MINUTE), "yyyy-MM-dd'T'HH:mm", MINUTE)
TO_SECOND = Form(re.compile(_MINUTE + r":\d\d"), "yyyy-MM-dd'T'HH:mm:ss", SECOND)
ZONED_DAY = Form(re.compile(rf"({_DATE})\+09:00"), "yyyy-MM-dd+09:00", clock.DAY)
ZONED_MINUTE = Form(re.compile(rf"({_MINUTE})\+09:00"), "yyyy-MM-dd'T'HH:mm+09:00", MINUTE)


def moment(text: str, form: Form) -> datetime | None:
    """Read Korean time of exactly this form; None when it is not."""
    found = form.pattern.fullmatch(text)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[found.lastindex or 0]).replace(tzinfo=clock.KST)
    except ValueError:
        return None


def span(call: Call, names: tuple[str, str], form: Form) -> Span:
    """Read a period whose both ends are named and included."""
    first, last = (_moment(call, name, form) for name in names)
    if first > last:
        raise Refused(f"{names[0]} must not be later than {names[1]}")
    return Span(first, last + form.unit, last - first, first.date() == last.date())


def _moment(call: Call, name: str, form: Form) -> datetime:
    found = moment(call.required(name), form)
    if found is None:
        raise Refused(f"{name}: Invalid format. '{form.shown}' 형식을 사용하세요.")
    return found


def number(text: object) -> int | None:
    """Read a whole number from text or JSON; None when it is none or has more than 19 digits."""
    digits = str(text)
    return int(digits) if re.fullmatch(r"\d{1,19}", digits, re.ASCII) else None


@lru_cache(maxsize=4_096)
def local(instant: datetime | None) -> str:
    """Write Korean time without offset; empty for None."""
    return instant.astimezone(clock.KST).isoformat()[:19] if instant else ""


@lru_cache(maxsize=4_096)
def zoned(instant: datetime | None) -> str:
    """Write Korean time with microseconds and offset, as v5 order sheets do; empty for None."""
    return instant.astimezone(clock.KST).isoformat(timespec="microseconds") if instant else ""


def money(won: int) -> Row:
    """Write an amount as v5 and v6 do."""
    return {"currencyCode": "KRW", "units": won, "nanos": 0}
