"""Tells people that they are asked: a popup, the terminal's bell, and a command of theirs."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.host import Host
from pancode.core.questions import told
from pancode.core.state import Question, Run, World
from pancode.domains.safety.rulefile import RuleFiles
from pancode.domains.safety.settings import SandboxSettings
from pancode.domains.safety.workers import note
from pancode.engine.tmux.doors import Doors
from pancode.engine.tmux.popups import Popups

NOTIFIER_S = 30.0
"""Seconds that the user's command gets."""
POPUP = (sys.executable, "-P", "-m", "pancode.domains.ui.popup")


class Announcer:
    """Hears of questions, and tells of them one way after the other."""

    def __init__(
        self,
        world: Callable[[], World],
        settings: Callable[[], SandboxSettings],
        popups: Popups,
        note: Callable[[str], None],
    ) -> None:
        """Show `popups`, by the `settings` of the moment; what goes wrong is told to `note`."""
        self._world = world
        self._settings = settings
        self._popups = popups
        self._note = note
        self._wake = asyncio.Event()
        self._new: list[ev.QuestionRaised] = []
        self._running: set[asyncio.Task[None]] = set()

    def on_question(self, event: ev.QuestionRaised) -> None:
        """Note a new question."""
        self._new.append(event)
        self._wake.set()

    def tell(self, sentence: str, about: Mapping[str, Any]) -> None:
        """Tell of something that needs no answer: the bell, and the user's command with `about` as JSON."""
        settings = self._settings()
        if self._world().session.attached and settings.bell:
            self._start(self._popups.ring())
        if settings.notifier is not None:
            argv = [*shlex.split(settings.notifier), sentence]
            self._start(self._told(argv, json.dumps(dict(about)).encode()))

    def on_wanted(self, _: ev.QuestionsWanted) -> None:
        """Open the popup: somebody has pressed its key."""
        self._start(self._popups.show())

    def on_clients(self, event: ev.ClientsChanged) -> None:
        """Show whoever has just attached what has been waiting."""
        if event.attached and any(run.questions for run in self._world().runs.values()):
            self._start(self._popups.show())

    async def run(self) -> None:
        """Tell of questions for as long as the controller lives."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            new, self._new = self._new, []
            settings, world = self._settings(), self._world()
            if world.session.attached:
                self._start(self._popups.show())
                if settings.bell:
                    self._start(self._popups.ring())
            for event in new:
                run = world.runs.get(event.run)
                if settings.notifier is not None and run is not None:
                    self._notify(settings.notifier, run, event.question)

    def _notify(self, command: str, run: Run, question: Question) -> None:
        what = question.what.replace("\0", " ")
        argv = [*shlex.split(command), f"{run.agent} {run.id} asks: {what}"]
        text = json.dumps({"run_id": run.id, "agent": run.agent, **told(run.id, question)})
        self._start(self._told(argv, text.encode()))

    async def _told(self, argv: list[str], text: bytes) -> None:
        """Run the user's command: the question as its last argument, and as JSON on its standard input."""
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=nothing, stderr=nothing)
        except (OSError, ValueError) as error:
            self._note(f'the notifier "{argv[0]}" can\'t be started: {error}')
            return
        try:
            await asyncio.wait_for(process.communicate(text), NOTIFIER_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            self._note(f'the notifier "{argv[0]}" took longer than {NOTIFIER_S:g} s and was killed')
            return
        if process.returncode:
            self._note(f'the notifier "{argv[0]}" ended with {process.returncode}')

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def register_announcer(host: Host) -> None:
    """Let people know what is asked."""
    popups = Popups(host.need(Doors).main, POPUP)
    rules = host.need(RuleFiles)
    announcer = Announcer(lambda: host.world, lambda: rules.current().settings, popups, note)
    host.provide(Announcer, announcer)
    host.on(ev.QuestionRaised, announcer.on_question)
    host.on(ev.QuestionsWanted, announcer.on_wanted)
    host.on(ev.ClientsChanged, announcer.on_clients)
    host.background("questions", announcer.run)
