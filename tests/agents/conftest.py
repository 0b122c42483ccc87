"""Sessions with the real CLIs, one for each process of tests, and the conversation that many tests look at.

To start a CLI is what costs most here: each is started once for all that one conversation can show.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pancode.engine import git
from pancode.scripted.server import Record, ScriptedModel, serve_in_thread
from tests.session.conftest import Session, a_session, left_over
from tests.terminal import wait_until

BIN = os.environ.get("PANCODE_AGENTS_BIN", "")
WHY = os.environ.get("PANCODE_AGENTS_WHY", "the real agent CLIs are off: scripts/test --agents")
AGENTS = ("claude-code", "codex", "gemini", "opencode", "copilot")
ACP: Mapping[str, list[str]] = {
    "gemini-acp": ["gemini", "--experimental-acp"],
    "opencode-acp": ["opencode", "acp"],
    "copilot-acp": ["copilot", "--acp"],
}
PATIENCE = "240"
"""Seconds: OpenCode asks an overloaded model for 75 s before it gives up."""
REAL = [pytest.mark.agents, pytest.mark.timeout(600), pytest.mark.skipif(not BIN, reason=WHY)]
READS = {
    "claude-code": ("Read", "file_path"),
    "gemini": ("read_file", "file_path"),
    "opencode": ("read", "filePath"),
    "copilot": ("view", "path"),
}
"""The tool by which each reads files; Codex has only its shell."""
SKILL = "---\nname: tables\ndescription: draws tables from lists\n---\nesu sraB.\n"
LOOK = (
    "env; tr '\\0' '\\n' </proc/self/environ; cat ~/.ssh/id_ed25519\n"
    "for f in ~/.claude/settings.json ~/.codex/config.toml ~/.gemini/settings.json"
    " ~/.copilot/settings.json ~/.config/opencode/opencode.json; do\n"
    '[ -d "$(dirname $f)" ] && echo x >> $f && echo nettirw-sgnittes | rev\ndone\necho looked | rev\n'
)
"""Tells its environment, looks for the operator's key, and changes the agent's own settings if it can."""
ENDS: Mapping[str, Mapping[str, Any]] = {
    "auth": {"error": 401},
    "rate-limit": {"error": 429, "retry_after": 0},
    "overload": {"error": 529, "retry_after": 0},
    "stream-cut": {"text": "I was about to say something long", "cut": True},
}
"""How a model may fail, by the reason that a run has then. An agent need not wait before it asks again."""
BAD_ENDS = (
    *((agent, reason) for agent in AGENTS for reason in ENDS),
    *((agent, reason) for agent in ACP for reason in ("auth", "rate-limit")),
)


def group_of(agent: str) -> str:
    """Give the group of an agent's tests, which is its CLI: they run in one process, one after the other."""
    return agent.removesuffix("-acp")


def each_of(agents: Mapping[str, object] | tuple[str, ...]) -> pytest.MarkDecorator:
    """Run a test with each of the agents."""
    return pytest.mark.parametrize(
        "agent", [pytest.param(agent, marks=pytest.mark.xdist_group(group_of(agent))) for agent in agents]
    )


each = each_of(AGENTS)


def path() -> str:
    """Give a PATH with the five CLIs and Node."""
    node = os.path.dirname(shutil.which("node") or "/usr/bin/node")
    return os.pathsep.join([BIN, node, "/usr/bin", "/bin"])


@contextlib.contextmanager
def a_fleet(**environment: str) -> Iterator[Session]:
    """Give a session with the CLIs in its PATH, at auto-edit, where no question waits long.

    Not under /tmp, where Codex finds no helpers. Each CLI has an entry with a skill (`my-NAME`) and one that
    only reads (`NAME-reader`).
    """
    with a_session("/var/tmp") as made:
        made.environment.update(environment, PATH=path())
        home = Path(made.places.home)
        skill = home / "skills" / "tables"
        skill.mkdir(parents=True)
        home.chmod(0o700)
        (skill / "SKILL.md").write_text(SKILL)
        agents: dict[str, dict[str, Any]] = {
            name: {"runtime": "acp", "command": command} for name, command in ACP.items()
        }
        agents |= {f"{name}-reader": {**agent, "readonly": True} for name, agent in agents.items()}
        agents |= {f"my-{name}": {"runtime": name, "skills": ["tables"]} for name in AGENTS}
        agents |= {f"{name}-reader": {"runtime": name, "readonly": True} for name in AGENTS}
        (home / "panagents.yaml").write_text(json.dumps({"agents": agents}))
        (home / "pansafety.yaml").write_text("questions: {deadline: 2, bell: false}\n")
        git.run(made.places.project, "init", "--quiet", "--initial-branch=main")
        made.pancode("up", "--detach")
        yield made


@pytest.fixture(scope="session")
def fleet() -> Iterator[Session]:
    with a_fleet() as made:
        yield made


@pytest.fixture(scope="session")
def without_gateway() -> Iterator[Session]:
    """Give a fleet whose model calls leave the sandbox by themselves."""
    with a_fleet(PANCODE_GATEWAY="off") as made:
        yield made


def shown_with_books(fleet: Session, run: str) -> dict[str, Any]:
    """Give all about a run, and check what holds for each: known records, a whole journal, none left."""
    shown: dict[str, Any] = fleet.json("runs", "show", run)
    assert shown["unknown"] == {}
    journal = fleet.journal(run)
    assert [record["seq"] for record in journal] == list(range(1, len(journal) + 1))
    assert shown["events"] == dict(Counter(record["kind"] for record in journal))
    mark = f"PANCODE_RUN_ID={run}".encode()
    assert [pid for pid in left_over(fleet) if mark in file_of(pid, "environ")] == []
    return shown


