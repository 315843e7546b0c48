import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus
from erp_assets.simulator.coupang import CoupangProtocol
from erp_assets.simulator.wire import Account, Fault, Limits, Request, Response
from erp_assets.simulator.world import Item, Line, Listing, Order, Shop

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)  # 12:00 in Korea
SIGNED_AT = datetime(2026, 3, 1, 9, 30, 15, tzinfo=UTC)
VENDOR = "A00012345"
ACCESS = "11111111-2222-3333-4444-555555555555"
SECRET = "0123456789abcdef0123456789abcdef01234567"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BOX = 642538970006401429

SP = "/v2/providers/seller_api/apis/api/v1/marketplace"
OA = "/v2/providers/openapi/apis/api"
SHEETS = f"{OA}/v5/vendors/{VENDOR}/ordersheets"
RETURNS = f"{OA}/v6/vendors/{VENDOR}/returnRequests"
V4 = f"{OA}/v4/vendors/{VENDOR}"


def authorization(signature: str, date: str = "260301T093015Z", key: str = ACCESS) -> str:
    return f"CEA algorithm=HmacSHA256, access-key={key}, signed-date={date}, signature={signature}"


def signed(method: str, path: str, query: str, *, at: datetime = SIGNED_AT) -> str:
    date = at.strftime("%y%m%dT%H%M%SZ")
    message = date + method + path + query
    digest = hmac.new(SECRET.encode(), message.encode(), hashlib.sha256).hexdigest()
    return authorization(digest, date)


class Seller:
    """A shop behind a protocol, and shorthand for asking it."""

    def __init__(self, *, limits: Limits | None = None, **options: object) -> None:
        self.now, self.ticks = NOW, 0.0
        self.shop = Shop("coupang", lambda: self.now)
        keys = {"vendor_id": VENDOR, "access_key": ACCESS, "secret_key": SECRET}
        self.account = Account("coupang", self.shop, keys)
        self.protocol = CoupangProtocol(
            [self.account],
            lambda: self.now,
            limits or Limits(coupang=None),
            wall=lambda: SIGNED_AT,
            ticks=lambda: self.ticks,
            **options,  # type: ignore[arg-type]
        )
        self._orders, self._boxes = count(22000009546234), count(BOX)
        self._lines = count(1)

    def ask(
        self,
        path: str,
        query: str = "",
        method: str = "GET",
        body: object = None,
        *,
        fault: Fault | None = None,
        header: str | None = None,
        address: str = "127.0.0.1",
    ) -> Response:
        sent = {"authorization": header or signed(method, path, query)}
        raw = b"" if body is None else json.dumps(body).encode()
        return self.protocol.handle(Request(method, path, query, sent, raw, address), fault)

    def json(self, *args: object, **options: object) -> dict:
        response = self.ask(*args, **options)  # type: ignore[arg-type]
        assert response.status == 200, response.body.decode()
        return json.loads(response.body)

    def refusal(self, *args: object, **options: object) -> str:
        response = self.ask(*args, **options)  # type: ignore[arg-type]
        assert response.status == 400
        return json.loads(response.body)["message"]

    def listing(self, no: int = 152620911, options: int = 1, **values: object) -> Listing:
        listing = Listing(
            no=no,
            channel_no=31846051,
            name=f"백설 호떡믹스 {no}",
            seller_code=f"SKU-{no}",
            base_price=19000,
            status=ProductStatus.ON_SALE,
            created_at=NOW - 30 * DAY + timedelta(seconds=no % 1000),
            modified_at=NOW,
        )
        for name, value in values.items():
            setattr(listing, name, value)
        for n in range(options):
            item = Item(listing, no * 10 + n, f"옵션 {n}", f"SKU-{no}-{n}", "", 0, 50)
            listing.items.append(item)
        self.shop.add_listing(listing)
        return listing

    def order(
        self, *items: Item, at: datetime = NOW - HOUR, quantity: int = 2, **values: object
    ) -> Order:
        order = Order(
            no=next(self._orders),
            ordered_at=at,
            paid_at=at + timedelta(seconds=2, microseconds=120331),
            buyer="신*희",
            phone="+82-50-0000-0000",
            receiver="신*희",
            postcode="18100",
            address="경기 오산시",
            address_detail="109동",
            note="문 앞",
        )
        box = next(self._boxes)
        for item in items or (self.listing(1000 + next(self._lines)).items[0],):
            order.lines.append(
                Line(
                    order=order,
                    no=next(self._lines),
                    box=box,
                    item=item,
                    quantity=quantity,
                    unit_price=item.price,
                    surcharge=item.surcharge,
                    seller_discount=3000,
                    market_discount=0,
                    shipping_fee=2500,
                    status=LineStatus.NEW,
                    changed_at=at,
                )
            )
        for name, value in values.items():
            setattr(order, name, value)
        self.shop.add_order(order)
        return order

    def sheets(self, status: str = "ACCEPT", first: str = "2026-03-01", more: str = "") -> dict:
        query = f"createdAtFrom={first}%2B09:00&createdAtTo=2026-03-01%2B09:00&status={status}"
        return self.json(SHEETS, query + more)

    def shipped(self, *items: Item, carrier: str = "CJGLS", invoice: str = "600000000001") -> Line:
        line = self.order(*items).lines[0]
        self.shop.confirm(line)
        self.shop.dispatch(line, carrier, invoice, self.now)
        return line


@pytest.fixture
def seller() -> Seller:
    return Seller()


