"""Naver's token: its signature, what is sent for it, how long it serves (naver.md §2)."""

import asyncio
import base64
import traceback
from datetime import timedelta
from urllib.parse import parse_qsl

import bcrypt
import httpx
import pytest

from erp_assets.errors import BadPayload, MarketBusy, MarketDenied, MarketDown, SettingsError
from erp_assets.markets.naver import Naver, auth
from erp_assets.records import LineKey
from erp_assets_tests.markets import naver_samples as samples
from erp_assets_tests.markets.naver_samples import (
    CLIENT_ID,
    CREDENTIALS,
    NOW,
    SECRET,
    Talk,
    answer,
    gateway,
)

LINE = LineKey("2026051120593131", "2026051122442301")
ACCOUNT = {"accountId": "shop", "accountUid": "ncp_1", "grade": "1"}
VECTORS = [
    (
        "aaaabbbbcccc",
        "$2a$10$abcdefghijklmnopqrstuu",
        1643961623299,
        "JDJhJDEwJGFiY2RlZmdoaWprbG1ub3BxcnN0dXVCVldZSk42T0VPdEx1OFY0cDQxa2IuTnpVaUEzbmsy",
    ),
    (
        "7sim0Shop0Client0AppId",
        "$2a$04$Nv.Sim0Secret0Salt0Aqe",
        1767193200000,
        "JDJhJDA0JE52LlNpbTBTZWNyZXQwU2FsdDBBcWU1RWhlb2pwLzUxWUZVU0czS2RaVVBSUkZxQXNYZXg2",
    ),
    (
        "7sim0Shop0Client0AppId",
        "$2a$04$Nv.Sim0Secret0Salt0Aqe",
        1767193200001,
        "JDJhJDA0JE52LlNpbTBTZWNyZXQwU2FsdDBBcWU4SEFuVDQ2dDZmMlBOUG9UWTVMRFE3cnpnaGpRNjc2",
    ),
    (
        "4KstTestApplicationId1",
        "$2a$04$0123456789ABCDEFGHIJKO",
        1735689599999,
        "JDJhJDA0JDAxMjM0NTY3ODlBQkNERUZHSElKS09ZQ25SWTAvNGFFaEdXSjFPcU1Eb2MvVjZ3ZlJRdS9h",
    ),
    (
        "4KstTestApplicationId1",
        "$2a$10$0123456789ABCDEFGHIJKO",
        1735689599999,
        "JDJhJDEwJDAxMjM0NTY3ODlBQkNERUZHSElKS091UmpvUEdoV01mVzZwNjJzRy5qeUFYV2RET2xhU0xP",
    ),
]


async def ping(client: Naver):
    return await client.ping()


def account(_: httpx.Request) -> httpx.Response:
    return answer(ACCOUNT)


def fields(request: httpx.Request) -> dict[str, str]:
    """Return the form of a token request, each field once."""
    pairs = parse_qsl(request.content.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


class Desk:
    """Gives out t1, t2, …; `alive` are those that calls may bear."""

    def __init__(self, *, expires_in: float = 10_800) -> None:
        self.given = 0
        self.alive: set[str] = set()
        self.expires_in = expires_in

    def grant(self, _: httpx.Request) -> httpx.Response:
        self.given += 1
        self.alive = {f"t{self.given}"}
        return answer(
            {
                "access_token": f"t{self.given}",
                "expires_in": self.expires_in,
                "token_type": "Bearer",
            }
        )

    def call(self, request: httpx.Request) -> httpx.Response:
        scheme, _, token = request.headers["authorization"].partition(" ")
        assert scheme == "Bearer"
        return answer(ACCOUNT) if token in self.alive else gateway("GW.AUTHN", 401)


# ── the signature ──────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("client_id", "secret", "timestamp_ms", "sign"), VECTORS, ids=["1", "2", "3", "4", "5"]
)
def test_signature_is_that_of_the_page(client_id: str, secret: str, timestamp_ms: int, sign: str):
    assert auth.signature(client_id, secret, timestamp_ms) == sign
    assert len(sign) == 80


def test_hash_inside_the_signature_is_that_of_the_page():
    sign = auth.signature(CLIENT_ID, SECRET, 1767193200000)
    hashed = base64.b64decode(sign, validate=True)
    assert hashed == b"$2a$04$Nv.Sim0Secret0Salt0Aqe5Eheojp/51YFUSG3KdZUPRRFqAsXex6"
    assert bcrypt.checkpw(f"{CLIENT_ID}_1767193200000".encode(), hashed)


def test_last_character_of_a_secret_means_what_old_libraries_made_of_it():
    sign = auth.signature("aaaabbbbcccc", "$2a$10$abcdefghijklmnopqrstuv", 1643961623299)
    assert sign == VECTORS[0][3]


@pytest.mark.parametrize("last", list(auth.ALPHABET))
def test_any_last_character_becomes_one_of_four(last: str):
    salt = auth.canonical_salt(SECRET[:-1] + last)
    assert salt[-1] in ".Oeu"
    assert bcrypt.hashpw(b"any", salt.encode()).startswith(salt.encode())


