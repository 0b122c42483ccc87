"""The only door to the jsonschema library; run as a program it judges a result in a process of its own.

A worker's result is the work of a stranger, and a pattern may take for ever on it: whoever starts this
program gives it a time. Standard input is one JSON object {"text", "patterns", "schema"}, standard output
the list of what isn't met.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

MOST = 20
"""Mistakes that are named; a result that has more is simply another one."""
_LONGEST = 300
_FENCED = re.compile(r"^```(?:json)?[ \t]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def fault_in(schema: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a JSON schema itself; None if it can be used."""
    import jsonschema  # type: ignore[import-untyped]

    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except jsonschema.SchemaError as error:
        return str(error.message)[:_LONGEST]
    return None


def parsed(text: str) -> Any:  # noqa: ANN401 -- JSON
    r"""Give the JSON that a text is, or that its last fenced block holds; raise ValueError.

    >>> parsed('{"a": 1}'), parsed('Here it is:\n```json\n[2]\n```\n')
    ({'a': 1}, [2])
    """
    try:
        return json.loads(text)
    except ValueError:
        blocks = _FENCED.findall(text)
        if not blocks:
            raise
        return json.loads(blocks[-1])


def unmet(text: str, patterns: Sequence[str], schema: Mapping[str, Any] | None) -> list[str]:
    """Name what a result doesn't meet, each in a sentence; nothing if it meets all.

    >>> unmet("12 passed", ["passed", "^PASS"], None)
    ["nothing in the result matches '^PASS'"]
    """
    found = [
        f"nothing in the result matches {pattern!r}"
        for pattern in patterns
        if re.search(pattern, text, re.MULTILINE) is None
    ]
    return found if schema is None else [*found, *_misfits(text, schema)]


def _misfits(text: str, schema: Mapping[str, Any]) -> list[str]:
    import jsonschema
    import referencing  # What a schema refers to is never fetched from anywhere.

    try:
        value = parsed(text)
    except (ValueError, RecursionError):
        return ["the result is not JSON, and has no block of it"]
    kind = jsonschema.validators.validator_for(schema)
    validator = kind(schema, registry=referencing.Registry())
    try:
        errors = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
    except Exception as error:  # noqa: BLE001 -- a reference that leads nowhere, a value that is too deep
        return [f"the result can't be held against the schema: {type(error).__name__}: {error}"[:_LONGEST]]
    return [f"the result at {error.json_path}: {error.message}"[:_LONGEST] for error in errors[:MOST]]


def main() -> None:
    """Judge what standard input holds."""
    asked = json.load(sys.stdin)
    json.dump(unmet(asked["text"], asked["patterns"], asked["schema"]), sys.stdout)


if __name__ == "__main__":
    main()