# ── signatures ─────────────────────────────────────────────────────────────────────────────────
QUERY = (
    "createdAtFrom=2026-02-27%2B09:00&createdAtTo=2026-03-01%2B09:00&maxPerPage=50&status=INSTRUCT"
)
VECTORS = {
    "V1": (
        "GET",
        f"{SP}/vendor-items/3000000000/inventories",
        "",
        "a764152129dfe052df0fd98bc044ce5789ce97444f04aa3e30b1b0636d2082e3",
    ),
    "V2": (
        "GET",
        SHEETS,
        QUERY,
        "5a282fbb455e1a4aa7c7534eca8d55c03bb4bb75dbcb083658518b5b73fb9285",
    ),
    "V2 colons encoded": (
        "GET",
        SHEETS,
        QUERY.replace("B09:00", "B09%3A00"),
        "62a22a8835d2b1b8a0cc83a7ea75b9e33a9e2fffed490f3d28d0593acb7ab025",
    ),
    "V3": (
        "GET",
        f"{SP}/seller-products",
        f"vendorId={VENDOR}&nextToken=1&maxPerPage=100&sellerProductName="
        "%EC%9B%90%ED%94%BC%EC%8A%A4+%EC%84%B8%ED%8A%B8&status=APPROVED",
        "6cff58c73e316f0aa0b24ada8beb225506e13591cdc941dd508407b9be433655",
    ),
    "V4": (
        "PUT",
        f"{SP}/vendor-items/3572784698/prices/49000",
        "forceSalePriceUpdate=true",
        "fb8093b88684d2f3d72fd57fc8adedab3262141d3d60a02e8ce7e3ec24c33ba1",
    ),
    "V5": (
        "PUT",
        f"{V4}/ordersheets/acknowledgement",
        "",
        "475ec1d45fd8c687d69e2d70ad26f7de79e7cbe1b3f3e6ea1bbbcf607e56572c",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_vector_passes_the_gateway(seller, name):
    method, path, query, signature = VECTORS[name]
    answer = seller.ask(path, query, method, {}, header=authorization(signature))
    assert answer.status in {200, 400}  # the gateway let it through to its handler


@pytest.mark.parametrize(
    "signature",
    [
        "9b30ca226e8cc908f79c6234a8a880bde01f4fc7001d69c7ec1efb5e15f71004",
        "bc267b2522996752baa994dc51fb4ded2173d132b713ac37b6e3948b10be079c",
        VECTORS["V2 colons encoded"][3],
    ],
    ids=["decoded query", "with the question mark", "another wire form"],
)
def test_signature_of_other_bytes_is_invalid(seller, signature):
    answer = seller.ask(SHEETS, QUERY, header=authorization(signature))
    assert (answer.status, json.loads(answer.body)["message"]) == (401, "Invalid signature.")


def test_comma_without_blank_separates_too(seller):
    header = signed("GET", f"{SP}/seller-products/inflow-status", "").replace(", ", ",")
    assert seller.ask(f"{SP}/seller-products/inflow-status", header=header).status == 200


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("", "Request is not authorized."),
        ("Bearer abc", "HMAC format is invalid."),
        (authorization("0" * 64, "20260301T093015Z"), "HMAC format is invalid."),
        (authorization("0" * 64, "261301T093015Z"), "HMAC format is invalid."),
        (authorization("0" * 64, key="unknown"), "Unknown error occurred, please contact"),
        (authorization("0" * 64), "Invalid signature."),
        (authorization("0" * 64, "260301T092514Z"), "Specified signature is expired."),
        (authorization("0" * 64, "260301T093516Z"), "Specified signature is expired."),
    ],
    ids=["none", "bearer", "4-digit year", "month 13", "key", "wrong", "old", "future"],
)
def test_unsigned_request_gets_its_own_text(seller, header, text):
    request = Request("GET", SHEETS, "", {"authorization": header}, b"")
    answer = seller.protocol.handle(request)
    body = json.loads(answer.body)
    assert answer.status == 401
    assert body["message"].startswith(text)
    assert (body["code"], "messages" in body) == ("ERROR", not header)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_signature_holds_for_five_minutes_either_way(seller, seconds):
    path = f"{SP}/seller-products/inflow-status"
    header = signed("GET", path, "", at=SIGNED_AT + timedelta(seconds=seconds))
    assert seller.ask(path, header=header).status == 200


# ── the gateway ────────────────────────────────────────────────────────────────────────────────
def test_address_that_is_not_registered_is_refused(seller):
    seller.account.allowed_addresses = frozenset({"10.0.0.1"})
    answer = seller.ask(f"{SP}/seller-products/inflow-status")
    assert (answer.status, json.loads(answer.body)["message"]) == (403, "Not allowed IP")
    assert seller.ask(f"{SP}/seller-products/inflow-status", address="10.0.0.1").status == 200


def test_expired_key_is_unauthorized(seller):
    seller.account.expired = True
    assert seller.ask(f"{SP}/seller-products/inflow-status").status == 401


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{OA}/v5/vendors/A99999999/ordersheets", "Invalid vendor ID"),
        (f"{OA}/v4/vendors/A99999999/returnWithdrawRequests", "invalid vendorId"),
    ],
    ids=["order sheets", "withdrawals"],
)
def test_vendor_of_another_key_is_refused(seller, path, text):
    answer = seller.ask(path)
    assert answer.status == 400
    assert json.loads(answer.body) == {"code": 400, "message": text, "data": None}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", f"{SP}/products"), ("POST", SHEETS), ("GET", SHEETS + "/")],
    ids=["path", "method", "trailing slash"],
)
def test_unknown_path_is_not_found(seller, method, path):
    assert seller.ask(path, "", method).status == 404


def test_eleventh_call_of_a_second_is_too_many():
    seller = Seller(limits=Limits())
    path = f"{SP}/seller-products/inflow-status"
    answers = [seller.ask(path) for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    assert json.loads(answers[-1].body)["message"] == "Too Many Requests"
    seller.ticks = 1.0
    assert seller.ask(path).status == 200


def test_blocked_vendor_waits_for_the_block_to_end():
    seller = Seller(limits=Limits(), block_s=60.0)
    path = f"{SP}/seller-products/inflow-status"
    statuses = []
    for seller.ticks in (*[0.0] * 11, 59.9, 60.0):
        statuses.append(seller.ask(path).status)
    assert statuses[-3:] == [429, 429, 200]


def test_flood_of_failures_ends_at_the_edge():
    seller = Seller(limits=Limits())
    answers = [seller.ask(f"{SP}/products") for _ in range(31)]
    assert answers[29].status == 404
    assert answers[30].status == 403
    assert b"Access Denied" in answers[30].body


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (Fault.BUSY, 429, b"Too Many Requests"),
        (Fault.ERROR_BEFORE, 500, b'"code":"ERROR"'),
        (Fault.ERROR_AFTER, 504, b"consider applying timeout extension"),
        (Fault.HTML, 403, b"Reference #18"),
    ],
)
def test_fault_speaks_as_the_gateway_does(seller, fault, status, text):
    answer = seller.protocol.failure(Request("GET", SHEETS, "", {}, b""), fault)
    assert answer.status == status
    assert text in answer.body


@pytest.mark.parametrize(
    ("method", "path", "is_write"),
    [
        ("GET", SHEETS, False),
        ("PUT", f"{V4}/ordersheets/acknowledgement", True),
        ("PATCH", f"{V4}/ordersheets/acknowledgement", True),
        ("POST", f"{V4}/returnWithdrawList", False),
        ("POST", f"{V4}/orders/invoices", True),
        ("PUT", f"{SP}/vendor-items/1/sales/stop", True),
        ("DELETE", SHEETS, False),
    ],
)
def test_writes_are_known(seller, method, path, is_write):
    assert seller.protocol.is_write(Request(method, path, "", {}, b"")) is is_write


