"""Tools that the controller has: it says before each step which there are, and executes their calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pancode.native.journal import Done
from pancode.native.lines import LONGEST, GoneError, Lines

AGAIN_S = 0.2
PATIENCE_S = 20.0
"""How long a controller may be away: tmux has it back within a second."""

Offer = tuple[str, str, Mapping[str, Any]]


class Remote:
    """Asks the controller of the session; its answers to calls may take as long as workers work."""

    def __init__(self, socket: str, run: str) -> None:
        """Talk to the Unix socket at `socket` on behalf of `run`."""
        self._socket = socket
        self._run = run

    async def offered(self) -> list[Offer]:
        """Give name, description and schema of each tool that is there now; none if nobody says."""
        answer = await self._request("panos_tools", {"run": self._run})
        found = answer.get("tools")
        tools = found if isinstance(found, list) else []
        return [(str(each["name"]), str(each["description"]), each["parameters"]) for each in tools]

    async def call(self, call: str, name: str, args: Mapping[str, Any]) -> Done:
        """Have a tool called; a controller that dies meanwhile is asked again, by the same `call`."""
        asked = {"run": self._run, "call": call, "tool": name, "args": args}
        answer = await self._request("panos_call", asked)
        return Done(answer.get("ok") is True, str(answer.get("text") or ""))

    async def _request(self, verb: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        loop = asyncio.get_running_loop()
        away_since: float | None = None
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=LONGEST)
                away_since = None
                lines = Lines(reader, writer)
                try:
                    return await _answer(lines, verb, args)
                finally:
                    lines.close()
            except (OSError, GoneError):
                away_since = away_since or loop.time()
                if loop.time() - away_since > PATIENCE_S:
                    return {"ok": False, "text": "PanCode's controller is away"}
                await asyncio.sleep(AGAIN_S)


async def _answer(lines: Lines, verb: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    await lines.say({"id": 1, "verb": verb, "args": args})
    while True:
        said = await lines.hear()
        if said.get("id") != 1 or "ok" not in said:
            continue
        result, error = said.get("result"), said.get("error")
        if said["ok"] is True and isinstance(result, dict):
            return result
        problem = error.get("problem") if isinstance(error, dict) else None
        return {"ok": False, "text": str(problem or "the controller refuses")}
