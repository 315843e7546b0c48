"""Coupang's answers as coupang.md shows them, and a client that hears them, not the market."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

import httpx

from erp_assets.clock import KST
from erp_assets.markets.coupang import Coupang
from erp_assets.records import Batch

VENDOR = "A00012345"
ACCESS = "11111111-2222-3333-4444-555555555555"
SECRET = "0123456789abcdef0123456789abcdef01234567"
CREDENTIALS = {"vendor_id": VENDOR, "access_key": ACCESS, "secret_key": SECRET}
SELLER = "/v2/providers/seller_api/apis/api/v1/marketplace"
OPEN = "/v2/providers/openapi/apis/api"

Handler = Callable[[httpx.Request], httpx.Response]


def answer(body: object, status: int = 200, **headers: str) -> httpx.Response:
    """Wrap a body as Coupang sends it."""
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    kind = {"Content-Type": "application/json;charset=UTF-8"}
    return httpx.Response(status, content=content, headers=kind | headers)


def listed(*rows: object, token: object = "") -> dict[str, Any]:
    """Write a page of orders or claims."""
    return {"code": 200, "message": "OK", "data": list(rows), "nextToken": token}


def one(row: object) -> dict[str, Any]:
    """Write a single read of orders or claims."""
    return {"code": "200", "message": "OK", "data": row}


def sold(row: object, token: object = "") -> dict[str, Any]:
    """Write an answer about listings or options; `token` only in lists."""
    more = {"nextToken": token} if isinstance(row, list) else {}
    return {"code": "SUCCESS", "message": "", "data": row, **more}


def refusal(text: str, code: object = "ERROR") -> dict[str, Any]:
    """Write a refusal: "ERROR" is the word of products, 400 that of orders."""
    return {"code": code, "message": text, "data": None}


def changed(row: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a row; "items.0.count" names a field inside, `...` takes it away."""
    copy: dict[str, Any] = deepcopy(dict(row))
    for name, value in changes.items():
        *way, last = name.split(".")
        place: Any = copy
        for step in way:
            place = place[int(step)] if step.isdecimal() else place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return copy


def kst(text: str) -> datetime:
    """Return a Korean moment written as Coupang writes it."""
    return datetime.fromisoformat(text).replace(tzinfo=KST)


async def no_wait(_: float) -> None:
    """Sleep not at all."""


