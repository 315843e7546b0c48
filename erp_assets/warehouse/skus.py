"""The seller's SKUs and which of them each option consists of: reads and writes by the set."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Connection, text

from erp_assets.warehouse import tables
from erp_assets.warehouse.staging import (
    Row,
    Stage,
    copy_rows,
    raw_connection,
    refresh_statistics,
    stage_of,
)

OptionId = tuple[int, str, str]
"""account_id, product_no, option_no."""


class Sku(NamedTuple):
    """A stock keeping unit of the seller's own."""

    id: int
    code: str
    name: str
    barcode: str | None


class SkuRow(NamedTuple):
    """A SKU as a file names it."""

    code: str
    name: str
    barcode: str | None


class ListedOption(NamedTuple):
    """An option of a market as far as mapping needs it. account: its key."""

    account_id: int
    account: str
    product_no: str
    option_no: str
    name: str
    seller_code: str | None
    barcode: str | None

    @property
    def key(self) -> OptionId:
        """What names the option."""
        return self.account_id, self.product_no, self.option_no


class Link(NamedTuple):
    """One SKU inside an option. source: code, barcode, file or hand."""

    account_id: int
    product_no: str
    option_no: str
    sku_id: int
    pieces: int
    source: str


class MappedOption(NamedTuple):
    """An option and one SKU inside it; code and pieces None where none is known."""

    account: str
    product_no: str
    option_no: str
    code: str | None
    pieces: int | None
    name: str
    seller_code: str | None
    barcode: str | None


SKU_ROWS = stage_of(SkuRow, tables.skus, "stage_skus")
LINKS = stage_of(Link, tables.sku_listings, "stage_links")
OPTION_IDS = Stage(
    "stage_options", [("account_id", "integer"), ("product_no", "text"), ("option_no", "text")]
)

_LISTED = """
    FROM market_skus s JOIN accounts a ON a.id = s.account_id
    LEFT JOIN market_products p USING (account_id, product_no)
"""


def skus(db: Connection, codes: Sequence[str] | None = None) -> list[Sku]:
    """Return the SKUs with these codes, or all, by code."""
    found = db.execute(
        text("""
            SELECT id, code, name, barcode FROM skus
            WHERE CAST(:codes AS text[]) IS NULL OR code = ANY(CAST(:codes AS text[]))
            ORDER BY code
        """),
        {"codes": None if codes is None else list(codes)},
    )
    return [Sku(*row) for row in found]


def options_per_sku(db: Connection) -> dict[int, int]:
    """Return how many options each SKU is part of; none, no item."""
    found = db.execute(text("SELECT sku_id, count(*) FROM sku_listings GROUP BY sku_id"))
    return {int(sku): int(options) for sku, options in found}


def account_ids(db: Connection) -> dict[str, int]:
    """Return the number of each account by its key."""
    return {
        str(key): int(number) for key, number in db.execute(text("SELECT key, id FROM accounts"))
    }


def unmapped_options(db: Connection) -> list[ListedOption]:
    """Return the options that no SKU stands behind, but for those of deleted listings."""
    found = db.execute(
        text(f"""
            SELECT s.account_id, a.key, s.product_no, s.option_no, s.name,
                   coalesce(s.seller_code, CASE WHEN NOT EXISTS (
                       SELECT FROM market_skus o
                       WHERE (o.account_id, o.product_no) = (s.account_id, s.product_no)
                       AND o.option_no <> s.option_no
                   ) THEN p.seller_code END), s.barcode
            {_LISTED}
            WHERE p.status IS DISTINCT FROM 'deleted' AND NOT EXISTS (
                SELECT FROM sku_listings m
                WHERE (m.account_id, m.product_no, m.option_no)
                    = (s.account_id, s.product_no, s.option_no)
            )
            ORDER BY s.account_id, s.product_no, s.option_no
        """)  # noqa: S608 - a constant
    )
    return [ListedOption(*row) for row in found]


def taken(db: Connection) -> list[tuple[int, str, int]]:
    """Return (account_id, product_no, sku_id) of every mapping there is."""
    found = db.execute(text("SELECT DISTINCT account_id, product_no, sku_id FROM sku_listings"))
    return [(account, product, sku) for account, product, sku in found]


def waiting_lines(db: Connection) -> dict[OptionId, int]:
    """Return how many order lines each option without a mapping has."""
    found = db.execute(
        text("""
            SELECT account_id, product_no, option_no, count(*) FROM market_order_lines l
            WHERE option_no IS NOT NULL AND NOT EXISTS (
                SELECT FROM sku_listings m
                WHERE (m.account_id, m.product_no, m.option_no)
                    = (l.account_id, l.product_no, l.option_no)
            )
            GROUP BY 1, 2, 3
        """)
    )
    return {(account, product, option): lines for account, product, option, lines in found}


