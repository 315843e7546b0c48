"""What the system this replaces got wrong, numbered as in the operators' contract."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from erp_assets.clock import KST
from erp_assets.records import Batch, Order
from erp_assets.scheduling import actions, slots
from erp_assets.scheduling.runs import RunStatus
from erp_assets.scheduling.working import _alive
from erp_assets.warehouse import loading
from erp_assets_tests.warehouse.rows import line

BACKUP = "데이터베이스 백업 (매일 새벽 3시)"


def test_fault_01_the_first_pass_starts_nothing(seeded):
    """Not even the 03:00 backup: every row is planned for a slot to come."""
    assert seeded.tick() == []
    assert seeded.sql("SELECT * FROM job_executions") == []
    planned = {row["name"]: row["next_run_at"] for row in seeded.sql("SELECT * FROM schedule_jobs")}
    assert len(planned) == 8
    assert all(slot > seeded.now for slot in planned.values())
    night = planned[BACKUP].astimezone(KST)
    assert (night.date(), night.time()) == (
        seeded.now.astimezone(KST).date() + timedelta(1),
        time(3),
    )
    assert planned["쿠팡 상품 수집 (5분)"] == seeded.now + timedelta(minutes=5)


def test_fault_02_naive_times_are_refused_not_compared():
    with pytest.raises(ValueError, match="has no time zone"):
        slots.first_slot(slots.parse("5m", None, None), datetime(2026, 11, 24))  # noqa: DTZ001


def test_fault_02_what_is_stored_comes_back_aware(desk):
    job = desk.add()
    desk.tick()
    row, [execution] = desk.job(job), desk.executions(job)
    for moment in (row["next_run_at"], row["last_run_at"], execution["scheduled_for"]):
        assert moment.utcoffset() is not None


def test_fault_03_an_expired_lock_is_taken_over_when_its_run_is_dead(desk):
    job = desk.add()
    requests = desk.tick()
    desk.start(requests)
    desk.tick()
    desk.sql("UPDATE schedule_locks SET expires_at = now() - interval '1 year'")
    desk.tick()
    desk.tick(30)  # nobody held the run's liveness lock all the time
    assert desk.runs.buried == [f"run-{requests[0].run_key}"]
    [first, second] = desk.executions(job)
    assert (first["status"], second["trigger"]) == ("failed", "retry")
    assert "worker died" in first["error_message"]
    [lock] = desk.locks()
    assert lock["execution_id"] == second["id"]


def test_fault_03_an_expired_lock_whose_run_lives_is_extended(desk):
    job = desk.add()
    [request] = desk.tick()
    desk.start()
    with _alive(desk.warehouse, f"run-{request.run_key}"):
        desk.tick()
        desk.sql("UPDATE schedule_locks SET expires_at = %s", desk.now - timedelta(hours=1))
        desk.tick(60)
        desk.tick(60)
    [lock] = desk.locks()
    assert lock["expires_at"] > desk.now
    assert [row["status"] for row in desk.executions(job)] == ["running"]


def test_fault_03_an_expired_lock_of_nobody_is_taken_over(desk):
    job = desk.add()
    desk.sql(
        "INSERT INTO schedule_locks (job_id, locked_by, expires_at) VALUES (%s, 'gone', %s)",
        job,
        desk.now + timedelta(minutes=1),
    )
    assert desk.tick() == []
    assert len(desk.tick(60)) == 1


def test_fault_03_a_loser_does_not_delete_the_owners_lock(desk):
    """An operator released the job, the next slot started; the first run's end frees nothing."""
    job = desk.add()
    [first] = desk.tick()
    desk.start()
    with _alive(desk.warehouse, f"run-{first.run_key}"):
        desk.tick()
        desk.sql("DELETE FROM schedule_locks WHERE job_id = %s", job)
        [second] = desk.tick(300)
    desk.end([first])
    desk.tick()
    [lock] = desk.locks()
    one, two = desk.executions(job)
    assert one["status"] == "completed"
    assert lock["execution_id"] == two["id"]
    assert lock["owner_token"] == two["owner_token"]
    assert second.run_key != first.run_key


def test_fault_04_timeout_ends_the_run(desk):
    job = desk.add(timeout_minutes=1, max_retries=0)
    [request] = desk.tick()
    assert request.tags["dagster/max_runtime"] == "60"
    desk.start()
    with _alive(desk.warehouse, f"run-{request.run_key}"):
        desk.tick(60)
        assert desk.runs.cancelled == []  # run monitoring comes first
        desk.tick(130)
        assert desk.runs.cancelled == [f"run-{request.run_key}"]
    desk.runs.set(request.run_key, RunStatus.CANCELLED, at=desk.now)
    desk.tick()
    [execution] = desk.executions(job)
    assert execution["status"] == "timed_out"
    assert "timed out after 1 minutes" in execution["error_message"]
    assert desk.locks() == []


