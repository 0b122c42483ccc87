"""Branches, names and checkpoints of the conversation. Nothing that was said is ever taken away by them."""

from __future__ import annotations

from collections.abc import Callable

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args
from pancode.domains.panos.book import Book, Checkpoint, Conversation, line
from pancode.domains.panos.thread import Said, thread

LONGEST_LABEL = 60
NATIVE = "native"


class Branches:
    """Carries out `fork`, `name`, `checkpoint` and `restore` on the book."""

    def __init__(self, book: Book, runs: str, now: Callable[[], float], forks: Callable[[str], bool]) -> None:
        """`runs` is the directory of the runs' folders; `forks` says which runtimes branch by themselves."""
        self._forks = forks
        self._book = book
        self._runs = runs
        self._now = now

    def fork(self, args: Args) -> None:
        """Go on in a branch that begins after the turn `run`, or where the conversation stands."""
        now, run = self._current(), args.get("run")
        if run is None:
            self._begin(now.id, now.run, now.turns)
            return
        turns = thread(self._runs, now.run)
        found = [place for place, one in enumerate(turns) if one.run.startswith(str(run))]
        if len(found) != 1:
            raise PanError(
                f'the conversation has no turn "{run}"',
                remedy="pancode conversation tree lists them",
                code=ExitCode.NOT_FOUND,
            )
        self._begin(now.id, turns[found[0]].run, now.turns - len(turns) + found[0] + 1)

    def name(self, args: Args) -> None:
        """Give the conversation the title `title`."""
        self._current()
        self._book.name(_text(args, "title", "pancode conversation name TITLE"))

    def checkpoint(self, args: Args) -> None:
        """Keep where the conversation stands under `label`; one with this label is replaced."""
        now = self._current()
        label = line(_text(args, "label", "pancode conversation checkpoint LABEL"), LONGEST_LABEL)
        self._book.mark(Checkpoint(label, now.id, now.run, now.turns, self._now()))

    def restore(self, args: Args) -> None:
        """Go on from the checkpoint `label`: in its conversation if it stands there yet, else in a branch."""
        label = _text(args, "label", "pancode conversation restore LABEL")
        mark = next((one for one in self._book.checkpoints if one.label == label), None)
        if mark is None:
            raise PanError(
                f'there is no checkpoint "{label}"',
                remedy="pancode conversation checkpoint lists them",
                code=ExitCode.NOT_FOUND,
            )
        origin = next((one for one in self._book.all if one.id == mark.conversation), None)
        if origin is None:
            raise PanError(f"the conversation {mark.conversation} is not listed any more")
        if origin.run == mark.run:
            self._book.resume(origin.id)
        else:
            self._begin(origin.id, mark.run, mark.turns)

    def _current(self) -> Conversation:
        now = self._book.current
        if now is None:
            raise PanError(
                "no conversation is going on",
                remedy="pancode ask TEXT begins one, /resume goes on with an earlier one",
                code=ExitCode.CONFLICT,
            )
        return now

    def _begin(self, of: str, run: str, turns: int) -> None:
        last: Said | None = next(iter(thread(self._runs, run)[-1:]), None)
        if last is None:
            raise PanError(f"the folder of run {run} is not there any more", code=ExitCode.NOT_FOUND)
        if last.runtime != NATIVE:
            self._check(last.runtime, of, run)
        self._book.fork(of, run, turns, self._now())

    def _check(self, runtime: str, of: str, run: str) -> None:
        """Raise PanError REFUSED where the program that keeps a conversation can't branch it there."""
        if not self._forks(runtime):
            problem = f'"{runtime}" keeps one thread of each conversation, and has no branches'
            remedy = "those of native agents have, Panos among them; pancode ask --new begins another one"
            raise PanError(problem, remedy=remedy, code=ExitCode.REFUSED)
        if next(one for one in self._book.all if one.id == of).run != run:
            raise PanError(
                f'"{runtime}" keeps the conversation itself, and branches it only where it stands',
                remedy="pancode conversation fork, without a turn; native agents branch anywhere",
                code=ExitCode.REFUSED,
            )

    def begins(self, now: Conversation, runtime: str) -> bool:
        """Whether the next turn begins a branch that the runtime makes; PanError if it can't any more."""
        if runtime == NATIVE or now.forked is None or now.run != now.base:
            return False
        origin = next((one for one in self._book.all if one.id == now.forked), None)
        if origin is not None and origin.run != now.base:
            raise PanError(
                f'{now.forked} has gone on since, and "{runtime}" branches it only where it stands',
                remedy=f"/resume {now.forked}, and /fork again",
                code=ExitCode.CONFLICT,
            )
        return True


def _text(args: Args, name: str, remedy: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value.strip():
        raise PanError(f"a {name} is needed", remedy=remedy, code=ExitCode.USAGE)
    return " ".join(value.split())
