"""Idempotent loading: records and raw rows in, changed rows touched, nothing doubled.

Every table is filled the same way: COPY into a staging table, then one statement that merges it.
The rules of the merge are the vocabulary's: a later row wins, None never erases, the pieces of a
line never shrink, a line that is over stays cancelled or returned until a claim says otherwise, and
a row whose values are the same is left alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Connection, Table

from erp_assets import records
from erp_assets.clock import Window
from erp_assets.records import Batch, LineStatus, RawDocument, Rejected
from erp_assets.warehouse import tables
from erp_assets.warehouse.marks import ensure_partitions
from erp_assets.warehouse.staging import (
    Row,
    Stage,
    Unfit,
    append_rows,
    copy_rows,
    raw_connection,
    stage_of,
)
from erp_assets.warehouse.statements import (
    APPLY_CLAIM_UPDATES,
    APPLY_LINE_UPDATES,
    APPLY_OFFERS,
    BEGIN,
    FILED_ORDERS,
    REJECT,
    RESOLVE_DOCUMENTS,
    SNAPSHOTS,
    UNKNOWN_OFFERS,
    UPDATE_DOCUMENTS,
    WAITING_DOCUMENTS,
    WANT_ORDERS,
)

ACCOUNT = ("account_id", "integer")
PLACE = (("filed_at", "timestamptz"),)
"""Stands before rows of orders: where they are filed."""

OVER = (LineStatus.CANCELLED, LineStatus.RETURNED)
"""How a line ends without being bought; a Coupang sheet cannot tell which, only a claim can."""

BODY_CHARACTERS = 20_000
"""How much of a rejected row is kept."""


@dataclass(slots=True)
class Tally:
    """What happened to the rows of one table."""

    seen: int = 0
    inserted: int = 0
    updated: int = 0

    @property
    def unchanged(self) -> int:
        """Rows that were stored already, value for value."""
        return self.seen - self.inserted - self.updated


@dataclass(slots=True)
class Loaded:
    """What one batch did. rejected: rows that went to rejected_rows."""

    tables: dict[str, Tally] = field(default_factory=dict)
    rejected: int = 0

    def __getitem__(self, table: str) -> Tally:
        """Return the tally of `table`."""
        return self.tables.setdefault(table, Tally())


class Merge(NamedTuple):
    """How rows of one record become rows of one table.

    key: the record's fields that identify a row. kind: of its rejections. update and insert: touch
    the stored rows that differ, and add those that are missing. direct: the table itself, for rows
    of which it is known that none is stored.
    """

    table: Table
    stage: Stage
    direct: Stage
    key: Sequence[str]
    kind: str
    update: str
    insert: str


def _merged(table: Table, column: str) -> str:
    if column == "quantity" and table is tables.market_order_lines:
        return "greatest(t.quantity, s.quantity)"
    if column == "status" and table is tables.market_order_lines:
        over = ", ".join(f"'{status}'" for status in OVER)
        return (
            f"CASE WHEN t.status IN ({over}) AND s.status IN ({over}) "
            "THEN t.status ELSE s.status END"
        )
    if column == "amount":
        return "s.unit_price * greatest(t.quantity, s.quantity)"
    if table.c[column].nullable:
        return f"coalesce(s.{column}, t.{column})"
    return f"s.{column}"


def _merge(record: type[Any], table: Table, key: Sequence[str], kind: str) -> Merge:
    """Write the two statements that merge a staged record into its table.

    Not ON CONFLICT: it would lock and log every row that is there, changed or not.
    """
    filed = "filed_at" in table.c
    stage = stage_of(record, table, f"stage_{table.name}", before=PLACE if filed else ())
    direct = Stage(table.name, [ACCOUNT, *stage.columns])
    stored = stage.names
    values = [name for name in record._fields if name not in key]
    unique = [name for name in stored if name not in values]
    same = " AND ".join(["t.account_id = %(account)s", *(f"t.{n} = s.{n}" for n in unique)])
    new = ", ".join(_merged(table, name) for name in values)
    old = ", ".join(f"t.{name}" for name in values)
    update = f"""
        UPDATE {table.name} t SET ({", ".join(values)}, changed_at) = ROW({new}, now())
        FROM {stage.name} s
        WHERE {same} AND ROW({old}) IS DISTINCT FROM ROW({new})
    """  # noqa: S608 - names of our own tables and columns only
    insert = f"""
        INSERT INTO {table.name} (account_id, {", ".join(stored)})
        SELECT %(account)s, {", ".join(f"s.{name}" for name in stored)} FROM {stage.name} s
        WHERE NOT EXISTS (SELECT FROM {table.name} t WHERE {same})
    """  # noqa: S608 - names of our own tables and columns only
    return Merge(table, stage, direct, key, kind, update, insert)


ORDERS = _merge(records.Order, tables.market_orders, ["order_no"], "orders")
LINES = _merge(records.OrderLine, tables.market_order_lines, ["order_no", "line_no"], "orders")
CLAIMS = _merge(records.Claim, tables.market_claims, ["claim_no", "order_no", "line_no"], "claims")
PRODUCTS = _merge(records.Product, tables.market_products, ["product_no"], "products")
OPTIONS = _merge(records.Option, tables.market_skus, ["product_no", "option_no"], "products")
LINE_UPDATES = stage_of(records.LineUpdate, tables.market_order_lines, "stage_line_updates")
CLAIM_UPDATES = stage_of(records.ClaimUpdate, tables.market_claims, "stage_claim_updates")
OFFERS = stage_of(records.Offer, tables.market_skus, "stage_offers")
ORDER_KEYS = Stage("market_order_keys", [ACCOUNT, ("order_no", "text"), *PLACE])
DOCUMENTS = Stage(
    "stage_documents",
    [
        ("kind", "text"),
        ("document_no", "text"),
        ("body", "json"),
        ("xml", "text"),
        ("digest", "bigint"),
    ],
)
NEW_DOCUMENTS = Stage("raw_documents", [ACCOUNT, *DOCUMENTS.columns, ("run_id", "text")])


def load(
    db: Connection,
    *,
    account_id: int,
    kind: str,
    batch: Batch,
    run_id: str | None = None,
    window: Window | None = None,
) -> Loaded:
    """Store a batch in the caller's transaction.

    kind: what is being collected. window: the span being read, noted with rejected rows.
    """
    loader = _Loader(raw_connection(db), account_id, run_id, window)
    return loader.run(kind, batch)


class Place(NamedTuple):
    """Where an order is filed. is_new: nothing of it is stored, nor can be by anybody else."""

    at: datetime
    is_new: bool


class _Loader:
    """One load: the connection, whose rows, and what happened so far."""

    def __init__(
        self,
        db: psycopg.Connection[Any],
        account_id: int,
        run_id: str | None,
        window: Window | None,
    ) -> None:
        self._db = db
        self._account = account_id
        self._run_id = run_id
        self._window = window
        self._loaded = Loaded()
        self._rejected: list[Rejected] = []

    def run(self, kind: str, batch: Batch) -> Loaded:
        """Store everything, rejected rows last because storing may reject more."""
        self._rejected += batch.rejected
        self._run(BEGIN)
        self._merge(PRODUCTS, last_of_each(batch.products, len(PRODUCTS.key)))
        self._merge(OPTIONS, last_of_each(batch.options, len(OPTIONS.key)))
        self._offers(batch.offers)
        self._orders(batch)
        self._update_lines(batch.line_updates)
        self._merge(CLAIMS, last_of_each(batch.claims, len(CLAIMS.key)))
        self._update_claims(batch.claim_updates)
        self._want_orders(batch)
        self._documents(batch.documents)
        self._reject()
        return self._loaded

    def _stage(self, stage: Stage, rows: Sequence[Row], kind: str, key: slice) -> int:
        """Fill a staging table; rows that do not fit are rejected. Return how many are in."""
        unfit = copy_rows(self._db, stage, rows)
        self._rejected += [self._refused(kind, each, key) for each in unfit]
        return len(rows) - len(unfit)

    def _refused(self, kind: str, unfit: Unfit, key: slice) -> Rejected:
        number = "-".join(str(part) for part in unfit.row[key]).replace("\x00", "")
        body = str(unfit.row).replace("\x00", "\\x00")
        return Rejected(kind, f"the database cannot hold it: {unfit.reason}", body, number or None)

    def _merge(self, merge: Merge, rows: Sequence[Row]) -> None:
        """Store the rows of a record whose table hangs on no partition."""
        if rows:
            key = slice(0, len(merge.key))
            self._settle(merge, self._stage(merge.stage, rows, merge.kind, key))

    def _merge_filed(self, merge: Merge, rows: Sequence[Row], places: Mapping[str, Place]) -> None:
        """Store rows of orders, each of which begins with its order's number."""
        fresh = [
            (self._account, place.at) + row  # noqa: RUF005 - half the time, on every row
            for row in rows
            if (place := places[row[0]]).is_new
        ]
        known = [(place.at, *row) for row in rows if not (place := places[row[0]]).is_new]
        length = len(merge.key)
        if fresh:
            unfit = append_rows(self._db, merge.direct, fresh)
            self._rejected += [self._refused(merge.kind, it, slice(2, 2 + length)) for it in unfit]
            self._loaded[merge.table.name].seen += len(fresh) - len(unfit)
            self._loaded[merge.table.name].inserted += len(fresh) - len(unfit)
        if known:
            key = slice(1, 1 + length)
            self._settle(merge, self._stage(merge.stage, known, merge.kind, key))

    def _settle(self, merge: Merge, staged: int) -> None:
        tally = self._loaded[merge.table.name]
        tally.seen += staged
        tally.updated += self._run(merge.update)
        tally.inserted += self._run(merge.insert)

    def _run(self, statement: str, **values: object) -> int:
        return self._db.execute(statement, {"account": self._account, **values}).rowcount

    def _orders(self, batch: Batch) -> None:
        orders = last_of_each(batch.orders, len(ORDERS.key))
        lines = last_of_each(batch.lines, len(LINES.key))
        places = self._file(orders, lines)
        self._merge_filed(ORDERS, orders, places)
        self._merge_filed(LINES, lines, places)

    def _file(self, orders: Sequence[Any], lines: Sequence[Any]) -> dict[str, Place]:
        """Return order_no → where it is filed: under the time it was placed, as first told."""
        placed: dict[str, datetime] = {}
        for row in (*orders, *lines):
            placed.setdefault(row.order_no, row.ordered_at)
        if not placed:
            return {}
        values = {"account": self._account, "orders": [no for no in placed if _clean(no) == no]}
        places = {no: Place(at, is_new=False) for no, at in self._db.execute(FILED_ORDERS, values)}
        new = [(self._account, no, at) for no, at in placed.items() if no not in places]
        append_rows(self._db, ORDER_KEYS, new)
        places.update({no: Place(at, is_new=True) for _, no, at in new})
        ensure_partitions(self._db, {_month(it.at) for it in places.values() if it.is_new})
        return places

    def _offers(self, offers: Sequence[records.Offer]) -> None:
        if not offers:
            return
        rows = last_of_each(offers, 2)
        staged = self._stage(OFFERS, rows, "offers", slice(2))
        for table in ("stock_snapshots", "price_snapshots"):
            tally = self._loaded[table]
            tally.seen += staged
            tally.inserted += self._run(SNAPSHOTS[table])
        self._run(APPLY_OFFERS)
        unknown = self._db.execute(UNKNOWN_OFFERS, {"account": self._account}).fetchall()
        self._rejected += [
            Rejected(
                "offers", "an offer of an option that no product lists", f"{p} {o}", f"{p}-{o}"
            )
            for p, o in unknown
        ]

    def _update_lines(self, updates: Sequence[records.LineUpdate]) -> None:
        if updates:
            self._stage(LINE_UPDATES, last_of_each(updates, 2), "orders", slice(2))
            self._loaded["market_order_lines"].updated += self._run(APPLY_LINE_UPDATES)

    def _update_claims(self, updates: Sequence[records.ClaimUpdate]) -> None:
        if updates:
            self._stage(CLAIM_UPDATES, last_of_each(updates, 1), "claims", slice(1))
            self._loaded["market_claims"].updated += self._run(APPLY_CLAIM_UPDATES)

    def _want_orders(self, batch: Batch) -> None:
        """Note the orders that rows of this batch mention and that are not stored whole."""
        thin = [(line.order_no, line.line_no) for line in batch.lines if line.option_no is None]
        updated = [(row.order_no, row.line_no) for row in batch.line_updates]
        claimed = [(row.order_no, row.line_no) for row in batch.claims]
        keys = [*thin, *updated, *claimed]
        if keys:
            stage = Stage("stage_mentioned", [("order_no", "text"), ("line_no", "text")])
            copy_rows(self._db, stage, keys)
            self._run(WANT_ORDERS)

    def _documents(self, documents: Sequence[RawDocument]) -> None:
        """Store the rows as they came; those stored already never cross the wire."""
        latest = {(row.kind, row.document_no): row.body for row in documents}
        tally = self._loaded["raw_documents"]
        tally.seen += len(latest)
        known = self._digests(latest)
        rows = []
        for (kind, number), body in latest.items():
            digest = _digest_of(body)
            if known.get((kind, number)) != digest:
                is_xml = body.startswith(b"<")
                json, xml = (None, body.decode()) if is_xml else (body, None)
                rows.append((kind, number, json, xml, digest))
        fresh = [(self._account, *row, self._run_id) for row in rows if row[:2] not in known]
        changed = [row for row in rows if row[:2] in known]
        unfit = append_rows(self._db, NEW_DOCUMENTS, fresh)
        self._refuse_documents(unfit, 1)
        tally.inserted += len(fresh) - len(unfit)
        if changed:
            unfit = copy_rows(self._db, DOCUMENTS, changed)
            self._refuse_documents(unfit, 0)
            tally.updated += self._run(UPDATE_DOCUMENTS, run_id=self._run_id)
        self._heal(rows)

    def _refuse_documents(self, unfit: Sequence[Unfit], first: int) -> None:
        """Reject documents; `first` is the place of their kind in the row."""
        for row, reason in unfit:
            kind, number, body, xml = row[first : first + 4]
            why = f"the database cannot hold it: {reason}"
            self._rejected.append(Rejected(kind, why, xml or body.decode(), number))

    def _heal(self, rows: Sequence[Row]) -> None:
        """Settle what was rejected under a number that came in order now."""
        waiting = self._db.execute(WAITING_DOCUMENTS, {"account": self._account}).fetchall()
        if healed := set(waiting) & {row[:2] for row in rows}:
            kinds, numbers = zip(*healed, strict=True)
            self._run(RESOLVE_DOCUMENTS, kinds=list(kinds), numbers=list(numbers))

    def _digests(self, latest: dict[tuple[str, str], bytes]) -> dict[tuple[str, str], int]:
        numbers: dict[str, list[str]] = {}
        for kind, number in latest:
            if _clean(number) == number:  # any other cannot be asked for, nor be stored
                numbers.setdefault(kind, []).append(number)
        known: dict[tuple[str, str], int] = {}
        for kind, wanted in numbers.items():
            found = self._db.execute(
                "SELECT document_no, digest FROM raw_documents "
                "WHERE account_id = %s AND kind = %s AND document_no = ANY(%s)",
                (self._account, kind, wanted),
            )
            known.update({(kind, number): digest for number, digest in found})
        return known

    def _reject(self) -> None:
        """Store the rejected rows; the same row again only counts up."""
        kept: dict[tuple[str, str], Rejected] = {}
        for row in self._rejected:
            body = row.body.encode("utf-8", "surrogatepass")
            kept[row.kind, row.document_no or f"#{_digest_of(body)}"] = row
        since, until = self._window or (None, None)
        for (kind, identity), row in kept.items():
            self._run(
                REJECT,
                kind=kind,
                identity=_clean(identity),
                document_no=_clean(row.document_no) if row.document_no else None,
                reason=_clean(row.reason),
                body=_clean(row.body)[:BODY_CHARACTERS],
                since=since,
                until=until,
                run_id=self._run_id,
            )
        self._loaded.rejected += len(kept)


def _month(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _clean(text: str) -> str:
    """Return text that PostgreSQL can hold: NUL and lone surrogates written out."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _digest_of(body: bytes) -> int:
    """Return a hash of 64 bits, signed."""
    return int.from_bytes(blake2b(body, digest_size=8).digest(), "big", signed=True)


def last_of_each(rows: Iterable[Row], key: int) -> list[Row]:
    """Return one row per key (the first `key` fields), later rows over earlier ones.

    A None of the later row leaves what the earlier said.
    """
    latest: dict[Row, Row] = {}
    for row in rows:
        identity = row[:key]
        before = latest.get(identity)
        latest[identity] = row if before is None else _over(before, row)
    return list(latest.values())


def _over(before: Any, after: Any) -> Any:
    merged = type(after)._make(
        old if new is None else new for old, new in zip(before, after, strict=True)
    )
    if isinstance(after, records.OrderLine):
        quantity = max(before.quantity, after.quantity)
        is_over = before.status in OVER and after.status in OVER
        status = before.status if is_over else after.status
        return merged._replace(
            status=status, quantity=quantity, amount=merged.unit_price * quantity
        )
    return merged
