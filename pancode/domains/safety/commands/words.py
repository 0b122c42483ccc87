"""Expands words as bash does: quotes, escapes, braces, variables, substitutions, splitting, tildes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from tree_sitter import Node

from pancode.domains.safety.commands.braces import braced
from pancode.domains.safety.commands.calls import Feed, NotUnderstoodError, Scene, Word
from pancode.domains.safety.commands.environment import TAINT
from pancode.domains.safety.commands.escapes import ansi
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.parameters import expand, home_of, spreads
from pancode.domains.safety.commands.syntax import STAND_IN, Source, readable

Atom: TypeAlias = tuple[str, str, str]
"""Text, how it stands there (q quoted, u plain, x expanded, b break), and its taint."""

_SIMPLE = re.compile(r"\$([A-Za-z_]\w*|[0-9@*#?$!_-])")
_PLAIN = re.compile(r"[^\\'\"$`<>]+")
_IN_QUOTES = re.compile(r"[^\\\"$`]+")


class Lexer:
    """Expands words of one source; `run` judges a substitution and gives what it prints."""

    def __init__(self, source: Source, scene: Scene, run: Callable[[Node], Feed]) -> None:
        self.source = source
        self.scene = scene
        self.run = run

    def words(self, start: int, end: int) -> list[Word]:
        """Give the words that the text from `start` to `end` becomes."""
        atoms: list[Atom] = []
        self._scan(start, end, atoms)
        return self._joined(atoms)

    def value(self, start: int, end: int) -> tuple[Word, ...]:
        """Give the one word that the text becomes where nothing is split, as in an assignment."""
        atoms: list[Atom] = []
        self._scan(start, end, atoms)
        kept = [(text, "q" if how == "x" else how, taint) for text, how, taint in atoms if how != "b"]
        found = self._joined(kept, braces=False)
        return tuple(found[:1]) or (Word(""),)

    def document(self, start: int, end: int) -> str:
        """Give the text of a here-document whose mark isn't quoted."""
        atoms: list[Atom] = []
        at = start
        while at < end:
            char = self.source.text[at]
            if char == "\\" and self.source.text[at + 1 : at + 2] in ("$", "`", "\\", "\n"):
                kept = self.source.text[at + 1]
                atoms.append(("" if kept == "\n" else kept, "q", ""))
                at += 2
            elif char in "$`":
                at = self._dollar(at, end, atoms, quoted=True)
            else:
                stop = re.compile(r"[\\$`]").search(self.source.text, at + 1, end)
                atoms.append((self.source.text[at : stop.start() if stop else end], "q", ""))
                at = stop.start() if stop else end
        return readable("".join(text for text, _, _ in atoms)).replace(STAND_IN, DYNAMIC)

    def _scan(self, at: int, end: int, out: list[Atom]) -> None:
        text = self.source.text
        while at < end:
            char = text[at]
            if char == "\\":
                if text[at + 1 : at + 2] != "\n":
                    out.append((text[at + 1 : at + 2], "q", ""))
                at += 2
            elif char == "'":
                stop = text.index("'", at + 1)
                out.append((text[at + 1 : stop], "q", ""))
                at = stop + 1
            elif char == '"':
                at = self._quoted(at + 1, end, out)
            elif char in "$`" or (char in "<>" and text[at + 1 : at + 2] == "("):
                at = self._dollar(at, end, out, quoted=False)
            else:
                match = _PLAIN.match(text, at, end)
                stop = match.end() if match else at + 1
                out.append((text[at:stop], "u", ""))
                at = stop

    def _quoted(self, at: int, end: int, out: list[Atom]) -> int:
        text = self.source.text
        out.append(("", "q", ""))
        while at < end and text[at] != '"':
            char = text[at]
            if char == "\\":
                following = text[at + 1]
                kept = "" if following == "\n" else following if following in '$`"\\' else "\\" + following
                out.append((kept, "q", ""))
                at += 2
            elif char in "$`":
                at = self._dollar(at, end, out, quoted=True)
            else:
                match = _IN_QUOTES.match(text, at, end)
                stop = match.end() if match else at + 1
                out.append((text[at:stop], "q", ""))
                at = stop
        return at + 1

    def _dollar(self, at: int, end: int, out: list[Atom], *, quoted: bool) -> int:
        text = self.source.text
        following = text[at + 1 : at + 2]
        if text[at] == "$" and following in ("'", '"') and not quoted:
            if following == '"':
                return self._quoted(at + 2, end, out)
            value, at = ansi(text, at + 2)
            out.append((value, "q", ""))
            return at
        simple = _SIMPLE.match(text, at, end)
        if simple:
            self._values(
                expand(simple.group(1), self.scene), out, quoted=quoted, apart=simple.group(1) == "@"
            )
            return simple.end()
        node = self.source.expansions.get(at)
        if node is not None and node.type != "simple_expansion":
            return self._bracketed(node, out, quoted=quoted)
        if text[at] in "`<>" or following in ("(", "{", "["):
            raise NotUnderstoodError("a substitution stands where the parser sees none")
        out.append((text[at], "q", ""))
        return at + 1

    def _bracketed(self, node: Node, out: list[Atom], *, quoted: bool) -> int:
        if node.type in ("expansion", "arithmetic_expansion"):
            self.inner(node.start_byte + 1, node.end_byte)
        if node.type == "expansion":
            raw = readable(self.source.of(node)).lstrip()[2:-1]
            if raw.endswith("@P"):
                raise NotUnderstoodError("a value is expanded as a prompt, which runs what stands in it")
            self._values(expand(raw, self.scene), out, quoted=quoted, apart=spreads(raw))
        elif node.type == "arithmetic_expansion":
            out.append((DYNAMIC, "q", "number"))
        else:
            feed = self.run(node)
            if node.type == "process_substitution":
                out.append((self._pipe(feed), "q", feed.taint))
            elif feed.names and not quoted:
                out.extend(one for word in feed.names for one in ((word.text, "g", ""), ("", "b", "")))
            else:
                printed = DYNAMIC if feed.text is None else feed.text.rstrip("\n")
                out.append((_bytewise(printed), "q" if quoted else "x", feed.taint))
        return node.end_byte

    def inner(self, start: int, end: int) -> None:
        """Judge the substitutions between two places, whatever becomes of what they print."""
        at = start
        while at < end:
            node = self.source.expansions.get(at)
            if node is not None and node.type in ("command_substitution", "process_substitution"):
                self.run(node)
                at = node.end_byte
            else:
                at += 1

    def _pipe(self, feed: Feed) -> str:
        path = f"/dev/fd/{63 - len(self.scene.files)}"
        self.scene.files[path] = feed
        return path

    def _values(self, values: tuple[Word, ...], out: list[Atom], *, quoted: bool, apart: bool) -> None:
        if quoted and not apart:
            text = self._joint().join(word.text for word in values)
            how = "g" if len(values) == 1 and values[0].glob else "q"
            out.append((_bytewise(text), how, "".join(word.taint for word in values[:1])))
            return
        for index, word in enumerate(values):
            if index:
                out.append(("", "b", ""))
            out.append((_bytewise(word.text), "g" if word.glob else "q" if quoted else "x", word.taint))

    def _joint(self) -> str:
        """Give what joins several values in double quotes: the first separator."""
        value = self.scene.variables.get("IFS")
        return value[0].text[:1] if value else " "

    def _joined(self, atoms: list[Atom], *, braces: bool = True) -> list[Word]:
        found: list[Word] = []
        spread = [atoms]
        if braces and any(how == "u" and "{" in text for text, how, _ in atoms):
            spread = braced(atoms)
        for one in spread:
            found.extend(self._fields(one))
        return found

    def _fields(self, atoms: list[Atom]) -> list[Word]:
        value = self.scene.variables.get("IFS")
        separators = value[0].text if value and not value[0].dynamic else " \t\n"
        found: list[Word] = []
        current: list[Atom] = []
        for text, how, taint in atoms:
            if how == "b":
                self._close(current, found)
            elif how == "x" and separators and set(text) & set(separators):
                pieces = re.split(f"[{re.escape(separators)}]+", text)
                for index, piece in enumerate(pieces):
                    if index:
                        self._close(current, found)
                    if piece:
                        current.append((piece, "x", taint))
            else:
                current.append((text, how, taint))
        self._close(current, found)
        return found

    def _close(self, current: list[Atom], found: list[Word]) -> None:
        if any(text or how == "q" for text, how, _ in current):
            found.append(self._word(current))
        current.clear()

    def _word(self, atoms: list[Atom]) -> Word:
        first = next((index for index, one in enumerate(atoms) if one[0]), 0)
        text, how, taint = atoms[first]
        if how == "u" and text.startswith("~"):
            atoms = [*atoms[:first], (home_of(text, self.scene), "u", taint), *atoms[first + 1 :]]
        whole = readable("".join(text for text, _, _ in atoms)).replace(STAND_IN, DYNAMIC)
        glob = any(how == "g" or (how in "ux" and set(text) & set("*?[")) for text, how, _ in atoms)
        taints = [taint for _, _, taint in atoms if taint]
        return Word(whole, glob, TAINT if TAINT in taints else taints[0] if taints else "")


def _bytewise(text: str) -> str:
    """Turn text into the one character per byte that sources have."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("latin-1")
