"""Make the warehouse: tables as in warehouse/tables.py, and the views that read them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

VIEWS = (
    """
    CREATE VIEW unmapped_listings AS
    SELECT account_id, product_no, option_no, name, seller_code, barcode
    FROM market_skus s
    WHERE NOT EXISTS (
        SELECT FROM sku_listings m
        WHERE (m.account_id, m.product_no, m.option_no) = (s.account_id, s.product_no, s.option_no)
    )
    """,
    "COMMENT ON VIEW unmapped_listings IS 'Options of the markets that no SKU stands behind yet'",
    """
    CREATE VIEW order_lines_with_skus AS
    SELECT a.key AS account, a.market, l.*, s.barcode, s.stock AS stock_now, s.price AS price_now,
           m.sku_id, k.code AS sku_code, m.pieces AS sku_pieces,
           l.quantity * m.pieces AS sku_quantity
    FROM market_order_lines l
    JOIN accounts a ON a.id = l.account_id
    LEFT JOIN market_skus s
        ON (s.account_id, s.product_no, s.option_no) = (l.account_id, l.product_no, l.option_no)
    LEFT JOIN sku_listings m
        ON (m.account_id, m.product_no, m.option_no) = (l.account_id, l.product_no, l.option_no)
    LEFT JOIN skus k ON k.id = m.sku_id
    """,
    """
    COMMENT ON VIEW order_lines_with_skus IS
    'Order lines with the option as it is now and the SKUs inside; a bundle has a row per SKU'
    """,
    """
    CREATE VIEW stock_positions AS
    SELECT a.key AS account, a.market, s.product_no, s.option_no, s.name, s.seller_code,
           s.stock, s.on_sale, s.offer_seen_at, coalesce(o.to_ship, 0) AS to_ship,
           coalesce(o.in_claim, 0) AS in_claim
    FROM market_skus s
    JOIN accounts a ON a.id = s.account_id
    LEFT JOIN (
        SELECT account_id, product_no, option_no,
               sum(quantity - coalesce(held_quantity, 0) - coalesce(cancelled_quantity, 0))
                   FILTER (WHERE status IN ('new', 'confirmed')) AS to_ship,
               sum(coalesce(held_quantity, 0)) AS in_claim
        FROM market_order_lines GROUP BY 1, 2, 3
    ) o ON (o.account_id, o.product_no, o.option_no) = (s.account_id, s.product_no, s.option_no)
    """,
    """
    COMMENT ON VIEW stock_positions IS
    'Stock of each option at its market, what of it is sold but not shipped, and what is in claims'
    """,
)


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column(
            "id", sa.Integer(), autoincrement=False, nullable=False, comment="As in the settings"
        ),
        sa.Column("key", sa.Text(), nullable=False, comment="Name in partitions and logs"),
        sa.Column("market", sa.Text(), nullable=False, comment="coupang, naver or eleven"),
        sa.Column(
            "enabled", sa.Boolean(), nullable=False, comment="Does it take part in collections?"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("accounts_pkey")),
        sa.UniqueConstraint("key", name=op.f("accounts_key_key")),
        comment="Seller accounts, as the settings name them",
    )
    op.create_table(
        "market_order_keys",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column(
            "order_no", sa.Text(), nullable=False, comment="Number of the order at the market"
        ),
        sa.Column(
            "filed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Partition key of the order and its lines; never changes",
        ),
        sa.PrimaryKeyConstraint("account_id", "order_no", name=op.f("market_order_keys_pkey")),
        comment="One row per order: where it is filed",
    )
    op.create_table(
        "market_order_lines",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column(
            "order_no", sa.Text(), nullable=False, comment="Number of the order at the market"
        ),
        sa.Column(
            "line_no", sa.Text(), nullable=False, comment="Number of the line within the order"
        ),
        sa.Column(
            "filed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Partition key: ordered_at as first reported",
        ),
        sa.Column(
            "ordered_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the order was placed",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="new, confirmed, shipped, delivered, completed, cancelled, …",
        ),
        sa.Column(
            "market_status", sa.Text(), nullable=False, comment="State in the market's own words"
        ),
        sa.Column("product_no", sa.Text(), nullable=False, comment="Listing bought"),
        sa.Column(
            "product_name", sa.Text(), nullable=False, comment="Name at the time of the order"
        ),
        sa.Column("quantity", sa.Integer(), nullable=False, comment="Pieces bought; never shrinks"),
        sa.Column(
            "unit_price",
            sa.BigInteger(),
            nullable=False,
            comment="Price of one piece before discounts, KRW with VAT",
        ),
        sa.Column(
            "amount", sa.BigInteger(), nullable=False, comment="unit_price x quantity, KRW with VAT"
        ),
        sa.Column("option_no", sa.Text(), nullable=True, comment="Option bought"),
        sa.Column(
            "option_name",
            sa.Text(),
            nullable=True,
            comment="Name of the option at the time of the order",
        ),
        sa.Column(
            "seller_code",
            sa.Text(),
            nullable=True,
            comment="The seller's own code at the time of the order",
        ),
        sa.Column("held_quantity", sa.Integer(), nullable=True, comment="Pieces in an open claim"),
        sa.Column(
            "cancelled_quantity",
            sa.Integer(),
            nullable=True,
            comment="Pieces cancelled or returned for good",
        ),
        sa.Column(
            "seller_discount",
            sa.BigInteger(),
            nullable=True,
            comment="Discount the seller pays, of the line, KRW with VAT",
        ),
        sa.Column(
            "market_discount",
            sa.BigInteger(),
            nullable=True,
            comment="Discount the market pays, of the line, KRW with VAT",
        ),
        sa.Column(
            "shipment_no", sa.Text(), nullable=True, comment="Box or bundle the line ships in"
        ),
        sa.Column(
            "shipping_fee",
            sa.BigInteger(),
            nullable=True,
            comment="Fee of the whole shipment; count it once per shipment_no, KRW with VAT",
        ),
        sa.Column(
            "ship_by", sa.DateTime(timezone=True), nullable=True, comment="Promised ship-by time"
        ),
        sa.Column(
            "carrier", sa.Text(), nullable=True, comment="Carrier, the market's code or name"
        ),
        sa.Column("invoice_no", sa.Text(), nullable=True, comment="Tracking number"),
        sa.Column(
            "confirmed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the seller confirmed",
        ),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True, comment="When it left"),
        sa.Column(
            "delivered_at", sa.DateTime(timezone=True), nullable=True, comment="When it arrived"
        ),
        sa.Column(
            "completed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the purchase was confirmed",
        ),
        sa.Column("receiver_name", sa.Text(), nullable=True, comment="Receiver"),
        sa.Column("receiver_phone", sa.Text(), nullable=True, comment="Receiver's telephone"),
        sa.Column("postcode", sa.Text(), nullable=True, comment="Postcode"),
        sa.Column("address", sa.Text(), nullable=True, comment="Address"),
        sa.Column("delivery_note", sa.Text(), nullable=True, comment="Note to the carrier"),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When this row was first stored",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When a value of this row last changed",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "order_no", "line_no", "filed_at", name=op.f("market_order_lines_pkey")
        ),
        comment="One row per (account, order, line)",
        postgresql_partition_by="RANGE (filed_at)",
    )
    op.create_table(
        "market_orders",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column(
            "order_no", sa.Text(), nullable=False, comment="Number of the order at the market"
        ),
        sa.Column(
            "filed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Partition key: ordered_at as first reported",
        ),
        sa.Column(
            "ordered_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the order was placed",
        ),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True, comment="When it was paid"),
        sa.Column("buyer_name", sa.Text(), nullable=True, comment="Buyer"),
        sa.Column(
            "buyer_phone",
            sa.Text(),
            nullable=True,
            comment="Buyer's telephone (safe number where the market gives one)",
        ),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When this row was first stored",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When a value of this row last changed",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "order_no", "filed_at", name=op.f("market_orders_pkey")
        ),
        comment="One row per (account, order)",
        postgresql_partition_by="RANGE (filed_at)",
    )
    op.create_table(
        "rate_limits",
        sa.Column("account", sa.Text(), nullable=False, comment="Account key"),
        sa.Column("bucket", sa.Text(), nullable=False, comment="Which of the market's limits"),
        sa.Column(
            "free_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the next call may leave",
        ),
        sa.PrimaryKeyConstraint("account", "bucket", name=op.f("rate_limits_pkey")),
        comment="Call moments given out, shared by all processes",
    )
    op.create_table(
        "raw_documents",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="products, offers, orders or claims"),
        sa.Column(
            "document_no", sa.Text(), nullable=False, comment="The market's own number of the row"
        ),
        sa.Column(
            "body",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The row as the market sent it, JSON",
        ),
        sa.Column("xml", sa.Text(), nullable=True, comment="The row as the market sent it, XML"),
        sa.Column(
            "digest", sa.BigInteger(), nullable=False, comment="Hash of the text, to see changes"
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="Dagster run that stored it"),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When this row was first stored",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When a value of this row last changed",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "kind", "document_no", name=op.f("raw_documents_pkey")
        ),
        comment="Rows as the market sent them; the latest of each",
    )
    op.create_table(
        "skus",
        sa.Column(
            "id",
            sa.Integer(),
            sa.Identity(always=False),
            nullable=False,
            comment="Number of the SKU",
        ),
        sa.Column("code", sa.Text(), nullable=False, comment="The seller's own code"),
        sa.Column("name", sa.Text(), nullable=False, comment="Name"),
        sa.Column("barcode", sa.Text(), nullable=True, comment="Barcode"),
        sa.PrimaryKeyConstraint("id", name=op.f("skus_pkey")),
        sa.UniqueConstraint("code", name=op.f("skus_code_key")),
        comment="The seller's own stock keeping units",
    )
    op.create_table(
        "daily_sales",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column("day", sa.Date(), nullable=False, comment="KST day of the orders"),
        sa.Column("product_no", sa.Text(), nullable=False, comment="Listing"),
        sa.Column(
            "option_no",
            sa.Text(),
            nullable=False,
            comment="Option; empty where the market names none",
        ),
        sa.Column("orders", sa.Integer(), nullable=False, comment="Orders with this option"),
        sa.Column("quantity", sa.Integer(), nullable=False, comment="Pieces bought"),
        sa.Column(
            "cancelled", sa.Integer(), nullable=False, comment="Pieces cancelled or returned"
        ),
        sa.Column(
            "amount",
            sa.BigInteger(),
            nullable=False,
            comment="Value bought, before discounts, KRW with VAT",
        ),
        sa.Column(
            "seller_discount",
            sa.BigInteger(),
            nullable=False,
            comment="Discounts the seller pays, KRW with VAT",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("daily_sales_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "day", "product_no", "option_no", name=op.f("daily_sales_pkey")
        ),
        comment="Sales per account, KST day and option",
    )
    op.create_table(
        "market_claims",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column(
            "claim_no", sa.Text(), nullable=False, comment="Number of the claim at the market"
        ),
        sa.Column("order_no", sa.Text(), nullable=False, comment="Order it is about"),
        sa.Column("line_no", sa.Text(), nullable=False, comment="Line it is about"),
        sa.Column("kind", sa.Text(), nullable=False, comment="cancel, return or exchange"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="requested, in_progress, done, rejected or withdrawn",
        ),
        sa.Column(
            "market_status", sa.Text(), nullable=False, comment="State in the market's own words"
        ),
        sa.Column("quantity", sa.Integer(), nullable=False, comment="Pieces claimed"),
        sa.Column(
            "requested_at", sa.DateTime(timezone=True), nullable=False, comment="When it was opened"
        ),
        sa.Column(
            "completed_at", sa.DateTime(timezone=True), nullable=True, comment="When it was settled"
        ),
        sa.Column("reason_code", sa.Text(), nullable=True, comment="Reason, the market's code"),
        sa.Column("reason", sa.Text(), nullable=True, comment="Reason, in words"),
        sa.Column(
            "fault", sa.Text(), nullable=True, comment="Who is at fault: buyer, seller or market"
        ),
        sa.Column(
            "product_no", sa.Text(), nullable=True, comment="Listing, where the claim names it"
        ),
        sa.Column(
            "option_no", sa.Text(), nullable=True, comment="Option, where the claim names it"
        ),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When this row was first stored",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When a value of this row last changed",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("market_claims_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "claim_no", "order_no", "line_no", name=op.f("market_claims_pkey")
        ),
        comment="One row per (account, claim, line)",
    )
    op.create_index(
        op.f("market_claims_account_id_order_no_idx"),
        "market_claims",
        ["account_id", "order_no"],
        unique=False,
    )
    op.create_table(
        "market_products",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column(
            "product_no", sa.Text(), nullable=False, comment="Number of the listing at the market"
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="Name shown to buyers"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="on_sale, sold_out, paused, pending, ended, banned or deleted",
        ),
        sa.Column(
            "market_status", sa.Text(), nullable=False, comment="State in the market's own words"
        ),
        sa.Column(
            "seller_code", sa.Text(), nullable=True, comment="The seller's own code of the listing"
        ),
        sa.Column(
            "channel_no", sa.Text(), nullable=True, comment="Naver: number of the channel product"
        ),
        sa.Column("category", sa.Text(), nullable=True, comment="Category number at the market"),
        sa.Column("brand", sa.Text(), nullable=True, comment="Brand"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the listing was made",
        ),
        sa.Column(
            "modified_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the listing was last edited",
        ),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When this row was first stored",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When a value of this row last changed",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("market_products_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", "product_no", name=op.f("market_products_pkey")),
        comment="One row per (account, listing)",
    )
    op.create_table(
        "market_skus",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column(
            "product_no", sa.Text(), nullable=False, comment="Number of the listing at the market"
        ),
        sa.Column(
            "option_no",
            sa.Text(),
            nullable=False,
            comment="Number of the option at the market; 0 where it has none",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="Name of the option"),
        sa.Column(
            "seller_code", sa.Text(), nullable=True, comment="The seller's own code of the option"
        ),
        sa.Column("barcode", sa.Text(), nullable=True, comment="Barcode"),
        sa.Column(
            "stock", sa.Integer(), nullable=True, comment="Pieces the market would still sell"
        ),
        sa.Column(
            "price",
            sa.BigInteger(),
            nullable=True,
            comment="Price of one piece before coupons, KRW with VAT",
        ),
        sa.Column(
            "list_price",
            sa.BigInteger(),
            nullable=True,
            comment="Price shown struck through, KRW with VAT",
        ),
        sa.Column("on_sale", sa.Boolean(), nullable=True, comment="Can it be bought, stock aside?"),
        sa.Column(
            "offer_seen_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When stock and price were last read",
        ),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When this row was first stored",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When a value of this row last changed",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("market_skus_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "product_no", "option_no", name=op.f("market_skus_pkey")
        ),
        comment="One row per (account, listing, option): the thing with stock and price",
    )
    op.create_table(
        "price_snapshots",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column("product_no", sa.Text(), nullable=False, comment="Listing at the market"),
        sa.Column("option_no", sa.Text(), nullable=False, comment="Option at the market"),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the market showed it first",
        ),
        sa.Column(
            "price",
            sa.BigInteger(),
            nullable=False,
            comment="Price of one piece before coupons, KRW with VAT",
        ),
        sa.Column(
            "list_price",
            sa.BigInteger(),
            nullable=True,
            comment="Price shown struck through, KRW with VAT",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("price_snapshots_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "product_no", "option_no", "seen_at", name=op.f("price_snapshots_pkey")
        ),
        comment="Prices at the markets over time: a row per change",
    )
    op.create_table(
        "rejected_rows",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="Number of this entry",
        ),
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Account"),
        sa.Column("kind", sa.Text(), nullable=False, comment="products, offers, orders or claims"),
        sa.Column(
            "identity",
            sa.Text(),
            nullable=False,
            comment="document_no, or a hash of the text where it has none",
        ),
        sa.Column(
            "document_no",
            sa.Text(),
            nullable=True,
            comment="The market's own number of the row, where it could be read",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it could not be understood"),
        sa.Column("body", sa.Text(), nullable=False, comment="The row as it came"),
        sa.Column(
            "window_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Start of the span that was being read",
        ),
        sa.Column(
            "window_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="End of the span that was being read",
        ),
        sa.Column("times", sa.Integer(), nullable=False, comment="How often it came"),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it first came",
        ),
        sa.Column(
            "last_seen_at", sa.DateTime(timezone=True), nullable=False, comment="When it last came"
        ),
        sa.Column(
            "resolved_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the market sent it right, or no more",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="Dagster run that saw it last"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("rejected_rows_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rejected_rows_pkey")),
        comment="Rows that could not be understood, each with its reason",
    )
    op.create_index(
        "rejected_rows_identity_key",
        "rejected_rows",
        ["account_id", "kind", "identity"],
        unique=True,
    )
    op.create_table(
        "sku_listings",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column("product_no", sa.Text(), nullable=False, comment="Listing at the market"),
        sa.Column("option_no", sa.Text(), nullable=False, comment="Option at the market"),
        sa.Column("sku_id", sa.Integer(), nullable=False, comment="SKU inside"),
        sa.Column(
            "pieces",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="Pieces of the SKU in one piece of the option",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("sku_listings_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("sku_listings_sku_id_fkey")),
        sa.PrimaryKeyConstraint(
            "account_id", "product_no", "option_no", "sku_id", name=op.f("sku_listings_pkey")
        ),
        comment="Which SKUs an option consists of",
    )
    op.create_index(op.f("sku_listings_sku_id_idx"), "sku_listings", ["sku_id"], unique=False)
    op.create_table(
        "stock_snapshots",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column("product_no", sa.Text(), nullable=False, comment="Listing at the market"),
        sa.Column("option_no", sa.Text(), nullable=False, comment="Option at the market"),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the market showed it first",
        ),
        sa.Column(
            "stock", sa.Integer(), nullable=False, comment="Pieces the market would still sell"
        ),
        sa.Column(
            "on_sale", sa.Boolean(), nullable=False, comment="Could it be bought, stock aside?"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("stock_snapshots_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "product_no", "option_no", "seen_at", name=op.f("stock_snapshots_pkey")
        ),
        comment="Stock at the markets over time: a row per change",
    )
    op.create_table(
        "wanted_orders",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column(
            "order_no",
            sa.Text(),
            nullable=False,
            comment="Order that another row mentions and that is not stored whole",
        ),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the market was asked for it; empty = still to ask",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("wanted_orders_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", "order_no", name=op.f("wanted_orders_pkey")),
        comment="Orders to be read by number",
    )
    op.create_table(
        "watermarks",
        sa.Column(
            "account_id", sa.Integer(), nullable=False, comment="Seller account (accounts.id)"
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="orders or claims"),
        sa.Column("day", sa.Date(), nullable=False, comment="KST day"),
        sa.Column(
            "collected_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Everything of the day before this is stored",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="Dagster run that moved it last"),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), nullable=False, comment="When it moved last"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("watermarks_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", "kind", "day", name=op.f("watermarks_pkey")),
        comment="How far each day is collected",
    )
    for view in VIEWS:
        op.execute(view)
