"""Every statement of the operators' manual, as it stands there."""

from datetime import UTC, datetime, time, timedelta

import pytest

INSERT = """
INSERT INTO schedule_jobs (name, job_type, status, interval, market_codes, parameters)
VALUES ('새 작업 이름', 'product_collection', 'active', '30m', ARRAY['coupang', 'naver'], '{"batch_size": 100}'::jsonb);
"""  # noqa: E501 - as it stands in the manual
TIMES = """
UPDATE schedule_jobs SET interval = NULL, specific_times = ARRAY['09:00:00'::time, '18:00:00'::time] WHERE id = 1;
"""  # noqa: E501 - as it stands in the manual
READS = [
    "SELECT * FROM schedule_jobs WHERE id = 1;",
    "SELECT * FROM schedule_locks WHERE job_id = 1;",
    "SELECT * FROM job_executions WHERE job_id = 1 ORDER BY started_at DESC LIMIT 10;",
    "SELECT last_error FROM schedule_jobs WHERE id = 1;",
    "SELECT * FROM v_active_schedule_jobs",
    "SELECT * FROM v_recent_job_executions",
]
WRITES = [
    "UPDATE schedule_jobs SET timeout_minutes = 60 WHERE job_type = 'product_collection';",
    "UPDATE schedule_jobs SET max_retries = 5 WHERE id = 1;",
]
COLUMNS = {
    "schedule_jobs": """id name job_type status interval cron_expression specific_times market_codes
        account_ids parameters max_retries timeout_minutes priority created_at updated_at
        last_run_at next_run_at last_success_at last_error run_count success_count error_count
        is_active""",
    "job_executions": """id job_id status started_at completed_at duration_seconds
        records_processed error_message log_file_path parameters result_summary created_at""",
    "schedule_locks": "job_id locked_at locked_by expires_at",
    "v_active_schedule_jobs": "success_rate avg_duration_seconds total_records_processed",
}


def test_an_inserted_row_takes_effect_at_the_next_tick(seeded):
    seeded.sql(INSERT)
    seeded.tick()
    row = seeded.one("SELECT * FROM schedule_jobs WHERE name = '새 작업 이름'")
    assert row["next_run_at"] == seeded.now + timedelta(minutes=30)
    assert row["last_error"] is None
    requests = seeded.tick(30 * 60)
    mine = [it for it in requests if it.run_key.startswith(f"{row['id']}:")]
    assert [it.work.account for it in mine] == ["coupang", "naver"]


def test_a_paused_row_starts_nothing(seeded):
    seeded.tick()
    seeded.sql("UPDATE schedule_jobs SET status = 'paused' WHERE id = 1;")
    requests = seeded.tick(5 * 60)
    assert not [it for it in requests if it.run_key.startswith("1:")]
    assert seeded.executions(1) == []


def test_new_times_take_effect_at_the_next_tick(seeded):
    seeded.tick()
    seeded.sql(TIMES)
    seeded.tick()
    assert seeded.job(1)["next_run_at"] == datetime(2026, 11, 24, 9, tzinfo=UTC)  # 18:00 in Korea
    assert seeded.job(1)["specific_times"] == [time(9), time(18)]


def test_a_deleted_lock_releases_the_job(seeded):
    seeded.tick()
    [request] = [it for it in seeded.tick(300) if it.run_key.startswith("1:")]
    seeded.tick()
    [lock] = seeded.sql("SELECT * FROM schedule_locks WHERE job_id = 1;")
    assert lock["locked_by"].startswith("test:1")
    seeded.sql("DELETE FROM schedule_locks WHERE job_id = 1;")
    [following] = [it for it in seeded.tick(300) if it.run_key.startswith("1:")]
    assert following.run_key != request.run_key


@pytest.mark.parametrize("statement", READS)
def test_reads_work_word_for_word(seeded, statement):
    seeded.tick()
    seeded.tick(300)
    assert seeded.sql(statement) is not None


@pytest.mark.parametrize("statement", WRITES)
def test_writes_work_word_for_word_and_change_the_time_of_update(seeded, statement):
    before = seeded.job(1)["updated_at"]
    seeded.sql(statement)
    assert seeded.job(1)["updated_at"] > before


def test_the_dispatchers_own_writes_do_not_count_as_updates(seeded):
    before = seeded.job(1)["updated_at"]
    seeded.tick()
    seeded.tick(300)
    assert seeded.job(1)["updated_at"] == before


@pytest.mark.parametrize(("relation", "columns"), COLUMNS.items())
def test_no_column_of_the_contract_is_missing(seeded, relation, columns):
    found = seeded.sql(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s", relation
    )
    assert set(columns.split()) <= {row["column_name"] for row in found}


def test_defaults_are_those_of_the_contract(desk):
    desk.sql("INSERT INTO schedule_jobs (name, job_type, interval) VALUES ('x', 'y', '5m')")
    row = desk.one("SELECT * FROM schedule_jobs")
    assert (row["status"], row["is_active"], row["parameters"]) == ("active", True, {})
    assert (row["max_retries"], row["timeout_minutes"], row["priority"]) == (3, 30, 5)
    assert (row["run_count"], row["success_count"], row["error_count"]) == (0, 0, 0)


@pytest.mark.parametrize(
    "columns",
    [
        "interval, cron_expression) VALUES ('x', 'y', '5m', '* * * * *'",
        "status) VALUES ('x', 'y', 'active'",
    ],
    ids=["two", "none"],
)
def test_exactly_one_schedule_is_set(desk, columns):
    with pytest.raises(Exception, match="schedule_jobs_one_schedule"):
        desk.sql(f"INSERT INTO schedule_jobs (name, job_type, {columns})")


def test_success_rate_and_totals_are_shown(desk):
    job = desk.add()
    requests = desk.tick()
    desk.tick()
    desk.end(requests, records=40)
    desk.tick()
    view = desk.one("SELECT * FROM v_active_schedule_jobs WHERE id = %s", job)
    assert (view["success_rate"], view["total_records_processed"]) == (100, 40)
    assert view["avg_duration_seconds"] >= 2
    [recent] = desk.sql("SELECT * FROM v_recent_job_executions")
    assert (recent["job_name"], recent["status"]) == ("시험", "completed")


def test_deleting_a_job_takes_its_rows_along(desk):
    job = desk.add()
    desk.tick()
    desk.sql("DELETE FROM schedule_jobs WHERE id = %s", job)
    assert desk.tick() == []
    assert desk.locks() == []
    assert desk.sql("SELECT * FROM job_executions") == []


def test_what_is_done_is_written_to_the_logs(desk):
    job = desk.add("order_collection", market_codes=["11st"])
    requests = desk.tick()
    desk.tick()
    desk.end(requests)
    desk.tick()
    assert (desk.folder / "scheduler" / "scheduler_20261124.log").is_file()
    log = desk.folder / "order_collection_20261124.log"
    assert desk.executions(job)[0]["log_file_path"] == str(log)
    text = log.read_text()
    assert "asked for eleven" in text
    assert "completed" in text
