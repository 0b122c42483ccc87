"""The conditions of `when`: a small language over the results of nodes, read and computed here.

condition  = either {"or" either}            either  = negated {"and" negated}
negated    = "not" negated | comparison      comparison = value [operator value]
operator   = == != < <= > >= | "in" | "not in"
value      = "text" | number | true | false | none | node.field | ( condition )
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = str | float | bool | None
Results: TypeAlias = Mapping[str, Mapping[str, Value]]
"""What is known of each node, by its name: its fields and their values."""

LONGEST = 1000
"""Letters of a condition; a longer one was not written by hand."""
DEEPEST = 20
"""Brackets and `not`s within each other."""
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_]+)?)|(?P<sign>==|!=|<=|>=|<|>|\(|\)))""",
    re.VERBOSE,
)
_WORDS: Mapping[str, Value] = {"true": True, "false": False, "none": None}
_KEYWORDS = frozenset({"and", "or", "not", "in"})
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class ConditionError(ValueError):
    """What is wrong with a condition, as a sentence."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that has been read; `nodes` are the ones that it looks at."""

    text: str
    nodes: frozenset[str]

    def holds(self, results: Results) -> bool:
        """Compute it; raise ConditionError for a comparison that makes no sense."""
        return _truth(_Reader(self.text, results).whole())


def read(text: str, fields: frozenset[str]) -> Condition:
    """Read a condition; raise ConditionError with what is wrong. `fields` are what each node has.

    >>> sorted(read('plan.status == "done" and not "skip" in plan.result', FIELDS).nodes)
    ['plan']
    >>> read("plan.colour", FIELDS)
    Traceback (most recent call last):
    ...
    pancode.domains.dispatch.flow.expression.ConditionError: "plan.colour": a node has no "colour"
    """
    seen: dict[str, Mapping[str, Value]] = {}

    class Sample(dict[str, Mapping[str, Value]]):
        """Answers for every node, so that only the form is checked."""

        def __missing__(self, name: str) -> Mapping[str, Value]:
            return seen.setdefault(name, dict.fromkeys(fields))

    _Reader(text, Sample(), checks_only=True).whole()
    return Condition(text, frozenset(seen))


FIELDS = frozenset({"status", "reason", "result", "count", "done", "failed", "seconds", "usd"})
"""What a condition may ask of a node."""


class _Reader:
    """Reads and computes in one pass: conditions are short, and are computed once or twice."""

    def __init__(self, text: str, results: Results, *, checks_only: bool = False) -> None:
        if len(text) > LONGEST:
            raise ConditionError(f"the condition is longer than {LONGEST} letters")
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self._results = results
        self._checks_only = checks_only
        self._decided = False

    def whole(self) -> Value:
        value = self._either()
        if self._at < len(self._tokens):
            raise ConditionError(f'"{self._tokens[self._at][1]}" is not expected there')
        return value

    def _either(self) -> Value:
        value = self._both()
        while self._takes("or"):
            right = self._passed_over(self._both, when=_truth(value))
            value = _truth(value) or _truth(right)
        return value

    def _both(self) -> Value:
        value = self._negated()
        while self._takes("and"):
            right = self._passed_over(self._negated, when=not _truth(value))
            value = _truth(value) and _truth(right)
        return value

    def _passed_over(self, part: Callable[[], Value], *, when: bool) -> Value:
        """Read a part; compare nothing in it where the part before it has decided."""
        before, self._decided = self._decided, self._decided or when
        try:
            return part()
        finally:
            self._decided = before

    def _negated(self) -> Value:
        if not self._takes("not"):
            return self._comparison()
        self._deeper()
        value = not _truth(self._negated())
        self._depth -= 1
        return value

    def _comparison(self) -> Value:
        left = self._value()
        operator = self._operator()
        if operator is None:
            return left
        right = self._value()
        return None if self._checks_only or self._decided else _compared(left, operator, right)

    def _operator(self) -> str | None:
        kind, word = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        if kind == "sign" and word not in "()":
            self._at += 1
            return word
        if self._takes("in"):
            return "in"
        if word == "not" and self._tokens[self._at + 1 : self._at + 2] == [("name", "in")]:
            self._at += 2
            return "not in"
        return None

    def _value(self) -> Value:
        if self._at >= len(self._tokens):
            raise ConditionError("something is missing at its end")
        kind, word = self._tokens[self._at]
        self._at += 1
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", word[1:-1])
        if kind == "number":
            return float(word)
        if word == "(":
            self._deeper()
            value = self._either()
            self._depth -= 1
            if not self._takes(")"):
                raise ConditionError("a bracket is not closed")
            return value
        if kind == "sign" or word in _KEYWORDS:
            raise ConditionError(f'"{word}" is not expected there')
        return self._named(word)

    def _named(self, word: str) -> Value:
        if word in _WORDS:
            return _WORDS[word]
        node, dot, field = word.partition(".")
        if not dot:
            raise ConditionError(f'"{word}" says nothing; write {word}.status, or "{word}" for the text')
        found = self._results[node] if self._checks_only or node in self._results else None
        if found is None:
            raise ConditionError(f'"{word}": there is no node "{node}" before this one')
        if field not in found:
            raise ConditionError(f'"{word}": a node has no "{field}"')
        return found[field]

    def _takes(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] in (("name", word), ("sign", word)):
            self._at += 1
            return True
        return False

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ConditionError("it is nested too deeply")


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConditionError(f'"{text[at:].strip()[:20]}" is not understood')
        kind = match.lastgroup or ""
        found.append((kind, match[kind]))
        at = match.end()
    if not found:
        raise ConditionError("it is empty")
    return found


def _truth(value: Value) -> bool:
    return bool(value)


def _compared(left: Value, operator: str, right: Value) -> bool:
    match operator:
        case "==":
            return left == right
        case "!=":
            return left != right
        case "in" | "not in":
            if not isinstance(left, str) or not isinstance(right, str):
                raise ConditionError(f'"{operator}" looks for a text in a text')
            return (left in right) is (operator == "in")
        case _:
            if not _is_number(left) or not _is_number(right):
                raise ConditionError(f'"{operator}" compares numbers')
            return _COMPARE[operator](float(left or 0), float(right or 0))


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
