"""What is decided about an action: class, level and rules together, the strictest part counting."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pancode.core.actions import DECISIONS, ActionClass, Decision
from pancode.core.grants import Grant, Level, Mode
from pancode.domains.safety.commands.judgement import Part, Place, judgement
from pancode.domains.safety.evaluate import Verdict, action_digest, decide, evaluate
from pancode.domains.safety.rulefile import load
from pancode.domains.safety.rules import Rules
from pancode.domains.safety.tools import DISPATCHING, NOTES, judge_action

PLACE = Place("/w", "/w", "/home/dev")
FULL = Grant(Mode.BUILD, Level.FULL_AUTO)
AUTO = Grant(Mode.BUILD, Level.AUTO_EDIT)
PUSH = Part(
    "git push origin main", ActionClass.GIT_PUSH, "push", "it pushes", ("git", "push", "origin", "main")
)
LIST = Part("ls", ActionClass.FILE_READ, "reads", "it lists", ("ls",))


def rules_of(folder: Path, text: str) -> Rules:
    path = folder / "pansafety.yaml"
    path.write_text(text, encoding="utf-8")
    return load(str(path), None)


def decided(rules: Rules, *parts: Part, grant: Grant = FULL, **more: Any) -> Verdict:
    return decide(judgement(parts), grant, rules, **more)


@pytest.mark.parametrize("kind", ActionClass)
@pytest.mark.parametrize("level", Level)
def test_without_rules_the_table_decides(kind: ActionClass, level: Level) -> None:
    verdict = decided(Rules(), Part("x", kind, "r", "w"), grant=Grant(Mode.BUILD, level))
    assert verdict.decision is DECISIONS[kind][level]
    assert (verdict.kind, verdict.rule, verdict.source) == (kind, "r", "built-in")


def test_a_mode_that_changes_nothing_blocks_what_changes_and_says_so() -> None:
    one = Part("touch a", ActionClass.FILE_WRITE, "r", "it writes")
    review = decided(Rules(), one, grant=Grant(Mode.REVIEW, Level.FULL_AUTO))
    assert review.decision is Decision.BLOCK
    assert "in review mode" in review.why
    helper = decided(Rules(), one, grant=Grant(Mode.BUILD, Level.FULL_AUTO, read_only=True))
    assert helper.decision is Decision.BLOCK
    assert "read-only agent" in helper.why


def test_the_strictest_part_decides_and_all_are_told() -> None:
    system = Part("sudo x", ActionClass.SYSTEM_MODIFY, "privilege", "it becomes root", ("x",))
    verdict = decided(Rules(), LIST, PUSH, system)
    assert (verdict.decision, verdict.rule) == (Decision.BLOCK, "privilege")
    assert [part.decision for part in verdict.parts] == [Decision.ALLOW, Decision.ASK, Decision.BLOCK]


def test_a_rule_tightens_and_never_loosens(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, "rules:\n  - {name: look, command: ls, decision: ask, because: mine}\n")
    asked = decided(rules, LIST)
    assert (asked.decision, asked.rule, asked.source) == (
        Decision.ASK, "look", f"{tmp_path}/pansafety.yaml:2",
    )  # fmt: skip
    rules = rules_of(tmp_path, "rules:\n  - {command: git push, decision: ask}\n")
    assert decided(rules, PUSH, grant=AUTO).decision is Decision.BLOCK


def test_allow_answers_only_where_the_level_would_ask(tmp_path: Path) -> None:
    allow = "rules:\n  - {name: yes, command: git push origin main, decision: allow}\n"
    rules = rules_of(tmp_path, allow)
    assert decided(rules, PUSH).decision is Decision.ALLOW
    assert decided(rules, PUSH).rule == "yes"
    assert decided(rules, PUSH, grant=AUTO).decision is Decision.BLOCK
    assert decided(rules, PUSH, grant=Grant(Mode.PLAN, Level.FULL_AUTO)).decision is Decision.BLOCK
    stricter = rules_of(tmp_path, allow + "  - {command: git, decision: ask}\n")
    assert decided(stricter, PUSH).decision is Decision.ASK


def test_the_strictest_rule_wins_whatever_the_order(tmp_path: Path) -> None:
    for order in (("ask", "block"), ("block", "ask")):
        rows = "".join(f"  - {{name: {word}, command: ls, decision: {word}}}\n" for word in order)
        assert decided(rules_of(tmp_path, "rules:\n" + rows), LIST).rule == "block"


def test_listed_hosts_soften_what_is_not_listed_and_nothing_else(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, "sandbox:\n  hosts: [a.example]\n")

    def kind(rule: str, *hosts: str) -> ActionClass:
        part = Part("x", ActionClass.NETWORK_UNLISTED, rule, "w", hosts=hosts)
        return decided(rules, part).kind

    assert kind("host", "a.example") is ActionClass.NETWORK
    assert kind("host", "a.example", "b.example") is ActionClass.NETWORK_UNLISTED
    assert kind("host") is ActionClass.NETWORK_UNLISTED
    assert kind("upload", "a.example") is ActionClass.NETWORK_UNLISTED


def test_a_rule_about_a_tool_or_a_text_counts_for_the_whole(tmp_path: Path) -> None:
    rules = rules_of(
        tmp_path,
        "rules:\n  - {name: none, tools: web, decision: block}\n"
        "  - {name: good, tools: 'mcp__good__*', decision: allow}\n"
        "bashToolPatterns:\n  - pattern: 'l.; ls'\n",
    )
    rules.check()
    assert decided(rules, LIST, tool="web").rule == "none"
    assert decided(rules, LIST, LIST, tool="shell", text="ls; ls").decision is Decision.BLOCK
    good = evaluate({"tool": "mcp__good__look"}, FULL, PLACE, rules)
    assert (good.decision, good.rule) == (Decision.ALLOW, "good")
    assert evaluate({"tool": "mcp__good__look"}, AUTO, PLACE, rules).decision is Decision.BLOCK
    assert evaluate({"tool": "mcp__other"}, FULL, PLACE, rules).rule == "unknown-tool"


def test_a_mistake_in_the_rules_blocks_everything(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, "rules:\n  - {comand: ls}\n")
    verdict = evaluate({"tool": "read", "paths": ["/w/a"]}, FULL, PLACE, rules)
    assert verdict.decision is Decision.BLOCK
    assert verdict.source == f"{tmp_path}/pansafety.yaml:2"
    assert 'no key "comand"' in verdict.why


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ({"tool": "read", "paths": ["a.py"]}, ActionClass.FILE_READ),
        ({"tool": "edit", "paths": ["a.py"]}, ActionClass.FILE_WRITE),
        ({"tool": "edit", "paths": ["/w/.git/hooks/pre-commit"]}, ActionClass.GOVERNANCE_WRITE),
        ({"tool": "grep"}, ActionClass.FILE_READ),
        ({"tool": "edit"}, ActionClass.NOT_UNDERSTOOD),
        ({"tool": "edit", "paths": [7]}, ActionClass.NOT_UNDERSTOOD),
        ({"tool": "edit", "paths": "a"}, ActionClass.NOT_UNDERSTOOD),
        ({"tool": "shell"}, ActionClass.NOT_UNDERSTOOD),
        ({"tool": "shell", "command": ["ls"]}, ActionClass.NOT_UNDERSTOOD),
        ({"tool": "shell", "command": "ls"}, ActionClass.FILE_READ),
        ({"tool": "web", "url": "https://x.example/a"}, ActionClass.NETWORK_UNLISTED),
        ({"tool": "web", "url": "http://127.0.0.1:80/"}, ActionClass.NETWORK),
        ({"tool": "web", "url": "file:///etc/passwd"}, ActionClass.NOT_UNDERSTOOD),
        ({"tool": "web", "url": "http://[::"}, ActionClass.NOT_UNDERSTOOD),
        ({"tool": "web"}, ActionClass.NETWORK_UNLISTED),
        ({"tool": "TodoWrite"}, ActionClass.FILE_READ),
        ({"tool": "Task"}, ActionClass.AGENT_DISPATCH),
        ({"tool": "mcp__x__y"}, ActionClass.NOT_UNDERSTOOD),
        ({"tool": None}, ActionClass.NOT_UNDERSTOOD),
        ({}, ActionClass.NOT_UNDERSTOOD),
        ({"tool": "read", "paths": ["a"], "cwd": 5}, ActionClass.FILE_READ),
        ({"tool": "read", "paths": ["\ud800"]}, ActionClass.FILE_READ),
    ],
)
def test_every_action_has_a_class_and_odd_ones_are_not_understood(action: Any, kind: ActionClass) -> None:
    verdict = evaluate(action, FULL, PLACE, Rules())
    assert verdict.kind is kind
    assert verdict.decision is DECISIONS[kind][Level.FULL_AUTO]


def test_no_tool_is_harmless_and_dispatching_at_once() -> None:
    assert not NOTES & DISPATCHING


def test_the_directory_of_the_action_counts() -> None:
    assert evaluate({"tool": "edit", "paths": ["a"], "cwd": "/"}, FULL, PLACE, Rules()).decision is (
        Decision.BLOCK
    )
    assert evaluate({"tool": "edit", "paths": ["a"], "cwd": "sub"}, FULL, PLACE, Rules()).decision is (
        Decision.ALLOW
    )


def test_a_fault_of_the_classifier_lets_nothing_through(monkeypatch: pytest.MonkeyPatch) -> None:
    from pancode.domains.safety.commands import judge

    def fault(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(judge, "judge", fault)
    monkeypatch.setattr(judge, "judge_paths", fault)
    for action in ({"tool": "shell", "command": "ls"}, {"tool": "read", "paths": ["a"]}):
        found = judge_action(action, PLACE)  # type: ignore[arg-type]
        assert (found.kind, found.rule) == (ActionClass.NOT_UNDERSTOOD, "classifier-fault")


def test_an_action_has_one_digest(tmp_path: Path) -> None:
    first: dict[str, Any] = {"tool": "shell", "command": "ls", "cwd": "/w"}
    assert action_digest(first) == action_digest(dict(reversed(first.items())))
    assert action_digest(first) != action_digest({**first, "cwd": "/"})
    assert evaluate({"tool": "shell", "command": "ls", "cwd": "/w"}, AUTO, PLACE, Rules()).digest == (
        action_digest(first)
    )


def test_rules_meet_real_commands_through_their_wrapping(tmp_path: Path) -> None:
    rules = rules_of(
        tmp_path,
        "rules:\n  - name: cluster\n    command: kubectl delete\n    matches: [kubectl delete pod x, "
        "\"bash -c 'kubectl -n a delete pod x'\", env A=1 kubectl delete ns a]\n"
        "    not_matches: [kubectl get pods, echo kubectl delete]\n"
        "  - {name: secret, paths: '**/*.key', action: zero-access}\n",
    )
    rules.check()
    place = Place(str(tmp_path), str(tmp_path), os.path.expanduser("~"))
    for command, rule in (("cd sub && cat a.key", "secret"), ("true; timeout 5 kubectl delete x", "cluster")):
        verdict = evaluate({"tool": "shell", "command": command}, FULL, place, rules)
        assert (verdict.decision, verdict.rule) == (Decision.BLOCK, rule)
