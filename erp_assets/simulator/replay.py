"""Real transactions as demand: 541,909 lines of one British gift shop, spread over three markets.

Source: "Online Retail", Daqing Chen, UCI Machine Learning Repository, CC BY 4.0; a CSV with the
columns InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice (GBP).

* An invoice becomes an order at the market that crc32 of its number chooses; its time is read as
  Korean time. Where its lines name several times, the earliest holds.
* A stock code becomes a listing at each market that sells it.
* 1 GBP counts as 1,000 won, so that prices of three decimals stay whole numbers.
* An invoice with the prefix C becomes an order that arrived and that a return claim was opened for.
* No market carries a line of negative pieces without a claim, or a negative price: those are left
  out and counted.
"""

import csv
import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zlib import crc32

from erp_assets.clock import KST
from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus
from erp_assets.simulator.building import CREDENTIALS, VirtualClock
from erp_assets.simulator.wire import Account
from erp_assets.simulator.world import Claim, Item, Line, Listing, Order, Shop

MARKETS = ("coupang", "naver", "eleven")
MILLI = Decimal("0.001")
CANCELS = 5_000_000
"""Added to the number of an invoice with the prefix C, and twice that to one with the prefix A."""


@dataclass(slots=True)
class Totals:
    """Control totals. quantity and value: cancelled invoices count negative; value in won."""

    lines: int = 0
    orders: int = 0
    quantity: int = 0
    value: int = 0

    def add(self, quantity: int, price: int) -> None:
        """Count one line."""
        self.lines += 1
        self.quantity += quantity
        self.value += quantity * price


@dataclass(slots=True)
class Row:
    """One line of the data. price: thousandths of a pound, which is won here."""

    invoice: str
    code: str
    name: str
    quantity: int
    at: datetime
    price: int

    @property
    def is_cancel(self) -> bool:
        """Does the line undo a sale?"""
        return self.invoice.startswith("C")

    @property
    def why_not(self) -> str | None:
        """Say why no market can carry the line; None when one can."""
        if self.price < 0:
            return "negative price"
        if self.quantity < 0 and not self.is_cancel:
            return "negative pieces without a cancellation"
        if self.quantity >= 0 and self.is_cancel:
            return "a cancellation of nothing"
        return None


@dataclass(slots=True)
class Replay:
    """Three accounts full of real demand, and what they were made of.

    carried: by market. left_out: by reason. The two add up to `total`.
    """

    accounts: list[Account]
    now: VirtualClock
    carried: dict[str, Totals] = field(default_factory=dict)
    left_out: dict[str, Totals] = field(default_factory=dict)
    total: Totals = field(default_factory=Totals)

    def advance(self, seconds: float) -> None:
        """Move the clock on; nothing else ever happens here."""
        self.now.advance(seconds)


def market_of(invoice: str) -> str:
    """Return the market an invoice is replayed at."""
    return MARKETS[crc32(invoice.encode()) % len(MARKETS)]


def load(path: Path) -> Replay:
    """Read the data (CSV, or gzip of it) into three shops.

    The clock stands on the day after the last invoice.
    """
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        return build(rows(file))


def rows(text: Iterable[str]) -> Iterator[Row]:
    """Yield the lines of the CSV."""
    for cells in csv.DictReader(text):
        name = cells["Description"].strip() or cells["StockCode"]
        yield Row(
            cells["InvoiceNo"],
            cells["StockCode"],
            name.encode("cp949", "replace").decode("cp949"),
            int(cells["Quantity"]),
            datetime.fromisoformat(cells["InvoiceDate"]).replace(tzinfo=KST),
            int(Decimal(cells["UnitPrice"]) / MILLI),
        )


def build(some: Iterable[Row]) -> Replay:
    """Make the shops."""
    invoices: dict[str, list[Row]] = {}
    for row in some:
        invoices.setdefault(row.invoice, []).append(row)
    last = max(row.at for found in invoices.values() for row in found)
    now = VirtualClock(last + timedelta(days=1))
    shops = {market: Shop(market, now) for market in MARKETS}
    made = Replay([Account(m, shops[m], dict(CREDENTIALS[m])) for m in MARKETS], now)
    made.carried = {market: Totals() for market in MARKETS}
    fillers = {market: _Filler(shop) for market, shop in shops.items()}
    for invoice, found in invoices.items():
        market = market_of(invoice)
        made.total.orders += 1
        carried = [row for row in found if _count(made, market, row)]
        if carried:
            made.carried[market].orders += 1
            fillers[market].add(carried)
        else:
            made.left_out[found[0].why_not or ""].orders += 1
    return made


