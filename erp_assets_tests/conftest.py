"""One embedded PostgreSQL per test run; a fresh database per test, copied from a template."""

import os
from itertools import count

import psycopg
import pytest
from hypothesis import settings

from erp_assets.warehouse import queries, server
from erp_assets.warehouse.engine import Warehouse

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
"""No test is timed; CI repeats the same examples, so that a change is judged by itself alone."""

NUMBERS = count(1)
ACCOUNTS = [
    (1, "coupang", "coupang", True),
    (2, "naver", "naver", True),
    (3, "eleven", "eleven", True),
]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """The home folder of a running server whose database `erp` is migrated."""
    home = tmp_path_factory.mktemp("pg", numbered=True)
    warehouse = Warehouse(server.database_url(home))
    warehouse.migrate()
    with warehouse.transaction() as db:
        queries.register_accounts(db, ACCOUNTS)
    warehouse.dispose()
    yield home
    server.stop(home)


@pytest.fixture
def database_url(postgres):
    """The URL of a migrated database of this test's own."""
    name = f"test_{next(NUMBERS)}"
    admin = server.url(postgres, "postgres").replace("+psycopg", "")
    with psycopg.connect(admin, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name} TEMPLATE erp")
    yield server.url(postgres, name)
    with psycopg.connect(admin, autocommit=True) as db:
        db.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def warehouse(database_url):
    """A warehouse of this test's own, with three accounts: 1 coupang, 2 naver, 3 eleven."""
    found = Warehouse(database_url)
    yield found
    found.dispose()
