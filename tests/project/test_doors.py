"""Who may import what, as far as the contracts in pyproject.toml can't say it."""

from __future__ import annotations

import ast
import sys

from tests.project.tree import parse, python_files

# The one module, or package, through which each outside thing comes in; a database of its own is a thing.
DOORS: dict[str, str | tuple[str, ...]] = {
    "libtmux": "pancode.engine.tmux",
    "psutil": "pancode.engine.processes",
    "httpx": "pancode.engine.http",
    "blessed": "pancode.engine.terminal",
    "sqlite3": ("pancode.engine.store", "pancode.engine.ledgerindex"),
    "genai_prices": "pancode.engine.pricelist",
    "h11": "pancode.gateway",
}
STANDARD = sys.stdlib_module_names


def module_name(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def names_imported(node: ast.AST, package: str) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, level=0, names=names):
            return [f"{module}.{alias.name}" for alias in names]
        case ast.ImportFrom(module=module, level=level, names=names):
            above = package.split(".")[: 1 - level or None]
            return [".".join([*above, *([module] if module else []), alias.name]) for alias in names]
        case _:
            return []


def imports(node: ast.AST, package: str, *, types: bool = True) -> list[str]:
    """Give what is imported anywhere below; `types=False` leaves out what only a type checker sees."""
    if not types and is_for_types_only(node):
        return []
    found = names_imported(node, package)
    for child in ast.iter_child_nodes(node):
        found += imports(child, package, types=types)
    return found


def imports_of(file: str, *, types: bool = True) -> list[str]:
    name = module_name(file)
    package = name if file.endswith("/__init__.py") else name.rpartition(".")[0]
    return imports(parse(file), package, types=types)


def doors(door: str | tuple[str, ...]) -> tuple[str, ...]:
    return (door,) if isinstance(door, str) else door


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def strangers(folder: str, *, own: tuple[str, ...]) -> dict[str, list[str]]:
    """Give for each file what it imports at run time that is neither standard nor within `own`."""
    found = {
        file: [
            name
            for name in imports_of(file, types=False)
            if name.partition(".")[0] not in STANDARD and not any(is_within(name, package) for package in own)
        ]
        for file in python_files(folder)
    }
    return {file: names for file, names in found.items() if names}


def test_each_outside_thing_has_one_door() -> None:
    wrong = [
        f"{file} imports {name}"
        for file in python_files("pancode")
        for name in imports_of(file)
        for thing, door in DOORS.items()
        if is_within(name, thing) and not any(is_within(module_name(file), one) for one in doors(door))
    ]
    assert wrong == []


def test_the_worker_needs_only_the_standard_library_the_version_and_the_patterns_of_secrets() -> None:
    own = ("pancode.worker", "pancode.version", "pancode.core.redact")
    assert strangers("pancode/worker", own=own) == {}


def test_the_scripted_model_needs_only_the_standard_library_and_the_errors() -> None:
    assert strangers("pancode/scripted", own=("pancode.scripted", "pancode.core.errors")) == {}


def test_the_gateway_needs_only_the_standard_library_h11_and_certificates() -> None:
    assert strangers("pancode/gateway", own=("pancode.gateway", "h11", "certifi")) == {}


def test_an_adapter_needs_only_the_standard_library_and_what_starts_a_bridge_or_a_tool_server() -> None:
    assert strangers("adapters", own=("pancode.bridges.launching", "pancode.worker.tools.catalogue")) == {}


def test_imports_inside_functions_and_relative_ones_are_seen() -> None:
    code = "if TYPE_CHECKING:\n    import a.b\ndef f():\n    from . import c\n    from ..d import e\n"
    assert imports(ast.parse(code), "top.sub") == ["a.b", "top.sub.c", "top.d.e"]
    assert imports(ast.parse(code), "top.sub", types=False) == ["top.sub.c", "top.d.e"]
