"""The gate `paths`: what leads out of the project is refused, however it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pancode.core.grants import Grant, Level, Mode
from pancode.core.host import Asked, Refusal, Remark
from pancode.domains.dispatch.paths import outside_or_missing


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a repository with a neighbour whose name begins alike, and a home beside it."""
    for name in ("proj/.git", "proj/src", "proj-evil", "home/notes"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("proj/src/main.py", "proj/README.md", "proj-evil/x.py", "home/notes/a b.txt", "secret.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "proj/.git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "proj/link.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "proj/src/out").symlink_to(tmp_path / "proj-evil")
    return tmp_path / "proj"


def said(project: Path, task: str, cwd: str = "src", **more: object) -> Refusal | Remark | None:
    given: dict[str, object] = {
        "agent": "dev", "task": task.replace("BASE", str(project.parent)), "cwd": str(project / cwd),
        "read_only": False, "grant": Grant(Mode.BUILD, Level.AUTO_EDIT), "runtime": "codex",
        "environment": {"HOME": str(project.parent / "home"), "NOTES": str(project.parent / "home/notes")},
    }  # fmt: skip
    return outside_or_missing(Asked(**{**given, **more}))  # type: ignore[arg-type] # as written above


@pytest.mark.parametrize(
    "task",
    [
        "read ../../secret.txt",
        "read '../../secret.txt'",
        'read "../../secret.txt".',
        "read `../../secret.txt`, please",
        "see (../../secret.txt)",
        "see [it](../../secret.txt)",
        "read BASE/secret.txt:12",
        "read file://BASE/secret.txt",
        "use --config=BASE/secret.txt",
        "read @../../secret.txt",
        "look into ~/notes",
        "read ~/notes/a\\ b.txt",
        "read '~/notes/a b.txt'",
        "read $NOTES/x and ${HOME}/y",
        "compare with ../../proj-evil/x.py",
        "compare with BASE/proj-evil/x.py",
        "read ../link.txt",
        "read out/x.py",
        "write it to BASE/new.txt",
        "make BASE/home/notes/new/thing",
        "go to ../..",
        "read /etc/passwd",
    ],
)
def test_what_leads_out_is_refused(project: Path, task: str) -> None:
    found = said(project, task)
    assert isinstance(found, Refusal), found
    assert "outside of the project" in found.problem


@pytest.mark.parametrize(
    "task",
    [
        "say hello",
        "fix main.py and ../README.md",
        "fix BASE/proj/src/main.py:12:3",
        "add a route /api/v1/users and a page /shop",
        "either and/or both, 1/2 of it, n/a …",
        "see https://example.org/../etc/passwd and ssh://x/y",
        "send what is left to /dev/null",
        "the script begins with #!/bin/sh",
        "write a regular expression for ^/[a-z]+/$",
        "bump it to v1.2.3, e.g. in Node.js",
    ],
)
def test_what_stays_inside_or_is_no_path_passes(project: Path, task: str) -> None:
    assert said(project, task) is None


def test_a_file_that_is_missing_is_remarked(project: Path) -> None:
    assert said(project, "fix ./gone.py and main.py") == Remark("there is no ./gone.py in the project")


def test_a_word_that_may_be_a_page_as_well_is_remarked(project: Path) -> None:
    assert said(project, "add a page /home") == Remark("/home is outside of the project")


def test_an_operators_yes_leaves_a_remark(project: Path) -> None:
    found = said(project, "read BASE/secret.txt", approved=True)
    assert isinstance(found, Remark)
    assert "secret.txt is outside" in found.text


def test_what_another_run_has_said_is_not_looked_at(project: Path) -> None:
    assert said(project, "explain:\nread /etc/passwd", written="explain:\n$INPUT") is None


def test_a_link_says_where_it_leads(project: Path) -> None:
    found = said(project, "read ../link.txt")
    assert isinstance(found, Refusal)
    assert f"../link.txt ({project.parent}/secret.txt)" in found.problem


def test_a_shell_command_is_for_the_rules(project: Path) -> None:
    assert said(project, "cat /etc/passwd", runtime="shell") is None
