"""A code location whose day passes in minutes: yesterday's, so that no slot lies in the future.

COMPRESSED_SINCE: the real instant at which the day begins. COMPRESSED_SECONDS: how long it takes.
Afterwards the clock goes on at the real pace, so that what is under way can end.
"""

import os
from datetime import datetime, timedelta

from erp_assets import clock

DAY_S = 86_400


def pace():
    """Seconds of the day in a real second."""
    return DAY_S / float(os.environ["COMPRESSED_SECONDS"])


def now():
    """Return the instant that the scheduler takes for the present."""
    since = datetime.fromisoformat(os.environ["COMPRESSED_SINCE"])
    passed = max((clock.utc_now() - since).total_seconds(), 0.0)
    lasts = float(os.environ["COMPRESSED_SECONDS"])
    seconds = min(passed, lasts) * pace() + max(passed - lasts, 0.0)
    return since - clock.DAY + timedelta(seconds=seconds)
