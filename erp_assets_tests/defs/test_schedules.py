"""The schedules in code: there, running by default, at the right Korean time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from sqlalchemy import text

from erp_assets import clock
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


@pytest.mark.parametrize("seconds", [-1.0, 1.5, 3_600.0])
def test_a_slot_that_falls_due_before_the_next_tick_is_waited_for(platform, seconds):
    live = Platform(platform.settings)
    due = clock.utc_now() + timedelta(seconds=seconds)
    with live.warehouse.transaction() as db:
        db.execute(text("DELETE FROM schedule_jobs"))
        db.execute(
            text(
                "INSERT INTO schedule_jobs (name, job_type, interval, market_codes, next_run_at) "
                "VALUES ('상품', 'product_collection', '1d', ARRAY['naver'], :due)"
            ),
            {"due": due},
        )
    repository_def = whole(live).get_repository_def()
    [sensor] = repository_def.sensor_defs
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(
            instance, repository_def=repository_def, resources={"platform": live}
        ) as context,
    ):
        asked = sensor.evaluate_tick(context).run_requests
    late = clock.utc_now() - due
    live.warehouse.dispose()
    assert len(asked) == (seconds < 60)
    assert (late > timedelta(0)) == (seconds < 60)


def test_the_dispatcher_never_starts_what_only_a_schedule_does():
    [sensor] = repository().sensor_defs
    assert "housekeeping" not in {job.name for job in sensor.jobs}
