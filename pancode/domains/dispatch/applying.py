"""From a request to its case: what the gates say, in their order, and what the run would get."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pancode.core.errors import PanError
from pancode.core.gates import LAUNCH
from pancode.core.host import Asked, Refusal, Remark
from pancode.core.patience import NotYetError
from pancode.core.state import Run
from pancode.domains.agents.api import ORCHESTRATOR, SCOUT, SHELL, Agent, Agents, UnknownModelError
from pancode.domains.dispatch.admission import Admission, Verdict, grant_for, refusal_in, remarks_in
from pancode.domains.dispatch.contract import command_of
from pancode.domains.dispatch.folders import Order
from pancode.domains.dispatch.outside import Outside
from pancode.domains.dispatch.preparation import Draft, Preparation
from pancode.domains.routing.api import Router, Wanted
from pancode.engine import clock

if TYPE_CHECKING:
    from pancode.domains.dispatch.requests import RunRequest

_NOT_TOLD = Remark("can't be told before the rest is mended")


def _role(agent: Agent | None, parent: Run | None) -> str:
    """Say what a run is for: the operator's conversation, a scout that it sends out, or else work."""
    if agent is None:
        return "worker"
    talks = agent.name == ORCHESTRATOR and parent is None
    looks = agent.name == SCOUT and parent is not None and parent.agent == ORCHESTRATOR
    return agent.role if talks or looks else "worker"


