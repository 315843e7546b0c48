"""Make the tables of prices: rules, competitors' prices, plans and what was set.

The checks stand here because operators write rules by hand and one wrong sign is a loss: a rate of
10 instead of 0.1 is refused, and opting in is for a SKU alone, never for a whole account.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

CHECKS = {
    "price_rules": {
        "for_a_sku": """
            sku_id IS NOT NULL OR (opt_in IS NOT TRUE AND search_text IS NULL AND pieces = 1)
        """,
        "pieces": "pieces > 0",
        "market": "market IN ('coupang', 'naver', 'eleven')",
        "mode": "mode IN ('fixed', 'lowest', 'undercut')",
        "amounts": """
            cost >= 0 AND min_margin >= 0 AND floor >= 0 AND undercut_amount >= 0
            AND cost < 10^12 AND min_margin < 10^12 AND undercut_amount < 10^12
        """,
        "prices": "price BETWEEN 10 AND 999999990 AND ceiling BETWEEN 10 AND 999999990",
        "floor_below_ceiling": "floor <= ceiling",
        "rates": """
            fee_rate >= 0 AND fee_rate < 1 AND min_margin_rate >= 0 AND min_margin_rate < 1
            AND undercut_rate >= 0 AND undercut_rate < 1
            AND run_change_rate BETWEEN 0 AND 1 AND day_change_rate BETWEEN 0 AND 1
        """,
        "band": "band_low >= 0 AND band_high >= band_low",
        "times": "cooldown_minutes >= 0 AND competitor_hours > 0",
        "quiet": "num_nonnulls(quiet_from, quiet_until) <> 1",
    },
    "competitor_prices": {"pieces": "pieces > 0", "price": "price > 0"},
    "price_plans": {
        "status": "status IN ('planned', 'approved', 'rejected', 'pushed', 'skipped')",
        "mode": "mode IN ('review', 'auto')",
        "after": "after > 0 AND after % 10 = 0",
        "has_a_price": "after IS NOT NULL OR status = 'skipped'",
    },
}


def upgrade() -> None:
    op.create_table(
        "price_rules",
        sa.Column(
            "id",
            sa.Integer(),
            sa.Identity(always=False),
            nullable=False,
            comment="Number of the rule",
        ),
        sa.Column("name", sa.Text(), nullable=True, comment="What people call it"),
        sa.Column(
            "is_active",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="Does it count?",
        ),
        sa.Column("sku_id", sa.Integer(), nullable=True, comment="About this SKU"),
        sa.Column(
            "pieces",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="With a SKU: about options of so many pieces of it",
        ),
        sa.Column(
            "category",
            sa.Text(),
            nullable=True,
            comment="About listings of this category of their market",
        ),
        sa.Column("account_id", sa.Integer(), nullable=True, comment="About this account"),
        sa.Column(
            "market",
            sa.Text(),
            nullable=True,
            comment="Only at this market: coupang, naver or eleven",
        ),
        sa.Column(
            "cost",
            sa.BigInteger(),
            nullable=True,
            comment="Cost of one piece of each SKU it is about, KRW with VAT",
        ),
        sa.Column(
            "fee_rate",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Share of the price the market keeps, VAT included; 0.1 = 10 %",
        ),
        sa.Column(
            "min_margin",
            sa.BigInteger(),
            nullable=True,
            comment="Least that fee and cost leave of one option's price, KRW with VAT",
        ),
        sa.Column(
            "min_margin_rate",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="The same as a share of the price; 0.1 = 10 %",
        ),
        sa.Column(
            "floor",
            sa.BigInteger(),
            nullable=True,
            comment="Lowest price of one option, KRW with VAT",
        ),
        sa.Column(
            "ceiling",
            sa.BigInteger(),
            nullable=True,
            comment="Highest price of one option, KRW with VAT",
        ),
        sa.Column(
            "mode",
            sa.Text(),
            nullable=True,
            comment="fixed, lowest (follow the lowest competitor) or undercut",
        ),
        sa.Column(
            "price", sa.BigInteger(), nullable=True, comment="Mode fixed: the price, KRW with VAT"
        ),
        sa.Column(
            "undercut_amount",
            sa.BigInteger(),
            nullable=True,
            comment="Mode undercut: so much below the lowest competitor, KRW with VAT",
        ),
        sa.Column(
            "undercut_rate",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Mode undercut: so much below the lowest competitor; 0.1 = 10 %",
        ),
        sa.Column(
            "run_change_rate",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Largest change at once, of the present price; 0.1 = 10 %",
        ),
        sa.Column(
            "day_change_rate",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Largest change per Korean day, of its first price; 0.1 = 10 %",
        ),
        sa.Column(
            "cooldown_minutes",
            sa.Integer(),
            nullable=True,
            comment="Least time between two changes",
        ),
        sa.Column(
            "opt_in",
            sa.Boolean(),
            nullable=True,
            comment="With a SKU: may its prices change by themselves?",
        ),
        sa.Column(
            "quiet_from", sa.Time(), nullable=True, comment="No changes from then, Korean time"
        ),
        sa.Column(
            "quiet_until",
            sa.Time(),
            nullable=True,
            comment="until then; before quiet_from: on the next day",
        ),
        sa.Column(
            "competitor_hours",
            sa.Integer(),
            nullable=True,
            comment="How old a competitor's price may be; 24 where none says",
        ),
        sa.Column(
            "band_low",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Competitor's least price, of our cost; 0.5 where none says; 0.1 = 10 %",
        ),
        sa.Column(
            "band_high",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Competitor's highest price, of our cost; 5 where none says; 0.1 = 10 %",
        ),
        sa.Column(
            "search_text",
            sa.Text(),
            nullable=True,
            comment="With a SKU: words to search a market for; an offer has all of them",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was last imported",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("price_rules_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("price_rules_sku_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("price_rules_pkey")),
        comment="Price rules; what the most specific leaves empty, the next one says",
    )
    op.create_index(
        "price_rules_scope_idx", "price_rules", ["account_id", "category"], unique=False
    )
    op.create_index(op.f("price_rules_sku_id_idx"), "price_rules", ["sku_id"], unique=False)
    op.create_table(
        "competitor_prices",
        sa.Column("sku_id", sa.Integer(), nullable=False, comment="Our SKU"),
        sa.Column("pieces", sa.Integer(), nullable=False, comment="Pieces of it in the offer"),
        sa.Column("source", sa.Text(), nullable=False, comment="Which source said it"),
        sa.Column(
            "competitor",
            sa.Text(),
            nullable=False,
            comment="Shop, or number of the offer at its market",
        ),
        sa.Column(
            "price",
            sa.BigInteger(),
            nullable=False,
            comment="What a buyer pays, delivery aside, KRW with VAT",
        ),
        sa.Column("url", sa.Text(), nullable=True, comment="Page of the offer"),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), nullable=False, comment="When the source saw it"
        ),
        sa.Column(
            "stored_at", sa.DateTime(timezone=True), nullable=False, comment="When it was stored"
        ),
        sa.ForeignKeyConstraint(
            ["sku_id"], ["skus.id"], name=op.f("competitor_prices_sku_id_fkey")
        ),
        sa.PrimaryKeyConstraint(
            "sku_id", "pieces", "source", "competitor", name=op.f("competitor_prices_pkey")
        ),
        comment="The last price of each competitor's offer for one of our SKUs",
    )
    op.create_table(
        "price_plans",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="Number of the plan",
        ),
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Account"),
        sa.Column("product_no", sa.Text(), nullable=False, comment="Listing at the market"),
        sa.Column("option_no", sa.Text(), nullable=False, comment="Option at the market"),
        sa.Column(
            "sku_id", sa.Integer(), nullable=True, comment="SKU inside, where it is one alone"
        ),
        sa.Column("mode", sa.Text(), nullable=False, comment="review or auto"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="planned, approved, rejected, pushed or skipped",
        ),
        sa.Column(
            "before",
            sa.BigInteger(),
            nullable=True,
            comment="Price the market showed, KRW with VAT",
        ),
        sa.Column(
            "after",
            sa.BigInteger(),
            nullable=True,
            comment="Price to set; empty: no change, KRW with VAT",
        ),
        sa.Column(
            "margin",
            sa.BigInteger(),
            nullable=True,
            comment="What fee and cost leave of the new price; empty: not known, KRW with VAT",
        ),
        sa.Column(
            "rule_id",
            sa.Integer(),
            nullable=True,
            comment="Rule that won, as it was then (price_rules.id)",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why this price, or why none"),
        sa.Column(
            "needs_review",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Is it a person's to decide whatever the mode?",
        ),
        sa.Column(
            "inputs",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="What the decision was made from",
        ),
        sa.Column(
            "times",
            sa.Integer(),
            nullable=False,
            comment="How often in a row it was decided the same",
        ),
        sa.Column(
            "decided_by", sa.Text(), nullable=True, comment="Who approved, rejected or replaced it"
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="Run that planned it last"),
        sa.Column(
            "planned_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was first decided",
        ),
        sa.Column(
            "last_planned_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was last decided the same",
        ),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was approved, rejected or replaced",
        ),
        sa.Column(
            "pushed_at", sa.DateTime(timezone=True), nullable=True, comment="When the market had it"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("price_plans_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("price_plans_pkey")),
        comment="Every price decision; at most one per option is open",
    )
    op.create_index(
        "price_plans_open_key",
        "price_plans",
        ["account_id", "product_no", "option_no"],
        unique=True,
        postgresql_where=sa.text("status IN ('planned', 'approved')"),
    )
    op.create_index(
        "price_plans_option_idx",
        "price_plans",
        ["account_id", "product_no", "option_no", "id"],
        unique=False,
    )
    op.create_table(
        "price_history",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="Number of the change",
        ),
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Account"),
        sa.Column("product_no", sa.Text(), nullable=False, comment="Listing at the market"),
        sa.Column("option_no", sa.Text(), nullable=False, comment="Option at the market"),
        sa.Column("before", sa.BigInteger(), nullable=False, comment="Price before, KRW with VAT"),
        sa.Column(
            "after",
            sa.BigInteger(),
            nullable=False,
            comment="Price that the market took, KRW with VAT",
        ),
        sa.Column("who", sa.Text(), nullable=False, comment="Who approved it, or auto"),
        sa.Column("why", sa.Text(), nullable=False, comment="Reason of its plan"),
        sa.Column("rule_id", sa.Integer(), nullable=True, comment="Rule that won (price_rules.id)"),
        sa.Column(
            "plan_id", sa.BigInteger(), nullable=True, comment="Plan it came from (price_plans.id)"
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="Run that sent it"),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), nullable=False, comment="When the market had it"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("price_history_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("price_history_pkey")),
        sa.UniqueConstraint("plan_id", name=op.f("price_history_plan_id_key")),
        comment="Prices that we set at the markets",
    )
    op.create_index(
        "price_history_option_idx",
        "price_history",
        ["account_id", "product_no", "option_no", "set_at"],
        unique=False,
    )

    for table, checks in CHECKS.items():
        for name, condition in checks.items():
            op.create_check_constraint(f"{table}_{name}_check", table, condition)
