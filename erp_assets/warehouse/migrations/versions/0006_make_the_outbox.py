"""Make the outbox: what the markets are to be told, and what came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "market_pushes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), comment="Number of the push"),
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Account"),
        sa.Column("product_no", sa.Text(), nullable=False, comment="Listing at the market"),
        sa.Column("option_no", sa.Text(), nullable=False, comment="Option at the market"),
        sa.Column("kind", sa.Text(), nullable=False, comment="stock, price or on_sale"),
        sa.Column(
            "wanted",
            sa.BigInteger(),
            nullable=False,
            comment="What the market is to show: pieces, KRW with VAT, or 1 on sale and 0 stopped",
        ),
        sa.Column("before", sa.BigInteger(), comment="What it showed when this was decided"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why, in words"),
        sa.Column("source", sa.Text(), nullable=False, comment="Which plan or person decided it"),
        sa.Column(
            "risk",
            sa.Double(),
            server_default=sa.text("0"),
            nullable=False,
            comment="The larger, the earlier it is sent",
        ),
        sa.Column(
            "status",
            sa.Text(),
            server_default=sa.text("'planned'"),
            nullable=False,
            comment="planned, sent, confirmed, failed or superseded",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How often it left for the market",
        ),
        sa.Column(
            "unseen",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Readings in a row that did not show the option",
        ),
        sa.Column(
            "planned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was decided",
        ),
        sa.Column(
            "sent_at",
            sa.DateTime(timezone=True),
            comment="When it was last marked as sent, just before the call",
        ),
        sa.Column(
            "answered_at", sa.DateTime(timezone=True), comment="When the market said yes to it"
        ),
        sa.Column(
            "confirmed_at", sa.DateTime(timezone=True), comment="When it was known to be there"
        ),
        sa.Column("seen", sa.BigInteger(), comment="What the market showed when last read back"),
        sa.Column("code", sa.Text(), comment="The market's code of a refusal, or our word for it"),
        sa.Column("message", sa.Text(), comment="What the market said"),
        sa.Column("run_id", sa.Text(), comment="Dagster run that decided it"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("kind IN ('stock', 'price', 'on_sale')", name="market_pushes_kind"),
        sa.CheckConstraint(
            "status IN ('planned', 'sent', 'confirmed', 'failed', 'superseded')",
            name="market_pushes_status",
        ),
        sa.CheckConstraint(
            "wanted >= CASE kind WHEN 'price' THEN 1 ELSE 0 END"
            " AND (kind <> 'on_sale' OR wanted <= 1)",
            name="market_pushes_wanted",
        ),
        comment="Outbox: changes of stock, price and sale on their way to the markets",
    )
    key = ["account_id", "product_no", "option_no", "kind"]
    for status in ("planned", "sent"):
        op.create_index(
            f"market_pushes_{status}_key",
            "market_pushes",
            key,
            unique=True,
            postgresql_where=sa.text(f"status = '{status}'"),
        )
    op.create_index(
        "market_pushes_confirmed_idx",
        "market_pushes",
        [*key, "confirmed_at"],
        postgresql_where=sa.text("status = 'confirmed'"),
    )


def downgrade() -> None:
    op.drop_table("market_pushes")
