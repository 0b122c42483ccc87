"""Drives the user's `claude` by the Claude Agent SDK; its stream is read by the adapter of Claude Code."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pancode.bridges.wire import BridgeError, Job, Verdict, Wire, run

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient

LONGEST_LINE = 16 << 20
"""Bytes of one message of `claude`, as the shim takes of any agent."""
INTERRUPT_S = 1.0
"""How long a stopped `claude` has to keep its conversation."""
_BLOCKS = {"TextBlock": "text", "ToolUseBlock": "tool_use", "ToolResultBlock": "tool_result"}


async def work(wire: Wire) -> None:
    """Have the task done, and tell what is seen of it."""
    import claude_agent_sdk as sdk

    reader = _load(str(wire.job.more["reads"]))
    questions = Questions(wire, reader)
    session = reader.Session()
    client = sdk.ClaudeSDKClient(options(wire.job, reader, questions))
    try:
        await client.connect()
    except sdk.ClaudeSDKError as error:
        raise BridgeError(f"claude doesn't start: {error}", "crashed") from None
    try:
        await client.query(wire.job.task)
        async for message in client.receive_response():
            for event in session.feed(as_record(message)):
                # What the reader doesn't know goes on under its own name, to be counted.
                wire.emit({"kind": event["type"]} if event["kind"] == "unknown" else event)
    except asyncio.CancelledError:
        await _interrupted(client)
        raise
    finally:
        with contextlib.suppress(sdk.ClaudeSDKError):
            await client.disconnect()


def options(job: Job, reader: Any, questions: Questions) -> ClaudeAgentOptions:  # noqa: ANN401 -- a module
    """Give what the SDK is told for a job."""
    import claude_agent_sdk as sdk

    prompt: sdk.types.SystemPromptPreset = {"type": "preset", "preset": "claude_code"}
    if job.system_prompt:
        prompt["append"] = job.system_prompt
    tools = [name for word in job.tools or () for name in reader.TOOLS.get(word, word).split(",")]
    return sdk.ClaudeAgentOptions(
        cli_path=str(job.more["program"]),
        cwd=os.getcwd(),
        system_prompt=prompt,
        tools=None if job.tools is None else tools,
        disallowed_tools=_disallowed(job, reader),
        strict_mcp_config=job.reading,
        permission_mode="plan" if job.reading and job.port is None else "default",
        model=job.model,
        effort=job.effort,  # type: ignore[arg-type]
        max_turns=job.max_turns,
        resume=job.session,
        settings='{"disableAllHooks": false}',
        extra_args=dict(_flags(job.extra_args)),
        include_partial_messages=True,
        max_buffer_size=LONGEST_LINE,
        can_use_tool=questions.permission,
        hooks={"PreToolUse": [sdk.HookMatcher(hooks=[questions.hook], timeout=job.ask_s or None)]},
    )


def as_record(message: object) -> dict[str, Any]:
    """Give a message of the SDK's as the record of the stream that it was parsed from."""
    kind = type(message).__name__
    if kind == "StreamEvent":
        return {"type": "stream_event", **asdict(message)}  # type: ignore[call-overload]
    if kind in ("AssistantMessage", "UserMessage"):
        told: Any = message
        content = told.content if isinstance(told.content, list) else []
        inner: dict[str, Any] = {"content": [_block(block) for block in content]}
        inner |= {"id": getattr(told, "message_id", None), "model": getattr(told, "model", None)}
        outer = {"error": getattr(told, "error", None), "parent_tool_use_id": told.parent_tool_use_id}
        return {"type": "assistant" if kind == "AssistantMessage" else "user", "message": inner, **outer}
    if kind == "ResultMessage":
        fields: dict[str, Any] = asdict(message)  # type: ignore[call-overload]
        return {"type": "result", **fields, "modelUsage": fields.get("model_usage")}
    data = getattr(message, "data", None)
    return data if isinstance(data, dict) else {"type": "rate_limit_event"}


class Questions:
    """Answers what the SDK asks: its hook before each call, and its question where a rule wants one."""

    def __init__(self, wire: Wire, reader: Any) -> None:  # noqa: ANN401 -- a module
        """Ask by `wire` about actions as `reader` reads them."""
        self._wire = wire
        self._reader = reader
        self._allowed: set[str] = set()

    async def hook(self, given: Any, call: str | None, _context: object) -> Any:  # noqa: ANN401 -- the SDK's
        """Answer the hook before a call, whatever the permission rules say about it."""
        answer = await self._answer(given)
        if answer.allow and call:
            self._allowed.add(call)
        said = {"permissionDecision": "allow" if answer.allow else "deny"}
        said["permissionDecisionReason"] = answer.why
        return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **said}}

    async def permission(self, tool: str, given: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 -- the SDK's
        """Answer where `claude` would ask a person, unless this very call has been asked about."""
        from claude_agent_sdk import PermissionResultAllow, PermissionResultDeny

        if context.tool_use_id in self._allowed:
            return PermissionResultAllow()
        answer = await self._answer({"tool_name": tool, "tool_input": given, "cwd": os.getcwd()})
        return PermissionResultAllow() if answer.allow else PermissionResultDeny(message=answer.why)

    async def _answer(self, given: Mapping[str, Any]) -> Verdict:
        try:
            action = self._reader.hook_asks(given)
        except (KeyError, TypeError, ValueError) as error:
            return Verdict(allow=False, why=f"the call can't be read: {type(error).__name__}: {error}")
        return await self._wire.ask(action)


def _disallowed(job: Job, reader: Any) -> list[str]:  # noqa: ANN401 -- a module
    """Give the tools and commands that the level takes away, as the adapter of Claude Code does."""
    if job.reading:
        return list(reader.CHANGING if job.port is None else reader.CHANGING[1:])
    if job.level == "full-auto":
        return []
    return list(reader.DENIED if job.port is None else reader.DENIED[:3])


def _flags(words: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Give arguments of the program as the SDK wants them.

    >>> list(_flags(["--add-dir", "../lib", "--betas=a", "--verbose"]))
    [('add-dir', '../lib'), ('betas', 'a'), ('verbose', None)]
    """
    waiting: str | None = None
    for word in words:
        if word.startswith("--"):
            if waiting is not None:
                yield waiting, None
            name, equals, value = word.removeprefix("--").partition("=")
            waiting = None if equals else name
            if equals:
                yield name, value
        elif waiting is None:
            raise BridgeError(f'"{word}" in the runtime_args is no flag, and belongs to none')
        else:
            yield waiting, word
            waiting = None
    if waiting is not None:
        yield waiting, None


def _block(block: object) -> dict[str, Any]:
    fields: dict[str, Any] = asdict(block)  # type: ignore[call-overload]
    return {**fields, "type": _BLOCKS.get(type(block).__name__, "")}


async def _interrupted(client: ClaudeSDKClient) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(INTERRUPT_S):
            await client.interrupt()


def _load(path: str) -> Any:  # noqa: ANN401 -- a module
    spec = importlib.util.spec_from_file_location("claude_code", path)
    if spec is None or spec.loader is None:
        raise BridgeError(f'"{path}" can\'t be loaded')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    run(work)
