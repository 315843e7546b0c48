"""What 11st's rows and codes mean in our records (11st.md §3 to §7). Times are Korean."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from erp_assets.errors import BadPayload, BadRow
from erp_assets.markets import rows as fields
from erp_assets.markets.eleven import xml
from erp_assets.markets.eleven.xml import Element, Row
from erp_assets.markets.rows import refuse
from erp_assets.records import (
    Batch,
    Claim,
    ClaimKind,
    ClaimStatus,
    LineStatus,
    LineUpdate,
    Offer,
    Option,
    Order,
    OrderLine,
    Product,
    ProductStatus,
    RawDocument,
    Rejected,
)

PIECES = re.compile(r"(?:^|-)\d+개$")
"""How an option's text ends: with pieces left, which change while it does not (§6.1)."""

LINE_STATUSES = {
    "101": LineStatus.UNPAID,
    "102": LineStatus.UNPAID,
    "103": LineStatus.UNPAID,
    "200": LineStatus.NEW,
    "201": LineStatus.NEW,
    "202": LineStatus.NEW,
    "301": LineStatus.CONFIRMED,
    "401": LineStatus.SHIPPED,
    "501": LineStatus.DELIVERED,
    "901": LineStatus.COMPLETED,
    "601": LineStatus.IN_CLAIM,
    "701": LineStatus.IN_CLAIM,
    "801": LineStatus.IN_CLAIM,
    "A01": LineStatus.RETURNED,
    "B01": LineStatus.CANCELLED,
    "C01": LineStatus.CANCELLED,
}
"""`ordPrdStat` of a line (§6.1)."""

PRODUCT_STATUSES = {
    "101": ProductStatus.PENDING,
    "102": ProductStatus.PENDING,
    "103": ProductStatus.ON_SALE,
    "104": ProductStatus.SOLD_OUT,
    "105": ProductStatus.PAUSED,
    "106": ProductStatus.ENDED,
    "107": ProductStatus.ENDED,
    "108": ProductStatus.BANNED,
    "109": ProductStatus.BANNED,
    "110": ProductStatus.PENDING,
}
"""`selStatCd` of a listing (§3.2)."""
NUMBER = re.compile(r"[+-]?[0-9][0-9,]{0,14}")
"""A whole number with or without commas, short enough for every column of money."""
IDENTITY = re.compile(r"[0-9]{1,20}")
MOST_PIECES = 2**31 - 1
BUYABLE = (ProductStatus.ON_SALE, ProductStatus.SOLD_OUT)

CANCEL_STATUSES = {
    "01": ClaimStatus.REQUESTED,
    "02": ClaimStatus.DONE,
    "05": ClaimStatus.WITHDRAWN,
}
CLAIM_STATUSES = {
    "103": ClaimStatus.REQUESTED,
    "104": ClaimStatus.IN_PROGRESS,
    "105": ClaimStatus.REQUESTED,
    "106": ClaimStatus.DONE,
    "107": ClaimStatus.REJECTED,
    "108": ClaimStatus.WITHDRAWN,
    "109": ClaimStatus.IN_PROGRESS,
    "201": ClaimStatus.REQUESTED,
    "212": ClaimStatus.IN_PROGRESS,
    "214": ClaimStatus.IN_PROGRESS,
    "221": ClaimStatus.IN_PROGRESS,
    "232": ClaimStatus.REJECTED,
    "233": ClaimStatus.WITHDRAWN,
    "301": ClaimStatus.IN_PROGRESS,
    "302": ClaimStatus.DONE,
}
"""`ordCnStatCd` and `clmStat` (§7.2, §7.3)."""

FAULTS = dict.fromkeys(("101", "110", "113", "114", "121", "199", "206"), "buyer")
FAULTS |= dict.fromkeys(("211", "212", "215"), "buyer")
FAULTS |= dict.fromkeys(("105", "108", "111", "112", "115", "116", "122", "123", "198"), "seller")
FAULTS |= dict.fromkeys(("207", "208", "209", "210", "213", "214", "216", "217", "218"), "seller")
"""Who is at fault, by `clmReqRsn` (§7.3)."""


