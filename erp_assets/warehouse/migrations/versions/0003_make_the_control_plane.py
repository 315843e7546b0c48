"""Make the control plane: the rows operators edit, what came of them, and who holds what.

Plain SQL, because names, types and defaults are the operators' contract, word for word. Only the
contract's own CHECK stands here: a row with a wrong value is let in and reported by the dispatcher.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE schedule_jobs (
    id serial PRIMARY KEY,
    name varchar(255) NOT NULL,
    job_type varchar(50) NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'active',
    interval varchar(10),
    cron_expression varchar(100),
    specific_times time[],
    market_codes text[],
    account_ids integer[],
    parameters jsonb DEFAULT '{}',
    max_retries int DEFAULT 3,
    timeout_minutes int DEFAULT 30,
    priority int DEFAULT 5,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_run_at timestamptz,
    next_run_at timestamptz,
    last_success_at timestamptz,
    last_error text,
    run_count int DEFAULT 0,
    success_count int DEFAULT 0,
    error_count int DEFAULT 0,
    is_active boolean DEFAULT true,
    catch_up varchar(10) NOT NULL DEFAULT 'one',
    pause_after_failures int,
    anchor_at timestamptz,
    failures_in_row int NOT NULL DEFAULT 0,
    resumed_at timestamptz,
    is_broken boolean NOT NULL DEFAULT false,
    CONSTRAINT schedule_jobs_one_schedule
        CHECK (num_nonnulls(interval, cron_expression, specific_times) = 1)
);
CREATE INDEX schedule_jobs_due_idx ON schedule_jobs (next_run_at)
    WHERE status = 'active' AND is_active AND NOT is_broken;
CREATE INDEX schedule_jobs_odd_idx ON schedule_jobs (id)
    WHERE status NOT IN ('active', 'paused') AND NOT is_broken;

CREATE TABLE job_executions (
    id serial PRIMARY KEY,
    job_id int NOT NULL REFERENCES schedule_jobs ON DELETE CASCADE,
    status varchar(20) NOT NULL DEFAULT 'queued',
    started_at timestamptz,
    completed_at timestamptz,
    duration_seconds int,
    records_processed int,
    error_message text,
    log_file_path text,
    parameters jsonb,
    result_summary jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    scheduled_for timestamptz NOT NULL,
    attempt int NOT NULL DEFAULT 1,
    trigger varchar(20) NOT NULL DEFAULT 'schedule',
    accounts text[],
    not_before timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz,
    then_due_at timestamptz,
    is_advanced boolean NOT NULL DEFAULT true,
    owner_token uuid,
    retry_of int REFERENCES job_executions ON DELETE SET NULL,
    dagster_run_id text,
    timeout_minutes int,
    cancel_requested_at timestamptz,
    UNIQUE (job_id, scheduled_for, attempt)
);
CREATE INDEX job_executions_recent_idx ON job_executions (job_id, started_at DESC);
CREATE INDEX job_executions_open_idx ON job_executions (id)
    WHERE status IN ('queued', 'running');
CREATE INDEX job_executions_job_idx ON job_executions (job_id, id);
CREATE INDEX job_executions_created_idx ON job_executions (created_at);
-- What refers to an execution; without it each one removed costs a whole scan.
CREATE INDEX job_executions_retry_of_idx ON job_executions (retry_of)
    WHERE retry_of IS NOT NULL;

CREATE TABLE execution_runs (
    execution_id int NOT NULL REFERENCES job_executions ON DELETE CASCADE,
    account text NOT NULL DEFAULT '',
    run_key text NOT NULL UNIQUE,
    work jsonb NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'queued',
    dagster_run_id text,
    started_at timestamptz,
    completed_at timestamptz,
    result jsonb NOT NULL DEFAULT '{}',
    error text,
    is_transient boolean,
    suspected_at timestamptz,
    PRIMARY KEY (execution_id, account)
);

CREATE TABLE schedule_locks (
    job_id int PRIMARY KEY REFERENCES schedule_jobs ON DELETE CASCADE,
    locked_at timestamptz NOT NULL DEFAULT now(),
    locked_by varchar(255) NOT NULL DEFAULT current_user,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '1 hour',
    execution_id int,
    owner_token uuid
);
CREATE INDEX schedule_locks_expires_idx ON schedule_locks (expires_at);

CREATE TABLE missed_slots (
    job_id int NOT NULL REFERENCES schedule_jobs ON DELETE CASCADE,
    slot timestamptz NOT NULL,
    reason text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    until timestamptz,
    slots int NOT NULL DEFAULT 1,
    PRIMARY KEY (job_id, slot)
);

CREATE TABLE scheduler_heartbeat (
    id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    beat_at timestamptz NOT NULL,
    ticked_at timestamptz,
    tick_seconds real,
    details jsonb NOT NULL DEFAULT '{}'
);
"""

