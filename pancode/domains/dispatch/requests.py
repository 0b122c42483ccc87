"""What clients may ask of dispatch, parsed at the door.

Imported when the first request comes, or once the session is drawn: pydantic takes longer to import
than the rest of the controller takes to start.
"""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level
from pancode.core.wrongs import said


def _whole(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL can't be part of it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it is not UTF-8") from None
    return text


def _contract(asked: dict[str, Any] | None) -> dict[str, Any] | None:
    from pancode.domains.dispatch.contract import checked

    return checked(asked)


Text = Annotated[str, AfterValidator(_whole)]
"""Something that becomes an argument of a program, and stands in files."""


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spend(_Request):
    """How much one run may spend: dollars, tokens of every kind, model requests; None: no own limit."""

    usd: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False)
    tokens: int | None = Field(default=None, ge=0, le=10**12)
    turns: int | None = Field(default=None, ge=0, le=10**9)


class RunRequest(_Request):
    """`run`: start one run. Times in seconds; `env` holds the operator's variables that agents may need."""

    task: Text
    cwd: Text
    agent: str | None = None
    model: str | None = None
    endpoint: str | None = None
    runtime: str | None = None
    """Which of those that the agent may run on; None: the best rated."""
    needs: tuple[str, ...] = Field(default=(), max_length=20)
    """What the worker must be able to do, in the words of docs/routing.md; the agent is chosen by it."""
    max_cost: float | None = Field(default=None, ge=0, le=1e6, allow_inf_nan=False)
    """Dollars that the run is expected to cost at most; it is held to them unless `budget` says else."""
    safety: Level | None = None
    accept_weaker: tuple[str, ...] = ()
    yes: bool = False
    """The operator's yes to a shell command that the level asks about, and to paths outside the project."""
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    idle: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Without a sign of life; 0: no limit, whatever the agent says."""
    contract: Annotated[dict[str, Any] | None, AfterValidator(_contract)] = None
    """What the outcome is to meet, as `contract.checked` reads it."""
    retries: str | None = None
    """The run whose request this is once more."""
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    priority: int = Field(default=0, ge=-100, le=100)
    after: tuple[str, ...] = ()
    """Runs that must have ended `done` before this one starts."""
    at_once: int | None = Field(default=None, ge=1)
    """At most so many runs of the same `group` and `node` are live together."""
    parent: str | None = None
    """The run that asks for this one."""
    by_operator: bool = False
    """An operator asks for it in the parent's place, as in a retry: a yes in it counts."""
    from_file: bool = False
    """Its words are those of a flow's file: the operator's own, or the project's, which was held to them."""
    keep: bool = False
    """Whether it goes on where the turn of the conversation that asks for it is stopped."""
    fork: bool = False
    """With a conversation that goes on: whether in a branch, which begins where that one stands."""
    written: str | None = None
    """The part of `task` that a person wrote, where the rest is another run's output; None: all of it."""
    group: str | None = None
    node: str | None = None
    budget: Spend | None = None
    tool_calls: int | None = Field(default=None, ge=1, le=1000)
    """After so many tool calls it is to report; after twice as many it is ended. None: no such limit."""
    isolate: bool | None = None
    """Whether it works in a clone of its own; None: where it would share a tree with others that write."""
    start_from: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")
    """With `isolate`: the commit, in PanCode's own repository, that the clone has; nothing is collected."""
    beside: str | None = None
    """A run in whose directory, clone or not, this one works; it has no changes of its own then."""
    key: str | None = Field(default=None, max_length=64)
    """Any text of the client's own: a request that is repeated with the same one starts no second run."""


class RetryRequest(_Request):
    """`retry`: a run's request as a new run."""

    run: str
    yes: bool = False
    accept_weaker: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict, repr=False)


class RunRef(_Request):
    """`wait`, `resolve`, `show`: one run by id or prefix."""

    run: str


class StopRequest(_Request):
    """`stop`: end a run; `force` skips the polite steps."""

    run: str
    force: bool = False
    by: str = "operator"
    why: str = "asked to stop"


class PauseRequest(_Request):
    """`pause`, `resume`: one run, or with `all` every live one."""

    run: str | None = None
    all: bool = False
    by: str = "operator"
    why: str = ""

    @model_validator(mode="after")
    def _one_or_all(self) -> Self:
        if (self.run is None) is not self.all:
            raise ValueError("name one run, or all of them")
        return self


class SayRequest(_Request):
    """`say`: the next turn of a run's conversation."""

    run: str
    text: Text
    accept_weaker: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    parent: str | None = None
    """The run that says it, where that is another one than asked for the conversation's first turn."""
    fork: bool = False
    """Whether in a branch that begins there: what is said in the conversation itself isn't part of it."""
    key: str | None = Field(default=None, max_length=64)
    """As with `run`: said again with the same one, it is said once."""


_R = TypeVar("_R", bound=BaseModel)


def parse(kind: type[_R], args: Any) -> _R:  # noqa: ANN401 -- whatever came over the wire
    """Read a request; raise PanError USAGE naming each argument that is wrong."""
    try:
        return kind.model_validate(args)
    except ValidationError as error:
        wrong = "; ".join(
            f'"{".".join(str(part) for part in item["loc"]) or "arguments"}": {said(item)}'
            for item in error.errors()
        )
        raise PanError(
            f"the request is wrong: {wrong}",
            remedy="`pancode VERB --help` lists what a verb takes",
            code=ExitCode.USAGE,
        ) from None
