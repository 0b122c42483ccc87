"""The riot: runs are asked for, parts of the session are killed at random points, and all comes back."""

from __future__ import annotations

import contextlib
import os
import random
import select
import subprocess
from dataclasses import dataclass, field
from typing import Any

from pancode.bench.bed import Bed
from pancode.bench.chaos.actor import TROUPE
from pancode.bench.chaos.ear import Ear
from pancode.bench.chaos.prey import KINDS, Prey, hunt, kill
from pancode.core.errors import ExitCode, PanError
from pancode.domains.session.ask import UnreachableError, ask, controller_pid
from pancode.engine import clock, files

WEIGHTS = {"controller": 8, "shim": 5, "agent": 5, "tmux": 2, "forks": 2, "gateway": 4}
"""How often each kind is chosen where all of them live."""
MOST_WAIT = 0.25
"""Seconds that pass at most between what chaos asks for and its next kill: starting takes a tenth of one."""
STOPS, QUIET, BACK_AT_ONCE, HALF_UP = 0.1, 0.25, 0.6, 0.3
"""How often a run is stopped; does nothing; what was killed is waited for; `up` is killed half-way."""
PATIENCE = 60.0
"""Seconds in which a session must come back, and at the end every run must have ended."""
ANSWER = 10.0


@dataclass(slots=True)
class Asked:
    """One run that was asked for: the key of the request, and the run's id once it is known."""

    key: str
    args: dict[str, Any]
    run: str | None = None
    stopped: bool = False


