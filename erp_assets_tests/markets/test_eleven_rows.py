"""11st's rows: the liberties its answers take, and rows that cannot be understood (§1.2, §1.3)."""

import httpx
import pytest

from erp_assets.errors import BadPayload
from erp_assets.records import Batch, LineStatus
from erp_assets_tests.markets import eleven_samples as samples
from erp_assets_tests.markets.eleven_samples import ORDER_NO, Talk, answer, by_path, kst, leaves

SINCE, UNTIL = kst("2026-02-25 00:00:00"), kst("2026-02-26 00:00:00")
LINE = leaves(samples.COMPLETE)
OTHER = leaves(samples.COMPLETE, 1)


def read(content: str | bytes) -> Batch:
    """Read the orders of a day; `content` is what `complete` holds."""

    def handler(request: httpx.Request) -> httpx.Response:
        is_asked = "/complete/" in request.url.path
        return answer(content if is_asked else samples.NOTHING_FOUND)

    return Talk(handler).batch(lambda it: it.orders(SINCE, UNTIL))


def claimed(name: str, row: dict[str, str]) -> Batch:
    talk = Talk(by_path({f"/{name}/": samples.orders(row)}))
    return talk.batch(lambda it: it.claims(SINCE, UNTIL))


def shown(listing: dict[str, str], *rows: dict[str, str]) -> Batch:
    stock = samples.stocks({listing.get("prdNo", "0"): rows})
    talk = Talk(by_path({"/stocks": stock, "/prodmarket": samples.products(listing)}))
    return talk.batch(lambda it: it.products())


# ── liberties ──────────────────────────────────────────────────────────────────────────────────
SCOPED = f"<ns2:orders {samples.NAMESPACE}>"
BODY = samples.COMPLETE.replace("<ns2:orders>", SCOPED)


@pytest.mark.parametrize(
    "content",
    [
        f"{samples.DECLARATION}{BODY}".encode("cp949"),
        BODY.encode("cp949"),
        f'<?xml version="1.0" encoding="EUC-KR"?>\n{BODY}'.encode("cp949"),
        f"\r\n {samples.DECLARATION}\r\n{BODY}\r\n".encode("cp949"),
        f'<?xml version="1.0" encoding="UTF-8"?>{BODY}'.encode(),
        f"{samples.DECLARATION}{BODY}".encode(),
        f"{samples.DECLARATION}{samples.COMPLETE}".encode("cp949"),
        samples.COMPLETE.replace("ns2:", "").encode("cp949"),
        BODY.replace("ns2:", "a:").replace("xmlns:ns2", "xmlns:a").encode("cp949"),
        BODY.replace("<ns2:order>", "<!-- row --><ns2:order><?pi ?>").encode("cp949"),
        BODY.replace("린넨 셔츠", "린넨<!-- a --> <?pi ?>셔<![CDATA[츠]]>").encode("cp949"),
        b"\xef\xbb\xbf" + f'<?xml version="1.0" encoding="UTF-8"?>{BODY}'.encode(),
        f"{samples.DECLARATION}{samples.DECLARATION}{BODY}".encode("cp949"),
    ],
    ids=[
        "as documented",
        "no declaration",
        "capitals",
        "blanks around",
        "utf-8 declared",
        "utf-8 not declared",
        "prefix not declared",
        "no prefix",
        "other prefix",
        "comments",
        "text in pieces",
        "byte order mark",
        "declared twice",
    ],
)
def test_layout_of_an_answer_does_not_matter(content: bytes):
    found = read(content)
    assert [(line.line_no, line.product_name) for line in found.lines] == [
        ("1", "린넨 셔츠 & 벨트 세트"),
        ("2", "양말"),
    ]
    assert found.rejected == []


def test_order_of_the_leaves_does_not_matter():
    backwards = dict(reversed(LINE.items()))
    assert read(samples.orders(backwards)).lines == read(samples.orders(LINE)).lines


