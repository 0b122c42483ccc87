"""Run folders: what is written before a run starts, and what is read back after it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pancode.core.errors import PanError
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
        self._disk = ThreadPoolExecutor(2, "disk")
        self._syncing: dict[str, Future[None]] = {}

    def path(self, run: str, *parts: str) -> str:
        """Give the path of a run's folder, or of something in it."""
        return os.path.join(self._places.runs, run, *parts)

    def names(self) -> list[str]:
        """Give the name of every run's folder, readable or not."""
        try:
            return os.listdir(self._places.runs)
        except OSError:
            return []

    def __contains__(self, run: object) -> bool:
        """Whether there is anything in the place of a run's folder."""
        return os.path.lexists(self.path(str(run)))

    def is_damaged(self, run: str) -> bool:
        """Whether a run was begun here whose spec can't be used; an empty folder is none."""
        return os.path.lexists(self.path(run, "spec.json")) and self.spec(run) is None

    def sweep(self, starting: Collection[str]) -> None:
        """Remove the handed over secrets that no shim will fetch any more."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._places.runtime):
                run, dot, ending = name.rpartition(".")
                if dot and ending == "env" and run not in starting:
                    os.unlink(self._handoff(run))

    def clear_unwritten(self, live: Collection[str]) -> None:
        """Remove folders of runs whose admission was cut short: nobody was told of them.

        One in which anything was written besides what a launch needs stays, and so do those of `live`.
        """
        for run in self.names():
            path = self.path(run)
            if run not in live and os.path.isdir(path) and not os.path.islink(path):
                with contextlib.suppress(OSError), os.scandir(path) as entries:
                    if not any(map(_is_file, entries)):
                        shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def new(self, run: str) -> Iterator[None]:
        """Make a new run's folder, to be filled within; raise PanError, and leave nothing, if it can't be."""
        path = self.path(run)
        try:
            os.mkdir(path, 0o700)
        except OSError as error:
            raise _unwritable(path, error) from None
        try:
            yield
        except (OSError, PanError) as error:
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                os.unlink(self._handoff(run))
            if isinstance(error, OSError):
                raise _unwritable(path, error) from None
            raise

    def make_again(self, run: str) -> None:
        """Make the folder of a run whose agent has removed it."""
        os.makedirs(self.path(run), mode=0o700, exist_ok=True)

    def _handoff(self, run: str) -> str:
        # In the runtime directory, which is memory on most machines; the shim unlinks it at once.
        return os.path.join(self._places.runtime, f"{run}.env")

    def write_spec(self, spec: Mapping[str, Any]) -> None:
        """Write the spec.json of a new run; `kept` tells when it is on the disk."""
        run = str(spec["run"])
        sync = files.write_swiftly(self.path(run, "spec.json"), _text(spec))
        syncing = self._syncing[run] = self._disk.submit(sync)
        syncing.add_done_callback(lambda done: done.exception() or self._syncing.pop(run, None))

    def write_spec_again(self, spec: Mapping[str, Any]) -> None:
        """Replace the spec.json of a run that no worker has begun: from then on it is never changed."""
        files.write_atomic(self.path(spec["run"], "spec.json"), _text(spec))

    async def kept(self, run: str) -> None:
        """Return when a run's spec is on the disk; PanError where that refuses."""
        syncing = self._syncing.get(run)
        if syncing is not None:
            await asyncio.shield(asyncio.wrap_future(syncing))

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
        handoff = self._handoff(run)
        descriptor = os.open(handoff, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dict(plan.secrets), file)
        return handoff

    def spec(self, run: str) -> dict[str, Any] | None:
        """Read a run's spec; None if there is none that can be used. It is not to be changed."""
        spec = files.read_kept(self.path(run, "spec.json"))
        return spec if spec and spec.get("run") == run and _is_spec(spec) else None

    def result(self, run: str) -> dict[str, Any] | None:
        """Read a run's result; None while it has none that can be used."""
        result = files.read_json(self.path(run, "result.json"))
        return result if result and result.get("run_id") == run and _is_result(result) else None

    def journal(self, run: str) -> str:
        """Give the path of a run's journal."""
        return self.path(run, "events.jsonl")