# ── settings ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "secret",
    [
        "",
        ".Sim0Secret",
        SECRET[1:],
        SECRET + "x",
        SECRET + "\n",
        SECRET.replace("$04$", "$99$"),
        SECRET.replace(".", "한"),
        "$2a$04$Nv.Sim0Secret0Salt0 qe",
    ],
    ids=["empty", "eaten", "short", "long", "line", "cost", "hangul", "blank"],
)
def test_secret_of_another_form_is_a_wrong_setting(secret: str):
    with pytest.raises(SettingsError, match=r"credentials\.client_secret") as caught:
        Naver(credentials={"client_id": CLIENT_ID, "client_secret": secret})
    assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize("client_id", ["", "x" * 59], ids=["none", "longer than bcrypt takes"])
def test_client_id_that_cannot_be_signed_is_a_wrong_setting(client_id: str):
    with pytest.raises(SettingsError, match=r"credentials\.client_id"):
        Naver(credentials={"client_id": client_id, "client_secret": SECRET})


# ── the request ────────────────────────────────────────────────────────────────────────────────
def test_token_request_is_the_form_of_the_page():
    talk = Talk(account, now=lambda: NOW)
    talk.run(ping)
    [request] = talk.granted
    assert request.method == "POST"
    assert str(request.url) == "http://naver.test/external/v1/oauth2/token"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    assert request.content.decode() == (
        f"client_id={CLIENT_ID}&timestamp=1767193200000&grant_type=client_credentials"
        f"&client_secret_sign={VECTORS[1][3]}&type=SELF"
    )


def test_linked_seller_is_named():
    talk = Talk(account, credentials=CREDENTIALS | {"account_id": "ncp_a&b"})
    talk.run(ping)
    sent = fields(talk.granted[0])
    assert (sent["type"], sent["account_id"]) == ("SELLER", "ncp_a&b")


def test_call_bears_the_token_and_no_secret():
    talk = Talk(account)
    talk.run(ping)
    [request] = talk.sent
    assert request.headers["authorization"] == "Bearer 33Bp5LyUFVTBexampleToken"
    assert not any(SECRET in f"{name}{value}" for name, value in request.headers.items())
    assert SECRET not in str(request.url)


def test_repeated_token_request_is_signed_anew():
    times = iter(NOW + timedelta(minutes=4 * n) for n in range(9))
    answers = iter([gateway("GW.BLOCK.02", 503), gateway("GW.RATE_LIMIT", 429)])
    talk = Talk(
        account,
        grant=lambda _: next(answers, answer(samples.TOKEN)),
        waits_s=(0, 0),
        now=lambda: next(times),
    )
    talk.run(ping)
    sent = [fields(request) for request in talk.granted]
    assert [int(it["timestamp"]) - 1767193200000 for it in sent] == [0, 240_000, 480_000]
    for it in sent:
        expected = auth.signature(CLIENT_ID, SECRET, int(it["timestamp"]))
        assert it["client_secret_sign"] == expected


# ── one token for many calls ───────────────────────────────────────────────────────────────────
def test_many_calls_at_once_cause_one_token_request():
    desk = Desk()
    talk = Talk(desk.call, grant=desk.grant, concurrency=50)
    talk.run(lambda it: asyncio.gather(*(it.ping() for _ in range(50))))
    assert len(talk.sent) == 50
    assert desk.given == 1


def test_token_that_ends_early_is_renewed_once_for_all():
    desk = Desk()
    talk = Talk(desk.call, grant=desk.grant, concurrency=50)

    async def use(client: Naver):
        await client.ping()
        desk.alive.clear()
        await asyncio.gather(*(client.ping() for _ in range(50)))
        await client.ping()

    talk.run(use)
    assert desk.given == 2
    assert talk.sent[-1].headers["authorization"] == "Bearer t2"


def test_token_refused_again_is_a_denial_after_one_renewal():
    desk = Desk()
    talk = Talk(lambda _: gateway("GW.AUTHN", 401), grant=desk.grant, waits_s=(0, 0, 0))
    with pytest.raises(MarketDenied) as caught:
        talk.run(ping)
    assert (desk.given, len(talk.sent)) == (2, 2)
    assert "client_secret" in caught.value.remedy


@pytest.mark.parametrize("code", ["UNAUTHORIZED", "GW.OTHER"])
def test_other_401_does_not_ask_for_a_token_again(code: str):
    desk = Desk()
    talk = Talk(lambda _: gateway(code, 401), grant=desk.grant)
    with pytest.raises(MarketDenied):
        talk.run(ping)
    assert (desk.given, len(talk.sent)) == (1, 1)


def test_write_whose_token_was_refused_leaves_again_with_a_new_one():
    desk = Desk()

    def call(request: httpx.Request) -> httpx.Response:
        said = desk.call(request)
        return answer(samples.CONFIRMED) if said.status_code == 200 else said

    async def use(client: Naver):
        await client.confirm([LINE])
        desk.alive.clear()
        return await client.confirm([LINE])

    talk = Talk(call, grant=desk.grant)
    [result] = talk.run(use)
    assert result.ok
    assert (desk.given, len(talk.sent)) == (2, 3)


