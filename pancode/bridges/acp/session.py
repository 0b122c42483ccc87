"""One turn with an agent: start it, open or load the session, prompt, and end it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pancode.bridges.acp.keeping import set_aside
from pancode.bridges.acp.line import CLOSE_S, GoneError, Peer, PeerError, program_name
from pancode.bridges.acp.modes import mode_choice, model_choice, safest
from pancode.bridges.acp.reading import Reader, reason_of, since, usage
from pancode.bridges.acp.serving import CAPABILITIES, Serving
from pancode.bridges.wire import BridgeError, Wire, cut

if TYPE_CHECKING:
    from pancode.worker.protocol import Reason

PROTOCOL = 1
PATIENCE_S = 90.0
"""How long an agent may take to answer `initialize`, and to open a session."""
MOST_REFUSED_TURNS = 5
"""Turns that end because something was refused, and are gone on with by telling the reason."""
QUIET_S, REPLAYS = 0.15, 40
"""How long nothing may be told of a loaded session until it counts as loaded, and how often that is tried."""
SAVE_S = 4.0
"""How long an agent that has answered may take to end: some write their conversation down only then."""
AUTH_REQUIRED = -32000
_REFUSED = "PanCode refused this: {}\nGo on without it, and say at the end what could not be done."
_ENDS: Mapping[str, tuple[Reason, str]] = {
    "max_tokens": ("agent-error", "the model's answer was cut off at its token limit"),
    "max_turn_requests": ("budget", "the agent's own limit of model requests in one turn is reached"),
    "refusal": ("refused", "the agent refuses to go on"),
    "cancelled": ("stopped", "the turn was cancelled"),
}


async def work(wire: Wire) -> None:
    """Do the job; the records tell how it went, and BridgeError how it could not."""
    more = wire.job.more
    reader = Reader(wire.emit, str(more.get("asides") or ""), str(more.get("errors") or ""))
    turn = _Turn(wire, reader, list(more["command"]))
    await turn.go()


class _Turn:
    def __init__(self, wire: Wire, reader: Reader, command: list[str]) -> None:
        self._wire, self._job, self._more = wire, wire.job, wire.job.more
        self._reader = reader
        self._command = command
        self._name = program_name(command)
        self._cwd = os.getcwd()
        self._serving = Serving(wire, reader, self._cwd)
        self._session, self._prompting, self._heard = "", False, 0
        self._told: Mapping[str, Any] = {}  # the tokens of the last turn that told some
        self._seconds = float(self._more.get("patience_s") or PATIENCE_S)

    async def go(self) -> None:
        kept = self._more.get("conversations")
        if self._job.session is not None and isinstance(kept, str):
            set_aside(self._job.session, kept)
        try:
            peer = await Peer.start(
                self._command, self._cwd, self._hear, self._serving.serve, self._reader.odd
            )
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            raise BridgeError(f"{self._name} can't be started: {words}", "crashed") from None
        self._peer = peer
        try:
            await self._open(await self._initialize())
            await self._prompt()
        except GoneError as error:
            raise BridgeError(f"{self._name}: {error}", "crashed") from None
        finally:
            if self._prompting:
                peer.tell("session/cancel", {"sessionId": self._session})
            self._serving.close()
            await peer.close(CLOSE_S if self._prompting else SAVE_S)

    def _hear(self, method: str, params: Mapping[str, Any]) -> None:
        update, self._heard = params.get("update"), self._heard + 1
        if method == "session/update" and isinstance(update, dict):
            if params.get("sessionId") in (self._session, None) or not self._session:
                self._reader.update(update)
        elif not method.startswith(("_", "$/")):
            self._reader.odd(f"notice {cut(method, 60)}")

    async def _asked(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Ask what every agent answers soon; BridgeError names the request that went wrong."""
        try:
            return await self._peer.ask(method, params, self._seconds)
        except TimeoutError:
            late = f'{self._name} gave no answer to "{method}" in {self._seconds:g} s'
            raise BridgeError(f"{late}; does this command speak ACP?") from None
        except PeerError as error:
            if error.code == AUTH_REQUIRED:
                raise BridgeError(
                    f"{self._name} needs a login: {error.message}; log in once outside of PanCode", "auth"
                ) from None
            told = f'{self._name} can\'t do "{method}": {_words(error)}'
            raise BridgeError(told, reason_of(_words(error))) from None

    async def _initialize(self) -> dict[str, Any]:
        about = {"name": "pancode", "title": "PanCode", "version": "1"}
        # A program that is known reads and writes by itself, in the same sandbox: one question less for each.
        ours = {} if self._more.get("asks") else CAPABILITIES
        hello = {"protocolVersion": PROTOCOL, "clientCapabilities": ours, "clientInfo": about}
        told = await self._asked("initialize", hello)
        if told.get("protocolVersion") != PROTOCOL:
            raise BridgeError(
                f"{self._name} speaks version {told.get('protocolVersion')!r} of the protocol, not {PROTOCOL}"
            )
        can = told.get("agentCapabilities")
        return can if isinstance(can, dict) else {}

    async def _open(self, can: Mapping[str, Any]) -> None:
        """Open a session, or the one to go on with, and set its mode and model."""
        where: dict[str, Any] = {"cwd": self._cwd, "mcpServers": list(self._more.get("mcp") or [])}
        if self._job.session is None:
            opened = await self._asked("session/new", where)
            self._session = str(opened.get("sessionId") or "")
            if not self._session:
                raise BridgeError(f"{self._name} opened no session")
        else:
            method = _to_go_on(can)
            if method is None:
                raise BridgeError(f"{self._name} can't go on with an earlier conversation")
            self._session, self._reader.replaying = self._job.session, True
            opened = await self._asked(method, {"sessionId": self._session, **where})
            await self._until_quiet()
            self._reader.replaying = False
        self._wire.emit({"kind": "session", "id": self._session})
        await self._set_mode(opened)
        await self._set_model(opened)

    async def _until_quiet(self) -> None:
        """Wait until no more is told of earlier turns: some agents tell it after they have answered."""
        for _ in range(REPLAYS):
            before = self._heard
            await asyncio.sleep(QUIET_S)
            if self._heard == before:
                return

    async def _set_mode(self, opened: Mapping[str, Any]) -> None:
        choice = mode_choice(opened)
        if choice is None:
            return
        reading = self._job.reading and not self._more.get("asks")
        mode = safest(choice, list(self._more.get("modes") or ()), reading=reading)
        if mode != choice.current:
            await self._asked(choice.method, choice.params(self._session, mode))

    async def _set_model(self, opened: Mapping[str, Any]) -> None:
        model = None if self._more.get("model_given") else self._job.model
        if model is None:
            return
        choice = model_choice(opened)
        if choice is None or model not in choice.values:
            known = f"; it offers {', '.join(choice.values[:20])}" if choice else ""
            raise BridgeError(f'{self._name} has no model "{model}"{known}', "model-unknown")
        if model != choice.current:
            await self._asked(choice.method, choice.params(self._session, model))

    async def _prompt(self) -> None:
        """Prompt, and again with the reason when the agent stopped because something was refused."""
        text = self._job.task
        for turn in range(MOST_REFUSED_TURNS + 1):
            result = await self._one(text)
            why = self._reader.refusal
            if why is None or turn == MOST_REFUSED_TURNS or result.get("stopReason") == "refusal":
                break
            text = _REFUSED.format(why or "it is not allowed here")
        self._finish(result)

    async def _one(self, text: str) -> dict[str, Any]:
        params = {"sessionId": self._session, "prompt": [{"type": "text", "text": text}]}
        self._prompting = True
        try:
            result = await self._peer.ask("session/prompt", params)
        except PeerError as error:
            self._prompting = False
            self._reader.end_turn()
            words = _words(error)
            http = error.code if 400 <= error.code < 600 else None  # noqa: PLR2004 -- HTTP's own numbers
            raise BridgeError(words, reason_of(f"{http or ''} {words}"), http) from None
        self._prompting = False
        self._reader.end_turn()
        if (told := usage(result)) is not None:
            self._wire.emit(told if self._more.get("counts") == "answer" else since(told, self._told))
            self._told = told
        return result

    def _finish(self, result: Mapping[str, Any]) -> None:
        stop, reader = result.get("stopReason"), self._reader
        end: dict[str, Any] = {"kind": "finished", "ok": False, "result": reader.said or None}
        if reader.trouble:
            raise BridgeError(reader.trouble, reason_of(reader.trouble))
        if stop == "end_turn" and reader.refusal is None:
            self._wire.emit({**end, "ok": True, "result": reader.said})
            return
        unknown = f'it ended its turn for a reason that is not known: "{cut(stop, 60)}"'
        reason, words = _ENDS.get(str(stop), ("agent-error", unknown))
        if stop in ("end_turn", "cancelled") and reader.refusal is not None:
            reason, words = "refused", reader.refusal or "what it wanted to do was refused"
        raise BridgeError(words, reason)


def _to_go_on(can: Mapping[str, Any]) -> str | None:
    if can.get("loadSession") is True:
        return "session/load"
    sessions = can.get("sessionCapabilities")
    return "session/resume" if isinstance(sessions, dict) and "resume" in sessions else None


def _words(error: PeerError) -> str:
    """Give what an error says, with the details that some agents put beside it."""
    data = error.data
    details = data.get("details") or data.get("message") if isinstance(data, dict) else data
    extra = details if isinstance(details, str) and details not in error.message else ""
    return cut(" ".join(f"{error.message} {extra}".split()), 1000)
