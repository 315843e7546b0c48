"""Naver's errors: three families, and answers that are none of them (naver.md §3)."""

from collections.abc import Callable

import httpx
import pytest

from erp_assets.errors import (
    BadPayload,
    ErpError,
    MarketBusy,
    MarketDenied,
    MarketDown,
    MarketRejected,
)
from erp_assets.markets.naver import Naver
from erp_assets_tests.markets import naver_samples as samples
from erp_assets_tests.markets.naver_samples import Talk, answer, gateway

PAGE = "<html><head><title>502 Bad Gateway</title></head><body>502</body></html>"
ACCOUNT = {"accountId": "shop"}


def product(code: str, status: int) -> httpx.Response:
    return answer({"code": code, "message": "말", "invalidInputs": [], "timestamp": "t"}, status)


def order(code: str) -> httpx.Response:
    return answer({"code": code, "message": "말", "timestamp": "t", "traceId": "cr3"}, 400)


def caught(said: httpx.Response, waits_s: tuple[float, ...] = ()) -> tuple[ErpError, Talk]:
    talk = Talk(lambda _: said, waits_s=waits_s)
    with pytest.raises(ErpError) as found:
        talk.run(Naver.ping)
    return found.value, talk


@pytest.mark.parametrize(
    ("said", "kind", "calls"),
    [
        (gateway("GW.AUTHN", 401), MarketDenied, 2),
        (gateway("GW.IP_NOT_ALLOWED", 403), MarketDenied, 1),
        (gateway("GW.AUTHZ", 403), MarketDenied, 1),
        (gateway("GW.NOT_FOUND", 404), MarketRejected, 1),
        (gateway("GW.RATE_LIMIT", 429), MarketBusy, 3),
        (gateway("GW.QUOTA_LIMIT", 429), MarketBusy, 3),
        (gateway("GW.PROXY.01", 500), MarketDown, 3),
        (gateway("GW.PROXY.05", 500), MarketDown, 3),
        (gateway("GW.INTERNAL_SERVER_ERROR", 500), MarketDown, 3),
        (gateway("GW.BLOCK.01", 503), MarketDown, 3),
        (gateway("GW.BLOCK.02", 503), MarketDown, 3),
        (gateway("GW.TIMEOUT.02", 504), MarketDown, 3),
        (answer(samples.TIMED_OUT, 504), MarketDown, 3),
        (answer(samples.BUSY, 429), MarketBusy, 3),
        (product("PERMANENT_REDIRECT", 308), MarketRejected, 1),
        (product("BAD_REQUEST", 400), MarketRejected, 1),
        (product("UNAUTHORIZED", 401), MarketDenied, 1),
        (product("FORBIDDEN", 403), MarketDenied, 1),
        (product("NOT_FOUND", 404), MarketRejected, 1),
        (product("INTERNAL_SERVER_ERROR", 500), MarketDown, 3),
        (answer(samples.SETTLEMENT_REFUSED, 400), MarketRejected, 1),
        (answer(samples.PERIOD_TOO_LONG, 400), MarketRejected, 1),
        (order("4000"), MarketRejected, 1),
        (order("9999"), MarketRejected, 1),
        (answer(PAGE, 502), MarketDown, 3),
        (answer(PAGE, 403), MarketDenied, 1),
        (answer(PAGE, 404), MarketRejected, 1),
        (answer("", 500), MarketDown, 3),
        (answer("", 405), MarketRejected, 1),
        (answer("", 408), MarketDown, 3),
        (answer(PAGE), BadPayload, 3),
        (answer(""), BadPayload, 3),
        (answer("[]"), BadPayload, 3),
        (answer('{"accountId": "sh'), BadPayload, 3),
        (answer(b'{"accountId": "\xff"}'), BadPayload, 3),
        (answer("", 204), BadPayload, 3),
    ],
)
def test_what_an_answer_means_and_how_often_it_is_asked_for(
    said: httpx.Response, kind: type[ErpError], calls: int
):
    error, talk = caught(said, waits_s=(0.0, 0.0))
    assert type(error) is kind or (kind is MarketDenied and isinstance(error, MarketDenied))
    assert len(talk.sent) == calls


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("GW.IP_NOT_ALLOWED", "Register this machine's IP address"),
        ("GW.AUTHZ", "Add the API groups"),
        ("FORBIDDEN", "Check the application's keys, IP addresses and API groups"),
    ],
)
def test_denial_says_what_to_do(code: str, remedy: str):
    error, _ = caught(gateway(code, 403))
    assert isinstance(error, MarketDenied)
    assert error.remedy.startswith(remedy)
    assert code in str(error)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (answer(samples.PERIOD_TOO_LONG, 400), "104139"),
        (answer({"code": 104139, "message": None}, 400), "104139"),
        (product("BAD_REQUEST", 400), "BAD_REQUEST"),
        (answer(PAGE, 400), "400"),
        (answer({"code": None}, 409), "409"),
        (answer({"code": "X", "invalidInputs": [{"name": None, "type": "t"}]}, 400), "X"),
    ],
    ids=["order", "number", "product", "page", "null", "null input"],
)
def test_rejection_carries_the_code_of_the_market(said: httpx.Response, code: str):
    error, _ = caught(said)
    assert isinstance(error, MarketRejected)
    assert error.code == code


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ({}, 1.0),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"Retry-After": "\u00b2"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": "999999"}, 600.0),
    ],
    ids=["none", "seconds", "word", "raised two", "negative", "days"],
)
def test_busy_gateway_is_left_alone_for_a_second_or_as_long_as_it_asks(
    header: dict[str, str], wait_s: float
):
    headers = [(name.encode(), value.encode("latin-1")) for name, value in header.items()]
    error, talk = caught(httpx.Response(429, headers=headers, content=samples.BUSY.encode()))
    assert isinstance(error, MarketBusy)
    assert error.retry_after_s == wait_s
    assert len(talk.sent) == 1


