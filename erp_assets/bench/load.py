"""The load path: decoded records to committed rows, beside a bare COPY of the same rows."""

import gc
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.string import StrDumper

from erp_assets.bench.surroundings import fresh_home
from erp_assets.records import Batch, LineStatus, Order, OrderLine, RawDocument
from erp_assets.warehouse import queries, tables
from erp_assets.warehouse.engine import Warehouse
from erp_assets.warehouse.loading import load
from erp_assets.warehouse.server import database_url
from erp_assets.warehouse.staging import Stage, stage_of

LINES = 200_000
BATCH = 20_000
ORDERS = stage_of(Order, tables.market_orders, "")
LINES_OF_ORDERS = stage_of(OrderLine, tables.market_order_lines, "")
PLACED = datetime(2026, 10, 20, tzinfo=UTC)
PAD = "기모 트레이닝 팬츠, 07 DARK GREY, 160호 / 문 앞에 놓아주세요 " * 12


def rows(first: int, last: int, status: LineStatus, *, with_documents: bool) -> Batch:
    """Return the lines first … last - 1, two to an order; a document has about 1 kB."""
    batch = Batch()
    for n in range(first, last):
        order_no, at = str(22_000_000_000_000 + n // 2), PLACED + timedelta(seconds=n - n % 2)
        if n % 2 == 0:
            batch.orders.append(Order(order_no, at, at, "홍길동", "050-1234-1234"))
        batch.lines.append(_line(n, order_no, at, status))
        if with_documents:
            body = f'{{"shipmentBoxId":{n},"status":"{status}","text":"{PAD}"}}'
            batch.documents.append(RawDocument("orders", str(n), body.encode()))
    return batch


def _line(n: int, order_no: str, at: datetime, status: LineStatus) -> OrderLine:
    option = 3_242_596_358 + n % 1_000
    return OrderLine(
        order_no,
        f"{642_538_970_006_400_000 + n}-{option}",
        at,
        status,
        str(status),
        "80240831",
        "기모 트레이닝 팬츠 IKTM17WG1",
        2,
        19_000,
        38_000,
        str(option),
        "07 DARK GREY 160호",
        "170816368810",
        0,
        0,
        3_000,
        0,
        str(642_538_970_006_400_000 + n),
        2_500,
        receiver_name="신희",
        receiver_phone="050-0000-0000",
        postcode="18100",
        address="경기 오산시 가수동 아파트 109동",
        delivery_note="문 앞",
    )


def measure() -> dict[str, Any]:
    """Load 200,000 lines, half of them stored before with another state, with and without raw.

    Ratios are to the COPY of the same orders and lines into tables without index or constraint,
    as psycopg does it by itself: in text. The loader's is binary, so that one is shown as well.
    """
    with fresh_home() as home:
        warehouse = Warehouse(database_url(home))
        warehouse.migrate()
        with warehouse.transaction() as db:
            queries.register_accounts(db, [(n, f"a{n}", "coupang", True) for n in (1, 2)])
        _store(warehouse, 1, _batches(LINES // 2, LineStatus.NEW, with_documents=False))
        _store(warehouse, 2, _batches(LINES // 2, LineStatus.NEW, with_documents=True))
        typed = list(_batches(LINES, LineStatus.CONFIRMED, with_documents=False))
        bare_s = sorted(_bare(warehouse, typed) for _ in range(5))[2]
        binary_s = sorted(_bare(warehouse, typed, binary=True) for _ in range(5))[2]
        typed_s = _store(warehouse, 1, typed)
        del typed
        with_raw = list(_batches(LINES, LineStatus.CONFIRMED, with_documents=True))
        raw_s = _store(warehouse, 2, with_raw)
        again_s = _store(warehouse, 2, with_raw)
        warehouse.dispose()
    return {
        "lines": LINES,
        "bare_copy_rows_per_s": round(LINES / bare_s),
        "bare_binary_copy_rows_per_s": round(LINES / binary_s),
        "typed_rows_per_s": round(LINES / typed_s),
        "typed_ratio": round(bare_s / typed_s, 3),
        "typed_target": 0.25,
        "with_raw_rows_per_s": round(LINES / raw_s),
        "with_raw_ratio": round(bare_s / raw_s, 3),
        "with_raw_target": 0.15,
        "unchanged_with_raw_rows_per_s": round(LINES / again_s),
    }


def _batches(lines: int, status: LineStatus, *, with_documents: bool) -> Iterator[Batch]:
    for first in range(0, lines, BATCH):
        yield rows(first, first + BATCH, status, with_documents=with_documents)


def _store(warehouse: Warehouse, account: int, batches: Iterator[Batch] | Sequence[Batch]) -> float:
    gc.collect()
    gc.freeze()  # the rows waiting here are the benchmark's own, no collector would hold them
    started = time.perf_counter()
    for batch in batches:
        with warehouse.transaction() as db:
            load(db, account_id=account, kind="orders", batch=batch)
    seconds = time.perf_counter() - started
    gc.unfreeze()
    return seconds


def _bare(warehouse: Warehouse, batches: Sequence[Batch], *, binary: bool = False) -> float:
    """COPY orders and lines into plain tables, committed batch by batch as by the loader."""
    with psycopg.connect(warehouse.url.replace("+psycopg", "")) as db:
        db.adapters.register_dumper(LineStatus, StrDumper)
        for table in ("orders", "order_lines"):
            db.execute(f"DROP TABLE IF EXISTS bare_{table}")
            db.execute(f"CREATE TABLE bare_{table} (LIKE market_{table})")
            for name in ("account_id", "filed_at", "first_seen_at", "changed_at"):
                db.execute(f"ALTER TABLE bare_{table} DROP COLUMN {name}")
        db.commit()
        started = time.perf_counter()
        for batch in batches:
            _copy(db, "bare_orders", ORDERS, batch.orders, binary=binary)
            _copy(db, "bare_order_lines", LINES_OF_ORDERS, batch.lines, binary=binary)
            db.commit()
        return time.perf_counter() - started


def _copy(
    db: psycopg.Connection[Any],
    table: str,
    stage: Stage,
    some: Sequence[tuple[Any, ...]],
    *,
    binary: bool,
) -> None:
    form = " (FORMAT BINARY)" if binary else ""
    with db.cursor().copy(f"COPY {table} ({', '.join(stage.names)}) FROM STDIN{form}") as copy:
        if binary:
            copy.set_types(stage.types)
        for row in some:
            copy.write_row(row)
