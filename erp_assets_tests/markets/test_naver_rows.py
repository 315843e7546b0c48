"""Naver's rows that cannot be understood: rejected with a reason, the rest of their page kept."""

import json
from copy import deepcopy
from datetime import datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_assets.clock import KST
from erp_assets.errors import BadPayload
from erp_assets.records import Batch, OptionKey
from erp_assets_tests.markets import naver_samples as samples
from erp_assets_tests.markets.naver_samples import DETAIL, Talk, answer, asked, detail

SINCE, UNTIL = datetime(2026, 5, 11, tzinfo=KST), datetime(2026, 5, 12, tzinfo=KST)
LISTING_NO = "9000000101"
GONE = object()
"""Stands for a key that is absent."""


def put(row: dict[str, object], path: str, value: object) -> dict[str, object]:
    """Return a row with `value` at a dotted path."""
    changed = deepcopy(row)
    *above, last = path.split(".")
    inside = changed
    for name in above:
        inside = inside[int(name)] if isinstance(inside, list) else inside[name]
    if value is GONE:
        del inside[last]
    else:
        inside[last] = value
    return changed


def lines(content: object, numbers: tuple[str, ...] = ("1", "2")) -> Batch:
    """Read a feed of two lines whose details are `content`."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            rows = [{"productOrderId": number} for number in numbers]
            return answer({"data": {"lastChangeStatuses": rows}})
        return answer(content if len(asked(request)["productOrderIds"]) > 1 else {})

    return Talk(handler).batch(lambda it: it.orders(SINCE, UNTIL))


def one_bad(path: str, value: object) -> Batch:
    return lines({"data": [put(detail("1"), path, value), detail("2")]})


# ── lines ──────────────────────────────────────────────────────────────────────────────────────
BAD_LINES = [
    ("productOrder.productOrderStatus", "SHIPPED", "productOrderStatus: unknown value 'SHIPPED'"),
    ("productOrder.productOrderStatus", None, "Expected `str`, got `null`"),
    ("productOrder.productOrderStatus", GONE, "missing required field `productOrderStatus`"),
    ("productOrder.quantity", GONE, "missing required field `quantity`"),
    ("productOrder.quantity", "2", "Expected `int`, got `str`"),
    ("productOrder.quantity", 2.5, "Expected `int`, got `float`"),
    ("productOrder.quantity", True, "Expected `int`, got `bool`"),
    ("productOrder.initialQuantity", -1, "quantity: negative: -1"),
    ("productOrder.initialQuantity", 2**31, "quantity: too many: 2147483648"),
    ("productOrder.remainQuantity", -3, "remainQuantity: negative: -3"),
    ("productOrder.unitPrice", -1, "unitPrice: negative: -1"),
    ("productOrder.unitPrice", 10**16, "unitPrice: too much: 10000000000000000"),
    ("productOrder.unitPrice", 10**40, "unitPrice: too much"),
    ("productOrder.unitPrice", {"won": 1}, "Expected `int`, got `object`"),
    ("productOrder.optionPrice", -30_000, "optionPrice: negative: -1000"),
    ("productOrder.productDiscountAmount", -1, "productDiscountAmount: negative"),
    ("productOrder.sellerBurdenDiscountAmount", -1, "sellerBurdenDiscountAmount: negative"),
    ("productOrder.deliveryFeeAmount", -1, "deliveryFeeAmount: negative"),
    ("productOrder.productName", GONE, "missing required field `productName`"),
    ("productOrder.placeOrderDate", "soon", "placeOrderDate: not a time: 'soon'"),
    ("productOrder.shippingDueDate", "2026-02-30T00:00:00.000+09:00", "shippingDueDate: not a"),
    ("productOrder.shippingDueDate", "0001-01-01T00:00:00.000+09:00", "shippingDueDate: not a"),
    ("productOrder.shippingAddress", "서울", "Expected `object | null`"),
    ("productOrder.shippingMemo", "a\x00b", "text: holds a NUL character"),
    ("order.orderId", GONE, "missing required field `orderId`"),
    ("order.orderDate", "", "orderDate: missing"),
    ("order.orderDate", "어제", "orderDate: not a time: '어제'"),
    ("order.orderDate", 1_700_000_000, "Expected `str`, got `int`"),
    ("order.paymentDate", "x" * 99, "paymentDate: not a time"),
    ("delivery.sendDate", "0", "sendDate: not a time: '0'"),
    ("currentClaim.return.claimStatus", "LOST", "claimStatus: unknown value 'LOST'"),
    ("currentClaim.return.claimRequestDate", GONE, "claimRequestDate: missing"),
    ("currentClaim.return.requestQuantity", -1, "requestQuantity: negative: -1"),
    ("completedClaims", [{"claimStatus": "CANCEL_DONE", "claimType": "GIFT"}], "claimType: unk"),
    ("completedClaims", [{"claimType": "CANCEL"}], "missing required field `claimStatus`"),
]


@pytest.mark.parametrize(("path", "value", "reason"), BAD_LINES)
def test_line_that_cannot_be_understood_is_rejected_alone(path: str, value: object, reason: str):
    found = one_bad(path, value)
    assert [line.line_no for line in found.lines] == ["2"]
    assert [order.order_no for order in found.orders] == ["2026051120593131"]
    assert {claim.line_no for claim in found.claims} == {"2"}
    [rejected] = found.rejected
    assert (rejected.kind, rejected.document_no) == ("orders", "1")
    assert reason in rejected.reason
    assert '"productOrderId":' in rejected.body
    assert found.complete_until == UNTIL


def test_claim_that_only_the_line_tells_of_has_to_be_understood():
    row = detail("1", claimType="GIFT", claimStatus="CANCEL_REQUEST")
    del row["currentClaim"]
    other = detail("2", claimType="CANCEL", claimStatus="LOST")
    del other["currentClaim"]
    found = lines({"data": [row, other]})
    assert found.lines == []
    assert [it.reason for it in found.rejected] == [
        "claimType: unknown value 'GIFT'",
        "claimStatus: unknown value 'LOST'",
    ]


@pytest.mark.parametrize("row", [1, "text", None, [], {}, {"order": {}}, {"productOrder": None}])
def test_row_that_is_no_line_at_all(row: object):
    found = lines({"data": [row, detail("2")]})
    assert [line.line_no for line in found.lines] == ["2"]
    assert sorted(it.document_no or "" for it in found.rejected) == ["", "1"]


def test_row_with_bytes_that_are_no_text_is_rejected_alone():
    whole = json.dumps({"data": [detail("1", shippingMemo="@@"), detail("2")]}).encode()
    found = lines(whole.replace(b"@@", b"\xb0\xa1\xff"))
    assert [line.line_no for line in found.lines] == ["2"]
    [rejected] = found.rejected
    assert (rejected.document_no, rejected.kind) == ("1", "orders")
    assert "\ufffd" in rejected.body


@pytest.mark.parametrize("text", ["\\u0000", "C:\\users", "\\\\u0000"])
def test_backslash_before_u0000_is_text(text: str):
    found = lines({"data": [detail("1", shippingMemo=text), detail("2")]})
    assert found.lines[0].delivery_note == text
    assert found.rejected == []


@pytest.mark.parametrize(
    ("escapes", "text"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\uDE00!", "\ufffd!"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\\ud83d", r"\ud83d"),
        (r"\ud83d\ude00", "😀"),
    ],
    ids=["first half", "second half", "half and whole", "backslash", "whole"],
)
def test_half_of_a_character_spoils_nothing_else(escapes: str, text: str):
    whole = json.dumps({"data": [detail("1", shippingMemo="@@"), detail("2")]})
    found = lines(whole.replace("@@", escapes))
    assert [line.line_no for line in found.lines] == ["1", "2"]
    assert found.lines[0].delivery_note == text


HARMFUL = [
    "'; DROP TABLE market_orders; --",
    "a\r\nX-Injected: 1\r\n\r\nGET / HTTP/1.1",
    "%s %(x)s {0} ${HOME} `id`",
    "<script>alert(1)</script>",
    "\u202e\u0007\x7f😀",
    "x" * 50_000,
]


@pytest.mark.parametrize("text", HARMFUL, ids=["sql", "lines", "formats", "html", "odd", "long"])
def test_text_of_the_market_is_kept_as_it_is(text: str):
    found = lines({"data": [detail("1", productName=text, optionCode=text), detail("2")]})
    assert (found.lines[0].product_name, found.lines[0].option_no) == (text, text.strip())
    assert found.rejected == []


def test_numbers_of_things_stay_text():
    row = detail("00020260511224423019", packageNumber="0007", productId=9000500101)
    del row["productOrder"]["originalProductId"]
    found = lines({"data": [row, detail("2")]}, ("00020260511224423019", "2"))
    line = found.lines[0]
    assert (line.line_no, line.shipment_no) == ("00020260511224423019", "0007")
    assert line.product_no == "9000500101"


# ── the feed ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("row", "number"),
    [
        ({"orderId": "1"}, None),
        ({"productOrderId": 7}, "7"),
        ({"productOrderId": None}, None),
        ({"productOrderId": "7", "claimType": 1}, "7"),
        ("7", None),
    ],
)
def test_entry_of_the_feed_that_names_no_line_is_rejected_alone(row: object, number: str | None):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return answer({"data": {"lastChangeStatuses": [row, {"productOrderId": "2"}]}})
        return answer({"data": [detail(no) for no in asked(request)["productOrderIds"]]})

    found = Talk(handler).batch(lambda it: it.orders(SINCE, UNTIL))
    assert [line.line_no for line in found.lines] == ["2"]
    assert [(it.kind, it.document_no) for it in found.rejected] == [("orders", number)]


@pytest.mark.parametrize(
    "data",
    [
        {"lastChangeStatuses": {}},
        {"lastChangeStatuses": [], "more": {"moreFrom": "2026-05-11T00:00:00.000+09:00"}},
        {"lastChangeStatuses": [], "more": {"moreSequence": "1"}},
        [],
    ],
    ids=["rows", "only from", "only sequence", "list"],
)
def test_feed_that_cannot_be_followed_is_a_broken_answer(data: object):
    talk = Talk(lambda _: answer({"data": data}), waits_s=(0.0,))
    with pytest.raises(BadPayload):
        talk.batches(lambda it: it.orders(SINCE, UNTIL))
    assert len(talk.sent) == 2


# ── listings ───────────────────────────────────────────────────────────────────────────────────
def products(row: object, body: object = samples.LISTING) -> Batch:
    """Read a list of `row` and a good listing; `body` is the detail of the page's listing."""
    good = deepcopy(samples.sample(samples.LISTINGS)["contents"][0]) | {"originProductNo": 2}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return answer({"contents": [row, good], "last": True})
        is_odd = request.url.path == f"{DETAIL}/{LISTING_NO}"
        return answer(body if is_odd else samples.LISTING)

    return Talk(handler).batch(lambda it: it.products())


