"""Listings, options, and the writes of stock, price and sale flag.

What the documents leave open is decided so: an unknown listing is a 400; a search by violation
finds nothing; stopping what is stopped succeeds; originalPrice is the sale price until it is set.
Source: coupang.md §4.
"""

from collections.abc import Iterable
from datetime import timedelta

from erp_assets.records import ProductStatus
from erp_assets.simulator.coupang.call import (
    DAY,
    TO_SECOND,
    Call,
    Payload,
    Refused,
    Row,
    local,
    moment,
    number,
    span,
)
from erp_assets.simulator.world import Item, Listing, Refusal

PAGE, MOST = 10, 100
MOST_STOCK = 99_999
MOST_NAME = 20
TIME_FRAME = timedelta(minutes=10)

_BAD_ID = "유효하지 않은 ID가 입력되었습니다."
_STATUS_NAMES = {
    "IN_REVIEW": "심사중",
    "SAVED": "임시저장",
    "APPROVING": "승인대기중",
    "APPROVED": "승인완료",
    "PARTIAL_APPROVED": "부분승인완료",
    "DENIED": "승인반려",
    "DELETED": "상품삭제",
}
_STATUSES = {
    ProductStatus.PENDING: "APPROVING",
    ProductStatus.BANNED: "DENIED",
    ProductStatus.DELETED: "DELETED",
}


def _status(listing: Listing) -> str:
    if listing.status in _STATUSES:
        return _STATUSES[listing.status]
    approved = {item.approved for item in listing.items if not item.deleted}
    return "PARTIAL_APPROVED" if approved == {True, False} else "APPROVED"


# ── lists ──────────────────────────────────────────────────────────────────────────────────────
def listed(call: Call) -> Payload:
    """Answer the list: pages by number, newest first."""
    _check_vendor(call)
    rows, size = _found(call), call.size(PAGE, MOST)
    page, token = _numbered_page(call, len(rows), size)
    return {"data": [_summary(call, x) for x in rows[page]], "nextToken": token}


def _check_vendor(call: Call) -> None:
    vendor = call.text("vendorId")
    if not vendor:
        raise Refused("업체코드는 반드시 입력되어야 합니다.")
    if vendor != call.vendor:
        raise Refused("Invalid vendor ID")


def _numbered_page(call: Call, count: int, size: int) -> tuple[slice, str]:
    asked = number(call.text("nextToken") or 1)
    if not asked:
        raise Refused("nextToken is invalid")
    page = max(1, asked - 1) if call.is_repeat else asked
    return slice((page - 1) * size, page * size), str(page + 1) if page * size < count else ""


_FILTERS = ("sellerProductId", "sellerProductName", "status", "manufacture", "createdAt")


def _found(call: Call) -> list[Listing]:
    """Search once for all pages."""
    _check_filters(call)
    wanted = tuple(call.text(name) for name in _FILTERS)
    is_none_wanted = "violationTypes" in call.query
    key = ("seller-products", *wanted, is_none_wanted)
    return call.listing(key, lambda: [] if is_none_wanted else _search(call, *wanted))


def _check_filters(call: Call) -> None:
    if call.text("createdAt") and moment(call.text("createdAt"), DAY) is None:
        raise Refused("Format of createdAt is `yyyy-MM-dd`")
    if call.text("status") and call.text("status") not in _STATUS_NAMES:
        raise Refused(f"Invalid status: {call.text('status')}")
    if len(call.text("sellerProductName")) > MOST_NAME:
        raise Refused("sellerProductName: 최대 20자까지 입력할 수 있습니다.")
    violations = call.query.get("violationTypes", ())
    if len(violations) > 1 and call.text("violationTypeAndOr") not in {"AND", "OR"}:
        raise Refused("violationTypeAndOr is required")


