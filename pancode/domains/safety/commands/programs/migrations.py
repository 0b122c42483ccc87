"""Judges tools that change schemas, and frameworks whose verbs do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Call, Effect, Judge, Word, destroys, named, plain, unclear
from pancode.domains.safety.commands.code_text import judge_code
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.sql import judge_sql, losing_data

_WORDS = (
    "drop|reset|fresh|refresh|rollback|wipe|purge|downgrade|down|undo|revert|clean|flush|nuke|truncate"
    "|destroy"
)
_DOWN = re.compile(
    rf"(?i)(({_WORDS})(-\w+)*|(schema|structure):load|sqlflush|reset_db|drop_all|dropdb|delete|zero|redo|fixtures:load|purge:all"
    rf"|environment:set|execute)(:\w+)?"
)
_PREFIX = re.compile(
    r"(?i)^(db|ecto|migrate|migrations?|schema|database|doctrine|typeorm|down-to)[.:_-](migrate[:_-])?"
)
_JOINED = re.compile(rf"(?i)\b(db|migrate|schema|migration|orm)[: _-]+\w*({_WORDS}|zero)|migrate\b.*\bzero$")
_FLAGS = re.compile(r"--(force-reset|accept-data-loss|drop|drop-schema|all-the-way-down|reset|seed-reset)")


def _goes_down(verbs: list[str], flags: list[str]) -> bool:
    if {"--dry-run", "--sql", "--help", "-h"} & set(flags):
        return False
    return (
        any(_DOWN.fullmatch(_PREFIX.sub("", verb)) for verb in verbs[:3])
        or _JOINED.search(" ".join(verbs[:3])) is not None
        or any(_FLAGS.match(flag) for flag in flags)
    )


def migrates(call: Call) -> Iterator[Effect]:
    """Judge tools whose verbs take a database back, such as prisma, alembic, rails or flyway."""
    verbs = [text for text in call.texts if not text.startswith("-")]
    flags = [text for text in call.texts if text.startswith("-")]
    if call.name in ("rails", "rake", "console") and verbs[:1] in (["runner"], ["r"], ["console"]):
        yield from judge_code(" ".join(verbs[1:]), "ruby", call)
        verbs = []
    yield from losing_data(" ".join(call.texts))
    if verbs[:1] == ["tinker"]:
        yield from _tinker(call)
        return
    test = call.scene.variables.get("RAILS_ENV", (Word(""),))[0].text == "test" or "RAILS_ENV=test" in verbs
    if _goes_down(verbs, flags) and not (test and verbs[0].endswith(":load")):
        yield destroys("migration-down", "takes a database back or empties it")
    if verbs[:2] == ["db", "execute"]:
        yield unclear("the database runs what nobody has seen", "unseen-code")
    yield plain(ActionClass.BASH_EXEC, "works with the project's framework")


def _tinker(call: Call) -> Iterator[Effect]:
    """Judge the text that is given to the console of Laravel."""
    texts = [word.text for word in split(call.args, ("execute",)).values("execute")]
    for text in texts:
        if re.search(r"(?i)(::|->)(truncate|delete|destroy|forceDelete|drop\w*)\s*\(", text):
            yield destroys("sql", "deletes what the database holds")
        yield from judge_code(text, "php", call)
    if not texts:
        yield unclear("the database runs what nobody has seen", "unseen-code")


def _django(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("c command settings"))
    verb = found.operands[0].text if found.operands else ""
    if verb in ("shell", "shell_plus"):
        for text in (*(word.text for word in found.values("c", "command")), call.stdin.text or ""):
            yield from judge_code(text, "python", call)
    elif verb == "dbshell":
        yield from judge_sql(call.stdin.text or "")
        for word in found.operands[1:]:
            yield from judge_sql(word.text)
    elif verb in ("clearsessions", "collectstatic", "test", "startapp", "startproject"):
        yield plain(ActionClass.BASH_EXEC, "works with the project's framework")
        return
    yield from migrates(call)


def _wp(call: Call) -> Iterator[Effect]:
    joined = " ".join(call.texts)
    if re.search(r"\b(delete|drop|reset|clean|empty|destroy|uninstall|import|eval|query)\b", joined):
        yield destroys("migration-down", "deletes or replaces what the site holds")
    yield plain(ActionClass.BASH_EXEC, "works with the project's framework")


_MIGRATORS = named(
    "rails rake prisma sequelize sequelize-cli knex typeorm alembic flyway liquibase artisan dbmate goose"
    " migrate sqlx diesel"
    " drizzle-kit mikro-orm atlas_ flask supabase_ hasura doctrine phinx console sea-orm-cli yoyo ef"
    " bytebase sqitch squitch"
    " db-migrate node-pg-migrate migrate-mongo umzug strapi directus payload medusa"
)
JUDGES: dict[str, Judge] = {
    **dict.fromkeys(_MIGRATORS, migrates),
    **dict.fromkeys(("django-admin", "manage.py", "django", "manage"), _django),
    "wp": _wp,
}
