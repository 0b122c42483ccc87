"""The socket's verbs of money: `budget`, `budget_set`, `cost`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller
from pancode.domains.scheduling.amounts import Limit, limit_from_json
from pancode.domains.scheduling.budgetfile import SCOPES, BudgetFiles
from pancode.domains.scheduling.told import BY, Telling, chosen, costs
from pancode.engine.ledgerindex import LedgerIndex

POLICIES = ("at_limit", "unknown", "count_as_usd", "estimate")


class MoneyVerbs:
    """Answers requests about money; only a person may change a budget."""

    def __init__(
        self,
        telling: Telling,
        budgets: BudgetFiles,
        index: LedgerIndex,
        mine: tuple[str, str],
        is_worker: Callable[[int | None], bool],
        changed: Callable[[], None],
    ) -> None:
        """`mine`: this session's place in the ledger, and its project; `changed` hears of each new limit."""
        self._telling = telling
        self._budgets = budgets
        self._index = index
        self._mine = mine
        self._is_worker = is_worker
        self._changed = changed

    async def budget(self, _: Args, __: Caller) -> Mapping[str, Any]:
        """Tell every limit, what is spent, promised and left of it, and what happens at a limit."""
        return self._telling.budget()

    async def set(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Set `scope`'s `limit` (null: take it away), or one of the policies."""
        if self._is_worker(caller.pid):
            raise PanError(
                "a worker can't change a budget",
                remedy="do it from a terminal of yours",
                code=ExitCode.REFUSED,
            )
        apply(self._budgets, args)
        self._changed()
        return self._telling.budget()

    async def cost(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """Add up the ledger: `scope` session, project or all; `by` one of BY; `since` a time in seconds."""
        return told_costs(self._index, *self._mine, args)


def apply(budgets: BudgetFiles, args: Args) -> None:
    """Write what `budget_set` asks for; PanError USAGE names what is wrong."""
    scope = args.get("scope")
    if scope is None:
        budgets.set_policy({key: args[key] for key in POLICIES if key in args})
        return
    if scope not in SCOPES:
        raise PanError(
            f'there is no budget for "{scope}"', remedy=f"one of {', '.join(SCOPES)}", code=ExitCode.USAGE
        )
    try:
        limit: Limit | None = limit_from_json(args.get("limit"))
    except ValueError as error:
        raise PanError(str(error), code=ExitCode.USAGE) from None
    budgets.set(scope, limit or None)


def told_costs(index: LedgerIndex, place: str, project: str, args: Args) -> dict[str, Any]:
    """Give what the ledger says."""
    scope, by, since = args.get("scope", "session"), args.get("by"), args.get("since")
    if scope not in ("session", "project", "all") or by not in (None, *BY):
        raise PanError('"scope" or "by" is none that there is', code=ExitCode.USAGE)
    if since is not None and not isinstance(since, int | float):
        raise PanError('"since" must be a time in seconds', code=ExitCode.USAGE)
    return {"scope": scope, **costs(index.rows(chosen(place, project, scope, since)), by)}
