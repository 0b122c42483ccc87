"""Splits arguments into options, their values, and operands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pancode.domains.safety.commands.calls import Word


@dataclass(slots=True)
class Options:
    """Options by name without dashes, and what is left; `rest` is the index of the first operand."""

    given: list[tuple[str, Word | None]] = field(default_factory=list)
    operands: list[Word] = field(default_factory=list)
    rest: int = 0

    def has(self, *names: str) -> bool:
        """Tell whether one of the options is given; a long one may be abbreviated."""
        return any(_same(given, name) for given, _ in self.given for name in names)

    def values(self, *names: str) -> list[Word]:
        """Give the values of the options."""
        return [
            word
            for given, word in self.given
            if word is not None and any(_same(given, name) for name in names)
        ]

    def value(self, *names: str) -> Word | None:
        """Give the last value of the options."""
        found = self.values(*names)
        return found[-1] if found else None


def _same(given: str, name: str) -> bool:
    return given == name or (bool(given[2:]) and bool(name[2:]) and name.startswith(given))


def split(words: Sequence[Word], valued: Iterable[str] = (), *, stop: bool = False) -> Options:
    """Split `words`; the options named in `valued` take a value; `stop` ends at the first operand."""
    takes = set(valued)
    found = Options(rest=len(words))
    at = 0
    while at < len(words):
        word = words[at]
        text = word.text
        if text == "--":
            found.rest = min(found.rest, at + 1)
            found.operands.extend(words[at + 1 :])
            break
        if text.startswith("--"):
            at = _long(words, at, takes, found)
        elif text.startswith("-") and text[1:]:
            at = _short(words, at, takes, found)
        else:
            found.rest = min(found.rest, at)
            if stop:
                found.operands.extend(words[at:])
                break
            found.operands.append(word)
        at += 1
    return found


def _long(words: Sequence[Word], at: int, takes: set[str], found: Options) -> int:
    name, equals, value = words[at].text[2:].partition("=")
    if equals:
        found.given.append((name, Word(value, words[at].glob, words[at].taint)))
    elif any(_same(name, one) for one in takes if one[1:]) and at + 1 < len(words):
        at += 1
        found.given.append((name, words[at]))
    else:
        found.given.append((name, None))
    return at


def _short(words: Sequence[Word], at: int, takes: set[str], found: Options) -> int:
    text = words[at].text[1:]
    if text in takes and text[1:]:  # a long name with one dash, as find and java have them
        found.given.append((text, words[at + 1] if at + 1 < len(words) else None))
        return at + 1
    name, equals, value = text.partition("=")
    if equals and name in takes and name[1:]:
        found.given.append((name, Word(value)))
        return at
    for index, letter in enumerate(text):
        if letter in takes:
            rest = text[index + 1 :]
            if rest:
                found.given.append((letter, Word(rest, words[at].glob, words[at].taint)))
                return at
            found.given.append((letter, words[at + 1] if at + 1 < len(words) else None))
            return at + 1
        found.given.append((letter, None))
    return at
