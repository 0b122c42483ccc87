"""One run while it lasts: its agent, its records, what it adds up to, and how it is brought to its end."""

from __future__ import annotations

import select
import time

from pancode.worker import signals
from pancode.worker.agent import Agent
from pancode.worker.cast import Cast
from pancode.worker.files import remove, set_aside
from pancode.worker.intake import Intake
from pancode.worker.ladder import Ladder
from pancode.worker.launch import exec_record, report, said, why_not
from pancode.worker.limits import Watch
from pancode.worker.signals import SIGINT, SIGKILL
from pancode.worker.tally import Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from pancode.worker.files import Log
    from pancode.worker.journal import Journal
    from pancode.worker.launch import Launched
    from pancode.worker.pane import Pane
    from pancode.worker.pause import Pause
    from pancode.worker.protocol import Spec
    from pancode.worker.verdict import Cause
    from pancode.worker.view import View

DRAIN_S = 1.0
"""How long reading what is left may take when somebody outside of the worker keeps writing."""


class Run:
    """What the loop acts on. `failure` and `cause` say why the end was begun, None while nobody has."""

    def __init__(self, folder: str, spec: Spec, journal: Journal, pane: Pane, raw: tuple[Log, Log]) -> None:
        """Set up what the run needs besides the agent's process; `raw` takes its output and its errors."""
        self.folder = folder
        self.spec = spec
        self.journal = journal
        self.pane = pane
        self.raw = raw
        self.agent: Agent | None = None
        self.pause: Pause | None = None
        self.tally = Tally()
        self.ladder = Ladder()
        sandbox = spec["sandbox"]
        most_cpu_s = None if sandbox["kind"] == "none" else sandbox["resources"]["cpu_s"]
        self.watch = Watch(spec["limits"], time.monotonic(), most_cpu_s)
        self.failure: str | None = None
        self.cause: Cause | None = None
        self.stopped: dict[str, Any] | None = None
        self.finished_in_time = True
        self.interrupted = False
        self.hung_up = False
        self.begun: float | None = None
        self.bytes_read = 0
        pane.cast = _cast(f"{folder}/terminal.cast", spec, pane.size)
        self.view = _view(spec)(spec, pane, self.take)
        self.intake = Intake(self.view, raw)

    def begin(self, started: Launched | None, begun: float, failure: str | None) -> None:
        """Take over the process started at the wall time `begun`, or the sentence why there is none."""
        self.failure = failure
        self.view.begin()
        if started is not None:
            self.agent = Agent(started, self.spec["stdin"])
            self.begun = begun if failure is None else None
            set_aside(f"{self.folder}/reserve")
        problem = self.view.prepare()
        if problem is not None and self.failure is None:
            self.fail(problem)

    @property
    def over(self) -> bool:
        """Whether nothing is left of the worker, or nothing that could be ended."""
        agent = self.agent
        if agent is None:
            return True
        return agent.ended and (agent.childless or self.ladder.hopeless(time.monotonic()))

    @property
    def ending(self) -> bool:
        """Whether the end has been begun."""
        return self.cause is not None or self.failure is not None

    @property
    def is_up(self) -> bool:
        """Whether the agent is known to run."""
        agent = self.agent
        if agent is None or agent.ended or agent.started.report is not None:
            return False
        return agent.started.enclosure is None or agent.started.enclosure.resolved

    @property
    def paused(self) -> bool:
        """Whether the worker is held still."""
        return self.pause is not None and self.pause.on

    def hold(self, order: Mapping[str, Any], now: float) -> None:
        """Carry out an order to pause or to resume; its code is loaded by the first one."""
        if self.pause is None:
            from pancode.worker.pause import Pause

            self.pause = Pause(self)
        self.pause.order(order, now)

    # What comes from the agent.

    def take(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write down one event of the agent, and count it; give its record."""
        record = self.journal.add("agent", event)
        self.tally.add(record, record["m"])
        return record

    def read_output(self) -> None:
        """Take in what standard output has."""
        if self.agent is not None:
            self._seen(self.agent.read_output(), self.intake.output)

    def read_terminal(self, mask: int) -> None:
        """Deal with what poll says about the agent's terminal."""
        agent = self.agent
        if agent is None:
            return
        if mask & select.POLLOUT:
            agent.write_keys()
        if mask & ~select.POLLOUT:
            data = agent.read_terminal()
            if not data and not mask & select.POLLIN:
                # Hung up with nothing left to read: it would be ready for ever.
                agent.close_terminal()
            self._seen(data, self.intake.terminal)

    def _seen(self, data: bytes, take: Callable[[bytes], None]) -> None:
        if data:
            self.bytes_read += len(data)
            self.watch.alive(time.monotonic())
            take(data)

    def exec_report(self) -> None:
        """Learn whether the agent was exec'ed, if that is known only now."""
        agent = self.agent
        told = None if agent is None else report(agent.started)
        if agent is not None and told is not None:
            self._started(told, agent)

    def _started(self, told: bytes, agent: Agent) -> None:
        failure = why_not(self.spec, told)
        if failure is None:
            self.journal.add("shim", exec_record(self.spec, agent.started))
            self.journal.flush(sync=True)
        else:
            # A start that was stopped has not failed.
            self.failure = failure if self.cause is None else self.failure
            self.begun = None

    @property
    def start_due(self) -> float | None:
        """When to look again whether the agent runs in its sandbox; None as a rule."""
        enclosure = None if self.agent is None else self.agent.started.enclosure
        return None if enclosure is None or self.agent is None or self.agent.ended else enclosure.due()

    def look_at_start(self, now: float) -> None:
        """Look whether the agent runs in its sandbox, if it is time to."""
        due = self.start_due
        if due is not None and now >= due and self.agent is not None and self.agent.started.report is None:
            self.exec_report()

    def drain(self) -> None:
        """Read all that is there now; never wait for the end of a stream that somebody else holds open."""
        until = time.monotonic() + DRAIN_S
        before = -1
        while before != self.bytes_read and time.monotonic() < until:
            before = self.bytes_read
            self.read_output()
            self.read_terminal(select.POLLIN)

    # The end.

    def stop(self, by: str, why: str, *, cause: Cause = "stopped", force: bool = False) -> None:
        """Begin the end ladder on somebody's behalf; `force` goes to SIGKILL at once."""
        agent = self.agent
        first = self.cause is None
        if agent is None or agent.ended or not (first or force):
            return
        record = {"kind": "stop_requested", "by": by, "why": why, "force": force}
        if first:
            # What the agent had said before it was asked to stop counts.
            self.drain()
            self.finished_in_time = self.tally.finished is not None
            self.cause, self.stopped = cause, record
        self.journal.add("shim", record)
        hint = "; ^C kills it at once" if self.pane.tty and self.spec["adapter"] and not force else ""
        self.view.note(f"{'killing it' if force else 'stopping'}: {why or f'asked by {by}'}{hint}")
        now = time.monotonic()
        if force:
            self.ladder.force(now)
        else:
            self.ladder.ask(now)
        self._let_go(now)

    def _let_go(self, now: float) -> None:
        """Let a paused worker go on with the signal that ends it already there."""
        if self.paused and self.pause is not None:
            self.climb(now)
            self.pause.let_go(now)

    def hang_up(self) -> None:
        """Begin the end ladder as the pane has gone; `conclude` sees whether tmux has gone with it."""
        if self.cause is None:
            self.hung_up = True
        self.stop("terminal", "the pane was closed")

    def fail(self, sentence: str) -> None:
        """End the run because PanCode itself can't go on with it."""
        self.failure = sentence
        if self.agent is not None and not self.agent.ended:
            self.journal.add(
                "shim", {"kind": "stop_requested", "by": "shim", "why": sentence, "force": False}
            )
            self.view.note(f"stopping: {sentence}")
            self.ladder.ask(time.monotonic())
            self._let_go(time.monotonic())

    def write_down(self) -> None:
        """Have the journal on disk; an agent whose events can't be kept is stopped."""
        if (self.journal.flush() and self.raw[0].error is None) or self.failure is not None:
            return
        error = self.journal.log.error or self.raw[0].error
        # What was set aside holds what is still to be said.
        remove(f"{self.folder}/reserve")
        self.fail(f"the run can't be recorded: {said(error) if error else 'the disk refuses'}")
        self.journal.flush()

    def climb(self, now: float) -> None:
        """Send the signal that is due, if one is."""
        agent = self.agent
        signal = None if agent is None or agent.childless else self.ladder.due(now)
        if agent is None or signal is None:
            return
        if signal == SIGINT:
            pids = agent.interrupt()
        elif signal == SIGKILL:
            pids = agent.kill()
        else:
            pids = agent.terminate(hang_up=self.spec["interactive"])
        if pids:
            self.journal.add("shim", {"kind": "signalled", "signal": signals.name(signal), "pids": pids})
        self.collect()

    def collect(self) -> None:
        """Collect what has ended; when the agent has, sweep up what it leaves behind."""
        agent = self.agent
        if agent is None:
            return
        before = agent.ended
        agent.collect()
        if not agent.ended or before:
            return
        self.exec_report()
        self.drain()
        self._unseen_start(agent)
        agent.reaped.clear()
        if self.begun is not None:
            self.journal.add("shim", {"kind": "exited", "code": agent.exit, "signal": agent.signal})
            self.journal.flush(sync=True)
        if not agent.childless:
            self.ladder.sweep(time.monotonic())
            self.climb(time.monotonic())

    def _unseen_start(self, agent: Agent) -> None:
        """Learn from its end whether an agent was exec'ed that ended before it was seen."""
        enclosure = agent.started.enclosure
        if enclosure is not None and not enclosure.resolved:
            self._started(enclosure.outcome(agent.exit), agent)


def _cast(path: str, spec: Spec, size: tuple[int, int]) -> Cast | None:
    """Begin the recording; None where that can't be done: a run is not worse for it."""
    try:
        return Cast(path, spec, size)
    except OSError:
        return None


def _view(spec: Spec) -> type[View]:
    """Give the way to show the agent; the other one's code stays out of memory."""
    if spec["adapter"] is None:
        from pancode.worker.terminal import Terminal

        return Terminal
    from pancode.worker.structured import Structured

    return Structured
