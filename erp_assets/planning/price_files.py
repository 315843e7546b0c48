"""Tables out of files: CSV, JSON and XLSX, local or by URL, as rows of text with line numbers.

XLSX is read here with zipfile and lxml: numbers stay the text they are in the file, where other
readers make binary fractions of them. A formula counts as the value that was saved with it.
"""

import csv
import io
import json
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import fsspec
import httpx
from lxml import etree

from erp_assets.errors import PermanentError, TransientError

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses, signatures included
MOST_BYTES = 64 * 1024 * 1024
PACKAGES = {"s3": "s3fs", "sftp": "paramiko"}
"""Scheme → the package that fsspec needs for it."""
MOST_JOINED = 20
"""Lines that one row of a CSV may go over."""
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
REPLACED = "\ufffd"
CELL = re.compile(r"([A-Z]+)[0-9]+")
NUMBER = re.compile(r"[0-9]{1,9}")
MOST_COLUMNS = 1_000
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError),
    *(KeyError, StopIteration, NotImplementedError, RuntimeError, ValueError, EOFError, OSError),
)
"""What zipfile and lxml raise at a file that is no workbook, or an encrypted one."""
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class BadFile(PermanentError):
    """A file that is no table, or lacks a column; the text says which."""


class BadLine(NamedTuple):
    """A row that was left out, and why. line: of the file, the header being 1 (JSON: item)."""

    line: int
    reason: str


class Line(NamedTuple):
    """A row: header → text; empty cells are not there."""

    number: int
    cells: Mapping[str, str]


def fetch(
    url: str, *, transport: httpx.BaseTransport | None = None, most: int = MOST_BYTES
) -> bytes:
    """Return a file by path, file://, https://, sftp:// or s3://; http:// on this machine only.

    Raises: BadFile: not there, too large, scheme not known or its package not installed.
    TransientError: the server did not answer.
    """
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
            raise BadFile("http:// can be changed on its way: use https://")
        return _download(url, transport, most)
    if parts.scheme not in ("", "file", *PACKAGES):
        raise BadFile(f"{parts.scheme}:// is not known: use a path, https, sftp or s3")
    try:
        with fsspec.open(url, "rb") as file:
            body: bytes = file.read(most + 1)
            _limit(len(body), most)
            return body
    except ImportError:
        package = PACKAGES.get(parts.scheme, "")
        raise BadFile(f"{parts.scheme}:// needs a package: pip install {package}") from None
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror or type(error).__name__}") from None
    except BadFile:
        raise
    except Exception as error:  # noqa: BLE001 - the packages behind fsspec have classes of their own
        raise BadFile(f"cannot be read: {type(error).__name__}") from None