# ── products ───────────────────────────────────────────────────────────────────────────────────
def test_product_list_is_paged_by_number(seller):
    for no in range(1, 26):
        seller.listing(no)
    pages = [
        seller.json(f"{SP}/seller-products", f"vendorId={VENDOR}&nextToken={page}")
        for page in ("1", "2", "3")
    ]
    numbers = [row["sellerProductId"] for page in pages for row in page["data"]]
    assert numbers == list(range(25, 0, -1))  # newest first
    assert [page["nextToken"] for page in pages] == ["2", "3", ""]
    assert pages[0]["code"] == "SUCCESS"
    assert pages[0]["data"][0]["statusName"] == "승인완료"


def test_product_page_is_cut_to_a_hundred(seller):
    for no in range(1, 102):
        seller.listing(no)
    answer = seller.json(f"{SP}/seller-products", f"vendorId={VENDOR}&maxPerPage=500")
    assert (len(answer["data"]), answer["nextToken"]) == (100, "2")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "업체코드는 반드시 입력되어야 합니다."),
        ("vendorId=A99999999", "Invalid vendor ID"),
        (f"vendorId={VENDOR}&createdAt=2026-03-01T00:00:00", "Format of createdAt is `yyyy-MM-dd`"),
        (f"vendorId={VENDOR}&status=SELLING", "Invalid status: SELLING"),
        (f"vendorId={VENDOR}&sellerProductName={'a' * 21}", "sellerProductName: 최대 20자"),
        (f"vendorId={VENDOR}&nextToken=abc", "nextToken is invalid"),
        (
            f"vendorId={VENDOR}&violationTypes=ATTR&violationTypes=MOTA_V2",
            "violationTypeAndOr is required",
        ),
    ],
    ids=["no vendor", "other vendor", "date", "status", "name", "token", "violations"],
)
def test_product_list_refuses(seller, query, text):
    assert seller.refusal(f"{SP}/seller-products", query).startswith(text)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("status=APPROVED", [1]),
        ("status=APPROVING", [2]),
        ("status=PARTIAL_APPROVED", [3]),
        ("sellerProductId=2", [2]),
        ("sellerProductName=%EB%AF%B9%EC%8A%A4%203", [3]),
        ("createdAt=2026-01-30", [1, 2, 3]),
        ("createdAt=2026-01-31", []),
        ("violationTypes=ATTR", []),
    ],
)
def test_product_list_finds_what_is_asked_for(seller, query, numbers):
    seller.listing(1)
    seller.listing(2, status=ProductStatus.PENDING)
    seller.listing(3, options=2).items[0].approved = False
    answer = seller.json(f"{SP}/seller-products", f"vendorId={VENDOR}&{query}")
    assert sorted(row["sellerProductId"] for row in answer["data"]) == numbers


def test_product_detail_holds_its_options(seller):
    listing = seller.listing(options=2)
    listing.items[1].approved = False
    data = seller.json(f"{SP}/seller-products/{listing.no}")["data"]
    assert [item["vendorItemId"] for item in data["items"]] == [listing.items[0].no, None]
    assert data["items"][0]["salePrice"] == 19000
    assert seller.json(f"{SP}/seller-products/{listing.no}/partial")["data"] == data


def test_unknown_product_is_refused_in_the_family_form(seller):
    answer = seller.ask(f"{SP}/seller-products/1")
    assert json.loads(answer.body) == {
        "code": "ERROR",
        "message": "유효하지 않은 ID가 입력되었습니다.",
        "data": None,
    }


def test_products_by_creation_take_ten_minutes_at_most(seller):
    listing = seller.listing(7)  # created at 12:00:07 KST
    path = f"{SP}/seller-products/time-frame"
    query = f"vendorId={VENDOR}&createdAtFrom=2026-01-30T12:00:00&createdAtTo=2026-01-30T12:10:0"
    answer = seller.json(path, query + "0")
    assert [row["sellerProductId"] for row in answer["data"]] == [listing.no]
    assert "nextToken" not in answer
    assert "10분" in seller.refusal(path, query + "1")


def test_products_are_found_by_the_sellers_code(seller):
    listing = seller.listing(7, options=2)
    listing.items[1].seller_code = "빨강 1"
    path = f"{SP}/seller-products/external-vendor-sku-codes/%EB%B9%A8%EA%B0%95%201"
    assert [row["sellerProductId"] for row in seller.json(path)["data"]] == [7]
    assert seller.json(path + "9")["data"] == []


def test_product_history_is_an_envelope_of_its_own(seller):
    seller.listing(7)
    answer = seller.json(f"{SP}/seller-products/7/histories", "maxPerPage=2")
    assert (answer["code"], len(answer["data"]), answer["nextToken"]) == ("200", 2, "2")


# ── options ────────────────────────────────────────────────────────────────────────────────────
def item_path(item: Item, rest: str) -> str:
    return f"{SP}/vendor-items/{item.no}/{rest}"


def test_inventory_names_the_option_its_own_way(seller):
    item = seller.listing().items[0]
    assert seller.json(item_path(item, "inventories")) == {
        "code": "SUCCESS",
        "message": "",
        "data": {
            "sellerItemId": item.no,
            "amountInStock": 50,
            "salePrice": 19000,
            "onSale": True,
        },
    }


@pytest.mark.parametrize(
    ("no", "text"),
    [
        ("3039111378", "유효한 옵션이 없습니다:[vendorItemId=3039***378]"),
        ("abc", "유효하지 않은 ID가 입력되었습니다."),
    ],
)
def test_inventory_of_an_unknown_option_is_refused(seller, no, text):
    assert seller.refusal(f"{SP}/vendor-items/{no}/inventories") == text


def test_stock_is_set_absolute_and_read_back(seller):
    item = seller.listing().items[0]
    answer = seller.json(item_path(item, "quantities/99999"), "", "PUT")
    assert answer == {"code": "SUCCESS", "message": "재고 변경을 완료했습니다.", "data": None}
    assert seller.json(item_path(item, "inventories"))["data"]["amountInStock"] == 99999


@pytest.mark.parametrize("quantity", ["-1", "100000", "1.5", "abc"])
def test_stock_out_of_range_is_refused(seller, quantity):
    item = seller.listing().items[0]
    path = item_path(item, f"quantities/{quantity}")
    assert seller.refusal(path, "", "PUT") == "유효하지 않은 재고수량입니다."
    assert item.stock == 50


def test_stock_of_unknown_unapproved_and_deleted_options_is_refused(seller):
    gone, waiting = seller.listing(options=2).items
    gone.deleted, waiting.approved = True, False
    path = f"{SP}/vendor-items/3047000045/quantities/1"
    text = "재고변경에 실패했습니다. [vendoritemid 3047000045 not found]"
    assert seller.refusal(path, "", "PUT") == text
    assert "not found" in seller.refusal(item_path(waiting, "quantities/1"), "", "PUT")
    assert "삭제된 상품은" in seller.refusal(item_path(gone, "quantities/1"), "", "PUT")


