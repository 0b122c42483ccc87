"""shadow_explore: up to four scouts at once, read-only, with a bound on tool calls and on their reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pancode.core import events as ev
from pancode.core.state import Finished, World
from pancode.domains.agents.api import SCOUT
from pancode.domains.panos.session import Around, Told, Turn
from pancode.domains.panos.telling import run_told

if TYPE_CHECKING:
    from pancode.domains.panos.wording import ShadowExplore

DEPTHS: Mapping[str, int] = {"shallow": 4, "medium": 12, "deep": 20}
"""Tool calls after which a scout is told to report; after twice as many it is ended."""
RETURNS: Mapping[str, int] = {"brief": 500, "standard": 2000, "detailed": 5000}
"""Tokens of a report, at four characters each."""
LETTERS = 4
HARD = 2


class Scouting:
    """Sends scouts out, counts their tool calls, and brings their reports back."""

    def __init__(self, around: Around, post: Callable[[ev.Event], None], now: Callable[[], float]) -> None:
        """Start scouts through `around`."""
        self._around = around
        self._post = post
        self._now = now
        self._limits: dict[str, int] = {}
        self._calls: dict[str, int] = {}

    async def explore(self, turn: Turn, call: ShadowExplore) -> Told:
        """Send one scout for each query, wait for all, and give their reports."""
        depth, tokens = DEPTHS[call.depth], RETURNS[call.returnBudget]
        sent = [
            await self._send(turn, number, query, depth, tokens)
            for number, query in enumerate(call.queries, 1)
        ]
        results = await asyncio.gather(*(self._report(one) for one in sent))
        limit = tokens * LETTERS
        parts = [
            f"{number}. {query}\n{run_told(result, limit)}"
            for number, (query, result) in enumerate(zip(call.queries, results, strict=True), 1)
        ]
        return Told(ok=any(result.get("status") == "done" for result in results), text="\n\n".join(parts))

    async def _send(self, turn: Turn, number: int, query: str, depth: int, tokens: int) -> Mapping[str, Any]:
        words = (
            f"{query}\n\nUse at most {depth} tool calls, then report. The report has at most {tokens} tokens:"
            " FOUND, with path:line for each fact; SUMMARY; NOT FOUND, what you looked for in vain."
        )
        asked = {
            "task": words, "written": query, "agent": SCOUT, "cwd": turn.cwd, "env": dict(turn.env),
            "parent": turn.run.id, "key": turn.part(number), "tool_calls": depth, "isolate": False,
        }  # fmt: skip
        answer = await self._around.ask("run", asked)
        self._limits[str(answer["run_id"])] = depth
        return answer

    async def _report(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] | None = answer["result"]
        if found is None:
            found = (await self._around.ask("wait", {"run": answer["run_id"]}))["result"]
        return found or {}

    def on_said(self, event: ev.WorkerSaid) -> None:
        """Count a scout's tool calls; end one that goes far beyond what it was told."""
        limit = self._limits.get(event.run)
        if limit is None or event.record.get("kind") != "tool_started":
            return
        count = self._calls[event.run] = self._calls.get(event.run, 0) + 1
        if count == HARD * limit + 1:
            why = f"{HARD * limit} tool calls, twice as many as it was given, and no report"
            self._post(ev.StopAsked(run=event.run, at=self._now(), by="panos", why=why))

    def on_run(self, event: ev.RunChanged) -> None:
        """Forget a scout that has ended."""
        if event.ended:
            self._limits.pop(event.run_id, None)
            self._calls.pop(event.run_id, None)

    def recall(self, world: World, spec: Callable[[str], Mapping[str, Any]]) -> None:
        """Know the scouts that an earlier controller has sent out; their count begins anew."""
        for run in world.runs.values():
            if run.agent == SCOUT and not isinstance(run.state, Finished):
                limit = (spec(run.id).get("request") or {}).get("tool_calls")
                if isinstance(limit, int):
                    self._limits[run.id] = limit
