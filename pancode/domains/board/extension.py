"""Registers the board domain: the verbs of the socket, for people and for what they start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller, Handler, Host
from pancode.core.state import Finished
from pancode.domains.board.api import Tasks
from pancode.domains.board.board import OPERATOR, Board
from pancode.domains.board.journal import Journal
from pancode.domains.board.workers import Workers
from pancode.domains.dispatch.api import Orders
from pancode.domains.safety.api import is_worker
from pancode.engine import files
from pancode.engine.places import Places
from pancode.engine.store import Store

VERBS = ("list", "show", "create", "update", "check")


def register(host: Host) -> None:
    """Serve the board of this session."""
    places, store = host.need(Places), host.need(Store)

    def state_of(run: str) -> str | None:
        known = host.world.runs.get(run)
        if known is None:
            result = files.read_json(f"{places.runs}/{run}/result.json") or {}
            return result.get("status")
        state = known.state
        return state.status if isinstance(state, Finished) else type(state).__name__.lower()

    board = Board(Journal(places.state), lambda: {*host.world.runs, *store.ids()}, state_of)

    host.provide(Tasks, board)
    host.on_record(("board_asked",), Workers(board, lambda: host.world, host.need(Orders).order).hear)

    def serving(verb: str) -> Handler:
        async def handler(args: Args, caller: Caller) -> Mapping[str, Any]:
            if verb not in ("list", "show") and is_worker(host.world, caller.pid):
                raise PanError(
                    "a worker may not write to the board by the session's own socket", code=ExitCode.REFUSED
                )
            return board.answer(verb, args, OPERATOR)

        return handler

    for verb in VERBS:
        host.serve(f"task_{verb}", serving(verb))
