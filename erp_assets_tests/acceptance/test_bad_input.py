"""Hostile text in the markets' data: stored word for word or rejected with a reason, never run.

Real clients, real sockets, real PostgreSQL. What a world can hold is put into its records; what it
cannot (a NUL, half a character, a day that is none) is written into the answers.
"""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from erp_assets import clock
from erp_assets.records import ClaimKind, LineStatus
from erp_assets.simulator.wire import Response
from erp_assets.warehouse import queries
from erp_assets_tests.acceptance import shops
from erp_assets_tests.acceptance.shops import MARKETS, NUMBERS, collect, serving, world

TEXTS = {
    "sql": "'; DROP TABLE market_orders; --",
    "sql comment": "x\\'); DELETE FROM accounts; /* $$ ${1} %s %(account)s :account */",
    "copy end": "a\tb\\.\\N",
    "xml entity": '<!ENTITY x SYSTEM "file:///etc/passwd"> &x; &amp;lt;',
    "cdata end": "]]><order><ordNo>1</ordNo></order>",
    "doctype": "<!DOCTYPE a [<!ENTITY b 'c'>]><?php echo 1 ?>",
    "header": "a\nSet-Cookie: admin=1\nX: y",
    "json": '"},{"orderId":1,"x":"\\u0041\\',
    "emoji": "👩‍👩‍👧‍👦 𠮷 é 가\u202e",
    "jinja": "{{7*7}}${7*7}<script>alert(1)</script>",
    "path": "../../etc/passwd%00%0d%0a",
    "long": "가나다 '\"<&> " * 10_000,
}
MARKER = "markermarker"
TABLES = (
    "accounts",
    "market_claims",
    "market_order_keys",
    "market_order_lines",
    "market_orders",
    "market_products",
    "market_skus",
)
ORDERS = ("products", "offers", "orders")


def new_order(shop):
    """Return an order that every list still shows: new, without claims, of an option."""
    return next(
        it
        for it in reversed(shop.orders.values())
        if it.lines[0].status is LineStatus.NEW
        and not any(line.claims for line in it.lines)
        and it.lines[0].item.listing.has_options
    )


def infect(account, word):
    """Write `word` wherever a person can: names, address, note, option, reason. Return the order.

    Its first line gets a claim.
    """
    shop = account.shop
    order = new_order(shop)
    order.buyer = order.receiver = order.address = order.note = word
    order.address_detail = ""
    item = order.lines[0].item
    item.name = item.listing.name = word
    line = order.lines[0]
    shop.open_claim(line, ClaimKind.CANCEL, 1, reason=word)
    shop.version += 1
    return order


def read(warehouse, statement, **values):
    with warehouse.transaction() as db:
        return [tuple(row) for row in db.execute(text(statement), values)]


def waiting(warehouse):
    return read(
        warehouse,
        "SELECT kind, reason, body FROM rejected_rows WHERE resolved_at IS NULL ORDER BY id",
    )


def is_unharmed(warehouse, counted):
    """Is every table there, with at least as many rows as before, and no account touched?"""
    with warehouse.transaction() as db:
        now = {table: queries.count_rows(db, table) for table in TABLES}
    assert now["accounts"] == len(MARKETS)
    return all(now[table] >= rows for table, rows in counted.items())


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("word", TEXTS.values(), ids=TEXTS)
def test_text_is_stored_word_for_word(warehouse, market, word):
    made = world(6)
    with serving(made) as simulator:
        with simulator.changing() as accounts:
            order = infect(accounts[market], word)
        done = collect(warehouse, simulator, market, now=made.now)
        assert {kind: it.outcome for kind, it in done.items()} == dict.fromkeys(done, "completed")
    number = NUMBERS[market]
    kept = word.strip()
    [(buyer,)] = read(
        warehouse,
        "SELECT buyer_name FROM market_orders WHERE (account_id, order_no) = (:account, :no)",
        account=number,
        no=str(order.no),
    )
    assert buyer == kept
    lines = read(
        warehouse,
        "SELECT receiver_name, address, delivery_note, product_name, option_name "
        "FROM market_order_lines WHERE (account_id, order_no, product_no) = (:account, :no, :of)",
        account=number,
        no=str(order.no),
        of=str(order.lines[0].item.listing.no),
    )
    assert lines
    for receiver, address, note, product, option in lines:
        assert (receiver, address, note, product.strip()) == (kept, kept, kept, kept)
        assert kept in option
    [(name,)] = read(
        warehouse,
        "SELECT name FROM market_products WHERE (account_id, product_no) = (:account, :no)",
        account=number,
        no=str(order.lines[0].item.listing.no),
    )
    assert name.strip() == kept
    reasons = read(
        warehouse,
        "SELECT reason FROM market_claims WHERE (account_id, order_no) = (:account, :no)",
        account=number,
        no=str(order.no),
    )
    assert kept in {reason.strip() for (reason,) in reasons}
    assert is_unharmed(warehouse, dict.fromkeys(TABLES, 1))


