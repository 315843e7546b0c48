"""11st's writes: sent once, most of them over GET (11st.md §4.3, §5, §6.5)."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from erp_assets.errors import MarketDenied
from erp_assets.records import Dispatch, LineKey, OptionKey, PriceChange, StockChange, WriteResult
from erp_assets_tests.markets import eleven_samples as samples
from erp_assets_tests.markets.eleven_samples import ORDER_NO, Talk, answer, by_path, leaves

LINE = leaves(samples.COMPLETE)
OTHER = leaves(samples.COMPLETE, 1)
FIRST, SECOND = LineKey(ORDER_NO, "1"), LineKey(ORDER_NO, "2")
SENT_AT = datetime(2026, 2, 26, 6, 12, tzinfo=UTC)
PARCEL = Dispatch(*FIRST, "00034", "6276-1444 3992", SENT_AT)
WRITES = ("reqpackaging", "reqdelivery", "stockqty", "/product/price/", "display/")


def written(talk: Talk) -> list[str]:
    """Return the paths of the calls that change something, without /rest."""
    return [path[5:] for path in talk.paths if any(name in path for name in WRITES)]


def state(code: str, line_no: str = "1") -> str:
    return samples.orders(
        leaves(samples.STATES) | {"ordPrdStat": code, "ordPrdSeq": line_no},
    )


def market(said: str | Callable[[], httpx.Response], **looked_up: str) -> Talk:
    """Answer look-ups as the samples do, writes as told."""
    reads = by_path(
        {
            "/ordservices/complete/": looked_up.get("order", samples.COMPLETE),
            "/orderlistall/": looked_up.get("states", samples.STATES),
            "/stck/4088296117": looked_up.get("stock", samples.STOCK_ONE),
            "/stck/2667099845": samples.STOCK_OPTIONS,
            "/prodmarketservice/prodmarket/": looked_up.get("listing", samples.LISTING),
        }
    )

    def handler(request: httpx.Request) -> httpx.Response:
        if any(name in request.url.path for name in WRITES):
            return answer(said) if isinstance(said, str) else said()
        return reads(request)

    return Talk(handler, waits_s=(0.0, 0.0))


def slow() -> httpx.Response:
    raise httpx.ReadTimeout("slow")


def unreachable() -> httpx.Response:
    raise httpx.ConnectError("no route")


# ── confirm ────────────────────────────────────────────────────────────────────────────────────
def test_confirm_names_the_line_and_its_shipment():
    talk = market(samples.CONFIRMED)
    results = talk.run(lambda it: it.confirm([FIRST]))
    assert results == [
        WriteResult(FIRST, ok=True, message="전체 1건이 정상적으로 발주처리가 되었습니다.")
    ]
    assert talk.paths == [
        f"/rest/ordservices/complete/{ORDER_NO}",
        f"/rest/ordservices/reqpackaging/{ORDER_NO}/1/N/null/2678260704",
    ]
    assert talk.sent[1].method == "GET"
    assert talk.sent[1].content == b""


def test_confirm_of_an_addition_names_its_main_listing():
    order = samples.orders(LINE | {"addPrdYn": "Y", "addPrdNo": "4088296117"})
    talk = market(samples.CONFIRMED, order=order)
    talk.run(lambda it: it.confirm([FIRST]))
    assert written(talk) == [f"/ordservices/reqpackaging/{ORDER_NO}/1/Y/4088296117/2678260704"]


def test_answer_called_result_is_one_of_confirm():
    said = samples.CONFIRMED.replace("ResultOrder", "result")
    assert market(said).run(lambda it: it.confirm([FIRST]))[0].ok


def test_lines_of_one_shipment_and_listing_are_confirmed_by_one_call():
    order = samples.orders(LINE, LINE | {"ordPrdSeq": "2"}, LINE | {"ordPrdSeq": "3", "prdNo": "9"})
    talk = market(samples.CONFIRMED, order=order)
    lines = [LineKey(ORDER_NO, number) for number in "123"]
    results = talk.run(lambda it: it.confirm(lines))
    assert [(it.key, it.ok) for it in results] == [(line, True) for line in lines]
    assert [path.split("/")[4] for path in written(talk)] == ["1", "3"]


@pytest.mark.parametrize(
    ("status", "ok", "sent"),
    [("301", True, 1), ("202", False, 2), ("B01", False, 2), ("X99", True, 1)],
    ids=["went along", "did not", "cancelled", "unknown"],
)
def test_line_that_did_not_go_along_is_confirmed_by_itself(status: str, ok: bool, sent: int):
    order = samples.orders(LINE, LINE | {"ordPrdSeq": "2"})
    said = iter([samples.CONFIRMED, samples.refusal("ResultOrder", "-3211", "취소된 건")])
    talk = market(lambda: answer(next(said)), order=order, states=state(status, "2"))
    results = talk.run(lambda it: it.confirm([FIRST, SECOND]))
    assert [(it.key, it.ok) for it in results] == [(FIRST, True), (SECOND, ok)]
    assert len(written(talk)) == sent


def test_lines_without_shipment_are_each_confirmed():
    order = samples.orders(LINE | {"dlvNo": ""}, LINE | {"dlvNo": "", "ordPrdSeq": "2"})
    talk = market(samples.CONFIRMED, order=order)
    assert all(it.ok for it in talk.run(lambda it: it.confirm([FIRST, SECOND])))
    assert len(written(talk)) == 2


def test_lost_confirmation_of_a_shipment_is_not_sent_for_its_other_line():
    order = samples.orders(LINE, LINE | {"ordPrdSeq": "2"})
    talk = market(slow, order=order)
    results = talk.run(lambda it: it.confirm([FIRST, SECOND]))
    assert [(it.key, it.is_lost) for it in results] == [(FIRST, True), (SECOND, True)]
    assert len(written(talk)) == 1


def test_line_that_is_refused_does_not_keep_back_the_other():
    order = samples.orders(LINE, LINE | {"ordPrdSeq": "2"})
    said = iter([samples.refusal("ResultOrder", "-3211", "취소된 건"), samples.CONFIRMED])
    talk = market(lambda: answer(next(said)), order=order)
    results = talk.run(lambda it: it.confirm([FIRST, SECOND]))
    assert [(it.ok, it.code) for it in results] == [(False, "-3211"), (True, "")]


@pytest.mark.parametrize(
    ("status", "ok"),
    [("202", False), ("301", True), ("401", True), ("901", True), ("601", False), ("B01", False)],
)
def test_confirmed_already_counts_once_the_line_is_seen_so(status: str, ok: bool):
    talk = market(samples.CONFIRMED_ALREADY, states=state(status))
    [result] = talk.run(lambda it: it.confirm([FIRST]))
    assert (result.ok, result.code) == (ok, "-3206")
    assert talk.paths[-1] == f"/rest/claimservice/orderlistall/{ORDER_NO}"
    assert len(written(talk)) == 1


@pytest.mark.parametrize("states", [samples.NOTHING_FOUND, samples.MAINTENANCE, state("X99")])
def test_confirmed_already_is_a_refusal_while_it_cannot_be_seen(states: str):
    [result] = market(samples.CONFIRMED_ALREADY, states=states).run(lambda it: it.confirm([FIRST]))
    assert (result.ok, result.code) == (False, "-3206")


CONFIRM_CODES = ("-3207", "-3210", "-3211", "-3214", "-1")
DISPATCH_CODES = ("-3301", "-3306", "-3307", "-3320", "-3310", "-3313", "-3311", "-3321", "-1")


@pytest.mark.parametrize("code", CONFIRM_CODES)
def test_refused_confirmation_keeps_the_code_and_words(code: str):
    said = samples.refusal("ResultOrder", code, "안 됩니다.")
    talk = market(said)
    [result] = talk.run(lambda it: it.confirm([FIRST]))
    assert result == WriteResult(FIRST, ok=False, code=code, message="안 됩니다.")
    assert len(written(talk)) == 1


def test_line_that_the_market_does_not_know_is_not_confirmed():
    talk = market(samples.CONFIRMED)
    results = talk.run(lambda it: it.confirm([LineKey(ORDER_NO, "9"), FIRST]))
    assert [(it.ok, it.code) for it in results] == [(False, "unknown"), (True, "")]
    assert len(written(talk)) == 1


def test_order_that_cannot_be_looked_up_is_not_confirmed():
    talk = market(samples.CONFIRMED, order=samples.MAINTENANCE)
    [result] = talk.run(lambda it: it.confirm([FIRST]))
    assert (result.ok, result.code, result.is_lost) == (False, "unavailable", False)
    assert written(talk) == []


# ── dispatch ───────────────────────────────────────────────────────────────────────────────────
def test_dispatch_names_only_the_line_and_strips_the_invoice():
    talk = market(samples.CONFIRMED.replace("발주", "발송"))
    [result] = talk.run(lambda it: it.dispatch([PARCEL]))
    assert result.ok
    assert talk.paths[-1] == (
        f"/rest/ordservices/reqdelivery/202602261512/01/00034/627614443992/2678260704/Y/{ORDER_NO}/1"
    )
    assert talk.sent[-1].method == "GET"


def test_lines_of_one_parcel_leave_together():
    talk = market(samples.CONFIRMED)
    both = [PARCEL._replace(line_no="2"), PARCEL]
    results = talk.run(lambda it: it.dispatch(both))
    assert [(it.key, it.ok) for it in results] == [(SECOND, True), (FIRST, True)]
    assert [path.rsplit("/", 1)[1] for path in written(talk)] == ["2,1"]


def test_lines_of_two_parcels_leave_apart():
    talk = market(samples.CONFIRMED)
    talk.run(lambda it: it.dispatch([PARCEL, PARCEL._replace(line_no="2", invoice_no="1")]))
    assert [path.split("/")[6] for path in written(talk)] == ["627614443992", "1"]


def test_line_named_twice_leaves_once():
    talk = market(samples.CONFIRMED)
    results = talk.run(lambda it: it.dispatch([PARCEL, PARCEL]))
    assert [(it.key, it.ok) for it in results] == [(FIRST, True)] * 2
    assert [path.rsplit("/", 1)[1] for path in written(talk)] == ["1"]


def test_line_in_two_parcels_leaves_in_the_first():
    talk = market(samples.CONFIRMED)
    both = [PARCEL._replace(invoice_no="1"), PARCEL._replace(invoice_no="2")]
    results = talk.run(lambda it: it.dispatch(both))
    assert [(it.ok, it.code) for it in results] == [(True, ""), (False, "refused_here")]
    assert [path.split("/")[6] for path in written(talk)] == ["1"]


def test_text_of_a_parcel_cannot_break_its_path():
    talk = market(samples.CONFIRMED)
    talk.run(lambda it: it.dispatch([PARCEL._replace(invoice_no="1/가?#")]))
    assert written(talk)[0].split("/")[6] == "1%2F%EA%B0%80%3F%23"


@pytest.mark.parametrize("dots", [".", "..", "..."])
def test_dots_of_a_parcel_take_no_segment_away(dots: str):
    talk = market(samples.CONFIRMED)
    talk.run(lambda it: it.dispatch([PARCEL._replace(carrier=dots, invoice_no=dots)]))
    [path] = written(talk)
    said = "%2E" * len(dots)
    assert path.endswith(f"/reqdelivery/202602261512/01/{said}/{said}/2678260704/Y/{ORDER_NO}/1")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"invoice_no": ""}, "1 to 15 characters"),
        ({"invoice_no": " - "}, "1 to 15 characters"),
        ({"invoice_no": "1" * 16}, "1 to 15 characters"),
        ({"carrier": ""}, "needs a carrier"),
    ],
    ids=["none", "only dashes", "long", "no carrier"],
)
def test_parcel_that_11st_would_refuse_is_refused_here(changes: dict[str, str], why: str):
    talk = market(samples.CONFIRMED)
    results = talk.run(
        lambda it: it.dispatch([PARCEL._replace(**changes), PARCEL._replace(line_no="2")])
    )
    assert [(it.key, it.ok, it.code) for it in results] == [
        (FIRST, False, "refused_here"),
        (SECOND, True, ""),
    ]
    assert why in results[0].message
    assert len(written(talk)) == 1


def test_line_without_shipment_is_not_dispatched():
    talk = market(samples.CONFIRMED, order=samples.orders(LINE | {"dlvNo": "null"}))
    [result] = talk.run(lambda it: it.dispatch([PARCEL]))
    assert result.code == "refused_here"
    assert written(talk) == []


@pytest.mark.parametrize("code", ["-3308", "-3309"])
@pytest.mark.parametrize(("status", "ok"), [("301", False), ("401", True), ("501", True)])
def test_dispatched_already_counts_once_the_line_is_seen_so(code: str, status: str, ok: bool):
    said = samples.refusal("ResultOrder", code, "이미 발송")
    [result] = market(said, states=state(status)).run(lambda it: it.dispatch([PARCEL]))
    assert (result.ok, result.code) == (ok, code)


@pytest.mark.parametrize(("status", "ok"), [("202", False), ("301", True), ("401", True)])
def test_confirmation_that_went_wrong_counts_once_the_line_is_seen_so(status: str, ok: bool):
    talk = market(samples.refusal("ResultOrder", "-3207", "오류"), states=state(status))
    [result] = talk.run(lambda it: it.confirm([FIRST]))
    assert (result.ok, result.code) == (ok, "-3207")
    assert len(written(talk)) == 1


@pytest.mark.parametrize(("status", "ok"), [("301", False), ("401", True)])
def test_dispatch_that_went_wrong_counts_once_the_line_is_seen_so(status: str, ok: bool):
    talk = market(samples.refusal("ResultOrder", "-3311", "오류"), states=state(status))
    [result] = talk.run(lambda it: it.dispatch([PARCEL]))
    assert (result.ok, result.code) == (ok, "-3311")
    assert len(written(talk)) == 1


@pytest.mark.parametrize("code", DISPATCH_CODES)
def test_refused_dispatch_keeps_the_code_and_words(code: str):
    talk = market(samples.refusal("ResultOrder", code, "안 됩니다."))
    [result] = talk.run(lambda it: it.dispatch([PARCEL]))
    assert result == WriteResult(FIRST, ok=False, code=code, message="안 됩니다.")


# ── answers that do not come ───────────────────────────────────────────────────────────────────
ONE = StockChange("4088296117", "16243384893", 300)
PRICE = PriceChange("4088296117", "16243384893", 20_000)
OPTION = OptionKey("4088296117", "16243384893")
EVERY_WRITE = pytest.mark.parametrize(
    "write",
    [
        lambda it: it.confirm([FIRST]),
        lambda it: it.dispatch([PARCEL]),
        lambda it: it.set_stock([ONE]),
        lambda it: it.set_prices([PRICE]),
        lambda it: it.set_on_sale([OPTION], on_sale=False),
    ],
    ids=["confirm", "dispatch", "stock", "price", "display"],
)


@EVERY_WRITE
@pytest.mark.parametrize(
    "said",
    [
        slow,
        lambda: httpx.Response(500, text="Internal Server Error"),
        lambda: httpx.Response(502),
        lambda: httpx.Response(200),
        lambda: answer("<ResultOrder><result_code>0"),
        lambda: answer("<ResultOrder></ResultOrder>"),
        lambda: answer("<html><body>점검</body></html>"),
        lambda: answer("<!DOCTYPE html><html><body>점검</body></html>"),
    ],
    ids=["slow", "500", "502", "empty", "cut", "no code", "page", "page with doctype"],
)
def test_write_whose_answer_is_lost_is_sent_once_and_said_to_be_lost(write, said):
    talk = market(said)
    [result] = talk.run(write)
    assert (result.ok, result.code, result.is_lost) == (False, "lost", True)
    assert len(written(talk)) == 1


@EVERY_WRITE
def test_write_that_never_left_is_not_lost(write):
    [result] = market(unreachable).run(write)
    assert (result.ok, result.code, result.is_lost) == (False, "unavailable", False)


@EVERY_WRITE
@pytest.mark.parametrize("envelope", ["ResultOrder", "ClientMessage"])
def test_maintenance_proves_that_nothing_was_done(write, envelope: str):
    talk = market(samples.refusal(envelope, "-1000", "서버 점검중입니다."))
    [result] = talk.run(write)
    assert (result.ok, result.code, result.is_lost) == (False, "unavailable", False)
    assert len(written(talk)) == 1


@EVERY_WRITE
@pytest.mark.parametrize(
    "said",
    [
        lambda: answer(samples.ADDRESS_REFUSED, 500),
        lambda: httpx.Response(401),
        lambda: answer(
            samples.refusal("ResultOrder", "-1", "OpenAPI Key 에 해당하는 유저가 없습니다.")
        ),
        lambda: answer(samples.PRICE_KEY_UNKNOWN),
    ],
    ids=["address", "401", "action", "product"],
)
def test_write_of_a_denied_account_stops_everything(write, said):
    talk = market(said)
    with pytest.raises(MarketDenied):
        talk.run(write)
    assert len(written(talk)) == 1


@EVERY_WRITE
def test_busy_market_gets_the_write_again(write):
    said = iter([httpx.Response(429), httpx.Response(429)])
    talk = market(lambda: next(said, None) or answer(samples.refusal("r", "200", "")))
    talk.run(write)
    assert len(written(talk)) == 3


@EVERY_WRITE
def test_refusal_by_status_keeps_it(write):
    [result] = market(lambda: httpx.Response(400)).run(write)
    assert (result.ok, result.code, result.is_lost) == (False, "400", False)


def test_no_log_tells_an_invoice_or_the_key(caplog: pytest.LogCaptureFixture):
    with caplog.at_level("INFO"):
        market(samples.CONFIRMED).run(lambda it: it.dispatch([PARCEL]))
    assert "627614443992" not in caplog.text
    assert samples.KEY not in caplog.text


@EVERY_WRITE
def test_result_of_a_lost_write_tells_neither_key_nor_invoice(write):
    [result] = market(slow).run(write)
    assert "627614443992" not in result.message
    assert samples.KEY not in result.message


# ── stock ──────────────────────────────────────────────────────────────────────────────────────
def test_stock_is_put_with_the_weight_that_was_read():
    talk = market(samples.STOCK_SET, stock=samples.STOCK_ONE.replace("<optWght>0", "<optWght>11"))
    results = talk.run(lambda it: it.set_stock([ONE]))
    assert [(it.key, it.ok) for it in results] == [(OPTION, True)]
    assert "변경된 수량 : 300" in results[0].message
    assert [request.method for request in talk.sent] == ["GET", "PUT"]
    assert talk.paths == [
        "/rest/prodmarketservice/prodmarket/stck/4088296117",
        "/rest/prodservices/stockqty/16243384893",
    ]
    assert talk.sent[1].headers["content-type"] == "text/xml; charset=EUC-KR"
    assert talk.sent[1].content == (
        b'<?xml version="1.0" encoding="EUC-KR"?><ProductStock><prdNo>4088296117</prdNo>'
        b"<prdStckNo>16243384893</prdStckNo><stckQty>300</stckQty><optWght>11</optWght>"
        b"</ProductStock>"
    )


def test_weight_outside_euc_kr_leaves_as_a_reference():
    stock = samples.STOCK_ONE.replace("<optWght>0<", "<optWght>&#128512;뷁<")
    talk = market(samples.STOCK_SET, stock=stock)
    talk.run(lambda it: it.set_stock([ONE]))
    assert "<optWght>&#128512;뷁</optWght>".encode("cp949") in talk.sent[-1].content


def test_body_of_the_documented_write_is_sent_to_the_byte():
    talk = market(samples.STOCK_SET)
    talk.run(lambda it: it.set_stock([ONE]))
    assert talk.sent[1].content == (
        b'<?xml version="1.0" encoding="EUC-KR"?><ProductStock><prdNo>4088296117</prdNo>'
        b"<prdStckNo>16243384893</prdStckNo><stckQty>300</stckQty><optWght>0</optWght>"
        b"</ProductStock>"
    )


SMALL, LARGE = OptionKey("2667099845", "9910872978"), OptionKey("2667099845", "9910872979")


def test_results_come_in_the_order_of_the_changes():
    talk = market(samples.STOCK_SET)
    changes = [
        StockChange(*LARGE, 1),
        ONE,
        StockChange(*SMALL, 2),
        StockChange("4088296117", "7", 3),
    ]
    results = talk.run(lambda it: it.set_stock(changes))
    assert [(it.key, it.ok, it.code) for it in results] == [
        (LARGE, True, ""),
        (OPTION, True, ""),
        (SMALL, True, ""),
        (("4088296117", "7"), False, "unknown"),
    ]
    assert sum("/stck/" in path for path in talk.paths) == 2
    assert len(written(talk)) == 3


@pytest.mark.parametrize("stock", [-1, 1_000_000])
def test_stock_out_of_range_is_refused_here(stock: int):
    talk = market(samples.STOCK_SET)
    [result] = talk.run(lambda it: it.set_stock([ONE._replace(stock=stock)]))
    assert (result.ok, result.code) == (False, "refused_here")
    assert written(talk) == []


@pytest.mark.parametrize("stock", [0, 999_999])
def test_stock_at_the_ends_of_its_range_is_sent(stock: int):
    [result] = market(samples.STOCK_SET).run(lambda it: it.set_stock([ONE._replace(stock=stock)]))
    assert result.ok


@pytest.mark.parametrize("code", ["400", "404", "500"])
def test_refused_stock_keeps_the_code_and_words(code: str):
    said = samples.refusal("ClientMessage", code, "수량 업데이트 실패.")
    [result] = market(said).run(lambda it: it.set_stock([ONE]))
    assert result == WriteResult(OPTION, ok=False, code=code, message="수량 업데이트 실패.")


@pytest.mark.parametrize(
    ("stock", "code"),
    [
        (samples.MAINTENANCE, "unavailable"),
        (samples.refusal("ClientMessage", "404", "없는 상품"), "404"),
        ("<ns2:ProductStocks><message>없는 상품</message></ns2:ProductStocks>", "unknown"),
        (samples.STOCK_ONE.replace("<addPrc>0", "<addPrc>x"), "unavailable"),
    ],
    ids=["maintenance", "refused", "no rows", "bad row"],
)
def test_nothing_is_written_to_a_listing_whose_stock_cannot_be_read(stock: str, code: str):
    talk = market(samples.STOCK_SET, stock=stock)
    results = talk.run(lambda it: it.set_stock([ONE, StockChange(*SMALL, 2)]))
    assert [(it.ok, it.code) for it in results] == [(False, code), (True, "")]
    assert len(written(talk)) == 1


# ── price ──────────────────────────────────────────────────────────────────────────────────────
def test_price_leaves_over_get_after_the_present_one_was_read():
    talk = market(samples.PRICE_SET)
    results = talk.run(lambda it: it.set_prices([PRICE]))
    assert [(it.key, it.ok) for it in results] == [(OPTION, True)]
    assert {request.method for request in talk.sent} == {"GET"}
    assert talk.paths == [
        "/rest/prodmarketservice/prodmarket/stck/4088296117",
        "/rest/prodmarketservice/prodmarket/4088296117",
        "/rest/prodservices/product/price/4088296117/20000",
    ]


SHIRT = samples.LISTING.replace("4088296117", "2667099845")


def test_price_of_options_is_that_of_the_listing_and_their_surcharges():
    talk = market(samples.PRICE_SET, listing=SHIRT)
    both = [PriceChange(*LARGE, 21_000), PriceChange(*SMALL, 20_000)]
    results = talk.run(lambda it: it.set_prices(both))
    assert [(it.key, it.ok) for it in results] == [(LARGE, True), (SMALL, True)]
    assert written(talk) == ["/prodservices/product/price/2667099845/20000"]


@pytest.mark.parametrize(
    "changes",
    [
        [PriceChange(*SMALL, 20_000)],
        [PriceChange(*SMALL, 20_000), PriceChange(*LARGE, 20_000)],
    ],
    ids=["one of two", "other distances"],
)
def test_price_of_a_part_of_a_listing_is_refused_here(changes: list[PriceChange]):
    talk = market(samples.PRICE_SET, listing=SHIRT)
    results = talk.run(lambda it: it.set_prices(changes))
    assert {(it.ok, it.code) for it in results} == {(False, "refused_here")}
    assert "one price per listing" in results[0].message
    assert written(talk) == []


@pytest.mark.parametrize(
    ("present", "price", "ok"),
    [
        (19_000, 19_005, False),
        (19_000, 0, False),
        (19_000, -10, False),
        (19_000, 28_500, True),
        (19_000, 28_510, False),
        (19_000, 3_800, True),
        (19_000, 3_790, False),
        (999_999_990, 999_999_990, True),
        (999_999_990, 1_000_000_000, False),
    ],
    ids=[
        "not in tens",
        "zero",
        "negative",
        "half more",
        "more than half more",
        "80 % less",
        "more than 80 % less",
        "highest",
        "too high",
    ],
)
def test_price_that_the_rules_forbid_is_refused_here(present: int, price: int, ok: bool):
    listing = samples.LISTING.replace("<selPrc>19000", f"<selPrc>{present}")
    talk = market(samples.PRICE_SET, listing=listing)
    [result] = talk.run(lambda it: it.set_prices([PRICE._replace(price=price)]))
    assert (result.ok, result.code) == (ok, "" if ok else "refused_here")
    assert len(written(talk)) == ok


@pytest.mark.parametrize(
    ("listing", "code"),
    [
        (samples.LISTING_UNKNOWN, "404"),
        (samples.LISTING.replace("<prdNo>4088296117", "<prdNo>1"), "404"),
        (samples.LISTING.replace("<selPrc>19000", "<selPrc>?"), "unavailable"),
        (samples.LISTING[:-30], "unavailable"),
        (samples.MAINTENANCE, "unavailable"),
        (samples.refusal("ClientMessage", "-1000", "서버 점검중입니다."), "unavailable"),
    ],
    ids=["unknown", "another", "no price", "cut", "maintenance", "maintenance of products"],
)
def test_price_is_not_sent_when_the_present_one_cannot_be_read(listing: str, code: str):
    talk = market(samples.PRICE_SET, listing=listing)
    [result] = talk.run(lambda it: it.set_prices([PRICE]))
    assert (result.ok, result.code) == (False, code)
    assert written(talk) == []


def test_price_of_a_denied_account_stops_everything():
    said = "<Product><message>OpenAPI Key 에 해당하는 유저가 없습니다.</message></Product>"
    talk = market(samples.PRICE_SET, listing=said)
    with pytest.raises(MarketDenied):
        talk.run(lambda it: it.set_prices([PRICE]))


@pytest.mark.parametrize(
    "page",
    ["<!DOCTYPE html><html><body>린넨</body></html>", "<!ENTITY x>", "<html>"],
    ids=["document", "entity", "html"],
)
def test_page_inside_a_listing_does_not_hinder_its_price(page: str):
    listing = samples.LISTING.replace("<p>상세 설명 <b>린넨</b></p>", page)
    assert page in listing
    [result] = market(samples.PRICE_SET, listing=listing).run(lambda it: it.set_prices([PRICE]))
    assert result.ok


# ── display ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("on_sale", "action"), [(False, "stopdisplay"), (True, "restartdisplay")], ids=["stop", "start"]
)
def test_display_is_put_without_body(on_sale: bool, action: str):
    talk = market(samples.DISPLAY_SET)
    results = talk.run(lambda it: it.set_on_sale([OPTION], on_sale))
    assert results == [
        WriteResult(OPTION, ok=True, message="판매상태가 수정되었습니다. [STAT : 105]")
    ]
    assert (talk.sent[-1].method, talk.sent[-1].content) == ("PUT", b"")
    assert talk.paths[-1] == f"/rest/prodstatservice/stat/{action}/4088296117"


def test_display_of_a_listing_with_all_its_options_is_one_call():
    talk = market(samples.DISPLAY_SET)
    results = talk.run(lambda it: it.set_on_sale([LARGE, SMALL], on_sale=False))
    assert [(it.key, it.ok) for it in results] == [(LARGE, True), (SMALL, True)]
    assert len(written(talk)) == 1


def test_display_of_a_part_of_a_listing_is_refused_here():
    talk = market(samples.DISPLAY_SET)
    [result] = talk.run(lambda it: it.set_on_sale([SMALL], on_sale=False))
    assert (result.ok, result.code) == (False, "refused_here")
    assert written(talk) == []


def test_refused_display_keeps_the_words_of_the_market():
    [result] = market(samples.DISPLAY_UNKNOWN).run(
        lambda it: it.set_on_sale([OPTION], on_sale=True)
    )
    assert (result.ok, result.code) == (False, "500")
    assert result.message.startswith("해당 상품의 정보를 찾을 수 없습니다.")


@pytest.mark.parametrize("name", ["confirm", "dispatch", "set_stock", "set_prices"])
def test_write_of_nothing_sends_nothing(name: str):
    talk = market(samples.CONFIRMED)
    assert talk.run(lambda it: getattr(it, name)([])) == []
    assert talk.sent == []
