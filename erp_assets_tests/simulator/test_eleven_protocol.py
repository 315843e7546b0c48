import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import quote

import pytest
from lxml import etree

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus
from erp_assets.simulator.eleven import ElevenProtocol
from erp_assets.simulator.eleven.breaking import BREAKS, Breaker
from erp_assets.simulator.eleven.routes import ROUTES
from erp_assets.simulator.wire import Account, Fault, Limits, Request, Response
from erp_assets.simulator.world import Item, Line, Listing, Order, Shop

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)  # 12:00 in Korea
KEY = "k" * 32
NS = "{http://skt.tmall.business.openapi.spring.service.client.domain/}"
HOUR = timedelta(hours=1)
ORDER_NO = 20260225044300001


class Seller:
    """A shop behind a protocol, and shorthand for asking it."""

    def __init__(self, *, limits: Limits | None = None, **account: object) -> None:
        self.now = NOW
        self.shop = Shop("eleven", lambda: self.now)
        self.account = Account("eleven", self.shop, {"api_key": KEY}, **account)  # type: ignore[arg-type]
        self.protocol = ElevenProtocol([self.account], lambda: self.now, limits or Limits())
        self._numbers = count(ORDER_NO)

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: str | bytes = b"",
        *,
        fault: Fault | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        raw = body.encode("cp949") if isinstance(body, str) else body
        sent = {"openapikey": KEY} if headers is None else headers
        return self.protocol.handle(Request(method, "/rest/" + path, "", sent, raw), fault)

    def xml(self, path: str, method: str = "GET", body: str | bytes = b"") -> etree._Element:
        return tree(self.ask(path, method, body))

    def rows(self, path: str, method: str = "GET", body: str | bytes = b"") -> list[dict[str, str]]:
        return rows(self.xml(path, method, body))

    def code(self, path: str, method: str = "GET", body: str | bytes = b"") -> str:
        root = self.xml(path, method, body)
        names = {"result_code", "resultCode"}
        return next(node.text or "" for node in root.iter() if local(node) in names)

    def listing(self, no: int = 2667099845, *, stock: int = 50, **values: object) -> Listing:
        listing = Listing(
            no=no,
            channel_no=0,
            name="린넨 셔츠 & 벨트",
            seller_code=f"SKU-{no}",
            base_price=19000,
            status=ProductStatus.ON_SALE,
            created_at=NOW - 400 * timedelta(days=1),
            modified_at=NOW - 40 * timedelta(days=1),
            category=1011634,
            has_options=False,
        )
        for name, value in values.items():
            setattr(listing, name, value)
        listing.items.append(Item(listing, no * 10, "", f"ROW-{no}", "", 0, stock))
        self.shop.add_listing(listing)
        return listing

    def order(
        self,
        *items: Item,
        paid_at: datetime | None = NOW - 5 * HOUR,
        box: int | None = None,
        **values: object,
    ) -> Order:
        """File an order of two pieces of each item, paid and new."""
        no = next(self._numbers)
        order = Order(
            no,
            NOW - 6 * HOUR,
            paid_at,
            "홍길동",
            "010-0000-0000",
            "홍길순",
            "01234",
            "서울특별시 가나구 다라로 1",
            "101호",
            "문 앞에 <조용히> 놓아주세요",
        )
        status = LineStatus.NEW if paid_at else LineStatus.UNPAID
        for seq, item in enumerate(items, 1):
            line = Line(
                order,
                seq,
                box or no % 10**10,
                item,
                2,
                item.price,
                item.surcharge,
                0,
                2000,
                2500,
                status,
                NOW,
            )
            for name, value in values.items():
                setattr(line, name, value)
            order.lines.append(line)
        self.shop.add_order(order)
        return order

    def line(self, status: LineStatus = LineStatus.NEW, **values: object) -> Line:
        """File an order of one line in the given state; its states began an hour apart."""
        path = [
            ("confirmed_at", LineStatus.CONFIRMED, NOW - 4 * HOUR),
            ("shipped_at", LineStatus.SHIPPED, NOW - 3 * HOUR),
            ("delivered_at", LineStatus.DELIVERED, NOW - 2 * HOUR),
            ("completed_at", LineStatus.COMPLETED, NOW - HOUR),
        ]
        reached = [state for _, state, _ in path].index(status) + 1 if status in PATH else 0
        stamps = {name: at for name, _, at in path[:reached]}
        if reached > 1:
            stamps |= {"carrier": "00034", "invoice_no": f"6276{next(self._numbers) % 10**8}"}
        paid_at = None if status is LineStatus.UNPAID else NOW - 5 * HOUR
        item = self.shop.items.get(26670998450) or self.listing().items[0]
        order = self.order(item, paid_at=paid_at, **{"status": status, **stamps, **values})
        return order.lines[0]


PATH = (LineStatus.CONFIRMED, LineStatus.SHIPPED, LineStatus.DELIVERED, LineStatus.COMPLETED)


def tree(answer: Response) -> etree._Element:
    text = answer.body.decode("cp949")
    return etree.fromstring(re.sub(r"^<\?xml[^>]*\?>", "", text))


def local(node: etree._Element) -> str:
    return str(node.tag).rpartition("}")[2]


def rows(root: etree._Element) -> list[dict[str, str]]:
    found = root.iter(NS + "order", NS + "product", NS + "ProductStock")
    return [{local(leaf): leaf.text or "" for leaf in row} for row in found]


def minute(at: datetime) -> str:
    return f"{at + 9 * HOUR:%Y%m%d%H%M}"


def window(since: datetime = NOW - 24 * HOUR, until: datetime = NOW) -> str:
    return f"{minute(since)}/{minute(until)}"


def search(**values: object) -> str:
    leaves = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f"<?xml version='1.0' encoding='EUC-KR'?><SearchProduct>{leaves}</SearchProduct>"


@pytest.fixture
def seller() -> Seller:
    return Seller()


# ── format ─────────────────────────────────────────────────────────────────────────────────────
def test_a_list_is_euc_kr_with_qualified_containers_and_plain_leaves(seller):
    seller.line()
    answer = seller.ask(f"ordservices/complete/{window()}")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/xml;charset=euc-kr"
    assert answer.body.startswith(b'<?xml version="1.0" encoding="euc-kr" standalone="yes"?>')
    root = tree(answer)
    assert root.tag == NS + "orders"
    assert [child.tag for child in root] == [NS + "order"]
    assert not [leaf.tag for leaf in root[0] if "}" in str(leaf.tag)]


def test_the_leaves_of_every_row_come_in_ascii_order(seller):
    for status in LIST_OF:
        seller.line(status)
    for kind in ClaimKind:
        seller.shop.open_claim(seller.line(LineStatus.SHIPPED), kind, 1)
    names = ["cancelorders", "returnorders", "exchangeorders"]
    paths = [f"ordservices/{name}" for name in LIST_OF.values()]
    for path in paths + [f"claimservice/{name}" for name in names]:
        for row in seller.rows(f"{path}/{window(until=NOW + HOUR)}"):
            assert list(row) == sorted(row), path


def test_text_outside_cp949_becomes_a_reference_and_markup_is_escaped(seller):
    name = "뷁 <b>셔츠</b> & \U0001f455 — café"
    listing = seller.listing(name=name, seller_code="A&B<1>")
    body = seller.ask(f"prodmarketservice/prodmarket/{listing.no}").body
    assert b"&#128085;" in body
    found = tree(seller.ask(f"prodmarketservice/prodmarket/{listing.no}"))
    assert found.findtext("prdNm") == name
    assert found.findtext("sellerPrdCd") == "A&B<1>"


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY x "1">]><SearchProduct><limit>&x;</limit></SearchProduct>',
        b"<SearchProduct><limit>1</limit>",
        b"",
        b"<Other><limit>1</limit></Other>",
        b"<SearchProduct><prdNm>\xff\xff</prdNm><limit>1</limit></SearchProduct>",
    ],
    ids=["entity", "cut short", "empty", "another root", "not cp949"],
)
def test_a_body_that_is_not_the_documented_xml_is_refused(seller, body):
    seller.listing()
    assert seller.code("prodmarketservice/prodmarket", "POST", body) == "400"


