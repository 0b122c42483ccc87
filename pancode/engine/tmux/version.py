"""Finds tmux and reads its version; says what to do where it is missing or too old."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

from pancode.core.errors import ExitCode, PanError

ASK_SECONDS = 5.0
"""`tmux -V` takes a millisecond; a machine that can't do it in this time is stuck."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A tmux release such as 3.3a; `text` is what tmux itself says."""

    major: int
    minor: int
    letter: str = ""
    text: str = ""

    @property
    def number(self) -> tuple[int, int, str]:
        """What decides which of two versions is newer."""
        return (self.major, self.minor, self.letter)


FLOOR = Version(3, 2, "a", "3.2a")
NEWEST = Version(99, 0, "", "newest")


def parse_version(text: str) -> Version:
    """Read what `tmux -V` prints; a version without a number (master, OpenBSD's) counts as the newest.

    >>> parse_version("tmux 3.3a").number, parse_version("tmux next-3.6").number
    ((3, 3, 'a'), (3, 6, ''))
    >>> parse_version("tmux openbsd-7.5").number == parse_version("tmux master").number
    True
    """
    name = text.strip().removeprefix("tmux").strip()
    found = re.fullmatch(r"(?:next-)?(\d+)\.(\d+)([a-z]?)(?:-rc\d*)?", name)
    if found is None:
        return Version(NEWEST.major, NEWEST.minor, "", name or "unknown")
    return Version(int(found[1]), int(found[2]), found[3], name)


def tmux_binary() -> str:
    """Give the path of tmux; raise PanError (PREREQUISITE) where there is none."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        found = os.path.join(folder, "tmux")
        if os.path.isfile(found) and os.access(found, os.X_OK):
            return found
    raise PanError(
        "tmux is missing; 3.2a or later is needed",
        remedy="apt-get install tmux, or see docs/start.md#tmux",
        code=ExitCode.PREREQUISITE,
    )


def require_tmux() -> Version:
    """Give the version of the installed tmux; raise PanError (PREREQUISITE) unless it is 3.2a or later."""
    binary = tmux_binary()
    try:
        asked = subprocess.run(
            [binary, "-V"], capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PanError(
            f'"{binary}" can\'t be started: {error}',
            remedy="install tmux again, or see docs/start.md#tmux",
            code=ExitCode.PREREQUISITE,
        ) from None
    if asked.returncode != 0 or not asked.stdout.strip():
        raise PanError(
            f'"{binary}" doesn\'t say its version: {(asked.stderr or asked.stdout).strip() or "no output"}',
            remedy="install tmux again, or see docs/start.md#tmux",
            code=ExitCode.PREREQUISITE,
        )
    version = parse_version(asked.stdout)
    if version.number < FLOOR.number:
        raise PanError(
            f"tmux {version.text} is too old; 3.2a or later is needed",
            remedy=f"{_upgrade_line()}, or see docs/start.md#tmux",
            code=ExitCode.PREREQUISITE,
        )
    return version


def _upgrade_line() -> str:
    release = _os_release()
    if release.get("ID") == "debian" and release.get("VERSION_CODENAME"):
        return f"apt-get install -t {release['VERSION_CODENAME']}-backports tmux"
    return "install a newer tmux"


def _os_release(path: str = "/etc/os-release") -> dict[str, str]:
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8", errors="replace") as file:
        pairs = [line.strip().partition("=") for line in file]
    return {key: value.strip('"') for key, _, value in pairs}
