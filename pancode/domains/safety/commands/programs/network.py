"""Judges programs that talk to other hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Feed,
    Finding,
    Judge,
    Script,
    Word,
    destroys,
    named,
    plain,
    system,
    unclear,
)
from pancode.domains.safety.commands.hosts import host_of, reaching, sending
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.options import Options, split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.touching import reading, writing

_CURL = named(
    "A b c C d D e E F G_ H K m o r t T u U w x X y Y z Q P url data data-raw data-binary data-urlencode"
    " data-ascii form"
    " form-string json upload-file output user header request config max-time connect-timeout retry"
    " retry-delay proxy"
    " preproxy socks5 socks5-hostname resolve connect-to unix-socket abstract-unix-socket cacert cert key"
    " write-out"
    " user-agent referer cookie cookie-jar range interface output-dir doh-url limit-rate dump-header"
    " netrc-file"
    " trace trace-ascii stderr variable expand-url aws-sigv4 etag-save hsts"
)
_UPLOADS = named(
    "d data data-raw data-binary data-urlencode data-ascii F form json T upload-file form-string"
)
_VERB = named("DELETE PUT PATCH POST")


def _curl(call: Call) -> Iterator[Effect]:
    found = split(call.args, _CURL)
    for value in found.values("K", "config"):
        yield unclear(f'takes its options from "{value.text}"')
    for value in found.values("unix-socket", "abstract-unix-socket"):
        yield system("socket", f'talks to the service behind "{value.text}"')
    for value in found.values(
        "o", "output", "D", "dump-header", "c", "cookie-jar", "trace", "trace-ascii", "stderr"
    ):
        yield writing(locate(value, call.scene))
    for value in found.values("x", "proxy", "preproxy", "socks5", "socks5-hostname", "doh-url"):
        host = host_of(value.text if "//" in value.text else f"//{value.text}")
        yield Finding(
            ActionClass.NETWORK_UNLISTED, "proxy", "sends everything through another host", (), (host,)
        )
    for value in found.values("connect-to", "resolve"):
        yield sending(re.sub(r":\d*$", "", value.text).rsplit(":", 1)[-1].strip("[]").lower(), "the request")
    for value in found.values("netrc-file", "key"):
        yield reading(locate(value, call.scene))
    urls = [word.text for word in (*found.operands, *found.values("url"))]
    yield from _urls(call, urls, found, _sent(found))
    for value in found.values("o", "output"):
        _downloads(locate(value, call.scene).path, call)
    if found.has("O", "remote-name", "J"):
        for url in urls:
            _downloads(locate(Word(url.split("?")[0].rsplit("/", 1)[-1]), call.scene).path, call)


def _downloads(path: str, call: Call) -> None:
    if path:
        call.scene.files[path] = Feed(taint="remote")


def _sent(found: Options) -> str:
    """Say in a few words what is sent, "" if it is nothing."""
    for value in found.values(*_UPLOADS):
        if "@" in value.text and (value.text.startswith("@") or "=@" in value.text or "d@" in value.text):
            return "a file"
        return "data"
    method = found.value("X", "request")
    return "a change" if method and method.text.upper() in _VERB else ""


def _urls(call: Call, urls: list[str], found: Options, sent: str) -> Iterator[Finding]:
    for value in found.values(*_UPLOADS):
        name = value.text.partition("@")[2]
        if name and name != "-":
            yield reading(locate(Word(name.split(";")[0]), call.scene))
        elif found.has("T", "upload-file") and value.text not in ("-", "."):
            yield reading(locate(value, call.scene))
    for url in urls:
        host = host_of(url)
        if url.startswith("file:"):
            yield reading(locate(Word(url[5:].replace("//localhost", "")), call.scene))
        elif sent:
            yield sending(host, sent)
        else:
            yield reaching(host if DYNAMIC not in url.split("/")[0] else "")
        if (
            sent == "a change"
            and re.search(r"(?i)(_all|:9200/|:5984/|/index/|:8086/)", url)
            and "DELETE" in " ".join(call.texts)
        ):
            yield destroys("data-store", "deletes data by a request")
    if not urls:
        yield reaching(DYNAMIC)


def _wget(call: Call) -> Iterator[Effect]:
    values = named(
        "O o a P i e U t T w Q header output-document output-file append-output directory-prefix input-file"
        " execute"
        " post-data post-file body-data body-file method user-agent timeout tries user password use-askpass"
        " proxy"
    )
    found = split(call.args, values)
    for value in found.values("e", "execute", "use-askpass", "i", "input-file"):
        yield unclear(f'takes "{value.text}" as settings or addresses')
    for value in found.values("O", "o", "a", "P", "output-document", "output-file", "directory-prefix"):
        if value.text != "-":
            yield writing(locate(value, call.scene))
    for value in found.values("post-file", "body-file"):
        yield reading(locate(value, call.scene))
    sent = "data" if found.has("post-data", "post-file", "body-data", "body-file", "method") else ""
    urls = [word.text for word in found.operands]
    yield from _urls(call, urls, found, sent)
    names = found.values("O", "output-document") or [
        Word(url.split("?")[0].rsplit("/", 1)[-1]) for url in urls
    ]
    for name in names:
        if name.text != "-":
            _downloads(locate(name, call.scene).path, call)


_TAKES = {
    **dict.fromkeys(("wrk", "wrk2", "hey", "oha"), named("d H T R z")),
    "grpcurl": named("d H proto import-path"),
    **dict.fromkeys(("http", "https", "xh"), named("a A o")),
}
"""Options with a value of single programs."""

_ONE_ADDRESS = frozenset(named("http https xh httpie grpcurl wrk wrk2 hey oha ab websocat"))
_METHOD = re.compile(r"[A-Z]+")


def _talks(call: Call) -> Iterator[Effect]:
    """Judge programs whose first operand is a host."""
    found = split(
        call.args,
        (*named("c i s w W t p I l q connect cert key servername h n m f b P k"), *_TAKES.get(call.name, ())),
    )
    for line in (call.stdin.text or "").splitlines():
        if line.lstrip().startswith("!"):
            yield Script(line.lstrip()[1:])
    words = found.values("c", "connect") if call.name == "wscat" else found.operands
    hosts = [word.text.lstrip("@") for word in words if word.text.isascii()] or [""]
    if call.name in _ONE_ADDRESS:
        hosts = [host for host in hosts if not _METHOD.fullmatch(host)][:1] or [""]
        hosts = [f"localhost{host}" if re.match(r":\d*(/|$)", host) else host for host in hosts]
    sends = call.name in (
        "telnet",
        "sftp",
        "ftp",
        "lftp",
        "tftp",
        "rlogin",
        "rsh",
        "mail",
        "mailx",
        "sendmail",
        "mutt",
    )
    for host in hosts[:2]:
        bare = host_of(host if "//" in host else f"//{host}")
        if re.fullmatch(r"(?i)a|aaaa|mx|txt|ns|any|soa|\+\w+|cname|srv|-?\d+", host):
            continue
        yield sending(bare, "data") if sends else reaching(bare)


def _openssl(call: Call) -> Iterator[Effect]:
    texts = call.texts
    for at, text in enumerate(texts[:-1]):
        if text in ("-in", "-inkey", "-key", "-keyin") and texts[at + 1] != "-":
            yield reading(locate(Word(texts[at + 1]), call.scene))
        elif text in ("-out", "-keyout"):
            yield writing(locate(Word(texts[at + 1]), call.scene))
        elif text == "-connect":
            yield sending(texts[at + 1].rsplit(":", 1)[0].lower(), "data")
        elif text in ("-engine", "-provider-path", "-config"):
            yield system("poison", "loads code or settings into openssl")
    if texts[:1] == ["s_server"]:
        yield Finding(ActionClass.NETWORK_UNLISTED, "tunnel", "listens for others")
    yield plain(ActionClass.FILE_READ, "computes")


def _tunnels(call: Call) -> Iterator[Effect]:
    if set(call.texts) & {"--version", "version", "--help", "help"}:
        yield plain(ActionClass.FILE_READ, "only looks")
        return
    yield Finding(ActionClass.NETWORK_UNLISTED, "tunnel", "opens a way from or to this machine")


def _opens(call: Call) -> Iterator[Effect]:
    """Judge what hands an address or a file to a program of the desktop."""
    for word in call.args:
        if "://" in word.text and not word.text.startswith("file:"):
            yield reaching(host_of(word.text), "opens")
    yield plain(ActionClass.BASH_EXEC, "opens something on the desktop")


def _rclone(call: Call) -> Iterator[Effect]:
    if re.search(r"\b(delete|purge|sync|move|rmdirs?|cleanup|del|rb|rm|mv)\b", " ".join(call.texts[:2])):
        yield destroys("cloud", "deletes or replaces what is stored elsewhere")
    if not set(call.texts) & {"ls", "lsd", "lsf", "version", "--help", "listremotes", "size", "la"}:
        yield Finding(ActionClass.NETWORK_UNLISTED, "upload", "copies files to or from elsewhere")
    yield plain(ActionClass.NETWORK, "lists what is stored elsewhere", "connect")


_TUNNELS = named(
    "ngrok cloudflared localtunnel lt bore serveo chisel frpc frps frp gist pastebinit ix termbin 0x0"
    " transfer.sh tailscale"
    " zerotier-cli wormhole croc magic-wormhole transfer openvpn wg wg-quick tor torify sshuttle xmrig minerd"
)
JUDGES: dict[str, Judge] = {
    "curl": _curl,
    **dict.fromkeys(("wget", "wget2"), _wget),
    **dict.fromkeys(
        named("telnet ping ping6 traceroute mtr dig nslookup host whois nmap http https xh httpie aria2c"),
        _talks,
    ),
    **dict.fromkeys(
        named("sftp ftp lftp tftp rlogin rsh mail mailx sendmail mutt msmtp swaks lynx w3m links elinks"),
        _talks,
    ),
    **dict.fromkeys(
        named("websocat wscat grpcurl axel tcpdump masscan hping3 snmpwalk ab wrk wrk2 hey oha drill arping"),
        _talks,
    ),
    "openssl": _openssl,
    **dict.fromkeys(
        named("xdg-open open sensible-browser x-www-browser gnome-open kde-open wslview start"), _opens
    ),
    **dict.fromkeys(_TUNNELS, _tunnels),
    **dict.fromkeys(named("rclone s3cmd s5cmd mc b2 azcopy restic borg duplicity"), _rclone),
}
