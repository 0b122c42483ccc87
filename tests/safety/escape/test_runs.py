"""What a run may do by its mode and level, beside other runs, and when its launcher dies."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.safety.escape import evidence
from tests.safety.escape.attempts.shape import Attempt, shell
from tests.safety.escape.making import ATTEMPTS, RUN_S, in_sandbox, make, run
from tests.safety.escape.stage import Layout, Stage, stage
from tests.safety.escape.who import Who
from tests.terminal import wait_until

CHANGES = """
touch new; echo x >> README; rm -f README; mv README other; chmod 777 README; mkdir folder; ln -s README link
git add -A; git commit -qam x; git stash; git branch mine; echo x > .git/x; python3 -c "open('README', 'w')"
chmod -R u+w .; setfattr -n user.x -v y README; dd if=/dev/zero of=big count=1; cp /bin/true copy
mount -o remount,rw .; echo x > "$PWD/again"; true
"""
LINKS = {".git/hooks/pre-commit": "scripts/hook", ".vscode/tasks.json": "scripts/tasks.json"}
ENDS_S = 20
"""How long a launcher may take to end a worker that ignores what it is told."""
STAYS = {
    number: shell(f"a run that stays and {number.name}", "")
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
}
"""What the launcher is sent, and the run that it has started."""


def start(one: Stage, text: str) -> subprocess.Popen[bytes]:
    one.who.owns(one.base)
    return subprocess.Popen(
        in_sandbox(one, "sh", "-c", text),
        env=one.environment,
        cwd=one.tree,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def waits(name: str) -> str:
    return f"touch ready-{name}; while ! [ -e end-{name} ]; do sleep 0.02; done; "


def of_lane(*lanes: str) -> list[Attempt]:
    return [attempt for attempt in ATTEMPTS if attempt.lane.startswith(lanes)]


@pytest.mark.parametrize(
    ("mode", "level"),
    [("plan", "full-auto"), ("review", "auto-edit"), ("admin", "full-auto"), ("build", "suggest")],
)
def test_nothing_changes_where_nothing_may_be_changed(enclosed: Who, mode: str, level: str) -> None:
    with stage(enclosed, "plain") as one:
        one.who.owns(one.base)
        before = evidence.snapshot(one.tree)
        done = run(one, in_sandbox(one, "sh", "-c", f"echo started; {CHANGES}", mode=mode, level=level))
        assert "started" in done.stdout, done.stderr
        assert evidence.snapshot(one.tree) == before


@pytest.mark.parametrize("layout", ["folder", "none"])
def test_git_is_not_fooled_in_a_folder_of_a_repository_or_without_one(enclosed: Who, layout: Layout) -> None:
    attempts = of_lane("git ", "governance")
    with stage(enclosed, layout) as one:
        findings = make(one, attempts, inside=True)
    plain = {attempt.name for attempt in attempts if attempt.plain}
    assert {name: what for name, what in findings.by_name.items() if name not in plain} == {}


def test_what_a_protected_link_leads_to_stays_as_it_is(enclosed: Who) -> None:
    with stage(enclosed, "plain") as one:
        (one.tree / ".vscode").mkdir()
        (one.tree / "scripts").mkdir()
        for link, target in LINKS.items():
            (one.tree / target).write_text("old")
            (one.tree / link).symlink_to(one.tree / target)
        one.who.owns(one.base)
        writes = [f"echo new > {target}; rm -f {target}; echo new > {target}" for target in LINKS.values()]
        words = "; ".join(writes)
        run(one, in_sandbox(one, "sh", "-c", f"{words}; mv scripts s; mkdir scripts; cp s/* scripts; true"))
        assert {link: (one.tree / link).read_text() for link in LINKS} == dict.fromkeys(LINKS, "old")


@pytest.mark.parametrize("first", ["the attempts", "the other"])
def test_the_end_of_one_run_opens_nothing_for_another_in_the_same_tree(enclosed: Who, first: str) -> None:
    attempts = of_lane("git ", "governance")
    with stage(enclosed, "plain") as one:
        program = one.prepare(attempts, inside=True)
        texts = {"the attempts": waits("a") + f"exec python3 {program}", "the other": waits("b")}
        names = {"the attempts": "a", "the other": "b"}
        then = evidence.before(one, attempts)
        order = [first, *(name for name in texts if name != first)]
        started: dict[str, subprocess.Popen[bytes]] = {}
        for name in order:
            started[name] = start(one, texts[name])
            ready = one.tree / f"ready-{names[name]}"
            wait_until(ready.exists, f"the start of {name}", seconds=60)
        for name in ("the other", "the attempts"):
            (one.tree / f"end-{names[name]}").touch()
            assert started[name].wait(RUN_S) == 0
        findings = evidence.look(one, attempts, then)
        evidence.later(one, attempts, findings, trusted=True)
    plain = {attempt.name for attempt in attempts if attempt.plain}
    assert {name: what for name, what in findings.by_name.items() if name not in plain} == {}


def test_nothing_lives_on_when_the_launcher_is_ended(enclosed: Who) -> None:
    with stage(enclosed, "plain") as one:
        launchers = {number: start(one, deaf(one, run)) for number, run in STAYS.items()}
        for run in STAYS.values():
            wait_until(lambda: len(inside(one, run)) >= 3, "the processes inside", seconds=60)  # noqa: B023 -- at once
        for number, launcher in launchers.items():  # Together: each gives a worker that is deaf its time.
            launcher.send_signal(number)
        for launcher in launchers.values():
            launcher.wait(ENDS_S)
        findings = evidence.Findings()
        evidence.survivors(one, list(STAYS.values()), findings, evidence.GONE_S)
        assert findings.by_name == {}


def deaf(one: Stage, run: Attempt) -> str:
    """Give the words of a run that ignores what it is told, with three processes."""
    sleeper = f"python3 -c 'import time; time.sleep(77)' {one.token(run)}"
    return f"setsid -f {sleeper}; nohup {sleeper} & trap '' HUP TERM INT; {sleeper}; wait"


def inside(one: Stage, run: Attempt) -> list[int]:
    """Give the processes that sleep inside; the launcher's own words name the token, too."""
    found = evidence.running(one, [run]).get(run.name, [])
    return [pid for pid in found if evidence.is_sleeper(pid)]
