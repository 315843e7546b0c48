"""From an account in the settings to the client that speaks for it.

The only place that knows which class belongs to which market. Client modules are loaded when the
first account of their market connects: a run pays only for the market it uses.
"""

import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from erp_assets.markets import Market
from erp_assets.markets.throttle import Reserve
from erp_assets.settings import Account

CLIENTS: Mapping[str, str] = {"coupang": "Coupang", "naver": "Naver", "eleven": "Eleven"}
"""Market code → class in the module `erp_assets.markets.<code>`."""


def connect(account: Account, *, reserve: Reserve | None = None, **options: Any) -> Market:
    """Return the client of `account`; no call is made yet.

    reserve: hands out call moments across processes; None = this process alone uses the account.
    options: further arguments of the client class (transport, waits_s, …).
    Raises:  SettingsError: a credential does not have the form the market gives out.
    """
    client = getattr(import_module(f"erp_assets.markets.{account.market}"), CLIENTS[account.market])
    return cast("Market", client(**arguments(account), reserve=reserve, **options))


def arguments(account: Account) -> dict[str, Any]:
    """Return what the client class is told of `account`; silent where the market's own holds."""
    told: dict[str, Any] = {"credentials": account.credentials.reveal()}
    if account.base_url is not None:
        told["base_url"] = account.base_url
    if account.rate is not None:
        told["rate"] = None if math.isinf(account.rate) else account.rate
    return told
