"""Checks a rule against the examples that its author wrote beside it."""

from __future__ import annotations

from pancode.core.actions import Decision
from pancode.domains.safety.commands.judgement import Place
from pancode.domains.safety.matchers import Hosts, Paths, Text, Tools, Words, host_name
from pancode.domains.safety.pathglob import path_pattern
from pancode.domains.safety.rules import Rule


def is_met(rule: Rule, example: str, home: str) -> bool:
    """Whether the rule is met by a command, path, host or tool, whichever it speaks of."""
    match rule.what:
        case Words():
            return _is_command_met(rule, rule.what, example, home)
        case Paths():
            path = "/" + "/".join(name for name in path_pattern(example, home).segments if name != "**")
            return any(pattern.covers(path) for pattern in rule.what.patterns)
        case Hosts():
            return rule.what.covers(host_name(example))
        case Tools():
            return rule.what.met(example)
        case Text():
            return rule.what.met(example)


def _is_command_met(rule: Rule, words: Words, example: str, home: str) -> bool:
    from pancode.domains.safety.tools import judge_command

    place = Place(home=home)
    parts = [part for part in judge_command(example, place).parts if part.words]
    if rule.decision is Decision.ALLOW:
        return bool(parts) and all(words.is_exactly(part) for part in parts)
    return any(rule.met(part, place.cwd) for part in parts)
