"""The command pane: what lines mean, what is news, and the prompt on a real terminal."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from pancode.cli.console import known_verbs
from pancode.cli.main import cli
from pancode.domains.ui.commands import Say, Talk, Words, meaning
from pancode.domains.ui.news import News
from pancode.domains.ui.slash import COMMANDS
from pancode.engine.places import Places
from tests.ui.conftest import Opener
from tests.ui.fakes import NOW, FakeController, Pane, fresh, status, worker

CONSOLE = "pancode.cli.console"
VERBS = ("mode", "run", "status", "stop")
Start = Callable[..., FakeController]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("status", "status"),
        ("pancode stop k3f", "stop k3f"),
        ("run 'fix it'", "run / --detach / fix it"),
        ("run --wait x", "run --wait x"),
        ("@codex fix 'it", "run / --agent / codex / --detach / -- / fix 'it"),
        ("!echo $HOME | wc", "run / --agent / shell / --detach / -- / echo $HOME | wc"),
        ("!-rf", "run / --agent / shell / --detach / -- / -rf"),
        ("pancode", "--help"),
        ("--version", "--version"),
    ],
)
def test_a_line_is_a_verb_or_a_run(line: str, words: str) -> None:
    assert meaning(line, VERBS) == Words(tuple(words.split(" / " if " / " in words else " ")))


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("statsu", "did you mean status?"),
        ("/statsu", "did you mean /status?"),
        ("/safety 'x", "can't read that line"),
        ("/help", "/stoprun"),
        ("/help mode", "/mode: tell or set the mode"),
        ("/hotkeys", "Ctrl-X Ctrl-E"),
        ("@codex", "and then the task"),
        ("!", "the command after the !"),
        ("run 'fix", "can't read that line"),
        ("exit", "leave with the prefix key"),
        ("help", "@agent task"),
    ],
)
def test_a_line_that_does_nothing_says_what_would(line: str, part: str) -> None:
    answer = meaning(line, VERBS)
    assert isinstance(answer, Say)
    assert part in answer.text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/safety suggest", "safety suggest"),
        ("/mode plan", "mode plan"),
        ("/stoprun k3f", "stop k3f"),
        ("/status", "status"),
        ("/run 'fix it'", "run / --detach / fix it"),
        ("/budget day off", "budget unset day"),
        ("/budget unset day", "budget unset day"),
        ("/budget off", "budget unset session"),
        ("/budget day 5", "budget set day 5usd"),
    ],
)
def test_a_command_with_a_slash_is_a_verb(line: str, words: str) -> None:
    known = (*VERBS, "safety", "budget")
    assert meaning(line, known) == Words(tuple(words.split(" / " if " / " in words else " ")))


@pytest.mark.parametrize("name", sorted(COMMANDS))
@pytest.mark.parametrize("given", [(), ("x",)])
def test_every_command_is_a_verb_that_there_is(name: str, given: tuple[str, ...]) -> None:
    verb, *rest = COMMANDS[name][0](given)
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    if isinstance(command, click.Group) and rest and rest[0] not in ("x", *_options(command)):
        inner = command.get_command(click.Context(command), rest[0])
        assert inner is not None
        command, rest = inner, rest[1:]
    assert {word for word in rest if word.startswith("--")} <= set(_options(command))


def _options(command: click.Command) -> list[str]:
    return [option for parameter in command.params for option in parameter.opts]


def test_any_other_line_is_for_panos() -> None:
    assert meaning("please fix the tests", VERBS) == Talk("please fix the tests")
    assert meaning("? stop and think", VERBS) == Talk("stop and think")


def heard(news: News, *rows: dict[str, object]) -> list[str]:
    return [line for row in rows for line in news.hear({"topic": "worker", "worker": row}, NOW)]


def started(*rows: dict[str, object]) -> News:
    news = News()
    assert news.hear({"topic": "status", "status": status(*rows)}, NOW) == []
    return news


def test_starts_questions_and_ends_are_news_and_nothing_else_is() -> None:
    news = started(worker("old"))
    lines = heard(
        news,
        worker("old", doing="read x"),
        worker("k3f", "queued"),
        worker("k3f", "starting"),
        worker("k3f"),
        worker("k3f", doing="shell pytest"),
        worker("k3f", "asking", doing="rm -rf dist"),
        worker("k3f", "stopping"),
        worker("k3f", "done", ended=NOW + 52, cost={"usd": 0.11, "source": "agent"}),
        worker("old", "failed", ended=NOW, reason="auth"),
    )
    assert lines == [
        "› k3f codex working make the tests pass",
        "› k3f codex asks rm -rf dist",
        "› k3f codex stopping make the tests pass",
        "› k3f codex done in 1:52 $0.11",
        "› old codex failed (auth) in 1:00",
    ]


def test_what_ended_while_the_controller_was_away_is_told_once() -> None:
    news = started(worker("k3f"))
    again = {"topic": "status", "status": status(worker("k3f", "done", ended=NOW))}
    assert news.hear(again, NOW) == ["› k3f codex done in 1:00"]
    assert news.hear(again, NOW) == []


def test_news_of_a_worker_with_a_weaker_grade_say_so_in_red() -> None:
    weak = {"sandbox": "none", "net": "open", "accepted": ["none"], "lost": []}
    event = {"topic": "worker", "worker": worker("k3f", sandbox=weak, task="x" * 300)}
    (line,) = started().hear(event, NOW, width=60)
    assert line.startswith("› k3f codex working WEAKER: none xxx")
    assert len(line) == 60
    (line,) = started().hear(event, NOW, width=60, colour=True)
    assert "\x1b[1;31mWEAKER: none\x1b[0m" in line


def test_news_fit_into_one_line_of_the_pane() -> None:
    news = started()
    event = {"topic": "worker", "worker": worker("k3f", task="x" * 300)}
    (line,) = news.hear(event, NOW, width=60)
    assert len(line) == 60
    assert line.endswith("…")


def prompt(pane: Pane) -> None:
    pane.says("> ")


def test_news_leave_the_line_being_typed_alone(controllers: Start, opened: Opener) -> None:
    controller = controllers(status(fresh("k3f")))
    controller.answers["ask"] = {"ok": False, "error": {"problem": "no model is configured", "code": 10}}
    pane = opened(CONSOLE)
    pane.until(lambda: controller.subscribers > 0)
    prompt(pane)
    pane.press("nonsense worss\x1b[D\x1b[D")
    pane.says("worss")
    controller.push("worker", fresh("k3f", "failed", reason="auth"))
    pane.says("› k3f codex failed (auth)")
    pane.until(lambda: "> nonsense worss" in pane.output.partition("(auth)")[2])
    pane.press("d\x7fd\r")
    pane.says("no model is configured")
    assert ("ask", "nonsense wordss") in [(verb, args.get("text")) for verb, args in controller.asked]
    assert Path(os.environ["PANCODE_HOME"]).is_dir()


def test_the_edited_line_is_the_one_that_is_obeyed(here: Places, controllers: Start, opened: Opener) -> None:
    controller = controllers(status(fresh("k3f")))
    pane = opened(CONSOLE)
    pane.until(lambda: controller.subscribers > 0)
    prompt(pane)
    pane.press("satus\x1b[D\x1b[D\x1b[D\x1b[D")
    controller.push("worker", fresh("k3f", "failed", reason="auth"))
    pane.says("(auth)")
    pane.press("t\r")
    pane.says("auto-edit")
    pane.says("k3f")
    assert ("status", {}) in controller.asked
    history = Path(here.state, "console_history")
    pane.until(history.exists)
    assert "status" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0


def test_ctrl_c_clears_the_line_and_ctrl_d_says_how_to_leave(controllers: Start, opened: Opener) -> None:
    controllers()
    pane = opened(CONSOLE)
    prompt(pane)
    pane.press("stop everything")
    pane.says("everything")
    pane.interrupt()
    pane.press("\x04")
    pane.says("leave with the prefix key")
    pane.until(lambda: pane.output.rstrip(" ").endswith("\n>"))
    assert pane.process.poll() is None


def test_tab_completes_verbs_runs_and_agents(controllers: Start, opened: Opener) -> None:
    controller = controllers(status(fresh("k3f", agent="gemini")))
    pane = opened(CONSOLE)
    pane.until(lambda: controller.subscribers > 0)
    prompt(pane)
    pane.press("stat\t")
    pane.says("status ")
    pane.press("k\t")
    pane.says("status k3f ")
    pane.interrupt()
    pane.press("@gem\t")
    pane.says("@gemini ")


def test_without_a_controller_a_verb_says_so_and_the_prompt_stays(controllers: Start, opened: Opener) -> None:
    pane = opened(CONSOLE)
    prompt(pane)
    pane.press("status\r")
    pane.until(lambda: "is not up" in " ".join(pane.output.split()))
    pane.says("try: pancode up")
    controller = controllers(status(fresh("k3f")))
    pane.until(lambda: controller.subscribers > 0)
    controller.die()
    again = controllers(status(fresh("k3f", "failed", reason="crashed")))
    pane.until(lambda: again.subscribers > 0)
    pane.says("› k3f codex failed (crashed)")
    assert "Traceback" not in pane.output


def test_a_closed_pane_ends_the_prompt(controllers: Start, opened: Opener) -> None:
    controllers()
    pane = opened(CONSOLE)
    prompt(pane)
    os.kill(pane.process.pid, signal.SIGHUP)
    assert pane.process.wait(10) != 0


def test_the_verbs_are_those_of_the_command_line() -> None:
    assert {"status", "watch"} <= set(known_verbs())


def test_up_finds_the_latest_line_of_the_session_before(
    controllers: Start, opened: Opener, here: Places
) -> None:
    os.makedirs(here.state, exist_ok=True)
    Path(here.state, "console_history").write_text("oldest\nlatest\n")
    controller = controllers(status(fresh("k3f")))
    pane = opened(CONSOLE)
    pane.until(lambda: controller.subscribers > 0)
    prompt(pane)
    pane.press("\x1b[A")
    pane.says("latest")


def test_a_line_may_have_several_and_comes_back_whole(
    controllers: Start, opened: Opener, here: Places
) -> None:
    controller = controllers(status(fresh("k3f")))
    controller.answers["ask"] = {"ok": True, "result": {"run_id": "p1", "row": {}, "result": None}}
    pane = opened(CONSOLE)
    pane.until(lambda: controller.subscribers > 0)
    prompt(pane)
    pane.press("one\\\r")
    pane.says("… ")
    pane.press("two\x1b\rthree\r")
    pane.until(lambda: said(controller) == ["one\ntwo\nthree"])
    pane.press("\x1b[200~four\nfive\x1b[201~")
    pane.says("five")
    pane.press("\r")
    pane.until(lambda: said(controller)[1:] == ["four\nfive"])
    pane.until(lambda: pane.output.endswith("> "))
    log = "\n".join(f"/line {number}" for number in range(200))
    pane.press(f"\x1b[200~{log}\x1b[201~\x7f")
    pane.press(f"\x1b[200~{log}\x1b[201~ what is this?")
    pane.says("what is this?")
    assert "[pasted 200 lines] what is this?" in pane.screen.text.replace("\xa0", " ")
    assert "/line" not in pane.output
    pane.press("\x18\x0f")
    pane.says("/line 199")
    pane.press("\r")
    pane.until(lambda: said(controller)[2:] == [f"{log} what is this?"])
    pane.until(lambda: pane.output.endswith("> "))
    pane.press("\x1b[A\r")
    pane.until(lambda: said(controller)[3:] == [f"{log} what is this?"])
    pane.press("\x1b[A\x1b[A\x1b[A\x1b[A\r")
    pane.until(lambda: said(controller)[4:] == ["one\ntwo\nthree"])
    another = opened(CONSOLE)
    another.until(lambda: controller.subscribers > 1)
    prompt(another)
    another.press("\x1b[A\x1b[A")
    another.until(lambda: "[pasted 200 lines] what is this?" in another.output.replace("\xa0", " "))
    another.press("\r")
    another.until(lambda: said(controller)[5:] == [f"{log} what is this?"])


def said(controller: FakeController) -> list[str]:
    return [str(args["text"]) for verb, args in controller.asked if verb == "ask"]


def test_the_editor_key_lets_the_editor_have_the_line(
    controllers: Start, opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/worss/words/ "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    controller = controllers(status(fresh("k3f")))
    controller.answers["ask"] = {"ok": True, "result": {"run_id": "p1", "row": {}, "result": None}}
    pane = opened(CONSOLE)
    pane.until(lambda: controller.subscribers > 0)
    prompt(pane)
    pane.press("some worss\x18\x05")
    pane.says("> some words")
    assert said(controller) == []
    pane.press(" more\r")
    pane.until(lambda: said(controller) == ["some words more"])


def test_what_panos_says_stands_above_the_line_being_typed(controllers: Start, opened: Opener) -> None:
    controller = controllers(status())
    controller.answers["conversation"] = {
        "ok": True,
        "result": {"context": {"used": 1200, "window": 9000, "estimated": False, "parts": {"user": 1200}}},
    }
    pane = opened(CONSOLE)
    pane.until(lambda: controller.subscribers > 0)
    prompt(pane)
    pane.press("typing goes on")
    pane.says("typing goes on")
    controller.push("worker", fresh("p1", agent="panos", task="what is\nin src?"))
    pane.says("» what is")
    pane.says("  in src?")
    for record in (
        {"kind": "text", "text": "I send a sc", "delta": True},
        {"kind": "text", "text": "out.\nThen ", "delta": True},
        {"kind": "tool_started", "name": "shadow_explore", "args": {"queries": ["where is it"]}},
        {"kind": "tool_finished", "name": "shadow_explore", "ok": False, "result": "refused: no"},
    ):
        controller.push_record("p1", record)
    controller.push("worker", fresh("p1", "done", agent="panos", ended=NOW))
    pane.says("I send a scout.")
    pane.says("· shadow_explore where is it")
    pane.says("✗ refused: no")
    pane.says("context 1.2k of 9k: user ≈1.2k")
    pane.until(lambda: "> typing goes on" in pane.output.partition("1.2k of")[2])


def test_ctrl_c_in_an_empty_line_stops_the_turn(controllers: Start, opened: Opener) -> None:
    controller = controllers(status())
    pane = opened(CONSOLE)
    pane.until(lambda: controller.subscribers > 0)
    prompt(pane)
    controller.push("worker", fresh("p1", agent="panos"))
    controller.push_record("p1", {"kind": "text", "text": "Well\n"})
    pane.says("Well")
    pane.press("a line")
    pane.says("a line")
    pane.interrupt()
    pane.until(lambda: pane.output.rstrip(" ").endswith("\n>"))
    assert "stop" not in [verb for verb, _ in controller.asked]
    pane.interrupt()
    pane.until(lambda: "stop" in [verb for verb, _ in controller.asked])
