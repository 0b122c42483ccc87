"""Secrets are taken out by their form or their name; what a shell would act upon stays to be read."""

from __future__ import annotations

import random
import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.core.redact import LONGEST_LINE, Redactor, redact, redact_value

LETTERS = string.ascii_letters + string.digits


def some(length: int, letters: str = LETTERS) -> str:
    """Nothing that looks like a key stands in this file: what is looked for in repositories is made here."""
    return "".join(random.Random(length).choice(letters) for _ in range(length))  # noqa: S311 -- no secret


UPPER = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"
KEYS = {
    "anthropic-key": "sk-ant-" + "api03-" + some(93) + "AA",
    "openai-key": "sk-proj-" + some(60) + "_" + some(60),
    "openrouter-key": "sk-or-" + "v1-" + some(64, HEX),
    "api-key": "sk-" + some(48),
    "stripe-key": "sk_" + "live_" + some(24),
    "webhook-secret": "whsec_" + some(32),
    "github-token": "ghp_" + some(36),
    "gitlab-token": "glpat-" + some(20),
    "aws-key-id": "AKIA" + some(16, UPPER),
    "google-key": "AIza" + some(35),
    "slack-token": "xoxb-" + some(11, string.digits) + "-" + some(24),
    "npm-token": "npm_" + some(36),
    "pypi-token": "pypi-" + "AgE" + some(80),
    "hugging-face-token": "hf_" + some(34),
    "xai-key": "xai-" + some(80),
    "groq-key": "gsk_" + some(52),
    "digitalocean-token": "dop_v1_" + some(64, HEX),
    "vault-token": "hvs." + some(90),
    "sendgrid-key": "SG." + some(22) + "." + some(43),
    "telegram-token": some(10, "123456789") + ":AA" + some(33),
    "jwt": "eyJ" + some(20) + "." + "eyJ" + some(60) + "." + some(43),
}
MORE = {
    "github-token": ["gho_" + some(36), "ghs_" + some(36), "github_pat_" + some(22) + "_" + some(59)],
    "openai-key": ["sk-svcacct-" + some(60), "sk-admin-" + some(60)],
    "aws-key-id": ["ASIA" + some(16, UPPER)],
    "slack-token": ["xoxp-" + some(40), "xapp-1-" + some(40), "xoxe.xoxp-1-" + some(60)],
    "google-key": ["ya29." + some(100), "GOCSPX-" + some(28)],
    "gitlab-token": ["glrt-" + some(20), "gldt-" + some(20)],
    "anthropic-key": ["sk-ant-" + "oat01-" + some(90), "sk-ant-" + "admin01-" + some(90)],
}
FORMS = list(KEYS.items()) + [(kind, key) for kind, keys in MORE.items() for key in keys]
FRAMES = [
    "{}",
    "use {} now",
    "echo '{}'",
    'export X="{}"',
    "a,{},b",
    "[{}]",
    r'"line\n{}\n"',
    "https://h/?k={}&x=1",
]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(("kind", "key"), FORMS)
def test_a_key_is_known_by_its_form_wherever_it_stands(kind: str, key: str, frame: str) -> None:
    clean = redact(frame.format(key))
    assert key not in clean
    assert f"<redacted:{kind}>" in clean
    head, _, tail = frame.partition("{}")
    assert clean.startswith(head)
    assert clean.endswith(tail)


SECRET = some(14)


@pytest.mark.parametrize(
    "text",
    [
        "PASSWORD={}",
        "DB_PASSWORD='{}' psql",
        'export AWS_SECRET_ACCESS_KEY="{}"',
        '{{"api_key": "{}"}}',
        r"{{\"client_secret\": \"{}\"}}",
        "password: {}",
        "apiKey := {}",
        "'token' => '{}'",
        "curl --token {} x",
        "curl --api-key={} x",
        "x-api-key: {}",
        "Authorization: Bearer {}",
        "authorization: token {}",
        '"authorization": "Basic {}"',
        "postgres://bob:{}@db.example.com/x",
        "git clone https://x-access-token:{}@example.com/r.git",
        "curl -u bob:{} x",
        "curl --user 'bob:{}' x",
        "AccountKey={};EndpointSuffix=x",
        "PASSPHRASE={}",
    ],
)
def test_a_secret_is_known_by_its_name(text: str) -> None:
    clean = redact(text.format(SECRET))
    assert SECRET not in clean
    assert "<redacted:" in clean


KEY_LINES = [some(64) for _ in range(6)] + [some(20) + "=="]


@pytest.mark.parametrize("separator", ["\n", "\r\n", r"\n"])
@pytest.mark.parametrize(
    "name", ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
)
def test_a_private_key_is_taken_out_and_its_frame_stays(name: str, separator: str) -> None:
    lines = [f"-----BEGIN {name}-----", *KEY_LINES, f"-----END {name}-----", "after"]
    clean = redact("cat <<E" + separator + separator.join(lines))
    assert not any(line in clean for line in KEY_LINES)
    assert clean.count("<redacted:private-key>") == 1
    assert clean.endswith(f"-----END {name}-----{separator}after")
    cut = redact(separator.join(lines[:4]))
    assert not any(line in cut for line in KEY_LINES)


