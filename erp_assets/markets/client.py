"""One request loop for every market: throttle, sign, send, classify, retry.

Reads are repeated on transient errors. Writes leave once: only an answer that proves the market
did nothing (429, a connection that never opened) lets them leave again; anything else becomes
AnswerLost, because no market here has idempotency keys.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import httpx

from erp_assets.errors import AnswerLost, BadPayload, MarketBusy, MarketDown, TransientError
from erp_assets.markets.throttle import CircuitOpen, Throttle

T = TypeVar("T")
logging.getLogger("httpx").setLevel(logging.WARNING)
"""It would note every path, and those of 11st's writes hold tracking numbers."""

WAITS_S: Sequence[float] = (1.0, 2.0, 4.0, 8.0, 16.0)


def keep_bytes(response: httpx.Response) -> bytes:
    """Decode nothing: the body as it came."""
    return response.content


class ApiClient:
    """Sends requests of one account.

    classify: looks at a whole answer (status and body) and raises what it means; silent when good.
    observe: told of every answer before that, with the name of its bucket.
    waits_s: pauses before the repeats of a read, seconds; their number is the number of repeats.
    circuit_s: how long no call leaves once the market stayed busy through all repeats of one.
    """

    def __init__(
        self,
        *,
        base_url: str,
        throttle: Throttle,
        classify: Callable[[httpx.Response], None],
        observe: Callable[[str, httpx.Response], None] | None = None,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
        concurrency: int = 4,
        waits_s: Sequence[float] = WAITS_S,
        circuit_s: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` and `sleep` are arguments for tests; the rest says how to speak."""
        self.calls = 0
        self.busy_answers = 0
        self.throttle = throttle
        self._classify = classify
        self._observe = observe
        self._waits_s = waits_s
        self._circuit_s = circuit_s
        self._sleep = sleep
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            auth=auth,
            headers=headers,
            timeout=httpx.Timeout(timeout_s, connect=10.0, pool=None),
            limits=limits,
            transport=transport,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def read(
        self,
        method: str,
        path: str,
        *,
        decode: Callable[[httpx.Response], T],
        bucket: str = "",
        **options: Any,
    ) -> T:
        """Send a call that changes nothing, repeat it while it fails transiently.

        decode: body → what the caller wants; BadPayload from it counts as a transient failure.
        options: passed to httpx (params, json, content, headers).
        Raises:  MarketError of the last attempt; permanent ones at once.
        """
        for wait_s in (*self._waits_s, None):
            try:
                return decode(await self._once(method, path, bucket, options))
            except TransientError as error:
                if wait_s is None or isinstance(error, CircuitOpen):
                    self._give_up(error)
                    raise
                await self._pause(error, wait_s)
        raise AssertionError("unreachable")

    async def write(
        self,
        method: str,
        path: str,
        *,
        decode: Callable[[httpx.Response], T],
        bucket: str = "",
        **options: Any,
    ) -> T:
        """Send a call that changes something: once.

        Raises: AnswerLost when it may or may not have taken effect.
        """
        for wait_s in (*self._waits_s, None):
            try:
                return await self._written(method, path, decode, bucket, options)
            except MarketBusy as error:
                if wait_s is None or isinstance(error, CircuitOpen):
                    self._give_up(error)
                    raise
                await self._pause(error, wait_s)
        raise AssertionError("unreachable")

    async def _written(
        self,
        method: str,
        path: str,
        decode: Callable[[httpx.Response], T],
        bucket: str,
        options: dict[str, Any],
    ) -> T:
        try:
            response = await self._once(method, path, bucket, options)
        except MarketBusy:
            raise
        except TransientError as error:
            if isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout):
                raise
            raise AnswerLost(f"{method} {path}: {error}") from error
        try:
            return decode(response)
        except BadPayload as error:
            raise AnswerLost(f"{method} {path}: {error}") from error

    async def _once(
        self, method: str, path: str, bucket: str, options: dict[str, Any]
    ) -> httpx.Response:
        await self.throttle.acquire(bucket)
        self.calls += 1
        try:
            response = await self._http.request(method, path, **options)
        except httpx.TimeoutException as error:
            raise MarketDown(f"no answer in time ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise MarketDown(f"connection failed ({type(error).__name__})") from error
        except httpx.DecodingError as error:
            raise BadPayload("the answer's compression is broken") from error
        # Its stream refers back to it and would keep the page until garbage is looked for.
        response.stream = httpx.ByteStream(b"")
        if self._observe is not None:
            self._observe(bucket, response)
        self._classify(response)
        return response

    def _give_up(self, error: TransientError) -> None:
        """Break the circuit where the market stayed busy."""
        if isinstance(error, MarketBusy) and not isinstance(error, CircuitOpen):
            self.busy_answers += 1
            if self._circuit_s:
                self.throttle.break_circuit(max(self._circuit_s, error.retry_after_s))

    async def _pause(self, error: TransientError, wait_s: float) -> None:
        jittered = wait_s * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing
        if isinstance(error, MarketBusy):
            self.busy_answers += 1
            jittered = max(jittered, error.retry_after_s)
            self.throttle.pause(jittered)
        await self._sleep(jittered)


async def in_order(
    jobs: AsyncIterator[Callable[[], Awaitable[T]]], *, ahead: int
) -> AsyncIterator[T]:
    """Run up to `ahead` jobs at once and yield their results in the order the jobs came.

    Keeps the wire busy while the caller stores a page, yet lets rows arrive in the order read.
    """
    running: list[asyncio.Task[T]] = []
    try:
        async for job in jobs:
            running.append(asyncio.ensure_future(job()))
            if len(running) >= ahead:
                yield await running.pop(0)
        while running:
            yield await running.pop(0)
    finally:
        await _end(running)


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel all at once, so that none asks the market on while another comes to its end.

    Whoever is cancelled while waiting here is cancelled: nothing is swallowed.
    """
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def streams_in_order(
    streams: Iterable[AsyncIterator[T]], *, ahead: int, waiting: int = 8
) -> AsyncIterator[T]:
    """Read up to `ahead` streams at once and yield their items stream after stream.

    waiting: how many items of a stream may wait for their turn, so that memory stays flat.
    """
    todo = iter(streams)
    running: list[_Ahead[T]] = []
    try:
        running += [_Ahead(stream, waiting) for stream in islice(todo, ahead)]
        while running:
            async for item in running[0].items():
                yield item
            running.pop(0)
            running += [_Ahead(stream, waiting) for stream in islice(todo, 1)]
    finally:
        await _end([each.task for each in running])


class _Ahead(Generic[T]):
    """One stream being read by a task of its own, which whoever leaves early has to end."""

    def __init__(self, stream: AsyncIterator[T], waiting: int) -> None:
        self._queue: asyncio.Queue[T | None] = asyncio.Queue(waiting)
        self.task = asyncio.ensure_future(self._read(stream))

    async def _read(self, stream: AsyncIterator[T]) -> None:
        try:
            async for item in stream:
                await self._queue.put(item)
        except (asyncio.CancelledError, GeneratorExit):  # nobody reads any more
            raise
        except BaseException:  # an interrupt too: who reads would wait for ever
            await self._queue.put(None)
            raise
        await self._queue.put(None)

    async def items(self) -> AsyncIterator[T]:
        """Yield what was read, then raise what ended the reading."""
        while (item := await self._queue.get()) is not None:
            yield item
        await self.task
