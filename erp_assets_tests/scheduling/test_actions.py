"""Run now, retry, cancel, pause, resume, unlock: what an operator does by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from erp_assets.scheduling import actions
from erp_assets.scheduling.runs import RunStatus
from erp_assets_tests.scheduling.desk import Desk


@pytest.fixture
def desk(warehouse, tmp_path):
    """Its clock is the real one: what is done by hand is stamped by the database."""
    made = Desk(warehouse, tmp_path / "logs", now=datetime.now(UTC))
    made.clear()
    return made


def act(desk, action, *arguments, **options):
    with desk.warehouse.transaction() as db:
        return action(db, *arguments, **options)


def later(desk):
    return desk.now + timedelta(hours=1)


def test_run_now_runs_at_the_next_tick_and_leaves_the_schedule_alone(desk):
    job = desk.add(next_run_at=later(desk))
    slot = desk.job(job)["next_run_at"]
    asked = act(desk, actions.run_now, job)
    assert asked.ahead is None
    [request] = desk.tick()
    desk.tick()
    desk.end([request])
    desk.tick()
    [execution] = desk.executions(job)
    assert (execution["id"], execution["trigger"], execution["status"]) == (
        asked.execution,
        "manual",
        "completed",
    )
    assert desk.job(job)["next_run_at"] == slot


def test_run_now_waits_for_the_run_under_way(desk):
    job = desk.add()
    [first] = desk.tick()
    desk.tick()
    asked = act(desk, actions.run_now, job)
    assert asked.ahead == desk.executions(job)[0]["id"]
    assert desk.tick() == []
    assert [row["status"] for row in desk.executions(job)] == ["queued", "queued"]
    desk.end([first])
    assert len(desk.tick()) == 1


def test_run_now_asked_twice_is_one_run(desk):
    job = desk.add(next_run_at=later(desk))
    act(desk, actions.run_now, job)
    with pytest.raises(actions.NotPossible, match="has a run waiting already"):
        act(desk, actions.run_now, job)


@pytest.mark.parametrize("action", [actions.run_now, actions.pause, actions.resume, actions.unlock])
def test_a_job_that_does_not_exist_is_named(desk, action):
    with pytest.raises(actions.NotPossible, match="there is no job 4711"):
        act(desk, action, 4711)


@pytest.mark.parametrize("action", [actions.cancel, actions.retry])
def test_an_execution_that_does_not_exist_is_named(desk, action):
    with pytest.raises(actions.NotPossible, match="there is no execution #4711"):
        act(desk, action, 4711)


def test_cancel_ends_a_running_run(desk):
    job = desk.add()
    [request] = desk.tick()
    desk.start()
    desk.tick()
    [execution] = desk.executions(job)
    act(desk, actions.cancel, execution["id"])
    desk.tick()
    assert desk.runs.cancelled[0] == f"run-{request.run_key}"
    desk.runs.set(request.run_key, RunStatus.CANCELLED, at=desk.now)
    desk.tick()
    [execution] = desk.executions(job)
    assert execution["status"] == "cancelled"
    assert desk.locks() == []
    with pytest.raises(actions.NotPossible, match="has ended already: cancelled"):
        act(desk, actions.cancel, execution["id"])


def test_cancel_of_a_run_not_yet_made_makes_none(desk):
    job = desk.add()
    desk.tick(submit=False)
    act(desk, actions.cancel, desk.executions(job)[0]["id"])
    assert desk.tick(submit=False) == []
    [execution] = desk.executions(job)
    assert execution["status"] == "cancelled"
    assert desk.tick(submit=False) == []
    assert desk.locks() == []


def test_cancel_of_a_waiting_execution_takes_effect_at_once(desk):
    job = desk.add(next_run_at=later(desk))
    asked = act(desk, actions.run_now, job)
    act(desk, actions.cancel, asked.execution)
    assert desk.tick() == []
    assert desk.executions(job)[0]["status"] == "cancelled"


def test_cancel_of_a_retry_frees_the_job(desk):
    job = desk.add()
    requests = desk.tick()
    desk.tick()
    desk.end(requests, RunStatus.FAILED, error="503", is_transient=True)
    desk.tick()
    [_, retry] = desk.executions(job)
    act(desk, actions.cancel, retry["id"])
    desk.tick()
    assert desk.executions(job)[1]["status"] == "cancelled"
    assert desk.locks() == []


def test_retry_by_hand_takes_the_accounts_that_failed(desk):
    job = desk.add("order_collection", market_codes=["coupang", "naver"])
    coupang, naver = desk.tick()
    desk.tick()
    desk.end([coupang])
    desk.end([naver], RunStatus.FAILED, error="MarketDenied", is_transient=False)
    desk.tick()
    [failed] = desk.executions(job)
    act(desk, actions.retry, failed["id"])
    [request] = desk.tick()
    assert request.work.account == "naver"
    _, again = desk.executions(job)
    assert (again["attempt"], again["trigger"], again["retry_of"]) == (2, "manual", failed["id"])
    assert again["scheduled_for"] == failed["scheduled_for"]


def test_retry_by_hand_asked_twice_is_one_attempt(desk):
    job = desk.add(max_retries=0)
    desk.end(desk.tick(), RunStatus.FAILED, error="MarketDenied", is_transient=False)
    desk.tick()
    [failed] = desk.executions(job)
    asked = act(desk, actions.retry, failed["id"])
    with pytest.raises(actions.NotPossible, match=f"tried again already: #{asked.execution}"):
        act(desk, actions.retry, failed["id"])
    assert len(desk.executions(job)) == 2


def test_retry_by_hand_of_what_is_completed_is_refused(desk):
    job = desk.add()
    requests = desk.tick()
    desk.tick()
    desk.end(requests)
    desk.tick()
    with pytest.raises(actions.NotPossible, match="nothing of it failed"):
        act(desk, actions.retry, desk.executions(job)[0]["id"])


def test_pause_holds_back_slots_and_retries(desk):
    job = desk.add()
    requests = desk.tick()
    desk.tick()
    desk.end(requests, RunStatus.FAILED, error="503", is_transient=True)
    desk.tick()
    act(desk, actions.pause, job)
    assert desk.tick(4000) == []
    act(desk, actions.resume, job)
    assert len(desk.tick()) == 1


def test_run_now_goes_before_a_retry_that_a_pause_holds_back(desk):
    job = desk.add()
    desk.end(desk.tick(), RunStatus.FAILED, error="503", is_transient=True)
    desk.tick()
    act(desk, actions.pause, job)
    assert desk.tick(4000) == []
    assert act(desk, actions.run_now, job, force=True).ahead is None
    desk.now = datetime.now(UTC)
    requests = desk.tick()
    assert len(requests) == 1
    desk.end(requests)
    assert desk.tick() == []
    act(desk, actions.resume, job)
    [again] = desk.tick(60)
    assert again.tags["erp/attempt"] == "2"


@pytest.mark.parametrize("switch", ["false", "NULL"])
def test_resume_of_a_job_switched_off_counts_its_failures_anew(desk, switch):
    job = desk.add(failures_in_row=4)
    desk.sql(f"UPDATE schedule_jobs SET is_active = {switch} WHERE id = %s", job)
    assert desk.tick() == []
    act(desk, actions.resume, job)
    row = desk.job(job)
    assert (row["is_active"], row["failures_in_row"]) == (True, 0)
    assert row["resumed_at"] is not None


def test_unlock_says_who_held_the_job(desk):
    job = desk.add()
    desk.tick()
    assert act(desk, actions.unlock, job).startswith("test:1 #")
    assert act(desk, actions.unlock, job) is None


def test_a_job_that_keeps_failing_is_paused_when_its_operator_wants_it(desk):
    job = desk.add(pause_after_failures=2, max_retries=0)
    for _ in range(2):
        requests = desk.tick(300)
        desk.tick()
        desk.end(requests, RunStatus.FAILED, error="MarketDown: 503", is_transient=True)
        desk.tick()
    row = desk.job(job)
    assert row["status"] == "paused"
    assert row["last_error"].startswith("paused after 2 failed slots in a row")
    assert desk.tick(4000) == []
    act(desk, actions.resume, job)
    assert desk.job(job)["failures_in_row"] == 0


def test_lists_tell_what_there_is(desk):
    job = desk.add()
    desk.tick()
    [line] = act(desk, actions.jobs)
    assert (line.id, line.status, line.last_status) == (job, "active", "queued")
    assert line.running == desk.executions(job)[0]["id"]
    [execution] = act(desk, actions.executions, job_id=job)
    assert (execution.job_id, execution.status) == (job, "queued")
    assert act(desk, actions.executions, execution_id=execution.id) == [execution]
    beat = act(desk, actions.heartbeat)
    assert beat.tick_seconds > 0
