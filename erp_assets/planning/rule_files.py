"""Price rules in and out of files: what each cell may hold, and what a row must be."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import time
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, NamedTuple

from erp_assets.errors import BadRow
from erp_assets.planning import price_files
from erp_assets.planning.competitors import whole
from erp_assets.planning.price_files import BadFile, BadLine
from erp_assets.planning.rules import Mode
from erp_assets.planning.won import MOST_PRICE
from erp_assets.warehouse.price_queries import RULE_COLUMNS

MOST_WON = 10**12 - 1
MOST_NUMBER = 2**31 - 1
YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
MARKETS = {"coupang": "coupang", "naver": "naver", "eleven": "eleven", "11st": "eleven"}
HEADERS = (
    "id",
    *({"sku_id": "sku", "account_id": "account"}.get(name, name) for name in RULE_COLUMNS),
)
"""Columns of a file of rules: SKUs by code, accounts by key."""


class RuleRows(NamedTuple):
    """Rules of a file: those with an id that is there, new ones, and rows left out."""

    changed: list[dict[str, Any]]
    new: list[dict[str, Any]]
    bad: list[BadLine]


def written(rules: Iterable[Mapping[str, Any]]) -> str:
    """Return rules as CSV with every column, to be read back by `parse`."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, HEADERS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for rule in rules:
        table.writerow({name: _shown(rule.get(name)) for name in HEADERS})
    return text.getvalue()


def parse(
    name: str,
    body: bytes,
    *,
    skus: Mapping[str, int],
    accounts: Mapping[str, int],
    known: Iterable[int],
) -> RuleRows:
    """Return the rules of a file. known: ids that are there; an empty id makes a new rule.

    Raises: BadFile: no table, or a column that no rule has (a misspelt one would silently count
    for nothing).
    """
    found = RuleRows([], [], [])
    there, seen = set(known), dict[int, int]()
    for line in price_files.lines(name, body, found.bad):
        unknown = sorted(line.cells.keys() - set(HEADERS))
        if unknown:
            raise BadFile(f"no such column: {', '.join(unknown)}; there are {', '.join(HEADERS)}")
        try:
            row = _row(line.cells, skus, accounts)
            _check(row)
            _check_id(row["id"], there, seen)
        except BadRow as error:
            found.bad.append(BadLine(line.number, str(error)))
            continue
        if row["id"] is None:
            found.new.append(row)
        else:
            seen[row["id"]] = line.number
            found.changed.append(row)
    found.bad.sort()
    return found


def _check_id(number: int | None, there: set[int], seen: Mapping[int, int]) -> None:
    if number is None:
        return
    if number in seen:
        raise BadRow(f"id: repeats line {seen[number]}")
    if number not in there:
        raise BadRow(f"id: there is no rule {number}; leave it empty to add one")


def _row(
    cells: Mapping[str, str], skus: Mapping[str, int], accounts: Mapping[str, int]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: read(cells[name], name) if name in cells else None for name, read in READERS.items()
    }
    row["sku_id"] = _looked_up(cells, "sku", skus)
    row["account_id"] = _looked_up(cells, "account", accounts)
    row["is_active"] = row["is_active"] is not False
    row["pieces"] = row["pieces"] or 1
    return row


def _looked_up(cells: Mapping[str, str], name: str, there: Mapping[str, int]) -> int | None:
    if name not in cells:
        return None
    if cells[name] not in there:
        raise BadRow(f"{name}: unknown: {cells[name][:40]!r}")
    return there[cells[name]]