def test_busy_answer_is_counted_and_waited_for():
    answers = iter([gateway("GW.RATE_LIMIT", 429, Retry_After="3"), answer(ACCOUNT)])
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def use(client: Naver) -> tuple[int, int]:
        await client.ping()
        return client.busy_answers, client.calls

    talk = Talk(lambda _: next(answers), waits_s=(0.0,), sleep=sleep)
    assert talk.run(use) == (1, 3)
    assert max(waits) >= 3.0


@pytest.mark.parametrize("status", [200, 429])
def test_announced_rate_is_followed_per_api(status: int):
    """Also when a refusal announces it."""
    said = [
        answer(ACCOUNT, status, GNCP_GW_RateLimit_Replenish_Rate="4"),
        answer(ACCOUNT, GNCP_GW_RateLimit_Replenish_Rate="4"),
    ]
    asked_for: list[tuple[str, float]] = []

    def reserve(bucket: str, gap_s: float, _: int) -> float:
        asked_for.append((bucket, gap_s))
        return 0.0

    answers = iter([*said, answer(ACCOUNT)])
    talk = Talk(lambda _: next(answers), waits_s=(0.0,), rate=20.0, reserve=reserve)

    async def use(client: Naver) -> None:
        await client.ping()
        await client.ping()

    talk.run(use)
    gaps = [gap for bucket, gap in asked_for if bucket == "account"]
    assert gaps[:2] == [1 / 20, 1 / 4]
    assert ("token", 1 / 2) in asked_for


@pytest.mark.parametrize("rate", ["", "fast", "0", "-1", "nan"])
def test_odd_rate_is_not_followed(rate: str):
    asked_for: list[float] = []

    def reserve(bucket: str, gap_s: float, _: int) -> float:
        asked_for.extend([gap_s] if bucket == "account" else [])
        return 0.0

    said = {"GNCP_GW_RateLimit_Replenish_Rate": rate}
    talk = Talk(lambda _: answer(ACCOUNT, **said), rate=20.0, reserve=reserve)

    async def use(client: Naver) -> None:
        await client.ping()
        await client.ping()

    talk.run(use)
    assert asked_for == [1 / 20, 1 / 20]


def lost(error: type[httpx.HTTPError]) -> Callable[[httpx.Request], httpx.Response]:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error("gone")

    return handler


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.ReadError,
        httpx.RemoteProtocolError,
    ],
)
def test_lost_connection_is_tried_again(error: type[httpx.HTTPError]):
    talk = Talk(lost(error), waits_s=(0.0, 0.0))
    with pytest.raises(MarketDown):
        talk.run(Naver.ping)
    assert len(talk.sent) == 3


def test_words_of_the_market_stay_on_one_line():
    body = {
        "code": "4000",
        "message": "a\r\nX-Injected: 1\u0000'; DROP TABLE orders; --" + "x" * 900,
    }
    error, _ = caught(answer(body, 400))
    assert "\n" not in str(error)
    assert "\x00" not in str(error)
    assert len(str(error)) <= 200
