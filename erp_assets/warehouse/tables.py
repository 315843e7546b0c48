"""Every table, with what its columns mean.

Orders and lines are partitioned by month on `filed_at`: the time an order was placed as first
reported. A market may later report another `ordered_at`; the key table `market_order_keys` keeps
the first, so that such an order moves nowhere and is never stored twice.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    Time,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def _column(
    name: str, kind: TypeEngine[Any], comment: str, *, null: bool = True, key: bool = False
) -> Column[Any]:
    return Column(name, kind, primary_key=key, nullable=null and not key, comment=comment)


def _text(name: str, comment: str, *, null: bool = True, key: bool = False) -> Column[Any]:
    return _column(name, Text(), comment, null=null, key=key)


def _int(name: str, comment: str, *, null: bool = True) -> Column[Any]:
    return _column(name, Integer(), comment, null=null)


def _count(name: str, comment: str, *, default: int) -> Column[Any]:
    given = text(str(default))
    return Column(name, Integer, nullable=False, server_default=given, comment=comment)


def _won(name: str, comment: str, *, null: bool = True) -> Column[Any]:
    return _column(name, BigInteger(), f"{comment}, KRW with VAT", null=null)


def _time(name: str, comment: str, *, null: bool = True, key: bool = False) -> Column[Any]:
    return _column(name, DateTime(timezone=True), comment, null=null, key=key)


def _account(*, bulk: bool = False) -> Column[int]:
    """Return the first key column; bulk tables do without the check of a foreign key per row."""
    refers = [] if bulk else [ForeignKey("accounts.id")]
    comment = "Seller account (accounts.id)"
    return Column("account_id", Integer, *refers, primary_key=True, comment=comment)


def _now(name: str, comment: str) -> Column[Any]:
    kind = DateTime(timezone=True)
    return Column(name, kind, nullable=False, server_default=func.now(), comment=comment)


def _pieces(name: str, comment: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"), comment=comment)


def _stamps() -> tuple[Column[Any], ...]:
    return (
        _now("first_seen_at", "When this row was first stored"),
        _now("changed_at", "When a value of this row last changed"),
    )


accounts = Table(
    "accounts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="As in the settings"),
    Column("key", Text, unique=True, nullable=False, comment="Name in partitions and logs"),
    _text("market", "coupang, naver or eleven", null=False),
    Column("enabled", Boolean, nullable=False, comment="Does it take part in collections?"),
    comment="Seller accounts, as the settings name them",
)

market_products = Table(
    "market_products",
    metadata,
    _account(),
    _text("product_no", "Number of the listing at the market", key=True),
    _text("name", "Name shown to buyers", null=False),
    _text("status", "on_sale, sold_out, paused, pending, ended, banned or deleted", null=False),
    _text("market_status", "State in the market's own words", null=False),
    _text("seller_code", "The seller's own code of the listing"),
    _text("channel_no", "Naver: number of the channel product"),
    _text("category", "Category number at the market"),
    _text("brand", "Brand"),
    _time("created_at", "When the listing was made"),
    _time("modified_at", "When the listing was last edited"),
    *_stamps(),
    comment="One row per (account, listing)",
)

market_skus = Table(
    "market_skus",
    metadata,
    _account(),
    _text("product_no", "Number of the listing at the market", key=True),
    _text("option_no", "Number of the option at the market; 0 where it has none", key=True),
    _text("name", "Name of the option", null=False),
    _text("seller_code", "The seller's own code of the option"),
    _text("barcode", "Barcode"),
    _int("stock", "Pieces the market would still sell"),
    _won("price", "Price of one piece before coupons"),
    _won("list_price", "Price shown struck through"),
    Column("on_sale", Boolean, comment="Can it be bought, stock aside?"),
    _time("offer_seen_at", "When stock and price were last read"),
    *_stamps(),
    comment="One row per (account, listing, option): the thing with stock and price",
)

market_order_keys = Table(
    "market_order_keys",
    metadata,
    _account(bulk=True),
    _text("order_no", "Number of the order at the market", key=True),
    _time("filed_at", "Partition key of the order and its lines; never changes", null=False),
    comment="One row per order: where it is filed",
)

market_orders = Table(
    "market_orders",
    metadata,
    _account(bulk=True),
    _text("order_no", "Number of the order at the market", key=True),
    _time("filed_at", "Partition key: ordered_at as first reported", key=True),
    _time("ordered_at", "When the order was placed", null=False),
    _time("paid_at", "When it was paid"),
    _text("buyer_name", "Buyer"),
    _text("buyer_phone", "Buyer's telephone (safe number where the market gives one)"),
    *_stamps(),
    comment="One row per (account, order)",
    postgresql_partition_by="RANGE (filed_at)",
)

market_order_lines = Table(
    "market_order_lines",
    metadata,
    _account(bulk=True),
    _text("order_no", "Number of the order at the market", key=True),
    _text("line_no", "Number of the line within the order", key=True),
    _time("filed_at", "Partition key: ordered_at as first reported", key=True),
    _time("ordered_at", "When the order was placed", null=False),
    _text("status", "new, confirmed, shipped, delivered, completed, cancelled, …", null=False),
    _text("market_status", "State in the market's own words", null=False),
    _text("product_no", "Listing bought", null=False),
    _text("product_name", "Name at the time of the order", null=False),
    _int("quantity", "Pieces bought; never shrinks", null=False),
    _won("unit_price", "Price of one piece before discounts", null=False),
    _won("amount", "unit_price x quantity", null=False),
    _text("option_no", "Option bought"),
    _text("option_name", "Name of the option at the time of the order"),
    _text("seller_code", "The seller's own code at the time of the order"),
    _int("held_quantity", "Pieces in an open claim"),
    _int("cancelled_quantity", "Pieces cancelled or returned for good"),
    _won("seller_discount", "Discount the seller pays, of the line"),
    _won("market_discount", "Discount the market pays, of the line"),
    _text("shipment_no", "Box or bundle the line ships in"),
    _won("shipping_fee", "Fee of the whole shipment; count it once per shipment_no"),
    _time("ship_by", "Promised ship-by time"),
    _text("carrier", "Carrier, the market's code or name"),
    _text("invoice_no", "Tracking number"),
    _time("confirmed_at", "When the seller confirmed"),
    _time("shipped_at", "When it left"),
    _time("delivered_at", "When it arrived"),
    _time("completed_at", "When the purchase was confirmed"),
    _text("receiver_name", "Receiver"),
    _text("receiver_phone", "Receiver's telephone"),
    _text("postcode", "Postcode"),
    _text("address", "Address"),
    _text("delivery_note", "Note to the carrier"),
    *_stamps(),
    Index(None, "changed_at", postgresql_using="brin"),
    comment="One row per (account, order, line)",
    postgresql_partition_by="RANGE (filed_at)",
)

market_claims = Table(
    "market_claims",
    metadata,
    _account(),
    _text("claim_no", "Number of the claim at the market", key=True),
    _text("order_no", "Order it is about", key=True),
    _text("line_no", "Line it is about", key=True),
    _text("kind", "cancel, return or exchange", null=False),
    _text("status", "requested, in_progress, done, rejected or withdrawn", null=False),
    _text("market_status", "State in the market's own words", null=False),
    _int("quantity", "Pieces claimed", null=False),
    _time("requested_at", "When it was opened", null=False),
    _time("completed_at", "When it was settled"),
    _text("reason_code", "Reason, the market's code"),
    _text("reason", "Reason, in words"),
    _text("fault", "Who is at fault: buyer, seller or market"),
    _text("product_no", "Listing, where the claim names it"),
    _text("option_no", "Option, where the claim names it"),
    *_stamps(),
    Index(None, "account_id", "order_no"),
    Index(None, "changed_at", postgresql_using="brin"),
    comment="One row per (account, claim, line)",
)

wanted_orders = Table(
    "wanted_orders",
    metadata,
    _account(),
    _text("order_no", "Order that another row mentions and that is not stored whole", key=True),
    _time("asked_at", "When the market was asked for it; empty = still to ask"),
    comment="Orders to be read by number",
)

raw_documents = Table(
    "raw_documents",
    metadata,
    _account(bulk=True),
    _text("kind", "products, offers, orders or claims", key=True),
    _text("document_no", "The market's own number of the row", key=True),
    Column("body", JSON, comment="The row as the market sent it, JSON"),
    Column("xml", Text, comment="The row as the market sent it, XML"),
    Column("digest", BigInteger, nullable=False, comment="Hash of the text, to see changes"),
    Column("run_id", Text, comment="Dagster run that stored it"),
    *_stamps(),
    comment="Rows as the market sent them; the latest of each",
)

rejected_rows = Table(
    "rejected_rows",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True, comment="Number of this entry"),
    Column("account_id", Integer, ForeignKey("accounts.id"), nullable=False, comment="Account"),
    _text("kind", "products, offers, orders or claims", null=False),
    _text("identity", "document_no, or a hash of the text where it has none", null=False),
    _text("document_no", "The market's own number of the row, where it could be read"),
    _text("reason", "Why it could not be understood", null=False),
    _text("body", "The row as it came", null=False),
    _time("window_since", "Start of the span that was being read"),
    _time("window_until", "End of the span that was being read"),
    _int("times", "How often it came", null=False),
    _time("first_seen_at", "When it first came", null=False),
    _time("last_seen_at", "When it last came", null=False),
    _time("resolved_at", "When the market sent it right, or no more"),
    _text("run_id", "Dagster run that saw it last"),
    Index("rejected_rows_identity_key", "account_id", "kind", "identity", unique=True),
    comment="Rows that could not be understood, each with its reason",
)

watermarks = Table(
    "watermarks",
    metadata,
    _account(),
    _text("kind", "orders or claims", key=True),
    _column("day", Date(), "KST day", key=True),
    _time("collected_until", "Everything of the day before this is stored", null=False),
    _text("run_id", "Dagster run that moved it last"),
    _time("changed_at", "When it moved last", null=False),
    comment="How far each day is collected",
)

skus = Table(
    "skus",
    metadata,
    Column("id", Integer, Identity(), primary_key=True, comment="Number of the SKU"),
    Column("code", Text, unique=True, nullable=False, comment="The seller's own code"),
    _text("name", "Name", null=False),
    _text("barcode", "Barcode"),
    _text("category", "The seller's own category; policies and rules may be about it"),
    _count("safety_stock", "Pieces never to be sold", default=0),
    _int("low_stock", "Stock counts as low at or below so many pieces; empty = 10"),
    _int("cover_days", "Stock counts as low when it lasts fewer days; empty = not looked at"),
    comment="The seller's own stock keeping units",
)

sku_listings = Table(
    "sku_listings",
    metadata,
    _account(),
    _text("product_no", "Listing at the market", key=True),
    _text("option_no", "Option at the market", key=True),
    Column(
        "sku_id", Integer, ForeignKey("skus.id"), primary_key=True, index=True, comment="SKU inside"
    ),
    Column(
        "pieces",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="Pieces of the SKU in one piece of the option",
    ),
    Column(
        "source",
        Text,
        nullable=False,
        server_default="hand",
        comment="Who mapped it: code, barcode, file or hand",
    ),
    _now("mapped_at", "When it was mapped"),
    comment="Which SKUs an option consists of",
)

stock_snapshots = Table(
    "stock_snapshots",
    metadata,
    _account(),
    _text("product_no", "Listing at the market", key=True),
    _text("option_no", "Option at the market", key=True),
    _time("seen_at", "When the market showed it first", key=True),
    _int("stock", "Pieces the market would still sell", null=False),
    Column("on_sale", Boolean, nullable=False, comment="Could it be bought, stock aside?"),
    comment="Stock at the markets over time: a row per change",
)

price_snapshots = Table(
    "price_snapshots",
    metadata,
    _account(),
    _text("product_no", "Listing at the market", key=True),
    _text("option_no", "Option at the market", key=True),
    _time("seen_at", "When the market showed it first", key=True),
    _won("price", "Price of one piece before coupons", null=False),
    _won("list_price", "Price shown struck through"),
    comment="Prices at the markets over time: a row per change",
)

rate_limits = Table(
    "rate_limits",
    metadata,
    _text("account", "Account key", key=True),
    _text("bucket", "Which of the market's limits", key=True),
    _time("free_at", "When the next call may leave", null=False),
    comment="Call moments given out, shared by all processes",
)

daily_sales = Table(
    "daily_sales",
    metadata,
    _account(),
    _column("day", Date(), "KST day of the orders", key=True),
    _text("product_no", "Listing", key=True),
    _text("option_no", "Option; empty where the market names none", key=True),
    _int("orders", "Orders with this option", null=False),
    _int("quantity", "Pieces bought", null=False),
    _int("cancelled", "Pieces cancelled or returned", null=False),
    _won("amount", "Value bought, before discounts", null=False),
    _won("seller_discount", "Discounts the seller pays", null=False),
    comment="Sales per account, KST day and option",
)

stock_policies = Table(
    "stock_policies",
    metadata,
    Column(
        "id",
        Integer,
        Identity(),
        primary_key=True,
        comment="Number of the policy, as decisions name it",
    ),
    Column(
        "sku_id",
        Integer,
        ForeignKey("skus.id", ondelete="CASCADE"),
        comment="Only this SKU; empty = any",
    ),
    _text("category", "Only SKUs of this category; empty = any"),
    Column(
        "account_id", Integer, ForeignKey("accounts.id"), comment="Only this account; empty = any"
    ),
    Column(
        "kind",
        Text,
        nullable=False,
        server_default="shared",
        comment="shared, weighted or excluded (never written)",
    ),
    _count("weight", "Share beside the other listings of a SKU, when weighted", default=1),
    _int("cap", "Most pieces to show; empty = all there are"),
    _count("buffer", "Pieces held back", default=0),
    _count("stop_at", "At or below so many available pieces, 0 is shown", default=0),
    _text("note", "Note"),
    Column(
        "updated_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="When it was last changed",
    ),
    Index(
        "stock_policies_scope_key",
        "sku_id",
        "category",
        "account_id",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    comment="How listings show stock; the most specific row counts alone",
)

stock_states = Table(
    "stock_states",
    metadata,
    Column(
        "sku_id",
        Integer,
        ForeignKey("skus.id", ondelete="CASCADE"),
        primary_key=True,
        comment="SKU",
    ),
    _text("state", "unknown, oversold, sold_out, low or drift", key=True),
    Column(
        "since",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="Since when",
    ),
    Column(
        "details", JSONB, nullable=False, server_default="{}", comment="The numbers it follows from"
    ),
    comment="What is wrong with the stock of a SKU now; nothing wrong, no row",
)

stock_drift = Table(
    "stock_drift",
    metadata,
    Column(
        "id", BigInteger, Identity(always=True), primary_key=True, comment="Number of this entry"
    ),
    Column(
        "sku_id",
        Integer,
        ForeignKey("skus.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        comment="SKU inside",
    ),
    Column("account_id", Integer, ForeignKey("accounts.id"), nullable=False, comment="Account"),
    _text("product_no", "Listing at the market", null=False),
    _text("option_no", "Option at the market", null=False),
    _column("written", BigInteger(), "Pieces we last wrote", null=False),
    _column("shown", BigInteger(), "Pieces the market shows", null=False),
    Column(
        "found_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="When it was found",
    ),
    _time("ended_at", "When it was over; empty = it lasts"),
    Index(
        "stock_drift_open_key",
        "account_id",
        "product_no",
        "option_no",
        "sku_id",
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
    comment="Times a market showed what nobody wrote or sold",
)


def _rate(name: str, comment: str) -> Column[Any]:
    return _column(name, Numeric(9, 6), f"{comment}; 0.1 = 10 %")


def _yes_no(name: str, comment: str, default: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False, server_default=text(default), comment=comment)


def _option() -> tuple[Column[Any], ...]:
    return (
        Column("account_id", Integer, ForeignKey("accounts.id"), nullable=False, comment="Account"),
        _text("product_no", "Listing at the market", null=False),
        _text("option_no", "Option at the market", null=False),
    )


def _number(kind: TypeEngine[Any], what: str) -> Column[Any]:
    return Column("id", kind, Identity(), primary_key=True, comment=f"Number of the {what}")


price_rules = Table(
    "price_rules",
    metadata,
    _number(Integer(), "rule"),
    _text("name", "What people call it"),
    _yes_no("is_active", "Does it count?", "true"),
    Column("sku_id", Integer, ForeignKey("skus.id"), index=True, comment="About this SKU"),
    Column(
        "pieces",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="With a SKU: about options of so many pieces of it",
    ),
    _text("category", "About listings of this category of their market"),
    Column("account_id", Integer, ForeignKey("accounts.id"), comment="About this account"),
    _text("market", "Only at this market: coupang, naver or eleven"),
    _won("cost", "Cost of one piece of each SKU it is about"),
    _rate("fee_rate", "Share of the price the market keeps, VAT included"),
    _won("min_margin", "Least that fee and cost leave of one option's price"),
    _rate("min_margin_rate", "The same as a share of the price"),
    _won("floor", "Lowest price of one option"),
    _won("ceiling", "Highest price of one option"),
    _text("mode", "fixed, lowest (follow the lowest competitor) or undercut"),
    _won("price", "Mode fixed: the price"),
    _won("undercut_amount", "Mode undercut: so much below the lowest competitor"),
    _rate("undercut_rate", "Mode undercut: so much below the lowest competitor"),
    _rate("run_change_rate", "Largest change at once, of the present price"),
    _rate("day_change_rate", "Largest change per Korean day, of its first price"),
    _int("cooldown_minutes", "Least time between two changes"),
    Column("opt_in", Boolean, comment="With a SKU: may its prices change by themselves?"),
    _column("quiet_from", Time(), "No changes from then, Korean time"),
    _column("quiet_until", Time(), "until then; before quiet_from: on the next day"),
    _int("competitor_hours", "How old a competitor's price may be; 24 where none says"),
    _rate("band_low", "Competitor's least price, of our cost; 0.5 where none says"),
    _rate("band_high", "Competitor's highest price, of our cost; 5 where none says"),
    _text("search_text", "With a SKU: words to search a market for; an offer has all of them"),
    Column(
        "changed_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="When it was last imported",
    ),
    Index("price_rules_scope_idx", "account_id", "category"),
    comment="Price rules; what the most specific leaves empty, the next one says",
)

competitor_prices = Table(
    "competitor_prices",
    metadata,
    Column("sku_id", Integer, ForeignKey("skus.id"), primary_key=True, comment="Our SKU"),
    Column("pieces", Integer, primary_key=True, comment="Pieces of it in the offer"),
    _text("source", "Which source said it", key=True),
    _text("competitor", "Shop, or number of the offer at its market", key=True),
    _won("price", "What a buyer pays, delivery aside", null=False),
    _text("url", "Page of the offer"),
    _time("seen_at", "When the source saw it", null=False),
    _time("stored_at", "When it was stored", null=False),
    comment="The last price of each competitor's offer for one of our SKUs",
)

price_plans = Table(
    "price_plans",
    metadata,
    _number(BigInteger(), "plan"),
    *_option(),
    _int("sku_id", "SKU inside, where it is one alone"),
    _text("mode", "review or auto", null=False),
    _text("status", "planned, approved, rejected, pushed or skipped", null=False),
    _won("before", "Price the market showed"),
    _won("after", "Price to set; empty: no change"),
    _won("margin", "What fee and cost leave of the new price; empty: not known"),
    _int("rule_id", "Rule that won, as it was then (price_rules.id)"),
    _text("reason", "Why this price, or why none", null=False),
    _yes_no("needs_review", "Is it a person's to decide whatever the mode?", "false"),
    Column("inputs", JSONB, nullable=False, comment="What the decision was made from"),
    _int("times", "How often in a row it was decided the same", null=False),
    _text("decided_by", "Who approved, rejected or replaced it"),
    _text("run_id", "Run that planned it last"),
    _time("planned_at", "When it was first decided", null=False),
    _time("last_planned_at", "When it was last decided the same", null=False),
    _time("decided_at", "When it was approved, rejected or replaced"),
    _time("pushed_at", "When the market had it"),
    Index("price_plans_option_idx", "account_id", "product_no", "option_no", "id"),
    Index(
        "price_plans_open_key",
        "account_id",
        "product_no",
        "option_no",
        unique=True,
        postgresql_where=text("status IN ('planned', 'approved')"),
    ),
    comment="Every price decision; at most one per option is open",
)

price_history = Table(
    "price_history",
    metadata,
    _number(BigInteger(), "change"),
    *_option(),
    _won("before", "Price before", null=False),
    _won("after", "Price that the market took", null=False),
    _text("who", "Who approved it, or auto", null=False),
    _text("why", "Reason of its plan", null=False),
    _int("rule_id", "Rule that won (price_rules.id)"),
    Column("plan_id", BigInteger, unique=True, comment="Plan it came from (price_plans.id)"),
    _text("run_id", "Run that sent it"),
    _time("set_at", "When the market had it", null=False),
    Index("price_history_option_idx", "account_id", "product_no", "option_no", "set_at"),
    comment="Prices that we set at the markets",
)

_PUSH_KEY = ("account_id", "product_no", "option_no", "kind")

market_pushes = Table(
    "market_pushes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True, comment="Number of the push"),
    Column("account_id", Integer, ForeignKey("accounts.id"), nullable=False, comment="Account"),
    _text("product_no", "Listing at the market", null=False),
    _text("option_no", "Option at the market", null=False),
    _text("kind", "stock, price or on_sale", null=False),
    _column(
        "wanted",
        BigInteger(),
        "What the market is to show: pieces, KRW with VAT, or 1 on sale and 0 stopped",
        null=False,
    ),
    _column("before", BigInteger(), "What it showed when this was decided"),
    _text("reason", "Why, in words", null=False),
    _text("source", "Which plan or person decided it", null=False),
    Column(
        "risk",
        Double,
        nullable=False,
        server_default=text("0"),
        comment="The larger, the earlier it is sent",
    ),
    Column(
        "status",
        Text,
        nullable=False,
        server_default=text("'planned'"),
        comment="planned, sent, confirmed, failed or superseded",
    ),
    Column(
        "attempts",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="How often it left for the market",
    ),
    Column(
        "unseen",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="Readings in a row that did not show the option",
    ),
    Column(
        "planned_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="When it was decided",
    ),
    _time("sent_at", "When it was last marked as sent, just before the call"),
    _time("answered_at", "When the market said yes to it"),
    _time("confirmed_at", "When it was known to be there"),
    _column("seen", BigInteger(), "What the market showed when last read back"),
    _text("code", "The market's code of a refusal, or our word for it"),
    _text("message", "What the market said"),
    _text("run_id", "Dagster run that decided it"),
    CheckConstraint("kind IN ('stock', 'price', 'on_sale')", name="market_pushes_kind"),
    CheckConstraint(
        "status IN ('planned', 'sent', 'confirmed', 'failed', 'superseded')",
        name="market_pushes_status",
    ),
    CheckConstraint(
        "wanted >= CASE kind WHEN 'price' THEN 1 ELSE 0 END AND (kind <> 'on_sale' OR wanted <= 1)",
        name="market_pushes_wanted",
    ),
    *(
        Index(
            f"market_pushes_{status}_key",
            *_PUSH_KEY,
            unique=True,
            postgresql_where=text(f"status = '{status}'"),
        )
        for status in ("planned", "sent")
    ),
    Index(
        "market_pushes_confirmed_idx",
        *_PUSH_KEY,
        "confirmed_at",
        postgresql_where=text("status = 'confirmed'"),
    ),
    comment="Outbox: changes of stock, price and sale on their way to the markets",
)

stock_ledger = Table(
    "stock_ledger",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True, comment="Number of this entry"),
    Column("sku_id", Integer, ForeignKey("skus.id"), nullable=False, comment="SKU"),
    _time("occurred_at", "When it happened", null=False),
    _text("kind", "opening, receipt, sale, cancel, return or adjustment", null=False),
    _column("quantity", BigInteger(), "Pieces of the SKU; negative = they went away", null=False),
    Column(
        "source_key",
        Text,
        unique=True,
        nullable=False,
        comment="What caused it; the same event is never entered twice",
    ),
    _text("note", "Note"),
    _text("run_id", "Run that entered it"),
    _now("noted_at", "When it was entered"),
    Index(None, "sku_id", "occurred_at"),
    Index(
        "stock_ledger_opening_key",
        "sku_id",
        unique=True,
        postgresql_where=text("kind = 'opening'"),
    ),
    comment="Every change of stock; never changed, only added to",
)

stock_balances = Table(
    "stock_balances",
    metadata,
    Column(
        "sku_id",
        Integer,
        ForeignKey("skus.id"),
        primary_key=True,
        autoincrement=False,
        comment="SKU",
    ),
    _pieces("on_hand", "Sum of the ledger, in pieces; negative = sold more than there was"),
    _pieces("reserved", "Pieces of orders not yet paid, which the ledger does not hold"),
    _time("counted_at", "Time of the opening count; empty = stock unknown"),
    _time("opened_at", "When the opening count was entered"),
    _now("changed_at", "When a sum last changed"),
    comment="The ledger summed up per SKU; kept by a trigger of stock_ledger",
)

stock_postings = Table(
    "stock_postings",
    metadata,
    _account(bulk=True),
    _text("order_no", "Number of the order at the market", key=True),
    _text("line_no", "Number of the line within the order", key=True),
    Column("sku_id", Integer, ForeignKey("skus.id"), primary_key=True, comment="SKU"),
    _int("pieces", "Pieces of the SKU in one of the line, as mapped when first posted", null=False),
    _pieces("sold", "Pieces posted as sold"),
    _pieces("cancelled", "Pieces posted as cancelled"),
    _pieces("returned", "Pieces posted as returned to stock"),
    _pieces("reserved", "Pieces counted in stock_balances.reserved"),
    Column(
        "entries",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="Entries posted so far; part of the next source_key",
    ),
    comment="What of an order line the ledger holds, one row per SKU inside it",
)

stock_progress = Table(
    "stock_progress",
    metadata,
    Column(
        "id",
        Integer,
        primary_key=True,
        autoincrement=False,
        server_default=text("1"),
        comment="Always 1",
    ),
    _time("posted_until", "Changes before this are posted", null=False),
    comment="One row: how far changes of orders and claims are posted",
)
