"""A subscriber that outlives every controller: what it was told of must be in the journals."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict

from pancode.cli.client import Link
from pancode.core.errors import PanError
from pancode.engine.places import Places


class Ear:
    """Listens in a thread of its own, and connects again whenever a controller has gone."""

    def __init__(self, places: Places) -> None:
        """Begin to listen as soon as somebody speaks."""
        self._places = places
        self._told: dict[str, set[int]] = defaultdict(set)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="chaos ear", daemon=True)
        self._thread.start()

    def told(self, run: str) -> frozenset[int]:
        """Give the sequence numbers of a run's records that came by."""
        return frozenset(self._told.get(run, ()))

    def close(self) -> None:
        """Listen no longer; ends with the session, or with what is said next."""
        self._ended.set()

    def _listen(self) -> None:
        while not self._ended.wait(0.02):
            with contextlib.suppress(PanError, OSError, ValueError):
                link = Link(self._places)
                for line in link.stream("subscribe", {"topics": ["events"]}):
                    event = line.get("event") or {}
                    if "record" in event:
                        self._told[str(event["run"])].add(int(event["record"]["seq"]))
                    if self._ended.is_set():
                        break
                link.close()
