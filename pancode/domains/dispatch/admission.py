"""Admission: the grant a run would get, and the gates that may refuse it, in a fixed order.

Order of the gates that ship: 100 draining, 200 mode, 300 level, 400 task, 500 directory, 600 read-only.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from pancode.core.grants import Grant, Level
from pancode.core.host import Asked, Gate, Refusal
from pancode.core.state import Session


class Admission:
    """The gates, asked in their order."""

    def __init__(self) -> None:
        """Begin without gates."""
        self._gates: list[Gate] = []

    def add(self, gate: Gate) -> None:
        """Add a gate."""
        self._gates = sorted([*self._gates, gate], key=lambda known: known.order)

    def refusal(self, asked: Asked) -> Refusal | None:
        """Give the first reason against the run, or None."""
        for gate in self._gates:
            refusal = gate.check(asked)
            if refusal is not None:
                return refusal
        return None


def grant_for(session: Session, *, agent_is_read_only: bool, asked: Level | None) -> Grant:
    """Give the minimum of the operator's mode and level, the agent's definition and what was asked for."""
    level = min((session.level, asked or session.level), key=lambda one: one.rank)
    return Grant(session.mode, level, read_only=agent_is_read_only or not session.mode.mutates)


def own_gates(session: Callable[[], Session]) -> list[Gate]:
    """Give the gates that are dispatch's own: draining, an empty task, a missing directory."""

    def draining(_: Asked) -> Refusal | None:
        if session().draining:
            return Refusal("draining", "the session is shutting down; nothing more is started")
        return None

    def task(asked: Asked) -> Refusal | None:
        if not asked.task.strip():
            return Refusal("task", "the task is empty", "say what is to be done: pancode run TASK")
        return None

    def directory(asked: Asked) -> Refusal | None:
        if not os.path.isdir(asked.cwd):
            return Refusal("directory", f"there is no directory {asked.cwd}", "pancode run --cwd DIR TASK")
        return None

    return [Gate(100, "draining", draining), Gate(400, "task", task), Gate(500, "directory", directory)]
