"""The settings of models and routing: the operator's machines, strict tiers, how workers are rated."""

from __future__ import annotations

from pancode.domains.panconfigure.api import POLICIES, machines, weights
from pancode.domains.panconfigure.row import Row


def _machines(text: str) -> str:
    machines(text)
    return text


def _policy(text: str) -> str:
    if text not in POLICIES:
        weights(text)
    return text


def _switch(text: str) -> float:
    if text not in ("0", "1"):
        raise ValueError("0 or 1")
    return int(text)


ROUTING_ROWS = (
    Row(
        "local_machines",
        "PANCODE_LOCAL_MACHINES",
        "machines",
        "",
        "none",
        "other machines of yours that are asked for Ollama, LM Studio and llama.cpp: name=address, or "
        "name=address:port for a server that speaks OpenAI's API",
        _machines,
    ),
    Row(
        "strict_tiers",
        "PANCODE_STRICT_TIERS",
        "number",
        "",
        "0",
        "1 refuses a run whose model is below the tier of its agent; 0 remarks it",
        _switch,
    ),
    Row(
        "scoring_policy",
        "PANCODE_SCORING_POLICY",
        "policy",
        "",
        "default",
        "how workers are rated where there is a choice: default, cost, throughput, or weights of your own",
        _policy,
    ),
)
