"""Runs the proof: each installed agent, at each level, is ordered to do everything forbidden."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.prove.acts import BY_A_SCRIPT, Act, Column, Target, acts, orders, ran_mark
from pancode.domains.safety.prove.place import Place, place
from pancode.domains.safety.prove.verdict import Outcome, Row, not_started, read_journal, rows
from pancode.engine.places import Places, project_root
from pancode.scripted.server import serve_in_thread

RULES = "questions: {deadline: 0.1, on_deadline: deny, bell: false}\n"
"""Nobody is there to answer, so that no question needs to wait."""
LONGEST_S = 100
_AT_ONCE = 2
_AGENTS = "agents:\n"
_READER = "  {0}-reader:\n    description: reads\n    runtime: {0}\n    readonly: true\n"
_TALK = 240.0
"""Seconds that a verb may take."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one worker made of its orders. `status` and `reason` are the run's; `grade` is its sandbox's."""

    agent: str
    version: str | None
    column: Column
    status: str
    reason: str
    grade: Mapping[str, Any]
    rows: tuple[Row, ...]

    @property
    def is_kept(self) -> bool:
        """Whether everything that the level promises held."""
        return all(row.is_kept for row in self.rows)

    @property
    def is_void(self) -> bool:
        """Whether the agent ended by itself before it had tried anything."""
        tried = {outcome for row in self.rows for outcome in (row.open, row.hidden)}
        return self.status == "failed" and tried == {Outcome.UNTRIED}


@dataclass(frozen=True, slots=True)
class Proof:
    """All reports, and what is in the way of the other agents: "not installed" or a sentence."""

    reports: tuple[Report, ...]
    missing: Mapping[str, str]

    @property
    def is_kept(self) -> bool:
        """Whether no worker did what its level promises to stop."""
        return all(report.is_kept for report in self.reports)


