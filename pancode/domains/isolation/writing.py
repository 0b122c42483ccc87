"""Writes into a work tree of the operator's so that a kill at any moment leaves no half of it.

The files are written beside their places first, each is then moved there in one step, and a plan on the disk
says what is under way: who comes next goes on with it, or takes it back where the tree has moved on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation import changes as books
from pancode.domains.isolation import locks
from pancode.domains.isolation import plan as plans
from pancode.domains.isolation.apply import Step, in_the_way, is_pending, place, stage, steps
from pancode.domains.isolation.branch import move
from pancode.domains.isolation.origin import origin_of
from pancode.domains.isolation.plan import Plan
from pancode.domains.isolation.scene import now_in
from pancode.domains.isolation.work import Work

_SHOWN = 5
Note = Callable[[str], None]
"""Takes a sentence about what was found cut off."""


class Writer:
    """Carries out one plan at a time, and first what somebody else could not carry out to its end."""

    def __init__(self, work: Work, environment: Mapping[str, str], note: Note) -> None:
        """`environment` is the operator's."""
        self._work = work
        self._store = work.store
        self._environment = environment
        self._note = note

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else decide or write meanwhile; what was cut off is settled first."""
        with self._store.writing():
            self._settle()
            yield

    def settle(self) -> None:
        """Settle what was cut off, unless somebody is at work."""
        if os.path.exists(self._store.plan):
            with self._store.writing(wait=False) as mine:
                if mine:
                    self._settle()

    def write(self, plan: Plan) -> None:
        """Carry out a plan, inside of `alone`.

        PanError CONFLICT names what is in the way; nothing is changed then. ENVIRONMENT if the disk refuses:
        nothing is changed then either, or the rest follows later.
        """
        if plan.move is not None:
            locks.check_free(plan.root)
        taken = self._steps(plan)
        blocked = in_the_way(plan.root, taken)
        if blocked:
            raise PanError(
                f"in the way: {', '.join(blocked[:_SHOWN])}",
                remedy="move it elsewhere, then try again",
                code=ExitCode.CONFLICT,
            )
        self._stage(replace(plan, stage=plans.new_stage()), taken)

    def _steps(self, plan: Plan) -> list[Step]:
        meant = set(plan.paths)
        return [one for one in steps(self._store, plan.before, plan.after) if one.path in meant]

    def _stage(self, plan: Plan, taken: Sequence[Step]) -> None:
        plans.write(self._store.plan, plan)
        try:
            inside = os.path.join(plan.root, plan.stage)
            os.makedirs(inside, mode=0o700, exist_ok=True)
            with open(os.path.join(inside, ".gitignore"), "w", encoding="ascii") as file:
                file.write("*\n")  # Of itself, too: git sees nothing of the directory.
            stage(self._store, taken, plan.root, plan.after, plan.files)
            plan = replace(plan, staged=True)
            plans.write(self._store.plan, plan)
        except (PanError, OSError) as error:
            if not plan.takes_back:
                self._drop(plan)
            raise _refused(error, plan) from None
        self._carry_out(plan, taken)

    def _carry_out(self, plan: Plan, pending: Sequence[Step]) -> None:
        try:
            place(plan.root, pending, plan.files)
        except OSError as error:
            if not plan.takes_back:
                with contextlib.suppress(PanError, OSError):  # Who comes next goes on with that.
                    self._take_back(plan, [one for one in pending if is_pending(plan.root, one, plan.files)])
            raise _refused(error, plan) from None
        if plan.move is not None and plan.left is not None:
            head, tip = plan.move
            if origin_of(plan.root).head != tip:
                self._move(plan, plan.left.run, (head, tip))
        if plan.left is not None:
            books.write(self._work.folder(plan.left.run), plan.left)
        self._drop(plan)

    def _move(self, plan: Plan, run: str, commits: tuple[str, str]) -> None:
        try:
            move(self._store, plan.root, run, plan.stage, commits)
        except OSError as error:
            raise _refused(error, plan) from None

    def _drop(self, plan: Plan) -> None:
        shutil.rmtree(os.path.join(plan.root, plan.stage), ignore_errors=True)
        plans.forget(self._store.plan)

    def _settle(self) -> None:
        plan = plans.read(self._store.plan)
        if plan is None:
            return
        try:
            self._go_on(plan)
        except (PanError, OSError) as error:
            raise PanError(
                f"{plan.what} was cut off and can't be completed: {error}",
                remedy=getattr(error, "remedy", None) or "see to that, and ask again",
                code=ExitCode.ENVIRONMENT,
            ) from None

    def _go_on(self, plan: Plan) -> None:
        if not os.path.isdir(plan.root):
            self._drop(plan)
            self._note(f'{plan.what} was cut off, and "{plan.root}" is not there any more')
        elif plan.takes_back and not plan.staged:
            self._stage(plan, self._steps(plan))
        elif not plan.staged:
            self._drop(plan)
            self._note(f"{plan.what} was cut off before it had changed anything")
        else:
            self._complete(plan)

    def _complete(self, plan: Plan) -> None:
        if plan.move is not None:
            locks.clear(plan.root, plan.stage, plan.move[1])
        if os.path.isdir(os.path.join(plan.root, plan.files)):
            pending = [one for one in self._steps(plan) if is_pending(plan.root, one, plan.files)]
        else:  # Nothing was to be written, or somebody has cleaned up.
            other = self._other(plan.after, plan.root)
            pending = [one for one in self._steps(plan) if one.path in other]
            plan = replace(plan, staged=False)
        changed = self._changed(plan, pending)
        if changed and not plan.takes_back:
            self._note(f"{plan.what} was cut off, and {_names(changed)} changed since: it is taken back")
            self._take_back(plan, pending)
            return
        # What the operator has made of a file meanwhile stays as it is.
        pending = [one for one in pending if one.path not in changed]
        (self._carry_out if plan.staged else self._stage)(plan, pending)
        self._note(f"{plan.what} was cut off; it is complete now")

    def _other(self, tree: str, root: str) -> set[str]:
        """Give the paths that are not as a tree has them."""
        now = now_in(self._store, root, self._environment)
        return {one.path for one in steps(self._store, tree, now)}

    def _changed(self, plan: Plan, pending: Sequence[Step]) -> list[str]:
        """Give what of the pending isn't as the plan found it."""
        found = []
        if pending:
            since = self._other(plan.before, plan.root).union(in_the_way(plan.root, pending))
            found = [one.path for one in pending if one.path in since]
        if plan.move is not None and origin_of(plan.root).head not in plan.move:
            found.append("HEAD")
        return found

    def _take_back(self, plan: Plan, pending: Sequence[Step]) -> None:
        """Put back what a plan has written so far, but for what was changed since."""
        left = {one.path for one in pending} | self._other(plan.after, plan.root)
        other = replace(
            plan, before=plan.after, after=plan.before, left=None, move=None, staged=False, takes_back=True,
            paths=tuple(path for path in plan.paths if path not in left),
        )  # fmt: skip
        self._stage(other, self._steps(other))


def _names(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(paths[:_SHOWN])}{more} {'has' if len(paths) == 1 else 'have'}"


def _refused(error: PanError | OSError, plan: Plan) -> PanError:
    if isinstance(error, PanError):
        return error
    reason = os.strerror(error.errno or 0).lower()
    where = error.filename2 or error.filename or plan.root
    return PanError(
        f"{plan.what} is not done: {os.fsdecode(where)}: {reason}",
        remedy="free some space, or make the directory writable",
        code=ExitCode.ENVIRONMENT,
    )
