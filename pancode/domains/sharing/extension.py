"""Registers the sharing domain: the verbs of the socket, for people and for what they start.

A domain of its own, beside the task board: both go by the same line from a worker, but a task has a status
and runs, and what is shared has a time limit and checkpoints. Neither needs the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller, Handler, Host
from pancode.domains.dispatch.api import Orders
from pancode.domains.safety.api import is_worker
from pancode.domains.sharing.api import Sharing
from pancode.domains.sharing.journal import Journal
from pancode.domains.sharing.reduce import OPERATOR
from pancode.domains.sharing.sharing import READING, VERBS, Store
from pancode.domains.sharing.workers import Workers
from pancode.engine.places import Places


def register(host: Host) -> None:
    """Serve what this session shares."""
    store = Store(Journal(host.need(Places).state))
    host.provide(Sharing, store)
    host.on_record(("board_asked",), Workers(store, lambda: host.world, host.need(Orders).order).hear)

    def serving(verb: str) -> Handler:
        async def handler(args: Args, caller: Caller) -> Mapping[str, Any]:
            if verb not in READING and is_worker(host.world, caller.pid):
                raise PanError("a worker shares by its own tool, under its own name", code=ExitCode.REFUSED)
            return store.answer(verb, args, OPERATOR)

        return handler

    for verb in VERBS:
        host.serve(f"share_{verb}", serving(verb))
