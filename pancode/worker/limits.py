"""The limits at which the shim itself ends a run, and what counts as a sign of life."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.protocol import Limits
    from pancode.worker.tally import Tally
    from pancode.worker.verdict import Cause

SAMPLES = 4
"""How often within `idle_s` the processes are looked at."""
SLOWEST_SAMPLE_S = 5.0
CPU_SAMPLE_S = 1.0
"""Where processor time is limited, it is looked at this often."""
RETRIES = 4
"""Times `idle_s` for which an agent's own retries alone count as life: a network may never come."""
ALIVE_SHARE = 0.02
"""Share of one core that means work: an agent that only waits for its model stays well below it."""


class Watch:
    """Remembers when the run last gave a sign of life: bytes, events, or processor time of its processes."""

    __slots__ = (
        "_cpu",
        "_cpu_at",
        "_held",
        "_life",
        "_limits",
        "_most_cpu",
        "_retrying",
        "_sample_at",
        "_started",
    )

    def __init__(self, limits: Limits, now: float, most_cpu_s: float | None = None) -> None:
        """Start both clocks; `most_cpu_s`: processor seconds that all processes may use together."""
        self._limits = limits
        self._most_cpu = most_cpu_s
        self._started = now
        self._life = now
        self._cpu = 0.0
        self._cpu_at = now
        self._held: float | None = None
        self._retrying: float | None = None
        self._sample_at = self._next_sample(now)

    def alive(self, now: float) -> None:
        """Take note of bytes or of an event."""
        self._life = now

    def answered(self, now: float) -> None:
        """Take note that the agent waits for an answer which is coming."""
        self._life = now
        self._retrying = None

    def hold(self, now: float) -> None:
        """Let all clocks stand still until `go_on`: only the time that a run works counts."""
        self._held = now

    def go_on(self, now: float) -> None:
        """Let the clocks go on from where they stood."""
        if self._held is None:
            return
        stood, self._held = now - self._held, None
        self._started += stood
        self._life = min(self._life + stood, now)
        if self._retrying is not None:
            self._retrying += stood
        self._cpu_at += stood
        if self._sample_at is not None:
            self._sample_at += stood

    def wants_sample(self, now: float) -> bool:
        """Whether it is time to tell `sample` the processor time of the worker's processes."""
        return self._sample_at is not None and now >= self._sample_at and self._held is None

    def sample(self, cpu_s: float, now: float) -> None:
        """Take note of the processor seconds that all processes of the worker have used so far."""
        passed = now - self._cpu_at
        if passed > 0 and cpu_s - self._cpu >= ALIVE_SHARE * passed:
            self._life = now
        self._cpu, self._cpu_at = cpu_s, now
        self._sample_at = self._next_sample(now)

    def next_at(self) -> float | None:
        """Give when time alone could reach a limit or a sample is due."""
        if self._held is not None:
            return None
        wall = None if self._limits["wall_s"] is None else self._started + self._limits["wall_s"]
        times = [at for at in (wall, self._sample_at) if at is not None]
        return min(times) if times else None

    def reached(self, tally: Tally, now: float) -> tuple[Cause, str] | None:
        """Give the limit that is reached, if one is, and a sentence about it."""
        if self._held is not None:
            return None
        limits = self._limits
        wall, idle = limits["wall_s"], limits["idle_s"]
        if wall is not None and now - self._started >= wall:
            return "wall-timeout", f"the run took longer than {wall:g} s"
        if idle is not None and (silence := self._silence(tally, idle, now)) is not None:
            return "idle-timeout", silence
        if self._most_cpu is not None and self._cpu >= self._most_cpu:
            return "budget", f"more than {self._most_cpu:g} s of processor time"
        turns, tokens = limits["max_turns"], limits["token_budget"]
        if turns is not None and tally.turns_seen > turns:
            return "budget", f"more than {turns} turns"
        if tokens is not None and tally.spent > tokens:
            return "budget", f"more than {tokens} tokens: {tally.spent}"
        return None

    def _silence(self, tally: Tally, idle: float, now: float) -> str | None:
        """Say what the run lacks, if it has given no sign of life for `idle` seconds."""
        if not tally.retrying:
            self._retrying = None
        elif self._retrying is None:
            self._retrying = now
        if now - self._life >= idle:
            return f"no output and no work for {idle:g} s"
        if self._retrying is not None and now - self._retrying >= RETRIES * idle:
            return f"nothing but retries for {RETRIES * idle:g} s"
        return None

    def _next_sample(self, now: float) -> float | None:
        idle = self._limits["idle_s"]
        if idle is None:
            return None if self._most_cpu is None else now + CPU_SAMPLE_S
        return now + min(idle / SAMPLES, SLOWEST_SAMPLE_S if self._most_cpu is None else CPU_SAMPLE_S)
