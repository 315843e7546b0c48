import io
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from alembic.script import ScriptDirectory
from rich.console import Console
from sqlalchemy import create_engine

from erp_assets import doctor, errors, remedies
from erp_assets.doctor import Check
from erp_assets.remedies import Problem
from erp_assets.settings import Account, Settings, simulator_accounts
from erp_assets.warehouse import server

SECRET = "0123456789abcdef0123456789abcdef01234567"
XML = '<?xml version="1.0" encoding="EUC-KR" standalone="yes"?>'


class Says(NamedTuple):
    """What a market answers to anything; skew: its clock minus ours."""

    status: int
    body: str
    skew: timedelta = timedelta()
    encoding: str = "utf-8"


Serve = Callable[[Says], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers on localhost that give one answer each; return their addresses."""
    with ExitStack() as stack:

        def start(says: Says) -> str:
            server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(says))
            server.daemon_threads = True
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}"

        yield start


def _handler(says: Says) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response_only(says.status)
            self.send_header("Date", format_datetime(datetime.now(UTC) + says.skew))
            body = says.body.encode(says.encoding)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    return Handler


@pytest.fixture(autouse=True)
def _plain_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("ERP_") or n in ("LANG", "LC_ALL")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def account(market: str, url: str) -> Account:
    mine = next(a for a in simulator_accounts() if a.market == market)
    return mine.model_copy(update={"base_url": url})


def ask(market: str, url: str, language: str = "en") -> tuple[Check, Check]:
    """Check one account; return what was found of it and of the clock."""
    settings = Settings(accounts=(account(market, url),), language=language)
    found, clock = doctor.account_checks(settings)
    return found, clock


REFUSALS = {
    "coupang address": ("coupang", 403, '{"code":"ERROR","message":"Not allowed IP"}', "ADDRESS"),
    "coupang stale": (
        "coupang",
        401,
        '{"code":"ERROR","message":"Specified signature is expired.","transactionId":"x"}',
        "CLOCK",
    ),
    "coupang secret": ("coupang", 401, '{"code":"ERROR","message":"Invalid signature."}', "SECRET"),
    "coupang key": (
        "coupang",
        401,
        '{"code":"ERROR","message":"Unknown error occurred, please contact api-gateway channel'
        ' for the details."}',
        "EXPIRED",
    ),
    "coupang key too old": (
        "coupang",
        401,
        '{"code":"ERROR","message":"Request is not authorized."}',
        "EXPIRED",
    ),
    "coupang edge": (
        "coupang",
        403,
        "<HTML><H1>Access Denied</H1>Reference #18.1234</HTML>",
        "BLOCKED",
    ),
    "naver address": (
        "naver",
        403,
        '{"code":"GW.IP_NOT_ALLOWED","message":"호출이 허용되지 않은 IP입니다."}',
        "ADDRESS",
    ),
    "naver secret": (
        "naver",
        400,
        '{"code":"BAD_REQUEST","message":"client_secret_sign 항목이 유효하지 않습니다.",'
        '"invalidInputs":[{"name":"client_secret_sign","type":"NotValid","message":"x"}]}',
        "SECRET",
    ),
    "naver group": ("naver", 403, '{"code":"GW.AUTHZ","message":"API group"}', "PERMISSION"),
    "eleven address": (
        "eleven",
        500,
        f"{XML}<AuthMessage><resultCode>-500</resultCode><resultMessage>[203.0.113.7]인증된 IP가 "
        "아닙니다. 등록된 IP 정보를 확인하십시오.</resultMessage></AuthMessage>",
        "ADDRESS",
    ),
    "eleven key": (
        "eleven",
        200,
        f"{XML}<ResultOrder><result_code>-1</result_code><result_text>ERROR : OpenAPI Key 에 "
        "해당하는 유저가 없습니다.</result_text></ResultOrder>",
        "SECRET",
    ),
}


@pytest.mark.parametrize(
    ("market", "status", "body", "problem"), REFUSALS.values(), ids=list(REFUSALS)
)
def test_refusal_is_named_with_what_to_do(
    serve: Serve, market: str, status: int, body: str, problem: str
):
    encoding = "cp949" if market == "eleven" else "utf-8"
    found, _ = ask(market, serve(Says(status, body, encoding=encoding)))
    assert found.state == "fail"
    assert found.found.startswith(remedies.FOUND[Problem[problem]]["en"])
    assert found.todo.endswith(".")
    assert "{" not in found.todo
    assert SECRET not in found.found + found.todo


TROUBLES = {
    "coupang maintenance": ("coupang", 503, '{"code":"ERROR","message":"서버 점검중"}', "warn"),
    "naver maintenance": (
        "naver",
        503,
        '{"code":"GW.BLOCK.02","message":"서비스를 일시적으로 사용할 수 없습니다."}',
        "warn",
    ),
    "eleven maintenance": (
        "eleven",
        200,
        f"{XML}<ResultOrder><result_code>-1000</result_code><result_text>서버 점검중입니다."
        "</result_text></ResultOrder>",
        "warn",
    ),
    "coupang busy": ("coupang", 429, '{"code":"ERROR","message":"Too Many Requests"}', "warn"),
    "naver busy": ("naver", 429, '{"code":"GW.RATE_LIMIT","message":"요청이 많아"}', "warn"),
    "coupang broken": ("coupang", 500, '{"code":"ERROR","message":"x"}', "fail"),
    "naver broken": ("naver", 500, '{"code":"GW.INTERNAL_SERVER_ERROR","message":"x"}', "fail"),
    "eleven broken": ("eleven", 500, "Internal Server Error", "fail"),
    "coupang elsewhere": ("coupang", 200, "<html>a web page</html>", "fail"),
    "naver elsewhere": ("naver", 200, "<html>a web page</html>", "fail"),
    "eleven elsewhere": ("eleven", 200, "<html>a web page</html>", "fail"),
}


@pytest.mark.parametrize(
    ("market", "status", "body", "state"), TROUBLES.values(), ids=list(TROUBLES)
)
def test_trouble_of_the_market_is_not_blamed_on_the_account(
    serve: Serve, market: str, status: int, body: str, state: str
):
    found, _ = ask(
        market, serve(Says(status, body, encoding="cp949" if market == "eleven" else "utf-8"))
    )
    assert found.state == state
    blames = [remedies.FOUND[p]["en"] for p in (Problem.SECRET, Problem.EXPIRED, Problem.ADDRESS)]
    assert not found.found.startswith(tuple(blames))
    assert found.todo


def test_address_the_market_saw_is_the_one_to_register(serve: Serve):
    body = REFUSALS["eleven address"][2]
    found, _ = ask("eleven", serve(Says(500, body, encoding="cp949")))
    assert found.todo.startswith("Register 203.0.113.7 at 11st")


def test_private_address_is_told_from_the_public_one(serve: Serve):
    found, _ = ask("coupang", serve(Says(403, REFUSALS["coupang address"][2])))
    assert "public IP address of this network (this machine is 127.0.0.1" in found.todo


@pytest.mark.parametrize("market", ["coupang", "naver", "eleven"])
def test_market_that_does_not_listen_is_unreachable(market: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found, clock = ask(market, f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert found.state == "fail"
    assert found.found.startswith("market unreachable")
    assert "base_url" in found.todo
    assert clock == Check("clock", "ok", "no market showed its clock")


@pytest.mark.parametrize(
    ("skew_s", "state"),
    [(0, "ok"), (-50, "ok"), (100, "warn"), (-100, "warn"), (310, "fail"), (-4000, "fail")],
    ids=str,
)
def test_clock_is_compared_with_the_markets_even_when_it_refuses(
    serve: Serve, skew_s: int, state: str
):
    says = Says(401, REFUSALS["coupang stale"][2], skew=timedelta(seconds=skew_s))
    _, clock = ask("coupang", serve(says))
    assert clock.state == state
    assert ("NTP" in clock.todo) == (state != "ok")


def test_accounts_are_checked_independently(serve: Serve):
    refused = serve(Says(403, REFUSALS["naver address"][2]))
    asked = (account("coupang", serve(Says(500, "{}"))), account("naver", refused))
    found = list(doctor.account_checks(Settings(accounts=asked)))
    assert [c.name for c in found] == ["account coupang", "account naver", "clock"]
    assert found[1].found.startswith("IP address not registered")


def test_disabled_account_is_left_alone():
    off = account("coupang", "http://127.0.0.1:9").model_copy(update={"enabled": False})
    found, _ = doctor.account_checks(Settings(accounts=(off,)))
    assert found == Check("account coupang", "ok", "disabled in the settings")


def test_sleeping_simulator_is_no_failure():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = Settings(simulator_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        *found, _ = doctor.account_checks(settings)
    assert {c.state for c in found} == {"ok"}
    assert {c.found for c in found} == {"the simulator is not running"}


def test_korean_operator_reads_korean(serve: Serve):
    found, _ = ask("naver", serve(Says(403, REFUSALS["naver address"][2])), language="ko")
    assert found.found.startswith("등록되지 않은 IP")
    assert "커머스API센터" in found.todo


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (errors.MarketDown("connection failed (ConnectError)"), Problem.DOWN),
        (errors.MarketBusy("slow down"), Problem.BUSY),
        (errors.MarketDenied("403", remedy="Ask the market."), Problem.DENIED),
        (errors.MarketDenied("401", remedy="The key may have expired: renew it"), Problem.EXPIRED),
        (errors.BadPayload("cut short"), Problem.ODD),
        (errors.MarketRejected("no such path"), Problem.ODD),
    ],
    ids=lambda value: str(value),
)
def test_problem_is_read_from_text_then_from_class(error: errors.ErpError, problem: Problem):
    assert remedies.problem_of(error) is problem


def test_lost_connection_means_unreachable():
    error = errors.MarketDown("connection failed")
    error.__cause__ = httpx.ConnectError("refused")
    assert remedies.problem_of(error) is Problem.UNREACHABLE


@pytest.mark.parametrize("problem", list(Problem), ids=str)
def test_every_problem_has_words_in_both_languages(problem: Problem):
    for words in (remedies.FOUND[problem], remedies.TODO[problem]):
        assert set(words) == {"en", "ko"}


def show(*, as_json: bool) -> tuple[int, str]:
    screen = io.StringIO()
    code = doctor.run(Console(file=screen, width=200), as_json=as_json)
    return code, screen.getvalue()


def test_wrong_settings_are_shown_line_by_line_and_nothing_is_started(tmp_path: Path):
    Path("erp.toml").write_text('timzone = "UTC"\nlanguage = "xx"\n')
    code, text = show(as_json=True)
    assert code == 1
    found = json.loads(text)
    assert found["ok"] is False
    assert [c["state"] for c in found["checks"]] == ["fail", "fail"]
    assert "erp.toml: timzone: unknown key" in text
    assert not (tmp_path / ".erp").exists()


def test_table_shows_market_text_as_text():
    Path("erp.toml").write_text('"[bold]x[/bold]" = 1')
    code, text = show(as_json=False)
    assert code == 1
    assert "✗" in text
    assert "[bold]x[/bold]: unknown key" in text


def test_folder_that_cannot_be_written_is_reported(tmp_path: Path):
    (tmp_path / "file").touch()
    found = list(doctor.checks(Settings(home=tmp_path / "file" / "below")))
    home = next(c for c in found if c.name == "ERP_HOME")
    assert home.state == "fail"
    assert "ERP_HOME" in home.todo
    assert "database" not in [c.name for c in found]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An ERP_HOME whose embedded server runs, its database empty."""
    home = tmp_path_factory.mktemp("home")
    server.start(home)
    yield home
    server.stop(home)


def known_revisions() -> list[str]:
    known = ScriptDirectory(str(files("erp_assets.warehouse") / "migrations"))
    return [script.revision for script in known.walk_revisions()]


def schema_found(home: Path, revision: str | None) -> Check:
    """What is said of a database whose schema has this revision."""
    engine = create_engine(server.database_url(home))
    with engine.begin() as db:
        db.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
        if revision:
            db.exec_driver_sql(f"CREATE TABLE alembic_version AS SELECT '{revision}' version_num")
    engine.dispose()
    database, schema = doctor.database_checks(Settings(home=home))
    assert database.state == "ok"
    assert database.found.startswith("PostgreSQL 18")
    assert database.found.endswith("embedded server")
    return schema


def test_new_database_is_fine(running: Path):
    assert schema_found(running, None).state == "ok"


def test_schema_of_this_code_is_fine(running: Path):
    assert schema_found(running, known_revisions()[0]).state == "ok"


def test_schema_of_newer_code_fails(running: Path):
    found = schema_found(running, "from_the_future")
    assert found.state == "fail"
    assert "Update this installation" in found.todo


def test_sleeping_embedded_server_is_started(running: Path):
    server.stop(running)
    found = list(doctor.database_checks(Settings(home=running)))
    assert found[0].state == "ok"


def test_database_that_does_not_answer_is_reported_without_its_password(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://erp:{SECRET}@127.0.0.1:{taken.getsockname()[1]}/erp"
        found = list(doctor.database_checks(Settings(home=tmp_path, database_url=url)))
    assert [c.state for c in found] == ["fail"]
    assert "ERP_DATABASE_URL" in found[0].todo
    assert SECRET not in found[0].found


def test_misspelt_variable_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("ERP_DATBASE_URL", "x")
    (tmp_path / "file").touch()
    found = list(doctor.checks(Settings(home=tmp_path / "file" / "below")))
    assert (
        Check("settings", "warn", "ERP_DATBASE_URL is no setting", "Did you mean ERP_DATABASE_URL?")
        in found
    )
