"""Git on a worker's directory: with a git directory of ours, so that nothing the worker wrote is obeyed.

A repository in a directory that a worker can write to is never discovered: its `.git` may name a
configuration whose fsmonitor, hooks, filters or pagers would run outside of the sandbox.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

from pancode.core.errors import ExitCode, PanError

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


@dataclass(frozen=True, slots=True)
class Trusted:
    """A git directory that no worker can write to, looking at a work tree that one can."""

    git_dir: str
    work_tree: str

    def run(self, *words: str, env: dict[str, str] | None = None) -> str:
        """Run git and give its standard output; PanError with its last line if it fails.

        `env` adds variables, such as those that a push needs to reach the operator's credentials.
        """
        environment = {
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
            **(env or {}),
        }
        settings = [word for setting in _OBEYED_BY_NOBODY for word in ("-c", setting)]
        done = subprocess.run(
            [_git(), *settings, *words],
            cwd=self.work_tree, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
            raise PanError(f"git {words[0]} failed: {said}", code=ExitCode.ENVIRONMENT)
        return done.stdout

    def snapshot(self, message: str, ref: str) -> str:
        """Keep every file of the work tree, tracked or not, as a commit under `ref`; give its id.

        Files that `.gitignore` names are left out. The work tree and its own index are not touched.
        """
        self.run("add", "--all", "--ignore-errors")
        tree = self.run("write-tree").strip()
        who = {
            "GIT_AUTHOR_NAME": "PanCode",
            "GIT_AUTHOR_EMAIL": "pancode@localhost",
            "GIT_COMMITTER_NAME": "PanCode",
            "GIT_COMMITTER_EMAIL": "pancode@localhost",
        }
        commit = self.run("commit-tree", tree, "-m", message, env=who).strip()
        self.run("update-ref", ref, commit)
        return commit

    def changed_since(self, commit: str) -> list[tuple[str, str]]:
        """Give (letter, path) of what differs from `commit` now: A added, M modified, D deleted, T type."""
        self.run("add", "--all", "--ignore-errors")
        told = self.run("diff-index", "--cached", "--name-status", "--no-renames", "-z", commit).split("\0")
        return list(zip(told[0:-1:2], told[1::2], strict=True))


def make_trusted(git_dir: str, work_tree: str) -> Trusted:
    """Give the trusted git directory at `git_dir` (made if it is missing) for `work_tree`."""
    trusted = Trusted(git_dir, work_tree)
    if not os.path.exists(os.path.join(git_dir, "HEAD")):
        os.makedirs(git_dir, mode=0o700, exist_ok=True)
        trusted.run("init", "--quiet")
    return trusted


def shared_clone(git_dir: str, to: str) -> None:
    """Clone a repository's work tree to `to`, borrowing the objects of `git_dir` without copying them.

    The clone's own `.git` takes what is written there; the original is only read.
    """
    done = subprocess.run(
        [_git(), "-c", f"core.hooksPath={os.devnull}", "clone", "--quiet", "--shared", "--", git_dir, to],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": os.path.dirname(to),
             "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise PanError(f'can\'t clone "{git_dir}": {said}', code=ExitCode.ENVIRONMENT)


def _git() -> str:
    git = shutil.which("git")
    if git is None:
        raise PanError("git is missing", remedy="apt-get install git", code=ExitCode.PREREQUISITE)
    return git
