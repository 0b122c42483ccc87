"""Plans runs of agent CLIs: asks the adapter for the launch, and adds what is the same for all."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level
from pancode.domains.agents import npm, packages
from pancode.domains.agents.adapters import Adapter, describe, line_in
from pancode.domains.agents.api import Plan
from pancode.domains.agents.bench import Bench, check_task, expanded_model, finish, present
from pancode.domains.agents.discover import which
from pancode.domains.agents.enclosed import check_project, decided
from pancode.domains.agents.environment import allowed, split_secrets
from pancode.domains.agents.metering import Route, check_address, routed
from pancode.domains.agents.models import check_model
from pancode.domains.agents.named import is_its_own, named_target
from pancode.domains.agents.provider import provider_of
from pancode.domains.agents.skills.giving import GIVEN
from pancode.domains.agents.telling import occasion_of, persona_of
from pancode.domains.panconfigure.api import check_key_travels_safely, is_endpoint
from pancode.domains.prompts.api import Compiled
from pancode.domains.providers.api import Providers, Target, Tier

if TYPE_CHECKING:
    from typing import Literal

    from pancode.worker.protocol import Launch, Request

DUMMY_KEY = "no-key-is-needed"
"""The key for an endpoint without one: local servers want some key and don't look at it.

Copilot takes every occurrence of its key out of what it prints, so this is no word of anybody's.
"""
_EFFORTS: Mapping[str, Literal["low", "high"]] = {"fast": "low", "thorough": "high"}
_REASONING: Mapping[str, Literal["low", "high"]] = {
    "off": "low",
    "minimal": "low",
    "low": "low",
    "high": "high",
    "xhigh": "high",
}


def plan_adapter(bench: Bench, adapter: Adapter, providers: Providers | None = None) -> Plan:
    """Plan a run of an agent CLI; PanError says why it can't be."""
    ask, agent = bench.ask, bench.agent
    check_task(ask.task)
    _check_conversation(bench, adapter)
    _check_arguments(bench, adapter)
    if adapter.elsewhere:
        _check_elsewhere(bench, adapter)
    if ask.hook is not None:
        check_project(adapter, ask.cwd)
    model = None if adapter.elsewhere else _model(bench)
    target = None if providers is None else named_target(bench, adapter, model, providers)
    endpoint, key = _way(bench, adapter, target)
    model = model if target is None else target.model
    given = endpoint or _vendor_endpoint(adapter, ask.environment) or _cloud(adapter, ask.environment)
    check_model(model, provider_of(None, adapter.hosts, None), given, bench.models)
    route = routed(ask, adapter, endpoint, key, bench.settings)
    tier = None if target is None else target.tier
    prompt = prompt_of(bench, adapter, model, tier) if "system_prompt" in adapter.can else None
    launch = launch_of(adapter, request_of(bench, adapter, model, route, prompt))
    names = (*adapter.pass_env, *launch["env"])
    env, secrets = split_secrets(allowed(ask.environment, names) | launch["env"])
    # An endpoint of the operator's choosing gets its own key and none of the vendor's.
    own = {} if route.endpoint else present(adapter.secrets, ask.environment)
    secrets |= own | present(agent.env, ask.environment) | launch["secret_env"]
    if route.endpoint is None:
        check_address(adapter, env | secrets, ask.environment, bench.settings)
    plan = finish(bench, adapter, {**launch, "env": env, "secret_env": secrets}, model)
    where = route.endpoint or _vendor_endpoint(adapter, env)
    to = where if route.upstream is None else route.upstream.url
    provider = provider_of(to, adapter.hosts, model)
    if route.upstream is not None:  # It has a token: no other login has to be in the sandbox.
        plan = replace(plan, needs=replace(plan.needs, logins=(), hosts=()))
    return replace(
        plan, endpoint=where, provider=provider, meter=route.meter, upstream=route.upstream, prompt=prompt
    )


def _way(bench: Bench, adapter: Adapter, target: Target | None) -> tuple[str | None, str | None]:
    """Give address and key of the model's calls; None: the agent's own way."""
    if target is None:
        return chosen_endpoint(bench, adapter)
    return (None, None) if is_its_own(target, bench, adapter) else (target.url, target.key or DUMMY_KEY)


