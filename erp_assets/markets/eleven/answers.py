"""What 11st's answers mean: four envelopes, most errors inside HTTP 200 (11st.md §2)."""

from collections.abc import Sequence

import httpx

from erp_assets.errors import BadPayload, MarketBusy, MarketDenied, MarketDown, MarketRejected
from erp_assets.markets.eleven import xml
from erp_assets.markets.eleven.xml import Element

QUOTED = 200
MAINTENANCE = "-1000"
NOBODY = "유저가 없습니다"
EMPTY = ("해당 건이 없습니다", "조회된 결과가 없습니다")
UNREGISTERED = "인증된 IP가 아닙니다"
CENTRE = "the 11st Open API centre"
REMEDY_KEY = f"Check credentials.api_key in {CENTRE}; a key may end after 180 days."
REMEDY_ADDRESS = f"Register this machine's IP address in {CENTRE}, under the production server."


def classify(response: httpx.Response) -> None:
    """Raise what a bad answer means; silent when it has to be looked into.

    An address that is not registered answers 500, so the body comes first (§2.1).
    """
    status = response.status_code
    if b"AuthMessage" in response.content[:400]:
        _deny(response.content)
    if status in (401, 403):
        raise MarketDenied(f"HTTP {status}", remedy=REMEDY_KEY)
    if status == 429:
        value = response.headers.get("retry-after", "")
        raise MarketBusy("HTTP 429", retry_after_s=float(value) if value.isdigit() else 0.0)
    if status >= 500 or status == 408:
        raise MarketDown(f"HTTP {status}")
    if status >= 300:
        raise MarketRejected(f"HTTP {status}", code=str(status))


def _deny(content: bytes) -> None:
    fields = xml.row(xml.parse(content))
    message = fields.get("resultMessage", "")
    if fields.get("resultCode") == MAINTENANCE:
        raise MarketDown("maintenance")
    raise MarketDenied(
        f"11st refuses the call ({fields.get('resultCode', '?')}): {message[:QUOTED]}",
        remedy=REMEDY_ADDRESS if UNREGISTERED in message else REMEDY_KEY,
    )


def rows(response: httpx.Response, names: Sequence[str], row: str) -> list[Element]:
    """Return the rows of a list; none when 11st says that there is nothing (§2.2).

    names: what the root may be called.
    """
    root = xml.parse(response.content)
    found = list(xml.children(root, row))
    if not found:
        _check(root)
    if xml.local(root) not in names:
        raise BadPayload(f"an answer of another kind: {xml.local(root)[:40]}")
    return found


def _check(root: Element) -> None:
    """Raise what the code of an answer without rows means."""
    code, text = _told(xml.row(root))
    if NOBODY not in text and (code in (None, "0") or any(said in text for said in EMPTY)):
        return
    _raise(code or "", text)


def _told(fields: xml.Row) -> tuple[str | None, str]:
    """Return code and text of an answer, whatever its envelope."""
    code = fields.get("result_code", fields.get("resultCode"))
    return code, fields.get("result_text", fields.get("message", ""))


def _raise(code: str, text: str) -> None:
    if code == MAINTENANCE:
        raise MarketDown("maintenance")
    if NOBODY in text:
        raise MarketDenied(f"11st: {text[:QUOTED]}", remedy=REMEDY_KEY)
    raise MarketRejected(text[:QUOTED], code=code)


def acted(response: httpx.Response) -> str:
    """Return the text of an action that took effect: `result_code` 0 (§2.1).

    Raises: MarketRejected with 11st's code.
    """
    return _done(response, "result_code", "result_text", good=("0",))


def written(response: httpx.Response) -> str:
    """Return the message of a product write that took effect: `resultCode` 200 or 210."""
    return _done(response, "resultCode", "message", good=("200", "210"))


def _done(response: httpx.Response, code: str, text: str, *, good: Sequence[str]) -> str:
    try:
        fields = xml.row(xml.parse(response.content))
    except MarketDown as error:  # a web page does not prove that nothing was done
        raise BadPayload(str(error)) from error
    found, said = fields.get(code), fields.get(text, "")
    if found is None:
        other, words = _told(fields)
        if other == MAINTENANCE or NOBODY in words:
            _raise(other or "", words)
        raise BadPayload("an answer without a code")
    if found not in good:
        _raise(found, said)
    return said
