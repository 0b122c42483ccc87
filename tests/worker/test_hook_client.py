"""The hook's client: it says what it is told, and no if it isn't told anything."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.conftest import SECONDS

CLIENT = Path(__file__).parents[2] / "pancode" / "worker" / "hook_client.py"
Done = tuple[str, str, int]


class Client:
    """A client process that asks a server of the test's own."""

    def __init__(self, *arguments: str, question: bytes = b"{}") -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(SECONDS)
        port = str(self.server.getsockname()[1])
        command = [sys.executable, "-I", "-S", str(CLIENT), port, *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        assert self.process.stdin is not None
        self.process.stdin.write(question)
        self.process.stdin.close()
        self.process.stdin = None
        self.line: socket.socket | None = None

    def accept(self) -> socket.socket:
        self.line, _ = self.server.accept()
        self.line.settimeout(SECONDS)
        return self.line

    def heard(self) -> bytes:
        line, found = self.accept(), b""
        while data := line.recv(1 << 16):
            found += data
        return found

    def answer(self, text: bytes) -> Done:
        self.heard()
        assert self.line is not None
        self.line.sendall(text)
        self.line.close()
        return self.done()

    def done(self) -> Done:
        out, err = self.process.communicate(timeout=SECONDS)
        return out.decode(), err.decode(), self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        if self.line is not None:
            self.line.close()
        self.server.close()


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    made = Client(*getattr(request, "param", ()))
    yield made
    made.close()


@pytest.fixture
def long_client() -> Iterator[Client]:
    made = Client(question=b"x" * (1 << 20))
    yield made
    made.close()


def test_it_passes_on_all_of_its_input(long_client: Client) -> None:
    assert len(long_client.heard()) == 1 << 20


def test_it_says_what_it_is_told(client: Client) -> None:
    answer = {"out": '{"decision": "é\\ud83d"}\n' * 9000, "err": "why\n", "exit": 7}
    said = client.answer(json.dumps(answer).encode())
    assert said == (answer["out"], "why\n", 7)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"yes",
        b"[]",
        b'{"out": "", "err": ""}',
        b'{"out": 1, "err": "", "exit": 0}',
        b'{"out": "", "err": "", "exit": "no"}',
        b'{"out": "", "err": "", "exit": 0',
        b"\xff",
    ],
)
def test_an_answer_that_is_none_is_a_no(client: Client, answer: bytes) -> None:
    out, err, status = client.answer(answer)
    assert (out, status) == ("", 2)
    assert err.startswith("pancode: blocked: can't ask whether this is allowed: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("client", [("0.2",)], indirect=True)
def test_no_answer_in_time_is_a_no(client: Client) -> None:
    client.accept()
    assert client.done()[1:] == ("pancode: blocked: can't ask whether this is allowed: timed out\n", 2)


def test_its_death_is_noticed_at_once(client: Client) -> None:
    assert client.heard() == b"{}"
    poller = select.poll()
    assert client.line is not None
    poller.register(client.line.fileno(), select.POLLERR)
    assert poller.poll(0) == []
    client.process.kill()
    assert poller.poll(SECONDS * 1000)[0][1] & select.POLLERR


@pytest.mark.parametrize("arguments", [(), ("x",), ("99999",), ("1",), ("1", "soon")])
def test_nobody_to_ask_is_a_no(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-I", "-S", str(CLIENT), *arguments]
    done = subprocess.run(command, check=False, input=b"{}", capture_output=True)
    assert (done.stdout, done.returncode) == (b"", 2)
    assert done.stderr.startswith(b"pancode: blocked: can't ask whether this is allowed: ")


def test_a_question_that_is_too_long_is_a_no() -> None:
    command = [sys.executable, "-I", "-S", str(CLIENT), "1"]
    done = subprocess.run(command, check=False, input=b"x" * ((1 << 20) + 1), capture_output=True)
    assert done.returncode == 2
    assert b"the question is longer than 1048576 bytes" in done.stderr


def test_it_needs_nothing_but_the_interpreter() -> None:
    lines = CLIENT.read_text().splitlines()
    assert len(lines) <= 60
    assert not [line for line in lines if line.lstrip().startswith(("from pancode", "import pancode"))]
