"""Looks for the token, and for something to do, as another user; test_neighbours.py runs it.

It is handed to Python on its standard input, with a call of `main` below it: so the token, which
has to be known to be found, stands nowhere but in its own memory.
"""

import contextlib
import ctypes
import errno
import json
import os
import pathlib
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

FOLDERS = ("/etc", "/run", "/var", "/tmp", "/dev/shm", "/home", "/root", "/srv", "/opt")
TRUSTED = (
    "/etc",
    "/etc/hakeeper",
    "/etc/keepalived",
    "/etc/systemd/system",
    "/etc/tmpfiles.d",
    "/etc/dbus-1/system.d",
    "/etc/ssl/certs",
    "/run",
    "/run/credentials",
    "/run/credentials/hakeeper.service",
    "/run/hakeeper",
    "/run/hakeeper/daemon",
    "/run/systemd/system",
    "/usr/bin",
    "/usr/lib/hakeeper",
    "/usr/lib/hakeeper/hakeeper",
    "/usr/lib/python3/dist-packages",
    "/usr/lib/systemd/system",
    "/var/lib",
    "/var/lib/hakeeper",
)
"""Where the service, keepalived, or root on their behalf, open something by its name."""
FIFO = "/run/hakeeper/notify.fifo"
CONTROL = "/run/hakeeper/daemon/control.sock"
UNIT = "/org/freedesktop/systemd1/unit/hakeeper_2eservice"
MANAGER = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
OF_ITS_OWN = ("environ", "auxv", "maps", "smaps", "mem", "pagemap", "stack", "syscall", "io")
"""Files of /proc/PID that are nobody else's business."""
PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
RENAME_EXCHANGE = 2
AT_FDCWD = -100
PROCESS_VM_READV, PIDFD_OPEN, PIDFD_GETFD = 310, 434, 438
"""The first one's number is that of amd64."""
ASKS = (
    ("journalctl", "--unit=hakeeper", "--output=export", "--no-pager"),
    ("systemctl", "show", "--all", "hakeeper"),
    ("systemctl", "status", "--full", "--no-pager", "hakeeper"),
    ("systemctl", "cat", "hakeeper"),
    ("busctl", "call", MANAGER[0], UNIT, "org.freedesktop.DBus.Properties", "GetAll", "s", ""),
    ("systemd-creds", "cat", "hcloud-token"),
    ("hakeeper", "status"),
    ("hakeeper", "status", "--json"),
    ("hakeeper", "check"),
    ("hakeeper", "check", "--online"),
)
"""Questions that anybody may ask: what they say must not hold the token."""
ORDERS = (
    *(
        ("systemctl", verb, "hakeeper")
        for verb in ("stop", "restart", "try-restart", "reload", "kill", "mask", "disable")
    ),
    ("systemctl", "stop", "keepalived"),
    ("systemctl", "set-property", "hakeeper", "MemoryMax=1"),
    ("systemctl", "set-environment", "LD_PRELOAD=/tmp/own.so"),
    ("systemctl", "daemon-reload"),
    ("systemctl", "link", "/tmp/hakeeper.service"),
    ("systemd-run", "--property=User=hakeeper", "true"),
    ("systemd-run", "--property=LoadCredential=t:/etc/hakeeper/token", "true"),
    (
        "busctl",
        "call",
        *MANAGER,
        f"{MANAGER[0]}.Manager",
        "StopUnit",
        "ss",
        "hakeeper.service",
        "fail",
    ),
    (
        "busctl",
        "call",
        *MANAGER,
        f"{MANAGER[0]}.Manager",
        "KillUnit",
        "ssi",
        "hakeeper.service",
        "all",
        "9",
    ),
    (
        *("busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus"),
        *("org.freedesktop.DBus", "RequestName", "su", "org.keepalived.Vrrp1", "4"),
    ),
    ("hakeeper", "reload"),
)
"""All of them must be refused."""
COMMANDS = ("reload", "stop", "claim", "release", "pause", "run")
libc = ctypes.CDLL(None, use_errno=True)


