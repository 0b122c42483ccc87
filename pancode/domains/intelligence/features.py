"""What a task is like, from its words and the files that it names: its kind and its size. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["fix", "test", "docs", "refactor", "review", "research", "plan", "implement", "other"]
Size = Literal["small", "medium", "large"]

_WORDS: dict[Kind, str] = {
    "fix": "fix|bug|broken|crash|fails?|failing|error|regression|repair|mend|wrong|leak|hang",
    "test": "tests?|testing|coverage|fixtures?|unittest|pytest",
    "docs": "docs?|documentation|document|readme|changelog|comments?|docstrings?|manual",
    "refactor": "refactor|rename|move|split|extract|simplify|clean|tidy|restructure|dedupe|inline",
    "review": "review|audit|critique|assess|inspect|vulnerab\\w*|security",
    "research": "find|where|why|how|explain|look|search|investigate|understand|list|which|what|compare",
    "plan": "plan|design|propose|outline|estimate|break",
    "implement": "add|implement|create|build|write|support|introduce|make|extend|port|generate|update|change",
}
_PATTERNS = {kind: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for kind, words in _WORDS.items()}
_FILE = re.compile(r"(?<![\w/.-])[\w./-]*[\w-]\.[A-Za-z][A-Za-z0-9]{0,4}\b")
_FIRST = 3
"""How much the first words count: there stands what is to be done."""
_BEGINNING = 4
_SMALL, _LARGE = 20, 80
_FEW_FILES, _MANY_FILES = 2, 5
_MOST_READ = 4000
"""Characters of a task that are looked at; what follows is mostly another run's output."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a task is like."""

    kind: Kind
    size: Size


def features(task: str, changed: Iterable[str] = ()) -> Features:
    """Give kind and size of a task; where its words tell no kind, the files do, named or `changed`.

    >>> features("Fix the crash in cart.py"), features("Where is the tax computed?").kind
    (Features(kind='fix', size='small'), 'research')
    """
    text = task[:_MOST_READ]
    named = [*changed, *_FILE.findall(text)]
    return Features(_by_words(text) or _by_files(named), _size(len(text.split()), len(set(named))))


def _by_words(text: str) -> Kind | None:
    """Give the kind whose words are most, the first words counting more; of equals the earlier."""
    beginning = " ".join(text.split()[:_BEGINNING])
    scores: dict[Kind, tuple[int, bool, int]] = {}
    for kind, pattern in _PATTERNS.items():
        hits = list(pattern.finditer(text))
        if hits:
            weight = len(hits) + _FIRST * bool(pattern.search(beginning))
            scores[kind] = (weight, kind != "implement", -hits[0].start())  # "Write tests" are tests.
    return max(scores.items(), key=lambda item: item[1])[0] if scores else None


def _by_files(names: Iterable[str]) -> Kind:
    kinds = {_kind_of_file(name) for name in names}
    return kinds.pop() if len(kinds) == 1 else "other" if not kinds else "implement"


def _kind_of_file(name: str) -> Kind:
    base = os.path.basename(name).lower()
    if base.startswith("test_") or "/tests/" in f"/{name}" or base.partition(".")[0].endswith("_test"):
        return "test"
    return "docs" if base.endswith((".md", ".rst", ".txt", ".adoc")) else "implement"


def _size(words: int, files: int) -> Size:
    if words > _LARGE or files > _MANY_FILES:
        return "large"
    return "medium" if words > _SMALL or files > _FEW_FILES else "small"
