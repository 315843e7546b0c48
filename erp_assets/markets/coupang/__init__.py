"""Coupang Wing Open API: signature, wire format, client."""

from erp_assets.markets.coupang.client import Coupang

__all__ = ["Coupang"]
