"""What clients may ask about flows, parsed at the door."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level
from pancode.domains.dispatch.flow.definition import Flow, from_json
from pancode.domains.dispatch.flow.graph import checked
from pancode.domains.dispatch.requests import Text


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Options(_Request):
    """What holds for every run of a flow."""

    endpoint: str | None = None
    safety: Level | None = None
    accept_weaker: tuple[str, ...] = ()
    yes: bool = False
    parent: str | None = None
    """The run that asks for the flow: its runs are nested below that one."""
    from_file: bool = False
    """Whether its nodes are those of a file, and no worker's words."""
    keep: bool = False
    """Whether it goes on where that run is a turn of the conversation, and is stopped."""


class FlowStart(_Request):
    """`flow_start`, `flow_preview`: a flow in the words of `definition.to_json`; `source` is its file."""

    flow: dict[str, Any]
    cwd: Text
    source: str | None = None
    options: Options = Options()
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    key: str | None = Field(default=None, max_length=64)
    resumes: str | None = None
    """The flow that this one goes on with: what that has done stands, whatever became of the files."""
    fresh: bool = False
    """Do everything anew."""

    def definition(self) -> Flow:
        """Read the flow; PanError USAGE if its nodes don't fit together."""
        try:
            flow = from_json(self.flow)
        except (KeyError, TypeError, AttributeError):
            raise PanError("the request holds no flow", code=ExitCode.USAGE) from None
        return checked(flow)


class FlowRef(_Request):
    """`flow_show`, `flow_wait`: one flow by id or prefix."""

    flow: str


class FlowStop(FlowRef):
    """`flow_stop`: end a flow and its runs."""

    by: Literal["operator"] = "operator"
    why: str = "asked to stop"
