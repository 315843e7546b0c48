import json
import math
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from erp_assets import markets, settings
from erp_assets.errors import SettingsError
from erp_assets.settings import Account, CoupangCredentials, Settings

SECRET = "s3cr3t-value-nobody-may-see"
COUPANG = """
[[accounts]]
id = 1
market = "coupang"
credentials.vendor_id = "A00012345"
credentials.access_key = { env = "COUPANG_ACCESS" }
credentials.secret_key = { env = "COUPANG_SECRET" }
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, an environment without settings, two secrets in it."""
    for name in [n for n in os.environ if n.startswith("ERP_") or n in ("LANG", "LC_ALL")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COUPANG_ACCESS", "access")
    monkeypatch.setenv("COUPANG_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dagster.yaml").touch()
    return tmp_path


def write(text: str) -> None:
    Path("erp.toml").write_text(text, encoding="utf-8")


def complaints(text: str) -> list[str]:
    """The lines of the error that this erp.toml gives."""
    write(text)
    with pytest.raises(SettingsError) as refused:
        Settings()
    return str(refused.value).splitlines()


def coupang(**keys: object) -> str:
    """An erp.toml with one good account, some of its keys set otherwise."""
    return COUPANG + "\n".join(f"{name} = {json.dumps(value)}" for name, value in keys.items())


def test_without_any_configuration_the_simulator_stands_in(project: Path):
    found = Settings()
    assert found.uses_simulator
    assert [(a.id, a.key, a.market) for a in found.accounts] == [
        (1, "coupang", "coupang"),
        (2, "naver", "naver"),
        (3, "eleven", "eleven"),
    ]
    assert found.home == project / ".erp"
    assert found.database_url is None
    assert (found.timezone, found.language) == (ZoneInfo("Asia/Seoul"), "en")
    assert found.history_start == date(2026, 1, 1)


def test_simulator_accounts_follow_its_address(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ERP_SIMULATOR_URL", "http://127.0.0.1:4321/")
    assert all(
        (account.base_url or "").startswith("http://127.0.0.1:4321")
        for account in Settings().accounts
    )


def test_account_is_read_whole():
    write(coupang(key="coupang:second", base_url="https://h:8443/x/", rate=2.5, enabled=False))
    found = Settings()
    (account,) = found.accounts
    assert not found.uses_simulator
    assert found.enabled_accounts == ()
    assert (account.id, account.key, account.market) == (1, "coupang:second", "coupang")
    assert (account.base_url, account.rate, account.enabled) == ("https://h:8443/x", 2.5, False)
    assert account.credentials.reveal() == {
        "vendor_id": "A00012345",
        "access_key": "access",
        "secret_key": SECRET,
    }


def test_account_needs_no_more_than_id_market_and_credentials():
    write(COUPANG)
    (account,) = Settings().enabled_accounts
    assert (account.key, account.base_url, account.rate) == ("coupang", None, None)


@pytest.mark.parametrize("unlimited", ["0", "0.0", '"unlimited"'])
def test_unlimited_rate(unlimited: str):
    write(COUPANG + f"rate = {unlimited}")
    assert Settings().accounts[0].rate == math.inf


@pytest.mark.parametrize("written", [*settings.MARKETS, " 11ST "])
def test_market_is_what_the_markets_package_takes_it_for(written: str):
    credentials = settings.simulator_accounts()
    code = markets.market_code(written)
    mine = next(a.credentials for a in credentials if a.market == code)
    account = Account.model_validate({"id": 1, "market": written, "credentials": mine})
    assert account.market == account.key == code


def test_every_market_and_alias_is_known():
    assert set(settings.MARKETS) == {*markets.CODES, *markets.ALIASES}


def test_secret_is_read_from_a_file_beside_erp_toml(project: Path, monkeypatch: pytest.MonkeyPatch):
    elsewhere = project / "etc"
    elsewhere.mkdir()
    (elsewhere / "key").write_text(f"{SECRET}\n")
    (elsewhere / "mine.toml").write_text(
        '[[accounts]]\nid = 1\nmarket = "11st"\ncredentials.api_key = { file = "key" }\n'
    )
    monkeypatch.setenv("ERP_CONFIG", "etc/mine.toml")
    assert Settings().accounts[0].credentials.reveal() == {"api_key": SECRET}


def test_accounts_can_come_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch):
    reference = {"api_key": {"env": "COUPANG_SECRET"}}
    accounts = [{"id": 7, "market": "eleven", "credentials": reference}]
    monkeypatch.setenv("ERP_ACCOUNTS", json.dumps(accounts))
    write(COUPANG)
    assert [a.id for a in Settings().accounts] == [7]


def test_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch):
    write('timezone = "UTC"\nlanguage = "en"\nhistory_start = 2026-03-01')
    monkeypatch.setenv("ERP_LANGUAGE", "ko")
    found = Settings()
    assert (found.timezone, found.language) == (ZoneInfo("UTC"), "ko")
    assert found.history_start == date(2026, 3, 1)


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ERP_DATABASE_URL", "")
    assert Settings().database_url is None


