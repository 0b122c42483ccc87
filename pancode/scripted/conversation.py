"""What a client asks, whatever API it speaks: prompts, replies so far, and the tools it offers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Json = dict[str, object]

_WRAPPER = re.compile(r"<([A-Za-z]+(?:[_-][\w-]*)|INSTRUCTIONS)>.*?</\1>", re.DOTALL)
"""Notes that the CLIs put into the user's message: their tags have `_` or `-` in the name, HTML's don't."""
_PREAMBLE = re.compile(r"\A# AGENTS\.md instructions[^\n]*\Z")
_HELPER = re.compile(r"\b(titles?|summar(y|ies|i[sz]e\w*)|new topic|compact\w*)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the client offers: `kind` is function, custom (free text) or local_shell."""

    name: str
    kind: str
    properties: Mapping[str, object]
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prompted:
    """The user's side said this."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """The model called a tool."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A tool's result came back."""


Entry = Prompted | Called | Returned


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for an answer.

    `prompts` are the user's own words without what the CLI wraps around them, `replies` counts the replies
    with tool calls since the last of them, and `opening` is the first prompt as it came.
    """

    model: str
    stream: bool
    prompts: tuple[str, ...]
    replies: int
    opening: str
    system: str
    tools: tuple[Tool, ...]

    def is_helper(self) -> bool:
        """Say whether it is a CLI's side call, such as OpenCode's for a title: no tools, and it says so."""
        words = self.system or (self.prompts[0] if len(self.prompts) > 1 else "")
        return not self.tools and bool(_HELPER.search(words))

    def prompt(self) -> str:
        """Give the last prompt, or an empty text."""
        return self.prompts[-1] if self.prompts else ""


def ask_from(
    entries: Iterable[Entry], *, model: str, stream: bool, system: str, tools: tuple[Tool, ...]
) -> Ask:
    """Count through a history, oldest entry first."""
    prompts: list[str] = []
    opening = ""
    replies = 0
    within_reply = False
    for entry in entries:
        match entry:
            case Prompted(text):
                words = own_words(text)
                if words:
                    opening = opening or text
                    prompts.append(words)
                    replies = 0
                within_reply = False
            case Called():
                replies += 0 if within_reply else 1
                within_reply = True
            case Returned():
                within_reply = False
    return Ask(model, stream, tuple(prompts), replies, opening, system, tools)


def own_words(text: str) -> str:
    r"""Give what the user wrote, without the notes a CLI adds.

    >>> own_words("<current_datetime>noon</current_datetime>\n\nfix <b>it</b>")
    'fix <b>it</b>'
    """
    rest = _WRAPPER.sub("", text).strip()
    return "" if _PREAMBLE.match(rest) else rest


def mapping(value: object) -> Json:
    """Read a JSON object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[object]:
    """Read a JSON list; anything else is an empty one."""
    return value if isinstance(value, list) else []


def word(value: object) -> str:
    """Read a JSON text; anything else is an empty one."""
    return value if isinstance(value, str) else ""


def parts_text(content: object) -> str:
    """Join the texts of a message's content, which is a text or a list of parts."""
    if isinstance(content, str):
        return content
    return "\n".join(filter(None, (word(mapping(part).get("text")) for part in sequence(content))))


def tool_from(name: object, kind: str, schema: object) -> Tool:
    """Make a Tool from its name and the JSON schema of its arguments."""
    shape = mapping(schema)
    required = tuple(item for item in sequence(shape.get("required")) if isinstance(item, str))
    return Tool(word(name), kind, mapping(shape.get("properties")), required)
