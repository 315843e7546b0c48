"""Coupang's rows: the liberties its answers take, and rows that cannot be understood."""

import json

import pytest
from sqlalchemy import text

from erp_assets.records import Batch, LineStatus, OptionKey
from erp_assets.warehouse import loading
from erp_assets_tests.markets import coupang_samples as samples
from erp_assets_tests.markets.coupang_samples import (
    RECEIPT,
    SHEET,
    SUMMARY,
    Talk,
    answer,
    by_target,
    changed,
    kst,
    listed,
    sold,
)

SINCE, UNTIL = kst("2026-02-27T00:00:00"), kst("2026-03-02T00:00:00")
OTHER = SHEET | {"shipmentBoxId": 7}
ITEM = "orderItems.0"


def read(*boxes: object) -> Batch:
    """Read the orders of some days; `boxes` is what INSTRUCT holds."""
    talk = Talk(by_target({"status=INSTRUCT": listed(*boxes)}))
    return talk.batch(lambda it: it.orders(SINCE, UNTIL))


def claimed(part: str, *rows: object) -> Batch:
    talk = Talk(by_target({part: listed(*rows)}))
    return talk.batch(lambda it: it.claims(SINCE, UNTIL))


def shown(*summaries: object, detail: object = samples.PRODUCT) -> Batch:
    answers = {"/seller-products?": sold(list(summaries)), "/seller-products/": sold(detail)}
    return Talk(by_target(answers)).batch(lambda it: it.products())


def offered(row: object) -> Batch:
    talk = Talk(by_target({"/3000000000/": sold(row)}))
    return talk.batch(lambda it: it.offers([OptionKey("1", "3000000000")]))


# ── liberties ──────────────────────────────────────────────────────────────────────────────────
def won(units: object, nanos: object = 0, currency: object = "KRW") -> dict[str, object]:
    return {"currencyCode": currency, "units": units, "nanos": nanos}


@pytest.mark.parametrize(
    "money",
    [
        won(19_000),
        won(19_000, None),
        won(19_000, 0, None),
        {"units": 19_000},
        19_000,
        19_000.0,
    ],
    ids=["object", "nanos null", "currency null", "units only", "number", "float"],
)
def test_money_comes_in_several_forms(money: object):
    box = changed(SHEET, {"shippingPrice": money, f"{ITEM}.salesPrice": money})
    [line] = read(box).lines
    assert (line.unit_price, line.amount, line.shipping_fee) == (19_000, 38_000, 19_000)
    assert offered(samples.OFFER | {"salePrice": money}).offers[0].price == 19_000


def test_money_may_be_null_everywhere():
    names = ("discountPrice", "instantCouponDiscount", "downloadableCouponDiscount")
    nulls = {f"{ITEM}.{name}": None for name in (*names, "coupangDiscount", "salesPrice")}
    [line] = read(changed(SHEET, {"shippingPrice": None, **nulls})).lines
    assert (line.unit_price, line.amount) == (19_000, 38_000)
    assert (line.seller_discount, line.market_discount, line.shipping_fee) == (None, None, 0)


def test_fee_of_a_remote_area_is_added():
    [line] = read(changed(SHEET, {"remotePrice": won(3_000)})).lines
    assert line.shipping_fee == 5_500


@pytest.mark.parametrize("nothing", ["", "  ", None, ...], ids=["empty", "blank", "null", "absent"])
def test_every_style_of_no_value_is_none(nothing: object):
    times = ("paidAt", "inTrasitDateTime", "deliveredDate")
    texts = ("parcelPrintMessage", "deliveryCompanyName", "invoiceNumber")
    people = ("orderer.name", "orderer.safeNumber", "receiver.name", "receiver.safeNumber")
    address = ("receiver.addr1", "receiver.addr2", "receiver.postCode")
    own = (f"{ITEM}.externalVendorSkuCode", f"{ITEM}.sellerProductItemName", f"{ITEM}.confirmDate")
    names = (*times, *texts, *people, *address, *own)
    found = read(changed(SHEET, dict.fromkeys(names, nothing)))
    [line], [order] = found.lines, found.orders
    assert (order.paid_at, order.buyer_name, order.buyer_phone) == (None, None, None)
    assert (line.shipped_at, line.delivered_at, line.completed_at) == (None, None, None)
    assert (line.carrier, line.invoice_no, line.delivery_note) == (None, None, None)
    assert (line.receiver_name, line.receiver_phone, line.postcode) == (None, None, None)
    assert (line.address, line.seller_code, line.option_name) == (None, None, None)


