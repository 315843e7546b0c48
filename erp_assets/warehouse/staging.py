"""Rows of records into temporary tables by COPY, and the rows that do not fit set aside.

A staging table has the columns of its record, in order. PostgreSQL refuses a whole COPY for one
bad value (a number beyond its type, a NUL), so a refused COPY is halved until the bad rows stand
alone.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import set_json_dumps
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

Row = tuple[Any, ...]
LARGEST_INTEGER = 2**31 - 1
MANY_ROWS = 1_000
POSTGRES = PGDialect_psycopg()  # type: ignore[no-untyped-call]


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

    @property
    def types(self) -> list[str]:
        """The columns' types as psycopg calls them."""
        return [kind.lower() for _, kind in self.columns]

    @property
    def integers(self) -> list[int]:
        """The places of the columns of 32 bits."""
        return [place for place, kind in enumerate(self.types) if kind == "integer"]


def stage_of(
    record: type[Any], table: Table, name: str, *, before: Sequence[tuple[str, str]] = ()
) -> Stage:
    """Return the staging table of `record`: its fields with the types they have in `table`.

    before: columns ahead of the fields.
    """
    fields = [(f, table.c[f].type.compile(POSTGRES)) for f in record._fields]
    return Stage(name, [*before, *fields])


def raw_connection(db: Connection) -> psycopg.Connection[Any]:
    """Return psycopg's connection below."""
    below = db.connection.driver_connection
    if not isinstance(below, psycopg.Connection):
        raise TypeError("the warehouse speaks through psycopg")
    return below


def copy_rows(db: psycopg.Connection[Any], stage: Stage, rows: Sequence[Row]) -> list[Unfit]:
    """Fill the emptied staging table with `rows`; return those it cannot hold."""
    db.execute(stage.create())
    return append_rows(db, stage, rows)


def refresh_statistics(db: psycopg.Connection[Any], table: str, rows: int) -> None:
    """Let the planner see `rows` just written; without, it takes nested loops over all of them."""
    if rows >= MANY_ROWS:
        db.execute(f"ANALYZE {table}")


def append_rows(db: psycopg.Connection[Any], stage: Stage, rows: Sequence[Row]) -> list[Unfit]:
    """Add `rows` to a table, staging or not; return those it cannot hold.

    Binary, because numbers and times written as text cost as much again as all the rest. psycopg
    would cut off a number too large for a binary integer without a word.
    """
    if not rows:
        return []
    cursor = db.cursor()
    set_json_dumps(bytes, cursor)  # JSON comes as the bytes it is
    statement = f"COPY {stage.name} ({', '.join(stage.names)}) FROM STDIN (FORMAT BINARY)"
    integers = stage.integers
    try:
        with db.transaction(), cursor.copy(statement) as copy:
            copy.set_types(stage.types)
            for row in rows:
                _measure(row, integers)
                copy.write_row(row)
    except (psycopg.DataError, UnicodeError, OverflowError) as error:
        if len(rows) == 1:
            return [Unfit(rows[0], str(error).splitlines()[0])]
        half = len(rows) // 2
        return append_rows(db, stage, rows[:half]) + append_rows(db, stage, rows[half:])
    return []


def _measure(row: Row, integers: Sequence[int]) -> None:
    for place in integers:
        if row[place] is not None and abs(row[place]) > LARGEST_INTEGER:
            raise psycopg.DataError(f"integer out of range: {row[place]}")
