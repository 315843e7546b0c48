"""A process that collects until it is killed."""

import os
import sys
from datetime import datetime
from types import SimpleNamespace

from erp_assets.simulator.building import CREDENTIALS, VirtualClock
from erp_assets.warehouse.engine import Warehouse
from erp_assets_tests.acceptance.shops import collect


def main():
    market, url = os.environ["VICTIM_MARKET"], os.environ["VICTIM_URL"]
    prefix = {"coupang": "", "naver": "/external", "eleven": "/rest"}[market]
    simulator = SimpleNamespace(
        accounts={market: SimpleNamespace(credentials=CREDENTIALS[market])},
        base_url=lambda _: url + prefix,
    )
    now = VirtualClock(datetime.fromisoformat(os.environ["VICTIM_NOW"]))
    warehouse = Warehouse(os.environ["VICTIM_DATABASE"])
    warehouse.engine.connect().close()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        collect(warehouse, simulator, market, now=now)


if __name__ == "__main__":
    main()
