"""A small shop in the database: SKUs, listings with prices, rules, competitors."""

from datetime import timedelta

from sqlalchemy import text

from erp_assets.records import Batch, CompetitorPrice
from erp_assets.warehouse import price_plans, price_queries
from erp_assets.warehouse.loading import load
from erp_assets_tests.planning.pricing import NOW
from erp_assets_tests.warehouse.rows import offer, option, product

RULE = {"opt_in": True, "cost": 6_000, "fee_rate": "0.1", "mode": "fixed", "price": 9_000}


class Shop:
    """Writes what a test needs and reads what came of it, each in a transaction of its own."""

    def __init__(self, warehouse):
        self.warehouse = warehouse

    def do(self, action, *arguments, **options):
        with self.warehouse.transaction() as db:
            return action(db, *arguments, **options)

    def sql(self, statement, **values):
        with self.warehouse.transaction() as db:
            found = db.execute(text(statement), values)
            return [tuple(row) for row in found] if found.returns_rows else None

    def sku(self, code="S-1"):
        return self.sql("INSERT INTO skus (code, name) VALUES (:c, :c) RETURNING id", c=code)[0][0]

    def lists(self, sku_id, price=10_000, *, account=1, product_no="7", option_no="70", pieces=1):
        """List an option of a SKU as the market shows it, read a minute ago."""
        batch = Batch(
            products=[product(product_no)],
            options=[option(product_no, option_no)],
            offers=[offer(product_no, option_no, price=price)],
        )
        with self.warehouse.transaction() as db:
            load(db, account_id=account, kind="products", batch=batch)
        self.read_at(NOW - timedelta(minutes=1))
        self.sql(
            "INSERT INTO sku_listings VALUES (:a, :p, :o, :s, :n)",
            a=account,
            p=product_no,
            o=option_no,
            s=sku_id,
            n=pieces,
        )

    def read_at(self, moment):
        self.sql("UPDATE market_skus SET offer_seen_at = :at", at=moment)

    def shows(self, price, option_no="70"):
        """Let the market show another price."""
        self.sql("UPDATE market_skus SET price = :p WHERE option_no = :o", p=price, o=option_no)

    def rule(self, sku_id=None, **values):
        told = dict.fromkeys(price_queries.RULE_COLUMNS) | {"is_active": True, "pieces": 1}
        row = told | {"sku_id": sku_id} | (RULE if sku_id else {}) | values
        self.do(price_queries.add_rules, [row])
        return self.sql("SELECT max(id) FROM price_rules")[0][0]

    def competes(self, sku_id, price, *, hours=1, competitor="옆가게", pieces=1):
        seen = NOW - timedelta(hours=hours)
        found = CompetitorPrice(sku_id, pieces, "file", competitor, price, seen)
        return self.do(price_queries.store_competitors, [found], now=NOW)

    def plans(self, **wanted):
        return self.do(price_plans.plans, **wanted)
