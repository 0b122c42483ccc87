"""The only door to git."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

from pancode.core.errors import ExitCode, PanError
from pancode.engine.files import lack_of_space
from pancode.engine.held import descriptors

SECONDS = 30.0
"""No git command here takes longer, short of a disk that hangs."""


def run(directory: str, *words: str, given: str | None = None, index: str | None = None) -> str:
    """Run git in `directory` and give its standard output; PanError with git's last line if it fails.

    Neither the user's nor the machine's configuration is read, and no hook is run. `given` is its standard
    input, `index` a file in the place of the repository's index.
    """
    git = shutil.which("git")
    if git is None:
        raise PanError("git is missing", remedy="apt-get install git", code=ExitCode.PREREQUISITE)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": directory,
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    if index is not None:
        environment["GIT_INDEX_FILE"] = index
    try:
        done = subprocess.run(
            [git, "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", *words],
            cwd=directory, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
            input=given or "", errors="surrogateescape", pass_fds=descriptors(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PanError(
            f"git {words[0]} took longer than {SECONDS:g} s in {directory}",
            remedy="see whether the disk answers, and ask again",
            code=ExitCode.ENVIRONMENT,
        ) from None
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
        # Advice follows the reason, such as how to remove a lock.
        said = next((line for line in lines if line.startswith("fatal: ")), lines[-1])
        remedy = lack_of_space(directory)
        raise PanError(f"git {words[0]} failed: {said}", remedy=remedy, code=ExitCode.ENVIRONMENT)
    return done.stdout


def make_repository(directory: str, files: dict[str, str]) -> None:
    """Make a repository with one commit that holds `files` (path in it -> text)."""
    os.makedirs(directory)
    for name, text in files.items():
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    run(directory, "init", "--quiet", "--initial-branch=main")
    run(directory, "add", "--all")
    who = ("-c", "user.name=PanCode demo", "-c", "user.email=demo@localhost")
    run(directory, *who, "commit", "--quiet", "--message=The shop, with a bug in its prices")


def settings(directory: str, environment: Mapping[str, str], pattern: str) -> dict[str, str]:
    """Read the settings whose names match `pattern` as the operator has them; the last one of a name counts.

    `environment` is the operator's: where their own configuration lies comes from it.
    """
    git = shutil.which("git") or "git"
    names = ("PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL")
    known = {name: environment[name] for name in names if name in environment}
    done = subprocess.run(
        [git, "config", "--null", "--get-regexp", pattern],
        cwd=directory, env={"PATH": os.defpath, **known}, capture_output=True, timeout=SECONDS, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    pairs = (
        line.partition("\n") for line in done.stdout.decode(errors="surrogateescape").split("\0") if line
    )
    return {name: value for name, _, value in pairs}
