"""Filling missing days: what one account cannot do stops no other, and what may help is retried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import dagster as dg
import pytest

from erp_assets import clock
from erp_assets.defs.jobs import MissingConfig, fill_missing_days
from erp_assets.defs.resources import Platform
from erp_assets.errors import MarketDenied
from erp_assets.scheduling.working import Ticket
from erp_assets.settings import Settings
from erp_assets.warehouse.engine import CollectionRunning

DENIED = MarketDenied("refused", remedy="renew the key")
BUSY = CollectionRunning("orders of account 2 is being collected by another process")


@dataclass(frozen=True)
class Failing(Platform):
    """A platform that misses a day of every account and whose collections end as told."""

    errors: Mapping[str, Exception] = field(default_factory=dict)

    def missing(self, key, kind, window):
        return [clock.day_window(date(2026, 11, 1))] if key in self.errors else []

    def collect_days(self, key, kind, window, *, run_id):
        raise self.errors[key]


def fill(tmp_path, errors):
    platform = Failing(Settings(home=tmp_path), errors=errors)
    ticket = Ticket(None, platform.logs, "run")  # no order, so that it reports to nobody
    with dg.build_op_context() as context, pytest.raises(dg.Failure) as failed:
        fill_missing_days(context, MissingConfig(kinds=["orders"]), platform, ticket)
    return failed.value


@pytest.mark.parametrize(
    ("errors", "is_retried"),
    [
        ({"naver": BUSY}, True),
        ({"coupang": DENIED}, False),
        ({"coupang": DENIED, "naver": BUSY}, True),
    ],
    ids=["another job collects it", "its key is refused", "one of each"],
)
def test_missing_days_are_tried_again_where_that_can_help(tmp_path, errors, is_retried):
    failure = fill(tmp_path, errors)
    assert failure.allow_retries is is_retried
    assert [str(it) in failure.description for it in errors.values()] == [True] * len(errors)
    assert failure.metadata["days_filled"].value.keys() == {
        f"{it} orders" for it in ("coupang", "naver", "eleven") if it not in errors
    }
