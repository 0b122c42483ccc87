"""Reads the rules of one pansafety.yaml, in today's format and in the two older ones."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from pancode.core.actions import Decision
from pancode.domains.safety.matchers import REST, Hosts, Matcher, PathAction, Paths, Text, Tools, Words
from pancode.domains.safety.pathglob import PathPattern, path_pattern
from pancode.domains.safety.rules import Mistake, Rule
from pancode.engine.documents import Document, line_of, suggestion

SUBJECTS = ("command", "paths", "hosts", "tools")
_KEYS = ("name", *SUBJECTS, "action", "decision", "because", "matches", "not_matches")
_UNIFIED = ("pattern", "reason", "type", "action")
_UNIFIED_ACTIONS = {
    "deny": PathAction.READ_ONLY,
    "no-access": PathAction.ZERO_ACCESS,
    "no-delete": PathAction.NO_DELETE,
}
LEGACY_PATHS = {
    "zeroAccessPaths": PathAction.ZERO_ACCESS,
    "readOnlyPaths": PathAction.READ_ONLY,
    "noDeletePaths": PathAction.NO_DELETE,
}
LEGACY_COMMANDS = "bashToolPatterns"
_OPERATORS = frozenset({"|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1"})
_HOST = re.compile(
    r"\*(?::\d{1,5})?|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]{0,250}[a-z0-9_])?(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?"
)
_NULL = "tag:yaml.org,2002:null"


@dataclass(slots=True)
class Reader:
    """One file while it is read: its mistakes are in `document`, lines without effect in `notes`."""

    document: Document
    home: str
    is_project: bool
    entries: list[Rule] = field(default_factory=list)
    notes: list[Mistake] = field(default_factory=list)

    def where(self, node: yaml.Node) -> str:
        """Give "file:line" of a value."""
        return f"{self.document.path}:{line_of(node)}"

    def ignored(self, node: yaml.Node, what: str) -> None:
        """Note that a project's line has no effect, as it would widen what the user has set."""
        remedy = "if you want it, put it into the pansafety.yaml of your own"
        self.notes.append(Mistake(self.where(node), f"{what} has no effect: a project only tightens", remedy))

    def rules(self, node: yaml.Node) -> None:
        """Read the list under `rules:`."""
        for item in self.items(node, "rules"):
            known = {str(key.value) for key, _ in item.value} if isinstance(item, yaml.MappingNode) else set()
            rule = self._unified(item) if "pattern" in known else self._rule(item)
            if rule is not None:
                self.entries.append(rule)

    def legacy(self, key: str, node: yaml.Node) -> None:
        """Read a list of the oldest format."""
        for item in self.items(node, key):
            what: Matcher | None
            if key == LEGACY_COMMANDS:
                entries = self.document.mapping(item, "a pattern", ("pattern", "reason"))
                what = self._regex(entries.get("pattern", item))
                because = self.document.text(entries["reason"], "reason") if "reason" in entries else ""
            else:
                what, because = self._paths(LEGACY_PATHS[key], [item]), ""
            if what is not None:
                where = self.where(item)
                self.entries.append(Rule(key, where, Decision.BLOCK, because or f"{key} says so", what))

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """Give the items of a list that may be empty, or left out."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if node.tag != _NULL:
            self.document.wrong(node, f"{what} must be a list")
        return []

    def texts(self, node: yaml.Node, what: str) -> list[tuple[yaml.Node, str]]:
        """Give one text, or each of a list of them, with its place."""
        nodes = self.document.sequence(node, what) if isinstance(node, yaml.SequenceNode) else [node]
        found = [(each, self.document.text(each, what)) for each in nodes]
        return [(each, text) for each, text in found if text]

    def hosts(self, node: yaml.Node) -> tuple[str, ...]:
        """Read hosts: a name, "*." before it for all below, and a port where it isn't 443."""
        found = []
        for each, text in self.texts(node, "hosts"):
            if _HOST.fullmatch(text.lower()):
                found.append(text.lower())
            else:
                remedy = 'write "example.com", "*.example.com" or "example.com:8443"'
                self.document.wrong(each, f'"{text}" is not a host', remedy)
        return tuple(found)

    def _rule(self, node: yaml.Node) -> Rule | None:
        before = len(self.document.mistakes)
        entries = self.document.mapping(node, "a rule", _KEYS)
        subjects = [key for key in SUBJECTS if key in entries]
        if len(subjects) != 1:
            if len(self.document.mistakes) == before:
                self.document.wrong(node, "a rule has exactly one of " + ", ".join(SUBJECTS))
            return None
        name = self._word(entries, "name", os.path.basename(self.where(node)))
        because = self._word(entries, "because", f'the rule "{name}" says so')
        decision = self._decision(entries)
        what = self._matcher(subjects[0], entries, decision)
        if what is None or len(self.document.mistakes) > before:
            return None
        rule = Rule(name, self.where(node), decision, because, what)
        self._examples(rule, entries)
        if decision is Decision.ALLOW and self.is_project:
            self.ignored(node, f'the rule "{name}"')
            return None
        return rule

    def _word(self, entries: dict[str, yaml.Node], key: str, default: str) -> str:
        text = self.document.text(entries[key], key) if key in entries else ""
        return " ".join(text.split()) or default

    def _decision(self, entries: dict[str, yaml.Node]) -> Decision:
        if "decision" not in entries:
            return Decision.BLOCK
        text = self.document.text(entries["decision"], "decision")
        try:
            return Decision(text)
        except ValueError:
            remedy = suggestion(text, [each.value for each in Decision])
            self.document.wrong(entries["decision"], f'there is no decision "{text}"', remedy)
            return Decision.BLOCK

    def _matcher(self, subject: str, entries: dict[str, yaml.Node], decision: Decision) -> Matcher | None:
        node = entries[subject]
        if "action" in entries and subject != "paths":
            self.document.wrong(entries["action"], 'only a rule with "paths" has an action')
        match subject:
            case "command":
                patterns = [self._command(*each, decision) for each in self.texts(node, "command")]
                return Words(tuple(pattern for pattern in patterns if pattern)) if all(patterns) else None
            case "hosts":
                return Hosts(self.hosts(node))
            case "tools":
                return Tools(tuple(text for _, text in self.texts(node, "tools")))
            case _:
                if decision is Decision.ALLOW:
                    self.document.wrong(
                        entries["decision"],
                        "a rule about paths can't allow anything",
                        "what workers may see is set under sandbox: readable, writable",
                    )
                return self._paths(self._action(entries, node), [node])

    def _command(self, node: yaml.Node, text: str, decision: Decision) -> tuple[str, ...]:
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            self.document.wrong(node, f"this command can't be read: {str(error).lower()}")
            return ()
        rest = words[:-1] if words[-1:] == (REST,) else words
        if not rest or REST in rest:
            self.document.wrong(node, f'"{REST}" stands only at the end of a command')
        elif not _OPERATORS.isdisjoint(words):
            remedy = "write a rule for each command: the parts of a line are judged one by one"
            self.document.wrong(node, "a pattern is a single command", remedy)
        elif decision is Decision.ALLOW and any("*" in word or "?" in word for word in rest):
            remedy = f'only "{REST}" at the end leaves anything open'
            self.document.wrong(node, "an allowed command is written out", remedy)
        else:
            return words
        return ()

    def _action(self, entries: dict[str, yaml.Node], node: yaml.Node) -> PathAction:
        names = [action.value for action in PathAction]
        if "action" not in entries:
            self.document.wrong(node, "a rule about paths needs an action", f"action: {' | '.join(names)}")
            return PathAction.ZERO_ACCESS
        text = self.document.text(entries["action"], "action")
        if text not in names:
            self.document.wrong(entries["action"], f'there is no action "{text}"', suggestion(text, names))
            return PathAction.ZERO_ACCESS
        return PathAction(text)

    def _paths(self, action: PathAction, nodes: Iterable[yaml.Node]) -> Paths:
        patterns: list[PathPattern] = []
        for each, text in [pair for node in nodes for pair in self.texts(node, "paths")]:
            try:
                patterns.append(path_pattern(text, self.home))
            except ValueError as error:
                self.document.wrong(each, f'"{text}" is not a path: {error}')
        return Paths(action, tuple(patterns))

    def _regex(self, node: yaml.Node) -> Text | None:
        text = self.document.text(node, "pattern") if isinstance(node, yaml.ScalarNode) else ""
        try:
            return Text(re.compile(text)) if text else None
        except (re.error, RecursionError, OverflowError) as error:
            self.document.wrong(
                node, f"this regular expression can't be read: {error}", 'write it as "command:"'
            )
        return None

    def _unified(self, node: yaml.Node) -> Rule | None:
        entries = self.document.mapping(node, "a rule", _UNIFIED)
        if "pattern" not in entries:
            return None
        kind = self._word(entries, "type", "path")
        action = self._word(entries, "action", "deny")
        what: Matcher | None = None
        if action not in _UNIFIED_ACTIONS:
            self.document.wrong(node, f'there is no action "{action}"', suggestion(action, _UNIFIED_ACTIONS))
        elif kind == "bash":
            what = self._regex(entries["pattern"])
        elif kind == "path":
            what = self._paths(_UNIFIED_ACTIONS[action], [entries["pattern"]])
        else:
            self.document.wrong(node, f'there is no type "{kind}"', suggestion(kind, ["path", "bash"]))
        because = self._word(entries, "reason", "a rule of the older format says so")
        where = self.where(node)
        return Rule(os.path.basename(where), where, Decision.BLOCK, because, what) if what else None

    def _examples(self, rule: Rule, entries: dict[str, yaml.Node]) -> None:
        from pancode.domains.safety.examples import is_met

        for key, wanted in (("matches", True), ("not_matches", False)):
            for node, text in self.texts(entries[key], key) if key in entries else []:
                if is_met(rule, text, self.home) is not wanted:
                    said = "doesn't match" if wanted else "matches"
                    self.document.wrong(node, f'the rule "{rule.name}" {said} its example "{text}"')
