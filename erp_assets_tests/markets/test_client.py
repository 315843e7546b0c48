"""The request loop: reads are repeated, writes leave once."""

import asyncio

import httpx
import pytest

from erp_assets.errors import AnswerLost, BadPayload, MarketBusy, MarketDenied, MarketDown
from erp_assets.markets.client import ApiClient, in_order, keep_bytes, streams_in_order
from erp_assets.markets.throttle import CircuitOpen, Throttle


def classify(response):
    if response.status_code == 429:
        raise MarketBusy("busy", retry_after_s=float(response.headers.get("Retry-After", 0)))
    if response.status_code == 403:
        raise MarketDenied("refused", remedy="register the address")
    if response.status_code >= 500:
        raise MarketDown(str(response.status_code))


def client_of(handler, waits):
    async def sleep(seconds):
        waits.append(seconds)

    return ApiClient(
        base_url="http://market.test",
        throttle=Throttle(None, sleep=sleep),
        classify=classify,
        waits_s=(1.0, 2.0),
        sleep=sleep,
        transport=httpx.MockTransport(handler),
    )


def call(method, answers, *, decode=keep_bytes):
    """Send one call against scripted answers; return (result or error, calls made, waits)."""
    waits, script = [], iter(answers)

    def handler(request):
        answer = next(script)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = client_of(handler, waits)

    async def once():
        try:
            return await getattr(client, method)("GET", "/x", decode=decode)
        except Exception as error:  # noqa: BLE001 - handed to the assertion
            return error
        finally:
            await client.aclose()

    return asyncio.run(once()), client.calls, waits


OK = httpx.Response(200, content=b"ok")


def test_a_read_is_repeated_until_it_succeeds():
    result, calls, waits = call("read", [httpx.Response(500), httpx.ReadTimeout("slow"), OK])
    assert result == b"ok"
    assert calls == 3
    assert len(waits) == 2
    assert waits[1] > waits[0]


def test_a_read_gives_up_with_the_last_error():
    result, calls, _ = call("read", [httpx.Response(503)] * 3)
    assert isinstance(result, MarketDown)
    assert calls == 3


def test_a_busy_market_is_asked_again_after_the_wait_it_names():
    result, _, waits = call("read", [httpx.Response(429, headers={"Retry-After": "7"}), OK])
    assert result == b"ok"
    assert waits[0] == 7.0


def test_a_refused_account_is_not_asked_again():
    result, calls, _ = call("read", [httpx.Response(403), OK])
    assert isinstance(result, MarketDenied)
    assert calls == 1


def test_a_body_that_cannot_be_decoded_is_read_again():
    bodies = iter([BadPayload("cut"), None])

    def decode(response):
        if error := next(bodies):
            raise error
        return response.content

    assert call("read", [OK, OK], decode=decode)[:2] == (b"ok", 2)


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(504), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")],
    ids=["504", "time-out", "cut"],
)
def test_a_write_whose_answer_is_lost_is_never_repeated(answer):
    result, calls, _ = call("write", [answer, OK])
    assert isinstance(result, AnswerLost)
    assert calls == 1


def test_a_write_with_an_unreadable_answer_is_lost():
    def decode(response):
        raise BadPayload("html")

    result, calls, _ = call("write", [OK, OK], decode=decode)
    assert isinstance(result, AnswerLost)
    assert calls == 1


def test_a_write_that_was_not_let_in_leaves_again():
    assert call("write", [httpx.Response(429), OK])[:2] == (b"ok", 2)


def test_a_write_whose_body_says_busy_leaves_again_after_the_wait():
    said = iter([MarketBusy("traffic", retry_after_s=7.0), None])

    def decode(response):
        if error := next(said):
            raise error
        return response.content

    result, calls, waits = call("write", [OK, OK], decode=decode)
    assert (result, calls) == (b"ok", 2)
    assert waits[0] == 7.0


def test_a_write_that_never_left_is_reported_as_such():
    result, calls, _ = call("write", [httpx.ConnectError("refused")])
    assert isinstance(result, MarketDown)
    assert not isinstance(result, AnswerLost)
    assert calls == 1


