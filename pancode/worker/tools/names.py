"""Which names are those of secrets: one list for the policy, and for tools that pass over such files."""

from __future__ import annotations

import re

SECRETS = re.compile(
    r"(.*/)?(\.env(\.(?!example|sample|template|dist|test$|ci$|defaults?$|schema)[\w.-]+)?|id_(rsa|dsa"
    r"|ecdsa|ed25519)"
    r"|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.git-credentials|[^/]*\.(p12|pfx|keystore|jks|kdbx|ppk)"
    r"|service[-_]account[^/]*\.json"
    r"|\.vault[-_]pass[^/]*|\.htpasswd|master\.key|(prod\w*|staging|secrets?)\.env|client_secret[^/]*\.json"
    r"|credentials\.json|secrets\.(json|toml)|privkey\d*\.pem|(server|client|tls|ssl|private)[\w-]*\.key)"
)
"""Relative paths of files that hold a secret by their names."""
