"""Naver's windows and pages: nothing lost, nothing doubled (naver.md §4.2, §5.1, §5.3, §8)."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_assets.clock import KST
from erp_assets.errors import BadPayload, MarketDown
from erp_assets.records import Batch
from erp_assets_tests.markets.naver_samples import (
    DETAIL,
    Talk,
    answer,
    asked,
    details,
    gateway,
    params,
)

START = datetime(2026, 2, 25, tzinfo=KST)
MS = timedelta(milliseconds=1)
DAY = timedelta(hours=24)
few = settings(deadline=None, max_examples=25)
some = settings(deadline=None, max_examples=60)

Entry = tuple[int, int]
"""(milliseconds after START, sequence): the order of the feed."""


def stamp(at: datetime) -> str:
    return at.astimezone(KST).isoformat(timespec="milliseconds")


def window(request: httpx.Request, first: str, last: str) -> tuple[datetime, datetime]:
    """Return a period, both ends included; its form is the page's."""
    query = params(request)
    ends = [datetime.fromisoformat(query[name]) for name in (first, last)]
    assert [query[first], query[last]] == [stamp(end) for end in ends]
    return ends[0], ends[1]


class FeedServer:
    """The change feed as the page tells it, strict: windows, both halves of `more`.

    most: entries a page. repeats: every page also shows the last entry of the page before.
    stuck_at: the page from which on all lead back to themselves. fails_at: the page that is down.
    """

    def __init__(
        self,
        entries: list[Entry],
        *,
        most: int = 3,
        repeats: bool = False,
        stuck_at: int | None = None,
        fails_at: int | None = None,
    ) -> None:
        self.entries = sorted(set(entries))
        self.windows: list[tuple[datetime, datetime]] = []
        self.queried: list[str] = []
        self.pages = 0
        self._most = most
        self._repeats = repeats
        self._stuck_at = stuck_at
        self._fails_at = fails_at

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.queried += asked(request)["productOrderIds"]
            return details(request)
        query = params(request)
        first, last = window(request, "lastChangedFrom", "lastChangedTo")
        assert timedelta(0) <= last - first <= DAY
        assert query["limitCount"] == "300"
        self.pages += 1
        if self.pages == self._fails_at:
            return gateway("GW.TIMEOUT.01", 504)
        if "moreSequence" not in query:
            self.windows.append((first, last))
        low = (round((first - START) / MS), int(query.get("moreSequence", 0)))
        end = round((last - START) / MS)
        rows = [entry for entry in self.entries if low <= entry and entry[0] <= end]
        return answer(self._page(rows, low, is_first="moreSequence" not in query))

    def _page(self, rows: list[Entry], low: Entry, *, is_first: bool) -> dict[str, object]:
        if not rows:
            return {"timestamp": stamp(START), "traceId": "cr3-1^2^3"}
        shown, rest = rows[: self._most], rows[self._most :]
        before = [entry for entry in self.entries if entry < low]
        if self._repeats and not is_first:
            shown = before[-1:] + shown
        data: dict[str, object] = {
            "lastChangeStatuses": [
                {
                    "productOrderId": str(number),
                    "lastChangedDate": stamp(START + at * MS),
                    "lastChangedType": "PAYED",
                }
                for at, number in shown
            ],
            "count": len(shown),
        }
        is_stuck = self._stuck_at is not None and self.pages >= self._stuck_at
        if rest or is_stuck:
            at, number = rows[0] if is_stuck else rest[0]
            data["more"] = {"moreFrom": stamp(START + at * MS), "moreSequence": str(number)}
        return {"data": data}


def entries(most_ms: int = 3 * 24 * 3_600_000) -> st.SearchStrategy[list[Entry]]:
    """Draw changes, many of them within the same millisecond; a line stands in the feed once."""
    moments = st.one_of(
        st.sampled_from([0, 1, 5, 86_399_999, 86_400_000]), st.integers(0, most_ms - 1)
    )
    drawn = st.lists(st.tuples(moments, st.integers(1, 10**6)), max_size=40)
    return drawn.map(lambda it: list({number: (at, number) for at, number in it}.values()))


def whole(batches: list[Batch]) -> Batch:
    found = Batch()
    for batch in batches:
        found.extend(batch)
    return found


