"""Admission: the grant a run would get, and the gates that may refuse it, in the order of `core.gates`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from pancode.core.gates import placed
from pancode.core.grants import Grant, Level
from pancode.core.host import Asked, Gate, Host, Refusal, Remark
from pancode.core.state import Run, Session
from pancode.domains.dispatch.paths import outside_or_missing
from pancode.domains.panconfigure.api import Configuration


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate has said: nothing (it passes), a remark, or a refusal."""

    order: int
    gate: str
    said: Refusal | Remark | None


class Admission:
    """The gates, asked in their order."""

    def __init__(self) -> None:
        """Begin without gates."""
        self._gates: list[Gate] = []

    def add(self, gate: Gate) -> None:
        """Add a gate."""
        self._gates = sorted([*self._gates, gate], key=lambda known: known.order)

    def verdicts(
        self, asked: Asked, *, below: float = float("inf"), above: float = 0, until_no: bool = False
    ) -> list[Verdict]:
        """Ask the gates from the order `above` on and before `below`; `until_no` ends with the first no."""
        found: list[Verdict] = []
        for gate in self._gates:
            if above <= gate.order < below:
                found.append(Verdict(gate.order, gate.name, gate.check(asked)))
                if until_no and isinstance(found[-1].said, Refusal):
                    break
        return found


def refusal_in(verdicts: list[Verdict]) -> Refusal | None:
    """Give the first no."""
    return next((one.said for one in verdicts if isinstance(one.said, Refusal)), None)


def remarks_in(verdicts: list[Verdict]) -> list[str]:
    """Give what the operator should know all the same."""
    return [one.said.text for one in verdicts if isinstance(one.said, Remark)]


def grant_for(
    session: Session, *, agent_is_read_only: bool, asked: Level | None, parent: Run | None = None
) -> Grant:
    """Give the least of the operator's mode and level, the agent's, what was asked, and the parent's."""
    levels = [session.level, asked or session.level]
    read_only = agent_is_read_only or not session.mode.mutates
    if parent is not None:
        levels.append(parent.grant.level)
        read_only = read_only or not parent.grant.may_write
    return Grant(session.mode, min(levels, key=lambda one: one.rank), read_only=read_only)


def register_gates(host: Host) -> None:
    """Add dispatch's own gates."""
    configuration = host.need(Configuration)
    for gate in own_gates(lambda: host.world.session, lambda: int(configuration.current().max_depth)):
        host.gate(gate)


def own_gates(session: Callable[[], Session], max_depth: Callable[[], int]) -> list[Gate]:
    """Give the gates that are dispatch's own."""

    def draining(_: Asked) -> Refusal | None:
        if session().draining:
            return Refusal("draining", "the session is shutting down; nothing more is started")
        return None

    def depth(asked: Asked) -> Refusal | None:
        most = max_depth()
        if asked.depth <= most:
            return None
        problem = f"run {asked.parent} is nested {asked.depth - 1} deep, and {most} is the limit"
        return Refusal("depth", problem, "pancode config set dispatch.maxDepth NUMBER says how deep")

    found = [placed(name, _found(name)) for name in ("grant", "agent", "model", "launch", "grade")]
    rest = (("draining", draining), ("depth", depth), ("task", _task), ("directory", _directory))
    return [*found, *(placed(name, check) for name, check in rest), placed("paths", outside_or_missing)]


def _found(name: str) -> Callable[[Asked], Refusal | Remark | None]:
    """Give the check of a gate that only repeats what was found while the run was planned."""
    return lambda asked: asked.found.get(name)


def _task(asked: Asked) -> Refusal | None:
    if asked.task.strip():
        return None
    return Refusal("task", "the task is empty", "say what is to be done: pancode run TASK")


def _directory(asked: Asked) -> Refusal | None:
    if os.path.isdir(asked.cwd):
        return None
    return Refusal("directory", f"there is no directory {asked.cwd}", "pancode run --cwd DIR TASK")
