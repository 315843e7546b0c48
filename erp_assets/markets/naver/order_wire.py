"""Order lines and their claims as Naver sends them, as structs of the fields used.

Absent keys are normal everywhere (naver.md §5.2); numbers of things are text.
"""

import msgspec

from erp_assets.markets.naver.wire import Id

CLAIM_CHANGES = frozenset(
    {"CLAIM_REQUESTED", "CLAIM_REJECTED", "COLLECT_DONE", "CLAIM_REDELIVERING", "CLAIM_COMPLETED"}
)
"""Changes of the feed that are steps of a claim (§5.5)."""


class More(msgspec.Struct, rename="camel"):
    """Where the feed goes on (§5.1)."""

    more_from: str
    more_sequence: Id

    @property
    def mark(self) -> tuple[str, str]:
        """Both halves, as the next call sends them."""
        return self.more_from, str(self.more_sequence)


class Changes(msgspec.Struct, rename="camel"):
    """A page of the change feed."""

    last_change_statuses: list[msgspec.Raw] | None = None
    more: More | None = None


class Feed(msgspec.Struct):
    """The feed's answer; without `data` nothing changed."""

    data: Changes | None = None


class Change(msgspec.Struct, rename="camel", frozen=True):
    """One line that changed."""

    product_order_id: str
    claim_type: str | None = None
    last_changed_type: str | None = None
    last_changed_date: str | None = None

    @property
    def is_claim(self) -> bool:
        """Does it tell of a claim? One that is over need not stand on the line any more."""
        return self.claim_type is not None or self.last_changed_type in CLAIM_CHANGES


class Details(msgspec.Struct):
    """The answer of the query by ids (§5.2); without `data` none was found."""

    data: list[msgspec.Raw] | None = None


class Found(msgspec.Struct, rename="camel"):
    """One row of the conditional search (§5.3)."""

    product_order_id: str
    content: "Head"


class Head(msgspec.Struct, rename="camel"):
    """As much of a row as names its order."""

    order: "HeadOrder"


class HeadOrder(msgspec.Struct, rename="camel"):
    """The order's number."""

    order_id: str


class Pagination(msgspec.Struct, rename="camel"):
    """Is there another page?"""

    has_next: bool


class Contents(msgspec.Struct):
    """A page of the conditional search."""

    contents: list[Found] | None = None
    pagination: Pagination | None = None


class Search(msgspec.Struct):
    """The answer of the conditional search."""

    data: Contents | None = None


class Numbers(msgspec.Struct):
    """The lines of one order (§5.4)."""

    data: list[str] | None = None


class OrderPart(msgspec.Struct, rename="camel"):
    """The buyer's side."""

    order_id: str
    order_date: str
    payment_date: str | None = None
    orderer_name: str | None = None
    orderer_tel: str | None = None


class Address(msgspec.Struct, rename="camel"):
    """Where the goods go."""

    name: str | None = None
    tel1: str | None = None
    tel2: str | None = None
    zip_code: str | None = None
    base_address: str | None = None
    detailed_address: str | None = None


class LinePart(msgspec.Struct, rename="camel"):
    """One line: a product and an option."""

    product_order_id: str
    product_order_status: str
    product_id: Id
    product_name: str
    quantity: int
    unit_price: int
    place_order_status: str | None = None
    place_order_date: str | None = None
    original_product_id: Id | None = None
    product_option: str | None = None
    option_code: Id | None = None
    item_no: Id | None = None
    option_manage_code: str | None = None
    option_price: int | None = None
    seller_product_code: str | None = None
    initial_quantity: int | None = None
    remain_quantity: int | None = None
    product_discount_amount: int | None = None
    seller_burden_discount_amount: int | None = None
    delivery_fee_amount: int | None = None
    section_delivery_fee: int | None = None
    package_number: Id | None = None
    shipping_due_date: str | None = None
    shipping_memo: str | None = None
    shipping_address: Address | None = None
    decision_date: str | None = None
    claim_type: str | None = None
    claim_status: str | None = None
    claim_id: Id | None = None


class Delivery(msgspec.Struct, rename="camel"):
    """The parcel."""

    delivery_company: str | None = None
    tracking_number: str | None = None
    send_date: str | None = None
    delivered_date: str | None = None


class ClaimPart(msgspec.Struct, rename="camel"):
    """A claim, open or over; which keys it has depends on its kind."""

    claim_status: str
    claim_id: Id | None = None
    claim_type: str | None = None
    claim_request_date: str | None = None
    request_quantity: int | None = None
    cancel_reason: str | None = None
    cancel_detailed_reason: str | None = None
    return_reason: str | None = None
    return_detailed_reason: str | None = None
    exchange_reason: str | None = None
    exchange_detailed_reason: str | None = None
    claim_request_reason: str | None = None
    claim_request_detail_content: str | None = None
    cancel_completed_date: str | None = None
    return_completed_date: str | None = None
    re_delivery_operation_date: str | None = None
    claim_complete_operation_date: str | None = None

    @property
    def completed_at(self) -> str | None:
        """When it was over, whatever its kind."""
        return (
            self.claim_complete_operation_date
            or self.cancel_completed_date
            or self.return_completed_date
            or self.re_delivery_operation_date
        )


class CurrentClaim(msgspec.Struct, rename={"return_": "return"}):
    """The open claim, under the name of its kind."""

    cancel: ClaimPart | None = None
    return_: ClaimPart | None = None
    exchange: ClaimPart | None = None


class Detail(msgspec.Struct, rename="camel"):
    """One line with all that belongs to it (§5.2)."""

    order: OrderPart
    product_order: LinePart
    delivery: Delivery | None = None
    current_claim: CurrentClaim | None = None
    completed_claims: list[ClaimPart] | None = None
    before_claim: CurrentClaim | None = None


CHANGES = msgspec.json.Decoder(Change)
DETAILS = msgspec.json.Decoder(Detail)
