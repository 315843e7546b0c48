"""What Coupang's refusals, silences and broken answers become (coupang.md §2)."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from erp_assets.errors import (
    BadPayload,
    MarketBusy,
    MarketDenied,
    MarketDown,
    MarketRejected,
)
from erp_assets.markets.coupang import Coupang
from erp_assets.markets.throttle import CircuitOpen
from erp_assets.records import LineStatus, OptionKey
from erp_assets_tests.markets import coupang_samples as samples
from erp_assets_tests.markets.coupang_samples import (
    ACCESS,
    SECRET,
    SHEET,
    Talk,
    answer,
    by_target,
    changed,
    kst,
    listed,
    refusal,
)

SINCE, UNTIL = kst("2026-02-27T00:00:00"), kst("2026-03-02T00:00:00")
UNKNOWN_KEY = "Unknown error occurred, please contact api-gateway channel for the details."


def days(client: Coupang):
    return client.orders(SINCE, UNTIL)


def claims_of_days(client: Coupang):
    return client.claims(SINCE, UNTIL)


def listing(client: Coupang):
    return client.products()


def order(client: Coupang):
    return client.orders_by_no(["1"])


def offer(client: Coupang):
    return client.offers([OptionKey("1", "2")])


READS = pytest.mark.parametrize(
    "read",
    [days, claims_of_days, listing, order, offer],
    ids=["orders", "claims", "products", "order", "offer"],
)


def error_of(response: httpx.Response, read=days) -> Exception:
    talk = Talk(lambda _: response)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is what is asserted
        talk.batches(read)
    return caught.value


# ── accounts that are refused ──────────────────────────────────────────────────────────────────
@READS
@pytest.mark.parametrize(
    ("response", "remedy"),
    [
        (answer(samples.EXPIRED, 401), "clock"),
        (answer(refusal("Invalid signature."), 401), "credentials.secret_key"),
        (answer(refusal("HMAC format is invalid."), 401), "stray characters"),
        (answer(samples.UNSIGNED, 401), "180 days"),
        (answer(refusal(UNKNOWN_KEY), 401), "credentials.access_key"),
        (answer(samples.ADDRESS, 403), "IP address"),
        (answer(refusal("403 Forbidden, Not allowed IP: 203.0.113.7"), 403), "30 minutes"),
        (answer(samples.BLOCKED, 403), "ten minutes"),
        (answer(b" " * 300 + samples.BLOCKED, 403), "ten minutes"),
        (answer(samples.FOREIGN, 400), "credentials.vendor_id"),
        (answer(refusal("invalid vendorId", 400), 400), "credentials.vendor_id"),
        (answer(b"", 423), "support"),
        (answer(b"", 401), "credentials"),
        (answer(b"", 403), "credentials"),
        (answer({"code": "401", "message": "Invalid signature.", "data": None}), "secret_key"),
    ],
    ids=[
        "expired",
        "wrong",
        "malformed",
        "missing",
        "unknown key",
        "address",
        "address in words",
        "edge",
        "edge after blanks",
        "vendor",
        "vendor of withdrawals",
        "blocked",
        "401",
        "403",
        "inside 200",
    ],
)
def test_refused_account_is_told_what_to_do_and_not_asked_again(read, response, remedy: str):
    talk = Talk(lambda _: response, waits_s=(0.0, 0.0), concurrency=1)
    with pytest.raises(MarketDenied) as caught:
        talk.batches(read)
    assert remedy in caught.value.remedy
    assert len(talk.sent) == 1


# ── answers that are no answers ────────────────────────────────────────────────────────────────
TIMED_OUT = refusal(
    "Request timed out, if the situation continues consider applying timeout extension."
)


@READS
@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(TIMED_OUT, 504), MarketDown),
        (answer(refusal("connection timed out: aws-openapi.coupang.net"), 521), MarketDown),
        (answer(b"Internal Server Error", 500), MarketDown),
        (answer(b"<html><body>maintenance</body></html>", 503), MarketDown),
        (answer(b"", 412), MarketDown),
        (answer(b"", 408), MarketDown),
        (answer(b"", 302, Location="https://elsewhere.test/"), MarketDown),
        (answer(b"<html><body>maintenance</body></html>"), BadPayload),
        (answer(b""), BadPayload),
        (answer(b"[]"), BadPayload),
        (answer(b'{"code":200,"message":"OK","data":[{"shipmentBoxId":1'), BadPayload),
        (answer({"message": "OK", "data": []}), BadPayload),
        (answer({"code": 200, "message": "OK"}), BadPayload),
        (answer({"code": None, "data": []}), BadPayload),
        (answer(b'{"code":200,"data":' + b"[" * 9_000 + b"]" * 9_000 + b"}"), BadPayload),
        (answer(b'{"code":"\xff","data":[]}'), BadPayload),
        (answer({"code": 500, "message": "Internal Server Error", "data": None}), BadPayload),
        (answer(samples.BUSY, 429), MarketBusy),
    ],
    ids=[
        "504",
        "521",
        "500",
        "maintenance",
        "412",
        "408",
        "redirect",
        "page",
        "empty",
        "array",
        "cut",
        "no code",
        "no data",
        "code null",
        "deep",
        "bytes",
        "500 inside 200",
        "429",
    ],
)
def test_read_is_repeated_and_then_raises_what_stood_in_the_way(read, response, kind: type):
    talk = Talk(lambda _: response, waits_s=(0.0, 0.0), concurrency=1)
    with pytest.raises(kind) as caught:
        talk.batches(read)
    assert type(caught.value) is kind
    assert len(talk.sent) == 3


@pytest.mark.parametrize("read", [days, claims_of_days, listing], ids=["orders", "claims", "list"])
def test_no_data_in_a_good_answer_is_not_an_empty_list(read):
    assert type(error_of(answer({"code": 200, "message": "OK", "data": None}), read)) is BadPayload


@pytest.mark.parametrize("read", [order, offer], ids=["order", "offer"])
def test_thing_without_data_is_set_aside(read):
    talk = Talk(lambda _: answer({"code": "200", "message": "OK", "data": None}))
    [rejected] = talk.batch(read).rejected
    assert rejected.body == "null"
    assert "Expected `object`, got `null`" in rejected.reason


@pytest.mark.parametrize(
    "script",
    [
        lambda: httpx.Response(503),
        lambda: answer(b'{"code":200,"data":[{"shi'),
        lambda: answer(samples.BUSY, 429),
        lambda: answer(b"<html></html>"),
    ],
    ids=["503", "cut", "429", "page"],
)
def test_read_that_succeeds_later_is_whole(script: Callable[[], httpx.Response]):
    bad = iter([script(), script()])

    def handler(request: httpx.Request) -> httpx.Response:
        is_asked = "INSTRUCT" in str(request.url)
        return (next(bad, None) if is_asked else None) or answer(
            listed(SHEET) if is_asked else samples.NOTHING
        )

    found = Talk(handler, waits_s=(0.0, 0.0)).batch(days)
    assert [line.status for line in found.lines] == [LineStatus.CONFIRMED]
    assert found.complete_until == UNTIL


@pytest.mark.parametrize(
    "raised",
    [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut"), httpx.ConnectError("no route")],
    ids=["slow", "cut", "no route"],
)
def test_lost_connection_is_the_markets_absence(raised: Exception):
    def handler(_: httpx.Request) -> httpx.Response:
        raise raised

    talk = Talk(handler, waits_s=(0.0,))
    with pytest.raises(MarketDown) as caught:
        talk.run(Coupang.ping)
    assert type(raised).__name__ in str(caught.value)
    assert len(talk.sent) == 2


def test_redirect_is_not_followed():
    talk = Talk(lambda _: httpx.Response(307, headers={"Location": "http://coupang.test/x"}))
    with pytest.raises(MarketDown):
        talk.run(Coupang.ping)
    assert len(talk.sent) == 1


# ── refusals ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "text",
    [
        "endTime-startTime range should less than31.",
        "OrderId can't be null, if doesn't pass the parameter status",
        "최대 조회 기간은 7 일 입니다.(The maximum view duration is 7 days)",
        "createdAtTo - createdAtFrom should less then 7day",
        "업체코드는 반드시 입력되어야 합니다.",
    ],
)
@pytest.mark.parametrize("code", [400, "400", "ERROR"])
def test_refusal_keeps_the_words_of_the_market(text: str, code: object):
    error = error_of(answer(refusal(text, code), 400))
    assert isinstance(error, MarketRejected)
    assert (error.code, str(error)) == ("400", f"HTTP 400: {text}")


@pytest.mark.parametrize("code", ["ERROR", "FAIL", 400, "400", 0, ""])
@pytest.mark.parametrize("data", [None, [], {"code": "E1"}], ids=["null", "empty", "inner"])
def test_error_inside_http_200_is_no_empty_list(code: object, data: object):
    error = error_of(answer({"code": code, "message": "안 됩니다.", "data": data}))
    assert isinstance(error, MarketRejected)
    assert (error.code, str(error)) == (str(code), "안 됩니다.")


@pytest.mark.parametrize("status", [400, 404, 405, 409])
def test_refusal_without_words_is_not_repeated(status: int):
    talk = Talk(lambda _: httpx.Response(status), waits_s=(0.0, 0.0), concurrency=1)
    with pytest.raises(MarketRejected):
        talk.batches(days)
    assert len(talk.sent) == 1


@pytest.mark.parametrize("data", [None, ...], ids=["null", "absent"])
def test_message_of_a_refusal_may_be_null(data: object):
    body = changed(refusal("x", 400), {"data": data, "message": None})
    assert isinstance(error_of(answer(body, 400)), MarketRejected)


# ── a busy market ──────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("7", 7.0),
        ("99999", 600.0),
        (None, 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-1", 0.0),
        ("²".encode("latin-1"), 0.0),
        ("Sun, 01 Mar 2026 09:30:15 GMT", 0.0),
    ],
    ids=["seconds", "hours", "none", "empty", "word", "negative", "odd digit", "date"],
)
def test_busy_market_may_name_its_wait(value: str | bytes | None, wait_s: float):
    headers = {} if value is None else {"Retry-After": value}
    error = error_of(httpx.Response(429, headers=headers))  # type: ignore[arg-type]
    assert isinstance(error, MarketBusy)
    assert error.retry_after_s == wait_s


def test_waits_grow_to_a_minute_unless_the_market_asks_for_more():
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    script = iter([httpx.Response(429)] * 3 + [httpx.Response(429, headers={"Retry-After": "90"})])
    sent: list[httpx.Request] = []

    async def use() -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return next(script, None) or answer(samples.PRODUCTS)

        client = Coupang(
            credentials=samples.CREDENTIALS,
            rate=None,
            transport=httpx.MockTransport(handler),
            sleep=sleep,
        )
        await client.ping()
        assert client.busy_answers == 4
        await client.aclose()

    asyncio.run(use())
    longest = [wait for wait in waits if wait >= 0.7]
    assert len(sent) == 5
    assert max(longest) == 90.0
    assert 0.8 <= longest[0] <= 1.2


def test_market_that_stays_busy_is_left_alone():
    talk = Talk(lambda _: answer(samples.BUSY, 429), concurrency=1)

    async def use(client: Coupang) -> list[Exception]:
        errors = []
        for _ in range(3):
            try:
                await client.ping()
            except MarketBusy as error:
                errors.append(error)
        return errors

    first, *later = talk.run(use)
    assert len(talk.sent) == 1
    assert not isinstance(first, CircuitOpen)
    assert [type(error) for error in later] == [CircuitOpen, CircuitOpen]
    assert all(290.0 < error.retry_after_s <= 300.0 for error in later)


# ── what errors tell ───────────────────────────────────────────────────────────────────────────
SIGNED = "a764152129dfe052df0fd98bc044ce5789ce97444f04aa3e30b1b0636d2082e3"


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500])
@pytest.mark.parametrize(
    "text",
    [ACCESS, SECRET, SECRET.upper(), f"access-key={ACCESS}, signature={SIGNED}", "access-key=K1,"],
    ids=["access", "secret", "capitals", "header", "short key"],
)
@pytest.mark.parametrize("form", [lambda it: it.encode(), refusal], ids=["text", "json"])
def test_no_error_tells_the_keys(status: int, text: str, form: Callable[[str], object]):
    error = error_of(answer(form(f"echo {text}"), status))
    told = f"{error!r} {error} {error.__cause__!r} {vars(error)}"
    for secret in (ACCESS, SECRET, SECRET.upper(), SIGNED, "K1"):
        assert secret not in told


def test_error_is_one_short_line_without_control_characters():
    error = error_of(answer(refusal("a\r\nb\x00\x1b[31m" + "x" * 5_000), 500))
    assert str(error).startswith("HTTP 500: a b[31mxxx")
    assert str(error).isprintable()
    assert len(str(error)) < 250


def test_half_a_character_does_not_cost_the_page():
    box = changed(SHEET, {"parcelPrintMessage": "문 앞 @", "receiver.name": r"C:\ud83d 😀"})
    body = answer(listed(box)).content
    whole = rb"\ud83d\ude00"
    pieces = {rb"\ud83d": "�", rb"\ude00": "�", whole: "😀", rb"\\ud83d": r"\ud83d"}
    for piece, read in pieces.items():
        talk = Talk(by_target({"INSTRUCT": answer(body.replace(b"@", piece))}))
        found = talk.batch(days)
        [line] = found.lines
        assert line.delivery_note == f"문 앞 {read}"
        assert line.receiver_name == r"C:\ud83d 😀"
        assert found.rejected == []
