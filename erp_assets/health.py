"""`erp health`: does the platform live? For cron, monit and container health checks.

Reads a few rows and changes nothing: it starts no server, and needs no Dagster. Everything that is
wrong is one line with what to do about it. Nothing is said of what does not exist (backups).
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from erp_assets import clock
from erp_assets.errors import ErpError, SettingsError
from erp_assets.scheduling import vitals
from erp_assets.settings import Language, Settings, spoken_language
from erp_assets.warehouse import server
from erp_assets.warehouse.engine import Warehouse

FRESH_S = 60.0
"""The dispatcher ticks every five seconds; a heartbeat older than this means that it does not."""

PATIENCE_S = 5.0
"""A server that takes connections and never answers must not hang the check."""

MOST_LINES = 5
"""Of one kind; the rest is counted."""


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong. check: database, heartbeat, executions, jobs or settings."""

    check: str
    found: str
    todo: str


@dataclass(frozen=True)
class Health:
    """What was found. heartbeat_age_s: None when it could not be read or there is none."""

    complaints: tuple[Complaint, ...]
    heartbeat_age_s: float | None = None

    @property
    def is_good(self) -> bool:
        """Is there nothing to complain about?"""
        return not self.complaints


TEXTS: Mapping[str, Mapping[Language, str]] = {
    "good": {"en": "ok: last tick {age:.0f} s ago", "ko": "정상: {age:.0f}초 전에 마지막으로 동작"},
    "settings": {
        "en": "Correct this key; docs/settings.md lists all of them.",
        "ko": "이 설정을 고치세요. 전체 목록은 docs/settings.md에 있습니다.",
    },
    "asleep": {"en": "the embedded PostgreSQL is not running", "ko": "내장 PostgreSQL이 꺼져 있음"},
    "silent": {
        "en": "no answer within {patience:.0f} s",
        "ko": "{patience:.0f}초 안에 응답 없음",
    },
    "start": {
        "en": "Start the platform (erp dev, or its service) and look at its log.",
        "ko": "플랫폼(erp dev 또는 서비스)을 시작하고 로그를 확인하세요.",
    },
    "database": {
        "en": "Check the server, its disk and ERP_DATABASE_URL; erp doctor says more.",
        "ko": "서버와 디스크, ERP_DATABASE_URL을 확인하세요. 자세한 내용은 erp doctor.",
    },
    "empty": {"en": "the scheduler's tables are missing", "ko": "스케줄러 테이블이 없음"},
    "never": {"en": "the scheduler has never ticked", "ko": "스케줄러가 한 번도 동작하지 않음"},
    "stale": {
        "en": "last tick {age:.0f} s ago, allowed are {fresh:.0f} s",
        "ko": "마지막 동작이 {age:.0f}초 전(허용 {fresh:.0f}초)",
    },
    "future": {
        "en": "last tick lies {age:.0f} s in the future",
        "ko": "마지막 동작 시각이 {age:.0f}초 미래임",
    },
    "clock": {
        "en": "Set the clocks (NTP) of this machine and of the scheduler's.",
        "ko": "이 컴퓨터와 스케줄러 컴퓨터의 시계를 맞추세요(NTP).",
    },
    "running": {
        "en": "#{execution} {job}: running for {minutes:.0f} min, past its time-out",
        "ko": "#{execution} {job}: 제한 시간을 넘겨 {minutes:.0f}분째 실행 중",
    },
    "queued": {
        "en": "#{execution} {job}: waiting for {minutes:.0f} min",
        "ko": "#{execution} {job}: {minutes:.0f}분째 대기 중",
    },
    "cancelled": {
        "en": "#{execution} {job}: cancelled {minutes:.0f} min ago, still not over",
        "ko": "#{execution} {job}: 취소 요청 후 {minutes:.0f}분이 지나도 끝나지 않음",
    },
    "look": {
        "en": "See schedule_locks of the job and its run in Dagit; docs/operations.md.",
        "ko": "해당 작업의 schedule_locks와 Dagit의 실행을 확인하세요(docs/operations.md).",
    },
    "queue": {
        "en": "See who holds schedule_locks of the job, and max_runs; docs/operations.md.",
        "ko": "작업의 schedule_locks와 max_runs를 확인하세요(docs/operations.md).",
    },
    "broken": {"en": "job {id} {job}: {error}", "ko": "작업 {id} {job}: {error}"},
    "repair": {
        "en": "Correct the row in schedule_jobs; any UPDATE of it makes it tried again.",
        "ko": "schedule_jobs의 해당 행을 고치세요. UPDATE하면 다시 시도합니다.",
    },
    "more": {"en": "and {count} more", "ko": "외 {count}건"},
}


