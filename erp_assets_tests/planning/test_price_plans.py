"""Plans from decision to market: stored once, approved or rejected once, written down once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from erp_assets.planning import pricing
from erp_assets.warehouse import price_plans, price_queries
from erp_assets_tests.planning.price_shop import Shop
from erp_assets_tests.planning.pricing import NOW

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(warehouse):
    return Shop(warehouse)


def plan(shop, account=1, *, mode="review", now=NOW, run_id="run"):
    return shop.do(pricing.plan_account, account, mode=mode, now=now, run_id=run_id)


def planned(shop, **values):
    """A shop with one listing and one plan: 10,000 → 9,000."""
    sku = shop.sku()
    shop.lists(sku)
    shop.rule(sku, **values)
    plan(shop)
    return shop.plans()[0]


def test_every_decision_is_stored_with_what_it_was_made_from(shop):
    sku = shop.sku()
    shop.lists(sku)
    shop.lists(shop.sku("S-2"), option_no="71")
    rule = shop.rule(sku, mode="lowest", price=None)
    shop.competes(sku, 9_500)
    shop.competes(sku, 100, competitor="덤핑")
    told = plan(shop)
    assert (told.options, told.planned, told.approved, told.skipped) == (2, 1, 0, 1)
    assert told.reasons == {"the product is not opted in: no rule of its SKU has opt_in": 1}
    skipped, change = shop.plans()
    assert (change.option_no, change.status, change.before, change.after) == (
        *("70", "planned"),
        *(10_000, 9_500),
    )
    assert (change.margin, change.rule_id, change.times) == (2_550, rule, 1)
    assert "lowest competitor 옆가게 (file) 9,500" in change.reason
    assert (skipped.option_no, skipped.status, skipped.after) == ("71", "skipped", None)
    inputs = shop.sql("SELECT inputs, run_id FROM price_plans WHERE id = :id", id=change.id)[0]
    assert inputs[1] == "run"
    assert inputs[0]["cost"] == 6_000
    assert inputs[0]["used"][0]["price"] == 9_500
    assert "absurd" in inputs[0]["ignored"][0]["why"]


def test_planning_takes_the_same_few_statements_for_any_number_of_options(shop):
    def statements():
        seen = []

        def note(*call):
            seen.append(call[2])

        event.listen(shop.warehouse.engine, "before_cursor_execute", note)
        plan(shop)
        event.remove(shop.warehouse.engine, "before_cursor_execute", note)
        return len(seen)

    sku = shop.sku()
    shop.rule(sku)
    shop.lists(sku)
    few = statements()
    for n in range(40):
        shop.lists(sku, option_no=str(100 + n))
    assert statements() == few
    assert len(shop.plans(statuses=["planned"])) == 41


def test_the_same_decision_again_is_counted_not_repeated(shop):
    before = planned(shop)
    shop.lists(shop.sku("S-2"), option_no="71")
    plan(shop)
    plan(shop, now=NOW + HOUR, run_id="later")
    plans = shop.plans()
    assert [(it.option_no, it.status, it.times) for it in plans] == [
        ("71", "skipped", 2),
        ("70", "planned", 3),
    ]
    assert (plans[1].id, plans[1].last_planned_at) == (before.id, NOW + HOUR)


def test_another_decision_replaces_what_was_planned(shop):
    first = planned(shop)
    shop.sql("UPDATE price_rules SET price = 9500")
    plan(shop)
    new, old = shop.plans()
    assert (old.id, old.status, old.decided_by) == (first.id, "skipped", "replaced")
    assert (new.status, new.after) == ("planned", 9_500)


def test_auto_approves_at_once_and_waits_until_it_is_sent(shop):
    sku = shop.sku()
    shop.lists(sku)
    shop.rule(sku)
    assert plan(shop, mode="auto").approved == 1
    (waiting,) = shop.do(price_plans.approved, 1)
    assert (waiting.option_no, waiting.before, waiting.after) == ("70", 10_000, 9_000)
    assert plan(shop, mode="auto").reasons == {"an approved price still waits to be sent": 1}
    assert shop.do(price_plans.approved, 1) == [waiting]


def test_auto_leaves_to_a_person_what_is_beyond_the_largest_change(shop):
    sku = shop.sku()
    shop.lists(sku)
    shop.rule(sku, floor=14_000, run_change_rate="0.1")
    assert plan(shop, mode="auto").planned == 1
    (found,) = shop.plans()
    assert (found.status, found.after, found.needs_review) == ("planned", 14_000, True)
    verdict = shop.do(pricing.approve, [found.id], "kim", now=NOW)
    assert verdict.done == [found.id]


def test_a_plan_is_approved_once_with_who_did_it(shop):
    found = planned(shop)
    assert shop.do(pricing.approve, [found.id], "kim", now=NOW).done == [found.id]
    again = shop.do(pricing.approve, [found.id, 999], "lee", now=NOW)
    assert again.done == []
    assert again.refused == {found.id: "is approved already", 999: "there is no such plan"}
    assert shop.plans()[0].decided_by == "kim"
    assert shop.do(pricing.reject, [found.id], "lee", now=NOW).done == []


def test_planning_waits_for_an_approval_under_way(shop):
    found = planned(shop)
    with ThreadPoolExecutor(1) as pool:
        with shop.warehouse.transaction() as db:
            pricing.approve(db, [found.id], "kim", now=NOW)
            other = pool.submit(plan, shop)
        assert other.result().reasons == {"an approved price still waits to be sent": 1}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE market_skus SET price = 11000", "the market shows 11,000 by now"),
        ("UPDATE market_skus SET price = NULL", "the market shows no price by now"),
        ("UPDATE market_products SET status = 'deleted'", "no longer sold"),
        ("UPDATE price_rules SET cost = 8500", "below floor or minimum margin (9,450)"),
        ("UPDATE price_rules SET floor = 9500", "below floor or minimum margin (9,500)"),
        ("UPDATE price_rules SET ceiling = 8990", "above the ceiling (8,990)"),
        ("UPDATE price_rules SET cost = NULL", "no decrease"),
        (
            "UPDATE price_plans SET last_planned_at = last_planned_at - interval '25 h'",
            "more than 24 h ago",
        ),
    ],
    ids=["moved", "unknown", "gone", "cost", "floor", "ceiling", "no cost", "old"],
)
def test_a_plan_that_no_longer_holds_is_not_approved(shop, change, why):
    found = planned(shop)
    shop.sql(change)
    verdict = shop.do(pricing.approve, [found.id], "kim", now=NOW)
    assert verdict.done == []
    assert why in verdict.refused[found.id]
    assert shop.plans()[0].status == "planned"


def test_a_rejected_price_is_not_planned_again_but_another_is(shop):
    found = planned(shop)
    assert shop.do(pricing.reject, [found.id], "kim", now=NOW).done == [found.id]
    for mode in ("review", "auto"):
        plan(shop, mode=mode)
    (same,) = shop.plans()
    assert (same.status, same.decided_by, same.times) == ("rejected", "kim", 3)
    shop.sql("UPDATE price_rules SET price = 9500")
    plan(shop)
    assert [it.status for it in shop.plans()] == ["planned", "rejected"]


def eleven(shop):
    sku = shop.sku()
    shop.lists(sku, account=3)
    shop.lists(sku, 12_000, account=3, option_no="71")
    shop.rule(sku)
    plan(shop, 3)
    return sorted(it.id for it in shop.plans())


def test_options_that_move_together_are_approved_together(shop):
    one, other = eleven(shop)
    alone = shop.do(pricing.approve, [one], "kim", now=NOW)
    assert alone.refused == {
        one: f"options of this listing move together: approve #{other} with it"
    }
    shop.shows(12_500, "71")
    moved = shop.do(pricing.approve, [one, other], "kim", now=NOW)
    assert moved.done == []
    assert moved.refused[one] == "another option of its listing was refused"
    shop.shows(12_000, "71")
    assert shop.do(pricing.approve, [one, other], "kim", now=NOW).done == [one, other]


def test_options_that_move_together_are_rejected_together(shop):
    one, other = eleven(shop)
    assert sorted(shop.do(pricing.reject, [one], "kim", now=NOW).done) == [one, other]
    assert {it.status for it in shop.plans()} == {"rejected"}


def pushed(shop, at=NOW):
    found = planned(shop)
    shop.do(pricing.approve, [found.id], "kim", now=at)
    return found, shop.do(price_plans.record_pushed, [found.id], run_id="sent", now=at)


def test_what_the_market_took_is_written_down_once(shop):
    found, written = pushed(shop)
    assert written == 1
    assert shop.do(price_plans.record_pushed, [found.id], run_id="again", now=NOW) == 0
    (row,) = shop.do(price_plans.history)
    assert (row.account, row.option_no, row.before, row.after) == ("coupang", "70", 10_000, 9_000)
    assert (row.who, row.why, row.run_id, row.set_at) == ("kim", found.reason, "sent", NOW)
    assert shop.plans()[0].status == "pushed"
    assert shop.do(price_plans.history, account_id=2) == []
    assert shop.do(price_plans.history, product_no="7", option_no="71") == []


def test_what_the_market_refused_is_planned_anew(shop):
    found = planned(shop)
    shop.do(pricing.approve, [found.id], "kim", now=NOW)
    assert shop.do(price_plans.record_refused, {found.id: "삭제된 상품"}, now=NOW) == 1
    (refused,) = shop.plans()
    assert (refused.status, refused.decided_by) == ("rejected", "market")
    assert refused.reason.endswith("the market refused it: 삭제된 상품")
    plan(shop)
    assert shop.plans()[0].status == "planned"


def test_changes_of_today_and_the_last_one_before_count(shop):
    pushed(shop, NOW - 30 * HOUR)
    shop.sql("UPDATE price_rules SET cooldown_minutes = 60 * 31, price = 9500")
    shop.shows(9_000)
    assert plan(shop).reasons == {"changed less than 1860 minutes ago": 1}
    shop.sql("UPDATE price_rules SET cooldown_minutes = 60 * 29, day_change_rate = 0.02")
    plan(shop)
    assert shop.plans()[0].after == 9_180


def test_another_price_than_ours_is_drift_once_it_was_read_after_our_change(shop):
    pushed(shop)
    shop.shows(8_800)
    assert shop.do(price_plans.drift) == []
    shop.read_at(NOW + HOUR)
    (found,) = shop.do(price_plans.drift, 1)
    assert (found.account, found.option_no, found.ours, found.shown) == (
        *("coupang", "70"),
        *(9_000, 8_800),
    )
    assert shop.do(price_plans.drift, 2) == []
    shop.shows(9_000)
    assert shop.do(price_plans.drift) == []


def test_pieces_and_competitors_of_other_packs_stay_apart(shop):
    sku = shop.sku()
    shop.lists(sku, 20_000, pieces=2)
    shop.rule(sku, pieces=2, mode="lowest", price=None)
    shop.competes(sku, 9_000)
    assert plan(shop).reasons == {"no competitor's price is known": 1}
    shop.competes(sku, 19_000, pieces=2)
    plan(shop)
    assert (shop.plans()[0].after, shop.plans()[0].margin) == (19_000, 5_100)


def test_an_older_price_of_a_competitor_never_replaces_a_newer_one(shop):
    sku = shop.sku()
    assert shop.competes(sku, 9_000, hours=1) == 1
    assert shop.competes(sku, 8_000, hours=2) == 0
    assert shop.competes(sku, 8_500, hours=0) == 1
    assert shop.sql("SELECT price FROM competitor_prices") == [(8_500,)]


@pytest.mark.parametrize(
    "values",
    [
        {"fee_rate": "10"},
        {"cost": -1},
        {"cost": -1, "floor": None, "min_margin": None},
        {"mode": "cheapest"},
        {"floor": 2_000, "ceiling": 1_000},
        {"quiet_from": "23:00"},
        {"price": 0},
    ],
    ids=lambda it: ",".join(it),
)
def test_the_database_itself_refuses_a_rule_that_cannot_be_meant(shop, values):
    sku = shop.sku()
    with pytest.raises(IntegrityError):
        shop.rule(sku, **values)


def test_nothing_but_a_sku_can_be_opted_in(shop):
    with pytest.raises(IntegrityError):
        shop.rule(None, opt_in=True)
    with pytest.raises(IntegrityError):
        shop.rule(None, account_id=1, opt_in=True)


def test_rules_are_read_as_they_were_written(shop):
    sku = shop.sku()
    number = shop.rule(sku, quiet_from="23:00", quiet_until="07:00", band_low="0.6", account_id=1)
    (row,) = shop.do(price_queries.rules)
    assert (row["id"], row["sku"], row["account"], row["price"]) == (
        number,
        "S-1",
        "coupang",
        9_000,
    )
    assert str(row["quiet_from"]) == "23:00:00"
    shop.do(price_queries.update_rules, [row | {"is_active": False}])
    assert shop.do(price_queries.rules, only_active=True) == []
