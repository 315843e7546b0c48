import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from erp_assets import accounts, markets
from erp_assets.errors import SettingsError
from erp_assets.settings import Account, simulator_accounts

CODES = pytest.mark.parametrize("code", markets.CODES)


def account(code: str, **keys: object) -> Account:
    mine = next(a for a in simulator_accounts() if a.market == code)
    return mine.model_copy(update=keys)


@CODES
def test_every_market_has_a_client_that_connects_without_a_call(code: str):
    market = accounts.connect(account(code))
    assert market.code == code
    assert market.calls == 0
    asyncio.run(market.aclose())


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"base_url": None}, {}),
        ({"base_url": "http://h"}, {"base_url": "http://h"}),
        ({"base_url": None, "rate": 2.5}, {"rate": 2.5}),
        ({"base_url": None, "rate": float("inf")}, {"rate": None}),
    ],
    ids=["market's own", "base_url", "rate", "unlimited"],
)
def test_client_is_told_only_what_the_account_sets(
    keys: Mapping[str, Any], told: Mapping[str, Any]
):
    found = accounts.arguments(account("eleven", **keys))
    assert found.pop("credentials") == {"api_key": "0123456789abcdef0123456789abcdef"}
    assert found == told


def test_misshapen_credential_is_a_settings_error_that_does_not_show_it():
    naver = account("naver")
    wrong = naver.credentials.model_copy(update={"client_id": "x", "client_secret": "eaten-by-sh"})
    with pytest.raises(SettingsError, match="client_secret") as refused:
        accounts.connect(naver.model_copy(update={"credentials": wrong}))
    assert "eaten-by-sh" not in str(refused.value)


@CODES
def test_a_market_does_not_load_the_others(code: str):
    """A run starts an interpreter: what it does not need costs every run."""
    program = (
        "import asyncio, json, sys; from erp_assets import accounts, settings;"
        f"mine = next(a for a in settings.simulator_accounts() if a.market == {code!r});"
        "asyncio.run(accounts.connect(mine).aclose());"
        "print(json.dumps([m for m in sys.modules if m.startswith('erp_assets.markets.')]))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = {name.split(".")[2] for name in json.loads(ran.stdout)}
    assert loaded & set(markets.CODES) == {code}
