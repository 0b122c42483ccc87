"""What other domains and the command line use of the safety domain."""

from __future__ import annotations

from pancode.domains.safety.announce import Announcer
from pancode.domains.safety.audit import Audit, Decided, Word
from pancode.domains.safety.decide import grant_now
from pancode.domains.safety.enclosure.asks import HOOK_PORT, PROXY_PORT, Canary, EnclosureAsk, Machine
from pancode.domains.safety.enclosure.executing import Command, execute
from pancode.domains.safety.enclosure.governance import FOR_REVIEW, GOVERNANCE
from pancode.domains.safety.enclosure.home import finish_logins, prepare_home
from pancode.domains.safety.enclosure.machines import fresh_machine, known_machine, remembered
from pancode.domains.safety.enclosure.network import ports
from pancode.domains.safety.enclosure.profile import build
from pancode.domains.safety.enclosure.ruled import ruled
from pancode.domains.safety.enclosure.surroundings import inside, safe_environment
from pancode.domains.safety.enclosures import Enclosures, Wish
from pancode.domains.safety.inbox_others import OtherQuestions
from pancode.domains.safety.rescue import Rescue
from pancode.domains.safety.rulefile import RuleFiles
from pancode.domains.safety.settings import SandboxSettings
from pancode.domains.safety.workers import is_worker

__all__ = [
    "FOR_REVIEW",
    "GOVERNANCE",
    "HOOK_PORT",
    "PROXY_PORT",
    "Announcer",
    "Audit",
    "Canary",
    "Command",
    "Decided",
    "EnclosureAsk",
    "Enclosures",
    "Machine",
    "OtherQuestions",
    "Rescue",
    "RuleFiles",
    "SandboxSettings",
    "Wish",
    "Word",
    "build",
    "execute",
    "finish_logins",
    "fresh_machine",
    "grant_now",
    "inside",
    "is_worker",
    "known_machine",
    "ports",
    "prepare_home",
    "remembered",
    "ruled",
    "safe_environment",
]
