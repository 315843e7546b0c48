"""The warehouse: one engine, the only place that commits, migrations, and who may collect now."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from erp_assets.errors import ErpError
from erp_assets.warehouse.server import unreachable

MIGRATION_LOCK = 4_217_001
"""Key of the advisory lock that lets one process migrate at a time."""


MIGRATIONS = Path(__file__).parent / "migrations"


class CollectionRunning(ErpError):
    """Another process collects the same kind of the same account; nothing was done."""


class PushRunning(ErpError):
    """Another process sends the changes of the same account; nothing was done."""


class Warehouse:
    """The PostgreSQL database that holds everything collected.

    url: with our driver, as `server.database_url` returns it; its password is never shown.
    patience_s: how long to wait for another process that collects the same.
    """

    patience_s = 0.0

    def __init__(self, url: str) -> None:
        self._url = make_url(url)

    def __repr__(self) -> str:
        """Name the server, never the password."""
        return f"Warehouse({self._url.render_as_string(hide_password=True)})"

    @cached_property
    def engine(self) -> Engine:
        """The pool of connections."""
        return create_engine(self._url, pool_pre_ping=True, hide_parameters=True)

    @property
    def url(self) -> str:
        """The URL with its password, for child processes and nobody else."""
        return self._url.render_as_string(hide_password=False)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection and commit at the end; roll back when an exception passes."""
        try:
            connection = self.engine.connect()
        except OperationalError as error:
            raise unreachable(self._url, error.orig or error) from None
        with connection, connection.begin():
            yield connection

    def migrate(self) -> None:
        """Bring the schema up to date; a second call, or one at the same time, changes nothing.

        Every run comes here, so Alembic, slow to load, is left alone where nothing is to do.
        """
        with self.transaction() as db:
            db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            if _revision(db) != newest_revision():
                import_module("erp_assets.warehouse.migrating").upgrade(db)

    @contextmanager
    def collecting(self, account_id: int, kind: str) -> Iterator[None]:
        """Hold the right to collect `kind` of an account; a killed holder loses it at once.

        Raises: CollectionRunning when another process holds it for longer than `patience_s`.
        """
        refusal = CollectionRunning(
            f"{kind} of account {account_id} is being collected by another process; "
            "wait for it to end"
        )
        with self._alone(f"collect {account_id} {kind}", refusal, self.patience_s):
            yield

    @contextmanager
    def pushing(self, account_id: int) -> Iterator[None]:
        """Hold the right to send the changes of an account; a killed holder loses it at once.

        Raises: PushRunning when another process holds it.
        """
        refusal = PushRunning(
            f"changes of account {account_id} are being sent by another process; wait for it to end"
        )
        with self._alone(f"push {account_id}", refusal):
            yield

    @contextmanager
    def _alone(self, name: str, refusal: ErpError, patience_s: float = 0.0) -> Iterator[None]:
        key, deadline = {"key": name}, time.monotonic() + patience_s
        with self.engine.connect() as db:
            lock = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
            while not db.execute(lock, key).scalar_one():
                db.commit()
                if time.monotonic() >= deadline:
                    raise refusal
                time.sleep(0.5)
            db.commit()
            try:
                yield
            finally:
                db.execute(text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), key)
                db.commit()

    def dispose(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()


def newest_revision() -> str:
    """Return the last migration there is; their files are named by number."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]


def _revision(db: Connection) -> str | None:
    """Return the migration the database is at; None where there was none."""
    if db.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    found: str | None = db.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
