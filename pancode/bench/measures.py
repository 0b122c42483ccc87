"""One function per bar of the design; each gives plain numbers, in the units that its keys name."""

from __future__ import annotations

import os
import signal
import statistics
from collections.abc import Iterable
from typing import Any

from pancode.bench.bed import Bed, Terminal
from pancode.cli.client import stream
from pancode.core.errors import PanError
from pancode.engine import clock, files, processes

MARKS = ((b"console",), (b"fleet", b"no workers"), (b"auto-edit",), (b"> ",))
"""What is on the screen when border, both panes and the status line have been drawn."""
WORDS = (b"PLAN", b"BUILD", b"REVIEW")
MEGABYTE = 1_000_000


def spread(values: Iterable[float]) -> dict[str, float]:
    """Give median, 99th percentile and maximum, rounded to 0.1."""
    ordered = sorted(values)
    at = min(len(ordered) - 1, round(0.99 * len(ordered)))
    return {
        "p50": round(statistics.median(ordered), 1),
        "p99": round(ordered[at], 1),
        "max": round(ordered[-1], 1),
        "n": len(ordered),
    }


def up(made: Bed, times: int) -> dict[str, float]:
    """Milliseconds from starting `pancode up` until everything is drawn, warm: the first is not counted."""
    spans = []
    for number in range(times + 1):
        terminal = Terminal(made, "up")
        drawn = terminal.until(*MARKS)
        if number:
            spans.append((drawn - terminal.began) * 1000)
        terminal.close()
        if number < times:
            made.pancode("down")
    return spread(spans)


def verb(made: Bed, times: int) -> dict[str, float]:
    """Milliseconds of a whole `pancode mode plan`, process start to exit."""
    spans = []
    for number in range(times):
        began = clock.monotonic()
        made.pancode("mode", ("plan", "build")[number % 2])
        spans.append((clock.monotonic() - began) * 1000)
    made.pancode("mode", "build")
    return spread(spans)


def key(made: Bed, times: int) -> dict[str, float]:
    """Milliseconds from Shift+Tab until the new mode is drawn on an attached terminal."""
    terminal = Terminal(made, "attach")
    try:
        terminal.until(*MARKS)
        spans = []
        for number in range(times):
            pressed = terminal.press(b"\x1b[Z")
            shown = terminal.until((WORDS[(number + 2) % 3],))
            spans.append((shown - pressed) * 1000)
    finally:
        terminal.close()
    made.pancode("mode", "build")
    return spread(spans)


def dispatch_one(made: Bed, times: int) -> dict[str, float]:
    """Milliseconds from the request on the socket until the agent has been exec'ed, one after the other."""
    link = made.link()
    spans = []
    for _ in range(times):
        began = clock.monotonic()
        run = _start(made, link, "600")
        spans.append((_exec_time(made, run) - began) * 1000)
        link.request("stop", {"run": run, "force": True})
        ended(made, [run])
    link.close()
    return spread(spans)


def a_spec(made: Bed) -> dict[str, Any]:
    """Give the spec of a run of the do-nothing agent that has ended."""
    link = made.link()
    run = _start(made, link, "600")
    _exec_time(made, run)
    link.request("stop", {"run": run, "force": True})
    ended(made, [run])
    link.close()
    return files.read_json(os.path.join(made.places.runs, run, "spec.json")) or {}


def dispatch_many(made: Bed, workers: int) -> tuple[list[str], dict[str, float]]:
    """Start `workers` at once; milliseconds until the last agent has been exec'ed, and how many failed."""
    link = made.link()
    began = clock.monotonic()
    runs = [_start(made, link, "600") for _ in range(workers)]
    spans, failed = [], 0
    for run in runs:
        try:
            spans.append((_exec_time(made, run) - began) * 1000)
        except PanError:
            failed += 1
    link.close()
    return runs, {**spread(spans), "failed": failed}


def memory(made: Bed, seconds: float) -> dict[str, Any]:
    """Megabytes of controller and shims; percent of a core that the quiet controller takes."""
    link = made.link()
    status = link.request("status")
    link.close()
    controller = status["controller"]["pid"]
    before = processes.cpu_seconds(controller)
    _wait(seconds)
    cpu = (processes.cpu_seconds(controller) - before) / seconds
    shims = [processes.memory(row["shim_pid"]) for row in status["workers"] if row["shim_pid"]]
    return {
        "controller_rss_mb": round(processes.memory(controller)[0] / MEGABYTE, 1),
        "controller_cpu_percent": round(cpu * 100, 2),
        "shim_rss_mb": spread(rss / MEGABYTE for rss, _ in shims),
        "shim_pss_mb": spread(pss / MEGABYTE for _, pss in shims),
    }


