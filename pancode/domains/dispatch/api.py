"""What other domains may ask of dispatch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.records import FlowRecords


class Orders(Protocol):
    """Sends orders to the shims of runs."""

    def order(self, run: str, order: dict[str, Any]) -> None:
        """Send an order to a run's shim, at once or as soon as it reports."""


def flows_on_disk(state: str) -> FlowRecords:
    """Give the flows of a session's state directory while no controller is up."""
    from pancode.domains.dispatch.flow.records import on_disk

    return on_disk(state)


def flow_from(path: str) -> dict[str, Any]:
    """Read a flow's file into the `flow` of `flow_start`; PanError names each mistake with its line."""
    from pancode.domains.dispatch.flow.definition import to_json
    from pancode.domains.dispatch.flow.reader import read_flow

    return to_json(read_flow(path))


def flow_of_team(name: str, home: str, project: str) -> dict[str, Any]:
    """Give the flow of a team, as `flow_from` does; PanError NOT_FOUND lists the teams that there are."""
    from pancode.domains.dispatch.flow.definition import to_json
    from pancode.domains.dispatch.flow.teams import folders, team

    return to_json(team(name, folders(home, project)).flow())
