"""Status, stock and price of listings.

What the documents leave open is decided so: option rows that are not named stay as they are; a
multi-update tells per listing what failed; a bulk update refuses kinds that this world lacks.
Source: naver.md §4.3-4.7.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from erp_assets.records import ProductStatus
from erp_assets.simulator.naver.call import Call, Payload, Refused, whole
from erp_assets.simulator.naver.products import bad_request, detail, find, stock
from erp_assets.simulator.world import Item, Listing, Shop

MOST_STOCK = 99_999_999
MOST_PRICE = 999_999_990
UNMANAGED = 9_999
"""Stock of options whose stock management is off."""

_DONE: Payload = {"code": "SUCCESS", "message": "성공", "data": {}}
Body = Mapping[str, Any]


def _number(body: Body, name: str, most: int, default: int | None = None) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise bad_request(name)
    return value


def _price(body: Body) -> int:
    price = _number(body, "salePrice", MOST_PRICE)
    if price < 10 or price % 10:
        raise bad_request("salePrice", "판매가는 10원 단위로 입력해 주세요.")
    return price


def _object(body: Body, name: str) -> Body:
    value = body.get(name)
    if not isinstance(value, dict):
        raise bad_request(name)
    return value


# ── status ─────────────────────────────────────────────────────────────────────────────────────
_SALE, _OUT, _STOPPED = ProductStatus.ON_SALE, ProductStatus.SOLD_OUT, ProductStatus.PAUSED
_TARGETS = {"SALE": _SALE, "OUTOFSTOCK": _OUT, "SUSPENSION": _STOPPED}
_ALLOWED = frozenset(
    {(_SALE, _OUT), (_STOPPED, _SALE), (_OUT, _SALE), (_SALE, _STOPPED), (_OUT, _STOPPED)}
)


def change_status(call: Call) -> Payload:
    """Stop, resume or sell out a listing, by the documented transitions only."""
    body, listing = call.json(), find(call, call.args[0])
    target = _TARGETS.get(body.get("statusType", ""))
    if target is None:
        raise bad_request("statusType")
    amount = _number(body, "stockQuantity", MOST_STOCK) if "stockQuantity" in body else None
    _change(call.shop, listing, target, amount)
    return _DONE


def _change(shop: Shop, listing: Listing, target: ProductStatus, amount: int | None) -> None:
    if (listing.status, target) not in _ALLOWED:
        raise bad_request("statusType", "변경할 수 없는 상품 상태입니다.")
    if (listing.status, target) == (_OUT, _SALE) and amount is None:
        raise bad_request("stockQuantity", "재고수량을 입력해 주세요.")
    if target is _OUT:
        amount = 0
    _set_amount(shop, listing, amount)
    if target is _STOPPED or stock(listing):
        shop.set_status(listing, target)


def _set_amount(shop: Shop, listing: Listing, amount: int | None) -> None:
    """Set the listing's own stock; above 0 it belongs to the options where there are any."""
    if amount is None or (amount and listing.has_options):
        return
    for item in listing.items:
        if not item.deleted:
            shop.set_stock(item, amount)


# ── options ────────────────────────────────────────────────────────────────────────────────────
class OptionRow(NamedTuple):
    """One option as it is to be; what the request left out has its default."""

    item: Item
    stock: int
    price: int
    is_usable: bool


def set_options(call: Call) -> Payload:
    """Set stock and price of options; a row's omitted fields become 0 or true."""
    body, listing = call.json(), find(call, call.args[0])
    if not listing.has_options:
        raise bad_request("optionInfo", "옵션이 없는 상품입니다.")
    price, rows = _checked(body, listing)
    if price is not None:
        call.shop.set_base_price(listing, price)
    for row in rows:
        call.shop.set_surcharge(row.item, row.price)
        call.shop.set_on_sale(row.item, on_sale=row.is_usable)
        call.shop.set_stock(row.item, row.stock)
    if "immediateDiscountPolicy" in body:
        _set_discount(call.shop, listing, body)
    return {
        "originProductNo": listing.no,
        "smartstoreChannelProductNo": listing.channel_no,
        **detail(listing),
    }


def _checked(body: Body, listing: Listing) -> tuple[int | None, list[OptionRow]]:
    """Read the whole request before anything of it happens."""
    info = _object(body, "optionInfo")
    price = _price(_object(body, "productSalePrice")) if "productSalePrice" in body else None
    rows = info.get("optionCombinations")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad_request("optionInfo.optionCombinations")
    items = {item.no: item for item in listing.items if not item.deleted}
    is_managed = info.get("useStockManagement") is True
    found = [_row(row, items, is_managed=is_managed) for row in rows]
    for row in found:
        _check_surcharge(row.price, price or listing.base_price)
    if "immediateDiscountPolicy" in body:
        _discount(body, price or listing.base_price)
    return price, found


def _row(row: Body, items: Mapping[int, Item], *, is_managed: bool) -> OptionRow:
    item = items.get(whole(row.get("id")) or 0)
    if item is None:
        raise bad_request("optionInfo.optionCombinations.id", "옵션 구성이 일치하지 않습니다.")
    surcharge, usable = row.get("price", 0), row.get("usable", True)
    if not isinstance(surcharge, int) or not isinstance(usable, bool):
        raise bad_request("optionInfo.optionCombinations.price")
    amount = _number(row, "stockQuantity", MOST_STOCK, 0) if is_managed else UNMANAGED
    return OptionRow(item, amount, surcharge, usable)


