"""Order lists and look-ups: one row per line, each line in the list of its state only.

What the documents leave open is decided as §6.1 and §6.3 propose: each list filters on the instant
its state began; a line with an open claim is in no order list; `ordQty` is net of finished
cancellations in the lists, original in the look-ups, where `ordCnQty` stands beside it.
Source: 11st.md §6.1-6.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from xml.sax.saxutils import escape

from erp_assets import clock
from erp_assets.records import ClaimKind, ClaimStatus, LineStatus
from erp_assets.simulator.eleven import codes
from erp_assets.simulator.eleven.call import Call, find_order
from erp_assets.simulator.eleven.rendering import Refused, Row, orders, spread, stamp
from erp_assets.simulator.eleven.windows import order_window
from erp_assets.simulator.world import Line, Order, Shop

LOOK_UP_MOST = 100
"""Order numbers in one `orderlistall` (§6.2)."""

_FEE_PERCENT = 8
_LONG_AGO = clock.day_start(date(2000, 1, 1))

# ── rows ───────────────────────────────────────────────────────────────────────────────────────
_BY_NUMBER_LEAVES = """
    bndlDlvSeq bndlDlvYN dlvCst dlvCstType dlvEtprsCd dlvMthdCd dlvNo dlvSndDue invcNo lstDlvCst
    lstSellerDscPrc lstTmallDscPrc memID memNo ordAmt ordBaseAddr ordDlvReqCont ordDt ordDtlsAddr
    ordMailNo ordNm ordNo ordOptWonStl ordPayAmt ordPayAmtPerSeq ordPrdSeq ordPrtblTel ordQty
    ordStlEndDt plcodrCnfDt prdNm prdNo prdStckNo rcvrBaseAddr rcvrDtlsAddr rcvrMailNo rcvrNm
    rcvrPrtblNo selPrc sellerDscPrc sellerDscPrcPerSeq sellerPrdCd sellerStockCd slctPrdOptNm
    sndEndDt stlPlnAmt tmallDscPrc tmallDscPrcPerSeq totSelFee """
_FULL_ALWAYS = {
    **spread(
        {
            "": """appmtDdDlvDy appmtEltRefuseYn appmtselStockCd clmReqRsnNm deferRefsRsnCdNm
                delaySendDt engNm freeGiftNo freeGiftQty giftCd psnCscUniqNo rcvrMailNoSeq rcvrTlphn
                realStockYn referSeq refsRsn refsRsnCdNm typeBilNo""",
            "0": "addPrdNo bmDlvCst gifeser shopNo tmallApplyDscAmt",
            "N": "addPrdYn gblDlvYn sendGiftYn use11stRetailYn visitDlvYn",
        }
    ),
    "bmDlvCstType": "03",
    "custGrdNm": "일반고객",
    "ordTlphnNo": "02--",
    "sendClfCd": "Y",
    "typeAdd": "02",
}
_FULL = Row("ns2:order", _BY_NUMBER_LEAVES + "ordPrdStat", _FULL_ALWAYS)
_BY_NUMBER = Row("ns2:order", _BY_NUMBER_LEAVES + "ordCnQty", _FULL_ALWAYS)
_SHIPPING = Row("ns2:order", "dlvEtprsCd invcNo ordNo ordPrdSeq sndEndDt", {})
_DELIVERED = Row(
    "ns2:order",
    """dlvCst dlvCstType dlvEndDt dlvEtprsCd dlvMthdCd dlvNo invcNo memID memNo ordAmt ordDlvReqCont
    ordDt ordNm ordNo ordPrdSeq ordPrdStat ordPrtblTel ordQty ordStlEndDt prdNm prdNo prdStckNo
    rcvrBaseAddr rcvrDtlsAddr rcvrMailNo rcvrNm rcvrPrtblNo selPrc sellerPrdCd sellerStockCd
    slctPrdOptNm sndEndDt""",
    {
        **spread({"": "ordBaseAddr ordDtlsAddr rcvrTlphn referSeq typeBilNo"}),
        "bmDlvCst": "0",
        "bmDlvCstType": "01",
        "dlvMthd": "택배",
        "gblDlvYn": "N",
        "ordId": "buy***",
        "ordMailNo": "null",
        "rcvrMailNoSeq": "0",
    },
)
_COMPLETED = Row(
    "ns2:order",
    """dlvCst memNo ordAmt ordDt ordNo ordPayAmt ordPrdSeq ordQty pocnfrmDt prdNm prdNo sellerPrdCd
    sellerStockCd slctPrdOptNm""",
    {"atmtBuyCnfrmYN": "Y", "gblDlvYn": "N", "referSeq": "", "sendGiftYn": "N"},
)
_STATUS_LEAVES = "dlvNo ordCnQty ordNo ordPrdSeq ordPrdStat ordPrdStatNm ordQty prdNm prdNo "
_STATUS = Row(
    "ns2:order", _STATUS_LEAVES + "sellerStockCd", {"referSeq": "", "sellerID": "seller01"}
)
_STATUS_ADDRESS = Row(
    "ns2:order",
    _STATUS_LEAVES
    + """dlvEtprsCd dlvMthdCd invcNo rcvrBaseAddr rcvrDtlsAddr rcvrMailNo rcvrNm rcvrPrtblNo
    sndEndDt""",
    {"rcvrMailNoSeq": "", "rcvrTlphn": "", "sellerID": "seller01", "typeBilNo": ""},
)


# ── lists by period ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class OrderList:
    """A list of the lines in one state. state None: a state this world does not know."""

    state: LineStatus | None
    stamp: str
    codes: codes.WindowCodes
    row: Row = _FULL
    cap: int | None = None

    def answer(self, call: Call) -> str:
        """List the lines whose state began in the period, oldest first."""
        since, until = order_window(call.args, self.codes)
        found = call.shop.lines_between(self.stamp, since, until) if self.state else ()
        lines = (x for x in found if x.status is self.state and not x.is_in_claim)
        return _answer(call.shop, islice(lines, self.cap), self.row)


@dataclass(frozen=True, slots=True)
class DueList:
    """`todaydelivery` (is_late False) and `delaydelivery`: by the promised day, no period."""

    state: LineStatus
    is_late: bool

    def answer(self, call: Call) -> str:
        """List the lines of the state whose day to ship is today, or has passed."""
        yesterday = clock.day_start(clock.kst_day(call.now) - clock.DAY)
        span = (_LONG_AGO, yesterday) if self.is_late else (yesterday, yesterday + clock.DAY)
        found = call.shop.lines_between("paid_at", *span)
        lines = (x for x in found if x.status is self.state and not x.is_in_claim)
        return _answer(call.shop, lines, _FULL)


STANDBY = OrderList(LineStatus.UNPAID, "ordered_at", codes.STANDBY)
RESERVED = OrderList(None, "", codes.RESERVED)
GIFTS = OrderList(None, "", codes.GENERIC)
COMPLETE = OrderList(LineStatus.NEW, "paid_at", codes.COMPLETE, cap=codes.ORDER_CAP)
PACKAGING = OrderList(LineStatus.CONFIRMED, "confirmed_at", codes.PACKAGING, cap=codes.ORDER_CAP)
SHIPPING = OrderList(LineStatus.SHIPPED, "shipped_at", codes.SHIPPED, _SHIPPING)
DELIVERED = OrderList(LineStatus.DELIVERED, "delivered_at", codes.SHIPPED, _DELIVERED)
COMPLETED = OrderList(LineStatus.COMPLETED, "completed_at", codes.SHIPPED, _COMPLETED)


def _answer(shop: Shop, lines: Iterable[Line], row: Row) -> str:
    rows = _rows(shop, lines, row, is_net=True)
    if not rows:
        raise Refused(0, "조회된 결과가 없습니다.")
    return orders(rows)


def _rows(shop: Shop, lines: Iterable[Line], row: Row, *, is_net: bool) -> list[str]:
    """Render lines. is_net: are pieces cancelled already left out of the quantity?"""
    buyers: dict[Order, dict[str, object]] = {}
    rows = []
    for line in lines:
        buyer = buyers.get(line.order) or buyers.setdefault(line.order, _buyer_facts(line.order))
        pieces = line.quantity - cancelled(line) if is_net else line.quantity
        rows.append(row.render(buyer | _line_facts(shop, line, pieces)))
    return rows


# ── look-ups by number ─────────────────────────────────────────────────────────────────────────
def by_number(call: Call) -> str:
    """Answer `complete/[ordNo]`: every paid line of the order, whatever became of it."""
    order = find_order(call.shop, call.args[0])
    lines = [x for x in order.lines if x.status is not LineStatus.UNPAID] if order else []
    if not lines:
        raise Refused(0, "조회된 결과가 없습니다.")
    return orders(_rows(call.shop, lines, _BY_NUMBER, is_net=False))


def status_of_orders(call: Call) -> str:
    """Answer `orderlistall`: the status of every line of up to 100 orders."""
    return _look_up(call, _STATUS)


def address_of_orders(call: Call) -> str:
    """Answer `orderlistalladdr`: status, parcel and address of up to 100 orders."""
    return _look_up(call, _STATUS_ADDRESS)


def _look_up(call: Call, row: Row) -> str:
    numbers = call.args[0].split(",")
    if len(numbers) > LOOK_UP_MOST:
        raise Refused(-28003, f"주문번호는 최대 {LOOK_UP_MOST}건까지 조회할 수 있습니다.")
    found = filter(None, (find_order(call.shop, text) for text in dict.fromkeys(numbers)))
    lines = [line for order in found for line in order.lines]
    if not lines:
        raise Refused(-1, "해당 건이 없습니다.")
    return orders(_rows(call.shop, lines, row, is_net=False))


# ── what is known of a line ────────────────────────────────────────────────────────────────────
def cancelled(line: Line, *, with_requests: bool = False) -> int:
    """Count the pieces taken off by cancellation, the asked-for ones included when wanted."""
    states = {ClaimStatus.DONE} | (codes.OPEN_CLAIM if with_requests else frozenset())
    return sum(
        claim.quantity
        for claim in line.claims
        if claim.kind is ClaimKind.CANCEL and claim.status in states
    )


def _line_facts(shop: Shop, line: Line, pieces: int) -> dict[str, object]:
    """Return the leaves of a line, escaped. pieces: the quantity that the row is about."""
    return {
        **_product_facts(line, pieces),
        **_money_facts(line, pieces),
        **_parcel_facts(shop, line),
    }


def _buyer_facts(order: Order) -> dict[str, object]:
    member = 10_000_000 + order.no % 89_999_999
    address, details = escape(order.address), escape(order.address_detail)
    return {
        "memID": f"S|{member}|buy***",
        "memNo": member,
        "ordBaseAddr": address,
        "ordDlvReqCont": escape(order.note),
        "ordDt": stamp(order.ordered_at),
        "ordDtlsAddr": details,
        "ordMailNo": escape(order.postcode),
        "ordNm": escape(order.buyer),
        "ordNo": f"{order.no:017d}",
        "ordPrtblTel": escape(order.phone),
        "ordStlEndDt": stamp(order.paid_at),
        "dlvSndDue": stamp(_ship_by(order)),
        "rcvrBaseAddr": address,
        "rcvrDtlsAddr": details,
        "rcvrMailNo": escape(order.postcode),
        "rcvrNm": escape(order.receiver),
        "rcvrPrtblNo": escape(order.phone),
    }


def _ship_by(order: Order) -> datetime | None:
    """Return the promised day: the one after payment, as `DueList` has it too."""
    return order.paid_at and clock.day_start(clock.kst_day(order.paid_at) + clock.DAY)


def _product_facts(line: Line, pieces: int) -> dict[str, object]:
    item, listing = line.item, line.item.listing
    option = f"{item.name}-{pieces}개" if listing.has_options else ""
    status = codes.line_status(line)
    return {
        "ordCnQty": cancelled(line, with_requests=True),
        "ordPrdSeq": line.no,
        "ordPrdStat": status,
        "ordPrdStatNm": codes.LINE_STATUS_NAMES[status],
        "ordQty": pieces,
        "prdNm": escape(listing.name),
        "prdNo": listing.no,
        "prdStckNo": item.no,
        "sellerPrdCd": escape(listing.seller_code),
        "sellerStockCd": escape(item.seller_code),
        "slctPrdOptNm": escape(option),
    }


def _money_facts(line: Line, pieces: int) -> dict[str, object]:
    amount = line.unit_price * pieces
    discount = line.seller_discount + line.market_discount
    fee = amount * _FEE_PERCENT // 100
    return {
        "dlvCst": line.shipping_fee,
        "dlvCstType": "01" if line.shipping_fee else "03",
        "lstDlvCst": line.shipping_fee,
        "lstSellerDscPrc": line.seller_discount,
        "lstTmallDscPrc": line.market_discount,
        "ordAmt": amount,
        "ordOptWonStl": line.surcharge * pieces,
        "ordPayAmt": amount + line.shipping_fee - discount,
        "ordPayAmtPerSeq": amount - discount,
        "selPrc": line.unit_price - line.surcharge,
        "sellerDscPrc": line.seller_discount,
        "sellerDscPrcPerSeq": line.seller_discount,
        "stlPlnAmt": amount - fee - line.seller_discount,
        "tmallDscPrc": line.market_discount,
        "tmallDscPrcPerSeq": line.market_discount,
        "totSelFee": fee,
    }


def _parcel_facts(shop: Shop, line: Line) -> dict[str, object]:
    is_bundled = len(shop.boxes.get(line.box, ())) > 1
    return {
        "bndlDlvSeq": line.box % 10_000_000 if is_bundled else 0,
        "bndlDlvYN": "Y" if is_bundled else "N",
        "dlvEndDt": stamp(line.delivered_at, absent="null"),
        "dlvEtprsCd": escape(line.carrier),
        "dlvMthdCd": _method(line),
        "dlvNo": line.box,
        "invcNo": escape(line.invoice_no),
        "plcodrCnfDt": stamp(line.confirmed_at, absent="null"),
        "pocnfrmDt": stamp(line.completed_at),
        "sndEndDt": stamp(line.shipped_at),
    }


def _method(line: Line) -> str:
    """Write the method as rows have it: 01 parcel, 99 none; the literal null before dispatch."""
    if line.shipped_at is None:
        return "null"
    return "01" if line.carrier else "99"
