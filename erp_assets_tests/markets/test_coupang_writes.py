"""Coupang's writes: sent once, judged box by box and option by option (coupang.md §4.7-4.9, §6)."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from erp_assets.errors import MarketDenied
from erp_assets.markets.coupang import Coupang
from erp_assets.records import Dispatch, LineKey, OptionKey, PriceChange, StockChange, WriteResult
from erp_assets_tests.markets import coupang_samples as samples
from erp_assets_tests.markets.coupang_samples import (
    OPEN,
    SELLER,
    VENDOR,
    Talk,
    answer,
    changed,
    refusal,
    sold,
)

V4 = f"{OPEN}/v4/vendors/{VENDOR}"
ITEM = f"{SELLER}/vendor-items/3000000000"
SENT_AT = datetime(2026, 3, 1, 6, tzinfo=UTC)
KEY = OptionKey("1", "3000000000")
STOCK = StockChange(*KEY, 300)
PRICE = PriceChange(*KEY, 40_000)
FIRST, SECOND = LineKey("9", "102391542-1"), LineKey("9", "102391599-2")
PARCELS = [
    Dispatch("4000019469460", "606920263-3823839899", "CJGLS", "2018-0731 040123", SENT_AT),
    Dispatch("4000019469460", "606920263-3834780191", "CJGLS", "20180731040123", SENT_AT),
]
DONE = {"code": "SUCCESS", "message": "판매가 재개되었습니다."}


def market(said: object, inventory: object = samples.INVENTORY, **options: object) -> Talk:
    """Answer writes as told (a body, or what makes a response), look-ups of options as given."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return inventory if isinstance(inventory, httpx.Response) else answer(inventory)
        return said() if callable(said) else answer(said)

    return Talk(handler, **options)  # type: ignore[arg-type]


def written(talk: Talk) -> list[str]:
    return [line for line in talk.lines if not line.startswith("GET")]


def verdict(box: object, code: str = "OK") -> dict[str, object]:
    ok = code == "OK"
    text = "request succeeded." if ok else "안 됩니다."
    return {
        "shipmentBoxId": box,
        "succeed": ok,
        "resultCode": code,
        "retryRequired": not ok,
        "resultMessage": text,
    }


def verdicts(code: object, *boxes: dict[str, object], text: str = "?") -> dict[str, object]:
    data = {"responseCode": code, "responseMessage": text, "responseList": list(boxes)}
    return {"code": "200", "message": "OK", "data": data}


def slow() -> httpx.Response:
    raise httpx.ReadTimeout("slow")


# ── confirm ────────────────────────────────────────────────────────────────────────────────────
def test_confirm_sends_the_documented_body_and_reads_each_verdict():
    talk = market(samples.ACKNOWLEDGED)
    results = talk.run(lambda it: it.confirm([FIRST, SECOND]))
    assert talk.lines == [f"PUT {V4}/ordersheets/acknowledgement"]
    assert talk.bodies == [samples.ACK_BODY]
    assert talk.sent[0].headers["content-type"] == "application/json;charset=UTF-8"
    assert results == [
        WriteResult(FIRST, ok=True, code="OK", message="request succeeded."),
        WriteResult(
            SECOND,
            ok=False,
            code="NOT_FOUND_SHIPMENT_BOX",
            message="shipmentBoxId (102391599) is not found.",
        ),
    ]


def test_box_is_confirmed_once_for_all_of_its_lines():
    talk = market(verdicts(0, verdict(7)))
    lines = [LineKey("9", "7-1"), LineKey("9", "7-2"), LineKey("9", "7-1")]
    results = talk.run(lambda it: it.confirm(lines))
    assert talk.bodies[0]["shipmentBoxIds"] == [7]
    assert [(it.key, it.ok) for it in results] == [(line, True) for line in lines]


@pytest.mark.parametrize(
    ("count", "calls"), [(0, []), (1, [1]), (50, [50]), (51, [50, 1]), (120, [50, 50, 20])]
)
def test_fifty_boxes_leave_at_once(count: int, calls: list[int]):
    talk = market(verdicts(0))
    lines = [LineKey("9", f"{n + 1}-1") for n in range(count)]
    results = talk.run(lambda it: it.confirm(lines))
    sent = [body["shipmentBoxIds"] for body in talk.bodies]
    assert [len(boxes) for boxes in sent] == calls
    assert [box for boxes in sent for box in boxes] == list(range(1, count + 1))
    assert [it.key for it in results] == lines
    assert all(it.ok for it in results)


