"""What a flow puts in front of a step for a shell: the outputs of others, as variables."""

from __future__ import annotations

import re

_GIVEN = re.compile(r"(?:(?:INPUT|ORIGINAL|PAN_\w+)|(ITEM|INDEX))=(?:[^\s'\"]*|(?:'[^']*'|\"'\")+)\n")
"""An assignment as `shlex.quote` writes it; the item of a `foreach` tells its runs apart, and is short."""


def own_words(task: str) -> str:
    r"""Give a task without the outputs that stand in front of it, for places where there is one line for it.

    >>> own_words("INPUT='it'\"'\"'s\nlong'\nITEM=4\necho \"$INPUT\" $ITEM")
    'ITEM=4\necho "$INPUT" $ITEM'
    >>> own_words("INPUT=mine; echo $INPUT")
    'INPUT=mine; echo $INPUT'
    """
    at, kept = 0, []
    while match := _GIVEN.match(task, at):
        kept += [match[0]] if match[1] else []
        at = match.end()
    return "".join([*kept, task[at:]])
