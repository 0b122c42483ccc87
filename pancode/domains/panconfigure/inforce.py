"""The settings in force: defaults, the user's file, the project's, the preset, variables, options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure import settings as values
from pancode.domains.panconfigure import sources
from pancode.domains.panconfigure.api import Beginning, Settings
from pancode.domains.panconfigure.layers import Given, Layer, LeftOut, Resolved
from pancode.domains.panconfigure.schema import KEYS
from pancode.domains.panconfigure.settings import OFF
from pancode.domains.panconfigure.sources import Mistake, Preset, PresetsFile, SettingsFile
from pancode.engine.files import read_json
from pancode.engine.files import stamp as stamp_of
from pancode.engine.places import Places

if TYPE_CHECKING:
    from pancode.domains.providers.api import Reach

_MODELS = frozenset(key.name for key in KEYS if key.others == "reach")
_ASKERS = 16
"""Environments whose settings are known at once: the session's own, and those that requests come with."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the files say at one moment; `active` is the session's own word on its preset, None: none."""

    user: SettingsFile
    project: SettingsFile
    active: str | None


class InForce:
    """A `Configuration` for one session of one project; files are read again when they have changed."""

    def __init__(self, places: Places, own: Mapping[str, str]) -> None:
        """Read nothing yet; `own` is the environment of the process itself."""
        self._places = places
        self._own = own
        self._paths = (
            sources.user_path(places.home),
            sources.project_path(places.project),
            places.preset_file,
        )
        self._stamps: list[object] | None = None
        self._written = Written(SettingsFile(self._paths[0]), SettingsFile(self._paths[1]), None)
        self._presets = PresetsFile(sources.presets_path(places.home))
        self._presets_stamp: object = ()
        self._current: tuple[object, Settings] | None = None
        self._known: dict[tuple[str | None, ...], Mapping[str, Resolved]] = {}
        self._known_of: tuple[Written, object] | None = None
        self._reach: Reach | None = None

    def read(self, environment: Mapping[str, str]) -> Settings:
        """Give the settings in force for that environment; PanError CONFIG names every mistake."""
        sources.refuse(self.mistakes())
        return values.settings_of(self.resolved(environment), environment)

    def current(self) -> Settings:
        """Give the settings in force for this process, whatever is wrong in a file."""
        now = (self.written(), stamp_of(self._presets.path))
        if self._current is None or self._current[0] != now:
            self._current = now, self._settings_now()
        return self._current[1]

    def _settings_now(self) -> Settings:
        try:
            return values.settings_of(self.resolved(self._own), self._own)
        except PanError:
            if self._current is not None:
                return self._current[1]
        # The preset is no more what it was when the session was started with it.
        return values.settings_of(self.before_a_change(self._own), self._own)

    def filled(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """Give the environment with a variable for each setting that another layer sets."""
        return values.filled(self.resolved(environment), environment)

    def resolved(self, environment: Mapping[str, str]) -> Mapping[str, Resolved]:
        """Give every setting with all that the layers say of it.

        PanError CONFIG names a variable with a bad value or a mistake in the preset, NOT_FOUND a preset
        that isn't there.
        """
        of = self.written(), stamp_of(self._presets.path)
        if self._known_of != of or len(self._known) >= _ASKERS:
            self._known, self._known_of = {}, of
        said = tuple(environment.get(key.variable) for key in KEYS)
        found = self._known.get(said)
        if found is None:
            found = self._with_preset(self._layers(environment))
            if not _MODELS.intersection(of[0].project.given):  # Else the providers' files count as well.
                self._known[said] = found
        return found

    def before_a_change(self, environment: Mapping[str, str]) -> Mapping[str, Resolved]:
        """Give what `resolved` does, without the preset where that is what has to be mended."""
        try:
            return self.resolved(environment)
        except PanError:
            return self._found(self._layers(environment))

    def too_far(self, model: str, environment: Mapping[str, str], who: str = "a project") -> str | None:
        """Say why `who` may not choose that model; None: the operator's own settings reach it."""
        own = {**self._layers(environment), "project": {}}
        return self._beyond(values.settings_of(self._with_preset(own), environment), model, who)

    def _found(self, layers: values.Layers) -> dict[str, Resolved]:
        """Resolve, with the models that a project chooses held to what holds without it."""
        if not _MODELS.intersection(layers["project"]):
            return values.resolved(layers)
        own = values.settings_of(values.resolved({**layers, "project": {}}), self._own)
        return values.resolved(layers, lambda model: self._beyond(own, model))

    def _beyond(self, own: Settings, model: str, who: str = "a project") -> str | None:
        if self._reach is None:
            from pancode.domains.providers.api import reach

            self._reach = reach(self._places.home)
        return self._reach.too_far(model, own, who)

    def _with_preset(self, layers: dict[Layer, Mapping[str, Given]]) -> dict[str, Resolved]:
        winner = values.resolved(layers)["preset.active"].winner
        if winner.value not in (None, OFF):
            layers["preset"] = self._chosen(str(winner.value), winner.where).given
        return self._found(layers)

    def _chosen(self, name: str, where: str) -> Preset:
        """Give the preset that is named at `where`, which is told where there is none."""
        try:
            return self.preset(name)
        except PanError as error:
            if error.code is not ExitCode.NOT_FOUND:
                raise
            problem = f"{error.problem} ({where} names it)"
            raise PanError(problem, remedy=error.remedy, code=error.code) from None

    def beginning(self, environment: Mapping[str, str], preset: str | None = None) -> Beginning:
        """Give what a session begins with that is about to come up, with the preset that `up` names.

        The preset of the session before is none of its business. PanError as `read`.
        """
        sources.refuse(self.mistakes())
        given = {} if preset is None else {"preset.active": Given(preset, "--preset")}
        layers = {**self._layers(environment), "session": {}, "flag": given}
        found = self._with_preset(layers)
        chosen = found["preset.active"].value
        return Beginning(
            preset=None if chosen in (None, OFF) else str(chosen),
            layout=str(found["runtime.layout"].value),
            safety=str(found["runtime.safety"].value),
            mode=str(found["runtime.mode"].value),
            by={name: found[f"runtime.{name}"].winner.layer for name in ("safety", "mode")},
        )

    def _layers(self, environment: Mapping[str, str]) -> dict[Layer, Mapping[str, Given]]:
        written = self.written()
        return {
            "user": written.user.given,
            "project": written.project.given,
            "environment": values.from_environment(environment),
            "session": _own_word(written.active),
        }

    def preset(self, name: str) -> Preset:
        """Give the preset of that name; PanError CONFIG for a mistake in it, NOT_FOUND for none."""
        return named(self.presets(), name)

    def check_preset(self, key: str, value: str | None) -> None:
        """Raise PanError as `preset` where the setting `key` is to name one that can't be used."""
        if key == "preset.active" and value not in (None, OFF):
            self.preset(str(value))

    def presets(self) -> PresetsFile:
        """Give the presets there are now: the shipped ones, and the user's in their place."""
        stamp = stamp_of(self._presets.path)
        if stamp != self._presets_stamp:
            found = sources.read_presets(self._presets.path)
            if not found.is_whole:
                found = PresetsFile(found.path, self._presets.presets, found.mistakes, is_whole=False)
            self._presets, self._presets_stamp = found, stamp
        return self._presets

    def mistakes(self) -> tuple[Mistake, ...]:
        """Give what is wrong in the user's and the project's settings."""
        written = self.written()
        return (*written.user.mistakes, *written.project.mistakes)

    def left_out(self, environment: Mapping[str, str]) -> list[LeftOut]:
        """Give what the project's file says and may not."""
        return [one for found in self.resolved(environment).values() for one in found.left_out]

    def stamps(self) -> list[object]:
        """Give what changes when one of the files does; it costs four questions to the system."""
        return [stamp_of(path) for path in (*self._paths, self._presets.path)]

    def written(self) -> Written:
        """Give what the files say now. One that can't be read any more says what it has said before."""
        stamps: list[object] = [stamp_of(path) for path in self._paths]
        if stamps != self._stamps:
            self._written = self._look(self._written)
            self._stamps = stamps
        return self._written

    def _look(self, before: Written) -> Written:
        user = _or_before(sources.read_settings(self._paths[0]), before.user)
        # A project in the home directory has its files where the user's own are.
        same = os.path.realpath(self._paths[0]) == os.path.realpath(self._paths[1])
        project = (
            SettingsFile(self._paths[1])
            if same
            else _or_before(sources.read_settings(self._paths[1]), before.project)
        )
        return Written(user, project, _active(self._paths[2]))


def named(found: PresetsFile, name: str) -> Preset:
    """Give a preset of the file by its name; PanError as `InForce.preset`."""
    if name in found.presets:
        sources.refuse(found.presets[name].mistakes)
        return found.presets[name]
    if not found.is_whole:
        sources.refuse(found.mistakes)
    from difflib import get_close_matches

    near = get_close_matches(name[:64], list(found.presets), n=1, cutoff=0.5)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    known = ", ".join(sorted(found.presets)) or "none"
    raise PanError(
        f'there is no preset "{name}"{hint}',
        remedy=f"known here: {known}; your own go to {found.path}",
        code=ExitCode.NOT_FOUND,
    )


def _own_word(active: str | None) -> dict[str, Given]:
    return {} if active is None else {"preset.active": Given(active, "pancode preset")}


def _active(path: str) -> str | None:
    found = (read_json(path) or {}).get("preset")
    return found if isinstance(found, str) else None


def _or_before(now: SettingsFile, before: SettingsFile) -> SettingsFile:
    if now.is_whole:
        return now
    return SettingsFile(now.path, before.given, now.mistakes, is_whole=False)
