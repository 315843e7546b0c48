"""A generated world: three shops with five weeks of orders, and what happens to them.

Events come from one queue ordered by time, so a world built to an instant and a world advanced to
it are the same. The same seed and day make the same world.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from erp_assets import clock
from erp_assets.records import ClaimKind, ClaimStatus, LineStatus, ProductStatus
from erp_assets.simulator.wire import Account
from erp_assets.simulator.world import Claim, Item, Line, Listing, Order, Refusal, Shop

CREDENTIALS = {
    "coupang": {
        "vendor_id": "A00012345",
        "access_key": "11111111-2222-3333-4444-555555555555",
        "secret_key": "0123456789abcdef0123456789abcdef01234567",
    },
    "naver": {
        "client_id": "7sim0Shop0Client0AppId",
        "client_secret": "$2a$04$Nv.Sim0Secret0Salt0Aqe",
    },
    "eleven": {"api_key": "0123456789abcdef0123456789abcdef"},
}
"""Invented, as the settings know them too."""

GOODS = (
    "기모 팬츠",
    "린넨 셔츠",
    "면 티셔츠",
    "니트 가디건",
    "캔버스 가방",
    "양말 5켤레",
    "머플러",
    "후드 집업",
)
COLOURS = ("검정", "흰색", "남색", "베이지", "카키")
SIZES = ("S", "M", "L", "XL")
NAMES = ("김민준", "이서연", "박도윤", "최지우", "정하은", "강시우", "조수아", "윤지호")
TOWNS = ("서울특별시 마포구 월드컵로 1", "부산광역시 해운대구 센텀로 2", "경기도 오산시 경기대로 3")
NOTES = ("문 앞", "경비실에 맡겨주세요", "", "배송 전 연락 바랍니다")
REASONS = ("단순 변심", "사이즈가 맞지 않음", "상품 불량")
CARRIERS = {"coupang": "CJGLS", "naver": "CJGLS", "eleven": "00034"}
HOUR = timedelta(hours=1)


class VirtualClock:
    """Runs with the real one, ahead of it by what `advance` said; stands still during an event."""

    def __init__(self, start: datetime | None = None) -> None:
        self._ahead = timedelta(0) if start is None else start - clock.utc_now()
        self.moment: datetime | None = None

    def __call__(self) -> datetime:
        """Return the present instant of the world."""
        return self.moment or clock.utc_now() + self._ahead

    def advance(self, seconds: float) -> None:
        """Jump."""
        self._ahead += timedelta(seconds=seconds)


class World:
    """Shops of all three markets with `days` of history up to `start` (now, when not given).

    orders_a_day: per shop, on average. listings: per shop.
    """

    def __init__(
        self,
        seed: int,
        *,
        days: int = 35,
        start: datetime | None = None,
        orders_a_day: float = 12.0,
        listings: int = 24,
    ) -> None:
        self.now = VirtualClock(start)
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._turn = count()
        until = self.now()
        begin = clock.day_start(clock.kst_day(until) - timedelta(days=days))
        self.accounts = []
        for market, credentials in CREDENTIALS.items():
            shop = Shop(market, self.now)
            self.accounts.append(Account(market, shop, dict(credentials)))
            rng = random.Random(f"{seed} {market}")  # noqa: S311 - makes a world, guards nothing
            _Life(self, shop, rng, orders_a_day).begin(begin, listings)
        self._run(until)

    def at(self, moment: datetime, event: Callable[[], None]) -> None:
        """Let `event` happen at `moment`."""
        heappush(self._queue, (moment, next(self._turn), event))

    def advance(self, seconds: float) -> None:
        """Move the clock on and let everything due happen."""
        self.now.advance(seconds)
        self._run(self.now())

    def _run(self, until: datetime) -> None:
        while self._queue and self._queue[0][0] <= until:
            self.now.moment, _, event = heappop(self._queue)
            event()
        self.now.moment = None


def _never(_: datetime, __: Callable[[], None]) -> None:
    return None


class _Life:
    """What happens in one shop: orders arrive, are confirmed, ship, arrive, come back."""

    def __init__(
        self, world: World | None, shop: Shop, rng: random.Random, orders_a_day: float
    ) -> None:
        """Without a world nothing happens by itself."""
        self._at = world.at if world else _never
        self._shop = shop
        self._rng = rng
        self._gap = timedelta(days=1) / orders_a_day
        self._numbers = count(1)

    def begin(self, begin: datetime, listings: int) -> None:
        """Open the shop before the first day and let the first order come."""
        for n in range(listings):
            self._shop.add_listing(self.listing(n, begin - timedelta(days=listings - n)))
        self._after(begin, self._order)

    def _after(self, since: datetime, event: Callable[[], None]) -> None:
        wait = self._gap * self._rng.expovariate(1.0)
        self._at(since + max(wait, timedelta(seconds=1)), event)

    def _in(self, low: float, high: float, event: Callable[[], None]) -> None:
        """Let `event` happen in `low` to `high` hours, unless the shop then refuses it."""

        def tried() -> None:
            try:
                event()
            except Refusal:
                return  # overtaken: a claim came first

        wait = HOUR * self._rng.uniform(low, high)
        self._at(self._shop.now() + wait, tried)

    # ── listings ───────────────────────────────────────────────────────────────────────────────
    def listing(self, n: int, at: datetime) -> Listing:
        """Return a listing; every third one has no options. Codes are the same at all markets."""
        base = {"coupang": 13_000_000_000, "naver": 9_000_000_000, "eleven": 8_000_000_000}
        listing = Listing(
            no=base[self._shop.market] + 101 * n,
            channel_no=9_100_000_000 + 101 * n,
            name=f"{GOODS[n % len(GOODS)]} {n + 1:03d}",
            seller_code=f"P{n + 1:04d}",
            base_price=self._rng.randrange(90, 600) * 100,
            status=ProductStatus.ON_SALE,
            created_at=at,
            modified_at=at,
            brand="하늘상점",
            category=50000803,
            has_options=n % 3 > 0,
        )
        pairs = [(c, s) for c in COLOURS[: 1 + n % 3] for s in SIZES[: 2 + n % 2]]
        for k, (colour, size) in enumerate(pairs if listing.has_options else [("", "")]):
            name = f"{colour} / {size}" if colour else ""
            number = listing.no * 10 + k
            code = f"{listing.seller_code}-{k}" if colour else listing.seller_code
            surcharge = 1000 * k if self._shop.market != "coupang" else 0
            stock = self._rng.choice((0, 3, 40, 200, 500))
            item = Item(listing, number, name, code, f"880{n:05d}{k:05d}", surcharge, stock)
            listing.items.append(item)
        if not any(item.stock for item in listing.items):
            listing.status = ProductStatus.SOLD_OUT
        return listing

    # ── an order and what becomes of it ────────────────────────────────────────────────────────
    def _order(self) -> None:
        now, rng = self._shop.now(), self._rng
        n = next(self._numbers)
        is_paid = rng.random() < 0.95
        order = Order(
            no=self._order_no(now, n),
            ordered_at=now,
            paid_at=now if is_paid else None,
            buyer=rng.choice(NAMES),
            phone="010-0000-0000",
            receiver=rng.choice(NAMES),
            postcode="04001",
            address=rng.choice(TOWNS),
            address_detail="101호",
            note=rng.choice(NOTES),
        )
        items = rng.sample(list(self._shop.items.values()), rng.choice((1, 1, 1, 2, 3)))
        boxes = [self._box_no(n, k) for k in range(2 if len(items) == 3 else 1)]
        for k, item in enumerate(items):
            order.lines.append(self._line(order, n, k, item, boxes[k % len(boxes)]))
        self._shop.add_order(order)
        for line in order.lines:
            self._begin_life(line)
        self._after(now, self._order)

    def delivered(self, n: int, at: datetime, items: list[Item]) -> Order:
        """Return an order of one box that arrived the moment it was placed."""
        order = Order(
            self._order_no(at, n),
            at,
            at,
            NAMES[0],
            "010",
            NAMES[1],
            "04001",
            TOWNS[0],
            "1",
            NOTES[0],
        )
        for k, item in enumerate(items):
            line = self._line(order, n, k, item, self._box_no(n, 0))
            line.status, line.carrier, line.invoice_no = LineStatus.DELIVERED, "CJGLS", f"6{n:011d}"
            line.confirmed_at = line.shipped_at = line.delivered_at = at
            order.lines.append(line)
        return order

    def bought(self, at: datetime, item: Item, quantity: int) -> Order:
        """Return a paid order of one line."""
        n = next(self._numbers)
        order = self.delivered(n, at, [])
        line = self._line(order, n, 0, item, self._box_no(n, 0))
        line.quantity = quantity
        order.lines.append(line)
        return order

    def _order_no(self, now: datetime, n: int) -> int:
        if self._shop.market == "coupang":
            return 22_000_000_000_000 + 37 * n
        width = 9 if self._shop.market == "eleven" else 8
        return int(f"{clock.kst_day(now):%Y%m%d}{n + 10_000_000:0{width}d}")

    def _box_no(self, n: int, k: int) -> int:
        return (
            {
                "coupang": 642_538_970_000_000_000,
                "naver": 2_026_000_000_000_000,
                "eleven": 700_000_000,
            }[self._shop.market]
            + 10 * n
            + k
        )

    def _line(self, order: Order, n: int, k: int, item: Item, box: int) -> Line:
        no = k + 1 if self._shop.market == "eleven" else order.no + 10_000_000 + 9 * n + k
        discount = self._rng.choice((0, 0, 0, 1000))
        return Line(
            order=order,
            no=no,
            box=box,
            item=item,
            quantity=self._rng.choice((1, 1, 1, 2, 3)),
            unit_price=item.price,
            surcharge=item.surcharge,
            seller_discount=discount,
            market_discount=0,
            shipping_fee=self._rng.choice((0, 3000)),
            status=LineStatus.NEW if order.paid_at else LineStatus.UNPAID,
            changed_at=order.ordered_at,
            change="PAYED" if order.paid_at else "PAY_WAITING",
        )

    def _begin_life(self, line: Line) -> None:
        chance = self._rng.random()
        if line.status is LineStatus.UNPAID:
            return
        if chance < 0.06:
            self._in(0.2, 20, lambda: self._claim(line, ClaimKind.CANCEL))
        self._in(2, 30, lambda: self._confirm(line))

    def _confirm(self, line: Line) -> None:
        self._shop.confirm(line)
        self._in(1, 24, lambda: self._dispatch(line))

    def _dispatch(self, line: Line) -> None:
        invoice = f"{600_000_000_000 + line.box % 10**10}"
        self._shop.dispatch(line, CARRIERS[self._shop.market], invoice, self._shop.now())
        self._in(18, 60, lambda: self._deliver(line))

    def _deliver(self, line: Line) -> None:
        self._shop.deliver(line)
        chance = self._rng.random()
        if chance < 0.05:
            self._in(1, 60, lambda: self._claim(line, ClaimKind.RETURN))
        elif chance < 0.08:
            self._in(1, 60, lambda: self._claim(line, ClaimKind.EXCHANGE))
        self._in(150, 200, lambda: self._shop.complete(line))

    def _claim(self, line: Line, kind: ClaimKind) -> None:
        """Open a claim of some pieces; later it is settled, given up or refused."""
        pieces = self._rng.randint(1, line.quantity)
        claim = self._shop.open_claim(line, kind, pieces, reason=self._rng.choice(REASONS))
        ending = self._rng.choices((ClaimStatus.DONE, ClaimStatus.WITHDRAWN), (8, 2))[0]
        self._in(4, 120, lambda: self._settle(claim, ending))

    def _settle(self, claim: Claim, ending: ClaimStatus) -> None:
        self._shop.settle_claim(claim, ending)
        if ending is ClaimStatus.WITHDRAWN and claim.line.status is LineStatus.NEW:
            self._in(1, 24, lambda: self._confirm(claim.line))


class Till:
    """Sells pieces of one shop that has no life of its own."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._life = _Life(None, shop, random.Random(0), 1.0)  # noqa: S311 - guards nothing

    def open(self, listings: int) -> None:
        """List `listings` goods, the same at every market."""
        for n in range(listings):
            self._shop.add_listing(self._life.listing(n, self._shop.now()))

    def sell(self, item: Item, quantity: int) -> bool:
        """Sell as a market does: only what it shows. Return whether it did."""
        if item.deleted or not item.on_sale or item.stock < quantity:
            return False
        self._shop.add_order(self._life.bought(self._shop.now(), item, quantity))
        return True


def bulk(
    market: str, lines: int, *, per_order: int = 1, days: int = 28, start: datetime | None = None
) -> tuple[Account, VirtualClock]:
    """Return an account with `lines` delivered lines spread over `days`, and its clock.

    For measurements: every order is alike, `per_order` options in one box.
    """
    now = VirtualClock(start)
    shop = Shop(market, now)
    until = now()
    begin = clock.day_start(clock.kst_day(until) - timedelta(days=days))
    life = _Life(None, shop, random.Random(0), 1.0)  # noqa: S311 - makes a shop, guards nothing
    items = []
    for n in range(per_order):
        listing = life.listing(3 * n, begin)
        shop.add_listing(listing)
        items.append(listing.items[0])
    gap = (until - begin - timedelta(hours=1)) / max(1, lines // per_order)
    for n in range(lines // per_order):
        shop.add_order(life.delivered(n, begin + gap * n, items))
    return Account(market, shop, dict(CREDENTIALS[market])), now