# ── windows ────────────────────────────────────────────────────────────────────────────────────
@some
@given(
    since=st.integers(0, 10**9),
    span=st.integers(1, 40 * 24 * 3_600_000),
    concurrency=st.integers(1, 5),
)
@pytest.mark.parametrize(
    ("use", "names"),
    [
        ("orders", ("lastChangedFrom", "lastChangedTo")),
        ("claims", ("lastChangedFrom", "lastChangedTo")),
        ("line_keys", ("from", "to")),
    ],
)
def test_windows_cover_the_span_exactly(
    use: str, names: tuple[str, str], since: int, span: int, concurrency: int
):
    start, end = START + since * MS, START + (since + span) * MS
    talk = Talk(lambda _: answer({}), concurrency=concurrency)
    if use == "line_keys":
        talk.run(lambda it: it.line_keys(start, end))
    else:
        batches = talk.batches(lambda it: getattr(it, use)(start, end))
        promised = [batch.complete_until for batch in batches]
        assert promised == sorted(set(promised))
        assert promised[-1] == end
    windows = sorted(window(request, *names) for request in talk.sent)
    assert windows[0][0] == start
    assert windows[-1][1] == end - MS
    assert all(timedelta(0) <= last - first < DAY for first, last in windows)
    for before, after in pairwise(windows):
        assert after[0] == before[1] + MS


@some
@given(since=st.integers(0, 10**7), span=st.integers(1, 10**12), now=st.integers(0, 10**12))
def test_windows_between_milliseconds_leave_nothing_out(since: int, span: int, now: int):
    start = START + timedelta(microseconds=since)
    end, present = start + timedelta(microseconds=span), START + timedelta(microseconds=now)
    talk = Talk(lambda _: answer({}), now=lambda: present)
    batches = talk.batches(lambda it: it.orders(start, end))
    until = min(end, present)
    if until <= start:
        assert (batches, talk.sent) == ([], [])
        return
    windows = sorted(window(it, "lastChangedFrom", "lastChangedTo") for it in talk.sent)
    assert start - MS < windows[0][0] <= start
    assert until <= windows[-1][1] + MS < until + MS
    assert windows[-1][1] <= present
    assert all(last - first < DAY for first, last in windows)
    assert all(after[0] == before[1] + MS for before, after in pairwise(windows))
    assert batches[-1].complete_until == until


# ── pages of the feed ──────────────────────────────────────────────────────────────────────────
@some
@given(
    changes=entries(),
    most=st.integers(1, 7),
    repeats=st.booleans(),
    concurrency=st.integers(1, 4),
)
def test_every_change_is_read_once(
    changes: list[Entry], most: int, repeats: bool, concurrency: int
):
    server = FeedServer(changes, most=most, repeats=repeats)
    talk = Talk(server, concurrency=concurrency)
    found = talk.batch(lambda it: it.orders(START, START + 3 * DAY))
    numbers = Counter(str(number) for _, number in changes)
    assert Counter(server.queried) == numbers
    assert Counter(line.line_no for line in found.lines) == numbers
    assert found.rejected == []
    assert found.complete_until == START + 3 * DAY


@some
@given(
    changes=entries(),
    most=st.integers(1, 4),
    cuts=st.lists(st.integers(0, 3 * 86_400_000), max_size=3),
)
def test_consecutive_reads_lose_and_double_nothing(
    changes: list[Entry], most: int, cuts: list[int]
):
    server = FeedServer(changes, most=most)
    edges = [0, *sorted(cuts), 3 * 86_400_000]
    for first, last in pairwise(edges):
        talk = Talk(server)
        talk.batch(lambda it, a=first, b=last: it.orders(START + a * MS, START + b * MS))
    assert Counter(server.queried) == Counter(str(number) for _, number in changes)


@some
@given(changes=entries(), most=st.integers(1, 4), fails_at=st.integers(1, 12))
def test_read_that_is_cut_short_goes_on_from_its_promise(
    changes: list[Entry], most: int, fails_at: int
):
    server = FeedServer(changes, most=most, fails_at=fails_at)
    talk = Talk(server, concurrency=1)
    done, stored = START, set()

    async def read(client) -> None:
        nonlocal done
        async for batch in client.orders(done, START + 3 * DAY):
            stored.update(line.line_no for line in batch.lines)
            done = batch.complete_until or done

    try:
        talk.run(read)
    except MarketDown:
        assert server.pages >= fails_at
        Talk(server, concurrency=1).run(read)
    assert stored == {str(number) for _, number in changes}
    assert done == START + 3 * DAY


