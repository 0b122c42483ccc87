"""Where things live: PANCODE_HOME, the project's state, the session's runtime directory.

Light, as a relayed verb imports it: os, and the words for errors only when there is one.
"""

from __future__ import annotations

import os
import stat
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.core.errors import PanError


SOCKET_LIMIT = 107
"""Bytes of a Unix socket's path on Linux, without the closing NUL."""
SESSION_NAME_LIMIT = 32


class Places:
    """The paths of one session of one project; nothing is created until `make()`."""

    def __init__(self, project: str, session: str, home: str, runtime: str) -> None:
        """Compute every path; the same inputs always give the same places."""
        self.project = project
        self.session = session
        self.home = home
        key = _short_hash(project)
        name = os.path.basename(project) or "root"
        self.state = os.path.join(home, "projects", f"{name}-{key}", session)
        self.runs = os.path.join(self.state, "runs")
        self.database = os.path.join(self.state, "pancode.db")
        self.session_file = os.path.join(self.state, "session.json")
        self.preset_file = os.path.join(self.state, "preset.json")
        self.log = os.path.join(self.state, "controller.log")
        self.runtime = os.path.join(runtime, f"{_short_hash(home + os.sep + project)}-{session}")
        self.tmux_socket = os.path.join(self.runtime, "t.sock")
        self.socket = os.path.join(self.runtime, "c.sock")
        self.lock = os.path.join(self.state, "lock")  # With the database that one controller may write.
        self.tmux_conf = os.path.join(self.runtime, "tmux.conf")
        self.about = os.path.join(self.runtime, "about.json")
        self.gateway_port = os.path.join(self.runtime, "gateway.port")
        self.native_socket = os.path.join(self.runtime, "n.sock")
        self.native_log = os.path.join(self.state, "native.log")
        self.fork_socket = os.path.join(self.runtime, "f.sock")
        self.fork_log = os.path.join(self.state, "forks.log")
        self.now = os.path.join(self.runtime, "now.json")
        self.gateway_log = os.path.join(self.state, "gateway.log")

    def handed_over(self) -> list[str]:
        """Give the files with secrets that wait for their workers."""
        return self._ending_with(".env")

    def held_panes(self) -> list[str]:
        """Give the FIFOs by which forked workers hold their panes."""
        return self._ending_with(".pane")

    def _ending_with(self, ending: str) -> list[str]:
        names = os.listdir(self.runtime) if os.path.isdir(self.runtime) else []
        return [os.path.join(self.runtime, name) for name in sorted(names) if name.endswith(ending)]

    def make(self) -> None:
        """Create what is missing, private to this user; raise PanError where that can't be done."""
        if len(os.fsencode(self.tmux_socket)) > SOCKET_LIMIT:
            raise _error(
                f"the path of the session's socket is too long: {self.tmux_socket}",
                remedy="set XDG_RUNTIME_DIR to a shorter directory, or use a shorter --session name",
                code="ENVIRONMENT",
            )
        for directory in (os.path.dirname(self.runtime), self.runtime):
            private_directory(directory, "XDG_RUNTIME_DIR")
        for directory in (self.home, self.runs):
            private_directory(directory, "PANCODE_HOME")


def private_directory(path: str, variable: str) -> None:
    """Make `path` (mode 0700) unless it is there, is ours and can be written; else raise PanError."""
    before = os.umask(0o077)  # For the directories on the way, to which `mode` does not apply.
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.lstat(path)
    except OSError as error:
        raise _error(
            f"can't use the directory {path}: {os.strerror(error.errno or 0).lower()}",
            remedy=f"make it writable, or point {variable} somewhere else",
            code="ENVIRONMENT",
        ) from None
    finally:
        os.umask(before)
    if stat.S_ISLNK(found.st_mode) and os.path.isdir(path):
        found = os.stat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise _error(
            f"{path} is not a directory of yours",
            remedy=f"remove it, or point {variable} somewhere else",
            code="ENVIRONMENT",
        )
    if not os.access(path, os.W_OK | os.X_OK):
        raise _error(
            f"can't write to {path}",
            remedy=f"make it writable, or point {variable} somewhere else",
            code="ENVIRONMENT",
        )


def find(session: str | None = None, cwd: str | None = None) -> Places:
    """Give the places for the project around `cwd` (default: here), as the environment sets them."""
    name = session or os.environ.get("PANCODE_SESSION") or "main"
    if not _is_session_name(name):
        raise _error(
            f'"{name}" is not a session name',
            remedy="use 1 to 32 letters, digits, '-' or '_'",
            code="USAGE",
        )
    return Places(project_root(cwd), name, home(), runtime_root())


def _is_session_name(name: str) -> bool:
    return (
        0 < len(name) <= SESSION_NAME_LIMIT
        and name.isascii()
        and name.replace("-", "").replace("_", "").isalnum()
    )


def home() -> str:
    """Give the user's PanCode directory: PANCODE_HOME, else ~/.pancode."""
    return os.path.abspath(os.environ.get("PANCODE_HOME") or os.path.expanduser("~/.pancode"))


def runtime_root() -> str:
    """Give the directory that holds every session's sockets."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.path.isdir(base):
        return os.path.join(base, "pancode")
    return f"/tmp/pancode-{os.getuid()}"  # noqa: S108 -- made 0700 and checked for its owner


def project_root(cwd: str | None = None) -> str:
    """Give the real path of the git root around `cwd`, or `cwd` itself outside a repository."""
    start = os.environ.get("PANCODE_PROJECT") if cwd is None else cwd
    here = os.path.realpath(start or os.getcwd())
    at = here
    while True:
        if is_work_tree(at):
            return at
        parent = os.path.dirname(at)
        if parent == at:
            return here
        at = parent


def is_work_tree(directory: str) -> bool:
    """Whether git would take it for one: `.git` is a file, or a directory with a HEAD.

    An empty `.git` directory is none; sandboxes leave such a thing behind where they guard one.
    """
    git = os.path.join(directory, ".git")
    return os.path.isfile(git) or os.path.exists(os.path.join(git, "HEAD"))


def _short_hash(text: str) -> str:
    # A CRC, not a digest: nobody attacks this name, and `hashlib` costs a relayed verb 3 ms.
    return f"{zlib.crc32(os.fsencode(text)):08x}"


def _error(problem: str, *, remedy: str, code: str) -> PanError:
    from pancode.core.errors import ExitCode, PanError

    return PanError(problem, remedy=remedy, code=ExitCode[code])