def _text(spec: Mapping[str, Any]) -> str:
    # On one line: for that, Python's encoder is three times as fast.
    return json.dumps(spec, ensure_ascii=False) + "\n"


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether this is more than a directory, or the beginning of a file that never came to be on the disk."""
    if entry.is_dir(follow_symlinks=False) or entry.name.endswith(".tmp"):
        return False
    return entry.name != "spec.json" or entry.stat(follow_symlinks=False).st_size > 0


def _unwritable(path: str, error: OSError) -> PanError:
    remedy = "free some space or make the directory writable"
    return files.unusable(f"can't make the run's folder \"{path}\"", error, remedy)


def _is_spec(spec: Mapping[str, Any]) -> bool:
    """Whether what the controller reads of a spec is there: agents know where their folder lies."""
    words = all(isinstance(spec.get(key), str) for key in ("agent", "runtime", "task", "cwd"))
    try:
        grant_of(spec)
    except (KeyError, TypeError, ValueError):
        return False
    texts = ("model", "continues", "key", "provider", "parent", "group", "node")
    maybe = all(isinstance(spec.get(key), str | None) for key in texts)
    numbers = (
        spec.get("created"),
        spec.get("heartbeat_s", 10.0),
        spec.get("priority", 0),
        spec.get("depth", 0),
        spec.get("at_once") or 0,
    )
    lists = isinstance(spec.get("after", []), list)
    return words and maybe and lists and all(isinstance(number, int | float) for number in numbers)


def _is_result(result: Mapping[str, Any]) -> bool:
    """Whether what the controller reads of a result is there."""
    words = all(isinstance(result.get(key), str) for key in ("status", "reason"))
    parts = all(isinstance(result.get(key), dict) for key in ("evidence", "usage", "cost"))
    return words and parts and isinstance(result.get("ended"), int | float)


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
    key: str | None = None
    depth: int = 0


def environment_of(order: Order, plan: Plan, places: Places) -> dict[str, str]:
    """Give a run's variables, but for the secret ones: what the launch wants, and the run's own marks."""
    run_dir = os.path.join(places.runs, order.run)
    return {**plan.env, "PANCODE_RUN_ID": order.run, "PANCODE_RUN_DIR": run_dir}


def spec_of(order: Order, plan: Plan, places: Places, handoff: str | None) -> dict[str, Any]:
    """Put together spec.json: all that is needed to execute the run but secrets, variables and sandbox."""
    grant = order.grant
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
        "env_from": sorted(plan.secrets),
        "handoff": handoff,
        "stdin": plan.stdin,
        "interactive": plan.interactive,
        "grant": {"mode": grant.mode, "level": grant.level, "read_only": grant.read_only},
        "endpoint": plan.endpoint,
        "meter": {"by": plan.meter.by, "why": plan.meter.why},
        "limits": plan.limits,
        "reads": list(plan.reads),
        "previous": plan.previous,
        "continues": order.continues,
        "socket": places.socket,
        "heartbeat_s": plan.heartbeat_s,
        "watch": dict(plan.watch),
        "created": order.created,
        "key": order.key,
        "prompt": plan.prompt.to_json() if plan.prompt else None,
        "native": _native(plan, places),
    }


def _native(plan: Plan, places: Places) -> dict[str, object] | None:
    if plan.native is None:
        return None
    return {**plan.native, "host": places.native_socket, "now": places.now}


def refused_spec(order: Order, agent: str, refused: Mapping[str, str]) -> dict[str, Any]:
    """Put together the spec of a run that a gate refused: nothing in it can be executed.

    `refused` names the `gate` and its `problem`.
    """
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
        "key": order.key,
        "refused": dict(refused),
    }
