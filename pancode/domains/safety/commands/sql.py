"""Judges statements for databases by their text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Effect, Finding, Script, destroys, unclear
from pancode.domains.safety.commands.judgement import DYNAMIC

_LITERAL = re.compile(r"'(?:[^']|'')*'|\$\$.*?\$\$|--[^\n]*|/\*.*?\*/|\"[^\"]*\"|`[^`]*`", re.DOTALL)
_LOSES = re.compile(
    r"(?i)^\s*(drop\b|truncate\b|delete\s+from\s+(?!.*\bwhere\b)|update\s+(?!.*\bwhere\b).*\bset\b"
    r"|alter\s+\w+.*\bdrop\b"
    r"|revoke\b|grant\b|create\s+(or\s+replace\s+)?(user|role)|alter\s+(user|role|system)|vacuum\s+full"
    r"|reset\s+master"
    r"|purge\b|shutdown\b|kill\b|flush\b|set\s+global|detach\b|load\s+data|do\s*$|delete\b(?!.*\bwhere\b)"
    r"|attach\b)",
    re.DOTALL,
)
_ALWAYS_TRUE = re.compile(r"(?i)\bwhere\s+(1\s*=\s*1|true|1|'?\w*'?\s+is\s+not\s+null)\s*$")
_RUNS = re.compile(
    r"(?i)\bcopy\b.*\b(from|to)\s+program\b|pg_read_file|lo_export|load_extension|writefile|xp_cmdshell"
    r"|into\s+(out|dump)file|sys_exec|pg_terminate_backend|edit\s*\(|load_file"
)
_OPENING = re.compile(r"(?is)^\s*(begin|start transaction|with\s+.*?\)\s*(?=delete|update|select|insert))\s*")
_IN_CODE = re.compile(
    r"\b(drop\s+(table|database|schema|collection|index)\s+\w|truncate\s+table\s+\w|dropDatabase"
    r"|drop_all\s*\(|flushall"
    r"|deleteMany\s*\(\s*\{\s*\}|objects\.all\(\)\.delete|\.(delete|destroy)_all\b"
    r"|\.objects\.\w+\(.*\)\.delete\s*\("
    r"|flushdb|_raw_delete|drop_database|\.drop\s*\(\s*\)|delete\s+from\s+\w+\s*['\";)]"
    r"|\.remove\(\s*\{\s*\}|queryset\.delete)",
    re.IGNORECASE,
)


def losing_data(text: str) -> Iterator[Finding]:
    """Say whether the text of a program has a call that empties a database."""
    match = _IN_CODE.search(text)
    if match:
        yield destroys("sql", f'"{match.group()[:40]}" destroys data')


def judge_sql(text: str) -> Iterator[Effect]:
    """Judge statements, and the commands of the clients that stand among them."""
    if DYNAMIC in text and not text.strip(DYNAMIC + " \n"):
        yield unclear("the statements are known only when it runs")
        return
    yield from _client(text)
    if _RUNS.search(text):
        yield destroys("sql-escape", "a statement runs a program, or reaches files outside the database")
    bare = _LITERAL.sub("''", text)
    for statement in bare.split(";"):
        what = _OPENING.sub("", statement)
        if re.match(r"(?i)\s*explain\b(?!\s+analyze)", what):
            continue
        what = re.sub(r"(?i)^\s*explain\s+analyze\s+", "", what)
        everything = re.match(r"(?i)\s*(delete|update)\b", what) and _ALWAYS_TRUE.search(what.strip())
        if _LOSES.match(what) or everything:
            yield destroys("sql", f'"{" ".join(what.split())[:60]}" destroys data')
    yield from losing_data(bare)
    yield Finding(ActionClass.BASH_EXEC, "sql", "gives statements to a database")


def _client(text: str) -> Iterator[Effect]:
    """Judge what is meant for the client rather than for the database."""
    for line in text.splitlines():
        shell = re.match(r"\s*(?:\\!|\.shell|\.system|system|!)\s*(.*)", line)
        if shell:
            yield Script(shell.group(1))
        elif re.match(r"\s*\.(output|once|save|import|backup|clone|restore|load|open|read|log)\b", line):
            yield unclear("the client reads or writes other files")
        elif re.match(r"\s*\\(o|copy|i|ir|w|g\s*\|)\b.*[|/]", line):
            yield unclear("the client reads, writes or runs something else")
    if "\\!" in text:
        yield Script(text.partition("\\!")[2].strip())
