"""What Coupang's answers mean: status codes, envelopes, verdicts inside HTTP 200 (§2)."""

import re
from typing import Protocol, TypeVar

import httpx
import msgspec

from erp_assets.errors import (
    BadPayload,
    MarketBusy,
    MarketDenied,
    MarketDown,
    MarketRejected,
)
from erp_assets.markets.coupang.wire import Envelope, Id


class Answer(Protocol):
    """Whatever has the envelope's code."""

    code: Id
    message: str | None


T = TypeVar("T", bound=Answer)
GOOD_CODES = frozenset({"200", "SUCCESS"})
QUOTED = 200
LOOKED_THROUGH = 4_000
MOST_WAIT_S = 600.0
TRANSIENT = frozenset({408, 412})
"""412 is a time-out of the return lists (§2.2)."""

BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a body may raise."""

FOREIGN_VENDOR = re.compile(r"invalid vendor ?id", re.IGNORECASE)
SECRETS = re.compile(
    r"[0-9a-f]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=access-key=)[^,\s]+",
    re.IGNORECASE,
)
"""What an answer may repeat of our request: signatures and keys; ids of requests go with them."""

NEW_KEY = "Issue a new key in Wing > Open API; keys end after 180 days."
REMEDIES = {
    "signature is expired": "Set this machine's clock: Coupang accepts five minutes of difference.",
    "invalid signature": "Check credentials.secret_key: it does not belong to this access key.",
    "hmac format": "Check the account's keys for stray characters.",
    "unknown error occurred": f"Check credentials.access_key: Coupang does not know it. {NEW_KEY}",
    "not authorized": f"Check credentials.access_key. {NEW_KEY}",
    "not allowed ip": "Register this machine's IP address for the key in Wing > Open API; "
    "it takes up to 30 minutes.",
    "access denied": "Wait ten minutes: Coupang's edge blocked this address for too many failing "
    "calls. Then run erp doctor.",
    "invalid vendor": "Check credentials.vendor_id: it does not belong to this access key.",
}
"""Text in an answer → what a person must do (§2.2)."""

BLOCKED = "Ask Coupang's seller support: it blocks the calls of this account."
ANY_REMEDY = "Check the account's credentials and the IP addresses registered in Wing > Open API."

SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
"""Every escape of a JSON text, half characters told from whole ones."""


def quoted(text: str | None) -> str:
    """Return a market's text for logs and tables: one line, short, without keys."""
    line = " ".join(SECRETS.sub("…", text or "").split())
    return "".join(sign for sign in line if sign.isprintable())[:QUOTED]


def classify(response: httpx.Response) -> None:
    """Raise what a bad answer means; silent when its status is good."""
    status = response.status_code
    if status < 300:
        return
    text = _text(response)
    told = f"HTTP {status}: {quoted(text)}"
    if status in (401, 403, 423) or (status == 400 and FOREIGN_VENDOR.search(text)):
        raise MarketDenied(told, remedy=BLOCKED if status == 423 else _remedy(text))
    if status == 429:
        raise MarketBusy("HTTP 429", retry_after_s=_retry_after(response))
    if status >= 500 or status in TRANSIENT or status < 400:
        raise MarketDown(told)
    raise MarketRejected(told, code=str(status))


def _text(response: httpx.Response) -> str:
    """Return the message of an error, or the beginning of a body that is no JSON."""
    try:
        found = _decoded(response.content, Envelope).message
    except BROKEN:
        found = ""
    return found or response.content[:LOOKED_THROUGH].decode("utf-8", "replace")


def _remedy(text: str) -> str:
    told = text.lower()
    return next((remedy for part, remedy in REMEDIES.items() if part in told), ANY_REMEDY)


def _retry_after(response: httpx.Response) -> float:
    """Return the seconds a 429 names; 0 for none or a date, since nothing is documented (§2.2)."""
    value = response.headers.get("retry-after", "")
    return min(float(value), MOST_WAIT_S) if value.isdecimal() else 0.0


def checked(response: httpx.Response, kind: type[T]) -> T:
    """Return the answer's envelope as `kind`; its `code` must be good.

    Raises: BadPayload: cut short or not of that form. MarketRejected: an error inside HTTP 200.
    """
    try:
        answer = _decoded(response.content, kind)
    except BROKEN as error:
        _refuse_bad(_envelope(response, error))
        raise BadPayload(f"not an answer of Coupang: {error}") from error
    _refuse_bad(answer)
    return answer


def _decoded(content: bytes, kind: type[T]) -> T:
    """Decode a body; half a character, as cut texts end with, does not cost a page."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:
        if rb"\ud" not in content.lower():
            raise
        return msgspec.json.decode(SURROGATE.sub(_whole, content), type=kind)


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape["lone"] else escape[0]


def _envelope(response: httpx.Response, error: Exception) -> Envelope:
    try:
        return _decoded(response.content, Envelope)
    except BROKEN:
        raise BadPayload(f"not an answer of Coupang: {error}") from error


def _refuse_bad(answer: Answer) -> None:
    code, message = str(answer.code), quoted(answer.message)
    if code in GOOD_CODES:
        return
    if code in ("401", "403"):
        raise MarketDenied(f"code {code}: {message}", remedy=_remedy(message))
    if re.fullmatch(r"5\d\d", code):
        raise BadPayload(f"code {code} inside HTTP 200: {message}")
    raise MarketRejected(message, code=code[:QUOTED])


def verdict(response: httpx.Response) -> str:
    """Return the message of a write that took effect."""
    return quoted(checked(response, Envelope).message)
