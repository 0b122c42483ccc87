"""The shim's side of a native agent, without a sandbox and without a session: a real host, a real loop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.native.asked import Asked, announce, pass_on
from pancode.worker.tools.catalogue import command
from tests.native.conftest import loops_of
from tests.native.model import Fails, Model, Says, call, serving
from tests.terminal import is_running, wait_until
from tests.worker.conftest import Controller, MakeShim, Shim, until

ADAPTER = Path(__file__).parents[2] / "adapters" / "native.py"


@pytest.fixture
def model() -> Iterator[Model]:
    with serving() as made:
        yield made


class Host(subprocess.Popen[bytes]):
    socket: Path
    said: Path
    extra: Path

    def until_warm(self, times: int) -> None:
        # What it imports takes seconds on a busy machine.
        wait_until(lambda: self.said.read_text().count("INFO warm") == times, f"{times} times a warm host")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    path = folder / "n.sock"
    argv = [sys.executable, "-P", "-m", "pancode.native", "--socket", str(path)]
    argv += ["--runs", str(folder / "runs"), "--controller", str(folder / "c.sock")]
    argv += ["--look-s", "0.05"]
    said, extra = folder / "native.log", folder / "sitecustomize.py"
    extra.write_text("")
    with said.open("wb") as log:
        process = Host(argv, stderr=log, env={**os.environ, "PYTHONPATH": str(folder)})
    process.socket, process.said, process.extra = path, said, extra
    process.until_warm(1)
    yield process
    process.terminate()
    assert process.wait(10) == 0


def native(make_shim: MakeShim, model: Model, host: Host, tmp_path: Path, **changes: Any) -> Shim:
    (tmp_path / "now.json").write_text('{"mode": "build", "level": "auto-edit"}')
    wants = {
        "host": str(host.socket),
        "wire": "openai-chat",
        "url": f"{model.url}/v1",
        "model": "m",
        "key_env": "THE_KEY",
        "system": None,
        "tools": None,
        "effort": None,
        "role": "worker",
        "remote": False,
        "history": None,
        "now": str(tmp_path / "now.json"),
    }
    secret = tmp_path / "secret.env"
    secret.write_text(json.dumps({"THE_KEY": "sk-for-the-loop"}))
    words = {"adapter": str(ADAPTER), "native": wants, "env_from": ["THE_KEY"], "handoff": str(secret)}
    words["folder"] = str(host.socket.parent / "runs" / tmp_path.name)
    made: Shim = make_shim(*command(sys.executable), agent="native", runtime="native", **words, **changes)
    return made


def test_a_loop_asks_by_the_shim_and_its_key_stays_with_it(
    make_shim: MakeShim,
    model: Model,
    host: Host,
    tmp_path: Path,
    controllers: Callable[[], Controller],
) -> None:
    play = model.play("do it", Says(calls=(call("bash", command="env"),)), Says("Ended."))
    controller = controllers()
    shim = native(make_shim, model, host, tmp_path).start()
    controller.accept()
    controller.say(ack=0)
    shim.wait_event("asked")
    controller.say(do="answer", id="a1", allow=True, by="policy")
    assert shim.end() == 0
    assert shim.result()["result"] == "Ended."
    assert model.keys == {"Bearer sk-for-the-loop"}
    assert "PANCODE_RUN_ID" in play.results()[0]
    assert "sk-for-the-loop" not in play.results()[0]
    until(lambda: loops_of(host.pid) == [], "the end of the loop")


def test_nobody_to_ask_is_a_no(make_shim: MakeShim, model: Model, host: Host, tmp_path: Path) -> None:
    play = model.play("do it", Says(calls=(call("write", path="x.txt", content="x"),)), Says("Ended."))
    sandbox = {"kind": "none", "ask_s": 0.2}
    shim = native(make_shim, model, host, tmp_path, sandbox=sandbox)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as controller:
        controller.connect(str(host.socket))
        announce(controller, str(shim.folder))
        assert controller.recv(1) == b"", "who announces is the controller"
        listener.bind(str(host.socket.parent / "c.sock"))
        listener.listen()
        controller_too = socket.socket(socket.AF_UNIX)
        controller_too.connect(str(host.socket))
        announce(controller_too, str(shim.folder))
        assert shim.start().end() == 0
        controller_too.close()
    assert "Refused" in play.results()[0]
    assert not (tmp_path / "x.txt").exists()


def test_a_loop_does_not_outlive_its_shim(
    make_shim: MakeShim, model: Model, host: Host, tmp_path: Path
) -> None:
    model.play("do it", Fails(503, retry_after="60"))
    shim = native(make_shim, model, host, tmp_path).start()
    shim.wait_event("retrying")
    (loop,) = loops_of(host.pid)
    with socket.socket(socket.AF_UNIX) as another, (tmp_path / "now.json").open() as file:
        another.connect(str(host.socket))
        pass_on(another, Asked(str(shim.folder), 0, "none"), (file.fileno(), file.fileno()))
        assert another.recv(1) == b""
    assert loops_of(host.pid) == [loop]
    os.kill(loop, signal.SIGSTOP)
    os.kill(shim.pid, signal.SIGKILL)
    until(lambda: not is_running(loop), "the end of the loop")


def test_a_worker_that_ends_in_the_middle_takes_its_loop_with_it(
    make_shim: MakeShim, model: Model, host: Host, tmp_path: Path
) -> None:
    host.extra.write_text("# The program on the disk is another one.")
    host.until_warm(2)
    model.play("do it", Fails(503, retry_after="60"))
    shim = native(make_shim, model, host, tmp_path).start()
    shim.wait_event("retrying")
    os.kill(shim.wait_event("exec")["pid"], signal.SIGKILL)
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "crashed")
    until(lambda: loops_of(host.pid) == [], "the end of the loop")
