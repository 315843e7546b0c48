"""Listings, stock rows, prices, display.

Decided here because the documents are silent: the search runs by listing number downwards, 1-based
and inclusive; an unknown number in a stock read answers with a message only; the stock read of many
leaves unknown numbers out. Source: 11st.md §3-5.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from lxml import etree

from erp_assets import clock
from erp_assets.records import ProductStatus
from erp_assets.simulator.eleven.call import Call, number
from erp_assets.simulator.eleven.codes import SALE_STATUS, SALE_STATUS_NAMES
from erp_assets.simulator.eleven.rendering import (
    BadBody,
    Refused,
    Row,
    client_message,
    leaves,
    local_name,
    parse,
    qualified,
    spread,
    stamp,
)
from erp_assets.simulator.eleven.windows import day
from erp_assets.simulator.world import Item, Listing, Refusal, Shop

SEARCH_MOST = 500
PRICE_BELOW = 1_000_000_000
_SALE_END = "2028-12-31 23:59:59"

# ── rows ───────────────────────────────────────────────────────────────────────────────────────
_LEAVES = """aplBgnDy cuponcheck dispCtgrNo prdNm prdNo selPrc selStatCd selStatNm
    sellerPrdCd """
_ALWAYS = {
    **spread({"": "gblHsCode prdWght validateMsg", "N": "gblDlvYn proxyYn stdPrdYn"}),
    "aplEndDy": _SALE_END,
    "exchDlvCst": "6000",
    "imageKindChk": "01",
    "rootCtgrNo": "0",
    "rtngdDlvCst": "3000",
}
_FOUND = Row("ns2:product", _LEAVES, _ALWAYS)
_CODE_ALWAYS = {
    **_ALWAYS,
    **spread(
        {
            "": "gftPackTypCd ntNo selPrdClfCd",
            "0": "optionAllAddPrc optionAllQty",
            "N": "bndlDlvCnYn outsideYnIn outsideYnOut sellerItemEventYn",
            "Y": "prcDscCmpExpYn selTermUseYn",
        }
    ),
    "dispCtgrStatCd": "03",
}
_BY_CODE = Row("ns2:product", _LEAVES, _CODE_ALWAYS)
_SINGLE = Row(
    "Product",
    _LEAVES + "dscAmtPercnt htmlDetail message prdImage01",
    {
        **_CODE_ALWAYS,
        **spread(
            {
                "": """abrdCnDlvCst abrdInCd cupnIssEndDy hopeShpPnt hopeShpPntRt hopeShpWyCd
                    ntShortNm preSelPrc selMnbdNckNm""",
                "0": "nResult prdStckQty shopNo",
            }
        ),
        "asDetail": ".",
        "cupnDscMthdCd": "01",
        "cupnUseLmtDyYn": "N",
        "dlvClf": "02",
        "gftPackTypCd": "01",
    },
)
_NOT_FOUND = Row("Product", "message", {"nResult": "0", "validateMsg": ""})
_STOCK_LEAVES = "addPrc optWght prdNo prdStckNo prdStckStatCd selQty sellerStockCd stckQty "
_STOCK_PLAIN = Row("ns2:ProductStock", _STOCK_LEAVES, {"mixOptNo": "0"})
_STOCK_OPTION = Row("ns2:ProductStock", _STOCK_LEAVES + "mixDtlOptNm mixOptNm mixOptNo", {})


def _facts(listing: Listing) -> dict[str, object]:
    status = SALE_STATUS[listing.status]
    return {
        "aplBgnDy": stamp(listing.created_at),
        "cuponcheck": "Y" if listing.discount else "N",
        "dispCtgrNo": listing.category,
        "prdNm": escape(listing.name),
        "prdNo": listing.no,
        "selPrc": listing.base_price,
        "selStatCd": status,
        "selStatNm": SALE_STATUS_NAMES[status],
        "sellerPrdCd": escape(listing.seller_code),
    }


def _listed(shop: Shop) -> Iterable[Listing]:
    return (x for x in shop.listings.values() if x.status is not ProductStatus.DELETED)


def _find(shop: Shop, product_no: str) -> Listing | None:
    value = number(product_no)
    listing = None if value is None else shop.listings.get(value)
    return listing if listing and listing.status is not ProductStatus.DELETED else None


# ── search ─────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class _Search:
    """What a SearchProduct asks for. start: 1-based; size: rows at most."""

    wanted: Mapping[str, str]
    dates: clock.Window | None
    start: int
    size: int

    def holds(self, listing: Listing) -> bool:
        """Does `listing` fit every field that was filled in?"""
        facts = {
            "prdNo": str(listing.no),
            "selStatCd": SALE_STATUS[listing.status],
            "selMthdCd": "01",
            **dict.fromkeys(_CATEGORIES, str(listing.category)),
        }
        return (
            all(self.wanted.get(name, value) == value for name, value in facts.items())
            and self.wanted.get("prdNm", "") in listing.name
            and (self.dates is None or self._has_date(listing, self.dates))
        )

    def _has_date(self, listing: Listing, dates: clock.Window) -> bool:
        field = self.wanted["schDateType"]
        at = listing.modified_at if field == "4" else listing.created_at
        return dates.since <= at < dates.until if field != _BY_SALE_END else False


_CATEGORIES = ("category1", "category2", "category3", "category4")
_BY_SALE_END = "3"


def search(call: Call) -> str:
    """Answer one page of `prodmarketservice/prodmarket`."""
    return _page(call.shop, _search(call.body))


def page_before(call: Call) -> str:
    """Answer the page before the one asked for: the fault that repeats a page."""
    asked = _search(call.body)
    return _page(call.shop, replace(asked, start=max(1, asked.start - asked.size)))


def _page(shop: Shop, asked: _Search) -> str:
    found = sorted(filter(asked.holds, _listed(shop)), key=lambda x: x.no, reverse=True)
    page = found[asked.start - 1 :][: asked.size]
    return qualified("products", "".join(_FOUND.render(_facts(listing)) for listing in page))


def _search(body: bytes) -> _Search:
    root = _read(body, "SearchProduct")
    wanted = leaves(root)
    limit = number(wanted.get("limit", ""))
    if not limit:
        raise Refused(400, "limit 값이 올바르지 않습니다.")
    start = number(wanted.get("start", "1"))
    end = number(wanted.get("end", str((start or 1) + limit - 1)))
    if start is None or end is None:
        raise Refused(400, "start, end 값이 올바르지 않습니다.")
    start = max(start, 1)
    size = max(0, min(limit, end - start + 1, SEARCH_MOST))
    return _Search(wanted, _search_dates(wanted), start, size)


def _search_dates(wanted: Mapping[str, str]) -> clock.Window | None:
    names = {"schDateType", "schBgnDt", "schEndDt"} & wanted.keys()
    if not names:
        return None
    since, until = (_search_day(wanted.get(name, "")) for name in ("schBgnDt", "schEndDt"))
    if len(names) < 3 or wanted["schDateType"] not in "1234" or since is None or until is None:
        raise Refused(400, "schDateType, schBgnDt, schEndDt 값이 올바르지 않습니다.")
    return clock.Window(since, until + timedelta(days=1))


def _search_day(text: str) -> datetime | None:
    """Read a day; the format is not stated, so a time after it is let pass."""
    return day(text[:8])


def _read(body: bytes, *roots: str) -> etree._Element:
    try:
        root = parse(body)
    except BadBody as error:
        raise Refused(400, "요청 XML이 올바르지 않습니다.") from error
    if local_name(root) not in roots:
        raise Refused(400, "요청 XML이 올바르지 않습니다.")
    return root


# ── one listing, by number and by code ─────────────────────────────────────────────────────────
def single(call: Call) -> str:
    """Answer one listing; the answer for an unknown number is HTTP 200 without a prdNo (§3.4)."""
    text = call.args[0]
    listing = _find(call.shop, text)
    if listing is None:
        message = (
            f"[{text}] 상품 정보 조회중 오류입니다."
            f"해당 상품의 정보를 찾을 수 없습니다. 상품번호 : {text}"
        )
        return _NOT_FOUND.render({"message": escape(message)})
    return _SINGLE.render(
        _facts(listing)
        | {
            "dscAmtPercnt": listing.discount or "",
            "htmlDetail": f"<![CDATA[<p>{escape(listing.name)}</p>]]>",
            "message": f"[{listing.no}] 상품 정보가 정상적으로 조회되었습니다.",
            "prdImage01": f"http://img.example.test/p/{listing.no}.jpg",
        }
    )


def by_code(call: Call) -> str:
    """Answer every listing with the seller's code; the code may repeat, and may be unknown."""
    found = (x for x in _listed(call.shop) if x.seller_code == call.args[0])
    return qualified("products", "".join(_BY_CODE.render(_facts(listing)) for listing in found))