def test_a_body_may_declare_utf8(seller):
    listing = seller.listing()
    body = search(prdNm="린넨", limit=10).replace("EUC-KR", "utf-8").encode()
    found = seller.rows("prodmarketservice/prodmarket", "POST", body)
    assert [row["prdNo"] for row in found] == [str(listing.no)]


# ── the gate ───────────────────────────────────────────────────────────────────────────────────
SERVICES = [
    ("GET", f"ordservices/complete/{window()}", "orders", "-1"),
    ("GET", f"claimservice/cancelorders/{window()}", "orders", "-1"),
    ("GET", "ordservices/reqpackaging/1/1/N/null/1", "ResultOrder", "-1"),
    ("PUT", "prodservices/stockqty/1", "ClientMessage", "500"),
    ("GET", "prodservices/product/price/1/1000", "ClientMessage", "500"),
    ("GET", "prodmarketservice/prodmarket/1", "Product", "500"),
    ("POST", "prodmarketservice/prodmarket", "products", "500"),
    ("GET", "prodmarketservice/prodmarket/stck/1", "ProductStocks", "500"),
    ("POST", "prodmarketservice/prodmarket/stocks", "ProductStockss", "500"),
]


@pytest.mark.parametrize("headers", [{}, {"openapikey": "x"}], ids=["missing", "unknown"])
@pytest.mark.parametrize(("method", "path", "root", "code"), SERVICES, ids=[s[1] for s in SERVICES])
def test_a_wrong_key_is_answered_in_the_envelope_of_the_service(
    seller, method, path, root, code, headers
):
    answer = seller.ask(path, method, headers=headers)
    found = tree(answer)
    assert answer.status == 200
    assert local(found) == root
    assert "OpenAPI Key 에 해당하는 유저가 없습니다." in "".join(found.itertext())
    assert code in [node.text for node in found.iter()]


@pytest.mark.parametrize(("method", "path", "root", "_"), SERVICES, ids=[s[1] for s in SERVICES])
def test_maintenance_is_code_1000_in_the_envelope_of_the_service(seller, method, path, root, _):
    seller.protocol.is_in_maintenance = True
    answer = seller.ask(path, method)
    assert answer.status == 200
    assert local(tree(answer)) == root
    assert "-1000" in [node.text for node in tree(answer).iter()]


def test_an_address_that_is_not_registered_gets_http_500_and_auth_message():
    seller = Seller(allowed_addresses=frozenset({"203.0.113.7"}))
    answer = seller.ask(f"ordservices/complete/{window()}")
    root = tree(answer)
    assert (answer.status, root.tag, root.findtext("resultCode")) == (500, "AuthMessage", "-500")
    assert root.findtext("resultMessage", "").startswith("[127.0.0.1]인증된 IP가 아닙니다.")


def test_an_expired_key_is_told_apart_from_an_unknown_address():
    answer = Seller(expired=True).ask(f"ordservices/complete/{window()}")
    root = tree(answer)
    assert (answer.status, root.tag, root.findtext("resultCode")) == (500, "AuthMessage", "-501")
    assert "만료" in root.findtext("resultMessage", "")


def test_two_keys_see_two_shops(seller):
    other = Seller()
    other.line()
    other.account = replace(other.account, credentials={"api_key": "o" * 32})
    both = ElevenProtocol([seller.account, other.account], lambda: NOW, Limits())
    path = f"/rest/ordservices/complete/{window()}"
    found = [
        rows(tree(both.handle(Request("GET", path, "", {"openapikey": key}, b""))))
        for key in (KEY, "o" * 32)
    ]
    assert list(map(len, found)) == [0, 1]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "nothing/here"),
        ("GET", "ordservices/complete"),
        ("GET", "ordservices/complete/1/2/3"),
        ("POST", "ordservices/complete/1/2"),
        ("GET", "prodservices/stockqty/1"),
        ("GET", "null/null"),
        ("GET", ""),
    ],
)
def test_an_unknown_path_is_a_plain_404(seller, method, path):
    answer = seller.ask(path, method)
    assert (answer.status, answer.body) == (404, b"Not Found")


def test_trailing_null_segments_are_let_pass(seller):
    seller.line()
    assert len(seller.rows(f"ordservices/complete/{window()}/null/null")) == 1


def test_calls_beyond_a_set_rate_are_answered_429():
    seller = Seller(limits=Limits(eleven=2.0))
    statuses = [seller.ask("ordservices/complete/1").status for _ in range(4)]
    assert statuses[:2] == [200, 200]
    assert statuses[3] == 429


def test_writes_are_known_by_path_not_by_method(seller):
    writes = {
        f"{method} {path}"
        for method, path, segments in ROUTES
        if seller.protocol.is_write(Request(method, f"/rest/{path}" + "/1" * segments, "", {}, b""))
    }
    assert writes == {
        "GET ordservices/reqpackaging",
        "GET ordservices/reqdelivery",
        "POST ordservices/deliveryDelayGuide",
        "GET claimservice/reqrejectorder",
        "GET claimservice/cancelreqconf",
        "GET claimservice/cancelreqreject",
        "GET claimservice/cancelreqrejectNEW",
        "GET claimservice/returnreqconf",
        "GET claimservice/returnreqreject",
        "GET claimservice/exchangereqconf",
        "GET claimservice/exchangereqreject",
        "PUT prodservices/stockqty",
        "GET prodservices/product/price",
        "POST prodservices/product/priceCoupon",
        "PUT prodstatservice/stat/stopdisplay",
        "PUT prodstatservice/stat/restartdisplay",
    }
    assert not seller.protocol.is_write(Request("GET", "/rest/nothing", "", {}, b""))


# ── periods ────────────────────────────────────────────────────────────────────────────────────
CODES = {
    "ordservices/standby": ("-3102", "-3103", "-3104"),
    "ordservices/reservatecomplete": ("-3203", "-3204", "-3205"),
    "ordservices/complete": ("-3103", "-3104", "-3105"),
    "ordservices/packaging": ("-3303", "-3304", "-3305"),
    **{f"ordservices/{x}": ("-3902", "-3903", "-3904") for x in ("shipping", "dlvcompleted")},
    "ordservices/completed": ("-3902", "-3903", "-3904"),
    **{
        f"claimservice/{x}": ("-28007", "-28006", "-28008")
        for x in ("cancelorders", "canceledorders", "withdrawcanceledorders")
    },
    **{
        f"claimservice/{x}": ("-29007", "-29006", "-29008")
        for x in (
            "returnorders",
            "returnedorders",
            "exchangeorders",
            "exchangedorders",
            "officecancellist",
        )
    },
    "claimservice/retractretorders": ("-1", "-1", "-1"),
    "claimservice/retractexcorders": ("-1", "-1", "-1"),
}


@pytest.mark.parametrize("path", CODES)
def test_each_list_has_its_own_codes_for_a_wrong_period(seller, path):
    longest = timedelta(days=8) if "ordservices" in path else timedelta(days=30, minutes=1)
    bad_start, bad_end, too_long = CODES[path]
    start, end = minute(NOW - longest), minute(NOW)
    assert seller.code(f"{path}/2026022/{end}") == bad_start
    assert seller.code(f"{path}/202602300000/{end}") == bad_start
    assert seller.code(f"{path}/{end}/2026022512") == bad_end
    assert seller.code(f"{path}/{end}/{start}") == bad_end
    assert seller.code(f"{path}/{start}/{end}") == too_long
    allowed = minute(NOW - longest + timedelta(minutes=1))
    empty = "0" if "ordservices" in path else "-1"
    assert seller.code(f"{path}/{allowed}/{end}") == empty


