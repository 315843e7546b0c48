"""Listings: search and detail.

What the documents leave open is decided so: without status types everything but deleted listings is
found; numbers come in descending order; a seller code also finds codes that contain it.
Source: naver.md §4.2-4.4.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from erp_assets import clock
from erp_assets.records import ProductStatus
from erp_assets.simulator.naver.call import Call, Payload, Refused, Row, filled, stamp, whole
from erp_assets.simulator.world import Item, Listing

PAGE, MOST = 50, 500

STATUSES = {
    ProductStatus.ON_SALE: "SALE",
    ProductStatus.SOLD_OUT: "OUTOFSTOCK",
    ProductStatus.PAUSED: "SUSPENSION",
    ProductStatus.PENDING: "UNADMISSION",
    ProductStatus.ENDED: "CLOSE",
    ProductStatus.BANNED: "PROHIBITION",
    ProductStatus.DELETED: "DELETE",
}
_STATUS_TYPES = frozenset([*STATUSES.values(), "WAIT", "REJECTION"])


def bad_request(field: str, message: str = "잘못된 값입니다.") -> Refused:
    """Return the refusal of a field in the product family."""
    return Refused("BAD_REQUEST", message, field=field)


# ── search ─────────────────────────────────────────────────────────────────────────────────────
_ORDERS: dict[str, tuple[Callable[[Listing], Any], bool]] = {
    "NO": (lambda x: x.no, True),
    "NAME": (lambda x: (x.name, x.no), False),
    "SELLER_CODE": (lambda x: (x.seller_code, x.no), False),
    "LOW_PRICE": (lambda x: (x.base_price, x.no), False),
    "HIGH_PRICE": (lambda x: (x.base_price, x.no), True),
    "REG_DATE": (lambda x: (x.created_at, x.no), True),
    "MOD_DATE": (lambda x: (x.modified_at, x.no), True),
}
_ORDER_TYPES = frozenset(
    [
        "SALE_START",
        "SALE_END",
        "POPULARITY",
        "ACCUMULATE_SALE",
        "LOW_DISCOUNT_PRICE",
        "TOTAL_REVIEW_COUNT",
        "AVERAGE_REVIEW_SCORE",
    ]
) | frozenset(_ORDERS)
_KEYWORDS: dict[str, tuple[str, Callable[[Listing], int]]] = {
    "CHANNEL_PRODUCT_NO": ("channelProductNos", lambda x: x.channel_no),
    "PRODUCT_NO": ("originProductNos", lambda x: x.no),
    "GROUP_PRODUCT_NO": ("groupProductNos", lambda _: 0),
}
_PERIODS: dict[str, Callable[[Listing], datetime]] = {
    "PROD_REG_DAY": lambda x: x.created_at,
    "SALE_START_DAY": lambda x: x.created_at,
    "PROD_MOD_DAY": lambda x: x.modified_at,
}


def search(call: Call) -> Payload:
    """Answer listings in numbered pages; options are not among what is told."""
    body = call.json() if call.body.strip() else {}
    page, size = _count(body, "page", 1, None), _count(body, "size", PAGE, MOST)
    order = _one_of(body, "orderType", _ORDER_TYPES) or "NO"
    rows = call.lists.get(call.key("products", order, _wanted(body)), lambda: _found(call, body))
    if call.is_repeat:
        page = max(1, page - 1)
    pages = -(-len(rows) // size)
    return {
        "contents": [_content(x) for x in rows[(page - 1) * size : page * size]],
        "page": page,
        "size": size,
        "totalElements": len(rows),
        "totalPages": pages,
        "sort": {"sorted": True, "fields": [{"name": order, "direction": "DESC"}]},
        "first": page == 1,
        "last": page >= pages,
    }


def _wanted(body: Payload) -> str:
    """Return what is asked for beside the page, as a key."""
    return repr(sorted((k, v) for k, v in body.items() if k not in {"page", "size"}))


def _count(body: Payload, name: str, default: int, most: int | None) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or value < 1 or (most is not None and value > most):
        raise bad_request(name)
    return value


def _one_of(body: Payload, name: str, values: Iterable[str]) -> str:
    text = body.get(name) or ""
    if text and text not in set(values):
        raise bad_request(name)
    return str(text)


def _found(call: Call, body: Payload) -> list[Listing]:
    by, is_descending = _ORDERS.get(body.get("orderType") or "NO", _ORDERS["NO"])
    tests = [_of_status(body), _of_keyword(body), _of_period(body)]
    found = [x for x in call.shop.listings.values() if all(test(x) for test in tests)]
    return sorted(found, key=by, reverse=is_descending)


Test = Callable[[Listing], bool]


def _of_status(body: Payload) -> Test:
    types = body.get("productStatusTypes") or []
    if not isinstance(types, list) or not set(map(str, types)) <= _STATUS_TYPES:
        raise bad_request("productStatusTypes")
    wanted = set(types) or _STATUS_TYPES - {"DELETE"}
    return lambda x: STATUSES[x.status] in wanted


def _of_keyword(body: Payload) -> Test:
    keyword = _one_of(body, "searchKeywordType", [*_KEYWORDS, "SELLER_CODE"])
    if keyword == "SELLER_CODE":
        code = str(body.get("sellerManagementCode") or "")
        return lambda x: code in x.seller_code
    if not keyword:
        return lambda _: True
    name, number = _KEYWORDS[keyword]
    numbers = body.get(name)
    if not isinstance(numbers, list):
        raise bad_request(name)
    wanted = {whole(no) for no in numbers}
    return lambda x: number(x) in wanted


def _of_period(body: Payload) -> Test:
    period = _one_of(body, "periodType", [*_PERIODS, "SALE_END_DAY"])
    if not period:
        return lambda _: True
    at = _PERIODS.get(period)
    first, last = (_date(body, name) for name in ("fromDate", "toDate"))
    return lambda x: at is not None and first <= clock.kst_day(at(x)) <= last


def _date(body: Payload, name: str) -> date:
    try:
        return datetime.strptime(str(body.get(name)), "%Y-%m-%d").date()  # noqa: DTZ007 (a day)
    except ValueError as error:
        raise bad_request(name) from error


def stock(listing: Listing) -> int:
    """Return the listing's own stock: the sum over its usable options."""
    items = [x for x in listing.items if not x.deleted]
    return sum(x.stock for x in items if x.on_sale or not listing.has_options)


