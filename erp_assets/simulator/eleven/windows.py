"""Periods in paths: twelve digits, Korea time, both ends included to the minute. Source: §2.4."""

from datetime import datetime, timedelta

from erp_assets import clock
from erp_assets.simulator.eleven.codes import WindowCodes
from erp_assets.simulator.eleven.rendering import Refused

MINUTE = timedelta(minutes=1)
ORDER_SPAN = timedelta(days=8)
CLAIM_SPAN = timedelta(days=30)


def minute(text: str) -> datetime | None:
    """Read `YYYYMMDDhhmm`; None when it is not one."""
    return _read(text, "%Y%m%d%H%M", 12)


def day(text: str) -> datetime | None:
    """Read `YYYYMMDD` as midnight; None when it is not one."""
    return _read(text, "%Y%m%d", 8)


def _read(text: str, shape: str, length: int) -> datetime | None:
    if len(text) != length or not (text.isascii() and text.isdigit()):
        return None
    try:
        return datetime.strptime(text, shape).replace(tzinfo=clock.KST)
    except ValueError:
        return None


def order_window(args: tuple[str, ...], codes: WindowCodes) -> clock.Window:
    """Return the half-open span of an order list; the guide's error comes at eight days."""
    window = _window(args, codes)
    if window.until - MINUTE - window.since >= ORDER_SPAN:
        raise Refused(codes.span, "최대 조회기간은 일주일 입니다.")
    return window


def claim_window(args: tuple[str, ...], codes: WindowCodes) -> clock.Window:
    """Return the half-open span of a claim list: 30 days at most."""
    window = _window(args, codes)
    if window.until - MINUTE - window.since > CLAIM_SPAN:
        raise Refused(codes.span, "조회기간은 최대 30(한달)일 단위로 가능합니다.")
    return window


def _window(args: tuple[str, ...], codes: WindowCodes) -> clock.Window:
    since, until = minute(args[0]), minute(args[1])
    if since is None:
        raise Refused(codes.start, _SHAPE.format("start_dt"))
    if until is None or until < since:
        raise Refused(codes.end, _SHAPE.format("end_dt"))
    return clock.Window(since, until + MINUTE)


_SHAPE = "{}의 조회 기간의 포멧('YYYYMMDDHH24:MI')이 올바르지 않습니다."