def file_of(pid: int | str, name: str) -> bytes:
    """Read a process's file in /proc; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def answers(journal: list[dict[str, Any]]) -> dict[str, bool]:
    """Give command -> what the hook answered, of those that are commands."""
    asked = {record["id"]: record["action"] for record in journal if record["kind"] == "asked"}
    return {
        asked[record["id"]]["command"]: record["allow"]
        for record in journal
        if record["kind"] == "answered" and asked[record["id"]].get("command")
    }


@dataclass(frozen=True)
class Talk:
    """One conversation with an agent: a long turn with `commands` and files, and a short one after it."""

    first: dict[str, Any]
    second: dict[str, Any]
    journal: list[dict[str, Any]]
    commands: dict[str, str]
    requests: tuple[Record, ...]

    def finished(self) -> list[dict[str, Any]]:
        """Give how each tool call of the long turn ended, in the order of their beginnings."""
        ends = {record["id"]: record for record in self.journal if record["kind"] == "tool_finished"}
        return [ends[record["id"]] for record in self.journal if record["kind"] == "tool_started"]


@pytest.fixture(scope="session")
def talk_with(fleet: Session) -> Callable[[str], Talk]:
    """Give the conversation with an agent, led when it is asked for the first time."""
    return functools.cache(functools.partial(_lead, fleet))


def _lead(fleet: Session, agent: str) -> Talk:
    project, home = Path(fleet.places.project), Path(fleet.environment["HOME"])
    (project / f"{agent}-kept").mkdir()
    (project / "look.sh").write_text(LOOK)
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh" / "id_ed25519").write_text("secret-of-the-operator")
    skills = f"skills-of-{agent}"
    commands = {
        "fine": f"echo shell-output-123 && touch {agent}-made.txt",
        "bad": f"rm -rf {agent}-kept",
        "look": "sh look.sh",
        "skill": f'rev "$PANCODE_RUN_DIR/files/skills/tables/SKILL.md" > {agent}-told.txt;'
        f' ln -s "$PANCODE_RUN_DIR/files/skills" {skills}',
    }
    write = {"write": {"path": f"{agent}-w.txt", "content": "line one\nline two\n"}}
    turns: list[dict[str, Any]] = [
        {"text": "I will run a command.", "shell": commands["fine"]},
        write,
        *({"shell": commands[name]} for name in ("bad", "look", "skill")),
    ]
    if agent in READS:
        name, argument = READS[agent]
        turns.append({"tool": {"name": name, "args": {argument: f"{project}/{skills}/tables/SKILL.md"}}})
    script = {
        "scripts": [{"when": "and then?", "turns": [{"text": "Then this."}]}],
        "turns": [*turns, {"text": "All done."}],
    }
    key = {"PANCODE_ENDPOINT_KEY_ENV": "MY_KEY", "MY_KEY": "the-real-key-of-mine"}
    fleet.environment.update(key)
    try:
        with serve_in_thread(script) as model:
            words = ("--agent", f"my-{agent}", "--endpoint", model.url, "--timeout", PATIENCE, "do it")
            first = fleet.json("run", *words)
            second = fleet.json("say", first["run_id"], "and then?")
            requests = model.requests
    finally:
        for name in key:
            del fleet.environment[name]
    return Talk(
        shown_with_books(fleet, first["run_id"]),
        shown_with_books(fleet, second["run_id"]),
        fleet.journal(first["run_id"]),
        commands,
        requests,
    )


class BadEnds:
    """Runs of agents whose models fail, each in its own way; they wait and ask again, all together."""

    def __init__(self, fleet: Session, stack: contextlib.ExitStack) -> None:
        self._fleet = fleet
        self._stack = stack
        self._runs: dict[tuple[str, str], tuple[str, ScriptedModel]] = {}

    def begin(self, agent: str, reason: str) -> None:
        """Start the run that ends so, unless it has been."""
        if (agent, reason) in self._runs:
            return
        model = self._stack.enter_context(serve_in_thread({"turns": [dict(ENDS[reason])]}))
        # One that only reads: beside one that writes, all others would work in clones of their own.
        words = ("--agent", f"{agent}-reader", "--endpoint", model.url, "--timeout", PATIENCE, "do it")
        self._runs[agent, reason] = (self._fleet.detached(*words), model)

    def of(self, agent: str, reason: str) -> dict[str, Any]:
        """Give all about the run, once it has ended."""
        self.begin(agent, reason)
        run, _ = self._runs[agent, reason]
        wait_until(lambda: self._fleet.row(run)["ended"] is not None, f"{run} ends", seconds=250)
        return shown_with_books(self._fleet, run)


@pytest.fixture(scope="session")
def bad_ends(fleet: Session) -> Iterator[BadEnds]:
    with contextlib.ExitStack() as stack:
        yield BadEnds(fleet, stack)


@pytest.fixture(scope="session")
def ends_to_come(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    """Give agent and reason of the bad ends that are looked at in this run of tests."""
    params = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    return [end for end in BAD_ENDS if any((one.get("agent"), one.get("reason")) == end for one in params)]


@pytest.fixture(autouse=True)
def _ends_begin(request: pytest.FixtureRequest, ends_to_come: list[tuple[str, str]]) -> None:
    """Begin an agent's bad ends with the first of its tests: some ask again for more than a minute."""
    if not hasattr(request.node, "callspec"):
        return
    own = group_of(request.node.callspec.params["agent"])
    for agent, reason in ends_to_come:
        if group_of(agent) == own:
            request.getfixturevalue("bad_ends").begin(agent, reason)
