"""The gateway: address, path, token, group, rate; then the call; faults in Naver's own words.

What the documents leave open is decided so: an address is judged by the application that calls, by
all of them when none can be told; without limits the headers announce a rate nobody reaches.
Source: naver.md §1, §3, §11.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, ClassVar
from urllib.parse import parse_qs

import msgspec

from erp_assets import clock
from erp_assets.simulator.breaking import Breaker, Fields
from erp_assets.simulator.naver import routes
from erp_assets.simulator.naver.call import Call, Lists, Payload, Refused, stamp
from erp_assets.simulator.naver.routes import Route
from erp_assets.simulator.naver.tokens import Tokens
from erp_assets.simulator.wire import Account, Fault, Limits, Request, Response

NO_LIMIT = 100_000

_FIELDS = Fields(
    states=frozenset({"productOrderStatus", "statusType"}),
    required=frozenset({"productOrderId", "originProductNo", "salePrice"}),
    counts=frozenset({"quantity", "stockQuantity"}),
    prices=frozenset({"unitPrice", "salePrice"}),
    dates=frozenset({"orderDate", "lastChangedDate", "regDate"}),
)
_TEXTS = {
    "GW.AUTHN": (401, "요청을 보낼 권한이 없습니다."),
    "GW.AUTHZ": (403, "요청을 보낼 권한이 없습니다."),
    "GW.IP_NOT_ALLOWED": (403, "호출이 허용되지 않은 IP입니다."),
    "GW.NOT_FOUND": (404, "요청하신 리소스를 찾을 수 없습니다."),
    "GW.RATE_LIMIT": (429, "요청이 많아 서비스를 일시적으로 사용할 수 없습니다."),
    "GW.INTERNAL_SERVER_ERROR": (500, "작업 중 오류가 발생하였습니다."),
    "GW.TIMEOUT.02": (504, "요청 대기 시간이 초과되었습니다."),
}
_FAULTS = {
    Fault.BUSY: "GW.RATE_LIMIT",
    Fault.ERROR_BEFORE: "GW.INTERNAL_SERVER_ERROR",
    Fault.ERROR_AFTER: "GW.TIMEOUT.02",
}
_PROXY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


class Stopped(Exception):
    """The gateway does not let a request pass; the text is its code."""


class NaverProtocol:
    """The Commerce API over any number of accounts.

    An account's credentials are `client_id` and `client_secret`, and, where needed, `account_id`
    (for tokens of type SELLER) and `api_groups` (granted groups with commas; absent = all).
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
    ) -> None:
        """wall, ticks: the real clock and seconds."""
        self._accounts = accounts
        self._now = now
        self._limits = limits
        self._wall = wall
        self._ticks = ticks
        self._tokens = Tokens(accounts)
        self._buckets: dict[tuple[str, object], Bucket] = {}
        self._lists = Lists()
        self._breaker = Breaker(_FIELDS)
        self._traces = count(140169624)

    def handle(self, request: Request, fault: Fault | None = None) -> Response:
        """Answer one request; REVOKE, MALFORMED_ROW and DUPLICATE_PAGE change how."""
        if fault is Fault.REVOKE:
            self._tokens.revoke()
        route, args = routes.find(request.method, request.path)
        bucket = self._bucket(request, route)
        try:
            self._check_address(request)
            if route is routes.TOKEN:
                return self._token(request, bucket)
            account = self._admitted(request, route)
            self._take(bucket)
        except Stopped as stopped:
            return self._gateway(str(stopped), bucket)
        call = self._call(args, account, request, is_repeat=fault is Fault.DUPLICATE_PAGE)
        return self._answer(route, call, bucket, is_spoiled=fault is Fault.MALFORMED_ROW)

    def failure(self, request: Request, fault: Fault) -> Response:
        """Return what the gateway, or a proxy before it, says for a fault."""
        bucket = self._bucket(request, routes.find(request.method, request.path)[0])
        if fault is Fault.HTML:
            return Response(502, _PROXY_PAGE.encode(), {"Content-Type": "text/html"})
        return self._gateway(_FAULTS[fault], bucket)

    def is_write(self, request: Request) -> bool:
        """Tell whether the call changes something; searches are POST too."""
        return routes.find(request.method, request.path)[0].is_write

    # ── before the call ────────────────────────────────────────────────────────────────────────
    def _check_address(self, request: Request) -> None:
        caller = self._tokens.application(request)
        accounts = [caller] if caller else self._accounts
        lists = [account.allowed_addresses for account in accounts]
        if all(allowed is not None and request.address not in allowed for allowed in lists):
            raise Stopped("GW.IP_NOT_ALLOWED")

    def _admitted(self, request: Request, route: Route) -> Account:
        if route is routes.NOWHERE:
            raise Stopped("GW.NOT_FOUND")
        account = self._tokens.find(request, self._wall())
        if account is None or account.expired:
            raise Stopped("GW.AUTHN")
        groups = account.credentials.get("api_groups")
        if groups is not None and route.group not in groups.split(","):
            raise Stopped("GW.AUTHZ")
        return account

    def _bucket(self, request: Request, route: Route) -> "Bucket":
        """Return the bucket of this API and application."""
        caller = self._tokens.application(request)
        is_product = route.group == routes.PRODUCTS
        rate = self._limits.naver_products if is_product else self._limits.naver_orders
        key = (caller.key if caller else "", route.pattern)
        if key not in self._buckets:
            self._buckets[key] = Bucket(rate, self._ticks())
        return self._buckets[key]

    def _take(self, bucket: "Bucket") -> None:
        if not bucket.take(self._ticks()):
            raise Stopped("GW.RATE_LIMIT")

    # ── the answer ─────────────────────────────────────────────────────────────────────────────
    def _token(self, request: Request, bucket: "Bucket") -> Response:
        self._take(bucket)
        try:
            return self._json(200, self._tokens.issue(request, self._wall()), bucket)
        except Refused as refused:
            return self._json(refused.status, self._refusal(refused), bucket)

    def _call(
        self, args: tuple[str, ...], account: Account, request: Request, *, is_repeat: bool
    ) -> Call:
        query = parse_qs(request.query, keep_blank_values=True)
        return Call(account, self._now(), args, query, request.body, self._lists, is_repeat)

    def _answer(self, route: Route, call: Call, bucket: "Bucket", *, is_spoiled: bool) -> Response:
        try:
            answer = route.answer(call)
        except Refused as refused:
            return self._refused(route, refused, bucket)
        if is_spoiled and not route.is_write:
            answer = self._spoiled(answer)
        if not route.is_order:
            return self._json(200, answer, bucket)
        payload = self._stamped() | ({} if answer is None else {"data": answer})
        return self._json(200, payload, bucket, charset="")

    def _refused(self, route: Route, refused: Refused, bucket: "Bucket") -> Response:
        if route.is_order:
            body = {"code": refused.code, "message": refused.message, **self._stamped()}
            return self._json(refused.status, body, bucket, charset="")
        return self._json(refused.status, self._refusal(refused), bucket)

    def _refusal(self, refused: Refused) -> Payload:
        """Return a refusal in the words of the product family and of the token endpoint."""
        code = refused.code if refused.code.isupper() else "BAD_REQUEST"
        body: Payload = {"code": code, "message": refused.message}
        body["timestamp"] = stamp(self._now())
        if refused.field:
            fault = {"name": refused.field, "type": "NotValid", "message": refused.message}
            body["invalidInputs"] = [fault]
        return body

    def _spoiled(self, answer: Any) -> Any:
        """Spoil one row of a list, or the one row that a detail is."""
        if isinstance(answer, list):
            are_rows = all(isinstance(row, dict) for row in answer)
            return self._breaker.spoil(answer) if are_rows else answer
        for name in ("lastChangeStatuses", "contents"):
            if answer and name in answer:
                return {**answer, name: self._breaker.spoil(answer[name])}
        return self._breaker.spoil([answer])[0] if answer else answer

    def _gateway(self, code: str, bucket: "Bucket") -> Response:
        status, text = _TEXTS[code]
        body = {"code": code, "message": text, **self._stamped()}
        response = self._json(status, body, bucket)
        if status == 429:
            response.headers["GNCP-GW-RateLimit-Remaining"] = "0"
        return response

    def _stamped(self) -> Payload:
        now = self._now()
        trace = f"cr3-000000-aaaaaa^{int(now.timestamp() * 1000)}^{next(self._traces)}"
        return {"timestamp": stamp(now), "traceId": trace}

    def _json(
        self,
        status: int,
        payload: Mapping[str, Any],
        bucket: "Bucket",
        *,
        charset: str = ";charset=UTF-8",
    ) -> Response:
        trace = payload.get("traceId") or self._stamped()["traceId"]
        headers = {
            "Content-Type": f"application/json{charset}",
            "GNCP-GW-Trace-ID": str(trace),
            "GNCP-GW-HttpClient-ResponseTime": "1",
            **bucket.headers(),
        }
        return Response(status, msgspec.json.encode(payload), headers)


@dataclass(slots=True)
class Bucket:
    """Tokens of one API and application: `rate` a second, twice as many at once."""

    rate: float | None
    at: float
    _spent: float = 0.0

    def take(self, now: float) -> bool:
        """Take one; False when none is left at `now` (seconds, monotonic)."""
        if self.rate is None:
            return True
        self._spent = max(0.0, self._spent - (now - self.at) * self.rate)
        self.at = now
        if self._spent + 1 > 2 * self.rate:
            return False
        self._spent += 1
        return True

    def headers(self) -> dict[str, str]:
        """Return what the gateway tells of the bucket."""
        rate = NO_LIMIT if self.rate is None else self.rate
        return {
            "GNCP-GW-RateLimit-Replenish-Rate": f"{rate:g}",
            "GNCP-GW-RateLimit-Burst-Capacity": f"{2 * rate:g}",
            "GNCP-GW-RateLimit-Remaining": str(int(2 * rate - self._spent)),
        }
