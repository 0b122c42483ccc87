"""Opens a session as the settings say; every verb that needs one does it in this way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pancode.domains.session.start import Up
    from pancode.engine.places import Places


def open_session(places: Places, *, layout: str | None = None, preset: str | None = None) -> Up:
    """Make sure that the session is up; a mistake in a setting is said here, and nothing is started.

    PanError as `bring_up` and `InForce.beginning`.
    """
    from pancode.domains.panconfigure.inforce import InForce
    from pancode.domains.session.programs import own_programs
    from pancode.domains.session.start import Wish, bring_up

    configuration = InForce(places, os.environ)
    beginning = configuration.beginning(os.environ, preset)
    up = bring_up(places, Wish(layout, preset, beginning), own_programs(places))
    if up.created:
        up.notes += [f"{one.where}: left out: {one.why}" for one in configuration.left_out(os.environ)]
    return up
