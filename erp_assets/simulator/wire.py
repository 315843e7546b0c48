"""What the server and the three protocols share: requests, answers, accounts, faults, limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from erp_assets.simulator.world import Shop


@dataclass(slots=True, frozen=True)
class Request:
    """A request as it came over the wire. path and query are raw (still percent-encoded) text.

    headers: names in lower case.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    address: str = "127.0.0.1"


@dataclass(slots=True)
class Response:
    """An answer about to leave."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Fault(StrEnum):
    """What can be made to go wrong with one answer."""

    BUSY = "busy"
    ERROR_BEFORE = "error_before"
    """500 before anything happened."""
    ERROR_AFTER = "error_after"
    """500/504 after a write took effect (reads: the same as before)."""
    CUT = "cut"
    """The connection closes in the middle of the body."""
    SLOW = "slow"
    REVOKE = "revoke"
    """Tokens given out so far stop working."""
    HTML = "html"
    MALFORMED_ROW = "malformed_row"
    """One row of a list: wrong type, missing field, unknown state, or a date that is none."""
    DUPLICATE_PAGE = "duplicate_page"
    """A list answers with the page before, its continuation mark included."""


@dataclass(slots=True)
class Account:
    """One seller at one market. credentials: by name (vendor_id, client_id, api_key …)."""

    key: str
    shop: Shop
    credentials: dict[str, str]
    allowed_addresses: frozenset[str] | None = None
    expired: bool = False


@dataclass(slots=True)
class Limits:
    """Calls per second as the market enforces them; None = no limits (replay, benchmarks)."""

    coupang: float | None = 10.0
    naver_orders: float | None = 2.0
    naver_products: float | None = 20.0
    eleven: float | None = None


class MarketProtocol(Protocol):
    """One market's protocol over any number of accounts."""

    prefix: ClassVar[str]
    """Paths that begin with this belong to it: /v2/providers/, /external/, /rest/."""

    def __init__(
        self, accounts: list[Account], now: Callable[[], datetime], limits: Limits
    ) -> None:
        """now: the virtual clock (signatures and tokens use the real one: `wall`)."""
        ...

    def handle(self, request: Request, fault: Fault | None = None) -> Response:
        """Answer one request. fault: only REVOKE, MALFORMED_ROW and DUPLICATE_PAGE get here."""
        ...

    def failure(self, request: Request, fault: Fault) -> Response:
        """Return this market's own answer for BUSY, ERROR_BEFORE, ERROR_AFTER or HTML."""
        ...

    def is_write(self, request: Request) -> bool:
        """Does this request change something? (11st writes over GET.)"""
        ...
