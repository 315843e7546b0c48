"""11st's public product search: what anybody sells (OpenApiService.tmall?apiCode=ProductSearch).

Another product than the seller API, with a key of its own that stands in the query: it must not
reach a log or an error. Answers are EUC-KR XML; `SalePrice` is what a buyer pays, `ProductPrice`
what is struck through. Source: responses recorded by public clients, read 2026-11-25.
"""

from collections.abc import Sequence

import httpx

from erp_assets.errors import (
    BadPayload,
    BadRow,
    MarketBusy,
    MarketDenied,
    MarketDown,
    MarketRejected,
)
from erp_assets.markets.eleven import wire, xml
from erp_assets.records import FoundOffer

URL = "https://openapi.11st.co.kr/openapi/OpenApiService.tmall"
MOST = 50
"""Offers asked for per search, cheapest first."""
TRAFFIC = "004"
REMEDY = "Check the key of 11st's public search at openapi.11st.co.kr."


class ElevenSearch:
    """Searches by words. key: of the public search, never shown."""

    name = "11st"

    def __init__(
        self, key: str, *, url: str = URL, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._key = key
        self._url = url
        self._client = httpx.Client(transport=transport, timeout=30)

    def __repr__(self) -> str:
        """Name the search, not the key."""
        return "ElevenSearch()"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def offers(self, words: str) -> Sequence[FoundOffer]:
        """Return the offers found, cheapest first; those without number or price are left out.

        Raises: MarketDenied, MarketRejected, MarketBusy, MarketDown, BadPayload.
        """
        query = {
            "key": self._key,
            "apiCode": "ProductSearch",
            "keyword": words,
            "sortCd": "L",
            "pageSize": str(MOST),
        }
        try:
            answer = self._client.get(self._url, params=query)
        except httpx.HTTPError as error:
            raise MarketDown(f"11st's search did not answer: {type(error).__name__}") from None
        if answer.status_code == 429:
            raise MarketBusy("11st's search: too many calls")
        if answer.status_code in (401, 403):
            raise MarketDenied("11st's search refuses the key", remedy=REMEDY)
        if answer.status_code != 200:
            raise MarketDown(f"11st's search answered {answer.status_code}")
        return sorted(self._found(answer.content), key=lambda it: it.price)

    def _found(self, body: bytes) -> list[FoundOffer]:
        root = xml.parse(body)
        products = next(xml.children(root, "Products"), None)
        if products is None:
            raise self._refusal(root)
        found = []
        for element in xml.children(products, "Product"):
            row = xml.row(element)
            try:
                price = wire.whole(row, "SalePrice" if "SalePrice" in row else "ProductPrice")
                number = wire.number_of(row, "ProductCode")
            except BadRow:
                continue
            name, seller = row.get("ProductName", ""), row.get("SellerNick", "")
            found.append(FoundOffer(number, name, price, seller, row.get("DetailPageUrl")))
        return [offer for offer in found if offer.price > 0]

    def _refusal(self, root: xml.Element) -> Exception:
        told = xml.row(next(xml.children(root, "Error"), root))
        code = told.get("ErrorCode") or told.get("Code") or ""
        message = (told.get("ErrorMessage") or told.get("Message") or "")[:200]
        message = message.replace(self._key, "***")
        if not code:
            return BadPayload("11st's search answered neither products nor an error")
        if code == TRAFFIC:
            return MarketBusy(f"11st's search: {message}")
        return MarketRejected(f"11st's search: {message}", code=code)
