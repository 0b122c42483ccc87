"""Compiles a system prompt: picks the fragments, orders them, and fits them into the role's room. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from pancode.domains.prompts.api import (
    JOB_LIMIT,
    LETTERS,
    OWN_LIMITS,
    TOKEN_LIMITS,
    Compiled,
    Occasion,
    Persona,
    Used,
    tokens,
)
from pancode.domains.prompts.fragment import OF_THE_RUN, VARIABLE, Fragment

OWN = "own"
"""The id under which the agent's own `system_prompt` is listed."""
SKILLS_ROOM = 1000
"""Characters of the list of skills; where the descriptions take more, it gives the names alone."""
_BREAK = "\n\n"


def compile_prompt(fragments: Iterable[Fragment], persona: Persona, occasion: Occasion) -> Compiled:
    """Give the system prompt of `persona` on `occasion`.

    Whole fragments are dropped, the least important first, until the prompt fits its role; identity,
    safety and output contract stay, and so do the agent's own words, which come last.
    """
    values = _values(persona, occasion)
    meant = [each for each in fragments if each.is_for(persona, occasion) and each.variables <= set(values)]
    meant.sort(key=lambda each: each.rank)
    own = persona.system_prompt.strip()[: OWN_LIMITS[persona.role]]
    room = TOKEN_LIMITS[persona.role] * LETTERS - (len(own) + len(_BREAK) if own else 0)
    kept, dropped = fitted(meant, values, room)
    parts = [*(filled(each.text, values, OF_THE_RUN) for each in kept), *([own] if own else [])]
    here = [*(filled(each.text, values) for each in kept), *([own] if own else [])]
    told = _BREAK.join(parts)
    used = [Used(each.id, each.version, each.category, tokens(part), each.source)
            for each, part in zip(kept, here, strict=False)]  # fmt: skip
    if own:
        used.append(Used(OWN, 0, "agent", tokens(own), f"agent {persona.name}"))
    digest = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
    return Compiled(_BREAK.join(here), told, digest, tuple(used), dropped, _about(persona, occasion))


def fitted(
    meant: Sequence[Fragment], values: Mapping[str, str], room: int
) -> tuple[list[Fragment], tuple[str, ...]]:
    """Give what fits into `room` characters, in order, and the ids of what was dropped for it."""
    kept, dropped = list(meant), list[str]()
    sizes = {each.id: len(filled(each.text, values)) + len(_BREAK) for each in meant}
    size = sum(sizes.values()) - len(_BREAK)
    for each in reversed(meant):
        if size <= room:
            break
        if not each.is_required:
            kept.remove(each)
            dropped.append(each.id)
            size -= sizes[each.id]
    return kept, tuple(dropped)


def filled(text: str, values: Mapping[str, str], without: frozenset[str] = frozenset()) -> str:
    """Put the variables' values into a text, in one pass: what stands in a value is never a variable.

    >>> filled("${agent} ${job}", {"agent": "${job}", "job": "x"})
    '${job} x'
    """
    return VARIABLE.sub(lambda found: found[0] if found[1] in without else values[found[1]], text)


def _values(persona: Persona, occasion: Occasion) -> dict[str, str]:
    """Give the variables that have a value here."""
    job = " ".join(persona.description.split())[:JOB_LIMIT].rstrip(".")
    skills = persona.skills if occasion.skills_dir else None
    values = {
        "agent": persona.name,
        "runtime": occasion.runs_on,
        "mode": occasion.grant.mode.value,
        "level": occasion.grant.level.value,
        "job": job,
        "board": occasion.board,
        "skills": _listed(skills or {}),
        "skills_dir": occasion.skills_dir,
    }
    return {name: text for name, text in values.items() if text}


def _about(persona: Persona, occasion: Occasion) -> dict[str, str]:
    return {
        "agent": persona.name,
        "role": persona.role,
        "tier": occasion.tier,
        "runtime": occasion.runtime,
        "mode": occasion.grant.mode.value,
        "level": occasion.grant.level.value,
    }


def _listed(skills: Mapping[str, str]) -> str:
    whole = "\n".join(f"- {name}: {line}" for name, line in skills.items())
    return whole if len(whole) <= SKILLS_ROOM else "\n".join(f"- {name}" for name in skills)
