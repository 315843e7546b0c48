"""Listings: search, one by number, all by the seller's code.

Decided here because the documents are silent: the search runs by listing number downwards, 1-based
and inclusive, 500 rows at most. Source: 11st.md §3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from erp_assets import clock
from erp_assets.records import ProductStatus
from erp_assets.simulator.eleven.call import Call, number
from erp_assets.simulator.eleven.codes import SALE_STATUS, SALE_STATUS_NAMES
from erp_assets.simulator.eleven.rendering import (
    Refused,
    Row,
    leaves,
    qualified,
    read_body,
    spread,
    stamp,
)
from erp_assets.simulator.eleven.windows import day
from erp_assets.simulator.world import Listing, Shop

SEARCH_MOST = 500
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


def find_listing(shop: Shop, product_no: str) -> Listing | None:
    """Return the listing; None when the number is unknown, deleted or no number."""
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
    root = read_body(body, "SearchProduct")
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


# ── one listing, by number and by code ─────────────────────────────────────────────────────────
def single(call: Call) -> str:
    """Answer one listing; the answer for an unknown number is HTTP 200 without a prdNo (§3.4)."""
    text = call.args[0]
    listing = find_listing(call.shop, text)
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
