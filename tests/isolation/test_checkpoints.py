"""Checkpoints before runs and before approved actions, and bringing files back from them."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation.checkpoints import Checkpoints, listed
from pancode.domains.isolation.restore import Restorer
from pancode.domains.isolation.rounds import Rounds
from pancode.engine import files
from tests.isolation.conftest import make_project, sh
from tests.isolation.shop import Shop
from tests.session.conftest import Session
from tests.session.test_questions import asking, open_questions, start
from tests.terminal import wait_until

__all__ = ["asking"]


@pytest.mark.tmux
def test_what_a_run_destroys_comes_back_and_newer_work_stays(repository: tuple[Session, Path]) -> None:
    session, root = repository
    (root / "draft").write_text("never committed")
    run = session.json("run", "-a", "shell", "rm draft gone; echo new > new; echo worse > run.sh")["run_id"]
    assert not (root / "draft").exists()
    told = session.json("restore", run, "--list")
    assert (told["gone"], told["other"], told["new"]) == (["draft", "gone"], ["run.sh"], ["new"])
    assert not (root / "draft").exists()
    assert "1 file different now, and left" in session.pancode("restore", run)
    assert (root / "draft").read_text() == "never committed"
    assert (root / "run.sh").read_text() == "worse\n"
    assert session.json("restore", run, "--overwrite", str(root / "run.sh"))["restored"] == ["run.sh"]
    assert (root / "run.sh").read_text() == "#!/bin/sh\n"
    assert (root / "new").exists()
    session.pancode("restore", run, "--before", "a9", code=4)
    assert "has no checkpoint 'a9'; it has start" in session.last_error


@pytest.mark.tmux
def test_an_approved_action_is_preceded_by_a_checkpoint_and_the_question_says_so(asking: Session) -> None:
    root = make_project(asking.places.project)
    run = start(asking, "git reset --hard; git reset --soft HEAD")
    wait_until(lambda: open_questions(asking), "a question")
    question = open_questions(asking)[0]
    assert f"pancode restore {run} --before {question['id'].partition('.')[2]}" in question["recoverable"]
    (root / "draft").write_text("since the run began")
    asking.pancode("approve", run)
    wait_until(lambda: asking.json("runs", "show", run)["status"] == "done", "the end")
    (root / "draft").unlink()
    assert asking.json("restore", run)["restored"] == []
    assert asking.json("restore", run, "--before", question["id"])["restored"] == ["draft"]
    assert (root / "draft").read_text() == "since the run began"


@pytest.mark.tmux
def test_a_second_agent_in_the_same_tree_gets_a_clone_by_itself(asking: Session) -> None:
    make_project(asking.places.project)
    first = start(asking, "frobnicate")
    wait_until(lambda: open_questions(asking), "the first one holds")
    second = start(asking, "frobnicate")
    third = start(asking, "frobnicate", "--no-isolate")
    assert [asking.row(run)["isolated"] for run in (first, second, third)] == [False, True, False]
    wait_until(lambda: len(open_questions(asking)) == 3, "all three ask")


def keeping(shop: Shop, run: str) -> Checkpoints:
    spec = {"cwd": str(shop.root), "grant": {"mode": "build", "level": "auto-edit", "read_only": False}}
    os.makedirs(shop.work.folder(run))
    files.write_json(f"{shop.work.folder(run)}/spec.json", spec)
    return Checkpoints(shop.work.places, shop.work.store, lambda: shop.environment, pytest.fail)


def test_a_checkpoint_of_an_unchanged_tree_is_the_one_before(shop: Shop) -> None:
    kept = keeping(shop, "aaa")

    async def three() -> list[str]:
        for name in ("start", "a1"):
            await kept.keep("aaa", name)
        (shop.root / "n").write_text("n")
        await kept.keep("aaa", "a2")
        return [each["commit"] for each in listed(shop.work.folder("aaa"))]

    first, second, last = asyncio.run(three())
    assert first == second != last
    assert sh(f"git --git-dir={shop.work.store.git_dir} show {last}:n", "/") == "n"
    assert sh("git status --porcelain", shop.root) == "?? n\n"


def test_a_run_that_may_not_write_needs_no_checkpoint(shop: Shop) -> None:
    kept = keeping(shop, "aaa")
    spec = files.read_json(f"{shop.work.folder('aaa')}/spec.json") or {}
    assert kept.can("aaa")
    files.write_json(f"{shop.work.folder('aaa')}/spec.json", {**spec, "cwd": str(shop.base)})
    assert not kept.can("aaa")
    grant = {**spec["grant"], "mode": "plan"}
    files.write_json(f"{shop.work.folder('aaa')}/spec.json", {**spec, "grant": grant})
    assert not kept.can("aaa")


def test_one_that_fails_is_not_promised_again(shop: Shop) -> None:
    kept = keeping(shop, "aaa")
    shop.work.store.git_dir = "/proc/nowhere/work.git"
    with pytest.raises((PanError, OSError)):
        asyncio.run(kept.keep("aaa", "a1"))
    assert not kept.can("aaa")


def test_nothing_is_restored_over_what_is_in_the_way(shop: Shop) -> None:
    kept = keeping(shop, "aaa")
    (shop.root / "d").write_text("a file")
    asyncio.run(kept.keep("aaa", "start"))
    (shop.root / "d").unlink()
    (shop.root / "d").mkdir()
    (shop.root / "d" / "x.log").write_text("ignored")
    restorer = Restorer(shop.work, shop.environment, print)
    with pytest.raises(PanError, match=r"in the way: d/x\.log") as caught:
        restorer.restore(restorer.compare("aaa"), overwrite=True)
    assert caught.value.code is ExitCode.CONFLICT
    assert (shop.root / "d" / "x.log").exists()


def test_who_comes_while_a_round_goes_on_shares_the_next_one() -> None:
    rounds: Rounds[int] = Rounds()
    may_end, begun, count = threading.Event(), threading.Event(), 0

    def work() -> int:
        nonlocal count
        count += 1
        mine = count
        begun.set()
        may_end.wait(10)
        return mine

    async def four() -> list[int]:
        first = asyncio.create_task(rounds.join("k", work))
        await asyncio.to_thread(begun.wait, 10)
        others = [asyncio.create_task(rounds.join("k", work)) for _ in range(3)]
        await asyncio.sleep(0)
        may_end.set()
        return list(await asyncio.gather(first, *others))

    assert asyncio.run(four()) == [1, 2, 2, 2]
