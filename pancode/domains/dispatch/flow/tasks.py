"""Lists of tasks as people write them: lines, JSON lines, or a list in YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, ValidationError

from pancode.core.errors import ExitCode, PanError
from pancode.domains.dispatch.flow.definition import Node
from pancode.domains.dispatch.flow.reader import mistakes, plain
from pancode.domains.dispatch.flow.schema import MOST_NODES, Dollars, Part, Seconds, Task, Wants, terms_of
from pancode.domains.dispatch.requests import Spend
from pancode.engine.documents import Document, Mistake

_TO_AGENT = re.compile(r"@([A-Za-z0-9][\w.-]{0,31})\s+(?=\S)")


class TaskText(Part):
    """One task of a batch, or one step of a chain."""

    task: Task
    agent: str | None = None
    model: str | None = None
    isolate: bool | None = None
    timeout: Seconds | None = None
    idle: Seconds | None = None
    budget: Spend | None = None
    wants: Wants = ()
    max_cost: Dollars | None = None
    retry: Annotated[int, Field(ge=0, le=10)] = 0
    verify: Task | None = None


def from_words(words: Sequence[str]) -> list[TaskText]:
    """Give the tasks of a command line; one that begins with `@NAME` is for that agent."""
    return [_of_line(word) for word in words if word.strip()]


def from_text(text: str, name: str) -> list[TaskText]:
    """Read a list of tasks; PanError CONFIG names each mistake as file:line.

    A file `*.yaml` holds a list of texts or of mappings. Any other has a task in each line, as it is or,
    where the line begins with `{`, as JSON.
    """
    if name.endswith((".yaml", ".yml")):
        return _from_yaml(text, name)
    document, found = Document(name), list[TaskText]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if not line.lstrip().startswith("{"):
            found.append(_of_line(line.strip()))
            continue
        try:
            found += _validated(document, json.loads(line), {(): number})
        except (ValueError, RecursionError) as error:
            document.mistakes.append(Mistake(number, f"is not JSON: {error}"))
    document.check()
    return found


def _from_yaml(text: str, name: str) -> list[TaskText]:
    document = Document(name)
    root = document.parsed(text)
    document.check()
    lines: dict[tuple[Any, ...], int] = {}
    value = [] if root is None else plain(document, root, (), lines)
    document.check()
    if not isinstance(value, list):
        raise PanError(
            f"{name}:1: this is no list", remedy='write "- " before each task', code=ExitCode.CONFIG
        )
    found: list[TaskText] = []
    for number, each in enumerate(value):
        below = {place[1:]: line for place, line in lines.items() if place[:1] == (number,)}
        found += [_of_line(each)] if isinstance(each, str) else _validated(document, each, below)
    document.check()
    return found


def _of_line(line: str) -> TaskText:
    match = _TO_AGENT.match(line)
    return TaskText(task=line[match.end() :], agent=match[1]) if match else TaskText(task=line)


def _validated(document: Document, value: object, lines: dict[tuple[Any, ...], int]) -> list[TaskText]:
    try:
        return [TaskText.model_validate(value)]
    except ValidationError as error:
        document.mistakes += mistakes(error, lines, "the task", lambda _: list(TaskText.model_fields))
        return []


def nodes(
    tasks: Sequence[TaskText],
    agent: str | None,
    model: str | None,
    *,
    prefix: str,
    isolate: bool | None = None,
) -> tuple[Node, ...]:
    """Give a node for each task, named by its place; PanError USAGE if there are none, or too many."""
    if not tasks:
        raise PanError(
            "there is no task",
            remedy='give them as "words", by --file, or on standard input',
            code=ExitCode.USAGE,
        )
    if len(tasks) > MOST_NODES:
        raise PanError(
            f"these are {len(tasks)} tasks; {MOST_NODES} at once are possible", code=ExitCode.USAGE
        )
    return tuple(
        Node(
            name=f"{prefix}{number}", task=each.task, agent=each.agent or agent,
            model=each.model or (model if each.agent is None else None),
            isolate=isolate if each.isolate is None else each.isolate, terms=terms_of(each),
            retry=each.retry, verify=each.verify,
        )
        for number, each in enumerate(tasks, 1)
    )  # fmt: skip
