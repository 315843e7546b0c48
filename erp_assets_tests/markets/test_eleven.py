"""11st's reads: what leaves, and what its documented answers become (11st.md)."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from erp_assets.errors import (
    BadPayload,
    MarketBusy,
    MarketDenied,
    MarketDown,
    MarketRejected,
    SettingsError,
)
from erp_assets.markets.eleven import Eleven
from erp_assets.records import (
    Batch,
    Claim,
    ClaimKind,
    ClaimStatus,
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
from erp_assets_tests.markets import eleven_samples as samples
from erp_assets_tests.markets.eleven_samples import ORDER_NO, Talk, answer, by_path, kst, leaves

SINCE, UNTIL = kst("2026-02-25 00:00:00"), kst("2026-02-26 00:00:00")
SPAN = "202602250000/202602252359"
LINE_PATHS = (
    "standby",
    "reservatecomplete",
    "delvplacestandby",
    "complete",
    "packaging",
    "shipping",
    "dlvcompleted",
    "completed",
)
CLAIM_PATHS = (
    "cancelorders",
    "withdrawcanceledorders",
    "canceledorders",
    "officecancellist",
    "returnorders",
    "retractretorders",
    "returnedorders",
    "exchangeorders",
    "retractexcorders",
    "exchangedorders",
)


def day(client: Eleven):
    return client.orders(SINCE, UNTIL)


def claims_of_day(client: Eleven):
    return client.claims(SINCE, UNTIL)


def listing(client: Eleven):
    return client.products()


def in_list(name: str, body: str) -> Talk:
    """Answer `body` in one list, nothing in the others."""
    return Talk(by_path({f"/{name}/2026": body}))


# ── what leaves ────────────────────────────────────────────────────────────────────────────────
def test_every_list_of_lines_is_asked_for_the_period_in_korean_minutes():
    talk = Talk(by_path({}))
    talk.batches(day)
    assert talk.paths == [f"/rest/ordservices/{name}/{SPAN}" for name in LINE_PATHS]
    assert {request.method for request in talk.sent} == {"GET"}


def test_every_list_of_claims_is_asked_for_the_period_in_korean_minutes():
    talk = Talk(by_path({}))
    talk.batches(claims_of_day)
    assert talk.paths == [f"/rest/claimservice/{name}/{SPAN}" for name in CLAIM_PATHS]


def test_period_given_in_utc_leaves_in_korean_time():
    talk = Talk(by_path({}))
    talk.batches(lambda it: it.orders(SINCE.astimezone(UTC), UNTIL.astimezone(UTC)))
    assert talk.paths[0].endswith(SPAN)


def test_key_leaves_in_its_header_and_nowhere_else():
    talk = Talk(by_path({}))
    talk.batches(day)
    request = talk.sent[0]
    names = [name for name, value in request.headers.raw if value == samples.KEY.encode()]
    assert names == [b"openapikey"]
    assert samples.KEY not in str(request.url)
    assert request.headers["content-type"] == "text/xml; charset=EUC-KR"


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://api.11st.co.kr/rest", "/rest/ordservices/"),
        ("http://localhost:1", "/rest/ordservices/"),
        ("http://localhost:1/", "/rest/ordservices/"),
        ("http://localhost:1/eleven/rest", "/eleven/rest/ordservices/"),
    ],
    ids=["market", "host", "slash", "below"],
)
def test_base_url_may_leave_out_rest(base_url: str, path: str):
    talk = Talk(by_path({}), base_url=base_url)
    talk.batches(day)
    assert talk.paths[0].startswith(path)


@pytest.mark.parametrize(
    "key", ["", "with space", "with\nline", "한글"], ids=["empty", "space", "line", "hangul"]
)
def test_key_that_no_header_can_hold_is_a_wrong_setting(key: str):
    with pytest.raises(SettingsError, match=r"credentials\.api_key") as caught:
        Eleven(credentials={"api_key": key})
    assert not key or key not in str(caught.value)


def test_ping_asks_for_one_minute_and_tells_the_clock_of_the_server():
    now = datetime(2026, 2, 25, 3, 0, 30, tzinfo=UTC)
    date = "Wed, 25 Feb 2026 03:00:31 GMT"
    talk = Talk(lambda _: answer(samples.NOTHING_FOUND, Date=date), now=lambda: now)
    assert talk.run(Eleven.ping) == now + timedelta(seconds=1)
    assert talk.paths == ["/rest/ordservices/complete/202602251159/202602251200"]


def test_search_leaves_as_a_page_of_rows_in_euc_kr():
    talk = Talk(by_path({"/prodmarketservice/prodmarket": "<ns2:products></ns2:products>"}))
    talk.batches(listing)
    request = talk.sent[0]
    assert (request.method, talk.paths[0]) == ("POST", "/rest/prodmarketservice/prodmarket")
    assert request.content == (
        b'<?xml version="1.0" encoding="EUC-KR"?><SearchProduct>'
        b"<limit>500</limit><start>1</start><end>500</end></SearchProduct>"
    )


def test_stock_of_many_listings_leaves_in_the_documented_form():
    talk = Talk(by_path({"/stocks": samples.STOCKS, "/prodmarket": samples.SEARCH}))
    talk.batches(listing)
    assert [request.method for request in talk.sent] == ["POST", "POST"]
    assert talk.paths[1] == "/rest/prodmarketservice/prodmarket/stocks"
    assert talk.sent[1].content == (
        b'<?xml version="1.0" encoding="EUC-KR"?><ProductStocks>'
        b"<ProductStock><prdNo>4088296117</prdNo></ProductStock></ProductStocks>"
    )


def test_orders_are_looked_up_a_hundred_a_call():
    talk = Talk(by_path({}))
    numbers = [str(20260225044300000 + n) for n in range(201)]
    talk.batches(lambda it: it.orders_by_no(numbers))
    assert [path.count(",") + 1 for path in talk.paths] == [100, 100, 1]
    assert talk.paths[0].startswith("/rest/claimservice/orderlistall/20260225044300000,2026")


def test_text_in_a_path_is_percent_encoded_utf_8():
    talk = Talk(by_path({}))
    talk.batches(lambda it: it.orders_by_no(["한/글"]))
    assert talk.paths == ["/rest/claimservice/orderlistall/%ED%95%9C%2F%EA%B8%80"]


# ── the samples of orders ──────────────────────────────────────────────────────────────────────
FIRST_LINE = OrderLine(
    order_no=ORDER_NO,
    line_no="1",
    ordered_at=kst("2026-02-25 11:46:06"),
    status=LineStatus.NEW,
    market_status="202",
    product_no="2667099845",
    product_name="린넨 셔츠 & 벨트 세트",
    quantity=2,
    unit_price=19_000,
    amount=38_000,
    option_no="9910872978",
    option_name="사이즈:S,색상:아이보리",
    seller_code="SHIRT-S-IV",
    seller_discount=0,
    market_discount=2_000,
    shipment_no="2678260704",
    shipping_fee=2_500,
    ship_by=kst("2026-02-26 00:00:00"),
    receiver_name="홍길순",
    receiver_phone="010-0000-0001",
    postcode="01234",
    address="서울특별시 가나구 다라로 1 (마바동) 101호",
    delivery_note="문 앞에 놓아주세요",
)
SECOND_LINE = FIRST_LINE._replace(
    line_no="2",
    product_no="4088296117",
    product_name="양말",
    quantity=1,
    unit_price=12_000,
    amount=12_000,
    option_no="16243384893",
    option_name=None,
    seller_code="SKU-SOCK-01",
    market_discount=0,
    delivery_note=None,
)
ORDER = Order(
    order_no=ORDER_NO,
    ordered_at=kst("2026-02-25 11:46:06"),
    paid_at=kst("2026-02-25 11:46:06"),
    buyer_name="홍길동",
    buyer_phone="010-0000-0000",
)


def test_paid_order_becomes_its_lines():
    found = in_list("complete", samples.COMPLETE).batch(day)
    assert found.lines == [FIRST_LINE, SECOND_LINE]
    assert found.orders == [ORDER, ORDER._replace(buyer_phone=None)]
    assert [(it.kind, it.document_no) for it in found.documents] == [
        ("orders", f"{ORDER_NO}-1"),
        ("orders", f"{ORDER_NO}-2"),
    ]
    assert found.documents[0].body.startswith(b"<ns2:order ")
    assert "린넨 셔츠 &amp; 벨트 세트" in found.documents[0].body.decode()
    assert found.rejected == []
    assert found.complete_until == UNTIL


def test_shipped_rows_only_tell_of_the_parcel():
    found = in_list("shipping", samples.SHIPPING).batch(day)
    assert found.line_updates == [
        LineUpdate(
            ORDER_NO,
            "1",
            status=LineStatus.SHIPPED,
            market_status="401",
            carrier="00034",
            invoice_no="627614443992",
            shipped_at=kst("2026-02-26 15:12:03"),
        )
    ]
    assert found.lines == []


def test_delivered_rows_have_no_discounts():
    found = in_list("dlvcompleted", samples.DELIVERED).batch(day)
    assert found.lines == [
        FIRST_LINE._replace(
            status=LineStatus.DELIVERED,
            market_status="501",
            product_name="린넨 셔츠",
            seller_discount=None,
            market_discount=None,
            ship_by=None,
            carrier="00034",
            invoice_no="627614443992",
            shipped_at=kst("2026-02-26 15:12:03"),
            delivered_at=kst("2026-02-28 15:35:00"),
            address="서울특별시 가나구 다라로 1 101호",
            delivery_note=None,
        )
    ]


def test_completed_rows_have_neither_option_nor_address():
    found = in_list("completed", samples.COMPLETED).batch(day)
    assert found.lines == [
        OrderLine(
            order_no=ORDER_NO,
            line_no="1",
            ordered_at=kst("2026-02-25 11:46:06"),
            status=LineStatus.COMPLETED,
            market_status="901",
            product_no="2667099845",
            product_name="린넨 셔츠",
            quantity=2,
            unit_price=19_000,
            amount=38_000,
            option_name="사이즈:S,색상:아이보리",
            seller_code="SHIRT-S-IV",
            shipping_fee=2_500,
            completed_at=kst("2026-03-10 04:10:00"),
        )
    ]
    assert found.orders == [Order(ORDER_NO, kst("2026-02-25 11:46:06"))]


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("standby", "102", LineStatus.UNPAID),
        ("reservatecomplete", "201", LineStatus.NEW),
        ("delvplacestandby", "200", LineStatus.NEW),
        ("complete", "202", LineStatus.NEW),
        ("packaging", "301", LineStatus.CONFIRMED),
        ("dlvcompleted", "501", LineStatus.DELIVERED),
        ("completed", "901", LineStatus.COMPLETED),
    ],
    ids=lambda it: it if isinstance(it, str) and not it.isdigit() else "",
)
def test_row_without_state_is_in_that_of_its_list(name: str, code: str, status: LineStatus):
    row = leaves(samples.COMPLETE)
    del row["ordPrdStat"]
    [line] = in_list(name, samples.orders(row)).batch(day).lines
    assert (line.status, line.market_status) == (status, code)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("101", LineStatus.UNPAID),
        ("102", LineStatus.UNPAID),
        ("103", LineStatus.UNPAID),
        ("200", LineStatus.NEW),
        ("201", LineStatus.NEW),
        ("202", LineStatus.NEW),
        ("301", LineStatus.CONFIRMED),
        ("401", LineStatus.SHIPPED),
        ("501", LineStatus.DELIVERED),
        ("601", LineStatus.IN_CLAIM),
        ("701", LineStatus.IN_CLAIM),
        ("801", LineStatus.IN_CLAIM),
        ("901", LineStatus.COMPLETED),
        ("A01", LineStatus.RETURNED),
        ("B01", LineStatus.CANCELLED),
        ("C01", LineStatus.CANCELLED),
    ],
)
def test_every_documented_state_of_a_line_is_known(code: str, status: LineStatus):
    row = leaves(samples.COMPLETE) | {"ordPrdStat": code}
    [line] = in_list("complete", samples.orders(row)).batch(day).lines
    assert (line.status, line.market_status) == (status, code)


def test_order_by_number_has_the_state_that_the_look_up_tells():
    state = leaves(samples.STATES) | {"ordPrdStat": "601", "ordQty": "3", "ordCnQty": "1"}
    talk = Talk(by_path({"/orderlistall/": samples.orders(state), "/complete/": samples.COMPLETE}))
    found = talk.batch(lambda it: it.orders_by_no([ORDER_NO]))
    assert found.lines == [
        FIRST_LINE._replace(
            status=LineStatus.IN_CLAIM, market_status="601", quantity=3, amount=57_000
        ),
        SECOND_LINE,
    ]
    assert talk.paths == [
        f"/rest/claimservice/orderlistall/{ORDER_NO}",
        f"/rest/ordservices/complete/{ORDER_NO}",
    ]


def test_lines_again_reads_each_order_once():
    talk = Talk(by_path({"/orderlistall/": samples.STATES, "/complete/": samples.COMPLETE}))
    lines = [LineKey(ORDER_NO, "1"), LineKey(ORDER_NO, "2")]
    found = talk.batch(lambda it: it.lines_again(lines))
    assert [line.line_no for line in found.lines] == ["1", "2"]
    assert len(talk.sent) == 2


def test_order_that_the_market_does_not_show_is_left_out():
    none = samples.refusal("ns2:orders", "-1", "해당 건이 없습니다.")
    talk = Talk(by_path({}, none))
    assert len(talk.batch(lambda it: it.orders_by_no([ORDER_NO]))) == 0
    assert len(talk.sent) == 1


def test_order_whose_states_are_unknown_is_read_and_rejected():
    odd = samples.orders(leaves(samples.STATES) | {"ordPrdStat": "X99"})
    row = leaves(samples.COMPLETE) | {"ordPrdStat": "X99"}
    talk = Talk(by_path({"/orderlistall/": odd, "/complete/": samples.orders(row)}))
    found = talk.batch(lambda it: it.orders_by_no([ORDER_NO]))
    assert found.lines == []
    assert [it.reason for it in found.rejected] == ["ordPrdStat: unknown value 'X99'"]


def test_line_that_its_order_leaves_out_is_told_by_its_state():
    state = leaves(samples.STATES)
    other = state | {"ordPrdSeq": "2", "ordPrdStat": "B01", "ordQty": "4"}
    whole = samples.orders(leaves(samples.COMPLETE))
    told = samples.orders(state, other, other | {"ordNo": "20260225044300009"})
    talk = Talk(by_path({"/orderlistall/": told, f"/complete/{ORDER_NO}": whole}))
    found = talk.batch(lambda it: it.orders_by_no([ORDER_NO]))
    assert [line.line_no for line in found.lines] == ["1"]
    assert found.line_updates == [
        LineUpdate(ORDER_NO, "2", status=LineStatus.CANCELLED, market_status="B01", quantity=4)
    ]


def test_order_that_is_known_but_refused_is_rejected():
    refused = samples.refusal("ns2:orders", "-1", "알 수 없는 오류")
    talk = Talk(by_path({"/orderlistall/": samples.STATES, "/complete/": refused}))
    [rejected] = talk.batch(lambda it: it.orders_by_no([ORDER_NO])).rejected
    assert rejected.kind == "orders"
    assert rejected.reason == "알 수 없는 오류"
    assert rejected.document_no == ORDER_NO


def test_control_total_counts_lines_and_shipped_rows():
    talk = Talk(by_path({"/complete/2026": samples.COMPLETE, "/shipping/2026": samples.SHIPPING}))
    assert talk.run(lambda it: it.line_keys(SINCE, UNTIL)) == {(ORDER_NO, "1"), (ORDER_NO, "2")}


def test_control_total_counts_a_row_that_cannot_be_stored():
    odd = samples.COMPLETE.replace("<ordPrdStat>202<", "<ordPrdStat>what<")
    assert odd != samples.COMPLETE
    talk = Talk(by_path({"/complete/2026": odd}))
    assert (ORDER_NO, "1") in talk.run(lambda it: it.line_keys(SINCE, UNTIL))


def test_control_total_is_refused_when_a_row_cannot_be_counted():
    odd = re.sub(r"<ordPrdSeq>[^<]*</ordPrdSeq>", "", samples.COMPLETE)
    talk = Talk(by_path({"/complete/2026": odd}))
    with pytest.raises(BadPayload, match="cannot be counted"):
        talk.run(lambda it: it.line_keys(SINCE, UNTIL))


# ── the samples of claims ──────────────────────────────────────────────────────────────────────
CANCEL = Claim(
    claim_no="C8192583",
    order_no=ORDER_NO,
    line_no="1",
    kind=ClaimKind.CANCEL,
    status=ClaimStatus.REQUESTED,
    market_status="01",
    quantity=1,
    requested_at=kst("2026-02-25 13:50:05"),
    reason_code="14",
    reason="다음에 구매하겠습니다.",
    fault="buyer",
    product_no="2667099845",
)
RETURN = Claim(
    claim_no="R2400330",
    order_no=ORDER_NO,
    line_no="1",
    kind=ClaimKind.RETURN,
    status=ClaimStatus.REQUESTED,
    market_status="105",
    quantity=1,
    requested_at=kst("2026-03-01 15:16:37"),
    reason_code="110",
    reason="사이즈가 작아요",
    fault="buyer",
    product_no="2667099845",
)
EXCHANGE = RETURN._replace(
    claim_no="X2400331",
    kind=ClaimKind.EXCHANGE,
    market_status="201",
    reason_code="215",
    reason="M으로 교환",
)


@pytest.mark.parametrize(
    ("name", "sample", "claim"),
    [
        ("cancelorders", samples.CANCELS, CANCEL),
        (
            "canceledorders",
            samples.CANCELS_DONE,
            CANCEL._replace(
                status=ClaimStatus.DONE,
                market_status="02",
                completed_at=kst("2026-02-25 16:58:53"),
            ),
        ),
        ("returnorders", samples.RETURNS, RETURN),
        ("exchangeorders", samples.EXCHANGES, EXCHANGE),
    ],
    ids=["cancel", "cancelled", "return", "exchange"],
)
def test_claim_becomes_a_record(name: str, sample: str, claim: Claim):
    found = in_list(name, sample).batch(claims_of_day)
    assert found.claims == [claim]
    assert [it.document_no for it in found.documents] == [f"{claim.claim_no}-1"]
    assert found.rejected == []
    assert found.complete_until == UNTIL


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("withdrawcanceledorders", ClaimStatus.WITHDRAWN),
        ("canceledorders", ClaimStatus.DONE),
        ("officecancellist", ClaimStatus.DONE),
    ],
)
def test_cancel_has_the_state_of_its_list(name: str, status: ClaimStatus):
    [claim] = in_list(name, samples.CANCELS).batch(claims_of_day).claims
    assert (claim.status, claim.market_status) == (status, "01")


@pytest.mark.parametrize(
    ("name", "code"), [("retractretorders", "107"), ("retractexcorders", "232")]
)
def test_refused_claim_stays_refused_in_the_list_of_those_withdrawn(name: str, code: str):
    row = leaves(samples.RETURNS) | {"clmStat": code}
    [claim] = in_list(name, samples.orders(row)).batch(claims_of_day).claims
    assert (claim.status, claim.market_status) == (ClaimStatus.REJECTED, code)


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("retractretorders", ClaimKind.RETURN, ClaimStatus.WITHDRAWN),
        ("returnedorders", ClaimKind.RETURN, ClaimStatus.DONE),
        ("retractexcorders", ClaimKind.EXCHANGE, ClaimStatus.WITHDRAWN),
        ("exchangedorders", ClaimKind.EXCHANGE, ClaimStatus.DONE),
    ],
)
def test_return_has_the_state_of_its_list(name: str, kind: ClaimKind, status: ClaimStatus):
    row = leaves(samples.RETURNS) | {"trtEndDt": "2026-03-02 09:00:00"}
    [claim] = in_list(name, samples.orders(row)).batch(claims_of_day).claims
    assert (claim.kind, claim.status) == (kind, status)
    assert claim.completed_at == kst("2026-03-02 09:00:00")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("103", ClaimStatus.REQUESTED),
        ("104", ClaimStatus.IN_PROGRESS),
        ("105", ClaimStatus.REQUESTED),
        ("106", ClaimStatus.DONE),
        ("107", ClaimStatus.REJECTED),
        ("108", ClaimStatus.WITHDRAWN),
        ("109", ClaimStatus.IN_PROGRESS),
        ("201", ClaimStatus.REQUESTED),
        ("212", ClaimStatus.IN_PROGRESS),
        ("214", ClaimStatus.IN_PROGRESS),
        ("221", ClaimStatus.IN_PROGRESS),
        ("232", ClaimStatus.REJECTED),
        ("233", ClaimStatus.WITHDRAWN),
        ("301", ClaimStatus.IN_PROGRESS),
        ("302", ClaimStatus.DONE),
    ],
)
def test_every_documented_state_of_a_claim_is_known(code: str, status: ClaimStatus):
    row = leaves(samples.RETURNS) | {"clmStat": code}
    [claim] = in_list("returnorders", samples.orders(row)).batch(claims_of_day).claims
    assert claim.status is status


BUYER = (101, 110, 113, 114, 121, 199, 206, 211, 212, 215)
SELLER = (105, 108, 111, 112, 115, 116, 122, 123, 198)
SELLER += (207, 208, 209, 210, 213, 214, 216, 217, 218)


@pytest.mark.parametrize(
    ("reason", "fault"),
    [*((it, "buyer") for it in BUYER), *((it, "seller") for it in SELLER), (125, None)],
)
def test_fault_follows_from_the_reason(reason: int, fault: str | None):
    row = leaves(samples.RETURNS) | {"clmReqRsn": reason}
    [claim] = in_list("returnorders", samples.orders(row)).batch(claims_of_day).claims
    assert (claim.reason_code, claim.fault) == (str(reason), fault)


def test_cancel_registered_by_the_seller_is_the_fault_of_the_seller():
    row = leaves(samples.CANCELS) | {"ordCnMnbdCd": "02"}
    [claim] = in_list("cancelorders", samples.orders(row)).batch(claims_of_day).claims
    assert claim.fault == "seller"


def test_claims_end_with_what_became_of_their_lines():
    state = leaves(samples.STATES) | {"ordPrdStat": "701", "ordCnQty": "1"}
    talk = Talk(
        by_path(
            {"/cancelorders/": samples.CANCELS, "/orderlistall/": samples.orders(state)},
        )
    )
    found = talk.batch(claims_of_day)
    assert found.line_updates == [
        LineUpdate(
            ORDER_NO,
            "1",
            status=LineStatus.IN_CLAIM,
            market_status="701",
            quantity=2,
            held_quantity=1,
            cancelled_quantity=0,
        )
    ]


def test_finished_cancels_and_returns_are_off_the_line():
    cancelled = leaves(samples.CANCELS_DONE)
    returned = leaves(samples.RETURNS) | {"clmStat": "106"}
    state = leaves(samples.STATES) | {"ordPrdStat": "A01", "ordCnQty": "1"}
    talk = Talk(
        by_path(
            {
                "/canceledorders/": samples.orders(cancelled),
                "/returnedorders/": samples.orders(returned),
                "/orderlistall/": samples.orders(state),
            }
        )
    )
    [update] = talk.batch(claims_of_day).line_updates
    assert (update.held_quantity, update.cancelled_quantity) == (0, 2)


# ── the samples of listings ────────────────────────────────────────────────────────────────────
def searched(page: str, stock: str, **others: str) -> Talk:
    return Talk(by_path({"/stck/": others.get("one", ""), "/stocks": stock, "/prodmarket": page}))


def test_listing_without_options_has_one_row_of_stock():
    found = searched(samples.SEARCH, samples.STOCKS).batch(listing)
    assert found.products == [
        Product(
            "4088296117",
            "린넨 셔츠 & 벨트 세트",
            ProductStatus.ON_SALE,
            "103",
            seller_code="SKU-SHIRT-01",
            category="1011634",
        )
    ]
    assert found.options == [Option("4088296117", "16243384893", "", "SKU-SHIRT-01")]
    assert found.offers == [Offer("4088296117", "16243384893", 997, 19_000, on_sale=True)]
    assert [(it.kind, it.document_no) for it in found.documents] == [
        ("products", "4088296117"),
        ("offers", "16243384893"),
    ]
    assert found.rejected == []


OPTIONS = [leaves(samples.STOCK_OPTIONS, 0), leaves(samples.STOCK_OPTIONS, 1)]
SHIRT = leaves(samples.SEARCH) | {"prdNo": "2667099845"}


def test_options_add_their_surcharge_to_the_price_of_the_listing():
    stock = samples.stocks({"2667099845": OPTIONS})
    found = searched(samples.products(SHIRT), stock).batch(listing)
    assert found.options == [
        Option("2667099845", "9910872978", "S,아이보리", "SHIRT-S-IV"),
        Option("2667099845", "9910872979", "M,아이보리", "SHIRT-M-IV"),
    ]
    assert found.offers == [
        Offer("2667099845", "9910872978", 62, 19_000, on_sale=True),
        Offer("2667099845", "9910872979", 0, 20_000, on_sale=True),
    ]


def test_code_of_the_listing_is_not_lent_to_several_options():
    rows = [row | {"sellerStockCd": ""} for row in OPTIONS]
    found = searched(samples.products(SHIRT), samples.stocks({"2667099845": rows})).batch(listing)
    assert [option.seller_code for option in found.options] == [None, None]


@pytest.mark.parametrize(
    ("code", "status", "on_sale"),
    [
        ("101", ProductStatus.PENDING, False),
        ("102", ProductStatus.PENDING, False),
        ("103", ProductStatus.ON_SALE, True),
        ("104", ProductStatus.SOLD_OUT, True),
        ("105", ProductStatus.PAUSED, False),
        ("106", ProductStatus.ENDED, False),
        ("107", ProductStatus.ENDED, False),
        ("108", ProductStatus.BANNED, False),
    ],
)
def test_every_documented_state_of_a_listing_is_known(
    code: str, status: ProductStatus, on_sale: bool
):
    page = samples.products(leaves(samples.SEARCH) | {"selStatCd": code})
    found = searched(page, samples.STOCKS).batch(listing)
    assert found.products[0].status is status
    assert found.offers[0].on_sale is on_sale


@pytest.mark.parametrize(
    "refused",
    [
        "<Products><message>재고 정보 조회 오류</message></Products>",
        samples.refusal("ClientMessage", "500", "재고 정보 조회 오류"),
        "<ns2:ProductStockss><ns2:message>재고 정보 조회 오류</ns2:message></ns2:ProductStockss>",
        samples.STOCK_ONE,
    ],
    ids=["other envelope", "code", "message", "other form"],
)
def test_stock_is_read_one_by_one_where_the_many_are_refused(refused: str):
    talk = searched(samples.SEARCH, refused, one=samples.STOCK_ONE)
    found = talk.batch(listing)
    assert found.offers == [Offer("4088296117", "16243384893", 997, 19_000, on_sale=True)]
    assert talk.paths[2] == "/rest/prodmarketservice/prodmarket/stck/4088296117"
    assert talk.sent[2].method == "GET"


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (samples.refusal("ClientMessage", "404", "없는 상품"), "없는 상품"),
        ("<ns2:ProductStocks></ns2:ProductStocks>", "not its stock"),
    ],
    ids=["refused", "empty"],
)
def test_listing_without_stock_is_rejected_and_the_rest_kept(one: str, reason: str):
    other = leaves(samples.SEARCH) | {"prdNo": "1"}
    page = samples.products(leaves(samples.SEARCH), other)
    found = searched(page, samples.STOCKS, one=one).batch(listing)
    assert [offer.product_no for offer in found.offers] == ["4088296117"]
    [rejected] = found.rejected
    assert (rejected.kind, rejected.document_no) == ("offers", "1")
    assert reason in rejected.reason


def test_offers_are_those_asked_for():
    stock = samples.stocks({"2667099845": OPTIONS})
    talk = searched(samples.products(SHIRT, leaves(samples.SEARCH)), stock)
    wanted = [OptionKey("2667099845", "9910872979"), OptionKey("7", "70")]
    found = talk.batch(lambda it: it.offers(wanted))
    assert found.offers == [Offer("2667099845", "9910872979", 0, 20_000, on_sale=True)]
    assert (found.products, found.options) == ([], [])
    assert b"4088296117" not in talk.sent[1].content
    assert [(it.kind, it.document_no) for it in found.rejected] == [("offers", "7")]


# ── errors ─────────────────────────────────────────────────────────────────────────────────────
def error_of(response: httpx.Response, read=day) -> Exception:
    talk = Talk(lambda _: response)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is what is asserted
        talk.batches(read)
    assert len(talk.sent) == 1 or read is day
    return caught.value


def test_unregistered_address_is_denied_although_it_comes_as_500():
    error = error_of(answer(samples.ADDRESS_REFUSED, 500))
    assert isinstance(error, MarketDenied)
    assert "IP address" in error.remedy
    assert "-500" in str(error)
    assert "203.0.113.7" not in str(error)


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("-400", "SSL required", "https://"),
        ("-501", "유효기간이 만료된 OpenAPI Key 입니다.", "new key"),
    ],
    ids=["plain http", "key expired"],
)
def test_refusal_of_the_gateway_names_its_own_remedy(code: str, message: str, remedy: str):
    error = error_of(
        answer(
            f"<AuthMessage><resultCode>{code}</resultCode>"
            f"<resultMessage>{message}</resultMessage></AuthMessage>",
            500,
        )
    )
    assert isinstance(error, MarketDenied)
    assert remedy in error.remedy


@pytest.mark.parametrize("code", ["-401", "-500"])
def test_other_refusals_of_the_gateway_are_about_the_key(code: str):
    body = f"<AuthMessage><resultCode>{code}</resultCode><resultMessage>x</resultMessage>"
    error = error_of(answer(f"{body}</AuthMessage>"))
    assert isinstance(error, MarketDenied)
    assert "credentials.api_key" in error.remedy
    assert code in str(error)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (samples.KEY_UNKNOWN, day),
        (samples.KEY_UNKNOWN, claims_of_day),
        (samples.STOCK_KEY_UNKNOWN, listing),
        (
            "<Products><message>OpenAPI Key 에 해당하는 유저가 없습니다.</message></Products>",
            listing,
        ),
        (
            "<ns2:products><message>Key 에 해당하는 유저가 없습니다.</message></ns2:products>",
            listing,
        ),
    ],
    ids=["orders", "claims", "product", "products", "empty products"],
)
def test_unknown_key_is_denied_in_every_envelope(body: str, read):
    error = error_of(answer(body), read)
    assert isinstance(error, MarketDenied)
    assert "180 days" in error.remedy


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(samples.MAINTENANCE), MarketDown),
        (answer(samples.refusal("ns2:orders", "-1000", "서버 점검중입니다.")), MarketDown),
        (
            answer("<AuthMessage><resultCode>-1000</resultCode></AuthMessage>", 500),
            MarketDown,
        ),
        (httpx.Response(500, text="Internal Server Error"), MarketDown),
        (httpx.Response(503), MarketDown),
        (httpx.Response(408), MarketDown),
        (answer("<html><body>점검</body></html>"), MarketDown),
        (answer("<!DOCTYPE html><html><body>점검<br></body></html>"), MarketDown),
        (answer("<!doctype html><html><body>점검</body></html>"), MarketDown),
        (httpx.Response(200), BadPayload),
        (httpx.Response(200, text="  \n"), BadPayload),
        (httpx.Response(200, text="ok"), BadPayload),
        (answer(samples.COMPLETE[:-20]), BadPayload),
        (answer(samples.DECLARATION.replace("?>", "").encode() + b"<a/>"), BadPayload),
        (answer("<ns2:products></ns2:products>"), BadPayload),
        (answer('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), BadPayload),
        (httpx.Response(429), MarketBusy),
        (httpx.Response(401), MarketDenied),
        (httpx.Response(403), MarketDenied),
        (httpx.Response(404), MarketRejected),
        (httpx.Response(302), MarketRejected),
    ],
    ids=[
        "maintenance",
        "maintenance of orders",
        "maintenance of the gateway",
        "500",
        "503",
        "408",
        "page",
        "page with doctype",
        "page with small doctype",
        "empty",
        "blank",
        "no xml",
        "cut",
        "declaration cut",
        "other kind",
        "entity",
        "429",
        "401",
        "403",
        "404",
        "302",
    ],
)
def test_answer_that_is_no_list_raises_what_it_means(response: httpx.Response, kind: type):
    assert type(error_of(response)) is kind


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("-3105", "최대 조회기간은 일주일 입니다."),
        ("-3103", "start_dt의 조회 기간의 포멧('YYYYMMDDHH24:MI')이 올바르지 않습니다."),
        ("-28008", "조회기간은 최대 30(한달)일 단위로 가능합니다."),
        ("-28003", "주문번호는 100개까지 가능합니다."),
        ("-1", "알 수 없는 오류"),
    ],
)
def test_refusal_keeps_the_code_and_the_words_of_the_market(code: str, text: str):
    error = error_of(answer(samples.refusal("ns2:orders", code, text)))
    assert isinstance(error, MarketRejected)
    assert (error.code, str(error)) == (code, text)


@pytest.mark.parametrize(
    "body",
    [
        samples.NOTHING_FOUND,
        samples.refusal("ns2:orders", "-1", "해당 건이 없습니다."),
        samples.refusal("ns2:orders", "-1", "조회된 결과가 없습니다."),
        "<ns2:orders></ns2:orders>",
        "<ns2:orders/>",
    ],
    ids=["code 0", "no such case", "no result", "no children", "closed"],
)
@pytest.mark.parametrize("read", [day, claims_of_day], ids=["orders", "claims"])
def test_nothing_found_is_an_empty_day(body: str, read):
    found = Talk(lambda _: answer(body)).batch(read)
    assert len(found) == 0
    assert found.complete_until == UNTIL


def test_no_listing_is_an_empty_shop():
    empty = Batch()
    assert Talk(lambda _: answer("<ns2:products/>")).batch(listing) == empty


def test_read_is_repeated_while_answers_are_cut():
    script = iter([httpx.Response(200, content=b"<ns2:ord"), httpx.Response(503)])
    talk = Talk(lambda _: next(script, None) or answer(samples.NOTHING_FOUND), waits_s=(0.0, 0.0))
    assert talk.batch(day).complete_until == UNTIL
    assert len(talk.sent) == len(LINE_PATHS) + 2


def test_denied_read_is_not_repeated():
    talk = Talk(lambda _: answer(samples.ADDRESS_REFUSED, 500), waits_s=(0.0, 0.0))
    with pytest.raises(MarketDenied):
        talk.batches(day)
    assert len(talk.sent) == 1


def test_busy_market_names_its_wait():
    error = error_of(httpx.Response(429, headers={"Retry-After": "7"}))
    assert isinstance(error, MarketBusy)
    assert error.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("named", "waited"), [("", 0.0), ("soon", 0.0), ("²", 0.0), ("999999", 600.0)]
)
def test_wait_that_cannot_be_followed_is_bounded(named: str, waited: float):
    error = error_of(httpx.Response(429, headers=[(b"Retry-After", named.encode())]))
    assert isinstance(error, MarketBusy)
    assert error.retry_after_s == waited


TOO_MUCH = "트래픽이 초과되었습니다."


@pytest.mark.parametrize(
    "response",
    [
        answer("<AuthMessage><resultCode>004</resultCode></AuthMessage>"),
        answer(
            f"<AuthMessage><resultCode>-9</resultCode><resultMessage>{TOO_MUCH}</resultMessage>"
            "</AuthMessage>",
            500,
        ),
        answer(samples.refusal("ns2:orders", "004", "x")),
        answer(samples.refusal("ns2:orders", "-1", TOO_MUCH)),
        answer(samples.refusal("ClientMessage", "500", TOO_MUCH)),
    ],
    ids=["gateway", "words of the gateway", "code", "words", "product"],
)
def test_too_much_traffic_asks_for_a_rest_of_minutes(response: httpx.Response):
    error = error_of(response)
    assert isinstance(error, MarketBusy)
    assert error.retry_after_s == 300.0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (samples.refusal("ns2:orders", "-3105", "A < B"), MarketRejected),
        (samples.refusal("ns2:orders", "-1000", "A < B"), MarketDown),
        (samples.refusal("ns2:orders", "-1", "< 유저가 없습니다."), MarketDenied),
        (samples.refusal("ns2:orders", "0", "A < B"), BadPayload),
        (samples.refusal("ns2:orders", "-1", "< 해당 건이 없습니다."), BadPayload),
        (samples.refusal("ns2:orders", "-1", "오류")[:-36], BadPayload),
    ],
    ids=["refusal", "maintenance", "key", "nothing", "no such case", "cut"],
)
def test_refusal_that_is_no_xml_is_still_a_refusal(body: str, kind: type):
    assert type(error_of(answer(body))) is kind


@pytest.mark.parametrize("code", ["-1", "-29008"])
def test_rows_beside_an_error_are_not_taken_for_the_list(code: str):
    refused = samples.refusal("ns2:orders", code, "알 수 없는 오류")
    rows = samples.COMPLETE.replace("<ns2:orders>", "").replace("</ns2:orders>", "")
    error = error_of(answer(refused.replace("</ns2:orders>", f"{rows}</ns2:orders>")))
    assert isinstance(error, MarketRejected)
    assert error.code == code


def test_error_of_another_envelope_keeps_its_words():
    error = error_of(answer("<Products><message>재고 정보 조회 오류</message></Products>"), listing)
    assert isinstance(error, MarketRejected)
    assert str(error) == "재고 정보 조회 오류"


def test_nothing_found_may_come_in_another_envelope():
    body = samples.refusal("ResultOrder", "-1", "해당 건이 없습니다.")
    assert len(Talk(lambda _: answer(body)).batch(claims_of_day)) == 0


@pytest.mark.parametrize(
    "response",
    [
        answer(samples.ADDRESS_REFUSED, 500),
        answer(samples.KEY_UNKNOWN),
        httpx.Response(500, text=samples.KEY),
        httpx.Response(401, text=samples.KEY),
        httpx.Response(404, text=samples.KEY),
        answer("<a>"),
    ],
)
def test_no_error_tells_the_key(response: httpx.Response):
    error = error_of(response)
    assert samples.KEY not in f"{error!r} {error} {error.__cause__!r} {vars(error)}"
