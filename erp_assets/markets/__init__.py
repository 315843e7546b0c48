"""The markets: what each of them can do, and which class speaks for which code."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import ClassVar, Protocol

from erp_assets.records import (
    Batch,
    Dispatch,
    LineKey,
    LineStatus,
    OptionKey,
    PriceChange,
    StockChange,
    WriteResult,
)

__all__ = ["ALIASES", "CODES", "Market", "market_code"]

CODES = ("coupang", "naver", "eleven")
ALIASES = {"11st": "eleven", "smartstore": "naver"}


def market_code(text: str) -> str:
    """Return the market code that `text` means; ValueError when it means none."""
    code = ALIASES.get(text.strip().lower(), text.strip().lower())
    if code not in CODES:
        raise ValueError(f"unknown market {text!r}: use one of {', '.join(CODES)}")
    return code


class Market(Protocol):
    """One account at one market.

    Reads yield batches as pages arrive: typed rows, the same rows raw, and the rows that could not
    be understood. Read errors are those of `erp_assets.errors`. Writes answer item by item and
    never raise for a single item's refusal.
    """

    code: ClassVar[str]
    order_lookback_days: ClassVar[int]
    """How far back a routine collection must start, because the market cannot tell what changed."""

    silent_statuses: ClassVar[frozenset[LineStatus]]
    """States that a line may leave without `orders` reporting it."""

    @property
    def calls(self) -> int:
        """HTTP calls made so far, token calls and repeats included."""
        ...

    async def ping(self) -> datetime | None:
        """Make one harmless signed call; return the server's clock when it shows one."""
        ...

    def products(self) -> AsyncIterator[Batch]:
        """Yield every listing with its options (and offers, where the same answer holds them)."""
        ...

    def offers(self, options: Sequence[OptionKey]) -> AsyncIterator[Batch]:
        """Yield stock and price of `options`, with the fewest calls the market allows."""
        ...

    def orders(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield the orders the market reports for [since, until), oldest window first.

        Coupang files an order under the time it was placed, Naver under its last change, 11st
        under the time it reached its present state. `complete_until` moves with each window.
        """
        ...

    def orders_by_no(self, order_nos: Sequence[str]) -> AsyncIterator[Batch]:
        """Yield single orders in whatever state; those the market no longer shows are left out."""
        ...

    def lines_again(self, lines: Sequence[LineKey]) -> AsyncIterator[Batch]:
        """Yield these lines as they are now."""
        ...

    def claims(self, since: datetime, until: datetime) -> AsyncIterator[Batch]:
        """Yield cancels, returns and exchanges the market reports for [since, until)."""
        ...

    async def line_keys(self, since: datetime, until: datetime) -> set[tuple[str, str]]:
        """Return the (order_no, line_no) the market lists for [since, until): a control total."""
        ...

    async def confirm(self, lines: Sequence[LineKey]) -> list[WriteResult]:
        """Tell the market that these lines are being prepared."""
        ...

    async def dispatch(self, dispatches: Sequence[Dispatch]) -> list[WriteResult]:
        """Register the invoices of these lines."""
        ...

    async def set_stock(self, changes: Sequence[StockChange]) -> list[WriteResult]:
        """Set stock, absolute."""
        ...

    async def set_prices(self, changes: Sequence[PriceChange]) -> list[WriteResult]:
        """Set sale prices; refused here when the market's own rule would refuse them."""
        ...

    async def set_on_sale(self, options: Sequence[OptionKey], on_sale: bool) -> list[WriteResult]:
        """Stop or resume sale."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
