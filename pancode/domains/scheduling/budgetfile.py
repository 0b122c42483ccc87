"""The budgets in force: the user's and projects' in PANCODE_HOME/budget.json, a session's in its state."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from pancode.core.errors import ExitCode, PanError
from pancode.domains.scheduling.amounts import (
    Amount,
    Limit,
    limit_from_json,
    nano_of,
    parse_limit,
    to_json,
    usd_of,
)
from pancode.engine import files

NAME = "budget.json"
AtLimit: TypeAlias = Literal["pause-and-ask", "stop"]
Unknown: TypeAlias = Literal["block", "allow", "count-as"]
ScopeName: TypeAlias = Literal["run", "session", "day", "project"]
SCOPES: tuple[ScopeName, ...] = get_args(ScopeName)
_HOME_KEYS = {"v", "run", "day", "projects", "at_limit", "unknown", "count_as_usd", "estimate"}
Configured: TypeAlias = Mapping[ScopeName, tuple[str, str]]
"""By scope the setting that limits it, and the limit as people write it."""
FIRST_ESTIMATE = Amount(nano_of(0.05), 20_000, 1)
"""What a run is taken to cost while the ledger knows none of its agent and model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """All that is set. `count_as`: billionths of a dollar that each request of unknown cost counts as."""

    limits: Mapping[ScopeName, Limit] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    at_limit: AtLimit = "pause-and-ask"
    unknown: Unknown = "block"
    count_as: int = 0
    estimate: Amount = FIRST_ESTIMATE

    def limit(self, scope: str) -> Limit:
        """Give a scope's limit; one without figures where none is set."""
        return next((limit for name, limit in self.limits.items() if name == scope), Limit())


class BudgetFiles:
    """The two files; read again when they have changed. A file that can't be read is no permission."""

    def __init__(
        self, home: str, state: str, project: str, configured: Callable[[], Configured] = dict
    ) -> None:
        """Find both; nothing is read yet. `configured` says what holds of a scope that neither limits."""
        self._configured = configured
        self.home_path = os.path.join(home, NAME)
        self.session_path = os.path.join(state, NAME)
        self._project = project
        self._stamps: tuple[object, ...] | None = None
        self._budgets = Budgets()

    def current(self) -> Budgets:
        """Give what is set now; PanError CONFIG names the file that can't be used."""
        configured = self._configured()
        stamps = (files.stamp(self.home_path), files.stamp(self.session_path), configured)
        if stamps != self._stamps:
            self._budgets = self._read(configured)
            self._stamps = stamps
        return self._budgets

    def _read(self, configured: Configured) -> Budgets:
        home, session = _load(self.home_path), _load(self.session_path)
        try:
            budgets = _general(home)
            projects = home.get("projects") or {}
            if not isinstance(projects, Mapping):
                raise ValueError('"projects" must be an object')  # noqa: TRY004, TRY301 -- as others
            raw = {"run": home.get("run"), "day": home.get("day"), "project": projects.get(self._project)}
            limits = {name: limit_from_json(value) for name, value in raw.items()}
            sources = dict.fromkeys(limits, self.home_path)
        except ValueError as error:
            raise _wrong(self.home_path, str(error)) from None
        try:
            limits["session"] = limit_from_json(session.get("session"))
        except ValueError as error:
            raise _wrong(self.session_path, str(error)) from None
        sources["session"] = self.session_path
        for name, (key, text) in configured.items():
            if not limits[name]:
                limits[name], sources[name] = parse_limit(text), key
        found = {name: limits[name] for name in SCOPES if limits[name]}
        return replace(budgets, limits=found, sources={name: sources[name] for name in found})

    def set(self, scope: ScopeName, limit: Limit | None) -> None:
        """Write one scope's limit; None takes it away."""
        value = None if limit is None else {key: n for key, n in to_json(limit).items() if n is not None}
        if scope == "session":
            self._write(self.session_path, {"session": value})
        elif scope == "project":
            projects = {**(_load(self.home_path).get("projects") or {}), self._project: value}
            kept = {name: one for name, one in projects.items() if one is not None}
            self._write(self.home_path, {"projects": kept or None})
        else:
            self._write(self.home_path, {scope: value})

    def set_policy(self, changes: Mapping[str, Any]) -> None:
        """Write `at_limit`, `unknown` with `count_as_usd`, or `estimate`; PanError USAGE for others."""
        try:
            _general({**_load(self.home_path), **changes})
        except ValueError as error:
            raise PanError(str(error), remedy="pancode budget set --help", code=ExitCode.USAGE) from None
        self._write(self.home_path, changes)

    def _write(self, path: str, changes: Mapping[str, Any]) -> None:
        merged = {"v": 1, **_load(path), **changes}
        files.write_json(path, {key: value for key, value in merged.items() if value is not None})


def policy_json(budgets: Budgets) -> dict[str, Any]:
    """Give what isn't a limit, as `pancode budget --json` has it."""
    return {
        "at_limit": budgets.at_limit,
        "unknown": budgets.unknown,
        "count_as_usd": usd_of(budgets.count_as) if budgets.unknown == "count-as" else None,
        "estimate": to_json(budgets.estimate),
    }


def _general(home: Mapping[str, Any]) -> Budgets:
    if strange := set(home) - _HOME_KEYS:
        raise ValueError(f'there is no key "{min(strange)}"')
    at_limit, unknown = home.get("at_limit", "pause-and-ask"), home.get("unknown", "block")
    if at_limit not in get_args(AtLimit):
        raise ValueError(f'"at_limit" must be one of {", ".join(get_args(AtLimit))}')
    if unknown not in get_args(Unknown):
        raise ValueError(f'"unknown" must be one of {", ".join(get_args(Unknown))}')
    counted = limit_from_json({"usd": home.get("count_as_usd")}).nano
    if unknown == "count-as" and counted is None:
        raise ValueError('"unknown" is "count-as", but there is no "count_as_usd"')
    said = limit_from_json(home.get("estimate"))
    first = FIRST_ESTIMATE
    estimate = Amount(
        first.nano if said.nano is None else said.nano,
        first.tokens if said.tokens is None else said.tokens,
        first.turns if said.turns is None else said.turns,
    )
    return Budgets(at_limit=at_limit, unknown=unknown, count_as=counted or 0, estimate=estimate)


def _load(path: str) -> dict[str, Any]:
    if not os.path.lexists(path):
        return {}
    found = files.read_json(path)
    if found is None:
        raise _wrong(path, "it is not a JSON object")
    return found


def _wrong(path: str, problem: str) -> PanError:
    return PanError(
        f"the budgets in {path} can't be used: {problem}",
        remedy="mend it, or remove it and set them anew: pancode budget set session 10usd",
        code=ExitCode.CONFIG,
    )


def kept_raises(path: str) -> dict[str, Amount]:
    """Read what a person has added to a run's limits, from its folder."""
    raised = (files.read_json(path) or {}).get("raised")
    found: dict[str, Amount] = {}
    for scope, value in raised.items() if isinstance(raised, dict) else ():
        try:
            limit = limit_from_json(value)
        except ValueError:
            continue
        found[str(scope)] = Amount(limit.nano or 0, limit.tokens or 0, limit.turns or 0)
    return found