COMMENTS = {
    "schedule_jobs": "One row per scheduled job; operators insert, change and delete rows",
    "schedule_jobs.status": "active or paused",
    "schedule_jobs.interval": "5m 10m 15m 30m 1h 2h 4h 6h 12h 1d 1w 1M",
    "schedule_jobs.cron_expression": "Five fields: minute hour day month weekday, Korean time",
    "schedule_jobs.specific_times": "Times of day, Korean time",
    "schedule_jobs.market_codes": "Only accounts of these markets; NULL = of all",
    "schedule_jobs.account_ids": "Only these accounts; NULL = all",
    "schedule_jobs.priority": "Larger goes first",
    "schedule_jobs.next_run_at": "The next slot; set it to now() to run at once, NULL to plan anew",
    "schedule_jobs.catch_up": "Slots passed over while down or paused: skip, one or all",
    "schedule_jobs.pause_after_failures": "Pause after so many failed slots in a row; NULL = never",
    "schedule_jobs.anchor_at": "Where the grid of an interval begins",
    "schedule_jobs.failures_in_row": "Failed slots since the last good one",
    "schedule_jobs.resumed_at": "When it last became active again",
    "schedule_jobs.is_broken": "Left alone until an operator changes it: nobody can read it",
    "job_executions": "One row per attempt at a slot of a job",
    "job_executions.status": "queued running completed partial failed cancelled timed_out",
    "job_executions.scheduled_for": "The slot; of a manual run, when it was asked for",
    "job_executions.attempt": "1 for the first, then one more per retry",
    "job_executions.trigger": "schedule, manual or retry",
    "job_executions.accounts": "Account keys it works for; NULL = by the job's row, {} = none",
    "job_executions.not_before": "A retry waits until then",
    "job_executions.due_at": "next_run_at as it was when this slot was taken",
    "job_executions.then_due_at": "What next_run_at becomes once the runs exist",
    "job_executions.is_advanced": "Was next_run_at moved on?",
    "job_executions.owner_token": "Whose the lock is; only it releases the lock",
    "job_executions.retry_of": "The attempt before",
    "job_executions.cancel_requested_at": "An operator wants it to end",
    "execution_runs": "One row per run of an execution: one per account, or one with account ''",
    "execution_runs.run_key": "Dagster's key: <job_id>:<scheduled_for>:<attempt>[:<account>]",
    "execution_runs.work": "Which job, assets, account and days the run is about",
    "execution_runs.result": "What the run reported, by kind",
    "execution_runs.is_transient": "May a retry help?",
    "execution_runs.suspected_at": "Since when nobody holds the run's liveness lock",
    "schedule_locks": "Who works on a job; delete a row to release the job",
    "missed_slots": "Slots passed over, with the reason; until and slots: a whole row of them",
    "scheduler_heartbeat": "One row: when the scheduler last lived, for outside checks",
}

