"""Settings: the only reader of the environment and erp.toml, once, before anything starts.

Every key may stand in erp.toml (`timezone = "Asia/Seoul"`) or in the environment, which wins
(`ERP_TIMEZONE=Asia/Seoul`); a `.env` file in the project folder counts as environment, because
`dagster dev` reads it too. Secrets are named there, never written: `{ env = "NAME" }` or
`{ file = "path" }`. Whatever is wrong is one line per key in a SettingsError.

The project folder is the nearest one at or above the current folder that holds erp.toml or
dagster.yaml, so that `dagster dev`, `erp` and their child processes agree on one ERP_HOME.
"""

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pydantic_settings
from dotenv import load_dotenv
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from erp_assets import clock
from erp_assets.errors import SettingsError

PREFIX = "ERP_"
MARKETS: Mapping[str, str] = {
    "coupang": "coupang",
    "naver": "naver",
    "smartstore": "naver",
    "eleven": "eleven",
    "11st": "eleven",
}
"""What may stand under `market` → market code; a test holds it to `markets.market_code`."""
SIMULATOR_URL = "http://127.0.0.1:8790"
SIMULATOR_RATES: Mapping[str, float] = {"eleven": 20.0}
"""11st publishes no limit and its client crawls out of caution, which the simulator needs not."""
MOST_DAYS = 36_500
"""A hundred years: nothing is ever removed, and no date before the first one is asked for."""
REFERENCE = '{ env = "NAME" } or { file = "path" }'
_MARKS = ("erp.toml", "dagster.yaml")

Language = Literal["ko", "en"]


def project_folder() -> Path:
    """Return the nearest folder at or above the current one that is a project, else the current."""
    here = Path.cwd()
    marked = (f for f in (here, *here.parents) if any((f / n).is_file() for n in _MARKS))
    return next(marked, here)


def config_file() -> Path:
    """Return the path of erp.toml, which need not exist."""
    return Path(os.environ.get("ERP_CONFIG") or project_folder() / "erp.toml").absolute()


def _market(value: object) -> str:
    code = MARKETS.get(value.strip().lower()) if isinstance(value, str) else None
    if code is None:
        raise ValueError(f"unknown market: use one of {', '.join(MARKETS)}")
    return code


def _http_url(text: str) -> str:
    try:
        url = urlsplit(text)
        is_address = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_address = False
    if not is_address or not text.isprintable() or " " in text:
        raise ValueError("must be an http:// or https:// address")
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError("must hold neither credentials nor a query")
    return text.rstrip("/")


def _postgres_url(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise ValueError("must begin with postgresql://")
    server = rest.partition("@")[2] or rest  # a password may hold what urlsplit takes for an end
    try:
        is_address = urlsplit(f"//{server}").port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError("must be like postgresql://user:password@host:5432/erp")
    return text


def _broker_url(text: str) -> str:
    if urlsplit(text).scheme not in ("postgresql", "postgres", "redis", "rediss"):
        raise ValueError("must begin with postgresql:// or redis://")
    return text


def _rate(value: object) -> object:
    if value == "unlimited" or (value == 0 and not isinstance(value, bool)):
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError('must be calls per second, above 0; 0 or "unlimited" for no limit')
    return float(value)


def _absolute(path: Path) -> Path:
    return (project_folder() / path.expanduser()).absolute()


def _past(day: date) -> date:
    if day > clock.kst_day(clock.utc_now()):
        raise ValueError("must not lie in the future")
    return day


def _secret(value: object) -> object:
    match value:
        case SecretStr():
            return value
        case {"env": str(name), **rest} if not rest:
            return _usable(os.environ.get(name), f"environment variable {name}")
        case {"file": str(name), **rest} if not rest:
            return _usable(_file_text(name), f"file {name}")
        case str():
            raise ValueError(f"a secret must not be written here: use {REFERENCE}")
        case _:
            raise ValueError(f"must be {REFERENCE}")


def _name(value: object) -> object:
    return _usable(value, "the text") if isinstance(value, str) else _secret(value)


def _file_text(name: str) -> str:
    try:
        return (config_file().parent / Path(name).expanduser()).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text"
        raise ValueError(f"file {name} cannot be read: {why}") from None


def _usable(text: str | None, origin: str) -> str:
    if text is None:
        raise ValueError(f"{origin} is not set")
    if not text.strip():
        raise ValueError(f"{origin} is empty")
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"{origin} holds a line break or another character no key can have")
    return text


Name = Annotated[str, BeforeValidator(_name)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Credentials(_Part):
    """What a market asks of an account. Names may be written out, secrets are only referred to."""

    def reveal(self) -> dict[str, str]:
        """Return name → plain text, for the market client and nobody else."""
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self
            if value is not None
        }


class CoupangCredentials(Credentials):
    """Wing → Open API key: vendor code, access key, secret key."""

    vendor_id: Name
    access_key: Secret
    secret_key: Secret


class NaverCredentials(Credentials):
    """Commerce API centre → application. account_id: only for a linked seller (type SELLER)."""

    client_id: Name
    client_secret: Secret
    account_id: Name | None = None


