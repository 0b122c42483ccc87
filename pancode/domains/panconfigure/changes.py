"""Changes of settings in a session that is up: who may, what takes effect, what is written down."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pancode.core import events as ev
from pancode.core.actions import ActionClass
from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level, Mode
from pancode.core.state import Session
from pancode.domains.panconfigure import changing, rows
from pancode.domains.panconfigure.api import Applied, NeedsOperator
from pancode.domains.panconfigure.changing import Change
from pancode.domains.panconfigure.inforce import InForce
from pancode.domains.panconfigure.key import Key, Value
from pancode.domains.panconfigure.layers import Resolved
from pancode.domains.safety.api import Decided, Word
from pancode.engine import clock

OPERATOR = "operator"
SESSIONS = {"safety": "runtime.safety", "mode": "runtime.mode"}
"""The settings that are the session's own, by the field that it has them in."""


@dataclass(frozen=True, slots=True)
class Around:
    """The controller, as far as a change reaches: `own` is its environment, `audit` writes a decision."""

    home: str
    name: str
    own: Mapping[str, str]
    session: Callable[[], Session]
    post: Callable[[ev.Event], None]
    audit: Callable[[Decided], object]


class SessionChanges:
    """Implements `Changes`; and carries out what the verbs ask for."""

    def __init__(self, configuration: InForce, around: Around) -> None:
        """Change what `configuration` reads."""
        self.configuration = configuration
        self.around = around

    def rows(self, group: str | None = None) -> list[dict[str, Any]]:
        """Give every setting in force for the controller, or those of a group."""
        found: list[dict[str, Any]] = rows.listed(self.configuration, self.around.own, group)["settings"]
        return found

    async def apply(self, key: str, value: str, by: str) -> Applied | NeedsOperator:
        """Make a change that allows nothing more than before; give any other one back for the operator."""
        setting = changing.key_of(key)
        changing.check(setting, value)
        why = self._forbids(setting, value)
        command = f"pancode config set {setting.name} {value}"
        if why is not None:
            self.write_down(f"config set {setting.name} {value}", why, Word.BLOCKED, by)
            return NeedsOperator(setting.name, value, why, command)
        return await self.set(setting, value, by)

    def _forbids(self, key: Key, value: str) -> str | None:
        """Give why only the operator may make the change; None: anybody in the session may."""
        if key.others == "no":
            return f"only the operator sets {key.name}"
        if key.admin and self.around.session().mode is not Mode.ADMIN:
            return f"{key.name} is set in admin mode only"
        after = key.read(value)
        if key.others == "reach" and (
            far := self.configuration.too_far(value, self.around.own, "the orchestrator")
        ):
            return far
        said = self.configuration.resolved(self.around.own)[key.name].said
        # A stronger layer may allow more at the moment than the file, which holds for every session.
        own = next(one.value for one in said if one.layer in ("user", "default"))
        for before, where in ((self.live(key), "is in force"), (own, "holds for every session of yours")):
            if key.loosens(before, after):
                return f"it allows more than {before if before is not None else key.default}, which {where}"
        return None

    def live(self, key: Key) -> Value:
        """Give the value in force now; for mode and level that of the session."""
        session = self.around.session()
        if key.field == "safety":
            return session.level.value
        if key.field == "mode":
            # Admin is looser than any that a setting can name.
            return "plan" if session.mode is Mode.ADMIN else session.mode.value
        return self.configuration.resolved(self.around.own)[key.name].value

    async def set(
        self, key: Key, value: str | None, by: str, environment: Mapping[str, str] | None = None
    ) -> Applied:
        """Write the setting into the user's file (None: take it out) and let it take effect."""
        changing.check(key, value)
        self.configuration.check_preset(key.name, value)
        self._only_in_admin(key)
        word = f"set {key.name} {value}" if value is not None else f"unset {key.name}"

        def write() -> Change:
            return changing.change(self.around.home, key, value, by)

        return await self._carried_out(key, write, f"config {word}", by, environment)

    async def undo(self, by: str, environment: Mapping[str, str] | None = None) -> Applied:
        """Take the last change back and let that take effect."""
        number, made = changing.last(self.around.home)
        key = changing.key_of(made.key)
        self._only_in_admin(key)

        def write() -> Change:
            return changing.undo(self.around.home, by, number)

        return await self._carried_out(key, write, f"config undo ({key.name})", by, environment)

    async def _carried_out(
        self,
        key: Key,
        write: Callable[[], Change],
        command: str,
        by: str,
        environment: Mapping[str, str] | None,
    ) -> Applied:
        asker = {**self.around.own, **(environment or {})}
        before = self.configuration.before_a_change(asker)[key.name]
        self.write_down(command, f"{key.name} was {rows.text_of(before)}", Word.ALLOWED, by)
        made = await asyncio.to_thread(write)
        after = self.configuration.before_a_change(asker)[key.name]
        notes = [] if made.is_none else self._notes(made, after)
        if after.winner.layer in ("user", "default") or after.value != before.value:
            self.take_effect({key.name: after})
        self.around.post(ev.SettingsChanged(at=clock.now()))
        return Applied(key.name, rows.text_of(before), rows.text_of(after), key.effect, tuple(notes))

    def take_effect(self, found: Mapping[str, Resolved]) -> None:
        """Let the session have the level and the mode that are among these settings."""
        session, now = self.around.session(), clock.now()
        level, mode = (found.get(name) for name in SESSIONS.values())
        if level is not None and session.level.value != level.value:
            self.around.post(ev.LevelChosen(level=Level(str(level.value)), at=now))
        if mode is not None and session.mode.value != mode.value:
            self.around.post(ev.ModeChosen(mode=Mode(str(mode.value)), at=now))

    def _notes(self, made: Change, after: Resolved) -> list[str]:
        winner = after.winner
        if made.after is None or winner.layer in ("user", "default"):
            return []
        return [f"{winner.where} is stronger and says {winner.text}"]

    def _only_in_admin(self, key: Key) -> None:
        if key.admin and self.around.session().mode is not Mode.ADMIN:
            raise PanError(
                f"{key.name} can be changed in admin mode only",
                remedy="Alt+A, or pancode mode admin, and then again",
                code=ExitCode.REFUSED,
            )

    def write_down(self, command: str, why: str, word: Word, by: str) -> None:
        """Write into the audit log what is about to be done, or was refused; PanError if that can't be."""
        self.around.audit(decided(self.around.name, command, why, word, by))


def decided(session: str, command: str, why: str, word: Word, by: str) -> Decided:
    """Give the audit log's record of a change of settings."""
    return Decided(
        run="",
        session=session,
        agent="",
        action={"tool": "config", "command": f"pancode {command}"},
        digest=hashlib.sha256(command.encode()).hexdigest(),
        kind=ActionClass.GOVERNANCE_WRITE.value,
        decision=word,
        by=by,
        rule="config",
        why=why,
    )
