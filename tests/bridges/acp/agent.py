"""An agent for tests that speaks ACP, standard library only: `agent.py SCRIPT`, a JSON list of steps.

A step is one of `{"say": text}`, `{"call": {}}` (a tool call's update), `{"permit": {}}` (asks; the next
steps run only after a yes, and `{"else": [...]}` after a no), `{"ask": [method, params]}`, `{"do": word}`.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from typing import Any

OPTIONS = [
    {"optionId": "ever", "name": "Always", "kind": "allow_always"},
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]
numbers = itertools.count(101)


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def update(session: str, **what: Any) -> None:
    send({"method": "session/update", "params": {"sessionId": session, "update": what}})


def receive() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    found: dict[str, Any] = json.loads(line)
    return found


def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Send a request and wait for its answer; a cancellation ends the turn."""
    number = next(numbers)
    send({"id": number, "method": method, "params": params})
    while True:
        message = receive()
        if message.get("id") == number and "method" not in message:
            return message


def play(session: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Play the steps and give the turn's result."""
    for place, step in enumerate(steps):
        if "say" in step:
            update(
                session, sessionUpdate="agent_message_chunk", content={"type": "text", "text": step["say"]}
            )
        elif "call" in step:
            update(session, **{"sessionUpdate": "tool_call_update", **step["call"]})
        elif "permit" in step:
            told = {"sessionId": session, "toolCall": step["permit"], "options": step.get("options", OPTIONS)}
            outcome = ask("session/request_permission", told)["result"]["outcome"]
            if outcome.get("optionId") != "yes":
                return play(session, step.get("else", []))
            return play(session, [*step.get("then", []), *steps[place + 1 :]])
        elif "ask" in step:
            method, params = step["ask"]
            found = ask(method, {"sessionId": session, **params})
            text = json.dumps(found.get("result", found.get("error")))
            update(session, sessionUpdate="agent_message_chunk", content={"type": "text", "text": text})
        elif "end" in step:
            return dict(step["end"])
        else:
            misbehave(session, step["do"])
    return {"stopReason": "end_turn"}


def misbehave(session: str, how: str) -> None:
    match how:
        case "garbage":
            sys.stdout.write('not json\n\n[1, 2]\n{"id": 77, "result": 1}\n{"jsonrpc": \n')
            sys.stdout.flush()
        case "die":
            os._exit(3)
        case "huge":
            update(
                session,
                sessionUpdate="agent_message_chunk",
                content={"type": "text", "text": "x" * 3_000_000},
            )
        case "too long":
            sys.stdout.write("y" * 17_000_000 + "\n")
            sys.stdout.flush()
        case "unknown":
            update(session, sessionUpdate="hologram", shape="cube")
            send({"method": "session/glow", "params": {}})
            update(session, sessionUpdate="agent_message_chunk", content={"type": "image", "data": ""})
        case "close":
            os.close(1)
            time.sleep(30)
        case "wait":
            receive()
        case _:
            raise ValueError(how)


def answer(script: dict[str, Any], method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Give the result of one request of the client's."""
    if method == "initialize":
        can = script.get("can", {"loadSession": True})
        return {"protocolVersion": script.get("protocol", 1), "agentCapabilities": can}
    if method in ("session/new", "session/load", "session/resume"):
        if method == "session/load":
            old = {"type": "text", "text": "old"}
            update(params["sessionId"], sessionUpdate="agent_message_chunk", content=old)
        return {"sessionId": "s-1", **script.get("opened", {})}
    if method == "session/prompt":
        said = params["prompt"][0]["text"]
        steps = [{"say": said} if step == {"do": "echo"} else step for step in script["turns"].pop(0)]
        return play(params["sessionId"], steps)
    with open(sys.argv[1] + ".log", "a", encoding="utf-8") as file:
        file.write(json.dumps([method, params]) + "\n")
    return {}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        script = json.load(file)
    if script.get("silent"):
        time.sleep(60)
    while True:
        message = receive()
        if "id" not in message or "method" not in message:
            continue
        method, fails = message["method"], script.get("fails", {})
        if method in fails:
            send({"id": message["id"], "error": fails[method]})
        else:
            send({"id": message["id"], "result": answer(script, method, message.get("params", {}))})


if __name__ == "__main__":
    main()