def test_empty_variable_is_not_blamed_for_the_file(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ERP_TIMEZONE", "")
    assert complaints('timezone = "Mars"') == ["erp.toml: timezone: invalid timezone: Mars"]


def test_language_follows_the_locale(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert Settings().language == "ko"


def test_dotenv_counts_as_environment(monkeypatch: pytest.MonkeyPatch):
    for name in ("ERP_TIMEZONE", "NAVER_SECRET"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    Path(".env").write_text("ERP_TIMEZONE=UTC\nNAVER_SECRET='$2a$04$Nv.Sim0Secret0Salt0Aqe'\n")
    write(
        '[[accounts]]\nid = 1\nmarket = "naver"\n'
        'credentials = { client_id = "x", client_secret = { env = "NAVER_SECRET" } }'
    )
    found = Settings()
    assert found.timezone == ZoneInfo("UTC")
    assert found.accounts[0].credentials.reveal()["client_secret"].startswith("$2a$04$Nv.")


def test_project_is_found_from_a_folder_below_it(project: Path, monkeypatch: pytest.MonkeyPatch):
    below = project / "docs" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert Settings().home == project / ".erp"


def test_folder_without_marks_is_its_own_project(project: Path, monkeypatch: pytest.MonkeyPatch):
    (project / "dagster.yaml").unlink()
    (project / "alone").mkdir()
    monkeypatch.chdir(project / "alone")
    assert Settings().home == project / "alone" / ".erp"


REF = settings.REFERENCE


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('timezon = "UTC"', ["timezon: unknown key; did you mean timezone?"]),
        ("xyz = 1", ["xyz: unknown key"]),
        ('timezone = "Mars/Base"', ["timezone: invalid timezone: Mars/Base"]),
        ('language = "fr"', ["language: input should be 'ko' or 'en'"]),
        ("history_start = 2999-01-01", ["history_start: must not lie in the future"]),
        ('database_url = "sqlite:///x"', ["database_url: must begin with postgresql://"]),
        ("accounts = []", ["accounts: is empty: name an account, or leave it out to use the sim"]),
        (
            'database_url = "postgresql://u:p@h:port/d"',
            ["database_url: must be like postgresql://user:password@host:5432/erp"],
        ),
        ("[accounts]\nid = 1", ["accounts: must be a list of accounts"]),
        ("accounts = [5]", ["accounts[0]: must be a table of names and values"]),
        (
            "[[accounts]]",
            [f"accounts[0].{key}: is required" for key in ("id", "market", "credentials")],
        ),
        ('[[accounts]]\nid = 1\nmarket = "gmarket"\ncredentials = {}', ["accounts[0].market: unk"]),
        (
            coupang(base_ulr="http://x"),
            ["accounts[0].base_ulr: unknown key; did you mean base_url"],
        ),
        (coupang(base_url="ftp://x"), ["accounts[0].base_url: must be an http:// or https://"]),
        (coupang(base_url="http://"), ["accounts[0].base_url: must be an http:// or https://"]),
        (coupang(base_url="http://x:99999"), ["accounts[0].base_url: must be an http:// or"]),
        (coupang(base_url="http://a:b@x"), ["accounts[0].base_url: must hold neither credentials"]),
        (coupang(base_url="http://x?a=b"), ["accounts[0].base_url: must hold neither credentials"]),
        (coupang(base_url="http://a b"), ["accounts[0].base_url: must be an http:// or https://"]),
        (coupang(base_url="http://a\x00b"), ["accounts[0].base_url: must be an http:// or htt"]),
        (COUPANG + "rate = inf", ["accounts[0].rate: must be calls per second, above 0;"]),
        (COUPANG + "rate = nan", ["accounts[0].rate: must be calls per second, above 0;"]),
        (coupang(rate=-1), ["accounts[0].rate: must be calls per second, above 0;"]),
        (coupang(rate="fast"), ["accounts[0].rate: must be calls per second, above 0;"]),
        (coupang(rate=True), ["accounts[0].rate: must be calls per second, above 0;"]),
        (coupang(enabled="yes"), ["accounts[0].enabled: input should be a valid boolean"]),
        (coupang(key="Second Shop"), ["accounts[0].key: must be 1 to 40 of a-z 0-9 _ : -"]),
        (coupang(key="k" * 41), ["accounts[0].key: must be 1 to 40 of a-z 0-9 _ : -"]),
        (COUPANG.replace("id = 1", "id = 0"), ["accounts[0].id: input should be greater than 0"]),
        (COUPANG.replace("id = 1", "id = true"), ["accounts[0].id: input should be a valid integ"]),
        (
            COUPANG + COUPANG,
            [
                "accounts[1].id: 1 is taken by accounts[0]: each account needs its own",
                "accounts[1].key: coupang is taken by accounts[0]: each account needs its own",
            ],
        ),
        (
            COUPANG.replace("COUPANG_SECRET", "NOPE"),
            ["accounts[0].credentials.secret_key: environment variable NOPE is not set"],
        ),
        (
            COUPANG.replace('{ env = "COUPANG_SECRET" }', '{ file = "gone" }'),
            ["accounts[0].credentials.secret_key: file gone cannot be read: No such file"],
        ),
        (
            COUPANG.replace('{ env = "COUPANG_SECRET" }', f'"{SECRET}"'),
            [f"accounts[0].credentials.secret_key: a secret must not be written here: use {REF}"],
        ),
        (
            COUPANG.replace('{ env = "COUPANG_SECRET" }', '{ var = "X" }'),
            [f"accounts[0].credentials.secret_key: must be {REF}"],
        ),
        (
            COUPANG.replace('"A00012345"', '""'),
            ["accounts[0].credentials.vendor_id: the text is empty"],
        ),
        (
            COUPANG.replace("secret_key", "secretkey"),
            [
                "accounts[0].credentials.secret_key: is required",
                "accounts[0].credentials.secretkey: unknown key; did you mean secret_key?",
            ],
        ),
        ("timezone = ", ["is not TOML: Invalid value"]),
    ],
)
def test_what_is_wrong_in_the_file_is_said_in_one_line_per_key(text: str, lines: list[str]):
    found = complaints(text)
    assert len(found) == len(lines)
    for line, start in zip(found, lines, strict=True):
        assert line.startswith(f"erp.toml: {start}")


def test_key_of_another_market_is_not_suggested_for_itself():
    _, line = complaints(COUPANG.replace("secret_key", "api_key"))
    assert line == "erp.toml: accounts[0].credentials.api_key: unknown key"


def test_file_that_is_no_text_is_one_line():
    Path("erp.toml").write_bytes(b"# \xff\n")
    with pytest.raises(SettingsError, match=r"^erp\.toml: is not UTF-8$"):
        Settings()


@pytest.mark.parametrize("password", ["p#w", "p/w", "p?w", "p:w"])
def test_password_of_the_database_may_hold_signs_of_an_address(
    password: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ERP_DATABASE_URL", f"postgresql://u:{password}@h:5432/d")
    assert Settings().database_url == f"postgresql://u:{password}@h:5432/d"


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("ERP_TIMEZONE", "Mars/Base", "ERP_TIMEZONE: invalid timezone: Mars/Base"),
        ("ERP_HISTORY_START", "soon", "ERP_HISTORY_START: input should be a valid date"),
        ("ERP_DATABASE_URL", "mysql://u:p@h/d", "ERP_DATABASE_URL: must begin with postgresql://"),
        ("ERP_SIMULATOR_URL", "localhost:1", "ERP_SIMULATOR_URL: must be an http:// or https://"),
        ("ERP_ACCOUNTS", "{", "ERP_ACCOUNTS: is not JSON"),
        ("ERP_ACCOUNTS", "[]", "ERP_ACCOUNTS: is empty"),
        ("ERP_ACCOUNTS", '[{"id": 1}]', "ERP_ACCOUNTS[0].market: is required"),
        ("ERP_CONFIG", "gone.toml", "ERP_CONFIG: there is no file "),
    ],
)
def test_what_is_wrong_in_the_environment_names_the_variable(
    variable: str, value: str, line: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        Settings()
    assert line in str(refused.value)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("two\nlines", "holds a line break"),
        ("tab\tbed", "holds a line break"),
        ("키", "holds a line break or another character no key can have"),
    ],
)
def test_unusable_secret_is_named_but_not_shown(
    value: str, complaint: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COUPANG_SECRET", value)
    (line,) = complaints(COUPANG)
    assert "accounts[0].credentials.secret_key: environment variable COUPANG_SECRET" in line
    assert complaint in line


def test_binary_secret_file_is_refused():
    Path("key").write_bytes(b"\xff\xfe")
    (line,) = complaints(COUPANG.replace('{ env = "COUPANG_SECRET" }', '{ file = "key" }'))
    assert line.endswith("file key cannot be read: is not text")


def test_settings_never_show_a_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ERP_DATABASE_URL", f"postgresql://erp:{SECRET}@db/erp")
    write(COUPANG)
    found = Settings()
    shown = [repr(found), str(found), str(found.model_dump()), found.model_dump_json()]
    assert SECRET not in "".join(shown)
    assert found.database_url is not None
    assert SECRET in found.database_url


def test_failed_start_never_shows_a_secret():
    write(
        COUPANG.replace('{ env = "COUPANG_SECRET" }', f'"{SECRET}"')
        + f'[[accounts]]\nid = "{SECRET}"\nmarket = "{SECRET}"\nbase_url = "http://{SECRET}@x:y"\n'
    )
    started = subprocess.run(
        [sys.executable, "-c", "from erp_assets import settings; settings.Settings()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode != 0
    assert "a secret must not be written here" in started.stderr
    assert SECRET not in started.stdout + started.stderr


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().language = "ko"  # type: ignore[misc]


def test_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ERP_DATBASE_URL", "x")
    monkeypatch.setenv("ERP_COUPANG_SECRET", "the operator's own name")
    assert settings.misspelt_variables() == {"ERP_DATBASE_URL": "ERP_DATABASE_URL"}


def test_optional_credential_is_left_out_when_not_given():
    assert "account_id" not in settings.simulator_accounts()[1].credentials.reveal()
    assert CoupangCredentials.model_fields.keys() == {"vendor_id", "access_key", "secret_key"}
