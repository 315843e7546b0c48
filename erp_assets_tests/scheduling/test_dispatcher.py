"""What the dispatcher does with rows, locks, executions and slots."""

from contextlib import ExitStack
from datetime import timedelta

import pytest

from erp_assets.scheduling.runs import RunStatus
from erp_assets.scheduling.working import _alive
from erp_assets_tests.scheduling.desk import START


def test_a_due_row_becomes_one_run_per_account(desk):
    job = desk.add("order_collection", market_codes=["coupang", "11st"], parameters="{}")
    requests = desk.tick()
    assert [it.work.account for it in requests] == ["coupang", "eleven"]
    slot = START.isoformat()
    assert [it.run_key for it in requests] == [f"{job}:{slot}:1:coupang", f"{job}:{slot}:1:eleven"]
    [execution] = desk.executions(job)
    assert (execution["status"], execution["trigger"], execution["attempt"]) == (
        "queued",
        "schedule",
        1,
    )
    assert execution["scheduled_for"] == START
    assert execution["accounts"] == ["coupang", "eleven"]
    tags = requests[0].tags
    assert tags["erp/execution"] == str(execution["id"])
    assert tags["dagster/max_runtime"] == "1800"


def test_next_run_at_moves_only_when_the_run_exists(desk):
    job = desk.add()
    for _ in range(3):
        requests = desk.tick(submit=False)
        assert len(requests) == 1
        assert desk.job(job)["next_run_at"] == START
    desk.runs.submit(requests)
    assert desk.tick() == []
    assert desk.job(job)["next_run_at"] == START + timedelta(minutes=5)
    assert len(desk.executions(job)) == 1


def test_an_execution_runs_and_settles(desk):
    job = desk.add()
    requests = desk.tick()
    desk.start(requests)
    with alive(desk, requests):
        desk.tick()
        assert desk.executions(job)[0]["status"] == "running"
    desk.end(requests, records=7)
    desk.tick()
    [execution] = desk.executions(job)
    assert (execution["status"], execution["records_processed"]) == ("completed", 7)
    assert execution["duration_seconds"] >= 2
    assert execution["result_summary"]["accounts"]["coupang"]["calls"] == 2
    assert execution["dagster_run_id"] == f"run-{requests[0].run_key}"
    row = desk.job(job)
    assert (row["run_count"], row["success_count"], row["error_count"]) == (1, 1, 0)
    assert row["last_success_at"] is not None
    assert row["last_error"] is None
    assert desk.locks() == []


def alive(desk, requests):
    """Hold the liveness locks of runs, as their workers do."""
    stack = ExitStack()
    for it in requests:
        stack.enter_context(_alive(desk.warehouse, f"run-{it.run_key}"))
    return stack


def test_larger_priority_goes_first(desk):
    low, high = desk.add(priority=1), desk.add(priority=9)
    middle = desk.add(priority=5)
    order = [int(it.run_key.split(":")[0]) for it in desk.tick()]
    assert order == [high, middle, low]


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.CANCELLED])
def test_some_accounts_failing_is_partial_and_only_they_are_tried_again(desk, status):
    job = desk.add("order_collection", market_codes=["coupang", "naver"])
    coupang, naver = desk.tick()
    desk.tick()
    desk.end([coupang])
    desk.end([naver], status, records=0, error="MarketDown: 503", is_transient=True)
    desk.tick()
    first = desk.executions(job)[0]
    assert first["status"] == "partial"
    assert "naver: MarketDown: 503" in first["error_message"]
    if status is RunStatus.CANCELLED:
        assert len(desk.executions(job)) == 1
        return
    _, second = desk.executions(job)
    assert (second["attempt"], second["trigger"], second["accounts"]) == (2, "retry", ["naver"])
    assert second["retry_of"] == first["id"]
    assert second["scheduled_for"] == first["scheduled_for"]
    assert desk.tick() == []
    [again] = desk.tick(40)
    assert again.work.account == "naver"
    desk.end([again])
    desk.tick()
    assert desk.executions(job)[1]["status"] == "completed"
    assert desk.locks() == []


def test_the_next_slot_that_can_be_taken_is_waited_for(desk):
    def soon(seconds):
        return desk.now + timedelta(seconds=seconds)

    desk.add(next_run_at=soon(1), status="paused")
    desk.add(next_run_at=soon(1), is_active=False)
    locked = desk.add(next_run_at=soon(1))
    desk.sql("INSERT INTO schedule_locks (job_id) VALUES (%s)", locked)
    assert desk.dispatcher().next_due(desk.now, soon(4)) is None
    desk.add(next_run_at=soon(5))
    assert desk.dispatcher().next_due(desk.now, soon(4)) is None
    desk.add(next_run_at=soon(3))
    assert desk.dispatcher().next_due(desk.now, soon(4)) == soon(3)
