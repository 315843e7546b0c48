"""The shop of the planning tests."""

import pytest

from erp_assets_tests.planning.shop import Shop


@pytest.fixture
def shop(warehouse):
    """One SKU TOP, counted as 100; option 70 of listing 7 is one piece of it."""
    found = Shop(warehouse)
    found.sku("TOP")
    found.map("70", TOP=1)
    found.count("TOP", 100)
    return found
