"""The one loop of a running worker: whatever happens comes in here, in order, and nothing waits elsewhere."""

from __future__ import annotations

import posix
import select
import time

from pancode.worker import signals, tree
from pancode.worker.heartbeat import Heart
from pancode.worker.link import Link
from pancode.worker.signals import SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGWINCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pancode.worker.gates import Gates
    from pancode.worker.native import Native
    from pancode.worker.run import Run
    from pancode.worker.verdict import Cause

CAUSES: dict[str, Cause] = {"loop-breaker": "loop", "budget": "budget"}
"""Who orders a stop for a reason of its own: an action that failed again and again, money that is spent."""
ACK_S = 0.3
"""How long the end of a run waits for the controller to acknowledge it."""
PANE_S = 1.0
"""How long it waits for a pane that isn't read."""
_CTRL_C = b"\x03"
_LONGEST_WAIT_S = 60.0


class Loop:
    """Watches the agent, the pane, the controller, signals and the clock on behalf of one run."""

    def __init__(self, run: Run, wake: int) -> None:
        """Watch `run`; signals come by the descriptor `wake`."""
        self.run = run
        self.pane = run.pane
        self.link = Link(run.spec["socket"], run.spec["run"], run.journal)
        self.heart = Heart(run.spec["heartbeat_s"], time.monotonic())
        self._wake = wake
        self._keys_open = run.pane.tty
        self._gates: Gates | None = None
        self._native: Native | None = None

    def work(self) -> None:
        """Go on until nothing of the worker is left."""
        agent = self.run.agent
        if agent is not None and (agent.started.listeners or agent.started.native is not None):
            from pancode.worker.gates import Gates

            self._gates = Gates(self.run, agent.started.listeners)
        if agent is not None and agent.started.native is not None and self._gates is not None:
            from pancode.worker.native import Native

            self._native = Native(self.run, agent.started.native, self._gates)
        while not self.run.over:
            self._step()
        if self._native is not None:
            self._native.close()
            self._native = None
        if self._gates is not None:
            self._gates.close()
            self._gates = None

    def say_goodbye(self) -> None:
        """Let the controller and the pane have the end, for a moment."""
        now = time.monotonic()
        if self.link.fd is None:
            self.link.connect(now)
        ack_until, pane_until = now + ACK_S, now + PANE_S
        while now < pane_until:
            telling = self.link.fd is not None and self.link.acked < self.run.journal.seq and now < ack_until
            showing = self.pane.behind and self.pane.out is not None
            if not telling and not showing:
                return
            self._step(ack_until if telling else pane_until)
            now = time.monotonic()

    def _step(self, deadline: float | None = None) -> None:
        """Wait for the next thing to happen, deal with it, then write and send what came of it."""
        poller = select.poll()
        handlers: dict[int, Callable[[int], None]] = {}

        def watch(fd: int | None, mask: int, handler: Callable[[int], None]) -> None:
            if fd is not None and mask:
                poller.register(fd, mask)
                handlers[fd] = handler

        watch(self._wake, select.POLLIN, self._signals)
        if self._keys_open:
            watch(0, select.POLLIN, self._keys)
        if self.pane.behind:
            watch(self.pane.out, select.POLLOUT, lambda _: self.pane.push())
        sending = select.POLLOUT if self.link.behind else 0
        watch(self.link.fd, select.POLLIN | sending, self._controller)
        self._watch_agent(watch)
        for each in (self._gates, self._native):
            for fd, mask, handler in () if each is None else each.watched():
                watch(fd, mask, handler)
        for fd, mask in poller.poll(self._patience(deadline)):
            handlers[fd](mask)
        self._tick(time.monotonic())
        self.run.write_down()
        self.link.push(time.monotonic())
        self.pane.push()

    def _watch_agent(self, watch: Callable[[int | None, int, Callable[[int], None]], None]) -> None:
        run, agent = self.run, self.run.agent
        if agent is None:
            return
        watch(agent.started.report, select.POLLIN, lambda _: run.exec_report())
        watch(agent.output, select.POLLIN, lambda _: run.read_output())
        watch(agent.input, select.POLLOUT, lambda _: agent.write_input())
        wanted = 0 if run.view.must_wait else select.POLLIN
        watch(agent.terminal, wanted | (select.POLLOUT if agent.has_keys else 0), run.read_terminal)

    def _patience(self, deadline: float | None) -> int:
        """Give the milliseconds until time alone makes something due."""
        run, agent = self.run, self.run.agent
        times = [self.link.retry_at, deadline, run.start_due, run.intake.due]
        if self._gates is not None:
            times.append(self._gates.next_at())
        if self._native is not None:
            times.append(self._native.next_at())
        if run.pause is not None:
            times.append(run.pause.next_at())
        if agent is not None and not agent.ended:
            times.append(self.heart.next_at)
            times.append(None if run.ending else run.watch.next_at())
        if agent is not None and not agent.childless:
            times.append(run.ladder.next_at())
        due = min([at for at in times if at is not None], default=None)
        wait = _LONGEST_WAIT_S if due is None else min(max(0.0, due - time.monotonic()), _LONGEST_WAIT_S)
        return int(wait * 1000) + (1 if wait else 0)

    def _tick(self, now: float) -> None:
        """Do what is due by the clock."""
        run = self.run
        if self.link.retry_at is not None and now >= self.link.retry_at:
            self.link.connect(now)
        run.climb(now)
        run.look_at_start(now)
        run.intake.tick(now)
        for each in (self._gates, self._native):
            if each is not None:
                each.tick(now)
        if run.agent is None or run.agent.ended:
            return
        if run.pause is not None:
            run.pause.tick(now)
        if now >= self.heart.next_at:
            run.journal.add("shim", self.heart.beat(run.tally, run.bytes_read, now, instead=self._instead()))
        if not run.ending:
            self._look_at_limits(now)

    def _look_at_limits(self, now: float) -> None:
        run = self.run
        if run.watch.wants_sample(now):
            run.watch.sample(tree.cpu_seconds(tree.glance(posix.getpid())), now)
        limit = run.watch.reached(run.tally, now)
        if limit is not None and limit[0] == "idle-timeout" and self._is_answered():
            run.watch.answered(now)
        elif limit is not None:
            run.stop("limit", limit[1], cause=limit[0])

    def _is_answered(self) -> bool:
        """Whether the agent waits for a model that is at work: the gateway, if there is one, knows."""
        from pancode.worker.calls import in_flight

        return in_flight(self.run.folder)

    def _instead(self) -> str | None:
        """Give the state of a heartbeat that says more than what the worker's processes do."""
        if self.run.ending:
            return "stopping"
        if self.run.paused:
            return "paused"
        return "asking" if self._gates is not None and self._gates.asking else None

    def _keys(self, _mask: int) -> None:
        keys = self.pane.keys()
        if keys is None:
            self._keys_open = False
            self.run.hang_up()
            return
        run = self.run
        if run.spec["adapter"] is not None:
            for _ in range(keys.count(_CTRL_C)):
                self._interrupted()
            keys = keys.replace(_CTRL_C, b"")
        elif _CTRL_C in keys and run.paused:
            # It couldn't heed what is typed.
            self._interrupted()
        elif _CTRL_C in keys:
            run.interrupted = True
        if not run.spec["interactive"]:
            keys = _CTRL_C * keys.count(_CTRL_C)
        if keys and run.agent is not None:
            run.agent.type(keys)

    def _interrupted(self) -> None:
        """Deal with ^C for an agent that isn't typed to: the first asks, the second kills."""
        self.run.stop("terminal", "^C in the pane", force=self.run.ending)

    def _signals(self, _mask: int) -> None:
        run = self.run
        for number in signals.pending(self._wake):
            if number == SIGCHLD:
                run.collect()
            elif number == SIGWINCH:
                self._resize()
            elif number == SIGHUP:
                run.hang_up()
            elif number == SIGTERM:
                again = run.stopped is not None and run.stopped["by"] == "signal"
                run.stop("signal", "the shim got SIGTERM", force=again)
            elif number == SIGINT:
                self._interrupted()

    def _controller(self, mask: int) -> None:
        if not mask & ~select.POLLOUT:
            return
        for order in self.link.receive(time.monotonic()):
            if order["do"] == "stop":
                by, why = str(order.get("by") or "controller"), str(order.get("why") or "")
                cause: Cause = CAUSES.get(by, "stopped")
                self.run.stop(by, why, cause=cause, force=order.get("force") is True)
            elif order["do"] in ("pause", "resume"):
                self.run.hold(order, time.monotonic())
                if self._native is not None:
                    self._native.say({"do": order["do"]})
            elif order["do"] in ("answer", "asking", "board") and self._gates is not None:
                self._gates.order(order)

    def _resize(self) -> None:
        size = self.pane.measure()
        if size == self.pane.size:
            return
        self.pane.size = size
        self.run.view.resize(size)
        if self.run.agent is not None:
            self.run.agent.resize(size)
        if self.pane.cast is not None:
            self.pane.cast.resize(size)
