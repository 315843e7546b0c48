"""Puts the parts together for one set of settings."""

from datetime import timedelta

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
from erp_assets.defs.writing import sync_inventory, update_prices, written
from erp_assets.scheduling.settling import SUSPICION


def whole(platform: Platform, *, suspicion: timedelta = SUSPICION) -> dg.Definitions:
    """Return every definition; disabled accounts keep their partitions, they are history.

    suspicion: how long a run's process may not be seen, in the seconds of the platform's clock.
    """
    columns = column_schemas()
    accounts = account_partitions([account.key for account in platform.settings.accounts])
    days = day_partitions(accounts, platform.settings.history_start)
    jobs: list[Job] = [
        *asset_jobs(),
        collect_missing,
        perform,
        sync_inventory,
        update_prices,
    ]
    return dg.Definitions(
        assets=[
            *account_assets(accounts, columns),
            *day_assets(days, columns),
            *marts(columns),
            *written(accounts, columns),
        ],
        asset_checks=checks(),
        jobs=[*jobs, housekeeping],
        schedules=schedules(platform.settings.timezone),
        sensors=[dispatcher_sensor(jobs, suspicion)],
        resources={"platform": platform, "ticket": ticket},
        executor=dg.in_process_executor,
    )
