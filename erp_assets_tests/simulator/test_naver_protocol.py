import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import urlencode

import bcrypt
import pytest

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus
from erp_assets.simulator.naver import NaverProtocol
from erp_assets.simulator.wire import Account, Fault, Limits, Request, Response
from erp_assets.simulator.world import Item, Line, Listing, Order, Shop

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)  # 12:00 in Korea
WALL = datetime(2025, 12, 31, 15, 0, tzinfo=UTC)  # the moment of vector 2
CLIENT = "7sim0Shop0Client0AppId"
SECRET = "$2a$04$Nv.Sim0Secret0Salt0Aqe"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
UNLIMITED = Limits(naver_orders=None, naver_products=None)

TOKEN = "/external/v1/oauth2/token"
LINES = "/external/v1/pay-order/seller/product-orders"
FEED = f"{LINES}/last-changed-statuses"
ORIGIN = "/external/v1/products/origin-products"
ACCOUNT = "/external/v1/seller/account"
RATE_HEADERS = {
    "GNCP-GW-RateLimit-Replenish-Rate",
    "GNCP-GW-RateLimit-Burst-Capacity",
    "GNCP-GW-RateLimit-Remaining",
}


def sign(client_id: str, timestamp: object, secret: str) -> str:
    hashed = bcrypt.hashpw(f"{client_id}_{timestamp}".encode(), secret.encode())
    return base64.b64encode(hashed).decode()


def kst(at: datetime) -> str:
    return (at + 9 * HOUR).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+09:00"


class Seller:
    """A shop behind a protocol, and shorthand for asking it."""

    def __init__(self, *, limits: Limits = UNLIMITED, **credentials: str) -> None:
        self.now, self.wall, self.ticks = NOW, WALL, 0.0
        self.shop = Shop("naver", lambda: self.now)
        keys = {"client_id": CLIENT, "client_secret": SECRET, **credentials}
        self.account = Account("naver", self.shop, keys)
        self.protocol = NaverProtocol(
            [self.account],
            lambda: self.now,
            limits,
            wall=lambda: self.wall,
            ticks=lambda: self.ticks,
        )
        self.token = ""
        self._orders, self._lines = count(2026051120593131), count(2026051122442301)
        self._listings = count(9000000101)

    def form(self, **changes: object) -> dict:
        timestamp = int(self.wall.timestamp() * 1000)
        client = str(changes.get("client_id", CLIENT))
        fields = {
            "client_id": CLIENT,
            "timestamp": timestamp,
            "grant_type": "client_credentials",
            "client_secret_sign": sign(client, changes.get("timestamp", timestamp), SECRET),
            "type": "SELF",
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def ask_token(
        self, kind: str = "application/x-www-form-urlencoded", **changes: object
    ) -> Response:
        body = urlencode(self.form(**changes)).encode()
        return self.protocol.handle(Request("POST", TOKEN, "", {"content-type": kind}, body))

    def ask(
        self,
        path: str,
        query: str | dict = "",
        method: str = "GET",
        body: object = None,
        *,
        fault: Fault | None = None,
        address: str = "127.0.0.1",
    ) -> Response:
        if not self.token:
            self.token = json.loads(self.ask_token().body)["access_token"]
        text = urlencode(query) if isinstance(query, dict) else query
        sent = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        raw = b"" if body is None else json.dumps(body).encode()
        return self.protocol.handle(Request(method, path, text, sent, raw, address), fault)

    def json(self, *args: object, **options: object) -> dict:
        response = self.ask(*args, **options)  # type: ignore[arg-type]
        assert response.status == 200, response.body.decode()
        return json.loads(response.body)

    def code(self, *args: object, **options: object) -> tuple[int, str]:
        response = self.ask(*args, **options)  # type: ignore[arg-type]
        return response.status, json.loads(response.body)["code"]

    def listing(self, *surcharges: int, **values: object) -> Listing:
        no = next(self._listings)
        listing = Listing(
            no=no,
            channel_no=no + 500000,
            name=f"면 반팔 티셔츠 {no}",
            seller_code=f"TS-{no}",
            base_price=29000,
            status=ProductStatus.ON_SALE,
            created_at=NOW - 30 * DAY,
            modified_at=NOW - DAY,
            category=50000803,
            discount=3000,
            has_options=bool(surcharges),
        )
        for name, value in values.items():
            setattr(listing, name, value)
        for n, surcharge in enumerate(surcharges or (0,)):
            item = Item(listing, no * 10 + n, f"블랙 {n}", f"TS-{no}-{n}", "", surcharge, 20)
            listing.items.append(item)
        self.shop.add_listing(listing)
        return listing

    def order(
        self, *items: Item, at: datetime = NOW - HOUR, quantity: int = 2, **values: object
    ) -> Order:
        order = Order(
            no=next(self._orders),
            ordered_at=at - timedelta(seconds=30),
            paid_at=at,
            buyer="홍길동",
            phone="010-0000-0000",
            receiver="홍길동",
            postcode="04500",
            address="서울특별시 중구 세종대로 1",
            address_detail="101동 101호",
            note="문 앞에 놓아주세요",
        )
        for name, value in values.items():
            setattr(order, name, value)
        for item in items or (self.listing(0, 2000).items[1],):
            no = next(self._lines)
            order.lines.append(
                Line(
                    order=order,
                    no=no,
                    box=no + 7,
                    item=item,
                    quantity=quantity,
                    unit_price=item.price,
                    surcharge=item.surcharge,
                    seller_discount=6000,
                    market_discount=0,
                    shipping_fee=3000,
                    status=LineStatus.NEW if order.paid_at else LineStatus.UNPAID,
                    changed_at=at,
                    change="PAYED" if order.paid_at else "PAY_WAITING",
                )
            )
        self.shop.add_order(order)
        return order

    def line(self, **options: object) -> Line:
        return self.order(**options).lines[0]  # type: ignore[arg-type]

    def line_of(self, item: Item, at: datetime) -> Line:
        return self.order(item, at=at).lines[0]

    def detail(self, line: Line, *, with_parts: bool = True) -> dict:
        body = {"productOrderIds": [str(line.no)], "quantityClaimCompatibility": with_parts}
        (row,) = self.json(f"{LINES}/query", "", "POST", body)["data"]
        return row

    def feed(self, since: datetime, until: datetime, **more: object) -> dict:
        query = {"lastChangedFrom": kst(since), "lastChangedTo": kst(until), **more}
        return self.json(FEED, query)


@pytest.fixture
def seller() -> Seller:
    return Seller()


# ── tokens ─────────────────────────────────────────────────────────────────────────────────────
VECTORS = [
    (
        CLIENT,
        SECRET,
        1767193200000,
        "JDJhJDA0JE52LlNpbTBTZWNyZXQwU2FsdDBBcWU1RWhlb2pwLzUxWUZVU0czS2RaVVBSUkZxQXNYZXg2",
    ),
    (
        CLIENT,
        SECRET,
        1767193200001,
        "JDJhJDA0JE52LlNpbTBTZWNyZXQwU2FsdDBBcWU4SEFuVDQ2dDZmMlBOUG9UWTVMRFE3cnpnaGpRNjc2",
    ),
    (
        "4KstTestApplicationId1",
        "$2a$04$0123456789ABCDEFGHIJKO",
        1735689599999,
        "JDJhJDA0JDAxMjM0NTY3ODlBQkNERUZHSElKS09ZQ25SWTAvNGFFaEdXSjFPcU1Eb2MvVjZ3ZlJRdS9h",
    ),
    (
        "4KstTestApplicationId1",
        "$2a$10$0123456789ABCDEFGHIJKO",
        1735689599999,
        "JDJhJDEwJDAxMjM0NTY3ODlBQkNERUZHSElKS091UmpvUEdoV01mVzZwNjJzRy5qeUFYV2RET2xhU0xP",
    ),
]


@pytest.mark.parametrize(
    ("client", "secret", "timestamp", "signature"), VECTORS, ids=["2", "3", "4", "5"]
)
def test_vector_gets_a_token(client, secret, timestamp, signature):
    seller = Seller(client_id=client, client_secret=secret)
    seller.wall = datetime.fromtimestamp(timestamp / 1000, UTC)
    answer = seller.ask_token(client_id=client, timestamp=timestamp, client_secret_sign=signature)
    body = json.loads(answer.body)
    assert (answer.status, body["expires_in"], body["token_type"]) == (200, 10800, "Bearer")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_secret_sign": VECTORS[1][3]}, "client_secret_sign"),
        ({"client_secret_sign": "$2a$04$Nv.Sim0Secret0Salt0Aqe"}, "client_secret_sign"),
        ({"client_secret_sign": None}, "client_secret_sign"),
        ({"client_id": "unknown"}, "client_id"),
        ({"timestamp": 1767193200}, "timestamp"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"grant_type": "password"}, "grant_type"),
        ({"type": "STORE"}, "type"),
        ({"account_id": "ncp_1"}, "account_id"),
        ({"type": "SELLER"}, "account_id"),
        ({"type": "SELLER", "account_id": "ncp_other"}, "account_id"),
    ],
    ids=[
        *["other moment", "not base64", "no sign", "client", "seconds", "text", "grant", "type"],
        *["account of self", "no account", "other account"],
    ],
)
def test_token_request_is_refused_by_field(changes, field):
    answer = Seller(account_id="ncp_1").ask_token(**changes)
    body = json.loads(answer.body)
    assert (answer.status, body["code"]) == (400, "BAD_REQUEST")
    assert body["invalidInputs"][0]["name"] == field


