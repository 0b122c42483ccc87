"""What is said where an agent isn't there."""

from __future__ import annotations

from collections.abc import Collection

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents.yamlfile import nearest


def no_agent(wanted: str, known: Collection[str], *, is_default: bool) -> PanError:
    """Give the error for an agent that isn't defined; `is_default` where nobody has named it.

    >>> print(no_agent("dve", ["dev", "shell"], is_default=False))
    there is no agent "dve"; did you mean "dev"?
      try: known here: dev shell · pancode agents
    """
    here = f"known here: {' '.join(sorted(known))}"
    if is_default:
        problem = f'the default agent is "{wanted}", and there is none of that name'
        remedy = f"--agent NAME, or pancode config set agents.default NAME; {here}"
    else:
        near = nearest(wanted, known)
        problem = f'there is no agent "{wanted}"' + (f'; did you mean "{near}"?' if near else "")
        remedy = f"{here} · pancode agents"
    return PanError(problem, remedy=remedy, code=ExitCode.NOT_FOUND)
