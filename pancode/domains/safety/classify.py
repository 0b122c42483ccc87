"""Classifies one command after the other: what `pancode safety classify` answers to each line."""

from __future__ import annotations

import json
from typing import Any

from pancode.core.actions import DESTRUCTIVE
from pancode.core.grants import Grant, Level, Mode
from pancode.domains.safety.evaluate import decide
from pancode.domains.safety.explain import place_at, rules_at
from pancode.domains.safety.tools import judge_command

LONGEST_LINE = 10_000_000
"""Bytes of a line; of a longer one not even the JSON is read."""
_SHOWN = 200


class Classifier:
    """Answers for commands that would run in one directory, by the rules that hold there, in build mode."""

    def __init__(self, directory: str) -> None:
        """Load the rules; raise PanError (CONFIG) for a mistake in them."""
        self._place = place_at(directory)
        self._rules = rules_at(directory)
        self._rules.check()

    def answer_json(self, line: bytes) -> tuple[str, bool]:
        """Answer a line `{"command": …}` with a line of JSON, and say whether it was one."""
        try:
            if len(line) > LONGEST_LINE:
                return json.dumps({"error": f"the line is longer than {LONGEST_LINE} bytes"}), False
            asked = json.loads(line)
        except (ValueError, RecursionError) as error:
            return json.dumps({"error": f"the line is not JSON: {error}"}), False
        command = asked.get("command") if isinstance(asked, dict) else None
        if not isinstance(command, str):
            return json.dumps({"error": 'the line is not an object with the text "command"'}), False
        return json.dumps(self.classified(command)), True

    def answer_text(self, line: bytes) -> tuple[str, bool]:
        """Answer a line that is a command, for a person."""
        command = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        told = self.classified(command)
        decisions = " ".join(f"{level}={decision}" for level, decision in told["decisions"].items())
        shown = "".join(letter if letter.isprintable() else "?" for letter in command[:_SHOWN])
        return f"{told['class']:<16} {decisions}  {shown}  ({told['why']})", True

    def classified(self, command: str) -> dict[str, Any]:
        """Give class, decisions and reason of one command."""
        judged = judge_command(command, self._place)
        verdicts = {
            level: decide(
                judged,
                Grant(Mode.BUILD, level),
                self._rules,
                text=command,
                tool="shell",
                cwd=self._place.cwd,
            )
            for level in Level
        }
        kind = verdicts[Level.AUTO_EDIT].kind
        return {
            "command": command,
            "class": kind.value,
            "destructive": kind in DESTRUCTIVE,
            "decisions": {level.value: verdict.decision.value for level, verdict in verdicts.items()},
            "why": verdicts[Level.AUTO_EDIT].why,
        }
