"""11st seller Open API: XML, codes, client."""

from erp_assets.markets.eleven.client import Eleven

__all__ = ["Eleven"]
