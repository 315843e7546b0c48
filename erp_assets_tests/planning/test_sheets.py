"""CSV files of every encoding and delimiter: each row is taken or refused with its line."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_assets.clock import KST
from erp_assets.errors import BadRow
from erp_assets.planning import sheets
from erp_assets.planning.sheets import BadSheet, SheetRow, read_sheet


def cells(content):
    return [(row.line, dict(row.cells)) for row in read_sheet(content).rows]


def refused(content):
    return [(row.line, row.reason) for row in read_sheet(content).refused]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_offices_write_csv_in_many_ways(encoding, delimiter, end):
    text = "품목코드,수량,비고\n가방-1, 12 ,분홍색\n\n가방-2,7,똠방각하\n"
    content = text.replace(",", delimiter).replace("\n", end).encode(encoding)
    assert cells(content) == [
        (2, {"code": "가방-1", "quantity": "12", "note": "분홍색"}),
        (4, {"code": "가방-2", "quantity": "7", "note": "똠방각하"}),
    ]


def test_a_cell_may_hold_delimiters_marks_and_line_breaks():
    content = b'code,note,quantity\nA,"one, ""two""\nthree",1\nB,x,2\n'
    assert cells(content) == [
        (2, {"code": "A", "note": 'one, "two"\nthree', "quantity": "1"}),
        (4, {"code": "B", "note": "x", "quantity": "2"}),
    ]


def test_an_open_quotation_mark_spoils_its_own_line_only():
    content = b'code,quantity\nA,1\nB,"2\nC,3\nD,"4"x\nE,5\n'
    assert [line for line, _ in cells(content)] == [2, 4, 6]
    assert [line for line, _ in refused(content)] == [3, 5]


def test_rows_too_short_or_long_are_refused():
    content = b"code,quantity\nA\nB,1,2\nC,3\n"
    assert [line for line, _ in cells(content)] == [4]
    assert refused(content)[0] == (2, "1 cells where the header has 2")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949"])
def test_a_broken_letter_spoils_its_own_line_only(encoding):
    content = "code,비고\n".encode(encoding)
    content += "가,나\n".encode(encoding.removesuffix("-sig"))
    content += b"B,\xff\n" + "다,라\n".encode(encoding.removesuffix("-sig"))
    assert [row["code"] for _, row in cells(content)] == ["가", "다"]
    assert refused(content) == [(3, "a letter is neither UTF-8 nor CP949")]


def test_a_nul_is_refused():
    assert refused(b"code,quantity\nA\x00,1\n") == [(2, "a cell holds a NUL")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n \n", "empty"),
        (b"a,b\n1,2\n", "no column we know"),
        ("code,수량\nA,1\n".encode("utf-16"), "no column we know"),
        ("code,수량,재고\n".encode(), "two columns mean quantity"),
        (bytes(range(256)), "no column we know"),
    ],
    ids=["empty", "blank", "header", "utf-16", "twice", "binary"],
)
def test_a_file_that_is_no_sheet_says_so(content, told):
    with pytest.raises(BadSheet, match=told):
        read_sheet(content)


@given(st.binary(max_size=200))
def test_no_file_does_worse_than_being_refused(tail):
    sheet = read_sheet(b"code,quantity\n" + tail + b"\nLAST,1\n")
    lines = [row.line for row in sheet.rows] + [row.line for row in sheet.refused]
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize(
    ("written", "value"), [("0", 0), ("12", 12), ("1,200", 1200), ("+5", 5), ("1000000", 1_000_000)]
)
def test_whole_numbers_are_read(written, value):
    assert sheets.number(SheetRow(2, {"quantity": written}), "quantity", least=0) == value


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "quantity is empty"),
        ("-1", "quantity -1 is less than 0"),
        ("1000001", "is more than 1,000,000"),
        ("9" * 5000, "is more than 1,000,000"),
        ("12개", "is not a whole number"),
        ("1.5", "is not a whole number"),
        ("1,2", "is not a whole number"),
        ("1e5", "is not a whole number"),
        ("٣", "is not a whole number"),
        ("=1+1", "is not a whole number"),
    ],
)
def test_other_numbers_are_refused(written, told):
    with pytest.raises(BadRow, match=told):
        sheets.number(SheetRow(2, {"quantity": written}), "quantity", least=0)


def test_a_barcode_that_a_spreadsheet_cut_short_is_refused():
    with pytest.raises(BadRow, match="format the column as text"):
        sheets.text_or_none(SheetRow(2, {"barcode": "8.80123E+12"}), "barcode")


@pytest.mark.parametrize(
    ("written", "hour"),
    [("2026-11-03", 15), ("2026/11/03 09:30", 0), ("2026-11-03T09:30:00+00:00", 9)],
)
def test_times_are_korean_unless_they_say_otherwise(written, hour):
    assert sheets.parse_moment(written, KST).astimezone(UTC).hour == hour


@pytest.mark.parametrize(
    ("written", "told"),
    [("", "say when"), ("3 November", "is not a time"), ("2026-11-04", "lies in the future")],
)
def test_a_time_missing_odd_or_to_come_is_refused(written, told):
    now = datetime(2026, 11, 3, tzinfo=UTC)
    with pytest.raises(BadRow, match=told):
        sheets.moment(SheetRow(2, {"at": written}), default=None, now=now, zone=KST)
