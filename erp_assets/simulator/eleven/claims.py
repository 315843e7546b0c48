"""Claims: nine lists and the answers of the seller to a request.

The documents leave open which instant a list filters on: requests go by when they were made, done
claims by when they ended, withdrawn ones by their last change. A refused claim has no list of its
own, so it stands in the withdrawn list, under its own `clmStat` where one exists (107, 232).
Approve takes the claim number first, reject the order number first.
Source: 11st.md §7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from xml.sax.saxutils import escape

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus
from erp_assets.simulator.eleven import codes
from erp_assets.simulator.eleven.actions import METHODS, NO_CARRIER, done, is_invoice
from erp_assets.simulator.eleven.call import Call, find_line, find_order, number
from erp_assets.simulator.eleven.rendering import Refused, Row, orders, spread, stamp
from erp_assets.simulator.eleven.windows import claim_window, day
from erp_assets.simulator.world import Claim, Line, Refusal

SHORT_INVOICE = 10
"""`cancelreqreject` wants more characters than this (-23005)."""

_REQUESTED = codes.OPEN_CLAIM
_DONE = frozenset({ClaimStatus.DONE})
_OVER = frozenset({ClaimStatus.WITHDRAWN, ClaimStatus.REJECTED})

# ── rows ───────────────────────────────────────────────────────────────────────────────────────
_CANCEL_LEAVES = """createDt dlvNo ordCnDtlsRsn ordCnMnbdCd ordCnQty ordCnRsnCd ordCnStatCd ordNo
    ordPrdCnSeq ordPrdSeq prdNo slctPrdOptNm """
_CANCEL = Row("ns2:order", _CANCEL_LEAVES, {"referSeq": ""})
_CANCELLED = Row(
    "ns2:order",
    _CANCEL_LEAVES + "cnTrtEndDt dlvCstRespnClf",
    {"addDlvCst": "0", "ordCnTypCd": "01", "referSeq": ""},
)
_CLAIM_LEAVES = """clmReqCont clmReqQty clmReqRsn clmReqSeq clmStat optName ordNo ordPrdSeq prdNo
    reqDt """
_BUNDLE = {"affliateBndlDlvSeq": "0"}
_PICK_UP_LEAVES = "ordNm ordPrtblTel rcvrBaseAddr rcvrDtlsAddr rcvrMailNo "
_PICK_UP = {
    **_BUNDLE,
    **spread({"": "ordTlphnNo rcvrMailNoSeq rcvrTypeBilNo twPrdInvcNo"}),
    "appmtDlvCst": "2,500",
    "clmLstDlvCst": "6,000",
    "dlvEtprsCd": "00034",
    "rcvrTypeAdd": "02",
}
_RETURN = Row(
    "ns2:order",
    _CLAIM_LEAVES + _PICK_UP_LEAVES,
    {**_PICK_UP, "clmDlvCstMthd": "09", "kglUseYn": "N", "twMthd": "06"},
)
_EXCHANGE = Row(
    "ns2:order",
    _CLAIM_LEAVES + _PICK_UP_LEAVES + "exchBaseAddr exchDtlsAddr exchMailNo exchNm exchPrtblTel",
    {
        **_PICK_UP,
        **spread({"": "exchMailNoSeq exchTlphnNo exchTypeBilNo"}),
        "clmDlvCstMthd": "null",
        "exchTypeAdd": "02",
        "twMthd": "07",
    },
)
_RETURNED = Row(
    "ns2:order",
    _CLAIM_LEAVES + "trtEndDt dlvCstRespnClf",
    {**_BUNDLE, "addDlvCst": "0", "stlDlvCst": "0"},
)
_EXCHANGED = Row("ns2:order", _CLAIM_LEAVES + "trtEndDt", _BUNDLE)
_RETRACTED = Row("ns2:order", _CLAIM_LEAVES, _BUNDLE)


# ── lists ──────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class ClaimList:
    """A list of the claims of one kind. after_purchase: of purchases already confirmed, or not."""

    kind: ClaimKind
    states: frozenset[ClaimStatus]
    stamp: str
    codes: codes.WindowCodes
    row: Row
    cap: int | None = None
    after_purchase: bool | None = None

    def answer(self, call: Call) -> str:
        """List the claims of the period, oldest first; none is an error -1 by its text (§2.2)."""
        since, until = claim_window(call.args, self.codes)
        found = call.shop.claims_between(self.stamp, since, until)
        claims = islice(filter(self._holds, found), self.cap)
        rows = [self.row.render(_facts(claim)) for claim in claims]
        if not rows:
            raise Refused(-1, "해당 건이 없습니다.")
        return orders(rows)

    def _holds(self, claim: Claim) -> bool:
        return (
            claim.kind is self.kind
            and claim.status in self.states
            and self.after_purchase in {None, codes.is_after_purchase(claim)}
        )


_CAP = codes.ORDER_CAP
_C, _R, _X = ClaimKind.CANCEL, ClaimKind.RETURN, ClaimKind.EXCHANGE
LISTS = {
    "cancelorders": ClaimList(_C, _REQUESTED, "requested_at", codes.CANCELS, _CANCEL),
    "canceledorders": ClaimList(
        _C, _DONE, "completed_at", codes.CANCELS, _CANCELLED, after_purchase=False
    ),
    "withdrawcanceledorders": ClaimList(_C, _OVER, "changed_at", codes.CANCELS, _CANCEL, _CAP),
    "officecancellist": ClaimList(
        _C, _DONE, "completed_at", codes.RETURNS, _CANCELLED, _CAP, after_purchase=True
    ),
    "returnorders": ClaimList(_R, _REQUESTED, "requested_at", codes.RETURNS, _RETURN, _CAP),
    "returnedorders": ClaimList(_R, _DONE, "completed_at", codes.RETURNS, _RETURNED, _CAP),
    "retractretorders": ClaimList(_R, _OVER, "changed_at", codes.GENERIC, _RETRACTED),
    "exchangeorders": ClaimList(_X, _REQUESTED, "requested_at", codes.RETURNS, _EXCHANGE, _CAP),
    "exchangedorders": ClaimList(_X, _DONE, "completed_at", codes.RETURNS, _EXCHANGED),
    "retractexcorders": ClaimList(_X, _OVER, "changed_at", codes.GENERIC, _RETRACTED),
}

_CANCEL_STATUS = {ClaimStatus.DONE: "02", ClaimStatus.REJECTED: "05", ClaimStatus.WITHDRAWN: "05"}
_CLAIM_STATUS = {
    (_R, ClaimStatus.REQUESTED): "105",
    (_R, ClaimStatus.IN_PROGRESS): "104",
    (_R, ClaimStatus.DONE): "106",
    (_R, ClaimStatus.REJECTED): "107",
    (_R, ClaimStatus.WITHDRAWN): "108",
    (_X, ClaimStatus.REQUESTED): "201",
    (_X, ClaimStatus.IN_PROGRESS): "212",
    (_X, ClaimStatus.DONE): "221",
    (_X, ClaimStatus.REJECTED): "232",
    (_X, ClaimStatus.WITHDRAWN): "233",
}
_DEFAULT_REASON = {_C: "14", _R: "110", _X: "215"}


def _facts(claim: Claim) -> dict[str, object]:
    line = claim.line
    option = f"{line.item.name}-" if line.item.listing.has_options else ""
    facts = {
        "dlvCstRespnClf": "02" if claim.by_seller else "01",
        "ordNo": f"{line.order.no:017d}",
        "ordPrdSeq": line.no,
        "prdNo": line.item.listing.no,
    }
    text = escape(f"{option}{claim.quantity}개")
    if claim.kind is ClaimKind.CANCEL:
        return facts | _cancel_facts(claim) | {"slctPrdOptNm": text}
    return facts | _claim_facts(claim) | _contact_facts(line) | {"optName": text}


def _reason(claim: Claim) -> str:
    """Return the reason's code; a world of another market's words falls back to a common one."""
    code = claim.reason_code
    return code if number(code) is not None else _DEFAULT_REASON[claim.kind]


def _cancel_facts(claim: Claim) -> dict[str, object]:
    return {
        "cnTrtEndDt": stamp(claim.completed_at),
        "createDt": stamp(claim.requested_at),
        "dlvNo": claim.line.box,
        "ordCnDtlsRsn": escape(claim.reason),
        "ordCnMnbdCd": "02" if claim.by_seller else "01",
        "ordCnQty": claim.quantity,
        "ordCnRsnCd": _reason(claim),
        "ordCnStatCd": _CANCEL_STATUS.get(claim.status, "01"),
        "ordPrdCnSeq": claim.no,
    }


def _claim_facts(claim: Claim) -> dict[str, object]:
    return {
        "clmReqCont": escape(claim.reason),
        "clmReqQty": claim.quantity,
        "clmReqRsn": _reason(claim),
        "clmReqSeq": claim.no,
        "clmStat": _CLAIM_STATUS[claim.kind, claim.status],
        "reqDt": stamp(claim.requested_at),
        "trtEndDt": stamp(claim.completed_at),
    }


def _contact_facts(line: Line) -> dict[str, object]:
    """Return where the goods are fetched and the replacement goes: the receiver, for both."""
    order = line.order
    postcode = escape(order.postcode)
    is_old = len(postcode) == 6
    at_pick_up = f"{postcode[:3]}-{postcode[3:]}" if is_old else postcode
    name, phone = escape(order.receiver), escape(order.phone)
    address, details = escape(order.address), escape(order.address_detail)
    return {
        "exchBaseAddr": address,
        "exchDtlsAddr": details,
        "exchMailNo": postcode,
        "exchNm": name,
        "exchPrtblTel": phone,
        "ordNm": name,
        "ordPrtblTel": phone,
        "rcvrBaseAddr": address,
        "rcvrDtlsAddr": details,
        "rcvrMailNo": at_pick_up,
    }


# ── answers of the seller ──────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Ids:
    """Codes of an action for an unknown order, line and claim, and for a claim of another kind."""

    kind: ClaimKind
    order: int
    line: int
    claim: int
    none: int

    def find(self, call: Call, order_no: str, line_no: str, claim_no: str) -> Claim:
        """Return the claim that is still open. Raises: Refused with this action's code."""
        order = find_order(call.shop, order_no)
        if order is None:
            raise Refused(self.order, "주문번호가 올바르지 않습니다.")
        line = find_line(order, line_no)
        if line is None:
            raise Refused(self.line, "주문순번이 올바르지 않습니다.")
        claims = call.shop.claims.get(number(claim_no) or -1, [])
        claim = next((claim for claim in claims if claim.line is line), None)
        if claim is None:
            raise Refused(self.claim, "클레임번호가 올바르지 않습니다.")
        if claim.kind is not self.kind:
            raise Refused(self.none, "처리할 클레임이 없습니다.")
        return claim