def _search(call: Call, no: str, name: str, status: str, maker: str, day: str) -> list[Listing]:
    return [
        x
        for x in newest_first(call.shop.listings.values())
        if (not no or str(x.no) == no)
        and name in x.name
        and status in {"", _status(x)}
        and maker in {"", x.brand}
        and day in {"", local(x.created_at)[:10]}
    ]


def newest_first(listings: Iterable[Listing]) -> list[Listing]:
    """Order listings as every list shows them."""
    return sorted(listings, key=lambda x: (x.created_at, x.no), reverse=True)


def by_time(call: Call) -> Payload:
    """Answer what was created in at most ten minutes, in one answer."""
    _check_vendor(call)
    asked = span(call, ("createdAtFrom", "createdAtTo"), TO_SECOND)
    if asked.asked > TIME_FRAME:
        raise Refused("createdAtFrom, createdAtTo: 최대 10분 이내의 범위로만 조회가능합니다.")
    found = [x for x in call.shop.listings.values() if asked.since <= x.created_at < asked.until]
    return {"data": [_summary(call, x) for x in newest_first(found)]}


def by_code(call: Call) -> Payload:
    """Answer the listings that hold an option with the seller's code."""
    codes = call.listing(("codes",), lambda: _by_code(call))
    return {"data": [_summary(call, x) for x in newest_first(codes.get(call.args[0], ()))]}


def _by_code(call: Call) -> dict[str, set[Listing]]:
    found: dict[str, set[Listing]] = {}
    for item in call.shop.items.values():
        if not item.deleted:
            found.setdefault(item.seller_code, set()).add(item.listing)
    return found


def quota(call: Call) -> Payload:
    """Answer how many listings there are, and that more may come."""
    count = len(call.shop.listings)
    return {
        "data": {
            "vendorId": call.vendor,
            "restricted": False,
            "registeredCount": count,
            "permittedCount": None,
        }
    }


# ── one listing ────────────────────────────────────────────────────────────────────────────────
def single(call: Call) -> Payload:
    """Answer a listing with its options."""
    return {"data": _detail(call, _listing(call))}


def _listing(call: Call) -> Listing:
    listing = call.shop.listings.get(number(call.args[0]) or 0)
    if listing is None:
        raise Refused(_BAD_ID)
    return listing


def history(call: Call) -> Payload:
    """Answer the steps of approval, newest first."""
    listing, size = _listing(call), call.size(PAGE, MOST)
    steps = ["임시저장", "승인대기중", _STATUS_NAMES[_status(listing)]]
    rows = [
        {
            "createdAt": local(listing.created_at + timedelta(seconds=n)),
            "status": step,
            "createdBy": "user01",
            "comment": "",
        }
        for n, step in enumerate(steps)
    ][::-1]
    page, token = _numbered_page(call, len(rows), size)
    return {"data": rows[page], "nextToken": token}


_SOLD_UNTIL = "2099-12-31T00:00:00"


def _summary(call: Call, listing: Listing) -> Row:
    return {
        "sellerProductId": listing.no,
        "sellerProductName": listing.name,
        "displayCategoryCode": listing.category,
        "categoryId": listing.category,
        "productId": listing.channel_no,
        "vendorId": call.vendor,
        "mdId": "md@",
        "mdName": None,
        "saleStartedAt": local(listing.created_at),
        "saleEndedAt": _SOLD_UNTIL,
        "brand": listing.brand,
        "statusName": _STATUS_NAMES[_status(listing)],
        "createdAt": local(listing.created_at),
    }


