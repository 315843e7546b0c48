"""Reading listings: the list and the details with options, stock and price (naver.md §4.1-4.3)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from erp_assets.errors import MarketRejected
from erp_assets.markets import rows
from erp_assets.markets.client import in_order
from erp_assets.markets.naver import product_wire as wire
from erp_assets.markets.naver.answers import decoded
from erp_assets.markets.naver.gate import Gate, Repeated, each, ready
from erp_assets.records import Batch, OptionKey, Product, ProductStatus, Rejected

PAGE = 500
MAX_PAGES = 20_000

T = TypeVar("T")


class Products:
    """The listings of one store: a list without options, and a detail per listing."""

    def __init__(self, gate: Gate) -> None:
        """`gate`: sends the calls."""
        self._gate = gate

    async def every(self) -> AsyncIterator[Batch]:
        """Yield every listing with options, stock and price."""
        async for batch in in_order(self._jobs(), ahead=self._gate.ahead):
            yield batch

    async def _jobs(self) -> AsyncIterator[Callable[[], Awaitable[Batch]]]:
        """Yield a job per listing, each once; a list that shows a page again ends with a report."""
        seen: set[str] = set()
        try:
            async for page in self._pages():
                found: dict[str, Product] = {}
                yield partial(ready, _read_list(page.contents, found))
                for number in [it for it in found if it not in seen]:
                    yield partial(self._product, found[number])
                seen |= found.keys()
        except Repeated as error:
            yield partial(ready, Batch(rejected=[Rejected("products", str(error), str(error))]))

    async def _pages(self) -> AsyncIterator[wire.ProductPage]:
        """Yield numbered pages; fewer listings than before let some slip to the page before."""
        number, before = 1, wire.ProductPage([])
        for _ in range(MAX_PAGES):
            page = await self._page(number)
            has_shrunk = number > 1 and (page.total_elements or 0) < (before.total_elements or 0)
            if page.contents and page.contents == before.contents and not has_shrunk:
                raise Repeated(f"page repeated: the list shows page {number} again")
            yield page
            if has_shrunk:
                number -= 1
            elif page.is_last(number) or not page.contents:
                return
            else:
                number += 1
            before = page

    async def _page(self, number: int) -> wire.ProductPage:
        body = {"page": number, "size": PAGE, "orderType": "NO"}
        return await self._gate.read(
            "POST", "/v1/products/search", wire.ProductPage, "list", json=body
        )

    async def _product(self, product: Product) -> Batch:
        if product.status is ProductStatus.DELETED:
            return Batch(products=[product])
        try:
            body = await self._detail(product.product_no, _whole)
        except MarketRejected as error:
            reason = f"no detail: {error}"
            return Batch(rejected=[Rejected("products", reason, product.name, product.product_no)])
        return rows.read_rows(
            "products", [body], partial(wire.take_product, product), lambda _: product.product_no
        )

    async def offers(self, options: Sequence[OptionKey]) -> AsyncIterator[Batch]:
        """Yield stock and price of the options, one call per listing."""
        wanted: dict[str, set[str]] = {}
        for option in options:
            wanted.setdefault(option.product_no, set()).add(option.option_no)
        jobs = each(partial(self._offers, number, some) for number, some in wanted.items())
        async for batch in in_order(jobs, ahead=self._gate.ahead):
            yield batch

    async def _offers(self, product_no: str, wanted: set[str]) -> Batch:
        try:
            body = await self._detail(product_no, _whole)
        except MarketRejected as error:
            reason = f"no offer: {error}"
            return Batch(rejected=[Rejected("offers", reason, product_no, product_no)])

        def take(raw: bytes, batch: Batch) -> None:
            origin = wire.PRODUCTS.decode(raw).origin_product
            found = wire.offers_of(product_no, origin)
            batch.offers += [offer for offer in found if offer.option_no in wanted]

        return rows.read_rows("offers", [body], take, lambda _: product_no)

    async def origin(self, product_no: str) -> wire.Origin:
        """Return a listing as it is now, as a write needs it."""

        def decode(response: httpx.Response) -> wire.Origin:
            return decoded(response, wire.ProductDetail).origin_product

        return await self._detail(product_no, decode)

    async def _detail(self, product_no: str, decode: Callable[[httpx.Response], T]) -> T:
        path = f"/v2/products/origin-products/{quote(product_no, safe='')}"
        return await self._gate.call("GET", path, decode=decode, bucket="detail")


def _whole(response: httpx.Response) -> msgspec.Raw:
    """Return the body as one raw row, once it is known to be an object and whole."""
    decoded(response, dict)
    return msgspec.Raw(response.content)


def _read_list(raws: Sequence[msgspec.Raw], found: dict[str, Product]) -> Batch:
    """Add the listings of a page to `found`; return the rows that could not be understood."""

    def take(body: bytes, _: Batch) -> None:
        product = wire.listed(body)
        found[product.product_no] = product

    return rows.read_rows("products", raws, take, wire.product_number)
