"""An agent on a running Mastra server: the task goes there, and what streams back is told here."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from pancode.bridges.history import History
from pancode.bridges.reasons import reason_of
from pancode.bridges.wire import BridgeError, Job, Wire, arguments, cut, run

AGENTS = "/api/agents"
SILENT_S = 1800.0
"""How long the server may say nothing; the run's own time limits are shorter."""
STEPS = 1000
_DATA = b"data:"
_OVER = b"[DONE]"


async def work(wire: Wire) -> None:
    """Have the task done there, and tell what is seen of it."""
    job = wire.job
    history = History(job.session or f"ms-{uuid.uuid4().hex}")
    wire.emit({"kind": "session", "id": history.session_id})
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    # A thread that nobody waits for: a server that hangs must not hold up the end of a run that is stopped.
    threading.Thread(target=_in_thread, args=(wire, history, done), daemon=True).start()
    await done


def _in_thread(wire: Wire, history: History, done: asyncio.Future[None]) -> None:
    loop = done.get_loop()
    try:
        _played(wire, history)
    except Exception as error:  # noqa: BLE001 -- it is raised again where it is waited for
        loop.call_soon_threadsafe(_tell, done, error)
    else:
        loop.call_soon_threadsafe(_tell, done, None)


def _tell(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _played(wire: Wire, history: History) -> None:
    job, reader = wire.job, Reader()
    said = {"role": "user", "content": job.task}
    body = {"messages": [*history.items(), said], "maxSteps": job.max_turns or STEPS}
    with _opened(job, f"{agent_url(job)}/stream", body) as stream:
        for chunk in chunks(stream):
            for event in reader.feed(chunk):
                wire.emit(event)
    if reader.failed is not None:
        raise reader.failed
    if not reader.ended:
        raise BridgeError("the stream of the server has ended before its end", "stream-cut")
    history.add([said, {"role": "assistant", "content": reader.text}])
    wire.emit({"kind": "finished", "ok": True, "result": reader.last, "turns": reader.turns})


def agent_url(job: Job) -> str:
    """Give the URL of the agent: the one that the endpoint names, else the server's only one."""
    url = (job.endpoint or "").rstrip("/")
    base, found, name = url.partition(f"{AGENTS}/")
    if found and name:
        return url
    base = base.removesuffix(AGENTS).removesuffix("/api")
    with _opened(job, f"{base}{AGENTS}", None) as answer:
        there = json.load(answer)
    names = sorted(there) if isinstance(there, dict) else []
    if len(names) == 1:
        return f"{base}{AGENTS}/{names[0]}"
    known = f"the server has {', '.join(names)}" if names else "the server has none"
    raise BridgeError(f"the endpoint names no agent: {known}; write {base}{AGENTS}/NAME")


def chunks(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    r"""Give the chunks of a stream of server-sent events, to its end.

    >>> list(chunks([b'data: {"type": "start"}\n', b'\n', b'data: [DONE]\n', b'data: {}\n']))
    [{'type': 'start'}]
    """
    for line in lines:
        text = line.removeprefix(_DATA).strip() if line.startswith(_DATA) else b""
        if text == _OVER:
            return
        try:
            found = json.loads(text) if text else None
        except ValueError:
            return  # it was cut off in the middle
        if isinstance(found, Mapping):
            yield found


class Reader:
    """Turns chunks of Mastra's into events. `last` is the text of the last step, `text` that of all."""

    def __init__(self) -> None:
        """Begin before the first chunk."""
        self.turns = 0
        self.text = self.last = ""
        self.ended = False
        self.failed: BridgeError | None = None

    def feed(self, chunk: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Give the events of a chunk; what isn't known is passed over, as servers of all versions are met."""
        payload = chunk.get("payload")
        told: Mapping[str, Any] = payload if isinstance(payload, Mapping) else {}
        match chunk.get("type"):
            case "step-start":
                self.turns, self.last = self.turns + 1, ""
                yield {"kind": "turn"}
            case "text-delta":
                text = str(told.get("text", ""))
                self.text, self.last = self.text + text, self.last + text
                yield {"kind": "text", "text": text, "delta": True}
            case "tool-call":
                yield {"kind": "tool_started", **_call(told), "args": arguments(told.get("args"))}
            case "tool-result":
                yield {
                    "kind": "tool_finished",
                    **_call(told),
                    "ok": True,
                    "result": _words(told.get("result")),
                }
            case "tool-error":
                yield {
                    "kind": "tool_finished",
                    **_call(told),
                    "ok": False,
                    "result": _words(told.get("error")),
                }
            case "step-finish":
                yield usage_of(_within(told, "output", "usage"))
            case "error":
                self.failed = _failure(told.get("error"))
            case "finish":
                self.ended = True
            case _:
                return


def usage_of(used: Mapping[str, Any]) -> dict[str, Any]:
    """Give tokens as PanCode counts them: the cached ones are not in `input`.

    >>> usage_of({"inputTokens": 10, "cachedInputTokens": 4, "outputTokens": 2})["input"]
    6
    """
    fresh, cached = used.get("inputTokens"), used.get("cachedInputTokens") or 0
    counts = {"input": None if fresh is None else max(fresh - cached, 0), "output": used.get("outputTokens")}
    counts |= {"cache_read": cached, "cache_write": None, "reasoning": used.get("reasoningTokens")}
    return {"kind": "usage", "scope": "step", **counts}


def _call(told: Mapping[str, Any]) -> dict[str, str]:
    return {"id": str(told.get("toolCallId", "")), "name": str(told.get("toolName", ""))}


def _words(value: object) -> str:
    return cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _within(told: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        found = told.get(name)
        told = found if isinstance(found, Mapping) else {}
    return told


def _failure(error: object) -> BridgeError:
    told: Mapping[str, Any] = error if isinstance(error, Mapping) else {"message": str(error)}
    inner = told.get("error")
    told = inner if isinstance(inner, Mapping) else told
    http = told.get("statusCode") if isinstance(told.get("statusCode"), int) else None
    words = str(told.get("message", "the server tells of an error without words"))
    return BridgeError(words, reason_of(words, http), http)


def _opened(job: Job, url: str, body: object) -> IO[bytes]:
    headers = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
    if job.key:
        headers["authorization"] = f"Bearer {job.key}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)  # noqa: S310 -- the agents domain lets http(s) through
    try:
        opened: IO[bytes] = urllib.request.urlopen(request, timeout=SILENT_S)  # noqa: S310 -- as above
    except urllib.error.HTTPError as error:
        words = f"{url} answers {error.code} {error.reason}"
        raise BridgeError(words, reason_of(words, error.code), error.code) from None
    except urllib.error.URLError as error:
        raise BridgeError(f"no Mastra server answers at {url}: {error.reason}", "network") from None
    return opened


if __name__ == "__main__":
    run(work)
