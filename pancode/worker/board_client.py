"""The task board inside a sandbox: `board_client.py PORT list|show|create|check|update …`; prints JSON."""

from __future__ import annotations

import sys

SECONDS = 15.0
USAGE = """\
list [todo|doing|blocked|done]
show ID
create TITLE… [-d DESCRIPTION]
update ID [--title TEXT] [--status todo|doing|blocked|done] [-d DESCRIPTION] [--run RUN]
check ID
"""
_OPTIONS = {"-d": "description", "--title": "title", "--status": "status", "--run": "link"}


def main(argv: list[str]) -> int:
    """Ask the board what the words say, print its answer; 1 if it says no, 2 for words that make no sense."""
    import json

    asked = request(argv[1:])
    if asked is None:
        sys.stderr.write(USAGE)
        return 2
    try:
        said = json.loads(_ask(int(argv[0]), json.dumps({"pancode_board": asked}, separators=(",", ":"))))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"pancode: the board can't be reached: {error}\n")
        return 1
    sys.stdout.write(str(said["out"]))
    sys.stderr.write(str(said["err"]))
    return int(said["exit"])


def request(words: list[str]) -> dict[str, object] | None:
    """Give the request that the words stand for; None if they stand for none.

    >>> request(["update", "t-1", "--status", "done"])
    {'verb': 'update', 'args': {'id': 't-1', 'status': 'done'}}
    """
    if not words:
        return None
    verb, plain, args = words[0], [], dict[str, object]()
    rest = iter(words[1:])
    for word in rest:
        if word in _OPTIONS:
            value = next(rest, None)
            if value is None:
                return None
            args[_OPTIONS[word]] = [value] if word == "--run" else value
        else:
            plain.append(word)
    if verb == "list" and not args and len(plain) <= 1:
        return {"verb": verb, "args": {"status": plain[0]} if plain else {}}
    if verb == "create" and plain and set(args) <= {"description"}:
        return {"verb": verb, "args": {"title": " ".join(plain), **args}}
    if len(plain) == 1 and (verb == "update" or (verb in ("show", "check") and not args)):
        return {"verb": verb, "args": {"id": plain[0], **args}}
    return None


def _ask(port: int, text: str) -> bytes:
    import _socket

    line = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    line.settimeout(SECONDS)
    line.connect(("127.0.0.1", port))
    line.sendall(text.encode())
    line.shutdown(_socket.SHUT_WR)
    answer = b""
    while part := line.recv(1 << 16):
        answer += part
    return answer


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
