"""A simulated market, its real client and a warehouse, and what must be stored in the end."""

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from erp_assets import accounts, clock
from erp_assets.clock import Window
from erp_assets.collecting import Collector, routine_window
from erp_assets.records import ClaimKind, ClaimStatus, LineStatus
from erp_assets.simulator import truth
from erp_assets.simulator.building import World
from erp_assets.simulator.server import Simulator

MARKETS = ("coupang", "naver", "eleven")
NUMBERS = {"coupang": 1, "naver": 2, "eleven": 3}
START = datetime(2026, 3, 2, 3, tzinfo=UTC)
DAYS = 20
MOVES = [
    LineStatus.UNPAID,
    LineStatus.NEW,
    LineStatus.CONFIRMED,
    LineStatus.SHIPPED,
    LineStatus.DELIVERED,
    LineStatus.COMPLETED,
]


def world(seed=4):
    return World(seed, days=DAYS, start=START, orders_a_day=8.0, listings=9)


@contextmanager
def serving(made, **options):
    with Simulator(
        made.accounts, now=made.now, advance=made.advance, slow_s=0.02, **options
    ) as simulator:
        yield simulator


async def nap(seconds):
    """Stands for the pauses between retries: a test has no time for them."""
    await asyncio.sleep(min(seconds, 0.001))


@contextmanager
def collector(warehouse, simulator, market, *, now, **options):
    """A collector with the market's real client, over a real socket."""
    known = simulator.accounts[market].credentials
    client = accounts.client(market)(
        base_url=simulator.base_url(market),
        credentials=known,
        rate=None,
        sleep=nap,
        now=clock.utc_now,
        **options,
    )
    yield Collector(warehouse, client, NUMBERS[market], market, now=now, batch_rows=100)


def history(now):
    """Everything from the first order to now, in whole days."""
    today = clock.kst_day(now)
    return clock.day_window(today - timedelta(days=DAYS + 1), today)


def collect(warehouse, simulator, market, *, now, kinds=("products", "offers", "orders", "claims")):
    """Collect `kinds` one after the other; return what each did."""

    async def work():
        with collector(warehouse, simulator, market, now=now) as it:
            try:
                window = history(now())
                done = {}
                for kind in kinds:
                    windowed = kind in ("orders", "claims")
                    done[kind] = await (
                        getattr(it, kind)(window) if windowed else getattr(it, kind)()
                    )
                return done
            finally:
                await it.market.aclose()

    return asyncio.run(work())


def look(warehouse, simulator, market, *, now):
    """Collect what a routine collection has to read."""

    async def work():
        with collector(warehouse, simulator, market, now=now) as it:
            try:
                await it.products()
                await it.offers()
                for kind in ("orders", "claims"):
                    with warehouse.transaction() as db:
                        window = routine_window(
                            db,
                            NUMBERS[market],
                            kind,
                            lookback_days=accounts.lookback_days(market, kind),
                            history=history(START).since,
                            now=now(),
                        )
                    done = await getattr(it, kind)(window)
                    assert done.error is None
            finally:
                await it.market.aclose()

    asyncio.run(work())


def grow(account, lines):
    """File `lines` more orders of one piece, all placed at once yesterday."""
    shop = account.shop
    model = next(it for order in shop.orders.values() for it in order.lines)
    at = shop.now() - timedelta(days=1)
    for n in range(lines):
        order = replace(
            model.order, no=model.order.no + 10_000 + n, ordered_at=at, paid_at=at, lines=[]
        )
        fresh = {"status": LineStatus.NEW, "changed_at": at, "change": "PAYED", "claims": []}
        none = dict.fromkeys(("confirmed_at", "shipped_at", "delivered_at", "completed_at"))
        order.lines.append(
            replace(
                model,
                order=order,
                no=model.no + 100_000 + n,
                box=model.box + 100_000 + n,
                quantity=1,
                cancelled=0,
                held=0,
                carrier="",
                invoice_no="",
                **fresh,
                **none,
            )
        )
        shop.add_order(order)


