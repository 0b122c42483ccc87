"""Opens a session as the settings say; every verb that needs one does it in this way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pancode.domains.session.start import Up
    from pancode.engine.places import Places


def open_session(places: Places, *, layout: str | None = None, preset: str | None = None) -> Up:
    """Make sure that the session is up; a mistake in a setting is said here, and nothing is started.

    PanError as `bring_up` and `InForce.beginning`.
    """
    from pancode.domains.panconfigure.inforce import InForce
    from pancode.domains.session.programs import own_programs
    from pancode.domains.session.start import Wish, bring_up
    from pancode.engine.tmux.environment import own_settings
    from pancode.engine.tmux.server import Server

    configuration = InForce(places, os.environ)
    beginning = configuration.beginning(os.environ, preset)
    up = bring_up(places, Wish(layout, preset, beginning), own_programs(places))
    if up.created:
        up.notes += [f"{one.where}: left out: {one.why}" for one in configuration.left_out(os.environ)]
    elif told := own_settings(os.environ):
        up.notes += _without_effect(told, Server(places.tmux_socket).run("show-environment", "-g"))
    return up


def _without_effect(told: Mapping[str, str], session: Sequence[str]) -> list[str]:
    """Name the variables of this shell that the session was opened without, as `session` lists its own.

    >>> _without_effect({"PANCODE_MODEL": "a", "PANCODE_THEME": "b"}, ["PANCODE_THEME=b", "-X"])[0][:46]
    'the session was opened without PANCODE_MODEL ('
    """
    missing = [name for name, value in told.items() if f"{name}={value}" not in session]
    if not missing:
        return []
    again = "pancode down and up again take them over; pancode config set changes a session that is up"
    return [f"the session was opened without {', '.join(missing)} (as they are here): {again}"]
