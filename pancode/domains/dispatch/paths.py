"""The gate `paths`: what a task names that lies outside of its project, or is not there.

The sandbox is what keeps a worker in; this says it before the worker has begun. A word counts as a path by
what it is on this machine, not by its look alone: `/api/users` is a route, unless there is such a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pancode.core.host import Asked, Refusal, Remark
from pancode.domains.agents.api import SHELL
from pancode.engine import places

_QUOTED = re.compile(r"""(["'`])([^"'`\n]{1,400}?)\1""")
_BETWEEN = re.compile(r"[\s()\[\]{}<>\"'`|;,]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LINE = re.compile(r":\d+(?:[:-]\d+)?$")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_ENDS = ".:!?*_"
_FREE = ("/dev/null", "/dev/zero", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd/")
_SPACE = "\x00"
_FEWEST = 2
"""Parts of an absolute path that make it one, if they are there: `/home` alone may be a page."""
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Found:
    """A path that was named: as it stands in the task, and where it leads."""

    word: str
    real: str
    is_there: bool


def outside_or_missing(asked: Asked) -> Refusal | Remark | None:
    """Refuse a task that names paths outside of its project; remark files that are not there.

    A shell command is not looked at here: it is parsed and judged whole, by the gate `rules`.
    """
    if asked.runtime == SHELL or not os.path.isdir(asked.cwd):
        return None
    root, text = places.project_root(asked.cwd), asked.task if asked.written is None else asked.written
    outside, missing, unclear = _sorted(text, os.path.realpath(asked.cwd), root, asked.environment)
    if outside and not asked.approved:
        which = ", ".join(_told(one) for one in outside[:_MOST_NAMED])
        return Refusal(
            "paths",
            f"the task names what lies outside of the project {root}: {which}",
            "name it relative to the project, go there with --cwd, or say --yes: the sandbox stays as it is",
        )
    remarks = [f"{_told(one)} is outside of the project" for one in (*outside, *unclear)]
    remarks += [f"there is no {one.word} in the project" for one in missing]
    return Remark("; ".join(remarks[:_MOST_NAMED])) if remarks else None


def _told(found: _Found) -> str:
    plain = os.path.normpath(found.word)
    return found.word if plain == found.real else f"{found.word} ({found.real})"


def _sorted(
    text: str, cwd: str, root: str, environment: Mapping[str, str]
) -> tuple[list[_Found], list[_Found], list[_Found]]:
    """Give what is outside, what is missing inside, and what is outside if it is a path at all."""
    outside: list[_Found] = []
    missing: list[_Found] = []
    unclear: list[_Found] = []
    seen: set[str] = set()
    for word in words(text):
        path = _expanded(word, environment.get)
        if path in seen or path.startswith(_FREE):
            continue
        seen.add(path)
        whole = os.path.join(cwd, path)
        found = _Found(word, os.path.realpath(whole), os.path.lexists(whole))
        if os.path.commonpath([root, found.real]) != root:
            (outside if _is_meant(word, path, found) else unclear).append(found)
        elif not found.is_there and _looks_like_a_file(path):
            missing.append(found)
    return outside, missing, [one for one in unclear if one.is_there]


def _is_meant(word: str, path: str, found: _Found) -> bool:
    """Whether a word that leads outside is meant as a path: one in the home directory always is."""
    parts = [part for part in path.split("/") if part]
    if not path.startswith("/"):
        return found.is_there or ".." in parts
    if word != path:
        return True
    if len(parts) < _FEWEST:
        return False
    is_beside = os.path.isdir(os.path.dirname(found.real)) and _looks_like_a_file(path)
    return found.is_there or is_beside or os.path.isdir("/" + "/".join(parts[:_FEWEST]))


def _looks_like_a_file(path: str) -> bool:
    folder, name = os.path.split(path)
    return bool(folder) and bool(re.search(r"\w\.[A-Za-z]\w{0,7}$", name)) and "://" not in path


def words(text: str) -> list[str]:
    r"""Give the words of a task that may be paths, as they stand there but for quotes and punctuation.

    >>> words("Read `../a b/c.txt`, see https://x.org/y and --out=~/z (src/main.py:12).")
    ['../a b/c.txt', '~/z', 'src/main.py']
    >>> words(r"fix @../x.py and a\ b/c")
    ['../x.py', 'a b/c']
    """
    found = [part[2] for part in _QUOTED.finditer(text) if " " in part[2] and "/" in part[2]]
    found = [word for word in found if word.startswith(("/", "~", "$", "."))]
    plain = _QUOTED.sub(lambda part: " " if part[2] in found else part[0], text)
    plain = plain.replace("\\ ", _SPACE)
    for part in _BETWEEN.split(plain):
        found += _of(part.replace(_SPACE, " "))
    return [word for word in found if word]


def _of(part: str) -> Iterator[str]:
    """Give the words in one run of letters: what stands behind `=` counts alone."""
    if part.startswith("#!"):
        return
    for piece in part.split("="):
        word = piece.removeprefix("file://").lstrip("@*_")
        if _SCHEME.match(word):
            continue
        word = _LINE.sub("", word.rstrip(_ENDS) if word.strip("./") else word)
        if "/" in word or word in ("..", "~") or _is_name(word):
            yield word


def _is_name(word: str) -> bool:
    """Whether a word without a slash may be a file's name: it has an ending."""
    return bool(re.fullmatch(r"[\w.-]*\w\.[A-Za-z]\w{0,7}", word))


def _expanded(word: str, variable: Callable[[str], str | None]) -> str:
    """Put the operator's home and variables in; a variable that is not set stays."""
    text = _VARIABLE.sub(lambda name: variable(name[1] or name[2]) or name[0], word)
    if text == "~" or text.startswith("~/"):
        home = variable("HOME") or os.path.expanduser("~")
        return home + text[1:]
    return os.path.expanduser(text) if text.startswith("~") else text
