"""What a run's outcome is to meet, read from a request: files, patterns, a command, a JSON schema."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from pancode.engine import shipped

MOST = 100
"""Files, and patterns, of one contract."""
_LONGEST_PATTERN = 2000
_LONGEST_COMMAND = 100_000
_KEYS = ("files", "patterns", "command", "schema")


def checked(asked: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give a contract with all its keys, None for one that asks nothing; ValueError says what is wrong.

    >>> checked({"files": ["a/b.txt"]})
    {'files': ['a/b.txt'], 'patterns': [], 'command': None, 'schema': None}
    """
    if asked is None:
        return None
    if unknown := [key for key in asked if key not in _KEYS]:
        raise ValueError(f'a contract has no "{unknown[0]}"; its keys are {", ".join(_KEYS)}')
    found = {
        "files": [_file(path) for path in _texts(asked, "files")],
        "patterns": [_pattern(pattern) for pattern in _texts(asked, "patterns")],
        "command": _command(asked.get("command")),
        "schema": _schema(asked.get("schema")),
    }
    return found if any(found.values()) or found["schema"] is not None else None


def to_spec(contract: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give what the shim needs of it: the contract, and the program that judges a result."""
    if contract is None:
        return None
    return {**contract, "judge": [sys.executable, "-I", shipped.judge_file()]}


def command_of(task: str | None, contract: Mapping[str, Any] | None) -> str | None:
    r"""Give all that a shell will be told for a run, its own task and its check; None if nothing is.

    >>> command_of("make", {"command": "make test"}), command_of(None, None)
    ('make\nmake test', None)
    """
    words = [text for text in (task, (contract or {}).get("command")) if text is not None]
    return "\n".join(words) if words else None


def _texts(asked: Mapping[str, Any], key: str) -> list[str]:
    value = asked.get(key) or []
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) and text for text in value):
        raise ValueError(f'"{key}" is not a list of texts')
    if len(value) > MOST:
        raise ValueError(f'"{key}" has more than {MOST} entries')
    return list(value)


def _file(path: str) -> str:
    parts = path.split("/")
    if os.path.isabs(path) or ".." in parts or "\0" in path or os.path.normpath(path) == ".":
        raise ValueError(f'"{path}" is not a file below the directory that the run works in')
    return os.path.normpath(path)


def _pattern(pattern: str) -> str:
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError(f"a pattern has more than {_LONGEST_PATTERN} characters")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f'"{pattern}" is not a regular expression: {error}') from None
    return pattern


def _command(command: object) -> str | None:
    if command is None:
        return None
    if not isinstance(command, str) or not command.strip() or "\0" in command:
        raise ValueError("the command is not a line of shell")
    if len(command) > _LONGEST_COMMAND:
        raise ValueError(f"the command has more than {_LONGEST_COMMAND} characters")
    return command


def _schema(schema: object) -> dict[str, Any] | None:
    if schema is None:
        return None
    if not isinstance(schema, dict):
        raise ValueError("the schema is not a JSON object")  # noqa: TRY004 -- one error for all
    from pancode.engine import schemas

    if (fault := schemas.fault_in(schema)) is not None:
        raise ValueError(f"the schema is not a JSON schema: {fault}")
    return schema