@pytest.mark.parametrize(
    ("price", "query", "text"),
    [
        (9500, "", ""),
        (38000, "", ""),
        (9490, "", "최대 50% 인하/최대 100%인상"),
        (38010, "", "최대 50% 인하/최대 100%인상"),
        (38010, "forceSalePriceUpdate=false", "최대 50% 인하/최대 100%인상"),
        (38010, "forceSalePriceUpdate=true", ""),
        (19005, "forceSalePriceUpdate=true", "가격은 최소 10원 단위로"),
        (0, "forceSalePriceUpdate=true", "유효하지 않은 가격"),
        (20000, "apActive=true", "apMinSalePrice"),
        (20000, "apActive=true&apMinSalePrice=20000", "apMinSalePrice"),
        (20000, "apActive=true&apMinSalePrice=18000", ""),
    ],
)
def test_price_follows_its_rules(seller, price, query, text):
    item = seller.listing().items[0]
    answer = seller.ask(item_path(item, f"prices/{price}"), query, "PUT")
    assert answer.status == (400 if text else 200)
    assert text in json.loads(answer.body)["message"]
    assert item.price == (19000 if text else price)


def test_price_of_one_option_leaves_the_others(seller):
    first, second = seller.listing(options=2).items
    seller.json(item_path(first, "prices/21000"), "", "PUT")
    assert (first.price, second.price) == (21000, 19000)


def test_original_price_is_stored_beside_the_sale_price(seller):
    listing = seller.listing()
    path = item_path(listing.items[0], "original-prices/25000")
    assert seller.json(path, "", "PUT")["message"] == "Original price changing completed"
    item = seller.json(f"{SP}/seller-products/{listing.no}")["data"]["items"][0]
    assert (item["originalPrice"], item["salePrice"]) == (25000, 19000)


def test_sale_of_one_option_stops_and_resumes(seller):
    item = seller.listing(options=2).items[0]
    for action, is_on in (("stop", False), ("stop", False), ("resume", True)):
        assert seller.json(item_path(item, f"sales/{action}"), "", "PUT")["code"] == "SUCCESS"
        assert seller.json(item_path(item, "inventories"))["data"]["onSale"] is is_on


def test_banned_product_is_not_resumed(seller):
    item = seller.listing(status=ProductStatus.BANNED).items[0]
    assert "판매중지된" in seller.refusal(item_path(item, "sales/resume"), "", "PUT")


# ── order sheets ───────────────────────────────────────────────────────────────────────────────
def test_order_sheet_is_a_box_with_money_objects_and_offsets(seller):
    item = seller.listing().items[0]
    order = seller.order(item)
    answer = seller.sheets()
    assert (answer["code"], answer["message"], answer["nextToken"]) == (200, "OK", "")
    (row,) = answer["data"]
    assert (row["shipmentBoxId"], row["orderId"]) == (BOX, order.no)
    assert row["orderedAt"] == "2026-03-01T11:00:00.000000+09:00"
    assert row["paidAt"] == "2026-03-01T11:00:02.120331+09:00"
    assert row["shippingPrice"] == {"currencyCode": "KRW", "units": 2500, "nanos": 0}
    (line,) = row["orderItems"]
    assert (line["vendorItemId"], line["shippingCount"]) == (item.no, 2)
    amounts = ("salesPrice", "orderPrice", "discountPrice", "coupangDiscount")
    assert [line[name]["units"] for name in amounts] == [19000, 38000, 3000, 0]
    assert item.stock == 48


def test_sheets_are_paged_by_the_last_box(seller):
    item = seller.listing().items[0]
    boxes = [seller.order(item).lines[0].box for _ in range(120)]
    rows, tokens, more = [], [], ""
    while more is not None:
        page = seller.sheets(more=more)
        rows += [row["shipmentBoxId"] for row in page["data"]]
        tokens.append(page["nextToken"])
        more = f"&nextToken={tokens[-1]}" if tokens[-1] else None
    assert rows == boxes
    assert tokens == [str(boxes[49]), str(boxes[99]), ""]


@pytest.mark.parametrize(("size", "rows"), [("20", 20), ("50", 50), ("100", 50)])
def test_sheet_page_is_cut_to_fifty(seller, size, rows):
    item = seller.listing().items[0]
    for _ in range(60):
        seller.order(item)
    assert len(seller.sheets(more=f"&maxPerPage={size}")["data"]) == rows


DAYS = "createdAtFrom=2026-03-01%2B09:00&createdAtTo=2026-03-01%2B09:00"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (DAYS, "Required String parameter 'status' is not present"),
        (DAYS + "&status=ALL", "Invalid status: ALL"),
        ("status=ACCEPT", "Required String parameter 'createdAtFrom' is not present"),
        (DAYS.replace("%2B", "+") + "&status=ACCEPT", "createdAtFrom: Invalid format."),
        (DAYS.replace("%2B09:00", "") + "&status=ACCEPT", "createdAtFrom: Invalid format."),
        (DAYS.replace("03-01", "02-30") + "&status=ACCEPT", "createdAtFrom: Invalid format."),
        (
            "createdAtFrom=2026-01-29%2B09:00&createdAtTo=2026-03-01%2B09:00&status=ACCEPT",
            "endTime-startTime range should less than31.",
        ),
        (
            "createdAtFrom=2026-03-01%2B09:00&createdAtTo=2026-02-28%2B09:00&status=ACCEPT",
            "createdAtFrom must not be later",
        ),
        (DAYS + "&status=ACCEPT&maxPerPage=0", "maxPerPage is invalid"),
        (DAYS + "&status=ACCEPT&nextToken=x", "nextToken is invalid"),
        (
            "searchType=timeFrame&createdAtFrom=2026-02-28T23:00%2B09:00"
            "&createdAtTo=2026-03-01T00:10%2B09:00&status=ACCEPT",
            "endTime-startTime range should less than 0 day",
        ),
        (DAYS + "&status=ACCEPT&searchType=timeFrame", "createdAtFrom: Invalid format."),
    ],
    ids=[
        *["no status", "status", "no date", "raw plus", "no offset", "no day", "31 days"],
        *["backwards", "size", "token", "over midnight", "days in minute mode"],
    ],
)
def test_sheet_list_refuses(seller, query, text):
    answer = seller.ask(SHEETS, query)
    body = json.loads(answer.body)
    assert (answer.status, body["code"], body["data"]) == (400, 400, None)
    assert body["message"].startswith(text)


def test_thirty_days_are_allowed(seller):
    order = seller.order(at=datetime(2026, 1, 29, 15, 0, tzinfo=UTC))  # 00:00 on the 30th in Korea
    (row,) = seller.sheets(first="2026-01-30")["data"]
    assert row["orderId"] == order.no


def test_day_is_korean(seller):
    for at in (datetime(2026, 2, 28, 14, 59, tzinfo=UTC), datetime(2026, 2, 28, 15, 0, tzinfo=UTC)):
        seller.order(at=at)
    assert len(seller.sheets()["data"]) == 1