def test_no_orders_is_code_0_and_no_claims_is_1_with_its_text(seller):
    orders = seller.xml(f"ordservices/complete/{window()}")
    claims = seller.xml(f"claimservice/returnorders/{window()}")
    assert [node.text for node in orders] == ["0", "조회된 결과가 없습니다."]
    assert [node.text for node in claims] == ["-1", "해당 건이 없습니다."]


# ── order lists ────────────────────────────────────────────────────────────────────────────────
LIST_OF = {
    LineStatus.UNPAID: "standby",
    LineStatus.NEW: "complete",
    LineStatus.CONFIRMED: "packaging",
    LineStatus.SHIPPED: "shipping",
    LineStatus.DELIVERED: "dlvcompleted",
    LineStatus.COMPLETED: "completed",
}
BEGAN = {
    LineStatus.UNPAID: NOW - 6 * HOUR,
    LineStatus.NEW: NOW - 5 * HOUR,
    LineStatus.CONFIRMED: NOW - 4 * HOUR,
    LineStatus.SHIPPED: NOW - 3 * HOUR,
    LineStatus.DELIVERED: NOW - 2 * HOUR,
    LineStatus.COMPLETED: NOW - HOUR,
}


@pytest.mark.parametrize("status", LIST_OF)
def test_a_line_stands_in_the_list_of_its_state_only(seller, status):
    line = seller.line(status)
    holding = {name for name in LIST_OF.values() if seller.rows(f"ordservices/{name}/{window()}")}
    assert holding == {LIST_OF[status]}
    row = seller.rows(f"ordservices/{LIST_OF[status]}/{window()}")[0]
    assert (row["ordNo"], row["ordPrdSeq"]) == (str(line.order.no), "1")


@pytest.mark.parametrize("status", LIST_OF)
def test_a_list_filters_on_when_its_state_began_both_ends_included(seller, status):
    seller.line(status)
    path, at = f"ordservices/{LIST_OF[status]}", BEGAN[status]
    short = timedelta(minutes=1)
    assert len(seller.rows(f"{path}/{window(at, at)}")) == 1
    assert seller.rows(f"{path}/{window(at + short, at + HOUR)}") == []
    assert seller.rows(f"{path}/{window(at - HOUR, at - short)}") == []


def test_the_end_of_a_period_includes_its_whole_minute(seller):
    at = NOW - 5 * HOUR + timedelta(seconds=59)
    seller.order(seller.listing().items[0], paid_at=at)
    assert len(seller.rows(f"ordservices/complete/{window(at - HOUR, at)}")) == 1


@pytest.mark.parametrize("status", list(LIST_OF)[1:])
def test_a_line_with_an_open_claim_is_in_no_order_list(seller, status):
    line = seller.line(status)
    claim = seller.shop.open_claim(line, ClaimKind.RETURN, 1)
    path = f"ordservices/{LIST_OF[status]}/{window()}"
    assert seller.rows(path) == []
    seller.shop.settle_claim(claim, ClaimStatus.WITHDRAWN)
    assert len(seller.rows(path)) == 1


def test_shipping_is_five_fields(seller):
    line = seller.line(LineStatus.SHIPPED)
    assert seller.rows(f"ordservices/shipping/{window()}") == [
        {
            "dlvEtprsCd": "00034",
            "invcNo": line.invoice_no,
            "ordNo": str(line.order.no),
            "ordPrdSeq": "1",
            "sndEndDt": "2026-03-01 09:00:00",
        }
    ]


def test_completed_and_delivered_rows_are_thin(seller):
    seller.line(LineStatus.COMPLETED)
    seller.line(LineStatus.DELIVERED)
    completed = seller.rows(f"ordservices/completed/{window()}")[0]
    delivered = seller.rows(f"ordservices/dlvcompleted/{window()}")[0]
    assert completed["pocnfrmDt"] == "2026-03-01 11:00:00"
    assert not {"prdStckNo", "rcvrBaseAddr", "ordPrdStat", "sellerDscPrc"} & completed.keys()
    assert not {"sellerDscPrc", "tmallDscPrc", "ordPayAmt"} & delivered.keys()
    assert (delivered["ordPrdStat"], delivered["ordMailNo"]) == ("501", "null")


def test_a_paid_row_says_what_the_guide_says(seller):
    item = seller.listing(has_options=True).items[0]
    item.name, item.surcharge = "사이즈:S,색상:아이보리", 1000
    order = seller.order(item, seller_discount=500)
    row = seller.rows(f"ordservices/complete/{window()}")[0]
    expected = {
        "ordNo": str(order.no),
        "ordPrdStat": "202",
        "ordDt": "2026-03-01 06:00:00",
        "ordStlEndDt": "2026-03-01 07:00:00",
        "dlvSndDue": "2026-03-02 00:00:00",
        "ordQty": "2",
        "selPrc": "19000",
        "ordOptWonStl": "2000",
        "ordAmt": "40000",
        "sellerDscPrc": "500",
        "tmallDscPrc": "2000",
        "ordPayAmt": "40000",
        "ordPayAmtPerSeq": "37500",
        "slctPrdOptNm": "사이즈:S,색상:아이보리-2개",
        "prdNm": "린넨 셔츠 & 벨트",
        "ordDlvReqCont": "문 앞에 <조용히> 놓아주세요",
        "dlvMthdCd": "null",
        "plcodrCnfDt": "null",
        "sndEndDt": "",
        "bndlDlvYN": "N",
        "bndlDlvSeq": "0",
    }
    assert {name: row[name] for name in expected} == expected


def test_lines_of_one_parcel_are_bundled_and_repeat_its_fee(seller):
    first, second = seller.listing(1).items[0], seller.listing(2).items[0]
    seller.order(first, second)
    found = seller.rows(f"ordservices/complete/{window()}")
    assert [(row["bndlDlvYN"], row["dlvCst"], row["ordPrdSeq"]) for row in found] == [
        ("Y", "2500", "1"),
        ("Y", "2500", "2"),
    ]
    assert len({row["dlvNo"] for row in found}) == 1


def test_a_partial_cancel_lowers_the_quantity_in_the_list_not_in_the_look_up(seller):
    line = seller.line()
    claim = seller.shop.open_claim(line, ClaimKind.CANCEL, 1)
    seller.shop.settle_claim(claim, ClaimStatus.DONE)
    row = seller.rows(f"ordservices/complete/{window()}")[0]
    status = seller.rows(f"claimservice/orderlistall/{line.order.no}")[0]
    assert (row["ordQty"], row["ordAmt"]) == ("1", "19000")
    assert (status["ordQty"], status["ordCnQty"], status["ordPrdStat"]) == ("2", "1", "202")


@pytest.mark.parametrize(("name", "is_capped"), [("complete", True), ("dlvcompleted", False)])
def test_three_thousand_rows_are_the_most_where_the_guide_says_so(seller, name, is_capped):
    status = {value: key for key, value in LIST_OF.items()}[name]
    for _ in range(3001):
        seller.line(status)
    found = seller.rows(f"ordservices/{name}/{window()}")
    assert len(found) == (3000 if is_capped else 3001)


@pytest.mark.parametrize(
    ("paid_ago", "state", "name"),
    [
        (timedelta(hours=1), LineStatus.NEW, None),
        (timedelta(days=1), LineStatus.NEW, "todaydelivery/completes"),
        (timedelta(days=1), LineStatus.CONFIRMED, "todaydelivery/packagings"),
        (timedelta(days=2), LineStatus.NEW, "delaydelivery/completes"),
        (timedelta(days=90), LineStatus.CONFIRMED, "delaydelivery/packagings"),
    ],
    ids=["tomorrow", "today", "today confirmed", "late", "late confirmed"],
)
def test_due_lists_hold_what_must_leave_today_or_is_late(seller, paid_ago, state, name):
    seller.order(seller.listing().items[0], paid_at=NOW - paid_ago, status=state, confirmed_at=NOW)
    names = [
        f"{due}delivery/{kind}"
        for due in ("today", "delay")
        for kind in ("completes", "packagings")
    ]
    assert [x for x in names if seller.rows(f"ordservices/{x}")] == ([name] if name else [])


