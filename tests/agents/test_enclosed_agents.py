"""The five real CLIs in their sandboxes: each is asked, obeys, keeps its conversation and stays inside."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.engine import git
from pancode.scripted.server import serve_in_thread
from tests.session.conftest import Session, a_session
from tests.terminal import wait_until

BIN = os.environ.get("PANCODE_AGENTS_BIN", "")
WHY = os.environ.get("PANCODE_AGENTS_WHY", "the real agent CLIs are off: scripts/test --agents")
AGENTS = ("claude-code", "codex", "gemini", "opencode", "copilot")
LEVELS = ("read-only", "auto-edit", "full-auto")
ACTS = 13

pytestmark = [
    pytest.mark.agents,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not BIN, reason=WHY),
]
each = pytest.mark.parametrize(
    "agent", [pytest.param(agent, marks=pytest.mark.xdist_group(agent)) for agent in AGENTS]
)


def path() -> str:
    """Give a PATH with the five CLIs and Node."""
    node = os.path.dirname(shutil.which("node") or "/usr/bin/node")
    return os.pathsep.join([BIN, node, "/usr/bin", "/bin"])


@contextlib.contextmanager
def a_fleet(**environment: str) -> Iterator[Session]:
    """Give a session with the five CLIs in its PATH, at auto-edit, where no question waits long."""
    with a_session("/var/tmp") as made:
        made.environment.update(environment, PATH=path())
        home = Path(made.places.home)
        home.mkdir(mode=0o700)
        (home / "pansafety.yaml").write_text("questions: {deadline: 2, bell: false}\n")
        git.run(made.places.project, "init", "--quiet", "--initial-branch=main")
        made.pancode("up", "--detach")
        yield made


@pytest.fixture(scope="module")
def fleet() -> Iterator[Session]:
    with a_fleet() as made:
        yield made


@pytest.fixture(scope="module")
def without_gateway() -> Iterator[Session]:
    """Give a fleet whose model calls leave the sandbox by themselves."""
    with a_fleet(PANCODE_GATEWAY="off") as made:
        yield made


def run(fleet: Session, agent: str, *turns: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the turns on the agent; give what `runs show` tells, and the journal."""
    with serve_in_thread({"turns": [*turns, {"text": "All done."}]}) as model:
        words = ("--agent", agent, "--endpoint", model.url, "--timeout", "100", "do it")
        found = fleet.json("run", *words)
    assert found["result"] == "All done."
    return fleet.json("runs", "show", found["run_id"]), fleet.journal(found["run_id"])


def answers(journal: list[dict[str, Any]]) -> dict[str, bool]:
    """Give command -> what the hook answered."""
    asked = {record["id"]: record["action"] for record in journal if record["kind"] == "asked"}
    return {
        asked[record["id"]].get("command", ""): record["allow"]
        for record in journal
        if record["kind"] == "answered"
    }


@each
def test_every_call_is_asked_about_and_a_refused_one_does_not_run(fleet: Session, agent: str) -> None:
    project = Path(fleet.places.project)
    (project / f"{agent}-kept").mkdir()
    fine, bad = f"echo 1 > {agent}-made.txt", f"rm -rf {agent}-kept"
    shown, journal = run(fleet, agent, {"shell": fine}, {"shell": bad})
    assert answers(journal) == {fine: True, bad: False}
    assert (project / f"{agent}-made.txt").exists()
    assert (project / f"{agent}-kept").is_dir()
    spec = json.loads((Path(fleet.places.runs) / shown["run_id"] / "spec.json").read_text())
    assert (spec["sandbox"]["grade"]["sandbox"], spec["sandbox"]["grade"]["hook"]) == ("full", "asked")
    told = [record for record in journal if record["kind"] == "refused"]
    assert any("delete" in record["why"] for record in told)


@each
def test_the_agent_sees_its_own_home_alone_and_its_settings_can_not_be_changed(
    fleet: Session, agent: str
) -> None:
    home = Path(fleet.environment["HOME"])
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh" / "id_ed25519").write_text("secret-of-the-operator")
    script = Path(fleet.places.project) / "look.sh"
    script.write_text(
        "cat ~/.ssh/id_ed25519; for f in ~/.claude/settings.json ~/.codex/config.toml ~/.gemini/settings.json"
        " ~/.copilot/settings.json ~/.config/opencode/opencode.json; do\n"
        '[ -d "$(dirname $f)" ] && echo x >> $f && echo degnahc | rev\ndone\necho looked | rev\n'
    )
    _, journal = run(fleet, agent, {"shell": "sh look.sh"})
    told = json.dumps(journal)
    assert "dekool" in told
    assert "secret-of-the-operator" not in told
    assert "changed" not in told


@each
def test_a_conversation_goes_on_in_the_same_home(fleet: Session, agent: str) -> None:
    with serve_in_thread({"turns": [{"text": "First."}]}) as model:
        words = ("--agent", agent, "--endpoint", model.url, "--timeout", "100", "do it")
        first = fleet.json("run", *words)
        second = fleet.json("say", first["run_id"], "and then?")
        prompts = [record.prompt for record in model.requests if not record.helper]
    assert second["status"] == "done"
    sessions = {fleet.json("runs", "show", told["run_id"])["agent_session"] for told in (first, second)}
    assert len(sessions) == 1
    assert any("and then?" in prompt for prompt in prompts)


@each
def test_a_host_behind_tls_is_reached_through_the_proxy_or_not_at_all(
    without_gateway: Session, agent: str
) -> None:
    fleet = without_gateway
    words = ("--agent", agent, "--endpoint", "https://api.example.test", "--timeout", "100", "do it")
    run_id = fleet.detached(*words)

    def hosts() -> set[str]:
        return {record["host"] for record in fleet.journal(run_id) if record["kind"] == "net"}

    # Some of them wait for ever for a network that doesn't come, and some give up.
    wait_until(lambda: hosts() == {"api.example.test"}, "it asks the proxy", seconds=90)
    fleet.pancode("stop", run_id, code=None)
    assert fleet.json("runs", "show", run_id)["status"] in ("failed", "cancelled")
    assert hosts() == {"api.example.test"}


@each
def test_the_proof_finds_every_promise_kept(agent: str, tmp_path: Path) -> None:
    words = [word for level in LEVELS for word in ("--level", level)]
    done = subprocess.run(
        [sys.executable, "-m", "pancode", "safety", "prove", "--agent", agent, *words, "--json"],
        env={"PATH": path(), "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["kept"], told["missing"]) == (0, True, {}), done.stdout
    assert [worker["level"] for worker in told["workers"]] == list(LEVELS)
    for worker in told["workers"]:
        assert worker["grade"]["sandbox"] == "full"
        found = {act["act"]: (act["open"], act["hidden"]) for act in worker["acts"]}
        assert len(found) == ACTS
        assert {hidden for name, (_, hidden) in found.items() if name != "write-inside"} == {"os"}
        assert found["push"] == found["delete-find"] == ("hook", "os")
