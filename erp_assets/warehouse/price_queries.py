"""What prices are decided from: rules, options, competitors, changes. No statement per row."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, text

from erp_assets.records import CompetitorPrice

T = TypeVar("T")
ROWS = 5_000
"""Rows that one statement stores."""
RULE_COLUMNS: Mapping[str, str] = {
    "name": "text",
    "is_active": "boolean",
    "sku_id": "int",
    "pieces": "int",
    "category": "text",
    "account_id": "int",
    "market": "text",
    "cost": "bigint",
    "fee_rate": "numeric",
    "min_margin": "bigint",
    "min_margin_rate": "numeric",
    "floor": "bigint",
    "ceiling": "bigint",
    "mode": "text",
    "price": "bigint",
    "undercut_amount": "bigint",
    "undercut_rate": "numeric",
    "run_change_rate": "numeric",
    "day_change_rate": "numeric",
    "cooldown_minutes": "int",
    "opt_in": "boolean",
    "quiet_from": "time",
    "quiet_until": "time",
    "competitor_hours": "int",
    "band_low": "numeric",
    "band_high": "numeric",
    "search_text": "text",
}
"""Columns of price_rules that people set → their type."""


class ListedRow(NamedTuple):
    """An option with its price. skus, pieces: what it consists of; empty when not mapped."""

    account_id: int
    market: str
    product_no: str
    option_no: str
    price: int | None
    seen_at: datetime | None
    category: str | None
    skus: list[int]
    pieces: list[int]


class ChangeRow(NamedTuple):
    """A price of ours that a market took."""

    product_no: str
    option_no: str
    set_at: datetime
    before: int
    after: int


class WantedRow(NamedTuple):
    """A SKU whose competitors are to be searched for."""

    sku_id: int
    code: str
    pieces: int
    search_text: str


def rules(db: Connection, *, only_active: bool = False) -> list[dict[str, Any]]:
    """Return price_rules by id: id, `RULE_COLUMNS`, and sku (code) and account (key)."""
    names = ", ".join(f"r.{name}" for name in RULE_COLUMNS)
    found = db.execute(
        text(f"""
            SELECT r.id, {names}, k.code AS sku, a.key AS account
            FROM price_rules r
            LEFT JOIN skus k ON k.id = r.sku_id
            LEFT JOIN accounts a ON a.id = r.account_id
            WHERE r.is_active OR NOT :only ORDER BY r.id
        """),  # noqa: S608 - names of this module
        {"only": only_active},
    )
    return [dict(row) for row in found.mappings()]


def update_rules(db: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Set the rules whose `id` a row names to all of its `RULE_COLUMNS`; return how many."""
    sets = ", ".join(f"{name} = n.{name}" for name in RULE_COLUMNS)
    changed = 0
    for part in parts(rows):
        done = db.execute(
            text(f"""
                UPDATE price_rules r SET {sets}, changed_at = now()
                FROM {recordset({"id": "int", **RULE_COLUMNS})} WHERE r.id = n.id
            """),  # noqa: S608 - names of this module
            {"rows": as_json(part)},
        )
        changed += done.rowcount
    return changed


