"""Reads a fragment's file: a head of `key: value` lines between two lines of dashes, then the text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pancode.core.grants import Level, Mode
from pancode.domains.prompts.fragment import ALWAYS, CATEGORIES, REQUIRED, VARIABLE, VARIABLES, Fragment

LARGEST = 1600
"""Characters of one fragment; several must fit into the smallest prompt."""
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
_WORD = re.compile(r"[a-z0-9][a-z0-9:._-]{0,47}")
_DASHES = "---"
ROLES = ("orchestrator", "worker", "scout")
TIERS = ("frontier", "mid", "small")
KEYS: Mapping[str, str] = {
    "id": "its name; a fragment of yours with the id of a shipped one takes its place",
    "version": "a whole number from 1, raised with each change of the text",
    "category": f"one of {', '.join(CATEGORIES)}",
    "order": "its place within the category, 0 to 999; 50 unless it says so",
    "roles": f"for which roles: {', '.join(ROLES)}; all unless it says so, and so on",
    "tiers": f"for which models: {', '.join(TIERS)}",
    "modes": f"for which modes: {', '.join(mode.value for mode in Mode)}",
    "levels": f"for which safety levels: {', '.join(level.value for level in Level)}",
    "runtimes": "for which runtimes, by their IDs as `pancode runtimes` prints them",
    "read-only": "true: for workers that may not change files; false: for those that may",
}
"""The keys of the head, and what each says."""
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "roles": ROLES,
    "tiers": TIERS,
    "modes": tuple(mode.value for mode in Mode),
    "levels": tuple(level.value for level in Level),
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is wrong with a file of the user's, and what to do about it."""

    file: str
    line: int
    problem: str
    remedy: str | None = None

    def __str__(self) -> str:
        """Give `file:line: problem`, then what to do."""
        return f"{self.file}:{self.line}: {self.problem}" + (f"\n  try: {self.remedy}" if self.remedy else "")


def read_fragment(file: str, text: str, source: str) -> Fragment | list[Wrong]:
    r"""Read one fragment; or give all that is wrong with it.

    >>> read_fragment("f.md", "---\nid: a\nversion: 1\ncategory: mode\n---\nHi.\n", "pancode").text
    'Hi.'
    """
    reader = _Reader(file)
    values, body, first = reader.split(text.replace("\r\n", "\n").split("\n"))
    if first > 1:
        reader.check_head(values)
        reader.check_text(body, first, values.get("category"))
    return reader.wrong or Fragment(text=body, source=source, **values)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.wrong: list[Wrong] = []
        self.seen: set[str] = set()

    def say(self, line: int, problem: str, remedy: str | None = None) -> None:
        self.wrong.append(Wrong(self.file, line, problem, remedy))

    def split(self, lines: list[str]) -> tuple[dict[str, Any], str, int]:
        """Give the head's values, the text, and the line in which the text begins."""
        if lines[0].strip() != _DASHES:
            self.say(1, "there is no head", "begin with a line of three dashes, `id: NAME` and so on")
            return {}, "", 1
        end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == _DASHES), None)
        if end is None:
            self.say(1, "the head has no end", "put a line of three dashes after it")
            return {}, "", 1
        values: dict[str, Any] = {}
        for number, line in enumerate(lines[1:end], 2):
            if line.strip() and not line.lstrip().startswith("#"):
                self.entry(number, line, values)
        start = next((at for at in range(end + 1, len(lines)) if lines[at].strip()), end + 1)
        return values, "\n".join(lines[start:]).strip(), start + 1

    def entry(self, number: int, line: str, values: dict[str, Any]) -> None:
        key, colon, text = (part.strip() for part in line.partition(":"))
        if not colon or key not in KEYS:
            near = get_close_matches(key[:64], KEYS, n=1)
            remedy = f'rename it to "{near[0]}"' if near else f"the keys are {', '.join(KEYS)}"
            self.say(
                number, f'there is no key "{key}"' if colon else f'"{line.strip()}" has no colon', remedy
            )
            return
        name = key.replace("-", "_")
        if key in self.seen:
            self.say(number, f'"{key}" is there twice', "keep one")
            return
        self.seen.add(key)
        try:
            values[name] = _value(key, text)
        except ValueError as error:
            self.say(number, f'"{key}" can\'t be "{text}"', str(error))

    def check_head(self, values: Mapping[str, Any]) -> None:
        for key in ("id", "version", "category"):
            if key not in values and key not in self.seen:
                self.say(1, f'the head has no "{key}"', f"write `{key}:` and {KEYS[key]}")

    def check_text(self, body: str, first: int, category: object) -> None:
        if not body:
            self.say(first, "there is no text", "write it below the head")
        if len(body) > LARGEST:
            problem = f"the text has {len(body)} characters; at most {LARGEST} fit"
            self.say(first, problem, "cut it, or make two fragments of it")
        for number, line in enumerate(body.split("\n"), first):
            for name in VARIABLE.findall(line):
                self.check_variable(number, name, category)

    def check_variable(self, number: int, name: str, category: object) -> None:
        if name not in VARIABLES:
            near = get_close_matches(name[:64], VARIABLES, n=1, cutoff=0.5)
            remedy = f"write ${{{near[0]}}}" if near else f"the variables are {', '.join(VARIABLES)}"
            self.say(number, f"there is no variable ${{{name}}}", remedy)
        elif category in REQUIRED and name not in ALWAYS:
            problem = f"${{{name}}} has no value in some prompts, and {category} must be in all of them"
            self.say(number, problem, "put it into a fragment of another category")


def _value(key: str, text: str) -> object:
    """Read one value; ValueError says what it must be."""
    readers: Mapping[str, Callable[[str], object]] = {
        "id": _id,
        "version": lambda word: _number(word, 1, 999_999),
        "order": lambda word: _number(word, 0, 999),
        "category": lambda word: _one_of(word, CATEGORIES),
        "read-only": _flag,
    }
    return readers[key](text) if key in readers else _words(key, text)


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError("use up to 48 small letters, digits and -")
    return text


def _number(text: str, least: int, most: int) -> int:
    is_short = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    if not is_short or not least <= int(text) <= most:
        raise ValueError(f"write a whole number from {least} to {most}")
    return int(text)


def _flag(text: str) -> bool:
    return _one_of(text, ("true", "false")) == "true"


def _one_of(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ValueError(f"one of {', '.join(choices)}")
    return text


def _words(key: str, text: str) -> tuple[str, ...]:
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    words = tuple(word.strip() for word in inner.split(",") if word.strip())
    if not words:
        raise ValueError("name at least one, or take the key out")
    for word in words:
        if key in _CHOICES:
            _one_of(word, _CHOICES[key])
        elif not _WORD.fullmatch(word):
            raise ValueError(f'"{word}" is not the ID of a runtime')
    return words