@pytest.mark.parametrize(("seconds", "status"), [(-301, 400), (-300, 200), (300, 200), (301, 400)])
def test_timestamp_holds_for_five_minutes(seller, seconds, status):
    timestamp = int((WALL + timedelta(seconds=seconds)).timestamp() * 1000)
    assert seller.ask_token(timestamp=timestamp).status == status


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", ""])
def test_token_takes_forms_only(seller, kind):
    assert seller.ask_token(kind).status == 415


def test_token_fields_in_the_query_are_refused(seller):
    kind = {"content-type": "application/x-www-form-urlencoded"}
    request = Request("POST", TOKEN, urlencode(seller.form()), kind, b"")
    assert seller.protocol.handle(request).status == 415


def test_linked_seller_has_a_token_of_its_own():
    seller = Seller(account_id="ncp_1")
    own = json.loads(seller.ask_token().body)["access_token"]
    linked = json.loads(seller.ask_token(type="SELLER", account_id="ncp_1").body)
    assert linked["access_token"] != own


def test_token_is_given_again_until_half_an_hour_is_left(seller):
    def token() -> tuple[str, int]:
        body = json.loads(seller.ask_token().body)
        return body["access_token"], body["expires_in"]

    first, _ = token()
    seller.wall = WALL + timedelta(hours=2, minutes=30)
    assert token() == (first, 1800)
    seller.wall += timedelta(seconds=1)
    second, left = token()
    assert (second != first, left) == (True, 10800)
    seller.token = first
    assert seller.ask(ACCOUNT).status == 200  # the old one works until its own end
    seller.wall = WALL + timedelta(hours=3)
    assert seller.code(ACCOUNT) == (401, "GW.AUTHN")
    seller.token = second
    assert seller.ask(ACCOUNT).status == 200


# ── the gateway ────────────────────────────────────────────────────────────────────────────────
def test_every_answer_has_the_gateways_headers(seller):
    answers = [
        seller.ask_token(),
        seller.ask(ACCOUNT),
        seller.ask(FEED),
        seller.ask("/external/v1/nothing"),
        seller.protocol.failure(Request("GET", FEED, "", {}, b""), Fault.BUSY),
    ]
    assert [answer.status for answer in answers] == [200, 200, 400, 404, 429]
    for answer in answers:
        assert {"GNCP-GW-Trace-ID", "GNCP-GW-HttpClient-ResponseTime"} <= answer.headers.keys()
        assert answer.headers.keys() >= RATE_HEADERS
    traces = [answer.headers["GNCP-GW-Trace-ID"] for answer in answers]
    assert len(set(traces)) == len(traces)
    assert json.loads(answers[3].body)["traceId"] == traces[3]


def test_gateway_checks_in_its_order():
    seller = Seller(api_groups="상품,판매자정보")
    seller.ask_token()
    good, seller.token = json.loads(seller.ask_token().body)["access_token"], "bad"
    seller.account.allowed_addresses = frozenset({"127.0.0.1"})
    unknown = "/external/v1/nothing"
    assert seller.code(unknown, address="10.0.0.9") == (403, "GW.IP_NOT_ALLOWED")
    assert seller.code(unknown) == (404, "GW.NOT_FOUND")
    assert seller.code(FEED) == (401, "GW.AUTHN")
    seller.token = good
    assert seller.code(FEED) == (403, "GW.AUTHZ")
    assert seller.ask(ACCOUNT).status == 200


def test_address_is_checked_before_the_token_is_issued(seller):
    seller.account.allowed_addresses = frozenset({"10.0.0.1"})
    answer = seller.ask_token()
    assert (answer.status, json.loads(answer.body)["code"]) == (403, "GW.IP_NOT_ALLOWED")


def test_method_that_is_not_registered_is_not_found(seller):
    assert seller.code(FEED, "", "POST", {}) == (404, "GW.NOT_FOUND")