def test_lost_answer_of_one_call_leaves_the_others():
    script = iter([slow, lambda: answer(verdicts(0))])
    talk = market(lambda: next(script)())
    lines = [LineKey("9", f"{n + 1}-1") for n in range(51)]
    results = talk.run(lambda it: it.confirm(lines))
    assert [(it.ok, it.is_lost) for it in results] == [(False, True)] * 50 + [(True, False)]
    assert len(talk.sent) == 2


@pytest.mark.parametrize(
    ("said", "ok", "code"),
    [
        (verdicts(0), True, "0"),
        (verdicts("0"), True, "0"),
        (verdicts(1, verdict(5)), False, "1"),
        (verdicts(99), False, "99"),
        (verdicts(-1), False, "-1"),
        (changed(verdicts(99), {"data.responseList": None}), False, "99"),
        (changed(verdicts(0), {"data.responseList": ...}), True, "0"),
    ],
    ids=["all", "all as text", "some", "none", "nothing", "no list", "list absent"],
)
def test_box_that_the_verdicts_leave_out_is_good_only_if_all_are(said, ok: bool, code: str):
    [result] = market(said).run(lambda it: it.confirm([FIRST]))
    assert (result.ok, result.code, result.is_lost) == (ok, code, False)


def test_all_failed_is_still_http_200():
    text = "배송상태를 변경할 수 없습니다. 주문내역을 확인해주세요."
    said = verdicts(99, verdict(102391542, "INVALID_STATUS"), text=text)
    [result] = market(said).run(lambda it: it.confirm([FIRST]))
    assert (result.ok, result.code, result.message) == (False, "INVALID_STATUS", "안 됩니다.")


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: [it]], ids=["object", "array"])
@pytest.mark.parametrize("box", [102391542, "102391542"], ids=["number", "text"])
def test_verdicts_come_in_either_form(wrap, box: object):
    said = verdicts(0, verdict(box))
    said["data"] = wrap(said["data"])
    [result] = market(said).run(lambda it: it.confirm([FIRST]))
    assert (result.ok, result.code) == (True, "OK")


@pytest.mark.parametrize(
    "line_no",
    ["", "7", "7-", "-1", "a-1", "7-b", "7_1", "٣-1", "7-1-2", "1\r\n-2", "9" * 50 + "-1"],
)
def test_line_that_is_none_of_coupangs_never_leaves(line_no: str):
    talk = market(verdicts(0))
    odd = LineKey("9", line_no)
    results = talk.run(lambda it: it.confirm([odd, FIRST]))
    assert [(it.key, it.ok, it.code) for it in results] == [
        (odd, False, "refused_here"),
        (FIRST, True, "0"),
    ]
    assert talk.bodies[0]["shipmentBoxIds"] == [102391542]


# ── dispatch ───────────────────────────────────────────────────────────────────────────────────
def test_dispatch_sends_the_documented_body():
    talk = market(samples.INVOICED)
    results = talk.run(lambda it: it.dispatch(PARCELS))
    assert talk.lines == [f"POST {V4}/orders/invoices"]
    assert talk.bodies == [samples.INVOICE_BODY]
    assert results == [WriteResult(it[:2], ok=True, code="OK") for it in PARCELS]


def test_types_of_the_body_are_those_of_the_table():
    talk = market(samples.INVOICED)
    talk.run(lambda it: it.dispatch(PARCELS))
    for name in (b"shipmentBoxId", b"orderId", b"vendorItemId"):
        assert b'"' + name + b'":"' not in talk.sent[0].content.replace(b" ", b"")
    dto = talk.bodies[0]["orderSheetInvoiceApplyDtos"][0]
    assert [type(dto[name]) for name in ("invoiceNumber", "splitShipping")] == [str, bool]


