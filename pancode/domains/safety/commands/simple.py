"""Judges one simple command: its variables, aliases, functions, builtins and program."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands import builtins
from pancode.domains.safety.commands.calls import (
    UNKNOWN,
    Call,
    Effect,
    Feed,
    Finding,
    NotUnderstoodError,
    Run,
    Scene,
    Trail,
    Word,
    named,
)
from pancode.domains.safety.commands.feeds import prints
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.poison import poisoned
from pancode.domains.safety.commands.programs import effects
from pancode.domains.safety.commands.programs.pan import own_tool

_RESERVED = frozenset(
    named("{ } then fi do done esac in elif else coproc ( ) ((  )) if while until for case")
)
_DEEPEST = 24


def run_command(
    words: tuple[Word, ...],
    assigned: Sequence[tuple[str, tuple[Word, ...]]],
    scene: Scene,
    stdin: Feed,
    trail: Trail,
    text: str,
) -> Feed:
    """Judge one command with its variables; give what it prints.

    Raises:
        NotUnderstoodError: nobody can tell what it runs.
    """
    trail.step()
    if scene.depth > _DEEPEST:
        raise NotUnderstoodError("it nests too deeply")
    for effect in poisoned(assigned, scene):
        apply(effect, scene, stdin, trail, text)
    if not words:
        for name, values in assigned:
            scene.variables[name] = values
        return Feed("")
    _checked(words[0])
    name = words[0].text
    inner = scene
    if assigned:
        inner = scene.fork()
        inner.variables.update(dict(assigned))
    known = scene.aliases.pop(name, None)
    if known is not None:
        rest = " ".join(word.text if word.dynamic else shlex.quote(word.text) for word in words[1:])
        printed = _script(f"{known} {rest}", inner, stdin, trail)
        scene.aliases[name] = known
        return printed
    if name in scene.functions:
        return _function(words, inner, stdin, trail)
    call = _followed(Call(words, inner, stdin))
    return _judged(call, scene, trail, text)


def _judged(call: Call, scene: Scene, trail: Trail, text: str) -> Feed:
    builtins.act(Call(call.words, scene, call.stdin))
    produced: Feed | None = None
    for effect in own_tool(call) or effects(call):
        produced = apply(effect, call.scene, call.stdin, trail, text, call.words) or produced
    if call.scene is not scene:
        scene.files.update(call.scene.files)
    return prints(call, produced)


def _checked(first: Word) -> None:
    """Refuse a program's name that can't be read."""
    name = first.text
    if first.dynamic:
        raise NotUnderstoodError("the name of the program is known only when it runs")
    if first.glob:
        raise NotUnderstoodError("the name of the program is a pattern")
    if not name.isascii() or name.split() != [name] or name in _RESERVED:
        raise NotUnderstoodError("the name of the program can't be read")


def _followed(call: Call) -> Call:
    """Put in the program that a link or a copy made by this command stands for."""
    first = call.words[0]
    if "/" not in first.text:
        written = _first_in_path(first.text, call.scene)
        return Call((Word(written), *call.args), call.scene, call.stdin) if written else call
    if not call.scene.links:
        return call
    path = locate(first, call.scene).path
    return Call((Word(path), *call.args), call.scene, call.stdin) if "/bin/" in path else call


def _first_in_path(name: str, scene: Scene) -> str:
    """Give the file of that name which this command has written into a directory of its PATH; else ""."""
    if "PATH" not in scene.variables or not scene.files:
        return ""
    value = " ".join(word.text for word in scene.variables["PATH"])
    paths = (locate(Word(f"{one}/{name}"), scene).path for one in value.split(":") if DYNAMIC not in one)
    return next((path for path in paths if path in scene.files), "")


def _function(words: tuple[Word, ...], scene: Scene, stdin: Feed, trail: Trail) -> Feed:
    from pancode.domains.safety.commands.walk import Walk

    source, body = scene.functions[words[0].text]
    before, depth = scene.arguments, scene.depth
    scene.arguments, scene.depth = words, depth + 1
    if scene.depth > _DEEPEST:
        raise NotUnderstoodError("it calls itself")
    hidden = scene.functions.pop(words[0].text)
    printed = Walk(source, trail).one(body, scene, stdin)
    scene.functions[words[0].text] = hidden
    scene.arguments, scene.depth = before, depth
    return printed


def _script(text: str, scene: Scene, stdin: Feed, trail: Trail) -> Feed:
    from pancode.domains.safety.commands.walk import run_script

    return run_script(text, scene, stdin, trail)


def apply(
    effect: Effect,
    scene: Scene,
    stdin: Feed,
    trail: Trail,
    text: str,
    words: tuple[Word, ...] = (),
) -> Feed | None:
    """Carry out one effect: note a finding, or judge what is run; give what that prints."""
    if isinstance(effect, Finding):
        trail.add(effect, text, words)
        return None
    if isinstance(effect, Run):
        if not effect.words:
            return None
        inner = scene.fork()
        inner.depth += 1
        return run_command(effect.words, (), inner, effect.stdin or stdin, trail, text)
    if effect.text.strip() in (f"{DYNAMIC}setup{DYNAMIC}", ""):
        return None
    inner = scene if effect.same else scene.fork()
    if not effect.same:
        inner.arguments = effect.arguments or (Word("bash"),)
        inner.aliases = {}
    printed = _script(effect.text, inner, effect.stdin or (stdin if effect.same else UNKNOWN), trail)
    if not effect.same:
        scene.leave(inner)
    return printed


def mistake(why: str) -> Finding:
    """Say that the classifier itself failed."""
    return Finding(ActionClass.NOT_UNDERSTOOD, "not-understood", why)
