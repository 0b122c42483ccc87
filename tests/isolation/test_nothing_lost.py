"""Ways on which work could be lost that take two at once, a crash, or a disk that refuses."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pancode.cli.down import unmerged_lines
from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation import checkpoints
from pancode.domains.isolation.changes import Fate
from pancode.domains.isolation.collect import _is_untouched
from pancode.domains.isolation.housekeeping import clones, remove
from pancode.domains.isolation.restore import Difference, Restorer
from pancode.domains.isolation.retention import old, prune
from pancode.domains.isolation.service import Isolation
from pancode.domains.isolation.work import Work
from pancode.domains.safety.api import Rescue
from pancode.engine import files
from pancode.engine.trusted_git import Trusted
from tests.isolation.conftest import WHO, sh
from tests.isolation.shop import Shop


def ended(shop: Shop, run: str) -> None:
    files.write_json(f"{shop.work.folder(run)}/result.json", {"run_id": run})


def checkpoint(shop: Shop, run: str) -> None:
    store = shop.work.store
    shop.clone("any")
    tree = Trusted(store.git_dir, str(shop.root), f"{store.git_dir}/index-test").tree()
    commit = store.bare.commit(tree, "Checkpoint")
    store.keep(f"checkpoints/{commit}", commit)
    os.makedirs(shop.work.folder(run), exist_ok=True)
    files.write_json(f"{shop.work.folder(run)}/spec.json", {"run": run})
    with open(checkpoints.path_of(shop.work.folder(run)), "a", encoding="utf-8") as file:
        file.write(f'{{"at": 1.0, "name": "start", "commit": "{commit}", "root": "{shop.root}"}}\n')


def restore(shop: Shop, run: str) -> tuple[Restorer, Difference]:
    restorer = Restorer(Work(shop.work.places), shop.environment, print)  # As in a process of its own.
    return restorer, restorer.compare(run)


def test_of_two_merges_at_once_the_first_can_still_be_taken_back(shop: Shop) -> None:
    left = shop.run("k3f", "echo worker > new")
    in_check, go_on = threading.Event(), threading.Event()

    def check(_: str, __: str) -> None:
        in_check.set()
        assert go_on.wait(20)

    first = threading.Thread(target=lambda: shop.merges.merge(left.run, verify=check))
    second = threading.Thread(target=lambda: shop.merges.merge(left.run))
    first.start()
    assert in_check.wait(20)
    second.start()
    second.join(0.3)
    go_on.set()
    first.join(20)
    second.join(20)
    assert shop.merges.undo(left.run).fate is Fate.OPEN
    assert not (shop.root / "new").exists()


def test_an_edit_during_a_check_is_seen_though_somebody_else_has_looked(shop: Shop) -> None:
    # Git writes its index anew while it has files as young as that.
    sh("find . -name .git -prune -o -type f -exec touch -d 2001-01-01 {} +", shop.root)
    left = shop.run("k3f", "sed -i 's/line 18/worker/' src/a.txt")
    checkpoint(shop, "old")

    def check(_: str, __: str) -> None:
        text = shop.read("src/a.txt").replace("line 3\n", "mine\n")
        (shop.root / "src" / "a.txt").write_text(text)
        os.utime(shop.root / "src" / "a.txt", (1e9, 1e9))
        restore(shop, "old")

    with pytest.raises(PanError) as met:
        shop.merges.merge(left.run, verify=check)
    assert met.value.code is ExitCode.CONFLICT
    assert "mine\n" in shop.read("src/a.txt")


def test_a_second_restore_still_has_what_the_first_has_replaced(shop: Shop) -> None:
    checkpoint(shop, "k3f")
    for text in ("first\n", "second\n"):
        (shop.root / "run.sh").write_text(text)
        restorer, found = restore(shop, "k3f")
        assert restorer.restore(found, overwrite=True) == ["run.sh"]
    bare, ref = shop.work.store.bare, "refs/pancode/restored/k3f"
    assert bare.run("show", f"{ref}:run.sh") == "second\n"
    assert bare.run("show", f"{ref}~1:run.sh") == "first\n"


def test_what_changes_after_a_comparison_is_not_restored_over(shop: Shop) -> None:
    checkpoint(shop, "k3f")
    (shop.root / "run.sh").write_text("first\n")
    restorer, found = restore(shop, "k3f")
    (shop.root / "run.sh").write_text("newer\n")
    with pytest.raises(PanError, match="changed meanwhile"):
        restorer.restore(found, overwrite=True)
    assert shop.read("run.sh") == "newer\n"


def test_a_line_cut_off_costs_only_its_own_checkpoint(shop: Shop) -> None:
    checkpoint(shop, "k3f")
    folder = shop.work.folder("k3f")
    with open(checkpoints.path_of(folder), "a", encoding="utf-8") as file:
        file.write('{"at": 2.0, "na')
    kept = checkpoints.Checkpoints(shop.work.places, shop.work.store, dict, print)
    kept._record("k3f", "a1", "c" * 40, str(shop.root))
    assert [each["name"] for each in checkpoints.listed(folder)] == ["start", "a1"]


def test_a_clone_stays_whose_runs_cannot_be_read(shop: Shop) -> None:
    shop.run("k3f", "echo worker > new")
    ended(shop, "k3f")
    Path(shop.work.folder("k3f"), "spec.json").write_text('{"run": "k3f", "isol')
    (judged,) = clones(shop.work)
    assert (judged.may_go, "record of run k3f" in judged.why) == (False, True)
    assert any("the clone of k3f" in line for line in unmerged_lines(shop.work.places))


def test_a_clone_that_a_run_takes_up_meanwhile_is_not_removed(shop: Shop) -> None:
    shop.run("k3f", "true")
    ended(shop, "k3f")
    (judged,) = clones(shop.work)
    assert judged.may_go
    spec = files.read_json(f"{shop.work.folder('k3f')}/spec.json") or {}
    os.makedirs(shop.work.folder("m4g"))
    files.write_json(f"{shop.work.folder('m4g')}/spec.json", {**spec, "run": "m4g"})
    assert not remove(shop.work, judged).may_go
    assert os.path.isdir(shop.work.store.clone("k3f"))


def test_what_a_full_disk_did_not_take_is_not_taken_for_collected(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.clone("k3f")
    ended(shop, "k3f")
    really = subprocess.run

    def run(words: list[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
        if "add" not in words:
            return really(words, **more)
        said = b"error: unable to write file: No space left on device\nerror: unable to index file 'new'\n"
        return subprocess.CompletedProcess(words, 1, b"", said)

    monkeypatch.setattr("pancode.engine.trusted_git.subprocess.run", run)
    with pytest.raises(PanError, match="No space left on device"):
        shop.collect("k3f")
    assert not clones(shop.work)[0].may_go
    assert any("No space left" in line for line in unmerged_lines(shop.work.places))


def test_a_pipe_in_the_place_of_a_ref_keeps_nobody_waiting(shop: Shop) -> None:
    clone = shop.clone("k3f")
    head = clone / ".git" / "refs" / "heads" / "pancode" / "k3f"
    head.unlink()
    os.mkfifo(head)
    done: list[bool] = []
    isolation = (files.read_json(f"{shop.work.folder('k3f')}/spec.json") or {})["isolation"]
    looking = threading.Thread(
        target=lambda: done.append(_is_untouched(str(clone), "k3f", isolation["base"])), daemon=True
    )
    looking.start()
    looking.join(20)
    assert done == [False]
    assert sh("ls", clone)


def later(shop: Shop, run: str, **isolation: object) -> dict[str, Any]:
    """Write down a run that goes on in the clone of k3f."""
    first = files.read_json(f"{shop.work.folder('k3f')}/spec.json") or {}
    mine = {**first["isolation"], **isolation}
    os.makedirs(shop.work.folder(run))
    spec = {"run": run, "created": float(len(shop.work.names())), "isolation": mine}
    files.write_json(f"{shop.work.folder(run)}/spec.json", spec)
    return mine


def test_a_later_run_of_a_conversation_is_collected_after_a_crash_too(shop: Shop) -> None:
    shop.run("k3f", "echo worker > new")
    later(shop, "m4g", continues="k3f")
    isolation = Isolation(shop.work.places, lambda: shop.environment, print)
    assert isolation.uncollected() == ["m4g"]


def test_a_removed_clone_is_made_anew_by_one_run_alone(shop: Shop) -> None:
    shop.run("k3f", "true")
    shop.work.store.remove_clone("k3f")
    isolation = Isolation(shop.work.places, lambda: shop.environment, print)
    one, two = later(shop, "m4g", base=None), later(shop, "a2b", base=None)
    assert [isolation.taken_by("m4g", one), isolation.taken_by("a2b", two)] == [None, "m4g"]
    ended(shop, "m4g")
    assert isolation.taken_by("a2b", two) is None
    os.makedirs(shop.work.store.clone("k3f"))
    made = files.read_json(f"{shop.work.folder('m4g')}/spec.json") or {}
    made["isolation"]["base"] = "b" * 40
    files.write_json(f"{shop.work.folder('m4g')}/spec.json", made)
    assert isolation.taken_by("a2b", two) == "m4g"


def test_what_one_question_was_promised_holds_after_another_one_failed() -> None:
    class Failing:
        good = True

        def can(self, _: str) -> bool:
            return self.good

        async def keep(self, _: str, __: str) -> None:
            raise OSError

    rescue, keeper = Rescue(), Failing()
    rescue.use(keeper)
    assert rescue.promise("k3f", "a1")
    keeper.good = False
    assert rescue.owes("k3f", "a1")
    assert not rescue.promise("k3f", "a2")
    assert not rescue.owes("k3f", "a2")


def test_a_file_that_is_ignored_after_all_is_in_no_further_clone(shop: Shop) -> None:
    (shop.root / "keep.log").write_text("committed though ignored\n")
    sh(f"git add -f keep.log && git {WHO} commit -qm more", shop.root)
    (shop.root / ".env").write_text("KEY=1\n")
    assert (shop.clone("aaa") / ".env").exists()
    (shop.root / ".gitignore").write_text("*.log\nbuild/\n.env\n")
    clone = shop.clone("bbb")
    assert not (clone / ".env").exists()
    assert (clone / "keep.log").exists()
    assert shop.read(".env") == "KEY=1\n"


def test_an_undo_that_was_killed_in_the_middle_is_gone_on_with(shop: Shop) -> None:
    left = shop.run("k3f", "echo x > new; rm gone; echo y > run.sh")
    shop.merges.merge(left.run)
    (shop.root / "new").unlink()
    (shop.root / "gone").write_text("to be deleted\n")
    assert shop.merges.undo(left.run).fate is Fate.OPEN
    assert shop.status() == []


def decided(shop: Shop, run: str, days: float) -> None:
    """Let it be so long ago that the run's changes were decided about."""
    at = time.time() - days * 86_400
    os.utime(f"{shop.work.folder(run)}/changes.json", (at, at))


