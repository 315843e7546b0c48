"""The SQL of the dispatcher. :now is the tick's instant everywhere, so that tests own the clock."""

from sqlalchemy import text

TICK_LOCK = text("SELECT pg_try_advisory_xact_lock(4217003)")

BEAT = text("""
    INSERT INTO scheduler_heartbeat AS h (id, beat_at, ticked_at, tick_seconds, details)
    VALUES (1, :now, :now, :seconds, CAST(:details AS jsonb))
    ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, ticked_at = excluded.ticked_at,
        tick_seconds = excluded.tick_seconds, details = excluded.details
""")

# ── what is under way ──────────────────────────────────────────────────────────────────────────
OPEN_RUNS = text("""
    SELECT e.id, e.job_id, e.status AS execution_status, e.scheduled_for, e.attempt, e.trigger,
        e.started_at AS execution_started_at, e.timeout_minutes, e.owner_token,
        e.cancel_requested_at, e.is_advanced, e.due_at, e.then_due_at,
        r.account, r.run_key, r.status, r.dagster_run_id, r.started_at, r.completed_at, r.result,
        r.error, r.is_transient, r.suspected_at, r.work,
        j.job_type, j.name AS job_name, j.priority, j.max_retries, j.pause_after_failures
    FROM job_executions e
    JOIN schedule_jobs j ON j.id = e.job_id
    JOIN execution_runs r ON r.execution_id = e.id
    WHERE e.status IN ('queued', 'running')
    ORDER BY e.id, r.account
""")

SEE_RUN = text("""
    UPDATE execution_runs SET status = :status, dagster_run_id = :run_id, started_at = :started_at,
        completed_at = :completed_at, suspected_at = :suspected_at, error = :error,
        is_transient = :is_transient
    WHERE execution_id = :execution AND account = :account
""")

IS_ALIVE = text("SELECT NOT pg_try_advisory_xact_lock(hashtextextended('run ' || :run_id, 0))")
"""A run's worker holds this lock as long as it lives (`holding`)."""

START_EXECUTION = text("""
    UPDATE job_executions SET status = 'running', started_at = :started_at,
        dagster_run_id = coalesce(dagster_run_id, :run_id)
    WHERE id = :execution AND status = 'queued'
""")

ADVANCE = text("""
    WITH moved AS (
        UPDATE job_executions SET is_advanced = true
        WHERE id = :execution AND NOT is_advanced
        RETURNING job_id, due_at, then_due_at
    )
    UPDATE schedule_jobs j SET next_run_at = m.then_due_at
    FROM moved m WHERE j.id = m.job_id AND j.next_run_at IS NOT DISTINCT FROM m.due_at
""")
"""An operator who set next_run_at meanwhile keeps what they set."""

SETTLE = text("""
    UPDATE job_executions SET status = :status, completed_at = :completed_at,
        started_at = coalesce(started_at, :started_at),
        duration_seconds = :seconds, records_processed = :records, error_message = :error,
        result_summary = CAST(:summary AS jsonb),
        dagster_run_id = coalesce(dagster_run_id, :run_id)
    WHERE id = :execution AND status IN ('queued', 'running')
    RETURNING job_id
""")

COUNT_SETTLED = text("""
    UPDATE schedule_jobs SET
        run_count = least(coalesce(run_count, 0) + 1::bigint, 2147483647),
        success_count = least(coalesce(success_count, 0) + CAST(:good AS bigint), 2147483647),
        error_count = least(coalesce(error_count, 0) + CAST(:bad AS bigint), 2147483647),
        last_error = :error,
        last_success_at = CASE WHEN :good = 1 THEN CAST(:completed_at AS timestamptz)
            ELSE last_success_at END,
        failures_in_row = CASE WHEN :good = 1 THEN 0 ELSE failures_in_row + :slot_failed END
    WHERE id = :job
    RETURNING failures_in_row, pause_after_failures
""")

PAUSE = text("""
    UPDATE schedule_jobs SET status = 'paused', last_error = :error
    WHERE id = :job AND status = 'active'
""")

RETRY = text("""
    INSERT INTO job_executions (
        job_id, scheduled_for, attempt, trigger, accounts, not_before, parameters, retry_of,
        owner_token
    )
    SELECT job_id, scheduled_for, attempt + 1, 'retry', :accounts, :not_before, parameters, id,
        :token
    FROM job_executions WHERE id = :execution
    ON CONFLICT (job_id, scheduled_for, attempt) DO NOTHING
    RETURNING id
""")

