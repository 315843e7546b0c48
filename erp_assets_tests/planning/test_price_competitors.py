"""Competitors' prices out of files and searches: good rows kept, bad ones named by line."""

import codecs
import io
import json
import sys
import zipfile
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_assets.errors import MarketBusy, MarketDenied, MarketDown, MarketRejected, TransientError
from erp_assets.markets.eleven.search import ElevenSearch
from erp_assets.planning import price_files
from erp_assets.planning.competitors import FileSource, SearchSource, collect
from erp_assets.planning.price_files import BadFile, BadLine
from erp_assets.records import CompetitorPrice, FoundOffer
from erp_assets.warehouse.price_queries import WantedRow
from erp_assets_tests.planning.pricing import NOW

SKUS = {"S-1": 1, "S-2": 2}
HEAD = "상품코드,가격,경쟁사,확인\n"
COLUMNS = {"sku": "상품코드", "price": "가격", "competitor": "경쟁사", "seen_at": "확인"}
NOON = datetime(2026, 11, 25, 2, tzinfo=UTC)


def read(body, name="prices.csv", columns=COLUMNS):
    return FileSource(name, name="file", skus=SKUS, columns=columns).parse(name, body, NOW)


def price(sku=1, won=9_000, who="옆가게", seen_at=NOON, pieces=1, url=None):
    return CompetitorPrice(sku, pieces, "file", who, won, seen_at, url)


@pytest.mark.parametrize(
    "encode",
    [
        lambda it: it.encode(),
        lambda it: codecs.BOM_UTF8 + it.encode(),
        lambda it: it.encode("cp949"),
        lambda it: it.replace("\n", "\r\n").encode("cp949"),
    ],
    ids=["UTF-8", "BOM", "CP949", "Windows"],
)
def test_a_csv_is_read_in_every_encoding_sellers_save(encode):
    told = read(encode(HEAD + 'S-1,"9,000",옆가게,2026-11-25 11:00\nS-2,￦ 8500,뷁상점,\n'))
    assert told.bad == []
    assert told.prices == [price(), price(2, 8_500, "뷁상점", NOW)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("S-9,9000,,", "상품코드: unknown SKU 'S-9'"),
        (",9000,,", "상품코드: missing"),
        ("S-1,,,", "가격: missing"),
        ("S-1,0,,", "가격: 0 is not within 1"),
        ("S-1,-500,,", "가격: not a whole number: '-500'"),
        ("S-1,구천원,,", "가격: not a whole number"),
        ("S-1,9000.5,,", "가격: not a whole number"),
        ("S-1,9e3,,", "가격: not a whole number"),
        ('S-1,"90,00",,', "가격: not a whole number"),
        ("S-1,999999999999999,,", "is not within"),
        ("S-1,9000,a,어제", "확인: not a time: '어제'"),
        ("S-1,9000,a,2026-11-26", "lies in the future"),
        ("S-1,9000,a,2026-11-25,x", "has 5 cells, the header 4"),
        ("S-1,9000,옆가게,2026-11-25 11:00", "repeats line 2"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_the_good_ones_are_kept(row, reason):
    good = "S-1,9000,옆가게,2026-11-25 11:00\n"
    told = read(f"{HEAD}{good}{row}\nS-2,9000.0,옆가게,2026-11-25T02:00Z\n".encode())
    assert told.prices == [price(), price(2)]
    ((line, why),) = told.bad
    assert line == 3
    assert reason in why


def test_bytes_of_no_encoding_cost_their_own_row_only():
    body = (
        HEAD.encode() + b"S-1,9000,\xff\xff\xff,\n" + "S-2,9000,옆가게,2026-11-25 11:00\n".encode()
    )
    told = read(body)
    assert told.prices == [price(2)]
    assert told.bad == [BadLine(2, "holds bytes that are neither UTF-8 nor CP949")]


def test_a_quote_left_open_costs_its_own_line_only():
    told = read(f'{HEAD}S-1,9000,"옆가게,\nS-2,9000,"옆가게",2026-11-25 11:00\n'.encode())
    assert told.prices == [price(2)]
    assert told.bad == [BadLine(2, "has a quote that does not end")]


@settings(max_examples=300)
@given(
    kind=st.sampled_from(["csv", "json", "xlsx"]),
    body=st.one_of(st.binary(), st.text(max_size=60).map(str.encode)),
)
def test_no_bytes_raise_anything_but_a_bad_file(kind, body):
    try:
        told = read(body, f"a.{kind}", {})
    except BadFile:
        return
    assert told.prices == []


@settings(max_examples=300)
@given(place=st.integers(0, 1_500), byte=st.integers(0, 255))
def test_no_broken_workbook_raises_anything_but_a_bad_file(place, byte):
    good = workbook(
        [shared("A1", 0), shared("B1", 1)],
        [shared("A2", 2), ('r="B2"', "<v>9000</v>")],
        strings=["sku", "price", "S-1"],
    )
    body = bytearray(good)
    body[place % len(body)] = byte
    try:
        told = read(bytes(body), "a.xlsx", {})
    except BadFile:
        return
    assert {it.price for it in told.prices} <= {9_000}


def test_a_row_over_several_lines_is_named_by_its_first():
    told = read(f'{HEAD}S-1,9000,"옆\n가게",\nS-9,1,,\n'.encode())
    assert told.bad[0].line == 4


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("a.csv", b"", "no header"),
        ("a.json", b"{", "no JSON"),
        ("a.json", b"[" * 100_000, "no JSON"),
        ("a.json", b"3", "no list"),
        ("a.xlsx", b"PK", "no XLSX"),
        ("a.pdf", b"", "'pdf' is no kind"),
    ],
)
def test_a_file_that_is_no_table_is_refused(name, body, why):
    with pytest.raises(BadFile, match=why):
        read(body, name)


