"""Confirm and dispatch: a verdict per line inside an HTTP 200.

What the documents leave open is decided so: a line without confirmation may be dispatched, and is
confirmed by it; a line that a claim holds is refused for its status.
Source: naver.md §5.6.
"""

from collections.abc import Callable, Iterable
from typing import Any

from erp_assets.records import LineStatus
from erp_assets.simulator.naver.call import (
    Call,
    Payload,
    Refused,
    Row,
    bad_parameter,
    instant,
    whole,
)
from erp_assets.simulator.world import Line, Refusal

MOST = 30
CARRIERS = frozenset(
    [
        "CJGLS",
        "HYUNDAI",
        "HANJIN",
        "KGB",
        "EPOST",
        "KDEXP",
        "DAESIN",
        "ILYANG",
        "CVSNET",
        "CUPARCEL",
        "DHL",
        "FEDEX",
        "EMS",
        "UPS",
        "CH1",
    ]
)
METHODS = frozenset(
    {"DELIVERY", "GDFW_ISSUE_SVC", "VISIT_RECEIPT", "DIRECT_DELIVERY", "QUICK_SVC", "NOTHING"}
)
_TEXTS = {
    "4000": "잘못된 파라미터입니다.",
    "100001": "상품 주문을 찾을 수 없습니다.",
    "104118": "택배사 코드를 입력해 주세요.",
    "104119": "택배사 코드가 올바르지 않습니다.",
    "104120": "송장 번호를 입력해 주세요.",
    "104121": "이미 사용된 송장 번호입니다.",
    "104122": "유효하지 않은 송장 번호입니다.",
    "104442": "상품 주문 상태를 확인해 주세요.",
    "105306": "이미 처리된 상품 주문입니다.",
}
_REFUSALS = {"already": "105306", "used_invoice": "104121", "bad_invoice": "104122"}
_STATUS = "104442"


class Failed(Exception):
    """The verdict on one line: its code."""


def confirm(call: Call) -> Payload:
    """Confirm up to 30 lines; success is told in objects, unlike every other action."""
    numbers = _checked(call.json().get("productOrderIds"))
    good, bad = _verdicts(numbers, lambda no: _confirm(call, no))
    return {
        "successProductOrderInfos": [
            {"productOrderId": no, "isReceiverAddressChanged": False} for no in good
        ],
        "failProductOrderInfos": bad,
    }


def _checked(numbers: object) -> list[str]:
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= MOST:
        raise bad_parameter("productOrderIds")
    texts = [str(no) for no in numbers]
    if len(set(texts)) < len(texts):
        raise Refused("104131", "상품 주문 번호가 중복되었습니다.")
    return texts


def _verdicts(numbers: Iterable[str], act: Callable[[str], None]) -> tuple[list[str], list[Row]]:
    good, bad = [], []
    for no in numbers:
        try:
            act(no)
        except (Failed, Refusal) as failed:
            code = _code(failed)
            bad.append({"productOrderId": no, "code": code, "message": _TEXTS[code]})
        else:
            good.append(no)
    return good, bad


def _code(failed: Failed | Refusal) -> str:
    if isinstance(failed, Refusal):
        return _REFUSALS.get(failed.why, _STATUS)
    return str(failed)


def _line(call: Call, no: str) -> Line:
    line = call.shop.lines.get(whole(no) or 0)
    if line is None:
        raise Failed("100001")
    return line


def _confirm(call: Call, no: str) -> None:
    line = _line(call, no)
    if line.confirmed_at:
        raise Failed("105306")
    call.shop.confirm(line)


def dispatch(call: Call) -> Payload:
    """Dispatch up to 30 lines."""
    rows = call.json().get("dispatchProductOrders")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad_parameter("dispatchProductOrders")
    numbers = _checked([row.get("productOrderId") for row in rows])
    by_number = dict(zip(numbers, rows, strict=True))
    good, bad = _verdicts(numbers, lambda no: _dispatch(call, no, by_number[no]))
    return {"successProductOrderIds": good, "failProductOrderInfos": bad}


def _dispatch(call: Call, no: str, row: dict[str, Any]) -> None:
    line = _line(call, no)
    sent_at = instant(row.get("dispatchDate"))
    if row.get("deliveryMethod") not in METHODS or sent_at is None:
        raise Failed("4000")
    carrier, invoice_no = _parcel(row)
    if line.status not in {LineStatus.NEW, LineStatus.CONFIRMED} or line.is_in_claim:
        raise Failed(_STATUS)
    if line.status is LineStatus.NEW:
        call.shop.confirm(line)
    call.shop.dispatch(line, carrier, invoice_no, sent_at)


def _parcel(row: dict[str, Any]) -> tuple[str, str]:
    """Return carrier and number; both empty for goods that no carrier brings."""
    if row["deliveryMethod"] != "DELIVERY":
        return "", ""
    carrier, invoice_no = row.get("deliveryCompanyCode"), row.get("trackingNumber")
    if not carrier:
        raise Failed("104118")
    if carrier not in CARRIERS:
        raise Failed("104119")
    if not invoice_no:
        raise Failed("104120")
    if not _is_invoice(str(invoice_no)):
        raise Failed("104122")
    return str(carrier), str(invoice_no)


def _is_invoice(text: str) -> bool:
    return text.isascii() and text.isalnum() and 6 <= len(text) <= 20
