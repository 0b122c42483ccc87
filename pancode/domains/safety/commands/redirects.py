"""Judges redirections, and says what a command then reads and where what it prints goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Feed, Finding, NotUnderstoodError, Scene, Trail, Word
from pancode.domains.safety.commands.hosts import reaching
from pancode.domains.safety.commands.places import Spot, locate
from pancode.domains.safety.commands.syntax import readable
from pancode.domains.safety.commands.touching import emptying, reading, writing

if TYPE_CHECKING:
    from tree_sitter import Node

    from pancode.domains.safety.commands.words import Lexer

_FRESH = (">", ">|", "&>", ">&")
"""Redirections that empty a file before the command starts."""

_SOCKET = re.compile(r"/dev/(?:tcp|udp)/([^/]+)/.*")


@dataclass(slots=True)
class Redirects:
    """What the redirections of one command amount to."""

    stdin: Feed | None = None
    diverts: bool = False
    targets: list[tuple[str, Word, str]] = field(default_factory=list)
    then: list[tuple[str, Node]] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)

    def write(self, printed: Feed, scene: Scene, trail: Trail, words: Sequence[Word] = ()) -> None:
        """Judge the files that are written, now that it is known what the command, `words`, prints."""
        for operator, word, text in self.targets:
            spot = locate(word, scene)
            clears = (printed.text == "" or self._takes(spot, words, scene)) and operator in _FRESH
            trail.add(emptying(spot) if clears else writing(spot), text)
            if spot.path:
                before = scene.files.get(spot.path)
                if operator in (">>", "&>>") and before is not None and before.text is not None:
                    printed = Feed(before.text + printed.text if printed.text is not None else None)
                scene.files[spot.path] = printed

    def _takes(self, spot: Spot, words: Sequence[Word], scene: Scene) -> bool:
        """Tell whether the command reads what it writes, which the shell has emptied before it starts."""
        if not spot.path or spot.zone != "tree" or not words or words[0].text in ("echo", "printf"):
            return False
        reads = self.stdin is not None and self.stdin.origin == spot.path
        return reads or any(locate(word, scene).path == spot.path for word in words[1:] if not word.dynamic)


def redirected(nodes: Sequence[Node], lexer: Lexer, scene: Scene, trail: Trail) -> Redirects:
    """Judge what is read at once; keep what is written until the command has been judged."""
    found = Redirects()
    for node in nodes:
        if node.type == "file_redirect":
            _file(node, lexer, scene, trail, found)
        elif node.type == "herestring_redirect":
            inner = [one for one in node.children if one.is_named and one.type != "file_descriptor"]
            words = lexer.value(inner[0].start_byte, inner[-1].end_byte) if inner else (Word(""),)
            known = words[0].text if not words[0].dynamic else None
            found.stdin = Feed(None if known is None else known + "\n", words[0].taint)
        else:
            _document(node, lexer, scene, trail, found)
    return found


def _file(node: Node, lexer: Lexer, scene: Scene, trail: Trail, found: Redirects) -> None:
    operator = next((one.type for one in node.children if not one.is_named), "")
    descriptor = next((lexer.source.of(one) for one in node.children if one.type == "file_descriptor"), "")
    inner = [one for one in node.children if one.is_named and one.type != "file_descriptor"]
    if operator in ("<&-", ">&-") or not inner:
        return
    text = readable(lexer.source.of(node))
    words: list[Word] = []
    first, *others = inner
    end = first.end_byte
    for one in others:
        if one.start_byte != end:
            found.spans.append((one.start_byte, one.end_byte))
        else:
            end = one.end_byte
    words = lexer.words(first.start_byte, end)
    if len(words) != 1:
        raise NotUnderstoodError("a redirection goes to more or less than one file")
    word = words[0]
    if operator in ("<&", ">&") and re.fullmatch(r"\d+-?|-", word.text):
        return
    socket = _SOCKET.fullmatch(word.text)
    if socket:
        trail.add(_connects(socket.group(1).lower()), text)
        return
    if operator in ("<", "<>", "<&"):
        _reads(word, descriptor, scene, trail, found, text)
    if operator in (">", ">>", ">|", "&>", "&>>", ">&", "<>"):
        to_output = descriptor in ("", "1") or operator.startswith("&")
        found.targets.append((operator if to_output else ">>", word, text))
        found.diverts = found.diverts or to_output


def _connects(host: str) -> Finding:
    found = reaching(host)
    rule = "socket" if found.kind is ActionClass.NETWORK_UNLISTED else found.rule
    return Finding(found.kind, rule, f'connects to "{host}"', (), found.hosts)


def _reads(word: Word, descriptor: str, scene: Scene, trail: Trail, found: Redirects, text: str) -> None:
    spot = locate(word, scene)
    trail.add(reading(spot), text)
    if descriptor in ("", "0"):
        unseen = Feed(taint="file", origin=spot.path)
        known = Feed("") if spot.path == "/dev/null" else unseen
        found.stdin = scene.files.get(spot.path, known)


def _document(node: Node, lexer: Lexer, scene: Scene, trail: Trail, found: Redirects) -> None:
    kinds = {one.type: one for one in node.children}
    operator = ""
    for one in node.children:
        if one.type == "file_redirect":
            _file(one, lexer, scene, trail, found)
        elif one.type == "herestring_redirect":
            raise NotUnderstoodError("it reads two texts at once")
        elif not one.is_named:
            operator = one.type
        elif one.type == "pipeline":
            found.then.append(("|", one))
        elif one.type not in ("heredoc_start", "heredoc_body", "heredoc_end", "file_descriptor"):
            if operator in ("&&", "||", "|", ";", "|&"):
                found.then.append(("|" if operator == "|&" else operator, one))
            else:
                found.spans.append((one.start_byte, one.end_byte))
    mark = lexer.source.of(kinds["heredoc_start"]) if "heredoc_start" in kinds else ""
    start, end = _body(kinds, lexer.source.text)
    literal = bool(set(mark) & set("'\"\\"))
    text = readable(lexer.source.text[start:end]) if literal else lexer.document(start, end)
    if "<<-" in kinds:
        text = "\n".join(line.lstrip("\t") for line in text.split("\n"))
    found.stdin = Feed(None if "\0" in text and not text.strip("\0\n ") else text)


def _body(kinds: dict[str, Node], text: str) -> tuple[int, int]:
    """Give where the text between the marks lies; the parser leaves blanks at its beginning out."""
    body, end = kinds.get("heredoc_body"), kinds.get("heredoc_end")
    if body is None:
        return 0, 0
    return text.rfind("\n", 0, body.start_byte) + 1, end.start_byte if end else body.end_byte
