"""Does to the scene what the builtins of the shell do: directories, variables, aliases."""

from __future__ import annotations

from pancode.domains.safety.commands.calls import Call, Word
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.places import locate


def act(call: Call) -> None:
    """Change the scene of `call` if it is a builtin."""
    known = _ACTS.get(call.words[0].text)
    if known:
        known(call)


def _go(call: Call, word: Word) -> None:
    scene = call.scene
    spot = locate(word, scene)
    before = scene.cwd
    moved = not word.dynamic and not word.glob and spot.zone != "unknown"
    scene.cwd = spot.path if moved else ""
    scene.variables["OLDPWD"] = (Word(before or DYNAMIC),)
    scene.variables.pop("PWD", None)


def _cd(call: Call) -> None:
    operands = [word for word in call.args if word.text == "-" or not word.text.startswith("-")]
    if "CDPATH" in call.scene.variables:
        call.scene.cwd = ""
    elif operands and operands[0].text == "-":
        back = call.scene.variables.get("OLDPWD", (Word(DYNAMIC),))[0]
        _go(call, back)
    else:
        _go(call, operands[0] if operands else Word(call.scene.place.home))


def _pushd(call: Call) -> None:
    operands = [word for word in call.args if not word.text.startswith(("-", "+"))]
    call.scene.stack = (*call.scene.stack, call.scene.cwd)
    if operands:
        _go(call, operands[0])
    else:
        call.scene.cwd = ""


def _popd(call: Call) -> None:
    call.scene.cwd = call.scene.stack[-1] if call.scene.stack else ""
    call.scene.stack = call.scene.stack[:-1]


def _alias(call: Call) -> None:
    for text in call.texts:
        name, equals, value = text.partition("=")
        if equals:
            call.scene.aliases[name] = value


def _unalias(call: Call) -> None:
    for text in call.texts:
        call.scene.aliases.pop(text, None)


def _hash(call: Call) -> None:
    if call.texts[:1] == ["-p"] and call.texts[2:]:
        call.scene.aliases[call.texts[2]] = call.texts[1]


def _set(call: Call) -> None:
    if "--" in call.texts:
        at = call.texts.index("--")
        call.scene.arguments = (Word("bash"), *call.args[at + 1 :])
    elif call.texts and not call.texts[0].startswith(("-", "+")):
        call.scene.arguments = (Word("bash"), *call.args)


def _shift(call: Call) -> None:
    if call.scene.arguments is not None:
        count = int(call.texts[0]) if call.texts and call.texts[0].isdigit() else 1
        call.scene.arguments = (*call.scene.arguments[:1], *call.scene.arguments[1 + count :])


def _read(call: Call) -> None:
    names = [text for text in call.texts if text.isidentifier()]
    text = call.stdin.text
    known = text.split("\n")[0].split() if text is not None and call.words[0].text == "read" else None
    for index, name in enumerate(names):
        value = DYNAMIC
        if known is not None and len(names) == 1:
            value = " ".join(known)
        elif known is not None and index < len(known) and index + 1 < len(names):
            value = known[index]
        call.scene.variables[name] = (Word(value),)
    if not names:
        call.scene.variables["REPLY"] = (Word(DYNAMIC),)


def _printf(call: Call) -> None:
    if call.texts[:1] == ["-v"] and call.texts[1:]:
        call.scene.variables[call.texts[1]] = (Word(DYNAMIC),)


_ACTS = {
    "cd": _cd,
    "chdir": _cd,
    "pushd": _pushd,
    "popd": _popd,
    "alias": _alias,
    "unalias": _unalias,
    "hash": _hash,
    "set": _set,
    "shift": _shift,
    "read": _read,
    "mapfile": _read,
    "readarray": _read,
    "printf": _printf,
}