def read_rows(
    kind: str,
    elements: Iterable[Element],
    convert: Callable[[Row, Batch], None],
    number: Callable[[Row], str | None],
) -> Batch:
    """Return a batch of all rows; those `convert` refuses are rejected with their raw text.

    convert: appends only once the whole row is understood.
    number:  document_no of a row, None when it cannot be read.
    """
    batch = Batch()
    for element in elements:
        found = xml.row(element)
        text = xml.raw(element)
        try:
            if xml.REPLACED in text:
                refuse("text", "holds bytes that are no text")
            convert(found, batch)
        except BadRow as error:
            rejected = Rejected(kind, str(error), text[: fields.BODY_CHARACTERS], number(found))
            batch.rejected.append(rejected)
        else:
            batch.documents.append(RawDocument(kind, number(found) or "", text.encode()))
    return batch


def need(row: Row, name: str) -> str:
    """Return a leaf that must be there."""
    if name not in row:
        refuse(name, "missing")
    return row[name]


def number_of(row: Row, name: str) -> str:
    """Return the number by which 11st names a thing: digits, longer than any integer (§1.3).

    Another text would spoil every later call that names it beside others.
    """
    found = need(row, name)
    if not IDENTITY.fullmatch(found):
        refuse(name, f"not a number: {found[:40]!r}")
    return found


def whole(row: Row, name: str, default: int | None = None) -> int:
    """Return a whole number, not negative; commas of thousands are left out."""
    if default is not None and name not in row:
        return default
    found = signed(need(row, name), name)
    if found < 0:
        refuse(name, f"negative: {found}")
    return found


def pieces(row: Row, name: str, default: int | None = None) -> int:
    """Return a number of things: whole, and small enough for its column."""
    found = whole(row, name, default)
    if found > MOST_PIECES:
        refuse(name, f"too many: {found}")
    return found


def signed(text: str, name: str) -> int:
    """Return a whole number that may be negative."""
    if not NUMBER.fullmatch(text):
        refuse(name, f"not a whole number: {text[:40]!r}")
    return int(text.replace(",", ""))


def line_key(row: Row) -> tuple[str, str]:
    """Return (order_no, line_no) of a row. Raises: BadPayload when it names none."""
    if "ordNo" not in row or "ordPrdSeq" not in row:
        raise BadPayload("the lines cannot be counted: a row without ordNo and ordPrdSeq")
    return row["ordNo"], row["ordPrdSeq"]


def line_number(row: Row, layout: str = "") -> str | None:
    """Return "<ordNo>-<ordPrdSeq>", the document_no of rows of orders.

    layout: names rows of another form, so that they do not take turns in one document.
    """
    if "ordNo" not in row or "ordPrdSeq" not in row:
        return None
    return f"{row['ordNo']}-{row['ordPrdSeq']} {layout}".rstrip()


# ── orders ─────────────────────────────────────────────────────────────────────────────────────
def line_status(code: str) -> LineStatus:
    """Return what `ordPrdStat` means. Raises: BadRow."""
    status = LINE_STATUSES.get(code)
    if status is None:
        refuse("ordPrdStat", f"unknown value {code!r}")
    return status


@dataclass(frozen=True)
class LineList:
    """A list of lines in one state. status: of rows that do not name their own."""

    path: str
    status: str

    def take(self, row: Row, batch: Batch) -> None:
        """Append a line and its order; a `completed` row lacks the option and its price (§6.4)."""
        take_line(row, batch, row.get("ordPrdStat", self.status))


def take_line(row: Row, batch: Batch, code: str) -> None:
    """Append a line in state `code` and its order."""
    status = line_status(code)
    order = Order(
        order_no=number_of(row, "ordNo"),
        ordered_at=fields.needed_instant(row.get("ordDt"), "ordDt"),
        paid_at=fields.instant(row.get("ordStlEndDt"), "ordStlEndDt"),
        buyer_name=row.get("ordNm"),
        buyer_phone=row.get("ordPrtblTel"),
    )
    line = _line(row, order, status, code)
    batch.orders.append(order)
    batch.lines.append(line)


