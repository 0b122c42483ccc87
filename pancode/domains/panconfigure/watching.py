"""What is written into settings by hand while a session is up: shown, and heeded where it allows less."""

from __future__ import annotations

import os
from collections.abc import Callable

from pancode.core import events as ev
from pancode.core.grants import Mode
from pancode.domains.panconfigure.changes import OPERATOR, SESSIONS, SessionChanges
from pancode.domains.panconfigure.key import Value
from pancode.domains.panconfigure.layers import Resolved
from pancode.domains.panconfigure.schema import BY_NAME
from pancode.domains.safety.api import Word
from pancode.engine import clock

LOOK_S = 1.0
"""Between two looks, each of which asks the system for four files."""
_PRESET = "preset.active"
_OWN = ("user", "preset", "default")
"""The layers that are the operator's own files, and what holds without them."""


class Watching:
    """Looks whether the files have changed.

    Who has written a file, nobody can say: a worker that runs without a sandbox might have. So what allows
    more than the session has is told, and waits for a person's word in the session.
    """

    def __init__(self, changes: SessionChanges, tell: Callable[[str], None]) -> None:
        """`tell` shows a sentence to whoever is attached."""
        self._changes = changes
        self._tell = tell
        self._know()

    def _know(self) -> None:
        self._stamps = self._changes.configuration.stamps()
        self._seen = self._stamps
        self._said = self._session_settings()

    async def watch(self) -> None:
        """Look for as long as the controller lives."""
        while True:
            await clock.pause(LOOK_S)
            self.look()

    def look(self) -> None:
        """Take up a change that was there at the last look: it is whole, and no verb has just made it."""
        now = self._changes.configuration.stamps()
        if now != self._stamps and now == self._seen:
            self.take_up()
        self._seen = now

    def take_up(self) -> None:
        """Where a file has changed, let the session have what it may, and everybody else look again."""
        if self._changes.configuration.stamps() != self._stamps:
            self.heed()
            self._changes.around.post(ev.SettingsChanged(at=clock.now()))

    def heed(self) -> None:
        """Let the session have what it may of what the files say otherwise than before.

        What a verb has just set there is in force already; so is what another preset says, as far as that
        is wanted.
        """
        before = self._said
        self._know()
        if self._said[_PRESET].value != before[_PRESET].value:
            return
        for name in SESSIONS.values():
            found = self._said[name]
            if found.value != before[name].value and found.winner.layer in _OWN:
                self._take(name, found)

    def _take(self, name: str, found: Resolved) -> None:
        key, session = BY_NAME[name], self._changes.around.session()
        live: Value = session.level.value if key.field == "safety" else session.mode.value
        if live in (found.value, Mode.ADMIN.value):
            return
        where = os.path.basename(found.winner.where) or "the default"
        told = f"{name} {found.value}"
        if key.loosens(live, found.value):
            self._changes.write_down(
                told, f"{where}, by hand; it allows more than {live}", Word.BLOCKED, OPERATOR
            )
            self._tell(
                f"{where} says {found.value}, which allows more than {live}: "
                f"pancode {key.field} {found.value} takes it over"
            )
        else:
            self._changes.write_down(told, f"{where}, by hand", Word.ALLOWED, OPERATOR)
            self._changes.take_effect({name: found})

    def _session_settings(self) -> dict[str, Resolved]:
        found = self._changes.configuration.before_a_change(self._changes.around.own)
        return {name: found[name] for name in (*SESSIONS.values(), _PRESET)}
