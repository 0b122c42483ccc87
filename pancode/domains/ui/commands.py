"""What a line in the command pane means."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

LEAVING = "this pane stays: leave with the prefix key and d, or end the session with pancode down"
HELP = """\
a verb        run "fix the tests" · status · stop k3f · mode plan
--help        list all verbs; VERB --help says more about one
@agent task   start a run of that agent
!command      start a run of a shell command
Tab completes; Up, Down and Ctrl-R find earlier lines
Ctrl-C clears the line; the prefix key and d leave, and all goes on"""
_STARTS_A_RUN = "--detach"
_WAITS = frozenset({"--wait", "--detach", "--json", "--help"})


@dataclass(frozen=True, slots=True)
class Words:
    """A verb with its arguments."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Say:
    """Nothing to do but to answer."""

    text: str


def meaning(line: str, verbs: Collection[str]) -> Words | Say:
    """Read one line; `verbs` are the names that `pancode` knows.

    >>> meaning("@codex make it faster", ())
    Words(words=('run', '--agent', 'codex', '--detach', '--', 'make it faster'))
    >>> meaning("!pytest -q", ()).words[-1]
    'pytest -q'
    """
    line = line.strip()
    if line.startswith("@"):
        agent, _, task = line[1:].partition(" ")
        if not agent or not task.strip():
            return Say("write @agent and then the task, such as @codex make the tests pass")
        return _run(agent, task.strip())
    if line.startswith("!"):
        command = line[1:].strip()
        return _run("shell", command) if command else Say("write the command after the !, such as !pytest -q")
    if line in ("help", "?"):
        return Say(HELP)
    if line in ("exit", "quit", "logout"):
        return Say(LEAVING)
    return _verb(line, verbs)


def _run(agent: str, task: str) -> Words:
    return Words(("run", "--agent", agent, _STARTS_A_RUN, "--", task))


def _verb(line: str, verbs: Collection[str]) -> Words | Say:
    first = line.split(maxsplit=1)[0]
    if first == "pancode" or first in verbs or first.startswith("--"):
        try:
            words = shlex.split(line)
        except ValueError as error:
            return Say(f"can't read that line: {str(error).lower()}")
        words = words[1:] if words[0] == "pancode" else words
        if words[:1] == ["run"] and not _WAITS.intersection(words):
            # A run that is waited for would hold the prompt; its end is told above the prompt anyway.
            words.insert(1, _STARTS_A_RUN)
        return Words(tuple(words) or ("--help",))
    near = get_close_matches(first, list(verbs), 1)
    hint = f"did you mean {near[0]}? " if near else ""
    return Say(f"{hint}no model is configured yet; type a verb, @agent task or !command, or help")
