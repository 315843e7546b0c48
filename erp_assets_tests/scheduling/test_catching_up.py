"""Slots passed over while the scheduler was down, the job paused, or the run before still going."""

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import event

from erp_assets_tests.scheduling.desk import START


def finish(desk):
    open_runs = [it for key, it in desk.runs.requests.items() if not desk.runs.runs[key].ended_at]
    if open_runs:
        desk.end(open_runs)


def ran(desk, job):
    return [row["scheduled_for"] for row in desk.executions(job)]


@pytest.mark.parametrize(
    ("catch_up", "runs", "missed"),
    [
        ("one", [60], [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]),
        ("skip", [60], [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]),
        ("all", [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60], []),
    ],
)
def test_after_an_hour_down(desk, catch_up, runs, missed):
    job = desk.add(catch_up=catch_up)
    desk.tick(3600)
    for _ in range(40):
        finish(desk)
        desk.tick(2)
    slots = [START + timedelta(minutes=n) for n in runs]
    assert ran(desk, job)[: len(slots)] == slots
    found = desk.missed(job)
    assert [row["slot"] for row in found] == [START + timedelta(minutes=n) for n in missed]
    assert {row["reason"] for row in found} <= {"the scheduler was down"}


def test_the_slots_of_a_long_outage_are_noted_in_one_statement(desk):
    job, notes = desk.add(), []

    def count(_connection, _cursor, statement, *_args):
        notes.append("INSERT INTO missed_slots" in statement)

    event.listen(desk.warehouse.engine, "before_cursor_execute", count)
    desk.tick(3 * 86_400)
    assert len(desk.missed(job)) == 864
    assert sum(notes) == 1


def test_skip_passes_over_a_slot_that_is_no_longer_fresh(desk):
    job = desk.add(catch_up="skip", interval=None, specific_times=[time(10)])
    assert desk.tick(3600) == []
    assert desk.executions(job) == []
    [row] = desk.missed(job)
    assert (row["slot"], row["reason"]) == (START, "the scheduler was down")
    assert desk.job(job)["next_run_at"] == START + timedelta(days=1)


def test_all_is_capped(desk):
    job = desk.add(catch_up="all")
    desk.now += timedelta(hours=10)
    for _ in range(20):
        desk.tick(1, catch_up_cap=3)
        finish(desk)
        desk.tick(1, catch_up_cap=3)
    wanted = [START + timedelta(hours=10, minutes=n) for n in (-10, -5, 0)]
    assert ran(desk, job)[:3] == wanted
    assert len(desk.missed(job)) == 118


def test_slots_of_a_pause_are_named_so(desk):
    job = desk.add()
    desk.sql("UPDATE schedule_jobs SET status = 'paused' WHERE id = %s", job)
    desk.tick(3600)
    desk.sql("UPDATE schedule_jobs SET status = 'active' WHERE id = %s", job)
    desk.sql("UPDATE schedule_jobs SET resumed_at = %s WHERE id = %s", desk.now, job)
    [request] = desk.tick()
    assert (START + timedelta(hours=1)).isoformat() in request.run_key
    assert {row["reason"] for row in desk.missed(job)} == {"paused"}


def test_an_interval_stays_on_its_grid_however_long_runs_take(desk):
    job = desk.add(next_run_at=None)
    desk.tick()
    anchor = desk.now
    for _ in range(6):
        desk.tick(311)
        finish(desk)
        desk.tick(7)
    for slot in ran(desk, job):
        assert (slot - anchor) % timedelta(minutes=5) == timedelta(0)
    assert len(ran(desk, job)) == 6


def test_a_clock_moved_back_repeats_nothing(desk):
    job = desk.add()
    desk.tick()
    finish(desk)
    desk.tick()
    finish(desk)
    desk.tick()
    done = ran(desk, job)
    desk.now -= timedelta(hours=2)
    for _ in range(5):
        assert desk.tick(600) == []
    assert ran(desk, job) == done


def test_a_slot_set_by_hand_becomes_the_new_grid(desk):
    job = desk.add(next_run_at=None)
    desk.tick()
    moment = desk.now + timedelta(minutes=1, seconds=7)
    desk.sql("UPDATE schedule_jobs SET next_run_at = %s WHERE id = %s", moment, job)
    [request] = desk.tick(70)
    assert moment.isoformat() in request.run_key
    desk.tick()
    assert desk.job(job)["next_run_at"] == moment + timedelta(minutes=5)


def test_next_run_at_set_meanwhile_by_an_operator_is_kept(desk):
    job = desk.add()
    desk.tick()
    wish = desk.now + timedelta(hours=5)
    desk.sql("UPDATE schedule_jobs SET next_run_at = %s WHERE id = %s", wish, job)
    desk.tick()
    assert desk.job(job)["next_run_at"] == wish


def test_a_slot_set_back_by_hand_does_not_run_twice(desk):
    job = desk.add()
    requests = desk.tick()
    desk.tick()
    desk.end(requests)
    desk.tick()
    desk.sql("UPDATE schedule_jobs SET next_run_at = %s WHERE id = %s", START, job)
    desk.tick()
    assert ran(desk, job) == [START]
    assert desk.job(job)["next_run_at"] > desk.now - timedelta(minutes=5)


def test_orders_are_read_from_where_the_last_collection_ended(desk):
    """An outage longer than days_back leaves no gap."""
    desk.sql(
        "INSERT INTO watermarks (account_id, kind, day, collected_until, changed_at) "
        "VALUES (1, 'orders', '2026-11-18', '2026-11-18 05:00+00', now())"
    )
    desk.add("order_collection", parameters='{"days_back": 1}')
    [request] = desk.tick()
    assert (request.work.first, request.work.last) == ("2026-11-18", "2026-11-24")


@pytest.mark.parametrize(
    ("parameters", "days"),
    [
        ("{}", ("2026-11-23", "2026-11-24")),
        ('{"days_back": 0}', ("2026-11-24", "2026-11-24")),
        ('{"since": "2026-11-01", "until": "2026-11-03"}', ("2026-11-01", "2026-11-03")),
        ('{"since": "2026-11-20"}', ("2026-11-20", "2026-11-24")),
    ],
)
def test_parameters_say_which_days_are_read(desk, parameters, days):
    desk.add("order_collection", parameters=parameters)
    [request] = desk.tick()
    assert (request.work.first, request.work.last) == days
    assert request.work.job == "collect_orders"


def test_the_end_of_the_month_does_not_drift(desk):
    job = desk.add(interval="1M", next_run_at=datetime.fromisoformat("2027-01-31T09:00+09:00"))
    desk.now = datetime.fromisoformat("2027-01-31T09:00+09:00")
    for _ in range(4):
        desk.tick()
        finish(desk)
        desk.tick()
        desk.now = desk.job(job)["next_run_at"]
    days = [f"{slot:%m-%d}" for slot in ran(desk, job)]
    assert days == ["01-31", "02-28", "03-31", "04-30"]