# ── stock ──────────────────────────────────────────────────────────────────────────────────────
def stock(call: Call) -> str:
    """Answer the stock rows of one listing."""
    listing = _find(call.shop, call.args[0])
    if listing is None:
        raise Refused(404, f"해당 상품의 정보를 찾을 수 없습니다. 상품번호 : {call.args[0]}")
    return qualified("ProductStocks", _stock_rows(listing))


def stocks(call: Call) -> str:
    """Answer the stock rows of many listings; the request may be a wrapper or a bare prdNo."""
    root = _read(call.body, "ProductStocks", "prdNo")
    numbers = [root.text or ""] if local_name(root) == "prdNo" else _wrapped(root)
    if not numbers:
        raise Refused(500, "재고 정보 조회 오류")
    found = [_find(call.shop, text.strip()) for text in dict.fromkeys(numbers)]
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
    values = leaves(_read(call.body, "ProductStock"))
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
    listing, value = _find(shop, product_no), number(row_no)
    item = None if value is None else shop.items.get(value)
    return item if item and item.listing is listing else None


# ── price ──────────────────────────────────────────────────────────────────────────────────────
def set_price(call: Call) -> str:
    """Set the base price by GET; the receipt names the old price and no number (§5.1)."""
    text, price = call.args
    listing = _find(call.shop, text)
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
    listing = _find(call.shop, text)
    values = leaves(_read(call.body, "Product"))
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
    listing = _find(call.shop, call.args[0])
    if listing is None:
        raise Refused(500, f"해당 상품의 정보를 찾을 수 없습니다. 상품번호 : {call.args[0]}")
    if listing.status not in from_states:
        raise Refused(500, f"판매상태를 수정할 수 없습니다. [STAT : {SALE_STATUS[listing.status]}]")
    return listing


def _set_display(shop: Shop, listing: Listing, status: ProductStatus) -> str:
    shop.set_status(listing, status)
    return client_message(200, f"판매상태가 수정되었습니다. [STAT : {SALE_STATUS[status]}]")