def adoption(made: Bed, runs: list[str]) -> dict[str, Any]:
    """Milliseconds from SIGKILL of the controller until the next one has adopted every worker."""
    link = made.link()
    old = link.request("ping")["pid"]
    link.close()
    began = clock.monotonic()
    os.kill(old, signal.SIGKILL)
    while True:
        try:
            link = made.link()
            status = link.request("status")
            link.close()
        except PanError:
            continue
        if status["controller"]["pid"] != old:
            break
    alive = {row["run_id"] for row in status["workers"] if row["state"] == "working"}
    return {"ms": round((clock.monotonic() - began) * 1000, 1), "lost": len(set(runs) - alive)}


def events(made: Bed, talkers: int, each: int) -> dict[str, Any]:
    """Events through journal, socket, reducer and index to a subscriber: CPU, delay, loss.

    Rate, CPU and delay are taken while all talkers talk; the loss is over everything.
    """
    link = made.link()
    args = {"agent": "talker", "task": str(each), "cwd": made.places.project}
    feed = stream("subscribe", {"topics": ["events"]}, places=made.places)
    next(feed)  # It is subscribed from here on.
    runs = {str(link.request("run", args)["run_id"]) for _ in range(talkers)}
    heard = Heard(runs, link.request("ping")["pid"])
    for line in feed:
        if heard.take(line["event"]["run"], line["event"]["record"]):
            break
    feed.close()
    link.close()
    return heard.figures(talkers * each)


class Heard:
    """What a subscriber has heard of some runs."""

    def __init__(self, runs: set[str], controller: int) -> None:
        """Count events of `runs`, and the CPU of the process `controller`."""
        self._runs = runs
        self._controller = controller
        self._talking: set[str] = set()
        self._ended: set[str] = set()
        self._delays: list[float] = []
        self._texts = 0
        self._marks: list[tuple[float, float]] = []

    def take(self, run: str, record: dict[str, Any]) -> bool:
        """Count one record; tells whether every run has ended."""
        if run not in self._runs:
            return False
        if len(self._marks) == 1:
            self._delays.append((clock.monotonic() - record["m"]) * 1000)
        if record["kind"] == "text":
            self._texts += 1
            self._talking.add(run)
            if self._talking == self._runs and not self._marks:
                self._mark()
        elif record["kind"] == "finished" and len(self._marks) == 1:
            self._mark()
        elif record["kind"] == "ended":
            self._ended.add(run)
        return self._ended == self._runs

    def _mark(self) -> None:
        self._marks.append((clock.monotonic(), processes.cpu_seconds(self._controller)))

    def figures(self, expected: int) -> dict[str, Any]:
        """Give rate, CPU share, delay and loss."""
        (began, cpu_began), (ended, cpu_ended) = self._marks
        return {
            "per_second": round(len(self._delays) / (ended - began)),
            "controller_cpu_percent": round((cpu_ended - cpu_began) / (ended - began) * 100, 1),
            "delay_ms": spread(self._delays),
            "lost": expected - self._texts,
        }


def _start(made: Bed, link: Any, task: str) -> str:  # noqa: ANN401 -- a Link
    answer = link.request("run", {"agent": "nothing", "task": task, "cwd": made.places.project})
    return str(answer["run_id"])


def _exec_time(made: Bed, run: str) -> float:
    """Give the monotonic time at which the shim noted the agent's exec."""
    journal = os.path.join(made.places.runs, run, "events.jsonl")
    until = clock.monotonic() + 20
    while clock.monotonic() < until:
        for record in files.read_journal(journal):
            if record["kind"] == "exec":
                return float(record["m"])
            if record["kind"] == "ended":
                raise PanError(f"run {run} ended before its agent was there")
        _wait(0.001)
    raise PanError(f"run {run} never started its agent")


def ended(made: Bed, runs: list[str]) -> None:
    """Wait until all of these runs have ended."""
    for run in runs:
        for _ in stream("wait", {"run": run}, places=made.places):
            pass


def _wait(seconds: float) -> None:
    signal.sigtimedwait([], seconds)
