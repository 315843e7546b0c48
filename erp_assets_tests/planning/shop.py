"""A seller's SKUs, mappings and counts in a test's database, and the loading of market rows."""

from datetime import timedelta

from sqlalchemy import text

from erp_assets.planning import ledger
from erp_assets.records import Batch
from erp_assets.warehouse import stock_ledger
from erp_assets.warehouse.loading import load
from erp_assets.warehouse.stock_ledger import Entry
from erp_assets_tests.warehouse import rows

COUNTED = rows.PLACED - timedelta(days=1)


class Shop:
    """Speaks in SKU codes and order numbers; account 1, listing 7 unless said."""

    def __init__(self, warehouse):
        self.warehouse = warehouse

    def sql(self, statement, **values):
        with self.warehouse.transaction() as db:
            done = db.execute(text(statement), values)
            return [tuple(row) for row in done] if done.returns_rows else []

    def sku(self, code, barcode=None):
        [(number,)] = self.sql(
            "INSERT INTO skus (code, name, barcode) VALUES (:code, :code, :barcode) RETURNING id",
            code=code,
            barcode=barcode,
        )
        return number

    def map(self, option_no, *, product_no="7", account=1, **pieces):
        for code, number in pieces.items():
            self.sql(
                "INSERT INTO sku_listings (account_id, product_no, option_no, sku_id, pieces) "
                "SELECT :account, :product, :option, id, :pieces FROM skus WHERE code = :code",
                account=account,
                product=product_no,
                option=option_no,
                pieces=number,
                code=code,
            )

    def count(self, code, quantity, at=COUNTED):
        [(number,)] = self.sql("SELECT id FROM skus WHERE code = :code", code=code)
        with self.warehouse.transaction() as db:
            entry = Entry(number, at, "opening", quantity, f"opening:{number}")
            return stock_ledger.add_entries(db, [entry])

    def load(self, account=1, **batch):
        with self.warehouse.transaction() as db:
            load(db, account_id=account, kind="orders", batch=Batch(**batch))

    def order(self, order_no, account=1, **values):
        line = rows.line(order_no, **values)
        order = rows.order(order_no, ordered_at=line.ordered_at)
        self.load(account, orders=[order], lines=[line])

    def claim(self, claim_no, order_no, account=1, **values):
        self.load(account, claims=[rows.claim(claim_no, order_no, **values)])

    def post(self, **how):
        """Post, and let the next posting look back no further than it must."""
        with self.warehouse.transaction() as db:
            done = ledger.post_movements(db, **how)
        self.sql("UPDATE stock_progress SET posted_until = now()")
        return done

    def stock(self, code):
        """(on hand, reserved) of a SKU."""
        with self.warehouse.transaction() as db:
            found = {it.code: (it.on_hand, it.reserved) for it in ledger.balances(db)}
        return found[code]

    def entries(self, code):
        return self.sql(
            "SELECT l.kind, l.quantity FROM stock_ledger l JOIN skus k ON k.id = l.sku_id "
            "WHERE k.code = :code ORDER BY l.id",
            code=code,
        )
