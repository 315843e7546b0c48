"""The way to Naver: one token, one bucket per API, errors by their name (naver.md §1 to §3)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from erp_assets.errors import BadPayload
from erp_assets.markets.client import ApiClient
from erp_assets.markets.naver import auth, wire
from erp_assets.markets.naver.answers import TokenRefused, classify, classify_token, decoded
from erp_assets.markets.throttle import Throttle

ORDER_RATE = 2.0
"""Calls per second and API until an answer's headers say otherwise (§3.2)."""
ORDER_BUCKETS = ("token", "feed", "query", "search", "numbers", "confirm", "dispatch")
RATE_HEADER = "GNCP-GW-RateLimit-Replenish-Rate"

T = TypeVar("T")


class Repeated(BadPayload):
    """A page led back to where it was."""


class Gate:
    """Sends the calls of one application, each with its token."""

    def __init__(
        self,
        *,
        base_url: str,
        credentials: Mapping[str, str],
        rate: float | None,
        throttle: Throttle,
        concurrency: int,
        waits_s: Sequence[float],
        sleep: Callable[[float], Awaitable[None]],
        transport: httpx.AsyncBaseTransport | None,
        now: Callable[[], datetime],
    ) -> None:
        """See `Naver`. concurrency: also how many calls a reader may have on the way."""
        self.ahead = concurrency
        self.now = now
        self._throttle = throttle
        speak = partial(
            ApiClient,
            base_url=base_url
            if urlsplit(base_url).path.strip("/")
            else urljoin(base_url, "/external"),
            throttle=throttle,
            observe=self._follow,
            concurrency=concurrency,
            waits_s=waits_s,
            sleep=sleep,
            transport=transport,
        )
        self._api = speak(classify=classify)
        self._desk = speak(classify=classify_token, auth=auth.Signature(credentials, now))
        self._tokens = auth.Tokens(self._fetch_token)
        if rate is not None:
            for bucket in ORDER_BUCKETS:
                throttle.set_rate(bucket, ORDER_RATE)

    @property
    def calls(self) -> int:
        """HTTP calls made so far, token calls included."""
        return self._api.calls + self._desk.calls

    @property
    def busy_answers(self) -> int:
        """429 answers met so far."""
        return self._api.busy_answers + self._desk.busy_answers

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()
        await self._desk.aclose()

    async def _fetch_token(self) -> tuple[str, float]:
        grant = await self._desk.read("POST", "/v1/oauth2/token", bucket="token", decode=_granted)
        return grant.access_token, grant.expires_in

    async def call(
        self,
        method: str,
        path: str,
        *,
        decode: Callable[[httpx.Response], T],
        bucket: str,
        is_write: bool = False,
        **options: Any,
    ) -> T:
        """Send with a token; a refused one is renewed once, because it may end early (§2.4).

        Raises: AnswerLost: a write may or may not have taken effect. MarketDenied, MarketRejected,
        TransientError: as `ApiClient.read` and `write`.
        """
        send = self._api.write if is_write else self._api.read
        for is_renewed in (False, True):
            token = await self._tokens.get()
            headers = {"Authorization": f"Bearer {token}"}
            try:
                return await send(
                    method, path, decode=decode, bucket=bucket, headers=headers, **options
                )
            except TokenRefused:
                self._tokens.drop(token)
                if is_renewed:
                    raise
        raise AssertionError("unreachable")

    async def read(self, method: str, path: str, kind: type[T], bucket: str, **options: Any) -> T:
        """Send a call that changes nothing and return its answer as `kind`."""
        return await self.call(
            method, path, decode=lambda it: decoded(it, kind), bucket=bucket, **options
        )

    def _follow(self, bucket: str, response: httpx.Response) -> None:
        """Take over the rate that the gateway announces for an API (§3.2)."""
        try:
            self._throttle.set_rate(bucket, float(response.headers[RATE_HEADER]))
        except (KeyError, ValueError):
            return


def _granted(response: httpx.Response) -> wire.Grant:
    """Return a token that a header can hold and that is good for a while."""
    grant = decoded(response, wire.Grant)
    if not grant.access_token.isascii() or not grant.access_token.isprintable():
        raise BadPayload("the token holds characters that no header can")
    if not grant.access_token.strip() or grant.expires_in <= 0:
        raise BadPayload("the answer holds no token that is good for a while")
    return grant


async def each(
    some: Iterable[Callable[[], Awaitable[T]]],
) -> AsyncIterator[Callable[[], Awaitable[T]]]:
    """Yield jobs, as `in_order` takes them."""
    for job in some:
        yield job


async def ready(result: T) -> T:
    """Be a job that is done already."""
    return result
