"""An agent made with the protocol's own library: it asks, writes by its client, runs a terminal, answers."""

from __future__ import annotations

import asyncio
from typing import Any

from acp import (
    PROTOCOL_VERSION,
    run_agent,
    start_edit_tool_call,
    tool_diff_content,
    update_agent_message_text,
    update_tool_call,
)
from acp.schema import (
    InitializeResponse,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    ToolCallUpdate,
    Usage,
)


class Example:
    def on_connect(self, conn: Any) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        return InitializeResponse(protocol_version=min(protocol_version, PROTOCOL_VERSION))

    async def new_session(self, cwd: str, **_: Any) -> NewSessionResponse:
        self.cwd = cwd
        return NewSessionResponse(session_id="lib-1")

    async def prompt(self, prompt: list[Any], session_id: str, **_: Any) -> PromptResponse:
        path = f"{self.cwd}/made.txt"
        diff = tool_diff_content(path, prompt[0].text)
        await self.client.session_update(session_id, start_edit_tool_call("e1", "Make it", path, diff))
        options = [
            PermissionOption(option_id="y", name="Yes", kind="allow_once"),
            PermissionOption(option_id="n", name="No", kind="reject_once"),
        ]
        call = ToolCallUpdate(tool_call_id="e1", kind="edit", content=[diff])
        said = await self.client.request_permission(session_id=session_id, tool_call=call, options=options)
        if said.outcome.outcome != "selected" or said.outcome.option_id != "y":
            await self.client.session_update(session_id, update_agent_message_text("Then not."))
            return PromptResponse(stop_reason="end_turn")
        await self.client.write_text_file(session_id=session_id, path=path, content=prompt[0].text)
        await self.client.session_update(session_id, update_tool_call("e1", status="completed"))
        back = await self.client.read_text_file(session_id=session_id, path=path)
        terminal = await self.client.create_terminal(session_id=session_id, command="cat", args=[path])
        name = terminal.terminal_id
        ended = await self.client.wait_for_terminal_exit(session_id=session_id, terminal_id=name)
        output = await self.client.terminal_output(session_id=session_id, terminal_id=name)
        await self.client.release_terminal(session_id=session_id, terminal_id=name)
        told = f"{back.content}|{output.output}|{ended.exit_code}"
        await self.client.session_update(session_id, update_agent_message_text(told))
        usage = Usage(input_tokens=10, output_tokens=2, total_tokens=12, cached_read_tokens=4)
        return PromptResponse(stop_reason="end_turn", usage=usage)


if __name__ == "__main__":
    agent: Any = Example()
    asyncio.run(run_agent(agent))
