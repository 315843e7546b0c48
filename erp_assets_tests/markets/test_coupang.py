"""Coupang's reads: what leaves, and what its documented answers become (coupang.md)."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from erp_assets.errors import BadPayload, SettingsError
from erp_assets.markets.coupang import Coupang
from erp_assets.markets.coupang.auth import Signature, signature, signed_date
from erp_assets.records import (
    Claim,
    ClaimKind,
    ClaimStatus,
    ClaimUpdate,
    LineKey,
    LineStatus,
    LineUpdate,
    Offer,
    Option,
    OptionKey,
    Order,
    OrderLine,
    Product,
    ProductStatus,
)
from erp_assets_tests.markets import coupang_samples as samples
from erp_assets_tests.markets.coupang_samples import (
    ACCESS,
    OPEN,
    RECEIPT,
    SECRET,
    SELLER,
    SHEET,
    VENDOR,
    Talk,
    answer,
    by_target,
    changed,
    kst,
    listed,
    one,
    sold,
)

SINCE, UNTIL = kst("2026-02-27T00:00:00"), kst("2026-03-02T00:00:00")
SIGNED_AT = datetime(2026, 3, 1, 9, 30, 15, tzinfo=UTC)
STAMP = "260301T093015Z"
STATUSES = ("ACCEPT", "INSTRUCT", "DEPARTURE", "DELIVERING", "FINAL_DELIVERY", "NONE_TRACKING")
SHEETS = f"{OPEN}/v5/vendors/{VENDOR}/ordersheets"
RETURNS = f"{OPEN}/v6/vendors/{VENDOR}/returnRequests"
V4 = f"{OPEN}/v4/vendors/{VENDOR}"


def days(client: Coupang):
    return client.orders(SINCE, UNTIL)


def claims_of_days(client: Coupang):
    return client.claims(SINCE, UNTIL)


def listing(client: Coupang):
    return client.products()


# ── the signature: test vectors of §1.3 ────────────────────────────────────────────────────────
VECTORS = {
    "V1": (
        "GET",
        f"{SELLER}/vendor-items/3000000000/inventories",
        "a764152129dfe052df0fd98bc044ce5789ce97444f04aa3e30b1b0636d2082e3",
    ),
    "V2": (
        "GET",
        f"{SHEETS}?createdAtFrom=2026-02-27%2B09:00&createdAtTo=2026-03-01%2B09:00"
        "&maxPerPage=50&status=INSTRUCT",
        "5a282fbb455e1a4aa7c7534eca8d55c03bb4bb75dbcb083658518b5b73fb9285",
    ),
    "V2'": (
        "GET",
        f"{SHEETS}?createdAtFrom=2026-02-27%2B09%3A00&createdAtTo=2026-03-01%2B09%3A00"
        "&maxPerPage=50&status=INSTRUCT",
        "62a22a8835d2b1b8a0cc83a7ea75b9e33a9e2fffed490f3d28d0593acb7ab025",
    ),
    "V3": (
        "GET",
        f"{SELLER}/seller-products?vendorId=A00012345&nextToken=1&maxPerPage=100"
        "&sellerProductName=%EC%9B%90%ED%94%BC%EC%8A%A4+%EC%84%B8%ED%8A%B8&status=APPROVED",
        "6cff58c73e316f0aa0b24ada8beb225506e13591cdc941dd508407b9be433655",
    ),
    "V4": (
        "PUT",
        f"{SELLER}/vendor-items/3572784698/prices/49000?forceSalePriceUpdate=true",
        "fb8093b88684d2f3d72fd57fc8adedab3262141d3d60a02e8ce7e3ec24c33ba1",
    ),
    "V5": (
        "PUT",
        f"{V4}/ordersheets/acknowledgement",
        "475ec1d45fd8c687d69e2d70ad26f7de79e7cbe1b3f3e6ea1bbbcf607e56572c",
    ),
}


def test_instant_is_signed_as_utc_with_a_short_year():
    assert signed_date(SIGNED_AT) == STAMP
    assert signed_date(kst("2026-03-01T18:30:15")) == STAMP


@pytest.mark.parametrize("name", VECTORS)
def test_signature_is_that_of_the_test_vector(name: str):
    method, target, expected = VECTORS[name]
    assert signature(SECRET, method, target, STAMP) == expected


@pytest.mark.parametrize("name", VECTORS)
def test_request_carries_the_signature_of_its_raw_target(name: str):
    method, target, expected = VECTORS[name]
    request = httpx.Request(method, f"https://api-gateway.coupang.com{target}", json={"a": 1})
    signed = next(Signature(ACCESS, SECRET, lambda: SIGNED_AT).auth_flow(request))
    assert signed.url.raw_path.decode() == target
    assert signed.headers["authorization"] == (
        f"CEA algorithm=HmacSHA256, access-key={ACCESS}, signed-date={STAMP}, signature={expected}"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "9b30ca226e8cc908f79c6234a8a880bde01f4fc7001d69c7ec1efb5e15f71004",
        "bc267b2522996752baa994dc51fb4ded2173d132b713ac37b6e3948b10be079c",
    ],
    ids=["decoded", "with ?"],
)
def test_signature_is_none_of_the_negative_vectors(wrong: str):
    method, target, _ = VECTORS["V2"]
    assert signature(SECRET, method, target, STAMP) != wrong


def test_encoded_path_is_signed_as_it_is_sent():
    target = f"{SELLER}/seller-products/external-vendor-sku-codes/%ED%95%9C%2F%EA%B8%80~%201?a=%7E"
    request = httpx.Request("GET", f"https://api-gateway.coupang.com{target}")
    signed = next(Signature(ACCESS, SECRET, lambda: SIGNED_AT).auth_flow(request))
    assert signed.url.raw_path.decode() == target
    assert signed.headers["authorization"].endswith(
        "signature=" + signature(SECRET, "GET", target, STAMP)
    )


def test_list_of_orders_leaves_as_the_second_vector_but_for_the_order_of_its_names():
    talk = Talk(by_target({}), now=lambda: SIGNED_AT)
    talk.batches(days)
    target = talk.sent[1].url.raw_path.decode()
    assert target == (
        f"{SHEETS}?createdAtFrom=2026-02-27%2B09%3A00&createdAtTo=2026-03-01%2B09%3A00"
        "&status=INSTRUCT&maxPerPage=50"
    )
    assert (
        talk.sent[1]
        .headers["authorization"]
        .endswith(f"signature={signature(SECRET, 'GET', target, STAMP)}")
    )


def test_each_repeat_is_signed_anew():
    moments = iter(SIGNED_AT + timedelta(seconds=n) for n in range(99))
    script = iter([httpx.Response(503), httpx.Response(429)])
    talk = Talk(
        lambda _: next(script, None) or answer(samples.PRODUCTS),
        waits_s=(0.0, 0.0),
        now=lambda: next(moments),
    )
    talk.run(Coupang.ping)
    signed = [request.headers["authorization"] for request in talk.sent]
    assert ["093015Z" in signed[0], "093016Z" in signed[1], "093017Z" in signed[2]] == [True] * 3
    assert len(set(signed)) == 3


# ── what leaves ────────────────────────────────────────────────────────────────────────────────
def test_every_status_is_asked_for_in_the_order_in_which_boxes_move():
    talk = Talk(by_target({}))
    talk.batches(days)
    span = "createdAtFrom=2026-02-27%2B09%3A00&createdAtTo=2026-03-01%2B09%3A00"
    assert talk.lines == [
        f"GET {SHEETS}?{span}&status={status}&maxPerPage=50" for status in STATUSES
    ]


def test_claims_are_asked_for_in_their_three_lists():
    talk = Talk(by_target({}))
    talk.batches(claims_of_days)
    span = "createdAtFrom=2026-02-27&createdAtTo=2026-03-01&maxPerPage=50"
    assert talk.lines == [
        f"GET {RETURNS}?{span}&cancelType=CANCEL",
        f"GET {RETURNS}?{span}&status=RU",
        f"GET {RETURNS}?{span}&status=UC",
        f"GET {RETURNS}?{span}&status=PR",
        f"GET {RETURNS}?{span}&status=CC",
        f"GET {V4}/returnWithdrawRequests?dateFrom=2026-02-27&dateTo=2026-03-01"
        "&pageIndex=1&sizePerPage=100",
        f"GET {V4}/exchangeRequests?createdAtFrom=2026-02-27T00%3A00%3A00"
        "&createdAtTo=2026-03-01T23%3A59%3A59&maxPerPage=50",
    ]


def test_span_given_in_utc_leaves_in_korean_days():
    talk = Talk(by_target({}))
    talk.batches(lambda it: it.orders(SINCE.astimezone(UTC), UNTIL.astimezone(UTC)))
    assert "createdAtFrom=2026-02-27%2B09%3A00&createdAtTo=2026-03-01" in talk.lines[0]


def test_headers_are_those_of_the_official_samples():
    talk = Talk(by_target({}))
    talk.batches(days)
    headers = talk.sent[0].headers
    assert headers["content-type"] == "application/json;charset=UTF-8"
    assert headers["x-requested-by"] == VENDOR
    assert headers["x-extended-timeout"] == "60000"
    assert SECRET not in str(headers.raw)


def test_client_waits_longer_than_it_lets_the_gateway_wait():
    talk = Talk(by_target({}))
    talk.batches(days)
    told_s = int(talk.sent[0].headers["x-extended-timeout"]) / 1_000
    assert talk.sent[0].extensions["timeout"]["read"] > told_s


def test_listings_are_asked_for_by_the_hundred():
    talk = Talk(by_target({}))
    talk.batches(listing)
    assert talk.lines == [
        f"GET {SELLER}/seller-products?vendorId={VENDOR}&nextToken=1&maxPerPage=100"
    ]


def test_listing_and_option_are_read_by_number():
    talk = Talk(by_target({"/seller-products?": samples.PRODUCTS | {"nextToken": ""}}))
    talk.batches(listing)
    assert talk.lines[1] == f"GET {SELLER}/seller-products/239092172"
    talk = Talk(by_target({"/inventories": samples.INVENTORY}))
    talk.batches(lambda it: it.offers([OptionKey("1", "3000000000")]))
    assert talk.lines == [f"GET {SELLER}/vendor-items/3000000000/inventories"]


def test_order_is_named_before_the_word():
    talk = Talk(by_target({"/22000009546234/": one([SHEET])}))
    talk.batches(lambda it: it.orders_by_no(["22000009546234"]))
    assert talk.lines == [f"GET {OPEN}/v5/vendors/{VENDOR}/22000009546234/ordersheets"]


@pytest.mark.parametrize(
    "text", ["..", ".", "", "1/2", "한글", "1?a=b", "1\r\nX: y", "٣", "9" * 50]
)
def test_text_that_would_name_another_path_never_leaves(text: str):
    talk = Talk(by_target({}))
    [order] = talk.batch(lambda it: it.orders_by_no([text])).rejected
    [offer] = talk.batch(lambda it: it.offers([OptionKey("1", text)])).rejected
    assert (order.kind, order.document_no) == ("orders", text)
    assert (offer.kind, offer.document_no) == ("offers", text)
    assert talk.sent == []


def test_ping_asks_for_one_listing_and_tells_the_clock_of_the_server():
    talk = Talk(lambda _: answer(samples.PRODUCTS, Date="Sun, 01 Mar 2026 09:30:15 GMT"))
    assert talk.run(Coupang.ping) == SIGNED_AT
    assert talk.lines == [f"GET {SELLER}/seller-products?vendorId={VENDOR}&maxPerPage=1"]


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}], ids=["none", "odd"])
def test_ping_does_without_a_clock(headers: dict[str, str]):
    assert Talk(lambda _: answer(samples.PRODUCTS, **headers)).run(Coupang.ping) is None


@pytest.mark.parametrize("name", ["vendor_id", "access_key", "secret_key"])
@pytest.mark.parametrize("value", ["", "with space", "a\r\nX: y", "한글", "/../x\n"])
def test_key_that_no_request_can_hold_is_a_wrong_setting(name: str, value: str):
    with pytest.raises(SettingsError, match=rf"credentials\.{name}") as caught:
        Coupang(credentials=samples.CREDENTIALS | {name: value})
    assert not value or value not in str(caught.value)


def test_key_that_is_missing_is_named():
    with pytest.raises(SettingsError, match=r"credentials\.secret_key"):
        Coupang(credentials={"vendor_id": VENDOR, "access_key": ACCESS})


# ── the samples of orders ──────────────────────────────────────────────────────────────────────
BOX_NO = "642538970006401429"
ORDER = Order(
    order_no="22000009546234",
    ordered_at=datetime.fromisoformat("2026-02-27T10:20:16.973885+09:00"),
    paid_at=datetime.fromisoformat("2026-02-27T10:20:18.120331+09:00"),
    buyer_name="신*희",
    buyer_phone="+82-50-0000-0000",
)
LINE = OrderLine(
    order_no="22000009546234",
    line_no=f"{BOX_NO}-3242596358",
    ordered_at=ORDER.ordered_at,
    status=LineStatus.CONFIRMED,
    market_status="INSTRUCT",
    product_no="80240831",
    product_name="기모 트레이닝 팬츠 IKTM17WG1",
    quantity=2,
    unit_price=19_000,
    amount=38_000,
    option_no="3242596358",
    option_name="07 DARK GREY 160호",
    seller_code="170816368810",
    held_quantity=0,
    cancelled_quantity=0,
    seller_discount=3_000,
    market_discount=0,
    shipment_no=BOX_NO,
    shipping_fee=2_500,
    ship_by=kst("2026-03-04T00:00:00"),
    receiver_name="신*희",
    receiver_phone="+82-50-0000-0000",
    postcode="18100",
    address="경기 오산시 가수동 **아파트 109동 *호",
    delivery_note="문 앞",
)


def in_status(status: str, *boxes: object) -> Talk:
    """Answer boxes in one list, nothing in the others."""
    return Talk(by_target({f"status={status}": listed(*boxes)}))


def test_box_becomes_its_order_and_lines():
    found = in_status("INSTRUCT", SHEET).batch(days)
    assert found.orders == [ORDER]
    assert found.lines == [LINE]
    assert [(it.kind, it.document_no) for it in found.documents] == [("orders", BOX_NO)]
    assert found.documents[0].body.startswith(b'{"shipmentBoxId": 642538970006401429')
    assert found.rejected == []
    assert found.complete_until == UNTIL


def test_shipped_box_tells_of_its_parcel():
    box = changed(
        SHEET,
        {
            "status": "DELIVERING",
            "deliveryCompanyName": "CJ대한통운",
            "invoiceNumber": "20180731040123",
            "inTrasitDateTime": "2026-02-28T14:17:13.97-08:00",
            "deliveredDate": "",
        },
    )
    [line] = in_status("DELIVERING", box).batch(days).lines
    assert line.status is LineStatus.SHIPPED
    assert (line.carrier, line.invoice_no) == ("CJ대한통운", "20180731040123")
    assert line.shipped_at == kst("2026-03-01T07:17:13.970")
    assert line.delivered_at is None


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ACCEPT", LineStatus.NEW),
        ("INSTRUCT", LineStatus.CONFIRMED),
        ("DEPARTURE", LineStatus.SHIPPED),
        ("DELIVERING", LineStatus.SHIPPED),
        ("FINAL_DELIVERY", LineStatus.DELIVERED),
        ("NONE_TRACKING", LineStatus.SHIPPED),
    ],
)
def test_every_documented_status_of_a_box_is_known(name: str, status: LineStatus):
    [line] = in_status(name, changed(SHEET, {"status": name})).batch(days).lines
    assert (line.status, line.market_status) == (status, name)


@pytest.mark.parametrize(
    ("box", "cancelled", "status"),
    [
        ("INSTRUCT", 1, LineStatus.CONFIRMED),
        ("ACCEPT", 2, LineStatus.CANCELLED),
        ("INSTRUCT", 2, LineStatus.CANCELLED),
        ("FINAL_DELIVERY", 2, LineStatus.RETURNED),
    ],
)
def test_line_whose_pieces_are_all_gone_is_over(box: str, cancelled: int, status: LineStatus):
    row = changed(SHEET, {"status": box, "orderItems.0.cancelCount": cancelled})
    [line] = in_status(box, row).batch(days).lines
    assert (line.quantity, line.cancelled_quantity, line.status) == (2, cancelled, status)


def test_pieces_on_hold_stay_bought():
    row = changed(SHEET, {"orderItems.0.holdCountForCancel": 1})
    [line] = in_status("INSTRUCT", row).batch(days).lines
    assert (line.quantity, line.held_quantity, line.cancelled_quantity) == (2, 1, 0)
    assert line.status is LineStatus.CONFIRMED


def test_confirmed_purchase_completes_the_line():
    row = changed(SHEET, {"status": "FINAL_DELIVERY", "orderItems.0.confirmDate": OLD["confirmed"]})
    [line] = in_status("FINAL_DELIVERY", row).batch(days).lines
    assert line.status is LineStatus.COMPLETED
    assert line.completed_at == kst("2017-10-25 00:10:33")


OLD = {"confirmed": samples.OLD_SHEET["orderItems"][0]["confirmDate"]}


def test_old_shape_with_plain_numbers_and_korean_times_is_understood():
    old = samples.OLD_SHEET
    row = SHEET | {name: old[name] for name in ("orderedAt", "shippingPrice", "remotePrice")}
    row |= {"inTrasitDateTime": old["inTrasitDateTime"], "status": "FINAL_DELIVERY"}
    row["orderItems"] = [SHEET["orderItems"][0] | old["orderItems"][0]]
    [line] = in_status("FINAL_DELIVERY", row).batch(days).lines
    assert (line.unit_price, line.amount, line.shipping_fee) == (19_900, 39_800, 2_500)
    assert line.ordered_at == kst("2017-10-10T10:20:16")
    assert line.shipped_at == kst("2017-10-16 22:08:04")


@pytest.mark.parametrize("shape", [lambda it: it, lambda it: [it]], ids=["object", "array"])
@pytest.mark.parametrize("code", [200, "200", "SUCCESS"])
def test_single_order_is_an_object_or_an_array(shape, code: object):
    talk = Talk(by_target({"/ordersheets": {"code": code, "message": "OK", "data": shape(SHEET)}}))
    assert talk.batch(lambda it: it.orders_by_no(["22000009546234"])).lines == [LINE]


def test_order_may_have_several_boxes():
    other = changed(SHEET, {"shipmentBoxId": 7})
    talk = Talk(by_target({"/ordersheets": one([SHEET, other])}))
    found = talk.batch(lambda it: it.orders_by_no(["22000009546234"]))
    assert [line.shipment_no for line in found.lines] == [BOX_NO, "7"]


def test_lines_again_reads_each_order_once():
    talk = Talk(by_target({"/ordersheets": one([SHEET])}))
    lines = [LineKey("22000009546234", "1-1"), LineKey("22000009546234", "1-2")]
    assert talk.batch(lambda it: it.lines_again(lines)).lines == [LINE]
    assert len(talk.sent) == 1


@pytest.mark.parametrize(
    "text",
    [
        "해당 주문이 취소 또는 반품되었습니다.",
        "유효하지 않은 주문번호입니다.",
        "다른 판매자의 주문을 조회할 수 없습니다.",
    ],
)
def test_order_that_is_no_longer_shown_is_left_out(text: str):
    talk = Talk(lambda _: answer(samples.refusal(text, 400), 400), waits_s=(0.0, 0.0))
    assert len(talk.batch(lambda it: it.orders_by_no(["1"]))) == 0
    assert len(talk.sent) == 1


@pytest.mark.parametrize(("status", "text"), [(404, "Not Found"), (400, "알 수 없는 오류")])
def test_order_that_is_refused_for_another_reason_is_reported(status: int, text: str):
    def handler(request: httpx.Request) -> httpx.Response:
        is_good = "/2/" in request.url.path
        return answer(one(SHEET)) if is_good else answer(samples.refusal(text, 400), status)

    found = Talk(handler).batch(lambda it: it.orders_by_no(["1", "2"]))
    [rejected] = found.rejected
    assert (rejected.kind, rejected.document_no) == ("orders", "1")
    assert text in rejected.reason
    assert found.lines == [LINE]


def test_control_total_counts_the_lines_of_every_status():
    other = changed(SHEET, {"shipmentBoxId": 7, "orderId": "8", "status": "ACCEPT"})
    answers = {"status=ACCEPT": listed(other), "status=INSTRUCT": listed(SHEET)}
    talk = Talk(by_target(answers))
    assert talk.run(lambda it: it.line_keys(SINCE, UNTIL)) == {
        (LINE.order_no, LINE.line_no),
        ("8", "7-3242596358"),
    }


def test_control_total_counts_a_box_that_cannot_be_stored():
    odd = changed(SHEET, {"status": "WHO_KNOWS", "orderId": "8"})
    talk = Talk(by_target({"status=INSTRUCT": listed(odd)}))
    assert talk.run(lambda it: it.line_keys(SINCE, UNTIL)) == {("8", LINE.line_no)}


@pytest.mark.parametrize("change", [{"orderId": None}, {"orderItems": 7}], ids=["order", "lines"])
def test_control_total_is_refused_when_a_box_cannot_be_counted(change):
    talk = Talk(by_target({"status=INSTRUCT": listed(changed(SHEET, change))}))
    with pytest.raises(BadPayload, match="cannot be counted"):
        talk.run(lambda it: it.line_keys(SINCE, UNTIL))


# ── the samples of claims ──────────────────────────────────────────────────────────────────────
RETURN = Claim(
    claim_no="50229613",
    order_no="28000008707838",
    line_no="434119941-3187044096",
    kind=ClaimKind.RETURN,
    status=ClaimStatus.REQUESTED,
    market_status="RETURNS_UNCHECKED",
    quantity=1,
    requested_at=kst("2026-02-20T22:52:42"),
    reason_code="CHANGEMIND",
    reason="필요 없어짐 (단순 변심)",
    fault="buyer",
    product_no="57623797",
    option_no="3187044096",
)


def claimed(part: str, *rows: object) -> Talk:
    return Talk(by_target({part: listed(*rows)}))


def test_return_becomes_a_claim_of_its_line():
    found = claimed("status=UC", RECEIPT).batch(claims_of_days)
    assert found.claims == [RETURN]
    assert [(it.kind, it.document_no) for it in found.documents] == [("claims", "50229613")]
    assert (found.line_updates, found.rejected) == ([], [])
    assert found.complete_until == UNTIL


def test_receipt_in_two_lists_comes_once():
    row = changed(RECEIPT, {"receiptStatus": "RELEASE_STOP_UNCHECKED"})
    talk = Talk(by_target({"status=RU": listed(row), "status=UC": listed(row, RECEIPT)}))
    found = talk.batch(claims_of_days)
    assert [claim.market_status for claim in found.claims] == [
        "RELEASE_STOP_UNCHECKED",
        "RETURNS_UNCHECKED",
    ]


@pytest.mark.parametrize(
    ("text", "kind", "status"),
    [
        ("RELEASE_STOP_UNCHECKED", ClaimKind.CANCEL, ClaimStatus.REQUESTED),
        ("RETURNS_UNCHECKED", ClaimKind.RETURN, ClaimStatus.REQUESTED),
        ("VENDOR_WAREHOUSE_CONFIRM", ClaimKind.RETURN, ClaimStatus.IN_PROGRESS),
        ("REQUEST_COUPANG_CHECK", ClaimKind.RETURN, ClaimStatus.IN_PROGRESS),
        ("RETURNS_COMPLETED", ClaimKind.RETURN, ClaimStatus.DONE),
    ],
)
def test_every_documented_status_of_a_receipt_is_known(text: str, kind, status):
    row = changed(RECEIPT, {"receiptStatus": text})
    [claim] = claimed("status=PR", row).batch(claims_of_days).claims
    assert (claim.kind, claim.status, claim.market_status) == (kind, status, text)
    assert (claim.completed_at is not None) is (status is ClaimStatus.DONE)


@pytest.mark.parametrize(
    ("release", "kind"),
    [
        ("Y", ClaimKind.RETURN),
        ("A", ClaimKind.RETURN),
        ("N", ClaimKind.CANCEL),
        ("S", ClaimKind.CANCEL),
    ],
)
def test_goods_that_never_left_are_cancelled_not_returned(release: str, kind: ClaimKind):
    row = changed(RECEIPT, {"returnItems.0.releaseStatus": release})
    [claim] = claimed("status=CC", row).batch(claims_of_days).claims
    assert claim.kind is kind


@pytest.mark.parametrize("text", ["RETURNS_COMPLETED", "SOMETHING_ELSE"])
def test_cancel_is_done_whatever_the_undocumented_word(text: str):
    row = changed(RECEIPT, {"receiptType": "CANCEL", "receiptStatus": text})
    [claim] = claimed("cancelType=CANCEL", row).batch(claims_of_days).claims
    assert (claim.kind, claim.status) == (ClaimKind.CANCEL, ClaimStatus.DONE)


@pytest.mark.parametrize(
    ("receipt_type", "status"),
    [("CANCEL", LineStatus.CANCELLED), ("RETURN", LineStatus.RETURNED)],
)
def test_line_whose_last_piece_is_taken_ends(receipt_type: str, status: LineStatus):
    row = changed(RECEIPT, {"receiptType": receipt_type, "receiptStatus": "RETURNS_COMPLETED"})
    found = claimed("status=CC", row).batch(claims_of_days)
    assert found.line_updates == [
        LineUpdate(
            "28000008707838",
            "434119941-3187044096",
            status,
            held_quantity=0,
            cancelled_quantity=1,
        )
    ]


def test_pieces_of_several_receipts_end_a_line_together():
    done = {"receiptStatus": "RETURNS_COMPLETED", "returnItems.0.purchaseCount": 2}
    first, second = changed(RECEIPT, done), changed(RECEIPT, done | {"receiptId": 2})
    assert claimed("status=CC", first).batch(claims_of_days).line_updates == []
    [update] = claimed("status=CC", first, second).batch(claims_of_days).line_updates
    assert update.cancelled_quantity == 2


def test_line_of_which_a_piece_came_back_counts_as_returned():
    done = {"receiptStatus": "RETURNS_COMPLETED", "returnItems.0.purchaseCount": 2}
    back = changed(RECEIPT, done)
    stopped = changed(RECEIPT, done | {"receiptId": 2, "returnItems.0.releaseStatus": "S"})
    [update] = claimed("status=CC", back, stopped).batch(claims_of_days).line_updates
    assert update.status is LineStatus.RETURNED


def test_entries_of_one_line_are_added_up():
    item = RECEIPT["returnItems"][0]
    row = changed(RECEIPT, {"returnItems": [item, item | {"cancelCount": 2}]})
    [claim] = claimed("status=UC", row).batch(claims_of_days).claims
    assert claim.quantity == 3


def test_completion_is_when_it_was_confirmed_or_else_changed_last():
    done = {"receiptStatus": "RETURNS_COMPLETED", "completeConfirmDate": "2026-02-22T08:00:00"}
    rows = changed(RECEIPT, done), changed(RECEIPT, done | {"completeConfirmDate": "", **OTHER})
    found = claimed("status=CC", *rows).batch(claims_of_days)
    assert [claim.completed_at for claim in found.claims] == [
        kst("2026-02-22T08:00:00"),
        kst("2026-02-23T00:00:00"),
    ]


OTHER = {"receiptId": 9, "modifiedAt": "2026-02-23T00:00:00"}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("CUSTOMER", "buyer"),
        ("VENDOR", "seller"),
        ("COUPANG", "market"),
        ("WMS", "market"),
        ("GENERAL", None),
        (None, None),
    ],
)
def test_fault_is_translated_where_it_says_whose(fault: str | None, expected: str | None):
    row = changed(RECEIPT, {"faultByType": fault})
    assert claimed("status=UC", row).batch(claims_of_days).claims[0].fault == expected


def test_withdrawal_ends_the_return_and_is_kept_beside_it():
    first = samples.WITHDRAWALS | {"nextPageIndex": "2"}
    last = changed(first, {"data.0.cancelId": 5, "nextPageIndex": ""})
    talk = Talk(by_target({"pageIndex=1": first, "pageIndex=2": last}))
    found = talk.batch(claims_of_days)
    assert found.claim_updates == [
        ClaimUpdate("116607450", ClaimStatus.WITHDRAWN, "WITHDRAWN"),
        ClaimUpdate("5", ClaimStatus.WITHDRAWN, "WITHDRAWN"),
    ]
    assert [it.document_no for it in found.documents] == ["W116607450", "W5"]


def test_exchange_becomes_a_claim_of_its_line():
    found = claimed("/exchangeRequests", samples.EXCHANGE).batch(claims_of_days)
    assert found.claims == [
        Claim(
            claim_no="E101268974",
            order_no="11000013144262",
            line_no="519998364-3476137875",
            kind=ClaimKind.EXCHANGE,
            status=ClaimStatus.IN_PROGRESS,
            market_status="PROGRESS",
            quantity=1,
            requested_at=kst("2018-03-05T10:54:41"),
            reason_code="DIFFERENTOPT",
            reason="색상/ 사이즈가 기대와 다름",
            fault="seller",
            option_no="3476137875",
        )
    ]
    assert [it.document_no for it in found.documents] == ["E101268974"]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("RECEIPT", ClaimStatus.REQUESTED),
        ("PROGRESS", ClaimStatus.IN_PROGRESS),
        ("SUCCESS", ClaimStatus.DONE),
        ("REJECT", ClaimStatus.REJECTED),
        ("CANCEL", ClaimStatus.WITHDRAWN),
    ],
)
def test_every_documented_status_of_an_exchange_is_known(text: str, status: ClaimStatus):
    row = changed(samples.EXCHANGE, {"exchangeStatus": text, "collectStatus": "Collecting"})
    found = claimed("/exchangeRequests", row).batch(claims_of_days)
    assert (found.claims[0].status, found.claims[0].market_status) == (status, text)
    assert found.line_updates == []


# ── the samples of listings ────────────────────────────────────────────────────────────────────
SUMMARY = samples.SUMMARY | {"sellerProductId": 152620911}


def shown(summary: object, detail: object) -> Talk:
    return Talk(by_target({"/seller-products?": sold([summary]), "/seller-products/": detail}))


def test_listing_becomes_a_product_with_its_options():
    found = shown(SUMMARY, samples.DETAIL).batch(listing)
    assert found.products == [
        Product(
            "152620911",
            "백설 찹쌀 호떡믹스",
            ProductStatus.ON_SALE,
            "승인완료",
            category="81592",
            brand="백설",
            created_at=kst("2017-02-13T02:09:47"),
        )
    ]
    assert found.options == [Option("152620911", "3242596358", "GREY 44", "SKU-90726")]
    assert found.offers == []
    assert [(it.kind, it.document_no) for it in found.documents] == [("products", "152620911")]


def test_option_without_number_is_left_out_until_it_is_approved():
    detail = changed(samples.DETAIL, {"data.items.0.vendorItemId": None})
    found = shown(SUMMARY, detail).batch(listing)
    assert (len(found.products), found.options) == (1, [])


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("심사중", ProductStatus.PENDING),
        ("임시저장중", ProductStatus.PENDING),
        ("임시저장", ProductStatus.PENDING),
        ("승인대기중", ProductStatus.PENDING),
        ("승인완료", ProductStatus.ON_SALE),
        ("부분승인완료", ProductStatus.ON_SALE),
        ("승인반려", ProductStatus.BANNED),
    ],
)
def test_every_documented_state_of_a_listing_is_known(name: str, status: ProductStatus):
    detail = changed(samples.DETAIL, {"data.statusName": name})
    [product] = shown(SUMMARY | {"statusName": name}, detail).batch(listing).products
    assert (product.status, product.market_status) == (status, name)


def test_deleted_listing_is_not_looked_into():
    talk = shown(SUMMARY | {"statusName": "상품삭제"}, samples.refusal("?"))
    found = talk.batch(listing)
    assert [(it.product_no, it.status) for it in found.products] == [
        ("152620911", ProductStatus.DELETED)
    ]
    assert len(talk.sent) == 1


def test_numbers_may_come_as_text():
    detail = changed(
        samples.DETAIL,
        {"data.sellerProductId": "152620911", "data.items.0.vendorItemId": "3242596358"},
    )
    found = shown(SUMMARY | {"sellerProductId": "152620911"}, detail).batch(listing)
    assert [(it.product_no, it.option_no) for it in found.options] == [("152620911", "3242596358")]


def test_stock_and_price_are_those_of_the_inventory():
    talk = Talk(by_target({"/inventories": samples.INVENTORY}))
    found = talk.batch(lambda it: it.offers([OptionKey("1", "3000000000")]))
    assert found.offers == [Offer("1", "3000000000", 0, 32_000, on_sale=True)]
    assert [(it.kind, it.document_no) for it in found.documents] == [("offers", "3000000000")]


@pytest.mark.parametrize(
    "text",
    ["유효한 옵션이 없습니다:[vendorItemId=3039***378]", "유효하지 않은 ID가 입력되었습니다."],
)
def test_option_that_is_refused_does_not_keep_back_the_others(text: str):
    def handler(request: httpx.Request) -> httpx.Response:
        is_known = "/3000000000/" in request.url.path
        return answer(samples.INVENTORY) if is_known else answer(samples.refusal(text), 400)

    wanted = [OptionKey("1", "7"), OptionKey("1", "3000000000")]
    found = Talk(handler).batch(lambda it: it.offers(wanted))
    assert [it.option_no for it in found.offers] == ["3000000000"]
    [rejected] = found.rejected
    assert (rejected.kind, rejected.document_no) == ("offers", "7")
    assert text in rejected.reason
