"""Which path is which call, and in which envelope it answers (§2.1, §3)."""

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote

from erp_assets.simulator.coupang import actions, claims, exchanges, products, sheets
from erp_assets.simulator.coupang.call import Call, Payload, Refused

PREFIX = "/v2/providers/"
_SP = "/v2/providers/seller_api/apis/api/v1/marketplace/"
_OA = "/v2/providers/openapi/apis/api/"


class Envelope(Enum):
    """How a family says yes and no: (code of success, its message, code of refusal)."""

    SELLER = ("SUCCESS", "", "ERROR")
    SELLER_HISTORY = ("200", "OK", "ERROR")
    LIST = (200, "OK", 400)
    SINGLE = ("200", "OK", 400)


class Route(NamedTuple):
    """One call of the API. refusal: what it says to a foreign vendorId in the path."""

    methods: frozenset[str]
    pattern: re.Pattern[str]
    answer: Callable[[Call], Payload]
    envelope: Envelope
    refusal: str = "Invalid vendor ID"

    @property
    def is_write(self) -> bool:
        """Does the call change something? One look-up is a POST."""
        return "GET" not in self.methods and self.answer is not claims.withdrawn_by_id

    def answered(self, call: Call) -> Payload:
        """Answer the call; its path names a vendorId in all families but one. Raises: Refused."""
        if self.envelope in {Envelope.LIST, Envelope.SINGLE} and call.args[0] != call.vendor:
            raise Refused(self.refusal)
        return self.answer(call)


def _route(
    methods: str,
    path: str,
    answer: Callable[[Call], Payload],
    envelope: Envelope,
    refusal: str = "Invalid vendor ID",
) -> Route:
    pattern = re.compile(re.sub(r"\{\}", "([^/]+)", path.replace(".", r"\.")))
    return Route(frozenset(methods.split()), pattern, answer, envelope, refusal)


_E = Envelope
_ITEM = _SP + "vendor-items/{}/"
_V4, _V5, _V6 = (f"{_OA}v{n}/vendors/{{}}/" for n in (4, 5, 6))
_LOW = "invalid vendorId"
ROUTES = (
    _route("GET", _SP + "seller-products", products.listed, _E.SELLER),
    _route("GET", _SP + "seller-products/time-frame", products.by_time, _E.SELLER),
    _route("GET", _SP + "seller-products/inflow-status", products.quota, _E.SELLER),
    _route(
        "GET", _SP + "seller-products/external-vendor-sku-codes/{}", products.by_code, _E.SELLER
    ),
    _route("GET", _SP + "seller-products/{}", products.single, _E.SELLER),
    _route("GET", _SP + "seller-products/{}/partial", products.single, _E.SELLER),
    _route("GET", _SP + "seller-products/{}/histories", products.history, _E.SELLER_HISTORY),
    _route("GET", _ITEM + "inventories", products.inventory, _E.SELLER),
    _route("PUT", _ITEM + "quantities/{}", products.set_stock, _E.SELLER),
    _route("PUT", _ITEM + "prices/{}", products.set_price, _E.SELLER),
    _route("PUT", _ITEM + "original-prices/{}", products.set_list_price, _E.SELLER),
    _route("PUT", _ITEM + "sales/stop", products.stop, _E.SELLER),
    _route("PUT", _ITEM + "sales/resume", products.resume, _E.SELLER),
    _route("GET", _V5 + "ordersheets", sheets.listed, _E.LIST),
    _route("GET", _V5 + "ordersheets/{}", sheets.by_box, _E.SINGLE),
    _route("GET", _V5 + "{}/ordersheets", sheets.by_order, _E.SINGLE),
    _route("GET", _V5 + "ordersheets/{}/history", sheets.history, _E.SINGLE),
    _route("PUT PATCH", _V4 + "ordersheets/acknowledgement", actions.acknowledge, _E.SINGLE),
    _route("POST", _V4 + "orders/invoices", actions.upload, _E.SINGLE),
    _route("POST", _V4 + "orders/updateInvoices", actions.change, _E.SINGLE),
    _route("GET", _V6 + "returnRequests", claims.returns, _E.LIST),
    _route("GET", _V6 + "returnRequests/{}", claims.single_return, _E.SINGLE),
    _route("GET", _V4 + "returnWithdrawRequests", claims.withdrawn, _E.LIST, _LOW),
    _route("POST", _V4 + "returnWithdrawList", claims.withdrawn_by_id, _E.LIST, _LOW),
    _route("GET", _V4 + "exchangeRequests", exchanges.listed, _E.LIST),
)


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """Return the route of a raw path and its decoded arguments; None for an unknown path."""
    for route in ROUTES:
        found = route.pattern.fullmatch(path)
        if found and method in route.methods:
            return route, tuple(map(unquote, found.groups()))
    return None
