"""Settings and presets of a session that is up: what takes effect when, who may, and what survives what."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.domains.panconfigure import changing
from pancode.domains.panconfigure.schema import BY_NAME
from pancode.engine.tmux.server import Server
from tests.session.conftest import Session, small_disk
from tests.session.test_structured import ADAPTER, AGENTS
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux


def home(session: Session) -> Path:
    return Path(session.places.home)


@pytest.fixture
def playing(no_session: Session) -> Session:
    (home(no_session) / "adapters").mkdir(parents=True)
    (home(no_session) / "adapters" / "player.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    (home(no_session) / "panagents.yaml").write_text(AGENTS)
    no_session.pancode("up", "--detach")
    return no_session


@pytest.fixture
def small_home() -> Iterator[Session]:
    with small_disk(2) as made:
        yield made


def model_of_next_run(session: Session) -> str | None:
    run = session.json("run", "--agent", "steady", "end ok")["run_id"]
    found: str | None = session.row(run)["model"]
    return found


def kill_controller(session: Session) -> None:
    before = session.status()["controller"]["pid"]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: session.status()["controller"]["pid"] != before, "another controller")


def audited(session: Session) -> list[str]:
    out = session.pancode("audit", "--class", "governance_write", "--json")
    return [line for line in out.splitlines() if '"tool":"config"' in line or '"tool": "config"' in line]


def test_a_change_takes_effect_at_once_is_seen_and_can_be_undone(playing: Session) -> None:
    assert model_of_next_run(playing) is None
    told = playing.json("config", "set", "models.worker", "player-9")
    assert (told["before"], told["after"], told["effect"]) == ("not set", "player-9", "with the next run")
    assert model_of_next_run(playing) == "player-9"
    seen = playing.terminal("attach")
    try:
        seen.wait_for("auto-edit")
        playing.pancode("config", "set", "runtime.safety", "suggest")
        seen.wait_for("suggest")
        written = (home(playing) / "config.yaml").read_text()
        (home(playing) / "config.yaml").write_text(written.replace("suggest", "full-auto"))
        seen.wait_for("says full-auto, which allows more than suggest")
        (home(playing) / "config.yaml").write_text(written)
    finally:
        seen.close()
    assert playing.status()["safety"] == "suggest"
    playing.pancode("config", "undo")
    assert playing.status()["safety"] == "auto-edit"
    playing.pancode("config", "undo")
    assert model_of_next_run(playing) is None
    playing.pancode("config", "undo", code=4)
    assert len(audited(playing)) == 5
    playing.pancode("audit", "verify")


def test_get_list_and_explain_agree_with_and_without_a_controller(playing: Session) -> None:
    playing.pancode("config", "set", "budget.ceiling", "5")
    project = Path(playing.places.project, ".pancode")
    project.mkdir()
    (project / "config.yaml").write_text("budget:\n  ceiling: 2usd\nmodels:\n  endpoint: http://x.example\n")
    for is_up in (True, False):
        told = playing.json("config", "explain", "budget.ceiling")
        assert [(one["layer"], one["text"]) for one in told["said"]] == [
            ("project", "2usd"), ("user", "5"), ("default", "no limit"),
        ]  # fmt: skip
        assert playing.pancode("config", "get", "budget.ceiling") == "2usd\n"
        listed = playing.json("config", "list", "budget")
        assert [one["text"] for one in listed["settings"]] == ["2usd", "no limit"]
        playing.pancode("config")
        assert f"{project}/config.yaml:4: left out: a project can't set models.endpoint" in playing.last_error
        if is_up:
            assert playing.status()["budget"]["limit_usd"] == 2.0
            limits = playing.json("budget")["limits"]
            assert next(one for one in limits if one["scope"] == "session")["source"] == "budget.ceiling"
            playing.pancode("down")
            playing.pancode("up", "--detach")
            assert "config.yaml:4: left out" in playing.last_error
            playing.pancode("down")


def test_the_theme_and_the_limits_of_the_queue_change_in_a_session_that_is_up(playing: Session) -> None:
    server = Server(playing.places.tmux_socket)
    playing.pancode("config", "set", "runtime.theme", "light")
    shown = ("show", "-gv", "@pancode_yellow")
    wait_until(lambda: server.run(*shown) == ["colour130"], "the status line has the light colours")
    assert playing.status()["theme"] == "light"
    playing.pancode("config", "set", "dispatch.concurrency", "1", code=5)
    assert "admin mode only" in playing.last_error
    playing.pancode("mode", "admin")
    playing.pancode("config", "set", "dispatch.concurrency", "1")
    playing.pancode("mode", "build")
    gate = Path(playing.places.project, "gate")
    first = playing.detached("--agent", "steady", "--no-isolate", f"gate {gate}; end ok")
    playing.until_working(first)
    second = playing.detached("--agent", "steady", "--no-isolate", "end ok")
    assert playing.row(second)["state"] == "queued"
    gate.touch()
    wait_until(lambda: playing.row(second)["state"] == "done", "it has its turn")


def test_a_worker_changes_nothing(session: Session) -> None:
    for words in ("config set models.worker evil", "config undo", "preset careful"):
        found = session.json(
            "run", "--agent", "shell", f"{sys.executable} -m pancode {words}; echo $?", code=None
        )
        assert found["result"].splitlines()[-1] != "0"
    assert not (home(session) / "config.yaml").exists()
    assert session.status()["preset"] is None


def test_a_preset_holds_over_a_killed_controller_and_off_brings_back_what_was(playing: Session) -> None:
    (home(playing) / "panpresets.yaml").write_text(
        "mine:\n  description: x\n  workerModel: player-7\n  safety: suggest\n  agents: [nobody, steady]\n"
        "  budget: 3usd\n  layout: wall\n"
    )
    playing.pancode("config", "set", "models.worker", "player-1")
    told = playing.json("preset", "mine")
    assert told["notes"] == ["runtime.layout wall counts with the next up"]
    status = playing.status()
    assert (status["preset"], status["safety"], status["budget"]["limit_usd"]) == ("mine", "suggest", 3.0)
    kill_controller(playing)
    assert (playing.status()["preset"], playing.status()["safety"]) == ("mine", "suggest")
    playing.pancode("safety", "auto-edit")
    assert model_of_next_run(playing) == "player-7"
    assert playing.row(playing.json("run", "--detach", "end ok")["run_id"])["agent"] == "steady"
    playing.pancode("safety", "suggest")
    playing.pancode("preset", "off")
    status = playing.status()
    assert (status["preset"], status["safety"], status["budget"]["limit_usd"]) == (None, "auto-edit", None)
    assert model_of_next_run(playing) == "player-1"
    playing.pancode("preset", "off", code=4)
    playing.pancode("config", "set", "preset.active", "mein", code=4)
    Path(playing.places.preset_file).unlink()
    (home(playing) / "config.yaml").write_text("preset:\n  active: mein\n")
    playing.pancode("run", "--agent", "shell", "true", code=None)
    assert 'there is no preset "mein"' in playing.last_error
    playing.pancode("config", "unset", "preset.active")
    playing.pancode("preset", "mein", code=4)
    assert 'did you mean "mine"' in playing.last_error


def test_a_session_begins_with_its_preset_and_what_is_configured_since(no_session: Session) -> None:
    session = no_session
    session.pancode("up", "--detach", "--preset", "careful")
    assert (session.status()["preset"], session.status()["safety"]) == ("careful", "suggest")
    assert "careful" in (home(session) / "panpresets.yaml").read_text()
    session.pancode("down")
    session.pancode("up", "--detach")
    assert session.status()["preset"] is None
    session.pancode("down")
    session.pancode("config", "set", "runtime.safety", "full-auto")
    session.pancode("up", "--detach")
    assert session.status()["safety"] == "full-auto"
    session.pancode("safety", "auto-edit")
    session.pancode("down")
    session.pancode("up", "--detach")
    assert session.status()["safety"] == "auto-edit"


def test_the_demos_preset_is_served_by_the_scripted_model(playing: Session) -> None:
    given = playing.json("preset", "show", "demo")["sets"]
    port = given["models.endpoint"].rpartition(":")[2]
    with socket.socket() as line:
        if line.connect_ex(("127.0.0.1", int(port))) == 0:
            pytest.skip(f"somebody listens on port {port} of this machine")
    playing.pancode("preset", "demo")
    assert f"the scripted model, {given['models.endpoint']}" in playing.pancode("status")
    playing.json("run", "--agent", "native", "--model", "m", "say hello")
    asked = urllib.request.Request(  # noqa: S310 -- loopback
        f"{given['models.endpoint']}/v1/chat/completions",
        data=b'{"model": "m", "messages": [{"role": "user", "content": "hello"}]}',
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 -- loopback
        assert json.load(answer)["choices"]
    assert playing.json("config", "get", "models.endpoint")["layer"] == "preset"
    playing.pancode("preset", "off")
    off = playing.json("config", "get", "preset.active")
    assert (off["text"], off["layer"], off["where"]) == ("off", "session", "pancode preset")


def test_what_was_written_before_the_controller_was_killed_counts_in_the_next_one(session: Session) -> None:
    changing.change(session.places.home, BY_NAME["runtime.safety"], "suggest", "operator")
    kill_controller(session)
    assert session.status()["safety"] == "suggest"


def test_a_broken_file_admits_nobody_stays_as_it_is_and_stops_no_session(session: Session) -> None:
    path = home(session) / "config.yaml"
    session.pancode("config", "set", "models.worker", "a")
    for content in (b"models: [", b"\xff\xfe\x00", b"models:\n  wroker: a\n"):
        path.write_bytes(content)
        session.pancode("run", "--agent", "shell", "true", code=None)
        assert f"{path}:" in session.last_error
        if b"wroker" in content:
            assert 'rename it to "worker"' in session.last_error
            continue
        session.pancode("config", "set", "models.worker", "x", code=10)
        assert path.read_bytes() == content
    kill_controller(session)
    assert session.status()["safety"] == "auto-edit"
    path.unlink()
    assert session.json("run", "--agent", "shell", "true")["status"] == "done"


def test_a_home_that_cannot_be_written_and_a_full_disk_change_nothing(small_home: Session) -> None:
    session = small_home
    session.pancode("config", "set", "models.worker", "a")
    text = (home(session) / "config.yaml").read_text()
    subprocess.run(["mount", "-o", "remount,ro", session.places.home], check=True)
    session.pancode("config", "set", "models.worker", "b", code=12)
    assert session.pancode("config", "get", "models.worker") == "a\n"
    subprocess.run(["mount", "-o", "remount,rw", session.places.home], check=True)
    filler = home(session) / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 65_536):
                pass
        except OSError:
            pass
    session.pancode("config", "set", "models.worker", "b" * 6000, code=12)
    assert (home(session) / "config.yaml").read_text() == text
    filler.unlink()
    session.pancode("config", "set", "models.worker", "c")
    assert session.pancode("config", "get", "models.worker") == "c\n"


def test_two_writers_at_once_lose_nothing(no_session: Session) -> None:
    no_session.pancode("config", "set", "runtime.reasoning", "low")
    wanted: dict[str, Any] = {
        "models.worker": "a", "models.scout": "b", "models.orchestrator": "c", "dispatch.maxDepth": "1",
        "runtime.theme": "light", "budget.ceiling": "4usd",
    }  # fmt: skip
    running = [no_session.start_process("config", "set", key, value) for key, value in wanted.items()]
    assert [process.wait(60) for process in running] == [0] * len(running)
    for process in running:
        process.communicate()
    found = {row["key"]: row["text"] for row in no_session.json("config")["settings"]}
    assert {key: found[key] for key in wanted} == wanted
    assert found["runtime.reasoning"] == "low"


def test_up_names_the_variables_that_the_session_was_opened_without(no_session: Session) -> None:
    session = no_session
    session.environment["PANCODE_THEME"] = "light"
    session.pancode("up", "--detach")
    session.pancode("up", "--detach")
    assert session.last_error == ""
    session.environment["PANCODE_MODEL"] = "company/big"
    session.pancode("up", "--detach")
    assert "opened without PANCODE_MODEL (" in session.last_error
