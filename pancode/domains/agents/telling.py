"""What an agent is told besides its task: whom its system prompt is written for, and on which occasion."""

from __future__ import annotations

from collections.abc import Sequence

from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import Agent, LaunchAsk
from pancode.domains.agents.skills.giving import GIVEN
from pancode.domains.agents.skills.skill import Skill
from pancode.domains.prompts.api import Occasion, Persona
from pancode.domains.providers.api import Tier, tier_by_name


def persona_of(agent: Agent, skills: Sequence[Skill] = ()) -> Persona:
    """Give whom the prompt is for; `skills` are those that it is given."""
    return Persona(
        name=agent.name,
        description="" if agent.description == agent.name else agent.description,
        system_prompt=agent.system_prompt,
        read_only=agent.readonly,
        role=agent.role,
        skills={skill.name: skill.line for skill in skills},
    )


def occasion_of(ask: LaunchAsk, adapter: Adapter, model: str | None, tier: Tier | None = None) -> Occasion:
    """Give what the agent is about to run as, and on; without a `tier` the model's name tells it."""
    return Occasion(
        grant=ask.grant,
        runtime=adapter.id,
        runs_on=adapter.name,
        tier=tier or tier_by_name(model),
        skills_dir=f"{ask.run_dir}/files/{GIVEN}",
        board=ask.board if ask.hook is not None and adapter.asks else None,
    )