# ── look-ups ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "status", [*PATH, LineStatus.NEW, LineStatus.CANCELLED, LineStatus.RETURNED]
)
def test_an_order_can_be_read_by_number_in_any_later_state(seller, status):
    line = seller.line(status)
    row = seller.rows(f"ordservices/complete/{line.order.no}")[0]
    assert (row["prdStckNo"], row["ordQty"]) == (str(line.item.no), "2")
    assert "ordPrdStat" not in row


def test_every_line_of_a_mixed_order_is_read_by_number(seller):
    order = seller.order(seller.listing(1).items[0], seller.listing(2).items[0])
    seller.shop.confirm(order.lines[0])
    found = seller.rows(f"ordservices/complete/{order.no}")
    status = seller.rows(f"claimservice/orderlistall/{order.no}")
    assert [row["ordPrdSeq"] for row in found] == ["1", "2"]
    assert [row["ordPrdStat"] for row in status] == ["301", "202"]


@pytest.mark.parametrize("number", ["1", "abc", "%EC%A3%BC", "9" * 40])
def test_an_unknown_order_number_finds_nothing(seller, number):
    seller.line(LineStatus.UNPAID)
    assert seller.code(f"ordservices/complete/{number}") == "0"
    assert seller.code(f"claimservice/orderlistall/{number}") == "-1"


def test_an_unpaid_order_is_not_read_by_number_but_has_a_status(seller):
    line = seller.line(LineStatus.UNPAID)
    assert seller.code(f"ordservices/complete/{line.order.no}") == "0"
    assert seller.rows(f"claimservice/orderlistall/{line.order.no}")[0]["ordPrdStat"] == "102"


@pytest.mark.parametrize("name", ["orderlistall", "orderlistalladdr"])
def test_a_status_look_up_takes_a_hundred_numbers(seller, name):
    numbers = [str(seller.line().order.no) for _ in range(101)]
    assert len(seller.rows(f"claimservice/{name}/{','.join(numbers[:100])}")) == 100
    assert seller.code(f"claimservice/{name}/{','.join(numbers)}") == "-28003"


def test_the_address_look_up_names_parcel_and_receiver(seller):
    line = seller.line(LineStatus.SHIPPED)
    row = seller.rows(f"claimservice/orderlistalladdr/{line.order.no}")[0]
    assert (row["invcNo"], row["rcvrNm"], row["dlvMthdCd"]) == (line.invoice_no, "홍길순", "01")


@pytest.mark.parametrize(
    ("kind", "code"),
    [(ClaimKind.CANCEL, "701"), (ClaimKind.RETURN, "601"), (ClaimKind.EXCHANGE, "601")],
)
def test_an_open_claim_hides_the_state_of_the_line(seller, kind, code):
    line = seller.line(LineStatus.CONFIRMED)
    seller.shop.open_claim(line, kind, 1)
    row = seller.rows(f"claimservice/orderlistall/{line.order.no}")[0]
    assert (row["ordPrdStat"], row["ordCnQty"]) == (code, "1" if code == "701" else "0")


# ── confirm ────────────────────────────────────────────────────────────────────────────────────
def confirming(line: Line, *, box: object = None, add_on: str = "null") -> str:
    return f"ordservices/reqpackaging/{line.order.no}/{line.no}/N/{add_on}/{box or line.box}"


def test_confirm_takes_all_lines_of_the_same_parcel_and_listing(seller):
    shirt, socks = seller.listing(1).items[0], seller.listing(2).items[0]
    first = seller.order(shirt, socks, box=77)
    second = seller.order(shirt, box=77)
    root = seller.xml(confirming(first.lines[0]))
    assert root.findtext("result_code") == "0"
    assert root.findtext("result_text") == "전체 2건이 정상적으로 발주처리가 되었습니다."
    states = [line.status for order in (first, second) for line in order.lines]
    assert states == [LineStatus.CONFIRMED, LineStatus.NEW, LineStatus.CONFIRMED]


def test_confirm_twice_and_confirm_of_nothing_are_the_same_code(seller):
    line = seller.line()
    assert seller.code(confirming(line, box=1)) == "-3206"
    assert line.status is LineStatus.NEW
    assert seller.code(confirming(line, add_on="0")) == "0"
    assert seller.code(confirming(line)) == "-3206"
    assert seller.code("ordservices/reqpackaging/1/1/N/null/1") == "-3206"


def test_confirm_refuses_cancelled_lines_and_lines_in_a_claim(seller):
    in_claim, cancelled = seller.line(), seller.line()
    seller.shop.open_claim(in_claim, ClaimKind.CANCEL, 2)
    seller.shop.settle_claim(
        seller.shop.open_claim(cancelled, ClaimKind.CANCEL, 2), ClaimStatus.DONE
    )
    assert seller.code(confirming(in_claim)) == "-3214"
    assert seller.code(confirming(cancelled)) == "-3211"


# ── dispatch ───────────────────────────────────────────────────────────────────────────────────
def sending(box: int, more: str = "", **values: str) -> str:
    sent = {"at": "202603011130", "method": "01", "carrier": "00034", "invoice": "627614443992"}
    parts = "/".join((sent | values).values())
    return f"ordservices/reqdelivery/{parts}/{box}{more}"


def test_dispatch_ships_the_confirmed_lines_of_a_parcel_across_orders(seller):
    item = seller.listing().items[0]
    confirmed = {"status": LineStatus.CONFIRMED, "confirmed_at": NOW - HOUR}
    orders = [seller.order(item, box=77, **confirmed) for _ in range(2)]
    waiting = seller.order(item, box=77)
    root = seller.xml(sending(77))
    assert root.findtext("result_text") == "전체 2건이 정상적으로 발송처리가 되었습니다."
    assert [order.lines[0].status for order in orders] == [LineStatus.SHIPPED] * 2
    assert waiting.lines[0].status is LineStatus.NEW
    assert {order.lines[0].invoice_no for order in orders} == {"627614443992"}


def test_dispatch_of_a_part_ships_the_named_lines_only(seller):
    items = [seller.listing(no).items[0] for no in (1, 2, 3)]
    order = seller.order(*items, box=77, status=LineStatus.CONFIRMED, confirmed_at=NOW - HOUR)
    assert seller.code(sending(77, f"/Y/{order.no}/1,3")) == "0"
    assert [line.status for line in order.lines] == [
        LineStatus.SHIPPED,
        LineStatus.CONFIRMED,
        LineStatus.SHIPPED,
    ]
    assert seller.code(sending(77, f"/Y/{order.no}/9")) == "-1"
    assert seller.code(sending(77, f"/X/{order.no}/2")) == "-1"
    assert seller.code(sending(77, f"/N/{order.no}/2")) == "0"
    assert order.lines[1].status is LineStatus.SHIPPED


def test_split_parcels_must_hold_all_that_is_left(seller):
    line = seller.line(LineStatus.CONFIRMED)
    ids = f"{line.order.no}/{line.no}"
    assert seller.code(sending(line.box, f"/1/{ids}/null")) == "-3311"
    assert seller.code(sending(line.box, f"/1/{ids}/2234566471@2")) == "-3311"
    assert line.status is LineStatus.CONFIRMED
    assert seller.code(sending(line.box, f"/1/{ids}/2234566471@1")) == "0"
    assert line.status is LineStatus.SHIPPED


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"at": "20260301"}, "-3301"),
        ({"at": "202613010000"}, "-3301"),
        ({"method": "02"}, "-1"),
        ({"carrier": "34"}, "-3307"),
        ({"carrier": "00001"}, "-3307"),
        ({"invoice": "6276-1444-3992"}, "-3306"),
        ({"invoice": "1" * 16}, "-3306"),
        ({"invoice": "null"}, "-3306"),
    ],
    ids=lambda value: str(value),
)
def test_dispatch_checks_what_it_is_told(seller, values, code):
    line = seller.line(LineStatus.CONFIRMED)
    assert seller.code(sending(line.box, **values)) == code
    assert line.status is LineStatus.CONFIRMED