@pytest.mark.parametrize("nothing", ["", "null", "  ", None], ids=["empty", "null", "blank", "no"])
def test_every_style_of_no_value_is_none(nothing: str | None):
    names = [
        "prdStckNo",
        "slctPrdOptNm",
        "dlvSndDue",
        "ordDlvReqCont",
        "rcvrNm",
        "rcvrPrtblNo",
        "rcvrMailNo",
        "rcvrBaseAddr",
        "rcvrDtlsAddr",
        "dlvNo",
        "sellerStockCd",
        "sellerPrdCd",
        "ordStlEndDt",
        "ordNm",
    ]
    row = {name: value for name, value in LINE.items() if name not in names}
    if nothing is not None:
        row |= dict.fromkeys(names, nothing)
    found = read(samples.orders(row))
    [line], [order] = found.lines, found.orders
    assert (line.option_no, line.option_name, line.seller_code) == (None, None, None)
    assert (line.ship_by, line.delivery_note, line.shipment_no) == (None, None, None)
    assert (line.receiver_name, line.receiver_phone, line.postcode) == (None, None, None)
    assert line.address is None
    assert (order.paid_at, order.buyer_name) == (None, None)


@pytest.mark.parametrize(
    ("changes", "price"),
    [
        ({"selPrc": "1,019,000", "ordQty": "1"}, 1_019_000),
        ({"ordOptWonStl": "2,000"}, 20_000),
        ({"ordOptWonStl": "-2000"}, 18_000),
        ({"ordOptWonStl": "null"}, 19_000),
        ({"ordOptWonStl": "", "ordAmt": "44,000"}, 22_000),
        ({"ordQty": "0"}, 19_000),
    ],
    ids=["commas", "surcharge", "reduction", "null", "from the sum", "nothing left"],
)
def test_price_of_a_piece(changes: dict[str, str], price: int):
    [line] = read(samples.orders(LINE | changes)).lines
    assert line.unit_price == price
    assert line.amount == price * line.quantity


@pytest.mark.parametrize(
    ("changes", "fee"),
    [
        ({"dlvCst": "2,500", "bmDlvCst": "3000"}, 5_500),
        ({"dlvCst": "", "lstDlvCst": "2500"}, 2_500),
        ({"dlvCst": "", "lstDlvCst": ""}, None),
        ({"dlvCst": "0", "lstDlvCst": ""}, 0),
    ],
    ids=["island", "looked up", "not said", "free"],
)
def test_shipping_fee(changes: dict[str, str], fee: int | None):
    [line] = read(samples.orders(LINE | changes)).lines
    assert line.shipping_fee == fee


def test_discount_of_the_line_wins_over_that_of_the_product():
    row = LINE | {"sellerDscPrcPerSeq": "", "lstSellerDscPrc": "700", "sellerDscPrc": "900"}
    [line] = read(samples.orders(row)).lines
    assert (line.seller_discount, line.market_discount) == (700, 2_000)


def test_numbers_stay_text():
    number = "00020260225044348982"
    [line] = read(samples.orders(LINE | {"ordNo": number, "prdStckNo": "0016243384893"})).lines
    assert (line.order_no, line.option_no) == (number, "0016243384893")


def test_zeros_of_a_carrier_are_kept():
    [line] = read(samples.orders(LINE | {"dlvEtprsCd": "00034"})).lines
    assert line.carrier == "00034"


def test_syllables_beyond_ks_x_1001_are_read():
    [line] = read(samples.orders(LINE | {"rcvrNm": "뷁똠"})).lines
    assert line.receiver_name == "뷁똠"


def test_text_outside_euc_kr_comes_as_references():
    [line] = read(samples.orders(LINE | {"rcvrNm": "홍 &#128512; &#8212; &lt;b&gt;"})).lines
    assert line.receiver_name == "홍 😀 — <b>"


@pytest.mark.parametrize(
    "piece",
    ["\x1f", "\x00", "&#x1F;", "&#0;", "&#31;", "&#xFFFF;", "&#xD800;", f"&#{'9' * 5_000};"],
    ids=["unit", "nul", "unit as x", "nul as n", "unit as n", "no character", "surrogate", "huge"],
)
def test_characters_that_xml_forbids_are_left_out(piece: str):
    found = read(samples.orders(LINE | {"rcvrNm": f"홍{piece}길순"}, OTHER))
    assert [line.receiver_name for line in found.lines] == ["홍길순", "홍길순"]
    assert found.rejected == []