def outcome(attempt: Callable[..., object], *arguments: object) -> str:
    """Say how it is refused, or that it is not."""
    try:
        attempt(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "refused")
    return "ALLOWED"


def syscall(number: int, *arguments: object) -> int:
    """Return what a system call returns; raises OSError for its error."""
    whole = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return called(libc.syscall(ctypes.c_long(number), *whole))


def called(result: int) -> int:
    """Return what a function of the C library has returned; raises OSError for its error."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


# --- secrets ---------------------------------------------------------------------------------


def holders(needle: bytes) -> Iterator[str]:
    """Name the files that we can read and that hold it."""
    for folder in FOLDERS:
        for parent, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(parent, name)  # noqa: PTH118
                with contextlib.suppress(OSError):
                    if stat.S_ISREG(os.lstat(path).st_mode) and needle in content(path):
                        yield path
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        if int(process.name) != os.getpid():
            for path in map(str, process.glob("*")):
                with contextlib.suppress(OSError):
                    if os.path.isfile(path) and needle in content(path):  # noqa: PTH113
                        yield path


def content(path: str) -> bytes:
    """Return what is in a file, of what has no end the beginning."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
        return file.read(64 << 20) or b""


def first_byte(path: pathlib.Path) -> bytes:
    """Return it: some files of /proc are refused only now."""
    with path.open("rb") as file:
        return file.read(1)


def of_the_process(pid: int) -> dict[str, str]:
    """Try to look into a process, and to act on it."""
    process = pathlib.Path(f"/proc/{pid}")
    tried = {name: outcome(first_byte, process / name) for name in OF_ITS_OWN}
    for name in ("fd", "fdinfo", "map_files"):
        tried[name] = outcome(os.listdir, process / name)
    for name in ("root", "cwd", "exe", "ns/mnt"):
        tried[name] = outcome((process / name).readlink)
    room = ctypes.create_string_buffer(64)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(room), 64)
    tried |= {
        "below root": outcome(os.listdir, process / "root/etc"),
        "of its thread": outcome((process / f"task/{pid}/environ").read_bytes),
        "attach": outcome(lambda: called(libc.ptrace(PTRACE_ATTACH, pid, 0, 0))),
        "seize": outcome(lambda: called(libc.ptrace(PTRACE_SEIZE, pid, 0, 0))),
        "read its memory": outcome(lambda: syscall(PROCESS_VM_READV, pid, vector, 1, vector, 1, 0)),
        "take a descriptor": outcome(
            lambda: syscall(PIDFD_GETFD, syscall(PIDFD_OPEN, pid, 0), 0, 0)
        ),
        "let it dump core": outcome(
            lambda: resource.prlimit(pid, resource.RLIMIT_CORE, (1 << 30, 1 << 30))
        ),
        "abort it": outcome(os.kill, pid, signal.SIGABRT),
        "have it reload": outcome(os.kill, pid, signal.SIGHUP),
    }
    return tried


# --- files ----------------------------------------------------------------------------------------


def of_the_folders() -> dict[str, str]:
    """Try to put something into folders, and to change what is there."""
    tried: dict[str, str] = {}
    for folder in TRUSTED:
        own = pathlib.Path(folder) / "own"
        tried |= {
            f"{folder}: create": outcome(own.touch),
            f"{folder}: mkdir": outcome(own.mkdir),
            f"{folder}: symlink": outcome(own.symlink_to, "/etc/shadow"),
            f"{folder}: mkfifo": outcome(os.mkfifo, own),
            f"{folder}: chmod": outcome(own.parent.chmod, 0o777),
        }
        with contextlib.suppress(PermissionError):  # it may not even be listed
            entries = [entry for entry in own.parent.iterdir() if not entry.is_symlink()]
            for entry, other in zip(entries, entries[1:] + entries[:1], strict=True):
                tried |= of_the_entry(entry)
                if entry != other:
                    tried[f"{entry}: swap"] = outcome(exchange, entry, other)
    return tried


