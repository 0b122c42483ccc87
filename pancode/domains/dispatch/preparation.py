"""From an admitted order to a run folder that a shim can execute: launch, enclosure, spec."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Caller
from pancode.core.patience import patiently
from pancode.core.state import Run
from pancode.domains.agents.api import COMMAND, NATIVE, SHELL, Agents, LaunchAsk, Plan
from pancode.domains.dispatch.contract import to_spec
from pancode.domains.dispatch.folders import Folders, Order, environment_of, grant_of, spec_of
from pancode.domains.dispatch.gatekeeper import Gatekeeper
from pancode.domains.dispatch.nativehost import NativeHost
from pancode.domains.dispatch.outside import Outside
from pancode.domains.dispatch.placing import Placing
from pancode.domains.dispatch.playing import Playing
from pancode.domains.isolation.api import Isolated, Isolation
from pancode.domains.safety.api import Enclosures, Wish

if TYPE_CHECKING:
    from pancode.domains.dispatch.requests import RunRequest
    from pancode.worker.profile import Sandbox

_COUNTED = ("input", "output", "cache_read", "cache_write", "reasoning", "turns", "tool_calls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """How a run would be launched: nothing of it is on the disk.

    `asked` is the wish as it was asked for; `order` and `wish` have the directory that the run gets.
    """

    order: Order
    asked: Wish
    wish: Wish
    plan: Plan
    isolation: Isolated | None
    routing: Mapping[str, Any] | None = None  # how its agent, runtime and model were chosen

    @property
    def waits(self) -> bool:
        """Whether a clone has to be made before it can start."""
        return self.isolation is not None and self.isolation["base"] is None


class Preparation:
    """Writes the folders of runs that are about to start."""

    def __init__(
        self, outside: Outside, folders: Folders, agents: Agents, enclosures: Enclosures, isolation: Isolation
    ) -> None:
        """Ask `agents` for the launch, `enclosures` for what holds it, `isolation` for clones."""
        self._outside = outside
        self._folders = folders
        self._agents = agents
        self._enclosures = enclosures
        self._isolation = isolation
        self.gatekeeper = Gatekeeper(outside.places, outside.panes, outside.note)
        self.native = NativeHost(outside.places, outside.panes)
        self.playing: Playing | None = None
        self._placing = Placing(outside, folders, agents, isolation)
        self._waiting: dict[str, tuple[Wish, Plan]] = {}

    def draft(self, order: Order, request: RunRequest, continued: Run | None) -> Draft:
        """Plan one run; PanError says why it can't be planned."""
        asked = self._wish(order, request, continued)
        order, isolation = self._placing.place(order, request, continued)
        wish = replace(asked, cwd=order.cwd)
        if isolation is not None and isolation["base"] is None:
            # What would be refused in the operator's directory is refused for a clone of it.
            self._plan(replace(order, cwd=asked.cwd), request, continued, asked)
        plan = self._plan(order, request, continued, wish)
        return Draft(order=order, asked=asked, wish=wish, plan=plan, isolation=isolation)

    def preview(self, draft: Draft) -> Sandbox:
        """Give the sandbox that the run would get; PanError REFUSED names the promise it can't keep."""
        return self._enclosures.preview(draft.asked, draft.plan)

    def prepare(
        self, draft: Draft, request: RunRequest, *, is_retry: bool, remarks: list[str]
    ) -> dict[str, Any]:
        """Enclose one admitted run, fill its folder, and give its spec.

        PanError says why it can't be enclosed; nothing is left of the folder then.
        """
        order, plan = draft.order, draft.plan
        with self._folders.new(order.run):
            sandbox = self.preview(draft) if draft.waits else self._enclosures.enclose(draft.wish, plan)
            given = {**environment_of(order, plan, self._outside.places), **plan.secrets}
            env = self._enclosures.environment(sandbox, given)
            # A secret that the sandbox takes away, or puts its own value in the place of, stays outside.
            secrets = {name: text for name, text in plan.secrets.items() if env.get(name) == text}
            plan = replace(plan, secrets=secrets)
            handoff = self._folders.write_launch(order.run, plan)
            self.gatekeeper.let_in(order.run, plan, self._folders.path(order.run))
            spec = {
                **spec_of(order, plan, self._outside.places, handoff),
                "env": {name: text for name, text in env.items() if name not in secrets},
                "sandbox": sandbox,
                "contract": to_spec(request.contract),
                "request": request.model_dump(mode="json", exclude={"env"}),
                "retry": plan.retry_on_failure and not is_retry,
                "priority": request.priority,
                "after": list(request.after),
                "parent": request.parent,
                "depth": order.depth,
                "remarks": [*remarks, *self._remarks(order, plan, sandbox)],
                "group": request.group,
                "node": request.node,
                "isolation": draft.isolation,
                "at_once": request.at_once,
                "provider": plan.provider,
                "routing": draft.routing,
            }
            self._agents.keep_prompt(plan)
            self._folders.write_spec(spec)
        if draft.waits:
            self._waiting[order.run] = (draft.wish, draft.plan)
        return spec

    def _remarks(self, order: Order, plan: Plan, sandbox: Sandbox) -> list[str]:
        """Give what is to be said of a run besides what the gates have remarked."""
        said = self._enclosures.remarks(sandbox, plan.runtime) if order.grant.may_write else []
        return [*said, *self.gatekeeper.news()]

    async def admitted(self, admit: Callable[[], str], caller: Caller | None = None) -> str:
        """Admit a run as soon as the key of its model is there; give its id once its spec is on the disk.

        Who asks hears what is waited for.
        """
        tell = self._outside.note if caller is None else lambda text: caller.tell({"waits": text})
        run = await patiently(admit, tell)
        await self._folders.kept(run)
        return run

    async def ready(self, run: str) -> None:
        """Make what takes longer than an admission may: gateway, checkpoint, clone and enclosure there.

        PanError says why it can't be made. Nothing is begun before its spec is on the disk.
        """
        await self._folders.kept(run)
        await self.gatekeeper.ready(run)
        spec = self._folders.spec(run) or {}
        if self.playing is not None and spec.get("runtime") not in (SHELL, COMMAND):
            await self.playing.ready()
        if spec.get("native"):
            await self.native.ready()
        isolation: Isolated | None = spec.get("isolation")
        if isolation is None or isolation["base"] is not None:
            self._announce(spec)
            await self._isolation.checkpoints.before(run)
            return
        planned = self._waiting.pop(run) if run in self._waiting else self._planned_again(spec)
        wish, plan = planned
        other = await asyncio.to_thread(self._isolation.taken_by, run, isolation)
        if other is not None:
            raise PanError(
                f"run {other} goes on in the clone that this run would have made anew",
                remedy=f"pancode say {other} TEXT",
                code=ExitCode.CONFLICT,
            )
        hidden = self._enclosures.hidden(str(isolation["root"]))
        made = await self._isolation.make_ready(isolation, wish.environment, hidden)
        os.makedirs(wish.cwd, exist_ok=True)  # One that is ignored isn't in the clone.
        sandbox = self._enclosures.enclose(wish, plan)
        self._folders.write_spec_again({**spec, "sandbox": sandbox, "isolation": made})
        self._announce(spec)

    def _announce(self, spec: Mapping[str, Any]) -> None:
        if spec.get("native"):
            self.native.announce(self._folders.path(str(spec["run"])))

    def _planned_again(self, spec: Mapping[str, Any]) -> tuple[Wish, Plan]:
        """Plan a run that an earlier controller has admitted, for the sake of its enclosure alone."""
        from pancode.domains.dispatch.requests import RunRequest, parse

        request = parse(RunRequest, spec["request"])
        order = Order(
            run=spec["run"], task=spec["task"], cwd=spec["cwd"], grant=grant_of(spec), created=spec["created"]
        )
        wish = self._wish(order, request, None)
        plan = self._plan(order, request, None, wish)
        # Where its calls go was decided with the operator's keys, which are not kept.
        return wish, replace(plan, endpoint=spec.get("endpoint", plan.endpoint))

    def _wish(self, order: Order, request: RunRequest, continued: Run | None) -> Wish:
        return Wish(
            grant=order.grant,
            cwd=order.cwd,
            run_dir=self._folders.path(order.run),
            environment={**self._outside.environment(), **request.env},
            accept=frozenset(request.accept_weaker),
            conversation_home=self._home_of(continued),
            shows=self._said_in(request.group),
        )

    def _said_in(self, flow: str | None) -> tuple[str, ...]:
        """Give where the outputs of a run's flow are, which its worker may read."""
        if flow is None or os.path.basename(flow) != flow:
            return ()
        path = os.path.join(self._outside.places.state, "flows", flow, "out")
        return (path,) if os.path.isdir(path) else ()

    def _plan(self, order: Order, request: RunRequest, continued: Run | None, wish: Wish) -> Plan:
        terms = self._enclosures.terms(wish)
        return self._agents.plan(
            LaunchAsk(
                agent=request.agent,
                task=order.task,
                cwd=order.cwd,
                run_id=order.run,
                run_dir=wish.run_dir,
                grant=order.grant,
                environment=wish.environment,
                sandboxed=terms.sandboxed,
                hook=terms.hook,
                board=terms.board,
                gateway=self.gatekeeper.post(order.run),
                model=request.model,
                endpoint=request.endpoint,
                timeout_s=request.timeout,
                idle_s=request.idle,
                session=continued.agent_session if continued else None,
                fork=request.fork and continued is not None and continued.runtime != NATIVE,
                runtime=continued.runtime if continued else request.runtime,
                previous=self._tokens_so_far(continued) if continued else None,
            )
        )

    def clear_up(self, run: str) -> list[str]:
        """Collect an ended run's changes, and take over what its agent has refreshed of its login.

        Gives the login's files that were written.
        """
        self._waiting.pop(run, None)
        self.gatekeeper.over(run, self._folders.path(run))
        self._isolation.collect_later(run)
        return self._enclosures.finish(self._folders.spec(run) or {})

    def _home_of(self, run: Run | None) -> str | None:
        """Give the private home of a conversation, which is that of its first run."""
        spec = {} if run is None else self._folders.spec(run.id) or {}
        home = (spec.get("sandbox") or {}).get("home")
        return home if isinstance(home, str) and os.path.isdir(home) else None

    def _tokens_so_far(self, run: Run) -> Any:  # noqa: ANN401 -- a Usage, as JSON keeps it
        """Add up a conversation's tokens: its earlier turns, and the one that has just ended."""
        spec, result = self._folders.spec(run.id) or {}, self._folders.result(run.id) or {}
        before, last = spec.get("previous") or {}, result.get("usage") or {}
        return {
            key: None if before.get(key) is None and last.get(key) is None
            else (before.get(key) or 0) + (last.get(key) or 0)
            for key in _COUNTED
        }  # fmt: skip
