"""A conversation as pydantic-ai keeps it: what is appended, and what its last message asks for next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from pancode.core.conversation import Kept

LEFT_OPEN = "This call was cut off when the run ended; nobody knows how far it came."
MOST_UNREADABLE = 2000
EMPTY_TEXT = "(no answer)"
LONGEST_NAME = 64
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
"""What providers refuse in the name of a tool, also in a history that their own model has made."""


class Parts:
    """What one answer of the model is made of."""

    def __init__(self, response: ModelResponse) -> None:
        """Read it."""
        self.calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
        self.text = "".join(part.content for part in response.parts if isinstance(part, TextPart)).strip()
        self.is_cut = response.finish_reason == "length"


class Messages:
    """The messages of a conversation; `begun` of them are of earlier runs.

    `forgotten` is how many answers of this run gave way to a summary.
    """

    def __init__(self, messages: Sequence[ModelMessage] = (), begun: int = 0, forgotten: int = 0) -> None:
        """Begin with what was said before."""
        self.all = list(messages)
        self.begun = begun
        self.forgotten = forgotten

    @classmethod
    def of(cls, kept: Kept) -> Messages:
        """Take what was read from the disk; raise ValueError."""
        made = cls(ModelMessagesTypeAdapter.validate_python(kept.messages), kept.begun, kept.turns)
        for message in made.all[:-1]:
            # As `results` has done it, after they were written down.
            for call in Parts(message).calls if isinstance(message, ModelResponse) else ():
                _mend(call)
        return made

    def dump(self, first: int = 0) -> bytes:
        """Give the messages from the `first` on as JSON."""
        return ModelMessagesTypeAdapter.dump_json(self.all[first:])

    def begin_anew(self, messages: Sequence[ModelMessage]) -> None:
        """Let `messages` take the place of all that was said: its summary, or the same ones cut short."""
        turns, is_shorter = self.turns, len(messages) < len(self.all)
        self.begun, self.all = 0 if is_shorter else self.begun, list(messages)
        self.forgotten = turns - len(self.answers)

    def ask(self, task: str) -> None:
        """Begin a turn with what a person says; a call that was never answered is answered first."""
        parts: list[ModelRequestPart] = [_result(call, LEFT_OPEN) for call in self.open_calls]
        self.begun, self.forgotten = len(self.all), 0
        self.all.append(ModelRequest(parts=[*parts, UserPromptPart(sound(task))]))

    def answered(self, response: ModelResponse) -> None:
        """Append what the model said."""
        if not response.parts:
            # Some servers refuse a history with an empty answer in it.
            response.parts = [TextPart(EMPTY_TEXT)]
        for part in response.parts:
            if isinstance(part, TextPart | ThinkingPart):
                part.content = sound(part.content)
            elif isinstance(part, ToolCallPart):
                part.tool_name = named(part.tool_name)
                part.args = sound(part.args) if isinstance(part.args, str) else part.args
        self.all.append(response)

    def results(self, results: Iterable[tuple[ToolCallPart, str]], note: str | None = None) -> None:
        """Append what the calls of the last answer have given, and a word of PanCode's own."""
        parts: list[ModelRequestPart] = []
        for call, text in results:
            parts.append(_result(call, text))
            _mend(call)
        parts += [] if note is None else [UserPromptPart(note)]
        self.all.append(ModelRequest(parts=parts))

    @property
    def last(self) -> ModelResponse | None:
        """The model's answer, if that is the last message."""
        last = self.all[-1] if self.all else None
        return last if isinstance(last, ModelResponse) else None

    @property
    def open_calls(self) -> list[ToolCallPart]:
        """The calls that wait for their results."""
        return [] if self.last is None else Parts(self.last).calls

    @property
    def answers(self) -> list[ModelResponse]:
        """The model's answers in this run, as far as they are remembered."""
        return [each for each in self.all[self.begun :] if isinstance(each, ModelResponse)]

    @property
    def turns(self) -> int:
        """How many answers this run has had."""
        return self.forgotten + len(self.answers)

    @property
    def model(self) -> str | None:
        """Who gave the last of them, by the server's word."""
        return self.answers[-1].model_name if self.answers else None


def _result(call: ToolCallPart, text: str) -> ToolReturnPart:
    return ToolReturnPart(tool_name=call.tool_name, content=sound(text), tool_call_id=call.tool_call_id)


def sound(text: str) -> str:
    r"""Give `text` as any JSON can hold it: halves of a character are joined, one without the other replaced.

    >>> sound("a \ud83c\udf0a b \ud83c")
    'a 🌊 b �'
    """
    return (
        text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    )


def named(name: str) -> str:
    """Give the name of a tool as providers take it back.

    >>> named("functions.read"), named("read file"), named("")
    ('read', 'read_file', 'unnamed')
    """
    return _NO_NAME.sub("_", name.removeprefix("functions.").strip())[:LONGEST_NAME] or "unnamed"


def _mend(call: ToolCallPart) -> None:
    """Put readable arguments into a call that had none: there are servers that refuse such a history."""
    try:
        arguments(call)
    except ValueError:
        call.args = {"unreadable": str(call.args)[:MOST_UNREADABLE]}


def arguments(call: ToolCallPart) -> dict[str, Any]:
    """Give the arguments of a call; raise ValueError with a sentence for the model if they aren't JSON."""
    raw = call.args
    if raw is None or raw == "":
        return {}
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"the arguments of {call.tool_name} are not JSON ({error}); make the call again"
            ) from None
    if not isinstance(raw, dict):
        raise ValueError(f"the arguments of {call.tool_name} are not a JSON object; make the call again")  # noqa: TRY004
    return raw


def parameters(tools: Iterable[tuple[str, str, Mapping[str, Any]]]) -> ModelRequestParameters:
    """Give what a request offers; of each tool its name, what is said of it, and its schema."""
    return ModelRequestParameters(
        function_tools=[
            ToolDefinition(name=name, description=says, parameters_json_schema=dict(schema))
            for name, says, schema in tools
        ]
    )
