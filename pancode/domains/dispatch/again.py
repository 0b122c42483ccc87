"""The same request once more, as a new run: the verb `retry`, and what an agent's definition asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pancode.core.effects import TryAgain
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller, Host
from pancode.core.patience import NotYetError
from pancode.domains.dispatch.outside import Outside

if TYPE_CHECKING:
    from pancode.domains.dispatch.dispatcher import Dispatcher
    from pancode.domains.dispatch.requests import RunRequest

_NOT_AGAIN = ("key", "after", "group", "node")
"""What belonged to the one request alone: who asked, what it waited for, the flow that it was a part of."""


class Again:
    """Answers `retry`, and performs TryAgain."""

    def __init__(
        self, dispatcher: Dispatcher, outside: Outside, brief: Callable[[str], dict[str, Any]]
    ) -> None:
        """`brief` gives a run as the verb `run` answers."""
        self._dispatcher = dispatcher
        self._outside = outside
        self._brief = brief

    def try_again(self, effect: TryAgain) -> None:
        """Perform TryAgain: the same request once more; the new run doesn't try again in turn."""
        from pancode.domains.dispatch.requests import RunRequest, parse

        dispatcher, outside, run = self._dispatcher, self._outside, effect.run
        if outside.world().session.draining:
            return
        request = (dispatcher.folders.spec(run) or {}).get("request") or {}
        own = {"env": dispatcher.operators.get(run, {}), "key": None, "retries": run}
        try:
            again = parse(RunRequest, {**request, **own})
            dispatcher.run(again, is_retry=True)
        except NotYetError:
            outside.spawn(f"try {run} again", self._try_later(again))
        except PanError as error:
            outside.note(f"run {run} is not tried again: {error.problem}")

    async def _try_later(self, again: RunRequest) -> None:
        dispatcher = self._dispatcher
        await dispatcher.preparation.admitted(lambda: dispatcher.run(again, is_retry=True))

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
        again = parse(RunRequest, {**kept, **own})
        new = await self._dispatcher.preparation.admitted(
            lambda: self._dispatcher.run(again, continued=continued)
        )
        return {**self._brief(new), "retries": run.id}


def register_again(host: Host, dispatcher: Dispatcher, brief: Callable[[str], dict[str, Any]]) -> Again:
    """Serve `retry`, and start runs once more whose agents ask for that."""
    again = Again(dispatcher, host.need(Outside), brief)
    host.performs(TryAgain, again.try_again)
    host.serve("retry", again.retry)
    return again