def test_people_may_be_missing_altogether():
    found = read(changed(SHEET, {"orderer": None, "receiver": ...}))
    assert (found.orders[0].buyer_name, found.lines[0].receiver_name) == (None, None)


@pytest.mark.parametrize(
    ("numbers", "phone"),
    [
        ({"safeNumber": " +1(555)444-1234"}, "+1(555)444-1234"),
        ({"safeNumber": "0502-0000-0000"}, "0502-0000-0000"),
        ({"safeNumber": "", "receiverNumber": "010-1"}, "010-1"),
        ({"safeNumber": None, "receiverNumber": None}, None),
    ],
    ids=["e.164", "korean", "other", "none"],
)
def test_telephone_number_that_reaches_them(numbers: dict[str, str | None], phone: str | None):
    row = SHEET | {"receiver": SHEET["receiver"] | numbers}
    assert read(row).lines[0].receiver_phone == phone


@pytest.mark.parametrize(
    ("text_", "expected"),
    [
        ("2025-01-15T14:17:13.973885-08:00", "2025-01-16T07:17:13.973885"),
        ("2025-01-15T14:17:13.9-08:00", "2025-01-16T07:17:13.900"),
        ("2025-01-15T14:17:13Z", "2025-01-15T23:17:13"),
        ("2025-01-15T14:17:13.123456789+09:00", "2025-01-15T14:17:13.123456"),
        ("2025-01-15T14:17:13", "2025-01-15T14:17:13"),
        ("2025-01-15 14:17:13", "2025-01-15T14:17:13"),
    ],
)
def test_time_has_any_offset_and_fraction_and_is_korean_without(text_: str, expected: str):
    assert read(changed(SHEET, {"orderedAt": text_})).lines[0].ordered_at == kst(expected)


def test_numbers_may_be_text_and_pass_2_to_the_53():
    ids = {"shipmentBoxId": "642538970006401429", "orderId": "22000009546234"}
    items = {f"{ITEM}.vendorItemId": "3242596358", f"{ITEM}.sellerProductId": "80240831"}
    as_text, as_numbers = read(SHEET | ids), read(SHEET)
    assert as_text.lines == as_numbers.lines == read(changed(SHEET, ids | items)).lines
    assert as_text.lines[0].shipment_no == "642538970006401429"


def test_planned_day_wins_over_the_estimated():
    [line] = read(changed(SHEET, {f"{ITEM}.plannedShippingDate": "2026-03-09"})).lines
    assert line.ship_by == kst("2026-03-10T00:00:00")


def test_same_option_twice_in_a_box_is_added_up():
    item = SHEET["orderItems"][0]
    again = item | {"shippingCount": 1, "cancelCount": 1, "holdCountForCancel": 0}
    [line] = read(SHEET | {"orderItems": [item, again]}).lines
    assert (line.quantity, line.amount, line.cancelled_quantity) == (3, 57_000, 1)
    assert (line.seller_discount, line.market_discount) == (6_000, 0)
    assert line.status is LineStatus.CONFIRMED


def test_unknown_fields_and_values_nobody_needs_are_no_obstacle():
    box = SHEET | {"shipmentType": "NEW", "refer": 7, "brandNew": {"deep": [1, None]}}
    assert read(box).lines == read(SHEET).lines
    exchange = samples.EXCHANGE | {"deliveryStatus": "?", "collectStatus": "Collecting"}
    assert len(claimed("/exchangeRequests", exchange).claims) == 1


def test_bundle_is_stored_and_flagged_for_review():
    found = read(changed(SHEET, {f"{ITEM}.upBundleItem": True}), OTHER)
    assert len(found.lines) == len(found.documents) == 2
    [rejected] = found.rejected
    assert rejected.reason.startswith("upBundleItem: stored; check")
    assert rejected.document_no == "642538970006401429"