def test_expired_application_is_denied(seller):
    seller.ask(ACCOUNT)
    seller.account.expired = True
    assert seller.code(ACCOUNT) == (401, "GW.AUTHN")
    assert seller.ask_token().status == 403


def test_bucket_holds_twice_the_rate_and_refills():
    seller = Seller(limits=Limits())
    seller.ask(ACCOUNT)
    statuses = [seller.ask(ACCOUNT) for _ in range(4)]
    assert [answer.status for answer in statuses] == [200, 200, 200, 429]
    last = statuses[-1].headers
    assert [last[name] for name in sorted(RATE_HEADERS)] == ["4", "0", "2"]
    assert seller.ask(FEED).status == 400  # another API, another bucket
    seller.ticks = 0.5
    assert [seller.ask(ACCOUNT).status for _ in range(2)] == [200, 429]


def test_products_have_a_wider_bucket():
    seller = Seller(limits=Limits())
    answers = [seller.ask("/external/v1/products/search", "", "POST", {}) for _ in range(41)]
    assert [answer.status for answer in answers] == [200] * 40 + [429]
    assert answers[0].headers["GNCP-GW-RateLimit-Remaining"] == "39"


def test_revocation_kills_tokens_and_a_new_one_works(seller):
    assert seller.ask(ACCOUNT).status == 200
    assert seller.code(ACCOUNT, fault=Fault.REVOKE) == (401, "GW.AUTHN")
    assert seller.code(ACCOUNT) == (401, "GW.AUTHN")
    seller.token = ""
    assert seller.ask(ACCOUNT).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (Fault.BUSY, 429, b"GW.RATE_LIMIT"),
        (Fault.ERROR_BEFORE, 500, b"GW.INTERNAL_SERVER_ERROR"),
        (Fault.ERROR_AFTER, 504, b"GW.TIMEOUT.02"),
        (Fault.HTML, 502, b"<html>"),
    ],
)
def test_fault_speaks_as_the_gateway_does(seller, fault, status, text):
    answer = seller.protocol.failure(Request("GET", FEED, "", {}, b""), fault)
    assert answer.status == status
    assert text in answer.body


@pytest.mark.parametrize(
    ("method", "path", "is_write"),
    [
        ("POST", TOKEN, False),
        ("POST", f"{LINES}/query", False),
        ("POST", "/external/v1/products/search", False),
        ("POST", f"{LINES}/confirm", True),
        ("POST", f"{LINES}/dispatch", True),
        ("PUT", f"{ORIGIN}/1/option-stock", True),
        ("PUT", f"{ORIGIN}/1/change-status", True),
        ("PATCH", f"{ORIGIN}/multi-update", True),
        ("PUT", f"{ORIGIN}/bulk-update", True),
    ],
)
def test_writes_are_known(seller, method, path, is_write):
    assert seller.protocol.is_write(Request(method, path, "", {}, b"")) is is_write


def test_account_and_channel_are_told(seller):
    assert seller.json(ACCOUNT).keys() == {"accountId", "accountUid", "grade"}
    assert seller.json("/external/v1/seller/channels")["channelType"] == "STOREFARM"


# ── products ───────────────────────────────────────────────────────────────────────────────────
def search(seller: Seller, **body: object) -> dict:
    return seller.json("/external/v1/products/search", "", "POST", body)


def test_search_pages_to_the_last(seller):
    numbers = [seller.listing().no for _ in range(5)]
    pages = [search(seller, page=n, size=2) for n in (1, 2, 3)]
    found = [row["originProductNo"] for page in pages for row in page["contents"]]
    assert found == numbers[::-1]
    assert [(page["first"], page["last"]) for page in pages] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert (pages[0]["totalElements"], pages[0]["totalPages"]) == (5, 3)


def test_search_row_has_both_numbers_and_prices(seller):
    listing = seller.listing(0, 2000)
    (row,) = search(seller)["contents"]
    (channel,) = row["channelProducts"]
    assert channel["channelProductNo"] == listing.channel_no
    assert (channel["salePrice"], channel["discountedPrice"]) == (29000, 26000)
    assert (channel["stockQuantity"], channel["statusType"]) == (40, "SALE")
    assert channel["regDate"] == "2026-01-30T12:00:00.000+09:00"


def test_empty_search_says_last(seller):
    answer = search(seller)
    assert (answer["contents"], answer["totalElements"], answer["last"]) == ([], 0, True)


@pytest.mark.parametrize(
    ("body", "indexes"),
    [
        ({}, {0, 1}),
        ({"productStatusTypes": ["SALE"]}, {0}),
        ({"productStatusTypes": ["DELETE", "SUSPENSION"]}, {1, 2}),
        ({"searchKeywordType": "SELLER_CODE", "sellerManagementCode": "TS-90000001"}, {0, 1}),
        ({"searchKeywordType": "PRODUCT_NO", "originProductNos": [9000000102]}, {1}),
        ({"searchKeywordType": "CHANNEL_PRODUCT_NO", "channelProductNos": [9000500101]}, {0}),
        ({"periodType": "PROD_MOD_DAY", "fromDate": "2026-02-28", "toDate": "2026-02-28"}, {0, 1}),
        ({"periodType": "PROD_REG_DAY", "fromDate": "2026-02-28", "toDate": "2026-02-28"}, set()),
    ],
)
def test_search_finds_what_is_asked_for(seller, body, indexes):
    states = (ProductStatus.ON_SALE, ProductStatus.PAUSED, ProductStatus.DELETED)
    listings = [seller.listing(status=status) for status in states]
    found = {row["originProductNo"] for row in search(seller, **body)["contents"]}
    assert found == {listings[index].no for index in indexes}


@pytest.mark.parametrize(
    "body",
    [
        {"size": 501},
        {"size": 0},
        {"page": 0},
        {"page": "1"},
        {"productStatusTypes": ["ON_SALE"]},
        {"orderType": "BEST"},
        {"searchKeywordType": "NAME"},
        {"periodType": "PROD_REG_DAY", "fromDate": "20260101", "toDate": "2026-01-02"},
    ],
)
def test_search_refuses(seller, body):
    assert seller.code("/external/v1/products/search", "", "POST", body) == (400, "BAD_REQUEST")


def test_detail_is_the_same_by_either_number_and_names_none(seller):
    listing = seller.listing(0, 2000)
    origin = seller.json(f"/external/v2/products/origin-products/{listing.no}")
    channel = seller.json(f"/external/v2/products/channel-products/{listing.channel_no}")
    assert origin == channel
    assert "ProductNo" not in json.dumps(origin)
    info = origin["originProduct"]["detailAttribute"]["optionInfo"]
    assert info["optionCombinations"][1] == {
        "id": listing.items[1].no,
        "optionName1": "블랙 1",
        "stockQuantity": 20,
        "price": 2000,
        "sellerManagerCode": f"TS-{listing.no}-1",
        "usable": True,
    }


