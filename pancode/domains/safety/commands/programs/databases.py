"""Judges clients of databases and data stores."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Judge,
    Word,
    destroys,
    named,
    plain,
    unclear,
)
from pancode.domains.safety.commands.hosts import host_of, loopback, reaching
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.sql import judge_sql
from pancode.domains.safety.commands.touching import reading, writing

_BAD_NAME = re.compile(
    r"(?i)(^|[/_.-])(drop|truncate|reset|wipe|delete|purge|destroy|nuke|clean|down|rollback|undo"
    r"|flush)([_.-]|$)"
)
_GOOD_NAME = re.compile(
    r"(?i)(schema|seed|init|migrat|fixture|dump|test|data|create|setup|load|insert|backup|import|sample"
    r"|query|select)"
)
_SQL = named(
    "c f h p U d v F P R T o L e u D S N execute command file host port username user database dbname eval"
    " password output cmd init-command i query"
)


def _named(name: str) -> Iterator[Finding]:
    """Take the name of a file of statements at its word."""
    if _BAD_NAME.search(name):
        yield destroys("sql-file", f'has the database run "{name}"')


def _sql(call: Call) -> Iterator[Effect]:
    asks = (*_SQL, "q", "Q") if call.name in ("clickhouse-client", "clickhouse", "sqlcmd") else _SQL
    found = split(call.args, asks)
    for value in found.values(
        "c", "e", "execute", "command", "eval", "cmd", "init-command", "query", "Q", "q"
    ):
        yield from judge_sql(value.text)
    for value in found.values("f", "file", "i"):
        yield from _named(value.text)
        feed = call.scene.files.get(locate(value, call.scene).path)
        if feed is not None:
            yield from judge_sql(feed.text or "\0")
    for word in found.operands[:1]:
        name = re.sub(r"^file:(//)?|\?[^/]*$", "", word.text)
        if "/" in name or name.startswith("."):
            yield reading(locate(Word(name, word.glob), call.scene))
    if call.name in ("sqlite3", "sqlite", "duckdb", "litecli", "bq", "usql"):
        for word in found.operands[1:]:
            yield from judge_sql(word.text)
    yield from _elsewhere([*found.values("h", "host"), *found.operands[:1]])
    for value in found.values("o", "output", "L"):
        yield writing(locate(value, call.scene))
    yield from _unseen(call)
    yield plain(ActionClass.BASH_EXEC, "asks a database", "sql")


def _elsewhere(words: list[Word]) -> Iterator[Finding]:
    """Judge the hosts of a database: names without a dot are those of the project's own containers."""
    for word in words:
        host = host_of(word.text) if "://" in word.text else word.text
        known = re.fullmatch(r"[a-zA-Z\d-]+(\.[a-zA-Z\d-]+)+", host) and not re.search(
            r"\.(db|sqlite3?|duckdb)$", host
        )
        if known and not loopback(host) and (word.text != host or host.count(".") > 1):
            yield reaching(host)


def _unseen(call: Call) -> Iterator[Effect]:
    feed = call.stdin
    if feed.text is not None:
        yield from judge_sql(feed.text)
    elif feed.taint == "file":
        name = feed.origin.rsplit("/", 1)[-1]
        yield from _named(name)
        if not _GOOD_NAME.search(name):
            yield unclear("the database runs statements from a file that nobody has seen", "unseen-code")
    elif feed.taint not in ("terminal", ""):
        yield unclear("the database runs statements that nobody has seen", "unseen-code")


_MONGO_LOSES = re.compile(
    r"(?i)dropDatabase|\.drop\s*\(|deleteMany|deleteOne|remove\s*\(|dropIndex|dropUser|dropRole"
    r"|shutdownServer|drop\w*\(|bulkWrite"
    r"|fsyncLock|renameCollection|require\(|child_process|run\(|cat\(|removeFile|load\("
)


def _mongo(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("eval host port u p username password authenticationDatabase f file"))
    texts = [value.text for value in found.values("eval")]
    texts.append(call.stdin.text or "")
    for text in texts:
        if _MONGO_LOSES.search(text):
            yield destroys("data-store", "deletes data of the data store")
        if "\0" in text:
            yield unclear("the data store runs what is known only when it runs", "unseen-code")
    for word in (*found.operands, *found.values("f", "file")):
        if word.text.endswith(".js"):
            yield from _named(word.text)
    if call.stdin.text is None and call.stdin.taint != "terminal":
        yield unclear("the data store runs a file that nobody has seen", "unseen-code")
    yield plain(ActionClass.BASH_EXEC, "asks a data store", "sql")


