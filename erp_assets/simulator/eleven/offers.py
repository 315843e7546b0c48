"""What a listing offers: stock rows, price, instant discount, display.

Decided here because the documents are silent: an unknown number in a stock read answers with a
message only, and the stock read of many leaves it out; stopping works from 103 and 104, restarting
from 105, to 104 when nothing is in stock. Source: 11st.md §4, §5.
"""

from collections.abc import Mapping
from xml.sax.saxutils import escape

from lxml import etree

from erp_assets.records import ProductStatus
from erp_assets.simulator.eleven.call import Call, number
from erp_assets.simulator.eleven.codes import SALE_STATUS
from erp_assets.simulator.eleven.listings import find_listing
from erp_assets.simulator.eleven.rendering import (
    Refused,
    Row,
    client_message,
    leaves,
    local_name,
    qualified,
    read_body,
)
from erp_assets.simulator.world import Item, Listing, Refusal, Shop

PRICE_BELOW = 1_000_000_000

_STOCK_LEAVES = "addPrc optWght prdNo prdStckNo prdStckStatCd selQty sellerStockCd stckQty "
_STOCK_PLAIN = Row("ns2:ProductStock", _STOCK_LEAVES, {"mixOptNo": "0"})
_STOCK_OPTION = Row("ns2:ProductStock", _STOCK_LEAVES + "mixDtlOptNm mixOptNm mixOptNo", {})


# ── stock ──────────────────────────────────────────────────────────────────────────────────────
def stock(call: Call) -> str:
    """Answer the stock rows of one listing."""
    listing = find_listing(call.shop, call.args[0])
    if listing is None:
        raise Refused(404, f"해당 상품의 정보를 찾을 수 없습니다. 상품번호 : {call.args[0]}")
    return qualified("ProductStocks", _stock_rows(listing))


def stocks(call: Call) -> str:
    """Answer the stock rows of many listings; the request may be a wrapper or a bare prdNo."""
    root = read_body(call.body, "ProductStocks", "prdNo")
    numbers = [root.text or ""] if local_name(root) == "prdNo" else _wrapped(root)
    if not numbers:
        raise Refused(500, "재고 정보 조회 오류")
    found = [find_listing(call.shop, text.strip()) for text in dict.fromkeys(numbers)]
    groups = [f"<ns2:ProductStocks>{_stock_rows(x)}</ns2:ProductStocks>" for x in found if x]
    message = f"<ns2:message>{len(groups)} 건을 조회했습니다.</ns2:message>"
    return qualified("ProductStockss", message + "".join(groups))


def _wrapped(root: etree._Element) -> list[str]:
    rows = [leaves(node) for node in root if local_name(node) == "ProductStock"]
    return [row["prdNo"] for row in rows if "prdNo" in row]


def _stock_rows(listing: Listing) -> str:
    rows = [_stock_row(item, place) for place, item in enumerate(listing.items, 1)]
    identity = {"prdNm": listing.name, "prdNo": listing.no, "sellerPrdCd": listing.seller_code}
    named = (f"<ns2:{key}>{escape(str(value))}</ns2:{key}>" for key, value in identity.items())
    return "".join(rows) + "".join(named)


def _stock_row(item: Item, place: int) -> str:
    axes, values = _option_names(item.name)
    facts = {
        "addPrc": item.surcharge,
        "mixDtlOptNm": escape(values),
        "mixOptNm": escape(axes),
        "mixOptNo": ",".join([str(place)] * (axes.count(",") + 1)),
        "optWght": item.opt_weight,
        "prdNo": item.listing.no,
        "prdStckNo": item.no,
        "prdStckStatCd": "01" if item.stock else "02",
        "selQty": item.sold,
        "sellerStockCd": escape(item.seller_code),
        "stckQty": item.stock,
    }
    return (_STOCK_OPTION if item.listing.has_options else _STOCK_PLAIN).render(facts)


def _option_names(name: str) -> tuple[str, str]:
    """Split `축:값,축:값` into axes and values; any other name is a value of one axis."""
    pairs = [part.partition(":") for part in name.split(",")]
    if all(colon for _, colon, _ in pairs):
        return ",".join(axis for axis, _, _ in pairs), ",".join(value for _, _, value in pairs)
    return "옵션", name


_STOCK_FIELDS = ("prdNo", "prdStckNo", "stckQty", "optWght")


def set_stock(call: Call) -> str:
    """Set the stock of one row; the body's four fields are all required (§4.3)."""
    row_no = call.args[0]
    values = leaves(read_body(call.body, "ProductStock"))
    missing = [name for name in _STOCK_FIELDS if name not in values]
    if missing or values["prdStckNo"] != row_no:
        text = f"필수값이 올바르지 않습니다. {','.join(missing) or 'prdStckNo'}"
        raise Refused(400, text, product_no=row_no)
    about = f"옵션재고 번호 {row_no}(상품번호:{values['prdNo']})의 수량 업데이트 실패. MSG : "
    item = _find_item(call.shop, values["prdNo"], row_no)
    if item is None:
        raise Refused(404, about + "해당 재고 정보를 찾을 수 없습니다.", product_no=row_no)
    quantity, weight = number(values["stckQty"]), number(values["optWght"])
    if quantity is None or weight is None:
        raise Refused(400, about + "수량 또는 무게가 올바르지 않습니다.", product_no=row_no)
    try:
        call.shop.set_stock(item, quantity)
    except Refusal as refusal:
        raise Refused(500, about + str(refusal.why), product_no=row_no) from refusal
    item.opt_weight = weight
    text = (
        f"옵션재고 번호 : {row_no}(상품번호: {item.listing.no})의 수량이 업데이트 되었습니다. "
        f"변경된 수량 : {quantity}"
    )
    return client_message(200, text, product_no=row_no, old_price=0)


