"""Places that are made so that something can be mounted there, and the filter as a program."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pancode.domains.safety.enclosure.repository import guard
from pancode.worker.masks import MARK_NS, Masks
from pancode.worker.seccomp import UnknownMachineError, program
from tests.worker.conftest import MakeShim, until
from tests.worker.enclosing import Boot, needs_bwrap, options, profile


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    made.mkdir()
    return made


def names(tree: Path) -> list[str]:
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))


def test_what_is_missing_is_made_and_taken_away_again(tree: Path) -> None:
    (tree / "there").mkdir()
    stubs = {f"{tree}/.envrc": "# none\n", f"{tree}/a/b/.mcp.json": "{}", f"{tree}/.sock": None}
    masks = Masks(str(tree), [f"{tree}/.vscode", f"{tree}/.x/y", f"{tree}/there"], stubs)
    assert names(tree) == [
        ".envrc",
        ".sock",
        ".vscode",
        ".x",
        ".x/y",
        "a",
        "a/b",
        "a/b/.mcp.json",
        "there",
    ]
    assert (tree / ".envrc").read_text() == "# none\n"
    assert stat.S_ISSOCK((tree / ".sock").stat().st_mode)
    assert (tree / ".vscode").stat().st_mtime_ns == MARK_NS
    masks.release()
    masks.release()
    assert names(tree) == ["there"]


def test_what_was_changed_meanwhile_stays(tree: Path) -> None:
    masks = Masks(str(tree), [f"{tree}/.a", f"{tree}/.b"], {f"{tree}/.c": "old", f"{tree}/.d": "old"})
    (tree / ".a" / "file").write_text("x")
    (tree / ".c").write_text("new")
    masks.release()
    assert names(tree) == [".a", ".a/file", ".c"]


def test_the_last_of_several_workers_takes_them_away(tree: Path) -> None:
    first = Masks(str(tree), [f"{tree}/.a"], {f"{tree}/.b": ""})
    second = Masks(str(tree), [f"{tree}/.a"], {f"{tree}/.b": ""})
    first.release()
    assert names(tree) == [".a", ".b"]
    second.release()
    assert names(tree) == []


def test_one_that_came_before_the_masks_were_dated_takes_them_away(tree: Path) -> None:
    first = Masks(str(tree), [f"{tree}/.a"], {f"{tree}/.b": ""})
    for name in (".a", ".b"):
        os.utime(tree / name)
    second = Masks(str(tree), [f"{tree}/.a"], {f"{tree}/.b": ""})
    for name in (".a", ".b"):
        os.utime(tree / name, ns=(MARK_NS, MARK_NS))
    first.release()
    second.release()
    assert names(tree) == []


def test_masks_that_come_and_go_are_in_nobodys_way(tree: Path) -> None:
    git = tree / ".git"
    for name in ("objects/info", "refs", "hooks"):
        (git / name).mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    path, over = f"{git}/commondir", threading.Event()

    def work() -> None:
        while not over.is_set():
            Masks(str(tree), [], {path: ".\n"}).release()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        found = [guard(str(tree), writable=True, repository=None) for _ in range(300)]
    finally:
        over.set()
        worker.join()
    assert all(path in each.stubs for each in found)


def test_what_a_killed_worker_left_goes_with_the_next_one(tree: Path) -> None:
    code = (
        "import os, sys; sys.path.append(sys.argv[1])\n"
        "from pancode.worker.masks import Masks\n"
        "tree = sys.argv[2]; m = Masks(tree, [tree + '/.a/b'], {tree + '/.c': None}); os.kill(os.getpid(), 9)"
    )
    root = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, "-I", "-c", code, root, str(tree)], check=False)
    assert names(tree) == [".a", ".a/b", ".c"]
    Masks(str(tree), [f"{tree}/.a", f"{tree}/.a/b"], {f"{tree}/.c": None}).release()
    assert names(tree) == []


def test_links_in_the_tree_lead_nowhere(tree: Path) -> None:
    outside = tree.parent / "outside"
    outside.mkdir()
    (tree / "link").symlink_to(outside)
    (tree / "file").symlink_to(outside / "planted")
    masks = Masks(str(tree), [f"{tree}/link/a", f"{tree}/link"], {f"{tree}/file": "x", f"{tree}/link/f": "x"})
    assert list(outside.iterdir()) == []
    masks.release()
    assert names(tree) == ["file", "link"]


def test_something_of_the_operators_is_never_taken_for_ours(tree: Path) -> None:
    (tree / ".a").mkdir()
    (tree / ".b").write_text("mine")
    os.utime(tree / ".b", ns=(MARK_NS, MARK_NS))
    Masks(str(tree), [f"{tree}/.a"], {f"{tree}/.b": "ours"}).release()
    assert names(tree) == [".a", ".b"]


def test_a_worker_that_locks_the_tree_for_ever_holds_nobody_up(tree: Path) -> None:
    code = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), 2); print(flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-I", "-c", code, str(tree)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        masks = Masks(str(tree), [f"{tree}/.a"])
        assert names(tree) == [".a"]
        masks.release()
        holder.kill()


@needs_bwrap
def test_a_mask_is_empty_inside_and_gone_afterwards(tree: Path) -> None:
    more = ["--perms", "0555", "--tmpfs", f"{tree}/.vscode", "--ro-bind", f"{tree}/.envrc", f"{tree}/.envrc"]
    sandbox = profile(
        tree,
        options=[*options(tree), *more],
        masks=[f"{tree}/.vscode"],
        stubs={f"{tree}/.envrc": ""},
    )
    said = Boot(tree).shell(
        "echo x > .vscode/tasks.json; echo x > .envrc; rmdir .vscode; rm .envrc; ls -A", sandbox=sandbox
    )
    assert said.splitlines()[-2:] != []
    assert names(tree) == []


@needs_bwrap
def test_a_run_leaves_no_masks_however_it_ends(make_shim: MakeShim, tree: Path) -> None:
    sandbox = profile(tree, masks=[f"{tree}/.vscode"])
    sandbox["options"] += ["--tmpfs", f"{tree}/.vscode"]
    missing = make_shim("no-such-program", cwd=str(tree), sandbox=sandbox).start()
    assert missing.end() == 1
    assert names(tree) == []
    shim = make_shim("sh", "-c", "echo x > up; sleep 600", cwd=str(tree), sandbox=sandbox).start()
    until((tree / "up").exists, "the agent's start", shim.look_on)
    assert names(tree) == [".vscode", "up"]
    shim.signal(signal.SIGTERM)
    assert shim.end() == 8
    assert names(tree) == ["up"]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("unix", [True, False])
@pytest.mark.parametrize("only_tcp", [True, False])
def test_the_filter_comes_to_an_end_whatever_the_call(machine: str, unix: bool, only_tcp: bool) -> None:
    code = program(unix=unix, only_tcp=only_tcp, machine=machine)
    assert len(code) % 8 == 0
    steps = [
        (int.from_bytes(code[at : at + 2], "little"), code[at + 2], code[at + 3])
        for at in range(0, len(code), 8)
    ]
    for at, (kind, yes, no) in enumerate(steps):
        if kind & 7 == 5:
            assert at + 1 + max(yes, no) < len(steps)
    assert steps[-1][0] == 6


def test_a_machine_without_a_filter_is_named() -> None:
    with pytest.raises(UnknownMachineError, match="riscv64"):
        program(unix=False, machine="riscv64")
