"""Executes the tool calls of one answer: each gate is asked at the moment of the call, none is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from pydantic_ai.messages import ToolCallPart

from pancode.native import sharing
from pancode.native.control import Control
from pancode.native.ending import Repeats, Scouting
from pancode.native.job import Job
from pancode.native.journal import Done, Journal
from pancode.native.live import Live
from pancode.native.messages import Messages, arguments
from pancode.native.records import Records, cut, told
from pancode.native.remote import Remote
from pancode.native.toolbox import Toolbox
from pancode.native.visible import shown, withheld
from pancode.worker.tools.arguments import checked
from pancode.worker.tools.catalogue import TOOLS, action
from pancode.worker.tools.outcome import ToolError

MOST_CALLS = 64
"""Calls of one answer that are made."""
TOO_MANY = f"Not made: an answer may have {MOST_CALLS} tool calls. Make fewer at a time."
LOST = (
    "This call was cut off in the middle, and nobody knows how far it came. See what has become of it before "
    "you do it again."
)


READING = frozenset(tool.name for tool in TOOLS.values() if not (tool.changes or tool.runs))
AT_ONCE = 8
"""Calls that only read and stand beside each other are made together, at most so many."""


class RefusedError(Exception):
    """A call isn't executed; the text says why, to the model and to people."""


class Acting:
    """The hands of one loop."""

    def __init__(
        self, job: Job, journal: Journal, records: Records, control: Control, toolbox: Toolbox
    ) -> None:
        """Nothing is called yet; `remote` and its names are set where there are such tools."""
        self._job = job
        self._journal = journal
        self._records = records
        self._control = control
        self._toolbox = toolbox
        self._repeats = Repeats()
        self._scouting = Scouting(job.report_after)
        self.remote: Remote | None = None
        self.remote_names: frozenset[str] = frozenset()

    async def perform(self, messages: Messages) -> None:
        """Do what the last answer asks for, and append what came of it.

        What an earlier loop has finished is taken from its journal, what it only began is not begun again.
        """
        step = len(messages.all)
        done, begun = self._journal.calls(step)
        await self._toolbox.cancel(begun.values())
        results: list[tuple[ToolCallPart, str]] = []
        notes: list[str] = []
        for batch in batches(messages.open_calls):
            for place, call in batch:
                if place in begun:
                    done[place] = Done(ok=False, text=LOST)
                    self._finished(call, None, LOST, {})
                elif place >= MOST_CALLS:
                    done[place] = Done(ok=False, text=TOO_MANY)
            new = [(place, call) for place, call in batch if place not in done]
            ends = await _all([self._one(step, place, call) for place, call in new])
            done |= {place: ended for (place, _), ended in zip(new, ends, strict=True)}
            for place, call in batch:
                results.append((call, done[place].text))
                notes += self._notes(call, done[place])
        messages.results(results, "\n".join(notes) or None)
        self._journal.save(messages)
        self._journal.clear()

    def _notes(self, call: ToolCallPart, ended: Done) -> list[str]:
        found = (self._repeats.note(call.tool_name, str(call.args), ended.text), self._scouting.note())
        return [each for each in found if each is not None]

    async def _one(self, step: int, place: int, call: ToolCallPart) -> Done:
        """Execute one call; whatever is wrong with it is told to the model and never ends the run."""
        name, args, problem = _named(call), dict[str, Any](), ""
        try:
            args = arguments(call)
        except ValueError as error:
            problem = str(error)
        self._records.say({"kind": "tool_started", "id": call.tool_call_id, "name": name, "args": told(args)})
        if problem:
            return self._finished(call, ok=False, text=problem, meta={})
        try:
            if self.remote is not None and call.tool_name not in TOOLS:
                await self._control.going.wait()
                # Also one that isn't shown: the controller refuses it, and has it in its audit.
                done = await self.remote.call(f"{step}.{place}", call.tool_name, args)
                self._journal.end(step, place, done)
                return self._finished(call, done.ok, done.text, {})
            if call.tool_name == sharing.NAME and sharing.is_offered(self._job):
                return await self._shared(step, place, call, args)
            return await self._local(step, place, call, args)
        except ToolError as error:
            return self._finished(call, ok=False, text=str(error), meta={})
        except RefusedError as error:
            why = str(error)
            self._records.say({"kind": "refused", "id": call.tool_call_id, "name": name, "why": why})
            return self._finished(call, ok=False, text=f"Refused by PanCode: {why}", meta={})

    async def _local(self, step: int, place: int, call: ToolCallPart, args: dict[str, Any]) -> Done:
        name = call.tool_name
        self._check(name)
        args = checked(name, args)
        verdict = await self._control.ask(action(name, args, self._job.cwd))
        if not verdict.allow:
            raise RefusedError(verdict.why or "the action was not allowed")
        # The operator may have taken an hour, and another mode meanwhile.
        await self._control.going.wait()
        self._check(name)
        number = self._toolbox.number()
        self._journal.begin(step, place, number)
        live = Live(self._records, call.tool_call_id)
        try:
            done, meta = await self._toolbox.call(number, name, args, live.feed)
        finally:
            live.end()
        self._journal.end(step, place, done)
        return self._finished(call, done.ok, done.text, meta)

    async def _shared(self, step: int, place: int, call: ToolCallPart, args: dict[str, Any]) -> Done:
        """Ask the session for what its agents share; whoever holds that decides what this run may."""
        ok, text = await self._control.board(sharing.asked(args, self._job.now))
        done = Done(ok, text)
        self._journal.end(step, place, done)
        return self._finished(call, ok, text, {})

    def _check(self, name: str) -> None:
        """Raise ToolError for a tool that there isn't, RefusedError for one that isn't shown now."""
        given, now, named = self._job.given, self._job.now, self._job.native["tools"]
        role = self._job.native["role"]
        tool = TOOLS.get(name)
        if tool is None:
            names = [each.name for each in shown(given, now, named, role)]
            own = [sharing.NAME] if sharing.is_offered(self._job) else []
            known = ", ".join([*names, *own, *sorted(self.remote_names)]) or "none"
            raise ToolError(f'there is no tool "{name[:80]}"; the tools are: {known}')
        why = withheld(tool, given, now, named)
        if why is not None:
            raise RefusedError(f"{name} is not available: {why}")

    def _finished(self, call: ToolCallPart, ok: bool | None, text: str, meta: dict[str, Any]) -> Done:
        code = meta.get("exit")
        self._records.say(
            {
                "kind": "tool_finished",
                "id": call.tool_call_id,
                "name": _named(call),
                "ok": ok,
                "result": cut(text),
                "exit": code if isinstance(code, int) else None,
            }
        )
        return Done(ok is True, text)


