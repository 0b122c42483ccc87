"""Git on a worker's directory: with a git directory of ours, so that nothing the worker wrote is obeyed.

A repository in a directory that a worker can write to is never discovered: its `.git` may name a
configuration whose fsmonitor, hooks, filters or pagers would run outside of the sandbox.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pancode.core.errors import ExitCode, PanError
from pancode.engine.files import lack_of_space
from pancode.engine.held import descriptors

SECONDS = 120.0
"""A first snapshot reads every file once; a push may talk to a slow remote."""
_OBEYED_BY_NOBODY = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    f"core.excludesFile={os.devnull}",
    "core.pager=cat",
    "diff.external=",
    "submodule.recurse=false",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
)
WHO = {
    "GIT_AUTHOR_NAME": "PanCode",
    "GIT_AUTHOR_EMAIL": "pancode@localhost",
    "GIT_COMMITTER_NAME": "PanCode",
    "GIT_COMMITTER_EMAIL": "pancode@localhost",
}
"""Who makes the commits that nobody else has made."""
_EMPTY = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The tree without anything, by the length of its id."""


Identity = tuple[int, int, int] | None
"""Of a file: inode, time of change, size; None where there is none."""
_DISK = (b"No space left on device", b"Disk quota exceeded", b"Input/output error", b"Read-only file system")
"""What a disk says that doesn't take, or give, what git wants to keep."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """A git directory that no worker can write to, looking at a work tree that one can.

    `index` is where what is known of the work tree is kept; None: in the git directory itself.
    """

    git_dir: str
    work_tree: str
    index: str | None = None

    def run(self, *words: str, env: dict[str, str] | None = None, fine: tuple[int, ...] = (0,)) -> str:
        """Run git and give its standard output; PanError with its last line if it fails.

        `env` adds variables, such as those that a push needs to reach the operator's credentials; an exit
        status in `fine` is no failure.
        """
        return self.raw(*words, env=env, fine=fine).stdout.decode(errors="replace")

    def raw(
        self,
        *words: str,
        env: dict[str, str] | None = None,
        fine: tuple[int, ...] = (0,),
        given: bytes | None = None,
        to: BinaryIO | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git with `given` as its standard input; its output goes to the file `to`, or comes back."""
        settings = [word for setting in _OBEYED_BY_NOBODY for word in ("-c", setting)]
        try:
            done = subprocess.run(
                [_git(), *settings, *words],
                cwd=self.work_tree, env=self._environment() | (env or {}), input=given or b"",
                stdout=subprocess.PIPE if to is None else to, stderr=subprocess.PIPE,
                timeout=SECONDS, check=False, pass_fds=descriptors(),
            )  # fmt: skip
        except (subprocess.TimeoutExpired, OSError) as error:
            raise PanError(f"git {words[0]} failed: {error}", code=ExitCode.ENVIRONMENT) from None
        if to is not None and done.returncode == -signal.SIGPIPE:
            raise BrokenPipeError  # Who reads has seen enough.
        if done.returncode not in fine:
            words_said = (
                done.stderr.strip() or (done.stdout or b"").strip() or b"no reason given"
            ).splitlines()
            said = words_said[-1].decode(errors="replace")
            remedy = lack_of_space(self.git_dir, self.work_tree)
            raise PanError(f"git {words[0]} failed: {said}", remedy=remedy, code=ExitCode.ENVIRONMENT)
        return done

    def _environment(self) -> dict[str, str]:
        found = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C",
            "HOME": self.git_dir,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            # Named, each: what is named is not looked for, and a planted `commondir` is not read.
            "GIT_DIR": self.git_dir,
            "GIT_COMMON_DIR": self.git_dir,
            "GIT_WORK_TREE": self.work_tree,
        }
        return found if self.index is None else found | {"GIT_INDEX_FILE": self.index}

    def tree(self) -> str:
        """Write what the work tree holds, tracked or not, as a tree and give its id, as `look` does."""
        return self.look()[0]

    def look(self, leave_out: Sequence[str] = (), known: str | None = None) -> tuple[str, bool]:
        """Write what the work tree holds, tracked or not, as a tree; give its id, and whether it is plain.

        Files that `.gitignore` names are left out, and so are changes of the paths `leave_out`. A repository
        inside of the work tree counts as the files that it holds: its commits are not to be found later; a
        tree without one is plain. The work tree and its own index are not touched. `known` is what was given
        last if that was plain: it is given again if nothing has changed since.
        """
        own = self.index or os.path.join(self.git_dir, "index")
        before = identity(own)
        words = ["add", "--all", "--ignore-errors"]
        if leave_out:
            words += ["--", ":(top)", *(f":(top,exclude,literal){path}" for path in leave_out)]
        # What can't be read, or has no commit, costs only itself.
        done = self.raw(*words, fine=(0, 1))
        if any(word in done.stderr for word in _DISK):
            said = done.stderr.strip().splitlines()[0].decode(errors="replace")
            remedy = lack_of_space(self.git_dir)
            raise PanError(f"git add failed: {said}", remedy=remedy, code=ExitCode.ENVIRONMENT)
        if known is not None and done.returncode == 0 and identity(own) == before:
            return known, True
        links = self._links()
        if done.returncode == 1:
            links += [path for path in nested(self.work_tree) if path not in links]
        inner = [path for path in links if os.path.lexists(os.path.join(self.work_tree, path, ".git"))]
        return self._with_inner(inner) if inner else self.run("write-tree").strip(), not links

    def _links(self) -> list[str]:
        """Give the paths that the index has as the commit of another repository."""
        lines = self.raw("ls-files", "--stage", "-z").stdout.split(b"\0")
        return [os.fsdecode(line.partition(b"\t")[2]) for line in lines if line.startswith(b"160000 ")]

    def _with_inner(self, paths: Sequence[str]) -> str:
        own = self.index or os.path.join(self.git_dir, "index")
        whole = Trusted(self.git_dir, self.work_tree, f"{own}.whole")
        shutil.copyfile(own, f"{own}.whole")
        for number, path in enumerate(paths):
            inner = Trusted(self.git_dir, os.path.join(self.work_tree, path), f"{own}.{number}")
            tree = inner.tree()
            whole.run("update-index", "--force-remove", "--", path)
            if tree != _EMPTY.get(len(tree)):
                whole.run("read-tree", f"--prefix={path}/", tree)
        return whole.run("write-tree").strip()

    def commit(self, tree: str, message: str, parents: Sequence[str] = ()) -> str:
        """Make a commit of `tree` and give its id; no ref keeps it yet."""
        words = [word for parent in parents for word in ("-p", parent)]
        return self.run("commit-tree", tree, *words, "-m", message, env=WHO).strip()

    def snapshot(self, message: str, ref: str) -> str:
        """Keep every file of the work tree, tracked or not, as a commit under `ref`; give its id.

        Files that `.gitignore` names are left out. The work tree and its own index are not touched.
        """
        commit = self.commit(self.tree(), message)
        self.run("update-ref", ref, commit)
        return commit

    def changed_since(self, commit: str) -> list[tuple[str, str]]:
        """Give (letter, path) of what differs from `commit` now: A added, M modified, D deleted, T type."""
        words = ("diff-tree", "-r", "-z", "--name-status", "--no-renames")
        told = self.run(*words, commit, self.tree()).split("\0")
        return list(zip(told[0:-1:2], told[1::2], strict=True))


def make_trusted(git_dir: str, work_tree: str) -> Trusted:
    """Give the trusted git directory at `git_dir` (made if it is missing) for `work_tree`."""
    trusted = Trusted(git_dir, work_tree)
    if not os.path.exists(os.path.join(git_dir, "HEAD")):
        os.makedirs(git_dir, mode=0o700, exist_ok=True)
        trusted.run("init", "--quiet")
    return trusted


def identity(path: str) -> Identity:
    """Give what changes whenever git writes the file anew."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def nested(work_tree: str) -> list[str]:
    """Give the directories below `work_tree` that are repositories of their own, or say so."""
    found = []
    for directory, names, files in os.walk(work_tree):
        names[:] = [name for name in names if name != ".git" or directory != work_tree]
        if directory != work_tree and ".git" in (*names, *files):
            found.append(os.path.relpath(directory, work_tree))
            names[:] = []
    return found


def _git() -> str:
    git = shutil.which("git")
    if git is None:
        raise PanError("git is missing", remedy="apt-get install git", code=ExitCode.PREREQUISITE)
    return git
