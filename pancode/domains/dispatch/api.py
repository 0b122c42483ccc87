"""What other domains may ask of dispatch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.records import FlowRecords
    from pancode.engine.places import Places


class Orders(Protocol):
    """Sends orders to the shims of runs."""

    def order(self, run: str, order: dict[str, Any]) -> None:
        """Send an order to a run's shim, at once or as soon as it reports."""


def flows_on_disk(state: str) -> FlowRecords:
    """Give the flows of a session's state directory while no controller is up."""
    from pancode.domains.dispatch.flow.records import on_disk

    return on_disk(state)


def flow_from(path: str, places: Places, too_far: Callable[[str], str | None]) -> dict[str, Any]:
    """Read a flow's file into the `flow` of `flow_start`; PanError names each mistake with its line.

    `too_far` says why a project may not choose a model, for a file of the project.
    """
    from pancode.domains.dispatch.flow.definition import to_json
    from pancode.domains.dispatch.flow.holding import hold
    from pancode.domains.dispatch.flow.reader import read_flow

    flow = read_flow(path)
    hold(path, (node.model for node in flow.nodes), places, too_far)
    return to_json(flow)


def flow_of_team(name: str, places: Places, too_far: Callable[[str], str | None]) -> dict[str, Any]:
    """Give the flow of a team, as `flow_from` does; PanError NOT_FOUND lists the teams that there are."""
    from pancode.domains.dispatch.flow.teams import folders, team

    return flow_from(team(name, folders(places.home, places.project)).file, places, too_far)