# ── rows that cannot be understood ─────────────────────────────────────────────────────────────
BIG = "9" * 30
BAD_BOXES: list[tuple[dict[str, object], str]] = [
    ({"status": "PAYMENT_WAITING"}, "status: unknown value 'PAYMENT_WAITING'"),
    ({"status": ""}, "status: unknown value ''"),
    ({"status": None}, "Expected `str`, got `null`"),
    ({"status": "x" * 9_999}, "status: unknown value 'xxx"),
    ({"shipmentBoxId": ...}, "Object missing required field `shipmentBoxId`"),
    ({"shipmentBoxId": None}, "Expected `int | str`, got `null`"),
    ({"shipmentBoxId": -4}, "shipmentBoxId: negative: -4"),
    ({"shipmentBoxId": 1.5}, "Expected `int | str`, got `float`"),
    ({"shipmentBoxId": "1" * 41}, "shipmentBoxId: not a number of Coupang's"),
    ({"shipmentBoxId": "1 2"}, "shipmentBoxId: not a number of Coupang's: '1 2'"),
    ({"orderId": ""}, "orderId: missing"),
    ({"orderId": ...}, "Object missing required field `orderId`"),
    ({"orderedAt": ""}, "orderedAt: missing"),
    ({"orderedAt": "yesterday"}, "orderedAt: not a time: 'yesterday'"),
    ({"orderedAt": "2026-02-30T00:00:00"}, "orderedAt: not a time"),
    ({"orderedAt": "0001-01-01T00:00:00Z"}, "orderedAt: not a time of our days"),
    ({"orderedAt": "9999-12-31T23:59:59-08:00"}, "orderedAt: not a time of our days"),
    ({"orderedAt": 20260227}, "Expected `str`, got `int`"),
    ({"paidAt": "?"}, "paidAt: not a time: '?'"),
    ({"deliveredDate": "2026-13-01"}, "deliveredDate: not a time"),
    ({"shippingPrice": won(-2_500)}, "shippingPrice: negative: -2500"),
    ({"shippingPrice": "2500"}, "Expected `int | float | object | null`, got `str`"),
    ({"shippingPrice": won(2**63 - 1), "remotePrice": 1}, "shippingPrice: too much"),
    ({"orderItems": None}, "Expected `array`, got `null`"),
    ({"orderItems": {}}, "Expected `array`, got `object`"),
    ({f"{ITEM}.shippingCount": ...}, "Object missing required field `shippingCount`"),
    ({f"{ITEM}.shippingCount": -1}, "shippingCount: negative: -1"),
    ({f"{ITEM}.shippingCount": "2"}, "Expected `int`, got `str`"),
    ({f"{ITEM}.shippingCount": True}, "Expected `int`, got `bool`"),
    ({f"{ITEM}.shippingCount": 2**31}, "shippingCount: too many: 2147483648"),
    ({f"{ITEM}.shippingCount": int(BIG)}, f"shippingCount: too many: {BIG}"),
    ({f"{ITEM}.cancelCount": -1}, "cancelCount: negative: -1"),
    ({f"{ITEM}.holdCountForCancel": 2**31}, "holdCountForCancel: too many"),
    ({f"{ITEM}.salesPrice": won(-1)}, "salesPrice: negative: -1"),
    ({f"{ITEM}.salesPrice": won(1, 500_000_000)}, "salesPrice: not whole won"),
    ({f"{ITEM}.salesPrice": won(1, 0, "TWD")}, "salesPrice: not won: 'TWD'"),
    ({f"{ITEM}.salesPrice": 0.5}, "salesPrice: not whole won: 0.5"),
    ({f"{ITEM}.salesPrice": won(2**63)}, "salesPrice: too much"),
    ({f"{ITEM}.salesPrice": won(2**62)}, "salesPrice: too much"),
    ({f"{ITEM}.salesPrice": None, f"{ITEM}.orderPrice": None}, "salesPrice: missing"),
    ({f"{ITEM}.salesPrice": None, f"{ITEM}.orderPrice": 33_333}, "salesPrice: missing"),
    ({f"{ITEM}.salesPrice": {"units": "1"}}, "Expected `int`, got `str`"),
    ({f"{ITEM}.salesPrice": {}}, "Object missing required field `units`"),
    ({f"{ITEM}.coupangDiscount": won(-1)}, "coupangDiscount: negative: -1"),
    ({f"{ITEM}.vendorItemId": None}, "Expected `int | str`, got `null`"),
    ({f"{ITEM}.estimatedShippingDate": "soon"}, "estimatedShippingDate: not a day: 'soon'"),
    ({f"{ITEM}.confirmDate": "?"}, "confirmDate: not a time: '?'"),
    ({"receiver.name": "a\x00b"}, "text: holds a NUL character"),
    ({"receiver": "x"}, "Expected `object | null`, got `str`"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD_BOXES, ids=[it[1][:50] for it in BAD_BOXES])
def test_bad_box_is_rejected_and_the_rest_of_the_page_kept(changes: dict[str, object], reason: str):
    bad = changed(SHEET, changes)
    found = read(bad, OTHER)
    [rejected] = found.rejected
    assert rejected.kind == "orders"
    assert rejected.reason.startswith(reason)
    assert len(rejected.reason) < 200
    assert json.loads(rejected.body) == bad
    assert rejected.document_no == (
        None if "shipmentBoxId" in changes else str(SHEET["shipmentBoxId"])
    )
    assert [line.shipment_no for line in found.lines] == ["7"]
    assert len(found.orders) == len(found.documents) == 1
    assert found.complete_until == UNTIL


@pytest.mark.parametrize("row", [None, 1, "x", [], [1], {}], ids=str)
def test_row_of_another_kind_is_rejected_alone(row: object):
    found = read(row, OTHER)
    assert (len(found.rejected), len(found.lines)) == (1, 1)
    assert found.rejected[0].document_no is None


@pytest.mark.parametrize(
    "piece", [b"\xff", b"\xed\xa0\xbd", b"\xb0\xa1"], ids=["ff", "surrogate", "euc-kr"]
)
@pytest.mark.parametrize("name", ["parcelPrintMessage", "nobodyReadsThis"])
def test_row_with_bytes_that_are_no_text_is_rejected_alone(name: str, piece: bytes):
    content = answer(listed(SHEET | {name: "@@"}, OTHER)).content.replace(b"@@", piece)
    talk = Talk(by_target({"status=INSTRUCT": answer(content)}))
    found = talk.batch(lambda it: it.orders(SINCE, UNTIL))
    assert [it.reason for it in found.rejected] == ["text: holds bytes that are no UTF-8"]
    assert [line.shipment_no for line in found.lines] == ["7"]
    assert len(found.documents) == 1


def test_two_entries_of_an_option_at_two_prices_are_not_guessed_at():
    item = SHEET["orderItems"][0]
    found = read(SHEET | {"orderItems": [item, item | {"salesPrice": 1}]}, OTHER)
    assert [it.reason for it in found.rejected] == [
        "orderItems: option 3242596358 comes twice, at two prices"
    ]
    assert len(found.lines) == 1


DONE = "RETURNS_COMPLETED"
BAD_RECEIPTS: list[tuple[dict[str, object], str]] = [
    ({"receiptStatus": "ODD"}, "receiptStatus: unknown value 'ODD'"),
    ({"receiptStatus": None}, "Expected `str`, got `null`"),
    ({"receiptId": ...}, "Object missing required field `receiptId`"),
    ({"receiptId": ""}, "receiptId: missing"),
    ({"createdAt": ""}, "createdAt: missing"),
    ({"createdAt": "?"}, "createdAt: not a time: '?'"),
    ({"receiptStatus": DONE, "modifiedAt": "?"}, "modifiedAt: not a time: '?'"),
    ({"returnItems": None}, "Expected `array`, got `null`"),
    ({"returnItems.0.cancelCount": -1}, "cancelCount: negative: -1"),
    ({"returnItems.0.cancelCount": "1"}, "Expected `int`, got `str`"),
    ({"returnItems.0.cancelCount": 2**31}, "cancelCount: too many"),
    ({"returnItems.0.shipmentBoxId": None}, "Expected `int | str`, got `null`"),
    ({"returnItems.0.vendorItemId": ...}, "Object missing required field `vendorItemId`"),
    ({"requesterName": "\x00"}, "text: holds a NUL character"),
]


@pytest.mark.parametrize(
    ("changes", "reason"), BAD_RECEIPTS, ids=[it[1][:50] for it in BAD_RECEIPTS]
)
def test_bad_receipt_is_rejected_and_the_rest_kept(changes: dict[str, object], reason: str):
    found = claimed("status=CC", changed(RECEIPT, changes), RECEIPT | {"receiptId": 8})
    [rejected] = found.rejected
    assert rejected.kind == "claims"
    assert rejected.reason.startswith(reason)
    assert rejected.document_no == (None if "receiptId" in changes else "50229613")
    assert [claim.claim_no for claim in found.claims] == ["8"]
    assert len(found.documents) == 1


@pytest.mark.parametrize(
    ("part", "row", "name", "reason"),
    [
        ("/exchangeRequests", samples.EXCHANGE | {"exchangeStatus": "?"}, "exchangeId", "unknown"),
        ("/exchangeRequests", samples.EXCHANGE | {"createdAt": "x"}, "exchangeId", "not a time"),
        (
            "/exchangeRequests",
            changed(samples.EXCHANGE, {"exchangeItemDtoV1s.0.quantity": -1}),
            "exchangeId",
            "quantity: negative",
        ),
        ("/returnWithdrawRequests", {"cancelId": "a b"}, None, "not a number of Coupang's"),
        ("/returnWithdrawRequests", {"orderId": 1}, None, "missing required field `cancelId`"),
    ],
    ids=["status", "time", "quantity", "number", "field"],
)
def test_bad_exchange_or_withdrawal_is_rejected(part, row, name: str | None, reason: str):
    found = claimed(part, row)
    [rejected] = found.rejected
    assert reason in rejected.reason
    assert rejected.document_no == (str(row[name]) if name else None)
    assert (found.claims, found.claim_updates, found.documents) == ([], [], [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"statusName": "판매중"}, "statusName: unknown value '판매중'"),
        ({"statusName": ...}, "Object missing required field `statusName`"),
        ({"sellerProductId": None}, "Expected `int | str`, got `null`"),
        ({"sellerProductId": "x" * 50}, "sellerProductId: not a number of Coupang's"),
    ],
    ids=["state", "no state", "null", "long"],
)
def test_bad_summary_is_rejected_and_the_rest_kept(changes: dict[str, object], reason: str):
    good = SUMMARY | {"sellerProductId": 152620911}
    found = shown(changed(SUMMARY, changes), good)
    [rejected] = found.rejected
    assert (rejected.kind, rejected.reason[: len(reason)]) == ("products", reason)
    assert [it.product_no for it in found.products] == ["152620911"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"statusName": "?"}, "statusName: unknown value '?'"),
        ({"sellerProductId": 9}, "sellerProductId: 9 is not the product asked for"),
        ({"items": None}, "Expected `array`, got `null`"),
        ({"items.0.vendorItemId": -1}, "vendorItemId: negative: -1"),
        ({"sellerProductName": None}, "Expected `str`, got `null`"),
    ],
    ids=["state", "other", "no items", "negative", "no name"],
)
def test_bad_detail_is_rejected(changes: dict[str, object], reason: str):
    summary = SUMMARY | {"sellerProductId": 152620911}
    found = shown(summary, detail=changed(samples.PRODUCT, changes))
    [rejected] = found.rejected
    assert (rejected.document_no, rejected.reason[: len(reason)]) == ("152620911", reason)
    assert (found.products, found.options, found.documents) == ([], [], [])


