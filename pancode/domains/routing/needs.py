"""What a task may need of its worker, and whether a candidate has it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pancode.core.errors import ExitCode, PanError
from pancode.domains.providers.api import RANK, Facts
from pancode.engine.documents import suggestion

ABLE = ("tools", "reasoning", "vision")
TIERS = ("mid", "frontier")
LOCAL = "local"
READONLY = "readonly"
WORDS = {
    "tools": "its model calls tools",
    "reasoning": "its model reasons before it answers",
    "vision": "its model reads pictures",
    "context:N": "so many tokens fit, such as context:100k",
    "mid, frontier": "its model is of that tier, or above",
    "local": "its model runs on a machine of yours",
    "readonly": "its agent never changes files",
    "a tag": "its agent has the tag; without one, it shares a tag with the default agent",
}
"""The words of `--needs`, for docs/routing.md."""
_CONTEXT = re.compile(r"context:(\d{1,9})(k|m)?", re.IGNORECASE)
_TIMES = {None: 1, "k": 1_000, "m": 1_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The words, read."""

    able: tuple[str, ...] = ()
    context: int | None = None
    tier: str | None = None
    local: bool = False
    readonly: bool = False
    tags: frozenset[str] = field(default_factory=frozenset)


def read_needs(words: Iterable[str], tags: Iterable[str]) -> Needs:
    """Read the words; `tags` are those that some agent has. PanError USAGE names one that is none.

    >>> read_needs(["tools", "context:100k"], []).context
    100000
    """
    known = set(tags)
    able, context, tier, found = list[str](), None, None, set[str]()
    plain = set[str]()
    for word in words:
        if match := _CONTEXT.fullmatch(word):
            context = max(context or 0, int(match[1]) * _TIMES[match[2] and match[2].lower()])
        elif word in ABLE:
            able.append(word)
        elif word in TIERS:
            tier = word if tier is None or RANK[word] > RANK[tier] else tier
        elif word in (LOCAL, READONLY):
            plain.add(word)
        elif word in known:
            found.add(word)
        else:
            every = [*ABLE, *TIERS, LOCAL, READONLY, "context:100k", *sorted(known)]
            raise PanError(
                f'nobody can say what "{word}" is that the task needs',
                remedy=suggestion(word, every).replace("rename it to", "perhaps"),
                code=ExitCode.USAGE,
            )
    return Needs(
        able=tuple(dict.fromkeys(able)), context=context, tier=tier, local=LOCAL in plain,
        readonly=READONLY in plain, tags=frozenset(found),
    )  # fmt: skip


def lacks(needs: Needs, facts: Facts, *, local: bool) -> list[str]:
    """Say what of the needs a model doesn't have, or nobody knows of it.

    >>> lacks(Needs(able=("tools", "vision")), Facts(tools=True), local=True)
    ['nobody knows whether it has vision']
    """
    found = []
    for word in needs.able:
        value = getattr(facts, word)
        if value is None:
            found.append(f"nobody knows whether it has {word}")
        elif not value:
            found.append(f"it has no {word}")
    if needs.context is not None and (facts.context is None or facts.context < needs.context):
        known = "nobody knows how much fits" if facts.context is None else f"{facts.context:,} tokens fit"
        found.append(f"{known}, and {needs.context:,} are needed")
    if needs.tier is not None and (facts.tier is None or RANK[facts.tier] < RANK[needs.tier]):
        found.append(f"its tier is {facts.tier or 'unknown'}, below {needs.tier}")
    if needs.local and not local:
        found.append("it runs on no machine of yours")
    return found
