"""Naver's token: a bcrypt signature buys it, one token serves an account (naver.md §2)."""

import asyncio
import base64
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import NamedTuple

import bcrypt
import httpx

from erp_assets.errors import SettingsError

SECRET_FORM = re.compile(r"\$2[aby]\$(?:0[4-9]|1\d)\$[./A-Za-z0-9]{22}")
MOST_PASSWORD = 72
"""Bytes that bcrypt takes; the password is the client_id, _ and 13 digits (§2.2)."""
ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
MARGIN_S = 600.0
"""Renew so long before the end; earlier than 30 minutes the same token comes back (§2.4)."""


class Token(NamedTuple):
    """A token and when it has to be renewed, seconds of the monotonic clock."""

    text: str
    good_until: float


def canonical_salt(secret: str) -> str:
    """Return the secret with its last character made the one that old libraries mean (§2.3)."""
    return secret[:-1] + ALPHABET[ALPHABET.index(secret[-1]) & 0x30]


def signature(client_id: str, client_secret: str, timestamp_ms: int) -> str:
    """Return client_secret_sign; takes 2 to 100 ms."""
    password = f"{client_id}_{timestamp_ms}".encode()
    hashed = bcrypt.hashpw(password, canonical_salt(client_secret).encode())
    return base64.b64encode(hashed).decode("ascii")


def check(credentials: Mapping[str, str]) -> None:
    """Raise SettingsError for credentials that cannot be right; never quotes them."""
    if not credentials.get("client_id"):
        raise SettingsError("credentials.client_id: is required for naver")
    if len(credentials["client_id"].encode()) > MOST_PASSWORD - 14:
        raise SettingsError("credentials.client_id: is longer than any id of naver")
    if not SECRET_FORM.fullmatch(credentials.get("client_secret", "")):
        raise SettingsError(
            "credentials.client_secret: must be 29 characters like $2a$04$ and 22 more; a shell, "
            ".env or compose file may have eaten its $ signs"
        )


def form(credentials: Mapping[str, str], timestamp_ms: int) -> dict[str, str]:
    """Return the fields of a token request (§2.1)."""
    account = credentials.get("account_id")
    fields = {
        "client_id": credentials["client_id"],
        "timestamp": str(timestamp_ms),
        "grant_type": "client_credentials",
        "client_secret_sign": signature(
            credentials["client_id"], credentials["client_secret"], timestamp_ms
        ),
        "type": "SELLER" if account else "SELF",
    }
    return fields | ({"account_id": account} if account else {})


class Signature(httpx.Auth):
    """Writes the form of a token request when it leaves: a signature is good for five minutes."""

    def __init__(self, credentials: Mapping[str, str], now: Callable[[], datetime]) -> None:
        """`now`: the instant that is signed."""
        self._credentials = credentials
        self._now = now

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send `request` with the form as its body."""
        timestamp_ms = int(self._now().timestamp() * 1000)
        fields = await asyncio.to_thread(form, self._credentials, timestamp_ms)
        kept = {name: request.headers[name] for name in ("accept", "user-agent")}
        yield httpx.Request(
            request.method, request.url, headers=kept, data=fields, extensions=request.extensions
        )


class Tokens:
    """Hands out the account's token; whoever needs it first fetches it, the others wait."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[tuple[str, float]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """fetch: ask the market → (token, seconds it stays good)."""
        self._fetch = fetch
        self._clock = clock
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> str:
        """Return a token that is good for a while."""
        async with self._lock:
            if self._token is None or self._token.good_until <= self._clock():
                asked_at = self._clock()
                text, lasts_s = await self._fetch()
                margin_s = min(MARGIN_S, lasts_s / 2)
                self._token = Token(text, asked_at + lasts_s - margin_s)
            return self._token.text

    def drop(self, text: str) -> None:
        """Forget a token that was refused, unless another took its place already."""
        if self._token is not None and self._token.text == text:
            self._token = None
