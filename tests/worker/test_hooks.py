"""An agent's questions: held until the controller answers, and a no whatever goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pancode.worker import hooks
from pancode.worker.seccomp import program
from tests.worker.conftest import SECONDS, Controller, MakeShim, Shim, until

CLIENT = Path(__file__).parents[2] / "pancode" / "worker" / "hook_client.py"
FINISHED = {"kind": "finished", "ok": True}
LIST = {"action": {"tool": "shell", "command": "ls -la"}}
MakeAsker = Callable[..., "Asker"]
Controllers = Callable[[], Controller]


def profile(port: int, **changes: Any) -> dict[str, Any]:
    """Give a sandbox that is none, but whose agent asks."""
    network: dict[str, Any] = {"forwards": [], "hosts": [], "proxy_port": None, "hook_port": port}
    resources = dict.fromkeys(("memory_bytes", "processes", "cpu_cores", "file_bytes", "cpu_s"))
    grade = {"sandbox": "none", "net": "open", "unix": "open", "limits": "none", "hook": "asked"}
    none: dict[str, Any] = dict.fromkeys(("program", "home"))
    none |= {name: [] for name in ("options", "readable", "writable", "masks", "logins")}
    none |= {"kind": "none", "landlock": False, "unix": True, "worktree": "/", "stubs": {}, "policy": ""}
    return {**none, "network": network, "resources": resources, "grade": grade, "ask_s": 60.0, **changes}


class Asker:
    """A shim whose agent asks, each time by the hook's client; what came of it is in files."""

    def __init__(self, shim: Shim, controller: Controller | None, port: int) -> None:
        self.shim = shim
        self.controller = controller
        self.port = port
        self.place = shim.folder.parent

    def hello(self) -> None:
        assert self.controller is not None
        self.controller.accept()
        self.controller.say(ack=0)

    def hear(self, kind: str) -> dict[str, Any]:
        """Give the next record of a kind."""
        assert self.controller is not None
        while (record := self.controller.hear())["kind"] != kind:
            pass
        return record

    def answer(self, question: str, **order: Any) -> None:
        assert self.controller is not None
        self.controller.say(do="answer", id=question, **order)

    def outcome(self, number: int = 0) -> tuple[str, str, int]:
        """Wait for a client's end; give its output, its errors and its exit status."""
        path = self.place / f"exit{number}"
        until(lambda: path.exists() and path.read_text().endswith("\n"), f"an answer; {self.shim.events()}")
        out, err = (self.place / f"{name}{number}" for name in ("out", "err"))
        return out.read_text(), err.read_text(), int(path.read_text())

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)


@pytest.fixture
def ask(make_agent: MakeShim, controllers: Controllers, tmp_path: Path) -> MakeAsker:
    """Give a maker of started shims whose agents ask `questions`, all at once, and stay until they may go."""

    def make(
        *questions: object, controlled: bool = True, sandbox: dict[str, Any] | None = None, **rest: Any
    ) -> Asker:
        with socket.create_server(("127.0.0.1", 0)) as line:
            port = line.getsockname()[1]
        controller = controllers() if controlled else None
        start = rest.pop("start", {"pane": False})
        lines = []
        for number, question in enumerate(questions):
            text = question if isinstance(question, bytes) else json.dumps(question).encode()
            (tmp_path / f"ask{number}").write_bytes(text)
            run = f"{sys.executable} -I -S {CLIENT} {port} <ask{number} >out{number} 2>err{number}"
            lines.append(f"({run}; echo $? >exit{number}) & echo $! >pid{number}; ")
        rest.setdefault("then", f"{''.join(lines)} wait; echo '{json.dumps(FINISHED)}'")
        rest["then"] = rest["then"].replace("PORT", str(port))
        shim = make_agent(sandbox=profile(port, **(sandbox or {})), **rest)
        asker = Asker(shim.start(**start), controller, port)
        if controlled:
            asker.hello()
        return asker

    return make


