"""Competitors' prices: where they come from, and which rows mean something.

Nothing is guessed: a row names our SKU, or an offer found by search has every word the seller gave
and as many pieces. Whether a price is stale or absurd is judged when prices are decided.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, Protocol

import httpx

from erp_assets import clock
from erp_assets.errors import BadRow, ErpError, TransientError
from erp_assets.planning import price_files
from erp_assets.planning.price_files import BadFile, BadLine, Line
from erp_assets.records import CompetitorPrice, FoundOffer
from erp_assets.warehouse.price_queries import WantedRow

MOST_WON = 10**12
FIELDS = ("sku", "price", "competitor", "seen_at", "pieces", "url")
NEEDED = ("sku", "price")
WON = re.compile(r"[₩￦]?\s*([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:\.0+)?\s*원?")
SERIAL = re.compile(r"[2-7][0-9]{4}(?:\.[0-9]+)?")
"""Days since 1899-12-30, as a workbook keeps a moment."""
EPOCH = datetime(1899, 12, 30, tzinfo=clock.KST)
PACK = re.compile(
    r"([0-9]+)\s*(?:개입|개|팩|세트|박스|입|set|ea|pcs)|[x×]\s*([0-9]+)(?![0-9a-z])", re.I
)
PLUS = re.compile(r"(?<![0-9])([0-9])\s*\+\s*([0-9])(?![0-9])")


class Reading(NamedTuple):
    """What a source told. bad: rows left out, by line."""

    prices: list[CompetitorPrice]
    bad: list[BadLine]


class Source(Protocol):
    """Where competitors' prices come from."""

    @property
    def name(self) -> str:
        """What its prices are stored under."""

    def read(self, now: datetime) -> Reading:
        """Return all it tells now. Raises: ErpError when it tells nothing at all."""


class OfferSearch(Protocol):
    """A market's public search."""

    @property
    def name(self) -> str:
        """What its prices are stored under."""

    def offers(self, words: str) -> Sequence[FoundOffer]:
        """Return the offers that the market finds, cheapest first."""


class FileSource:
    """A CSV, JSON or XLSX file by path or URL.

    columns: our field (`FIELDS`) → the file's header, where they differ; sku and price must be
    there. skus: code → number. A price without seen_at counts as seen now.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        skus: Mapping[str, int],
        columns: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        unknown = sorted((columns or {}).keys() - set(FIELDS))
        if unknown:
            raise BadFile(f"no such field: {', '.join(unknown)}; there are {', '.join(FIELDS)}")
        self.name = name
        self._url = url
        self._skus = skus
        self._columns = {field: field for field in FIELDS} | dict(columns or {})
        self._transport = transport

    def read(self, now: datetime) -> Reading:
        """Return the prices of the file."""
        body = price_files.fetch(self._url, transport=self._transport)
        return self.parse(self._url, body, now)

    def parse(self, name: str, body: bytes, now: datetime) -> Reading:
        """Return the prices of a file's bytes; `name` ends in its kind."""
        bad: list[BadLine] = []
        prices: dict[tuple[object, ...], tuple[int, CompetitorPrice]] = {}
        for line in price_files.lines(name, body, bad):
            try:
                price = self._price(line, now)
            except BadRow as error:
                bad.append(BadLine(line.number, str(error)))
                continue
            key = (*price[:4], price.seen_at)
            if key in prices:
                bad.append(BadLine(line.number, f"repeats line {prices[key][0]}"))
            else:
                prices[key] = (line.number, price)
        return Reading([price for _, price in prices.values()], sorted(bad))

    def _price(self, line: Line, now: datetime) -> CompetitorPrice:
        told = {
            field: line.cells[header]
            for field, header in self._columns.items()
            if header in line.cells
        }
        for field in NEEDED:
            if field not in told:
                raise BadRow(f"{self._columns[field]}: missing")
        sku = self._skus.get(told["sku"])
        if sku is None:
            raise BadRow(f"{self._columns['sku']}: unknown SKU {told['sku'][:40]!r}")
        return CompetitorPrice(
            sku,
            whole(told.get("pieces", "1"), self._columns["pieces"], most=10_000),
            self.name,
            told.get("competitor", self.name)[:200],
            whole(told["price"], self._columns["price"], most=MOST_WON),
            _moment(told["seen_at"], self._columns["seen_at"], now) if "seen_at" in told else now,
            told.get("url", "")[:1_000] or None,
        )


