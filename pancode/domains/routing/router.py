"""The routing service: chooses for a task, and shows how every worker is rated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Asked, Refusal, Remark
from pancode.domains.agents.api import AUTO, Agent
from pancode.domains.panconfigure.api import Configuration, Settings
from pancode.domains.providers.api import Facts
from pancode.domains.routing.api import Routed, Wanted
from pancode.domains.routing.candidates import OTHER_MODELS, Gatherer, Services
from pancode.domains.routing.needs import Needs, read_needs
from pancode.domains.routing.rank import Ranked, is_below, rank, record
from pancode.domains.routing.scores import policy


class Routing:
    """Implements `Router`."""

    def __init__(self, services: Services, configuration: Configuration) -> None:
        """Choose by what the services know."""
        self._services = services
        self._configuration = configuration

    def route(self, wanted: Wanted, environment: Mapping[str, str]) -> Routed | None:
        """Give the best way to do it; None where there is nothing to choose."""
        is_asked = bool(wanted.needs) or wanted.max_cost is not None
        if not is_asked and self._services.agents.get(wanted.agent).runtime != AUTO:
            return None
        needs = read_needs(wanted.needs, self._tags())
        settings = self._configuration.read(environment)
        ranked = self._ranked(wanted, needs, settings, environment)
        if not is_asked:
            ranked = _by_themselves(ranked)
            if not ranked:
                return None  # That nothing is installed is for the launch to say.
        elif not ranked or ranked[0].lacking:
            raise _nothing_fits(ranked, wanted)
        kept = record(ranked, wanted.needs, wanted.max_cost, settings.scoring_policy)
        first = ranked[0].one
        model = first.model if is_asked or first.picked else wanted.model
        return Routed(
            agent=first.agent, runtime=first.runtime, model=model,
            why=str(kept["why"]), record=kept, hold_to=None if first.now.local else wanted.max_cost,
        )  # fmt: skip

    def _ranked(
        self, wanted: Wanted, needs: Needs, settings: Settings, environment: Mapping[str, str]
    ) -> list[Ranked]:
        found = Gatherer(self._services, settings, environment).candidates(wanted, needs)
        return rank(found, needs, wanted.max_cost, policy(settings.scoring_policy))

    def _tags(self) -> set[str]:
        return {tag for agent in self._services.agents.all() for tag in agent.tags}

    def workers(self, environment: Mapping[str, str], names: Iterable[str] | None = None) -> dict[str, Any]:
        """Give every agent on every runtime that can honour it, rated as it is now; `names` are agents."""
        settings = self._configuration.read(environment)
        weigh, gatherer = policy(settings.scoring_policy), Gatherer(self._services, settings, environment)
        wanted = None if names is None else set(names)
        rows = []
        for agent in self._services.agents.all():
            if wanted is None or agent.name in wanted:
                found = rank(gatherer.candidates(Wanted(agent=agent.name), Needs()), Needs(), None, weigh)
                first = next(iter(_by_themselves(found)), None)
                rows += [_row(one, is_first=one is first) for one in found]
        return {"policy": settings.scoring_policy, "weights": dict(weigh), "workers": rows}

    def check_tier(self, asked: Asked) -> Refusal | Remark | None:
        """Remark, or refuse where tiers are strict, a model that is known to be below its agent's tier."""
        try:
            agent = self._services.agents.get(asked.agent or None)
        except PanError:
            return None
        if agent.tier == "any":
            return None
        facts = self._facts(asked, agent)
        if not is_below(facts, agent.tier):
            return None
        what = asked.model or f"what {asked.runtime} takes by itself"
        problem = f'agent "{agent.name}" is for {agent.tier} models, and {what} is of the tier {facts.tier}'
        if self._configuration.read(asked.environment).strict_tiers:
            remedy = "--model with a better one (`pancode models`), or unset PANCODE_STRICT_TIERS"
            return Refusal("tier", problem, remedy)
        return Remark(problem)

    def _facts(self, asked: Asked, agent: Agent) -> Facts:
        wanted = Wanted(agent=agent.name, runtime=asked.runtime, model=asked.model, endpoint=asked.endpoint)
        settings = self._configuration.read(asked.environment)
        found = Gatherer(self._services, settings, asked.environment).candidates(wanted, Needs())
        return found[0].now.facts if found else Facts()

    async def learn_prices(self) -> None:
        """Look up what the models cost that an agent CLI may be told to take."""
        names = [name for known in OTHER_MODELS.values() for name in known.values()]
        await self._services.spending.learn(names)


def _by_themselves(ranked: list[Ranked]) -> list[Ranked]:
    """Give those that are taken where nobody says what is needed: a CLI, or else what there is."""
    there = [one for one in ranked if one.one.now.installed]
    return [one for one in there if one.one.by_itself] or there


def _nothing_fits(ranked: list[Ranked], wanted: Wanted) -> PanError:
    asked = ", ".join(wanted.needs)
    if wanted.max_cost is not None:
        asked = f"{asked or 'what it takes'} for at most ${wanted.max_cost:g}"
    if not ranked:
        return PanError(
            f"no agent here can do this with {asked}",
            remedy="`pancode agents` and `pancode runtimes` show what there is",
            code=ExitCode.NOT_FOUND,
        )
    near = ranked[0]
    return PanError(
        f"nothing here has {asked}; nearest is {near.one.name}: {'; '.join(near.lacking)}",
        remedy="ask for less; `pancode models` and `pancode workers` show what there is",
        code=ExitCode.NOT_FOUND,
    )


def _row(ranked: Ranked, *, is_first: bool) -> dict[str, Any]:
    one = ranked.one
    return {
        "worker": f"{one.agent}@{one.runtime}",
        "agent": one.agent,
        "runtime": one.runtime,
        "model": one.model,
        "score": ranked.score,
        "first": is_first,
        "installed": one.now.installed,
        "dimensions": {each.name: {"value": each.value, "source": each.source} for each in ranked.dimensions},
        "usd": one.usd,
        "usd_source": one.usd_source or None,
    }
