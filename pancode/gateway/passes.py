"""What the gateway knows of a run: one file in the session's runtime directory, 0600, gone when the run ends.

A worker gets a random token in the place of its provider's key. The file holds the key, the address that
the token opens, and only a hash of the token, so neither process has to tell the other anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

ENDING = ".pass"
_TOKEN = re.compile(r"pan-([a-z0-9]{1,32})-[0-9a-f]{48}")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Where one run's model calls may go, and with which key."""

    run: str
    token: str  # its SHA-256, in hex
    upstream: str  # "https://host:port", without a path
    key: str = field(repr=False)
    bearer: bool = False  # the key goes into `Authorization`, wherever the agent puts its token
    calls: str  # path of the run's calls.jsonl
    proxy: str | None = field(default=None, repr=False)  # "http://user:password@host:port" of the operator's
    certificates: tuple[str, ...] = ()  # files of further authorities to be trusted

    @property
    def tls(self) -> bool:
        """Whether upstream is spoken to by TLS."""
        return self.upstream.startswith("https://")

    @property
    def host(self) -> str:
        """The name to connect to."""
        return urlsplit(self.upstream).hostname or ""

    @property
    def port(self) -> int:
        """The port to connect to."""
        parts = urlsplit(self.upstream)
        return parts.port or _PORTS[parts.scheme]

    @property
    def authority(self) -> str:
        """What the request's Host header says."""
        return urlsplit(self.upstream).netloc


def new_token(run: str) -> str:
    """Make the token of a run: it names the run, and nobody can guess the rest."""
    return f"pan-{run}-{secrets.token_hex(24)}"


def hashed(token: str) -> str:
    """Give what is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def pass_file(runtime: str, run: str) -> str:
    """Give the path of a run's pass."""
    return os.path.join(runtime, f"{run}{ENDING}")


def write_pass(runtime: str, made: Pass) -> None:
    """Write a new pass for this user alone; raise OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    path = pass_file(runtime, made.run)
    descriptor = os.open(f"{path}.new", flags, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(made), file)
    os.rename(f"{path}.new", path)


def remove_pass(runtime: str, run: str) -> None:
    """Take a run's pass away: its token opens nothing any more."""
    with contextlib.suppress(OSError):
        os.unlink(pass_file(runtime, run))


def has_pass(runtime: str, run: str) -> bool:
    """Whether the run has a pass at this moment."""
    return os.path.exists(pass_file(runtime, run))


def runs_with_passes(runtime: str) -> list[str]:
    """Give the runs that have a pass."""
    try:
        names = os.listdir(runtime)
    except OSError:
        return []
    return sorted(name.removesuffix(ENDING) for name in names if name.endswith(ENDING))


def remove_passes(runtime: str) -> None:
    """Take every pass away."""
    for run in runs_with_passes(runtime):
        remove_pass(runtime, run)


class Passes:
    """The passes of one session, read when a token asks for one."""

    def __init__(self, runtime: str) -> None:
        """Look into the directory `runtime`."""
        self._runtime = runtime
        self._known: dict[str, tuple[int, Pass]] = {}

    def of(self, token: str) -> Pass | None:
        """Give the pass that the token opens; None if there is none (any more)."""
        match = _TOKEN.fullmatch(token)
        found = self.of_run(match[1]) if match else None
        if found is None or not hmac.compare_digest(found.token, hashed(token)):
            return None
        return found

    def of_run(self, run: str) -> Pass | None:
        """Give a run's pass; None if there is none that can be read."""
        path = pass_file(self._runtime, run)
        try:
            changed = os.stat(path).st_mtime_ns
            known = self._known.get(run)
            if known is None or known[0] != changed:
                with open(path, encoding="utf-8") as file:
                    raw = json.load(file)
                known = changed, Pass(**{**raw, "certificates": tuple(raw["certificates"])})
                self._known[run] = known
        except (OSError, ValueError, TypeError, KeyError):
            self._known.pop(run, None)
            return None
        return known[1]

    def has(self, run: str) -> bool:
        """Whether the run has a pass at this moment."""
        return has_pass(self._runtime, run)

    def runs(self) -> list[str]:
        """Give the runs that have a pass."""
        return runs_with_passes(self._runtime)
