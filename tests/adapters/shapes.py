"""Checks an event against the TypedDicts of the protocol, which type checkers read and Python doesn't."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pancode.worker import protocol

PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}


@cache
def shapes() -> dict[str, dict[str, ast.expr]]:
    """Give kind -> field -> annotation, as they stand in the source."""
    tree = ast.parse(Path(protocol.__file__).read_text())
    found: dict[str, dict[str, ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            fields = {
                field.target.id: field.annotation
                for field in node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            }
            if "kind" in fields:
                found[_words(fields["kind"])[0]] = fields
    return found


def problems(event: Mapping[str, Any]) -> list[str]:
    """Give what is wrong with an event; nothing if it is as the protocol says."""
    fields = shapes().get(event["kind"])
    if fields is None:
        return [f"no such kind: {event}"]
    wrong = [f"{event['kind']} has no {key}" for key in event if key not in fields]
    for key, kind in fields.items():
        if key not in event:
            wrong += [] if ast.unparse(kind).startswith("NotRequired") else [f"{event['kind']} lacks {key}"]
        elif not _fits(event[key], kind):
            wrong.append(f"{event['kind']}.{key} is {event[key]!r}, not {ast.unparse(kind)}")
    return wrong


def _fits(value: object, kind: ast.expr) -> bool:
    match kind:
        case ast.BinOp(left=left, right=right):
            return _fits(value, left) or _fits(value, right)
        case ast.Subscript(value=ast.Name(id="NotRequired"), slice=inner):
            return _fits(value, inner)
        case ast.Subscript(value=ast.Name(id="Literal")):
            return value in _words(kind)
        case ast.Subscript(value=ast.Name(id="Mapping")):
            return isinstance(value, Mapping)
        case ast.Name(id="Reason"):
            return value in protocol.REASONS
        case ast.Name(id=name):
            return isinstance(value, PLAIN[name])
        case ast.Constant(value=None):
            return value is None
        case _:
            raise NotImplementedError(ast.unparse(kind))


def _words(kind: ast.expr) -> list[str]:
    return [str(node.value) for node in ast.walk(kind) if isinstance(node, ast.Constant)]
