"""A real gateway between a client and a scripted model, with a controller that says what a test wants."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pancode.gateway.passes import Pass, hashed, new_token, remove_pass, write_pass
from pancode.gateway.process import HOST
from tests.ports import free_port
from tests.scripted.talk import Heard, send
from tests.terminal import wait_until

KEY = "the-real-key"
ANTHROPIC, CHAT, RESPONSES, GEMINI = (
    "/v1/messages",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1beta/models/m",
)
STREAM = f"{GEMINI}:streamGenerateContent?alt=sse"
WIRES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "anthropic": (ANTHROPIC, "x-api-key", {"messages": [{"role": "user", "content": "hi"}]}),
    "chat": (CHAT, "authorization", {"messages": [{"role": "user", "content": "hi"}]}),
    "responses": (RESPONSES, "authorization", {"input": "hi"}),
    "gemini": (STREAM, "x-goog-api-key", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
}


class Verbs:
    """The controller's socket, as far as the gateway uses it; `answer` decides about calls."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.answer: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: {"allow": True}
        self.asked: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        self._server: socket.socket | None = None
        self._clients: list[socket.socket] = []

    def start(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(self.path)
        self._server.listen()
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()
        self._server = None
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._clients.clear()

    @property
    def is_connected(self) -> bool:
        return bool(self._clients)

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                self._clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("r") as lines:
            for line in lines:
                message = json.loads(line)
                threading.Thread(target=self._one, args=(client, message), daemon=True).start()

    def _one(self, client: socket.socket, message: dict[str, Any]) -> None:
        if message["verb"] == "call_said":
            self.said += message["args"]["records"]
            told = {"id": message["id"], "ok": True, "result": {}}
        else:
            self.asked.append(message["args"])
            result = self.answer(message["args"])
            problem = {"problem": 'the controller knows no verb "call_admit"', "code": 2}
            told = {"id": message["id"], "ok": True, "result": result}
            if result is None:
                told = {"id": message["id"], "ok": False, "error": problem}
        with contextlib.suppress(OSError):
            client.sendall(json.dumps(told).encode() + b"\n")


@dataclass
class Bed:
    """A gateway, and one run's pass to it."""

    base: Path
    port: int
    verbs: Verbs
    upstream: str
    quiet: float = 30.0
    patience: float = 10.0
    token: str = field(default_factory=lambda: new_token("k3f"))
    process: subprocess.Popen[bytes] | None = None

    @property
    def calls(self) -> Path:
        return self.base / "calls.jsonl"

    def records(self, kind: str | None = None) -> list[dict[str, Any]]:
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        found = [json.loads(line) for line in lines]
        return [record for record in found if kind in (None, record["kind"])]

    def ended(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many calls have ended; give the ends."""
        wait_until(lambda: len(self.records("call_ended")) >= count, "the call is in the books")
        return self.records("call_ended")

    def give_pass(self, **more: Any) -> None:
        made = {"run": "k3f", "token": hashed(self.token), "upstream": self.upstream, "key": KEY}
        write_pass(str(self.base), Pass(calls=str(self.calls), **{**made, **more}))

    def take_pass(self) -> None:
        remove_pass(str(self.base), "k3f")

    def start(self) -> None:
        argv = [
            sys.executable,
            "-P",
            "-m",
            "pancode.gateway",
            "--port",
            str(self.port),
            "--quiet",
            str(self.quiet),
        ]
        argv += ["--patience", str(self.patience), "--runtime", str(self.base), "--socket", self.verbs.path]
        self.process = subprocess.Popen(argv, cwd=Path(__file__).parents[2])
        wait_until(self.listens, "the gateway listens")

    def listens(self) -> bool:
        with socket.socket() as line:
            return line.connect_ex((HOST, self.port)) == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(10) == 0

    def ask(self, wire: str, *, stream: bool = True, **more: Any) -> Heard:
        """Send the wire's request for an answer, with the token where that API has its key."""
        path, header, body = WIRES[wire]
        if wire == "gemini":
            path = path if stream else f"{GEMINI}:generateContent"
            whole = {**body, **more}
        else:
            whole = {"model": "m", "stream": stream, **body, **more}
        return send(self.port, "POST", path, whole, self.headers(header))

    def headers(self, header: str) -> dict[str, str]:
        value = f"Bearer {self.token}" if header == "authorization" else self.token
        return {header: value, "content-type": "application/json"}


@contextlib.contextmanager
def a_bed(base: Path, upstream: str, **more: Any) -> Iterator[Bed]:
    """Start gateway and controller; end both."""
    verbs = Verbs(str(base / "c.sock"))
    verbs.start()
    bed = Bed(base, free_port(), verbs, upstream, **more)
    bed.give_pass()
    try:
        bed.start()
        wait_until(lambda: verbs.is_connected, "the gateway talks to its controller")
        yield bed
    finally:
        bed.end()
        verbs.stop()
