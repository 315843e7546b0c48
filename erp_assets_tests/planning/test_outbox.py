"""The outbox with a market that does as it is told, or pretends to."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from erp_assets.errors import AnswerLost, MarketBusy, MarketDenied, MarketDown
from erp_assets.planning.outbox import (
    Kind,
    Planned,
    Push,
    drain,
    last_written,
    open_pushes,
    plan,
    recover,
)
from erp_assets.records import Batch, Offer, Option, OptionKey, Product, ProductStatus, WriteResult
from erp_assets.warehouse.engine import PushRunning
from erp_assets.warehouse.loading import load
from erp_assets_tests.warehouse.rows import line

NOW = datetime(2026, 10, 20, 3, 0, 0, 250_000, tzinfo=UTC)


class Shelf:
    """A market of options that keeps what it is told.

    answers: option_no → what is to happen, once, instead of a plain yes: "lost" (done, no answer),
    "gone" (not done, no answer), "lie" (yes, not done), any other text: refused with that code; an
    exception is raised before anything is done.
    """

    def __init__(self, *option_nos, stock=5, price=10_000):
        self.offers_by = {
            OptionKey(no.partition("-")[0], no): Offer(no.partition("-")[0], no, stock, price, True)
            for no in option_nos
        }
        self.answers = {}
        self.hidden = set()
        self.writes = []
        self.read = []
        self.read_errors = []

    def __getitem__(self, option_no):
        return self.offers_by[option_no.partition("-")[0], option_no]

    def sell(self, option_no, pieces):
        key = OptionKey(option_no.partition("-")[0], option_no)
        offer = self.offers_by[key]
        self.offers_by[key] = offer._replace(stock=offer.stock - pieces)

    async def offers(self, options):
        self.read.append(list(options))
        for option in options:
            if self.read_errors and option is options[-1]:
                raise self.read_errors.pop(0)
            if option.option_no not in self.hidden:
                yield Batch(offers=[self.offers_by[option]])

    async def set_stock(self, changes):
        return [self._set("stock", it, {"stock": it.stock}) for it in self._told(changes)]

    async def set_prices(self, changes):
        return [self._set("price", it, {"price": it.price}) for it in self._told(changes)]

    async def set_on_sale(self, options, on_sale):
        return [self._set("on_sale", it, {"on_sale": on_sale}) for it in self._told(options)]

    def _told(self, items):
        for it in items:
            answer = self.answers.get(it.option_no)
            if isinstance(answer, Exception):
                raise self.answers.pop(it.option_no)
        return items

    def _set(self, kind, item, values):
        key = OptionKey(*item[:2])
        answer = self.answers.pop(item.option_no, "yes")
        self.writes.append((kind, item.option_no, *values.values()))
        if answer in ("yes", "lost"):
            self.offers_by[key] = self.offers_by[key]._replace(**values)
        if answer in ("lost", "gone"):
            return WriteResult(key, ok=False, code="lost", message="cut", is_lost=True)
        if answer in ("yes", "lie"):
            return WriteResult(key, ok=True, message="ok")
        return WriteResult(key, ok=False, code=answer, message=f"it said {answer}")


def stock(option_no, wanted, *, before=5, **values):
    product_no = option_no.partition("-")[0]
    told = {"reason": "3 sold", "source": "stock"} | values
    return Push(1, product_no, option_no, Kind.STOCK, wanted, before, **told)


def price(option_no, wanted, *, before=10_000, **values):
    return stock(option_no, wanted, before=before, **values)._replace(kind=Kind.PRICE)


def on_sale(option_no, wanted, **values):
    return stock(option_no, wanted, before=1 - wanted, **values)._replace(kind=Kind.ON_SALE)


def planned(warehouse, *wanted):
    with warehouse.transaction() as db:
        return plan(db, wanted, now=NOW)


def drained(warehouse, market, **options):
    options = {"landing_s": 0, "now": lambda: NOW} | options
    return asyncio.run(drain(warehouse, market, 1, **options))


def recovered(warehouse, market):
    return asyncio.run(recover(warehouse, market, 1, landing_s=0, now=lambda: NOW))


def rows(warehouse, columns="option_no, kind, wanted, status"):
    with warehouse.transaction() as db:
        found = db.execute(text(f"SELECT {columns} FROM market_pushes ORDER BY id"))
        return [tuple(row) for row in found]


def leave_as_sent(warehouse):
    """What a process leaves that was killed between mark and record."""
    with warehouse.transaction() as db:
        db.execute(
            text("UPDATE market_pushes SET status = 'sent', attempts = 1, sent_at = :now"),
            {"now": NOW},
        )


def sell(warehouse, option_no, pieces, *, at=NOW):
    """File the order of a buyer."""
    sold = line(
        "9", option_no, product_no=option_no.partition("-")[0], option_no=option_no,
        quantity=pieces, amount=pieces * 19_000, ordered_at=at,
    )  # fmt: skip
    with warehouse.transaction() as db:
        load(db, account_id=1, kind="orders", batch=Batch(lines=[sold]))


# ── planning ───────────────────────────────────────────────────────────────────────────────────
def test_a_newer_plan_supersedes_what_was_not_sent(warehouse):
    assert planned(warehouse, stock("1-a", 3), price("1-a", 9_000)) == Planned(2, 0)
    assert planned(warehouse, stock("1-a", 2)) == Planned(1, 1)
    assert rows(warehouse) == [
        ("1-a", "stock", 3, "superseded"),
        ("1-a", "price", 9_000, "planned"),
        ("1-a", "stock", 2, "planned"),
    ]


def test_the_same_plan_again_changes_nothing(warehouse):
    planned(warehouse, stock("1-a", 3))
    assert planned(warehouse, stock("1-a", 3, reason="again")) == Planned(0, 0)
    assert rows(warehouse, "wanted, reason, status") == [(3, "3 sold", "planned")]


def test_what_the_market_shows_already_is_not_planned_and_takes_back_what_was(warehouse):
    assert planned(warehouse, stock("1-a", 5)) == Planned(0, 0)
    planned(warehouse, stock("1-a", 3))
    assert planned(warehouse, stock("1-a", 5)) == Planned(0, 1)
    assert rows(warehouse) == [("1-a", "stock", 3, "superseded")]


def test_a_plan_waits_beside_what_was_sent(warehouse):
    planned(warehouse, stock("1-a", 3))
    leave_as_sent(warehouse)
    assert planned(warehouse, stock("1-a", 5)) == Planned(1, 0)
    with warehouse.transaction() as db:
        found = open_pushes(db, 1)
    assert [(it.wanted, str(it.status)) for it in found] == [(3, "sent"), (5, "planned")]


def test_every_column_of_a_plan_is_kept(warehouse):
    planned(warehouse, stock("1-a", 3, risk=2.5, run_id="r1", source="fast path"))
    columns = "account_id, product_no, before, reason, source, risk, run_id, planned_at, attempts"
    assert rows(warehouse, columns) == [(1, "1", 5, "3 sold", "fast path", 2.5, "r1", NOW, 0)]


def test_two_plans_in_one_transaction_both_count(warehouse):
    with warehouse.transaction() as db:
        plan(db, [stock("1-a", 3)], now=NOW)
        plan(db, [stock("2-a", 3)], now=NOW)
        assert plan(db, [], now=NOW) == Planned(0, 0)
    assert len(rows(warehouse)) == 2


@pytest.mark.parametrize(
    "push",
    [stock("1-a", -1), price("1-a", 0), price("1-a", -10), on_sale("1-a", 0)._replace(wanted=2)],
    ids=["stock below 0", "price 0", "price below 0", "on_sale 2"],
)
def test_a_value_that_cannot_be_is_refused_and_nothing_planned(warehouse, push):
    with pytest.raises(ValueError, match="cannot be"):
        planned(warehouse, stock("2-a", 1), push)
    assert rows(warehouse) == []


def test_a_thing_named_twice_is_refused(warehouse):
    with pytest.raises(ValueError, match="named twice"):
        planned(warehouse, stock("1-a", 1), stock("1-a", 2))


@pytest.mark.parametrize("status", ["planned", "sent"])
def test_the_database_holds_one_open_row_per_thing(warehouse, status):
    planned(warehouse, stock("1-a", 3))
    with warehouse.transaction() as db:
        db.execute(text("UPDATE market_pushes SET status = :status"), {"status": status})
    again = text("""
        INSERT INTO market_pushes (account_id, product_no, option_no, kind, wanted, reason, source,
            status) VALUES (1, '1', '1-a', 'stock', 4, '', '', :status)
    """)
    with (
        pytest.raises(IntegrityError, match=f"market_pushes_{status}_key"),
        warehouse.transaction() as db,
    ):
        db.execute(again, {"status": status})


# ── sending ────────────────────────────────────────────────────────────────────────────────────
def test_a_change_is_sent_once_read_back_and_confirmed(warehouse):
    shelf = Shelf("1-a")
    planned(warehouse, stock("1-a", 3), price("1-a", 9_000), on_sale("1-a", 0))
    done = drained(warehouse, shelf)
    assert (done.sent, len(done.confirmed), done.open, done.error) == (3, 3, 0, None)
    assert done.failed == done.drifted == []
    assert shelf["1-a"] == Offer("1", "1-a", 3, 9_000, False)
    columns = "wanted, status, attempts, seen, confirmed_at, code"
    assert [row[1:5] for row in rows(warehouse, columns)] == [
        ("confirmed", 1, 3, NOW),
        ("confirmed", 1, 9_000, NOW),
        ("confirmed", 1, 0, NOW),
    ]
    assert drained(warehouse, shelf).sent == 0
    assert len(shelf.writes) == 3


def test_the_row_says_sent_before_the_call_leaves(warehouse):
    seen = []

    class Watching(Shelf):
        async def set_stock(self, changes):
            seen.extend(rows(warehouse, "status, attempts, sent_at"))
            return await super().set_stock(changes)

    planned(warehouse, stock("1-a", 3))
    drained(warehouse, Watching("1-a"))
    assert seen == [("sent", 1, NOW)]


def test_stops_leave_first_then_stock_by_risk_then_prices_then_resumes(warehouse):
    shelf = Shelf("1-a", "2-a", "3-a", "4-a", "5-a")
    planned(
        warehouse, on_sale("1-a", 1), price("2-a", 9_000), stock("3-a", 1, risk=1),
        stock("4-a", 1, risk=9), on_sale("5-a", 0),
    )  # fmt: skip
    drained(warehouse, shelf)
    assert [it[:2] for it in shelf.writes] == [
        ("on_sale", "5-a"),
        ("stock", "4-a"),
        ("stock", "3-a"),
        ("price", "2-a"),
        ("on_sale", "1-a"),
    ]


def test_a_listing_goes_on_sale_only_when_its_stock_and_price_are_there(warehouse):
    shelf = Shelf("1-a", "1-b")
    shelf.answers["1-b"] = "gone"
    planned(warehouse, on_sale("1-a", 1), stock("1-b", 1))
    done = drained(warehouse, shelf)
    assert [it[:2] for it in shelf.writes] == [("stock", "1-b")] * 2 + [("on_sale", "1-a")]
    assert done.open == 0


def test_a_listing_is_never_split_over_calls(warehouse):
    calls = []

    class Counting(Shelf):
        async def set_stock(self, changes):
            calls.append([it.option_no for it in changes])
            return await super().set_stock(changes)

    numbers = ["1-a", "1-b", "2-a", "2-b", "2-c", "3-a"]
    planned(warehouse, *(stock(no, 1) for no in numbers))
    done = drained(warehouse, Counting(*numbers), batch=2)
    assert calls == [["1-a", "1-b"], ["2-a", "2-b", "2-c"], ["3-a"]]
    assert done.open == 0


def test_a_trusted_yes_is_not_read_but_doubt_is(warehouse):
    shelf = Shelf("1-a", "2-a")
    shelf.answers["2-a"] = "lost"
    planned(warehouse, stock("1-a", 3), stock("2-a", 3))
    done = drained(warehouse, shelf, read_back=False)
    assert shelf.read == [[("2", "2-a")]]
    assert {(it.option_no, it.seen) for it in done.confirmed} == {("1-a", None), ("2-a", 3)}


def test_a_refused_item_fails_with_the_markets_words_and_the_others_go_on(warehouse):
    shelf = Shelf("1-a", "2-a", "3-a")
    shelf.answers["2-a"] = "C-17"
    planned(warehouse, stock("1-a", 3), stock("2-a", 3), stock("3-a", 3))
    done = drained(warehouse, shelf)
    assert [it[:7] for it in done.failed] == [
        (Kind.STOCK, "2", "2-a", 3, None, "C-17", "it said C-17")
    ]
    assert rows(warehouse, "option_no, status, code, message") == [
        ("1-a", "confirmed", None, None),
        ("2-a", "failed", "C-17", "it said C-17"),
        ("3-a", "confirmed", None, None),
    ]
    assert drained(warehouse, shelf).sent == 0


def test_words_that_no_text_column_takes_are_stored_all_the_same(warehouse):
    shelf = Shelf("1-a")
    shelf.answers["1-a"] = "bad\0\ud800"
    planned(warehouse, stock("1-a", 3))
    assert len(drained(warehouse, shelf).failed) == 1
    assert rows(warehouse, "code") == [("bad?",)]


# ── doubt ──────────────────────────────────────────────────────────────────────────────────────
def test_a_lost_answer_is_read_and_not_repeated_when_the_market_shows_it(warehouse):
    shelf = Shelf("1-a")
    shelf.answers["1-a"] = "lost"
    planned(warehouse, stock("1-a", 3))
    done = drained(warehouse, shelf)
    assert (len(shelf.writes), len(done.confirmed), done.open) == (1, 1, 0)


def test_a_write_that_never_arrived_is_sent_again_after_reading(warehouse):
    shelf = Shelf("1-a")
    shelf.answers["1-a"] = "gone"
    planned(warehouse, stock("1-a", 3))
    done = drained(warehouse, shelf)
    assert (len(shelf.writes), len(shelf.read), len(done.confirmed)) == (2, 2, 1)
    assert rows(warehouse, "status, attempts") == [("confirmed", 2)]


def test_an_item_the_answer_does_not_name_is_in_doubt(warehouse):
    class Forgetful(Shelf):
        async def set_stock(self, changes):
            return (await super().set_stock(changes))[1:]

    shelf = Forgetful("1-a", "2-a")
    planned(warehouse, stock("1-a", 3), stock("2-a", 3))
    assert len(drained(warehouse, shelf).confirmed) == 2
    assert len(shelf.writes) == 2


def test_a_call_whose_answer_is_lost_as_a_whole_is_read(warehouse):
    shelf = Shelf("1-a", "2-a")
    shelf.answers["2-a"] = AnswerLost("cut")
    planned(warehouse, stock("1-a", 3), stock("2-a", 3))
    done = drained(warehouse, shelf)
    assert (done.error, len(done.confirmed), len(shelf.writes)) == (None, 2, 2)


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "never arrived"])
def test_what_a_killed_process_sent_is_read_first(warehouse, arrived):
    shelf = Shelf("1-a", stock=3 if arrived else 5)
    planned(warehouse, stock("1-a", 3))
    leave_as_sent(warehouse)
    done = drained(warehouse, shelf)
    assert shelf.read[0] == [("1", "1-a")]
    assert len(shelf.writes) == (0 if arrived else 1)
    assert (shelf["1-a"].stock, len(done.confirmed), done.open) == (3, 1, 0)


def test_recovering_sends_nothing_and_leaves_the_next_plan_a_free_hand(warehouse):
    shelf = Shelf("1-a", "2-a")
    planned(warehouse, stock("1-a", 3), stock("2-a", 5, before=9))
    leave_as_sent(warehouse)
    done = recovered(warehouse, shelf)
    assert (shelf.writes, len(done.confirmed), done.open) == ([], 1, 1)
    assert planned(warehouse, stock("1-a", 2)) == Planned(1, 1)
    drained(warehouse, shelf)
    assert shelf.writes == [("stock", "1-a", 2)]


def test_what_never_arrived_gives_way_to_a_plan_that_waited(warehouse):
    shelf = Shelf("1-a")
    planned(warehouse, stock("1-a", 3))
    leave_as_sent(warehouse)
    planned(warehouse, stock("1-a", 2))
    done = drained(warehouse, shelf)
    assert shelf.writes == [("stock", "1-a", 2)]
    assert (done.superseded, done.open) == (1, 0)
    assert [row[2:] for row in rows(warehouse)] == [(3, "superseded"), (2, "confirmed")]


def test_a_yes_that_is_not_shown_yet_waits_for_the_next_drain(warehouse):
    shelf = Shelf("1-a")
    shelf.answers["1-a"] = "lie"
    planned(warehouse, price("1-a", 9_000))
    done = drained(warehouse, shelf)
    assert len(shelf.writes) == 1
    assert [(it.seen, it.code) for it in done.drifted] == [(10_000, "drift")]
    assert (done.open, done.confirmed) == (1, [])
    assert len(drained(warehouse, shelf).confirmed) == 1
    assert len(shelf.writes) == 2


def test_a_yes_that_shows_a_little_later_is_confirmed_in_the_same_drain(warehouse):
    shelf, waits = Shelf("1-a", "2-a"), []

    async def showing(seconds):
        waits.append(seconds)
        shelf.offers_by["1", "1-a"] = shelf["1-a"]._replace(price=9_000)

    shelf.answers["1-a"] = "lie"
    planned(warehouse, price("1-a", 9_000), price("2-a", 9_000))
    done = drained(warehouse, shelf, landing_s=5, sleep=showing)
    assert (waits, len(done.confirmed), done.drifted) == ([5], 2, [])
    assert shelf.read == [[("1", "1-a"), ("2", "2-a")], [("1", "1-a")]]


@pytest.mark.parametrize(
    ("age", "waited"), [(0, [5]), (2, [3]), (9, [0]), (-60, [5])],
    ids=["just sent", "on its way", "long ago", "by a clock ahead of ours"],
)  # fmt: skip
def test_what_is_in_doubt_is_not_read_while_it_may_still_land(warehouse, age, waited):
    shelf, waits = Shelf("1-a"), []

    async def landing(seconds):
        assert shelf.read == []
        waits.append(seconds)
        shelf.offers_by["1", "1-a"] = shelf["1-a"]._replace(stock=3)

    planned(warehouse, stock("1-a", 3))
    leave_as_sent(warehouse)
    later = NOW + timedelta(seconds=age)
    done = drained(warehouse, shelf, landing_s=5, now=lambda: later, sleep=landing)
    assert (waits, shelf.writes, len(done.confirmed)) == (waited, [], 1)


def test_a_market_that_never_does_what_it_says_is_given_up(warehouse):
    class Liar(Shelf):
        async def set_prices(self, changes):
            self.answers |= {it.option_no: "lie" for it in changes}
            return await super().set_prices(changes)

    shelf, failed = Liar("1-a"), []
    planned(warehouse, price("1-a", 9_000))
    for _ in range(30):
        failed += drained(warehouse, shelf).failed
    assert [(it.code, it.seen) for it in failed] == [("not_shown", 10_000)]
    assert len(shelf.writes) == 20


def test_an_option_the_market_stops_showing_is_given_up_after_some_readings(warehouse):
    shelf, failed = Shelf("1-a"), []
    shelf.hidden = {"1-a"}
    planned(warehouse, stock("1-a", 3))
    for n in range(5):
        assert failed == [], n
        failed += drained(warehouse, shelf).failed
    assert [it.code for it in failed] == ["unseen"]
    assert len(shelf.writes) == 1


# ── stock and buyers ───────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("before", "wanted", "shown", "known", "code"),
    [
        (5, 10, 8, 2, "sold"),
        (5, 10, 8, 3, "sold"),
        (8, 10, 8, 2, "sold"),
        (5, 10, 8, 0, "lower"),
        (20, 10, 8, 0, "lower"),
        (20, 10, 8, 1, "lower"),
    ],
    ids=[
        "as many as sold", "fewer than sold", "as before by chance", "raised, orders not collected",
        "lowered, orders not collected", "more than sold",
    ],
)  # fmt: skip
def test_pieces_bought_meanwhile_are_never_put_back(warehouse, before, wanted, shown, known, code):
    shelf = Shelf("1-a", stock=shown)
    planned(warehouse, stock("1-a", wanted, before=before))
    leave_as_sent(warehouse)
    if known:
        sell(warehouse, "1-a", known)
    done = drained(warehouse, shelf)
    assert shelf.writes == []
    assert [(it.seen, it.code) for it in done.confirmed] == [(shown, code)]
    assert [it.code for it in done.drifted] == (["lower"] if code == "lower" else [])


@pytest.mark.parametrize(
    ("before", "shown", "known"),
    [(5, 5, 0), (5, 4, 1), (5, 4, 0), (None, 4, 0), (20, 12, 0)],
    ids=["untouched", "sold from the old", "old and not collected", "unknown before", "above"],
)
def test_stock_that_the_old_value_explains_is_sent_again(warehouse, before, shown, known):
    shelf = Shelf("1-a", stock=shown)
    planned(warehouse, stock("1-a", 10, before=before))
    leave_as_sent(warehouse)
    if known:
        sell(warehouse, "1-a", known)
    drained(warehouse, shelf)
    assert shelf.writes == [("stock", "1-a", 10)]


@pytest.mark.parametrize(
    ("option_no", "at"),
    [("1-b", NOW), ("1-a", NOW - timedelta(seconds=1))],
    ids=["of another option", "before it was sent"],
)
def test_sales_that_do_not_explain_it_do_not_count(warehouse, option_no, at):
    shelf = Shelf("1-a", stock=5)
    planned(warehouse, stock("1-a", 7))
    leave_as_sent(warehouse)
    sell(warehouse, option_no, 2, at=at)
    drained(warehouse, shelf)
    assert shelf.writes == [("stock", "1-a", 7)]


def test_a_sale_told_to_the_second_counts_within_it(warehouse):
    shelf = Shelf("1-a", stock=5)
    planned(warehouse, stock("1-a", 7))
    leave_as_sent(warehouse)
    sell(warehouse, "1-a", 2, at=NOW.replace(microsecond=0))
    drained(warehouse, shelf)
    assert shelf.writes == []


def test_a_buyer_between_yes_and_reading_is_told_as_drift_and_not_undone(warehouse):
    class Busy(Shelf):
        async def set_stock(self, changes):
            results = await super().set_stock(changes)
            self.sell("1-a", 1)
            return results

    shelf = Busy("1-a")
    planned(warehouse, stock("1-a", 9))
    done = drained(warehouse, shelf)
    assert [(it.wanted, it.seen, it.code) for it in done.drifted] == [(9, 8, "lower")]
    assert (len(shelf.writes), done.open) == (1, 0)


def test_stock_of_a_stopped_option_is_confirmed_and_says_so(warehouse):
    shelf = Shelf("1-a")
    shelf.offers_by["1", "1-a"] = shelf["1-a"]._replace(on_sale=False)
    planned(warehouse, stock("1-a", 3))
    assert [it.code for it in drained(warehouse, shelf).confirmed] == ["stopped"]


# ── an account in trouble ──────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "error",
    [MarketDenied("403", remedy="renew the key"), MarketDown("503"), MarketBusy("429")],
    ids=["denied", "down", "busy"],
)
def test_a_failing_account_stops_and_the_next_drain_takes_up(warehouse, error):
    shelf = Shelf("1-a", "2-a", "3-a")
    shelf.answers["2-a"] = error
    planned(warehouse, *(stock(no, 3, risk=-n) for n, no in enumerate(["1-a", "2-a", "3-a"])))
    done = drained(warehouse, shelf, batch=1)
    assert (done.error, done.open) == (error, 3)
    assert [it[-1] for it in rows(warehouse)] == ["sent", "sent", "planned"]
    assert shelf.writes == [("stock", "1-a", 3)]
    again = drained(warehouse, shelf)
    assert (again.error, again.open, len(again.confirmed)) == (None, 0, 3)
    assert len(shelf.writes) == 3


@pytest.mark.parametrize(("code", "kind"), [("unavailable", MarketDown), ("denied", MarketDenied)])
def test_items_that_could_not_be_sent_end_the_drain_and_are_read_before_the_next(
    warehouse, code, kind
):
    shelf = Shelf("1-a", "2-a")
    shelf.answers |= {"1-a": code, "2-a": code}
    planned(warehouse, stock("1-a", 3), stock("2-a", 3))
    done = drained(warehouse, shelf)
    assert (type(done.error), done.open, shelf.read) == (kind, 2, [])
    assert rows(warehouse, "status, attempts") == [("sent", 0), ("sent", 0)]
    again = drained(warehouse, shelf)
    assert (again.error, again.open, len(shelf.writes)) == (None, 0, 4)


def test_one_item_that_cannot_be_sent_holds_nobody_up(warehouse):
    class Stuck(Shelf):
        async def set_stock(self, changes):
            self.answers["1-a"] = "unavailable"
            return await super().set_stock(changes)

    shelf = Stuck("1-a", "2-a", "3-a")
    planned(warehouse, stock("1-a", 3, risk=9), stock("2-a", 3))
    assert len(drained(warehouse, shelf).confirmed) == 1
    planned(warehouse, stock("3-a", 3))
    done = drained(warehouse, shelf, batch=1)
    assert [it.option_no for it in done.confirmed] == ["3-a"]
    assert (type(done.error), done.open) == (MarketDown, 1)
    assert [it[1] for it in shelf.writes] == ["1-a", "2-a", "3-a", "1-a"]


def test_a_reading_that_breaks_off_settles_what_it_saw(warehouse):
    shelf = Shelf("1-a", "2-a")
    shelf.read_errors.append(MarketDown("503"))
    planned(warehouse, stock("1-a", 3), stock("2-a", 3))
    done = drained(warehouse, shelf)
    assert isinstance(done.error, MarketDown)
    assert [it[-1] for it in rows(warehouse)] == ["confirmed", "sent"]
    assert drained(warehouse, shelf).open == 0
    assert len(shelf.writes) == 2


def test_only_one_process_drains_an_account(warehouse):
    planned(warehouse, stock("1-a", 3))
    with warehouse.pushing(1):
        with pytest.raises(PushRunning, match="account 1 are being sent"):
            drained(warehouse, Shelf("1-a"))
        with warehouse.pushing(2), warehouse.collecting(1, "offers"):
            pass
    assert drained(warehouse, Shelf("1-a")).open == 0


def test_another_accounts_rows_are_left_alone(warehouse):
    planned(warehouse, stock("1-a", 3)._replace(account_id=2), stock("2-a", 3))
    assert drained(warehouse, Shelf("1-a", "2-a")).sent == 1
    assert [it[-1] for it in rows(warehouse)] == ["planned", "confirmed"]


# ── what others see ────────────────────────────────────────────────────────────────────────────
def test_what_was_read_back_is_stored_with_its_history(warehouse):
    shelf = Shelf("1-a", "2-a")
    with warehouse.transaction() as db:
        product = Product("1", "기모 팬츠", ProductStatus.ON_SALE, "APPROVED")
        batch = Batch([product], [Option("1", "1-a", "")], [shelf["1-a"]])
        load(db, account_id=1, kind="products", batch=batch)
    planned(warehouse, stock("1-a", 3), stock("2-a", 3))
    drained(warehouse, shelf)
    with warehouse.transaction() as db:
        found = db.execute(text("SELECT option_no, stock, price FROM market_skus")).all()
        seen = db.execute(text("SELECT stock FROM stock_snapshots ORDER BY seen_at")).scalars()
        rejected = db.execute(text("SELECT count(*) FROM rejected_rows")).scalar_one()
        assert (found, list(seen), rejected) == ([("1-a", 3, 10_000)], [5, 3], 0)


def test_a_row_that_a_collection_holds_is_left_to_it(warehouse):
    shelf = Shelf("1-a")
    with warehouse.transaction() as db:
        product = Product("1", "기모 팬츠", ProductStatus.ON_SALE, "APPROVED")
        batch = Batch([product], [Option("1", "1-a", "")], [shelf["1-a"]])
        load(db, account_id=1, kind="products", batch=batch)
    planned(warehouse, stock("1-a", 3))
    with warehouse.transaction() as db:
        db.execute(text("UPDATE market_skus SET name = 'held'"))
        assert drained(warehouse, shelf).open == 0
    with warehouse.transaction() as db:
        assert db.execute(text("SELECT stock FROM market_skus")).scalar_one() == 5


def test_the_last_written_value_of_each_option_is_known(warehouse):
    shelf = Shelf("1-a", "2-a")
    for wanted in (4, 3):
        planned(warehouse, stock("1-a", wanted, before=wanted + 1), price("2-a", wanted * 1000))
        drained(warehouse, shelf)
    with warehouse.transaction() as db:
        found = last_written(db, 1, Kind.STOCK)
        assert last_written(db, 2, Kind.STOCK) == {}
    assert found == {OptionKey("1", "1-a"): (3, 3, NOW)}
