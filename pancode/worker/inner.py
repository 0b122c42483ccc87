"""The last stage inside a sandbox, where `env` doesn't do: Landlock, usual signals, then the agent.

`python -I -S inner.py FD -- COMMAND…`; FD holds what Landlock is to leave, as JSON, or {} for no Landlock.
"""

import sys


def main(argv: list[str]) -> int:
    """Become the agent; give 127 or 126 as a shell does when it isn't there or can't be run."""
    import posix

    from pancode.worker.become import find_and_exec
    from pancode.worker.landlock import LandlockError, restrict
    from pancode.worker.lean_json import loads
    from pancode.worker.signals import defaults

    fd, command = int(argv[0]), argv[2:]
    rules = loads(posix.read(fd, 1 << 20).decode())
    posix.close(fd)
    defaults()
    try:
        if rules:
            restrict(rules["readable"], rules["writable"])
        path = posix.environ.get(b"PATH")
        find_and_exec(
            command, posix.environ, None if path is None else path.decode("utf-8", "surrogateescape")
        )
    except LandlockError as error:
        posix.write(2, f"{__file__}: {error}\n".encode())
        return 125
    except OSError as error:
        posix.write(2, f"{__file__}: {command[0]}: {error.strerror}\n".encode())
        return 127 if isinstance(error, FileNotFoundError) else 126
    return 126


if __name__ == "__main__":
    sys.path.append(__file__.rsplit("/", 3)[0])
    raise SystemExit(main(sys.argv[1:]))