ROW = samples.sample(samples.LISTINGS)["contents"][0]
FIRST = "channelProducts.0"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("channelProducts", [], "channelProducts: empty"),
        ("channelProducts", GONE, "missing required field `channelProducts`"),
        (f"{FIRST}.statusType", "HIDDEN", "statusType: unknown value 'HIDDEN'"),
        (f"{FIRST}.name", GONE, "missing required field `name`"),
        (f"{FIRST}.name", 5, "Expected `str`, got `int`"),
        (f"{FIRST}.name", "a\x00b", "text: holds a NUL character"),
        (f"{FIRST}.regDate", "then", "regDate: not a time: 'then'"),
        (f"{FIRST}.modifiedDate", "2026-13-01T00:00:00.000+09:00", "modifiedDate: not a time"),
    ],
)
def test_listing_that_cannot_be_understood_is_rejected_alone(path: str, value: object, reason: str):
    found = products(put(ROW, path, value))
    assert [it.product_no for it in found.products] == ["2"]
    [rejected] = found.rejected
    assert (rejected.kind, rejected.document_no) == ("products", LISTING_NO)
    assert reason in rejected.reason


ORIGIN = "originProduct"
OPTION = f"{ORIGIN}.detailAttribute.optionInfo.optionCombinations.1"
BAD_DETAILS = [
    (f"{ORIGIN}.salePrice", GONE, "missing required field `salePrice`"),
    (f"{ORIGIN}.salePrice", -1, "salePrice: negative: -1"),
    (f"{ORIGIN}.salePrice", 10**16, "salePrice: too much"),
    (f"{ORIGIN}.salePrice", "29000", "Expected `int`, got `str`"),
    (f"{ORIGIN}.statusType", GONE, "missing required field `statusType`"),
    (f"{OPTION}.stockQuantity", -1, "stockQuantity: negative: -1"),
    (f"{OPTION}.stockQuantity", 2**31, "stockQuantity: too many"),
    (f"{OPTION}.stockQuantity", GONE, "stockQuantity: missing"),
    (f"{OPTION}.price", -29_001, "price: negative: -1"),
    (f"{OPTION}.id", GONE, "missing required field `id`"),
    (f"{OPTION}.usable", "Y", "Expected `bool`, got `str`"),
    (f"{OPTION}.optionName1", "a\x00b", "text: holds a NUL character"),
]


