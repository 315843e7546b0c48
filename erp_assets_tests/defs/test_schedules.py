"""The schedules in code: there, running by default, at the right Korean time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from erp_assets.defs.resources import Platform
from erp_assets.defs.whole import whole
from erp_assets.settings import Settings

pytestmark = pytest.mark.filterwarnings(
    "ignore:Parameter `owners` of initializer `SensorDefinition:dagster.BetaWarning"
)
"""Dagster warns of an argument that it passes to itself when it gives a sensor its jobs."""

DAILY = {
    "housekeeping_daily": ("housekeeping", "30 4 * * *"),
    "collect_missing_daily": ("collect_missing", "0 5 * * *"),
}


def repository(**settings):
    return whole(Platform(Settings(**settings))).get_repository_def()


def test_the_schedules_are_these_and_run_from_the_first_start():
    found = repository().schedule_defs
    assert {it.name: (it.job_name, it.cron_schedule) for it in found} == DAILY
    for it in found:
        assert it.default_status is dg.DefaultScheduleStatus.RUNNING
        assert it.execution_timezone == "Asia/Seoul"


def test_their_zone_is_the_one_of_the_settings():
    found = repository(timezone=ZoneInfo("Asia/Tokyo")).schedule_defs
    assert {it.execution_timezone for it in found} == {"Asia/Tokyo"}


@pytest.mark.parametrize("name", DAILY)
def test_a_tick_asks_for_one_run_of_its_job(name):
    schedule = repository().get_schedule_def(name)
    due = datetime(2026, 11, 24, 20, tzinfo=UTC)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_schedule_context(instance, scheduled_execution_time=due) as context,
    ):
        asked = schedule.evaluate_tick(context).run_requests
    assert len(asked) == 1


def test_the_dispatcher_never_starts_what_only_a_schedule_does():
    [sensor] = repository().sensor_defs
    assert "housekeeping" not in {job.name for job in sensor.jobs}
