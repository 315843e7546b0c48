"""Naver Commerce API: token, wire format, client."""

from erp_assets.markets.naver.client import Naver

__all__ = ["Naver"]
