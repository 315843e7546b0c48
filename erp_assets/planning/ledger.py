"""The seller's own stock, as an append-only ledger in pieces per SKU.

    on hand   = the sum of the ledger: what is in the house and promised to nobody
    available = on hand − reserved − safety stock

A paid order takes its pieces from the ledger at once, so pieces sold and not yet shipped are gone
from `on hand` already. `reserved` holds what the ledger does not: pieces of orders that wait for
their payment. Safety stock belongs to the policies and is subtracted there.

An opening count makes the stock of a SKU known; like every count it is of pieces promised to
nobody. Only lines ordered after it are posted. Each line is posted as the difference between what
the ledger holds of it and what it comes to now, so repeats and any order of arrival end the same:
quantity × pieces as sale, what was cancelled or came back for good as cancel and return. An
exchange changes nothing: one piece goes, one comes.
"""

from collections.abc import Collection

from sqlalchemy import Connection

from erp_assets.warehouse import stock_ledger
from erp_assets.warehouse.stock_ledger import Balance, Posting

__all__ = ["Balance", "Posting", "balances", "post_movements"]


def post_movements(db: Connection, *, run_id: str | None = None, whole: bool = False) -> Posting:
    """Post sales, cancels and returns of mapped options to the ledger, in the caller's transaction.

    Looks at lines and claims that changed since the last call, and at all lines of options mapped,
    or of SKUs counted, since then. Commit soon: other writers of the ledger wait.

    whole: look at every line; for doubts, never needed.
    Returns: Posting — `skus` are those whose stock changed: what is to be pushed to the markets.
    """
    return stock_ledger.post_lines(db, run_id=run_id, whole=whole)


def balances(db: Connection, skus: Collection[int] | None = None) -> list[Balance]:
    """Return on hand and reserved of these SKUs, or of all, by code; counted_at None = unknown."""
    return stock_ledger.balances(db, skus)