def test_a_yes_of_the_controller_lets_the_agent_go_on(ask: MakeAsker) -> None:
    asker = ask(LIST)
    asked = asker.hear("asked")
    assert (asked["src"], asked["id"], asked["action"]) == ("shim", "a1", LIST["action"])
    assert 50 < asked["deadline"] - asked["t"] < 61
    assert "cut" not in asked
    more = {"by": "policy", "class": "read", "rule": "ls", "decision": "allow", "always": True}
    asker.answer("a1", allow=True, why="it only looks", **more)
    answered = asker.hear("answered")
    said = {"id": "a1", "allow": True, "why": "it only looks", **more}
    assert {name: answered[name] for name in said} == said
    assert asker.outcome() == ("said yes", "it only looks", 0)
    assert asker.shim.end() == 0


def test_a_no_of_the_controller_reaches_the_agent_with_its_reason(ask: MakeAsker) -> None:
    asker = ask(LIST)
    asker.answer(asker.hear("asked")["id"], allow=False, why="not today", by="operator")
    assert asker.outcome() == ("said no", "not today", 2)
    assert asker.hear("answered")["by"] == "operator"


@pytest.mark.parametrize("allow", [1, "true", "yes", None, [True], {"a": 1}])
def test_only_true_is_a_yes(ask: MakeAsker, allow: object) -> None:
    asker = ask(LIST)
    asker.answer(asker.hear("asked")["id"], allow=allow)
    assert asker.outcome()[2] == 2


def test_nobody_there_is_a_no_after_the_deadline(ask: MakeAsker) -> None:
    asker = ask(LIST, controlled=False, sandbox={"ask_s": 0.3})
    assert asker.outcome() == ("said no", "nobody answered within 0.3 s", 2)
    answered = asker.shim.wait_event("answered")
    assert (answered["by"], answered["allow"]) == ("deadline", False)
    assert answered["m"] - asker.shim.events("asked")[0]["m"] >= 0.3
    assert asker.shim.end() == 0


def test_a_new_controller_hears_what_is_still_open(ask: MakeAsker, controllers: Controllers) -> None:
    asker = ask(LIST)
    asker.hear("asked")
    assert asker.controller is not None
    asker.controller.close()
    asker.controller = controllers()
    asker.hello()
    asker.answer(asker.hear("asked")["id"], allow=True)
    assert asker.outcome()[2] == 0


def test_questions_are_answered_in_any_order(ask: MakeAsker) -> None:
    asker = ask(*({"action": {"tool": "shell", "command": f"echo {number}"}} for number in range(5)))
    asked = [asker.hear("asked") for _ in range(5)]
    for question in reversed(asked):
        asker.answer(question["id"], allow=question["action"]["command"] in ("echo 1", "echo 3"))
    assert [asker.outcome(number)[2] for number in range(5)] == [2, 0, 2, 0, 2]
    assert asker.shim.end() == 0


def test_a_hook_that_was_killed_takes_its_question_back(ask: MakeAsker) -> None:
    then = f"{sys.executable} -I -S {CLIENT} PORT <ask0 & echo $! >pid; wait; echo '{json.dumps(FINISHED)}'"
    asker = ask(LIST, then=then)
    asked = asker.hear("asked")
    os.kill(int((asker.place / "pid").read_text()), signal.SIGKILL)
    answered = asker.hear("answered")
    assert (answered["id"], answered["by"], answered["allow"]) == (asked["id"], "gone", False)
    asker.answer(asked["id"], allow=True)
    asker.answer("a7", allow=True)
    assert asker.shim.end() == 0
    assert len(asker.shim.events("answered")) == 1