def _check_surcharge(surcharge: int, price: int) -> None:
    """The range that the seller centre allows beside a sale price, in steps of 10 won."""
    least = 0 if price < 2_000 else -price // 2
    most = price if price < 10_000 else price // 2
    if surcharge % 10 or not least <= surcharge <= most:
        raise bad_request("optionInfo.optionCombinations.price", "옵션가 범위를 확인해 주세요.")


# ── discounts ──────────────────────────────────────────────────────────────────────────────────
def _discount(body: Body, price: int) -> int:
    """Return an immediate discount in won."""
    method = _object(_object(body, "immediateDiscountPolicy"), "discountMethod")
    value = _number(method, "value", MOST_PRICE)
    unit = method.get("unitType")
    if unit not in {"WON", "PERCENT"}:
        raise bad_request("immediateDiscountPolicy.discountMethod.unitType")
    won = value if unit == "WON" else price * value // 100
    if won >= price:
        raise bad_request("immediateDiscountPolicy.discountMethod.value")
    return won


def _set_discount(shop: Shop, listing: Listing, body: Body) -> None:
    shop.set_discount(listing, _discount(body, listing.base_price))


# ── several listings ───────────────────────────────────────────────────────────────────────────
_AREAS = frozenset(
    [
        "SALE_PRICE",
        "IMMEDIATE_DISCOUNT",
        "STOCK",
        "PRODUCT_STATUS_SALE",
        "PRODUCT_STATUS_SUSPENSION",
    ]
)


def multi_update(call: Call) -> Payload:
    """Change the named areas of several listings, each for itself."""
    rows = call.json().get("multiProductUpdateRequestVos")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise bad_request("multiProductUpdateRequestVos")
    for row in rows:
        areas = row.get("multiUpdateTypes")
        if not isinstance(areas, list) or not areas or not set(map(str, areas)) <= _AREAS:
            raise bad_request("multiProductUpdateRequestVos.multiUpdateTypes")
    failed = [verdict for row in rows if (verdict := _verdict(call, row))]
    bad = {verdict["originProductNo"] for verdict in failed}
    good = [row["originProductNo"] for row in rows if row.get("originProductNo") not in bad]
    data = {"successOriginProductNos": good, "failOriginProducts": failed}
    return {**_DONE, "data": data}


def _verdict(call: Call, row: Body) -> Payload | None:
    """Change one listing; return what failed."""
    try:
        _update(call.shop, find(call, row.get("originProductNo")), row)
    except Refused as refused:
        no = row.get("originProductNo")
        return {"originProductNo": no, "code": refused.code, "message": refused.message}
    return None


def _update(shop: Shop, listing: Listing, row: Body) -> None:
    areas = row["multiUpdateTypes"]
    price = _price(_object(row, "productSalePrice")) if "SALE_PRICE" in areas else None
    amount = _stock(listing, row) if "STOCK" in areas else None
    if "IMMEDIATE_DISCOUNT" in areas:
        _discount(row, price or listing.base_price)
    if price is not None:
        shop.set_base_price(listing, price)
    if "IMMEDIATE_DISCOUNT" in areas:
        _set_discount(shop, listing, row)
    _set_amount(shop, listing, amount)
    if "PRODUCT_STATUS_SALE" in areas and listing.status is not _SALE:
        _change(shop, listing, _SALE, amount)
    if "PRODUCT_STATUS_SUSPENSION" in areas:
        _change(shop, listing, _STOPPED, None)


def _stock(listing: Listing, row: Body) -> int:
    if listing.has_options:
        raise bad_request("stockQuantity", "옵션 상품의 재고는 옵션별로 변경해 주세요.")
    return _number(row, "stockQuantity", MOST_STOCK)


def bulk_update(call: Call) -> Payload:
    """Change many listings the same way."""
    body = call.json()
    numbers, kind = body.get("originProductNos"), body.get("productBulkUpdateType")
    if not isinstance(numbers, list) or not numbers:
        raise bad_request("originProductNos")
    if kind not in {"SALE_PRICE", "IMMEDIATE_DISCOUNT"}:
        raise bad_request("productBulkUpdateType")
    listings = [find(call, no) for no in numbers]
    if kind == "IMMEDIATE_DISCOUNT":
        values = [_discount(body, listing.base_price) for listing in listings]
        for listing, value in zip(listings, values, strict=True):
            call.shop.set_discount(listing, value)
        return _DONE
    change = _object(body, "productSalePrice")
    prices = [_price({"salePrice": _changed(change, x.base_price)}) for x in listings]
    for listing, price in zip(listings, prices, strict=True):
        call.shop.set_base_price(listing, price)
    return _DONE


def _changed(change: Body, price: int) -> int:
    """Return the price after UP, DOWN or TO by won or percent."""
    value, unit = (
        _number(change, "value", MOST_PRICE),
        change.get("productSalePriceChangerUnitType"),
    )
    if unit not in {"WON", "PERCENT"}:
        raise bad_request("productSalePrice.productSalePriceChangerUnitType")
    step = value if unit == "WON" else price * value // 1000 * 10
    way = change.get("productSalePriceChangerType")
    if way == "TO" and unit == "WON":
        return value
    if way not in {"UP", "DOWN"}:
        raise bad_request("productSalePrice.productSalePriceChangerType")
    return price + step if way == "UP" else price - step
