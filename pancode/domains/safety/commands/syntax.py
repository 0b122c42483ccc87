"""Parses shell text, and refuses all of which the parser isn't sure."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pancode.domains.safety.commands.calls import NotUnderstoodError, named
from pancode.domains.safety.commands.judgement import DYNAMIC

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

STAND_IN = "\x01"
"""Takes the place of DYNAMIC in what is parsed; no command may hold it."""

_LARGEST = 65536
_DEEPEST = 120
_KINDS = frozenset(
    named(
        "program comment redirected_statement command command_name word string string_content raw_string"
        " ansi_c_string translated_string concatenation simple_expansion expansion variable_name number"
        " special_variable_name command_substitution process_substitution arithmetic_expansion regex"
        " brace_expression extglob_pattern subshell compound_statement if_statement elif_clause list"
        " else_clause while_statement do_group for_statement c_style_for_statement case_statement case_item"
        " function_definition test_command negated_command pipeline declaration_command unset_command"
        " variable_assignment variable_assignments array subscript file_redirect heredoc_redirect"
        " herestring_redirect heredoc_start heredoc_body heredoc_content heredoc_end file_descriptor"
        " test_operator binary_expression unary_expression ternary_expression postfix_expression"
        " parenthesized_expression"
    )
)
_EXPANSIONS = frozenset(
    named("command_substitution process_substitution arithmetic_expansion expansion simple_expansion")
)
_SWAPPED = re.compile(
    r"""((?:\d|&)?>{1,2}\|?[ \t]*[^\s<>|&;()'"]+)[ \t]*"""
    r"""(<<<[ \t]*(?:"(?:\\.|[^"\\])*"|'[^']*'|[^\s;|&<>()]+))"""
)


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed text: one character for each byte, the tree, and the expansions by where they begin."""

    text: str
    root: Node
    expansions: dict[int, Node]

    def of(self, node: Node) -> str:
        """Give the text of a node."""
        return self.text[node.start_byte : node.end_byte]


def readable(text: str) -> str:
    """Turn what stands one character per byte into text."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "replace")


_IN_EMOJI = "\u200d\ufe0f"
"""What joins the parts of one picture; to a shell a letter like any other."""


def checked(command: str | bytes) -> str:
    """Give the text of `command`.

    Raises:
        NotUnderstoodError: it holds what no reviewer would see, or is too large.
    """
    if isinstance(command, bytes):
        try:
            command = command.decode("utf-8")
        except UnicodeDecodeError:
            raise NotUnderstoodError("it is no valid UTF-8") from None
    if len(command) > _LARGEST or len(command.encode("utf-8", "surrogatepass")) > _LARGEST:
        raise NotUnderstoodError("it is larger than 64 KB")
    if not command.isascii() or not command.isprintable():
        for one in set(command) - {"\n", "\t", *_IN_EMOJI}:
            if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") or (one != " " and one.isspace()):
                raise NotUnderstoodError(f"it holds the invisible character U+{ord(one):04X}")
            if unicodedata.category(one) == "Zs" and one != " ":
                raise NotUnderstoodError(f"it holds the look-alike blank U+{ord(one):04X}")
            if one in "\u115f\u1160\u3164\uffa0":
                raise NotUnderstoodError(f"it holds the invisible character U+{ord(one):04X}")
    return command


@functools.cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def parse(text: str) -> Source:
    """Parse `text`.

    Raises:
        NotUnderstoodError: the text is no shell syntax, or none that the parser knows.
    """
    text = text.replace(DYNAMIC, STAND_IN)
    raw = text.encode("utf-8", "surrogatepass")
    root = _parser().parse(raw).root_node
    if root.has_error and "<<<" in text:  # the parser knows a here-string only before other files
        raw = _SWAPPED.sub(r"\2 \1", text).encode("utf-8", "surrogatepass")
        root = _parser().parse(raw).root_node
    if root.has_error:
        raise NotUnderstoodError("it is no shell syntax that the parser knows")
    found: dict[int, Node] = {}
    _survey(root, raw, found)
    return Source(raw.decode("latin-1"), root, found)


def _survey(root: Node, raw: bytes, found: dict[int, Node]) -> None:
    """Look at each node once: refuse what isn't known, and note where expansions begin."""
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _DEEPEST:
            raise NotUnderstoodError("it nests too deeply")
        if node.is_missing or (node.is_named and node.type not in _KINDS):
            raise NotUnderstoodError(f'it has a "{node.type}", which is not known here')
        if node.type in _EXPANSIONS:
            # Between two expansions in a string the parser takes the blanks as the second one's beginning.
            text = raw[node.start_byte : node.end_byte]
            found.setdefault(node.end_byte - len(text.lstrip()), node)
        elif node.type in (";;", ";&", ";;&") and (node.parent is None or node.parent.type != "case_item"):
            raise NotUnderstoodError(f'"{node.type}" stands where it has no meaning')
        waiting.extend((one, depth + 1) for one in node.children)