def test_a_run_that_is_stopped_answers_no(ask: MakeAsker) -> None:
    asker = ask(LIST)
    asker.hear("asked")
    assert asker.controller is not None
    asker.controller.say(do="stop", by="operator", why="enough")
    answered = asker.hear("answered")
    assert (answered["by"], answered["why"]) == ("stopped", "the run is being stopped")
    assert asker.shim.end() == 8


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (b"", "the hook's input is not a JSON object"),
        (b"[1]", "the hook's input is not a JSON object"),
        (b"\xff\xfe", "the hook's input is not a JSON object"),
        (b"[" * 100_000, "the hook's input is not a JSON object"),
        ({"do": "raise"}, "the adapter can't read the hook's input: RuntimeError: this adapter has a bug"),
        ({}, "the adapter can't read the hook's input: KeyError: 'action'"),
        ({"action": {"tool": ""}}, "the adapter can't tell which tool this is"),
        ({"action": "ls"}, "the adapter can't tell which tool this is"),
    ],
)
def test_what_cannot_be_read_is_a_no(ask: MakeAsker, question: object, why: str) -> None:
    asker = ask(question)
    assert asker.outcome() == ("said no", why, 2)
    answered = asker.hear("answered")
    assert (answered["by"], answered["why"]) == ("shim", why)
    assert asker.shim.events("asked") == []


def test_an_adapter_that_cannot_say_yes_says_no(ask: MakeAsker) -> None:
    asker = ask(LIST)
    asker.answer(asker.hear("asked")["id"], allow=True, why="say nonsense")
    assert asker.outcome() == ("said no", "the adapter can't say yes", 2)
    assert asker.hear("answered")["by"] == "shim"


def test_an_adapter_that_can_say_nothing_is_a_no(ask: MakeAsker) -> None:
    asker = ask(LIST)
    asker.answer(asker.hear("asked")["id"], allow=False, why="say nonsense")
    assert asker.outcome() == ("", "pancode: blocked: say nonsense\n", 2)


def test_who_decides_is_told_that_something_is_cut(ask: MakeAsker) -> None:
    action = {
        "tool": "write",
        "paths": [f"/p{n}" for n in range(100)],
        "command": "x" * 9000,
        "odd": {"a": 1},
    }
    asked = ask({"action": action}).hear("asked")
    assert asked["cut"] is True
    assert len(asked["action"]["paths"]) == 64
    assert len(asked["action"]["command"]) == 4096
    assert asked["action"]["odd"] == '{"a":1}'


def test_time_for_the_operator_is_not_idleness(ask: MakeAsker) -> None:
    asker = ask(LIST, limits={"idle_s": 0.4}, heartbeat_s=0.1)
    asked = asker.hear("asked")
    for _ in range(8):
        beat = asker.hear("heartbeat")
        assert beat["state"] == "asking"
    assert beat["m"] - asked["m"] > 0.6
    asker.answer(asked["id"], allow=True)
    assert asker.shim.end() == 0


def test_the_controller_judges_an_action_with_its_secrets_that_nobody_keeps(ask: MakeAsker) -> None:
    asker = ask({"action": {"tool": "shell", "command": f"PASSWORD={'hunter' + '2' * 9} make"}}, LIST)
    assert asker.controller is not None
    asked = {record["action"]["command"]: record for record in (asker.hear("asked"), asker.hear("asked"))}
    whole = asked[f"PASSWORD={'hunter' + '2' * 9} make"]
    assert "cut" not in whole
    # One that comes later hears it as well, as long as it is held.
    asker.hello()
    again = [asker.hear("asked"), asker.hear("asked")]
    assert whole in again
    kept = {record["id"]: record for record in asker.shim.events("asked")}[whole["id"]]
    assert kept["action"]["command"] == "PASSWORD=<redacted:secret> make"
    assert kept["cut"] is True
    for record in again:
        asker.answer(record["id"], allow=True)
    assert asker.shim.end() == 0
    stored = b"".join(path.read_bytes() for path in asker.shim.folder.iterdir() if path.name != "spec.json")
    assert b"hunter22" not in stored


def test_a_person_sees_what_is_asked_and_what_was_decided(ask: MakeAsker) -> None:
    asker = ask(LIST, LIST, start={"pane": True, "size": (24, 100)})
    for _ in range(2):
        asked = asker.hear("asked")
        assert asker.controller is not None
        asker.controller.say(do="asking", id=asked["id"], why="a target outside", **{"class": "destructive"})
    asker.shim.wait_for("destructive: a target outside")
    assert asker.hear("asking")["class"] == "destructive"
    asker.answer("a1", allow=False, why="no", by="operator", rule="r-1")
    asker.answer("a2", allow=True, by="operator")
    asker.shim.wait_for("approved by operator")
    shown = asker.shim.seen.decode()
    for label in ("ask", "block", "allow"):
        assert f"{label:<6}\x1b[0m ls -la" in shown
    assert "no (rule r-1)" in shown