@dataclass(slots=True)
class Riot:
    """One riot over a session; the same seed chooses the same victims at the same moments.

    The actors' model answers at `endpoint`.
    """

    made: Bed
    chance: random.Random
    endpoint: str
    asked: list[Asked] = field(default_factory=list)
    hit: set[str] = field(default_factory=set)
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    back_ms: list[float] = field(default_factory=list)
    ear: Ear = field(init=False)
    _ups: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen to what a subscriber is told."""
        self.ear = Ear(self.made.places)

    def rage(self, runs: int, kills: int) -> None:
        """Ask for `runs` runs and kill `kills` times, then let everything end."""
        self.come_back()
        for number in range(kills):
            for _ in range(_share(runs, kills, number)):
                self.begin_run()
            if self.chance.random() < STOPS:
                self.stop_one()
            self.kill_one()
        self.come_back()
        self.settle()

    def begin_run(self) -> None:
        """Ask for a run; no answer, or none in time, leaves it to be asked for again."""
        key = f"chaos-{len(self.asked)}"
        if self.chance.random() < QUIET:
            kind, task = "nothing", f"{self.chance.uniform(0.05, 3):.2f}"
        else:
            kind = "actor"
            task = f"{self.chance.randint(1, 60)} {self.chance.uniform(0.005, 0.06):.3f}"
        agent = f"{kind}-{len(self.asked) % TROUPE}"
        args: dict[str, Any] = {"task": task, "agent": agent, "cwd": self.made.places.project, "key": key}
        args |= {"endpoint": self.endpoint} if kind == "actor" else {}
        self.asked.append(Asked(key, args))
        self._resolve(self.asked[-1], seconds=self.chance.choice((0.001, 0.02, 0.1, 1.0)))

    def _resolve(self, asked: Asked, seconds: float) -> None:
        with contextlib.suppress(PanError):
            asked.run = str(ask(self.made.places.socket, "run", asked.args, seconds)["run_id"])

    def stop_one(self) -> None:
        """Ask one of the newest runs to stop."""
        known = [each for each in self.asked[-8:] if each.run is not None]
        if known:
            chosen = self.chance.choice(known)
            chosen.stopped = True
            with contextlib.suppress(PanError):
                ask(self.made.places.socket, "stop", {"run": chosen.run, "why": "chaos"}, 1.0)

    def kill_one(self) -> None:
        """Kill something after a random while; what is then gone comes back, at once or only later."""
        wait(self.chance.uniform(0, MOST_WAIT))
        while (victim := self._victim()) is None or not self._killed(victim):
            self.come_back()
        began = clock.monotonic()
        if victim.kind == "tmux" and self.chance.random() < HALF_UP:
            self._ups.append(self.made.start_pancode("up", "--detach"))
        elif victim.kind == "tmux" or self.chance.random() < BACK_AT_ONCE:
            self.come_back()
            if victim.kind == "controller":
                self.back_ms.append((clock.monotonic() - began) * 1000)

    def _killed(self, victim: Prey) -> bool:
        """Kill it, and note whom that hits; a killed tmux server hits all that has not ended."""
        if not kill(victim, self.made.places):
            return False
        self.kills[victim.kind] += 1
        if victim.run is not None:
            self.hit.add(victim.run)
        if victim.kind == "tmux":
            self.hit |= {each.key for each in self.asked if not self._has_ended(each.run)}
        return True

    def _has_ended(self, run: str | None) -> bool:
        return run is not None and os.path.exists(os.path.join(self.made.places.runs, run, "result.json"))

    def _victim(self) -> Prey | None:
        """Choose a kind among those that live, then one of it; None if nothing lives."""
        found = sorted(hunt(self.made.places), key=lambda each: each.pid)
        kinds = [kind for kind in KINDS if any(prey.kind == kind for prey in found)]
        if not kinds:
            return None
        kind = self.chance.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0]
        return self.chance.choice([prey for prey in found if prey.kind == kind])

    def come_back(self) -> None:
        """Have a controller that answers; a person would type the same."""
        until = clock.monotonic() + PATIENCE
        while controller_pid(self.made.places.socket, seconds=ANSWER) is None:
            if clock.monotonic() > until:
                raise PanError(f"the session didn't come back within {PATIENCE:g} s", code=ExitCode.FAILED)
            if not any(prey.kind == "tmux" for prey in hunt(self.made.places)):
                self.made.pancode("up", "--detach", check=False)
            wait(0.02)
        self._ups = [up for up in self._ups if up.poll() is None]
        for asked in self.asked:
            if asked.run is None:
                self._resolve(asked, seconds=1.0)

    def settle(self) -> None:
        """Ask again for what was never answered, and wait until every run has ended."""
        for asked in self.asked:
            asked.run = asked.run or self._insist(asked)
        for up in self._ups:
            up.wait(PATIENCE)
        until = clock.monotonic() + PATIENCE
        while ((live := self._live()) or self._uncollected()) and clock.monotonic() < until:
            wait(0.1)
        if live:
            raise PanError(f"{live} runs have not ended within {PATIENCE:g} s", code=ExitCode.FAILED)

    def _uncollected(self) -> bool:
        """Whether what an isolated run has changed is still being collected."""
        for asked in self.asked:
            folder = os.path.join(self.made.places.runs, str(asked.run))
            spec = files.read_json(os.path.join(folder, "spec.json")) or {}
            made = (spec.get("isolation") or {}).get("base")
            if made and not os.path.exists(os.path.join(folder, "changes.json")):
                return True
        return False

    def _insist(self, asked: Asked) -> str:
        return str(self._answer("run", asked.args)["run_id"])

    def _live(self) -> int:
        return int(self._answer("status", {})["totals"]["live"])

    def _answer(self, verb: str, args: dict[str, Any]) -> dict[str, Any]:
        """Ask, and ask once more where the controller was just leaving: it outlives its tmux by a moment."""
        try:
            answer: dict[str, Any] = ask(self.made.places.socket, verb, args, ANSWER)
        except UnreachableError:
            self.come_back()
            answer = ask(self.made.places.socket, verb, args, ANSWER)
        return answer


def _share(whole: int, parts: int, number: int) -> int:
    """Give how many of `whole` belong to the part of this number, spread evenly.

    >>> [_share(5, 3, number) for number in range(3)]
    [1, 2, 2]
    """
    return whole * (number + 1) // parts - whole * number // parts


def wait(seconds: float) -> None:
    """Let the others work."""
    select.select([], [], [], seconds)
