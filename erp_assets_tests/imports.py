"""What each module of the package imports, read with `ast`: nothing is loaded."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import erp_assets

PACKAGE = Path(erp_assets.__file__).parent


class Import(NamedTuple):
    """One import. importer, imported: dotted names. is_inner: stands inside a function?"""

    importer: str
    imported: str
    is_inner: bool


def modules() -> list[Path]:
    """Return every module of the package, sorted."""
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return the dotted name of a module; a package goes by its folder."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports() -> tuple[Import, ...]:
    """Return every import of the package; `from a import b` imports a.b."""
    return tuple(found for path in modules() for found in _of(path))


def _of(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        for imported in _names(node):
            yield Import(name_of(path), imported, id(node) in inner)


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = f"{'.' * node.level}{node.module or ''}"
        return [f"{base}.{alias.name}" for alias in node.names]
    return []
