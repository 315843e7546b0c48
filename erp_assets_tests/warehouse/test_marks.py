"""Watermarks, missing days, settling of rejected rows, shared call moments, the schema itself."""

import itertools
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from erp_assets import clock
from erp_assets.clock import Window
from erp_assets.records import Batch, Rejected
from erp_assets.warehouse import marks, queries, sales, server
from erp_assets.warehouse.engine import MIGRATIONS, CollectionRunning, Warehouse
from erp_assets.warehouse.loading import load
from erp_assets.warehouse.rates import shared_reserve
from erp_assets.warehouse.tables import metadata
from erp_assets_tests.warehouse.rows import line, option, product

FIRST = date(2026, 11, 1)
DAY = timedelta(days=1)


def missing(warehouse, days=5, kind="orders"):
    with warehouse.transaction() as db:
        return queries.missing_days(db, 1, kind, FIRST, FIRST + DAY * (days - 1))


def mark(warehouse, window, kind="orders"):
    with warehouse.transaction() as db:
        marks.mark(db, 1, kind, window, run_id="run")


def test_days_are_missing_until_they_were_read_to_their_end(warehouse):
    assert missing(warehouse) == [FIRST + DAY * n for n in range(5)]
    mark(warehouse, clock.day_window(FIRST, FIRST + DAY))
    assert missing(warehouse) == [FIRST + DAY * n for n in (2, 3, 4)]
    assert missing(warehouse, kind="claims") == [FIRST + DAY * n for n in range(5)]


def test_a_mark_leaves_no_gap_behind_it(warehouse):
    start, end = clock.day_window(FIRST)
    noon, evening = start + timedelta(hours=12), start + timedelta(hours=18)
    mark(warehouse, Window(noon, end))
    assert FIRST in missing(warehouse)
    mark(warehouse, Window(start, noon))
    mark(warehouse, Window(evening, end))
    assert FIRST in missing(warehouse)
    mark(warehouse, Window(noon, end))
    assert FIRST not in missing(warehouse)


def test_a_mark_never_moves_back(warehouse):
    window = clock.day_window(FIRST)
    mark(warehouse, window)
    mark(warehouse, Window(window.since, window.since + timedelta(hours=1)))
    assert FIRST not in missing(warehouse)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    spans=st.lists(
        st.tuples(st.integers(0, 96), st.integers(1, 48)).map(lambda it: (it[0], it[0] + it[1])),
        max_size=8,
    )
)
def test_a_day_counts_as_whole_only_if_its_hours_were_read_from_the_start(warehouse, spans):
    with warehouse.transaction() as db:
        db.execute(text("TRUNCATE watermarks"))
    start = clock.day_start(FIRST)
    reached = {FIRST + DAY * n: 0 for n in range(6)}
    for since, until in spans:
        mark(warehouse, Window(start + timedelta(hours=since), start + timedelta(hours=until)))
        for n, day in enumerate(reached):
            low, high = max(since - 24 * n, 0), min(until - 24 * n, 24)
            if low < high and low <= reached[day]:
                reached[day] = max(reached[day], high)
    assert missing(warehouse, days=6) == [day for day, hours in reached.items() if hours < 24]


def test_a_rejected_row_is_settled_by_a_whole_reading_of_its_span_only(warehouse):
    window = clock.day_window(FIRST)
    bad = Rejected("orders", "status: unknown", "{}", "1")
    with warehouse.transaction() as db:
        load(db, account_id=1, kind="orders", batch=Batch(rejected=[bad]), window=window)
    with warehouse.transaction() as db:
        now = queries.database_now(db)
        half = Window(window.since, window.since + timedelta(hours=1))
        assert marks.resolve(db, 1, "orders", half, before=now) == 0
        assert marks.resolve(db, 2, "orders", window, before=now) == 0
        assert marks.resolve(db, 1, "claims", window, before=now) == 0
        assert marks.resolve(db, 1, "orders", window, before=now - timedelta(hours=1)) == 0
        assert marks.resolve(db, 1, "orders", window, before=now) == 1
        assert queries.rejected_by_account(db, "orders") == {}


