"""Finds where the words of a command begin and end."""

from __future__ import annotations

from collections.abc import Sequence

from tree_sitter import Node

from pancode.domains.safety.commands.syntax import Source

_NO_WORDS = frozenset(
    (
        *("variable_assignment", "file_redirect", "heredoc_redirect", "herestring_redirect", "comment"),
        *("do_group", "variable_name", "compound_statement"),
    )
)


def spans(source: Source, node: Node, extra: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give the begin and end of each word among the children of `node`, and then `extra`.

    Nodes that touch, or that only a line continuation separates, are one word.
    """
    found: list[tuple[int, int]] = []
    before = ""
    for one in node.children:
        if not one.is_named and one.type not in ("$", "==", "=~", "=", "!", "[[", "[", "(", ")", "+="):
            before = one.type
            continue
        if one.type in _NO_WORDS or (not one.is_named and before in ("for", "select")):
            continue
        if found:
            gap = source.text[found[-1][1] : one.start_byte]
            if not gap or (gap.startswith("\\\n") and not set(gap) & set(" \t")):
                found[-1] = (found[-1][0], one.end_byte)
                continue
        found.append((one.start_byte, one.end_byte))
    if found and source.text[found[-1][1] : found[-1][1] + 1] in ("<", ">"):
        start, end = found[-1]
        if source.text[start:end].isdigit():
            found.pop()  # the parser takes the number of a descriptor, as in `sh 0< x`, for an argument
    return [*found, *extra]
