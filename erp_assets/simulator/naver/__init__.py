"""Naver as its documents describe it: the Commerce API at /external/, JSON, signed tokens."""

from erp_assets.simulator.naver.protocol import NaverProtocol

__all__ = ["NaverProtocol"]
