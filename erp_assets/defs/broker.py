"""PostgreSQL as Celery's message broker: kombu's SQLAlchemy transport, made fit for a long life.

kombu keeps every delivered message as an invisible row, looks once a second, lets workers wait for
each other's row locks, and leaves a session unusable when the server restarts. Here a message is
taken out by one statement, which no two workers wait for.
"""

import json
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import sqlalchemy as kombu_sqlalchemy
from sqlalchemy import make_url, text

SCHEME = "sqla"
OPTIONS = {"pool_pre_ping": True, "hide_parameters": True, "pool_size": 2}
"""For `broker_transport_options`; kombu hands them to `create_engine`."""

_TAKE = text("""
    DELETE FROM kombu_message WHERE id = (
        SELECT m.id FROM kombu_message m JOIN kombu_queue q ON q.id = m.queue_id
        WHERE q.name = :queue AND m.visible
        ORDER BY m.id LIMIT 1 FOR UPDATE OF m SKIP LOCKED
    )
    RETURNING payload
""")


class Channel(kombu_sqlalchemy.Channel):
    """A channel whose messages are gone once delivered: Celery acknowledges early."""

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        engine, _ = self._open()  # type: ignore[no-untyped-call]
        with engine.begin() as db:
            payload = db.execute(_TAKE, {"queue": queue}).scalar_one_or_none()
        if payload is None:
            raise Empty
        return json.loads(payload)


class Transport(kombu_sqlalchemy.Transport):
    """The transport; looks for messages four times a second while there are none."""

    Channel = Channel
    polling_interval = 0.25


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:{Transport.__name__}"


def broker_url(url: str) -> str:
    """Return the address in Celery's words; a Redis one stays as it is."""
    return _for_celery(url, SCHEME)


def backend_url(url: str) -> str:
    """Return the address of a result backend in Celery's words."""
    return _for_celery(url, "db")


def _for_celery(url: str, prefix: str) -> str:
    found = make_url(url)
    if not found.drivername.startswith("postgres"):
        return url
    named = found.set(drivername="postgresql+psycopg2")
    return f"{prefix}+{named.render_as_string(hide_password=False)}"
