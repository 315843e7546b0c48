"""What no column of ours can hold, or no business knows, is refused with its field."""

import msgspec
import pytest

from erp_assets.errors import BadRow
from erp_assets.markets import rows
from erp_assets.records import Batch


@pytest.mark.parametrize(
    ("read", "value", "reason"),
    [
        (rows.count, 2**31, "x: too many: 2147483648"),
        (rows.count, -1, "x: negative: -1"),
        (rows.count, None, "x: missing"),
        (rows.won, 2**63, "x: too much: 9223372036854775808"),
        (rows.won, 0.5, "x: not whole won: 0.5"),
        (rows.won, -10, "x: negative: -10"),
        (rows.instant, "0001-01-01T00:00:00", "x: not a time of our days"),
        (rows.instant, "9999-12-31T23:59:59-08:00", "x: not a time of our days"),
        (rows.instant, "2026-02-30", "x: not a time: '2026-02-30'"),
        (rows.end_of_day, "9999-12-31", "x: not a day: '9999-12-31'"),
        (rows.end_of_day, "tomorrow", "x: not a day: 'tomorrow'"),
    ],
    ids=lambda it: str(it) if not callable(it) else it.__name__,
)
def test_value_out_of_range_is_refused(read, value, reason):
    with pytest.raises(BadRow) as caught:
        read(value, "x")
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(
    ("read", "value"), [(rows.count, 2**31 - 1), (rows.won, 10**15), (rows.won, 0)]
)
def test_value_at_the_end_of_the_range_is_kept(read, value):
    assert read(value, "x") == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a":"\\u0000"}', "text: holds a NUL character"),
        (b'{"a":"\xff"}', "text: holds bytes that are no UTF-8"),
        (b"[" * 5_000 + b"]" * 5_000, "maximum recursion depth exceeded"),
    ],
    ids=["nul", "bytes", "depth"],
)
def test_row_that_cannot_be_text_is_set_aside_alone(body, reason):
    kept = []

    def convert(row, batch):
        msgspec.json.decode(row)
        kept.append(row)

    def number(row):
        return "7"

    found = rows.read_rows("orders", [msgspec.Raw(body), msgspec.Raw(b"{}")], convert, number)
    [rejected] = found.rejected
    assert rejected.reason.startswith(reason)
    assert rejected.document_no == "7"
    assert kept == [b"{}"]


def test_reason_is_short_whatever_the_row_holds():
    def convert(row: bytes, batch: Batch) -> None:
        rows.refuse("a", "x" * 10_000)

    [rejected] = rows.read_rows("orders", [msgspec.Raw(b"{}")], convert, lambda _: None).rejected
    assert len(rejected.reason) == 500
