"""Rules out of files: every bad cell named by its line, every rule back as it was written."""

from datetime import time
from decimal import Decimal

import pytest

from erp_assets.planning import rule_files
from erp_assets.planning.price_files import BadFile
from erp_assets.planning.rules import Mode


def parse(text, known=(1, 2), name="rules.csv", encoding="utf-8"):
    return rule_files.parse(
        name, text.encode(encoding), skus={"S-1": 5}, accounts={"coupang": 1}, known=known
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949"])
def test_a_rule_is_read_from_what_a_spreadsheet_saves(encoding):
    told = parse(
        "name,sku,account,market,cost,fee_rate,min_margin_rate,mode,price,opt_in,quiet_from,"
        "quiet_until,cooldown_minutes\n"
        '기모,S-1,coupang,11st,"6,000원",10.8%,0.05,FIXED,9900,TRUE,23:00,07:00,0\n',
        encoding=encoding,
    )
    assert told.bad == told.changed == []
    (row,) = told.new
    assert (row["name"], row["sku_id"], row["account_id"], row["market"]) == (
        *("기모", 5),
        *(1, "eleven"),
    )
    assert (row["cost"], row["fee_rate"], row["min_margin_rate"]) == (
        6_000,
        Decimal("0.108"),
        Decimal("0.05"),
    )
    assert (row["mode"], row["price"], row["opt_in"], row["pieces"]) == (Mode.FIXED, 9_900, True, 1)
    assert (row["quiet_from"], row["quiet_until"]) == (time(23), time(7))
    assert (row["cooldown_minutes"], row["is_active"], row["floor"]) == (0, True, None)


@pytest.mark.parametrize(
    ("header", "cells", "why"),
    [
        ("sku", "S-9", "sku: unknown: 'S-9'"),
        ("account", "gmarket", "account: unknown: 'gmarket'"),
        ("market", "gmarket", "market: 'gmarket' is none of coupang"),
        ("cost", "-1", "cost: not a whole number"),
        ("cost", "6000.5", "cost: not a whole number"),
        ("cost", "1000000000000", "cost: 1,000,000,000,000 is not within"),
        ("fee_rate", "10", "fee_rate: 10 is not less than 1"),
        ("fee_rate", "1", "fee_rate: 1 is not less than 1"),
        ("fee_rate", "-0.1", "fee_rate: not a share"),
        ("fee_rate", "NaN", "fee_rate: not a share"),
        ("fee_rate", "1e999999", "fee_rate: not a share"),
        ("fee_rate", "0.1000001", "six decimals"),
        ("run_change_rate", "101%", "1 at most"),
        ("mode", "cheapest", "mode: 'cheapest' is none of fixed, lowest, undercut"),
        ("mode", "fixed", "price: mode fixed needs one"),
        ("mode,undercut_amount", "undercut,0", "needs an amount or a rate"),
        ("floor,ceiling", "2000,1990", "ceiling: below the floor"),
        ("band_low,band_high", "2,1", "band_high: below"),
        ("quiet_from", "23:00", "both or none"),
        ("quiet_from,quiet_until", "25:00,07:00", "not a time of day"),
        ("opt_in", "true", "for a SKU's rule alone"),
        ("opt_in", "perhaps", "neither true nor false"),
        ("pieces", "2", "for a SKU's rule alone"),
        ("search_text", "팬츠", "for a SKU's rule alone"),
        ("id", "3", "id: there is no rule 3"),
        ("id,name", "0,a", "id: 0 is not within"),
    ],
)
def test_a_bad_rule_is_named_and_the_good_ones_are_kept(header, cells, why):
    filler = "," * (header.count(",") + 1)
    told = parse(f"{header},min_margin\n{filler}500\n{cells},\n{filler}700\n")
    assert [row["min_margin"] for row in told.new] == [500, 700]
    ((line, reason),) = told.bad
    assert line == 3
    assert why in reason


def test_a_rule_is_replaced_by_its_id_once():
    told = parse("id,cost\n1,100\n2,200\n1,300\n")
    assert [(row["id"], row["cost"]) for row in told.changed] == [(1, 100), (2, 200)]
    assert told.bad == [(4, "id: repeats line 2")]


def test_a_column_that_no_rule_has_is_refused():
    with pytest.raises(BadFile, match="no such column: flor"):
        parse("flor,cost\n5000,1\n")