def _count(made: Replay, market: str, row: Row) -> bool:
    """Count a line; return whether a market carries it."""
    made.total.add(row.quantity, row.price)
    reason = row.why_not
    to = made.carried[market] if reason is None else made.left_out.setdefault(reason, Totals())
    to.add(row.quantity, row.price)
    return reason is None


class _Filler:
    """Fills one shop, order by order."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._items: dict[str, Item] = {}
        self._lines = 10_000_000
        self._claims = 0
        self._boxes = 10_000_000

    def add(self, found: list[Row]) -> None:
        """File one invoice as an order, and as claims when it is a cancellation."""
        at = min(row.at for row in found)
        order = self._order(found[0].invoice, at)
        seen: dict[str, int] = {}
        for seq, row in enumerate(found, start=1):
            repeat = seen[row.code] = seen.get(row.code, 0) + 1
            line = self._line(order, seq, row, repeat)
            order.lines.append(line)
            if row.is_cancel:
                self._claim(line, at)
        self._shop.add_order(order)
        self._boxes += 1000

    def _order(self, invoice: str, at: datetime) -> Order:
        number = int(invoice.lstrip("CA")) + CANCELS * "-CA".index(
            invoice[0] if invoice[0] in "CA" else "-"
        )
        if self._shop.market != "coupang":
            number += int(f"{at:%Y%m%d}") * 10 ** (9 if self._shop.market == "eleven" else 8)
        return Order(number, at, at, "Kim", "010-0000-0000", "Kim", "04001", "Seoul", "1", "")

    def _line(self, order: Order, seq: int, row: Row, repeat: int) -> Line:
        self._lines += 1
        # a Coupang box holds an option once, so a second line of it needs a second box
        box = self._boxes + (repeat if self._shop.market == "coupang" else 1)
        line = Line(
            order=order,
            no=self._number(order, seq),
            box=box,
            item=self._item(row, order.ordered_at),
            quantity=abs(row.quantity),
            unit_price=row.price,
            surcharge=0,
            seller_discount=0,
            market_discount=0,
            shipping_fee=0,
            status=LineStatus.DELIVERED,
            changed_at=order.ordered_at,
        )
        line.confirmed_at = line.shipped_at = line.delivered_at = order.ordered_at
        line.carrier, line.invoice_no = "DIRECT", ""
        return line

    def _number(self, order: Order, seq: int) -> int:
        if self._shop.market == "eleven":
            return seq
        return (
            order.no // 10**8 * 10**8 + self._lines if self._shop.market == "naver" else self._lines
        )

    def _claim(self, line: Line, at: datetime) -> None:
        self._claims += 1
        claim = Claim(
            no=self._claims,
            line=line,
            kind=ClaimKind.RETURN,
            status=ClaimStatus.REQUESTED,
            quantity=line.quantity,
            requested_at=at,
            changed_at=at,
            reason="cancelled invoice",
            was=LineStatus.DELIVERED,
        )
        line.held = line.quantity
        line.change = "CLAIM_REQUESTED"
        line.claims.append(claim)
        self._shop.claims[claim.no] = [claim]

    def _item(self, row: Row, at: datetime) -> Item:
        if row.code not in self._items:
            self._items[row.code] = self._listing(row, at).items[0]
        return self._items[row.code]

    def _listing(self, row: Row, at: datetime) -> Listing:
        number = 7_000_000_000 + len(self._items)
        listing = Listing(
            no=number,
            channel_no=number + 500_000_000,
            name=row.name,
            seller_code=row.code,
            base_price=row.price,
            status=ProductStatus.ON_SALE,
            created_at=at,
            modified_at=at,
            category=50000803,
            has_options=False,
        )
        listing.items.append(Item(listing, number * 10, "", row.code, "", 0, 10**9))
        self._shop.add_listing(listing)
        return listing
