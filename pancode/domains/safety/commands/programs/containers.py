"""Judges clients of container engines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Judge,
    Run,
    Word,
    destroys,
    named,
    plain,
    system,
)
from pancode.domains.safety.commands.hosts import host_of, reaching
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.registry import published
from pancode.domains.safety.commands.touching import reading, writing

_GLOBAL = named(
    "H host c context config l log-level f file p project-name profile env-file project-directory ansi"
)
_RUN = named(
    "v volume e env w workdir u user p publish name network net entrypoint mount env-file h hostname m"
    " memory cpus l label a"
    " platform add-host ip link restart device cap-add cap-drop security-opt pid ipc uts userns tmpfs"
    " ulimit shm-size gpus"
    " log-driver cidfile runtime cgroup-parent volumes-from expose dns group-add isolation index T_ scale"
    " pull stop-timeout"
)
_LOSES = re.compile(
    r"(system|builder|container|image|network|volume|buildx)? ?prune.*|volume (rm|remove)|system reset"
    r"|(image )?(rmi|rm) .*-a.*"
    r"|swarm leave|stack (rm|down)|service rm|secret rm|machine rm|pod rm|buildx rm|context rm|plugin rm"
    r"|node rm|network rm"
)


def _docker(call: Call) -> Iterator[Effect]:
    found = split(call.args, _GLOBAL, stop=True)
    if found.has("H", "host", "context", "c"):
        yield system("container-daemon", "talks to another container daemon")
    words = list(call.args[found.rest :])
    if words and words[0].text == "compose":
        yield from _compose(Call(tuple(words), call.scene, call.stdin))
        return
    if words and words[0].text in ("container", "image") and words[1:]:
        words = words[1:]
    verb = words[0].text if words else ""
    yield from _verb(verb, words, call)
    yield plain(ActionClass.BASH_EXEC, "works with containers", "container")


def _verb(verb: str, words: list[Word], call: Call) -> Iterator[Effect]:
    if verb in ("run", "create"):
        yield from _runs(words[1:], call)
    elif verb == "exec":
        inner = split(words[1:], _RUN, stop=True)
        if inner.has("privileged"):
            yield system("container-escape", "gives a container rights over the machine")
        yield from _within(tuple(words[1:][inner.rest :])[1:])
    elif verb in ("build", "bake", "buildx"):
        yield from _builds(words)
    elif verb == "cp":
        for word in words[1:]:
            if ":" not in word.text:
                spot = locate(word, call.scene)
                yield reading(spot) if word is words[1] else writing(spot)
    else:
        yield from _loses(verb, words)


def _builds(words: list[Word]) -> Iterator[Effect]:
    if any(word.text == "--push" or "type=registry" in word.text for word in words):
        yield published("publishes an image")
    for word in words[1:]:
        if re.match(r"(https?|git|ssh)://|git@", word.text):
            yield reaching(host_of(word.text), "builds what is fetched from")


def _loses(verb: str, words: list[Word]) -> Iterator[Effect]:
    text = " ".join(word.text for word in words)
    forced = any(re.match(r"-\w*f|--force", word.text) for word in words) or DYNAMIC in text
    if verb == "push":
        yield published("publishes an image")
    elif verb in ("rm", "rmi", "kill") and forced:
        yield destroys("container", "removes containers or images by force")
    elif _LOSES.match(text):
        yield destroys("container", f'"{text[:40]}" deletes what containers hold')
    elif verb in ("login", "logout"):
        yield Finding(ActionClass.NETWORK_UNLISTED, "account", "changes an account at a registry")
    elif verb in ("pull", "load", "import", "search"):
        yield plain(ActionClass.NETWORK, "fetches images", "install")
    elif verb in ("swarm", "plugin", "context", "update", "daemon"):
        yield system("container-daemon", "changes the container daemon")


def _within(words: tuple[Word, ...]) -> Iterator[Effect]:
    """Judge a command inside a container: its paths are the container's, but its data is somebody's."""
    if not words:
        return
    name = words[0].text.rsplit("/", 1)[-1]
    if name in ("ls", "cat", "echo", "env", "printenv", "ps", "id", "pwd", "tail", "head", "grep", "find"):
        yield plain(ActionClass.BASH_EXEC, "looks into a container", "container")
    else:
        yield Run(words)


def _runs(words: list[Word], call: Call) -> Iterator[Effect]:
    found = split(words, _RUN, stop=True)
    joined = " ".join(word.text for word in words)
    if found.has("privileged", "cap-add", "device", "security-opt") or re.search(
        r"--(pid|net|network|ipc|uts|userns)[= ]host|docker\.sock|containerd\.sock", joined
    ):
        yield system("container-escape", "gives a container rights over the machine")
    for value in found.values("v", "volume"):
        source = value.text.partition(":")[0]
        if source.startswith(("/", "~", ".", "\0")):
            yield from _mounted(Word(source), call, readonly=value.text.endswith(":ro"))
    for value in found.values("mount"):
        match = re.search(r"(?:src|source)=([^,]*)", value.text)
        if match:
            yield from _mounted(Word(match.group(1)), call, readonly="readonly" in value.text)
    image = words[found.rest].text if found.rest < len(words) else ""
    host = image.partition("/")[0]
    if (
        "." in host
        and "/" in image
        and host not in ("ghcr.io", "quay.io", "docker.io", "mcr.microsoft.com", "gcr.io")
    ):
        yield reaching(host.partition(":")[0], "takes an image from")
    for value in found.values("entrypoint"):
        yield Run((value, *words[found.rest + 1 :]))
    yield from _within(tuple(words[found.rest + 1 :]))


def _mounted(word: Word, call: Call, *, readonly: bool) -> Iterator[Finding]:
    spot = locate(word, call.scene)
    yield reading(spot)
    if spot.zone in ("system", "home", "outside") and not readonly:
        yield system("container-escape", f'gives a container "{spot.shown}"')
    elif spot.zone == "system" and spot.path in ("/", "/etc", "/var", "/home", "/root"):
        yield system("container-escape", f'shows a container "{spot.shown}"')


def _compose(call: Call) -> Iterator[Effect]:
    words = list(call.args)
    found = split(words, _GLOBAL, stop=True)
    words = words[found.rest :]
    verb = words[0].text if words else ""
    rest = words[1:]
    inner = split(rest, _RUN, stop=True)
    if verb in ("exec", "run"):
        yield from _within(tuple(rest[inner.rest :][1:]))
        for value in inner.values("v", "volume"):
            yield from _mounted(Word(value.text.partition(":")[0]), call, readonly=value.text.endswith(":ro"))
    elif verb == "down" and any(re.fullmatch(r"-\w*v\w*|--volumes|--rmi.*", word.text) for word in rest):
        yield destroys("container", "deletes the volumes of containers")
    elif verb == "rm" and any(re.match(r"-\w*[vsf]|--(volumes|force|stop)", word.text) for word in rest):
        yield destroys("container", "removes containers by force")
    elif verb in ("push", "publish"):
        yield published("publishes images")
    yield plain(ActionClass.BASH_EXEC, "works with containers", "container")


def _compose_program(call: Call) -> Iterator[Effect]:
    yield from _compose(call)


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(named("docker podman nerdctl buildah finch"), _docker),
    **dict.fromkeys(("docker-compose", "podman-compose"), _compose_program),
}
