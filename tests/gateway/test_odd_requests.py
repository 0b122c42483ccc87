"""What no agent of good will sends: other ways than a path, floods, and keys that are none."""

from __future__ import annotations

import contextlib
import socket

from pancode.gateway.process import HOST
from tests.gateway.bed import CHAT, Bed
from tests.gateway.conftest import Lay
from tests.terminal import wait_until

PLAIN: dict[str, object] = {"turns": [{"text": "hello"}]}
HELD: dict[str, object] = {"turns": [{"text": "one two three four five six seven eight", "pace": 30}]}


def head(bed: Bed, target: str, size: int) -> bytes:
    lines = f"POST {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bed.token}\r\n"
    return f"{lines}content-length: {size}\r\n\r\n".encode()


def test_a_request_that_names_another_server_goes_nowhere(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    with socket.create_connection((HOST, bed.port), timeout=60) as line:
        line.sendall(head(bed, f"http://elsewhere{CHAT}", 2) + b"{}")
        assert line.recv(1 << 16).startswith(b"HTTP/1.1 400 ")
    assert model.requests == ()


def test_who_sends_without_end_before_an_answer_is_hung_up_on(lay: Lay) -> None:
    bed, _ = lay(HELD)
    sent, piece = 0, b"x" * (1 << 16)
    with socket.create_connection((HOST, bed.port), timeout=60) as line:
        body = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'
        line.sendall(head(bed, CHAT, len(body)) + body)
        wait_until(lambda: bed.records("call_started"), "the call is under way")
        with contextlib.suppress(ConnectionError):
            while sent < 64 << 20:
                line.sendall(piece)
                sent += len(piece)
    assert sent < 64 << 20
    assert bed.ended()[0]["ok"] is False


def test_a_key_that_no_header_can_hold_is_told_and_not_shown(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    bed.give_pass(key="sk-secret\r\nx: y")
    heard = bed.ask("chat")
    assert heard.status == 502
    assert b"its key holds" in heard.body
    assert b"secret" not in heard.body
    assert model.requests == ()
    (ended,) = bed.ended()
    assert ended["usage"]["input"] == 0
    assert "secret" not in bed.calls.read_text()


def test_an_answer_that_is_made_behind_its_request_costs_its_worst(lay: Lay) -> None:
    bed, _ = lay({"turns": [{"text": "a word and another one " * 40, "cut": True}]})
    bed.ask("responses", background=True, max_output_tokens=5000)
    (ended,) = bed.ended()
    assert (ended["usage"]["output"], ended["estimate"]) == (5000, True)
