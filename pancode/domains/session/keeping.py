"""What of a session outlives its controller: mode and level, in session.json. Admin does not."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level, Mode, parse_level
from pancode.core.state import Session
from pancode.engine import files


def keep(path: str, session: Session) -> None:
    """Write session.json; a session in admin is kept in the mode it came from.

    What it says of the configuration at its beginning stays as it is.
    """
    mode = session.before_admin if session.mode is Mode.ADMIN else session.mode
    before = files.read_json(path) or {}
    said = {"configured": before["configured"]} if "configured" in before else {}
    files.write_json(path, {"mode": mode.value, "safety": session.level.value, **said})


def restored(path: str, environment: Mapping[str, str]) -> Session:
    """Give the session to start with: what was kept, else PANCODE_SAFETY, else build and auto-edit.

    A file that can't be read, or a word in it that means nothing, starts at the strictest level.
    """
    if not os.path.lexists(path):
        return Session(level=_level_from(environment))
    saved = files.read_json(path) or {}
    try:
        mode, level = Mode(str(saved.get("mode"))), Level(str(saved.get("safety")))
    except ValueError:
        return Session(mode=Mode.PLAN, before_admin=Mode.PLAN, level=Level.SUGGEST)
    return Session(mode=mode, before_admin=mode, level=level)


def _level_from(environment: Mapping[str, str]) -> Level:
    named = environment.get("PANCODE_SAFETY")
    if not named:
        return Level.AUTO_EDIT
    try:
        return parse_level(named)
    except PanError as error:
        raise PanError(
            f"PANCODE_SAFETY: {error.problem}", remedy=error.remedy, code=ExitCode.CONFIG
        ) from None
