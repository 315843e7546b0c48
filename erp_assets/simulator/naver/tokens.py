"""The token endpoint: a bcrypt sign over the real clock, and the 30-minute rule of reissue.

What the documents leave open is decided so: a token given again names its remaining seconds.
Source: naver.md §2.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import bcrypt

from erp_assets.simulator.naver.call import Refused
from erp_assets.simulator.wire import Account, Request

LIFETIME = timedelta(hours=3)
REISSUED_BELOW = timedelta(minutes=30)
VALID_FOR = timedelta(minutes=5)

_FORM = "application/x-www-form-urlencoded"
_FIELDS = ("client_id", "timestamp", "grant_type", "client_secret_sign", "type")


@dataclass(slots=True)
class Token:
    """One token given out."""

    text: str
    account: Account
    expires_at: datetime


class Tokens:
    """Tokens by text, and the latest one per resource: application, type and account_id."""

    def __init__(self, accounts: list[Account]) -> None:
        self._accounts = {account.credentials["client_id"]: account for account in accounts}
        self._live: dict[str, Token] = {}
        self._latest: dict[tuple[str, str, str], Token] = {}
        self._given: dict[str, Account] = {}

    def revoke(self) -> None:
        """Let every token given out so far stop working."""
        self._live.clear()
        self._latest.clear()

    def find(self, request: Request, now: datetime) -> Account | None:
        """Return the account whose live token the request bears."""
        token = self._live.get(_bearer(request))
        return token.account if token and now < token.expires_at else None

    def application(self, request: Request) -> Account | None:
        """Return the application that calls, be its token good or not."""
        given = self._given.get(_bearer(request))
        return given or self._accounts.get(_form(request).get("client_id", ""))

    def issue(self, request: Request, now: datetime) -> dict[str, object]:
        """Answer a token request. Raises: Refused with the field at fault."""
        form = _checked(request, now)
        account = self._accounts.get(form["client_id"])
        if account is None:
            raise _invalid("client_id")
        _check_resource(form, account)
        _check_sign(form, account.credentials["client_secret"])
        if account.expired:
            raise Refused("FORBIDDEN", "접근 권한이 없습니다.", status=403)
        token = self._token(account, form, now)
        return {
            "access_token": token.text,
            "expires_in": int((token.expires_at - now).total_seconds()),
            "token_type": "Bearer",
        }

    def _token(self, account: Account, form: Mapping[str, str], now: datetime) -> Token:
        resource = (form["client_id"], form["type"], form.get("account_id", ""))
        token = self._latest.get(resource)
        if token and token.expires_at - now >= REISSUED_BELOW:
            return token
        token = Token(secrets.token_urlsafe(24), account, now + LIFETIME)
        self._live[token.text] = self._latest[resource] = token
        self._given[token.text] = account
        return token


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _form(request: Request) -> dict[str, str]:
    if not request.headers.get("content-type", "").lower().startswith(_FORM):
        return {}
    fields = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def _checked(request: Request, now: datetime) -> dict[str, str]:
    """Return a form whose fields are there and have values that exist."""
    form = _form(request)
    if not request.headers.get("content-type", "").lower().startswith(_FORM) or (
        "client_id=" in request.query
    ):
        raise Refused("UNSUPPORTED_MEDIA_TYPE", "지원하지 않는 미디어 타입입니다.", status=415)
    for name in _FIELDS:
        if not form.get(name):
            raise _invalid(name)
    if not _is_recent(form["timestamp"], now):
        raise _invalid("timestamp")
    if form["grant_type"] != "client_credentials":
        raise _invalid("grant_type")
    return form


def _is_recent(timestamp: str, now: datetime) -> bool:
    """Is this a number of milliseconds at most five minutes from now?"""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 14):
        return False
    return abs(now.timestamp() - int(timestamp) / 1000) <= VALID_FOR.total_seconds()


def _check_resource(form: Mapping[str, str], account: Account) -> None:
    """An own store names no account_id, a linked seller its own."""
    if form["type"] not in {"SELF", "SELLER"}:
        raise _invalid("type")
    if form["type"] == "SELF" and "account_id" in form:
        raise _invalid("account_id")
    if form["type"] == "SELLER" and (
        not form.get("account_id") or form["account_id"] != account.credentials.get("account_id")
    ):
        raise _invalid("account_id")


def _check_sign(form: Mapping[str, str], secret: str) -> None:
    expected = sign(form["client_id"], form["timestamp"], secret)
    if not hmac.compare_digest(expected.encode(), form["client_secret_sign"].encode()):
        raise _invalid("client_secret_sign")


def sign(client_id: str, timestamp: str, secret: str) -> str:
    """Return the client_secret_sign of an application at a moment."""
    hashed = bcrypt.hashpw(f"{client_id}_{timestamp}".encode(), secret.encode())
    return base64.b64encode(hashed).decode()


def _invalid(name: str) -> Refused:
    return Refused("BAD_REQUEST", f"{name} 항목이 유효하지 않습니다.", field=name)
