"""Which SKU stands behind an option of a market: matched when certain, reported when not.

An option is one piece of the SKU whose code is its seller code, else of the SKU with its barcode.
Bundles and multipliers cannot be read off a listing, so they come from a file or by hand only.
Nothing is guessed: an option with two candidates, or two options of one listing that would be the
same SKU (a pack of two under the code of one, as often as not), wait for a person.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection

from erp_assets.warehouse import skus as stored
from erp_assets.warehouse.skus import Link, ListedOption, Sku


class Problem(StrEnum):
    """Why an option was not mapped."""

    UNKNOWN = "unknown"
    """No SKU has its seller code or barcode, or it has neither."""
    AMBIGUOUS = "ambiguous"
    """Several SKUs have its code or barcode."""
    CONFLICT = "conflict"
    """Its seller code names one SKU and its barcode another."""
    DUPLICATE = "duplicate"
    """Another option of the same listing is, or would be, the same SKU."""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """An option that waits for a person. reason: one sentence for that person."""

    option: ListedOption
    problem: Problem
    reason: str


@dataclass(slots=True)
class Matches:
    """What matching found: links to make, and options left in the queue."""

    links: list[Link] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Index:
    """SKUs by code as written, by code whatever its case, and by barcode."""

    by_code: Mapping[str, Sequence[Sku]]
    by_folded: Mapping[str, Sequence[Sku]]
    by_barcode: Mapping[str, Sequence[Sku]]

    @classmethod
    def of(cls, skus: Iterable[Sku]) -> "_Index":
        by_code: dict[str, list[Sku]] = defaultdict(list)
        by_folded: dict[str, list[Sku]] = defaultdict(list)
        by_barcode: dict[str, list[Sku]] = defaultdict(list)
        for sku in skus:
            code = sku.code.strip()
            by_code[code].append(sku)
            by_folded[code.casefold()].append(sku)
            if barcode := _barcode(sku.barcode):
                by_barcode[barcode].append(sku)
        return cls(by_code, by_folded, by_barcode)

    def coded(self, code: str) -> Sequence[Sku]:
        """Return the SKUs of a seller code: written the same, else but for upper and lower case."""
        return self.by_code.get(code) or self.by_folded.get(code.casefold(), ())

    def barcoded(self, barcode: str) -> Sequence[Sku]:
        """Return the SKUs with this barcode."""
        return self.by_barcode.get(barcode, ())


def match(
    options: Iterable[ListedOption],
    skus: Iterable[Sku],
    *,
    taken: Iterable[tuple[int, str, int]] = (),
) -> Matches:
    """Match options that no SKU stands behind yet; the order of the input changes nothing.

    taken: (account_id, product_no, sku_id) that some option of the listing is mapped to already.
    """
    index = _Index.of(skus)
    matches = Matches()
    found: list[tuple[ListedOption, Sku, str]] = []
    for option in options:
        candidate = _candidate(option, index)
        if isinstance(candidate, Unmapped):
            matches.unmapped.append(candidate)
        else:
            found.append((option, *candidate))
    claims = Counter((it.account_id, it.product_no, sku.id) for it, sku, _ in found)
    held = set(taken)
    for option, sku, source in found:
        key = (option.account_id, option.product_no, sku.id)
        if key in held or claims[key] > 1:
            matches.unmapped.append(_duplicate(option, sku, is_mapped=key in held))
        else:
            matches.links.append(Link(*option.key, sku.id, 1, source))
    return matches


def find_matches(db: Connection) -> Matches:
    """Match every option that waits, and change nothing."""
    return match(stored.unmapped_options(db), stored.skus(db), taken=stored.taken(db))


def map_listings(db: Connection) -> Matches:
    """Match every option that waits, and store the links; the rest stays in the queue."""
    matches = find_matches(db)
    stored.add_links(db, matches.links)
    return matches


def _candidate(option: ListedOption, index: _Index) -> tuple[Sku, str] | Unmapped:
    code, barcode = (option.seller_code or "").strip(), _barcode(option.barcode)
    coded = index.coded(code) if code else ()
    barcoded = index.barcoded(barcode) if barcode else ()
    if len(coded) > 1:
        return _ambiguous(option, f"seller code {code}", coded)
    if coded and barcoded and coded[0] not in barcoded:
        reason = (
            f"seller code {code} is SKU {coded[0].code}, barcode {barcode} is {_list(barcoded)}"
        )
        return Unmapped(option, Problem.CONFLICT, reason)
    if coded:
        return coded[0], "code"
    if len(barcoded) > 1:
        return _ambiguous(option, f"barcode {barcode}", barcoded)
    if barcoded:
        return barcoded[0], "barcode"
    return Unmapped(option, Problem.UNKNOWN, _unknown(code, barcode))


def _ambiguous(option: ListedOption, name: str, skus: Sequence[Sku]) -> Unmapped:
    return Unmapped(option, Problem.AMBIGUOUS, f"{name} fits the SKUs {_list(skus)}")


def _duplicate(option: ListedOption, sku: Sku, *, is_mapped: bool) -> Unmapped:
    how = "is mapped to" if is_mapped else "would be"
    reason = f"another option of the listing {how} SKU {sku.code} too; one may be a pack of several"
    return Unmapped(option, Problem.DUPLICATE, reason)


def _unknown(code: str, barcode: str) -> str:
    names = [f"seller code {code}" if code else "", f"barcode {barcode}" if barcode else ""]
    told = " or ".join(name for name in names if name)
    return f"no SKU has {told}" if told else "it has neither seller code nor barcode"


def _barcode(text: str | None) -> str:
    """Return a barcode without the spaces and hyphens it is sometimes written with."""
    return (text or "").replace("-", "").replace(" ", "").strip()


def _list(skus: Sequence[Sku]) -> str:
    return ", ".join(sorted(sku.code for sku in skus))
