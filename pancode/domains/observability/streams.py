"""`subscribe`: changes as they happen. Status comes in batches, as a person reads; events at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.events import (
    ClientsChanged,
    RunChanged,
    RunForgotten,
    SessionChanged,
    SettingsChanged,
    WorkerSaid,
)
from pancode.core.host import Args, Caller
from pancode.core.redact import redact_value
from pancode.domains.observability.api import Snapshot
from pancode.engine import clock

PAUSE = 0.1
"""Seconds between two batches of status to one subscriber; a person can't read faster."""
UNSEEN = 10
"""Times as long it takes to a pane that nobody looks at."""
TOPICS = ("status", "events")


class Subscriber:
    """What one client wants, and what it has not been told yet."""

    def __init__(
        self, caller: Caller, topics: frozenset[str], agent: str | None = None, *, is_pane: bool = False
    ) -> None:
        """Begin with nothing to tell; of `agent` alone are the events, where one is named."""
        self.caller = caller
        self.topics = topics
        self.agent = agent
        self.is_pane = is_pane
        self.runs: set[str] = set()
        self.gone: list[str] = []
        self.session = False
        self.wake = asyncio.Event()


class Streams:
    """Feeds every subscriber."""

    def __init__(
        self, snapshot: Snapshot, agent_of: Callable[[str], str | None], is_seen: Callable[[], bool]
    ) -> None:
        """Send what `snapshot` says; `agent_of` gives a run's agent, `is_seen` whether anybody looks."""
        self._snapshot = snapshot
        self._is_seen = is_seen
        self._agent_of = agent_of
        self._subscribers: set[Subscriber] = set()

    def on_run(self, event: RunChanged) -> None:
        """Note a changed worker; its end changes the totals too."""
        for subscriber in self._of("status"):
            subscriber.runs.add(event.run_id)
            subscriber.session = True
            subscriber.wake.set()

    def on_forgotten(self, event: RunForgotten) -> None:
        """Note a run that is no longer in memory."""
        for subscriber in self._of("status"):
            subscriber.gone.append(event.run_id)
            subscriber.wake.set()

    def on_session(self, _: SessionChanged | ClientsChanged | SettingsChanged | None = None) -> None:
        """Note a changed session."""
        for subscriber in self._of("status"):
            subscriber.session = True
            subscriber.wake.set()

    def on_record(self, event: WorkerSaid) -> None:
        """Tell a journal record to those who want each one."""
        for subscriber in self._of("events"):
            if subscriber.agent is not None and subscriber.agent != self._agent_of(event.run):
                continue
            record = event.record
            if record.get("kind") == "asked":
                # The one record that comes with its secrets: the policy judges the action as it is.
                record = redact_value(record)
            subscriber.caller.tell({"topic": "event", "run": event.run, "record": record})

    def _of(self, topic: str) -> list[Subscriber]:
        return [subscriber for subscriber in self._subscribers if topic in subscriber.topics]

    async def subscribe(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Stream until the client leaves.

        Topic `status`: first the whole status, then rows and session facts as they change, and
        {"topic": "gone", "run": id} for an ended run that left memory. Topic
        `events`: every journal record of every run as {"topic": "event", "run": id, "record": {...}};
        with `agent` only of that agent's runs. To a `pane` of the session, status comes once a second while
        nobody is attached.
        """
        agent = args.get("agent")
        named = agent if isinstance(agent, str) else None
        subscriber = Subscriber(caller, _topics(args), named, is_pane=args.get("pane") is True)
        self._subscribers.add(subscriber)
        try:
            if "status" in subscriber.topics:
                await caller.send({"topic": "status", "status": self._snapshot.status()})
            else:
                await caller.send({"topic": "ready"})
            while not caller.gone:
                await subscriber.wake.wait()
                subscriber.wake.clear()
                await self._send(subscriber, caller)
        except ConnectionError:
            pass
        finally:
            self._subscribers.discard(subscriber)
        return {}

    async def _send(self, subscriber: Subscriber, caller: Caller) -> None:
        runs, subscriber.runs = subscriber.runs, set()
        session, subscriber.session = subscriber.session, False
        gone, subscriber.gone = subscriber.gone, []
        for run in sorted(runs):
            try:
                row = self._snapshot.row(run)
            except KeyError:
                continue  # It has left memory since.
            await caller.send({"topic": "worker", "worker": row})
        for run in gone:
            await caller.send({"topic": "gone", "run": run})
        if session:
            await caller.send({"topic": "session", "session": self._snapshot.session()})
        await clock.pause(PAUSE)
        for _ in range(UNSEEN - 1):
            if self._is_seen() or not subscriber.is_pane:
                break
            await clock.pause(PAUSE)


def _topics(args: Args) -> frozenset[str]:
    asked = args.get("topics", ["status"])
    if not isinstance(asked, list) or not asked or any(topic not in TOPICS for topic in asked):
        raise PanError(
            "the topics are a list of " + " and ".join(f'"{topic}"' for topic in TOPICS), code=ExitCode.USAGE
        )
    return frozenset(asked)