def test_verdict_of_a_box_holds_for_its_lines_and_for_no_other():
    parcels = [
        PARCELS[0]._replace(line_no=line)
        for line in ("606920263-1", "606920264-1", "606920264-2", "606920265-1")
    ]
    results = market(samples.INVOICED_PARTLY).run(lambda it: it.dispatch(parcels))
    assert [(it.ok, it.code) for it in results] == [
        (True, "OK"),
        (False, "INVALID_STATUS"),
        (False, "INVALID_STATUS"),
        (False, "DUPLICATE_INVOICE_NUMBER"),
    ]
    assert results[3].message == "이미 저장된 송장번호가 있습니다."


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"invoice_no": ""}, "an invoice number"),
        ({"invoice_no": " - "}, "an invoice number"),
        ({"carrier": ""}, "a carrier"),
        ({"order_no": "A-1"}, "is no orderId"),
        ({"line_no": "x"}, "is not <shipmentBoxId>"),
    ],
    ids=["no invoice", "dashes", "no carrier", "order", "line"],
)
def test_parcel_that_coupang_would_refuse_never_leaves(changes: dict[str, str], why: str):
    talk = market(verdicts(0))
    bad = PARCELS[0]._replace(**changes)
    good = PARCELS[0]._replace(line_no="8-1")
    results = talk.run(lambda it: it.dispatch([bad, good]))
    assert [(it.key, it.ok, it.code) for it in results] == [
        (bad[:2], False, "refused_here"),
        (good[:2], True, "0"),
    ]
    assert why in results[0].message
    assert len(talk.bodies[0]["orderSheetInvoiceApplyDtos"]) == 1


@pytest.mark.parametrize("changes", [{"invoice_no": "2"}, {"carrier": "HANJIN"}])
def test_box_with_two_parcels_never_leaves(changes: dict[str, str]):
    talk = market(verdicts(0))
    results = talk.run(lambda it: it.dispatch([PARCELS[0], PARCELS[1]._replace(**changes)]))
    assert [it.code for it in results] == ["refused_here"] * 2
    assert talk.sent == []


def test_invoice_keeps_its_letters_and_zeros():
    talk = market(verdicts(0))
    talk.run(lambda it: it.dispatch([PARCELS[0]._replace(invoice_no="00EE-123 456\tKR")]))
    assert talk.bodies[0]["orderSheetInvoiceApplyDtos"][0]["invoiceNumber"] == "00EE123456KR"


def test_text_of_a_parcel_stays_text():
    talk = market(verdicts(0))
    evil = "'; DROP TABLE x;--\"\r\nX-Evil: 1"
    talk.run(lambda it: it.dispatch([PARCELS[0]._replace(carrier=evil)]))
    assert talk.bodies[0]["orderSheetInvoiceApplyDtos"][0]["deliveryCompanyCode"] == evil
    assert "x-evil" not in talk.sent[0].headers


# ── stock, price, sale ─────────────────────────────────────────────────────────────────────────
def test_stock_is_put_into_the_path_without_a_body():
    talk = market(samples.STOCK_SET)
    results = talk.run(lambda it: it.set_stock([STOCK]))
    assert talk.lines == [f"PUT {ITEM}/quantities/300"]
    assert talk.sent[0].content == b""
    assert results == [WriteResult(KEY, ok=True, message="재고 변경을 완료했습니다.")]


@pytest.mark.parametrize("stock", [0, 99_999])
def test_stock_at_the_ends_of_its_range_is_sent(stock: int):
    talk = market(samples.STOCK_SET)
    assert talk.run(lambda it: it.set_stock([STOCK._replace(stock=stock)]))[0].ok
    assert talk.lines == [f"PUT {ITEM}/quantities/{stock}"]


@pytest.mark.parametrize("stock", [-1, 100_000])
def test_stock_out_of_range_never_leaves(stock: int):
    talk = market(samples.STOCK_SET)
    [result] = talk.run(lambda it: it.set_stock([STOCK._replace(stock=stock)]))
    assert (result.ok, result.code) == (False, "refused_here")
    assert talk.sent == []


@pytest.mark.parametrize("said", samples.STOCK_REFUSALS, ids=["quantity", "deleted", "not found"])
@pytest.mark.parametrize(("status", "code"), [(400, "400"), (200, "ERROR")])
def test_refused_stock_keeps_the_words_and_spares_the_others(said, status: int, code: str):
    script = iter([answer(said, status), answer(samples.STOCK_SET)])
    talk = market(lambda: next(script), concurrency=1)
    other = StockChange("1", "5", 1)
    results = talk.run(lambda it: it.set_stock([STOCK, other]))
    assert [(it.key, it.ok, it.code) for it in results] == [
        (KEY, False, code),
        (("1", "5"), True, ""),
    ]
    assert said["message"] in results[0].message


def test_results_come_in_the_order_of_the_changes():
    talk = market(samples.STOCK_SET)
    changes = [StockChange("1", str(n), n) for n in (9, 3, 7, 1, 5)]
    results = talk.run(lambda it: it.set_stock(changes))
    assert [it.key for it in results] == [it[:2] for it in changes]
    assert sorted(talk.lines) == sorted(
        f"PUT {SELLER}/vendor-items/{n}/quantities/{n}" for n in (9, 3, 7, 1, 5)
    )


