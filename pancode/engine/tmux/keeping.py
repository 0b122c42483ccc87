"""Programs in the hidden session that are started again when they are killed."""

from __future__ import annotations

from collections.abc import Sequence

_FINAL = "0|2|3|4|5|10|11|12"
"""Exit codes after which a new start would end the same way; see docs/exit-codes.md."""

_LOOP = f"""\
log=$1; shift; quick=0
while :; do
  begun=$(date +%s)
  "$@" 2>>"$log"; code=$?
  case $code in {_FINAL}) break;; esac
  if [ $(($(date +%s) - begun)) -lt 5 ]; then quick=$((quick + 1)); else quick=0; fi
  [ $quick -lt 5 ] && {{ sleep 0.1; continue; }}
  [ $code -eq 137 ] || break
  sleep 1
done
"""
"""After five short lives in a row one that crashed is given up; one that was killed has to wait longer."""


def kept(name: str, log: str, argv: Sequence[str], at_last: str = "") -> list[str]:
    """Give the command that runs `argv`, and again 0.1 s after it was killed or crashed.

    `at_last` are shell commands for when it is given up; `$code` is its exit code.
    """
    return ["sh", "-c", f"{_LOOP}{at_last}exit $code\n", name, log, *argv]
