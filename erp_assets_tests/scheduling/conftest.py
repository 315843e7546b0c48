import pytest

from erp_assets_tests.scheduling.desk import Desk


@pytest.fixture
def desk(warehouse, tmp_path):
    """A dispatcher whose table of jobs is empty."""
    made = Desk(warehouse, tmp_path / "logs")
    made.clear()
    return made


@pytest.fixture
def seeded(warehouse, tmp_path):
    """A dispatcher with the rows that stand there after the first start."""
    return Desk(warehouse, tmp_path / "logs")