def victim_environment(warehouse, simulator, market, made):
    """What acceptance/victim.py is told."""
    return {
        "VICTIM_MARKET": market,
        "VICTIM_URL": simulator.url,
        "VICTIM_DATABASE": warehouse.url,
        "VICTIM_NOW": made.now().isoformat(),
    }


# ── what is stored, and what has to be ─────────────────────────────────────────────────────────
def stored(warehouse, market, columns, table):
    with warehouse.transaction() as db:
        found = db.execute(
            text(f"SELECT {columns} FROM {table} WHERE account_id = :account"),
            {"account": NUMBERS[market]},
        )
        return [tuple(row) for row in found]


def stored_lines(warehouse, market):
    found = stored(
        warehouse,
        market,
        "order_no, line_no, status, quantity, unit_price, amount",
        "market_order_lines",
    )
    assert len({row[:2] for row in found}) == len(found)
    return {row[:2]: row[2:] for row in found}


def stored_claims(warehouse, market):
    columns = "claim_no, order_no, line_no, kind, status, quantity"
    found = stored(warehouse, market, columns, "market_claims")
    return {row[:3]: row[3:] for row in found}


def stored_offers(warehouse, market):
    return set(stored(warehouse, market, "product_no, option_no, stock, price", "market_skus"))


def true_offers(account):
    return {tuple(offer) for offer in truth.offers(account)}


def true_lines(account):
    """Each line as its market tells it."""
    tell = {"coupang": _as_coupang, "naver": lambda line, _: line.status, "eleven": _as_eleven}
    market = account.shop.market
    by_key = {
        (str(order.no), truth.line_no(market, line)): line
        for order in account.shop.orders.values()
        for line in order.lines
    }
    return {
        (it.order_no, it.line_no): (
            str(tell[market](by_key[it.order_no, it.line_no], account)),
            it.quantity,
            it.unit_price,
            it.quantity * it.unit_price,
        )
        for it in truth.lines(account)
    }


def _as_coupang(line, account):
    """A box moves as a whole, with its least advanced line; an exchange does not change it."""
    if line.status in (LineStatus.CANCELLED, LineStatus.RETURNED, LineStatus.COMPLETED):
        return line.status
    box = [
        LineStatus.DELIVERED if it.status is LineStatus.EXCHANGED else it.status
        for it in account.shop.boxes[line.box]
        if it.status not in (LineStatus.CANCELLED, LineStatus.RETURNED)
    ]
    least = min(box, key=MOVES.index)
    return LineStatus.DELIVERED if least is LineStatus.COMPLETED else least


def _as_eleven(line, account):
    """A line in an open claim has a code of its own; an exchanged one stays what it was."""
    if line.status is LineStatus.EXCHANGED:
        return LineStatus.COMPLETED
    if line.held and line.status is not LineStatus.UNPAID:
        return LineStatus.IN_CLAIM
    return line.status


def true_claims(account):
    """Each claim as its market tells it."""
    told = {}
    for claim in truth.claims(account):
        status = claim.status
        if account.shop.market == "naver" and claim.kind is not ClaimKind.CANCEL:
            status = ClaimStatus.REJECTED if status is ClaimStatus.WITHDRAWN else status
        told[claim[:3]] = (str(claim.kind), str(status), claim.quantity)
    return told


def differences(true, found):
    """What is missing, wrong or too much, a few of each."""
    wrong = {
        key: (true[key], found[key])
        for key in true.keys() & found.keys()
        if true[key] != found[key]
    }
    return {
        "missing": sorted(true.keys() - found.keys())[:3],
        "extra": sorted(found.keys() - true.keys())[:3],
        "wrong": dict(sorted(wrong.items())[:5]),
    }


NONE = {"missing": [], "extra": [], "wrong": {}}


def whole_window(now):
    window = history(now)
    return Window(window.since, min(window.until, now))