def known_options(db: Connection, options: Iterable[OptionId]) -> set[OptionId]:
    """Return those of the options that some market lists."""
    below = raw_connection(db)
    wanted = sorted(set(options))
    copy_rows(below, OPTION_IDS, wanted)
    refresh_statistics(below, OPTION_IDS.name, len(wanted))
    found = below.execute("""
        SELECT account_id, product_no, option_no
        FROM stage_options JOIN market_skus USING (account_id, product_no, option_no)
    """)
    return {(account, product, option) for account, product, option in found}


def mapped_options(db: Connection) -> list[MappedOption]:
    """Return every option of a market with each SKU inside it, unmapped ones with none."""
    found = db.execute(
        text(f"""
            SELECT a.key, s.product_no, s.option_no, k.code, m.pieces, s.name, s.seller_code,
                   s.barcode
            {_LISTED}
            LEFT JOIN sku_listings m USING (account_id, product_no, option_no)
            LEFT JOIN skus k ON k.id = m.sku_id
            WHERE p.status IS DISTINCT FROM 'deleted' OR k.id IS NOT NULL
            ORDER BY s.account_id, s.product_no, s.option_no, k.code
        """)  # noqa: S608 - a constant
    )
    return [MappedOption(*row) for row in found]


def links_of(db: Connection, option: OptionId) -> list[tuple[str, int]]:
    """Return (code, pieces) of the SKUs inside an option."""
    found = db.execute(
        text("""
            SELECT k.code, m.pieces FROM sku_listings m JOIN skus k ON k.id = m.sku_id
            WHERE (m.account_id, m.product_no, m.option_no) = (:account, :product, :option)
            ORDER BY k.code
        """),
        dict(zip(("account", "product", "option"), option, strict=True)),
    )
    return [(code, pieces) for code, pieces in found]


def add_links(db: Connection, links: Sequence[Link]) -> int:
    """Map options that nobody mapped meanwhile; return how many rows were added."""
    below = _staged(db, links)
    below.execute("""
        DELETE FROM stage_links s USING sku_listings m
        WHERE (m.account_id, m.product_no, m.option_no)
            = (s.account_id, s.product_no, s.option_no)
    """)
    added = below.execute("""
        INSERT INTO sku_listings (account_id, product_no, option_no, sku_id, pieces, source)
        SELECT * FROM stage_links ON CONFLICT DO NOTHING
    """).rowcount
    refresh_statistics(below, "sku_listings", added)
    return added


def replace_links(db: Connection, links: Sequence[Link]) -> int:
    """Let the options of `links` consist of exactly these SKUs; return how many were new.

    A row that is there already, pieces and all, is left alone and not counted.
    """
    below = _staged(db, links)
    below.execute("""
        DELETE FROM sku_listings m USING (
            SELECT DISTINCT account_id, product_no, option_no FROM stage_links
        ) o
        WHERE (m.account_id, m.product_no, m.option_no)
            = (o.account_id, o.product_no, o.option_no)
        AND NOT EXISTS (
            SELECT FROM stage_links s WHERE (s.account_id, s.product_no, s.option_no, s.sku_id)
                = (m.account_id, m.product_no, m.option_no, m.sku_id)
        )
    """)
    put = below.execute("""
        INSERT INTO sku_listings AS m (account_id, product_no, option_no, sku_id, pieces, source)
        SELECT * FROM stage_links
        ON CONFLICT (account_id, product_no, option_no, sku_id) DO UPDATE
        SET pieces = excluded.pieces, source = excluded.source, mapped_at = now()
        WHERE m.pieces <> excluded.pieces
    """).rowcount
    refresh_statistics(below, "sku_listings", put)
    return put


def remove_links(db: Connection, option: OptionId) -> int:
    """Let no SKU stand behind an option; return how many did."""
    return db.execute(
        text("""
            DELETE FROM sku_listings
            WHERE (account_id, product_no, option_no) = (:account, :product, :option)
        """),
        dict(zip(("account", "product", "option"), option, strict=True)),
    ).rowcount


def upsert_skus(db: Connection, rows: Sequence[SkuRow]) -> Mapping[str, int]:
    """Add SKUs or change name and barcode of those there; return counts `added`, `changed`.

    A barcode of None leaves the one that is stored.
    """
    below = raw_connection(db)
    copy_rows(below, SKU_ROWS, rows)
    refresh_statistics(below, SKU_ROWS.name, len(rows))
    changed = below.execute("""
        UPDATE skus k SET name = s.name, barcode = coalesce(s.barcode, k.barcode)
        FROM stage_skus s WHERE s.code = k.code
        AND (k.name, k.barcode) IS DISTINCT FROM (s.name, coalesce(s.barcode, k.barcode))
    """).rowcount
    added = below.execute("""
        INSERT INTO skus (code, name, barcode) SELECT code, name, barcode FROM stage_skus
        ON CONFLICT (code) DO NOTHING
    """).rowcount
    refresh_statistics(below, "skus", added)
    return {"added": added, "changed": changed}


def _staged(db: Connection, links: Sequence[Row]) -> psycopg.Connection[Any]:
    below = raw_connection(db)
    copy_rows(below, LINKS, links)
    refresh_statistics(below, LINKS.name, len(links))
    return below
