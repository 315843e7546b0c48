"""Daily sales, summed by PostgreSQL: always the whole, so that no late commit is ever missed."""

from sqlalchemy import Connection, text

_REFRESH = text("""
    WITH sums AS (
        SELECT account_id, (ordered_at AT TIME ZONE 'Asia/Seoul')::date AS day, product_no,
               coalesce(option_no, '') AS option_no, count(DISTINCT order_no) AS orders,
               sum(quantity) AS quantity, sum(coalesce(cancelled_quantity, 0)) AS cancelled,
               sum(amount) AS amount, sum(coalesce(seller_discount, 0)) AS seller_discount
        FROM market_order_lines WHERE status <> 'unpaid' GROUP BY 1, 2, 3, 4
    ), gone AS (
        DELETE FROM daily_sales d
        WHERE NOT EXISTS (
            SELECT FROM sums s
            WHERE (s.account_id, s.day, s.product_no, s.option_no)
                = (d.account_id, d.day, d.product_no, d.option_no)
        )
        RETURNING 1
    ), merged AS (
        INSERT INTO daily_sales AS d (
            account_id, day, product_no, option_no, orders, quantity, cancelled, amount,
            seller_discount
        )
        SELECT * FROM sums
        ON CONFLICT (account_id, day, product_no, option_no) DO UPDATE
        SET orders = excluded.orders, quantity = excluded.quantity,
            cancelled = excluded.cancelled, amount = excluded.amount,
            seller_discount = excluded.seller_discount
        WHERE ROW(d.orders, d.quantity, d.cancelled, d.amount, d.seller_discount)
            IS DISTINCT FROM ROW(excluded.orders, excluded.quantity, excluded.cancelled,
                                 excluded.amount, excluded.seller_discount)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM merged)
""")


def refresh(db: Connection) -> int:
    """Bring `daily_sales` up to date; return how many of its rows were written or removed."""
    return int(db.execute(_REFRESH).scalar_one())
