"""A platform over simulated markets and a database of the test's own."""

import dagster as dg
import pytest

from erp_assets import clock
from erp_assets.defs.resources import Platform
from erp_assets.defs.whole import whole
from erp_assets.settings import Settings, simulator_accounts
from erp_assets_tests.acceptance import shops


@pytest.fixture
def made():
    """The world behind the markets; its clock is the platform's."""
    return shops.world(5)


@pytest.fixture
def simulator(made):
    with shops.serving(made) as serving:
        yield serving


@pytest.fixture
def platform(made, simulator, warehouse, monkeypatch, tmp_path):
    """Three enabled accounts at the simulator, without limits."""
    for name in ("ERP_CONFIG", "ERP_ACCOUNTS", "ERP_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    settings = Settings(
        home=tmp_path,
        database_url=warehouse.url,
        history_start=clock.kst_day(shops.history(shops.START).since),
        accounts=simulator_accounts(simulator.url, rates=dict.fromkeys(shops.MARKETS, 0)),
    )
    found = Platform(settings, now=made.now)
    yield found
    found.warehouse.dispose()


@pytest.fixture
def definitions(platform):
    return whole(platform)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened
