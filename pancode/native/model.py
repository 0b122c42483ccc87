"""The only door to a model: builds the client of a wire, and gives an answer as it comes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import httpx2
from openai import AsyncOpenAI
from openai._base_client import get_platform
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartEndEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

if TYPE_CHECKING:
    from pancode.worker.profile import Native

PLATFORM = get_platform()
NO_KEY = "none"
"""What a client is told where there is no key, or none yet."""
MOST_ANSWER = 4_000_000
"""Letters of an answer; no model means more, and one that is broken never ends."""
CONNECT_S, SILENT_S = 20.0, 600.0
"""How long a connection may take, and how long a model may say nothing; the gateway sends comments."""


@dataclass(frozen=True, slots=True)
class Wire:
    """Where a model is and how it is spoken to; `effort`: how hard it is to think."""

    kind: str
    url: str
    model: str
    effort: str | None = None

    @classmethod
    def of(cls, native: Native) -> Wire:
        """Read it from a run's spec."""
        return cls(native["wire"], native["url"], native["model"], native["effort"])


class Gate(httpx2.AsyncBaseTransport):
    """Holds requests, made as they are, until the loop has its key; then puts that into each of them."""

    def __init__(self, context: ssl.SSLContext, wire: str) -> None:
        """Be closed; `wire` is the kind that the requests are of."""
        self._way = httpx2.AsyncHTTPTransport(verify=context, trust_env=False)
        self._is_anthropic = wire == "anthropic"
        self._key = ""
        self._open = asyncio.Event()

    def open(self, key: str) -> None:
        """Let out what waits, and whatever comes."""
        self._key = key or NO_KEY
        self._open.set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request on its way once the gate is open."""
        await self._open.wait()
        if self._is_anthropic:
            request.headers["x-api-key"] = self._key
        else:
            request.headers["authorization"] = f"Bearer {self._key}"
        return await self._way.handle_async_request(request)

    async def aclose(self) -> None:
        """Hang up."""
        await self._way.aclose()


@dataclass(frozen=True, slots=True)
class Made:
    """A model that is ready to be asked; what is asked waits at the gate until that is opened."""

    model: Model[Any]
    settings: ModelSettings
    client: httpx2.AsyncClient
    gate: Gate


class EndlessError(Exception):
    """The model doesn't come to an end."""

    def __init__(self) -> None:
        """There is but one reason."""
        super().__init__(f"an answer of the model is longer than {MOST_ANSWER:,} letters")


class UnknownWireError(Exception):
    """The wire can't be spoken here; the text is a sentence for people."""


def build(wire: Wire, context: ssl.SSLContext) -> Made:
    """Make the model; nothing is sent. Raise UnknownWireError."""
    gate = Gate(context, wire.kind)
    timeout = httpx2.Timeout(SILENT_S, connect=CONNECT_S)
    client = httpx2.AsyncClient(transport=gate, trust_env=False, timeout=timeout)
    if wire.kind == "anthropic":
        return Made(_anthropic(wire, client), ModelSettings(), client, gate)
    if wire.kind != "openai-chat":
        raise UnknownWireError(f'native agents don\'t speak "{wire.kind}"')
    openai = AsyncOpenAI(base_url=wire.url, api_key=NO_KEY, max_retries=0, http_client=client)
    openai._platform = PLATFORM  # noqa: SLF001 -- else each client starts a thread to find that out
    # A stream that ends without a reason was cut: what it would have said is not known.
    profile = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
    model = OpenAIChatModel(wire.model, provider=OpenAIProvider(openai_client=openai), profile=profile)
    return Made(model, _settings(wire), client, gate)


def _settings(wire: Wire) -> ModelSettings:
    effort: Literal["low", "medium", "high"]
    match wire.effort:
        case "low" | "medium" | "high" as effort:
            from pydantic_ai.models.openai import OpenAIChatModelSettings

            return OpenAIChatModelSettings(openai_reasoning_effort=effort)
        case _:
            return ModelSettings()


def _anthropic(wire: Wire, client: httpx2.AsyncClient) -> Model[Any]:
    try:
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider
    except ImportError:
        raise UnknownWireError(
            "native agents speak Anthropic's API only with the extra: pip install 'pancode[anthropic]'"
        ) from None
    url = wire.url.rstrip("/").removesuffix("/v1")
    anthropic = AsyncAnthropic(base_url=url, api_key=NO_KEY, max_retries=0, http_client=client)
    return AnthropicModel(wire.model, provider=AnthropicProvider(anthropic_client=anthropic))


def _size(event: ModelResponseStreamEvent) -> int:
    """Give the letters that an event adds to the answer."""
    piece = getattr(event, "delta", None) or getattr(event, "part", None)
    said = (getattr(piece, name, None) for name in ("content_delta", "args_delta", "content", "args"))
    # Of a part that has ended all its letters would come again.
    return 0 if isinstance(event, PartEndEvent) else sum(len(each) for each in said if isinstance(each, str))


async def steps(
    made: Made, messages: Sequence[ModelMessage], instructions: str | None, parameters: ModelRequestParameters
) -> AsyncIterator[str | ModelResponse]:
    """Ask once: give the pieces of text as they come, and at last the whole answer.

    Raises what pydantic-ai raises, for `retries.read`.
    """
    *before, last = messages
    if isinstance(last, ModelRequest):
        last = ModelRequest(parts=last.parts, instructions=instructions)
    asked = model_request_stream(
        made.model, [*before, last], model_settings=made.settings, model_request_parameters=parameters
    )
    size = 0
    async with asked as stream:
        async for event in stream:
            size += _size(event)
            if size > MOST_ANSWER:
                raise EndlessError
            match event:
                case PartStartEvent(part=TextPart(content=text)) if text:
                    yield text
                case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
                    yield text
                case _:
                    pass
        yield stream.get()