# ── locks ──────────────────────────────────────────────────────────────────────────────────────
PASS_LOCK = text("""
    UPDATE schedule_locks SET execution_id = :successor, owner_token = :new_token,
        locked_by = :who, expires_at = :expires_at
    WHERE job_id = :job AND owner_token = :token
""")

RELEASE = text("DELETE FROM schedule_locks WHERE job_id = :job AND owner_token = :token")

RELEASE_ORPHANS = text("""
    DELETE FROM schedule_locks l
    WHERE l.execution_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM job_executions e
        WHERE e.id = l.execution_id AND e.status IN ('queued', 'running')
            AND e.owner_token = l.owner_token
    )
    OR l.execution_id IS NULL AND l.expires_at <= :now
    RETURNING l.job_id
""")
"""Locks whose owner has ended, and foreign ones that expired."""

EXTEND = text("""
    UPDATE schedule_locks l
    SET expires_at = CAST(:now AS timestamptz)
        + make_interval(mins => coalesce(e.timeout_minutes, 30) + 5)
    FROM job_executions e
    WHERE e.id = l.execution_id AND l.expires_at <= :now AND e.status IN ('queued', 'running')
    RETURNING l.job_id
""")
"""Runs that are dead were settled before, so whatever is still open lives."""

LOCK = text("""
    INSERT INTO schedule_locks AS l
        (job_id, locked_at, locked_by, expires_at, execution_id, owner_token)
    VALUES (:job, :now, :who, :expires_at, :execution, :token)
    ON CONFLICT (job_id) DO UPDATE SET locked_by = l.locked_by
    WHERE l.owner_token = excluded.owner_token
    RETURNING job_id
""")

# ── what is to begin ───────────────────────────────────────────────────────────────────────────
_ROW = """
    j.id, j.name, j.job_type, j.interval, j.cron_expression,
    j.specific_times::text[] AS specific_times, j.market_codes, j.account_ids, j.parameters,
    j.max_retries, j.timeout_minutes, j.priority,
    CASE WHEN j.next_run_at < '3000-01-01' THEN j.next_run_at END AS next_run_at,
    j.catch_up, j.pause_after_failures,
    CASE WHEN j.anchor_at BETWEEN '1970-01-01' AND '3000-01-01' THEN j.anchor_at END AS anchor_at,
    CASE WHEN j.resumed_at BETWEEN '1970-01-01' AND '3000-01-01' THEN j.resumed_at END AS resumed_at
"""
"""24:00 and infinity are no Python: read as they are, one would stop all rows."""

DUE = text(f"""
    SELECT {_ROW}
    FROM schedule_jobs j
    WHERE j.status = 'active' AND j.is_active AND NOT j.is_broken
    AND (j.next_run_at IS NULL OR j.next_run_at <= :now)
    AND NOT EXISTS (SELECT FROM schedule_locks l WHERE l.job_id = j.id)
    ORDER BY j.priority DESC NULLS LAST, j.next_run_at NULLS LAST, j.id
    LIMIT :most
""")  # noqa: S608 - column names written above

NEXT_DUE = text("""
    SELECT j.next_run_at FROM schedule_jobs j
    WHERE j.status = 'active' AND j.is_active AND NOT j.is_broken
    AND j.next_run_at > :now AND j.next_run_at <= :until
    AND NOT EXISTS (SELECT FROM schedule_locks l WHERE l.job_id = j.id)
    ORDER BY j.next_run_at LIMIT 1
""")

WAITING = text(f"""
    SELECT {_ROW}, e.id AS execution, e.scheduled_for, e.attempt, e.trigger, e.accounts,
        e.owner_token, e.parameters AS asked, e.retry_of
    FROM job_executions e
    JOIN schedule_jobs j ON j.id = e.job_id
    LEFT JOIN schedule_locks l ON l.job_id = e.job_id
    WHERE e.status = 'queued' AND e.not_before <= :now AND e.cancel_requested_at IS NULL
    AND (e.trigger = 'manual' OR (j.status = 'active' AND j.is_active))
    AND (l.job_id IS NULL OR l.owner_token = e.owner_token)
    AND NOT EXISTS (SELECT FROM execution_runs r WHERE r.execution_id = e.id)
    ORDER BY j.priority DESC NULLS LAST, e.not_before, e.id
    LIMIT :most
""")  # noqa: S608 - column names written above
"""Executions without runs: asked for by hand, or retries whose time has come."""

