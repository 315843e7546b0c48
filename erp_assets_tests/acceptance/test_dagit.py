"""Plain `dagster dev` in the project folder, and what an engineer does there."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from erp_assets import clock
from erp_assets_tests.acceptance.operator import ROOT, open_shop

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId launchedRunIds }
    ... on PythonError { message }
  }
}
"""
REPOSITORY = (
    "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with open_shop(tmp_path_factory.mktemp("home")) as opened:
        yield opened


class Dagit:
    """The web server's GraphQL."""

    def __init__(self, url):
        self._url = url
        self.selector = None

    def ask(self, query, **variables):
        answer = httpx.post(
            f"{self._url}/graphql", json={"query": query, "variables": variables}, timeout=60
        ).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def is_up(self):
        try:
            nodes = self.ask(REPOSITORY)["repositoriesOrError"].get("nodes")
        except httpx.HTTPError:
            return False
        if nodes:
            name, location = nodes[0]["name"], nodes[0]["location"]["name"]
            self.selector = {"repositoryName": name, "repositoryLocationName": location}
        return bool(nodes)

    def wait_for_run(self, run_id):
        status = f'{{ runOrError(runId: "{run_id}") {{ ... on Run {{ status }} }} }}'
        return until(
            lambda: self.ask(status)["runOrError"]["status"],
            lambda it: it in ("SUCCESS", "FAILURE", "CANCELED"),
        )


def until(look, is_over, seconds=120):
    deadline = time.monotonic() + seconds
    while not is_over(found := look()):
        assert time.monotonic() < deadline, f"still {found}"
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def dagit(shop, tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = shop.settings() | {
        "PYTHONUNBUFFERED": "1",
        "FRESHNESS_DAEMON_INTERVAL_SECONDS": "2",
    }
    environment.pop("DAGSTER_HOME", None)
    log = tmp_path_factory.mktemp("log") / "dev.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "-p", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    found = Dagit(f"http://127.0.0.1:{port}")
    try:
        until(lambda: found.is_up() or process.poll() is not None, bool)
        assert process.poll() is None, log.read_text()
        yield found
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def test_the_lineage_is_complete_and_described(dagit):
    nodes = dagit.ask(
        "{ assetNodes { assetKey { path } groupName description owners "
        "{ ... on TeamAssetOwner { team } } kinds dependencyKeys { path } } }"
    )["assetNodes"]
    found = {"/".join(node["assetKey"]["path"]): node for node in nodes}
    groups = {
        group: {key for key, it in found.items() if it["groupName"] == group}
        for group in ("raw", "market", "marts")
    }
    assert groups == {
        "raw": {"raw/products", "raw/offers", "raw/orders", "raw/claims"},
        "market": {
            f"market/{kind}" for kind in ("products", "stock", "prices", "orders", "claims")
        },
        "marts": {"marts/order_lines_with_skus", "marts/stock_positions", "marts/daily_sales"},
    }
    for node in found.values():
        assert node["description"]
        assert node["owners"]
        assert node["kinds"]
    above = {
        key: {"/".join(it["path"]) for it in node["dependencyKeys"]} for key, node in found.items()
    }
    assert {"raw/orders", "market/products"} <= above["market/orders"]
    assert "market/orders" in above["marts/daily_sales"]


def test_a_range_of_days_is_backfilled_by_one_run(shop, dagit):
    days = [shop.first_day + clock.DAY * n for n in range(3)]
    keys = [f"coupang|{day.isoformat()}" for day in days]
    assets = [{"path": ["raw", "orders"]}, {"path": ["market", "orders"]}]
    answer = dagit.ask(BACKFILL, params={"assetSelection": assets, "partitionNames": keys})[
        "launchPartitionBackfill"
    ]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    backfill = (
        f'{{ partitionBackfillOrError(backfillId: "{answer["backfillId"]}") '
        "{ ... on PartitionBackfill { status runs { runId status } } } }"
    )
    over = until(
        lambda: dagit.ask(backfill)["partitionBackfillOrError"],
        lambda it: it["status"].startswith("COMPLETED") or it["status"].startswith("FAILED"),
    )
    assert over["status"] == "COMPLETED_SUCCESS"
    assert [run["status"] for run in over["runs"]] == ["SUCCESS"]
    collected = shop.query("SELECT day FROM watermarks WHERE account_id = 1 AND kind = 'orders'")
    assert sorted(day for (day,) in collected) == days


def test_freshness_policies_are_in_force(dagit):
    """After the backfill: orders were read lately, claims never."""
    query = (
        "{ assetNodes { assetKey { path } "
        "freshnessStatusInfo { freshnessStatus } internalFreshnessPolicy { __typename } } }"
    )

    def look():
        nodes = dagit.ask(query)["assetNodes"]
        return {"/".join(node["assetKey"]["path"]): node for node in nodes}

    def status(node):
        return (node["freshnessStatusInfo"] or {}).get("freshnessStatus")

    found = until(look, lambda it: status(it["market/orders"]) == "HEALTHY")
    guarded = {key for key, node in found.items() if node["internalFreshnessPolicy"]}
    assert guarded == {key for key in found if key.startswith("market/")} | {"marts/daily_sales"}
    assert status(found["market/claims"]) == "UNKNOWN"


def test_missed_days_are_filled_by_a_job(shop, dagit):
    days = {
        shop.first_day + clock.DAY * n
        for n in range((clock.kst_day(shop.world.now()) - shop.first_day).days)
    }
    params = {
        "selector": {**dagit.selector, "jobName": "collect_missing"},
        "runConfigData": {
            "ops": {"fill_missing_days": {"config": {"accounts": ["coupang", "eleven"]}}}
        },
        "mode": "default",
    }
    answer = dagit.ask(LAUNCH, params=params)["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    assert dagit.wait_for_run(answer["run"]["runId"]) == "SUCCESS"
    for account, kind in ((1, "orders"), (1, "claims"), (3, "orders"), (3, "claims")):
        found = shop.query(
            "SELECT day FROM watermarks WHERE account_id = %s AND kind = %s", account, kind
        )
        assert days <= {day for (day,) in found}
    assert shop.query("SELECT FROM watermarks WHERE account_id = 2") == []
    [(stored,)] = shop.query("SELECT count(*) FROM market_order_lines WHERE account_id = 3")
    assert stored > 0
