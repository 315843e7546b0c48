"""Emptying the outbox of one account: mark, send, read back, settle; one process at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import NamedTuple, Protocol

from sqlalchemy import text

from erp_assets import clock
from erp_assets.errors import AnswerLost, ErpError, MarketDenied, MarketDown
from erp_assets.planning import pushes
from erp_assets.planning.pushes import UNAVAILABLE, Change, Kind, Open, Status, judged
from erp_assets.records import Batch, Offer, OptionKey, PriceChange, StockChange, WriteResult
from erp_assets.warehouse import loading
from erp_assets.warehouse.engine import Warehouse

ROUNDS = 3
"""Send and read back this often: what was lost goes again, what waited for others follows."""

MOST_ATTEMPTS = 20
"""Far more than bad luck needs: it ends what a market says yes to and never does."""

MOST_UNSEEN = 5
BATCH = 50
LANDING_S = 5.0
"""11st shows a new value within a few seconds; a cut connection ends no call at the market."""


class Market(Protocol):
    """What a drain needs of a market; results and errors as `markets.Market` documents them."""

    def offers(self, options: Sequence[OptionKey]) -> AsyncIterator[Batch]:
        """Yield stock and price of `options`."""
        ...

    async def set_stock(self, changes: Sequence[StockChange]) -> list[WriteResult]:
        """Set stock, absolute."""
        ...

    async def set_prices(self, changes: Sequence[PriceChange]) -> list[WriteResult]:
        """Set sale prices."""
        ...

    async def set_on_sale(self, options: Sequence[OptionKey], on_sale: bool) -> list[WriteResult]:
        """Stop or resume sale."""
        ...


class Settled(NamedTuple):
    """How one push ended, or what it was last seen as. seen: what the market showed."""

    kind: Kind
    product_no: str
    option_no: str
    wanted: int
    seen: int | None
    code: str
    message: str


@dataclass(slots=True)
class Drained:
    """What a drain did.

    sent: items that left. drifted: the market shows something else than was written, and no known
    sale explains it; the caller decides. open: rows still planned or sent. error: what ended the
    drain early; the rows it could not settle stay for the next one.
    """

    sent: int = 0
    confirmed: list[Settled] = field(default_factory=list)
    failed: list[Settled] = field(default_factory=list)
    superseded: int = 0
    drifted: list[Settled] = field(default_factory=list)
    open: int = 0
    error: ErpError | None = None


async def recover(
    warehouse: Warehouse,
    market: Market,
    account_id: int,
    *,
    run_id: str | None = None,
    landing_s: float = LANDING_S,
    now: Callable[[], datetime] = clock.utc_now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Drained:
    """Read what an earlier process left as sent; what did not arrive is planned again.

    Raises: PushRunning: another process drains the account.
    """
    work = _Work(
        warehouse, market, account_id, run_id=run_id, landing_s=landing_s, now=now, sleep=sleep
    )
    with warehouse.pushing(account_id):
        return await work.run(rounds=0)


async def drain(
    warehouse: Warehouse,
    market: Market,
    account_id: int,
    *,
    run_id: str | None = None,
    read_back: bool = True,
    batch: int = BATCH,
    landing_s: float = LANDING_S,
    now: Callable[[], datetime] = clock.utc_now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Drained:
    """Send what is planned for an account, read it back, and leave nothing in doubt that can be.

    read_back: False takes a market's yes for the fact, and reads only what is in doubt: about half
    the calls; the next collection of offers then shows what came of it.
    batch: about how many items are marked as sent at once; a listing is never split.
    landing_s: how long a change may take to show. What is in doubt is not read before; what was
    answered with yes and does not show is looked at once more after it.
    Raises: PushRunning: another process drains the account. Errors of the market end the drain and
    are returned (`error`): MarketDenied, MarketBusy, MarketDown.
    """
    work = _Work(
        warehouse, market, account_id, run_id=run_id, landing_s=landing_s, now=now, sleep=sleep
    )
    work.reads_back, work.batch = read_back, batch
    with warehouse.pushing(account_id):
        return await work.run(rounds=ROUNDS)


class _Work:
    """One drain."""

    def __init__(
        self,
        warehouse: Warehouse,
        market: Market,
        account_id: int,
        *,
        run_id: str | None,
        landing_s: float,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.reads_back, self.batch = True, BATCH
        self._warehouse = warehouse
        self._market = market
        self._account = account_id
        self._run_id = run_id
        self._landing_s = landing_s
        self._now = now
        self._sleep = sleep
        self._put_off: set[int] = set()
        """Rows that could not leave in this drain: they wait for the next."""

        self._was_heard = False
        """Has the market answered any item of this drain?"""

        self._done = Drained()

    async def run(self, *, rounds: int) -> Drained:
        try:
            await self._settle(is_later=True)
            for _ in range(rounds):
                if not await self._send():
                    break
                if not self._done.error or self._was_heard:
                    await self._settle(is_later=False)
                if self._done.error:
                    break
        except ErpError as error:
            self._done.error = error
        with self._warehouse.transaction() as db:
            left = pushes.opened(db, self._account, Status.PLANNED, Status.SENT)
        self._done.open = len(left)
        return self._done

    # ── sending ────────────────────────────────────────────────────────────────────────────────
    async def _send(self) -> bool:
        """Send what is ready, batch by batch; tell whether anything left or was settled."""
        with self._warehouse.transaction() as db:
            ready = [it for it in pushes.ready(db, self._account) if it.id not in self._put_off]
        for some in _batches(ready, self.batch):
            with self._warehouse.transaction() as db:
                claimed = pushes.claim(db, self._account, some, now=self._now())
            if claimed and not await self._send_batch(claimed):
                break
        return bool(ready)

    async def _send_batch(self, claimed: Sequence[Open]) -> bool:
        """Send rows that are marked as sent; False when the market gave no verdict on any.

        Whatever is raised here leaves the rows as sent: some of them may have arrived.
        """
        self._done.sent += len(claimed)
        try:
            results = {it.key: it for it in await self._write(claimed)}
        except AnswerLost:
            return False
        changes = [self._answered(it, results.get(it.key)) for it in claimed]
        self._record([it for it in changes if it is not None])
        told = list(results.values())
        denied = next((it for it in told if it.code == "denied"), None)
        if denied:
            raise MarketDenied(denied.message, remedy="run `erp doctor` and do what it says")
        if told and all(map(_is_unsent, told)):
            self._done.error = MarketDown(told[0].message)
            return False
        is_heard = any(not it.is_lost for it in told)
        self._was_heard |= is_heard
        return is_heard

    async def _write(self, some: Sequence[Open]) -> list[WriteResult]:
        kind, wanted = some[0].kind, some[0].wanted
        if kind is Kind.STOCK:
            return await self._market.set_stock([StockChange(*it.key, it.wanted) for it in some])
        if kind is Kind.PRICE:
            return await self._market.set_prices([PriceChange(*it.key, it.wanted) for it in some])
        return await self._market.set_on_sale([it.key for it in some], bool(wanted))

    def _answered(self, push: Open, result: WriteResult | None) -> Change | None:
        """Return what an answer makes of a row; None leaves it in doubt.

        An item that could not be sent is in doubt too: a market that takes several calls for one
        listing may have done the first of them.
        """
        if result is None or result.is_lost:
            return None
        said = (result.code, result.message)
        if result.ok:
            status = Status.SENT if self.reads_back else Status.CONFIRMED
            return Change(push, status, *said, was_answered=True)
        if _is_unsent(result):
            self._put_off.add(push.id)
            return Change(push, Status.SENT, UNAVAILABLE, result.message, left=False)
        return Change(push, Status.FAILED, *said)

    # ── reading back ───────────────────────────────────────────────────────────────────────────
    async def _settle(self, *, is_later: bool) -> None:
        """Read every sent row and write down what became of it, also when the reading breaks off.

        is_later: the rows were sent by an earlier drain, so the market has had time to show them.
        """
        with self._warehouse.transaction() as db:
            sent = pushes.opened(db, self._account, Status.SENT)
        if not sent:
            return
        await self._let_land(sent)
        late = await self._look(sent, is_later=is_later, is_last=is_later)
        if late:
            await self._sleep(self._landing_s)
            await self._look(late, is_later=is_later, is_last=True)

    async def _let_land(self, sent: Sequence[Open]) -> None:
        """Wait while a call without an answer may still be at work at the market."""
        doubtful = [it.sent_at for it in sent if it.sent_at and not it.answered_at]
        if doubtful:
            gone_s = (self._now() - max(doubtful)).total_seconds()
            await self._sleep(min(max(0.0, self._landing_s - gone_s), self._landing_s))

    async def _look(self, sent: Sequence[Open], *, is_later: bool, is_last: bool) -> list[Open]:
        """Read rows and settle them; return those that deserve another look, unless it is last."""
        offers: dict[OptionKey, Offer] = {}
        try:
            async for page in self._market.offers(list(dict.fromkeys(it.key for it in sent))):
                offers.update((OptionKey(*it[:2]), it) for it in page.offers)
        except ErpError:
            seen = [it for it in sent if it.key in offers]
            self._record(self._judge(seen, offers, is_later=is_later))
            raise
        changes = self._judge(sent, offers, is_later=is_later)
        late = [] if is_last else [it.push for it in changes if it.code == "drift"]
        self._record([it for it in changes if it.push not in late])
        return late

    def _judge(
        self, sent: Sequence[Open], offers: dict[OptionKey, Offer], *, is_later: bool
    ) -> list[Change]:
        self._keep(list(offers.values()))
        lower = [
            it
            for it in sent
            if it.kind is Kind.STOCK and it.key in offers and offers[it.key].stock < it.wanted
        ]
        with self._warehouse.transaction() as db:
            sold = pushes.sold_since(db, self._account, lower)
        return [
            self._settled(it, offers.get(it.key), sold.get(it.id, 0), is_later=is_later)
            for it in sent
        ]

    def _settled(self, push: Open, offer: Offer | None, sold: int, *, is_later: bool) -> Change:
        """Return what a reading makes of a sent row."""
        if offer is None:
            return self._unseen(push)
        seen = push.shown_by(offer)
        verdict = judged(push, offer, sold=sold)
        message = "" if seen == push.wanted else f"the market shows {seen}, not {push.wanted}"
        if verdict.is_there:
            return Change(push, Status.CONFIRMED, verdict.code, message, seen)
        if push.attempts >= MOST_ATTEMPTS:
            return Change(push, Status.FAILED, "not_shown", message, seen)
        if push.answered_at and not is_later:
            return Change(push, Status.SENT, "drift", message, seen)
        code = UNAVAILABLE if push.code == UNAVAILABLE else "lost"
        return Change(push, Status.PLANNED, code, message, seen)

    def _unseen(self, push: Open) -> Change:
        message = "the market does not show the option"
        is_over = push.unseen + 1 >= MOST_UNSEEN
        status = Status.FAILED if is_over else Status.SENT
        return Change(push, status, "unseen", message, unseen=push.unseen + 1)

    def _record(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        with self._warehouse.transaction() as db:
            statuses = pushes.record(db, self._account, changes, now=self._now())
        for it in changes:
            told = Settled(it.push.kind, *it.push.key, it.push.wanted, it.seen, it.code, it.message)
            status = statuses.get(it.push.id)
            if status is Status.CONFIRMED:
                self._done.confirmed.append(told)
            elif status is Status.FAILED:
                self._done.failed.append(told)
            elif status is Status.SUPERSEDED:
                self._done.superseded += 1
            if it.code in ("lower", "drift"):
                self._done.drifted.append(told)

    def _keep(self, offers: Sequence[Offer]) -> None:
        """Store what was read, so that the next plan starts from it.

        Rows that a collection holds are left to it: waiting for each other could end in a deadlock.
        """
        if not offers:
            return
        with self._warehouse.transaction() as db:
            free = set(
                map(
                    tuple,
                    db.execute(
                        text("""
                            SELECT product_no, option_no FROM market_skus
                            WHERE account_id = :account AND (product_no, option_no) IN (
                                SELECT * FROM unnest(CAST(:products AS text[]),
                                    CAST(:options AS text[]))
                            ) FOR UPDATE SKIP LOCKED
                        """),
                        {
                            "account": self._account,
                            "products": [it.product_no for it in offers],
                            "options": [it.option_no for it in offers],
                        },
                    ),
                )
            )
            batch = Batch(offers=[it for it in offers if it[:2] in free])
            loading.load(
                db, account_id=self._account, kind="offers", batch=batch, run_id=self._run_id
            )


def _is_unsent(result: WriteResult) -> bool:
    """Did the item never leave? A denied account's items do not, once the denial is known."""
    return not result.ok and not result.is_lost and result.code in (UNAVAILABLE, "denied")


def _batches(ready: Sequence[Open], most: int) -> Iterator[list[Open]]:
    """Cut rows into calls of one kind each, at the borders of listings."""
    for _, alike in groupby(ready, lambda it: (it.kind, it.kind is Kind.ON_SALE and it.wanted)):
        some: list[Open] = []
        for _, listing in groupby(alike, lambda it: it.product_no):
            rows = list(listing)
            if some and len(some) + len(rows) > most:
                yield some
                some = []
            some += rows
        if some:
            yield some
