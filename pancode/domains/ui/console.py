"""The command pane's process: a prompt whose lines are verbs, and the news of the runs above it."""

from __future__ import annotations

import contextlib
import os
import readline
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence

PROMPT = "> "
_HISTORY = 1000
_NUDGE_S = 0.2
"""How often waiting news knock again: a signal that comes while a key is handled is noticed only later."""
_IMPORTS_S = 5.0
"""What the listener's imports take at most, on a machine that is busy with other things."""
_CLEAR_LINE = "\r\x1b[K"


class Console:
    """The prompt. Only the main thread reads and writes; the listener hands it lines and knocks."""

    def __init__(
        self, known_verbs: Callable[[], list[str]], carry_out: Callable[[Sequence[str]], None]
    ) -> None:
        """Do nothing slow: the prompt comes first. Both functions may take their time, and raise nothing."""
        self.known_verbs = known_verbs
        self.carry_out = carry_out
        self._news: deque[str] = deque()
        self._told = threading.Event()
        self.imported = threading.Event()
        self._typing = False
        self.takes_interrupts = False
        self.verbs: list[str] = []
        self.agents: set[str] = {"shell"}
        self.runs: list[str] = []
        self._matches: list[str] = []

    def tell(self, line: str) -> None:
        """Show one line above the prompt; called by the listener, returns when it is shown."""
        self._news.append(line)
        self._told.clear()
        while self._news:
            if self._typing:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            self._told.wait(_NUDGE_S)

    def show_news(self, *_: object) -> None:
        """Print what has come; as a signal handler it interrupts readline between two keys only."""
        if not self._news:
            return
        text = ""
        with contextlib.suppress(IndexError):
            while True:
                text += self._news.popleft() + "\n"
        if self._typing:
            text = _CLEAR_LINE + text
        sys.stdout.write(text)
        sys.stdout.flush()
        if self._typing:
            _draw_prompt()
        self._told.set()

    def interrupt(self, *_: object) -> None:
        """Raise KeyboardInterrupt for ^C while there is a line or a verb to be interrupted, and only then."""
        if self.takes_interrupts:
            raise KeyboardInterrupt

    def read(self) -> str | None:
        """Give the next line; None for ^D. KeyboardInterrupt for ^C."""
        self.show_news()
        self._typing = True
        try:
            return input(PROMPT)
        except EOFError:
            return None
        finally:
            self._typing = False

    def complete(self, text: str, state: int) -> str | None:
        """Complete for readline: the verb, @agent, or a run's id."""
        if state == 0:
            self._matches = self._candidates(text, readline.get_begidx())
        return self._matches[state] if state < len(self._matches) else None

    def _candidates(self, text: str, begin: int) -> list[str]:
        if text.startswith("@"):
            return sorted(f"@{agent} " for agent in self.agents if agent.startswith(text[1:]))
        words = [f"{verb} " for verb in self.verbs] if begin == 0 else [f"{run} " for run in self.runs]
        if readline.get_line_buffer()[:begin].endswith("--agent "):
            words = sorted(f"{agent} " for agent in self.agents)
        return [word for word in words if word.startswith(text)]


def _draw_prompt() -> None:
    """Draw the prompt and the line being typed anew, with the cursor where it was."""
    import ctypes

    try:
        # The readline module has no name for it, but the library that it is linked with has.
        ctypes.CDLL(getattr(readline, "__file__", None)).rl_forced_update_display()
    except (OSError, AttributeError):
        sys.stdout.write(PROMPT + readline.get_line_buffer())
        sys.stdout.flush()


def _go_to_the_end_of_history() -> None:
    """Let Up find the latest line at a prompt that was there before the lines were read."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(getattr(readline, "__file__", None)).using_history()


def _is_libedit() -> bool:
    return "libedit" in (readline.__doc__ or "")


def main(known_verbs: Callable[[], list[str]], carry_out: Callable[[Sequence[str]], None]) -> None:
    """Prompt, carry out, prompt again, until the pane is closed."""
    console = Console(known_verbs, carry_out)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Also where whoever started tmux ignores it, as nohup does.
    signal.signal(signal.SIGUSR1, console.show_news)
    signal.signal(signal.SIGINT, console.interrupt)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    readline.set_completer(console.complete)
    readline.set_completer_delims(" ")
    readline.set_history_length(_HISTORY)
    readline.parse_and_bind("bind ^I rl_complete" if _is_libedit() else "tab: complete")
    _start_listening(console)
    while True:
        console.takes_interrupts = True
        try:
            line = console.read()
            if line is None and not os.isatty(0):
                return
            _obey(console, line)
        except KeyboardInterrupt:
            console.takes_interrupts = False
            print()  # noqa: T201 -- a terminal program


def _start_listening(console: Console) -> None:
    """Start the listener deaf to signals: one that it took would not wake the prompt, and ^C would wait."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    threading.Thread(target=_listen, args=(console,), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _obey(console: Console, line: str | None) -> None:
    # Two threads that import the same modules at once may see a half-made one (dataclasses and typing).
    console.imported.wait(_IMPORTS_S)
    from pancode.domains.ui import commands

    if line is None:
        print(f"\n{commands.LEAVING}")  # noqa: T201 -- a terminal program
        return
    if not line.strip():
        return
    _remember()
    console.verbs = console.verbs or console.known_verbs()
    wanted = commands.meaning(line, console.verbs)
    if isinstance(wanted, commands.Say):
        print(wanted.text)  # noqa: T201 -- a terminal program
    else:
        console.carry_out(wanted.words)


def _state() -> str:
    from pancode.engine import places

    return places.find().state


def _history() -> str:
    return os.path.join(_state(), "console_history")


def _remember() -> None:
    with contextlib.suppress(OSError):
        before = os.umask(0o077)
        try:
            readline.write_history_file(_history())
        finally:
            os.umask(before)


def _listen(console: Console) -> None:
    """Follow the session for ever, in a thread of its own, which also does the slow imports."""
    import shutil
    import time

    from pancode.core.errors import PanError
    from pancode.domains.ui.link import Link, follow
    from pancode.domains.ui.news import News
    from pancode.domains.ui.theme import wants_colour
    from pancode.engine import places

    console.imported.set()
    try:
        here = places.find()
    except PanError as error:
        console.tell(f"pancode: {error}")
        return
    with contextlib.suppress(OSError):
        readline.read_history_file(_history())
        _go_to_the_end_of_history()
    console.verbs = console.known_verbs()
    news, colour = News(), wants_colour(os.environ)
    for event in follow(Link(here.socket, time.time)):
        if event is None:
            continue
        width = shutil.get_terminal_size().columns
        lines = news.hear(event, time.time(), colour=colour, width=width)
        if news.fleet is not None:
            console.runs = list(news.fleet.rows)
            console.agents |= {row.agent for row in news.fleet.rows.values() if row.agent}
        for line in lines:
            console.tell(line)
