"""A flow as people write it, parsed at the door. Imported late, as pydantic is slow to import."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pancode.domains.dispatch.flow import expression
from pancode.domains.dispatch.flow.definition import Flow, Foreach, Kind, Node
from pancode.domains.dispatch.requests import Spend, Text

MOST_NODES = 500
LONGEST_NAME = 24
_NAME = rf"^[A-Za-z0-9_][A-Za-z0-9_-]{{0,{LONGEST_NAME - 1}}}$"


def _listed(value: object) -> object:
    """Take a single word for a list of one."""
    return [value] if isinstance(value, str) else value


def _condition(text: str) -> str:
    expression.read(text, expression.FIELDS)
    return text


def _written(value: object) -> object:
    """Take numbers and truth values in a list of items as the words that they were written as."""
    if not isinstance(value, list):
        return value
    plain = {True: "true", False: "false"}
    return [
        plain[each] if isinstance(each, bool) else str(each) if isinstance(each, int | float) else each
        for each in value
    ]


Name = Annotated[str, Field(pattern=_NAME)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_listed)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
Task = Annotated[Text, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Dollars = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Wants = Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(max_length=20)]
Items = Annotated[tuple[Text, ...], BeforeValidator(_written), Field(max_length=MOST_NODES)]


class Part(BaseModel):
    """A part of a file: frozen, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OutputOf(Part):
    """`foreach: {lines: NODE}` or `{json: NODE}`: an item for each line, or each element, of an output."""

    lines: Name | None = None
    json_: Name | None = Field(default=None, alias="json")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.lines is None) is (self.json_ is None):
            raise ValueError("give either lines or json")
        return self


class NodeText(Part):
    """One node, as it is written."""

    task: Task | None = Field(
        default=None, description="what is to be done; $INPUT, $ORIGINAL, $ITEM, ${node.result}"
    )
    merge: Names = Field(
        default=(), description="instead of a task: merge what these isolated nodes have changed"
    )
    agent: str | None = Field(default=None, description="which agent; the flow's, else the default one")
    model: str | None = Field(default=None, description="which model, in the agent's own words")
    needs: Names = Field(default=(), description="nodes that must have ended done before")
    when: Annotated[str, AfterValidator(_condition)] | None = Field(
        default=None, description="a condition over the nodes that are needed; looked at once all have ended"
    )
    foreach: Items | OutputOf | None = Field(
        default=None, description="repeat it for each item: a list, {lines: NODE} or {json: NODE}"
    )
    retry: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0, description="further attempts after a failure"
    )
    verify: Task | None = Field(default=None, description="a shell command that must succeed afterwards")
    isolate: bool | None = Field(default=None, description="work in a clone of its own")
    timeout: Seconds | None = Field(default=None, description="seconds that one attempt may take")
    idle: Seconds | None = Field(default=None, description="seconds without a sign of life, at most")
    budget: Spend | None = Field(default=None, description="what each run may spend: usd, tokens, turns")
    wants: Wants = Field(
        default=(),
        description="what its worker must be able to do, in the words of --needs: [reasoning, tools]",
    )
    max_cost: Dollars | None = Field(
        default=None, description="dollars that each run is expected to cost at most, as --max-cost"
    )
    input: bool = Field(default=True, description="false: outputs of `needs` are not added to the task")
    files: Texts | None = Field(default=None, description="patterns of the files that the result depends on")

    @model_validator(mode="after")
    def _task_or_merge(self) -> Self:
        if (self.task is None) is not bool(self.merge):
            raise ValueError("a node has either a task or a merge")
        given = self.model_fields_set - {"merge", "task", "needs", "when", "verify", "input"}
        if self.merge and given:
            raise ValueError(f"a merge has no {min(given)}")
        return self


class FlowText(Part):
    """A whole file."""

    name: str | None = Field(default=None, max_length=80, description="what `pancode flow list` calls it")
    about: str = Field(default="", max_length=200, description="one line for `pancode team list`")
    task: Text = Field(default="", description="the flow's own task: $ORIGINAL")
    agent: str | None = Field(default=None, description="the agent of every node that names none")
    model: str | None = Field(default=None, description="the model of every node that names none")
    isolate: bool | None = Field(default=None, description="the same for every node that doesn't say")
    concurrency: Annotated[int, Field(ge=1)] | None = Field(default=None, description="runs at once, at most")
    nodes: dict[Name, NodeText] = Field(min_length=1, max_length=MOST_NODES, description="name: node")


def flow_of(text: FlowText, kind: Kind, name: str, *, first: bool = False, caches: bool = False) -> Flow:
    """Give the flow that a text means, with the flow's own words put in where a node says nothing."""
    return Flow(
        kind=kind,
        name=text.name or name,
        about=text.about,
        original=text.task,
        nodes=tuple(_node(each, node, text) for each, node in text.nodes.items()),
        concurrency=text.concurrency,
        first=first,
        caches=caches,
    )


def _node(name: str, node: NodeText, flow: FlowText) -> Node:
    return Node(
        name=name,
        task=node.task or "",
        merge=node.merge,
        agent=None if node.merge else node.agent or flow.agent,
        model=node.model or (flow.model if node.agent is None else None),
        needs=tuple(dict.fromkeys((*node.needs, *node.merge))),
        when=node.when,
        foreach=_foreach(node.foreach),
        retry=node.retry,
        verify=node.verify,
        isolate=None if node.merge else flow.isolate if node.isolate is None else node.isolate,
        terms=terms_of(node),
        gives_input=node.input,
        files=node.files,
    )


def terms_of(written: BaseModel) -> dict[str, Any]:
    """Give what goes to `run` as it is written; what a worker must be able to do has another name there."""
    names = {"timeout", "idle", "budget", "max_cost", "wants"}
    found = written.model_dump(mode="json", include=names, exclude_none=True)
    wants = found.pop("wants", None)
    return {**found, "needs": wants} if wants else found


def _foreach(written: tuple[str, ...] | OutputOf | None) -> Foreach | None:
    if written is None or isinstance(written, tuple):
        return None if written is None else Foreach(items=written)
    if written.lines is not None:
        return Foreach(node=written.lines)
    return Foreach(node=written.json_, reading="json")


def keys_at(place: tuple[Any, ...]) -> list[str]:
    """Give the keys that are known at a place of the file, for naming the nearest one."""
    if len(place) == 1:
        return list(FlowText.model_fields)
    if len(place) > 3:  # noqa: PLR2004 -- nodes, NAME, foreach, KEY
        return ["lines", "json"]
    return list(NodeText.model_fields)