CANCEL_WAITING = text("""
    UPDATE job_executions e SET status = 'cancelled', completed_at = :now, duration_seconds = 0,
        records_processed = 0, error_message = 'cancelled before it began'
    WHERE status = 'queued' AND cancel_requested_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM execution_runs r WHERE r.execution_id = e.id)
""")

ODD = text("""
    UPDATE schedule_jobs SET is_broken = true,
        last_error = format('status: unknown %L; use active or paused', status)
    WHERE status NOT IN ('active', 'paused') AND NOT is_broken
    RETURNING id
""")

UNTIMELY = text("""
    UPDATE schedule_jobs SET next_run_at = NULL
    WHERE status = 'active' AND is_active AND NOT is_broken AND next_run_at < '1970-01-01'
    RETURNING id
""")

ACCOUNTS = text("SELECT id, key, market, enabled FROM accounts ORDER BY id")

REACHED = text("""
    SELECT a.key, max(w.collected_until) AS until
    FROM watermarks w JOIN accounts a ON a.id = w.account_id
    WHERE w.kind = 'orders' GROUP BY a.key
""")

INSERT_EXECUTION = text("""
    INSERT INTO job_executions (
        job_id, status, scheduled_for, attempt, trigger, accounts, parameters, due_at,
        then_due_at, is_advanced, owner_token, timeout_minutes, log_file_path, created_at,
        not_before
    )
    VALUES (
        :job, 'queued', :slot, 1, 'schedule', :accounts, CAST(:parameters AS jsonb), :due,
        :then_due, false, :token, :timeout, :log, :now, :now
    )
    ON CONFLICT (job_id, scheduled_for, attempt) DO NOTHING
    RETURNING id
""")

PREPARE = text("""
    UPDATE job_executions SET owner_token = :token, timeout_minutes = :timeout,
        log_file_path = :log, accounts = :accounts,
        parameters = coalesce(parameters, CAST(:parameters AS jsonb))
    WHERE id = :execution
""")

INSERT_RUN = text("""
    INSERT INTO execution_runs (execution_id, account, run_key, work)
    VALUES (:execution, :account, :run_key, CAST(:work AS jsonb))
""")

TAKEN = text("UPDATE schedule_jobs SET last_run_at = :now, anchor_at = :anchor WHERE id = :job")

FAIL_SLOT = text("""
    INSERT INTO job_executions (
        job_id, status, scheduled_for, trigger, started_at, completed_at, duration_seconds,
        records_processed, error_message, parameters, log_file_path, created_at
    )
    VALUES (
        :job, 'failed', :slot, 'schedule', :now, :now, 0, 0, :error,
        CAST(:parameters AS jsonb), :log, :now
    )
    ON CONFLICT (job_id, scheduled_for, attempt) DO NOTHING
    RETURNING id
""")

FAIL_EXECUTION = text("""
    UPDATE job_executions SET status = 'failed', started_at = :now, completed_at = :now,
        duration_seconds = 0, records_processed = 0, error_message = :error
    WHERE id = :execution
""")

BREAK = text("""
    UPDATE schedule_jobs SET is_broken = true, last_error = :error WHERE id = :job
""")

PLAN_NEXT = text("""
    UPDATE schedule_jobs SET next_run_at = :next, anchor_at = :anchor
    WHERE id = :job AND next_run_at IS NOT DISTINCT FROM :due
""")

MISS = text("""
    INSERT INTO missed_slots (job_id, slot, reason, noted_at, until, slots)
    VALUES (:job, :slot, :reason, :now, :until, :slots)
    ON CONFLICT (job_id, slot) DO NOTHING
""")

LAST_END = text("SELECT max(completed_at) FROM job_executions WHERE job_id = :job")

RUNS_OF = text("""
    SELECT e.id, e.job_id, e.scheduled_for, e.attempt, e.timeout_minutes, r.run_key, r.work,
        r.account, j.job_type, j.priority
    FROM execution_runs r
    JOIN job_executions e ON e.id = r.execution_id
    JOIN schedule_jobs j ON j.id = e.job_id
    WHERE r.execution_id = :execution ORDER BY r.account
""")
