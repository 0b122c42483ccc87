"""What an agent CLI needs in a sandbox: its folders where the operator has them, its settings under ours."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import AgentNeeds

_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
"""A comment in JSON, or a text that may hold what only looks like one."""


def decided(adapter: Adapter, arguments: Iterable[str]) -> str | None:
    """Give the first of an agent's further arguments that is for its level to decide; None: there is none.

    Flags are compared as the CLIs do: with `=` or without, a short one together with its value or with
    others, a long one in camelCase as well. An entry "FLAG NAME" of DECIDED means values that begin so.
    """
    words = list(arguments)
    flags = {_plain(entry) for entry in adapter.decided if " " not in entry}
    settings = [entry.split(" ", 1) for entry in adapter.decided if " " in entry]
    for place, word in enumerate(words):
        if not word.startswith("-") or word == "-":
            continue
        if _plain(word) in flags or any(f"-{letter}" in flags for letter in _letters(word)):
            return word
        for flag, name in settings:
            if _value(word, flag, words[place + 1 : place + 2]).lstrip(" \"'").startswith(name):
                return f"{flag} {name}"
    return None


def _plain(word: str) -> str:
    """Give a flag without its value, and a long one without its dashes and capitals.

    >>> _plain("--approvalMode=yolo"), _plain("-s"), _plain("-sread-only")
    ('approvalmode', '-s', '-s')
    """
    if not word.startswith("--"):
        return word[:2]
    return word.partition("=")[0].replace("-", "").replace("_", "").lower()


def _letters(word: str) -> str:
    return word[1:] if not word.startswith("--") and word[1:].isalpha() else ""


def _value(word: str, flag: str, following: list[str]) -> str:
    if word == flag:
        return "".join(following)
    if flag.startswith("--"):
        return word.removeprefix(f"{flag}=") if word.startswith(f"{flag}=") else ""
    return word.removeprefix(flag).removeprefix("=") if word.startswith(flag) and word[:2] != "--" else ""


def needs(adapter: Adapter, binary: str, environment: Mapping[str, str]) -> AgentNeeds:
    """Give what the agent needs, with its folders where the operator's variables put them below HOME.

    PanError CONFIG when a variable names a folder elsewhere: a worker sees no home but its own.
    """
    found = AgentNeeds(
        logins=adapter.logins,
        config=adapter.config,
        state=adapter.state,
        cache=adapter.cache,
        hosts=adapter.hosts,
        binary=binary,
        out=any(name.startswith("out/") for name in adapter.reads),
    )
    home = _home(environment)
    for variable, folder in adapter.folders.items():
        if value := environment.get(variable):
            below = _below(value, home)
            if below is None:
                raise PanError(
                    f'{variable} is "{value}": a worker has a home of its own, and this is outside of yours',
                    remedy=f"unset {variable}, or name a folder below {home}",
                    code=ExitCode.CONFIG,
                )
            found = _moved(found, folder, below)
    values = (environment.get(name, "") for name in adapter.pass_env if name not in adapter.folders)
    named = (_below(value, home) for value in values if os.path.isabs(value))
    return replace(found, config=(*found.config, *(path for path in named if path not in (None, "."))))


def _below(path: str, home: str) -> str | None:
    """Give `path` relative to `home`; None if it is elsewhere."""
    found = os.path.relpath(os.path.realpath(path), os.path.realpath(home))
    return None if found == ".." or found.startswith("../") else found


def _moved(found: AgentNeeds, old: str, new: str) -> AgentNeeds:
    return replace(
        found,
        logins=tuple((moved(path, old, new), form) for path, form in found.logins),
        config=tuple(moved(path, old, new) for path in found.config),
        state=tuple(moved(path, old, new) for path in found.state),
        cache=tuple(moved(path, old, new) for path in found.cache),
    )


def moved(path: str, old: str, new: str) -> str:
    """Give `path` with the folder `old` at its beginning replaced by `new`; all are relative to HOME.

    >>> moved(".codex/auth.json", ".codex", "work/codex"), moved(".gemini/x", "", "g"), moved("a", "b", "c")
    ('work/codex/auth.json', 'g/.gemini/x', 'a')
    """
    if old and path != old and not path.startswith(f"{old}/"):
        return path
    return os.path.normpath(os.path.join(new, os.path.relpath(path, old or ".")))


def home_files(
    adapter: Adapter, wanted: Mapping[str, object], environment: Mapping[str, str]
) -> dict[str, str]:
    """Give the files for the private home, by their paths relative to it.

    Where the operator has the file, and the adapter lists it as the agent's, JSON of ours is laid over
    the operator's, and an empty text of ours gives way. PanError CONFIG for settings that are no JSON.
    """
    given: dict[str, str] = {}
    for wanted_path, content in wanted.items():
        theirs = in_home(adapter, wanted_path, environment)
        path = os.path.relpath(theirs, _home(environment))
        known = wanted_path in adapter.config and os.path.isfile(theirs)
        if isinstance(content, dict):
            given[path] = json.dumps(_over(_json(theirs), content) if known else content, indent=1) + "\n"
        elif content or not known:
            given[path] = str(content)
    return given


def check_project(adapter: Adapter, cwd: str) -> None:
    """Raise PanError CONFIG where settings of the project could turn the agent's hook off."""
    for name, words in adapter.unhooks.items():
        path = os.path.join(cwd, name)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        found = next(
            (word for word in (*words, "\\u") if word in text), None
        )  # \u: any word can be behind it
        if found is not None:
            raise PanError(
                f'"{path}" has "{found}" in it: a project could so turn off the hook of {adapter.name}',
                remedy="take it out of the file, or take another agent",
                code=ExitCode.CONFIG,
            )


def in_home(adapter: Adapter, path: str, environment: Mapping[str, str]) -> str:
    """Give where a file of the agent's lies that is at `path` unless a variable moves its folder."""
    for variable, folder in adapter.folders.items():
        if below := _below(environment.get(variable) or "/", _home(environment)):
            path = moved(path, folder, below)
    return os.path.join(_home(environment), path)


def _home(environment: Mapping[str, str]) -> str:
    return environment.get("HOME") or os.path.expanduser("~")


def _json(path: str) -> object:
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
        return json.loads(_COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else " ", text) or "{}")
    except (OSError, ValueError) as error:
        raise PanError(
            f"the agent's settings \"{path}\" can't be read as JSON: {error}",
            remedy="correct the file, or move it away",
            code=ExitCode.CONFIG,
        ) from None


def _over(theirs: object, ours: object) -> object:
    """Lay `ours` over `theirs`: keys are joined, of two lists both count, of other values ours.

    >>> _over({"a": {"x": 1, "l": [1]}, "b": 2}, {"a": {"x": 3, "l": [2]}})
    {'a': {'x': 3, 'l': [2, 1]}, 'b': 2}
    """
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return theirs | {
            key: _over(theirs[key], value) if key in theirs else value for key, value in ours.items()
        }
    return ours + theirs if isinstance(theirs, list) and isinstance(ours, list) else ours
