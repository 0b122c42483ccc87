"""The `Prompts` service: compiles from the files in force, and keeps what runs were told."""

from __future__ import annotations

import os

from pancode.domains.prompts.api import Compiled, Occasion, Persona
from pancode.domains.prompts.compile import compile_prompt
from pancode.domains.prompts.history import History
from pancode.domains.prompts.library import Library


class Compiler:
    """Compiles with the shipped fragments and the user's; keeps texts for one project."""

    def __init__(self, home: str | None = None, project_state: str | None = None) -> None:
        """Read `home`/prompts; keep below `project_state`, or nowhere."""
        self.library = Library(home)
        self._history = None if project_state is None else History(project_state)

    def compile_prompt(self, persona: Persona, occasion: Occasion) -> Compiled:
        """Give the system prompt, as `compile_prompt` does."""
        return compile_prompt(self.library.fragments(), persona, occasion)

    def keep(self, compiled: Compiled) -> None:
        """Keep the text by its hash, unless it is kept."""
        if self._history is not None:
            self._history.keep(compiled)


def project_state(state: str) -> str:
    """Give where a project keeps what is common to its sessions, by one session's state directory."""
    return os.path.dirname(state)