def test_fault_04_max_retries_is_used_and_obeyed(desk):
    job = desk.add(max_retries=2, interval=None, specific_times=[time(12)])
    waits = []
    requests = desk.tick()
    for attempt in (1, 2, 3):
        desk.tick()
        desk.end(requests, RunStatus.FAILED, error="MarketDown: 503", is_transient=True)
        desk.tick()
        rows = desk.executions(job)
        assert rows[attempt - 1]["status"] == "failed"
        if attempt == 3:
            break
        waits.append((rows[attempt]["not_before"] - desk.now).total_seconds())
        assert desk.tick() == []
        requests = desk.tick(waits[-1])
        assert len(requests) == 1
    assert [row["attempt"] for row in rows] == [1, 2, 3]
    assert 24 <= waits[0] <= 36
    assert 48 <= waits[1] <= 72
    row = desk.job(job)
    assert (row["run_count"], row["error_count"], row["failures_in_row"]) == (3, 3, 1)
    assert row["last_error"] == "coupang: MarketDown: 503"
    assert desk.locks() == []


def test_fault_04_a_permanent_failure_is_not_tried_again(desk):
    job = desk.add(max_retries=5)
    requests = desk.tick()
    desk.tick()
    desk.end(requests, RunStatus.FAILED, error="MarketDenied: key expired", is_transient=False)
    desk.tick()
    assert [row["status"] for row in desk.executions(job)] == ["failed"]


def test_fault_04_a_dead_worker_leaves_no_running(desk):
    job = desk.add(max_retries=0)
    [request] = desk.tick()
    desk.start()
    desk.tick()
    assert desk.executions(job)[0]["status"] == "running"
    desk.tick(10)
    assert desk.runs.buried == []  # a run that just ended holds no lock either
    desk.tick(20)
    assert desk.runs.buried == [f"run-{request.run_key}"]
    assert desk.executions(job)[0]["status"] == "failed"
    assert desk.locks() == []


def test_fault_05_cron_is_evaluated_in_korean_time(desk):
    job = desk.add(interval=None, cron_expression="30 2 * * *", next_run_at=None)
    desk.tick()
    planned = desk.job(job)["next_run_at"].astimezone(KST)
    assert (planned.hour, planned.minute) == (2, 30)


def test_fault_05_a_time_missed_over_midnight_is_not_lost(desk):
    job = desk.add(interval=None, specific_times=[time(23, 59)], next_run_at=None)
    desk.now = datetime(2026, 11, 24, 14, 50, tzinfo=UTC)  # 23:50 in Korea
    desk.tick()
    [request] = desk.tick(15 * 60)  # the scheduler was down until 00:05
    assert "2026-11-24T14:59:00" in request.run_key
    assert desk.executions(job)[0]["scheduled_for"] == datetime(2026, 11, 24, 14, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"job_type": "prodct_collection"}, "job_type: unknown 'prodct_collection'"),
        ({"parameters": '{"batch_size": "many"}'}, "parameters.batch_size"),
        ({"parameters": '{"batch_sise": 5}'}, "parameters.batch_sise"),
        ({"parameters": "[1]"}, "parameters: must be a JSON object"),
        ({"interval": "7m"}, "interval '7m' is not known"),
        ({"interval": None, "cron_expression": "99 * * * *"}, "cron_expression '99 * * * *'"),
        ({"interval": None, "specific_times": []}, "specific_times is empty"),
        ({"interval": None, "specific_times": ["24:00"]}, "'24:00:00', which is no time of day"),
        ({"interval": None, "specific_times": [None]}, "is no time of day"),
        ({"market_codes": ["amazon"]}, "market_codes: unknown market 'amazon'"),
        ({"market_codes": []}, "no enabled account"),
        ({"account_ids": [99]}, "account_ids: no account 99"),
        ({"market_codes": [None]}, "market_codes: must be a plain list without NULL"),
        ({"market_codes": [["coupang"]]}, "market_codes: must be a plain list without NULL"),
        ({"account_ids": [None, 99]}, "account_ids: must be a plain list without NULL"),
        ({"account_ids": [[1], [2]]}, "account_ids: must be a plain list without NULL"),
        ({"catch_up": "maybe"}, "catch_up: unknown 'maybe'"),
        ({"timeout_minutes": 0}, "timeout_minutes"),
        ({"pause_after_failures": 0}, "pause_after_failures: must be at least 1"),
        ({"pause_after_failures": -1}, "pause_after_failures: must be at least 1"),
    ],
    ids=lambda it: next(iter(it)) if isinstance(it, dict) else "",
)
def test_fault_06_a_broken_row_fails_alone_and_says_why(desk, columns, says):
    before, broken, after = desk.add(priority=9), desk.add(**columns), desk.add(priority=1)
    requests = desk.tick()
    assert [int(it.run_key.split(":")[0]) for it in requests] == [before, after]
    told = desk.one("SELECT last_error, error_count FROM schedule_jobs WHERE id = %s", broken)
    assert says in told["last_error"]
    assert told["error_count"] == 1
    [execution] = desk.executions(broken)
    assert execution["status"] == "failed"
    assert says in execution["error_message"]


