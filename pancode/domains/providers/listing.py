"""Reads what model servers answer about their models. Pure; whatever they send, it doesn't raise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pancode.domains.providers.api import Facts

MOST_MODELS = 2000
_LONGEST_NAME = 200
_LARGEST_CONTEXT = 100_000_000
_NO_CHAT = re.compile(
    r"(?:^|[-_/.:])(?:embed\w*|whisper|tts|dall-e|moderation|rerank\w*|transcribe|realtime|speech|sora|"
    r"imagen|veo|nomic|bge|clip|aqa)(?:$|[-_/.:0-9])",
    re.IGNORECASE,
)
"""Names of models that answer no chat, where the server doesn't say what they are for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One model as its server tells of it. `size` is in billions of parameters, prices in dollars a token."""

    name: str
    facts: Facts = field(default_factory=Facts)
    size: float | None = None
    usd_in: float | None = None
    usd_out: float | None = None


def openai_models(answer: Any) -> list[Listed] | None:  # noqa: ANN401 -- whatever came over the wire
    """Read `/v1/models` in the form of OpenAI and all who speak like it; None if that is no list of models.

    >>> openai_models({"data": [{"id": "m", "max_model_len": 4096}]})[0].facts.context
    4096
    >>> openai_models({"error": "no"}) is None
    True
    """
    rows = answer if isinstance(answer, list) else _of(answer, "data")
    if not isinstance(rows, list):
        return None
    return [made for row in rows[:MOST_MODELS] if (made := _openai_model(row)) is not None]


def _openai_model(row: Any) -> Listed | None:  # noqa: ANN401
    name = _name(_of(row, "id"))
    kind = _of(row, "type")
    if not name or (isinstance(kind, str) and kind not in ("chat", "language", "llm", "vlm", "model")):
        return None
    capabilities, chat = _of(row, "capabilities"), _of(row, "capabilities", "completion_chat")
    if chat is False or _NO_CHAT.search(name):
        return None
    parameters = _of(row, "supported_parameters")
    tools, reasoning, vision = (
        _flag(_of(capabilities, "function_calling")),
        _flag(_of(capabilities, "reasoning")),
        _flag(_of(capabilities, "vision")),
    )
    if isinstance(parameters, list):
        tools, reasoning = "tools" in parameters, "reasoning" in parameters
    inputs = _of(row, "architecture", "input_modalities")
    if isinstance(inputs, list):
        vision = "image" in inputs
    said = ("context_length", "context_window", "max_model_len", "max_context_length")
    contexts = [_number(_of(row, key)) for key in said]
    return Listed(
        name=name,
        facts=Facts(
            context=next((one for one in contexts if one), None),
            tools=tools,
            reasoning=reasoning,
            vision=vision,
        ),
        usd_in=_usd(_of(row, "pricing", "prompt")),
        usd_out=_usd(_of(row, "pricing", "completion")),
    )


def ollama_tags(answer: Any) -> list[Listed] | None:  # noqa: ANN401
    """Read Ollama's `/api/tags`: names and sizes."""
    rows = _of(answer, "models")
    if not isinstance(rows, list):
        return None
    found = ((_name(_of(row, "name")), _of(row, "details", "parameter_size")) for row in rows[:MOST_MODELS])
    return [Listed(name=name, size=_billions(size)) for name, size in found if name]


def ollama_shown(listed: Listed, answer: Any) -> Listed | None:  # noqa: ANN401
    """Add what Ollama's `/api/show` says of a model; None for one that answers no chat.

    >>> shown = {"capabilities": ["completion", "tools"], "model_info": {"qwen3.context_length": 40960}}
    >>> ollama_shown(Listed(name="qwen3"), shown).facts.context
    40960
    """
    capabilities, told = _of(answer, "capabilities"), _of(answer, "model_info")
    context = None
    if isinstance(told, Mapping):
        lengths = (_number(text) for key, text in told.items() if str(key).endswith(".context_length"))
        context = next(lengths, None)
    if not isinstance(capabilities, list):
        return Listed(name=listed.name, size=listed.size, facts=Facts(context=context))
    if "completion" not in capabilities:
        return None
    facts = Facts(
        context=context,
        tools="tools" in capabilities,
        reasoning="thinking" in capabilities,
        vision="vision" in capabilities,
    )
    return Listed(name=listed.name, size=listed.size, facts=facts)


def lmstudio_models(answer: Any) -> list[Listed] | None:  # noqa: ANN401
    """Read LM Studio's `/api/v0/models`; the context that a model is loaded with comes first."""
    rows = _of(answer, "data")
    if not isinstance(rows, list):
        return None
    return [
        made
        for row in rows[:MOST_MODELS]
        if _of(row, "type") in ("llm", "vlm") and (made := _lmstudio_model(row)) is not None
    ]


def _lmstudio_model(row: Any) -> Listed | None:  # noqa: ANN401
    name = _name(_of(row, "id"))
    if not name:
        return None
    capabilities = _of(row, "capabilities")
    tools = "tool_use" in capabilities if isinstance(capabilities, list) else None
    context = _number(_of(row, "loaded_context_length")) or _number(_of(row, "max_context_length"))
    return Listed(name=name, facts=Facts(context=context, tools=tools, vision=_of(row, "type") == "vlm"))


def llamacpp_models(models: Any, props: Any) -> list[Listed] | None:  # noqa: ANN401
    """Read llama.cpp's `/v1/models`, and its `/props` where it has told them (else None)."""
    listed = openai_models(models)
    if listed is None:
        return None
    context = _number(_of(props, "default_generation_settings", "n_ctx"))
    tools = _flag(_of(props, "chat_template_caps", "supports_tools"))
    vision = _flag(_of(props, "modalities", "vision"))
    rows = {_name(_of(row, "id")): row for row in _of(models, "data") or []}
    found = []
    for one in listed:
        meta = _of(rows.get(one.name), "meta")
        parameters = _number(_of(meta, "n_params"), 10**15)
        found.append(
            Listed(
                name=one.name,
                size=None if parameters is None else parameters / 1e9,
                facts=Facts(context=context or _number(_of(meta, "n_ctx_train")), tools=tools, vision=vision),
            )
        )
    return found


def _of(value: Any, *keys: str) -> Any:  # noqa: ANN401
    """Give what stands under these keys; None where nothing does."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _name(value: Any) -> str | None:  # noqa: ANN401
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
        return None
    return value.removeprefix("models/")


def _number(value: Any, most: int = _LARGEST_CONTEXT) -> int | None:  # noqa: ANN401
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        return None
    return int(value)


def _flag(value: Any) -> bool | None:  # noqa: ANN401
    return value if isinstance(value, bool) else None


def _usd(value: Any) -> float | None:  # noqa: ANN401
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < 1 else None


def _billions(text: Any) -> float | None:  # noqa: ANN401
    """Read a number of parameters.

    >>> _billions("30.5B"), _billions("270M"), _billions("many")
    (30.5, 0.27, None)
    """
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*([BM])", str(text), re.IGNORECASE)
    if match is None:
        return None
    return float(match[1]) / (1 if match[2] in "Bb" else 1000)