TRIGGERS = """
CREATE FUNCTION schedule_jobs_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    NEW.is_broken := false;
    IF (NEW.interval, NEW.cron_expression, NEW.specific_times)
        IS DISTINCT FROM (OLD.interval, OLD.cron_expression, OLD.specific_times)
        AND NEW.next_run_at IS NOT DISTINCT FROM OLD.next_run_at
    THEN
        NEW.next_run_at := NULL;
        NEW.anchor_at := NULL;
    END IF;
    IF (NEW.status = 'active' AND NEW.is_active)
        AND NOT (OLD.status = 'active' AND coalesce(OLD.is_active, false))
    THEN
        NEW.resumed_at := now();
        NEW.failures_in_row := 0;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER schedule_jobs_touch
    BEFORE UPDATE OF name, job_type, status, interval, cron_expression, specific_times,
        market_codes, account_ids, parameters, max_retries, timeout_minutes, priority, is_active,
        catch_up, pause_after_failures
    ON schedule_jobs FOR EACH ROW EXECUTE FUNCTION schedule_jobs_touch();
"""

VIEWS = """
CREATE VIEW v_active_schedule_jobs AS
SELECT j.*,
    CASE WHEN j.run_count > 0
        THEN round(100.0 * j.success_count / j.run_count, 2) END AS success_rate,
    e.avg_duration_seconds, coalesce(e.total_records_processed, 0) AS total_records_processed
FROM schedule_jobs j
LEFT JOIN LATERAL (
    SELECT round(avg(duration_seconds), 1) AS avg_duration_seconds,
           sum(records_processed) AS total_records_processed
    FROM job_executions WHERE job_id = j.id AND status IN ('completed', 'partial')
) e ON true
WHERE j.status = 'active' AND j.is_active;

CREATE VIEW v_recent_job_executions AS
SELECT e.id, e.job_id, j.name AS job_name, j.job_type, e.status, e.trigger, e.attempt,
    e.scheduled_for, e.started_at, e.completed_at, e.duration_seconds, e.records_processed,
    e.error_message, e.log_file_path, e.parameters, e.result_summary, e.created_at,
    e.dagster_run_id
FROM job_executions e JOIN schedule_jobs j ON j.id = e.job_id
ORDER BY e.created_at DESC, e.id DESC LIMIT 100;
"""

SEEDS = """
INSERT INTO schedule_jobs
    (name, job_type, interval, specific_times, market_codes, parameters)
VALUES
    ('쿠팡 상품 수집 (5분)', 'product_collection', '5m', NULL, ARRAY['coupang'],
     '{"batch_size": 100, "include_details": true}'),
    ('네이버 상품 수집 (15분)', 'product_collection', '15m', NULL, ARRAY['naver'],
     '{"batch_size": 50}'),
    ('11번가 상품 수집 (30분)', 'product_collection', '30m', NULL, ARRAY['eleven'],
     '{"batch_size": 50}'),
    ('전체 주문 수집 (10분)', 'order_collection', '10m', NULL,
     ARRAY['coupang', 'naver', 'eleven'], '{"days_back": 1}'),
    ('재고 동기화 (매시간)', 'inventory_sync', '1h', NULL,
     ARRAY['coupang', 'naver', 'eleven'], '{}'),
    ('가격 업데이트 (6시간)', 'price_update', '6h', NULL,
     ARRAY['coupang', 'naver', 'eleven'], '{"update_competitors": true}'),
    ('데이터베이스 백업 (매일 새벽 3시)', 'database_backup', NULL, ARRAY['03:00'::time], NULL,
     '{"backup_type": "full", "retention_days": 30}'),
    ('일일 보고서 생성 (매일 오전 9시)', 'report_generation', NULL, ARRAY['09:00'::time], NULL,
     '{"report_types": ["sales", "inventory", "orders"]}');
"""


def upgrade() -> None:
    for script in (TABLES, TRIGGERS, VIEWS, SEEDS):
        op.execute(script.replace(":", r"\:"))
    for place, comment in COMMENTS.items():
        kind = "COLUMN" if "." in place else "TABLE"
        text = comment.replace("'", "''").replace(":", r"\:")
        op.execute(f"COMMENT ON {kind} {place} IS '{text}'")
