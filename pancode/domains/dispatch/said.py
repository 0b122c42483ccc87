"""What was said to a run while it worked: kept in its folder, and sent as its next turn when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.patience import NotYetError
from pancode.core.redact import redact_value
from pancode.core.state import Run, World
from pancode.domains.agents.api import COMMAND, SHELL
from pancode.domains.dispatch.folders import Folders
from pancode.engine import files

NOT_SENT = "not sent"


def no_conversation(run: Run) -> PanError:
    """Say that a run's agent has told of no conversation."""
    return PanError(
        f'run {run.id} has no conversation to go on with: agent "{run.agent}" reported none',
        remedy="start a new run and say what it needs to know",
        code=ExitCode.REFUSED,
    )


def never_talks(run: Run) -> bool:
    """Whether it is clear from the beginning that there will be none: a plain program has none."""
    return run.runtime in (SHELL, COMMAND)


class Said:
    """The texts that wait, one file per run; each is sent once."""

    def __init__(
        self,
        folders: Folders,
        world: Callable[[], World],
        go_on: Callable[[Run, str], str],
        note: Callable[[str], None],
        spawn: Callable[[str, Coroutine[Any, Any, None]], None],
    ) -> None:
        """Keep texts in `folders`; `go_on` starts the next turn and gives its id; `note` says why not.

        `spawn` runs what can't be done at once.
        """
        self._spawn = spawn
        self._folders = folders
        self._world = world
        self._go_on = go_on
        self._note = note

    def keep(self, run_id: str, text: str, key: str | None = None) -> None:
        """Keep a text until the run has ended, once for each `key`; raise PanError if it can't be written."""
        kept = self._kept(run_id)
        if key is not None and self.has(run_id, key):
            return
        keys = [*kept.get("keys", []), *([key] if key is not None else [])]
        files.write_json(self._path(run_id), {"texts": [*kept.get("texts", []), text], "keys": keys})

    def has(self, run_id: str, key: str) -> bool:
        """Whether a text with this key was kept for the run, sent meanwhile or not."""
        return key in self._kept(run_id).get("keys", [])

    def sent_as(self, run_id: str) -> str | None:
        """Give the run that what was kept for this one has become; None while it waits, or if it can't be."""
        sent = self._kept(run_id).get("sent_as")
        return sent if isinstance(sent, str) and not sent.startswith(NOT_SENT) else None

    def send(self, run_id: str) -> None:
        """Start the next turn with what was said; nothing if nothing was, or if it has been sent."""
        kept = self._kept(run_id)
        run = self._world().runs.get(run_id)
        if run is None or not kept.get("texts") or kept.get("sent_as"):
            return
        if self._world().session.draining:
            sent_as = f"{NOT_SENT}: the session was shut down"
        else:
            try:
                sent_as = self._go_on(run, "\n\n".join(kept["texts"]))
            except NotYetError as error:
                self._spawn(f"go on with {run_id}", self._send_later(run_id, error))
                return
            except PanError as error:
                sent_as = f"{NOT_SENT}: {error.problem}"
                self._note(f"what was said to run {run_id} meanwhile was not sent: {error.problem}")
        # Once sent, the texts are there to be read only.
        files.write_json(self._path(run_id), redact_value({**kept, "sent_as": sent_as}))

    async def _send_later(self, run_id: str, error: NotYetError) -> None:
        await error.came()
        self.send(run_id)

    def waits(self, run_id: str) -> bool:
        """Whether something was kept for this run and not sent."""
        kept = self._kept(run_id)
        return bool(kept.get("texts")) and not kept.get("sent_as")

    def _path(self, run_id: str) -> str:
        return self._folders.path(run_id, "said.json")

    def _kept(self, run_id: str) -> Mapping[str, Any]:
        kept = files.read_json(self._path(run_id)) or {}
        texts = kept.get("texts")
        is_whole = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        is_whole = is_whole and isinstance(kept.get("keys", []), list)
        return kept if is_whole else {}
