"""The sandbox round one agent: bubblewrap with a filter for system calls, or Landlock where there is none."""

from __future__ import annotations

import posix
import select
import time

from pancode.worker.launch import LaunchError, said
from pancode.worker.lean_json import dumps, loads
from pancode.worker.masks import Masks
from pancode.worker.resources import Bounds
from pancode.worker.stage import Stage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.netns import Helper
    from pancode.worker.profile import Network, Sandbox
    from pancode.worker.protocol import Spec

SET_UP_S = 20.0
"""How long bubblewrap may take to make a process; it takes 3 ms, on a busy machine more."""
MOUNTING_S, LOOK_EVERY_S = 0.003, 0.0003
"""How long its mounts take at least, and how soon the agent is looked for again from then on."""
_SLOWEST_LOOK_S = 0.05
ARGS, FILTER, STATUS, BLOCK, RULES = 4, 5, 6, 7, 8
"""The descriptors of bwrap; none of them is left when the agent runs."""
_EARLY = 8192


class Enclosure:
    """One start of a sandboxed agent, and what is to be undone when it has ended.

    `fds` are (descriptor here, its number for the child). `listeners` maps ports inside to listening
    descriptors here. `inner` is the first process inside, `early` what the agent's terminal said until it
    ran, `resolved` whether it is known if it did.
    """

    __slots__ = (
        "_block",
        "_look_s",
        "_next_look",
        "_spec",
        "_stage",
        "_status",
        "_told",
        "bounds",
        "early",
        "fds",
        "inner",
        "listeners",
        "masks",
        "profile",
        "resolved",
        "words",
    )

    def __init__(self, spec: Spec, profile: Sandbox, env: dict[str, str]) -> None:
        """Prepare everything that can be prepared without a process; raise LaunchError."""
        self.profile = profile
        self._spec = spec
        self.fds: list[tuple[int, int]] = []
        self.words: list[str] = []
        self.listeners: dict[int, int] = {}
        self.early = bytearray()
        self.inner: int | None = None
        bwrap = profile["kind"] == "bwrap"
        self.resolved = not bwrap
        self._status = self._block = -1
        self._told = b""
        self._look_s = LOOK_EVERY_S
        self._next_look = 0.0
        try:
            masks = (profile["masks"], profile["stubs"]) if bwrap else ((), {})
            self.masks = Masks(profile["worktree"], *masks)
        except OSError as error:
            place = error.filename or profile["worktree"]
            raise LaunchError(f'can\'t make "{place}", which is to be protected: {said(error)}') from None
        self.bounds = Bounds(profile["resources"], spec["run"], systemd=bwrap)
        try:
            self._stage = Stage(spec["argv"][0], landlock=profile["landlock"])
            if bwrap:
                self._bwrap(env)
            else:
                from pancode.worker.netns import own

                self.listeners = own(doors(profile["network"]))
        except (OSError, ValueError) as error:
            self.end()
            reason = said(error) if isinstance(error, OSError) else str(error)
            raise LaunchError(f"can't set up the sandbox: {reason}") from None

    def _bwrap(self, env: dict[str, str]) -> None:
        profile = self.profile
        if profile["program"] is None:
            raise ValueError("the profile names no bubblewrap")
        if not profile["filter"]:
            raise ValueError("there is no filter of system calls for this kind of machine")
        options = list(profile["options"])
        if "--chdir" not in options:
            options += ("--chdir", self._spec["cwd"])
        if "--die-with-parent" not in options:
            options.append("--die-with-parent")
        for name, value in env.items():
            options += ("--setenv", name, value)
        args = "".join(f"{word}\0" for word in options).encode("utf-8", "surrogateescape")
        self._memory(args, ARGS)
        self._memory(bytes.fromhex(profile["filter"]), FILTER)
        self._status, theirs = posix.pipe2(posix.O_CLOEXEC)
        self.fds.append((theirs, STATUS))
        theirs, self._block = posix.pipe2(posix.O_CLOEXEC)
        self.fds.append((theirs, BLOCK))
        if self._stage.reads_rules:
            rules = {}
            if profile["landlock"]:
                rules = {"readable": profile["readable"], "writable": profile["writable"]}
            self._memory(dumps(rules).encode(), RULES)
        flags = zip(
            ("--args", "--seccomp", "--json-status-fd", "--block-fd"),
            map(str, (ARGS, FILTER, STATUS, BLOCK)),
            strict=True,
        )
        command = [profile["program"], *(word for pair in flags for word in pair), "--"]
        self._stage.after(command[:3])
        command += self._stage.words
        before = [*self.bounds.command, "/usr/bin/env", "-i"] if self.bounds.command else []
        self.words = [*before, *command, *self._spec["argv"]]

    def _memory(self, data: bytes, number: int) -> None:
        fd = posix.memfd_create("pancode", posix.MFD_CLOEXEC)
        self.fds.append((fd, number))
        view = memoryview(data)
        while view:
            view = view[posix.write(fd, view) :]
        posix.lseek(fd, 0, 0)

    def enter(self) -> list[str] | None:
        """In the child: take on the limits and the Landlock wall; give what to run instead of the agent.

        None: the agent itself. Raise OSError, ValueError, or what the wall raises where there is no bwrap.
        """
        self.bounds.enter()
        if self.profile["kind"] == "bwrap":
            return self.words
        from pancode.worker import wall

        wall.landlock(self.profile)
        return None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of bwrap itself: everything inside could read it."""
        return self.bounds.environment

    @property
    def limits(self) -> str:
        """By what the tree is limited: systemd, cgroup, rlimit or none."""
        return self.bounds.how

    @property
    def set_up(self) -> bool:
        """Whether bwrap came as far as to run something inside; known once that has ended."""
        self._hear()
        return self.profile["kind"] != "bwrap" or b'"exit-code"' in self._told

    def open(self) -> None:
        """In the shim, once there is a child: listen inside, let it go on; raise OSError or LaunchError."""
        for fd, _ in self.fds:
            posix.close(fd)
        self.fds.clear()
        if self.profile["kind"] != "bwrap":
            return
        # Loaded in the shadow of bubblewrap's own start.
        from pancode.worker.netns import Helper

        network = self.profile["network"]
        helper = Helper([*doors(network), *(forward["port"] for forward in network["forwards"])])
        try:
            self._told = self._line()
            if b"\n" not in self._told:
                return
            self.inner = int(loads(self._told.split(b"\n")[0].decode())["child-pid"])
            self._furnish(self.inner, helper)
            posix.close(self._block)
            self._block = -1
        finally:
            helper.end()

    def _furnish(self, inner: int, helper: Helper) -> None:
        """Give the sandbox that waits its listeners and limits; raise OSError."""
        try:
            self.listeners = helper.listeners(inner)
            self.bounds.count(inner)
        except OSError:
            # bwrap itself may have failed meanwhile, and says why.
            if not self._ended(1.0):
                raise

    def _line(self) -> bytes:
        """Wait for the first thing that bwrap says of itself; b"" when it has ended instead."""
        found = b""
        until = time.monotonic() + SET_UP_S
        while b"\n" not in found:
            if not _readable(self._status, until - time.monotonic()):
                raise LaunchError(f"bubblewrap hasn't made a sandbox within {SET_UP_S:g} s")
            more = posix.read(self._status, 4096)
            if not more:
                break
            found += more
        return found

    def _ended(self, wait_s: float) -> bool:
        """Whether bwrap has ended, or does so within this time."""
        if not _readable(self._status, wait_s):
            return False
        more = posix.read(self._status, 4096)
        self._told += more
        return not more or b"exit-code" in more

    def _hear(self) -> None:
        if self._status >= 0 and _readable(self._status, 0.0):
            self._told += posix.read(self._status, 4096)

    # Whether the agent runs.

    def report(self, wait_s: float) -> int | None:
        """Wait for the agent to run; give its pid, None if it takes longer."""
        until = time.monotonic() + wait_s
        pause = MOUNTING_S
        while self.inner is not None:
            pid = self._stage.passed(self.inner)
            if pid is not None:
                self.resolved = True
                return pid
            now = time.monotonic()
            if now >= until or _readable(self._status, min(pause, until - now)):
                self._look_s = min(2 * self._look_s, _SLOWEST_LOOK_S)
                self._next_look = now + self._look_s
                break
            # Often at first, when it is due; where it takes long others need the processor.
            pause = LOOK_EVERY_S if pause is MOUNTING_S else pause * 1.2
        return None

    def due(self) -> float | None:
        """Give when to look again, None when there is nothing to look for."""
        return None if self.resolved or self.inner is None else self._next_look

    def outcome(self, code: int | None) -> bytes:
        """After the end, for a start that was never seen: give what `why_not` takes, empty if it worked."""
        self.resolved = True
        said_early = self.early.decode("utf-8", "replace")
        if not self.set_up or said_early.startswith("bwrap: execvp "):
            return _bwraps(said_early).encode()
        return self._stage.complaint(said_early, code).encode()

    def heard(self, data: bytes) -> None:
        """Keep what is said before the agent runs."""
        if not self.resolved and len(self.early) < _EARLY:
            self.early += data[:_EARLY]

    def end(self) -> None:
        """Undo what the start made on this machine; may be called twice."""
        for fd in (*(fd for fd, _ in self.fds), self._status, self._block):
            if fd >= 0:
                posix.close(fd)
        self.fds.clear()
        self._status = self._block = -1
        self.masks.release()
        self.bounds.remove()


def doors(network: Network) -> list[int]:
    """Give the ports on the agent's loopback behind which PanCode itself listens."""
    return [port for port in (network["proxy_port"], network["hook_port"]) if port is not None]


def _bwraps(text: str) -> str:
    """Give bwrap's own complaint as a step and a reason."""
    lines = [line[7:].strip() for line in text.splitlines() if line.startswith("bwrap: ")]
    if not lines:
        return "sandbox:" + (text.strip().splitlines() or ["it was ended before the agent ran"])[-1]
    step = "cwd" if lines[-1].startswith("Can't chdir to ") else "sandbox"
    reason = lines[-1].rpartition(": ")[2].lower() if step == "cwd" else lines[-1]
    return f"{step}:{reason}"


def _readable(fd: int, wait_s: float) -> bool:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(max(0.0, wait_s) * 1000))
