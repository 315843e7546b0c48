"""Courier codes of invoice uploads and the Korean names that order sheets show (§6.5)."""

DIRECT = "DIRECT"
"""Delivered by the seller: any number, no tracking."""

CARRIERS = {
    "CJGLS": "CJ대한통운",
    "HANJIN": "한진택배",
    "HYUNDAI": "롯데택배",
    "KGB": "로젠택배",
    "EPOST": "우체국택배",
    "KDEXP": "경동택배",
    "ILYANG": "일양로지스",
    "CHUNIL": "천일택배",
    "DAESIN": "대신택배",
    "HDEXP": "합동택배",
    "KUNYOUNG": "건영택배",
    "HONAM": "호남택배",
    "SLX": "SLX",
    "CVS": "CVS택배",
    "KGBPS": "KGB택배",
    "CSLOGIS": "SC로지스",
    "NHLOGIS": "농협택배",
    "LINEEXPRESS": "LineExpress",
    "REGISTPOST": "우편등기",
    "EMS": "EMS",
    "DHL": "DHL",
    "UPS": "UPS",
    "FEDEX": "FEDEX",
    "TNT": "TNT",
    "USPS": "USPS",
    DIRECT: "업체직송",
}
_WITH_LETTERS = frozenset({"REGISTPOST", "EMS", "DHL", "UPS", "FEDEX", "TNT", "USPS", DIRECT})


def is_invoice(carrier: str, text: str) -> bool:
    """May this carrier's parcels have this number? Digits, and letters for some; no dashes."""
    if not text or not text.isascii() or carrier not in CARRIERS:
        return False
    return text.isalnum() if carrier in _WITH_LETTERS else text.isdigit()
