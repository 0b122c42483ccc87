"""`pancode model`: serve a scripted model on loopback, or check a script without serving it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

_DEEPEST = 12
"""No place in a script is deeper; a YAML alias that holds itself would have no end."""

if TYPE_CHECKING:
    from yaml import MarkedYAMLError, Node

    from pancode.scripted.fields import Path
    from pancode.scripted.script import Script


@click.group()
def model() -> None:
    """A scripted model: real agents, no key, no network, no cost."""


@model.command()
@click.option("--script", "file", metavar="FILE", help="The script, YAML or JSON.  [default: the demo's]")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; a free one if absent."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the address.")
def serve(file: str | None, port: int, as_json: bool) -> None:
    """Play a script on loopback until Ctrl-C; the first line printed is the address."""
    import asyncio

    script = _demo() if file is None else load_script(file)
    asyncio.run(_serve(script, port, as_json=as_json))


@model.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: str, as_json: bool) -> None:
    """Check the script FILE and say what it holds."""
    import json

    script = load_script(file)
    turns = {"default": len(script.default.turns)}
    conversations = [{"when": each.when, "turns": len(each.turns)} for each in script.conversations]
    if as_json:
        click.echo(json.dumps({"file": file, **turns, "scripts": conversations}))
        return
    click.echo(f"{file}: no mistakes")
    click.echo(f"  by default: {_turns(turns['default'])}")
    for each in script.conversations:
        click.echo(f"  when a prompt contains {each.when!r}: {_turns(len(each.turns))}")


def load_script(file: str) -> Script:
    """Read a script from a YAML or JSON file; PanError names the line of every mistake in it."""
    from pancode.core.errors import ExitCode, PanError
    from pancode.scripted.script import parse_script

    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
    except FileNotFoundError:
        raise PanError(
            f'there is no file "{file}"', remedy="check the name", code=ExitCode.NOT_FOUND
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PanError(
            f'can\'t read "{file}": {reason.lower()}',
            remedy="name a YAML or JSON file that you may read",
            code=ExitCode.CONFIG,
        ) from None
    data, lines = _data_with_lines(file, text)
    return parse_script(data, source=file, locate=lambda path: _line_of(lines, path))


def _demo() -> Script:
    from pancode.demo.story import script
    from pancode.scripted.script import parse_script

    return parse_script(script(), source="the demo's script")


def _turns(number: int) -> str:
    match number:
        case 0:
            return "no turns, a short answer"
        case 1:
            return "1 turn"
        case _:
            return f"{number} turns"


async def _serve(script: Script, port: int, *, as_json: bool) -> None:
    import asyncio
    import json
    import os
    import signal

    from pancode.scripted.server import ScriptedModel

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    server = ScriptedModel(script, port)
    await server.start()
    about = {"url": server.url, "port": server.port, "pid": os.getpid()}
    print(json.dumps(about) if as_json else server.url, flush=True)
    await ended.wait()
    await server.stop()


def _data_with_lines(file: str, text: str) -> tuple[object, dict[Path, int]]:
    """Give the file's data, and the line of every key and list item; JSON may be indented with tabs."""
    import json

    import yaml

    from pancode.core.errors import ExitCode, PanError

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Path, int] = {}
        if node is not None:
            _collect_lines(file, node, (), lines)
        return yaml.safe_load(text), lines
    except (yaml.YAMLError, ValueError) as error:
        if text.lstrip().startswith(("{", "[")):
            try:
                return json.loads(text), {}
            except ValueError:
                pass
        raise PanError(
            f"{file}:{_yaml_problem(error)}",
            remedy="correct the file; docs/model.md shows a script",
            code=ExitCode.CONFIG,
        ) from None


def _yaml_problem(error: Exception) -> str:
    from yaml import MarkedYAMLError

    if not isinstance(error, MarkedYAMLError):
        return f" {str(error).splitlines()[0]}"
    return _marked_problem(error)


def _marked_problem(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    return f"{line}: it is not YAML: {error.problem or error.context}"


def _collect_lines(file: str, node: Node, path: Path, lines: dict[Path, int]) -> None:
    import yaml

    from pancode.core.errors import ExitCode, PanError

    lines.setdefault(path, node.start_mark.line + 1)
    if len(path) >= _DEEPEST:
        return
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect_lines(file, item, (*path, index), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            at = key.start_mark.line + 1
            if here in lines:
                raise PanError(
                    f'{file}:{at}: the key "{key.value}" is there twice, first in line {lines[here]}',
                    remedy="remove one of the two",
                    code=ExitCode.CONFIG,
                )
            lines[here] = at
            _collect_lines(file, value, here, lines)


def _line_of(lines: dict[Path, int], path: Path) -> int | None:
    """Give the line of a place, or of the nearest place around it that is written in the file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)