def _download(url: str, transport: httpx.BaseTransport | None, most: int) -> bytes:
    try:
        with (
            httpx.Client(transport=transport, timeout=30, follow_redirects=False) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code >= 500:
                raise TransientError(f"the server answered {answer.status_code}")
            if answer.status_code != 200:
                raise BadFile(f"the server answered {answer.status_code}")
            found = bytearray()
            for piece in answer.iter_bytes():
                found += piece
                _limit(len(found), most)
            return bytes(found)
    except httpx.HTTPError as error:  # its text may hold the address, and that a signature
        raise TransientError(f"the server did not answer: {type(error).__name__}") from None


def _limit(size: int, most: int) -> None:
    if size > most:
        raise BadFile(f"larger than {most // 1024**2} MB")


def lines(name: str, body: bytes, bad: list[BadLine]) -> Iterator[Line]:
    """Yield the rows of a file called `name`; those that are none are appended to `bad`.

    Raises: BadFile: no table at all.
    """
    kind = urlsplit(name).path.lower().rpartition(".")[2]
    if kind == "json":
        yield from _json_lines(body, bad)
    elif kind in ("xlsx", "xlsm"):
        yield from _table(_xlsx_rows(body), bad)
    elif kind in ("csv", "tsv", "txt"):
        yield from _table(_csv_rows(text_of(body), "\t" if kind == "tsv" else ",", bad), bad)
    else:
        raise BadFile(f"{kind!r} is no kind of table known here: use csv, json or xlsx")


def text_of(body: bytes) -> str:
    """Decode UTF-8, with or without BOM, or CP949; bytes that are neither become U+FFFD."""
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    found = [body.decode(it, "replace") for it in ("utf-8-sig", "cp949")]
    return min(found, key=lambda it: it.count(REPLACED))


def _table(rows: Iterator[tuple[int, Sequence[str]]], bad: list[BadLine]) -> Iterator[Line]:
    """Take the first row for the header."""
    header = [it.strip() for it in next(rows, (0, ()))[1]]
    if not any(header):
        raise BadFile("there is no header")
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            bad.append(BadLine(number, f"has {len(cells)} cells, the header {len(header)}"))
        elif any(REPLACED in cell for cell in cells):
            bad.append(BadLine(number, "holds bytes that are neither UTF-8 nor CP949"))
        else:
            pairs = zip(header, (cell.strip() for cell in cells), strict=False)
            yield Line(number, {name: cell for name, cell in pairs if name and cell})


def _csv_rows(text: str, delimiter: str, bad: list[BadLine]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield rows with the number of their first line; a quote left open costs its own line only."""
    physical = list(io.StringIO(text, newline=None))
    n = 0
    while n < len(physical):
        for height in range(1, MOST_JOINED + 1):
            row = _csv_row("".join(physical[n : n + height]), delimiter)
            if row is not None:
                yield n + 1, row
                break
        else:
            bad.append(BadLine(n + 1, "has a quote that does not end"))
            height = 1
        n += height


def _csv_row(text: str, delimiter: str) -> Sequence[str] | None:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), ())
    except csv.Error:
        return None


def _json_lines(body: bytes, bad: list[BadLine]) -> Iterator[Line]:
    try:
        found = json.loads(text_of(body), parse_float=Decimal)
    except (ValueError, RecursionError):
        raise BadFile("is no JSON") from None
    if isinstance(found, dict):
        found = next((it for it in found.values() if isinstance(it, list)), None)
    if not isinstance(found, list):
        raise BadFile("holds no list of objects")
    for number, item in enumerate(found, 1):
        if isinstance(item, dict):
            told = {str(name): value for name, value in item.items() if _is_leaf(value)}
            cells = {name: str(value).strip() for name, value in told.items()}
            yield Line(number, {name: cell for name, cell in cells.items() if cell})
        else:
            bad.append(BadLine(number, "is no object"))


def _is_leaf(value: object) -> bool:
    return isinstance(value, str | int | Decimal) and not isinstance(value, bool)


def _xlsx_rows(body: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the rows of the first sheet with their numbers."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            shared = _shared(book) if "xl/sharedStrings.xml" in book.namelist() else []
            sheet = _xml(book, _first_sheet(book))
    except BROKEN:
        raise BadFile("is no XLSX workbook") from None
    for n, row in enumerate(sheet.iter("{*}row"), 1):
        cells: dict[int, str] = {}
        for place, cell in enumerate(row.iter("{*}c")):
            column = _place(cell.get("r"), place)
            if column < MOST_COLUMNS:
                cells[column] = _cell(cell, shared)
        width = max(cells, default=-1) + 1
        told = row.get("r", "")
        yield (
            int(told) if NUMBER.fullmatch(told) else n,
            [cells.get(place, "") for place in range(width)],
        )


def _first_sheet(book: zipfile.ZipFile) -> str:
    first = next(_xml(book, "xl/workbook.xml").iter("{*}sheet"))
    for relation in _xml(book, "xl/_rels/workbook.xml.rels").iter("{*}Relationship"):
        if relation.get("Id") == first.get(RELATION):
            target = str(relation.get("Target"))
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError("first sheet")


def _shared(book: zipfile.ZipFile) -> list[str]:
    return [_words(it) for it in _xml(book, "xl/sharedStrings.xml").iter("{*}si")]


def _xml(book: zipfile.ZipFile, name: str) -> Any:
    _limit(book.getinfo(name).file_size, MOST_BYTES)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root: Any = etree.fromstring(book.read(name), parser)
    if root.getroottree().docinfo.doctype:
        raise BadFile("has a DOCTYPE, as no workbook has")
    return root


def _words(element: Any) -> str:
    return "".join(it.text or "" for it in element.iter("{*}t"))


def _cell(cell: Any, shared: Sequence[str]) -> str:
    if cell.get("t") == "inlineStr":
        return _words(cell)
    value = next((it.text or "" for it in cell.iter("{*}v")), "")
    if cell.get("t") != "s":
        return "" if cell.get("t") == "e" else value
    is_there = NUMBER.fullmatch(value) and int(value) < len(shared)
    return shared[int(value)] if is_there else REPLACED


def _place(reference: str | None, place: int) -> int:
    match = CELL.fullmatch(reference or "")
    if match is None:
        return place
    number = 0
    for letter in match[1][:3]:
        number = number * 26 + ord(letter) - 64
    return number - 1
