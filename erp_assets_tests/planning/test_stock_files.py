"""Counts, receipts and adjustments from files: good rows kept, bad ones named, nothing twice."""

from datetime import UTC, datetime, timedelta

import pytest

from erp_assets.clock import KST
from erp_assets.planning import stock_files
from erp_assets.planning.sheets import BadSheet
from erp_assets.planning.stock_files import Times
from erp_assets_tests.planning.shop import COUNTED, Shop
from erp_assets_tests.warehouse import rows

NOW = datetime(2026, 11, 20, tzinfo=UTC)
LATER = rows.PLACED + timedelta(days=2)


@pytest.fixture
def shop(warehouse):
    """SKUs TOP and SOCK, nothing counted; option 70 is one TOP."""
    found = Shop(warehouse)
    found.sku("TOP")
    found.sku("SOCK")
    found.map("70", TOP=1)
    return found


def taken(shop, kind, text, *, at=COUNTED, encoding="utf-8", now=NOW):
    """(stored, unchanged, {line: reason})."""
    action = getattr(stock_files, f"import_{kind}")
    with shop.warehouse.transaction() as db:
        done = action(db, text.encode(encoding), Times(now, KST, at), run_id="file")
    return done.stored, done.unchanged, {it.line: it.reason for it in done.refused}


# ── counts ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949"])
def test_a_first_count_opens_and_takes_what_was_sold_since(shop, encoding):
    shop.order("1", quantity=3)
    found = taken(shop, "counts", "품목코드,수량,비고\nTOP,10,창고\n", encoding=encoding)
    assert found == (1, 0, {})
    assert shop.stock("TOP") == (7, 0)
    assert shop.sql("SELECT note, run_id FROM stock_ledger WHERE kind = 'opening'") == [
        ("창고", "file")
    ]


def test_bad_rows_are_named_and_good_ones_kept(shop):
    found = taken(
        shop,
        "counts",
        "code,quantity,at\n"
        "TOP,10,\n"
        "SOCK,-1,\n"
        "SOCK,9999999,\n"
        "SOCK,ten,\n"
        "NONE,1,\n"
        "TOP,11,\n"
        ",1,\n"
        "SOCK,1,2027-01-01\n"
        "SOCK,1\n"
        "SOCK,4,2026-10-01 09:00\n",
    )
    assert found[:2] == (2, 0)
    assert {line: reason[:24] for line, reason in found[2].items()} == {
        3: "quantity -1 is less than",
        4: "quantity 9,999,999 is mo",
        5: "quantity 'ten' is not a ",
        6: "there is no SKU NONE: er",
        7: "repeats line 2, which co",
        8: "code is empty",
        9: "at 2027-01-01 lies in th",
        10: "2 cells where the header",
    }
    assert (shop.stock("TOP"), shop.stock("SOCK")) == ((10, 0), (4, 0))


def test_a_corrected_file_is_imported_again_without_harm(shop):
    assert taken(shop, "counts", "code,quantity\nTOP,10\nSOCK,x\n")[0] == 1
    shop.order("1", quantity=3)
    assert taken(shop, "counts", "code,quantity\nTOP,10\nSOCK,5\n") == (1, 1, {})
    assert (shop.stock("TOP"), shop.stock("SOCK")) == ((7, 0), (5, 0))


def test_a_recount_enters_the_difference_at_its_moment(shop):
    taken(shop, "counts", "code,quantity\nTOP,10\n")
    shop.order("1", quantity=3)
    shop.order("2", quantity=1, ordered_at=LATER + timedelta(hours=1))
    text = "code,quantity\nTOP,5\n"
    assert taken(shop, "counts", text, at=LATER) == (1, 0, {})
    assert taken(shop, "counts", text, at=LATER) == (0, 1, {})
    assert shop.stock("TOP") == (5 - 1, 0)
    assert shop.entries("TOP") == [
        ("opening", 10),
        ("sale", -3),
        ("sale", -1),
        ("adjustment", -2),
    ]


def test_a_count_can_be_corrected_at_its_own_moment(shop):
    for minute, quantity in enumerate((10, 12, 10, 12)):
        now = NOW + timedelta(minutes=minute)
        taken(shop, "counts", f"code,quantity\nTOP,{quantity}\n", now=now)
        assert shop.stock("TOP") == (quantity, 0)


def test_a_count_before_the_opening_is_refused(shop):
    taken(shop, "counts", "code,quantity\nTOP,10\n")
    early = COUNTED - timedelta(days=1)
    assert "before the opening" in taken(shop, "counts", "code,quantity\nTOP,9\n", at=early)[2][2]
    assert shop.stock("TOP") == (10, 0)


def test_a_count_must_say_when(shop):
    assert "--at" in taken(shop, "counts", "code,quantity\nTOP,10\n", at=None)[2][2]


def test_a_file_without_a_needed_column_says_which(shop):
    with pytest.raises(BadSheet, match=r"the column quantity is missing .*재고"):
        taken(shop, "counts", "code,note\nTOP,10\n")


# ── receipts and adjustments ───────────────────────────────────────────────────────────────────
@pytest.fixture
def counted(shop):
    """TOP counted as 10; SOCK not."""
    taken(shop, "counts", "code,quantity\nTOP,10\n")
    return shop


def test_a_receipt_with_a_reference_is_taken_once(counted):
    text = "code,quantity,reference,note\nTOP,5,D-1,early\nTOP,6,D-2,\n"
    assert taken(counted, "receipts", text, at=LATER) == (2, 0, {})
    again = text.replace("early", "late")
    assert taken(counted, "receipts", again, at=LATER + timedelta(days=1)) == (0, 2, {})
    assert counted.stock("TOP") == (21, 0)


def test_a_reference_with_other_pieces_is_refused(counted):
    taken(counted, "receipts", "code,quantity,reference\nTOP,5,D-1\n", at=LATER)
    found = taken(counted, "receipts", "code,quantity,reference\nTOP,6,D-1\n", at=LATER)
    assert found[:2] == (0, 0)
    assert "is stored with 5 pieces" in found[2][2]
    assert counted.stock("TOP") == (15, 0)


def test_receipts_without_reference_are_known_by_moment_and_pieces(counted):
    text = "code,quantity\nTOP,5\nTOP,5\nTOP,6\n"
    assert taken(counted, "receipts", text, at=LATER) == (2, 0, {3: "repeats line 2, which counts"})
    assert taken(counted, "receipts", text, at=LATER)[:2] == (0, 2)
    assert taken(counted, "receipts", text, at=LATER + timedelta(hours=1))[:2] == (2, 0)


def test_receipts_wait_for_the_count_of_their_sku(counted):
    found = taken(counted, "receipts", "code,quantity\nSOCK,5\nTOP,5\nTOP,0\n", at=COUNTED)
    assert found[0] == 0
    assert "was never counted" in found[2][2]
    assert "before the opening count" in found[2][3]
    assert "less than 1" in found[2][4]


def test_adjustments_are_signed(counted):
    text = "code,quantity,note\nTOP,-4,broken\nTOP,1,found\nTOP,0,nothing\nTOP,-1000001,huge\n"
    stored, unchanged, refused = taken(counted, "adjustments", text, at=LATER)
    assert (stored, unchanged, sorted(refused)) == (2, 0, [4, 5])
    assert counted.stock("TOP") == (7, 0)
    assert taken(counted, "adjustments", text, at=LATER)[:2] == (0, 2)
