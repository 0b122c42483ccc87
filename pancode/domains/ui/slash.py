"""The /commands of the command pane: each is a verb, or a few words of an answer."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

Meaning = Callable[[tuple[str, ...]], tuple[str, ...]]


def _verb(*words: str) -> Meaning:
    """Give a command that is these words with whatever is typed after it."""
    return lambda given: (*words, *given)


def _set_or_tell(tell: tuple[str, ...], put: tuple[str, ...]) -> Meaning:
    """Give a command that tells without a value, and sets with one."""
    return lambda given: (*put, *given) if given else tell


def _budget(given: tuple[str, ...]) -> tuple[str, ...]:
    """`/budget 5` is the session's limit in dollars; `/budget day 5` and `/budget day off` mean the day's."""
    if not given or given[0] in ("set", "unset") or given[0].startswith("-"):
        return ("budget", *given)
    if given[-1] == "off":
        return ("budget", "unset", *(given[:-1] or ("session",)))
    amounts = tuple(f"{one.lstrip('$')}usd" if _is_number(one) else one for one in given)
    return ("budget", "set", *(("session",) if _is_number(given[0]) else ()), *amounts)


def _is_number(word: str) -> bool:
    return word.lstrip("$").replace(".", "", 1).isdecimal()


def _runs(given: tuple[str, ...]) -> tuple[str, ...]:
    return ("runs", "--limit", *given) if given and given[0].isdigit() else ("runs", *given)


def _resume(given: tuple[str, ...]) -> tuple[str, ...]:
    return ("ask", "--resume", *given) if given else ("ask", "--conversations")


def _checkpoint(given: tuple[str, ...]) -> tuple[str, ...]:
    """`/checkpoint LABEL` keeps, `/checkpoint list` lists, `/checkpoint restore LABEL` goes back."""
    if given[:1] == ("restore",):
        return ("conversation", *given)
    return ("conversation", "checkpoint", *(() if given == ("list",) else given))


COMMANDS: Mapping[str, tuple[Meaning, str]] = {
    "new": (_verb("ask", "--new"), "begin a new conversation"),
    "reset": (_verb("ask", "--new"), "begin a new conversation; the old one stays, and /resume lists it"),
    "fork": (_verb("conversation", "fork"), "go on in a branch, from here or from an earlier turn"),
    "tree": (_verb("conversation", "tree"), "the conversations with their branches and checkpoints"),
    "checkpoint": (_checkpoint, "keep where the conversation stands; /checkpoint restore LABEL goes back"),
    "name": (_verb("conversation", "name"), "give the conversation a title"),
    "export": (_verb("conversation", "export"), "write the conversation into a file"),
    "copy": (_verb("conversation", "copy"), "put his last answer into the clipboard"),
    "resume": (_resume, "list the conversations, or go on with one"),
    "compact": (
        _verb("ask", "--compact", "--detach"),
        "put a summary in the place of the conversation so far",
    ),
    "context": (_verb("ask", "--context"), "what fills the context, by category"),
    "mode": (_verb("mode"), "tell or set the mode"),
    "modes": (_verb("mode"), "the same"),
    "safety": (_verb("safety"), "tell or set the level"),
    "preset": (_verb("preset"), "tell, apply or take back a preset"),
    "model": (
        _set_or_tell(("config", "get", "models.orchestrator"), ("config", "set", "models.orchestrator")),
        "Panos's own model",
    ),
    "models": (_verb("models"), "the models that answer"),
    "reasoning": (
        _set_or_tell(("config", "get", "runtime.reasoning"), ("config", "set", "runtime.reasoning")),
        "how hard models think",
    ),
    "theme": (
        _set_or_tell(("config", "get", "runtime.theme"), ("config", "set", "runtime.theme")),
        "the colours",
    ),
    "settings": (_set_or_tell(("config",), ("config", "set")), "all settings, or set one"),
    "budget": (_budget, "what is spent and left; /budget 5 sets the session's limit in dollars"),
    "cost": (_verb("cost"), "what everything has cost"),
    "metrics": (_verb("cost", "--by", "agent"), "the same by agent"),
    "share": (_set_or_tell(("share", "list"), ("share",)), "what people and workers share"),
    "stoprun": (_verb("stop"), "end a run"),
    "runs": (_runs, "the newest runs"),
    "batches": (_verb("flow", "list"), "batches, chains, flows and races"),
    "session": (_verb("status"), "how the session is"),
    "dashboard": (_verb("watch"), "the fleet over the whole pane, until q"),
    "tasks": (_verb("task", "list"), "the task board"),
    "agents": (_verb("agents"), "the agents"),
    "workers": (_verb("workers"), "the agents by how fit they are now"),
    "runtimes": (_verb("runtimes"), "the programs that run agents"),
    "skills": (_verb("skills"), "the skills that were found"),
    "audit": (_verb("audit"), "every decision about an action"),
    "approvals": (_verb("approvals"), "what waits for you"),
    "receipt": (_verb("receipt"), "what a run was and what it has cost, sealed"),
    "prompt-debug": (_verb("prompts", "show"), "the prompt of an agent"),
    "prompt-version": (_verb("prompts", "history"), "the prompts of earlier runs"),
    "doctor": (_verb("doctor"), "whether all that a session needs is there and whole"),
    "perf": (_verb("perf"), "how quickly controller, agents and models answer"),
    "reload": (_verb("reload"), "read settings, agents and prompts again, and tell what is wrong"),
    "logout": (_verb("logout"), "forget what is kept of a provider, and say what to unset"),
    "login": (_verb("providers"), "where keys come from, and who has one"),
}
"""By name: what it becomes, and what it does."""


GROUPS: Mapping[str, tuple[str, ...]] = {
    "talk": ("new", "reset", "resume", "compact", "context"),
    "branch": ("fork", "tree", "checkpoint", "name", "export", "copy"),
    "allow": ("mode", "safety", "preset", "budget", "approvals"),
    "model": ("model", "models", "reasoning", "login", "logout"),
    "runs": ("runs", "stoprun", "batches", "tasks", "share", "cost", "metrics", "receipt"),
    "agents": ("agents", "workers", "runtimes", "skills"),
    "look": ("session", "dashboard", "audit", "settings", "theme", "prompt-debug", "prompt-version"),
    "mend": ("doctor", "perf", "reload"),
}
"""How /help lists them."""


def help_text(verbs: Collection[str], about: str = "") -> str:
    """List the commands whose verb is there, or say what one does."""
    if about:
        name = about.lstrip("/")
        if name in COMMANDS and _is_there(name, verbs):
            return f"/{name}: {COMMANDS[name][1]}"
        return f"pancode {name} --help" if name in verbs else f"there is no command /{name}; /help lists them"
    width = max(map(len, GROUPS))
    there = {
        group: " ".join(f"/{name}" for name in names if _is_there(name, verbs))
        for group, names in GROUPS.items()
    }
    lines = [f"{group.ljust(width)}  {words}" for group, words in there.items() if words]
    return "\n".join(
        [*lines, "any verb of pancode is a command, too: /status", "/help NAME says more · /hotkeys · /exit"]
    )


def names(verbs: Collection[str]) -> list[str]:
    """Give every /command that means something here, sorted."""
    known = {f"/{name}" for name in COMMANDS if _is_there(name, verbs)}
    return sorted({*known, *(f"/{verb}" for verb in verbs), "/help", "/hotkeys", "/exit"})


def _is_there(name: str, verbs: Collection[str]) -> bool:
    return COMMANDS[name][0](())[0] in verbs


def words_of(line: str, verbs: Collection[str]) -> tuple[str, ...] | str:
    """Read a line that begins with a slash: the verb's words, or what is wrong with it.

    >>> words_of("/safety suggest", ["safety"]), words_of("/budget 5", ["budget"])
    (('safety', 'suggest'), ('budget', 'set', 'session', '5usd'))
    >>> words_of("/saftey", ["safety"])
    'there is no command /saftey; did you mean /safety? /help lists them'
    """
    try:
        name, *given = shlex.split(line[1:]) or [""]
    except ValueError as error:
        return f"can't read that line: {str(error).lower()}"
    if name in COMMANDS and _is_there(name, verbs):
        return COMMANDS[name][0](tuple(given))
    if name in verbs:
        return (name, *given)
    near = get_close_matches(f"/{name}", names(verbs), 1)
    hint = f"; did you mean {near[0]}?" if near else ";"
    return f"there is no command /{name}{hint} /help lists them"
