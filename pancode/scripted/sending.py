"""Sending answers: whole documents, streams with a pace, and streams that break off."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pancode.scripted import gemini, http
from pancode.scripted.conversation import Ask, Json
from pancode.scripted.routes import Generate
from pancode.scripted.script import Reply
from pancode.scripted.toolbox import calls_for
from pancode.scripted.wire import Speech, compact


async def send_json(
    writer: asyncio.StreamWriter,
    status: int,
    document: Json,
    headers: Mapping[str, str] | None = None,
    *,
    has_body: bool = True,
) -> None:
    """Send a whole response; without its body for a HEAD request."""
    data = compact(document).encode()
    head = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
    writer.write(http.head_bytes(status, head) + (data if has_body else b""))
    await writer.drain()


async def send_reply(writer: asyncio.StreamWriter, target: Generate, ask: Ask, turn: Reply) -> bool:
    """Send a turn of the script, whole or as a stream; false = it was cut, so the connection must end."""
    wire = target.wire
    speech = Speech(ask.model, turn.text, calls_for(turn.actions, ask.tools, wire.fallback), turn.usage)
    if not ask.stream:
        await _send_whole(writer, wire.document(speech), cut=turn.cut)
        return not turn.cut
    frames = list(gemini.array_frames(speech) if target.as_array else wire.frames(speech))
    if turn.cut:
        middle = (len(frames) - 1) // 2
        frames = [*frames[:middle], frames[middle][: len(frames[middle]) // 2]]
    kind = "application/json" if target.as_array else "text/event-stream"
    pieces = [http.chunk_bytes(frame) for frame in frames]
    if not turn.cut:
        pieces.append(http.chunk_bytes(b""))
    await _send_pieces(writer, kind, pieces, turn.pace)
    return not turn.cut


async def _send_whole(writer: asyncio.StreamWriter, document: Json, *, cut: bool) -> None:
    if not cut:
        await send_json(writer, 200, document)
        return
    data = compact(document).encode()
    head = {"content-type": "application/json", "content-length": str(len(data))}
    writer.write(http.head_bytes(200, head) + data[: len(data) // 2])
    await writer.drain()


async def _send_pieces(writer: asyncio.StreamWriter, kind: str, pieces: list[bytes], pace: float) -> None:
    head = http.head_bytes(
        200, {"content-type": kind, "cache-control": "no-cache", "transfer-encoding": "chunked"}
    )
    if not pace:
        # One write, so that fifty clients at once cost fifty system calls and not thousands.
        writer.write(head + b"".join(pieces))
        await writer.drain()
        return
    writer.write(head)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pace)
