"""The server itself: addresses, odd requests, many clients, pace, start and stop."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.scripted.server import HOST, ScriptedModel
from tests.scripted import talk
from tests.scripted.conftest import Serve

HELLO: dict[str, object] = {"turns": [{"text": "Hello there."}]}


def exchange(port: int, data: bytes) -> bytes:
    """Send bytes, then read until the server hangs up."""
    with socket.create_connection((HOST, port), timeout=60) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/models", "/models", "/v1beta/models", "/v1/models/any", "/__requests"]
)
def test_what_clients_look_at_first_is_there(serve: Serve, path: str) -> None:
    port = serve(HELLO).port
    assert talk.send(port, "GET", path).json()
    head = talk.send(port, "HEAD", path)
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1beta/models/g:countTokens"])
def test_tokens_are_counted_without_playing_a_turn(serve: Serve, path: str) -> None:
    model = serve(HELLO)
    assert talk.post(model.port, path, {}).status == 200
    assert model.requests == ()


def test_an_unknown_address_and_a_wrong_method_are_told(serve: Serve) -> None:
    port = serve(HELLO).port
    assert talk.post(port, "/v1/embeddings", {}).status == 404
    assert talk.send(port, "GET", "/v1/messages").status == 404
    assert talk.send(port, "DELETE", "/v1/messages").status == 405


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"messages": {"a": 1}, "tools": 3}']
)
def test_a_body_that_makes_no_sense_never_breaks_the_server(serve: Serve, body: bytes) -> None:
    port = serve(HELLO).port
    for path in ("/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1beta/models/g:generateContent"):
        assert talk.send(port, "POST", path, body).status in {200, 400}
    assert talk.post(port, "/v1/messages", talk.anthropic("go")).status == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST / HTTP/1.1\r\ncontent-encoding: zstd\r\n\r\n", b"415"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", b"431"),
    ],
)
def test_broken_http_gets_a_status_and_the_connection_ends(serve: Serve, data: bytes, status: bytes) -> None:
    assert exchange(serve(HELLO).port, data).split(b" ")[1] == status


def test_a_body_may_come_in_chunks_or_compressed(serve: Serve) -> None:
    port = serve(HELLO).port
    body = json.dumps(talk.chat("go")).encode()
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))
    head = b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n"
    heard = exchange(port, head + chunks)
    assert heard.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert b"Hello there." in heard
    zipped = talk.send(port, "POST", "/chat/completions", gzip.compress(body), {"content-encoding": "gzip"})
    assert zipped.status == 200


def test_one_connection_carries_many_requests(serve: Serve) -> None:
    body = json.dumps(talk.chat("go", stream=True)).encode()
    one = b"POST /chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    heard = exchange(serve(HELLO).port, one * 3)
    assert heard.count(b"HTTP/1.1 200 OK") == 3
    assert heard.count(b"[DONE]") == 3


def test_a_hundred_clients_at_once_are_answered_quickly(serve: Serve) -> None:
    model = serve({"turns": [{"text": "{prompt}", "delay": 0.5}]})
    started = time.monotonic()
    with ThreadPoolExecutor(100) as pool:
        bodies = [talk.anthropic(f"task {number}", stream=True) for number in range(100)]
        heard = list(pool.map(lambda body: talk.post(model.port, "/v1/messages", body), bodies))
    assert time.monotonic() - started < 40  # One after the other would take 50.
    assert all(f'"{number}"'.encode() in answer.body for number, answer in enumerate(heard))
    assert len(model.requests) == 100


def test_pace_spreads_a_stream_over_time(serve: Serve) -> None:
    model = serve({"turns": [{"text": "One two three.", "pace": 0.02}]})
    started = time.monotonic()
    heard = talk.post(model.port, "/v1/messages", talk.anthropic("go", stream=True))
    assert time.monotonic() - started >= 0.02 * len(heard.events())


def test_the_log_tells_who_asked_what_and_hides_the_key(serve: Serve) -> None:
    model = serve(HELLO)
    headers = {"x-api-key": "sk-secret-1234", "x-claude-code-session-id": "s1", "user-agent": "me"}
    talk.send(model.port, "POST", "/v1/messages", {**talk.anthropic("go"), "system": "Be kind."}, headers)
    (record,) = talk.send(model.port, "GET", "/__requests").json()["requests"]
    assert record["tools"] == ["Bash", "Write"]
    assert (record["api"], record["turn"], record["session"]) == ("anthropic", 1, "s1")
    assert (record["prompt"], record["system"], record["key"]) == ("go", "Be kind.", "1234")
    assert model.requests[0].user_agent == "me"


def test_stopping_does_not_wait_for_an_answer_that_is_due() -> None:
    async def scene() -> tuple[bytes, bytes]:
        model = ScriptedModel({"turns": [{"text": "late", "pace": 600}]})
        await model.start()
        reader, writer = await asyncio.open_connection(HOST, model.port)
        body = json.dumps(talk.chat("go", stream=True)).encode()
        writer.write(b"POST /chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        first = await reader.readline()
        await model.stop()
        rest = await reader.read()
        writer.close()
        return first, rest

    first, rest = asyncio.run(asyncio.wait_for(scene(), 60))
    assert first == b"HTTP/1.1 200 OK\r\n"
    assert b"[DONE]" not in rest


def test_a_port_that_is_taken_is_a_conflict(serve: Serve) -> None:
    taken = serve(HELLO).port
    with pytest.raises(PanError) as caught:
        asyncio.run(ScriptedModel(HELLO, taken).start())
    assert caught.value.code == ExitCode.CONFLICT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_verb_prints_the_address_first_and_ends_cleanly(tmp_path: Path, number: int) -> None:
    file = tmp_path / "s.json"
    file.write_text(json.dumps(HELLO))
    code = "from pancode.cli.model import model; model()"
    line = [sys.executable, "-c", code, "serve", "--script", str(file)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        port = int(running.stdout.readline().strip().removeprefix(f"http://{HOST}:"))
        assert talk.post(port, "/v1/messages", talk.anthropic("go")).status == 200
        os.kill(running.pid, number)
        assert running.wait(10) == 0
        assert running.stderr.read() == ""
