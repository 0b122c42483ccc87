"""Judges clients of clouds, of stores of secrets, and of hosts of repositories."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Judge,
    destroys,
    named,
    plain,
)
from pancode.domains.safety.commands.options import split

_DRY = re.compile(
    r"--dry-?run(=(client|server|true))?|--help|-h|--check|--what-if|--no-execute-changeset|--preview"
    r"|-WhatIf|--version"
)


def dry(call: Call) -> bool:
    """Tell whether the call only tries."""
    return any(_DRY.fullmatch(text) for text in call.texts)


def infra(why: str) -> Finding:
    """Say that infrastructure changes or goes."""
    return destroys("infrastructure", why)


_LOSING = re.compile(
    r"(?i)(bulk-.*|.*-delete|delete|destroy|terminate|remove|rm|rb|purge|drop|reset|wipe|detach|revoke|disable|deregister"
    r"|undeploy|prune|cancel"
    r"|release|uninstall|abort|kill|stop|reboot|rollback|restore|unpublish|promote|scale|delete-.*"
    r"|terminate-.*|remove-.*"
    r"|purge-.*|deregister-.*|disable-.*|revoke-.*|detach-.*|reset-.*|stop-.*|reboot-.*|release-.*|empty"
    r"|.*:(delete|destroy|reset"
    r"|remove|rotate|promote|unset|restart|stop|disable|clear|kill)|down|del|suspend|transfer|sites:delete)"
)


_CHANGING = re.compile(
    r"(?i)((change|set|associate|authorize|register|enable|tag|restore|schedule|accept)-.*|submit|create|update|put|deploy|publish|run|invoke|set|apply|push|cp|mv|sync|modify|add|attach|start"
    r"|import|upload|start-.*"
    r"|create-.*|put-.*|update-.*|modify-.*|run-.*|invoke|attach-.*|add-.*|copy-.*|send-.*|.*:(set|add"
    r"|create|deploy|push|attach"
    r"|run|import|upload|enable)|launch|provision|up|ship|release|ssh|exec|link|alias|env|domains|rsync)"
)


_SECRETS = re.compile(
    r"(?i)get-secret-value|print-access-token|print-identity-token|get-login-password|get-session-token"
    r"|secrets? (versions )?(access|get|show|view)"
    r"|configure (get|export-credentials)|get-credentials|auth token|export-credentials|keyvault secret"
    r" (show|download)|access-token|show-token"
    r"|get-parameters?\b.*decrypt|assume-role|list-keys|keys list|credentials|get-password-data|read-only-key"
)


def _cloud(call: Call) -> Iterator[Effect]:
    takes = named(
        "profile region output query project zone account subscription a app r remote e environment"
        " endpoint-url m_ o n name g"
        " resource-group filter format instance-ids stack-name bucket configuration"
    )
    words = [word.text for word in split(call.args, takes).operands]
    joined = " ".join(words)
    if call.name == "aws" and words[:1] == ["s3"]:
        yield from _bucket(words, call)
    elif dry(call):
        yield plain(ActionClass.BASH_EXEC, "only tries")
    elif "--with-decryption" in call.texts or _SECRETS.search(joined) or _vault(call, words):
        yield Finding(ActionClass.SECRET_READ, "secret-tool", "prints a credential or a secret")
    elif any(_LOSING.fullmatch(word) for word in words[:5]) or "--delete" in call.texts:
        yield infra(f'"{call.name} {joined[:50]}" takes something away')
    elif any(_CHANGING.fullmatch(word) for word in words[:4]) or (
        call.name in ("vercel", "surge", "now") and (not words or "--prod" in call.texts)
    ):
        yield Finding(
            ActionClass.NETWORK_UNLISTED, "cloud", f'"{call.name} {joined[:50]}" changes something elsewhere'
        )
    yield plain(ActionClass.BASH_EXEC, "asks a service elsewhere")


def _bucket(words: list[str], call: Call) -> Iterator[Effect]:
    verb = words[1] if words[1:] else ""
    if verb in ("rm", "rb") or "--delete" in call.texts or verb == "mv":
        yield infra("deletes what is stored elsewhere")
    elif verb in ("cp", "sync", "presign", "mb"):
        yield Finding(ActionClass.NETWORK_UNLISTED, "upload", "copies files to or from elsewhere")
    yield plain(ActionClass.BASH_EXEC, "lists what is stored elsewhere")


_VAULTS = {
    "bw": "get list export unlock",
    "op": "read item inject document run get",
    "vault": "read kv token print write delete",
    "doppler": "secrets run configs",
    "heroku": "config config:get",
    "sops": "-d --decrypt decrypt exec-env edit exec-file",
    "age": "-d --decrypt",
    "chamber": "read export env exec",
    "infisical": "secrets export run",
    "lpass": "show export",
    "keybase": "fs",
    "pass": "show ls grep find cp mv rm edit generate otp",
    "gopass": "show ls grep find",
    "secret-tool": "lookup search",
    "security": "find-generic-password find-internet-password dump-keychain export",
    "keyring": "get",
    "gcloud": "",
}


def _vault(call: Call, words: list[str]) -> bool:
    return bool({*words[:2], *call.texts[:1]} & set(_VAULTS.get(call.name, "").split()))


_GH_LOOKS = re.compile(
    r"(pr|issue|run|repo|release|workflow|gist|label|secret|variable|search|cache|ruleset|project|org|mr|ci"
    r"|pipeline)? ?"
    r"(view|list|ls|status|diff|checks|watch|checkout|clone|download|browse|show|co|trace|lint|verify|prs"
    r"|issues|repos|code|commits)( .*)?|status.*|help.*|version.*"
    r"|auth status.*|search .*|browse.*|alias list.*|extension list.*|config (get|list).*"
)


_GH_TAKES = named(
    "R repo q jq t template H F f X method L limit s state json b body title B base head l label a assignee"
)


_GH_VALUES = named(
    "R repo q jq t template H F f X method L limit s state json b body title B base head l label a assignee"
)
_CHANGES_HOST = Finding(
    ActionClass.NETWORK_UNLISTED, "forge", "changes something at the host of the repository"
)
_LOSES_HOST = Finding(
    ActionClass.GIT_DESTRUCTIVE, "forge", "deletes or overrides something at the host of the repository"
)


def _gh(call: Call) -> Iterator[Effect]:
    found = split(call.args, _GH_VALUES)
    words = [word.text for word in found.operands]
    joined = " ".join(words)
    shows = {"--show-token", "-t"} & set(call.texts) and words[:1] == ["auth"]
    if dry(call):
        yield plain(ActionClass.BASH_EXEC, "only tries")
    elif words[:1] == ["api"]:
        method = found.value("X", "method")
        verb = method.text.upper() if method else ""
        if verb == "DELETE":
            yield _LOSES_HOST
        elif (
            verb not in ("", "GET")
            or "mutation" in joined
            or (not verb and found.has("f", "F", "field", "raw-field", "input"))
        ):
            yield _CHANGES_HOST
    elif shows or re.search(r"\bauth token\b", joined):
        yield Finding(ActionClass.SECRET_READ, "secret-tool", "prints a credential")
    elif "--admin" in call.texts or re.search(
        r"\b(delete|archive|rename|transfer|lock|disable|unlink)\b", " ".join(words[:3])
    ):
        yield _LOSES_HOST
    elif words and not _GH_LOOKS.fullmatch(joined):
        yield _CHANGES_HOST
    yield plain(ActionClass.NETWORK, "asks the host of the repository", "forge-read")


_HOSTERS = named(
    "aws gcloud gsutil az heroku fly flyctl vercel netlify doctl firebase supabase railway render wrangler"
    " eas linode-cli oci ibmcloud"
    " scw hcloud eb sam amplify surge now cf ionos vultr-cli exo civo aliyun tccli s3 databricks snow turso"
    " planetscale pscale neonctl"
    " stripe twilio auth0 okta pagerduty sentry-cli newrelic datadog-ci circleci travis jenkins-cli"
    " buildkite-agent"
)


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(("gh", "glab", "tea"), _gh),
    **dict.fromkeys(_HOSTERS, _cloud),
    **dict.fromkeys(_VAULTS, _cloud),
}
