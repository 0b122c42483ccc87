"""Gathers the ways in which a task can be done: agents, their runtimes, and models for these."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pancode.core.errors import PanError
from pancode.core.state import World
from pancode.domains.agents.api import COMMAND, SHELL, Agent, Agents, Choice
from pancode.domains.panconfigure.api import LOOPBACK, Settings
from pancode.domains.providers.api import Facts, Model, Providers
from pancode.domains.routing.api import Wanted
from pancode.domains.routing.needs import Needs
from pancode.domains.routing.rank import Candidate
from pancode.domains.routing.scores import Situation
from pancode.domains.scheduling.api import Prospect, Queue, Spending

OWN_MODELS: Mapping[str, str] = {"anthropic": "claude", "openai": "gpt-5", "google": "gemini-3"}
"""The family of the model that a vendor's own CLI takes by itself."""
OTHER_MODELS: Mapping[str, Mapping[str, str]] = {
    "anthropic": {"haiku": "claude-haiku-4-5", "sonnet": "claude-sonnet-4-5", "opus": "claude-opus-4-5"},
    "openai": {"gpt-5-mini": "gpt-5-mini", "gpt-5": "gpt-5"},
    "google": {"gemini-2.5-flash": "gemini-2.5-flash", "gemini-2.5-pro": "gemini-2.5-pro"},
}
"""Models that a vendor's CLI can be told to take, in its words, and the name by which each has its price."""
INPUT_SHARE = 0.9
"""How much of a run's tokens are input, where only their sum is known."""
_NOT_CHOSEN = ("panos", "pan-scout")


@dataclass(frozen=True, slots=True)
class Services:
    """Whom the gatherer asks."""

    agents: Agents
    providers: Providers
    queue: Queue
    spending: Spending
    world: Callable[[], World]


