"""The rows of `market_pushes` on their way: who may leave, what came of each, what is in doubt.

planned → sent → confirmed | failed, and back to planned when nothing happened at the market. A row
that was planned again after a newer plan came is superseded by it. Of a (account, option, kind) at
most one row is planned and at most one sent; a planned one beside a sent one waits.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, text

from erp_assets.records import Offer, OptionKey

NO_OPTION = "0"
"""What an option is called where the market names none."""

UNAVAILABLE = "unavailable"
"""Code of an item that could not be sent, as the clients of the markets say it."""

MESSAGE_CHARACTERS = 500


class Kind(StrEnum):
    """What of an option is to change."""

    STOCK = "stock"
    PRICE = "price"
    ON_SALE = "on_sale"


class Status(StrEnum):
    """How far a push has come."""

    PLANNED = "planned"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class Open(NamedTuple):
    """A push that is planned or sent. unseen: readings in a row that did not show the option."""

    id: int
    kind: Kind
    product_no: str
    option_no: str
    wanted: int
    before: int | None
    status: Status
    attempts: int
    unseen: int
    sent_at: datetime | None
    answered_at: datetime | None
    code: str | None

    @property
    def key(self) -> OptionKey:
        """The option it is about."""
        return OptionKey(self.product_no, self.option_no)

    def shown_by(self, offer: Offer) -> int:
        """Return what an offer says of the thing this push changes."""
        shown = {Kind.STOCK: offer.stock, Kind.PRICE: offer.price, Kind.ON_SALE: offer.on_sale}
        return int(shown[self.kind])


class Change(NamedTuple):
    """What becomes of a sent row. was_answered: the market said yes. left: did it leave at all?"""

    push: Open
    status: Status
    code: str = ""
    message: str = ""
    seen: int | None = None
    unseen: int = 0
    was_answered: bool = False
    left: bool = True


class Verdict(NamedTuple):
    """What a reading means. code: why a value that differs confirms all the same."""

    is_there: bool
    code: str = ""


def judged(push: Open, offer: Offer, *, sold: int) -> Verdict:
    """Tell whether a sent change has reached the market.

    Stock falls while buyers buy, and sending again would put back what is gone. So a value below
    the wanted one counts as there when what was sold since explains it (`sold`), and also when it
    lies where only the new value and a buyer can have brought it: `lower`, for orders that are not
    collected yet. `stopped`: stock that is there, yet nobody can buy it, because a stop of sale
    outlives every change of stock.
    sold: pieces of the option sold since the row was sent, as far as they are known.
    """
    shown = push.shown_by(offer)
    if shown == push.wanted:
        is_idle = push.kind is Kind.STOCK and push.wanted > 0 and not offer.on_sale
        return Verdict(is_there=True, code="stopped" if is_idle else "")
    if push.kind is not Kind.STOCK or shown > push.wanted:
        return Verdict(is_there=False)
    if push.wanted - shown <= sold:
        return Verdict(is_there=True, code="sold")
    is_there = _has_moved(push, shown)
    return Verdict(is_there, code="lower" if is_there else "")


def _has_moved(push: Open, shown: int) -> bool:
    """Tell whether stock below the wanted value cannot be what the old value left."""
    if push.before is None or push.answered_at:
        return push.answered_at is not None and shown != push.before
    return push.wanted < push.before or shown > push.before


# ── rows ───────────────────────────────────────────────────────────────────────────────────────
COLUMNS = (
    "p.id, p.kind, p.product_no, p.option_no, p.wanted, p.before, p.status, p.attempts, p.unseen, "
    "p.sent_at, p.answered_at, p.code"
)

READY = f"""
    WITH waiting AS (
        SELECT p.*, CASE WHEN p.kind = 'stock' THEN 1 WHEN p.kind = 'price' THEN 2
            WHEN p.wanted = 0 THEN 0 ELSE 3 END AS phase
        FROM market_pushes p WHERE p.account_id = :account AND p.status = 'planned'
    )
    SELECT {COLUMNS} FROM waiting p
    WHERE NOT EXISTS (
        SELECT FROM market_pushes o
        WHERE o.status = 'sent' AND o.account_id = :account AND o.product_no = p.product_no
        AND (o.kind = p.kind OR p.phase = 3)
    ) AND NOT EXISTS (
        SELECT FROM market_pushes o
        WHERE o.status = 'planned' AND o.account_id = :account AND o.product_no = p.product_no
        AND o.kind <> 'on_sale' AND p.phase = 3
    )
    WINDOW listing AS (PARTITION BY p.phase, p.product_no)
    ORDER BY bool_and(p.code IS NOT DISTINCT FROM 'unavailable') OVER listing, p.phase,
        max(p.risk) OVER listing DESC, p.product_no, p.option_no
"""  # noqa: S608 - columns named here
"""What may leave, and in which order: stops of sale, stock, prices, then what goes on sale again.

A listing waits as a whole: markets that write whole listings need all of its rows in one call, and
none goes on sale while its stock or price is still on the way. What could not be sent last time
comes last, so that one listing that always fails holds nobody up.
"""

CLAIM = """
    UPDATE market_pushes SET status = 'sent', attempts = attempts + 1, sent_at = :now,
        answered_at = NULL, seen = NULL, code = NULL, message = NULL
    WHERE id = ANY(:ids) AND status = 'planned' RETURNING id
