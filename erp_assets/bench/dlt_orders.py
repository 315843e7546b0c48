"""The yardstick: the same orders, from the same server, through a dlt REST pipeline.

Runs as a script in an environment of its own that has `dlt[postgres]`; prints one line of JSON.
It is written as dlt's manual suggests: RESTClient, a cursor paginator, merge on the box number.
"""

import hashlib
import hmac
import json
import sys
import tempfile
import time
from datetime import UTC, datetime

import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import AuthConfigBase
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

STATUSES = ("ACCEPT", "INSTRUCT", "DEPARTURE", "DELIVERING", "FINAL_DELIVERY", "NONE_TRACKING")


class Signature(AuthConfigBase):
    """Coupang's HMAC over the raw path and query."""

    def __init__(self, access: str, secret: str):
        self.access, self.secret = access, secret

    def __call__(self, request):
        """Sign one request."""
        path, _, query = request.path_url.partition("?")
        signed_at = datetime.now(UTC).strftime("%y%m%dT%H%M%SZ")
        message = f"{signed_at}{request.method}{path}{query}".encode()
        sign = hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()
        request.headers["Authorization"] = (
            f"CEA algorithm=HmacSHA256, access-key={self.access}, "
            f"signed-date={signed_at}, signature={sign}"
        )
        return request


def main(url: str, vendor: str, access: str, secret: str, slices: list, target: str) -> None:
    """Load every slice (first day, last day) × status; report rows and seconds."""

    @dlt.resource(name="ordersheets", primary_key="shipmentBoxId", write_disposition="merge")
    def ordersheets():
        client = RESTClient(
            base_url=url,
            auth=Signature(access, secret),
            paginator=JSONResponseCursorPaginator(
                cursor_path="nextToken", cursor_param="nextToken"
            ),
            data_selector="data",
        )
        path = f"/v2/providers/openapi/apis/api/v5/vendors/{vendor}/ordersheets"
        for first, last in slices:
            for status in STATUSES:
                params = {
                    "createdAtFrom": f"{first}+09:00",
                    "createdAtTo": f"{last}+09:00",
                    "status": status,
                    "maxPerPage": 50,
                }
                yield from client.paginate(path, params=params)

    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "yardstick",
            destination=dlt.destinations.postgres(target),
            dataset_name="dlt_yardstick",
            pipelines_dir=folder,
        )
        started = time.monotonic()
        pipeline.run(ordersheets())
        seconds = time.monotonic() - started
        with pipeline.sql_client() as db:
            lines = db.execute_sql("SELECT count(*) FROM ordersheets__order_items")[0][0]
    print(json.dumps({"lines": lines, "seconds": seconds, "dlt": dlt.__version__}))  # noqa: T201


if __name__ == "__main__":
    main(**json.load(sys.stdin))
