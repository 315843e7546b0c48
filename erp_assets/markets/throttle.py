"""Stay under a published rate without waiting longer than it demands.

A token bucket of depth one: calls leave at even distances, so no window of one second ever holds
more than the rate plus one. Where several processes use one account, `reserve` hands out the
moments from a shared place (PostgreSQL); alone, from memory.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from erp_assets.errors import MarketBusy

Reserve = Callable[[str, float, int], float]
"""(bucket, seconds between calls, how many) → seconds from now until the first reserved moment."""


def local_reserve(clock: Callable[[], float] = time.monotonic) -> Reserve:
    """Return a `Reserve` for a single process; `clock` counts seconds."""
    free_at: dict[str, float] = {}

    def reserve(bucket: str, gap_s: float, count: int) -> float:
        now = clock()
        first = max(now, free_at.get(bucket, now))
        free_at[bucket] = first + gap_s * count
        return first - now

    return reserve


CIRCUIT = "circuit"
"""Name of the bucket whose next free moment is the end of a block."""


class CircuitOpen(MarketBusy):
    """The call was not even sent: the market stayed busy through every repeat of another."""


class Throttle:
    """Hands out the moments at which calls may leave, one bucket per name.

    rate: calls per second of every bucket not set otherwise; None = no limit.
    """

    def __init__(
        self,
        rate: float | None,
        *,
        reserve: Reserve | None = None,
        block: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`block`: moments taken from a shared `reserve` at once, to spare round trips."""
        if rate is not None and rate <= 0:
            raise ValueError("rate must be positive, or None for no limit")
        self._rate = rate
        self._rates: dict[str, float] = {}
        self._reserve = reserve or local_reserve(clock)
        self._block = block
        self._clock = clock
        self._sleep = sleep
        self._held: dict[str, list[float]] = {}
        self._paused_until = 0.0
        self._open_until: float | None = None

    def set_rate(self, bucket: str, rate: float) -> None:
        """Follow a rate that the market announced for one bucket."""
        if rate > 0:
            self._rates[bucket] = rate if self._rate is None else min(rate, self._rate)

    def pause(self, seconds: float) -> None:
        """Let no call leave for `seconds`, whatever the bucket: the market said it is busy."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def break_circuit(self, seconds: float) -> None:
        """Let calls fail at once for `seconds`: more of them would only prolong the block.

        Whoever shares `reserve` learns of it, clients made later included.
        """
        self._reserve(CIRCUIT, seconds, 1)
        self._open_until = self._clock() + seconds

    async def acquire(self, bucket: str = "") -> None:
        """Wait until the next call of `bucket` may leave. Raises: CircuitOpen."""
        self._check_circuit()
        await self._sit_out()
        self._check_circuit()
        await self._wait(bucket)
        if await self._sit_out():  # busy meanwhile: that moment is gone, take another
            self._check_circuit()
            await self._wait(bucket)

    async def _sit_out(self) -> bool:
        """Wait while the market is busy; tell whether there was anything to wait for."""
        if (rest := self._paused_until - self._clock()) <= 0:
            return False
        await self._sleep(rest)
        return True

    async def _wait(self, bucket: str) -> None:
        if (rate := self._rates.get(bucket, self._rate)) is None:
            return
        wait = self._next(bucket, 1.0 / rate) - self._clock()
        if wait > 0:
            await self._sleep(wait)

    def _next(self, bucket: str, gap_s: float) -> float:
        """Return the next moment; those missed by more than one distance are given up.

        Kept, they would let as many calls leave at once.
        """
        held = self._held.setdefault(bucket, [])
        while held and held[-1] < self._clock() - gap_s:
            held.pop()
        if not held:
            first = self._clock() + self._reserve(bucket, gap_s, self._block)
            held.extend(first + gap_s * n for n in reversed(range(self._block)))
        return held.pop()

    def _check_circuit(self) -> None:
        if self._open_until is None:
            self._open_until = self._clock() + self._reserve(CIRCUIT, 0.0, 0)
        if (rest := self._open_until - self._clock()) > 0:
            raise CircuitOpen(f"circuit open for {rest:.0f} s more", retry_after_s=rest)
