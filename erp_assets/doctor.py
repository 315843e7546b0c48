"""`erp doctor`: is everything in place, and if not, what to do about it.

Every account gets one harmless call, independently of the others. The market's clock is read from
the same answer, because a clock five minutes off makes every signature look stale.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib.resources import files
from ipaddress import ip_address
from typing import Literal

import httpx
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from erp_assets import accounts, clock
from erp_assets.errors import ErpError, MarketDenied, MarketDown, SettingsError
from erp_assets.remedies import FOUND, PLACES, TODO, Problem, problem_of
from erp_assets.settings import Account, Language, Settings, misspelt_variables, spoken_language
from erp_assets.warehouse.server import database_url

WARN_SKEW_S, FAIL_SKEW_S = 60.0, 300.0
PATIENCE_S = 20.0

State = Literal["ok", "warn", "fail"]
SIGNS: Mapping[State, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warn": ("!", "yellow"),
    "fail": ("✗", "red"),
}


@dataclass(frozen=True)
class Check:
    """One thing looked at. found: what is there. todo: one sentence; empty when all is well."""

    name: str
    state: State
    found: str
    todo: str = ""


TEXTS: Mapping[str, Mapping[Language, str]] = {
    "simulator": {
        "en": "no account configured; the simulator stands in",
        "ko": "설정된 계정이 없어 시뮬레이터를 사용",
    },
    "configure": {
        "en": "Copy erp.example.toml to erp.toml to connect a real account.",
        "ko": "실제 계정을 연결하려면 erp.example.toml을 erp.toml로 복사하세요.",
    },
    "accounts": {
        "en": "{enabled} of {all} accounts enabled",
        "ko": "계정 {all}개 중 {enabled}개 사용",
    },
    "misspelt": {"en": "{name} is no setting", "ko": "{name}은(는) 없는 설정"},
    "rename": {"en": "Did you mean {meant}?", "ko": "{meant}을(를) 뜻했나요?"},
    "correct": {
        "en": "Correct this key; docs/settings.md lists all of them.",
        "ko": "이 설정을 고치세요. 전체 목록은 docs/settings.md에 있습니다.",
    },
    "writable": {"en": "{path} can be written", "ko": "{path}에 쓸 수 있음"},
    "unwritable": {"en": "{path} cannot be written: {why}", "ko": "{path}에 쓸 수 없음: {why}"},
    "home": {
        "en": "Give this user the folder, or set ERP_HOME to another one.",
        "ko": "이 사용자에게 폴더 권한을 주거나 ERP_HOME을 다른 곳으로 지정하세요.",
    },
    "database": {"en": "PostgreSQL {version}, {kind}", "ko": "PostgreSQL {version}, {kind}"},
    "embedded": {"en": "embedded server", "ko": "내장 서버"},
    "external": {"en": "ERP_DATABASE_URL", "ko": "ERP_DATABASE_URL"},
    "no_database": {"en": "no database: {why}", "ko": "데이터베이스 연결 실패: {why}"},
    "fix_external": {
        "en": "Check ERP_DATABASE_URL: host, port, user, password and database name.",
        "ko": "ERP_DATABASE_URL의 호스트, 포트, 사용자, 비밀번호, 데이터베이스 이름을 확인하세요.",
    },
    "fix_embedded": {
        "en": "Read the server's log below ERP_HOME; free the disk or remove a stale lock.",
        "ko": "ERP_HOME 아래 서버 로그를 확인하고 디스크 공간이나 남은 잠금 파일을 정리하세요.",
    },
    "old_server": {
        "en": "PostgreSQL {version} is too old",
        "ko": "PostgreSQL {version}은(는) 오래됨",
    },
    "upgrade_server": {
        "en": "Use PostgreSQL 15 or newer.",
        "ko": "PostgreSQL 15 이상을 사용하세요.",
    },
    "schema": {"en": "version {version}", "ko": "버전 {version}"},
    "no_schema": {"en": "empty; made at the first start", "ko": "비어 있음(첫 시작 때 생성)"},
    "other_schema": {
        "en": "version {version}, this code wants {wanted}",
        "ko": "버전 {version}, 이 코드는 {wanted} 필요",
    },
    "old_schema": {
        "en": "Run erp collect once: it brings the schema up to date.",
        "ko": "erp collect를 한 번 실행하면 스키마가 갱신됩니다.",
    },
    "new_schema": {
        "en": "Update this installation: the database was changed by a newer one.",
        "ko": "더 새로운 버전이 바꾼 데이터베이스입니다. 이 설치를 업데이트하세요.",
    },
    "accepted": {"en": "{market} accepted the call", "ko": "{market} 호출 성공"},
    "disabled": {"en": "disabled in the settings", "ko": "설정에서 사용 안 함"},
    "simulator_off": {"en": "the simulator is not running", "ko": "시뮬레이터가 실행 중이 아님"},
    "start_simulator": {
        "en": "Nothing to do: it starts when it is needed (or run erp simulate).",
        "ko": "필요할 때 자동으로 시작됩니다(또는 erp simulate 실행).",
    },
    "skew": {
        "en": "this clock is {seconds:+.0f} s off against {market}",
        "ko": "{market} 기준으로 시계가 {seconds:+.0f}초 어긋남",
    },
    "no_clock": {"en": "no market showed its clock", "ko": "시각을 알려 준 마켓이 없음"},
    "public": {
        "en": "the public IP address of this network (this machine is {address} inside it)",
        "ko": "이 네트워크의 공인 IP(이 컴퓨터의 내부 주소는 {address})",
    },
}
SERVER_MIN = 150_000
"""`server_version_num` of PostgreSQL 15, the oldest that the schema runs on."""
SERVER_QUERY = "SELECT current_setting('server_version_num'), current_setting('server_version')"


def checks(settings: Settings) -> Iterator[Check]:
    """Look at everything, one after the other; the accounts are asked all at once.

    The embedded server is started when it is the one to use, and stays up.
    """
    yield from _settings(settings)
    home = _home(settings)
    yield home
    if home.state == "ok":
        yield from database_checks(settings)
    yield from account_checks(settings)


def run(console: Console, *, as_json: bool = False) -> int:
    """Check, show, and return the exit code: 1 when anything fails, else 0."""
    with console.status("erp doctor"):
        found = list(_checks_from_scratch())
    is_fit = all(check.state != "fail" for check in found)
    if as_json:
        rows = {"ok": is_fit, "checks": [asdict(check) for check in found]}
        console.out(json.dumps(rows, ensure_ascii=False, indent=2), highlight=False)
    else:
        console.print(table(found))
    return 0 if is_fit else 1


def table(found: Sequence[Check]) -> Table:
    """Return the checks as they are shown on a terminal."""
    shown = Table("", "check", "found", "what to do", title="erp doctor", title_justify="left")
    for check in found:
        sign, colour = SIGNS[check.state]
        texts = (Text(part) for part in (check.name, check.found, check.todo))
        shown.add_row(Text(sign, style=colour), *texts)
    return shown


def _checks_from_scratch() -> Iterator[Check]:
    try:
        settings = Settings()
    except SettingsError as error:
        todo = TEXTS["correct"][spoken_language()]
        yield from (Check("settings", "fail", line, todo) for line in str(error).splitlines())
    else:
        yield from checks(settings)


def _settings(settings: Settings) -> Iterator[Check]:
    say = settings.language
    if settings.uses_simulator:
        yield Check("settings", "ok", TEXTS["simulator"][say], TEXTS["configure"][say])
    else:
        counts = {"enabled": len(settings.enabled_accounts), "all": len(settings.accounts)}
        yield Check("settings", "ok", TEXTS["accounts"][say].format(**counts))
    for name, meant in misspelt_variables().items():
        found = TEXTS["misspelt"][say].format(name=name)
        yield Check("settings", "warn", found, TEXTS["rename"][say].format(meant=meant))


def _home(settings: Settings) -> Check:
    say = settings.language
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home):
            return Check("ERP_HOME", "ok", TEXTS["writable"][say].format(path=settings.home))
    except OSError as error:
        found = TEXTS["unwritable"][say].format(path=settings.home, why=error.strerror)
        return Check("ERP_HOME", "fail", found, TEXTS["home"][say])


def database_checks(settings: Settings) -> Iterator[Check]:
    """Start or reach the server, then compare the schema with the one this code wants."""
    say = settings.language
    try:
        url = database_url(settings.home, settings.database_url)
        engine = create_engine(url, connect_args={"connect_timeout": 10}, poolclass=NullPool)
        with engine.connect() as db:
            yield _server(settings, *db.exec_driver_sql(SERVER_QUERY).one())
            yield _schema(db, say)
    except (ErpError, SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        found = TEXTS["no_database"][say].format(why=str(cause).splitlines()[0])
        todo = "fix_external" if settings.database_url else "fix_embedded"
        yield Check("database", "fail", found, TEXTS[todo][say])


def _server(settings: Settings, number: str, version: str) -> Check:
    say = settings.language
    if int(number) < SERVER_MIN:
        found = TEXTS["old_server"][say].format(version=version)
        return Check("database", "fail", found, TEXTS["upgrade_server"][say])
    kind = TEXTS["external" if settings.database_url else "embedded"][say]
    return Check("database", "ok", TEXTS["database"][say].format(version=version, kind=kind))


def _schema(db: Connection, say: Language) -> Check:
    known = ScriptDirectory(str(files("erp_assets.warehouse") / "migrations"))
    head, current = known.get_current_head(), MigrationContext.configure(db).get_current_revision()
    if current is None:
        return Check("schema", "ok", TEXTS["no_schema"][say])
    if current == head:
        return Check("schema", "ok", TEXTS["schema"][say].format(version=current))
    found = TEXTS["other_schema"][say].format(version=current, wanted=head)
    if current in {script.revision for script in known.walk_revisions()}:
        return Check("schema", "warn", found, TEXTS["old_schema"][say])
    return Check("schema", "fail", found, TEXTS["new_schema"][say])


@dataclass(frozen=True)
class _Answer:
    """What asking one account gave. skew_s: our clock minus the market's; None when not shown."""

    check: Check
    market: str
    skew_s: float | None = None


