"""Run folders: what is written before a run starts, and what is read back after it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pancode.core.grants import Grant, Level, Mode
from pancode.domains.agents.api import Plan
from pancode.engine import files
from pancode.engine.places import Places
from pancode.worker.protocol import V


class Folders:
    """The folders of one session's runs."""

    def __init__(self, places: Places) -> None:
        """Look at `places.runs`."""
        self._places = places

    def path(self, run: str, *parts: str) -> str:
        """Give the path of a run's folder, or of something in it."""
        return os.path.join(self._places.runs, run, *parts)

    def all(self) -> list[str]:
        """Give the ids of every run that has a folder with a spec, oldest first."""
        try:
            names = os.listdir(self._places.runs)
        except OSError:
            return []
        found = [(spec["created"], name) for name in names if (spec := self.spec(name))]
        return [name for _, name in sorted(found)]

    def make(self, run: str) -> str:
        """Make a new run's folder; FileExistsError if the id was taken."""
        path = self.path(run)
        os.mkdir(path, 0o700)
        return path

    def write_spec(self, spec: Mapping[str, Any]) -> None:
        """Write spec.json; it is never changed afterwards."""
        files.write_json(self.path(spec["run"], "spec.json"), spec)

    def write_launch(self, run: str, plan: Plan) -> str | None:
        """Write the files an agent's launch asks for; give the handoff file's path if there are secrets."""
        if plan.files:
            os.mkdir(self.path(run, "files"), 0o700)
        for name, text in plan.files.items():
            path = self.path(run, "files", name)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            files.write_atomic(path, text)
        if not plan.secrets:
            return None
        # In the runtime directory, which is memory on most machines; the shim unlinks it at once.
        handoff = os.path.join(self._places.runtime, f"{run}.env")
        descriptor = os.open(handoff, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dict(plan.secrets), file)
        return handoff

    def spec(self, run: str) -> dict[str, Any] | None:
        """Read a run's spec; None if there is none that can be read."""
        spec = files.read_json(self.path(run, "spec.json"))
        return spec if spec and spec.get("run") == run else None

    def result(self, run: str) -> dict[str, Any] | None:
        """Read a run's result; None while it has none."""
        return files.read_json(self.path(run, "result.json"))

    def journal(self, run: str) -> str:
        """Give the path of a run's journal."""
        return self.path(run, "events.jsonl")


def grant_of(spec: Mapping[str, Any]) -> Grant:
    """Read the grant back from a spec."""
    raw = spec["grant"]
    return Grant(Mode(raw["mode"]), Level(raw["level"]), read_only=bool(raw["read_only"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was admitted: one task for one agent, under one grant."""

    run: str
    task: str
    cwd: str
    grant: Grant
    created: float
    continues: str | None = None


def spec_of(order: Order, plan: Plan, places: Places, handoff: str | None) -> dict[str, Any]:
    """Put together spec.json: everything needed to execute the run, but for the secrets."""
    grant = order.grant
    run_dir = os.path.join(places.runs, order.run)
    return {
        "v": V,
        "run": order.run,
        "agent": plan.agent,
        "runtime": plan.runtime,
        "agent_version": plan.agent_version,
        "adapter": plan.adapter,
        "task": order.task,
        "model": plan.model,
        "argv": list(plan.argv),
        "cwd": order.cwd,
        "env": {**plan.env, "PANCODE_RUN_ID": order.run, "PANCODE_RUN_DIR": run_dir},
        "env_from": sorted(plan.secrets),
        "handoff": handoff,
        "stdin": plan.stdin,
        "interactive": plan.interactive,
        "grant": {"mode": grant.mode, "level": grant.level, "read_only": grant.read_only},
        "limits": plan.limits,
        "reads": list(plan.reads),
        "previous": plan.previous,
        "continues": order.continues,
        "socket": places.socket,
        "heartbeat_s": plan.heartbeat_s,
        "created": order.created,
    }


def refused_spec(order: Order, agent: str) -> dict[str, Any]:
    """Put together the spec of a run that a gate refused: nothing in it can be executed."""
    grant = order.grant
    return {
        "v": V,
        "run": order.run,
        "agent": agent,
        "runtime": "",
        "task": order.task,
        "model": None,
        "cwd": order.cwd,
        "grant": {"mode": grant.mode, "level": grant.level, "read_only": grant.read_only},
        "continues": order.continues,
        "created": order.created,
    }
