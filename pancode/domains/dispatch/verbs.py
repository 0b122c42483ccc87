"""The socket's verbs of dispatch: run, wait, stop, say, resolve, show, runs, worker."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller
from pancode.core.patience import patiently
from pancode.core.state import World
from pancode.domains.dispatch.asking import check_own, of_worker
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.dryrun import told
from pancode.domains.dispatch.said import never_talks, no_conversation
from pancode.domains.observability.api import Snapshot
from pancode.domains.scheduling.api import Queue
from pancode.engine.tmux.workers import WorkerPanes

if TYPE_CHECKING:
    from pancode.domains.dispatch.requests import RunRequest


async def warm_up() -> None:
    """Import what the first request needs while nobody waits for it."""
    await asyncio.to_thread(importlib.import_module, "pancode.domains.dispatch.requests")


class Verbs:
    """Answers requests about runs."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        panes: WorkerPanes,
        snapshot: Snapshot,
        world: Callable[[], World],
        end: Callable[..., dict[str, Any]],
        queue: Queue,
    ) -> None:
        """Keep what the verbs need; `end` asks a live run to end, and tells what ends with it."""
        self._queue = queue
        self._dispatcher = dispatcher
        self._panes = panes
        self._snapshot = snapshot
        self._world = world
        self._end = end
        self._waiting: dict[str, set[asyncio.Event]] = {}

    async def run(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Start a run; answer with its id as soon as it is queued, or with its result if it is refused."""
        request = self._request(args, caller)
        admitted = self._dispatcher.preparation.admitted
        return self.brief(await admitted(lambda: self._dispatcher.run(request), caller))

    async def dry_run(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Tell what each gate says of a request, and what the run would get; nothing is started."""
        request = self._request(args, caller)
        judge = self._dispatcher.applications.judge
        case = await patiently(
            lambda: judge(request, None, is_dry=True), lambda text: caller.tell({"waits": text})
        )
        return told(case, self._queue.forecast)

    def _request(self, args: Args, caller: Caller) -> RunRequest:
        """Read a request; one that comes out of a worker is that run's, whatever it says itself."""
        from pancode.domains.dispatch.requests import RunRequest, parse

        request = parse(RunRequest, args)
        asker = self._dispatcher.asker(caller.pid)
        return request if asker is None else of_worker(request, self._world().runs[asker])

    def brief(self, run_id: str) -> dict[str, Any]:
        """Give a run that has just been asked for: its id, its row, and its result if it is refused."""
        live = self._world().runs[run_id].is_live
        return {
            "run_id": run_id,
            "row": self._snapshot.row(run_id),
            "result": None if live else self._result(run_id),
            "remarks": self._dispatcher.remarks.get(run_id, []),
        }

    def _result(self, run_id: str) -> dict[str, Any] | None:
        """Give how a run ended, with what it has cost by others' count where its agent doesn't say."""
        result = self._dispatcher.result(run_id)
        if result is None or (result.get("cost") or {}).get("usd") is not None:
            return result
        try:
            cost = self._snapshot.row(run_id)["cost"]
        except KeyError:  # It has left memory.
            return result
        return result if cost["usd"] is None else {**result, "cost": cost}

    async def wait(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Send the run's row whenever it changes; answer with its result when it has ended."""
        from pancode.domains.dispatch.requests import RunRef, parse

        run_id = self._dispatcher.find(parse(RunRef, args).run)
        changed = asyncio.Event()
        self._waiting.setdefault(run_id, set()).add(changed)
        try:
            told = None
            while (run := self._world().runs.get(run_id)) is not None and run.is_live and not caller.gone:
                changed.clear()
                if (row := self._snapshot.row(run_id)) != told:
                    told = row
                    await caller.send({"row": row})
                await changed.wait()
        finally:
            self._waiting[run_id].discard(changed)
            if not self._waiting[run_id]:
                del self._waiting[run_id]
        await self._dispatcher.isolation.collected(run_id)
        result = self._result(run_id)
        if result is None:
            raise PanError(f"run {run_id} has no result", remedy=f"pancode runs show {run_id}")
        return {"result": result}

    def on_change(self, event: ev.RunChanged) -> None:
        """Wake those who wait for this run; send what was said to it meanwhile, if it has ended."""
        for waiting in self._waiting.get(event.run_id, ()):
            waiting.set()
        if event.ended:
            self._dispatcher.said.send(event.run_id)

    async def stop(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Ask a run to end; answer at once. `wait` tells when it has.

        Of a turn of the conversation's the answer has what ends with it, `stopped` and `flows`, and what
        is `kept`.
        """
        from pancode.domains.dispatch.requests import StopRequest, parse

        request = parse(StopRequest, args)
        run_id = self._dispatcher.find(request.run)
        check_own(self._world(), caller.pid, run_id)
        run = self._world().runs.get(run_id)
        if run is not None and run.is_live:
            along = self._end(run, by=request.by, why=request.why, force=request.force)
            return {"run_id": run_id, "was_live": True, **along}
        return {"run_id": run_id, "was_live": False}

    async def say(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Go on with a conversation: at once if the run has ended, else as soon as it has."""
        from pancode.domains.dispatch.requests import SayRequest, parse

        request = parse(SayRequest, args)
        run_id = self._dispatcher.find(request.run)
        run = self._dispatcher.recall(run_id)
        if not request.text.strip():
            raise PanError("there is nothing to say", remedy="pancode say RUN TEXT", code=ExitCode.USAGE)
        asker = self._dispatcher.asker(caller.pid)
        key = request.key if asker is None else None
        if run.is_live:
            check_own(self._world(), caller.pid, run_id)
            if request.accept_weaker:
                raise PanError(
                    f"run {run_id} still works, and --accept-weaker is for a turn that starts now",
                    remedy="say it without, or once the run has ended",
                    code=ExitCode.CONFLICT,
                )
            if never_talks(run):
                raise no_conversation(run)
            self._dispatcher.said.keep(run_id, request.text, key)
            return {"run_id": None, "after": run_id}
        if key is not None and self._dispatcher.said.has(run_id, key):
            sent = self._dispatcher.said.sent_as(run_id)
            told = {"run_id": None} if sent not in self._world().runs else self.brief(str(sent))
            return {**told, "after": run_id}
        new = await self._dispatcher.preparation.admitted(lambda: self._dispatcher.say(
            run, request.text, request.env, request.accept_weaker, asker or request.parent, key,
            by_operator=asker is None and request.parent is None, fork=request.fork,
        ), caller)  # fmt: skip
        return {**self.brief(new), "after": run_id}

    async def resolve(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """Give the id and the window of the run that a prefix names."""
        from pancode.domains.dispatch.requests import RunRef, parse

        run_id = self._dispatcher.find(parse(RunRef, args).run)
        pane = next((pane for pane in await self._panes.all() if pane.run_id == run_id), None)
        return {
            "run_id": run_id,
            "window": pane.window if pane else None,
            "pane": pane.pane if pane else None,
        }

    async def show(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Bring a run's window to the front."""
        found = await self.resolve(args, caller)
        if not found["window"]:
            raise PanError(
                f"run {found['run_id']} has no window any more",
                remedy=f"pancode logs {found['run_id']}",
                code=ExitCode.NOT_FOUND,
            )
        await self._panes.show(found["window"], found["pane"])
        return found
