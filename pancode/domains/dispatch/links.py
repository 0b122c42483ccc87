"""The connections of the shims: their journal lines in, acknowledgements and orders out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pancode.core.effects import SendAnswer
from pancode.core.events import WorkerSaid
from pancode.engine.files import is_record
from pancode.engine.gathering import Gathering
from pancode.engine.socket import Connection
from pancode.worker.lean_json import loads

ACK_AFTER = 1.0
"""Seconds that an acknowledgement may wait for the next one: it wakes a shim, and nothing hangs on it."""


class Links:
    """At most one connection per run; orders for a run without one wait until it has one.

    What concerns a held action is sent anew on each new connection until its shim says that it has it.
    """

    def __init__(self, post: Callable[[WorkerSaid], None]) -> None:
        """Post a WorkerSaid for each journal record that comes in."""
        self._post = post
        self._links: dict[str, Connection] = {}
        self._orders: dict[str, list[dict[str, Any]]] = {}
        self._held: dict[str, dict[str, dict[str, Any]]] = {}
        self._unacked: dict[str, tuple[Connection, int]] = {}
        self._ack_is_due = False
        self._gathering = Gathering()

    def join(self, run: str, connection: Connection, last_seq: int) -> None:
        """Take over a shim's connection: say what we have, give the orders that waited, then listen."""
        self._links[run] = connection
        connection.on_lost = lambda: self._lost(run, connection)
        connection.send({"ack": last_seq})
        for order in (*self._orders.pop(run, []), *self._held.get(run, {}).values()):
            connection.send(order)
        connection.hand_over(lambda lines: self._lines(run, connection, lines), self._gathering)

    def order(self, run: str, order: dict[str, Any]) -> None:
        """Send an order to a run's shim, at once or as soon as it reports."""
        link = self._links.get(run)
        if link is not None and link.is_open:
            link.send(order)
        else:
            self._orders.setdefault(run, []).append(order)

    def send_answer(self, effect: SendAnswer) -> None:
        """Perform SendAnswer; the order is kept until the shim says that the action isn't held any more."""
        order = dict(effect.order)
        self._held.setdefault(effect.run, {})[order["id"]] = order
        link = self._links.get(effect.run)
        if link is not None and link.is_open:
            link.send(order)

    def forget(self, run: str) -> None:
        """Drop what is kept for a run that has ended."""
        self._orders.pop(run, None)
        self._held.pop(run, None)

    def _lost(self, run: str, connection: Connection) -> None:
        if self._links.get(run) is connection:
            del self._links[run]

    def _lines(self, run: str, connection: Connection, lines: list[bytes]) -> None:
        ended = False
        for line in lines:
            try:
                record = loads(line.decode())
            except ValueError:
                record = None
            if not is_record(record):
                continue  # The journal on disk has it; the end is read from there.
            seq = record["seq"]
            if record.get("kind") == "answered":
                self._held.get(run, {}).pop(str(record.get("id")), None)
            self._post(WorkerSaid(run=run, at=float(record.get("t", 0.0)), seq=seq, record=record))
            self._unacked[run] = connection, seq
            ended = ended or record.get("kind") == "ended"
        if ended:  # The shim waits for this one before it leaves.
            self._ack(run)
        elif self._unacked and not self._ack_is_due:
            self._ack_is_due = True
            asyncio.get_running_loop().call_later(ACK_AFTER, self._ack_all)

    def _ack_all(self) -> None:
        self._ack_is_due = False
        for run in list(self._unacked):
            self._ack(run)

    def _ack(self, run: str) -> None:
        connection, seen = self._unacked.pop(run)
        connection.send({"ack": seen})