def test_listing_without_options_has_no_option_info(seller):
    listing = seller.listing()
    answer = seller.json(f"/external/v2/products/origin-products/{listing.no}")
    assert "optionInfo" not in answer["originProduct"]["detailAttribute"]
    assert answer["originProduct"]["stockQuantity"] == 20


@pytest.mark.parametrize("kind", ["origin", "channel"])
def test_unknown_product_is_not_found(seller, kind):
    assert seller.code(f"/external/v2/products/{kind}-products/1") == (404, "NOT_FOUND")


# ── status ─────────────────────────────────────────────────────────────────────────────────────
def change_status(seller: Seller, listing: Listing, **body: object) -> int:
    return seller.ask(f"{ORIGIN}/{listing.no}/change-status", "", "PUT", body).status


@pytest.mark.parametrize(
    ("before", "stock", "body", "status", "after"),
    [
        ("ON_SALE", 5, {"statusType": "SUSPENSION"}, 200, "PAUSED"),
        ("ON_SALE", 5, {"statusType": "OUTOFSTOCK"}, 200, "SOLD_OUT"),
        ("ON_SALE", 5, {"statusType": "SALE"}, 400, "ON_SALE"),
        ("PAUSED", 5, {"statusType": "SALE"}, 200, "ON_SALE"),
        ("PAUSED", 0, {"statusType": "SALE"}, 200, "PAUSED"),
        ("SOLD_OUT", 0, {"statusType": "SALE"}, 400, "SOLD_OUT"),
        ("SOLD_OUT", 0, {"statusType": "SALE", "stockQuantity": 9}, 200, "ON_SALE"),
        ("SOLD_OUT", 0, {"statusType": "SUSPENSION"}, 200, "PAUSED"),
        ("BANNED", 5, {"statusType": "SALE"}, 400, "BANNED"),
        ("ON_SALE", 5, {"statusType": "WAIT"}, 400, "ON_SALE"),
        ("ON_SALE", 5, {}, 400, "ON_SALE"),
    ],
)
def test_status_changes_by_the_table(seller, before, stock, body, status, after):
    listing = seller.listing(status=ProductStatus[before])
    listing.items[0].stock = stock
    assert change_status(seller, listing, **body) == status
    assert listing.status is ProductStatus[after]


def test_selling_out_empties_the_stock(seller):
    listing = seller.listing(0, 2000)
    change_status(seller, listing, statusType="OUTOFSTOCK")
    assert [item.stock for item in listing.items] == [0, 0]


# ── option stock ───────────────────────────────────────────────────────────────────────────────
def set_options(seller: Seller, listing: Listing, *rows: dict, **body: object) -> Response:
    info = {"optionCombinations": list(rows), "useStockManagement": True}
    return seller.ask(
        f"{ORIGIN}/{listing.no}/option-stock", "", "PUT", {"optionInfo": info, **body}
    )


def test_option_row_replaces_and_others_stay(seller):
    listing = seller.listing(0, 2000)
    row = {"id": listing.items[1].no, "stockQuantity": 7, "price": 1000, "usable": False}
    answer = json.loads(set_options(seller, listing, row).body)
    assert answer["originProductNo"] == listing.no
    assert answer["smartstoreChannelProductNo"] == listing.channel_no
    assert [(x.stock, x.surcharge, x.on_sale) for x in listing.items] == [
        (20, 0, True),
        (7, 1000, False),
    ]


def test_omitted_fields_of_a_row_are_wiped(seller):
    listing = seller.listing(0, 2000)
    listing.items[1].on_sale = False
    assert set_options(seller, listing, {"id": listing.items[1].no}).status == 200
    item = listing.items[1]
    assert (item.stock, item.surcharge, item.on_sale) == (0, 0, True)


@pytest.mark.parametrize("managed", [{}, {"useStockManagement": False}], ids=["absent", "false"])
def test_unmanaged_stock_becomes_9999(seller, managed):
    listing = seller.listing(0)
    rows = [{"id": listing.items[0].no, "stockQuantity": 3}]
    info = {"optionCombinations": rows, **managed}
    seller.json(f"{ORIGIN}/{listing.no}/option-stock", "", "PUT", {"optionInfo": info})
    assert listing.items[0].stock == 9999


def test_price_and_discount_travel_with_the_options(seller):
    listing = seller.listing(0)
    policy = {"discountMethod": {"value": 10, "unitType": "PERCENT"}}
    row = {"id": listing.items[0].no, "stockQuantity": 1}
    answer = set_options(
        seller,
        listing,
        row,
        productSalePrice={"salePrice": 31000},
        immediateDiscountPolicy=policy,
    )
    assert answer.status == 200
    assert (listing.base_price, listing.discount) == (31000, 3100)


@pytest.mark.parametrize(
    ("row", "body"),
    [
        ({"id": 1}, {}),
        ({"stockQuantity": -1}, {}),
        ({"stockQuantity": "5"}, {}),
        ({"stockQuantity": 100_000_000}, {}),
        ({"price": 14510}, {}),
        ({"price": -14510}, {}),
        ({"price": 5}, {}),
        ({"usable": "Y"}, {}),
        ({}, {"productSalePrice": {"salePrice": 29005}}),
        ({}, {"productSalePrice": {"salePrice": 1_000_000_000}}),
        ({}, {"immediateDiscountPolicy": {"discountMethod": {"value": 1}}}),
        ({}, {"optionInfo": {}}),
    ],
    ids=[
        *["id", "negative", "text", "stock", "dear", "cheap", "step", "usable"],
        *["price step", "price", "discount", "no rows"],
    ],
)
def test_bad_option_row_changes_nothing(seller, row, body):
    listing = seller.listing(0, 2000)
    good = {"id": listing.items[0].no, "stockQuantity": 1}
    bad = {"id": listing.items[1].no, "stockQuantity": 1, **row}
    answer = set_options(seller, listing, good, bad, **body)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "BAD_REQUEST")
    assert [x.stock for x in listing.items] == [20, 20]


def test_listing_without_options_has_no_option_stock(seller):
    listing = seller.listing()
    assert set_options(seller, listing, {"id": listing.items[0].no}).status == 400


# ── several listings ───────────────────────────────────────────────────────────────────────────
def multi(seller: Seller, *rows: dict) -> dict:
    body = {"multiProductUpdateRequestVos": list(rows)}
    return seller.json(f"{ORIGIN}/multi-update", "", "PATCH", body)["data"]


