"""What a task says once the outputs of others are put into it: substituted once, never expanded again.

`$INPUT` is what came before, `$ORIGINAL` the flow's own task, `$ITEM` and `$INDEX` the item of a
`foreach`, `${node.result}` the output of a node, `${item.key}` a part of an item that is JSON.
A task for a shell gets them as variables of that shell, so that no text is ever taken as a command.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST = 16_000
"""Characters of one output inside a task; the whole of it is in a file that the worker can read."""
HEAD = 12_000
_PLACE = re.compile(r"\$(INPUT|ORIGINAL|ITEM|INDEX)\b|\$\{([A-Za-z_][\w-]*)\.([A-Za-z_]\w*)\}")
_TICKS = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a node has said: `text` cut to MOST, its full length in characters, the file with all of it."""

    text: str = ""
    length: int = 0
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What may be put into a task. `inputs`: name -> output of each node that it needs."""

    original: str = ""
    inputs: Mapping[str, Output] = field(default_factory=dict)
    item: str | None = None
    index: int | None = None


def cut(text: str, file: str | None) -> Output:
    """Give an output fit for a task: whole if it is short, else its ends, and a note between them."""
    if len(text) <= MOST:
        return Output(text=text, length=len(text), file=None)
    where = f"; the full text is in {file}" if file else ""
    note = f"\n[… cut here: {MOST:,} of {len(text):,} characters are shown{where} …]\n"
    shown = text[:HEAD] + note + text[len(text) - (MOST - HEAD) :]
    return Output(text=shown, length=len(text), file=file)


def names_in(task: str) -> set[tuple[str, str]]:
    """Give what a task refers to: ("INPUT", "") and such, ("plan", "result") for `${plan.result}`."""
    return {(match[1] or match[2], match[3] or "") for match in _PLACE.finditer(task)}


def for_agent(task: str, values: Values, *, gives_input: bool = True) -> str:
    """Give the task as an agent reads it; what came before is added in a fence if the task doesn't name it.

    >>> told = Values(original="o", inputs={"a": Output(text="say $ORIGINAL", length=13)})
    >>> for_agent("do $INPUT of $ORIGINAL", told)
    'do say $ORIGINAL of o'
    """
    named = names_in(task)
    text = _PLACE.sub(lambda match: _value(match, values), task)
    if not gives_input or any(kind == "INPUT" or part == "result" for kind, part in named):
        return text
    parts = [_fenced(name, output) for name, output in values.inputs.items() if output.text.strip()]
    return "\n\n".join([text, *parts])


def for_shell(command: str, values: Values) -> str:
    """Give the command with the values as variables in front of it; the command itself sees only names.

    >>> print(for_shell('echo "$ITEM"', Values(item="a; b")))
    ITEM='a; b'
    echo "$ITEM"
    """
    given: dict[str, str] = {}
    owners: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        if match[1]:
            given[match[1]] = _value(match, values)
            return match[0]
        name = first = f"PAN_{match[2].replace('-', '_')}_{match[3]}"
        number = 1
        # A shell's names have no dashes: a-b and a_b would be one.
        while owners.setdefault(name, match[0]) != match[0]:
            number += 1
            name = f"{first}_{number}"
        given[name] = _value(match, values)
        return f"${{{name}}}"

    text = _PLACE.sub(named, command)
    return "\n".join([*(f"{name}={shlex.quote(value)}" for name, value in given.items()), text])


def _value(match: re.Match[str], values: Values) -> str:
    match match[1], match[2], match[3]:
        case "INPUT", _, _:
            return joined(values.inputs)
        case "ORIGINAL", _, _:
            return values.original
        case "ITEM", _, _:
            return match[0] if values.item is None else values.item
        case "INDEX", _, _:
            return match[0] if values.index is None else str(values.index)
        case _, "item", key:
            return _part(values.item, key)
        case _, node, "result" if node in values.inputs:
            return values.inputs[node].text
        case _:
            return match[0]


def joined(inputs: Mapping[str, Output]) -> str:
    """Give several outputs as one text: a single one as it is, more of them each in its own fence."""
    if len(inputs) == 1:
        return next(iter(inputs.values())).text
    return "\n\n".join(_fenced(name, output) for name, output in inputs.items())


def _fenced(name: str, output: Output) -> str:
    ticks = max((len(found) for found in _TICKS.findall(output.text)), default=2)
    fence = "`" * (ticks + 1)
    return f'Output of the step "{name}", for your information:\n\n{fence}text\n{output.text}\n{fence}'


def _part(item: str | None, key: str) -> str:
    try:
        found = json.loads(item or "")
    except ValueError:
        return ""
    value = found.get(key, "") if isinstance(found, dict) else ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