def _cloud(adapter: Adapter, environment: Mapping[str, str]) -> str | None:
    """Give the variable that sends the agent to a cloud, whose models have names of their own."""
    used = (name for name in adapter.pass_env if "_USE_" in name)
    return next((name for name in used if environment.get(name)), None)


def _vendor_endpoint(adapter: Adapter, env: Mapping[str, str]) -> str | None:
    """Give the address that a variable of the operator's sends the agent to."""
    given = (env.get(name) for name in adapter.pass_env if name.endswith("_BASE_URL"))
    return next((url for url in given if url and is_endpoint(url)), None)


def _check_arguments(bench: Bench, adapter: Adapter) -> None:
    word = decided(adapter, bench.agent.runtime_args)
    if word is not None:
        raise PanError(
            f'agent "{bench.agent.name}" has "{word}" in its runtime_args, which only its level may decide',
            remedy="take it out, and choose the level with `pancode safety` or `readonly: true`",
            code=ExitCode.CONFIG,
        )


def _model(bench: Bench) -> str | None:
    return bench.ask.model or expanded_model(bench) or bench.settings.worker_model


def _check_elsewhere(bench: Bench, adapter: Adapter) -> None:
    """Refuse what can't be kept of an agent whose tools work on a server."""
    ask, agent = bench.ask, bench.agent
    if ask.model is not None:
        raise PanError(
            f'agent "{agent.name}" has its model on its server',
            remedy="leave out --model",
            code=ExitCode.USAGE,
        )
    if not (ask.endpoint or agent.endpoint):
        raise PanError(
            f'agent "{agent.name}" has no endpoint, and its runtime is a server',
            remedy=adapter.install,
            code=ExitCode.CONFIG,
        )
    if bench.read_only or ask.grant.level is not Level.FULL_AUTO:
        raise PanError(
            f'agent "{agent.name}" works on a server, where PanCode can neither ask nor enclose it',
            remedy="if you trust it, give the run --safety full-auto",
            code=ExitCode.REFUSED,
        )


def _binary(bench: Bench, adapter: Adapter) -> str:
    if adapter.elsewhere:
        return sys.executable
    found = which(adapter.binary, bench.ask.environment.get("PATH", os.defpath))
    if found is None:
        raise PanError(
            f'{adapter.name} is not installed: there is no program "{adapter.binary}" in PATH',
            remedy=adapter.install,
            code=ExitCode.PREREQUISITE,
        )
    _check_packages(bench, adapter, found)
    return found


def _check_packages(bench: Bench, adapter: Adapter, program: str) -> None:
    missing, remedy = None, adapter.install
    if adapter.package is not None and packages.version(adapter.package[0]) is None:
        missing = f'is not installed: PanCode\'s Python has no package "{adapter.package[0]}"'
        remedy = packages.remedy(adapter.package[1])
    elif npm.below(version := bench.version(program), adapter.least):
        missing = f"can't run: {npm.too_old(adapter.binary, adapter.least, version)}"
    elif adapter.npm is not None and npm.version(bench.settings.home, adapter.npm) is None:
        missing, remedy = "is not installed: its packages are not there", npm.remedy(adapter.id)
    if missing is not None:
        raise PanError(f"{adapter.name} {missing}", remedy=remedy, code=ExitCode.PREREQUISITE)


def prompt_of(bench: Bench, adapter: Adapter, model: str | None, tier: Tier | None = None) -> Compiled:
    """Give the system prompt: what its grant permits, and what every worker is told whatever its agent.

    `tier` is the model's, where it is known; None: its name tells.
    """
    return bench.prompts.compile_prompt(
        persona_of(bench.agent, bench.skills), occasion_of(bench.ask, adapter, model, tier)
    )


def _check_conversation(bench: Bench, adapter: Adapter) -> None:
    ask = bench.ask
    if ask.session is not None and "resume" not in adapter.can:
        raise PanError(
            f"{adapter.name} can't go on with an earlier conversation",
            remedy="start a new run, and put what it must know into the task",
            code=ExitCode.USAGE,
        )
    if ask.fork and "fork" not in adapter.can:
        problem = f"{adapter.name} keeps one thread of each conversation, and has no branches"
        raise PanError(problem, remedy="go on with it, or begin another one", code=ExitCode.REFUSED)


