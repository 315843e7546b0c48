"""`erp skus` and `erp stock` as an operator types them, on a database of the test's own."""

import pytest
from click.testing import CliRunner

from erp_assets.cli import main
from erp_assets.records import Batch, Option
from erp_assets.warehouse.loading import load
from erp_assets_tests.planning.shop import Shop
from erp_assets_tests.warehouse import rows


@pytest.fixture
def shop(warehouse):
    """SKUs TOP and SOCK; coupang lists option 70 with code TOP, 71 with none."""
    found = Shop(warehouse)
    found.sku("TOP")
    found.sku("SOCK")
    options = [Option("7", "70", "검정", "TOP"), Option("7", "71", "[세트]")]
    with warehouse.transaction() as db:
        batch = Batch(products=[rows.product()], options=options)
        load(db, account_id=1, kind="products", batch=batch)
    return found


@pytest.fixture
def erp(shop, monkeypatch, tmp_path):
    """Runs a command; returns its exit code and what it printed."""
    monkeypatch.setenv("ERP_HOME", str(tmp_path))
    monkeypatch.setenv("ERP_DATABASE_URL", shop.warehouse.url)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        done = CliRunner().invoke(main, [*map(str, arguments)])
        return done.exit_code, done.output

    return run


@pytest.fixture
def file(tmp_path):
    """Writes a file; returns its path."""

    def write(text, encoding="cp949"):
        path = tmp_path / "sheet.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_a_dry_run_says_what_map_then_does(shop, erp):
    code, told = erp("skus", "map", "--dry-run")
    assert (code, "1 options would be mapped: 1 by seller code, 0 by barcode" in told) == (0, True)
    assert "coupang 7 71 [세트]: it has neither seller code nor barcode" in told
    assert shop.sql("SELECT count(*) FROM sku_listings") == [(0,)]
    assert "1 options are now mapped" in erp("skus", "map")[1]
    assert shop.sql("SELECT option_no FROM sku_listings") == [("70",)]


def test_the_queue_says_what_waits_and_why(shop, erp):
    shop.order("1", option_no="71")
    code, told = erp("skus", "unmapped")
    assert code == 0
    assert "1 options are certain: erp skus map" in told
    assert "[세트]: it has neither seller code nor barcode (1 order lines wait)" in told
    erp("skus", "map")
    erp("skus", "link", "coupang", 7, 71, "SOCK")
    assert "every option is mapped" in erp("skus", "unmapped")[1]


def test_link_and_unlink(shop, erp):
    code, told = erp("skus", "link", "coupang", 7, 71, "TOP", "SOCK*2")
    assert (code, told) == (0, "coupang 7 71: TOP x 1, SOCK x 2\n")
    assert shop.sql("SELECT sum(pieces) FROM sku_listings") == [(3,)]
    assert "it was SOCK x 2, TOP x 1" in erp("skus", "link", "coupang", 7, 71, "TOP*5")[1]
    assert "back in the queue" in erp("skus", "unlink", "coupang", 7, 71)[1]
    assert "was not mapped" in erp("skus", "unlink", "coupang", 7, 71)[1]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["gmarket", 7, 71, "TOP"], 1, "there is no account gmarket"),
        (["coupang", 7, 99, "TOP"], 1, "coupang lists no option 99"),
        (["coupang", 7, 71, "CAP"], 1, "there is no SKU CAP"),
        (["coupang", 7, 71, "TOP*0"], 2, "'TOP*0' is not CODE or CODE*PIECES"),
        (["coupang", 7, 71, "TOP*x"], 2, "'TOP*x' is not CODE or CODE*PIECES"),
        (["coupang", 7, 71, "TOP", "TOP"], 2, "SKU TOP is named twice"),
    ],
)
def test_a_wrong_link_says_what_is_wrong(shop, erp, arguments, code, told):
    found = erp("skus", "link", *arguments)
    assert (found[0], told in found[1]) == (code, True)
    assert shop.sql("SELECT count(*) FROM sku_listings") == [(0,)]


def test_import_keeps_good_rows_and_names_bad_ones(shop, erp, file):
    code, told = erp("skus", "import", file("품목코드,품목명\nCAP,모자\nHAT,\n"))
    assert code == 3
    assert "line 3: name is empty" in told
    assert "1 rows stored, 0 were there already" in told
    assert "import the whole file again" in told
    assert "모자" in erp("skus", "list")[1]
    assert erp("skus", "import", file("품목코드,품목명\n,모자\n"))[0] == 1


def test_export_to_screen_and_file(shop, erp, tmp_path):
    code, told = erp("skus", "export")
    assert (code, "coupang,7,71,,,[세트],," in told) == (0, True)
    path = tmp_path / "all.csv"
    assert erp("skus", "export", path)[0] == 0
    assert erp("skus", "import", path) == (0, "0 rows stored, 0 were there already\n")


def test_count_receive_adjust_and_show(shop, erp, file):
    erp("skus", "map")
    shop.order("1", quantity=2)
    at = ("--at", "2026-10-01 09:00")
    assert erp("stock", "count", file("code,수량\nTOP,10\n"), *at)[0] == 0
    receipt = file("code,수량,at,전표번호\nTOP,5,2026-10-21,D-1\n")
    assert erp("stock", "receive", receipt) == (0, "1 rows stored, 0 were there already\n")
    assert erp("stock", "receive", receipt) == (0, "0 rows stored, 1 were there already\n")
    assert (
        erp("stock", "adjust", file("code,수량,비고\nTOP,-1,파손\n"), "--at", "2026-10-22")[0] == 0
    )
    code, told = erp("stock", "show")
    assert code == 0
    [line] = [line for line in told.splitlines() if "TOP" in line]
    assert [cell.strip() for cell in line.split("│")[3:6]] == ["12", "0", "12"]
    assert "1 SKUs were never counted" in told
    code, told = erp("stock", "show", "TOP")
    assert (code, "TOP TOP: 12 on hand, 0 reserved" in told) == (0, True)
    assert [kind for kind in ("opening", "sale", "receipt", "adjustment") if kind not in told] == []
    assert "파손" in told


def test_show_of_an_unknown_or_uncounted_sku_says_so(shop, erp):
    code, told = erp("stock", "show", "CAP")
    assert (code, "there is no SKU CAP" in told) == (1, True)
    assert "its stock is unknown: erp stock count" in erp("stock", "show", "SOCK")[1]


def test_a_wrong_file_or_time_is_one_line(erp, file):
    code, told = erp("stock", "count", file("a,b\n1,2\n"))
    assert (code, "no column we know" in told) == (1, True)
    code, told = erp("stock", "count", file("code,수량\nTOP,1\n"), "--at", "noon")
    assert (code, "'noon' is not a time" in told) == (2, True)


@pytest.mark.parametrize("group", ["skus", "stock"])
def test_help_has_examples(erp, group):
    code, told = erp(group, "--help")
    assert (code, f"erp {group} import" in told or f"erp {group} count" in told) == (0, True)
