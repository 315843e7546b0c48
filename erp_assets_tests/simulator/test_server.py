"""The server over real sockets: routes, faults, control, and the world behind it."""

import json
import socket
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_assets.records import ClaimKind, ClaimStatus, LineStatus
from erp_assets.simulator import truth
from erp_assets.simulator.building import World
from erp_assets.simulator.server import Simulator
from erp_assets.simulator.wire import Fault
from erp_assets.simulator.world import Refusal

START = datetime(2026, 3, 1, 3, tzinfo=UTC)
LIST = "/rest/prodmarketservice/prodmarket"
SEARCH = b"<SearchProduct><limit>5</limit><start>1</start><end>5</end></SearchProduct>"
KEY = {"openapikey": "0123456789abcdef0123456789abcdef"}


def lines_of(account):
    return [line for order in account.shop.orders.values() for line in order.lines]


def small(seed=1):
    return World(seed, days=6, orders_a_day=4.0, listings=6, start=START)


@pytest.fixture
def served():
    world = small()
    with (
        Simulator(world.accounts, now=world.now, slow_s=0.05, advance=world.advance) as simulator,
        httpx.Client(base_url=simulator.url, timeout=5) as http,
    ):
        yield simulator, http


def search(http):
    return http.post(LIST, content=SEARCH, headers=KEY)


def test_paths_lead_to_their_market(served):
    _, http = served
    assert search(http).status_code == 200
    assert http.get("/external/v1/seller/account").json()["code"] == "GW.AUTHN"
    assert (
        http.get("/v2/providers/seller_api/apis/api/v1/marketplace/seller-products").status_code
        == 401
    )
    assert http.get("/elsewhere").status_code == 404


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault.BUSY, 429), (Fault.ERROR_BEFORE, 500), (Fault.ERROR_AFTER, 500)],
    ids=str,
)
def test_a_fault_hits_as_often_as_it_was_ordered(served, fault, status):
    simulator, http = served
    simulator.inject(fault, market="eleven", times=2)
    found = [search(http).status_code for _ in range(3)]
    assert [code >= status for code in found] == [True, True, False]


def test_a_cut_answer_breaks_the_connection(served):
    simulator, http = served
    simulator.inject(Fault.CUT)
    with pytest.raises(httpx.RemoteProtocolError):
        search(http)
    assert search(http).status_code == 200


def test_a_page_of_html_comes_instead(served):
    simulator, http = served
    simulator.inject(Fault.HTML)
    assert b"<html" in search(http).content.lower()


def test_an_error_after_a_write_leaves_it_done(served):
    simulator, http = served
    with simulator.changing() as accounts:
        item = next(iter(accounts["eleven"].shop.items.values()))
    body = (
        f"<ProductStock><prdNo>{item.listing.no}</prdNo><prdStckNo>{item.no}</prdStckNo>"
        "<stckQty>77</stckQty><optWght>0</optWght></ProductStock>"
    )
    simulator.inject(Fault.ERROR_AFTER)
    answer = http.put(f"/rest/prodservices/stockqty/{item.no}", content=body, headers=KEY)
    assert (answer.status_code >= 500, item.stock) == (True, 77)


def test_a_request_cut_short_does_nothing(served):
    simulator, _ = served
    before = simulator.calls.total()
    host, port = simulator.url.removeprefix("http://").split(":")
    head = b"PUT /rest/prodservices/stockqty/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection((host, int(port))) as peer:
        peer.sendall(head + b"<Prod")
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(1) == b""
    assert simulator.calls.total() == before


def test_a_rate_of_faults_is_drawn_from_the_seed():
    def drawn(seed):
        world = small()
        with (
            Simulator(
                world.accounts, now=world.now, fault_rate=0.5, faults=[Fault.BUSY], seed=seed
            ) as simulator,
            httpx.Client(base_url=simulator.url) as http,
        ):
            return [search(http).status_code for _ in range(20)]

    first = drawn(3)
    assert drawn(3) == first
    assert {200, 429} == set(first)


