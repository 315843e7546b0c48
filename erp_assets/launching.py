"""One child process per account, their progress on one screen, their outcome in one table.

Accounts have their own limits, so they are collected side by side; a child that dies takes only
its own account with it.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

ROWS = {
    "products": ("market_products",),
    "offers": ("market_skus",),
    "orders": ("market_order_lines",),
    "claims": ("market_claims",),
}
COLUMNS = (
    "products",
    "options",
    "orders",
    "lines",
    "claims",
    "stock rows",
    "prices",
    "rejected rows",
)


@dataclass
class AccountOutcome:
    """What came of one account. seconds: wall time of its child. errors: one line each."""

    account: str
    state: str = "waiting"
    calls: int = 0
    busy_answers: int = 0
    rejected: int = 0
    seconds: float = 0.0
    doing: str = ""
    kinds: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in one line of the child."""
        match event:
            case {"event": "progress", "kind": kind, "seen": seen}:
                self.state, self.doing = "running", str(kind)
                self.kinds[_step(event)] = dict(event)
                self.calls = sum(part["calls"] for part in self.kinds.values())
                self.busy_answers = sum(part["busy_answers"] for part in self.kinds.values())
                self.rejected = sum(part["rejected"] for part in self.kinds.values())
                rows = sum(seen.get(table, 0) for table in ROWS.get(str(kind), ()))
                self.doing = f"{kind}: {rows:,} rows"
            case {"event": "run", **run}:
                self.runs.append(run)
                if not run["ok"]:
                    self.errors.append(run["error"])

    def settle(self, exit_code: int, last_words: str) -> None:
        """Decide the state once the child has ended."""
        if exit_code != 0:
            how = "was killed" if exit_code == -signal.SIGKILL else f"ended with {exit_code}"
            self.errors.append(last_words or f"the collecting process {how}")
        self.doing = ""
        outcomes = {part["outcome"] for part in self.kinds.values()}
        if self.errors:
            self.state = "failed"
        else:
            self.state = "partial" if outcomes - {"completed"} else "completed"


def _step(event: Mapping[str, Any]) -> str:
    return f"{event['kind']} {event.get('since') or ''}"


@dataclass
class Outcome:
    """What came of all accounts."""

    accounts: list[AccountOutcome]
    derived: list[dict[str, Any]] = field(default_factory=list)
    """Runs of derived assets and checks afterwards."""

    @property
    def state(self) -> str:
        """Say `completed`, `partial` or `failed`: the worst of all."""
        states = {account.state for account in self.accounts}
        states |= {"partial" for run in self.derived if not run["ok"]}
        return next((bad for bad in ("failed", "partial") if bad in states), "completed")

    def as_json(self) -> str:
        """Return everything as one JSON object."""
        found = {"state": self.state, **asdict(self)}
        return json.dumps(found, ensure_ascii=False, indent=2, default=str)


def collect(
    accounts: Sequence[str], arguments: Sequence[str], *, console: Console, quiet: bool = False
) -> Outcome:
    """Run `erp collect --worker` for each account at once and show how far they are.

    arguments: what every child gets besides its account.
    """
    outcome = Outcome([AccountOutcome(key) for key in accounts])
    lock = threading.Lock()
    children: list[subprocess.Popen[str]] = []
    threads = [
        threading.Thread(target=_follow, args=(account, arguments, lock, children), daemon=True)
        for account in outcome.accounts
    ]
    for thread in threads:
        thread.start()
    with _ending(children), _screen(console, quiet=quiet) as show:
        while any(thread.is_alive() for thread in threads):
            with lock:
                show(outcome)
            time.sleep(0.25)
        show(outcome)
    return outcome


@contextmanager
def _ending(children: Sequence["subprocess.Popen[str]"]) -> Iterator[None]:
    """Let SIGTERM end the children too, which a supervisor sends to their parent alone."""

    def end(number: int, _: object) -> None:
        for child in children:
            child.terminate()
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _follow(
    account: AccountOutcome,
    arguments: Sequence[str],
    lock: threading.Lock,
    children: list["subprocess.Popen[str]"],
) -> None:
    started = time.monotonic()
    command = [sys.executable, "-m", "erp_assets", "collect", "--worker", "--account"]
    with subprocess.Popen(
        [*command, account.account, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        children.append(child)
        complaints: deque[str] = deque(maxlen=200)
        listener = threading.Thread(target=complaints.extend, args=(child.stderr,), daemon=True)
        listener.start()
        for line in child.stdout or ():
            with lock:
                account.seconds = time.monotonic() - started
                _take(account, line)
        listener.join()
    with lock:
        account.seconds = time.monotonic() - started
        account.settle(child.returncode, complaints[-1].strip() if complaints else "")


def _take(account: AccountOutcome, line: str) -> None:
    with suppress(json.JSONDecodeError):  # a library's print is no event
        account.take(json.loads(line))


@contextmanager
def _screen(console: Console, *, quiet: bool) -> Iterator[Callable[[Outcome], None]]:
    """Yield what shows an outcome: a live table, lines where there is no terminal, or nothing."""
    if quiet:
        yield lambda _: None
    elif console.is_terminal:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            yield lambda outcome: live.update(_table(outcome), refresh=True)
    else:
        yield _Lines(console)


class _Lines:
    """Prints a line per account when something changed, every two seconds at the most."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: dict[str, str] = {}
        self._next = 0.0

    def __call__(self, outcome: Outcome) -> None:
        now = time.monotonic()
        over = all(account.state not in ("waiting", "running") for account in outcome.accounts)
        if now < self._next and not over:
            return
        self._next = now + 2.0
        for account in outcome.accounts:
            line = f"{account.account}: {account.state} {account.doing} ({account.calls} calls)"
            if self._last.get(account.account) != line:
                self._last[account.account] = line
                self._console.print(line, markup=False, highlight=False)


def _table(outcome: Outcome) -> Table:
    table = Table("account", "state", "doing", "calls", "rejected", "seconds", title="Collecting")
    for account in outcome.accounts:
        table.add_row(
            account.account,
            account.state,
            account.doing,
            f"{account.calls:,}",
            f"{account.rejected:,}",
            f"{account.seconds:.0f}",
        )
    return table


def show(outcome: Outcome, stored: Mapping[str, Sequence[int]], *, console: Console) -> None:
    """Print what is stored per account, what this collection cost, and what went wrong.

    stored: account → the numbers of COLUMNS.
    """
    table = Table(title="What is stored", title_justify="left")
    table.add_column("account")
    for name in (*COLUMNS, "API calls", "seconds"):
        table.add_column(name, justify="right")
    cost = {account.account: account for account in outcome.accounts}
    for key, numbers in stored.items():
        mine = cost.get(key)
        spent = (f"{mine.calls:,}", f"{mine.seconds:,.1f}") if mine else ("", "")
        table.add_row(key, *(f"{n:,}" for n in numbers), *spent)
    console.print(table)
    for account in outcome.accounts:
        for error in account.errors:
            console.print(f"{account.account}: {error}", style="red", markup=False)
        if account.state == "partial":
            console.print(
                f"{account.account}: partial; {account.rejected} rows rejected, see rejected_rows",
                style="yellow",
            )
    for run in outcome.derived:
        if not run["ok"]:
            console.print(f"{', '.join(run['kinds'])}: {run['error']}", style="red", markup=False)
