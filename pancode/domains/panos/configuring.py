"""pan_read_config and pan_apply_config: what tightens is done, what loosens is asked of the operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level, Mode, parse_level, parse_mode
from pancode.core.state import Session
from pancode.domains.panconfigure.api import Applied, Changes
from pancode.domains.panos.asking import Asking
from pancode.domains.panos.session import Around, Told, Turn
from pancode.domains.panos.shared import Shared, is_shared

if TYPE_CHECKING:
    from pancode.domains.panos.wording import ApplyConfig, ReadConfig

_BUDGET = "budget."
_SCOPES = frozenset(f"{_BUDGET}{scope}" for scope in ("run", "session", "day", "project"))
_OLD_NAMES = {"runtime.mode": "mode", "runtime.safety": "safety", "level": "safety"}


class Configuring:
    """Reads and changes what holds for the session."""

    def __init__(
        self, around: Around, asking: Asking, session: Callable[[], Session], changes: Changes, shared: Shared
    ) -> None:
        """Change through `around`'s verbs, `changes` and `shared`; ask a person before anything loosens."""
        self._shared = shared
        self._around = around
        self._changes = changes
        self._asking = asking
        self._session = session

    async def read(self, _turn: Turn, call: ReadConfig) -> Told:
        """Tell mode, level, budgets and settings, one a line; or what is shared."""
        if call.domain is not None and is_shared(call.domain):
            return self._shared.read(call.domain)
        session = self._session()
        lines = [f"mode = {session.mode.value}", f"safety = {session.level.value}"]
        for scope, limit in (await self._budgets()).items():
            lines.append(f"{_BUDGET}{scope} = {_dollars(limit.get('usd'))}")
        lines += [f"{row['key']} = {row['text']}" for row in self._changes.rows()]
        chosen = [line for line in lines if call.domain is None or line.startswith(call.domain)]
        return Told(ok=True, text="\n".join(chosen) or f'no key begins with "{call.domain}"')

    async def _budgets(self) -> dict[str, Mapping[str, Any]]:
        """Give each limit by its scope: `usd`, `tokens`, `turns`."""
        told = await self._around.ask("budget", {})
        return {one["scope"]: one["limit"] for one in told["limits"]} | {"run": told["each_run"]["limit"]}

    async def apply(self, turn: Turn, call: ApplyConfig, *, must_ask: str) -> Told:
        """Change one key; `must_ask` is why a person decides whatever the change, empty where none need."""
        key = _OLD_NAMES.get(call.key, call.key)
        if is_shared(key):
            return await self._share(turn, key, call.value, must_ask)
        if key == "mode":
            return await self._mode(turn, str(call.value), must_ask)
        if key == "safety":
            return await self._safety(turn, str(call.value), must_ask)
        if key in _SCOPES:
            return await self._budget(turn, key.removeprefix(_BUDGET), call.value, must_ask)
        return await self._setting(turn, key, call.value, must_ask)

    async def _setting(self, turn: Turn, key: str, value: object, must_ask: str) -> Told:
        """Change a setting of the user's; the settings themselves know what loosens, and what is admin's."""
        text = str(value).lower() if isinstance(value, bool) else str(value)
        what = f"config set {key} {text}"
        made = None if must_ask else await self._changes.apply(key, text, turn.run.id)
        if isinstance(made, Applied):
            notes = "".join(f"; {note}" for note in made.notes)
            return Told(ok=True, text=f"{made.key}: {made.before} -> {made.after}, {made.effect}{notes}")
        why = must_ask if made is None else made.why
        return await self._change(turn, what, why, "config_set", {"key": key, "value": text})

    async def _share(self, turn: Turn, key: str, value: object, must_ask: str) -> Told:
        """Share a value; at a level that asks about every change, after a person's yes."""
        text = None if value is None else str(value)
        if must_ask:
            what = f"pancode share set {key} {text}"
            allow, said = await self._asking.ask(turn, "pan_apply_config", what, why=must_ask, kind="share")
            if not allow:
                return Told(ok=False, text=f"{key}: the operator said no: {said}. Go on without it")
        return self._shared.change(turn, key, text)

    async def _mode(self, turn: Turn, value: str, must_ask: str) -> Told:
        mode, now = parse_mode(value), self._session().mode
        if mode is now:
            return Told(ok=True, text=f"the mode is {now.value} already")
        why = must_ask or ("" if _lowers(now, mode) else f"it allows more than {now.value} does")
        return await self._change(turn, f"mode {mode.value}", why, "mode", {"value": mode.value})

    async def _safety(self, turn: Turn, value: str, must_ask: str) -> Told:
        level, now = parse_level(value), self._session().level
        if level is now:
            return Told(ok=True, text=f"the level is {now.value} already")
        why = must_ask or ("" if _is_lower(level, now) else f"it allows more than {now.value} does")
        return await self._change(turn, f"safety {level.value}", why, "safety", {"value": level.value})

    async def _budget(self, turn: Turn, scope: str, value: object, must_ask: str) -> Told:
        usd = None if value is None else _amount(value)
        limit = (await self._budgets()).get(scope)
        if limit is None:
            raise PanError(f'there is no budget "{scope}"', code=ExitCode.NOT_FOUND)
        now = limit["usd"]
        loosens = usd is None or (now is not None and usd > now)
        why = must_ask or (f"the {scope} budget is {_dollars(now)} now" if loosens else "")
        what = f"budget {scope} {_dollars(usd)}"
        args = {"scope": scope, "limit": {**limit, "usd": usd}}
        return await self._change(turn, what, why, "budget_set", args)

    async def _change(self, turn: Turn, what: str, why: str, verb: str, args: Mapping[str, Any]) -> Told:
        """Make a change, after a person's yes where there is a reason `why` one is needed."""
        if why:
            allow, said = await self._asking.ask(
                turn, "pan_apply_config", f"pancode {what}", why=why, kind="raise"
            )
            if not allow:
                return Told(ok=False, text=f"{what}: the operator said no: {said}. Go on without it")
        await self._around.ask(verb, args)
        return Told(ok=True, text=f"{what}: " + ("approved by the operator, and done" if why else "done"))


def _lowers(now: Mode, then: Mode) -> bool:
    """Whether a mode allows nothing that the other one doesn't.

    >>> _lowers(Mode.BUILD, Mode.PLAN), _lowers(Mode.REVIEW, Mode.BUILD), _lowers(Mode.BUILD, Mode.ADMIN)
    (True, False, False)
    """
    order = (Mode.PLAN, Mode.REVIEW, Mode.BUILD)
    return then in order and now in order and order.index(then) < order.index(now)


def _is_lower(level: Level, than: Level) -> bool:
    return level.rank < than.rank


def _amount(value: object) -> float:
    try:
        usd = float(str(value).lstrip("$"))
    except ValueError:
        usd = -1.0
    if not 0 <= usd < 1e9:  # noqa: PLR2004 -- also not a number at all
        raise PanError(f'"{value}" is not an amount of dollars', code=ExitCode.USAGE)
    return usd


def _dollars(usd: float | None) -> str:
    return "unlimited" if usd is None else f"${usd:g}"
