"""From an account in the settings to the client that speaks for it.

The only place that knows which class belongs to which market. Client modules are loaded when the
first account of their market connects: a run pays only for the market it uses.
"""

import math
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from erp_assets.markets import Market
from erp_assets.markets.throttle import Reserve
from erp_assets.settings import Account

CLIENTS: Mapping[str, str] = {"coupang": "Coupang", "naver": "Naver", "eleven": "Eleven"}
"""Market code → class in the module `erp_assets.markets.<code>`."""

CLAIM_LOOKBACK_DAYS: Mapping[str, int] = {"coupang": 30, "naver": 1, "eleven": 30}
"""How far back claims are read again: Naver alone files them under their last change."""


def lookback_days(market: str, kind: str) -> int:
    """Return how many days back a routine collection of `orders` or `claims` must start."""
    if kind == "claims":
        return CLAIM_LOOKBACK_DAYS[market]
    return int(client(market).order_lookback_days)


def client(market: str) -> type[Market]:
    """Return the class that speaks for a market code."""
    found = getattr(import_module(f"erp_assets.markets.{market}"), CLIENTS[market])
    return cast("type[Market]", found)


def connect(account: Account, *, reserve: Reserve | None = None, **options: Any) -> Market:
    """Return the client of `account`; no call is made yet.

    reserve: hands out call moments across processes; None = this process alone uses the account.
    options: further arguments of the client class (transport, waits_s, …).
    Raises:  SettingsError: a credential does not have the form the market gives out.
    """
    make = cast("Callable[..., Market]", client(account.market))
    return make(**arguments(account), reserve=reserve, **options)


def arguments(account: Account) -> dict[str, Any]:
    """Return what the client class is told of `account`; silent where the market's own holds."""
    told: dict[str, Any] = {"credentials": account.credentials.reveal()}
    if account.base_url is not None:
        told["base_url"] = account.base_url
    if account.rate is not None:
        told["rate"] = None if math.isinf(account.rate) else account.rate
    return told
