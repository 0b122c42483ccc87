"""The lines of the shim's own: who works on what above, the verdict below, a note in between."""

from __future__ import annotations

from pancode.worker.flow import Flow
from pancode.worker.sanitise import plain
from pancode.worker.text import cut, duration, one_line, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.profile import Grade
    from pancode.worker.protocol import Result, Spec, Status

RESET, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
RED, GREEN, YELLOW, CYAN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"
NARROWEST = 30
_COLOURS: dict[Status, str] = {"done": GREEN, "failed": RED, "refused": RED, "lost": RED}
_CENT = 0.01


def header(spec: Spec, columns: int) -> str:
    """Give the lines that say who works on what, where."""
    home = (spec["env"].get("HOME") or "/").rstrip("/")
    where = spec["cwd"]
    if home and (where + "/").startswith(home + "/"):
        where = "~" + where[len(home) :]
    agent = " ".join(word for word in (spec["agent"], spec["agent_version"]) if word)
    grant = ", ".join(str(spec["grant"][name]) for name in ("mode", "level") if spec["grant"].get(name))
    also = f"goes on with {spec['continues']}" if spec["continues"] else None
    sandbox = spec.get("sandbox")
    grade = None if sandbox is None else sandbox.get("grade")
    walls = grade and f"sandbox {grade['sandbox']}, net: {grade['net']}"
    words = [word for word in (spec["run"], agent, spec["model"], grant, where, walls, also) if word]
    who = cut(plain(one_line(" · ".join(words))), columns - 2)
    weaker = "" if grade is None else _weaker(grade, columns)
    return f" {DIM}{who}{RESET}\n{weaker}{BOLD}{wrapped(spec['task'].strip(), columns)}{RESET}\n\n"


def _weaker(grade: Grade, columns: int) -> str:
    """Give the red lines of a grade that the operator has accepted though it is a weaker one."""
    if not grade.get("accepted"):
        return ""
    return note(f"WEAKER: {' '.join(grade['accepted'])} · {'; '.join(grade['lost'])}", columns, RED)


def wrapped(text: str, columns: int) -> str:
    """Give `text` wrapped at words, without a newline at its end."""
    flow = Flow(columns)
    return (flow.feed(plain(text)) + flow.end()).rstrip("\n")


def note(text: str, columns: int, colour: str = YELLOW) -> str:
    """Give a remark of the shim's own, on as many lines as it takes."""
    return f"{colour}{wrapped(one_line(text), columns)}{RESET}\n"


def final(result: Result, columns: int, *, structured: bool) -> str:
    """Give the last lines: how it ended, and what it took; what isn't known is a dash."""
    status, evidence = result["status"], result["evidence"]
    colour = _COLOURS.get(status, YELLOW)
    words: list[str] = [status]
    if result["reason"] not in ("completed", status):
        words.append(result["reason"])
    if structured:
        turns = result["usage"]["turns"]
        words.append(f"{'–' if turns is None else turns} turn{'' if turns == 1 else 's'}")
        words += [tokens(result["usage"]) or "– tokens", money(result["cost"]["usd"])]
    if evidence["signal"] is not None:
        words.append(evidence["signal"])
    elif evidence["exit"] is not None and (evidence["exit"] or not structured):
        words.append(f"exit {evidence['exit']}")
    if result["started"] is not None:
        words.append(duration(result["ended"] - result["started"]))
    record = evidence["record"] if status != "done" else None
    why = (
        ""
        if record is None
        else str(record.get("message") or record.get("why") or record.get("result") or "")
    )
    rule = f" {DIM}{'─' * (columns - 2)}{RESET}\n"
    line = wrapped(" · ".join(words), columns).replace(status, f"{colour}{status}{RESET}", 1)
    return f"{rule}{line}\n{note(why, columns, colour) if why else ''}"


def money(usd: float | None) -> str:
    """Say an amount.

    >>> money(None), money(0.414), money(0.004), money(0.0)
    ('$ –', '$0.41', '<$0.01', '$0.00')
    """
    if usd is None:
        return "$ –"
    return "<$0.01" if 0 < usd < _CENT else f"${usd:.2f}"