_DELIVERY: Row = {
    "productGroup": "",
    "deliveryMethod": "SEQUENCIAL",
    "deliveryCompanyCode": "CJGLS",
    "deliveryChargeType": "CONDITIONAL_FREE",
    "deliveryCharge": 2500,
    "freeShipOverAmount": 30000,
    "deliveryChargeOnReturn": 2500,
    "remoteAreaDeliverable": "N",
    "bundlePackingDelivery": None,
    "unionDeliveryType": "UNION_DELIVERY",
    "returnCenterCode": "1000274592",
    "returnChargeName": "반품지_1",
    "companyContactNumber": "02-0000-0000",
    "returnZipCode": "06000",
    "returnAddress": "서울특별시 강남구",
    "returnAddressDetail": "333",
    "returnCharge": 2500,
    "exchangeType": "AFTER",
    "returnChargeVendor": "N",
    "afterServiceInformation": "A/S안내 1544-0000",
    "afterServiceContactNumber": "1544-0000",
    "outboundShippingPlaceCode": 74010,
    "contributorType": "API_SELLER",
    "vendorUserId": "user01",
    "requested": False,
    "requiredDocuments": [],
    "extraInfoMessage": None,
}


def _detail(call: Call, listing: Listing) -> Row:
    summary = _summary(call, listing)
    del summary["createdAt"]
    return {
        **summary,
        "displayProductName": listing.name,
        "generalProductName": listing.name,
        **_DELIVERY,
        "manufacture": listing.brand,
        "items": [_item(item) for item in listing.items if not item.deleted],
    }


_ITEM: Row = {
    "offerCondition": "NEW",
    "offerDescription": None,
    "maximumBuyForPerson": 0,
    "outboundShippingTimeDay": 2,
    "maximumBuyForPersonPeriod": 1,
    "unitCount": 1,
    "adultOnly": "EVERYONE",
    "taxType": "TAX",
    "parallelImported": "NOT_PARALLEL_IMPORTED",
    "overseasPurchased": "NOT_OVERSEAS_PURCHASED",
    "pccNeeded": False,
    "bestPriceGuaranteed3P": False,
    "saleAgentCommission": 10,
    "modelNo": "",
    "images": [],
    "notices": [],
    "contents": [],
    "certifications": [{"certificationType": "NOT_REQUIRED", "certificationCode": ""}],
    "extraProperties": None,
    "searchTags": [],
}


def _item(item: Item) -> Row:
    return {
        "sellerProductItemId": item.no % 1_000_000_007,
        "vendorItemId": item.no if item.approved else None,
        "itemName": item.name,
        "originalPrice": _original_price(item),
        "salePrice": item.price,
        "supplyPrice": item.price * 9 // 10,
        "maximumBuyCount": min(item.stock + item.sold, MOST_STOCK),
        "externalVendorSku": item.seller_code,
        "emptyBarcode": not item.barcode,
        "emptyBarcodeReason": "" if item.barcode else "NOT_ISSUED",
        "barcode": item.barcode,
        "attributes": [
            {
                "attributeTypeName": "옵션",
                "attributeValueName": item.name,
                "exposed": "EXPOSED",
                "editable": False,
            }
        ],
        **_ITEM,
    }


def _original_price(item: Item) -> int:
    return item.price if item.list_price is None else item.list_price


# ── options ────────────────────────────────────────────────────────────────────────────────────
def inventory(call: Call) -> Payload:
    """Answer stock, price and sale flag of one option."""
    no = number(call.args[0])
    if no is None:
        raise Refused(_BAD_ID)
    item = _option(call, no)
    if item is None or item.deleted:
        shown = f"{call.args[0][:4]}***{call.args[0][-3:]}"
        raise Refused(f"유효한 옵션이 없습니다:[vendorItemId={shown}]")
    return {
        "data": {
            "sellerItemId": item.no,
            "amountInStock": item.stock,
            "salePrice": item.price,
            "onSale": item.on_sale and item.listing.status in _SELLING,
        }
    }


_SELLING = frozenset({ProductStatus.ON_SALE, ProductStatus.SOLD_OUT})


def _option(call: Call, no: int) -> Item | None:
    """Return an option that was given its number; deleted ones too."""
    item = call.shop.items.get(no)
    return item if item and item.approved else None


