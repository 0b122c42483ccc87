"""Tokens by each API's own rules, in PanCode's words: `input` without cached, `output` with reasoning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pancode.gateway.wires import Wire

Counts = dict[str, int | None]
"""The keys are NAMES; None: the API doesn't say."""
NAMES = ("input", "output", "cache_read", "cache_write", "reasoning")
NOTHING: Counts = dict.fromkeys(NAMES, 0)
"""What a request costs that was not answered with an answer."""


def counted(wire: Wire, usage: Mapping[str, Any]) -> Counts:
    """Read one usage object.

    >>> counted(Wire.CHAT, {"prompt_tokens": 9, "completion_tokens": 2})["input"]
    9
    """
    return _RULES[wire](usage) if wire in _RULES else dict.fromkeys(NAMES)


def priced(usage: Counts | None, rates: Mapping[str, Any] | None) -> float | None:
    """Give what the tokens cost in US dollars; None where a count or its rate isn't known.

    >>> priced({"input": 10, "output": 5, "cache_read": 0}, {"input": 0.5, "output": 2.0, "cache_read": None})
    15.0
    >>> priced({"input": 10, "output": None}, {"input": 0.5, "output": 2.0}) is None
    True
    """
    if usage is None or rates is None or usage.get("input") is None or usage.get("output") is None:
        return None
    parts = [(usage.get(name) or 0, rates.get(name)) for name in NAMES[:4]]
    if any(count and not isinstance(rate, int | float) for count, rate in parts):
        return None
    return float(sum(count * rate for count, rate in parts if count and rate))


def overlaid(before: Counts, after: Counts) -> Counts:
    """Give the later word on each count; streams repeat and correct themselves.

    >>> overlaid({"input": 5, "output": 1}, {"input": None, "output": 7})
    {'input': 5, 'output': 7}
    """
    return {
        name: before.get(name) if after.get(name) is None else after[name] for name in {**before, **after}
    }


def usage_in(wire: Wire, document: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str | None, bool]:
    """Find in an answer, or in an event of a stream: usage, model, and whether this is the last word.

    >>> usage_in(Wire.ANTHROPIC, {"type": "message_delta", "usage": {"output_tokens": 3}})
    ({'output_tokens': 3}, None, True)
    """
    if wire is Wire.GEMINI:
        usage, model = document.get("usageMetadata"), document.get("modelVersion")
        candidates = document.get("candidates")
        last = (
            any(_mapping(each).get("finishReason") for each in candidates or ())
            or "promptFeedback" in document
        )
        return _maybe(usage), _word(model), last and isinstance(usage, Mapping)
    inner = _mapping(document.get("message" if wire is Wire.ANTHROPIC else "response"))
    usage = _maybe(inner.get("usage")) or _maybe(document.get("usage"))
    model = _word(inner.get("model")) or _word(document.get("model"))
    return usage, model, usage is not None and not _has_more(wire, document)


def _has_more(wire: Wire, document: Mapping[str, Any]) -> bool:
    """Whether a stream goes on after this event, so that its usage may grow."""
    if wire is Wire.ANTHROPIC:
        return document.get("type") == "message_start"
    return document.get("object") == "chat.completion.chunk" and bool(document.get("choices"))


def _anthropic(usage: Mapping[str, Any]) -> Counts:
    return {
        "input": _int(usage, "input_tokens"),
        "output": _int(usage, "output_tokens"),
        "cache_read": _int(usage, "cache_read_input_tokens"),
        "cache_write": _int(usage, "cache_creation_input_tokens"),
        "reasoning": None,
    }


def _chat(usage: Mapping[str, Any]) -> Counts:
    return _openai(usage, ("prompt_tokens", "completion_tokens"))


def _responses(usage: Mapping[str, Any]) -> Counts:
    return _openai(usage, ("input_tokens", "output_tokens"))


def _openai(usage: Mapping[str, Any], names: tuple[str, str]) -> Counts:
    into, out = (_int(usage, name) for name in names)
    details = _mapping(usage.get(f"{names[0]}_details"))
    reasoning = _int(_mapping(usage.get(f"{names[1]}_details")), "reasoning_tokens")
    read = _int(details, "cached_tokens")
    read = _int(usage, "prompt_cache_hit_tokens") if read is None else read
    write = _int(details, "cache_write_tokens")
    total = _int(usage, "total_tokens")
    # OpenAI counts reasoning into the output; a few that speak its API leave it beside.
    if reasoning and into is not None and out is not None and total == into + out + reasoning:
        out += reasoning
    fresh = None if into is None else max(0, into - (read or 0) - (write or 0))
    return {"input": fresh, "output": out, "cache_read": read, "cache_write": write, "reasoning": reasoning}


def _gemini(usage: Mapping[str, Any]) -> Counts:
    prompt, read = _int(usage, "promptTokenCount"), _int(usage, "cachedContentTokenCount")
    tools, thoughts = _int(usage, "toolUsePromptTokenCount"), _int(usage, "thoughtsTokenCount")
    said = _int(usage, "candidatesTokenCount")
    return {
        "input": None if prompt is None else max(0, prompt - (read or 0)) + (tools or 0),
        "output": None if said is None and thoughts is None else (said or 0) + (thoughts or 0),
        "cache_read": read,
        "cache_write": None,
        "reasoning": thoughts,
    }


_RULES: Mapping[Wire, Callable[[Mapping[str, Any]], Counts]] = {
    Wire.ANTHROPIC: _anthropic,
    Wire.CHAT: _chat,
    Wire.RESPONSES: _responses,
    Wire.GEMINI: _gemini,
}


def _int(of: Mapping[str, Any], name: str) -> int | None:
    value = of.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _maybe(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
