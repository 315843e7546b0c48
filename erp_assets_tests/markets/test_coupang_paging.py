"""Coupang's windows and pages: nothing is lost or doubled, and every list ends (§5.2, §7, §9)."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_assets import clock
from erp_assets.clock import KST
from erp_assets.markets.coupang import Coupang
from erp_assets.markets.coupang.orders import LINE_STATUSES
from erp_assets.records import Batch
from erp_assets_tests.markets import coupang_samples as samples
from erp_assets_tests.markets.coupang_samples import (
    RECEIPT,
    SHEET,
    SUMMARY,
    Talk,
    answer,
    by_target,
    kst,
    listed,
    no_wait,
    sold,
)

DAY = timedelta(days=1)
MIDNIGHT = kst("2026-02-25T00:00:00")
STATUSES = list(LINE_STATUSES)
some = settings(deadline=None, max_examples=80)
few = settings(deadline=None, max_examples=40)


def query(request: httpx.Request) -> dict[str, str]:
    """Return the parameters of a request, read as a strict server reads them."""
    raw = request.url.raw_path.decode().partition("?")[2]
    return {name: values[0] for name, values in parse_qs(raw, strict_parsing=True).items()}


# ── windows ────────────────────────────────────────────────────────────────────────────────────
SECONDS = st.integers(1, 60 * 86_400).map(lambda it: timedelta(seconds=it))
INTO_A_DAY = st.integers(0, 86_399_999_999).map(lambda it: timedelta(microseconds=it))


def day_pairs(talk: Talk, first: str, last: str, part: str) -> list[tuple[date, date]]:
    """Return the first and last days asked for, ascending. part: what the target holds."""
    asked = [query(it) for it in talk.sent if part in str(it.url)]
    return sorted(
        (date.fromisoformat(it[first][:10]), date.fromisoformat(it[last][:10])) for it in asked
    )


@some
@given(into=INTO_A_DAY, span=SECONDS, concurrency=st.integers(1, 5))
@pytest.mark.parametrize(
    ("kind", "first", "last", "part"),
    [
        ("orders", "createdAtFrom", "createdAtTo", "status=ACCEPT"),
        ("orders", "createdAtFrom", "createdAtTo", "status=NONE_TRACKING"),
        ("claims", "createdAtFrom", "createdAtTo", "cancelType=CANCEL"),
        ("claims", "createdAtFrom", "createdAtTo", "status=RU"),
        ("claims", "createdAtFrom", "createdAtTo", "status=CC"),
        ("claims", "dateFrom", "dateTo", "returnWithdrawRequests"),
        ("claims", "createdAtFrom", "createdAtTo", "exchangeRequests"),
    ],
    ids=["ACCEPT", "NONE_TRACKING", "CANCEL", "RU", "CC", "withdrawals", "exchanges"],
)
def test_windows_cover_the_days_of_the_span_without_gap_or_overlap(
    kind: str, first: str, last: str, part: str, into: timedelta, span: timedelta, concurrency: int
):
    since, until = MIDNIGHT + into, MIDNIGHT + into + span
    talk = Talk(by_target({}), concurrency=concurrency)
    batches = talk.batches(lambda it: getattr(it, kind)(since, until))
    days = day_pairs(talk, first, last, part)
    assert days[0][0] == clock.kst_day(since)
    assert days[-1][1] == clock.kst_day(until - timedelta(microseconds=1))
    assert all(timedelta(0) <= end - start < 7 * DAY for start, end in days)
    assert all(after[0] == before[1] + DAY for before, after in pairwise(days))
    promised = [batch.complete_until for batch in batches if batch.complete_until]
    assert promised == sorted(set(promised))
    assert promised[-1] == until
    assert len(promised) == len(days)


@some
@given(into=INTO_A_DAY, span=SECONDS)
def test_exchanges_are_asked_for_to_the_second_and_less_than_seven_days(
    into: timedelta, span: timedelta
):
    since, until = MIDNIGHT + into, MIDNIGHT + into + span
    talk = Talk(by_target({}))
    talk.batches(lambda it: it.claims(since, until))
    asked = [query(it) for it in talk.sent if "exchangeRequests" in str(it.url)]
    spans = sorted((kst(it["createdAtFrom"]), kst(it["createdAtTo"])) for it in asked)
    second = timedelta(seconds=1)
    assert spans[0][0] <= since < spans[0][0] + second
    assert spans[-1][1] < until <= spans[-1][1] + second
    assert all(end - start < 7 * DAY for start, end in spans)
    assert all(after[0] == before[1] + second for before, after in pairwise(spans))


@pytest.mark.parametrize("kind", ["orders", "claims"])
def test_no_span_asks_nothing(kind: str):
    talk = Talk(by_target({}))
    assert talk.batches(lambda it: getattr(it, kind)(MIDNIGHT, MIDNIGHT)) == []
    assert talk.sent == []


# ── a market that keeps its boxes by key ───────────────────────────────────────────────────────
Boxes = dict[int, tuple[datetime, str]]


class Market:
    """Serves boxes by day and status, by keyset. twice: every page again, under a mark of its own.

    moves: boxes that go on to the next status, one per answer; newest boxes come in between.
    """

    def __init__(self, boxes: Boxes, *, twice: bool = False, moves: Sequence[int] = ()) -> None:
        self.boxes = dict(boxes)
        self._twice = twice
        self._moves = list(moves)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = query(request)
        first, last = (
            asked[name].removesuffix("+09:00") for name in ("createdAtFrom", "createdAtTo")
        )
        assert int(asked["maxPerPage"]) <= 50
        rows = [
            (no, at)
            for no, (at, status) in sorted(self.boxes.items())
            if status == asked["status"] and first <= f"{at.astimezone(KST):%Y-%m-%d}" <= last
        ]
        mark, is_again, _ = asked.get("nextToken", "").partition("again")
        start = sum(no <= int(mark or 0) for no, _ in rows)
        page = rows[start : start + 50]
        if self._twice and page and not is_again:
            token = f"{mark or 0}again"
        else:
            token = str(page[-1][0]) if start + 50 < len(rows) else ""
        self._move()
        return answer(listed(*(box(no, at, asked["status"]) for no, at in page), token=token))

    def _move(self) -> None:
        if self._moves and (no := self._moves.pop()) in self.boxes:
            at, status = self.boxes[no]
            following = STATUSES[min(STATUSES.index(status) + 1, len(STATUSES) - 1)]
            self.boxes[no] = (at, following)


def box(no: int, at: datetime, status: str) -> dict[str, object]:
    return SHEET | {"shipmentBoxId": no, "orderedAt": at.isoformat(), "status": status}


def shop(days: int) -> st.SearchStrategy[Boxes]:
    """Boxes in few statuses and at few moments, so that many tie; up to several pages."""
    moments = st.integers(0, days * 4 - 1).map(lambda it: MIDNIGHT + it * timedelta(hours=6))
    groups = st.tuples(moments, st.sampled_from(STATUSES), st.sampled_from([1, 3, 49, 50, 51, 120]))
    return st.lists(groups, max_size=6).map(_numbered)


def _numbered(groups: list[tuple[datetime, str, int]]) -> Boxes:
    return {
        10**17 + 1_000 * n + k: (at, status)
        for n, (at, status, count) in enumerate(groups)
        for k in range(count)
    }


@few
@given(boxes=shop(10), twice=st.booleans(), concurrency=st.integers(1, 4))
def test_every_box_is_read_once(boxes: Boxes, twice: bool, concurrency: int):
    talk = Talk(Market(boxes, twice=twice), concurrency=concurrency)
    found = talk.batch(lambda it: it.orders(MIDNIGHT, MIDNIGHT + 10 * DAY))
    assert Counter(line.shipment_no for line in found.lines) == Counter(map(str, boxes))
    assert {line.shipment_no: line.market_status for line in found.lines} == {
        str(no): status for no, (_, status) in boxes.items()
    }
    assert found.rejected == []
    assert found.complete_until == MIDNIGHT + 10 * DAY


@few
@given(boxes=shop(6), data=st.data())
def test_box_that_moves_on_while_pages_are_read_is_not_missed(boxes: Boxes, data: st.DataObject):
    moving = data.draw(st.lists(st.sampled_from(sorted(boxes)), max_size=60)) if boxes else []
    market = Market(boxes, moves=moving)
    found = Talk(market).batch(lambda it: it.orders(MIDNIGHT, MIDNIGHT + 6 * DAY))
    assert {line.shipment_no for line in found.lines} == set(map(str, boxes))
    rank = {
        no: [STATUSES.index(it.market_status) for it in found.lines if it.shipment_no == str(no)]
        for no in boxes
    }
    assert all(seen == sorted(set(seen)) for seen in rank.values())


@few
@given(boxes=shop(20), stop=st.integers(0, 40))
def test_read_that_is_broken_off_goes_on_from_its_promise(boxes: Boxes, stop: int):
    """A kill between two batches: what was promised is there, the rest comes with the next run."""
    since, until = MIDNIGHT, MIDNIGHT + 20 * DAY
    kept: set[str] = set()
    promise = since

    async def first(client: Coupang) -> None:
        nonlocal promise
        count = 0
        async for batch in client.orders(since, until):
            kept.update(line.shipment_no or "" for line in batch.lines)
            promise = batch.complete_until or promise
            count += 1
            if count > stop:
                return

    Talk(Market(boxes)).run(first)
    before = {str(no) for no, (at, _) in boxes.items() if at < promise}
    assert before <= kept
    rest = Talk(Market(boxes)).batch(lambda it: it.orders(promise, until))
    assert kept | {line.shipment_no for line in rest.lines} == set(map(str, boxes))


# ── scripts of pages ───────────────────────────────────────────────────────────────────────────
ENDS = st.sampled_from(["", None, ...])


def scripted(pages: Sequence[Sequence[int]], end: object) -> Callable[[httpx.Request], object]:
    """Serve these receipts as the pages of RU, whatever they hold; marks are opaque text."""
    marks = [f"m/{n}+ =&%{'가' * n}" for n in range(len(pages))]

    def handler(request: httpx.Request) -> httpx.Response:
        asked = query(request)
        if asked.get("status") != "RU":
            return answer(samples.NOTHING)
        page = marks.index(asked["nextToken"]) if "nextToken" in asked else 0
        rows = [RECEIPT | {"receiptId": no} for no in pages[page]]
        token = marks[page + 1] if page + 1 < len(pages) else end
        body = listed(*rows, token=token)
        if token is ...:
            del body["nextToken"]
        return answer(body)

    return handler


@some
@given(pages=st.lists(st.lists(st.integers(1, 8), max_size=4), min_size=1, max_size=8), end=ENDS)
def test_whatever_the_pages_hold_each_row_comes_once(pages: list[list[int]], end: object):
    talk = Talk(scripted(pages, end))  # type: ignore[arg-type]
    found = talk.batch(lambda it: it.claims(MIDNIGHT, MIDNIGHT + DAY))
    expected = {no for page in pages for no in page}
    assert Counter(claim.claim_no for claim in found.claims) == Counter(map(str, expected))
    assert sum("status=RU" in line for line in talk.lines) == len(pages)
    assert found.complete_until == MIDNIGHT + DAY
    assert found.rejected == []


@some
@given(marks=st.lists(st.integers(1, 5), min_size=1, max_size=12))
def test_mark_that_comes_back_ends_the_list_with_a_report(marks: list[int]):
    """Answer number n names marks[n]; the first one named twice is the end of it."""
    asked: list[str] = []
    names = [f"t{mark}" for mark in marks]

    def handler(request: httpx.Request) -> httpx.Response:
        it = query(request)
        if it["status"] != "ACCEPT":
            return answer(samples.NOTHING)
        asked.append(it.get("nextToken", ""))
        at = MIDNIGHT + timedelta(hours=1)
        token = names[len(asked) - 1] if len(asked) <= len(names) else ""
        return answer(listed(box(len(asked), at, "ACCEPT"), token=token))

    found = Talk(handler).batch(lambda it: it.orders(MIDNIGHT, MIDNIGHT + DAY))
    again = next((n for n, name in enumerate(names) if name in names[:n]), None)
    if again is None:
        assert asked == ["", *names]
        assert (found.rejected, found.complete_until) == ([], MIDNIGHT + DAY)
        assert len(found.lines) == len(names) + 1
    else:
        assert asked == ["", *names[:again]]
        [rejected] = found.rejected
        assert rejected.reason == f"page repeated: nextToken {names[again]!r} was followed before"
        assert "/ordersheets" in rejected.body
        assert found.complete_until is None
        assert len(found.lines) == again


# ── lists that do not end ──────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("part", "more"),
    [
        ("status=ACCEPT", {"nextToken": "7"}),
        ("status=INSTRUCT", {"nextToken": 7}),
    ],
    ids=["text", "number"],
)
def test_list_that_repeats_keeps_nothing_else_back_but_the_promise(part: str, more):
    until = MIDNIGHT + 21 * DAY
    stuck = listed(box(1, MIDNIGHT, part[7:])) | more

    def handler(request: httpx.Request) -> httpx.Response:
        asked = query(request)
        is_second_slice = asked["createdAtFrom"].startswith("2026-03-04")
        if is_second_slice and f"status={asked['status']}" == part:
            return answer(stuck)
        if asked["status"] == "DELIVERING":
            day = asked["createdAtFrom"]
            return answer(listed(box(int(day[5:7] + day[8:10]), MIDNIGHT, "DELIVERING")))
        return answer(samples.NOTHING)

    batches = Talk(handler).batches(lambda it: it.orders(MIDNIGHT, until))
    read = [line.shipment_no for batch in batches for line in batch.lines]
    assert sorted(read) == ["1", "225", "304", "311"]
    assert [it.complete_until for it in batches if it.complete_until] == [MIDNIGHT + 7 * DAY]
    assert [it.kind for batch in batches for it in batch.rejected] == ["orders"]


def test_page_that_comes_back_by_accident_is_read_again():
    script = iter([("", "7"), ("7", "7"), ("7", "")])
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        it = query(request)
        if it["status"] != "ACCEPT":
            return answer(samples.NOTHING)
        _, token = next(script)
        asked.append(it.get("nextToken", ""))
        return answer(listed(box(len(asked), MIDNIGHT, "ACCEPT"), token=token))

    talk = Talk(handler, waits_s=(0.0,))
    found = talk.batch(lambda it: it.orders(MIDNIGHT, MIDNIGHT + DAY))
    assert asked == ["", "7", "7"]
    assert [line.shipment_no for line in found.lines] == ["1", "3"]
    assert (found.rejected, found.complete_until) == ([], MIDNIGHT + DAY)


@pytest.mark.parametrize(
    ("part", "read", "mark"),
    [
        ("status=UC", lambda it: it.claims(MIDNIGHT, MIDNIGHT + DAY), {"nextToken": "{n}"}),
        (
            "returnWithdrawRequests",
            lambda it: it.claims(MIDNIGHT, MIDNIGHT + DAY),
            {"nextPageIndex": "{n}"},
        ),
        ("exchangeRequests", lambda it: it.claims(MIDNIGHT, MIDNIGHT + DAY), {"nextToken": "{n}"}),
        ("/seller-products?", lambda it: it.products(), {"nextToken": "{n}"}),
    ],
    ids=["returns", "withdrawals", "exchanges", "products"],
)
def test_list_with_ever_new_marks_ends_at_the_most_pages(part: str, read, mark: dict[str, str]):
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if part not in request.url.raw_path.decode():
            return answer(samples.NOTHING)
        asked.append(str(request.url))
        token = {name: text.format(n=len(asked) + 1) for name, text in mark.items()}
        return answer({"code": 200, "message": "", "data": []} | token)

    talk = Talk(handler, max_pages=25)
    found = talk.batch(read)
    assert len(asked) == 25
    assert [it.reason for it in found.rejected] == ["page after page: 25 were read and no end"]
    assert found.complete_until is None


def test_last_page_may_be_empty_and_a_page_between_too():
    pages = [[1, 2], [], [3], []]
    talk = Talk(scripted(pages, ""))  # type: ignore[arg-type]
    found = talk.batch(lambda it: it.claims(MIDNIGHT, MIDNIGHT + DAY))
    assert [claim.claim_no for claim in found.claims] == ["1", "2", "3"]


# ── listings ───────────────────────────────────────────────────────────────────────────────────
class Shelf:
    """Serves listings by page number, newest first. newer: listings added after each page."""

    def __init__(self, count: int, *, newer: int = 0) -> None:
        self.numbers = list(range(count, 0, -1))
        self._newer = newer
        self.details: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if not path.endswith("/seller-products"):
            number = path.rsplit("/", 1)[1]
            self.details.append(number)
            return answer(sold(samples.PRODUCT | {"sellerProductId": int(number)}))
        asked = query(request)
        page, size = int(asked["nextToken"]), min(int(asked["maxPerPage"]), 100)
        cut = self.numbers[(page - 1) * size : page * size]
        token = str(page + 1) if page * size < len(self.numbers) else ""
        top = max(self.numbers, default=0)
        self.numbers = [*range(top + self._newer, top, -1), *self.numbers]
        return answer(sold([SUMMARY | {"sellerProductId": no} for no in cut], token))


@few
@given(
    count=st.one_of(st.sampled_from([0, 1, 99, 100, 101, 200]), st.integers(0, 350)),
    newer=st.integers(0, 60),
)
def test_every_listing_is_looked_into_once_although_the_pages_shift(count: int, newer: int):
    shelf = Shelf(count, newer=newer)
    found = Talk(shelf).batch(lambda it: it.products())
    expected = {str(no) for no in range(1, count + 1)}
    assert expected <= set(shelf.details)
    assert Counter(shelf.details) == Counter(set(shelf.details))
    assert Counter(it.product_no for it in found.products) == Counter(shelf.details)
    assert found.rejected == []


def test_listings_whose_page_number_sticks_are_reported_once_read():
    page = sold([SUMMARY | {"sellerProductId": 152620911}], "2")
    talk = Talk(by_target({"/seller-products?": page, "/seller-products/": samples.DETAIL}))
    found = talk.batch(lambda it: it.products())
    assert [it.product_no for it in found.products] == ["152620911"]
    [rejected] = found.rejected
    assert rejected.kind == "products"
    assert rejected.reason == "page repeated: nextToken '2' was followed before"


# ── memory ─────────────────────────────────────────────────────────────────────────────────────
def test_pages_are_yielded_while_later_ones_are_still_to_be_read():
    """A list of many pages never has to fit into memory at once."""
    boxes = _numbered([(MIDNIGHT, "ACCEPT", 50 * 60)])
    sent = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal sent
        sent += 1
        return market(request)

    market = Market(boxes)

    async def first_page() -> Batch:
        client = Coupang(
            credentials=samples.CREDENTIALS,
            rate=None,
            transport=httpx.MockTransport(handler),
            sleep=no_wait,
        )
        stream = client.orders(MIDNIGHT, MIDNIGHT + DAY)
        batch = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        await client.aclose()
        return batch

    assert len(asyncio.run(first_page()).lines) == 50
    assert sent < 30
