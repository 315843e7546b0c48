"""The change feed, lines by number, the conditional search, the lines of an order.

What the documents leave open is decided so: a line stands once in the feed, with its latest change;
an end in the future is refused when it was named.
Source: naver.md §5.1-5.4.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from erp_assets import clock
from erp_assets.simulator.naver import lines
from erp_assets.simulator.naver.call import (
    Call,
    Payload,
    Refused,
    Row,
    bad_parameter,
    stamp,
    whole,
)
from erp_assets.simulator.world import Line

MOST = 300
MILLISECOND = timedelta(milliseconds=1)
CHANGES = frozenset(
    {
        "PAY_WAITING",
        "PAYED",
        "EXCHANGE_OPTION",
        "DELIVERY_ADDRESS_CHANGED",
        "GIFT_RECEIVED",
        "CLAIM_REJECTED",
        "DISPATCHED",
        "CLAIM_REQUESTED",
        "COLLECT_DONE",
        "CLAIM_COMPLETED",
        "PURCHASE_DECIDED",
        "HOPE_DELIVERY_INFO_CHANGED",
        "CLAIM_REDELIVERING",
    }
)


class Span(NamedTuple):
    """A period; both ends belong to it."""

    first: datetime
    last: datetime


def _span(call: Call, first_name: str, last_name: str) -> Span:
    first, last = call.instant(first_name), call.instant(last_name)
    if first is None:
        raise Refused("4000", f"{first_name} 필드는 필수값입니다.", field=first_name)
    last = last or first + clock.DAY
    if last < first:
        raise bad_parameter(last_name)
    if last - first > clock.DAY:
        raise Refused("104139", "조회 가능한 날짜 범위를 초과하였습니다.")
    return Span(first, last)


# ── the change feed ────────────────────────────────────────────────────────────────────────────
class Feed(NamedTuple):
    """Lines that changed from `first` on, by the millisecond of the change, then by number."""

    first: datetime
    rows: list[Line]

    def position(self, at: datetime, sequence: int) -> int:
        """Return the index of the first line at (time, number) or later."""
        return bisect_left(self.rows, (at, sequence), key=_place)


def _place(line: Line) -> tuple[datetime, int]:
    at = line.changed_at
    return at.replace(microsecond=at.microsecond // 1000 * 1000), line.no


def changes(call: Call) -> Payload | None:
    """Answer the feed; None (no `data` at all) when nothing changed."""
    span = _span(call, "lastChangedFrom", "lastChangedTo")
    if "lastChangedTo" in call.query and span.last > call.now:
        raise bad_parameter("lastChangedTo")
    kind = call.one_of("lastChangedType", CHANGES)
    sequence, limit = _sequence(call), min(call.count("limitCount", MOST), MOST)
    feed = _feed(call, span, kind)
    start = feed.position(span.first, sequence or 0)
    if call.is_repeat and sequence is not None:
        start = max(0, start - limit)
    return _feed_page(feed.rows, start, limit)


def _sequence(call: Call) -> int | None:
    if "moreSequence" not in call.query:
        return None
    sequence = whole(call.text("moreSequence"))
    if sequence is None:
        raise bad_parameter("moreSequence")
    return sequence


def _feed(call: Call, span: Span, kind: str) -> Feed:
    """Return the lines up to the end; a later page finds what its first page made."""
    key = call.key("feed", span.last, kind)
    feed: Feed | None = call.lists.peek(key)
    if feed is None or span.first < feed.first:
        found = call.shop.lines_between("changed_at", span.first, span.last + MILLISECOND)
        rows = sorted((x for x in found if kind in {"", x.change}), key=_place)
        feed = Feed(span.first, rows)
        call.lists.put(key, feed)
    return feed


def _feed_page(rows: list[Line], start: int, limit: int) -> Payload | None:
    page = rows[start : start + limit]
    if not page:
        return None
    data: Payload = {"lastChangeStatuses": [lines.changed(line) for line in page]}
    if start + limit < len(rows):
        at, no = _place(rows[start + limit])
        data["more"] = {"moreFrom": stamp(at), "moreSequence": str(no)}
    return {**data, "count": len(page)}


# ── by number ──────────────────────────────────────────────────────────────────────────────────
def by_number(call: Call) -> list[Row]:
    """Answer up to 300 lines; those that do not exist are left out."""
    body = call.json()
    asked = body.get("productOrderIds")
    if not isinstance(asked, list) or not 1 <= len(asked) <= MOST:
        raise bad_parameter("productOrderIds")
    numbers = [whole(value) for value in asked]
    if None in numbers:
        raise bad_parameter("productOrderIds")
    with_parts = body.get("quantityClaimCompatibility") is True
    found = (call.shop.lines.get(no or 0) for no in dict.fromkeys(numbers))
    return [lines.detail(line, with_parts=with_parts) for line in found if line]


def of_order(call: Call) -> list[str]:
    """Answer the numbers of an order's lines."""
    order = call.shop.orders.get(whole(call.args[0]) or 0)
    if order is None:
        raise Refused("100003", "주문을 찾을 수 없습니다.")
    return [str(line.no) for line in order.lines]


