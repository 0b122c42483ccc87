"""What of a session outlives its controller: mode and level, in session.json. Admin does not."""

from __future__ import annotations

import os

from pancode.core.grants import Level, Mode
from pancode.core.state import Session
from pancode.domains.panconfigure.api import Settings
from pancode.domains.session.beginning import ORDERS, stricter
from pancode.engine import files


def keep(path: str, session: Session, settings: Settings) -> None:
    """Write session.json; a session in admin is kept in the mode it came from.

    What the settings say at this moment is kept with it: a change of theirs since is a later word.
    """
    mode = session.before_admin if session.mode is Mode.ADMIN else session.mode
    configured = {"safety": settings.safety, "mode": settings.mode}
    files.write_json(path, {"mode": mode.value, "safety": session.level.value, "configured": configured})


def restored(path: str, settings: Settings) -> Session:
    """Give the session to start with: what was kept, else what the settings say.

    Where the settings have become stricter since, as before a controller was killed, they count. A file
    that can't be read, or a word in it that means nothing, starts at the strictest level.
    """
    if not os.path.lexists(path):
        mode = Mode(settings.mode)
        return Session(mode=mode, before_admin=mode, level=Level(settings.safety))
    saved = files.read_json(path) or {}
    try:
        words = {name: stricter(name, saved, getattr(settings, name)) for name in ORDERS}
        mode, level = Mode(words["mode"]), Level(words["safety"])
    except ValueError:
        return Session(mode=Mode.PLAN, before_admin=Mode.PLAN, level=Level.SUGGEST)
    return Session(mode=mode, before_admin=mode, level=level)
