"""What one loop is to do: read from the run's spec and from what the shim has sent along."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pancode.core.grants import Grant
from pancode.native.visible import grant_of, session_now

if TYPE_CHECKING:
    from pancode.worker.profile import Native


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run; `generation` counts the loops that it has had before, `report_after` a scout's tool calls."""

    run: str
    folder: str
    task: str
    cwd: str
    given: Grant
    native: Native
    socket: str
    max_turns: int | None
    report_after: int | None

    @property
    def now(self) -> Grant:
        """What is left of the run's grant at this moment."""
        return self.given.within(*session_now(self.native["now"]))

    @property
    def earlier(self) -> str | None:
        """The history of the conversation that this run goes on with."""
        return self.native["history"]


def read(folder: str) -> Job:
    """Read the job of the run in `folder`; raise OSError, ValueError or KeyError."""
    with open(os.path.join(folder, "spec.json"), encoding="utf-8") as file:
        spec = json.load(file)
    report_after = (spec.get("request") or {}).get("tool_calls")
    return Job(
        run=spec["run"],
        folder=folder,
        task=spec["task"],
        cwd=spec["cwd"],
        given=grant_of(spec),
        native=spec["native"],
        socket=spec["socket"],
        max_turns=spec["limits"]["max_turns"],
        report_after=report_after if isinstance(report_after, int) else None,
    )
