"""Finds the agent CLIs on a PATH and asks each new one, once, which version it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pancode.domains.agents import npm, packages
from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import SHELL, RuntimeInfo

VERSION_SECONDS = 40.0
"""How long a CLI may take to say its version: five Node programs asked at once, cold, on a busy machine.

Copilot unpacks 235 MB before its first word: 12 s on two cores that do other things as well.
"""
OUTPUT_BYTES = 65_536
_FOR_A_VERSION = ("PATH", "HOME", "LANG", "USER", "TMPDIR", "NVM_DIR", "PYENV_ROOT", "XDG_CACHE_HOME")
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?(?:[-+][0-9A-Za-z][0-9A-Za-z.+-]*)?")

Stamp = tuple[str, int, int]
"""A program file as it stands: real path, mtime in ns, size. Another stamp is another program."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said: its version, or why there is none."""

    version: str | None
    problem: str | None = None


def which(binary: str, path: str) -> str | None:
    """Give the first executable file of that name; relative entries of PATH don't count.

    A name that is an absolute path is looked for there alone.
    """
    for directory in path.split(os.pathsep):
        candidate = os.path.join(directory, binary)
        if os.path.isabs(directory) and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    return None


class Runtimes:
    """Every runtime as it stands now; `survey` starts nothing, `probe` asks what is not known yet."""

    def __init__(self, adapters: Mapping[str, Adapter], environment: Mapping[str, str], cache: str) -> None:
        """Read what earlier sessions learned from the file `cache`; a damaged file counts as empty."""
        self._adapters = adapters
        self._environment = environment
        self._cache = cache
        self._answers: dict[Stamp, Answer] = {
            stamp: Answer(version) for stamp, version in _read_cache(cache).items()
        }

    def use(self, adapters: Mapping[str, Adapter]) -> None:
        """Go on with other adapters; what is known of the programs stays known."""
        self._adapters = adapters

    def survey(self) -> list[RuntimeInfo]:
        """Give every runtime: the CLIs in the order that `auto` tries them, the other ones, shell."""
        path = self._environment.get("PATH", os.defpath)
        clis = [self._runtime(adapter, path) for adapter in self._adapters.values()]
        shell = RuntimeInfo(id=SHELL, name="shell commands", tier="cli", status="available")
        return [*clis, shell]

    def version(self, program: str) -> str | None:
        """Give the version of the program at this path, as far as it is known without asking."""
        stamp = _stamp(program)
        answer = self._answers.get(stamp) if stamp else None
        return answer.version if answer else None

    def unanswered(self) -> dict[str, Adapter]:
        """Give the programs (by path) whose version is not known, with their adapters."""
        adapters = self._adapters
        return {
            info.path: adapters[info.id]
            for info in self.survey()
            if info.status in ("unchecked", "broken") and info.path is not None
        }

    async def probe(self) -> None:
        """Ask all CLIs that gave no version yet, at once; takes at most VERSION_SECONDS and a bit."""
        asked = self.unanswered()
        if not asked:
            return
        questions = (ask(program, one.version_args, self._environment) for program, one in asked.items())
        for program, answer in zip(asked, await asyncio.gather(*questions), strict=True):
            stamp = _stamp(program)
            if stamp is not None:
                self._answers[stamp] = answer
        _write_cache(self._cache, self._answers)

    def _runtime(self, adapter: Adapter, path: str) -> RuntimeInfo:
        if adapter.binary:
            return self._cli(adapter, which(adapter.binary, path))
        return RuntimeInfo(
            id=adapter.id,
            name=adapter.name,
            tier=adapter.tier,
            status="available",
            note="the server is the `endpoint:` of each agent"
            if adapter.elsewhere
            else "the program is the `command:` of each agent",
        )

    def _cli(self, adapter: Adapter, program: str | None) -> RuntimeInfo:
        stamp = _stamp(program) if program else None
        info = RuntimeInfo(
            id=adapter.id,
            name=adapter.name,
            tier=adapter.tier,
            status="missing",
            tested_with=adapter.versions,
            install=adapter.install,
        )
        if program is None or stamp is None:
            return replace(info, note=f'no program "{adapter.binary}" in PATH')
        if adapter.package is not None:
            return _packaged(replace(info, path=program), adapter, *adapter.package)
        answer = self._answers.get(stamp)
        if adapter.npm is not None and answer is not None and answer.version:
            return _from_npm(
                replace(info, path=program), adapter, answer.version, os.path.dirname(self._cache)
            )
        tested = None if answer is None or answer.problem else answer.version in adapter.versions
        return replace(
            info,
            status="unchecked" if answer is None else "broken" if answer.problem else "available",
            version=answer.version if answer else None,
            path=program,
            tested=tested,
            note=_note(answer, adapter.versions, tested=tested),
        )