class Talk:
    """A client and what it sent. handler: the market's side; waits_s: one per repeat of a read."""

    def __init__(self, handler: Handler, *, waits_s: Sequence[float] = (), **options: Any) -> None:
        self.sent: list[httpx.Request] = []
        self._handler = handler
        self._options = {
            "base_url": "http://coupang.test",
            "credentials": CREDENTIALS,
            "rate": None,
            "sleep": no_wait,
            "waits_s": waits_s,
        } | options

    @property
    def lines(self) -> list[str]:
        """Method and raw target of each request sent so far."""
        return [f"{it.method} {it.url.raw_path.decode()}" for it in self.sent]

    @property
    def bodies(self) -> list[Any]:
        """Bodies sent so far, None where there was none."""
        return [json.loads(it.content) if it.content else None for it in self.sent]

    def _heard(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self._handler(request)

    def run(self, use: Callable[[Coupang], Any]) -> Any:
        """Return what `use` awaits from a client that is closed afterwards."""

        async def once() -> Any:
            client = Coupang(transport=httpx.MockTransport(self._heard), **self._options)
            try:
                return await use(client)
            finally:
                await client.aclose()

        return asyncio.run(once())

    def batches(self, use: Callable[[Coupang], AsyncIterator[Batch]]) -> list[Batch]:
        """Return every batch of a read."""

        async def read(client: Coupang) -> list[Batch]:
            return [batch async for batch in use(client)]

        found: list[Batch] = self.run(read)
        return found

    def batch(self, use: Callable[[Coupang], AsyncIterator[Batch]]) -> Batch:
        """Return all batches of a read as one."""
        whole = Batch()
        for each in self.batches(use):
            whole.extend(each)
        return whole


def by_target(answers: Mapping[str, object]) -> Handler:
    """Answer by what the raw target holds; the first that fits, else an empty page."""

    def handler(request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        body = next((body for part, body in answers.items() if part in target), NOTHING)
        return body if isinstance(body, httpx.Response) else answer(body)

    return handler


EXPIRED = {
    "code": "ERROR",
    "message": "Specified signature is expired.",
    "transactionId": "2d2ccd2b-2e3f-480b-966d-e9ceedaaa91f",
}

UNSIGNED = {
    "code": "ERROR",
    "message": "Request is not authorized.",
    "transactionId": "9fa11d4c-bcbd-4702-a994-b699f5968d8a",
    "messages": {
        "korean": "미인증된 요청은 허용되지 않습니다. 클라이언트의 정보가 정상적으로 "
        "설정되어 있는지 확인 부탁드립니다. (CMDB, 컨수머 토큰 또는 HMAC)",
        "english": "Unauthorized request is denied. Check if the client's credential "
        "meets the requirements (CMDB, consumer token or HMAC).",
    },
}

BUSY = {
    "code": "ERROR",
    "message": "Too Many Requests",
    "transactionId": "00000000-0000-0000-0000-000000000429",
}

ADDRESS = {
    "code": "ERROR",
    "message": "Not allowed IP",
    "transactionId": "00000000-0000-0000-0000-000000000403",
}

FOREIGN = {"code": 400, "message": "Invalid vendor ID", "data": None}

PRODUCTS = {
    "code": "SUCCESS",
    "message": "",
    "nextToken": "2",
    "data": [
        {
            "sellerProductId": 239092172,
            "sellerProductName": "R07 헬로키티 미니낚시놀이",
            "displayCategoryCode": 77413,
            "categoryId": 2102,
            "productId": 14784194,
            "vendorId": "A00012345",
            "mdId": "md@",
            "mdName": None,
            "saleStartedAt": "2017-02-14T06:00:00",
            "saleEndedAt": "2099-12-31T00:00:00",
            "brand": "상세설명별도참조",
            "statusName": "승인완료",
            "createdAt": "2017-02-13T02:09:47",
        }
    ],
}

DETAIL = {
    "code": "SUCCESS",
    "message": "",
    "data": {
        "sellerProductId": 152620911,
        "sellerProductName": "백설 찹쌀 호떡믹스",
        "displayCategoryCode": 81592,
        "categoryId": 2715,
        "productId": 31846051,
        "vendorId": "A00012345",
        "mdId": "md@",
        "mdName": None,
        "saleStartedAt": "2017-11-30T16:23:12",
        "saleEndedAt": "2099-01-01T23:59:59",
        "displayProductName": "백설 찹쌀 호떡믹스",
        "brand": "백설",
        "generalProductName": "찹쌀 호떡믹스",
        "productGroup": "호떡믹스",
        "statusName": "승인완료",
        "deliveryMethod": "SEQUENCIAL",
        "deliveryCompanyCode": "KGB",
        "deliveryChargeType": "FREE_DELIVERY_OVER_9800",
        "deliveryCharge": 2500,
        "freeShipOverAmount": 9800,
        "deliveryChargeOnReturn": 0,
        "remoteAreaDeliverable": "N",
        "bundlePackingDelivery": None,
        "unionDeliveryType": "UNION_DELIVERY",
        "returnCenterCode": "1000274592",
        "returnChargeName": "반품지_1",
        "companyContactNumber": "02-0000-0000",
        "returnZipCode": "06000",
        "returnAddress": "서울특별시 강남구",
        "returnAddressDetail": "333",
        "returnCharge": 5000,
        "exchangeType": "AFTER",
        "returnChargeVendor": "N",
        "afterServiceInformation": "A/S안내 1544-0000",
        "afterServiceContactNumber": "1544-0000",
        "outboundShippingPlaceCode": 74010,
        "contributorType": "API_SELLER",
        "vendorUserId": "user01",
        "requested": False,
        "items": [
            {
                "offerCondition": "NEW",
                "offerDescription": None,
                "sellerProductItemId": 425073845,
                "vendorItemId": 3242596358,
                "itemName": "GREY 44",
                "originalPrice": 13000,
                "salePrice": 10000,
                "supplyPrice": 8570,
                "maximumBuyCount": 9999,
                "maximumBuyForPerson": 0,
                "outboundShippingTimeDay": 2,
                "maximumBuyForPersonPeriod": 1,
                "unitCount": 1,
                "adultOnly": "EVERYONE",
                "taxType": "TAX",
                "parallelImported": "NOT_PARALLEL_IMPORTED",
                "overseasPurchased": "NOT_OVERSEAS_PURCHASED",
                "externalVendorSku": "SKU-90726",
                "pccNeeded": False,
                "bestPriceGuaranteed3P": False,
                "emptyBarcode": True,
                "emptyBarcodeReason": "NOT_ISSUED",
                "barcode": "",
                "saleAgentCommission": 10,
                "modelNo": "",
                "images": [
                    {
                        "imageOrder": 0,
                        "imageType": "REPRESENTATION",
                        "cdnPath": "vendor_inventory/images/2017/11/30/16/2/9cb2338b.jpg",
                        "vendorPath": "a.jpg",
                    }
                ],
                "notices": [
                    {
                        "noticeCategoryName": "가공식품",
                        "noticeCategoryDetailName": "종류",
                        "content": "상세페이지 참조",
                    }
                ],
                "attributes": [
                    {
                        "attributeTypeName": "색상",
                        "attributeValueName": "GREY",
                        "exposed": "EXPOSED",
                        "editable": False,
                    },
                    {
                        "attributeTypeName": "사이즈",
                        "attributeValueName": "44",
                        "exposed": "EXPOSED",
                        "editable": False,
                    },
                ],
                "contents": [
                    {
                        "contentsType": "TEXT",
                        "contentDetails": [{"content": "<div></div>", "detailType": "TEXT"}],
                    }
                ],
                "certifications": [{"certificationType": "NOT_REQUIRED", "certificationCode": ""}],
                "extraProperties": {"transactionType": "manufacturer"},
                "searchTags": ["검색어1", "검색어2"],
            }
        ],
        "requiredDocuments": [],
        "extraInfoMessage": None,
        "manufacture": "제조사",
    },
}

INVENTORY = {
    "code": "SUCCESS",
    "message": "",
    "data": {"sellerItemId": 3000000000, "amountInStock": 0, "salePrice": 32000, "onSale": True},
}

STOCK_SET = {"code": "SUCCESS", "message": "재고 변경을 완료했습니다.", "data": None}

STOCK_REFUSALS = [
    {"code": "ERROR", "message": "유효하지 않은 재고수량입니다.", "data": None},
    {
        "code": "ERROR",
        "message": "재고변경에 실패했습니다. "
        "[옵션ID[3048000251] : 삭제된 상품은 변경이 불가능합니다.]",
        "data": None,
    },
    {
        "code": "ERROR",
        "message": "재고변경에 실패했습니다. [vendoritemid 3047000045 not found]",
        "data": None,
    },
]

PRICE_SET = {"code": "SUCCESS", "message": "가격 변경을 완료했습니다.", "data": None}

SHEETS = {
    "code": 200,
    "message": "OK",
    "data": [
        {
            "shipmentBoxId": 642538970006401429,
            "orderId": 22000009546234,
            "orderedAt": "2026-02-27T10:20:16.973885+09:00",
            "orderer": {
                "name": "신*희",
                "email": "",
                "safeNumber": "+82-50-0000-0000",
                "ordererNumber": None,
            },
            "paidAt": "2026-02-27T10:20:18.120331+09:00",
            "status": "INSTRUCT",
            "shippingPrice": {"currencyCode": "KRW", "units": 2500, "nanos": 0},
            "remotePrice": None,
            "remoteArea": False,
            "parcelPrintMessage": "문 앞",
            "splitShipping": False,
            "ableSplitShipping": False,
            "receiver": {
                "name": "신*희",
                "safeNumber": "+82-50-0000-0000",
                "receiverNumber": None,
                "addr1": "경기 오산시 가수동 **아파트",
                "addr2": "109동 *호",
                "postCode": "18100",
            },
            "orderItems": [
                {
                    "vendorItemPackageId": 0,
                    "vendorItemPackageName": "기모 트레이닝 팬츠",
                    "productId": 31846051,
                    "vendorItemId": 3242596358,
                    "vendorItemName": "기모 트레이닝 팬츠, 07 DARK GREY, 160호",
                    "shippingCount": 2,
                    "salesPrice": {"currencyCode": "KRW", "units": 19000, "nanos": 0},
                    "orderPrice": {"currencyCode": "KRW", "units": 38000, "nanos": 0},
                    "discountPrice": {"currencyCode": "KRW", "units": 3000, "nanos": 0},
                    "instantCouponDiscount": {"currencyCode": "KRW", "units": 2000, "nanos": 0},
                    "downloadableCouponDiscount": {
                        "currencyCode": "KRW",
                        "units": 1000,
                        "nanos": 0,
                    },
                    "coupangDiscount": {"currencyCode": "KRW", "units": 0, "nanos": 0},
                    "externalVendorSkuCode": "170816368810",
                    "etcInfoHeader": None,
                    "etcInfoValue": None,
                    "etcInfoValues": None,
                    "sellerProductId": 80240831,
                    "sellerProductName": "기모 트레이닝 팬츠 IKTM17WG1",
                    "sellerProductItemName": "07 DARK GREY 160호",
                    "firstSellerProductItemName": "07 DARK GREY/160호",
                    "cancelCount": 0,
                    "holdCountForCancel": 0,
                    "estimatedShippingDate": "2026-03-03",
                    "plannedShippingDate": "",
                    "invoiceNumberUploadDate": "",
                    "extraProperties": {},
                    "pricingBadge": False,
                    "usedProduct": False,
                    "confirmDate": None,
                    "deliveryChargeTypeName": "유료",
                    "upBundleVendorItemId": None,
                    "upBundleVendorItemName": None,
                    "upBundleSize": None,
                    "upBundleItem": False,
                    "canceled": False,
                }
            ],
            "overseaShippingInfoDto": {
                "personalCustomsClearanceCode": "",
                "ordererSsn": "",
                "ordererPhoneNumber": "",
            },
            "deliveryCompanyName": "",
            "invoiceNumber": "",
            "inTrasitDateTime": "",
            "deliveredDate": "",
            "refer": "안드로이드앱",
            "shipmentType": "THIRD_PARTY",
            "isCod": False,
            "extraProperties": {"sameDayShipping": "false", "cutOffTimeHour": "0"},
        }
    ],
    "nextToken": "642538970006401429",
}

NOTHING = {"code": 200, "message": "OK", "data": [], "nextToken": ""}

OLD_SHEET = {
    "orderedAt": "2017-10-10T10:20:16",
    "shippingPrice": 2500,
    "remotePrice": None,
    "orderItems": [
        {
            "salesPrice": 19900,
            "orderPrice": 19900,
            "discountPrice": None,
            "confirmDate": "2017-10-25 00:10:33",
        }
    ],
    "inTrasitDateTime": "2017-10-16 22:08:04",
}

ACK_BODY = {"vendorId": "A00012345", "shipmentBoxIds": [102391542, 102391599]}

ACKNOWLEDGED = {
    "code": "200",
    "message": "OK",
    "data": {
        "responseKey": -7326489997410940000,
        "responseCode": 1,
        "responseMessage": "apply instructStatus result - Partial errors.",
        "responseList": [
            {
                "shipmentBoxId": 102391542,
                "succeed": True,
                "resultCode": "OK",
                "retryRequired": False,
                "resultMessage": "request succeeded.",
            },
            {
                "shipmentBoxId": 102391599,
                "succeed": False,
                "resultCode": "NOT_FOUND_SHIPMENT_BOX",
                "retryRequired": True,
                "resultMessage": "shipmentBoxId (102391599) is not found.",
            },
        ],
    },
}

INVOICE_BODY = {
    "vendorId": "A00012345",
    "orderSheetInvoiceApplyDtos": [
        {
            "shipmentBoxId": 606920263,
            "orderId": 4000019469460,
            "vendorItemId": 3823839899,
            "deliveryCompanyCode": "CJGLS",
            "invoiceNumber": "20180731040123",
            "splitShipping": False,
            "preSplitShipped": False,
            "estimatedShippingDate": "",
        },
        {
            "shipmentBoxId": 606920263,
            "orderId": 4000019469460,
            "vendorItemId": 3834780191,
            "deliveryCompanyCode": "CJGLS",
            "invoiceNumber": "20180731040123",
            "splitShipping": False,
            "preSplitShipped": False,
            "estimatedShippingDate": "",
        },
    ],
}

INVOICED = {
    "code": "200",
    "message": "OK",
    "data": {
        "responseCode": 0,
        "responseMessage": "SUCCESS",
        "responseList": [
            {
                "shipmentBoxId": 606920263,
                "succeed": True,
                "resultCode": "OK",
                "retryRequired": False,
                "resultMessage": None,
            }
        ],
    },
}

INVOICED_PARTLY = {
    "code": "200",
    "message": "OK",
    "data": {
        "responseCode": 1,
        "responseMessage": "PARTIAL_ERROR",
        "responseList": [
            {
                "shipmentBoxId": 606920263,
                "succeed": True,
                "resultCode": "OK",
                "retryRequired": False,
                "resultMessage": None,
            },
            {
                "shipmentBoxId": 606920264,
                "succeed": False,
                "resultCode": "INVALID_STATUS",
                "retryRequired": False,
                "resultMessage": "배송진행상태가 유효하지 않습니다.",
            },
            {
                "shipmentBoxId": 606920265,
                "succeed": False,
                "resultCode": "DUPLICATE_INVOICE_NUMBER",
                "retryRequired": True,
                "resultMessage": "이미 저장된 송장번호가 있습니다.",
            },
        ],
    },
}

RECEIPTS = {
    "code": 200,
    "message": "OK",
    "data": [
        {
            "receiptId": 50229613,
            "orderId": 28000008707838,
            "paymentId": 28000009486604,
            "receiptType": "RETURN",
            "receiptStatus": "RETURNS_UNCHECKED",
            "createdAt": "2026-02-20T22:52:42",
            "modifiedAt": "2026-02-20T22:52:42",
            "requesterName": "구*숙",
            "requesterPhoneNumber": "0503-****-0000",
            "requesterRealPhoneNumber": None,
            "requesterAddress": "서울특별시 송파구 송파대로",
            "requesterAddressDetail": "Tower 730",
            "requesterZipCode": "05510",
            "cancelReasonCategory1": "고객변심",
            "cancelReasonCategory2": "단순변심(사유없음)",
            "cancelReason": "",
            "cancelCountSum": 1,
            "returnDeliveryId": 20234047,
            "returnDeliveryType": "연동택배",
            "releaseStopStatus": "비대상",
            "enclosePrice": {"currencyCode": "KRW", "units": 0, "nanos": 0},
            "faultByType": "CUSTOMER",
            "preRefund": False,
            "completeConfirmDate": "",
            "completeConfirmType": "UNDEFINED",
            "returnItems": [
                {
                    "vendorItemPackageId": 0,
                    "vendorItemPackageName": "캉캉 롱스커트",
                    "vendorItemId": 3187044096,
                    "vendorItemName": "캉캉 롱스커트, (19)Black, S",
                    "purchaseCount": 1,
                    "cancelCount": 1,
                    "shipmentBoxId": 434119941,
                    "sellerProductId": 57623797,
                    "sellerProductName": "캉캉 롱스커트,(19)Black S",
                    "releaseStatus": "Y",
                    "cancelCompleteUser": "",
                }
            ],
            "returnDeliveryDtos": [{"deliveryCompanyCode": "CJGLS", "deliveryInvoiceNo": ""}],
            "reasonCode": "CHANGEMIND",
            "reasonCodeText": "필요 없어짐 (단순 변심)",
            "returnShippingCharge": {"currencyCode": "KRW", "units": -3000, "nanos": 0},
        }
    ],
    "nextToken": "",
}

WITHDRAWALS = {
    "code": 200,
    "message": "OK",
    "data": [
        {
            "cancelId": 116607450,
            "orderId": 29000024470847,
            "vendorId": "A00012345",
            "refundDeliveryDuty": "COM",
            "createdAt": "2018-11-06T23:50:39",
            "vendorItemIds": [3838728011],
        }
    ],
    "nextPageIndex": "2",
}

EXCHANGES = {
    "code": 200,
    "message": "OK",
    "data": [
        {
            "exchangeId": 101268974,
            "orderId": 11000013144262,
            "vendorId": "A00012345",
            "orderDeliveryStatusCode": "FINAL_DELIVERY",
            "exchangeStatus": "PROGRESS",
            "referType": "WEB_MOBILE",
            "faultType": "VENDOR",
            "exchangeAmount": 0,
            "reason": None,
            "reasonCode": "DIFFERENTOPT",
            "reasonCodeText": "색상/ 사이즈가 기대와 다름",
            "reasonEtcDetail": "다른 색이 왔습니다",
            "cancelReason": None,
            "createdByType": "CUSTOMER",
            "createdAt": "2018-03-05T10:54:41",
            "modifiedByType": "TRACKING",
            "modifiedAt": "2018-03-05T10:54:41",
            "exchangeItemDtoV1s": [
                {
                    "exchangeItemId": 1765111,
                    "orderItemId": 3476137875,
                    "orderItemUnitPrice": 35900,
                    "orderItemName": None,
                    "orderPackageId": None,
                    "orderPackageName": None,
                    "targetItemId": 3476137875,
                    "targetItemUnitPrice": 35900,
                    "targetItemName": "레터 백팩, (35)Beige, FREE",
                    "targetPackageId": -1,
                    "targetPackageName": "",
                    "quantity": 1,
                    "orderItemDeliveryComplete": None,
                    "orderItemReturnComplete": None,
                    "targetItemDeliveryComplete": None,
                    "createdAt": "2018-03-05T10:54:41",
                    "modifiedAt": "2018-03-05T10:54:41",
                    "originalShipmentBoxId": 519998364,
                }
            ],
            "exchangeAddressDtoV1": {
                "exchangeAddressId": 1691712,
                "returnCustomerName": "이***",
                "returnAddressZipCode": "14100",
                "returnAddress": "경기도 안양시",
                "returnAddressDetail": "*동",
                "returnPhone": None,
                "returnMobile": "0502-0000-0000",
                "returnMemo": None,
                "deliveryCustomerName": "이***",
                "deliveryAddressZipCode": "14100",
                "deliveryAddress": "경기도 안양시",
                "deliveryAddressDetail": "*동",
                "deliveryPhone": None,
                "deliveryMobile": "0502-0000-0000",
                "deliveryMemo": None,
                "createdAt": "2018-03-05T10:54:41",
                "modifiedAt": "2018-03-05T10:54:41",
                "exchangeId": 101268974,
            },
            "deliveryInvoiceGroupDtos": [],
            "deliveryStatus": "BeforeDirection",
            "collectStatus": "BeforeDirection",
            "collectCompleteDate": None,
            "collectInformationsDto": {
                "returnType": "EXCHANGE_RETURN",
                "expectedReturnDate": "2018-03-08T10:54:41",
                "returndeliveryItemDtos": [
                    {
                        "vendorItemId": 3476137875,
                        "statusCode": "RETURN_SEND_READY",
                        "returnCount": None,
                        "releaseStatus": "RELEASED",
                        "paymentReturnDeliveryMapId": 29713264,
                        "paymentItemId": 1,
                        "modifiedBy": "1",
                        "moodifiedAt": "2018-03-05T10:54:41",
                        "createdBy": "1",
                        "createdAt": "2018-03-05T10:54:41",
                        "count": 1,
                        "confirmType": None,
                        "collectStatus": "RETURN",
                    }
                ],
                "returndeliveryDestinationDto": {
                    "returnCenterCode": "1000276167",
                    "orderId": 11000013144262,
                    "safetyNumberStatus": "ENABLE",
                    "receiptId": None,
                    "returnDeliveryId": None,
                },
            },
            "returnDeliveryDtos": [{"deliveryCompanyCode": "CJGLS", "deliveryInvoiceNo": ""}],
            "orderDeliveryStatusLabel": "FINAL_DELIVERY",
            "exchangeStatusLabel": "PROGRESS",
            "referTypeLabel": "WEB_MOBILE",
            "faultTypeLabel": "VENDOR",
            "createdByTypeLabel": "CUSTOMER",
            "rejectable": False,
            "modifiedByTypeLabel": "CUSTOMER",
            "deliveryInvoiceModifiable": False,
            "successable": False,
        }
    ],
    "nextToken": "",
}

SHEET = SHEETS["data"][0]
RECEIPT = RECEIPTS["data"][0]
EXCHANGE = EXCHANGES["data"][0]
SUMMARY = PRODUCTS["data"][0]
PRODUCT = DETAIL["data"]
OFFER = INVENTORY["data"]
BLOCKED = (
    b"<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n"
    b"You don't have permission to access this server.<P>\nReference #18.5f7e\n</BODY></HTML>"
)
