"""A client of the CONNECT proxy until it has its tunnel, or knows why it gets none."""

from __future__ import annotations

import _socket
import _thread
import time

from pancode.worker.proxy import (
    LONGEST_HEAD,
    Refusal,
    asked,
    lies_near,
    reach,
    refused,
    rule_for,
    target,
    through,
)
from pancode.worker.relay import Leaving, Pair, reset
from pancode.worker.signals import hold, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pancode.worker.porter import Porter
    from pancode.worker.profile import Network

HEAD_S = 10.0
"""How long a request's head may take to arrive."""
MOST_CALLING = 32
"""Names looked up and connections made at a time, each in a thread of its own."""
MOST_PLACES = 200
"""Places whose decisions are told one by one."""
STACK = 512 << 10
_PEEK, _TRUNC = 2, 0x20
_BAD, _FORBIDDEN, _TOO_SLOW, _TOO_LONG, _TOO_MANY = 400, 403, 408, 431, 503
_UNREACHABLE = 502
_END = b"\r\n\r\n"
_TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Ledger:
    """What was decided on which place: told at the first time, then counted."""

    __slots__ = ("_counts", "_told")

    def __init__(self, told: Callable[[dict[str, object]], None]) -> None:
        """Tell `told` each decision that is the first on its place."""
        self._told = told
        self._counts: dict[tuple[str, int, str], tuple[str, int]] = {}

    def note(self, host: str, port: int, decision: str, why: str) -> None:
        """Take note of one decision, "allowed" or "blocked"."""
        place = host, port, decision
        if place in self._counts:
            self._counts[place] = why, self._counts[place][1] + 1
        elif len(self._counts) < MOST_PLACES:
            self._counts[place] = why, 0
            self._told(_record(place, why, 1))
        else:
            other = "", 0, decision
            count = self._counts.get(other, ("", 0))[1]
            self._counts[other] = f"more than {MOST_PLACES} places: the others are only counted", count + 1

    def rest(self) -> None:
        """Tell how often there was more of the same."""
        for place, (why, count) in self._counts.items():
            if count:
                self._told(_record(place, why, count))
        self._counts.clear()


def _record(place: tuple[str, int, str], why: str, count: int) -> dict[str, object]:
    host, port, decision = place
    return {"kind": "net", "host": host, "port": port, "decision": decision, "why": why, "count": count}


class Caller:
    """Reads the head of one request, has the place looked up by a thread, and makes way for a `Pair`."""

    __slots__ = ("_done", "_head", "_line", "_place", "_porter", "_rule")

    def __init__(self, porter: Porter, line: _socket.socket) -> None:
        """Read from `line`, which doesn't block."""
        self._porter = porter
        self._line = line
        self._head = bytearray()
        self._place = ("", 0)
        self._rule = ""
        self._done = False
        porter.come()
        porter.late[self] = time.monotonic() + HEAD_S
        porter.watch(line.fileno(), porter.IN, self)

    def on(self, _fd: int, _mask: int) -> None:
        """Take in what belongs to the head, and nothing of what follows it."""
        buffer = self._porter.buffer
        size = self._line.recv_into(buffer, LONGEST_HEAD, _PEEK)
        if size == 0:
            self.abandon()
            return
        before = len(self._head)
        self._head += buffer[:size]
        end = self._head.find(_END, max(0, before - len(_END)))
        taken = size if end < 0 else end + len(_END) - before
        self._line.recv_into(buffer, taken, _TRUNC)
        if (end if end >= 0 else len(self._head)) > LONGEST_HEAD:
            self._refuse(Refusal(f"the request's head is longer than {LONGEST_HEAD} bytes", _TOO_LONG))
        elif end >= 0:
            self._asked(bytes(self._head[:end]))
        elif not self._head[:1].isalpha():
            self._refuse(Refusal("this is not an HTTP request", _BAD))

    def late(self) -> None:
        """Say that it took too long."""
        self._refuse(Refusal("the request's head didn't arrive in time", _TOO_SLOW))

    def _asked(self, head: bytes) -> None:
        place = asked(head)
        if isinstance(place, Refusal):
            self._place = target(head)
            self._refuse(place)
            return
        self._place = place
        rule = rule_for(*place, self._porter.network["hosts"])
        if rule is None:
            self._refuse(Refusal(f"{_named(*place)} is not one of the hosts that this worker may reach"))
            return
        self._rule = f"allowed host {rule}"
        if self._porter.calling >= MOST_CALLING:
            self._refuse(Refusal("too many connections are being made at once", _TOO_MANY))
            return
        self._porter.forget(self._line.fileno(), self)
        self._call()

    def _call(self) -> None:
        """Have a thread make the connection; names can't be looked up without waiting."""
        self._porter.calling += 1
        # Signals are for the main thread.
        before = hold()
        try:
            _thread.start_new_thread(self._connect, ())
        except RuntimeError:
            self._porter.calling -= 1
            self._refuse(Refusal("the system gives no more threads", _TOO_MANY))
        finally:
            release(before)

    def _connect(self) -> None:
        """In a thread of its own: come back with a connection or a refusal."""
        try:
            found: _socket.socket | Refusal = _way(*self._place, self._porter.network)
        except Refusal as refusal:
            found = refusal
        except Exception as error:  # noqa: BLE001 -- whatever happens, the client must have an answer
            found = Refusal(f"{_named(*self._place)} can't be reached: {error}", _UNREACHABLE)
        self._porter.back(self, found)

    def back(self, found: _socket.socket | Refusal) -> None:
        """Take the connection, in the porter's thread."""
        self._porter.calling -= 1
        if isinstance(found, Refusal):
            if not self._done:
                self._refuse(found)
            return
        if self._done:
            found.close()
            return
        self._porter.ledger.note(*self._place, "allowed", self._rule)
        try:
            found.setblocking(False)
            self._line.send(_TUNNEL)
        except OSError:
            reset(found)
            self.abandon()
            return
        self._end()
        Pair(self._porter, self._line, found)

    def _refuse(self, refusal: Refusal) -> None:
        """Say why not; a place that may be reached but isn't there is not one that was blocked."""
        blocked = refusal.status == _FORBIDDEN
        if blocked or not self._rule:
            self._porter.ledger.note(*self._place, "blocked", refusal.why)
        else:
            self._porter.ledger.note(*self._place, "allowed", f"{self._rule}, but {refusal.why}")
        self._end()
        Leaving(self._porter, self._line, refused(refusal.why, refusal.status))

    def _end(self) -> None:
        self._done = True
        self._porter.forget(self._line.fileno(), self)
        self._porter.gone()

    def abandon(self) -> None:
        """Hang up."""
        if not self._done:
            self._end()
            reset(self._line)


def _way(host: str, port: int, network: Network) -> _socket.socket:
    """Connect to an allowed place: the operator's own hosts directly where they are in a private network."""
    near = rule_for(host, port, network.get("near") or []) is not None
    upstream = network.get("upstream")
    if upstream and not (near and lies_near(host, port)):
        return through(upstream, host, port)
    return reach(host, port, near=near)


def _named(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
