"""The socket's verbs about flows: flow_start, flow_preview, flow_wait, flow_list, flow_show, flow_stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller
from pancode.domains.dispatch.flow.preview import Preview
from pancode.domains.dispatch.flow.records import FlowRecords
from pancode.domains.dispatch.flow.runner import Flows
from pancode.domains.dispatch.flow.state import State
from pancode.domains.observability.api import Snapshot
from pancode.engine import clock

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.requests import FlowStart

PAUSE = 0.1
"""Seconds between two pictures of a flow to one client; a person can't read faster."""


class FlowVerbs:
    """Answers requests about flows."""

    def __init__(
        self, flows: Flows, snapshot: Snapshot, preview: Preview, is_worker: Callable[[int | None], bool]
    ) -> None:
        """Answer from `flows`; `preview` says what one would do, `is_worker` whose process has asked."""
        self._is_worker = is_worker
        self._preview = preview
        self._flows = flows
        self._snapshot = snapshot
        self._records = FlowRecords(flows.folders, self._state, self._row)

    async def flow_start(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Begin a flow; answer with its id at once. Its runs would be the operator's, so no worker may."""
        if self._is_worker(caller.pid):
            raise PanError(
                "a worker can't start a flow",
                remedy="it may ask for single runs, which are nested below its own",
                code=ExitCode.REFUSED,
            )
        from pancode.domains.dispatch.flow.requests import FlowStart
        from pancode.domains.dispatch.requests import parse

        request = self._resolved(parse(FlowStart, args))
        return {"flow_id": await self._flows.start(request.definition(), request)}

    async def flow_preview(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """Say what a flow would do, may cost and be told by the gates; start nothing."""
        from pancode.domains.dispatch.flow.requests import FlowStart
        from pancode.domains.dispatch.requests import parse

        return await self._preview.show(self._resolved(parse(FlowStart, args)))

    async def flow_wait(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Send the flow, without its results, whenever it changes; answer with all of it at its end."""
        flow_id = self._records.find(args)
        live = self._flows.live.get(flow_id)
        if live is None:
            return self._records.view(flow_id)
        changed = asyncio.Event()
        live.watchers.add(changed)
        try:
            while live.state.closed is None and not caller.gone:
                changed.clear()
                await caller.send({"flow": _unsaid(self._records.view(flow_id))})
                await changed.wait()
                if live.state.closed is None:
                    await clock.pause(PAUSE)
        finally:
            live.watchers.discard(changed)
        return self._records.view(flow_id)

    async def flow_show(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """Give one flow; with `definition` also what was asked for, to be asked for again."""
        return self._records.show(args)

    async def flow_list(self, _: Args, __: Caller) -> Mapping[str, Any]:
        """Give the newest flows first, without their nodes."""
        return self._records.listed()

    async def flow_stop(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Ask a flow and its runs to end; answer at once."""
        if self._is_worker(caller.pid):
            raise PanError(
                "a worker can't stop a flow",
                remedy="an operator can, in a terminal of theirs",
                code=ExitCode.REFUSED,
            )
        from pancode.domains.dispatch.flow.requests import FlowStop
        from pancode.domains.dispatch.requests import parse

        request = parse(FlowStop, args)
        flow_id = self._records.find({"flow": request.flow})
        return {"flow_id": flow_id, "was_live": self._flows.stop(flow_id, request.by, request.why)}

    def _resolved(self, request: FlowStart) -> FlowStart:
        """Give a request that names the flow that it goes on with in full."""
        if request.resumes is None:
            return request
        return request.model_copy(update={"resumes": self._ended(request.resumes)})

    def _ended(self, prefix: str) -> str:
        flow_id = self._records.find({"flow": prefix})
        if flow_id in self._flows.live:
            raise PanError(
                f"flow {flow_id} still runs",
                remedy=f"pancode flow show {flow_id} --wait",
                code=ExitCode.CONFLICT,
            )
        return flow_id

    def _state(self, flow_id: str) -> State | None:
        live = self._flows.live.get(flow_id)
        return None if live is None else live.state

    def _row(self, run: str) -> dict[str, Any] | None:
        try:
            return self._snapshot.row(run)
        except KeyError:
            return None


def _unsaid(flow: dict[str, Any]) -> dict[str, Any]:
    """Give a flow without the results of its units, which are too much to be sent many times a second."""
    nodes = [
        {**node, "units": [{**unit, "result": None} for unit in node["units"]]} for node in flow["nodes"]
    ]
    return {**flow, "nodes": nodes}