@dataclass
class Forger:
    """Replaces text in the answers of one path while it is at it."""

    old: bytes
    new: bytes
    count: int = -1
    is_on: bool = True
    forged: int = field(default=0)

    def __call__(self, request, response):
        if not self.is_on or self.old not in response.body:
            return response
        self.forged += 1
        body = response.body.replace(self.old, self.new, self.count)
        return Response(response.status, body, response.headers)


PRICE = 987_654_321


BAD = {
    "NUL": ("coupang", "naver", MARKER.encode(), rb"\u0000"),
    "not UTF-8": ("coupang", "naver", MARKER.encode(), b"\xff\xfe"),
    "no EUC-KR": ("eleven", MARKER.encode(), b"\xff\xff"),
    "beyond bigint": (*MARKETS, str(PRICE).encode(), b"9" * 30),
    "infinite": (*MARKETS, str(PRICE).encode(), b"1e999"),
}
CASES = [(market, name) for name, (*markets, _, _) in BAD.items() for market in markets]


def mark(shop):
    """Put what a forger looks for into a new order of one piece and return it."""
    order = new_order(shop)
    order.buyer = MARKER
    line = order.lines[0]
    line.unit_price, line.surcharge, line.quantity = PRICE, 0, 1
    shop.version += 1
    return order


def heals(warehouse, simulator, made, market, order):
    """Collect again; is everything as the market holds it, and nothing waiting any more?"""
    done = collect(warehouse, simulator, market, now=made.now)
    assert {kind: it.outcome for kind, it in done.items()} == dict.fromkeys(done, "completed")
    true = shops.true_lines(simulator.accounts[market])
    assert shops.differences(true, shops.stored_lines(warehouse, market)) == shops.NONE
    assert waiting(warehouse) == []
    found = read(
        warehouse, "SELECT buyer_name FROM market_orders WHERE order_no = :no", no=str(order.no)
    )
    return found == [(MARKER,)]


def is_partial(warehouse, done, order):
    """Are the rows of this order rejected, counted and told, and all others stored?"""
    assert done["orders"].outcome == "partial"
    bad = [it for it in waiting(warehouse) if it[0] == "orders"]
    assert 0 < len(bad) <= done["orders"].rejected
    assert all(reason and body for _, reason, body in bad)
    assert is_unharmed(warehouse, dict.fromkeys(TABLES, 1))
    found = read(
        warehouse,
        "SELECT line_no FROM market_order_lines WHERE order_no = :no AND unit_price = :price",
        no=str(order.no),
        price=PRICE,
    )
    return found == []


@pytest.mark.parametrize(("market", "name"), CASES, ids=lambda it: it)
def test_a_row_that_cannot_be_is_rejected_and_heals(warehouse, market, name):
    made = world(6)
    forger = Forger(*BAD[name][-2:])
    with serving(made, rewrite=forger) as simulator:
        with simulator.changing() as accounts:
            order = mark(accounts[market].shop)
        done = collect(warehouse, simulator, market, now=made.now)
        assert forger.forged
        assert is_partial(warehouse, done, order)
        forger.is_on = False
        assert heals(warehouse, simulator, made, market, order)


