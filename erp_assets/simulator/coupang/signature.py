"""HMAC over the raw request target, checked as the gateway does it, and its 401 texts.

Source: coupang.md §1.2, §2.2.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

from erp_assets.simulator.wire import Request

VALID_FOR = timedelta(minutes=5)
"""How far signed-date may be from the server's clock, into the future too."""

MISSING = "Request is not authorized."
MALFORMED = "HMAC format is invalid."
UNKNOWN_KEY = "Unknown error occurred, please contact api-gateway channel for the details."
EXPIRED = "Specified signature is expired."
WRONG = "Invalid signature."

_HEADER = re.compile(
    r"CEA algorithm=HmacSHA256, *access-key=([^, ]+), *signed-date=(\d{6}T\d{6}Z), *"
    r"signature=([^, ]+)"
)


class Unsigned(Exception):
    """401; the text is the gateway's."""


class Signature:
    """What an Authorization header claims."""

    def __init__(self, header: str | None) -> None:
        """Read the header. Raises: Unsigned."""
        if not header:
            raise Unsigned(MISSING)
        found = _HEADER.fullmatch(header)
        if found is None:
            raise Unsigned(MALFORMED)
        self.access_key, self._date, self._digest = found.groups()
        try:
            self._signed_at = datetime.strptime(self._date, "%y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError as error:
            raise Unsigned(MALFORMED) from error

    def check(self, request: Request, secret: str, now: datetime) -> None:
        """Compare with the request as it was sent. Raises: Unsigned."""
        if abs(now - self._signed_at) > VALID_FOR:
            raise Unsigned(EXPIRED)
        expected = sign(self._date, request.method, request.path, request.query, secret=secret)
        if not hmac.compare_digest(expected.encode(), self._digest.encode()):
            raise Unsigned(WRONG)


def sign(date: str, method: str, path: str, query: str, *, secret: str) -> str:
    """Return the lower-case hex signature of a raw path and query."""
    message = f"{date}{method}{path}{query}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
