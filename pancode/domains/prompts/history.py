"""The prompts that a project's runs were given: each text once, by its hash."""

from __future__ import annotations

import os
import time
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.prompts.api import Compiled
from pancode.engine import files

FOLDER = ".prompts"
"""Beside the sessions of a project; no session can have this name."""
ENDING = ".json"
SHORTEST = 4
"""Letters of a hash that are enough to ask for it."""


class History:
    """One project's kept prompts."""

    def __init__(self, project_state: str) -> None:
        """Keep below `project_state`; the directory is made with the first."""
        self._folder = os.path.join(project_state, FOLDER)
        self._known: set[str] = set()

    def keep(self, compiled: Compiled) -> None:
        """Write a prompt down unless it is there; PanError where it can't be written."""
        path = self._path(compiled.hash)
        if compiled.hash in self._known or os.path.exists(path):
            self._known.add(compiled.hash)
            return
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
        except OSError as error:
            problem = f"can't make the directory {self._folder}"
            raise files.unusable(problem, error, "free some space or make it writable") from None
        files.write_json(path, {"v": 1, "at": time.time(), **compiled.about, **compiled.to_json(),
                                "source": {used.id: used.source for used in compiled.used},
                                "text": compiled.kept})  # fmt: skip
        self._known.add(compiled.hash)

    def all(self) -> list[dict[str, Any]]:
        """Give what is kept, the newest first."""
        names = os.listdir(self._folder) if os.path.isdir(self._folder) else []
        found = (files.read_json(os.path.join(self._folder, name)) for name in names if name.endswith(ENDING))
        return sorted((one for one in found if one and _is_kept(one)), key=lambda one: -float(one["at"]))

    def get(self, beginning: str) -> dict[str, Any]:
        """Give the one prompt whose hash begins so; PanError NOT_FOUND, or USAGE where several do."""
        found = [one for one in self.all() if str(one["hash"]).startswith(beginning)]
        if len(beginning) < SHORTEST or len(found) > 1:
            raise PanError(
                f'"{beginning}" is too short for a hash'
                if not found or len(beginning) < SHORTEST
                else f'"{beginning}" is the beginning of {len(found)} hashes',
                remedy="give more letters of it; pancode prompts history",
                code=ExitCode.USAGE,
            )
        if not found:
            raise PanError(
                f'no run of this project was given a prompt "{beginning}"',
                remedy="pancode prompts history",
                code=ExitCode.NOT_FOUND,
            )
        return found[0]

    def _path(self, digest: str) -> str:
        return os.path.join(self._folder, f"{digest}{ENDING}")


def _is_kept(one: dict[str, Any]) -> bool:
    texts = all(isinstance(one.get(key), str) for key in ("hash", "text"))
    return texts and isinstance(one.get("at"), int | float) and isinstance(one.get("fragments"), list)
