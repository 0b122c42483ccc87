"""The private repository that keeps bases, results and checkpoints; no worker ever sees it."""

from __future__ import annotations

import contextlib
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from subprocess import TimeoutExpired

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation.origin import Origin
from pancode.engine import git, held
from pancode.engine.trusted_git import Identity, Trusted, identity, make_trusted

BASE = "base"
"""The kind of snapshot that workers get: what is ignored by now is not in it."""
_MANY_LOOSE = 3
"""Of 256 directories in one, that is: about a thousand objects."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a clone begins with: a commit, and the operator's own commit that it goes back to.

    Where nothing was uncommitted they are the same.
    """

    commit: str
    head: str | None


class Store:
    """`work.git` of one session, and the places of the clones beside it."""

    def __init__(self, state: str) -> None:
        """Look at the session's state directory; nothing is made yet."""
        self._known: dict[str, tuple[str, Identity]] = {}
        self.git_dir = os.path.join(state, "work.git")
        self.clones = os.path.join(state, "clones")
        self.plan = os.path.join(state, "writing.json")
        self._locks = os.path.join(state, "locks")

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept."""
        return os.path.exists(os.path.join(self.git_dir, "HEAD"))

    def clone(self, run: str) -> str:
        """Give the directory of a run's clone."""
        return os.path.join(self.clones, run)

    def index(self, run: str) -> str:
        """Give the file that remembers the files of a run's clone, out of the worker's reach."""
        return os.path.join(self.clones, f"{run}.index")

    def remove_clone(self, run: str) -> None:
        """Remove the directory of a run's clone; PanError if something of it stays."""
        clone = self.clone(run)
        shutil.rmtree(clone, ignore_errors=True)
        if os.path.lexists(clone):
            raise PanError(
                f'can\'t remove all of "{clone}"', remedy="remove it by hand", code=ExitCode.ENVIRONMENT
            )
        for path in (self.index(run), os.path.join(self._locks, run)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def at(self, work_tree: str, index: str) -> Trusted:
        """Give git on `work_tree`, with this repository and the named index."""
        return Trusted(self.git_dir, work_tree, index)

    @property
    def bare(self) -> Trusted:
        """Give git for what needs no work tree."""
        return Trusted(self.git_dir, self.git_dir)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes and threads from changing what only one may change at a time."""
        with held.locked(os.path.join(self._locks, "work")):
            _sweep(self.git_dir, "index-")
            yield

    @contextlib.contextmanager
    def run_locked(self, run: str) -> Iterator[None]:
        """Keep others from making, or collecting from, the clone of a run at the same time."""
        with held.locked(os.path.join(self._locks, run)):
            _sweep(self.clones, f"{run}.index")
            for directory, _, _ in os.walk(os.path.join(self.git_dir, "refs", "pancode", run)):
                _sweep(directory, "")
            yield

    @contextlib.contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[bool]:
        """Keep others from deciding about changes, or writing to the operator's tree, at the same time.

        Without `wait` it is False where somebody does that now.
        """
        with held.locked(os.path.join(self._locks, "merge"), wait=wait) as mine:
            if mine:
                _sweep(self.git_dir, "writing-index")
            yield mine

    def take_in(self, origin: Origin) -> None:
        """Have the operator's commit, with all that it goes back to, as objects of our own.

        They are linked, not copied, and the operator's own housekeeping can't take them away; on another
        file system they are borrowed.
        """
        if not self.exists:
            self._make(origin)
        if origin.head is None:
            return
        known = self.bare.raw("cat-file", "-e", f"{origin.head}^{{tree}}", fine=(0, 1, 128))
        if known.returncode != 0:
            self.bare.run(
                *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"),
                *(origin.root, f"+HEAD:refs/pancode/seen/{_name(origin.root)}"),
            )

    def _make(self, origin: Origin) -> None:
        partial = f"{self.git_dir}.new"
        shutil.rmtree(partial, ignore_errors=True)
        os.makedirs(os.path.dirname(partial), mode=0o700, exist_ok=True)
        if os.stat(origin.objects).st_dev != os.stat(os.path.dirname(partial)).st_dev:
            # Nothing can be linked: they are borrowed, as in the clones.
            make_trusted(partial, partial)
            with open(os.path.join(partial, "objects/info/alternates"), "w", encoding="utf-8") as file:
                file.write(f"{origin.objects}\n")
        else:
            # Clones are written from a pack twice as fast as from many single files.
            words = ["--no-local"] if _are_loose(origin.objects) else []
            try:
                git.run(
                    os.path.dirname(partial), "clone", "--quiet", "--bare", *words, "--", origin.root, partial
                )
            except (PanError, TimeoutExpired):
                shutil.rmtree(partial, ignore_errors=True)
                make_trusted(partial, partial)
        os.chmod(partial, 0o700)
        os.rename(partial, self.git_dir)

    def snapshot(self, origin: Origin, kind: str, ignored: str, leave_out: Sequence[str] = ()) -> str:
        """Write the operator's tree as it stands on disk, tracked or not, and give the tree's id.

        `kind` names what is remembered of its files from one time to the next; `ignored` are patterns of
        files that the operator wants to be ignored besides `.gitignore`.
        """
        self.ignore(ignored)
        name = f"{kind}-{_name(origin.root)}"
        if leave_out:
            name += f"-{_name(' '.join((*leave_out, str(origin.head))))}"
        index = os.path.join(self.git_dir, f"index-{name}")
        trusted = self.at(origin.root, index)
        if kind == BASE and os.path.exists(index) and _ignored_since(trusted, origin.head):
            os.unlink(index)
        if not os.path.exists(index) and origin.head is not None:
            trusted.run("read-tree", origin.head)
        elif not os.path.exists(index):
            trusted.run("read-tree", "--empty")
        known, at = self._known.pop(index, (None, None))
        # Another process may have looked meanwhile: what its index knows by now is no change any more.
        tree, is_plain = trusted.look(leave_out, known if identity(index) == at else None)
        if is_plain:  # What is in a repository inside can change and leave the index as it is.
            self._known[index] = tree, identity(index)
        return tree

    def ignore(self, patterns: str) -> None:
        """Let `patterns` be ignored besides what `.gitignore` names."""
        path = os.path.join(self.git_dir, "info", "exclude")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as file:
            if file.read() == patterns:
                return
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(patterns)

    def base(self, origin: Origin, ignored: str, leave_out: Sequence[str] = ()) -> Base:
        """Take the operator's tree, with what is not committed in it, as the beginning of clones."""
        tree = self.snapshot(origin, BASE, ignored, leave_out)
        if origin.head is not None and self.tree_of(origin.head) == tree:
            return Base(origin.head, origin.head)
        parents = [origin.head] if origin.head else []
        return Base(self.bare.commit(tree, "The operator's uncommitted work", parents), origin.head)

    def tree_of(self, commit: str) -> str:
        """Give the tree of a commit."""
        return self.bare.run("rev-parse", "--verify", f"{commit}^{{tree}}").strip()

    def keep(self, ref: str, commit: str) -> None:
        """Let `ref` below refs/pancode name `commit`."""
        self.bare.run("update-ref", f"refs/pancode/{ref}", commit)

    def keep_also(self, ref: str, tree: str, message: str) -> None:
        """Let `ref` name a commit of `tree`; what it named before is that commit's parent."""
        before = self.find(ref)
        self.keep(ref, self.bare.commit(tree, message, [before] if before else []))

    def check(self, what: str, ids: Iterable[object], remedy: str | None = None) -> None:
        """Raise PanError NOT_FOUND unless all of these objects are still kept: old ones may be cleaned up."""
        lines = "".join(f"{each}\n" for each in ids if isinstance(each, str))
        told = self.bare.raw("cat-file", "--batch-check", given=lines.encode()).stdout
        if any(line.endswith(b" missing") for line in told.splitlines()):
            raise PanError(f"{what} is not kept any more", remedy=remedy, code=ExitCode.NOT_FOUND)

    def find(self, ref: str) -> str | None:
        """Give the commit that a ref below refs/pancode names, or None."""
        done = self.bare.raw(
            "rev-parse", "--quiet", "--verify", f"refs/pancode/{ref}^{{commit}}", fine=(0, 1, 128)
        )
        return done.stdout.decode().strip() or None


def _ignored_since(trusted: Trusted, head: str | None) -> bool:
    """Whether the index knows a file that came before what ignores it, and is not committed."""
    names = ("ls-files", "--cached", "--ignored", "--exclude-standard", "-z")
    ignored = {name for name in trusted.raw(*names).stdout.split(b"\0") if name}
    if ignored and head is not None:
        ignored -= set(trusted.raw("ls-tree", "-r", "-z", "--name-only", head).stdout.split(b"\0"))
    return bool(ignored)


def _are_loose(objects: str) -> bool:
    """Whether a good part of the objects lies there each in a file of its own, by a sample of them."""
    try:
        return len(os.listdir(os.path.join(objects, "17"))) > _MANY_LOOSE
    except OSError:
        return False


def _sweep(directory: str, beginning: str) -> None:
    """Remove locks that a killed git has left; whoever calls this holds the lock under which it worked."""
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            if name.startswith(beginning) and name.endswith(".lock"):
                os.unlink(os.path.join(directory, name))


def _name(text: str) -> str:
    return f"{zlib.crc32(os.fsencode(text)):08x}"
