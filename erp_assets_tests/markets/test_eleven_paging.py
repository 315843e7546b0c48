"""11st's windows and pages: nothing is left out, whatever the lists hold (§2.4, §2.5, §3.3)."""

import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_assets.clock import KST
from erp_assets.records import OptionKey
from erp_assets_tests.markets import eleven_samples as samples
from erp_assets_tests.markets.eleven_samples import Talk, answer, by_path, kst, leaves

MINUTE = timedelta(minutes=1)
MIDNIGHT = kst("2026-02-25 00:00:00")
CAP = 3_000
few = settings(deadline=None, max_examples=8)
some = settings(deadline=None, max_examples=40)


def minutes(path: str) -> tuple[datetime, datetime]:
    """Return the period of a list: first and last minute, both included."""
    first, last = path.rsplit("/", 2)[1:]
    return (
        datetime.strptime(first, "%Y%m%d%H%M").replace(tzinfo=KST),
        datetime.strptime(last, "%Y%m%d%H%M").replace(tzinfo=KST),
    )


# ── windows ────────────────────────────────────────────────────────────────────────────────────
SPANS = st.integers(1, 100 * 24 * 60).map(lambda it: it * MINUTE)


@some
@given(span=SPANS, concurrency=st.integers(1, 5))
@pytest.mark.parametrize(
    ("kind", "name", "widest"),
    [("orders", "dlvcompleted", 7), ("claims", "returnorders", 30)],
    ids=["orders", "claims"],
)
def test_windows_cover_the_span_without_gap_or_overlap(
    kind: str, name: str, widest: int, span: timedelta, concurrency: int
):
    talk = Talk(by_path({}), concurrency=concurrency)
    batches = talk.batches(lambda it: getattr(it, kind)(MIDNIGHT, MIDNIGHT + span))
    periods = sorted(minutes(path) for path in talk.paths if f"/{name}/" in path)
    assert periods[0][0] == MIDNIGHT
    assert periods[-1][1] == MIDNIGHT + span - MINUTE
    for first, last in periods:
        assert timedelta(0) <= last - first < timedelta(days=widest)
    for before, after in pairwise(periods):
        assert after[0] == before[1] + MINUTE
    promised = [batch.complete_until for batch in batches if batch.complete_until]
    assert promised == sorted(set(promised))
    assert promised[-1] == MIDNIGHT + span


@some
@given(since=st.integers(0, 200), span=st.integers(1, 10**6))
def test_windows_between_minutes_leave_no_second_out(since: int, span: int):
    start = MIDNIGHT + timedelta(seconds=since)
    end = start + timedelta(seconds=span)
    talk = Talk(by_path({}))
    talk.batches(lambda it: it.orders(start, end))
    periods = sorted(minutes(path) for path in talk.paths if "/packaging/" in path)
    assert periods[0][0] <= start
    assert periods[-1][1] + MINUTE >= end
    for before, after in pairwise(periods):
        assert after[0] <= before[1] + MINUTE
    assert all(last - first <= timedelta(days=7) for first, last in periods)


@pytest.mark.parametrize("kind", ["orders", "claims"])
def test_no_span_asks_nothing(kind: str):
    talk = Talk(by_path({}))
    assert talk.batches(lambda it: getattr(it, kind)(MIDNIGHT, MIDNIGHT)) == []
    assert talk.sent == []


# ── lists that are cut off ─────────────────────────────────────────────────────────────────────
def shipped(held: dict[datetime, int], name: str = "shipping") -> Talk:
    """Serve so many rows a minute in one list, the first 3,000 of a period, without a word."""

    def handler(request: httpx.Request) -> httpx.Response:
        if f"/{name}/" not in request.url.path:
            return answer(samples.NOTHING_FOUND)
        first, last = minutes(request.url.path)
        rows = [
            f"<ns2:order><ordNo>{at:%Y%m%d%H%M}</ordNo><ordPrdSeq>{n}</ordPrdSeq></ns2:order>"
            for at, count in sorted(held.items())
            if first <= at <= last
            for n in range(count)
        ]
        return answer(f"<ns2:orders>{''.join(rows[:CAP])}</ns2:orders>")

    return Talk(handler)


def keys(held: dict[datetime, int]) -> set[tuple[str, str]]:
    return {(f"{at:%Y%m%d%H%M}", str(n)) for at, count in held.items() for n in range(count)}


