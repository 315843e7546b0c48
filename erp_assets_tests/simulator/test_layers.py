"""The simulator is a second opinion: it must not know how the clients read the documents."""

import pytest

from erp_assets_tests.imports import imports

FIRST_OPINION = [
    "markets",
    "collecting",
    "accounts",
    "defs",
    "definitions",
    "warehouse",
    "settings",
]


@pytest.mark.parametrize("package", FIRST_OPINION)
def test_no_module_of_the_simulator_knows_the_clients_side(package):
    name = f"erp_assets.{package}"
    assert [
        x
        for x in imports()
        if x.importer.startswith("erp_assets.simulator")
        and (x.imported == name or x.imported.startswith(name + "."))
    ] == []


def test_no_client_knows_the_simulator():
    assert [
        x
        for x in imports()
        if x.importer.startswith("erp_assets.markets") and "simulator" in x.imported
    ] == []
