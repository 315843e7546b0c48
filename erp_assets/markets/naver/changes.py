"""Which calls change stock, price or sale of a listing's options (naver.md §4.3 to §4.7).

A row that a write leaves out of its fields is wiped, so every row is sent with all its values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from erp_assets.markets.naver import wire
from erp_assets.records import OptionKey, PriceChange, StockChange

ORIGIN = "/v1/products/origin-products"
MOST_STOCK = 99_999_999
MOST_PRICE = 999_999_990
SURCHARGES = ((2_000, 0, 100), (10_000, -50, 100), (MOST_PRICE + 1, -50, 50))
"""Sale price below → lowest and highest surcharge, per cent of it."""


class Call(NamedTuple):
    """One write. path: {no} stands for the listing's number."""

    method: str
    path: str
    body: dict[str, Any]


@dataclass(slots=True)
class Plan:
    """The calls of one listing, and what is refused before any. refused: option → why."""

    calls: list[Call] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def _number(origin: wire.Origin) -> set[str]:
    return {str(it.id) for it in origin.options} or {wire.NO_OPTION}


def _unknown(origin: wire.Origin, option_nos: Sequence[str]) -> dict[str, str]:
    there = _number(origin)
    return {no: "the listing has no such option" for no in option_nos if no not in there}


def _rows(origin: wire.Origin, changed: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return optionInfo with every row in full, `changed` values over those that were read."""
    rows: list[dict[str, Any]] = []
    for it in origin.options:
        row: dict[str, Any] = {
            "id": it.id,
            "stockQuantity": it.stock_quantity or 0,
            "price": it.price,
            "usable": it.usable,
        } | dict(changed.get(str(it.id), {}))
        if origin.has_standards:
            del row["price"]
        rows.append(row)
    name = "optionStandards" if origin.has_standards else "optionCombinations"
    return {"useStockManagement": True, name: rows}


def _option_stock(
    origin: wire.Origin, changed: Mapping[str, Mapping[str, Any]], price: int
) -> Call:
    return Call(
        "PUT",
        f"{ORIGIN}/{{no}}/option-stock",
        {"productSalePrice": {"salePrice": price}, "optionInfo": _rows(origin, changed)},
    )


def _multi(number: str, types: list[str], **values: object) -> Call:
    row = {"originProductNo": int(number), "multiUpdateTypes": types, **values}
    return Call("PATCH", f"{ORIGIN}/multi-update", {"multiProductUpdateRequestVos": [row]})


def _status(status: str, **values: object) -> Call:
    return Call("PUT", f"{ORIGIN}/{{no}}/change-status", {"statusType": status, **values})


def stock(origin: wire.Origin, changes: Sequence[StockChange]) -> Plan:
    """Set stock; a listing that was sold out is put on sale again in the same go."""
    plan = Plan(refused=_unknown(origin, [it.option_no for it in changes]))
    for it in changes:
        if not 0 <= it.stock <= MOST_STOCK:
            plan.refused[it.option_no] = f"stock {it.stock} is not within 0 and {MOST_STOCK}"
    good = {it.option_no: it.stock for it in changes if it.option_no not in plan.refused}
    if not good:
        return plan
    was_out = origin.status_type == "OUTOFSTOCK"
    if not origin.options:
        left = good[wire.NO_OPTION]
        types = ["STOCK", "PRODUCT_STATUS_SALE"] if was_out and left else ["STOCK"]
        plan.calls.append(_multi(changes[0].product_no, types, stockQuantity=left))
        return plan
    changed = {no: {"stockQuantity": left} for no, left in good.items()}
    plan.calls.append(_option_stock(origin, changed, origin.sale_price))
    total = sum(good.get(str(it.id), it.stock_quantity or 0) for it in origin.options if it.usable)
    if was_out and total:
        plan.calls.append(_status("SALE", stockQuantity=total))
    return plan


def prices(origin: wire.Origin, changes: Sequence[PriceChange]) -> Plan:
    """Set prices; of a listing with options the sale price may have to move as well."""
    plan = Plan(refused=_unknown(origin, [it.option_no for it in changes]))
    for it in changes:
        if not 0 < it.price <= MOST_PRICE or it.price % 10:
            plan.refused[it.option_no] = (
                f"price {it.price} is not 10 to {MOST_PRICE} in tens of won"
            )
    good = {it.option_no: it.price for it in changes if it.option_no not in plan.refused}
    if not good:
        return plan
    if not origin.options:
        new = good[wire.NO_OPTION]
        plan.calls.append(
            _multi(changes[0].product_no, ["SALE_PRICE"], productSalePrice={"salePrice": new})
        )
        return plan
    if origin.has_standards:
        plan.refused |= dict.fromkeys(good, "options of this kind have no price of their own")
        return plan
    wanted = {
        str(it.id): good.get(str(it.id), origin.sale_price + it.price) for it in origin.options
    }
    base = _base(origin.sale_price, list(wanted.values()))
    if base is None:
        why = "no sale price keeps every option within Naver's limits of surcharges"
        plan.refused |= dict.fromkeys(good, why)
        return plan
    changed = {no: {"price": price - base} for no, price in wanted.items()}
    plan.calls.append(_option_stock(origin, changed, base))
    return plan


def _base(present: int, wanted: Sequence[int]) -> int | None:
    """Return a sale price that one option costs exactly and none strays too far from."""
    candidates = ([present] if present in wanted else []) + sorted(set(wanted))
    return next((base for base in candidates if all(_fits(base, it - base) for it in wanted)), None)


def _fits(base: int, surcharge: int) -> bool:
    low, high = next((low, high) for below, low, high in SURCHARGES if base < below)
    return low * base <= surcharge * 100 <= high * base


def on_sale(origin: wire.Origin, options: Sequence[OptionKey], *, on_sale: bool) -> Plan:
    """Stop or resume: the listing when all its options are meant, else their `usable` flags."""
    named = {it.option_no for it in options}
    plan = Plan(refused=_unknown(origin, [it.option_no for it in options]))
    named -= plan.refused.keys()
    if not named:
        return plan
    is_whole = named == _number(origin)
    if not (is_whole and not on_sale) and origin.options:
        changed = {no: {"usable": on_sale} for no in named}
        plan.calls.append(_option_stock(origin, changed, origin.sale_price))
    if is_whole and not on_sale and origin.status_type in ("SALE", "OUTOFSTOCK", "WAIT"):
        plan.calls.append(_status("SUSPENSION"))
    if on_sale and origin.status_type == "SUSPENSION":
        plan.calls.append(_status("SALE"))
    return plan
