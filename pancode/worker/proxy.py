"""What a CONNECT proxy has to decide: what is asked for, whether it is allowed, where that really is."""

from __future__ import annotations

import _socket

LONGEST_HEAD = 8192
"""Bytes of a request's or an answer's head."""
CONNECT_S = 10.0
"""How long one address may take to answer."""
_BAD, _FORBIDDEN, _UNREACHABLE = 400, 403, 502
_MOST_PORT = 65535
_LONGEST_HOST = 253
_HOST_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.:")
_WORDS = {
    400: "Bad Request",
    403: "Forbidden",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
_OK = b"200"


class Refusal(Exception):  # noqa: N818 -- an answer like any other
    """Why a request is refused, a sentence, and the HTTP status that says so."""

    def __init__(self, why: str, status: int = _FORBIDDEN) -> None:
        """Refuse because of `why`."""
        super().__init__(why)
        self.why = why
        self.status = status


def asked(head: bytes) -> tuple[str, int] | Refusal:
    r"""Give the place that a request's head wants a tunnel to, or why it gets none.

    >>> asked(b"CONNECT Example.com:443 HTTP/1.1\r\n\r\n")
    ('example.com', 443)
    >>> asked(b"GET http://example.com/ HTTP/1.1\r\n\r\n").why
    'only CONNECT goes through this proxy, not GET'
    """
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 -- method, target, version
        return Refusal("this is not an HTTP request", _BAD)
    if words[0] != "CONNECT":
        method = words[0] if words[0].isalpha() and words[0].isascii() else "anything else"
        return Refusal(f"only CONNECT goes through this proxy, not {method[:20]}")
    place = _place(words[1])
    return Refusal("this is no host and port", _BAD) if place is None else place


def target(head: bytes) -> tuple[str, int]:
    r"""Give the host and port that any request is about, for the records; ("", 0) where it doesn't say.

    >>> target(b"GET http://example.com/a HTTP/1.1\r\n\r\n"), target(b"\x16\x03\x01")
    (('example.com', 80), ('', 0))
    """
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    where = words[1] if len(words) > 1 else ""
    scheme, has_scheme, rest = where.partition("://")
    if has_scheme:
        where = rest.partition("/")[0].rpartition("@")[2]
        default = 443 if scheme == "https" else 80
        return _place(where) or _place(f"{where}:{default}") or ("", 0)
    return _place(where) or ("", 0)


def _place(text: str) -> tuple[str, int] | None:
    """Read `host:port`, the host possibly in brackets; None if it is none."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None
    host = host.lower().removesuffix(".")
    if not host or len(host) > _LONGEST_HOST or not set(host) <= _HOST_LETTERS:
        return None
    if not (port.isascii() and port.isdigit()) or len(port) > len(str(_MOST_PORT)):
        return None
    return (host, int(port)) if 0 < int(port) <= _MOST_PORT else None


def rule_for(host: str, port: int, rules: list[str]) -> str | None:
    """Give the first rule that allows a place, None if none does.

    >>> rules = ["api.example.com:443", "*.example.net:443,8443"]
    >>> rule_for("api.example.com", 443, rules), rule_for("a.example.net", 8443, rules)
    ('api.example.com:443', '*.example.net:443,8443')
    >>> rule_for("example.net", 443, rules), rule_for("badexample.net", 443, rules)
    (None, None)
    """
    host = host.lower().removesuffix(".")
    for rule in rules:
        name, _, ports = rule.rpartition(":")
        name = name.lower().removeprefix("[").removesuffix("]").removesuffix(".")
        if str(port) not in [each.strip() for each in ports.split(",")]:
            continue
        if name == host or (name.startswith("*.") and len(name) > len("*.") and host.endswith(name[1:])):
            return rule
    return None


def is_public(address: str) -> bool:
    """Tell whether an IP address is one that the whole internet can reach.

    >>> is_public("93.184.215.14"), is_public("2606:4700::1111"), is_public("127.0.0.1"), is_public("::1")
    (True, True, False, False)
    >>> is_public("169.254.169.254"), is_public("::ffff:10.0.0.1"), is_public("100.64.0.1")
    (False, False, False)
    """
    bits = _bits(address)
    if len(bits) == _V4:
        return not bits.startswith(_NOT_PUBLIC_4)
    return bits.startswith("001") and not bits.startswith(_NOT_PUBLIC_6)


def is_near(address: str) -> bool:
    """Tell whether an IP address belongs to a private network; never the machine itself or the link.

    >>> is_near("10.1.2.3"), is_near("fd12::1"), is_near("127.0.0.1"), is_near("169.254.1.1"), is_near("::1")
    (True, True, False, False, False)
    """
    return _bits(address).startswith(_NEAR) and _bits(address) not in _METADATA


_V4 = 32
_V6_MAPPED, _V6_NAT64 = "0" * 80 + "1" * 16, f"{0x0064FF9B:032b}" + "0" * 64


def _bits(address: str) -> str:
    """Give an address as ones and zeros, an IPv4 one in IPv6 as that; "" if it is none or has a zone."""
    try:
        family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
        bits = "".join(f"{byte:08b}" for byte in _socket.inet_pton(family, address))
    except (OSError, ValueError):
        return ""
    for prefix in (_V6_MAPPED, _V6_NAT64):
        if len(bits) > _V4 and bits.startswith(prefix):
            return bits[len(prefix) :]
    return bits


def _prefixes(*networks: str) -> tuple[str, ...]:
    return tuple(_bits(name.partition("/")[0])[: int(name.partition("/")[2])] for name in networks)


# IANA's registries of special-purpose addresses: whatever is not globally reachable, and multicast.
_NOT_PUBLIC_4 = _prefixes(
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
)
_NOT_PUBLIC_6 = _prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
_NEAR = _prefixes("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
# Where clouds tell a machine's own credentials, although the address looks like a private one.
_METADATA = _prefixes("100.100.100.200/32", "fd00:ec2::254/128", "fd20:ce::254/128")


def reach(host: str, port: int, *, near: bool = False) -> _socket.socket:
    """Connect to an address of `host` that has been checked; `near` lets those of private networks do, too.

    Raise Refusal if it has none that may be used, or can't be reached.
    """
    found = _addresses(host, port)
    usable = [each for each in found if is_public(each[1][0]) or (near and is_near(each[1][0]))]
    if not usable:
        what = "an address of the internet or of a private network" if near else "an address of the internet"
        raise Refusal(f"{host} is not {what}: {found[0][1][0]}")
    problem = ""
    for family, address in usable:
        try:
            return _connected(family, address)
        except OSError as error:
            problem = _said(error)
    raise Refusal(f"{host}:{port} can't be reached: {problem}", _UNREACHABLE)


def lies_near(host: str, port: int) -> bool:
    """Tell whether `host` has an address in a private network; raises nothing."""
    try:
        return any(is_near(address[0]) for _, address in _addresses(host, port))
    except Refusal:
        return False


def through(upstream: str, host: str, port: int) -> _socket.socket:
    """Connect to a place by way of the operator's own proxy `upstream`, "host:port"; raise Refusal.

    It resolves the name, so only an address in plain figures can be checked here.
    """
    if _bits(host) and not is_public(host):
        raise Refusal(f"{host} is not an address of the internet")
    way = _place(upstream)
    if way is None:
        raise Refusal(f'the proxy "{upstream}" is no host and port', _UNREACHABLE)
    problem = ""
    for family, address in _addresses(*way):
        try:
            line = _connected(family, address)
        except OSError as error:
            problem = _said(error)
            continue
        try:
            return _tunnel(line, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except (OSError, Refusal) as error:
            line.close()
            problem = str(error)
            break
    raise Refusal(f"{host}:{port} can't be reached through the proxy {upstream}: {problem}", _UNREACHABLE)


def _tunnel(line: _socket.socket, place: str) -> _socket.socket:
    line.settimeout(CONNECT_S)
    line.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    head = bytearray()
    # One at a time: what follows the head belongs to the client.
    while not head.endswith(b"\r\n\r\n"):
        byte = line.recv(1)
        if not byte or len(head) > LONGEST_HEAD:
            raise Refusal("it didn't answer as a proxy does")
        head += byte
    words = bytes(head).split(b"\r\n", 1)[0].split(b" ")
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or words[1] != _OK:  # noqa: PLR2004
        raise Refusal(f"it said {b' '.join(words[1:])[:80].decode('latin-1') or 'nothing'}")
    line.settimeout(None)
    return line


def _addresses(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
    """Resolve a name to (family, address as the system wants it), at least one; raise Refusal."""
    try:
        # As bytes: a text would be looked at by a codec that weighs a megabyte.
        found = _socket.getaddrinfo(host.encode("ascii"), port, 0, _socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        words = _said(error) if isinstance(error, OSError) else "it is no name"
        raise Refusal(f"{host} can't be looked up: {words}", _UNREACHABLE) from None
    if not found:
        raise Refusal(f"{host} has no address", _UNREACHABLE)
    return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


def _connected(family: int, address: tuple[str, int]) -> _socket.socket:
    line = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        line.settimeout(CONNECT_S)
        line.connect(address)
        line.settimeout(None)
    except OSError:
        line.close()
        raise
    return line


def refused(why: str, status: int = _FORBIDDEN) -> bytes:
    """Give the whole HTTP answer that says `why` in a sentence."""
    body = f"pancode: {why}\n".encode("utf-8", "replace")
    head = (
        f"HTTP/1.1 {status} {_WORDS.get(status, 'Refused')}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
