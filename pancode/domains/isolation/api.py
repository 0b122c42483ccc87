"""What other domains and the command line use of the isolation domain."""

from __future__ import annotations

from pancode.domains.isolation.changes import UNMERGED, Changes, Fate, read
from pancode.domains.isolation.choose import isolates
from pancode.domains.isolation.housekeeping import clones, remove, unknown, unmerged
from pancode.domains.isolation.merge import How, Merges
from pancode.domains.isolation.origin import no_repository, root_of
from pancode.domains.isolation.restore import Difference, Restorer
from pancode.domains.isolation.retention import Old, old, prune, used
from pancode.domains.isolation.service import Isolated, Isolation
from pancode.domains.isolation.work import Work

__all__ = [
    "UNMERGED",
    "Changes",
    "Difference",
    "Fate",
    "How",
    "Isolated",
    "Isolation",
    "Merges",
    "Old",
    "Restorer",
    "Work",
    "clones",
    "isolates",
    "no_repository",
    "old",
    "prune",
    "read",
    "remove",
    "root_of",
    "unknown",
    "unmerged",
    "used",
]