def test_dispatch_without_a_carrier_leaves_carrier_and_number_null(seller):
    line = seller.line(LineStatus.CONFIRMED)
    assert seller.code(sending(line.box, method="05", carrier="null", invoice="null")) == "0"
    row = seller.rows(f"ordservices/complete/{line.order.no}")[0]
    assert (row["dlvMthdCd"], row["dlvEtprsCd"], row["invcNo"]) == ("99", "", "")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (LineStatus.NEW, "-3313"),
        (LineStatus.SHIPPED, "-3308"),
        (LineStatus.DELIVERED, "-3309"),
        (LineStatus.COMPLETED, "-3309"),
        (LineStatus.CANCELLED, "-3310"),
    ],
)
def test_dispatch_says_why_a_line_cannot_leave(seller, status, code):
    assert seller.code(sending(seller.line(status).box)) == code


def test_dispatch_stops_at_an_open_claim_and_at_an_unknown_parcel(seller):
    line = seller.line(LineStatus.CONFIRMED)
    seller.shop.open_claim(line, ClaimKind.CANCEL, 1)
    assert seller.code(sending(line.box)) == "-3310"
    assert seller.code(sending(1)) == "-1"


def test_a_tracking_number_serves_one_parcel(seller):
    first, second = seller.line(LineStatus.CONFIRMED), seller.line(LineStatus.CONFIRMED)
    assert seller.code(sending(first.box)) == "0"
    assert seller.code(sending(second.box)) == "-3320"


# ── refusing, delaying ─────────────────────────────────────────────────────────────────────────
def test_refusing_to_sell_cancels_the_line_on_the_sellers_account(seller):
    line = seller.line()
    path = f"claimservice/reqrejectorder/{line.order.no}/1/08/{quote('품절/재고 없음', safe='')}"
    assert seller.code(path) == "0"
    assert line.status is LineStatus.CANCELLED
    row = seller.rows(f"claimservice/canceledorders/{window(until=NOW + HOUR)}")[0]
    assert (row["ordCnMnbdCd"], row["ordCnRsnCd"], row["ordCnDtlsRsn"], row["ordCnQty"]) == (
        "02",
        "08",
        "품절/재고 없음",
        "2",
    )
    assert seller.code(path) == "-21004"


@pytest.mark.parametrize(
    ("order", "line", "reason", "code"),
    [("1", "1", "08", "-21002"), ("{}", "9", "08", "-21003"), ("{}", "1", "77", "-1")],
    ids=["order", "line", "reason"],
)
def test_refusing_to_sell_names_what_is_wrong(seller, order, line, reason, code):
    number = order.format(seller.line().order.no)
    assert seller.code(f"claimservice/reqrejectorder/{number}/{line}/{reason}/x") == code


def test_a_delay_notice_changes_no_state(seller):
    line = seller.line(LineStatus.CONFIRMED)
    body = (
        "<DeliveryDelayGuideRequest><ordNo>{}</ordNo><dlvNo>{}</dlvNo><delaySendDt>{}</delaySendDt>"
        "<delaySendRsnCd>01</delaySendRsnCd></DeliveryDelayGuideRequest>"
    )
    path = "ordservices/deliveryDelayGuide"
    good = body.format(line.order.no, line.box, "20260305")
    assert seller.code(path, "POST", good) == "0"
    assert seller.code(path, "POST", good.replace("20260305", "20260501")) == "-1"
    assert seller.code(path, "POST", good.replace(">01<", ">09<")) == "-1"
    assert seller.code(path, "POST", body.format(1, 1, "20260305")) == "-1"
    assert seller.code(path, "POST", "<x/>") == "-1"
    assert line.status is LineStatus.CONFIRMED


# ── claims ─────────────────────────────────────────────────────────────────────────────────────
CLAIM_LISTS = {
    (ClaimKind.CANCEL, ClaimStatus.REQUESTED): ("cancelorders", "ordCnStatCd", "01"),
    (ClaimKind.CANCEL, ClaimStatus.DONE): ("canceledorders", "ordCnStatCd", "02"),
    (ClaimKind.CANCEL, ClaimStatus.WITHDRAWN): ("withdrawcanceledorders", "ordCnStatCd", "05"),
    (ClaimKind.CANCEL, ClaimStatus.REJECTED): ("withdrawcanceledorders", "ordCnStatCd", "05"),
    (ClaimKind.RETURN, ClaimStatus.REQUESTED): ("returnorders", "clmStat", "105"),
    (ClaimKind.RETURN, ClaimStatus.DONE): ("returnedorders", "clmStat", "106"),
    (ClaimKind.RETURN, ClaimStatus.REJECTED): ("retractretorders", "clmStat", "107"),
    (ClaimKind.RETURN, ClaimStatus.WITHDRAWN): ("retractretorders", "clmStat", "108"),
    (ClaimKind.EXCHANGE, ClaimStatus.REQUESTED): ("exchangeorders", "clmStat", "201"),
    (ClaimKind.EXCHANGE, ClaimStatus.DONE): ("exchangedorders", "clmStat", "221"),
    (ClaimKind.EXCHANGE, ClaimStatus.REJECTED): ("retractexcorders", "clmStat", "232"),
    (ClaimKind.EXCHANGE, ClaimStatus.WITHDRAWN): ("retractexcorders", "clmStat", "233"),
}


@pytest.mark.parametrize(("kind", "status"), CLAIM_LISTS)
def test_a_claim_stands_in_the_one_list_of_its_kind_and_state(seller, kind, status):
    claim = seller.shop.open_claim(
        seller.line(LineStatus.DELIVERED), kind, 1, reason="사이즈 <작음>"
    )
    if status is not ClaimStatus.REQUESTED:
        seller.shop.settle_claim(claim, status)
    names = dict.fromkeys([name for name, _, _ in CLAIM_LISTS.values()] + ["officecancellist"])
    found = {name: seller.rows(f"claimservice/{name}/{window()}") for name in names}
    expected, leaf, code = CLAIM_LISTS[kind, status]
    assert [name for name in names if found[name]] == [expected]
    row = found[expected][0]
    assert row[leaf] == code
    assert row["ordPrdCnSeq" if kind is ClaimKind.CANCEL else "clmReqSeq"] == str(claim.no)
    assert row["ordCnQty" if kind is ClaimKind.CANCEL else "clmReqQty"] == "1"
    assert row["ordCnDtlsRsn" if kind is ClaimKind.CANCEL else "clmReqCont"] == "사이즈 <작음>"
    assert "prdStckNo" not in row


def test_a_cancellation_after_the_purchase_was_confirmed_has_its_own_list(seller):
    line = seller.line(LineStatus.COMPLETED)
    claim = seller.shop.open_claim(line, ClaimKind.CANCEL, 2)
    seller.shop.settle_claim(claim, ClaimStatus.DONE)
    assert seller.rows(f"claimservice/canceledorders/{window()}") == []
    assert len(seller.rows(f"claimservice/officecancellist/{window()}")) == 1
    assert seller.rows(f"claimservice/orderlistall/{line.order.no}")[0]["ordPrdStat"] == "C01"


def test_amounts_of_claims_have_commas_and_null_texts(seller):
    seller.shop.open_claim(seller.line(LineStatus.DELIVERED), ClaimKind.EXCHANGE, 1)
    row = seller.rows(f"claimservice/exchangeorders/{window()}")[0]
    assert (row["clmLstDlvCst"], row["appmtDlvCst"]) == ("6,000", "2,500")
    assert row["clmDlvCstMthd"] == "null"


