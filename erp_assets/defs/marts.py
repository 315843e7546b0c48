"""Derived assets: what people ask of orders, stock and sales, made inside PostgreSQL."""

import time
from collections.abc import Mapping, Sequence

import dagster as dg

from erp_assets.defs.ingest import FRESH_WITHIN, OWNERS
from erp_assets.defs.resources import Platform
from erp_assets.warehouse import queries, sales, tables

Columns = Mapping[str, dg.TableSchema]
VIEW_COLUMNS = {
    "account": "Seller account, as the settings name it",
    "market": "coupang, naver or eleven",
    "barcode": "Barcode of the option",
    "stock_now": "Pieces the market would still sell",
    "price_now": "Price of one piece before coupons, KRW with VAT",
    "sku_id": "The seller's own SKU inside the option; a bundle has a row per SKU",
    "sku_code": "The seller's own code of that SKU",
    "sku_pieces": "Pieces of the SKU in one piece of the option",
    "sku_quantity": "Pieces of the SKU in the line, cancelled ones included",
    "to_ship": "Pieces sold that neither left nor are in a claim or cancelled",
    "in_claim": "Pieces in open claims",
}
"""What the views' own columns mean; the others keep the meaning of their tables."""


def column_schemas() -> dict[str, dg.TableSchema]:
    """Return the columns of every table with types and meaning, for Dagit."""
    return {
        table.name: dg.TableSchema(
            columns=[
                dg.TableColumn(
                    column.name,
                    str(column.type),
                    column.comment,
                    constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
                )
                for column in table.columns
            ]
        )
        for table in tables.metadata.sorted_tables
    }


def marts(columns: Columns) -> list[dg.AssetsDefinition]:
    """Return the derived assets."""
    known = {
        column.name: column.description or ""
        for table in ("market_skus", "market_order_lines")
        for column in columns[table].columns
    }
    return [
        view_asset(
            "order_lines_with_skus",
            known=known,
            deps=[["market", "orders"], ["market", "products"]],
            description="Order lines with the option as it is now and the SKUs inside. A view: "
            "always current; materializing counts its rows.",
        ),
        view_asset(
            "stock_positions",
            known=known,
            deps=[["market", "stock"], ["market", "orders"], ["market", "claims"]],
            description="Stock of each option at its market, beside what is sold but not shipped. "
            "A view: always current; materializing counts its rows.",
        ),
        daily_sales_asset(columns["daily_sales"]),
    ]


def view_asset(
    name: str, *, known: Mapping[str, str], deps: Sequence[Sequence[str]], description: str
) -> dg.AssetsDefinition:
    """Return the asset that stands for a view of the warehouse.

    known: what columns mean that the view takes over from tables, by name.
    """

    @dg.asset(
        key=["marts", name],
        deps=[dg.AssetKey(list(key)) for key in deps],
        description=description,
        group_name="marts",
        owners=OWNERS,
        kinds={"postgres", "view"},
        metadata={"dagster/table_name": name},
    )
    def view(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        started = time.monotonic()
        with platform.warehouse.transaction() as db:
            rows = queries.count_rows(db, name)
            schema = _schema(queries.columns_of(db, name), known)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "dagster/column_schema": schema,
                "seconds": round(time.monotonic() - started, 3),
            }
        )

    return view


def _schema(columns: Sequence[tuple[str, str]], known: Mapping[str, str]) -> dg.TableSchema:
    described = {**known, **VIEW_COLUMNS}
    return dg.TableSchema(
        columns=[dg.TableColumn(name, kind, described.get(name)) for name, kind in columns]
    )


def daily_sales_asset(schema: dg.TableSchema) -> dg.AssetsDefinition:
    """Return the asset that sums order lines per account, KST day and option."""

    @dg.asset(
        key=["marts", "daily_sales"],
        deps=[dg.AssetKey(["market", "orders"]), dg.AssetKey(["market", "claims"])],
        description="Sales per account, KST day and option: orders, pieces, value. Summed again "
        "each time; only rows that differ are written.",
        group_name="marts",
        owners=OWNERS,
        kinds={"postgres", "table"},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH_WITHIN),
        metadata={"dagster/table_name": "daily_sales", "dagster/column_schema": schema},
    )
    def daily_sales(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        started = time.monotonic()
        with platform.warehouse.transaction() as db:
            changed = sales.refresh(db)
            rows = queries.count_rows(db, "daily_sales")
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "rows_changed": changed,
                "seconds": round(time.monotonic() - started, 3),
            }
        )

    return daily_sales
