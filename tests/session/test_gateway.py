"""Runs through the gateway of a real session: counted, limited to their own way, and alive over kills."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.gateway import hello
from pancode.gateway.passes import runs_with_passes
from pancode.scripted.server import serve_in_thread
from tests.session.conftest import Session
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux

ADAPTER = '''
"""A small agent that asks its model as often as its task says, and asks again when the line breaks."""

ID, NAME, BINARY, INSTALL = "asker", "Asker", "sh", "nothing to install"
VERSIONS, VERSION_ARGS, READS = ("1",), ("-c", "echo 1"), ()
SECRETS, PASS_ENV, STATE = ("ASKER_API_KEY",), ("ASKER_BASE_URL",), ()
KEYS = (("ASKER_API_KEY", "ASKER_BASE_URL", "https://api.invalid", True),)
CAN = frozenset({"endpoint"})
PROGRAM = """
import http.client, json, os, sys, time
from urllib.parse import urlsplit
where = urlsplit(os.environ["ASKER_BASE_URL"])
used = {"input": 0, "output": 0, "cache_read": 0}
def ask():
    line = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    body = json.dumps({"model": "m", "stream": False, "messages": [{"role": "user", "content": "go"}]})
    head = {"authorization": "Bearer " + os.environ["ASKER_API_KEY"]}
    line.request("POST", where.path.rstrip("/") + "/v1/chat/completions", body, head)
    answer = line.getresponse()
    return answer.status, json.loads(answer.read())
for _ in range(int(sys.argv[1])):
    for attempt in range(100):
        try:
            status, said = ask()
            break
        except (OSError, http.client.HTTPException) as error:
            print(json.dumps({"type": "broken"}), flush=True)
            time.sleep(0.1)
    if status != 200:
        print(json.dumps({"type": "refused", "value": said["error"]["message"]}), flush=True)
        sys.exit(1)
    used["input"] += said["usage"]["prompt_tokens"] - 800
    used["cache_read"] += 800
    used["output"] += said["usage"]["completion_tokens"] + int(os.environ.get("ASKER_LIES", "0"))
    print(json.dumps({"type": "answer", "value": used}), flush=True)
print(json.dumps({"type": "end", "value": os.environ["ASKER_API_KEY"][:8]}), flush=True)
"""


def launch(request):
    argv = [PYTHON, "-I", "-S", "-c", PROGRAM, request["task"]]
    env = {"ASKER_BASE_URL": request["endpoint"] or "", "ASKER_LIES": LIES}
    key = {"ASKER_API_KEY": request["endpoint_key"] or ""}
    return {"argv": argv, "env": env, "secret_env": key, "files": {}}


class Session:
    def __init__(self, previous=None):
        pass

    def feed(self, record):
        kind, value = record.get("type"), record.get("value", "")
        if kind == "answer":
            yield {"kind": "usage", "scope": "total", **value, "cache_write": None, "reasoning": None}
        elif kind == "refused":
            yield {"kind": "finished", "ok": False, "reason": "budget", "message": value}
        elif kind == "end":
            yield {"kind": "finished", "ok": True, "result": value}
        elif kind == "broken":
            yield {"kind": "retrying", "attempt": 1, "of": None, "wait_s": 0.1, "http": None, "why": "broken"}

    def noise(self, line):
        return []

    def end(self, files):
        return []
'''
AGENTS = "agents:\n  asker:\n    description: Asks\n    runtime: asker\n"
PLAIN: dict[str, object] = {"turns": [{"text": "42"}]}
SLOW: dict[str, object] = {"turns": [{"text": "42", "delay": 0.5}]}


@pytest.fixture
def asking(no_session: Session) -> Session:
    return up(no_session)


def up(session: Session, lies: int = 0, **environment: str) -> Session:
    home = Path(session.places.home)
    (home / "adapters").mkdir(parents=True)
    text = ADAPTER.replace("PYTHON", repr(sys.executable)).replace("LIES}", f"'{lies}'}}")
    (home / "adapters" / "asker.py").write_text(text)
    (home / "panagents.yaml").write_text(AGENTS)
    session.environment.update(environment)
    session.pancode("up", "--detach")
    return session


def gateway_of(session: Session) -> int | None:
    """Give the pid of the session's gateway."""
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"pancode.gateway" in words and words[0] != b"sh" and session.places.runtime.encode() in words:
            return int(name)
    return None


def calls(session: Session, run: str, kind: str) -> list[dict[str, Any]]:
    path = Path(session.places.runs) / run / "calls.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def test_an_endpoints_calls_are_counted_and_its_key_stays_outside(no_session: Session) -> None:
    session = up(no_session, PANCODE_ENDPOINT_KEY_ENV="MY_KEY", MY_KEY="the-real-key")
    with serve_in_thread(PLAIN) as model:
        found = session.json("run", "--agent", "asker", "--endpoint", model.url, "3")
        assert {request.key for request in model.requests} == {"-key"}
    assert (found["status"], found["result"][:4]) == ("done", "pan-")
    shown = session.json("runs", "show", found["run_id"])
    counted = {"input": 3600, "output": 102, "cache_read": 2400, "cache_write": None, "reasoning": 15}
    assert shown["meter"] == {
        "by": "gateway",
        "why": None,
        "calls": 3,
        "refused": 0,
        "usage": counted,
        "estimated": False,
        "difference": None,
    }
    assert "by the gateway: 3 calls" in session.pancode("runs", "show", found["run_id"])
    folder = Path(session.places.runs) / found["run_id"]
    assert not [path for path in folder.rglob("*") if path.is_file() and b"the-real-key" in path.read_bytes()]
    assert runs_with_passes(session.places.runtime) == []


