"""The worker's private home: what is copied into it, what is mounted into it, and what comes back from it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from glob import glob
from typing import TYPE_CHECKING

from pancode.domains.safety.enclosure.asks import EnclosureAsk
from pancode.domains.safety.enclosure.copies import copies, git_without_login, read_text
from pancode.domains.safety.enclosure.inhome import InHome
from pancode.domains.safety.enclosure.mounts import Kind, Mount, reading, within
from pancode.domains.safety.enclosure.worktree import home_of
from pancode.engine.files import unusable

if TYPE_CHECKING:
    from typing import Literal

    from pancode.worker.profile import Login, Sandbox

GIT_CONFIG = "git-config"
"""Below the run's folder: the repository's configuration, where that one holds a login."""
GIVEN = "given"
"""Below the run's folder: the files that the worker finds in its home and can't change."""
OUT = "out"
"""Below the run's folder: where an agent writes what its adapter reads at the end."""
LARGEST_LOGIN = 1 << 20
_LARGEST_SETTINGS = 1 << 18
_MOST_FILES = 200
_BINDS = ("--bind", "--ro-bind", "--ro-bind-try", "--dev-bind")


def home_path(ask: EnclosureAsk) -> str:
    """Give the private home as the host sees it."""
    return ask.conversation_home or os.path.join(ask.run_dir, "home")


def home_mounts(ask: EnclosureAsk) -> list[Mount]:
    """Give the mounts that make the private home, at the operator's HOME."""
    home = home_of(ask)
    mounts = [Mount(Kind.WRITE, home, home_path(ask))]
    real = os.path.realpath(home)
    if real != home:
        mounts.append(Mount(Kind.WRITE, real, home_path(ask)))
    given = _given(ask)
    for name in (*ask.needs.config, *_shared(ask, home)):
        path = os.path.join(home, name)
        if os.path.exists(path) and not any(within(name, top) or within(top, name) for top in given):
            mounts += reading(path)
    staged = os.path.join(ask.run_dir, GIVEN)
    return [*mounts, *(Mount(Kind.READ, os.path.join(home, top), os.path.join(staged, top)) for top in given)]


def _shared(ask: EnclosureAsk, home: str) -> list[str]:
    """Give the caches that are there, relative to `home`.

    Patterns pass over what an agent is still unpacking under a hidden name: a worker could neither use
    that nor unpack its own beside it.
    """
    return [name for pattern in ask.needs.cache for name in sorted(glob(pattern, root_dir=home))]


def git_config(ask: EnclosureAsk, config: str | None) -> list[Mount]:
    """Give the mount that shows a repository's configuration without the logins in it, if there are any."""
    text = read_text(config) if config else ""
    if git_without_login(text) == text:
        return []
    return [Mount(Kind.READ, config or "", os.path.join(ask.run_dir, GIT_CONFIG))]


def logins(ask: EnclosureAsk) -> list[Login]:
    """Give the agent's credential files that are there, with their place in the private home."""
    home = home_of(ask)
    found: list[Login] = []
    for name, written in ask.needs.logins:
        source = os.path.join(home, name)
        if os.path.isfile(source):
            form: Literal["json", "text"] = "json" if written == "json" else "text"
            found.append({"source": source, "path": os.path.join(home_path(ask), name), "format": form})
    return found


def prepare_home(sandbox: Sandbox, ask: EnclosureAsk) -> None:
    """Make the private home of `sandbox`: settings, logins, given files, and places for the mounts.

    PanError ENVIRONMENT when the disk refuses. Nothing that an earlier worker left there is followed.
    """
    if sandbox["home"] is None:
        return
    try:
        if ask.home_files and sandbox["kind"] == "bwrap":
            _stage(ask)
        _show_git_config(sandbox, ask)
        with InHome(sandbox["home"]) as inside:
            for name in (*ask.needs.state, "tmp"):
                inside.folder(name)
            for name, text in copies(home_of(ask)).items():
                inside.write(name, text.encode())
            for login in sandbox["logins"]:
                _copy_login(inside, login, os.path.relpath(login["path"], sandbox["home"]))
            _points(inside, sandbox, home_of(ask))
            if sandbox["kind"] == "landlock":
                _settle(inside, ask)
        if ask.needs.out:
            os.makedirs(os.path.join(ask.run_dir, OUT), mode=0o700, exist_ok=True)
    except OSError as error:
        problem = f"can't make the worker's home \"{sandbox['home']}\""
        raise unusable(problem, error, "free some space or make the directory writable") from None


def finish_logins(sandbox: Sandbox) -> list[str]:
    """Take over the credential files that the worker's agent has refreshed; give the paths written.

    Only a regular file of the same shape, changed after the operator's own, is taken over.
    """
    if sandbox["home"] is None or not os.path.isdir(sandbox["home"]):
        return []
    with InHome(sandbox["home"]) as inside:
        return [login["source"] for login in sandbox["logins"] if _take_back(inside, login, sandbox["home"])]


