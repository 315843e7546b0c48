"""Plain objects built from Settings for the assets, and the way errors become Dagster's."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import dagster as dg

from erp_assets import accounts, clock, simulated
from erp_assets.clock import Window
from erp_assets.collecting import (
    Collected,
    Collector,
    Progress,
    missing_windows,
    routine_window,
    silent,
)
from erp_assets.errors import ErpError, MarketDenied, PermanentError, SettingsError
from erp_assets.settings import Account, Settings
from erp_assets.warehouse import queries
from erp_assets.warehouse.engine import Warehouse
from erp_assets.warehouse.rates import shared_reserve
from erp_assets.warehouse.server import database_url

T = TypeVar("T")
DENIED = "denied"
"""In a failure's metadata: the market refuses the account, so its other kinds are not asked for."""


@dataclass(frozen=True)
class Platform:
    """What an asset needs: the warehouse and the accounts. Built once per process, from Settings.

    now: the clock windows are cut with; the simulator's virtual one where there is one.
    """

    settings: Settings
    now: Callable[[], datetime] = clock.utc_now
    progress: Progress = silent

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse, its server started and its schema current."""
        warehouse = Warehouse(database_url(self.settings.home, self.settings.database_url))
        warehouse.migrate()
        with warehouse.transaction() as db:
            queries.register_accounts(
                db, [(a.id, a.key, a.market, a.enabled) for a in self.settings.accounts]
            )
        return warehouse

    def account(self, key: str) -> Account:
        """Return the account called `key`; KeyError when there is none."""
        return next(a for a in self.settings.accounts if a.key == key)

    def enabled(self, keys: Sequence[str]) -> list[Account]:
        """Return the enabled accounts called so; all of them when no key is given.

        Raises: SettingsError for a key that no enabled account has.
        """
        known = {account.key: account for account in self.settings.enabled_accounts}
        if unknown := [key for key in keys if key not in known]:
            names = ", ".join(known) or "none"
            raise SettingsError(f"no enabled account is called {unknown[0]!r}; there are: {names}")
        return [known[key] for key in keys or known]

    def collect(
        self, key: str, work: Callable[[Collector], Coroutine[Any, Any, T]], *, run_id: str | None
    ) -> T:
        """Run `work` with a collector of the account and close its connections afterwards."""
        account = self.account(key)
        if self.settings.uses_simulator:
            simulated.ensure(self.settings.home, self.settings.simulator_url)
        reserve = shared_reserve(self.warehouse, account.key)

        async def connected() -> T:
            market = accounts.connect(account, reserve=reserve)
            try:
                collector = Collector(
                    self.warehouse,
                    market,
                    account.id,
                    key,
                    run_id=run_id,
                    progress=self.progress,
                    now=self.now,
                )
                return await work(collector)
            finally:
                await market.aclose()

        return asyncio.run(connected())

    def collect_days(self, key: str, kind: str, window: Window, *, run_id: str) -> Collected:
        """Collect `orders` or `claims` of the account for a span of whole days."""
        return self.collect(
            key,
            lambda it: it.orders(window) if kind == "orders" else it.claims(window),
            run_id=run_id,
        )

    def history(self) -> Window:
        """Return the span from the first day of the history to the end of yesterday."""
        yesterday = clock.kst_day(self.now()) - clock.DAY
        return clock.day_window(self.settings.history_start, yesterday)

    def missing(self, key: str, kind: str, window: Window) -> list[Window]:
        """Return the runs of days of `window` that were never collected to their end."""
        with self.warehouse.transaction() as db:
            return list(missing_windows(db, self.account(key).id, kind, window))

    def routine(self, key: str, kind: str) -> Window:
        """Return the span a routine collection has to read."""
        account = self.account(key)
        with self.warehouse.transaction() as db:
            return routine_window(
                db,
                account.id,
                kind,
                lookback_days=accounts.lookback_days(account.market, kind),
                history=self.history().since,
                now=self.now(),
            )


@contextmanager
def failures() -> Iterator[None]:
    """Turn our errors into Dagster's: permanent ones are not retried."""
    try:
        yield
    except ErpError as error:
        raise dg.Failure(
            description=explained(error),
            allow_retries=not isinstance(error, PermanentError),
        ) from error


def explained(error: ErpError) -> str:
    """Name the error, and what a person has to do about it."""
    remedy = f" What to do: {error.remedy}" if isinstance(error, MarketDenied) else ""
    return f"{type(error).__name__}: {error}{remedy}"


def raise_failed(result: Collected) -> None:
    """Fail the step when the collection stopped early; what was stored stays stored."""
    if result.error is None:
        return
    kept = sum(result.stored.values())
    is_denied = result.remedy is not None
    remedy = f" What to do: {result.remedy}" if result.remedy else ""
    raise dg.Failure(
        description=f"{result.account} {result.kind}: {result.error}. Kept: {kept} rows.{remedy}",
        metadata={"rows_kept": kept, "calls": result.calls, DENIED: is_denied},
        allow_retries=not is_denied,
    )
