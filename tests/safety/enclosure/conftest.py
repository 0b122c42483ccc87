"""A project, a home and `pancode sandbox exec` in them, as root and as somebody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.worker.sandboxes import PACKAGES, USER, become, python_for, works

SECRET = "the-key-of-the-operator"


@dataclass(frozen=True)
class Box:
    """A directory `base` with `home` and `tree`, and whose they are."""

    base: Path
    uid: int

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def tree(self) -> Path:
        return self.base / "tree"

    @property
    def environment(self) -> dict[str, str]:
        """What a command of the operator's finds; PanCode's own packages for an interpreter of the system."""
        node = os.path.dirname(shutil.which("node") or "/usr/bin/node")
        return {
            "HOME": str(self.home),
            "PATH": os.pathsep.join(dict.fromkeys([node, "/usr/local/bin", "/usr/bin", "/bin"])),
            "LANG": "C.UTF-8",
            "PYTHONPATH": PACKAGES,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def outside(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command as its owner, in no sandbox."""
        return subprocess.run(
            [*become(self.uid), *words], cwd=self.tree, env=self.environment | more, text=True,
            capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def pancode(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a verb as the owner."""
        python = python_for(self.uid)
        assert python is not None
        return self.outside(python, "-m", "pancode.cli.main", *words, **more)

    def inside(self, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command in the sandbox of a worker that may write, unless the options say otherwise."""
        return self.pancode("sandbox", "exec", *options, "--", *command)

    def shell(self, script: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a script of bash inside; fail if it never began, as then nothing would be shown by it."""
        done = self.inside("bash", "-c", f"echo begun >&2\n{script}", options=options)
        assert "begun\n" in done.stderr, done.stderr
        done.stderr = done.stderr.replace("begun\n", "", 1)
        return done

    def put(self, path: str, text: str) -> Path:
        """Write a file of the owner's."""
        place = self.base / path
        missing = [each for each in place.parents if not each.exists()]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        for each in (*missing, place):
            os.chown(each, self.uid, self.uid)
        return place

    def git(self, *words: str) -> str:
        """Run git outside, as the owner, and give what it says."""
        done = self.outside("git", "-c", "user.name=A", "-c", "user.email=a@b.c", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout


def owners() -> list[int]:
    return [0, USER] if os.getuid() == 0 else [os.getuid()]


def name_of(uid: int) -> str:
    return "root" if uid == 0 else "user"


@pytest.fixture
def make_box() -> Iterator[Callable[[int], Box]]:
    made: list[Path] = []

    def make(uid: int) -> Box:
        if not works():
            pytest.skip("needs a working bubblewrap")
        if python_for(uid) is None:
            pytest.skip("no interpreter that this user can run")
        base = Path(tempfile.mkdtemp(prefix="pancode-box-", dir="/var/tmp"))
        made.append(base)
        os.chown(base, uid, uid)
        box = Box(base, uid)
        box.put("home/.ssh/id_ed25519", SECRET)
        box.put("home/.gitconfig", "[user]\n\tname = Ann\n\temail = ann@example.org\n")
        box.put("tree/README", "read me\n")
        box.git("init", "--quiet", "--initial-branch=main")
        box.git("add", "--all")
        box.git("commit", "--quiet", "-m", "first")
        return box

    yield make
    for base in made:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(params=owners(), ids=name_of)
def box(request: pytest.FixtureRequest, make_box: Callable[[int], Box]) -> Box:
    return make_box(request.param)
