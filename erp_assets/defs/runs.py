"""Starting real Dagster runs from this process: what `erp collect` does for one account."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from erp_assets import clock
from erp_assets.clock import Window
from erp_assets.collecting import WINDOWED, Collected
from erp_assets.defs.resources import Platform
from erp_assets.defs.storage import open_instance
from erp_assets.defs.tickets import DENIED
from erp_assets.defs.whole import whole
from erp_assets.settings import Settings

OFFERS = ("stock", "prices")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Events are in Dagster's storage; the console shows ours."""
Write = Callable[[str], Any]


@dataclass(frozen=True)
class Wanted:
    """What to collect of one account.

    window: whole KST days; None = what a routine collection has to read.
    missing: only the days of the window (or of the whole history) never collected to their end.
    """

    account: str
    kinds: Sequence[str]
    window: Window | None = None
    missing: bool = False


@dataclass
class Ran:
    """What one Dagster run came to.

    error: the failures' texts. denied: the market refuses the account.
    """

    run_id: str
    kinds: Sequence[str]
    ok: bool
    error: str | None = None
    denied: bool = False


def work(settings: Settings, wanted: Wanted, *, write: Write) -> None:
    """Collect one account and write each step as a line of JSON: the child of `erp collect`.

    {"event": "progress", "kind", "since", "seen", "stored", "rejected", "calls", "busy_answers",
    "seconds", "outcome"} after every stored batch; {"event": "run", "run_id", "kinds", "ok",
    "error", "denied"} after every run.
    """

    def progress(result: Collected) -> None:
        since = result.window.since.isoformat() if result.window else None
        told = {"event": "progress", "since": since, "outcome": result.outcome}
        names = ("kind", "seen", "stored", "rejected", "calls", "busy_answers", "seconds")
        write(json.dumps({**told, **{name: getattr(result, name) for name in names}}))

    platform = Platform(settings, progress=progress)
    with open_instance() as instance:
        for ran in collect(whole(platform), instance, platform, wanted):
            write(json.dumps({"event": "run", **asdict(ran)}, ensure_ascii=False))


def derive(settings: Settings, *, check: Window | None = None) -> Iterator[Ran]:
    """Bring the derived assets up to date; then, where `check` says for which days, run the checks.

    A check that does not hold makes its run not ok.
    """
    defs = whole(Platform(settings))
    with open_instance() as instance:
        yield _run(defs, instance, "refresh_marts", ["marts"])
        if check is not None:
            days_back = len(clock.days(check)) - 1
            config = {"ops": {"market__orders_control_total": {"config": {"days_back": days_back}}}}
            yield _run(defs, instance, "check_everything", ["checks"], config=config)


def collect(
    defs: dg.Definitions, instance: dg.DagsterInstance, platform: Platform, wanted: Wanted
) -> Iterator[Ran]:
    """Yield one finished run after the other: the catalogue first, then orders, then claims.

    A failed run does not stop the next: orders are wanted even when a product list is broken. An
    account that is refused is left alone: more refused calls may block it for longer.
    """
    for ran in _runs(defs, instance, platform, wanted):
        yield ran
        if ran.denied:
            return


def _runs(
    defs: dg.Definitions, instance: dg.DagsterInstance, platform: Platform, wanted: Wanted
) -> Iterator[Ran]:
    catalogue = [kind for kind in wanted.kinds if kind not in WINDOWED]
    if catalogue and not wanted.missing:
        selection = [dg.AssetKey(["market", kind]) for kind in catalogue]
        selection += [dg.AssetKey(["raw", kind]) for kind in raw_kinds(catalogue)]
        yield _run(defs, instance, "collect_catalogue", catalogue, selection, key=wanted.account)
    for kind in WINDOWED:
        if kind in wanted.kinds:
            for window in _windows(platform, wanted, kind):
                yield _run_days(defs, instance, wanted.account, kind, window)


def raw_kinds(kinds: Sequence[str]) -> list[str]:
    """Return the kinds of raw rows that `kinds` are made of."""
    return sorted({"offers" if kind in OFFERS else kind for kind in kinds})


def _windows(platform: Platform, wanted: Wanted, kind: str) -> list[Window]:
    if not wanted.missing:
        return [wanted.window or platform.routine(wanted.account, kind)]
    return platform.missing(wanted.account, kind, wanted.window or platform.history())


def _run_days(
    defs: dg.Definitions, instance: dg.DagsterInstance, account: str, kind: str, window: Window
) -> Ran:
    first, last = partition_range(account, clock.days(window))
    tags = {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}
    selection = [dg.AssetKey(["market", kind]), dg.AssetKey(["raw", kind])]
    return _run(defs, instance, f"collect_{kind}", [kind], selection, tags=tags)


def partition_range(account: str, days: Sequence[date]) -> tuple[str, str]:
    """Return the first and last partition key of consecutive days of one account."""
    return f"{account}|{days[0].isoformat()}", f"{account}|{days[-1].isoformat()}"


def _run(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    kinds: Sequence[str],
    selection: Sequence[dg.AssetKey] | None = None,
    *,
    key: str | None = None,
    tags: dict[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Ran:
    definition = defs.resolve_job_def(job)
    if selection:  # without naming the checks, Dagster would add those of the selected assets
        definition = definition.get_subset(
            asset_selection=set(selection), asset_check_selection=set()
        )
    done = definition.execute_in_process(
        instance=instance,
        partition_key=key,
        tags=tags,
        run_config={**QUIET, **(config or {})},
        raise_on_error=False,
    )
    failures = list(_failures(done))
    if not done.success and not failures:
        failures = ["the run failed before its first step"]
    told = "; ".join(failures) or None
    return Ran(done.run_id, kinds, not failures, told, denied=_is_denied(done))


def _is_denied(done: dg.ExecuteInProcessResult) -> bool:
    failures = (it.step_failure_data for it in done.all_events if it.is_step_failure)
    told = (it.user_failure_data.metadata for it in failures if it.user_failure_data)
    return any(DENIED in metadata and metadata[DENIED].value is True for metadata in told)


def _failures(done: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in done.all_events:
        if event.is_step_failure:
            yield _reason(event.step_failure_data)
    for check in done.get_asset_check_evaluations():
        if not check.passed:
            told = {name: value.value for name, value in check.metadata.items()}
            yield f"check {check.check_name} of {check.asset_key.to_user_string()}: {told}"


def _reason(data: StepFailureData) -> str:
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else "the step failed without a word"
