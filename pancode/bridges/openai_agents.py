"""An agent of the OpenAI Agents SDK with PanCode's local tools; tracing is off, hidden tools are soft."""

from __future__ import annotations

import json
import os
import uuid
from typing import TYPE_CHECKING, Any

from pancode.bridges.history import History
from pancode.bridges.reasons import reason_of
from pancode.bridges.toolbox import Toolbox, offered
from pancode.bridges.wire import BridgeError, Job, Wire, run

if TYPE_CHECKING:
    from agents import Agent, FunctionTool, Model, ModelResponse, RunHooks
    from openai import AsyncOpenAI

KEYS = ("OPENAI_API_KEY",)
RETRIES = 5
"""With waits of half a second to eight, about 20 s in all."""
MODEL = "gpt-5.5"
"""For an endpoint, where no model is named."""
_TOO_MANY, _SERVER = 429, 500
_PROMPT = "You are a coding agent. Use the tools to do what is asked, then say in short what you did."


async def work(wire: Wire) -> None:
    """Have the task done, and tell what is seen of it."""
    job = wire.job
    history = History(job.session or f"oa-{uuid.uuid4().hex}")
    wire.emit({"kind": "session", "id": history.session_id})
    import agents
    import openai

    client = _client(wire)
    agents.set_tracing_disabled(True)
    try:
        async with Toolbox(wire, hidden=KEYS) as toolbox:
            await _conversation(wire, history, toolbox, _agent(job, toolbox, _model(job, client)))
    except openai.APIStatusError as error:
        raise BridgeError(
            _words(error), reason_of(_words(error), error.status_code), error.status_code
        ) from None
    except openai.APIError as error:
        raise BridgeError(str(error), reason_of(f"{error} {error.__cause__}")) from None
    except agents.MaxTurnsExceeded as error:
        raise BridgeError(str(error), "budget") from None
    except agents.AgentsException as error:
        raise BridgeError(f"{type(error).__name__}: {error}") from None
    except ConnectionError as error:
        raise BridgeError(str(error), "network") from None
    finally:
        await client.close()


async def _conversation(wire: Wire, history: History, toolbox: Toolbox, agent: Agent[None]) -> None:
    from agents import RunConfig, Runner

    hooks = _hooks(wire)
    config = RunConfig(tracing_disabled=True, tool_not_found_behavior="return_error_to_model")
    streamed = Runner.run_streamed(
        agent, wire.job.task, session=history, max_turns=wire.job.max_turns, hooks=hooks, run_config=config
    )
    async for event in streamed.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            wire.emit({"kind": "text", "text": event.data.delta, "delta": True})
        elif event.type == "run_item_stream_event" and event.name == "tool_called":
            await _unoffered(toolbox, event.item.raw_item)
    result = "" if streamed.final_output is None else str(streamed.final_output)
    wire.emit({"kind": "finished", "ok": True, "result": result, "turns": hooks.turns})  # type: ignore[attr-defined]


async def _unoffered(toolbox: Toolbox, item: Any) -> None:  # noqa: ANN401 -- one of many kinds of the SDK's
    """Have a call told that the SDK answers by itself, as there is no such tool."""
    name = getattr(item, "name", None)
    if isinstance(name, str) and name not in toolbox.names:
        await toolbox.call(name, _given(getattr(item, "arguments", "")), getattr(item, "call_id", ""))


def _given(text: str) -> object:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text  # the toolbox says what is wrong with it


def _agent(job: Job, toolbox: Toolbox, model: Model) -> Agent[None]:
    from agents import Agent, ModelSettings
    from openai.types.shared import Reasoning

    settings = ModelSettings(include_usage=True)
    if job.effort is not None:
        settings.reasoning = Reasoning(effort=job.effort)
    return Agent(
        name="pancode",
        instructions="\n\n".join(part for part in (_PROMPT, job.system_prompt) if part),
        tools=[_tool(each.name, each.says, each.schema, toolbox) for each in offered(job)],
        model=model,
        model_settings=settings,
    )


def _tool(name: str, says: str, schema: dict[str, Any], toolbox: Toolbox) -> FunctionTool:
    from agents import FunctionTool

    async def invoked(context: Any, text: str) -> str:  # noqa: ANN401 -- the SDK's
        return await toolbox.call(name, _given(text), context.tool_call_id)

    return FunctionTool(name, says, schema, invoked, strict_json_schema=False)


def _hooks(wire: Wire) -> RunHooks[None]:
    from agents import RunHooks

    class Hooks(RunHooks[None]):
        turns = 0

        async def on_llm_start(self, *_: Any) -> None:  # noqa: ANN401 -- the SDK's
            self.turns += 1
            wire.emit({"kind": "turn", "model": wire.job.model or MODEL})

        async def on_llm_end(self, _context: Any, _agent: Any, response: ModelResponse) -> None:  # noqa: ANN401
            wire.emit(usage_of(response))

    return Hooks()


def usage_of(response: ModelResponse) -> dict[str, Any]:
    """Give a response's tokens as PanCode counts them: the cached ones are not in `input`."""
    used = response.usage
    cached = used.input_tokens_details.cached_tokens or 0
    counts: dict[str, int | None] = {
        "input": max(used.input_tokens - cached, 0),
        "output": used.output_tokens,
    }
    counts |= {"cache_read": cached, "cache_write": None}
    counts |= {"reasoning": used.output_tokens_details.reasoning_tokens}
    return {"kind": "usage", "scope": "step", **counts}


def _model(job: Job, client: AsyncOpenAI) -> Model:
    """Give the model: by the Responses API from OpenAI itself, by Chat Completions from anybody else."""
    from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel

    if job.more.get("vendor"):
        return OpenAIResponsesModel(job.model or MODEL, client)
    return OpenAIChatCompletionsModel(job.model or MODEL, client)


def _client(wire: Wire) -> AsyncOpenAI:
    import openai

    async def seen(response: Any) -> None:  # noqa: ANN401 -- the HTTP client's
        attempt = int(response.request.headers.get("x-stainless-retry-count", 0)) + 1
        again = response.status_code == _TOO_MANY or response.status_code >= _SERVER
        if again and attempt <= RETRIES:
            told = {"attempt": attempt, "of": RETRIES, "wait_s": None, "http": response.status_code}
            wire.emit({"kind": "retrying", **told, "why": str(response.reason_phrase)})

    job = wire.job
    http = openai.DefaultAsyncHttpxClient(event_hooks={"response": [seen]})
    key = job.key or os.environ.get(KEYS[0])
    if not key:
        raise BridgeError(f"{KEYS[0]} is not set, and there is no endpoint", "auth")
    return openai.AsyncOpenAI(api_key=key, base_url=job.endpoint, max_retries=RETRIES, http_client=http)


def _words(error: Any) -> str:  # noqa: ANN401 -- an error of the client's
    body = error.body if isinstance(error.body, dict) else {}
    return str(body.get("message") or error.message)


if __name__ == "__main__":
    run(work)
