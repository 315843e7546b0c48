"""`erp`: what an engineer types. Heavy imports stand inside the command that needs them."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from erp_assets import clock
from erp_assets.cli_jobs import jobs
from erp_assets.cli_prices import prices
from erp_assets.cli_skus import skus
from erp_assets.cli_stock import stock
from erp_assets.clock import Window
from erp_assets.errors import ErpError

if TYPE_CHECKING:
    from erp_assets import launching
    from erp_assets.settings import Settings

KINDS = ("products", "stock", "prices", "orders", "claims")
EXIT = {"completed": 0, "partial": 3, "failed": 1}
DEMO_DAYS = 35
PORT = click.IntRange(1, 65535)


class Day(click.ParamType[date]):
    """A Korean calendar day, YYYY-MM-DD."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the day; say what is wrong in one line."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day like 2026-11-03", param, ctx)


class Commands(click.Group):
    """Ends every command that meets one of our errors with its text, never with a traceback.

    So it does with what the machine refuses: a port that is taken, a folder, a full disk.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click ends quietly when nobody reads on
            raise
        except (ErpError, OSError) as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="erp-assets")
def main() -> None:
    """Collect products, orders, claims, stock and prices from Coupang, Naver and 11st.

    \b
    First minute:    make demo
    Real accounts:   cp erp.example.toml erp.toml; erp doctor; erp collect
    """


main.add_command(jobs)
main.add_command(prices)
main.add_command(skus)
main.add_command(stock)


@main.command()
@click.option("--account", "accounts", multiple=True, help="Only this account (repeatable).")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="Only this kind (repeatable). Default: all.",
)
@click.option("--since", type=Day(), help="First Korean day of orders and claims.")
@click.option("--until", type=Day(), help="Last Korean day, included. Default: today.")
@click.option("--missing", is_flag=True, help="Only order and claim days never read to their end.")
@click.option("--check", is_flag=True, help="Afterwards count the markets' orders against ours.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--worker", hidden=True, is_flag=True)
def collect(
    accounts: Sequence[str],
    kinds: Sequence[str],
    since: date | None,
    until: date | None,
    missing: bool,
    check: bool,
    as_json: bool,
    worker: bool,
) -> None:
    """Collect from the markets into PostgreSQL, through Dagster runs.

    Ends with 0 when everything was stored, 3 when rows were rejected or a window stayed
    incomplete, 1 when an account failed. Accounts do not stop each other.

    \b
    Examples:
      erp collect                                   everything that is due
      erp collect --account coupang --kind orders   one account, one kind
      erp collect --since 2026-11-01 --until 2026-11-07 --kind orders --kind claims
      erp collect --missing                         fill the days that were missed
    """
    from erp_assets import settings as configured

    known = configured.load()
    if missing and kinds and not {"orders", "claims"} & set(kinds):
        raise click.UsageError("--missing is about days; only orders and claims have them")
    names = _accounts([a.key for a in known.enabled_accounts], accounts)
    window = _window(since, until, history_start=known.history_start)
    asked = Asked(tuple(kinds) or KINDS, window, missing)
    if worker:
        _work(known, names[0], asked)
        return
    outcome = _collect(known, names, asked, quiet=as_json)
    _derive(known, outcome, (window or _recent()) if check else None)
    if as_json:
        click.echo(outcome.as_json())
    else:
        _show(known, outcome)
    sys.exit(EXIT[outcome.state])


@main.command()
@click.option("--keep", is_flag=True, help="Leave the database and the simulator running.")
def demo(keep: bool) -> None:
    """Collect five weeks of three simulated markets and show what came of it.

    Starts the embedded PostgreSQL and the market simulator, runs the real assets, compares what is
    stored with the simulator's own truth, and ends with 1 when anything is missing.
    """
    from erp_assets import demonstration
    from erp_assets import settings as configured

    known = configured.load()
    if not known.uses_simulator:
        raise click.ClickException(
            "accounts are configured, and the demo would collect from them: use `erp collect`, or "
            "run the demo with ERP_CONFIG and ERP_HOME pointing elsewhere"
        )
    window = demo_window()
    if (first := clock.days(window)[0]) < known.history_start:
        raise click.ClickException(f"the demo needs a history_start of {first} or earlier")
    with demonstration.running(known, keep=keep, say=click.echo):
        outcome = _collect(known, [a.key for a in known.accounts], Asked(KINDS, window))
        click.echo("Summing up, and counting the markets' orders against those stored ...")
        _derive(known, outcome, window)
        complaints = demonstration.complaints(known)
        _show(known, outcome)
    for line in complaints:
        click.echo(f"MISSING  {line}", err=True)
    if complaints:
        sys.exit(1)
    click.echo("Everything the simulated markets hold is stored. Look at it: make dev")
    sys.exit(EXIT[outcome.state])


def demo_window() -> Window:
    """Return the five weeks up to now that the simulator's world is about."""
    today = clock.kst_day(clock.utc_now())
    return clock.day_window(today - timedelta(days=DEMO_DAYS), today)


