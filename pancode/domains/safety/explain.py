"""Explains what the policy says about a command: every part, every rule with its place, every level."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pancode.core.actions import ActionClass, Decision, decide_class, severest
from pancode.core.grants import Grant, Level, Mode
from pancode.core.redact import redact
from pancode.domains.safety.commands.judgement import Judgement, Place
from pancode.domains.safety.evaluate import BUILT_IN, Verdict, evaluate
from pancode.domains.safety.rulefile import load, rule_files
from pancode.domains.safety.rules import Mistake, Rule, Rules
from pancode.domains.safety.tools import judge_command
from pancode.engine import places


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that a part of the command meets; `source` is "built-in" or "file:line"."""

    text: str
    kind: ActionClass
    decision: Decision
    rule: str
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is said about one command; texts are redacted.

    `parts` has a reason for the class of each part, and one more for each of the user's rules that it meets.
    """

    command: str
    kind: ActionClass
    mode: Mode
    cwd: str
    parts: tuple[Reason, ...]
    verdicts: Mapping[Level, Verdict]
    mistakes: tuple[Mistake, ...]
    notes: tuple[Mistake, ...]

    def as_json(self) -> dict[str, Any]:
        """Give it in the names that docs/json.md has."""
        return {
            "command": self.command,
            "class": self.kind.value,
            "meaning": self.kind.meaning,
            "mode": self.mode.value,
            "cwd": self.cwd,
            "decisions": {level.value: verdict.decision.value for level, verdict in self.verdicts.items()},
            "levels": {
                level.value: {"rule": verdict.rule, "source": verdict.source, "why": redact(verdict.why)}
                for level, verdict in self.verdicts.items()
            },
            "parts": [
                {
                    "text": part.text,
                    "class": part.kind.value,
                    "decision": part.decision.value,
                    "rule": part.rule,
                    "source": part.source,
                    "why": part.why,
                }
                for part in self.parts
            ],
            "mistakes": [str(mistake) for mistake in self.mistakes],
            "notes": [str(note) for note in self.notes],
        }


def explained(command: Sequence[str], cwd: str, mode: Mode, levels: Sequence[Level]) -> Explanation:
    """Explain a command in the directory `cwd`: one word is a line of shell, more are its words."""
    text = command[0] if len(command) == 1 else shlex.join(command)
    rules, place = rules_at(cwd), place_at(cwd)
    judged = judge_command(text, place)
    verdicts = {
        level: evaluate({"tool": "shell", "command": text}, Grant(mode, level), place, rules)
        for level in levels
    }
    # The class after what the lists of hosts soften; with a mistake in the rules nothing is softened.
    kind = judged.kind if rules.mistakes else severest(*(verdict.kind for verdict in verdicts.values()))
    shown = Grant(mode, levels[0] if len(levels) == 1 else Level.AUTO_EDIT)
    parts = tuple(_reasons(judged, rules, place.cwd, text, shown))
    return Explanation(redact(text), kind, mode, place.cwd, parts, verdicts, rules.mistakes, rules.notes)


def rules_at(cwd: str) -> Rules:
    """Load the rules that hold in a directory: the user's, and those of the project around it."""
    return load(*rule_files(places.project_root(cwd)))


def place_at(cwd: str) -> Place:
    """Give the place of a command in a directory; a home is no work tree, even if git says so."""
    home, here = os.path.realpath(os.path.expanduser("~")), os.path.realpath(cwd)
    root = places.project_root(here)
    if (home + "/").startswith(root.rstrip("/") + "/"):
        root = here
    return Place(worktree=root, cwd=here, home=home)


def _reasons(judged: Judgement, rules: Rules, cwd: str, text: str, grant: Grant) -> list[Reason]:
    found: list[Reason] = []
    for part in judged.parts:
        decision = decide_class(part.kind, grant)
        found.append(Reason(redact(part.text), part.kind, decision, part.rule, BUILT_IN, redact(part.why)))
        found += [_by_rule(rule, part.text, part.kind) for rule in rules.met(part, cwd)]
    told = {(reason.rule, reason.source) for reason in found}
    for rule in (*rules.about_tool("shell"), *rules.about_text(text)):
        if (rule.name, rule.where) not in told:
            found.append(_by_rule(rule, text, judged.kind))
    return found


def _by_rule(rule: Rule, text: str, kind: ActionClass) -> Reason:
    return Reason(redact(text), kind, rule.decision, rule.name, rule.where, rule.because)
