"""What the agent asks of its client: permission, files, terminals; each only after PanCode has said yes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pancode.bridges.acp.actions import SWITCH
from pancode.bridges.acp.line import NO_METHOD, NO_PARAMS, REFUSED, PeerError
from pancode.bridges.acp.terminals import Terminals

if TYPE_CHECKING:
    from pancode.bridges.acp.actions import Call
    from pancode.bridges.acp.reading import Reader
    from pancode.bridges.wire import Wire
    from pancode.worker.profile import Action

LARGEST_FILE = 8 << 20
"""Bytes of a file that is read for an agent."""
CAPABILITIES: Mapping[str, Any] = {"fs": {"readTextFile": True, "writeTextFile": True}, "terminal": True}
_OWN_MODE = "how much is asked is for the run's level to decide"


class Serving:
    """Answers the agent's requests, inside the same sandbox as the agent itself."""

    def __init__(self, wire: Wire, reader: Reader, cwd: str) -> None:
        """Ask by `wire`; relative commands begin in `cwd`."""
        self._wire = wire
        self._reader = reader
        self._cwd = cwd
        self._terminals = Terminals()
        self._granted: set[str] = set()  # files and commands whose tool call was allowed a moment ago

    async def serve(self, method: str, params: Mapping[str, Any]) -> object:
        """Do what is asked and give the result; PeerError says no."""
        match method:
            case "session/request_permission":
                return await self._permission(params)
            case "fs/read_text_file":
                return await self._read(params)
            case "fs/write_text_file":
                return await self._write(params)
            case "terminal/create":
                return await self._create(params)
            case "terminal/output":
                return self._terminals.get(params.get("terminalId")).output()
            case "terminal/wait_for_exit":
                return await self._terminals.get(params.get("terminalId")).wait()
            case "terminal/kill":
                self._terminals.get(params.get("terminalId")).kill()
                return {}
            case "terminal/release":
                self._terminals.release(params.get("terminalId"))
                return {}
            case _:
                raise PeerError(NO_METHOD, f'PanCode has no method "{method[:80]}"')

    def close(self) -> None:
        """End all terminals."""
        self._terminals.close()

    async def _permission(self, params: Mapping[str, Any]) -> dict[str, Any]:
        call = self._reader.call(params.get("toolCall"))
        call.out = ""  # what stands beside a question is not what came of it
        self._reader.begin(call)
        allow, why = False, _OWN_MODE
        if call.kind != SWITCH:
            verdict = await self._wire.ask(call.action(self._cwd))
            allow, why = verdict.allow, verdict.why
        option = _option(params.get("options"), allow=allow)
        if not allow or option is None:
            self._reader.refuse(call, why if not allow else "the agent offers no way to allow it once")
            return {"outcome": _chosen(_option(params.get("options"), allow=False))}
        self._granted.update(_of(call))
        return {"outcome": _chosen(option)}

    async def _read(self, params: Mapping[str, Any]) -> dict[str, Any]:
        path = _absolute(params)
        await self._ask({"tool": "read", "paths": [path], "cwd": self._cwd})
        text = _text_of(path)
        first, most = params.get("line"), params.get("limit")
        if isinstance(first, int) or isinstance(most, int):
            start = max(0, first - 1) if isinstance(first, int) else 0
            lines = text.splitlines(keepends=True)[start:]
            text = "".join(lines[: max(0, most)] if isinstance(most, int) else lines)
        return {"content": text}

    async def _write(self, params: Mapping[str, Any]) -> dict[str, Any]:
        path, content = _absolute(params), params.get("content")
        if not isinstance(content, str):
            raise PeerError(NO_PARAMS, "the content is not a text")
        await self._ask({"tool": "write", "paths": [path], "cwd": self._cwd}, path)
        _put(path, content)
        return {}

    async def _create(self, params: Mapping[str, Any]) -> dict[str, Any]:
        command, words = params.get("command"), params.get("args") or []
        if not isinstance(command, str) or not all(isinstance(word, str) for word in words):
            raise PeerError(NO_PARAMS, "the command is not a text")
        told = shlex.join([command, *words]) if words else command
        cwd = params.get("cwd") if isinstance(params.get("cwd"), str) else self._cwd
        env = _variables(params.get("env"))
        before = "".join(f"{name}={shlex.quote(value)} " for name, value in env.items())
        await self._ask({"tool": "shell", "command": before + told, "cwd": str(cwd)}, before + told)
        # Without arguments it may be a whole line for a shell, as it was asked about.
        argv = [command, *words] if words else ["/bin/sh", "-c", command]
        most = params.get("outputByteLimit")
        return await self._terminals.create(argv, str(cwd), env, most if isinstance(most, int) else None)

    async def _ask(self, action: Action, granted: str = "") -> None:
        """Ask, unless the tool call that this belongs to was just allowed; PeerError for a no."""
        if granted and granted in self._granted:
            self._granted.discard(granted)
            return
        verdict = await self._wire.ask(action)
        if not verdict.allow:
            raise PeerError(REFUSED, f"PanCode: {verdict.why or 'refused'}")


def _text_of(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        if os.fstat(file.fileno()).st_size > LARGEST_FILE:
            raise ValueError(f"{path} is larger than {LARGEST_FILE} bytes")
        return file.read()


def _put(path: str, content: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(content)


def _of(call: Call) -> list[str]:
    return [call.command] if call.name == "shell" else list(call.paths) if call.kind == "edit" else []


def _variables(given: object) -> dict[str, str]:
    pairs = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    env = {str(each.get("name")): str(each.get("value")) for each in pairs}
    if not all(name.isidentifier() for name in env):
        raise PeerError(NO_PARAMS, "that is not the name of a variable")
    return env


def _absolute(params: Mapping[str, Any]) -> str:
    path = params.get("path")
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path:
        raise PeerError(NO_PARAMS, "the path is not absolute")
    return os.path.normpath(path)


def _option(options: object, *, allow: bool) -> str | None:
    """Give the option that says yes or no this once; never one that says it for ever."""
    wanted = "allow_once" if allow else "reject_once"
    for each in options if isinstance(options, list) else ():
        if isinstance(each, dict) and each.get("kind") == wanted and isinstance(each.get("optionId"), str):
            return str(each["optionId"])
    return None


def _chosen(option: str | None) -> dict[str, Any]:
    return {"outcome": "cancelled"} if option is None else {"outcome": "selected", "optionId": option}
