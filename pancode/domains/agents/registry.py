"""The agents domain's service: loads agents and adapters, knows the runtimes, plans runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents.adapters import load as load_adapters
from pancode.domains.agents.api import (
    AUTO,
    COMMAND,
    NATIVE,
    SHELL,
    Agent,
    Choice,
    LaunchAsk,
    Mistake,
    Plan,
    RuntimeInfo,
    UnknownModelError,
)
from pancode.domains.agents.behind import driving
from pancode.domains.agents.bench import Bench, named_model
from pancode.domains.agents.choices import choices, vendor_of
from pancode.domains.agents.choose import beyond, candidates
from pancode.domains.agents.discover import Runtimes, which
from pancode.domains.agents.installing import provide
from pancode.domains.agents.loader import load, project_file, seed
from pancode.domains.agents.missing import no_agent
from pancode.domains.agents.named import finds_providers
from pancode.domains.agents.native import can_run, plan_native
from pancode.domains.agents.plan import plan_adapter
from pancode.domains.agents.programs import plan_program
from pancode.domains.agents.skills.giving import Shelf
from pancode.domains.agents.view import is_ready
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.prompts.api import Prompts
from pancode.domains.providers.api import Providers
from pancode.engine import files
from pancode.engine.shipped import adapters_dir


class Registry:
    """Implements `Agents` for one home directory and one project."""

    def __init__(
        self,
        project: str,
        environment: Mapping[str, str],
        configuration: Configuration,
        prompts: Prompts,
        providers: Providers | None = None,
    ) -> None:
        """Load everything; seed panagents.yaml when there is none. `environment` is the controller's own.

        Without `providers` native agents can't be planned. Raises PanError CONFIG for a bad PANCODE_
        variable, and never for the content of a file.
        """
        self._project = project
        self._environment = environment
        self._configuration = configuration
        self._prompts = prompts
        self._providers = providers
        self._home = configuration.current().home
        self._shelf = Shelf(self._home, environment.get("HOME") or os.path.expanduser("~"), project)
        self._runtimes = Runtimes({}, environment, os.path.join(self._home, "runtimes.json"))
        self.reload()

    def reload(self) -> None:
        """Read panagents.yaml and the adapters again, whole: a failure half-way changes nothing."""
        adapters, mistakes = load_adapters([adapters_dir(), os.path.join(self._home, "adapters")])
        user_file = seed(self._home)
        self._files = (user_file, project_file(self._project), *self._shelf.folders)
        self._stamps = [files.stamp(path) for path in self._files]
        loaded = load(user_file, self._project, adapters, self._shelf.known)
        self._adapters = adapters
        self._loaded = loaded
        self._mistakes = [*loaded.mistakes, *mistakes]
        self._runtimes.use(adapters)

    def _notice(self) -> None:
        # An edited panagents.yaml counts from the next run on, without a restart.
        if [files.stamp(path) for path in self._files] != self._stamps:
            self.reload()

    def get(self, name: str | None) -> Agent:
        """Give the agent of that name (None: the default one)."""
        self._notice()
        wanted = name or self._default()
        agent = self._loaded.agents.get(wanted)
        if agent is not None:
            return agent
        mistake = self._loaded.bad.get(wanted)
        if mistake is not None:
            raise PanError(
                f'agent "{wanted}" has a mistake in its definition: {mistake.problem}',
                remedy=f"{mistake.remedy or 'repair it'}, in {_place(mistake)}",
                code=ExitCode.CONFIG,
            )
        raise no_agent(wanted, self._loaded.agents, is_default=name is None)

    def _default(self) -> str:
        """Give the first of the default agents that can run; if none can, the first that there is."""
        names = self._configuration.current().default_agent.split(", ")
        known = [name for name in names if name in self._loaded.agents] if len(names) > 1 else names
        ready = (name for name in known if len(known) == 1 or is_ready(self._loaded.agents[name], self))
        return next(ready, (known or names)[0])

    def all(self) -> Sequence[Agent]:
        """Give every usable agent, sorted by name."""
        self._notice()
        return sorted(self._loaded.agents.values(), key=lambda agent: agent.name)

    def mistakes(self) -> Sequence[Mistake]:
        """Give what is wrong in the files, in their order."""
        return tuple(self._mistakes)

    def runtimes(self) -> Sequence[RuntimeInfo]:
        """Give every runtime as it is known now."""
        return self._runtimes.survey()

    def forks(self, runtime: str) -> bool:
        """Whether the runtime can begin a branch where a conversation of its own stands."""
        adapter = self._adapters.get(runtime)
        return adapter is not None and "fork" in adapter.can

    def resolve(self, agent: Agent) -> str | None:
        """Give the runtime that the agent would run on now."""
        return self._resolve(agent, self._environment)

    async def discover(self) -> None:
        """Ask the CLIs that are new for their version."""
        await self._runtimes.probe()

    def probe(self) -> None:
        """Do `discover` outside of an event loop; a warm start asks nobody."""
        if self._runtimes.unanswered():
            asyncio.run(self.discover())

    def install(self, name: str) -> str:
        """Install what the runtime of that name needs of npm; give the folder. May take minutes."""
        self.probe()
        path = self._environment.get("PATH", os.defpath)
        return provide(self._adapters, name, self._home, path, self._runtimes.version)

    def plan(self, ask: LaunchAsk) -> Plan:
        """Turn an ask into a plan."""
        settings = self._configuration.read(ask.environment)
        ask = replace(ask, environment=self._configuration.filled(ask.environment))
        agent = self.get(ask.agent)
        if ask.model is None:
            self._check_reach(agent, ask.environment)
        runtime = self._asked_runtime(ask, agent) or self._resolve(agent, ask.environment)
        models = tuple(one.model for one in self._loaded.agents.values() if one.model)
        skills, skill_files = self._shelf.given(agent)
        bench = Bench(
            ask, agent, settings, self._prompts, self._runtimes.version, models, skills, skill_files
        )
        if runtime in (SHELL, COMMAND):
            return plan_program(bench)
        if runtime is None:
            raise self._nothing_installed(agent)
        if runtime not in self._adapters:
            raise PanError(
                f'there is no adapter for "{runtime}" any more',
                remedy="start a new run",
                code=ExitCode.NOT_FOUND,
            )
        adapter = driving(agent, self._adapters[runtime], self._adapters)
        if adapter.tier == "native" and self._providers is not None:
            return plan_native(bench, adapter, self._providers)
        return plan_adapter(bench, adapter, self._providers)

    def keep_prompt(self, plan: Plan) -> None:
        """Keep the system prompt of an admitted run, if it has one."""
        if plan.prompt is not None:
            self._prompts.keep(plan.prompt)

    def choices(self, agent: Agent, environment: Mapping[str, str]) -> Sequence[Choice]:
        """Give the runtimes that could run the agent."""
        found = {info.id: info for info in self._runtimes.survey()}
        return choices(self._possible(agent), self._adapters, found, environment)

    def _possible(self, agent: Agent) -> list[str]:
        """Give the runtimes that can honour the agent; the native one is not taken while a CLI can."""
        names = candidates(agent, self._adapters)
        if agent.runtime == AUTO and NATIVE in self._adapters and not beyond(agent, NATIVE, self._adapters):
            names.append(NATIVE)
        return names

    def model_of(self, agent: Agent, environment: Mapping[str, str]) -> str | None:
        """Give the model that the agent names."""
        self._check_reach(agent, environment)
        return named_model(agent, environment)

    def _check_reach(self, agent: Agent, environment: Mapping[str, str]) -> None:
        """Raise PanError where a project's agent names a model that the operator's settings don't reach.

        A vendor's own CLI goes to that vendor whatever the model is called: who names the agent, chooses it.
        """
        if agent.source != "project" or agent.model is None or self._is_vendors(agent, agent.runtime):
            return
        why = self._configuration.too_far(agent.model, environment)
        if why is not None:
            raise UnknownModelError(
                f'agent "{agent.name}" ({agent.file}:{agent.line}): {why}',
                remedy="do so if you trust it, or name another with --model",
                code=ExitCode.REFUSED,
            )

    def too_far(
        self, agent: str, runtime: str, model: str, environment: Mapping[str, str], who: str
    ) -> str | None:
        """Say why `who`, a worker, may not choose the model; None: the operator has named who gets it."""
        known = self.get(agent)
        if known.endpoint or runtime not in self._adapters or self._is_vendors(known, runtime):
            return None
        if model in self._named(environment):
            return None
        return self._configuration.too_far(model, environment, who)

    def _is_vendors(self, agent: Agent, runtime: str) -> bool:
        """Whether the agent's calls go to its runtime's own vendor, whatever its model is called."""
        if runtime not in self._adapters:
            return False
        adapter = driving(agent, self._adapters[runtime], self._adapters)
        return not finds_providers(adapter) and vendor_of(adapter) is not None

    def _named(self, environment: Mapping[str, str]) -> set[str | None]:
        """Give the models that the operator's own agents name."""
        found: set[str | None] = set()
        for agent in self.all():
            with contextlib.suppress(UnknownModelError):  # from a variable that isn't set
                found.add(None if agent.source == "project" else named_model(agent, environment))
        return found

    def _asked_runtime(self, ask: LaunchAsk, agent: Agent) -> str | None:
        """Give the runtime that the ask names: that of its conversation, or one that the agent allows."""
        possible = self._possible(agent)
        if ask.runtime is None or ask.session or ask.runtime in possible:
            return ask.runtime
        raise PanError(
            f'agent "{agent.name}" can\'t run on "{ask.runtime}"',
            remedy=f"one of {', '.join(possible)}",
            code=ExitCode.USAGE,
        )

    def _resolve(self, agent: Agent, environment: Mapping[str, str]) -> str | None:
        possible = candidates(agent, self._adapters)
        if agent.runtime in possible:  # named, so installed or not
            return agent.runtime
        broken = {info.id for info in self._runtimes.survey() if info.status == "broken"}
        path = environment.get("PATH", os.defpath)
        there = [name for name in possible if which(self._adapters[name].binary, path)]
        if there:
            return next((name for name in there if name not in broken), there[0])
        return NATIVE if self._native_can(agent, environment) else None

    def native_wanted(self) -> bool:
        """Whether a native agent can be used without more ado."""
        if self._providers is None or NATIVE not in self._adapters:
            return False
        own = any(agent.runtime == NATIVE and agent.source != "built-in" for agent in self.all())
        agent = self._loaded.agents.get(NATIVE)
        return own or (agent is not None and can_run(agent, self._providers, self._environment))

    def gateway_wanted(self) -> bool:
        """Whether model calls go through the session's gateway."""
        return self._configuration.read(self._environment).gateway == "on"

    def _native_can(self, agent: Agent, environment: Mapping[str, str]) -> bool:
        if self._providers is None or agent.runtime != AUTO or NATIVE not in self._adapters:
            return False
        if beyond(agent, NATIVE, self._adapters):
            return False
        return can_run(agent, self._providers, environment)

    def _nothing_installed(self, agent: Agent) -> PanError:
        possible = [self._adapters[name] for name in candidates(agent, self._adapters)]
        first = f"{possible[0].install} (or {', '.join(a.name for a in possible[1:])}), " if possible else ""
        return PanError(
            f'agent "{agent.name}" needs an agent CLI, and none that can run it is installed',
            remedy=f"{first}or run a command with --agent shell; `pancode runtimes` shows what is there",
            code=ExitCode.PREREQUISITE,
        )


def _place(mistake: Mistake) -> str:
    return mistake.file if mistake.line is None else f"{mistake.file}:{mistake.line}"
