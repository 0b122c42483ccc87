"""A flow's folder: what it is (flow.json), what happened (events.jsonl), what its nodes said (out/)."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pancode.core.errors import PanError
from pancode.core.redact import redact_value
from pancode.domains.dispatch.flow import state as of
from pancode.domains.dispatch.flow.definition import Flow, from_json, to_json
from pancode.domains.dispatch.flow.state import Event, Outcome, State, reduce
from pancode.domains.dispatch.flow.template import Output, cut
from pancode.engine import files

V = 1
LAST = 512
"""Bytes at the end of a journal in which its last record is, if that is the flow's end."""
_EVENTS: Mapping[str, Any] = {
    kind.__name__: kind
    for kind in (of.Opened, of.Passed, of.Posted, of.Ended, of.Halting, of.StopAsked, of.Closed)
}


class FlowFolders:
    """The folders of a session's flows, below `top`."""

    def __init__(self, top: str) -> None:
        """Nothing is made until the first flow."""
        self.top = top

    @classmethod
    def of(cls, state: str) -> FlowFolders:
        """Give those of a session, by its state directory."""
        return cls(os.path.join(state, "flows"))

    def names(self) -> list[str]:
        """Give the id of every flow."""
        try:
            return sorted(
                name for name in os.listdir(self.top) if os.path.isfile(self.path(name, "flow.json"))
            )
        except OSError:
            return []

    def newest(self, most: int) -> list[str]:
        """Give the ids of the flows that were begun last, newest first, as the file system tells it."""
        return sorted(self.names(), key=self._begun, reverse=True)[:most]

    def _begun(self, flow: str) -> int:
        try:
            return os.stat(self.path(flow, "flow.json")).st_mtime_ns
        except OSError:
            return 0

    def has_ended(self, flow: str) -> bool:
        """Whether a flow's journal says so in its last line, which is quickly read, however long it is."""
        try:
            with open(self.path(flow, "events.jsonl"), "rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LAST))
                last = json.loads(file.read().rstrip(b"\n").rpartition(b"\n")[2])
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(last, dict) and last.get("kind") == of.Closed.__name__

    def end(self, flow: str, told: Mapping[str, Any]) -> None:
        """Keep what lists tell of a flow that has ended; without it they read its whole journal."""
        with contextlib.suppress(PanError):
            files.write_json(self.path(flow, "ended.json"), told)

    def ended(self, flow: str) -> dict[str, Any] | None:
        """Give what lists tell of a flow that has ended, if it is kept."""
        return files.read_json(self.path(flow, "ended.json"))

    def path(self, flow: str, *parts: str) -> str:
        """Give the path of a flow's folder, or of something in it."""
        return os.path.join(self.top, flow, *parts)

    def make(self, flow_id: str, flow: Flow, about: Mapping[str, Any]) -> None:
        """Make a flow's folder; `about` are its other facts. PanError if the disk refuses."""
        try:
            os.makedirs(self.path(flow_id, "out"), mode=0o700)
        except OSError as error:
            remedy = "free some space or make the directory writable"
            raise files.unusable(
                f"can't make the flow's folder \"{self.path(flow_id)}\"", error, remedy
            ) from None
        told = {"v": V, "id": flow_id, **about, "flow": to_json(flow)}
        files.write_json(self.path(flow_id, "flow.json"), told)

    def about(self, flow_id: str) -> dict[str, Any] | None:
        """Give what flow.json says; None if it can't be read."""
        return files.read_json(self.path(flow_id, "flow.json"))

    def load(self, flow_id: str) -> tuple[State, int] | None:
        """Give a flow's state as its journal tells it, and the last seq; None if it can't be read."""
        try:
            state = State(flow=from_json((self.about(flow_id) or {})["flow"]))
        except (KeyError, TypeError):
            return None
        seq = 0
        for record in files.read_journal(self.path(flow_id, "events.jsonl")):
            event = decoded(record)
            seq = max(seq, record["seq"])
            if event is not None:
                with contextlib.suppress(
                    KeyError
                ):  # About a unit whose own beginning can't be read any more.
                    state = reduce(state, event)
        return state, seq

    def append(self, flow_id: str, seq: int, at: float, event: Event) -> None:
        """Write one event down, before anything follows from it; PanError if the disk refuses."""
        record = {"v": V, "seq": seq, "t": at, "kind": type(event).__name__, **_plain(event)}
        path = self.path(flow_id, "events.jsonl")
        try:
            files.append_record(path, redact_value(record), sync=False)
        except OSError as error:
            remedy = "free some space; the flow goes on when the controller starts again"
            raise files.unusable(f"can't write {path}", error, remedy) from None

    def keep(self, flow_id: str, unit: str, text: str) -> Output:
        """Keep what a unit has said; give it as it goes into a task. PanError if the disk refuses."""
        path = self.path(flow_id, "out", f"{unit}.txt")
        files.write_atomic(path, text)
        return cut(text, path)

    def kept(self, flow_id: str, unit: str) -> str:
        """Give what a unit has said, whole."""
        try:
            with open(self.path(flow_id, "out", f"{unit}.txt"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""


def _plain(event: Event) -> dict[str, Any]:
    return asdict(event)


def decoded(record: Mapping[str, Any]) -> Event | None:
    """Read an event back; None for one that is no event, or one of a newer PanCode."""
    kind = _EVENTS.get(str(record.get("kind")))
    if kind is None:
        return None
    told = {key: value for key, value in record.items() if key in kind.__dataclass_fields__}
    try:
        if kind is of.Ended:
            outcome = dict(told["outcome"])
            told["outcome"] = Outcome(**{**outcome, "output": Output(**outcome["output"])})
        if kind is of.Opened and told.get("items") is not None:
            told["items"] = tuple(told["items"])
        event: Event = kind(**told)
    except (KeyError, TypeError):
        return None
    return event


__all__ = ["FlowFolders", "PanError", "decoded"]
