"""Derived assets: what people ask of orders, stock and sales, made inside PostgreSQL."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import dagster as dg

from erp_assets.defs.ingest import OWNERS
from erp_assets.defs.resources import Platform
from erp_assets.warehouse import queries, sales, tables

Columns = Mapping[str, dg.TableSchema]


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
    return [
        view_asset(
            "order_lines_with_skus",
            deps=[["market", "orders"], ["market", "products"]],
            description="Order lines with the option as it is now and the SKUs inside. A view: "
            "always current; materializing counts its rows.",
        ),
        view_asset(
            "stock_positions",
            deps=[["market", "stock"], ["market", "orders"], ["market", "claims"]],
            description="Stock of each option at its market, beside what is sold but not shipped. "
            "A view: always current; materializing counts its rows.",
        ),
        daily_sales_asset(columns["daily_sales"]),
    ]


def view_asset(
    name: str, *, deps: Sequence[Sequence[str]], description: str
) -> dg.AssetsDefinition:
    """Return the asset that stands for a view of the warehouse."""

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
            schema = _schema(queries.columns_of(db, name))
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "dagster/column_schema": schema,
                "seconds": round(time.monotonic() - started, 3),
            }
        )

    return view


def _schema(columns: Sequence[tuple[str, str]]) -> dg.TableSchema:
    return dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in columns])


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
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26)),
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