def _require_open(claim: Claim, code: int, text: str) -> None:
    if claim.status not in codes.OPEN_CLAIM:
        raise Refused(code, text)


_CANCEL_APPROVE = Ids(_C, -22002, -22003, -22004, -22004)
_CANCEL_REJECT = Ids(_C, -23002, -23002, -23002, -23007)
_RETURN_APPROVE = Ids(_R, -24002, -24003, -24004, -24005)
_RETURN_REJECT = Ids(_R, -25002, -25003, -25004, -25005)
_EXCHANGE_APPROVE = Ids(_X, -27002, -27003, -27004, -27007)
_EXCHANGE_REJECT = Ids(_X, -26002, -26003, -26004, -26005)


def approve_cancel(call: Call) -> str:
    """Answer `cancelreqconf/[ordPrdCnSeq]/[ordNo]/[ordPrdSeq]`."""
    claim_no, order_no, line_no = call.args
    claim = _CANCEL_APPROVE.find(call, order_no, line_no, claim_no)
    if claim.status is ClaimStatus.DONE:
        raise Refused(-1, "이미 취소 완료된 신청건 입니다.")
    _require_open(claim, -1, "이미 철회된 신청건 입니다.")
    call.shop.settle_claim(claim, ClaimStatus.DONE)
    return done(1, "취소처리")


