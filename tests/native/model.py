"""A model server that a test plays by hand: each request waits for the test's answer, or gets one in turn."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Says:
    """An answer: text, calls as (name, arguments as they are sent); `cut`: it breaks off."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    finish: str | None = None


@dataclass(frozen=True)
class Fails:
    """An HTTP error."""

    status: int
    retry_after: str | None = None
    body: str = '{"error": {"message": "try later"}}'


Answer = Says | Fails | Callable[[], Says | Fails]


def call(name: str, **args: Any) -> tuple[str, str]:
    return name, json.dumps(args)


@dataclass
class Play:
    """The answers to the prompts that contain one word, and the requests that got them."""

    answers: list[Answer]
    requests: list[dict[str, Any]] = field(default_factory=list)

    def tools(self, number: int) -> list[str]:
        """Give the names of the tools that a request has offered."""
        return [tool["function"]["name"] for tool in self.requests[number].get("tools", [])]

    def results(self) -> list[str]:
        """Give what the calls of the last request's history have given."""
        return [each["content"] for each in self.requests[-1]["messages"] if each["role"] == "tool"]


class Model:
    """The server; `plays` maps a word of the prompt to its play."""

    def __init__(self) -> None:
        self.plays: dict[str, Play] = {}
        self.keys: set[str] = set()
        self.url = ""
        self._lock = threading.Lock()

    def play(self, word: str, *answers: Answer) -> Play:
        self.plays[word] = Play(list(answers))
        return self.plays[word]

    def answer(self, body: dict[str, Any], key: str) -> Says | Fails:
        prompts = [_text(each["content"]) for each in body["messages"] if each["role"] == "user"]
        with self._lock:
            self.keys.add(key)
            play = next(play for word, play in self.plays.items() if any(word in text for text in prompts))
            play.requests.append(body)
            answer = play.answers.pop(0) if len(play.answers) > 1 else play.answers[0]
        return answer() if callable(answer) else answer


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    model: Model

    def handle_error(self, *_: Any) -> None:
        """A loop that was killed hangs up in the middle."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = self.server.model.answer(body, self.headers.get("authorization", ""))
        if isinstance(answer, Fails):
            self._send(answer.status, answer.body.encode(), {"retry-after": answer.retry_after})
            return
        data = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in _chunks(answer))
        if answer.cut:
            self._send(200, data, {"content-type": "text/event-stream"}, missing=100)
            self.close_connection = True
            return
        self._send(200, data + b"data: [DONE]\n\n", {"content-type": "text/event-stream"})

    def _send(self, status: int, data: bytes, headers: Mapping[str, str | None], missing: int = 0) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.send_header("content-length", str(len(data) + missing))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


def _chunks(answer: Says) -> Iterator[dict[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {
            "id": "c",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m-of-the-server",
            "choices": [choice],
        }

    for word in answer.text.split(" ") if answer.text else ():
        yield chunk({"content": f"{word} "})
    for place, (name, arguments) in enumerate(answer.calls):
        function = {"name": name, "arguments": arguments}
        made = {"index": place, "id": f"call_{place}", "type": "function", "function": function}
        yield chunk({"tool_calls": [made]})
    if not answer.cut:
        yield chunk({}, answer.finish or ("tool_calls" if answer.calls else "stop"))
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        yield {**chunk({}), "choices": [], "usage": usage}


@contextmanager
def serving() -> Iterator[Model]:
    model = Model()
    server = Server(("127.0.0.1", 0), Handler)
    server.model = model
    model.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
