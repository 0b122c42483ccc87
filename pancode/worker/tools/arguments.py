"""Whether a call's arguments are what the tool's schema wants; what is meant plainly enough is taken so."""

from __future__ import annotations

from pancode.worker.tools.catalogue import TOOLS
from pancode.worker.tools.outcome import ToolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_KINDS = {"string": "a text", "integer": "a whole number", "boolean": "true or false", "array": "a list"}
_DIGITS = 18
_TRUTHS = {"true": True, "false": False}


def checked(name: str, args: object) -> dict[str, Any]:
    """Give the arguments as the tool `name` takes them; raise ToolError with a sentence for the model.

    A null is an absent argument; small models write numbers and truths as texts.

    >>> checked("read", {"path": "a.py", "offset": "12", "limit": None})
    {'path': 'a.py', 'offset': 12}
    """
    tool = TOOLS.get(name)
    if tool is None:
        raise ToolError(f'there is no tool "{str(name)[:80]}"; there are {", ".join(TOOLS)}')
    return _object(f"{name}", tool.schema, args)


def _object(where: str, schema: Mapping[str, Any], args: object) -> dict[str, Any]:
    known: dict[str, Any] = schema["properties"]
    if not isinstance(args, dict):
        raise ToolError(f"{where}: the arguments must be an object with {', '.join(known)}")
    given = {key: value for key, value in args.items() if value is not None}
    for key in given:
        if key not in known:
            raise ToolError(
                f'{where} has no argument "{str(key)[:80]}"; its arguments are {", ".join(known)}'
            )
    missing = [key for key in schema["required"] if key not in given]
    if missing:
        raise ToolError(f"{where}: the argument {missing[0]} is missing")
    return {key: _value(f"{where}: {key}", known[key], value) for key, value in given.items()}


def _value(where: str, schema: Mapping[str, Any], value: object) -> Any:  # noqa: ANN401 -- as the schema says
    kind = schema["type"]
    found = _meant(kind, value)
    if found is None:
        raise ToolError(f"{where} must be {_KINDS[kind]}")
    if where.endswith(": path") and (not found or "\0" in found):
        raise ToolError(
            f"{where} is empty" if not found else f"{where} has a NUL character, which no path can have"
        )
    if kind == "integer" and not schema["minimum"] <= found <= schema["maximum"]:
        raise ToolError(f"{where} must be from {schema['minimum']} to {schema['maximum']}")
    if kind == "array":
        if not schema["minItems"] <= len(found) <= schema["maxItems"]:
            raise ToolError(f"{where} must have from {schema['minItems']} to {schema['maxItems']} entries")
        return [_object(f"{where}[{i}]", schema["items"], each) for i, each in enumerate(found)]
    return found


def _meant(kind: str, value: object) -> Any:  # noqa: ANN401 -- as the schema says
    """Give the value as that kind; None if it can't be meant."""
    if kind == "string":
        return value if isinstance(value, str) else None
    if kind == "array":
        return value if isinstance(value, list) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else _TRUTHS.get(str(value).strip().lower())
    if isinstance(value, str):
        digits = value.strip()
        whole = digits.lstrip("-").isascii() and digits.lstrip("-").isdigit() and len(digits) <= _DIGITS
        return int(digits) if whole else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 10**_DIGITS else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
