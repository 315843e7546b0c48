"""What Naver's answers mean: three families of errors behind one gateway (naver.md §3)."""

from typing import TypeVar

import httpx
import msgspec

from erp_assets.errors import BadPayload, MarketBusy, MarketDenied, MarketDown, MarketRejected

T = TypeVar("T")
QUOTED = 200
BUSY_S = 1.0
"""The bucket refills every second; no Retry-After is documented (§3.2)."""

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

    name: str = ""
    message: str = ""


class Failure(msgspec.Struct, rename="camel"):
    """An error of any family."""

    code: str = ""
    message: str = ""
    invalid_inputs: list[Input] | None = None


def classify(response: httpx.Response) -> None:
    """Raise what a bad answer means; silent when its status is good."""
    status = response.status_code
    if status < 300:
        return
    failure = _failure(response)
    said = f"HTTP {status} {failure.code}: {failure.message}"[:QUOTED]
    if status in (401, 403):
        denied = TokenRefused if failure.code == "GW.AUTHN" else MarketDenied
        raise denied(said, remedy=_remedy(failure.code))
    if status == 429:
        raise MarketBusy(said, retry_after_s=_retry_after(response))
    if status >= 500 or status == 408:
        raise MarketDown(said)
    raise MarketRejected(said, code=failure.code or str(status))


def classify_token(response: httpx.Response) -> None:
    """Raise what a bad answer to a token request means: a bad field is a setting to mend (§2.5)."""
    if response.status_code != 400:
        classify(response)
        return
    failure = _failure(response)
    names = [each.name for each in failure.invalid_inputs or ()]
    name = next((name for name in names if name in REMEDIES), "client_secret_sign")
    raise MarketDenied(f"no token: {failure.message}"[:QUOTED], remedy=_remedy(name))


def _failure(response: httpx.Response) -> Failure:
    try:
        return msgspec.json.decode(response.content, type=Failure)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Failure(message=response.content[:QUOTED].decode("utf-8", "replace"))


def _remedy(code: str) -> str:
    default = f"Check the application's keys, IP addresses and API groups in {CENTRE}."
    return REMEDIES.get(code, default)


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("retry-after", "")
    return min(float(value), 600.0) if value.isdigit() else BUSY_S


def decoded(response: httpx.Response, kind: type[T]) -> T:
    """Return the answer as `kind`. Raises: BadPayload: cut short or not of that form."""
    try:
        return msgspec.json.decode(response.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadPayload(f"not an answer of Naver: {error}") from error
