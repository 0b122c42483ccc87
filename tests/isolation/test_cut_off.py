"""A merge that is killed between any two changes of files: completed or taken back, never half of it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pancode.core.errors import PanError
from pancode.domains.isolation import changes
from pancode.domains.isolation import plan as plans
from pancode.domains.isolation.changes import Changes, Fate
from pancode.domains.isolation.merge import How
from pancode.domains.isolation.plan import Plan
from pancode.domains.isolation.writing import Writer
from tests.isolation.conftest import sh
from tests.isolation.shop import Shop

COUNTED = ("os.rename", "os.remove", "os.mkdir", "shutil.rmtree")


def killed_at(moment: int, act: Callable[[], object]) -> bool:
    """Let a process of its own `act`, and die by SIGKILL before its change of files number `moment`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of a fork beside threads.
        child = os.fork()
    if child == 0:
        left = iter(range(moment))

        def count(event: str, arguments: tuple[object, ...]) -> None:
            changes_files = event in COUNTED and "/.pancode" not in str(arguments[0])
            moves_branch = event == "subprocess.Popen" and "update-ref" in str(arguments[1])
            if (changes_files or moves_branch or event == "shutil.rmtree") and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def in_tree(root: Path) -> dict[str, str]:
    """Give what lies in a work tree, the subjects of its commits, and what git says of it."""
    files = [path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts]
    found = {str(path.relative_to(root)): path.read_text() for path in files}
    return found | {"commits": sh("git log --format=%s", root), "status": sh("git status --porcelain", root)}


class Cut:
    """The merge of one run as commits, again and again from the same beginning."""

    def __init__(self, shop: Shop, left: Changes, plan: Plan) -> None:
        self.shop, self.left, self.plan = shop, left, plan
        self.pristine = shutil.copytree(shop.root, shop.base / "pristine", symlinks=True)
        self.writer = Writer(shop.work, shop.environment, shop.notes.append)

    def again(self, moment: int) -> bool:
        shutil.rmtree(self.shop.root)
        shutil.copytree(self.pristine, self.shop.root, symlinks=True)
        changes.write(self.shop.work.folder("k3f"), self.left)
        return killed_at(moment, lambda: self.writer.write(self.plan))

    def settled(self) -> tuple[Fate, dict[str, str]]:
        self.writer.settle()
        assert not os.path.exists(self.shop.work.store.plan)
        return self.shop.work.changes("k3f").fate, in_tree(self.shop.root)


@pytest.fixture
def cut(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Cut:
    left = shop.run(
        "k3f", "echo x >> src/a.txt; mkdir -p deep/er; echo n > deep/er/n; rm gone; echo y > run.sh"
    )
    meant: list[Plan] = []
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "write", lambda _, plan: meant.append(plan))
        shop.merges.merge(left.run, How.COMMITS)
    return Cut(shop, left, meant[0])


def test_a_merge_killed_at_any_moment_is_complete_or_was_never_begun(cut: Cut) -> None:
    before, after = in_tree(cut.shop.root), dict[str, str]()
    ends, moment, halves, locked = [], 0, 0, 0
    while cut.again(moment):
        if (lock := cut.shop.root / ".git" / "index.lock").exists():
            # As if the git that was moving the branch had been killed, too.
            assert cut.plan.move is not None
            (lock.parent / "refs/heads/main.lock").write_text(f"{cut.plan.move[1]}\n")
            (lock.parent / "HEAD.lock").touch()
            locked += 1
        lying = {name: text for name, text in in_tree(cut.shop.root).items() if ".pancode-" not in name}
        halves += not (lying.items() >= before.items() or (after and lying.items() >= after.items()))
        fate, found = cut.settled()
        after = after or (found if fate is Fate.MERGED else {})
        assert not [*(cut.shop.root / ".git").rglob("*.lock"), *(cut.shop.root / ".git").glob("index.p*")]
        assert found == (before if fate is Fate.OPEN else after)
        ends.append(fate)
        moment += 1
    assert cut.settled() == (Fate.MERGED, after)
    assert (after["deep/er/n"], after["status"], after["commits"].count("\n")) == ("n\n", "", 2)
    assert ends == sorted(ends, key=[Fate.OPEN, Fate.MERGED].index)
    assert {*ends} == {Fate.OPEN, Fate.MERGED}
    assert locked > 0, "the control: a lock would be left"
    assert halves > 3, "the control: without more ado half of it would lie there"
    assert "was cut off; it is complete now" in cut.shop.notes[-1]


def test_a_lock_of_somebody_elses_is_left_alone_and_nothing_is_merged(cut: Cut) -> None:
    before, lock = in_tree(cut.shop.root), cut.shop.root / ".git" / "index.lock"
    lock.write_bytes(b"DIRC")
    with pytest.raises(PanError, match=r"index\.lock is in the way"):
        cut.writer.write(cut.plan)
    assert lock.read_bytes() == b"DIRC"
    assert in_tree(cut.shop.root) == before
    lock.unlink()
    cut.writer.write(cut.plan)
    assert cut.settled()[0] is Fate.MERGED


def test_half_a_merge_is_taken_back_where_the_operator_has_gone_on(cut: Cut) -> None:
    before = in_tree(cut.shop.root)
    moment = 0
    while not (cut.again(moment) and cut.shop.read("run.sh") == "y\n"):
        moment += 1
    (cut.shop.root / "src" / "a.txt").write_text("mine\n")
    for again in (2, 3):
        assert killed_at(again, cut.writer.settle), "taking back may be killed, too"
    fate, found = cut.settled()
    assert found == {**before, "src/a.txt": "mine\n", "status": " M src/a.txt\n"}
    assert fate is Fate.OPEN
    assert "and src/a.txt has changed since: it is taken back" in cut.shop.notes[-1]


@pytest.mark.parametrize("stage", ["", ".", "src", "../shop", ".pancode-0123456/../.."])
def test_a_plan_with_an_odd_stage_is_none_and_removes_nothing(cut: Cut, stage: str) -> None:
    before = in_tree(cut.shop.root)
    plans.write(cut.shop.work.store.plan, replace(cut.plan, stage=stage))
    cut.writer.settle()
    assert in_tree(cut.shop.root) == before
