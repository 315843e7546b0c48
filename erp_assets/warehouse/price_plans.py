"""Price plans from decision to market, what was set, and what drifted. No statement per row."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from erp_assets.warehouse.price_queries import as_json, parts, recordset


class PlanRow(NamedTuple):
    """A price plan as people see it."""

    id: int
    account: str
    market: str
    product_no: str
    option_no: str
    name: str | None
    status: str
    before: int | None
    after: int | None
    margin: int | None
    rule_id: int | None
    reason: str
    needs_review: bool
    times: int
    decided_by: str | None
    planned_at: datetime
    last_planned_at: datetime
    price_now: int | None


class HistoryRow(NamedTuple):
    """A price that was set, newest first."""

    set_at: datetime
    account: str
    product_no: str
    option_no: str
    before: int
    after: int
    who: str
    why: str
    rule_id: int | None
    run_id: str | None


class DriftRow(NamedTuple):
    """An option whose market shows another price than the last one we set."""

    account: str
    product_no: str
    option_no: str
    ours: int
    shown: int
    set_at: datetime
    seen_at: datetime


class ApprovedRow(NamedTuple):
    """A price to be sent."""

    plan_id: int
    product_no: str
    option_no: str
    before: int
    after: int


PLAN_COLUMNS: Mapping[str, str] = {
    "product_no": "text",
    "option_no": "text",
    "sku_id": "int",
    "status": "text",
    "before": "bigint",
    "after": "bigint",
    "margin": "bigint",
    "rule_id": "int",
    "reason": "text",
    "needs_review": "boolean",
    "inputs": "jsonb",
    "decided_by": "text",
    "decided_at": "timestamptz",
}


REPEAT_PLANS = f"""
    UPDATE price_plans p
    SET times = p.times + 1, last_planned_at = :now, run_id = :run, inputs = n.inputs,
        reason = CASE p.status WHEN 'rejected' THEN p.reason ELSE n.reason END
    FROM {recordset(PLAN_COLUMNS)}
    JOIN LATERAL (
        SELECT id, status, before, after, rule_id, reason, mode, decided_by FROM price_plans l
        WHERE (l.account_id, l.product_no, l.option_no) = (:account, n.product_no, n.option_no)
        ORDER BY l.id DESC LIMIT 1
    ) l ON ROW(l.before, l.after, l.rule_id) IS NOT DISTINCT FROM ROW(n.before, n.after, n.rule_id)
        AND (l.status = n.status AND l.status IN ('planned', 'skipped') AND l.reason = n.reason
             AND l.mode = :mode
             OR l.status = 'rejected' AND n.status <> 'skipped' AND l.decided_by <> 'market')
    WHERE p.id = l.id RETURNING p.product_no, p.option_no
"""  # noqa: S608 - names of this module
REPLACE_PLANS = f"""
    UPDATE price_plans p SET status = 'skipped', decided_by = 'replaced', decided_at = :now
    FROM {recordset({"product_no": "text", "option_no": "text"})}
    WHERE (p.account_id, p.product_no, p.option_no) = (:account, n.product_no, n.option_no)
    AND p.status = 'planned'
"""  # noqa: S608 - names of this module
INSERT_PLANS = f"""
    INSERT INTO price_plans (account_id, {", ".join(PLAN_COLUMNS)}, mode, run_id, times,
        planned_at, last_planned_at)
    SELECT :account, {", ".join(f"n.{name}" for name in PLAN_COLUMNS)}, :mode, :run, 1, :now, :now
    FROM {recordset(PLAN_COLUMNS)}
