"""Cancels, returns, withdrawals and exchanges (coupang.md §7)."""

from collections.abc import Iterable

import msgspec

from erp_assets.markets import rows
from erp_assets.markets.coupang.wire import (
    Exchange,
    Receipt,
    ReturnItem,
    Withdrawal,
    line_no,
    number,
)
from erp_assets.markets.rows import refuse
from erp_assets.records import (
    Batch,
    Claim,
    ClaimKind,
    ClaimStatus,
    ClaimUpdate,
    LineStatus,
    LineUpdate,
    RawDocument,
)

RECEIPTS = msgspec.json.Decoder(Receipt)
EXCHANGES = msgspec.json.Decoder(Exchange)
WITHDRAWALS = msgspec.json.Decoder(Withdrawal)
RECEIPT_STATUSES = {
    "RELEASE_STOP_UNCHECKED": ClaimStatus.REQUESTED,
    "RETURNS_UNCHECKED": ClaimStatus.REQUESTED,
    "VENDOR_WAREHOUSE_CONFIRM": ClaimStatus.IN_PROGRESS,
    "REQUEST_COUPANG_CHECK": ClaimStatus.IN_PROGRESS,
    "RETURNS_COMPLETED": ClaimStatus.DONE,
}
EXCHANGE_STATUSES = {
    "RECEIPT": ClaimStatus.REQUESTED,
    "PROGRESS": ClaimStatus.IN_PROGRESS,
    "SUCCESS": ClaimStatus.DONE,
    "REJECT": ClaimStatus.REJECTED,
    "CANCEL": ClaimStatus.WITHDRAWN,
}
FAULTS = {"CUSTOMER": "buyer", "VENDOR": "seller", "COUPANG": "market", "WMS": "market"}
NOT_SHIPPED = ("N", "S")
NOT_RECEIPTS = ("E", "W")
"""First letters of our numbers of exchanges and withdrawals."""


def take_receipt(body: bytes, batch: Batch) -> None:
    """Append a cancel or return, one claim per option."""
    receipt = RECEIPTS.decode(body)
    is_cancel = receipt.receipt_type == "CANCEL"
    status = RECEIPT_STATUSES.get(receipt.receipt_status)
    if status is None and is_cancel:
        status = ClaimStatus.DONE  # cancelled at once, while ACCEPT; its word is not documented
    if status is None:
        refuse("receiptStatus", f"unknown value {receipt.receipt_status[:40]!r}")
    claims = [
        _receipt_claim(receipt, item, status, is_cancel=is_cancel) for item in receipt.return_items
    ]
    batch.claims += _joined(claims)
    batch.documents.append(RawDocument("claims", number(receipt.receipt_id, "receiptId"), body))


def _receipt_claim(
    receipt: Receipt, item: ReturnItem, status: ClaimStatus, *, is_cancel: bool
) -> Claim:
    is_cancel = (
        is_cancel
        or receipt.receipt_status == "RELEASE_STOP_UNCHECKED"
        or item.release_status in NOT_SHIPPED
    )
    settled = receipt.complete_confirm_date or receipt.modified_at
    return Claim(
        claim_no=number(receipt.receipt_id, "receiptId"),
        order_no=number(receipt.order_id, "orderId"),
        line_no=line_no(item.shipment_box_id, item.vendor_item_id),
        kind=ClaimKind.CANCEL if is_cancel else ClaimKind.RETURN,
        status=status,
        market_status=receipt.receipt_status,
        quantity=rows.count(item.cancel_count, "cancelCount"),
        requested_at=rows.needed_instant(receipt.created_at, "createdAt"),
        completed_at=rows.instant(settled, "modifiedAt") if status is ClaimStatus.DONE else None,
        reason_code=rows.text_or_none(receipt.reason_code),
        reason=rows.text_or_none(
            receipt.cancel_reason or receipt.reason_code_text or receipt.cancel_reason_category2
        ),
        fault=FAULTS.get(receipt.fault_by_type or ""),
        product_no=rows.text_or_none(item.seller_product_id),
        option_no=number(item.vendor_item_id, "vendorItemId"),
    )


