"""Which launcher the settings choose, and what PostgreSQL as a broker promises."""

import sys

import pytest
from celery import Celery
from dagster._core.launcher import DefaultRunLauncher

from erp_assets.defs import broker
from erp_assets.defs.scaling import CeleryLauncher
from erp_assets.defs.storage import ProjectLauncher
from erp_assets.errors import SettingsError
from erp_assets.settings import Settings

pytestmark = pytest.mark.filterwarnings(
    "ignore:The ``noload`` loader strategy:sqlalchemy.exc.SADeprecationWarning"
)
"""kombu's own tables, under SQLAlchemy 2.1."""


@pytest.fixture
def asks_for_celery(monkeypatch, database_url):
    monkeypatch.setenv("ERP_RUN_LAUNCHER", "celery")
    monkeypatch.setenv("ERP_CELERY_BROKER", database_url.replace("+psycopg", ""))


def test_runs_are_processes_unless_celery_is_asked_for(monkeypatch):
    monkeypatch.delenv("ERP_RUN_LAUNCHER", raising=False)
    assert type(ProjectLauncher.from_config_value(None, {})) is DefaultRunLauncher


@pytest.mark.usefixtures("asks_for_celery")
def test_celery_gets_the_runs_when_asked_for():
    launcher = ProjectLauncher.from_config_value(None, {})
    assert isinstance(launcher, CeleryLauncher)
    assert launcher.celery.conf.task_acks_late is False


@pytest.mark.usefixtures("asks_for_celery")
def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dagster_celery", None)
    with pytest.raises(SettingsError, match=r"erp-assets\[celery\]"):
        ProjectLauncher.from_config_value(None, {})


@pytest.mark.parametrize(
    ("url", "as_broker", "as_backend"),
    [
        (
            "postgresql://u:p%40ss@h:5/erp",
            "sqla+postgresql+psycopg2://u:p%40ss@h:5/erp",
            "db+postgresql+psycopg2://u:p%40ss@h:5/erp",
        ),
        ("redis://:p@h:6379/0", "redis://:p@h:6379/0", "redis://:p@h:6379/0"),
    ],
    ids=["postgresql", "redis"],
)
def test_addresses_in_the_words_of_celery(url, as_broker, as_backend):
    assert broker.broker_url(url) == as_broker
    assert broker.backend_url(url) == as_backend


def test_password_of_the_broker_is_not_shown():
    settings = Settings(
        celery_broker="redis://:hush@127.0.0.1/0", celery_backend="redis://:hush@b/1"
    )
    launcher = CeleryLauncher.of(settings)
    shown = f"{settings!r} {settings.model_dump()} {launcher!r} {launcher.celery.connection()!r}"
    assert "hush" not in shown


@pytest.mark.parametrize("text", ["amqp://h", "sqla+postgresql://h/db", "file:///tmp/x"])
def test_another_kind_of_broker_is_refused(text):
    with pytest.raises(SettingsError, match=r"celery_broker: must begin with postgresql:// or"):
        Settings(celery_broker=text)


@pytest.fixture
def queue(database_url):
    """A queue of messages in PostgreSQL, as two workers see it."""
    url = broker.broker_url(database_url)
    app = Celery(broker=url, broker_transport_options=broker.OPTIONS)
    with app.connection() as one, app.connection() as other:
        yield one.SimpleQueue("runs"), other.SimpleQueue("runs")
        one.default_channel._open()[0].dispose()


def test_each_message_is_delivered_once_in_order_and_gone(queue, warehouse):
    mine, yours = queue
    for number in range(4):
        mine.put(number)
    assert [it.get(timeout=5).payload for it in (mine, yours, yours, mine)] == [0, 1, 2, 3]
    with warehouse.transaction() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM kombu_message").scalar_one() == 0
    with pytest.raises(mine.Empty):
        mine.get(block=False)


def test_queue_outlives_its_connections(queue, warehouse):
    mine, _ = queue
    mine.put("before")
    with warehouse.transaction() as db:
        db.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert mine.get(timeout=5).payload == "before"
