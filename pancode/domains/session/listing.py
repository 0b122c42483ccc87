"""Finds all sessions of this user, up or left behind, whatever project they belong to."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pancode.domains.session.beginning import preset_of
from pancode.engine.files import read_json
from pancode.engine.places import Places, runtime_root
from pancode.engine.tmux.server import look


@dataclass(frozen=True, slots=True)
class Listed:
    """One session by its runtime directory; `server` is what answers at its tmux socket."""

    places: Places
    layout: str
    preset: str | None
    server: str

    @property
    def is_up(self) -> bool:
        """Whether its tmux server lives."""
        return self.server in ("alive", "hung")


def all_sessions() -> list[Listed]:
    """List the sessions whose runtime directories say what they are, by project and name."""
    root = runtime_root()
    found = []
    for entry in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        about = read_json(os.path.join(root, entry, "about.json"))
        words = [(about or {}).get(key) for key in ("project", "session", "home")]
        if about is None or not all(isinstance(word, str) and word for word in words):
            continue
        project, session, home = (str(word) for word in words)
        places = Places(project, session, home, root)
        if os.path.basename(places.runtime) == entry:
            state = look(places.tmux_socket).state
            found.append(Listed(places, str(about.get("layout")), preset_of(places), state))
    return sorted(found, key=lambda listed: (listed.places.project, listed.places.session))