@pytest.mark.parametrize("piece", ["&", "&nbsp;", "&b", "&#12", "&;"])
def test_ampersand_that_nobody_escaped_stands_for_itself(piece: str):
    found = read(samples.orders(LINE | {"rcvrNm": f"A{piece} &lt;B"}, OTHER))
    assert [line.receiver_name for line in found.lines] == [f"A{piece} <B", "홍길순"]
    assert found.rejected == []


@pytest.mark.parametrize("marks", [1, 2])
def test_document_type_behind_a_byte_order_mark_is_refused_too(marks: int):
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><ns2:orders x="&b;"/>'
    with pytest.raises(BadPayload, match="DOCTYPE"):
        read(marks * b"\xef\xbb\xbf" + f'<?xml version="1.0" encoding="UTF-8"?>{bomb}'.encode())


def test_broken_byte_of_declared_utf_8_costs_only_its_row():
    text = samples.orders(LINE | {"rcvrNm": "@@"}, OTHER | {"rcvrNm": "홍길순"})
    declared = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
    found = read(declared.replace(b"@@", b"\xff"))
    assert [(line.line_no, line.receiver_name) for line in found.lines] == [("2", "홍길순")]
    assert [it.reason for it in found.rejected] == ["text: holds bytes that are no text"]


def test_leaf_that_holds_elements_is_not_read_in_part():
    found = read(samples.orders(LINE | {"ordQty": "1<b>2</b>"}, OTHER))
    assert [it.reason for it in found.rejected] == ["ordQty: missing"]
    assert [line.line_no for line in found.lines] == ["2"]


def test_text_of_many_megabytes_costs_nobody_else_a_row():
    found = read(samples.orders(LINE | {"ordDlvReqCont": "x" * 11_000_000}, OTHER))
    assert [line.line_no for line in found.lines] == ["1", "2"]


def test_row_with_bytes_that_are_no_text_is_rejected_alone():
    broken = samples.orders(LINE | {"rcvrNm": "@@"}, OTHER).encode("cp949")
    found = read(broken.replace(b"@@", b"\xb0\xff"))
    assert [line.line_no for line in found.lines] == ["2"]
    assert [(it.reason, it.document_no) for it in found.rejected] == [
        ("text: holds bytes that are no text", f"{ORDER_NO}-1")
    ]


def test_line_is_its_own_although_orders_mix_states():
    found = read(samples.orders(LINE, OTHER | {"ordPrdStat": "601"}))
    assert [line.status for line in found.lines] == [LineStatus.NEW, LineStatus.IN_CLAIM]


def test_commas_of_a_claim_are_no_obstacle():
    row = leaves(samples.RETURNS)
    assert row["clmLstDlvCst"] == "6,000"
    assert len(claimed("returnorders", row | {"clmReqQty": "1,000"}).claims) == 1


STOCK = leaves(samples.STOCK_ONE)
LISTING = leaves(samples.SEARCH)


def test_comma_inside_an_option_is_kept():
    found = shown(LISTING, STOCK | {"mixDtlOptNm": "S, 폭 1,5 cm,아이보리"})
    assert found.options[0].name == "S, 폭 1,5 cm,아이보리"


def test_option_may_cost_less_than_its_listing():
    found = shown(LISTING, STOCK | {"addPrc": "-1,000"})
    assert found.offers[0].price == 18_000


def test_own_code_of_an_option_wins_over_that_of_the_listing():
    found = shown(LISTING, STOCK | {"sellerStockCd": "ROW"})
    assert found.options[0].seller_code == "ROW"


