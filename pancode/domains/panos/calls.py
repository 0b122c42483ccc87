"""The socket's verbs of the turn's loop: `panos_tools` before each model step, `panos_call` for each call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller
from pancode.core.state import Run
from pancode.domains.board.api import Tasks
from pancode.domains.panos.configuring import Configuring
from pancode.domains.panos.dispatching import Dispatching
from pancode.domains.panos.gatehouse import Gatehouse
from pancode.domains.panos.scouting import Scouting
from pancode.domains.panos.session import Told, Turn

LONGEST_ID = 100
KEPT = 200
"""Answers to calls that are remembered, for a loop that asks once more."""


class Calls:
    """Offers tools and carries out calls; a worker is not listened to."""

    def __init__(
        self,
        gatehouse: Gatehouse,
        spec: Callable[[str], Mapping[str, Any]],
        env: Callable[[str], Mapping[str, str]],
        is_worker: Callable[[int | None], bool],
    ) -> None:
        """`spec` reads a run's spec.json; `env` gives the variables of the operator who asked for it."""
        self._gatehouse = gatehouse
        self._spec = spec
        self._env = env
        self._is_worker = is_worker
        self._under_way: dict[tuple[str, str], asyncio.Task[Told]] = {}

    def connect(
        self, dispatching: Dispatching, scouting: Scouting, configuring: Configuring, board: Tasks
    ) -> None:
        """Say who carries the calls out."""
        self._dispatching = dispatching
        self._scouting = scouting
        self._configuring = configuring
        self._board = board

    async def tools(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Give the tools that the turn `run` may see at this moment, as models are told of them."""
        from pancode.domains.panos.wording import definition

        run = self._turn(args, caller)
        return {"tools": [definition(name) for name in self._gatehouse.visible(run)]}

    async def call(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Carry out one call and answer when it is done; asked again by the same `call`, it is the same."""
        run = self._turn(args, caller)
        id_, tool = args.get("call"), args.get("tool")
        if not isinstance(tool, str) or not isinstance(id_, str) or not 0 < len(id_) <= LONGEST_ID:
            raise PanError('a call needs a "tool" and an id, "call"', code=ExitCode.USAGE)
        key = (run.id, id_)
        task = self._under_way.get(key)
        if task is None:
            work = self._carried_out(run, id_, tool, args.get("args") or {})
            task = self._under_way[key] = asyncio.get_running_loop().create_task(work)
            if len(self._under_way) > KEPT:
                ended = next((one for one, known in self._under_way.items() if known.done()), None)
                self._under_way.pop(ended, None) if ended is not None else None
        return (await asyncio.shield(task)).to_json()

    def _turn(self, args: Args, caller: Caller) -> Run:
        if self._is_worker(caller.pid):
            raise PanError("a worker has no tools of the session", code=ExitCode.REFUSED)
        return self._gatehouse.run(args.get("run"))

    async def _carried_out(self, run: Run, id_: str, tool: str, args: object) -> Told:
        """Judge and perform; whatever is wrong becomes a sentence for the model."""
        from pancode.domains.panos.wording import CALLS, read

        passed = self._gatehouse.judge(run, tool, args)
        if not passed.goes_on or tool not in CALLS:
            return Told(ok=False, text=f"refused: {passed.why or 'it is no tool of the session'}")
        call, wrong = read(tool, args)
        if call is None:
            return Told(ok=False, text=wrong)
        cwd = str(self._spec(run.id).get("cwd") or "/")
        turn = Turn(run=run, key=_key(run.id, id_), cwd=cwd, env=self._env(run.id))
        try:
            return await self._performed(turn, tool, call, passed.why)
        except PanError as error:
            return Told(ok=False, text=str(error))

    async def _performed(self, turn: Turn, tool: str, call: Any, must_ask: str) -> Told:  # noqa: ANN401 -- wording's own
        match tool:
            case "dispatch_agent":
                return await self._dispatching.agent(turn, call)
            case "batch_dispatch":
                return await self._dispatching.batch(turn, call)
            case "dispatch_chain":
                return await self._dispatching.chain(turn, call)
            case "shadow_explore":
                return await self._scouting.explore(turn, call)
            case "pan_read_config":
                return await self._configuring.read(turn, call)
            case "pan_apply_config":
                return await self._configuring.apply(turn, call, must_ask=must_ask)
            case _:
                return self._on_board(turn, tool, call)

    def _on_board(self, turn: Turn, tool: str, call: Any) -> Told:  # noqa: ANN401 -- wording's own
        verb = {"task_write": "create", "task_check": "check", "task_update": "update"}.get(tool, "list")
        found = self._board.answer(verb, call.model_dump(exclude_none=True), turn.run.id, turn.key)
        tasks = found["tasks"] if verb == "list" else [found]
        lines = [f"{one['id']} [{one['status']}] {one['title']}" for one in tasks]
        return Told(ok=True, text="\n".join(lines) or "the board is empty")


def _key(run: str, id_: str) -> str:
    """Give what a request of this call is known again by; short, whatever ids a model's server makes."""
    import hashlib

    return f"{run}/{hashlib.sha256(id_.encode()).hexdigest()[:24]}"
