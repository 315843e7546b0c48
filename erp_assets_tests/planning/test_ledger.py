"""The ledger counts every piece once, in whatever order orders, claims and mappings arrive."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from erp_assets.planning import ledger
from erp_assets.records import ClaimKind, ClaimStatus, LineStatus
from erp_assets_tests.planning.shop import COUNTED, Shop

DONE = {"status": ClaimStatus.DONE, "market_status": "DONE"}


# ── sales ──────────────────────────────────────────────────────────────────────────────────────
def test_a_sale_is_posted_once_however_often_it_comes(shop):
    for _ in range(3):
        shop.order("1", quantity=3)
        shop.post()
        shop.post(whole=True)
    assert shop.entries("TOP") == [("opening", 100), ("sale", -3)]
    assert shop.stock("TOP") == (97, 0)


def test_posting_names_the_skus_that_moved(shop):
    shop.order("1")
    first, second = shop.post(run_id="run"), shop.post()
    [(number,)] = shop.sql("SELECT id FROM skus")
    assert (first.entries, first.skus) == (1, [number])
    assert (second.entries, second.skus) == (0, [])
    assert shop.sql("SELECT run_id FROM stock_ledger WHERE kind = 'sale'") == [("run",)]


def test_a_bundle_takes_its_pieces_of_every_sku(shop):
    shop.sku("SOCK")
    shop.count("SOCK", 50)
    shop.map("71", TOP=1, SOCK=4)
    shop.order("1", option_no="71", quantity=2)
    shop.post()
    assert (shop.stock("TOP"), shop.stock("SOCK")) == ((98, 0), (42, 0))


def test_lines_before_the_opening_count_are_in_it(shop):
    shop.order("1", ordered_at=COUNTED - timedelta(seconds=1))
    shop.order("2", ordered_at=COUNTED)
    shop.order("3", ordered_at=COUNTED + timedelta(seconds=1), quantity=1)
    shop.post()
    assert shop.stock("TOP") == (99, 0)


def test_nothing_is_posted_of_a_sku_never_counted(shop):
    shop.sku("SOCK")
    shop.map("71", SOCK=1)
    shop.order("1", option_no="71")
    shop.post()
    assert shop.entries("SOCK") == []
    shop.count("SOCK", 10)
    shop.post()
    assert shop.entries("SOCK") == [("opening", 10), ("sale", -2)]


def test_half_a_bundle_waits_for_its_count(shop):
    shop.sku("SOCK")
    shop.map("71", TOP=1, SOCK=1)
    shop.order("1", option_no="71", quantity=2)
    shop.post()
    assert (shop.stock("TOP"), shop.stock("SOCK")) == ((98, 0), (0, 0))
    shop.count("SOCK", 10)
    shop.post()
    assert (shop.stock("TOP"), shop.stock("SOCK")) == ((98, 0), (8, 0))


def test_lines_of_an_unmapped_option_are_posted_once_it_is_mapped(shop):
    shop.order("1", option_no="71", quantity=5)
    shop.post()
    assert shop.stock("TOP") == (100, 0)
    shop.map("71", TOP=2)
    shop.post()
    assert shop.stock("TOP") == (90, 0)


def test_a_later_mapping_leaves_posted_lines_as_they_are(shop):
    shop.order("1", quantity=2)
    shop.post()
    shop.sql("UPDATE sku_listings SET pieces = 5, mapped_at = now()")
    shop.order("1", quantity=2, cancelled_quantity=1)
    shop.order("2", quantity=1)
    shop.post()
    assert shop.stock("TOP") == (100 - 2 + 1 - 5, 0)


def test_an_unpaid_order_is_reserved_and_sold_when_paid(shop):
    shop.order("1", quantity=4, status=LineStatus.UNPAID)
    shop.post()
    assert shop.stock("TOP") == (100, 4)
    shop.order("1", quantity=4, status=LineStatus.NEW)
    shop.post()
    assert shop.stock("TOP") == (96, 0)


def test_an_unpaid_order_that_dies_gives_its_pieces_back(shop):
    shop.order("1", quantity=4, status=LineStatus.UNPAID)
    shop.post()
    shop.order("1", quantity=4, status=LineStatus.CANCELLED)
    shop.post()
    assert shop.stock("TOP") == (100, 0)


def test_a_line_too_large_for_its_multiplier_is_still_posted(shop):
    shop.map("71", TOP=1_000)
    shop.order("1", option_no="71", quantity=2**31 - 1, unit_price=1, amount=2**31 - 1)
    shop.order("2", quantity=1)
    shop.post()
    assert shop.stock("TOP") == (100 - 1000 * (2**31 - 1) - 1, 0)


# ── cancels and returns ────────────────────────────────────────────────────────────────────────
def test_partial_cancels_count_their_difference(shop):
    for cancelled in (0, 1, 1, 3, 2, 3):
        shop.order("1", quantity=5, cancelled_quantity=cancelled)
        shop.post()
        assert shop.stock("TOP") == (95 + cancelled, 0)
    assert [kind for kind, _ in shop.entries("TOP")] == ["opening", "sale", *["cancel"] * 4]


def test_a_return_told_by_claim_and_by_line_counts_once(shop):
    shop.order("1", quantity=5)
    shop.claim("90", "1", quantity=2)
    shop.post()
    assert shop.stock("TOP") == (95, 0)
    shop.claim("90", "1", quantity=2, **DONE)
    shop.post()
    shop.order("1", quantity=5, cancelled_quantity=2)
    shop.post()
    assert shop.entries("TOP") == [("opening", 100), ("sale", -5), ("return", 2)]


def test_a_cancel_and_a_return_of_one_line_are_told_apart(shop):
    shop.order("1", quantity=5, cancelled_quantity=1)
    shop.claim("90", "1", quantity=1, kind=ClaimKind.CANCEL, **DONE)
    shop.claim("91", "1", quantity=2, **DONE)
    shop.post()
    found = [("opening", 100), ("sale", -5), ("cancel", 1), ("return", 2)]
    assert sorted(shop.entries("TOP")) == sorted(found)


@pytest.mark.parametrize("status", [LineStatus.CANCELLED, LineStatus.RETURNED])
def test_a_line_that_is_over_without_a_number_gives_all_back(shop, status):
    shop.order("1", quantity=5)
    shop.post()
    shop.order("1", quantity=5, status=status)
    shop.post()
    assert shop.stock("TOP") == (100, 0)
    assert shop.entries("TOP")[-1][0] == {"cancelled": "cancel", "returned": "return"}[status]


@pytest.mark.parametrize(
    "values",
    [
        {"status": ClaimStatus.REQUESTED},
        {"status": ClaimStatus.REJECTED},
        {"status": ClaimStatus.WITHDRAWN},
        {"status": ClaimStatus.DONE, "kind": ClaimKind.EXCHANGE},
    ],
    ids=["requested", "rejected", "withdrawn", "exchange"],
)
def test_a_claim_that_brings_nothing_back_changes_nothing(shop, values):
    shop.order("1", quantity=5)
    shop.claim("90", "1", quantity=2, **values)
    shop.post()
    assert shop.stock("TOP") == (95, 0)


def test_more_can_not_come_back_than_was_sold(shop):
    shop.order("1", quantity=2)
    shop.claim("90", "1", quantity=2, kind=ClaimKind.CANCEL, **DONE)
    shop.claim("91", "1", quantity=2, **DONE)
    shop.post()
    assert shop.stock("TOP") == (100, 0)


# ── every order of arrival ─────────────────────────────────────────────────────────────────────
NUMBERS = count(1)
OPTIONS = {"single": {"A": 1}, "pack": {"A": 3}, "bundle": {"A": 1, "B": 2}, "unknown": {}}

LINES = st.fixed_dictionaries(
    {
        "option": st.sampled_from(sorted(OPTIONS)),
        "quantity": st.integers(1, 6),
        "cancelled": st.integers(0, 3),
        "returned": st.integers(0, 3),
        "is_before_count": st.booleans(),
        "is_unpaid": st.booleans(),
        "told_by": st.sampled_from(["line", "claims", "both"]),
    }
).map(
    lambda it: (
        it
        | {
            "cancelled": min(it["cancelled"], it["quantity"]),
            "returned": min(it["returned"], it["quantity"] - min(it["cancelled"], it["quantity"])),
        }
    )
)


def left(line):
    """Pieces of the line that stay sold."""
    return 0 if line["is_unpaid"] else line["quantity"] - line["cancelled"] - line["returned"]


def expected(lines, code, opening):
    """(on hand, reserved) of a SKU by plain arithmetic."""
    counted = [it for it in lines if not it["is_before_count"]]
    sold = sum(left(it) * OPTIONS[it["option"]].get(code, 0) for it in counted)
    held = sum(
        it["quantity"] * OPTIONS[it["option"]].get(code, 0) for it in counted if it["is_unpaid"]
    )
    return opening - sold, held


class Telling:
    """Tells a shop about lines, in stages: as bought, half way, as it ended."""

    def __init__(self, shop, lines):
        self.shop = shop
        self.lines = lines
        self.number = next(NUMBERS)
        for code in ("A", "B"):
            shop.sku(self.code(code))

    def code(self, name):
        return f"{name}{self.number}"

    def map(self):
        for option, pieces in OPTIONS.items():
            named = {self.code(code): number for code, number in pieces.items()}
            self.shop.map(option, product_no=str(self.number), **named)

    def count(self, code, quantity):
        self.shop.count(self.code(code), quantity)

    def tell(self, place, stage):
        line = self.lines[place]
        order_no = f"{self.number}-{place}"
        cancelled = line["cancelled"] * stage // 2
        returned = line["returned"] * stage // 2
        is_unpaid = line["is_unpaid"]
        by_line = (
            {"cancelled_quantity": cancelled + returned} if line["told_by"] != "claims" else {}
        )
        self.shop.order(
            order_no,
            product_no=str(self.number),
            option_no=line["option"],
            quantity=line["quantity"],
            status=LineStatus.UNPAID if is_unpaid else LineStatus.CONFIRMED,
            ordered_at=COUNTED + timedelta(hours=-1 if line["is_before_count"] else place + 1),
            **({} if is_unpaid else by_line),
        )
        if line["told_by"] != "line" and not is_unpaid:
            kinds = ((ClaimKind.CANCEL, cancelled), (ClaimKind.RETURN, returned))
            for kind, pieces in kinds:
                if pieces:
                    name = f"{kind}{order_no}"
                    self.shop.claim(name, order_no, kind=kind, quantity=pieces, **DONE)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINES, min_size=1, max_size=4), data=st.data())
def test_any_order_of_arrival_ends_with_the_same_stock(warehouse, lines, data):
    telling = Telling(Shop(warehouse), lines)
    told = st.tuples(st.integers(0, len(lines) - 1), st.integers(0, 2))
    steps = data.draw(st.lists(st.one_of(told, st.just("post")), max_size=8), label="steps")
    once = ["map", "count A", "count B"]
    for step in data.draw(st.permutations(once), label="once"):
        steps.insert(data.draw(st.integers(0, len(steps))), step)
    actions = {
        "post": telling.shop.post,
        "map": telling.map,
        "count A": lambda: telling.count("A", 40),
        "count B": lambda: telling.count("B", 7),
    }
    for step in steps:
        if isinstance(step, tuple):
            telling.tell(*step)
        else:
            actions[step]()
    for place in data.draw(st.permutations(range(len(lines))), label="end"):
        telling.tell(place, 2)
    telling.shop.post()
    found = [telling.shop.stock(telling.code(code)) for code in ("A", "B")]
    assert found == [expected(lines, "A", 40), expected(lines, "B", 7)]
    assert telling.shop.post().entries == 0
    assert telling.shop.post(whole=True).entries == 0


# ── nothing is passed over, nothing rewritten ──────────────────────────────────────────────────
def test_progress_stays_behind_transactions_that_are_still_open(shop):
    with shop.warehouse.engine.connect() as slow, slow.begin():
        [began] = slow.execute(text("SELECT now()")).one()
        with shop.warehouse.transaction() as db:
            ledger.post_movements(db)
        [(until,)] = shop.sql("SELECT posted_until FROM stock_progress")
    assert until < began


def test_only_what_changed_since_is_looked_at_again(shop):
    shop.order("1")
    shop.post()
    assert shop.post().lines == 0
    shop.order("2")
    assert shop.post().lines == 1
    shop.claim("90", "1", **DONE)
    assert shop.post().lines == 1


@pytest.mark.parametrize(
    "statement",
    ["UPDATE stock_ledger SET quantity = 1", "DELETE FROM stock_ledger", "TRUNCATE stock_ledger"],
)
def test_the_ledger_is_append_only(shop, statement):
    with pytest.raises(DBAPIError, match="append-only"):
        shop.sql(statement)
    assert shop.stock("TOP") == (100, 0)


def test_writers_at_the_same_time_post_each_line_once(shop):
    for number in range(20):
        shop.order(str(number), quantity=1)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: shop.post(), range(4)))
    assert sum(it.entries for it in done) == 20
    assert shop.stock("TOP") == (80, 0)


def test_a_lost_memory_of_what_was_posted_doubles_nothing(shop):
    shop.order("1", quantity=3, cancelled_quantity=1)
    shop.post()
    shop.sql("DELETE FROM stock_postings")
    assert shop.post(whole=True).entries == 0
    assert shop.stock("TOP") == (98, 0)


def test_an_event_is_entered_once(shop):
    assert shop.count("TOP", 70) == set()
    assert shop.stock("TOP") == (100, 0)


def test_sums_follow_entries_made_by_hand(shop):
    shop.sql(
        "INSERT INTO stock_ledger (sku_id, occurred_at, kind, quantity, source_key) "
        "SELECT id, now(), 'adjustment', q, q::text FROM skus, (VALUES (5), (-7)) v (q)"
    )
    assert shop.stock("TOP") == (98, 0)
    assert shop.sql("SELECT sum(quantity) FROM stock_ledger") == [(98,)]
