"""What a line in the command pane means."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from pancode.domains.ui import slash

LEAVING = "this pane stays: leave with the prefix key and d, or end the session with pancode down"
HELP = """\
a sentence    goes to Panos, the orchestrator: scout src/, then fix the login
? text        the same, whatever the first word is
a verb        run "fix the tests" · status · stop k3f · mode plan
--help        list all verbs; VERB --help says more about one
/command      a verb, too: /safety suggest · /budget 5 · /new; /help lists them
@agent task   start a run of that agent
!command      start a run of a shell command
/hotkeys      lists the keys"""
HOTKEYS = """\
Enter              send the line
Alt+Enter          a new line in it, as does a backslash at its end; a paste keeps its lines
Ctrl-X Ctrl-O      unfold [pasted 200 lines]; it is sent whole in any case
Ctrl-X Ctrl-E      write the line in $EDITOR
Tab                complete verbs, /commands, @agents, runs
Up, Down, Ctrl-R   find earlier lines
Ctrl-C             clear the line; in an empty one: stop Panos's turn
Shift+Tab, Alt+A   the mode; Ctrl+Y: the level
prefix key and d   leave, and all goes on"""
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


@dataclass(frozen=True, slots=True)
class Talk:
    """Something for Panos."""

    text: str


def meaning(line: str, verbs: Collection[str]) -> Words | Say | Talk:
    """Read one line; `verbs` are the names that `pancode` knows.

    >>> meaning("@codex make it faster", ())
    Words(words=('run', '--agent', 'codex', '--detach', '--', 'make it faster'))
    >>> meaning("!pytest -q", ()).words[-1]
    'pytest -q'
    >>> meaning("scout src/, then fix the login", ["run"])
    Talk(text='scout src/, then fix the login')
    """
    line = line.strip()
    match line[:1]:
        case "@":
            return _to_agent(line)
        case "!":
            command = line[1:].strip()
            return (
                _run("shell", command) if command else Say("write the command after the !, as in !pytest -q")
            )
        case "/":
            return _command(line, verbs)
        case "?" if line != "?":
            return Talk(line[1:].strip())
    if line in ("help", "?"):
        return Say(HELP)
    if line in ("exit", "quit", "logout"):
        return Say(LEAVING)
    return _verb(line, verbs)


def _to_agent(line: str) -> Words | Say:
    agent, _, task = line[1:].partition(" ")
    if not agent or not task.strip():
        return Say("write @agent and then the task, such as @codex make the tests pass")
    return _run(agent, task.strip())


def _run(agent: str, task: str) -> Words:
    return Words(("run", "--agent", agent, _STARTS_A_RUN, "--", task))


def _command(line: str, verbs: Collection[str]) -> Words | Say:
    if line == "/help" or line.startswith("/help "):
        return Say(slash.help_text(verbs, line[6:].strip()))
    match line:
        case "/hotkeys":
            return Say(HOTKEYS)
        case "/exit" | "/quit":
            return Say(LEAVING)
        case _:
            pass
    found = slash.words_of(line, verbs)
    return Say(found) if isinstance(found, str) else _detached(found)


def _detached(words: tuple[str, ...]) -> Words:
    if words[:1] == ("run",) and not _WAITS.intersection(words):
        # A run that is waited for would hold the prompt; its end is told above the prompt anyway.
        return Words(("run", _STARTS_A_RUN, *words[1:]))
    return Words(words)


def _verb(line: str, verbs: Collection[str]) -> Words | Say | Talk:
    first, *others = line.split(maxsplit=1)
    if first == "pancode" or first in verbs or first.startswith("--"):
        try:
            words = shlex.split(line)
        except ValueError as error:
            return Say(f"can't read that line: {str(error).lower()}")
        words = words[1:] if words[0] == "pancode" else words
        return _detached(tuple(words) or ("--help",))
    near = get_close_matches(first, list(verbs), 1)
    if near and not others:
        return Say(f'there is no verb "{first}"; did you mean {near[0]}? For Panos: ? {line}')
    return Talk(line)
