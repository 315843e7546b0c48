"""The database as commands use it: found or started, migrated, one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from erp_assets.settings import Settings


@contextmanager
def database() -> "Iterator[tuple[Settings, Connection]]":
    """Yield the settings and a connection; commit at the end, roll back on an exception."""
    from erp_assets import settings as configured
    from erp_assets.warehouse.engine import Warehouse
    from erp_assets.warehouse.server import database_url

    known = configured.load()
    warehouse = Warehouse(database_url(known.home, known.database_url))
    try:
        warehouse.migrate()
        with warehouse.transaction() as db:
            yield known, db
    finally:
        warehouse.dispose()
