"""The same request once more, as a new run: the verb `retry`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller

if TYPE_CHECKING:
    from pancode.domains.dispatch.dispatcher import Dispatcher

_NOT_AGAIN = ("key", "after", "group", "node")
"""What belonged to the one request alone: who asked, what it waited for, the flow that it was a part of."""


class Again:
    """Answers `retry`."""

    def __init__(self, dispatcher: Dispatcher, brief: Callable[[str], dict[str, Any]]) -> None:
        """`brief` gives a run as the verb `run` answers."""
        self._dispatcher = dispatcher
        self._brief = brief

    async def retry(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Start the request of an ended run as a new one; a turn of a conversation stays one."""
        from pancode.domains.dispatch.requests import RetryRequest, RunRequest, parse

        asked = parse(RetryRequest, args)
        run = self._dispatcher.recall(self._dispatcher.find(asked.run))
        if run.is_live:
            raise PanError(
                f"run {run.id} has not ended", remedy=f"pancode stop {run.id} first", code=ExitCode.CONFLICT
            )
        request = (self._dispatcher.folders.spec(run.id) or {}).get("request")
        if not isinstance(request, dict):
            raise PanError(
                f"run {run.id} was never started, so there is no request to repeat",
                remedy="pancode run TASK",
                code=ExitCode.REFUSED,
            )
        kept = {key: value for key, value in request.items() if key not in _NOT_AGAIN}
        own = {"retries": run.id, "env": asked.env, "yes": asked.yes, "accept_weaker": asked.accept_weaker}
        asker = self._dispatcher.asker(caller.pid)
        # What a worker has asked for stays below it, with no more than its grant, whoever repeats it.
        own |= {"by_operator": True} if asker is None else {"by_operator": False, "parent": asker}
        continued = None if run.continues is None else self._dispatcher.recall(run.continues)
        new = self._dispatcher.run(parse(RunRequest, {**kept, **own}), continued=continued)
        await self._dispatcher.folders.kept(new)
        return {**self._brief(new), "retries": run.id}
