"""The fault MALFORMED_ROW: one row of an answer, spoiled in another way each time."""

import re
from collections.abc import Callable, Sequence

_ROW = re.compile(rb"<ns2:(order|product|ProductStock)>.*?</ns2:\1>", re.DOTALL)

Break = Callable[[bytes], bytes]


def _replacing(pattern: bytes, replacement: bytes) -> Break:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda row: compiled.sub(replacement, row, count=1)


BREAKS: Sequence[tuple[str, Break]] = (
    ("no number", _replacing(rb"<(ordNo|prdNo)>[^<]*</\1>", b"")),
    ("text for a quantity", _replacing(rb"(<(?:ordQty|ordCnQty|stckQty)>)[^<]*", rb"\1two")),
    ("negative price", _replacing(rb"(<selPrc>)[^<]*", rb"\1-100")),
    ("impossible date", _replacing(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", b"2026-13-45 99:99:99")),
    (
        "unknown state",
        _replacing(
            rb"(<(?:ordPrdStat|selStatCd|clmStat|ordCnStatCd|prdStckStatCd)>)[^<]*", rb"\1Z9"
        ),
    ),
    ("illegal reference", _replacing(rb"(</(?:prdNm|ordNo|prdNo)>)", rb"&#x1F;\1")),
    ("byte outside the encoding", _replacing(rb"(</(?:prdNm|ordNo|prdNo)>)", b"\xff\\1")),
)
"""By name, in the order in which `Breaker` takes them."""


class Breaker:
    """Spoils one row per answer; rows and ways take turns, so a short run sees them all."""

    def __init__(self) -> None:
        self._turn = 0

    def spoil(self, body: bytes) -> bytes:
        """Return `body` with one row spoiled; unchanged when there is no row to spoil."""
        rows = list(_ROW.finditer(body))
        if not rows:
            return body
        row = rows[self._turn % len(rows)]
        for _ in BREAKS:
            _, spoiled = BREAKS[self._turn % len(BREAKS)]
            self._turn += 1
            if (text := spoiled(row.group())) != row.group():
                return body[: row.start()] + text + body[row.end() :]
        return body