class _Session:
    """A session of its own in a private place, worked by its verbs, as a person does."""

    def __init__(self, made: Place, environment: Mapping[str, str]) -> None:
        self.place = made
        self._environment = made.environment(environment)

    def pancode(self, *words: str) -> tuple[int, str, str]:
        """Run a verb; give its exit status, standard output and standard error."""
        done = subprocess.run(
            [sys.executable, "-m", "pancode", *words],
            env=self._environment,
            cwd=self.place.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TALK,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def json(self, *words: str) -> Any:  # noqa: ANN401 -- whatever the verb prints
        """Run a verb with --json and parse what it prints; PanError when that is nothing."""
        _, out, err = self.pancode(*words, "--json")
        try:
            return json.loads(out)
        except ValueError:
            said = (err.strip() or "it said nothing").splitlines()[0]
            raise PanError(f"`pancode {words[0]}` failed in the proof's own session: {said}") from None

    def folder(self, run: str) -> str:
        """Give a run's folder."""
        made = self.place
        runtime = os.path.join(made.runtime, "pancode")
        return os.path.join(Places(project_root(made.project), "main", made.pancode_home, runtime).runs, run)


@contextlib.contextmanager
def _session(environment: Mapping[str, str], adapters: str) -> Iterator[_Session]:
    with place() as made:
        os.makedirs(made.pancode_home, mode=0o700)
        with open(os.path.join(made.pancode_home, "pansafety.yaml"), "w", encoding="utf-8") as file:
            file.write(RULES)
        with open(os.path.join(made.pancode_home, "panagents.yaml"), "w", encoding="utf-8") as file:
            file.write(_AGENTS)
        if os.path.isdir(adapters):
            os.symlink(adapters, os.path.join(made.pancode_home, "adapters"))
        session = _Session(made, environment)
        try:
            yield session
        finally:
            with contextlib.suppress(subprocess.SubprocessError):
                session.pancode("down")


def prove(
    environment: Mapping[str, str],
    adapters: str,
    agents: Sequence[str],
    columns: Sequence[Column],
    tell: Callable[[str], None],
) -> Proof:
    """Prove the promises of `columns` for `agents` (none: every CLI that is installed).

    `environment` is the operator's, `adapters` the folder with the user's own; `tell` hears what goes on.
    Needs no network and takes about 10 s for each worker. PanError NOT_FOUND for an agent nobody knows.
    """
    with _session(environment, adapters) as session:
        found = {each["id"]: each for each in session.json("runtimes")["runtimes"]}
        _check(agents, found)
        wanted = [each for each in found if each in agents] or [
            name for name in found if _is_cli(found[name])
        ]
        here = [each for each in wanted if found[each]["status"] == "available"]
        _define_readers(session, here)
        jobs = [(agent, column) for column in columns for agent in here]
        reports: list[Report] = []
        for level in dict.fromkeys(column.session_level for column in columns):
            _start(session, level)
            batch = [job for job in jobs if job[1].session_level == level]
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                done = threads.map(lambda job: _one(session, found[job[0]], job[1], tell), batch)
                reports += list(done)
        missing = {each: _why_not(found[each]) for each in wanted if each not in here}
        return Proof(tuple(reports), missing)


def _why_not(runtime: Mapping[str, Any]) -> str:
    return "not installed" if runtime["status"] == "missing" else str(runtime["note"] or runtime["status"])


def _is_cli(runtime: Mapping[str, Any]) -> bool:
    return bool(runtime["tier"] == "cli" and runtime["install"])


def _check(agents: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> None:
    for name in agents:
        if name not in found or not _is_cli(found[name]):
            raise PanError(
                f'there is no agent CLI "{name}"',
                remedy=f"one of {', '.join(each for each in found if _is_cli(found[each]))}",
                code=ExitCode.NOT_FOUND,
            )


def _define_readers(session: _Session, agents: Sequence[str]) -> None:
    with open(os.path.join(session.place.pancode_home, "panagents.yaml"), "w", encoding="utf-8") as file:
        file.write(_AGENTS + "".join(_READER.format(agent) for agent in agents))


def _start(session: _Session, level: str) -> None:
    for words in (("up", "--detach"), ("mode", "build"), ("safety", level)):
        status, _, said = session.pancode(*words)
        if status != ExitCode.DONE:
            raise PanError(f"the proof's own session doesn't work: {said.strip()}", code=ExitCode.ENVIRONMENT)


def _one(
    session: _Session, runtime: Mapping[str, Any], column: Column, tell: Callable[[str], None]
) -> Report:
    report = _attempt(session, runtime, column, tell)
    if report.is_void:  # An agent that fails before its first act proves nothing, neither way.
        tell(f"{report.agent}, {column}: it failed by itself ({report.reason}), and is asked once more")
        report = _attempt(session, runtime, column, tell)
    return report


def _attempt(
    session: _Session, runtime: Mapping[str, Any], column: Column, tell: Callable[[str], None]
) -> Report:
    agent = str(runtime["id"])
    target = session.place.target(agent, column)
    every = acts(target)
    session.place.lay_script(target, every)
    name = f"{agent}-reader" if column is Column.READER else agent
    with serve_in_thread({"turns": orders(target, every)}) as model:
        words = ("--agent", name, "--endpoint", model.url, "--timeout", str(LONGEST_S))
        told = session.json("run", *words, f"Try all of it ({target.tag}).")
    tell(f"{agent}, {column}: {told['status']}")
    return _report(session, runtime, column, told, (target, every))


def _report(
    session: _Session,
    runtime: Mapping[str, Any],
    column: Column,
    told: Mapping[str, Any],
    aim: tuple[Target, Sequence[Act]],
) -> Report:
    target, every = aim
    folder = session.folder(str(told["run_id"]))
    spec = json.loads(_text(os.path.join(folder, "spec.json")))
    if told["status"] == "refused" and told["evidence"]["exit"] is None:
        # No worker at `suggest` is what that level promises; elsewhere it proves nothing.
        outcome = Outcome.GATE if column is Column.SUGGEST else Outcome.UNTRIED
        judged = not_started(every, column, outcome)
    else:
        names = ("stream.raw", "stderr.raw", "events.jsonl")
        seen = "".join(_text(os.path.join(folder, each)) for each in names)
        records = [json.loads(line) for line in _text(os.path.join(folder, "events.jsonl")).splitlines()]
        judged = rows(
            every,
            column,
            read_journal(records),
            session.place.happened(target, every, seen),
            script=BY_A_SCRIPT.format(target.tag),
            ran=ran_mark(target) in seen,
        )
    return Report(
        agent=str(runtime["id"]),
        version=runtime["version"],
        column=column,
        status=str(told["status"]),
        reason=_why(told),
        grade=(spec.get("sandbox") or {}).get("grade") or {},
        rows=tuple(judged),
    )


def _why(told: Mapping[str, Any]) -> str:
    record = told["evidence"].get("record") or {}
    return str(record.get("problem") or record.get("message") or told["reason"]).splitlines()[0]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as error:
        raise PanError(f'the proof can\'t read "{path}": {error}', code=ExitCode.ENVIRONMENT) from None
