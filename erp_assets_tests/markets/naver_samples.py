"""Naver's answers as naver.md shows them, and a client that hears them instead of the market."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx

from erp_assets.markets.naver import Naver
from erp_assets.records import Batch

CLIENT_ID = "7sim0Shop0Client0AppId"
SECRET = "$2a$04$Nv.Sim0Secret0Salt0Aqe"
CREDENTIALS = {"client_id": CLIENT_ID, "client_secret": SECRET}
NOW = datetime(2025, 12, 31, 15, 0, tzinfo=UTC)
"""The instant of the page's signature: 1767193200000 ms."""
LATER = datetime(2026, 12, 1, tzinfo=UTC)
LINES = "/external/v1/pay-order/seller/product-orders"
ORIGINS = "/external/v1/products/origin-products"
DETAIL = "/external/v2/products/origin-products"

Handler = Callable[[httpx.Request], httpx.Response]
Json = Any


def answer(body: Json, status: int = 200, **headers: str) -> httpx.Response:
    """Wrap a body: JSON text as it is, anything else encoded."""
    text = body if isinstance(body, str | bytes) else json.dumps(body, ensure_ascii=False)
    content = text.encode() if isinstance(text, str) else text
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(
        status, content=content, headers={"Content-Type": "application/json"} | named
    )


def gateway(code: str, status: int, **headers: str) -> httpx.Response:
    """Answer as the gateway does when it lets nothing through (§3.1)."""
    body = {"code": code, "message": "말", "timestamp": "2026-05-11T22:27:38.419+09:00"}
    return answer(body | {"traceId": "cr3-1^2^3"}, status, **headers)


def sample(text: str) -> Json:
    """Return a sample as values to be altered."""
    return json.loads(text)


def detail(number: str = "2026051122442301", **changes: Json) -> Json:
    """Return the page's line under a number; `changes` are those of its productOrder."""
    row = deepcopy(sample(DETAILS)["data"][0])
    row["productOrder"] |= {"productOrderId": number} | changes
    return row


def details(request: httpx.Request) -> httpx.Response:
    """Answer a query by ids with lines like the page's."""
    return answer({"data": [detail(no) for no in asked(request)["productOrderIds"]]})


def asked(request: httpx.Request) -> Json:
    """Return the JSON that was sent."""
    return json.loads(request.content)