_REDIS = re.compile(
    r"(?i)\b(flush(all|db)|shutdown|del|unlink|config\s+(set|rewrite|resetstat)|script\s+flush|swapdb|debug"
    r"|slaveof|replicaof"
    r"|migrate|restore|module\s+load|acl\s+(deluser|setuser)|cluster\s+(reset|forget|failover)|eval(sha)?"
    r"|rename|expire|hdel"
    r"|function\s+(flush|delete)|xtrim|ltrim|spop|lpop|rpop|getdel|zrem\w*|srem|client\s+kill|save"
    r"|bgrewriteaof|xdel)\b"
)


def _redis(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("h p n a u s r i x pass user eval pattern cacert"), stop=True)
    words = call.args[found.rest :]
    text = " ".join(word.text for word in words)
    if found.has("eval") or "--eval" in call.texts:
        yield unclear("the data store runs a script that nobody has seen", "unseen-code")
    for line in (text, *(call.stdin.text or "").splitlines()):
        if _REDIS.match(line.strip()):
            yield destroys("data-store", f'"{line.strip()[:40]}" deletes or changes data of the store')
    if call.stdin.text is None and call.stdin.taint != "terminal" and not words:
        yield unclear("the data store runs what nobody has seen", "unseen-code")
    yield plain(ActionClass.BASH_EXEC, "asks a data store", "sql")


_TOOL_LOSES = re.compile(
    r"(?i)(^|[\s:_-])(del|delete|drop|drop_all|flush\w*|shutdown|purge|remove|rm|reset|truncate|wipe"
    r"|destroy|forget|clear|kill"
    r"|reassign|alter|rebalance|prune|unset|revoke)([\s:_-]|$)"
)


def _tool(call: Call) -> Iterator[Effect]:
    text = " ".join(call.texts)
    loses = _TOOL_LOSES.search(" ".join(call.texts[:6])) or "--delete" in call.texts
    if loses and not {"--dry-run", "--help", "-h"} & set(call.texts):
        yield destroys("data-store", f'"{call.name} {text[:40]}" destroys data')
    yield plain(ActionClass.BASH_EXEC, "asks a data store", "sql")


def _always(call: Call) -> Iterator[Effect]:
    yield destroys("sql", f'"{call.name}" destroys a database or an account of it')


def _restores(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("d h p U f F n t j dbname host port"))
    if found.has("c", "clean", "drop", "create", "if-exists"):
        yield destroys("sql", "replaces a database by a backup")
    yield plain(ActionClass.BASH_EXEC, "loads a backup into a database", "sql")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(
        named(
            "psql pgcli mysql mariadb mycli sqlite3 sqlite duckdb litecli sqlcmd usql cockroach"
            " clickhouse-client clickhouse"
        ),
        _sql,
    ),
    **dict.fromkeys(
        named(
            "cqlsh snowsql presto trino beeline hive impala-shell isql tsql sqlplus vsql influxql spark-sql"
        ),
        _sql,
    ),
    **dict.fromkeys(("mongosh", "mongo"), _mongo),
    **dict.fromkeys(("redis-cli", "valkey-cli", "keydb-cli"), _redis),
    **dict.fromkeys(
        named(
            "mysqladmin etcdctl kafka-topics kafka-topics.sh kafka-configs kafka-configs.sh"
            " kafka-delete-records kafka-delete-records.sh"
            " kafka-consumer-groups.sh kafka-consumer-groups rabbitmqctl rabbitmqadmin consul zkCli.sh nats"
            " memcached-tool elasticdump"
            " curator influx kcat pulsar-admin cbq couchbase-cli cypher-shell nomad mongodb-atlas atlas"
            " memcflush bq"
        ),
        _tool,
    ),
    **dict.fromkeys(
        named("dropdb dropuser pg_dropcluster pg_resetwal mysql_secure_installation createuser"), _always
    ),
    **dict.fromkeys(("pg_restore", "mongorestore"), _restores),
}
