"""Plan the prices of an account, and decide about the plans.

Reads everything in a few statements, decides without the database, stores every decision. In mode
`auto` a change is approved at once, unless a person is to decide; sending is the outbox's.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection

from erp_assets import clock
from erp_assets.planning.price import (
    MOVES_TOGETHER,
    Case,
    Change,
    Listed,
    PriceDecision,
    decide,
    objection,
)
from erp_assets.planning.rivals import Rival
from erp_assets.planning.rules import Mode, PriceRule, RuleBook
from erp_assets.warehouse import price_plans, price_queries
from erp_assets.warehouse.price_plans import PlanRow
from erp_assets.warehouse.price_queries import ListedRow

PlanMode = Literal["review", "auto"]
VALID_FOR = timedelta(hours=24)
"""How long a plan can be approved after it was last decided."""
RULE_FIELDS = tuple(it.name for it in fields(PriceRule))


class Planned(NamedTuple):
    """How many options of an account were decided about, and how.

    planned: wait for a person. approved: wait to be sent. reasons: why nothing changes → options.
    """

    options: int
    planned: int
    approved: int
    skipped: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of approving or rejecting plans. refused: plan → why."""

    done: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def plan_account(
    db: Connection,
    account_id: int,
    *,
    mode: PlanMode,
    now: datetime,
    run_id: str | None = None,
) -> Planned:
    """Decide about every option of an account and store the decisions in `price_plans`."""
    price_plans.lock_account(db, account_id)
    decisions = decide(cases(db, account_id, now=now), rule_book(db), now)
    rows = [_row(it, mode, now) for it in decisions]
    price_plans.store_plans(db, account_id, rows, mode=mode, run_id=run_id, now=now)
    counts = Counter(row["status"] for row in rows)
    reasons = Counter(_kind(it) for it in decisions if it.after is None)
    return Planned(
        len(rows), counts["planned"], counts["approved"], counts["skipped"], dict(reasons)
    )


def rule_book(db: Connection) -> RuleBook:
    """Return the active rules."""
    return RuleBook(_rule(row) for row in price_queries.rules(db, only_active=True))


def cases(db: Connection, account_id: int, *, now: datetime) -> list[Case]:
    """Return what is known of every option of an account."""
    rivals: defaultdict[tuple[int, int], list[Rival]] = defaultdict(list)
    for told in price_queries.competitors(db, account_id):
        rival = Rival(told.source, told.competitor, told.price, told.seen_at)
        rivals[told.sku_id, told.pieces].append(rival)
    past: defaultdict[tuple[str, str], list[Change]] = defaultdict(list)
    since = clock.day_start(clock.kst_day(now))
    for row in price_queries.changes(db, account_id, since=since):
        past[row.product_no, row.option_no].append(Change(row.set_at, row.before, row.after))
    waiting = {(it.product_no, it.option_no) for it in price_plans.approved(db, account_id)}
    found = []
    for it in map(_listed, price_queries.listed(db, account_id)):
        key = (it.product_no, it.option_no)
        asked = rivals.get(it.sku, ()) if it.sku is not None else ()
        found.append(Case(it, asked, past.get(key, ()), key in waiting))
    return found


def approve(db: Connection, ids: Collection[int], who: str, *, now: datetime) -> Verdict:
    """Approve plans, so that the outbox sends them. Each is held against today's rules again."""
    price_plans.lock_accounts_of(db, ids)
    plans = _planned(db, ids)
    book = rule_book(db)
    listed = _listed_of(db, plans.values())
    beside = price_plans.planned_beside(db, ids)
    verdict = Verdict(refused=_not_planned(db, ids, plans))
    for number, plan in plans.items():
        others = set(beside.get(number, ())) - set(ids)
        why = _why_not(plan, listed.get((plan.account, plan.product_no, plan.option_no)), book, now)
        if why is None and plan.market in MOVES_TOGETHER and others:
            why = f"options of this listing move together: approve {_numbers(others)} with it"
        if why is None:
            verdict.done.append(number)
        else:
            verdict.refused[number] = why
    _hold_together(plans, verdict)
    price_plans.set_decided(db, verdict.done, "approved", who=who, now=now)
    return verdict


