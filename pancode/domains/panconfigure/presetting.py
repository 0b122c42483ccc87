"""Changes the preset of a session that is up, and goes back to what was before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level, Mode
from pancode.core.state import Session
from pancode.domains.panconfigure.changes import OPERATOR, SESSIONS, SessionChanges
from pancode.domains.panconfigure.inforce import InForce
from pancode.domains.panconfigure.layers import Resolved
from pancode.domains.panconfigure.schema import BY_NAME
from pancode.domains.panconfigure.settings import OFF
from pancode.domains.panconfigure.sources import Preset
from pancode.domains.safety.api import Word
from pancode.engine import clock
from pancode.engine.files import read_json, write_json


class Presetting:
    """Knows which preset the session has, by a file in its state: a killed controller's next one goes on."""

    def __init__(self, changes: SessionChanges, path: str) -> None:
        """Keep the preset in the file `path`."""
        self._changes = changes
        self._path = path

    def told(self) -> dict[str, Any]:
        """Give the session's preset, None for none."""
        return {"preset": self._changes.configuration.current().preset}

    def choose(self, name: str, environment: Mapping[str, str]) -> dict[str, Any]:
        """Let the preset `name` hold from now on; `off` goes back to what was before the first one.

        PanError as `InForce.preset`; nothing has changed then.
        """
        if name == OFF:
            return self._off()
        configuration = self._changes.configuration
        preset = configuration.preset(name)
        kept, before = read_json(self._path) or {}, self.told()["preset"]
        session = self._changes.around.session()
        was = kept.get("before") if before is not None and kept.get("before") else _now(session)
        self._changes.write_down(f"preset {name}", f"it was {before or 'none'}", Word.ALLOWED, OPERATOR)
        write_json(self._path, {"v": 1, "preset": name, "before": was})
        found = configuration.resolved({**self._changes.around.own, **environment})
        self._changes.take_effect({key: found[key] for key in SESSIONS.values() if key in preset.given})
        self._changes.around.post(ev.SettingsChanged(at=clock.now()))
        return {**self.told(), "before": before, "notes": _notes(preset, found)}

    def _off(self) -> dict[str, Any]:
        before = self.told()["preset"]
        if before is None:
            raise PanError("the session has no preset", remedy="pancode preset list", code=ExitCode.NOT_FOUND)
        kept = read_json(self._path) or {}
        preset = self._preset(self._changes.configuration, before)
        self._changes.write_down("preset off", f"it was {before}", Word.ALLOWED, OPERATOR)
        notes = self._back(preset, kept.get("before"))
        write_json(self._path, {"v": 1, "preset": OFF, "before": None})
        self._changes.around.post(ev.SettingsChanged(at=clock.now()))
        return {**self.told(), "before": before, "notes": notes}

    def _back(self, preset: Preset | None, was: object) -> list[str]:
        """Give the session the mode and the level that it had, as far as it has still those of the preset."""
        around, now = self._changes.around, clock.now()
        told = was if isinstance(was, dict) else {}
        notes = []
        for name, have in _now(around.session()).items():
            given = preset.given.get(SESSIONS[name]) if preset is not None else None
            if given is None or told.get(name) in (None, have):
                continue
            if given.text != have:
                notes.append(f"{name} stays {have}, as it was chosen since")
            elif name == "safety":
                around.post(ev.LevelChosen(level=Level(told[name]), at=now))
            else:
                around.post(ev.ModeChosen(mode=Mode(told[name]), at=now))
        return notes

    def _preset(self, configuration: InForce, name: str) -> Preset | None:
        try:
            return configuration.preset(name)
        except PanError:  # It has been taken out of the file since: going back must be possible all the same.
            return None


def _now(session: Session) -> dict[str, str]:
    mode = session.before_admin if session.mode is Mode.ADMIN else session.mode
    return {"safety": session.level.value, "mode": mode.value}


def _notes(preset: Preset, found: Mapping[str, Resolved]) -> list[str]:
    """Give what of the preset doesn't hold at once, and why."""
    notes = []
    for name, given in preset.given.items():
        winner = found[name].winner
        if winner.layer not in ("preset", "session"):
            notes.append(f"{name} stays {winner.text}: {winner.where} is stronger")
        elif not BY_NAME[name].is_hot:
            notes.append(f"{name} {given.text} counts {BY_NAME[name].effect}")
    return notes