def request_of(
    bench: Bench, adapter: Adapter, model: str | None, route: Route, prompt: Compiled | None
) -> Request:
    """Give all that an adapter may look at."""
    ask, agent = bench.ask, bench.agent
    request: Request = {
        "binary": _binary(bench, adapter),
        "task": ask.task,
        "cwd": ask.cwd,
        "run_dir": ask.run_dir,
        "level": ask.grant.level.value,
        "read_only": bench.read_only,
        "is_root": os.geteuid() == 0,
        "model": model,
        "system_prompt": prompt.text if prompt else None,
        "skills_dir": f"{ask.run_dir}/files/{GIVEN}" if bench.skills else None,
        "tools": None if agent.tools is None else list(agent.tools),
        "max_turns": agent.max_turns,
        "effort": effort_of(bench, adapter),
        "endpoint": route.endpoint,
        "endpoint_key": route.key,
        "endpoint_is_vendors": route.vendor,
        "session": ask.session,
        "fork": ask.fork,
        "extra_args": list(agent.runtime_args),
        "sandboxed": ask.sandboxed,
        "hook": ask.hook if adapter.asks else None,
    }
    if adapter.npm is not None:
        request["installed"] = npm.folder(bench.settings.home, adapter.npm)
    return request


def effort_of(bench: Bench, adapter: Adapter) -> Literal["low", "high"] | None:
    """Give how hard the model is to think; the agent's own word counts before the session's."""
    if "effort" not in adapter.can:
        return None
    return _EFFORTS.get(bench.agent.speed) or _REASONING.get(bench.settings.reasoning)


def launch_of(adapter: Adapter, request: Request) -> Launch:
    """Ask the adapter for the launch; what it stumbles over is a PanError with the place."""
    try:
        launch = adapter.launch(request)
        checked: Launch = {
            "argv": [_str(launch["argv"][0]), *map(_str, launch["argv"][1:])],
            "env": {_str(name): _str(text) for name, text in launch["env"].items()},
            "secret_env": {_str(name): _str(text) for name, text in launch["secret_env"].items()},
            "files": {_str(path): content for path, content in launch["files"].items()},
            "stdin": None if launch.get("stdin") is None else _str(launch.get("stdin")),
            "home": {_str(path): content for path, content in launch.get("home", {}).items()},
            "program": _str(launch.get("program", launch["argv"][0])),
        }
    except Exception as error:
        where = f"{adapter.path}:{line_in(error, adapter.path) or 1}"
        raise PanError(
            f"the adapter can't plan this run ({where}): {describe(error)}",
            remedy="repair the adapter, or take your own copy of it away",
            code=ExitCode.CONFIG,
        ) from error
    return checked


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} in the launch is not a text")
    return value


def chosen_endpoint(bench: Bench, adapter: Adapter) -> tuple[str | None, str | None]:
    """Give the address that the operator has chosen for the calls, and its key; None: the agent's own."""
    ask, agent, settings = bench.ask, bench.agent, bench.settings
    url = ask.endpoint or agent.endpoint or settings.endpoint
    if url is None:
        return None, None
    if not is_endpoint(url):
        raise PanError(
            f'"{url}" is not an endpoint',
            remedy="give an http:// or https:// URL, such as http://127.0.0.1:8080/v1",
            code=ExitCode.USAGE,
        )
    if "endpoint" not in adapter.can:
        raise PanError(
            f"{adapter.name} can't be sent to an endpoint", remedy="take another agent", code=ExitCode.USAGE
        )
    name = _key_variable(bench, url)
    if name is None:
        return url, DUMMY_KEY
    key = ask.environment.get(name)
    if not key:
        raise PanError(
            f"the key for {url} comes from {name}, which is not set",
            remedy=f"export {name}, or take endpoint_key_env out if the endpoint needs no key",
            code=ExitCode.CONFIG,
        )
    check_key_travels_safely(url, settings)
    return url, key


def _key_variable(bench: Bench, url: str) -> str | None:
    agent = bench.agent
    if agent.endpoint is None:
        return agent.endpoint_key_env or bench.settings.endpoint_key_env
    # The key that belongs to the agent's own endpoint is not sent to another one.
    return agent.endpoint_key_env if url == agent.endpoint else bench.settings.endpoint_key_env