def test_multi_update_changes_the_named_areas_only(seller):
    plain, stopped = seller.listing(), seller.listing()
    price = {"productSalePrice": {"salePrice": 15900}, "stockQuantity": 7}
    data = multi(
        seller,
        {"originProductNo": plain.no, "multiUpdateTypes": ["SALE_PRICE"], **price},
        {"originProductNo": stopped.no, "multiUpdateTypes": ["PRODUCT_STATUS_SUSPENSION"]},
    )
    assert data["failOriginProducts"] == []
    assert (plain.base_price, plain.items[0].stock) == (15900, 20)
    assert stopped.status is ProductStatus.PAUSED


def test_multi_update_tells_what_failed(seller):
    plain, optional = seller.listing(), seller.listing(0)
    stock = {"multiUpdateTypes": ["STOCK"], "stockQuantity": 0}
    rows = [{"originProductNo": no, **stock} for no in (plain.no, optional.no, 1)]
    data = multi(seller, *rows)
    assert data["successOriginProductNos"] == [plain.no]
    assert [x["originProductNo"] for x in data["failOriginProducts"]] == [optional.no, 1]
    assert plain.status is ProductStatus.SOLD_OUT


def test_multi_update_knows_its_areas(seller):
    row = {"originProductNo": 1, "multiUpdateTypes": ["SELLER_MANAGEMENT_CODE"]}
    body = {"multiProductUpdateRequestVos": [row]}
    assert seller.ask(f"{ORIGIN}/multi-update", "", "PATCH", body).status == 400


@pytest.mark.parametrize(
    ("value", "way", "unit", "price"),
    [
        (10, "DOWN", "PERCENT", 26100),
        (1000, "UP", "WON", 30000),
        (25000, "TO", "WON", 25000),
        (10, "TO", "PERCENT", None),
        (5, "UP", "WON", None),
        (29000, "DOWN", "WON", None),
    ],
)
def test_bulk_update_moves_prices_alike(seller, value, way, unit, price):
    listings = [seller.listing(), seller.listing()]
    change = {
        "value": value,
        "productSalePriceChangerType": way,
        "productSalePriceChangerUnitType": unit,
    }
    body = {
        "originProductNos": [x.no for x in listings],
        "productBulkUpdateType": "SALE_PRICE",
        "productSalePrice": change,
    }
    answer = seller.ask(f"{ORIGIN}/bulk-update", "", "PUT", body)
    assert answer.status == (200 if price else 400)
    assert [x.base_price for x in listings] == [price or 29000] * 2


# ── the change feed ────────────────────────────────────────────────────────────────────────────
def test_feed_without_changes_has_no_data(seller):
    answer = seller.feed(NOW - DAY, NOW)
    assert answer.keys() == {"timestamp", "traceId"}
    assert answer["timestamp"] == "2026-03-01T12:00:00.000+09:00"


def test_feed_entry_tells_state_and_change(seller):
    line = seller.line()
    data = seller.feed(NOW - DAY, NOW)["data"]
    assert data == {
        "lastChangeStatuses": [
            {
                "productOrderStatus": "PAYED",
                "productOrderId": str(line.no),
                "orderId": str(line.order.no),
                "paymentDate": "2026-03-01T11:00:00.000+09:00",
                "lastChangedDate": "2026-03-01T11:00:00.000+09:00",
                "lastChangedType": "PAYED",
                "receiverAddressChanged": False,
            }
        ],
        "count": 1,
    }


def test_feed_goes_on_from_time_and_sequence(seller):
    item = seller.listing(0).items[0]
    moments = [NOW - HOUR, NOW - HOUR, NOW - HOUR, NOW - HOUR, NOW - HOUR / 2]
    expected = [str(seller.line_of(item, at).no) for at in moments]
    found, more, marks = [], {}, []
    while True:
        since = {"lastChangedFrom": kst(NOW - DAY), **more}
        query = {**since, "lastChangedTo": kst(NOW), "limitCount": 2}
        data = seller.json(FEED, query)["data"]
        found += [row["productOrderId"] for row in data["lastChangeStatuses"]]
        assert data["count"] == len(data["lastChangeStatuses"])
        if "more" not in data:
            break
        marks.append(data["more"])
        more = {
            "lastChangedFrom": data["more"]["moreFrom"],
            "moreSequence": data["more"]["moreSequence"],
        }
    assert found == expected
    assert marks == [
        {"moreFrom": kst(NOW - HOUR), "moreSequence": expected[2]},
        {"moreFrom": kst(NOW - HOUR / 2), "moreSequence": expected[4]},
    ]


def test_feed_ends_are_included_to_the_millisecond(seller):
    item = seller.listing(0).items[0]
    for micros in (-1, 0, 999, 1000):
        seller.line_of(item, NOW - HOUR + timedelta(microseconds=micros))
    data = seller.feed(NOW - HOUR, NOW - HOUR)["data"]
    assert data["count"] == 2


def test_feed_page_is_cut_to_three_hundred(seller):
    item = seller.listing(0).items[0]
    for n in range(301):
        seller.line_of(item, NOW - HOUR + timedelta(seconds=n))
    data = seller.feed(NOW - DAY, NOW, limitCount=1000)["data"]
    assert (data["count"], "more" in data) == (300, True)


def test_feed_filters_by_type(seller):
    seller.line()
    shipped = seller.line()
    seller.shop.confirm(shipped)
    seller.shop.dispatch(shipped, "CJGLS", "600000000001", NOW)
    data = seller.feed(NOW - DAY, NOW, lastChangedType="DISPATCHED")["data"]
    assert [row["productOrderId"] for row in data["lastChangeStatuses"]] == [str(shipped.no)]


def test_change_after_a_page_is_seen_on_the_next_call(seller):
    line = seller.line()
    assert seller.feed(NOW - DAY, NOW)["data"]["count"] == 1
    seller.shop.open_claim(line, ClaimKind.CANCEL, 1)
    (row,) = seller.feed(NOW - DAY, NOW)["data"]["lastChangeStatuses"]
    assert (row["lastChangedType"], row["claimStatus"]) == ("CLAIM_REQUESTED", "CANCEL_REQUEST")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "4000"),
        ("lastChangedFrom=2026-03-01T00:00:00.000+09:00", "4000"),
        ("lastChangedFrom=2026-03-01T00:00:00%2B09:00", "4000"),
        ("lastChangedFrom=2026-03-01T00:00:00.000", "4000"),
        ("lastChangedFrom=2026-03-01T25:00:00.000%2B09:00", "4000"),
        (
            "lastChangedFrom=2026-02-28T11:59:59.999%2B09:00"
            "&lastChangedTo=2026-03-01T12:00:00.000%2B09:00",
            "104139",
        ),
        (
            "lastChangedFrom=2026-03-01T00:00:00.000%2B09:00"
            "&lastChangedTo=2026-03-01T12:00:00.001%2B09:00",
            "4000",
        ),
        (
            "lastChangedFrom=2026-03-01T01:00:00.000%2B09:00"
            "&lastChangedTo=2026-03-01T00:00:00.000%2B09:00",
            "4000",
        ),
        ("lastChangedFrom=2026-03-01T00:00:00.000Z&lastChangedType=PAID", "4000"),
        ("lastChangedFrom=2026-03-01T00:00:00.000Z&moreSequence=x", "4000"),
        ("lastChangedFrom=2026-03-01T00:00:00.000Z&limitCount=0", "4000"),
    ],
    ids=[
        *["none", "raw plus", "no millis", "no offset", "no time", "over a day", "future"],
        *["backwards", "type", "sequence", "limit"],
    ],
)
def test_feed_refuses(seller, query, code):
    answer = seller.ask(FEED, query)
    body = json.loads(answer.body)
    assert (answer.status, body["code"]) == (400, code)
    assert body.keys() == {"code", "message", "timestamp", "traceId"}


