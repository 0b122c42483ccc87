"""The inbox without a session: what is answered at once, what is asked, and what is never let through."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.core.reduce import reduce
from pancode.core.state import Asking, Session, Stopping, World
from pancode.domains.safety.audit import Audit, Decided, Word
from pancode.domains.safety.evaluate import Verdict
from pancode.domains.safety.inbox import UNWRITTEN, Inbox, Surroundings
from pancode.domains.safety.inbox_breaker import Breakers
from pancode.domains.safety.inbox_ledger import Ledger
from pancode.domains.safety.inbox_others import OtherQuestions
from pancode.domains.safety.inbox_verbs import InboxVerbs
from pancode.domains.safety.rules import Rules

UNKNOWN = {"tool": "deploy"}
NOTE = {"tool": "TodoWrite"}
FULL = Session(level=Level.FULL_AUTO)


class Caller:
    """A client of the socket."""

    pid = 1
    gone = False

    async def send(self, event: Mapping[str, Any]) -> None:
        raise AssertionError(event)

    def tell(self, event: Mapping[str, Any]) -> None:
        raise AssertionError(event)


class Desk:
    """A world with the inbox in it, and what it has done; facts are reduced at once."""

    def __init__(self, session: Session = FULL, level: Level = Level.FULL_AUTO) -> None:
        self.world = World(session=session)
        self.now = 100.0
        self.posted: list[ev.Event] = []
        self.written: list[Decided] = []
        self.notes: list[str] = []
        self.full_disk = False
        self.breakers = Breakers(self.post, lambda: self.now)
        around = Surroundings(
            world=lambda: self.world, post=self.post, now=lambda: self.now, spec=lambda _: {"cwd": "/w"},
            rules=Rules, ledger=Ledger(self.append, "main", self.notes.append), note=self.notes.append,
            instead=self.instead,
        )  # fmt: skip
        self.inbox = Inbox(around, self.breakers)
        self.others = OtherQuestions(self.post, lambda: self.now, self.append, "main")
        self.verbs = InboxVerbs(
            self.inbox, self.others, lambda: self.world, lambda: self.now, lambda pid: pid != Caller.pid
        )
        grant = Grant(Mode.BUILD, level)
        self.post(
            ev.RunQueued(run="k3f", at=1.0, agent="codex", task="t", model=None, grant=grant, runtime="codex")
        )
        self.seq = 0
        self.say("exec", pid=7)

    def append(self, decided: Decided) -> int:
        if self.full_disk:
            raise PanError("the disk is full", code=ExitCode.ENVIRONMENT)
        self.written.append(decided)
        return len(self.written)

    async def instead(self, run: str, verdict: Verdict) -> str | None:
        raise AssertionError((run, verdict))

    def post(self, event: ev.Event) -> None:
        self.posted.append(event)
        self.world = reduce(self.world, event)

    def say(self, kind: str, **fields: Any) -> None:
        self.seq += 1
        said = ev.WorkerSaid(run="k3f", at=self.now, seq=self.seq, record={"kind": kind, **fields})
        self.post(said)
        self.inbox.on_said(said)

    def hold(self, id_: str, action: Mapping[str, Any], **fields: Any) -> None:
        self.say("asked", id=id_, action=dict(action), deadline=700.0, **fields)

    def answers(self) -> list[tuple[str, bool, str]]:
        found = [event for event in self.posted if isinstance(event, ev.ActionAnswered)]
        return [(event.id, event.allow, event.decision) for event in found]

    def words(self) -> list[str]:
        return [one.decision.value for one in self.written]


def test_what_the_level_allows_is_answered_at_once() -> None:
    desk = Desk()
    desk.hold("a1", NOTE)
    assert desk.answers() == [("a1", True, "allowed")]
    assert desk.words() == ["allowed"]


def test_what_the_level_leaves_to_a_person_is_asked_and_nothing_is_answered() -> None:
    desk = Desk()
    desk.hold("a1", UNKNOWN)
    run = desk.world.runs["k3f"]
    assert isinstance(run.state, Asking)
    [question] = run.questions
    assert (question.what, question.kind, question.cwd, question.deadline) == (
        "deploy", "not_understood", "/w", 700.0,
    )  # fmt: skip
    assert (desk.answers(), desk.words()) == ([], ["asked"])


@pytest.mark.parametrize(
    ("session", "level"),
    [(Session(level=Level.AUTO_EDIT), Level.FULL_AUTO), (FULL, Level.AUTO_EDIT), (FULL, Level.SUGGEST)],
)
def test_the_lower_one_of_run_and_session_decides(session: Session, level: Level) -> None:
    desk = Desk(session, level)
    desk.hold("a1", UNKNOWN)
    assert desk.answers() == [("a1", False, "blocked")]


def test_a_lower_level_takes_open_questions_back() -> None:
    desk = Desk()
    desk.hold("a1", UNKNOWN)
    desk.post(ev.LevelChosen(level=Level.AUTO_EDIT, at=2.0))
    desk.inbox.on_session(ev.SessionChanged())
    assert desk.answers() == [("a1", False, "blocked")]
    assert desk.world.runs["k3f"].questions == ()


def test_a_part_of_an_action_is_never_allowed_for_the_whole() -> None:
    desk = Desk()
    desk.hold("a1", NOTE, cut=True)
    assert desk.answers() == []
    desk = Desk(level=Level.AUTO_EDIT)
    desk.hold("a1", NOTE, cut=True)
    assert desk.answers() == [("a1", False, "blocked")]


def test_nothing_is_allowed_without_its_record() -> None:
    desk = Desk()
    desk.hold("a1", UNKNOWN)
    desk.full_disk = True
    desk.inbox.answer(desk.world.runs["k3f"], "a1", allow=True, why="yes", always=True)
    desk.hold("a2", NOTE)
    desk.hold("a3", UNKNOWN)
    assert desk.answers() == [("a1", False, "denied"), ("a2", False, "denied"), ("a3", False, "denied")]
    told = [event for event in desk.posted if isinstance(event, ev.ActionAnswered)]
    assert [(one.why, one.always) for one in told[:1]] == [(UNWRITTEN, False)]
    assert len(desk.notes) == 1
    assert desk.world.runs["k3f"].always == ()


def test_always_holds_for_the_same_action_only() -> None:
    desk = Desk()
    desk.hold("a1", UNKNOWN)
    desk.inbox.answer(desk.world.runs["k3f"], "a1", allow=True, why="yes", always=True)
    desk.hold("a2", UNKNOWN)
    desk.hold("a3", {"tool": "publish"})
    assert desk.answers() == [("a1", True, "approved"), ("a2", True, "approved")]
    assert [question.id for question in desk.world.runs["k3f"].questions] == ["a3"]


def test_a_run_that_is_being_stopped_is_not_asked_about() -> None:
    desk = Desk()
    desk.post(ev.StopAsked(run="k3f", at=2.0, by="operator", why="enough"))
    assert isinstance(desk.world.runs["k3f"].state, Stopping)
    desk.hold("a1", UNKNOWN)
    assert desk.answers() == [("a1", False, "denied")]


def test_what_the_shim_denied_by_itself_is_written_down_once() -> None:
    desk = Desk()
    desk.hold("a1", UNKNOWN)
    desk.say("answered", id="a1", allow=False, by="deadline", why="nobody answered within 600 s")
    assert desk.words() == ["asked", "expired"]
    with pytest.raises(PanError, match="has its answer already") as error:
        desk.inbox.answer(desk.world.runs["k3f"], "a1", allow=True, why="late")
    assert error.value.code is ExitCode.CONFLICT


def test_what_is_past_its_deadline_is_left_to_the_shim() -> None:
    desk = Desk()
    desk.now = 701.0
    desk.hold("a1", UNKNOWN)
    assert (desk.answers(), desk.words()) == ([], [])


def test_five_refusals_of_the_same_action_stop_the_run() -> None:
    desk = Desk(level=Level.AUTO_EDIT)
    for number in range(5):
        desk.hold(f"a{number}", UNKNOWN)
    told = [event.why for event in desk.posted if isinstance(event, ev.ActionAnswered)]
    assert ["refused" in why for why in told] == [False, False, True, True, True]
    [stop] = [event for event in desk.posted if isinstance(event, ev.StopAsked)]
    assert stop.by == "loop-breaker"


def test_a_secret_in_an_action_is_neither_shown_nor_written(tmp_path: Path) -> None:
    desk, key = Desk(), "sk-ant-api03-abcdefghijklmnop"
    log = tmp_path / "audit.jsonl"
    desk.inbox = Inbox(
        Surroundings(
            world=lambda: desk.world, post=desk.post, now=lambda: desk.now, spec=lambda _: {}, rules=Rules,
            ledger=Ledger(Audit(str(log)).append, "main", desk.notes.append), note=desk.notes.append,
            instead=desk.instead,
        ),
        desk.breakers,
    )  # fmt: skip
    desk.hold("a1", {"tool": f"deploy {key}", "url": f"https://h/{key}"})
    [question] = desk.world.runs["k3f"].questions
    assert key not in repr(question)
    assert key not in log.read_text()


def answer(desk: Desk, caller: Caller | None = None, **args: Any) -> Mapping[str, Any]:
    return asyncio.run(desk.verbs.answer(args, caller or Caller()))


def test_a_question_of_a_worker_with_a_weaker_grade_says_so_and_what_that_loses() -> None:
    desk = Desk()
    desk.hold("a1", UNKNOWN)
    run = desk.world.runs["k3f"]
    [question] = asyncio.run(desk.verbs.approvals({}, Caller()))["questions"]
    assert (question["weaker"], question["lost"]) == ("", [])
    grade = {"sandbox": "none", "accepted": ["none"], "lost": ["nothing is enforced"]}
    desk.world = World(desk.world.session, {"k3f": replace(run, grade=grade)})
    [question] = asyncio.run(desk.verbs.approvals({}, Caller()))["questions"]
    assert (question["weaker"], question["lost"]) == ("WEAKER: none", ["nothing is enforced"])


def test_the_verbs_list_and_answer_by_run_by_id_and_all_together() -> None:
    desk = Desk()
    desk.hold("a1", UNKNOWN)
    desk.hold("a2", {"tool": "publish"})
    listed = asyncio.run(desk.verbs.approvals({}, Caller()))["questions"]
    assert [(one["id"], one["agent"], one["remaining_s"]) for one in listed] == [
        ("k3f.a1", "codex", 600.0),
        ("k3f.a2", "codex", 600.0),
    ]
    assert [part["decision"] for part in listed[0]["parts"]] == ["ask"]
    with pytest.raises(PanError, match="asks 2 questions"):
        answer(desk, what="k3f", allow=True)
    assert answer(desk, what="k3f.a2", allow=False) == {"answered": ["k3f.a2"], "allow": False}
    assert answer(desk, what="k", allow=True) == {"answered": ["k3f.a1"], "allow": True}
    with pytest.raises(PanError, match="has its answer already: denied by operator") as error:
        answer(desk, what="k3f.a2", allow=True)
    assert error.value.code is ExitCode.CONFLICT


@pytest.mark.parametrize(
    "args", [{"what": 3, "allow": True}, {"what": "k3f", "allow": "yes"}, {"what": "k3f"}, {"allow": True}]
)
def test_an_answer_that_is_none_changes_nothing(args: dict[str, Any]) -> None:
    desk = Desk()
    desk.hold("a1", UNKNOWN)
    with pytest.raises(PanError) as error:
        answer(desk, **args)
    assert error.value.code is ExitCode.USAGE
    assert desk.answers() == []


def test_a_worker_cant_answer_and_neither_can_nobody() -> None:
    desk = Desk()
    desk.hold("a1", UNKNOWN)
    worker = Caller()
    for pid in (7, None):
        worker.pid = pid  # type: ignore[assignment]
        with pytest.raises(PanError, match="a worker can't answer"):
            answer(desk, worker, what="k3f", allow=True)
    assert desk.answers() == []
    assert Word.ASKED.value in desk.words()
