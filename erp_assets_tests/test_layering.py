"""Who may import whom: the table of the architecture, held against every module."""

import pytest

from erp_assets_tests.imports import imports, modules, name_of

GROUND = {"clock", "errors", "records"}
MAY_IMPORT: dict[str, set[str]] = {
    "clock": set(),
    "errors": set(),
    "records": {"clock", "errors"},
    "settings": {"clock", "errors"},
    "markets": GROUND,
    "warehouse": GROUND,
    "scheduling": {"clock", "errors", "warehouse"},
    "planning": GROUND | {"warehouse"},
    "simulator": {"clock", "records"},
    "accounts": GROUND | {"markets", "settings"},
    "collecting": GROUND | {"markets", "warehouse"},
    "simulated": {"clock", "errors"},
    "launching": {"clock", "errors"},
    "supervising": set(),
    "remedies": {"clock", "errors", "settings"},
    "health": {"clock", "errors", "scheduling", "settings", "warehouse"},
    "doctor": GROUND | {"accounts", "markets", "remedies", "settings", "warehouse"},
    "defs": GROUND
    | {"accounts", "collecting", "markets", "planning", "scheduling", "settings", "simulated"}
    | {"warehouse"},
    "definitions": {"defs", "settings"},
    "demonstration": GROUND | {"launching", "settings", "simulated", "warehouse"},
}
COMMANDS = {"cli", "cli_database", "cli_jobs", "cli_prices", "cli_skus", "cli_stock"}
EVERYTHING = COMMANDS | {"bench", "__main__"}
"""What stands on top may import all of the package."""

ONLY_IN = {
    "dagster": {"defs", "definitions"},
    "dagster_postgres": {"defs"},
    "dagster_celery": {"defs"},
    "celery": {"defs"},
    "kombu": {"defs"},
    "httpx": {"markets", "doctor", "planning", "remedies"},
    "msgspec": {"markets", "simulator"},
    "bcrypt": {"markets", "simulator"},
    "lxml": {"markets", "planning", "simulator"},
    "fsspec": {"planning"},
    "uvicorn": {"simulator"},
    "psycopg": {"warehouse"},
    "croniter": {"scheduling"},
}
"""Third-party packages that mark a layer. Planning reads competitors' files: XLSX is XML."""

PROTOCOLS = {"coupang", "naver", "eleven"}


def layer(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


INSIDE = [x for x in imports() if x.imported.split(".")[0] == "erp_assets"]
OUTSIDE = [x for x in imports() if x.imported.split(".")[0] != "erp_assets"]


def test_every_module_has_a_row_in_the_table():
    layers = {layer(name_of(path)) for path in modules()} - {""}
    assert layers - MAY_IMPORT.keys() - EVERYTHING == set()


def test_a_layer_imports_itself_and_what_its_row_names():
    assert [
        f"{x.importer} imports {x.imported}"
        for x in INSIDE
        if layer(x.importer) not in EVERYTHING
        and layer(x.imported) not in MAY_IMPORT.get(layer(x.importer), set()) | {layer(x.importer)}
    ] == []


def test_the_table_has_no_circle():
    done: set[str] = set()
    while rest := MAY_IMPORT.keys() - done:
        ready = {name for name in rest if MAY_IMPORT[name] <= done}
        assert ready, f"a circle among {sorted(rest)}"
        done |= ready


def test_no_module_imports_relatively():
    assert [x for x in OUTSIDE if x.imported.startswith(".")] == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_in_its_layer(library):
    users = {layer(x.importer) for x in OUTSIDE if x.imported.split(".")[0] == library}
    assert users - ONLY_IN[library] - EVERYTHING == set()


@pytest.mark.parametrize("package", ["markets", "simulator"])
def test_no_market_imports_another(package):
    def market(name: str) -> str | None:
        parts = [*name.split("."), "", ""]
        return parts[2] if parts[1] == package and parts[2] in PROTOCOLS else None

    pairs = {(market(x.importer), market(x.imported)) for x in INSIDE}
    assert [(one, other) for one, other in pairs if one and other and one != other] == []


def test_only_commands_import_inside_functions():
    assert [x for x in imports() if x.is_inner and layer(x.importer) not in COMMANDS] == []


def test_no_module_is_a_drawer_for_everything():
    drawers = {"utils", "util", "common", "helpers", "misc"}
    assert [path for path in modules() if path.stem in drawers] == []
