"""What Coupang's answers mean: status codes, envelopes, verdicts inside HTTP 200 (§2)."""

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
from erp_assets.markets.coupang.wire import Id


class Answer(Protocol):
    """Whatever has the envelope's code."""

    code: Id


T = TypeVar("T", bound=Answer)
GOOD_CODES = frozenset({"200", "SUCCESS"})
QUOTED = 200

NEW_KEY = "Issue a new key in Wing > Open API; keys end after 180 days."
REMEDIES = {
    "signature is expired": "Set this machine's clock: Coupang accepts five minutes of difference.",
    "Invalid signature": "Check credentials.secret_key: it does not belong to this access key.",
    "HMAC format": "Check the account's keys for stray characters.",
    "Unknown error occurred": f"Check credentials.access_key: Coupang does not know it. {NEW_KEY}",
    "not authorized": f"Check credentials.access_key. {NEW_KEY}",
    "Not allowed IP": "Register this machine's IP address for the key in Wing > Open API; "
    "it takes up to 30 minutes.",
    "Access Denied": "Wait ten minutes: Coupang's edge blocked this address for too many failing "
    "calls. Then run erp doctor.",
    "Invalid vendor ID": "Check credentials.vendor_id: it does not belong to this access key.",
}
"""Text in an answer → what a person must do (§2.2)."""


class Failure(msgspec.Struct):
    """An error of any family."""

    code: Id = ""
    message: str = ""


class Envelope(msgspec.Struct):
    """The outside of every answer."""

    code: Id
    message: str | None = None


def classify(response: httpx.Response) -> None:
    """Raise what a bad answer means; silent when its status is good."""
    status = response.status_code
    if status < 300:
        return
    text = _text(response)
    if status in (401, 403, 423) or "Invalid vendor ID" in text:
        raise MarketDenied(f"HTTP {status}: {text}", remedy=_remedy(text))
    if status == 429:
        raise MarketBusy("HTTP 429", retry_after_s=_retry_after(response))
    if status >= 500 or status in (408, 412) or status < 400:
        raise MarketDown(f"HTTP {status}: {text}")
    raise MarketRejected(f"HTTP {status}: {text}", code=str(status))


def _text(response: httpx.Response) -> str:
    """Return the message of an error, or the beginning of a body that is no JSON."""
    try:
        found = msgspec.json.decode(response.content, type=Failure).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = ""
    return (found or response.content[:QUOTED].decode("utf-8", "replace"))[:QUOTED]


def _remedy(text: str) -> str:
    for part, remedy in REMEDIES.items():
        if part in text:
            return remedy
    return "Check the account's credentials and the IP addresses registered in Wing > Open API."


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("retry-after", "")
    return min(float(value), 600.0) if value.isdigit() else 0.0


def checked(response: httpx.Response, kind: type[T]) -> T:
    """Return the answer's envelope as `kind`; its `code` must be good.

    Raises: BadPayload: cut short or not of that form. MarketRejected: an error inside HTTP 200.
    """
    try:
        answer = msgspec.json.decode(response.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse_bad(_envelope(response, error))
        raise BadPayload(f"not an answer of Coupang: {error}") from error
    _refuse_bad(answer)
    return answer


def _envelope(response: httpx.Response, error: Exception) -> Envelope:
    try:
        return msgspec.json.decode(response.content, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadPayload(f"not an answer of Coupang: {error}") from error


def _refuse_bad(answer: Answer) -> None:
    if str(answer.code) not in GOOD_CODES:
        message = getattr(answer, "message", None) or ""
        raise MarketRejected(message[:QUOTED], code=str(answer.code))


def verdict(response: httpx.Response) -> str:
    """Return the message of a write that took effect."""
    return checked(response, Envelope).message or ""
