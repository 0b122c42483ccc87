"""The controller's two lasting connections to tmux."""

from __future__ import annotations

from dataclasses import dataclass

from pancode.engine.tmux.control import Control


@dataclass(frozen=True, slots=True)
class Doors:
    """`main` sends everything; `keys` waits for key presses, which blocks it."""

    main: Control
    keys: Control
