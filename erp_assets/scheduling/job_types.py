"""The registry: job_type of a row → what its parameters must be and what its runs do.

A type collects assets (`work` says which job, partition and days) or runs a function of its own
(`run`). Packages add types through the entry point group `erp_assets.job_types`; each entry names
a JobType. A type without either does nothing yet, and says so by failing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from erp_assets.clock import DAY
from erp_assets.errors import PermanentError

GROUP = "erp_assets.job_types"
Days = Annotated[int, Field(ge=0, le=366)]


class BadJob(PermanentError):
    """A row that cannot run; the text says which column is wrong and what would be right."""


class Parameters(BaseModel):
    """What may stand in the column `parameters`; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ProductCollection(Parameters):
    """batch_size: rows stored at once. include_details: stock and prices of every option too."""

    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 100
    include_details: bool = True


class OrderCollection(Parameters):
    """days_back: Korean days before today. since, until: days (YYYY-MM-DD) instead."""

    days_back: Days | None = None
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _is_one_span(self) -> Self:
        if self.days_back is not None and (self.since or self.until):
            raise ValueError("days_back and since/until exclude each other")
        if self.until and not self.since:
            raise ValueError("until needs since")
        if self.since and self.until and self.until < self.since:
            raise ValueError("until lies before since")
        return self


class ShipmentSync(Parameters):
    """days_back: how old the orders are whose states and invoices are read again."""

    days_back: Days = 14


class ReturnSync(Parameters):
    """days_back: how many days of cancels, returns and exchanges are read again."""

    days_back: Days = 30


class InventorySync(Parameters):
    """Nothing to say: policies and counts lie in the database."""


class PriceUpdate(Parameters):
    """mode: `review` waits for a person, `auto` sends what lies within every guard.

    update_competitors: read competitors' prices first; without a source the run is partial.
    """

    mode: Literal["review", "auto"] = "review"
    update_competitors: bool = False


class DatabaseBackup(Parameters):
    """backup_type: full. retention_days: how long backups stay."""

    backup_type: Literal["full", "schema", "data"] = "full"
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30


class ReportGeneration(Parameters):
    """report_types: which reports."""

    report_types: Annotated[list[Literal["sales", "inventory", "orders"]], Field(min_length=1)] = [
        "sales"
    ]


class Target(NamedTuple):
    """What work is planned for.

    account: its key, "" where a type is not about accounts. today: the Korean day.
    reached: the day the last collection of orders reached; None when there was none.
    history_start: the first day there is; a run that asks for an earlier one cannot be made.
    """

    account: str
    today: date
    reached: date | None = None
    history_start: date = date.min


@dataclass(frozen=True)
class Work:
    """One Dagster run, without Dagster's words.

    job: name of the job. assets: "market/orders", …; empty = all of the job's. partition: of the
    account. first, last: Korean days of a range of partitions of the account.
    """

    job: str
    assets: tuple[str, ...] = ()
    account: str = ""
    first: str | None = None
    last: str | None = None

    def as_json(self) -> str:
        """Return it as the column `execution_runs.work` holds it."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Work":
        """Return what the column holds."""
        return cls(**{**stored, "assets": tuple(stored["assets"])})


@dataclass
class Outcome:
    """What a function of a custom type reports. records: rows really stored or sent.

    errors: what went wrong without stopping the work; any makes the execution partial.
    """

    records: int = 0
    summary: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


class Call(NamedTuple):
    """What a function of a custom type is called with. log: appends a line to the type's log."""

    account: str
    parameters: Any
    warehouse: Any
    log: Callable[[str], None]


@dataclass(frozen=True)
class JobType:
    """One job type.

    parameters: model of the column `parameters`. per_account: one run per account.
    work: (parameters, target) → the run. run: (call) → Outcome, for a type with code of its own.
    """

    name: str
    parameters: type[Parameters]
    per_account: bool = True
    work: Callable[[Any, Target], Work] | None = None
    run: Callable[[Call], Outcome] | None = None

    def validate(self, values: object) -> Parameters:
        """Return the parameters of a row. Raises: BadJob, naming each key that is wrong."""
        given = {} if values is None else values
        if not isinstance(given, dict):
            raise BadJob("parameters: must be a JSON object like {}")
        try:
            return self.parameters.model_validate_json(json.dumps(given))
        except ValidationError as error:
            raise BadJob("; ".join(_lines(error))) from None

    def plan(self, parameters: Parameters, target: Target) -> Work:
        """Return the run for one target. Raises: BadJob when the type does nothing yet."""
        if self.work is not None:
            return self.work(parameters, target)
        if self.run is not None:
            return Work("perform", account=target.account)
        raise BadJob(f"not available: {self.name} is not part of this version yet")


