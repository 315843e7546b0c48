"""The gateway: path, signature, key, address, rate; then the call; faults in Coupang's own words.

What the documents leave open is decided so: an expired key is no longer authorized (401, the text
of a missing signature); calls that were refused for the rate are not counted against it; a flood
of failing calls from one address ends at the edge with the 403 page.
Source: coupang.md §1, §2, §12.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs
from uuid import uuid4

import msgspec

from erp_assets import clock
from erp_assets.simulator.breaking import Breaker, Fields
from erp_assets.simulator.coupang import routes, signature
from erp_assets.simulator.coupang.call import Call, Lists, Payload, Refused
from erp_assets.simulator.coupang.routes import Route
from erp_assets.simulator.coupang.signature import Signature, Unsigned
from erp_assets.simulator.wire import Account, Fault, Limits, Request, Response

MOST_FAILURES = 30
"""Failing calls per second and address before the edge blocks; the true number is not published."""

_FIELDS = Fields(
    states=frozenset({"status", "receiptStatus", "exchangeStatus", "statusName"}),
    required=frozenset(
        {"shipmentBoxId", "receiptId", "exchangeId", "cancelId", "sellerProductId", "sellerItemId"}
    ),
    counts=frozenset({"shippingCount", "cancelCount", "quantity", "amountInStock"}),
    prices=frozenset({"salesPrice", "salePrice", "orderItemUnitPrice"}),
    dates=frozenset({"orderedAt", "createdAt", "saleStartedAt"}),
)
_FAILURES = {
    Fault.BUSY: (429, "Too Many Requests"),
    Fault.ERROR_BEFORE: (500, "Internal Server Error"),
    Fault.ERROR_AFTER: (
        504,
        "Request timed out, if the situation continues consider applying timeout extension.",
    ),
}
_BLOCKED = (
    "<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY><H1>Access Denied</H1>"
    "You don't have permission to access this server.<P>Reference #18.0</BODY></HTML>"
)
_UNAUTHORIZED = {
    "korean": (
        "미인증된 요청은 허용되지 않습니다. 클라이언트의 정보가 정상적으로 설정되어 있는지 "
        "확인 부탁드립니다. (CMDB, 컨수머 토큰 또는 HMAC)"
    ),
    "english": (
        "Unauthorized request is denied. Check if the client's credential meets the requirements "
        "(CMDB, consumer token or HMAC)."
    ),
}


class CoupangProtocol:
    """The Wing Open API over any number of accounts.

    An account's credentials are `vendor_id`, `access_key` and `secret_key`.
    """

    prefix: ClassVar[str] = routes.PREFIX

    def __init__(
        self,
        accounts: list[Account],
        now: Callable[[], datetime],
        limits: Limits,
        *,
        wall: Callable[[], datetime] = clock.utc_now,
        ticks: Callable[[], float] = time.monotonic,
        block_s: float = 0.0,
        lag: timedelta = timedelta(0),
    ) -> None:
        """wall, ticks: the real clock and seconds. block_s: how long a 429 lasts at least.

        lag: how long after payment an order appears in lists.
        """
        self._accounts = {account.credentials["access_key"]: account for account in accounts}
        self._now = now
        self._limits = limits
        self._wall = wall
        self._ticks = ticks
        self._block_s = block_s
        self._lag = lag
        self._calls: defaultdict[str, _Rate] = defaultdict(_Rate)
        self._failed: defaultdict[str, _Rate] = defaultdict(_Rate)
        self._lists = Lists()
        self._breaker = Breaker(_FIELDS)

    def handle(self, request: Request, fault: Fault | None = None) -> Response:
        """Answer one request; MALFORMED_ROW and DUPLICATE_PAGE change what a list answers."""
        failed, now = self._failed[request.address], self._ticks()
        is_limited = self._limits.coupang is not None
        if is_limited and failed.count(now) >= MOST_FAILURES:
            return self.failure(request, Fault.HTML)
        response = self._passed(request, fault)
        if is_limited and response.status >= 400:
            failed.add(now)
        return response

    def failure(self, request: Request, fault: Fault) -> Response:
        """Return what the gateway says for BUSY, ERROR_BEFORE, ERROR_AFTER or HTML."""
        if fault is Fault.HTML:
            return Response(403, _BLOCKED.encode(), {"Content-Type": "text/html"})
        return _gateway(*_FAILURES[fault])

    def is_write(self, request: Request) -> bool:
        """Tell whether the call changes something: all but GET, one look-up excepted."""
        found = routes.find(request.method, request.path)
        return found is not None and found[0].is_write

    def _passed(self, request: Request, fault: Fault | None) -> Response:
        found = routes.find(request.method, request.path)
        if found is None:
            return _gateway(404, "Not Found")
        try:
            account = self._account(request)
        except Unsigned as unsigned:
            return _unsigned(str(unsigned))
        if account.allowed_addresses is not None and (
            request.address not in account.allowed_addresses
        ):
            return _gateway(403, "Not allowed IP")
        if not self._has_room(account):
            return self.failure(request, Fault.BUSY)
        return self._answer(*found, account, request, fault)

    def _account(self, request: Request) -> Account:
        signed = Signature(request.headers.get("authorization"))
        account = self._accounts.get(signed.access_key)
        if account is None:
            raise Unsigned(signature.UNKNOWN_KEY)
        signed.check(request, account.credentials["secret_key"], self._wall())
        if account.expired:
            raise Unsigned(signature.MISSING)
        return account

    def _has_room(self, account: Account) -> bool:
        rate = self._limits.coupang
        if rate is None:
            return True
        return self._calls[account.credentials["vendor_id"]].take(
            self._ticks(), rate, self._block_s
        )

    def _answer(
        self,
        route: Route,
        args: tuple[str, ...],
        account: Account,
        request: Request,
        fault: Fault | None,
    ) -> Response:
        call = self._call(args, account, request, fault)
        success, message, refusal = route.envelope.value
        try:
            payload = route.answered(call)
        except Refused as refused:
            return _json(400, {"code": refusal, "message": str(refused), "data": None})
        if fault is Fault.MALFORMED_ROW and not route.is_write:
            payload = {**payload, "data": self._spoiled(payload["data"])}
        return _json(200, {"code": success, "message": message, **payload})

    def _call(
        self, args: tuple[str, ...], account: Account, request: Request, fault: Fault | None
    ) -> Call:
        query = parse_qs(request.query, keep_blank_values=True)
        is_repeat = fault is Fault.DUPLICATE_PAGE
        return Call(
            account, self._now(), args, query, request.body, self._lists, is_repeat, self._lag
        )

    def _spoiled(self, data: Any) -> Any:
        if isinstance(data, dict):
            return self._breaker.spoil([data])[0]
        return self._breaker.spoil(data)


def _unsigned(text: str) -> Response:
    extra = {"messages": _UNAUTHORIZED} if text == signature.MISSING else {}
    return _gateway(401, text, **extra)


def _gateway(status: int, message: str, **extra: object) -> Response:
    body = {"code": "ERROR", "message": message, "transactionId": str(uuid4()), **extra}
    return _json(status, body)


def _json(status: int, payload: Payload) -> Response:
    headers = {"Content-Type": "application/json;charset=UTF-8"}
    return Response(status, msgspec.json.encode(payload), headers)


@dataclass(slots=True)
class _Rate:
    """Calls in the last second, by seconds of the monotonic clock."""

    at: deque[float] = field(default_factory=deque)
    blocked_until: float = 0.0

    def count(self, now: float) -> int:
        """Count the calls younger than a second."""
        while self.at and now - self.at[0] >= 1.0:
            self.at.popleft()
        return len(self.at)

    def add(self, now: float) -> None:
        """Note a call."""
        self.at.append(now)

    def take(self, now: float, most: float, block_s: float) -> bool:
        """Note a call unless `most` were made already, or the last refusal still holds."""
        if now < self.blocked_until:
            return False
        if self.count(now) >= most:
            self.blocked_until = now + block_s
            return False
        self.add(now)
        return True