def reject_cancel(call: Call) -> str:
    """Answer `cancelreqreject`: too late, the goods left with this tracking number."""
    order_no, line_no, claim_no, method, sent, carrier, invoice_no = call.args[:7]
    claim = _CANCEL_REJECT.find(call, order_no, line_no, claim_no)
    _require_open(claim, -23007, "취소요청 건이 없습니다.")
    sent_at = day(sent)
    if sent_at is None:
        raise Refused(-23003, "발송일자가 올바르지 않습니다.")
    _check_parcel(method, carrier, invoice_no)
    call.shop.settle_claim(claim, ClaimStatus.REJECTED)
    try:
        if claim.line.status is LineStatus.NEW:
            call.shop.confirm(claim.line)
        call.shop.dispatch(claim.line, carrier, invoice_no, sent_at)
    except Refusal as refusal:
        raise Refused(-23008, "취소거부 처리에 실패하였습니다.") from refusal
    return done(1, "취소거부처리")


def _check_parcel(method: str, carrier: str, invoice_no: str) -> None:
    if method not in METHODS | {"02"}:
        raise Refused(-23004, "배송방법이 올바르지 않습니다.")
    if method == NO_CARRIER:
        return
    if len(invoice_no) <= SHORT_INVOICE or not is_invoice(invoice_no):
        raise Refused(-23005, "송장번호는 10자리보다 길어야 합니다.")
    if carrier not in codes.CARRIERS:
        raise Refused(-23006, "택배사코드가 유효하지 않습니다.")