@main.command()
@click.option(
    "--port", type=PORT, default=3000, show_default=True, help="Port of Dagit on this machine."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 200),
    help="Start a warm Celery worker too, for so many runs at the same time.",
)
def dev(port: int, workers: int | None) -> None:
    """Open `dagster dev` with PostgreSQL, and with the simulator when no account is configured.

    The code server runs beside it and comes back when it dies; restart after changing code. With
    --workers, runs go to a warm worker instead of a process each. Ctrl-C ends all of it.
    """
    from erp_assets import settings as configured
    from erp_assets import simulated, supervising
    from erp_assets.warehouse import server

    known = configured.load()
    if known.uses_simulator:
        simulated.ensure(known.home, known.simulator_url)
    os.chdir(configured.project_folder())
    os.environ.setdefault("DAGSTER_HOME", str(configured.project_folder()))
    is_ours = known.database_url is None and not server.is_running(known.home)
    workspace, code_server = supervising.code_server(known.home / "dagster", "erp_assets")
    beside = [code_server.command]
    if workers is not None:
        os.environ["ERP_RUN_LAUNCHER"] = "celery"
        beside.append([sys.executable, "-m", "erp_assets", "worker", "--concurrency", str(workers)])
    main = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    code = supervising.run(
        [*main, "-w", str(workspace)], beside=beside, say=click.echo, ready=code_server.answers
    )
    if is_ours and workers is not None:
        server.stop(known.home)
    sys.exit(code)


@main.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 200),
    default=2,
    show_default=True,
    help="Runs at the same time; each is a child of about 100 MB, mostly shared.",
)
@click.option("--name", default="erp", show_default=True, help="Name of this worker.")
def worker(concurrency: int, name: str) -> None:
    """Take runs from the Celery broker and execute them, without an interpreter start for each.

    Needs the extra `celery`, and run_launcher = "celery" in the settings of the daemon. Restart it
    after an update: it holds the code it was started with. SIGTERM or Ctrl-C lets runs end first.

    \b
    Examples:
      erp worker                      two runs at a time
      erp worker --concurrency 8      on a machine of its own, with the same erp.toml
    """
    from importlib.util import find_spec

    from erp_assets import settings as configured

    if find_spec("dagster_celery") is None:
        raise click.ClickException("needs Celery: pip install 'erp-assets[celery]'")
    from erp_assets.definitions import defs
    from erp_assets.defs import worker as working

    os.chdir(configured.project_folder())
    working.serve(configured.load(), defs, children=concurrency, name=name)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(as_json: bool) -> None:
    """Check settings, database, clock and every account with one harmless call each.

    Says what to do about whatever is wrong; ends with 1 when anything is.
    """
    from rich.console import Console

    from erp_assets import doctor as checkup

    sys.exit(checkup.run(Console(), as_json=as_json))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def health(as_json: bool) -> None:
    """Say whether the platform lives: database, scheduler, stuck executions, unreadable jobs.

    Starts and changes nothing. Ends with 0 when all is well, else with 1 and one line per
    complaint; docs/operations.md says what to do about each.

    \b
    Examples:
      erp health                                                in a terminal
      erp health --json | jq .heartbeat_age_s                   for a monitoring agent
      * * * * * cd /srv/erp && o=$(erp health) || echo "$o"     cron mails what is wrong
      HEALTHCHECK --interval=30s --timeout=10s CMD erp health   in a Dockerfile
    """
    from erp_assets import health as checkup

    sys.exit(checkup.run(as_json=as_json, write=click.echo))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8790, show_default=True, help="Port to listen on.")
@click.option("--seed", default=7, show_default=True, help="The same seed makes the same shop.")
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=DEMO_DAYS,
    show_default=True,
    help="Days of history.",
)
@click.option("--limits/--no-limits", default=True, help="Enforce the markets' rate limits.")
@click.option(
    "--fault-rate",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of answers that fail, 0 to 1.",
)
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Real transactions (CSV, gzip) as demand instead of a generated shop.",
)
def simulate(
    host: str,
    port: int,
    seed: int,
    days: int,
    limits: bool,
    fault_rate: float,
    replay: Path | None,
) -> None:
    """Speak the three markets' protocols on this machine.

    \b
    Examples:
      erp simulate                          the shop of `make demo`
      erp simulate --no-limits --seed 1     another shop, as fast as it goes
      erp simulate --fault-rate 0.05        one answer in twenty goes wrong
    """
    from erp_assets.simulator.server import serve

    serve(
        host=host,
        port=port,
        seed=seed,
        days=days,
        limits=limits,
        fault_rate=fault_rate,
        replay_from=replay,
    )


