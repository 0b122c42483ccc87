"""Makes `Settings` out of what the layers say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.api import Settings
from pancode.domains.panconfigure.key import Value
from pancode.domains.panconfigure.layers import (
    BadValueError,
    Given,
    Layer,
    Resolved,
    TooFar,
    nowhere,
    resolve_all,
)
from pancode.domains.panconfigure.schema import BY_NAME, KEYS

OFF = "off"
"""The name that no preset has: it says that none is wanted."""
Layers = Mapping[Layer, Mapping[str, Given]]
DEFAULTS: Mapping[str, Value] = {
    field.name: getattr(Settings(home=""), field.name) for field in fields(Settings)
}


def from_environment(environment: Mapping[str, str]) -> dict[str, Given]:
    """Give what the variables say; an empty one says nothing."""
    return {
        key.name: Given(environment[key.variable], key.variable)
        for key in KEYS
        if environment.get(key.variable)
    }


def resolved(layers: Layers, too_far: TooFar = nowhere) -> dict[str, Resolved]:
    """Give every setting in force; PanError CONFIG names a variable or an option with a bad value.

    `too_far` says why a project may not choose a model.
    """
    try:
        return resolve_all(KEYS, DEFAULTS, layers, too_far)
    except BadValueError as error:
        key, given = error.key, error.given
        raise PanError(
            f'{given.where} is "{given.text}", which is not {error.words}',
            remedy=f"set it to {error.words}, or unset it (default: {key.default})",
            code=ExitCode.CONFIG,
        ) from None


def settings_of(found: Mapping[str, Resolved], environment: Mapping[str, str]) -> Settings:
    """Give the values; the home is below HOME where nothing says so."""
    values = {one.key.field: one.value for one in found.values() if one.winner.layer != "default"}
    if values.get("preset") == OFF:
        values["preset"] = None
    home = values.get("home") or os.path.join(environment.get("HOME") or os.path.expanduser("~"), ".pancode")
    return Settings(**{**values, "home": home})  # type: ignore[arg-type] # each key's `read` gives its field's type


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings that the variables alone make; raise PanError CONFIG for a bad one.

    >>> read({"HOME": "/home/ada", "PANCODE_HEARTBEAT_INTERVAL_MS": "2500"}).heartbeat_s
    2.5
    """
    return settings_of(resolved({"environment": from_environment(environment)}), environment)


def filled(found: Mapping[str, Resolved], environment: Mapping[str, str]) -> dict[str, str]:
    """Give the environment with a variable for each setting that another layer sets."""
    said = {
        BY_NAME[name].variable: one.winner.text
        for name, one in found.items()
        if one.winner.layer not in ("default", "environment")
    }
    return {**environment, **said}


class Environments:
    """A `Configuration` of variables alone; `own` is the environment of the process itself."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        """Read `own`, else this process's environment, where nobody brings another."""
        self._own = os.environ if own is None else own

    def read(self, environment: Mapping[str, str]) -> Settings:
        """Read every setting, as `read` does."""
        return read(environment)

    def filled(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """Give the environment as it is."""
        return environment

    def too_far(self, _: str, __: Mapping[str, str], who: str = "a project") -> str | None:
        """Say nothing: there is no project whose word it could be."""
        del who
        return None

    def current(self) -> Settings:
        """Read every setting as this process has it."""
        return read(self._own)