def test_minute_mode_answers_everything_at_once(seller):
    item = seller.listing().items[0]
    for seconds in range(-1, 62):
        seller.order(item, at=NOW + timedelta(seconds=seconds) - HOUR)
    query = (
        "searchType=timeFrame&createdAtFrom=2026-03-01T11:00%2B09:00"
        "&createdAtTo=2026-03-01T11:00%2B09:00&status=ACCEPT&nextToken=1"
    )
    answer = seller.json(SHEETS, query)
    assert (len(answer["data"]), answer["nextToken"]) == (60, "")


def test_lower_case_time_frame_is_day_mode(seller):
    seller.order()
    assert len(seller.sheets(more="&searchType=timeframe")["data"]) == 1


def test_box_walks_through_the_lists(seller):
    line = seller.order().lines[0]
    shop = seller.shop

    def found() -> list[str]:
        names = ["ACCEPT", "INSTRUCT", "DEPARTURE", "DELIVERING", "FINAL_DELIVERY", "NONE_TRACKING"]
        return [name for name in names if seller.sheets(name)["data"]]

    assert found() == ["ACCEPT"]
    shop.confirm(line)
    assert found() == ["INSTRUCT"]
    shop.dispatch(line, "CJGLS", "600000000001", NOW)
    assert found() == ["DEPARTURE"]
    seller.now = NOW + DAY
    assert found() == ["DELIVERING"]
    shop.deliver(line)
    assert found() == ["FINAL_DELIVERY"]
    shop.complete(line)
    assert found() == ["FINAL_DELIVERY"]


def test_direct_delivery_has_no_tracking(seller):
    line = seller.shipped(carrier="DIRECT", invoice="7")
    assert len(seller.sheets("NONE_TRACKING")["data"]) == 1
    seller.shop.deliver(line)
    assert len(seller.sheets("NONE_TRACKING")["data"]) == 1


def test_unpaid_order_is_in_no_list(seller):
    seller.order(paid_at=None)
    assert seller.sheets()["data"] == []


def test_lists_may_lag_but_single_reads_do_not():
    seller = Seller(lag=timedelta(minutes=10))
    line = seller.order(at=NOW - timedelta(minutes=5)).lines[0]
    assert seller.sheets()["data"] == []
    assert seller.json(f"{SHEETS}/{line.box}")["data"]["shipmentBoxId"] == line.box
    seller.now += timedelta(minutes=6)
    assert len(seller.sheets()["data"]) == 1


def test_partial_cancel_holds_then_takes_off(seller):
    line = seller.order(quantity=3).lines[0]
    claim = seller.shop.open_claim(line, ClaimKind.CANCEL, 1)
    (held,) = seller.sheets()["data"][0]["orderItems"]
    seller.shop.settle_claim(claim, ClaimStatus.DONE)
    (done,) = seller.sheets()["data"][0]["orderItems"]
    names = ("shippingCount", "holdCountForCancel", "cancelCount", "canceled")
    assert [held[name] for name in names] == [3, 1, 0, False]
    assert [done[name] for name in names] == [3, 0, 1, False]


def test_box_cancelled_in_full_is_gone(seller):
    order = seller.order()
    claim = seller.shop.open_claim(order.lines[0], ClaimKind.CANCEL, 2)
    seller.shop.settle_claim(claim, ClaimStatus.DONE)
    gone = "해당 주문이 취소 또는 반품되었습니다."
    assert seller.sheets()["data"] == []
    assert seller.refusal(f"{SHEETS}/{order.lines[0].box}") == gone
    path = f"{OA}/v5/vendors/{VENDOR}/{order.no}/ordersheets"
    assert seller.refusal(path) == gone


def test_single_reads_say_code_as_text(seller):
    order = seller.order()
    box = order.lines[0].box
    one = seller.json(f"{SHEETS}/{box}")
    several = seller.json(f"{OA}/v5/vendors/{VENDOR}/{order.no}/ordersheets")
    assert (one["code"], several["code"]) == ("200", "200")
    assert several["data"] == [one["data"]]
    assert one["data"] == seller.sheets()["data"][0]


@pytest.mark.parametrize(
    "path", [f"{SHEETS}/1", f"{SHEETS}/abc", f"{OA}/v5/vendors/{VENDOR}/1/ordersheets"]
)
def test_unknown_numbers_are_refused(seller, path):
    assert "유효하지 않은" in seller.refusal(path)


def test_history_is_newest_first(seller):
    line = seller.shipped()
    data = seller.json(f"{SHEETS}/{line.box}/history")["data"]
    states = [(step["deliveryStatus"], step["deliveryStatusDesc"]) for step in data["details"]]
    assert states == [
        ("DEPARTURE", "배송지시"),
        ("INSTRUCT", "상품준비중"),
        ("ACCEPT", "결제완료"),
    ]
    assert data["details"][-1]["updatedAt"] == "2026-03-01T11:00:02"


