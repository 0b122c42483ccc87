"""The settings of models and routing: the operator's machines, strict tiers, how workers are rated."""

from __future__ import annotations

from pancode.domains.panconfigure import kinds
from pancode.domains.panconfigure.api import POLICIES, machines, weights
from pancode.domains.panconfigure.key import Key, more


def _machines(text: str) -> str:
    machines(text)
    return text


def _policy(text: str) -> str:
    if text not in POLICIES:
        weights(text)
    return text


def _switch(text: str) -> float:
    return float(kinds.one_of("0", "1")(text))


ROUTING_KEYS = (
    Key(
        name="models.machines",
        field="local_machines",
        variable="PANCODE_LOCAL_MACHINES",
        kind="machines",
        default="none",
        meaning="other machines of yours that are asked for Ollama, LM Studio and llama.cpp: name=address, "
        "or name=address:port for a server that speaks OpenAI's API",
        read=_machines,
    ),
    Key(
        name="models.strictTiers",
        field="strict_tiers",
        variable="PANCODE_STRICT_TIERS",
        kind="number",
        default="0",
        meaning="1 refuses a run whose model is below the tier of its agent; 0 remarks it",
        read=_switch,
        others="tighten",
        looser=lambda before, after: more(after, before),
    ),
    Key(
        name="models.scoring",
        field="scoring_policy",
        variable="PANCODE_SCORING_POLICY",
        kind="policy",
        default="default",
        meaning="how workers are rated where there is a choice: default, cost, throughput, or weights of "
        "your own",
        read=_policy,
        others="free",
    ),
)