def run(*, as_json: bool, write: Callable[[str], object]) -> int:
    """Check, write what was found, and return the exit code: 0 when all is well, else 1."""
    try:
        settings = Settings()
    except SettingsError as error:
        say = spoken_language()
        lines = str(error).splitlines()
        health = Health(tuple(Complaint("settings", it, TEXTS["settings"][say]) for it in lines))
    else:
        say = settings.language
        health = examine_in_time(settings)
    if as_json:
        told = {"ok": health.is_good, **asdict(health)}
        write(json.dumps(told, ensure_ascii=False, indent=2))
    elif health.is_good:
        write(TEXTS["good"][say].format(age=max(health.heartbeat_age_s or 0.0, 0.0)))
    for it in () if as_json else health.complaints:
        write(f"{it.check}: {it.found}. {it.todo}")
    return 0 if health.is_good else 1


def examine_in_time(settings: Settings, *, patience_s: float = PATIENCE_S) -> Health:
    """Examine, but wait no longer than `patience_s` for the database."""
    found: list[Health] = []
    work = threading.Thread(target=lambda: found.append(examine(settings)), daemon=True)
    work.start()
    work.join(patience_s)
    if found:
        return found[0]
    say = settings.language
    told = TEXTS["silent"][say].format(patience=patience_s)
    return Health((Complaint("database", told, TEXTS["database"][say]),))


def examine(settings: Settings, *, now: Callable[[], datetime] = clock.utc_now) -> Health:
    """Look at the database, the heartbeat, the open executions and the jobs' rows."""
    say = settings.language
    is_ours = settings.database_url is None
    if is_ours and not server.is_running(settings.home, server.DATABASE):
        return Health((Complaint("database", TEXTS["asleep"][say], TEXTS["start"][say]),))
    try:
        url = settings.database_url or server.url(settings.home)
        warehouse = Warehouse(server.with_driver(url, "psycopg"))
        try:
            with warehouse.transaction() as db:
                return _examined(db, now(), say)
        finally:
            warehouse.dispose()
    except (ErpError, SQLAlchemyError) as error:
        told = str(getattr(error, "orig", None) or error).splitlines()[0]
        return Health((Complaint("database", told, TEXTS["database"][say]),))


def _examined(db: Connection, now: datetime, say: Language) -> Health:
    if not vitals.is_made(db):
        return Health((Complaint("database", TEXTS["empty"][say], TEXTS["start"][say]),))
    beat = vitals.last_beat(db)
    age = None if beat is None else (now - beat).total_seconds()
    complaints = [
        *_heartbeat(age, say),
        *_shortened(list(_executions(db, now, say)), say),
        *_shortened(list(_jobs(db, say)), say),
    ]
    return Health(tuple(complaints), age)


def _heartbeat(age: float | None, say: Language) -> Iterator[Complaint]:
    if age is None:
        yield Complaint("heartbeat", TEXTS["never"][say], TEXTS["start"][say])
    elif age > FRESH_S:
        told = TEXTS["stale"][say].format(age=age, fresh=FRESH_S)
        yield Complaint("heartbeat", told, TEXTS["start"][say])
    elif age < -FRESH_S:
        told = TEXTS["future"][say].format(age=-age)
        yield Complaint("heartbeat", told, TEXTS["clock"][say])


def _executions(db: Connection, now: datetime, say: Language) -> Iterator[Complaint]:
    for it in vitals.stuck(db, now):
        kind = "cancelled" if it.is_cancelled else it.status
        minutes = (now - it.since).total_seconds() / 60
        told = TEXTS[kind][say].format(execution=it.execution, job=it.job, minutes=minutes)
        yield Complaint("executions", told, TEXTS["queue" if kind == "queued" else "look"][say])


def _jobs(db: Connection, say: Language) -> Iterator[Complaint]:
    for it in vitals.broken(db):
        error = " ".join(it.error.split())
        told = TEXTS["broken"][say].format(id=it.id, job=it.job, error=error)
        yield Complaint("jobs", told, TEXTS["repair"][say])


def _shortened(complaints: list[Complaint], say: Language) -> list[Complaint]:
    """Return the first ones, and one that counts the rest: a log line a minute must stay short."""
    rest = complaints[MOST_LINES:]
    if not rest:
        return complaints
    told = TEXTS["more"][say].format(count=len(rest))
    return [*complaints[:MOST_LINES], Complaint(rest[0].check, told, rest[0].todo)]