# ── acknowledge ────────────────────────────────────────────────────────────────────────────────
def acknowledge(seller: Seller, *boxes: object, method: str = "PUT") -> dict:
    body = {"vendorId": VENDOR, "shipmentBoxIds": list(boxes)}
    answer = seller.json(f"{V4}/ordersheets/acknowledgement", "", method, body)
    assert answer["code"] == "200"
    return answer["data"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_acknowledge_moves_boxes_to_preparation(seller, method):
    first, second = seller.order().lines[0], seller.order().lines[0]
    data = acknowledge(seller, first.box, str(second.box), method=method)
    assert data["responseCode"] == 0
    assert [row["resultCode"] for row in data["responseList"]] == ["OK", "OK"]
    assert {first.status, second.status} == {LineStatus.CONFIRMED}


def test_acknowledge_tells_box_by_box(seller):
    good, done, held, gone = (seller.order().lines[0] for _ in range(4))
    seller.shop.confirm(done)
    seller.shop.open_claim(held, ClaimKind.CANCEL, 1)
    claim = seller.shop.open_claim(gone, ClaimKind.CANCEL, 2)
    seller.shop.settle_claim(claim, ClaimStatus.DONE)
    data = acknowledge(seller, good.box, done.box, held.box, gone.box, 102391599)
    assert data["responseCode"] == 1
    assert [(x["succeed"], x["resultCode"]) for x in data["responseList"]] == [
        (True, "OK"),
        (False, "INVALID_STATUS"),
        (False, "ORDER_DELIVERY_CANCELED_HOLDING_FOR_CANCEL"),
        (False, "ORDER_DELIVERY_CANCELED"),
        (False, "NOT_FOUND_SHIPMENT_BOX"),
    ]
    text = "shipmentBoxId (102391599) is not found."
    assert data["responseList"][-1]["resultMessage"] == text


def test_acknowledge_that_fails_whole_is_still_http_200(seller):
    data = acknowledge(seller, 1, 2)
    text = "배송상태를 변경할 수 없습니다. 주문내역을 확인해주세요."
    assert (data["responseCode"], data["responseMessage"]) == (99, text)


@pytest.mark.parametrize(
    "body",
    [
        {"vendorId": VENDOR, "shipmentBoxIds": list(range(51))},
        {"vendorId": "A99999999", "shipmentBoxIds": [1]},
        {"vendorId": VENDOR, "shipmentBoxIds": ["x"]},
        {"vendorId": VENDOR},
        [1],
        None,
    ],
    ids=["51 boxes", "other vendor", "text", "none", "array", "empty"],
)
def test_acknowledge_refuses_a_bad_body(seller, body):
    seller.refusal(f"{V4}/ordersheets/acknowledgement", "", "PUT", body)


# ── invoices ───────────────────────────────────────────────────────────────────────────────────
def dto(line: Line, **values: object) -> dict:
    return {
        "shipmentBoxId": line.box,
        "orderId": line.order.no,
        "vendorItemId": line.item.no,
        "deliveryCompanyCode": "CJGLS",
        "invoiceNumber": "20180731040123",
        "splitShipping": False,
        "preSplitShipped": False,
        "estimatedShippingDate": "",
        **values,
    }


def upload(seller: Seller, *dtos: dict, path: str = "orders/invoices") -> dict:
    body = {"vendorId": VENDOR, "orderSheetInvoiceApplyDtos": list(dtos)}
    return seller.json(f"{V4}/{path}", "", "POST", body)["data"]


def codes(data: dict) -> list[str]:
    return [row["resultCode"] for row in data["responseList"]]


def confirmed(seller: Seller, options: int = 1) -> list[Line]:
    lines = seller.order(*seller.listing(7000 + len(seller.shop.listings), options).items).lines
    for line in lines:
        seller.shop.confirm(line)
    return lines


def test_invoice_of_a_whole_box_departs(seller):
    lines = confirmed(seller, options=2)
    data = upload(seller, *map(dto, lines))
    assert (data["responseCode"], data["responseMessage"]) == (0, "SUCCESS")
    assert codes(data) == ["OK"]  # one entry per box
    assert {line.invoice_no for line in lines} == {"20180731040123"}
    (row,) = seller.sheets("DEPARTURE")["data"]
    assert (row["deliveryCompanyName"], row["invoiceNumber"]) == ("CJ대한통운", "20180731040123")


def test_samples_with_text_for_numbers_are_understood(seller):
    (line,) = confirmed(seller)
    values = {
        "shipmentBoxId": str(line.box),
        "splitShipping": "False",
        "invoiceNumber": 12345678901,
    }
    assert codes(upload(seller, dto(line, **values))) == ["OK"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"deliveryCompanyCode": "LOTTE"}, "INVALID_INVOICE_NUMBER"),
        ({"invoiceNumber": "2018-0731"}, "INVALID_INVOICE_NUMBER"),
        ({"invoiceNumber": ""}, "INVALID_INVOICE_NUMBER"),
        ({"vendorItemId": 1}, "NOT_FOUND_VENDOR_ITEM"),
        ({"orderId": 1}, "NOT_FOUND_SHIPMENT_BOX"),
        ({"shipmentBoxId": 1}, "NOT_FOUND_SHIPMENT_BOX"),
        ({"splitShipping": True}, "NOT_ALLOW_SEPARATE_WHEN_ONE_VENDOR_ITEM"),
    ],
)
def test_invoice_is_refused_inside_http_200(seller, values, code):
    (line,) = confirmed(seller)
    data = upload(seller, dto(line, **values))
    assert (data["responseCode"], codes(data)) == (99, [code])
    assert line.status is LineStatus.CONFIRMED


def test_invoice_needs_every_item_of_the_box(seller):
    lines = confirmed(seller, options=2)
    assert codes(upload(seller, dto(lines[0]))) == ["NOT_FOUND_VENDOR_ITEM"]


def test_invoice_verdicts_depend_on_the_state(seller):
    fresh, shipped, (held,), (good,) = (
        seller.order().lines[0],
        seller.shipped(),
        confirmed(seller),
        confirmed(seller),
    )
    seller.shop.open_claim(held, ClaimKind.CANCEL, 1)
    data = upload(seller, *map(dto, (fresh, shipped, held, good)))
    assert (data["responseCode"], data["responseMessage"]) == (1, "PARTIAL_ERROR")
    assert codes(data) == [
        "INVALID_STATUS",
        "DUPLICATE_INVOICE_NUMBER",
        "ORDER_DELIVERY_CANCELED_HOLDING_FOR_CANCEL",
        "OK",
    ]


def test_number_of_another_order_is_not_taken_again(seller):
    used = seller.shipped()
    (line,) = confirmed(seller)
    again = dto(line, invoiceNumber=used.invoice_no)
    assert codes(upload(seller, again)) == ["NOT_ALLOW_INVOICE_NUMBER_RE_UPLOAD"]
    assert codes(upload(seller, {**again, "deliveryCompanyCode": "DIRECT"})) == ["OK"]


def test_invoice_is_changed_only_under_way(seller):
    (waiting,), shipped = confirmed(seller), seller.shipped()
    seller.now = NOW + DAY
    data = upload(seller, dto(waiting), dto(shipped), path="orders/updateInvoices")
    assert codes(data) == ["INVALID_STATUS", "OK"]
    (row,) = seller.sheets("DEPARTURE")["data"]
    assert row["invoiceNumber"] == "20180731040123"


def test_split_shipment_moves_what_was_sent_to_a_new_box(seller):
    first, second = confirmed(seller, options=2)
    old = first.box
    later = {"splitShipping": True, "invoiceNumber": "", "estimatedShippingDate": "2026-03-05"}
    data = upload(seller, dto(first, splitShipping=True), dto(second, **later))
    assert codes(data) == ["OK"]
    assert (first.status, second.status) == (LineStatus.SHIPPED, LineStatus.CONFIRMED)
    assert (first.box != old, second.box) == (True, old)
    rows = seller.json(f"{OA}/v5/vendors/{VENDOR}/{first.order.no}/ordersheets")["data"]
    assert {row["shipmentBoxId"] for row in rows} == {old, first.box}


# ── returns and cancels ────────────────────────────────────────────────────────────────────────
def receipts(seller: Seller, more: str, first: str = "2026-03-01") -> list[dict]:
    query = f"createdAtFrom={first}&createdAtTo=2026-03-01&{more}"
    return seller.json(RETURNS, query)["data"]


