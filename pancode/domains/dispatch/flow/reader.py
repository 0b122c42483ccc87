"""Reads a flow's file: every mistake is named with its line, and with what was probably meant."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import yaml
from pydantic import ValidationError

from pancode.core.errors import ExitCode, PanError
from pancode.core.wrongs import said
from pancode.domains.dispatch.flow.definition import Flow
from pancode.domains.dispatch.flow.graph import misfits
from pancode.domains.dispatch.flow.schema import FlowText, flow_of, keys_at
from pancode.engine.documents import Document, Mistake, line_of, suggestion

Place = tuple[Any, ...]
DEEPEST = 12


def read_flow(path: str) -> Flow:
    """Read a flow; raise PanError CONFIG with each mistake as file:line, NOT_FOUND if there is no file."""
    if not os.path.exists(path):
        raise PanError(f"there is no file {path}", remedy="pancode flow FILE.yaml", code=ExitCode.NOT_FOUND)
    document = Document(path)
    root = document.root()
    document.check()
    if root is None:
        raise PanError(
            f"{path}:1: the file is empty", remedy="write `nodes:` and a node", code=ExitCode.CONFIG
        )
    return _flow(document, root)


def _flow(document: Document, root: yaml.Node) -> Flow:
    lines: dict[Place, int] = {}
    value = plain(document, root, (), lines)
    document.check()
    try:
        text = FlowText.model_validate(value)
    except ValidationError as error:
        document.mistakes += list(mistakes(error, lines))
        document.check()
        raise  # Never reached: there is at least one mistake.
    name = os.path.splitext(os.path.basename(document.path))[0]
    flow = flow_of(text, "flow", name, caches=True)
    for misfit in misfits(flow):
        place = ("nodes", misfit.node, misfit.key)
        line = lines.get(place) or lines.get(place[:2]) or 1
        document.mistakes.append(Mistake(line, misfit.problem, misfit.remedy))
    document.check()
    return flow


def mistakes(
    error: ValidationError,
    lines: dict[Place, int],
    whole: str = "the flow",
    keys: Callable[[Place], list[str]] = keys_at,
) -> Iterable[Mistake]:
    """Put what pydantic found into sentences, each with its line; `whole` is what was read."""
    seen: set[tuple[int, str]] = set()
    for item in error.errors():
        place = _place(item["loc"], lines)
        line = lines.get(place) or lines.get(place[:-1]) or 1
        mistake = Mistake(line, *_sentence(item, place, whole, keys))
        if (line, mistake.problem) not in seen:
            seen.add((line, mistake.problem))
            yield mistake


def _place(loc: Place, lines: dict[Place, int]) -> Place:
    """Give where in the file something is: pydantic names the branches of a union on the way, too."""
    place: Place = ()
    for part in loc:
        if (*place, part) in lines:
            place = (*place, part)
    last = loc[-1] if loc else None
    is_missing = isinstance(last, str) and (not place or place[-1] != last) and last.isidentifier()
    return (*place, last) if is_missing else place


def _sentence(
    item: Any,  # noqa: ANN401 -- pydantic's own dictionary
    place: Place,
    whole: str,
    keys: Callable[[Place], list[str]],
) -> tuple[str, str]:
    key = str(place[-1]) if place else ""
    where = f'node "{place[1]}"' if len(place) > 1 and place[0] == "nodes" else whole
    match item["type"]:
        case "extra_forbidden":
            return f'there is no key "{key}" in {where}', suggestion(key, keys(place))
        case "missing":
            return f'{where} lacks the key "{key}"', f"add `{key}:`"
        case "string_pattern_mismatch":
            return f'"{item["input"]}" is no name of a node', "use 1 to 24 letters, digits, '-' or '_'"
        case _:
            whose = f'"{key}" of {where}' if place else whole
            return f"{whose}: {said(item)}", "docs/flows.md lists the keys"


def plain(document: Document, node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:  # noqa: ANN401 -- whatever a file holds
    """Give a node's value, and note in `lines` where each of its parts stands."""
    lines.setdefault(place, line_of(node))
    if len(place) > DEEPEST:
        document.wrong(node, "is nested too deeply")
        return None
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in found:
                document.wrong(key, f'the key "{name}" is there twice', "remove one of them")
            lines[*place, name] = line_of(key)
            found[name] = plain(document, value, (*place, name), lines)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [plain(document, each, (*place, number), lines) for number, each in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:  # noqa: ANN401 -- text, number, truth value or None
    match node.tag.removeprefix("tag:yaml.org,2002:"):
        case "null":
            return None
        case "bool":
            return node.value.lower() in ("true", "yes", "on")
        case "int" | "float" as kind:
            try:
                return int(node.value) if kind == "int" else float(node.value)
            except ValueError:
                return node.value
        case _:
            return str(node.value)
