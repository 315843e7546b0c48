"""The token bucket: never above the rate, never slower than it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_assets.markets.throttle import CircuitOpen, Throttle, local_reserve


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 100.0

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


def leave(throttle, time, count, bucket="", think=0.0):
    async def calls():
        moments = []
        for _ in range(count):
            await throttle.acquire(bucket)
            moments.append(time.now)
            time.now += think
        return moments

    return asyncio.run(calls())


def throttle_of(time, rate, **options):
    return Throttle(rate, clock=time.clock, sleep=time.sleep, **options)


@given(st.floats(0.5, 50), st.integers(2, 80), st.floats(0, 0.5))
def test_no_second_holds_more_calls_than_the_rate_plus_one(rate, count, think):
    time = FakeTime()
    moments = leave(throttle_of(time, rate), time, count, think=think)
    for first in moments:
        within = sum(first <= m < first + 1.0 - 1e-6 for m in moments)
        assert within <= rate + 1


def test_a_busy_caller_is_held_to_the_rate_and_no_longer():
    time = FakeTime()
    moments = leave(throttle_of(time, 9.0), time, 91)
    assert moments[-1] - moments[0] == pytest.approx(10.0)


def test_no_rate_means_no_waiting():
    time = FakeTime()
    assert leave(throttle_of(time, None), time, 1000)[-1] == 100.0


def test_two_processes_with_one_reserve_share_the_rate():
    time = FakeTime()
    reserve = local_reserve(time.clock)
    one = throttle_of(time, 10.0, reserve=reserve, block=3)
    two = throttle_of(time, 10.0, reserve=reserve, block=3)

    async def both():
        for _ in range(30):
            await one.acquire()
            await two.acquire()
        return time.now

    assert asyncio.run(both()) - 100.0 >= 59 / 10 - 0.6


def test_buckets_do_not_wait_for_each_other():
    time = FakeTime()
    throttle = throttle_of(time, 1.0)
    leave(throttle, time, 1, "orders")
    assert leave(throttle, time, 1, "products") == [100.0]


def test_an_announced_rate_is_followed_but_never_above_the_operators():
    time = FakeTime()
    throttle = throttle_of(time, 4.0)
    throttle.set_rate("slow", 2.0)
    throttle.set_rate("fast", 50.0)
    slow = leave(throttle, time, 3, "slow")
    fast = leave(throttle, time, 3, "fast")
    assert slow[-1] - slow[0] == pytest.approx(1.0)
    assert fast[-1] - fast[0] == pytest.approx(0.5)


def test_a_pause_holds_every_bucket():
    time = FakeTime()
    throttle = throttle_of(time, None)
    throttle.pause(7.0)
    assert leave(throttle, time, 1, "any") == [107.0]


def test_a_pause_holds_calls_that_wait_for_their_moment_too():
    time = FakeTime()

    async def sleep(seconds):
        time.now += seconds
        if time.now == 101.0:
            throttle.pause(30.0)

    throttle = Throttle(1.0, clock=time.clock, sleep=sleep)
    assert leave(throttle, time, 2) == [100.0, 131.0]


def test_moments_missed_while_idle_are_not_made_up_for():
    time = FakeTime()
    throttle = throttle_of(time, 5.0, block=5)
    leave(throttle, time, 1)
    time.now += 60.0
    moments = leave(throttle, time, 20)
    for first in moments:
        assert sum(first <= m < first + 1.0 - 1e-6 for m in moments) <= 6


def test_moments_missed_in_a_pause_are_not_made_up_for():
    time = FakeTime()
    throttle = throttle_of(time, 5.0, block=5)
    leave(throttle, time, 1)
    throttle.pause(60.0)
    moments = leave(throttle, time, 20)
    assert moments[0] == 160.0
    for first in moments:
        assert sum(first <= m < first + 1.0 - 1e-6 for m in moments) <= 6


@pytest.mark.parametrize("rate", [0, -1.0])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="positive"):
        Throttle(rate)


def test_an_open_circuit_is_met_by_whoever_comes_later():
    time = FakeTime()
    shared = local_reserve(time.clock)
    throttle_of(time, None, reserve=shared).break_circuit(300.0)
    later = throttle_of(time, None, reserve=shared)
    time.now += 299.0
    with pytest.raises(CircuitOpen) as raised:
        leave(later, time, 1)
    assert raised.value.retry_after_s == pytest.approx(1.0)
    time.now += 1.5
    assert leave(later, time, 1) == [time.now]
