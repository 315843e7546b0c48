"""Rows of records into temporary tables by COPY, and the rows that do not fit set aside.

A staging table has the columns of its record, in order. PostgreSQL refuses a whole COPY for one
bad value (a number beyond its type, a NUL), so a refused COPY is halved until the bad rows stand
alone.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

import psycopg
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus

Row = tuple[Any, ...]
POSTGRES = PGDialect_psycopg()  # type: ignore[no-untyped-call]
ENUMS: Sequence[type[Enum]] = (ProductStatus, LineStatus, ClaimKind, ClaimStatus)


class Unfit(NamedTuple):
    """A row that PostgreSQL cannot hold, and its reason."""

    row: Row
    reason: str


class Stage(NamedTuple):
    """A table to copy into. columns: name and SQL type, in the order of the rows."""

    name: str
    columns: Sequence[tuple[str, str]]

    def create(self) -> str:
        """Return the statement that makes or empties it."""
        listed = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        return f"CREATE TEMP TABLE IF NOT EXISTS {self.name} ({listed}); TRUNCATE {self.name}"

    @property
    def names(self) -> list[str]:
        """The column names."""
        return [name for name, _ in self.columns]


def stage_of(
    record: type[Any], table: Table, name: str, *, before: Sequence[tuple[str, str]] = ()
) -> Stage:
    """Return the staging table of `record`: its fields with the types they have in `table`.

    before: columns ahead of the fields.
    """
    fields = [(f, table.c[f].type.compile(POSTGRES)) for f in record._fields]
    return Stage(name, [*before, *fields])


def raw_connection(db: Connection) -> psycopg.Connection[Any]:
    """Return psycopg's connection below, taught to write our enums as plain text."""
    below = db.connection.driver_connection
    if not isinstance(below, psycopg.Connection):
        raise TypeError("the warehouse speaks through psycopg")
    for enum in ENUMS:
        below.adapters.register_dumper(enum, StrDumper)
    return below


def copy_rows(db: psycopg.Connection[Any], stage: Stage, rows: Sequence[Row]) -> list[Unfit]:
    """Fill the emptied staging table with `rows`; return those it cannot hold."""
    db.execute(stage.create())
    return append_rows(db, stage, rows)


def append_rows(db: psycopg.Connection[Any], stage: Stage, rows: Sequence[Row]) -> list[Unfit]:
    """Add `rows` to a table, staging or not; return those it cannot hold."""
    if not rows:
        return []
    statement = f"COPY {stage.name} ({', '.join(stage.names)}) FROM STDIN"
    try:
        with db.transaction(), db.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except (psycopg.DataError, UnicodeError) as error:
        if len(rows) == 1:
            return [Unfit(rows[0], str(error).splitlines()[0])]
        half = len(rows) // 2
        return append_rows(db, stage, rows[:half]) + append_rows(db, stage, rows[half:])
    return []