def test_line_that_changes_again_while_read_is_read_again():
    pages = iter(
        [
            {
                "lastChangeStatuses": [{"productOrderId": "1", "lastChangedDate": stamp(START)}],
                "more": {"moreFrom": stamp(START + MS), "moreSequence": "1"},
            },
            {"lastChangeStatuses": [{"productOrderId": "1", "lastChangedDate": stamp(START + MS)}]},
        ]
    )
    talk = Talk(lambda it: details(it) if it.method == "POST" else answer({"data": next(pages)}))
    found = talk.batch(lambda it: it.orders(START, START + DAY))
    assert [line.line_no for line in found.lines] == ["1", "1"]


@few
@given(
    count=st.integers(1, 9),
    most=st.integers(1, 3),
    stuck_at=st.integers(1, 3),
    concurrency=st.integers(1, 3),
)
def test_more_that_leads_back_ends_with_a_report(
    count: int, most: int, stuck_at: int, concurrency: int
):
    server = FeedServer([(n, n + 1) for n in range(count)], most=most, stuck_at=stuck_at)
    talk = Talk(server, concurrency=concurrency, waits_s=(0, 0))
    batches = talk.batches(lambda it: it.orders(START, START + DAY))
    found = whole(batches)
    if server.pages < stuck_at:
        assert found.rejected == []
        return
    [report] = found.rejected
    assert report.reason.startswith("page repeated")
    assert found.complete_until is None
    assert server.pages <= stuck_at + 4
    read = min(count, most * stuck_at)
    assert [line.line_no for line in found.lines] == [str(n + 1) for n in range(read)]


def test_report_of_a_circle_ends_the_windows_after_it():
    changes = [(n * 86_400_000, n + 1) for n in range(9)]
    server = FeedServer(changes, stuck_at=3)
    talk = Talk(server, concurrency=1)
    batches = talk.batches(lambda it: it.orders(START, START + 9 * DAY))
    promised = [batch.complete_until for batch in batches if batch.complete_until]
    assert promised == [START + DAY, START + 2 * DAY]
    assert batches[-1].rejected[0].kind == "orders"


def test_answer_that_repeats_once_by_accident_is_asked_for_again():
    first = {
        "lastChangeStatuses": [{"productOrderId": "1"}],
        "more": {"moreFrom": stamp(START + MS), "moreSequence": "2"},
    }
    last = {"lastChangeStatuses": [{"productOrderId": "2"}]}
    pages = iter([first, first, last])
    talk = Talk(
        lambda it: details(it) if it.method == "POST" else answer({"data": next(pages)}),
        waits_s=(0,),
    )
    found = talk.batch(lambda it: it.orders(START, START + DAY))
    assert [line.line_no for line in found.lines] == ["1", "2"]
    assert found.rejected == []


@pytest.mark.parametrize("count", [300, 301, 650])
def test_details_are_asked_for_by_300_whatever_a_page_holds(count: int):
    server = FeedServer([(0, n + 1) for n in range(count)], most=10_000)
    talk = Talk(server)
    talk.batch(lambda it: it.orders(START, START + DAY))
    sizes = [len(asked(it)["productOrderIds"]) for it in talk.sent if it.method == "POST"]
    assert sum(sizes) == count
    assert max(sizes) <= 300


