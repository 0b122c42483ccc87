"""What is wrong with a value that somebody gave, in words for whoever gave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORDS: Mapping[str, str] = {
    "missing": "it is missing",
    "extra_forbidden": "nothing here is called so",
    "string_type": "it must be a text",
    "int_type": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_type": "it must be a number",
    "float_parsing": "it must be a number",
    "finite_number": "it must be a number",
    "bool_type": "it must be true or false",
    "bool_parsing": "it must be true or false",
    "tuple_type": "it must be a list",
    "list_type": "it must be a list",
    "dict_type": "it must hold keys and values",
    "model_type": "it must hold keys and values",
    "model_attributes_type": "it must hold keys and values",
    "greater_than": "it must be more than {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be less than {lt}",
    "less_than_equal": "it must be at most {le}",
    "string_too_long": "it is longer than {max_length} letters",
    "too_long": "these are {actual_length}, and at most {max_length} are possible",
    "literal_error": "it must be {expected}",
    "enum": "it must be {expected}",
}


def said(item: Mapping[str, Any]) -> str:
    """Put one of the mistakes that pydantic has found into words: `type`, `ctx` and `msg` count.

    >>> said({"type": "greater_than", "msg": "Input should be greater than 0", "ctx": {"gt": 0.0}})
    'it must be more than 0'
    >>> said({"type": "value_error", "msg": "Value error, the JSON ends too early", "ctx": {}})
    'the JSON ends too early'
    """
    context = {
        key: f"{value:g}" if isinstance(value, float) else value for key, value in item.get("ctx", {}).items()
    }
    kind = str(item["type"])
    if kind in ("string_too_short", "too_short") and context.get("min_length") == 1:
        return "it is empty"
    if kind in _WORDS:
        return _WORDS[kind].format_map(context)
    told = str(item["msg"])
    own = told.removeprefix("Value error, ")
    return own if own != told else f"{told[:1].lower()}{told[1:]}"
