"""The schedules that belong in code: the platform's own upkeep, not an operator's business.

What the shop does stands in schedule_jobs. There is no schedule for the dead-man row: each tick of
the dispatcher writes `scheduler_heartbeat` about every five seconds, in the transaction that did
the tick's work. A second writer by the minute would keep the row fresh while the dispatcher fails.
"""

from zoneinfo import ZoneInfo

import dagster as dg

from erp_assets.defs.housekeeping import housekeeping
from erp_assets.defs.jobs import collect_missing


def schedules(zone: ZoneInfo) -> list[dg.ScheduleDefinition]:
    """Return them; each runs from the first start on."""
    return [
        dg.ScheduleDefinition(
            name="housekeeping_daily",
            job=housekeeping,
            cron_schedule="30 4 * * *",
            execution_timezone=zone.key,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Remove what is old, make the next months' partitions, vacuum.",
        ),
        dg.ScheduleDefinition(
            name="collect_missing_daily",
            job=collect_missing,
            cron_schedule="0 5 * * *",
            execution_timezone=zone.key,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Find order and claim days never collected to their end, collect them.",
        ),
    ]