def test_receipts_stand_under_the_status_of_their_claim(seller):
    stop = confirmed(seller)[0]
    seller.shop.open_claim(stop, ClaimKind.CANCEL, 1, no=1)
    seller.shop.open_claim(seller.shipped(invoice="1234567890"), ClaimKind.RETURN, 1, no=2)
    checked = seller.shop.open_claim(seller.shipped(), ClaimKind.RETURN, 1, no=3)
    seller.shop.settle_claim(checked, ClaimStatus.IN_PROGRESS)
    done = seller.shop.open_claim(seller.shipped(invoice="99"), ClaimKind.RETURN, 2, no=4)
    seller.shop.settle_claim(done, ClaimStatus.DONE)
    cancel = seller.shop.open_claim(seller.order().lines[0], ClaimKind.CANCEL, 2, no=5)
    seller.shop.settle_claim(cancel, ClaimStatus.DONE)
    found = {
        more: [(row["receiptId"], row["receiptStatus"]) for row in receipts(seller, more)]
        for more in ("status=RU", "status=UC", "status=PR", "status=CC", "cancelType=CANCEL")
    }
    assert found == {
        "status=RU": [(1, "RELEASE_STOP_UNCHECKED")],
        "status=UC": [(1, "RELEASE_STOP_UNCHECKED"), (2, "RETURNS_UNCHECKED")],
        "status=PR": [(3, "REQUEST_COUPANG_CHECK")],
        "status=CC": [(4, "RETURNS_COMPLETED")],
        "cancelType=CANCEL": [(5, "RETURNS_COMPLETED")],
    }
    (row,) = receipts(seller, "cancelType=CANCEL")
    assert row["receiptType"] == "CANCEL"


def test_receipt_covers_several_lines(seller):
    lines = confirmed(seller, options=2)
    for line in lines:
        seller.shop.open_claim(line, ClaimKind.CANCEL, 2, no=44)
    (row,) = receipts(seller, "status=RU")
    assert (row["receiptId"], row["cancelCountSum"], len(row["returnItems"])) == (44, 4, 2)
    assert row["returnItems"][0]["shipmentBoxId"] == lines[0].box
    assert row["createdAt"] == "2026-03-01T12:00:00"
    assert row["enclosePrice"] == {"currencyCode": "KRW", "units": 0, "nanos": 0}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("createdAtFrom=2026-03-01&createdAtTo=2026-03-01", "OrderId can't be null, if doesn't"),
        ("createdAtFrom=2026-03-01&createdAtTo=2026-03-01&status=XX", "Invalid status: XX"),
        (
            "createdAtFrom=2026-03-01&createdAtTo=2026-03-01&cancelType=CANCEL&status=UC",
            "status is not supported",
        ),
        (
            "createdAtFrom=2026-03-01%2B09:00&createdAtTo=2026-03-01%2B09:00&status=UC",
            "createdAtFrom: Invalid format.",
        ),
        (
            "searchType=timeFrame&createdAtFrom=2026-03-01&createdAtTo=2026-03-01&status=UC",
            "createdAtFrom: Invalid format.",
        ),
        (
            "searchType=timeFrame&createdAtFrom=2026-02-28T00:00&createdAtTo=2026-03-01T00:01"
            "&status=UC",
            "endTime-startTime range should less than 1 day",
        ),
        (
            "createdAtFrom=2026-01-29&createdAtTo=2026-03-01&status=UC",
            "endTime-startTime range should less than31.",
        ),
    ],
    ids=["no status", "status", "cancel", "offset", "day in minutes", "minutes", "31 days"],
)
def test_return_list_refuses(seller, query, text):
    assert seller.refusal(RETURNS, query).startswith(text)


def test_order_number_stands_in_for_the_status(seller):
    line, other = seller.shipped(), seller.shipped(invoice="12")
    for one in (line, other):
        seller.shop.open_claim(one, ClaimKind.RETURN, 1)
    assert len(receipts(seller, f"orderId={line.order.no}")) == 1


def test_minute_mode_of_returns_has_no_offset(seller):
    seller.shop.open_claim(seller.shipped(), ClaimKind.RETURN, 1)
    query = (
        "searchType=timeFrame&createdAtFrom=2026-03-01T12:00&createdAtTo=2026-03-01T12:00&status=UC"
    )
    assert len(seller.json(RETURNS, query)["data"]) == 1


def test_return_pages_go_on_from_the_last_receipt(seller):
    for _ in range(3):
        line = confirmed(seller)[0]
        seller.shop.open_claim(line, ClaimKind.CANCEL, 1)
    query = "createdAtFrom=2026-03-01&createdAtTo=2026-03-01&status=RU&maxPerPage=2"
    first = seller.json(RETURNS, query)
    second = seller.json(RETURNS, f"{query}&nextToken={first['nextToken']}")
    assert first["nextToken"] == str(first["data"][-1]["receiptId"])
    assert (len(first["data"]), len(second["data"]), second["nextToken"]) == (2, 1, "")


def test_single_return_is_an_array_and_knows_no_cancels(seller):
    claim = seller.shop.open_claim(seller.shipped(), ClaimKind.RETURN, 1)
    cancel = seller.shop.open_claim(seller.order().lines[0], ClaimKind.CANCEL, 1)
    answer = seller.json(f"{RETURNS}/{claim.no}")
    assert (answer["code"], [row["receiptId"] for row in answer["data"]]) == ("200", [claim.no])
    assert "유효하지 않은" in seller.refusal(f"{RETURNS}/{cancel.no}")


def test_withdrawn_return_vanishes_and_is_told_elsewhere(seller):
    claim = seller.shop.open_claim(seller.shipped(), ClaimKind.RETURN, 1)
    seller.shop.settle_claim(claim, ClaimStatus.WITHDRAWN)
    assert receipts(seller, "status=UC") == []
    assert "유효하지 않은" in seller.refusal(f"{RETURNS}/{claim.no}")
    query = "dateFrom=2026-02-22&dateTo=2026-03-01&pageIndex=1&sizePerPage=100"
    answer = seller.json(f"{V4}/returnWithdrawRequests", query)
    assert (answer["code"], answer["nextPageIndex"]) == (200, "")
    assert [row["cancelId"] for row in answer["data"]] == [claim.no]
    by_id = seller.json(f"{V4}/returnWithdrawList", "", "POST", {"cancelIds": [claim.no, 1]})
    assert by_id["data"] == answer["data"]


