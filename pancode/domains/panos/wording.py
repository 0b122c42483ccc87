"""The orchestrator's tools as a model is told of them, and as its calls are read. Imported late: pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MOST_TASKS = 8
MOST_STEPS = 10
MOST_QUERIES = 4
LONGEST = 20_000
"""Characters of a task."""
KEEP = "true: it goes on if the operator stops this turn"

Words = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Depth = Literal["shallow", "medium", "deep"]
Return = Literal["brief", "standard", "detailed"]


class _Call(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DispatchAgent(_Call):
    """Give one task to a worker and get its report; or say more to a worker, look after one, stop one.

    With `task` alone a new run starts. With `run` and `task` that run's conversation goes on. With `run`
    alone you get its state or report. With `stop` that run is ended.
    """

    task: Words | None = Field(default=None, description="What is to be done, with all that the worker needs")
    agent: Name | None = Field(default=None, description="An agent's name; left out: the default one")
    model: Name | None = Field(default=None, description="A model other than the agent's own")
    isolate: bool | None = Field(default=None, description="Work in a clone; its changes are merged later")
    wait: bool = Field(default=True, description="false: come back at once with the run's id")
    keep: bool = Field(default=False, description=KEEP)
    run: Name | None = Field(default=None, description="A run that there is already")
    stop: Name | None = Field(default=None, description="The run to be ended")

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if self.stop is None and self.run is None and self.task is None:
            raise ValueError("say what is to be done: task, run or stop")
        if self.stop is not None and (self.task is not None or self.run is not None):
            raise ValueError("stop stands alone")
        if self.keep and (self.stop is not None or self.run is not None):
            raise ValueError("keep is for a run that starts")
        return self


class Task(_Call):
    """One task of a batch."""

    task: Words
    agent: Name | None = None
    model: Name | None = None
    isolate: bool | None = None


class BatchDispatch(_Call):
    """Give 1 to 8 independent tasks to workers side by side, and get all reports."""

    tasks: Annotated[tuple[Words | Task, ...], Field(min_length=1, max_length=MOST_TASKS)] = Field(
        description="Texts, or objects with task, agent, model and isolate"
    )
    agent: Name | None = Field(default=None, description="The agent of each task that names none")
    concurrency: int = Field(default=4, ge=1, le=MOST_TASKS, description="So many at once")
    wait: bool = Field(default=True, description="false: come back at once with the batch's id")
    keep: bool = Field(default=False, description=KEEP)


class Step(_Call):
    """One step of a chain."""

    task: Words = Field(description="$INPUT stands for the output of the step before, $ORIGINAL for the task")
    agent: Name | None = None
    model: Name | None = None


class DispatchChain(_Call):
    """Run 1 to 10 steps one after the other, each with the report of the one before; or a flow by name.

    It stops at the first step that fails.
    """

    steps: Annotated[tuple[Step, ...], Field(max_length=MOST_STEPS)] = Field(
        default=(), description="1 to 10 of them"
    )
    originalTask: Words | None = Field(  # noqa: N815 -- the tool's own word
        default=None, description="What the whole is about"
    )
    flow: Name | None = Field(
        default=None,
        description="Instead of steps: the path of a flow's file in the project, or a team's name",
    )
    wait: bool = Field(default=True, description="false: come back at once with the chain's id")
    keep: bool = Field(default=False, description=KEEP)

    @model_validator(mode="after")
    def _steps_or_flow(self) -> Self:
        if bool(self.steps) is (self.flow is not None):
            raise ValueError("give either steps or a flow")
        return self


class ShadowExplore(_Call):
    """Send 1 to 4 scouts to look for something in the project, side by side. They can't change anything."""

    queries: Annotated[tuple[Words, ...], Field(min_length=1, max_length=MOST_QUERIES)] = Field(
        description="One question for each scout"
    )
    depth: Depth = Field(default="medium", description="4, 12 or 20 tool calls before it must report")
    returnBudget: Return = Field(  # noqa: N815 -- the tool's own word
        default="standard", description="How long a report may be: 500, 2000 or 5000 tokens"
    )


class TaskWrite(_Call):
    """Put a task on the session's board."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=4000)] = ""


class TaskCheck(_Call):
    """Mark a task of the board as done."""

    id: Name


class TaskUpdate(_Call):
    """Change a task of the board."""

    id: Name
    title: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    description: Annotated[str, Field(max_length=4000)] | None = None
    status: Literal["todo", "doing", "done", "blocked"] | None = None


class TaskList(_Call):
    """List the board."""


class ReadConfig(_Call):
    """Read the session's settings, mode, level and budget; `domain` narrows them.

    With the domain "shared" read what people and workers share, with "shared/NAMESPACE/KEY" one value of it.
    """

    domain: Name | None = Field(default=None, description="The first part of the keys that are wanted")


class ApplyConfig(_Call):
    """Change one setting. What would loosen anything is asked of the operator first.

    With a key "shared/NAMESPACE/KEY" share a value with people and workers; null takes it away.
    """

    key: Name = Field(description="Such as mode, safety, budget.session, or a key of pan_read_config")
    value: str | int | float | bool | None


CALLS: dict[str, type[_Call]] = {
    "shadow_explore": ShadowExplore,
    "task_write": TaskWrite,
    "task_check": TaskCheck,
    "task_update": TaskUpdate,
    "task_list": TaskList,
    "dispatch_agent": DispatchAgent,
    "batch_dispatch": BatchDispatch,
    "dispatch_chain": DispatchChain,
    "pan_read_config": ReadConfig,
    "pan_apply_config": ApplyConfig,
}
"""What each remote tool takes; a row of the mode table that isn't local is here, and nothing else."""


def definition(name: str) -> dict[str, Any]:
    """Give a tool as a model is offered it: `name`, `description`, and its arguments as a JSON schema."""
    kind = CALLS[name]
    schema = kind.model_json_schema()
    words = " ".join((kind.__doc__ or "").split())
    return {"name": name, "description": words, "parameters": _plain(schema)}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Take out what a model has no use for: titles, and the descriptions of the classes."""
    return {key: _plain_part(part) for key, part in schema.items() if key not in ("title", "description")}


def _plain_part(part: Any) -> Any:  # noqa: ANN401 -- any part of a schema
    if isinstance(part, dict):
        is_named = all(isinstance(one, dict) for one in part.values()) and bool(part)
        kept = part if is_named else {key: one for key, one in part.items() if key != "title"}
        return {key: _plain_part(one) for key, one in kept.items()}
    return [_plain_part(one) for one in part] if isinstance(part, list) else part


def read(name: str, args: Any) -> tuple[Any, str]:  # noqa: ANN401 -- whatever a model has written
    """Read a call's arguments; where they are wrong, None and what is wrong in a sentence for the model."""
    try:
        return CALLS[name].model_validate(args), ""
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()[:5]
        )
        return None, f"the call of {name} is wrong: {wrong}"
