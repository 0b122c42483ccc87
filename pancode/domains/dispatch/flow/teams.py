"""Teams: flows under a name, the user's before the shipped ones, and those of a project that take no name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pancode.core.errors import ExitCode, PanError
from pancode.engine.documents import names_in

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.definition import Flow

FOLDER = "teams"
SHIPPED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), FOLDER)
Source = Literal["user", "pancode", "project"]


@dataclass(frozen=True, slots=True)
class Team:
    """A flow's file under its name. `hides` are the files of others with this name, which don't count."""

    name: str
    file: str
    source: Source
    hides: tuple[str, ...] = ()

    def flow(self) -> Flow:
        """Read the flow; PanError CONFIG names each mistake with its line."""
        from pancode.domains.dispatch.flow.reader import read_flow

        return read_flow(self.file)


def folders(home: str, project: str) -> list[tuple[Source, str]]:
    """Give where teams are, the first counting most."""
    return [
        ("user", os.path.join(home, FOLDER)),
        ("pancode", SHIPPED),
        ("project", os.path.join(project, ".pancode", FOLDER)),
    ]


def teams(where: Sequence[tuple[Source, str]]) -> list[Team]:
    """Give every team by name; a checkout can add teams, and never stand in for one that is known."""
    found: dict[str, Team] = {}
    for source, folder in where:
        for name, file in names_in([folder]).items():
            before = found.get(name)
            if before is None:
                found[name] = Team(name, file, source)
            else:
                found[name] = Team(name, before.file, before.source, (*before.hides, file))
    return [found[name] for name in sorted(found)]


def team(name: str, where: Sequence[tuple[Source, str]]) -> Team:
    """Give the team of that name; PanError NOT_FOUND lists what there is."""
    from pancode.engine.documents import suggestion

    known = {each.name: each for each in teams(where)}
    if name not in known:
        raise PanError(
            f'there is no team "{name}"', remedy=f"{suggestion(name, known)} · pancode team list",
            code=ExitCode.NOT_FOUND,
        )  # fmt: skip
    return known[name]