def test_price_leaves_after_the_present_one_was_read():
    talk = market(samples.PRICE_SET)
    results = talk.run(lambda it: it.set_prices([PRICE]))
    assert talk.lines == [f"GET {ITEM}/inventories", f"PUT {ITEM}/prices/40000"]
    assert talk.sent[1].content == b""
    assert results == [WriteResult(KEY, ok=True, message="가격 변경을 완료했습니다.")]


@pytest.mark.parametrize(
    ("price", "ok"),
    [
        (15_990, False),
        (16_000, True),
        (32_000, True),
        (64_000, True),
        (64_010, False),
        (32_001, False),
        (32_005, False),
        (0, False),
        (-10, False),
    ],
)
def test_price_within_half_and_double_of_the_present_32000_is_sent(price: int, ok: bool):
    talk = market(samples.PRICE_SET)
    [result] = talk.run(lambda it: it.set_prices([PRICE._replace(price=price)]))
    assert (result.ok, result.code) == (ok, "" if ok else "refused_here")
    assert written(talk) == ([f"PUT {ITEM}/prices/{price}"] if ok else [])


@pytest.mark.parametrize(
    ("inventory", "code"),
    [
        (answer(refusal("유효한 옵션이 없습니다:[vendorItemId=3***0]"), 400), "400"),
        (answer(b"", 503), "unavailable"),
        (sold(samples.OFFER | {"salePrice": None}), "refused_here"),
        (sold(samples.OFFER | {"salePrice": -1}), "refused_here"),
        (sold(samples.OFFER | {"sellerItemId": 4}), "refused_here"),
        (sold(None), "refused_here"),
    ],
    ids=["unknown", "down", "no price", "negative", "other option", "no data"],
)
def test_price_is_not_written_over_one_that_cannot_be_read(inventory, code: str):
    talk = market(samples.PRICE_SET, inventory)
    [result] = talk.run(lambda it: it.set_prices([PRICE]))
    assert (result.ok, result.code, result.is_lost) == (False, code, False)
    assert written(talk) == []


@pytest.mark.parametrize(
    "text",
    [
        "가격변경에 실패했습니다. [옵션ID[3572784698] : 판매가 변경이 불가능합니다. "
        "변경전 판매가의 최대 50% 인하/최대 100%인상까지 변경가능합니다.]",
        "자동생성옵션의 가격을 직접 수정할 수 없습니다.",
    ],
)
def test_refused_price_keeps_the_words(text: str):
    talk = market(lambda: answer(refusal(text), 400))
    [result] = talk.run(lambda it: it.set_prices([PRICE]))
    assert (result.ok, result.code) == (False, "400")
    assert text in result.message


@pytest.mark.parametrize(("on_sale", "action"), [(True, "resume"), (False, "stop")])
def test_sale_of_an_option_stops_and_resumes(on_sale: bool, action: str):
    talk = market(DONE)
    results = talk.run(lambda it: it.set_on_sale([KEY], on_sale=on_sale))
    assert talk.lines == [f"PUT {ITEM}/sales/{action}"]
    assert talk.sent[0].content == b""
    assert results == [WriteResult(KEY, ok=True, message="판매가 재개되었습니다.")]


# ── answers that do not come ───────────────────────────────────────────────────────────────────
def confirm(client: Coupang):
    return client.confirm([FIRST])


def dispatch(client: Coupang):
    return client.dispatch(PARCELS[:1])


def stock(client: Coupang):
    return client.set_stock([STOCK])


def price(client: Coupang):
    return client.set_prices([PRICE])


def stop(client: Coupang):
    return client.set_on_sale([KEY], on_sale=False)


EVERY_WRITE = pytest.mark.parametrize("write", [confirm, dispatch, stock, price, stop])
WAITS = {"waits_s": (0.0, 0.0)}


