"""Index what refers to an execution: without it every one that is removed costs a whole scan."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX job_executions_retry_of_idx ON job_executions (retry_of) "
        "WHERE retry_of IS NOT NULL"
    )
