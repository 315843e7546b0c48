"""Alembic's environment: runs on the connection that `Warehouse.migrate` holds the lock with."""

from alembic import context

from erp_assets.warehouse.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