# ── rows that cannot be understood ─────────────────────────────────────────────────────────────
BAD_LINES = [
    ({"ordPrdStat": "999"}, "ordPrdStat: unknown value '999'"),
    ({"ordNo": ""}, "ordNo: missing"),
    ({"ordNo": "주문1"}, "ordNo: not a number: '주문1'"),
    ({"ordNo": "1,2"}, "ordNo: not a number: '1,2'"),
    ({"ordPrdSeq": "null"}, "ordPrdSeq: missing"),
    ({"ordPrdSeq": "１"}, "ordPrdSeq: not a number: '１'"),
    ({"prdNo": ""}, "prdNo: missing"),
    ({"prdNo": "Z9"}, "prdNo: not a number: 'Z9'"),
    ({"ordQty": ""}, "ordQty: missing"),
    ({"ordQty": "-1"}, "ordQty: negative: -1"),
    ({"ordQty": "두 개"}, "ordQty: not a whole number: '두 개'"),
    ({"ordQty": "1_0"}, "ordQty: not a whole number: '1_0'"),
    ({"ordQty": "２"}, "ordQty: not a whole number: '２'"),
    ({"ordQty": "2147483648"}, "ordQty: too many: 2147483648"),
    ({"selPrc": ""}, "selPrc: missing"),
    ({"selPrc": "-10"}, "selPrc: negative: -10"),
    ({"selPrc": "19000.5"}, "selPrc: not a whole number: '19000.5'"),
    ({"selPrc": "9" * 30}, f"selPrc: not a whole number: '{'9' * 30}'"),
    ({"ordOptWonStl": "x"}, "ordOptWonStl: not a whole number: 'x'"),
    ({"ordOptWonStl": "-90000"}, "ordOptWonStl: takes more than the price: -90000"),
    ({"ordOptWonStl": "", "ordAmt": ""}, "ordAmt: missing"),
    ({"sellerDscPrcPerSeq": "-1"}, "sellerDscPrcPerSeq: negative: -1"),
    ({"dlvCst": "무료"}, "dlvCst: not a whole number: '무료'"),
    ({"ordDt": ""}, "ordDt: missing"),
    ({"ordDt": "2026-02-30 00:00:00"}, "ordDt: not a time: '2026-02-30 00:00:00'"),
    ({"ordDt": "0001-01-01 00:00:00"}, "ordDt: not a time of our days: 0001-01-01"),
    ({"ordDt": "9999-12-31 23:59:59"}, "ordDt: not a time of our days: 9999-12-31"),
    ({"ordStlEndDt": "어제"}, "ordStlEndDt: not a time: '어제'"),
    ({"dlvSndDue": "2026/02/26"}, "dlvSndDue: not a time: '2026/02/26'"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD_LINES, ids=[it[1] for it in BAD_LINES])
def test_bad_line_is_rejected_and_the_rest_of_the_page_kept(changes: dict[str, str], reason: str):
    found = read(samples.orders(LINE | changes, OTHER))
    [rejected] = found.rejected
    assert (rejected.kind, rejected.reason[: len(reason)]) == ("orders", reason)
    assert "<prdNm>린넨 셔츠 &amp; 벨트 세트</prdNm>" in rejected.body
    named = [(LINE | changes)[name] for name in ("ordNo", "ordPrdSeq")]
    has_number = all(it not in ("", "null") for it in named)
    assert rejected.document_no == ("-".join(named) if has_number else None)
    assert [line.line_no for line in found.lines] == ["2"]
    assert len(found.orders) == len(found.documents) == 1
    assert found.complete_until == UNTIL


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sndEndDt": "?"}, "sndEndDt: not a time: '?'"),
        ({"ordPrdSeq": ""}, "ordPrdSeq: missing"),
        ({"ordNo": "?"}, "ordNo: not a number: '?'"),
    ],
    ids=["time", "number", "order"],
)
def test_bad_shipped_row_is_rejected(changes: dict[str, str], reason: str):
    row = leaves(samples.SHIPPING)
    good = row | {"ordPrdSeq": "2"}
    talk = Talk(by_path({"/shipping/": samples.orders(row | changes, good)}))
    found = talk.batch(lambda it: it.orders(SINCE, UNTIL))
    assert [it.reason for it in found.rejected] == [reason]
    assert [it.line_no for it in found.line_updates] == ["2"]


