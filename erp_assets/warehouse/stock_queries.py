"""Every read and write of stock planning, one statement each, with the rows it is about."""

from enum import StrEnum
from typing import NamedTuple


class PolicyKind(StrEnum):
    """How a listing takes part in the stock of its SKU."""

    SHARED = "shared"
    WEIGHTED = "weighted"
    EXCLUDED = "excluded"


class Policy(NamedTuple):
    """How listings within a scope show stock; all numbers are pieces of the SKU, none negative.

    sku_id, category, account_id: the scope; None = any. Never both sku_id and category.
    weight: share of a `weighted` listing beside the others of its SKU.
    cap: most pieces to show. buffer: pieces held back. stop_at: at or below, 0 is shown.
    """

    id: int
    sku_id: int | None = None
    category: str | None = None
    account_id: int | None = None
    kind: PolicyKind = PolicyKind.SHARED
    weight: int = 1
    cap: int | None = None
    buffer: int = 0
    stop_at: int = 0


class Position(NamedTuple):
    """The stock of one SKU, in pieces.

    on_hand: sum of the ledger; None while it holds nothing of the SKU.
    reserved: sold and not yet booked out. safety: never to be sold.
    low_at, cover_days: when stock counts as low; None = as for every SKU.
    """

    sku_id: int
    on_hand: int | None
    reserved: int = 0
    safety: int = 0
    category: str | None = None
    low_at: int | None = None
    cover_days: int | None = None


ListingKey = tuple[int, str, str]
"""(account_id, product_no, option_no)."""


class Listing(NamedTuple):
    """One option of a listing at a market; the first three fields are its key.

    parts: (sku_id, pieces in one sold unit), each SKU once, pieces > 0; several = a bundle.
    shown: units the market showed when last read; None = never read.
    on_sale: can it be bought, stock aside?
    """

    account_id: int
    product_no: str
    option_no: str
    market: str
    parts: tuple[tuple[int, int], ...]
    shown: int | None
    on_sale: bool = True

    @property
    def key(self) -> ListingKey:
        """Return what names the option everywhere."""
        return self[:3]