@main.command()
@click.argument("parts", nargs=-1)
def bench(parts: Sequence[str]) -> None:
    """Measure loading, collecting and scheduling; print JSON. Takes minutes.

    PARTS: load, http_against_dlt, under_limits, memory, definitions, dispatch, celery,
    stock_planning, selling_day; all when none is named.
    """
    from erp_assets.bench import run as benchmark

    if unknown := set(parts) - benchmark.PARTS.keys():
        raise click.UsageError(f"unknown: {', '.join(unknown)}; see erp bench --help")
    click.echo(benchmark.run(parts, say=lambda text: click.echo(text, err=True)))


@main.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def replay(data: Path, as_json: bool) -> None:
    """Replay real transactions through all three protocols and count what is stored.

    DATA: online_retail.csv.gz, see docs/benchmarks.md. Uses a database and a simulator of its own,
    without rate limits; takes minutes. Ends with 1 when a control total is missed.
    """
    from erp_assets.bench import replay as replaying

    sys.exit(replaying.run(data, say=click.echo, as_json=as_json))


@main.command()
def stop() -> None:
    """Stop the simulator and the embedded PostgreSQL that this project started."""
    from erp_assets import settings as configured
    from erp_assets import simulated
    from erp_assets.warehouse import server

    known = configured.load()
    click.echo("simulator " + ("stopped" if simulated.stop(known.home) else "was not running"))
    click.echo("postgres " + ("stopped" if server.stop(known.home) else "was not running"))


@dataclass(frozen=True)
class Asked:
    """What a collection is asked for; the same words go to its child processes."""

    kinds: Sequence[str]
    window: Window | None = None
    missing: bool = False

    def arguments(self) -> list[str]:
        """Return the options that say it on the command line."""
        said = [part for kind in self.kinds for part in ("--kind", kind)]
        if self.window is not None:
            days = clock.days(self.window)
            said += ["--since", days[0].isoformat(), "--until", days[-1].isoformat()]
        return [*said, "--missing"] if self.missing else said


def _work(known: "Settings", account: str, asked: Asked) -> None:
    from erp_assets.defs import runs

    wanted = runs.Wanted(account, asked.kinds, asked.window, missing=asked.missing)
    # Dagster sends what a step prints to the step's file; the parent listens at the old place.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1) as parent:
        runs.work(known, wanted, write=lambda line: click.echo(line, file=parent))


def _collect(
    known: "Settings", names: Sequence[str], asked: Asked, *, quiet: bool = False
) -> "launching.Outcome":
    from rich.console import Console

    from erp_assets import launching
    from erp_assets.defs.storage import open_instance

    open_instance().dispose()  # once, so that the children do not race to make the tables
    return launching.collect(names, asked.arguments(), console=Console(stderr=True), quiet=quiet)


def _derive(known: "Settings", outcome: "launching.Outcome", check: Window | None) -> None:
    from erp_assets.defs import runs

    for ran in runs.derive(known, check=check):
        outcome.derived.append(asdict(ran))


def _recent() -> Window:
    today = clock.kst_day(clock.utc_now())
    return clock.day_window(today - clock.DAY, today)


def _show(known: "Settings", outcome: "launching.Outcome") -> None:
    from rich.console import Console

    from erp_assets import launching
    from erp_assets.warehouse import queries
    from erp_assets.warehouse.engine import Warehouse
    from erp_assets.warehouse.server import database_url

    warehouse = Warehouse(database_url(known.home, known.database_url))
    with warehouse.transaction() as db:
        stored = {row.account: row[1:] for row in queries.summaries(db)}
    warehouse.dispose()
    launching.show(outcome, stored, console=Console(width=None if sys.stdout.isatty() else 120))


def _accounts(enabled: Sequence[str], wanted: Sequence[str]) -> list[str]:
    for key in wanted:
        if key not in enabled:
            raise click.UsageError(
                f"no enabled account is called {key!r}; there are: {', '.join(enabled) or 'none'}"
            )
    return list(dict.fromkeys(wanted)) or list(enabled)


def _window(since: date | None, until: date | None, *, history_start: date) -> Window | None:
    if since is None:
        if until is not None:
            raise click.UsageError("--until needs --since")
        return None
    today = clock.kst_day(clock.utc_now())
    last = until or today
    if last < since:
        raise click.UsageError(f"--until {last} lies before --since {since}")
    if last > today:
        raise click.UsageError(f"--until {last} is yet to come; today is {today} in Korea")
    if since < history_start:
        raise click.UsageError(
            f"--since {since} lies before the history, which starts on {history_start} "
            "(history_start in erp.toml, ERP_HISTORY_START)"
        )
    return clock.day_window(since, last)


if __name__ == "__main__":
    main()
