"""A real systemd-journald in namespaces of its own.

Its socket has the usual path, but only processes started through `run` or `popen` see it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import eventually

JOURNALD = Path("/lib/systemd/systemd-journald")

_CONFIG = """[Journal]
Storage=volatile
RateLimitIntervalSec=0
ReadKMsg=no
Audit=
ForwardToSyslog=no
ForwardToKMsg=no
ForwardToConsole=no
ForwardToWall=no
"""

_PLACES = (("mount", "ns/mnt"), ("net", "ns/net"), ("root", "root"))

# The shell stays: it holds the namespace while journald comes and goes.
_HOLDER = """
set -e
mount -t tmpfs -o mode=755 tmpfs /run
# journald wants to see control groups, which a plain chroot may not have.
case "$(stat -f -c %T /sys/fs/cgroup)" in
    cgroup2fs | tmpfs) ;;
    *) mount -t cgroup2 cgroup2 /sys/fs/cgroup ;;
esac
mkdir -p /run/systemd/journald.conf.d /run/systemd/journal /run/log/journal
[ -z "$2" ] || echo "$2" > /proc/sys/net/unix/max_dgram_qlen
printf '%s' "$1" > /run/systemd/journald.conf.d/test.conf
echo ready
read -r _ || true
"""


@dataclass
class Journald:
    """One namespace and the journald in it."""

    holder: subprocess.Popen[str]
    daemon: subprocess.Popen[bytes] | None = None

    @property
    def _root(self) -> Path:
        return Path(f"/proc/{self.holder.pid}/root")

    def inside(self, command: Sequence[str]) -> list[str]:
        """Prefix a command so that it runs in the namespace."""
        # The root is named too: entering a mount namespace from a chroot would leave the chroot.
        places = [f"--{kind}=/proc/{self.holder.pid}/{path}" for kind, path in _PLACES]
        return ["nsenter", *places, f"--wdns={Path.cwd()}", *command]

    def start(self) -> None:
        """Start journald and wait until its socket is there."""
        self.daemon = subprocess.Popen(
            self.inside([str(JOURNALD)]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        socket = self._root / "run/systemd/journal/socket"
        eventually(
            lambda: socket.is_socket() or self.daemon is None or self.daemon.poll() is not None,
            what="journald's socket",
        )
        assert self.daemon.poll() is None, "journald ended; the kernel log may say why"

    def stop(self) -> None:
        """End journald and remove its socket, as if it had never been there."""
        if self.daemon is not None:
            with contextlib.suppress(ProcessLookupError):
                self.daemon.send_signal(signal.SIGCONT)
                self.daemon.terminate()
            self.daemon.wait()
            self.daemon = None
        (self._root / "run/systemd/journal/socket").unlink(missing_ok=True)

    def freeze(self) -> None:
        """Stop journald from taking anything; its socket stays and fills."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGSTOP)
        eventually(self._is_frozen, what="journald frozen")

    def _is_frozen(self) -> bool:
        assert self.daemon is not None
        stat = Path(f"/proc/{self.daemon.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def thaw(self) -> None:
        """Let it go on."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def popen(self, code: str, *args: str) -> Iterator[subprocess.Popen[str]]:
        """Run Python code in the namespace, with pipes on all three streams.

        After an orderly end of the block the code is waited for, after a failure it is killed.
        """
        with subprocess.Popen(
            self.inside([sys.executable, "-c", code, *args]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise

    def run(self, code: str, *args: str) -> subprocess.CompletedProcess[str]:
        """Run Python code in the namespace to its end."""
        return subprocess.run(
            self.inside([sys.executable, "-c", code, *args]),
            capture_output=True,
            text=True,
            check=True,
            stdin=subprocess.DEVNULL,
        )

    def entries(self, *matches: str) -> list[dict[str, object]]:
        """Read back what the journal holds, oldest first, as journalctl's JSON."""
        folder = self._root / "run/log/journal"
        command = ["journalctl", "--directory", os.fspath(folder), "-o", "json", "--all"]
        found = subprocess.run([*command, *matches], capture_output=True, text=True, check=False)
        return [json.loads(line) for line in found.stdout.splitlines()]


@contextlib.contextmanager
def private_journald(queue_length: str = "") -> Iterator[Journald]:
    """Make the namespace and a running journald; take both away at the end.

    `queue_length` is how many datagrams its socket keeps; as the kernel has it where not given.
    """
    become_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    with subprocess.Popen(
        [
            "unshare",
            *become_root,
            "--mount",
            "--net",
            "sh",
            "-c",
            _HOLDER,
            "sh",
            _CONFIG,
            queue_length,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "ready\n"
        lab = Journald(holder)
        try:
            lab.start()
            yield lab
        finally:
            lab.stop()
            holder.stdin.close()