@pytest.mark.parametrize("start", ["2026-03-01T00:00:00.000Z", "2026-03-01T02:00:00.000%2B02:00"])
def test_feed_takes_any_offset_and_ends_a_day_later(seller, start):
    seller.line()
    assert seller.json(FEED, f"lastChangedFrom={start}")["data"]["count"] == 1


# ── lines ──────────────────────────────────────────────────────────────────────────────────────
def test_detail_holds_order_line_and_amounts(seller):
    line = seller.line()
    row = seller.detail(line)
    product = row["productOrder"]
    assert row["order"]["orderId"] == str(line.order.no)
    assert product["productOrderId"] == str(line.no)
    assert product["productId"] == str(line.item.listing.channel_no)
    assert product["originalProductId"] == str(line.item.listing.no)
    assert product["optionCode"] == product["itemNo"] == str(line.item.no)
    assert [product[name] for name in ("unitPrice", "optionPrice", "quantity")] == [29000, 2000, 2]
    names = ("totalProductAmount", "productDiscountAmount", "totalPaymentAmount")
    assert [product[name] for name in names] == [62000, 6000, 56000]
    assert (product["productOrderStatus"], product["placeOrderStatus"]) == ("PAYED", "NOT_YET")
    assert product["shippingDueDate"] == "2026-03-04T23:59:59.000+09:00"
    assert row.keys() == {"order", "productOrder"}


def test_line_without_options_has_no_option_code(seller):
    product = seller.detail(seller.order(seller.listing().items[0]).lines[0])["productOrder"]
    assert not {"optionCode", "itemNo", "productOption", "optionManageCode"} & product.keys()


def test_unknown_lines_are_left_out(seller):
    line = seller.line()
    body = {"productOrderIds": ["1", str(line.no), str(line.no)]}
    assert len(seller.json(f"{LINES}/query", "", "POST", body)["data"]) == 1


@pytest.mark.parametrize("ids", [[], [str(n) for n in range(301)], ["x"], "1", None], ids=str)
def test_query_refuses(seller, ids):
    assert seller.code(f"{LINES}/query", "", "POST", {"productOrderIds": ids}) == (400, "4000")


def test_states_and_events_follow_the_table(seller):
    line = seller.order(paid_at=None).lines[0]
    shop = seller.shop
    seen = []

    def look() -> None:
        product = seller.detail(line)["productOrder"]
        seen.append((product["productOrderStatus"], product["placeOrderStatus"], line.change))

    look()
    line.order.paid_at, line.status, line.change = NOW, LineStatus.NEW, "PAYED"
    look()
    shop.confirm(line)
    look()
    shop.dispatch(line, "CJGLS", "600000000001", NOW)
    look()
    shop.deliver(line)
    look()
    shop.complete(line)
    look()
    assert seen == [
        ("PAYMENT_WAITING", "NOT_YET", "PAY_WAITING"),
        ("PAYED", "NOT_YET", "PAYED"),
        ("PAYED", "OK", "PAYED"),
        ("DELIVERING", "OK", "DISPATCHED"),
        ("DELIVERED", "OK", "DISPATCHED"),
        ("PURCHASE_DECIDED", "OK", "PURCHASE_DECIDED"),
    ]
    delivery = seller.detail(line)["delivery"]
    assert (delivery["deliveryCompany"], delivery["trackingNumber"]) == ("CJGLS", "600000000001")
    assert delivery["deliveryStatus"] == "DELIVERY_COMPLETION"


def test_open_claim_leaves_the_status_and_the_remains(seller):
    line = seller.line(quantity=3)
    claim = seller.shop.open_claim(line, ClaimKind.CANCEL, 1, reason="단순 변심")
    row = seller.detail(line)
    product = row["productOrder"]
    assert (product["productOrderStatus"], product["claimType"]) == ("PAYED", "CANCEL")
    assert (product["claimStatus"], product["remainQuantity"]) == ("CANCEL_REQUEST", 3)
    assert product["claimId"] == str(claim.no)
    current = row["currentClaim"]["cancel"]
    assert (current["requestQuantity"], current["cancelDetailedReason"]) == (1, "단순 변심")
    assert "completedClaims" not in row


def test_finished_partial_claim_shrinks_the_remains_only(seller):
    line = seller.line(quantity=3)
    claim = seller.shop.open_claim(line, ClaimKind.CANCEL, 1)
    seller.shop.settle_claim(claim, ClaimStatus.DONE)
    row = seller.detail(line)
    product = row["productOrder"]
    names = ("quantity", "initialQuantity", "remainQuantity")
    assert [product[name] for name in names] == [3, 3, 2]
    amounts = ("remainProductAmount", "remainProductDiscountAmount", "remainPaymentAmount")
    assert [product[name] for name in amounts] == [62000, 4000, 58000]
    assert product["productOrderStatus"] == "PAYED"
    assert "currentClaim" not in row
    (done,) = row["completedClaims"]
    assert (done["claimType"], done["claimStatus"]) == ("CANCEL", "CANCEL_DONE")


def test_claims_of_those_who_know_no_parts_stand_at_the_top(seller):
    line = seller.line()
    seller.shop.open_claim(line, ClaimKind.CANCEL, 1)
    row = seller.detail(line, with_parts=False)
    assert (row["cancel"]["claimStatus"], "currentClaim" in row) == ("CANCEL_REQUEST", False)