def test_json_rows_may_be_numbers_or_text():
    items = [
        {"sku": "S-1", "price": 9000, "competitor": "옆가게", "pieces": 2, "seen_at": "2026-11-25"},
        "text",
        {"sku": "S-2", "price": 9000.25},
        {"sku": "S-2", "price": True},
    ]
    told = read(json.dumps({"items": items}).encode(), "a.json", {})
    assert told.prices == [price(pieces=2, seen_at=datetime(2026, 11, 24, 15, tzinfo=UTC))]
    assert [it.line for it in told.bad] == [2, 3, 4]


def workbook(*rows, strings=(), doctype=""):
    """A workbook of one sheet; each row a list of (attributes, inner XML) of its cells."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    cells = "".join(
        f'<row r="{n}">{"".join(f"<c {told}>{inner}</c>" for told, inner in row)}</row>'
        for n, row in enumerate(rows, 1)
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    files = {
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}"><sheets>'
        '<sheet name="가격" sheetId="1" r:id="rId7"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/'
        'package/2006/relationships"><Relationship Id="rId7" Target="worksheets/one.xml"/>'
        "</Relationships>",
        "xl/sharedStrings.xml": f"<sst {main}>"
        + "".join(f"<si><t>{it}</t></si>" for it in strings)
        + "</sst>",
        "xl/worksheets/one.xml": f"{doctype}<worksheet {main}><sheetData>{cells}"
        "</sheetData></worksheet>",
    }
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in files.items():
            book.writestr(name, text)
    return body.getvalue()


def shared(place, number):
    return f'r="{place}" t="s"', f"<v>{number}</v>"


def test_a_workbook_gives_numbers_exactly_and_times_of_korea():
    body = workbook(
        [shared("A1", 0), shared("B1", 1), shared("D1", 2)],
        [shared("A2", 3), ('r="B2"', "<v>9000</v>"), ('r="D2"', "<v>46351.4583333333</v>")],
        [('r="A3" t="inlineStr"', "<is><t>S-2</t></is>"), ('r="B3"', "<v>9000.5</v>")],
        [shared("A4", 99), ('r="B4"', "<v>9000</v>")],
        strings=["sku", "price", "seen_at", "S-1"],
    )
    told = read(body, "가격.XLSX", {})
    assert [(it.sku_id, it.price) for it in told.prices] == [(1, 9_000)]
    assert abs(told.prices[0].seen_at - NOON) <= timedelta(seconds=1)
    assert [it.line for it in told.bad] == [3, 4]


def test_a_workbook_with_entities_is_refused():
    body = workbook([], doctype='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>')
    with pytest.raises(BadFile, match="DOCTYPE"):
        read(body, "a.xlsx")


def test_a_mapping_of_an_unknown_field_is_refused():
    with pytest.raises(BadFile, match="no such field: preis"):
        FileSource("a.csv", name="file", skus=SKUS, columns={"preis": "가격"})


def test_a_file_is_read_by_path_and_by_file_url(tmp_path):
    path = tmp_path / "경쟁사 가격.csv"
    path.write_bytes(f"{HEAD}S-1,9000,옆가게,2026-11-25 11:00\n".encode("cp949"))
    for url in (str(path), f"file://{path}"):
        source = FileSource(url, name="file", skus=SKUS, columns=COLUMNS)
        assert source.read(NOW).prices == [price()]
    with pytest.raises(BadFile, match="cannot be read: No such file"):
        price_files.fetch(str(tmp_path / "none.csv"))


def answering(status=200, body=b"", seen=None):
    def handle(request):
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, content=body)

    return httpx.MockTransport(handle)


def test_a_file_is_read_over_https():
    body = f"{HEAD}S-1,9000,옆가게,2026-11-25 11:00\n".encode()
    source = FileSource(
        "https://example.com/a.csv?sig=s3cret",
        name="file",
        skus=SKUS,
        columns=COLUMNS,
        transport=answering(body=body),
    )
    assert source.read(NOW).prices == [price()]


@pytest.mark.parametrize(
    ("url", "status", "error", "why"),
    [
        ("http://example.com/a.csv", 200, BadFile, "use https"),
        ("ftp://example.com/a.csv", 200, BadFile, "ftp:// is not known"),
        ("https://example.com/a.csv?sig=s3cret", 404, BadFile, "answered 404"),
        ("https://example.com/a.csv?sig=s3cret", 302, BadFile, "answered 302"),
        ("https://example.com/a.csv?sig=s3cret", 503, TransientError, "answered 503"),
    ],
)
def test_what_cannot_be_fetched_says_why_and_no_secret(url, status, error, why):
    with pytest.raises(error, match=why) as raised:
        price_files.fetch(url, transport=answering(status))
    assert "s3cret" not in str(raised.value)


def test_a_file_larger_than_memory_should_hold_is_refused(tmp_path):
    most = 1024 * 1024
    with pytest.raises(BadFile, match="larger than 1 MB"):
        price_files.fetch(
            "https://example.com/a", transport=answering(body=b"x" * (most + 1)), most=most
        )
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * (most + 1))
    with pytest.raises(BadFile, match="larger than 1 MB"):
        price_files.fetch(str(path), most=most)


@pytest.mark.parametrize(
    ("url", "package"), [("s3://bucket/a.csv", "s3fs"), ("sftp://host/a.csv", "paramiko")]
)
def test_a_scheme_whose_package_is_missing_names_it(monkeypatch, url, package):
    monkeypatch.setitem(sys.modules, package, None)  # as where it is not installed
    with pytest.raises(BadFile, match=f"pip install {package}"):
        price_files.fetch(url)


def answer(*products, wrap="<Products><TotalCount>9</TotalCount>{}</Products>"):
    inner = wrap.format("".join(products))
    text = f'<?xml version="1.0" encoding="euc-kr"?><ProductSearchResponse>{inner}'
    return f"{text}</ProductSearchResponse>".encode("cp949")


def found(number="11", name="기모 팬츠 검정", sale="8900", **values):
    told = {
        "ProductCode": number,
        "ProductName": f"<![CDATA[{name}]]>",
        "ProductPrice": "12000",
        "SalePrice": sale,
        "SellerNick": "<![CDATA[옆가게]]>",
        "DetailPageUrl": f"<![CDATA[https://www.11st.co.kr/products/{number}]]>",
    }
    leaves = "".join(f"<{tag}>{text}</{tag}>" for tag, text in (told | values).items() if text)
    return f"<Product>{leaves}</Product>"


def search(body=b"", status=200, seen=None):
    return ElevenSearch("s3cret", transport=answering(status, body, seen))


def test_the_search_of_11st_reads_what_a_buyer_pays():
    seen = []
    body = answer(found(), found("12", sale=""), found("13", sale="x"), found("14", sale="0"))
    offers = search(body, seen=seen).offers("기모 팬츠")
    assert offers == [
        FoundOffer("11", "기모 팬츠 검정", 8_900, "옆가게", "https://www.11st.co.kr/products/11"),
        FoundOffer("12", "기모 팬츠 검정", 12_000, "옆가게", "https://www.11st.co.kr/products/12"),
    ]
    asked = dict(seen[0].url.params)
    assert (asked["apiCode"], asked["keyword"], asked["sortCd"]) == (
        *("ProductSearch", "기모 팬츠"),
        "L",
    )


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (
            answer(wrap="<Error><Code>600</Code><Message>s3cret?</Message></Error>"),
            200,
            MarketRejected,
        ),
        (answer(wrap="<ErrorCode>004</ErrorCode>"), 200, MarketBusy),
        (b"", 429, MarketBusy),
        (b"", 403, MarketDenied),
        (b"", 500, MarketDown),
        (b"<html><body>x</body></html>", 200, MarketDown),
    ],
    ids=["refused", "traffic", "429", "403", "500", "page"],
)
def test_what_the_search_refuses_is_named_and_the_key_never_shown(body, status, error):
    with pytest.raises(error) as raised:
        search(body, status).offers("팬츠")
    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in repr(search())


def test_an_offer_counts_only_with_every_word_and_as_many_pieces():
    names = {
        "1": "[무료배송] 기모 팬츠 검정",
        "2": "기모 레깅스 검정",
        "3": "기모 팬츠 3개 세트",
        "4": "기모 팬츠 1+1",
        "5": "기모 팬츠 우리 것",
        "6": "기모 팬츠 x2",
        "7": "팬츠 1개 기모",
    }
    body = answer(*(found(number, name) for number, name in names.items()))
    wish = WantedRow(1, "S-1", 1, "기모 팬츠")
    told = SearchSource(search(body), [wish], own={"5"}).read(NOW)
    assert [it.competitor for it in told.prices] == ["옆가게 1", "옆가게 7"]
    assert told.prices[0][:3] == (1, 1, "11st")
    assert [it.reason for it in told.bad] == [
        "S-1: 2 lacks 팬츠",
        "S-1: 3 is of another number of pieces",
        "S-1: 4 is of another number of pieces",
        "S-1: 5 is our own listing",
        "S-1: 6 is of another number of pieces",
    ]
    three = SearchSource(search(body), [wish._replace(pieces=3)]).read(NOW)
    assert "옆가게 3" in [it.competitor for it in three.prices]


def test_a_search_that_fails_costs_its_own_sku_only():
    answers = iter([httpx.Response(500), httpx.Response(200, content=answer(found()))])
    source = ElevenSearch("s3cret", transport=httpx.MockTransport(lambda _: next(answers)))
    wishes = [WantedRow(1, "S-1", 1, "기모"), WantedRow(2, "S-2", 1, "기모")]
    told = SearchSource(source, wishes).read(NOW)
    assert [it.sku_id for it in told.prices] == [2]
    assert told.bad == [BadLine(1, "S-1: 11st's search answered 500")]


def test_a_source_that_fails_leaves_the_others(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("sku,price\nS-1,9000\nS-9,1\n")
    sources = [
        FileSource(str(tmp_path / "none.csv"), name="gone", skus=SKUS),
        FileSource(str(path), name="file", skus=SKUS),
    ]
    told, failed = collect(sources, NOW)
    assert told.prices == [price(who="file", seen_at=NOW)]
    assert told.bad == [BadLine(3, "file: sku: unknown SKU 'S-9'")]
    assert failed == {"gone": "cannot be read: No such file or directory"}