# ── the conditional search ─────────────────────────────────────────────────────────────────────
_STAMPS = {
    "PAYED_DATETIME": "paid_at",
    "ORDERED_DATETIME": "ordered_at",
    "DISPATCHED_DATETIME": "shipped_at",
    "PURCHASE_DECIDED_DATETIME": "completed_at",
}
_CLAIM_STAMPS = {
    "CLAIM_REQUESTED_DATETIME": "requested_at",
    "CLAIM_COMPLETED_DATETIME": "completed_at",
}
_NOTHING = (
    "COLLECT_COMPLETED_DATETIME",
    "GIFT_RECEIVED_DATETIME",
    "HOPE_DELIVERY_INFO_CHANGED_DATETIME",
)
"""Moments that this world does not keep."""
RANGES = frozenset([*_STAMPS, *_CLAIM_STAMPS, *_NOTHING])


class Wanted(NamedTuple):
    """What the search asks for; empty = anything."""

    span: Span
    by: str
    statuses: frozenset[str]
    claim_statuses: frozenset[str]
    placed: str


def search(call: Call) -> Payload:
    """Answer lines by a moment of theirs, in numbered pages."""
    wanted = Wanted(
        _span(call, "from", "to"),
        call.one_of("rangeType", RANGES) or "PAYED_DATETIME",
        frozenset(call.some_of("productOrderStatuses", lines.STATUSES)),
        frozenset(call.some_of("claimStatuses", lines.CLAIM_STATUSES)),
        call.one_of("placeOrderStatusType", lines.PLACED),
    )
    call.one_of("fulfillment", frozenset({"true", "false"}))
    size, page = call.count("pageSize", MOST, MOST), call.count("page", 1)
    if call.is_repeat:
        page = max(1, page - 1)
    with_parts = call.text("quantityClaimCompatibility") == "true"
    rows = call.lists.get(call.key("search", wanted), lambda: _found(call, wanted))
    cut = rows[(page - 1) * size : page * size]
    return {
        "contents": [_content(line, with_parts=with_parts) for line in cut],
        "pagination": {"page": page, "size": size, "hasNext": page * size < len(rows)},
    }


def _content(line: Line, *, with_parts: bool) -> Row:
    content = lines.detail(line, with_parts=with_parts)
    for name in ("cancel", "return", "exchange"):
        content.pop(name, None)
    return {"productOrderId": str(line.no), "content": content}


def _found(call: Call, wanted: Wanted) -> list[Line]:
    return [line for line in _in_span(call, wanted) if _fits(line, wanted)]


def _in_span(call: Call, wanted: Wanted) -> Iterable[Line]:
    since, until = wanted.span.first, wanted.span.last + MILLISECOND
    if wanted.by in _STAMPS:
        return call.shop.lines_between(_STAMPS[wanted.by], since, until)
    if wanted.by in _CLAIM_STAMPS:
        claims = call.shop.claims_between(_CLAIM_STAMPS[wanted.by], since, until)
        return dict.fromkeys(claim.line for claim in claims)
    return ()


def _fits(line: Line, wanted: Wanted) -> bool:
    claim = lines.claim_fields(line).get("claimStatus")
    return (
        (not wanted.statuses or lines.status(line) in wanted.statuses)
        and (not wanted.claim_statuses or claim in wanted.claim_statuses)
        and wanted.placed in {"", lines.placed(line)}
    )