@pytest.mark.parametrize("job_type", ["order_collection", "shipment_sync", "return_sync"])
def test_fault_06_a_span_never_begins_before_the_history(desk, job_type):
    start = date(2026, 11, 20)
    desk.add(job_type, parameters='{"days_back": 366}')
    [request] = desk.tick(history_start=start)
    assert (request.work.first, request.work.last) == ("2026-11-20", "2026-11-24")


def test_fault_06_a_day_before_the_history_is_refused_in_plain_words(desk):
    job = desk.add("order_collection", parameters='{"since": "2026-11-19"}')
    assert desk.tick(history_start=date(2026, 11, 20)) == []
    [execution] = desk.executions(job)
    assert execution["status"] == "failed"
    assert "2026-11-19 lies before the first day of the history" in execution["error_message"]


@pytest.mark.parametrize("moment", ["infinity", "9999-12-31", "-infinity", "0044-03-15 BC"])
def test_fault_06_a_moment_that_python_does_not_know_stops_nothing(desk, moment):
    strange, good = desk.add(next_run_at=moment, priority=9), desk.add()
    assert [int(it.run_key.split(":")[0]) for it in desk.tick()] == [good]
    [shown] = desk.sql("SELECT next_run_at::text FROM schedule_jobs WHERE id = %s", strange)
    is_far = moment in ("infinity", "9999-12-31")
    assert (shown["next_run_at"][:4] > "2026") == is_far
    with desk.warehouse.transaction() as db:
        assert len(actions.jobs(db)) == 2
    with desk.warehouse.transaction() as db:
        actions.run_now(db, strange)
    desk.now = datetime.now(UTC)
    assert strange in [int(it.run_key.split(":")[0]) for it in desk.tick()]


@pytest.mark.parametrize("column", ["anchor_at", "resumed_at", "last_run_at"])
@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-03-15 BC"])
def test_fault_06_a_strange_moment_in_another_column_stops_nothing(desk, column, moment):
    jobs = [desk.add(**{column: moment}), desk.add()]
    with desk.warehouse.transaction() as db:
        assert [line.id for line in actions.jobs(db)] == jobs
    assert [int(it.run_key.split(":")[0]) for it in desk.tick()] == jobs


def test_fault_06_a_counter_that_is_full_holds_no_execution_open(desk):
    full = 2**31 - 1
    job = desk.add(run_count=full, success_count=full, error_count=full)
    desk.end(desk.tick())
    desk.tick()
    assert desk.executions(job)[0]["status"] == "completed"
    assert desk.job(job)["run_count"] == full
    assert desk.locks() == []


def test_fault_06_a_row_of_unknown_status_is_named(desk):
    odd, good = desk.add(status="on"), desk.add()
    assert len(desk.tick()) == 1
    assert desk.job(odd)["last_error"] == "status: unknown 'on'; use active or paused"
    desk.sql("UPDATE schedule_jobs SET status = 'active' WHERE id = %s", odd)
    assert [int(it.run_key.split(":")[0]) for it in desk.tick()] == [odd]
    assert good


def test_fault_06_a_mended_row_runs_again(desk):
    job = desk.add(interval="7m")
    for _ in range(3):
        assert desk.tick() == []
    assert len(desk.executions(job)) == 1  # said once, not every five seconds
    desk.sql("UPDATE schedule_jobs SET interval = '5m' WHERE id = %s", job)
    desk.tick()
    assert len(desk.tick(300)) == 1


@pytest.mark.parametrize("job_type", ["database_backup", "report_generation"])
def test_fault_07_a_type_that_does_nothing_yet_fails(desk, job_type):
    job = desk.add(job_type)
    assert desk.tick() == []
    [execution] = desk.executions(job)
    assert execution["status"] == "failed"
    assert execution["error_message"].startswith("not available")
    row = desk.job(job)
    assert (row["success_count"], row["error_count"]) == (0, 1)
    assert row["next_run_at"] > desk.now


