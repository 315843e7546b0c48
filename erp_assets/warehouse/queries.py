"""Every read of the warehouse, as a named function with a typed answer."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnClause, Connection, column, func, inspect, select, table, text

from erp_assets import clock
from erp_assets.records import LineKey, LineStatus, OptionKey

IDENTITIES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "products": {"market_products": ["product_no"], "market_skus": ["product_no", "option_no"]},
    "orders": {"market_orders": ["order_no"], "market_order_lines": ["order_no", "line_no"]},
    "claims": {"market_claims": ["claim_no", "order_no", "line_no"]},
}
"""Kind → table → what the market identifies a row by, within an account."""


class Summary(NamedTuple):
    """What is stored of one account. rejected: rows still waiting to be understood."""

    account: str
    products: int
    options: int
    orders: int
    lines: int
    claims: int
    stock: int
    prices: int
    rejected: int


def register_accounts(db: Connection, accounts: Iterable[tuple[int, str, str, bool]]) -> None:
    """Make the accounts of the settings (id, key, market, enabled) known to the database."""
    for number, key, market, enabled in accounts:
        db.execute(
            text("""
                INSERT INTO accounts AS a (id, key, market, enabled)
                VALUES (:id, :key, :market, :enabled)
                ON CONFLICT (id) DO UPDATE
                SET key = excluded.key, market = excluded.market, enabled = excluded.enabled
                WHERE ROW(a.key, a.market, a.enabled)
                    IS DISTINCT FROM ROW(excluded.key, excluded.market, excluded.enabled)
            """),
            {"id": number, "key": key, "market": market, "enabled": enabled},
        )


def option_keys(
    db: Connection, account_id: int, *, offer_before: datetime | None = None
) -> list[OptionKey]:
    """Return the options of an account that can still be bought; by listing.

    offer_before: only those whose stock and price were not read since then.
    """
    found = db.execute(
        text("""
            SELECT s.product_no, s.option_no FROM market_skus s
            LEFT JOIN market_products p USING (account_id, product_no)
            WHERE s.account_id = :account AND p.status IS DISTINCT FROM 'deleted'
            AND (CAST(:before AS timestamptz) IS NULL OR s.offer_seen_at IS NULL
                 OR s.offer_seen_at < :before)
            ORDER BY s.product_no, s.option_no
        """),
        {"account": account_id, "before": offer_before},
    )
    return [OptionKey(*row) for row in found]


def lines_in(
    db: Connection, account_id: int, statuses: Iterable[LineStatus], *, since: datetime
) -> list[LineKey]:
    """Return the lines stored in one of these states, of orders placed since then."""
    found = db.execute(
        text("""
            SELECT order_no, line_no FROM market_order_lines
            WHERE account_id = :account AND filed_at >= :since AND status = ANY(:statuses)
            ORDER BY order_no, line_no
        """),
        {"account": account_id, "since": since, "statuses": [str(it) for it in statuses]},
    )
    return [LineKey(*row) for row in found]


def wanted_orders(db: Connection, account_id: int) -> list[str]:
    """Return the orders the market is still to be asked for by number."""
    found = db.execute(
        text("""
            SELECT order_no FROM wanted_orders
            WHERE account_id = :account AND asked_at IS NULL ORDER BY order_no
        """),
        {"account": account_id},
    )
    return list(found.scalars())


def missing_days(db: Connection, account_id: int, kind: str, first: date, last: date) -> list[date]:
    """Return the KST days from `first` to `last` that were never collected to their end."""
    found = db.execute(
        text("""
            SELECT day, collected_until FROM watermarks
            WHERE account_id = :account AND kind = :kind AND day BETWEEN :first AND :last
        """),
        {"account": account_id, "kind": kind, "first": first, "last": last},
    )
    whole = {day for day, until in found if until >= clock.day_window(day).until}
    wanted = clock.days(clock.day_window(first, last))
    return [day for day in wanted if day not in whole]


def collected_until(db: Connection, account_id: int, kind: str) -> datetime | None:
    """Return how far the latest collection came; None when there was none."""
    found: datetime | None = db.execute(
        text("""
            SELECT max(collected_until) FROM watermarks
            WHERE account_id = :account AND kind = :kind
        """),
        {"account": account_id, "kind": kind},
    ).scalar_one()
    return found


def lines_not_stored(
    db: Connection, account_id: int, keys: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return those of the (order_no, line_no) that no stored line has."""
    pairs = sorted(keys)
    found = db.execute(
        text("""
            SELECT w.order_no, w.line_no
            FROM unnest(CAST(:orders AS text[]), CAST(:lines AS text[])) w (order_no, line_no)
            LEFT JOIN market_order_keys k ON (k.account_id, k.order_no) = (:account, w.order_no)
            LEFT JOIN market_order_lines l ON (l.account_id, l.order_no, l.line_no, l.filed_at)
                = (:account, w.order_no, w.line_no, k.filed_at)
            WHERE l.line_no IS NULL
        """),
        {"account": account_id, "orders": [o for o, _ in pairs], "lines": [n for _, n in pairs]},
    )
    return [(order_no, line_no) for order_no, line_no in found]


