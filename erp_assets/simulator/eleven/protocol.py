"""The front door: key, address, maintenance, then the call; faults in 11st's own words.

What the documents leave open is decided so: an expired key answers like an address that is not
registered (HTTP 500, AuthMessage) with a code of its own; there is no contract for 429, so a busy
answer is plain text; during maintenance every call answers -1000 in its service's envelope.
Source: 11st.md §1, §2, §11.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from erp_assets import clock
from erp_assets.simulator.eleven import routes
from erp_assets.simulator.eleven.breaking import Breaker
from erp_assets.simulator.eleven.call import Call
from erp_assets.simulator.eleven.rendering import CONTENT_TYPE, Refused, auth_message, encode
from erp_assets.simulator.eleven.routes import Route
from erp_assets.simulator.wire import Account, Fault, Limits, Request, Response

MAINTENANCE = -1000
KEY_EXPIRED = -501
CACHE_BYTES = 32 * 1024 * 1024

_PLAIN = "text/plain;charset=euc-kr"
_FAILURES = {
    Fault.BUSY: (429, _PLAIN, "Too Many Requests"),
    Fault.ERROR_BEFORE: (500, _PLAIN, "Internal Server Error"),
    Fault.ERROR_AFTER: (504, _PLAIN, "Gateway Timeout"),
    Fault.HTML: (
        200,
        "text/html;charset=euc-kr",
        "<html><head><title>11번가</title></head><body>서비스 점검중입니다.</body></html>",
    ),
}


class ElevenProtocol:
    """The seller API over any number of accounts.

    An account's key is its credential `api_key`. is_in_maintenance: a switch for tests and demos.
    """

    prefix: ClassVar[str] = routes.PREFIX

    def __init__(
        self, accounts: list[Account], now: Callable[[], datetime], limits: Limits
    ) -> None:
        """limits.eleven: calls per second and key; 11st publishes none."""
        self.is_in_maintenance = False
        self._accounts = accounts
        self._now = now
        self._limits = limits
        self._calls: dict[str, _Bucket] = {}
        self._cache = _Cache(CACHE_BYTES)
        self._breaker = Breaker()

    def handle(self, request: Request, fault: Fault | None = None) -> Response:
        """Answer one request; MALFORMED_ROW and DUPLICATE_PAGE change what a list answers."""
        found = routes.find(request.method, request.path)
        if found is None:
            return _text(404, _PLAIN, "Not Found")
        route, args = found
        if fault is Fault.DUPLICATE_PAGE:
            route = routes.PAGE_BEFORE.get(route, route)
        answer = self._admitted(request, route, args)
        if fault is Fault.MALFORMED_ROW and not route.is_write:
            answer.body = self._breaker.spoil(answer.body)
        return answer

    def failure(self, request: Request, fault: Fault) -> Response:
        """Return a plain answer as proxies give it; the fault alone decides which."""
        return _text(*_FAILURES[fault])

    def is_write(self, request: Request) -> bool:
        """Tell by the path, since 11st writes over GET and reads over POST."""
        found = routes.find(request.method, request.path)
        return found is not None and found[0].is_write

    def _admitted(self, request: Request, route: Route, args: tuple[str, ...]) -> Response:
        if self.is_in_maintenance:
            return _xml(route.service.render(Refused(MAINTENANCE, "서버 점검중입니다.")))
        account = self._account(request.headers.get("openapikey", ""))
        if account is None:
            return _xml(route.service.no_user())
        if refusal := _gate_refusal(account, request.address):
            return _xml(refusal, status=500)
        if not self._has_room(account):
            return self.failure(request, Fault.BUSY)
        call = Call(account.shop, self._now(), args, request.body)
        if route.is_write:
            return Response(200, encode(_answer(route, call)), _headers())
        return Response(200, self._read(account, route, call), _headers())

    def _account(self, key: str) -> Account | None:
        return next((x for x in self._accounts if key and x.credentials["api_key"] == key), None)

    def _has_room(self, account: Account) -> bool:
        rate = self._limits.eleven
        if rate is None:
            return True
        return self._calls.setdefault(account.key, _Bucket(rate)).take(time.monotonic())

    def _read(self, account: Account, route: Route, call: Call) -> bytes:
        """Answer a read, from memory while the shop has not changed since."""
        today = clock.kst_day(call.now)
        key = (account.key, route, call.args, call.body, call.shop.version, today)
        body = self._cache.get(key)
        if body is None:
            body = encode(_answer(route, call))
            self._cache.put(key, body)
        return body


def _answer(route: Route, call: Call) -> str:
    try:
        return route.answer(call)
    except Refused as refused:
        return route.service.render(refused)


def _gate_refusal(account: Account, address: str) -> str | None:
    if account.allowed_addresses is not None and address not in account.allowed_addresses:
        text = f"[{address}]인증된 IP가 아닙니다. 등록된 IP 정보를 확인하십시오."
        return auth_message(-500, text)
    if account.expired:
        return auth_message(KEY_EXPIRED, "유효기간이 만료된 OpenAPI Key 입니다.")
    return None


def _headers() -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE}


def _xml(xml: str, status: int = 200) -> Response:
    return Response(status, encode(xml), _headers())


def _text(status: int, content_type: str, text: str) -> Response:
    return Response(status, text.encode("cp949"), {"Content-Type": content_type})


class _Bucket:
    """Calls of one key: `rate` a second, one second's worth at once."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._room = max(rate, 1.0)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Take one call; False when none is left at `now` (seconds, monotonic)."""
        passed = 0.0 if self._at is None else now - self._at
        self._at = now
        self._room = min(max(self._rate, 1.0), self._room + passed * self._rate)
        if self._room < 1:
            return False
        self._room -= 1
        return True


class _Cache:
    """The answers given last, up to a number of bytes."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._bodies: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> bytes | None:
        """Return an answer given before."""
        return self._bodies.get(key)

    def put(self, key: tuple[object, ...], body: bytes) -> None:
        """Keep an answer; the oldest make room."""
        self._bodies[key] = body
        self._left -= len(body)
        while self._left < 0:
            self._left += len(self._bodies.popitem(last=False)[1])
