"""Asks for `build` as tests want them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pancode.core.grants import Grant, Level, Mode
from pancode.domains.safety.api import EnclosureAsk, Machine

FULL = Machine(sandbox="full", bwrap="/usr/bin/bwrap", landlock_abi=7, limits="rlimit")


def ask_in(base: Path, **more: Any) -> EnclosureAsk:
    """Give an ask for `base`/tree, with HOME `base`/home and a run `base`/run."""
    for name in ("tree", "home", "run"):
        (base / name).mkdir(exist_ok=True)
    given: dict[str, Any] = {
        "grant": Grant(Mode.BUILD, Level.AUTO_EDIT),
        "cwd": str(base / "tree"),
        "run_dir": str(base / "run"),
        "pancode_home": str(base / "pancode"),
        "environment": {"HOME": str(base / "home"), "PATH": "/usr/bin:/bin"},
        "machine": FULL,
    }
    return EnclosureAsk(**given | more)


def mounted(options: list[str], word: str) -> list[str]:
    """Give the targets of the mounts that `word` makes."""
    step = 1 if word in ("--tmpfs", "--remount-ro") else 2
    return [options[at + step] for at, each in enumerate(options) if each == word]
