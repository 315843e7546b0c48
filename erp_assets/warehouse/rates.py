"""Call moments shared by every process that uses an account, given out by PostgreSQL."""

from collections.abc import Callable

from sqlalchemy import text

from erp_assets.warehouse.engine import Warehouse

_RESERVE = text("""
    INSERT INTO rate_limits AS r (account, bucket, free_at)
    VALUES (:account, :bucket, clock_timestamp() + make_interval(secs => :span))
    ON CONFLICT (account, bucket) DO UPDATE
    SET free_at = greatest(r.free_at, clock_timestamp()) + make_interval(secs => :span)
    RETURNING extract(epoch FROM free_at - clock_timestamp()) - :span
""")


def shared_reserve(warehouse: Warehouse, account: str) -> Callable[[str, float, int], float]:
    """Return a `Reserve` (markets/throttle.py) that all processes of this database share."""

    def reserve(bucket: str, gap_s: float, count: int) -> float:
        values = {"account": account, "bucket": bucket, "span": gap_s * count}
        with warehouse.transaction() as db:
            return max(0.0, float(db.execute(_RESERVE, values).scalar_one()))

    return reserve
