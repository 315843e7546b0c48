"""A tick that dies at any statement: the next one finishes what it began, and nothing twice."""

import pytest
from sqlalchemy import event

from erp_assets.scheduling.runs import RunStatus
from erp_assets.scheduling.statements import TICK_LOCK
from erp_assets_tests.scheduling.desk import START


class Died(BaseException):
    """Stands for kill -9: nothing catches it, and the transaction is never committed."""


def tick_dying_at(desk, statement):
    """Tick, and die before statement number `statement`; return whether it was reached."""
    seen = 0

    def count(*_args):
        nonlocal seen
        seen += 1
        if seen == statement:
            raise Died

    engine = desk.warehouse.engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        desk.runs.submit(desk.dispatcher().tick(desk.now))
    except Died:
        return True
    finally:
        event.remove(engine, "before_cursor_execute", count)
    return False


@pytest.mark.parametrize("phase", ["begin", "running", "settle", "retry"])
def test_a_tick_that_dies_anywhere_is_made_good_by_the_next(desk, phase):
    """The whole life of one slot with a death before each statement of one phase."""
    job = desk.add("order_collection", market_codes=["coupang", "naver"], max_retries=1)
    statement, reached = 0, True
    if phase != "begin":
        desk.tick()
        desk.tick()
    if phase == "settle":
        desk.end(list(desk.runs.requests.values()))
    if phase == "retry":
        desk.end(
            list(desk.runs.requests.values()), RunStatus.FAILED, error="503", is_transient=True
        )
    while reached:
        statement += 1
        reached = tick_dying_at(desk, statement)
        assert statement < 200
    assert statement > 5
    desk.tick()
    if phase == "retry":
        assert [row["attempt"] for row in desk.executions(job)] == [1, 2]
        desk.tick(60)
        desk.tick()
    keys = list(desk.runs.requests)
    assert len(keys) == len(set(keys)) == (4 if phase == "retry" else 2)
    waiting = [
        it for it in desk.runs.requests.values() if desk.runs.runs[it.run_key].ended_at is None
    ]
    desk.end(waiting)
    desk.tick()
    rows = desk.executions(job)
    assert [row["scheduled_for"] for row in rows] == [START] * len(rows)
    assert rows[-1]["status"] == "completed"
    assert desk.locks() == []
    assert desk.job(job)["next_run_at"] > START
    assert desk.job(job)["run_count"] == len(rows)


def test_requests_lost_with_the_daemon_are_made_again_under_the_same_keys(desk):
    desk.add("order_collection", market_codes=["coupang", "naver"])
    first = desk.tick(submit=False)
    again = desk.tick(submit=False)
    assert [it.run_key for it in again] == [it.run_key for it in first]
    desk.runs.submit(again[:1])
    [rest] = desk.tick(submit=False)
    assert rest == again[1]


def test_a_run_that_was_made_but_never_queued_is_asked_for_again(desk):
    desk.add()
    [request] = desk.tick()
    desk.runs.runs[request.run_key] = desk.runs.runs[request.run_key]._replace(is_created=True)
    assert [it.run_key for it in desk.tick()] == [request.run_key]
    desk.runs.runs[request.run_key] = desk.runs.runs[request.run_key]._replace(is_created=False)
    assert desk.tick() == []


def test_two_daemons_at_once_start_one_run(desk):
    desk.add()
    other = desk.dispatcher()
    with desk.warehouse.transaction() as db:
        db.execute(TICK_LOCK)
        assert other.tick(desk.now) == []
    assert len(other.tick(desk.now)) == 1