class Gatherer:
    """Gathers for one request: what is asked once is not asked again."""

    def __init__(self, services: Services, settings: Settings, environment: Mapping[str, str]) -> None:
        """Gather for the operator whose `environment` it is."""
        self._services = services
        self._settings = settings
        self._environment = environment
        self._ready: Sequence[Model] | None = None
        self._trouble: dict[str, str | None] = {}

    def candidates(self, wanted: Wanted, needs: Needs) -> list[Candidate]:
        """Give every way in which it could be done, in the order of preference among equals."""
        found = [
            one
            for agent in self._agents(wanted, needs)
            for choice in self._services.agents.choices(agent, self._environment)
            if wanted.runtime in (None, choice.runtime)
            for one in self._with_models(agent, choice, wanted, wide=bool(wanted.needs) or _has_price(wanted))
        ]
        return [replace(one, place=place) for place, one in enumerate(found)]

    def _agents(self, wanted: Wanted, needs: Needs) -> list[Agent]:
        """Give the agents that are meant: the one that is named, else those for such tasks."""
        agents = self._services.agents
        if wanted.agent is not None or not (wanted.needs or _has_price(wanted)):
            return [agents.get(wanted.agent)]
        first = None
        with contextlib.suppress(PanError):  # Who says what is needed needs no default agent.
            first = agents.get(None)
        reads_only = needs.readonly or wanted.reads_only
        possible = [
            one for one in agents.all() if self._is_possible(one, first, needs, reads_only=reads_only)
        ]
        return sorted(possible, key=lambda one: first is None or one.name != first.name)

    @staticmethod
    def _is_possible(one: Agent, first: Agent | None, needs: Needs, *, reads_only: bool) -> bool:
        if one.name in _NOT_CHOSEN or one.runtime in (SHELL, COMMAND) or one.readonly is not reads_only:
            return False
        if needs.tags:
            return needs.tags <= set(one.tags)
        return reads_only or first is None or one.name == first.name or bool({*one.tags} & {*first.tags})

    def _with_models(
        self, agent: Agent, choice: Choice, wanted: Wanted, *, wide: bool
    ) -> Iterator[Candidate]:
        named = wanted.model or self._named(agent) or self._settings.worker_model
        if named is not None:
            yield self._candidate(agent, choice, named, self._model(named, agent, choice, wanted))
        elif wanted.endpoint or agent.endpoint or self._settings.endpoint:
            yield self._candidate(agent, choice, None, None)
        elif choice.chooses_model:
            able = [one for one in self._models() if one.facts.tools is not False]
            for model in able:
                yield replace(self._candidate(agent, choice, model.name, model), picked=True)
            if not able:
                yield self._without_model(agent, choice)
        else:
            yield self._candidate(agent, choice, None, None)
            for name in OTHER_MODELS.get(choice.vendor or "", {}) if wide else ():
                yield self._candidate(agent, choice, name, None)

    def _without_model(self, agent: Agent, choice: Choice) -> Candidate:
        one = self._candidate(agent, choice, None, None)
        return replace(one, now=replace(one.now, installed=False, reaches=None))

    def _named(self, agent: Agent) -> str | None:
        try:
            return self._services.agents.model_of(agent, self._environment)
        except PanError:  # A variable of its is not set; the gate `model` says so.
            return None

    def _models(self) -> Sequence[Model]:
        if self._ready is None:
            self._ready = self._services.providers.ready(self._environment)
        return self._ready

    def _model(self, name: str, agent: Agent, choice: Choice, wanted: Wanted) -> Model | None:
        """Give the model of that name to which calls would go, as far as that is known."""
        own = wanted.endpoint or agent.endpoint

        def is_reached(one: Model) -> bool:
            if not one.local:
                return True
            url = own or (None if choice.chooses_model and name == one.name else self._settings.endpoint)
            # A vendor's own CLI sends it to the vendor, whatever the model is called.
            return choice.vendor is None if url is None else urlsplit(url).hostname in LOOPBACK

        found = (one for one in self._models() if name in (one.name, one.model))
        return next(filter(is_reached, found), None)

    def _candidate(self, agent: Agent, choice: Choice, name: str | None, model: Model | None) -> Candidate:
        facts, source = self._facts(choice, name, model)
        provider = choice.vendor if model is None else model.provider
        at_vendor = False if choice.vendor is not None and self._settings.endpoint is None else None
        now = Situation(
            installed=choice.status not in ("missing", "not-yet"),
            broken=choice.status == "broken",
            reaches=choice.reaches or (model.provider if model else None),
            trouble=self._troubled(agent, provider),
            answered=None if provider is None else self._services.queue.answered(provider),
            live=self._live(agent.name, choice.runtime),
            at_most=agent.concurrency,
            facts=facts,
            facts_source=source,
            is_cli=choice.tier == "cli",
            local=at_vendor if model is None else model.local,
        )
        usd, whose = self._expected(agent, choice, name, model)
        return Candidate(
            agent=agent.name, runtime=choice.runtime, model=name, now=now, usd=usd, usd_source=whose,
            took_ms=None if model is None else model.took_ms, tier=agent.tier, by_itself=choice.by_itself,
        )  # fmt: skip

    def _facts(self, choice: Choice, name: str | None, model: Model | None) -> tuple[Facts, str]:
        if model is not None:
            return model.facts, f"what {model.provider} says of {model.model}"
        if name is not None:
            facts = self._services.providers.facts(name)
            return facts, "" if facts.tools is None and facts.context is None else f"the family of {name}"
        family = OWN_MODELS.get(choice.vendor or "")
        if family is None or self._settings.endpoint is not None:
            return Facts(), ""
        return self._services.providers.facts(family), f"the models of {choice.vendor}"

    def _troubled(self, agent: Agent, provider: str | None) -> str | None:
        """Give why nothing should be sent to the provider now, or why the agent's runs would wait."""
        key = f"{agent.name} {provider}"
        if key not in self._trouble:
            self._trouble[key] = self._services.queue.forecast(Prospect(agent=agent.name, provider=provider))
        return self._trouble[key]

    def _live(self, agent: str, runtime: str) -> int:
        runs = self._services.world().runs.values()
        return sum(run.is_live and (run.agent, run.runtime) == (agent, runtime) for run in runs)

    def _expected(
        self, agent: Agent, choice: Choice, name: str | None, model: Model | None
    ) -> tuple[float | None, str]:
        if model is not None and model.local:
            return 0.0, "a machine of yours"
        spending = self._services.spending
        past = spending.expected(agent.name, name)
        if past["priced"] and past["median"]["usd"] is not None:
            return float(past["median"]["usd"]), "its past"
        if model is not None and model.usd_in is not None and model.usd_out is not None:
            rates: tuple[float, float] | None = (model.usd_in / 1e6, model.usd_out / 1e6)
        else:
            rates = spending.rates(OTHER_MODELS.get(choice.vendor or "", {}).get(name or "", name))
        tokens = past["median"]["tokens"]
        if rates is None or tokens is None:
            return None, ""
        usd = tokens * (rates[0] * INPUT_SHARE + rates[1] * (1 - INPUT_SHARE))
        return round(usd, 6), f"its price and {tokens:,} tokens"


def _has_price(wanted: Wanted) -> bool:
    return wanted.max_cost is not None
