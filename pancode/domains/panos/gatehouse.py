"""The gate before each call of the orchestrator's: who calls, in which mode, at which level."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pancode.core.actions import Decision
from pancode.core.errors import ExitCode, PanError
from pancode.core.redact import redact
from pancode.core.state import Run, Stopping, World
from pancode.core.tooltable import kind_of, shown, verdict
from pancode.domains.agents.api import ORCHESTRATOR
from pancode.domains.panos.api import SUMMARY_ASKED
from pancode.domains.safety.api import Decided, Word, grant_now

log = logging.getLogger("pancode")
_READS = frozenset({"task_list", "pan_read_config"})
"""Tools whose calls change nothing and start nothing: those that pass are not in the audit."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What the gate has said to a call: `word` as the audit has it, and why not."""

    word: Word
    why: str

    @property
    def goes_on(self) -> bool:
        """Whether the call is looked at further; a person may still say no."""
        return self.word is not Word.BLOCKED


class Gatehouse:
    """Judges calls by the mode table, by the level, and by the run's grant, all at this moment."""

    def __init__(self, world: Callable[[], World], append: Callable[[Decided], object], session: str) -> None:
        """Read the `world` at each call; `append` writes to the audit log."""
        self._world = world
        self._append = append
        self._session = session

    def run(self, run_id: object) -> Run:
        """Give the live turn that calls; PanError for anything else."""
        run = self._world().runs.get(run_id) if isinstance(run_id, str) else None
        if run is None or not run.is_live:
            raise PanError(f'no turn "{run_id}" is under way', code=ExitCode.NOT_FOUND)
        if run.agent != ORCHESTRATOR or run.parent is not None:
            raise PanError(
                f"run {run.id} is a worker's: it has no tools of the session", code=ExitCode.REFUSED
            )
        if isinstance(run.state, Stopping):
            raise PanError(f"the turn {run.id} is being stopped", code=ExitCode.REFUSED)
        return run

    def visible(self, run: Run) -> list[str]:
        """Give the remote tools that both the run's mode and the session's show now; to a summary none."""
        if run.task.startswith(SUMMARY_ASKED):
            return []
        modes = {run.grant.mode, self._world().session.mode}
        return [
            name for name in shown(run.grant.mode, local=False) if all(name in shown(one) for one in modes)
        ]

    def judge(self, run: Run, tool: str, args: object) -> Passed:
        """Say whether a call may be made, and write that down; one that can't be written down may not."""
        session = self._world().session
        modes = (run.grant.mode, session.mode)
        decision, why = verdict(tool, modes, grant_now(run, session).level)
        if run.task.startswith(SUMMARY_ASKED):
            decision, why = Decision.BLOCK, "a summary is written without calls"
        word = Word.BLOCKED if decision is Decision.BLOCK else Word.ALLOWED
        passed = Passed(word, why)
        if tool in _READS and passed.goes_on:
            return passed
        return passed if self.note(run, tool, args, word, why or "the mode shows it") else _UNWRITTEN

    def note(self, run: Run, tool: str, args: object, word: Word, why: str) -> bool:
        """Write one decision into the audit log, and say whether it is written."""
        text = json.dumps(args, sort_keys=True, default=repr, ensure_ascii=False)
        action: Mapping[str, Any] = {"tool": tool, "command": redact(text)}
        try:
            self._append(
                Decided(
                    run=run.id, session=self._session, agent=run.agent, action=action,
                    digest=hashlib.sha256(f"{tool}\0{text}".encode()).hexdigest(),
                    kind=kind_of(tool).value, decision=word, by="policy", rule="mode table", why=why,
                )
            )  # fmt: skip
        except (PanError, OSError) as error:
            log.warning("a call of the orchestrator can't be written to the audit log: %s", error)
            return False
        return True


_UNWRITTEN = Passed(Word.BLOCKED, "the decision can't be written to the audit log, so nothing is done")
