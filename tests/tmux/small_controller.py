"""A stand-in for the controller: holds the lock, answers on the socket, turns keys into modes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import sys
from typing import Any

from pancode.engine import places as all_places
from pancode.engine.tmux.control import Control
from pancode.engine.tmux.keys import key_letters
from pancode.engine.tmux.panes import Panes

MODES = ("plan", "build", "review")
LEVELS = ("suggest", "auto-edit", "full-auto")


class Small:
    """As much of a controller as the session's verbs can see."""

    def __init__(self) -> None:
        self.places = all_places.find()
        self.control = Control(self.places.tmux_socket)
        self.keys = Control(self.places.tmux_socket)
        self.panes = Panes(self.control)
        self.mode, self.level, self.is_admin = 1, 1, False
        self.over = asyncio.Event()

    async def show(self) -> None:
        mode = "admin" if self.is_admin else MODES[self.mode]
        await self.panes.set_globals({"@pancode_mode": mode, "@pancode_safety": LEVELS[self.level]})

    async def follow_keys(self) -> None:
        async for letter in key_letters(self.keys):
            match letter:
                case "m":
                    self.mode = (self.mode + 1) % 3
                case "a":
                    self.is_admin = not self.is_admin
                case "s":
                    self.level = (self.level + 1) % 3
                case _:
                    raise AssertionError(letter)
            await self.show()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                await self.answer(json.loads(line), writer)
                await writer.drain()
        writer.close()

    async def answer(self, message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        answer: dict[str, object] = {"id": message["id"], "ok": True, "result": {"pid": os.getpid()}}
        match message["verb"]:
            case "shutdown":
                event = {"id": message["id"], "event": {"phase": "stop", "live": 1}}
                writer.write(json.dumps(event).encode() + b"\n")
                if os.environ.get("PANCODE_STUBBORN"):
                    return
                answer["result"] = {"left": 0}
                self.over.set()
            case "resolve":
                rows = [row for row in await self.panes.list_panes() if row.run_id]
                run = str(message.get("args", {}).get("run"))
                found = [row for row in rows if row.run_id.startswith(run)]
                if found:
                    answer["result"] = {"run_id": found[0].run_id, "window": found[0].window}
                else:
                    told = {"problem": f'there is no run "{run}"', "remedy": "pancode runs", "code": 4}
                    answer = {"id": message["id"], "ok": False, "error": told}
            case _:
                pass
        writer.write(json.dumps(answer).encode() + b"\n")

    async def live(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.places.socket)
        server = await asyncio.start_unix_server(self.serve, self.places.socket)
        await self.control.connect()
        await self.keys.connect()
        await self.show()
        following = asyncio.create_task(self.follow_keys())
        await self.over.wait()
        following.cancel()
        server.close()
        await self.keys.close()
        await self.control.close()
        os.unlink(self.places.socket)


if __name__ == "__main__":
    if os.environ.get("PANCODE_BROKEN"):
        sys.stderr.write("the database is made of cheese\n")
        sys.exit(12)
    small = Small()
    with open(small.places.lock, "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit("another controller holds the session")
        asyncio.run(small.live())
