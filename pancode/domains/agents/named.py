"""Where an SDK's agent finds a model that is named `provider/model`, as native agents find theirs."""

from __future__ import annotations

from dataclasses import replace

from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.bench import Bench
from pancode.domains.providers.api import Providers, Target

_KEY = "OPENAI_API_KEY"


def named_target(bench: Bench, adapter: Adapter, model: str | None, providers: Providers) -> Target | None:
    """Give who answers for the model; None where the run takes it as it is written.

    That is so for agent CLIs, which have words of their own, for a bare name, and where the run or its agent
    has an endpoint. PanError as `Providers.resolve`.
    """
    ask, agent = bench.ask, bench.agent
    provider, slash, rest = (model or "").partition("/")
    if not finds_providers(adapter) or not slash or not rest or ask.endpoint or agent.endpoint:
        return None
    if all(one.id != provider for one in providers.all(ask.environment)):
        return None
    target = providers.resolve(model, ask.environment, agent.role)
    if target.wire == "anthropic":  # It answers in OpenAI's words, too.
        return replace(target, wire="openai-chat", url=f"{target.url.rstrip('/').removesuffix('/v1')}/v1")
    return target


def finds_providers(adapter: Adapter) -> bool:
    """Whether the runtime is an SDK that speaks OpenAI's API, and so goes to any provider of models."""
    return adapter.tier == "sdk" and any(key.variable == _KEY for key in adapter.keys)


def is_its_own(target: Target, bench: Bench, adapter: Adapter) -> bool:
    """Whether the SDK would go there by itself, with the same key."""
    own = next(key for key in adapter.keys if key.variable == _KEY)
    return target.url == own.url and target.key == bench.ask.environment.get(_KEY)
