"""The loader's SQL that is not one plain merge. %(account)s is the account's number everywhere."""

BEGIN = """
    SELECT pg_advisory_xact_lock(hashtextextended('load ' || %(account)s::text, 0)),
           set_config('jit', 'off', true), set_config('enable_hashjoin', 'off', true),
           set_config('enable_mergejoin', 'off', true)
"""
"""One load per account at a time, so that what is missing stays missing until it is inserted.

Staged rows are few and the tables large: each row is looked up by index, whatever the statistics.
"""

FILED_ORDERS = """
    SELECT order_no, filed_at FROM market_order_keys
    WHERE account_id = %(account)s AND order_no = ANY(%(orders)s)
"""

SNAPSHOTS = {
    "stock_snapshots": """
        INSERT INTO stock_snapshots (account_id, product_no, option_no, seen_at, stock, on_sale)
        SELECT t.account_id, t.product_no, t.option_no, now(), s.stock, s.on_sale
        FROM stage_offers s JOIN market_skus t
            ON (t.account_id, t.product_no, t.option_no) = (%(account)s, s.product_no, s.option_no)
        WHERE (t.stock, t.on_sale) IS DISTINCT FROM (s.stock, s.on_sale)
        ON CONFLICT (account_id, product_no, option_no, seen_at)
        DO UPDATE SET stock = excluded.stock, on_sale = excluded.on_sale
    """,
    "price_snapshots": """
        INSERT INTO price_snapshots (account_id, product_no, option_no, seen_at, price, list_price)
        SELECT t.account_id, t.product_no, t.option_no, now(), s.price, s.list_price
        FROM stage_offers s JOIN market_skus t
            ON (t.account_id, t.product_no, t.option_no) = (%(account)s, s.product_no, s.option_no)
        WHERE (t.price, t.list_price)
            IS DISTINCT FROM (s.price, coalesce(s.list_price, t.list_price))
        ON CONFLICT (account_id, product_no, option_no, seen_at)
        DO UPDATE SET price = excluded.price, list_price = excluded.list_price
    """,
}

APPLY_OFFERS = """
    UPDATE market_skus t
    SET stock = s.stock, price = s.price, on_sale = s.on_sale, offer_seen_at = now(),
        list_price = coalesce(s.list_price, t.list_price),
        changed_at = CASE WHEN (t.stock, t.price, t.on_sale)
            IS DISTINCT FROM (s.stock, s.price, s.on_sale) THEN now() ELSE t.changed_at END
    FROM stage_offers s
    WHERE (t.account_id, t.product_no, t.option_no) = (%(account)s, s.product_no, s.option_no)
"""

UNKNOWN_OFFERS = """
    SELECT s.product_no, s.option_no FROM stage_offers s
    WHERE NOT EXISTS (
        SELECT FROM market_skus t
        WHERE (t.account_id, t.product_no, t.option_no) = (%(account)s, s.product_no, s.option_no)
    )
"""

_LINE_VALUES = (
    "coalesce(s.status, t.status), coalesce(s.market_status, t.market_status), "
    "greatest(t.quantity, s.quantity), t.unit_price * greatest(t.quantity, s.quantity), "
    "coalesce(s.held_quantity, t.held_quantity), "
    "coalesce(s.cancelled_quantity, t.cancelled_quantity), coalesce(s.carrier, t.carrier), "
    "coalesce(s.invoice_no, t.invoice_no), coalesce(s.shipped_at, t.shipped_at)"
)
_LINE_COLUMNS = (
    "status, market_status, quantity, amount, held_quantity, cancelled_quantity, carrier, "
    "invoice_no, shipped_at"
)

APPLY_LINE_UPDATES = f"""
    UPDATE market_order_lines t
    SET ({_LINE_COLUMNS}, changed_at) = ROW({_LINE_VALUES}, now())
    FROM stage_line_updates s JOIN market_order_keys k
        ON (k.account_id, k.order_no) = (%(account)s, s.order_no)
    WHERE (t.account_id, t.order_no, t.line_no, t.filed_at)
        = (%(account)s, s.order_no, s.line_no, k.filed_at)
    AND ROW({", ".join("t." + name for name in _LINE_COLUMNS.split(", "))})
        IS DISTINCT FROM ROW({_LINE_VALUES})
"""  # noqa: S608 - column names written above

APPLY_CLAIM_UPDATES = """
    UPDATE market_claims t
    SET status = s.status, market_status = s.market_status, changed_at = now()
    FROM stage_claim_updates s
    WHERE (t.account_id, t.claim_no) = (%(account)s, s.claim_no)
    AND (t.status, t.market_status) IS DISTINCT FROM (s.status, s.market_status)
"""

WANT_ORDERS = """
    INSERT INTO wanted_orders AS w (account_id, order_no)
    SELECT DISTINCT %(account)s::int, m.order_no
    FROM stage_mentioned m
    LEFT JOIN market_order_keys k ON (k.account_id, k.order_no) = (%(account)s, m.order_no)
    LEFT JOIN market_order_lines l ON (l.account_id, l.order_no, l.line_no, l.filed_at)
        = (%(account)s, m.order_no, m.line_no, k.filed_at)
    WHERE l.option_no IS NULL
    ON CONFLICT (account_id, order_no) DO UPDATE SET asked_at = NULL
    WHERE w.asked_at < now() - interval '1 day'
"""

UPDATE_DOCUMENTS = """
    UPDATE raw_documents t
    SET body = s.body, xml = s.xml, digest = s.digest, run_id = %(run_id)s, changed_at = now()
    FROM stage_documents s
    WHERE t.account_id = %(account)s AND t.kind = s.kind AND t.document_no = s.document_no
"""

WAITING_DOCUMENTS = """
    SELECT kind, identity FROM rejected_rows
    WHERE account_id = %(account)s AND resolved_at IS NULL AND document_no IS NOT NULL
"""

RESOLVE_DOCUMENTS = """
    UPDATE rejected_rows r SET resolved_at = now()
    FROM unnest(%(kinds)s::text[], %(numbers)s::text[]) s (kind, document_no)
    WHERE r.account_id = %(account)s AND (r.kind, r.identity) = (s.kind, s.document_no)
"""

REJECT = """
    INSERT INTO rejected_rows AS r (
        account_id, kind, identity, document_no, reason, body, window_since, window_until,
        times, first_seen_at, last_seen_at, run_id
    )
    VALUES (
        %(account)s, %(kind)s, %(identity)s, %(document_no)s, %(reason)s, %(body)s, %(since)s,
        %(until)s, 1, clock_timestamp(), clock_timestamp(), %(run_id)s
    )
    ON CONFLICT (account_id, kind, identity) DO UPDATE
    SET reason = excluded.reason, body = excluded.body, times = r.times + 1,
        window_since = excluded.window_since, window_until = excluded.window_until,
        last_seen_at = excluded.last_seen_at, run_id = excluded.run_id, resolved_at = NULL
"""