# ── pages of the search ────────────────────────────────────────────────────────────────────────
@few
@given(count=st.integers(0, 30), size=st.integers(1, 7))
def test_control_total_counts_every_page(count: int, size: int):
    def handler(request: httpx.Request) -> httpx.Response:
        page = int(params(request)["page"])
        cut = range(count)[(page - 1) * size : page * size]
        rows = [{"productOrderId": str(n), "content": {"order": {"orderId": f"o{n}"}}} for n in cut]
        pagination = {"page": page, "size": size, "hasNext": page * size < count}
        return answer({"data": {"contents": rows, "pagination": pagination}})

    talk = Talk(handler)
    found = talk.run(lambda it: it.line_keys(START, START + DAY))
    assert found == {(f"o{n}", str(n)) for n in range(count)}
    assert len(talk.sent) == max(1, -(-count // size))


def test_search_that_shows_a_page_again_is_not_believed():
    rows = [{"productOrderId": "1", "content": {"order": {"orderId": "o1"}}}]
    body = {"data": {"contents": rows, "pagination": {"hasNext": True}}}
    talk = Talk(lambda _: answer(body))
    with pytest.raises(BadPayload, match="page repeated"):
        talk.run(lambda it: it.line_keys(START, START + DAY))
    assert len(talk.sent) == 2


# ── pages of the list ──────────────────────────────────────────────────────────────────────────
class Shop:
    """Serves listings in numbered pages, latest first.

    newer, gone: listings that appear on top, or are deleted there, after each page.
    """

    def __init__(
        self, count: int, *, size: int = 500, newer: int = 0, gone: int = 0, has_last: bool = True
    ) -> None:
        self.numbers = list(range(count, 0, -1))
        self.detailed: list[str] = []
        self.lists = 0
        self._size, self._newer, self._gone = size, newer, gone
        self._has_last = has_last

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            assert request.url.path.startswith(DETAIL)
            self.detailed.append(request.url.path.rsplit("/", 1)[1])
            origin = {"statusType": "SALE", "salePrice": 1_000, "stockQuantity": 1}
            return answer({"originProduct": origin})
        self.lists += 1
        body = asked(request)
        assert body["size"] == 500
        return answer(self._page(body["page"]))

    def _page(self, page: int) -> dict[str, object]:
        shown = self.numbers[(page - 1) * self._size : page * self._size]
        total = len(self.numbers)
        pages = -(-total // self._size)
        body: dict[str, object] = {
            "contents": [_content(number) for number in shown],
            "page": page,
            "totalElements": total,
            "totalPages": pages,
        }
        if self._has_last:
            body["last"] = page >= pages
        if self.lists <= 3:
            top = max(self.numbers, default=0)
            self.numbers = [*range(top + self._newer, top, -1), *self.numbers][self._gone :]
        return body


def _content(number: int) -> dict[str, object]:
    channel = {"channelProductNo": number + 10**9, "name": "양말", "statusType": "SALE"}
    return {"originProductNo": number, "channelProducts": [channel]}


@few
@given(count=st.integers(0, 40), size=st.integers(1, 9), has_last=st.booleans())
def test_every_listing_is_read_once(count: int, size: int, has_last: bool):
    shop = Shop(count, size=size, has_last=has_last)
    found = Talk(shop).batch(lambda it: it.products())
    assert [it.product_no for it in found.products] == [str(n) for n in range(count, 0, -1)]
    assert sorted(shop.detailed, key=int) == [str(n) for n in range(1, count + 1)]
    assert found.rejected == []
    assert shop.lists == max(1, -(-count // size))


@some
@given(
    count=st.integers(0, 40),
    size=st.integers(4, 9),
    newer=st.integers(0, 3),
    gone=st.integers(0, 3),
)
def test_listings_that_move_between_pages_are_neither_lost_nor_doubled(
    count: int, size: int, newer: int, gone: int
):
    shop = Shop(count, size=size, newer=0 if gone else newer, gone=gone)
    found = Talk(shop).batch(lambda it: it.products())
    read = Counter(it.product_no for it in found.products)
    assert {str(number) for number in shop.numbers if number <= count} <= set(read)
    assert max(read.values(), default=1) == 1
    assert found.rejected == []


def test_list_that_shows_a_page_again_ends_with_a_report():
    page = {"contents": [_content(1)], "totalElements": 9, "totalPages": 9, "last": False}
    origin = {"originProduct": {"statusType": "SALE", "salePrice": 1_000, "stockQuantity": 1}}
    talk = Talk(lambda it: answer(origin if it.method == "GET" else page))
    found = talk.batch(lambda it: it.products())
    assert [it.product_no for it in found.products] == ["1"]
    assert [it.kind for it in found.rejected] == ["products"]
    assert found.rejected[0].reason.startswith("page repeated")
    assert sum(it.method == "POST" for it in talk.sent) == 2
