"""Judges programs that change the machine, its services, other processes or PanCode itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Judge,
    named,
    plain,
    system,
)
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.programs.processes import ASKS, always
from pancode.domains.safety.commands.touching import reading, writing


def _mount(call: Call) -> Iterator[Effect]:
    named_none = not [text for text in call.texts if not text.startswith("-")]
    if call.name == "mount" and (named_none or call.texts[:1] == ["-l"]):
        yield plain(ActionClass.FILE_READ, "lists what is mounted")
    else:
        yield system("mount", "changes what is mounted")


_PACKAGES_LOOK = re.compile(
    r"list|search|show|info|policy|depends|rdepends|why|outdated|-[lLsS]|-l\w*|--list|-Q\w*|-q\w*|--version"
    r"|config|doctor|deps|home|download|check|contents|files|leaves"
)


def _machine_packages(call: Call) -> Iterator[Effect]:
    words = [text for text in call.texts if not re.fullmatch(r"-[yq]+|--\w[\w-]*(=.*)?", text)]
    if (
        (words and _PACKAGES_LOOK.fullmatch(words[0]))
        or not call.args
        or "--version" in call.texts
        or "--dry-run" in call.texts
    ):
        yield plain(ActionClass.FILE_READ, "looks at installed packages")
    else:
        yield system("machine-packages", "changes what is installed on the machine")


def _settings(call: Call) -> Iterator[Effect]:
    """Judge programs that print a setting of the machine, or change it if they are told a value."""
    words = [text for text in call.texts if not text.startswith("-")]
    sets = {"-w", "-p", "--system", "write", "delete", "-F", "-A", "-D", "-I"} & set(call.texts)
    changes = re.search(
        r"\b(set\w*|set-\w+|add|del|delete|up|down|flush|change|replace|enable|disable|reset|allow|deny"
        r"|insert|import|write|append|unset)\b",
        " ".join(words),
    )
    if sets or changes or any("=" in word for word in words):
        yield system("settings", "changes settings of the machine")
    else:
        yield plain(ActionClass.FILE_READ, "looks at settings of the machine")


_OWN_LOOKS = re.compile(
    r"status|list|ls|show|help|--help|--version|ledger|spend|doctor|classify|explain|transcript|logs|diff"
    r"|audit|runs"
)


def _pancode(call: Call) -> Iterator[Effect]:
    words = [text for text in call.texts if not text.startswith("-")]
    if (not words and not call.texts) or (
        call.texts[:1] and _OWN_LOOKS.fullmatch(call.texts[0]) and not words[2:]
    ):
        yield plain(ActionClass.FILE_READ, "asks PanCode")
    elif words[:1] in (["dispatch"], ["run"], ["send"]):
        yield Finding(ActionClass.AGENT_DISPATCH, "dispatch", "starts another worker")
    elif words[:2] in (["safety", "classify"], ["safety", "explain"]):
        yield plain(ActionClass.FILE_READ, "asks PanCode")
    else:
        yield system("pancode", "changes what PanCode allows, or what others run")


def _agent(call: Call) -> Iterator[Effect]:
    if call.texts and all(ASKS.fullmatch(text) for text in call.texts):
        yield plain(ActionClass.FILE_READ, "only looks")
    elif {"config", "mcp", "login", "logout", "auth", "update", "plugin", "setup-token", "install"} & set(
        call.texts[:1]
    ):
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", "changes the settings of an agent")
    else:
        yield system("other-agent", "starts an agent that PanCode does not know")


def _editor(call: Call) -> Iterator[Effect]:
    """Judge editors with windows: what is installed into them runs whenever they do."""
    if any(text.startswith(("--install-extension", "--uninstall-extension")) for text in call.texts):
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", "changes what an editor loads")
    yield plain(ActionClass.BASH_EXEC, "opens an editor")


def _ssh_keys(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("t b C N P f a m O I s n V D w"))
    if call.name == "ssh-agent":
        yield plain(ActionClass.BASH_EXEC, "starts an agent for keys")
        return
    if call.name == "ssh-add":
        if not found.has("l"):
            yield Finding(ActionClass.SECRET_READ, "secret-tool", "loads, prints or removes keys")
        return
    if call.name == "ssh-copy-id":
        yield Finding(ActionClass.NETWORK_UNLISTED, "upload", "opens another account to a key")
        return
    for value in found.values("f"):
        spot = locate(value, call.scene)
        looks = found.has("l", "F", "B") or value.text.endswith(".pub")
        yield reading(spot) if looks or found.has("y", "e") else writing(spot)
    if not found.has("f", "l"):
        yield system("write-persistent", "makes keys in the home")
    yield plain(ActionClass.FILE_WRITE, "works with keys", "write")


def _looks(call: Call) -> Iterator[Effect]:
    yield plain(ActionClass.FILE_READ, f'"{call.name}" only looks')


_GROUPS: tuple[tuple[str, Callable[[Call], Iterator[Effect]]], ...] = (
    (
        "pkill killall killall5 skill snice xkill kill-port killport fkill fkill-cli slay",
        always("kill", "ends processes of others"),
    ),
    (
        "shutdown reboot halt poweroff init telinit kexec pm-suspend rtcwake",
        always("power", "stops the machine"),
    ),
    (
        "mkfs mkswap fdisk sfdisk cfdisk parted gdisk sgdisk mke2fs resize2fs tune2fs e2fsck fsck",
        always("device", "changes a device"),
    ),
    (
        "mkfs.ext4 mkfs.ext3 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat wipefs blkdiscard hdparm nvme",
        always("device", "changes a device"),
    ),
    (
        "cryptsetup lvremove vgremove pvremove lvcreate mdadm zpool zfs btrfs losetup mknod dmsetup",
        always("device", "changes a device"),
    ),
    ("diskutil hdiutil asr newfs diskpart badblocks", always("device", "changes a device")),
    ("insmod modprobe rmmod depmod bpftool bpftrace kmod", always("kernel", "changes the kernel")),
    (
        (
            "useradd userdel usermod adduser deluser groupadd groupdel groupmod passwd chpasswd chage gpasswd"
            " vipw visudo chsh chfn newgrp login su-exec gosu newuidmap"
        ),
        always("account", "changes accounts"),
    ),
    (
        "iptables ip6tables nft ufw firewall-cmd ebtables ipset arptables",
        always("firewall", "changes the firewall"),
    ),
    (
        (
            "setcap chattr setfattr swapon swapoff pivot_root setenforce apparmor_parser aa-disable"
            " aa-complain"
            " auditctl semanage"
        ),
        always("settings", "changes rights of the machine"),
    ),
    (
        (
            "update-alternatives ldconfig update-rc.d chkconfig grub-install update-grub efibootmgr debconf"
            " dpkg-reconfigure"
        ),
        always("settings", "changes the machine"),
    ),
    (
        "gcore reptyr ptrace pstack py-spy criu dbus-send busctl gdbus xdotool wmctrl ydotool",
        always("other-process", "reaches into other processes"),
    ),
    ("logrotate", always("logs", "moves or deletes logs of the machine")),
    ("batch atd anacron", always("schedule", "plans work for later")),
    ("mount umount fusermount fusermount3 sshfs", _mount),
    (
        (
            "apt apt-get aptitude dpkg yum dnf rpm zypper pacman apk emerge snap flatpak brew port choco"
            " winget"
            " scoop pkg xbps-install"
        ),
        _machine_packages,
    ),
    (
        (
            "sysctl hostnamectl timedatectl localectl networkctl ip ifconfig route nmcli resolvectl ethtool"
            " defaults scutil gsettings dconf tc iw"
        ),
        _settings,
    ),
    ("pancode", _pancode),
    (
        (
            "claude codex gemini opencode cursor-agent aider copilot goose-agent amp crush cline droid auggie"
            " qwen"
        ),
        _agent,
    ),
    ("code codium code-insiders cursor windsurf zed subl idea", _editor),
    ("ssh-keygen ssh-add ssh-agent ssh-copy-id", _ssh_keys),
    ("renice", always("other-process", "changes the rank of processes")),
    ("write wall mesg", always("other-process", "writes to terminals of others")),
    ("wslpath lsb_release sar dmidecode", _looks),
)


JUDGES: dict[str, Judge] = {name: judge for names, judge in _GROUPS for name in named(names)}
