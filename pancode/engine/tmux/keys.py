"""Brings the operator's key presses from tmux to the controller: in order, none lost, none twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pancode.engine.tmux.conf import CHANNEL
from pancode.engine.tmux.control import Control
from pancode.engine.tmux.failure import TmuxError

RETRY_SECONDS = 0.1
"""Pause after a refused or lost wait; the letters stay in tmux meanwhile."""


@dataclass(slots=True)
class KeyTape:
    """Reads @pancode_keys: "3:mma" is generation 3 with three letters; only what is new comes out.

    Keys append letters, `erasing` replaces the tape by an empty one of the next generation, but
    only in the server and only if nothing was appended meanwhile. So a letter is never lost, and a
    generation tells a fresh tape from one that merely grew.

    >>> tape = KeyTape()
    >>> tape.read("1:mm"), tape.read("1:mma"), tape.read("1:mma"), tape.read("2:s")
    ('mm', 'a', '', 's')
    """

    generation: str = ""
    letters: str = ""

    def read(self, text: str) -> str:
        """Give the letters that were not given before."""
        generation, _, letters = text.partition(":")
        known = self.letters if generation == self.generation else ""
        self.generation, self.letters = generation, letters
        return letters[len(known) :]

    def erasing(self) -> list[str]:
        """Give the command that empties the tape unless it has grown; empty for an empty tape."""
        if not self.letters:
            return []
        following = int(self.generation) + 1 if self.generation.isdecimal() else 1
        if not (self.generation.isdecimal() and self.letters.isascii() and self.letters.isalpha()):
            # Not from a key: somebody set the option by hand, so nothing of it may get into a format.
            return ["set", "-g", "@pancode_keys", f"{following}:"]
        unchanged = f"#{{==:#{{@pancode_keys}},{self.generation}:{self.letters}}}"
        return ["if-shell", "-F", unchanged, f"set -g @pancode_keys {following}:"]


async def key_letters(control: Control) -> AsyncIterator[str]:
    """Give each letter of a pressed key (m mode, a admin, s safety) until the server has ended.

    `control` is a connection of its own, as waiting blocks it. Letters that were pressed while no
    controller was there come first.
    """
    tape = KeyTape()
    # A connection that was lost while it waited stays a waiter for tmux and would swallow a wake, be it
    # ours or that of a controller before us. So each beginning wakes whoever is there.
    rouse = [["wait-for", "-S", CHANNEL]]
    before = rouse
    while True:
        try:
            lines = await control.chain(
                [*before, ["display-message", "-p", "#{@pancode_keys}"]], seconds=None
            )
        except TmuxError:
            if control.is_gone:
                return
            await asyncio.sleep(RETRY_SECONDS)
            before = rouse
            continue
        before = [["wait-for", CHANNEL]]
        letters = tape.read(lines[-1] if lines else "")
        erasing = tape.erasing()
        if erasing:
            try:
                await control.command(*erasing)
            except TmuxError:
                before = rouse
        for letter in letters:
            yield letter
