"""Runs npm, for the runtimes whose packages come from there."""

from __future__ import annotations

import subprocess

SECONDS = 600.0
"""For a few hundred packages by a slow line."""
CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")
"""Exactly what the lock says, checked by its hashes; no package runs a program while it is installed."""
_LONGEST = 300


def install(npm: str, folder: str) -> str | None:
    """Install what the lock in `folder` says, with the program at `npm`; give what is wrong, if anything."""
    try:
        done = subprocess.run(
            [npm, *CI],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it has not ended within {SECONDS:.0f} seconds"
    except OSError as error:
        return f"it can't be started: {(error.strerror or str(error)).lower()}"
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.splitlines() if line.startswith("npm error")] or [done.stderr]
    return " ".join(" ".join(said).split())[:_LONGEST] or f"it ended with {done.returncode}"
