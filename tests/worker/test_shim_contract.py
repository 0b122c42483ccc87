"""What an outcome is to meet: files, patterns, a schema, a check of its own; each miss is named."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pancode.engine.schemas import fault_in, parsed, unmet
from pancode.worker.contract import missing
from pancode.worker.verdict import Ending, judge
from tests.worker.enclosing import needs_bwrap, profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.conftest import Controller, MakeShim, Shim

JUDGE = [sys.executable, "-I", str(Path(__file__).parents[2] / "pancode" / "engine" / "schemas.py")]
NUMBERS = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def contract(**parts: Any) -> dict[str, Any]:
    return {"files": [], "patterns": [], "command": None, "schema": None, "judge": JUDGE, **parts}


def said_so(text: str, *, ok: bool = True) -> dict[str, Any]:
    return {"kind": "finished", "ok": ok, "result": text}


def unmet_of(shim: Shim) -> list[str]:
    record = shim.result()["evidence"]["record"]
    assert record["kind"] == "contract"
    assert record["message"] == "; ".join(record["unmet"])
    return list(record["unmet"])


def test_an_outcome_that_meets_everything_is_done(make_agent: MakeShim) -> None:
    shim = make_agent(
        said_so('All done.\n```json\n{"n": 3}\n```\n'),
        then="mkdir -p a; echo x > a/out.txt",
        contract=contract(
            files=["a/out.txt"], patterns=["^All done"], schema=NUMBERS, command="grep -q x a/out.txt"
        ),
    ).start()
    assert shim.end() == 0
    assert shim.verdict() == ("done", "completed")
    kinds = [event["kind"] for event in shim.events()]
    assert kinds[-5:] == ["checking", "exec", "exited", "checked", "ended"]
    assert shim.events("checked")[0]["ok"] is True
    assert b"checking: grep" in shim.seen


def test_each_unmet_item_is_named(make_agent: MakeShim) -> None:
    shim = make_agent(
        said_so('{"n": "three"}'),
        contract=contract(
            files=["missing.txt"],
            patterns=["done"],
            schema=NUMBERS,
            command="echo 2 failed; exit 7",
        ),
    ).start(pane=False)
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "contract")
    assert unmet_of(shim) == [
        'there is no file "missing.txt"',
        "nothing in the result matches 'done'",
        "the result at $.n: 'three' is not of type 'integer'",
        'the check "echo 2 failed; exit 7" ended with exit status 7: 2 failed',
    ]
    assert shim.result()["evidence"]["exit"] == 0
    assert (shim.folder / "check.raw").read_text().strip() == "2 failed"


def test_an_agent_that_failed_is_not_checked(make_agent: MakeShim) -> None:
    checks = contract(command="echo checked > checked")
    shim = make_agent(said_so("", ok=False), contract=checks).start(pane=False)
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "agent-error")
    assert not (shim.folder.parent / "checked").exists()


def test_a_command_is_checked_by_its_own_output(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", "echo 12 passed", contract=contract(patterns=["passed$", "skipped"]))
    shim.start(pane=False)
    assert shim.end() == 1
    assert unmet_of(shim) == ["nothing in the result matches 'skipped'"]


def test_a_result_that_cannot_be_judged_is_not_done(make_shim: MakeShim, tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import sys; sys.stdin.read(); sys.exit(3)")
    checks = contract(patterns=["x"], judge=[sys.executable, "-I", str(slow)])
    shim = make_shim("sh", "-c", "echo x", contract=checks).start(pane=False)
    assert shim.end() == 1
    assert "couldn't be judged" in unmet_of(shim)[0]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("agent", ["structured", "command"])
def test_a_check_can_be_stopped(
    make_agent: MakeShim,
    make_shim: MakeShim,
    controllers: Callable[[], Controller],
    force: bool,
    agent: str,
) -> None:
    controller = controllers()
    checks = contract(command="echo up > up; sleep 1010 & sleep 1011")
    if agent == "structured":
        shim = make_agent(said_so("done"), contract=checks)
    else:
        shim = make_shim("true", contract=checks)
    shim.start()
    controller.accept()
    controller.say(ack=0)
    shim.wait_file("up")
    controller.say(do="stop", by="operator", why="enough", force=force)
    assert shim.end() == 8
    assert shim.verdict() == ("cancelled", "stopped")
    assert not shim.survivors()


def test_a_check_can_be_paused_and_counts_against_the_runs_time(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    checks = contract(command="echo up > up; sleep 1012")
    limits = {"wall_s": 1.0}
    shim = make_agent(said_so("done"), contract=checks, limits=limits, heartbeat_s=0.1).start(pane=False)
    controller.accept()
    controller.say(ack=0)
    shim.wait_file("up")
    controller.say(do="pause", by="operator", why="")
    shim.wait_event("paused")
    beats = len(shim.events("heartbeat"))
    shim.wait_event_count("heartbeat", beats + 12)
    controller.say(do="resume", by="operator")
    assert shim.end() == 6
    assert shim.verdict() == ("timeout", "wall-timeout")


def test_ctrl_c_ends_a_check(make_agent: MakeShim) -> None:
    shim = make_agent(said_so("done"), contract=contract(command="echo up > up; sleep 1013")).start()
    shim.wait_file("up")
    shim.type(b"\x03")
    assert shim.end() == 8
    assert shim.verdict() == ("cancelled", "stopped")


@needs_bwrap
def test_a_check_runs_in_the_sandbox_of_its_agent(make_agent: MakeShim, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    tree = tmp_path / "tree"
    tree.mkdir()
    command = f'test -z "$KEY" && echo in > in.txt && ! (echo out > {outside}/f)'
    checks = contract(command=command)
    outside.mkdir()
    secret = {"env_from": ["KEY"], "handoff": str(tmp_path / "handoff")}
    (tmp_path / "handoff").write_text('{"KEY": "secret"}')
    shim = make_agent(said_so("done"), contract=checks, cwd=str(tree), sandbox=profile(tree), **secret).start(
        pane=False
    )
    assert shim.end() == 0, shim.result()
    assert (tree / "in.txt").exists()
    assert not list(outside.iterdir())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("plain", None),
        ("deep/er/plain", None),
        ("nothing", "there is no file"),
        ("deep/nothing/x", "there is no file"),
        ("link", "is not a plain file"),
        ("away/passwd", "without following a link"),
        ("deep", "is not a plain file"),
        ("pipe", "is not a plain file"),
    ],
)
def test_only_a_plain_file_below_the_directory_counts(tmp_path: Path, path: str, words: str | None) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("plain", "deep/er/plain"):
        (tmp_path / name).write_text("x")
    (tmp_path / "link").symlink_to("plain")
    (tmp_path / "away").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    found = missing(str(tmp_path), path)
    assert (found is None) is (words is None)
    assert words is None or words in str(found)


def test_a_judged_result() -> None:
    assert unmet("12 passed", ["passed"], None) == []
    assert unmet("no", [], NUMBERS) == ["the result is not JSON, and has no block of it"]
    assert unmet('{"n": 1}', [], NUMBERS) == []
    assert unmet("{}", [], NUMBERS) == ["the result at $: 'n' is a required property"]
    assert parsed('```\n1\n```\nthen\n```json\n{"n": 2}\n```') == {"n": 2}
    assert len(unmet("[" + ",".join(["1"] * 99) + "]", [], {"items": {"type": "string"}})) == 20
    assert fault_in(NUMBERS) is None
    assert "not valid" in str(fault_in({"type": "nonsense"}))
    away = unmet("{}", [], {"$ref": "http://127.0.0.1:9/schema.json"})
    assert "can't be held against the schema" in away[0]


def test_the_verdict_of_an_agent_that_ended_well() -> None:
    end = Ending(structured=True, exit_code=0)
    end.finished = {"kind": "finished", "ok": True}
    assert judge(end)[:2] == ("done", "completed")
    end.unmet = ["a", "b"]
    status, reason, evidence = judge(end)
    assert (status, reason, evidence["exit"]) == ("failed", "contract", 0)
    assert evidence["record"] == {"kind": "contract", "message": "a; b", "unmet": ["a", "b"]}
    end.cut, end.cause, end.stop = True, "wall-timeout", {"kind": "stop_requested", "by": "limit", "why": "x"}
    assert judge(end)[:2] == ("timeout", "wall-timeout")
