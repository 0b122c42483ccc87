"""The four wire APIs, as far as the gateway reads requests: which one it is, and what is asked of whom."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal
from urllib.parse import unquote

READ_WHOLE = 1 << 20
"""Bytes of a body that is parsed; of a longer one, which pictures make, only both ends are searched."""
_END = 1 << 16
_CHARACTERS_PER_TOKEN = 4
_MOST_GUESSED = 2_000_000
_GEMINI = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>[A-Za-z]+)$")
_ODD = re.compile(r"[#;\\?\x00-\x20\x7f]|/\.{1,2}(/|$)")
"""What servers read differently in a path: what looks free there may be an answer's path to them."""
_GEMINI_VERBS = {"generateContent": False, "streamGenerateContent": True}
_LIMITS = ("max_tokens", "max_output_tokens", "max_completion_tokens")
UNNAMED_OUTPUT = 32_000
"""Tokens that an answer is taken to have at most where the request names no maximum."""
_MOST_ANSWERS = 128
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,200})"')
_LIMIT = re.compile(
    rb'"(?:max_tokens|max_output_tokens|max_completion_tokens|maxOutputTokens)"\s*:\s*(\d{1,9})'
)
_BEHIND = re.compile(rb'"background"\s*:\s*true')
_STREAM = re.compile(rb'"stream"\s*:\s*true')


class Wire(StrEnum):
    """An API that models are spoken to by."""

    ANTHROPIC = "anthropic"
    CHAT = "chat"
    RESPONSES = "responses"
    GEMINI = "gemini"
    UNKNOWN = "unknown"


_POSTED = {
    "/messages": Wire.ANTHROPIC,
    "/chat/completions": Wire.CHAT,
    "/responses": Wire.RESPONSES,
}
_COUNTING = {"/messages/count_tokens": Wire.ANTHROPIC, "/responses/input_tokens": Wire.RESPONSES}


@dataclass(frozen=True, slots=True)
class Route:
    """What a request's first line says. Everything that may cost something is metered."""

    wire: Wire
    what: Literal["generate", "count", "models", "other", "unknown"]
    model: str | None = None
    stream: bool = False

    @property
    def metered(self) -> bool:
        """Whether it needs permission and is counted; so does what is posted and not known."""
        return self.what in ("generate", "unknown")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request asks for. `input_estimate` is in tokens, guessed from the body's length.

    `max_output` is that of all the answers that it wants, and the largest that it names. `behind`: the
    answer is made behind the request's back, and fetched by others.
    """

    model: str | None
    stream: bool
    input_estimate: int
    max_output: int | None
    behind: bool = False


def route(method: str, target: str) -> Route:
    """Say what a request is about.

    >>> route("POST", "/v1/messages?beta=true").wire.value, route("GET", "/v1/models").what
    ('anthropic', 'models')
    >>> route("POST", "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse").model
    'gemini-2.5-pro'
    >>> route("POST", "/v1/embeddings").what, route("GET", "/v1/files").what
    ('unknown', 'other')
    """
    path = unquote(target.partition("?")[0]).rstrip("/")
    found = _route(method, path)
    if _ODD.search(path) and (not found.metered or found.model):
        return Route(Wire.UNKNOWN, "unknown")
    return found


def _route(method: str, path: str) -> Route:
    if method == "POST":
        for ending, wire in _COUNTING.items():
            if path.endswith(ending):
                return Route(wire, "count")
        for ending, wire in _POSTED.items():
            if path.endswith(ending):
                return Route(wire, "generate")
        match = _GEMINI.search(path)
        return _gemini(match) if match else Route(Wire.UNKNOWN, "unknown")
    if method in ("GET", "HEAD") and (path.endswith("/models") or "/models/" in path):
        return Route(Wire.UNKNOWN, "models")
    return Route(Wire.UNKNOWN, "other" if method in ("GET", "HEAD", "OPTIONS") else "unknown")


def _gemini(match: re.Match[str]) -> Route:
    model, verb = match["model"], match["verb"]
    if verb == "countTokens":
        return Route(Wire.GEMINI, "count", model)
    if verb not in _GEMINI_VERBS:
        return Route(Wire.UNKNOWN, "unknown", model)
    return Route(Wire.GEMINI, "generate", model, _GEMINI_VERBS[verb])


def read_ask(found: Route, body: bytes) -> Ask:
    """Read what is asked from the body of a request.

    >>> read_ask(Route(Wire.CHAT, "generate"), b'{"model":"m","stream":true,"max_tokens":9}')
    Ask(model='m', stream=True, input_estimate=10, max_output=9, behind=False)
    """
    guess = min(len(body) // _CHARACTERS_PER_TOKEN, _MOST_GUESSED)
    if len(body) > READ_WHOLE:
        model, stream, most = _searched(body)
    else:
        model, stream, most = _parsed(body)
    behind = found.wire is Wire.RESPONSES and _BEHIND.search(body) is not None
    return Ask(found.model or model, found.stream or stream, guess, most, behind)


def _parsed(body: bytes) -> tuple[str | None, bool, int | None]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None, False, None
    if not isinstance(document, Mapping):
        return None, False, None
    model = document.get("model")
    gemini = _mapping(document.get("generationConfig"))
    limits = [*(document.get(name) for name in _LIMITS), gemini.get("maxOutputTokens")]
    most = max((limit for limit in limits if isinstance(limit, int)), default=None)
    answers = [document.get("n"), document.get("best_of"), gemini.get("candidateCount")]
    times = max((count for count in answers if isinstance(count, int)), default=1)
    if times > 1:
        most = (UNNAMED_OUTPUT if most is None else most) * min(times, _MOST_ANSWERS)
    return (model if isinstance(model, str) else None), document.get("stream") is True, most


def _searched(body: bytes) -> tuple[str | None, bool, int | None]:
    ends = body[:_END] + b"\n" + body[-_END:]
    model, most = _MODEL.search(ends), max(map(int, _LIMIT.findall(ends)), default=None)
    return (
        model[1].decode("utf-8", "replace") if model else None,
        _STREAM.search(ends) is not None,
        most,
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
