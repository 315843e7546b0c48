"""Naver's listings: what leaves, and what the page's answers become (naver.md §4.1-4.4)."""

from copy import deepcopy
from datetime import datetime

import httpx
import pytest

from erp_assets.clock import KST
from erp_assets.records import Batch, Offer, Option, OptionKey, Product, ProductStatus
from erp_assets_tests.markets import naver_samples as samples
from erp_assets_tests.markets.naver_samples import DETAIL, Talk, answer, asked, by_path, gateway

NUMBER = "9000000101"
OFFERS = [
    Offer(NUMBER, "40000000001", 20, 29_000, True),
    Offer(NUMBER, "40000000002", 15, 31_000, True),
    Offer(NUMBER, "40000000003", 0, 29_000, True),
]


def listing(options: object = None, **changes: object) -> dict[str, object]:
    """Return the page's detail; `options` take the place of its optionInfo."""
    body = samples.sample(samples.LISTING)
    body["originProduct"] |= changes
    body["originProduct"]["detailAttribute"]["optionInfo"] = options
    return body


def shown(detail: object, **changes: object) -> Batch:
    page = deepcopy(samples.sample(samples.LISTINGS))
    page["contents"][0]["channelProducts"][0] |= changes
    return Talk(by_path({"search": page, NUMBER: detail})).batch(lambda it: it.products())


# ── what leaves ────────────────────────────────────────────────────────────────────────────────
def test_list_is_asked_for_in_pages_of_500_and_each_listing_for_its_options():
    talk = Talk(by_path({"search": samples.LISTINGS, NUMBER: samples.LISTING}))
    talk.batches(lambda it: it.products())
    assert talk.lines == ["POST /external/v1/products/search", f"GET {DETAIL}/{NUMBER}"]
    assert asked(talk.sent[0]) == {"page": 1, "size": 500, "orderType": "NO"}
    assert talk.sent[0].headers["content-type"] == "application/json"
    assert talk.sent[1].content == b""


def test_offers_cost_one_call_a_listing():
    talk = Talk(by_path({NUMBER: samples.LISTING, "7": listing(stockQuantity=3)}), concurrency=1)
    keys = [
        OptionKey(NUMBER, "40000000002"),
        OptionKey("7", "0"),
        OptionKey(NUMBER, "40000000001"),
        OptionKey(NUMBER, "404"),
    ]
    found = talk.batch(lambda it: it.offers(keys))
    assert talk.lines == [f"GET {DETAIL}/{NUMBER}", f"GET {DETAIL}/7"]
    assert found.offers == [*OFFERS[:2], Offer("7", "0", 3, 29_000, True)]


def test_number_of_a_listing_stays_inside_its_segment():
    talk = Talk(lambda _: gateway("GW.NOT_FOUND", 404))
    talk.batch(lambda it: it.offers([OptionKey("1/../2?a=1\r\nB: c", "0")]))
    assert talk.lines == [f"GET {DETAIL}/1%2F..%2F2%3Fa%3D1%0D%0AB%3A%20c"]


# ── what comes back ────────────────────────────────────────────────────────────────────────────
def test_listing_of_the_page_becomes_these_records():
    found = shown(samples.LISTING)
    assert found.rejected == []
    assert found.products == [
        Product(
            product_no=NUMBER,
            name="면 반팔 티셔츠",
            status=ProductStatus.ON_SALE,
            market_status="SALE",
            seller_code="TS-001",
            channel_no="9000500101",
            category="50000803",
            brand="예시브랜드",
            created_at=datetime(2026, 1, 5, 10, tzinfo=KST),
            modified_at=datetime(2026, 5, 10, 9, 30, tzinfo=KST),
        )
    ]
    assert found.options == [
        Option(NUMBER, "40000000001", "블랙 / M", "TS-001-BK-M"),
        Option(NUMBER, "40000000002", "블랙 / XL", "TS-001-BK-XL"),
        Option(NUMBER, "40000000003", "화이트 / M", "TS-001-WH-M"),
    ]
    assert found.offers == OFFERS
    [document] = found.documents
    assert (document.kind, document.document_no) == ("products", NUMBER)
    assert samples.sample(document.body) == samples.sample(samples.LISTING)


@pytest.mark.parametrize("options", [None, {}, {"optionCombinations": []}, {"optionSimple": [{}]}])
def test_listing_without_counted_options_has_one(options: object):
    found = shown(listing(options))
    assert found.options == [Option(NUMBER, "0", "", "TS-001", "8800000000011")]
    assert found.offers == [Offer(NUMBER, "0", 35, 29_000, True)]