def add_rules(db: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add rules of `RULE_COLUMNS`; return how many."""
    names = ", ".join(RULE_COLUMNS)
    for part in parts(rows):
        db.execute(
            text(
                f"INSERT INTO price_rules ({names}) SELECT {names} FROM {recordset(RULE_COLUMNS)}"  # noqa: S608
            ),
            {"rows": as_json(part)},
        )
    return len(rows)


def sku_ids(db: Connection) -> dict[str, int]:
    """Return the number of each SKU by its code."""
    found = db.execute(text("SELECT code, id FROM skus"))
    return {str(code): int(number) for code, number in found}


def accounts(db: Connection) -> dict[str, int]:
    """Return the number of each enabled account by its key."""
    found = db.execute(text("SELECT key, id FROM accounts WHERE enabled ORDER BY id"))
    return {str(key): int(number) for key, number in found}


def listed(
    db: Connection, account_id: int, *, product_nos: Iterable[str] | None = None
) -> list[ListedRow]:
    """Return the options of an account that are not gone, by listing. product_nos: only these."""
    found = db.execute(
        text("""
            WITH inside AS (
                SELECT product_no, option_no, array_agg(sku_id ORDER BY sku_id) AS skus,
                    array_agg(pieces ORDER BY sku_id) AS pieces
                FROM sku_listings WHERE account_id = :account GROUP BY product_no, option_no
            )
            SELECT s.account_id, a.market, s.product_no, s.option_no, s.price, s.offer_seen_at,
                p.category, coalesce(i.skus, '{}'), coalesce(i.pieces, '{}')
            FROM market_skus s
            JOIN accounts a ON a.id = s.account_id
            LEFT JOIN market_products p USING (account_id, product_no)
            LEFT JOIN inside i USING (product_no, option_no)
            WHERE s.account_id = :account
            AND (CAST(:products AS text[]) IS NULL OR s.product_no = ANY(:products))
            AND coalesce(p.status, '') NOT IN ('deleted', 'ended', 'banned')
            ORDER BY s.product_no, s.option_no
        """),
        {"account": account_id, "products": None if product_nos is None else list(product_nos)},
    )
    return [ListedRow(*row) for row in found]


def competitors(db: Connection, account_id: int) -> list[CompetitorPrice]:
    """Return what competitors ask for the SKUs that an account sells, by SKU."""
    found = db.execute(
        text("""
            SELECT sku_id, pieces, source, competitor, price, seen_at, url
            FROM competitor_prices
            WHERE sku_id IN (SELECT sku_id FROM sku_listings WHERE account_id = :account)
            ORDER BY sku_id, pieces, price
        """),
        {"account": account_id},
    )
    return [CompetitorPrice(*row) for row in found]


def store_competitors(db: Connection, prices: Iterable[CompetitorPrice], *, now: datetime) -> int:
    """Keep the newest price of each offer; return how many are new or newer than what was known."""
    newest: dict[tuple[object, ...], CompetitorPrice] = {}
    for price in sorted(prices, key=lambda it: it.seen_at):
        newest[price.sku_id, price.pieces, price.source, price.competitor] = price
    kinds = {
        "sku_id": "int",
        "pieces": "int",
        "source": "text",
        "competitor": "text",
        "price": "bigint",
        "seen_at": "timestamptz",
        "url": "text",
    }
    names = ", ".join(kinds)
    stored = 0
    for part in parts(newest.values()):
        done = db.execute(
            text(f"""
                INSERT INTO competitor_prices AS c ({names}, stored_at)
                SELECT {names}, CAST(:now AS timestamptz) FROM {recordset(kinds)}
                ON CONFLICT (sku_id, pieces, source, competitor) DO UPDATE
                SET price = excluded.price, url = excluded.url, seen_at = excluded.seen_at,
                    stored_at = excluded.stored_at
                WHERE c.seen_at < excluded.seen_at
            """),  # noqa: S608 - names of this module
            {"rows": as_json([it._asdict() for it in part]), "now": now},
        )
        stored += done.rowcount
    return stored


def wanted(db: Connection) -> list[WantedRow]:
    """Return the SKUs that a rule says words for, by id."""
    found = db.execute(
        text("""
            SELECT DISTINCT ON (r.sku_id, r.pieces) r.sku_id, k.code, r.pieces, r.search_text
            FROM price_rules r JOIN skus k ON k.id = r.sku_id
            WHERE r.is_active AND btrim(r.search_text) <> ''
            ORDER BY r.sku_id, r.pieces, r.id
        """)
    )
    return [WantedRow(*row) for row in found]


def own_listings(db: Connection, market: str) -> set[str]:
    """Return the numbers of our own listings at a market, whichever account has them."""
    found = db.execute(
        text("""
            SELECT product_no FROM market_products p JOIN accounts a ON a.id = p.account_id
            WHERE a.market = :market
        """),
        {"market": market},
    )
    return set(found.scalars())


def changes(db: Connection, account_id: int, *, since: datetime) -> list[ChangeRow]:
    """Return the changes of each option since then, and its last one before; oldest first."""
    found = db.execute(
        text("""
            SELECT product_no, option_no, set_at, before, after FROM price_history
            WHERE account_id = :account AND set_at >= :since
            UNION ALL
            (SELECT DISTINCT ON (product_no, option_no)
                product_no, option_no, set_at, before, after
             FROM price_history WHERE account_id = :account AND set_at < :since
             ORDER BY product_no, option_no, set_at DESC)
            ORDER BY set_at
        """),
        {"account": account_id, "since": since},
    )
    return [ChangeRow(*row) for row in found]


def recordset(kinds: Mapping[str, str]) -> str:
    """Return the rows of the JSON `:rows` as a relation n with these columns."""
    columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS n ({columns})"


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as the JSON that `recordset` reads."""
    return json.dumps(list(rows), default=str, ensure_ascii=False)


def parts(rows: Iterable[T]) -> Iterator[list[T]]:
    """Cut rows into lists that one statement each stores."""
    left = iter(rows)
    while part := list(islice(left, ROWS)):
        yield part
