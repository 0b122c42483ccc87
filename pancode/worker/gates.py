"""The doors of a sandbox as the loop sees them: the porter's decisions, and the agent's questions."""

from __future__ import annotations

import posix
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pancode.worker.hooks import Hooks, Watched
    from pancode.worker.native import LoopQuestion
    from pancode.worker.porter import Porter
    from pancode.worker.run import Run

ASK_S = 600.0
"""How long a question waits where no sandbox says so."""


class Gates:
    """What runs of the sandbox's network in the shim; made once the agent has been started."""

    def __init__(self, run: Run, listeners: Mapping[int, int]) -> None:
        """Serve `listeners` (port inside -> descriptor); what can't be served fails the run."""
        self._run = run
        self._news: list[dict[str, Any]] = []
        self._shown: set[object] = set()
        self._wake = posix.eventfd(0, posix.EFD_CLOEXEC | posix.EFD_NONBLOCK)
        self._porter: Porter | None = None
        self._hooks: Hooks | None = None
        sandbox = run.spec["sandbox"]
        network: Any = dict(sandbox).get(
            "network"
        )  # Without any sandbox there is nothing in it but its kind.
        hook = None if network is None else network["hook_port"]
        self._closed = {port: fd for port, fd in listeners.items() if port != hook}
        try:
            if (hook is not None and hook in listeners) or run.spec.get("native") is not None:
                from pancode.worker.hooks import Hooks

                adapter, ask_s = run.spec["adapter"] or "", sandbox.get("ask_s", ASK_S)
                self._hooks = Hooks(listeners.get(hook or 0), adapter, ask_s, self._note)
        except OSError as error:
            run.fail(f"the agent's questions can't be served: {error}")

    @property
    def asking(self) -> bool:
        """Whether an action of the agent is being held."""
        return self._hooks is not None and self._hooks.asking

    def watched(self) -> list[Watched]:
        """Give descriptor, mask and handler of all that the loop is to watch."""
        own: list[Watched] = [(fd, select.POLLIN, self._open) for fd in self._closed.values()]
        if self._porter is not None:
            own.append((self._wake, select.POLLIN, self._hear))
        return own + (self._hooks.watched() if self._hooks is not None else [])

    def _open(self, _mask: int) -> None:
        """Have the porter serve whoever comes, from the first one on: many workers never go out."""
        if not self._closed:
            return
        doors, self._closed = self._closed, {}
        try:
            from pancode.worker.porter import serve

            self._porter = serve(doors, self._run.spec["sandbox"]["network"], self._told)
        except (OSError, RuntimeError) as error:
            self._run.fail(f"the way out of the sandbox can't be served: {error}")

    def next_at(self) -> float | None:
        """Give when time alone makes something due."""
        return None if self._hooks is None else self._hooks.next_at()

    def tick(self, now: float) -> None:
        """Do what is due; a run that is being ended asks nothing any more."""
        if self._hooks is not None:
            if self._run.ending:
                self._hooks.stop("stopped", "the run is being stopped")
            self._hooks.tick(now)
        if self.asking:
            self._run.watch.alive(now)

    def order(self, order: Mapping[str, Any]) -> None:
        """Carry out what the controller says about a question."""
        if self._hooks is not None:
            # Held up until now by an operator, not by the agent.
            self._run.watch.alive(time.monotonic())
            self._hooks.order(order)

    def ask(self, question: LoopQuestion) -> None:
        """Take a question of a native agent's loop."""
        if self._hooks is not None:
            self._hooks.ask(question)

    def gone(self, question: LoopQuestion) -> None:
        """Take it back: the loop has died."""
        if self._hooks is not None:
            self._hooks.gone(question)

    def close(self) -> None:
        """Close all doors, and write down what was only counted."""
        for fd in self._closed.values():
            posix.close(fd)
        self._closed = {}
        if self._hooks is not None:
            self._hooks.close()
            if self._hooks.unheard:
                self._run.journal.add("shim", {"kind": "unheard", "count": self._hooks.unheard})
        if self._porter is not None:
            self._porter.stop()
            self._hear(0)

    def _note(self, record: dict[str, Any], action: Mapping[str, Any] | None) -> bool:
        """Write down a record about a question, at once, and show it; False if the disk refuses."""
        self._run.journal.add("shim", record)
        self._run.view.record({**record, "action": action})
        return self._run.journal.flush()

    def _told(self, record: dict[str, Any]) -> None:
        """In the porter's thread: pass a decision on to the loop."""
        self._news.append(record)
        posix.eventfd_write(self._wake, 1)

    def _hear(self, mask: int) -> None:
        if mask:
            posix.eventfd_read(self._wake)
        while self._news:
            record = self._news.pop(0)
            self._run.journal.add("shim", record)
            place = record["host"], record["port"], record["decision"]
            if place not in self._shown:
                # The counts of the end are for the journal.
                self._shown.add(place)
                self._run.view.record(record)