BAD_CLAIMS = [
    ("cancelorders", {"ordCnStatCd": "77"}, "ordCnStatCd: unknown value '77'"),
    ("cancelorders", {"ordPrdCnSeq": ""}, "ordPrdCnSeq: missing"),
    ("cancelorders", {"ordCnQty": "-1"}, "ordCnQty: negative: -1"),
    ("cancelorders", {"ordCnQty": "9999999999"}, "ordCnQty: too many: 9999999999"),
    ("cancelorders", {"createDt": "null"}, "createDt: missing"),
    ("canceledorders", {"cnTrtEndDt": "x"}, "cnTrtEndDt: not a time: 'x'"),
    ("returnorders", {"clmStat": "999"}, "clmStat: unknown value '999'"),
    ("returnorders", {"clmReqSeq": ""}, "clmReqSeq: missing"),
    ("returnorders", {"clmReqQty": "한 개"}, "clmReqQty: not a whole number: '한 개'"),
    ("exchangeorders", {"reqDt": "2026-02-25 25:00:00"}, "reqDt: not a time"),
    ("exchangeorders", {"ordNo": ""}, "ordNo: missing"),
    ("exchangeorders", {"clmReqSeq": "A-1"}, "clmReqSeq: not a number"),
    ("cancelorders", {"ordPrdCnSeq": "8.1"}, "ordPrdCnSeq: not a number"),
]


@pytest.mark.parametrize(
    ("name", "changes", "reason"), BAD_CLAIMS, ids=[it[2] for it in BAD_CLAIMS]
)
def test_bad_claim_is_rejected_and_the_rest_kept(name: str, changes: dict[str, str], reason: str):
    row = leaves(samples.CANCELS if "cancel" in name else samples.RETURNS)
    talk = Talk(by_path({f"/{name}/": samples.orders(row | changes, row)}))
    found = talk.batch(lambda it: it.claims(SINCE, UNTIL))
    [rejected] = found.rejected
    assert rejected.kind == "claims"
    assert rejected.reason.startswith(reason)
    assert "<ordPrdSeq>1</ordPrdSeq>" in rejected.body
    assert len(found.claims) == 1


BAD_LISTINGS = [
    ({"selStatCd": "999"}, "selStatCd: unknown value '999'"),
    ({"selPrc": "-1"}, "selPrc: negative: -1"),
    ({"selPrc": ""}, "selPrc: missing"),
    ({"prdNm": ""}, "prdNm: missing"),
    ({"prdNo": ""}, "prdNo: missing"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD_LISTINGS, ids=[it[1] for it in BAD_LISTINGS])
def test_bad_listing_is_rejected_and_the_rest_kept(changes: dict[str, str], reason: str):
    page = samples.products(LISTING | {"prdNo": "1"} | changes, LISTING)
    talk = Talk(by_path({"/stocks": samples.STOCKS, "/prodmarket": page}))
    found = talk.batch(lambda it: it.products())
    assert [(it.kind, it.reason) for it in found.rejected] == [("products", reason)]
    assert [it.product_no for it in found.products] == ["4088296117"]
    assert [it.product_no for it in found.offers] == ["4088296117"]


def test_listing_that_comes_twice_once_unreadable_is_kept():
    page = samples.products(LISTING, LISTING | {"selStatCd": "999"})
    talk = Talk(by_path({"/stocks": samples.STOCKS, "/prodmarket": page}))
    found = talk.batch(lambda it: it.products())
    assert len(found.products) == len(found.offers) == len(found.rejected) == 1


BAD_STOCKS = [
    ({"prdStckNo": ""}, "prdStckNo: missing"),
    ({"stckQty": ""}, "stckQty: missing"),
    ({"stckQty": "-3"}, "stckQty: negative: -3"),
    ({"stckQty": "3000000000"}, "stckQty: too many: 3000000000"),
    ({"addPrc": "무료"}, "addPrc: not a whole number: '무료'"),
    ({"addPrc": "-19001"}, "addPrc: takes more than the price: -19001"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD_STOCKS, ids=[it[1] for it in BAD_STOCKS])
def test_bad_option_is_rejected_and_the_rest_kept(changes: dict[str, str], reason: str):
    found = shown(LISTING, STOCK | {"prdStckNo": "1"} | changes, STOCK)
    assert [(it.kind, it.reason) for it in found.rejected] == [("offers", reason)]
    assert [it.option_no for it in found.options] == ["16243384893"]
    assert [it.option_no for it in found.offers] == ["16243384893"]
