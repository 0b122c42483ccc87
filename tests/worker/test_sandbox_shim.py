"""Runs whose agent is in a sandbox: how they start, what they are told, how they end."""

from __future__ import annotations

import os
import signal
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.worker.conftest import MakeShim, Shim, until
from tests.worker.enclosing import landlocked, needs_bwrap, profile

pytestmark = needs_bwrap
Make = Callable[..., dict[str, Any]]
both = pytest.mark.parametrize("make", [profile, landlocked])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give the directory that the agent may change."""
    made = tmp_path / "tree"
    made.mkdir()
    return made


@pytest.fixture
def enclosed(make_shim: MakeShim, tree: Path) -> Callable[..., Shim]:
    """Give a maker of shims whose agent runs shell code in a sandbox."""

    def made(code: str, make: Make = profile, **changes: Any) -> Shim:
        sandbox = make(tree, **changes.pop("sandbox", {}))
        return make_shim("sh", "-c", code, cwd=str(tree), sandbox=sandbox, **changes)

    return made


def alive(mark: str) -> list[int]:
    """Give the living processes with `mark` in their command line."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and mark in Path(f"/proc/{name}/cmdline").read_text():
                found.append(int(name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def a_long_sleep() -> str:
    """Give words that no other process has in its command line."""
    return f"sleep 3600.{uuid.uuid4().int % 10**12}"


@both
def test_a_run_in_a_sandbox_works_like_any_other(enclosed: Callable[..., Shim], make: Make) -> None:
    shim = enclosed("touch made; echo said", make).start()
    assert shim.end() == 0
    assert shim.verdict() == ("done", "completed")
    assert shim.result()["result"] == "said"
    assert (Path(shim.spec["cwd"]) / "made").exists()
    kinds = [event["kind"] for event in shim.events() if event["kind"] != "heartbeat"]
    assert kinds == ["started", "exec", "exited", "ended"]


def test_the_start_names_the_agent_itself_and_not_bubblewrap(enclosed: Callable[..., Shim]) -> None:
    shim = enclosed("read go < fifo")
    os.mkfifo(Path(shim.spec["cwd"]) / "fifo")
    shim.start()
    event = shim.wait_event("exec")
    assert Path(f"/proc/{event['pid']}/cmdline").read_bytes().startswith(b"sh\0-c\0")
    assert (event["argv0"], event["limits"]) == ("sh", "none")
    (Path(shim.spec["cwd"]) / "fifo").write_text("go\n")
    assert shim.end() == 0


@both
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"argv": ["no-such-program"]}, 'can\'t start "no-such-program": no such file or directory'),
        ({"argv": ["/usr"]}, 'can\'t start "/usr": permission denied'),
        ({"cwd": "/no-such-place"}, 'can\'t enter the directory "/no-such-place": no such file or directory'),
    ],
)
def test_what_cannot_be_started_is_told_as_without_a_sandbox(
    make_shim: MakeShim, tree: Path, make: Make, change: dict[str, Any], sentence: str
) -> None:
    shim = make_shim(**{"argv": ["true"], "cwd": str(tree), **change}, sandbox=make(tree)).start()
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "crashed")
    assert shim.result()["evidence"]["record"] == {"kind": "problem", "message": sentence}
    assert shim.result()["started"] is None
    assert not shim.events("exec")


def test_a_sandbox_that_cannot_be_made_is_told_in_bubblewraps_words(make_shim: MakeShim, tree: Path) -> None:
    sandbox = profile(tree)
    sandbox["options"] += ["--ro-bind", "/no-such-place", "/no-such-place"]
    shim = make_shim("true", cwd=str(tree), sandbox=sandbox).start()
    assert shim.end() == 1
    message = shim.result()["evidence"]["record"]["message"]
    assert message.startswith("can't set up the sandbox: ")
    assert "/no-such-place" in message


def test_a_missing_bubblewrap_is_told_with_its_path(make_shim: MakeShim, tree: Path) -> None:
    shim = make_shim("true", cwd=str(tree), sandbox=profile(tree, program="/no/bwrap")).start()
    assert shim.end() == 1
    message = shim.result()["evidence"]["record"]["message"]
    assert message == 'can\'t start "/no/bwrap": no such file or directory'


@pytest.mark.parametrize("code", ["exit 3", "exit 127", "exit 126", "exit 125"])
def test_an_exit_status_is_the_agents_own_however_fast_it_ends(
    enclosed: Callable[..., Shim], code: str
) -> None:
    shim = enclosed(code).start()
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "agent-error")
    assert shim.result()["evidence"]["exit"] == int(code.split()[1])
    assert shim.events("exec")


@both
def test_a_crash_is_shown_with_its_signal(enclosed: Callable[..., Shim], make: Make) -> None:
    shim = enclosed("kill -SEGV $$", make).start()
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "crashed")
    assert shim.result()["evidence"]["signal"] == "SIGSEGV"


