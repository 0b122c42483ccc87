"""`pan`, what a worker shares with others, inside its sandbox: `pan.py PORT task|share|mcp …`; prints JSON.

It goes by the port of the agent's hook to the worker's shim, which passes it on; it reaches nothing else.
"""

from __future__ import annotations

import sys

SECONDS = 15.0
USAGE = """\
task list [todo|doing|blocked|done]
task show ID
task create TITLE… [-d DESCRIPTION]
task update ID [--title TEXT] [--status todo|doing|blocked|done] [-d DESCRIPTION] [--run RUN]
task check ID
share list [NAMESPACE]
share get|history|remove KEY [-n NAMESPACE]
share set|append KEY TEXT… [-n NAMESPACE] [--ttl SECONDS]      TEXT may be -, standard input
mcp                                                            the same as tools of an MCP server
"""
_OPTIONS = {"-d": "description", "--title": "title", "--status": "status", "--run": "link"}
_SHARE_OPTIONS = {"-n": "namespace", "--ttl": "ttl"}


def main(argv: list[str]) -> int:
    """Ask what the words say, print the answer; 1 if it says no, 2 for words that make no sense."""
    port = int(argv[0])
    if argv[1:] == ["mcp"]:
        # At the end, so that a file beside the package can never stand in for the standard library.
        sys.path.append(__file__.rsplit("/", 3)[0])
        from pancode.worker.pan_mcp import serve

        return serve(sys.stdin, sys.stdout, lambda verb, args: ask(port, verb, args))
    asked = request(argv[1:], sys.stdin.read)
    if asked is None:
        sys.stderr.write(USAGE)
        return 2
    said, code = ask(port, *asked)
    (sys.stderr if code else sys.stdout).write(said)
    return code


def ask(port: int, verb: str, args: dict[str, object]) -> tuple[str, int]:
    """Ask for one verb; give the words of the answer and the exit status."""
    import json

    text = json.dumps(
        {"pancode_board": {"verb": verb, "args": args}}, separators=(",", ":"), ensure_ascii=False
    )
    try:
        said = json.loads(_told(port, text))
        return str(said["out"]) or str(said["err"]), int(said["exit"])
    except (OSError, ValueError) as error:
        return f"pancode: the session can't be reached: {error}\n", 1


def request(words: list[str], read: object = None) -> tuple[str, dict[str, object]] | None:
    """Give verb and arguments that the words stand for; None if they stand for none.

    `read()` gives standard input.

    >>> request(["task", "update", "t-1", "--status", "done"])
    ('update', {'id': 't-1', 'status': 'done'})
    >>> request(["share", "set", "api", "port", "8080", "--ttl", "60"])
    ('share_set', {'key': 'api', 'value': 'port 8080', 'ttl': 60.0})
    """
    group, rest = words[:1], words[1:]
    if group == ["task"]:
        return _task(rest)
    return _share(rest, read) if group == ["share"] else None


def _task(words: list[str]) -> tuple[str, dict[str, object]] | None:
    parted = _parted(words, _OPTIONS)
    if parted is None:
        return None
    verb, plain, args = parted
    if "link" in args:
        args["link"] = [args["link"]]
    if verb == "list" and not args and len(plain) <= 1:
        return verb, {"status": plain[0]} if plain else {}
    if verb == "create" and plain and set(args) <= {"description"}:
        return verb, {"title": " ".join(plain), **args}
    if len(plain) == 1 and (verb == "update" or (verb in ("show", "check") and not args)):
        return verb, {"id": plain[0], **args}
    return None


def _share(words: list[str], read: object) -> tuple[str, dict[str, object]] | None:
    parted = _parted(words, _SHARE_OPTIONS)
    if parted is None:
        return None
    verb, plain, args = parted
    if verb == "list" and not args and len(plain) <= 1:
        return "share_list", {"namespace": plain[0]} if plain else {}
    if verb in ("get", "history", "remove") and len(plain) == 1 and "ttl" not in args:
        return f"share_{verb}", {"key": plain[0], **args}
    if verb in ("set", "append") and len(plain) >= 2:  # noqa: PLR2004 -- a key and a text
        text = " ".join(plain[1:])
        value = read() if text == "-" and callable(read) else text
        try:
            ttl = {"ttl": float(str(args.pop("ttl")))} if "ttl" in args else {}
        except ValueError:
            return None
        return f"share_{verb}", {"key": plain[0], "value": value, **args, **ttl}
    return None


def _parted(words: list[str], options: dict[str, str]) -> tuple[str, list[str], dict[str, object]] | None:
    """Part the words into the verb, what is no option, and the options; None if an option lacks its value."""
    if not words:
        return None
    plain, args, rest = [], dict[str, object](), iter(words[1:])
    for word in rest:
        if word in options:
            value = next(rest, None)
            if value is None:
                return None
            args[options[word]] = value
        else:
            plain.append(word)
    return words[0], plain, args


def _told(port: int, text: str) -> bytes:
    import _socket

    line = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    line.settimeout(SECONDS)
    line.connect(("127.0.0.1", port))
    line.sendall(text.encode("utf-8", "replace"))
    line.shutdown(_socket.SHUT_WR)
    answer = b""
    while part := line.recv(1 << 16):
        answer += part
    return answer


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