class _Listener(httpx.AsyncHTTPTransport):
    """Remembers of the last answer the server's clock and the address we called from."""

    skew_s: float | None = None
    address: str | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if (theirs := _date(response.headers.get("Date"))) is not None:
            self.skew_s = (clock.utc_now() - theirs).total_seconds()
        stream = response.extensions.get("network_stream")
        if stream is not None and (mine := stream.get_extra_info("client_addr")):
            self.address = mine[0]
        return response


def account_checks(settings: Settings) -> Iterator[Check]:
    """Ask every account at once; last comes our clock against the markets'."""
    answers = asyncio.run(_ask_all(settings))
    yield from (answer.check for answer in answers)
    yield _clock(answers, settings.language)


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


async def _ask_all(settings: Settings) -> list[_Answer]:
    asked = (_ask(account, settings) for account in settings.accounts)
    return list(await asyncio.gather(*asked))


async def _ask(account: Account, settings: Settings) -> _Answer:
    name, say = f"account {account.key}", settings.language
    if not account.enabled:
        return _Answer(Check(name, "ok", TEXTS["disabled"][say]), account.market)
    listener = _Listener(trust_env=False)
    try:
        await _ping(account, listener)
    except ErpError as error:
        check = _explained(name, account, error, listener, settings)
    else:
        check = Check(name, "ok", TEXTS["accepted"][say].format(market=account.market))
    return _Answer(check, account.market, listener.skew_s)