@pytest.mark.parametrize(("path", "value", "reason"), BAD_DETAILS)
def test_detail_that_cannot_be_understood_is_rejected_alone(path: str, value: object, reason: str):
    body = put(samples.sample(samples.LISTING), path, value)
    found = products(ROW, body)
    assert [it.product_no for it in found.products] == ["2"]
    assert {it.product_no for it in found.offers} == {"2"}
    [rejected] = found.rejected
    assert (rejected.kind, rejected.document_no) == ("products", LISTING_NO)
    assert reason in rejected.reason


@pytest.mark.parametrize(("path", "value", "reason"), BAD_DETAILS)
def test_offers_that_cannot_be_understood_are_rejected_alone(path: str, value: object, reason: str):
    body = put(samples.sample(samples.LISTING), path, value)
    talk = Talk(lambda it: answer(body if it.url.path.endswith(LISTING_NO) else samples.LISTING))
    keys = [OptionKey(number, "40000000001") for number in (LISTING_NO, "2")]
    from_market = talk.batch(lambda it: it.offers(keys))
    assert [it.product_no for it in from_market.offers] == ["2"]
    [rejected] = from_market.rejected
    assert (rejected.kind, rejected.document_no) == ("offers", LISTING_NO)
    assert reason in rejected.reason


# ── whatever comes ─────────────────────────────────────────────────────────────────────────────
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda it: st.lists(it, max_size=3) | st.dictionaries(st.text(max_size=5), it, max_size=3),
    max_leaves=5,
)
PATHS = [
    *(f"productOrder.{name}" for name in detail()["productOrder"] if name != "productOrderId"),
    *(f"order.{name}" for name in detail()["order"]),
    *(f"currentClaim.return.{name}" for name in detail()["currentClaim"]["return"]),
    *(f"delivery.{name}" for name in detail()["delivery"]),
    "currentClaim",
    "currentClaim.return",
    "delivery",
    "order",
]


@settings(deadline=None, max_examples=150)
@given(path=st.sampled_from(PATHS), value=VALUES)
def test_any_value_anywhere_is_understood_or_rejected_alone(path: str, value: object):
    found = one_bad(path, value)
    told = [line.line_no for line in found.lines] + [it.document_no for it in found.rejected]
    assert sorted(told) == ["1", "2"]
    assert found.lines[-1].line_no == "2"
    for line in found.lines:
        assert 0 <= line.quantity < 2**31
        assert 0 <= line.amount < 2**63
        assert line.ordered_at.tzinfo is not None