def params(request: httpx.Request) -> dict[str, str]:
    """Return the query, each name once."""
    found = parse_qs(request.url.query.decode(), keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


async def no_wait(_: float) -> None:
    """Sleep not at all."""


class Talk:
    """A client and what it sent. handler: the market's side, tokens excepted.

    grant: answers a token request. waits_s: one per repeat of a read.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        grant: Handler | None = None,
        waits_s: Sequence[float] = (),
        **options: Any,
    ) -> None:
        self.sent: list[httpx.Request] = []
        self.granted: list[httpx.Request] = []
        self._handler = handler
        self._grant = grant or (lambda _: answer(TOKEN))
        self._options: dict[str, Any] = {
            "base_url": "http://naver.test",
            "credentials": CREDENTIALS,
            "rate": None,
            "sleep": no_wait,
            "waits_s": waits_s,
            "now": lambda: LATER,
        } | options

    @property
    def lines(self) -> list[str]:
        """Request lines sent so far, without tokens and queries."""
        return [f"{it.method} {it.url.raw_path.decode().partition('?')[0]}" for it in self.sent]

    async def _heard(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if request.url.path.endswith("/oauth2/token"):
            self.granted.append(request)
            return self._grant(request)
        self.sent.append(request)
        return self._handler(request)

    def run(self, use: Callable[[Naver], Any]) -> Any:
        """Return what `use` awaits from a client that is closed afterwards."""

        async def once() -> Any:
            client = Naver(transport=httpx.MockTransport(self._heard), **self._options)
            try:
                return await use(client)
            finally:
                await client.aclose()

        return asyncio.run(once())

    def batches(self, use: Callable[[Naver], AsyncIterator[Batch]]) -> list[Batch]:
        """Return every batch of a read."""

        async def read(client: Naver) -> list[Batch]:
            return [batch async for batch in use(client)]

        found: list[Batch] = self.run(read)
        return found

    def batch(self, use: Callable[[Naver], AsyncIterator[Batch]]) -> Batch:
        """Return all batches of a read as one."""
        whole = Batch()
        for each in self.batches(use):
            whole.extend(each)
        return whole


def by_path(answers: Mapping[str, Any]) -> Handler:
    """Answer by what the path ends with, the first that fits; else as the gateway (§3.1)."""

    def handler(request: httpx.Request) -> httpx.Response:
        for end, body in answers.items():
            if request.url.path.endswith(end):
                return body(request) if callable(body) else answer(body)
        return gateway("GW.NOT_FOUND", 404)

    return handler


TOKEN = """\
{"access_token": "33Bp5LyUFVTBexampleToken", "expires_in": 10800, "token_type": "Bearer"}"""

TOKEN_REFUSED = """\
{
  "code": "BAD_REQUEST",
  "message": "client_secret_sign 항목이 유효하지 않습니다.",
  "timestamp": "2026-02-01T10:15:30.123+09:00",
  "invalidInputs": [
    {"name": "client_secret_sign", "type": "NotValid",
      "message": "client_secret_sign 항목이 유효하지 않습니다."}
  ]
}"""

TIMED_OUT = """\
{
  "code": "GW.TIMEOUT.01",
  "message": "요청 대기 시간이 초과되었습니다.",
  "timestamp": "2022-02-07T07:57:11.369+09:00",
  "traceId": "ar2-55f4fd5f54-mwk8w^1643182339983^366577"
}"""

BUSY = """\
{
  "code": "GW.RATE_LIMIT",
  "message": "요청이 많아 서비스를 일시적으로 사용할 수 없습니다.",
  "timestamp": "2026-05-11T22:27:38.419+09:00",
  "traceId": "cr3-163702-6z7nk2^1743026771751^140169625"
}"""

SETTLEMENT_REFUSED = """\
{
  "code": "BAD_REQUEST",
  "message": "잘못된 요청",
  "invalidInputs": [
    {"name": "fieldName", "message": "잘못된 값입니다.", "type": "typeMismatch"}
  ],
  "timestamp": "2022-09-01T12:00:00.000+09:00",
  "traceId": "pr1-184909-6wvwc7^1733910983629^239576802"
}"""

PERIOD_TOO_LONG = """\
{
  "code": "104139",
  "message": "조회 가능한 날짜 범위를 초과하였습니다.",
  "timestamp": "2026-05-11T22:27:38.419+09:00",
  "traceId": "cr3-163702-6z7nk2^1743026771751^140169624"
}"""

LISTINGS = """\
{
  "contents": [
    {
      "originProductNo": 9000000101,
      "channelProducts": [
        {
          "originProductNo": 9000000101,
          "channelProductNo": 9000500101,
          "channelServiceType": "STOREFARM",
          "categoryId": "50000803",
          "name": "면 반팔 티셔츠",
          "sellerManagementCode": "TS-001",
          "statusType": "SALE",
          "channelProductDisplayStatusType": "ON",
          "salePrice": 29000,
          "discountedPrice": 26000,
          "mobileDiscountedPrice": 26000,
          "stockQuantity": 35,
          "knowledgeShoppingProductRegistration": true,
          "deliveryAttributeType": "NORMAL",
          "deliveryFee": 3000,
          "returnFee": 3000,
          "exchangeFee": 6000,
          "wholeCategoryId": "50000000>50000169>50000803",
          "wholeCategoryName": "패션의류>남성의류>티셔츠",
          "representativeImage": {"url": "https://shop1.phinf.naver.net/20260101_1/a.jpg"},
          "brandName": "예시브랜드",
          "manufacturerName": "예시제조",
          "sellerTags": [{"code": 1234, "text": "반팔티"}],
          "regDate": "2026-01-05T10:00:00.000+09:00",
          "modifiedDate": "2026-05-10T09:30:00.000+09:00"
        }
      ]
    }
  ],
  "page": 1,
  "size": 500,
  "totalElements": 1,
  "totalPages": 1,
  "sort": {"sorted": true, "fields": [{"name": "NO", "direction": "DESC"}]},
  "first": true,
  "last": true
}"""

LISTING = """\
{
  "originProduct": {
    "statusType": "SALE",
    "saleType": "NEW",
    "leafCategoryId": "50000803",
    "name": "면 반팔 티셔츠",
    "detailContent": "<p>상세 설명</p>",
    "images": {
      "representativeImage": {"url": "https://shop1.phinf.naver.net/20260101_1/a.jpg"},
      "optionalImages": [{"url": "https://shop1.phinf.naver.net/20260101_1/b.jpg"}]
    },
    "salePrice": 29000,
    "stockQuantity": 35,
    "deliveryInfo": {
      "deliveryType": "DELIVERY",
      "deliveryAttributeType": "NORMAL",
      "deliveryCompany": "CJGLS",
      "deliveryBundleGroupUsable": true,
      "deliveryBundleGroupId": 53641574,
      "deliveryFee": {
        "deliveryFeeType": "CONDITIONAL_FREE",
        "baseFee": 3000,
        "freeConditionalAmount": 50000,
        "deliveryFeePayType": "PREPAID"
      },
      "claimDeliveryInfo": {
        "returnDeliveryCompanyPriorityType": "PRIMARY",
        "returnDeliveryFee": 3000,
        "exchangeDeliveryFee": 6000,
        "shippingAddressId": 100001,
        "returnAddressId": 100002
      }
    },
    "detailAttribute": {
      "naverShoppingSearchInfo": {
        "modelId": 0,
        "manufacturerName": "예시제조",
        "brandName": "예시브랜드",
        "catalogMatchingYn": false
      },
      "afterServiceInfo": {
        "afterServiceTelephoneNumber": "02-000-0000",
        "afterServiceGuideContent": "문의 바랍니다"
      },
      "originAreaInfo": {"originAreaCode": "00", "content": "국산", "plural": false},
      "sellerCodeInfo": {
        "sellerManagementCode": "TS-001",
        "sellerBarcode": "8800000000011",
        "sellerCustomCode1": "",
        "sellerCustomCode2": ""
      },
      "optionInfo": {
        "optionCombinationSortType": "CREATE",
        "optionCombinationGroupNames": {"optionGroupName1": "색상", "optionGroupName2": "사이즈"},
        "optionCombinations": [
          {"id": 40000000001, "optionName1": "블랙", "optionName2": "M", "stockQuantity": 20,
      "price": 0, "sellerManagerCode": "TS-001-BK-M", "usable": true},
          {"id": 40000000002, "optionName1": "블랙", "optionName2": "XL", "stockQuantity": 15,
      "price": 2000, "sellerManagerCode": "TS-001-BK-XL", "usable": true},
          {"id": 40000000003, "optionName1": "화이트", "optionName2": "M", "stockQuantity": 0,
      "price": 0, "sellerManagerCode": "TS-001-WH-M", "usable": true}
        ],
        "useStockManagement": true
      },
      "taxType": "TAX",
      "minorPurchasable": true
    },
    "customerBenefit": {
      "immediateDiscountPolicy": {"discountMethod": {"value": 3000, "unitType": "WON"}}
    }
  },
  "smartstoreChannelProduct": {
    "channelProductName": "면 반팔 티셔츠",
    "storeKeepExclusiveProduct": false,
    "naverShoppingRegistration": true,
    "channelProductDisplayStatusType": "ON"
  }
}"""

STATUS_CHANGED = """\
{"code": "SUCCESS", "message": "성공", "data": {}}"""

STORED = """\
{
  "originProductNo": 9000000101,
  "smartstoreChannelProductNo": 9000500101,
  "originProduct": {"statusType": "SALE", "name": "면 반팔 티셔츠", "salePrice": 29000,
      "stockQuantity": 38}
}"""

FEED = """\
{
  "timestamp": "2022-05-11T22:27:54.781+09:00",
  "traceId": "cr3-163702-6z7nk2^1743026771751^140169630",
  "data": {
    "lastChangeStatuses": [
      {
        "productOrderStatus": "PAYMENT_WAITING",
        "productOrderId": "2022051122441251",
        "orderId": "2022051120592121",
        "lastChangedDate": "2022-05-11T21:05:26.000+09:00",
        "lastChangedType": "PAY_WAITING",
        "receiverAddressChanged": false
      },
      {
        "productOrderStatus": "PAYED",
        "claimType": "CANCEL",
        "claimStatus": "CANCEL_REQUEST",
        "productOrderId": "2022051122442301",
        "orderId": "2022051120593131",
        "paymentDate": "2022-05-11T20:59:01.000+09:00",
        "lastChangedDate": "2022-05-11T22:05:26.000+09:00",
        "lastChangedType": "CLAIM_REQUESTED",
        "receiverAddressChanged": false
      }
    ],
    "more": {
      "moreFrom": "2022-05-11T22:05:27.000+09:00",
      "moreSequence": "2022051122443341"
    },
    "count": 2
  }
}"""

FEED_NOTHING = """\
{"timestamp": "2026-05-11T22:27:54.781+09:00",
      "traceId": "cr3-163702-6z7nk2^1743026771751^140169631"}"""

DETAILS = """\
{
  "timestamp": "2026-05-11T22:30:00.000+09:00",
  "traceId": "cr3-163702-6z7nk2^1743026771751^140169640",
  "data": [
    {
      "order": {
        "orderId": "2026051120593131",
        "orderDate": "2026-05-11T20:58:30.000+09:00",
        "ordererId": "buye****",
        "ordererName": "홍길동",
        "ordererNo": "100000001",
        "ordererTel": "010-0000-0000",
        "paymentDate": "2026-05-11T20:59:01.000+09:00",
        "paymentMeans": "신용카드 간편결제",
        "payLocationType": "MOBILE",
        "isDeliveryMemoParticularInput": "false",
        "orderDiscountAmount": 0,
        "generalPaymentAmount": 59000,
        "naverMileagePaymentAmount": 0,
        "chargeAmountPaymentAmount": 0,
        "checkoutAccumulationPaymentAmount": 0,
        "payLaterPaymentAmount": 0,
        "isMembershipSubscribed": false
      },
      "productOrder": {
        "productOrderId": "2026051122442301",
        "productOrderStatus": "DELIVERING",
        "claimType": "RETURN",
        "claimStatus": "RETURN_REQUEST",
        "claimId": "2026051500000001",
        "placeOrderStatus": "OK",
        "placeOrderDate": "2026-05-12T09:00:00.000+09:00",
        "productId": "9000500101",
        "originalProductId": "9000000101",
        "merchantChannelId": "500000001",
        "productName": "면 반팔 티셔츠",
        "productClass": "조합형옵션상품",
        "productOption": "색상: 블랙 / 사이즈: XL",
        "optionCode": "40000000002",
        "itemNo": "40000000002",
        "optionManageCode": "TS-001-BK-XL",
        "optionPrice": 2000,
        "sellerProductCode": "TS-001",
        "quantity": 2,
        "initialQuantity": 2,
        "remainQuantity": 2,
        "unitPrice": 29000,
        "totalProductAmount": 62000,
        "initialProductAmount": 62000,
        "remainProductAmount": 62000,
        "productDiscountAmount": 6000,
        "initialProductDiscountAmount": 6000,
        "remainProductDiscountAmount": 6000,
        "totalPaymentAmount": 56000,
        "initialPaymentAmount": 56000,
        "remainPaymentAmount": 56000,
        "deliveryFeeAmount": 3000,
        "deliveryDiscountAmount": 0,
        "deliveryPolicyType": "조건부무료",
        "shippingFeeType": "선결제",
        "sectionDeliveryFee": 0,
        "packageNumber": "2026051163600001",
        "expectedDeliveryMethod": "DELIVERY",
        "deliveryAttributeType": "NORMAL",
        "shippingDueDate": "2026-05-14T23:59:59.000+09:00",
        "shippingMemo": "문 앞에 놓아주세요",
        "shippingAddress": {
          "addressType": "DOMESTIC",
          "baseAddress": "서울특별시 중구 세종대로 1",
          "detailedAddress": "101동 101호",
          "city": "",
          "state": "",
          "country": "대한민국",
          "name": "홍길동",
          "tel1": "010-0000-0000",
          "zipCode": "04500",
          "isRoadNameAddress": true
        },
        "sellerBurdenDiscountAmount": 6000,
        "commissionRatingType": "결제수수료",
        "commissionPrePayStatus": "GENERAL_PRD",
        "paymentCommission": 1120,
        "saleCommission": 0,
        "channelCommission": 0,
        "knowledgeShoppingSellingInterlockCommission": 1120,
        "expectedSettlementAmount": 53760,
        "inflowPath": "네이버쇼핑",
        "mallId": "ncp_example",
        "taxType": "TAXATION"
      },
      "currentClaim": {
        "return": {
          "claimId": "2026051500000001",
          "claimStatus": "RETURN_REQUEST",
          "claimRequestDate": "2026-05-15T10:00:00.000+09:00",
          "requestChannel": "구매회원",
          "requestQuantity": 1,
          "returnReason": "INTENT_CHANGED",
          "returnDetailedReason": "단순 변심",
          "claimDeliveryFeeDemandAmount": 3000,
          "collectDeliveryMethod": "RETURN_DESIGNATED",
          "collectStatus": "NOT_REQUESTED"
        }
      },
      "delivery": {
        "deliveryCompany": "CJGLS",
        "deliveryMethod": "DELIVERY",
        "deliveryStatus": "DELIVERING",
        "trackingNumber": "600000000001",
        "sendDate": "2026-05-12T15:00:00.000+09:00",
        "pickupDate": "2026-05-12T19:00:00.000+09:00",
        "isWrongTrackingNumber": false
      }
    }
  ]
}"""

SEARCH = """\
{
  "timestamp": "2026-05-11T22:30:00.000+09:00",
  "traceId": "cr3-163702-6z7nk2^1743026771751^140169641",
  "data": {
    "contents": [
      {
        "productOrderId": "2026051122442301",
        "content": {
          "order": {"orderId": "2026051120593131", "paymentDate": "2026-05-11T20:59:01.000+09:00"},
          "productOrder": {"productOrderId": "2026051122442301", "productOrderStatus": "PAYED",
      "placeOrderStatus": "NOT_YET", "quantity": 2, "totalPaymentAmount": 56000}
        }
      }
    ],
    "pagination": {"page": 1, "size": 300, "hasNext": false}
  }
}"""

NUMBERS = """\
{"timestamp": "2026-05-11T22:30:00.000+09:00", "traceId": "cr3-1^2^3",
      "data": ["2026051122442301", "2026051122442311"]}"""

CONFIRMED = """\
{
  "timestamp": "2026-05-12T09:00:00.000+09:00",
  "traceId": "cr3-163702-6z7nk2^1743026771751^140169650",
  "data": {
    "successProductOrderInfos": [
      {"productOrderId": "2026051122442301", "isReceiverAddressChanged": false}
    ],
    "failProductOrderInfos": [
      {"productOrderId": "2026051122449999", "code": "100001",
       "message": "상품 주문을 찾을 수 없습니다."}
    ]
  }
}"""

PARCELS = """\
{
  "dispatchProductOrders": [
    {
      "productOrderId": "2026051122442301",
      "deliveryMethod": "DELIVERY",
      "deliveryCompanyCode": "CJGLS",
      "trackingNumber": "600000000001",
      "dispatchDate": "2026-05-12T15:00:00.000+09:00"
    }
  ]
}"""

DISPATCHED = """\
{
  "timestamp": "2026-05-12T15:00:01.000+09:00",
  "traceId": "cr3-163702-6z7nk2^1743026771751^140169651",
  "data": {
    "successProductOrderIds": ["2026051122442301"],
    "failProductOrderInfos": [
      {"productOrderId": "2026051122442311", "code": "104121",
       "message": "이미 사용된 송장 번호입니다."}
    ]
  }
}"""

OPTION_STOCK = """\
{
  "productSalePrice": {"salePrice": 29000},
  "optionInfo": {
    "useStockManagement": true,
    "optionCombinations": [
      {"id": 40000000001, "stockQuantity": 18, "price": 0, "usable": true},
      {"id": 40000000002, "stockQuantity": 15, "price": 2000, "usable": true},
      {"id": 40000000003, "stockQuantity": 5, "price": 0, "usable": true}
    ]
  }
}"""
