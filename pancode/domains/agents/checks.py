"""What single values of panagents.yaml must be, and the variables that may stand in them."""

from __future__ import annotations

import re
from collections.abc import Callable

from pancode.domains.agents.yamlfile import Value
from pancode.domains.panconfigure.api import is_endpoint, is_variable
from pancode.domains.prompts.api import OWN_LIMIT

TOOLS = ("read", "write", "edit", "bash", "grep", "find", "ls", "web")
"""The words for tools; each adapter translates them into its CLI's own."""
MOST_SKILLS = 8
_EXPANSION = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_CLOSED_NAMES = ("TMUX", "PANCODE_", "LD_", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "DBUS_SESSION_BUS_ADDRESS")


def variables(text: str) -> list[str]:
    """Give the variables that `${NAME}` and `${NAME:-default}` in the text ask for.

    >>> variables("${A}/${B:-x}")
    ['A', 'B']
    """
    return [match["name"] for match in _EXPANSION.finditer(text)]


def expand(text: str, lookup: Callable[[str], str | None]) -> str:
    """Put the variables' values into the text; KeyError names one that is not set and has no default.

    >>> expand("${A}/${B:-x}", {"A": "1"}.get)
    '1/x'
    """

    def replace(match: re.Match[str]) -> str:
        found = lookup(match["name"]) or match["default"]
        if found is None:
            raise KeyError(match["name"])
        return found

    return _EXPANSION.sub(replace, text)


def check_tools(value: Value) -> str | None:
    """Say what is wrong with `tools`; None if nothing is."""
    unknown = [tool for tool in _texts(value) if tool not in TOOLS]
    if unknown:
        return f'"{unknown[0]}" is not a tool; the words are {", ".join(TOOLS)}'
    return None if _texts(value) else "it is an empty list; take it out, or name the tools"


def check_prompt(value: Value) -> str | None:
    """Say what is wrong with `system_prompt`; None if nothing is."""
    size = len(str(value))
    return f"it has {size} characters; at most {OWN_LIMIT} fit" if size > OWN_LIMIT else None


def check_model(value: Value) -> str | None:
    """Say what is wrong with `model`; None if nothing is."""
    if "${" in _EXPANSION.sub("", str(value)):
        return "write ${NAME} or ${NAME:-default}"
    return "it begins with a dash" if str(value).startswith("-") else None


def check_command(value: Value) -> str | None:
    """Say what is wrong with `command`; None if nothing is."""
    words = _texts(value)
    return None if words and words[0] else "it names no program"


def check_endpoint(value: Value) -> str | None:
    """Say what is wrong with `endpoint`; None if nothing is."""
    return None if is_endpoint(str(value)) else "it is not an http:// or https:// URL"


def check_variable(value: Value) -> str | None:
    """Say what is wrong with `endpoint_key_env`; None if nothing is."""
    if is_variable(str(value)):
        return None
    return "it must be the name of a variable, such as OPENROUTER_API_KEY, not the key itself"


def check_env(value: Value) -> str | None:
    """Say what is wrong with `env`; None if nothing is."""
    for name in _texts(value):
        if not is_variable(name):
            return f'"{name}" is not the name of a variable (only names, no values)'
        if name.startswith(_CLOSED_NAMES):
            return f"{name} is never passed on: it would lead out of the worker"
    return None


def check_skills(value: Value) -> str | None:
    """Say what is wrong with `skills`; None if nothing is."""
    names = _texts(value)
    if len(set(names)) < len(names):
        return "it names a skill twice"
    return f"it names {len(names)}; at most {MOST_SKILLS} fit" if len(names) > MOST_SKILLS else None


def check_tags(value: Value) -> str | None:
    """Say what is wrong with `tags`; None if nothing is."""
    bad = [tag for tag in _texts(value) if not tag or any(character.isspace() for character in tag)]
    return f'"{bad[0]}" is not a tag: no spaces' if bad else None


def _texts(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