async def _ping(account: Account, listener: _Listener) -> None:
    market = accounts.connect(account, transport=listener, waits_s=())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await market.ping()
    except TimeoutError as error:
        raise MarketDown(f"no answer within {PATIENCE_S:.0f} s") from error
    finally:
        await market.aclose()


def _explained(
    name: str, account: Account, error: ErpError, listener: _Listener, settings: Settings
) -> Check:
    say, problem = settings.language, problem_of(error)
    if isinstance(error, SettingsError):
        return Check(name, "fail", str(error), TEXTS["correct"][say])
    if settings.uses_simulator and problem is Problem.UNREACHABLE:
        return Check(name, "ok", TEXTS["simulator_off"][say], TEXTS["start_simulator"][say])
    todo = TODO[problem][say].format(
        place=PLACES[account.market][say],
        names=", ".join(account.credentials.reveal()),
        address=_address(error, listener.address, say),
        remedy=error.remedy if isinstance(error, MarketDenied) else "",
    )
    state: State = "warn" if problem in (Problem.MAINTENANCE, Problem.BUSY) else "fail"
    return Check(name, state, f"{FOUND[problem][say]} ({error})", todo)


def _address(error: ErpError, mine: str | None, say: Language) -> str:
    """Return what to register: the address the market saw, else ours when it is a public one."""
    if isinstance(error, MarketDenied) and error.address:
        return error.address
    if seen := re.search(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", str(error)):
        return seen[0]
    if mine and ip_address(mine).is_global:
        return mine
    return TEXTS["public"][say].format(address=mine or "?")


def _clock(answers: Sequence[_Answer], say: Language) -> Check:
    shown = [answer for answer in answers if answer.skew_s is not None]
    if not shown:
        return Check("clock", "ok", TEXTS["no_clock"][say])
    worst = max(shown, key=lambda answer: abs(answer.skew_s or 0.0))
    seconds = worst.skew_s or 0.0
    found = TEXTS["skew"][say].format(seconds=seconds, market=worst.market)
    state: State = "ok"
    if abs(seconds) > WARN_SKEW_S:
        state = "fail" if abs(seconds) > FAIL_SKEW_S else "warn"
    return Check("clock", state, found, TODO[Problem.CLOCK][say] if state != "ok" else "")
