"""Naver's lines: what leaves, and what the page's answers become (naver.md §5.1-5.5, §6)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from erp_assets.clock import KST
from erp_assets.errors import MarketRejected
from erp_assets.markets.naver import Naver
from erp_assets.records import (
    Batch,
    Claim,
    ClaimKind,
    ClaimStatus,
    LineKey,
    LineStatus,
    Order,
    OrderLine,
)
from erp_assets_tests.markets import naver_samples as samples
from erp_assets_tests.markets.naver_samples import (
    LINES,
    Talk,
    answer,
    asked,
    by_path,
    detail,
    details,
    gateway,
    params,
)

SINCE = datetime(2026, 5, 11, tzinfo=KST)
UNTIL = datetime(2026, 5, 12, tzinfo=KST)
ORDER_NO, LINE_NO = "2026051120593131", "2026051122442301"


def kst(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST)


def day(client: Naver):
    return client.orders(SINCE, UNTIL)


def feed(
    *numbers: str, more: tuple[str, str] | None = None, **changes: object
) -> dict[str, object]:
    """Write a page of the feed."""
    rows = [
        {"productOrderId": no, "lastChangedDate": "2026-05-11T22:05:26.000+09:00"} | changes
        for no in numbers
    ]
    data: dict[str, object] = {"lastChangeStatuses": rows, "count": len(rows)}
    if more:
        data["more"] = {"moreFrom": more[0], "moreSequence": more[1]}
    return {"data": data}


def shown(*rows: object) -> Talk:
    """Answer a feed of the lines with these details."""
    numbers = [row["productOrder"]["productOrderId"] for row in rows]
    return Talk(by_path({"last-changed-statuses": feed(*numbers), "query": {"data": rows}}))


def read(**changes: object) -> Batch:
    return shown(detail(**changes)).batch(day)


# ── ping ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Date": "Wed, 25 Feb 2026 03:00:31 GMT"}, datetime(2026, 2, 25, 3, 0, 31, tzinfo=UTC)),
        ({"Date": "yesterday"}, None),
        ({}, None),
    ],
    ids=["clock", "no clock", "none"],
)
def test_ping_asks_for_the_account(headers: dict[str, str], told: datetime | None):
    account = {"accountId": "shop", "accountUid": "ncp_1", "grade": "1"}
    talk = Talk(lambda _: answer(account, **headers))
    assert talk.run(Naver.ping) == told
    assert talk.lines == ["GET /external/v1/seller/account"]
    assert talk.sent[0].content == b""


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://api.commerce.naver.com/external", "/external/v1/seller/account"),
        ("http://localhost:1", "/external/v1/seller/account"),
        ("http://localhost:1/", "/external/v1/seller/account"),
        ("http://localhost:1/naver/external", "/naver/external/v1/seller/account"),
    ],
    ids=["market", "host", "slash", "below"],
)
def test_base_url_may_leave_out_external(base_url: str, path: str):
    talk = Talk(lambda _: answer({"accountId": "shop"}), base_url=base_url)
    talk.run(Naver.ping)
    assert talk.lines == [f"GET {path}"]
    assert talk.granted[0].url.path == path.replace("seller/account", "oauth2/token")


# ── the change feed ────────────────────────────────────────────────────────────────────────────
def test_feed_is_asked_for_with_milliseconds_and_an_encoded_offset():
    talk = Talk(lambda _: answer(samples.FEED_NOTHING))
    talk.batches(day)
    [request] = talk.sent
    assert request.method == "GET"
    assert request.url.raw_path.decode() == (
        f"{LINES}/last-changed-statuses"
        "?lastChangedFrom=2026-05-11T00%3A00%3A00.000%2B09%3A00"
        "&lastChangedTo=2026-05-11T23%3A59%3A59.999%2B09%3A00&limitCount=300"
    )
    assert request.content == b""


def test_period_given_in_utc_leaves_in_korean_time():
    talk = Talk(lambda _: answer(samples.FEED_NOTHING))
    talk.batches(lambda it: it.orders(SINCE.astimezone(UTC), UNTIL.astimezone(UTC)))
    assert params(talk.sent[0])["lastChangedFrom"] == "2026-05-11T00:00:00.000+09:00"


def test_end_in_the_future_is_cut_to_now():
    now = kst("2026-05-11T10:20:30.123456")
    talk = Talk(lambda _: answer(samples.FEED_NOTHING), now=lambda: now)
    batches = talk.batches(day)
    assert params(talk.sent[0])["lastChangedTo"] == "2026-05-11T10:20:30.123+09:00"
    assert [it.complete_until for it in batches] == [now]


def test_span_that_has_not_begun_asks_nothing():
    talk = Talk(lambda _: answer(samples.FEED_NOTHING), now=lambda: SINCE)
    assert talk.batches(day) == []
    assert (talk.sent, talk.granted) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        samples.FEED_NOTHING,
        {"data": None},
        {"data": {}},
        {"data": {"lastChangeStatuses": [], "count": 0}},
        {"data": {"lastChangeStatuses": None, "more": None}},
    ],
    ids=["no data", "null", "empty", "no rows", "null rows"],
)
def test_nothing_changed_is_a_complete_answer(body: object):
    talk = Talk(lambda _: answer(body))
    assert talk.batches(day) == [Batch(complete_until=UNTIL)]
    assert len(talk.sent) == 1


def test_more_is_followed_by_both_its_halves_to_the_same_end():
    talk = Talk(
        lambda it: (
            details(it)
            if it.method == "POST"
            else answer(samples.FEED_NOTHING if "moreSequence" in params(it) else samples.FEED)
        )
    )
    found = talk.batch(day)
    first, second = (params(it) for it in talk.sent if it.method == "GET")
    assert second == first | {
        "lastChangedFrom": "2022-05-11T22:05:27.000+09:00",
        "moreSequence": "2022051122443341",
    }
    assert [it.line_no for it in found.lines] == ["2022051122441251", "2022051122442301"]


def test_details_of_a_page_are_asked_for_with_partial_claims():
    talk = shown(detail("1"), detail("2"))
    talk.batch(day)
    request = talk.sent[1]
    assert talk.lines[1] == f"POST {LINES}/query"
    assert request.headers["content-type"] == "application/json"
    assert asked(request) == {"productOrderIds": ["1", "2"], "quantityClaimCompatibility": True}


def test_claims_follow_the_feed_too_and_ask_only_for_lines_with_one():
    rows = [
        {"productOrderId": "1", "lastChangedType": "PAYED"},
        {"productOrderId": "2", "lastChangedType": "DISPATCHED", "claimType": "RETURN"},
        {"productOrderId": "3", "lastChangedType": "CLAIM_COMPLETED"},
        {"productOrderId": "4", "lastChangedType": "CLAIM_REJECTED"},
    ]
    body = {"data": {"lastChangeStatuses": rows}}
    talk = Talk(by_path({"last-changed-statuses": body, "query": details}))
    found = talk.batch(lambda it: it.claims(SINCE, UNTIL))
    assert asked(talk.sent[1])["productOrderIds"] == ["2", "3", "4"]
    assert len(found.claims) == 3


# ── details ────────────────────────────────────────────────────────────────────────────────────
def test_line_of_the_page_becomes_these_records():
    talk = Talk(by_path({"last-changed-statuses": feed(LINE_NO), "query": samples.DETAILS}))
    found = talk.batch(day)
    ordered_at = kst("2026-05-11T20:58:30")
    assert found.rejected == []
    assert found.orders == [
        Order(ORDER_NO, ordered_at, kst("2026-05-11T20:59:01"), "홍길동", "010-0000-0000")
    ]
    assert found.lines == [
        OrderLine(
            order_no=ORDER_NO,
            line_no=LINE_NO,
            ordered_at=ordered_at,
            status=LineStatus.SHIPPED,
            market_status="DELIVERING",
            product_no="9000000101",
            product_name="면 반팔 티셔츠",
            quantity=2,
            unit_price=31_000,
            amount=62_000,
            option_no="40000000002",
            option_name="색상: 블랙 / 사이즈: XL",
            seller_code="TS-001-BK-XL",
            held_quantity=1,
            cancelled_quantity=0,
            seller_discount=6_000,
            market_discount=0,
            shipment_no="2026051163600001",
            shipping_fee=3_000,
            ship_by=kst("2026-05-14T23:59:59"),
            carrier="CJGLS",
            invoice_no="600000000001",
            confirmed_at=kst("2026-05-12T09:00:00"),
            shipped_at=kst("2026-05-12T15:00:00"),
            receiver_name="홍길동",
            receiver_phone="010-0000-0000",
            postcode="04500",
            address="서울특별시 중구 세종대로 1 101동 101호",
            delivery_note="문 앞에 놓아주세요",
        )
    ]
    assert found.claims == [
        Claim(
            claim_no="2026051500000001",
            order_no=ORDER_NO,
            line_no=LINE_NO,
            kind=ClaimKind.RETURN,
            status=ClaimStatus.REQUESTED,
            market_status="RETURN_REQUEST",
            quantity=1,
            requested_at=kst("2026-05-15T10:00:00"),
            reason_code="INTENT_CHANGED",
            reason="단순 변심",
            product_no="9000000101",
            option_no="40000000002",
        )
    ]
    [document] = found.documents
    assert (document.kind, document.document_no) == ("orders", LINE_NO)
    assert samples.sample(document.body) == samples.sample(samples.DETAILS)["data"][0]


@pytest.mark.parametrize(
    ("status", "place", "expected"),
    [
        ("PAYMENT_WAITING", "NOT_YET", LineStatus.UNPAID),
        ("PAYED", "NOT_YET", LineStatus.NEW),
        ("PAYED", "CANCEL", LineStatus.NEW),
        ("PAYED", None, LineStatus.NEW),
        ("PAYED", "OK", LineStatus.CONFIRMED),
        ("DELIVERING", "OK", LineStatus.SHIPPED),
        ("DELIVERED", "OK", LineStatus.DELIVERED),
        ("PURCHASE_DECIDED", "OK", LineStatus.COMPLETED),
        ("EXCHANGED", "OK", LineStatus.EXCHANGED),
        ("CANCELED", "NOT_YET", LineStatus.CANCELLED),
        ("RETURNED", "OK", LineStatus.RETURNED),
        ("CANCELED_BY_NOPAYMENT", "NOT_YET", LineStatus.CANCELLED),
    ],
)
def test_state_of_a_line(status: str, place: str | None, expected: LineStatus):
    [line] = read(productOrderStatus=status, placeOrderStatus=place).lines
    assert (line.status, line.market_status) == (expected, status)


@pytest.mark.parametrize(
    ("status", "quantity", "initial", "remain", "expected"),
    [
        ("PAYED", 5, 5, 5, (5, 0)),
        ("PAYED", 5, 5, 3, (5, 2)),
        ("PAYED", 3, 5, 3, (5, 2)),
        ("PAYED", 5, None, None, (5, 0)),
        ("PAYED", 5, None, 4, (5, 1)),
        ("CANCELED", 5, 5, 0, (5, 5)),
        ("CANCELED", 5, None, None, (5, 5)),
        ("RETURNED", 5, 5, 5, (5, 5)),
    ],
)
def test_pieces_bought_and_gone(
    status: str, quantity: int, initial: int | None, remain: int | None, expected: tuple[int, int]
):
    changes = {"quantity": quantity, "initialQuantity": initial, "remainQuantity": remain}
    [line] = read(productOrderStatus=status, **changes).lines
    assert (line.quantity, line.cancelled_quantity) == expected
    assert line.amount == line.unit_price * expected[0]


@pytest.mark.parametrize(
    ("number", "option_no"),
    [(None, "0"), ("9000500101", "0"), ("9000000101", "0"), ("40000000009", "40000000009")],
    ids=["absent", "channel", "origin", "option"],
)
def test_option_of_a_line(number: str | None, option_no: str):
    [line] = read(optionCode=number, itemNo=None).lines
    assert line.option_no == option_no


def test_line_with_nothing_but_what_is_needed():
    part = {
        "productOrderId": "1",
        "productOrderStatus": "PAYED",
        "productId": "9000500101",
        "productName": "선물",
        "quantity": 1,
        "unitPrice": 1_000,
    }
    order = {"orderId": "9", "orderDate": "2026-05-11T20:58:30.000+09:00"}
    [line] = shown({"order": order, "productOrder": part}).batch(day).lines
    assert (line.product_no, line.option_no, line.amount) == ("9000500101", "0", 1_000)
    assert (line.seller_discount, line.invoice_no, line.receiver_name) == (None, None, None)


def test_keys_of_a_later_edition_are_no_obstacle():
    row = detail(superDangolYn="Y") | {"unknown": {"deep": [1]}, "return": None}
    assert len(shown(row).batch(day).lines) == 1


def test_rows_in_another_order_are_told_apart_by_number():
    talk = Talk(
        by_path(
            {
                "last-changed-statuses": feed("1", "2"),
                "query": {"data": [detail("2"), detail("1"), detail("2")]},
            }
        )
    )
    found = talk.batch(day)
    assert sorted(line.line_no for line in found.lines) == ["1", "2"]
    assert found.rejected == []


@pytest.mark.parametrize("answers", [2, 1], ids=["left out for good", "left out once"])
def test_line_that_is_left_out_is_asked_for_again_and_then_reported(answers: int):
    left_out = iter(range(answers))

    def query(request: httpx.Request) -> httpx.Response:
        numbers = asked(request)["productOrderIds"]
        kept = [no for no in numbers if no != "2" or next(left_out, None) is None]
        return answer({"data": [detail(no) for no in kept]})

    talk = Talk(by_path({"last-changed-statuses": feed("1", "2", "3"), "query": query}))
    found = talk.batch(day)
    assert [asked(it)["productOrderIds"] for it in talk.sent[1:]] == [["1", "2", "3"], ["2"]]
    if answers == 1:
        assert {line.line_no for line in found.lines} == {"1", "2", "3"}
        assert found.rejected == []
    else:
        assert {line.line_no for line in found.lines} == {"1", "3"}
        assert [(it.document_no, it.kind) for it in found.rejected] == [("2", "orders")]


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}], ids=["none", "null", "empty"])
def test_query_without_data_shows_no_line(body: object):
    talk = Talk(by_path({"last-changed-statuses": feed("1"), "query": body}))
    assert [it.document_no for it in talk.batch(day).rejected] == ["1"]


# ── claims ─────────────────────────────────────────────────────────────────────────────────────
def claim(status: str, **changes: object) -> dict[str, object]:
    return {
        "claimId": "C1",
        "claimStatus": status,
        "claimRequestDate": "2026-05-15T10:00:00.000+09:00",
        "requestQuantity": 1,
    } | changes


def claimed(**parts: object) -> Batch:
    row = detail(quantity=5, initialQuantity=5, remainQuantity=4)
    del row["currentClaim"]
    for name in ("claimType", "claimStatus", "claimId"):
        row["productOrder"].pop(name)
    row["productOrder"] |= parts.pop("line", {})
    return shown(row | parts).batch(lambda it: it.orders(SINCE, UNTIL))


@pytest.mark.parametrize(
    ("key", "status", "kind", "expected"),
    [
        ("cancel", "CANCEL_REQUEST", ClaimKind.CANCEL, ClaimStatus.REQUESTED),
        ("cancel", "CANCELING", ClaimKind.CANCEL, ClaimStatus.IN_PROGRESS),
        ("cancel", "CANCEL_DONE", ClaimKind.CANCEL, ClaimStatus.DONE),
        ("cancel", "CANCEL_REJECT", ClaimKind.CANCEL, ClaimStatus.WITHDRAWN),
        ("cancel", "ADMIN_CANCELING", ClaimKind.CANCEL, ClaimStatus.IN_PROGRESS),
        ("cancel", "ADMIN_CANCEL_DONE", ClaimKind.CANCEL, ClaimStatus.DONE),
        ("cancel", "ADMIN_CANCEL_REJECT", ClaimKind.CANCEL, ClaimStatus.REJECTED),
        ("return", "RETURN_REQUEST", ClaimKind.RETURN, ClaimStatus.REQUESTED),
        ("return", "COLLECTING", ClaimKind.RETURN, ClaimStatus.IN_PROGRESS),
        ("return", "COLLECT_DONE", ClaimKind.RETURN, ClaimStatus.IN_PROGRESS),
        ("return", "RETURN_DONE", ClaimKind.RETURN, ClaimStatus.DONE),
        ("return", "RETURN_REJECT", ClaimKind.RETURN, ClaimStatus.REJECTED),
        ("exchange", "EXCHANGE_REQUEST", ClaimKind.EXCHANGE, ClaimStatus.REQUESTED),
        ("exchange", "COLLECT_DONE", ClaimKind.EXCHANGE, ClaimStatus.IN_PROGRESS),
        ("exchange", "EXCHANGE_REDELIVERING", ClaimKind.EXCHANGE, ClaimStatus.IN_PROGRESS),
        ("exchange", "EXCHANGE_DONE", ClaimKind.EXCHANGE, ClaimStatus.DONE),
        ("exchange", "EXCHANGE_REJECT", ClaimKind.EXCHANGE, ClaimStatus.REJECTED),
    ],
)
def test_claim_under_the_name_of_its_kind(
    key: str, status: str, kind: ClaimKind, expected: ClaimStatus
):
    reasons = {f"{key}Reason": "SOLD_OUT", f"{key}DetailedReason": "품절"}
    found = claimed(currentClaim={key: claim(status, **reasons)})
    [made], [line] = found.claims, found.lines
    assert (made.kind, made.status, made.market_status) == (kind, expected, status)
    assert (made.reason_code, made.reason, made.quantity) == ("SOLD_OUT", "품절", 1)
    is_open = expected in (ClaimStatus.REQUESTED, ClaimStatus.IN_PROGRESS)
    assert (line.held_quantity, line.cancelled_quantity) == (int(is_open), 1)


@pytest.mark.parametrize(
    ("type_", "status", "kind"),
    [
        ("CANCEL", "CANCEL_DONE", ClaimKind.CANCEL),
        ("ADMIN_CANCEL", "ADMIN_CANCEL_DONE", ClaimKind.CANCEL),
        ("RETURN", "RETURN_DONE", ClaimKind.RETURN),
        ("EXCHANGE", "EXCHANGE_DONE", ClaimKind.EXCHANGE),
    ],
)
def test_finished_claim(type_: str, status: str, kind: ClaimKind):
    part = claim(
        status,
        claimType=type_,
        claimRequestReason="WRONG_ORDER",
        claimRequestDetailContent="잘못 주문",
        claimCompleteOperationDate="2026-05-16T10:00:00.000+09:00",
    )
    [made] = claimed(completedClaims=[part]).claims
    assert (made.kind, made.status) == (kind, ClaimStatus.DONE)
    assert made.completed_at == kst("2026-05-16T10:00:00")
    assert (made.reason_code, made.reason) == ("WRONG_ORDER", "잘못 주문")


def test_holdback_of_a_purchase_takes_nothing_back():
    part = claim("PURCHASE_DECISION_HOLDBACK", claimType="PURCHASE_DECISION_HOLDBACK")
    line = {
        "claimType": "PURCHASE_DECISION_HOLDBACK",
        "claimStatus": "PURCHASE_DECISION_HOLDBACK_RELEASE",
    }
    found = claimed(completedClaims=[part], line=line)
    assert (found.claims, found.rejected) == ([], [])
    assert found.lines[0].held_quantity == 0


def test_partial_claims_of_a_line_are_all_told():
    done = claim("CANCEL_DONE", claimId="C0", claimType="CANCEL")
    found = claimed(
        completedClaims=[done],
        beforeClaim={"exchange": claim("EXCHANGE_REJECT", claimId="C1")},
        currentClaim={"return": claim("COLLECTING", claimId="C2", requestQuantity=3)},
    )
    assert [it.claim_no for it in found.claims] == ["C0", "C1", "C2"]
    [line] = found.lines
    assert (line.quantity, line.cancelled_quantity, line.held_quantity) == (5, 1, 3)


def test_open_claim_holds_what_is_left_when_only_the_line_tells_of_it():
    line = {"claimType": "ADMIN_CANCEL", "claimStatus": "ADMIN_CANCELING"}
    found = claimed(line=line)
    assert found.claims == []
    assert found.lines[0].held_quantity == 4


def test_claim_without_quantity_is_for_what_is_left():
    part = claim("RETURN_REQUEST")
    del part["requestQuantity"]
    [made] = claimed(currentClaim={"return": part}).claims
    assert made.quantity == 4


def test_deprecated_claim_beside_the_current_one_is_not_read():
    found = claimed(
        currentClaim={"return": claim("RETURN_REQUEST")}, cancel={"claimStatus": "no such thing"}
    )
    assert [it.kind for it in found.claims] == [ClaimKind.RETURN]


# ── by number ──────────────────────────────────────────────────────────────────────────────────
def test_order_is_read_by_its_lines():
    talk = Talk(by_path({"product-order-ids": samples.NUMBERS, "query": details}))
    found = talk.batch(lambda it: it.orders_by_no([ORDER_NO]))
    assert talk.lines == [
        f"GET /external/v1/pay-order/seller/orders/{ORDER_NO}/product-order-ids",
        f"POST {LINES}/query",
    ]
    assert talk.sent[0].url.query == b""
    assert [it.line_no for it in found.lines] == ["2026051122442301", "2026051122442311"]


def test_order_number_stays_inside_its_segment():
    talk = Talk(lambda _: answer({"data": []}))
    talk.batch(lambda it: it.orders_by_no(["1/../2?x=1\r\nA: b"]))
    assert talk.lines[0].endswith("/orders/1%2F..%2F2%3Fx%3D1%0D%0AA%3A%20b/product-order-ids")


@pytest.mark.parametrize("code", ["100001", "100003", "101009"])
def test_order_that_the_market_does_not_know_is_left_out(code: str):
    talk = Talk(lambda _: answer({"code": code, "message": "없음"}, 400))
    assert len(talk.batch(lambda it: it.orders_by_no(["1"]))) == 0


@pytest.mark.parametrize(
    "said",
    [
        lambda: answer({"code": "4000", "message": "error type.order.orderId"}, 400),
        lambda: answer({"code": "9999", "message": "기타"}, 400),
        lambda: gateway("GW.NOT_FOUND", 404),
    ],
    ids=["parameter", "other", "path"],
)
def test_order_that_is_refused_otherwise_is_reported_and_the_rest_read(
    said: Callable[[], httpx.Response],
):
    talk = Talk(
        by_path(
            {"/1/product-order-ids": lambda _: said(), "ids": samples.NUMBERS, "query": details}
        )
    )
    found = talk.batch(lambda it: it.orders_by_no(["1", ORDER_NO]))
    assert len(found.lines) == 2
    assert [(it.document_no, it.kind) for it in found.rejected] == [("1", "orders")]


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}], ids=["none", "null", "empty"])
def test_order_without_lines_asks_no_further(body: object):
    talk = Talk(lambda _: answer(body))
    assert len(talk.batch(lambda it: it.orders_by_no(["1"]))) == 0
    assert len(talk.sent) == 1


def test_lines_are_read_again_by_number_300_a_call():
    talk = Talk(by_path({"query": details}), concurrency=1)
    keys = [LineKey("1", str(n)) for n in range(601)] + [LineKey("1", "0")]
    found = talk.batch(lambda it: it.lines_again(keys))
    assert [len(asked(it)["productOrderIds"]) for it in talk.sent] == [300, 300, 1]
    assert [it.line_no for it in found.lines] == [str(n) for n in range(601)]


# ── the conditional search ─────────────────────────────────────────────────────────────────────
def test_search_is_asked_for_payments_of_a_day():
    talk = Talk(lambda _: answer(samples.SEARCH))
    assert talk.run(lambda it: it.line_keys(SINCE, UNTIL)) == {(ORDER_NO, LINE_NO)}
    [request] = talk.sent
    assert (request.method, request.url.path) == ("GET", LINES)
    assert params(request) == {
        "from": "2026-05-11T00:00:00.000+09:00",
        "to": "2026-05-11T23:59:59.999+09:00",
        "rangeType": "PAYED_DATETIME",
        "pageSize": "300",
        "page": "1",
        "quantityClaimCompatibility": "true",
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": {"contents": [], "pagination": {"hasNext": False}}},
        {"data": {}},
    ],
    ids=["no data", "null", "empty", "no pagination"],
)
def test_search_that_finds_nothing(body: object):
    talk = Talk(lambda _: answer(body))
    assert talk.run(lambda it: it.line_keys(SINCE, UNTIL)) == set()
    assert len(talk.sent) == 1


def test_search_over_days_stays_within_24_hours():
    talk = Talk(lambda _: answer({}))
    talk.run(lambda it: it.line_keys(SINCE, SINCE + timedelta(days=2, hours=1)))
    spans = [(params(it)["from"], params(it)["to"]) for it in talk.sent]
    assert spans == [
        ("2026-05-11T00:00:00.000+09:00", "2026-05-11T23:59:59.999+09:00"),
        ("2026-05-12T00:00:00.000+09:00", "2026-05-12T23:59:59.999+09:00"),
        ("2026-05-13T00:00:00.000+09:00", "2026-05-13T00:59:59.999+09:00"),
    ]


def test_period_that_is_too_long_is_a_rejection_with_its_code():
    talk = Talk(lambda _: answer(samples.PERIOD_TOO_LONG, 400), waits_s=(0, 0))
    with pytest.raises(MarketRejected, match="104139") as caught:
        talk.batches(day)
    assert caught.value.code == "104139"
    assert len(talk.sent) == 1