def reject(db: Connection, ids: Collection[int], who: str, *, now: datetime) -> Verdict:
    """Reject plans: the same price is not planned again until something else was decided.

    Where a market moves a listing's options together, they are rejected together.
    """
    price_plans.lock_accounts_of(db, ids)
    plans = _planned(db, ids)
    together = [number for number, plan in plans.items() if plan.market in MOVES_TOGETHER]
    plans |= _planned(
        db, {it for found in price_plans.planned_beside(db, together).values() for it in found}
    )
    price_plans.set_decided(db, list(plans), "rejected", who=who, now=now)
    return Verdict(list(plans), _not_planned(db, ids, plans))


def _planned(db: Connection, ids: Collection[int]) -> dict[int, PlanRow]:
    found = price_plans.plans(db, ids=ids, statuses=["planned"], lock=True)
    return {plan.id: plan for plan in sorted(found)}


def _not_planned(
    db: Connection, ids: Collection[int], planned: Mapping[int, PlanRow]
) -> dict[int, str]:
    rest = [number for number in ids if number not in planned]
    known = {it.id: it for it in price_plans.plans(db, ids=rest)} if rest else {}
    return {
        number: f"is {known[number].status} already" if number in known else "there is no such plan"
        for number in rest
    }


def _why_not(plan: PlanRow, listed: Listed | None, book: RuleBook, now: datetime) -> str | None:
    if listed is None or plan.after is None:
        return "the option is no longer sold"
    if listed.price != plan.before:
        shown = "no price" if listed.price is None else f"{listed.price:,}"
        return f"the market shows {shown} by now: plan anew"
    if now - plan.last_planned_at > VALID_FOR:
        return "planned more than 24 h ago: plan anew"
    return objection(listed, plan.after, book)


def _hold_together(plans: Mapping[int, PlanRow], verdict: Verdict) -> None:
    """Refuse what would move alone because another option of its listing was refused."""
    refused = {
        (plans[number].account, plans[number].product_no)
        for number in verdict.refused
        if number in plans and plans[number].market in MOVES_TOGETHER
    }
    for number in list(verdict.done):
        if (plans[number].account, plans[number].product_no) in refused:
            verdict.done.remove(number)
            verdict.refused[number] = "another option of its listing was refused"


def _listed_of(db: Connection, plans: Iterable[PlanRow]) -> dict[tuple[str, str, str], Listed]:
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for plan in plans:
        wanted[plan.account].add(plan.product_no)
    numbers = price_queries.accounts(db)
    return {
        (account, it.product_no, it.option_no): it
        for account, products in wanted.items()
        if account in numbers
        for it in map(
            _listed, price_queries.listed(db, numbers[account], product_nos=sorted(products))
        )
    }


def _listed(row: ListedRow) -> Listed:
    return Listed(*row[:7], tuple(zip(row.skus, row.pieces, strict=True)))


def _rule(row: Mapping[str, Any]) -> PriceRule:
    values = {name: row[name] for name in RULE_FIELDS}
    return PriceRule(**values | {"mode": None if row["mode"] is None else Mode(row["mode"])})


def _row(it: PriceDecision, mode: PlanMode, now: datetime) -> dict[str, Any]:
    is_approved = it.after is not None and mode == "auto" and not it.needs_review
    status = "approved" if is_approved else "skipped" if it.after is None else "planned"
    return {
        "product_no": it.listed.product_no,
        "option_no": it.listed.option_no,
        "sku_id": it.listed.sku and it.listed.sku[0],
        "status": status,
        "before": it.before,
        "after": it.after,
        "margin": it.margin,
        "rule_id": it.rule_id,
        "reason": it.reason,
        "needs_review": it.needs_review,
        "inputs": it.inputs,
        "decided_by": "auto" if is_approved else None,
        "decided_at": now if is_approved else None,
    }


def _kind(decision: PriceDecision) -> str:
    """Return a reason without the words of its rule."""
    return decision.reason.partition("): ")[2] or decision.reason


def _numbers(ids: Iterable[int]) -> str:
    return ", ".join(f"#{number}" for number in sorted(ids))
