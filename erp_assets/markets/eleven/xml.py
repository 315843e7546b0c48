"""11st's XML: EUC-KR bytes to elements matched by local name (11st.md §1.2, §1.3)."""

import codecs
import re
from collections.abc import Iterator, Mapping

from lxml import etree

from erp_assets.errors import BadPayload, MarketDown

Element = etree._Element  # noqa: SLF001 - lxml names no other type
Row = Mapping[str, str]
"""Leaf name → text; leaves without value are not there."""

DECLARATION = re.compile(r"^(?:\s*<\?xml\s[^>]*\?>)+")
DOCTYPE = re.compile(r"(?>\s+|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.IGNORECASE | re.DOTALL)
REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]+)|([0-9]+));")
AMPERSAND = re.compile(r"&(?!(?:#[0-9]+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos);)")
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
PAGES = frozenset({"html", "head", "body"})
BROKEN = (etree.XMLSyntaxError, ValueError)
"""What lxml raises at text that is no XML; ValueError at a declaration that does not end."""
REPLACED = "\ufffd"
"""Stands where bytes were no text; a row that holds it is rejected."""


def text_of(raw: bytes) -> str:
    """Decode an answer: cp949, unless it declares UTF-8."""
    head = raw[:200].decode("ascii", "ignore").lower()
    encodings = ("utf-8", "cp949") if "utf-8" in head else ("cp949", "utf-8")
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode(encodings[0], "replace")


def parse(raw: bytes) -> Element:
    """Return the root of an answer.

    Raises: MarketDown: a web page. BadPayload: empty, cut short, or with a DOCTYPE, which no answer
    of 11st has and an attack would need.
    """
    raw = raw.lstrip(codecs.BOM_UTF8)  # in front of a DOCTYPE it would hide it
    text = DECLARATION.sub("", text_of(raw), count=1).strip()
    if not text:
        raise BadPayload("an empty answer")
    root = _parsed(text)
    if local(root).lower() in PAGES:
        raise MarketDown("a web page instead of an answer")
    return root


def _parsed(text: str) -> Element:
    try:
        return _tree(text)
    except BROKEN:
        pass
    try:  # characters that XML forbids or wants escaped, a prefix that nobody declared (§1.2)
        return _tree(re.sub(r"(</?)ns2:", r"\1", _scrubbed(text)))
    except BROKEN as error:
        raise BadPayload(f"not an answer of 11st: {str(error)[:150]}") from None


def _tree(text: str) -> Element:
    if DOCTYPE.match(text):  # inside a row it is but the seller's own page about the listing
        if "html" in text[:300].lower():
            raise MarketDown("a web page instead of an answer")
        raise BadPayload("the answer has a DOCTYPE")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_pis=True,
        remove_comments=True,
    )
    return etree.fromstring(text, parser)


def _scrubbed(text: str) -> str:
    def kept(match: re.Match[str]) -> str:
        digits = (match[1] or match[2]).lstrip("0")
        if len(digits) > 7:  # beyond every character, however many digits there are
            return ""
        code = int(digits or "0", 16 if match[1] else 10)
        is_legal = code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE
        return match[0] if is_legal or 0x10000 <= code < 0x110000 else ""

    return AMPERSAND.sub("&amp;", ILLEGAL.sub("", REFERENCE.sub(kept, text)))


def local(element: Element) -> str:
    """Return the name of an element without namespace and prefix."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2]


def children(element: Element, name: str) -> Iterator[Element]:
    """Yield the children of that local name."""
    return (child for child in element if isinstance(child.tag, str) and local(child) == name)


def row(element: Element) -> Row:
    """Return the leaves of a row; empty ones and the text `null` mean nothing (§1.3)."""
    found: dict[str, str] = {}
    for child in element:
        if len(child):  # what holds elements is no leaf, whatever text stands between them
            continue
        value = (child.text or "").strip()
        if value and value != "null" and isinstance(child.tag, str):
            found[local(child)] = value
    return found


def raw(element: Element) -> str:
    """Return an element as text."""
    return etree.tostring(element, encoding="unicode", with_tail=False)


def escaped(value: object) -> str:
    """Return text that stands for itself in a body we send."""
    return str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
