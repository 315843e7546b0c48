"""Coupang as its documents describe it: the Wing Open API at /v2/providers/, JSON, HMAC."""

from erp_assets.simulator.coupang.protocol import CoupangProtocol

__all__ = ["CoupangProtocol"]
