"""The socket's verbs of settings: `config`, `config_set`, `config_undo`, `config_reload`, `preset`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller
from pancode.domains.panconfigure import changing
from pancode.domains.panconfigure.changes import OPERATOR, SessionChanges
from pancode.domains.panconfigure.presetting import Presetting
from pancode.engine import clock


class SettingsVerbs:
    """Answers requests about settings; only a person may change one by them."""

    def __init__(
        self,
        changes: SessionChanges,
        presetting: Presetting,
        take_up: Callable[[], None],
        is_worker: Callable[[int | None], bool],
    ) -> None:
        """`take_up` heeds what was written by hand; `is_worker` tells whether a process is a worker's."""
        self._take_up = take_up
        self._changes = changes
        self._presetting = presetting
        self._is_worker = is_worker

    async def config(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """Tell the settings in force for the controller, all or those of the group `group`."""
        return {"settings": self._changes.rows(_text(args, "group"))}

    async def set(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Set `key` to `value` in the user's file; null takes it out. `env`: the asker's variables."""
        self._check(caller, "a setting")
        key = changing.key_of(_text(args, "key") or "")
        return asdict(await self._changes.set(key, _text(args, "value"), OPERATOR, _variables(args)))

    async def undo(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Take back the last change of a setting."""
        self._check(caller, "a setting")
        return asdict(await self._changes.undo(OPERATOR, _variables(args)))

    async def preset(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Tell the preset, or change it to `name`; `off` goes back."""
        name = _text(args, "name")
        if name is None:
            return self._presetting.told()
        self._check(caller, "the preset")
        return self._presetting.choose(name, _variables(args))

    async def reload(self, _: Args, caller: Caller) -> Mapping[str, Any]:
        """Have the files' settings count now, on every screen and for what is spent; tell their mistakes."""
        self._check(caller, "a setting")
        self._take_up()
        self._changes.around.post(ev.SettingsChanged(at=clock.now()))
        return {"mistakes": [str(one) for one in self._changes.configuration.mistakes()]}

    def _check(self, caller: Caller, what: str) -> None:
        if self._is_worker(caller.pid):
            raise PanError(
                f"a worker can't change {what}", remedy="do it in a terminal of yours", code=ExitCode.REFUSED
            )


def _text(args: Args, name: str) -> str | None:
    value = args.get(name)
    if value is not None and not isinstance(value, str):
        raise PanError(f'"{name}" must be a text', code=ExitCode.USAGE)
    return value


def _variables(args: Args) -> dict[str, str]:
    """Give the PANCODE_ variables of who asks; nothing else is looked at."""
    given = args.get("env")
    said = given if isinstance(given, Mapping) else {}
    return {str(name): str(text) for name, text in said.items() if str(name).startswith("PANCODE_")}
