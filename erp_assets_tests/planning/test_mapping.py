"""Options are mapped when certain, and reported with a reason when not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_assets.planning import mapping
from erp_assets.planning.mapping import Problem, match
from erp_assets.records import Batch, Option, ProductStatus
from erp_assets.warehouse import skus
from erp_assets.warehouse.loading import load
from erp_assets.warehouse.skus import Link, ListedOption, Sku
from erp_assets_tests.planning.shop import Shop
from erp_assets_tests.warehouse import rows

SKUS = [
    Sku(1, "TOP", "top", "8801"),
    Sku(2, "SOCK", "socks", "8802"),
    Sku(3, "sock", "other socks", None),
    Sku(4, "CAP-A", "cap", "8804"),
    Sku(5, "CAP-B", "cap again", "8804"),
]


def listed(option_no="70", code=None, barcode=None, *, product_no="7", account=1):
    return ListedOption(account, "coupang", product_no, option_no, "option", code, barcode)


@pytest.mark.parametrize(
    ("code", "barcode", "sku", "source"),
    [
        ("TOP", None, 1, "code"),
        (" TOP ", None, 1, "code"),
        ("top", None, 1, "code"),
        ("SOCK", None, 2, "code"),
        ("sock", None, 3, "code"),
        (None, "8801", 1, "barcode"),
        ("", "88-01 ", 1, "barcode"),
        ("NEW-1", "8801", 1, "barcode"),
        ("TOP", "8801", 1, "code"),
        ("TOP", "9999", 1, "code"),
        ("CAP-A", "8804", 4, "code"),
    ],
)
def test_the_seller_code_decides_else_the_barcode(code, barcode, sku, source):
    found = match([listed("70", code, barcode)], SKUS)
    assert (found.links, found.unmapped) == ([Link(1, "7", "70", sku, 1, source)], [])


@pytest.mark.parametrize(
    ("code", "barcode", "problem", "reason"),
    [
        (None, None, Problem.UNKNOWN, "neither seller code nor barcode"),
        ("NEW-1", "9999", Problem.UNKNOWN, "no SKU has seller code NEW-1 or barcode 9999"),
        ("Sock", None, Problem.AMBIGUOUS, "seller code Sock fits the SKUs SOCK, sock"),
        (None, "8804", Problem.AMBIGUOUS, "barcode 8804 fits the SKUs CAP-A, CAP-B"),
        ("TOP", "8802", Problem.CONFLICT, "code TOP is SKU TOP, barcode 8802 is SOCK"),
    ],
)
def test_what_is_not_certain_is_reported(code, barcode, problem, reason):
    found = match([listed("70", code, barcode)], SKUS)
    assert found.links == []
    [one] = found.unmapped
    assert (one.problem, reason in one.reason) == (problem, True)


def test_two_options_of_a_listing_are_not_both_one_sku():
    found = match([listed("70", "TOP"), listed("71", None, "8801"), listed("72", "SOCK")], SKUS)
    assert [link.option_no for link in found.links] == ["72"]
    assert [(it.option.option_no, it.problem) for it in found.unmapped] == [
        ("70", Problem.DUPLICATE),
        ("71", Problem.DUPLICATE),
    ]


def test_an_option_beside_one_that_is_mapped_waits():
    found = match([listed("71", "TOP")], SKUS, taken=[(1, "7", 1)])
    assert [it.problem for it in found.unmapped] == [Problem.DUPLICATE]
    assert "is mapped to SKU TOP" in found.unmapped[0].reason


def test_many_listings_and_accounts_share_a_sku():
    options = [listed("70", "TOP"), listed("70", "TOP", product_no="8")]
    options.append(listed("70", "TOP", account=2))
    assert len(match(options, SKUS, taken=[(3, "7", 1)]).links) == 3


OPTIONS = st.builds(
    listed,
    st.sampled_from(["1", "2", "3", "4", "5"]),
    st.sampled_from([None, "TOP", "sock", "Sock", "NEW", "CAP-A"]),
    st.sampled_from([None, "8801", "8802", "8804", "x"]),
    product_no=st.sampled_from(["7", "8"]),
)


@given(st.lists(OPTIONS, unique_by=lambda it: it.key, max_size=10), st.randoms())
def test_every_option_is_linked_once_or_reported_once_in_any_order(options, chance):
    found = match(options, SKUS)
    shuffled = chance.sample(options, len(options))
    again = match(shuffled, SKUS)
    dealt_with = [it[:3] for it in found.links] + [it.option.key for it in found.unmapped]
    assert sorted(dealt_with) == sorted(it.key for it in options)
    assert sorted(found.links) == sorted(again.links)
    assert len({(it.product_no, it.sku_id) for it in found.links}) == len(found.links)


# ── in the warehouse ───────────────────────────────────────────────────────────────────────────
@pytest.fixture
def shop(warehouse):
    found = Shop(warehouse)
    found.sku("TOP", "8801")
    found.sku("SOCK")
    return found


def catalogue(shop, *options, account=1, **listing):
    with shop.warehouse.transaction() as db:
        batch = Batch(products=[rows.product(**listing)], options=list(options))
        load(db, account_id=account, kind="products", batch=batch)


def run(shop, action):
    with shop.warehouse.transaction() as db:
        return action(db)


def test_mapping_stores_what_is_certain_and_leaves_the_rest_queued(shop):
    catalogue(
        shop,
        Option("7", "70", "one", "TOP"),
        Option("7", "71", "two", None, "8801x"),
        Option("7", "72", "three", "SOCK"),
    )
    dry = run(shop, mapping.find_matches)
    assert shop.sql("SELECT count(*) FROM sku_listings") == [(0,)]
    assert run(shop, mapping.map_listings).links == dry.links
    found = shop.sql("SELECT option_no, pieces, source FROM sku_listings ORDER BY 1")
    assert found == [("70", 1, "code"), ("72", 1, "code")]
    assert shop.sql("SELECT option_no FROM unmapped_listings") == [("71",)]
    assert run(shop, mapping.map_listings).links == []


def test_the_code_of_a_listing_is_that_of_its_only_option(shop):
    catalogue(shop, Option("7", "70", "one"), seller_code="TOP")
    catalogue(
        shop,
        Option("8", "80", "one"),
        Option("8", "81", "two"),
        product_no="8",
        seller_code="SOCK",
    )
    assert [it.product_no for it in run(shop, mapping.map_listings).links] == ["7"]


def test_options_of_deleted_listings_do_not_wait(shop):
    catalogue(shop, Option("7", "70", "one", "TOP"), status=ProductStatus.DELETED)
    found = run(shop, mapping.find_matches)
    assert (found.links, found.unmapped) == ([], [])


def test_a_mapping_by_hand_is_never_overwritten(shop):
    catalogue(shop, Option("7", "70", "one", "TOP"))
    matches = run(shop, mapping.find_matches)
    shop.map("70", SOCK=2)
    assert run(shop, lambda db: skus.add_links(db, matches.links)) == 0
    assert shop.sql("SELECT pieces FROM sku_listings") == [(2,)]


def test_waiting_lines_are_counted_by_option(shop):
    catalogue(shop, Option("7", "70", "one"))
    shop.order("1")
    shop.order("2")
    assert run(shop, skus.waiting_lines) == {(1, "7", "70"): 2}


def test_a_large_catalogue_is_mapped_in_a_few_statements(shop):
    numbers = list(range(2_000))
    random.Random(1).shuffle(numbers)
    with shop.warehouse.transaction() as db:
        skus.upsert_skus(db, [skus.SkuRow(f"C{n}", "name", None) for n in numbers])
    catalogue(shop, *(Option("7", str(n), "one", f"C{n}") for n in numbers))
    assert len(run(shop, mapping.map_listings).links) == 2_000
    wrong = shop.sql(
        "SELECT count(*) FROM sku_listings m JOIN skus k ON k.id = m.sku_id "
        "WHERE k.code <> 'C' || m.option_no"
    )
    assert wrong == [(0,)]
