"""What is known of models by their names, and which tier a model is of; docs/models.md prints both. Pure.

What a server says of its model counts more, and what the operator says most. Contexts stand here for vendors'
own models alone: how much fits into a local one is for its engine to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from pancode.core.models import billions
from pancode.domains.providers.api import Facts, Tier

LONG_CONTEXT, MIDDLE_CONTEXT = 100_000, 16_000
LARGE, MIDDLE = 30.0, 7.0
"""Billions of parameters."""


@dataclass(frozen=True, slots=True)
class Family:
    """Models whose names contain `name` at the beginning of a word."""

    name: str
    facts: Facts
    context: int | None = None  # of the vendor's own service


def _family(
    name: str, context: int | None, *can: str, tier: Tier | None = None, knows: bool = True
) -> Family:
    """Make a row; `knows` is False where what isn't named may be there in some of them."""
    other = False if knows else None
    facts = Facts(
        tools=True if "tools" in can else other,
        reasoning=True if "reasoning" in can else other,
        vision=True if "vision" in can else other,
        tier=tier,
    )
    return Family(name, facts, context)


_ALL = ("tools", "reasoning", "vision")
FAMILIES = (
    _family("claude-3-5", 200_000, "tools", "vision", tier="frontier"),
    _family("claude-3.5", 200_000, "tools", "vision", tier="frontier"),
    _family("claude-3-haiku", 200_000, "tools", "vision", tier="mid"),
    _family("claude-3", 200_000, "tools", "vision", tier="mid", knows=False),
    _family("claude-haiku", 200_000, *_ALL, tier="mid"),
    _family("claude", 200_000, *_ALL, tier="frontier"),
    _family("sonnet", 200_000, *_ALL, tier="frontier"),
    _family("opus", 200_000, *_ALL, tier="frontier"),
    _family("haiku", 200_000, *_ALL, tier="mid"),
    _family("fable", 200_000, *_ALL, tier="frontier"),
    _family("gpt-oss", None, "tools", "reasoning"),
    _family("gpt-5", 400_000, *_ALL, tier="frontier"),
    _family("gpt-4", None, "tools", "vision", tier="frontier"),
    _family("gpt-3.5", 16_385, "tools", tier="mid"),
    _family("o1", 200_000, "reasoning", tier="frontier", knows=False),
    _family("o3", 200_000, *_ALL, tier="frontier"),
    _family("o4", 200_000, *_ALL, tier="frontier"),
    _family("codex", None, "tools", "reasoning", tier="frontier", knows=False),
    _family("gemini-2.5-flash", 1_048_576, *_ALL, tier="mid"),
    _family("gemini-3-flash", 1_048_576, *_ALL, tier="mid"),
    _family("gemini-2", 1_048_576, "tools", "vision", tier="frontier", knows=False),
    _family("gemini-3", 1_048_576, *_ALL, tier="frontier"),
    _family("grok", None, "tools", tier="frontier", knows=False),
    _family("qwen3-coder", None, "tools", tier="mid"),
    _family("qwen3", None, "tools", "reasoning", tier="mid", knows=False),
    _family("qwen2.5", None, "tools", tier="mid", knows=False),
    _family("llama4", None, "tools", "vision", tier="mid", knows=False),
    _family("llama-4", None, "tools", "vision", tier="mid", knows=False),
    _family("llama3", None, tier="mid", knows=False),
    _family("llama-3", None, tier="mid", knows=False),
    _family("deepseek-v3", None, "tools", tier="mid", knows=False),
    _family("deepseek-r1", None, "reasoning", tier="mid", knows=False),
    _family("mistral-large", None, "tools", tier="mid", knows=False),
)
_LESSER = re.compile(r"[-_.](?:mini|nano|lite|tiny|small)(?![a-z])")
"""What the lesser ones of a family are called, which are of the middle tier at most."""
_UNKNOWN: Tier = "mid"


def family_of(model: str) -> Family | None:
    """Give the first family that the name belongs to; what stands before the last slash is a maker's name.

    >>> family_of("anthropic/claude-opus-5").name, family_of("mycodex7") is None
    ('claude', True)
    """
    name = model.rpartition("/")[2].lower()
    return next((one for one in FAMILIES if re.search(_pattern(one.name), name)), None)


def _pattern(name: str) -> str:
    """Match the name at the beginning of a word, and whole: but `gpt-4` begins `gpt-4o`."""
    return rf"(?:^|[-_.]){re.escape(name)}" + ("(?![a-z])" if name[-1].isalpha() else "")


def known(
    model: str, said: Facts, *, local: bool, size: float | None = None, own: Facts | None = None
) -> Facts:
    """Give all that is known: the operator's word, else the server's, else the family's; then the tier.

    Where nobody tells the size, the name may.

    >>> known("qwen3:8b", Facts(context=40960, tools=True), local=True, size=8.2).tier
    'mid'
    >>> known("mystery", Facts(), local=True)
    Facts(context=None, tools=None, reasoning=None, vision=None, tier='mid')
    """
    by_name = _by_name(model, local=local)
    first = own or Facts()
    merged = Facts(
        context=first.context or said.context or by_name.context,
        tools=_first("tools", first, said, by_name),
        reasoning=_first("reasoning", first, said, by_name),
        vision=_first("vision", first, said, by_name),
    )
    size = billions(model) if size is None else size
    tier = first.tier or said.tier or tier_of(merged, by_name.tier, local=local, size=size)
    return replace(merged, tier=tier)


def _by_name(model: str, *, local: bool) -> Facts:
    family = family_of(model)
    if family is None:
        return Facts()
    is_lesser = family.facts.tier == "frontier" and _LESSER.search(model.lower()) is not None
    tier: Tier | None = "mid" if is_lesser else family.facts.tier
    return replace(family.facts, context=None if local else family.context, tier=tier)


def _first(name: str, *those: Facts) -> bool | None:
    return next((value for one in those if (value := getattr(one, name)) is not None), None)


def tier_of(facts: Facts, family: Tier | None, *, local: bool, size: float | None) -> Tier:
    """Give the tier. A known size says more than a long context, which small models have too.

    >>> tier_of(Facts(context=131072), None, local=True, size=1.2)
    'small'
    >>> tier_of(Facts(context=131072), None, local=True, size=None)
    'frontier'
    """
    if family == "frontier" or (size or 0) >= LARGE:
        return "frontier"
    if size is not None:
        return "mid" if size >= MIDDLE else "small"
    if family is not None:
        return family
    if (not local and facts.reasoning) or (facts.context or 0) >= LONG_CONTEXT:
        return "frontier"
    if (facts.context or 0) >= MIDDLE_CONTEXT:
        return "mid"
    return _UNKNOWN if facts.context is None else "small"
