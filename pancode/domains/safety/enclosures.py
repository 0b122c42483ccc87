"""Encloses runs on behalf of dispatch: what holds on this machine, by the rules of this moment."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pancode.core.grants import Grant
from pancode.domains.agents.api import SHELL, Plan
from pancode.domains.safety.enclosure.asks import HOOK_PORT, EnclosureAsk, Machine
from pancode.domains.safety.enclosure.grade import check_names
from pancode.domains.safety.enclosure.home import finish_logins, prepare_home
from pancode.domains.safety.enclosure.network import ports
from pancode.domains.safety.enclosure.profile import build
from pancode.domains.safety.enclosure.repository import CANT_COMMIT
from pancode.domains.safety.enclosure.ruled import ruled
from pancode.domains.safety.enclosure.surroundings import inside
from pancode.domains.safety.pathglob import existing
from pancode.domains.safety.rules import PathAction, Rules
from pancode.engine import places
from pancode.engine.shipped import boot_file

if TYPE_CHECKING:
    from pancode.worker.profile import Hook, Sandbox

_MARGIN_S = 60
"""Between a question's deadline and the agent's own time-out for its hook, after which it would go on."""
_CLIENT_MARGIN_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One run to be enclosed, before its launch is planned. Paths are absolute."""

    grant: Grant
    cwd: str
    run_dir: str
    environment: Mapping[str, str]
    accept: frozenset[str] = frozenset()
    conversation_home: str | None = None
    shows: tuple[str, ...] = ()  # what of PanCode's own state the worker may read


@dataclass(frozen=True, slots=True)
class Terms:
    """What the launch must know of the enclosure: whether there is one, and how the agent asks."""

    sandboxed: bool
    hook: Hook | None
    board: str | None = None  # the command `pan` for what is shared; it goes by the hook's port


class Enclosures:
    """The safety domain's service for dispatch; quick, and starts no program."""

    def __init__(self, machine: Callable[[], Machine], rules: Callable[[], Rules], project: str) -> None:
        """Ask `machine` and `rules` anew for each run."""
        self._machine = machine
        self._rules = rules
        self._project = project

    def terms(self, wish: Wish) -> Terms:
        """Give what the launch has to reckon with.

        PanError USAGE for an unknown name in `accept`, CONFIG while a file of rules has a mistake.
        """
        check_names(wish.accept)
        rules = self._rules()
        rules.check()
        if self._machine().sandbox != "full":
            return Terms(sandboxed=False, hook=None)
        seconds = int(rules.settings.held_s)
        programs = os.path.dirname(boot_file())
        client = [sys.executable, "-I", "-S", os.path.join(programs, "hook_client.py"), str(HOOK_PORT)]
        words = [*client, str(seconds + _CLIENT_MARGIN_S)]
        board = [sys.executable, "-I", "-S", os.path.join(programs, "pan.py"), str(HOOK_PORT)]
        command = f"{shlex.join(words)} || exit 2"
        hook: Hook = {"command": command, "timeout_s": seconds + _MARGIN_S, "port": HOOK_PORT}
        return Terms(sandboxed=True, hook=hook, board=shlex.join(board))

    def enclose(self, wish: Wish, plan: Plan) -> Sandbox:
        """Make the sandbox of a planned run, its private home included, and give it.

        PanError REFUSED names the promise that can't be kept and how to accept that; ENVIRONMENT when the
        disk refuses.
        """
        ask = self._ask(wish, plan)
        sandbox = build(ask)
        prepare_home(sandbox, ask)
        return sandbox

    def _ask(self, wish: Wish, plan: Plan) -> EnclosureAsk:
        machine = self._machine()
        proxy, hook = ports(machine)
        ask = EnclosureAsk(
            grant=wish.grant,
            cwd=wish.cwd,
            run_dir=wish.run_dir,
            pancode_home=places.home(),
            environment=wish.environment,
            machine=machine,
            needs=plan.needs,
            endpoint=plan.endpoint if plan.native is None else None,  # Its loop is outside.
            home_files=plan.home,
            proxy_port=proxy,
            hook_port=hook if plan.hooked else None,
            accept=wish.accept,
            conversation_home=wish.conversation_home,
            shows=(*wish.shows, *plan.needs.shows),
            repository=self._project,
        )
        return ruled(ask, self._rules())

    def preview(self, wish: Wish, plan: Plan) -> Sandbox:
        """Give the sandbox that `enclose` would make now; nothing is written. PanError as for that."""
        return build(self._ask(wish, plan))

    def hidden(self, root: str) -> tuple[str, ...]:
        """Give the paths below `root`, absolute, that the rules show to no worker."""
        return existing(self._rules().paths(PathAction.ZERO_ACCESS), root)[0]

    @staticmethod
    def remarks(sandbox: Sandbox, runtime: str) -> list[str]:
        """Give what is to be said of a sandbox before an agent has tried in vain."""
        is_lent = CANT_COMMIT in sandbox["grade"]["lost"]
        return [CANT_COMMIT] if is_lent and runtime != SHELL else []

    @staticmethod
    def environment(sandbox: Sandbox, env: Mapping[str, str]) -> dict[str, str]:
        """Give the worker's variables inside `sandbox`."""
        return inside(sandbox, env)

    @staticmethod
    def finish(spec: Mapping[str, Any]) -> list[str]:
        """Take over what an ended run's agent has refreshed of its login; give the files written."""
        sandbox = spec.get("sandbox")
        return finish_logins(sandbox) if sandbox else []
