"""What the gateway has counted: taken in as it says it, and from a run's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller, Host
from pancode.core.state import World
from pancode.domains.safety.api import is_worker
from pancode.engine import files


def register_calls(host: Host) -> None:
    """Serve what the gateway says."""
    calls = CallsSaid(lambda: host.world, host.post, lambda pid: is_worker(host.world, pid))
    host.serve("call_said", calls.call_said)


class CallsSaid:
    """The verb `call_said`: the gateway tells what it has written into a run's calls.jsonl."""

    def __init__(
        self,
        world: Callable[[], World],
        post: Callable[[ev.Event], None],
        is_worker: Callable[[int | None], bool],
    ) -> None:
        """Post the records as facts, unless a worker says them."""
        self._world = world
        self._post = post
        self._is_worker = is_worker

    async def call_said(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Take in records of one run, in their order; what is known already changes nothing."""
        if self._is_worker(caller.pid):
            raise PanError("a worker can't say what its own calls have cost", code=ExitCode.REFUSED)
        run, records = args.get("run"), args.get("records")
        if not isinstance(run, str) or not isinstance(records, list):
            raise PanError("call_said needs a run and its records", code=ExitCode.USAGE)
        known = self._world().runs.get(run)
        for record in records if known is not None else ():
            if (fact := call_said(run, record)) is not None:
                self._post(fact)
        return {"known": known is not None}


def call_said(run: str, record: object) -> ev.CallSaid | None:
    """Give the fact that a record of a calls.jsonl stands for; None if it is none."""
    if not isinstance(record, dict):
        return None
    seq, at = record.get("seq"), record.get("t")
    if not isinstance(seq, int) or not isinstance(at, int | float) or not isinstance(record.get("kind"), str):
        return None
    return ev.CallSaid(run=run, at=float(at), seq=seq, record=record)


def calls_of(run: str, path: str) -> Iterator[ev.CallSaid]:
    """Give the facts in the calls.jsonl at `path`; none if there is no such file."""
    for record in files.read_journal(path):
        if (fact := call_said(run, record)) is not None:
            yield fact
