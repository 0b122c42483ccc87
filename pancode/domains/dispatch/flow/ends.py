"""How the runs of a flow have ended: their results, their words in full, and what they have changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pancode.core.state import World
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.flow import outputs
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.state import Outcome, Unit
from pancode.domains.dispatch.flow.template import Output
from pancode.domains.isolation.api import Fate, read


class Ends:
    """Looks at runs; one that worked in a clone has ended once its changes are collected."""

    def __init__(self, dispatcher: Dispatcher, folders: FlowFolders, world: Callable[[], World]) -> None:
        """Keep outputs in `folders`."""
        self._dispatcher = dispatcher
        self._folders = folders
        self._world = world

    def has_ended(self, run_id: str) -> bool:
        """Whether a run is over, be it in memory or not."""
        run = self._world().runs.get(run_id)
        return run is None or not run.is_live

    def waits_for_changes(self, run_id: str) -> bool:
        """Whether what the run has changed is to be collected first."""
        run = self._world().runs.get(run_id)
        return run is not None and run.isolated

    async def collected(self, run_id: str) -> None:
        """Wait until what the run has changed is collected."""
        await self._dispatcher.isolation.collected(run_id)

    def outcome(self, flow_id: str, unit: Unit, run_id: str) -> Outcome:
        """Give how a run has ended, and keep what it has said; PanError if the disk refuses."""
        result = self._dispatcher.result(run_id)
        if result is None:
            return Outcome(status="lost", reason="lost", run=run_id)
        name = unit.name if unit.phase == "working" else f"{unit.name}.check"
        text = self._text(run_id, result)
        started = result.get("started")
        outcome = Outcome(
            status=str(result["status"]),
            reason=str(result["reason"]),
            run=run_id,
            output=self._folders.keep(flow_id, name, text) if text else Output(),
            said=outputs.explained(result),
            seconds=round(result["ended"] - started, 3) if started else None,
            usd=(result.get("cost") or {}).get("usd"),
        )
        return replace(outcome, said=outcome.said or outcome.reason)

    def _text(self, run_id: str, result: Mapping[str, Any]) -> str:
        """Give an agent's final words, or all that a command has printed."""
        text = str(result.get("result") or "")
        spec = self._dispatcher.folders.spec(run_id) or {}
        if spec.get("adapter") is not None:
            return text
        return outputs.tail(self._dispatcher.folders.path(run_id, "stream.raw")) or text

    def is_usable(self, run_id: str | None) -> bool:
        """Whether the result of an earlier run still stands: folder, and changes if it had a clone."""
        spec = self._dispatcher.folders.spec(run_id or "")
        if spec is None or self._dispatcher.folders.result(run_id or "") is None:
            return False
        if not spec.get("isolation"):
            return True
        left = read(self._dispatcher.folders.path(run_id or ""))
        return left is not None and left.fate is not Fate.DISCARDED