def test_a_flood_of_questions_is_capped_and_counted(ask: MakeAsker) -> None:
    asker = ask(then="sleep 1000")
    lines = [asker.connect() for _ in range(hooks.MOST_ASKED + 5)]
    for line in lines:
        line.sendall(json.dumps(LIST).encode())
        line.shutdown(socket.SHUT_WR)
    asker.shim.wait_event_count("asked", hooks.MOST_ASKED)
    # Whoever got in is asked for, whoever didn't has a no.
    until(lambda: sum(_has_answer(line) for line in lines) == 5, "five answers")
    assert asker.controller is not None
    asker.controller.say(do="stop")
    assert asker.shim.end() == 8
    assert asker.shim.events("unheard")[0]["count"] == 5
    assert len(asker.shim.events("answered")) == hooks.MOST_ASKED
    for line in lines:
        line.close()


def _has_answer(line: socket.socket) -> bool:
    line.setblocking(False)
    try:
        return bool(line.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def test_hostile_clients_get_a_no_and_hold_nobody_up(ask: MakeAsker) -> None:
    asker = ask(then="sleep 1000")
    endless, silent, rude = (asker.connect() for _ in range(3))
    rude.sendall(json.dumps(LIST).encode()[:9])
    rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    rude.close()
    with pytest.raises(ConnectionError):
        endless.sendall(b"x" * (64 << 20))
    with asker.connect() as honest:
        honest.sendall(json.dumps(LIST).encode())
        honest.shutdown(socket.SHUT_WR)
        asker.answer(asker.hear("asked")["id"], allow=True)
        assert json.loads(honest.recv(4096))["exit"] == 0
    for line in (endless, silent):
        line.close()
    assert asker.shim.process is not None
    assert asker.shim.process.poll() is None


def test_a_worker_that_asks_stays_small(ask: MakeAsker) -> None:
    asker = ask(LIST)
    asker.hear("asked")
    status = Path(f"/proc/{asker.shim.pid}/status").read_text().splitlines()
    used = {line.split(":")[0]: line.split()[1] for line in status if line.startswith("Rss")}
    # What is shared with every other program isn't counted.
    assert int(used["RssAnon"]) < 6500


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")
def test_questions_and_connections_come_out_of_a_sandbox(ask: MakeAsker, tmp_path: Path) -> None:
    code = (
        "import socket; line = socket.create_connection(('127.0.0.1', 3128)); "
        "line.sendall(b'CONNECT a.example:443 HTTP/1.1\\r\\n\\r\\n'); line.recv(99)"
    )
    options = [f"--unshare-{name}" for name in ("user", "net", "pid", "ipc", "uts")] + ["--disable-userns"]
    options += ["--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    options += ["--bind", str(tmp_path), str(tmp_path)]
    network = {"forwards": [], "hosts": [], "proxy_port": 3128, "hook_port": 4411}
    sandbox: dict[str, Any] = {"kind": "bwrap", "program": shutil.which("bwrap"), "options": options}
    sandbox |= {"network": network, "worktree": str(tmp_path), "unix": False}
    sandbox["filter"] = program(unix=False).hex()
    (tmp_path / "ask0").write_text(json.dumps(LIST))
    run = f"{sys.executable} -I -S {CLIENT} 4411 <ask0 >out0 2>err0; echo $? >exit0"
    asker = ask(
        sandbox=sandbox, then=f"{sys.executable} -I -S -c \"{code}\"; {run}; echo '{json.dumps(FINISHED)}'"
    )
    net = asker.hear("net")
    assert (net["host"], net["port"], net["decision"], net["count"]) == ("a.example", 443, "blocked", 1)
    asker.answer(asker.hear("asked")["id"], allow=True)
    assert asker.outcome() == ("said yes", "", 0)
    assert asker.shim.end() == 0
