"""Limits on files and functions, which no linter of ours knows."""

from __future__ import annotations

import ast

from tests.project.tree import parse, python_files, read

LINES = {"pancode": 300, "adapters": 200}
EXTENSION_LINES = 60
BODY_LINES = 40

# What may be longer, and why. An entry that is not needed any more fails the test too.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def body_lines(function: Function) -> int:
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def functions(module: ast.Module) -> list[Function]:
    return [node for node in ast.walk(module) if isinstance(node, Function)]


def test_files_stay_short() -> None:
    long = {
        name: lines
        for folder, limit in LINES.items()
        for name in python_files(folder)
        if (lines := len(read(name).splitlines())) > limit
    }
    assert {name: lines for name, lines in long.items() if name not in LONG_FILES} == {}
    assert [name for name in LONG_FILES if name not in long] == []


def test_an_extension_only_registers() -> None:
    extensions = [name for name in python_files("pancode/domains") if name.endswith("/extension.py")]
    assert [name for name in extensions if len(read(name).splitlines()) > EXTENSION_LINES] == []


def test_functions_stay_short() -> None:
    long = {
        f"{name}:{function.name}": lines
        for name in python_files("pancode", "adapters", "scripts")
        for function in functions(parse(name))
        if (lines := body_lines(function)) > BODY_LINES
    }
    assert {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS} == {}
    assert [name for name in LONG_FUNCTIONS if name not in long] == []


def test_the_lines_of_a_body_leave_out_its_docstring() -> None:
    module = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    a = 1\n    return a\n')
    assert [body_lines(function) for function in functions(module)] == [2]


def test_every_module_says_what_it_is_for() -> None:
    names = python_files("pancode", "adapters", "scripts", "tests")
    assert [name for name in names if not ast.get_docstring(parse(name))] == []
