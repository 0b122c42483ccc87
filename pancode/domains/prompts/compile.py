"""Writes a worker's system prompt: who it is, what its grant permits, what to hand back, its own words."""

from __future__ import annotations

from pancode.core.grants import Grant, Level
from pancode.domains.prompts.api import OWN_LIMIT, Persona

READ_ONLY = "You may read and search, but not change any file or any state, also not through a shell."


def compile_prompt(persona: Persona, grant: Grant, runtime: str, board: str | None = None) -> str | None:
    """Give the worker's system prompt, identity and permissions first; None leaves the CLI's own alone.

    Pure. Never longer than TOKEN_LIMIT tokens, since the loader holds `system_prompt` to OWN_LIMIT
    and the description is cut.
    """
    read_only = persona.read_only or not grant.may_write
    own = persona.system_prompt.strip()[:OWN_LIMIT]
    if persona.bare and not own:
        return READ_ONLY if read_only else None
    return "\n\n".join(
        part
        for part in (
            _identity(persona, runtime),
            READ_ONLY if read_only else _permission(grant.level),
            _contract(read_only=read_only),
            "" if board is None else _board(board, read_only=grant.level is Level.SUGGEST),
            own,
        )
        if part
    )


class Compiler:
    """The `Prompts` service."""

    def compile_prompt(
        self, persona: Persona, grant: Grant, runtime: str, board: str | None = None
    ) -> str | None:
        """Give the worker's system prompt, as `compile_prompt` does."""
        return compile_prompt(persona, grant, runtime, board)


def _identity(persona: Persona, runtime: str) -> str:
    described = " ".join(persona.description.split())[:200].rstrip(".")
    return (
        f'You are "{persona.name}", a worker of PanCode, running on {runtime}.'
        + (f" Your job: {described}." if described else "")
        + " You get one task; do it and stop. Nobody answers questions while you work, so where something is"
        " open, choose the cautious way and say so at the end. Report only what you have seen or done."
    )


def _permission(level: Level) -> str:
    bounds = "You may read, write and run commands inside your working directory."
    if level is Level.FULL_AUTO:
        return f"{bounds} Stay inside the task: don't rewrite git history and don't touch the system."
    return (
        f"{bounds} Don't delete what you didn't make, don't push, don't rewrite git history and don't touch"
        " the system. An action that is refused is refused on purpose: don't look for a way around it."
    )


def _board(command: str, *, read_only: bool) -> str:
    verbs = (
        "list, show ID" if read_only else "list, show ID, create TITLE, update ID --status STATUS, check ID"
    )
    return f"The session has a task board, for when your task speaks of it: {command} VERB ({verbs})."


def _contract(*, read_only: bool) -> str:
    if read_only:
        return (
            "End with a report: SUMMARY in one or two sentences; FINDINGS, one per line, each with path:line"
            " and why it matters; NOT FOUND, what you looked for in vain."
        )
    return (
        "End with a report: RESULT in one or two sentences; FILES CHANGED, one per line; CHECKS, what you"
        " ran and how it ended; OPEN, what is left or uncertain."
    )
