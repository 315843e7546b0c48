"""The dispatcher as a Dagster sensor: rows of schedule_jobs in, runs out, every five seconds.

A slot that falls due before the next tick is waited for, so that it starts on time.
"""

import os
import socket
import time
import warnings
from datetime import timedelta
from functools import cache

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from erp_assets.defs.dispatching import DagsterRuns, run_request
from erp_assets.defs.resources import Platform
from erp_assets.markets import market_code
from erp_assets.scheduling.dispatcher import Dispatcher
from erp_assets.scheduling.settling import SUSPICION, RetryPolicy

AHEAD = timedelta(seconds=4)
"""How far a tick with nothing to do looks ahead; Dagster makes the next one after five seconds."""

# Dagster warns of an argument that it passes to itself when it gives a sensor its jobs.
warnings.filterwarnings(
    "ignore", "Parameter `owners` of initializer `SensorDefinition", category=dg.BetaWarning
)

Job = UnresolvedAssetJobDefinition | dg.JobDefinition


def dispatcher_sensor(jobs: list[Job], suspicion: timedelta = SUSPICION) -> dg.SensorDefinition:
    """Return the sensor that drives `jobs`. At an interval of 5 it would tick every 6 seconds."""

    @dg.sensor(
        name="dispatcher",
        jobs=jobs,
        minimum_interval_seconds=4,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts what fell due in schedule_jobs and settles what ended; an INSERT, "
        "UPDATE or DELETE takes effect at the next tick.",
    )
    def dispatcher(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult | dg.SkipReason:
        found = scheduler(platform, DagsterRuns(lambda: context.instance), suspicion)
        requests = found.tick(now := platform.now())
        if not requests and (due := found.next_due(now, now + AHEAD)):
            time.sleep(max((due - platform.now()).total_seconds(), 0.0))
            requests = found.tick(platform.now())
        if not requests:
            return dg.SkipReason("nothing is due")
        return dg.SensorResult(run_requests=[run_request(it) for it in requests])

    return dispatcher


def scheduler(
    platform: Platform, runs: DagsterRuns, suspicion: timedelta = SUSPICION
) -> Dispatcher:
    """Return the dispatcher for a platform."""
    return Dispatcher(
        platform.warehouse,
        runs,
        platform.logs,
        market_code,
        _who(),
        zone=platform.settings.timezone,
        retry=RetryPolicy(platform.settings.retry_seconds),
        suspicion=suspicion,
        history_start=platform.settings.history_start,
    )


@cache
def _who() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
