"""Holding a worker's whole tree still, and letting it go on: by its group's freezer, else by signals."""

from __future__ import annotations

import posix
import time

from pancode.worker import tree
from pancode.worker.files import read
from pancode.worker.signals import SIGCONT, SIGSTOP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pancode.worker.run import Run

STOPPED = ("T", "t", "D")
"""States of a process that runs no code of its own before it has heeded a stop that it was sent."""
ROUNDS = 20
"""Rounds of signals without a pause: each finds what was forked during the one before."""
AGAIN_S = 0.02
SETTLE_S = 1.0
"""After so long the pause is written down, with what goes on running in spite of it."""
LOOK_S = 1.0
"""How often it is looked after what somebody else has let go on."""


class Still:
    """Stops every process below the shim; those that had stopped by themselves stay so afterwards."""

    __slots__ = ("_own", "_sent")

    def __init__(self) -> None:
        """Begin with nothing stopped."""
        self._own: set[tuple[int, int]] = set()
        self._sent: set[tuple[int, int]] = set()

    def press(self) -> tuple[int, list[int]]:
        """Stop what runs; give how many processes there are, and the pids of those that still run."""
        running: list[int] = []
        found: list[tree.Process] = []
        for _ in range(ROUNDS):
            found = tree.below(posix.getpid())
            running = [each.pid for each in found if not self._stopped(each)]
            if not running:
                break
        return len(found), running

    def _stopped(self, process: tree.Process) -> bool:
        name = process.pid, process.start
        if name in self._sent and process.state in STOPPED:
            return True
        if process.state == "T":
            self._own.add(name)
            return True
        self._own.discard(name)
        if tree.send(process, SIGSTOP):
            self._sent.add(name)
        return False

    def release(self) -> None:
        """Let everything go on that didn't stop by itself."""
        for process in tree.below(posix.getpid()):
            if (process.pid, process.start) not in self._own:
                tree.send(process, SIGCONT)
        self._own.clear()
        self._sent.clear()


class Freezer:
    """The switch of a control group that holds the worker alone; `path` is its cgroup.freeze."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        """Nothing happens yet."""
        self._path = path

    def press(self) -> tuple[int, list[int]]:
        """Freeze; as long as that isn't done, all count as running. Raise OSError."""
        _write(self._path, b"1")
        group = self._path.rpartition("/")[0]
        pids = [int(word) for word in read(f"{group}/cgroup.procs").split()]
        frozen = b"frozen 1" in read(f"{group}/cgroup.events")
        return len(pids), [] if frozen else pids

    def release(self) -> None:
        """Thaw; raise OSError."""
        _write(self._path, b"0")


class Pause:
    """Whether one run is paused, from the order that asks for it until it goes on or is ended."""

    __slots__ = ("_at", "_begun", "_freezer", "_order", "_run", "_said", "_still")

    def __init__(self, run: Run) -> None:
        """Begin with `run` going on."""
        self._run = run
        self._order: Mapping[str, Any] | None = None
        self._begun: float | None = None
        self._at: float | None = None
        self._said = False
        self._still = Still()
        self._freezer: Freezer | None = None

    @property
    def on(self) -> bool:
        """Whether the worker is held."""
        return self._begun is not None

    def next_at(self) -> float | None:
        """Give when `tick` has something to do."""
        return self._at

    def order(self, order: Mapping[str, Any], now: float) -> None:
        """Carry out "pause" or "resume"; a run that is being ended heeds neither."""
        if order["do"] == "pause":
            if self._order is None and not self._run.ending:
                self._order = order
                self.tick(now)
        elif self._order is not None:
            begun, self._order = self._begun, None
            self.let_go(now)
            if begun is not None and not self._run.ending:
                self._note({"kind": "resumed", **_who(order), "paused_s": round(now - begun, 3)})
                self._run.view.note(f"resumed by {_who(order)['by']}")

    def tick(self, now: float) -> None:
        """Hold the worker as soon as it runs, and see to it that it stays held."""
        if self._order is None or not self._run.is_up or (self._at is not None and now < self._at):
            return
        if self._begun is None and self._run.ending:
            self._order = None  # It was asked to end before it could be held.
            return
        if self._begun is None:
            self._begun = now
            self._run.watch.hold(now)
            self._freezer = _freezer(self._run)
        procs, running = self._press()
        if running and not self._said and now - self._begun < SETTLE_S:
            self._at = now + AGAIN_S
            return
        self._at = now + LOOK_S
        if not self._said:
            self._said = True
            how = "signals" if self._freezer is None else "freezer"
            who = _who(self._order)
            self._note({"kind": "paused", **who, "how": how, "procs": procs, "running": running})
            self._run.view.note(f"paused by {who['by']}; pancode resume {self._run.spec['run']} goes on")

    def _press(self) -> tuple[int, list[int]]:
        if self._freezer is not None:
            try:
                procs, running = self._freezer.press()
            except OSError:
                running, procs = [0], 0
            if not running or (self._begun is not None and time.monotonic() - self._begun < SETTLE_S / 2):
                return procs, running
            self._thaw()
        return self._still.press()

    def let_go(self, now: float) -> None:
        """Let the worker go on, for better or for its end."""
        if self._begun is not None:
            self._thaw()
            self._still.release()
            self._run.watch.go_on(now)
        self._order = self._begun = self._at = None
        self._said = False

    def _thaw(self) -> None:
        if self._freezer is not None:
            try:  # noqa: SIM105 -- contextlib costs 3 ms
                self._freezer.release()
            except OSError:
                pass
            self._freezer = None

    def _note(self, record: dict[str, Any]) -> None:
        self._run.journal.add("shim", record)
        self._run.journal.flush(sync=True)


def _who(order: Mapping[str, Any]) -> dict[str, str]:
    return {"by": str(order.get("by") or "controller"), "why": str(order.get("why") or "")}


def _freezer(run: Run) -> Freezer | None:
    """Give the freezer of the worker's own group; None where it has no group, or an old one."""
    enclosure = None if run.agent is None else run.agent.started.enclosure
    if enclosure is None or run.agent is None:
        return None
    path = enclosure.bounds.freezer(enclosure.inner or run.agent.pid)
    return None if path is None else Freezer(path)


def _write(path: str, data: bytes) -> None:
    fd = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
    try:
        posix.write(fd, data)
    finally:
        posix.close(fd)