def _from_npm(info: RuntimeInfo, adapter: Adapter, program: str, home: str) -> RuntimeInfo:
    """Give a runtime whose version is that of a package of npm, on a program of the version `program`."""
    if npm.below(program, adapter.least):
        return replace(info, note=f"{npm.too_old(adapter.binary, adapter.least, program)}")
    version = npm.version(home, adapter.npm or "")
    if version is None:
        return replace(info, note="its packages are not installed", install=npm.remedy(adapter.id))
    tested = version in adapter.versions
    note = _note(Answer(version), adapter.versions, tested=tested)
    return replace(info, status="available", version=version, tested=tested, note=note)


def _packaged(info: RuntimeInfo, adapter: Adapter, distribution: str, extra: str) -> RuntimeInfo:
    """Give a runtime whose version is that of a Python package, which is known without asking anybody."""
    version = packages.version(distribution)
    if version is None:
        note = f'the Python package "{distribution}" is not installed'
        return replace(info, note=note, install=packages.remedy(extra))
    tested = version in adapter.versions
    said = _note(Answer(version), adapter.versions, tested=tested)
    return replace(info, status="available", version=version, tested=tested, note=said)


def _note(answer: Answer | None, versions: Iterable[str], *, tested: bool | None) -> str | None:
    if answer is None:
        return "not asked for its version yet"
    if answer.problem:
        return answer.problem
    return None if tested else f"tested with {', '.join(versions)}, this is {answer.version or 'unknown'}"


async def ask(program: str, arguments: Iterable[str], environment: Mapping[str, str]) -> Answer:
    """Run `program` with `arguments`, wait at most VERSION_SECONDS, and find a version in what it prints.

    Cancelled or late, it leaves no process of the program's group behind.
    """
    words = " ".join(arguments)
    kept = {name: environment[name] for name in _FOR_A_VERSION if name in environment}
    # A file and no pipe: a child that stays behind could hold a pipe open.
    with tempfile.TemporaryFile() as output:
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=kept | {"TERM": "dumb", "NO_COLOR": "1"},
                cwd="/",
                start_new_session=True,
            )
        )
        try:
            # Cancelled before the start is over, asyncio would end the program alone and not its group.
            process = await asyncio.shield(starting)
            code = await asyncio.wait_for(process.wait(), VERSION_SECONDS)
        except TimeoutError:
            return Answer(None, f'"{words}" gave no answer in {VERSION_SECONDS:g} s')
        except OSError as error:
            return Answer(None, f"it can't be started: {(error.strerror or str(error)).lower()}")
        finally:
            # Also after an answer: some CLIs start something that looks for updates.
            await _end_group(starting)
        output.seek(0)
        return _answer(output.read(OUTPUT_BYTES).decode(errors="replace"), code, words)


async def _end_group(starting: asyncio.Future[asyncio.subprocess.Process]) -> None:
    with contextlib.suppress(OSError):  # it never started, or nothing of it is left
        process = await starting
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _answer(said: str, code: int, words: str) -> Answer:
    if code != 0:
        first = next((line.strip() for line in said.splitlines() if line.strip()), "nothing")
        how = f"ended with {code}" if code > 0 else f"was ended by signal {-code}"
        return Answer(None, f'"{words}" {how}: {first[:120]}')
    match = _VERSION.search(said)
    return Answer(match[0]) if match else Answer(None, f'"{words}" prints no version')


def _stamp(program: str) -> Stamp | None:
    real = os.path.realpath(program)
    try:
        found = os.stat(real)
    except OSError:
        return None
    return real, found.st_mtime_ns, found.st_size


def _read_cache(path: str) -> dict[Stamp, str]:
    try:
        with open(path, encoding="utf-8") as file:
            programs = json.load(file)["programs"]
        return {
            (str(real), int(seen["mtime_ns"]), int(seen["size"])): str(seen["version"])
            for real, seen in programs.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # a cache that can't be read is only slower


def _write_cache(path: str, answers: Mapping[Stamp, Answer]) -> None:
    programs = {
        real: {"mtime_ns": mtime, "size": size, "version": answer.version}
        for (real, mtime, size), answer in answers.items()
        if answer.version and os.path.exists(real)
    }
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".runtimes-")
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump({"v": 1, "programs": programs}, file, indent=1)
        os.replace(temporary, path)
    except OSError:
        return  # a cache that can't be written is only slower
