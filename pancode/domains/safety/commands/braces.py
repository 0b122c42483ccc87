"""Expands braces, as in `a{b,c}` and `{1..5}`."""

from __future__ import annotations

import re

from pancode.domains.safety.commands.calls import NotUnderstoodError

_RANGE = re.compile(r"(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.(-?\d+))?")
_MOST = 200

Cell = tuple[str, str, str]


def braced(atoms: list[tuple[str, str, str]]) -> list[list[Cell]]:
    """Give the words, as lists of atoms, that one word with braces becomes.

    >>> [[text for text, _, _ in one] for one in braced([("a{b,c}", "u", "")])]
    [['a', 'b'], ['a', 'c']]
    """
    cells: list[Cell] = []
    for text, how, taint in atoms:
        cells.extend((char, how, taint) for char in text) if how == "u" else cells.append((text, how, taint))
    return _spread(cells, 0)


def _spread(cells: list[Cell], depth: int) -> list[list[Cell]]:
    if depth > _MOST:
        raise NotUnderstoodError("it has too many braces")
    for start, cell in enumerate(cells):
        if cell[:2] != ("{", "u"):
            continue
        found = _group(cells, start)
        if found is None:
            continue
        end, parts = found
        heads, tails = cells[:start], _spread(cells[end + 1 :], depth + 1)
        out = [
            [*heads, *middle, *tail]
            for part in parts
            for middle in _spread(part, depth + 1)
            for tail in tails
        ]
        if len(out) > _MOST:
            raise NotUnderstoodError("its braces become too many words")
        return out
    return [cells]


def _group(cells: list[Cell], start: int) -> tuple[int, list[list[Cell]]] | None:
    """Give where the group that begins at `start` ends, and its alternatives; None if it is no group."""
    depth, parts, last = 0, [], start + 1
    for at in range(start, len(cells)):
        char, how, _ = cells[at]
        if how != "u":
            continue
        if char == "{":
            depth += 1
        elif char == "," and depth == 1:
            parts.append(cells[last:at])
            last = at + 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                if parts:
                    return at, [*parts, cells[last:at]]
                return _range(cells[start + 1 : at], at)
    return None


def _range(cells: list[Cell], end: int) -> tuple[int, list[list[Cell]]] | None:
    match = _RANGE.fullmatch("".join(text for text, _, _ in cells))
    if match is None:
        return None
    first, last, step = match.groups()
    numbers = first.lstrip("-").isdigit() and last.lstrip("-").isdigit()
    if not numbers and (first.lstrip("-").isdigit() or last.lstrip("-").isdigit()):
        return None
    low, high = (int(first), int(last)) if numbers else (ord(first), ord(last))
    pace = max(1, abs(int(step or 1)))
    if abs(high - low) // pace > _MOST:
        high = low + _MOST * pace if high > low else low - _MOST * pace
    values = range(low, high + 1, pace) if high >= low else range(low, high - 1, -pace)
    return end, [[(str(value) if numbers else chr(value), "q", "")] for value in values]
