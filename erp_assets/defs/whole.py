"""Puts the parts together for one set of settings."""

import dagster as dg

from erp_assets.defs.checks import checks
from erp_assets.defs.housekeeping import housekeeping
from erp_assets.defs.ingest import account_assets, account_partitions, day_assets, day_partitions
from erp_assets.defs.jobs import asset_jobs, collect_missing, perform
from erp_assets.defs.marts import column_schemas, marts
from erp_assets.defs.resources import Platform
from erp_assets.defs.schedules import schedules
from erp_assets.defs.sensors import Job, dispatcher_sensor
from erp_assets.defs.tickets import ticket


def whole(platform: Platform) -> dg.Definitions:
    """Return every definition; disabled accounts keep their partitions, they are history."""
    columns = column_schemas()
    accounts = account_partitions([account.key for account in platform.settings.accounts])
    days = day_partitions(accounts, platform.settings.history_start)
    jobs: list[Job] = [*asset_jobs(), collect_missing, perform]
    return dg.Definitions(
        assets=[*account_assets(accounts, columns), *day_assets(days, columns), *marts(columns)],
        asset_checks=checks(),
        jobs=[*jobs, housekeeping],
        schedules=schedules(platform.settings.timezone),
        sensors=[dispatcher_sensor(jobs)],
        resources={"platform": platform, "ticket": ticket},
        executor=dg.in_process_executor,
    )