def test_a_claim_list_filters_by_request_and_by_end(seller):
    claim = seller.shop.open_claim(seller.line(LineStatus.DELIVERED), ClaimKind.RETURN, 1)
    seller.now = NOW + 24 * HOUR
    seller.shop.settle_claim(claim, ClaimStatus.DONE)
    day = timedelta(days=1)
    assert seller.rows(f"claimservice/returnedorders/{window(NOW - HOUR, NOW + HOUR)}") == []
    found = seller.rows(f"claimservice/returnedorders/{window(NOW + day, NOW + day)}")
    assert [row["trtEndDt"] for row in found] == ["2026-03-02 12:00:00"]


def ids(claim, *, claim_first: bool) -> str:
    order = f"{claim.line.order.no}/{claim.line.no}"
    return f"{claim.no}/{order}" if claim_first else f"{order}/{claim.no}"


def test_approving_a_cancellation_ends_it_once(seller):
    line = seller.line(LineStatus.CONFIRMED)
    claim = seller.shop.open_claim(line, ClaimKind.CANCEL, 2)
    path = f"claimservice/cancelreqconf/{ids(claim, claim_first=True)}"
    root = seller.xml(path)
    assert root.findtext("result_text") == "전체 1건이 정상적으로 취소처리가 되었습니다."
    assert line.status is LineStatus.CANCELLED
    again = seller.xml(path)
    assert again.findtext("result_code") == "-1"
    assert again.findtext("result_text") == "이미 취소 완료된 신청건 입니다."


def test_refusing_a_cancellation_ships_the_line(seller):
    line = seller.line(LineStatus.CONFIRMED)
    claim = seller.shop.open_claim(line, ClaimKind.CANCEL, 2)
    base = f"claimservice/cancelreqreject/{ids(claim, claim_first=False)}"
    assert seller.code(f"{base}/01/202603011200/00034/12345678901") == "-23003"
    assert seller.code(f"{base}/09/20260301/00034/12345678901") == "-23004"
    assert seller.code(f"{base}/01/20260301/00034/1234567890") == "-23005"
    assert seller.code(f"{base}/01/20260301/99999/12345678901") == "-23006"
    assert claim.status is ClaimStatus.REQUESTED
    assert seller.code(f"{base}/01/20260301/00034/12345678901") == "0"
    assert (claim.status, line.status) == (ClaimStatus.REJECTED, LineStatus.SHIPPED)
    assert seller.code(f"{base}/01/20260301/00034/12345678901") == "-23007"


def test_refusing_a_cancellation_in_the_new_form_wants_a_reason(seller):
    line = seller.line(LineStatus.CONFIRMED)
    claim = seller.shop.open_claim(line, ClaimKind.CANCEL, 1)
    path = f"claimservice/cancelreqrejectNEW/{ids(claim, claim_first=False)}/01/20260301/00034"
    assert seller.code(f"{path}/12345678901/09/x") == "-24001"
    assert seller.code(f"{path}/12345678901/02/null") == "-24002"
    assert seller.code(f"{path}/12345678901/02/x") == "0"


CLAIM_ACTIONS = [
    (ClaimKind.RETURN, "returnreqconf", True, "", "106"),
    (ClaimKind.RETURN, "returnreqreject", False, "/103/x", "107"),
    (ClaimKind.EXCHANGE, "exchangereqconf", True, "/00034/12345678901", "221"),
    (ClaimKind.EXCHANGE, "exchangereqreject", False, "/204/x", "232"),
]


@pytest.mark.parametrize(
    ("kind", "name", "claim_first", "more", "status"), CLAIM_ACTIONS, ids=lambda x: str(x)
)
def test_the_seller_answers_returns_and_exchanges(seller, kind, name, claim_first, more, status):
    claim = seller.shop.open_claim(seller.line(LineStatus.DELIVERED), kind, 2)
    path = f"claimservice/{name}/{ids(claim, claim_first=claim_first)}{more}"
    assert seller.code(path) == "0"
    lists = "retract{}orders" if name.endswith("reject") else None
    short = "ret" if kind is ClaimKind.RETURN else "exc"
    done = lists.format(short) if lists else f"{kind.value}{'ed' if short == 'ret' else 'd'}orders"
    found = seller.rows(f"claimservice/{done}/{window()}")
    assert [row["clmStat"] for row in found] == [status]
    assert int(seller.code(path)) < 0


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("cancelreqconf/{c}/1/1", "-22002"),
        ("cancelreqconf/{c}/{o}/9", "-22003"),
        ("cancelreqconf/1/{o}/1", "-22004"),
        ("returnreqconf/{c}/1/1", "-24002"),
        ("returnreqconf/{c}/{o}/9", "-24003"),
        ("returnreqconf/1/{o}/1", "-24004"),
        ("returnreqconf/{c}/{o}/1", "-24005"),
        ("returnreqreject/1/1/{c}/101/x", "-25002"),
        ("returnreqreject/{o}/1/{c}/101/x", "-25005"),
        ("exchangereqconf/1/{o}/1/00034/12345678901", "-27004"),
        ("exchangereqconf/{c}/{o}/1/00034/12345678901", "-27007"),
        ("exchangereqreject/{o}/9/{c}/201/x", "-26003"),
        ("exchangereqreject/{o}/1/{c}/201/x", "-26005"),
    ],
)
def test_a_claim_action_names_the_number_that_is_wrong(seller, path, code):
    claim = seller.shop.open_claim(seller.line(LineStatus.CONFIRMED), ClaimKind.CANCEL, 1)
    filled = path.format(c=claim.no, o=claim.line.order.no)
    assert seller.code(f"claimservice/{filled}") == code
    assert claim.status is ClaimStatus.REQUESTED


# ── products ───────────────────────────────────────────────────────────────────────────────────
SEARCH = "prodmarketservice/prodmarket"


def numbers(seller: Seller, **values: object) -> list[int]:
    return [int(row["prdNo"]) for row in seller.rows(SEARCH, "POST", search(**values))]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"limit": 3}, [9, 8, 7]),
        ({"limit": 3, "start": 0, "end": 3}, [9, 8, 7]),
        ({"limit": 3, "start": 4, "end": 6}, [6, 5, 4]),
        ({"limit": 2, "start": 4, "end": 6}, [6, 5]),
        ({"limit": 10, "start": 7, "end": 17}, [3, 2, 1]),
        ({"limit": 10, "start": 11, "end": 20}, []),
        ({"limit": 3, "start": 6, "end": 4}, []),
    ],
    ids=lambda value: str(value),
)
def test_search_pages_downwards_from_one_both_ends_included(seller, asked, expected):
    for no in range(1, 10):
        seller.listing(no)
    assert numbers(seller, **asked) == expected


def test_search_gives_five_hundred_rows_at_most(seller):
    for no in range(1, 503):
        seller.listing(no)
    assert len(numbers(seller, limit=1000, start=1, end=1000)) == 500


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"selStatCd": "104"}, [2]),
        ({"prdNo": "3"}, [3]),
        ({"prdNm": "양말"}, [3]),
        ({"category1": "77"}, [2]),
        ({"selMthdCd": "02"}, []),
        ({"prdNo": "", "selStatCd": "103"}, [3, 1]),
        ({"schDateType": "4", "schBgnDt": "20260220", "schEndDt": "20260220"}, [1]),
        ({"schDateType": "1", "schBgnDt": "20260220", "schEndDt": "20260220"}, []),
    ],
    ids=lambda value: str(value),
)
def test_search_filters_by_the_fields_that_are_filled_in(seller, asked, expected):
    seller.listing(1, modified_at=datetime(2026, 2, 19, 15, 0, tzinfo=UTC))
    seller.listing(2, status=ProductStatus.SOLD_OUT, category=77)
    seller.listing(3, name="양말")
    seller.listing(4, status=ProductStatus.DELETED)
    assert numbers(seller, limit=10, **asked) == expected


