"""Reads assignments, and joins what several commands print."""

from __future__ import annotations

from collections.abc import Sequence

from tree_sitter import Node

from pancode.domains.safety.commands.calls import Feed, Word
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.syntax import Source, readable
from pancode.domains.safety.commands.words import Lexer


def combined(feeds: Sequence[Feed]) -> Feed:
    """Give what several commands print one after the other."""
    if all(feed.text is not None for feed in feeds):
        return Feed("".join(feed.text or "" for feed in feeds))
    return next(feed for feed in feeds if feed.text is None)


def assigned(source: Source, node: Node, lexer: Lexer) -> tuple[str, tuple[Word, ...]]:
    """Read `name=value`, `name+=value`, `name=(…)` or `name[…]=value`."""
    name_node, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    name = readable(source.of(name_node)) if name_node else ""
    if "[" in name and name_node is not None:
        lexer.inner(name_node.start_byte, name_node.end_byte)
    adds = any(one.type == "+=" for one in node.children)
    values: tuple[Word, ...] = (Word(""),)
    if value is not None and value.type == "array":
        found: list[Word] = []
        for one in value.children:
            if one.is_named:
                found.extend(lexer.words(one.start_byte, one.end_byte))
        values = tuple(found)
        if adds:
            values = (*lexer.scene.variables.get(name, ()), *values)
    elif value is not None:
        values = lexer.value(value.start_byte, node.end_byte)
        before = lexer.scene.variables.get(name, (Word(DYNAMIC),))
        if adds and len(before) == 1:
            values = (Word(before[0].text + values[0].text, values[0].glob, values[0].taint),)
    return (name if "[" not in name else name.partition("[")[0] + "[]"), values