def _find_item(shop: Shop, product_no: str, row_no: str) -> Item | None:
    listing, value = find_listing(shop, product_no), number(row_no)
    item = None if value is None else shop.items.get(value)
    return item if item and item.listing is listing else None


# ── price ──────────────────────────────────────────────────────────────────────────────────────
def set_price(call: Call) -> str:
    """Set the base price by GET; the receipt names the old price and no number (§5.1)."""
    text, price = call.args
    listing = find_listing(call.shop, text)
    problem = _price_problem(listing, number(price), None)
    if listing is None or problem:
        message = f"상품번호:{text})의 가격 업데이트 실패. MSG : {problem}"
        raise Refused(500, message, product_no=text)
    old = listing.base_price
    call.shop.set_base_price(listing, int(price))
    message = f"(상품번호:{text})의 가격이 업데이트 되었습니다"
    return client_message(200, message, product_no="", old_price=old)


def _price_problem(listing: Listing | None, price: int | None, discount: int | None) -> str:
    """Say what is wrong with a price, empty when nothing is. discount None: as it stands."""
    if listing is None:
        return "해당 상품의 정보를 찾을 수 없습니다."
    if not price or price % 10 or price >= PRICE_BELOW:
        return "판매가는 10원 단위, 10억원 미만이어야 합니다."
    old = listing.base_price
    if price * 2 > old * 3 or price * 5 < old:
        return "판매가는 최대 50% 인상, 80% 인하까지만 수정할 수 있습니다."
    if price <= (listing.discount if discount is None else discount):
        return "판매가는 기본즉시할인 금액보다 커야 합니다."
    if any(not -price <= 2 * item.surcharge <= 2 * price for item in listing.items):
        return "옵션가는 판매가의 -50% ~ +100% 이내여야 합니다."
    return ""


def set_price_and_discount(call: Call) -> str:
    """Set base price and instant discount together; cuponcheck N takes the discount off."""
    text = call.args[0]
    listing = find_listing(call.shop, text)
    values = leaves(read_body(call.body, "Product"))
    discount = _discount(values)
    price = number(values.get("selPrc", "")) if listing else None
    if listing and price is None and values.get("cuponcheck") == "N":
        price = listing.base_price
    problem = _price_problem(listing, price, discount)
    if listing is None or price is None or discount is None or problem:
        message = f"상품번호:{text})의 가격 업데이트 실패. MSG : {problem or '할인 정보 오류'}"
        raise Refused(500, message, product_no=text)
    listing.discount = discount
    call.shop.set_base_price(listing, price)
    message = f"상품 가격 및 기본즉시할인 정보가 정상적으로 수정 되었습니다. 상품번호 : {text}"
    return client_message(200, message, product_no=text)


def _discount(values: Mapping[str, str]) -> int | None:
    """Return the discount in won, None when the fields do not make one."""
    if values.get("cuponcheck") == "N":
        return 0
    price = number(values.get("selPrc", "")) or 0
    amount = number(values.get("dscAmtPercnt", ""))
    if values.get("cuponcheck") != "Y" or not amount:
        return None
    by_method = {"01": amount, "02": price * amount // 100}
    return by_method.get(values.get("cupnDscMthdCd", ""))


# ── display ────────────────────────────────────────────────────────────────────────────────────
def stop_display(call: Call) -> str:
    """Take a listing off display; allowed from 103 and 104."""
    from_states = {ProductStatus.ON_SALE, ProductStatus.SOLD_OUT}
    listing = _displayed(call, from_states)
    return _set_display(call.shop, listing, ProductStatus.PAUSED)


def restart_display(call: Call) -> str:
    """Put a stopped listing back; without any stock it comes back as sold out."""
    listing = _displayed(call, {ProductStatus.PAUSED})
    has_stock = any(item.stock for item in listing.items)
    status = ProductStatus.ON_SALE if has_stock else ProductStatus.SOLD_OUT
    return _set_display(call.shop, listing, status)


def _displayed(call: Call, from_states: set[ProductStatus]) -> Listing:
    listing = find_listing(call.shop, call.args[0])
    if listing is None:
        raise Refused(500, f"해당 상품의 정보를 찾을 수 없습니다. 상품번호 : {call.args[0]}")
    if listing.status not in from_states:
        raise Refused(500, f"판매상태를 수정할 수 없습니다. [STAT : {SALE_STATUS[listing.status]}]")
    return listing


def _set_display(shop: Shop, listing: Listing, status: ProductStatus) -> str:
    shop.set_status(listing, status)
    return client_message(200, f"판매상태가 수정되었습니다. [STAT : {SALE_STATUS[status]}]")