@few
@given(
    held=st.dictionaries(
        st.integers(0, 9 * 24 * 60 - 1).map(lambda it: MIDNIGHT + it * MINUTE),
        st.integers(1, CAP - 1),
        max_size=4,
    )
)
def test_every_row_of_a_crowded_list_is_read(held: dict[datetime, int]):
    talk = shipped(held)
    found = talk.batch(lambda it: it.orders(MIDNIGHT, MIDNIGHT + timedelta(days=9)))
    read = [(it.order_no, it.line_no) for it in found.line_updates]
    assert Counter(read) == Counter(keys(held))
    assert found.rejected == []
    assert found.complete_until == MIDNIGHT + timedelta(days=9)


@pytest.mark.parametrize(
    ("since", "until"),
    [(0, 100), (0, 61), (30, 80), (59, 61), (30, 120), (0, 120)],
    ids=lambda it: f"{it} s",
)
def test_two_crowded_minutes_are_read_apart(since: int, until: int):
    held = {MIDNIGHT: 2_000, MIDNIGHT + MINUTE: 2_000}
    found = shipped(held).batch(
        lambda it: it.orders(
            MIDNIGHT + timedelta(seconds=since), MIDNIGHT + timedelta(seconds=until)
        )
    )
    assert {(it.order_no, it.line_no) for it in found.line_updates} == keys(held)
    assert found.rejected == []


