"""What a market's refusal means, and what a person has to do about it, in both languages."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

import httpx

from erp_assets.errors import ErpError, MarketBusy, MarketDenied, MarketDown
from erp_assets.settings import Language


class Problem(StrEnum):
    """Why an account's call failed, as far as it decides what to do."""

    CLOCK = "clock"
    ADDRESS = "address"
    EXPIRED = "expired"
    SECRET = "secret"  # noqa: S105 - the name of a problem
    PERMISSION = "permission"
    BLOCKED = "blocked"
    MAINTENANCE = "maintenance"
    UNREACHABLE = "unreachable"
    DOWN = "down"
    BUSY = "busy"
    DENIED = "denied"
    ODD = "odd"


TELLTALES: Sequence[tuple[str, Problem]] = (
    (r"signature is expired", Problem.CLOCK),
    (r"allowed ip|ip_not_allowed|허용되지 않은 ip|인증된 ip", Problem.ADDRESS),
    (
        r"key[^.]{0,20}expired|유효기간|만료|contact api-gateway channel|not authorized",
        Problem.EXPIRED,
    ),
    (r"authz|권한 그룹|api group", Problem.PERMISSION),
    (r"access denied|reference #", Problem.BLOCKED),
    (
        r"invalid signature|secret|hmac|authn|vendor id|유저가 없습니다",
        Problem.SECRET,
    ),
    (r"maintenance|점검|block\.02|-1000\b", Problem.MAINTENANCE),
)
"""What the markets write (reference pages, error catalogues) → problem; the first match counts."""

PLACES: Mapping[str, Mapping[Language, str]] = {
    "coupang": {"en": "Coupang Wing → Open API key", "ko": "쿠팡 윙 → OPEN API 키 관리"},
    "naver": {
        "en": "Naver Commerce API Center → application",
        "ko": "커머스API센터 → 애플리케이션",
    },
    "eleven": {"en": "11st Open API Center", "ko": "11번가 OPEN API 센터"},
}
FOUND: Mapping[Problem, Mapping[Language, str]] = {
    Problem.CLOCK: {"en": "signature too old", "ko": "서명 시각이 어긋남"},
    Problem.ADDRESS: {"en": "IP address not registered", "ko": "등록되지 않은 IP"},
    Problem.EXPIRED: {"en": "key expired or unknown", "ko": "키 만료 또는 미등록 키"},
    Problem.SECRET: {"en": "wrong key or secret", "ko": "키 또는 시크릿 불일치"},
    Problem.PERMISSION: {"en": "API group not granted", "ko": "API 그룹 권한 없음"},
    Problem.BLOCKED: {"en": "blocked at the market's edge", "ko": "과다 호출로 일시 차단됨"},
    Problem.MAINTENANCE: {"en": "market under maintenance", "ko": "마켓 점검 중"},
    Problem.UNREACHABLE: {"en": "market unreachable", "ko": "마켓에 연결할 수 없음"},
    Problem.DOWN: {"en": "market answers with an error", "ko": "마켓 서버 오류"},
    Problem.BUSY: {"en": "call limit reached", "ko": "호출 한도 초과"},
    Problem.DENIED: {"en": "refused by the market", "ko": "마켓이 거절함"},
    Problem.ODD: {"en": "unexpected answer", "ko": "예상하지 못한 응답"},
}
TODO: Mapping[Problem, Mapping[Language, str]] = {
    Problem.CLOCK: {
        "en": "Set this machine's clock (NTP); signatures more than five minutes off are refused.",
        "ko": "이 컴퓨터의 시계를 맞추세요(NTP). 5분 이상 어긋난 서명은 거절됩니다.",
    },
    Problem.ADDRESS: {
        "en": "Register {address} at {place}; it may take up to 30 minutes to work.",
        "ko": "{place}에서 {address}를 등록하세요. 적용까지 최대 30분이 걸립니다.",
    },
    Problem.EXPIRED: {
        "en": "Renew the key at {place} and put the new {names} where the settings point.",
        "ko": "{place}에서 키를 갱신하고 설정이 가리키는 곳의 {names} 값을 바꾸세요.",
    },
    Problem.SECRET: {
        "en": "Compare {names} with what {place} shows, character by character.",
        "ko": "{names} 값을 {place}에 표시된 값과 한 글자씩 비교하세요.",
    },
    Problem.PERMISSION: {
        "en": "Grant the product and order API groups at {place}.",
        "ko": "{place}에서 상품·주문 API 그룹 권한을 추가하세요.",
    },
    Problem.BLOCKED: {
        "en": "Stop all calls for ten minutes, then run erp doctor again.",
        "ko": "10분 동안 모든 호출을 멈춘 뒤 erp doctor를 다시 실행하세요.",
    },
    Problem.MAINTENANCE: {
        "en": "Wait for the end of the maintenance; nothing needs to be changed here.",
        "ko": "점검이 끝날 때까지 기다리세요. 여기서 바꿀 것은 없습니다.",
    },
    Problem.UNREACHABLE: {
        "en": "Check the network, the firewall and base_url of this account.",
        "ko": "네트워크, 방화벽, 이 계정의 base_url을 확인하세요.",
    },
    Problem.DOWN: {
        "en": "Wait some minutes and run erp doctor again; the fault is the market's.",
        "ko": "몇 분 뒤 erp doctor를 다시 실행하세요. 마켓 쪽 장애입니다.",
    },
    Problem.BUSY: {
        "en": "Find out who else uses this key, or lower rate of this account.",
        "ko": "같은 키를 쓰는 다른 프로그램을 찾거나 이 계정의 rate를 낮추세요.",
    },
    Problem.DENIED: {"en": "{remedy}", "ko": "{remedy}"},
    Problem.ODD: {
        "en": "Check base_url of this account and read the text on the left.",
        "ko": "이 계정의 base_url과 왼쪽 메시지를 확인하세요.",
    },
}


def problem_of(error: ErpError) -> Problem:
    """Say which problem `error` of a market call tells of."""
    told = f"{error} {error.remedy}" if isinstance(error, MarketDenied) else str(error)
    for text in (str(error), told):
        for telltale, problem in TELLTALES:
            if re.search(telltale, text, re.IGNORECASE):
                return problem
    match error:
        case MarketDown():
            return Problem.DOWN if _was_answered(error) else Problem.UNREACHABLE
        case MarketBusy():
            return Problem.BUSY
        case MarketDenied():
            return Problem.DENIED
        case _:
            return Problem.ODD


def _was_answered(error: MarketDown) -> bool:
    return not isinstance(error.__cause__, httpx.TransportError | TimeoutError)
