"""Decides about one action: its parts by class, level and rules; the strictest of all counts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pancode.core.actions import ActionClass, Decision, decide_class, severest
from pancode.core.grants import Grant, Mode
from pancode.domains.safety.commands.judgement import Judgement, Part, Place
from pancode.domains.safety.rules import Rule, Rules
from pancode.domains.safety.tools import UNKNOWN_TOOL, judge_action

if TYPE_CHECKING:
    from pancode.worker.profile import Action

BUILT_IN = "built-in"
BROKEN_RULES = "broken-rules"
"""The rule that blocks everything while a file of rules has a mistake."""
HOST = "host"
"""The built-in rule for a host that is not listed, which a list of the user's softens."""
_SAID = {Decision.ALLOW: "allowed", Decision.ASK: "asked about", Decision.BLOCK: "blocked"}


@dataclass(frozen=True, slots=True)
class PartVerdict:
    """What is decided about one part, and by which rule; `source` is "built-in" or "file:line"."""

    part: Part
    kind: ActionClass
    decision: Decision
    rule: str
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided about an action, by which rule, and why in one sentence.

    `kind` is the severest class of all parts; `digest` the hash of the action as it was asked for.
    """

    decision: Decision
    kind: ActionClass
    why: str
    rule: str
    source: str
    parts: tuple[PartVerdict, ...]
    digest: str


def evaluate(action: Action, grant: Grant, place: Place, rules: Rules) -> Verdict:
    """Decide about `action` in `place`; nothing that an action holds makes this raise.

    While a file of rules has a mistake, everything is blocked.
    """
    digest = action_digest(action)
    said: Mapping[str, object] = action
    command, tool, cwd = said.get("command"), said.get("tool"), said.get("cwd")
    if rules.mistakes:
        return _broken(rules, digest)
    if isinstance(cwd, str) and cwd:
        place = replace(place, cwd=os.path.normpath(os.path.join(place.cwd, cwd)))
    text = command if isinstance(command, str) else ""
    told = tool if isinstance(tool, str) else "?"
    return decide(
        judge_action(action, place), grant, rules, text=text, tool=told, cwd=place.cwd, digest=digest
    )


def decide(
    judgement: Judgement,
    grant: Grant,
    rules: Rules,
    *,
    text: str = "",
    tool: str = "",
    cwd: str = "/",
    digest: str = "",
) -> Verdict:
    """Decide about what was judged: `text` is the whole command, `tool` what it came through."""
    about_tool = rules.about_tool(tool)
    parts = [_part(part, grant, rules, cwd, about_tool) for part in judgement.parts]
    kind = severest(*(part.kind for part in parts)) if parts else judgement.kind
    whole = [
        PartVerdict(Part(text or tool, kind, rule.name, rule.because), kind, rule.decision, rule.name,
                    rule.where, rule.because)
        for rule in (*about_tool, *(rules.about_text(text) if text else ()))
        if rule.decision is not Decision.ALLOW
    ]  # fmt: skip
    if not parts:
        own = Part(text or tool, kind, judgement.rule, judgement.why)
        parts = [PartVerdict(own, kind, decide_class(kind, grant), own.rule, BUILT_IN, own.why)]
    deciding = _deciding(parts)
    # A rule about the whole says more only where it is stricter than all that the parts are.
    strictest = max(whole, key=lambda one: one.decision.rank, default=None)
    if strictest is not None and strictest.decision.rank > deciding.decision.rank:
        deciding = strictest
        parts.append(strictest)
    return Verdict(
        deciding.decision,
        kind,
        _why(deciding, grant),
        deciding.rule,
        deciding.source,
        tuple(parts),
        digest,
    )


def action_digest(action: Action | Mapping[str, Any]) -> str:
    """Give the SHA-256 of an action: the same for the same action, however its keys are ordered.

    >>> action_digest({"tool": "x", "cwd": "/"}) == action_digest({"cwd": "/", "tool": "x"})
    True
    """
    canonical = json.dumps(action, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _part(part: Part, grant: Grant, rules: Rules, cwd: str, about_tool: Sequence[Rule]) -> PartVerdict:
    kind = part.kind
    is_soft = kind is ActionClass.NETWORK_UNLISTED and part.rule == HOST
    if is_soft and part.hosts and all(rules.is_listed(host) for host in part.hosts):
        kind = ActionClass.NETWORK
    level = decide_class(kind, grant)
    met = rules.met(part, cwd)
    stricter = max(met, key=lambda rule: rule.decision.rank, default=None)
    if stricter is not None and stricter.decision.rank > level.rank:
        return PartVerdict(part, kind, stricter.decision, stricter.name, stricter.where, stricter.because)
    is_strict = any(rule.decision is not Decision.ALLOW for rule in (*met, *about_tool))
    if level is Decision.ASK and not is_strict:
        allowed = _allowing(met) or (_allowing(about_tool) if part.rule == UNKNOWN_TOOL else None)
        if allowed is not None:
            return PartVerdict(part, kind, Decision.ALLOW, allowed.name, allowed.where, allowed.because)
    return PartVerdict(part, kind, level, part.rule, BUILT_IN, part.why)


def _allowing(rules: Iterable[Rule]) -> Rule | None:
    return next((rule for rule in rules if rule.decision is Decision.ALLOW), None)


def _deciding(parts: Sequence[PartVerdict]) -> PartVerdict:
    strictest = max(part.decision.rank for part in parts)
    kinds = severest(*(part.kind for part in parts if part.decision.rank == strictest))
    return next(part for part in parts if part.decision.rank == strictest and part.kind is kinds)


def _why(deciding: PartVerdict, grant: Grant) -> str:
    if deciding.source != BUILT_IN:
        return f'{deciding.why} ({_SAID[deciding.decision]} by the rule "{deciding.rule}")'
    writer = replace(grant, mode=Mode.BUILD, read_only=False)
    if decide_class(deciding.kind, grant) is not decide_class(deciding.kind, writer):
        where = "for a read-only agent" if grant.read_only else f"in {grant.mode} mode"
    else:
        where = f"at {grant.level}"
    return f"{deciding.why} ({deciding.kind} is {_SAID[deciding.decision]} {where})"


def _broken(rules: Rules, digest: str) -> Verdict:
    first = rules.mistakes[0]
    why = f"a file of rules has a mistake, so everything is blocked: {first}"
    part = Part("", ActionClass.NOT_UNDERSTOOD, BROKEN_RULES, why)
    verdict = PartVerdict(part, part.kind, Decision.BLOCK, part.rule, first.where, why)
    return Verdict(Decision.BLOCK, part.kind, why, part.rule, first.where, (verdict,), digest)