def _content(listing: Listing) -> Row:
    price = listing.base_price - listing.discount
    return {
        "originProductNo": listing.no,
        "channelProducts": [
            filled(
                {
                    "originProductNo": listing.no,
                    "channelProductNo": listing.channel_no,
                    "channelServiceType": "STOREFARM",
                    "categoryId": str(listing.category),
                    "name": listing.name,
                    "sellerManagementCode": listing.seller_code or None,
                    "statusType": STATUSES[listing.status],
                    "channelProductDisplayStatusType": _display(listing),
                    "salePrice": listing.base_price,
                    "discountedPrice": price,
                    "mobileDiscountedPrice": price,
                    "stockQuantity": stock(listing),
                    "knowledgeShoppingProductRegistration": True,
                    "deliveryAttributeType": "NORMAL",
                    "deliveryFee": 3000,
                    "returnFee": 3000,
                    "exchangeFee": 6000,
                    "wholeCategoryId": str(listing.category),
                    "brandName": listing.brand or None,
                    "regDate": stamp(listing.created_at),
                    "modifiedDate": stamp(listing.modified_at),
                }
            )
        ],
    }


def _display(listing: Listing) -> str:
    return "SUSPENSION" if listing.status is ProductStatus.PAUSED else "ON"


# ── detail ─────────────────────────────────────────────────────────────────────────────────────
def by_origin(call: Call) -> Payload:
    """Answer a listing by its origin product number."""
    return detail(find(call, call.args[0]))