def batches(calls: Sequence[ToolCallPart]) -> list[list[tuple[int, ToolCallPart]]]:
    """Give the calls with their places, in their order: those together that may be made at the same time.

    >>> found = batches([ToolCallPart(name) for name in ("read", "ls", "write", "read", "bash", "bash")])
    >>> [[place for place, _ in batch] for batch in found]
    [[0, 1], [2], [3], [4], [5]]
    """
    found: list[list[tuple[int, ToolCallPart]]] = []
    for place, call in enumerate(calls):
        last = found[-1] if found else []
        if call.tool_name in READING and last and last[0][1].tool_name in READING and len(last) < AT_ONCE:
            last.append((place, call))
        else:
            found.append([(place, call)])
    return found


async def _all(works: Sequence[Coroutine[Any, Any, Done]]) -> list[Done]:
    """Give what all of them have come to; one that fails does so when all have ended."""
    ends = await asyncio.gather(*works, return_exceptions=True)
    for each in ends:
        if isinstance(each, BaseException):
            raise each
    return [each for each in ends if isinstance(each, Done)]


def _named(call: ToolCallPart) -> str:
    """Give a tool's name as records have it: one of the eight that every agent's tools are mapped to."""
    tool = TOOLS.get(call.tool_name)
    return call.tool_name[:80] if tool is None else tool.action