@both
def test_an_agent_is_asked_to_end_and_has_time_to(enclosed: Callable[..., Shim], make: Make) -> None:
    code = "trap 'echo x > tidied; exit 0' TERM; trap '' INT; echo x > up; while :; do sleep 0.05; done"
    shim = enclosed(code, make).start()
    shim.wait_file("up")
    shim.signal(signal.SIGTERM)
    assert shim.end() == 8
    assert (Path(shim.spec["cwd"]) / "tidied").exists()
    names = [event["signal"] for event in shim.events("signalled")]
    assert names[:2] == ["SIGINT", "SIGTERM"]


@both
def test_nothing_survives_an_agent_that_ends(enclosed: Callable[..., Shim], make: Make) -> None:
    sleep = a_long_sleep()
    shim = enclosed(f"env -i setsid {sleep} > /dev/null 2>&1 & echo done", make).start()
    assert shim.end() == 0
    assert not alive(sleep.split()[1])


def test_nothing_survives_a_shim_that_is_killed(enclosed: Callable[..., Shim]) -> None:
    sleep = a_long_sleep()
    deaf = f"trap '' TERM HUP INT; env -i setsid {sleep} & (setsid {sleep} &); {sleep} & echo x > up; wait"
    shim = enclosed(deaf).start(pane=False)
    shim.wait_file("up")
    until(lambda: len(alive(sleep.split()[1])) >= 4, "the sleepers and their shell")
    shim.signal(signal.SIGKILL)
    until(lambda: not alive(sleep.split()[1]), "the end of all")


def test_a_stop_kills_what_does_not_listen(enclosed: Callable[..., Shim]) -> None:
    sleep = a_long_sleep()
    shim = enclosed(f"trap '' TERM HUP INT; env -i setsid {sleep} & echo x > up; wait; wait").start()
    shim.wait_file("up")
    shim.signal(signal.SIGTERM)
    shim.signal(signal.SIGTERM)
    assert shim.end() == 8
    assert not alive(sleep.split()[1])


@both
def test_ctrl_c_reaches_the_program_and_not_its_sandbox(enclosed: Callable[..., Shim], make: Make) -> None:
    code = "trap 'echo caught; exit 5' INT; stty -echo; echo ready; while :; do sleep 0.05; done"
    shim = enclosed(code, make, interactive=True).start()
    shim.wait_for("ready")
    shim.type(b"\x03")
    assert shim.end() == 1
    assert b"caught" in shim.seen
    assert shim.result()["evidence"]["exit"] == 5


def test_ctrl_c_that_ends_the_program_is_a_stop(enclosed: Callable[..., Shim]) -> None:
    shim = enclosed("echo ready; sleep 600", interactive=True).start()
    shim.wait_for("ready")
    shim.type(b"\x03")
    assert shim.end() == 8
    assert shim.verdict() == ("cancelled", "stopped")


def test_the_size_of_the_pane_reaches_the_agent(enclosed: Callable[..., Shim]) -> None:
    code = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done"
    shim = enclosed(code, interactive=True).start(size=(24, 80))
    shim.wait_for("ready")
    shim.resize(33, 99)
    os.kill(shim.pid, signal.SIGWINCH)
    assert shim.end() == 0
    assert b"33 99" in shim.seen


@pytest.mark.parametrize("make", [profile, landlocked])
def test_text_for_standard_input_arrives(make_shim: MakeShim, tree: Path, make: Make) -> None:
    text = "x" * 300_000
    shim = make_shim("wc", "-c", cwd=str(tree), sandbox=make(tree), stdin=text).start()
    assert shim.end() == 0
    assert shim.result()["result"] == "300000"


def test_typed_keys_cannot_be_forged(enclosed: Callable[..., Shim]) -> None:
    code = "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSTI, b'x')"
    shim = enclosed(f'python3 -I -S -c "{code}"', interactive=True).start()
    assert shim.end() == 1
    assert b"Operation not permitted" in shim.seen


def test_a_port_of_the_operators_is_reached_through_the_sandbox(
    enclosed: Callable[..., Shim], tree: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = (
            "import socket; s = socket.create_connection(('127.0.0.1', 7777)); s.sendall(b'hi'); "
            "print(s.recv(9).decode())"
        )
        forwards = [{"port": 7777, "host": "127.0.0.1", "to": port}]
        shim = enclosed(f'python3 -I -c "{code}"', sandbox={"network": {"forwards": forwards}})
        shim.start(pane=False)
        server.settimeout(60)
        line, _ = server.accept()
        with line:
            assert line.recv(9) == b"hi"
            line.sendall(b"there")
        assert shim.end() == 0
    assert shim.result()["result"] == "there"


def test_processor_time_of_all_processes_together_is_limited(enclosed: Callable[..., Shim]) -> None:
    spin = "import time\nwhile time.process_time() < 0.4: pass"
    code = f'while :; do python3 -I -S -c "{spin}"; done'
    shim = enclosed(code, sandbox={"limits": {"cpu_s": 1}}).start(pane=False)
    assert shim.end() == 7
    assert shim.verdict() == ("budget", "budget")
