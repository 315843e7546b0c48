"""What an operator types, in processes of its own, against three simulated markets."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from erp_assets import clock
from erp_assets.simulator.building import CREDENTIALS, World
from erp_assets.simulator.server import Simulator
from erp_assets.warehouse import server
from erp_assets.warehouse.engine import Warehouse

ROOT = Path(__file__).parents[2]
DAYS = 6
SECRETS = {
    f"{market} {name}": value
    for market, known in CREDENTIALS.items()
    for name, value in known.items()
    if name not in ("vendor_id", "client_id")
}
"""What must never be written anywhere. A vendor's number is in every path."""


@dataclass
class Shop:
    """Three simulated accounts, an ERP_HOME with its server, and what the commands printed."""

    home: Path
    world: World
    simulator: Simulator
    printed: list[str]

    @property
    def first_day(self):
        return clock.kst_day(self.world.now()) - clock.DAY * DAYS

    def settings(self, **credentials):
        """The environment of a command. credentials: to put in the place of the right ones."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("ERP_")
        }
        accounts = []
        for number, (market, known) in enumerate(CREDENTIALS.items(), start=1):
            refers = {}
            for name, value in known.items():
                variable = f"SHOP_{market}_{name}".upper()
                environment[variable] = credentials.get(variable, value)
                plain = name in ("vendor_id", "client_id")
                refers[name] = value if plain else {"env": variable}
            accounts.append(
                {
                    "id": number,
                    "market": market,
                    "base_url": self.simulator.url,
                    "credentials": refers,
                    "rate": 0,
                }
            )
        return environment | {
            "ERP_HOME": str(self.home),
            "ERP_LANGUAGE": "en",
            "ERP_ACCOUNTS": json.dumps(accounts),
            "ERP_HISTORY_START": self.first_day.isoformat(),
        }

    def erp(self, *arguments, **credentials):
        """Run a command in the project folder and keep what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "erp_assets", *arguments],
            cwd=ROOT,
            env=self.settings(**credentials),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.printed += [done.stdout, done.stderr]
        return done

    def collect(self, *arguments, **credentials):
        """Run `erp collect --json`; return its exit code and what it said."""
        done = self.erp("collect", "--json", *arguments, **credentials)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def query(self, statement, *values, database="erp"):
        address = server.url(self.home, database).replace("+psycopg", "")
        with psycopg.connect(address, autocommit=True) as db:
            found = db.execute(statement, values)
            return found.fetchall() if found.description else []

    @contextmanager
    def warehouse(self):
        found = Warehouse(server.url(self.home))
        yield found
        found.dispose()


@contextmanager
def open_shop(home):
    """Simulated markets and an empty ERP_HOME; what runs in it is stopped at the end."""
    home.chmod(0o755)
    world = World(11, days=DAYS, orders_a_day=5.0, listings=6)
    with Simulator(world.accounts, now=world.now, advance=world.advance) as simulator:
        yield Shop(home, world, simulator, [])
    server.stop(home)