def test_a_key_of_the_vendors_goes_through_the_gateway_as_well(no_session: Session) -> None:
    with serve_in_thread(PLAIN) as model:
        session = up(no_session, ASKER_API_KEY="my-vendor-key", ASKER_BASE_URL=model.url)
        found = session.json("run", "--agent", "asker", "1")
        assert model.requests[0].key == "-key"
    assert session.json("runs", "show", found["run_id"])["meter"]["calls"] == 1


def test_without_the_gateway_the_agents_word_is_all_there_is(no_session: Session) -> None:
    session = up(no_session, PANCODE_GATEWAY="off")
    with serve_in_thread(PLAIN) as model:
        found = session.json("run", "--agent", "asker", "--endpoint", model.url, "1")
    shown = session.json("runs", "show", found["run_id"])
    assert shown["meter"] == {"by": "end", "why": "the gateway is off"}
    assert "metered at the end: the gateway is off" in session.pancode("runs", "show", found["run_id"])
    assert gateway_of(session) is None


def test_what_agent_and_gateway_say_differently_is_shown(no_session: Session) -> None:
    session = up(no_session, lies=5)
    with serve_in_thread(PLAIN) as model:
        found = session.json("run", "--agent", "asker", "--endpoint", model.url, "2")
    assert session.json("runs", "show", found["run_id"])["meter"]["difference"] == {"output": 10}
    assert "the agent says otherwise: +10 output" in session.pancode("runs", "show", found["run_id"])


def test_a_killed_gateway_is_back_and_the_run_ends_well(asking: Session) -> None:
    with serve_in_thread(SLOW) as model:
        run = asking.detached("--agent", "asker", "--endpoint", model.url, "6")
        for place in (1, 3):
            kill_gateway(asking, run, place)
        found = until_ended(asking, run)
    assert found["status"] == "done"
    ended = calls(asking, run, "call_ended")
    assert len(ended) == len(calls(asking, run, "call_started"))
    assert found["meter"]["estimated"] is True


def kill_gateway(session: Session, run: str, place: int) -> None:
    """Kill the gateway in the middle of the call number `place`; wait until there is another one."""
    wait_until(lambda: len(calls(session, run, "call_started")) >= place, "it asks")
    pid = gateway_of(session)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: gateway_of(session) not in (None, pid), "the gateway is back")


def until_ended(session: Session, run: str, seconds: float = 60) -> dict[str, Any]:
    wait_until(lambda: session.json("runs", "show", run)["status"], "the run has ended", seconds=seconds)
    found: dict[str, Any] = session.json("runs", "show", run)
    return found


def test_a_killed_controller_knows_the_calls_again(asking: Session) -> None:
    with serve_in_thread(SLOW) as model:
        run = asking.detached("--agent", "asker", "--endpoint", model.url, "5")
        wait_until(lambda: len(calls(asking, run, "call_ended")) >= 1, "it has asked")
        os.kill(int(asking.status()["controller"]["pid"]), signal.SIGKILL)
        found = until_ended(asking, run)
    assert (found["status"], found["meter"]["calls"], found["meter"]["difference"]) == ("done", 5, None)


def test_down_leaves_no_gateway_and_no_pass(asking: Session) -> None:
    with serve_in_thread(SLOW) as model:
        run = asking.detached("--agent", "asker", "--endpoint", model.url, "50")
        wait_until(lambda: calls(asking, run, "call_started"), "it asks")
        asking.pancode("down")
    assert gateway_of(asking) is None
    assert not os.path.exists(asking.places.runtime)


@contextlib.contextmanager
def a_stranger(session: Session) -> Iterator[int]:
    """Have another program listen on the session's port, and answer; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as line:
                        line.recv(1 << 12)
                        line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        threading.Thread(target=talk, daemon=True).start()
        port = int(server.getsockname()[1])
        Path(session.places.gateway_port).write_text(json.dumps(hello.new(port)))
        try:
            yield port
        finally:
            server.shutdown(socket.SHUT_RDWR)


def test_a_stranger_on_the_port_is_left_there_and_the_next_runs_go_by_another(asking: Session) -> None:
    with serve_in_thread(PLAIN) as model:
        words = ("run", "--agent", "asker", "--endpoint", model.url, "1")
        with a_stranger(asking) as port:
            asking.pancode(*words)
            assert (
                f"note: another program has taken port {port} of the session's gateway" in asking.last_error
            )


def test_a_worker_cannot_reach_what_is_not_its_own(asking: Session) -> None:
    with serve_in_thread(PLAIN) as model:
        asking.json("run", "--agent", "asker", "--endpoint", model.url, "1")
        port = json.loads(Path(asking.places.gateway_port).read_text())["port"]
        with socket.create_connection(("127.0.0.1", port), 10) as line:
            line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}")
            assert line.recv(1000).startswith(b"HTTP/1.1 401 ")
        assert len(model.requests) == 1