def set_stock(call: Call) -> Payload:
    """Set stock, absolute."""
    no, stock = (number(arg) for arg in call.args)
    if stock is None or stock > MOST_STOCK:
        raise Refused("유효하지 않은 재고수량입니다.")
    item = _option(call, no or 0)
    if item is None:
        raise Refused(f"재고변경에 실패했습니다. [vendoritemid {call.args[0]} not found]")
    _check_alive(item, "재고변경에 실패했습니다.")
    try:
        call.shop.set_stock(item, stock)
    except Refusal as refusal:
        raise Refused("유효하지 않은 재고수량입니다.") from refusal
    return {"message": "재고 변경을 완료했습니다.", "data": None}


def _check_alive(item: Item, failed: str) -> None:
    if item.deleted:
        raise Refused(f"{failed} [옵션ID[{item.no}] : 삭제된 상품은 변경이 불가능합니다.]")


_PRICE_FAILED = "가격변경에 실패했습니다."


def set_price(call: Call) -> Payload:
    """Set the sale price: steps of 10 won, -50 … +100 % unless forced."""
    item, price = _priced(call)
    if price < 10:
        raise Refused(f"{_PRICE_FAILED} [옵션ID[{item.no}]: 유효하지 않은 가격입니다.]")
    is_forced = _flag(call, "forceSalePriceUpdate")
    if not is_forced and not item.price <= 2 * price <= 4 * item.price:
        raise Refused(
            f"{_PRICE_FAILED} [옵션ID[{item.no}] : 판매가 변경이 불가능합니다. "
            "변경전 판매가의 최대 50% 인하/최대 100%인상까지 변경가능합니다.]"
        )
    _check_automatic(call, price)
    call.shop.set_surcharge(item, price - item.listing.base_price)
    return {"message": "가격 변경을 완료했습니다.", "data": None}


def _check_automatic(call: Call, price: int) -> None:
    """Automatic adjustment: both parameters together, the minimum below the price."""
    if "apActive" not in call.query and "apMinSalePrice" not in call.query:
        return
    least = number(call.text("apMinSalePrice"))
    if not _flag(call, "apActive") or least is None or least >= price:
        raise Refused(f"{_PRICE_FAILED} apActive, apMinSalePrice")


def set_list_price(call: Call) -> Payload:
    """Set the struck-through price."""
    item, price = _priced(call)
    call.shop.set_list_price(item, price)
    return {"message": "Original price changing completed", "data": None}


def _priced(call: Call) -> tuple[Item, int]:
    item, price = _option(call, number(call.args[0]) or 0), number(call.args[1])
    if item is None:
        raise Refused("유효하지 않은 ID입니다.")
    _check_alive(item, _PRICE_FAILED)
    if price is None or price % 10:
        raise Refused(
            f"{_PRICE_FAILED} [옵션ID[{item.no}]: "
            "가격은 최소 10원 단위로 입력가능합니다. (1원단위 입력 불가)]"
        )
    return item, price


def _flag(call: Call, name: str) -> bool:
    text = call.text(name).lower()
    if text not in {"", "true", "false"}:
        raise Refused(f"{name} is invalid")
    return text == "true"


def stop(call: Call) -> Payload:
    """Stop the sale of one option."""
    call.shop.set_on_sale(_sellable(call), on_sale=False)
    return {"message": "판매 중지 처리되었습니다.", "data": None}


def resume(call: Call) -> Payload:
    """Resume the sale of one option, unless Coupang stopped it."""
    item = _sellable(call)
    if item.listing.status is ProductStatus.BANNED:
        raise Refused(f"판매 재개에 실패했습니다. [옵션ID[{item.no}] : 판매중지된 상품입니다.]")
    call.shop.set_on_sale(item, on_sale=True)
    return {"message": "판매가 재개되었습니다.", "data": None}


def _sellable(call: Call) -> Item:
    item = _option(call, number(call.args[0]) or 0)
    if item is None:
        raise Refused(_BAD_ID)
    _check_alive(item, "판매상태 변경에 실패했습니다.")
    return item
