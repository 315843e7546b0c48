"""The simulator as an HTTP server: one process or thread, three protocols, faults on demand.

Under /_simulator it answers about itself: what each account truly holds, how many calls came, and
it takes orders to fail. Nothing there is part of any market's protocol.
"""

import asyncio
import json
import random
import signal
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from erp_assets import clock
from erp_assets.simulator import replay, truth
from erp_assets.simulator.building import World
from erp_assets.simulator.coupang import CoupangProtocol
from erp_assets.simulator.eleven import ElevenProtocol
from erp_assets.simulator.naver import NaverProtocol
from erp_assets.simulator.wire import Account, Fault, Limits, MarketProtocol, Request, Response

CONTROL = "/_simulator"
PROTOCOLS: dict[str, type[MarketProtocol]] = {
    "coupang": CoupangProtocol,
    "naver": NaverProtocol,
    "eleven": ElevenProtocol,
}
UNLIMITED = Limits(coupang=None, naver_orders=None, naver_products=None, eleven=None)
BY_SERVER = (Fault.BUSY, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.HTML)
RANDOM_FAULTS = tuple(Fault)
KEPT_CALLS = 10_000


class Logged(NamedTuple):
    """One call that was answered. at: the virtual clock."""

    at: datetime
    market: str
    method: str
    path: str
    status: int
    fault: Fault | None


@dataclass(slots=True)
class Ordered:
    """A fault somebody asked for. times: how many more answers it hits."""

    fault: Fault
    market: str | None
    path_contains: str
    times: int

    def hits(self, market: str, path: str) -> bool:
        """Is this answer meant?"""
        return self.times > 0 and self.market in (None, market) and self.path_contains in path