def test_only_one_process_collects_a_kind_of_an_account(warehouse):
    with warehouse.collecting(1, "orders"):
        with warehouse.collecting(1, "claims"), warehouse.collecting(2, "orders"):
            pass
        with pytest.raises(CollectionRunning, match="another process"):
            warehouse.collecting(1, "orders").__enter__()
    with warehouse.collecting(1, "orders"):
        pass


def test_call_moments_are_shared_and_evenly_spaced(warehouse):
    mine, other = shared_reserve(warehouse, "coupang"), shared_reserve(warehouse, "coupang")
    waits = [give("", 10.0, 1) for give in (mine, other, mine, other)]
    assert waits[0] == 0
    assert [round((later - earlier) / 10) for earlier, later in itertools.pairwise(waits)] == [
        1,
        1,
        1,
    ]
    assert shared_reserve(warehouse, "naver")("", 10.0, 1) == 0


def test_an_option_is_asked_for_until_its_offer_was_read(warehouse):
    with warehouse.transaction() as db:
        rows = Batch(products=[product()], options=[option(), option(option_no="71")])
        load(db, account_id=1, kind="products", batch=rows)
        assert [key.option_no for key in queries.option_keys(db, 1)] == ["70", "71"]
        db.execute(text("UPDATE market_skus SET offer_seen_at = now() WHERE option_no = '70'"))
        before = datetime(2026, 1, 1, tzinfo=UTC)
        left = queries.option_keys(db, 1, offer_before=before)
    assert [key.option_no for key in left] == ["71"]


def test_daily_sales_follow_the_lines(warehouse):
    def refreshed(*lines):
        with warehouse.transaction() as db:
            load(db, account_id=1, kind="orders", batch=Batch(lines=list(lines)))
            changed = sales.refresh(db)
            found = db.execute(text("SELECT day, orders, quantity, amount FROM daily_sales"))
            return changed, sorted(tuple(row) for row in found)

    late = datetime(2026, 10, 20, 15, 30, tzinfo=UTC)  # the next day in Korea
    rows = [line("1"), line("1", "2"), line("2"), line("3", ordered_at=late)]
    summed = [(date(2026, 10, 20), 2, 6, 114_000), (date(2026, 10, 21), 1, 2, 38_000)]
    assert refreshed(*rows) == (2, summed)
    assert refreshed(*rows) == (0, summed)
    moved = line("3", ordered_at=late - timedelta(hours=12))
    assert refreshed(moved) == (2, [(date(2026, 10, 20), 3, 8, 152_000)])


def test_the_migrations_make_the_tables_that_the_code_knows(warehouse):
    with warehouse.transaction() as db:
        found = compare_metadata(
            MigrationContext.configure(
                db,
                opts={
                    "include_object": lambda it, name, kind, *_: (
                        kind != "table" or name in metadata.tables
                    )
                },
            ),
            metadata,
        )
    assert found == []


def test_a_patient_collection_waits_for_the_one_before(warehouse):
    other = Warehouse(warehouse.url)
    other.patience_s = 30.0
    begun, ended = threading.Event(), []

    def wait():
        begun.set()
        with other.collecting(1, "orders"):
            ended.append("second")

    with warehouse.collecting(1, "orders"):
        second = threading.Thread(target=wait)
        second.start()
        begun.wait()
        ended.append("first")
    second.join(30)
    other.dispose()
    assert ended == ["first", "second"]


def test_stored_documents_outlive_the_change_of_their_type(postgres):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    warehouse = Warehouse(
        server.ensure_database(server.url(postgres), "before_0002", driver="psycopg")
    )
    add = text(
        "INSERT INTO raw_documents (account_id, kind, document_no, body, digest, changed_at) "
        """VALUES (1, 'orders', '7', '{"name": "홍길동"}', 1, now())"""
    )
    with warehouse.transaction() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        queries.register_accounts(db, [(1, "coupang", "coupang", True)])
        db.execute(add)
        command.upgrade(config, "head")
        assert db.execute(text("SELECT body ->> 'name' FROM raw_documents")).scalar() == "홍길동"
    warehouse.dispose()


def test_migrating_twice_changes_nothing(database_url):
    warehouse = Warehouse(database_url)
    warehouse.migrate()
    with warehouse.transaction() as db:
        assert db.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1
    warehouse.dispose()
