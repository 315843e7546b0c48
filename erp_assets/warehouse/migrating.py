"""Alembic, apart from the engine because loading it takes longer than everything else there."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from erp_assets.warehouse.engine import MIGRATIONS


def upgrade(db: Connection) -> None:
    """Apply every migration that the database has not seen, in the caller's transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = db
    command.upgrade(config, "head")