def _lines(error: ValidationError) -> list[str]:
    found = []
    for each in error.errors(include_url=False, include_input=False):
        key = ".".join(["parameters", *map(str, each["loc"])])
        found.append(f"{key}: {each['msg'].removeprefix('Value error, ')}")
    return found


def _products(parameters: ProductCollection, target: Target) -> Work:
    details = ("market/stock", "market/prices", "raw/offers") if parameters.include_details else ()
    return Work("collect_catalogue", ("market/products", "raw/products", *details), target.account)


def _span(kind: str, target: Target, first: date, last: date) -> Work:
    first = max(first, target.history_start)
    return Work(
        f"collect_{kind}",
        (f"market/{kind}", f"raw/{kind}"),
        target.account,
        first.isoformat(),
        last.isoformat(),
    )


def _orders(parameters: OrderCollection, target: Target) -> Work:
    """A routine span reaches back to where the last one ended, so that no outage leaves a gap."""
    if parameters.since is not None:
        last = min(parameters.until or target.today, target.today)
        if last < parameters.since:
            raise BadJob(f"parameters.since: {parameters.since} lies in the future")
        if parameters.since < target.history_start:
            raise BadJob(
                f"parameters.since: {parameters.since} lies before the first day of the history, "
                f"{target.history_start}; choose a later day"
            )
        return _span("orders", target, parameters.since, last)
    days_back = 1 if parameters.days_back is None else parameters.days_back
    first = target.today - days_back * DAY
    if target.reached is not None:
        first = min(first, target.reached)
    return _span("orders", target, first, target.today)


def _shipments(parameters: ShipmentSync, target: Target) -> Work:
    return _span("orders", target, target.today - timedelta(parameters.days_back), target.today)


def _claims(parameters: ReturnSync, target: Target) -> Work:
    return _span("claims", target, target.today - timedelta(parameters.days_back), target.today)


def _inventory(_: InventorySync, target: Target) -> Work:
    return Work("sync_inventory", account=target.account)


def _prices(_: PriceUpdate, target: Target) -> Work:
    return Work("update_prices", account=target.account)


BUILT_IN = (
    JobType("product_collection", ProductCollection, work=_products),
    JobType("order_collection", OrderCollection, work=_orders),
    JobType("shipment_sync", ShipmentSync, work=_shipments),
    JobType("return_sync", ReturnSync, work=_claims),
    JobType("inventory_sync", InventorySync, work=_inventory),
    JobType("price_update", PriceUpdate, work=_prices),
    JobType("database_backup", DatabaseBackup, per_account=False),
    JobType("report_generation", ReportGeneration, per_account=False),
)


@cache
def registry() -> Mapping[str, JobType | str]:
    """Return every job type by name, those of installed packages included; text = why it cannot."""
    found: dict[str, JobType | str] = {it.name: it for it in BUILT_IN}
    for entry in entry_points(group=GROUP):
        if entry.name not in found:
            found[entry.name] = _loaded(entry)
    return found


def _loaded(entry: EntryPoint) -> JobType | str:
    try:
        custom = entry.load()
    except Exception as error:  # noqa: BLE001 - a package's fault must stop its own type only
        return f"{entry.value} cannot be loaded: {type(error).__name__}: {error}"
    if not isinstance(custom, JobType) or custom.name != entry.name:
        return f"{entry.value} is no JobType called {entry.name}"
    return custom


def job_type(name: str) -> JobType:
    """Return the type called `name`. Raises: BadJob, naming those there are."""
    found = registry().get(name)
    if found is None:
        raise BadJob(f"job_type: unknown {name!r}; there are: {', '.join(registry())}")
    if isinstance(found, str):
        raise BadJob(f"job_type: {found}")
    return found