# ── lifetime ───────────────────────────────────────────────────────────────────────────────────
class Grants:
    """A fetch that counts, and a clock to set."""

    def __init__(self, lasts_s: float) -> None:
        self.at = 1_000.0
        self.count = 0
        self.lasts_s = lasts_s
        self.tokens = auth.Tokens(self._fetch, clock=lambda: self.at)

    async def _fetch(self) -> tuple[str, float]:
        self.count += 1
        return f"t{self.count}", self.lasts_s

    def get(self) -> str:
        return asyncio.run(self.tokens.get())


@pytest.mark.parametrize(
    ("lasts_s", "renewed_after_s"),
    [(10_800, 10_200), (10_799, 10_199), (1_800, 1_200), (600, 300), (60, 30)],
)
def test_token_is_renewed_before_its_end_and_within_the_last_half_hour(
    lasts_s: float, renewed_after_s: float
):
    grants = Grants(lasts_s)
    assert grants.get() == "t1"
    grants.at += renewed_after_s - 1
    assert grants.get() == "t1"
    grants.at += 1
    assert grants.get() == "t2"
    assert lasts_s - renewed_after_s < 1_800


def test_late_refusal_of_an_old_token_keeps_the_new_one():
    grants = Grants(10_800)
    old = grants.get()
    grants.tokens.drop(old)
    assert grants.get() == "t2"
    grants.tokens.drop(old)
    assert (grants.get(), grants.count) == ("t2", 2)


def test_failed_fetch_leaves_the_door_open_for_the_next():
    answers = iter([gateway("GW.TIMEOUT.01", 504)])
    talk = Talk(account, grant=lambda _: next(answers, answer(samples.TOKEN)))

    async def use(client: Naver):
        with pytest.raises(MarketDown):
            await client.ping()
        await client.ping()

    talk.run(use)
    assert (len(talk.granted), len(talk.sent)) == (2, 1)


# ── answers that hold no token ─────────────────────────────────────────────────────────────────
def refused(*names: str, message: str = "값이 유효하지 않습니다.") -> dict[str, object]:
    inputs = [{"name": name, "type": "NotValid", "message": message} for name in names]
    return {"code": "BAD_REQUEST", "message": message, "invalidInputs": inputs}


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        (samples.TOKEN_REFUSED, "client_secret "),
        (refused("client_id"), "client_id "),
        (refused("timestamp"), "clock"),
        (refused("account_id"), "account_id"),
        (refused("type"), "account_id"),
        (refused("grant_type"), "keys"),
        (refused(message="timestamp 항목이 유효하지 않습니다."), "clock"),
        (refused(message="grant_type 항목이 유효하지 않습니다."), "keys"),
        ({"code": "BAD_REQUEST", "message": "client_id 항목", "invalidInputs": None}, "client_id "),
        ({"code": 400, "message": None}, "keys"),
        ("<html>400</html>", "keys"),
    ],
    ids=[
        "sign",
        "client",
        "time",
        "account",
        "type",
        "grant",
        "time told by the message",
        "grant told by the message",
        "null inputs",
        "odd types",
        "page",
    ],
)
def test_refused_token_request_is_a_denial_with_its_remedy(body: object, remedy: str):
    talk = Talk(account, grant=lambda _: answer(body, 400), waits_s=(0, 0))
    with pytest.raises(MarketDenied) as caught:
        talk.run(ping)
    assert remedy in caught.value.remedy
    assert len(talk.granted) == 1
    assert talk.sent == []


def test_address_is_refused_before_any_token():
    talk = Talk(account, grant=lambda _: gateway("GW.IP_NOT_ALLOWED", 403), waits_s=(0,))
    with pytest.raises(MarketDenied) as caught:
        talk.run(ping)
    assert "IP address" in caught.value.remedy
    assert len(talk.granted) == 1


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"access_token": "", "expires_in": 10800}',
        '{"access_token": "t", "expires_in": 0}',
        '{"access_token": "t\\r\\nX-Other: 1", "expires_in": 10800}',
        '{"access_token": "한글", "expires_in": 10800}',
        samples.TOKEN[:40],
        "<html>ok</html>",
    ],
    ids=["nothing", "empty", "over", "lines", "hangul", "cut", "page"],
)
def test_answer_without_a_usable_token_is_asked_for_again_and_then_reported(body: str):
    talk = Talk(account, grant=lambda _: answer(body), waits_s=(0,))
    with pytest.raises(BadPayload):
        talk.run(ping)
    assert (len(talk.granted), talk.sent) == (2, [])


def test_busy_desk_is_waited_for():
    talk = Talk(account, grant=lambda _: gateway("GW.RATE_LIMIT", 429))
    with pytest.raises(MarketBusy) as caught:
        talk.run(ping)
    assert caught.value.retry_after_s == 1.0


@pytest.mark.parametrize("status", [400, 401, 403, 415, 429, 500, 503])
def test_secret_and_signature_stand_in_no_error(status: int):
    echo = Talk(account, grant=lambda it: answer(it.content.decode(), status), now=lambda: NOW)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is told elsewhere
        echo.run(ping)
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told
    assert VECTORS[1][3][:20] not in told