@pytest.mark.parametrize(
    "asked",
    [
        {"start": 1, "end": 10},
        {"limit": "ten"},
        {"limit": 10, "start": "x"},
        {"limit": 10, "schDateType": "4"},
        {"limit": 10, "schDateType": "9", "schBgnDt": "20260220", "schEndDt": "20260220"},
    ],
    ids=["no limit", "text", "start", "dates missing", "date type"],
)
def test_search_refuses_what_the_guide_does_not_allow(seller, asked):
    assert seller.code(SEARCH, "POST", search(**asked)) == "400"


def test_a_repeated_page_is_the_page_before(seller):
    for no in range(1, 10):
        seller.listing(no)
    body = search(limit=3, start=4, end=6)
    again = seller.ask(SEARCH, "POST", body, fault=Fault.DUPLICATE_PAGE)
    assert [row["prdNo"] for row in rows(tree(again))] == ["9", "8", "7"]
    assert numbers(seller, limit=3, start=4, end=6) == [6, 5, 4]


def test_one_listing_never_shows_its_stock(seller):
    listing = seller.listing(stock=997, discount=1000)
    root = seller.xml(f"{SEARCH}/{listing.no}")
    assert root.tag == "Product"
    assert root.findtext("prdStckQty") == "0"
    assert root.findtext("cuponcheck") == "Y"
    assert root.findtext("dscAmtPercnt") == "1000"
    assert root.findtext("selStatNm") == "판매중"
    assert [local(leaf) for leaf in root] == sorted(local(leaf) for leaf in root)


@pytest.mark.parametrize("number", ["3782058673", "abc"])
def test_an_unknown_listing_is_http_200_without_a_number(seller, number):
    answer = seller.ask(f"{SEARCH}/{number}")
    root = tree(answer)
    assert answer.status == 200
    assert {local(leaf): leaf.text for leaf in root} == {
        "message": f"[{number}] 상품 정보 조회중 오류입니다.해당 상품의 정보를 찾을 수 없습니다. "
        f"상품번호 : {number}",
        "nResult": "0",
        "validateMsg": None,
    }


def test_a_sellers_code_may_name_several_listings_or_none(seller):
    for no in (1, 2):
        seller.listing(no, seller_code="여름/A 1")
    path = "prodmarketservice/sellerprodcode/"
    found = seller.rows(path + quote("여름/A 1", safe=""))
    assert [row["prdNo"] for row in found] == ["1", "2"]
    empty = seller.xml(path + "nothing")
    assert (empty.tag, len(empty)) == (NS + "products", 0)


# ── stock ──────────────────────────────────────────────────────────────────────────────────────
STOCK = "prodmarketservice/prodmarket/stck"


def stock_body(listing: Listing, **values: object) -> str:
    item = listing.items[0]
    fields = {"prdNo": listing.no, "prdStckNo": item.no, "stckQty": 300, "optWght": item.opt_weight}
    leaves = "".join(f"<{k}>{v}</{k}>" for k, v in (fields | values).items() if v is not None)
    return f'<?xml version="1.0" encoding="EUC-KR"?><ProductStock>{leaves}</ProductStock>'


def test_a_listing_without_options_has_one_row_and_no_option_names(seller):
    listing = seller.listing(stock=997)
    root = seller.xml(f"{STOCK}/{listing.no}")
    assert rows(root) == [
        {
            "addPrc": "0",
            "mixOptNo": "0",
            "optWght": "0",
            "prdNo": str(listing.no),
            "prdStckNo": str(listing.items[0].no),
            "prdStckStatCd": "01",
            "selQty": "0",
            "sellerStockCd": f"ROW-{listing.no}",
            "stckQty": "997",
        }
    ]
    identity = {local(node): node.text for node in root if local(node) != "ProductStock"}
    assert identity == {
        "prdNm": listing.name,
        "prdNo": str(listing.no),
        "sellerPrdCd": listing.seller_code,
    }
    assert all(str(node.tag).startswith(NS) for node in root)


@pytest.mark.parametrize(
    ("name", "axes", "values", "places"),
    [
        ("사이즈:S,색상:아이보리", "사이즈,색상", "S,아이보리", "1,1"),
        ("빨강, 큰 것", "옵션", "빨강, 큰 것", "1"),
    ],
    ids=["axes", "plain"],
)
def test_options_are_named_by_axis_value_and_number(seller, name, axes, values, places):
    listing = seller.listing(has_options=True)
    listing.items[0].name = name
    row = seller.rows(f"{STOCK}/{listing.no}")[0]
    assert (row["mixOptNm"], row["mixDtlOptNm"], row["mixOptNo"]) == (axes, values, places)


def test_an_unknown_listing_has_a_message_instead_of_stock(seller):
    root = seller.xml(f"{STOCK}/1")
    assert root.tag == NS + "ProductStocks"
    assert root.findtext(NS + "message")
    assert root.find(NS + "prdNo") is None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (
            "<ProductStocks><ProductStock><prdNo>1</prdNo></ProductStock>"
            "<ProductStock><prdNo>2</prdNo></ProductStock>"
            "<ProductStock><prdNo>3</prdNo></ProductStock></ProductStocks>",
            ["1", "2"],
        ),
        ("<prdNo>2</prdNo>", ["2"]),
    ],
    ids=["wrapper", "bare"],
)
def test_stock_of_many_takes_both_forms_and_answers_in_a_double_plural(seller, body, found):
    seller.listing(1)
    seller.listing(2)
    root = seller.xml("prodmarketservice/prodmarket/stocks", "POST", body)
    assert root.tag == NS + "ProductStockss"
    assert root.findtext(NS + "message") == f"{len(found)} 건을 조회했습니다."
    assert [group.findtext(NS + "prdNo") for group in root.findall(NS + "ProductStocks")] == found


def test_a_wrapper_without_its_inner_element_is_a_stock_error(seller):
    body = "<ProductStocks><prdNo>1</prdNo></ProductStocks>"
    root = seller.xml("prodmarketservice/prodmarket/stocks", "POST", body)
    assert "재고 정보 조회 오류" in "".join(root.itertext())


def test_setting_stock_to_nothing_and_back_moves_row_and_listing(seller):
    listing = seller.listing(stock=5)
    row = listing.items[0].no
    seen = []
    for quantity in (0, 300):
        root = seller.xml(
            f"prodservices/stockqty/{row}", "PUT", stock_body(listing, stckQty=quantity)
        )
        assert (root.findtext("resultCode"), root.findtext("productNo")) == ("200", str(row))
        stock = seller.rows(f"{STOCK}/{listing.no}")[0]
        status = seller.xml(f"{SEARCH}/{listing.no}").findtext("selStatCd")
        seen.append((stock["stckQty"], stock["prdStckStatCd"], status))
    assert seen == [("0", "02", "104"), ("300", "01", "103")]


def test_a_stopped_listing_stays_stopped_when_its_stock_changes(seller):
    listing = seller.listing(status=ProductStatus.PAUSED)
    path = f"prodservices/stockqty/{listing.items[0].no}"
    for quantity in (0, 300):
        assert seller.code(path, "PUT", stock_body(listing, stckQty=quantity)) == "200"
        assert seller.xml(f"{SEARCH}/{listing.no}").findtext("selStatCd") == "105"


def test_the_weight_that_is_sent_replaces_the_one_that_stood(seller):
    listing = seller.listing()
    listing.items[0].opt_weight = 11
    path = f"prodservices/stockqty/{listing.items[0].no}"
    assert seller.code(path, "PUT", stock_body(listing)) == "200"
    assert seller.rows(f"{STOCK}/{listing.no}")[0]["optWght"] == "11"
    assert seller.code(path, "PUT", stock_body(listing, optWght=0)) == "200"
    assert seller.rows(f"{STOCK}/{listing.no}")[0]["optWght"] == "0"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        *[({name: None}, "400") for name in ("prdNo", "prdStckNo", "stckQty", "optWght")],
        ({"prdStckNo": 5}, "400"),
        ({"prdNo": 5}, "404"),
        ({"stckQty": -1}, "400"),
        ({"stckQty": "many"}, "400"),
        ({"optWght": "light"}, "400"),
    ],
    ids=lambda value: str(value),
)
def test_setting_stock_wants_four_right_fields(seller, values, code):
    listing = seller.listing(stock=5)
    path = f"prodservices/stockqty/{listing.items[0].no}"
    assert seller.code(path, "PUT", stock_body(listing, **values)) == code
    assert listing.items[0].stock == 5


