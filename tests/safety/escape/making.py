"""Making attempts in one start, inside or outside the sandbox, and collecting what came of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from tests.safety.escape import evidence
from tests.safety.escape.attempts import files, governance, kernel, network, processes, repository, secrets
from tests.safety.escape.attempts.shape import Attempt
from tests.safety.escape.stage import Stage

ATTEMPTS = (
    *files.ATTEMPTS,
    *secrets.ATTEMPTS,
    *network.ATTEMPTS,
    *processes.ATTEMPTS,
    *kernel.ATTEMPTS,
    *repository.ATTEMPTS,
    *governance.ATTEMPTS,
)
RUN_S = 120


def names(attempts: Sequence[Attempt]) -> list[str]:
    """Give the names of `attempts`."""
    return [attempt.name for attempt in attempts]


def in_sandbox(one: Stage, *command: str, mode: str = "build", level: str = "auto-edit") -> list[str]:
    """Give the words that start `command` in the sandbox."""
    verb = ["sandbox", "exec", "--mode", mode, "--level", level, "--cwd", str(one.tree), "--"]
    return [*one.who.pancode, *verb, *command]


def run(one: Stage, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run `command` as a careless launcher would: with open files and the operator's whole environment."""
    held = os.open(one.base / "held-by-launcher", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    folder = os.open(one.base / "held-folder", os.O_RDONLY)
    os.write(held, f"SECRET-{one.mark}-held\n".encode())
    one.who.owns(one.base)
    try:
        return subprocess.run(
            command,
            env=one.environment,
            cwd=one.tree,
            pass_fds=(held, folder),
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_S,
            start_new_session=True,
        )
    finally:
        os.close(held)
        os.close(folder)


def make(one: Stage, attempts: Sequence[Attempt], *, inside: bool) -> evidence.Findings:
    """Make `attempts` in one start, and look at what came of them."""
    script = one.prepare(attempts, inside=inside)
    then = evidence.before(one, attempts)
    words = ["python3", str(script)]
    done = run(one, in_sandbox(one, *words) if inside else [*one.who.prefix, *words])
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    findings = evidence.look(one, attempts, then)
    evidence.survivors(one, attempts, findings, evidence.GONE_S if inside else 0)
    if inside or any(attempt.lane.startswith("git ") for attempt in attempts):
        evidence.later(one, attempts, findings, trusted=inside)
    said = any(one.output(attempt) for attempt in attempts)
    assert said or len(attempts) == 1, "the attempts said nothing at all"
    return findings


def settings_of_agents(one: Stage) -> None:
    """Put an agent's settings into the tree."""
    (one.tree / ".claude").mkdir(exist_ok=True)
    (one.tree / ".claude" / "settings.json").write_text("{}\n")
