"""Plans runs of native agents: the model's address and key are for their loop, outside of the sandbox."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from pancode.core.conversation import FILES
from pancode.core.errors import ExitCode, PanError
from pancode.core.patience import NotYetError
from pancode.domains.agents import packages
from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import Agent, Plan
from pancode.domains.agents.bench import Bench, check_task, expanded_model, finish, present
from pancode.domains.agents.checks import expand
from pancode.domains.agents.environment import allowed, split_secrets
from pancode.domains.agents.metering import routed
from pancode.domains.agents.plan import chosen_endpoint, effort_of, launch_of, prompt_of, request_of
from pancode.domains.agents.provider import provider_of
from pancode.domains.providers.api import Providers, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "PANCODE_NATIVE_KEY"
"""The variable of the loop's key in the handoff file; the shim takes it out of the worker's environment."""
NO_KEY = "none"


def plan_native(bench: Bench, adapter: Adapter, providers: Providers) -> Plan:
    """Plan a run of a native agent; PanError says why it can't be."""
    ask, agent = bench.ask, bench.agent
    check_task(ask.task)
    if agent.runtime_args:
        raise PanError(
            f'agent "{agent.name}" has runtime_args, and native agents take none',
            remedy="take them out",
            code=ExitCode.CONFIG,
        )
    target = _spoken(_target(bench, adapter, providers))
    key = target.key or NO_KEY
    route = routed(ask, adapter, target.url, key, bench.settings)
    prompt = prompt_of(bench, adapter, target.model, target.tier)
    launch = launch_of(adapter, request_of(bench, adapter, target.model, route, prompt))
    env, secrets = split_secrets(allowed(ask.environment, ()))
    secrets |= present(agent.env, ask.environment) | {KEY: route.key or NO_KEY}
    plan = finish(bench, adapter, {**launch, "env": env, "secret_env": secrets}, target.model)
    history = _history(ask.run_dir, ask.session)
    return replace(
        plan,
        endpoint=route.endpoint,
        provider=_provider(target),
        meter=route.meter,
        upstream=route.upstream,
        prompt=prompt,
        native={
            "wire": target.wire,
            "url": route.endpoint,
            "model": target.model,
            "key_env": KEY,
            "system": prompt.text,
            "tools": None if agent.tools is None else list(agent.tools),
            "effort": effort_of(bench, adapter),
            "role": agent.role,
            "remote": agent.role == "orchestrator",
            "history": history,
            "window": target.context,
        },
    )


def can_run(agent: Agent, providers: Providers, environment: Mapping[str, str]) -> bool:
    """Whether there is a model for an agent that names no runtime."""
    try:
        model = None if agent.model is None else expand(agent.model, environment.get) or None
        providers.resolve(model, environment, agent.role, agent.endpoint)
    except NotYetError:
        return True
    except (PanError, KeyError):
        return False
    return True


def _target(bench: Bench, adapter: Adapter, providers: Providers) -> Target:
    """Give where its model is: an address of the operator's choosing has a key of its own."""
    ask, agent = bench.ask, bench.agent
    model = ask.model or expanded_model(bench)
    own = ask.endpoint or agent.endpoint
    if own is None:
        return providers.resolve(model, ask.environment, agent.role)
    _, key = chosen_endpoint(bench, adapter)
    # Its key is known already, and that of the session's endpoint is not for it.
    without = {name: text for name, text in ask.environment.items() if name != "PANCODE_ENDPOINT_KEY_ENV"}
    return replace(providers.resolve(model, without, agent.role, own), key=key)


def _spoken(target: Target) -> Target:
    """Give the target as a loop can speak to it: Anthropic's own API takes a package, its other one none."""
    if target.wire != "anthropic" or packages.version("anthropic") is not None:
        return target
    return replace(target, wire="openai-chat", url=f"{target.url.rstrip('/').removesuffix('/v1')}/v1")


def _provider(target: Target) -> str | None:
    """Give the provider as runs and receipts have it: of an address its vendor, if that is known."""
    known = provider_of(target.url, (), None)
    return target.provider if known is None or ":" in known else known


def _history(run_dir: str, session: str | None) -> str | None:
    """Give the conversation of an earlier run of this session's."""
    if session is None:
        return None
    folder = os.path.join(os.path.dirname(run_dir), os.path.basename(session))
    found = [path for name in FILES if os.path.isfile(path := os.path.join(folder, name))]
    if not found:
        raise PanError(
            f"the conversation of run {session} is not there any more",
            remedy="start a new run, and put what it must know into the task",
            code=ExitCode.NOT_FOUND,
        )
    return found[0]
