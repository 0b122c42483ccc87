"""What is promised at which grade, in the sentences that documentation and runs show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FULL = (
    "writes nothing outside its directory, its private home and its own /tmp",
    "reads nothing but the system's programs, toolchains, its directory and its own login",
    "reaches no process, socket or terminal of the host",
    "reaches no network but its model and the listed hosts, each connection logged",
    "leaves nothing running when it ends",
    "changes nothing that git, editors or agents obey later",
    "has no capabilities, and makes no namespaces, set-uid files, mounts or io_uring",
)
"""What the operating system keeps a worker to at the grade `full`."""


@dataclass(frozen=True, slots=True)
class Weakness:
    """Something that may be missing: its name for `--accept-weaker`, when it is, and what is lost by it."""

    name: str
    when: str
    lost: tuple[str, ...]


FS_ONLY = Weakness(
    "fs-only",
    "bubblewrap is missing or user namespaces are blocked, and Landlock stands alone",
    (
        "Unix sockets are stopped by the system call filter alone, and not by being out of sight",
        "modes, owners and times of files outside can be changed where the user may change them",
        "the protection of .git and of agents' settings inside the directory is missing",
        "what it starts may outlive it",
        "it sees the host's processes",
    ),
)
NO_TCP = (
    "TCP connections and signals to processes outside are not stopped",
    "files outside can be emptied where Landlock is older than version 3",
)
"""Lost in addition where Landlock is older than version 4."""
NONE = Weakness(
    "none",
    "neither bubblewrap nor Landlock can be used here",
    ("nothing at all is enforced by the operating system: the worker can do whatever you can",),
)
NO_LANDLOCK = Weakness(
    "no-landlock",
    "the second wall is asked for (sandbox.landlock) and this kernel has no Landlock",
    ("the second wall behind the mounts is missing",),
)
LINKS = Weakness(
    "links",
    "a path that must not be written is a symbolic link, which can't be kept in place",
    ("a symbolic link among the protected paths can be replaced by the worker",),
)
WEAKNESSES: Mapping[str, Weakness] = {each.name: each for each in (FS_ONLY, NONE, NO_LANDLOCK, LINKS)}
"""Every name that --accept-weaker takes."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A kind of machine: what is the matter with it, what is lost, and what PanCode does about it."""

    when: str
    lost: str
    then: str


SITUATIONS = (
    Situation(
        "Linux with bubblewrap and user namespaces",
        "nothing of the list above",
        "every mode and level",
    ),
    Situation(
        "no bubblewrap, or user namespaces are blocked (containers, AppArmor), Landlock 4 or newer",
        "; ".join(FS_ONLY.lost),
        "refused; --accept-weaker fs-only for suggest and auto-edit, none for full-auto",
    ),
    Situation(
        "the same with Landlock 1 to 3 (Linux 5.13 to 6.6)",
        "; ".join((*FS_ONLY.lost, *NO_TCP)),
        "refused; --accept-weaker fs-only for suggest, none for more",
    ),
    Situation("neither, as on macOS", "; ".join(NONE.lost), "refused; --accept-weaker none"),
    Situation(
        "PanCode runs as root",
        "the worker has root's number without root's powers; files below /etc that only root may read are "
        "hidden, those elsewhere in /usr and /opt are not",
        "every mode and level; /proc/sys is read-only, set-uid files can't be made",
    ),
    Situation(
        "neither systemd nor control groups can be used",
        "memory and processors are limited for each process and not for the whole worker",
        "every mode and level; the limits are shown as rlimit",
    ),
)
"""Machines, from the strongest; for the documentation."""

CANNOT = (
    "undo what happens inside the directory: keep it in version control",
    "judge what a listed host does with what it is sent",
    "hide the model's key or login from what the agent itself runs",
    "protect you from running what a worker has written: build files, tests, scripts; the review lists them",
    "protect git that you run by hand in the directory from a repository that the worker has nested in it",
    "withstand a fault in the kernel",
)
"""What no grade promises."""

REACH: tuple[tuple[str, str, str, str], ...] = (
    ("build", "the model", "the model, the machine's registries, hosts of the rules", "the same"),
    ("plan, review, admin", "the model", "the model", "the model, hosts of the rules"),
)
"""Whom a worker reaches: mode, then suggest, auto-edit, full-auto."""

UNIX_HIDDEN = "Unix sockets may be made (sandbox.unix); the host's are out of sight"
NO_LIMITS = "memory and processes are not limited: no systemd, cgroup or rlimit could be used"
OWN_CODE = "PanCode itself runs from this directory; the worker can't change its files here"
NO_HOOK = "the agent doesn't ask before each action; only the operating system stops it"
LOGIN_READABLE = "whatever the agent runs can read its login too"
RULES_INCOMPLETE = "the directory is too large to be searched for all paths that the rules mean"