# ── price and display ──────────────────────────────────────────────────────────────────────────
def test_a_price_receipt_names_the_old_price_and_no_listing(seller):
    listing = seller.listing()
    root = seller.xml(f"prodservices/product/price/{listing.no}/21000")
    assert {local(leaf): leaf.text for leaf in root} == {
        "message": f"(상품번호:{listing.no})의 가격이 업데이트 되었습니다",
        "preSelPrc": "19000",
        "productNo": None,
        "resultCode": "200",
    }
    assert listing.base_price == 21000


@pytest.mark.parametrize(
    ("price", "code"),
    [
        (28500, "200"),
        (28510, "500"),
        (3800, "200"),
        (3790, "500"),
        (19005, "500"),
        (0, "500"),
        ("abc", "500"),
    ],
)
def test_a_price_moves_by_ten_won_up_half_and_down_four_fifths(seller, price, code):
    listing = seller.listing()
    assert seller.code(f"prodservices/product/price/{listing.no}/{price}") == code
    assert listing.base_price == (price if code == "200" else 19000)


def test_a_price_stays_below_a_thousand_million(seller):
    listing = seller.listing(base_price=999_999_990)
    assert seller.code(f"prodservices/product/price/{listing.no}/1000000000") == "500"


def test_a_price_stays_above_its_discount_and_keeps_options_in_their_band(seller):
    discounted, costly = seller.listing(1, discount=10000), seller.listing(2)
    costly.items[0].surcharge = 15000
    assert seller.code("prodservices/product/price/1/10000") == "500"
    assert seller.code("prodservices/product/price/2/14990") == "500"
    assert seller.code("prodservices/product/price/2/15000") == "200"
    assert seller.code("prodservices/product/price/9/15000") == "500"
    assert discounted.base_price == 19000


@pytest.mark.parametrize(
    ("body", "code", "price", "discount"),
    [
        (
            "<selPrc>20000</selPrc><cuponcheck>Y</cuponcheck><dscAmtPercnt>10</dscAmtPercnt>"
            "<cupnDscMthdCd>02</cupnDscMthdCd>",
            "200",
            20000,
            2000,
        ),
        (
            "<selPrc>20000</selPrc><cuponcheck>Y</cuponcheck><dscAmtPercnt>500</dscAmtPercnt>"
            "<cupnDscMthdCd>01</cupnDscMthdCd>",
            "200",
            20000,
            500,
        ),
        ("<cuponcheck>N</cuponcheck>", "200", 19000, 0),
        ("<selPrc>20000</selPrc><cuponcheck>Y</cuponcheck>", "500", 19000, 100),
        ("<selPrc>90000</selPrc><cuponcheck>N</cuponcheck>", "500", 19000, 100),
        ("<selPrc>20000</selPrc>", "500", 19000, 100),
    ],
    ids=["percent", "won", "off", "no amount", "too far", "no switch"],
)
def test_price_and_discount_move_together(seller, body, code, price, discount):
    listing = seller.listing(discount=100)
    path = f"prodservices/product/priceCoupon/{listing.no}"
    assert seller.code(path, "POST", f"<Product>{body}</Product>") == code
    assert (listing.base_price, listing.discount) == (price, discount)


def test_display_stops_and_starts_again(seller):
    listing = seller.listing()
    stop, restart = (
        f"prodstatservice/stat/{name}/{listing.no}" for name in ("stopdisplay", "restartdisplay")
    )
    assert seller.code(restart, "PUT") == "500"
    root = seller.xml(stop, "PUT")
    assert root.findtext("message") == "판매상태가 수정되었습니다. [STAT : 105]"
    assert seller.code(stop, "PUT") == "500"
    assert "[STAT : 103]" in seller.xml(restart, "PUT").findtext("message", "")
    assert seller.code("prodstatservice/stat/stopdisplay/1", "PUT") == "500"


def test_display_without_stock_starts_as_sold_out(seller):
    listing = seller.listing(stock=0, status=ProductStatus.PAUSED)
    root = seller.xml(f"prodstatservice/stat/restartdisplay/{listing.no}", "PUT")
    assert "[STAT : 104]" in root.findtext("message", "")


# ── faults and memory ──────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("fault", "status", "start"),
    [
        (Fault.BUSY, 429, b"Too Many"),
        (Fault.ERROR_BEFORE, 500, b"Internal Server Error"),
        (Fault.ERROR_AFTER, 504, b"Gateway"),
        (Fault.HTML, 200, b"<html>"),
    ],
)
def test_failures_are_plain_text_or_a_page(seller, fault, status, start):
    request = Request("GET", "/rest/ordservices/complete/1", "", {}, b"")
    answer = seller.protocol.failure(request, fault)
    assert (answer.status, answer.body.startswith(start)) == (status, True)
    assert answer.headers["Content-Type"].startswith("text/")


def broken(answers: Iterable[bytes], whole: bytes) -> list[str]:
    """Name, for each answer, the rows that differ from the whole one."""
    row = re.compile(rb"<ns2:order>.*?</ns2:order>", re.DOTALL)
    kept = set(row.findall(whole))
    return ["".join("." if x in kept else "x" for x in row.findall(answer)) for answer in answers]


def test_a_malformed_row_is_one_row_and_another_way_each_time(seller):
    for _ in range(3):
        seller.line()
    path = f"ordservices/complete/{window()}"
    whole = seller.ask(path).body
    answers = [seller.ask(path, fault=Fault.MALFORMED_ROW).body for _ in BREAKS]
    assert broken(answers, whole) == ["x..", ".x.", "..x", "x..", ".x.", "..x", "x.."]
    texts = [b"<ordQty>two", b"<selPrc>-100", b"2026-13-45 99:99:99", b"<ordPrdStat>Z9", b"&#x1F;"]
    assert [text in body for text, body in zip(texts, answers[1:], strict=False)] == [True] * 5
    assert answers[0].count(b"<ordNo>") == 2
    with pytest.raises(UnicodeDecodeError):
        answers[6].decode("cp949")
    assert seller.ask(path).body == whole


def test_rows_of_every_kind_can_be_spoiled(seller):
    listing = seller.listing()
    seller.shop.open_claim(seller.line(LineStatus.SHIPPED), ClaimKind.RETURN, 1)
    for path, method, body in [
        (f"{STOCK}/{listing.no}", "GET", ""),
        (SEARCH, "POST", search(limit=10)),
        (f"claimservice/returnorders/{window()}", "GET", ""),
    ]:
        whole = seller.ask(path, method, body).body
        assert seller.ask(path, method, body, fault=Fault.MALFORMED_ROW).body != whole


def test_an_answer_without_rows_and_a_write_are_not_spoiled(seller):
    empty = Breaker().spoil(b"<ns2:orders></ns2:orders>")
    assert empty == b"<ns2:orders></ns2:orders>"
    listing = seller.listing()
    path = f"prodservices/stockqty/{listing.items[0].no}"
    answer = seller.ask(path, "PUT", stock_body(listing), fault=Fault.MALFORMED_ROW)
    assert tree(answer).findtext("resultCode") == "200"


def test_an_answer_is_kept_until_the_shop_changes(seller):
    line = seller.line()
    path = f"ordservices/complete/{window()}"
    first = seller.ask(path).body
    assert seller.ask(path).body is first
    seller.shop.confirm(line)
    assert seller.rows(path) == []


def test_a_list_of_what_is_due_moves_with_the_day(seller):
    seller.line()
    assert seller.rows("ordservices/todaydelivery/completes") == []
    seller.now = NOW + 24 * HOUR
    assert len(seller.rows("ordservices/todaydelivery/completes")) == 1