def test_it_tells_about_itself_and_takes_orders(served):
    simulator, http = served
    search(http)
    told = http.get("/_simulator").json()
    assert (told["accounts"], told["calls"]) == (["coupang", "eleven", "naver"], {"eleven": 1})
    known = http.get("/_simulator/truth/naver/summary").json()
    assert known == truth.summary(simulator.accounts["naver"])
    assert http.post("/_simulator/faults", json={"fault": "busy"}).status_code == 200
    assert search(http).status_code == 429
    assert http.post("/_simulator/faults", json={"fault": "nonsense"}).status_code == 400
    assert http.get("/_simulator/truth/nobody/summary").status_code == 400
    assert http.get("/_simulator/nothing").status_code == 404


def test_time_goes_on_when_told(served):
    simulator, http = served
    before = truth.summary(simulator.accounts["coupang"])["orders"]
    http.post("/_simulator/advance", json={"seconds": 3 * 86_400})
    assert truth.summary(simulator.accounts["coupang"])["orders"] > before


def test_the_log_names_what_was_asked(served):
    simulator, http = served
    search(http)
    last = simulator.log[-1]
    assert (last.market, last.method, last.path, last.status) == ("eleven", "POST", LIST, 200)


# ── the world ──────────────────────────────────────────────────────────────────────────────────
def shape(world):
    return json.dumps(
        [
            [truth.summary(a), sorted(truth.lines(a)), sorted(truth.claims(a))]
            for a in world.accounts
        ]
    )


def test_a_seed_makes_one_world():
    assert shape(small(5)) == shape(small(5))
    assert shape(small(5)) != shape(small(6))


def test_pieces_are_never_taken_twice_and_never_lost():
    for account in World(9, days=20, start=START).accounts:
        for line in lines_of(account):
            done = sum(c.quantity for c in line.claims if c.status is ClaimStatus.DONE)
            held = sum(
                c.quantity
                for c in line.claims
                if c.status in (ClaimStatus.REQUESTED, ClaimStatus.IN_PROGRESS)
            )
            assert (line.cancelled, line.held) == (done, held)
            assert line.cancelled + line.held <= line.quantity
            gone = line.status in (
                LineStatus.CANCELLED,
                LineStatus.RETURNED,
                LineStatus.EXCHANGED,
            )
            assert gone == (line.cancelled == line.quantity)


def test_a_world_shows_every_state():
    for account in World(7).accounts:
        states = {line.status for line in lines_of(account)}
        assert states >= set(LineStatus) - {LineStatus.IN_CLAIM, LineStatus.UNPAID}
        kinds = {(c.kind, c.status) for some in account.shop.claims.values() for c in some}
        assert {(kind, ClaimStatus.DONE) for kind in ClaimKind} <= kinds


@given(cuts=st.lists(st.integers(0, 6 * 86_400), min_size=2, max_size=6))
def test_windows_hold_what_a_search_through_all_finds(cuts):
    shop = WORLD.accounts[0].shop
    begin = min(line.order.ordered_at for line in shop.lines.values())
    for stamp in ("ordered_at", "paid_at", "changed_at", "shipped_at"):
        for low, high in zip(sorted(cuts), sorted(cuts)[1:], strict=False):
            since = begin.fromtimestamp(begin.timestamp() + low, UTC)
            until = begin.fromtimestamp(begin.timestamp() + high, UTC)
            found = shop.lines_between(stamp, since, until)
            every = [line for order in shop.orders.values() for line in order.lines]
            at = {
                id(line): getattr(line.order if stamp in ("ordered_at", "paid_at") else line, stamp)
                for line in every
            }
            assert {id(line) for line in found} == {
                key for key, moment in at.items() if moment and since <= moment < until
            }


WORLD = small()


def test_what_is_impossible_is_refused():
    account = World(2, days=20, start=START).accounts[0]
    shop = account.shop
    done = next(it for it in lines_of(account) if it.status is LineStatus.COMPLETED)
    with pytest.raises(Refusal, match="wrong_state"):
        shop.confirm(done)
    with pytest.raises(Refusal, match="bad_quantity"):
        shop.open_claim(done, ClaimKind.RETURN, done.quantity + 1)
