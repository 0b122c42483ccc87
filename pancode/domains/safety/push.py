"""An approved push is PanCode's own act: a worker has neither the credentials nor the network for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.engine.trusted_git import Trusted

if TYPE_CHECKING:
    from pancode.domains.safety.evaluate import Verdict

_FLAGS = frozenset({
    "-u", "--set-upstream", "--tags", "--follow-tags", "-f", "--force", "--force-with-lease", "-q", "--quiet",
    "-v", "--verbose", "--progress", "-d", "--delete", "--all", "-n", "--dry-run", "--no-verify", "--atomic",
    "--porcelain", "--no-progress", "--force-if-includes", "--prune", "--mirror",
})  # fmt: skip
"""Options of `git push` that say only what is pushed; all others may run something or go elsewhere."""
ALONE = (
    "approved, but a push is PanCode's own act: give it as one `git push REMOTE BRANCH`, in a command of its "
    "own with nothing else in it"
)
_OPERATORS = ("HOME", "PATH", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "USER", "LOGNAME", "LANG", "HTTPS_PROXY")
"""What git needs of the operator's environment to reach the operator's own credentials."""


@dataclass(frozen=True, slots=True)
class Push:
    """What one `git push` would do: its words behind `push`, in the repository of the work tree."""

    words: tuple[str, ...]


def push_of(words: Sequence[str]) -> Push | None:
    """Read a command's words as a push that can be done on its behalf; None if they are anything else.

    >>> push_of(["git", "push", "-u", "origin", "main"])
    Push(words=('-u', 'origin', 'main'))
    >>> push_of(["git", "push", "--receive-pack=evil", "origin"]), push_of(["git", "-c", "a=b", "push"])
    (None, None)
    """
    if [os.path.basename(words[0]) if words else "", *words[1:2]] != ["git", "push"]:
        return None
    for word in words[2:]:
        if word.startswith("-") and word.partition("=")[0] not in _FLAGS:
            return None
        if "::" in word or DYNAMIC in word:
            return None
    return Push(tuple(words[2:]))


class Pushes:
    """Does approved pushes in the workers' stead."""

    def __init__(
        self, spec: Callable[[str], Mapping[str, Any]], operator: Callable[[], Mapping[str, str]]
    ) -> None:
        """`spec` reads a run's spec, `operator` gives the operator's environment."""
        self._spec = spec
        self._operator = operator

    async def instead(self, run: str, verdict: Verdict) -> str | None:
        """Push, if that is what was approved, and give what the agent is told; None for anything else.

        A run without a sandbox can push by itself, so there it is None, too.
        """
        sandbox = self._spec(run).get("sandbox") or {}
        if sandbox.get("kind") != "bwrap" or not is_push(verdict):
            return None
        push = push_of(verdict.parts[0].part.words) if len(verdict.parts) == 1 else None
        if push is None:
            return ALONE
        try:
            done = await asyncio.to_thread(perform, push, sandbox["worktree"], self._operator())
        except PanError as error:
            return f"approved, but PanCode could not push for you: {error.problem}"
        return f"PanCode has done this for you, outside of the sandbox: {done}. There is nothing left to do."


def is_push(verdict: Verdict) -> bool:
    """Whether a part of what was judged is a push."""
    return any(_pushes(each.part.words) for each in verdict.parts)


def _pushes(words: Sequence[str]) -> bool:
    return bool(words) and os.path.basename(words[0]) == "git" and "push" in words[1:]


def perform(push: Push, work_tree: str, operator: Mapping[str, str]) -> str:
    """Push with the operator's credentials and give what was pushed; PanError if git refuses.

    The repository is the work tree's own, named and not discovered; its hooks don't run. `operator` is
    the operator's environment. Blocking: for a thread.
    """
    git_dir = os.path.join(work_tree, ".git")
    if not os.path.isdir(git_dir) or os.path.islink(git_dir):
        raise PanError(
            f'can\'t push from "{work_tree}": it is not a repository of its own',
            remedy="push from the repository that it belongs to",
            code=ExitCode.ENVIRONMENT,
        )
    env = {name: operator[name] for name in _OPERATORS if name in operator}
    home = env.get("HOME", "/")
    config = os.path.join(env.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "git", "config")
    own = os.path.join(home, ".gitconfig")
    env["GIT_CONFIG_GLOBAL"] = own if os.path.exists(own) else config
    env["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
    Trusted(git_dir, work_tree).run("push", "--porcelain", *push.words, env=env)
    return "git push " + " ".join(push.words)
