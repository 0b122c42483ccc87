"""Registers the settings in force, the way to change them, and the verbs that do so."""

from __future__ import annotations

import os

from pancode.core.events import SettingsChanged
from pancode.core.host import Host
from pancode.domains.panconfigure.api import Changes, Configuration, Settings
from pancode.domains.panconfigure.changes import Around, SessionChanges
from pancode.domains.panconfigure.inforce import InForce
from pancode.domains.panconfigure.presetting import Presetting
from pancode.domains.panconfigure.sources import seed_presets
from pancode.domains.panconfigure.verbs import SettingsVerbs
from pancode.domains.panconfigure.watching import Watching
from pancode.domains.safety.api import Audit, is_worker
from pancode.engine.places import Places
from pancode.engine.tmux.doors import Doors
from pancode.engine.tmux.popups import Popups


def register(host: Host) -> None:
    """Provide `Configuration` and `Changes`; answer `config` and its like, and `preset`."""
    places, environment = host.need(Places), dict(os.environ)
    seed_presets(places.home)
    configuration = InForce(places, environment)
    host.provide(Configuration, configuration)
    host.provide(Settings, configuration.current())
    around = Around(
        home=places.home,
        name=places.session,
        own=environment,
        session=lambda: host.world.session,
        post=host.post,
        audit=host.need(Audit).append,
    )
    changes = SessionChanges(configuration, around)
    host.provide(Changes, changes)
    presetting = Presetting(changes, places.preset_file)
    watching = Watching(changes, Popups(host.need(Doors).main, ()).say)
    host.on(SettingsChanged, lambda _: watching.heed())
    host.background("settings", watching.watch)
    verbs = SettingsVerbs(changes, presetting, watching.take_up, lambda pid: is_worker(host.world, pid))
    host.serve("config", verbs.config)
    host.serve("config_set", verbs.set)
    host.serve("config_undo", verbs.undo)
    host.serve("preset", verbs.preset)
    host.serve("config_reload", verbs.reload)
