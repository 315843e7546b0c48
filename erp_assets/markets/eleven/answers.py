"""What 11st's answers mean: four envelopes, most errors inside HTTP 200 (11st.md §2)."""

import re
from collections.abc import Sequence
from typing import NoReturn

import httpx

from erp_assets.errors import BadPayload, MarketBusy, MarketDenied, MarketDown, MarketRejected
from erp_assets.markets.eleven import xml
from erp_assets.markets.eleven.xml import Element

QUOTED = 200
HEAD_BYTES = 4_000
"""How far a refusal is looked for in what is no XML: it stands alone, thus at the beginning."""
MAINTENANCE = "-1000"
GOOD = ("0", "200")
"""Codes of a read that found something, or has nothing to complain of (§2.1, §2.2)."""
NOBODY = "유저가 없습니다"
EMPTY = ("해당 건이 없습니다", "조회된 결과가 없습니다")
WRITTEN = ("200", "210")
CODE = re.compile(r"<(?:\w+:)?result_?[cC]ode>\s*(-?[0-9]{1,9})\s*</")
SAID = re.compile(r"<(?:\w+:)?(?:result_text|message)>(.{0,2000}?)</", re.DOTALL)
EXPIRED, NO_HTTPS = "만료", "-400"
UNREGISTERED = "인증된 IP가 아닙니다"
TRAFFIC_CODE, TRAFFIC = "004", "트래픽"
REST_S = 300.0
"""How long clients rest when 11st says that there is too much traffic (§2.5)."""
ADDRESS = re.compile(r"\[([0-9A-Fa-f.:]+)\]")
"""The caller's own address, which stays out of logs (§2.1)."""
CENTRE = "the 11st Open API centre"
REMEDY_KEY = f"Check credentials.api_key in {CENTRE}; a key may end after 180 days."
REMEDY_NEW_KEY = f"Issue a new key in {CENTRE}: this one has ended."
REMEDY_HTTPS = "Call 11st over https: begin base_url with https://."
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
        raise MarketBusy("HTTP 429", retry_after_s=_retry_after(response))
    if status >= 500 or status == 408:
        raise MarketDown(f"HTTP {status}")
    if status >= 300:
        raise MarketRejected(f"HTTP {status}", code=str(status))


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("retry-after", "")
    return min(float(value), 600.0) if value.isascii() and value.isdigit() else 0.0


def _deny(content: bytes) -> NoReturn:
    fields = xml.row(xml.parse(content))
    code = fields.get("resultCode", "?")
    told = fields.get("resultMessage", "")
    seen, message = ADDRESS.search(told), ADDRESS.sub("", told)
    _delay(code, message)
    raise MarketDenied(
        f"11st refuses the call ({code}): {message[:QUOTED]}",
        remedy=_remedy(code, message),
        address=seen[1] if seen else "",
    )


def _remedy(code: str, message: str) -> str:
    if UNREGISTERED in message:
        return REMEDY_ADDRESS
    if code == NO_HTTPS:
        return REMEDY_HTTPS
    return REMEDY_NEW_KEY if EXPIRED in message else REMEDY_KEY


def parse(response: httpx.Response) -> Element:
    """Return the root of an answer.

    Raises: besides what `xml.parse` raises, what the code of a refusal means that is no XML (§1.2);
    anything else that is broken may have lost rows.
    """
    try:
        return xml.parse(response.content)
    except BadPayload:
        text = xml.text_of(response.content[:HEAD_BYTES])
        code, said = CODE.search(text), SAID.search(text)
        if not code or not said or code[1] in (*GOOD, *WRITTEN):
            raise
        if any(nothing in said[1] for nothing in EMPTY):
            raise
        _raise(code[1], said[1])


def rows(response: httpx.Response, names: Sequence[str], row: str) -> list[Element]:
    """Return the rows of a list; none when 11st says that there is nothing (§2.2).

    names: what the root may be called.
    """
    root = parse(response)
    is_empty = check(root)
    if xml.local(root) in names:
        return list(xml.children(root, row))
    if is_empty:
        return []
    if text := _told(xml.row(root))[1]:  # some errors are but a message (§2.1)
        raise MarketRejected(text[:QUOTED])
    raise BadPayload(f"an answer of another kind: {xml.local(root)[:40]}")


def check(root: Element) -> bool:
    """Raise what the code of an answer means; tell whether it says that there is nothing."""
    code, text = _told(xml.row(root))
    is_empty = NOBODY not in text and any(said in text for said in EMPTY)
    is_good = code in (None, *GOOD) and NOBODY not in text and TRAFFIC not in text
    if not (is_good or is_empty):
        _raise(code or "", text)
    return is_empty


def _told(fields: xml.Row) -> tuple[str | None, str]:
    """Return code and text of an answer, whatever its envelope."""
    code = fields.get("result_code", fields.get("resultCode"))
    return code, fields.get("result_text", fields.get("message", ""))


def _delay(code: str, text: str) -> None:
    """Raise what says that the call was not looked at, and may be later."""
    if code == MAINTENANCE:
        raise MarketDown("maintenance")
    if code == TRAFFIC_CODE or TRAFFIC in text:
        raise MarketBusy(f"11st: {text[:QUOTED]}", retry_after_s=REST_S)


def _raise(code: str, text: str) -> NoReturn:
    _delay(code, text)
    if NOBODY in text:
        raise MarketDenied(f"11st: {text[:QUOTED]}", remedy=_remedy(code, text))
    raise MarketRejected(text[:QUOTED], code=code)


def acted(response: httpx.Response) -> str:
    """Return the text of an action that took effect: `result_code` 0 (§2.1).

    Raises: MarketRejected with 11st's code.
    """
    return _done(response, "result_code", "result_text", good=("0",))


def written(response: httpx.Response) -> str:
    """Return the message of a product write that took effect: `resultCode` 200 or 210."""
    return _done(response, "resultCode", "message", good=WRITTEN)


def _done(response: httpx.Response, code: str, text: str, *, good: Sequence[str]) -> str:
    try:
        fields = xml.row(parse(response))
    except MarketDown as error:  # a web page does not prove that nothing was done
        raise BadPayload(str(error)) from error
    found, said = fields.get(code), fields.get(text, "")
    if found is None:
        other, words = _told(fields)
        _delay(other or "", words)
        if NOBODY in words:
            _raise(other or "", words)
        raise BadPayload("an answer without a code")
    if found not in good:
        _raise(found, said)
    return said