"""

RECORD = """
    UPDATE market_pushes p SET
        status = CASE WHEN c.status = 'planned' AND EXISTS (
            SELECT FROM market_pushes n
            WHERE (n.account_id, n.product_no, n.option_no, n.kind)
                = (p.account_id, p.product_no, p.option_no, p.kind) AND n.status = 'planned'
        ) THEN 'superseded' ELSE c.status END,
        attempts = p.attempts - CASE WHEN c.did_leave THEN 0 ELSE 1 END,
        answered_at = CASE WHEN c.was_answered THEN :now
            WHEN c.status = 'planned' THEN NULL ELSE p.answered_at END,
        confirmed_at = CASE WHEN c.status = 'confirmed' THEN :now END,
        seen = coalesce(c.seen, p.seen), unseen = c.unseen,
        code = nullif(c.code, ''), message = nullif(c.message, '')
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:statuses AS text[]), CAST(:codes AS text[]),
        CAST(:messages AS text[]), CAST(:seens AS bigint[]), CAST(:unseens AS int[]),
        CAST(:answereds AS bool[]), CAST(:lefts AS bool[])
    ) AS c (id, status, code, message, seen, unseen, was_answered, did_leave)
    WHERE p.id = c.id AND p.status = 'sent'
    RETURNING p.id, p.status
"""


def lock(db: Connection, account_id: int) -> None:
    """Wait for whoever changes rows of the account now: plans and drains meet here, briefly."""
    db.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"market_pushes {account_id}"},
    )


def _opens(found: Iterable[Sequence[object]]) -> list[Open]:
    rows = [Open(*row) for row in found]  # type: ignore[arg-type]  # columns as in COLUMNS
    return [row._replace(kind=Kind(row.kind), status=Status(row.status)) for row in rows]


def opened(db: Connection, account_id: int, *statuses: Status) -> list[Open]:
    """Return the rows in these states, oldest first; state by state, as the indexes are."""
    each = [
        f"SELECT {COLUMNS} FROM market_pushes p "  # noqa: S608 - columns and states named here
        f"WHERE p.account_id = :account AND p.status = '{status}'"
        for status in statuses
    ]
    found = db.execute(text(f"{' UNION ALL '.join(each)} ORDER BY id"), {"account": account_id})
    return _opens(found)


def ready(db: Connection, account_id: int) -> list[Open]:
    """Return what may leave now, in the order in which it is to leave."""
    return _opens(db.execute(text(READY), {"account": account_id}))


def claim(db: Connection, account_id: int, some: Sequence[Open], *, now: datetime) -> list[Open]:
    """Mark rows as sent; return those that still were planned."""
    lock(db, account_id)
    claimed = set(db.execute(text(CLAIM), {"ids": [it.id for it in some], "now": now}).scalars())
    return [
        it._replace(status=Status.SENT, attempts=it.attempts + 1, sent_at=now, answered_at=None)
        for it in some
        if it.id in claimed
    ]


def record(
    db: Connection, account_id: int, changes: Sequence[Change], *, now: datetime
) -> dict[int, Status]:
    """Write down what became of sent rows; return the state each is in now, by id."""
    lock(db, account_id)
    found = db.execute(
        text(RECORD),
        {
            "now": now,
            "ids": [it.push.id for it in changes],
            "statuses": [str(it.status) for it in changes],
            "codes": [_storable(it.code) for it in changes],
            "messages": [_storable(it.message) for it in changes],
            "seens": [it.seen for it in changes],
            "unseens": [it.unseen for it in changes],
            "answereds": [it.was_answered for it in changes],
            "lefts": [it.left for it in changes],
        },
    )
    return {number: Status(status) for number, status in found}


def _storable(words: str) -> str:
    """Return a market's words as a text column takes them: no NUL, no half characters."""
    whole = words.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return whole[:MESSAGE_CHARACTERS]


def sold_since(db: Connection, account_id: int, some: Sequence[Open]) -> dict[int, int]:
    """Return how many pieces of each row's option were sold since it was sent, by id.

    Cancelled pieces count too: whether the market has put them back is not known.
    """
    if not some:
        return {}
    since = [it.sent_at and it.sent_at.replace(microsecond=0) for it in some]  # as markets tell it
    found = db.execute(
        text("""
            SELECT g.id, sum(l.quantity) FROM unnest(
                CAST(:ids AS bigint[]), CAST(:products AS text[]), CAST(:options AS text[]),
                CAST(:since AS timestamptz[])
            ) AS g (id, product_no, option_no, since)
            JOIN market_order_lines l ON l.account_id = :account AND l.filed_at >= :first
                AND l.product_no = g.product_no AND coalesce(l.option_no, :none) = g.option_no
                AND l.ordered_at >= g.since
            GROUP BY g.id
        """),
        {
            "account": account_id,
            "none": NO_OPTION,
            "ids": [it.id for it in some],
            "products": [it.product_no for it in some],
            "options": [it.option_no for it in some],
            "since": since,
            "first": min(it for it in since if it is not None),
        },
    )
    return {number: int(pieces) for number, pieces in found}
