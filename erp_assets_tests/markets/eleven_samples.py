"""11st's answers as 11st.md shows them, and a client that hears them instead of the market."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from erp_assets.clock import KST
from erp_assets.markets.eleven import Eleven
from erp_assets.records import Batch

KEY = "0123456789abcdef0123456789abcdef"
NAMESPACE = 'xmlns:ns2="http://skt.tmall.business.openapi.spring.service.client.domain/"'
DECLARATION = '<?xml version="1.0" encoding="euc-kr" standalone="yes"?>'
HEADERS = {"Content-Type": "application/xml;charset=euc-kr"}
ORDER_NO = "20260225044300001"

Handler = Callable[[httpx.Request], httpx.Response]


def answer(body: str | bytes, status: int = 200, **headers: str) -> httpx.Response:
    """Wrap a body as 11st sends it: EUC-KR, declared, its root in the namespace."""
    if isinstance(body, str):
        root = re.sub(r"^<(ns2:\w+)>", rf"<\1 {NAMESPACE}>", body)
        body = f"{DECLARATION}\n{root}".encode("cp949", "xmlcharrefreplace")
    return httpx.Response(status, content=body, headers=HEADERS | headers)


def row(tag: str, values: Mapping[str, object]) -> str:
    """Write a row; names of the envelope are qualified, leaves are not."""
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f"<ns2:{tag}>{inside}</ns2:{tag}>"


def orders(*rows: Mapping[str, object]) -> str:
    """Write a list of orders or claims."""
    return "<ns2:orders>" + "".join(row("order", each) for each in rows) + "</ns2:orders>"


def products(*rows: Mapping[str, object]) -> str:
    """Write a page of the search."""
    return "<ns2:products>" + "".join(row("product", each) for each in rows) + "</ns2:products>"


def stocks(listings: Mapping[str, Sequence[Mapping[str, object]]]) -> str:
    """Write the answer about the stock of many listings."""
    groups = "".join(
        "<ns2:ProductStocks>"
        + "".join(row("ProductStock", {"prdNo": number, **each}) for each in rows)
        + f"<ns2:prdNo>{number}</ns2:prdNo></ns2:ProductStocks>"
        for number, rows in listings.items()
    )
    return f"<ns2:ProductStockss>{groups}</ns2:ProductStockss>"


def refusal(envelope: str, code: str, text: str) -> str:
    """Write a refusal as `ns2:orders`, `ResultOrder` or `ClientMessage` carries it."""
    if envelope == "ClientMessage":
        inside = f"<message>{text}</message><resultCode>{code}</resultCode>"
    elif envelope == "ResultOrder":
        inside = f"<result_code>{code}</result_code><result_text>{text}</result_text>"
    else:
        inside = (
            f"<ns2:result_code>{code}</ns2:result_code><ns2:result_text>{text}</ns2:result_text>"
        )
    return f"<{envelope}>{inside}</{envelope}>"


def leaves(sample: str, number: int = 0) -> dict[str, str]:
    """Return the leaves of one row of a sample, to be altered."""
    rows = re.findall(r"<ns2:(?:order|product|ProductStock)>(.*?)</ns2:", sample, re.DOTALL)
    return dict(re.findall(r"<(\w+)>([^<]*)</\1>", rows[number]))


def kst(text: str) -> datetime:
    """Return a Korean moment written as 11st writes it."""
    return datetime.fromisoformat(text).replace(tzinfo=KST)


async def no_wait(_: float) -> None:
    """Sleep not at all."""


class Talk:
    """A client and what it sent. handler: the market's side; waits_s: one per repeat of a read."""

    def __init__(self, handler: Handler, *, waits_s: Sequence[float] = (), **options: Any) -> None:
        self.sent: list[httpx.Request] = []
        self._handler = handler
        self._options = {
            "base_url": "http://eleven.test",
            "credentials": {"api_key": KEY},
            "rate": None,
            "sleep": no_wait,
            "waits_s": waits_s,
        } | options

    @property
    def paths(self) -> list[str]:
        """Raw paths sent so far."""
        return [request.url.raw_path.decode() for request in self.sent]

    def _heard(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self._handler(request)

    def run(self, use: Callable[[Eleven], Any]) -> Any:
        """Return what `use` awaits from a client that is closed afterwards."""

        async def once() -> Any:
            client = Eleven(transport=httpx.MockTransport(self._heard), **self._options)
            try:
                return await use(client)
            finally:
                await client.aclose()

        return asyncio.run(once())

    def batches(self, use: Callable[[Eleven], AsyncIterator[Batch]]) -> list[Batch]:
        """Return every batch of a read."""

        async def read(client: Eleven) -> list[Batch]:
            return [batch async for batch in use(client)]

        found: list[Batch] = self.run(read)
        return found

    def batch(self, use: Callable[[Eleven], AsyncIterator[Batch]]) -> Batch:
        """Return all batches of a read as one."""
        whole = Batch()
        for each in self.batches(use):
            whole.extend(each)
        return whole


def by_path(answers: Mapping[str, str], otherwise: str = "") -> Handler:
    """Answer by what the path holds; the first that fits. otherwise: "" means nothing found."""

    def handler(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        body = next((body for part, body in answers.items() if part in path), None)
        return answer(otherwise or NOTHING_FOUND if body is None else body)

    return handler


ADDRESS_REFUSED = """\
<AuthMessage><resultCode>-500</resultCode>
<resultMessage>[203.0.113.7]인증된 IP가 아닙니다. 등록된 IP 정보를 확인하십시오.</resultMessage>
</AuthMessage>"""

NOTHING_FOUND = """\
<ns2:orders><ns2:result_code>0</ns2:result_code>
<ns2:result_text>조회된 결과가 없습니다.</ns2:result_text></ns2:orders>"""

PERIOD_TOO_LONG = """\
<ns2:orders><ns2:result_code>-3105</ns2:result_code>
<ns2:result_text>최대 조회기간은 일주일 입니다.</ns2:result_text></ns2:orders>"""

KEY_UNKNOWN = """\
<ns2:orders><ns2:result_code>-1</ns2:result_code>
<ns2:result_text>주문/클레임 조회 오류 MSG : OpenAPI Key 에 해당하는 유저가 \
없습니다.</ns2:result_text>
</ns2:orders>"""

MAINTENANCE = """\
<ResultOrder><openMallID>11ST</openMallID><open_11st_mall></open_11st_mall>
<open_done_payment_interface></open_done_payment_interface><result_code>-1000</result_code>
<result_text>서버 점검중입니다.</result_text></ResultOrder>"""

SEARCH = """\
<ns2:products><ns2:product><ProductTag><tagName>여름</tagName>
<tagName>린넨</tagName></ProductTag><aplBgnDy>2026-01-01 00:00:00</aplBgnDy>
<aplEndDy>2028-12-31 23:59:59</aplEndDy><cuponcheck>N</cuponcheck>
<dispCtgrNo>1011634</dispCtgrNo><exchDlvCst>6000</exchDlvCst><gblDlvYn>N</gblDlvYn>
<gblHsCode></gblHsCode><imageKindChk>01</imageKindChk><prdNm>린넨 셔츠 &amp; 벨트 세트</prdNm>
<prdNo>4088296117</prdNo><prdWght></prdWght><proxyYn>N</proxyYn><rootCtgrNo>0</rootCtgrNo>
<rtngdDlvCst>3000</rtngdDlvCst><selPrc>19000</selPrc><selStatCd>103</selStatCd>
<selStatNm>판매중</selStatNm><sellerPrdCd>SKU-SHIRT-01</sellerPrdCd><stdPrdYn>N</stdPrdYn>
<validateMsg></validateMsg></ns2:product></ns2:products>"""

LISTING = """\
<Product><ProductTag><tagName>여름</tagName></ProductTag><abrdCnDlvCst></abrdCnDlvCst>
<abrdInCd></abrdInCd><aplBgnDy>2026-01-01 00:00:00</aplBgnDy>
<aplEndDy>2028-12-31 23:59:59</aplEndDy><asDetail>.</asDetail><bndlDlvCnYn>N</bndlDlvCnYn>
<cupnDscMthdCd>01</cupnDscMthdCd><cupnIssEndDy></cupnIssEndDy><cupnUseLmtDyYn>N</cupnUseLmtDyYn>
<cuponcheck>Y</cuponcheck><dispCtgrNo>1011634</dispCtgrNo><dispCtgrStatCd>03</dispCtgrStatCd>
<dlvClf>02</dlvClf><dscAmtPercnt>1000</dscAmtPercnt><exchDlvCst>6000</exchDlvCst>
<gblDlvYn>N</gblDlvYn><gblHsCode></gblHsCode><gftPackTypCd>01</gftPackTypCd>
<hopeShpPnt></hopeShpPnt><hopeShpPntRt></hopeShpPntRt><hopeShpWyCd></hopeShpWyCd>
<htmlDetail><![CDATA[<p>상세 설명 <b>린넨</b></p>]]></htmlDetail><imageKindChk>01</imageKindChk>
<message>[4088296117] 상품 정보가 정상적으로 조회되었습니다.</message><nResult>0</nResult>
<ntNo></ntNo><ntShortNm></ntShortNm><optionAllAddPrc>0</optionAllAddPrc>
<optionAllQty>0</optionAllQty><outsideYnIn>N</outsideYnIn><outsideYnOut>N</outsideYnOut>
<prcDscCmpExpYn>Y</prcDscCmpExpYn>
<prdImage01>http://img.example.test/p/4088296117.jpg</prdImage01>
<prdNm>린넨 셔츠 &amp; 벨트 세트</prdNm><prdNo>4088296117</prdNo><prdStckQty>0</prdStckQty>
<prdWght></prdWght><preSelPrc></preSelPrc><proxyYn>N</proxyYn><rootCtgrNo>0</rootCtgrNo>
<rtngdDlvCst>3000</rtngdDlvCst><selMnbdNckNm></selMnbdNckNm><selPrc>19000</selPrc>
<selPrdClfCd></selPrdClfCd><selStatCd>103</selStatCd><selStatNm>판매중</selStatNm>
<selTermUseYn>Y</selTermUseYn><sellerItemEventYn>N</sellerItemEventYn>
<sellerPrdCd>SKU-SHIRT-01</sellerPrdCd><shopNo>0</shopNo><stdPrdYn>N</stdPrdYn>
<validateMsg></validateMsg></Product>"""

LISTING_UNKNOWN = """\
<Product>
<message>[3782058673] 상품 정보 조회중 오류입니다.해당 상품의 정보를 찾을 수 없습니다. \
상품번호 : 3782058673</message>
<nResult>0</nResult><validateMsg></validateMsg></Product>"""

STOCK_ONE = """\
<ns2:ProductStocks><ns2:ProductStock><addPrc>0</addPrc><mixOptNo>0</mixOptNo>
<optWght>0</optWght><prdNo>4088296117</prdNo><prdStckNo>16243384893</prdStckNo>
<prdStckStatCd>01</prdStckStatCd><selQty>2</selQty><sellerStockCd></sellerStockCd>
<stckQty>997</stckQty></ns2:ProductStock><ns2:prdNm>린넨 셔츠</ns2:prdNm>
<ns2:prdNo>4088296117</ns2:prdNo><ns2:sellerPrdCd>SKU-SHIRT-01</ns2:sellerPrdCd>
</ns2:ProductStocks>"""

STOCK_OPTIONS = """\
<ns2:ProductStocks><ns2:ProductStock><addPrc>0</addPrc><mixDtlOptNm>S,아이보리</mixDtlOptNm>
<mixOptNm>사이즈,색상</mixOptNm><mixOptNo>1,1</mixOptNo><optWght>0</optWght>
<prdNo>2667099845</prdNo><prdStckNo>9910872978</prdStckNo><prdStckStatCd>01</prdStckStatCd>
<selQty>39</selQty><sellerStockCd>SHIRT-S-IV</sellerStockCd><stckQty>62</stckQty>
</ns2:ProductStock><ns2:ProductStock><addPrc>1000</addPrc><mixDtlOptNm>M,아이보리</mixDtlOptNm>
<mixOptNm>사이즈,색상</mixOptNm><mixOptNo>2,1</mixOptNo><optWght>0</optWght>
<prdNo>2667099845</prdNo><prdStckNo>9910872979</prdStckNo><prdStckStatCd>02</prdStckStatCd>
<selQty>4</selQty><sellerStockCd>SHIRT-M-IV</sellerStockCd><stckQty>0</stckQty>
</ns2:ProductStock><ns2:prdNm>린넨 셔츠</ns2:prdNm><ns2:prdNo>2667099845</ns2:prdNo>
<ns2:sellerPrdCd>SKU-SHIRT-02</ns2:sellerPrdCd><productComponents><productComponent>
<addCompPrc>100</addCompPrc><addPrdGrpNm>추가</addPrdGrpNm><addPrdWght>10</addPrdWght>
<addUseYn>Y</addUseYn><compPrdNm>추가구성상품</compPrdNm><compPrdQty>5</compPrdQty>
<sellerAddPrdCd>93367282</sellerAddPrdCd></productComponent></productComponents>
</ns2:ProductStocks>"""

STOCKS = """\
<ns2:ProductStockss><ns2:message>2 건을 조회했습니다.</ns2:message><ns2:ProductStocks>
<ns2:ProductStock><addPrc>0</addPrc><mixDtlOptNm>one,와인</mixDtlOptNm>
<mixOptNm>사이즈,색상</mixOptNm><mixOptNo>1,2</mixOptNo><optWght>11</optWght>
<prdNo>1847999</prdNo><prdStckNo>9053248</prdStckNo><prdStckStatCd>01</prdStckStatCd>
<selQty>0</selQty><sellerStockCd>CD00101</sellerStockCd><stckQty>500</stckQty>
</ns2:ProductStock><ns2:prdNm>브이넥 티</ns2:prdNm><ns2:prdNo>1847999</ns2:prdNo>
<ns2:sellerPrdCd></ns2:sellerPrdCd></ns2:ProductStocks><ns2:ProductStocks><ns2:ProductStock>
<addPrc>0</addPrc><mixOptNo>0</mixOptNo><optWght>0</optWght><prdNo>4088296117</prdNo>
<prdStckNo>16243384893</prdStckNo><prdStckStatCd>01</prdStckStatCd><selQty>2</selQty>
<sellerStockCd></sellerStockCd><stckQty>997</stckQty></ns2:ProductStock>
<ns2:prdNm>린넨 셔츠</ns2:prdNm><ns2:prdNo>4088296117</ns2:prdNo>
<ns2:sellerPrdCd>SKU-SHIRT-01</ns2:sellerPrdCd></ns2:ProductStocks></ns2:ProductStockss>"""

STOCK_SET = """\
<ClientMessage>
<message>옵션재고 번호 : 16243384893(상품번호: 4088296117)의 수량이 업데이트 되었습니다. \
변경된 수량 : 300</message>
<preSelPrc>0</preSelPrc><productNo>16243384893</productNo><resultCode>200</resultCode>
</ClientMessage>"""

STOCK_KEY_UNKNOWN = """\
<ClientMessage>
<message>옵션재고 번호 434450294(상품번호:47965658)의 수량 업데이트 실패. MSG : OpenAPI Key \
에 해당하는 유저가 없습니다.</message>
<productNo>434450294</productNo><resultCode>500</resultCode></ClientMessage>"""

PRICE_SET = """\
<ClientMessage><message>(상품번호:4088296117)의 가격이 업데이트 되었습니다</message>
<preSelPrc>217800</preSelPrc><productNo></productNo><resultCode>200</resultCode></ClientMessage>"""

PRICE_KEY_UNKNOWN = """\
<ClientMessage>
<message>상품번호:113214968)의 가격 업데이트 실패. MSG : OpenAPI Key 에 해당하는 유저가 \
없습니다.</message>
<productNo>113214968</productNo><resultCode>500</resultCode></ClientMessage>"""

DISPLAY_SET = """\
<ClientMessage><message>판매상태가 수정되었습니다. [STAT : 105]</message>
<resultCode>200</resultCode></ClientMessage>"""

DISPLAY_UNKNOWN = """\
<ClientMessage><message>해당 상품의 정보를 찾을 수 없습니다. 상품번호 : 41601523</message>
<resultCode>500</resultCode></ClientMessage>"""

COMPLETE = """\
<ns2:orders><ns2:order><addPrdNo>0</addPrdNo><addPrdYn>N</addPrdYn><appmtDdDlvDy></appmtDdDlvDy>
<appmtEltRefuseYn></appmtEltRefuseYn><appmtselStockCd></appmtselStockCd><bmDlvCst>0</bmDlvCst>
<bmDlvCstType>03</bmDlvCstType><bndlDlvSeq>4506571</bndlDlvSeq><bndlDlvYN>Y</bndlDlvYN>
<clmReqRsnNm></clmReqRsnNm><custGrdNm>일반고객</custGrdNm><deferRefsRsnCdNm></deferRefsRsnCdNm>
<delaySendDt></delaySendDt><dlvCst>2500</dlvCst><dlvCstType>01</dlvCstType>
<dlvEtprsCd></dlvEtprsCd><dlvMthdCd>null</dlvMthdCd><dlvNo>2678260704</dlvNo>
<dlvSndDue>2026-02-26 00:00:00</dlvSndDue><engNm></engNm><freeGiftNo></freeGiftNo>
<freeGiftQty></freeGiftQty><gblDlvYn>N</gblDlvYn><gifeser>0</gifeser><giftCd></giftCd>
<invcNo></invcNo><lstDlvCst>2500</lstDlvCst><lstSellerDscPrc>0</lstSellerDscPrc>
<lstTmallDscPrc>2000</lstTmallDscPrc><memID>S|10000001|tes***</memID><memNo>10000001</memNo>
<ordAmt>38000</ordAmt><ordBaseAddr>서울특별시 가나구 다라로 1 (마바동)</ordBaseAddr>
<ordDlvReqCont>문 앞에 놓아주세요</ordDlvReqCont><ordDt>2026-02-25 11:46:06</ordDt>
<ordDtlsAddr>101호</ordDtlsAddr><ordMailNo>01234</ordMailNo><ordNm>홍길동</ordNm>
<ordNo>20260225044300001</ordNo><ordOptWonStl>0</ordOptWonStl><ordPayAmt>38500</ordPayAmt>
<ordPayAmtPerSeq>36000</ordPayAmtPerSeq><ordPrdSeq>1</ordPrdSeq><ordPrdStat>202</ordPrdStat>
<ordPrtblTel>010-0000-0000</ordPrtblTel><ordQty>2</ordQty>
<ordStlEndDt>2026-02-25 11:46:06</ordStlEndDt><ordTlphnNo>02--</ordTlphnNo>
<plcodrCnfDt>null</plcodrCnfDt><prdNm>린넨 셔츠 &amp; 벨트 세트</prdNm><prdNo>2667099845</prdNo>
<prdStckNo>9910872978</prdStckNo><psnCscUniqNo></psnCscUniqNo>
<rcvrBaseAddr>서울특별시 가나구 다라로 1 (마바동)</rcvrBaseAddr>
<rcvrDtlsAddr>101호</rcvrDtlsAddr><rcvrMailNo>01234</rcvrMailNo><rcvrMailNoSeq></rcvrMailNoSeq>
<rcvrNm>홍길순</rcvrNm><rcvrPrtblNo>010-0000-0001</rcvrPrtblNo><rcvrTlphn></rcvrTlphn>
<realStockYn></realStockYn><referSeq></referSeq><refsRsn></refsRsn><refsRsnCdNm></refsRsnCdNm>
<selPrc>19000</selPrc><sellerDscPrc>0</sellerDscPrc><sellerDscPrcPerSeq>0</sellerDscPrcPerSeq>
<sellerPrdCd>SKU-SHIRT-02</sellerPrdCd><sellerStockCd>SHIRT-S-IV</sellerStockCd>
<sendClfCd>Y</sendClfCd><sendGiftYn>N</sendGiftYn><shopNo>0</shopNo>
<slctPrdOptNm>사이즈:S,색상:아이보리-2개</slctPrdOptNm><sndEndDt></sndEndDt>
<stlPlnAmt>34960</stlPlnAmt><tmallApplyDscAmt>0</tmallApplyDscAmt>
<tmallDscPrc>2000</tmallDscPrc><tmallDscPrcPerSeq>2000</tmallDscPrcPerSeq>
<totSelFee>3040</totSelFee><typeAdd>02</typeAdd><typeBilNo>1100000000000000000000001</typeBilNo>
<use11stRetailYn>N</use11stRetailYn><visitDlvYn>N</visitDlvYn></ns2:order><ns2:order>
<addPrdNo>0</addPrdNo><addPrdYn>N</addPrdYn><bmDlvCst>0</bmDlvCst>
<bmDlvCstType>03</bmDlvCstType><bndlDlvSeq>4506571</bndlDlvSeq><bndlDlvYN>Y</bndlDlvYN>
<dlvCst>2500</dlvCst><dlvCstType>01</dlvCstType><dlvMthdCd>null</dlvMthdCd>
<dlvNo>2678260704</dlvNo><dlvSndDue>2026-02-26 00:00:00</dlvSndDue><gblDlvYn>N</gblDlvYn>
<ordAmt>12000</ordAmt><ordDt>2026-02-25 11:46:06</ordDt><ordNm>홍길동</ordNm>
<ordNo>20260225044300001</ordNo><ordOptWonStl>0</ordOptWonStl><ordPayAmt>14500</ordPayAmt>
<ordPrdSeq>2</ordPrdSeq><ordPrdStat>202</ordPrdStat><ordQty>1</ordQty>
<ordStlEndDt>2026-02-25 11:46:06</ordStlEndDt><prdNm>양말</prdNm><prdNo>4088296117</prdNo>
<prdStckNo>16243384893</prdStckNo>
<rcvrBaseAddr>서울특별시 가나구 다라로 1 (마바동)</rcvrBaseAddr>
<rcvrDtlsAddr>101호</rcvrDtlsAddr><rcvrMailNo>01234</rcvrMailNo><rcvrNm>홍길순</rcvrNm>
<rcvrPrtblNo>010-0000-0001</rcvrPrtblNo><selPrc>12000</selPrc><sellerDscPrc>0</sellerDscPrc>
<sellerPrdCd>SKU-SOCK-01</sellerPrdCd><sellerStockCd></sellerStockCd>
<slctPrdOptNm></slctPrdOptNm><tmallDscPrc>0</tmallDscPrc></ns2:order></ns2:orders>"""

SHIPPING = """\
<ns2:orders><ns2:order><dlvEtprsCd>00034</dlvEtprsCd><invcNo>627614443992</invcNo>
<ordNo>20260225044300001</ordNo><ordPrdSeq>1</ordPrdSeq><sndEndDt>2026-02-26 15:12:03</sndEndDt>
</ns2:order></ns2:orders>"""

DELIVERED = """\
<ns2:orders><ns2:order><bmDlvCst>0</bmDlvCst><bmDlvCstType>01</bmDlvCstType>
<dlvCst>2500</dlvCst><dlvCstType>01</dlvCstType><dlvEndDt>2026-02-28 15:35:00</dlvEndDt>
<dlvEtprsCd>00034</dlvEtprsCd><dlvMthd>택배</dlvMthd><dlvMthdCd>01</dlvMthdCd>
<dlvNo>2678260704</dlvNo><gblDlvYn>N</gblDlvYn><invcNo>627614443992</invcNo>
<memID>tes***</memID><memNo>10000001</memNo><ordAmt>38000</ordAmt><ordBaseAddr></ordBaseAddr>
<ordDlvReqCont></ordDlvReqCont><ordDt>2026-02-25 11:46:06</ordDt><ordDtlsAddr></ordDtlsAddr>
<ordId>tes***</ordId><ordMailNo>null</ordMailNo><ordNm>홍길동</ordNm>
<ordNo>20260225044300001</ordNo><ordPrdSeq>1</ordPrdSeq><ordPrdStat>501</ordPrdStat>
<ordPrtblTel>010-0000-0000</ordPrtblTel><ordQty>2</ordQty>
<ordStlEndDt>2026-02-25 11:46:06</ordStlEndDt><prdNm>린넨 셔츠</prdNm><prdNo>2667099845</prdNo>
<prdStckNo>9910872978</prdStckNo><rcvrBaseAddr>서울특별시 가나구 다라로 1</rcvrBaseAddr>
<rcvrDtlsAddr>101호</rcvrDtlsAddr><rcvrMailNo>01234</rcvrMailNo><rcvrMailNoSeq>0</rcvrMailNoSeq>
<rcvrNm>홍길순</rcvrNm><rcvrPrtblNo>010-0000-0001</rcvrPrtblNo><rcvrTlphn></rcvrTlphn>
<referSeq></referSeq><selPrc>19000</selPrc><sellerPrdCd>SKU-SHIRT-02</sellerPrdCd>
<sellerStockCd>SHIRT-S-IV</sellerStockCd><slctPrdOptNm>사이즈:S,색상:아이보리-2개</slctPrdOptNm>
<sndEndDt>2026-02-26 15:12:03</sndEndDt><typeBilNo></typeBilNo></ns2:order></ns2:orders>"""

COMPLETED = """\
<ns2:orders><ns2:order><atmtBuyCnfrmYN>Y</atmtBuyCnfrmYN><dlvCst>2500</dlvCst>
<gblDlvYn>N</gblDlvYn><memNo>10000001</memNo><ordAmt>38000</ordAmt>
<ordDt>2026-02-25 11:46:06</ordDt><ordNo>20260225044300001</ordNo><ordPayAmt>38500</ordPayAmt>
<ordPrdSeq>1</ordPrdSeq><ordQty>2</ordQty><pocnfrmDt>2026-03-10 04:10:00</pocnfrmDt>
<prdNm>린넨 셔츠</prdNm><prdNo>2667099845</prdNo><referSeq></referSeq>
<sellerPrdCd>SKU-SHIRT-02</sellerPrdCd><sellerStockCd>SHIRT-S-IV</sellerStockCd>
<sendGiftYn>N</sendGiftYn><slctPrdOptNm>사이즈:S,색상:아이보리-2개</slctPrdOptNm></ns2:order>
</ns2:orders>"""

STATES_WITH_ADDRESS = """\
<ns2:orders><ns2:order><dlvEtprsCd>00034</dlvEtprsCd><dlvMthdCd>01</dlvMthdCd>
<dlvNo>2678260704</dlvNo><invcNo>627614443992</invcNo><ordCnQty>0</ordCnQty>
<ordNo>20260225044300001</ordNo><ordPrdSeq>1</ordPrdSeq><ordPrdStat>401</ordPrdStat>
<ordPrdStatNm>배송중</ordPrdStatNm><ordQty>2</ordQty><prdNm>린넨 셔츠</prdNm>
<prdNo>2667099845</prdNo><rcvrBaseAddr>서울특별시 가나구 다라로 1</rcvrBaseAddr>
<rcvrDtlsAddr>101호</rcvrDtlsAddr><rcvrMailNo>01234</rcvrMailNo><rcvrMailNoSeq></rcvrMailNoSeq>
<rcvrNm>홍길순</rcvrNm><rcvrPrtblNo>010-0000-0001</rcvrPrtblNo><rcvrTlphn></rcvrTlphn>
<sellerID>seller01</sellerID><sndEndDt>2026-02-26 15:12:03</sndEndDt><typeBilNo></typeBilNo>
</ns2:order></ns2:orders>"""

STATES = """\
<ns2:orders><ns2:order><dlvNo>2678260704</dlvNo><ordCnQty>0</ordCnQty>
<ordNo>20260225044300001</ordNo><ordPrdSeq>1</ordPrdSeq><ordPrdStat>202</ordPrdStat>
<ordPrdStatNm>결제완료</ordPrdStatNm><ordQty>2</ordQty><prdNm>린넨 셔츠</prdNm>
<prdNo>2667099845</prdNo><referSeq></referSeq><sellerID>seller01</sellerID>
<sellerStockCd>SHIRT-S-IV</sellerStockCd></ns2:order></ns2:orders>"""

CONFIRMED = """\
<ResultOrder><openMallID>11ST</openMallID><open_11st_mall></open_11st_mall>
<open_done_payment_interface></open_done_payment_interface><result_code>0</result_code>
<result_text>전체 1건이 정상적으로 발주처리가 되었습니다.</result_text></ResultOrder>"""

CONFIRMED_ALREADY = """\
<ResultOrder><openMallID>11ST</openMallID><open_11st_mall></open_11st_mall>
<open_done_payment_interface></open_done_payment_interface><result_code>-3206</result_code>
<result_text>이미 발주 처리 되었거나 , 발주 처리할 건이 없습니다.</result_text></ResultOrder>"""

CANCELS = """\
<ns2:orders><ns2:order><createDt>2026-02-25 13:50:05</createDt><dlvNo>2678260704</dlvNo>
<ordCnDtlsRsn>다음에 구매하겠습니다.</ordCnDtlsRsn><ordCnMnbdCd>01</ordCnMnbdCd>
<ordCnQty>1</ordCnQty><ordCnRsnCd>14</ordCnRsnCd><ordCnStatCd>01</ordCnStatCd>
<ordNo>20260225044300001</ordNo><ordPrdCnSeq>8192583</ordPrdCnSeq><ordPrdSeq>1</ordPrdSeq>
<prdNo>2667099845</prdNo><referSeq></referSeq>
<slctPrdOptNm>사이즈:S,색상:아이보리-1개</slctPrdOptNm></ns2:order></ns2:orders>"""

CANCELS_DONE = """\
<ns2:orders><ns2:order><addDlvCst>0</addDlvCst><cnTrtEndDt>2026-02-25 16:58:53</cnTrtEndDt>
<createDt>2026-02-25 13:50:05</createDt><dlvCstRespnClf>01</dlvCstRespnClf>
<dlvNo>2678260704</dlvNo><ordCnDtlsRsn>다음에 구매하겠습니다.</ordCnDtlsRsn>
<ordCnMnbdCd>01</ordCnMnbdCd><ordCnQty>1</ordCnQty><ordCnRsnCd>14</ordCnRsnCd>
<ordCnStatCd>02</ordCnStatCd><ordCnTypCd>01</ordCnTypCd><ordNo>20260225044300001</ordNo>
<ordPrdCnSeq>8192583</ordPrdCnSeq><ordPrdSeq>1</ordPrdSeq><prdNo>2667099845</prdNo>
<referSeq></referSeq><slctPrdOptNm>1개</slctPrdOptNm></ns2:order></ns2:orders>"""

RETURNS = """\
<ns2:orders><ns2:order><affliateBndlDlvSeq>0</affliateBndlDlvSeq>
<appmtDlvCst>2,500</appmtDlvCst><clmDlvCstMthd>09</clmDlvCstMthd>
<clmLstDlvCst>6,000</clmLstDlvCst><clmReqCont>사이즈가 작아요</clmReqCont>
<clmReqQty>1</clmReqQty><clmReqRsn>110</clmReqRsn><clmReqSeq>2400330</clmReqSeq>
<clmStat>105</clmStat><dlvEtprsCd>00034</dlvEtprsCd><kglUseYn>N</kglUseYn>
<optName>사이즈:S-1개</optName><ordNm>홍길순</ordNm><ordNo>20260225044300001</ordNo>
<ordPrdSeq>1</ordPrdSeq><ordPrtblTel>010-0000-0001</ordPrtblTel>
<ordTlphnNo>02-000-0000</ordTlphnNo><prdNo>2667099845</prdNo>
<rcvrBaseAddr>서울특별시 가나구 다라로 1</rcvrBaseAddr><rcvrDtlsAddr>101호</rcvrDtlsAddr>
<rcvrMailNo>123-456</rcvrMailNo><rcvrMailNoSeq>011</rcvrMailNoSeq><rcvrTypeAdd>02</rcvrTypeAdd>
<rcvrTypeBilNo>4200000000000000000000001</rcvrTypeBilNo><reqDt>2026-03-01 15:16:37</reqDt>
<twMthd>06</twMthd><twPrdInvcNo>608393450166</twPrdInvcNo></ns2:order></ns2:orders>"""

EXCHANGES = """\
<ns2:orders><ns2:order><affliateBndlDlvSeq>0</affliateBndlDlvSeq>
<appmtDlvCst>2,500</appmtDlvCst><clmDlvCstMthd>04</clmDlvCstMthd>
<clmLstDlvCst>6,000</clmLstDlvCst><clmReqCont>M으로 교환</clmReqCont><clmReqQty>1</clmReqQty>
<clmReqRsn>215</clmReqRsn><clmReqSeq>2400331</clmReqSeq><clmStat>201</clmStat>
<dlvEtprsCd>00034</dlvEtprsCd><exchBaseAddr>서울특별시 가나구 다라로 1</exchBaseAddr>
<exchDtlsAddr>101호</exchDtlsAddr><exchMailNo>01234</exchMailNo><exchMailNoSeq></exchMailNoSeq>
<exchNm>홍길순</exchNm><exchPrtblTel>010-0000-0001</exchPrtblTel><exchTlphnNo></exchTlphnNo>
<exchTypeAdd>02</exchTypeAdd><exchTypeBilNo></exchTypeBilNo><optName>사이즈:S-1개</optName>
<ordNm>홍길순</ordNm><ordNo>20260225044300001</ordNo><ordPrdSeq>1</ordPrdSeq>
<ordPrtblTel>010-0000-0001</ordPrtblTel><ordTlphnNo></ordTlphnNo><prdNo>2667099845</prdNo>
<rcvrBaseAddr>서울특별시 가나구 다라로 1</rcvrBaseAddr><rcvrDtlsAddr>101호</rcvrDtlsAddr>
<rcvrMailNo>01234</rcvrMailNo><rcvrMailNoSeq></rcvrMailNoSeq><rcvrTypeAdd>02</rcvrTypeAdd>
<rcvrTypeBilNo></rcvrTypeBilNo><reqDt>2026-03-01 15:16:37</reqDt><twMthd>07</twMthd>
<twPrdInvcNo></twPrdInvcNo></ns2:order></ns2:orders>"""

CLAIM_REFUSED = """\
<ResultOrder><openMallID>11ST</openMallID><open_11st_mall></open_11st_mall>
<open_done_payment_interface></open_done_payment_interface><result_code>-1</result_code>
<result_text>이미 취소 완료된 신청건 입니다.</result_text></ResultOrder>"""