def by_channel(call: Call) -> Payload:
    """Answer a listing by its channel product number."""
    channels = call.lists.get(
        call.key("channels"), lambda: {x.channel_no: x for x in call.shop.listings.values()}
    )
    return detail(_there(channels.get(whole(call.args[0]) or 0)))


def find(call: Call, no: object) -> Listing:
    """Return a listing by origin number. Raises: Refused (404)."""
    return _there(call.shop.listings.get(whole(no) or 0))


def _there(listing: Listing | None) -> Listing:
    if listing is None or listing.status is ProductStatus.DELETED:
        raise Refused("NOT_FOUND", "상품을 찾을 수 없습니다.", status=404)
    return listing


def detail(listing: Listing) -> Payload:
    """Return a listing with its options; its numbers are not among what is told."""
    return {
        "originProduct": _origin(listing),
        "smartstoreChannelProduct": {
            "channelProductName": listing.name,
            "storeKeepExclusiveProduct": False,
            "naverShoppingRegistration": True,
            "channelProductDisplayStatusType": _display(listing),
        },
    }


def _origin(listing: Listing) -> Row:
    discount = {"discountMethod": {"value": listing.discount, "unitType": "WON"}}
    return filled(
        {
            "statusType": STATUSES[listing.status],
            "saleType": "NEW",
            "leafCategoryId": str(listing.category),
            "name": listing.name,
            "detailContent": "<p>상세 설명</p>",
            "images": {"representativeImage": {"url": "https://shop1.phinf.naver.net/a.jpg"}},
            "salePrice": listing.base_price,
            "stockQuantity": stock(listing),
            "deliveryInfo": _DELIVERY,
            "detailAttribute": _attributes(listing),
            "customerBenefit": (
                {"immediateDiscountPolicy": discount} if listing.discount else None
            ),
        }
    )


_DELIVERY: Row = {
    "deliveryType": "DELIVERY",
    "deliveryAttributeType": "NORMAL",
    "deliveryCompany": "CJGLS",
    "deliveryFee": {
        "deliveryFeeType": "CONDITIONAL_FREE",
        "baseFee": 3000,
        "freeConditionalAmount": 50000,
        "deliveryFeePayType": "PREPAID",
    },
    "claimDeliveryInfo": {"returnDeliveryFee": 3000, "exchangeDeliveryFee": 6000},
}


def _attributes(listing: Listing) -> Row:
    items = [x for x in listing.items if not x.deleted]
    codes = filled(
        {
            "sellerManagementCode": listing.seller_code or None,
            "sellerBarcode": items[0].barcode if items and items[0].barcode else None,
        }
    )
    return filled(
        {
            "naverShoppingSearchInfo": {"brandName": listing.brand, "catalogMatchingYn": False},
            "afterServiceInfo": {
                "afterServiceTelephoneNumber": "02-000-0000",
                "afterServiceGuideContent": "문의 바랍니다",
            },
            "originAreaInfo": {"originAreaCode": "00", "content": "국산", "plural": False},
            "sellerCodeInfo": codes,
            "optionInfo": _options(items) if listing.has_options else None,
            "taxType": "TAX",
            "minorPurchasable": True,
        }
    )


def _options(items: Iterable[Item]) -> Row:
    return {
        "optionCombinationSortType": "CREATE",
        "optionCombinationGroupNames": {"optionGroupName1": "옵션"},
        "optionCombinations": [_option(item) for item in items],
        "useStockManagement": True,
    }


def _option(item: Item) -> Row:
    return {
        "id": item.no,
        "optionName1": item.name,
        "stockQuantity": item.stock,
        "price": item.surcharge,
        "sellerManagerCode": item.seller_code,
        "usable": item.on_sale,
    }