"""  # noqa: S608 - names of this module


def lock_account(db: Connection, account_id: int) -> None:
    """Let one transaction at a time plan or decide prices of an account; the next one waits."""
    db.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"plan prices {account_id}"},
    )


def lock_accounts_of(db: Connection, ids: Collection[int]) -> None:
    """Do the same for the accounts of these plans."""
    found = db.execute(
        text("SELECT DISTINCT account_id FROM price_plans WHERE id = ANY(:ids) ORDER BY 1"),
        {"ids": list(ids)},
    )
    for account_id in found.scalars().all():
        lock_account(db, account_id)


def approved(db: Connection, account_id: int) -> list[ApprovedRow]:
    """Return the prices of an account that are to be sent, oldest first."""
    found = db.execute(
        text("""
            SELECT id, product_no, option_no, before, after FROM price_plans
            WHERE account_id = :account AND status = 'approved' ORDER BY id
        """),
        {"account": account_id},
    )
    return [ApprovedRow(*row) for row in found]


def store_plans(
    db: Connection,
    account_id: int,
    rows: Iterable[Mapping[str, Any]],
    *,
    mode: str,
    run_id: str | None,
    now: datetime,
) -> None:
    """Store decisions of `PLAN_COLUMNS`, one per option; what an older run planned is replaced.

    The same decision again is counted at the row that is there. So is a price that a person
    rejected: it is not asked for twice.
    """
    told = {"account": account_id, "mode": mode, "run": run_id, "now": now}
    for part in parts(rows):
        again = db.execute(text(REPEAT_PLANS), told | {"rows": as_json(part)}).all()
        known = {(product_no, option_no) for product_no, option_no in again}
        new = [row for row in part if (row["product_no"], row["option_no"]) not in known]
        if new:
            db.execute(text(REPLACE_PLANS), told | {"rows": as_json(new)})
            db.execute(text(INSERT_PLANS), told | {"rows": as_json(new)})


def plans(
    db: Connection,
    *,
    account_id: int | None = None,
    statuses: Collection[str] = (),
    ids: Collection[int] | None = None,
    most: int | None = None,
    lock: bool = False,
) -> list[PlanRow]:
    """Return plans, newest first. statuses: only these; none = all. ids: only these."""
    found = db.execute(
        text(f"""
            SELECT p.id, a.key, a.market, p.product_no, p.option_no, s.name, p.status, p.before,
                p.after, p.margin, p.rule_id, p.reason, p.needs_review, p.times, p.decided_by,
                p.planned_at, p.last_planned_at, s.price
            FROM price_plans p JOIN accounts a ON a.id = p.account_id
            LEFT JOIN market_skus s USING (account_id, product_no, option_no)
            WHERE (CAST(:account AS int) IS NULL OR p.account_id = :account)
            AND (CAST(:ids AS bigint[]) IS NULL OR p.id = ANY(:ids))
            AND (cardinality(CAST(:statuses AS text[])) = 0 OR p.status = ANY(:statuses))
            ORDER BY p.id DESC LIMIT :most {"FOR UPDATE OF p" if lock else ""}
        """),  # noqa: S608 - no value in it
        {
            "account": account_id,
            "ids": None if ids is None else list(ids),
            "statuses": list(statuses),
            "most": most,
        },
    )
    return [PlanRow(*row) for row in found]


def planned_beside(db: Connection, ids: Collection[int]) -> dict[int, list[int]]:
    """Return for each plan the other planned ones of the same listing."""
    found = db.execute(
        text("""
            SELECT p.id, array_agg(o.id ORDER BY o.id)
            FROM price_plans p JOIN price_plans o USING (account_id, product_no)
            WHERE p.id = ANY(:ids) AND o.status = 'planned' AND o.id <> p.id GROUP BY p.id
        """),
        {"ids": list(ids)},
    )
    return {int(number): list(others) for number, others in found}


def set_decided(
    db: Connection, ids: Collection[int], status: str, *, who: str, now: datetime
) -> None:
    """Approve or reject plans that are still planned."""
    db.execute(
        text("""
            UPDATE price_plans SET status = :status, decided_by = :who, decided_at = :now
            WHERE id = ANY(:ids) AND status = 'planned'
        """),
        {"ids": list(ids), "status": status, "who": who, "now": now},
    )


def record_pushed(
    db: Connection, plan_ids: Collection[int], *, run_id: str | None, now: datetime
) -> int:
    """Write down that the market has these approved prices; a second time changes nothing."""
    done = db.execute(
        text("""
            WITH pushed AS (
                UPDATE price_plans SET status = 'pushed', pushed_at = :now
                WHERE id = ANY(:ids) AND status = 'approved' RETURNING *
            )
            INSERT INTO price_history (account_id, product_no, option_no, before, after, who, why,
                rule_id, plan_id, run_id, set_at)
            SELECT account_id, product_no, option_no, before, after, decided_by, reason, rule_id,
                id, CAST(:run AS text), :now FROM pushed
        """),
        {"ids": list(plan_ids), "run": run_id, "now": now},
    )
    return done.rowcount


def record_refused(db: Connection, reasons: Mapping[int, str], *, now: datetime) -> int:
    """Write down that the market refused approved prices for good: plan → its words."""
    done = db.execute(
        text("""
            UPDATE price_plans p SET status = 'rejected', decided_by = 'market', decided_at = :now,
                reason = p.reason || '; the market refused it: ' || n.why
            FROM unnest(CAST(:ids AS bigint[]), CAST(:why AS text[])) n (id, why)
            WHERE p.id = n.id AND p.status = 'approved'
        """),
        {"ids": list(reasons), "why": list(reasons.values()), "now": now},
    )
    return done.rowcount


def history(
    db: Connection,
    *,
    account_id: int | None = None,
    product_no: str | None = None,
    option_no: str | None = None,
    most: int = 20,
) -> list[HistoryRow]:
    """Return the prices that were set, newest first."""
    found = db.execute(
        text("""
            SELECT h.set_at, a.key, h.product_no, h.option_no, h.before, h.after, h.who, h.why,
                h.rule_id, h.run_id
            FROM price_history h JOIN accounts a ON a.id = h.account_id
            WHERE (CAST(:account AS int) IS NULL OR h.account_id = :account)
            AND (CAST(:product AS text) IS NULL OR h.product_no = :product)
            AND (CAST(:option AS text) IS NULL OR h.option_no = :option)
            ORDER BY h.set_at DESC, h.id DESC LIMIT :most
        """),
        {"account": account_id, "product": product_no, "option": option_no, "most": most},
    )
    return [HistoryRow(*row) for row in found]


def drift(db: Connection, account_id: int | None = None) -> list[DriftRow]:
    """Return the options read since our last change that show another price than it set."""
    found = db.execute(
        text("""
            SELECT a.key, h.product_no, h.option_no, h.after, s.price, h.set_at, s.offer_seen_at
            FROM (
                SELECT DISTINCT ON (account_id, product_no, option_no) *
                FROM price_history
                WHERE CAST(:account AS int) IS NULL OR account_id = :account
                ORDER BY account_id, product_no, option_no, set_at DESC, id DESC
            ) h
            JOIN market_skus s USING (account_id, product_no, option_no)
            JOIN accounts a ON a.id = h.account_id
            WHERE s.price <> h.after AND s.offer_seen_at > h.set_at
            ORDER BY h.account_id, h.product_no, h.option_no
        """),
        {"account": account_id},
    )
    return [DriftRow(*row) for row in found]