def _line(row: Row, order: Order, status: LineStatus, code: str) -> OrderLine:
    quantity = pieces(row, "ordQty")
    unit_price = _unit_price(row, quantity)
    address = " ".join(row[n] for n in ("rcvrBaseAddr", "rcvrDtlsAddr") if n in row)
    return OrderLine(
        order_no=order.order_no,
        line_no=number_of(row, "ordPrdSeq"),
        ordered_at=order.ordered_at,
        status=status,
        market_status=code,
        product_no=number_of(row, "prdNo"),
        product_name=row.get("prdNm", ""),
        quantity=quantity,
        unit_price=unit_price,
        amount=unit_price * quantity,
        option_no=row.get("prdStckNo"),
        option_name=PIECES.sub("", row.get("slctPrdOptNm", "")) or None,
        seller_code=row.get("sellerStockCd") or row.get("sellerPrdCd"),
        seller_discount=_won(row, "sellerDscPrcPerSeq", "lstSellerDscPrc", "sellerDscPrc"),
        market_discount=_won(row, "tmallDscPrcPerSeq", "lstTmallDscPrc", "tmallDscPrc"),
        shipment_no=row.get("dlvNo"),
        shipping_fee=_fee(row),
        ship_by=fields.instant(row.get("dlvSndDue"), "dlvSndDue"),
        carrier=row.get("dlvEtprsCd"),
        invoice_no=row.get("invcNo"),
        confirmed_at=fields.instant(row.get("plcodrCnfDt"), "plcodrCnfDt"),
        shipped_at=fields.instant(row.get("sndEndDt"), "sndEndDt"),
        delivered_at=fields.instant(row.get("dlvEndDt"), "dlvEndDt"),
        completed_at=fields.instant(row.get("pocnfrmDt"), "pocnfrmDt"),
        receiver_name=row.get("rcvrNm"),
        receiver_phone=row.get("rcvrPrtblNo") or row.get("rcvrTlphn"),
        postcode=row.get("rcvrMailNo"),
        address=address or None,
        delivery_note=row.get("ordDlvReqCont"),
    )