def test_fault_08_a_failed_market_makes_the_job_partial(desk):
    job = desk.add("order_collection", market_codes=["coupang", "naver"])
    coupang, naver = desk.tick()
    desk.tick()
    desk.end([coupang], records=4)
    desk.end([naver], RunStatus.FAILED, records=0, error="MarketDenied: no", is_transient=False)
    desk.tick()
    [execution] = desk.executions(job)
    assert (execution["status"], execution["records_processed"]) == ("partial", 4)
    summary = execution["result_summary"]["accounts"]
    assert (summary["coupang"]["status"], summary["naver"]["status"]) == ("completed", "failed")
    assert summary["naver"]["errors"] == ["MarketDenied: no"]
    assert desk.job(job)["last_error"] == "naver: MarketDenied: no"


def test_fault_08_all_markets_failing_is_failed(desk):
    job = desk.add("order_collection", market_codes=["coupang", "naver"])
    requests = desk.tick()
    desk.tick()
    desk.end(requests, RunStatus.FAILED, records=0, error="MarketDenied: no", is_transient=False)
    desk.tick()
    assert desk.executions(job)[0]["status"] == "failed"


def test_fault_08_rejected_rows_make_the_job_partial(desk):
    job = desk.add()
    requests = desk.tick()
    desk.tick()
    desk.end(requests, outcome="partial")
    desk.tick()
    [execution] = desk.executions(job)
    assert execution["status"] == "partial"
    assert "1 rows rejected" in execution["error_message"]


def test_fault_09_split_orders_of_coupang_do_not_overwrite_each_other(desk):
    """Two boxes of one order hold the same option; a second reading changes nothing."""
    whole = line(order_no="22000000000001", line_no="71-3242", shipment_no="71")
    parts = [whole, whole._replace(line_no="72-3242", shipment_no="72", quantity=1)]
    order = Order("22000000000001", whole.ordered_at)
    for _ in range(2):
        with desk.warehouse.transaction() as db:
            batch = Batch(orders=[order], lines=list(parts))
            loading.load(db, account_id=1, kind="orders", batch=batch)
    stored = desk.sql("SELECT line_no, quantity FROM market_order_lines ORDER BY line_no")
    assert [row["line_no"] for row in stored] == ["71-3242", "72-3242"]
    assert [row["quantity"] for row in stored] == [whole.quantity, 1]


def test_fault_10_seed_rows_are_not_doubled(seeded):
    seeded.warehouse.migrate()
    seeded.warehouse.migrate()
    rows = seeded.sql("SELECT name FROM schedule_jobs ORDER BY id")
    assert [row["name"] for row in rows] == [
        "쿠팡 상품 수집 (5분)",
        "네이버 상품 수집 (15분)",
        "11번가 상품 수집 (30분)",
        "전체 주문 수집 (10분)",
        "재고 동기화 (매시간)",
        "가격 업데이트 (6시간)",
        BACKUP,
        "일일 보고서 생성 (매일 오전 9시)",
    ]


def test_fault_11_run_now_on_a_paused_job_says_so(desk):
    job = desk.add(status="paused")
    with (
        desk.warehouse.transaction() as db,
        pytest.raises(actions.NotPossible, match=r"is paused.*--force"),
    ):
        actions.run_now(db, job)
    assert desk.executions(job) == []
    assert desk.tick() == []


def test_fault_11_with_force_it_runs_once_and_stays_paused(desk):
    job = desk.add(status="paused")
    with desk.warehouse.transaction() as db:
        asked = actions.run_now(db, job, force=True)
    desk.now = datetime.now(UTC)
    [request] = desk.tick()
    desk.tick()
    desk.end([request])
    for _ in range(3):
        assert desk.tick(600) == []
    [execution] = desk.executions(job)
    assert (execution["id"], execution["status"]) == (asked.execution, "completed")
    assert desk.job(job)["status"] == "paused"


def test_fault_12_a_job_never_runs_beside_itself(desk):
    job = desk.add()
    [request] = desk.tick()
    desk.start()
    with _alive(desk.warehouse, f"run-{request.run_key}"):
        for _ in range(5):
            assert desk.tick(300) == []
    assert len(desk.executions(job)) == 1
    desk.end([request])
    [following] = desk.tick()
    assert len(desk.executions(job)) == 2
    missed = desk.missed(job)
    assert {row["reason"] for row in missed} == {"the run before was still going"}
    assert following.run_key != request.run_key