class ElevenCredentials(Credentials):
    """11st Open API centre → the one key."""

    api_key: Secret


CREDENTIALS: Mapping[str, type[CoupangCredentials | NaverCredentials | ElevenCredentials]] = {
    "coupang": CoupangCredentials,
    "naver": NaverCredentials,
    "eleven": ElevenCredentials,
}


class Account(_Part):
    """One seller account at one market.

    id: as in `schedule_jobs.account_ids`. key: names the account in partitions, logs and the CLI.
    base_url: None = the market's own address. rate: calls/s; None = the market's published rate,
    inf = no limit.
    """

    id: Annotated[int, Field(strict=True, gt=0, lt=2**31)]
    market: Annotated[str, BeforeValidator(_market)]
    key: Annotated[str, Field(pattern=r"^[a-z0-9_:-]{1,40}$")] = Field(
        default_factory=lambda data: data.get("market", "")
    )
    base_url: Annotated[str, AfterValidator(_http_url)] | None = None
    credentials: CoupangCredentials | NaverCredentials | ElevenCredentials
    rate: Annotated[float, BeforeValidator(_rate)] | None = None
    enabled: Annotated[bool, Field(strict=True)] = True

    @field_validator("credentials", mode="before")
    @classmethod
    def _as_the_market_asks(cls, value: object, info: ValidationInfo) -> Credentials:
        kind = CREDENTIALS.get(info.data.get("market", ""))
        return kind.model_validate(value) if kind else ElevenCredentials.model_construct()


def spoken_language() -> Language:
    """Return the language while settings are not known: ERP_LANGUAGE, else the locale's."""
    named = next(filter(None, map(os.environ.get, ("ERP_LANGUAGE", "LC_ALL", "LANG"))), "")
    return "ko" if named.startswith("ko") else "en"


def simulator_accounts(
    url: str = SIMULATOR_URL, *, rates: Mapping[str, float] | None = None
) -> tuple[Account, ...]:
    """Return one account per market at the simulator under `url`, with its invented keys.

    rates: market → calls/s; where none is given, the client's own.
    """
    keys: dict[str, Credentials] = {
        "coupang": CoupangCredentials(
            vendor_id="A00012345",
            access_key=SecretStr("11111111-2222-3333-4444-555555555555"),
            secret_key=SecretStr("0123456789abcdef0123456789abcdef01234567"),
        ),
        "naver": NaverCredentials(
            client_id="7sim0Shop0Client0AppId",
            client_secret=SecretStr("$2a$04$Nv.Sim0Secret0Salt0Aqe"),
        ),
        "eleven": ElevenCredentials(api_key=SecretStr("0123456789abcdef0123456789abcdef")),
    }
    return tuple(
        Account.model_validate(
            {
                "id": n,
                "market": market,
                "base_url": url,
                "credentials": mine,
                "rate": (rates or {}).get(market),
            }
        )
        for n, (market, mine) in enumerate(keys.items(), start=1)
    )