def take_exchange(body: bytes, batch: Batch) -> None:
    """Append an exchange, one claim per option."""
    exchange = EXCHANGES.decode(body)
    status = EXCHANGE_STATUSES.get(exchange.exchange_status)
    if status is None:
        refuse("exchangeStatus", f"unknown value {exchange.exchange_status[:40]!r}")
    claim_no = f"E{number(exchange.exchange_id, 'exchangeId')}"
    is_over = status in (ClaimStatus.DONE, ClaimStatus.REJECTED, ClaimStatus.WITHDRAWN)
    claims = [
        Claim(
            claim_no=claim_no,
            order_no=number(exchange.order_id, "orderId"),
            line_no=line_no(item.original_shipment_box_id, item.order_item_id),
            kind=ClaimKind.EXCHANGE,
            status=status,
            market_status=exchange.exchange_status,
            quantity=rows.count(item.quantity, "quantity"),
            requested_at=rows.needed_instant(exchange.created_at, "createdAt"),
            completed_at=rows.instant(exchange.modified_at, "modifiedAt") if is_over else None,
            reason_code=rows.text_or_none(exchange.reason_code),
            reason=rows.text_or_none(exchange.reason_code_text),
            fault=FAULTS.get(exchange.fault_type or ""),
            option_no=number(item.order_item_id, "orderItemId"),
        )
        for item in exchange.items
    ]
    batch.claims += _joined(claims)
    batch.documents.append(RawDocument("claims", claim_no, body))


def take_withdrawal(body: bytes, batch: Batch) -> None:
    """Append the end of a return that its buyer gave up; its lists no longer show it (§7.2)."""
    receipt_no = number(WITHDRAWALS.decode(body).cancel_id, "cancelId")
    batch.claim_updates.append(ClaimUpdate(receipt_no, ClaimStatus.WITHDRAWN, "WITHDRAWN"))
    batch.documents.append(RawDocument("claims", f"W{receipt_no}", body))


def _joined(claims: Iterable[Claim]) -> list[Claim]:
    """Add up entries of one claim about the same line."""
    lines: dict[str, Claim] = {}
    for claim in claims:
        before = lines.get(claim.line_no)
        pieces = claim.quantity + (before.quantity if before else 0)
        lines[claim.line_no] = claim._replace(quantity=rows.count(pieces, "cancelCount"))
    return list(lines.values())


# ── lines that a claim ends ────────────────────────────────────────────────────────────────────
Gone = dict[str, dict[str, Claim]]
"""Finished parts by line and receipt; a receipt may show up in several lists."""


def ended_lines(batch: Batch, gone: Gone) -> list[LineUpdate]:
    """Return updates of lines whose last piece a finished receipt took.

    gone: what receipts of earlier batches took; those of this one are added. A line of which one
    piece came back after shipping counts as returned, as its order sheet tells it.
    """
    bought: dict[str, int] = {}
    for document in batch.documents:
        if document.document_no[:1] not in NOT_RECEIPTS:
            bought |= _bought(document.body)
    updates = []
    for claim in batch.claims:
        if claim.status is not ClaimStatus.DONE or claim.kind is ClaimKind.EXCHANGE:
            continue
        parts = gone.setdefault(claim.line_no, {})
        parts[claim.claim_no] = claim
        total = sum(part.quantity for part in parts.values())
        if 0 < bought.get(claim.line_no, 0) <= total:
            is_return = any(part.kind is ClaimKind.RETURN for part in parts.values())
            updates.append(
                LineUpdate(
                    claim.order_no,
                    claim.line_no,
                    LineStatus.RETURNED if is_return else LineStatus.CANCELLED,
                    held_quantity=0,
                    cancelled_quantity=total,
                )
            )
    return updates


def _bought(body: bytes) -> dict[str, int]:
    """Return how many pieces of each line of a receipt were bought, where it says so."""
    return {
        line_no(item.shipment_box_id, item.vendor_item_id): item.purchase_count
        for item in RECEIPTS.decode(body).return_items
        if item.purchase_count
    }