def _take_back(inside: InHome, login: Login, home: str) -> bool:
    theirs = inside.read(os.path.relpath(login["path"], home), LARGEST_LOGIN)
    try:
        with open(login["source"], "rb") as file:
            ours, about = file.read(LARGEST_LOGIN), os.fstat(file.fileno())
    except OSError:
        return False
    if theirs is None or theirs[0] == ours or theirs[1] <= about.st_mtime or theirs[1] > time.time() + 60:
        return False
    if not _same_shape(ours, theirs[0], login["format"]):
        return False
    return _replace(login["source"], theirs[0], about.st_mode & 0o777)


def _replace(path: str, data: bytes, mode: int) -> bool:
    real = os.path.realpath(path)
    partial = f"{real}.{os.getpid()}.pancode"
    try:
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, real)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        return False
    return True


def _same_shape(ours: bytes, theirs: bytes, written: str) -> bool:
    if written != "json":
        return bool(theirs.strip())
    try:
        return _shape(json.loads(ours)) == _shape(json.loads(theirs))
    except (ValueError, RecursionError):
        return False


def _shape(value: object) -> object:
    """Give keys and kinds without values.

    >>> _shape({"token": "abc", "until": 1.5, "scopes": ["a", "b"]})
    {'token': 'str', 'until': 'number', 'scopes': 'list'}
    """
    if isinstance(value, dict):
        return {key: _shape(value[key]) for key in value}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"


def _copy_login(inside: InHome, login: Login, name: str) -> None:
    try:
        with open(login["source"], "rb") as file:
            inside.write(name, file.read(LARGEST_LOGIN))
            mtime = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return
    # As old as the operator's: only a file that the agent has written since then is newer.
    os.utime(os.path.basename(name), (mtime, mtime), dir_fd=inside.folder(os.path.dirname(name)))


def _points(inside: InHome, sandbox: Sandbox, home: str) -> None:
    """Make every mount point below HOME ourselves: bwrap would follow a link that a worker left there."""
    words, tree = sandbox["options"], sandbox["worktree"]
    for at, word in enumerate(words):
        if word == "--tmpfs":
            target, source = words[at + 1], None
        elif word in _BINDS:
            target, source = words[at + 2], words[at + 1]
        else:
            continue
        if target == home or not within(target, home) or (within(target, tree) and target != tree):
            continue
        name = os.path.relpath(target, home)
        if source is None or os.path.isdir(source):
            inside.folder(name)
        elif os.path.exists(source):
            inside.point(name)


def _show_git_config(sandbox: Sandbox, ask: EnclosureAsk) -> None:
    words, path = sandbox["options"], os.path.join(ask.run_dir, GIT_CONFIG)
    if path in words:
        text = git_without_login(read_text(words[words.index(path) + 1]))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)


def _settle(inside: InHome, ask: EnclosureAsk) -> None:
    """Copy what can't be mounted where there are no mounts; the worker could change it."""
    for name in ask.needs.config:
        for path in _settings_files(home_of(ask), name, name):
            _copy_settings(inside, home_of(ask), path)
    for name, text in ask.home_files.items():
        inside.write(name, text.encode())


def _given(ask: EnclosureAsk) -> list[str]:
    """Give what is mounted of the given files: their directories where nothing else lives, else each file."""
    tops: set[str] = set()
    for name in ask.home_files:
        folder = os.path.dirname(name)
        shared = not folder or any(
            within(state, folder) or within(folder, state) for state in ask.needs.state
        )
        tops.add(name if shared else folder)
    return sorted(top for top in tops if not any(within(top, other) and top != other for other in tops))


def _stage(ask: EnclosureAsk) -> None:
    """Write the given files, on top of copies of the operator's settings in the same directories."""
    home = home_of(ask)
    with InHome(os.path.join(ask.run_dir, GIVEN)) as staged:
        for top in _given(ask):
            for name in ask.needs.config:
                if within(top, name) or within(name, top):
                    for path in _settings_files(home, name, top):
                        _copy_settings(staged, home, path)
        for name, text in ask.home_files.items():
            staged.write(name, text.encode())


def _settings_files(home: str, name: str, top: str) -> list[str]:
    start = os.path.join(home, name)
    if not os.path.isdir(start):
        return [name] if within(name, top) else []
    found = []
    for directory, names, files in os.walk(start):
        names[:] = [each for each in names if each not in ("node_modules", ".git")]
        found += [os.path.relpath(os.path.join(directory, file), home) for file in files]
        if len(found) > _MOST_FILES:
            break
    return [path for path in found[:_MOST_FILES] if within(path, top)]


def _copy_settings(staged: InHome, home: str, name: str) -> None:
    try:
        with open(os.path.join(home, name), "rb") as file:
            if os.fstat(file.fileno()).st_size <= _LARGEST_SETTINGS:
                staged.write(name, file.read())
    except OSError:
        return
