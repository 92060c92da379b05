"""A server of a set-up: namespaces in which every path is what it is on a real one.

Network, mounts, processes and host name are its own: /run, /etc and /tmp are fresh, keepalived is
started as Debian's unit does, and the service's user exists. All of it ends with its process 1.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.waiting import LabError, wait_until

ROOT = Path(__file__).parents[2]
SERVICE_ID = 990
USER = "hakeeper"
_KEPT = ("alternatives", "iproute2", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf")
"""Of the machine's own /etc."""
_SPACES = ("--net", "--mount", "--pid", "--uts", "--ipc")
_PATIENCE_S = 20.0
_BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_type="method_return"/>
    <allow send_type="error"/>
    <allow send_type="signal"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <allow send_destination="org.keepalived.Vrrp1"
           send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.keepalived.Vrrp1"
           send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <policy user="root">
    <allow own="org.keepalived.Vrrp1"/>
    <allow send_destination="org.keepalived.Vrrp1"/>
  </policy>
</busconfig>
"""


def _hidden() -> dict[str, list[str]]:
    """Return the folders to put a fresh one over, and what of ours is kept below each.

    /tmp, since keepalived writes there; and what keeps other users from our interpreter.
    """
    needed = {str(Path(path).resolve()) for path in (ROOT, sys.prefix, sys.base_prefix)}
    hidden: dict[str, list[str]] = {"/tmp": []}
    for path in sorted(needed):
        for folder in reversed(Path(path).parents):
            if str(folder) in hidden or not folder.stat().st_mode & 0o001:
                hidden.setdefault(str(folder), []).append(path)
                break
    return hidden


def _script(name: str) -> str:
    lines = [
        "set -e",
        "trap '' CHLD",  # whatever is orphaned here is reaped by the kernel
        f"hostname {name}",
        "mount -t sysfs none /sys",  # with our interfaces
        "mount -t tmpfs -o mode=755 none /run",
        "mkdir -p /run/old /run/etc",
        "mount -t tmpfs -o mode=755 none /run/etc",
    ]
    lines += [f"if test -e /etc/{kept}; then cp -a /etc/{kept} /run/etc/; fi" for kept in _KEPT]
    lines += ["mount --move /run/etc /etc", "rmdir /run/etc"]
    for folder, kept_below in _hidden().items():
        mode, place = "1777" if folder == "/tmp" else "755", shlex.quote(folder)
        lines += [f"mount --bind {place} /run/old", f"mount -t tmpfs -o mode={mode} none {place}"]
        for path in kept_below:
            old = shlex.quote(f"/run/old/{PurePosixPath(path).relative_to(folder)}")
            lines += [
                f"mkdir -p {shlex.quote(path)}",
                f"mount --bind {old} {shlex.quote(path)}",
            ]
        lines.append("umount -l /run/old")
    lines += ["rmdir /run/old", "ip link set lo up", "echo up", "exec cat"]
    return "\n".join(lines)


class Server(Namespace):
    """One server, empty but for users, a bus and its host name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._processes: list[Process] = []
        self._holder = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "--", "unshare", *_SPACES),
                *("--fork", "--kill-child", "--mount-proc", "--propagation", "private"),
                *("--", "sh", "-c", _script(name)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"up\n":
            _, errors = self._holder.communicate()
            raise LabError(f"no server {name}: {errors.decode(errors='replace').strip()}")
        self._init = _child_of(self._holder.pid)
        self._furnish()

    @property
    def pid(self) -> int:
        return self._init

    def inside(self, argv: list[str]) -> list[str]:
        return ["nsenter", f"--target={self.pid}", *_SPACES, "--wd=/", "--", *argv]

    def as_service(self, argv: list[str]) -> list[str]:
        """Return the command that runs `argv` as hakeeper.service's user, with its rights."""
        who = (f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--inh-caps=-all")
        return ["setpriv", *who, "--bounding-set=-all", "--no-new-privs", "--", *argv]

    def _furnish(self) -> None:
        """Make what a Debian server with the package has."""
        people = {
            "root": 0, "daemon": 1, "www-data": 33, USER: SERVICE_ID, "nobody": 65534,
        }  # fmt: skip
        shells = {"root": "/bin/bash"}
        self.write(
            "/etc/passwd",
            "".join(
                f"{name}:x:{number}:{number}:{name}:/nonexistent:"
                f"{shells.get(name, '/usr/sbin/nologin')}\n"
                for name, number in people.items()
            ),
        )
        groups = {**people, "adm": 4}
        self.write("/etc/group", "".join(f"{name}:x:{n}:\n" for name, n in groups.items()))
        self.write("/etc/hostname", f"{self.name}\n")
        self.write("/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        self.write("/etc/bus.conf", _BUS)
        for folder in ("/etc/keepalived", "/etc/hakeeper", "/run/dbus", "/run/lock"):
            self.place(folder).mkdir()
        self.folder("/run/hakeeper", owner=0)
        self.folder("/run/hakeeper/daemon")
        self.make_fifo()
        self.run("mount", "-t", "tmpfs", "-o", "mode=755", "none", "/var/lib")
        self.folder("/var/lib/hakeeper", mode=0o700)

    # --- files -----------------------------------------------------------------------------

    def place(self, path: str) -> Path:
        """Return where a file of the server is for us."""
        return Path(f"/proc/{self.pid}/root{path}")

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644, owner: int = 0) -> None:
        """Write a file of the server; its folder is made."""
        place = self.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        place.chmod(mode)
        os.chown(place, owner, owner)

    def read(self, path: str) -> str:
        """Read a file; empty if there is none."""
        with contextlib.suppress(FileNotFoundError):
            return self.place(path).read_text(errors="replace")
        return ""

    def folder(self, path: str, *, mode: int = 0o755, owner: int = SERVICE_ID) -> None:
        """Make a folder of the service's user."""
        place = self.place(path)
        place.mkdir(parents=True)
        place.chmod(mode)
        os.chown(place, owner, owner)

    def make_fifo(self, path: str = "/run/hakeeper/notify.fifo", owner: int = SERVICE_ID) -> None:
        """Make a FIFO as systemd-tmpfiles does."""
        place = self.place(path)
        os.mkfifo(place, 0o600)
        place.chmod(0o600)
        os.chown(place, owner, owner)

    def holders(self, path: str) -> list[str]:
        """Return the names of the processes that have a file open."""
        wanted = self.place(path).stat()
        names = []
        for folder in self.place("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
                if any(_is_same(fd, wanted) for fd in (folder / "fd").iterdir()):
                    names.append((folder / "comm").read_text().strip())
        return names

    # --- programs --------------------------------------------------------------------------

    def runs(self, name: str) -> bool:
        """Say whether any process of this name is left; one that nobody has waited for is not."""
        for folder in self.place("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
                named, _, rest = (folder / "stat").read_text().rpartition(")")
                if named.partition("(")[2] == name and rest.split()[0] != "Z":
                    return True
        return False

    def start(
        self, argv: list[str], log: str, *, environment: Mapping[str, str] | None = None
    ) -> "Process":
        """Start a program that stays; its output goes to the file `log` of the server."""
        process = Process(self, argv, self.place(log), environment or {})
        self._processes.append(process)
        return process

    def start_bus(self) -> None:
        """Have the system's D-Bus."""
        argv = ["dbus-daemon", "--config-file=/etc/bus.conf", "--nofork", "--nopidfile"]
        self.start(argv, "/run/bus.log")
        socket = self.place("/run/dbus/system_bus_socket")
        wait_until(socket.exists, timeout_s=_PATIENCE_S, what="dbus-daemon to listen")

    def close(self) -> None:
        """End all processes of the server."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._init, signal.SIGKILL)
        super().close()
        for process in self._processes:
            process.reap()


class Process:
    """A program on a server. nsenter is its parent, and ends with its exit code."""

    def __init__(
        self, server: Server, argv: list[str], log: Path, environment: Mapping[str, str]
    ) -> None:
        with log.open("ab") as output:
            self._outer = subprocess.Popen(
                server.inside(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment_of(environment),
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._outer.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._outer.poll()

    def stop(self) -> int:
        """Stop it in order (SIGTERM), wait, and return the exit code."""
        if self.running:
            self.signal(signal.SIGTERM)
        return self._outer.wait(_PATIENCE_S)

    def close(self) -> None:
        """Stop it."""
        self.stop()

    def signal(self, number: int) -> None:
        """Send a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(_child_of(self._outer.pid), number)

    def reap(self) -> None:
        """Wait for its end, which was brought about."""
        self._outer.wait(_PATIENCE_S)


def _is_same(fd: Path, wanted: os.stat_result) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(fd.stat(), wanted)
    return False


def environment_of(more: Mapping[str, str]) -> dict[str, str]:
    """Return what systemd gives to a service, and `more`."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **more}


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")

    def first() -> int | None:
        words = children.read_text().split()
        return int(words[0]) if words else None

    return wait_until(first, timeout_s=_PATIENCE_S, what=f"a child of {pid}")
