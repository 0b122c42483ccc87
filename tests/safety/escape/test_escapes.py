"""No attempt to get out of the sandbox succeeds; without the sandbox most of them do."""

from __future__ import annotations

import collections
import contextlib
import fcntl
import os
import subprocess
import termios
import tty
from collections.abc import Sequence

import pytest

from tests.safety.escape import evidence
from tests.safety.escape.attempts import governance, network
from tests.safety.escape.attempts.shape import Attempt
from tests.safety.escape.making import ATTEMPTS, RUN_S, in_sandbox, make, names, run, settings_of_agents
from tests.safety.escape.stage import Layout, Stage, repositories, rules, stage
from tests.safety.escape.who import Who

APART = {"end", "terminal", "unmount"}
LAYOUTS: tuple[Layout, ...] = ("plain", "worktree", "shared")


def test_there_are_enough_attempts_and_each_has_a_name_of_its_own() -> None:
    every = [*ATTEMPTS, *governance.PERSISTENT]
    assert len(every) >= 60
    assert [name for name, count in collections.Counter(names(every)).items() if count > 1] == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_gets_out(enclosed: Who, layout: Layout) -> None:
    attempts = [attempt for attempt in ATTEMPTS if attempt.lane not in APART]
    with stage(enclosed, layout) as one:
        findings = make(one, attempts, inside=True)
    plain = {attempt.name for attempt in attempts if attempt.plain}
    got_out = {
        name: what
        for name, what in findings.by_name.items()
        if not (name in plain and what == ["ran outside, by the plain git"])
    }
    assert got_out == {}, "\n".join(f"{name}: {'; '.join(what)}" for name, what in got_out.items())


def test_agents_settings_that_are_there_stay_as_they_are(enclosed: Who) -> None:
    attempts = [attempt for attempt in ATTEMPTS if attempt.lane.startswith("governance")]
    with stage(enclosed, "plain") as one:
        settings_of_agents(one)
        findings = make(one, attempts, inside=True)
        assert findings.by_name == {}
        assert (one.tree / ".claude" / "settings.json").read_text() == "{}\n"


def test_sockets_outside_stay_out_of_reach_of_workers_that_may_make_sockets(enclosed: Who) -> None:
    elsewhere = "a socket by path, elsewhere"  # lies in a directory that the operator has opened
    attempts = [one for one in network.ATTEMPTS if "proxy" not in one.name and one.name != elsewhere]
    with stage(enclosed, "plain") as one:
        (one.home / ".pancode" / "pansafety.yaml").write_text(rules(one, unix=True))
        findings = make(one, attempts, inside=True)
    assert findings.by_name == {}


@pytest.mark.parametrize("lane", ["end", "unmount"])
def test_what_ends_the_sandbox_or_takes_its_mounts_away_gets_nothing(enclosed: Who, lane: str) -> None:
    attempts = [attempt for attempt in ATTEMPTS if attempt.lane == lane]
    with stage(enclosed, "plain") as one:
        script = one.prepare(attempts, inside=True)
        then = evidence.before(one, attempts)
        run(one, in_sandbox(one, "python3", str(script)))
        findings = evidence.look(one, attempts, then)
        evidence.survivors(one, attempts, findings, evidence.GONE_S)
        assert findings.by_name == {}


def keystrokes(one: Stage, command: Sequence[str]) -> bytes:
    """Run `command` on a terminal of its own; give what is left to be read there as if typed."""
    master, slave = os.openpty()
    tty.setraw(slave, termios.TCSANOW)

    def own_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    try:
        with subprocess.Popen(
            command,
            env=one.environment,
            cwd=one.tree,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=own_terminal,  # noqa: PLW1509 - a terminal must be taken by the child itself
        ) as process:
            process.wait(RUN_S)
        os.set_blocking(slave, False)
        with contextlib.suppress(OSError):
            return os.read(slave, 65536)
        return b""
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("inside", [True, False])
def test_no_keystrokes_reach_the_terminal_of_the_launcher(enclosed: Who, inside: bool) -> None:
    attempts = [attempt for attempt in ATTEMPTS if attempt.lane == "terminal"]
    with stage(enclosed, "plain") as one:
        script = one.prepare(attempts, inside=inside)
        words = ["python3", str(script)]
        typed = keystrokes(one, in_sandbox(one, *words) if inside else [*enclosed.prefix, *words])
        reached = [attempt.name for attempt in attempts if one.token(attempt).encode() in typed]
        said = [attempt.name for attempt in attempts if f"GOT {one.token(attempt)}" in one.output(attempt)]
        if inside:
            assert (reached, said) == ([], [])
        elif _terminals_take_keystrokes():
            assert reached


def _terminals_take_keystrokes() -> bool:
    with contextlib.suppress(OSError), open("/proc/sys/dev/tty/legacy_tiocsti") as switch:
        return switch.read().strip() == "1"
    return False


def test_a_run_leaves_nothing_that_the_next_one_executes(enclosed: Who) -> None:
    with stage(enclosed, "plain") as one:
        script = one.prepare(governance.PERSISTENT, inside=True)
        first = run(one, in_sandbox(one, "python3", str(script)))
        assert first.returncode == 0, first.stderr
        second = run(one, in_sandbox(one, "sh", "-c", governance.AGAIN))
        assert second.returncode == 0, second.stderr
        left = [a.name for a in governance.PERSISTENT if one.token(a) in second.stdout + second.stderr]
        assert left == []


def test_without_the_sandbox_most_attempts_get_out(who: Who) -> None:
    lanes: dict[str, list[Attempt]] = {}
    for attempt in ATTEMPTS:
        if attempt.lane not in {"end", "terminal"}:
            lanes.setdefault(attempt.lane, []).append(attempt)
    out: set[str] = set()
    with stage(who, "plain") as one:
        for lane, attempts in lanes.items():
            one.layout = "worktree" if "worktrees" in lane else "plain"
            repositories(one)
            if lane.startswith("governance") and lane != "governance new":
                settings_of_agents(one)
            out |= make(one, attempts, inside=False).by_name.keys()
    sure = {"yes", "root"} if who.root else {"yes"}
    blind = [attempt.name for attempt in ATTEMPTS if attempt.control in sure and attempt.name not in out]
    blind = [name for name in blind if any(name in names(attempts) for attempts in lanes.values())]
    assert blind == [], "the judges of these see nothing"
    assert len(out) > len(ATTEMPTS) / 2
