"""The operator's conversation with Panos: each message is a turn, each turn a run."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pancode.core import conversation
from pancode.core import events as ev
from pancode.core.conversation import is_full
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller
from pancode.core.redact import redact
from pancode.core.state import Finished, Run
from pancode.core.tooltable import shown
from pancode.domains.agents.api import ORCHESTRATOR, Agents
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.panos.api import SUMMARY_ASKED
from pancode.domains.panos.book import Book, Conversation
from pancode.domains.panos.branches import NATIVE, Branches
from pancode.domains.panos.context import meter
from pancode.domains.panos.session import Around
from pancode.domains.providers.api import Providers, Target
from pancode.engine import clock, files
from pancode.engine.places import Places

GOES_ON = "I go on from this summary."
COMPACT = (
    f"{SUMMARY_ASKED}: what I want and have decided, what was done"
    " by which run and what came of it, which files and facts matter, what is open. Call no tool. Leave out"
    " what nobody needs any more."
)
NO_MODEL = (
    "choose one with `pancode config set models.orchestrator NAME`, or PANCODE_MODEL before `pancode up`;"
    " verbs, /commands, @agent task and !command work without"
)


class Talk:
    """Takes what the operator says, and knows the conversation."""

    def __init__(
        self,
        around: Around,
        places: Places,
        agents: Agents,
        providers: Providers,
        configuration: Configuration,
        environment: Callable[[], Mapping[str, str]],
        is_worker: Callable[[int | None], bool],
    ) -> None:
        """`environment` gives the operator's variables as the session knows them."""
        self._around = around
        self._places = places
        self._agents = agents
        self._providers = providers
        self._configuration = configuration
        self._environment = environment
        self._is_worker = is_worker
        self._book = Book(places.state)
        self._branches = Branches(self._book, places.runs, clock.now, agents.forks)
        self._env: dict[str, str] = {}
        self._compacting: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    def env_of(self, _run: str) -> Mapping[str, str]:
        """Give the variables of whoever has spoken last, for what a turn starts."""
        return self._env

    async def ask(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Say `text`: the next turn at once, or as soon as the one under way has ended.

        `env` are the operator's variables, `cwd` where he works; `new` begins a conversation.
        """
        self._check(caller)
        async with self._one_at_a_time:
            return await self._asked(args)

    async def _asked(self, args: Args) -> Mapping[str, Any]:
        text, env = _text(args.get("text")), _variables(args.get("env"))
        if args.get("new") is True:
            self._check_quiet()
            self._book.begin_anew()
        self._env = env
        live = self.live()
        if live is None:
            await self._check_model(args.get("endpoint"))
            if self._is_full():
                told = await self._compact()
                if told["result"] is not None:
                    return told  # Refused, as by a budget; nothing would go on from it.
                await self._say(str(told["run_id"]), text)
                return {**told, "compacting": True, "then": True}
        else:
            return await self._say(live.id, text)
        current = self._book.current
        if current is not None:
            return await self._go_on(current, text)
        asked = {
            "task": text, "agent": ORCHESTRATOR, "cwd": str(args.get("cwd") or self._places.project),
            "env": env, "isolate": False, "model": args.get("model"), "endpoint": args.get("endpoint"),
        }  # fmt: skip
        return await self._around.ask("run", asked)

    async def _go_on(self, current: Conversation, text: str) -> Mapping[str, Any]:
        spec = files.read_json(self._path(current.run, "spec.json")) or {}
        forks = self._branches.begins(current, str(spec.get("runtime") or NATIVE))
        return await self._say(current.run, text, **({"fork": True} if forks else {}))

    async def _say(self, run: str, text: str, **more: bool) -> Mapping[str, Any]:
        return await self._around.ask("say", {"run": run, "text": text, "env": self._env, **more})

    def live(self) -> Run | None:
        """Give the turn that is under way."""
        runs = self._around.world().runs.values()
        return next((run for run in runs if run.is_live and _is_turn(run)), None)

    def _check(self, caller: Caller) -> None:
        if self._is_worker(caller.pid):
            raise PanError(
                "a worker can't talk to the orchestrator",
                remedy="do it in a terminal of yours",
                code=ExitCode.REFUSED,
            )

    def _check_quiet(self) -> None:
        """Raise PanError CONFLICT while a turn is under way: what is said next belongs to it."""
        live = self.live()
        if live is not None:
            raise PanError(
                "a turn of the conversation is under way",
                remedy=f"wait for its end, or pancode stop {live.id}",
                code=ExitCode.CONFLICT,
            )

    async def _check_model(self, endpoint: object) -> None:
        """Raise PanError CONFIG where no model answers; know how much the one that does can hold."""
        try:
            agent = self._agents.get(ORCHESTRATOR)
        except PanError as error:
            if error.code is not ExitCode.NOT_FOUND:
                raise
            raise PanError("Panos has no model", remedy=NO_MODEL, code=ExitCode.CONFIG) from None
        if agent.runtime != NATIVE:
            return
        where = endpoint if isinstance(endpoint, str) else agent.endpoint
        variables = self._configuration.filled({**self._environment(), **self._env})
        try:
            target: Target = await asyncio.to_thread(
                self._providers.resolve, agent.model, variables, "orchestrator", where
            )
        except PanError as error:
            problem = f"Panos has no model: {error.problem}"
            raise PanError(problem, remedy=NO_MODEL, code=ExitCode.CONFIG) from None
        self._book.window(target.context)

    async def conversation(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Tell of the conversation and its context; with `do` begin anew, resume, compact, branch or mark."""
        if args.get("do") is None:
            return self._told()
        self._check(caller)
        match args.get("do"):
            case "new":
                self._check_quiet()
                self._book.begin_anew()
            case "resume":
                self._check_quiet()
                self._book.resume(_text(args.get("conversation")))
            case "compact":
                self._env = _variables(args.get("env")) or self._env
                return {**await self._compact(str(args.get("hint") or "")), "compacting": True}
            case "fork" | "restore" as what:
                self._check_quiet()
                getattr(self._branches, what)(args)
            case "name" | "checkpoint" as what:
                getattr(self._branches, what)(args)
            case other:
                raise PanError(f'a conversation can\'t "{other}"', code=ExitCode.USAGE)
        return self._told()

    def _told(self) -> dict[str, Any]:
        current, live = self._book.current, self.live()
        return {
            "conversation": None if current is None else asdict(current),
            "turn": None if live is None else live.id,
            "context": None if current is None else self.context(),
            "conversations": [asdict(one) for one in self._book.all],
            "checkpoints": [asdict(one) for one in self._book.checkpoints],
        }

    def context(self) -> dict[str, Any] | None:
        """Give the context meter of the conversation, None where there is nothing to be measured."""
        current = self._book.current
        if current is None:
            return None
        from pancode.domains.panos.wording import definition

        messages = self._messages(current.run)
        spec = files.read_json(self._path(current.run, "spec.json")) or {}
        system = str((spec.get("native") or {}).get("system") or "")
        offered = shown(self._around.world().session.mode, local=False)
        definitions = json.dumps([definition(name) for name in offered])
        return meter(messages, system, definitions, current.window)

    def _is_full(self) -> bool:
        told = self.context()
        if told is None:
            return False
        return is_full(told["used"], told["fixed"], told["window"])

    def _messages(self, run: str) -> Sequence[Mapping[str, Any]]:
        """Give the messages up to the end of a run; none where they can't be read any more."""
        runs = self._places.runs
        try:
            kept = conversation.read(lambda name: files.read_bytes(os.path.join(runs, name)), run)
        except (OSError, ValueError):
            kept = None
        return () if kept is None else kept.messages

    async def _compact(self, hint: str = "") -> Mapping[str, Any]:
        """Ask the model for a summary, as a turn; at its end the summary is the history."""
        current = self._book.current
        if current is None or self.live() is not None:
            problem = "there is no conversation to compact" if current is None else "a turn is under way"
            raise PanError(problem, code=ExitCode.CONFLICT)
        told = await self._go_on(current, COMPACT + (f" Mind above all: {hint}" if hint else ""))
        if told["result"] is None:
            self._compacting.add(str(told["run_id"]))
        return told

    def on_run(self, event: ev.RunChanged) -> None:
        """Know a turn that has ended."""
        run = self._around.world().runs.get(event.run_id)
        if event.ended and run is not None and _is_turn(run):
            self._note(run)

    def recall(self) -> None:
        """Know the turns that ended while no controller was there."""
        for run in sorted(self._around.world().runs.values(), key=lambda one: one.queued):
            if _is_turn(run) and not run.is_live and run.queued > self._latest():
                self._note(run)

    def _latest(self) -> float:
        return max((one.at for one in self._book.all), default=0.0)

    def _note(self, run: Run) -> None:
        if run.agent_session is None or not isinstance(run.state, Finished):
            return
        if run.runtime == NATIVE and not self._is_kept(run.id):
            return
        if run.id in self._compacting:
            self._compacting.discard(run.id)
            summary = run.state.result.get("result")
            if run.state.status == "done" and isinstance(summary, str) and summary.strip():
                text = conversation.compacted(redact(summary), GOES_ON)
                files.write_atomic(self._path(run.id, conversation.FILE), text)
        self._book.turn(run.id, run.task, run.state.since, continues=run.continues)

    def _is_kept(self, run: str) -> bool:
        return any(os.path.exists(self._path(run, name)) for name in conversation.FILES)

    def _path(self, run: str, *name: str) -> str:
        return os.path.join(self._places.runs, run, *name)


def _is_turn(run: Run) -> bool:
    return run.agent == ORCHESTRATOR and run.parent is None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise PanError("there is nothing to say", remedy="pancode ask TEXT", code=ExitCode.USAGE)
    return value


def _variables(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {str(name): text for name, text in value.items() if isinstance(text, str)}