def doubled_keys(db: Connection, kind: str, *, limit: int) -> list[tuple[str, int, str]]:
    """Return (table, account_id, market's key) of what is stored more than once: none, ever.

    kind: products, orders or claims.
    """
    doubled: list[tuple[str, int, str]] = []
    for name, key in IDENTITIES[kind].items():
        columns: list[ColumnClause[Any]] = [column("account_id"), *(column(part) for part in key)]
        grouped = select(*columns).select_from(table(name)).group_by(*columns)
        found = db.execute(grouped.having(func.count() > 1).limit(limit - len(doubled)))
        doubled += [(name, account, " ".join(parts)) for account, *parts in found]
    return doubled


def rejected_by_account(db: Connection, kind: str) -> dict[str, int]:
    """Return how many rejected rows of `kind` wait, by account key; none, no entry."""
    found = db.execute(
        text("""
            SELECT a.key, count(*) FROM rejected_rows r JOIN accounts a ON a.id = r.account_id
            WHERE r.kind = :kind AND r.resolved_at IS NULL GROUP BY a.key ORDER BY a.key
        """),
        {"kind": kind},
    )
    return {str(key): int(rows) for key, rows in found}


def count_rows(db: Connection, relation: str) -> int:
    """Return how many rows a table or view of ours holds."""
    counted = select(func.count()).select_from(table(relation))
    return int(db.execute(counted).scalar_one())


def columns_of(db: Connection, relation: str) -> list[tuple[str, str]]:
    """Return name and type of each column of a table or view, in order."""
    return [(it["name"], str(it["type"])) for it in inspect(db).get_columns(relation)]


def database_now(db: Connection) -> datetime:
    """Return the database's clock."""
    now: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def summaries(db: Connection) -> Sequence[Summary]:
    """Return what is stored, one row per account that is known, in the order of their numbers."""
    found = db.execute(
        text("""
            SELECT a.key,
                (SELECT count(*) FROM market_products t WHERE t.account_id = a.id),
                (SELECT count(*) FROM market_skus t WHERE t.account_id = a.id),
                (SELECT count(*) FROM market_orders t WHERE t.account_id = a.id),
                (SELECT count(*) FROM market_order_lines t WHERE t.account_id = a.id),
                (SELECT count(*) FROM market_claims t WHERE t.account_id = a.id),
                (SELECT count(stock) FROM market_skus t WHERE t.account_id = a.id),
                (SELECT count(price) FROM market_skus t WHERE t.account_id = a.id),
                (SELECT count(*) FROM rejected_rows t
                 WHERE t.account_id = a.id AND t.resolved_at IS NULL)
            FROM accounts a ORDER BY a.id
        """)
    )
    return [Summary(*row) for row in found]