class SearchSource:
    """A market's search, asked for the words of each SKU.

    own: numbers of our own listings at that market, which are no competitors.
    """

    def __init__(
        self, search: OfferSearch, wanted: Sequence[WantedRow], *, own: Iterable[str] = ()
    ) -> None:
        self.name = search.name
        self._search = search
        self._wanted = wanted
        self._own = frozenset(own)

    def read(self, now: datetime) -> Reading:
        """Return the offers that have every word; a search that failed is a bad line of its own."""
        found = Reading([], [])
        for number, wish in enumerate(self._wanted, 1):
            try:
                offers = self._search.offers(wish.search_text)
            except TransientError as error:
                found.bad.append(BadLine(number, f"{wish.code}: {error}"))
                continue
            for offer in offers:
                why = self._why_not(wish, offer)
                if why is None:
                    found.prices.append(self._price(wish, offer, now))
                else:
                    found.bad.append(BadLine(number, f"{wish.code}: {offer.product_no} {why}"))
        return found

    def _why_not(self, wish: WantedRow, offer: FoundOffer) -> str | None:
        if offer.product_no in self._own:
            return "is our own listing"
        name = offer.name.casefold()
        missing = [word for word in wish.search_text.casefold().split() if word not in name]
        if missing:
            return f"lacks {' '.join(missing)}"
        packs = {int(one or other) for one, other in PACK.findall(name)}
        packs |= {int(one) + int(other) for one, other in PLUS.findall(name)}
        return None if packs <= {wish.pieces} else "is of another number of pieces"

    def _price(self, wish: WantedRow, offer: FoundOffer, now: datetime) -> CompetitorPrice:
        who = f"{offer.seller} {offer.product_no}".strip()
        return CompetitorPrice(
            wish.sku_id, wish.pieces, self.name, who, offer.price, now, offer.url
        )


def collect(sources: Iterable[Source], now: datetime) -> tuple[Reading, dict[str, str]]:
    """Read every source, outside any transaction; return what they told, and why some did not.

    A bad line's reason begins with the name of its source.
    """
    found, failed = Reading([], []), dict[str, str]()
    for source in sources:
        try:
            told = source.read(now)
        except ErpError as error:
            failed[source.name] = str(error)
            continue
        found.prices.extend(told.prices)
        found.bad.extend(BadLine(it.line, f"{source.name}: {it.reason}") for it in told.bad)
    return found, failed


def whole(text: str, name: str, *, most: int, least: int = 1) -> int:
    """Return a whole number of won or pieces: 12900, 12,900, ₩12,900, 12900원, 12900.0.

    Raises: BadRow: anything else; nothing is rounded.
    """
    match = WON.fullmatch(text)
    if match is None:
        raise BadRow(f"{name}: not a whole number: {text[:40]!r}")
    found = int(match[1].replace(",", ""))
    if not least <= found <= most:
        raise BadRow(f"{name}: {found:,} is not within {least:,} and {most:,}")
    return found


def _moment(text: str, name: str, now: datetime) -> datetime:
    """Return an instant; without zone it is Korean time."""
    try:
        if SERIAL.fullmatch(text):
            seconds = int(Decimal(text) * 86_400)
            moment = EPOCH + timedelta(seconds=seconds)
        else:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=clock.KST)
    except (ValueError, OverflowError, InvalidOperation):
        raise BadRow(f"{name}: not a time: {text[:40]!r}") from None
    if moment > now + timedelta(minutes=5):
        raise BadRow(f"{name}: {text[:40]!r} lies in the future")
    return moment
