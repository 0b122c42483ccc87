"""What may be asked of the board, parsed at the door; imported with the first request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pancode.core.errors import ExitCode, PanError
from pancode.core.redact import redact
from pancode.core.wrongs import said
from pancode.domains.board.tasks import LONGEST_DESCRIPTION, LONGEST_TITLE, MOST_RUNS


def _line(value: object) -> object:
    return redact(" ".join(_plain(value, "").split())) if isinstance(value, str) else value


def _text(value: object) -> object:
    return redact(_plain(value, "\n\t").strip()) if isinstance(value, str) else value


def _plain(text: str, kept: str) -> str:
    """Give a text without what acts on a terminal."""
    return "".join(one if one.isprintable() or one in kept else " " for one in text)


Title = Annotated[str, BeforeValidator(_line), Field(min_length=1, max_length=LONGEST_TITLE)]
Description = Annotated[str, BeforeValidator(_text), Field(max_length=LONGEST_DESCRIPTION)]
Runs = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(max_length=MOST_RUNS)]
Status = Literal["todo", "doing", "blocked", "done"]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Create(_Request):
    """`task_create`: secrets are taken out, and the texts are bounded."""

    title: Title
    description: Description = ""
    runs: Runs = ()


class Update(_Request):
    """`task_update`: what is None stays."""

    id: str = Field(max_length=64)
    title: Title | None = None
    description: Description | None = None
    status: Status | None = None
    link: Runs = ()
    unlink: Runs = ()


class Check(_Request):
    """`task_check`, `task_show`: one task."""

    id: str = Field(max_length=64)


class Listing(_Request):
    """`task_list`."""

    status: Status | None = None


_R = TypeVar("_R", bound=_Request)


def parse(kind: type[_R], args: Mapping[str, Any]) -> _R:
    """Read a request; PanError USAGE names what is wrong."""
    try:
        return kind.model_validate(dict(args))
    except ValidationError as error:
        wrong = "; ".join(
            f'"{".".join(map(str, item["loc"])) or "arguments"}": {said(item)}' for item in error.errors()
        )
        raise PanError(
            f"the request is wrong: {wrong}", remedy="pancode task --help", code=ExitCode.USAGE
        ) from None
