"""The judges of programs, by the program's name."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterator

from pancode.domains.safety.commands.calls import Call, Effect, Judge

_MODULES = (
    *("readers", "files", "deletes", "archives", "texttools", "shells", "wrappers", "environments", "git"),
    *("network", "remote", "packages", "builds", "node_packages", "interpreters", "databases", "migrations"),
    *("containers", "infra", "clouds", "system", "processes"),
)
"""Of two judges of the same name the one of the later module counts."""

_VERSIONED = re.compile(
    r"(python|pip|pypy|lua|ruby|perl|php|node|gcc|clang|java|tclsh|guile|ld)[-.]?\d[\d.]*"
)


@functools.cache
def table() -> dict[str, Judge]:
    """Give the judges of all known programs by name."""
    found: dict[str, Judge] = {}
    for name in _MODULES:
        found.update(importlib.import_module(f"{__name__}.{name}").JUDGES)
    return found


def known(name: str) -> Judge | None:
    """Give the judge of a program by its name without a directory."""
    found = table().get(name) or table().get(name.lower().removesuffix(".exe"))
    match = _VERSIONED.fullmatch(name)
    return found or (table().get(match.group(1)) if match else None)


def effects(call: Call) -> Iterator[Effect]:
    """Say what a call does."""
    from pancode.domains.safety.commands.programs.unknown import asks_for_help, executed, stranger

    judge = known(call.name)
    if asks_for_help(call):
        yield from stranger(call, known=True)
    elif judge is None:
        yield from stranger(call)
    else:
        if "/" in call.words[0].text:
            yield from executed(call.words[0], call)
        yield from judge(call)
