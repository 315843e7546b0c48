"""XML as 11st writes it, and the few bodies it reads.

Containers carry the prefix ns2, leaves carry none and come in ASCII order; the bytes are cp949,
with a numeric reference for what does not fit. Written by hand because a row is a fixed text with
holes: filling it is an order of magnitude faster than building a tree.
Source: 11st.md §1.2, §1.3, §2.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from xml.sax.saxutils import escape

from lxml import etree

from erp_assets import clock

CONTENT_TYPE = "application/xml;charset=euc-kr"
DECLARATION = '<?xml version="1.0" encoding="euc-kr" standalone="yes"?>\n'
NAMESPACE = "http://skt.tmall.business.openapi.spring.service.client.domain/"


class Refused(Exception):
    """An answer other than success: the market's own code and text, any service's envelope."""

    def __init__(self, code: int | str, text: str, *, product_no: str | None = None) -> None:
        """product_no: listing or stock row that a product receipt names."""
        super().__init__(text)
        self.code = str(code)
        self.text = text
        self.product_no = product_no


class BadBody(Exception):
    """A request body that is not the XML of the documents."""


class Row:
    """A row whose leaves are known beforehand.

    leaves: names that `render` finds in its facts, apart by white space. always: leaves that have
    one value in every row, by name.
    """

    def __init__(self, tag: str, leaves: str, always: Mapping[str, str]) -> None:
        texts = {name: f"%({name})s" for name in leaves.split()}
        texts |= {name: escape(value).replace("%", "%%") for name, value in always.items()}
        self._text = f"<{tag}>{_leaves(texts)}</{tag}>"

    def render(self, facts: Mapping[str, object]) -> str:
        """Fill the row; every text among `facts` is escaped already."""
        return self._text % facts


def _leaves(texts: Mapping[str, object]) -> str:
    return "".join(f"<{name}>{texts[name]}</{name}>" for name in sorted(texts))


def spread(names: Mapping[str, str]) -> dict[str, str]:
    """Turn value → names, apart by white space, into name → value."""
    return {name: value for value, text in names.items() for name in text.split()}


def element(tag: str, values: Mapping[str, object]) -> str:
    """Render `tag` around escaped leaves in ASCII order."""
    return f"<{tag}>{_leaves({name: escape(str(value)) for name, value in values.items()})}</{tag}>"


def qualified(tag: str, inner: str) -> str:
    """Render the root ns2:`tag`, the only place where the prefix is declared."""
    return f'<ns2:{tag} xmlns:ns2="{NAMESPACE}">{inner}</ns2:{tag}>'


def orders(rows: Iterable[str]) -> str:
    """Render rows of an order or claim list: rows present, no result code at all (§2.1)."""
    return qualified("orders", "".join(rows))


def orders_error(refused: Refused) -> str:
    """Render the code of an order or claim list; code 0 is "nothing found" (§2.2)."""
    return qualified(
        "orders",
        f"<ns2:result_code>{refused.code}</ns2:result_code>"
        f"<ns2:result_text>{escape(refused.text)}</ns2:result_text>",
    )


def result_order(code: int | str, text: str) -> str:
    """Render the receipt of an order or claim action; 0 is success."""
    values = {
        "openMallID": "11ST",
        "open_11st_mall": "",
        "open_done_payment_interface": "",
        "result_code": code,
        "result_text": text,
    }
    return element("ResultOrder", values)


def client_message(
    code: int | str, text: str, *, product_no: str | None = None, old_price: int | None = None
) -> str:
    """Render the receipt of a product write; 200 is success."""
    values = {"message": text, "preSelPrc": old_price, "productNo": product_no, "resultCode": code}
    return element("ClientMessage", {k: v for k, v in values.items() if v is not None})


def auth_message(code: int, text: str) -> str:
    """Render the gateway's answer."""
    return element("AuthMessage", {"resultCode": code, "resultMessage": text})


def encode(xml: str) -> bytes:
    """Return a whole document as 11st sends it."""
    return (DECLARATION + xml).encode("cp949", "xmlcharrefreplace")


def stamp(instant: datetime | None, absent: str = "") -> str:
    """Write an instant as Korea time without offset; `absent` may be the literal `null`."""
    if instant is None:
        return absent
    return str(instant.astimezone(clock.KST))[:19]


# ── bodies of requests ─────────────────────────────────────────────────────────────────────────
_HEAD = re.compile(r"^\ufeff?\s*<\?xml[^>]*\?>")


def parse(body: bytes) -> etree._Element:
    """Read a request body, EUC-KR unless it declares UTF-8. Raises: BadBody."""
    encoding = "utf-8" if b"utf-8" in body[:120].lower() else "cp949"
    try:
        text = _HEAD.sub("", body.decode(encoding)).strip()
        if "<!DOCTYPE" in text:
            raise BadBody("a document type is not expected")
        root = etree.fromstring(text, _reader())
    except (UnicodeDecodeError, ValueError, etree.XMLSyntaxError) as error:
        raise BadBody(str(error)) from error
    return root


def _reader() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )


def local_name(node: etree._Element) -> str:
    """Return a tag without its namespace."""
    return str(node.tag).rsplit("}", 1)[-1]


def leaves(node: etree._Element) -> dict[str, str]:
    """Return the texts of the direct children by local name; empty leaves are left out."""
    found = {local_name(child): (child.text or "").strip() for child in node}
    return {name: text for name, text in found.items() if text}


def read_body(body: bytes, *roots: str, code: int = 400) -> etree._Element:
    """Read the body of a call, whose root is one of `roots`. Raises: Refused with `code`."""
    try:
        root = parse(body)
    except BadBody as error:
        raise Refused(code, "요청 XML이 올바르지 않습니다.") from error
    if local_name(root) not in roots:
        raise Refused(code, "요청 XML이 올바르지 않습니다.")
    return root
