"""Code tables of 11st: states of listings and lines, window codes, carriers. Source: 11st.md."""

from typing import NamedTuple

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus
from erp_assets.simulator.world import Claim, Line

ORDER_CAP = 3000
"""Rows at most in the lists of §2.5; there is no paging and no mark that more exist."""

SALE_STATUS = {
    ProductStatus.PENDING: "101",
    ProductStatus.ON_SALE: "103",
    ProductStatus.SOLD_OUT: "104",
    ProductStatus.PAUSED: "105",
    ProductStatus.ENDED: "106",
    ProductStatus.BANNED: "108",
}
SALE_STATUS_NAMES = {
    "101": "승인대기",
    "103": "판매중",
    "104": "품절",
    "105": "전시중지",
    "106": "판매정상종료",
    "108": "판매금지",
}

LINE_STATUS = {
    LineStatus.UNPAID: "102",
    LineStatus.NEW: "202",
    LineStatus.CONFIRMED: "301",
    LineStatus.SHIPPED: "401",
    LineStatus.DELIVERED: "501",
    LineStatus.COMPLETED: "901",
    LineStatus.CANCELLED: "B01",
    LineStatus.RETURNED: "A01",
    LineStatus.EXCHANGED: "901",
}
"""There is no code for an exchanged line: the buyer kept the replacement, so it counts as taken."""

LINE_STATUS_NAMES = {
    "102": "입금대기",
    "202": "결제완료",
    "301": "배송준비중",
    "401": "배송중",
    "501": "배송완료",
    "601": "클레임진행중",
    "701": "취소처리중",
    "901": "수취확인",
    "A01": "반품완료",
    "B01": "주문취소",
    "C01": "수취확인후주문취소",
}

OPEN_CLAIM = frozenset({ClaimStatus.REQUESTED, ClaimStatus.IN_PROGRESS})

CARRIERS = frozenset(
    f"{number:05d}"
    for number in (
        *(2, 7, 11, 12, 21, 22, 23, 25, 26, 27, 34, 35, 36, 37, 38, 39, 40, 41, 42, 44, 45, 46),
        *range(47, 55),
        *(56, 57, 58),
        *range(60, 75),
        *(77, 79, 80, 81, 82, 83),
        *range(85, 93),
        *range(94, 110),
        *range(111, 132),
        *range(133, 150),
        151,
    )
)
"""`dlvEtprsCd` as §8 lists them; five digits."""


class WindowCodes(NamedTuple):
    """Codes of a list for a bad start, a bad end and a span that is too long (§2.4)."""

    start: int
    end: int
    span: int


STANDBY = WindowCodes(-3102, -3103, -3104)
COMPLETE = WindowCodes(-3103, -3104, -3105)
RESERVED = WindowCodes(-3203, -3204, -3205)
PACKAGING = WindowCodes(-3303, -3304, -3305)
SHIPPED = WindowCodes(-3902, -3903, -3904)
CANCELS = WindowCodes(-28007, -28006, -28008)
RETURNS = WindowCodes(-29007, -29006, -29008)
GENERIC = WindowCodes(-1, -1, -1)


def open_claim(line: Line) -> Claim | None:
    """Return the claim of `line` that is not settled yet."""
    return next((claim for claim in line.claims if claim.status in OPEN_CLAIM), None)


def line_status(line: Line) -> str:
    """Return `ordPrdStat`: an open claim hides the line's own state (§6.1)."""
    claim = open_claim(line)
    if claim:
        return "701" if claim.kind is ClaimKind.CANCEL else "601"
    if line.status is LineStatus.CANCELLED and any(map(is_after_purchase, line.claims)):
        return "C01"
    return LINE_STATUS[line.status]


def is_after_purchase(claim: Claim) -> bool:
    """Was this a cancellation after the buyer had confirmed the purchase?"""
    return claim.kind is ClaimKind.CANCEL and claim.was is LineStatus.COMPLETED