@pytest.mark.parametrize("method", ["read", "write"])
def test_market_that_stays_busy_breaks_the_circuit(method):
    """Calls into a block would only prolong it: the next ones fail without leaving."""
    now, sent = [0.0], []

    async def sleep(seconds):
        now[0] += seconds

    def handler(request):
        sent.append(now[0])
        return httpx.Response(429, headers={"Retry-After": "3"}) if len(sent) < 4 else OK

    client = ApiClient(
        base_url="http://market.test",
        throttle=Throttle(None, clock=lambda: now[0], sleep=sleep),
        classify=classify,
        waits_s=(1.0, 2.0),
        circuit_s=300.0,
        sleep=sleep,
        transport=httpx.MockTransport(handler),
    )

    async def calls():
        ask = getattr(client, method)
        with pytest.raises(MarketBusy) as first:
            await ask("GET", "/x", decode=keep_bytes)
        with pytest.raises(CircuitOpen) as second:
            await ask("GET", "/x", decode=keep_bytes)
        now[0] += 300.0
        last = await ask("GET", "/x", decode=keep_bytes)
        await client.aclose()
        return first.value, second.value, last

    first, second, last = asyncio.run(calls())
    assert not isinstance(first, CircuitOpen)
    assert second.retry_after_s == 300.0
    assert last == b"ok"
    assert len(sent) == 4
    assert client.busy_answers == 3


def test_call_that_waits_for_a_pause_does_not_leave_into_an_open_circuit():
    async def sleep(seconds):
        throttle.break_circuit(60.0)

    throttle = Throttle(None, clock=lambda: 0.0, sleep=sleep)
    throttle.pause(1.0)
    with pytest.raises(CircuitOpen):
        asyncio.run(throttle.acquire())


def test_results_keep_the_order_of_jobs_while_several_run():
    running, most = 0, 0

    def job(n):
        async def work():
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001 * (5 - n % 5))
            running -= 1
            return n

        return work

    async def jobs():
        for n in range(20):
            yield job(n)

    async def collect():
        return [n async for n in in_order(jobs(), ahead=4)]

    assert asyncio.run(collect()) == list(range(20))
    assert most == 4


def test_a_failing_job_stops_the_rest():
    async def fails():
        raise MarketDown("gone")

    async def waits():
        await asyncio.sleep(60)

    async def jobs():
        yield fails
        yield waits

    async def collect():
        return [n async for n in in_order(jobs(), ahead=2)]

    with pytest.raises(MarketDown):
        asyncio.run(collect())


class Reading:
    """Work that takes its time to end. told: how much of it was told to end.

    told_at_first_end: how much had been told when the first came to its end.
    """

    def __init__(self):
        self.begun = self.told = self.told_at_first_end = 0

    async def work(self):
        self.begun += 1
        try:
            await asyncio.sleep(60)
        finally:
            self.told += 1
            await asyncio.sleep(0.01)
            self.told_at_first_end = self.told_at_first_end or self.told

    async def stream(self):
        yield 1
        await self.work()

    async def failing_stream(self):
        yield 1
        await self.fail()

    async def fail(self):
        raise MarketDown("gone")

    async def failing_jobs(self):
        yield self.fail
        yield self.work

    def failing(self, kind):
        if kind == "jobs":
            return in_order(self.failing_jobs(), ahead=2)
        return streams_in_order(iter([self.failing_stream(), self.stream()]), ahead=2)


async def cancelled_when(is_time, items):
    """Read `items`, cancel the reader once `is_time`; return whether it ended as cancelled."""

    async def read():
        return [item async for item in items]

    task = asyncio.ensure_future(read())
    while not is_time():
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


def test_all_streams_are_told_to_end_at_once():
    reading = Reading()
    streams = streams_in_order((reading.stream() for _ in range(3)), ahead=3)
    assert asyncio.run(cancelled_when(lambda: reading.begun == 3, streams))
    assert reading.told == reading.told_at_first_end == 3


@pytest.mark.parametrize("kind", ["streams", "jobs"])
def test_cancelling_while_the_rest_ends_is_not_swallowed(kind):
    reading = Reading()
    assert asyncio.run(cancelled_when(lambda: reading.told, reading.failing(kind)))


def test_an_interrupt_while_reading_a_stream_ahead_reaches_who_reads():
    class Interrupted(BaseException):
        """As Dagster raises it from a signal handler, in whatever task is at work."""

    async def struck():
        yield 1
        await asyncio.sleep(0)
        raise Interrupted

    async def read():
        async with asyncio.timeout(10):
            return [item async for item in streams_in_order([struck()], ahead=1)]

    with pytest.raises(Interrupted):
        asyncio.run(read())
