"""Writes what the inbox decides into the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pancode.core.errors import PanError
from pancode.core.redact import redact
from pancode.core.state import Ask, Run
from pancode.domains.safety.audit import Decided, Word
from pancode.domains.safety.decide import action_of
from pancode.domains.safety.evaluate import Verdict


@dataclass(frozen=True, slots=True)
class Held:
    """A held action, and how it was judged."""

    ask: Ask
    verdict: Verdict


class Ledger:
    """One session's way to the audit log."""

    def __init__(
        self, append: Callable[[Decided], object], session: str, note: Callable[[str], None]
    ) -> None:
        """Write through `append`; `note` is told once of a log that can't be written, until it can again."""
        self._append = append
        self._session = session
        self._note = note
        self._is_broken = False

    def write(self, run: Run, held: Held, decision: Word, by: str, why: str) -> bool:
        """Write one decision down, and say whether it is written."""
        decided = Decided(
            run=run.id, session=self._session, agent=run.agent, action=action_of(held.ask),
            digest=held.verdict.digest, kind=held.verdict.kind.value, decision=decision, by=by,
            rule=held.verdict.rule, why=redact(why),
        )  # fmt: skip
        try:
            self._append(decided)
        except (PanError, OSError) as error:
            if not self._is_broken:
                self._note(f"the audit log can't be written, so nothing is approved: {error}")
            self._is_broken = True
            return False
        self._is_broken = False
        return True