def test_standard_options_cost_the_sale_price():
    rows = [{"id": 5, "optionName1": "빨강", "optionName2": "M", "stockQuantity": 4}]
    found = shown(listing({"optionStandards": rows, "useStockManagement": True}))
    assert found.options == [Option(NUMBER, "5", "빨강 / M")]
    assert found.offers == [Offer(NUMBER, "5", 4, 29_000, True)]


def test_option_may_cost_less_than_its_listing_and_be_stopped_alone():
    rows = [
        {"id": 5, "stockQuantity": 4, "price": -1_000, "usable": False},
        {"id": 6, "stockQuantity": 4},
    ]
    found = shown(listing({"optionCombinations": rows}))
    assert found.offers == [
        Offer(NUMBER, "5", 4, 28_000, False),
        Offer(NUMBER, "6", 4, 29_000, True),
    ]


@pytest.mark.parametrize(
    ("status", "expected", "on_sale"),
    [
        ("WAIT", ProductStatus.PENDING, False),
        ("SALE", ProductStatus.ON_SALE, True),
        ("OUTOFSTOCK", ProductStatus.SOLD_OUT, True),
        ("UNADMISSION", ProductStatus.PENDING, False),
        ("REJECTION", ProductStatus.BANNED, False),
        ("SUSPENSION", ProductStatus.PAUSED, False),
        ("CLOSE", ProductStatus.ENDED, False),
        ("PROHIBITION", ProductStatus.BANNED, False),
    ],
)
def test_status_of_a_listing(status: str, expected: ProductStatus, on_sale: bool):
    found = shown(listing(statusType=status), statusType=status)
    assert [it.status for it in found.products] == [expected]
    assert [it.on_sale for it in found.offers] == [on_sale]


def test_deleted_listing_is_not_asked_for_its_options():
    page = samples.sample(samples.LISTINGS)
    page["contents"][0]["channelProducts"][0]["statusType"] = "DELETE"
    talk = Talk(by_path({"search": page}))
    found = talk.batch(lambda it: it.products())
    assert [it.status for it in found.products] == [ProductStatus.DELETED]
    assert len(talk.sent) == 1


def test_smart_store_speaks_for_a_listing_of_several_channels():
    page = samples.sample(samples.LISTINGS)
    channel = page["contents"][0]["channelProducts"][0]
    window = channel | {"channelServiceType": "WINDOW", "channelProductNo": 1, "name": "윈도"}
    page["contents"][0]["channelProducts"] = [window, channel]
    found = Talk(by_path({"search": page, NUMBER: samples.LISTING})).batch(lambda it: it.products())
    assert found.products[0].channel_no == "9000500101"


def test_keys_of_a_later_edition_are_no_obstacle():
    body = listing(superDangolYn=True, productLogistics=[{"a": 1}]) | {"groupProduct": {"x": []}}
    assert len(shown(body, newKey={"deep": [1]}).offers) == 1


def test_listing_that_is_gone_is_reported_and_the_rest_read():
    page = samples.sample(samples.LISTINGS)
    [row] = page["contents"]
    page["contents"].append(deepcopy(row) | {"originProductNo": 2})
    gone = {
        "code": "NOT_FOUND",
        "message": "없는 상품",
        "timestamp": "2026-05-11T22:27:38.419+09:00",
    }
    answers = {"search": page, NUMBER: samples.LISTING, "/2": lambda _: answer(gone, 404)}
    found = Talk(by_path(answers)).batch(lambda it: it.products())
    assert [it.product_no for it in found.products] == [NUMBER]
    assert [(it.document_no, it.kind) for it in found.rejected] == [("2", "products")]
    assert "NOT_FOUND" in found.rejected[0].reason


def test_offers_of_a_listing_that_is_gone_are_reported_and_the_rest_read():
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/2"):
            return answer({"code": "NOT_FOUND", "message": "없는 상품"}, 404)
        return answer(samples.LISTING)

    keys = [OptionKey("2", "0"), OptionKey(NUMBER, "40000000001")]
    found = Talk(handler).batch(lambda it: it.offers(keys))
    assert found.offers == OFFERS[:1]
    assert [(it.document_no, it.kind) for it in found.rejected] == [("2", "offers")]


@pytest.mark.parametrize(
    "body", ['{"contents": [], "totalElements": 0}', '{"contents": [], "last": true}']
)
def test_empty_shop(body: str):
    talk = Talk(lambda _: answer(body))
    assert len(talk.batch(lambda it: it.products())) == 0
    assert len(talk.sent) == 1