@pytest.mark.parametrize("days", [1, 20], ids=["one window", "several"])
def test_minute_that_no_list_can_show_ends_the_promise(days: int):
    crowded = MIDNIGHT + timedelta(days=days, minutes=-7)
    until = MIDNIGHT + timedelta(days=days + 20)
    batches = shipped({MIDNIGHT: 5, crowded: CAP}).batches(lambda it: it.orders(MIDNIGHT, until))
    [rejected] = [it for batch in batches for it in batch.rejected]
    assert rejected.kind == "orders"
    assert "3000 rows in the minute" in rejected.reason
    promised = [batch.complete_until for batch in batches if batch.complete_until]
    assert promised == [MIDNIGHT + timedelta(days=7 * n) for n in range(1, days // 7 + 1)]
    assert all(it <= crowded for it in promised)
    read = [it.order_no for batch in batches for it in batch.line_updates]
    assert read.count(f"{crowded:%Y%m%d%H%M}") == CAP


def test_list_that_shows_more_than_it_could_is_not_cut_off():
    row = leaves(samples.SHIPPING)
    talk = Talk(by_path({"/shipping/": samples.orders(*[row] * (CAP + 1))}))
    found = talk.batch(lambda it: it.orders(MIDNIGHT, MIDNIGHT + MINUTE))
    assert len(found.line_updates) == CAP + 1
    assert found.rejected == []
    assert found.complete_until == MIDNIGHT + MINUTE


def test_crowded_claims_are_read_by_halves():
    row = leaves(samples.RETURNS)
    whole = samples.orders(*[row] * CAP)

    def handler(request: httpx.Request) -> httpx.Response:
        if "/returnorders/" not in request.url.path:
            return answer(samples.NOTHING_FOUND)
        first, last = minutes(request.url.path)
        return answer(whole if last - first > timedelta(hours=12) else samples.RETURNS)

    talk = Talk(handler)
    found = talk.batch(lambda it: it.claims(MIDNIGHT, MIDNIGHT + timedelta(days=1)))
    assert [claim.claim_no for claim in found.claims] == ["R2400330"] * 2
    asked = [minutes(path) for path in talk.paths if "/returnorders/" in path]
    noon = MIDNIGHT + timedelta(hours=12)
    night = MIDNIGHT + timedelta(hours=24) - MINUTE
    assert asked == [(MIDNIGHT, night), (MIDNIGHT, noon - MINUTE), (noon, night)]


# ── pages of the search ────────────────────────────────────────────────────────────────────────
LISTING = {"prdNm": "양말", "selPrc": 1_000, "selStatCd": "103"}


class Shop:
    """Serves listings by the page. newer: listings that appear on top after each page.

    has_end: is the row `end` part of a page? The documents do not tell.
    """

    def __init__(
        self,
        numbers: list[int],
        *,
        newer: int = 0,
        ignores_start: bool = False,
        has_end: bool = True,
    ) -> None:
        self.numbers = numbers
        self._has_end = has_end
        self._newer = newer
        self._ignores_start = ignores_start
        self.stock_calls: list[list[str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = request.content.decode("cp949")
        if request.url.path.endswith("/stocks"):
            return answer(self._stocks(re.findall(r"<prdNo>(\d+)</prdNo>", asked)))
        first, last = (int(it) for it in re.findall(r"<(?:start|end)>(\d+)<", asked))
        start = 1 if self._ignores_start else first
        page = self.numbers[start - 1 : start + min(last - first, 499) - (not self._has_end)]
        top = max(self.numbers, default=0)
        self.numbers = [*range(top + self._newer, top, -1), *self.numbers]
        return answer(samples.products(*({"prdNo": number, **LISTING} for number in page)))

    def _stocks(self, numbers: list[str]) -> str:
        self.stock_calls.append(numbers)
        return samples.stocks(
            {number: [{"prdStckNo": f"9{number}", "stckQty": 1}] for number in numbers}
        )


@few
@given(count=st.one_of(st.sampled_from([0, 1, 499, 500, 501, 1_000]), st.integers(0, 1_200)))
@pytest.mark.parametrize("has_end", [True, False], ids=["end included", "end left out"])
def test_every_listing_is_read_once(has_end: bool, count: int):
    shop = Shop(list(range(count, 0, -1)), has_end=has_end)
    found = Talk(shop).batch(lambda it: it.products())
    expected = [str(number) for number in range(count, 0, -1)]
    assert [it.product_no for it in found.products] == expected
    assert [(it.product_no, it.option_no) for it in found.offers] == [
        (number, f"9{number}") for number in expected
    ]
    assert found.rejected == []
    assert sum(map(len, shop.stock_calls)) == count
    assert all(len(call) <= 50 for call in shop.stock_calls)


@few
@given(count=st.integers(0, 1_100), newer=st.integers(0, 60), twice=st.integers(1, 50))
def test_listings_that_move_between_pages_are_neither_lost_nor_read_twice(
    count: int, newer: int, twice: int
):
    numbers = list(range(count, 0, -1))
    shop = Shop(sorted([*numbers, *numbers[::twice]], reverse=True), newer=newer)
    found = Talk(shop).batch(lambda it: it.products())
    assert {it.product_no for it in found.products} == set(map(str, numbers))
    stocked = Counter(number for call in shop.stock_calls for number in call)
    assert stocked == Counter(map(str, numbers))
    assert found.rejected == []


@pytest.mark.parametrize("count", [500, 700])
def test_page_that_repeats_is_rejected_and_ends_the_search(count: int):
    shop = Shop(list(range(count, 0, -1)), ignores_start=True)
    talk = Talk(shop)
    found = talk.batch(lambda it: it.products())
    [rejected] = found.rejected
    assert rejected.kind == "products"
    assert rejected.reason.startswith("page repeated: rows from 501")
    assert found.complete_until is None
    assert sum(path.endswith("/prodmarket") for path in talk.paths) == 2
    assert len({it.product_no for it in found.offers}) == len(found.offers) == 500


def test_page_that_repeats_unreadable_rows_ends_the_search_too():
    page = samples.products(*({"prdNo": n, **LISTING, "selStatCd": "999"} for n in range(500)))
    talk = Talk(lambda _: answer(page))
    found = talk.batch(lambda it: it.products())
    assert len(talk.sent) == 2
    assert found.rejected[-1].reason.startswith("page repeated")


@few
@given(count=st.integers(1, 700), data=st.data())
def test_offers_are_exactly_those_wanted(count: int, data: st.DataObject):
    wanted = data.draw(st.sets(st.integers(1, count + 5), max_size=20))
    shop = Shop(list(range(count, 0, -1)))
    keys_wanted = [OptionKey(str(n), f"9{n}") for n in sorted(wanted)]
    found = Talk(shop).batch(lambda it: it.offers(keys_wanted))
    there = {str(n) for n in wanted if n <= count}
    assert {it.product_no for it in found.offers} == there
    assert {it.document_no for it in found.rejected} == {str(n) for n in wanted if n > count}
    assert {number for call in shop.stock_calls for number in call} == there


@few
@given(count=st.integers(0, 250), known=st.integers(0, 250))
def test_orders_by_number_are_those_the_market_shows(count: int, known: int):
    row = leaves(samples.COMPLETE)
    numbers = [str(20260225044300000 + n) for n in range(count)]
    shown = set(numbers[:known])

    def handler(request: httpx.Request) -> httpx.Response:
        asked = request.url.path.rsplit("/", 1)[1].split(",")
        rows = [row | {"ordNo": number} for number in asked if number in shown]
        return answer(samples.orders(*rows))

    talk = Talk(handler)
    found = talk.batch(lambda it: it.orders_by_no(numbers))
    assert [line.order_no for line in found.lines] == numbers[:known]
    assert len(talk.sent) == -(-count // 100) + min(known, count)
