"""Says what a command or a file tool would do: the entrance of the classifier."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pancode.domains.safety.commands.calls import TERMINAL, Finding, NotUnderstoodError, Scene, Trail, Word
from pancode.domains.safety.commands.judgement import Judgement, Part, Place, judgement

_READS = re.compile(r"(?i)read|view|open|cat|ls|list|glob|grep|search|find|look")
_DELETES = re.compile(r"(?i)delete|remove|unlink|trash")


def judge(command: str | bytes, place: Place) -> Judgement:
    """Say what `command`, given to bash in `place`, would do. Never raises."""
    from pancode.domains.safety.commands.syntax import checked

    trail = Trail()
    shown = command if isinstance(command, str) else command.decode("utf-8", "replace")
    try:
        _run(checked(command), place, trail)
    except NotUnderstoodError as error:
        trail.puzzled(str(error), shown)
    except RecursionError:
        trail.puzzled("it nests too deeply", shown)
    except Exception as error:  # noqa: BLE001 -- a mistake in here must refuse, never let through
        trail.puzzled(f"the classifier fails on it ({type(error).__name__})", shown)
    return _whole(trail, shown)


def _run(text: str, place: Place, trail: Trail) -> None:
    from pancode.domains.safety.commands.walk import run_script

    run_script(text, Scene(place, place.cwd, arguments=None), TERMINAL, trail)


def _whole(trail: Trail, shown: str) -> Judgement:
    return judgement(trail.parts) if trail.parts else judgement(_nothing(shown))


def _nothing(shown: str) -> tuple[Part, ...]:
    from pancode.core.actions import ActionClass

    return (Part(shown[:400], ActionClass.FILE_READ, "nothing", "it does nothing outside the shell"),)


def judge_paths(tool: str, paths: Sequence[str], place: Place) -> Judgement:
    """Say what the file tool `tool` (read, write, edit …) would do to `paths`. Never raises."""
    from pancode.domains.safety.commands.places import locate
    from pancode.domains.safety.commands.touching import deleting, reading, writing

    trail = Trail()
    scene = Scene(place, place.cwd)
    for path in paths:
        shown = f"{tool} {path}"
        try:
            spot = locate(Word(path), scene)
            found: Finding = writing(spot)
            if _DELETES.search(tool):
                found = deleting(spot, recursive=False)
            elif _READS.search(tool):
                found = reading(spot)
        except Exception as error:  # noqa: BLE001 -- a mistake in here must refuse, never let through
            trail.puzzled(f"the classifier fails on it ({type(error).__name__})", shown)
        else:
            trail.add(found, shown, (Word(tool), Word(path)))
    return _whole(trail, tool)