def test_withdrawals_are_paged_by_index(seller):
    for n in range(3):
        claim = seller.shop.open_claim(seller.shipped(invoice=str(n)), ClaimKind.RETURN, 1)
        seller.shop.settle_claim(claim, ClaimStatus.WITHDRAWN)
    query = "dateFrom=2026-03-01&dateTo=2026-03-01&sizePerPage=2&pageIndex="
    pages = [seller.json(f"{V4}/returnWithdrawRequests", query + n) for n in ("1", "2")]
    assert [(len(page["data"]), page["nextPageIndex"]) for page in pages] == [(2, "2"), (1, "")]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("dateTo=2026-03-01", "Required String parameter 'dateFrom' is not present"),
        ("dateFrom=2026-02-21&dateTo=2026-03-01", "최대 조회 기간은 7 일 입니다."),
        ("dateFrom=2026-03-02&dateTo=2026-03-01", "종료일자는 시작일자보다"),
        ("dateFrom=20260301&dateTo=2026-03-01", "날짜입력을 확인해 주세요."),
        ("dateFrom=2026-03-01&dateTo=2026-03-01&sizePerPage=101", "페이지별 최대 표시 갯수"),
        ("dateFrom=2026-03-01&dateTo=2026-03-01&pageIndex=0", "pageindex 는 음수"),
    ],
)
def test_withdrawal_list_refuses(seller, query, text):
    assert seller.refusal(f"{V4}/returnWithdrawRequests", query).startswith(text)


@pytest.mark.parametrize("ids", [[], list(range(51)), ["1"]], ids=["none", "51", "text"])
def test_withdrawals_by_id_refuse(seller, ids):
    seller.refusal(f"{V4}/returnWithdrawList", "", "POST", {"cancelIds": ids})


# ── exchanges ──────────────────────────────────────────────────────────────────────────────────
def test_exchanges_are_listed_in_every_status_unless_one_is_named(seller):
    statuses = list(ClaimStatus)
    for n, status in enumerate(statuses):
        line = seller.shipped(invoice=str(n))
        claim = seller.shop.open_claim(line, ClaimKind.EXCHANGE, 1, no=n + 1)
        if status is not ClaimStatus.REQUESTED:
            seller.shop.settle_claim(claim, status)
    query = "createdAtFrom=2026-02-22T12:00:01&createdAtTo=2026-03-01T12:00:00"
    rows = seller.json(f"{V4}/exchangeRequests", query)["data"]
    assert [row["exchangeStatus"] for row in rows] == [
        *["RECEIPT", "PROGRESS", "SUCCESS", "REJECT", "CANCEL"]
    ]
    (row,) = seller.json(f"{V4}/exchangeRequests", query + "&status=PROGRESS")["data"]
    (item,) = row["exchangeItemDtoV1s"]
    assert item["orderItemId"] == item["targetItemId"]
    assert item["originalShipmentBoxId"] in seller.shop.boxes
    assert receipts(seller, "status=UC") == []


def test_exchange_leaves_the_quantities_of_the_sheet(seller):
    seller.shop.open_claim(seller.shipped(), ClaimKind.EXCHANGE, 2)
    (item,) = seller.sheets("DEPARTURE")["data"][0]["orderItems"]
    assert (item["holdCountForCancel"], item["cancelCount"]) == (0, 0)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (
            "createdAtFrom=2026-02-22T12:00:00&createdAtTo=2026-03-01T12:00:00",
            "createdAtTo - createdAtFrom should less then 7day",
        ),
        ("createdAtFrom=2026-03-01&createdAtTo=2026-03-01", "createdAtFrom: Invalid format."),
        (
            "createdAtFrom=2026-03-01T00:00:00&createdAtTo=2026-03-01T12:00:00&status=X",
            "Invalid status: X",
        ),
    ],
)
def test_exchange_list_refuses(seller, query, text):
    assert seller.refusal(f"{V4}/exchangeRequests", query).startswith(text)


# ── faults ─────────────────────────────────────────────────────────────────────────────────────
def test_duplicate_page_comes_with_its_token(seller):
    item = seller.listing().items[0]
    boxes = [seller.order(item).lines[0].box for _ in range(5)]
    query = f"{DAYS}&status=ACCEPT&maxPerPage=2&nextToken={boxes[1]}"
    again = json.loads(seller.ask(SHEETS, query, fault=Fault.DUPLICATE_PAGE).body)
    assert [row["shipmentBoxId"] for row in again["data"]] == boxes[:2]
    assert again["nextToken"] == str(boxes[1])


def test_duplicate_product_page_is_the_page_before(seller):
    for no in range(1, 4):
        seller.listing(no)
    query = f"vendorId={VENDOR}&maxPerPage=1&nextToken=2"
    again = json.loads(seller.ask(f"{SP}/seller-products", query, fault=Fault.DUPLICATE_PAGE).body)
    assert ([row["sellerProductId"] for row in again["data"]], again["nextToken"]) == ([3], "2")


def broken_rows(seller: Seller, path: str, query: str) -> Iterator[tuple[int, dict]]:
    good = seller.json(path, query)["data"]
    for _ in range(5):
        bad = json.loads(seller.ask(path, query, fault=Fault.MALFORMED_ROW).body)["data"]
        (pair,) = [(n, b) for n, (g, b) in enumerate(zip(good, bad, strict=True)) if g != b]
        yield pair
    assert seller.json(path, query)["data"] == good  # the shop itself is whole


def test_malformed_row_breaks_one_row_in_turn(seller):
    item = seller.listing().items[0]
    for _ in range(3):
        seller.order(item)
    pairs = list(broken_rows(seller, SHEETS, f"{DAYS}&status=ACCEPT"))
    rows = [row for _, row in pairs]
    assert rows[0]["status"] == "NO_SUCH_STATE"
    assert "shipmentBoxId" not in rows[1]
    assert rows[2]["orderItems"][0]["shippingCount"] == "two"
    assert rows[3]["orderItems"][0]["salesPrice"]["units"] == -100
    assert rows[4]["orderedAt"] == "2026-13-45"
    assert {index for index, _ in pairs} == {0, 1, 2}


def test_malformed_row_breaks_a_single_read(seller):
    item = seller.listing().items[0]
    path = item_path(item, "inventories")
    good = seller.json(path)["data"]
    bad = json.loads(seller.ask(path, fault=Fault.MALFORMED_ROW).body)["data"]
    assert bad != good


def test_malformed_row_and_revocation_leave_writes_alone(seller):
    item = seller.listing().items[0]
    for fault in (Fault.MALFORMED_ROW, Fault.REVOKE):
        answer = seller.ask(item_path(item, "quantities/7"), "", "PUT", fault=fault)
        assert json.loads(answer.body)["code"] == "SUCCESS"


def test_two_accounts_do_not_see_each_other():
    first, second = Seller(), Seller()
    second.account.key = "coupang:second"
    second.account.credentials |= {"vendor_id": "A00000002", "access_key": "other"}
    protocol = CoupangProtocol(
        [first.account, second.account],
        lambda: NOW,
        Limits(coupang=None),
        wall=lambda: SIGNED_AT,
    )
    second.order()
    query = f"{DAYS}&status=ACCEPT"
    header = signed("GET", SHEETS, query)
    answer = protocol.handle(Request("GET", SHEETS, query, {"authorization": header}, b""))
    assert json.loads(answer.body)["data"] == []
