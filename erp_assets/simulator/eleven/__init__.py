"""11st as its documents describe it: the seller API at /rest/, XML in EUC-KR."""

from erp_assets.simulator.eleven.protocol import ElevenProtocol

__all__ = ["ElevenProtocol"]