def _chosen_by_a_worker(request: RunRequest) -> str | None:
    """Give the model of a request that a worker has put there: what is in a flow's file was held already."""
    is_workers = request.parent is not None and not request.by_operator and not request.from_file
    return request.model if is_workers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request with all that was found out about it. `draft` is None where no launch could be planned.

    `routing` is how agent, runtime and model were chosen; None: there was nothing to choose. `sandbox` is
    there in a dry run alone; `fault` is why no launch could be planned. `chosen` is the model that another
    run's worker names for it.
    """

    request: RunRequest
    continued: Run | None
    order: Order
    asked: Asked
    verdicts: list[Verdict]
    draft: Draft | None = None
    routing: Mapping[str, Any] | None = None
    sandbox: Any = None
    fault: PanError | None = None
    chosen: str | None = None

    @property
    def refusal(self) -> Refusal | None:
        """The first no."""
        return refusal_in(self.verdicts)

    @property
    def remarks(self) -> list[str]:
        """What the operator should know all the same."""
        return remarks_in(self.verdicts)


class Applications:
    """Judges requests; nothing is written, and nothing started."""

    _router: Router | None = None

    def __init__(
        self,
        outside: Outside,
        agents: Agents,
        admission: Admission,
        preparation: Preparation,
        new_id: Callable[[], str],
        find: Callable[[str], str],
        recall: Callable[[str], Run],
    ) -> None:
        """`new_id` gives a free id, `find` the id that a prefix names, `recall` a run, live or not."""
        self._outside = outside
        self._agents = agents
        self._admission = admission
        self._preparation = preparation
        self._new_id = new_id
        self._find = find
        self._recall = recall

    def choose_by(self, router: Router) -> None:
        """Have `router` choose what requests leave open; without one, agents are taken as they are named."""
        self._router = router

    def judge(self, request: RunRequest, continued: Run | None, *, is_dry: bool) -> Case:
        """Ask the gates: to the first no, or in a dry run all of them.

        PanError NOT_FOUND for a run in `after` or `parent` that nobody knows.
        """
        named = {"after": tuple(map(self._find, request.after))}
        parent = None if request.parent is None else self._recall(self._find(request.parent))
        request = request.model_copy(update={**named, "parent": parent.id if parent else None})
        chosen = None if continued is not None else _chosen_by_a_worker(request)
        request, routing, unfit = self._routed(request, continued)
        order, asked = self._asked(request, continued, parent, is_dry=is_dry)
        if unfit is not None:
            asked = replace(asked, found={**asked.found, "model": unfit})
        early = self._admission.verdicts(asked, below=LAUNCH, until_no=not is_dry)
        case = Case(
            request=request, continued=continued, order=order, asked=asked, verdicts=early, routing=routing,
            chosen=chosen,
        )  # fmt: skip
        if case.refusal is not None and not is_dry:
            return case
        case = self._drafted(case)
        late = self._admission.verdicts(case.asked, above=LAUNCH, until_no=not is_dry)
        return replace(case, verdicts=[*early, *late])

    def _routed(
        self, request: RunRequest, continued: Run | None
    ) -> tuple[RunRequest, Mapping[str, Any] | None, Refusal | None]:
        """Choose agent, runtime and model where the request leaves them open; or say why nothing fits."""
        if self._router is None or continued is not None:
            return request, None, None
        wanted = Wanted(
            agent=request.agent, runtime=request.runtime, model=request.model, endpoint=request.endpoint,
            needs=request.needs, max_cost=request.max_cost,
            reads_only=not self._outside.world().session.mode.mutates,
        )  # fmt: skip
        try:
            found = self._router.route(wanted, {**self._outside.environment(), **request.env})
        except PanError as error:
            if not request.needs and request.max_cost is None:
                return request, None, None  # It is the agent that isn't there, which its gate says.
            return request, None, Refusal("model", error.problem, error.remedy)
        if found is None:
            return request, None, None
        chosen: dict[str, Any] = {"agent": found.agent, "runtime": found.runtime, "model": found.model}
        if found.hold_to is not None and (request.budget is None or request.budget.usd is None):
            from pancode.domains.dispatch.requests import Spend

            chosen["budget"] = (request.budget or Spend()).model_copy(update={"usd": found.hold_to})
        return request.model_copy(update=chosen), found.record, None

    def _asked(
        self, request: RunRequest, continued: Run | None, parent: Run | None, *, is_dry: bool
    ) -> tuple[Order, Asked]:
        session, found = self._outside.world().session, dict[str, Refusal | Remark]()
        agent = self._agent(request, parent, found)
        read_only = agent is not None and (agent.readonly or agent.name == SCOUT)
        grant = grant_for(session, agent_is_read_only=read_only, asked=request.safety, parent=parent)
        if (wrong := self._too_much(request, parent)) is not None:
            found["grant"] = wrong
        depth = 0 if parent is None else parent.depth + 1
        order = Order(
            run=self._new_id(),
            task=request.task,
            cwd=os.path.realpath(request.cwd),
            grant=grant,
            created=clock.now(),
            continues=continued.id if continued else None,
            key=request.key,
            depth=depth,
        )
        runtime = None if agent is None else agent.runtime
        command = request.task if runtime == SHELL else None
        asked = Asked(
            agent=request.agent or "" if agent is None else agent.name,
            task=request.task,
            cwd=request.cwd,
            read_only=read_only,
            grant=grant,
            command=command_of(command, request.contract),
            approved=request.yes and (parent is None or request.by_operator),
            role=_role(agent, parent),
            written=request.written,
            environment={**self._outside.environment(), **request.env},
            parent=request.parent,
            depth=depth,
            group=request.group,
            node=request.node,
            budget=None if request.budget is None else request.budget.model_dump(),
            runtime=runtime,
            found=found,
            is_dry=is_dry,
        )
        return order, asked

    def _agent(
        self, request: RunRequest, parent: Run | None, found: dict[str, Refusal | Remark]
    ) -> Agent | None:
        try:
            agent = self._agents.get(request.agent)
        except PanError as error:
            found["agent"] = Refusal("agent", error.problem, error.remedy)
            return None
        if agent.name == ORCHESTRATOR and parent is not None:
            found["agent"] = Refusal("agent", f'only the operator talks to "{agent.name}"', "take another")
        return agent

    def _too_much(self, request: RunRequest, parent: Run | None) -> Refusal | None:
        level = self._outside.world().session.level
        if request.safety is not None and request.safety.rank > level.rank:
            return Refusal(
                "grant",
                f"the session's level is {level}; a run can't be given more than the session has",
                f"raise it yourself first: Ctrl+Y, or pancode safety {request.safety}",
            )
        says_more = request.yes or bool(request.accept_weaker)
        if parent is not None and says_more and not request.by_operator:
            return Refusal(
                "grant",
                f"run {parent.id} asks for this one, and a worker can't say yes, nor accept a weaker sandbox",
                "an operator can, in a terminal of theirs",
            )
        return None

    def _drafted(self, case: Case) -> Case:
        """Plan the launch, and in a dry run the sandbox; what is wrong there is for the gates to say."""
        asked, found = case.asked, dict(case.asked.found)
        draft, sandbox, fault = None, None, None
        if "agent" in found or "model" in found or not os.path.isdir(asked.cwd):
            found = {**dict.fromkeys(("model", "launch", "grade"), _NOT_TOLD), **found}
            return replace(case, asked=replace(asked, found=found))
        try:
            draft = self._preparation.draft(case.order, case.request, case.continued)
            draft = replace(draft, routing=case.routing)
            sandbox = self._preparation.preview(draft) if asked.is_dry else None
        except NotYetError:
            raise
        except UnknownModelError as error:
            found["model"] = Refusal("model", error.problem, error.remedy)
        except PanError as error:
            gate = "launch" if draft is None else "grade"
            found[gate] = Refusal(gate, error.problem, error.remedy)
            fault = error if draft is None else None
        if draft is None:
            found.setdefault("grade", _NOT_TOLD)
            return replace(case, asked=replace(asked, found=found), fault=fault)
        plan = draft.plan
        if (far := self._too_far(case, plan.runtime)) is not None:
            found["model"] = far
        asked = replace(
            asked, found=found, runtime=plan.runtime, model=plan.model, provider=plan.provider,
            endpoint=plan.endpoint,
        )  # fmt: skip
        return replace(case, asked=asked, draft=draft, sandbox=sandbox)

    def _too_far(self, case: Case, runtime: str) -> Refusal | None:
        """Refuse a model that a worker has named, where nothing of the operator's names whoever gets it."""
        if case.chosen is None:
            return None
        asked = case.asked
        who = f"run {asked.parent}"
        why = self._agents.too_far(asked.agent, runtime, case.chosen, asked.environment, who)
        return None if why is None else Refusal("model", why, "do so if you want it, or leave the model out")