def test_deleted_listing_with_a_bad_time_is_rejected_alone():
    gone = SUMMARY | {"statusName": "상품삭제", "createdAt": "?"}
    found = shown(gone, SUMMARY | {"sellerProductId": 152620911})
    assert [(it.reason, it.document_no) for it in found.rejected] == [
        ("createdAt: not a time: '?'", "239092172")
    ]
    assert [it.product_no for it in found.products] == ["152620911"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sellerItemId": 4}, "sellerItemId: 4 is not the option asked for"),
        ({"amountInStock": -1}, "amountInStock: negative: -1"),
        ({"amountInStock": 2**31}, "amountInStock: too many"),
        ({"amountInStock": None}, "Expected `int`, got `null`"),
        ({"amountInStock": "5"}, "Expected `int`, got `str`"),
        ({"salePrice": None}, "salePrice: missing"),
        ({"salePrice": -10}, "salePrice: negative: -10"),
        ({"onSale": "true"}, "Expected `bool`, got `str`"),
        ({"onSale": ...}, "Object missing required field `onSale`"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_bad_offer_is_rejected(changes: dict[str, object], reason: str):
    found = offered(changed(samples.OFFER, changes))
    [rejected] = found.rejected
    assert (rejected.kind, rejected.document_no) == ("offers", "3000000000")
    assert rejected.reason.startswith(reason)
    assert (found.offers, found.documents) == ([], [])


# ── text that means harm ───────────────────────────────────────────────────────────────────────
EVIL = "'; DROP TABLE market_orders; -- \"\r\nX-Evil: 1\t\\N %s {0} $1 <script>1</script> \u202e"


def test_text_that_means_harm_is_stored_as_text(warehouse):
    box = changed(
        SHEET,
        {
            "receiver.name": EVIL,
            "parcelPrintMessage": EVIL,
            f"{ITEM}.sellerProductName": EVIL,
            f"{ITEM}.externalVendorSkuCode": EVIL,
        },
    )
    bad = changed(OTHER, {"status": EVIL})
    found = read(box, bad)
    with warehouse.transaction() as db:
        loading.load(db, account_id=1, kind="orders", batch=found)
        stored = db.execute(
            text("SELECT receiver_name, delivery_note, product_name FROM market_order_lines")
        ).one()
        name, body = db.execute(
            text("SELECT body -> 'receiver' ->> 'name', body::text FROM raw_documents")
        ).one()
        (reason,) = db.execute(text("SELECT reason FROM rejected_rows")).one()
    assert set(stored) == {EVIL.strip(), EVIL}
    assert name == EVIL
    assert json.loads(body) == box
    assert reason.startswith("status: unknown value")
