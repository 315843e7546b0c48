"""Which path is which call, and in which envelope its service answers.

11st writes over GET and reads over POST, and one path means different calls by the number of its
segments (`complete`, `reqdelivery`); so a route is found by method, fixed part and count.
Source: 11st.md §2.1, §3.1, §6, §7.1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote
from xml.sax.saxutils import escape

from erp_assets.records import LineStatus
from erp_assets.simulator.eleven import actions, claims, listings, offers, orders
from erp_assets.simulator.eleven.call import Call
from erp_assets.simulator.eleven.rendering import (
    Refused,
    client_message,
    element,
    orders_error,
    qualified,
    result_order,
)

PREFIX = "/rest/"
_NO_USER = "OpenAPI Key 에 해당하는 유저가 없습니다."


def _action_error(refused: Refused) -> str:
    return result_order(refused.code, refused.text)


def _write_error(refused: Refused) -> str:
    return client_message(refused.code, refused.text, product_no=refused.product_no)


def _product_error(refused: Refused) -> str:
    return element("Product", {"message": refused.text, "resultCode": refused.code})


def _read_error(root: str, refused: Refused) -> str:
    code = f"<ns2:resultCode>{refused.code}</ns2:resultCode>"
    return qualified(root, f"<ns2:message>{escape(refused.text)}</ns2:message>{code}")


@dataclass(frozen=True, slots=True)
class Service:
    """A family of calls. render: its envelope of an error. no_user: its words to a wrong key."""

    render: Callable[[Refused], str]
    no_user_code: int
    no_user_text: str

    def no_user(self) -> str:
        """Render the answer to a key that is missing or unknown."""
        return self.render(Refused(self.no_user_code, f"{self.no_user_text} : {_NO_USER}"))


LISTS = Service(orders_error, -1, "주문/클레임 조회 오류 MSG")
ACTIONS = Service(_action_error, -1, "ERROR")
PRODUCT_WRITES = Service(_write_error, 500, "상품 정보 처리 실패. MSG")
PRODUCT = Service(_product_error, 500, "상품 정보 조회 실패. MSG")
PRODUCTS = Service(partial(_read_error, "products"), 500, "상품 정보 조회 실패. MSG")
STOCK = Service(partial(_read_error, "ProductStocks"), 500, "재고 정보 조회 실패. MSG")
STOCKS = Service(partial(_read_error, "ProductStockss"), 500, "재고 정보 조회 실패. MSG")


class Route(NamedTuple):
    """One call of the API. is_write: does it change something, whatever its method?"""

    answer: Callable[[Call], str]
    service: Service
    is_write: bool = False


_READS = {
    ("GET", "ordservices/standby", 2): orders.STANDBY.answer,
    ("GET", "ordservices/reservatecomplete", 2): orders.RESERVED.answer,
    ("GET", "ordservices/delvplacestandby", 2): orders.GIFTS.answer,
    ("GET", "ordservices/complete", 2): orders.COMPLETE.answer,
    ("GET", "ordservices/complete", 1): orders.by_number,
    ("GET", "ordservices/packaging", 2): orders.PACKAGING.answer,
    ("GET", "ordservices/shipping", 2): orders.SHIPPING.answer,
    ("GET", "ordservices/dlvcompleted", 2): orders.DELIVERED.answer,
    ("GET", "ordservices/completed", 2): orders.COMPLETED.answer,
    ("GET", "claimservice/orderlistall", 1): orders.status_of_orders,
    ("GET", "claimservice/orderlistalladdr", 1): orders.address_of_orders,
    **{("GET", f"claimservice/{name}", 2): spec.answer for name, spec in claims.LISTS.items()},
    **{
        ("GET", f"ordservices/{due}delivery/{name}", 0): orders.DueList(
            state, due == "delay"
        ).answer
        for due in ("today", "delay")
        for name, state in (
            ("completes", LineStatus.NEW),
            ("packagings", LineStatus.CONFIRMED),
        )
    },
}
_ACTIONS = {
    ("GET", "ordservices/reqpackaging", 5): actions.confirm,
    ("GET", "ordservices/reqdelivery", 5): actions.dispatch_box,
    ("GET", "ordservices/reqdelivery", 8): actions.dispatch_part,
    ("GET", "ordservices/reqdelivery", 9): actions.dispatch_split,
    ("GET", "claimservice/reqrejectorder", 4): actions.refuse,
    ("POST", "ordservices/deliveryDelayGuide", 0): actions.announce_delay,
    ("GET", "claimservice/cancelreqconf", 3): claims.approve_cancel,
    ("GET", "claimservice/cancelreqreject", 7): claims.reject_cancel,
    ("GET", "claimservice/cancelreqrejectNEW", 9): claims.reject_cancel_new,
    ("GET", "claimservice/returnreqconf", 3): claims.approve_return,
    ("GET", "claimservice/returnreqreject", 5): claims.reject_return,
    ("GET", "claimservice/exchangereqconf", 5): claims.approve_exchange,
    ("GET", "claimservice/exchangereqreject", 5): claims.reject_exchange,
}
_PRODUCT_WRITES = {
    ("PUT", "prodservices/stockqty", 1): offers.set_stock,
    ("GET", "prodservices/product/price", 2): offers.set_price,
    ("POST", "prodservices/product/priceCoupon", 1): offers.set_price_and_discount,
    ("PUT", "prodstatservice/stat/stopdisplay", 1): offers.stop_display,
    ("PUT", "prodstatservice/stat/restartdisplay", 1): offers.restart_display,
}
_SEARCH = Route(listings.search, PRODUCTS)
ROUTES = {
    **{key: Route(answer, LISTS) for key, answer in _READS.items()},
    **{key: Route(answer, ACTIONS, is_write=True) for key, answer in _ACTIONS.items()},
    **{
        key: Route(answer, PRODUCT_WRITES, is_write=True) for key, answer in _PRODUCT_WRITES.items()
    },
    ("POST", "prodmarketservice/prodmarket", 0): _SEARCH,
    ("GET", "prodmarketservice/prodmarket", 1): Route(listings.single, PRODUCT),
    ("GET", "prodmarketservice/sellerprodcode", 1): Route(listings.by_code, PRODUCTS),
    ("POST", "prodmarketservice/prodmarket/stocks", 0): Route(offers.stocks, STOCKS),
    ("GET", "prodmarketservice/prodmarket/stck", 1): Route(offers.stock, STOCK),
}
PAGE_BEFORE = {_SEARCH: Route(listings.page_before, PRODUCTS)}
"""What answers instead when a page is to come twice; no other list has pages."""


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """Return the route of a raw path and its decoded arguments; None for an unknown path.

    Trailing `null` segments that no call has are let pass.
    """
    segments = path.removeprefix(PREFIX).strip("/").split("/")
    while segments:
        for cut in range(len(segments), 0, -1):
            route = ROUTES.get((method, "/".join(segments[:cut]), len(segments) - cut))
            if route:
                return route, tuple(map(unquote, segments[cut:]))
        if segments.pop() != "null":
            return None
    return None
