"""What may be asked of what is shared, parsed at the door; imported with the first request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pancode.core.errors import ExitCode, PanError
from pancode.core.redact import redact
from pancode.domains.sharing.entries import CONTEXT, LONGEST_VALUE

LONGEST_TTL_S = 30 * 86_400.0


def _text(value: object) -> object:
    """Take out secrets, and what acts on a terminal."""
    if not isinstance(value, str):
        return value
    return redact("".join(one if one.isprintable() or one in "\n\t" else " " for one in value).strip("\n"))


_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/@-]{0,63}$"
Name = Annotated[str, Field(pattern=_NAME)]
Value = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=LONGEST_VALUE)]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Listing(_Request):
    """`share_list`."""

    namespace: Name | None = None


class One(_Request):
    """`share_get`, `share_remove`, `share_history`: one entry."""

    namespace: Name = CONTEXT
    key: Name


class Write(One):
    """`share_set`, `share_append`."""

    value: Value
    ttl: Annotated[float, Field(gt=0, le=LONGEST_TTL_S)] | None = None


class Named(_Request):
    """`share_checkpoint`, `share_restore`."""

    name: Name


_LONG = f"has more than {LONGEST_VALUE} characters"
_TEXT = "must be a text"
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is nothing that can be said here",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "too_long": _LONG,
    "string_too_long": _LONG,
}
"""What is wrong with a text, by pydantic's names; a number is only ever the time."""
_R = TypeVar("_R", bound=_Request)


def parse(kind: type[_R], args: Mapping[str, Any]) -> _R:
    """Read a request; PanError USAGE names what is wrong."""
    try:
        return kind.model_validate({key: value for key, value in args.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(_told(item) for item in error.errors())
        raise PanError(
            f"the request is wrong: {wrong}", remedy="pancode share --help", code=ExitCode.USAGE
        ) from None


def _told(item: Any) -> str:  # noqa: ANN401 -- pydantic's own
    field = ".".join(map(str, item["loc"])) or "arguments"
    if item["type"] == "string_pattern_mismatch":
        return f'"{field}" is 1 to 64 letters, digits and . _ / @ -, beginning with a letter or a digit'
    if item["type"] in _WORDS or field != "ttl":
        return f'"{field}" {_WORDS.get(item["type"], _TEXT)}'
    days = int(LONGEST_TTL_S // 86_400)
    return f'"ttl" is a number of seconds, more than 0 and at most {days} days'
