"""Gives agents the skills that they ask for: a line each for the prompt, and the files to read."""

from __future__ import annotations

from collections.abc import Mapping

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents.api import Agent, Mistake
from pancode.domains.agents.skills.finding import Skills, files_of, find, places
from pancode.domains.agents.skills.skill import Skill
from pancode.domains.agents.yamlfile import nearest

GIVEN = "skills"
"""Below a run's files: a folder for each skill."""


class Shelf:
    """The skills of one user and one project, looked for whenever they are asked for."""

    def __init__(self, home: str, user: str, project: str) -> None:
        """Look in PanCode's `home`, in the home of the `user`, and in the `project`."""
        self._project = project
        self._places = places(home, user, project)

    @property
    def folders(self) -> tuple[str, ...]:
        """Give the folders in which skills come and go."""
        return tuple(place.path for place in self._places)

    def find(self) -> Skills:
        """Find all skills."""
        return find(self._places)

    def known(self) -> Mapping[str, Skill]:
        """Give the skills by name."""
        return self.find().found

    def files(self, skill: Skill) -> tuple[dict[str, str], list[str]]:
        """Give a skill's files, and what of it is left out."""
        return files_of(skill, self._project)

    def given(self, agent: Agent) -> tuple[tuple[Skill, ...], dict[str, str]]:
        """Give the agent's skills and all their files, by paths below the run's files.

        PanError CONFIG names one that has gone since the agent was loaded.
        """
        if not agent.skills:
            return (), {}
        known, files = self.known(), dict[str, str]()
        for name in agent.skills:
            if (mistake := without_skill(agent, known)) is not None:
                raise PanError(str(mistake.problem), remedy=mistake.remedy, code=ExitCode.CONFIG)
            found, _ = self.files(known[name])
            files |= {f"{GIVEN}/{name}/{path}": text for path, text in found.items()}
        return tuple(known[name] for name in agent.skills), files


def without_skill(agent: Agent, known: Mapping[str, Skill]) -> Mistake | None:
    """Say which skill of the agent's can't be given to it; None if all can."""
    for name in agent.skills:
        skill = known.get(name)
        if skill is None:
            near = nearest(name, known)
            remedy = f'rename it to "{near}"' if near else "pancode skills lists what there is"
            problem = f'there is no skill "{name}", which agent "{agent.name}" asks for'
        elif agent.tools is not None and (
            lacking := [word for word in skill.needs if word not in agent.tools]
        ):
            problem = f'skill "{name}" needs {lacking[0]}, which agent "{agent.name}" doesn\'t have'
            remedy = f"add {lacking[0]} to its tools, or take the skill out"
        else:
            continue
        return Mistake(agent.file or "", agent.line, problem, remedy)
    return None
