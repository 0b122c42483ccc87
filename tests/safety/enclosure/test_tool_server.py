"""The tools of native agents inside a worker's sandbox: the mounts decide, whatever the model asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from pancode.worker.tools.catalogue import command
from tests.safety.enclosure.conftest import SECRET, Box
from tests.worker.sandboxes import become, python_for
from tests.worker.toolserver import Tools

Start = Callable[..., Tools]


@pytest.fixture
def inside(box: Box) -> Iterator[Start]:
    """Start a tool server as a worker has it, in the sandbox of a mode and a level."""
    made: list[Tools] = []

    def start(*options: str) -> Tools:
        python = python_for(box.uid) or ""
        verb = [*become(box.uid), python, "-m", "pancode.cli.main", "sandbox", "exec", *options, "--"]
        made.append(Tools(box.tree, [*verb, *command(python)], box.environment))
        return made[-1]

    yield start
    assert [server.close() for server in made] == [0] * len(made)


def test_every_tool_works_where_the_worker_may_write(box: Box, inside: Start) -> None:
    tools = inside()
    assert {".git/", "README  8 bytes"} <= set(tools.done("ls").splitlines())
    assert tools.done("read", path="README") == "read me"
    assert tools.done("write", path="src/a.py", content="x = 1\n").startswith("created src/a.py")
    assert tools.done("edit", path="src/a.py", old="1", new="2").startswith("replaced 1 place")
    assert tools.done("grep", pattern="x =") == "src/a.py:1: x = 2"
    assert tools.done("find", pattern="*.py") == "src/a.py"
    assert tools.done("bash", command="cat src/a.py; git status --short") == "x = 2\n?? src/"
    assert (box.tree / "src" / "a.py").read_text() == "x = 2\n"
    assert os.stat(box.tree / "src" / "a.py").st_uid == box.uid


@pytest.mark.parametrize(
    "options",
    [("--mode", "review"), ("--level", "suggest"), ("--mode", "plan", "--level", "full-auto")],
    ids=lambda options: "-".join(options[1::2]),
)
def test_without_leave_to_write_no_tool_can(box: Box, inside: Start, options: tuple[str, ...]) -> None:
    tools = inside(*options)
    before = box.git("status", "--short")
    assert "read-only file system" in tools.refused("write", path="made", content="x")
    assert "read-only file system" in tools.refused("write", path="README", content="x")
    assert "read-only file system" in tools.refused("edit", path="README", old="read", new="write")
    assert "Read-only file system" in tools.refused("bash", command="echo x > made || echo x >> README")
    assert tools.done("read", path="README") == "read me"
    assert tools.done("grep", pattern="me$") == "README:1: read me"
    assert tools.done("bash", command="echo x > /tmp/x && cat /tmp/x") == "x"
    assert box.git("status", "--short") == before


def test_what_others_obey_is_not_written(box: Box, inside: Start) -> None:
    tools = inside()
    paths = (".claude/settings.json", ".pancode/rules.yaml", ".git/hooks/pre-commit", ".git/config", ".envrc")
    before = [_content(box, path) for path in paths]
    for path in paths:
        assert not tools.call("write", path=path, content="evil")["ok"]
        assert not tools.call("bash", command=f"echo evil > {path}")["ok"]
    assert tools.call("write", path="beside", content="fine")["ok"]
    assert tools.close() == 0
    assert [_content(box, path) for path in paths] == before
    assert (box.tree / "beside").read_text() == "fine"


def _content(box: Box, path: str) -> str | None:
    place = box.tree / path
    return place.read_text() if place.is_file() else None


def test_what_the_sandbox_hides_is_not_there(box: Box, inside: Start) -> None:
    tools = inside()
    key = box.home / ".ssh" / "id_ed25519"
    assert key.read_text() == SECRET
    assert "no such file" in tools.refused("read", path=str(key))
    assert SECRET not in tools.call("grep", pattern=SECRET[:8], path=str(box.base))["text"]
    assert SECRET not in tools.call("bash", command=f"cat {key}; env; cat /proc/*/environ")["text"]
    assert "no such file" in tools.refused("ls", path=str(box.home / ".ssh"))
    # The control: another file next to the project is read as before.
    assert tools.done("read", path="README") == "read me"


def test_long_output_lies_in_the_sandboxes_own_folder(box: Box, inside: Start) -> None:
    tools = inside()
    answer = tools.call("bash", command="seq 1 100000")
    assert tools.done("bash", command=f"tail -n 1 {answer['meta']['file']}") == "100000"
    assert tools.close() == 0
    assert not os.path.exists(answer["meta"]["file"])
