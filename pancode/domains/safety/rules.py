"""The user's rules as data: what each says, which of them an action meets, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

from pancode.core.actions import Decision
from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.commands.judgement import Part
from pancode.domains.safety.matchers import Hosts, Matcher, PathAction, Paths, Text, Tools, Words, host_name
from pancode.domains.safety.pathglob import PathPattern
from pancode.domains.safety.settings import SandboxSettings

__all__ = ["Hosts", "Matcher", "Mistake", "PathAction", "Paths", "Rule", "Rules", "Text", "Tools", "Words"]

HTTPS = 443
_DEFAULTS = SandboxSettings()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, where it stands ("file:line"), what it decides, and why."""

    name: str
    where: str
    decision: Decision
    because: str
    what: Matcher

    def met(self, part: Part, cwd: str) -> bool:
        """Whether a part of a command meets this rule; a rule about texts or tools is met elsewhere."""
        match self.what:
            case Words():
                is_loosening = self.decision is Decision.ALLOW
                return self.what.is_exactly(part) if is_loosening else self.what.met(part)
            case Paths():
                return self.what.met(part, cwd)
            case Hosts():
                return self.decision is not Decision.ALLOW and self.what.met(part)
            case Text():
                return self.what.met(part.text)
            case Tools():
                return False


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a rule file: where ("file:line"), what, and what to do about it."""

    where: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        """Give the sentence with its place."""
        return f"{self.where}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Rules:
    """All that the user's file and the project's say together.

    With a mistake in either, nothing of both is in force: whoever judges by them blocks everything.
    `notes` name lines without effect; `digest` is a hash of both files.
    """

    entries: tuple[Rule, ...] = ()
    settings: SandboxSettings = _DEFAULTS
    mistakes: tuple[Mistake, ...] = ()
    notes: tuple[Mistake, ...] = ()
    digest: str = ""

    def check(self) -> None:
        """Raise PanError (CONFIG) that lists every mistake, unless there is none."""
        if not self.mistakes:
            return
        remedies = dict.fromkeys(mistake.remedy for mistake in self.mistakes if mistake.remedy)
        raise PanError(
            "\n  ".join(str(mistake) for mistake in self.mistakes),
            remedy="; ".join(remedies) or "mend the file; until then no worker starts",
            code=ExitCode.CONFIG,
        )

    def met(self, part: Part, cwd: str) -> tuple[Rule, ...]:
        """Give the rules that a part of a command meets in the directory `cwd`, in their order."""
        return tuple(rule for rule in self.entries if rule.met(part, cwd))

    def about_tool(self, tool: str) -> tuple[Rule, ...]:
        """Give the rules that name this tool."""
        return tuple(rule for rule in self.entries if isinstance(rule.what, Tools) and rule.what.met(tool))

    def about_text(self, text: str) -> tuple[Rule, ...]:
        """Give the rules of the older formats that are found in a whole command."""
        return tuple(rule for rule in self.entries if isinstance(rule.what, Text) and rule.what.met(text))

    def is_listed(self, host: str) -> bool:
        """Whether workers may talk to this host, as far as the lists of hosts go."""
        return Hosts(self.hosts).covers(host) and not Hosts(self.barred_hosts).covers(host)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Give the listed hosts as "name:port" or "*.name:port"."""
        listed = [*self.settings.hosts, *self._hosts(Decision.ALLOW)]
        return tuple(dict.fromkeys(_with_port(host) for host in listed))

    @property
    def barred_hosts(self) -> tuple[str, ...]:
        """Give the hosts that rules block or ask about, without ports: no list lets a worker through to them.

        A way out of the sandbox can't ask.
        """
        barred = [*self._hosts(Decision.BLOCK), *self._hosts(Decision.ASK)]
        return tuple(dict.fromkeys(host_name(host) for host in barred))

    def paths(self, action: PathAction) -> tuple[PathPattern, ...]:
        """Give the patterns for which rules block what `action` says."""
        return tuple(
            pattern
            for rule in self.entries
            if rule.decision is Decision.BLOCK and isinstance(rule.what, Paths) and rule.what.action is action
            for pattern in rule.what.patterns
        )

    def _hosts(self, decision: Decision) -> list[str]:
        return [
            host
            for rule in self.entries
            if rule.decision is decision and isinstance(rule.what, Hosts)
            for host in rule.what.patterns
        ]


def _with_port(host: str) -> str:
    name = host_name(host)
    shown = f"[{name}]" if ":" in name else name
    port = host.rpartition(":")[2] if host.lower() not in (name, shown) else str(HTTPS)
    return f"{shown}:{port}"
