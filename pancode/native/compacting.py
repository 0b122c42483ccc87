"""Makes room in a model's window in the middle of a turn: the conversation gives way to a summary of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from pancode.core.conversation import ASK_SUMMARY, LETTERS, SUMMARY

ROOM = 0.6
"""Share of the window that is sent to be summed up, and that is left where there is no summary."""
SHORTEST = 400
"""Characters that are kept of what a call has given."""
LEFT_OUT = (
    "\n[PanCode has left out the rest, as the model's window was full: call the tool again if you need it.]"
)

ASKING = ModelRequest(parts=[UserPromptPart(ASK_SUMMARY)])


def used(messages: Sequence[ModelMessage], fixed: int) -> int:
    """Give the tokens that the next request takes: the provider's count of the last one, and what came since.

    `fixed` tokens of prompt and tools count where there is no such figure.
    """
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if isinstance(message, ModelResponse):
            known = message.usage.input_tokens + message.usage.output_tokens
            if known:
                return known + tokens(messages[place + 1 :])
            break
    return fixed + tokens(messages)


def tokens(messages: Iterable[ModelMessage]) -> int:
    """Estimate the tokens of messages by their letters."""
    return sum(len(text) for message in messages for text in _texts(message)) // LETTERS


def _texts(message: ModelMessage) -> Iterable[str]:
    for part in message.parts:
        match part:
            case TextPart() | ThinkingPart() | UserPromptPart() | ToolReturnPart():
                yield str(part.content)
            case ToolCallPart():
                yield str(part.args)
            case _:
                pass


def clipped(messages: Sequence[ModelMessage], fixed: int, window: int) -> list[ModelMessage]:
    """Give the messages with the results of calls cut short, the oldest first, until they leave room."""
    found = list(messages)
    over = (fixed + tokens(found) - int(ROOM * window)) * LETTERS
    for place, message in enumerate(found):
        if not isinstance(message, ModelRequest):
            continue
        parts = list(message.parts)
        for number, part in enumerate(parts):
            if over <= 0 or not isinstance(part, ToolReturnPart):
                continue
            text = str(part.content)
            kept = max(SHORTEST, len(text) - over)
            if kept + len(LEFT_OUT) < len(text):
                parts[number] = ToolReturnPart(part.tool_name, text[:kept] + LEFT_OUT, part.tool_call_id)
                over -= len(text) - kept
        found[place] = replace(message, parts=parts)
    return found


def summed_up(task: str, summary: str) -> list[ModelMessage]:
    """Give the conversation that goes on from a summary: its task stays word for word."""
    said = f"{task}\n\n{SUMMARY}\n\n{summary}\n\nGo on with the task."
    return [ModelRequest(parts=[UserPromptPart(said)])]
