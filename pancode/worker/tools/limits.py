"""How much a tool reads, keeps and says: a model's context must not be flooded, nor the worker's memory."""

from __future__ import annotations

MOST_TEXT = 30_000
"""Characters of an answer."""
LINES_READ = 2000
LONGEST_LINE = 2000
"""Characters of a line that `read` and `grep` show."""
MOST_EDITED = 16 << 20
"""Bytes of a file that is changed in memory, and of one that is written."""
MOST_MATCHES = 100
MOST_FOUND = 1000
MOST_ENTRIES = 500
SEARCH_S = 30.0
"""Seconds after which a search gives what it has found."""
SHELL_S = 120.0
SHELL_MOST_S = 1800.0
MOST_KEPT = 64 << 20
"""Bytes of a command's output that are kept in a file."""
MOST_STREAMED = 100_000
"""Characters of a command's output that are told while it runs."""
MOST_COMMANDS = 8
MOST_FILE_CALLS = 8
"""Calls that run at a time; further ones wait."""
LONGEST_REQUEST = 40 << 20
"""Bytes of a request: a written file in JSON may be longer than the file."""
