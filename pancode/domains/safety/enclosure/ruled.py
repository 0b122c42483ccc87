"""Puts the user's rules and settings into an ask, as far as the operating system can keep them."""

from __future__ import annotations

import os
from dataclasses import replace

from pancode.domains.safety.enclosure.asks import EnclosureAsk
from pancode.domains.safety.pathglob import existing
from pancode.domains.safety.rules import PathAction, Rules
from pancode.engine import places


def ruled(ask: EnclosureAsk, rules: Rules) -> EnclosureAsk:
    """Give `ask` with the settings, hosts and existing paths of `rules`; PanError CONFIG for their mistakes.

    Searches the work directory for what path patterns mean.
    """
    rules.check()
    top = places.project_root(os.path.realpath(ask.cwd))
    zero_access, all_hidden = existing(rules.paths(PathAction.ZERO_ACCESS), top)
    read_only, all_kept = existing(rules.paths(PathAction.READ_ONLY), top)
    return replace(
        ask,
        settings=rules.settings,
        zero_access=zero_access,
        read_only=read_only,
        hosts=rules.hosts,
        barred_hosts=rules.barred_hosts,
        rules=rules.digest,
        rules_complete=all_hidden and all_kept,
    )
