"""Which path is which call: its family of answers, its API group, whether it writes (§3, §3.3)."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

from erp_assets.simulator.naver import actions, orders, products, writes
from erp_assets.simulator.naver.call import Call

PREFIX = "/external/"
ORDERS, PRODUCTS, SELLER, ANY = "주문 판매자", "상품", "판매자정보", ""


class Route(NamedTuple):
    """One call of the API. group: the API group an application must have been granted."""

    method: str
    pattern: re.Pattern[str]
    answer: Callable[[Call], Any]
    group: str
    is_write: bool = False

    @property
    def is_order(self) -> bool:
        """Does it answer in the order APIs' envelope, at their rate?"""
        return self.group == ORDERS


def _route(
    method: str, path: str, answer: Callable[[Call], Any], group: str, *, is_write: bool = False
) -> Route:
    pattern = re.compile(PREFIX + path.replace("{}", "([^/]+)"))
    return Route(method, pattern, answer, group, is_write)


def account(call: Call) -> dict[str, object]:
    """Answer who the token belongs to."""
    name = call.account.key
    return {"accountId": f"ncp_{name}", "accountUid": f"ncp_uid_{name}", "grade": "BIG_POWER"}


def channels(call: Call) -> dict[str, object]:
    """Answer the store's channel."""
    return {
        "channelNo": 500000001,
        "channelType": "STOREFARM",
        "name": call.account.key,
        "url": "https://smartstore.naver.com/example",
        "representativeImageUrl": "",
        "talkTalkAccountId": "",
    }


_LINES = "v1/pay-order/seller/product-orders"
_ORIGIN = "v1/products/origin-products"
ROUTES = (
    _route("GET", f"{_LINES}/last-changed-statuses", orders.changes, ORDERS),
    _route("POST", f"{_LINES}/query", orders.by_number, ORDERS),
    _route("GET", _LINES, orders.search, ORDERS),
    _route("GET", "v1/pay-order/seller/orders/{}/product-order-ids", orders.of_order, ORDERS),
    _route("POST", f"{_LINES}/confirm", actions.confirm, ORDERS, is_write=True),
    _route("POST", f"{_LINES}/dispatch", actions.dispatch, ORDERS, is_write=True),
    _route("POST", "v1/products/search", products.search, PRODUCTS),
    _route("GET", "v2/products/origin-products/{}", products.by_origin, PRODUCTS),
    _route("GET", "v2/products/channel-products/{}", products.by_channel, PRODUCTS),
    _route("PUT", f"{_ORIGIN}/{{}}/change-status", writes.change_status, PRODUCTS, is_write=True),
    _route("PUT", f"{_ORIGIN}/{{}}/option-stock", writes.set_options, PRODUCTS, is_write=True),
    _route("PATCH", f"{_ORIGIN}/multi-update", writes.multi_update, PRODUCTS, is_write=True),
    _route("PUT", f"{_ORIGIN}/bulk-update", writes.bulk_update, PRODUCTS, is_write=True),
    _route("GET", "v1/seller/account", account, SELLER),
    _route("GET", "v1/seller/channels", channels, SELLER),
)


TOKEN = _route("POST", "v1/oauth2/token", lambda _: None, ANY)
"""What needs no token; the gateway itself answers it."""
NOWHERE = _route("", "", lambda _: None, ANY)
"""Where unknown paths lead."""


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """Return the route of a raw path and its decoded arguments."""
    for route in (*ROUTES, TOKEN):
        found = route.pattern.fullmatch(path)
        if found and method == route.method:
            return route, tuple(map(unquote, found.groups()))
    return NOWHERE, ()
