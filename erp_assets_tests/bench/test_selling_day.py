"""A short day of buyers: nothing oversold with pieces held back, and the ledger is the shelf."""

from datetime import timedelta

import pytest

from erp_assets.bench.selling_day import Day, Way

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "way",
    [Way(2 * HOUR, buffer=20), Way(4 * HOUR, everything=True)],
    ids=["what was sold", "everything"],
)
def test_the_ledger_is_what_lies_on_the_shelf_at_the_end(warehouse, way):
    told = Day(warehouse, way, buyers=60, listings=3, seed=2).run()
    assert told.sold > 40
    assert told.written > 0
    assert len(told.latencies) + told.refused == 60
    assert told.oversold == 0 or way.everything


def test_a_piece_sold_twice_is_counted_as_oversold(warehouse):
    day = Day(warehouse, Way(24 * HOUR), buyers=150, listings=1, seed=2)
    day.shelf = dict.fromkeys(day.shelf, 3)
    for items in day.items.values():
        for item in items.values():
            item.stock = 3
    told = day.run()
    assert told.oversold == sum(max(0, -pieces) for pieces in day.shelf.values()) > 0
