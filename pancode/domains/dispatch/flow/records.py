"""Flows as they are shown, from their folders; those that are under way from memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.ids import resolve
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.state import State
from pancode.domains.dispatch.flow.view import Row, brief, view

MOST = 100
"""Flows that one list gives."""
LiveState = Callable[[str], State | None]
"""Gives the state of a flow that is under way; None for another one."""


class FlowRecords:
    """Shows flows; needs no controller."""

    def __init__(self, folders: FlowFolders, live: LiveState, row: Row) -> None:
        """`row` gives what is known of a live run."""
        self._folders = folders
        self._live = live
        self._row = row

    def find(self, args: Mapping[str, Any]) -> str:
        """Give the id that `flow`, a prefix of it, names; PanError NOT_FOUND."""
        prefix = args.get("flow")
        try:
            return resolve(prefix if isinstance(prefix, str) else "", self._folders.names())
        except PanError as error:
            problem = error.problem.replace("there is no run", "there is no flow")
            raise PanError(problem, remedy="pancode flow list", code=ExitCode.NOT_FOUND) from None

    def view(self, flow_id: str) -> dict[str, Any]:
        """Give all that is known of one flow; PanError ENVIRONMENT if its folder can't be read."""
        state = self._live(flow_id)
        if state is None and (loaded := self._folders.load(flow_id)) is not None:
            state = loaded[0]
        if state is None:
            raise PanError(f"the folder of flow {flow_id} can't be read", code=ExitCode.ENVIRONMENT)
        return view(flow_id, self._folders.about(flow_id) or {}, state, self._row)

    def show(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Give one flow; with `definition` also what was asked for, to be asked for again."""
        flow_id = self.find(args)
        about = self._folders.about(flow_id) or {}
        asked = {key: about.get(key) for key in ("flow", "source", "cwd", "options")}
        return {**self.view(flow_id), **({"asked": asked} if args.get("definition") else {})}

    def listed(self) -> dict[str, Any]:
        """Give the newest flows first, without their nodes."""
        found = [told for flow_id in self._folders.newest(MOST) if (told := self._brief(flow_id))]
        return {"flows": sorted(found, key=lambda told: -float(told["created"] or 0))}

    def _brief(self, flow_id: str) -> dict[str, Any] | None:
        """Give a flow without its nodes; None for one that can't be read, which `show` says."""
        kept = None if self._live(flow_id) else self._folders.ended(flow_id)
        if kept is not None:
            return kept
        try:
            told = brief(self.view(flow_id))
        except PanError:
            return None
        if not self._live(flow_id) and self._folders.has_ended(flow_id):
            self._folders.end(flow_id, told)  # Its controller was killed just then; its journal may be long.
        return told


def on_disk(state: str) -> FlowRecords:
    """Give the flows of a session's state directory while no controller is up."""
    return FlowRecords(FlowFolders.of(state), lambda _: None, lambda _: None)
