"""Which calls change stock, price or sale of a listing's options (naver.md §4.3 to §4.7).

A row that a write leaves out of its fields is wiped, so every row is sent with all its values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from erp_assets.markets.naver.product_wire import Origin
from erp_assets.markets.naver.wire import NO_OPTION
from erp_assets.records import OptionKey, PriceChange, StockChange

ORIGIN = "/v1/products/origin-products"
MOST_STOCK = 99_999_999
MOST_PRICE = 999_999_990
SURCHARGES = ((2_000, 0, 100), (10_000, -50, 100), (MOST_PRICE + 1, -50, 50))
"""Sale price below → lowest and highest surcharge, per cent of it."""
SELLING = ("SALE", "OUTOFSTOCK")
STOPPABLE = (*SELLING, "WAIT")


class Call(NamedTuple):
    """One write.

    path: {no} stands for the listing's number. needless_in: the status in which the listing, as
    the answer of the write before shows it, makes this one needless. proof: what reading the
    listing back has to show, because the answer tells nothing of single listings (§4.7).
    """

    method: str
    path: str
    body: dict[str, Any]
    needless_in: str = ""
    proof: Mapping[str, object] = {}


@dataclass(slots=True)
class Plan:
    """The calls of one listing, and what is refused before any. refused: option → why."""

    calls: list[Call] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def _numbers(origin: Origin) -> set[str]:
    return {str(it.id) for it in origin.options} or {NO_OPTION}


def _unknown(origin: Origin, option_nos: Sequence[str]) -> dict[str, str]:
    there = _numbers(origin)
    return {no: "the listing has no such option" for no in option_nos if no not in there}


def _option_stock(
    origin: Origin,
    changed: Mapping[str, Mapping[str, Any]],
    *,
    price: int | None = None,
    is_counted: bool = False,
) -> Call:
    """Write every row in full, `changed` values over those that were read.

    price: the new sale price. is_counted: are numbers of pieces among the changes? They count
    only with stock management; without it all rows show 9,999, and stay so.
    """
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
    info = {"useStockManagement": is_counted or origin.counts_stock, name: rows}
    sale = {"salePrice": origin.sale_price if price is None else price}
    return Call(
        "PUT", f"{ORIGIN}/{{no}}/option-stock", {"productSalePrice": sale, "optionInfo": info}
    )


def _multi(number: str, types: list[str], proof: Mapping[str, object], **values: object) -> Call:
    row = {"originProductNo": int(number), "multiUpdateTypes": types, **values}
    return Call(
        "PATCH", f"{ORIGIN}/multi-update", {"multiProductUpdateRequestVos": [row]}, proof=proof
    )


def _sale_price(number: str, price: int) -> Call:
    sale = {"salePrice": price}
    return _multi(number, ["SALE_PRICE"], {"sale_price": price}, productSalePrice=sale)


def _status(status: str, needless_in: str = "", **values: object) -> Call:
    body = {"statusType": status, **values}
    return Call("PUT", f"{ORIGIN}/{{no}}/change-status", body, needless_in)


def stock(origin: Origin, changes: Sequence[StockChange]) -> Plan:
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
        left = good[NO_OPTION]
        types = ["STOCK", "PRODUCT_STATUS_SALE"] if was_out and left else ["STOCK"]
        proof = {"stock_quantity": left}
        plan.calls.append(_multi(changes[0].product_no, types, proof, stockQuantity=left))
        return plan
    changed = {no: {"stockQuantity": left} for no, left in good.items()}
    plan.calls.append(_option_stock(origin, changed, is_counted=True))
    total = sum(good.get(str(it.id), it.stock_quantity or 0) for it in origin.options if it.usable)
    if was_out and total:
        plan.calls.append(_status("SALE", "SALE", stockQuantity=min(total, MOST_STOCK)))
    return plan


def prices(origin: Origin, changes: Sequence[PriceChange]) -> Plan:
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
        plan.calls.append(_sale_price(changes[0].product_no, good[NO_OPTION]))
    elif origin.has_standards:
        _price_standards(origin, changes[0].product_no, good, plan)
    else:
        _price_combinations(origin, good, plan)
    return plan


def _price_standards(origin: Origin, product_no: str, good: Mapping[str, int], plan: Plan) -> None:
    """Options of this kind all cost the sale price (§4.1)."""
    if good.keys() == _numbers(origin) and len(set(good.values())) == 1:
        plan.calls.append(_sale_price(product_no, next(iter(good.values()))))
    else:
        why = "options of this kind have no price of their own: name all of them, with one price"
        plan.refused |= dict.fromkeys(good, why)


def _price_combinations(origin: Origin, good: Mapping[str, int], plan: Plan) -> None:
    wanted = {
        str(it.id): good.get(str(it.id), origin.sale_price + it.price) for it in origin.options
    }
    base = _base(origin.sale_price, list(wanted.values()))
    if base is None:
        why = "no sale price keeps every option within Naver's limits of surcharges"
        plan.refused |= dict.fromkeys(good, why)
        return
    changed = {no: {"price": price - base} for no, price in wanted.items()}
    plan.calls.append(_option_stock(origin, changed, price=base))


def _base(present: int, wanted: Sequence[int]) -> int | None:
    """Return a sale price that one option costs exactly and none strays too far from."""
    candidates = ([present] if present in wanted else []) + sorted(set(wanted))
    return next((base for base in candidates if all(fits(base, it - base) for it in wanted)), None)


def fits(base: int, surcharge: int) -> bool:
    """Tell whether the seller centre takes a surcharge beside a sale price (§4.3)."""
    low, high = next(((low, high) for below, low, high in SURCHARGES if base < below), (0, 0))
    return low * base <= surcharge * 100 <= high * base


def on_sale(origin: Origin, options: Sequence[OptionKey], *, on_sale: bool) -> Plan:
    """Stop or resume: the listing when all its options are meant, else their `usable` flags."""
    plan = Plan(refused=_unknown(origin, [it.option_no for it in options]))
    named = {it.option_no for it in options} - plan.refused.keys()
    if not named:
        return plan
    if on_sale:
        _resume(origin, named, plan)
    elif named == _numbers(origin):
        if origin.status_type in STOPPABLE:
            plan.calls.append(_status("SUSPENSION"))
    else:
        _flag(origin, dict.fromkeys(named, False), plan)
    return plan


def _resume(origin: Origin, named: set[str], plan: Plan) -> None:
    """Put on sale what is named, and of a listing that stood still nothing else (§4.5)."""
    was_stopped = origin.status_type == "SUSPENSION"
    if not was_stopped and origin.status_type not in SELLING:
        why = f"a listing in status {origin.status_type} cannot be put on sale"
        plan.refused |= dict.fromkeys(named, why)
        return
    flags = dict.fromkeys(named, True)
    if was_stopped:
        flags |= dict.fromkeys(_numbers(origin) - named, False)
    _flag(origin, flags, plan)
    if was_stopped:
        plan.calls.append(_status("SALE", "SALE"))


def _flag(origin: Origin, flags: Mapping[str, bool], plan: Plan) -> None:
    """Write `usable` where it differs: each write may put back stock that was sold meanwhile."""
    changed = {
        no: {"usable": flag}
        for it in origin.options
        if (flag := flags.get(no := str(it.id))) is not None and flag != it.usable
    }
    if changed:
        plan.calls.append(_option_stock(origin, changed))