@pytest.mark.parametrize(
    "text",
    [
        "git show 0123456789abcdef0123456789abcdef01234567",
        "sha256:" + some(64, HEX),
        "max_tokens=4096 tokens: 1200000",
        "the password is asked for; token by token",
        "pip install sk-learn-contrib-project-extras",
        "task-management-system-for-everybody",
        "def redact(token: str) -> None:",
        "ssh me@example.com:/srv/data",
        "http://localhost:8000/a@b",
        "grep -rn 'BEGIN RSA PRIVATE KEY' .",
        "password=$(cat file)",
        "TOKEN=$OTHER make",
        "cut -d: -f1 /etc/passwd",
        "cat: /etc/passwd: Permission denied",
        'can\'t start "/etc/passwd": permission denied',
        "docker run -u 1000:1000 x",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "command",
    [
        'password="$(rm -rf ~)"',
        "password='x'; rm -rf ~; y='",
        'token="abc;rm -rf ~;"',
        "token=abcdefgh;rm -rf ~",
        "secret=abcdefgh&&rm -rf ~",
        "secret=abcdefgh|rm -rf ~",
        "api_key=`rm -rf ~`",
        "https://a:b;rm -rf ~;@h",
        "curl -u 'a:b;rm -rf ~'",
        "echo -----BEGIN PRIVATE KEY-----; rm -rf ~; echo -----END PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{some(64)}\n; rm -rf ~\n{some(64)}\n-----END PRIVATE KEY-----",
        "Bearer abcdefghijklm;rm -rf ~",
        "sk-ant-abcdefghijkl;rm -rf ~",
    ],
)
def test_nothing_that_a_shell_would_do_is_hidden(command: str) -> None:
    assert "rm -rf ~" in redact(command)


def test_values_are_redacted_inside_json_and_by_their_keys() -> None:
    value = {
        "tool": "shell",
        "command": f"PASSWORD={SECRET} make",
        "env": [{"GITHUB_TOKEN": "short"}, {"api-key": 5, "tokens": "many", "key": "of a map"}],
        "n": None,
    }
    assert redact_value(value) == {
        "tool": "shell",
        "command": "PASSWORD=<redacted:secret> make",
        "env": [{"GITHUB_TOKEN": "<redacted:secret>"}, {"api-key": 5, "tokens": "many", "key": "of a map"}],
        "n": None,
    }
    assert redact_value("x" * 100, longest=10) == "x" * 10 + "… (90 letters more)"
    assert KEYS["jwt"][:20] not in redact_value("x" * 20 + KEYS["jwt"], longest=60)


STREAM = (
    f"start {KEYS['anthropic-key']} and {KEYS['jwt']}\nPASSWORD={SECRET}\n"
    + "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *KEY_LINES, "-----END RSA PRIVATE KEY-----"])
    + "\nhttps://a:"
    + SECRET
    + "@h/ end"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_a_stream_is_redacted_wherever_it_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    out: list[str] = []
    redactor = Redactor(out.append)
    for begin, end in pairwise(places):
        redactor.feed(STREAM[begin:end])
    redactor.close()
    assert "".join(out) == redact(STREAM)


def test_a_stream_holds_a_line_back_and_no_more_than_that() -> None:
    text = ("x" * 11 + KEYS["github-token"] + ",") * 3000
    out: list[str] = []
    redactor = Redactor(out.append)
    for at in range(0, len(text), 501):
        redactor.feed(text[at : at + 501])
    assert out == []
    redactor.feed("\nmore")
    assert "".join(out) == redact(text + "\n")
    for _ in range(LONGEST_LINE // 10_000):
        redactor.feed("y" * 10_000)
    assert len("".join(out)) > LONGEST_LINE
    redactor.close()
    assert "".join(out) == redact(text + "\nmore" + "y" * (LONGEST_LINE // 10_000 * 10_000))


@given(st.text())
def test_redacting_again_changes_nothing(text: str) -> None:
    once = redact(text + f" PASSWORD={SECRET} ")
    assert redact(once) == once


@pytest.mark.parametrize(
    "unit",
    [
        "sk-ant-",
        "password=",
        "eyJa.",
        "://",
        "-u ",
        "key ",
        "a@b://c:",
        "-----BEGIN PRIVATE KEY-----\n",
        "A" * 50,
    ],
)
def test_no_text_takes_for_ever(unit: str) -> None:
    import time

    begun = time.process_time()
    redact(unit * (200_000 // len(unit)))
    assert time.process_time() - begun < 2.0