@EVERY_WRITE
@pytest.mark.parametrize(
    "said",
    [
        slow,
        lambda: answer(refusal("Request timed out"), 504),
        lambda: answer(refusal("connection timed out"), 521),
        lambda: answer(b"", 412),
        lambda: answer(b"", 500),
        lambda: answer(b"", 302),
        lambda: answer(b""),
        lambda: answer(b'{"code":"SUC'),
        lambda: answer(b"<html><body>maintenance</body></html>"),
        lambda: answer({"message": "?"}),
        lambda: answer({"code": 500, "message": "?", "data": None}),
    ],
    ids=[
        "slow",
        "504",
        "521",
        "412",
        "500",
        "redirect",
        "empty",
        "cut",
        "page",
        "no code",
        "500 inside 200",
    ],
)
def test_write_whose_answer_is_lost_is_sent_once_and_said_to_be_lost(
    write, said: Callable[[], httpx.Response]
):
    talk = market(said, **WAITS)
    [result] = talk.run(write)
    assert (result.ok, result.code, result.is_lost) == (False, "lost", True)
    assert len(written(talk)) == 1
    assert samples.SECRET not in result.message


@pytest.mark.parametrize("write", [confirm, dispatch])
@pytest.mark.parametrize("data", [None, {}, [], "x"], ids=["null", "bare", "empty", "text"])
def test_boxes_without_verdicts_are_lost(write, data: object):
    [result] = market({"code": "200", "message": "OK", "data": data}).run(write)
    assert (result.ok, result.is_lost) == (False, True)


@EVERY_WRITE
def test_write_that_never_left_is_not_lost(write):
    def unreachable() -> httpx.Response:
        raise httpx.ConnectError("no route")

    [result] = market(unreachable).run(write)
    assert (result.ok, result.code, result.is_lost) == (False, "unavailable", False)


@EVERY_WRITE
@pytest.mark.parametrize(
    "said",
    [
        lambda: answer(samples.EXPIRED, 401),
        lambda: answer(samples.ADDRESS, 403),
        lambda: answer(samples.BLOCKED, 403),
        lambda: answer(samples.FOREIGN, 400),
        lambda: answer(b"", 423),
    ],
    ids=["401", "address", "edge", "vendor", "423"],
)
def test_write_of_a_denied_account_stops_everything(write, said):
    talk = market(said, **WAITS)
    with pytest.raises(MarketDenied):
        talk.run(write)
    assert len(written(talk)) == 1


@EVERY_WRITE
def test_busy_market_gets_the_write_again(write):
    script = iter([httpx.Response(429), httpx.Response(429, headers={"Retry-After": "3"})])
    good = {"code": "SUCCESS", "message": "", "data": {"responseCode": 0}}
    talk = market(lambda: next(script, None) or answer(good), **WAITS)
    [result] = talk.run(write)
    assert (result.ok, result.is_lost) == (True, False)
    assert len(written(talk)) == 3


@pytest.mark.parametrize(
    "write",
    [
        lambda it: it.set_stock([StockChange("1", str(n), n) for n in range(1, 200)]),
        lambda it: it.confirm([LineKey("9", f"{n}-1") for n in range(1, 200)]),
    ],
    ids=["stock", "confirm"],
)
def test_block_is_not_hammered_on_by_the_items_that_follow(write):
    talk = market(lambda: httpx.Response(429), waits_s=(0.0,), concurrency=1)
    results = talk.run(write)
    assert len(results) == 199
    assert {(it.ok, it.code, it.is_lost) for it in results} == {(False, "unavailable", False)}
    assert len(talk.sent) == 2


@EVERY_WRITE
@pytest.mark.parametrize(("status", "code"), [(400, "400"), (404, "404"), (200, "FAIL")])
def test_refusal_keeps_its_code_and_is_not_repeated(write, status: int, code: str):
    talk = market(lambda: answer(refusal("안 됩니다.", "FAIL"), status), **WAITS)
    [result] = talk.run(write)
    assert (result.ok, result.code, result.is_lost) == (False, code, False)
    assert "안 됩니다." in result.message
    assert len(written(talk)) == 1


@pytest.mark.parametrize("text", ["..", ".", "", "1/../2", "x", "1\r\nX: y", "٣"])
@pytest.mark.parametrize(
    "write",
    [
        lambda it, key: it.set_stock([StockChange(*key, 1)]),
        lambda it, key: it.set_prices([PriceChange(*key, 10)]),
        lambda it, key: it.set_on_sale([key], on_sale=True),
    ],
    ids=["stock", "price", "sale"],
)
def test_option_that_would_name_another_path_never_leaves(write, text: str):
    talk = market(DONE)
    [result] = talk.run(lambda it: write(it, OptionKey("1", text)))
    assert (result.ok, result.code) == (False, "refused_here")
    assert talk.sent == []


def test_message_of_the_market_is_kept_in_one_line():
    said = {"code": "SUCCESS", "message": "a\r\nb\u0000c", "data": None}
    assert market(said).run(stock)[0].message == "a bc"
