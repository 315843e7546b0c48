"""Naver's writes: sent once, a verdict per item (naver.md §4.4-4.7, §5.6)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_assets.errors import MarketDenied
from erp_assets.markets.naver import changes
from erp_assets.records import Dispatch, LineKey, OptionKey, PriceChange, StockChange, WriteResult
from erp_assets_tests.markets import naver_samples as samples
from erp_assets_tests.markets.naver_samples import (
    DETAIL,
    LINES,
    ORIGINS,
    Talk,
    answer,
    asked,
    by_path,
    gateway,
)

ORDER_NO = "2026051120593131"
LINE = LineKey(ORDER_NO, "2026051122442301")
BAD_LINE = LineKey(ORDER_NO, "2026051122449999")
SENT_AT = datetime(2026, 5, 12, 6, 0, tzinfo=UTC)
PARCEL = Dispatch(*LINE, "CJGLS", "600000000001", SENT_AT)
NUMBER = "9000000101"
BLACK_M, BLACK_XL, WHITE_M = (OptionKey(NUMBER, f"4000000000{n}") for n in (1, 2, 3))
ALL = [BLACK_M, BLACK_XL, WHITE_M]
WAITS = (0.0, 0.0)

Said = Callable[[], httpx.Response]


def slow() -> httpx.Response:
    raise httpx.ReadTimeout("slow")


def cut() -> httpx.Response:
    raise httpx.RemoteProtocolError("peer closed connection")


def unreachable() -> httpx.Response:
    raise httpx.ConnectError("no route")


LOST: list[Said] = [
    slow,
    cut,
    lambda: gateway("GW.TIMEOUT.02", 504),
    lambda: gateway("GW.INTERNAL_SERVER_ERROR", 500),
    lambda: gateway("GW.BLOCK.02", 503),
    lambda: answer("<html>502</html>", 502),
]
LOST_IDS = ["slow", "cut", "timeout", "error", "maintenance", "page"]
UNREADABLE: list[Said] = [
    lambda: answer("<html>ok</html>"),
    lambda: answer(samples.CONFIRMED[:150]),
    lambda: answer("", 204),
    lambda: answer({"data": {"failProductOrderInfos": [{"code": "1"}]}}),
]


def origin(options: list[dict[str, Any]] | None = None, kind: str = "", **values: Any) -> Any:
    """Return a detail; without `options` those of the page, with an empty list none."""
    body = samples.sample(samples.LISTING)
    info = body["originProduct"]["detailAttribute"]["optionInfo"]
    if options is not None:
        del info["optionCombinations"]
        info |= {kind or "optionCombinations": options} if options else {}
    info |= {"useStockManagement": values.pop("useStockManagement", True)}
    body["originProduct"] |= values
    return body


def plain(**values: Any) -> Any:
    return origin([], **{"stockQuantity": 7, **values})


class Store:
    """One listing that takes writes. said: answers a write instead, the first ones first."""

    def __init__(self, detail: Any, *said: Said | None, is_deaf: bool = False) -> None:
        self.detail = detail
        self._said = list(said)
        self._is_deaf = is_deaf
        self.talk = Talk(self, waits_s=WAITS)

    @property
    def writes(self) -> list[tuple[str, Any]]:
        """Request lines and bodies of what changes something."""
        return [
            (f"{it.method} {it.url.path}", asked(it)) for it in self.talk.sent if it.method != "GET"
        ]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            assert request.url.path == f"{DETAIL}/{NUMBER}"
            return answer(self.detail)
        if self._said and (said := self._said.pop(0)):
            return said()
        if request.method == "PATCH":
            [row] = asked(request)["multiProductUpdateRequestVos"]
            if not self._is_deaf:
                self._take(row)
            return answer(samples.STATUS_CHANGED)
        if request.url.path.endswith("/change-status"):
            return answer(samples.STATUS_CHANGED)
        return answer(
            samples.STORED.replace('"SALE"', f'"{self.detail["originProduct"]["statusType"]}"')
        )

    def _take(self, row: Any) -> None:
        assert row["originProductNo"] == int(NUMBER)
        found = self.detail["originProduct"]
        found["stockQuantity"] = row.get("stockQuantity", found["stockQuantity"])
        found["salePrice"] = row.get("productSalePrice", found)["salePrice"]


def rows_of(body: Any, name: str = "optionCombinations") -> dict[int, Any]:
    return {row["id"]: row for row in body["optionInfo"][name]}


def stocks(*wanted: tuple[OptionKey, int]) -> list[StockChange]:
    return [StockChange(*key, stock) for key, stock in wanted]


def prices(*wanted: tuple[OptionKey, int]) -> list[PriceChange]:
    return [PriceChange(*key, price) for key, price in wanted]


# ── confirm ────────────────────────────────────────────────────────────────────────────────────
def test_confirm_of_the_page():
    talk = Talk(by_path({"confirm": samples.CONFIRMED}))
    results = talk.run(lambda it: it.confirm([LINE, BAD_LINE]))
    assert results == [
        WriteResult(LINE, ok=True),
        WriteResult(BAD_LINE, ok=False, code="100001", message="상품 주문을 찾을 수 없습니다."),
    ]
    assert talk.lines == [f"POST {LINES}/confirm"]
    assert asked(talk.sent[0]) == {"productOrderIds": [LINE.line_no, BAD_LINE.line_no]}
    assert talk.sent[0].headers["content-type"] == "application/json"


def test_buyer_who_moved_before_the_confirmation_is_told_of():
    said = samples.CONFIRMED.replace("false", "true")
    [result] = Talk(by_path({"confirm": said})).run(lambda it: it.confirm([LINE]))
    assert (result.ok, result.code) == (True, "address_changed")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"successProductOrderIds": [LINE.line_no]}, (True, "", False)),
        ({"successProductOrderInfos": None, "failProductOrderInfos": []}, (False, "lost", True)),
        ({}, (False, "lost", True)),
        (None, (False, "lost", True)),
        ({"failProductOrderInfos": [{"productOrderId": LINE.line_no}]}, (False, "failed", False)),
        (
            {"failProductOrderInfos": [{"productOrderId": int(LINE.line_no), "code": 105306}]},
            (False, "105306", False),
        ),
        (
            {
                "successProductOrderIds": [LINE.line_no],
                "failProductOrderInfos": [{"productOrderId": LINE.line_no, "code": "9999"}],
            },
            (False, "9999", False),
        ),
        ({"successProductOrderIds": ["1"]}, (False, "lost", True)),
    ],
    ids=["ids", "nulls", "empty", "null", "no code", "numbers", "both", "another"],
)
def test_verdict_on_a_line(data: object, expected: tuple[bool, str, bool]):
    talk = Talk(lambda _: answer({"data": data}))
    [result] = talk.run(lambda it: it.confirm([LINE]))
    assert (result.ok, result.code, result.is_lost) == expected
    assert len(talk.sent) == 1


def accept(request: httpx.Request) -> httpx.Response:
    body = asked(request)
    rows = body.get("productOrderIds") or [
        it["productOrderId"] for it in body["dispatchProductOrders"]
    ]
    return answer({"data": {"successProductOrderIds": rows}})


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (30, [30]), (31, [30, 1]), (75, [30, 30, 15])]
)
def test_lines_leave_30_a_call(count: int, sizes: list[int]):
    talk = Talk(accept)
    lines = [LineKey("1", str(n)) for n in range(count)]
    results = talk.run(lambda it: it.confirm(lines))
    assert [(it.key, it.ok) for it in results] == [(line, True) for line in lines]
    assert [len(asked(it)["productOrderIds"]) for it in talk.sent] == sizes
    parcels = [Dispatch(*line, "CJGLS", "600000000001", SENT_AT) for line in lines]
    talk = Talk(accept)
    assert all(it.ok for it in talk.run(lambda it: it.dispatch(parcels)))
    assert [len(asked(it)["dispatchProductOrders"]) for it in talk.sent] == sizes


def test_line_named_twice_leaves_once():
    talk = Talk(accept)
    results = talk.run(lambda it: it.confirm([LINE, BAD_LINE, LINE]))
    assert [it.ok for it in results] == [True, True, True]
    assert asked(talk.sent[0])["productOrderIds"] == [LINE.line_no, BAD_LINE.line_no]


def test_two_parcels_of_one_line_are_refused_here():
    talk = Talk(accept)
    other = PARCEL._replace(invoice_no="600000000002")
    results = talk.run(lambda it: it.dispatch([PARCEL, other]))
    assert [it.code for it in results] == ["refused_here", "refused_here"]
    assert talk.sent == []


@pytest.mark.parametrize("line_no", ["", "12-3", "１２", "1'; --", "1\r\n", "한"])
def test_number_that_would_spoil_the_call_is_refused_here_alone(line_no: str):
    talk = Talk(accept)
    results = talk.run(lambda it: it.confirm([LineKey("1", line_no), LINE]))
    assert [(it.ok, it.code) for it in results] == [(False, "refused_here"), (True, "")]
    assert asked(talk.sent[0])["productOrderIds"] == [LINE.line_no]


@pytest.mark.parametrize("said", LOST, ids=LOST_IDS)
def test_lost_answer_of_lines_is_reported_and_nothing_sent_again(said: Said):
    talk = Talk(lambda _: said(), waits_s=WAITS)
    results = talk.run(lambda it: it.confirm([LINE, BAD_LINE]))
    assert [(it.key, it.ok, it.code, it.is_lost) for it in results] == [
        (LINE, False, "lost", True),
        (BAD_LINE, False, "lost", True),
    ]
    assert len(talk.sent) == 1


@pytest.mark.parametrize("said", UNREADABLE, ids=["page", "cut", "empty", "odd"])
def test_answer_that_cannot_be_read_proves_nothing(said: Said):
    talk = Talk(lambda _: said(), waits_s=WAITS)
    [result] = talk.run(lambda it: it.confirm([LINE]))
    assert (result.ok, result.is_lost) == (False, True)
    assert len(talk.sent) == 1


@pytest.mark.parametrize("busy", [1, 3], ids=["once", "always"])
def test_busy_gateway_did_nothing_so_the_write_leaves_again(busy: int):
    answers = iter([gateway("GW.RATE_LIMIT", 429)] * busy)
    talk = Talk(lambda _: next(answers, answer(samples.CONFIRMED)), waits_s=WAITS)
    [result] = talk.run(lambda it: it.confirm([LINE]))
    assert (result.ok, result.is_lost) == (busy == 1, False)
    assert len(talk.sent) == min(busy + 1, 3)


def test_connection_that_never_opened_did_nothing():
    talk = Talk(lambda _: unreachable(), waits_s=WAITS)
    [result] = talk.run(lambda it: it.confirm([LINE]))
    assert (result.ok, result.code, result.is_lost) == (False, "unavailable", False)


def test_refused_call_fails_its_lines_with_the_code_of_the_market():
    answers = iter([answer({"code": "104133", "message": "잘못된 요청"}, 400)])
    talk = Talk(lambda it: next(answers, None) or accept(it), waits_s=WAITS)
    results = talk.run(lambda it: it.confirm([LineKey("1", str(n)) for n in range(40)]))
    assert [it.code for it in results] == ["104133"] * 30 + [""] * 10
    assert [it.ok for it in results] == [False] * 30 + [True] * 10


def test_denial_is_raised_when_nothing_was_written():
    talk = Talk(lambda _: gateway("GW.AUTHZ", 403))
    with pytest.raises(MarketDenied):
        talk.run(lambda it: it.confirm([LineKey("1", str(n)) for n in range(90)]))
    assert len(talk.sent) == 1


def test_denial_in_the_middle_does_not_hide_what_was_written():
    answers = iter([None, gateway("GW.IP_NOT_ALLOWED", 403)])
    talk = Talk(lambda it: next(answers) or accept(it))
    results = talk.run(lambda it: it.confirm([LineKey("1", str(n)) for n in range(90)]))
    assert [it.code for it in results] == [""] * 30 + ["denied"] * 60
    assert len(talk.sent) == 2


# ── dispatch ───────────────────────────────────────────────────────────────────────────────────
def test_dispatch_of_the_page():
    other = Dispatch(ORDER_NO, "2026051122442311", "CJGLS", "600000000001", SENT_AT)
    talk = Talk(by_path({"dispatch": samples.DISPATCHED}))
    results = talk.run(lambda it: it.dispatch([PARCEL, other]))
    assert [(it.key, it.ok, it.code) for it in results] == [
        (LINE, True, ""),
        ((ORDER_NO, "2026051122442311"), False, "104121"),
    ]
    assert talk.lines == [f"POST {LINES}/dispatch"]
    sent = asked(talk.sent[0])["dispatchProductOrders"]
    assert sent[:1] == samples.sample(samples.PARCELS)["dispatchProductOrders"]
    assert len(sent) == 2


@pytest.mark.parametrize("invoice", ["6\r\nX: y", "'; DROP TABLE t; --", "송장 1"])
def test_invoice_travels_as_json_whatever_it_holds(invoice: str):
    talk = Talk(accept)
    talk.run(lambda it: it.dispatch([PARCEL._replace(invoice_no=invoice)]))
    assert asked(talk.sent[0])["dispatchProductOrders"][0]["trackingNumber"] == invoice
    assert "X" not in talk.sent[0].headers


# ── stock ──────────────────────────────────────────────────────────────────────────────────────
def test_stock_of_options_leaves_with_every_row_in_full():
    store = Store(origin())
    wanted = stocks((BLACK_M, 18), (WHITE_M, 5))
    results = store.talk.run(lambda it: it.set_stock(wanted))
    assert results == [WriteResult(BLACK_M, ok=True), WriteResult(WHITE_M, ok=True)]
    [(line, body)] = store.writes
    assert line == f"PUT {ORIGINS}/{NUMBER}/option-stock"
    assert body == samples.sample(samples.OPTION_STOCK)


def test_stock_without_options_is_a_multi_update_that_is_read_back():
    store = Store(plain())
    key = OptionKey(NUMBER, "0")
    assert store.talk.run(lambda it: it.set_stock(stocks((key, 0)))) == [WriteResult(key, ok=True)]
    row = {"originProductNo": int(NUMBER), "multiUpdateTypes": ["STOCK"], "stockQuantity": 0}
    assert store.writes == [
        (f"PATCH {ORIGINS}/multi-update", {"multiProductUpdateRequestVos": [row]})
    ]
    assert store.talk.lines[-1] == f"GET {DETAIL}/{NUMBER}"


def test_multi_update_that_did_nothing_is_lost_and_not_sent_again():
    store = Store(plain(), is_deaf=True)
    [result] = store.talk.run(lambda it: it.set_stock(stocks((OptionKey(NUMBER, "0"), 3))))
    assert (result.ok, result.is_lost) == (False, True)
    assert "shows {'stock_quantity': 7}" in result.message
    assert len(store.writes) == 1


@pytest.mark.parametrize(
    ("stock", "types"), [(4, ["STOCK", "PRODUCT_STATUS_SALE"]), (0, ["STOCK"])]
)
def test_sold_out_listing_comes_back_with_stock_and_status_in_one_update(
    stock: int, types: list[str]
):
    store = Store(plain(statusType="OUTOFSTOCK", stockQuantity=0))
    [result] = store.talk.run(lambda it: it.set_stock(stocks((OptionKey(NUMBER, "0"), stock))))
    assert result.ok
    [row] = store.writes[0][1]["multiProductUpdateRequestVos"]
    assert (row["multiUpdateTypes"], row["stockQuantity"]) == (types, stock)


def test_sold_out_listing_with_options_is_put_on_sale_with_its_whole_stock():
    store = Store(origin(statusType="OUTOFSTOCK"))
    store.talk.run(lambda it: it.set_stock(stocks((BLACK_M, 1), (BLACK_XL, 0), (WHITE_M, 4))))
    assert [line for line, _ in store.writes] == [
        f"PUT {ORIGINS}/{NUMBER}/option-stock",
        f"PUT {ORIGINS}/{NUMBER}/change-status",
    ]
    assert store.writes[1][1] == {"statusType": "SALE", "stockQuantity": 5}


def test_listing_that_came_back_by_itself_is_not_put_on_sale_again():
    store = Store(origin(statusType="OUTOFSTOCK"), lambda: answer(samples.STORED))
    [result] = store.talk.run(lambda it: it.set_stock(stocks((BLACK_M, 1))))
    assert result.ok
    assert len(store.writes) == 1


@pytest.mark.parametrize("status", ["SALE", "SUSPENSION", "WAIT"])
def test_stock_of_other_listings_leaves_their_status_alone(status: str):
    store = Store(origin(statusType=status))
    store.talk.run(lambda it: it.set_stock(stocks((BLACK_M, 1))))
    assert len(store.writes) == 1


def test_standard_options_have_no_price_to_send():
    rows = [{"id": 5, "stockQuantity": 4, "usable": True}, {"id": 6, "stockQuantity": 1}]
    store = Store(origin(rows, "optionStandards"))
    store.talk.run(lambda it: it.set_stock(stocks((OptionKey(NUMBER, "5"), 9))))
    assert store.writes[0][1]["optionInfo"] == {
        "useStockManagement": True,
        "optionStandards": [
            {"id": 5, "stockQuantity": 9, "usable": True},
            {"id": 6, "stockQuantity": 1, "usable": True},
        ],
    }


@pytest.mark.parametrize("stock", [-1, 100_000_000])
def test_stock_that_naver_would_not_take_is_refused_here(stock: int):
    store = Store(origin())
    results = store.talk.run(lambda it: it.set_stock(stocks((BLACK_M, stock), (WHITE_M, 5))))
    assert [(it.ok, it.code) for it in results] == [(False, "refused_here"), (True, "")]
    assert rows_of(store.writes[0][1])[40000000001]["stockQuantity"] == 20


@pytest.mark.parametrize("number", ["0", "1", "40000000001 "])
def test_option_that_is_not_there_is_refused_here(number: str):
    store = Store(origin())
    [result] = store.talk.run(lambda it: it.set_stock(stocks((OptionKey(NUMBER, number), 1))))
    assert (result.ok, result.code) == (False, "refused_here")
    assert store.writes == []


@pytest.mark.parametrize("number", ["", "..", "1/2", "한", "１", "1\n"])
def test_number_that_is_none_of_a_listing_is_refused_here(number: str):
    store = Store(origin())
    [result] = store.talk.run(lambda it: it.set_stock(stocks((OptionKey(number, "0"), 1))))
    assert (result.ok, result.code) == (False, "refused_here")
    assert store.talk.sent == []


# ── prices ─────────────────────────────────────────────────────────────────────────────────────
def test_price_of_an_option_is_its_surcharge_and_its_stock_stays():
    store = Store(origin())
    [result] = store.talk.run(lambda it: it.set_prices(prices((BLACK_XL, 33_000))))
    assert result.ok
    [(line, body)] = store.writes
    assert line == f"PUT {ORIGINS}/{NUMBER}/option-stock"
    assert body["productSalePrice"] == {"salePrice": 29_000}
    assert body["optionInfo"]["useStockManagement"] is True
    assert rows_of(body)[40000000002] == {
        "id": 40000000002,
        "stockQuantity": 15,
        "price": 4_000,
        "usable": True,
    }
    assert {row["price"] for no, row in rows_of(body).items() if no != 40000000002} == {0}


def test_price_without_options_is_a_multi_update_that_is_read_back():
    store = Store(plain())
    [result] = store.talk.run(lambda it: it.set_prices(prices((OptionKey(NUMBER, "0"), 15_900))))
    assert result.ok
    row = {
        "originProductNo": int(NUMBER),
        "multiUpdateTypes": ["SALE_PRICE"],
        "productSalePrice": {"salePrice": 15_900},
    }
    assert store.writes[0][1] == {"multiProductUpdateRequestVos": [row]}


def test_price_that_was_not_taken_is_lost():
    store = Store(plain(), is_deaf=True)
    [result] = store.talk.run(lambda it: it.set_prices(prices((OptionKey(NUMBER, "0"), 15_900))))
    assert (result.ok, result.is_lost) == (False, True)


def test_sale_price_moves_when_no_option_costs_it_any_more():
    store = Store(origin())
    wanted = prices((BLACK_M, 40_000), (BLACK_XL, 44_000), (WHITE_M, 40_000))
    assert all(it.ok for it in store.talk.run(lambda it: it.set_prices(wanted)))
    [(_, body)] = store.writes
    assert body["productSalePrice"] == {"salePrice": 40_000}
    assert [row["price"] for row in body["optionInfo"]["optionCombinations"]] == [0, 4_000, 0]


def test_prices_too_far_apart_are_refused_here():
    store = Store(origin())
    [result] = store.talk.run(lambda it: it.set_prices(prices((BLACK_XL, 99_000))))
    assert (result.ok, result.code) == (False, "refused_here")
    assert store.writes == []


@pytest.mark.parametrize("price", [0, -10, 15, 1_000_000_000])
def test_price_that_naver_would_not_take_is_refused_here(price: int):
    store = Store(plain())
    [result] = store.talk.run(lambda it: it.set_prices(prices((OptionKey(NUMBER, "0"), price))))
    assert (result.ok, result.code) == (False, "refused_here")
    assert store.writes == []


def test_price_write_leaves_unmanaged_stock_unmanaged():
    store = Store(origin(useStockManagement=False))
    store.talk.run(lambda it: it.set_prices(prices((BLACK_XL, 33_000))))
    assert store.writes[0][1]["optionInfo"]["useStockManagement"] is False
    store.talk.run(lambda it: it.set_stock(stocks((BLACK_XL, 3))))
    assert store.writes[1][1]["optionInfo"]["useStockManagement"] is True


STANDARDS = [{"id": 5, "stockQuantity": 4}, {"id": 6, "stockQuantity": 1}]


def test_standard_options_are_priced_together_by_the_sale_price():
    store = Store(origin(STANDARDS, "optionStandards"))
    wanted = prices((OptionKey(NUMBER, "5"), 9_000), (OptionKey(NUMBER, "6"), 9_000))
    assert all(it.ok for it in store.talk.run(lambda it: it.set_prices(wanted)))
    [row] = store.writes[0][1]["multiProductUpdateRequestVos"]
    assert row["productSalePrice"] == {"salePrice": 9_000}


@pytest.mark.parametrize("wanted", [{"5": 9_000}, {"5": 9_000, "6": 8_000}], ids=["some", "apart"])
def test_standard_options_cannot_be_priced_apart(wanted: dict[str, int]):
    store = Store(origin(STANDARDS, "optionStandards"))
    asked_for = prices(*((OptionKey(NUMBER, no), price) for no, price in wanted.items()))
    results = store.talk.run(lambda it: it.set_prices(asked_for))
    assert {it.code for it in results} == {"refused_here"}
    assert store.writes == []


@pytest.mark.parametrize(
    ("base", "surcharge", "fits"),
    [
        (1_990, 0, True),
        (1_990, 1_990, True),
        (1_990, 2_000, False),
        (1_990, -10, False),
        (2_000, -1_000, True),
        (2_000, -1_010, False),
        (9_990, 9_990, True),
        (9_990, 10_000, False),
        (10_000, 5_000, True),
        (10_000, 5_010, False),
        (10_000, -5_000, True),
        (10_000, -5_010, False),
    ],
)
def test_surcharges_that_the_seller_centre_takes(base: int, surcharge: int, fits: bool):
    """Beside an option that costs `base`; the other way round may do where this does not."""
    assert changes.fits(base, surcharge) is fits


@settings(deadline=None, max_examples=100)
@given(
    wanted=st.lists(st.integers(1, 5_000).map(lambda it: it * 10), min_size=3, max_size=3),
)
def test_whatever_is_written_costs_what_was_asked_and_keeps_the_rules(wanted: list[int]):
    store = Store(origin())
    results = store.talk.run(lambda it: it.set_prices(prices(*zip(ALL, wanted, strict=True))))
    if not results[0].ok:
        assert store.writes == []
        return
    [(_, body)] = store.writes
    base = body["productSalePrice"]["salePrice"]
    surcharges = [row["price"] for row in body["optionInfo"]["optionCombinations"]]
    assert [base + it for it in surcharges] == wanted
    assert 0 in surcharges
    low, high = (0, 1) if base < 2_000 else (-0.5, 1) if base < 10_000 else (-0.5, 0.5)
    assert all(low * base <= it <= high * base for it in surcharges)


# ── stop and resume ────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("status", ["SALE", "OUTOFSTOCK", "WAIT"])
def test_whole_listing_is_stopped_by_its_status(status: str):
    store = Store(origin(statusType=status))
    assert all(it.ok for it in store.talk.run(lambda it: it.set_on_sale(ALL, False)))
    assert store.writes == [(f"PUT {ORIGINS}/{NUMBER}/change-status", {"statusType": "SUSPENSION"})]


@pytest.mark.parametrize("status", ["SUSPENSION", "CLOSE", "PROHIBITION", "REJECTION"])
def test_listing_that_is_not_sold_is_stopped_already(status: str):
    store = Store(origin(statusType=status))
    assert all(it.ok for it in store.talk.run(lambda it: it.set_on_sale(ALL, False)))
    assert store.writes == []


def test_whole_listing_is_resumed_by_its_status_alone():
    store = Store(origin(statusType="SUSPENSION"))
    assert all(it.ok for it in store.talk.run(lambda it: it.set_on_sale(ALL, True)))
    assert store.writes == [(f"PUT {ORIGINS}/{NUMBER}/change-status", {"statusType": "SALE"})]


@pytest.mark.parametrize("status", ["WAIT", "UNADMISSION", "REJECTION", "CLOSE", "PROHIBITION"])
def test_listing_that_cannot_be_resumed_is_refused_here(status: str):
    store = Store(origin(statusType=status))
    results = store.talk.run(lambda it: it.set_on_sale(ALL, True))
    assert {it.code for it in results} == {"refused_here"}
    assert store.writes == []


def usable(body: Any) -> dict[int, bool]:
    return {no: row["usable"] for no, row in rows_of(body).items()}


def test_one_option_is_stopped_by_its_flag_with_every_row_in_full():
    store = Store(origin())
    assert store.talk.run(lambda it: it.set_on_sale([BLACK_XL], False))[0].ok
    [(line, body)] = store.writes
    assert line == f"PUT {ORIGINS}/{NUMBER}/option-stock"
    assert usable(body) == {40000000001: True, 40000000002: False, 40000000003: True}
    assert [row["stockQuantity"] for row in rows_of(body).values()] == [20, 15, 0]
    assert [row["price"] for row in rows_of(body).values()] == [0, 2_000, 0]


def test_option_that_is_on_sale_is_not_written_again():
    store = Store(origin())
    assert store.talk.run(lambda it: it.set_on_sale([BLACK_XL], True))[0].ok
    assert store.writes == []


def test_resuming_one_option_of_a_stopped_listing_does_not_resume_the_others():
    store = Store(origin(statusType="SUSPENSION"))
    assert store.talk.run(lambda it: it.set_on_sale([BLACK_XL], True))[0].ok
    [(_, body), (line, status)] = store.writes
    assert usable(body) == {40000000001: False, 40000000002: True, 40000000003: False}
    assert (line, status) == (f"PUT {ORIGINS}/{NUMBER}/change-status", {"statusType": "SALE"})


@pytest.mark.parametrize(("is_on", "status"), [(True, "SALE"), (False, "SUSPENSION")])
def test_listing_without_options_is_stopped_and_resumed(is_on: bool, status: str):
    store = Store(plain(statusType="SUSPENSION" if is_on else "SALE"))
    assert store.talk.run(lambda it: it.set_on_sale([OptionKey(NUMBER, "0")], is_on))[0].ok
    assert [body for _, body in store.writes] == [{"statusType": status}]


# ── answers of listing writes ──────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("said", LOST, ids=LOST_IDS)
def test_lost_answer_of_a_listing_is_reported_and_nothing_sent_again(said: Said):
    store = Store(origin(), said)
    results = store.talk.run(lambda it: it.set_stock(stocks((BLACK_M, 1), (WHITE_M, 2))))
    assert [(it.ok, it.code, it.is_lost) for it in results] == [(False, "lost", True)] * 2
    assert len(store.writes) == 1


def test_write_that_cannot_be_read_back_is_lost():
    details = iter([answer(plain()), *[gateway("GW.TIMEOUT.01", 504)] * 9])
    talk = Talk(lambda it: next(details) if it.method == "GET" else answer(samples.STATUS_CHANGED))
    [result] = talk.run(lambda it: it.set_stock(stocks((OptionKey(NUMBER, "0"), 1))))
    assert (result.ok, result.is_lost) == (False, True)


def test_listing_that_cannot_be_read_is_not_written():
    talk = Talk(lambda _: gateway("GW.TIMEOUT.01", 504), waits_s=WAITS)
    [result] = talk.run(lambda it: it.set_stock(stocks((BLACK_M, 1))))
    assert (result.ok, result.code, result.is_lost) == (False, "unavailable", False)
    assert {it.method for it in talk.sent} == {"GET"}


def test_refusal_of_one_listing_does_not_keep_back_the_other():
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return answer(origin())
        refused = {"code": "BAD_REQUEST", "message": "옵션 구성이 일치하지 않습니다."}
        is_bad = f"/{NUMBER}/" in request.url.path
        return answer(refused, 400) if is_bad else answer(samples.STORED)

    talk = Talk(handler)
    other = OptionKey("2", BLACK_M.option_no)
    results = talk.run(lambda it: it.set_stock(stocks((BLACK_M, 1), (other, 1))))
    assert [(it.key, it.ok, it.code) for it in results] == [
        (BLACK_M, False, "BAD_REQUEST"),
        (other, True, ""),
    ]


def test_denial_of_listings_is_raised_after_the_first():
    talk = Talk(lambda _: gateway("GW.AUTHZ", 403), concurrency=1)
    wanted = stocks(*((OptionKey(str(n), "0"), 1) for n in range(20)))
    with pytest.raises(MarketDenied):
        talk.run(lambda it: it.set_stock(wanted))
    assert len(talk.sent) == 1


def test_denial_after_a_write_is_told_beside_it():
    denied = gateway("GW.IP_NOT_ALLOWED", 403)

    def handler(request: httpx.Request) -> httpx.Response:
        if f"/{NUMBER}" in request.url.path:
            return answer(origin() if request.method == "GET" else samples.STORED)
        return denied

    talk = Talk(handler, concurrency=1)
    wanted = stocks((BLACK_M, 1), *((OptionKey(str(n), "0"), 1) for n in range(5)))
    results = talk.run(lambda it: it.set_stock(wanted))
    assert [it.code for it in results] == [""] + ["denied"] * 5
    assert len(talk.sent) == 3
