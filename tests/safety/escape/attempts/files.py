"""Writing, renaming, linking and marking files that are not the worker's."""

from __future__ import annotations

from tests.safety.escape.attempts.shape import Attempt, python, shell

ATTEMPTS: tuple[Attempt, ...] = (
    shell("write outside, in the home", 'echo "$P_TOKEN" > "$P_OUT/new"'),
    shell("write outside, elsewhere", 'echo "$P_TOKEN" > "$P_OPEN/new"'),
    shell("append outside", 'echo "$P_TOKEN" >> "$P_OPEN/file"\necho "$P_TOKEN" >> "$P_OUT/file"'),
    shell("truncate outside", ': > "$P_OPEN/file"\ntruncate -s 0 "$P_OPEN/file" "$P_OUT/file"'),
    shell("delete outside", 'rm -f "$P_OPEN/file" "$P_OUT/file"'),
    shell("delete a directory outside", 'rm -rf "$P_OPEN/dir" "$P_OUT/dir"'),
    shell("rename outside", 'mv "$P_OPEN/file" "$P_OPEN/renamed"\nmv "$P_OUT/file" "$P_OUT/renamed"'),
    shell("move out of outside", 'mv "$P_OPEN/file" "$P_WT/taken-$$"'),
    shell("change the mode outside", 'chmod 777 "$P_OPEN/file" "$P_OUT/file"'),
    shell("change the times outside", 'touch -d 2001-01-01 "$P_OPEN/file" "$P_OUT/file"'),
    python(
        "set an attribute outside",
        'os.setxattr(OPEN + "/file", "user.pan", TOKEN.encode())',
        control="maybe",
    ),
    shell("change the owner outside", 'chown 12345:12345 "$P_OPEN/file"', control="root"),
    shell(
        "write through a symlink in the tree",
        'ln -s "$P_OPEN" a-link\necho "$P_TOKEN" > a-link/new\nrm a-link',
    ),
    shell(
        "write through a symlink to a file",
        'ln -s "$P_OPEN/file" f-link\necho "$P_TOKEN" > f-link\nrm f-link',
    ),
    shell("write through a hard link", 'ln "$P_OPEN/file" h-link && echo "$P_TOKEN" >> h-link\nrm -f h-link'),
    python(
        "write through linkat with an open descriptor",
        """
fd = os.open(OPEN + "/file", os.O_RDONLY)
result, wrong = call(265, 37, -100, f"/proc/self/fd/{fd}".encode(), -100, (WT + "/linked").encode(), 0x400)
if result == 0:
    open(WT + "/linked", "a").write(TOKEN)
    os.unlink(WT + "/linked")
""",
    ),
    python(
        "reopen a readable descriptor for writing",
        """
fd = os.open(OPEN + "/file", os.O_RDONLY)
os.write(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_APPEND), TOKEN.encode())
""",
    ),
    shell("dots upwards", 'echo "$P_TOKEN" > "$P_WT/../../open/${P_OPEN##*/}/new"'),
    shell("through the root of process 1", 'echo "$P_TOKEN" > "/proc/1/root$P_OPEN/new"', control="maybe"),
    shell("through the root of oneself", 'echo "$P_TOKEN" > "/proc/self/root$P_OPEN/new"'),
    shell(
        "through the root of every process",
        """
for p in /proc/[0-9]*; do echo "$P_TOKEN" > "$p/root$P_OUT/new"; done 2>/dev/null
""",
    ),
    python(
        "through the directories and files that others have open",
        """
for link in glob.glob("/proc/[0-9]*/cwd") + glob.glob("/proc/[0-9]*/fd/*"):
    try:
        target = os.readlink(link)
        if not (target + "/").startswith(BASE) or (target + "/").startswith(WT + "/"):
            continue
        up = os.path.relpath(OUT, target) if os.path.isdir(link) else None
        if up is not None:
            open(os.path.join(link, up, "new"), "w").write(TOKEN)
        elif target.startswith(BASE + "/held"):
            open(link, "a").write(TOKEN)
    except OSError:
        pass
""",
        control="maybe",
    ),
    python(
        "inherited descriptors",
        """
for fd in range(3, 256):
    try:
        os.write(fd, (TOKEN + "\\n").encode())
    except OSError:
        pass
""",
    ),
    python(
        "inherited directories",
        """
for fd in range(3, 256):
    try:
        os.write(os.open("new", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd), TOKEN.encode())
    except OSError:
        pass
""",
    ),
    python(
        "out of a changed root",
        """
os.mkdir("jail-" + TOKEN)
fd = os.open("/", os.O_RDONLY)
os.chroot("jail-" + TOKEN)
os.fchdir(fd)
for _ in range(50):
    os.chdir("..")
os.chroot(".")
open(OPEN + "/new", "w").write(TOKEN)
""",
        control="root",
    ),
    shell(
        "remount writable",
        """
mount -o remount,rw /
mount -o remount,rw,bind "$P_OPEN"
echo "$P_TOKEN" > "$P_OPEN/new"
""",
    ),
    shell(
        "remount in a namespace of its own",
        """unshare -Urm sh -c 'mount -o remount,rw,bind / ; echo "$P_TOKEN" > "$P_OPEN/new"'""",
        control="maybe",
    ),
    shell(
        "unmount what hides the home",
        """
umount -l "$P_HOME"
umount "$P_HOME"
echo "$P_TOKEN" > "$P_OUT/new"
""",
        lane="unmount",
    ),
    python(
        "mount by the new calls",
        """
tree, wrong = call(428, 428, -100, OPEN.encode(), 1)
if tree >= 0:
    class Attr(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clr", "propagation", "fd")]
    attr = Attr(0, 1, 0, 0)
    call(442, 442, tree, b"", 0x1000, ctypes.byref(attr), ctypes.sizeof(attr))
    fd = os.open("new", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=tree)
    os.write(fd, TOKEN.encode())
""",
        control="root",
    ),
    python(
        "open by handle",
        """
class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]
kind, data = E["P_HANDLE"].split(":")
raw = bytes.fromhex(data)
handle = Handle(len(raw), int(kind), (ctypes.c_ubyte * 128)(*raw))
mount = os.open(WT, os.O_RDONLY)
fd, wrong = call(304, 265, mount, ctypes.byref(handle), os.O_RDONLY)
if fd >= 0:
    print(os.read(fd, 1000))
""",
        control="root",
    ),
    shell("a set-uid copy by chmod", "cp /bin/true suid-a\nchmod 4755 suid-a"),
    shell("a set-gid copy by install", "install -m 2755 /bin/true suid-b"),
    python(
        "set-uid by fchmod",
        'fd = os.open("suid-c", os.O_CREAT | os.O_WRONLY, 0o755)\nos.fchmod(fd, 0o4755)',
    ),
    python(
        "set-uid by fchmodat",
        'open("suid-d", "w")\nos.chmod("suid-d", 0o6755, dir_fd=os.open(".", os.O_RDONLY))',
    ),
    python(
        "set-uid by fchmodat2",
        'open("suid-e", "w")\nprint(call(452, 452, -100, b"suid-e", 0o4755, 0))',
        control="maybe",
    ),
    python("set-uid by the mode of open", 'os.umask(0)\nos.open("suid-f", os.O_CREAT | os.O_WRONLY, 0o4755)'),
    python("set-uid by creat", 'os.umask(0)\nlibc.creat(b"suid-g", 0o4755)'),
    python("set-uid by mknod", 'import stat\nos.umask(0)\nos.mknod("suid-h", stat.S_IFREG | 0o4755)'),
    python(
        "set-uid by openat2",
        """
os.umask(0)
how = struct.pack("QQQ", os.O_CREAT | os.O_WRONLY, 0o4755, 0)
print(call(437, 437, -100, b"suid-i", how, 24))
""",
    ),
    python("set-gid on a directory", 'os.mkdir("suid-j")\nos.chmod("suid-j", 0o2777)'),
    shell(
        "set-uid out of an archive",
        """
touch suid-k
chmod 755 suid-k
tar --mode=4755 -cf k.tar suid-k
rm suid-k
tar -xpf k.tar
rm k.tar
""",
    ),
    python(
        "a capability on a file",
        """
open("cap-a", "w")
os.setxattr("cap-a", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 7, 0, 0, 0))
""",
        control="root",
    ),
    shell("a block device node", "mknod node-a b 7 0", control="root"),
    shell("a character device node", "mknod node-b c 1 1", control="root"),
    shell(
        "the operator's start files",
        """
for f in .bashrc .profile .zshrc .gitconfig .npmrc .ssh/authorized_keys .config/autostart/x .local/bin/git; do
mkdir -p "$P_HOME/$(dirname $f)"
echo "# $P_TOKEN" >> "$P_HOME/$f"
done
""",
    ),
    shell(
        "the agents' settings in the home",
        """
for f in .claude/settings.json .codex/config.toml .gemini/settings.json .copilot/config.json \\
.config/opencode/opencode.json
do
mkdir -p "$P_HOME/$(dirname $f)"
echo "$P_TOKEN" >> "$P_HOME/$f"
done
""",
    ),
    shell(
        "PanCode's audit log and rules",
        'echo "$P_TOKEN" >> "$P_PANHOME/audit.jsonl"\necho "# $P_TOKEN" >> "$P_PANHOME/pansafety.yaml"',
    ),
    shell("another run's folder", 'echo "$P_TOKEN" >> "$P_PANHOME/projects/other/runs/r1/events.jsonl"'),
    shell("another project", 'echo "$P_TOKEN" >> "$P_HOME/other/main.py"'),
    shell("PanCode's own code", 'test -w "$P_CODE/worker/shim.py" && echo "GOT $P_TOKEN"', control="maybe"),
    shell("the machine's shared memory", 'echo "$P_TOKEN" > "/dev/shm/$P_SHM/new"'),
    shell("the machine's temporary files", 'echo "$P_TOKEN" > "$P_TMP/new"'),
    shell(
        "directories of the system",
        """
if [ "$P_INSIDE" ]; then
for d in /etc /usr /usr/bin /usr/local/bin /var /opt /srv /mnt /home /root /run; do
echo "$P_TOKEN" > "$d/$P_TOKEN"
done
fi
""",
        control="no",
    ),
)
