"""Coupang's HMAC over the raw request target (coupang.md §1.2)."""

import hashlib
import hmac
from collections.abc import Callable, Generator
from datetime import UTC, datetime

import httpx


def signed_date(now: datetime) -> str:
    """Return the UTC instant as the signature names it: yyMMdd'T'HHmmss'Z'."""
    return now.astimezone(UTC).strftime("%y%m%dT%H%M%SZ")


def signature(secret_key: str, method: str, raw_target: str, stamp: str) -> str:
    """Return the lower-case hex HMAC. raw_target: path and query exactly as sent."""
    path, _, query = raw_target.partition("?")
    message = f"{stamp}{method}{path}{query}".encode()
    return hmac.new(secret_key.encode(), message, hashlib.sha256).hexdigest()


class Signature(httpx.Auth):
    """Signs each request anew, from the bytes httpx is about to send."""

    def __init__(self, access_key: str, secret_key: str, now: Callable[[], datetime]) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the Authorization header."""
        stamp = signed_date(self._now())
        target = request.url.raw_path.decode("ascii")
        signed = signature(self._secret_key, request.method, target, stamp)
        request.headers["Authorization"] = (
            f"CEA algorithm=HmacSHA256, access-key={self._access_key}, "
            f"signed-date={stamp}, signature={signed}"
        )
        yield request
