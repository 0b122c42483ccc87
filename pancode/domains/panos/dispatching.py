"""dispatch_agent, batch_dispatch and dispatch_chain: the verbs' own handlers, below the turn that calls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.state import Run
from pancode.domains.agents.api import ORCHESTRATOR
from pancode.domains.dispatch.api import flow_from, flow_of_team
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.panos.asking import Asking
from pancode.domains.panos.session import Around, Told, Turn
from pancode.domains.panos.telling import flow_told, row_told, run_told
from pancode.engine.places import Places

if TYPE_CHECKING:
    from pancode.domains.panos.wording import BatchDispatch, DispatchAgent, DispatchChain, Step, Task


class Dispatching:
    """Starts, follows and ends runs for the orchestrator; every gate of `run` is asked."""

    def __init__(self, around: Around, asking: Asking, places: Places, configuration: Configuration) -> None:
        """Post through `around`; ask a person about what is not the conversation's own."""
        self._around = around
        self._asking = asking
        self._places = places
        self._configuration = configuration

    async def agent(self, turn: Turn, call: DispatchAgent) -> Told:
        """Do what one call of dispatch_agent says."""
        if call.stop is not None:
            return await self._stop(turn, call.stop)
        if call.run is not None and call.task is None:
            return await self._look(call.run, wait=call.wait)
        if call.run is not None:
            answer = await self._say(turn, call.run, str(call.task))
        else:
            asked = {
                "task": call.task, "agent": call.agent, "model": call.model, "isolate": call.isolate,
                "cwd": turn.cwd, "env": dict(turn.env), "parent": turn.run.id, "key": turn.key,
                "keep": call.keep,
            }  # fmt: skip
            answer = await self._around.ask("run", asked)
        return await self._started(answer, wait=call.wait)

    async def _started(self, answer: Mapping[str, Any], *, wait: bool) -> Told:
        if answer["run_id"] is None:
            return Told(ok=True, text=f"run {answer['after']} still works; it is told when it has ended")
        if answer["result"] is not None:
            return _ended(answer["result"])
        if wait:
            return await self._wait(str(answer["run_id"]))
        remarks = "".join(f"\n{remark}" for remark in answer.get("remarks") or ())
        return Told(ok=True, text=row_told(answer["row"]) + remarks)

    async def _wait(self, run: str) -> Told:
        return _ended((await self._around.ask("wait", {"run": run}))["result"])

    async def _look(self, prefix: str, *, wait: bool) -> Told:
        run = str((await self._around.ask("resolve", {"run": prefix}))["run_id"])
        live = self._around.world().runs.get(run)
        if wait or live is None or not live.is_live:
            return await self._wait(run)
        row = next(row for row in (await self._around.ask("status", {}))["workers"] if row["run_id"] == run)
        return Told(ok=True, text=row_told(row))

    async def _say(self, turn: Turn, prefix: str, text: str) -> Mapping[str, Any]:
        """Go on with a worker's conversation, below this turn: never with more than the turn has."""
        run = str((await self._around.ask("resolve", {"run": prefix}))["run_id"])
        known = self._around.world().runs.get(run)
        if not self._is_own(turn, known) or (known is not None and known.agent == ORCHESTRATOR):
            raise PanError(
                f"run {run} is not of this conversation",
                remedy="start a run of your own, and tell it what it needs to know",
                code=ExitCode.REFUSED,
            )
        if known is not None and known.is_live and known.parent != turn.run.id:
            raise PanError(
                f"run {run} still works for an earlier message",
                remedy="wait for its report, then say it",
                code=ExitCode.CONFLICT,
            )
        asked = {"run": run, "text": text, "env": dict(turn.env), "parent": turn.run.id, "key": turn.key}
        return await self._around.ask("say", asked)

    async def _stop(self, turn: Turn, prefix: str) -> Told:
        run = str((await self._around.ask("resolve", {"run": prefix}))["run_id"])
        known = self._around.world().runs.get(run)
        if known is None or not known.is_live:
            return Told(ok=True, text=f"run {run} has ended already")
        if not self._is_own(turn, known):
            allow, why = await self._asking.ask(
                turn,
                "stop",
                f"stop run {run} ({known.agent}): {known.task[:200]}",
                why="the orchestrator didn't start it",
                kind="stop",
            )
            if not allow:
                return Told(ok=False, text=f"the operator said no: {why}")
        asked = {"run": run, "by": "panos", "why": "the orchestrator stops it"}
        await self._around.ask("stop", asked)
        return Told(ok=True, text=f"run {run} is being stopped")

    def _is_own(self, turn: Turn, run: Run | None) -> bool:
        """Whether a run was asked for by a turn of the orchestrator's, this one or an earlier one."""
        if run is None or run.parent is None:
            return False
        parent = self._around.world().runs.get(run.parent)
        return run.parent == turn.run.id or (parent is not None and parent.agent == ORCHESTRATOR)

    async def batch(self, turn: Turn, call: BatchDispatch) -> Told:
        """Run the tasks side by side."""
        nodes = [_task_node(f"t{number}", task, call.agent) for number, task in enumerate(call.tasks, 1)]
        flow = {
            "kind": "batch", "name": f"{len(nodes)} tasks", "nodes": nodes, "concurrency": call.concurrency,
        }  # fmt: skip
        return await self._flow(turn, flow, call)

    async def chain(self, turn: Turn, call: DispatchChain) -> Told:
        """Run the steps one after the other, or the flow of that name."""
        if call.flow is not None:
            flow = self._flow_named(call.flow, turn.env)
            original = call.originalTask
            flow = {**flow, "original": original or flow["original"]}
            return await self._flow(turn, flow, call, from_file=True)
        original = call.originalTask or call.steps[0].task
        nodes = [_step_node(number, step) for number, step in enumerate(call.steps, 1)]
        flow = {"kind": "chain", "name": original[:60], "original": original, "nodes": nodes}
        return await self._flow(turn, flow, call)

    async def _flow(
        self,
        turn: Turn,
        flow: Mapping[str, Any],
        call: BatchDispatch | DispatchChain,
        *,
        from_file: bool = False,
    ) -> Told:
        asked = {
            "flow": dict(flow), "cwd": turn.cwd, "env": dict(turn.env), "key": turn.key,
            "options": {"parent": turn.run.id, "from_file": from_file, "keep": call.keep},
        }  # fmt: skip
        flow_id = (await self._around.ask("flow_start", asked))["flow_id"]
        if not call.wait:
            return Told(ok=True, text=f"flow {flow_id} is under way")
        found = await self._around.ask("flow_wait", {"flow": flow_id})
        return Told(ok=found["status"] == "done", text=flow_told(found))

    def _flow_named(self, name: str, env: Mapping[str, str]) -> dict[str, Any]:
        """Give the flow of a file in the project, or of a team; PanError for a file anywhere else."""

        def too_far(model: str) -> str | None:
            return self._configuration.too_far(model, env)

        root = os.path.realpath(self._places.project)
        path = os.path.realpath(os.path.join(root, name))
        if path.startswith(root + os.sep) and os.path.isfile(path):
            return flow_from(path, self._places, too_far)
        if os.sep in name:
            raise PanError(
                f'there is no flow "{name}" in the project',
                remedy="name a YAML file of the project, or a team",
                code=ExitCode.NOT_FOUND,
            )
        return flow_of_team(name, self._places, too_far)


def _ended(result: Mapping[str, Any]) -> Told:
    return Told(ok=result["status"] == "done", text=run_told(result))


def _task_node(name: str, task: str | Task, agent: str | None) -> dict[str, Any]:
    if isinstance(task, str):
        return {"name": name, "task": task, "agent": agent}
    return {
        "name": name, "task": task.task, "agent": task.agent or agent, "model": task.model,
        "isolate": task.isolate,
    }  # fmt: skip


def _step_node(number: int, step: Step) -> dict[str, Any]:
    needs = [f"s{number - 1}"] if number > 1 else []
    return {
        "name": f"s{number}", "task": step.task, "agent": step.agent, "model": step.model, "needs": needs,
    }  # fmt: skip