class Settings(BaseSettings):
    """Everything the platform is told from outside; made by reading it all.

    Raises: SettingsError, one line per key that is missing, unknown or malformed.

    accounts: those configured, or the simulator's when none are (`uses_simulator`).
    history_start: first KST day collected and first partition; fixed, so that partitions stay.
    database_url: None = the embedded server below `home`.
    logs: folder of the scheduler's log files; None = `log_folder`. log_days: how long they stay.
    run_days, tick_days: how long Dagster's runs (events, output of steps) and ticks stay; a run
    that may still work is never that old. history_days: executions and missed slots. raw_days: raw
    documents of orders and claims, once nothing of the order is open.
    max_runs, account_runs, job_type_runs: how many runs may go on at once, in all, per account and
    per job type (by name). retry_seconds: pause before the first retry; it doubles each time.
    run_launcher: "default" = a process per run; "celery" = warm workers (`erp worker`).
    celery_broker: None = a database `celery` beside Dagster's. celery_backend: None = the broker.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        default=Path(".erp"), validate_default=True
    )
    database_url: Annotated[str, AfterValidator(_postgres_url)] | None = Field(
        default=None, repr=False, exclude=True
    )
    logs: Annotated[Path, AfterValidator(_absolute)] | None = None
    log_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 30
    run_days: Annotated[int, Field(ge=2, le=MOST_DAYS)] = 30
    tick_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 7
    history_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 90
    raw_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 365
    max_runs: Annotated[int, Field(ge=1, le=200)] = 4
    account_runs: Annotated[int, Field(ge=1, le=200)] = 2
    job_type_runs: Mapping[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    retry_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    run_launcher: Literal["default", "celery"] = "default"
    celery_broker: Annotated[str, AfterValidator(_broker_url)] | None = Field(
        default=None, repr=False, exclude=True
    )
    celery_backend: Annotated[str, AfterValidator(_broker_url)] | None = Field(
        default=None, repr=False, exclude=True
    )
    timezone: ZoneInfo = clock.KST
    language: Language = Field(default_factory=spoken_language)
    history_start: Annotated[date, AfterValidator(_past)] = date(2026, 1, 1)
    simulator_url: Annotated[str, AfterValidator(_http_url)] = SIMULATOR_URL
    accounts: tuple[Account, ...] = Field(
        default_factory=lambda data: simulator_accounts(
            data.get("simulator_url", SIMULATOR_URL), rates=SIMULATOR_RATES
        )
    )

    def __init__(self, **values: Any) -> None:
        """`values` win over what is read; for tests."""
        load_dotenv(project_folder() / ".env", interpolate=False)
        if os.environ.get("ERP_CONFIG") and not config_file().is_file():
            raise SettingsError(f"ERP_CONFIG: there is no file {config_file()}")
        try:
            super().__init__(**values)
        except ValidationError as error:
            lines = "\n".join(_lines(error))
        except TOMLDecodeError as error:
            lines = f"{config_file().name}: is not TOML: {error}"
        except OSError as error:
            lines = f"{config_file().name}: cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            lines = f"{config_file().name}: is not UTF-8"
        except pydantic_settings.SettingsError as error:
            name = re.search(r'field "(\w+)"', str(error))
            lines = f"{PREFIX}{name[1].upper() if name else 'ACCOUNTS'}: is not JSON"
        else:
            return
        raise SettingsError(lines)

    @property
    def uses_simulator(self) -> bool:
        """Are no accounts configured, so that the simulator's stand in?"""
        return "accounts" not in self.model_fields_set

    @property
    def log_folder(self) -> Path:
        """Where log files go: `logs` beside the project's .erp, or in an ERP_HOME elsewhere."""
        if self.logs is not None:
            return self.logs
        return (self.home.parent if self.home.name == ".erp" else self.home) / "logs"

    @property
    def enabled_accounts(self) -> tuple[Account, ...]:
        """The accounts that take part."""
        return tuple(account for account in self.accounts if account.enabled)

    @field_validator("accounts")
    @classmethod
    def _are_distinct(cls, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        if not accounts:
            raise ValueError("is empty: name an account, or leave it out to use the simulator")
        if repeats := [*_repeats(accounts, "id"), *_repeats(accounts, "key")]:
            raise ValidationError.from_exception_data("accounts", repeats)
        return accounts

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then erp.toml."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def load() -> Settings:
    """Read .env, the environment and erp.toml; SettingsError as `Settings()` raises it."""
    return Settings()


def misspelt_variables() -> dict[str, str]:
    """Return ERP_ variables that are no setting but nearly one → the setting meant."""
    known = [PREFIX + name.upper() for name in Settings.model_fields] + ["ERP_CONFIG"]
    strange = (n for n in os.environ if n.startswith(PREFIX) and n not in known)
    near = {n: get_close_matches(n, known, n=1, cutoff=0.8) for n in sorted(strange)}
    return {name: meant[0] for name, meant in near.items() if meant}


def _repeats(accounts: Sequence[Account], name: str) -> Iterator[InitErrorDetails]:
    seen: dict[object, int] = {}
    for index, account in enumerate(accounts):
        first = seen.setdefault(value := getattr(account, name), index)
        if first != index:
            text = f"{value} is taken by accounts[{first}]: each account needs its own"
            problem = PydanticCustomError("repeated", "{text}", {"text": text})
            yield InitErrorDetails(type=problem, loc=(index, name), input=None)


def _lines(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_input=False):
        if each["type"] != "default_factory_not_called":
            yield _line(each["loc"], each["type"], each["msg"])


def _line(loc: tuple[int | str, ...], kind: str, message: str) -> str:
    path = re.sub(r"\.\[", "[", ".".join(f"[{p}]" if isinstance(p, int) else p for p in loc))
    variable = PREFIX + str(loc[0]).upper()
    where = variable + path.removeprefix(str(loc[0]))
    if variable not in {name.upper() for name, value in os.environ.items() if value}:
        where = f"{config_file().name}: {path}"
    return f"{where}: {_reason(loc, kind, message)}"


def _reason(loc: tuple[int | str, ...], kind: str, message: str) -> str:
    match kind:
        case "missing":
            return "is required"
        case "extra_forbidden":
            near = get_close_matches(str(loc[-1]), _names_beside(loc), n=1)
            is_helpful = near and near[0] != loc[-1]  # another market's credential is near itself
            return "unknown key" + (f"; did you mean {near[0]}?" if is_helpful else "")
        case "string_pattern_mismatch":
            return "must be 1 to 40 of a-z 0-9 _ : -"
        case "tuple_type":
            return "must be a list of accounts"
        case "model_type":
            return "must be a table of names and values"
        case _:
            text = message.removeprefix("Value error, ")
            return text[:1].lower() + text[1:]


def _names_beside(loc: tuple[int | str, ...]) -> list[str]:
    if "credentials" in loc:
        return [n for kind in CREDENTIALS.values() for n in kind.model_fields]
    return list(Account.model_fields if len(loc) > 1 else Settings.model_fields)
