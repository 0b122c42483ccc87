"""Small servers on loopback that speak as model engines do, and some that don't."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Reply = Callable[["Handler"], None]
Pages = Mapping[str, Any]
"""Path -> JSON to be answered, or a function that answers in its own way."""


@dataclass
class Engine:
    """A running server, and what it was asked: method and path, with the body of a POST."""

    port: int
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


class Handler(BaseHTTPRequestHandler):
    pages: Pages
    engine: Engine
    ending: threading.Event

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self._answer(" " + self.rfile.read(length).decode())

    def _answer(self, body: str) -> None:
        path = self.path.partition("?")[0]
        self.engine.asked.append(f"{self.command} {path}{body}")
        self.engine.headers.append({name.lower(): text for name, text in self.headers.items()})
        page = self.pages.get(path)
        if callable(page):
            page(self)
        elif page is None:
            self.reply(404, b'{"error": "not found"}')
        else:
            self.reply(200, json.dumps(page).encode())

    def reply(
        self, code: int, content: bytes, kind: str = "application/json", length: int | None = None
    ) -> None:
        self.send_response(code)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(pages: Pages, port: int = 0, certificate: Path | None = None) -> Iterator[Engine]:
    """Serve these pages until the block ends; with a certificate, whose key is beside it, by TLS."""
    ending = threading.Event()
    made = type("Made", (Handler,), {"pages": pages, "ending": ending})
    server = ThreadingHTTPServer(("127.0.0.1", port), made)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients hang up on the slow ones
    made.engine = engine = Engine(server.server_address[1])  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        ending.set()
        server.shutdown()
        server.server_close()
        thread.join()


def hangs(handler: Handler) -> None:
    """Say nothing until the test is over."""
    handler.ending.wait(20)


def drips(handler: Handler) -> None:
    """Begin an answer that never ends."""
    handler.send_response(200)
    handler.send_header("content-length", "100000")
    handler.end_headers()
    while not handler.ending.wait(0.05):
        handler.wfile.write(b" ")


def html(handler: Handler) -> None:
    handler.reply(200, b"<html><title>Router login</title></html>", "text/html")


def broken(handler: Handler) -> None:
    handler.reply(500, b'{"error": "out of memory"}')


def half(handler: Handler) -> None:
    handler.reply(200, b'{"models": [{"name": "qw', length=500)
    handler.close_connection = True


def cut(handler: Handler) -> None:
    handler.reply(200, b'{"data": [{"id": "qw')


def elsewhere(handler: Handler) -> None:
    handler.send_response(302)
    handler.send_header("location", "http://127.0.0.1:9/models")
    handler.send_header("content-length", "0")
    handler.end_headers()


def huge(handler: Handler) -> None:
    handler.reply(200, b'{"data": [' + b" " * 9_000_000 + b"]}")


def garbage(handler: Handler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    handler.close_connection = True


def needs_key(key: str, page: Any) -> Reply:
    """Answer only those who have the key."""

    def answer(handler: Handler) -> None:
        right = handler.headers.get("authorization") == f"Bearer {key}"
        handler.reply(200 if right else 401, json.dumps(page if right else {"error": "who?"}).encode())

    return answer


OLLAMA_TAGS = {
    "models": [
        {"name": "qwen3:30b", "model": "qwen3:30b", "size": 18_000_000_000, "digest": "ad815644918f",
         "details": {"format": "gguf", "family": "qwen3moe", "parameter_size": "30.5B"}},
        {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert", "parameter_size": "137M"}},
        {"name": "gemma3:1b", "details": {"family": "gemma3", "parameter_size": "999.89M"}},
    ]
}  # fmt: skip
OLLAMA_SHOWN = {
    "qwen3:30b": {
        "capabilities": ["completion", "tools", "thinking"],
        "model_info": {"general.architecture": "qwen3moe", "qwen3moe.context_length": 262144},
    },
    "nomic-embed-text:latest": {
        "capabilities": ["embedding"],
        "model_info": {"nomic-bert.context_length": 2048},
    },
    "gemma3:1b": {"capabilities": ["completion"], "model_info": {"gemma3.context_length": 32768}},
}


def shows(handler: Handler) -> None:
    """Answer Ollama's /api/show."""
    body = json.loads(handler.engine.asked[-1].partition(" /api/show ")[2])
    shown = OLLAMA_SHOWN.get(body["model"])
    handler.reply(200 if shown else 404, json.dumps(shown or {"error": "no such model"}).encode())


OLLAMA: Pages = {"/api/tags": OLLAMA_TAGS, "/api/show": shows}
LMSTUDIO: Pages = {
    "/api/v0/models": {
        "object": "list",
        "data": [
            {"id": "qwen2.5-vl-7b-instruct", "object": "model", "type": "vlm", "arch": "qwen2_vl",
             "state": "loaded", "max_context_length": 128000, "loaded_context_length": 8192,
             "capabilities": ["tool_use"]},
            {"id": "text-embedding-nomic", "type": "embeddings", "max_context_length": 2048},
            {"id": "phi-4", "type": "llm", "state": "not-loaded", "max_context_length": 16384},
        ],
    },
}  # fmt: skip
LMSTUDIO_OLD: Pages = {"/v1/models": {"data": [{"id": "phi-4", "object": "model"}], "object": "list"}}
LLAMACPP: Pages = {
    "/v1/models": {
        "object": "list",
        "data": [{"id": "devstral.gguf", "object": "model", "owned_by": "llamacpp",
                  "meta": {"n_ctx_train": 131072, "n_params": 23572403200, "n_vocab": 131072}}],
    },
    "/props": {
        "default_generation_settings": {"n_ctx": 16384},
        "chat_template_caps": {"supports_tools": True},
        "modalities": {"vision": False, "audio": False},
    },
}  # fmt: skip
VENDOR = {
    "data": [
        {"id": "vendor/large", "context_length": 200000, "supported_parameters": ["tools", "reasoning"],
         "architecture": {"input_modalities": ["text", "image"]},
         "pricing": {"prompt": "0.000003", "completion": "0.000015"}},
        {"id": "text-embedding-3-small"},
        {"id": "plain"},
    ]
}  # fmt: skip
