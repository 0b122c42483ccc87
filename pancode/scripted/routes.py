"""Which API a request's address belongs to, with and without a version in front."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from pancode.scripted import anthropic, chat, gemini, responses
from pancode.scripted.conversation import Json
from pancode.scripted.http import Request
from pancode.scripted.wire import Wire

MODEL_NAME = "scripted-model"
"""The one model that the list of models names; every other name is answered too."""

_VERSION = re.compile(r"\A(?:/v1(?:beta|alpha)?(?=/|\Z))+")
_GEMINI = re.compile(r"/models/(?P<model>[^:]+):(?P<verb>generateContent|streamGenerateContent|countTokens)")
_WIRES = {"/messages": anthropic.WIRE, "/chat/completions": chat.WIRE, "/responses": responses.WIRE}
_COUNTED_TOKENS = 2000


@dataclass(frozen=True, slots=True)
class Generate:
    """A model is asked for an answer; `extra` is what Gemini says in the address instead of the body."""

    wire: Wire
    extra: Json
    as_array: bool


@dataclass(frozen=True, slots=True)
class Fixed:
    """An address that is always answered alike."""

    document: Json


@dataclass(frozen=True, slots=True)
class ListRequests:
    """The log of requests is asked for."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No such address, or not with this method."""

    status: int


Route = Generate | Fixed | ListRequests | Unknown


def route(request: Request) -> Route:
    """Say what a request is about."""
    path = _VERSION.sub("", request.path.rstrip("/"))
    if request.method == "POST":
        return _posted(path, request)
    if request.method in {"GET", "HEAD"}:
        return _asked(path)
    return Unknown(405)


def _posted(path: str, request: Request) -> Route:
    if path in _WIRES:
        return Generate(_WIRES[path], {}, as_array=False)
    if path == "/messages/count_tokens":
        return Fixed({"input_tokens": _COUNTED_TOKENS})
    match = _GEMINI.fullmatch(path)
    if match is None:
        return Unknown(404)
    if match["verb"] == "countTokens":
        return Fixed({"totalTokens": _COUNTED_TOKENS})
    stream = match["verb"] == "streamGenerateContent"
    as_array = stream and parse_qs(request.query).get("alt") != ["sse"]
    return Generate(gemini.WIRE, {"model": match["model"], "stream": stream}, as_array=as_array)


def _asked(path: str) -> Route:
    if path == "":
        return Fixed({"status": "ok", "model": "scripted"})
    if path == "/__requests":
        return ListRequests()
    if path == "/models":
        listed = [_model(MODEL_NAME)]
        page: Json = {"has_more": False, "first_id": MODEL_NAME, "last_id": MODEL_NAME}
        return Fixed({"object": "list", "data": listed, "models": listed, **page})
    if path.startswith("/models/"):
        return Fixed(_model(path.removeprefix("/models/")))
    return Unknown(404)


def _model(name: str) -> Json:
    """Describe a model in the words of all three vendors' lists at once."""
    return {
        "id": name,
        "type": "model",
        "object": "model",
        "owned_by": "pancode",
        "created": 0,
        "created_at": "1970-01-01T00:00:00Z",
        "name": f"models/{name}",
        "display_name": name,
        "displayName": name,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