def reject_cancel_new(call: Call) -> str:
    """Answer `cancelreqrejectNEW`: the same with a reason's code and text."""
    reason, text = call.args[7:9]
    if reason not in {"01", "02"}:
        raise Refused(-24001, "취소거부 사유코드가 올바르지 않습니다.")
    if text in {"", "null"}:
        raise Refused(-24002, "취소거부 사유가 없습니다.")
    return reject_cancel(call)


def approve_return(call: Call) -> str:
    """Answer `returnreqconf/[clmReqSeq]/[ordNo]/[ordPrdSeq]`."""
    claim_no, order_no, line_no = call.args
    claim = _RETURN_APPROVE.find(call, order_no, line_no, claim_no)
    _require_open(claim, -24006, "반품승인을 할 수 없는 상태입니다.")
    call.shop.settle_claim(claim, ClaimStatus.DONE)
    return done(1, "반품승인처리")


def approve_exchange(call: Call) -> str:
    """Answer `exchangereqconf`: the replacement left with this tracking number."""
    claim_no, order_no, line_no, carrier, invoice_no = call.args
    claim = _EXCHANGE_APPROVE.find(call, order_no, line_no, claim_no)
    _require_open(claim, -27008, "교환승인을 할 수 없는 상태입니다.")
    if carrier not in codes.CARRIERS:
        raise Refused(-27006, "택배사코드가 유효하지 않습니다.")
    if not is_invoice(invoice_no):
        raise Refused(-27005, "송장번호가 유효하지 않습니다.")
    call.shop.settle_claim(claim, ClaimStatus.DONE)
    return done(1, "교환승인처리")


def _rejecting(ids: Ids, reasons: frozenset[str], settled: int, what: str) -> Callable[[Call], str]:
    def reject(call: Call) -> str:
        order_no, line_no, claim_no, reason, _ = call.args
        claim = ids.find(call, order_no, line_no, claim_no)
        _require_open(claim, settled, f"{what}를 할 수 없는 상태입니다.")
        if reason not in reasons:
            raise Refused(-1, f"{what} 사유코드가 올바르지 않습니다.")
        call.shop.settle_claim(claim, ClaimStatus.REJECTED)
        return done(1, f"{what}처리")

    return reject


reject_return = _rejecting(
    _RETURN_REJECT, frozenset({"101", "102", "103", "104"}), -25005, "반품거부"
)
reject_exchange = _rejecting(
    _EXCHANGE_REJECT, frozenset({"201", "202", "203", "204"}), -26006, "교환거부"
)
