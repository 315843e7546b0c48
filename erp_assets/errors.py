"""What went wrong, named by what the caller should do about it.

ErpError
├── TransientError           the same call may succeed later
│   ├── MarketBusy           429 or an open circuit: wait `retry_after_s`
│   ├── MarketDown           5xx, time-out, lost connection, maintenance
│   ├── BadPayload           an answer cut short or not in the market's format
│   └── AnswerLost           a write left, its answer is lost: read back before any repeat
└── PermanentError           the same call will fail again
    ├── SettingsError        a key in the environment or erp.toml is missing or malformed
    ├── MarketDenied         401, 403, unknown address: stop the account, do as `remedy` says
    ├── MarketRejected       the market understood and refused: wrong value, unknown number
    └── BadRow               one row that cannot be understood: rejected_rows; its page is kept
"""


class ErpError(Exception):
    """Root of every error this package raises on purpose."""


class TransientError(ErpError):
    """The same call may succeed later."""


class PermanentError(ErpError):
    """The same call will fail again."""


class SettingsError(PermanentError):
    """A setting is missing or malformed; the text names its key."""


class MarketBusy(TransientError):
    """429: the limit was passed, or a circuit is open at the market."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        """`retry_after_s`: seconds the market asked for; 0 when it named none."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class MarketDown(TransientError):
    """5xx, time-out, lost connection, maintenance."""


class BadPayload(TransientError):
    """An answer that was cut short or is not in the market's format."""


class AnswerLost(TransientError):
    """A write was sent and its answer lost: read back before any repeat."""


class MarketDenied(PermanentError):
    """The market refuses this account; `remedy` is what a person must do."""

    def __init__(self, message: str, *, remedy: str, address: str = "") -> None:
        """`remedy`: one sentence to the operator, in the imperative.

        address: ours as the market saw it, where it said so; never part of the text.
        """
        super().__init__(message)
        self.remedy = remedy
        self.address = address


class MarketRejected(PermanentError):
    """The market understood the call and refused it; `code` is its own code."""

    def __init__(self, message: str, *, code: str = "") -> None:
        """`code`: the market's own code, empty when it gave none."""
        super().__init__(message)
        self.code = code


class BadRow(PermanentError):
    """One row that cannot be understood; the text is the reason stored with it."""