def _check(row: Mapping[str, Any]) -> None:
    """Refuse a row that the table's own checks would, with words."""
    needs: Sequence[tuple[bool, str]] = (
        (
            row["sku_id"] is not None
            or not (row["opt_in"] or row["search_text"] or row["pieces"] != 1),
            "sku: opt_in, search_text and pieces are for a SKU's rule alone",
        ),
        (
            (row["quiet_from"] is None) == (row["quiet_until"] is None),
            "quiet_from and quiet_until: both or none",
        ),
        (_in_order(row["floor"], row["ceiling"]), "ceiling: below the floor"),
        (_in_order(row["band_low"], row["band_high"]), "band_high: below band_low"),
        (row["mode"] != Mode.FIXED or row["price"] is not None, "price: mode fixed needs one"),
        (
            row["mode"] != Mode.UNDERCUT
            or bool(row["undercut_amount"])
            or bool(row["undercut_rate"]),
            "undercut_amount: mode undercut needs an amount or a rate",
        ),
    )
    for is_met, words in needs:
        if not is_met:
            raise BadRow(words)


def _in_order(low: Any, high: Any) -> bool:
    return low is None or high is None or bool(low <= high)


def _rate(text: str, name: str, *, most: str, is_open: bool = False) -> Decimal:
    """Return a share: 0.1 or 10%."""
    is_percent = text.endswith("%")
    try:
        rate = Decimal(text.rstrip("% "))
    except InvalidOperation:
        raise BadRow(f"{name}: not a share like 0.1 or 10%: {text[:40]!r}") from None
    if not rate.is_finite() or not 0 <= rate <= 10_000:
        raise BadRow(f"{name}: not a share like 0.1 or 10%: {text[:40]!r}")
    rate = rate / 100 if is_percent else rate
    if rate > Decimal(most) or (is_open and rate == Decimal(most)) or rate != round(rate, 6):
        limit = f"less than {most}" if is_open else f"{most} at most"
        raise BadRow(f"{name}: {text} is not {limit} with six decimals; 0.1 = 10 %")
    return rate


def _yes_no(text: str, name: str) -> bool:
    if text.lower() not in YES_NO:
        raise BadRow(f"{name}: neither true nor false: {text[:40]!r}")
    return YES_NO[text.lower()]


def _one_of(text: str, name: str, *, words: Mapping[str, Any]) -> Any:
    if text.lower() not in words:
        raise BadRow(f"{name}: {text[:40]!r} is none of {', '.join(words)}")
    return words[text.lower()]


def _time(text: str, name: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        raise BadRow(f"{name}: not a time of day like 23:00: {text[:40]!r}") from None
    if found.tzinfo is not None:
        raise BadRow(f"{name}: times are Korean, without a zone")
    return found


def _text(text: str, name: str) -> str:
    if len(text) > 500 or "\0" in text:
        raise BadRow(f"{name}: longer than 500 characters, or no text")
    return text


_won = partial(whole, most=MOST_WON, least=0)
_price = partial(whole, most=MOST_PRICE, least=10)
_share = partial(_rate, most="1")
_part = partial(_rate, most="1", is_open=True)
_factor = partial(_rate, most="100")
READERS: Mapping[str, Callable[[str, str], Any]] = {
    "id": partial(whole, most=MOST_NUMBER),
    "name": _text,
    "is_active": _yes_no,
    "pieces": partial(whole, most=10_000),
    "category": _text,
    "market": partial(_one_of, words=MARKETS),
    "cost": _won,
    "fee_rate": _part,
    "min_margin": _won,
    "min_margin_rate": _part,
    "floor": partial(whole, most=MOST_PRICE, least=0),
    "ceiling": _price,
    "mode": partial(_one_of, words={str(mode): mode for mode in Mode}),
    "price": _price,
    "undercut_amount": _won,
    "undercut_rate": _part,
    "run_change_rate": _share,
    "day_change_rate": _share,
    "cooldown_minutes": partial(whole, most=MOST_NUMBER, least=0),
    "opt_in": _yes_no,
    "quiet_from": _time,
    "quiet_until": _time,
    "competitor_hours": partial(whole, most=MOST_NUMBER),
    "band_low": _factor,
    "band_high": _factor,
    "search_text": _text,
}
"""Column → how its cell is read."""


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
