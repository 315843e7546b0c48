"""SKUs and mappings from files: whole bundles or none, bad rows named, exports read again."""

import pytest

from erp_assets.planning import mapping_files
from erp_assets.planning.mapping_files import UnknownName
from erp_assets.records import Batch, Option
from erp_assets.warehouse.loading import load
from erp_assets_tests.planning.shop import Shop
from erp_assets_tests.warehouse import rows

COLUMNS = "account,product_no,option_no,code,pieces\n"


@pytest.fixture
def shop(warehouse):
    """SKUs TOP and SOCK; coupang lists options 70, 71 and 72 of 7."""
    found = Shop(warehouse)
    found.sku("TOP")
    found.sku("SOCK")
    options = [Option("7", number, f"옵션 {number}", f"C{number}") for number in ("70", "71", "72")]
    with warehouse.transaction() as db:
        load(
            db,
            account_id=1,
            kind="products",
            batch=Batch(products=[rows.product()], options=options),
        )
    return found


def taken(shop, text, encoding="utf-8"):
    """(stored, unchanged, {line: reason})."""
    with shop.warehouse.transaction() as db:
        done = mapping_files.import_file(db, text.encode(encoding))
    return done.stored, done.unchanged, {it.line: it.reason for it in done.refused}


def mapped(shop):
    found = shop.sql(
        "SELECT m.option_no, k.code, m.pieces FROM sku_listings m JOIN skus k ON k.id = m.sku_id"
    )
    return sorted(found)


# ── SKUs ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949"])
def test_skus_are_added_and_changed(shop, encoding):
    text = "품목코드,품목명,바코드\nTOP,기모 팬츠,8801\nCAP,모자,\n"
    assert taken(shop, text, encoding) == (2, 0, {})
    assert taken(shop, text, encoding) == (0, 2, {})
    assert shop.sql("SELECT code, name, barcode FROM skus ORDER BY code") == [
        ("CAP", "모자", None),
        ("SOCK", "SOCK", None),
        ("TOP", "기모 팬츠", "8801"),
    ]


def test_bad_skus_are_named(shop):
    text = "code,name,barcode\n,x,\nCAP,,\nCAP,cap,8.8E+12\nCAP,cap,\nCAP,hat,\n"
    stored, _, refused = taken(shop, text)
    assert (stored, sorted(refused)) == (1, [2, 3, 4, 6])
    assert shop.sql("SELECT name FROM skus WHERE code = 'CAP'") == [("cap",)]


# ── mappings ───────────────────────────────────────────────────────────────────────────────────
def test_rows_of_one_option_make_a_bundle(shop):
    text = f"{COLUMNS}coupang,7,70,TOP,\ncoupang,7,71,TOP,1\ncoupang,7,71,SOCK,2\n"
    assert taken(shop, text) == (3, 0, {})
    assert mapped(shop) == [("70", "TOP", 1), ("71", "SOCK", 2), ("71", "TOP", 1)]
    assert taken(shop, text) == (0, 3, {})


def test_a_file_says_all_of_an_option(shop):
    shop.map("70", TOP=1, SOCK=3)
    shop.map("71", TOP=9)
    assert taken(shop, f"{COLUMNS}coupang,7,70,TOP,2\n") == (1, 0, {})
    assert mapped(shop) == [("70", "TOP", 2), ("71", "TOP", 9)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("coupang,7,70,NONE,1", "there is no SKU NONE"),
        ("coupang,7,70,SOCK,0", "pieces 0 is less than 1"),
        ("coupang,7,70,SOCK,two", "is not a whole number"),
        ("coupang,7,70,SOCK,99999", "is more than 10,000"),
        ("coupang,7,70,SOCK", "cells where the header has"),
        ('coupang,7,70,"SOCK,1', "quotation mark"),
        ("coupang,7,70,TOP,5", "names other pieces of SKU TOP"),
    ],
    ids=["sku", "none", "text", "huge", "short", "quote", "contradiction"],
)
def test_half_a_bundle_is_never_stored(shop, row, told):
    shop.map("70", TOP=9)
    text = f"{COLUMNS}coupang,7,70,TOP,1\n{row}\ncoupang,7,71,SOCK,1\n"
    stored, _, refused = taken(shop, text)
    assert (stored, sorted(refused)) == (1, [2, 3])
    assert told in refused[3]
    assert "line 3 is refused" in refused[2]
    assert mapped(shop) == [("70", "TOP", 9), ("71", "SOCK", 1)]


def test_a_repeated_row_is_named_and_harms_nothing(shop):
    text = f"{COLUMNS}coupang,7,70,TOP,1\ncoupang,7,70,TOP,1\n"
    assert taken(shop, text) == (1, 0, {3: "repeats line 2, which counts"})
    assert mapped(shop) == [("70", "TOP", 1)]


def test_unknown_accounts_and_options_are_named(shop):
    refused = taken(shop, f"{COLUMNS}gmarket,7,70,TOP,1\ncoupang,7,99,TOP,1\n")[2]
    assert "there is no account gmarket; known are coupang" in refused[2]
    assert refused[3] == "coupang lists no option 99 of 7"


def test_an_export_lists_what_waits_and_is_read_again(shop):
    shop.map("70", TOP=1, SOCK=2)
    with shop.warehouse.transaction() as db:
        content = mapping_files.export_file(db)
    text = content.decode("utf-8-sig")
    assert text.splitlines() == [
        "account,product_no,option_no,code,pieces,name,seller_code,barcode",
        "coupang,7,70,SOCK,2,옵션 70,C70,",
        "coupang,7,70,TOP,1,옵션 70,C70,",
        "coupang,7,71,,,옵션 71,C71,",
        "coupang,7,72,,,옵션 72,C72,",
    ]
    assert taken(shop, text) == (0, 2, {})
    assert taken(shop, text.replace("7,71,,,", "7,71,TOP,3,")) == (1, 2, {})


# ── by hand ────────────────────────────────────────────────────────────────────────────────────
def test_a_link_by_hand_replaces_what_was_there(shop):
    shop.map("70", TOP=9)
    with shop.warehouse.transaction() as db:
        key = mapping_files.option_id(db, ("coupang", "7", "70"))
        mapping_files.link(db, key, {"TOP": 1, "SOCK": 2})
    assert mapped(shop) == [("70", "SOCK", 2), ("70", "TOP", 1)]


@pytest.mark.parametrize(
    "option", [("gmarket", "7", "70"), ("coupang", "7", "99"), ("naver", "7", "70")]
)
def test_an_option_nobody_lists_has_no_number(shop, option):
    with shop.warehouse.transaction() as db, pytest.raises(UnknownName):
        mapping_files.option_id(db, option)


def test_a_link_to_no_sku_changes_nothing(shop):
    with shop.warehouse.transaction() as db, pytest.raises(UnknownName, match="no SKU CAP"):
        mapping_files.link(db, (1, "7", "70"), {"TOP": 1, "CAP": 1})
    assert mapped(shop) == []
