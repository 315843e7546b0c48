"""What Naver's answers mean: three families of errors behind one gateway (naver.md §3)."""

import re
from typing import TypeVar

import httpx
import msgspec

from erp_assets.errors import BadPayload, MarketBusy, MarketDenied, MarketDown, MarketRejected

T = TypeVar("T")
QUOTED = 200
BUSY_S = 1.0
"""The bucket refills every second; no Retry-After is documented (§3.2)."""

SIGNATURE = re.compile(r"JDJ[A-Za-z0-9]{9,}")
"""base64 of a bcrypt hash, whole or cut (§2.2)."""

ESCAPES = re.compile(rb"(\\\\|\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w)|\\u[dD][89a-fA-F]\w\w")
"""A backslash or a pair of surrogates (group 1), or a surrogate alone."""

CENTRE = "Commerce API centre > application"
REMEDIES = {
    "GW.IP_NOT_ALLOWED": f"Register this machine's IP address in {CENTRE} > API call IP.",
    "GW.AUTHZ": f"Add the API groups for products, orders and seller information in {CENTRE}.",
    "GW.AUTHN": f"Check credentials.client_id and client_secret against {CENTRE}.",
    "client_secret_sign": f"Check credentials.client_secret against {CENTRE}.",
    "client_id": f"Check credentials.client_id against {CENTRE}.",
    "timestamp": "Set this machine's clock: Naver accepts five minutes of difference.",
    "account_id": "Check credentials.account_id; leave it out for your own store.",
    "type": "Check credentials.account_id; leave it out for your own store.",
}
"""Gateway code, or name of a bad field of the token request → what a person must do."""


class TokenRefused(MarketDenied):
    """401 GW.AUTHN: the token ended early, or is not one."""


class Input(msgspec.Struct):
    """A field the market did not like."""

    name: str | None = None


class Failure(msgspec.Struct, rename="camel"):
    """An error of any family."""

    code: str | int | None = None
    message: str | None = None
    invalid_inputs: list[Input] | None = None


def classify(response: httpx.Response) -> None:
    """Raise what a bad answer means; silent when its status is good."""
    status = response.status_code
    if status < 300:
        return
    failure = _failure(response)
    code = str(failure.code or "")
    said = printable(f"HTTP {status} {code}: {failure.message or ''}")
    if status in (401, 403):
        denied = TokenRefused if code == "GW.AUTHN" else MarketDenied
        raise denied(said, remedy=_remedy(code))
    if status == 429:
        raise MarketBusy(said, retry_after_s=_retry_after(response))
    if status >= 500 or status == 408:
        raise MarketDown(said)
    raise MarketRejected(said, code=code or str(status))


def classify_token(response: httpx.Response) -> None:
    """Raise what a bad answer to a token request means: a bad field is a setting to mend (§2.5)."""
    if response.status_code != 400:
        classify(response)
        return
    failure = _failure(response)
    said = failure.message or ""
    names = [*(each.name or "" for each in failure.invalid_inputs or ()), *re.findall(r"\w+", said)]
    name = next((name for name in names if name in REMEDIES), "")
    raise MarketDenied(printable(f"no token: {said}"), remedy=_remedy(name))


def printable(text: str) -> str:
    """Return the market's words on one line, without a signature, for the secret is inside it."""
    plain = SIGNATURE.sub("<signature>", text)[:QUOTED]
    return "".join(it if it.isprintable() else " " for it in plain)


def _failure(response: httpx.Response) -> Failure:
    try:
        return msgspec.json.decode(response.content, type=Failure)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Failure(message=response.content[: 4 * QUOTED].decode("utf-8", "replace"))


def _remedy(code: str) -> str:
    default = f"Check the application's keys, IP addresses and API groups in {CENTRE}."
    return REMEDIES.get(code, default)


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("retry-after", "")
    return min(float(value), 600.0) if value.isdecimal() else BUSY_S


def decoded(response: httpx.Response, kind: type[T]) -> T:
    """Return the answer as `kind`. Raises: BadPayload: cut short or not of that form."""
    try:
        return msgspec.json.decode(_mended(response.content), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadPayload(f"not an answer of Naver: {error}") from error


def _mended(content: bytes) -> bytes:
    """Return the body without halves of characters: one would make all of it unreadable."""
    if b"\\ud" not in content and b"\\uD" not in content:
        return content
    return ESCAPES.sub(lambda it: it[0] if it[1] else b"\\ufffd", content)