@pytest.mark.parametrize(
    ("kind", "status", "change", "claim_status", "line_status"),
    [
        ("CANCEL", "IN_PROGRESS", None, "CANCELING", "PAYED"),
        ("CANCEL", "WITHDRAWN", None, "CANCEL_REJECT", "PAYED"),
        ("CANCEL", "DONE", None, "CANCEL_DONE", "CANCELED"),
        ("RETURN", "IN_PROGRESS", "CLAIM_REQUESTED", "COLLECTING", "DELIVERING"),
        ("RETURN", "IN_PROGRESS", "COLLECT_DONE", "COLLECT_DONE", "DELIVERING"),
        ("RETURN", "REJECTED", None, "RETURN_REJECT", "DELIVERING"),
        ("RETURN", "DONE", None, "RETURN_DONE", "RETURNED"),
        ("EXCHANGE", "IN_PROGRESS", "CLAIM_REDELIVERING", "EXCHANGE_REDELIVERING", "DELIVERING"),
        ("EXCHANGE", "DONE", None, "EXCHANGE_DONE", "EXCHANGED"),
    ],
)
def test_claim_states_are_naver_words(seller, kind, status, change, claim_status, line_status):
    line = seller.line()
    if kind != "CANCEL":
        seller.shop.confirm(line)
        seller.shop.dispatch(line, "CJGLS", "600000000001", NOW)
    claim = seller.shop.open_claim(line, ClaimKind[kind], 2)
    seller.shop.settle_claim(claim, ClaimStatus[status])
    line.change = change or line.change
    product = seller.detail(line)["productOrder"]
    assert (product["claimType"], product["claimStatus"]) == (kind, claim_status)
    assert product["productOrderStatus"] == line_status


def test_lines_of_an_order_are_plain_numbers(seller):
    items = seller.listing(0, 2000).items
    order = seller.order(*items)
    path = "/external/v1/pay-order/seller/orders"
    answer = seller.json(f"{path}/{order.no}/product-order-ids")
    assert answer["data"] == [str(line.no) for line in order.lines]
    assert seller.code(f"{path}/1/product-order-ids") == (400, "100003")


# ── the conditional search ─────────────────────────────────────────────────────────────────────
def search_lines(seller: Seller, **query: object) -> dict:
    return seller.json(LINES, {"from": kst(NOW - DAY), "to": kst(NOW), **query})["data"]


def test_conditional_search_wraps_and_pages(seller):
    lines = [seller.line(at=NOW - HOUR + timedelta(minutes=n)) for n in range(3)]
    pages = [search_lines(seller, pageSize=2, page=n) for n in (1, 2)]
    found = [row["productOrderId"] for page in pages for row in page["contents"]]
    assert found == [str(line.no) for line in lines]
    assert [page["pagination"] for page in pages] == [
        {"page": 1, "size": 2, "hasNext": True},
        {"page": 2, "size": 2, "hasNext": False},
    ]
    assert pages[0]["contents"][0]["content"].keys() == {"order", "productOrder"}


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        ({}, [0, 1, 2]),
        ({"rangeType": "ORDERED_DATETIME"}, [0, 1, 2]),
        ({"rangeType": "DISPATCHED_DATETIME"}, [1]),
        ({"rangeType": "PURCHASE_DECIDED_DATETIME"}, []),
        ({"rangeType": "CLAIM_REQUESTED_DATETIME"}, [2]),
        ({"rangeType": "CLAIM_COMPLETED_DATETIME"}, []),
        ({"rangeType": "GIFT_RECEIVED_DATETIME"}, []),
        ({"productOrderStatuses": "DELIVERING"}, [1]),
        ({"productOrderStatuses": "DELIVERING,PAYED"}, [0, 1, 2]),
        ({"claimStatuses": "CANCEL_REQUEST"}, [2]),
        ({"placeOrderStatusType": "OK"}, [1]),
        ({"placeOrderStatusType": "NOT_YET"}, [0, 2]),
    ],
)
def test_conditional_search_filters(seller, query, indexes):
    lines = [seller.line(at=NOW - HOUR + timedelta(minutes=n)) for n in range(3)]
    seller.shop.confirm(lines[1])
    seller.shop.dispatch(lines[1], "CJGLS", "600000000001", NOW)
    seller.shop.open_claim(lines[2], ClaimKind.CANCEL, 1)
    found = [row["productOrderId"] for row in search_lines(seller, **query)["contents"]]
    assert found == [str(lines[index].no) for index in indexes]


def test_repeated_statuses_are_a_list_too(seller):
    seller.line()
    query = (
        f"from={kst(NOW - DAY)}&productOrderStatuses=PAYED&productOrderStatuses=DELIVERED"
    ).replace("+", "%2B")
    assert len(seller.json(LINES, query)["data"]["contents"]) == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"from": ""}, "4000"),
        ({"from": kst(NOW - DAY - timedelta(milliseconds=1))}, "104139"),
        ({"rangeType": "PAID"}, "4000"),
        ({"pageSize": 301}, "4000"),
        ({"pageSize": 0}, "4000"),
        ({"page": 0}, "4000"),
        ({"productOrderStatuses": "PAID"}, "4000"),
        ({"claimStatuses": "REQUESTED"}, "4000"),
        ({"placeOrderStatusType": "YES"}, "4000"),
        ({"fulfillment": "yes"}, "4000"),
    ],
)
def test_conditional_search_refuses(seller, query, code):
    asked = {"from": kst(NOW - DAY), "to": kst(NOW), **query}
    assert seller.code(LINES, asked) == (400, code)


# ── confirm and dispatch ───────────────────────────────────────────────────────────────────────
def fails(data: dict) -> dict[str, str]:
    return {row["productOrderId"]: row["code"] for row in data["failProductOrderInfos"]}


def test_confirm_tells_success_in_objects(seller):
    good, done, held, shipped = (seller.line() for _ in range(4))
    for line in (done, shipped):
        seller.shop.confirm(line)
    seller.shop.dispatch(shipped, "CJGLS", "600000000001", NOW)
    seller.shop.open_claim(held, ClaimKind.CANCEL, 1)
    numbers = [str(line.no) for line in (good, done, held, shipped)]
    body = {"productOrderIds": [*numbers, "2026051122449999"]}
    data = seller.json(f"{LINES}/confirm", "", "POST", body)["data"]
    assert data["successProductOrderInfos"] == [
        {"productOrderId": numbers[0], "isReceiverAddressChanged": False}
    ]
    assert fails(data) == {
        numbers[1]: "105306",
        numbers[2]: "104442",
        numbers[3]: "105306",
        "2026051122449999": "100001",
    }
    assert good.status is LineStatus.CONFIRMED


def test_confirm_raises_no_event(seller):
    line = seller.line()
    before = seller.feed(NOW - DAY, NOW)["data"]
    seller.json(f"{LINES}/confirm", "", "POST", {"productOrderIds": [str(line.no)]})
    assert seller.feed(NOW - DAY, NOW)["data"] == before


@pytest.mark.parametrize(
    ("ids", "code"),
    [([str(n) for n in range(31)], "4000"), ([], "4000"), (["1", "1"], "104131"), (None, "4000")],
    ids=["31", "none", "twice", "absent"],
)
def test_confirm_refuses_whole(seller, ids, code):
    body = {"productOrderIds": ids}
    assert seller.code(f"{LINES}/confirm", "", "POST", body) == (400, code)