def of_the_entry(entry: pathlib.Path) -> dict[str, str]:
    """Try to change one thing."""
    tried = {
        f"{entry}: chmod": outcome(entry.chmod, 0o777),
        f"{entry}: chown": outcome(os.chown, entry, os.getuid(), -1),
        f"{entry}: rename": outcome(entry.rename, f"{entry}.own"),
    }
    if not entry.is_dir():
        tried[f"{entry}: unlink"] = outcome(entry.unlink)
    if entry.is_file():
        tried[f"{entry}: write"] = outcome(lambda: os.close(os.open(entry, os.O_WRONLY)))
    return tried


def exchange(one: pathlib.Path, other: pathlib.Path) -> None:
    """Swap two names."""
    names = (os.fsencode(one), os.fsencode(other))
    called(libc.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE))


def of_the_fifo() -> dict[str, str]:
    """Try to hear and to say what keepalived says."""
    seen = os.open(FIFO, os.O_PATH)
    again = f"/proc/self/fd/{seen}"
    modes = {"read": os.O_RDONLY, "write": os.O_WRONLY, "both": os.O_RDWR}
    tried = {
        f"{how}, {name}": outcome(os.open, path, mode | os.O_NONBLOCK)
        for how, path in (("by its name", FIFO), ("by a descriptor", again))
        for name, mode in modes.items()
    }
    tried["a name of its own"] = outcome(os.link, FIFO, "/run/lock/own")
    return tried


def of_private_folders() -> dict[str, str]:
    """Try to come into, and to put away, what the service has for /tmp and /var/tmp."""
    tried: dict[str, str] = {}
    for folder in ("/tmp", "/var/tmp"):
        own = pathlib.Path(folder) / "own"
        own.mkdir()
        for entry in pathlib.Path(folder).glob("systemd-private-*hakeeper*"):
            tried[f"{folder}: enter"] = outcome(os.listdir, entry)
            tried[f"{folder}: rename"] = outcome(entry.rename, own.parent / "other")
            tried[f"{folder}: remove"] = outcome(entry.rmdir)
            tried[f"{folder}: swap"] = outcome(exchange, entry, own)
    return tried


# --- words ----------------------------------------------------------------------------------------


def said(argv: tuple[str, ...]) -> "subprocess.CompletedProcess[bytes]":
    """Run a command."""
    return subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def answer(request: bytes) -> str:
    """Return what the service says to a request."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        try:
            client.connect(CONTROL)
        except PermissionError as error:
            return errno.errorcode[error.errno or 0]
        client.sendall(request)
        return client.makefile("r", encoding="utf-8", errors="replace").read()


def main(pid: int, token: str) -> None:
    """Try everything, and print what came of it."""
    needle = token.encode()
    answers = {
        command: answer(json.dumps({"command": command}).encode() + b"\n") for command in COMMANDS
    }
    asked = {" ".join(argv): said(argv).stdout for argv in ASKS}
    asked["the socket"] = "".join([*answers.values(), answer(b'{"command": "status"}\n')]).encode()
    found = {
        "process": of_the_process(pid),
        "folders": of_the_folders(),
        "fifo": of_the_fifo(),
        "private": of_private_folders(),
        "commands": answers,
        "orders": {" ".join(argv): said(argv).returncode for argv in ORDERS},
        "journal": asked[" ".join(ASKS[0])].decode(errors="replace"),
        "held by": [*holders(needle), *(what for what, text in asked.items() if needle in text)],
        "finds": needle in content_of_own(needle),
    }
    sys.stdout.write(json.dumps(found))


def content_of_own(needle: bytes) -> bytes:
    """Show that one would be found where it can be."""
    own = pathlib.Path(f"/tmp/{time.monotonic_ns()}")
    own.write_bytes(needle)
    try:
        return needle if str(own) in set(holders(needle)) else b""
    finally:
        own.unlink()
