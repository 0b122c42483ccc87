"""What a heartbeat says, from evidence: processes, processor time, bytes, last event, running tool."""

from __future__ import annotations

import posix

from pancode.worker import tree
from pancode.worker.limits import ALIVE_SHARE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pancode.worker.tally import Tally


class Heart:
    """Beats every `period` seconds and remembers what was so at the last beat."""

    __slots__ = ("_at", "_cpu", "_period", "_seen", "next_at")

    def __init__(self, period: float, now: float) -> None:
        """Date the first beat."""
        self._period = max(period, 0.05)
        self._at = now
        self._cpu = 0.0
        self._seen = 0
        self.next_at = now + self._period

    def beat(
        self, tally: Tally, bytes_read: int, now: float, *, instead: str | None = None
    ) -> dict[str, Any]:
        """Give the heartbeat record, and date the next one; `bytes_read` is what the agent wrote so far.

        `instead` is a state that counts more than what the worker does: stopping, paused or asking.
        """
        processes = tree.glance(posix.getpid())
        cpu = tree.cpu_seconds(processes)
        busy = cpu - self._cpu >= ALIVE_SHARE * (now - self._at)
        seen, self._seen = bytes_read - self._seen, bytes_read
        self._cpu, self._at = cpu, now
        self.next_at = now + self._period
        if instead is not None:
            state = instead
        elif tally.retrying:
            state = "retrying"
        else:
            state = "working" if seen or busy or tally.tool else "quiet"
        return {
            "kind": "heartbeat",
            "state": state,
            "procs": len(processes),
            "cpu_s": round(cpu, 2),
            "bytes": seen,
            "last_event_age_s": None if tally.last_at is None else round(now - tally.last_at, 1),
            "tool": tally.tool,
        }