@pytest.mark.parametrize("day", ["2026-02-31", "99999-99-99"])
@pytest.mark.parametrize("market", MARKETS)
def test_a_day_that_is_none_is_rejected_and_heals(warehouse, market, day):
    made = world(6)
    forger = Forger(b"", b"")
    with serving(made, rewrite=forger) as simulator:
        with simulator.changing() as accounts:
            order = mark(accounts[market].shop)
            at = order.ordered_at.astimezone(clock.KST)
            between = "T" if market != "eleven" else " "
            forger.old = f"{at:%Y-%m-%d}{between}{at:%H:%M:%S}".encode()
            forger.new = f"{day}{between}{at:%H:%M:%S}".encode()
        done = collect(warehouse, simulator, market, now=made.now)
        assert forger.forged
        assert is_partial(warehouse, done, order)
        forger.is_on = False
        assert heals(warehouse, simulator, made, market, order)


UNREADABLE = {
    "raw NUL": ("coupang", "naver", b"\x00"),
    "cut escape": ("coupang", "naver", rb"\uZZZZ"),
}


@pytest.mark.parametrize(
    ("market", "name"),
    [(market, name) for name, (*markets, _) in UNREADABLE.items() for market in markets],
    ids=lambda it: it,
)
def test_an_answer_that_is_no_answer_fails_with_the_place_and_heals(warehouse, market, name):
    """What is not JSON or XML at all has no rows to set aside; no mark passes it."""
    made = world(6)
    forger = Forger(MARKER.encode(), UNREADABLE[name][-1])
    with serving(made, rewrite=forger) as simulator:
        with simulator.changing() as accounts:
            order = mark(accounts[market].shop)
        done = collect(warehouse, simulator, market, now=made.now)
        assert forger.forged
        assert done["orders"].outcome == "failed"
        assert "BadPayload: not an answer of" in done["orders"].error
        assert is_unharmed(warehouse, {"market_products": 1, "market_skus": 1})
        forger.is_on = False
        assert heals(warehouse, simulator, made, market, order)


@pytest.mark.parametrize(
    "bad", [b"\x00", b"&#0;", b"&#8;", b"&#xD800;"], ids=["NUL", "0", "8", "surrogate"]
)
def test_characters_that_xml_forbids_are_left_out_and_the_rest_of_the_row_kept(warehouse, bad):
    made = world(6)
    forger = Forger(MARKER.encode(), b"ab" + bad + b"cd")
    with serving(made, rewrite=forger) as simulator:
        with simulator.changing() as accounts:
            order = mark(accounts["eleven"].shop)
        done = collect(warehouse, simulator, "eleven", now=made.now)
        assert done["orders"].outcome == "completed"
        query = "SELECT buyer_name FROM market_orders WHERE order_no = :no"
        assert read(warehouse, query, no=str(order.no)) == [("abcd",)]
        forger.is_on = False
        assert heals(warehouse, simulator, made, "eleven", order)


def test_an_entity_nobody_declared_is_text_and_stands_for_nothing(warehouse):
    made = world(6)
    forger = Forger(MARKER.encode(), b"a&xxe;b")
    with serving(made, rewrite=forger) as simulator:
        with simulator.changing() as accounts:
            order = mark(accounts["eleven"].shop)
        done = collect(warehouse, simulator, "eleven", now=made.now)
        assert done["orders"].outcome == "completed"
        query = "SELECT buyer_name FROM market_orders WHERE order_no = :no"
        assert read(warehouse, query, no=str(order.no)) == [("a&xxe;b",)]
        forger.is_on = False
        assert heals(warehouse, simulator, made, "eleven", order)


@pytest.mark.parametrize("market", ["coupang", "naver"])
def test_half_an_emoji_spoils_no_other_row(warehouse, market):
    """A note cut in the middle of a character: the half becomes U+FFFD, everything else is kept."""
    made = world(6)
    forger = Forger(MARKER.encode(), rb"\ud83d")
    with serving(made, rewrite=forger) as simulator:
        with simulator.changing() as accounts:
            order = mark(accounts[market].shop)
        done = collect(warehouse, simulator, market, now=made.now)
        assert forger.forged
        assert done["orders"].outcome == "completed", done["orders"].error
        query = "SELECT buyer_name FROM market_orders WHERE order_no = :no"
        assert read(warehouse, query, no=str(order.no)) == [("\ufffd",)]
        forger.is_on = False
        assert heals(warehouse, simulator, made, market, order)
