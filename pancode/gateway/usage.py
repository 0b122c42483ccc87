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
    early = wire is Wire.ANTHROPIC and document.get("type") == "message_start"
    return usage, model, usage is not None and not early


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