def parcel(line: Line, **values: object) -> dict:
    row = {
        "productOrderId": str(line.no),
        "deliveryMethod": "DELIVERY",
        "deliveryCompanyCode": "CJGLS",
        "trackingNumber": "600000000001",
        "dispatchDate": "2026-03-01T12:00:00.000+09:00",
        **values,
    }
    return {name: value for name, value in row.items() if value is not None}


def dispatch(seller: Seller, *rows: dict) -> dict:
    body = {"dispatchProductOrders": list(rows)}
    return seller.json(f"{LINES}/dispatch", "", "POST", body)["data"]


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_dispatch_ships_confirmed_or_not(seller, is_confirmed):
    line = seller.line()
    if is_confirmed:
        seller.shop.confirm(line)
    data = dispatch(seller, parcel(line))
    assert data == {"successProductOrderIds": [str(line.no)], "failProductOrderInfos": []}
    assert (line.status, line.shipped_at) == (LineStatus.SHIPPED, NOW)
    (row,) = seller.feed(NOW - DAY, NOW)["data"]["lastChangeStatuses"]
    assert row["lastChangedType"] == "DISPATCHED"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"deliveryCompanyCode": None}, "104118"),
        ({"deliveryCompanyCode": "LOTTE"}, "104119"),
        ({"trackingNumber": None}, "104120"),
        ({"trackingNumber": "6000-0000-01"}, "104122"),
        ({"deliveryMethod": "RETURN_DELIVERY"}, "4000"),
        ({"dispatchDate": "2026-03-01T12:00:00+09:00"}, "4000"),
        ({"productOrderId": "1"}, "100001"),
    ],
)
def test_dispatch_fails_by_line(seller, values, code):
    line = seller.line()
    data = dispatch(seller, parcel(line, **values))
    assert (data["successProductOrderIds"], list(fails(data).values())) == ([], [code])
    assert line.status is LineStatus.NEW


def test_delivery_by_the_seller_needs_no_number(seller):
    line = seller.line()
    row = parcel(
        line, deliveryMethod="DIRECT_DELIVERY", deliveryCompanyCode=None, trackingNumber=None
    )
    assert fails(dispatch(seller, row)) == {}
    assert seller.detail(line)["delivery"]["deliveryMethod"] == "DIRECT_DELIVERY"


def test_dispatch_of_other_states_and_used_numbers_fails(seller):
    shipped, held, again = seller.line(), seller.line(), seller.line()
    dispatch(seller, parcel(shipped))
    seller.shop.open_claim(held, ClaimKind.CANCEL, 1)
    data = dispatch(seller, parcel(shipped), parcel(held, trackingNumber="7777777"), parcel(again))
    assert list(fails(data).values()) == ["104442", "104442", "104121"]


def test_dispatch_takes_thirty_lines_at_most(seller):
    line = seller.line()
    rows = [parcel(line, productOrderId=str(n)) for n in range(31)]
    body = {"dispatchProductOrders": rows}
    assert seller.code(f"{LINES}/dispatch", "", "POST", body) == (400, "4000")


# ── faults ─────────────────────────────────────────────────────────────────────────────────────
def test_duplicate_feed_page_comes_with_its_mark(seller):
    item = seller.listing(0).items[0]
    lines = [seller.line_of(item, NOW - HOUR + timedelta(seconds=n)) for n in range(5)]
    to = {"lastChangedTo": kst(NOW), "limitCount": 2}
    first = seller.json(FEED, {"lastChangedFrom": kst(NOW - DAY), **to})["data"]
    query = {
        "lastChangedFrom": first["more"]["moreFrom"],
        "moreSequence": first["more"]["moreSequence"],
        **to,
    }
    again = json.loads(seller.ask(FEED, query, fault=Fault.DUPLICATE_PAGE).body)["data"]
    assert again == first
    right = seller.json(FEED, query)["data"]["lastChangeStatuses"]
    assert [row["productOrderId"] for row in right] == [str(line.no) for line in lines[2:4]]


def test_duplicate_search_page_is_the_page_before(seller):
    for _ in range(3):
        seller.listing()
    body = {"page": 2, "size": 2}
    path = "/external/v1/products/search"
    answer = seller.ask(path, "", "POST", body, fault=Fault.DUPLICATE_PAGE)
    assert json.loads(answer.body) == search(seller, page=1, size=2)


def test_malformed_row_breaks_one_row_in_turn(seller):
    lines = [seller.line() for _ in range(3)]
    body = {"productOrderIds": [str(line.no) for line in lines]}
    path = f"{LINES}/query"
    good = seller.json(path, "", "POST", body)["data"]
    broken = []
    for _ in range(5):
        bad = json.loads(seller.ask(path, "", "POST", body, fault=Fault.MALFORMED_ROW).body)["data"]
        (row,) = [b for g, b in zip(good, bad, strict=True) if g != b]
        broken.append(row)
    assert broken[0]["productOrder"]["productOrderStatus"] == "NO_SUCH_STATE"
    assert "productOrderId" not in broken[1]["productOrder"]
    assert broken[2]["productOrder"]["quantity"] == "two"
    assert broken[3]["productOrder"]["unitPrice"] == -100
    assert broken[4]["order"]["orderDate"] == "2026-13-45"


@pytest.mark.parametrize("kind", ["feed", "search", "detail", "lines"])
def test_malformed_row_reaches_every_list(seller, kind):
    listing = seller.line().item.listing
    ask = {
        "feed": (FEED, {"lastChangedFrom": kst(NOW - DAY), "lastChangedTo": kst(NOW)}),
        "search": ("/external/v1/products/search", "", "POST", {}),
        "detail": (f"/external/v2/products/origin-products/{listing.no}",),
        "lines": (LINES, {"from": kst(NOW - DAY), "to": kst(NOW)}),
    }[kind]
    good = seller.json(*ask)
    bad = json.loads(seller.ask(*ask, fault=Fault.MALFORMED_ROW).body)
    for answer in (good, bad):
        answer.pop("timestamp", None)
        answer.pop("traceId", None)
    assert bad != good


def test_malformed_row_leaves_empty_answers_and_numbers_alone(seller):
    order = seller.order()
    path = f"/external/v1/pay-order/seller/orders/{order.no}/product-order-ids"
    answer = json.loads(seller.ask(path, fault=Fault.MALFORMED_ROW).body)
    assert answer["data"] == [str(line.no) for line in order.lines]
    query = {"lastChangedFrom": kst(NOW - 2 * DAY), "lastChangedTo": kst(NOW - DAY)}
    assert "data" not in json.loads(seller.ask(FEED, query, fault=Fault.MALFORMED_ROW).body)
