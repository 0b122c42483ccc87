"""Patterns for names and paths: globs as people write them, and the lines of a .gitignore."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Matches = Callable[[str], object]

_WILD = re.compile(r"[*?\[\\]")


def translated(pattern: str, *, braces: bool) -> str:
    r"""Give the regular expression of a glob that stands for a whole path.

    >>> bool(re.fullmatch(translated("src/**/*.{js,ts}", braces=True), "src/a.ts"))
    True
    >>> bool(re.fullmatch(translated("*.py", braces=True), "a/b.py"))
    False
    """
    found, at, depth = [], 0, 0
    while at < len(pattern):
        letter = pattern[at]
        at += 1
        if letter == "*":
            part, at = _stars(pattern, at)
            found.append(part)
        elif letter == "?":
            found.append("[^/]")
        elif letter == "[":
            part, at = _set(pattern, at)
            found.append(part)
        elif letter == "\\" and at < len(pattern):
            found.append(re.escape(pattern[at]))
            at += 1
        elif braces and letter == "{" and "}" in pattern[at:]:
            found.append("(?:")
            depth += 1
        elif depth and letter in ",}":
            found.append("|" if letter == "," else ")")
            depth -= letter == "}"
        else:
            found.append(re.escape(letter))
    return "".join(found) + ")" * depth


def _stars(pattern: str, at: int) -> tuple[str, int]:
    """Translate what begins with a star; `at` is behind it."""
    end = at
    while pattern[end : end + 1] == "*":
        end += 1
    alone = end == at + 1 and (at == 1 or pattern[at - 2] == "/")
    if alone and end == len(pattern):
        return ".+", end
    if alone and pattern[end] == "/":
        return "(?:.*/)?", end + 1
    return "[^/]*", end


def _set(pattern: str, at: int) -> tuple[str, int]:
    """Translate a set of letters; `at` is behind its bracket. One without an end is a plain bracket."""
    first = at + (pattern[at : at + 1] in ("!", "^"))
    end = pattern.find("]", first + 1)
    if end < 0:
        return re.escape("["), at
    letters = pattern[first:end].replace("\\", "\\\\").replace("[", "\\[").replace("&&", "&\\&")
    for twice in ("--", "~~", "||"):
        letters = letters.replace(twice, f"{twice[0]}\\{twice[1]}")
    letters = letters.replace("]", "\\]", 1) if letters.startswith("]") else letters
    return f"(?!/)[{'^' if first > at else ''}{letters}]", end + 1


def matcher(pattern: str) -> Matches:
    """Give what tells whether a path below the searched directory fits; raise ValueError.

    Without a slash a pattern is for the name, at any depth.
    """
    pattern = pattern.removeprefix("./")
    fits = _compiled(translated(pattern, braces=True))
    if "/" in pattern:
        return fits
    return lambda path: fits(path.rpartition("/")[2])


def _compiled(expression: str) -> Matches:
    try:
        return re.compile(expression, re.DOTALL).fullmatch
    except re.error as error:
        raise ValueError(str(error)) from None


class Rule:
    """One line of a .gitignore."""

    __slots__ = ("_fits", "by_name", "only_folders", "takes")

    def __init__(self, line: str) -> None:
        """Read the line, which is neither empty nor a comment; raise ValueError for one without a meaning."""
        self.takes = not line.startswith("!")
        line = (
            line.removeprefix("!").removeprefix("\\")
            if line[:2] in ("\\!", "\\#")
            else line.removeprefix("!")
        )
        self.only_folders = line.endswith("/")
        line = line.removesuffix("/")
        self.by_name = "/" not in line
        line = line.removeprefix("/")
        if not line:
            raise ValueError("an empty pattern")
        self._fits = _compiled(translated(line, braces=False)) if _WILD.search(line) else line.__eq__

    def fits(self, path: str, name: str, *, is_folder: bool) -> bool:
        """Whether it is for a path relative to the folder of its file."""
        if self.only_folders and not is_folder:
            return False
        return bool(self._fits(name if self.by_name else path))


def rules(text: str) -> list[Rule]:
    r"""Give the rules of a .gitignore, the last one first: the first that fits decides.

    >>> [rule.takes for rule in rules("# x\n\n*.log\n!keep.log  \n")]
    [False, True]
    """
    found = []
    for line in text.split("\n"):
        kept = _trimmed(line.removesuffix("\r"))
        if not kept or kept.startswith("#"):
            continue
        try:
            found.append(Rule(kept))
        except ValueError:
            continue
    return found[::-1]


def _trimmed(line: str) -> str:
    """Give a line without the blanks at its end, but for one behind a backslash."""
    bare = line.rstrip(" ")
    return bare + " " if bare.endswith("\\") and bare != line else bare