def test_only_what_was_decided_long_ago_is_removed_and_its_patch_stays(shop: Shop) -> None:
    work, bare = shop.work, shop.work.store.bare
    shop.run("aaa", "printf 'old text' > one")
    shop.run("bbb", "echo 2 > two")
    shop.run("ccc", "echo 3 > three")
    shop.run("ddd", "echo 4 > four")
    live = shop.clone("eee")
    (live / "five").write_text("5\n")
    for run in ("aaa", "bbb"):
        shop.merges.discard(run)
    shop.merges.merge("ddd")
    for run in ("aaa", "bbb", "ccc", "ddd"):
        if run != "ccc":
            work.store.remove_clone(run)
        decided(shop, run, 1 if run == "bbb" else 40)
    checkpoint(shop, "fff")
    ended(shop, "fff")
    blob = bare.run("rev-parse", "refs/pancode/aaa/result:one").strip()
    for directory, _, names in os.walk(f"{work.store.git_dir}/objects"):
        for name in names:
            os.utime(os.path.join(directory, name), (1e9, 1e9))
    before = time.time() - 30 * 86_400
    with work.store.writing(), pytest.raises(PanError, match="under way"):
        prune(work, old(work, before), before)
    found = old(work, before)
    assert [one.run for one in found] == ["aaa", "ddd", None]
    assert found[2].what == "1 checkpoint"
    bare.run("update-ref", "refs/heads/also-kept", "refs/pancode/ddd/result")  # As by another run.
    prune(work, found, before)
    assert old(work, before) == []
    assert bare.raw("cat-file", "-e", blob, fine=(0, 1)).returncode == 1
    assert not bare.run("for-each-ref", "refs/pancode/held")
    assert shop.merges.undo("bbb").fate is Fate.OPEN
    for run in ("bbb", "ccc"):
        assert shop.merges.merge(run).fate is Fate.MERGED
    assert shop.collect("eee").files == 1, "a clone from before can still be collected"
    shop.clone("ggg")
    for refused in (
        lambda: shop.merges.undo("aaa"),
        lambda: shop.merges.undo("ddd"),
        lambda: restore(shop, "fff"),
    ):
        with pytest.raises(PanError, match="is not kept any more"):
            refused()
    with tempfile.TemporaryFile() as file:
        work.print_patch(work.changes("aaa"), file)
        file.seek(0)
        assert b"+old text" in file.read()
