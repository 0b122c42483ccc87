"""What an agent's hook runs inside the sandbox, `hook_client.py PORT [SECONDS]`: any failure is a no."""

import _socket
import posix
import sys
import time

LONGEST = 1 << 20
SECONDS = 630.0


class _Context:
    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, float
    memo: dict[str, str] = {}  # noqa: RUF012 -- the scanner wants an attribute


def main(argv: list[str]) -> int:
    """Ask what standard input asks, print the answer, give its exit status; 2 is a no for every agent."""
    try:
        said = _ask(int(argv[0]), float(argv[1]) if len(argv) > 1 else SECONDS)
        # The package `json` would make each of an agent's actions wait 5 ms longer.
        from _json import make_scanner

        answer = make_scanner(_Context)(said.decode(), 0)[0]  # type: ignore[arg-type]
        for fd, name in ((1, "out"), (2, "err")):
            rest = answer[name].encode("utf-8", "replace")
            while rest:
                rest = rest[posix.write(fd, rest) :]
        return int(answer["exit"])
    except Exception as error:  # noqa: BLE001 -- whatever it is, the agent must not go on
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        posix.write(2, f"pancode: blocked: can't ask whether this is allowed: {words}\n".encode())
        return 2


def _ask(port: int, seconds: float) -> bytearray:
    text, answer, until = bytearray(), bytearray(), time.monotonic() + seconds
    while len(text) <= LONGEST and (part := posix.read(0, 1 << 16)):
        text += part
    if len(text) > LONGEST:
        raise ValueError(f"the question is longer than {LONGEST} bytes")
    line = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    # Whoever answers learns of our death at once, not of a connection that is half closed.
    line.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_LINGER2, -1)
    line.settimeout(seconds)
    line.connect(("127.0.0.1", port))
    line.sendall(text)
    line.shutdown(_socket.SHUT_WR)
    while part := line.recv(1 << 16):
        answer += part
        line.settimeout(max(until - time.monotonic(), 0.001))
    if not answer:
        raise ValueError("there is no answer")
    return answer


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
