"""The command pane's process: a prompt for verbs and for Panos; his answers and the runs' news above it."""

from __future__ import annotations

import contextlib
import os
import readline
import signal
import sys
import threading
from collections import deque

from pancode.domains.ui import editing
from pancode.domains.ui.pasting import Pastes, bind

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` and `dataclasses` would keep the prompt waiting.
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

_NUDGE_S = 0.2
"""How often waiting news knock again: a signal that comes while a key is handled is noticed only later."""
_KEPT_LINES = 50
_IMPORTS_S = 5.0
"""What the listener's imports take at most, on a machine that is busy with other things."""


class Hands:
    """What the prompt has done for it; each may take its time, raises nothing, and tells on the terminal."""

    def __init__(
        self,
        known_verbs: Callable[[], list[str]],
        carry_out: Callable[[Sequence[str]], None],
        talk: Callable[[str], None],
        context: Callable[[], Mapping[str, Any] | None],
    ) -> None:
        """`talk` says something to Panos; `context` gives the context meter and says nothing."""
        self.known_verbs = known_verbs
        self.carry_out = carry_out
        self.talk = talk
        self.context = context


class Console:
    """The prompt. Only the main thread reads and writes; the listener hands it lines and knocks."""

    def __init__(self, hands: Hands) -> None:
        """Do nothing slow: the prompt comes first."""
        self.hands = hands
        self.pastes = Pastes()
        self._news: deque[str] = deque()
        self._told = threading.Event()
        self.imported = threading.Event()
        self._typing = False
        self.takes_interrupts = False
        self.was_empty = False
        """Whether nothing was typed when ^C came."""
        self.turn: str | None = None
        """Panos's turn that is under way."""
        self.verbs: list[str] = []
        self.agents: set[str] = {"shell"}
        self.runs: list[str] = []
        self._matches: list[str] = []
        self._typed: deque[str] = deque(maxlen=_KEPT_LINES)

    def has_typed(self, text: str) -> bool:
        """Whether a text was typed in this pane of late, while no turn was under way that it waited for.

        Called by the listener: what is told of a text has no secrets, and taking them out is a slow import.
        """
        from pancode.core.redact import redact

        return any(redact(line).rstrip().rstrip("'\"").endswith(text) for line in tuple(self._typed))

    def note(self, line: str) -> None:
        """Know a line that was typed here and is obeyed at once."""
        if self.turn is None or line.startswith(("!", "@")):
            self._typed.append(line)

    def tell(self, line: str) -> None:
        """Show lines above the prompt; called by the listener, returns when they are shown."""
        self._news.append(line)
        self._told.clear()
        while self._news:
            if self._typing:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            self._told.wait(_NUDGE_S)

    def show(self, text: str) -> None:
        """Show a text above the line that is being typed; called by the main thread."""
        from pancode.domains.ui.answers import clean_line

        self._news.extend(clean_line(line) for line in text.splitlines())
        self.show_news()

    def show_news(self, *_: object) -> None:
        """Print what has come; as a signal handler it interrupts readline between two keys only."""
        if not self._news:
            return
        text = ""
        with contextlib.suppress(IndexError):
            while True:
                text += self._news.popleft() + "\n"
        if self._typing:
            text = editing.clear_line(_columns()) + text
        sys.stdout.write(text)
        sys.stdout.flush()
        if self._typing:
            editing.draw_prompt()
        self._told.set()

    def interrupt(self, *_: object) -> None:
        """Raise KeyboardInterrupt for ^C while there is a line or a verb to be interrupted, and only then."""
        if self.takes_interrupts:
            self.was_empty = self._typing and not readline.get_line_buffer().strip()
            raise KeyboardInterrupt

    def read(self) -> str | None:
        """Give the next line; None for ^D. KeyboardInterrupt for ^C."""
        self.show_news()
        self._typing = True
        try:
            return editing.read(self.pastes)
        except EOFError:
            return None
        finally:
            self._typing = False

    def complete(self, text: str, state: int) -> str | None:
        """Complete for readline: the verb, /command, @agent, or a run's id."""
        if state == 0:
            self._matches = self._candidates(text, readline.get_begidx())
        return self._matches[state] if state < len(self._matches) else None

    def _candidates(self, text: str, begin: int) -> list[str]:
        if text.startswith("@"):
            return sorted(f"@{agent} " for agent in self.agents if agent.startswith(text[1:]))
        if begin == 0 and text.startswith("/") and self.imported.is_set():
            from pancode.domains.ui import slash

            return [f"{name} " for name in slash.names(self.verbs) if name.startswith(text)]
        words = [f"{verb} " for verb in self.verbs] if begin == 0 else [f"{run} " for run in self.runs]
        if readline.get_line_buffer()[:begin].endswith("--agent "):
            words = sorted(f"{agent} " for agent in self.agents)
        return [word for word in words if word.startswith(text)]


def _columns() -> int:
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 80


def main(hands: Hands) -> None:
    """Prompt, carry out, prompt again, until the pane is closed."""
    console = Console(hands)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Also where whoever started tmux ignores it, as nohup does.
    signal.signal(signal.SIGUSR1, console.show_news)
    signal.signal(signal.SIGINT, console.interrupt)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    readline.set_completer(console.complete)
    readline.set_completer_delims(" ")
    readline.set_history_length(editing.KEPT)
    editing.bind_keys()
    _start_listening(console)
    while True:
        console.takes_interrupts = True
        console.was_empty = False
        try:
            line = console.read()
            if line is None and not os.isatty(0):
                return
            _obey(console, line)
        except (KeyboardInterrupt, SystemError):
            # The latter where news came with the same ^C: Python then finds one exception upon the other.
            console.takes_interrupts = False
            print()  # noqa: T201 -- a terminal program
            if console.was_empty and console.turn is not None:
                hands.carry_out(("stop", "--detach", console.turn))


def _start_listening(console: Console) -> None:
    """Start the listener deaf to signals: one that it took would not wake the prompt, and ^C would wait."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    threading.Thread(target=_listen, args=(console,), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _obey(console: Console, line: str | None) -> None:
    # Two threads that import the same modules at once may see a half-made one (dataclasses and typing).
    console.imported.wait(_IMPORTS_S)
    from pancode.domains.ui import commands
    from pancode.domains.ui.text import folded

    if line is None:
        print("\n" + folded(commands.LEAVING, _columns()))  # noqa: T201 -- a terminal program
        return
    if not line.strip():
        return
    whole = console.pastes.whole(line)
    console.note(whole)
    editing.remember(_history(), console.pastes.written(line))
    console.verbs = console.verbs or console.hands.known_verbs()
    if console.pastes.is_pasted(line):
        console.hands.talk(whole)
        return
    match commands.meaning(whole, console.verbs):
        case commands.Say(text=text):
            print(folded(text, _columns()))  # noqa: T201 -- a terminal program
        case commands.Talk(text=text):
            console.hands.talk(text)
        case commands.Words(words=words):
            console.hands.carry_out(words)


def _history() -> str:
    from pancode.engine import places

    return os.path.join(places.find().state, "console_history")


def _listen(console: Console) -> None:
    """Follow the session for ever, in a thread of its own, which also does the slow imports."""
    from pancode.core.errors import PanError
    from pancode.domains.ui.listening import follow_session
    from pancode.engine import places

    console.imported.set()
    try:
        here = places.find()
    except PanError as error:
        console.tell(f"pancode: {error}")
        return
    editing.trim(_history())
    editing.load_history(_history(), console.pastes)
    if not editing.is_libedit():
        bind(console.pastes, console.show)
    console.verbs = console.hands.known_verbs()
    follow_session(console, here.socket, here.runs, _columns)