def _unit_price(row: Row, quantity: int) -> int:
    """Return what one piece cost, surcharge included.

    Some lists leave out the surcharge (`dlvcompleted`) or the price (`completed`), but not the sum.
    """
    if "ordOptWonStl" not in row and quantity:
        return whole(row, "ordAmt") // quantity
    surcharge = signed(row.get("ordOptWonStl", "0"), "ordOptWonStl")
    price = whole(row, "selPrc") + (surcharge // quantity if quantity else 0)
    if price < 0:
        refuse("ordOptWonStl", f"takes more than the price: {surcharge}")
    return price


def _won(row: Row, *names: str) -> int | None:
    return next((whole(row, name) for name in names if name in row), None)


def _fee(row: Row) -> int | None:
    if "dlvCst" not in row and "lstDlvCst" not in row:
        return None
    return (_won(row, "dlvCst", "lstDlvCst") or 0) + whole(row, "bmDlvCst", 0)


def take_shipped(row: Row, batch: Batch) -> None:
    """Append what the five fields of `shipping` say (§6.4)."""
    batch.line_updates.append(
        LineUpdate(
            order_no=number_of(row, "ordNo"),
            line_no=number_of(row, "ordPrdSeq"),
            status=LineStatus.SHIPPED,
            market_status="401",
            carrier=row.get("dlvEtprsCd"),
            invoice_no=row.get("invcNo"),
            shipped_at=fields.instant(row.get("sndEndDt"), "sndEndDt"),
        )
    )


class State(NamedTuple):
    """A line as `orderlistall` tells it. cancelled: requested cancels included (§6.4)."""

    code: str
    quantity: int
    cancelled: int


def state(row: Row) -> State:
    """Read a row of `orderlistall`."""
    code = need(row, "ordPrdStat")
    line_status(code)
    return State(code, pieces(row, "ordQty"), pieces(row, "ordCnQty", 0))


# ── claims ─────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class ClaimList:
    """A list of claims. prefix: cancels count on their own, so numbers could meet.

    ending: what being in this list means; no list is for refused claims, their own code tells.
    """

    path: str
    kind: ClaimKind
    ending: ClaimStatus | None = None

    @property
    def prefix(self) -> str:
        """What the claim's number begins with in our records."""
        return {"cancel": "C", "return": "R", "exchange": "X"}[self.kind]

    def number(self, row: Row) -> str | None:
        """Return the document_no of a row."""
        found = row.get("ordPrdCnSeq" if self.kind is ClaimKind.CANCEL else "clmReqSeq")
        return f"{self.prefix}{found}-{row.get('ordPrdSeq', '')}" if found else None

    def take(self, row: Row, batch: Batch) -> None:
        """Append one claim of one line."""
        is_cancel = self.kind is ClaimKind.CANCEL
        take = self._cancel if is_cancel else self._return
        batch.claims.append(take(row))

    def _status(self, row: Row, name: str, known: dict[str, ClaimStatus]) -> ClaimStatus:
        status = known.get(need(row, name))
        if status is None:
            refuse(name, f"unknown value {row[name]!r}")
        return status if status is ClaimStatus.REJECTED else self.ending or status

    def _cancel(self, row: Row) -> Claim:
        by = row.get("ordCnMnbdCd", "")
        return Claim(
            claim_no=self.prefix + number_of(row, "ordPrdCnSeq"),
            order_no=number_of(row, "ordNo"),
            line_no=number_of(row, "ordPrdSeq"),
            kind=ClaimKind.CANCEL,
            status=self._status(row, "ordCnStatCd", CANCEL_STATUSES),
            market_status=row["ordCnStatCd"],
            quantity=pieces(row, "ordCnQty"),
            requested_at=fields.needed_instant(row.get("createDt"), "createDt"),
            completed_at=fields.instant(row.get("cnTrtEndDt"), "cnTrtEndDt"),
            reason_code=row.get("ordCnRsnCd"),
            reason=row.get("ordCnDtlsRsn"),
            fault={"01": "buyer", "02": "seller"}.get(by),
            product_no=row.get("prdNo"),
        )

    def _return(self, row: Row) -> Claim:
        reason = row.get("clmReqRsn")
        return Claim(
            claim_no=self.prefix + number_of(row, "clmReqSeq"),
            order_no=number_of(row, "ordNo"),
            line_no=number_of(row, "ordPrdSeq"),
            kind=self.kind,
            status=self._status(row, "clmStat", CLAIM_STATUSES),
            market_status=row["clmStat"],
            quantity=pieces(row, "clmReqQty"),
            requested_at=fields.needed_instant(row.get("reqDt"), "reqDt"),
            completed_at=fields.instant(row.get("trtEndDt"), "trtEndDt"),
            reason_code=reason,
            reason=row.get("clmReqCont"),
            fault=FAULTS.get(reason or ""),
            product_no=row.get("prdNo"),
        )


# ── products ───────────────────────────────────────────────────────────────────────────────────
class Listed(NamedTuple):
    """What a listing lends to its options."""

    price: int
    status: ProductStatus
    seller_code: str | None


def take_product(found: dict[str, Listed], row: Row, batch: Batch) -> None:
    """Append a listing; put into `found` what it lends to its options."""
    code = need(row, "selStatCd")
    status = PRODUCT_STATUSES.get(code)
    if status is None:
        refuse("selStatCd", f"unknown value {code!r}")
    price = whole(row, "selPrc")
    product = Product(
        product_no=number_of(row, "prdNo"),
        name=need(row, "prdNm"),
        status=status,
        market_status=code,
        seller_code=row.get("sellerPrdCd"),
        category=row.get("dispCtgrNo"),
    )
    found[product.product_no] = Listed(price, status, product.seller_code)
    batch.products.append(product)


def take_stock(product_no: str, listing: Listed, row: Row, batch: Batch) -> None:
    """Append an option with its stock and price: the listing's, and its surcharge (§4.1)."""
    option_no = number_of(row, "prdStckNo")
    price = listing.price + signed(row.get("addPrc", "0"), "addPrc")
    if price < 0:
        refuse("addPrc", f"takes more than the price: {row['addPrc']}")
    offer = Offer(
        product_no, option_no, pieces(row, "stckQty"), price, on_sale=listing.status in BUYABLE
    )
    code = row.get("sellerStockCd") or listing.seller_code
    batch.options.append(Option(product_no, option_no, row.get("mixDtlOptNm", ""), code))
    batch.offers.append(offer)