class Simulator:
    """A server on 127.0.0.1 that speaks for `accounts` until it is stopped.

    now: the virtual clock. fault_rate: share of answers that go wrong, 0 to 1, drawn from `seed`.
    slow_s: how long a slow answer takes. port: 0 = any free one. rewrite: has the last word on each
    market's answer, for what no world can hold (a NUL, half a character, a day that is none).
    """

    def __init__(
        self,
        accounts: Sequence[Account],
        *,
        now: Callable[[], datetime] = clock.utc_now,
        limits: Limits | None = None,
        fault_rate: float = 0.0,
        faults: Sequence[Fault] = RANDOM_FAULTS,
        seed: int = 0,
        slow_s: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
        advance: Callable[[float], None] | None = None,
        rewrite: Callable[[Request, Response], Response] | None = None,
    ) -> None:
        self.accounts = {account.key: account for account in accounts}
        self.now = now
        self.fault_rate = fault_rate
        self.log: deque[Logged] = deque(maxlen=KEPT_CALLS)
        self.calls: Counter[str] = Counter()
        self.busy_answers: Counter[str] = Counter()
        self._faults = faults
        self._random = random.Random(seed)  # noqa: S311 - draws faults, guards nothing
        self._slow_s = slow_s
        self._ordered: list[Ordered] = []
        self._advance = advance
        self._rewrite = rewrite
        self._lock = threading.RLock()
        self._protocols = _protocols(accounts, now, limits or UNLIMITED)
        self._listener = socket.create_server((host, port))
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._serve,
                interface="asgi3",
                lifespan="off",
                access_log=False,
                log_level="critical",
                proxy_headers=False,
            )
        )
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it answers; markets' own prefixes follow in their clients' base URLs."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{host}:{port}"

    def base_url(self, market: str) -> str:
        """Return what a client of `market` takes for its base URL."""
        return self.url + {"coupang": "", "naver": "/external", "eleven": "/rest"}[market]

    # ── life ───────────────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="simulator", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Serve in this thread until `stop`."""
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._server.should_exit = True
        self._server.force_exit = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._listener.close()

    def __enter__(self) -> "Simulator":
        """Serve."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.stop()

    @contextmanager
    def changing(self) -> Iterator[dict[str, Account]]:
        """Yield the accounts while no answer is being made, so that a test may change shops."""
        with self._lock:
            yield self.accounts

    def inject(
        self, fault: Fault, *, market: str | None = None, path_contains: str = "", times: int = 1
    ) -> None:
        """Let the next `times` answers that match go wrong."""
        with self._lock:
            self._ordered.append(Ordered(fault, market, path_contains, times))

    # ── one request ────────────────────────────────────────────────────────────────────────────
    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        request = await _received(scope, receive)
        if request is None:
            return
        fault, response = None, self._control(request)
        if response is None:
            fault, response = self._answer(request)
            if fault is Fault.SLOW:
                await asyncio.sleep(self._slow_s)
        await _send(send, response, is_cut=fault is Fault.CUT)

    def _answer(self, request: Request) -> tuple[Fault | None, Response]:
        found = [it for it in self._protocols.items() if request.path.startswith(it[1].prefix)]
        if not found:
            return None, Response(404, b'{"message":"no market answers here"}')
        market, protocol = found[0]
        with self._lock:
            fault = self._fault(market, request.path)
            response = _faulty(protocol, request, fault)
            if self._rewrite is not None:
                response = self._rewrite(request, response)
            self._note(market, request, response.status, fault)
        return fault, response

    def _fault(self, market: str, path: str) -> Fault | None:
        for ordered in self._ordered:
            if ordered.hits(market, path):
                ordered.times -= 1
                return ordered.fault
        if self.fault_rate and self._random.random() < self.fault_rate:
            return self._random.choice(self._faults)
        return None

    def _note(self, market: str, request: Request, status: int, fault: Fault | None) -> None:
        self.calls[market] += 1
        self.busy_answers[market] += status == 429
        logged = Logged(self.now(), market, request.method, request.path, status, fault)
        self.log.append(logged)

    # ── about itself ───────────────────────────────────────────────────────────────────────────
    def _control(self, request: Request) -> Response | None:
        if not request.path.startswith(CONTROL):
            return None
        parts = request.path.removeprefix(CONTROL).strip("/").split("/")
        with self._lock:
            try:
                told = self._told(request.method, parts, request.body)
            except (KeyError, ValueError, TypeError) as error:
                return _json(400, {"error": f"{type(error).__name__}: {error}"})
        return _json(404, {"error": "unknown"}) if told is None else _json(200, told)

    def _told(self, method: str, parts: list[str], body: bytes) -> Any:
        match method, parts:
            case "GET", [""]:
                return {
                    "now": self.now().isoformat(),
                    "accounts": sorted(self.accounts),
                    "calls": self.calls,
                    "busy_answers": self.busy_answers,
                }
            case "GET", ["truth", key, "summary"]:
                return truth.summary(self.accounts[key])
            case "POST", ["faults"]:
                asked = json.loads(body)
                self.inject(Fault(asked.pop("fault")), **asked)
                return {}
            case "POST", ["advance"] if self._advance is not None:
                self._advance(float(json.loads(body)["seconds"]))
                return {"now": self.now().isoformat()}
        return None


def _protocols(
    accounts: Sequence[Account], now: Callable[[], datetime], limits: Limits
) -> dict[str, MarketProtocol]:
    return {
        market: make([it for it in accounts if it.shop.market == market], now, limits)
        for market, make in PROTOCOLS.items()
    }


def _faulty(protocol: MarketProtocol, request: Request, fault: Fault | None) -> Response:
    """Answer as `fault` says; what the server does to the bytes comes later."""
    if fault in BY_SERVER:
        if fault is Fault.ERROR_AFTER and protocol.is_write(request):
            protocol.handle(request)
        return protocol.failure(request, fault)
    is_protocols = fault not in (Fault.CUT, Fault.SLOW)
    return protocol.handle(request, fault if is_protocols else None)


async def _received(scope: Any, receive: Any) -> Request | None:
    """Return the request with path and query as they came over the wire; None when it was cut."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Request(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body,
        scope["client"][0],
    )


async def _send(send: Any, response: Response, *, is_cut: bool) -> None:
    """Send the answer, or its head and half of the body it promises."""
    names = {name.lower(): value for name, value in response.headers.items()}
    names["content-length"] = str(len(response.body))
    headers = [(name.encode(), value.encode("latin-1")) for name, value in names.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if is_cut and len(response.body) > 1:
        half = response.body[: len(response.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        return  # uvicorn closes the connection of an answer that was not finished
    await send({"type": "http.response.body", "body": response.body})


def _json(status: int, told: Any) -> Response:
    body = json.dumps(told, ensure_ascii=False, default=str).encode()
    return Response(status, body, {"Content-Type": "application/json"})


def serve(
    *,
    host: str,
    port: int,
    seed: int,
    days: int,
    limits: bool,
    fault_rate: float,
    replay_from: Path | None = None,
) -> None:
    """Serve a generated shop per market, or a replay of transactions, until SIGTERM or SIGINT."""
    world: World | replay.Replay
    world = World(seed, days=days) if replay_from is None else replay.load(replay_from)
    simulator = Simulator(
        world.accounts,
        now=world.now,
        limits=Limits() if limits else UNLIMITED,
        fault_rate=fault_rate,
        seed=seed,
        host=host,
        port=port,
        advance=world.advance,
    )
    for account in world.accounts:
        print(account.key, json.dumps(truth.summary(account)), flush=True)  # noqa: T201
    print(f"listening on {simulator.url}", flush=True)  # noqa: T201
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    simulator.run()
