"""Dagster's own tables, where its interface offers no way: which runs are old, and old ticks.

Runs are only found here; Dagster removes them itself. A run stays, however old, while one of its
materializations is the newest of its partition: without it Dagit would show collected days as
missing. So do the runs of executions that the scheduler has not settled yet.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from erp_assets.warehouse.engine import Warehouse
from erp_assets.warehouse.retention import BATCH_ROWS, Pruned, prune

PAGE = 200

_UNSETTLED = text("""
    SELECT r.run_key, coalesce(r.dagster_run_id, '') AS run_id
    FROM execution_runs r JOIN job_executions e ON e.id = r.execution_id
    WHERE e.status IN ('queued', 'running')
""")

_OLD_RUNS = text("""
    SELECT r.id, r.run_id FROM runs r
    WHERE r.id > :after AND r.status IN ('SUCCESS', 'FAILURE', 'CANCELED')
    AND coalesce(to_timestamp(r.end_time), CAST(r.update_timestamp AS timestamptz)) < :before
    AND r.run_id <> ALL (CAST(:run_ids AS text[]))
    AND NOT EXISTS (
        SELECT FROM run_tags t
        WHERE t.run_id = r.run_id AND t.key = 'dagster/run_key'
        AND t.value = ANY (CAST(:run_keys AS text[]))
    )
    AND 0 = (
        SELECT count(*) FROM event_logs e
        WHERE e.run_id = r.run_id AND e.dagster_event_type = 'ASSET_MATERIALIZATION'
        AND e.id = CASE WHEN e.partition IS NULL THEN (
            SELECT max(n.id) FROM event_logs n
            WHERE n.asset_key = e.asset_key AND n.partition IS NULL
            AND n.dagster_event_type = 'ASSET_MATERIALIZATION'
        ) ELSE (
            SELECT max(n.id) FROM event_logs n
            WHERE n.asset_key = e.asset_key AND n.partition = e.partition
            AND n.dagster_event_type = 'ASSET_MATERIALIZATION'
        ) END
    )
    ORDER BY r.id LIMIT :most
""")
"""Counts instead of NOT EXISTS, which the planner answers by reading every materialization."""

_TICKS = text("""
    DELETE FROM job_ticks WHERE id = ANY (ARRAY (
        SELECT t.id FROM job_ticks t
        WHERE t.timestamp < CAST(:before AS timestamptz)
        AND t.id NOT IN (SELECT max(id) FROM job_ticks GROUP BY selector_id)
        LIMIT :most
    ))
""")
"""Dagster goes on from the last tick of a schedule, so that one stays."""


class Unsettled(NamedTuple):
    """Runs the scheduler still waits for: by key while it does not know them, and by id."""

    run_keys: Sequence[str]
    run_ids: Sequence[str]


def unsettled(warehouse: Warehouse) -> Unsettled:
    """Return the runs of open executions."""
    with warehouse.transaction() as db:
        rows = db.execute(_UNSETTLED).all()
    return Unsettled([row.run_key for row in rows], [row.run_id for row in rows if row.run_id])


def old_runs(
    dagster: Warehouse, before: datetime, wanted: Unsettled, *, most: int = PAGE
) -> Iterator[str]:
    """Yield the ids of runs that ended before `before` and that nobody needs, oldest first.

    dagster: Dagster's database. They may be deleted while this goes on.
    """
    values = {"before": before, "most": most, "after": 0, **wanted._asdict()}
    while True:
        with dagster.transaction() as db:
            found = db.execute(_OLD_RUNS, values).all()
        yield from (row.run_id for row in found)
        if len(found) < most:
            return
        values["after"] = found[-1].id


def prune_ticks(dagster: Warehouse, before: datetime, *, most: int = BATCH_ROWS) -> Pruned:
    """Remove ticks of sensors and schedules from before `before`, but the last of each."""
    return prune(dagster, "job_ticks", _TICKS, {"before": before, "most": most})
